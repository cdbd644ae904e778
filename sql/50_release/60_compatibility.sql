-- Module release: whether a package's components fit together and into what is installed.

CREATE FUNCTION release_mgmt_internal.compatibility_components(package uuid, brought text[])
RETURNS TABLE (label text, name text, version release_mgmt.pkgver, architecture text, multi_arch text, essential boolean,
               clauses_known boolean, subject uuid, ci text, component text, chosen boolean, related boolean, purl release_mgmt.purl)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(i.name, c.name), coalesce(i.name, c.name), coalesce(i.version, c.version), coalesce(i.architecture, k.architecture),
           coalesce(i.multi_arch, k.multi_arch), coalesce(k.essential, false), coalesce(i.id, k.id) IS NOT NULL, coalesce(i.id, k.id), c.ci, c.name, true, c.related_reason IS NOT NULL, i.purl
    FROM release_mgmt.component AS c
    LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
    LEFT JOIN LATERAL (
        SELECT p.id, p.architecture, p.multi_arch, p.essential
        FROM release_mgmt.known_package AS p
        WHERE p.name = c.name AND p.version = c.version AND c.item_id IS NULL
        ORDER BY p.architecture LIMIT 1) AS k ON true
    WHERE c.package_id = package AND coalesce(i.version, c.version) IS NOT NULL AND (brought IS NULL OR c.name = ANY (brought))
    ORDER BY c.name;
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_components(uuid, text[]) IS
'What a package brings: its components that have a version (of these names, where given), for the compatibility check in C. related: somebody wrote why it belongs here.';

CREATE FUNCTION release_mgmt_internal.compatibility_retired(package uuid, retired_on text[]) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT x.ci
    FROM release_mgmt.planned_ci_change AS x JOIN release_mgmt.release_package AS p ON p.release_id = x.release_id
    WHERE p.id = package AND x.operation = 'retire' AND (retired_on IS NULL OR x.target = ANY (retired_on));
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_retired(uuid, text[]) IS 'Labels of the items that the package''s release plans to retire (with these targets, where given), for the compatibility check in C.';

CREATE FUNCTION release_mgmt_internal.check_installation(package uuid, target uuid, brought text[] DEFAULT NULL, retired_on text[] DEFAULT NULL, tell_baseline boolean DEFAULT false)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'rm_check_installation';
COMMENT ON FUNCTION release_mgmt_internal.check_installation(uuid, uuid, text[], text[], boolean) IS
'The findings of installing a package on one target, or on what belongs to none; of it only the components named by brought, and of what the plan retires only what it retires with the targets retired_on, where these are given. Rows without a severity are no findings: they name the components that no clause relates to another one (kind unrelated); where tell_baseline is set, one tells the digest of what was seen, as environment_baseline writes it, and in candidates of how many items (kind baseline). What is installed is kept by the session: see src/release/compat_cache.c.';

CREATE FUNCTION release_mgmt_internal.related_by_items(package uuid, components text[]) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    WITH part AS (
        SELECT c.id, c.name, c.ci, o.id AS ci_id, c.name = ANY (components) AS asked
        FROM release_mgmt.component AS c LEFT JOIN release_mgmt.ci AS o ON o.label = c.ci
        WHERE c.package_id = package
    ), relation AS MATERIALIZED (
        SELECT p.id, p.asked, p.ci_id, x.from_ci, x.to_ci, x.kind
        FROM part AS p CROSS JOIN LATERAL release_mgmt_internal.ci_relations_of(p.ci_id) AS x
        WHERE EXISTS (SELECT FROM part AS a WHERE a.asked)
    )
    -- They are one configuration item, or a relation leads from one to the other, or to a third that both belong to.
    SELECT a.name FROM part AS a WHERE a.asked AND EXISTS (SELECT FROM part AS b WHERE b.id <> a.id AND b.ci = a.ci)
    UNION
    SELECT p.name
    FROM part AS p JOIN relation AS a ON a.id = p.id
    WHERE p.asked
      AND EXISTS (SELECT FROM relation AS b
                  WHERE b.id <> a.id
                    AND ((a.from_ci, a.to_ci, a.kind) = (b.from_ci, b.to_ci, b.kind)
                         OR (a.kind <> 'installed on' AND a.kind = b.kind AND a.from_ci = a.ci_id AND b.from_ci = b.ci_id AND a.to_ci = b.to_ci)));
END;
COMMENT ON FUNCTION release_mgmt_internal.related_by_items(uuid, text[]) IS
'Of the components named, those that hang together with another one of the package as configuration items.';

CREATE FUNCTION release_mgmt_internal.check_components(package uuid, by_no_clause text[])
RETURNS TABLE (severity text, finding text, kind text, class text, component text, candidates text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    WITH part AS (
        SELECT c.name, coalesce(i.name, c.name) AS package_name, c.version IS NULL AND i.version IS NULL AS no_version, c.related_reason, c.digest,
               i.purl, i.state, i.version, i.architecture, i.digest AS item_digest
        FROM release_mgmt.component AS c LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
        WHERE c.package_id = package
    ), alone AS (
        SELECT pg_catalog.array_agg(p.name) AS names
        FROM part AS p
        WHERE (p.no_version OR p.name = ANY (by_no_clause)) AND p.related_reason IS NULL AND (SELECT count(*) FROM part) > 1
    ), related AS MATERIALIZED (
        SELECT r.name FROM alone AS a CROSS JOIN LATERAL release_mgmt_internal.related_by_items(package, a.names) AS r(name)
    )
    SELECT 'error', pg_catalog.format('library item %s is %s', p.purl, p.state), 'withdrawn', 'introduced', p.name, NULL::text
    FROM part AS p WHERE p.state <> 'accepted'
    UNION ALL
    SELECT 'error', pg_catalog.format('library item %s has digest %s, the component %s', p.purl, p.item_digest, p.digest), 'other digest',
           'introduced', p.name, NULL
    FROM part AS p WHERE p.digest <> p.item_digest
    UNION ALL
    SELECT 'warning', pg_catalog.format('the library knows %s with another digest', p.purl::text), 'other digest', 'pre-existing', p.name,
           pg_catalog.string_agg(pg_catalog.format('%s: %s, %s', i.id, i.digest, i.state), '; ' ORDER BY i.id)
    FROM part AS p
    JOIN release_mgmt.library_item AS i
        ON i.name = p.package_name AND i.version = p.version AND i.digest <> p.item_digest AND i.state IN ('accepted', 'retired')
        AND i.architecture IS NOT DISTINCT FROM p.architecture
    GROUP BY p.name, p.purl::text
    UNION ALL
    SELECT 'error', pg_catalog.format('%s hangs together with no other component of the package', n.name), 'unrelated', 'introduced', n.name, NULL
    FROM alone AS a CROSS JOIN LATERAL pg_catalog.unnest(a.names) AS n(name)
    WHERE NOT EXISTS (SELECT FROM related AS r WHERE r.name = n.name);
END;
COMMENT ON FUNCTION release_mgmt_internal.check_components(uuid, text[]) IS
'The findings on a package''s components that need no target: withdrawn from the library, of another digest, related to no other component. by_no_clause: the components that no clause relates to another one.';

CREATE FUNCTION release_mgmt_internal.carrying_items(items uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    v record;
BEGIN
    FOR v IN
        SELECT o.ids, o.keys, k.rows, k.where_items, release_mgmt_internal.key_condition(coalesce(k.via, k.source), k.on_columns, 'o.parts', k.on_row) AS condition
        FROM (SELECT i.class, array_agg(i.id) AS ids, array_agg(i.key) AS keys FROM release_mgmt.ci AS i WHERE i.id = ANY (items) GROUP BY i.class) AS o
        JOIN release_mgmt_internal.versioned_class AS k ON k.on_class = o.class
    LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT o.id
            FROM (SELECT u.id, release_mgmt_internal.split_key(u.key) AS parts FROM unnest($1, $2) AS u (id, key) OFFSET 0) AS o
            WHERE EXISTS (SELECT FROM %s WHERE %s AND %s) $sql$, v.rows, v.where_items, v.condition)
            USING v.ids, v.keys;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.carrying_items(uuid[]) IS
'Those of the items on which something with a version is installed (relation kind "installed on"); one may be named several times.';

CREATE FUNCTION release_mgmt_internal.carriers() RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    q record;
BEGIN
    FOR q IN SELECT * FROM release_mgmt_internal.installed_queries(NULL) LOOP
        RETURN QUERY EXECUTE format('SELECT DISTINCT x.on_label FROM (%s) AS x (label, on_label, name, version)', q.query)
            USING q.key_parts, q.scheme, q.class, q.key_columns, q.on_class, q.on_columns;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.carriers() IS
'Labels of all items on which something with a version is installed; NULL where something is installed on none.';

CREATE FUNCTION release_mgmt_internal.compatibility_organizations(package uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT r.organization_id FROM release_mgmt.release_package AS p JOIN release_mgmt.release AS r ON r.id = p.release_id WHERE p.id = package
    UNION
    SELECT c.organization_id
    FROM release_mgmt.release_package AS p
    JOIN release_mgmt.release AS r ON r.id = p.release_id
    JOIN release_mgmt.release AS o ON o.organization_id = r.organization_id
    JOIN release_mgmt.release_customer AS c ON c.release_id = o.id
    WHERE p.id = package AND (o.id = r.id OR NOT EXISTS (SELECT FROM release_mgmt.release_customer AS x WHERE x.release_id = r.id));
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_organizations(uuid) IS
'On whose items a package is to be installed, where no targets are planned: of the organization whose release it is and of the release''s customers, or where it names none, of all for whom that organization makes releases.';

CREATE FUNCTION release_mgmt_internal.sees_item(item uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.id = item AND i.organization_id IS NOT NULL
                                                          AND NOT release_mgmt_internal.sees(i.organization_id, 'organization'));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.sees_item(uuid) IS 'Does the acting person see the item, within verbs too? NULL, what is installed on none, is seen. SECURITY DEFINER: reads whose it is.';

CREATE FUNCTION release_mgmt_internal.compatibility_targets(package uuid, targets text[], environment text DEFAULT NULL) RETURNS TABLE (id uuid, label text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF targets IS NOT NULL OR environment IS NOT NULL THEN
        RETURN QUERY
            SELECT release_mgmt_internal.seen_item(t.label), t.label
            FROM (SELECT DISTINCT u.label FROM unnest(targets) AS u(label)) AS t
            UNION
            SELECT release_mgmt.ci_id(e.ci), e.ci FROM release_mgmt.environment_target AS e WHERE e.environment_id = release_mgmt.environment_id(environment);
        -- That nothing is wrong on no target would be no answer.
        IF NOT FOUND THEN
            PERFORM release_mgmt_internal.refuse('unknown_code', CASE WHEN environment IS NULL THEN 'no targets are named' ELSE format('environment "%s" has no targets', environment) END, NULL,
                'Name labels of configuration items, or leave targets out for those that the release plans changes for.');
        END IF;
        RETURN;
    END IF;
    RETURN QUERY
        WITH planned AS MATERIALIZED (
            SELECT i.id, i.label, i.class
            FROM release_mgmt.ci AS i
            WHERE i.label IN (SELECT x.target FROM release_mgmt.planned_ci_change AS x
                              JOIN release_mgmt.release_package AS p ON p.release_id = x.release_id
                              WHERE p.id = package)
        )
        SELECT p.id, p.label
        FROM planned AS p
        WHERE p.id IN (SELECT release_mgmt_internal.carrying_items(ARRAY(SELECT o.id FROM planned AS o)))
           OR p.class IN (SELECT c.name FROM release_mgmt.ci_class AS c WHERE release_mgmt_internal.tells_platform(c.name));
    IF NOT FOUND THEN
        RETURN QUERY
            SELECT DISTINCT i.id, i.label
            FROM release_mgmt_internal.carriers() AS c(label) LEFT JOIN release_mgmt.ci AS i ON i.label = c.label
            WHERE package IS NULL OR i.organization_id IS NULL OR i.organization_id IN (SELECT release_mgmt_internal.compatibility_organizations(package));
    END IF;
    IF NOT FOUND THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_targets(uuid, text[], text) IS
'The targets that a check is about: those named, which the acting person must see, and those of the environment named (RM002 where that is none); else those that the package''s release plans changes for, among all on which things are installed, or of which it is told what they run; else all of these that belong to nobody, or to whom compatibility_organizations() names; without a package all. A row of NULLs stands for what is installed on none.';

-- PL/pgSQL, which keeps its plan, and one plan for all packages: planning costs as much as the check. jit off: compiling costs
-- more than all of the work.
CREATE FUNCTION release_mgmt_internal.compatibility_findings(package uuid, targets text[] DEFAULT NULL, environment text DEFAULT NULL, tell_baseline boolean DEFAULT false)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text, target text, target_id uuid)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 20 SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH installation AS MATERIALIZED (
            SELECT c.*, t.label AS target, t.id
            FROM release_mgmt_internal.compatibility_targets(compatibility_findings.package, compatibility_findings.targets, compatibility_findings.environment) AS t
            CROSS JOIN LATERAL release_mgmt_internal.check_installation(compatibility_findings.package, t.id, tell_baseline => compatibility_findings.tell_baseline) AS c
        )
        SELECT c.severity, c.finding, c.kind, c.class, c.component, NULL, c.candidates, NULL, NULL, NULL::uuid
        FROM release_mgmt_internal.check_components(compatibility_findings.package, ARRAY(SELECT i.component FROM installation AS i WHERE i.severity IS NULL AND i.kind = 'unrelated')) AS c
        UNION ALL
        SELECT i.* FROM installation AS i WHERE i.severity IS NOT NULL OR i.kind = 'baseline';
END $$;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_findings(uuid, text[], text, boolean) IS
'Every finding of check_compatibility(), whoever may see the targets: for checks and rules. tell_baseline: with a row without a severity for each target, kind baseline, that tells which one was seen.';

-- SECURITY DEFINER: a caller's row security would hide part of the baseline, and let a package pass. Not for customer
-- representatives: a finding names what is installed. Of items that the caller does not see it is told that there is something.
CREATE FUNCTION release_mgmt.check_compatibility(package text, targets text[] DEFAULT NULL, environment text DEFAULT NULL)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text, target text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
    SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    checked CONSTANT uuid := release_mgmt.package_id(check_compatibility.package);
BEGIN
    RETURN QUERY
        WITH finding AS MATERIALIZED (
            SELECT f.*
            FROM release_mgmt_internal.compatibility_findings(checked, check_compatibility.targets, check_compatibility.environment) AS f
        ), hidden AS MATERIALIZED (
            SELECT t.target_id FROM (SELECT DISTINCT f.target_id FROM finding AS f) AS t WHERE NOT release_mgmt_internal.sees_item(t.target_id)
        )
        SELECT f.severity, f.finding, f.kind, f.class, f.component, f.clause, f.candidates, f.chain, f.target
        FROM (
            SELECT x.severity, x.finding, x.kind, x.class, x.component, x.clause, x.candidates, x.chain, x.target
            FROM finding AS x WHERE NOT EXISTS (SELECT FROM hidden AS h WHERE h.target_id = x.target_id)
            UNION ALL
            SELECT x.severity, format('there is more, on %s of others (findings: %s)', CASE count(DISTINCT x.target_id) WHEN 1 THEN 'an item' ELSE 'items' END, count(*)),
                   'elsewhere', x.class, '(others)', NULL, NULL, NULL, NULL
            FROM finding AS x JOIN hidden AS h ON h.target_id = x.target_id GROUP BY x.severity, x.class) AS f
        ORDER BY array_position('{error,warning,note}', f.severity), f.target NULLS FIRST, f.component, f.kind, f.finding;
END $$;
COMMENT ON FUNCTION release_mgmt.check_compatibility(text, text[], text) IS
'Do the components of a package''s current revision fit together, and into what is installed? targets: labels of configuration items on which things are installed; environment: code of an environment, whose targets are meant; without both, those that the release plans changes for, else all there are. Each finding: severity (error blocks sealing; warning; note), finding, kind (requires, conflicts, breaks, two versions, downgrade, removed, essential removed, platform, unknown relations, unreadable version, unreadable platform, withdrawn, other digest, unrelated; elsewhere: findings on items that whoever asks does not see, counted), class against the baseline (introduced, pre-existing, fixed), component, clause, the candidates seen and why each is no answer, the chain that leads there, target. Debian Policy, chapter 7. Errors: RM002 unknown package, target or environment, or no target at all where targets or environment is given.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.check_compatibility(text, text[], text)');

CREATE FUNCTION release_mgmt.explain_compatibility(package text, targets text[] DEFAULT NULL, environment text DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 50 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH finding AS MATERIALIZED (
        SELECT f.*, coalesce(f.target, '') AS at,
               pg_catalog.row_number() OVER (ORDER BY f.target NULLS FIRST, f.component,
                                                      pg_catalog.array_position('{error,warning,note}', f.severity), f.kind, f.finding) AS place
        FROM release_mgmt.check_compatibility(package, targets, environment) AS f
    ), line AS (
        SELECT -1 AS place, 0 AS part, 0 AS n,
               pg_catalog.format('%s: %s', package,
                   CASE WHEN count(*) FILTER (WHERE f.severity = 'error') > 0 THEN 'does not fit' ELSE 'fits' END
                   || CASE WHEN count(*) > 0 THEN
                          pg_catalog.format(' (errors: %s, warnings: %s, notes: %s)', count(*) FILTER (WHERE f.severity = 'error'),
                                 count(*) FILTER (WHERE f.severity = 'warning'), count(*) FILTER (WHERE f.severity = 'note'))
                      ELSE '' END) AS text
        FROM finding AS f
        UNION ALL
        SELECT min(f.place), 1, 0, CASE f.at WHEN '' THEN 'on any target' ELSE 'on ' || f.at END FROM finding AS f GROUP BY f.at
        UNION ALL
        SELECT min(f.place), 2, 0, '  ' || f.component FROM finding AS f GROUP BY f.at, f.component
        UNION ALL
        SELECT f.place, 3, 0, pg_catalog.format('    %s: %s [%s, %s]', f.severity, f.finding, f.kind, f.class) FROM finding AS f
        UNION ALL
        SELECT f.place, 4, c.n::integer, '      seen: ' || c.text
        FROM finding AS f CROSS JOIN LATERAL pg_catalog.string_to_table(f.candidates, '; ') WITH ORDINALITY AS c (text, n)
        UNION ALL
        SELECT f.place, 5, c.n::integer, '      because ' || c.text
        FROM finding AS f CROSS JOIN LATERAL pg_catalog.string_to_table(f.chain, ' > ') WITH ORDINALITY AS c (text, n)
        WHERE c.text <> f.finding AND c.text NOT LIKE 'component %'
    )
    SELECT l.text FROM line AS l ORDER BY l.place, l.part, l.n;
END;
COMMENT ON FUNCTION release_mgmt.explain_compatibility(text, text[], text) IS
'The findings of check_compatibility() as a tree to read in psql: target, component, finding, what was seen, and how it comes about. Errors: as of check_compatibility().';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.explain_compatibility(text, text[], text)');
