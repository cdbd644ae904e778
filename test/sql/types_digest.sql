-- Digests, and Merkle trees over them.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;

-- Keys are UUID version 7, and ascend within a session.
SELECT count(*), count(DISTINCT id), bool_and(id::text ~ '^.{14}7.{4}[89ab]'), bool_and(id > previous) FROM (
    SELECT id, lag(id) OVER (ORDER BY n) AS previous FROM (SELECT n, new_id() AS id FROM generate_series(1, 10000) AS n) AS i) AS o;
-- Their first 48 bits are milliseconds since 1970.
SELECT abs(('x' || translate(left(new_id()::text, 13), '-', ''))::bit(48)::bigint / 1000.0 - extract(epoch FROM clock_timestamp())) < 10;

-- Computation; FIPS 180-4's own examples.
SELECT compute_digest('abc');
SELECT compute_digest('abc', 'sha384');
SELECT compute_digest('abc', 'sha512');
SELECT compute_digest('') = compute_digest('', 'sha256'), compute_digest(NULL) IS NULL;
SELECT digest_bytes(compute_digest(convert_to(n::text, 'UTF8'))) = sha256(convert_to(n::text, 'UTF8')) AS as_the_server, count(*)
FROM generate_series(1, 1000) AS n GROUP BY 1;
SELECT digest_bytes(compute_digest(convert_to(repeat('x', 3000000), 'UTF8'), 'sha512')) = sha512(convert_to(repeat('x', 3000000), 'UTF8'));
SELECT compute_digest('abc', 'md5');

-- Content stored out of line is read in chunks.
CREATE TABLE large (content bytea);
ALTER TABLE large ALTER content SET STORAGE EXTERNAL;
INSERT INTO large SELECT substr(b, 1, size) FROM (SELECT string_agg(sha256(int4send(n)), '' ORDER BY n) AS b FROM generate_series(1, 60000) AS n) AS s,
    unnest('{100,510975,510976,510977,1021952,1500000}'::integer[]) AS size;
SELECT length(content), digest_bytes(compute_digest(content)) = sha256(content || '') AS same FROM large ORDER BY 1;

-- Large objects and files of the server, for those who may read them.
SELECT lo_from_bytea(4711, content), lo_from_bytea(4712, '') FROM large WHERE length(content) = 1500000;
SELECT compute_digest_of_large_object(4711) = compute_digest(content) AS same FROM large WHERE length(content) = 1500000;
SELECT compute_digest_of_large_object(4712, 'sha512') = compute_digest('', 'sha512') AS same;
SELECT compute_digest_of_large_object(4713);
SELECT compute_digest_of_file('PG_VERSION') = compute_digest(pg_read_binary_file('PG_VERSION')) AS same;
SELECT compute_digest_of_file('no_such_file');
SELECT compute_digest_of_file('base');
CREATE ROLE regress_types_reader;
GRANT USAGE ON SCHEMA release_mgmt TO regress_types_reader;
GRANT EXECUTE ON FUNCTION compute_digest_of_file(text, text), compute_digest_of_large_object(oid, text) TO regress_types_reader;
SET ROLE regress_types_reader;
SELECT compute_digest_of_file('PG_VERSION');
SELECT compute_digest_of_large_object(4711);
RESET ROLE;

-- Every form of one digest reads back as the same.
SELECT algorithm, digest_algorithm(d), d = d::text::digest AND d = digest_from_hex(digest_hex(d)) AND d = digest_from_hex(upper(digest_hex(d)))
    AND d = digest_from_sri(digest_sri(d)) AND d = digest_from_bytes(digest_bytes(d)) AS same
FROM unnest('{sha256,sha384,sha512}'::text[]) AS algorithm, compute_digest('abc', algorithm) AS d;
SELECT digest_sri(compute_digest('abc'));
SELECT digest_send(compute_digest('abc'));

-- What is no digest is refused, with the place and what was expected.
SELECT 'sha256:ba78'::digest;
SELECT 'md5:900150983cd24fb0d6963f7d28e17f72'::digest;
SELECT ('sha256:' || repeat('A', 64))::digest;
SELECT ('sha256:' || repeat('a', 65))::digest;
SELECT ''::digest;
SELECT repeat('é', 100000)::digest;
SELECT digest_from_hex('abc');
SELECT digest_from_hex(repeat('g', 64));
SELECT digest_from_sri('sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=');
SELECT digest_from_sri('sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0');
SELECT digest_from_sri('sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAF*0=');
SELECT digest_from_bytes('\x00');

-- Order is by algorithm, then bytes; indexes of both kinds find what they hold.
SELECT d FROM unnest(ARRAY[digest_from_hex(repeat('0', 128)), digest_from_hex(repeat('f', 64)), digest_from_hex(repeat('0', 64))]) AS d ORDER BY d;
CREATE TABLE content (digest digest PRIMARY KEY);
INSERT INTO content SELECT compute_digest(int4send(n)) FROM generate_series(1, 1000) AS n;
CREATE INDEX ON content USING hash (digest);
SET enable_seqscan = off;
SELECT count(*) FROM content WHERE digest = compute_digest(int4send(77));
SELECT count(*) FROM content AS a JOIN content AS b USING (digest);
SELECT count(*) FROM content WHERE digest < compute_digest(int4send(77)) OR digest >= compute_digest(int4send(77));
INSERT INTO content VALUES (compute_digest(int4send(77)));
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = opcmethod WHERE opcname = 'digest_ops' ORDER BY amname;

-- Merkle trees: RFC 6962, against a recursive definition in SQL, for every size up to 20.
CREATE FUNCTION tree(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    n integer := coalesce(array_length(leaves, 1), 0);
    k integer := 1;
BEGIN
    IF n = 0 THEN RETURN sha256(''); END IF;
    IF n = 1 THEN RETURN sha256('\x00' || leaves[1]); END IF;
    WHILE k * 2 < n LOOP k := k * 2; END LOOP;
    RETURN sha256('\x01' || tree(leaves[:k]) || tree(leaves[k + 1:]));
END $$;
SELECT count(*) FROM generate_series(0, 20) AS size
WHERE digest_bytes((SELECT merkle_root(compute_digest(int4send(n)) ORDER BY n) FROM generate_series(1, size) AS n))
    = tree((SELECT array_agg(sha256(int4send(n)) ORDER BY n) FROM generate_series(1, size) AS n));
-- Order matters, and nothing is left out in silence.
SELECT merkle_root(digest ORDER BY digest) <> merkle_root(digest ORDER BY digest DESC) AS order_matters FROM content;
SELECT merkle_root(d) FROM (VALUES (compute_digest('a')), (NULL)) AS v (d);
SELECT merkle_root(compute_digest('a')) OVER (ORDER BY n) FROM generate_series(1, 3) AS n;
