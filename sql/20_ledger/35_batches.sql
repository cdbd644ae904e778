-- Module ledger: govern() for tables of millions of rows.

CREATE FUNCTION release_mgmt_internal.begin_baseline(source regclass, mode text, key text[]) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed_id uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    governed_id := release_mgmt_internal.change_governance(source, mode, key);
    IF governed_id IS NOT NULL THEN
        RETURN governed_id;
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
    BEGIN
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', source);
    EXCEPTION WHEN lock_not_available THEN
        RETURN NULL;
    END;
    governed_id := release_mgmt_internal.begin_governance(source, mode, key);
    INSERT INTO release_mgmt.governance_baseline (table_id) VALUES (governed_id);
    INSERT INTO release_mgmt.ledger_baseline (table_id, member, begun, filenode, blocks)
    SELECT governed_id, m, pg_current_xact_id(), pg_relation_filenode(m), pg_relation_size(m) / current_setting('block_size')::bigint
    FROM release_mgmt_internal.members_of(source) AS m
    JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r';
    RETURN governed_id;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.begin_baseline(regclass, text, text[]) IS
'First step of govern_in_batches(): captures each change from here on. Returns the table''s id, also where it is governed already; NULL where somebody held
the table and nothing was done.';

CREATE PROCEDURE release_mgmt.govern_in_batches(source regclass, mode text DEFAULT 'observe', key text[] DEFAULT NULL, batch_rows bigint DEFAULT 20000)
LANGUAGE c AS 'MODULE_PATHNAME', 'rm_govern_in_batches';
COMMENT ON PROCEDURE release_mgmt.govern_in_batches(regclass, text, text[], bigint) IS
'govern() for a table of millions of rows: captures each change from the start, then records the rows there are in transactions of about batch_rows, for
each of which writers are locked out for a moment. govern_progress shows how far it is. Ended by a crash or a cancel, it goes on where it was when called
again; until it has finished, verify_ledger() says "baseline incomplete". Commits, so that it can not be called within a transaction block. Arguments as
for govern(). For DBAs. Errors: RM001 inactive, RM012 not_governable, 2D000 in a transaction block, 22023 batch_rows not positive.';

CREATE VIEW release_mgmt.govern_progress WITH (security_invoker = true) AS
    SELECT t.source, t.mode, b.begun_at, sum(p.blocks)::bigint AS blocks, sum(p.next_block)::bigint AS blocks_done, sum(p.recorded)::bigint AS recorded,
           round(100 * sum(p.next_block) / greatest(sum(p.blocks), 1), 1) AS percent
    FROM release_mgmt.governance_baseline AS b
    JOIN release_mgmt.governed_table AS t ON t.id = b.table_id
    JOIN release_mgmt.ledger_baseline AS p ON p.table_id = b.table_id
    WHERE b.finished_at IS NULL
    GROUP BY t.source, t.mode, b.begun_at;
COMMENT ON VIEW release_mgmt.govern_progress IS
'Tables whose rows govern_in_batches() is recording, or was when it was interrupted: blocks in all, blocks done, rows recorded, percent of the blocks.';

CREATE FUNCTION release_mgmt.preview_govern(source regclass, key text[] DEFAULT NULL, sample_rows bigint DEFAULT 20000,
    OUT rows bigint, OUT sampled bigint, OUT bytes bigint, OUT duration interval)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key_columns CONSTANT text[] := coalesce(preview_govern.key, release_mgmt_internal.primary_key_of(preview_govern.source));
    largest record;
    sample_id uuid;
    started timestamptz;
    held bigint;
    estimated float8;
    step record;
    finished boolean := false;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    PERFORM release_mgmt_internal.require_mode(preview_govern.source, 'observe');
    IF EXISTS (SELECT FROM release_mgmt.governed_table AS t WHERE t.source = preview_govern.source) THEN
        rows := 0;
        sampled := 0;
        bytes := 0;
        duration := '0';
        RETURN;
    END IF;
    PERFORM release_mgmt_internal.require_governable(preview_govern.source, key_columns);
    SELECT c.oid::regclass AS relid, pg_relation_size(c.oid) AS size, sum(pg_relation_size(c.oid)) OVER () AS total INTO largest
    FROM release_mgmt_internal.members_of(preview_govern.source) AS m
    JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r'
    ORDER BY pg_relation_size(c.oid) DESC
    LIMIT 1;
    -- What a sample is written is measured, then undone.
    BEGIN
        INSERT INTO release_mgmt.governed_table AS t (source, mode, key_columns, column_keys, column_names, column_numbers, members)
        SELECT preview_govern.source, 'observe', key_columns, c.names, c.names, c.numbers, ARRAY[preview_govern.source]
        FROM release_mgmt_internal.columns_of(preview_govern.source) AS c
        RETURNING t.id INTO sample_id;
        PERFORM release_mgmt_internal.record_child_columns(sample_id);
        PERFORM release_mgmt_internal.flush_changes();
        SELECT coalesce(sum(pg_column_size(b.*)), 0) INTO held
        FROM release_mgmt.ledger_batch AS b WHERE b.transaction_id = release_mgmt_internal.current_transaction();
        started := clock_timestamp();
        SELECT c.* INTO step
        FROM release_mgmt_internal.capture_blocks(largest.relid, sample_id, NULL, 0, largest.size / current_setting('block_size')::bigint, sample_rows) AS c;
        PERFORM release_mgmt_internal.flush_changes();
        duration := clock_timestamp() - started;
        sampled := step.recorded;
        SELECT coalesce(sum(pg_column_size(b.*)), 0) - held INTO bytes
        FROM release_mgmt.ledger_batch AS b WHERE b.transaction_id = release_mgmt_internal.current_transaction();
        finished := true;
        PERFORM release_mgmt_internal.refuse('wrong_state', 'the measurement is over');
    EXCEPTION WHEN OTHERS THEN
        IF NOT finished THEN
            RAISE;
        END IF;
    END;
    -- As many in a block as in those read.
    estimated := sampled * (largest.total / current_setting('block_size')::float8) / greatest(step.next_block, 1);
    rows := estimated;
    bytes := bytes * estimated / greatest(sampled, 1);
    duration := duration * (estimated / greatest(sampled, 1));
END;
$$;
COMMENT ON FUNCTION release_mgmt.preview_govern(regclass, text[], bigint) IS
'What govern() or govern_in_batches() of the table would take: rows, bytes of captured changes (the index over keys, which sequencing builds, comes on top),
and time. Estimated from about sample_rows rows at the table''s beginning, which are captured for real, measured, and undone. Locks nobody out; takes an ACCESS SHARE
lock. A table that is governed already takes nothing. For DBAs. Errors: RM001 inactive, RM012 not_governable (names every reason).';
