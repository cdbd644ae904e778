-- What a binding reads of a row and can not: at once, named by argument; and later, when a column is gone.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('unreadable.example.org');
CREATE ROLE regress_unreadable_app;
GRANT CREATE ON SCHEMA public TO regress_unreadable_app;
SET ROLE regress_unreadable_app;
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL, status text, host integer, load integer);
CREATE TABLE link (a integer, b integer, st text, PRIMARY KEY (a, b));
INSERT INTO server VALUES (1, 'one', 'A', NULL, 1), (2, 'two', 'A', 1, 1), (3, 'three', 'N', 1, 1);
INSERT INTO link VALUES (1, 2, 'A'), (2, 1, 'N');
RESET ROLE;

-- All of it at once, in the user's own words.
SELECT bind_ci_class('server', 'server', '{id}', '(name ||)', version => 'nosuch.', organization => 'host.name', platform => '(name || nosuch(3))',
                     attributes => '{"a": "(name"}', condition => 'status = = ''A''');
\echo :LAST_ERROR_SQLSTATE
SELECT bind_ci_class('server', 'server', '{{id}}', 'name', exempt => '{NULL}', scheme => 'deb');
SELECT bind_ci_class('server', 'server', '{id}', 'name', exempt => '{NULL}');
SELECT c.condition, release_mgmt_internal.condition_problem('server', c.condition) AS problem
FROM unnest(ARRAY['', 'status = ''A', 'status = 3', 'load = ''x''', 'sum(load) > 1', 'load', 'NULL', 'nosuch', 'true; DROP TABLE server', 'load > 0']) AS c (condition);
SELECT bind_ci_class('server', 'server', '{id}', 'name', attributes => '{"level": "load"}', condition => 'status = ''A''');
CALL bind_ci_relation('talks to', 'server', '{a}', 'server', via => 'link', to_columns => '{b}', condition => 'st == ''A''');
CALL bind_ci_relation('talks to', 'server', '{{a}}', 'server', via => 'link', to_columns => '{NULL}');
CALL bind_ci_relation('talks to', 'server', '{a}', 'server', via => 'link', to_columns => '{b}', condition => 'st = ''A''');
CALL bind_ci_relation('on', 'server', '{host}', 'server');
SELECT * FROM ci_relation ORDER BY kind;

-- Columns of the conditions go. Readers of an item say so, relations are none, and the table goes on.
SET ROLE regress_unreadable_app;
ALTER TABLE server RENAME status TO state;
ALTER TABLE link DROP st;
RESET ROLE;
SELECT finding, detail FROM binding_status ORDER BY finding, detail;
SELECT * FROM ci_attributes('server/1');
\echo :LAST_ERROR_SQLSTATE
SELECT ci_attribute('server/1', 'name');
SELECT * FROM ci_overview('server');
SELECT * FROM ci_relations('server/1');
SELECT * FROM ci_relation;
SELECT * FROM impact_of('server/1');
SET ROLE regress_unreadable_app;
INSERT INTO server VALUES (4, 'four', 'A', 1, 1);
UPDATE server SET name = 'uno' WHERE id = 1;
CREATE TABLE server_more () INHERITS (server);
INSERT INTO server_more VALUES (5, 'five', 'A', 1, 1);
RESET ROLE;
SELECT label, retired_at IS NULL AS present FROM ci ORDER BY label;
-- In mode enforce every row is guarded, those that were no items as well.
SELECT govern('server', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_unreadable_app;
DELETE FROM server WHERE id = 2;
DELETE FROM server WHERE id = 3;
CREATE TABLE server_late (LIKE server INCLUDING ALL);
ALTER TABLE server_late INHERIT server;
RESET ROLE;
SELECT govern('server', 'observe') IS NOT NULL AS observed;
SET ROLE regress_unreadable_app;
TRUNCATE server;
RESET ROLE;
SELECT label, retired_at IS NULL AS present FROM ci ORDER BY label;
SELECT count(*) FROM verify_ledger();
-- Bound again all is well.
INSERT INTO server VALUES (1, 'one', 'A', NULL, 1), (2, 'two', 'A', 1, 1), (3, 'three', 'N', 1, 1);
SELECT bind_ci_class('server', 'server', '{id}', 'name', condition => 'state = ''A''');
CALL unbind_ci_relation('talks to', 'server', 'server');
SELECT finding, detail FROM binding_status;
SELECT * FROM ci_relation;

-- A condition that can be read, and fails for some row, fails the statement: whoever wrote it is told whose condition that is.
SELECT bind_ci_class('server', 'server', '{id}', 'name', condition => '100 / load > 1');
\set SHOW_CONTEXT errors
SET ROLE regress_unreadable_app;
UPDATE server SET load = 0 WHERE id = 1;
RESET ROLE;
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_unreadable_app;
DROP ROLE regress_unreadable_app;
