-- What a class that is bound to the parent of an inheritance tree does not reach is said: columns of the tables that inherit, and where a
-- row would come back.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_inheritance_rm;
CALL grant_duty('regress_inheritance_rm', 'release manager', 'Provider');
CREATE TABLE device (id integer PRIMARY KEY, name text NOT NULL, state text NOT NULL DEFAULT 'active');
CREATE TABLE switch (ports integer, poe boolean, ports_pair integer GENERATED ALWAYS AS (ports / 2) STORED, PRIMARY KEY (id)) INHERITS (device);
CREATE TABLE stack (members integer, PRIMARY KEY (id)) INHERITS (switch);
CREATE TABLE passive (PRIMARY KEY (id)) INHERITS (device);
CREATE TABLE device_history (current_id integer, PRIMARY KEY (id)) INHERITS (device);
INSERT INTO device VALUES (1, 'patch panel');
INSERT INTO switch VALUES (2, 'access', 'active', 24, false);
INSERT INTO passive VALUES (3, 'shelf');
INSERT INTO device_history VALUES (4, 'access, formerly', 'former', 2);
SELECT bind_ci_class('device', 'device', '{id}', 'name', condition => 'state <> ''former''');

-- binding_status names the columns as soon as an item has them: those of the empty stack are of no item, those of the history neither,
-- and a generated column has no value of its own.
SELECT finding, detail FROM binding_status;
INSERT INTO stack (id, name, ports, members) VALUES (5, 'core', 48, 2);
SELECT finding, detail FROM binding_status;
SELECT attribute FROM ci_attributes('device/2');
UPDATE switch SET ports = 48 WHERE id = 2;
SELECT operation, changed FROM history_of('device', '2');
SELECT govern('device', 'enforce') IS NOT NULL AS enforced;
UPDATE switch SET ports = 24 WHERE id = 2;

-- Nothing is planned that could not be done, or taken back as it was.
SET ROLE regress_inheritance_rm;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'ports', '24');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'colour', 'red');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'device/2', 'retire');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'device/3', 'retire');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'device/1', 'retire');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'device/2', 'name', 'access 1') RETURNING old_value, new_value;
SELECT ci, outcome, message FROM dry_run('REL-1') ORDER BY ci;
RESET ROLE;

-- A class for what inherits reaches all of it.
CALL unbind_ci_class('device');
SELECT bind_ci_class('stack', 'stack', '{id}', 'name', mode => 'enforce');
SELECT ungovern('device');
SELECT bind_ci_class('stack', 'stack', '{id}', 'name', mode => 'enforce');
SELECT class, finding FROM binding_status ORDER BY class;
SET ROLE regress_inheritance_rm;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'stack/5', 'members', '3'), (release_id('REL-2'), 'stack/5', 'ports', '096')
RETURNING attribute, old_value, new_value;
SELECT ci, attribute, outcome, message FROM dry_run('REL-2') ORDER BY attribute;
RESET ROLE;
SELECT govern('stack', 'observe') IS NOT NULL AS observed;
UPDATE stack SET members = 4, ports = 96;
SELECT operation, changed - 'name' - 'state' AS changed FROM history_of('stack', '5') WHERE operation = 'update';
SELECT ci, attribute, expected, present, classification FROM drift() ORDER BY attribute;
SELECT * FROM verify_ledger();
RESET ROLE;

-- The partitions of a table have its columns, and a row comes back by its key: an item of theirs may be retired.
CREATE TABLE port (device integer, no integer, label text, PRIMARY KEY (device, no)) PARTITION BY LIST (device);
CREATE TABLE port_1 PARTITION OF port FOR VALUES IN (1);
INSERT INTO port VALUES (1, 1, 'uplink');
SELECT bind_ci_class('port', 'port', '{device,no}', 'label');
SELECT finding FROM binding_status WHERE class = 'port';
SET ROLE regress_inheritance_rm;
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-2'), 'port/1:1', 'retire') RETURNING operation;
RESET ROLE;
CALL revoke_duty('regress_inheritance_rm', 'release manager', 'Provider');
DROP OWNED BY regress_inheritance_rm;
DROP ROLE regress_inheritance_rm;
