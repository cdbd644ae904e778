-- Module cmdb, last part: DDL on bound tables.
--
-- Owners alter and drop their tables as before, what is dropped is recorded row by row, with two limits: nobody but a superuser takes
-- the trigger rm_80_ci away, replaces it or switches it off, and a table in mode enforce is not dropped, renamed, moved or rewritten by its owner, nor do
-- its columns go, change places or get values with their types, because each of these changes items without a plan. An inactive
-- database has no limits: there a dump is being restored.

CREATE FUNCTION release_mgmt_internal.hint_to_observe(VARIADIC source_names text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('A DBA puts the class into mode observe for the migration: SELECT %s.', string_agg(format('release_mgmt.govern(%L, ''observe'')', s), ', ' ORDER BY s)) FROM unnest(source_names) AS s;
END;
COMMENT ON FUNCTION release_mgmt_internal.hint_to_observe(text[]) IS 'How what mode enforce forbids is done to tables of these names, as a hint.';

CREATE FUNCTION release_mgmt_internal.refuse_columns(class text, source regclass, problems text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.refuse('ledger_protected', format('the columns of table %s may not change so', source),
        format(E'%s\nConfiguration items of class "%s" would have other values without a plan.', problems, class),
        release_mgmt_internal.hint_to_observe(source::text));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_columns(text, regclass, text) IS 'RM013: DDL would change items of a class in mode enforce by way of their columns.';

-- SECURITY DEFINER: whoever runs DDL holds no privilege on these tables. Compiling these queries would take longer than the DDL.
CREATE FUNCTION release_mgmt_internal.follow_drop() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    gone record;
BEGIN
    -- Most of what is dropped is no concern of any class.
    IF NOT EXISTS (
        SELECT FROM pg_event_trigger_dropped_objects() AS d
        WHERE d.object_type = 'trigger' AND d.address_names[3] = 'rm_80_ci'
           OR d.classid = 'pg_class'::regclass AND d.object_type IN ('table', 'table column')
              AND (d.objid IN (SELECT c.source FROM release_mgmt.ci_class AS c) OR d.objid IN (SELECT r.via FROM release_mgmt.ci_relation_class AS r)
                   OR EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE d.objid = ANY (g.members::oid[])))) THEN
        RETURN;
    END IF;
    IF release_mgmt_internal.is_active() AND NOT release_mgmt_internal.in_own_ddl() AND NOT release_mgmt_internal.caller_is_superuser() THEN
        FOR gone IN
            SELECT d.object_identity
            FROM pg_event_trigger_dropped_objects() AS d
            JOIN pg_class AS t ON t.oid = to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
            WHERE d.object_type = 'trigger' AND d.address_names[3] = 'rm_80_ci' AND EXISTS (SELECT FROM release_mgmt_internal.bound_class_of(t.oid))
        LOOP
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('trigger %s may not be dropped', gone.object_identity),
                'It keeps the configuration items of a bound table and guards them.',
                'A DBA frees the table with CALL release_mgmt.unbind_ci_class(class).');
        END LOOP;
        FOR gone IN
            SELECT b.class, b.source, string_agg(DISTINCT format('Column "%s" would be gone.', d.address_names[3]), E'\n') AS columns
            FROM pg_event_trigger_dropped_objects() AS d
            CROSS JOIN LATERAL release_mgmt_internal.bound_class_of(d.objid) AS b
            JOIN release_mgmt.ci_class AS c ON c.name = b.class
            JOIN release_mgmt.governed_table AS g ON g.source = c.source
            WHERE d.classid = 'pg_class'::regclass AND d.objsubid > 0 AND b.enforced AND d.address_names[3] <> ALL (c.exempt)
              -- Generated columns say nothing of their own; those of a child alone are not told apart.
              AND (d.objid <> c.source OR d.address_names[3] = ANY (g.column_names))
            GROUP BY b.class, b.source ORDER BY b.class
        LOOP
            PERFORM release_mgmt_internal.refuse_columns(gone.class, gone.source, gone.columns);
        END LOOP;
        FOR gone IN
            SELECT string_agg(d.object_identity, ', ' ORDER BY d.object_identity) AS tables, count(*) AS many,
                   string_agg(format('%s holds configuration items of class "%s", whose changes need a plan.', d.object_identity, c.name), E'\n' ORDER BY d.object_identity) AS problems,
                   array_agg(DISTINCT c.source_name) AS sources
            FROM pg_event_trigger_dropped_objects() AS d
            JOIN release_mgmt.governed_table AS g ON d.objid = ANY (g.members::oid[])
            JOIN release_mgmt.ci_class AS c ON c.source = g.source
            WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND g.mode = 'enforce'
            HAVING count(*) > 0
        LOOP
            PERFORM release_mgmt_internal.refuse('ledger_protected', format('%s %s may not be dropped', CASE gone.many WHEN 1 THEN 'table' ELSE 'tables' END, gone.tables), gone.problems,
                release_mgmt_internal.hint_to_observe(VARIADIC gone.sources));
        END LOOP;
    END IF;
    FOR gone IN
        SELECT d.object_identity, c.name AS class
        FROM pg_event_trigger_dropped_objects() AS d
        JOIN release_mgmt.ci_class AS c ON c.source = d.objid
        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
        ORDER BY c.name
    LOOP
        UPDATE release_mgmt.ci_class AS c SET source = NULL WHERE c.name = gone.class;
        DELETE FROM release_mgmt.ci_relation_class AS r WHERE gone.class IN (r.from_class, r.to_class);
        UPDATE release_mgmt.ci AS i SET retired_at = now() WHERE i.class = gone.class AND i.retired_at IS NULL;
    END LOOP;
    DELETE FROM release_mgmt.ci_relation_class AS r
    USING pg_event_trigger_dropped_objects() AS d WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND r.via = d.objid;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_drop() IS
'Event trigger rm_cmdb_drop: unbinds the class of a dropped table; refuses to drop the guard (RM013), or a table in mode enforce or columns of one.';
-- Whatever is dropped may take columns along: a type, a domain, a function.
CREATE EVENT TRIGGER rm_cmdb_drop ON sql_drop
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
        SELECT DISTINCT b.class, b.source, b.source_name, b.enforced, g.members::oid[] AS members,
               ARRAY(SELECT m::oid FROM release_mgmt_internal.bound_relations(b.source) AS m) AS relations
        FROM pg_event_trigger_ddl_commands() AS d
        CROSS JOIN LATERAL (
            SELECT d.objid::regclass WHERE d.classid = 'pg_class'::regclass
            UNION ALL
            SELECT t.tgrelid FROM pg_trigger AS t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
            UNION ALL
            -- Typed tables of a composite type; an index has no type, and most tables are of none.
            SELECT c.oid FROM pg_class AS o JOIN pg_class AS c ON c.reloftype = o.reltype
            WHERE d.classid = 'pg_class'::regclass AND o.oid = d.objid AND o.reltype <> 0
            UNION ALL
            -- With its schema a table gets another name.
            SELECT c.source FROM release_mgmt.ci_class AS c JOIN pg_class AS s ON s.oid = c.source
            WHERE d.classid = 'pg_namespace'::regclass AND s.relnamespace = d.objid) AS r (relation)
        CROSS JOIN LATERAL (
            -- Most tables inherit nothing, and hold nothing that is governed.
            SELECT c.* FROM release_mgmt_internal.classes_touched_by(r.relation) AS c
            WHERE EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE r.relation = ANY (g.members))
               OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = r.relation) OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = r.relation)
        ) AS b
        JOIN release_mgmt.governed_table AS g ON g.source = b.source
        ORDER BY b.class
    LOOP
        IF NOT release_mgmt_internal.caller_is_superuser() THEN
            SELECT string_agg(p, E'\n') INTO problems FROM (
                -- What has only just come has no trigger yet.
                SELECT coalesce((SELECT format('%s would hold configuration items of class "%s" as well, and an item is of one class.', p.relation, min(o.class))
                                 FROM release_mgmt_internal.bound_class_of(p.relation) AS o WHERE o.class <> touched.class HAVING count(*) > 0),
                                format('Trigger rm_80_ci of %s is renamed, replaced, switched off, or no longer fires ALWAYS.', p.relation))
                FROM release_mgmt_internal.guard_problems(touched.class, touched.source) AS p
                WHERE p.finding <> 'missing' OR p.relation::oid = ANY (touched.members)) AS x (p);
            IF problems IS NOT NULL THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('the governance of table %s may not be weakened', touched.source_name), problems,
                    format('A DBA frees the table with CALL release_mgmt.unbind_ci_class(%L).', touched.class));
            END IF;
            IF touched.enforced THEN
                IF touched.source::text <> touched.source_name THEN
                    PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not get another name', touched.source_name),
                        format('It would be called %s, and another table could take its place. It holds the configuration items of class "%s", whose changes need a plan.', touched.source, touched.class),
                        release_mgmt_internal.hint_to_observe(touched.source_name));
                END IF;
                SELECT string_agg(p, E'\n') INTO problems FROM release_mgmt_internal.column_problems(touched.class) AS p;
                IF problems IS NOT NULL THEN
                    PERFORM release_mgmt_internal.refuse_columns(touched.class, touched.source, problems);
                END IF;
            END IF;
        END IF;
        PERFORM release_mgmt_internal.follow_renames(touched.class);
        UPDATE release_mgmt.ci_class AS c SET source_name = touched.source::text
        WHERE c.name = touched.class AND c.source_name <> touched.source::text;
        -- A partition or child has come, with its rows, or gone.
        IF NOT (touched.relations @> touched.members AND touched.members @> touched.relations) THEN
            PERFORM release_mgmt_internal.attach_ci_trigger(touched.class, touched.source);
            PERFORM release_mgmt_internal.run_own_ddl(format('DROP TRIGGER rm_80_ci ON %s', t.tgrelid::regclass))
            FROM pg_trigger AS t
            WHERE t.tgrelid = ANY (touched.members) AND t.tgrelid <> ALL (touched.relations) AND t.tgname = 'rm_80_ci' AND t.tgparentid = 0;
            -- Where it can not be told which of its rows are items, nothing is done for them, and nothing by way of them.
            SELECT f.changed INTO changed
            FROM release_mgmt.ci_class AS c CROSS JOIN LATERAL release_mgmt_internal.fill_ci(c.name) AS f
            WHERE c.name = touched.class
              AND (release_mgmt_internal.condition_problem(c.source, c.condition) IS NULL OR touched.enforced AND NOT release_mgmt_internal.caller_is_superuser());
            IF changed > 0 AND touched.enforced AND NOT release_mgmt_internal.caller_is_superuser() THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s may not gain or lose rows this way', touched.source),
                    format('%s configuration items of class "%s" would come or go without a plan.', changed, touched.class),
                    release_mgmt_internal.hint_to_observe(touched.source::text));
            END IF;
        END IF;
    END LOOP;
    PERFORM release_mgmt_internal.follow_link_members();
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_alter() IS
'Event trigger rm_cmdb_alter: guards new partitions and inheritance children, lets go of those that left, also of link tables; refuses to replace the guard or to switch it off (RM013), and, in mode enforce, to rename a table, or to give items other values by way of its columns.';
CREATE EVENT TRIGGER rm_cmdb_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE SCHEMA', 'ALTER SCHEMA', 'ALTER INDEX',
                 'ALTER TYPE')
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
            release_mgmt_internal.hint_to_observe(bound.source::text));
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.guard_rewrite() IS 'Event trigger rm_cmdb_rewrite: refuses that ALTER TABLE rewrites a table in mode enforce (RM013).';
CREATE EVENT TRIGGER rm_cmdb_rewrite ON table_rewrite EXECUTE FUNCTION release_mgmt_internal.guard_rewrite();
ALTER EVENT TRIGGER rm_cmdb_rewrite ENABLE ALWAYS;

CREATE FUNCTION release_mgmt_internal.refuse_altered_values() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    IF release_mgmt_internal.caller_is_superuser() THEN
        RETURN;
    END IF;
    FOR held IN
        SELECT b.class, b.source, string_agg(DISTINCT format('Column "%s" holds values of the type.', a.attname), E'\n') AS columns
        FROM pg_event_trigger_ddl_commands() AS d
        LEFT JOIN pg_class AS k ON d.classid = 'pg_class'::regclass AND k.oid = d.objid
        CROSS JOIN LATERAL release_mgmt_internal.columns_of_type(coalesce(k.reltype, d.objid)) AS t
        CROSS JOIN LATERAL release_mgmt_internal.bound_class_of(t.relid) AS b
        JOIN pg_attribute AS a ON a.attrelid = t.relid AND a.attnum = t.number AND a.attgenerated = ''
        JOIN release_mgmt.ci_class AS c ON c.name = b.class
        WHERE b.enforced AND a.attname <> ALL (c.exempt)
        GROUP BY b.class, b.source ORDER BY b.class
    LOOP
        PERFORM release_mgmt_internal.refuse_columns(held.class, held.source, held.columns);
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_altered_values() IS
'What the event trigger rm_cmdb_type does: RM013 where ALTER TYPE changed values that items in mode enforce hold, exempt columns aside.';

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.guard_type() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
AS 'MODULE_PATHNAME', 'rm_guard_type';
COMMENT ON FUNCTION release_mgmt_internal.guard_type() IS
'Event trigger rm_cmdb_type: refuses another name for an enum''s value, or other attributes of a composite type, where items in mode enforce hold such values (RM013).';
CREATE EVENT TRIGGER rm_cmdb_type ON ddl_command_end WHEN TAG IN ('ALTER TYPE')
    EXECUTE FUNCTION release_mgmt_internal.guard_type();
ALTER EVENT TRIGGER rm_cmdb_type ENABLE ALWAYS;
