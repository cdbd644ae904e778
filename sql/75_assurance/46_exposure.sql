-- Module assurance: which advisories affect what, and whether a release may pass with them.

CREATE FUNCTION release_mgmt_internal.fixed_in(versions release_mgmt.pkgver_multirange, version release_mgmt.pkgver) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.regexp_replace(pg_catalog.upper(r.range)::text, '^[^/]*/', '')
    FROM pg_catalog.unnest(versions) AS r(range) WHERE r.range OPERATOR(pg_catalog.@>) version AND NOT pg_catalog.upper_inc(r.range);
END;
COMMENT ON FUNCTION release_mgmt_internal.fixed_in(release_mgmt.pkgver_multirange, release_mgmt.pkgver) IS
'The first version after this one that is not affected any more; NULL where the advisory names none.';

-- Not STRICT, so that it becomes part of the query: it is asked of every pair of a part and an advisory of its name.
CREATE FUNCTION release_mgmt_internal.is_of_release(ecosystem text, package release_mgmt.purl) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- 12.5 is of 12, and 12 may be 12.5; what is no version, such as Red Hat's names of products, tells nothing.
    SELECT pg_catalog.strpos(ecosystem, ':') = 0
        OR coalesce(pg_catalog.starts_with(pg_catalog.substring(release_mgmt.purl_qualifier(package, 'distro'), '^[a-z-]+-([0-9]+(?:\.[0-9]+)*)$') || '.',
                                           pg_catalog.substring(pg_catalog.split_part(ecosystem, ':', 2), '^v?([0-9]+(?:\.[0-9]+)*)$') || '.')
                    OR pg_catalog.starts_with(pg_catalog.substring(pg_catalog.split_part(ecosystem, ':', 2), '^v?([0-9]+(?:\.[0-9]+)*)$') || '.',
                                              pg_catalog.substring(release_mgmt.purl_qualifier(package, 'distro'), '^[a-z-]+-([0-9]+(?:\.[0-9]+)*)$') || '.'), true);
END;
COMMENT ON FUNCTION release_mgmt_internal.is_of_release(text, release_mgmt.purl) IS
'May the package be of the release of a distribution that an ecosystem names (Debian:12)? It may unless its package URL names another (distro=debian-13).';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.is_of_release(text, release_mgmt.purl)');

-- CASE rather than AND: nothing is known of how often a range holds a version, and the planner would take that for almost never.
CREATE VIEW release_mgmt_internal.affected_item WITH (security_invoker = true) AS
SELECT x.item_id, x.purl, x.version, p.advisory_id, p.versions, p.fault
FROM (SELECT i.id AS item_id, p.purl, release_mgmt.purl_package(p.purl) AS package, release_mgmt_internal.advisory_version(p.purl) AS version
      FROM release_mgmt.library_item AS i CROSS JOIN LATERAL (SELECT coalesce(i.built_from, i.purl) AS purl) AS p) AS x
JOIN release_mgmt.advisory_package AS p ON p.package = x.package
    AND CASE WHEN p.versions IS NULL OR x.version IS NULL OR p.versions OPERATOR(pg_catalog.@>) x.version
             THEN release_mgmt_internal.is_of_release(p.ecosystem, x.purl) ELSE false END
UNION ALL
SELECT x.item_id, x.purl, x.version, p.advisory_id, p.versions, p.fault
FROM release_mgmt.item_part AS x
JOIN release_mgmt.advisory_package AS p ON p.package = x.package
    AND CASE WHEN p.versions IS NULL OR x.version IS NULL OR p.versions OPERATOR(pg_catalog.@>) x.version
             THEN release_mgmt_internal.is_of_release(p.ecosystem, x.purl) ELSE false END;
COMMENT ON VIEW release_mgmt_internal.affected_item IS
'Which library items an advisory affects: each item itself (a Debian binary package by its source package), and the parts that its bill of materials names.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt_internal.affected_item');

CREATE VIEW release_mgmt.item_advisory WITH (security_invoker = true) AS
SELECT i.id AS item_id, i.purl AS item, i.state, x.purl AS part, a.code AS advisory, a.aliases, a.summary, a.severity, a.score,
       release_mgmt_internal.fixed_in(x.versions, x.version) AS fixed_in, coalesce(x.fault, CASE WHEN x.version IS NULL THEN 'the version can not be read' END) AS fault,
       coalesce(v.status IN ('not_affected', 'fixed'), false) AS settled, v.status AS vex_status, coalesce(v.justification, v.impact) AS justification, v.stated_by AS vex_by, v.id AS vex_id
FROM release_mgmt_internal.affected_item AS x
JOIN release_mgmt.library_item AS i ON i.id = x.item_id
JOIN release_mgmt.advisory AS a ON a.id = x.advisory_id AND a.withdrawn_at IS NULL
LEFT JOIN LATERAL release_mgmt_internal.vex_for(a.code, a.aliases, x.purl, i.purl) AS v ON true;
COMMENT ON VIEW release_mgmt.item_advisory IS
'Which advisories affect which library items, by themselves or by a part that their bill of materials names (part): severity, the version in which it is fixed, why it counts as affected where a version can not be read (fault), and whether a VEX statement settles it (not_affected or fixed).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.item_advisory');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.fixed_in(release_mgmt.pkgver_multirange, release_mgmt.pkgver)');

CREATE VIEW release_mgmt.release_advisory WITH (security_invoker = true) AS
SELECT r.code AS release, k.code AS package, c.name AS component, x.part, x.advisory, x.aliases, x.summary, x.severity, x.score, x.fixed_in, x.fault,
       x.settled AND x.vex_by IS DISTINCT FROM r.requested_by AS settled, x.vex_status, x.justification
FROM release_mgmt.release AS r
JOIN release_mgmt.release_package AS k ON k.release_id = r.id AND k.current
JOIN release_mgmt.component AS c ON c.package_id = k.id
JOIN release_mgmt.item_advisory AS x ON x.item_id = c.item_id;
COMMENT ON VIEW release_mgmt.release_advisory IS
'Which advisories affect the components of which release, as item_advisory tells it. What the requester of the release stated himself settles nothing.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_advisory');

CREATE TABLE release_mgmt.advisory_limit (
    policy_id uuid,
    severity  text,
    tolerated integer NOT NULL,
    CONSTRAINT advisory_limit_pkey PRIMARY KEY (policy_id, severity),
    CONSTRAINT advisory_limit_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT advisory_limit_severity_check CHECK (severity IN ('none', 'low', 'medium', 'high', 'critical', 'unknown')),
    CONSTRAINT advisory_limit_tolerated_check CHECK (tolerated >= 0)
);
COMMENT ON TABLE release_mgmt.advisory_limit IS
'How many advisories of a severity a release under the policy may have that nothing settles. Where the policy says nothing of critical, high or unknown, none; of the others, any number.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.advisory_limit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.advisory_limit');
SELECT release_mgmt_internal.is_shared('release_mgmt.advisory_limit', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.advisory_limit');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.advisory_limit');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.advisory_limit
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_policy_part('advisory limits');

CREATE FUNCTION release_mgmt_internal.limit_of(policy uuid, severity text) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce((SELECT l.tolerated FROM release_mgmt.advisory_limit AS l WHERE l.policy_id = limit_of.policy AND l.severity = limit_of.severity),
                    CASE WHEN limit_of.severity IN ('critical', 'high', 'unknown') THEN 0 END);
END;
COMMENT ON FUNCTION release_mgmt_internal.limit_of(uuid, text) IS 'How many advisories of that severity the policy tolerates; NULL: any number.';

CREATE FUNCTION release_mgmt_internal.item_purls(item uuid) RETURNS TABLE (purl release_mgmt.purl, ecosystem text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT coalesce(i.built_from, i.purl), release_mgmt_internal.purl_ecosystem(coalesce(i.built_from, i.purl)) FROM release_mgmt.library_item AS i WHERE i.id = item_purls.item
    UNION ALL
    SELECT p.purl, release_mgmt_internal.purl_ecosystem(p.package) FROM release_mgmt.item_part AS p WHERE p.item_id = item_purls.item;
END;
COMMENT ON FUNCTION release_mgmt_internal.item_purls(uuid) IS 'What advisories of an item are looked for by: itself and its parts, each with its ecosystem, NULL where it has none.';

CREATE FUNCTION release_mgmt_internal.unheld_item(item uuid) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT DISTINCT CASE WHEN x.ecosystem IS NULL THEN pg_catalog.format('no ecosystem of advisories knows %s, and it has no bill of materials', x.purl)
                         WHEN f.ecosystem IS NULL THEN pg_catalog.format('the advisories of %s were never loaded', x.ecosystem)
                         ELSE pg_catalog.format('the advisories of %s are of %s, good for %s', x.ecosystem, f.loaded_at, f.good_for) END
    FROM release_mgmt_internal.item_purls(unheld_item.item) AS x
    LEFT JOIN release_mgmt.advisory_feed AS f ON f.ecosystem = x.ecosystem
    WHERE (f.ecosystem IS NULL OR f.loaded_at + f.good_for < pg_catalog.clock_timestamp())
      -- What no ecosystem knows is known by its parts; a part that none knows is told by nobody.
      AND (x.ecosystem IS NOT NULL OR NOT EXISTS (SELECT FROM release_mgmt.item_bill AS b WHERE b.item_id = unheld_item.item AND b.parts > 0));
END;
COMMENT ON FUNCTION release_mgmt_internal.unheld_item(uuid) IS 'Why having found no advisory of an item shows nothing; no row where it does.';

CREATE FUNCTION release_mgmt_internal.check_advisories_below_limit(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH software AS (
        SELECT c.name, c.item_id FROM release_mgmt.release_package AS k JOIN release_mgmt.component AS c ON c.package_id = k.id
        WHERE k.release_id = check_advisories_below_limit.release AND k.current AND c.kind = 'software'
    ), blind AS (
        SELECT pg_catalog.string_agg(DISTINCT CASE WHEN s.item_id IS NULL THEN pg_catalog.format('%s is no item of the library', s.name) ELSE u.why END, '; ') AS why,
               count(DISTINCT s.name) AS components, count(DISTINCT s.item_id) AS items
        FROM software AS s LEFT JOIN LATERAL release_mgmt_internal.unheld_item(s.item_id) AS u(why) ON true
    ), found AS (
        -- One advisory counts once, in however many components.
        SELECT x.severity, x.advisory, bool_and(x.settled) AS settled,
               pg_catalog.string_agg(DISTINCT x.part::text || coalesce(' (fixed in ' || x.fixed_in || ')', ''), ', ') FILTER (WHERE NOT x.settled) AS parts
        FROM release_mgmt.release_advisory AS x JOIN release_mgmt.release AS r ON r.code = x.release AND r.id = check_advisories_below_limit.release
        GROUP BY x.severity, x.advisory
    ), counted AS (
        SELECT f.severity, count(*) FILTER (WHERE NOT f.settled) AS open, count(*) FILTER (WHERE f.settled) AS settled,
               pg_catalog.string_agg(f.advisory || ': ' || f.parts, '; ' ORDER BY f.advisory COLLATE "C") FILTER (WHERE NOT f.settled) AS which,
               (SELECT release_mgmt_internal.limit_of(r.policy_id, f.severity) FROM release_mgmt.release AS r WHERE r.id = check_advisories_below_limit.release) AS tolerated
        FROM found AS f GROUP BY f.severity
    ), judged AS (
        SELECT pg_catalog.string_agg(CASE WHEN c.open > c.tolerated THEN pg_catalog.format('%s of severity %s where %s are tolerated: %s', c.open, c.severity, c.tolerated, c.which) END, '; ' ORDER BY c.severity) AS above,
               pg_catalog.jsonb_object_agg(c.severity, pg_catalog.jsonb_build_object('open', c.open, 'settled', c.settled, 'tolerated', c.tolerated)) AS counts
        FROM counted AS c
    )
    SELECT (blind.components > 0 AND blind.why IS NULL AND judged.above IS NULL,
            CASE WHEN blind.components = 0 THEN 'the package holds no software, so no advisory was held against it' ELSE nullif(pg_catalog.concat_ws('; ', blind.why, judged.above), '') END,
            CASE WHEN blind.components = 0 THEN 'release manager' WHEN blind.why IS NOT NULL THEN 'librarian' ELSE 'release manager' END,
            pg_catalog.jsonb_build_object('components', blind.components, 'items', blind.items, 'advisories', coalesce(judged.counts, '{}'),
                'feeds', (SELECT pg_catalog.jsonb_object_agg(f.ecosystem, f.loaded_at) FROM release_mgmt.advisory_feed AS f
                          WHERE f.ecosystem IN (SELECT x.ecosystem FROM software AS s CROSS JOIN LATERAL release_mgmt_internal.item_purls(s.item_id) AS x)))
           )::release_mgmt.check_result
    FROM blind CROSS JOIN judged;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_advisories_below_limit(uuid) IS
'Check: the package holds software, each piece is an item of the library whose advisories are known and current, by its own ecosystem or by its bill of materials, and of no severity more advisories are open than the policy tolerates.';
SELECT release_mgmt_internal.register_check('advisories_below_limit', 'gate', 'release_mgmt_internal.check_advisories_below_limit',
    'of no severity more advisories affect what is released than the policy tolerates');

CREATE FUNCTION release_mgmt_internal.check_item_advisories(item uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) = 0, nullif(pg_catalog.string_agg(DISTINCT pg_catalog.format('%s (%s): %s', x.advisory, x.severity, x.part), '; '), ''), 'librarian',
            pg_catalog.jsonb_build_object('advisories', count(*)))::release_mgmt.check_result
    FROM release_mgmt.item_advisory AS x
    WHERE x.item_id = check_item_advisories.item AND NOT x.settled AND x.severity = 'critical';
END;
COMMENT ON FUNCTION release_mgmt_internal.check_item_advisories(uuid) IS
'Check at the intake: no critical advisory that is known affects the item, or a part of it, unless a VEX statement settles it.';
SELECT release_mgmt_internal.register_check('no_critical_advisory', 'intake', 'release_mgmt_internal.check_item_advisories',
    'no critical advisory that is known affects what is taken in');

CREATE FUNCTION release_mgmt_internal.touch_bill() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.touch_holders(ARRAY[NEW.item_id]);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.touch_bill() IS 'Trigger: a bill of materials may bring advisories to light, so no gate of a release that holds the item is passed beside it.';
CREATE TRIGGER rm_61_touch AFTER INSERT ON release_mgmt.item_bill
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_bill();
