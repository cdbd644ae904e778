-- Module ledger: the baseline of a large table, recorded in batches while writers go on.
--
-- From its first moment each change is captured. What stood there before is recorded range by range of blocks; a row that
-- somebody changes meanwhile is left out, since its change is in the ledger. As long as that goes on, verification says so:
-- a row that the ledger does not know can not be told then from one that is still to come.

CREATE TABLE release_mgmt.governance_baseline (
    id          uuid DEFAULT release_mgmt.new_id(),
    table_id    uuid NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    recorded    bigint,
    CONSTRAINT governance_baseline_pkey PRIMARY KEY (id),
    CONSTRAINT governance_baseline_finished_at_check CHECK (finished_at >= begun_at)
);
COMMENT ON TABLE release_mgmt.governance_baseline IS
'The tables that came under governance in batches, and when every row of theirs had been recorded. Written by govern_in_batches().';
COMMENT ON COLUMN release_mgmt.governance_baseline.table_id IS 'governed_table.id';
COMMENT ON COLUMN release_mgmt.governance_baseline.finished_at IS 'NULL: rows are still to come, and verify_ledger() says so';
COMMENT ON COLUMN release_mgmt.governance_baseline.recorded IS 'How many rows were recorded; not those whose changes were captured meanwhile';
CREATE UNIQUE INDEX governance_baseline_open_idx ON release_mgmt.governance_baseline (table_id) WHERE finished_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.governance_baseline', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.governance_baseline');

CREATE TABLE release_mgmt.ledger_baseline (
    table_id   uuid,
    member     regclass,
    begun      xid8,
    filenode   oid NOT NULL,
    next_block bigint NOT NULL DEFAULT 0,
    blocks     bigint NOT NULL,
    recorded   bigint NOT NULL DEFAULT 0,
    stepped_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    stepped_by integer,
    CONSTRAINT ledger_baseline_pkey PRIMARY KEY (table_id, member),
    CONSTRAINT ledger_baseline_next_block_check CHECK (next_block BETWEEN 0 AND blocks)
);
COMMENT ON TABLE release_mgmt.ledger_baseline IS
'How far the baselines under way have come, relation by relation. Only where to go on: verification does not use it.';
COMMENT ON COLUMN release_mgmt.ledger_baseline.begun IS
'The transaction since which changes are captured: what a later one wrote needs no baseline. NULL in a restored database';
COMMENT ON COLUMN release_mgmt.ledger_baseline.filenode IS 'A relation that was rewritten has its rows in other blocks, and is begun again';
COMMENT ON COLUMN release_mgmt.ledger_baseline.stepped_at IS 'When rows were last recorded; where that is long ago, the background worker takes over';
COMMENT ON COLUMN release_mgmt.ledger_baseline.stepped_by IS 'Process id of who recorded them';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_baseline', '');

CREATE FUNCTION release_mgmt_internal.capture_blocks(member regclass, table_id uuid, begun xid8, first_block bigint, end_block bigint, wanted bigint,
    OUT recorded bigint, OUT next_block bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_capture_blocks';
COMMENT ON FUNCTION release_mgmt_internal.capture_blocks(regclass, uuid, xid8, bigint, bigint, bigint) IS
'Records the rows in blocks first_block to end_block - 1 of one relation as its baseline, but those that a transaction since begun wrote (NULL: all), until
as many as wanted are recorded. Returns their number, and the first block that was not read.';

CREATE FUNCTION release_mgmt_internal.finish_baseline(table_id uuid) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    UPDATE release_mgmt.governance_baseline AS b
    SET finished_at = pg_catalog.clock_timestamp(),
        recorded = (SELECT coalesce(sum(p.recorded), 0) FROM release_mgmt.ledger_baseline AS p WHERE p.table_id = b.table_id)
    WHERE b.table_id = finish_baseline.table_id AND b.finished_at IS NULL;
    DELETE FROM release_mgmt.ledger_baseline AS p WHERE p.table_id = finish_baseline.table_id;
END;
COMMENT ON FUNCTION release_mgmt_internal.finish_baseline(uuid) IS 'Notes that no row of the table is still to come.';

CREATE FUNCTION release_mgmt_internal.baseline_step(table_id uuid, wanted bigint) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part release_mgmt.ledger_baseline;
    step record;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    -- One at a time for each table.
    PERFORM FROM release_mgmt.governance_baseline AS b WHERE b.table_id = baseline_step.table_id AND b.finished_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'finished';
    END IF;
    DELETE FROM release_mgmt.ledger_baseline AS p
    WHERE p.table_id = baseline_step.table_id
      AND NOT EXISTS (SELECT FROM release_mgmt.governed_table AS t WHERE t.id = p.table_id AND p.member = ANY (t.members));
    SELECT p.* INTO part
    FROM release_mgmt.ledger_baseline AS p
    WHERE p.table_id = baseline_step.table_id AND (p.next_block < p.blocks OR p.filenode <> pg_relation_filenode(p.member))
    ORDER BY p.member::oid
    LIMIT 1;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.finish_baseline(baseline_step.table_id);
        RETURN 'finished';
    END IF;
    -- Whoever holds the table is not waited for at length: writers would queue up behind us.
    PERFORM set_config('lock_timeout', '200ms', true);
    BEGIN
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', part.member);
    EXCEPTION WHEN lock_not_available THEN
        RETURN 'busy';
    END;
    IF part.filenode <> pg_relation_filenode(part.member) THEN
        part.filenode := pg_relation_filenode(part.member);
        part.next_block := 0;
        part.blocks := pg_relation_size(part.member) / current_setting('block_size')::bigint;
    END IF;
    SELECT c.* INTO step
    FROM release_mgmt_internal.capture_blocks(part.member, part.table_id, part.begun, part.next_block, part.blocks, wanted) AS c;
    UPDATE release_mgmt.ledger_baseline AS p
    SET filenode = part.filenode, blocks = part.blocks, next_block = step.next_block, recorded = p.recorded + step.recorded,
        stepped_at = clock_timestamp(), stepped_by = pg_backend_pid()
    WHERE p.table_id = part.table_id AND p.member = part.member;
    RETURN 'more';
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.baseline_step(uuid, bigint) IS
'Records about so many more rows of a table whose baseline is under way, with its writers locked out meanwhile. Returns more, busy (somebody held the table;
nothing was done) or finished.';
