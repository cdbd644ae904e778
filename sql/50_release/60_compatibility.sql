-- Module release: whether a package's components fit together and into what is installed.

CREATE FUNCTION release_mgmt_internal.compatibility_components(package uuid)
RETURNS TABLE (label text, name text, version release_mgmt.pkgver, architecture text, multi_arch text, essential boolean,
               clauses_known boolean, subject uuid, ci text, component text, chosen boolean, removed boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(i.name, c.name), coalesce(i.name, c.name), coalesce(i.version, c.version), coalesce(i.architecture, k.architecture),
           coalesce(i.multi_arch, k.multi_arch), coalesce(k.essential, false), coalesce(i.id, k.id) IS NOT NULL, coalesce(i.id, k.id), c.ci, c.name, true, false
    FROM release_mgmt.component AS c
    LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
    LEFT JOIN LATERAL (
        SELECT p.id, p.architecture, p.multi_arch, p.essential
        FROM release_mgmt.known_package AS p
        WHERE p.name = c.name AND p.version = c.version AND c.item_id IS NULL
        ORDER BY p.architecture LIMIT 1) AS k ON true
    WHERE c.package_id = package AND coalesce(i.version, c.version) IS NOT NULL
    ORDER BY c.name;
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_components(uuid) IS
'What a package brings: its components that have a version, for the compatibility check in C.';

CREATE FUNCTION release_mgmt_internal.compatibility_baseline(on_target uuid, package uuid)
RETURNS TABLE (label text, name text, version release_mgmt.pkgver, architecture text, multi_arch text, essential boolean,
               clauses_known boolean, subject uuid, ci text, component text, chosen boolean, removed boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- dpkg writes name:architecture of a package that may be installed for several; a Debian name holds no colon.
    SELECT b.name, n.name, b.version, coalesce(k.architecture, n.architecture), k.multi_arch, coalesce(k.essential, false),
           k.id IS NOT NULL, k.id, o.label, NULL::text, false,
           EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x
                   JOIN release_mgmt.release_package AS p ON p.release_id = x.release_id
                   WHERE p.id = package AND x.ci = o.label AND x.operation = 'retire')
    FROM release_mgmt_internal.installed_components(on_target) AS b
    CROSS JOIN LATERAL (
        SELECT CASE WHEN colon THEN pg_catalog.split_part(b.name, ':', 1) ELSE b.name END AS name,
               CASE WHEN colon THEN pg_catalog.split_part(b.name, ':', 2) END AS architecture
        FROM (SELECT release_mgmt.pkgver_scheme(b.version) = 'deb' AND b.name LIKE '_%:_%' AS colon) AS c) AS n
    LEFT JOIN release_mgmt.ci AS o ON o.id = b.ci
    LEFT JOIN LATERAL (
        SELECT p.id, p.architecture, p.multi_arch, p.essential, 1 AS place
        FROM release_mgmt.known_package AS p
        WHERE p.name = n.name AND p.version = b.version AND p.architecture = coalesce(n.architecture, p.architecture)
        UNION ALL
        SELECT i.id, i.architecture, i.multi_arch, false, 2
        FROM release_mgmt.library_item AS i
        WHERE i.name = n.name AND i.version = b.version AND i.architecture = coalesce(n.architecture, i.architecture)
          AND i.state IN ('accepted', 'retired')
        ORDER BY place, architecture, id
        LIMIT 1) AS k ON true
    WHERE b.version IS NOT NULL AND (on_target IS NOT NULL OR b.target IS NULL)
    ORDER BY b.name, o.label;
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_baseline(uuid, uuid) IS
'What is installed on a target (NULL: what is installed on none), with what is known of its relations: from load_package_clauses(), else from the library. removed: the package''s release plans to retire it. For the compatibility check in C.';

CREATE FUNCTION release_mgmt_internal.check_installation(package uuid, target uuid)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'rm_check_installation';
COMMENT ON FUNCTION release_mgmt_internal.check_installation(uuid, uuid) IS
'The findings of installing a package on one target, or on what belongs to none.';

CREATE FUNCTION release_mgmt_internal.check_components(package uuid)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH part AS (
        SELECT c.id, c.name, coalesce(i.name, c.name) AS package_name, c.ci, c.item_id, c.digest, c.related_reason,
               i.purl, i.state, i.version, i.architecture, i.digest AS item_digest
        FROM release_mgmt.component AS c LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
        WHERE c.package_id = package
    ), related AS (
        -- One component's clauses speak of another, or of what it provides.
        SELECT a.id AS one, b.id AS other
        FROM part AS a
        JOIN release_mgmt.package_clause AS k ON k.item_id = a.item_id
        JOIN part AS b ON b.id <> a.id
            AND (b.package_name = k.name
                 OR EXISTS (SELECT FROM release_mgmt.package_clause AS p WHERE p.item_id = b.item_id AND p.kind = 'provides' AND p.name = k.name))
        UNION
        -- They are one configuration item, or a relation leads from one to the other, or to a third that both belong to.
        SELECT a.id, b.id
        FROM part AS a JOIN part AS b ON b.id <> a.id AND b.ci = a.ci
        UNION
        SELECT a.id, b.id
        FROM (SELECT p.id, x.from_ci, x.to_ci, x.kind, o.id AS ci
              FROM part AS p JOIN release_mgmt.ci AS o ON o.label = p.ci
              CROSS JOIN LATERAL release_mgmt_internal.ci_relations_of(o.id) AS x) AS a
        JOIN (SELECT p.id, x.from_ci, x.to_ci, x.kind, o.id AS ci
              FROM part AS p JOIN release_mgmt.ci AS o ON o.label = p.ci
              CROSS JOIN LATERAL release_mgmt_internal.ci_relations_of(o.id) AS x) AS b
            ON b.id <> a.id
            AND ((a.from_ci, a.to_ci, a.kind) = (b.from_ci, b.to_ci, b.kind)
                 OR (a.kind <> 'installed on' AND a.kind = b.kind AND a.from_ci = a.ci AND b.from_ci = b.ci AND a.to_ci = b.to_ci))
    )
    SELECT 'error', pg_catalog.format('library item %s is %s', p.purl, p.state), 'withdrawn', 'introduced', p.name,
           NULL::text, NULL::text, NULL::text
    FROM part AS p WHERE p.state <> 'accepted'
    UNION ALL
    SELECT 'error', pg_catalog.format('library item %s has digest %s, the component %s', p.purl, p.item_digest, p.digest), 'other digest',
           'introduced', p.name, NULL, NULL, NULL
    FROM part AS p WHERE p.digest <> p.item_digest
    UNION ALL
    SELECT 'warning', pg_catalog.format('the library knows %s with another digest', p.purl::text), 'other digest', 'pre-existing', p.name,
           NULL, pg_catalog.string_agg(pg_catalog.format('%s: %s, %s', i.id, i.digest, i.state), '; ' ORDER BY i.id), NULL
    FROM part AS p
    JOIN release_mgmt.library_item AS i
        ON i.name = p.package_name AND i.version = p.version AND i.digest <> p.item_digest AND i.state IN ('accepted', 'retired')
        AND i.architecture IS NOT DISTINCT FROM p.architecture
    GROUP BY p.name, p.purl::text
    UNION ALL
    SELECT 'error', pg_catalog.format('%s hangs together with no other component of the package', p.name), 'unrelated', 'introduced', p.name,
           NULL, NULL, NULL
    FROM part AS p
    WHERE p.related_reason IS NULL AND (SELECT count(*) FROM part) > 1
      AND NOT EXISTS (SELECT FROM related AS r WHERE p.id IN (r.one, r.other));
END;
COMMENT ON FUNCTION release_mgmt_internal.check_components(uuid) IS
'The findings on a package''s components that need no target: withdrawn from the library, of another digest, related to no other component.';

CREATE FUNCTION release_mgmt_internal.compatibility_targets(package uuid, targets text[]) RETURNS TABLE (id uuid, label text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
BEGIN ATOMIC
    WITH installed AS (
        SELECT DISTINCT o.id, o.label
        FROM release_mgmt_internal.installed_components() AS b LEFT JOIN release_mgmt.ci AS o ON o.id = b.target
        WHERE targets IS NULL
    ), planned AS (
        SELECT i.id, i.label
        FROM installed AS i
        WHERE i.label IN (SELECT x.target FROM release_mgmt.planned_ci_change AS x
                          JOIN release_mgmt.release_package AS p ON p.release_id = x.release_id
                          WHERE p.id = package)
    )
    SELECT release_mgmt.ci_id(t.label) AS id, t.label FROM pg_catalog.unnest(targets) AS t(label)
    UNION
    SELECT p.id, p.label FROM planned AS p
    UNION
    SELECT i.id, i.label FROM installed AS i WHERE NOT EXISTS (SELECT FROM planned)
    UNION
    SELECT NULL, NULL WHERE targets IS NULL AND NOT EXISTS (SELECT FROM installed);
END;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_targets(uuid, text[]) IS
'The targets that a check is about: those named; else those that the package''s release plans changes for, among all on which things are installed; else all of these. A row of NULLs stands for what is installed on none.';

-- SECURITY DEFINER: a caller's row security would hide part of the baseline, and let a package pass. Not for customer
-- representatives: a finding names what is installed on every target.
-- jit off: compiling costs more than all of the work.
CREATE FUNCTION release_mgmt.check_compatibility(package text, targets text[] DEFAULT NULL)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text, target text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 20 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT f.severity, f.finding, f.kind, f.class, f.component, f.clause, f.candidates, f.chain, f.target
    FROM (
        SELECT c.severity, c.finding, c.kind, c.class, c.component, c.clause, c.candidates, c.chain, NULL::text AS target
        FROM release_mgmt_internal.check_components(release_mgmt.package_id(package)) AS c
        UNION ALL
        SELECT c.severity, c.finding, c.kind, c.class, c.component, c.clause, c.candidates, c.chain, t.label
        FROM release_mgmt.package_id(package) AS p(id)
        CROSS JOIN LATERAL release_mgmt_internal.compatibility_targets(p.id, targets) AS t
        CROSS JOIN LATERAL release_mgmt_internal.check_installation(p.id, t.id) AS c
        UNION ALL
        SELECT 'warning', pg_catalog.format('of what is installed, the versions of %s can not be read', count(*)), 'unreadable version',
               'pre-existing', '(installed)', NULL, pg_catalog.string_agg(o.label, ', ' ORDER BY o.label), NULL, t.label
        FROM release_mgmt.package_id(package) AS p(id)
        CROSS JOIN LATERAL release_mgmt_internal.compatibility_targets(p.id, targets) AS t
        CROSS JOIN LATERAL release_mgmt_internal.installed_components(t.id) AS b
        JOIN release_mgmt.ci AS o ON o.id = b.ci
        WHERE b.version IS NULL AND (t.id IS NOT NULL OR b.target IS NULL)
        GROUP BY t.label) AS f
    ORDER BY pg_catalog.array_position('{error,warning,note}', f.severity), f.target NULLS FIRST, f.component, f.kind, f.finding;
END;
COMMENT ON FUNCTION release_mgmt.check_compatibility(text, text[]) IS
'Do the components of a package''s current revision fit together, and into what is installed? targets: labels of configuration items on which things are installed; without them, those that the release plans changes for, else all there are. Each finding: severity (error blocks sealing; warning; note), finding, kind (requires, conflicts, breaks, two versions, downgrade, removed, essential removed, platform, unknown relations, unreadable version, withdrawn, other digest, unrelated), class against the baseline (introduced, pre-existing, fixed), component, clause, the candidates seen and why each is no answer, the chain that leads there, target. Debian Policy, chapter 7. Errors: RM002 unknown package or target.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.check_compatibility(text, text[])');

CREATE FUNCTION release_mgmt.explain_compatibility(package text, targets text[] DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 50 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH finding AS MATERIALIZED (
        SELECT f.*, coalesce(f.target, '') AS at,
               pg_catalog.row_number() OVER (ORDER BY f.target NULLS FIRST, f.component,
                                                      pg_catalog.array_position('{error,warning,note}', f.severity), f.kind, f.finding) AS place
        FROM release_mgmt.check_compatibility(package, targets) AS f
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
COMMENT ON FUNCTION release_mgmt.explain_compatibility(text, text[]) IS
'The findings of check_compatibility() as a tree to read in psql: target, component, finding, what was seen, and how it comes about. Errors: RM002 unknown package or target.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.explain_compatibility(text, text[])');
