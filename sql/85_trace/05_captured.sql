-- Module trace: what the ledger and the bound tables hold of many items at once.

CREATE FUNCTION release_mgmt_internal.captured_of(items uuid[], since timestamptz)
RETURNS TABLE (ci_id uuid, n bigint, transaction_id uuid, operation text, old jsonb, at timestamptz, role text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_items uuid[];
    tables uuid[];
    keys text[];
BEGIN
    SELECT array_agg(i.id ORDER BY i.id), array_agg(g.id ORDER BY i.id), array_agg(i.key ORDER BY i.id) INTO found_items, tables, keys
    FROM unnest(items) AS u (id)
    JOIN release_mgmt.ci AS i ON i.id = u.id
    JOIN release_mgmt.ci_class AS c ON c.name = i.class
    JOIN release_mgmt.governed_table AS g ON g.source = c.source;
    RETURN QUERY
        SELECT found_items[r.ordinal], r.n, r.transaction_id, r.operation, r.old, r.at, r.role
        FROM release_mgmt_internal.changes_of_rows(tables, keys, captured_of.since) AS r;
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
