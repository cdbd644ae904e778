-- DDL on governed tables: schema versions are recorded, governance can not be weakened, rows never come or go unseen.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('ddl.example.org');
CREATE ROLE regress_ledger_owner;
GRANT ALL ON SCHEMA public TO regress_ledger_owner;

-- What can not be governed is told with every reason.
CREATE TEMPORARY TABLE passing (a integer);
SELECT release_mgmt.govern('passing');
CREATE TABLE keyless (a integer, b integer UNIQUE);
SELECT release_mgmt.govern('keyless', key => '{b}');
SELECT release_mgmt.govern('pg_class');
SELECT release_mgmt.govern('keyless', 'strict');
SELECT release_mgmt.govern(NULL, NULL);
SELECT release_mgmt.preview_govern(NULL);
ALTER TABLE keyless ALTER b SET NOT NULL;
SELECT release_mgmt.govern('keyless', 'warn', '{b}');
SELECT release_mgmt.govern('keyless', 'observe', '{b}') IS NOT NULL AS governed_by_its_unique_key;
SELECT release_mgmt.govern('keyless', 'observe', '{a}');
SELECT release_mgmt.govern('release_mgmt.person');
SELECT release_mgmt.govern('release_mgmt.person', 'enforce');

CREATE TABLE item (id integer PRIMARY KEY, name text, size integer DEFAULT 3);
ALTER TABLE item OWNER TO regress_ledger_owner;
INSERT INTO item VALUES (0, 'before');
SELECT release_mgmt.govern('item') IS NOT NULL AS governed;
INSERT INTO item VALUES (1, 'x'), (2, 'y');

-- The owner alters the table as before, and can not switch governance off.
SET ROLE regress_ledger_owner;
ALTER TABLE item DISABLE TRIGGER ALL;
ALTER TABLE item ENABLE TRIGGER ALL;
ALTER TABLE item DISABLE TRIGGER rm_90_capture;
ALTER TRIGGER rm_90_capture ON item RENAME TO harmless;
CREATE OR REPLACE TRIGGER rm_90_capture AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TRIGGER rm_90_capture ON item;
DROP TABLE item;
TRUNCATE item;
ALTER TABLE item ADD note text;
ALTER TABLE item ADD weight integer DEFAULT 7;
ALTER TABLE item RENAME name TO title;
ALTER TABLE item ADD name text;
ALTER TABLE item ALTER size TYPE bigint;
INSERT INTO item VALUES (3, 'z', 4, 'note', 5, 'another');
ALTER TABLE item DROP note;
ALTER TABLE item DROP id;
ALTER TABLE item RENAME TO thing;
UPDATE thing SET size = 99 WHERE id = 1;
CREATE TABLE other (a integer);
ALTER TABLE other ADD b integer;
DROP TABLE other;
RESET ROLE;
SELECT v.version, v.source, v.column_keys, v.column_names, v.column_types
FROM release_mgmt.table_version AS v JOIN release_mgmt.governed_table AS t ON t.id = v.table_id WHERE t.source = 'thing'::regclass ORDER BY v.version;
SELECT operation, changed FROM release_mgmt.history_of('thing', '1');
SELECT operation FROM release_mgmt.history_of('thing', '0');
SELECT * FROM release_mgmt.verify_ledger();

-- A column that came while event triggers were off is named; then it is recorded.
ALTER EVENT TRIGGER rm_ledger_alter DISABLE;
ALTER TABLE thing ADD sly text;
ALTER EVENT TRIGGER rm_ledger_alter ENABLE ALWAYS;
INSERT INTO thing (id) VALUES (9);
SELECT finding, source, found FROM release_mgmt.verify_ledger() ORDER BY finding;
SELECT release_mgmt.record_schema('thing');
INSERT INTO thing (id) VALUES (9);
SELECT * FROM release_mgmt.verify_ledger();

-- Partitions: attached, detached, written to directly, truncated; a row that moves.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE part (id integer, kind text, m mood, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
SELECT release_mgmt.govern('part') IS NOT NULL AS governed;
SELECT release_mgmt.govern('part_a');
INSERT INTO part VALUES (1, 'a', 'sad');
CREATE TABLE part_b PARTITION OF part FOR VALUES IN ('b');
INSERT INTO part_b VALUES (2, 'b', 'sad');
TRUNCATE part_b;
CREATE TABLE part_c (m mood, kind text NOT NULL, gone integer, id integer NOT NULL);
ALTER TABLE part_c DROP gone;
INSERT INTO part_c VALUES ('ok', 'c', 3), ('ok', 'c', 4);
ALTER TABLE part ATTACH PARTITION part_c FOR VALUES IN ('c');
UPDATE part SET kind = 'a' WHERE id = 3;
UPDATE part_c SET m = 'sad';
SELECT c.relname, g.tgname, g.tgenabled FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid WHERE c.relname LIKE 'part%' AND tgname LIKE 'rm%' ORDER BY 1, 2;
SELECT * FROM release_mgmt.verify_ledger();
-- A renamed value of an enum moves digests, a new one does not.
ALTER TYPE mood ADD VALUE 'new';
ALTER TYPE mood RENAME VALUE 'sad' TO 'bad';
ALTER TABLE part DETACH PARTITION part_c;
INSERT INTO part_c VALUES ('ok', 'c', 5);
SELECT key, operation, old FROM release_mgmt.captured_change WHERE source = 'part'::regclass ORDER BY transaction_id, seq;
SELECT * FROM release_mgmt.verify_ledger();

-- Inheritance children.
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (extra integer) INHERITS (parent);
INSERT INTO child VALUES (1, 1);
SELECT release_mgmt.govern('parent') IS NOT NULL AS governed;
INSERT INTO child VALUES (2, 2);
CREATE TABLE child2 () INHERITS (parent);
INSERT INTO child2 VALUES (3);
TRUNCATE child;
SELECT key, operation FROM release_mgmt.captured_change WHERE source = 'parent'::regclass ORDER BY transaction_id, seq;
SELECT * FROM release_mgmt.verify_ledger();
-- A key names one row of the tree, though no index spans it.
INSERT INTO parent VALUES (2);
INSERT INTO parent VALUES (4);
INSERT INTO child VALUES (4, 4);
INSERT INTO child VALUES (5, 5), (5, 6);
UPDATE child SET id = 4 WHERE id = 2;
UPDATE parent SET id = 3 WHERE id = 4;
UPDATE child SET extra = 3 WHERE id = 2;
BEGIN;
DELETE FROM parent WHERE id = 4;
INSERT INTO child VALUES (4, 40);
COMMIT;
WITH gone AS (DELETE FROM child WHERE id = 4 RETURNING id) INSERT INTO parent SELECT id FROM gone;
-- Another trigger changes the row, its key, or removes it, before its first change is captured.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE child SET extra = 70 WHERE id = NEW.id AND NEW.extra = 7;
    UPDATE child SET id = NEW.id + 76 WHERE id = NEW.id AND NEW.extra = 8;
    UPDATE child SET id = 4 WHERE id = NEW.id AND NEW.extra = 9;
    DELETE FROM child WHERE id = NEW.id AND NEW.extra = 10;
    RETURN NULL;
END $$;
CREATE TRIGGER a_meddle AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION meddle();
INSERT INTO child VALUES (70, 7);
INSERT INTO child VALUES (81, 8);
INSERT INTO child VALUES (100, 10);
\set VERBOSITY terse
INSERT INTO child VALUES (4, 8);
INSERT INTO child VALUES (90, 9);
INSERT INTO child VALUES (4, 10);
\set VERBOSITY default
DROP TRIGGER a_meddle ON child;
-- One that sends rows on.
CREATE FUNCTION send_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ONLY parent WHERE id = NEW.id;
    INSERT INTO child VALUES (NEW.id, 71);
    RETURN NULL;
END $$;
CREATE TRIGGER a_send_on AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION send_on();
INSERT INTO parent VALUES (71);
DROP TRIGGER a_send_on ON parent;
SELECT id, extra FROM child ORDER BY id;
SELECT * FROM release_mgmt.verify_ledger();
DELETE FROM child WHERE id >= 70;
CREATE TABLE child3 (id integer NOT NULL);
INSERT INTO child3 VALUES (1);
ALTER TABLE child3 INHERIT parent;
UPDATE child3 SET id = 6;
ALTER TABLE child3 INHERIT parent;
SELECT tableoid::regclass, id FROM parent ORDER BY id;
SELECT * FROM release_mgmt.verify_ledger();
-- A row is recorded once: a table is governed by itself, or with the one it inherits from.
CREATE TABLE top_of_parent (id integer PRIMARY KEY);
CREATE TABLE child4 (id integer PRIMARY KEY);
INSERT INTO child4 VALUES (7);
SELECT release_mgmt.govern('child4') IS NOT NULL AS governed;
ALTER TABLE child4 INHERIT parent;
ALTER TABLE child4 INHERIT child2;
CREATE TABLE part_d (LIKE part, PRIMARY KEY (id, kind));
SELECT release_mgmt.govern('part_d') IS NOT NULL AS governed;
ALTER TABLE part ATTACH PARTITION part_d FOR VALUES IN ('d');
SELECT release_mgmt.ungovern('part_d');
ALTER TABLE part ATTACH PARTITION part_d FOR VALUES IN ('d');
SELECT release_mgmt.ungovern('child4');
ALTER TABLE child4 INHERIT child2;
SELECT release_mgmt.govern('child4');
ALTER TABLE parent INHERIT top_of_parent;
SELECT release_mgmt.govern('top_of_parent');
CALL release_mgmt.govern_in_batches('top_of_parent');
ALTER TABLE parent NO INHERIT top_of_parent;
SELECT release_mgmt.govern('top_of_parent') IS NOT NULL AS governed;
ALTER TABLE parent INHERIT top_of_parent;
SELECT release_mgmt.ungovern('top_of_parent');
SELECT * FROM release_mgmt.verify_ledger();
CREATE TABLE doubled (id integer PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE doubled_child () INHERITS (doubled);
INSERT INTO doubled VALUES (1, 'a'), (2, 'b');
INSERT INTO doubled_child VALUES (1, 'c'), (3, 'b'), (3, 'd');
SELECT release_mgmt.govern('doubled');
SELECT release_mgmt.govern('doubled', key => '{code}');
DROP TABLE doubled CASCADE;

-- Values that are written with the names of other objects change when these are renamed: they are not recorded, and no key.
CREATE TYPE of_table AS (t regclass, n integer);
CREATE DOMAIN of_role AS regrole;
CREATE TABLE named (id integer PRIMARY KEY);
CREATE TABLE watched (id integer, r regclass, a of_table[], d of_role, l aclitem, g regclass GENERATED ALWAYS AS ('pg_class'::regclass) STORED, o oid, PRIMARY KEY (id, r));
SELECT release_mgmt.govern('watched');
ALTER TABLE watched DROP CONSTRAINT watched_pkey, ADD PRIMARY KEY (id);
SELECT release_mgmt.govern('watched') IS NOT NULL AS governed;
INSERT INTO watched VALUES (1, 'named', ARRAY[('named', 1)::of_table], 'pg_monitor', NULL, DEFAULT, 'text'::regtype);
UPDATE watched SET r = 'pg_class', a = NULL;
CREATE TYPE plain AS (n integer);
ALTER TABLE watched ADD p regprocedure, ADD c plain DEFAULT '(1)';
ALTER TABLE watched ALTER o TYPE regtype;
ALTER TABLE watched ALTER g DROP EXPRESSION;
ALTER TYPE plain ADD ATTRIBUTE t regnamespace;
ALTER TABLE watched ALTER r TYPE text;
UPDATE watched SET r = 'now text', g = 'named', p = 'now()', c = '(2,public)';
ALTER TABLE named RENAME TO renamed;
SELECT operation, changed FROM release_mgmt.history_of('watched', '1');
SELECT * FROM release_mgmt.verify_ledger();
SELECT release_mgmt.ungovern('watched');
DROP TABLE watched, renamed;
DROP TYPE of_table, plain;
DROP DOMAIN of_role;

-- What becomes of one table is no concern of the others.
BEGIN;
SET LOCAL track_functions = 'all';
CREATE TABLE lone (id integer PRIMARY KEY, n integer UNIQUE);
CREATE TEMPORARY TABLE fleeting (id integer PRIMARY KEY);
ALTER TABLE lone ADD m integer;
CREATE INDEX ON lone (m);
SELECT pg_stat_get_xact_function_calls('release_mgmt_internal.record_schema(uuid, boolean, text[], text[])'::regprocedure) AS tables_looked_at;
ALTER TABLE thing ADD looked_at integer;
SELECT pg_stat_get_xact_function_calls('release_mgmt_internal.record_schema(uuid, boolean, text[], text[])'::regprocedure) AS tables_looked_at;
ROLLBACK;

-- The way out is recorded, and leaves nothing behind on the table.
SELECT release_mgmt.ungovern('part');
SELECT release_mgmt.ungovern('parent');
SELECT release_mgmt.ungovern('part');
SELECT release_mgmt.ungovern('release_mgmt.person');
SELECT count(*) FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid WHERE c.relname ~ '^(part|parent|child)' AND tgname LIKE 'rm%';
SELECT source, version, governed FROM release_mgmt.table_version WHERE source IN ('public.part', 'public.parent') ORDER BY source, version;
DROP TABLE part, parent CASCADE;
SELECT * FROM release_mgmt.verify_ledger();

-- Whoever is not the owner is kept out of an inactive database; the owner, who restores a dump, is not.
GRANT SELECT, INSERT ON thing TO PUBLIC;
SELECT release_mgmt.bind_ci_class('thing', 'thing', '{id}', 'id', mode => 'enforce') IS NOT NULL AS enforced;
UPDATE release_mgmt.ledger_identity SET database_oid = 1;
SELECT release_mgmt_internal.is_active();
INSERT INTO thing (id) VALUES (10);
CREATE ROLE regress_ledger_guest;
SET ROLE regress_ledger_guest;
INSERT INTO thing (id) VALUES (11);
RESET ROLE;
DROP TABLE thing;
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_ledger_owner, regress_ledger_guest;
DROP ROLE regress_ledger_owner, regress_ledger_guest;
