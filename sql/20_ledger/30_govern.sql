-- Module ledger: a customer's table comes under governance.

CREATE FUNCTION release_mgmt_internal.repeated_keys(source regclass, columns text[]) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    repeated text;
BEGIN
    -- A foreign or temporary child is refused, or found by verification; its rows can not be read.
    IF EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = source AND NOT c.relispartition)
       AND NOT EXISTS (SELECT FROM release_mgmt_internal.members_of(source) AS m JOIN pg_class AS c ON c.oid = m WHERE c.relkind <> 'r' OR c.relpersistence = 't')
    THEN
        EXECUTE format('SELECT string_agg(d.key, %L ORDER BY d.key) FROM (SELECT concat_ws(%L, %s) AS key FROM %s AS t GROUP BY %s HAVING count(*) > 1 LIMIT 20) AS d',
                       ', ', ':', (SELECT string_agg(format('t.%I', c.name), ', ' ORDER BY c.position) FROM unnest(columns) WITH ORDINALITY AS c (name, position)),
                       source, (SELECT string_agg(format('t.%I', c.name), ', ') FROM unnest(columns) AS c (name)))
        INTO repeated;
    END IF;
    RETURN repeated;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.repeated_keys(regclass, text[]) IS
'The keys, at most 20, that several rows of a table and of those that inherit from it have; no index spans these. NULL if there are none.';

CREATE FUNCTION release_mgmt_internal.require_governable(source regclass, columns text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text[] := '{}';
    class record;
BEGIN
    SELECT c.relkind, c.relpersistence, c.relispartition, n.nspname INTO class
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = require_governable.source;
    IF class.relkind NOT IN ('r', 'p') THEN
        problems := problems || 'It is not a table.'::text;
    END IF;
    IF class.relpersistence <> 'p' THEN
        problems := problems || 'It is temporary or unlogged, so that a crash would lose rows of which the ledger tells.'::text;
    END IF;
    IF class.relispartition THEN
        problems := problems || 'It is a partition; govern the partitioned table.'::text;
    END IF;
    IF class.nspname IN ('pg_catalog', 'information_schema', 'release_mgmt', 'release_mgmt_internal') THEN
        problems := problems || format('It is in schema %I.', class.nspname);
    END IF;
    -- A row has one trigger that captures it.
    SELECT problems || coalesce(array_agg(format('It shares rows by inheritance with %s, which is governed; release_mgmt.ungovern(%L) ends that.', t.source, t.source) ORDER BY t.source::text), '{}')
    INTO problems
    FROM release_mgmt.governed_table AS t
    WHERE NOT class.relispartition AND t.source <> require_governable.source
      AND t.id IN (SELECT release_mgmt_internal.governed_ancestors(require_governable.source) UNION SELECT release_mgmt_internal.governed_descendants(require_governable.source));
    SELECT problems || coalesce(array_agg(format('Its partition or child %s is %s.', m.relid,
               CASE WHEN c.relkind = 'f' THEN 'a foreign table' ELSE 'temporary or unlogged' END) ORDER BY m.relid::text), '{}') INTO problems
    FROM release_mgmt_internal.members_of(require_governable.source) AS m (relid)
    JOIN pg_class AS c ON c.oid = m.relid
    WHERE m.relid <> require_governable.source AND (c.relkind NOT IN ('r', 'p') OR c.relpersistence <> 'p');
    SELECT problems || coalesce(array_agg(format('Key column "%s" of type %s is written with the names of other objects, which change when these are renamed.',
                                                 a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '{}') INTO problems
    FROM pg_attribute AS a
    WHERE a.attrelid = require_governable.source AND a.attname = ANY (columns) AND NOT a.attisdropped AND release_mgmt_internal.follows_names(a.atttypid);
    IF columns IS NULL THEN
        problems := problems || 'It has no primary key; add one, or name the columns of a unique index over NOT NULL columns as key.'::text;
    ELSIF NOT release_mgmt_internal.is_key(require_governable.source, columns) THEN
        problems := problems || format('No unique index over NOT NULL columns makes (%s) name a row.', array_to_string(columns, ', '));
    ELSIF release_mgmt_internal.repeated_keys(require_governable.source, columns) IS NOT NULL THEN
        problems := problems || format('Several rows of it and of its children have the same key: %s.',
                                       release_mgmt_internal.repeated_keys(require_governable.source, columns));
    END IF;
    IF problems <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('table %s can not be governed', source),
            array_to_string(problems, E'\n'), 'Change what is named above, then call govern() again.');
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.require_governable(regclass, text[]) IS
'Raises RM012 (not_governable), naming every reason why the table can not be governed with that key.';

CREATE FUNCTION release_mgmt_internal.require_mode(source regclass, mode text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF require_mode.source IS NULL OR require_mode.mode IS NULL OR require_mode.mode NOT IN ('observe', 'warn', 'enforce') THEN
        PERFORM release_mgmt_internal.refuse('not_governable', 'a table is governed in a mode',
            concat_ws(E'\n', CASE WHEN require_mode.source IS NULL THEN 'No table is given.' END,
                      CASE WHEN require_mode.mode IS NULL THEN 'No mode is given.'
                           WHEN require_mode.mode NOT IN ('observe', 'warn', 'enforce') THEN format('"%s" is no mode.', require_mode.mode) END),
            'Modes are: observe, warn, enforce.');
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.require_mode(regclass, text) IS 'Raises RM012 where no table, or no mode that there is, is given.';

CREATE FUNCTION release_mgmt_internal.begin_governance(source regclass, mode text, key text[]) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key_columns CONSTANT text[] := coalesce(begin_governance.key, release_mgmt_internal.primary_key_of(begin_governance.source));
    table_id uuid;
BEGIN
    PERFORM release_mgmt_internal.require_governable(begin_governance.source, key_columns);
    INSERT INTO release_mgmt.governed_table (source, mode, key_columns, column_keys, column_names, column_numbers, members)
    SELECT begin_governance.source, begin_governance.mode, key_columns, c.names, c.names, c.numbers,
           ARRAY(SELECT m FROM release_mgmt_internal.members_of(begin_governance.source) AS m)
    FROM release_mgmt_internal.columns_of(begin_governance.source) AS c
    RETURNING id INTO table_id;
    PERFORM release_mgmt_internal.record_child_columns(table_id);
    PERFORM release_mgmt_internal.attach_triggers(begin_governance.source, table_id);
    PERFORM release_mgmt_internal.record_schema_version(table_id);
    RETURN table_id;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.begin_governance(regclass, text, text[]) IS
'Has each change of a table captured from here on; the caller holds a lock against writers, and records the rows there are. Raises RM012.';

CREATE FUNCTION release_mgmt_internal.change_governance(source regclass, mode text, key text[]) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    existing release_mgmt.governed_table;
BEGIN
    SELECT t.* INTO existing FROM release_mgmt.governed_table AS t WHERE t.source = change_governance.source;
    IF existing.id IS NOT NULL AND change_governance.key <> existing.key_columns THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('table %s is governed already, by another key', change_governance.source),
            format('Its rows are named by (%s).', array_to_string(existing.key_columns, ', ')),
            format('Leave key out to keep it, or end the governance first with release_mgmt.ungovern(%L), which is recorded.', change_governance.source));
    END IF;
    IF existing.builtin AND change_governance.mode <> existing.mode THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('table %s can not be governed in mode %s', change_governance.source, change_governance.mode),
            'It belongs to the extension, which has rules of its own for it.', 'Modes are for tables of yours: SELECT source, mode FROM release_mgmt.governed_table WHERE NOT builtin.');
    END IF;
    UPDATE release_mgmt.governed_table AS t SET mode = change_governance.mode
    WHERE t.id = existing.id AND t.mode <> change_governance.mode;
    RETURN existing.id;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.change_governance(regclass, text, text[]) IS
'Sets the mode of a table that is governed already, and returns its id; NULL where it is not. Raises RM012 for another key than its own, and for another mode of a table of the extension.';

CREATE FUNCTION release_mgmt.govern(source regclass, mode text DEFAULT 'observe', key text[] DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    table_id uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    PERFORM release_mgmt_internal.require_mode(govern.source, govern.mode);
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', govern.source);
    table_id := release_mgmt_internal.change_governance(govern.source, govern.mode, govern.key);
    IF table_id IS NULL THEN
        table_id := release_mgmt_internal.begin_governance(govern.source, govern.mode, govern.key);
        PERFORM release_mgmt_internal.capture_table(table_id, 'baseline');
    END IF;
    RETURN table_id;
END;
$$;
COMMENT ON FUNCTION release_mgmt.govern(regclass, text, text[]) IS
'Puts a table under governance: from then on each change of a row is in the ledger. mode: observe; for a table that is bound to a class of configuration items also warn or enforce (see governed_table.mode).
key: the columns whose values name a row, by default the primary key. Called again it changes the mode.
Returns the id by which the ledger knows the table. Locks the table against writers until the end of the transaction; for millions of rows there is
govern_in_batches(), and preview_govern() tells what it takes.
Errors: RM001 inactive, RM012 not_governable (names every reason).';

CREATE FUNCTION release_mgmt.ungovern(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    existing release_mgmt.governed_table;
    member regclass;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT t.* INTO existing FROM release_mgmt.governed_table AS t WHERE t.source = ungovern.source;
    IF existing.id IS NULL THEN
        RETURN;
    END IF;
    IF existing.builtin THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('table %s belongs to the extension', source),
            'Its changes are in the ledger as long as the extension is installed.');
    END IF;
    -- Parents first, as whoever writes or reads locks them: DROP TRIGGER by itself begins with the partitions.
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = ungovern.source) THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', ungovern.source);
    END IF;
    INSERT INTO release_mgmt.table_version (table_id, version, source, key_columns, column_keys, column_names, column_types, governed, child_sources, child_keys, child_names, child_types)
    SELECT v.table_id, v.version + 1, v.source, v.key_columns, v.column_keys, v.column_names, v.column_types, false, v.child_sources, v.child_keys, v.child_names, v.child_types
    FROM release_mgmt.table_version AS v
    WHERE v.table_id = existing.id
    ORDER BY v.version DESC
    LIMIT 1;
    PERFORM release_mgmt_internal.finish_baseline(existing.id);
    PERFORM release_mgmt_internal.close_maintenance(existing.id, NULL, NULL);
    DELETE FROM release_mgmt.governed_table AS t WHERE t.id = existing.id;
    FOR member IN
        SELECT m FROM release_mgmt_internal.members_of(ungovern.source) AS m JOIN pg_class AS c ON c.oid = m
        ORDER BY NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = m AND g.tgname = 'rm_90_capture' AND g.tgparentid = 0)
    LOOP
        IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = member AND g.tgname = 'rm_90_capture') THEN
            EXECUTE format('DROP TRIGGER rm_90_capture ON %s', member);
        END IF;
        IF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = member AND g.tgname = 'rm_10_admit') THEN
            EXECUTE format('DROP TRIGGER rm_10_admit ON %s', member);
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt.ungovern(regclass) IS
'Ends the governance of a table: that it ended, and when, is in the ledger (table_version.governed), and what was captured stays. For DBAs; a table that is
not governed is left as it is, one that was dropped is named by its OID. Errors: RM001 inactive, RM013 for a table of the extension.';
