-- Module ledger: verification.

CREATE TABLE release_mgmt_internal.verifier (
    function_name text,
    CONSTRAINT verifier_pkey PRIMARY KEY (function_name)
);
COMMENT ON TABLE release_mgmt_internal.verifier IS
'Functions of modules above, schema.function, that verify_ledger() asks: they return findings as it does. Written by is_verified_by(); not dumped, since the install script writes them.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.verifier', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.is_verified_by(function_name text) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO release_mgmt_internal.verifier (function_name) SELECT is_verified_by.function_name WHERE (is_verified_by.function_name || '()')::regprocedure IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.is_verified_by(text) IS
'Has verify_ledger() ask a function of a module above as well: called by the install script, beside the function. Fails where there is none of that name.';

CREATE FUNCTION release_mgmt_internal.verify_logs(logs uuid[], checkpoint_logs uuid[], notes text[], sources text[],
    OUT finding text, OUT log_index bigint, OUT source text, OUT key text, OUT expected text, OUT found text) RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_verify_logs';
COMMENT ON FUNCTION release_mgmt_internal.verify_logs(uuid[], uuid[], text[], text[]) IS
'Verifies logs, oldest epoch first, against checkpoints (their logs, their texts, where each comes from), and the live rows against the last log.';

CREATE FUNCTION release_mgmt_internal.verify_log_since(log uuid, checkpoint text, checkpoint_logs uuid[], notes text[], sources text[],
    OUT finding text, OUT log_index bigint, OUT source text, OUT key text, OUT expected text, OUT found text) RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_verify_log_since';
COMMENT ON FUNCTION release_mgmt_internal.verify_log_since(uuid, text, uuid[], text[], text[]) IS
'Verifies the leaves of a log behind a checkpoint, which is among those given (as in verify_logs), the changes beneath them and the rows that these made.';

CREATE FUNCTION release_mgmt_internal.verify_triggers(only_of regclass DEFAULT NULL)
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH wanted AS (
        SELECT m AS relid, w.name, w.function_oid, w.type, w.arguments
        FROM release_mgmt.governed_table AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.source
        CROSS JOIN LATERAL release_mgmt_internal.members_of(t.source) AS m
        JOIN pg_catalog.pg_class AS k ON k.oid = m AND k.relkind IN ('r', 'p')
        CROSS JOIN LATERAL (VALUES
            ('rm_10_admit'::name, 'release_mgmt_internal.admit()'::regprocedure::oid, 62, ''::bytea),
            ('rm_90_capture', 'release_mgmt_internal.capture()'::regprocedure::oid, 29,
             pg_catalog.convert_to(t.id::text, 'UTF8') || '\x00'::bytea)) AS w (name, function_oid, type, arguments)
        WHERE only_of IS NULL OR t.source = only_of
    )
    SELECT CASE WHEN g.oid IS NULL THEN 'trigger missing'
                WHEN g.tgenabled <> 'A' THEN 'trigger disabled'
                ELSE 'trigger altered' END,
           NULL::bigint, w.relid::regclass::text, w.name::text,
           'ENABLE ALWAYS',
           CASE g.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                            WHEN 'A' THEN pg_catalog.pg_get_triggerdef(g.oid) END
    FROM wanted AS w
    LEFT JOIN pg_catalog.pg_trigger AS g ON g.tgrelid = w.relid AND g.tgname = w.name AND NOT g.tgisinternal
    WHERE g.oid IS NULL OR g.tgenabled <> 'A' OR g.tgfoid <> w.function_oid OR g.tgtype <> w.type OR g.tgargs <> w.arguments
       OR g.tgqual IS NOT NULL OR g.tgdeferrable OR pg_catalog.cardinality(g.tgattr::smallint[]) > 0
    UNION ALL
    SELECT 'function altered', NULL, NULL, p.oid::regprocedure::text, w.symbol, p.prosrc
    FROM (VALUES ('admit'::name, 'rm_admit'), ('capture', 'rm_capture'), ('is_active', 'rm_is_active')) AS w (name, symbol)
    JOIN pg_catalog.pg_proc AS p ON p.proname = w.name
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = 'release_mgmt_internal'
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.prosrc <> w.symbol OR l.lanname <> 'c' OR p.probin NOT LIKE '%release_mgmt'
    ORDER BY 3, 4;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_triggers(regclass) IS
'What is wrong with the triggers of governed tables and their functions.';

CREATE FUNCTION release_mgmt_internal.verify_tables(only_of uuid DEFAULT NULL)
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'key not unique', NULL::bigint, t.source::regclass::text, pg_catalog.array_to_string(t.key_columns, ', '),
           'a unique index over these columns, all NOT NULL', NULL::text
    FROM release_mgmt.governed_table AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.source
    WHERE (only_of IS NULL OR t.id = only_of) AND NOT release_mgmt_internal.is_key(t.source, t.key_columns)
    UNION ALL
    SELECT 'table not durable', NULL, m::text,
           CASE WHEN c.relkind = 'f' THEN 'foreign' WHEN c.relpersistence = 't' THEN 'temporary' ELSE 'unlogged' END, 'a permanent table', NULL
    FROM release_mgmt.governed_table AS t
    JOIN pg_catalog.pg_class AS r ON r.oid = t.source
    CROSS JOIN LATERAL release_mgmt_internal.members_of(t.source) AS m
    JOIN pg_catalog.pg_class AS c ON c.oid = m
    WHERE (only_of IS NULL OR t.id = only_of) AND (c.relkind NOT IN ('r', 'p') OR c.relpersistence <> 'p')
    ORDER BY 3, 4;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_tables(uuid) IS
'Where a governed table, or a partition or child of it, is no longer what govern() asks for: its key names a row, and a crash loses none.';

CREATE FUNCTION release_mgmt_internal.verify_registry()
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'table not governed', NULL::bigint, v.source, NULL::text, v.table_id::text, NULL::text
    FROM (SELECT DISTINCT ON (l.table_id) l.* FROM release_mgmt.table_version AS l ORDER BY l.table_id, l.version DESC) AS v
    WHERE v.governed AND NOT EXISTS (SELECT FROM release_mgmt.governed_table AS t WHERE t.id = v.table_id)
    UNION ALL
    SELECT CASE WHEN v.column_names = c.names AND h.recorded IS NOT DISTINCT FROM h.present THEN 'key changed' ELSE 'columns changed' END, NULL, v.source, NULL,
           pg_catalog.array_to_string(v.column_names || h.recorded || ARRAY['key'] || v.key_columns, ' '),
           pg_catalog.array_to_string(c.names || h.present || ARRAY['key'] || t.key_columns, ' ')
    FROM (SELECT DISTINCT ON (l.table_id) l.* FROM release_mgmt.table_version AS l ORDER BY l.table_id, l.version DESC) AS v
    JOIN release_mgmt.governed_table AS t ON t.id = v.table_id
    JOIN pg_catalog.pg_class AS r ON r.oid = t.source
    CROSS JOIN LATERAL release_mgmt_internal.columns_of(t.source) AS c
    CROSS JOIN LATERAL (
        SELECT (SELECT pg_catalog.array_agg(o.source || '.' || o.name ORDER BY o.source COLLATE "C", o.name COLLATE "C")
                FROM ROWS FROM (pg_catalog.unnest(v.child_sources), pg_catalog.unnest(v.child_names)) AS o (source, name)) AS recorded,
               (SELECT pg_catalog.array_agg(o.child::text || '.' || o.name ORDER BY o.child::text COLLATE "C", o.name COLLATE "C")
                FROM release_mgmt_internal.child_columns_of(t.source) AS o) AS present) AS h
    WHERE (v.column_keys, v.column_names, v.key_columns, v.child_keys, v.child_names) IS DISTINCT FROM (t.column_keys, t.column_names, t.key_columns, t.child_keys, t.child_names)
       OR NOT (c.names @> v.column_names AND v.column_names @> c.names) OR h.recorded IS DISTINCT FROM h.present
    UNION ALL
    SELECT CASE WHEN e.oid IS NULL THEN 'event trigger missing' ELSE 'event trigger disabled' END, NULL, NULL, w.name::text,
           'ENABLE ALWAYS', e.evtenabled::text
    FROM (VALUES ('rm_ledger_alter'::name), ('rm_ledger_drop'), ('rm_ledger_type'), ('rm_ledger_retire')) AS w (name)
    LEFT JOIN pg_catalog.pg_event_trigger AS e ON e.evtname = w.name
    WHERE e.oid IS NULL OR e.evtenabled <> 'A'
    UNION ALL
    SELECT v.finding, v.log_index, v.source, v.key, v.expected, v.found FROM release_mgmt_internal.verify_tables() AS v
    ORDER BY 3, 4;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_registry() IS
'Where governed_table and the event triggers contradict what the ledger holds of the tables'' schemas.';

CREATE FUNCTION release_mgmt_internal.carried_checkpoint(entry bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_carried_checkpoint';
COMMENT ON FUNCTION release_mgmt_internal.carried_checkpoint(bytea) IS
'The checkpoint of the log before that the first entry of a log holds; NULL where it is another entry.';

CREATE FUNCTION release_mgmt_internal.verified_logs()
RETURNS TABLE (id uuid, origin text, epoch integer, opened_at timestamptz, carried text, former_id uuid)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE log AS (
        SELECT l.id
        FROM release_mgmt.ledger_identity AS i
        JOIN release_mgmt.ledger_log AS c ON c.id = i.log_id
        JOIN release_mgmt.ledger_log AS l ON l.base = c.base
        UNION
        SELECT f.id
        FROM log AS l
        JOIN release_mgmt.ledger_log AS f ON f.origin = pg_catalog.split_part(
            release_mgmt_internal.carried_checkpoint((SELECT e.entry FROM release_mgmt.ledger_entry AS e WHERE e.log_id = l.id AND e.index = 0)), E'\n', 1)
    )
    SELECT l.id, l.origin, l.epoch, l.opened_at, c.carried, f.id
    FROM log AS n
    JOIN release_mgmt.ledger_log AS l ON l.id = n.id
    CROSS JOIN LATERAL (
        SELECT release_mgmt_internal.carried_checkpoint((SELECT e.entry FROM release_mgmt.ledger_entry AS e WHERE e.log_id = l.id AND e.index = 0))) AS c (carried)
    LEFT JOIN release_mgmt.ledger_log AS f ON f.origin = pg_catalog.split_part(c.carried, E'\n', 1) AND f.opened_at < l.opened_at;
END;
COMMENT ON FUNCTION release_mgmt_internal.verified_logs() IS
'The logs of this ledger, one for each epoch, and those that they go back to under another origin; with the checkpoint of the log before that the first leaf
of each holds (carried), and that log.';

CREATE FUNCTION release_mgmt_internal.verify_epochs()
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'checkpoint of the epoch before missing', 0::bigint, NULL::text, l.origin, 'the last checkpoint of the log before', NULL::text
    FROM release_mgmt_internal.verified_logs() AS l
    WHERE l.epoch > 1 AND l.carried IS NULL
    UNION ALL
    SELECT 'log missing', NULL, NULL, pg_catalog.split_part(l.carried, E'\n', 1), pg_catalog.split_part(l.carried, E'\n', 2) || ' leaves', NULL
    FROM release_mgmt_internal.verified_logs() AS l
    WHERE l.carried IS NOT NULL AND l.former_id IS NULL
    UNION ALL
    SELECT 'leaf added', pg_catalog.split_part(l.carried, E'\n', 2)::bigint, NULL, pg_catalog.split_part(l.carried, E'\n', 1),
           pg_catalog.split_part(l.carried, E'\n', 2) || ' leaves, as the first leaf of ' || l.origin || ' says', h.size::text || ' leaves'
    FROM release_mgmt_internal.verified_logs() AS l
    JOIN release_mgmt.ledger_head AS h ON h.log_id = l.former_id
    WHERE h.size > pg_catalog.split_part(l.carried, E'\n', 2)::numeric
    ORDER BY 1, 4;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_epochs() IS 'What is missing between the logs of this ledger, and what was added to one that had ended.';

CREATE FUNCTION release_mgmt_internal.held_checkpoints(given text) RETURNS TABLE (log_id uuid, note text, held text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH log AS MATERIALIZED (SELECT v.* FROM release_mgmt_internal.verified_logs() AS v)
    SELECT k.log_id, k.note, 'ledger_checkpoint ' || k.size::text FROM release_mgmt.ledger_checkpoint AS k JOIN log AS l ON l.id = k.log_id
    UNION ALL
    SELECT l.id, release_mgmt_internal.last_signed(l.origin), 'the checkpoint beside the signing key'
    FROM log AS l
    WHERE release_mgmt_internal.last_signed(l.origin) IS NOT NULL
    UNION ALL
    SELECT l.former_id, l.carried, 'the checkpoint in the first leaf of ' || l.origin
    FROM log AS l
    WHERE l.former_id IS NOT NULL
    UNION ALL
    SELECT l.id, given, 'the checkpoint given'
    FROM log AS l
    WHERE l.origin = pg_catalog.split_part(given, E'\n', 1);
END;
COMMENT ON FUNCTION release_mgmt_internal.held_checkpoints(text) IS
'The checkpoints of this ledger''s logs that are known here, and the one given, and where each comes from.';

CREATE FUNCTION release_mgmt_internal.verify_held(logs uuid[], notes text[], sources text[])
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- What cannot be read says nothing of the tree: whoever spoils a checkpoint takes it away.
    SELECT 'checkpoint unreadable', NULL::bigint, NULL::text, h.source,
           'a checkpoint of ' || l.origin || CASE WHEN h.source ^@ 'ledger_checkpoint ' THEN pg_catalog.replace(h.source, 'ledger_checkpoint', ' of size') ELSE '' END, h.note
    FROM ROWS FROM (pg_catalog.unnest(logs), pg_catalog.unnest(notes), pg_catalog.unnest(sources)) AS h (log_id, note, source)
    JOIN release_mgmt.ledger_log AS l ON l.id = h.log_id
    WHERE h.source <> 'the checkpoint given'
      AND (release_mgmt_internal.checkpoint_state(h.note) = 'unreadable' OR pg_catalog.split_part(h.note, E'\n', 1) <> l.origin
           OR h.source ^@ 'ledger_checkpoint ' AND h.source <> 'ledger_checkpoint ' || pg_catalog.split_part(h.note, E'\n', 2))
    ORDER BY h.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_held(uuid[], text[], text[]) IS
'Which of the checkpoints that are held here (their logs, their texts, where each comes from) are none, or of another log or size than they stand for.';

CREATE FUNCTION release_mgmt_internal.verify_objects()
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    others CONSTANT text := (SELECT string_agg(format(' UNION SELECT v.* FROM %s() AS v', f.function_name), '' ORDER BY f.function_name)
                             FROM release_mgmt_internal.verifier AS f);
BEGIN
    -- Two may tell of the same trigger.
    RETURN QUERY EXECUTE 'SELECT o.* FROM release_mgmt_internal.verify_shipped() AS o' || coalesce(others, '') || ' ORDER BY 1, 3, 4';
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.verify_objects() IS
'What is wrong with what the extension shipped, and with what modules have put on tables, as their verifiers tell.';

-- Reads everything on behalf of an auditor, hence SECURITY DEFINER. Its queries are short, and compiling them takes longer than running them.
CREATE FUNCTION release_mgmt.verify_ledger(checkpoint text DEFAULT NULL)
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    logs uuid[];
    origins text[];
    held_logs uuid[];
    held_notes text[];
    held_from text[];
    state text;
BEGIN
    SELECT array_agg(l.id ORDER BY l.opened_at, l.epoch), array_agg(l.origin ORDER BY l.opened_at, l.epoch) INTO logs, origins
    FROM release_mgmt_internal.verified_logs() AS l;
    IF logs IS NULL THEN
        PERFORM release_mgmt_internal.require_active();
    END IF;

    SELECT coalesce(array_agg(h.log_id), '{}'), coalesce(array_agg(h.note), '{}'), coalesce(array_agg(h.held), '{}')
    INTO held_logs, held_notes, held_from
    FROM release_mgmt_internal.held_checkpoints(verify_ledger.checkpoint) AS h;

    IF verify_ledger.checkpoint IS NOT NULL THEN
        state := release_mgmt_internal.checkpoint_state(verify_ledger.checkpoint);
        IF state IN ('unreadable', 'signature invalid') THEN
            RETURN QUERY SELECT 'checkpoint ' || state, NULL::bigint, NULL::text, NULL::text, NULL::text, verify_ledger.checkpoint;
        ELSIF split_part(verify_ledger.checkpoint, E'\n', 1) <> ALL (origins) THEN
            RETURN QUERY SELECT 'checkpoint of another log', NULL::bigint, NULL::text, NULL::text, array_to_string(origins, ', '),
                split_part(verify_ledger.checkpoint, E'\n', 1);
        END IF;
    END IF;
    RETURN QUERY SELECT h.* FROM release_mgmt_internal.verify_held(held_logs, held_notes, held_from) AS h;
    RETURN QUERY SELECT e.* FROM release_mgmt_internal.verify_epochs() AS e;
    RETURN QUERY SELECT v.* FROM release_mgmt_internal.verify_logs(logs, held_logs, held_notes, held_from) AS v;
    RETURN QUERY SELECT g.* FROM release_mgmt_internal.verify_registry() AS g WHERE release_mgmt_internal.is_active();
    RETURN QUERY SELECT t.* FROM release_mgmt_internal.verify_triggers() AS t;
    RETURN QUERY SELECT o.* FROM release_mgmt_internal.verify_objects() AS o;
END;
$$;
COMMENT ON FUNCTION release_mgmt.verify_ledger(text) IS
'Recomputes everything from the live rows to the root of the tree, and returns a row for each thing that does not fit; no row means that all is sound.
checkpoint: one kept outside this database, signed or not; those signed here, and the one beside the signing key, are held against the tree as well.
finding: leaf changed, leaf missing, leaf added, leaf not in the head, tile changed, tile missing, head changed, tree shrank, checkpoint contradicted, checkpoint
unreadable, checkpoint signature invalid, checkpoint of another log, log missing, checkpoint of the epoch before missing, entry unreadable, changes altered, changes missing, changes added, changes without
leaf, row changed, row missing, row added, row can not be verified, baseline incomplete (rows of a table are still to come, see govern_in_batches()),
maintenance under way, maintenance expired (rows are to be recorded at its end, see begin_maintenance()), table missing, table not governed, column
unknown, columns changed, key changed, event trigger missing, event trigger disabled, trigger missing, trigger disabled, trigger altered,
function altered; and kinds of shipped objects (function, view, trigger, policy, row security, event trigger, verifier) altered, missing or added. log_index: the leaf concerned; of a row, that of its last change; NULL where it is not sequenced. key: of a row; or what else is named.
Changes that a superuser made, leaves and all, before a checkpoint went outside can not be seen. Errors: RM001 where there is no ledger.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.verify_ledger(text)');

-- The same.
CREATE FUNCTION release_mgmt.verify_ledger_since(checkpoint text)
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    log ledger_log;
    state text := release_mgmt_internal.checkpoint_state(verify_ledger_since.checkpoint);
    held_logs uuid[];
    held_notes text[];
    held_from text[];
BEGIN
    SELECT l.* INTO log FROM ledger_identity AS i JOIN ledger_log AS l ON l.id = i.log_id;
    IF log.id IS NULL THEN
        PERFORM release_mgmt_internal.require_active();
    END IF;
    IF state IN ('unreadable', 'signature invalid') THEN
        RETURN QUERY SELECT 'checkpoint ' || state, NULL::bigint, NULL::text, NULL::text, NULL::text, verify_ledger_since.checkpoint;
        RETURN;
    ELSIF split_part(verify_ledger_since.checkpoint, E'\n', 1) <> log.origin THEN
        RETURN QUERY SELECT 'checkpoint of another log', NULL::bigint, NULL::text, NULL::text, log.origin,
            split_part(verify_ledger_since.checkpoint, E'\n', 1);
        RETURN;
    END IF;
    SELECT array_agg(h.log_id), array_agg(h.note), array_agg(h.held) INTO held_logs, held_notes, held_from
    FROM release_mgmt_internal.held_checkpoints(verify_ledger_since.checkpoint) AS h;
    RETURN QUERY SELECT h.* FROM release_mgmt_internal.verify_held(held_logs, held_notes, held_from) AS h;
    RETURN QUERY SELECT v.* FROM release_mgmt_internal.verify_log_since(log.id, verify_ledger_since.checkpoint, held_logs, held_notes, held_from) AS v;
    RETURN QUERY SELECT g.* FROM release_mgmt_internal.verify_registry() AS g WHERE release_mgmt_internal.is_active();
    RETURN QUERY SELECT t.* FROM release_mgmt_internal.verify_triggers() AS t;
    RETURN QUERY SELECT o.* FROM release_mgmt_internal.verify_objects() AS o;
END;
$$;
COMMENT ON FUNCTION release_mgmt.verify_ledger_since(text) IS
'As verify_ledger(), but for what came after the checkpoint, at a cost that follows that alone: the tree grew from it, every leaf behind it, the changes
beneath, and each row that one of these changes made. checkpoint: of the present log, kept outside this database, and up to which verify_ledger() found
nothing. Older entries and changes, and rows that were not changed since, are not read: what was done to them behind the ledger''s back is not seen.
Errors: RM001 where there is no ledger, RM014 where the checkpoint''s own part of the tree can not be read.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.verify_ledger_since(text)');
