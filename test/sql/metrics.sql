-- Obligations and reports: no evidence is not met, a month without releases is there with zero.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;

-- An empty release meets nothing, and of each clause it is said what is missing.
SELECT clause, status, missing FROM obligation_status WHERE release = 'REL-1' ORDER BY ordinal;

-- What is recorded is in the ledger, and not yet beneath a signed checkpoint.
SELECT evidence -> 'record_proved' ->> 'transactions' AS transactions, evidence -> 'record_proved' ->> 'ledger_entry' AS entry
FROM obligation_status WHERE release = 'REL-1' AND clause = '1.4, 2.2';

-- Every shipped obligation has a check, and each asks the point gate.
SELECT o.clause FROM obligation AS o WHERE NOT EXISTS (SELECT FROM obligation_check AS c WHERE c.obligation_id = o.id);
SELECT oc.check_name FROM obligation_check AS oc JOIN registered_check AS c ON c.name = oc.check_name WHERE c.point <> 'gate';

-- Not applicable needs a reason and another person.
CALL state_inapplicable('REL-1', '9', 'there is none');
\set VERBOSITY terse
CALL state_inapplicable('REL-1', '1.15', '');
\set VERBOSITY default
CALL approve_inapplicable('REL-1', '1.15');
CALL state_inapplicable('REL-1', '1.15', 'one target only, nothing to compare with');
SELECT status FROM obligation_status WHERE release = 'REL-1' AND clause = '1.15';
CALL approve_inapplicable('REL-1', '1.15');
SET ROLE regress_approver;
CALL approve_inapplicable('REL-1', '1.15');
CALL approve_inapplicable('REL-1', '1.15');
SELECT status, missing, evidence - 'approved_at' AS evidence FROM obligation_status WHERE release = 'REL-1' AND clause = '1.15';
-- Another reason needs another approval.
SET ROLE regress_manager;
CALL state_inapplicable('REL-1', '1.15', 'no time');
SELECT status FROM obligation_status WHERE release = 'REL-1' AND clause = '1.15';
RESET ROLE;

-- The contract's own wording, and obligations of another contract: without a check they are not met.
INSERT INTO obligation_wording SELECT id, 'The Provider shall conduct pilots.' FROM obligation WHERE clause = '1.15';
INSERT INTO obligation (contract, clause, ordinal, obligation) VALUES ('other', 'A.1', 1, 'be polite');
SELECT contract, clause, clause_text, status, missing FROM obligation_status WHERE release = 'REL-1' AND (clause_text IS NOT NULL OR contract = 'other') ORDER BY contract;
INSERT INTO obligation_check SELECT id, 'policy_named' FROM obligation WHERE contract = 'other';
SET ROLE regress_manager;
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p');
UPDATE release SET policy_id = (SELECT id FROM release_policy) WHERE code = 'REL-1';
SELECT status, evidence #- '{policy_named,in_force_from}' AS evidence FROM obligation_status WHERE release = 'REL-1' AND contract = 'other';

-- Thirteen months, three types, all zero; rates of nothing are unknown.
SELECT count(*) AS rows, count(DISTINCT month) AS months, sum(completed) AS completed, count(success_percent) AS rates FROM release_outcome_monthly;
SELECT count(*) AS months, sum(deployments) AS deployments, sum(installs) AS installs FROM delivery_performance_monthly;
SELECT count(*) AS months, sum(incidents) AS incidents, sum(problems) AS problems FROM incident_share_monthly;
SELECT release, outcome, reversal, correction, disruption FROM release_outcome;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal'), ('CHG-2', 'emergency');
INSERT INTO release_change SELECT release_id('REL-1'), id FROM change_request WHERE code = 'CHG-1';
SELECT change, type, release, status FROM change_report ORDER BY change;

RESET ROLE;
-- By status: what waits, what is planned for when, what is over. A superuser who bends the clock writes the states beside the rules.
SET session_replication_role = replica;
INSERT INTO change_request (code, type, state, planned)
SELECT v.code, v.type, v.state, CASE WHEN v.days IS NOT NULL THEN tstzrange(now() + v.days * interval '1 day', now() + (v.days + 1) * interval '1 day') END
FROM (VALUES ('CHG-3', 'normal', 'refused', 1), ('CHG-4', 'normal', 'approved', NULL), ('CHG-5', 'normal', 'approved', 3), ('CHG-6', 'standard', 'scheduled', 30), ('CHG-7', 'standard', 'scheduled', 0),
             ('CHG-8', 'emergency', 'implemented', NULL), ('CHG-9', 'normal', 'closed', -3), ('CHG-A', 'normal', 'assessed', 3)) AS v(code, type, state, days);
-- A model of one's own has its own words; the kinds of its states say what became of a release.
INSERT INTO release_model (code, description, published_at) VALUES ('own', 'other words', now());
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
    (VALUES ('draft', 1, 'planning'), ('rolling', 2, 'deploying'), ('live', 3, 'deployed'), ('done', 4, 'ended'), ('undone', 5, 'ended'), ('broken', 6, 'halted')) AS s(state, ordinal, kind) WHERE m.code = 'own';
INSERT INTO release (code, type, model_id, state, early_life)
SELECT v.code, 'minor', m.id, v.state, v.early_life::interval FROM release_model AS m,
    (VALUES ('OWN-1', 'rolling', '1 day'), ('OWN-2', 'live', '1 day'), ('OWN-3', 'undone', '1 day'), ('OWN-4', 'broken', '1 day'), ('OWN-5', 'done', '1 second')) AS v(code, state, early_life) WHERE m.code = 'own';
INSERT INTO release_state_history (release_id, from_state, to_state, person_id, entered_at)
SELECT release_id(v.code), v.f, v.t, (SELECT id FROM person ORDER BY code LIMIT 1), now() + v.n * interval '1 second'
FROM (VALUES ('OWN-1', 'draft', 'rolling', 1), ('OWN-2', 'draft', 'rolling', 1), ('OWN-2', 'rolling', 'live', 2), ('OWN-3', 'draft', 'rolling', 1), ('OWN-3', 'rolling', 'undone', 2),
             ('OWN-4', 'draft', 'rolling', 1), ('OWN-4', 'rolling', 'live', 2), ('OWN-4', 'live', 'broken', 3), ('OWN-5', 'draft', 'rolling', -9), ('OWN-5', 'rolling', 'live', -8), ('OWN-5', 'live', 'done', -7)) AS v(code, f, t, n);
INSERT INTO release_change SELECT release_id('OWN-' || n), c.id FROM change_request AS c JOIN (VALUES (1, 'CHG-4'), (4, 'CHG-5'), (5, 'CHG-9')) AS v(n, code) USING (code);
RESET session_replication_role;
SELECT change, type, change_state, release, status FROM change_report ORDER BY change, release;
SELECT release, outcome, deployed_at IS NOT NULL AS deployed, ended_at IS NOT NULL AS ended FROM release_outcome WHERE release LIKE 'OWN%' ORDER BY release;
SELECT r.code, c.met, regexp_replace(c.missing, 'until .*', 'until ...') AS missing FROM release AS r CROSS JOIN LATERAL release_mgmt_internal.ask_check('early_life_over', r.id) AS c WHERE r.code LIKE 'OWN%' ORDER BY r.code;

DROP OWNED BY regress_manager, regress_approver;
DROP ROLE regress_manager, regress_approver;
