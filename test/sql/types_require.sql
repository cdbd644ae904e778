-- Requirements on versions. What satisfies them is held against each ecosystem's own tool in test/t/13_types_require.pl.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Text goes in with its syntax and comes out as it went in; its versions are intervals.
SELECT r, pkgreq_versions(r) FROM unnest(ARRAY['npm/^1.2.3', 'npm/^0.2', 'npm/~1.2 || >=3', 'npm/1.2 - 2.3', 'npm/', 'npm/<1.x', 'npm/>=1 <1',
    'deb/>= 1.2, << 2', 'deb/(= 1:2.3-4)', 'rpm/= 1.0', 'rpm/> 1.0', 'rpm/>= 1.0-1', 'pep440/~=1.4.2, !=1.4.5', 'pypi/==1.*', 'pep440/<=1.0', 'pep440/==1.0+local',
    'generic/>= 1, < 2', 'maven/[1.0,2.0),[3.0,)', 'maven/(,1.0],[1.2]', 'maven/1.0', 'nuget/1.0', 'nuget/(1.0,2.0]', 'nuget/[1.0]', 'nuget/*', 'nuget/1.2.*',
    'nuget/1.*-*', 'nuget/1.0.0-beta*', 'nuget/[1.*,2.0)', 'cargo/1.2', 'cargo/0.2', 'cargo/=1', 'cargo/~1.2.3', 'cargo/>1.2, <=1.5', 'cargo/1.*', 'cargo/*']::pkgreq[]) AS r;
SELECT pkgreq('npm', '^1.2.3'), pkgreq_scheme('npm/^1'), pkgreq_requirement('deb/>= 1.2'), pkgreq_send('npm/1');

-- npm lets a pre-release in only where the range names one of the same triple.
SELECT v, v @@ 'npm/>=1.2.3-beta.2 <2' AS satisfies FROM unnest('{semver/1.2.3-beta.1,semver/1.2.3-beta.2,semver/1.2.3,semver/1.2.4-beta.9,semver/1.9.9,semver/2.0.0-rc.1,deb/1.2.3}'::pkgver[]) AS v;
-- Python leaves the kin of a version out of < and >, and pre-releases wherever none is named.
SELECT v, v @@ 'pep440/>1.7' AS above, v @@ 'pep440/<1.7' AS below, v @@ 'pep440/>=1.7rc1' AS since, v @@ 'pep440/==1.7' AS is, v @@ 'pep440/==1.7.*' AS like
FROM unnest('{pep440/1.6,pep440/1.7a1,pep440/1.7rc1,pep440/1.7,pep440/1.7+local,pep440/1.7.post1,pep440/1.7.1,pep440/1.8rc1}'::pkgver[]) AS v;
-- Only what is a pre-release, a post-release or a local version of the very version that is named is its kin.
SELECT r, string_agg(split_part(v::text, '/', 2), ' ' ORDER BY v) AS satisfies
FROM unnest('{>1.0.dev1,>1.0a1,>1.0,>1.0.post1,<1.0,<1.0.post1,<1.0a1.post1}'::text[]) WITH ORDINALITY AS q (r, n)
LEFT JOIN unnest('{pep440/1.0.dev1,pep440/1.0.dev1+l,pep440/1.0a1.dev1,pep440/1.0a1,pep440/1.0a1+l,pep440/1.0a1.post1,pep440/1.0a2+l,pep440/1.0,pep440/1.0+l,pep440/1.0.post1.dev1,pep440/1.0.post1,pep440/1.0.post1+l,pep440/1.0.post2}'::pkgver[]) AS v
    ON v @@ pkgreq('pep440', r || ',>=0.dev0')
GROUP BY r, n ORDER BY n;
-- RPM takes a version without release for all its releases, on either side.
SELECT v, v @@ 'rpm/= 1.0' AS any_release, v @@ 'rpm/> 1.0' AS above, v @@ 'rpm/>= 1.0-2' AS since, v @@ 'rpm/< 1.0-2' AS below
FROM unnest('{rpm/1.0,rpm/1.0-1,rpm/1.0-2,rpm/1.0-3,rpm/1.1}'::pkgver[]) AS v;
-- Maven: a version outside of brackets is a recommendation; qualifiers count.
SELECT v, v @@ 'maven/[1.0,2.0)' AS before_two, v @@ 'maven/[1.0]' AS is, v @@ 'maven/(,1.0),(1.0,)' AS is_not, v @@ 'maven/1.0' AS recommended
FROM unnest('{maven/1.0-rc1,maven/1,maven/1.0.ga,maven/1.0-sp,maven/2.0-SNAPSHOT,maven/2.0}'::pkgver[]) AS v;
-- NuGet: a range takes pre-releases in; a floating version takes releases, unless a star stands for pre-releases, too.
SELECT v, v @@ 'nuget/1.0' AS since, v @@ 'nuget/[1.0,2.0)' AS before_two, v @@ 'nuget/1.*' AS float, v @@ 'nuget/1.*-*' AS float_any, v @@ 'nuget/1.0.0-BETA*' AS float_beta
FROM unnest('{nuget/1.0-alpha,nuget/1.0-beta,nuget/1.0-Beta.2,nuget/1.0.0.0,nuget/1.1-beta,nuget/1.9,nuget/2.0-rc,nuget/2}'::pkgver[]) AS v;
-- Cargo: no sign is ^; a pre-release must be named, and never stands for a version that lacks numbers, but with ^.
SELECT v, v @@ 'cargo/1.2' AS caret, v @@ 'npm/1.2' AS npm, v @@ 'cargo/>=1.2.3-a' AS since, v @@ 'cargo/1.2, >=1.2.3-a' AS both, v @@ 'cargo/1.2.*, >=1.2.3-a' AS wild
FROM unnest('{semver/1.2.0,semver/1.2.3-a,semver/1.2.3-b,semver/1.2.4-b,semver/1.2.5,semver/1.3.0,semver/2.0.0}'::pkgver[]) AS v;
SELECT satisfies('deb/1.3', 'deb/>= 1.2, << 2'), is_satisfied_by('deb/>= 1.2, << 2', 'deb/2~rc1');

-- What is no requirement is refused.
SELECT '^1.2.3'::pkgreq;
SELECT 'gem/1.2'::pkgreq;
SELECT pkgreq('gem', '1.2');
SELECT 'npm/^1.2.b'::pkgreq;
SELECT 'npm/1.x.2'::pkgreq;
SELECT 'npm/>==1.2.3'::pkgreq;
SELECT 'npm/1.2.3 - 2.0.0 - 3.0.0'::pkgreq;
SELECT 'npm/1.02.3'::pkgreq;
SELECT 'npm/~3.2.x+'::pkgreq;
SELECT 'npm/~3.2.x-01'::pkgreq;
SELECT 'npm/^1.2.3 || ^3.2.1+a..b'::pkgreq;
SELECT 'deb/1.2'::pkgreq;
SELECT 'deb/>= 1.2 << 2'::pkgreq;
SELECT 'deb/(>= 1.2'::pkgreq;
SELECT 'deb/>= '::pkgreq;
SELECT 'deb/>= 1.2>'::pkgreq;
SELECT 'rpm/>= 1-2-3'::pkgreq;
SELECT 'pep440/=1.0'::pkgreq;
SELECT 'pep440/===1.0'::pkgreq;
SELECT 'pep440/~=1'::pkgreq;
SELECT 'pep440/>=1.*'::pkgreq;
SELECT 'pep440/==1.0a1.*'::pkgreq;
SELECT 'pep440/>=1.0+local'::pkgreq;
SELECT 'maven/'::pkgreq;
SELECT 'maven/[1.0'::pkgreq;
SELECT 'maven/(1.0)'::pkgreq;
SELECT 'maven/[]'::pkgreq;
SELECT 'maven/[2.0,1.0]'::pkgreq;
SELECT 'maven/[1.0,1.0)'::pkgreq;
SELECT 'maven/[1.0,2.0],[1.5,3.0]'::pkgreq;
SELECT 'maven/[1.0,2.0],3.0'::pkgreq;
SELECT 'maven/[1.0,2.0,3.0]'::pkgreq;
SELECT 'maven/[1.0>]'::pkgreq;
SELECT 'maven/1.0,2.0'::pkgreq;
SELECT 'nuget/'::pkgreq;
SELECT 'nuget/[1.0'::pkgreq;
SELECT 'nuget/(1.0)'::pkgreq;
SELECT 'nuget/(,)'::pkgreq;
SELECT 'nuget/[2.0,1.0]'::pkgreq;
SELECT 'nuget/[1.0,1.0)'::pkgreq;
SELECT 'nuget/[1.0,2.*]'::pkgreq;
SELECT 'nuget/[1.0<]'::pkgreq;
SELECT 'nuget/1*'::pkgreq;
SELECT 'nuget/1.*.2'::pkgreq;
SELECT 'nuget/1.*-beta'::pkgreq;
SELECT 'nuget/1.2.3.4.*'::pkgreq;
SELECT 'nuget/1.0-b_*'::pkgreq;
SELECT 'cargo/'::pkgreq;
SELECT 'cargo/1.2 || 2'::pkgreq;
SELECT 'cargo/1.*.2'::pkgreq;
SELECT 'cargo/*, 1'::pkgreq;
SELECT 'cargo/1.2,'::pkgreq;
SELECT 'cargo/01'::pkgreq;
SELECT 'cargo/1.2-a'::pkgreq;
SELECT 'cargo/1.2.3-01'::pkgreq;
SELECT 'cargo/1.2.3-'::pkgreq;
SELECT 'cargo/!=1.2'::pkgreq;
SELECT pkgreq('npm', repeat('1||', 300));
SELECT pkgreq('npm', repeat('1', 1001));

-- Requirements that a version satisfies are found by an index on their intervals, and rechecked.
CREATE TABLE dependency (package text, requirement pkgreq);
INSERT INTO dependency SELECT 'package-' || n, pkgreq('npm', format('%s%s.%s.0', (ARRAY['^', '~', '>=', '<'])[n % 4 + 1], n % 20, n % 7)) FROM generate_series(1, 2000) AS n;
CREATE INDEX dependency_versions ON dependency USING gist (pkgreq_versions(requirement));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM dependency WHERE pkgver 'semver/7.3.5' <@ pkgreq_versions(requirement) AND pkgver 'semver/7.3.5' @@ requirement;
SELECT count(*) FROM dependency WHERE pkgver 'semver/7.3.5' <@ pkgreq_versions(requirement) AND pkgver 'semver/7.3.5' @@ requirement;
SELECT count(*) FROM dependency WHERE pkgver 'semver/7.3.5' @@ requirement;

-- Versions that satisfy a requirement are found by an index on versions, and rechecked.
CREATE TABLE available (version pkgver);
INSERT INTO available SELECT pkgver('npm', format('%s.%s.%s%s', a, b, c, CASE WHEN c = 3 THEN '-rc.1' END))
FROM generate_series(0, 20) AS a, generate_series(0, 9) AS b, generate_series(0, 9) AS c;
INSERT INTO available SELECT pkgver(s, v || q) FROM unnest('{maven,nuget}'::text[]) AS s, unnest('{0.9,1.0,1.1,1.2,2.0,2.1,3.0}'::text[]) AS v, unnest('{"",-alpha,-beta1}'::text[]) AS q;
INSERT INTO available SELECT pkgver('rpm', '1.0' || r) FROM unnest('{"",-1,-2,-3}'::text[]) AS r;
CREATE INDEX available_version ON available (version);
CREATE INDEX available_text ON available (version pkgver_text_ops);
ANALYZE available;
EXPLAIN (COSTS OFF) SELECT version FROM available WHERE version @@ 'npm/^7.8.5';
CREATE FUNCTION count_both_ways(requirement pkgreq, OUT by_index bigint, OUT by_scan bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    EXECUTE format('SELECT count(*) FROM available WHERE version @@ %L::pkgreq', requirement) INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true), set_config('enable_indexonlyscan', 'off', true);
    EXECUTE format('SELECT count(*) FROM available WHERE version @@ %L::pkgreq', requirement) INTO by_scan;
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true),
        set_config('enable_indexonlyscan', 'on', true);
END $$;
SELECT r, c.* FROM unnest(ARRAY['npm/^7.8.5', 'npm/~1.2 || ~3.4', 'npm/>=19.9.3-rc', 'npm/*', 'npm/<2 || >19', 'npm/>2 <1', 'npm/0.0.3-rc.1',
    'rpm/>= 1.0-2', 'rpm/< 1.0-2', 'rpm/= 1.0', 'maven/[1.0,2.0),[2.1,)', 'maven/1.0', 'maven/[1.1]', 'nuget/1.0', 'nuget/1.*', 'nuget/1.*-b*', 'nuget/(1.0,2.0)',
    'cargo/7.8', 'cargo/<=1.2', 'cargo/0.0.3-rc.1', 'cargo/>=19, <20.1']::pkgreq[]) AS r, count_both_ways(r) AS c;
-- The index on texts does not serve: a text may sort before the bound that its version equals.
DROP INDEX available_version;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT version FROM available WHERE version @@ 'npm/^7.8.5';

-- Requirements are equal where their text is; rows that hold them can be compared.
SELECT r, count(*) FROM unnest('{npm/^1.2.3,npm/^1.2.3,"npm/ ^1.2.3","deb/>= 1"}'::pkgreq[]) AS r GROUP BY r ORDER BY r;
SELECT pkgreq_hash('npm/^1') = pkgreq_hash('npm/^1') AS hash, row(pkgreq 'npm/^1') IS DISTINCT FROM row(pkgreq 'npm/^2') AS distinct;
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = opcmethod WHERE opcname = 'pkgreq_ops' ORDER BY amname;
