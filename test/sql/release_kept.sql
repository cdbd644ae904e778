-- Baselines of compatibility checks that a session keeps: many small ones, no more than the setting says, none that is old.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CREATE TABLE host (name text PRIMARY KEY);
CREATE TABLE package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name');
SELECT bind_ci_class('package', 'package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb');
CALL bind_ci_relation('installed on', 'package', '{host}', 'host');
INSERT INTO host SELECT 'h' || i FROM generate_series(1, 200) AS i;
INSERT INTO package SELECT h.name, p.name, '1' FROM host AS h, (VALUES ('app'), ('base')) AS p (name);
CREATE VIEW kept AS SELECT count(*) AS baselines, coalesce(sum(total_bytes), 0) AS bytes FROM pg_backend_memory_contexts WHERE name = 'compatibility baseline';
GRANT SELECT ON kept TO regress_manager;
GRANT pg_read_all_stats TO regress_manager;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created, create_package('PKG-1', 'REL-1') IS NOT NULL AS made;
INSERT INTO component (package_id, kind, name, version, ci) VALUES (package_id('PKG-1'), 'software', 'app', pkgver('deb', '0.9'), 'package/h1:app');

-- Each of many hosts is kept, in little room, and told right when it is asked for again, in whatever order.
SELECT kind, count(*) FROM check_compatibility('PKG-1') GROUP BY kind ORDER BY kind;
SELECT baselines, bytes < 200 * 64 * 1024 AS in_little_room FROM kept;
SELECT kind, count(*), count(DISTINCT target) FROM check_compatibility('PKG-1', ARRAY(SELECT 'host/h' || i FROM generate_series(200, 1, -1) AS i)) GROUP BY kind ORDER BY kind;
SELECT baselines FROM kept;

-- No more than the setting says is kept, of what was used last.
SET release_mgmt.compatibility_cache = '1MB';
SELECT count(*) FROM check_compatibility('PKG-1', '{host/h7}');
SELECT baselines BETWEEN 10 AND 30 AS some, bytes <= 1024 * 1024 AS within FROM kept;
SELECT kind, count(*) FROM check_compatibility('PKG-1') GROUP BY kind ORDER BY kind;
SELECT baselines BETWEEN 10 AND 30 AS some, bytes <= 1024 * 1024 AS within FROM kept;
SET release_mgmt.compatibility_cache = 0;
SELECT count(*) FROM check_compatibility('PKG-1', '{host/h7}');
SELECT * FROM kept;
RESET release_mgmt.compatibility_cache;

-- What changed is read anew; after an error in the midst of a check, too.
SELECT finding FROM check_compatibility('PKG-1', '{host/h7}') WHERE kind = 'downgrade';
RESET ROLE;
UPDATE package SET version = '3' WHERE host = 'h7' AND name = 'app';
SET ROLE regress_manager;
SELECT finding FROM check_compatibility('PKG-1', '{host/h7}') WHERE kind = 'downgrade';
SELECT 1 / (count(*) - count(*)) FROM check_compatibility('PKG-1', '{host/h7}');
SELECT finding FROM check_compatibility('PKG-1', '{host/h7}') WHERE kind = 'downgrade';
RESET ROLE;
ALTER TABLE package ADD COLUMN note text;
SET ROLE regress_manager;
SELECT count(*) FROM check_compatibility('PKG-1', '{host/h8}');
SELECT baselines FROM kept;
-- What a baseline is made of is remembered of a class of targets; what was so only in a part that is rolled back is not.
RESET ROLE;
BEGIN;
SAVEPOINT unbound;
CALL unbind_ci_relation('installed on', 'package', 'host');
SET ROLE regress_manager;
SELECT count(*) FROM check_compatibility('PKG-1', '{host/h9}') WHERE kind = 'downgrade';
ROLLBACK TO unbound;
SET ROLE regress_manager;
SELECT finding FROM check_compatibility('PKG-1', '{host/h10,host/h11}') WHERE kind = 'downgrade';
RESET ROLE;
UPDATE package SET version = '3' WHERE host = 'h11' AND name = 'app';
SET ROLE regress_manager;
SELECT target, finding FROM check_compatibility('PKG-1', '{host/h10,host/h11}') WHERE kind = 'downgrade';
ROLLBACK;
RESET ROLE;
DROP OWNED BY regress_manager;
DROP ROLE regress_manager;
