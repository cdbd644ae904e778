-- Modes: what each of them needs, and what becomes of it when a class is bound again, unbound, or observed.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('mode.example.org');
CREATE ROLE regress_mode_rm;
CALL grant_duty('regress_mode_rm', 'release manager', 'Provider');
CREATE TABLE "Server Room" ("Nr." integer PRIMARY KEY, name text NOT NULL, beat integer);
INSERT INTO "Server Room" VALUES (1, 'cellar', 0);
CREATE TABLE rack (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE door (room integer PRIMARY KEY, rack integer);
CREATE VIEW modes AS SELECT source, mode FROM governed_table WHERE NOT builtin ORDER BY source::text;

-- What is bound to no class has no items that a plan could speak of, a link table neither.
SELECT govern('"Server Room"', 'enforce');
\echo :LAST_ERROR_SQLSTATE
SELECT govern('"Server Room"') IS NOT NULL AS governed;
SELECT govern('"Server Room"', 'warn');
CALL govern_in_batches('rack', 'enforce');
UPDATE governed_table SET mode = 'enforce' WHERE source = '"Server Room"'::regclass;
SELECT govern('release_mgmt.person', 'warn');
-- The hint, followed.
SELECT release_mgmt.bind_ci_class('room', '"Server Room"', key => '{Nr.}', name => 'name', mode => 'warn');
SELECT bind_ci_class('rack', 'rack', '{id}', 'name', mode => 'enforce');
CALL bind_ci_relation('opens', 'room', '{room}', 'rack', via => 'door', to_columns => '{rack}');
SELECT govern('door', 'enforce');
SELECT * FROM modes;

-- Bound again a class keeps its mode, unless another is said.
SELECT bind_ci_class('room', '"Server Room"', '{Nr.}', 'name', exempt => '{beat}');
SELECT * FROM modes;
UPDATE "Server Room" SET beat = 1;
UPDATE "Server Room" SET name = 'vault';
INSERT INTO "Server Room" SELECT i, 'room ' || i FROM generate_series(2, 9) AS i;
DELETE FROM "Server Room" WHERE name LIKE 'room %';
SELECT bind_ci_class('room', '"Server Room"', '{Nr.}', 'name', mode => 'enforce', exempt => '{beat}');
UPDATE "Server Room" SET name = 'attic';
SELECT bind_ci_class('room', '"Server Room"', '{Nr.}', 'name', mode => 'guard');

-- Unbound, a table is captured as before, and says no more than that. That is so, too, where everything was observed meanwhile.
CALL unbind_ci_class('room');
SELECT * FROM modes;
UPDATE "Server Room" SET name = 'attic';
SELECT bind_ci_class('room', '"Server Room"', '{Nr.}', 'name');
SELECT * FROM modes;
SELECT govern('"Server Room"', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_mode_rm;
SELECT observe_all('fire in the attic');
RESET ROLE;
CALL unbind_ci_class('room');
SET ROLE regress_mode_rm;
SELECT end_observation('out');
RESET ROLE;
SELECT * FROM modes;
SELECT count(*) FROM verify_ledger();
-- An item is of one class.
SELECT bind_ci_class('room', '"Server Room"', '{Nr.}', 'name');
CREATE TABLE vault (code integer PRIMARY KEY);
SELECT bind_ci_class('vault', 'vault', '{code}', 'code');
GRANT CREATE ON SCHEMA public TO regress_mode_rm;
ALTER TABLE "Server Room" OWNER TO regress_mode_rm;
ALTER TABLE vault OWNER TO regress_mode_rm;
SET ROLE regress_mode_rm;
CREATE TABLE both_of_them () INHERITS ("Server Room", vault);
RESET ROLE;
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_mode_rm;
DROP ROLE regress_mode_rm;
