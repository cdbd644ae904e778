-- A class that is bound to the parent of an inheritance tree has the columns of every table in it: what only one that inherits has is
-- captured, planned, applied, told by drift and taken back like any other.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_inheritance_rm;
CREATE ROLE regress_inheritance_op;
CREATE ROLE regress_inheritance_app;
CALL grant_duty('regress_inheritance_rm', 'release manager', 'Provider');
CALL grant_duty('regress_inheritance_op', 'operator', 'Provider');
GRANT CREATE ON SCHEMA public TO regress_inheritance_app;
SET ROLE regress_inheritance_app;
CREATE TABLE device (id integer PRIMARY KEY, name text NOT NULL, state text NOT NULL DEFAULT 'active');
CREATE TABLE switch (gone text, ports integer, poe boolean, half integer GENERATED ALWAYS AS (ports / 2) STORED, seen timestamptz, PRIMARY KEY (id)) INHERITS (device);
ALTER TABLE switch DROP gone;
CREATE TABLE stack (members numeric(4,1), PRIMARY KEY (id)) INHERITS (switch);
CREATE TABLE pdu (ports integer, volt integer, load integer, checked timestamptz, PRIMARY KEY (id)) INHERITS (device);
CREATE TABLE cable (load text, PRIMARY KEY (id)) INHERITS (device);
CREATE TABLE device_history (current_id integer, PRIMARY KEY (id)) INHERITS (device);
INSERT INTO device VALUES (1, 'patch panel');
INSERT INTO switch (id, name, ports, poe) VALUES (2, 'access', 24, false);
INSERT INTO stack (id, name, ports, members) VALUES (3, 'core', 48, 2);
INSERT INTO pdu VALUES (4, 'power', 'active', 8, 230, 10);
INSERT INTO cable VALUES (5, 'patch', 'active', 'none');
INSERT INTO device_history VALUES (6, 'access, formerly', 'former', 2);
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_inheritance_op;
RESET ROLE;
SELECT bind_ci_class('device', 'device', '{id}', 'name', condition => 'state <> ''former''', exempt => '{seen,nowhere}');
SELECT bind_ci_class('device', 'device', '{id}', 'name', condition => 'state <> ''former''', exempt => '{seen}');
SELECT finding, detail FROM binding_status;
SELECT column_names, child_sources, child_keys, child_names, child_types FROM table_version WHERE source = 'public.device';
SELECT i.label, a.attribute, a.value FROM ci AS i CROSS JOIN LATERAL ci_attributes(i.label) AS a WHERE a.attribute NOT IN ('id', 'name', 'state') ORDER BY i.label, a.attribute;

-- Captured, and told by drift.
UPDATE switch SET ports = 25, seen = now() WHERE id = 2;
UPDATE pdu SET ports = 9, load = 11;
UPDATE cable SET load = 'some';
DELETE FROM stack WHERE id = 3;
INSERT INTO stack (id, name, ports, members) VALUES (3, 'core', 48, 2);
SELECT d.id, h.operation, h.changed - '{id,name,state,seen}'::text[] AS changed FROM generate_series(2, 5) AS d (id) CROSS JOIN LATERAL history_of('device', d.id::text) AS h
WHERE h.operation <> 'baseline' ORDER BY d.id, h.seq;
SELECT ci, attribute, expected, present, classification FROM drift() ORDER BY ci, attribute;
SELECT * FROM verify_ledger();

-- Guarded, and planned: what the item's own table has.
SELECT govern('device', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_inheritance_app;
UPDATE switch SET ports = 26, seen = now() WHERE id = 2;
UPDATE switch SET seen = now() WHERE id = 2;
ALTER TABLE pdu DROP COLUMN volt;
ALTER TABLE pdu ALTER volt TYPE numeric;
ALTER TABLE pdu RENAME volt TO voltage;
ALTER TABLE pdu RENAME load TO volt;
ALTER TABLE pdu RENAME voltage TO volt;
SET timezone = 'UTC';
ALTER TABLE pdu ALTER checked TYPE timestamp;
ALTER TABLE switch ALTER seen TYPE timestamp;
ALTER TABLE switch RENAME seen TO last_seen;
ALTER TABLE switch RENAME ports TO seen;
ALTER TABLE switch RENAME last_seen TO seen;
RESET timezone;
RESET ROLE;
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\set ECHO none
\i :plain_model
\set ECHO all
SET ROLE regress_inheritance_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES
    (release_id('REL-1'), 'device/2', 'ports', '048'), (release_id('REL-1'), 'device/2', 'poe', 'yes'), (release_id('REL-1'), 'device/2', 'name', 'access 1'),
    (release_id('REL-1'), 'device/3', 'members', '3'), (release_id('REL-1'), 'device/3', 'ports', '96'), (release_id('REL-1'), 'device/4', 'ports', '12'),
    (release_id('REL-1'), 'device/4', 'volt', '110'), (release_id('REL-1'), 'device/1', 'name', 'panel');
SELECT ci, attribute, old_value, new_value, target FROM planned_ci_change ORDER BY ci, attribute;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/1', 'ports', '24');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'members', '1');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'half', '1');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'seen', 'now');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/3', 'members', '1000');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/4', 'load', '1');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/x', 'ports', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'ports', '1');
SELECT ci, attribute, outcome, message FROM dry_run('REL-1') ORDER BY ci, attribute;
SELECT add_wave('REL-1', 'all', '{device/1,device/2,device/3,device/4}');
CALL advance_release('REL-1', 'deploying');

-- One change by the application, as planned; the others by the worker.
SET ROLE regress_inheritance_op;
UPDATE stack SET members = 4 WHERE id = 3;
UPDATE stack SET members = 3 WHERE id = 3;
DO $$
DECLARE
    step record;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('worker');
        EXIT WHEN NOT FOUND;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
    END LOOP;
END $$;
RESET ROLE;
SELECT tableoid::regclass, id, name FROM device WHERE state <> 'former' ORDER BY id;
SELECT id, ports, poe, half FROM switch ORDER BY id;
SELECT id, members FROM stack;
SELECT id, ports, volt FROM pdu;
SET ROLE regress_inheritance_rm;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1') ORDER BY ci, attribute;
SELECT ci, attribute, expected, present, classification, release_code FROM drift() WHERE release_code IS NOT NULL ORDER BY ci, attribute;
SELECT kind, detail FROM trace_ci('device/3') WHERE kind = 'captured change';

-- Taken back as it was; where somebody has come between, not at all.
RESET ROLE;
SELECT govern('device', 'observe') IS NOT NULL AS observed;
UPDATE pdu SET ports = 13 WHERE id = 4;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1') WHERE ci = 'device/4' ORDER BY attribute;
SET ROLE regress_inheritance_rm;
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
UPDATE pdu SET ports = 12 WHERE id = 4;
SET ROLE regress_inheritance_rm;
SELECT back_out_ci_changes('REL-1') AS restored, back_out_ci_changes('REL-1') AS again;
RESET ROLE;
SELECT tableoid::regclass, id, name FROM device WHERE state <> 'former' ORDER BY id;
SELECT id, ports, poe, half FROM switch ORDER BY id;
SELECT id, members FROM stack;
SELECT id, ports, volt FROM pdu;
SELECT * FROM verify_ledger();

-- DDL: columns of what inherits come, go, get other types and names; so do the tables.
SET ROLE regress_inheritance_app;
ALTER TABLE switch RENAME ports TO sockets;
ALTER TABLE pdu ADD note text, ADD made date DEFAULT '2026-01-01', ALTER volt TYPE bigint;
ALTER TABLE device ADD note text;
ALTER TABLE cable DROP load;
CREATE TABLE fan (id integer PRIMARY KEY, name text NOT NULL, state text NOT NULL, note text, speed integer NOT NULL);
INSERT INTO fan VALUES (8, 'fan', 'active', NULL, 1000);
ALTER TABLE fan INHERIT device;
UPDATE fan SET speed = 2000;
RESET ROLE;
SELECT attribute, value FROM ci_attributes('device/8');
SELECT operation, changed FROM history_of('device', '8');
SELECT * FROM verify_ledger();
SET ROLE regress_inheritance_app;
ALTER TABLE fan NO INHERIT device;
ALTER TABLE switch RENAME TO exchange;
ALTER TABLE device DROP note;
RESET ROLE;
SELECT operation, changed FROM history_of('device', '8') LIMIT 1;
SELECT operation, changed - 'seen' AS changed FROM history_of('device', '2') WHERE changed ?| '{ports,sockets}';
SELECT child_sources, child_keys, child_names, child_types FROM table_version WHERE source = 'public.device' ORDER BY version DESC LIMIT 1;
SELECT * FROM verify_ledger();
-- What a superuser does behind the ledger's back is named.
BEGIN;
ALTER EVENT TRIGGER rm_ledger_alter DISABLE;
ALTER TABLE pdu ADD hidden integer;
SELECT finding, source, found FROM verify_ledger();
ROLLBACK;
BEGIN;
ALTER TABLE pdu DISABLE TRIGGER rm_90_capture;
UPDATE pdu SET volt = 400;
ALTER TABLE pdu ENABLE ALWAYS TRIGGER rm_90_capture;
SELECT finding, source, key FROM verify_ledger();
ROLLBACK;
SET client_min_messages = error;
CALL revoke_duty('regress_inheritance_rm', 'release manager', 'Provider');
CALL revoke_duty('regress_inheritance_op', 'operator', 'Provider');
DROP OWNED BY regress_inheritance_app CASCADE;
DROP OWNED BY regress_inheritance_op, regress_inheritance_rm;
DROP ROLE regress_inheritance_app, regress_inheritance_op, regress_inheritance_rm;
