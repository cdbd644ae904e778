-- DDL by the owner of bound tables: in mode enforce no item gets other values by way of columns, types or ancestors, and nothing replaces the guard.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_ddl_app;
GRANT CREATE ON SCHEMA public TO regress_ddl_app;
GRANT CREATE ON DATABASE :DBNAME TO regress_ddl_app;
SET ROLE regress_ddl_app;
CREATE TYPE status AS ENUM ('active', 'off');
CREATE TYPE place AS (room text, shelf integer);
CREATE TYPE thing AS (id integer, title text, content text);
CREATE TABLE host (id integer PRIMARY KEY, name varchar(20) NOT NULL, status status, at place, os text, kernel text, seen text, counter integer, at_time timestamptz,
                   twice integer GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO host VALUES (1, 'web', 'active', '(r1,2)', 'bookworm', '6.1', 'free', 7, '2026-01-01 00:00+00');
CREATE TABLE typed OF thing (PRIMARY KEY (id));
INSERT INTO typed VALUES (1, 'one', 'x');
CREATE TABLE top (id integer NOT NULL, name text, status text, seen text);
CREATE TABLE leaf (ram integer, PRIMARY KEY (id)) INHERITS (top);
CREATE TABLE blade (PRIMARY KEY (id)) INHERITS (leaf);
INSERT INTO leaf VALUES (1, 'l1', 'A', 'free', 8);
INSERT INTO blade VALUES (2, 'b2', 'A', 'free', 8);
RESET ROLE;
SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce', exempt => '{seen,counter}'), bind_ci_class('typed', 'typed', '{id}', 'title', mode => 'enforce'),
       bind_ci_class('leaf', 'leaf', '{id}', 'name', mode => 'enforce', exempt => '{seen}');

SET ROLE regress_ddl_app;
-- The guard is replaced by nobody, neither on the table nor on what inherits from it.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW EXECUTE FUNCTION nothing();
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE TRIGGER rm_80_ci AFTER UPDATE ON blade FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE OR REPLACE TRIGGER rm_90_capture AFTER UPDATE ON host FOR EACH ROW EXECUTE FUNCTION nothing();
-- A column goes neither by itself nor with its type, an exempt or generated one does.
ALTER TABLE host DROP COLUMN os, ADD COLUMN os text DEFAULT 'evil';
\echo :LAST_ERROR_SQLSTATE
DROP TYPE status CASCADE;
ALTER TABLE host DROP COLUMN twice;
-- Names stay with their columns: an exempt one does not come to stand for another, nor do two change places. A new name is one.
ALTER TABLE host RENAME os TO former;
ALTER TABLE host RENAME seen TO os;
ALTER TABLE host RENAME kernel TO os;
ALTER TABLE host ADD COLUMN os text;
ALTER TABLE host RENAME former TO os;
ALTER TABLE host RENAME seen TO last_seen;
UPDATE host SET last_seen = 'now';
-- Nor does one come to be exempt by the name of an exempt one that is gone.
ALTER TABLE host DROP COLUMN counter;
ALTER TABLE host RENAME os TO counter;
ALTER TABLE host ADD COLUMN counter integer;
-- Types: another name of an enum's value, other parts of a composite value, the same time without its zone.
ALTER TYPE status RENAME VALUE 'active' TO 'off by night';
\echo :LAST_ERROR_SQLSTATE
ALTER TYPE status ADD VALUE 'planned';
ALTER TYPE place ADD ATTRIBUTE row integer;
ALTER TYPE place RENAME ATTRIBUTE shelf TO board;
SET timezone = 'UTC';
ALTER TABLE host ALTER at_time TYPE timestamp;
RESET timezone;
ALTER TABLE host ALTER name TYPE text;
ALTER TYPE thing DROP ATTRIBUTE content CASCADE;
-- A typed table's columns, and those that are inherited, follow their names.
ALTER TYPE thing RENAME ATTRIBUTE id TO number CASCADE;
UPDATE typed SET content = 'evil';
ALTER TABLE top RENAME id TO number;
UPDATE leaf SET status = 'evil';
ALTER TABLE top RENAME status TO state;
ALTER TABLE top RENAME seen TO status;
ALTER TABLE top DROP COLUMN state;
ALTER TABLE top ADD COLUMN more text DEFAULT 'more';
UPDATE leaf SET more = 'evil';
-- Children come with their guard, however they come, and do not leave with their rows.
CREATE SCHEMA regress_ddl_more CREATE TABLE node () INHERITS (leaf);
INSERT INTO regress_ddl_more.node (number, name) VALUES (9, 'evil');
ALTER TABLE blade NO INHERIT leaf;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE regress_ddl_more.node NO INHERIT leaf;
INSERT INTO regress_ddl_more.node (number, name) VALUES (9, 'nobody''s business');
RESET ROLE;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'regress_ddl_more.node'::regclass;
SELECT i.label, a.attribute, a.value FROM ci AS i CROSS JOIN LATERAL ci_attributes(i.label) AS a WHERE i.retired_at IS NULL AND a.value IS NOT NULL ORDER BY i.label, a.attribute;
SELECT class, finding, detail FROM binding_status ORDER BY class;
SELECT * FROM verify_ledger();

-- In mode observe all of it is the owner's business, is followed, and recorded.
SELECT govern('host', 'observe') IS NOT NULL AND govern('leaf', 'observe') IS NOT NULL AND govern('typed', 'observe') IS NOT NULL AS observed;
SET ROLE regress_ddl_app;
ALTER TABLE host RENAME os TO counter;
ALTER TABLE host RENAME counter TO os;
ALTER TABLE host DROP COLUMN kernel;
ALTER TYPE status RENAME VALUE 'off' TO 'down';
ALTER TYPE thing DROP ATTRIBUTE content CASCADE;
ALTER TABLE top RENAME number TO id;
ALTER TABLE top DROP COLUMN more, ADD COLUMN place text DEFAULT 'here';
UPDATE leaf SET place = 'there' WHERE id = 1;
ALTER TABLE blade NO INHERIT leaf;
DELETE FROM blade;
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW EXECUTE FUNCTION nothing();
RESET ROLE;
SELECT exempt FROM ci_class WHERE name = 'host';
SELECT label, retired_at IS NOT NULL AS retired FROM ci ORDER BY label;
SELECT operation, changed FROM history_of('leaf', '1') LIMIT 1;
SELECT * FROM verify_ledger();
-- What a superuser replaces is told.
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT ON host FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.keep_ci('host');
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_80_ci;
SELECT class, finding, detail FROM binding_status WHERE finding <> 'ok';
SELECT * FROM verify_ledger();
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE leaf DISABLE TRIGGER rm_80_ci;
SELECT finding, source, key, expected, found FROM verify_ledger();
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_80_ci;
ALTER TABLE leaf ENABLE REPLICA TRIGGER rm_80_ci;
SELECT finding, source, key, found FROM verify_ledger();
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.keep_ci('leaf');
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_80_ci;
SELECT finding, source, key, found FROM verify_ledger();
CREATE OR REPLACE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW WHEN (current_user = 'nobody') EXECUTE FUNCTION release_mgmt_internal.keep_ci('host');
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_80_ci;
SELECT finding, source, key, found FROM verify_ledger();
DROP TRIGGER rm_80_ci ON host;
DROP TRIGGER rm_80_ci ON leaf;
SELECT finding, source, key, found FROM verify_ledger();
SELECT finding, source, key, found FROM verify_ledger_since((SELECT checkpoint()));
SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce'), bind_ci_class('leaf', 'leaf', '{id}', 'name');
SELECT class, finding FROM binding_status ORDER BY class;
SELECT * FROM verify_ledger();
-- Whoever keeps it from being asked is told.
BEGIN;
DROP TRIGGER rm_80_ci ON host;
DELETE FROM release_mgmt_internal.verifier;
SELECT finding, source, key FROM verify_ledger();
ROLLBACK;
SET client_min_messages = error;
DROP OWNED BY regress_ddl_app CASCADE;
DROP ROLE regress_ddl_app;
