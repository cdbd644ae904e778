-- Conflicts: the same or related items, at overlapping times, by another release or change; computed from the plans as they are.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_other;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_other', 'release manager', 'Second');
CALL grant_duty('regress_other', 'change manager', 'Second');

-- A rack holds hosts, a host holds packages, a service runs on two hosts; and two hosts that stand for each other, in a circle.
CREATE TABLE rack (name text PRIMARY KEY);
CREATE TABLE host (name text PRIMARY KEY, rack text REFERENCES rack, stands_in_for text REFERENCES host);
CREATE TABLE package (host text REFERENCES host, name text, version text, PRIMARY KEY (host, name));
INSERT INTO rack VALUES ('r1'), ('r2');
INSERT INTO host VALUES ('a', 'r1', NULL), ('b', 'r1', NULL), ('c', 'r2', NULL), ('d', NULL, NULL), ('e', NULL, 'd');
UPDATE host SET stands_in_for = 'e' WHERE name = 'd';
INSERT INTO package VALUES ('a', 'curl', '1'), ('b', 'curl', '1'), ('c', 'curl', '1');
SELECT bind_ci_class('rack', 'rack', '{name}', 'name'), bind_ci_class('host', 'host', '{name}', 'name'), bind_ci_class('package', 'package', '{host,name}', 'name');
CALL bind_ci_relation('in', 'host', '{rack}', 'rack');
CALL bind_ci_relation('stands in for', 'host', '{stands_in_for}', 'host');
CALL bind_ci_relation('installed on', 'package', '{host}', 'host');

SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal'), ('CHG-2', 'normal'), ('CHG-3', 'normal');
SELECT create_release('REL-1', 'minor', changes => '{CHG-1}') IS NOT NULL AS created;
RESET ROLE;
CREATE VIEW settled AS SELECT c.met, c.missing, c.owner FROM release AS r, release_mgmt_internal.ask_check('conflicts_settled', r.id) AS c WHERE r.code = 'REL-1';
CREATE VIEW conflicts AS SELECT coalesce(release, change) AS subject, ci, relation, other_ci, other, other_kind, overlap, accepted_by, reason FROM change_conflict;
-- Nothing planned is nothing compared.
SELECT * FROM settled;
SET ROLE regress_manager;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'package/a:curl', 'version', '2');
RESET ROLE;
SELECT * FROM settled;
SET ROLE regress_manager;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01 00:00, 2099-01-01 04:00)');
RESET ROLE;
SELECT * FROM settled;

-- The host that the package is installed on, by a change of its own: through one relation. Its rack, by a release: through two.
SET ROLE regress_manager;
CALL plan_change('CHG-2', '{host/a}', '[2099-01-01 03:00, 2099-01-01 05:00)');
SELECT create_release('REL-2', 'minor', changes => '{CHG-3}', planned => '[2099-01-01 02:00, 2099-01-01 03:30)') IS NOT NULL AS created;
SELECT add_wave('REL-2', 'all', '{rack/r1}');
-- Neither in the way: another time, and items that do not hang together.
INSERT INTO change_request (code, type) VALUES ('CHG-4', 'normal'), ('CHG-5', 'normal'), ('CHG-6', 'normal');
CALL plan_change('CHG-4', '{package/a:curl,host/a}', '[2099-01-01 04:00, 2099-01-01 05:00)');
CALL plan_change('CHG-5', '{host/b,package/c:curl,rack/r2}', '[2099-01-01 00:00, 2099-01-01 05:00)');
RESET ROLE;
SELECT * FROM settled;
SELECT * FROM conflicts WHERE subject = 'REL-1' ORDER BY other, other_ci;
SELECT subject, ci, relation, other_ci, other FROM conflicts WHERE subject <> 'REL-1' ORDER BY subject, ci, other, other_ci;

-- It follows every plan that moves, the other's and one's own, and is gone with what ends.
BEGIN;
SET LOCAL ROLE regress_manager;
CALL plan_change('CHG-2', '{host/a}', '[2099-02-01 03:00, 2099-02-01 05:00)');
RESET ROLE;
SELECT missing FROM settled;
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_manager;
UPDATE change_window SET period = '[2099-01-01 04:30, 2099-01-01 04:40)';
RESET ROLE;
SELECT missing FROM settled;
ROLLBACK;
BEGIN;
UPDATE package SET host = 'c', name = 'other' WHERE host = 'a';
SELECT missing FROM settled;
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_manager;
CALL advance_release('REL-2', 'cancelled');
CALL advance_change('CHG-2', 'cancelled', 'not needed');
RESET ROLE;
SELECT * FROM settled;
ROLLBACK;

-- A circle of relations ends where it began.
BEGIN;
SET LOCAL ROLE regress_manager;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'host/d', 'rack', 'r2');
CALL plan_change('CHG-6', '{host/e}', '[2099-01-01 00:00, 2099-01-01 01:00)');
RESET ROLE;
SELECT subject, ci, relation, other_ci, other FROM conflicts WHERE 'CHG-6' IN (subject, other) ORDER BY subject, relation;
ROLLBACK;

-- Accepted by a change manager who did not request it, with a reason; for this time and no other.
SET ROLE regress_manager;
SELECT accept_conflict('REL-1', 'CHG-2', 'they know of each other');
SET ROLE regress_approver;
SELECT accept_conflict('REL-1', 'CHG-2', ' ');
SELECT accept_conflict('REL-1', 'CHG-4', 'there is none');
SELECT accept_conflict('REL-1', 'CHG-2', 'they know of each other', ci => 'host/b');
SELECT accept_conflict('REL-1', 'CHG-2', 'they know of each other', ci => 'package/a:curl');
SELECT accept_conflict('REL-1', 'CHG-2', 'they know of each other');
SELECT missing FROM release_mgmt.gate_status WHERE criterion = 'no conflict' AND release = 'REL-1' LIMIT 1;
SELECT accept_conflict('REL-1', 'REL-2', 'the rack is only painted');
RESET ROLE;
SELECT * FROM settled;
SELECT other, accepted_by, reason FROM conflicts WHERE subject = 'REL-1' ORDER BY other;
SELECT evidence -> 'accepted' -> 0 ->> 'reason' AS first_reason, evidence ->> 'change_conflict' AS conflicts FROM release_mgmt_internal.ask_check('conflicts_settled', release_id('REL-1'));
SET ROLE regress_manager;
CALL plan_change('CHG-2', '{host/a}', '[2099-01-01 03:30, 2099-01-01 05:00)');
RESET ROLE;
SELECT met, missing FROM settled;
SET ROLE regress_manager;
CALL plan_change('CHG-2', '{host/a}', '[2099-01-01 02:30, 2099-01-01 05:00)');
RESET ROLE;
SELECT met, missing FROM settled;

-- Another provider's release is in the way too; whose it is, is not told to whom it does not concern.
SET ROLE regress_other;
SELECT create_release('REL-9', 'minor', planned => '[2099-01-01 00:30, 2099-01-01 00:45)') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-9'), 'package/a:curl', 'version', '3');
SELECT release, ci, other, overlap FROM change_conflict;
SET ROLE regress_approver;
SELECT release, ci, other, relation, overlap FROM change_conflict WHERE release = 'REL-1' AND other IS NULL;

RESET ROLE;
DROP OWNED BY regress_manager, regress_approver, regress_other;
DROP ROLE regress_manager, regress_approver, regress_other;
