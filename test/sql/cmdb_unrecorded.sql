-- Columns that the ledger does not record, since their values are written with the names of other objects: no plan is of them.
\getenv tests PG_ABS_SRCDIR
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('unrecorded.example.org');
CREATE ROLE regress_unrecorded_app;
CREATE ROLE regress_unrecorded_manager;
CALL grant_duty('regress_unrecorded_app', 'operator', 'Provider');
CALL grant_duty('regress_unrecorded_manager', 'release manager', 'Provider');
GRANT CREATE ON SCHEMA public TO regress_unrecorded_app;
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
SET ROLE regress_unrecorded_app;
CREATE TABLE card (id integer PRIMARY KEY, name text, held_in regclass, others regclass[]);
INSERT INTO card VALUES (1, 'one', 'pg_class', NULL), (2, 'two', NULL, NULL), (3, 'three', NULL, '{pg_proc,pg_type}');
RESET ROLE;
SELECT bind_ci_class('card', 'card', '{id}', 'name', mode => 'enforce');
SET ROLE regress_unrecorded_manager;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'card/1', 'held_in', 'pg_proc');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'card/1', 'retire');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'card/3', 'retire');
-- An item without such a value comes back as it was, and one is created with it.
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'card/2', 'retire');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'card/4', 'create', 'held_in', 'pg_proc');
SELECT add_wave('REL-1', 'all', '{card/2,card/4}');
CALL advance_release('REL-1', 'deploying');
SET ROLE regress_unrecorded_app;
DELETE FROM card WHERE id = 2;
INSERT INTO card (id, held_in) VALUES (4, 'pg_proc');
UPDATE card SET held_in = 'pg_type' WHERE id = 1;
SET ROLE regress_unrecorded_manager;
SELECT back_out_ci_changes('REL-1') AS restored;
RESET ROLE;
TABLE card ORDER BY id;
-- Exempt, it is the table's own affair.
SELECT bind_ci_class('card', 'card', '{id}', 'name', exempt => '{held_in,others}');
SET ROLE regress_unrecorded_app;
UPDATE card SET held_in = 'pg_type' WHERE id = 1;
SET ROLE regress_unrecorded_manager;
SELECT create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'card/1', 'held_in', 'pg_proc');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-2'), 'card/1', 'retire');
RESET ROLE;
SELECT ci, operation FROM planned_ci_change WHERE release_id = release_id('REL-2');
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_unrecorded_app, regress_unrecorded_manager;
DROP ROLE regress_unrecorded_app, regress_unrecorded_manager;
