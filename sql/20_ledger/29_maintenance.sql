-- Module ledger: a maintenance window, in which the schema of governed tables is migrated.
--
-- Changes are captured, triggers guarded and modes enforced as ever. What a window adds: keys may change, since their rows are
-- recorded under the new ones at its end; and rows whose digests a statement moves are recorded once, at the end, not after
-- every statement. Until then verification says so: of such a row it can not tell whether the statement changed it.

CREATE TABLE release_mgmt.maintenance (
    id            uuid DEFAULT release_mgmt.new_id(),
    table_id      uuid NOT NULL,
    reason        text NOT NULL,
    begun_by      text NOT NULL DEFAULT session_user,
    begun_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    until         timestamptz NOT NULL,
    rows_moved_at timestamptz,
    keys_moved    boolean NOT NULL DEFAULT false,
    ended_by      text,
    ended_at      timestamptz,
    recorded      bigint,
    departed      bigint,
    CONSTRAINT maintenance_pkey PRIMARY KEY (id),
    CONSTRAINT maintenance_reason_check CHECK (pg_catalog.btrim(reason) <> ''),
    CONSTRAINT maintenance_until_check CHECK (until > begun_at AND until <= begun_at + interval '7 days'),
    CONSTRAINT maintenance_keys_moved_check CHECK (rows_moved_at IS NOT NULL OR NOT keys_moved),
    CONSTRAINT maintenance_ended_check CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE release_mgmt.maintenance IS
'Maintenance windows of governed tables: who opened them, why and for how long, and what was recorded at their end. Written by begin_maintenance() and
end_maintenance().';
COMMENT ON COLUMN release_mgmt.maintenance.table_id IS 'governed_table.id';
COMMENT ON COLUMN release_mgmt.maintenance.until IS 'From then on the window allows nothing more; it is open, and verification says so, until it is ended';
COMMENT ON COLUMN release_mgmt.maintenance.rows_moved_at IS 'When a statement first moved the digests of rows; NULL: none did';
COMMENT ON COLUMN release_mgmt.maintenance.keys_moved IS 'Whether a statement changed the keys of rows';
COMMENT ON COLUMN release_mgmt.maintenance.recorded IS 'How many rows were recorded at the end; NULL where governance ended first';
COMMENT ON COLUMN release_mgmt.maintenance.departed IS 'How many keys were recorded as gone at the end, because no row has them any more';
CREATE UNIQUE INDEX maintenance_open_idx ON release_mgmt.maintenance (table_id) WHERE ended_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.maintenance', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.maintenance');

CREATE FUNCTION release_mgmt_internal.in_maintenance(table_id uuid) RETURNS boolean
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM release_mgmt.maintenance AS m
        WHERE m.table_id = in_maintenance.table_id AND m.ended_at IS NULL AND m.until > pg_catalog.clock_timestamp());
END;
COMMENT ON FUNCTION release_mgmt_internal.in_maintenance(uuid) IS 'Whether a maintenance window of the table is open and has not expired.';

CREATE FUNCTION release_mgmt_internal.note_moved(table_id uuid, keys boolean) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    UPDATE release_mgmt.maintenance AS m
    SET rows_moved_at = coalesce(m.rows_moved_at, pg_catalog.clock_timestamp()), keys_moved = m.keys_moved OR keys
    WHERE m.table_id = note_moved.table_id AND m.ended_at IS NULL AND (m.rows_moved_at IS NULL OR keys AND NOT m.keys_moved);
END;
COMMENT ON FUNCTION release_mgmt_internal.note_moved(uuid, boolean) IS
'Notes that rows of a table in maintenance are to be recorded at its end, and whether under other keys.';

CREATE FUNCTION release_mgmt_internal.close_maintenance(table_id uuid, recorded bigint, departed bigint) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    UPDATE release_mgmt.maintenance AS m
    SET ended_by = session_user, ended_at = pg_catalog.clock_timestamp(), recorded = close_maintenance.recorded, departed = close_maintenance.departed
    WHERE m.table_id = close_maintenance.table_id AND m.ended_at IS NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.close_maintenance(uuid, bigint, bigint) IS 'Notes that the table''s window, if one is open, has ended.';

CREATE FUNCTION release_mgmt_internal.capture_departure(table_id uuid, key text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_capture_departure';
COMMENT ON FUNCTION release_mgmt_internal.capture_departure(uuid, text) IS
'Records that no row has the key any more, as a delete without old values.';

CREATE FUNCTION release_mgmt_internal.record_moved_keys(of_table uuid, first_seq bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own CONSTANT uuid := release_mgmt_internal.current_transaction();
    departed bigint;
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    WITH change AS MATERIALIZED (
        SELECT b.transaction_id, c.seq, c.key, c.former_key, c.operation, c.command_id, g.opened_at, l.log_index, l.position
        FROM release_mgmt_internal.change_batch AS b
        CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
        LEFT JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = b.transaction_id
        LEFT JOIN release_mgmt.ledger_log AS g ON g.id = l.log_id
        WHERE c.table_id = of_table
    ), event AS (
        SELECT c.key, c.operation <> 'delete' AS arrives, c.transaction_id, c.seq, c.command_id, c.opened_at, c.log_index, c.position FROM change AS c
        UNION ALL
        SELECT c.former_key, false, c.transaction_id, c.seq, c.command_id, c.opened_at, c.log_index, c.position FROM change AS c WHERE c.former_key IS NOT NULL
    ), last AS (
        -- Sequenced, then pending, then of this transaction; within a command departures come before arrivals.
        SELECT DISTINCT ON (e.key) e.key, e.arrives, e.transaction_id, e.seq
        FROM event AS e
        ORDER BY e.key, e.opened_at DESC NULLS FIRST, e.log_index DESC NULLS FIRST, e.position DESC NULLS FIRST, e.command_id DESC, e.arrives DESC, e.seq DESC
    )
    SELECT count(release_mgmt_internal.capture_departure(of_table, l.key)) INTO departed
    FROM last AS l
    WHERE l.arrives AND NOT (l.transaction_id = own AND l.seq >= first_seq);
    RETURN departed;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_moved_keys(uuid, bigint) IS
'After every live row was recorded in this transaction, from that number on: records each other key that the ledger holds for present as gone. Returns
their number. Reads every captured change.';

CREATE FUNCTION release_mgmt.begin_maintenance(sources regclass[], reason text, until timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text;
    begun integer;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT string_agg(p.problem, E'\n' ORDER BY p.problem) INTO problems
    FROM (
        SELECT CASE WHEN t.id IS NULL THEN format('Table %s is not governed.', s.source)
                    WHEN t.builtin THEN format('Table %s belongs to the extension.', s.source)
                    WHEN EXISTS (SELECT FROM release_mgmt.maintenance AS m WHERE m.table_id = t.id AND m.ended_at IS NULL)
                        THEN format('A window of table %s is open; end it with release_mgmt.end_maintenance().', s.source)
                    WHEN EXISTS (SELECT FROM release_mgmt.governance_baseline AS b WHERE b.table_id = t.id AND b.finished_at IS NULL)
                        THEN format('The baseline of table %s is under way; finish it with release_mgmt.govern_in_batches().', s.source) END
        FROM unnest(sources) AS s (source)
        LEFT JOIN release_mgmt.governed_table AS t ON t.source = s.source
        UNION ALL
        SELECT 'There is no reason.' WHERE btrim(begin_maintenance.reason) = ''
        UNION ALL
        SELECT 'It would not end after now and within 7 days.'
        WHERE begin_maintenance.until <= clock_timestamp() OR begin_maintenance.until > clock_timestamp() + interval '7 days'
    ) AS p (problem)
    WHERE p.problem IS NOT NULL;
    IF problems IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'no maintenance can begin', problems, 'Change what is named above, then call begin_maintenance() again.');
    END IF;
    INSERT INTO release_mgmt.maintenance (table_id, reason, until)
    SELECT DISTINCT t.id, begin_maintenance.reason, begin_maintenance.until
    FROM release_mgmt.governed_table AS t
    WHERE t.source = ANY (sources);
    GET DIAGNOSTICS begun = ROW_COUNT;
    RETURN begun;
END;
$$;
COMMENT ON FUNCTION release_mgmt.begin_maintenance(regclass[], text, timestamptz) IS
'Opens a maintenance window of governed tables, for migrations of their schema by their owners: their keys may be given another type, other values or other
columns, and the unique index of the key may be dropped before there is another; and rows whose digests move are recorded once, by end_maintenance(). Nothing
else is lifted: changes are captured, triggers guarded, modes enforced. reason: why; until: when it stops to allow anything, at most 7 days ahead. Verify
before: rows are recorded at the end as they are then. Until it has ended verify_ledger() says "maintenance under way", or "maintenance expired". Returns the
number of tables. For DBAs. Errors: RM001 inactive, RM015 for a table that is not governed, is the extension''s, has a window or an unfinished baseline, and
without reason or end (names everything).';

CREATE FUNCTION release_mgmt.end_maintenance(sources regclass[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed record;
    problems text;
    first_seq bigint;
    recorded bigint;
    departed bigint;
    total bigint := 0;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    FOR governed IN
        SELECT t.id, t.source
        FROM release_mgmt.governed_table AS t
        JOIN release_mgmt.maintenance AS m ON m.table_id = t.id AND m.ended_at IS NULL
        WHERE end_maintenance.sources IS NULL OR t.source = ANY (end_maintenance.sources)
        ORDER BY t.source::oid
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', governed.source);
    END LOOP;
    SELECT string_agg(format('Table %s has no unique index over NOT NULL columns (%s), nor a primary key.', t.source, array_to_string(t.key_columns, ', ')),
                      E'\n' ORDER BY t.source::text) INTO problems
    FROM release_mgmt.governed_table AS t
    JOIN release_mgmt.maintenance AS m ON m.table_id = t.id AND m.ended_at IS NULL
    WHERE (end_maintenance.sources IS NULL OR t.source = ANY (end_maintenance.sources)) AND NOT release_mgmt_internal.is_key(t.source, t.key_columns);
    IF problems IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'maintenance can not end while rows have no key', problems,
            'Create the primary key, then call end_maintenance() again.');
    END IF;
    -- So that changes stay where they are looked for.
    PERFORM release_mgmt_internal.hold_sequencing();
    FOR governed IN
        SELECT t.id, m.rows_moved_at, m.keys_moved
        FROM release_mgmt.governed_table AS t
        JOIN release_mgmt.maintenance AS m ON m.table_id = t.id AND m.ended_at IS NULL
        WHERE end_maintenance.sources IS NULL OR t.source = ANY (end_maintenance.sources)
        ORDER BY t.source::oid
    LOOP
        recorded := 0;
        departed := 0;
        IF governed.rows_moved_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.flush_changes();
            SELECT coalesce(max(b.first_seq + b.count), 0) INTO first_seq
            FROM release_mgmt.ledger_batch AS b
            WHERE b.transaction_id = release_mgmt_internal.current_transaction();
            recorded := release_mgmt_internal.capture_table(governed.id, 'schema');
            IF governed.keys_moved THEN
                departed := release_mgmt_internal.record_moved_keys(governed.id, first_seq);
            END IF;
        END IF;
        PERFORM release_mgmt_internal.close_maintenance(governed.id, recorded, departed);
        total := total + recorded;
    END LOOP;
    RETURN total;
END;
$$;
COMMENT ON FUNCTION release_mgmt.end_maintenance(regclass[]) IS
'Ends the maintenance windows of these tables (NULL: all that are open), expired or not: records every row of those whose digests were moved, as they are now,
and, where keys changed, that the former ones are gone. Locks the tables against writers until the end of the transaction. Returns the number of rows; 0
also where no window is open. For DBAs. Errors: RM001 inactive, RM015 where a table is left without a key.';
