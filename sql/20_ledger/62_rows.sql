-- Module ledger: the captured changes of many rows at once.

-- Transactions are named by UUIDs of version 7, which begin with the time (RFC 9562 section 5.7), so that an index on them finds
-- the recent ones; a day is spared for those that take long to commit.
CREATE FUNCTION release_mgmt_internal.oldest_transaction(since timestamptz) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.rpad(pg_catalog.lpad(pg_catalog.to_hex(coalesce(pg_catalog.floor(extract(epoch FROM since - interval '1 day') * 1000), 0)::bigint), 12, '0'), 32, '0')::uuid;
END;
COMMENT ON FUNCTION release_mgmt_internal.oldest_transaction(timestamptz) IS 'No transaction that committed since then has a lower id; of NULL, none has.';

CREATE FUNCTION release_mgmt_internal.changes_of_rows_in(tables uuid[], keys text[], batches bytea[], first_seqs bigint[], ranks integer[])
RETURNS TABLE (ordinal bigint, n bigint, rank integer, operation text, attribute text, old_value text)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 10000 AS 'MODULE_PATHNAME', 'rm_changes_of_rows';
COMMENT ON FUNCTION release_mgmt_internal.changes_of_rows_in(uuid[], text[], bytea[], bigint[], integer[]) IS
'The changes of rows, given by their tables'' ids and keys, out of batches, given with the numbers of their first changes and the ranks of their transactions, the last one first. What is returned: see changes_of_rows().';

-- What history_of() tells of one row: each batch is found by key and read once. A batch that ledger_key knows stands in
-- ledger_batch, and its leaf in ledger_entry; the tables of pending leaves are read once, for those that it does not know.
CREATE FUNCTION release_mgmt_internal.changes_of_rows(tables uuid[], keys text[], since timestamptz DEFAULT NULL)
RETURNS TABLE (ordinal bigint, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    oldest CONSTANT uuid := release_mgmt_internal.oldest_transaction(since);
    batches bytea[];
    first_seqs bigint[];
    ranks integer[];
    transactions uuid[];
    times timestamptz[];
    roles text[];
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    WITH keyed AS MATERIALIZED (
        SELECT DISTINCT k.transaction_id, k.first_seq
        FROM unnest(tables, keys) AS w (table_id, key)
        CROSS JOIN LATERAL (SELECT x.transaction_id, x.first_seq FROM release_mgmt.ledger_key AS x
                            WHERE x.hash = release_mgmt_internal.key_hash(w.table_id, w.key) OFFSET 0) AS k
        WHERE k.transaction_id >= oldest
    ), batch AS MATERIALIZED (
        SELECT k.transaction_id, k.first_seq, b.changes
        FROM keyed AS k
        CROSS JOIN LATERAL (SELECT x.changes FROM release_mgmt.ledger_batch AS x
                            WHERE x.transaction_id = k.transaction_id AND x.first_seq = k.first_seq OFFSET 0) AS b
        UNION ALL
        SELECT u.transaction_id, u.first_seq, u.changes
        FROM release_mgmt_internal.unkeyed_batch AS u
        WHERE u.transaction_id >= oldest
          AND NOT EXISTS (SELECT FROM keyed AS k WHERE k.transaction_id = u.transaction_id AND k.first_seq = u.first_seq)
    ), leaf AS MATERIALIZED (
        SELECT t.transaction_id, e.entry, e.index AS log_index, g.opened_at AS log_opened_at, NULL::pg_lsn AS position
        FROM (SELECT DISTINCT b.transaction_id FROM batch AS b) AS t
        CROSS JOIN LATERAL (SELECT x.entry, x.index, x.log_id FROM release_mgmt.ledger_entry AS x WHERE x.transaction_id = t.transaction_id OFFSET 0) AS e
        JOIN release_mgmt.ledger_log AS g ON g.id = e.log_id
        UNION ALL
        SELECT p.transaction_id, p.entry, NULL, NULL, p.position FROM release_mgmt_internal.pending_leaf AS p
        WHERE p.transaction_id IN (SELECT u.transaction_id FROM batch AS u)
    ), ranked AS MATERIALIZED (
        SELECT t.transaction_id, l.entry,
               row_number() OVER (ORDER BY l.entry IS NOT NULL, l.log_index IS NOT NULL, l.log_opened_at DESC, l.log_index DESC,
                                           l.position DESC, t.transaction_id DESC)::integer AS rank
        FROM (SELECT DISTINCT b.transaction_id FROM batch AS b) AS t LEFT JOIN leaf AS l ON l.transaction_id = t.transaction_id
    )
    SELECT b.changes, b.first_seqs, b.ranks, r.transactions, r.times, r.roles INTO batches, first_seqs, ranks, transactions, times, roles
    FROM (SELECT array_agg(x.changes) AS changes, array_agg(x.first_seq) AS first_seqs, array_agg(y.rank) AS ranks
          FROM batch AS x JOIN ranked AS y ON y.transaction_id = x.transaction_id) AS b
    CROSS JOIN (SELECT array_agg(y.transaction_id ORDER BY y.rank) AS transactions,
                       array_agg(coalesce(release_mgmt_internal.entry_field(y.entry, 'at')::timestamptz, now()) ORDER BY y.rank) AS times,
                       array_agg(coalesce(release_mgmt_internal.entry_field(y.entry, 'role'), session_user::text) ORDER BY y.rank) AS roles
                FROM ranked AS y) AS r;
    RETURN QUERY
        SELECT c.ordinal, c.n, r.transaction_id, c.operation, c.attribute, c.old_value, r.at, r.role
        FROM release_mgmt_internal.changes_of_rows_in(tables, keys, batches, first_seqs, ranks) AS c
        JOIN unnest(transactions, times, roles) WITH ORDINALITY AS r (transaction_id, at, role, rank) ON r.rank = c.rank;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.changes_of_rows(uuid[], text[], timestamptz) IS
'The captured changes of rows of governed tables, given by the tables'' ids and keys, all or those since a time and some before: ordinal is the row''s place in these arrays, n counts the changes of a row from the last one back. A row for each column of which the ledger holds what was there before (an update changed it, a delete took it), and one without a column (attribute NULL) of each insert, delete and other change that has none.';
