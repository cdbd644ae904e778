-- Module cmdb, last part: DDL on bound tables.
--
-- Owners alter and drop their tables as before, with two limits: nobody but a superuser takes the trigger rm_80_ci away or
-- switches it off, and a table in mode enforce is not dropped, renamed, moved or rewritten by its owner, because each of
-- these changes items without a plan. An inactive database has no limits: there a dump is being restored.

CREATE FUNCTION release_mgmt_internal.bound_class_of(relation oid) RETURNS TABLE (class text, source regclass, source_name text, enforced boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE up (relation) AS (
        SELECT bound_class_of.relation
        UNION
        SELECT i.inhparent FROM pg_catalog.pg_inherits AS i JOIN up AS u ON i.inhrelid = u.relation
    )
    SELECT c.name, c.source, c.source_name, g.mode = 'enforce'
    FROM up AS u
    JOIN release_mgmt.ci_class AS c ON c.source = u.relation
    JOIN release_mgmt.governed_table AS g ON g.source = c.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.bound_class_of(oid) IS 'The classes that a table holds items of, itself or as partition or inheritance child.';

-- SECURITY DEFINER: whoever runs DDL holds no privilege on these tables. Compiling these queries would take longer than the DDL.
CREATE FUNCTION release_mgmt_internal.follow_drop() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    gone record;
BEGIN
    FOR gone IN
        SELECT d.object_identity, t.oid AS on_table
        FROM pg_event_trigger_dropped_objects() AS d
        JOIN pg_class AS t ON t.oid = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
        WHERE d.object_type = 'trigger' AND d.address_names[3] = 'rm_80_ci'
    LOOP
        IF release_mgmt_internal.is_active() AND NOT release_mgmt_internal.caller_is_superuser()
           AND EXISTS (SELECT FROM release_mgmt_internal.bound_class_of(gone.on_table)) THEN
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('trigger %s may not be dropped', gone.object_identity),
                'It keeps the configuration items of a bound table and guards them.',
                'A DBA frees the table with CALL release_mgmt.unbind_ci_class(class).');
        END IF;
    END LOOP;
    FOR gone IN
        SELECT d.object_identity, c.name AS class, g.mode
        FROM pg_event_trigger_dropped_objects() AS d
        JOIN release_mgmt.ci_class AS c ON c.source = d.objid
        LEFT JOIN release_mgmt.governed_table AS g ON g.source = d.objid
        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
        ORDER BY c.name
    LOOP
        IF gone.mode = 'enforce' AND release_mgmt_internal.is_active() AND NOT release_mgmt_internal.caller_is_superuser() THEN
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not be dropped', gone.object_identity),
                format('It holds the configuration items of class "%s", whose changes need a plan.', gone.class),
                format('A DBA frees the table with CALL release_mgmt.unbind_ci_class(%L).', gone.class));
        END IF;
        UPDATE release_mgmt.ci_class AS c SET source = NULL WHERE c.name = gone.class;
        DELETE FROM release_mgmt.ci_relation_class AS r WHERE gone.class IN (r.from_class, r.to_class);
        UPDATE release_mgmt.ci AS i SET retired_at = now() WHERE i.class = gone.class AND i.retired_at IS NULL;
    END LOOP;
    DELETE FROM release_mgmt.ci_relation_class AS r
    USING pg_event_trigger_dropped_objects() AS d WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND r.via = d.objid;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_drop() IS
'Event trigger rm_cmdb_drop: unbinds the class of a dropped table; refuses to drop the guard (RM013), or a table in mode enforce.';
CREATE EVENT TRIGGER rm_cmdb_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP TRIGGER', 'DROP FOREIGN TABLE', 'ALTER TABLE', 'DROP EXTENSION')
    EXECUTE FUNCTION release_mgmt_internal.follow_drop();
ALTER EVENT TRIGGER rm_cmdb_drop ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.follow_alter() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    touched record;
    problems text;
    changed bigint;
BEGIN
    IF NOT release_mgmt_internal.is_active() OR release_mgmt_internal.in_own_ddl() THEN
        RETURN;
    END IF;
    FOR touched IN
        SELECT DISTINCT b.class, b.source, b.source_name, b.enforced, r.relation,
               k.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = b.source) OR b.source <> r.relation AS many
        FROM pg_event_trigger_ddl_commands() AS d
        CROSS JOIN LATERAL (
            SELECT d.objid::regclass WHERE d.classid = 'pg_class'::regclass
            UNION ALL
            SELECT t.tgrelid FROM pg_trigger AS t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
            UNION ALL
            -- With its schema a table gets another name.
            SELECT c.source FROM release_mgmt.ci_class AS c JOIN pg_class AS s ON s.oid = c.source
            WHERE d.classid = 'pg_namespace'::regclass AND s.relnamespace = d.objid) AS r (relation)
        CROSS JOIN LATERAL release_mgmt_internal.bound_class_of(r.relation) AS b
        JOIN pg_class AS k ON k.oid = b.source
        ORDER BY b.class, r.relation
    LOOP
        IF NOT release_mgmt_internal.caller_is_superuser() THEN
            SELECT string_agg(p, E'\n') INTO problems FROM (
                SELECT format('Trigger rm_80_ci of %s is renamed, switched off, or no longer fires ALWAYS.', touched.relation)
                WHERE NOT (touched.many AND TG_TAG <> 'ALTER TRIGGER')
                  AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = touched.relation AND t.tgname = 'rm_80_ci' AND t.tgenabled = 'A')
                   OR EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = touched.relation AND t.tgname = 'rm_80_ci' AND t.tgenabled <> 'A')
                UNION ALL
                SELECT format('Table %s would be called %s.', touched.source_name, touched.source)
                WHERE touched.enforced AND touched.source::text <> touched.source_name) AS x (p);
            IF problems IS NOT NULL THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('the governance of table %s may not be weakened', touched.source_name), problems,
                    format('A DBA frees the table with CALL release_mgmt.unbind_ci_class(%L).', touched.class));
            END IF;
        END IF;
        PERFORM release_mgmt_internal.follow_renames(touched.class);
        SELECT string_agg(format('Key column "%s" is gone.', k), E'\n') INTO problems
        FROM release_mgmt.ci_class AS c CROSS JOIN unnest(c.key_columns) AS k
        WHERE c.name = touched.class AND touched.enforced AND NOT release_mgmt_internal.caller_is_superuser()
          AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = touched.source AND a.attname = k AND NOT a.attisdropped);
        IF problems IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('the governance of table %s may not be weakened', touched.source_name), problems,
                format('A DBA frees the table with CALL release_mgmt.unbind_ci_class(%L).', touched.class));
        END IF;
        UPDATE release_mgmt.ci_class AS c SET source_name = touched.source::text
        WHERE c.name = touched.class AND c.source_name <> touched.source::text;
        -- A partition or child may have come, with its rows, or gone.
        IF touched.many THEN
            PERFORM release_mgmt_internal.attach_ci_trigger(touched.class, touched.source);
            SELECT f.changed INTO changed FROM release_mgmt_internal.fill_ci(touched.class) AS f;
            IF changed > 0 AND touched.enforced AND NOT release_mgmt_internal.caller_is_superuser() THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not gain or lose rows this way', touched.source),
                    format('%s configuration items of class "%s" would come or go without a plan.', changed, touched.class),
                    format('A DBA puts the class into mode observe for the migration: release_mgmt.govern(%L, ''observe'').', touched.source));
            END IF;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_alter() IS
'Event trigger rm_cmdb_alter: guards new partitions and inheritance children; refuses to switch the guard off (RM013), or to rename a table in mode enforce.';
CREATE EVENT TRIGGER rm_cmdb_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TABLE AS', 'ALTER TRIGGER', 'ALTER SCHEMA', 'ALTER INDEX')
    EXECUTE FUNCTION release_mgmt_internal.follow_alter();
ALTER EVENT TRIGGER rm_cmdb_alter ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.guard_rewrite() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    bound record;
BEGIN
    IF NOT release_mgmt_internal.is_active() OR release_mgmt_internal.caller_is_superuser() THEN
        RETURN;
    END IF;
    FOR bound IN SELECT * FROM release_mgmt_internal.bound_class_of(pg_event_trigger_table_rewrite_oid()) AS b WHERE b.enforced LOOP
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not be rewritten', bound.source),
            format('A rewrite changes configuration items of class "%s" without a plan: ALTER COLUMN ... TYPE, or a new column with a volatile default.', bound.class),
            format('A DBA puts the class into mode observe for the migration: release_mgmt.govern(%L, ''observe'').', bound.source));
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.guard_rewrite() IS 'Event trigger rm_cmdb_rewrite: refuses that ALTER TABLE rewrites a table in mode enforce (RM013).';
CREATE EVENT TRIGGER rm_cmdb_rewrite ON table_rewrite EXECUTE FUNCTION release_mgmt_internal.guard_rewrite();
ALTER EVENT TRIGGER rm_cmdb_rewrite ENABLE ALWAYS;
