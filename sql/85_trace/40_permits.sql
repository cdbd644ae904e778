-- Module trace, fourth part: drift. What the CMDB holds against what was planned, and against what was permitted.

CREATE FUNCTION release_mgmt_internal.permitting_release(transaction_id uuid, ci_id uuid, attribute text)
RETURNS TABLE (operation text, release_id uuid, is_stated boolean, value text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT p.operation, coalesce(x.release_id, b.release_id), p.attribute IS NOT NULL AND coalesce(x.id, b.id) IS NOT NULL,
           CASE WHEN x.id IS NOT NULL THEN x.new_value ELSE p.new_value END
    FROM release_mgmt.ci_change_permit AS p
    LEFT JOIN release_mgmt.planned_ci_change AS x ON x.id = p.permitted_by
    LEFT JOIN release_mgmt.ci_back_out AS b ON b.id = p.permitted_by
    WHERE p.transaction_id = permitting_release.transaction_id AND p.ci_id = permitting_release.ci_id
      AND p.attribute IS NOT DISTINCT FROM permitting_release.attribute
      AND NOT EXISTS (SELECT FROM release_mgmt.emergency AS e WHERE e.id = p.permitted_by AND e.verdict = 'rejected')
    ORDER BY p.id DESC
    LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.permitting_release(uuid, uuid, text) IS
'One row where a captured change was permitted: the operation that was, the release that planned it or was backed out by it (NULL where an emergency that was not rejected, or a check of the site''s own, permitted it), and the value that the attribute was permitted to get, where the plan or the back-out stated one.';

CREATE FUNCTION release_mgmt_internal.permits_of(items text[], transactions uuid[], attributes text[], made_as text[])
RETURNS TABLE (ci text, transaction_id uuid, attribute text, operation text, release_id uuid, is_stated boolean, value text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = on SET random_page_cost = 1.1 AS $$
BEGIN
    RETURN QUERY
        SELECT u.ci, u.transaction_id, u.attribute, g.operation, g.release_id, g.is_stated, g.value
        FROM unnest(items, transactions, attributes, made_as) AS u (ci, transaction_id, attribute, made_as)
        LEFT JOIN release_mgmt_internal.renamed_columns() AS n
               ON n.class = split_part(u.ci, '/', 1) AND n.present = u.attribute AND u.transaction_id >= n.first_id AND u.transaction_id < n.next_id
        CROSS JOIN LATERAL (
            -- A stub goes with its item to another name, unless there is one of that name.
            SELECT p.* FROM release_mgmt.ci AS i
            CROSS JOIN LATERAL release_mgmt_internal.permitting_release(u.transaction_id, i.id, nullif(coalesce(n.former, u.attribute), '')) AS p
            WHERE i.label IN (u.ci, u.made_as) LIMIT 1) AS g;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.permits_of(text[], uuid[], text[], text[]) IS
'What permitting_release() tells of many captured changes of items, named class/key: a row for each that was permitted. attribute: as the column is called now; '''': the item as such. made_as: what the item was called after the change; NULL where it is that still.';

CREATE FUNCTION release_mgmt_internal.difference_kind(operation text, is_permitted boolean, is_as_permitted boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN is_permitted AND is_as_permitted THEN 'authorized'
                WHEN is_permitted THEN 'unexpected'
                WHEN operation = 'change' THEN 'unauthorized'
                WHEN operation = 'create' THEN 'unexpected'
                ELSE 'missing' END;
END;
COMMENT ON FUNCTION release_mgmt_internal.difference_kind(text, boolean, boolean) IS
'What a difference is whose last captured change was this operation, permitted or not: where another value is there than was permitted, no captured change explains it.';
