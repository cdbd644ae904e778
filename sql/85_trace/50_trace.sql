-- Module trace, fifth part: what ever touched an item, and what hangs on it.

-- SECURITY DEFINER: puts together what several duties may read only in parts.
CREATE FUNCTION release_mgmt.trace_ci(ci text) RETURNS TABLE (at timestamptz, kind text, code text, detail text, person text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    item uuid := release_mgmt_internal.seen_item(trace_ci.ci);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
    WITH planned AS MATERIALIZED (
        SELECT x.id, x.release_id, x.ci, x.operation, x.attribute, x.old_value, x.new_value FROM release_mgmt.planned_ci_change AS x WHERE x.ci = trace_ci.ci
        UNION
        -- What was made of it under a former name.
        SELECT x.id, x.release_id, x.ci, x.operation, x.attribute, x.old_value, x.new_value
        FROM release_mgmt.ci_change_permit AS p JOIN release_mgmt.planned_ci_change AS x ON x.id = p.permitted_by
        WHERE p.ci_id = item
    ), touching AS MATERIALIZED (
        SELECT r.id, r.code, r.type, r.state, r.created_at, r.requested_by
        FROM (SELECT x.release_id FROM planned AS x
              UNION SELECT t.release_id FROM release_mgmt.target AS t WHERE t.ci = trace_ci.ci
              UNION SELECT k.release_id FROM release_mgmt.component AS c JOIN release_mgmt.release_package AS k ON k.id = c.package_id WHERE c.ci = trace_ci.ci) AS t
        JOIN release_mgmt.release AS r ON r.id = t.release_id
        WHERE release_mgmt_internal.sees(r.id, 'release')
    ), traces (at, kind, code, detail, role, person_id) AS (
        SELECT r.created_at, 'release', r.code, format('%s, now %s', r.type, r.state), NULL, r.requested_by
        FROM touching AS r
        UNION ALL
        SELECT r.created_at, 'planned change', r.code,
               CASE x.operation WHEN 'retire' THEN 'retire' ELSE format('%s: %s -> %s', x.attribute, coalesce(quote_literal(x.old_value), 'NULL'), coalesce(quote_literal(x.new_value), 'NULL')) END
               || CASE WHEN x.ci <> trace_ci.ci THEN format(' (as %s)', x.ci) ELSE '' END,
               NULL, NULL
        FROM touching AS r JOIN planned AS x ON x.release_id = r.id
        UNION ALL
        SELECT c.created_at, 'change request', c.code, concat_ws(', ', c.type, c.title), NULL, c.requested_by
        FROM release_mgmt.change_request AS c
        WHERE c.id IN (SELECT rc.change_id FROM release_mgmt.release_change AS rc JOIN touching AS r ON r.id = rc.release_id)
        UNION ALL
        SELECT e.declared_at, 'emergency', c.code, concat_ws(', ', e.reason, e.verdict), NULL, e.declared_by
        FROM release_mgmt.emergency AS e JOIN release_mgmt.change_request AS c ON c.id = e.change_id
        WHERE e.items @> ARRAY[trace_ci.ci] AND release_mgmt_internal.sees(c.organization_id, 'own')
        UNION ALL
        SELECT a.approved_at, 'approval', r.code, a.digest::text, NULL, a.approved_by
        FROM touching AS r JOIN release_mgmt.approval AS a ON a.release_id = r.id
        UNION ALL
        SELECT DISTINCT k.sealed_at, 'library item', i.purl::text, concat_ws(' ', i.digest::text, 'in package', k.code), NULL, k.sealed_by
        FROM touching AS r
        JOIN release_mgmt.release_package AS k ON k.release_id = r.id AND k.current
        JOIN release_mgmt.component AS c ON c.package_id = k.id
        JOIN release_mgmt.library_item AS i ON i.id = c.item_id
        UNION ALL
        SELECT u.run_at, 'test run', r.code, format('%s: %s', u.test, u.result), NULL, u.run_by
        FROM touching AS r JOIN release_mgmt.test_run AS u ON u.release_id = r.id
        UNION ALL
        SELECT s.finished_at, 'deployment step', r.code, format('%s %s', s.kind, s.state), NULL, s.claimed_by
        FROM touching AS r
        JOIN release_mgmt.target AS t ON t.release_id = r.id AND t.ci = trace_ci.ci
        JOIN release_mgmt.deployment_step AS s ON s.target_id = t.id AND s.finished_at IS NOT NULL
        UNION ALL
        SELECT n.opened_at, 'incident', n.code, concat_ws(', ', n.severity, n.summary), NULL, n.reported_by
        FROM release_mgmt.incident AS n
        WHERE (n.ci = trace_ci.ci OR n.id IN (SELECT o.incident_id FROM release_mgmt.incident_ci AS o WHERE o.ci = trace_ci.ci))
          AND (n.organization_id IS NULL OR release_mgmt_internal.sees(n.organization_id, 'organization'))
        UNION ALL
        SELECT h.at, 'captured change', coalesce(r.code, CASE WHEN release_mgmt_internal.sees(q.emergency_of, 'own') THEN q.emergency END),
               CASE h.operation WHEN 'update' THEN
                   (SELECT string_agg(format('%s: %s -> %s', o.key, coalesce(quote_literal(o.value ->> 'old'), 'NULL'), coalesce(quote_literal(o.value ->> 'new'), 'NULL')), ', ' ORDER BY o.key)
                    FROM jsonb_each(h.changed) AS o WHERE o.key <> ALL (c.exempt))
                   ELSE h.operation END
               || coalesce(' (as ' || n.label || ')', '')
               || CASE WHEN q.back_out_id IS NOT NULL THEN ' (back-out)' WHEN q.emergency IS NOT NULL THEN ' (emergency)' WHEN q.ci_id IS NULL AND h.operation <> 'baseline' THEN ' (no permit)' ELSE '' END
               || CASE WHEN q.ci_id IS NOT NULL THEN coalesce((SELECT format(' (no permit: %s)', string_agg(o.name, ', ')) FROM unnest(w.columns, t.names) AS o (name, name_then) WHERE o.name_then <> ALL (m.attributes) HAVING count(*) > 0), '') ELSE '' END,
               h.role, NULL
        FROM release_mgmt.ci AS i
        JOIN release_mgmt.ci_class AS c ON c.name = i.class AND c.source IS NOT NULL
        JOIN release_mgmt.governed_table AS g ON g.source = c.source
        CROSS JOIN LATERAL release_mgmt_internal.row_history(c.source, g.id, i.key) AS h
        CROSS JOIN LATERAL (SELECT i.class || '/' || h.made_as AS label) AS n
        -- A transaction may do more than was permitted.
        CROSS JOIN LATERAL (SELECT CASE h.operation WHEN 'insert' THEN 'create' WHEN 'delete' THEN 'retire' WHEN 'update' THEN 'change' END AS operation,
                                   CASE WHEN h.operation = 'update' THEN ARRAY(SELECT k FROM jsonb_object_keys(h.changed) AS k WHERE k <> ALL (c.exempt) ORDER BY k COLLATE "C") END AS columns) AS w
        CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM release_mgmt.table_version AS v WHERE v.table_id = g.id AND v.version > 1)
                                        THEN release_mgmt_internal.names_then(c.name, w.columns, h.transaction_id) ELSE w.columns END AS names) AS t
        CROSS JOIN LATERAL (SELECT ARRAY(SELECT p.attribute FROM release_mgmt.ci_change_permit AS p
                                         WHERE p.ci_id IN (i.id, (SELECT o.id FROM release_mgmt.ci AS o WHERE o.label = n.label)) AND p.transaction_id = h.transaction_id
                                           AND p.operation = w.operation AND p.attribute IS NOT NULL) AS attributes) AS m
        LEFT JOIN LATERAL (
            SELECT p.ci_id, b.id AS back_out_id, coalesce(x.release_id, b.release_id) AS release_id, e.code AS emergency, e.organization_id AS emergency_of
            FROM release_mgmt.ci_change_permit AS p
            LEFT JOIN release_mgmt.planned_ci_change AS x ON x.id = p.permitted_by
            LEFT JOIN release_mgmt.ci_back_out AS b ON b.id = p.permitted_by
            LEFT JOIN (SELECT m.id, c.code, c.organization_id FROM release_mgmt.emergency AS m JOIN release_mgmt.change_request AS c ON c.id = m.change_id) AS e ON e.id = p.permitted_by
            -- A stub goes with its item to another name, unless there is one of that name.
            WHERE p.ci_id IN (i.id, (SELECT o.id FROM release_mgmt.ci AS o WHERE o.label = n.label)) AND p.transaction_id = h.transaction_id
              AND p.operation = w.operation AND (p.attribute IS NULL OR p.attribute = ANY (t.names))
            ORDER BY p.id LIMIT 1) AS q ON true
        LEFT JOIN release_mgmt.release AS r ON r.id = q.release_id AND release_mgmt_internal.sees(r.id, 'release')
        WHERE i.id = item AND h.operation <> 'schema'
          AND (h.operation <> 'update' OR EXISTS (SELECT FROM jsonb_object_keys(h.changed) AS k WHERE k <> ALL (c.exempt)))
    )
    SELECT t.at, t.kind, t.code, t.detail, coalesce(p.code, t.role)
    FROM traces AS t LEFT JOIN release_mgmt.person AS p ON p.id = t.person_id
    ORDER BY t.at, t.kind, t.code, t.detail;
END $$;
COMMENT ON FUNCTION release_mgmt.trace_ci(text) IS
'Everything that ever touched the item named class/key, in the order of time: releases that plan to change it or are rolled out to it, with their planned changes of it, change requests, approvals, library items, test runs and deployment steps; emergencies, incidents; and every captured change of its row, with the release or emergency that permitted it (code) or "no permit", and of one that was permitted in part the columns that nothing permitted. What was planned for it or done to it while it had another key says so: (as class/key). person is a person''s code, or the role of a captured change. Releases, emergencies and incidents that the acting person does not see are left out, and as what permitted a change are NULL. Errors: RM002 unknown item.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,test manager,librarian,auditor}', 'EXECUTE', 'FUNCTION release_mgmt.trace_ci(text)');

-- SECURITY DEFINER: a duty lets its holder read items, not the customer's tables.
CREATE FUNCTION release_mgmt_internal.items_above(items uuid[], max_depth integer) RETURNS TABLE (depth integer, affected text, kind text, through text)
LANGUAGE c STABLE PARALLEL SAFE ROWS 1000 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'rm_items_above';
COMMENT ON FUNCTION release_mgmt_internal.items_above(uuid[], integer) IS 'What impact_of() tells: of the items that hang on those with these ids, the ones that the acting person sees.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.items_above(uuid[], integer)');

-- Not SECURITY DEFINER: a package is found by who sees it.
CREATE FUNCTION release_mgmt_internal.package_items(code text) RETURNS TABLE (id uuid, label text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    SELECT i.id, i.label
    FROM release_mgmt.release_package AS p
    CROSS JOIN LATERAL (SELECT c.ci FROM release_mgmt.component AS c WHERE c.package_id = p.id AND c.ci IS NOT NULL
                        UNION SELECT t.ci FROM release_mgmt.target AS t WHERE t.release_id = p.release_id
                        UNION SELECT x.ci FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = p.release_id) AS touched
    JOIN release_mgmt.ci AS i ON i.label = touched.ci
    WHERE p.code = package_items.code AND p.current;
END;
COMMENT ON FUNCTION release_mgmt_internal.package_items(text) IS
'The items that a package in its current revision touches, of those that the acting person sees: its components'' own, its release''s targets and planned changes.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.package_items(text)');

CREATE FUNCTION release_mgmt_internal.impact_origin(name text) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- An item's label has a slash; a package of that name is meant where there is no such item.
    SELECT CASE WHEN EXISTS (SELECT FROM release_mgmt.release_package AS p WHERE p.code = impact_origin.name AND p.current)
                     AND NOT EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.label = impact_origin.name)
                THEN ARRAY(SELECT i.id FROM release_mgmt_internal.package_items(impact_origin.name) AS i)
                ELSE ARRAY[release_mgmt.ci_id(impact_origin.name)] END;
END;
COMMENT ON FUNCTION release_mgmt_internal.impact_origin(text) IS 'What to begin with: the item of that label, or what the package of that code touches. Errors: RM002 neither.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.impact_origin(text)');

CREATE FUNCTION release_mgmt.impact_of(ci text, max_depth integer DEFAULT NULL) RETURNS TABLE (depth integer, affected text, kind text, through text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 0, i.label, 'touched by', impact_of.ci
    FROM release_mgmt_internal.package_items(ci) AS i WHERE NOT EXISTS (SELECT FROM release_mgmt.ci AS x WHERE x.label = impact_of.ci)
    UNION ALL
    SELECT x.depth, x.affected, x.kind, x.through FROM release_mgmt_internal.items_above(release_mgmt_internal.impact_origin(ci), max_depth) AS x;
END;
COMMENT ON FUNCTION release_mgmt.impact_of(text, integer) IS
'The items that hang on the item named class/key: those with a relation to it (runs on, installed on, part of ...), those with a relation to these, and so on; each once, at its least depth, with the relation''s kind and the item through which it was reached. Given the code of a package: the items that it touches, at depth 0 (its components'' own, its release''s targets and planned changes), and what hangs on them. Items that the acting person does not see are left out, and as the one through which another was reached are NULL. max_depth: how far to go; NULL, the default, to the end. Cycles end where they began. Errors: RM002 no such item nor package that the acting person sees.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.impact_of(text, integer)');
