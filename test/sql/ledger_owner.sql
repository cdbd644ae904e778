-- What the owner of a governed table can try so that changes pass unseen: each is refused, or recorded. Beside ledger_ddl.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('owner.example.org');
CREATE ROLE regress_ledger_owner;
GRANT ALL ON SCHEMA public TO regress_ledger_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_ledger_owner', current_database()) \gexec
-- Findings without hashes, as an auditor sees them; none is what is wanted.
CREATE FUNCTION findings() RETURNS TABLE (finding text, source text, key text) LANGUAGE sql SECURITY DEFINER AS
    'SELECT v.finding, v.source, v.key FROM release_mgmt.verify_ledger() AS v ORDER BY 1, 2, 3';
CREATE FUNCTION recorded(source regclass) RETURNS TABLE (operation text, key text) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY SELECT c.operation, c.key FROM release_mgmt.captured_change AS c WHERE c.source = recorded.source AND c.operation <> 'baseline'
    ORDER BY c.transaction_id, c.seq;
END $$;
CREATE FUNCTION versions(source text) RETURNS TABLE (version integer, source text, columns text) LANGUAGE sql SECURITY DEFINER AS
    'SELECT v.version, v.source, array_to_string(v.column_names, '' '') FROM release_mgmt.table_version AS v
     WHERE v.table_id = (SELECT t.table_id FROM release_mgmt.table_version AS t WHERE t.source = versions.source LIMIT 1) ORDER BY v.version';

SET ROLE regress_ledger_owner;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (x integer);
CREATE TABLE shape (x integer);
CREATE TABLE item (id integer PRIMARY KEY, name text, m mood, p pair, s shape, twice integer GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO item VALUES (1, 'one', 'ok', ROW(1), ROW(1)), (2, 'two', 'sad', NULL, NULL);
CREATE TABLE by_mood (m mood PRIMARY KEY);
INSERT INTO by_mood VALUES ('sad');
CREATE TABLE by_index (code varchar(9) NOT NULL);
CREATE UNIQUE INDEX by_index_code ON by_index (code);
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE part (id integer, kind text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
RESET ROLE;
SELECT release_mgmt.govern(t::regclass) IS NOT NULL AS governed FROM unnest('{item,by_mood,parent,part}'::text[]) AS t;
SELECT release_mgmt.govern('by_index', key => '{code}') IS NOT NULL AS governed;
SET ROLE regress_ledger_owner;

-- The triggers: off, for replicas only, on a partition alone; gone by a detour over an extension.
ALTER TABLE item ENABLE REPLICA TRIGGER rm_90_capture;
ALTER TABLE item DISABLE TRIGGER USER;
ALTER TABLE part_a DISABLE TRIGGER rm_90_capture;
DROP TRIGGER rm_10_admit ON part_a;
BEGIN;
CREATE EXTENSION hstore;
ALTER TRIGGER rm_90_capture ON item DEPENDS ON EXTENSION hstore;
DROP EXTENSION hstore;
ROLLBACK;
-- What belongs to the extension is not the owner's.
DROP EXTENSION release_mgmt CASCADE;
ALTER EXTENSION release_mgmt DROP FUNCTION release_mgmt_internal.capture();
ALTER EVENT TRIGGER rm_ledger_alter DISABLE;
SET session_replication_role = replica;
-- A trigger, a rule or a policy of the owner's own: what is written is what is captured.
BEGIN;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.name := upper(new.name); RETURN new; END';
CREATE TRIGGER zz_shout BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION shout();
CREATE RULE another AS ON UPDATE TO item WHERE new.id = 2 DO INSTEAD INSERT INTO item VALUES (20, 'instead');
ALTER TABLE item ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY most ON item USING (id <> 1);
ALTER TABLE item REPLICA IDENTITY NOTHING;
UPDATE item SET name = 'changed';
SELECT * FROM recorded('item');
SELECT * FROM findings();
ROLLBACK;

-- Values computed by DDL: rows are recorded again.
BEGIN;
ALTER TABLE item ALTER name TYPE text USING 'hacked';
SELECT * FROM recorded('item');
SELECT * FROM findings();
ROLLBACK;
BEGIN;
ALTER TABLE item ALTER twice DROP EXPRESSION;
SELECT * FROM recorded('item');
SELECT * FROM findings();
ROLLBACK;
BEGIN;
CREATE DOMAIN five AS integer DEFAULT 5 CHECK (value < 9);
ALTER TABLE item ADD n five, ADD o integer GENERATED ALWAYS AS IDENTITY;
SELECT * FROM findings();
DROP DOMAIN five CASCADE;
SELECT * FROM versions('public.item');
SELECT * FROM findings();
ROLLBACK;
-- Attributes of a composite type, columns of a table that is one, names of an enum's values.
BEGIN;
ALTER TYPE pair ADD ATTRIBUTE at timestamptz;
ALTER TABLE shape ADD y text, DROP x;
SET TimeZone = 'Asia/Kolkata';
INSERT INTO item VALUES (3, 'three', 'ok', ROW(3, '2026-01-01 00:00+00'));
RESET TimeZone;
SELECT * FROM findings();
ROLLBACK;
ALTER TYPE mood RENAME VALUE 'sad' TO 'bad';
DROP TYPE mood CASCADE;
RESET ROLE;
SELECT release_mgmt.ungovern('by_mood');
SET ROLE regress_ledger_owner;
BEGIN;
ALTER TYPE mood RENAME VALUE 'sad' TO 'bad';
ALTER TYPE mood RENAME TO humour;
SELECT * FROM recorded('item');
DROP TYPE humour CASCADE;
SELECT * FROM versions('public.item');
SELECT * FROM findings();
ROLLBACK;
-- A typed table has the columns of its type.
BEGIN;
CREATE TYPE form AS (id integer);
ALTER TABLE parent OF form;
ALTER TYPE form ADD ATTRIBUTE note text CASCADE;
INSERT INTO parent VALUES (1, 'x');
SELECT * FROM versions('public.parent');
SELECT * FROM findings();
ALTER TYPE form ALTER ATTRIBUTE id TYPE numeric CASCADE;
ROLLBACK;

-- The key names a row: its text stays, and it stays unique.
ALTER TABLE parent ALTER id TYPE integer USING id + 1;
ALTER TABLE parent ALTER id TYPE numeric(6, 2);
ALTER TABLE by_index ALTER code TYPE varchar(3);
ALTER TABLE parent DROP CONSTRAINT parent_pkey;
ALTER TABLE by_index ALTER code DROP NOT NULL;
DROP INDEX by_index_code;
BEGIN;
INSERT INTO parent VALUES (1);
INSERT INTO by_index VALUES ('x');
ALTER TABLE parent ALTER id TYPE bigint;
ALTER TABLE by_index ALTER code TYPE varchar(20);
ALTER TABLE by_index ALTER code TYPE text;
ALTER TABLE parent DROP CONSTRAINT parent_pkey, ADD PRIMARY KEY (id) DEFERRABLE;
CREATE UNIQUE INDEX by_index_code_2 ON by_index (code);
DROP INDEX by_index_code;
SELECT * FROM findings();
ROLLBACK;

-- Rows that a crash or the end of a session would lose, or that are elsewhere.
ALTER TABLE item SET UNLOGGED;
CREATE TEMPORARY TABLE passing () INHERITS (parent);
CREATE UNLOGGED TABLE forgetful () INHERITS (parent);
RESET ROLE;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
GRANT USAGE ON FOREIGN SERVER nowhere TO regress_ledger_owner;
CREATE TABLE mixed (id integer PRIMARY KEY);
CREATE FOREIGN TABLE far () INHERITS (mixed) SERVER nowhere;
SELECT release_mgmt.govern('mixed');
SET ROLE regress_ledger_owner;
CREATE FOREIGN TABLE distant () INHERITS (parent) SERVER nowhere;
CREATE FOREIGN TABLE distant (id integer NOT NULL) SERVER nowhere;
ALTER FOREIGN TABLE distant INHERIT parent;

-- Tables that come with their schema, and another table under the old name.
BEGIN;
CREATE SCHEMA aside CREATE TABLE kid () INHERITS (public.parent) CREATE TABLE part_b PARTITION OF public.part FOR VALUES IN ('b');
INSERT INTO aside.kid VALUES (3);
INSERT INTO aside.part_b VALUES (4, 'b');
SELECT * FROM recorded('parent') UNION ALL SELECT * FROM recorded('part');
SELECT * FROM findings();
ROLLBACK;
BEGIN;
CREATE SCHEMA aside;
ALTER TABLE item SET SCHEMA aside;
ALTER SCHEMA aside RENAME TO away;
ALTER INDEX away.item RENAME TO item_2;
CREATE TABLE item (LIKE away.item_2);
INSERT INTO away.item_2 VALUES (7, 'still captured');
SELECT * FROM versions('public.item');
SELECT * FROM recorded('away.item_2');
SELECT * FROM findings();
ROLLBACK;

-- TRUNCATE by way of a foreign key; all at once.
CREATE TABLE referenced (id integer PRIMARY KEY);
ALTER TABLE parent ADD FOREIGN KEY (id) REFERENCES referenced;
TRUNCATE referenced CASCADE;
SET client_min_messages = error;
DROP OWNED BY regress_ledger_owner;
RESET ROLE;

-- A partition detached without a lock: until that is done its rows belong to the table, then they are recorded as gone.
INSERT INTO part VALUES (1, 'a');
ALTER TABLE part DETACH PARTITION part_a CONCURRENTLY;
SELECT * FROM recorded('part');
SELECT * FROM findings();

-- What a superuser does to keys and tables is not refused; verification names it.
ALTER TABLE parent DROP CONSTRAINT parent_pkey;
ALTER TABLE by_index SET UNLOGGED;
DROP INDEX by_index_code;
CREATE FOREIGN TABLE distant_2 () INHERITS (parent) SERVER nowhere;
SELECT * FROM findings();
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_ledger_owner CASCADE;
DROP ROLE regress_ledger_owner;
