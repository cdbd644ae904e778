-- Module trace: what the ledger and the bound tables hold of many items at once.

CREATE FUNCTION release_mgmt_internal.captured_of(items text[], since timestamptz)
RETURNS TABLE (ci text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_nestloop = on AS $$
DECLARE
    labels text[];
    tables uuid[];
    keys text[];
BEGIN
    SELECT array_agg(u.label), array_agg(g.id), array_agg(substr(u.label, length(c.name) + 2)) INTO labels, tables, keys
    FROM unnest(items) AS u (label)
    JOIN release_mgmt.ci_class AS c ON c.name = split_part(u.label, '/', 1)
    JOIN release_mgmt.governed_table AS g ON g.source = c.source;
    RETURN QUERY
        SELECT l.label, r.n, r.transaction_id, r.operation, r.attribute, r.old_value, r.at, r.role
        FROM release_mgmt_internal.changes_of_rows(tables, keys, captured_of.since) AS r
        JOIN unnest(labels) WITH ORDINALITY AS l (label, ordinal) ON l.ordinal = r.ordinal;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.captured_of(text[], timestamptz) IS
'The captured changes of the rows of items, named class/key, all or those since a time and some before; n counts from the last one back, for each item. Rows as in changes_of_rows().';

CREATE FUNCTION release_mgmt_internal.present_values(items text[], attributes text[]) RETURNS TABLE (ci text, attribute text, value text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_nestloop = on AS $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT k.name, k.source, k.key_columns, array_agg(u.label) AS labels,
               (SELECT string_agg(format('(%L, release_mgmt_internal.value_text(t.%I))', a.attname, a.attname), ', ' ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = k.source AND a.attnum > 0 AND NOT a.attisdropped AND a.attname::text = ANY (present_values.attributes)) AS columns
        FROM unnest(items) AS u (label) JOIN release_mgmt.ci_class AS k ON k.name = split_part(u.label, '/', 1)
        WHERE k.source IS NOT NULL GROUP BY k.name
    LOOP
        CONTINUE WHEN c.columns IS NULL;
        RETURN QUERY EXECUTE format($sql$
            SELECT k.label, v.attribute, v.value
            FROM (SELECT u.label, release_mgmt_internal.split_key(substr(u.label, $2)) AS parts FROM unnest($1) AS u (label) OFFSET 0) AS k
            JOIN %s AS t ON %s
            CROSS JOIN LATERAL (VALUES %s) AS v (attribute, value) $sql$,
            c.source, release_mgmt_internal.key_condition(c.source, c.key_columns, 'k.parts'), c.columns)
        USING c.labels, length(c.name) + 2;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.present_values(text[], text[]) IS
'What the rows of items, named class/key, hold now in those of the named columns that their tables have.';
