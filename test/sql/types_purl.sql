-- Package URLs (ECMA-427). They are held against another implementation in test/t/11_types_purl.pl.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Canonical form: type and keys in lower case, qualifiers sorted, empty ones left out, one way of encoding.
SELECT 'PKG://Deb/Debian/Curl@7.88.1-10+deb12u14?distro=bookworm&ARCH=amd64&empty='::purl;
SELECT 'pkg:npm/@angular/animation@12.3.1'::purl, 'pkg:npm/@angular/animation'::purl, 'pkg:npm/%40angular/animation'::purl;
SELECT 'pkg:golang//google.golang.org///genproto@abcdedf#/googleapis/../api/./annotations/'::purl;
SELECT 'pkg:docker/cassandra@sha256%3A244fd47e07d1004f0aed9c'::purl;
-- Rules of types.
SELECT 'pkg:pypi/Django_package@1.11.1.DEV1'::purl, 'pkg:github/Package-url/Purl-Spec@244fd47'::purl, 'pkg:huggingface/EleutherAI/gpt-neo-1.3B@797174552AE47F44'::purl;

-- Parts, decoded.
\pset null -
SELECT purl_type(p) AS type, purl_namespace(p) AS namespace, purl_name(p) AS name, purl_version(p) AS version, purl_subpath(p) AS subpath,
    purl_qualifier(p, 'arch') AS arch, purl_qualifier(p, 'none') AS none
FROM unnest('{"pkg:deb/debian/curl@7.88.1-10%2Bdeb12u14?arch=amd64","pkg:npm/%40angular/animation#src/a%20b","pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?arch=%C3%A9"}'::purl[]) AS p;
SELECT pkgver(purl_type(p), purl_version(p)) FROM CAST('pkg:deb/debian/curl@7.88.1-10%2Bdeb12u14' AS purl) AS p;
SELECT purl_without_version(p), purl_package(p) FROM CAST('pkg:deb/debian/curl@7.88.1-10?arch=amd64#doc' AS purl) AS p;

-- The builder takes parts as they are.
SELECT purl('deb', 'debian', 'curl', '7.88.1-10+deb12u14', '{"arch": "amd64", "none": null, "empty": ""}', '/doc/./x y/');
SELECT purl('npm', '@angular', 'animation');
SELECT purl('maven', NULL, 'batik-anim');
SELECT purl(NULL, NULL, 'x');
SELECT purl('generic', NULL, 'x', NULL, '["arch"]');
SELECT purl('generic', NULL, 'x', NULL, '{"arch": 1}');
SELECT purl('generic', NULL, 'x', NULL, '{"in production": "1"}');
SELECT purl('generic', NULL, repeat(' ', 700));

-- What is no package URL is refused.
SELECT ''::purl;
SELECT 'https://example.org'::purl;
SELECT 'pkg:deb'::purl;
SELECT 'pkg:3nginx/nginx@0.8.9'::purl;
SELECT 'pkg:cran/@0.9.1'::purl;
SELECT 'pkg:maven/batik-anim'::purl;
SELECT 'pkg:cargo/a/rand'::purl;
SELECT 'pkg:julia/Dates@1.9.0'::purl;
SELECT 'pkg:npm/a?b'::purl;
SELECT 'pkg:npm/a?b=1&B=2'::purl;
SELECT 'pkg:npm/a%2'::purl;
SELECT 'pkg:npm/a%zz'::purl;
SELECT 'pkg:npm/a%00'::purl;
SELECT 'pkg:npm/a%FF'::purl;
SELECT 'pkg:npm/a%2Fb/c'::purl;
SELECT ('pkg:npm/' || repeat('a', 2000))::purl;

-- Order, equality and indexes are those of the canonical form.
CREATE TABLE item (purl purl PRIMARY KEY);
INSERT INTO item SELECT purl('npm', NULL, 'package-' || n, n || '.0.0') FROM generate_series(1, 1000) AS n;
INSERT INTO item VALUES ('pkg:NPM/package-7@7.0.0');
CREATE INDEX ON item USING hash (purl);
SET enable_seqscan = off;
SELECT purl FROM item WHERE purl = 'pkg:NPM/package-7@7.0.0?x=';
SELECT count(*) FROM item WHERE purl < 'pkg:npm/package-5' OR purl >= 'pkg:npm/package-5';
SELECT count(*) FROM item AS a JOIN item AS b USING (purl);
SELECT purl_send('pkg:npm/a');
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = opcmethod WHERE opcname = 'purl_ops' ORDER BY amname;
