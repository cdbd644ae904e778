-- Module trace: what the ledger and the bound tables hold of many items at once.

-- Transactions are named by UUIDs of version 7, which begin with the time (RFC 9562 section 5.7), so that an index on them finds
-- the recent ones; a day is spared for those that take long to commit.
CREATE FUNCTION release_mgmt_internal.oldest_transaction(since timestamptz) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.rpad(pg_catalog.lpad(pg_catalog.to_hex(coalesce(pg_catalog.floor(extract(epoch FROM since - interval '1 day') * 1000), 0)::bigint), 12, '0'), 32, '0')::uuid;
END;
COMMENT ON FUNCTION release_mgmt_internal.oldest_transaction(timestamptz) IS 'No transaction that committed since then has a lower id; of NULL, none has.';

-- What history_of() tells of one row, for many: each batch of the ledger is found by key and read once.
CREATE FUNCTION release_mgmt_internal.captured_of(items uuid[], since timestamptz)
RETURNS TABLE (ci_id uuid, n bigint, transaction_id uuid, operation text, old jsonb, at timestamptz, role text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    oldest CONSTANT uuid := release_mgmt_internal.oldest_transaction(since);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
        WITH item AS MATERIALIZED (
            SELECT i.id, i.key, g.id AS table_id, release_mgmt_internal.key_hash(g.id, i.key) AS hash
            FROM unnest(items) AS u (id)
            JOIN release_mgmt.ci AS i ON i.id = u.id
            JOIN release_mgmt.ci_class AS c ON c.name = i.class
            JOIN release_mgmt.governed_table AS g ON g.source = c.source
        ), batch AS MATERIALIZED (
            SELECT k.transaction_id, k.first_seq
            FROM item AS i
            CROSS JOIN LATERAL (SELECT x.transaction_id, x.first_seq FROM release_mgmt.ledger_key AS x WHERE x.hash = i.hash OFFSET 0) AS k
            WHERE k.transaction_id >= oldest
            UNION
            SELECT u.transaction_id, u.first_seq FROM release_mgmt_internal.unkeyed_batch AS u WHERE u.transaction_id >= oldest
        ), placed AS MATERIALIZED (
            SELECT b.transaction_id, b.first_seq, c.changes, l.entry IS NOT NULL AS committed, l.log_index, l.log_opened_at, l.position,
                   coalesce(release_mgmt_internal.entry_field(l.entry, 'at')::timestamptz, now()) AS at,
                   coalesce(release_mgmt_internal.entry_field(l.entry, 'role'), session_user::text) AS role
            FROM batch AS b
            CROSS JOIN LATERAL (SELECT x.changes FROM release_mgmt_internal.change_batch AS x
                                WHERE x.transaction_id = b.transaction_id AND x.first_seq = b.first_seq OFFSET 0) AS c
            LEFT JOIN LATERAL (SELECT x.* FROM release_mgmt_internal.transaction_leaf AS x WHERE x.transaction_id = b.transaction_id OFFSET 0) AS l ON true
        ), change AS MATERIALIZED (
            SELECT p.*, c.seq, c.command_id, c.table_id, c.key, c.former_key, c.operation, c.old
            FROM placed AS p CROSS JOIN LATERAL release_mgmt_internal.changes_in(p.changes, p.first_seq) AS c
        ), of_item AS (
            SELECT i.id, c.* FROM change AS c JOIN item AS i ON i.table_id = c.table_id AND i.key = c.key
            UNION ALL
            SELECT i.id, c.* FROM change AS c JOIN item AS i ON i.table_id = c.table_id AND i.key = c.former_key
        )
        SELECT o.id, row_number() OVER (PARTITION BY o.id ORDER BY o.committed, o.log_index IS NOT NULL, o.log_opened_at DESC, o.log_index DESC,
                                        o.position DESC, o.transaction_id DESC, o.command_id DESC, o.seq DESC),
               o.transaction_id, o.operation, o.old, o.at, o.role
        FROM of_item AS o;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.captured_of(uuid[], timestamptz) IS
'The captured changes of the items'' rows, all or those since a time and some before; n counts from the last one back, for each item.';

CREATE FUNCTION release_mgmt_internal.present_values(items uuid[]) RETURNS TABLE (ci_id uuid, attribute text, value text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT k.source, k.key_columns, array_agg(i.id) AS ids, array_agg(i.key) AS keys
        FROM unnest(items) AS u (id) JOIN release_mgmt.ci AS i ON i.id = u.id JOIN release_mgmt.ci_class AS k ON k.name = i.class
        WHERE k.source IS NOT NULL GROUP BY k.name
    LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT k.id, v.attribute, v.value
            FROM unnest($1, $2) AS k (id, key)
            CROSS JOIN LATERAL (SELECT release_mgmt_internal.split_key(k.key) AS parts OFFSET 0) AS p
            JOIN %s AS t ON %s
            CROSS JOIN LATERAL release_mgmt_internal.row_values(t) AS v $sql$,
            c.source, release_mgmt_internal.key_condition(c.source, c.key_columns, 'p.parts'))
        USING c.ids, c.keys;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.present_values(uuid[]) IS 'What ci_attributes() tells of one item, for many.';
