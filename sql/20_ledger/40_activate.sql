-- Module ledger: activation.

CREATE FUNCTION release_mgmt.activate(origin text) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current_base text;
    current_origin text;
    new_log uuid;
BEGIN
    LOCK TABLE release_mgmt.ledger_identity IN SHARE ROW EXCLUSIVE MODE;
    SELECT l.base, l.origin INTO current_base, current_origin
    FROM release_mgmt.ledger_identity AS i JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id;
    IF release_mgmt_internal.is_active() THEN
        IF current_base <> activate.origin THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('this database is active as "%s"', current_base),
                'A ledger keeps its origin for ever.', format('Call activate(%L), which does no harm, or nothing at all.', current_base));
        END IF;
        RETURN current_origin;
    END IF;
    INSERT INTO release_mgmt.ledger_log AS l (origin, base, epoch, opened_at)
    VALUES (activate.origin, activate.origin, 1, clock_timestamp())
    RETURNING l.id, l.origin INTO new_log, current_origin;
    INSERT INTO release_mgmt.ledger_identity (log_id, system_identifier, database_oid, extension_oid, activated_at)
    SELECT new_log, r.system_identifier, r.database_oid, r.extension_oid, clock_timestamp()
    FROM release_mgmt_internal.real_identity() AS r;
    PERFORM release_mgmt_internal.capture_table(t.id, 'baseline') FROM release_mgmt.governed_table AS t ORDER BY t.id;
    PERFORM release_mgmt_internal.record_schema_version(t.id) FROM release_mgmt.governed_table AS t ORDER BY t.id;
    RETURN current_origin;
END;
$$;
COMMENT ON FUNCTION release_mgmt.activate(text) IS
'Starts a ledger in this database under the origin, a name of your own that no other ledger bears, such as cmdb.example.org. Returns the log''s origin.
Errors: RM015 wrong_state where the database is active under another origin; 23514 where the origin holds blanks, + or empty parts.';
