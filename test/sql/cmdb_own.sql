-- For those without a CMDB: tables for classes of items, which are bound as any other.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT create_ci_class('site');
SELECT activate('own.example.org');
INSERT INTO organization (code, kind) VALUES ('ALPHA', 'customer');
SELECT create_ci_class('site', '{"city": "text"}');
SELECT create_ci_class('server', '{"cores": "integer", "price": "numeric(8,2)"}', '{"part of": "site"}');
SELECT create_ci_class('package', relations => '{"installed on": "server"}', scheme => 'deb', mode => 'enforce');
SELECT create_ci_class('service', schema => 'Business Services');
SELECT create_ci_relation('depends on', 'service', 'server');
SELECT create_ci_relation('uses', 'service', 'package');
SELECT a.attrelid::regclass AS source, string_agg(format('%s %s%s', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' END), ', ' ORDER BY a.attnum) AS columns
FROM pg_attribute AS a WHERE a.attnum > 0 AND a.attrelid IN (SELECT c.source FROM ci_class AS c UNION SELECT r.via FROM ci_relation_class AS r) GROUP BY 1 ORDER BY 1;
SELECT k.conrelid::regclass AS source, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint AS k WHERE k.contype <> 'n' AND k.conrelid IN (SELECT c.source FROM ci_class AS c UNION SELECT r.via FROM ci_relation_class AS r) ORDER BY 1, 2;
SELECT i.indrelid::regclass AS source, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i WHERE NOT i.indisunique AND i.indrelid IN (SELECT c.source FROM ci_class AS c UNION SELECT r.via FROM ci_relation_class AS r) ORDER BY 1, 2;
SELECT class, source, mode, items, finding FROM binding_status ORDER BY class;
INSERT INTO cmdb.site (code, name) VALUES ('LON', 'London');
INSERT INTO cmdb.server (code, name, status, organization, cores, price, part_of) VALUES ('s1', 'web one', 'active', 'ALPHA', 8, 1200, 'LON'), ('s2', 'web two', 'spare', NULL, 4, 900, 'LON');
INSERT INTO "Business Services".service (code, name) VALUES ('shop', 'the shop');
INSERT INTO "Business Services".service_depends_on_server VALUES ('shop', 's1'), ('shop', 's2');
SELECT * FROM ci_overview('server') ORDER BY ci;
SELECT attribute, value FROM ci_attributes('server/s1');
SELECT kind, from_ci, to_ci FROM ci_relation ORDER BY kind, from_ci, to_ci;
-- The mode holds here as it does elsewhere.
INSERT INTO cmdb.package (installed_on, name, version) VALUES ('s1', 'openssl', '3.0.11-1');
SELECT govern('cmdb.package', 'observe') IS NOT NULL AS observed;
INSERT INTO cmdb.package (installed_on, name, version) VALUES ('s1', 'openssl', '3.0.11-1'), ('s2', 'openssl', '3.0.9-1');
SELECT i.label, t.label AS target, c.name, c.version FROM release_mgmt_internal.installed_components(ci_id('server/s1')) AS c JOIN ci AS i ON i.id = c.ci JOIN ci AS t ON t.id = c.target;
-- A relation goes with the item.
DELETE FROM "Business Services".service;
SELECT kind, from_ci, to_ci FROM ci_relation ORDER BY kind, from_ci, to_ci;
SELECT label, retired_at IS NOT NULL AS retired FROM ci ORDER BY label;
SELECT * FROM verify_ledger();

-- Refused with every reason.
SELECT create_ci_class('ra ck', '{"name": "text", "a": "nosuch", "b": "text DEFAULT 1", "": "text", "part_of": "text", "d": "text; DROP TABLE cmdb.site", "e": 1}',
    '{"part of": "nosuch", "installed on": "site", "uses": "package"}');
SELECT create_ci_class('site');
SELECT create_ci_class('shelf', '[]', '[]');
SELECT create_ci_class('shelf', scheme => 'nosuch');
CREATE TABLE cmdb.rack (id integer PRIMARY KEY);
SELECT create_ci_class('rack');
SELECT create_ci_relation('installed on', 'nosuch', 'site');
SELECT create_ci_relation('installed on', 'service', 'server');
SELECT create_ci_relation('depends on', 'service', 'server');
SELECT create_ci_class(NULL);
SELECT create_ci_class('shelf', schema => NULL, mode => 'strict');
SELECT create_ci_class('shelf', NULL, NULL, mode => NULL);
SELECT create_ci_relation(NULL, NULL, 'site');
-- What is installed on many, by a link table.
SELECT create_ci_class('agent', scheme => 'semver'), create_ci_relation('installed on', 'agent', 'server');
INSERT INTO cmdb.agent (code, name, version) VALUES ('monitor', 'monitor', '1.2.0'), ('backup', 'backup', '2.0.0');
INSERT INTO cmdb.agent_installed_on_server SELECT 'monitor', s.code FROM cmdb.server AS s;
SELECT (SELECT count(*) FROM cmdb.server) = count(c.target) AS on_each, count(*) - count(c.target) AS on_none
FROM release_mgmt_internal.installed_components() AS c JOIN ci AS i ON i.id = c.ci WHERE i.class = 'agent';
-- They are ordinary tables, and stay when the extension goes.
ALTER EVENT TRIGGER rm_ledger_retire DISABLE;
DROP EXTENSION release_mgmt CASCADE;
SELECT count(*) FROM cmdb.server;
DROP SCHEMA cmdb, "Business Services" CASCADE;
