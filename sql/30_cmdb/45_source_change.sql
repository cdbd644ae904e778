-- Module cmdb: which transactions changed what baselines are made of, so that a session may keep one and know when it is old.
--
-- A kept baseline holds as long as the rows seen here are the same as when it was read: they come and go with the transactions
-- that wrote them, and each snapshot sees exactly the changes that it sees the rows of. Nobody waits for anybody.

CREATE TABLE release_mgmt_internal.source_change (
    source     text,
    changed_in xid8 DEFAULT pg_current_xact_id(),
    id         uuid DEFAULT release_mgmt.new_id(),
    CONSTRAINT source_change_pkey PRIMARY KEY (source, changed_in, id)
);
COMMENT ON TABLE release_mgmt_internal.source_change IS
'One row or more for each transaction that changed a source: of a bound class which rows there are or what installed_columns() names, or a table of the extension. Written by the trigger rm_80_ci on bound tables and by rm_95_source, pruned on the way. Not dumped: transaction numbers are this cluster''s own.';
COMMENT ON COLUMN release_mgmt_internal.source_change.source IS
'name of the class, or qualified name of the table; a row in the place of others that were pruned counts as one more change';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.source_change', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.note_source() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_note_source';
COMMENT ON FUNCTION release_mgmt_internal.note_source() IS 'Row trigger rm_95_source: notes that this transaction changed the table.';

CREATE FUNCTION release_mgmt_internal.is_source(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER rm_95_source AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.note_source()', source);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER rm_95_source', source);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_source(regclass) IS
'Has the changes of a table of the extension noted in source_change: called beside its CREATE TABLE, or by a module above.';
SELECT release_mgmt_internal.is_source('release_mgmt.ci_class'), release_mgmt_internal.is_source('release_mgmt.ci_relation_class');

CREATE FUNCTION release_mgmt_internal.prune_source_changes() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH past AS MATERIALIZED (
        SELECT o.ctid AS place, count(*) OVER (PARTITION BY o.source) AS notes FROM release_mgmt_internal.source_change AS o
        WHERE o.changed_in < pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())
    ), pruned AS (
        -- Who prunes at the same time takes other rows.
        DELETE FROM release_mgmt_internal.source_change AS c
        WHERE c.ctid = ANY (ARRAY(SELECT o.ctid FROM release_mgmt_internal.source_change AS o
                                  WHERE o.ctid IN (SELECT p.place FROM past AS p WHERE p.notes > 1)
                                  FOR UPDATE SKIP LOCKED))
        RETURNING c.source, c.changed_in
    )
    -- As the last of them, so that what was made after all of them stays as it is.
    INSERT INTO release_mgmt_internal.source_change (source, changed_in)
    SELECT DISTINCT ON (p.source) p.source, p.changed_in FROM pruned AS p ORDER BY p.source, p.changed_in DESC;
END;
COMMENT ON FUNCTION release_mgmt_internal.prune_source_changes() IS
'Puts one row in the place of all that transactions which ended noted of a source; one alone stays as it is. Called now and then by those that note something.';

-- A set of one row, so that it becomes part of the query that asks.
CREATE FUNCTION release_mgmt_internal.source_changes(sources text[], since xid8) RETURNS TABLE (present xid8, changes uuid[])
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
BEGIN ATOMIC
    SELECT s.oldest,
           ARRAY(SELECT c.id FROM release_mgmt_internal.source_change AS c
                 WHERE c.source = ANY (sources) AND c.changed_in >= coalesce(since, s.oldest) ORDER BY c.id)
    FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS oldest) AS s;
END;
COMMENT ON FUNCTION release_mgmt_internal.source_changes(text[], xid8) IS
'present: the oldest transaction that the snapshot takes to be running; changes: what those from since (NULL: from present) on noted of the sources, as far as the snapshot sees it. Two snapshots see the same in the sources where, from the first one''s present on, they see the same changes, and the second one''s present is not less.';
