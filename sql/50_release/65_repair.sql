-- Module release: what would make a package fit.

-- A string, since it sorts by one of our types: see test/house/catalog.pl.
CREATE FUNCTION release_mgmt_internal.compatibility_candidates(package uuid, names text[])
RETURNS TABLE (label text, name text, version release_mgmt.pkgver, architecture text, multi_arch text, essential boolean,
               clauses_known boolean, subject uuid, ci text, component text, chosen boolean, related boolean, purl release_mgmt.purl)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
    SELECT c.name, c.name, c.version, c.architecture, c.multi_arch, c.essential, true, c.id, NULL::text, c.name, false, false, c.purl
    FROM (
        SELECT i.name, i.version, i.architecture, i.multi_arch, false AS essential, i.id, i.purl
        FROM release_mgmt.library_item AS i
        WHERE i.state = 'accepted' AND i.version IS NOT NULL
          AND (i.name = ANY (names)
               OR i.id IN (SELECT p.item_id FROM release_mgmt.package_clause AS p WHERE p.kind = 'provides' AND p.name = ANY (names)))
          AND NOT EXISTS (SELECT FROM release_mgmt.component AS k WHERE k.package_id = package AND k.item_id = i.id)
        UNION ALL
        SELECT k.name, k.version, k.architecture, k.multi_arch, k.essential, k.id, NULL
        FROM release_mgmt.known_package AS k
        WHERE (k.name = ANY (names)
               OR k.id IN (SELECT p.known_package_id FROM release_mgmt.package_clause AS p WHERE p.kind = 'provides' AND p.name = ANY (names)))
          AND NOT EXISTS (SELECT FROM release_mgmt.library_item AS i
                          WHERE i.name = k.name AND i.version = k.version AND i.architecture = k.architecture AND i.state = 'accepted')) AS c
    ORDER BY c.name, c.version DESC, c.architecture, c.id
    LIMIT 200;
$$;
COMMENT ON FUNCTION release_mgmt_internal.compatibility_candidates(uuid, text[]) IS
'Packages that a repair may bring in: accepted items of the library, and packages known by load_package_clauses(), of these names or providing them.';

CREATE FUNCTION release_mgmt_internal.suggest_installation(package uuid, target uuid)
RETURNS TABLE (repair integer, step integer, action text, name text, version release_mgmt.pkgver, subject uuid, ci text)
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'rm_suggest_installation';
COMMENT ON FUNCTION release_mgmt_internal.suggest_installation(uuid, uuid) IS
'What would make a package fit on one target, or on what belongs to none.';

-- SECURITY DEFINER: as for check_compatibility().
CREATE FUNCTION release_mgmt.suggest_repairs(package text, targets text[] DEFAULT NULL, environment text DEFAULT NULL)
RETURNS TABLE (target text, repair integer, step integer, action text, name text, version release_mgmt.pkgver, item uuid, ci text)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT t.label, s.repair, s.step, s.action, s.name, s.version, i.id, s.ci
    FROM release_mgmt.package_id(package) AS p(id)
    CROSS JOIN LATERAL release_mgmt_internal.compatibility_targets(p.id, targets, environment) AS t
    JOIN LATERAL release_mgmt_internal.sees_item(t.id) AS v(seen) ON v.seen
    CROSS JOIN LATERAL release_mgmt_internal.suggest_installation(p.id, t.id) AS s
    LEFT JOIN release_mgmt.library_item AS i ON i.id = s.subject
    ORDER BY t.label NULLS FIRST, s.repair, s.step;
END;
COMMENT ON FUNCTION release_mgmt.suggest_repairs(text, text[], text) IS
'Repairs of what a package''s current revision would introduce, each of at most three actions and checked as a whole on its target: add (a package), replace (the component of that name by another version), retire (an installed item), drop (a component). item: the library''s, NULL where a package to add is known but not in the library. Only the shortest repairs, at most ten a target; none where there is nothing to repair or no such repair, and none on items that whoever asks does not see. targets, environment: as in check_compatibility(). Errors: RM002 unknown package, target or environment.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.suggest_repairs(text, text[], text)');
