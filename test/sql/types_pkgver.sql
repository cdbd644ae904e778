-- Versions of packages. Their order is held against each scheme's own tool in test/t/10_types_order.pl.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Text goes in with its scheme and comes out as it went in; ecosystems stand for their scheme.
SELECT v FROM unnest('{deb/1:2.3-4,rpm/2:1.0-5.el7,semver/v1.2.3-rc.1+b,pep440/1!2rc1.dev3+loc.1,generic/12.2(33)SXI4,maven/1.0-SNAPSHOT,nuget/1.2.3.4-Beta+b}'::pkgver[]) AS v;
SELECT pkgver('npm', '1.2.3'), pkgver('golang', 'v1.2.3'), 'cargo/1.2.3'::pkgver, pkgver('pypi', '1.0'), pkgver('deb', '1:2.3-4');
SELECT pkgver_send('deb/1.2');

-- Parts: NULL where a scheme has no such part.
\pset null -
SELECT v, pkgver_scheme(v) AS scheme, pkgver_version(v) AS version, pkgver_epoch(v) AS epoch, pkgver_major(v) AS major,
    pkgver_minor(v) AS minor, pkgver_patch(v) AS patch
FROM unnest('{deb/1:2.3-4,deb/2.3,rpm/2:1.0-5.el7,semver/v1.2.3-rc.1+b,pep440/1!2rc1.dev3+loc.1,generic/1.2,maven/1.2-rc-1,maven/alpha,nuget/1.2}'::pkgver[]) AS v;
SELECT v, pkgver_upstream(v) AS upstream, pkgver_revision(v) AS revision, pkgver_prerelease(v) AS prerelease, pkgver_build(v) AS build
FROM unnest('{deb/1:2.3-4-5,deb/2.3,rpm/2:1.0-5.el7,semver/v1.2.3-rc.1+b,pep440/1!2rc1.dev3+loc.1,pep440/2.dev3,generic/1.2,maven/1.2-rc-1,maven/1.0.Beta2,maven/1.2-jre,maven/1.0-1-rc,nuget/1.2.3.4-Beta.1+b}'::pkgver[]) AS v;
SELECT pkgver_major(pkgver('semver', repeat('9', 50) || '.0.0'));

-- The specifications' own examples of order.
CREATE FUNCTION ascends(scheme text, versions text[]) RETURNS boolean LANGUAGE sql
RETURN (SELECT bool_and(pkgver(scheme, versions[i]) < pkgver(scheme, versions[i + 1])) FROM generate_series(1, array_length(versions, 1) - 1) AS i);
-- Semantic Versioning 2.0.0, section 11.
SELECT ascends('semver', '{1.0.0-alpha,1.0.0-alpha.1,1.0.0-alpha.beta,1.0.0-beta,1.0.0-beta.2,1.0.0-beta.11,1.0.0-rc.1,1.0.0}');
SELECT ascends('semver', '{1.0.0,2.0.0,2.1.0,2.1.1}');
-- Go pseudo-versions.
SELECT ascends('go', '{v0.0.0-20191109021931-daa7c04131f5,v0.0.0-20200101000000-abcdefabcdef,v1.2.3-pre.0.20191109021931-daa7c04131f5,v1.2.3}');
-- deb-version(7).
SELECT ascends('deb', '{~~,~~a,~,0,a}'), ascends('deb', '{1.0~beta1~svn1245,1.0~beta1,1.0,1.0+b1,1.0.1,1:0.1}');
-- rpm-version(7).
SELECT ascends('rpm', '{1.0~rc1,1.0,1.0^git1,1.0.1,10.0001,10.39,10.039.1}'), ascends('rpm', '{fc4,5,1:1}');
-- PEP 440, "Summary of permitted suffixes and relative ordering".
SELECT ascends('pep440', '{1.dev0,1.0.dev456,1.0a1,1.0a2.dev456,1.0a12.dev456,1.0a12,1.0b1.dev456,1.0b2,1.0b2.post345.dev456,1.0b2.post345,1.0rc1.dev456,1.0rc1,1.0,1.0+abc.5,1.0+abc.7,1.0+5,1.0.post456.dev34,1.0.post456,1.0.15,1.1.dev1}');
SELECT ascends('generic', '{1.0,1.0a,1.0.1,1.9,1.10,1.10-2,2}');

-- Maven's version order specification.
SELECT ascends('maven', '{1-alpha-1,1-beta,1-milestone,1-rc,1-snapshot,1,1-sp,1-whatever,1-1,1.0.1,1.1}');
SELECT ascends('maven', '{1-foo2,1-foo10}'), ascends('maven', '{1.foo,1-1,1.1}'), ascends('maven', '{1-alpha,1-alpha1,1-alpha.1}');
-- Of its cycles (x < 0-alpha < 0 < x), one side gives way: what makes a pre-release comes before the release, and so before what comes after it.
SELECT ascends('maven', '{0-alpha,0,x}'), ascends('maven', '{1-alpha,1,1.x.2}'), ascends('maven', '{1-alpha,1.0.alpha.1,1,1-x,1-1,1.0.1}');
-- NuGet: one to four numbers, pre-releases in any case.
SELECT ascends('nuget', '{1.0.0-alpha,1.0.0-alpha.1,1.0.0-ALPHA.beta,1.0.0-beta,1.0.0-Beta.2,1.0.0-beta.11,1.0.0-rc.1,1,1.0.0.1,1.0.1,1.1}');

-- = is precedence; === is the same text.
SELECT a, b, a = b AS equal, a === b AS same, pkgver_hash(a) = pkgver_hash(b) AS hash FROM (VALUES
    ('semver/1.0.0+a'::pkgver, 'semver/1.0.0+b'::pkgver), ('semver/1.0.0', 'semver/v1.0.0'), ('deb/1.0', 'deb/0:1.0-0'),
    ('rpm/1.0', 'rpm/1_00'), ('pep440/1.0.0', 'pep440/1'), ('pep440/1.0-1', 'pep440/1.0.post1'), ('generic/1.0', 'generic/1-0'),
    ('maven/1-ga', 'maven/1.0.0'), ('maven/1.0RC2', 'maven/1-cr-2'), ('maven/1-a1', 'maven/1-ALPHA-01'), ('maven/1.0.x', 'maven/1-x'),
    ('maven/1-a', 'maven/1-alpha'), ('nuget/1.0', 'nuget/1.0.0.0+a'), ('nuget/1.01-RC', 'nuget/1.1-rc'), ('deb/1.0', 'deb/1.0'), ('deb/1.0', 'rpm/1.0')) AS v (a, b);
-- Versions of different schemes compare, by scheme, so that an index can hold both.
SELECT v FROM unnest('{nuget/1,maven/1,generic/1,pep440/1,rpm/1,deb/1,semver/1.0.0}'::pkgver[]) AS v ORDER BY v;
SELECT min(v), max(v) FROM unnest('{semver/1.10.0,semver/1.9.0,semver/1.2.0}'::pkgver[]) AS v;

-- An index over precedence, and one over artifacts.
CREATE TABLE artifact (version pkgver);
INSERT INTO artifact SELECT pkgver('semver', format('%s.%s.%s', n % 7, n % 11, n % 13)) FROM generate_series(1, 1000) AS n;
INSERT INTO artifact VALUES ('semver/1.0.0+a'), ('semver/1.0.0+b'), ('deb/1.0');
CREATE INDEX artifact_order ON artifact (version);
CREATE INDEX artifact_hash ON artifact USING hash (version);
SET enable_seqscan = off;
SELECT count(*) FROM artifact WHERE version > 'semver/3.0.0' AND version < 'semver/3.0.5';
SELECT count(*) FROM artifact WHERE version = 'semver/1.0.0';
RESET enable_seqscan;
SELECT count(*) FROM artifact WHERE version > 'semver/3.0.0' AND version < 'semver/3.0.5';
SELECT count(*) FROM artifact WHERE version = 'semver/1.0.0';
CREATE TABLE release_file (version pkgver);
CREATE UNIQUE INDEX release_file_key ON release_file (version pkgver_text_ops);
INSERT INTO release_file VALUES ('semver/1.0.0+a'), ('semver/1.0.0+b');
INSERT INTO release_file VALUES ('semver/1.0.0+a');
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = opcmethod WHERE opcname LIKE 'pkgver%' ORDER BY 1, 2;

-- A type modifier restricts a column to a scheme, whatever way a value comes.
CREATE TABLE debian_package (name text PRIMARY KEY, version pkgver('deb'));
\d debian_package
INSERT INTO debian_package VALUES ('curl', 'deb/7.88.1-10'), ('bash', pkgver('deb', '5.2.15-2'));
INSERT INTO debian_package VALUES ('left-pad', 'npm/1.3.0');
COPY debian_package FROM STDIN;
left-pad	npm/1.3.0
\.
INSERT INTO debian_package VALUES ('zsh', 'deb/5.9>');
CREATE TABLE wrong (version pkgver('debian'));
CREATE TABLE wrong (version pkgver('deb', 'rpm'));
CREATE TABLE wrong (version pkgver(1));

-- What is no version is refused, with the place and what was expected.
SELECT pkgver('debian', '1.0');
SELECT '1.0'::pkgver;
SELECT 'debian/1.0'::pkgver;
SELECT ''::pkgver;
SELECT 'deb/'::pkgver;
SELECT 'deb/1.0 '::pkgver;
SELECT 'deb/a:1'::pkgver;
SELECT 'deb/1:'::pkgver;
SELECT 'deb/1-'::pkgver;
SELECT 'deb/1-2:3'::pkgver;
SELECT 'semver/1.2'::pkgver;
SELECT 'semver/1.2.3.4'::pkgver;
SELECT 'semver/01.2.3'::pkgver;
SELECT 'semver/1.2.3-01'::pkgver;
SELECT 'semver/1.2.3-a..b'::pkgver;
SELECT 'semver/1.2.3-é'::pkgver;
SELECT 'rpm/1-2-3'::pkgver;
SELECT 'rpm/1:'::pkgver;
SELECT 'rpm/a/b'::pkgver;
SELECT 'pep440/french toast'::pkgver;
SELECT 'pep440/1.0foo'::pkgver;
SELECT 'pep440/1.0+'::pkgver;
SELECT 'maven/'::pkgver;
SELECT 'maven/1.0 '::pkgver;
SELECT 'maven/1.0/2'::pkgver;
SELECT 'maven/[1.0]'::pkgver;
SELECT 'maven/1.é'::pkgver;
SELECT 'nuget/1.2.3.4.5'::pkgver;
SELECT 'nuget/1.'::pkgver;
SELECT 'nuget/v1'::pkgver;
SELECT 'nuget/1.0-01'::pkgver;
SELECT 'nuget/1.0-'::pkgver;
SELECT 'generic/...'::pkgver;
SELECT 'generic/1 2'::pkgver;
SELECT left(v::text, 20) FROM pkgver('generic', repeat('é', 500)) AS v;
SELECT pkgver('deb', repeat('1', 1001));
SELECT pkgver('semver', '1.0.0-' || repeat('a.', 10000) || 'a');
SELECT pkgver('generic', repeat('é', 501));
-- The longest versions fit an index.
CREATE TABLE longest (version pkgver PRIMARY KEY);
INSERT INTO longest SELECT pkgver(scheme, rpad(start, length, filling)) FROM (VALUES ('deb', '1', 'a+', 1000), ('deb', '1', '9', 1000), ('rpm', '1', 'a1', 650),
    ('semver', '1.0.0-', 'zZ', 1000), ('semver', '1.0.0-', '9', 1000), ('pep440', '10', '.9', 1000), ('generic', '1', 'a.b1', 650), ('maven', '1', 'x1', 650), ('nuget', '1-', 'zZ.1', 1000)) AS v (scheme, start, filling, length);
SELECT count(*) FROM longest;
