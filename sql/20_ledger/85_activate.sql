-- Module ledger: activation, of a new database and of one that was restored.

CREATE TABLE release_mgmt.activation_finding (
    id        uuid DEFAULT release_mgmt.new_id(),
    log_id    uuid NOT NULL,
    finding   text NOT NULL,
    log_index bigint,
    source    text,
    key       text,
    expected  text,
    found     text,
    found_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT activation_finding_pkey PRIMARY KEY (id),
    CONSTRAINT activation_finding_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.activation_finding IS
'What verification found where a database with a history was activated; columns as in verify_ledger(). log_id: the log under which it goes on.';
CREATE INDEX activation_finding_log_id_idx ON release_mgmt.activation_finding (log_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.activation_finding', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.activation_finding');

CREATE FUNCTION release_mgmt_internal.open_epoch(log_id uuid, checkpoint text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_open_epoch';
COMMENT ON FUNCTION release_mgmt_internal.open_epoch(uuid, text) IS 'Appends the first leaf of a log that follows another: the other''s last checkpoint.';

CREATE FUNCTION release_mgmt_internal.open_log(base text, epoch integer) RETURNS uuid
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    -- Later than every other, whatever the clock says: that is the order of the logs.
    INSERT INTO release_mgmt.ledger_log AS l (origin, base, epoch, opened_at)
    SELECT open_log.base || CASE open_log.epoch WHEN 1 THEN '' ELSE '/e' || open_log.epoch::text END, open_log.base, open_log.epoch,
           greatest(pg_catalog.clock_timestamp(), max(o.opened_at) + interval '1 microsecond')
    FROM release_mgmt.ledger_log AS o
    RETURNING l.id;
END;
COMMENT ON FUNCTION release_mgmt_internal.open_log(text, integer) IS 'Adds a log.';

CREATE FUNCTION release_mgmt_internal.write_identity(log_id uuid) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    INSERT INTO release_mgmt.ledger_identity (log_id, system_identifier, database_oid, extension_oid, activated_at)
    SELECT write_identity.log_id, r.system_identifier, r.database_oid, r.extension_oid, pg_catalog.clock_timestamp()
    FROM release_mgmt_internal.real_identity() AS r
    ON CONFLICT ON CONSTRAINT ledger_identity_pkey DO UPDATE
    SET log_id = excluded.log_id, system_identifier = excluded.system_identifier, database_oid = excluded.database_oid,
        extension_oid = excluded.extension_oid, activated_at = excluded.activated_at;
END;
COMMENT ON FUNCTION release_mgmt_internal.write_identity(uuid) IS 'Makes this database the one that writes to the log.';

CREATE FUNCTION release_mgmt_internal.adopt_tables() RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    -- In a restored table block and transaction numbers do not mean what they meant, and there are no gaps where columns were dropped.
    UPDATE release_mgmt.ledger_baseline SET begun = NULL, filenode = 0;
    UPDATE release_mgmt.ledger_head SET seen_before = NULL, not_seen_from = NULL;
    UPDATE release_mgmt.governed_table AS t
    SET column_numbers = ARRAY(SELECT a.attnum
                               FROM pg_catalog.unnest(t.column_names) WITH ORDINALITY AS c (name, position)
                               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.source AND a.attname = c.name
                               ORDER BY c.position)
    WHERE NOT t.builtin AND EXISTS (SELECT FROM pg_catalog.pg_class AS r WHERE r.oid = t.source)
      AND pg_catalog.cardinality(t.column_names) = (
          SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = t.source AND a.attname = ANY (t.column_names) AND a.attnum > 0);
    UPDATE release_mgmt.governed_table AS t
    SET child_numbers = n.numbers
    FROM release_mgmt.governed_table AS g
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(a.attnum ORDER BY c.position) AS numbers
        FROM ROWS FROM (pg_catalog.unnest(g.child_sources), pg_catalog.unnest(g.child_names)) WITH ORDINALITY AS c (source, name, position)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.source AND a.attname = c.name) AS n
    WHERE t.id = g.id AND pg_catalog.cardinality(n.numbers) = pg_catalog.cardinality(t.child_names);
END;
COMMENT ON FUNCTION release_mgmt_internal.adopt_tables() IS 'Notes the attribute numbers that governed tables have in this database.';

CREATE FUNCTION release_mgmt_internal.record_baseline() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed record;
BEGIN
    -- Row by row, so that the locks are taken in one order; versions last, so that they are recorded once.
    FOR governed IN SELECT t.id FROM release_mgmt.governed_table AS t JOIN pg_class AS c ON c.oid = t.source ORDER BY t.id LOOP
        PERFORM release_mgmt_internal.capture_table(governed.id, 'baseline');
        PERFORM release_mgmt_internal.finish_baseline(governed.id);
    END LOOP;
    FOR governed IN SELECT t.id FROM release_mgmt.governed_table AS t JOIN pg_class AS c ON c.oid = t.source ORDER BY t.id LOOP
        PERFORM release_mgmt_internal.record_schema_version(governed.id);
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_baseline() IS 'Records every row of every governed table as it stands, and the tables'' schemas.';

CREATE FUNCTION release_mgmt_internal.record_differences(findings release_mgmt.activation_finding[]) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH differs AS MATERIALIZED (
        SELECT t.id, t.source, f.finding, f.key
        FROM pg_catalog.unnest(findings) AS f
        JOIN release_mgmt.governed_table AS t
            ON EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                       WHERE c.oid = t.source AND f.source = pg_catalog.format('%I.%I', n.nspname, c.relname))
        WHERE f.finding IN ('row changed', 'row added', 'row missing')
    ), departed AS MATERIALIZED (
        SELECT d.id, release_mgmt_internal.capture_departure(d.id, d.key) FROM differs AS d WHERE d.finding = 'row missing' ORDER BY d.id, d.key
    ), recorded AS MATERIALIZED (
        SELECT d.id, release_mgmt_internal.capture_table(d.id, 'baseline')
        FROM (SELECT DISTINCT n.id FROM differs AS n) AS d
        ORDER BY d.id
    )
    SELECT count(*) FROM departed AS d FULL JOIN recorded AS r USING (id);
END;
COMMENT ON FUNCTION release_mgmt_internal.record_differences(release_mgmt.activation_finding[]) IS
'Records the rows of tables in which rows were changed, added or removed while nobody captured it, as they stand, and the keys that are gone.';

CREATE FUNCTION release_mgmt_internal.activate_again(origin text, continue_from text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former release_mgmt.ledger_log;
    next_log uuid;
    definitions integer;
    findings release_mgmt.activation_finding[];
    last_checkpoint text;
BEGIN
    SELECT l.* INTO former FROM release_mgmt.ledger_identity AS i JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id;
    PERFORM release_mgmt_internal.adopt_tables(), release_mgmt_internal.replace_range_constructors();
    SELECT coalesce(array_agg(ROW(NULL, NULL, v.finding, v.log_index, v.source, v.key, v.expected, v.found, NULL)::release_mgmt.activation_finding), '{}')
    INTO findings
    FROM release_mgmt.verify_ledger(continue_from) AS v;

    -- The server that pg_upgrade leads to writes definitions in its own way; verification has held the rest of them against what was shipped.
    definitions := release_mgmt_internal.record_deparsed();
    IF definitions > 0 THEN
        findings := findings || ROW(NULL, NULL, 'definitions recorded anew', NULL, NULL, NULL, NULL,
                                    format('%s, as server version %s writes them', definitions, current_setting('server_version')), NULL)::release_mgmt.activation_finding;
    END IF;

    -- Active from here on, under the former log: what it holds pending goes into its tree.
    PERFORM release_mgmt_internal.write_identity(former.id);
    CALL release_mgmt.sequence_ledger();
    -- The whole tree, so that the next log answers for all of it; signed where it was signed to its end.
    last_checkpoint := release_mgmt_internal.checkpoint_of(former.id, former.origin);
    SELECT coalesce((SELECT k.note FROM release_mgmt.ledger_checkpoint AS k
                     WHERE k.log_id = former.id AND k.size = split_part(last_checkpoint, E'\n', 2)::bigint AND k.note ^@ last_checkpoint),
                    last_checkpoint) INTO last_checkpoint;

    IF former.base = activate_again.origin AND split_part(continue_from, E'\n', 1) = former.origin
       AND release_mgmt_internal.checkpoint_state(continue_from) IN ('signed', 'not checked')
       AND NOT EXISTS (SELECT FROM unnest(findings) AS f
                       WHERE f.finding LIKE ANY (ARRAY['checkpoint%', 'leaf%', 'tile%', 'head%', 'tree%', 'entry%'])) THEN
        next_log := former.id;
        PERFORM release_mgmt_internal.record_differences(findings);
        PERFORM release_mgmt_internal.record_schema_version(t.id)
        FROM release_mgmt.governed_table AS t JOIN pg_class AS c ON c.oid = t.source ORDER BY t.id;
    ELSE
        SELECT release_mgmt_internal.open_log(activate_again.origin, coalesce(max(l.epoch), 0) + 1) INTO next_log
        FROM release_mgmt.ledger_log AS l
        WHERE l.base = activate_again.origin;
        PERFORM release_mgmt_internal.open_epoch(next_log, last_checkpoint);
        PERFORM release_mgmt_internal.write_identity(next_log);
        PERFORM release_mgmt_internal.record_baseline();
    END IF;
    INSERT INTO release_mgmt.activation_finding (log_id, finding, log_index, source, key, expected, found)
    SELECT next_log, f.finding, f.log_index, f.source, f.key, f.expected, f.found
    FROM unnest(findings) AS f;
    RETURN (SELECT l.origin FROM release_mgmt.ledger_log AS l WHERE l.id = next_log);
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.activate_again(text, text) IS 'Activation of a database with a history; see activate().';

CREATE FUNCTION release_mgmt.activate(origin text, continue_from text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    current_log release_mgmt.ledger_log;
BEGIN
    LOCK TABLE release_mgmt.ledger_identity IN SHARE ROW EXCLUSIVE MODE;
    SELECT l.* INTO current_log FROM release_mgmt.ledger_identity AS i JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id;
    IF current_log.id IS NULL THEN
        PERFORM release_mgmt_internal.write_identity(release_mgmt_internal.open_log(activate.origin, 1));
        PERFORM release_mgmt_internal.record_baseline();
        RETURN activate.origin;
    END IF;
    IF NOT release_mgmt_internal.is_active() THEN
        RETURN release_mgmt_internal.activate_again(activate.origin, activate.continue_from);
    END IF;
    IF current_log.base <> activate.origin THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('this database is active as "%s"', current_log.base),
            'A ledger keeps its origin for ever.', format('Call activate(%L), which does no harm, or nothing at all.', current_log.base));
    END IF;
    RETURN current_log.origin;
END;
$$;
COMMENT ON FUNCTION release_mgmt.activate(text, text) IS
'Starts a ledger in this database under the origin, a name of your own that no other ledger bears, such as cmdb.example.org. Returns the log''s origin.
In a database that was restored or copied it verifies the whole ledger and keeps what differs in activation_finding. It then goes on with the same log if
continue_from, a signed checkpoint kept outside, is the log''s and fits; otherwise it opens the next epoch (origin/e2), whose first leaf holds the
checkpoint of the whole former log. In an active database it does nothing. Errors: RM015 wrong_state where it is active under another origin; 23514 where the origin holds
blanks, + or empty parts.';
