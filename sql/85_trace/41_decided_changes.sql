-- Module trace: what decides of how bound items are, of all that the ledger holds, or of some of them.
--
-- What was done to an item, in order, is held against two states: how it was at first, and how the last change that was permitted left
-- it; each attribute, and whether it is there. A row that was deleted and inserted again is the same item: what the ledger kept of the
-- deleted one tells each of its columns.

-- What is read of the whole ledger stands under the keys that rows had then; items whose keys were changed are looked up, as those
-- are that are asked for. Only hashing is left to the planner, for as many rows as the ledger may hold.
CREATE FUNCTION release_mgmt_internal.decided_changes(since timestamptz, items text[] DEFAULT NULL)
RETURNS TABLE (ci text, asked_as text, operation text, attribute text, expected text, present text, is_column boolean, at timestamptz, role text, transaction_id uuid,
               is_permitted boolean, release_id uuid, is_stated boolean, permitted_value text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    is_whole CONSTANT boolean := items IS NULL;
    oldest CONSTANT uuid := release_mgmt_internal.oldest_sequenced(since);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
    WITH leaf AS MATERIALIZED (
        SELECT l.* FROM release_mgmt_internal.leaves_of(CASE WHEN is_whole THEN ARRAY(
            SELECT e.transaction_id FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id >= oldest
            UNION SELECT p.transaction_id FROM release_mgmt.ledger_pending_0 AS p WHERE decided_changes.since IS NULL OR p.at >= decided_changes.since
            UNION SELECT p.transaction_id FROM release_mgmt.ledger_pending_1 AS p WHERE decided_changes.since IS NULL OR p.at >= decided_changes.since
            UNION SELECT release_mgmt_internal.current_transaction()) END) AS l
        WHERE decided_changes.since IS NULL OR l.at >= decided_changes.since
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
    ), scanned AS MATERIALIZED (
        SELECT k.name || '/' || c.key AS label, k.name || '/' || c.former_key AS former_label,
               CASE c.operation WHEN 'insert' THEN 'create' WHEN 'update' THEN 'change' ELSE 'retire' END AS operation,
               c.old, b.transaction_id, b.at, b.role, b.rank, c.command_id, c.seq
        FROM batch AS b
        CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
        JOIN release_mgmt.governed_table AS g ON g.id = c.table_id
        JOIN release_mgmt.ci_class AS k ON k.source = g.source
        WHERE c.operation IN ('insert', 'update', 'delete')
    ), renamed AS MATERIALIZED (
        SELECT s.label FROM scanned AS s WHERE s.former_label IS NOT NULL
        UNION
        SELECT s.former_label FROM scanned AS s WHERE s.former_label IS NOT NULL
    ), numbered AS MATERIALIZED (
        SELECT s.*, row_number() OVER (PARTITION BY s.label COLLATE "C" ORDER BY s.rank, s.command_id DESC, s.seq DESC) AS n
        FROM scanned AS s WHERE s.label NOT IN (SELECT r.label FROM renamed AS r)
    ), event AS MATERIALIZED (
        -- A row for each column of which it is known what was there before, and one without a column of what became of the item as
        -- such; n counts an item's from the last one back.
        SELECT u.label, NULL::text AS asked_as, NULL::text AS made_as, u.n, u.operation, u.transaction_id, u.at, u.role, NULL::text AS attribute, NULL::text AS old_value
        FROM numbered AS u WHERE u.operation <> 'change'
        UNION ALL
        SELECT u.label, NULL, NULL, u.n, u.operation, u.transaction_id, u.at, u.role, o.key, o.value
        FROM numbered AS u CROSS JOIN LATERAL jsonb_each_text(u.old) AS o WHERE u.operation = 'change' OR u.n > 1
        UNION ALL
        SELECT f.label, f.asked_as, f.made_as, f.n, CASE f.operation WHEN 'insert' THEN 'create' WHEN 'update' THEN 'change' ELSE 'retire' END,
               f.transaction_id, f.at, f.role, f.attribute, f.old_value
        FROM (SELECT coalesce(decided_changes.items, array_agg(r.label)) AS labels FROM renamed AS r) AS o
        CROSS JOIN LATERAL release_mgmt_internal.rows_of_items(o.labels) AS a
        CROSS JOIN LATERAL release_mgmt_internal.own_changes_of_rows(a.tables, a.keys, a.labels, decided_changes.since, NOT is_whole) AS f
        WHERE f.operation IN ('insert', 'update', 'delete')
    ), class AS MATERIALIZED (
        SELECT k.name, k.exempt, ARRAY(SELECT unnest(g.column_names) UNION SELECT unnest(g.child_names)) AS columns
        FROM release_mgmt.ci_class AS k JOIN release_mgmt.governed_table AS g ON g.source = k.source
    ), existence AS MATERIALIZED (
        SELECT e.* FROM event AS e WHERE e.operation <> 'change' AND e.attribute IS NULL
    ), changed AS MATERIALIZED (
        SELECT e.* FROM event AS e JOIN class AS c ON c.name = split_part(e.label, '/', 1)
        WHERE e.operation = 'change' AND e.attribute <> ALL (c.exempt)
        UNION ALL
        -- Of what was deleted and inserted again; the ledger leaves out what was NULL, and of what was redacted everything.
        SELECT x.label, x.asked_as, x.made_as, x.n, x.operation, x.transaction_id, x.at, x.role, a.attribute, v.old_value
        FROM existence AS x
        JOIN class AS c ON c.name = split_part(x.label, '/', 1)
        CROSS JOIN LATERAL unnest(c.columns) AS a (attribute)
        LEFT JOIN event AS v ON v.label = x.label AND v.n = x.n AND v.attribute = a.attribute
        WHERE x.operation = 'retire' AND x.n > 1 AND a.attribute <> ALL (c.exempt)
          AND (x.label, x.n) IN (SELECT o.label, o.n FROM event AS o WHERE o.operation = 'retire' AND o.attribute IS NOT NULL)
    ), permit AS MATERIALIZED (
        SELECT p.*
        FROM (SELECT array_agg(o.label) AS items, array_agg(o.transaction_id) AS transactions, array_agg(o.attribute) AS attributes, array_agg(o.made_as) AS made_as
              FROM (SELECT e.label, e.transaction_id, '' AS attribute, e.made_as FROM existence AS e
                    UNION
                    SELECT e.label, e.transaction_id, e.attribute, e.made_as FROM changed AS e WHERE e.operation = 'change') AS o
              WHERE NOT is_whole OR o.transaction_id IN (SELECT p.transaction_id FROM release_mgmt.ci_change_permit AS p)) AS u
        CROSS JOIN LATERAL release_mgmt_internal.permits_of(u.items, u.transactions, u.attributes, u.made_as) AS p
    ), step AS MATERIALIZED (
        SELECT x.label, x.asked_as, x.n, x.operation, x.transaction_id, x.at, x.role, '' AS attribute, NULL AS old_value, NULL AS left_value,
               p.ci IS NOT NULL AS is_permitted, p.release_id, false AS is_stated, NULL AS permitted_value
        FROM existence AS x LEFT JOIN permit AS p ON p.ci = x.label AND p.transaction_id = x.transaction_id AND p.attribute = '' AND p.operation = x.operation
        UNION ALL
        SELECT s.label, s.asked_as, s.n, s.operation, s.transaction_id, s.at, s.role, s.attribute, s.old_value,
               -- What the change left there is what the next one found.
               lag(s.old_value) OVER (PARTITION BY s.label COLLATE "C", s.attribute COLLATE "C" ORDER BY s.n),
               p.ci IS NOT NULL AND s.operation <> 'retire', p.release_id, coalesce(p.is_stated, false), p.value
        FROM (SELECT c.*, CASE WHEN c.operation = 'change' THEN c.attribute END AS of_attribute FROM changed AS c
              UNION ALL
              SELECT x.label, x.asked_as, x.made_as, x.n, x.operation, x.transaction_id, x.at, x.role, a.attribute, NULL, ''
              FROM existence AS x JOIN (SELECT DISTINCT c.label, c.attribute FROM changed AS c) AS a ON a.label = x.label
              WHERE x.operation = 'create') AS s
        LEFT JOIN permit AS p ON p.ci = s.label AND p.transaction_id = s.transaction_id AND p.attribute = s.of_attribute AND (s.operation = 'change' OR p.operation = s.operation)
    ), item AS MATERIALIZED (
        -- Is the row there, was it, and did the last permitted change of that leave it there? Where none was permitted, it stays as it was.
        SELECT l.label, l.n, l.operation = 'create' AS is_there, f.operation = 'retire' AS was_there, coalesce(p.operation, CASE f.operation WHEN 'create' THEN 'retire' ELSE 'create' END) = 'create' AS may_be_there
        FROM (SELECT DISTINCT ON (s.label COLLATE "C") s.* FROM step AS s WHERE s.attribute = '' ORDER BY s.label COLLATE "C", s.n) AS l
        JOIN (SELECT DISTINCT ON (s.label COLLATE "C") s.label, s.operation FROM step AS s WHERE s.attribute = '' ORDER BY s.label COLLATE "C", s.n DESC) AS f ON f.label = l.label
        LEFT JOIN (SELECT DISTINCT ON (s.label COLLATE "C") s.label, s.operation FROM step AS s WHERE s.attribute = '' AND s.is_permitted ORDER BY s.label COLLATE "C", s.n) AS p ON p.label = l.label
    ), last AS MATERIALIZED (
        SELECT DISTINCT ON (s.label COLLATE "C", s.attribute COLLATE "C") s.* FROM step AS s WHERE s.attribute = '' OR s.operation <> 'retire'
        ORDER BY s.label COLLATE "C", s.attribute COLLATE "C", s.n
    ), permitted AS MATERIALIZED (
        SELECT DISTINCT ON (s.label COLLATE "C", s.attribute COLLATE "C") s.* FROM step AS s WHERE s.is_permitted
        ORDER BY s.label COLLATE "C", s.attribute COLLATE "C", s.n
    ), first AS MATERIALIZED (
        SELECT DISTINCT ON (s.label COLLATE "C", s.attribute COLLATE "C") s.label, s.attribute, s.old_value FROM step AS s WHERE s.operation <> 'create'
        ORDER BY s.label COLLATE "C", s.attribute COLLATE "C", s.n DESC
    ), decided AS MATERIALIZED (
        SELECT l.label, l.asked_as, l.attribute, l.n, p.n AS permitted_n, f.old_value, p.left_value, i.is_there = i.may_be_there AS is_as_permitted
        FROM last AS l
        LEFT JOIN first AS f ON f.label = l.label AND f.attribute = l.attribute
        LEFT JOIN permitted AS p ON p.label = l.label AND p.attribute = l.attribute
        LEFT JOIN item AS i ON i.label = l.label
        -- What came and went is no difference, nor what went and came back. Of a row that should not be there, what was permitted since.
        WHERE CASE WHEN i.label IS NULL THEN true
                   WHEN l.attribute = '' THEN i.is_there <> i.was_there OR i.is_there <> i.may_be_there
                   ELSE i.is_there AND (i.may_be_there OR p.n < i.n) END
    ), present AS MATERIALIZED (
        SELECT v.* FROM release_mgmt_internal.present_values(
            ARRAY(SELECT DISTINCT d.label FROM decided AS d WHERE d.attribute <> ''), ARRAY(SELECT DISTINCT d.attribute FROM decided AS d WHERE d.attribute <> '')) AS v
    )
    -- What followed a permitted change and came back to what that had left is no matter; what did not, is held against that.
    SELECT d.label, d.asked_as, s.operation, s.attribute,
           CASE WHEN d.permitted_n IS NULL OR d.permitted_n = s.n THEN d.old_value ELSE d.left_value END, v.value, coalesce(v.is_column, false), s.at, s.role, s.transaction_id,
           s.is_permitted, s.release_id, s.is_stated, s.permitted_value
    FROM decided AS d
    LEFT JOIN present AS v ON v.ci = d.label AND v.attribute = d.attribute
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.permitted_n > d.n AND CASE WHEN d.attribute = '' THEN d.is_as_permitted
                                                      ELSE d.left_value IS NOT DISTINCT FROM v.value OR release_mgmt_internal.same_value(d.label, d.attribute, d.left_value, v.value) END
                    THEN d.permitted_n ELSE d.n END AS n) AS u
    JOIN step AS s ON s.label = d.label AND s.attribute = d.attribute AND s.n = u.n;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.decided_changes(timestamptz, text[]) IS
'Of each attribute of bound items that was changed since a time, or ever, exempt ones left out, and of each item that came or went (attribute empty), the change that decides of how it is: the last one that was permitted, where others that came later left it as that did, else the last one. expected: what the permitted change left, where others followed and it is otherwise now, else what was there at first. release_id, is_stated, permitted_value: what permits_of() tells of the change. items: only these, by the names that they bore at that time; asked_as is that name, ci what the item is called now. No row of an item that came and went, or went and came back, nor of attributes of one that is not there, or should not be.';

CREATE FUNCTION release_mgmt_internal.last_changes_of(items text[], since timestamptz)
RETURNS TABLE (ci text, operation text, attribute text, at timestamptz, role text, transaction_id uuid, made_as text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 10000
BEGIN ATOMIC
    SELECT r.label, CASE r.operation WHEN 'insert' THEN 'create' WHEN 'update' THEN 'change' ELSE 'retire' END, r.attribute,
           r.at, r.role, r.transaction_id, r.made_as
    FROM release_mgmt_internal.rows_of_items(items) AS a
    CROSS JOIN LATERAL release_mgmt_internal.last_changes_of_rows(a.tables, a.keys, a.labels, last_changes_of.since) AS r
    JOIN release_mgmt.ci_class AS k ON k.name = pg_catalog.split_part(r.label, '/', 1)
    WHERE r.attribute IS NULL OR r.attribute <> ALL (k.exempt);
END;
COMMENT ON FUNCTION release_mgmt_internal.last_changes_of(text[], timestamptz) IS
'The last captured change of each attribute of the named items, exempt ones left out, and of each item''s existence (attribute NULL), since a time. made_as: what the item was called after the change, NULL where it is that still. The open transaction''s own changes are among them after flush_changes().';
