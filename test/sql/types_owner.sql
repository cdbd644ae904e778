-- Whoever may use the schema may have columns of the types, index and query them; no duty is needed, and nothing else comes with it.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
CREATE ROLE regress_types_owner;
CREATE SCHEMA mine AUTHORIZATION regress_types_owner;

-- Without USAGE the names are not found.
SET ROLE regress_types_owner;
CREATE TABLE mine.item (version release_mgmt.pkgver);
RESET ROLE;

GRANT USAGE ON SCHEMA release_mgmt TO regress_types_owner;
SET ROLE regress_types_owner;
SET search_path = mine, release_mgmt, public;
CREATE TABLE item (version pkgver('deb') PRIMARY KEY, purl purl UNIQUE, content digest, requirement pkgreq, affected pkgver_range, EXCLUDE USING gist (affected WITH &&));
CREATE INDEX ON item USING hash (version);
CREATE INDEX ON item USING gist (pkgreq_versions(requirement));
CREATE INDEX ON item (version pkgver_text_ops, content);
INSERT INTO item SELECT pkgver('deb', n::text), purl('deb', 'debian', 'curl', n::text), compute_digest(convert_to(n::text, 'UTF8')), pkgreq('deb', '>= ' || n),
    pkgver_range(pkgver('deb', n::text), pkgver('deb', (n + 1)::text))
FROM generate_series(1, 100) AS n;
ANALYZE item;
SELECT count(*) AS n, min(version), max(version), merkle_root(content ORDER BY version) FROM item WHERE version > 'deb/50' AND purl <> 'pkg:npm/a' AND version @@ 'deb/<< 90';
SELECT version FROM item WHERE pkgver 'deb/7.5' <@ affected;
SELECT count(*) FROM item WHERE pkgver 'deb/7.5' <@ pkgreq_versions(requirement) AND pkgver 'deb/7.5' @@ requirement;
SELECT a.version FROM item AS a JOIN item AS b USING (version, content, purl) WHERE a.version === 'deb/3' AND a.content = compute_digest('3');
SELECT purl_name('pkg:npm/a'), pkgver_upstream('deb/1:2-3'), digest_algorithm(compute_digest('')), vers('vers:deb/>=1|<2'), osv_events('deb', '[{"introduced": "1"}]');

-- What reads something, and every table, takes a duty.
SELECT compute_digest_of_file('PG_VERSION');
SELECT compute_digest_of_large_object(1);
SELECT count(*) FROM release_mgmt.release;
RESET ROLE;
DROP OWNED BY regress_types_owner CASCADE;
DROP ROLE regress_types_owner;
