-- Push or pull, automated or manual: the chosen design option says who does the steps of a roll-out.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Alpha', 'customer');
CREATE ROLE regress_manager;
CREATE ROLE regress_centre;
CREATE ROLE regress_alpha;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_centre', 'operator', 'Provider');
CALL grant_duty('regress_alpha', 'operator', 'Alpha');
CREATE TABLE device (name text PRIMARY KEY, owner text);
SELECT bind_ci_class('device', 'device', key => '{name}', name => 'name', organization => 'owner');
INSERT INTO device VALUES ('alpha-1', 'Alpha'), ('common', NULL);
INSERT INTO release_model (code, description) VALUES ('short', 'for this test');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('closed', 3, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'short';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'closed')) AS t(f, t) WHERE m.code = 'short';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, s, 1, 'dependencies met', 'dependencies_met' FROM release_model AS m, unnest('{deploying,closed}'::text[]) AS s WHERE m.code = 'short';
CALL publish_model('short');
-- A release of hardware onto two devices, with the design given.
CREATE PROCEDURE begin_release(code text, delivery text, mechanism text) LANGUAGE plpgsql SET search_path = release_mgmt AS $$
BEGIN
    PERFORM create_release(code, 'minor', model => 'short', customers => '{Alpha}'), create_package(code || '-PKG', code, '{}');
    INSERT INTO component (package_id, kind, name, ci) VALUES (package_id(code || '-PKG'), 'hardware', 'card', 'device/alpha-1'), (package_id(code || '-PKG'), 'hardware', 'rail', 'device/common');
    IF delivery IS NOT NULL THEN
        INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id(code), 'big-bang', delivery, mechanism, 'for this test', true);
    END IF;
    PERFORM add_wave(code, 'all', '{device/alpha-1,device/common}', pilot => true);
    CALL advance_release(code, 'deploying');
END $$;
CREATE VIEW done AS SELECT release, target, state, step, step_state, worker, by_hand, reason, waits_for FROM deployment_progress ORDER BY release, target;
ALTER VIEW done SET (security_invoker = true);
GRANT SELECT ON done TO PUBLIC;

-- Pulled: each side does its own targets, what is nobody's is the provider's.
SET ROLE regress_manager;
CALL begin_release('PULL', 'pull', 'automated');
SET ROLE regress_centre;
SELECT target FROM claim_step('centre');
SELECT target FROM claim_step('centre 2');
SET ROLE regress_alpha;
SELECT claim, target FROM claim_step('alpha') \gset
\echo :target
SELECT target FROM claim_step('alpha 2');
CALL report_step(:'claim', 'successful', 'card 1 is in');
-- Its last look too; the centre gets none of it, by hand neither.
SET ROLE regress_centre;
CALL complete_step('PULL', 'device/alpha-1', 'successful', 'looked at it', 'the agent is down');
SET ROLE regress_alpha;
-- A worker's roll-out is completed by hand for a reason only, and that stays on record.
CALL complete_step('PULL', 'device/alpha-1', 'successful', 'looked at it');
CALL complete_step('PULL', 'device/alpha-1', 'successful', 'looked at it', '');
CALL complete_step('PULL', 'device/alpha-1', 'successful', 'looked at it', 'the agent is down');
CALL complete_step('PULL', 'device/alpha-1', 'successful', 'looked at it', 'again');
CALL complete_step('PULL', 'device/common', 'successful', 'done', 'claimed by a worker, and not ours');
SELECT * FROM done;

-- Pushed: the centre does all of them, the customer none.
SET ROLE regress_manager;
CALL begin_release('PUSH', 'push', 'automated');
SET ROLE regress_alpha;
SELECT target FROM claim_step('alpha');
CALL complete_step('PUSH', 'device/alpha-1', 'successful', 'ours', 'we are near');
SET ROLE regress_centre;
SELECT target FROM claim_step('centre 3');
SELECT target FROM claim_step('centre 4');

-- Manual: no worker gets a step; a person completes each, and says what was done.
SET ROLE regress_manager;
CALL begin_release('HAND', 'push', 'manual');
SET ROLE regress_centre;
SELECT release, target FROM claim_step('centre 5');
SELECT * FROM done WHERE release = 'HAND';
\set VERBOSITY terse
CALL complete_step('HAND', 'device/nothing', 'successful', 'done');
CALL complete_step('HAND', 'device/common', 'perhaps', 'done');
\set VERBOSITY default
CALL complete_step('HAND', 'device/common', 'successful', '');
SELECT target, state, findings FROM deployment_progress WHERE release = 'HAND' ORDER BY target;
CALL deploy_again('HAND', 'device/common');
CALL complete_step('HAND', 'device/common', 'successful', 'the rail is mounted, serial 17');
CALL complete_step('HAND', 'device/common', 'successful', 'seen by another');
CALL complete_step('HAND', 'device/common', 'successful', 'once more');
SELECT * FROM done WHERE release = 'HAND';
-- Outside the windows nothing is installed by hand either.
RESET ROLE;
CALL grant_duty('regress_manager', 'change manager', 'Provider');
SET ROLE regress_manager;
INSERT INTO change_window (release_id, period) VALUES (release_id('HAND'), '[2000-01-01 00:00+00,2000-01-02 00:00+00)');
SET ROLE regress_centre;
CALL complete_step('HAND', 'device/alpha-1', 'successful', 'the card is in');

-- Without a chosen design, whoever is an operator for the release does its steps.
SET ROLE regress_manager;
CALL begin_release('FREE', NULL, NULL);
SET ROLE regress_alpha;
SELECT release, target FROM claim_step('alpha 3');
RESET ROLE;

-- Many targets: what was begun comes before what was not, and what a wave waits for is told shortly.
INSERT INTO device SELECT 'many-' || lpad(i::text, 2, '0'), NULL FROM generate_series(1, 13) AS i;
SET ROLE regress_manager;
SELECT create_release('MANY', 'minor', model => 'short') IS NOT NULL AS created;
SELECT add_wave('MANY', 'many', (SELECT array_agg('device/many-' || lpad(i::text, 2, '0')) FROM generate_series(1, 12) AS i)), add_wave('MANY', 'last', '{device/many-13}');
CALL advance_release('MANY', 'deploying');
SELECT waits_for FROM deployment_progress WHERE release = 'MANY' AND wave = 'last';
SET ROLE regress_centre;
CALL complete_step('MANY', 'device/many-07', 'successful', 'done', 'the agent is down');
SELECT target, kind FROM claim_step('one');
SELECT target, kind FROM claim_step('two');
SELECT target, kind FROM claim_step('one');
-- A lease that is over: the step is another's, before anything new.
RESET ROLE;
SET session_replication_role = replica;
UPDATE deployment_step SET claimed_at = now() - interval '2 hours', lease_until = now() - interval '1 hour' WHERE worker = 'two' AND state = 'claimed';
RESET session_replication_role;
SET ROLE regress_centre;
SELECT target, kind FROM claim_step('three');
SELECT target, kind FROM claim_step('four');
RESET ROLE;

DROP OWNED BY regress_manager, regress_centre, regress_alpha;
DROP ROLE regress_manager, regress_centre, regress_alpha;
