-- Rows without a key, where somebody took away the constraint that a binding relies on; and what can not be bound for want of rows of its own.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('keyless.example.org');
CREATE ROLE regress_keyless_app;
GRANT CREATE ON SCHEMA public TO regress_keyless_app;
SET ROLE regress_keyless_app;
CREATE TABLE host (id integer NOT NULL UNIQUE, name text);
INSERT INTO host VALUES (1, 'one');
CREATE MATERIALIZED VIEW hosts AS SELECT * FROM host;
CREATE UNLOGGED TABLE passing (id integer PRIMARY KEY, name text);
CREATE SEQUENCE numbers;
RESET ROLE;
SELECT bind_ci_class('host', 'hosts', '{id}', 'name');
SELECT bind_ci_class('host', 'host_id_key', '{id}', 'name');
SELECT bind_ci_class('host', 'numbers', '{last_value}', 'last_value');
SELECT bind_ci_class('host', 'passing', '{id}', 'name');

-- The owner can not take it away; a superuser can, and binding_status tells.
SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce');
SET ROLE regress_keyless_app;
ALTER TABLE host ALTER id DROP NOT NULL;
RESET ROLE;
ALTER TABLE host ALTER id DROP NOT NULL;
SELECT finding, detail FROM binding_status;
SET ROLE regress_keyless_app;
INSERT INTO host VALUES (NULL, 'nobody');
\echo :LAST_ERROR_SQLSTATE
UPDATE host SET id = NULL;
RESET ROLE;
-- Where nothing is refused such a row is no item, and becomes one with its key.
SELECT govern('host', 'warn') IS NOT NULL AS warned;
SET ROLE regress_keyless_app;
INSERT INTO host VALUES (NULL, 'nobody');
UPDATE host SET id = NULL WHERE id = 1;
RESET ROLE;
SELECT finding, detail FROM binding_status;
SET ROLE regress_keyless_app;
UPDATE host SET id = 2 WHERE name = 'nobody';
DELETE FROM host WHERE id IS NULL;
RESET ROLE;
SELECT label, retired_at IS NULL AS present FROM ci ORDER BY label;
SELECT finding, detail FROM binding_status;
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_keyless_app;
DROP ROLE regress_keyless_app;
