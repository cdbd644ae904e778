-- Whatever is accepted fits an index: random, incompressible versions of every scheme, as long as they can be.
SET client_min_messages = error;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
CREATE FUNCTION noise(characters text, length integer, OUT noise text) LANGUAGE plpgsql AS $$
BEGIN
    noise := (SELECT string_agg(substr(characters, 1 + floor(random() * length(characters))::integer, 1), '') FROM generate_series(1, noise.length));
END $$;
SELECT setseed(0.5);
CREATE TABLE hostile AS
SELECT h.scheme, h.start || noise(h.characters, 400 + 40 * s) AS version
FROM (VALUES ('semver', '1.0.0-a', '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-'), ('semver', '1.0.0-a', 'ab12.-'),
             ('deb', '1', '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+~'), ('deb', '1', '0123456789'), ('deb', '1', 'a1b2c3.~+'),
             ('rpm', '1', '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'), ('rpm', '1', 'a1b2c3d4'), ('rpm', '1', 'a1B2~^'),
             ('pep440', '1', '0123456789'), ('pep440', '1+a', 'abc123'), ('generic', '1', 'a1b2c3d4é'), ('generic', '1', '0123456789abcdefXYZ.-'),
             ('maven', '1', '0123456789abcdefghijklmnopqrstuvwxyz.-'), ('maven', '1', 'a1b2c3'), ('maven', '1', 'x1-2.'),
             ('nuget', '1.0.0-a', '0123456789abcdefghijklmnopqrstuvwxyz-'), ('nuget', '1.0.0-a', 'ab12-')) AS h (scheme, start, characters)
CROSS JOIN generate_series(1, 15) AS s
UNION ALL
-- A letter and a digit in turn: each begins another part of the version, with a mark of its own in the key.
SELECT h.scheme, '1' || (SELECT string_agg(chr(97 + floor(random() * 26)::integer) || floor(random() * 10), '') FROM generate_series(1, 180 + 21 * s))
FROM unnest('{rpm,maven,generic}'::text[]) AS h (scheme)
CROSS JOIN generate_series(1, 15) AS s;
CREATE TABLE longest (version pkgver NOT NULL, range pkgver_range NOT NULL);
CREATE INDEX ON longest (version);
CREATE INDEX ON longest (version pkgver_text_ops);
CREATE INDEX ON longest USING hash (version);
CREATE INDEX ON longest USING gist (range);
INSERT INTO longest
WITH accepted AS (SELECT try_pkgver(h.scheme, h.version) AS v FROM hostile AS h)
SELECT a.v, pkgver_range(a.v, b.v, '[]')
FROM accepted AS a
CROSS JOIN LATERAL (SELECT max(o.v) AS v FROM accepted AS o WHERE pkgver_scheme(o.v) = pkgver_scheme(a.v) AND o.v >= a.v) AS b
WHERE a.v IS NOT NULL;
-- Some of each scheme are nearly as long as may be.
SELECT pkgver_scheme(version) AS scheme, max(octet_length(pkgver_version(version))) > 950
       OR max(octet_length(pkgver_version(version)) + octet_length(release_mgmt_internal.pkgver_key(version))) > 1900 AS long
FROM longest GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM longest WHERE octet_length(pkgver_version(version)) + octet_length(release_mgmt_internal.pkgver_key(version)) > 2010;
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM longest) AS all_found FROM longest AS l WHERE EXISTS (SELECT FROM longest AS o WHERE o.range @> l.version);
-- What is longer is refused, and says why.
SELECT pkgver('rpm', repeat('a1', 500));
