-- Module ledger: the captured changes of many rows at once.

-- Transactions are named by UUIDs of version 7, which begin with the time (RFC 9562 section 5.7), so that an index on them finds
-- the recent ones; a day is spared for those that take long to commit.
CREATE FUNCTION release_mgmt_internal.oldest_transaction(since timestamptz) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.rpad(pg_catalog.lpad(pg_catalog.to_hex(coalesce(pg_catalog.floor(extract(epoch FROM since - interval '1 day') * 1000), 0)::bigint), 12, '0'), 32, '0')::uuid;
END;
COMMENT ON FUNCTION release_mgmt_internal.oldest_transaction(timestamptz) IS 'No transaction that committed since then has a lower id; of NULL, none has.';

-- What history_of() tells of one row: each batch is found by key and read once. A batch that ledger_key knows stands in
-- ledger_batch, and its leaf in ledger_entry; the tables of pending leaves are read once, for those that it does not know.
CREATE FUNCTION release_mgmt_internal.changes_of_rows(tables uuid[], keys text[], since timestamptz DEFAULT NULL)
RETURNS TABLE (ordinal bigint, n bigint, transaction_id uuid, operation text, old jsonb, at timestamptz, role text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    oldest CONSTANT uuid := release_mgmt_internal.oldest_transaction(since);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
        WITH wanted AS MATERIALIZED (
            SELECT w.ordinal, w.table_id, w.key, release_mgmt_internal.key_hash(w.table_id, w.key) AS hash
            FROM unnest(tables, keys) WITH ORDINALITY AS w (table_id, key, ordinal)
        ), keyed AS MATERIALIZED (
            SELECT DISTINCT k.transaction_id, k.first_seq
            FROM wanted AS w
            CROSS JOIN LATERAL (SELECT x.transaction_id, x.first_seq FROM release_mgmt.ledger_key AS x WHERE x.hash = w.hash OFFSET 0) AS k
            WHERE k.transaction_id >= oldest
        ), batch AS MATERIALIZED (
            SELECT k.transaction_id, k.first_seq, b.changes, l.entry, l.log_index, l.log_opened_at, NULL::pg_lsn AS position
            FROM keyed AS k
            CROSS JOIN LATERAL (SELECT x.changes FROM release_mgmt.ledger_batch AS x
                                WHERE x.transaction_id = k.transaction_id AND x.first_seq = k.first_seq OFFSET 0) AS b
            LEFT JOIN LATERAL (SELECT e.entry, e.index AS log_index, g.opened_at AS log_opened_at
                               FROM release_mgmt.ledger_entry AS e JOIN release_mgmt.ledger_log AS g ON g.id = e.log_id
                               WHERE e.transaction_id = k.transaction_id OFFSET 0) AS l ON true
            UNION ALL
            SELECT u.transaction_id, u.first_seq, u.changes, l.entry, l.log_index, l.log_opened_at, l.position
            FROM release_mgmt_internal.unkeyed_batch AS u
            LEFT JOIN LATERAL (SELECT x.* FROM release_mgmt_internal.transaction_leaf AS x WHERE x.transaction_id = u.transaction_id OFFSET 0) AS l ON true
            WHERE u.transaction_id >= oldest
              AND NOT EXISTS (SELECT FROM keyed AS k WHERE k.transaction_id = u.transaction_id AND k.first_seq = u.first_seq)
        ), change AS MATERIALIZED (
            SELECT b.transaction_id, b.entry IS NOT NULL AS committed, b.log_index, b.log_opened_at, b.position,
                   coalesce(release_mgmt_internal.entry_field(b.entry, 'at')::timestamptz, now()) AS at,
                   coalesce(release_mgmt_internal.entry_field(b.entry, 'role'), session_user::text) AS role,
                   c.seq, c.command_id, c.table_id, c.key, c.former_key, c.operation, c.old
            FROM (SELECT x.* FROM batch AS x OFFSET 0) AS b CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
        ), found AS (
            SELECT w.ordinal, c.* FROM change AS c JOIN wanted AS w ON w.table_id = c.table_id AND w.key = c.key
            UNION ALL
            SELECT w.ordinal, c.* FROM change AS c JOIN wanted AS w ON w.table_id = c.table_id AND w.key = c.former_key
        )
        SELECT f.ordinal, row_number() OVER (PARTITION BY f.ordinal ORDER BY f.committed, f.log_index IS NOT NULL, f.log_opened_at DESC, f.log_index DESC,
                                             f.position DESC, f.transaction_id DESC, f.command_id DESC, f.seq DESC),
               f.transaction_id, f.operation, f.old, f.at, f.role
        FROM found AS f;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.changes_of_rows(uuid[], text[], timestamptz) IS
'The captured changes of rows of governed tables, given by the tables'' ids and keys, all or those since a time and some before: ordinal is the row''s place in these arrays, n counts the changes of a row from the last one back.';
