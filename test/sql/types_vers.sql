-- Ranges of versions as others write them.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- VERS: signposts on the line of versions.
SELECT vers(t) FROM unnest('{vers:npm/1.2.3|>=2.0.0|<5.0.0,vers:npm/*,vers:pypi/!=1.0,vers:pypi/>=1|!=1.5|<2|3,vers:deb/<1|>2,vers:rpm/>=1-1|<=2-1|>=3-1,vers:maven/1.0-rc1|>=2.0|<3.0-alpha,vers:nuget/>=1.0|<2.0.0-0,vers:cargo/>=1.0.0}'::text[]) AS t;
SELECT v, pkgver('npm', v) <@ vers('vers:npm/1.2.3|>=2.0.0|<5.0.0') AS inside FROM unnest('{1.2.3,1.2.4,2.0.0,4.9.9,5.0.0}'::text[]) AS v;
-- A version that contains a sign is encoded.
SELECT vers('vers:generic/1%2A2|>3');
-- Only canonical text is taken.
SELECT vers('npm/1.0.0');
SELECT vers('vers:npm');
SELECT vers('vers:npm/');
SELECT vers('vers:gem/1.0');
SELECT vers('vers:npm/>=2.0.0|<1.0.0');
SELECT vers('vers:maven/1.0|1.0.0');
SELECT vers('vers:maven/>=1.0|<1.0-SNAPSHOT');
SELECT vers('vers:nuget/1.0.0.0.0');
SELECT vers('vers:npm/1.0.0|v1.0.0');
SELECT vers('vers:npm/>=2.0.0|>3.0.0');
SELECT vers('vers:npm/>=2.0.0|3.0.0');
SELECT vers('vers:npm/1.0.0|<3.0.0');
SELECT vers('vers:npm/|1.0.0');
SELECT vers('vers:npm/1.0.0|');
SELECT vers('vers:npm/1.0.0||2.0.0');
SELECT vers('vers:npm/1.0.0| 2.0.0');
SELECT vers('vers:npm/1.0%2E0');
SELECT vers('vers:generic/1%2a2');
SELECT vers('vers:npm/1.0');
SELECT vers('vers:npm/>=');
SELECT vers('vers:npm/*|1.0.0');

-- OSV: events in the order of their versions, whatever order they stand in.
SELECT osv_events('npm', '[{"introduced": "0"}, {"fixed": "1.0.0"}, {"introduced": "2.0.0"}, {"last_affected": "2.1.0"}, {"introduced": "3.0.0"}]');
SELECT osv_events('npm', '[{"fixed": "1.0.0"}, {"introduced": "2.0.0"}, {"introduced": "0"}]');
SELECT osv_events('npm', '[]'), osv_events('npm', '[{"introduced": "1.0.0"}, {"fixed": "1.0.0"}]'), osv_events('npm', '[{"introduced": "1.0.0"}, {"last_affected": "1.0.0"}]');
-- A version is looked at where it lies before one of the limits.
SELECT osv_events('npm', '[{"introduced": "0"}, {"fixed": "4.0.0"}, {"limit": "2.0.0"}, {"limit": "3.0.0"}]');
SELECT osv_events('npm', '[{"introduced": "0"}, {"limit": "1.0.0"}, {"limit": "*"}]');
SELECT osv_events('npm', '[{"introduced": "zero"}]');
SELECT osv_events('npm', '[{"since": "1.0.0"}]');
SELECT osv_events('npm', '[{"fixed": 1}]');
SELECT osv_events('npm', '["1.0.0"]');
SELECT osv_events('npm', '{"introduced": "0"}');
SELECT osv_scheme('Debian:12'), osv_scheme('PyPI'), osv_scheme('Rocky Linux:9'), osv_scheme('Maven'), osv_scheme('NuGet'), osv_scheme('crates.io');
SELECT osv_scheme('Alpine:v3.18');

-- An advisory of PyPA (PYSEC-2021-335): ranges of commits are left out, the listed versions are in.
CREATE TABLE advisory AS SELECT osv_affected('{
    "package": {"ecosystem": "PyPI", "name": "accesscontrol", "purl": "pkg:pypi/accesscontrol"},
    "ranges": [
        {"type": "GIT", "repo": "https://github.com/zopefoundation/AccessControl", "events": [{"introduced": "0"}, {"fixed": "b42dd4badf803bb9fb71ac34cd9cb0c249262f2c"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "4.0"}, {"fixed": "4.3"}, {"introduced": "5.0"}, {"fixed": "5.2"}]}],
    "versions": ["4.0", "4.1", "4.2", "5.0", "5.1", "trunk", "7.0"]}') AS versions;
SELECT versions FROM advisory;
SELECT v, pkgver('pypi', v) <@ versions AS affected FROM advisory, unnest('{3.9,4.0b1,4.0,4.2.post1,4.3,5.0,5.1+local,5.2,7.0,7.0.1}'::text[]) AS v;
SELECT osv_affected('{"package": {"ecosystem": "Alpine:v3.18", "name": "curl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}');
SELECT osv_affected('{"package": {"ecosystem": "Alpine:v3.18", "name": "curl"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}');
SELECT osv_affected('{}');

-- Maven and NuGet: two advisories of GitHub's database (GHSA-jfh8-c2jp-5v3q, GHSA-5crp-9r3c-p9vr), shortened.
SELECT v, pkgver('maven', v) <@ osv_affected('{"package": {"ecosystem": "Maven", "name": "org.apache.logging.log4j:log4j-core"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.13.0"}, {"fixed": "2.15.0"}]}, {"type": "ECOSYSTEM", "events": [{"introduced": "2.0-beta9"}, {"fixed": "2.3.1"}]}]}') AS affected
FROM unnest('{2.0-alpha1,2.0-beta8,2.0-beta9,2.0-rc1,2.0,2.3,2.3.1,2.12.4,2.13.0,2.14.1,2.15.0-rc1,2.15.0}'::text[]) AS v;
SELECT v, pkgver('nuget', v) <@ osv_affected('{"package": {"ecosystem": "NuGet", "name": "Newtonsoft.Json"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "13.0.1"}]}]}') AS affected
FROM unnest('{3.5.8,12.0.3,13.0.1-beta2,13.0.1,13.0.1.0,13.0.2}'::text[]) AS v;

-- Text that may be no version.
SELECT try_pkgver('semver', '1.2.3'), try_pkgver('semver', '1.2') IS NULL AS no_version, try_pkgver('semver', NULL) IS NULL AS no_text;
SELECT try_pkgver('gem', '1.2');
