-- Properties of the order of versions, on generated ones of every scheme.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Texts put together at random from pieces that matter; those that the scheme refuses are left out.
SELECT setseed(0.25);
CREATE TABLE pieces (scheme text, start text, pieces text[]);
INSERT INTO pieces VALUES
    ('semver', '1.0.0-', '{0,1,9,10,95,96,256,99999999999999999999,a,B,z,alpha,rc,-,.,.,.,+}'),
    ('semver', '', '{0,1,2,10,159,160,65536,99999999999999999999,.,.,.,.,-a,+b,v}'),
    ('deb', '', '{0,1,9,10,00,160,256,99999999999999999999,a,B,z,~,~,+,.,-,1:,0:}'),
    ('deb', '', '{0,1,00,01,.,-0,0:}'),
    ('rpm', '', '{0,1,9,10,00,160,256,99999999999999999999,a,B,z,~,^,_,.,-,1:,0:}'),
    ('pep440', '1', '{0,1,9,10,00,256,99999999999999999999,a,b,rc,.dev,.post,-,.,.,+,1!,v}'),
    ('maven', '1', '{0,1,9,10,00,256,99999999999999999999,a,B,alpha,rc,sp,final,ga,x,snapshot,-,.,.,+,_}'),
    ('maven', '', '{0,1,00,01,.,-,a,final,x}'),
    ('nuget', '1.0', '{0,1,9,10,00,256,2147483647,a,B,Rc,-,.,.,.,+}'),
    ('generic', '', '{0,1,9,10,00,160,256,99999999999999999999,a,B,z,é,-,.,_,"(",")"}');
CREATE FUNCTION compose(pieces text[], n integer) RETURNS text LANGUAGE sql VOLATILE
RETURN (SELECT string_agg(pieces[1 + floor(random() * cardinality(pieces))::integer], '') FROM generate_series(1, 1 + n % 7));
CREATE TABLE sample AS SELECT scheme, v FROM (
    SELECT scheme, v, row_number() OVER (PARTITION BY scheme ORDER BY n) AS nth FROM (
        SELECT DISTINCT ON (v::text) scheme, v, n FROM pieces, generate_series(1, 20000) AS n, try_pkgver(scheme, start || compose(pieces, n)) AS v
        WHERE v IS NOT NULL) AS made) AS numbered WHERE nth <= 300;
SELECT scheme, count(*) FROM sample GROUP BY 1 ORDER BY 1;

-- Any two: one order both ways, on which all operators agree; equal ones hash alike.
CREATE TABLE pair AS SELECT a.scheme, a.v AS a, b.v AS b, sign(pkgver_cmp(a.v, b.v))::integer AS o FROM sample AS a JOIN sample AS b USING (scheme);
SELECT scheme, bool_and(sign(pkgver_cmp(b, a)) = -o) AS antisymmetric, bool_and((a < b) = (o < 0) AND (a <= b) = (o <= 0) AND (a = b) = (o = 0)
    AND (a <> b) = (o <> 0) AND (a >= b) = (o >= 0) AND (a > b) = (o > 0)) AS operators,
    bool_and(o <> 0 OR pkgver_hash(a) = pkgver_hash(b) AND pkgver_hash_extended(a, 5) = pkgver_hash_extended(b, 5)) AS hash,
    count(*) FILTER (WHERE o = 0 AND a::text < b::text) > 0 AS equals_found
FROM pair GROUP BY 1 ORDER BY 1;
-- By precedence and text, only the same text is equal.
SELECT scheme, bool_and(sign(pkgver_text_cmp(b, a)) = -sign(pkgver_text_cmp(a, b))) AS antisymmetric,
    bool_and((pkgver_text_cmp(a, b) = 0) = (a::text = b::text) AND (a === b) = (a::text = b::text)) AS same_text,
    bool_and(o = 0 OR sign(pkgver_text_cmp(a, b)) = o) AS by_precedence_first,
    bool_and(pkgver_text_cmp(a, b) <> 0 OR pkgver_text_hash(a) = pkgver_text_hash(b) AND pkgver_text_hash_extended(a, 5) = pkgver_text_hash_extended(b, 5)) AS hash
FROM pair GROUP BY 1 ORDER BY 1;
-- Any three of a scheme, and of all schemes together: the order is transitive.
CREATE TABLE few AS SELECT scheme, v, row_number() OVER () AS n FROM (SELECT scheme, v, row_number() OVER (PARTITION BY scheme ORDER BY pkgver_hash(v), v::text) AS nth FROM sample) AS s WHERE nth <= 40;
CREATE TABLE precedes AS SELECT x.n AS a, y.n AS b, pkgver_cmp(x.v, y.v) <= 0 AS holds FROM few AS x, few AS y;
SELECT count(*) > 1000000 AS triples, count(*) FILTER (WHERE ab.holds AND bc.holds AND NOT ac.holds) AS intransitive
FROM precedes AS ab JOIN precedes AS bc ON bc.a = ab.b JOIN precedes AS ac ON ac.a = ab.a AND ac.b = bc.b;
-- All pairs of a scheme together: two versions stand as their places in the one sorted list do, which no cycle allows.
SELECT p.scheme, bool_and(sign(x.place - y.place)::integer = p.o) AS one_list
FROM pair AS p JOIN (SELECT v::text AS t, dense_rank() OVER (PARTITION BY scheme ORDER BY v) AS place FROM sample) AS x ON x.t = p.a::text
    JOIN (SELECT v::text AS t, dense_rank() OVER (PARTITION BY scheme ORDER BY v) AS place FROM sample) AS y ON y.t = p.b::text
GROUP BY 1 ORDER BY 1;

-- Sorting, which compares abbreviated keys first, agrees with the whole keys; so does sorting what differs only behind them.
CREATE TABLE much AS SELECT v, release_mgmt_internal.pkgver_key(v) AS key FROM sample
    UNION ALL SELECT v, release_mgmt_internal.pkgver_key(v) FROM generate_series(1, 3000) AS n, pkgver('deb', '1234567890.1234567890.' || n % 1000) AS v;
SELECT count(*) > 4000 AS many, count(*) FILTER (WHERE previous > key) AS out_of_order FROM (
    SELECT key, lag(key) OVER (ORDER BY place) AS previous FROM (SELECT key, row_number() OVER (ORDER BY v) AS place FROM much) AS s) AS o;
SELECT bool_and(v = by_key) AS same FROM (SELECT v, row_number() OVER (ORDER BY v) AS place FROM much) AS a
    JOIN (SELECT v AS by_key, row_number() OVER (ORDER BY key) AS place FROM much) AS b USING (place);

-- Text reads back as the same value, key and all; so do points around it.
SELECT scheme, bool_and(v::text::pkgver === v AND release_mgmt_internal.pkgver_key(v::text::pkgver) = release_mgmt_internal.pkgver_key(v)) AS text,
    bool_and((v::text || '<')::pkgver < v AND v < (v::text || '>')::pkgver) AS points
FROM sample GROUP BY 1 ORDER BY 1;
