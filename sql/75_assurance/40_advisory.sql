-- Module assurance: security advisories, as the OSV schema writes them, and what they affect.

CREATE FUNCTION release_mgmt.cvss_score(vector text) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_cvss_score';
COMMENT ON FUNCTION release_mgmt.cvss_score(text) IS
'Returns the base score, 0.0 to 10.0, of a vector of the Common Vulnerability Scoring System, versions 2.0, 3.0 and 3.1; temporal and environmental metrics are left out of account. Errors: 22P02 for anything else, a vector of version 4 included.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.cvss_score(text)');

CREATE TABLE release_mgmt.advisory (
    id           uuid DEFAULT release_mgmt.new_id(),
    code         text NOT NULL,
    aliases      text[] NOT NULL,
    summary      text,
    severity     text NOT NULL,
    score        numeric(3, 1),
    vector       text,
    published_at timestamptz,
    modified_at  timestamptz NOT NULL,
    withdrawn_at timestamptz,
    loaded_by    uuid NOT NULL,
    loaded_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT advisory_pkey PRIMARY KEY (id),
    CONSTRAINT advisory_code_key UNIQUE (code),
    CONSTRAINT advisory_loaded_by_fkey FOREIGN KEY (loaded_by) REFERENCES release_mgmt.person,
    CONSTRAINT advisory_severity_check CHECK (severity IN ('none', 'low', 'medium', 'high', 'critical', 'unknown'))
);
COMMENT ON TABLE release_mgmt.advisory IS 'Security advisories, read from records in the OSV format. Written by load_advisories(); a later record of the same code takes the place of the earlier one.';
COMMENT ON COLUMN release_mgmt.advisory.code IS 'the OSV id: PYSEC-2021-335, GHSA-..., CVE-..., DSA-...';
COMMENT ON COLUMN release_mgmt.advisory.severity IS 'by the score (CVSS, qualitative severity rating scale), else as the database says in words; unknown where neither is there';
COMMENT ON COLUMN release_mgmt.advisory.score IS 'the highest base score of its vectors, 0.0 to 10.0; NULL where it has none that cvss_score() knows';
COMMENT ON COLUMN release_mgmt.advisory.withdrawn_at IS 'when it was withdrawn: then it affects nothing';
CREATE INDEX advisory_aliases_idx ON release_mgmt.advisory USING gin (aliases);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.advisory', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.advisory');
SELECT release_mgmt_internal.is_shared('release_mgmt.advisory', 'public knowledge');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.advisory');

CREATE TABLE release_mgmt.advisory_package (
    advisory_id uuid,
    ordinal     integer,
    ecosystem   text NOT NULL,
    name        text NOT NULL,
    package     release_mgmt.purl,
    versions    release_mgmt.pkgver_multirange,
    fault       text,
    CONSTRAINT advisory_package_pkey PRIMARY KEY (advisory_id, ordinal),
    CONSTRAINT advisory_package_advisory_id_fkey FOREIGN KEY (advisory_id) REFERENCES release_mgmt.advisory ON DELETE CASCADE,
    CONSTRAINT advisory_package_versions_check CHECK ((versions IS NULL) = (fault IS NOT NULL))
);
COMMENT ON TABLE release_mgmt.advisory_package IS 'Which versions of which packages an advisory affects. Written by load_advisories().';
COMMENT ON COLUMN release_mgmt.advisory_package.ecosystem IS 'of OSV, with the release of a distribution where it names one (Debian:12)';
COMMENT ON COLUMN release_mgmt.advisory_package.package IS 'package URL without version; NULL where the ecosystem has no type of package URL: then it is held against nothing';
COMMENT ON COLUMN release_mgmt.advisory_package.versions IS 'the versions affected; NULL where they can not be read: then all of them count as affected';
COMMENT ON COLUMN release_mgmt.advisory_package.fault IS 'why the versions can not be read';
CREATE INDEX advisory_package_package_idx ON release_mgmt.advisory_package (package);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.advisory_package', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.advisory_package');
SELECT release_mgmt_internal.is_shared('release_mgmt.advisory_package', 'public knowledge');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.advisory_package');

CREATE TABLE release_mgmt.advisory_feed (
    ecosystem text,
    good_for  interval NOT NULL DEFAULT '7 days',
    loaded_by uuid NOT NULL,
    loaded_at timestamptz NOT NULL,
    CONSTRAINT advisory_feed_pkey PRIMARY KEY (ecosystem),
    CONSTRAINT advisory_feed_loaded_by_fkey FOREIGN KEY (loaded_by) REFERENCES release_mgmt.person,
    CONSTRAINT advisory_feed_ecosystem_check CHECK (ecosystem <> '' AND ecosystem !~ ':'),
    CONSTRAINT advisory_feed_good_for_check CHECK (good_for > interval '0')
);
COMMENT ON TABLE release_mgmt.advisory_feed IS
'Of which ecosystems the advisories are kept, and when they were last brought up to date by load_advisories(). Without that, having found none shows nothing.';
COMMENT ON COLUMN release_mgmt.advisory_feed.ecosystem IS 'of OSV, without the release of a distribution (Debian)';
COMMENT ON COLUMN release_mgmt.advisory_feed.good_for IS 'how long after that the advisories are current enough to show anything';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.advisory_feed', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.advisory_feed');
SELECT release_mgmt_internal.is_shared('release_mgmt.advisory_feed', 'public knowledge');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.advisory_feed');
SELECT release_mgmt_internal.allow('{librarian}', 'UPDATE (good_for)', 'release_mgmt.advisory_feed');

CREATE FUNCTION release_mgmt_internal.severity_of(score numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN score >= 9 THEN 'critical' WHEN score >= 7 THEN 'high' WHEN score >= 4 THEN 'medium' WHEN score > 0 THEN 'low' ELSE 'none' END;
END;
COMMENT ON FUNCTION release_mgmt_internal.severity_of(numeric) IS 'A base score on the qualitative severity rating scale of CVSS 3.';

CREATE FUNCTION release_mgmt_internal.try_score(vector text) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN cvss_score(vector);
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.try_score(text) IS 'The base score of a vector; NULL where cvss_score() does not know it.';

CREATE FUNCTION release_mgmt_internal.osv_severity(record jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- In words: GitHub says moderate, Red Hat important.
    SELECT coalesce((SELECT CASE WHEN w.word IN ('critical') THEN 'critical' WHEN w.word IN ('high', 'important') THEN 'high'
                                 WHEN w.word IN ('medium', 'moderate') THEN 'medium' WHEN w.word IN ('low', 'negligible', 'minor', 'unimportant') THEN 'low' END
                     FROM (SELECT pg_catalog.lower(coalesce(record #>> '{database_specific,severity}',
                                  pg_catalog.jsonb_path_query_first(record, 'lax $.affected[*].ecosystem_specific.severity') #>> '{}',
                                  pg_catalog.jsonb_path_query_first(record, 'lax $.affected[*].ecosystem_specific.urgency') #>> '{}'))) AS w(word)), 'unknown');
END;
COMMENT ON FUNCTION release_mgmt_internal.osv_severity(jsonb) IS 'The severity that an OSV record states in words; unknown where it states none.';

CREATE FUNCTION release_mgmt_internal.osv_package(ecosystem text, name text) RETURNS release_mgmt.purl
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN e.namespace IS NOT NULL THEN release_mgmt.purl(e.type, e.namespace, osv_package.name)
                ELSE release_mgmt.purl(e.type, pg_catalog.substring(p.path, '^(.+)/[^/]+$'), pg_catalog.substring(p.path, '[^/]+$')) END
    FROM release_mgmt_internal.osv_ecosystem AS e
    -- Maven writes group:artifact.
    CROSS JOIN LATERAL (SELECT CASE e.type WHEN 'maven' THEN pg_catalog.replace(osv_package.name, ':', '/') ELSE osv_package.name END) AS p(path)
    WHERE e.ecosystem = pg_catalog.split_part(osv_package.ecosystem, ':', 1) AND p.path ~ '[^/]$';
END;
COMMENT ON FUNCTION release_mgmt_internal.osv_package(text, text) IS
'The package URL, without version, of a package as OSV names it; NULL for an ecosystem that has no type of package URL.';
