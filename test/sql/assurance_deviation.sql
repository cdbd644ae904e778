-- A deployment step that fails is a deviation, and enters itself into the register.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = error;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_worker;
CREATE ROLE regress_approver;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_worker', 'operator', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CREATE TABLE host (name text PRIMARY KEY, disk text);
INSERT INTO host VALUES ('a', 'old'), ('b', 'old');
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name');
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (code, description) VALUES ('plain', 'Gates that ask nothing.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
    (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('early_life', 3, 'deployed'), ('backing_out', 4, 'deploying'), ('closed', 5, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w FROM release_model AS m,
    (VALUES ('draft', 'deploying', true), ('deploying', 'early_life', true), ('deploying', 'backing_out', false),
            ('early_life', 'closed', true), ('backing_out', 'closed', true)) AS t(f, t, w) WHERE m.code = 'plain';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT DISTINCT t.model_id, t.to_state, 1, 'granted', 'granted'
FROM model_transition AS t JOIN model_state AS s ON s.model_id = t.model_id AND s.state = t.to_state JOIN release_model AS m ON m.id = t.model_id
WHERE t.forward AND s.kind <> 'planning' AND m.code = 'plain';
CALL publish_model('plain');

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'hardware', 'disk', 'host/a');
SELECT add_wave('REL-1', 'all', '{host/a,host/b}') IS NOT NULL AS planned;
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
CALL advance_release('REL-1', 'deploying');

-- An installation succeeds, but the second look at it is given up; another one gives no account of what was done.
SET ROLE regress_worker;
SELECT claim FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'successful', 'disk replaced, serial number 4711');
SELECT claim FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'failed', 'no such disk');
SELECT claim FROM claim_step('worker-2') \gset
CALL report_step(:'claim', 'successful', '');
CALL report_step(:'claim', 'successful', '');
RESET ROLE;
SELECT d.code, d.description, d.severity, d.blocking, d.status, o.code AS owner, r.code AS recorded_by, s.state
FROM deviation AS d JOIN person AS o ON o.id = d.owner_id JOIN person AS r ON r.id = d.recorded_by JOIN deployment_step AS s ON s.id = d.step_id ORDER BY d.code;
SELECT c.met, c.missing FROM release_mgmt_internal.check_deviations_handled(release_id('REL-1')) AS c;

-- It is handled like any other; the worker who met it can not accept it away, nor can the requester.
SET ROLE regress_worker;
CALL accept_entry('REL-1/deviation-1', 'bad luck');
SET ROLE regress_manager;
CALL accept_entry('REL-1/deviation-1', 'bad luck');
CALL close_entry('REL-1/deviation-1', 'bad luck');
INSERT INTO corrective_action (entry_id, what) VALUES (entry_id('REL-1/deviation-1'), 'order the right disk') RETURNING code;
CALL complete_corrective_action('REL-1/deviation-1/action-1');
CALL close_entry('REL-1/deviation-1', 'the right disk is in');
SET ROLE regress_approver;
CALL accept_entry('REL-1/deviation-2', 'the serial number was read out on the phone');
RESET ROLE;
SELECT c.met, c.missing FROM release_mgmt_internal.check_deviations_handled(release_id('REL-1')) AS c;

-- A target is near its release: what happens to the host may come of what was installed on it.
SET ROLE regress_worker;
INSERT INTO incident (code, ci, summary) VALUES ('INC-1', 'host/b', 'noise');
SELECT release, confidence, reason FROM attribute_incident('INC-1');
