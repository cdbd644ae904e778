-- Drift of an environment: what a baseline recorded against what is installed there now, with who did it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('cmdb.example.org');
CREATE ROLE regress_environment_app;
CREATE ROLE regress_environment_rm;
CREATE ROLE regress_environment_op;
CREATE ROLE regress_environment_auditor;
CREATE ROLE regress_environment_other;
INSERT INTO organization (code, kind) VALUES ('Other', 'customer');
CALL grant_duty('regress_environment_rm', 'release manager', 'Provider');
CALL grant_duty('regress_environment_op', 'operator', 'Provider');
CALL grant_duty('regress_environment_auditor', 'auditor', 'Provider');
CALL grant_duty('regress_environment_other', 'operator', 'Other');
SELECT create_ci_class('server');
SELECT create_ci_class('package', relations => '{"installed on": "server"}', scheme => 'deb');
-- A class of one's own whose items keep their keys wherever they are installed.
CREATE TABLE board (id integer PRIMARY KEY, model text NOT NULL, firmware text, server text NOT NULL, uses integer NOT NULL DEFAULT 0);
SELECT bind_ci_class('board', 'board', '{id}', 'model', version => 'firmware', scheme => 'generic', exempt => '{uses}');
CALL bind_ci_relation('installed on', 'board', '{server}', 'server');
INSERT INTO cmdb.server (code, name) VALUES ('a', 'first'), ('b', 'second'), ('c', 'third'), ('spare', 'not in production');
INSERT INTO cmdb.package (installed_on, name, version) VALUES ('a', 'nginx', '1.22-1'), ('a', 'bash', '5.2-1'), ('b', 'nginx', '1.22-1'), ('b', 'curl', '7.88-1'),
    ('b', 'dash', '0.5-1'), ('spare', 'nginx', '1.20-1');
INSERT INTO board VALUES (1, 'raid', '1.0', 'a'), (2, 'net', '1.0', 'a'), (3, 'net', '1.0', 'b'), (4, 'net', '1.0', 'b');
GRANT USAGE ON SCHEMA cmdb TO regress_environment_app, regress_environment_op;
GRANT ALL ON cmdb.package, cmdb.server, board TO regress_environment_app, regress_environment_op;

SELECT * FROM drift(environment => 'production');
SET ROLE regress_environment_rm;
SELECT define_environment('production', '{server/a,server/b,server/c}') IS NOT NULL AS defined;
SELECT * FROM drift(environment => 'production');
\echo :LAST_ERROR_SQLSTATE
SELECT capture_baseline('production') IS NOT NULL AS captured;
SELECT ci FROM drift(environment => 'production');
SELECT * FROM drift('REL-1', environment => 'production');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- Nobody planned this: another version, another name, an item on another target, items that come and go. A counter is no drift.
SET ROLE regress_environment_app;
UPDATE cmdb.package SET version = '1.23-1' WHERE installed_on = 'b' AND name = 'nginx';
UPDATE board SET model = 'raid 2', uses = 1 WHERE id = 1;
UPDATE board SET server = 'b' WHERE id = 2;
UPDATE board SET server = 'spare' WHERE id = 3;
UPDATE cmdb.package SET installed_on = 'a' WHERE installed_on = 'b' AND name = 'dash';
INSERT INTO cmdb.package (installed_on, name, version) VALUES ('a', 'stray', '1-1');
DELETE FROM cmdb.package WHERE installed_on = 'b' AND name = 'curl';
DELETE FROM cmdb.server WHERE code = 'c';
RESET ROLE;
-- A release plans a version, and an emergency permits an item and another firmware.
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
SET ROLE regress_environment_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'package/a:nginx', 'version', '1.24-1');
SELECT add_wave('REL-1', 'all', '{server/a}');
CALL advance_release('REL-1', 'deploying');
SET ROLE regress_environment_op;
UPDATE cmdb.package SET version = '1.24-1' WHERE installed_on = 'a' AND name = 'nginx';
SELECT declare_emergency('EMG-1', '{package/a:agent,board/4}', 'the site is down') > now() AS open;
INSERT INTO cmdb.package (installed_on, name, version) VALUES ('a', 'agent', '2-1');
UPDATE board SET firmware = '1.1' WHERE id = 4;
RESET ROLE;
SET ROLE regress_environment_auditor;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift(environment => 'production');
-- As drift() tells of the same changes what each attribute was when the baseline was captured.
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift(since => (SELECT max(b.captured_at) FROM environment_baseline AS b)) WHERE ci NOT LIKE 'server/%';
RESET ROLE;
-- It is found whether or not the leaves are in the tree.
CREATE TABLE unsequenced AS SELECT * FROM drift(environment => 'production');
CALL sequence_ledger();
CALL sequence_ledger();
SELECT count(*) AS same FROM (TABLE unsequenced INTERSECT ALL SELECT * FROM drift(environment => 'production')) AS d;

-- Where another value is there than was permitted, or the ledger tells of no change, nothing explains it.
BEGIN;
ALTER TABLE cmdb.package DISABLE TRIGGER USER;
UPDATE cmdb.package SET version = '0-1' WHERE installed_on = 'a' AND name IN ('nginx', 'bash');
SELECT ci, attribute, expected, present, classification, role FROM drift(environment => 'production') WHERE ci LIKE 'package/a:%n%g%x' OR ci LIKE '%bash';
ROLLBACK;
-- A rejected emergency authorizes nothing.
BEGIN;
CALL grant_duty('regress_environment_rm', 'change manager', 'Provider');
SET LOCAL ROLE regress_environment_rm;
CALL judge_emergency('EMG-1', 'rejected', 'there was time to plan');
SELECT ci, attribute, classification, role FROM drift(environment => 'production') WHERE role = 'regress_environment_op';
ROLLBACK;
-- What stands now is the next baseline; the former one is still there to be asked.
SET ROLE regress_environment_op;
SELECT max(captured_at) AS first FROM environment_baseline \gset
SELECT capture_baseline('production') IS NOT NULL AS captured;
SELECT count(*) FROM drift(environment => 'production');
SELECT count(*) FROM drift(environment => 'production', since => :'first');
SELECT drift(environment => 'production', since => '2000-01-01 00:00+00');
-- An environment of others is none.
SET ROLE regress_environment_other;
SELECT drift(environment => 'production');
RESET ROLE;
DROP EXTENSION release_mgmt CASCADE;
