-- What the ledger captures: each change of a governed row, with the old values of what changed.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;

-- Before activation there is no ledger to capture into.
CREATE TABLE host (name text PRIMARY KEY, address inet, weight numeric, tags text[], note text);
SELECT release_mgmt.govern('host');
SELECT release_mgmt.activate('capture.example.org');
SELECT release_mgmt.activate('capture.example.org') AS again_does_no_harm;
SELECT release_mgmt.activate('another.example.org');
SELECT release_mgmt.govern('host') IS NOT NULL AS governed;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'host'::regclass ORDER BY tgname;

INSERT INTO host VALUES ('web:1', '10.0.0.1', 1.50, '{a,b}', 'first'), ('db\2', NULL, NULL, NULL, NULL);
UPDATE host SET weight = 1.5 WHERE name = 'web:1';
UPDATE host SET note = NULL, tags = '{}' WHERE name = 'web:1';
UPDATE host SET note = NULL WHERE name = 'web:1';
DELETE FROM host WHERE name = 'web:1';
-- A ':' or '\' within a key's value is escaped.
SELECT seq, operation, changed, old FROM release_mgmt.history_of('host', 'web\:1');
SELECT key, operation FROM release_mgmt.captured_change WHERE source = 'host'::regclass AND operation = 'insert' ORDER BY key;
SELECT * FROM release_mgmt.history_of('pg_class', '1');

-- Savepoints: what is rolled back is not captured, what is released is.
BEGIN;
INSERT INTO host (name) VALUES ('one');
SAVEPOINT a;
INSERT INTO host (name) VALUES ('two');
SAVEPOINT b;
UPDATE host SET note = 'gone' WHERE name = 'one';
ROLLBACK TO b;
INSERT INTO host (name) VALUES ('three');
RELEASE a;
SAVEPOINT c;
DELETE FROM host WHERE name = 'two';
ROLLBACK TO c;
UPDATE host SET name = 'four' WHERE name = 'three';
-- The open transaction sees its own changes.
SELECT seq, key, former_key, operation, old FROM release_mgmt_internal.changes_of_transaction(release_mgmt_internal.current_transaction());
COMMIT;
DO $$
BEGIN
    INSERT INTO host (name) VALUES ('five');
    BEGIN
        UPDATE host SET note = 'gone' WHERE name = 'five';
        PERFORM release_mgmt_internal.flush_changes();
        RAISE EXCEPTION 'rolled back';
    EXCEPTION WHEN raise_exception THEN
        INSERT INTO host (name) VALUES ('six');
    END;
END $$;
SELECT key, operation FROM release_mgmt.captured_change WHERE source = 'host'::regclass AND key ~ '^[fost]' ORDER BY transaction_id, seq;

-- A row changed by another trigger of the same statement: events arrive out of order, the tuples' command ids do not.
CREATE TABLE counter (id integer PRIMARY KEY, n integer);
SELECT release_mgmt.govern('counter') IS NOT NULL AS governed;
CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counter SET n = n + 1 WHERE id = new.id AND n < 3;
    RETURN NULL;
END $$;
CREATE TRIGGER a_bump AFTER INSERT OR UPDATE ON counter FOR EACH ROW EXECUTE FUNCTION bump();
INSERT INTO counter VALUES (1, 0);
SELECT operation, old FROM release_mgmt.history_of('counter', '1');
SELECT seq, operation, old FROM release_mgmt.captured_change WHERE source = 'counter'::regclass ORDER BY seq;

-- INSERT ... ON CONFLICT, MERGE, COPY, and a transaction made READ ONLY after it wrote.
INSERT INTO counter VALUES (1, 9), (2, 9) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
MERGE INTO counter USING (VALUES (2, 7), (3, 7)) AS v (id, n) ON v.id = counter.id
WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.n);
COPY counter FROM stdin;
4	9
5	9
\.
BEGIN;
DELETE FROM counter WHERE id = 4;
SET TRANSACTION READ ONLY;
COMMIT;
SELECT key, operation, count(*) FROM release_mgmt.captured_change WHERE source = 'counter'::regclass AND key <> '1' GROUP BY 1, 2 ORDER BY 1, 2;
TRUNCATE counter;

-- Keys that pass from row to row within one statement.
ALTER TABLE counter DISABLE TRIGGER a_bump;
ALTER TABLE counter DROP CONSTRAINT counter_pkey, ADD PRIMARY KEY (id) DEFERRABLE;
UPDATE counter SET id = CASE id WHEN 1 THEN 3 WHEN 3 THEN 5 ELSE 1 END;
SELECT * FROM counter ORDER BY id;
SELECT key, former_key, operation FROM release_mgmt.captured_change WHERE source = 'counter'::regclass AND former_key IS NOT NULL ORDER BY key;

-- The same digests under any setting: captured under one, verified under another.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE point2 AS (x double precision, at timestamptz);
CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
CREATE TABLE kinds (id uuid PRIMARY KEY, b boolean, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision, n numeric, t text,
    v varchar(9), c char(5), d date, tm time, ts timestamp, tz timestamptz, iv interval, bin bytea, j json, jb jsonb, e mood, p percent, r int4range,
    tr tstzrange, a timestamptz[], o point2, m money, x xml, h integer GENERATED ALWAYS AS (i4 * 2) STORED);
SELECT release_mgmt.govern('kinds') IS NOT NULL AS governed;
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Kolkata';
SET IntervalStyle = 'iso_8601';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
INSERT INTO kinds VALUES ('019ac000-0001-7000-8000-000000000001', true, -1, 2, 3, '0.1', '-0', 1.10, E'ä\n', 'v', 'c', '2026-01-02', '03:04:05.6',
    '2026-01-02 03:04:05', '2026-01-02 03:04:05+00', '1 day 02:03:04', '\x00ff', '{"b":1, "a":2}', '{"b":1, "a":2}', 'ok', 12.50, '[1,5)',
    '[2026-01-02 00:00+00,)', '{2026-01-02 00:00+00,NULL}', ROW(0.1, '2026-01-02 00:00+00'), 12.34, '<a/>');
RESET ALL;
SET search_path = pg_catalog;
SELECT * FROM release_mgmt.verify_ledger();
-- Old values come back as text that input functions take.
DELETE FROM public.kinds;
RESET ALL;
SELECT jsonb_pretty(old) FROM release_mgmt.history_of('kinds', '019ac000-0001-7000-8000-000000000001') WHERE operation = 'delete';
CREATE TABLE again (LIKE kinds INCLUDING ALL);
INSERT INTO again (id, f8, n, j, tz, iv, bin, c)
SELECT (old ->> 'id')::uuid, (old ->> 'f8')::float8, (old ->> 'n')::numeric, (old ->> 'j')::json, (old ->> 'tz')::timestamptz, (old ->> 'iv')::interval,
       (old ->> 'bin')::bytea, (old ->> 'c')::char(5)
FROM release_mgmt.history_of('kinds', '019ac000-0001-7000-8000-000000000001')
WHERE operation = 'delete';
SELECT f8::text AS minus_zero, n AS digits_kept, j AS json_as_it_stood, tz, iv, bin FROM again;

-- Nothing that this script did contradicts the ledger, sequenced or not.
SELECT * FROM release_mgmt.verify_ledger();
CALL release_mgmt.sequence_ledger();
CALL release_mgmt.sequence_ledger();
SELECT * FROM release_mgmt.verify_ledger();
SELECT count(*) AS pending FROM release_mgmt_internal.transaction_leaf WHERE log_index IS NULL;
SELECT count(*) = max(log_index) + 1 AS every_index_once FROM release_mgmt_internal.transaction_leaf;

-- What a transaction has captured is verified with it.
BEGIN;
INSERT INTO counter VALUES (100, 100);
SELECT * FROM release_mgmt.verify_ledger();
ROLLBACK;

-- A long value that an UPDATE leaves out of line is not read again; its hash is kept, replaced and dropped with it.
CREATE TABLE document (id integer PRIMARY KEY, n integer, content text, more jsonb);
ALTER TABLE document ALTER content SET STORAGE EXTERNAL, ALTER more SET STORAGE EXTERNAL;
INSERT INTO document VALUES (0, 0, repeat('before', 1000), NULL);
SELECT release_mgmt.govern('document') IS NOT NULL AS governed;
INSERT INTO document SELECT i, 0, repeat('x' || i, 5000), jsonb_build_object('a', repeat('y', 4000)) FROM generate_series(1, 3) AS i;
SELECT count(*) FROM release_mgmt.ledger_long_value;
UPDATE document SET n = n + 1;
SELECT count(*) FROM release_mgmt.ledger_long_value;
UPDATE document SET content = repeat('z', 5000) WHERE id = 1;
UPDATE document SET content = 'short' WHERE id = 2;
DELETE FROM document WHERE id = 3;
BEGIN;
UPDATE document SET content = repeat('gone', 5000), n = 7 WHERE id = 1;
ROLLBACK;
UPDATE document SET n = n + 1;
SELECT count(*) FROM release_mgmt.ledger_long_value;
VACUUM FULL document;
UPDATE document SET n = n + 1;
SELECT operation, old - 'content' - 'more' AS old, length(old ->> 'content') AS content FROM release_mgmt.history_of('document', '3');
SELECT * FROM release_mgmt.verify_ledger();
