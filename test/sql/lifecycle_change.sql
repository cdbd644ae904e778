-- Change requests: their states by type, who may move them, what stands in the way, and how they go with releases and emergencies.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_other;
CREATE ROLE regress_operator;
CREATE ROLE regress_stranger;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_other', 'change manager', 'Authority');
CALL grant_duty('regress_operator', 'operator', 'Provider');
CALL grant_duty('regress_stranger', 'change manager', 'Second');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0'), ('beta', '1.0');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name', mode => 'enforce');

-- The road of each type, as a table.
SELECT type, from_state, string_agg(to_state, ', ' ORDER BY to_state) AS to_states FROM change_transition GROUP BY type, from_state ORDER BY type, from_state;
-- No state is a trap: from each one, some way leads to closed or cancelled.
WITH RECURSIVE ending(type, state) AS (
    SELECT DISTINCT type, s FROM change_transition, unnest('{closed,cancelled}'::text[]) AS s
    UNION
    SELECT t.type, t.from_state FROM ending AS e JOIN change_transition AS t ON t.type = e.type AND t.to_state = e.state
)
SELECT t.type, t.from_state FROM change_transition AS t WHERE NOT EXISTS (SELECT FROM ending AS e WHERE e.type = t.type AND e.state = t.from_state);

-- A normal change: whoever requests it does not judge it, and nothing is said without words.
SET ROLE regress_manager;
INSERT INTO change_request (code, type, title, state, requested_by, approval_due) VALUES ('CHG-1', 'normal', 'more memory', 'closed', person_id('regress_other'), now());
SELECT change, state, next_states, releases, approval_due, overdue FROM change_status;
CALL advance_change('CHG-1', 'closed');
CALL advance_change('CHG-1', 'open');
CALL advance_change('CHG-9', 'closed');
CALL advance_change('CHG-1', 'assessed');
CALL advance_change('CHG-1', 'approved');
UPDATE change_request SET state = 'assessed' WHERE code = 'CHG-1';
SET ROLE regress_operator;
CALL advance_change('CHG-1', 'assessed', 'looks fine');
SET ROLE regress_stranger;
CALL advance_change('CHG-1', 'assessed', 'looks fine');
RESET ROLE;
UPDATE change_request SET state = 'assessed' WHERE code = 'CHG-1';
UPDATE change_request SET type = 'standard' WHERE code = 'CHG-1';
SET ROLE regress_approver;
CALL advance_change('CHG-1', 'approved');
CALL advance_change('CHG-1', 'assessed', 'little risk');
CALL advance_change('CHG-1', 'assessed', 'little risk');
SET ROLE regress_manager;
CALL advance_change('CHG-1', 'approved');
SET ROLE regress_approver;
CALL advance_change('CHG-1', 'approved');
CALL advance_change('CHG-1', 'scheduled');
-- Its plan: items and a time, fixed once it is judged.
CALL plan_change('CHG-1', '{server/alpha}', '[2099-01-01,2099-01-02)');
CALL advance_change('CHG-1', 'requested', 'other items');
CALL plan_change('CHG-1', '{server/alpha,server/gamma,rack/1}', '[2099-01-01,2099-01-02)');
CALL plan_change('CHG-1', '{server/alpha,server/beta}', '[2099-01-01,2099-01-02)');
CALL plan_change('CHG-1', '{server/alpha}', '[2099-01-01,2099-01-02)');
SELECT ci FROM change_ci;
CALL advance_change('CHG-1', 'assessed', 'little risk');
CALL advance_change('CHG-1', 'approved');
CALL advance_change('CHG-1', 'scheduled');
SET ROLE regress_operator;
CALL advance_change('CHG-1', 'implemented');
SET ROLE regress_approver;
CALL advance_change('CHG-1', 'closed');
CALL advance_change('CHG-1', 'reviewed', 'as planned');
CALL advance_change('CHG-1', 'closed');
CALL advance_change('CHG-1', 'requested', 'again');
SELECT h.from_state, h.to_state, h.note, p.code FROM change_state_history AS h JOIN person AS p ON p.id = h.person_id ORDER BY h.entered_at;

-- A standard change: approved by the model that it follows, while that is in force.
SET ROLE regress_approver;
INSERT INTO change_model (code, description, procedure) VALUES ('new user', 'one account', 'useradd');
SELECT change_model_id('new user');
CALL approve_change_model('new user');
SET ROLE regress_manager;
CALL approve_change_model('old user');
CALL approve_change_model('new user');
INSERT INTO change_model (code, description, procedure) VALUES ('new user', 'one account', 'useradd -m');
INSERT INTO change_request (code, type, change_model_id) VALUES ('STD-1', 'standard', change_model_id('new user'));
INSERT INTO change_request (code, type) VALUES ('STD-2', 'standard');
INSERT INTO change_request (code, type, change_model_id) VALUES ('STD-3', 'normal', change_model_id('new user'));
INSERT INTO change_request (code, type, change_model_id) VALUES ('STD-3', 'standard', change_model_id('new user'));
CALL advance_change('STD-1', 'approved');
CALL advance_change('STD-2', 'approved');
SET ROLE regress_approver;
CALL retire_change_model('new user');
SET ROLE regress_manager;
CALL advance_change('STD-3', 'approved');
SELECT change, state FROM change_status WHERE type = 'standard' ORDER BY change;
RESET ROLE;
UPDATE change_model SET procedure = 'rm -rf /' WHERE code = 'new user';

-- With a release: what completes its quorum approves the changes that it carries; they are implemented when it is rolled out.
INSERT INTO release_model (code, description) VALUES ('small', 'One gate.');
INSERT INTO model_state SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('live', 2, 'deployed'), ('done', 3, 'ended')) AS v(s, o, k) WHERE code = 'small';
INSERT INTO model_transition SELECT id, f, t, true FROM release_model, (VALUES ('draft', 'live'), ('live', 'done')) AS v(f, t) WHERE code = 'small';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT id, t, o, c, c FROM release_model, (VALUES ('live', 1, 'changes_approved'), ('live', 2, 'roll_out_agreed'), ('done', 1, 'changes_approved')) AS v(t, o, c) WHERE code = 'small';
CALL publish_model('small');
INSERT INTO change_model (code, version, description, procedure) VALUES ('new user', 2, 'one account', 'useradd -m');
SET ROLE regress_approver;
CALL approve_change_model('new user');
SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-2', 'normal'), ('CHG-3', 'normal');
INSERT INTO change_request (code, type, change_model_id) VALUES ('STD-4', 'standard', change_model_id('new user'));
SELECT create_release('REL-1', 'minor', model => 'small', changes => '{CHG-2,CHG-3,STD-4}', planned => '[2099-01-01,2099-01-02)') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app_version', '2.0');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT approval_digest('REL-1') AS agreed \gset
SELECT criterion, missing, owner FROM gate_status WHERE gate = 'live';
SET ROLE regress_approver;
CALL advance_change('CHG-2', 'approved');
CALL advance_change('CHG-3', 'refused', 'not this month');
CALL agree_roll_out('REL-1', :'agreed');
SET ROLE regress_manager;
\set VERBOSITY terse
CALL agree_roll_out('REL-1', compute_digest('something else'));
\set VERBOSITY default
CALL agree_roll_out('REL-1', :'agreed');
CALL agree_roll_out('REL-1', :'agreed');
SET ROLE regress_approver;
CALL approve_release('REL-1', :'agreed');
SELECT change, state, state_note, releases FROM change_status WHERE releases IS NOT NULL ORDER BY change;
SELECT criterion, missing, owner FROM gate_status WHERE gate = 'live';
SET ROLE regress_manager;
CALL advance_change('CHG-2', 'scheduled');
CALL advance_change('CHG-2', 'implemented');
CALL advance_change('CHG-3', 'requested', 'next month then');
CALL advance_change('STD-4', 'approved');
SELECT missing FROM gate_status WHERE criterion = 'changes_approved' AND gate = 'live';
CALL advance_change('CHG-3', 'approved');
SET ROLE regress_approver;
CALL advance_change('CHG-3', 'approved');
SET ROLE regress_manager;
SELECT criterion, status FROM gate_status WHERE gate = 'live';
SELECT change, agreed_by, approved_by FROM change_agreement WHERE digest = :'agreed' ORDER BY change;
BEGIN;
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'hope');
SELECT missing, owner FROM gate_status WHERE criterion = 'roll_out_agreed';
SELECT change, agreed_by, approved_by FROM change_agreement ORDER BY change;
ROLLBACK;
CALL advance_release('REL-1', 'live');
CALL advance_change('CHG-2', 'implemented');
SELECT status, missing FROM obligation_status WHERE release = 'REL-1' AND clause = '4';

-- An emergency change: act first, judged within the time that the organization gives; later it is overdue, and its releases wait.
SET ROLE regress_approver;
INSERT INTO approval_deadline (organization_id, approve_within) VALUES (organization_id('Provider'), '1 hour');
INSERT INTO approval_deadline (organization_id, approve_within, in_force_from) VALUES (organization_id('Provider'), '1 minute', '2099-01-01');
INSERT INTO approval_deadline (organization_id, approve_within) VALUES (organization_id('Second'), '1 hour');
SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('EMG-1', 'emergency');
SELECT approval_due - created_at AS within FROM change_request WHERE code = 'EMG-1';
SET ROLE regress_operator;
CALL advance_change('EMG-1', 'implemented');
SET ROLE regress_manager;
INSERT INTO release_change SELECT release_id('REL-1'), change_id('EMG-1');
CALL advance_change('EMG-1', 'approved');
CALL advance_change('EMG-1', 'reviewed', 'went well');
RESET ROLE;
BEGIN;
UPDATE change_request SET approval_due = now() - interval '1 minute' WHERE code = 'EMG-1';
SELECT change FROM change_status WHERE overdue;
SELECT missing ~ 'emergency change EMG-1 was to be judged by ' AS overdue FROM gate_status WHERE gate = 'done';
SET LOCAL ROLE regress_approver;
CALL advance_change('EMG-1', 'approved');
SELECT change FROM change_status WHERE overdue;
RESET ROLE;
SELECT missing FROM gate_status WHERE gate = 'done';
ROLLBACK;
SET ROLE regress_approver;
CALL advance_change('EMG-1', 'refused', 'nothing was broken');
CALL advance_change('EMG-1', 'reviewed', 'talked to');
CALL advance_change('EMG-1', 'closed');

-- One that opened items is the same: its verdict is the change's, whichever way it is given.
SET ROLE regress_operator;
SELECT declare_emergency('EMG-2', '{server/beta}', 'disk full') > now() AS open;
SELECT declare_emergency('EMG-3', '{server/beta}', 'disk full again') > now() AS open;
SET ROLE regress_approver;
CALL judge_emergency('EMG-2', 'rejected', 'the disk was not full');
CALL advance_change('EMG-3', 'implemented');
CALL advance_change('EMG-3', 'approved', 'this time it was');
SELECT e.code, e.status, e.remark, e.judged_by, s.state, s.state_note FROM emergency_status AS e JOIN change_status AS s ON s.change = e.code ORDER BY e.code;

RESET ROLE;
-- Each way on which a change loses its approval raises the revision of the releases that carry it: none passes a gate beside it.
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO change_request (code, type, state) VALUES ('CHG-BACK', 'normal', 'approved'), ('CHG-OFF', 'normal', 'scheduled'), ('CHG-ON', 'normal', 'approved');
INSERT INTO release (code, type, model_id) SELECT 'REL-' || c.code, 'minor', m.id FROM change_request AS c, release_model AS m WHERE c.code IN ('CHG-BACK', 'CHG-OFF', 'CHG-ON') AND m.code = 'minor';
INSERT INTO release_change SELECT release_id('REL-' || code), id FROM change_request WHERE code IN ('CHG-BACK', 'CHG-OFF', 'CHG-ON');
RESET session_replication_role;
SET ROLE regress_manager;
CALL advance_change('CHG-BACK', 'requested', 'not yet');
CALL advance_change('CHG-OFF', 'cancelled', 'never');
CALL advance_change('CHG-ON', 'scheduled');
RESET ROLE;
SELECT code, revision > 0 AS raised FROM release WHERE code LIKE 'REL-CHG%' ORDER BY code;

DROP OWNED BY regress_manager, regress_approver, regress_other, regress_operator, regress_stranger;
DROP ROLE regress_manager, regress_approver, regress_other, regress_operator, regress_stranger;
