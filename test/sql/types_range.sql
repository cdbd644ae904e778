-- Ranges of versions.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- An open end reaches to the end of its scheme, not into another.
SELECT '(,deb/1.4)'::pkgver_range, '[deb/1,)'::pkgver_range, '(deb/1,deb/2]'::pkgver_range, '[deb/1,deb/1)'::pkgver_range, '(,)'::pkgver_range;
SELECT pkgver 'deb/1.3' <@ '(,deb/1.4)'::pkgver_range AS deb, pkgver 'semver/1.3.0' <@ '(,deb/1.4)'::pkgver_range AS semver,
    pkgver 'rpm/9' <@ '[deb/1.4,)'::pkgver_range AS rpm, pkgver 'rpm/9' <@ '(,)'::pkgver_range AS any;
SELECT r = r::text::pkgver_range AS reads_back FROM unnest('{"[deb/<,deb/1.4)","(deb/1,deb/>]","{semver/1.0.0,semver/2.0.0-0)"}'::text[]) AS t,
    CAST(replace(t, '{', '[') AS pkgver_range) AS r;

-- Constructors refuse two schemes and the wrong order.
SELECT pkgver_range('deb/1', 'deb/2'), pkgver_range('deb/1', 'deb/2', '[]'), pkgver_range(NULL, 'deb/2'), pkgver_range(NULL, NULL, '()');
SELECT pkgver_range('deb/1', 'semver/2.0.0');
SELECT pkgver_range('deb/1', 'semver/2.0.0', '[]');
SELECT pkgver_range('deb/2', 'deb/1');
SELECT '[deb/2,deb/1]'::pkgver_range;
SELECT '[deb/1,deb/]'::pkgver_range;
-- Input can not refuse two schemes, but a table can.
CREATE TABLE one_scheme (affected pkgver_range CONSTRAINT one_scheme CHECK (pkgver_scheme(lower(affected)) = pkgver_scheme(upper(affected))));
INSERT INTO one_scheme VALUES ('[deb/1,deb/2)'), ('(,rpm/1-1]'), ('empty');
INSERT INTO one_scheme VALUES ('[semver/2.0.0,deb/1)');

-- Points just before and just after a version, and the ends of a scheme.
SELECT scheme, bool_and(pkgver(scheme, v) > format('%s/%s<', scheme, v)::pkgver AND pkgver(scheme, v) < format('%s/%s>', scheme, v)::pkgver
    AND pkgver(scheme, v) > (scheme || '/<')::pkgver AND pkgver(scheme, v) < (scheme || '/>')::pkgver) AS around
FROM (VALUES ('deb', '1.0'), ('deb', '1.0-1~'), ('deb', '~'), ('rpm', '1.0'), ('rpm', '1.0-1'), ('rpm', '~-~'), ('semver', '1.0.0'),
    ('semver', '0.0.0-0'), ('semver', '1.0.0-zzz'), ('semver', '99999999999999999999999.0.0'), ('pep440', '0.dev0'), ('pep440', '1!1+a'), ('pep440', '1.post1'),
    ('generic', '0'), ('generic', 'zz')) AS versions (scheme, v) GROUP BY scheme ORDER BY scheme;
-- Nothing lies between a version and its point.
SELECT 'deb/1.0~' < 'deb/1.0<'::pkgver AS before, 'deb/1.0a' > 'deb/1.0>'::pkgver AS after,
    'semver/1.0.0-z' < 'semver/1.0.0<'::pkgver AS before, 'semver/1.0.1-0' > 'semver/1.0.0>'::pkgver AS after;
-- After a version that others extend come those others: local versions, releases.
SELECT 'pep440/1.0+z.9' < 'pep440/1.0>'::pkgver AS local, 'pep440/1.0.post1' > 'pep440/1.0>'::pkgver AS post,
    'rpm/1.0-99' < 'rpm/1.0>'::pkgver AS release, 'rpm/1.0^' > 'rpm/1.0>'::pkgver AS caret;

-- Multiranges may hold many schemes.
SELECT '{[deb/1,deb/2),(,semver/2.0.0),[deb/2,deb/3)}'::pkgver_multirange AS r,
    pkgver 'semver/1.9.0' <@ '{[deb/1,deb/2),(,semver/2.0.0)}'::pkgver_multirange AS inside;
SELECT range_agg(pkgver_range(pkgver('deb', n::text), pkgver('deb', (n + 1)::text))) FROM generate_series(1, 9) AS n WHERE n <> 5;
SELECT '[deb/1,deb/5)'::pkgver_range * '[deb/3,)'::pkgver_range AS common, '[deb/1,deb/5)'::pkgver_range && '(,semver/1.0.0]'::pkgver_range AS overlap;

-- An index over ranges of many schemes finds what a scan finds.
CREATE TABLE advisory (id integer, affected pkgver_range);
INSERT INTO advisory SELECT n, pkgver_range(pkgver(scheme, format('%s.%s.0', n % 50, n % 7)), pkgver(scheme, format('%s.%s.0', n % 50 + n % 3, n % 7)), '[]')
FROM generate_series(1, 3000) AS n, LATERAL (SELECT (ARRAY['deb', 'rpm', 'semver', 'pep440'])[n % 4 + 1]) AS s (scheme);
INSERT INTO advisory VALUES (0, '(,)'), (-1, 'empty'), (-2, '(,deb/3)'), (-3, '[semver/1.0.0,)');
CREATE INDEX advisory_affected ON advisory USING gist (affected);
CREATE TABLE probe AS SELECT pkgver(scheme, format('%s.%s.1', n, n % 7)) AS version FROM generate_series(0, 52) AS n, unnest('{deb,rpm,semver,pep440,generic}'::text[]) AS scheme;
SET enable_seqscan = off;
CREATE TEMPORARY TABLE by_index AS SELECT p.version, a.id FROM probe AS p JOIN advisory AS a ON p.version <@ a.affected;
SET enable_seqscan = on;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
CREATE TEMPORARY TABLE by_scan AS SELECT p.version, a.id FROM probe AS p JOIN advisory AS a ON p.version <@ a.affected;
SELECT count(*) > 1000 AS many, (SELECT count(*) FROM by_index) = count(*) AS same FROM by_scan;
SELECT * FROM by_index EXCEPT SELECT * FROM by_scan;

-- No two windows of one package overlap.
CREATE TABLE support (package text, versions pkgver_range, EXCLUDE USING gist (package WITH =, versions WITH &&));
INSERT INTO support VALUES ('curl', '[deb/7,deb/8)'), ('curl', '[deb/8,deb/9)'), ('bash', '[deb/7,)');
INSERT INTO support VALUES ('curl', '[deb/7.88,deb/7.89)');
