-- Module rollout: the planned CI changes that follow from rolling a package out onto its targets.

CREATE FUNCTION release_mgmt_internal.creatable_item(target release_mgmt.ci, name text, version release_mgmt.pkgver)
RETURNS TABLE (ci text, attribute text, new_value text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH candidate AS MATERIALIZED (
        -- Where the item is installed, its name and its version must be columns of the class's own table, and make up its key.
        SELECT c.name AS class, c.key_columns, c.name_path, c.version_path, r.columns AS on_columns
        FROM release_mgmt.ci_class AS c
        JOIN release_mgmt.ci_relation_class AS r ON r.from_class = c.name AND r.kind = 'installed on' AND r.via IS NULL AND r.to_class = (creatable_item.target).class
        WHERE c.source IS NOT NULL AND c.version_scheme = release_mgmt.pkgver_scheme(creatable_item.version)
          AND c.key_columns <@ (r.columns || c.name_path)
          AND (SELECT count(*) FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = c.source AND a.attnum > 0 AND a.attname IN (c.name_path, c.version_path)) = 2
    ), value AS MATERIALIZED (
        SELECT d.class, d.key_columns, v.attribute, v.new_value
        FROM candidate AS d
        CROSS JOIN LATERAL (
            SELECT d.name_path, creatable_item.name
            UNION ALL
            SELECT d.version_path, release_mgmt.pkgver_version(creatable_item.version)
            UNION ALL
            SELECT o.attribute, o.part
            FROM ROWS FROM (pg_catalog.unnest(d.on_columns), pg_catalog.unnest(release_mgmt_internal.split_key((creatable_item.target).key))) AS o(attribute, part)
        ) AS v(attribute, new_value)
        -- Of two classes that fit, neither is right.
        WHERE (SELECT count(*) FROM candidate) = 1
    ), label AS (
        SELECT k.class || '/' || release_mgmt_internal.join_key(VARIADIC pg_catalog.array_agg(v.new_value ORDER BY k.place)) AS ci
        FROM (SELECT DISTINCT d.class, c.attribute, c.place FROM candidate AS d, LATERAL pg_catalog.unnest(d.key_columns) WITH ORDINALITY AS c(attribute, place)) AS k
        JOIN value AS v ON v.attribute = k.attribute
        GROUP BY k.class
    )
    SELECT l.ci, v.attribute, v.new_value
    FROM label AS l CROSS JOIN value AS v
    WHERE v.attribute <> ALL (v.key_columns);
END;
COMMENT ON FUNCTION release_mgmt_internal.creatable_item(release_mgmt.ci, text, release_mgmt.pkgver) IS
'The item that a component of that name and version would become on the target, with its attributes beside the key; nothing where no class, or more than one, allows to tell.';

-- SECURITY DEFINER: reads the CMDB for whoever plans.
CREATE FUNCTION release_mgmt.derive_ci_changes(release text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid;
    derived integer;
    left_out text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    of_release := release_mgmt.release_id(release);
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager');
    IF NOT EXISTS (SELECT FROM release_mgmt.target AS t WHERE t.release_id = of_release) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has no targets', release), NULL,
            format('Plan them with SELECT release_mgmt.add_wave(%L, name, targets).', release));
    END IF;
    WITH place AS MATERIALIZED (
        SELECT t.id, i AS item FROM release_mgmt.target AS t JOIN release_mgmt.ci AS i ON i.label = t.ci WHERE t.release_id = of_release
    ), installed AS MATERIALIZED (
        SELECT p.id, x.ci, x.name, x.version,
               CASE WHEN pkgver_scheme(x.version) = 'deb' THEN split_part(x.name, ':', 1) ELSE x.name END AS plain_name
        FROM place AS p CROSS JOIN LATERAL release_mgmt_internal.installed_components((p.item).id) AS x
    ), brought AS MATERIALIZED (
        SELECT p.id, p.item, c AS component, c.name
        FROM place AS p CROSS JOIN LATERAL release_mgmt_internal.target_components(p.id) AS c WHERE c.version IS NOT NULL
    ), tied AS MATERIALIZED (
        -- A component says which item it becomes: that one's version changes with the target that it is, or is installed on.
        SELECT b.id, b.name, (b.item).label AS target, (b.component).version, l.label AS ci, k.source, k.version_path
        FROM brought AS b
        JOIN release_mgmt.ci AS l ON l.label = (b.component).ci AND l.retired_at IS NULL
        JOIN release_mgmt.ci_class AS k ON k.name = l.class AND k.version_path IS NOT NULL AND k.version_scheme = pkgver_scheme((b.component).version)
        WHERE l.id = (b.item).id OR EXISTS (SELECT FROM installed AS o WHERE o.id = b.id AND o.ci = l.id)
    ), wanted AS MATERIALIZED (
        SELECT (b.item).label AS target, b.item, b.name, (b.component).version, (b.component).kind, o.ci AS installed, o.version AS installed_version
        FROM brought AS b
        LEFT JOIN installed AS o ON o.id = b.id AND o.plain_name = b.name AND release_mgmt_internal.is_of_component(o.name, o.version, b.component)
        -- On another target it changes what bears its name there, and creates nothing.
        WHERE NOT EXISTS (SELECT FROM tied AS t WHERE t.ci = (b.component).ci AND (t.id = b.id OR o.ci IS NULL))
    ), change AS MATERIALIZED (
        SELECT t.target, t.ci, 'change' AS operation, a.attname::text AS attribute, pkgver_version(t.version) AS new_value, t.name
        FROM tied AS t
        LEFT JOIN pg_attribute AS a ON a.attrelid = t.source AND a.attname = t.version_path AND a.attnum > 0 AND NOT a.attisdropped
        WHERE a.attname IS NULL OR release_mgmt.ci_attribute(t.ci, a.attname) IS DISTINCT FROM pkgver_version(t.version)
        UNION ALL
        SELECT w.target, l.label AS ci, 'change' AS operation, a.attname::text AS attribute, pkgver_version(w.version) AS new_value, w.name
        FROM wanted AS w
        JOIN release_mgmt.ci AS l ON l.id = w.installed
        JOIN release_mgmt.ci_class AS k ON k.name = l.class
        -- A version that is read over a foreign key is not the item's own to change.
        LEFT JOIN pg_attribute AS a ON a.attrelid = k.source AND a.attname = k.version_path AND a.attnum > 0 AND NOT a.attisdropped
        WHERE w.installed_version IS DISTINCT FROM w.version
        UNION ALL
        SELECT w.target, n.ci, 'create', n.attribute, n.new_value, w.name
        FROM wanted AS w LEFT JOIN LATERAL release_mgmt_internal.creatable_item(w.item, w.name, w.version) AS n ON w.kind = 'software'
        WHERE w.installed IS NULL
    ), planned AS (
        INSERT INTO release_mgmt.planned_ci_change (release_id, ci, target, operation, attribute, new_value)
        SELECT of_release, c.ci, c.target, c.operation, c.attribute, c.new_value
        FROM change AS c
        WHERE c.attribute IS NOT NULL
          AND NOT EXISTS (SELECT FROM release_mgmt.planned_ci_change AS p
                          WHERE p.release_id = of_release AND p.ci = c.ci AND (p.attribute = c.attribute OR p.operation <> c.operation))
        ORDER BY c.ci COLLATE "C", c.attribute COLLATE "C"
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM planned),
           (SELECT string_agg(format('%s on %s', c.name, c.target), ', ' ORDER BY c.target, c.name) FROM change AS c WHERE c.attribute IS NULL)
    INTO derived, left_out;
    IF left_out IS NOT NULL THEN
        RAISE NOTICE USING MESSAGE = format('no configuration item to change or to create was found for: %s', left_out),
            HINT = 'Plan them in release_mgmt.planned_ci_change where the CMDB should know them.';
    END IF;
    RETURN derived;
END $$;
COMMENT ON FUNCTION release_mgmt.derive_ci_changes(text) IS
'Plans the CI changes that follow from the package of a release and its targets, and returns how many rows it added to planned_ci_change: for each component with a version, the new version of the item that it names in ci, with the target that this is or is installed on, and of the item of that name installed on each other target; where none is installed, the component is software and its own item is on no target, the creation of one, if exactly one class of items "installed on" the target has name and place as its key. What is planned already stays as it is; what can not be derived is named in a notice. Errors: RM002 unknown release, RM003 without the duty release manager, RM009 the package is sealed, RM015 the release has no targets.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.derive_ci_changes(text)');
