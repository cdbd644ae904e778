-- Module cmdb: bound tables that are dropped or truncated outside mode enforce. The customer does so as before, and before the rows
-- are gone the ledger is told which.

CREATE FUNCTION release_mgmt_internal.warn_of_retirement(class text, items bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF items > 0 THEN
        RAISE WARNING USING MESSAGE = format('unauthorized retirement of %s configuration items of class "%s"', items, class),
            DETAIL = reason || ' In mode enforce it could not be.';
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.warn_of_retirement(text, bigint, text) IS 'What mode warn says where items of a class go with their table.';

-- What the role may not drop is left alone, for the server to refuse; so is what is in mode enforce, for the trigger rm_cmdb_drop.
CREATE FUNCTION release_mgmt_internal.let_go(relations oid[], schemas oid[], owners oid[], dropping_role oid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    leaving record;
BEGIN
    FOR leaving IN
        WITH RECURSIVE dropped (relid) AS (
            SELECT c.oid FROM pg_class AS c
            WHERE c.relkind IN ('r', 'p') AND (c.oid = ANY (relations) OR c.relnamespace = ANY (schemas) OR c.relowner = ANY (owners))
            UNION
            SELECT i.inhrelid FROM pg_inherits AS i JOIN dropped AS d ON i.inhparent = d.relid
        ), bound (source) AS (
            SELECT c.source FROM release_mgmt.ci_class AS c WHERE c.source IS NOT NULL
            UNION
            SELECT r.via FROM release_mgmt.ci_relation_class AS r WHERE r.via IS NOT NULL
        )
        SELECT g.id, g.source, g.mode, c.oid::regclass AS relation, c.relispartition,
               ARRAY(SELECT i.inhparent::regclass FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS parents
        FROM release_mgmt.governed_table AS g
        JOIN bound AS b ON b.source = g.source
        JOIN pg_class AS c ON c.oid = ANY (g.members::oid[])
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE g.mode <> 'enforce' AND c.oid IN (SELECT d.relid FROM dropped AS d)
          AND (c.oid = g.source OR g.source::oid NOT IN (SELECT d.relid FROM dropped AS d))
          AND (pg_has_role(dropping_role, c.relowner, 'USAGE') OR pg_has_role(dropping_role, n.nspowner, 'USAGE'))
        ORDER BY g.id, c.oid
    LOOP
        IF leaving.relation <> leaving.source THEN
            -- One of its own children may have gone with it already.
            CONTINUE WHEN NOT EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE g.id = leaving.id AND leaving.relation = ANY (g.members));
            IF leaving.relispartition THEN
                EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', leaving.parents[1], leaving.relation);
            ELSE
                EXECUTE format('ALTER TABLE %s %s', leaving.relation, (SELECT string_agg(format('NO INHERIT %s', p), ', ') FROM unnest(leaving.parents) AS p));
            END IF;
            CONTINUE;
        END IF;
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', leaving.source);
        CONTINUE WHEN EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE g.id = leaving.id AND g.mode = 'enforce');
        PERFORM release_mgmt_internal.warn_of_retirement(c.name, (SELECT count(*) FROM release_mgmt.ci AS i WHERE i.class = c.name AND i.retired_at IS NULL),
                                                         format('Table %s is being dropped.', leaving.source))
        FROM release_mgmt.ci_class AS c WHERE c.source = leaving.source AND leaving.mode = 'warn';
        PERFORM release_mgmt_internal.capture_table(leaving.id, 'delete');
        PERFORM release_mgmt.ungovern(leaving.source);
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.let_go(oid[], oid[], oid[], oid) IS
'What the event trigger rm_cmdb_let_go does: before tables in mode observe or warn are dropped, which a role names, or that lie in schemas or belong to owners that it names, records each of their rows as deleted and ends their governance (their classes are unbound when they are gone); partitions and children leave their parents.';

-- Partitions and children are truncated each by itself.
CREATE FUNCTION release_mgmt_internal.record_truncation(relation regclass) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    bound record;
    enforced record;
    retired bigint := 0;
BEGIN
    SELECT g.id, g.source, g.mode, c.name AS class, c.key_columns, release_mgmt_internal.where_known(c.source, c.condition) AS are_items,
           k.relkind = 'r' AS has_rows INTO bound
    FROM release_mgmt.governed_table AS g
    JOIN pg_class AS k ON k.oid = relation
    LEFT JOIN release_mgmt.ci_class AS c ON c.source = g.source
    WHERE relation = ANY (g.members) AND g.mode <> 'enforce'
      AND (c.name IS NOT NULL OR EXISTS (SELECT FROM release_mgmt.ci_relation_class AS r WHERE r.via = g.source))
    -- A transaction that sees the mode as it was before is told so.
    FOR SHARE OF g;
    IF NOT FOUND THEN
        FOR enforced IN SELECT b.class, b.source FROM release_mgmt_internal.bound_class_of(relation) AS b WHERE b.enforced LOOP
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not be truncated', relation),
                format('It holds configuration items of class "%s", whose retirement needs a plan.', enforced.class),
                'Delete what a release plans to retire. ' || release_mgmt_internal.hint_to_observe(enforced.source::text));
        END LOOP;
        RETURN NULL;
    END IF;
    IF bound.has_rows AND bound.class IS NOT NULL THEN
        EXECUTE format($sql$
            UPDATE release_mgmt.ci AS i SET retired_at = now()
            FROM (SELECT release_mgmt_internal.row_key(t.*, $1) AS key FROM ONLY %s AS t WHERE %s) AS k
            WHERE i.class = $2 AND i.key = k.key AND i.retired_at IS NULL $sql$, relation, bound.are_items)
        USING bound.key_columns, bound.class;
        GET DIAGNOSTICS retired = ROW_COUNT;
    END IF;
    IF bound.mode = 'warn' THEN
        PERFORM release_mgmt_internal.warn_of_retirement(bound.class, retired, format('Table %s is being truncated.', relation));
    END IF;
    IF bound.has_rows THEN
        PERFORM release_mgmt_internal.capture_rows(relation, bound.id, 'delete');
    END IF;
    RETURN coalesce(bound.class, '');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_truncation(regclass) IS
'Before TRUNCATE of a bound table that is not in mode enforce, or of a link table of relations: records each row as deleted, retires the items, and returns the class (empty for a link table). NULL: the table is neither, and may not be truncated. RM013 in mode enforce.';

-- With the search_path of whoever drops something by its name; what it asks, it asks as the owner.
CREATE FUNCTION release_mgmt_internal.let_go_of_dropped() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_let_go_of_dropped';
COMMENT ON FUNCTION release_mgmt_internal.let_go_of_dropped() IS
'Event trigger rm_cmdb_let_go: bound tables in mode observe or warn are dropped as their owners like, and the ledger tells which rows went.';
CREATE EVENT TRIGGER rm_cmdb_let_go ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION release_mgmt_internal.let_go_of_dropped();
ALTER EVENT TRIGGER rm_cmdb_let_go ENABLE ALWAYS;
