-- One register of deviations, risks and issues: what blocks, who may accept, what is done about it.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_tester;
CREATE ROLE regress_approver;
CREATE ROLE regress_customer;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_tester', 'test manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CREATE FUNCTION no_blocking_risk(OUT met boolean, OUT missing text, OUT owner text) BEGIN ATOMIC
    SELECT c.met, c.missing, c.owner FROM release_mgmt_internal.check_no_blocking_risk(release_id('REL-1')) AS c;
END;
CREATE FUNCTION deviations_handled(OUT met boolean, OUT missing text, OUT owner text) BEGIN ATOMIC
    SELECT c.met, c.missing, c.owner FROM release_mgmt_internal.check_deviations_handled(release_id('REL-1')) AS c;
END;
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (code, description) VALUES ('plain', 'Gates that ask nothing.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('closed', 3, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'closed')) AS t(f, t) WHERE m.code = 'plain';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT DISTINCT t.model_id, t.to_state, 1, 'granted', 'granted'
FROM model_transition AS t JOIN model_state AS s ON s.model_id = t.model_id AND s.state = t.to_state JOIN release_model AS m ON m.id = t.model_id
WHERE t.forward AND s.kind <> 'planning' AND m.code = 'plain';
CALL publish_model('plain');
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'plain', customers => '{Customer}') IS NOT NULL AS created;

-- No risk recorded is not the same as no risk.
RESET ROLE;
SELECT * FROM no_blocking_risk();
SELECT * FROM deviations_handled();

-- The views take inserts, give their kind, and refuse another one.
SET ROLE regress_manager;
INSERT INTO risk (release_id, description) VALUES (release_id('REL-1'), 'the backup window is short') RETURNING code, kind, severity, blocking, status;
INSERT INTO risk (release_id, description, severity) VALUES (release_id('REL-1'), 'data could be lost', 'high') RETURNING code, kind, severity, blocking, status;
INSERT INTO issue (release_id, code, description, blocking) VALUES (release_id('REL-1'), 'ISS-7', 'the licence server is down', true) RETURNING code, kind, severity, blocking, status;
INSERT INTO deviation (release_id, description) VALUES (release_id('REL-1'), 'delivered two days late') RETURNING code, kind, severity, blocking, status;
\set VERBOSITY terse
INSERT INTO risk (release_id, kind, description) VALUES (release_id('REL-1'), 'issue', 'in disguise');
\set VERBOSITY default
UPDATE risk SET kind = 'deviation' WHERE code = 'REL-1/risk-1';
\set VERBOSITY terse
INSERT INTO risk (release_id, description, severity) VALUES (release_id('REL-1'), 'none at all', 'mild');
INSERT INTO risk (release_id, description) VALUES (release_id('REL-1'), '');
\set VERBOSITY default
INSERT INTO risk (release_id, description, status) VALUES (release_id('REL-1'), 'dealt with already', 'closed');
SET ROLE regress_reader;
INSERT INTO risk (release_id, description) VALUES (release_id('REL-1'), 'as a reader');
SELECT code, kind, description FROM register_entry ORDER BY code;
RESET ROLE;
SELECT * FROM no_blocking_risk();

-- What is critical blocks, whatever is said; what becomes critical too.
BEGIN;
SET ROLE regress_manager;
INSERT INTO risk (release_id, description, severity, blocking) VALUES (release_id('REL-1'), 'will not happen', 'critical', false) RETURNING blocking;
INSERT INTO risk (release_id, description, severity, blocking) VALUES (release_id('REL-1'), 'will hardly happen', 'high', false) RETURNING blocking;
UPDATE risk SET severity = 'critical' WHERE code = 'REL-1/risk-1' RETURNING blocking;
UPDATE risk SET severity = 'low' WHERE code = 'REL-1/risk-1' RETURNING blocking;
ROLLBACK;

-- An entry keeps what it is, and stays.
UPDATE register_entry SET recorded_by = NULL WHERE code = 'ISS-7';
UPDATE risk SET code = 'R-1' WHERE code = 'REL-1/risk-1';
DELETE FROM risk;

-- A blocking entry does not become harmless by decree.
SET ROLE regress_manager;
UPDATE risk SET blocking = false WHERE code = 'REL-1/risk-2';
UPDATE risk SET status = 'closed' WHERE code = 'REL-1/risk-2';
UPDATE risk SET status = 'closed', resolution = 'gone' WHERE code = 'REL-1/risk-2';
CALL close_entry('REL-1/risk-2', 'gone');
CALL close_entry('REL-1/risk-9', 'gone');
SET ROLE regress_customer;
CALL close_entry('REL-1/risk-2', 'gone');

-- Acceptance is somebody else's, with the duty and a reason.
SET ROLE regress_tester;
UPDATE risk SET status = 'accepted', resolution = 'fine with me' WHERE code = 'REL-1/risk-2';
SET ROLE regress_manager;
CALL accept_entry('REL-1/risk-2', 'fine with me');
UPDATE risk SET status = 'accepted', resolution = 'fine with me' WHERE code = 'REL-1/risk-2';
SET ROLE regress_customer;
CALL accept_entry('REL-1/risk-2', '');
CALL accept_entry('REL-1/risk-2', 'we have our own copies');
CALL accept_entry('REL-1/risk-2', 'we have our own copies');
CALL accept_entry('REL-1/risk-2', 'for another reason');
SELECT status, resolution, resolved_by = person_id('regress_customer') AS by_customer FROM risk WHERE code = 'REL-1/risk-2';
SET ROLE regress_manager;
UPDATE risk SET description = 'data will be lost' WHERE code = 'REL-1/risk-2';
UPDATE risk SET resolved_at = now() + interval '1 day', resolved_by = person_id('regress_approver') WHERE code = 'REL-1/risk-2';
UPDATE risk SET status = 'open', resolution = NULL, description = 'data will be lost' WHERE code = 'REL-1/risk-2';
SET ROLE regress_customer;
CALL accept_entry('REL-1/risk-2', 'we have our own copies');
RESET ROLE;
SELECT * FROM no_blocking_risk();

-- Corrective action: owned, done once, by its owner or a manager; then the entry closes.
SET ROLE regress_manager;
INSERT INTO corrective_action (entry_id, what, owner_id, due) VALUES (entry_id('ISS-7'), 'start the licence server', person_id('regress_tester'), '2030-01-01') RETURNING code, due;
INSERT INTO corrective_action (entry_id, what) VALUES (entry_id('ISS-7'), 'watch it') RETURNING code;
INSERT INTO corrective_action (entry_id, what) VALUES (entry_id('ISS-8'), 'nothing');
INSERT INTO corrective_action (entry_id, what) VALUES (new_id(), 'nothing');
INSERT INTO risk (release_id, description) VALUES (new_id(), 'nobody''s');
INSERT INTO corrective_action (entry_id, what, done_at) VALUES (entry_id('ISS-7'), 'done before', now());
CALL close_entry('ISS-7', 'works again');
SET ROLE regress_customer;
CALL complete_corrective_action('ISS-7/action-1');
CALL complete_corrective_action('ISS-7/action-9');
SET ROLE regress_tester;
CALL complete_corrective_action('ISS-7/action-1');
CALL complete_corrective_action('ISS-7/action-1');
CALL complete_corrective_action('ISS-7/action-2');
SELECT code, done_by = person_id('regress_tester') AS by_tester FROM corrective_action ORDER BY code;
UPDATE corrective_action SET what = 'something else' WHERE code = 'ISS-7/action-1';
CALL close_entry('ISS-7', 'works again');
CALL close_entry('ISS-7', 'works again');
RESET ROLE;
DELETE FROM corrective_action;
SELECT * FROM no_blocking_risk();
SELECT e ->> 'register_entry' AS entry, e ->> 'status' AS status, e ->> 'resolution' AS resolution, jsonb_array_length(e -> 'corrective_actions') AS actions
FROM release_mgmt_internal.check_no_blocking_risk(release_id('REL-1')) AS c, jsonb_array_elements(c.evidence) AS e ORDER BY 1;

-- Reopened, it blocks again.
SET ROLE regress_manager;
UPDATE issue SET status = 'open' WHERE code = 'ISS-7' RETURNING status, resolution, resolved_by;
RESET ROLE;
SELECT * FROM no_blocking_risk();

-- A deviation needs corrective action, all of it done, or acceptance; and something must be deployed that could depart.
SELECT * FROM deviations_handled();
SET ROLE regress_manager;
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
SELECT * FROM deviations_handled();
SET ROLE regress_manager;
INSERT INTO corrective_action (entry_id, what) VALUES (entry_id('REL-1/deviation-1'), 'plan with more slack') RETURNING code;
RESET ROLE;
SELECT * FROM deviations_handled();
SET ROLE regress_manager;
CALL complete_corrective_action('REL-1/deviation-1/action-1');
INSERT INTO deviation (release_id, description) VALUES (release_id('REL-1'), 'one host was left out') RETURNING code;
SET ROLE regress_tester;
INSERT INTO deviation (release_id, description) VALUES (release_id('REL-1'), 'another was added') RETURNING code;
SET ROLE regress_manager;
CALL accept_entry('REL-1/deviation-3', 'I asked for it');
SET ROLE regress_approver;
CALL accept_entry('REL-1/deviation-3', 'it is needed there');
CALL accept_entry('REL-1/deviation-2', 'it is scrapped next month');
RESET ROLE;
SELECT * FROM deviations_handled();
SELECT c.evidence - 'deviations' AS evidence, jsonb_array_length(c.evidence -> 'deviations') FROM release_mgmt_internal.check_deviations_handled(release_id('REL-1')) AS c;

-- Every change of the register is in the ledger.
SELECT source, operation, count(*) > 0 AS captured FROM captured_change
WHERE source::text ~ 'register_entry|corrective_action' GROUP BY source, operation ORDER BY source::text, operation;
