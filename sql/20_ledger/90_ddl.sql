-- Module ledger, last part: DDL on governed tables.
--
-- Schema changes are recorded: digests of rows speak of columns, so that each new schema is a version in the ledger, and
-- where it moves digests every row is recorded again in the same transaction. Nobody but a superuser takes governance away
-- otherwise than by ungovern(), but for owners who drop what is bound (module cmdb); what a superuser does is found by verify_ledger(). An inactive database has no limits:
-- there a dump is being restored.

CREATE FUNCTION release_mgmt_internal.caller_is_superuser() RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'rm_caller_is_superuser';
COMMENT ON FUNCTION release_mgmt_internal.caller_is_superuser() IS
'Whether the role in effect outside every SECURITY DEFINER function is a superuser, who can be detected, not stopped.';

CREATE FUNCTION release_mgmt_internal.governed_ancestors(relation oid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE up (relid) AS (
        SELECT relation
        UNION
        SELECT i.inhparent FROM pg_catalog.pg_inherits AS i JOIN up AS u ON i.inhrelid = u.relid
    )
    SELECT t.id FROM release_mgmt.governed_table AS t JOIN up AS u ON t.source = u.relid
    UNION
    SELECT t.id FROM release_mgmt.governed_table AS t WHERE relation = ANY (t.members::oid[]);
END;
COMMENT ON FUNCTION release_mgmt_internal.governed_ancestors(oid) IS
'The governed tables whose rows the relation holds, or held until this statement.';

CREATE FUNCTION release_mgmt_internal.governed_descendants(relation oid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE down (relid) AS (
        SELECT relation
        UNION
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN down AS d ON i.inhparent = d.relid
    )
    SELECT t.id FROM release_mgmt.governed_table AS t JOIN down AS d ON t.source = d.relid;
END;
COMMENT ON FUNCTION release_mgmt_internal.governed_descendants(oid) IS
'The governed tables that inherit from the relation: what is done to its columns is done to theirs.';

CREATE FUNCTION release_mgmt_internal.follow_members(table_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    current_members regclass[];
    member regclass;
BEGIN
    SELECT t.* INTO governed FROM release_mgmt.governed_table AS t WHERE t.id = table_id;
    current_members := ARRAY(SELECT m FROM release_mgmt_internal.members_of(governed.source) AS m);
    IF current_members @> governed.members AND governed.members @> current_members THEN
        RETURN;
    END IF;
    IF release_mgmt_internal.repeated_keys(governed.source, governed.key_columns) IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('rows that join governed table %s have keys that it has already', governed.source),
            format('Keys: %s.', release_mgmt_internal.repeated_keys(governed.source, governed.key_columns)), 'Give the rows other keys before.');
    END IF;
    IF EXISTS (SELECT FROM release_mgmt.governed_table AS t WHERE t.id <> table_id AND t.source = ANY (current_members)) THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('a table that is governed by itself can not become part of governed table %s', governed.source),
            (SELECT string_agg(format('Governed by itself: %s.', t.source), E'\n' ORDER BY t.source::text)
             FROM release_mgmt.governed_table AS t WHERE t.id <> table_id AND t.source = ANY (current_members)),
            'A row is recorded once. A DBA ends the governance of one of them with release_mgmt.ungovern(), which is recorded.');
    END IF;
    -- Rows came and went with their tables, and no trigger fired for them. What leaves is known by the columns that it had.
    FOR member IN SELECT m FROM unnest(governed.members) AS m JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r' WHERE m <> ALL (current_members) LOOP
        PERFORM release_mgmt_internal.capture_rows(member, table_id, 'delete');
    END LOOP;
    -- Before the DDL that follows, which comes here again.
    UPDATE release_mgmt.governed_table AS t SET members = current_members WHERE t.id = table_id;
    PERFORM release_mgmt_internal.record_child_columns(table_id);
    PERFORM release_mgmt_internal.attach_triggers(governed.source, table_id);
    FOR member IN SELECT m FROM unnest(current_members) AS m JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r' WHERE m <> ALL (governed.members) LOOP
        PERFORM release_mgmt_internal.capture_rows(member, table_id, 'baseline');
    END LOOP;
    FOR member IN SELECT m FROM unnest(governed.members) AS m JOIN pg_class AS c ON c.oid = m WHERE m <> ALL (current_members) LOOP
        PERFORM release_mgmt_internal.run_own_ddl(format('DROP TRIGGER rm_10_admit ON %s', member));
        IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = member AND g.tgname = 'rm_90_capture') THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('DROP TRIGGER rm_90_capture ON %s', member));
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.follow_members(uuid) IS
'Records the rows of partitions and children that joined the table (baseline) or left it (delete), and gives them triggers or takes these away.';

CREATE FUNCTION release_mgmt_internal.new_column_key(table_id uuid, name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT name || CASE WHEN n = 0 THEN '' ELSE '#' || n::text END
    FROM pg_catalog.generate_series(0, 10000) AS n
    WHERE NOT EXISTS (
        SELECT
        FROM release_mgmt.table_version AS v
        WHERE v.table_id = new_column_key.table_id AND name || CASE WHEN n = 0 THEN '' ELSE '#' || n::text END = ANY (v.column_keys || v.child_keys))
    ORDER BY n
    LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.new_column_key(uuid, text) IS 'A key that no column of the table has ever had: the name, or name#1, name#2, ...';

CREATE FUNCTION release_mgmt_internal.hint_for_key(source regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.format('A DBA opens a window for it with release_mgmt.begin_maintenance(), or ends the governance with release_mgmt.ungovern(%L).', source);
END;
COMMENT ON FUNCTION release_mgmt_internal.hint_for_key(regclass) IS 'What to do where the key of a governed table may not change.';

CREATE FUNCTION release_mgmt_internal.children_moved(table_id uuid, former release_mgmt.governed_table, last release_mgmt.table_version) RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH present AS (
        SELECT c.source, c.key, c.number
        FROM release_mgmt.governed_table AS t
        CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(t.child_sources), pg_catalog.unnest(t.child_keys), pg_catalog.unnest(t.child_numbers)) AS c (source, key, number)
        WHERE t.id = children_moved.table_id
    )
    SELECT p.source
    FROM present AS p
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.source AND a.attnum = p.number
    JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
    LEFT JOIN ROWS FROM (pg_catalog.unnest((last).child_keys), pg_catalog.unnest((last).child_types)) AS o (key, type) ON o.key = p.key
    WHERE o.type IS NULL AND (a.atthasmissing OR a.atthasdef OR a.attnotnull OR y.typtype = 'd' OR a.attnum < ANY ((former).child_numbers))
       OR o.type <> pg_catalog.format_type(a.atttypid, a.atttypmod)
    UNION
    SELECT o.source
    FROM ROWS FROM (pg_catalog.unnest((former).child_sources), pg_catalog.unnest((former).child_keys)) AS o (source, key)
    JOIN release_mgmt.governed_table AS t ON t.id = children_moved.table_id AND o.source = ANY (t.members)
    JOIN pg_catalog.pg_class AS c ON c.oid = o.source
    WHERE o.key NOT IN (SELECT p.key FROM present AS p);
END;
COMMENT ON FUNCTION release_mgmt_internal.children_moved(uuid, release_mgmt.governed_table, release_mgmt.table_version) IS
'The inheritance children whose rows have other digests than before, because of columns of their own that came and are not NULL, went, or are of another type. former and last: what governed_table and table_version said before.';

CREATE FUNCTION release_mgmt_internal.record_schema(table_id uuid, rows_moved boolean, retyped text[], computed text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    last release_mgmt.table_version;
    in_window CONSTANT boolean := release_mgmt_internal.in_maintenance(table_id);
    keys_moved boolean := false;
    new_key_columns text[];
    problems text;
    child regclass;
BEGIN
    SELECT t.* INTO governed FROM release_mgmt.governed_table AS t WHERE t.id = table_id;
    SELECT v.* INTO last FROM release_mgmt.table_version AS v WHERE v.table_id = record_schema.table_id ORDER BY v.version DESC LIMIT 1;
    -- govern() itself is under way.
    IF last.id IS NULL THEN
        RETURN;
    END IF;
    new_key_columns := ARRAY(
        SELECT a.attname::text
        FROM unnest(governed.key_columns) WITH ORDINALITY AS k (name, position)
        JOIN unnest(governed.column_names, governed.column_numbers) AS c (name, number) ON c.name = k.name
        JOIN pg_attribute AS a ON a.attrelid = governed.source AND a.attnum = c.number AND NOT a.attisdropped
        ORDER BY k.position);
    IF in_window AND NOT release_mgmt_internal.is_key(governed.source, new_key_columns)
       AND release_mgmt_internal.primary_key_of(governed.source) IS NOT NULL
    THEN
        new_key_columns := release_mgmt_internal.primary_key_of(governed.source);
        keys_moved := true;
    ELSIF cardinality(new_key_columns) < cardinality(governed.key_columns) THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('a key column of governed table %s may not be dropped', governed.source),
            format('Its rows are named by (%s).', array_to_string(governed.key_columns, ', ')),
            CASE WHEN in_window THEN 'Give it another primary key in the same ALTER TABLE.'
                 ELSE release_mgmt_internal.hint_for_key(governed.source) END);
    END IF;
    -- The ledger knows a row by its key's text, which stays between integers, and where strings get more room.
    SELECT string_agg(CASE WHEN o.name = ANY (computed) THEN format('Column "%s" would get other values.', o.name)
                           ELSE format('Column "%s" would become %s instead of %s.', o.name, n.type, o.type) END, E'\n') INTO problems
    FROM unnest(last.column_names, last.column_types) AS o (name, type)
    JOIN pg_attribute AS a ON a.attrelid = governed.source AND a.attname = o.name
    CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod)) AS n (type)
    WHERE o.name = ANY (retyped) AND o.name = ANY (governed.key_columns)
      AND (o.name = ANY (computed)
           OR NOT (o.type ~ '^(smallint|integer|bigint)$' AND n.type ~ '^(smallint|integer|bigint)$'
                   OR o.type ~ '^(text|character varying)' AND n.type IN ('text', 'character varying')
                   OR o.type ~ '^character varying\(' AND n.type ~ '^character varying\('
                      AND substring(n.type FROM '\d+')::integer >= substring(o.type FROM '\d+')::integer));
    IF problems IS NOT NULL AND NOT in_window THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('the key of governed table %s may not be rewritten', governed.source), problems,
            release_mgmt_internal.hint_for_key(governed.source));
    END IF;
    keys_moved := keys_moved OR problems IS NOT NULL;
    UPDATE release_mgmt.governed_table AS t
    SET key_columns = new_key_columns, column_keys = n.keys, column_names = n.names, column_numbers = n.numbers
    FROM (
        SELECT array_agg(coalesce(o.key, release_mgmt_internal.new_column_key(record_schema.table_id, c.name)) ORDER BY c.number) AS keys,
               array_agg(c.name ORDER BY c.number) AS names, array_agg(c.number ORDER BY c.number) AS numbers
        FROM release_mgmt_internal.columns_of(governed.source) AS s
        CROSS JOIN LATERAL unnest(s.names, s.numbers) AS c (name, number)
        LEFT JOIN unnest(governed.column_keys, governed.column_numbers) AS o (key, number) ON o.number = c.number) AS n
    WHERE t.id = record_schema.table_id
      AND (t.key_columns, t.column_keys, t.column_names, t.column_numbers) IS DISTINCT FROM (new_key_columns, n.keys, n.names, n.numbers);
    PERFORM release_mgmt_internal.record_child_columns(table_id);
    PERFORM release_mgmt_internal.record_schema_version(table_id);
    -- Digests move with a column that went, with one that came and is not NULL, and with a type.
    IF rows_moved OR keys_moved OR (
        SELECT NOT t.column_keys @> last.column_keys
               OR EXISTS (
                   SELECT
                   FROM unnest(t.column_keys, t.column_numbers) AS c (key, number)
                   JOIN pg_attribute AS a ON a.attrelid = t.source AND a.attnum = c.number
                   JOIN pg_type AS y ON y.oid = a.atttypid
                   LEFT JOIN unnest(last.column_keys, last.column_types) AS o (key, type) ON o.key = c.key
                   WHERE o.type IS NULL AND (a.atthasmissing OR a.atthasdef OR a.attnotnull OR y.typtype = 'd' OR a.attnum < ANY (governed.column_numbers))
                      OR o.type <> format_type(a.atttypid, a.atttypmod))
        FROM release_mgmt.governed_table AS t
        WHERE t.id = record_schema.table_id)
    THEN
        IF in_window THEN
            PERFORM release_mgmt_internal.note_moved(table_id, keys_moved);
        ELSE
            PERFORM release_mgmt_internal.capture_table(table_id, 'schema');
        END IF;
        RETURN;
    END IF;
    -- Those of a child's rows, with columns of its own.
    FOR child IN SELECT m FROM release_mgmt_internal.children_moved(table_id, governed, last) AS m LOOP
        IF in_window THEN
            PERFORM release_mgmt_internal.note_moved(table_id, false);
        ELSE
            PERFORM release_mgmt_internal.capture_rows(child, table_id, 'schema');
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_schema(uuid, boolean, text[], text[]) IS
'Records a governed table''s schema as it is now, and its rows where that moved their digests, or where rows_moved says that they may hold other values;
in a maintenance window notes that the rows are to be recorded at its end. retyped: columns that were given a type; computed: those of them whose values
were computed anew. Raises RM013 where a key column is gone or its text changed; in a window only where there is no other primary key.';

CREATE FUNCTION release_mgmt.record_schema(source regclass) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.require_active();
    SELECT release_mgmt_internal.follow_members(t.id), release_mgmt_internal.record_schema(t.id, true, '{}', '{}')
    FROM release_mgmt.governed_table AS t
    WHERE t.source = record_schema.source;
END;
COMMENT ON FUNCTION release_mgmt.record_schema(regclass) IS
'Records the schema and every row of a governed table that was altered while event triggers were off. For DBAs. Errors: RM001 inactive, RM013 where a key column is gone.';

CREATE FUNCTION release_mgmt_internal.columns_of_type(type oid) RETURNS TABLE (relid oid, number integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- Dependencies tell arrays, domains, ranges and columns of a type.
    WITH RECURSIVE holder (type) AS (
        SELECT columns_of_type.type
        UNION
        SELECT CASE WHEN d.classid = 'pg_type'::regclass THEN d.objid ELSE c.reltype END
        FROM holder AS h
        JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = h.type AND d.classid IN ('pg_type'::regclass, 'pg_class'::regclass)
        LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    )
    SELECT DISTINCT d.objid, d.objsubid
    FROM holder AS h
    JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = h.type AND d.classid = 'pg_class'::regclass AND d.objsubid > 0;
END;
COMMENT ON FUNCTION release_mgmt_internal.columns_of_type(oid) IS 'The columns whose values a type is part of: itself, or within arrays, domains, ranges and composite types.';

CREATE FUNCTION release_mgmt_internal.record_type(altered oid, values_changed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT t.id, t.source, string_agg(DISTINCT format('Column "%s" of its key holds values of the type.', a.attname), E'\n')
                               FILTER (WHERE a.attname = ANY (t.key_columns)) AS of_key
        FROM release_mgmt_internal.columns_of_type(altered) AS d
        JOIN release_mgmt.governed_table AS t ON d.relid = ANY (t.members::oid[])
        JOIN pg_attribute AS a ON a.attrelid = d.relid AND a.attnum = d.number AND a.attgenerated = ''
        GROUP BY t.id
        ORDER BY t.id
    LOOP
        IF values_changed AND held.of_key IS NOT NULL THEN
            IF NOT release_mgmt_internal.in_maintenance(held.id) THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('the key of governed table %s may not be rewritten', held.source), held.of_key,
                    release_mgmt_internal.hint_for_key(held.source));
            END IF;
            PERFORM release_mgmt_internal.note_moved(held.id, true);
        END IF;
        PERFORM release_mgmt_internal.record_schema(held.id, values_changed, '{}', '{}');
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_type(oid, boolean) IS
'Records the schema of every governed table with a column whose values an altered type is part of, and its rows where values changed.
Raises RM013 where such a column is part of a key, and no maintenance window of the table is open.';

CREATE FUNCTION release_mgmt_internal.follow_alter_of_governed(reshaped boolean, rows_moved boolean, retyped text[], computed text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    problems text;
BEGIN
    FOR governed IN
        SELECT t.*
        FROM release_mgmt.governed_table AS t
        WHERE t.id IN (
            SELECT g
            FROM pg_event_trigger_ddl_commands() AS d
            CROSS JOIN LATERAL (
                SELECT d.objid WHERE d.classid = 'pg_class'::regclass
                UNION ALL
                -- Typed tables of it; an index has no type, and most tables are of none.
                SELECT c.oid FROM pg_class AS o JOIN pg_class AS c ON c.reloftype = o.reltype
                WHERE d.classid = 'pg_class'::regclass AND o.oid = d.objid AND o.reltype <> 0
                UNION ALL
                SELECT g.tgrelid FROM pg_trigger AS g WHERE d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
                UNION ALL
                SELECT s.source FROM release_mgmt.governed_table AS s JOIN pg_class AS c ON c.oid = ANY (s.members::oid[])
                WHERE d.classid = 'pg_namespace'::regclass AND c.relnamespace = d.objid
                UNION ALL
                -- With its schema a type gets another name, which its columns are recorded by.
                SELECT s.source FROM release_mgmt.governed_table AS s
                JOIN pg_attribute AS a ON a.attrelid = ANY (s.members::oid[]) AND a.attnum > 0
                JOIN pg_type AS y ON y.oid = a.atttypid
                WHERE d.classid = 'pg_namespace'::regclass AND y.typnamespace = d.objid) AS r (relid)
            CROSS JOIN LATERAL (
                SELECT release_mgmt_internal.governed_ancestors(r.relid)
                UNION
                SELECT release_mgmt_internal.governed_descendants(r.relid) WHERE EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = r.relid)) AS k (g))
        ORDER BY t.id
    LOOP
        PERFORM release_mgmt_internal.follow_members(governed.id);
        PERFORM release_mgmt_internal.record_schema(governed.id, rows_moved, retyped, computed);
        IF NOT release_mgmt_internal.caller_is_superuser() THEN
            SELECT string_agg(format('Of table %s: %s: %s.', v.source, v.finding, v.key), E'\n') INTO problems
            FROM (SELECT * FROM release_mgmt_internal.verify_triggers(governed.source)
                  UNION ALL
                  SELECT * FROM release_mgmt_internal.verify_tables(governed.id)) AS v
            WHERE v.source IS NOT NULL AND NOT (v.finding = 'key not unique' AND release_mgmt_internal.in_maintenance(governed.id));
            IF problems IS NOT NULL THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('the governance of table %s may not be weakened', governed.source),
                    problems, format('A DBA ends it with release_mgmt.ungovern(%L), which is recorded.', governed.source));
            END IF;
        END IF;
    END LOOP;
    -- Rows of a table may be values of a column elsewhere, as those of a composite type are.
    IF reshaped THEN
        PERFORM release_mgmt_internal.record_type(c.reltype, true)
        FROM pg_event_trigger_ddl_commands() AS d
        JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE c.reltype <> 0
        GROUP BY c.reltype;
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.follow_alter_of_governed(boolean, boolean, text[], text[]) IS
'What the event trigger rm_ledger_alter does. reshaped: the columns of a relation or composite type were added, dropped or given a type; the others as in
record_schema().';

-- SECURITY DEFINER: whoever runs DDL holds no privilege on the ledger's tables. Compiling these queries would take longer than the DDL.
CREATE FUNCTION release_mgmt_internal.follow_alter_command() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
AS 'MODULE_PATHNAME', 'rm_follow_alter_command';
COMMENT ON FUNCTION release_mgmt_internal.follow_alter_command() IS
'Event trigger rm_ledger_alter: records schema versions and partitions of governed tables, and their rows where values changed; refuses to disable their
triggers, to make them unlogged, or to take away what makes their key unique (RM013).';
-- ALTER INDEX renames tables as well; CREATE SCHEMA may create tables, ALTER SCHEMA renames all of its own.
CREATE EVENT TRIGGER rm_ledger_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'ALTER FOREIGN TABLE', 'CREATE FOREIGN TABLE', 'ALTER INDEX', 'ALTER TRIGGER', 'CREATE TRIGGER',
                 'ALTER SCHEMA', 'CREATE SCHEMA')
    EXECUTE FUNCTION release_mgmt_internal.follow_alter_command();
ALTER EVENT TRIGGER rm_ledger_alter ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.guard_drop_of_governed() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    gone record;
    problems text;
BEGIN
    IF NOT release_mgmt_internal.is_active() OR release_mgmt_internal.in_own_ddl() THEN
        RETURN;
    END IF;
    -- A dropped type takes columns along. What ALTER TABLE drops is recorded at its end.
    IF TG_TAG <> 'ALTER TABLE' THEN
        PERFORM release_mgmt_internal.record_schema(t.id, false, '{}', '{}')
        FROM release_mgmt.governed_table AS t
        JOIN pg_class AS c ON c.oid = t.source
        WHERE EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d
                      WHERE d.classid = 'pg_class'::regclass AND d.objsubid > 0 AND d.objid = ANY (t.members::oid[]));
    END IF;
    IF release_mgmt_internal.caller_is_superuser() THEN
        RETURN;
    END IF;
    IF TG_TAG NOT IN ('ALTER TABLE', 'DROP TABLE', 'DROP SCHEMA', 'DROP OWNED')
       AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d WHERE d.object_type IN ('index', 'table constraint') AND NOT d.is_temporary)
    THEN
        SELECT string_agg(format('Of table %s: %s: %s.', v.source, v.finding, v.key), E'\n') INTO problems
        FROM release_mgmt.governed_table AS t
        CROSS JOIN LATERAL release_mgmt_internal.verify_tables(t.id) AS v
        WHERE NOT (v.finding = 'key not unique' AND release_mgmt_internal.in_maintenance(t.id));
        IF problems IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('ledger_protected', 'the key of a governed table stays unique', problems,
                'Make another unique index first, or have a DBA end the governance with release_mgmt.ungovern(), which is recorded.');
        END IF;
    END IF;
    FOR gone IN
        SELECT d.object_type, d.object_identity,
               coalesce((SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.oid = t.source),
                        (SELECT v.source FROM release_mgmt.table_version AS v WHERE v.table_id = t.id ORDER BY v.version DESC LIMIT 1)) AS source
        FROM pg_event_trigger_dropped_objects() AS d
        JOIN release_mgmt.governed_table AS t
            ON d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = ANY (t.members::oid[])
            OR d.object_type = 'trigger' AND d.address_names[3] IN ('rm_10_admit', 'rm_90_capture')
               AND to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) = ANY (t.members)
        ORDER BY d.object_identity
    LOOP
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('%s %s may not be dropped', gone.object_type, gone.object_identity),
            CASE WHEN gone.object_type = 'trigger' THEN 'It captures changes of a governed table.'
                 ELSE 'Its rows would be gone, and the ledger would not tell which.' END,
            format('A DBA ends the governance with release_mgmt.ungovern(%L), which is recorded; a partition is detached first, which is recorded too.',
                   gone.source));
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.guard_drop_of_governed() IS
'Event trigger rm_ledger_drop: refuses to drop a governed table, a partition of one, their triggers, or the index that makes their key unique (RM013), by
whatever command; records that a column went with its type.';
CREATE EVENT TRIGGER rm_ledger_drop ON sql_drop
    EXECUTE FUNCTION release_mgmt_internal.guard_drop_of_governed();
ALTER EVENT TRIGGER rm_ledger_drop ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.follow_type() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
AS 'MODULE_PATHNAME', 'rm_follow_type';
COMMENT ON FUNCTION release_mgmt_internal.follow_type() IS
'Event trigger rm_ledger_type: an enum''s renamed value and a composite type''s changed attributes move the digests of rows, and the columns of typed tables; another name
of a type or domain is one of columns'' types.
Raises RM013 where that would change keys.';
CREATE EVENT TRIGGER rm_ledger_type ON ddl_command_end WHEN TAG IN ('ALTER TYPE', 'ALTER DOMAIN')
    EXECUTE FUNCTION release_mgmt_internal.follow_type();
ALTER EVENT TRIGGER rm_ledger_type ENABLE ALWAYS;
