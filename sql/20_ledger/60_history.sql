-- Module ledger: captured changes as rows.

CREATE FUNCTION release_mgmt_internal.changes_in(changes bytea, first_seq bigint, OUT seq bigint, OUT table_id uuid, OUT key text,
    OUT former_key text, OUT operation text, OUT command_id bigint, OUT redacted boolean, OUT old jsonb) RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 20 AS 'MODULE_PATHNAME', 'rm_changes_in';
COMMENT ON FUNCTION release_mgmt_internal.changes_in(bytea, bigint) IS
'The changes of a row of ledger_batch. old: column name to old value, as text that the column''s input function takes with DateStyle ISO, IntervalStyle
postgres and TimeZone UTC: of the columns that an update changed, of all columns that were not NULL for a delete, NULL otherwise.';

CREATE FUNCTION release_mgmt_internal.changes_of_row(changes bytea, first_seq bigint, of_table uuid, of_key text, OUT seq bigint,
    OUT table_id uuid, OUT key text, OUT former_key text, OUT operation text, OUT command_id bigint, OUT redacted boolean, OUT old jsonb)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'rm_changes_of_row';
COMMENT ON FUNCTION release_mgmt_internal.changes_of_row(bytea, bigint, uuid, text) IS 'changes_in(), of one row only.';

CREATE FUNCTION release_mgmt_internal.key_hash(table_id uuid, key text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_key_hash_sql';
COMMENT ON FUNCTION release_mgmt_internal.key_hash(uuid, text) IS 'What ledger_key holds for a key of a table.';

CREATE FUNCTION release_mgmt_internal.flush_changes() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_flush_changes';
COMMENT ON FUNCTION release_mgmt_internal.flush_changes() IS
'Writes what this transaction has captured so far to ledger_batch, so that it sees its own changes there.';

CREATE FUNCTION release_mgmt_internal.entry_field(entry bytea, label text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_entry_field';
COMMENT ON FUNCTION release_mgmt_internal.entry_field(bytea, text) IS
'What an entry says after the label, as in entry_field(entry, ''at''); several lines of the same label are joined by commas.';

CREATE FUNCTION release_mgmt_internal.entry_who(entry bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_entry_who_sql';
COMMENT ON FUNCTION release_mgmt_internal.entry_who(bytea) IS
'Who acted by what an entry says: the roles joined by commas, and behind " for " those for whom they acted, if any.';

CREATE FUNCTION release_mgmt_internal.pending_entry(transaction_id uuid, at timestamptz, roles bytea, count bigint, root bytea) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pending_entry';
COMMENT ON FUNCTION release_mgmt_internal.pending_entry(uuid, timestamptz, bytea, bigint, bytea) IS
'The entry that a pending leaf becomes, of the columns of ledger_pending_0 that it is made of.';

CREATE VIEW release_mgmt_internal.pending_leaf WITH (security_invoker = true) AS
    SELECT p.transaction_id, p.position, p.at, release_mgmt_internal.pending_entry(p.transaction_id, p.at, p.roles, p.count, p.root) AS entry
    FROM release_mgmt.ledger_pending_0 AS p
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id = p.transaction_id)
    UNION ALL
    SELECT p.transaction_id, p.position, p.at, release_mgmt_internal.pending_entry(p.transaction_id, p.at, p.roles, p.count, p.root) AS entry
    FROM release_mgmt.ledger_pending_1 AS p
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id = p.transaction_id);
COMMENT ON VIEW release_mgmt_internal.pending_leaf IS 'The leaves of committed transactions that are not in the tree, and what their entries will be.';

CREATE VIEW release_mgmt_internal.transaction_leaf WITH (security_invoker = true) AS
    SELECT e.transaction_id, e.log_id, g.opened_at AS log_opened_at, e.index AS log_index, NULL::pg_lsn AS position, e.entry
    FROM release_mgmt.ledger_entry AS e
    LEFT JOIN release_mgmt.ledger_log AS g ON g.id = e.log_id
    WHERE e.transaction_id IS NOT NULL
    UNION ALL
    SELECT p.transaction_id, NULL, NULL, NULL, p.position, p.entry
    FROM release_mgmt_internal.pending_leaf AS p;
COMMENT ON VIEW release_mgmt_internal.transaction_leaf IS 'The entry of each committed transaction, sequenced or pending (position). Leaves are in the order of their logs'' opening, then of log_index: each log counts from 0.';

CREATE VIEW release_mgmt_internal.change_batch WITH (security_invoker = true) AS
    SELECT b.transaction_id, b.first_seq, b.count, b.changes
    FROM release_mgmt.ledger_batch AS b
    UNION ALL
    SELECT p.transaction_id, 0, p.count::integer, p.changes
    FROM release_mgmt.ledger_pending_0 AS p
    WHERE p.changes IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.ledger_batch AS b WHERE b.transaction_id = p.transaction_id)
    UNION ALL
    SELECT p.transaction_id, 0, p.count::integer, p.changes
    FROM release_mgmt.ledger_pending_1 AS p
    WHERE p.changes IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.ledger_batch AS b WHERE b.transaction_id = p.transaction_id);
COMMENT ON VIEW release_mgmt_internal.change_batch IS
'The rows of ledger_batch, and as such the changes that stand beside a pending leaf until it is sequenced.';

-- A function, so that the planner knows the bounds: of a range between columns it expects a third of the ledger.
CREATE FUNCTION release_mgmt_internal.entries_since(log_id uuid, index bigint) RETURNS TABLE (transaction_id uuid)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN QUERY SELECT e.transaction_id FROM release_mgmt.ledger_entry AS e WHERE e.log_id = entries_since.log_id AND e.index >= entries_since.index;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.entries_since(uuid, bigint) IS 'The transactions whose leaves a log has from an index on; NULL where a leaf is no transaction''s.';

-- OFFSET: by indexes, however large the ledger is.
CREATE VIEW release_mgmt_internal.unkeyed_batch WITH (security_invoker = true) AS
    WITH pending AS (
        -- A pending table is emptied only when its turn comes again: most of it may be sequenced and keyed.
        SELECT p.transaction_id, p.changes
        FROM (SELECT o.transaction_id, o.changes FROM release_mgmt.ledger_pending_0 AS o
              UNION ALL
              SELECT o.transaction_id, o.changes FROM release_mgmt.ledger_pending_1 AS o) AS p
        WHERE NOT EXISTS (
            SELECT
            FROM release_mgmt.ledger_entry AS e
            JOIN release_mgmt.ledger_keyed AS d ON d.log_id = e.log_id AND e.index < d.size
            WHERE e.transaction_id = p.transaction_id)
    ), transaction AS (
        SELECT e.transaction_id
        FROM release_mgmt.ledger_log AS g
        LEFT JOIN release_mgmt.ledger_keyed AS d ON d.log_id = g.id
        CROSS JOIN LATERAL release_mgmt_internal.entries_since(g.id, coalesce(d.size, 0)) AS e
        UNION
        SELECT p.transaction_id FROM pending AS p
        UNION
        SELECT release_mgmt_internal.current_transaction()
    )
    SELECT b.transaction_id, b.first_seq, b.changes
    FROM transaction AS t
    CROSS JOIN LATERAL (SELECT s.transaction_id, s.first_seq, s.changes FROM release_mgmt.ledger_batch AS s WHERE s.transaction_id = t.transaction_id OFFSET 0) AS b
    UNION ALL
    SELECT p.transaction_id, 0, p.changes
    FROM pending AS p
    WHERE p.changes IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.ledger_batch AS b WHERE b.transaction_id = p.transaction_id);
COMMENT ON VIEW release_mgmt_internal.unkeyed_batch IS
'The batches that ledger_key does not know, since no leaf up to ledger_keyed tells of them: not sequenced, or not committed.';

CREATE FUNCTION release_mgmt_internal.batches_of_row(table_id uuid, key text) RETURNS TABLE (transaction_id uuid, first_seq bigint)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE ROWS 5
BEGIN ATOMIC
    SELECT k.transaction_id, k.first_seq
    FROM release_mgmt.ledger_key AS k
    WHERE k.hash = release_mgmt_internal.key_hash(batches_of_row.table_id, batches_of_row.key)
    UNION
    SELECT u.transaction_id, u.first_seq FROM release_mgmt_internal.unkeyed_batch AS u;
END;
COMMENT ON FUNCTION release_mgmt_internal.batches_of_row(uuid, text) IS 'The batches that may hold changes of the row.';

CREATE FUNCTION release_mgmt_internal.row_history(source regclass, table_id uuid, key text)
RETURNS TABLE (log_index bigint, transaction_id uuid, seq bigint, at timestamptz, role text, application text, operation text, changed jsonb, old jsonb, made_as text)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 5 AS 'MODULE_PATHNAME', 'rm_row_history';
COMMENT ON FUNCTION release_mgmt_internal.row_history(regclass, uuid, text) IS
'What history_of() tells of a row of the governed table with that id; the open transaction''s own changes are among it after flush_changes().';

-- Reads the ledger on behalf of duties that hold no privilege on it, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.history_of(source regclass, key text)
RETURNS TABLE (log_index bigint, transaction_id uuid, seq bigint, at timestamptz, role text, application text, operation text, changed jsonb, old jsonb, made_as text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE ROWS 5 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    governed_id CONSTANT uuid := (SELECT t.id FROM release_mgmt.governed_table AS t WHERE t.source = history_of.source);
BEGIN
    IF governed_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('table %s is not governed', source), NULL,
            'Tables that are governed stand in release_mgmt.governed_table.');
    END IF;
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY SELECT h.* FROM release_mgmt_internal.row_history(history_of.source, governed_id, history_of.key) AS h;
END $$;
COMMENT ON FUNCTION release_mgmt.history_of(regclass, text) IS
'Every change of one row, the last one first. key: values of the key columns joined by '':'', where '':'' and ''\'' in a value are escaped with ''\''.
log_index: the leaf''s index in its log, NULL while the transaction is not sequenced; later logs (epochs) first. role: who acted, and for whom where it was
for somebody; application: what the session called itself (application_name) when it committed, NULL for nothing. operation: insert, update, delete, baseline (there when governance began) or
schema (recorded again with a new schema version). changed: {column: {old, new}}, values as text; new is null as well
where it is not known any more (redacted, or altered while the database was inactive). made_as: the key that the row had after the change, NULL where it is the one asked for: what was done to
the row while it had other keys is told too, as is what was done to other rows that had this key before. Errors: RM002 where the table is not governed.';
-- For auditors alone: it shows rows of whatever organization.
SELECT release_mgmt_internal.allow('{auditor}', 'EXECUTE', 'FUNCTION release_mgmt.history_of(regclass, text)');

CREATE FUNCTION release_mgmt_internal.changed_values(source regclass, key text, transaction_id uuid, seq bigint) RETURNS jsonb
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT h.changed
    FROM release_mgmt.history_of(source, key) AS h
    WHERE h.transaction_id = changed_values.transaction_id AND h.seq = changed_values.seq;
END;
COMMENT ON FUNCTION release_mgmt_internal.changed_values(regclass, text, uuid, bigint) IS 'history_of().changed of one change.';

CREATE VIEW release_mgmt.captured_change WITH (security_invoker = true) AS
    SELECT l.log_index, b.transaction_id, c.seq,
           coalesce(release_mgmt_internal.entry_field(l.entry, 'at')::timestamptz, now()) AS at,
           coalesce(release_mgmt_internal.entry_who(l.entry), session_user::text) AS role,
           CASE WHEN l.entry IS NULL THEN nullif(current_setting('application_name'), '') ELSE release_mgmt_internal.entry_field(l.entry, 'application') END AS application,
           t.source, c.table_id, c.key, c.former_key, c.operation,
           release_mgmt_internal.changed_values(t.source, c.key, b.transaction_id, c.seq) AS changed,
           c.old
    FROM release_mgmt_internal.change_batch AS b
    CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
    LEFT JOIN release_mgmt.governed_table AS t ON t.id = c.table_id
    LEFT JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = b.transaction_id;
COMMENT ON VIEW release_mgmt.captured_change IS
'Every captured change, for reading; columns as in history_of(). changed costs a look at the row''s history: leave it out where old will do. A transaction
sees its own changes after release_mgmt_internal.flush_changes().';

CREATE FUNCTION release_mgmt_internal.changes_of_transaction(transaction_id uuid)
RETURNS TABLE (seq bigint, source regclass, table_id uuid, key text, former_key text, operation text, command_id bigint, redacted boolean, old jsonb)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.flush_changes();
    SELECT c.seq, t.source, c.table_id, c.key, c.former_key, c.operation, c.command_id, c.redacted, c.old
    FROM release_mgmt_internal.change_batch AS b
    CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
    LEFT JOIN release_mgmt.governed_table AS t ON t.id = c.table_id
    WHERE b.transaction_id = changes_of_transaction.transaction_id
    ORDER BY c.command_id, c.seq;
END;
COMMENT ON FUNCTION release_mgmt_internal.changes_of_transaction(uuid) IS
'The changes of a transaction in the order in which they were made; in the opposite order they are undone. old holds what a row''s columns are to be set to
again, as text for their input functions (see changes_in). Sees the changes of the open transaction as well.';
