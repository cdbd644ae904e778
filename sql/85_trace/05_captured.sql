-- Module trace: what the ledger and the bound tables hold of many items at once.

CREATE FUNCTION release_mgmt_internal.rows_of_items(items text[]) RETURNS TABLE (tables uuid[], keys text[], labels text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT pg_catalog.array_agg(g.id), pg_catalog.array_agg(pg_catalog.substr(u.label, pg_catalog.length(c.name) + 2)), pg_catalog.array_agg(u.label)
    FROM pg_catalog.unnest(items) AS u (label)
    JOIN release_mgmt.ci_class AS c ON c.name = pg_catalog.split_part(u.label, '/', 1)
    JOIN release_mgmt.governed_table AS g ON g.source = c.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.rows_of_items(text[]) IS 'The rows of those of the items, named class/key, whose class is bound, as changes_of_rows() takes them.';

-- Taken into the query that asks, which has the open transaction's changes flushed before.
CREATE FUNCTION release_mgmt_internal.captured_of(items text[], since timestamptz)
RETURNS TABLE (ci text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 10000
BEGIN ATOMIC
    SELECT r.label, r.n, r.transaction_id, r.operation, r.attribute, r.old_value, r.at, r.role
    FROM release_mgmt_internal.rows_of_items(items) AS a
    CROSS JOIN LATERAL release_mgmt_internal.changes_of_rows(a.tables, a.keys, a.labels, captured_of.since) AS r;
END;
COMMENT ON FUNCTION release_mgmt_internal.captured_of(text[], timestamptz) IS
'The captured changes of the rows of items, named class/key, all or those since a time; n counts from the last one back, for each item. Rows as in changes_of_rows(): those under the keys that an item had before among them. The open transaction''s own changes are among them after flush_changes().';

CREATE FUNCTION release_mgmt_internal.renamed_items(release uuid) RETURNS TABLE (ci text, label text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10 SET enable_nestloop = on
BEGIN ATOMIC
    SELECT DISTINCT ON (x.ci) x.ci, i.label
    FROM release_mgmt.planned_ci_change AS x
    JOIN release_mgmt.ci_class AS c ON c.name = pg_catalog.split_part(x.ci, '/', 1) AND x.attribute = ANY (c.key_columns)
    JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = x.id
    JOIN release_mgmt.ci AS i ON i.id = p.ci_id
    WHERE x.release_id = renamed_items.release AND x.operation = 'change' AND i.label <> x.ci AND i.retired_at IS NULL
    ORDER BY x.ci, p.id DESC;
END;
COMMENT ON FUNCTION release_mgmt_internal.renamed_items(uuid) IS 'The items that have another key since a release was permitted to change it: as the plan names them, and what they are called now.';

-- The rows of items that are asked about by name are looked up by their keys: the planner knows nothing of the array, and would
-- rather hash the whole table.
CREATE FUNCTION release_mgmt_internal.present_values(items text[], attributes text[]) RETURNS TABLE (ci text, attribute text, value text, is_column boolean)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = on SET random_page_cost = 1.1 AS $$
DECLARE
    c record;
    name text;
BEGIN
    FOR c IN
        SELECT k.name, k.source, k.key_columns, u.labels,
               ARRAY(SELECT o.attribute FROM (SELECT DISTINCT p.attribute FROM unnest(present_values.attributes) AS p (attribute)
                                              WHERE EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhparent = k.source)) AS o
                     WHERE NOT release_mgmt_internal.has_column(k.source, o.attribute) AND release_mgmt_internal.rows_with_column(k.source, k.key_columns, o.attribute) IS NOT NULL) AS inherited_by,
               (SELECT string_agg(CASE WHEN n.attribute = 'tableoid' THEN format('(%L, CASE WHEN t.tableoid <> %s THEN release_mgmt_internal.child_name(t.tableoid) END, true)', n.attribute, k.source::oid)
                                       WHEN a.attname IS NULL THEN format('(%L, NULL, false)', n.attribute)
                                       ELSE format('(%L, release_mgmt_internal.value_text(t.%I), true)', n.attribute, a.attname) END, ', ')
                FROM (SELECT DISTINCT o.attribute FROM unnest(present_values.attributes) AS o (attribute) WHERE o.attribute IS NOT NULL) AS n
                LEFT JOIN pg_attribute AS a ON a.attrelid = k.source AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = n.attribute
                WHERE a.attname IS NOT NULL OR release_mgmt_internal.rows_with_column(k.source, k.key_columns, n.attribute) IS NULL) AS columns
        FROM (SELECT split_part(i.label, '/', 1) AS class, array_agg(i.label) AS labels FROM unnest(items) AS i (label) GROUP BY 1) AS u
        JOIN release_mgmt.ci_class AS k ON k.name = u.class
        WHERE k.source IS NOT NULL
    LOOP
        -- What only tables have that inherit from the class's.
        FOREACH name IN ARRAY c.inherited_by LOOP
            RETURN QUERY EXECUTE format($sql$
                SELECT k.label, $3, o.present_value, o.is_there IS NOT NULL
                FROM (SELECT u.label, release_mgmt_internal.split_key(substr(u.label, $2)) AS parts FROM unnest($1) AS u (label) OFFSET 0) AS k
                JOIN %s AS t ON %s
                LEFT JOIN (SELECT r.*, true AS is_there FROM %s AS r) AS o ON %s $sql$,
                c.source, release_mgmt_internal.key_condition(c.source, c.key_columns, 'k.parts'),
                release_mgmt_internal.rows_with_column(c.source, c.key_columns, name), release_mgmt_internal.key_condition(c.source, c.key_columns, 'k.parts', 'o'))
            USING c.labels, length(c.name) + 2, name;
        END LOOP;
        CONTINUE WHEN c.columns IS NULL;
        RETURN QUERY EXECUTE format($sql$
            SELECT k.label, v.attribute, v.value, v.is_column
            FROM (SELECT u.label, release_mgmt_internal.split_key(substr(u.label, $2)) AS parts FROM unnest($1) AS u (label) OFFSET 0) AS k
            JOIN %s AS t ON %s
            CROSS JOIN LATERAL (VALUES %s) AS v (attribute, value, is_column) $sql$,
            c.source, release_mgmt_internal.key_condition(c.source, c.key_columns, 'k.parts'), c.columns)
        USING c.labels, length(c.name) + 2;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.present_values(text[], text[]) IS
'A row for each of the items, named class/key, that is there and each of the named attributes: what its row holds in that column now; NULL where its table has no such column. tableoid: the table that it is in, as child_name() calls it, where that inherits from the class''s.';
