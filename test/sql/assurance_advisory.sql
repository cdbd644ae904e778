-- Advisories: read from OSV, held against library items and what is within them, settled by VEX, counted by a gate.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_librarian;
CREATE ROLE regress_tester;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'test manager', 'Provider');
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_tester', 'test manager', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Provider');

-- Scores: those of the specification's own examples are compared in another test; here what is refused.
SELECT cvss_score('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'), cvss_score('CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N'), cvss_score('CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N/E:P/RL:O/RC:C'),
       cvss_score('AV:N/AC:L/Au:N/C:N/I:N/A:C'), cvss_score(NULL) IS NULL AS nothing;
\set VERBOSITY terse
SELECT cvss_score('CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N');
SELECT cvss_score('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H');
SELECT cvss_score('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X');
SELECT cvss_score('CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H');
SELECT cvss_score('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/');
SELECT cvss_score('CVSS:3.1/AV:N/XX:L');
SELECT cvss_score('');
SELECT cvss_score('AV:N');
\set VERBOSITY default
SELECT cvss_score('CVSS:3.1/AV:Nü/AC:L');

-- A package of npm, one of Python with a bill of materials in which another is, one of Debian, and one that no ecosystem knows.
SET ROLE regress_librarian;
SELECT begin_intake('pkg:npm/left@1.2.0') AS npm \gset
SELECT begin_intake('pkg:generic/shop@7') AS shop \gset
SELECT begin_intake('pkg:generic/tool@1') AS tool \gset
SELECT begin_intake('pkg:pypi/Some_Name@2.0') AS python \gset
CALL append_content(:'npm', 'left');
CALL append_content(:'shop', 'shop');
CALL append_content(:'tool', 'tool');
CALL append_content(:'python', 'python');
SELECT count(finish_intake(i, compute_digest(c::bytea))) FROM (VALUES (:'npm'::uuid, 'left'), (:'shop', 'shop'), (:'tool', 'tool'), (:'python', 'python')) AS v(i, c);
CALL accept_item(:'npm');
CALL accept_item(:'tool');

-- Bills of materials: what they are not; then one of CycloneDX with a component within another, one of SPDX.
\set VERBOSITY terse
SELECT load_bill(:'shop', 'nothing');
SELECT load_bill(:'shop', '{"bomFormat": "other"}');
SET ROLE regress_tester;
SELECT load_bill(:'shop', '{}');
SET ROLE regress_librarian;
\set VERBOSITY default
SELECT load_bill(:'shop', '{"spdxVersion": "SPDX-2.3", "documentDescribes": ["SPDXRef-shop"], "packages": [
    {"SPDXID": "SPDXRef-shop", "name": "shop", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:generic/shop@7"}]},
    {"SPDXID": "SPDXRef-a", "name": "a", "licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT", "externalRefs": [{"referenceType": "cpe23Type", "referenceLocator": "x"}, {"referenceType": "purl", "referenceLocator": "pkg:maven/org.example/core@1.5"}],
     "checksums": [{"algorithm": "SHA1", "checksumValue": "00"}, {"algorithm": "SHA256", "checksumValue": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}]}');
SELECT p.purl, p.package, p.digest, p.licence, b.format, b.parts, b.unnamed FROM item_part AS p JOIN item_bill AS b USING (item_id) ORDER BY p.purl;
\set bill '{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "outer", "purl": "pkg:npm/%40scope/outer@3.0.0", "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "other"}}], "hashes": [{"alg": "SHA-1", "content": "00"}, {"alg": "SHA-512", "content": "bad"}], "components": [{"name": "inner", "purl": "pkg:maven/org.example/core@1.5"}]}, {"name": "again", "purl": "pkg:maven/org.example/core@1.5"}, {"name": "nobody"}, {"name": "bad", "purl": "nothing"}, {"name": "go", "purl": "pkg:golang/github.com/Example/Mod@v1.0.0"}]}'
SELECT load_bill(:'shop', :'bill');
SELECT load_bill(:'shop', :'bill');
SELECT p.purl, p.package, p.digest, p.licence, b.format, b.parts, b.unnamed FROM item_part AS p JOIN item_bill AS b USING (item_id) ORDER BY p.purl;
CALL accept_item(:'shop');
\set VERBOSITY terse
SELECT load_bill(:'shop', '{"bomFormat": "CycloneDX", "components": []}');
\set VERBOSITY default
RESET ROLE;
DELETE FROM item_part WHERE item_id = :'shop';
UPDATE item_bill SET parts = 0;
INSERT INTO item_part (item_id, purl) VALUES (:'shop', 'pkg:npm/another@1');

-- What is no record is refused with everything that is wrong.
SET ROLE regress_librarian;
SELECT * FROM load_advisories('nothing');
SELECT * FROM load_advisories('[{"id": "EX-1"}, {"modified": "2026-01-01T00:00:00Z"}, {}]');
SELECT * FROM load_advisories(NULL, '{npm,Pypi,Debian:12}');
SET ROLE regress_manager;
SELECT * FROM load_advisories(NULL, '{npm}');

-- Records: by vector, by word, by neither; ranges, versions; a range that is none; commits only; a release of a distribution; one withdrawn.
SET ROLE regress_librarian;
SELECT $${"id": "EX-1", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"], "summary": "left goes right", "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}, {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}], "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.3.0"}]}]}]}
{"id": "EX-2", "modified": "2026-01-01T00:00:00Z", "database_specific": {"severity": "MODERATE"}, "details": "core breaks", "affected": [{"package": {"ecosystem": "Maven", "name": "org.example:core"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "1.5"}]}]}]}
{"id": "EX-3", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "some-name"}, "versions": ["2.0"]}, {"package": {"ecosystem": "PyPI", "name": "other"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "no version"}]}]}]}
{"id": "EX-4", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "@scope/outer"}, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, {"package": {"ecosystem": "Nowhere", "name": "left"}}]}
{"id": "EX-5", "modified": "2026-01-01T00:00:00Z", "withdrawn": "2026-01-02T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}
{"id": "EX-6", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "github.com/Example/Mod", "purl": "pkg:golang/github.com/Example/Mod"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.0.1"}]}], "ecosystem_specific": {"severity": "Important"}}]}$$ AS feed \gset
SELECT * FROM load_advisories(:'feed');
SELECT * FROM load_advisories(:'feed');
SELECT code, aliases, summary, severity, score, withdrawn_at IS NOT NULL AS withdrawn FROM advisory ORDER BY code;
SELECT a.code, p.ecosystem, p.name, p.package, p.versions, p.fault FROM advisory_package AS p JOIN advisory AS a ON a.id = p.advisory_id ORDER BY a.code, p.ordinal;
SELECT ecosystem, good_for FROM advisory_feed ORDER BY ecosystem;
RESET ROLE;
CREATE VIEW affecting AS SELECT item, part, advisory, severity, fixed_in, fault, settled, vex_status, justification FROM item_advisory ORDER BY item, part, advisory;
GRANT SELECT ON affecting TO PUBLIC;
SELECT * FROM affecting;
SET ROLE regress_librarian;
-- The later record stands, whatever the order.
SELECT * FROM load_advisories('[{"id": "EX-3", "modified": "2026-01-02T00:00:00Z", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N"}], "affected": [{"package": {"ecosystem": "PyPI", "name": "Some.Name"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0.1"}]}]}]},
    {"id": "EX-3", "modified": "2026-01-01T12:00:00Z", "affected": []}, {"id": "EX-1", "modified": "2025-01-01T00:00:00Z", "affected": []}]');
SELECT * FROM affecting WHERE advisory IN ('EX-1', 'EX-3');

-- The intake asks whether a critical one is known.
SELECT begin_intake('pkg:npm/left@1.2.9') AS late \gset
CALL append_content(:'late', 'late');
SELECT finish_intake(:'late', compute_digest('late')) IS NOT NULL AS finished;
CALL accept_item(:'late');
SELECT begin_intake('pkg:npm/left@1.3.0') AS fixed \gset
CALL append_content(:'fixed', 'fixed');
SELECT finish_intake(:'fixed', compute_digest('fixed')) IS NOT NULL AS finished;
CALL accept_item(:'fixed');

-- VEX: everything wrong is told at once; a statement about a part counts within its product alone.
SET ROLE regress_tester;
SELECT load_vex('{}');
SELECT load_vex('{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"status": "not_affected", "products": ["pkg:npm/left@1.2.0"]}, {"vulnerability": {"name": "CVE-1"}, "status": "so-so", "products": [{"@id": "left"}]},
    {"vulnerability": {"name": "CVE-1"}, "status": "affected", "justification": "component_not_present", "products": [{"@id": "pkg:npm/left"}]}, {"vulnerability": "CVE-1", "status": "not_affected", "justification": "because", "products": []}]}');
SELECT load_vex('{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [
    {"vulnerability": {"name": "EX-2"}, "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path", "products": [{"@id": "pkg:generic/shop@7", "subcomponents": [{"@id": "pkg:maven/org.example/core@1.5"}]}]},
    {"vulnerability": {"name": "EX-6"}, "status": "not_affected", "justification": "component_not_present", "products": [{"@id": "pkg:generic/another", "subcomponents": [{"@id": "pkg:golang/github.com/Example/Mod"}]}]},
    {"vulnerability": {"name": "CVE-2026-1"}, "status": "under_investigation", "products": [{"@id": "pkg:npm/left", "identifiers": {"purl": "pkg:npm/left"}}]}]}') AS stated;
SELECT * FROM affecting;
RESET ROLE;

-- A gate: nothing is shown without software, of what is not in the library, nor without advisories that are known and current.
CREATE TABLE host (name text PRIMARY KEY);
INSERT INTO host VALUES ('a');
SELECT bind_ci_class('host', 'host', '{name}', 'name') IS NOT NULL AS bound;
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p');
INSERT INTO advisory_limit SELECT id, 'unknown', 1 FROM release_policy;
INSERT INTO advisory_limit SELECT id, 'medium', 0 FROM release_policy;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', policy => 'POL') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
RESET ROLE;
CREATE VIEW answer AS SELECT met, missing, owner, evidence - 'feeds' AS evidence, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(coalesce(nullif(evidence -> 'feeds', 'null'), '{}')) AS k) AS feeds
FROM release_mgmt_internal.ask_check('advisories_below_limit', release_id('REL-1'));
\x on
SELECT * FROM answer;
SET ROLE regress_manager;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'software', 'unheard of', 'host/a');
RESET ROLE;
SELECT * FROM answer;
SET ROLE regress_manager;
DELETE FROM component WHERE name = 'unheard of';
INSERT INTO component (package_id, kind, name, version, item_id, digest)
SELECT package_id('PKG-1'), 'software', i.name, i.version, i.id, i.digest FROM library_item AS i WHERE i.state = 'accepted' AND i.name <> 'left';
RESET ROLE;
SELECT * FROM answer;
-- What no ecosystem knows has a bill of materials now; Maven's advisories become old.
SET ROLE regress_librarian;
SELECT load_bill(:'tool', '{"bomFormat": "CycloneDX", "components": [{"purl": "pkg:npm/left@1.3.0"}]}');
RESET ROLE;
UPDATE advisory_feed SET loaded_at = loaded_at - interval '8 days' WHERE ecosystem = 'Maven';
SELECT met, regexp_replace(missing, 'are of .*, good', 'are of ..., good') AS missing, owner FROM answer;
SET ROLE regress_librarian;
SELECT * FROM load_advisories(NULL, '{Maven}');
RESET ROLE;
SELECT * FROM answer;
-- What the requester states settles nothing in his own release; another's does. Withdrawn, it counts no more.
SET ROLE regress_manager;
SELECT load_vex('{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"vulnerability": {"name": "EX-6"}, "status": "fixed", "products": [{"@id": "pkg:golang/github.com/Example/Mod@v1.0.0"}]}]}') AS stated;
SELECT release, package, component, part, advisory, severity, fixed_in, fault, settled, vex_status FROM release_advisory ORDER BY advisory;
RESET ROLE;
SELECT revision AS before FROM release \gset
SET ROLE regress_tester;
SELECT load_vex('{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"vulnerability": {"name": "EX-6"}, "status": "not_affected", "justification": "vulnerable_code_not_present", "products": [{"@id": "pkg:golang/github.com/Example/Mod@v1.0.0"}]}]}') AS stated;
RESET ROLE;
SELECT revision > :before AS raised FROM release;
SELECT * FROM answer;
SELECT v.id AS said FROM vex_statement AS v WHERE v.product::text LIKE '%Example/Mod@%' AND v.status = 'not_affected' \gset
SET ROLE regress_tester;
CALL withdraw_vex(:'said');
CALL withdraw_vex(:'said');
CALL withdraw_vex('00000000-0000-7000-8000-000000000000');
RESET ROLE;
SELECT met, missing FROM answer;
UPDATE vex_statement SET status = 'fixed', justification = NULL;
DELETE FROM vex_statement;
-- A bill of materials, and an advisory, raise the revision of the releases that hold the item; others stay.
SELECT revision AS before FROM release \gset
SET ROLE regress_librarian;
SELECT * FROM load_advisories('{"id": "EX-7", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "elsewhere"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}');
SELECT revision = :before AS the_same FROM release;
SELECT * FROM load_advisories('{"id": "EX-8", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "2.0.0"}]}]}]}');
RESET ROLE;
SELECT revision > :before AS raised FROM release;
SET session_replication_role = replica;
UPDATE release SET state = 'closed';
RESET session_replication_role;
SELECT revision AS before FROM release \gset
SET ROLE regress_librarian;
SELECT new FROM load_advisories('{"id": "EX-9", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "2.0.0"}]}]}]}');
RESET ROLE;
SELECT revision = :before AS the_same_once_it_ended FROM release;
-- The limits of a policy stand still with it; and who only reads, reads.
UPDATE advisory_limit SET tolerated = 10;
SET ROLE regress_reader;
SELECT count(*) FROM item_advisory;
INSERT INTO advisory_limit SELECT id, 'low', 0 FROM release_policy;
RESET ROLE;
\x off
-- Of which release of a distribution a package is, as far as its package URL says it: the advisories of another one are not about it.
SELECT x.ecosystem, x.distro, release_mgmt_internal.is_of_release(x.ecosystem, purl('deb', 'debian', 'x', '1', CASE WHEN x.distro <> '' THEN jsonb_build_object('distro', x.distro) END)) AS may_be
FROM (VALUES ('Debian', 'debian-12'), ('Debian:12', ''), ('Debian:12', 'bookworm'), ('Debian:12', 'debian-12'), ('Debian:12', 'debian-12.5'), ('Debian:12', 'debian-13'), ('Debian:1', 'debian-12'),
             ('Ubuntu:22.04:LTS', 'ubuntu-22.04'), ('Ubuntu:22.04:LTS', 'ubuntu-22.04.3'), ('Ubuntu:22.04:LTS', 'ubuntu-22'), ('Ubuntu:22.04:LTS', 'ubuntu-20.04'),
             ('Alpine:v3.19', 'alpine-3.19.1'), ('Alpine:v3.19', 'alpine-3.2'), ('openSUSE:Leap 15.5', 'opensuse-leap-15.5'), ('Red Hat:rhel_aus:8.4::appstream', 'rhel-8.4'), ('Rocky Linux:9', 'rocky-8.9')) AS x (ecosystem, distro);
DROP OWNED BY regress_manager, regress_librarian, regress_tester, regress_reader;
DROP ROLE regress_manager, regress_librarian, regress_tester, regress_reader;
