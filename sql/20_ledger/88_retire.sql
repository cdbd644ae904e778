-- Module ledger: the way out. DROP EXTENSION takes the ledger along. Where others hold a checkpoint of it, that is refused until somebody has said so.

CREATE TABLE release_mgmt.retirement (
    id         uuid DEFAULT release_mgmt.new_id(),
    reason     text NOT NULL,
    kept_at    text NOT NULL,
    tables     text[] NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT retirement_pkey PRIMARY KEY (id),
    CONSTRAINT retirement_reason_check CHECK (pg_catalog.btrim(reason) <> ''),
    CONSTRAINT retirement_kept_at_check CHECK (pg_catalog.btrim(kept_at) <> '')
);
COMMENT ON TABLE release_mgmt.retirement IS
'That the ledger was given up, and why; one of its last leaves. Written by retire_ledger().';
COMMENT ON COLUMN release_mgmt.retirement.kept_at IS 'Where its export is kept, or why there is none';
COMMENT ON COLUMN release_mgmt.retirement.tables IS 'The tables of yours whose governance ended with it';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.retirement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.retirement');

CREATE FUNCTION release_mgmt.preview_drop() RETURNS TABLE (kind text, object text, consequence text)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE gone (classid, objid, objsubid) AS (
        SELECT d.classid, d.objid, d.objsubid
        FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        WHERE e.extname = 'release_mgmt' AND d.deptype = 'e'
        UNION
        SELECT n.classid, n.objid, n.objsubid
        FROM gone AS g
        CROSS JOIN LATERAL (
            SELECT d.classid, d.objid, d.objsubid
            FROM pg_depend AS d
            WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
            UNION ALL
            -- With its rule goes the view.
            SELECT 'pg_class'::regclass, r.ev_class, 0
            FROM pg_rewrite AS r
            WHERE g.classid = 'pg_rewrite'::regclass AND r.oid = g.objid AND r.rulename = '_RETURN') AS n
    ), theirs AS (
        SELECT g.classid, g.objid, g.objsubid, i.type, i.identity, coalesce(a.attrelid, t.tgrelid, k.conrelid, x.indrelid, 0) AS relid
        FROM gone AS g
        CROSS JOIN LATERAL pg_identify_object(g.classid, g.objid, g.objsubid) AS i
        LEFT JOIN pg_attribute AS a ON g.classid = 'pg_class'::regclass AND g.objsubid > 0 AND a.attrelid = g.objid AND a.attnum = g.objsubid
        LEFT JOIN pg_trigger AS t ON g.classid = 'pg_trigger'::regclass AND t.oid = g.objid
        LEFT JOIN pg_constraint AS k ON g.classid = 'pg_constraint'::regclass AND k.oid = g.objid
        LEFT JOIN pg_index AS x ON g.classid = 'pg_class'::regclass AND g.objsubid = 0 AND x.indexrelid = g.objid
        WHERE i.type IN ('table', 'table column', 'view', 'materialized view', 'function', 'procedure', 'index', 'trigger', 'table constraint', 'type', 'policy',
                         'default value')
          AND i.identity NOT LIKE 'pg\_toast.%'
    )
    SELECT DISTINCT t.type, t.identity,
           CASE t.type WHEN 'trigger' THEN 'goes; the table and its rows stay'
                       WHEN 'table column' THEN 'goes with its values; convert it first: ALTER TABLE ... ALTER ... TYPE text'
                       ELSE 'goes' END
    FROM theirs AS t
    LEFT JOIN pg_class AS c ON c.oid = CASE WHEN t.relid <> 0 THEN t.relid WHEN t.classid = 'pg_class'::regclass THEN t.objid END
    LEFT JOIN pg_proc AS p ON t.classid = 'pg_proc'::regclass AND p.oid = t.objid
    LEFT JOIN pg_type AS y ON t.classid = 'pg_type'::regclass AND y.oid = t.objid
    WHERE coalesce(c.relnamespace, p.pronamespace, y.typnamespace) NOT IN (
              SELECT n.oid FROM pg_namespace AS n WHERE n.nspname IN ('release_mgmt', 'release_mgmt_internal', 'pg_toast'))
      AND NOT EXISTS (
          SELECT FROM pg_depend AS d
          WHERE d.classid = t.classid AND d.objid = t.objid AND d.deptype = 'e' AND t.objsubid = 0)
      AND coalesce(y.typrelid, 0) = 0 AND y.typcategory IS DISTINCT FROM 'A'
      AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE t.classid = 'pg_trigger'::regclass AND g.oid = t.objid AND g.tgisinternal)
    ORDER BY 1, 2;
END;
COMMENT ON FUNCTION release_mgmt.preview_drop() IS
'What DROP EXTENSION release_mgmt CASCADE would take of yours: triggers on your tables, columns of the extension''s types with their values, and what is built
upon them. What is not listed stays. For DBAs.';

CREATE FUNCTION release_mgmt.retire_ledger(reason text, kept_at text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names text[];
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF btrim(retire_ledger.reason) = '' OR btrim(retire_ledger.kept_at) = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'giving up a ledger takes a reason and a word on where it is kept', NULL,
            'SELECT release_mgmt.retire_ledger(''why'', ''where the export is kept, or why there is none'').');
    END IF;
    SELECT coalesce(array_agg(t.source::text ORDER BY t.source::text), '{}') INTO names FROM release_mgmt.governed_table AS t WHERE NOT t.builtin;
    PERFORM release_mgmt.ungovern(t.source) FROM release_mgmt.governed_table AS t WHERE NOT t.builtin ORDER BY t.source::text;
    INSERT INTO release_mgmt.retirement (reason, kept_at, tables) VALUES (retire_ledger.reason, retire_ledger.kept_at, names);
    RETURN cardinality(names);
END;
$$;
COMMENT ON FUNCTION release_mgmt.retire_ledger(text, text) IS
'Gives the ledger up, before DROP EXTENSION: ends the governance of every table of yours, which stay as they are without our triggers, and records reason and
kept_at (where the export is kept, or why there is none). Then sequence, sign where a key is configured, export, and drop. Returns the number of tables. For
DBAs. Errors: RM001 inactive, RM015 without reason or kept_at.';

-- Called by the event trigger below, as the extension's owner sees things.
CREATE FUNCTION release_mgmt_internal.refuse_drop(changed_here boolean) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    status record;
    problems text[] := '{}';
    names text;
BEGIN
    SELECT s.* INTO status FROM release_mgmt_internal.status_of_ledger() AS s;
    IF changed_here THEN
        problems := problems || 'This transaction has changed governed rows, which would be recorded nowhere; end it first.'::text;
    END IF;
    IF status.signed_size > 0 THEN
        IF NOT EXISTS (SELECT FROM release_mgmt.retirement) THEN
            problems := problems || format('Others may hold checkpoints of its %s leaves, and nobody has given it up.', status.size);
        END IF;
        SELECT string_agg(t.source::text, ', ' ORDER BY t.source::text) INTO names FROM release_mgmt.governed_table AS t WHERE NOT t.builtin;
        IF names IS NOT NULL THEN
            problems := problems || format('It governs %s.', names);
        END IF;
        IF status.pending > 0 THEN
            problems := problems || format('Leaves that are not sequenced: %s.', status.pending);
        END IF;
        IF status.signed_size < status.size THEN
            problems := problems || format('Leaves that are not signed: %s.', status.size - status.signed_size);
        END IF;
    END IF;
    IF problems <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('ledger_protected', format('ledger "%s" would be lost with the extension', status.origin),
            array_to_string(problems, E'\n'),
            'See release_mgmt.preview_drop(). Call release_mgmt.retire_ledger(reason, kept_at), commit, sequence_ledger() and sign_checkpoint(), keep what you export, then drop. '
            'A superuser who wants it gone without says ALTER EVENT TRIGGER rm_ledger_retire DISABLE.');
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_drop(boolean) IS
'Raises RM013 with everything that is still to be done before DROP EXTENSION. changed_here: whether this transaction has captured changes.';

CREATE FUNCTION release_mgmt_internal.guard_drop_of_extension() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_guard_drop_of_extension';
COMMENT ON FUNCTION release_mgmt_internal.guard_drop_of_extension() IS
'Event trigger rm_ledger_retire: refuses to drop the extension, or one that it needs, while its ledger is in use (RM013).';
CREATE EVENT TRIGGER rm_ledger_retire ON ddl_command_start WHEN TAG IN ('DROP EXTENSION', 'DROP OWNED')
    EXECUTE FUNCTION release_mgmt_internal.guard_drop_of_extension();
ALTER EVENT TRIGGER rm_ledger_retire ENABLE ALWAYS;
