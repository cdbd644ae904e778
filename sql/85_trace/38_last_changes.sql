-- Module trace: what last happened to bound items, of all that the ledger holds, or of some of them.

-- The changes of bound tables: of each attribute, and of each item's existence, the last one, with what was there before the first and
-- what the last permitted one left. What is read of the whole ledger stands under the keys that rows had then; those of items whose keys
-- were changed are looked up. A row that was deleted and inserted again is the same item: each of its columns was changed then.
CREATE FUNCTION release_mgmt_internal.last_changes(since timestamptz DEFAULT NULL)
RETURNS TABLE (ci_id uuid, ci text, operation text, attribute text, old_value text, at timestamptz, role text, transaction_id uuid, made_as text,
               is_back boolean, permitted_in uuid, permitted_at timestamptz, permitted_role text, permitted_value text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    oldest CONSTANT uuid := release_mgmt_internal.oldest_sequenced(since);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
        WITH leaf AS MATERIALIZED (
            SELECT l.* FROM release_mgmt_internal.leaves_of(ARRAY(
                SELECT e.transaction_id FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id >= oldest
                UNION SELECT p.transaction_id FROM release_mgmt.ledger_pending_0 AS p WHERE last_changes.since IS NULL OR p.at >= last_changes.since
                UNION SELECT p.transaction_id FROM release_mgmt.ledger_pending_1 AS p WHERE last_changes.since IS NULL OR p.at >= last_changes.since
                UNION SELECT release_mgmt_internal.current_transaction())) AS l
            WHERE last_changes.since IS NULL OR l.at >= last_changes.since
        ), batch AS (
            -- OFFSET: by index, however large the ledger is.
            SELECT l.transaction_id, l.rank, l.at, l.role, b.first_seq, b.changes
            FROM leaf AS l
            CROSS JOIN LATERAL (SELECT o.first_seq, o.changes FROM release_mgmt.ledger_batch AS o WHERE o.transaction_id = l.transaction_id OFFSET 0) AS b
            UNION ALL
            SELECT l.transaction_id, l.rank, l.at, l.role, 0, p.changes
            FROM (SELECT o.transaction_id, o.changes FROM release_mgmt.ledger_pending_0 AS o
                  UNION ALL
                  SELECT o.transaction_id, o.changes FROM release_mgmt.ledger_pending_1 AS o) AS p
            JOIN leaf AS l ON l.transaction_id = p.transaction_id
            LEFT JOIN LATERAL (SELECT true AS is_moved FROM release_mgmt.ledger_batch AS o WHERE o.transaction_id = p.transaction_id LIMIT 1) AS m ON true
            WHERE p.changes IS NOT NULL AND m.is_moved IS NULL
        ), change AS (
            SELECT b.transaction_id, b.rank, b.at, b.role, c.seq, c.command_id, c.key, c.former_key, c.operation, c.old, k.name AS class, k.exempt,
                   k.name || '/' || c.key AS label
            FROM batch AS b
            CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
            JOIN release_mgmt.governed_table AS g ON g.id = c.table_id
            JOIN release_mgmt.ci_class AS k ON k.source = g.source
            WHERE c.operation IN ('insert', 'update', 'delete')
        ), attributes AS (
            SELECT c.*, CASE c.operation WHEN 'update' THEN o.key END AS column_name, o.value
            FROM change AS c
            LEFT JOIN LATERAL jsonb_each_text(c.old) AS o ON c.operation = 'update'
            -- An update that changes no column has no key, which <> ALL of an empty array holds of.
            WHERE c.operation <> 'update' OR (o.key IS NOT NULL AND o.key <> ALL (c.exempt))
        ), first AS MATERIALIZED (
            -- An update that changes nothing tells nothing of whether the item was there.
            SELECT DISTINCT ON (c.label COLLATE "C") c.label, c.operation FROM change AS c
            ORDER BY c.label COLLATE "C", c.rank DESC, c.command_id, c.seq
        ), numbered AS MATERIALIZED (
            SELECT i.id, i.label, CASE a.operation WHEN 'insert' THEN 'create' WHEN 'update' THEN 'change' ELSE 'retire' END AS operation, a.column_name, a.value,
                   a.at, a.role, a.transaction_id, a.class || '/' || a.former_key AS former_label, a.rank, a.command_id, a.seq,
                   row_number() OVER (PARTITION BY i.label, a.column_name ORDER BY a.rank, a.command_id DESC, a.seq DESC) AS n,
                   count(*) OVER (PARTITION BY i.label, a.column_name) AS total
            FROM attributes AS a
            JOIN release_mgmt.ci AS i ON i.label = a.label
        ), found AS MATERIALIZED (
            SELECT * FROM numbered AS m WHERE m.n = 1
        ), deleted AS MATERIALIZED (
            SELECT DISTINCT c.label FROM change AS c WHERE c.operation = 'delete'
        ), before AS MATERIALIZED (
            SELECT m.label, m.column_name, m.value FROM numbered AS m
            WHERE m.n = m.total AND m.column_name IS NOT NULL AND m.label NOT IN (SELECT d.label FROM deleted AS d)
            UNION ALL
            -- What was deleted had all its columns until then.
            (SELECT DISTINCT ON (c.label COLLATE "C", o.key COLLATE "C") c.label, o.key, o.value
             FROM change AS c CROSS JOIN LATERAL jsonb_each_text(c.old) AS o
             WHERE c.operation IN ('update', 'delete') AND o.key <> ALL (c.exempt) AND c.label IN (SELECT d.label FROM deleted AS d)
             ORDER BY c.label COLLATE "C", o.key COLLATE "C", c.rank DESC, c.command_id, c.seq)
        ), permitted AS MATERIALIZED (
            -- Of attributes that were changed more than once, the last change that was permitted, where others came later.
            SELECT DISTINCT ON (m.label COLLATE "C", m.column_name COLLATE "C") m.label, m.column_name, m.n, m.at, m.role, m.transaction_id
            FROM numbered AS m
            JOIN numbered AS o ON o.label = m.label AND o.column_name = m.column_name AND o.n = 2
            JOIN release_mgmt.ci_change_permit AS p ON p.transaction_id = m.transaction_id AND p.ci_id = m.id AND p.attribute = m.column_name
            WHERE NOT EXISTS (SELECT FROM release_mgmt.emergency AS e WHERE e.id = p.permitted_by AND e.verdict = 'rejected')
            ORDER BY m.label COLLATE "C", m.column_name COLLATE "C", m.n
        ), existence AS MATERIALIZED (
            -- Is the item there, was it, and did the last permitted change of that leave it there? Where none was permitted, it stays as it was.
            SELECT f.label, f.rank, f.command_id, f.seq, f.operation = 'create' AS is_there, o.operation <> 'insert' AS was_there, coalesce(p.operation = 'create', o.operation <> 'insert') AS may_be_there,
                   p.transaction_id, p.at, p.role
            FROM found AS f
            JOIN first AS o ON o.label = f.label
            LEFT JOIN (SELECT DISTINCT ON (m.label COLLATE "C") m.label, m.operation, m.at, m.role, m.transaction_id
                       FROM numbered AS m
                       JOIN release_mgmt.ci_change_permit AS k ON k.transaction_id = m.transaction_id AND k.ci_id = m.id AND k.attribute IS NULL AND k.operation = m.operation
                       WHERE m.column_name IS NULL
                         AND NOT EXISTS (SELECT FROM release_mgmt.emergency AS e WHERE e.id = k.permitted_by AND e.verdict = 'rejected')
                       ORDER BY m.label COLLATE "C", m.n) AS p ON p.label = f.label
            WHERE f.column_name IS NULL
        ), renamed AS MATERIALIZED (
            SELECT f.label FROM found AS f WHERE f.former_label IS NOT NULL
            UNION
            SELECT f.former_label FROM found AS f WHERE f.former_label IS NOT NULL
        )
        SELECT f.id, f.label, f.operation, f.column_name, b.value, f.at, f.role, f.transaction_id, NULL,
               f.column_name IS NULL AND x.is_there = x.was_there AND x.is_there = x.may_be_there,
               coalesce(p.transaction_id, y.transaction_id), coalesce(p.at, y.at), coalesce(p.role, y.role), l.value
        FROM found AS f
        LEFT JOIN existence AS x ON x.label = f.label
        LEFT JOIN existence AS y ON y.label = f.label AND f.column_name IS NULL AND y.is_there = y.may_be_there
        LEFT JOIN before AS b ON b.label = f.label AND b.column_name = f.column_name
        LEFT JOIN permitted AS p ON p.label = f.label AND p.column_name = f.column_name AND p.n > 1
        LEFT JOIN numbered AS l ON l.label = p.label AND l.column_name = p.column_name AND l.n = p.n - 1
        WHERE f.label NOT IN (SELECT r.label FROM renamed AS r)
          -- What became of the row that was there before is past.
          AND NOT (f.column_name IS NOT NULL AND coalesce(x.is_there AND (x.rank, -x.command_id, -x.seq) < (f.rank, -f.command_id, -f.seq), false))
        UNION ALL
        SELECT f.id, f.label, 'change', n.column_name, b.value, f.at, f.role, f.transaction_id, NULL, false, NULL, NULL, NULL, NULL
        FROM found AS f
        JOIN existence AS x ON x.label = f.label AND x.was_there AND x.may_be_there
        JOIN release_mgmt.ci_class AS k ON k.name = split_part(f.label, '/', 1)
        JOIN release_mgmt.governed_table AS g ON g.source = k.source
        CROSS JOIN LATERAL (SELECT unnest(g.column_names) UNION SELECT unnest(g.child_names)) AS n (column_name)
        LEFT JOIN before AS b ON b.label = f.label AND b.column_name = n.column_name
        WHERE f.operation = 'create' AND n.column_name <> ALL (k.exempt) AND f.label NOT IN (SELECT r.label FROM renamed AS r)
          AND NOT EXISTS (SELECT FROM found AS l WHERE l.label = f.label AND l.column_name = n.column_name
                                                   AND (l.rank, -l.command_id, -l.seq) < (f.rank, -f.command_id, -f.seq))
        UNION ALL
        SELECT i.id, l.ci, l.operation, l.attribute, l.old_value, l.at, l.role, l.transaction_id, l.made_as, false, NULL, NULL, NULL, NULL
        FROM (SELECT array_agg(r.label) AS labels FROM renamed AS r HAVING count(*) > 0) AS o
        CROSS JOIN LATERAL release_mgmt_internal.last_changes_of(o.labels, last_changes.since) AS l
        JOIN release_mgmt.ci AS i ON i.label = l.ci;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.last_changes(timestamptz) IS
'The last captured change of each attribute of bound items, exempt ones left out, and of each item''s existence (attribute NULL), since a time, or ever, with the value before the first of these. is_back: the item is there, or is not, as it was and may be. permitted_in: the last transaction that was permitted to change the attribute, where others changed it later; permitted_value: what it left; of an item''s existence: the one that was permitted to leave it as it is. made_as: what the item was called after the change, NULL where it is that still; of items whose keys were changed, the value is that before the last change.';

CREATE FUNCTION release_mgmt_internal.last_changes_of(items text[], since timestamptz, forward boolean DEFAULT false)
RETURNS TABLE (ci text, operation text, attribute text, old_value text, at timestamptz, role text, transaction_id uuid, asked_as text, made_as text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 10000
BEGIN ATOMIC
    SELECT r.label, CASE r.operation WHEN 'insert' THEN 'create' WHEN 'update' THEN 'change' ELSE 'retire' END, r.attribute, r.old_value,
           r.at, r.role, r.transaction_id, r.asked_as, r.made_as
    FROM release_mgmt_internal.rows_of_items(items) AS a
    CROSS JOIN LATERAL release_mgmt_internal.last_changes_of_rows(a.tables, a.keys, a.labels, last_changes_of.since, last_changes_of.forward) AS r
    JOIN release_mgmt.ci_class AS k ON k.name = pg_catalog.split_part(r.label, '/', 1)
    WHERE r.attribute IS NULL OR r.attribute <> ALL (k.exempt);
END;
COMMENT ON FUNCTION release_mgmt_internal.last_changes_of(text[], timestamptz, boolean) IS
'What last_changes() tells, of the named items, without their ids; forward: of those that bore these names at that time, by the ones that they bear now (asked_as: the former one, NULL where it is the same). made_as: what the item was called after the change, NULL where it is that still. The open transaction''s own changes are among them after flush_changes().';
