-- Module trace, fourth part: drift. What the CMDB holds against what was planned, and against what was permitted.

-- What each difference is, from the release that permitted the change that decides (or none) and what became of the item.
CREATE FUNCTION release_mgmt_internal.observed_drift(since timestamptz)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_id uuid, role text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH deciding AS MATERIALIZED (
        -- A row that is no item any more is still there: what decides of that is what was changed.
        SELECT k.name AS class, release_mgmt_internal.path_columns(k.source, '(' || k.condition || ')') AS columns
        FROM release_mgmt.ci_class AS k WHERE k.condition IS NOT NULL AND k.source IS NOT NULL
    )
    SELECT c.ci, nullif(c.attribute, ''), c.expected, c.present,
           release_mgmt_internal.difference_kind(CASE WHEN c.attribute = '' THEN c.operation ELSE 'change' END, c.is_permitted, k.is_as_permitted), c.release_id, c.role, c.at, c.transaction_id
    FROM release_mgmt_internal.decided_changes(observed_drift.since) AS c
    JOIN release_mgmt.ci AS i ON i.label = c.ci
    LEFT JOIN deciding AS d ON d.class = i.class
    CROSS JOIN LATERAL (SELECT NOT (c.is_stated AND c.is_column) OR release_mgmt_internal.same_value(c.ci, c.attribute, c.permitted_value, c.present)) AS k (is_as_permitted)
    WHERE ((i.retired_at IS NOT NULL) = (c.operation = 'retire') OR i.retired_at IS NOT NULL AND c.attribute = ANY (d.columns))
      -- What is as it was, unless it was permitted to be otherwise; a type may write it otherwise by now.
      AND (c.attribute = '' OR NOT release_mgmt_internal.same_value(c.ci, c.attribute, c.expected, c.present) OR NOT k.is_as_permitted);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.observed_drift(timestamptz) IS
'What is otherwise than it was: attributes of bound items, and items that came or went, by the change that decides, with a permit (authorized) or without (unauthorized, unexpected, missing). unexpected also where another value is there than was permitted.';

CREATE FUNCTION release_mgmt_internal.made_changes(release uuid)
RETURNS TABLE (ci text, operation text, attribute text, transactions uuid[], stands boolean)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10000 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = on SET random_page_cost = 1.1 AS $$
BEGIN
    RETURN QUERY
    WITH restored AS MATERIALIZED (
        SELECT p.ci_id, i.label, p.operation, coalesce(n.present, p.attribute, '') AS attribute, max(p.id::text)::uuid AS last_permit
        FROM release_mgmt.ci_back_out AS b
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = b.id
        JOIN release_mgmt.ci AS i ON i.id = p.ci_id
        LEFT JOIN release_mgmt_internal.renamed_columns() AS n
               ON n.class = i.class AND n.former = p.attribute AND p.transaction_id >= n.first_id AND p.transaction_id < n.next_id
        WHERE b.release_id = made_changes.release
        GROUP BY p.ci_id, i.label, p.operation, coalesce(n.present, p.attribute, '')
    ), made AS (
        SELECT x.ci, p.ci_id, p.id, p.transaction_id, p.operation, coalesce(n.present, p.attribute, '') AS attribute,
               CASE p.operation WHEN 'create' THEN 'retire' WHEN 'retire' THEN 'create' ELSE 'change' END AS undone_by,
               CASE p.operation WHEN 'change' THEN coalesce(n.present, p.attribute) ELSE '' END AS of_attribute
        FROM release_mgmt.planned_ci_change AS x
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = x.id
        LEFT JOIN release_mgmt_internal.renamed_columns() AS n
               ON n.class = split_part(x.ci, '/', 1) AND n.former = p.attribute AND p.transaction_id >= n.first_id AND p.transaction_id < n.next_id
        WHERE x.release_id = made_changes.release
    )
    -- An item that the release called as another one was called before has that one's stub, until it is called as it was.
    SELECT m.ci, m.operation, m.attribute, array_agg(m.transaction_id) FILTER (WHERE r.ci_id IS NULL AND o.ci_id IS NULL), bool_or(r.ci_id IS NULL AND o.ci_id IS NULL)
    FROM made AS m
    LEFT JOIN restored AS r ON r.ci_id = m.ci_id AND r.last_permit > m.id AND r.operation = m.undone_by AND r.attribute = m.of_attribute
    LEFT JOIN restored AS o ON o.label = m.ci AND o.last_permit > m.id AND o.operation = m.undone_by AND o.attribute = m.of_attribute
    GROUP BY m.ci, m.operation, m.attribute;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.made_changes(uuid) IS
'What a release was ever permitted to change, attribute as the column is called now, '''' of the item as such; transactions: those whose work no back-out has restored since, stands: there is one.';

CREATE FUNCTION release_mgmt_internal.planned_now(release uuid) RETURNS TABLE (id uuid, ci text, operation text, attribute text, old_value text, new_value text, target text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
    SELECT x.id, x.ci, x.operation, coalesce(n.present, x.attribute), x.old_value, x.new_value, x.target
    FROM release_mgmt.planned_ci_change AS x
    LEFT JOIN release_mgmt_internal.renamed_columns() AS n
           ON n.class = pg_catalog.split_part(x.ci, '/', 1) AND n.former = x.attribute AND x.id >= n.first_id AND x.id < n.next_id
    WHERE x.release_id = planned_now.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.planned_now(uuid) IS 'What a release plans, with the names that columns have now.';

-- Of what it joins the planner knows nothing, and would run through one for each row of another, or sort texts: only hashing is
-- left to it. What it calls looks rows up by index. jit off, whoever asks: what is switched off counts as cost, and compiling would
-- take longer than all of the work. Attribute '' is the item as such.
CREATE FUNCTION release_mgmt_internal.compared_drift(release uuid, items text[], since timestamptz, is_deployed boolean)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_id uuid, role text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    columns CONSTANT text[] := ARRAY(SELECT DISTINCT x.attribute FROM release_mgmt_internal.planned_now(compared_drift.release) AS x);
BEGIN
    RETURN QUERY
    WITH change AS MATERIALIZED (
        SELECT d.* FROM release_mgmt_internal.decided_changes(compared_drift.since, items) AS d
    ), renamed AS MATERIALIZED (
        SELECT DISTINCT c.asked_as AS ci, c.ci AS label FROM change AS c WHERE c.asked_as IS NOT NULL
    ), present AS (
        SELECT v.* FROM release_mgmt_internal.present_values(items || ARRAY(SELECT n.label FROM renamed AS n), columns || ARRAY(SELECT DISTINCT c.attribute FROM change AS c)) AS v
    ), made AS MATERIALIZED (
        SELECT coalesce(n.label, m.ci) AS ci, m.operation, m.attribute, m.transactions, m.stands
        FROM release_mgmt_internal.made_changes(compared_drift.release) AS m LEFT JOIN renamed AS n ON n.ci = m.ci
    ), subject AS MATERIALIZED (
        -- Each attribute that is planned or was changed, once; is_known: the change that decides is why it is as it is, is_own: the
        -- release was permitted to make that.
        SELECT s.*, v.ci IS NOT NULL AS is_there, v.value AS present, v.is_column,
               m.ci IS NOT NULL AS was_made, coalesce(m.stands, false) AS stands,
               coalesce((v.ci IS NOT NULL) = (s.changed_by <> 'retire'), false) AS is_known,
               coalesce((v.ci IS NOT NULL) = (s.changed_by <> 'retire') AND w.id IS NOT NULL, false) AS is_own
        FROM (SELECT coalesce(x.ci, c.ci) AS ci, coalesce(x.attribute, c.attribute) AS attribute, x.operation, x.old_value, x.new_value, x.target,
                     c.operation AS changed_by, c.expected, c.at, c.role, c.transaction_id, c.is_permitted, c.release_id, c.is_stated, c.permitted_value
              FROM (SELECT coalesce(n.label, p.ci) AS ci, p.attribute, p.operation, p.old_value, p.new_value, p.target
                    FROM release_mgmt_internal.planned_now(compared_drift.release) AS p
                    JOIN unnest(compared_drift.items) AS s (ci) ON s.ci = p.ci
                    JOIN release_mgmt.ci_class AS k ON k.name = split_part(p.ci, '/', 1)
                    LEFT JOIN renamed AS n ON n.ci = p.ci
                    WHERE p.attribute <> ALL (k.exempt)) AS x
              FULL JOIN change AS c ON c.ci = x.ci AND c.attribute = x.attribute) AS s
        LEFT JOIN present AS v ON v.ci = s.ci AND v.attribute = s.attribute
        LEFT JOIN made AS m ON m.ci = s.ci AND m.attribute = s.attribute AND m.operation = s.operation
        LEFT JOIN (SELECT DISTINCT o.ci, o.attribute, o.operation, t.id FROM made AS o CROSS JOIN LATERAL unnest(o.transactions) AS t (id)) AS w
               ON w.ci = s.ci AND w.attribute = s.attribute AND w.operation = s.changed_by AND w.id = s.transaction_id
    ), observed AS MATERIALIZED (
        -- What others did, and what became of items as such; is_difference: it is otherwise now.
        SELECT k.ci, k.attribute, k.expected, k.present,
               release_mgmt_internal.difference_kind(CASE WHEN k.attribute = '' THEN k.changed_by ELSE 'change' END, k.is_own OR k.is_permitted, s.is_as_permitted) AS classification,
               k.attribute = '' OR NOT s.is_as_permitted OR NOT release_mgmt_internal.same_value(k.ci, k.attribute, k.expected, k.present) AS is_difference,
               CASE WHEN k.is_own THEN compared_drift.release ELSE k.release_id END AS release_id, k.role, k.at, k.transaction_id
        FROM subject AS k
        CROSS JOIN LATERAL (SELECT k.is_own OR NOT (k.is_stated AND k.is_column) OR release_mgmt_internal.same_value(k.ci, k.attribute, k.permitted_value, k.present) AS is_as_permitted) AS s
        WHERE k.is_known AND (NOT k.is_own OR k.attribute = '')
    ), judged AS (
        -- What was made and no longer stands was backed out: then what was there before is what should be there. What happened
        -- to the item as such explains an attribute that nothing else does.
        SELECT x.ci, x.attribute, x.new_value AS expected, x.present, CASE WHEN x.is_own THEN compared_drift.release ELSE coalesce(o.release_id, whole.release_id) END AS release_id,
               coalesce(CASE WHEN x.is_known THEN x.role END, whole.role) AS role, coalesce(CASE WHEN x.is_known THEN x.at END, whole.at) AS at,
               coalesce(CASE WHEN x.is_known THEN x.transaction_id END, whole.transaction_id) AS transaction_id,
               CASE WHEN x.operation = 'retire' THEN
                        CASE WHEN x.is_there THEN CASE WHEN d.is_done AND (x.stands OR NOT x.was_made) THEN 'unexpected' END
                             WHEN x.stands THEN 'authorized' ELSE 'missing' END
                    WHEN NOT x.is_there THEN CASE WHEN x.operation = 'change' OR (d.is_done AND (x.stands OR NOT x.was_made)) THEN 'missing' END
                    WHEN x.new_value IS NOT DISTINCT FROM x.present OR release_mgmt_internal.same_value(x.ci, x.attribute, x.new_value, x.present) THEN
                        -- Of what an item is created with, its key and what is NULL have no permits of their own.
                        CASE WHEN x.stands OR (x.operation = 'create' AND created.stands AND (o.ci IS NULL OR o.classification = 'authorized')) THEN 'authorized'
                             WHEN x.operation = 'create' THEN 'unexpected'
                             -- That others made what is planned is theirs to answer for; what was so already is no difference.
                             WHEN o.is_difference THEN o.classification
                             WHEN x.old_value IS DISTINCT FROM x.new_value THEN 'unexpected' END
                    WHEN x.operation = 'change' AND NOT x.stands AND (x.old_value IS NOT DISTINCT FROM x.present OR release_mgmt_internal.same_value(x.ci, x.attribute, x.old_value, x.present)) THEN
                        CASE WHEN d.is_done AND NOT x.was_made THEN 'missing' END
                    WHEN x.is_own THEN 'unexpected'
                    ELSE coalesce(o.classification, 'unexpected') END AS classification
        FROM subject AS x
        LEFT JOIN release_mgmt.target AS t ON t.release_id = compared_drift.release AND t.ci = x.target
        CROSS JOIN LATERAL (SELECT is_deployed OR coalesce(t.state IN ('installed', 'verified'), false) AS is_done) AS d
        LEFT JOIN made AS created ON created.ci = x.ci AND created.attribute = '' AND created.operation = 'create'
        LEFT JOIN observed AS o ON o.ci = x.ci AND o.attribute = x.attribute
        LEFT JOIN observed AS whole ON whole.ci = x.ci AND whole.attribute = ''
        WHERE x.operation IS NOT NULL
    )
    SELECT j.ci, nullif(j.attribute, ''), j.expected, j.present, j.classification, j.release_id, j.role, j.at, j.transaction_id
    FROM judged AS j WHERE j.classification IS NOT NULL
    UNION ALL
    SELECT o.ci, nullif(o.attribute, ''), o.expected, o.present, o.classification, o.release_id, o.role, o.at, o.transaction_id
    FROM observed AS o
    WHERE o.is_difference AND NOT EXISTS (SELECT FROM subject AS x WHERE x.operation IS NOT NULL AND x.ci = o.ci AND x.attribute = o.attribute)
      AND NOT (o.attribute = '' AND o.ci IN (SELECT x.ci FROM subject AS x WHERE x.operation IS NOT NULL AND (x.operation = 'create' OR o.classification = 'missing')));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.compared_drift(uuid, text[], timestamptz, boolean) IS
'What release_drift() tells of some of the items that a release plans to change, since a time, and whether the release is deployed by now.';

-- What the release was permitted to make, and nobody has touched since, is told class by class; only the rest is compared item by item.
CREATE FUNCTION release_mgmt_internal.release_drift(release uuid)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_id uuid, role text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    since timestamptz;
    is_deployed boolean;
    is_backed_out boolean;
    batch record;
    name text;
    held text[];
    present text[];
    as_made boolean[];
    times timestamptz[];
    roles text[];
    touched text[];
    rest text[] := '{}';
BEGIN
    SELECT min(coalesce(p.sealed_at, r.created_at)), bool_and(m.kind = 'deployed'), EXISTS (SELECT FROM release_mgmt.ci_back_out AS b WHERE b.release_id = release_drift.release)
    INTO since, is_deployed, is_backed_out
    FROM release_mgmt.release AS r
    JOIN release_mgmt.model_state AS m ON m.model_id = r.model_id AND m.state = r.state
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id
    WHERE r.id = release_drift.release;
    PERFORM release_mgmt_internal.flush_changes();
    FOR batch IN
        SELECT c AS of_class, CASE WHEN s.made > 0 AND NOT is_backed_out THEN t.id END AS table_id, s.*
        FROM (SELECT split_part(x.ci, '/', 1) AS class, array_agg(x.ci) AS items, array_agg(substr(x.ci, strpos(x.ci, '/') + 1)) AS keys,
                     array_agg(x.attribute) AS attributes, array_agg(DISTINCT x.attribute) AS names, array_agg(x.new_value) AS planned, count(p.id) AS made,
                     array_agg(CASE WHEN x.operation = 'change' THEN p.transaction_id END) AS transactions
              FROM release_mgmt_internal.planned_now(release_drift.release) AS x LEFT JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = x.id
              GROUP BY 1) AS s
        LEFT JOIN release_mgmt.ci_class AS c ON c.name = s.class
        LEFT JOIN release_mgmt.governed_table AS t ON t.source = c.source
    LOOP
        IF batch.table_id IS NULL THEN
            rest := rest || batch.items;
            CONTINUE;
        END IF;
        SELECT array_agg(m.is_as_made), array_agg(m.at), array_agg(m.role) INTO as_made, times, roles
        FROM release_mgmt_internal.as_made(batch.table_id, batch.keys, batch.attributes, batch.transactions, (batch.of_class).exempt, since) AS m;
        present := NULL;
        FOREACH name IN ARRAY batch.names LOOP
            held := release_mgmt_internal.present_column(batch.of_class, name, batch.items);
            present := CASE WHEN cardinality(batch.names) = 1 THEN held
                            ELSE ARRAY(SELECT CASE WHEN u.attribute = name THEN u.held ELSE u.present END FROM unnest(batch.attributes, held, present) AS u (attribute, held, present)) END;
        END LOOP;
        touched := ARRAY(
            SELECT DISTINCT u.ci
            FROM unnest(batch.items, batch.attributes, batch.planned, present, as_made) AS u (ci, attribute, planned, present, is_as_made)
            WHERE NOT u.is_as_made OR u.present IS NULL
               OR NOT coalesce(u.present = u.planned OR release_mgmt_internal.same_value(u.ci, u.attribute, u.planned, u.present), false));
        rest := rest || touched;
        RETURN QUERY
            SELECT u.ci, u.attribute, u.planned, u.present, 'authorized', release_drift.release, u.role, u.at, u.transaction_id
            FROM unnest(batch.items, batch.attributes, batch.planned, present, roles, times, batch.transactions) AS u (ci, attribute, planned, present, role, at, transaction_id)
            WHERE touched = '{}' OR u.ci NOT IN (SELECT t FROM unnest(touched) AS t);
    END LOOP;
    IF rest <> '{}' THEN
        RETURN QUERY SELECT d.* FROM release_mgmt_internal.compared_drift(release_drift.release, ARRAY(SELECT DISTINCT t FROM unnest(rest) AS t), since, is_deployed) AS d;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.release_drift(uuid) IS
'Each planned attribute of a release against what is there, and whatever else happened to the planned items since sealing.';
