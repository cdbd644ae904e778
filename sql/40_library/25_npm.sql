-- Module library: what npm's package-lock.json says of the packages of an application.
--
-- A requirement is met by what the requiring package finds: the package of that name in its own node_modules, else in that of
-- the one around it, and so on up to the application's. So the names here are those of places, and a clause names the place
-- that is found; another copy elsewhere in the tree, even of the right version, does not help.

CREATE FUNCTION release_mgmt.npm_lock_items(application text, lock jsonb)
RETURNS TABLE (name text, location text, package text, version text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 500
BEGIN ATOMIC
    SELECT CASE p.key WHEN '' THEN application ELSE application || '/' || p.key END, p.key,
           coalesce(p.value ->> 'name', CASE p.key WHEN '' THEN application ELSE pg_catalog.substring(p.key, '((?:@[^/]+/)?[^/]+)$') END),
           coalesce(p.value ->> 'version', '0.0.0')
    FROM pg_catalog.jsonb_each(lock -> 'packages') AS p
    -- A link is no package; what it leads to is listed itself.
    WHERE p.value -> 'link' IS DISTINCT FROM 'true';
END;
COMMENT ON FUNCTION release_mgmt.npm_lock_items(text, jsonb) IS
'What a package-lock.json (lockfileVersion 2 or 3) installs, the application itself included: name, under which load_npm_lock() knows it (application/location), location in the tree (node_modules/a/node_modules/b; empty: the application), name of the package, version (0.0.0 where it states none).';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.npm_lock_items(text, jsonb)');

CREATE FUNCTION release_mgmt_internal.npm_requirement(spec text) RETURNS release_mgmt.pkgreq
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- npm:other@^1 is another package under this name.
    range CONSTANT text := regexp_replace(spec, '^npm:(@[^/]+/)?[^@]+@?', '');
BEGIN
    IF range IN ('', '*') THEN
        RETURN NULL;
    END IF;
    RETURN release_mgmt.pkgreq('npm', range);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.npm_requirement(text) IS
'The versions that a dependency of a package.json asks for; NULL where any will do, and where it names no versions (a tag, a file, a repository).';

CREATE FUNCTION release_mgmt_internal.npm_found(lock jsonb, location text, package text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE outwards (place, depth) AS (
        SELECT location, 0
        UNION ALL
        SELECT CASE WHEN o.place LIKE '%node_modules/%'
                    THEN pg_catalog.regexp_replace(o.place, '/?node_modules/(@[^/]+/)?[^/]+$', '') ELSE '' END, o.depth + 1
        FROM outwards AS o WHERE o.place <> ''
    )
    SELECT coalesce(CASE WHEN lock -> 'packages' -> c.path -> 'link' = 'true' THEN lock -> 'packages' -> c.path ->> 'resolved' END, c.path)
    FROM outwards AS o
    CROSS JOIN LATERAL (SELECT pg_catalog.ltrim(o.place || '/node_modules/' || package, '/')) AS c(path)
    WHERE lock -> 'packages' ? c.path
    ORDER BY o.depth LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.npm_found(jsonb, text, text) IS
'Where a package at that location finds another one, as Node resolves it: outwards, from node_modules to node_modules; NULL where it does not.';

CREATE FUNCTION release_mgmt_internal.npm_lock_clauses(application text, lock jsonb)
RETURNS TABLE (location text, clause_no bigint, name text, requirement release_mgmt.pkgreq, text text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL UNSAFE ROWS 1000
BEGIN ATOMIC
    SELECT p.key, pg_catalog.row_number() OVER (PARTITION BY p.key ORDER BY d.key COLLATE "C"),
           application || '/' || coalesce(f.location, 'node_modules/' || d.key),
           release_mgmt_internal.npm_requirement(d.spec), d.key || '@' || d.spec
    FROM pg_catalog.jsonb_each(lock -> 'packages') AS p
    CROSS JOIN LATERAL (
        -- A package that states one thing in two places means the first of these.
        SELECT DISTINCT ON (x.key) x.key, x.value AS spec,
               x.place = 1 OR (x.place = 3 AND p.value -> 'peerDependenciesMeta' -> x.key -> 'optional' IS NOT DISTINCT FROM 'true') AS optional
        FROM (SELECT 1 AS place, o.key, o.value FROM pg_catalog.jsonb_each_text(p.value -> 'optionalDependencies') AS o
              UNION ALL SELECT 2, o.key, o.value FROM pg_catalog.jsonb_each_text(p.value -> 'dependencies') AS o
              UNION ALL SELECT 3, o.key, o.value FROM pg_catalog.jsonb_each_text(p.value -> 'peerDependencies') AS o
              UNION ALL SELECT 4, o.key, o.value FROM pg_catalog.jsonb_each_text(p.value -> 'devDependencies') AS o WHERE p.key = '') AS x
        ORDER BY x.key, x.place) AS d
    CROSS JOIN LATERAL (SELECT release_mgmt_internal.npm_found(lock, p.key, d.key)) AS f(location)
    WHERE p.value -> 'link' IS DISTINCT FROM 'true' AND (f.location IS NOT NULL OR NOT d.optional);
END;
COMMENT ON FUNCTION release_mgmt_internal.npm_lock_clauses(text, jsonb) IS
'What the packages of a package-lock.json require, each with the place that is found; where none is, the application''s own node_modules, in which it is missing. What is optional and not there requires nothing.';

-- SECURITY DEFINER: as load_package_clauses().
CREATE FUNCTION release_mgmt.load_npm_lock(application text, lock jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    unreadable text;
    changed uuid[];
BEGIN
    IF jsonb_typeof(lock -> 'packages') IS DISTINCT FROM 'object' THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'this is no package-lock.json with a list of packages', NULL,
            'Give one of lockfileVersion 2 or 3; "npm install --package-lock-only" of npm 7 and later writes it.');
    END IF;
    SELECT string_agg(format('%s: %s', i.location, i.version), ', ' ORDER BY i.location) INTO unreadable
    FROM release_mgmt.npm_lock_items(application, lock) AS i WHERE release_mgmt.try_pkgver('npm', i.version) IS NULL;
    IF unreadable IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'package-lock.json holds versions that are none', format('They are: %s.', unreadable),
            'Versions are those of semver.org.');
    END IF;
    WITH clauses AS (
        SELECT c.location, string_agg(concat_ws(E'\t', c.name, c.text), E'\n' ORDER BY c.clause_no) AS said
        FROM release_mgmt_internal.npm_lock_clauses(application, lock) AS c GROUP BY c.location
    ), loaded AS (
        INSERT INTO release_mgmt.known_package AS k (name, version, architecture, clauses_digest, loaded_by)
        SELECT i.name, pkgver('npm', i.version), 'all', compute_digest(convert_to(coalesce(c.said, ''), 'UTF8')), acting
        FROM release_mgmt.npm_lock_items(application, lock) AS i LEFT JOIN clauses AS c USING (location)
        ORDER BY i.name COLLATE "C"
        ON CONFLICT ON CONSTRAINT known_package_name_version_architecture_key DO UPDATE
            SET clauses_digest = excluded.clauses_digest, loaded_by = excluded.loaded_by, loaded_at = excluded.loaded_at
            WHERE k.clauses_digest <> excluded.clauses_digest
        RETURNING k.id
    )
    SELECT array_agg(loaded.id) INTO changed FROM loaded;
    DELETE FROM release_mgmt.package_clause AS c WHERE c.known_package_id = ANY (changed);
    INSERT INTO release_mgmt.package_clause (known_package_id, kind, clause_no, name, requirement, text)
    SELECT k.id, 'requires', c.clause_no, c.name, c.requirement, c.text
    FROM release_mgmt.npm_lock_items(application, lock) AS i
    JOIN release_mgmt_internal.npm_lock_clauses(application, lock) AS c USING (location)
    JOIN release_mgmt.known_package AS k ON k.name = i.name AND k.version = pkgver('npm', i.version) AND k.architecture = 'all'
    WHERE k.id = ANY (changed)
    ORDER BY k.id, c.clause_no;
    RETURN coalesce(cardinality(changed), 0);
END $$;
COMMENT ON FUNCTION release_mgmt.load_npm_lock(text, jsonb) IS
'Learns from an application''s package-lock.json (lockfileVersion 2 or 3) what its packages require: dependencies, peer dependencies, those of the application for development, and optional ones that are there. Its packages are known under the names that npm_lock_items() returns; the CMDB must call what is installed so. Returns the number of packages new or changed. Duty: librarian. Errors: RM001, RM003, RM019 no such file, or a version that is none.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.load_npm_lock(text, jsonb)');
