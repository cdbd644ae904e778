-- Module ledger: the captured changes of many rows at once.

-- Transactions are named by UUIDs of version 7, which begin with the time of the first change (RFC 9562 section 5.7), so that an
-- index on them finds the recent ones.
CREATE FUNCTION release_mgmt_internal.least_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN at = 'infinity' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                WHEN at > '1970-01-01 00:00:00+00' THEN
                    pg_catalog.rpad(pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
                ELSE '00000000-0000-0000-0000-000000000000' END;
END;
COMMENT ON FUNCTION release_mgmt_internal.least_id(timestamptz) IS 'No id that was made from then on is less; of NULL, none at all.';

CREATE FUNCTION release_mgmt_internal.oldest_sequenced(since timestamptz) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.least_id(since - greatest(interval '100 milliseconds', max(s.longest)))
    FROM release_mgmt.ledger_slow AS s WHERE s.second >= pg_catalog.date_trunc('second', since);
END;
COMMENT ON FUNCTION release_mgmt_internal.oldest_sequenced(timestamptz) IS 'No transaction in the tree that committed since then has a lower id; of NULL, none has.';

CREATE FUNCTION release_mgmt_internal.leaves_of(transactions uuid[])
RETURNS TABLE (transaction_id uuid, rank integer, at timestamptz, role text, application text)
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED ROWS 100
BEGIN ATOMIC
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT u.id FROM pg_catalog.unnest(transactions) AS u (id)
    ), leaf AS MATERIALIZED (
        -- OFFSET: by index, however large the ledger is.
        SELECT t.id, e.entry, e.index AS log_index, g.opened_at AS log_opened_at, NULL::pg_lsn AS position
        FROM asked AS t
        CROSS JOIN LATERAL (SELECT x.entry, x.index, x.log_id FROM release_mgmt.ledger_entry AS x WHERE x.transaction_id = t.id OFFSET 0) AS e
        JOIN release_mgmt.ledger_log AS g ON g.id = e.log_id
        UNION ALL
        SELECT p.transaction_id, p.entry, NULL, NULL, p.position FROM release_mgmt_internal.pending_leaf AS p
        WHERE p.transaction_id IN (SELECT t.id FROM asked AS t)
    )
    SELECT t.id,
           pg_catalog.row_number() OVER (ORDER BY l.entry IS NOT NULL, l.log_index IS NOT NULL, l.log_opened_at DESC, l.log_index DESC,
                                                  l.position DESC, t.id DESC)::integer,
           coalesce(release_mgmt_internal.entry_field(l.entry, 'at')::timestamptz, pg_catalog.now()),
           coalesce(release_mgmt_internal.entry_who(l.entry), session_user::text),
           CASE WHEN l.entry IS NULL THEN nullif(pg_catalog.current_setting('application_name'), '') ELSE release_mgmt_internal.entry_field(l.entry, 'application') END
    FROM asked AS t LEFT JOIN leaf AS l ON l.id = t.id;
END;
COMMENT ON FUNCTION release_mgmt_internal.leaves_of(uuid[]) IS
'Of transactions: their rank, the last one to commit first, the time of the commit, who acted, and through which application; of one without a leaf, which is still open, now and the session''s.';

CREATE FUNCTION release_mgmt_internal.changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz)
RETURNS TABLE (label text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text, asked_as text, made_as text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10000 AS 'MODULE_PATHNAME', 'rm_changes_of_rows';
COMMENT ON FUNCTION release_mgmt_internal.changes_of_rows(uuid[], text[], text[], timestamptz) IS
'The captured changes of rows of governed tables, given by the tables'' ids and keys, all or those committed since a time; label is what the row is called in the third array, which ends in the key, n counts its changes from the last one back. What history_of() tells of one row: a row for each column of which the ledger holds what was there before (an update changed it, a delete took it), and one without a column (attribute NULL) of each insert, delete and other change that has none. Everything that the ledger has under the key, and what was done to the row that has it, or had it last, under the keys that the row had before: made_as is its label after the change, NULL where that is label. The open transaction''s own changes are among them after flush_changes().';

CREATE FUNCTION release_mgmt_internal.own_changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz, forward boolean DEFAULT false)
RETURNS TABLE (label text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text, asked_as text, made_as text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10000 AS 'MODULE_PATHNAME', 'rm_own_changes_of_rows';
COMMENT ON FUNCTION release_mgmt_internal.own_changes_of_rows(uuid[], text[], text[], timestamptz, boolean) IS
'Of what changes_of_rows() tells, what was done to the row that has the key, or had it last, alone. forward: the rows are meant that had these keys at that time, or were the first to get them; label is what each is called in the end, asked_as its label in the third array, NULL where that is the same.';

CREATE FUNCTION release_mgmt_internal.last_changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz, forward boolean DEFAULT false)
RETURNS TABLE (label text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text, asked_as text, made_as text)
LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10000 AS 'MODULE_PATHNAME', 'rm_last_changes_of_rows';
COMMENT ON FUNCTION release_mgmt_internal.last_changes_of_rows(uuid[], text[], text[], timestamptz, boolean) IS
'Of what own_changes_of_rows() tells, for each row the last update of each column, and the last insert or delete (attribute NULL).';

CREATE FUNCTION release_mgmt_internal.former_values(table_id uuid, labels text[], prefix integer, column_name text, first uuid[], last uuid[], since timestamptz, OUT is_undisturbed boolean[], OUT value text[])
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_former_values';
COMMENT ON FUNCTION release_mgmt_internal.former_values(uuid, text[], integer, text, uuid[], uuid[], timestamptz) IS
'For each of some rows of a governed table, in their order: what was in a column before the transaction first changed it, and whether the ledger tells nothing of that column since a time but that the transactions first and last changed it (the row was neither inserted, deleted nor recorded anew). A row''s key is what its label says behind the first bytes of it, prefix of them. The open transaction''s own changes are among them after flush_changes().';

CREATE FUNCTION release_mgmt_internal.as_made(table_id uuid, keys text[], columns text[], transactions uuid[], exempt text[], since timestamptz)
RETURNS TABLE (is_as_made boolean, at timestamptz, role text)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 10000 AS 'MODULE_PATHNAME', 'rm_as_made';
COMMENT ON FUNCTION release_mgmt_internal.as_made(uuid, text[], text[], uuid[], text[], timestamptz) IS
'For each of some columns of rows of a governed table, in their order: whether the ledger tells of its row, since a time, that each of its columns named here was last changed by the transaction named beside it (NULL: by none), and nothing else but changes of exempt columns; and when that transaction committed, and who acted in it. The open transaction''s own changes are among them after flush_changes().';
