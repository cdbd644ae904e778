-- Module trace: columns that were called otherwise when something was planned or permitted of them.

-- Plans and permits keep the names that columns had then; what the ledger captured goes by the columns themselves.
CREATE FUNCTION release_mgmt_internal.renamed_columns() RETURNS TABLE (class text, former text, present text, first_id uuid, next_id uuid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    WITH version AS (
        SELECT k.name AS class, v.*, release_mgmt_internal.least_id(v.recorded_at) AS first_id,
               release_mgmt_internal.least_id(coalesce(pg_catalog.lead(v.recorded_at) OVER (PARTITION BY v.table_id ORDER BY v.version), 'infinity')) AS next_id,
               g.column_keys AS present_keys, g.column_names AS present_names, g.child_keys AS present_child_keys, g.child_names AS present_child_names
        FROM release_mgmt.ci_class AS k
        JOIN release_mgmt.governed_table AS g ON g.source = k.source
        JOIN release_mgmt.table_version AS v ON v.table_id = g.id
    )
    SELECT v.class, o.name, p.name, v.first_id, v.next_id
    FROM version AS v
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(v.column_keys), pg_catalog.unnest(v.column_names)) AS o (key, name)
    JOIN LATERAL ROWS FROM (pg_catalog.unnest(v.present_keys), pg_catalog.unnest(v.present_names)) AS p (key, name) ON p.key = o.key AND p.name <> o.name
    UNION
    SELECT v.class, o.name, p.name, v.first_id, v.next_id
    FROM version AS v
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(v.child_keys), pg_catalog.unnest(v.child_names)) AS o (key, name)
    JOIN LATERAL ROWS FROM (pg_catalog.unnest(v.present_child_keys), pg_catalog.unnest(v.present_child_names)) AS p (key, name) ON p.key = o.key AND p.name <> o.name;
END;
COMMENT ON FUNCTION release_mgmt_internal.renamed_columns() IS
'The columns of bound tables that have another name now, with each name that they had before: it held of what was planned, and of the transactions that were begun, under ids from first_id on and before next_id.';

CREATE FUNCTION release_mgmt_internal.names_then(class text, columns text[], transaction_id uuid) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN ARRAY(SELECT coalesce(n.former, u.name)
                 FROM unnest(names_then.columns) WITH ORDINALITY AS u (name, place)
                 LEFT JOIN release_mgmt_internal.renamed_columns() AS n
                        ON n.class = names_then.class AND n.present = u.name AND names_then.transaction_id >= n.first_id AND names_then.transaction_id < n.next_id
                 ORDER BY u.place);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.names_then(text, text[], uuid) IS 'What columns of a class''s table were called when a transaction began.';
