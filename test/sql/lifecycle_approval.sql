-- Approvals: who must approve by the model's quorum, in whose seat, on what condition, until when; and who refuses.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_cab_1;
CREATE ROLE regress_cab_2;
CREATE ROLE regress_cab_3;
CREATE ROLE regress_provider_cm;
CREATE ROLE regress_alpha;
CREATE ROLE regress_beta;
CREATE ROLE regress_deputy;
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer'), ('Beta', 'customer');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Authority');
CALL grant_duty('regress_cab_1', 'change manager', 'Authority');
CALL grant_duty('regress_cab_2', 'change manager', 'Authority');
CALL grant_duty('regress_cab_3', 'change manager', 'Authority');
CALL grant_duty('regress_provider_cm', 'change manager', 'Provider');
CALL grant_duty('regress_alpha', 'customer representative', 'Alpha');
CALL grant_duty('regress_beta', 'customer representative', 'Beta');
CALL grant_duty('regress_deputy', 'operator', 'Provider');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');

-- A model says which bodies approve: two change managers of the authority, and one representative of each customer.
INSERT INTO release_model (code, description) VALUES ('strict', 'One gate.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('ready', 2, 'planning'), ('done', 3, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'strict';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'ready'), ('ready', 'done')) AS t(f, t) WHERE m.code = 'strict';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, c.s, 1, 'approval', 'changes_approved' FROM release_model AS m, (VALUES ('ready'), ('done')) AS c(s) WHERE m.code = 'strict';
INSERT INTO approval_quorum (model_id, body, duty, seats, required)
SELECT m.id, q.body, q.duty, q.seats, q.required
FROM release_model AS m, (VALUES ('CAB', 'change manager', 'authority', 2), ('customers', 'customer representative', 'customers', 1)) AS q(body, duty, seats, required) WHERE m.code = 'strict';
\set VERBOSITY terse
INSERT INTO approval_quorum (model_id, body, duty, seats, required) SELECT id, 'nobody', 'change manager', 'authority', 0 FROM release_model WHERE code = 'strict';
INSERT INTO approval_quorum (model_id, body, duty, seats) SELECT id, 'nobody', 'king', 'authority' FROM release_model WHERE code = 'strict';
INSERT INTO approval_quorum (model_id, body, duty, seats) SELECT id, 'nobody', 'auditor', 'authority' FROM release_model WHERE code = 'strict';
\set VERBOSITY default
CALL publish_model('strict');
UPDATE approval_quorum SET required = 1 WHERE body = 'CAB' AND NOT builtin;

SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', model => 'strict', customers => '{Alpha,Beta}', changes => '{CHG-1}') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app_version', '2.0');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT approval_digest('REL-1') AS agreed \gset
RESET ROLE;
CREATE VIEW missing AS SELECT missing, owner FROM gate_status WHERE release = 'REL-1' AND gate = 'ready';
CREATE VIEW standing AS SELECT verdict, body, organization, approved_by, on_behalf_of, status, changed, conditions FROM release_approval ORDER BY verdict, body, organization, approved_by;
GRANT SELECT ON missing, standing TO PUBLIC;
SELECT * FROM missing;

-- A seat is needed, in the right organization; the requester has none, in whatever other capacity.
SET ROLE regress_provider_cm;
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_deputy;
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_cab_1;
CALL approve_release('REL-1', :'agreed', body => 'customers');
SET ROLE regress_manager;
CALL approve_release('REL-1', :'agreed');

-- One of two, and one customer of two; said again, it is the same.
SET ROLE regress_cab_1;
CALL approve_release('REL-1', :'agreed');
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_alpha;
CALL approve_release('REL-1', :'agreed', body => 'customers');
RESET ROLE;
SELECT * FROM missing;
SELECT * FROM standing;

-- Delegation: not to oneself, nor to the requester of that release, nor what one does not have, nor what one has from another.
SET ROLE regress_cab_2;
SELECT delegate_approval('regress_cab_2', now() + interval '1 day');
SELECT delegate_approval('regress_manager', now() + interval '1 day', release => 'REL-1');
\set VERBOSITY terse
SELECT delegate_approval('regress_deputy', now() - interval '1 day');
\set VERBOSITY default
SELECT delegate_approval('regress_nobody', now() + interval '1 day');
SELECT delegate_approval('regress_deputy', now() + interval '1 day', duty => 'customer representative');
SELECT delegate_approval('regress_deputy', 'tomorrow', reason => 'on leave') AS delegation \gset
SELECT delegate_approval('regress_deputy', 'tomorrow', reason => 'on leave') = :'delegation' AS the_same;
SELECT delegate_approval('regress_cab_1', 'tomorrow') IS NOT NULL AS delegated;
SELECT delegate_approval('regress_manager', 'tomorrow') IS NOT NULL AS delegated;
SET ROLE regress_deputy;
SELECT delegate_approval('regress_provider_cm', 'tomorrow');
SELECT delegated_by, delegate, duty, reason, status FROM approval_delegation_status ORDER BY delegate;

-- The requester approves for nobody; nobody approves twice in one body, neither as another nor through another.
SET ROLE regress_manager;
CALL approve_release('REL-1', :'agreed', on_behalf_of => 'regress_cab_2');
SET ROLE regress_cab_1;
CALL approve_release('REL-1', :'agreed', on_behalf_of => 'regress_cab_2');
SET ROLE regress_deputy;
CALL approve_release('REL-1', :'agreed', on_behalf_of => 'regress_cab_1');
CALL approve_release('REL-1', :'agreed', on_behalf_of => 'regress_cab_2');
SET ROLE regress_cab_2;
CALL approve_release('REL-1', :'agreed');
RESET ROLE;
SELECT * FROM missing;
SELECT * FROM standing;
-- What is revoked approves nothing more; what it approved stands.
SET ROLE regress_deputy;
CALL revoke_delegation(:'delegation');
SET ROLE regress_cab_2;
CALL revoke_delegation(:'delegation');
CALL revoke_delegation(:'delegation');
SET ROLE regress_deputy;
CALL refuse_release('REL-1', :'agreed', 'no', on_behalf_of => 'regress_cab_2');
SELECT count(*) FROM release_approval WHERE valid AND on_behalf_of = 'regress_cab_2';
-- One for a single release; and one that is over.
SET ROLE regress_beta;
SELECT delegate_approval('regress_alpha', clock_timestamp() + interval '1 second', duty => 'customer representative', release => 'REL-1') IS NOT NULL AS delegated;
DO $$ BEGIN PERFORM pg_sleep(1.1); END $$;
SELECT release, status FROM approval_delegation_status WHERE delegated_by = 'regress_beta';
SET ROLE regress_alpha;
CALL approve_release('REL-1', :'agreed', on_behalf_of => 'regress_beta');

-- On condition: it counts once somebody with a seat in that body discharges it, with evidence.
SET ROLE regress_beta;
CALL approve_release('REL-1', :'agreed', conditions => '{" "}');
CALL approve_release('REL-1', :'agreed', conditions => '{"the help desk is told","a copy is kept"}');
CALL approve_release('REL-1', :'agreed');
RESET ROLE;
SELECT * FROM missing;
SELECT id AS first FROM approval_condition ORDER BY condition LIMIT 1 \gset
SELECT id AS second FROM approval_condition ORDER BY condition DESC LIMIT 1 \gset
SET ROLE regress_manager;
CALL discharge_condition(:'first', 'done');
SET ROLE regress_alpha;
CALL discharge_condition(:'first', 'done');
SET ROLE regress_beta;
CALL discharge_condition('00000000-0000-7000-8000-000000000000', 'done');
CALL discharge_condition(:'first', ' ');
CALL discharge_condition(:'first', 'copied to tape 7');
SELECT status, conditions FROM standing WHERE approved_by = 'regress_beta';
CALL discharge_condition(:'second', 'ticket 4711');
RESET ROLE;
SELECT c.condition, p.code AS discharged_by, c.evidence FROM approval_condition AS c JOIN person AS p ON p.id = c.discharged_by ORDER BY c.condition;
SELECT met, missing, jsonb_array_length(evidence) AS approvals FROM release_mgmt_internal.ask_check('changes_approved', release_id('REL-1'));

-- A refusal blocks, until it is withdrawn; who refused does not approve meanwhile.
SET ROLE regress_cab_3;
CALL refuse_release('REL-1', :'agreed', '');
\set VERBOSITY terse
CALL refuse_release('REL-1', compute_digest('what I imagined'), 'I do not like it');
\set VERBOSITY default
CALL withdraw_refusal('REL-1', 'nothing');
CALL refuse_release('REL-1', :'agreed', 'the window is too short');
CALL refuse_release('REL-1', :'agreed', 'the window is far too short');
CALL approve_release('REL-1', :'agreed');
RESET ROLE;
SELECT * FROM missing;
SET ROLE regress_cab_3;
CALL withdraw_refusal('REL-1', '');
CALL withdraw_refusal('REL-1', 'it is extended');
CALL approve_release('REL-1', :'agreed');
RESET ROLE;
SELECT * FROM standing WHERE approved_by = 'regress_cab_3';

-- An approval that expires, by itself.
SET ROLE regress_alpha;
\set VERBOSITY terse
CALL approve_release('REL-1', :'agreed', expires_at => now() - interval '1 hour');
\set VERBOSITY default
CALL approve_release('REL-1', :'agreed', expires_at => clock_timestamp() + interval '1 second');
DO $$ BEGIN PERFORM pg_sleep(1.1); END $$;
RESET ROLE;
SELECT * FROM missing;
SET ROLE regress_alpha;
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_manager;
CALL advance_release('REL-1', 'ready');

-- Approvals and refusals die with each part that changes, in the transaction that changes it, and live again when that is undone.
RESET ROLE;
CREATE FUNCTION alive() RETURNS text LANGUAGE sql AS $$ SELECT count(*) FILTER (WHERE valid) || ' valid, changed: ' || coalesce(string_agg(DISTINCT changed, ', '), 'nothing') FROM release_approval $$;
SELECT alive();
BEGIN;
SET LOCAL ROLE regress_manager;
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'hope');
SELECT alive();
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_manager;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01,2099-01-02)');
SELECT alive();
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-2', 'normal');
INSERT INTO release_change SELECT release_id('REL-1'), id FROM change_request WHERE code = 'CHG-2';
SELECT alive();
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_manager;
SELECT revise_package('PKG-1');
SELECT alive();
ROLLBACK;
SELECT alive();

-- The next version of the model takes the quorum along.
SELECT revise_model('strict');
SELECT q.body, q.duty, q.seats, q.required FROM approval_quorum AS q JOIN release_model AS m ON m.id = q.model_id WHERE m.code = 'strict' AND m.version = 2 ORDER BY q.body;
SELECT m.code, q.body, q.duty, q.seats, q.required FROM approval_quorum AS q JOIN release_model AS m ON m.id = q.model_id WHERE m.builtin ORDER BY m.code;

-- A policy asks for bodies of its own of every release under it, and more of those that the model names: the stricter holds.
RESET ROLE;
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL-A', 'o', 's', 'p'), ('POL-B', 'o', 's', 'p'), ('POL-C', 'o', 's', 'p');
INSERT INTO policy_quorum (policy_id, body, duty, seats, required, signed, lasts)
SELECT p.id, q.body, q.duty, q.seats, q.required, q.signed, q.lasts::interval
FROM release_policy AS p JOIN (VALUES ('POL-A', 'CAB', 'change manager', 'authority', 1, false, '1 hour'), ('POL-A', 'customers', 'customer representative', 'customers', 2, false, NULL),
                                      ('POL-A', 'security', 'librarian', 'authority', 1, true, NULL), ('POL-B', 'CAB', 'change manager', 'concerned', 1, true, NULL),
                                      ('POL-C', 'CAB', 'change manager', 'serving', 1, false, NULL)) AS q(policy, body, duty, seats, required, signed, lasts) ON q.policy = p.code;
SELECT p.code AS policy, m.code AS model, q.*
FROM release_policy AS p, release_model AS m, LATERAL release_mgmt_internal.quorum_of(m.id, p.id) AS q WHERE (p.code, m.code) IN (('POL-A', 'strict'), ('POL-A', 'minor'), ('POL-B', 'minor')) AND m.version = 1
ORDER BY p.code, m.code, q.body COLLATE "C";
SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-2', 'normal');
SELECT create_release('REL-2', 'minor', model => 'strict', customers => '{Alpha}', changes => '{CHG-2}', policy => 'POL-A') IS NOT NULL AS created;
-- Model and policy name one body and mean others.
SELECT create_release('REL-3', 'minor', model => 'strict', policy => 'POL-C');
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'POL-B') WHERE code = 'REL-2';
SELECT missing, owner FROM gate_status WHERE release = 'REL-2' AND gate = 'ready';
-- The policy stands still once a release runs under it; another does not.
UPDATE policy_quorum SET required = 1 WHERE body = 'customers';
DELETE FROM policy_quorum WHERE body = 'security';
INSERT INTO policy_quorum (policy_id, body, duty, seats) SELECT id, 'ECAB', 'change manager', 'authority' FROM release_policy WHERE code = 'POL-A';
UPDATE policy_quorum SET policy_id = (SELECT id FROM release_policy WHERE code = 'POL-A') WHERE policy_id = (SELECT id FROM release_policy WHERE code = 'POL-C');
DELETE FROM policy_quorum WHERE policy_id = (SELECT id FROM release_policy WHERE code = 'POL-C');
RESET ROLE;
CALL grant_duty('regress_cab_3', 'librarian', 'Authority');
SET ROLE regress_manager;
SELECT create_package('PKG-2', release => 'REL-2') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-2'), 'configuration', 'alpha', 'server/alpha');
SELECT seal_package('PKG-2') IS NOT NULL AS sealed;
SELECT approval_digest('REL-2') AS agreed \gset
-- The policy asks one for a signature, as its librarian; as the CAB he approves without, and that lasts an hour.
SET ROLE regress_cab_3;
CALL approve_release('REL-2', :'agreed', body => 'security');
CALL approve_release('REL-2', :'agreed', body => 'CAB');
SET ROLE regress_alpha;
CALL approve_release('REL-2', :'agreed');
RESET ROLE;
SELECT missing, owner FROM gate_status WHERE release = 'REL-2' AND gate = 'ready';
SELECT release_mgmt_internal.approval_lasts(a) AS lasts, release_mgmt_internal.approval_lasts(jsonb_populate_record(a, jsonb_build_object('approved_at', now() - interval '61 minutes'))) AS an_hour_later
FROM approval AS a WHERE a.release_id = release_id('REL-2') AND a.body = 'CAB';

DROP OWNED BY regress_manager, regress_cab_1, regress_cab_2, regress_cab_3, regress_provider_cm, regress_alpha, regress_beta, regress_deputy;
DROP ROLE regress_manager, regress_cab_1, regress_cab_2, regress_cab_3, regress_provider_cm, regress_alpha, regress_beta, regress_deputy;
