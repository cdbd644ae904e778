-- The emergency brake: everything into mode observe, on record, and back.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_observe_op;
CREATE ROLE regress_observe_cm;
CALL grant_duty('regress_observe_op', 'operator', 'Provider');
CALL grant_duty('regress_observe_cm', 'change manager', 'Provider');
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE rack (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE room (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO server VALUES (1, 'web');
GRANT ALL ON server, rack, room TO regress_observe_op;
SELECT bind_ci_class('server', 'server', '{id}', 'name', mode => 'enforce');
SELECT bind_ci_class('rack', 'rack', '{id}', 'name', mode => 'warn');
SELECT bind_ci_class('room', 'room', '{id}', 'name');

SET ROLE regress_observe_op;
UPDATE server SET name = 'fixed' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
SELECT observe_all('the guard refuses everything');
RESET ROLE;
SET ROLE regress_observe_cm;
SELECT observe_all(NULL);
SELECT observe_all(' ');
\echo :LAST_ERROR_SQLSTATE
SELECT observe_all('the guard refuses everything');
SELECT observe_all('once more');
RESET ROLE;
-- It concerns everybody: not for a customer's people.
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer');
CREATE ROLE regress_observe_customer;
CALL grant_duty('regress_observe_customer', 'change manager', 'Bakery');
SET ROLE regress_observe_customer;
SELECT end_observation('it suits us');
SELECT observe_all('it suits us');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT source, mode FROM governed_table WHERE NOT builtin ORDER BY source::text;

-- Captured as before.
SET ROLE regress_observe_op;
UPDATE server SET name = 'fixed' WHERE id = 1;
SELECT end_observation('fixed');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT ci, attribute, classification, role FROM drift();

-- Back; what was changed by hand meanwhile stays.
SELECT govern('rack', 'enforce') IS NOT NULL AS governed;
SET ROLE regress_observe_cm;
SELECT end_observation(NULL);
SELECT end_observation('the plan was loaded');
SELECT end_observation('again');
RESET ROLE;
SELECT source, mode FROM governed_table WHERE NOT builtin ORDER BY source::text;
SET ROLE regress_observe_op;
UPDATE server SET name = 'mine' WHERE id = 1;
RESET ROLE;
SELECT o.reason, o.modes, b.code AS begun_by, o.remark, e.code AS ended_by
FROM observation AS o JOIN person AS b ON b.id = o.begun_by LEFT JOIN person AS e ON e.id = o.ended_by;
SELECT operation, count(*) FROM captured_change WHERE source = 'observation'::regclass GROUP BY operation ORDER BY operation;
SELECT * FROM verify_ledger();
