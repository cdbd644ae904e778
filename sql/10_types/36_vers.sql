-- Ranges of versions as others write them: VERS, and the advisories of OSV.

CREATE FUNCTION vers(specifier text) RETURNS pkgver_multirange
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_vers';
COMMENT ON FUNCTION vers(text) IS
'Returns the versions within a version range specifier, as in vers:npm/1.2.3|>=2.0.0|<5.0.0 (VERS, https://github.com/package-url/vers-spec). Types: the names of schemes (pkgver). Errors: 22P02, also for text that is not canonical.';

CREATE FUNCTION osv_scheme(ecosystem text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_osv_scheme';
COMMENT ON FUNCTION osv_scheme(text) IS
'Returns the scheme of an OSV ecosystem''s versions; a release after a colon (Debian:12) is left out. Errors: 22023 where there is none.';

CREATE FUNCTION osv_events(scheme text, events jsonb) RETURNS pkgver_multirange
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_osv_events';
COMMENT ON FUNCTION osv_events(text, jsonb) IS
'Returns the versions that one range of an OSV advisory affects (OSV schema, Evaluation). events: its array "events", of introduced, fixed, last_affected and limit. Errors: 22023 for an unknown scheme or other JSON, 22P02 for text that is no version.';

CREATE FUNCTION osv_affected(affected jsonb) RETURNS pkgver_multirange
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(range_agg(part.versions), '{}')
    FROM (
        -- The ecosystem's scheme is asked for only where it matters; an expression without the row's columns may be evaluated when planning.
        SELECT osv_events(CASE r.range ->> 'type' WHEN 'SEMVER' THEN 'semver'
                               ELSE osv_scheme(CASE WHEN r.range ->> 'type' = 'ECOSYSTEM' THEN affected #>> '{package,ecosystem}' END) END,
                          r.range -> 'events')
        FROM jsonb_array_elements(coalesce(affected -> 'ranges', '[]')) AS r (range)
        WHERE r.range ->> 'type' IN ('SEMVER', 'ECOSYSTEM')
        UNION ALL
        SELECT pkgver_multirange(pkgver_range(v.version, v.version, '[]'))
        FROM jsonb_array_elements_text(coalesce(affected -> 'versions', '[]')) AS listed (version),
             LATERAL try_pkgver(osv_scheme(CASE WHEN listed.version IS NOT NULL THEN affected #>> '{package,ecosystem}' END),
                                listed.version) AS v (version)
        WHERE v.version IS NOT NULL
    ) AS part (versions);
END;
COMMENT ON FUNCTION osv_affected(jsonb) IS
'Returns the versions that one element of an OSV advisory''s array "affected" names: its ranges (but those of commits), and the versions it lists, without texts that are no versions. Errors: see osv_events, osv_scheme.';
