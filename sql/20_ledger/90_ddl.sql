-- Module ledger, last part: DDL on governed tables.
--
-- Schema changes are recorded: digests of rows speak of columns, so that each new schema is a version in the ledger, and
-- where it moves digests every row is recorded again in the same transaction. Nobody but a superuser takes governance away
-- otherwise than by ungovern(); what a superuser does is found by verify_ledger(). An inactive database has no limits:
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
    -- First, since the DDL that follows comes here again.
    UPDATE release_mgmt.governed_table AS t SET members = current_members WHERE t.id = table_id;
    PERFORM release_mgmt_internal.attach_triggers(governed.source, table_id);
    -- Rows came and went with their tables, and no trigger fired for them.
    FOR member IN SELECT m FROM unnest(current_members) AS m JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r' WHERE m <> ALL (governed.members) LOOP
        PERFORM release_mgmt_internal.capture_rows(member, table_id, 'baseline');
    END LOOP;
    FOR member IN SELECT m FROM unnest(governed.members) AS m JOIN pg_class AS c ON c.oid = m WHERE m <> ALL (current_members) LOOP
        IF (SELECT c.relkind = 'r' FROM pg_class AS c WHERE c.oid = member) THEN
            PERFORM release_mgmt_internal.capture_rows(member, table_id, 'delete');
        END IF;
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
        WHERE v.table_id = new_column_key.table_id AND name || CASE WHEN n = 0 THEN '' ELSE '#' || n::text END = ANY (v.column_keys))
    ORDER BY n
    LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.new_column_key(uuid, text) IS 'A key that no column of the table has ever had: the name, or name#1, name#2, ...';

CREATE FUNCTION release_mgmt_internal.record_schema(table_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    last release_mgmt.table_version;
    new_key_columns text[];
    moved boolean;
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
    IF cardinality(new_key_columns) < cardinality(governed.key_columns) THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('a key column of governed table %s may not be dropped', governed.source),
            format('Its rows are named by (%s).', array_to_string(governed.key_columns, ', ')),
            format('A DBA ends its governance with release_mgmt.ungovern(%L), then puts it under governance again.', governed.source));
    END IF;
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
    -- Digests move with a column that went, with one that came and is not NULL, and with a type.
    SELECT NOT t.column_keys @> last.column_keys
           OR EXISTS (
               SELECT
               FROM unnest(t.column_keys, t.column_numbers) AS c (key, number)
               JOIN pg_attribute AS a ON a.attrelid = t.source AND a.attnum = c.number
               LEFT JOIN unnest(last.column_keys, last.column_types) AS o (key, type) ON o.key = c.key
               WHERE o.type IS NULL AND (a.atthasmissing OR a.atthasdef OR a.attnotnull OR a.attnum < ANY (governed.column_numbers))
                  OR o.type <> format_type(a.atttypid, a.atttypmod))
    INTO moved
    FROM release_mgmt.governed_table AS t
    WHERE t.id = record_schema.table_id;
    IF release_mgmt_internal.record_schema_version(table_id) IS NOT NULL AND moved THEN
        PERFORM release_mgmt_internal.capture_table(table_id, 'schema');
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_schema(uuid) IS
'Records a governed table''s schema as it is now, and its rows where that moved their digests. Raises RM013 where a key column is gone.';

CREATE FUNCTION release_mgmt.record_schema(source regclass) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.require_active();
    SELECT release_mgmt_internal.follow_members(t.id), release_mgmt_internal.record_schema(t.id)
    FROM release_mgmt.governed_table AS t
    WHERE t.source = record_schema.source;
END;
COMMENT ON FUNCTION release_mgmt.record_schema(regclass) IS
'Records the schema of a governed table that was altered while event triggers were off. For DBAs. Errors: RM001 inactive, RM013 where a key column is gone.';

-- SECURITY DEFINER: whoever runs DDL holds no privilege on the ledger's tables.
CREATE FUNCTION release_mgmt_internal.follow_alter_of_governed() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    problems text;
BEGIN
    IF NOT release_mgmt_internal.is_active() OR release_mgmt_internal.in_own_ddl() THEN
        RETURN;
    END IF;
    FOR governed IN
        SELECT t.*
        FROM release_mgmt.governed_table AS t
        WHERE t.id IN (
            SELECT release_mgmt_internal.governed_ancestors(r.relid)
            FROM pg_event_trigger_ddl_commands() AS d
            CROSS JOIN LATERAL (
                SELECT d.objid WHERE d.classid = 'pg_class'::regclass
                UNION ALL
                SELECT g.tgrelid FROM pg_trigger AS g WHERE d.classid = 'pg_trigger'::regclass AND g.oid = d.objid) AS r (relid))
        ORDER BY t.id
    LOOP
        PERFORM release_mgmt_internal.follow_members(governed.id);
        PERFORM release_mgmt_internal.record_schema(governed.id);
        IF NOT release_mgmt_internal.caller_is_superuser() THEN
            SELECT string_agg(format('Of table %s: %s: %s.', v.source, v.finding, v.key), E'\n') INTO problems
            FROM release_mgmt_internal.verify_triggers(governed.source) AS v
            WHERE v.source IS NOT NULL;
            IF problems IS NOT NULL THEN
                PERFORM release_mgmt_internal.refuse('ledger_protected', format('the governance of table %s may not be weakened', governed.source),
                    problems, format('A DBA ends it with release_mgmt.ungovern(%L), which is recorded.', governed.source));
            END IF;
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.follow_alter_of_governed() IS
'Event trigger rm_ledger_alter: records schema versions and partitions of governed tables; refuses to disable their triggers (RM013).';
CREATE EVENT TRIGGER rm_ledger_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'ALTER TRIGGER', 'CREATE TRIGGER')
    EXECUTE FUNCTION release_mgmt_internal.follow_alter_of_governed();
ALTER EVENT TRIGGER rm_ledger_alter ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.guard_drop_of_governed() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    gone record;
BEGIN
    IF NOT release_mgmt_internal.is_active() OR release_mgmt_internal.in_own_ddl() OR release_mgmt_internal.caller_is_superuser() THEN
        RETURN;
    END IF;
    FOR gone IN
        SELECT d.object_type, d.object_identity, CASE WHEN d.objid = t.source THEN d.object_identity ELSE t.source::text END AS source
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
'Event trigger rm_ledger_drop: refuses to drop a governed table, a partition of one, or their triggers (RM013).';
CREATE EVENT TRIGGER rm_ledger_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP TRIGGER', 'ALTER TABLE')
    EXECUTE FUNCTION release_mgmt_internal.guard_drop_of_governed();
ALTER EVENT TRIGGER rm_ledger_drop ENABLE ALWAYS;

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.record_type(altered oid) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE holder (type) AS (
        SELECT altered
        UNION
        SELECT t.oid
        FROM holder AS h
        JOIN pg_catalog.pg_type AS t
            ON t.typelem = h.type OR t.typbasetype = h.type
            OR t.oid IN (SELECT r.rngtypid FROM pg_catalog.pg_range AS r WHERE r.rngsubtype = h.type
                         UNION ALL
                         SELECT r.rngmultitypid FROM pg_catalog.pg_range AS r WHERE r.rngsubtype = h.type)
            OR t.typrelid IN (SELECT a.attrelid FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'c'
                              WHERE a.atttypid = h.type AND NOT a.attisdropped)
    )
    SELECT release_mgmt_internal.capture_table(t.id, 'schema')
    FROM release_mgmt.governed_table AS t
    WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute AS a JOIN holder AS h ON h.type = a.atttypid
                  WHERE a.attrelid = t.source AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
    ORDER BY t.id;
END;
COMMENT ON FUNCTION release_mgmt_internal.record_type(oid) IS
'Records the rows of every governed table with a column whose values an altered type is part of.';

CREATE FUNCTION release_mgmt_internal.follow_type() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_follow_type';
COMMENT ON FUNCTION release_mgmt_internal.follow_type() IS
'Event trigger rm_ledger_type: an enum''s renamed value and a composite type''s changed attributes move the digests of rows.';
CREATE EVENT TRIGGER rm_ledger_type ON ddl_command_end WHEN TAG IN ('ALTER TYPE')
    EXECUTE FUNCTION release_mgmt_internal.follow_type();
ALTER EVENT TRIGGER rm_ledger_type ENABLE ALWAYS;
