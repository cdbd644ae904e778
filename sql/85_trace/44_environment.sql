-- Module trace: drift of an environment. What is installed there now against what a baseline of it recorded.

-- Attribute '' is the item as such. What a baseline tells of an item is its target, its name and its version; an item depends
-- with each of them on columns of its row, whose last captured change explains the difference.
CREATE FUNCTION release_mgmt_internal.environment_drift(environment text, until timestamptz)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_id uuid, role text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    base CONSTANT release_mgmt.environment_baseline := release_mgmt_internal.baseline_at(environment_drift.environment, environment_drift.until);
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
    WITH recorded AS MATERIALIZED (
        -- Behind each target a line of no item, so that one on which nothing was installed is among them.
        SELECT m.* FROM release_mgmt_internal.manifest_items(regexp_replace(base.manifest, E'^target\t.*$', E'\\&\nitem\t\\\\N\t\\\\N\t\\\\N', 'gn')) AS m
    ), target AS MATERIALIZED (
        SELECT r.target, i.id FROM recorded AS r LEFT JOIN release_mgmt.ci AS i ON i.label = r.target AND i.retired_at IS NULL WHERE r.ci IS NULL
    ), installed AS MATERIALIZED (
        SELECT m.* FROM target AS t
        CROSS JOIN LATERAL release_mgmt_internal.installed_part(t.id, t.target) AS p
        CROSS JOIN LATERAL release_mgmt_internal.manifest_items(p.manifest) AS m
        WHERE t.id IS NOT NULL
    ), gone AS MATERIALIZED (
        SELECT r.target, r.ci, r.version FROM recorded AS r LEFT JOIN installed AS n ON n.target = r.target AND n.ci = r.ci WHERE r.ci IS NOT NULL AND n.ci IS NULL
    ), come AS MATERIALIZED (
        SELECT n.target, n.ci, n.version FROM installed AS n LEFT JOIN recorded AS r ON r.target = n.target AND r.ci = n.ci WHERE r.ci IS NULL
    ), difference AS MATERIALIZED (
        SELECT t.target AS ci, '' AS attribute, NULL AS expected, NULL AS present, 'retire' AS operation, true AS is_target
        FROM target AS t LEFT JOIN recorded AS r ON r.ci = t.target WHERE t.id IS NULL AND r.ci IS NULL
        UNION
        SELECT coalesce(g.ci, c.ci), CASE WHEN g.ci IS NULL OR c.ci IS NULL THEN '' ELSE 'installed on' END,
               CASE WHEN c.ci IS NULL THEN g.version ELSE g.target END, CASE WHEN g.ci IS NULL THEN c.version ELSE c.target END,
               CASE WHEN c.ci IS NULL THEN 'retire' WHEN g.ci IS NULL THEN 'create' ELSE 'change' END, false
        FROM gone AS g FULL JOIN come AS c ON c.ci = g.ci
        UNION
        SELECT r.ci, v.attribute, v.expected, v.present, 'change', false
        FROM recorded AS r
        JOIN installed AS n ON n.target = r.target AND n.ci = r.ci
        CROSS JOIN LATERAL (VALUES ('name', r.name, n.name), ('version', r.version, n.version)) AS v (attribute, expected, present)
        WHERE v.expected IS DISTINCT FROM v.present
    ), change AS MATERIALIZED (
        SELECT l.ci, coalesce(l.attribute, '') AS attribute, l.at, l.role, l.transaction_id, l.made_as
        FROM release_mgmt_internal.last_changes_of(ARRAY(SELECT DISTINCT d.ci FROM difference AS d), base.captured_at) AS l
    ), depends AS MATERIALIZED (
        SELECT k.name AS class, a.attribute, u.column_name
        FROM release_mgmt.ci_class AS k
        LEFT JOIN release_mgmt.ci_relation_class AS r ON r.from_class = k.name AND r.kind = 'installed on' AND r.via IS NULL
        CROSS JOIN LATERAL (VALUES ('name', release_mgmt_internal.path_columns(k.source, k.name_path)),
                                   ('version', release_mgmt_internal.path_columns(k.source, k.version_path)),
                                   ('installed on', r.columns),
                                   ('', k.key_columns || r.columns),
                                   ('', release_mgmt_internal.path_columns(k.source, '(' || k.condition || ')')),
                                   ('', '{""}')) AS a (attribute, columns)
        CROSS JOIN LATERAL unnest(a.columns) AS u (column_name)
        WHERE k.source IS NOT NULL
        UNION
        -- An item that was deleted and created again has other attributes by that.
        SELECT k.name, a.attribute, '' FROM release_mgmt.ci_class AS k CROSS JOIN (VALUES ('name'), ('version'), ('installed on')) AS a (attribute)
    ), explained AS MATERIALIZED (
        SELECT DISTINCT ON (d.ci, d.attribute, d.expected, d.present) d.*, l.attribute AS changed, l.at, l.role, l.transaction_id, l.made_as
        FROM difference AS d
        LEFT JOIN (SELECT c.*, x.attribute AS of_attribute FROM change AS c JOIN depends AS x ON x.class = split_part(c.ci, '/', 1) AND x.column_name = c.attribute) AS l
               ON l.ci = d.ci AND l.of_attribute = d.attribute
        ORDER BY d.ci, d.attribute, d.expected, d.present, l.at DESC NULLS LAST, (l.attribute = '') = (d.attribute = '') DESC, l.attribute
    ), permit AS MATERIALIZED (
        SELECT DISTINCT p.*
        FROM (SELECT array_agg(e.ci) AS items, array_agg(e.transaction_id) AS transactions, array_agg(e.changed) AS attributes, array_agg(e.made_as) AS made_as
              FROM explained AS e WHERE e.changed IS NOT NULL) AS o
        CROSS JOIN LATERAL release_mgmt_internal.permits_of(o.items, o.transactions, o.attributes, o.made_as) AS p
    ), present AS MATERIALIZED (
        SELECT v.* FROM release_mgmt_internal.present_values(ARRAY(SELECT p.ci FROM permit AS p WHERE p.is_stated), ARRAY(SELECT p.attribute FROM permit AS p WHERE p.is_stated)) AS v
    )
    SELECT e.ci, nullif(e.attribute, ''), e.expected, e.present,
           release_mgmt_internal.difference_kind(CASE WHEN e.operation = 'change' AND e.changed IS NULL THEN 'create' ELSE e.operation END, p.ci IS NOT NULL,
               NOT (coalesce(p.is_stated, false) AND coalesce(v.is_column, false)) OR release_mgmt_internal.same_value(e.ci, e.changed, p.value, v.value)),
           p.release_id, e.role, e.at, e.transaction_id
    FROM explained AS e
    LEFT JOIN permit AS p ON p.ci = e.ci AND p.transaction_id = e.transaction_id AND p.attribute = e.changed
    LEFT JOIN present AS v ON v.ci = p.ci AND v.attribute = p.attribute
    -- A target that was gone before the baseline was captured is no difference from it.
    WHERE NOT e.is_target OR e.changed IS NOT NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.environment_drift(text, timestamptz) IS
'What a baseline of an environment, the last one captured by that time or at all, recorded against what is installed on its targets now: items that are gone (retire), came (create), are on another of the targets (installed on), or have another name or version; each explained by the last captured change since of what it depends on.';
