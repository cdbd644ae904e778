-- One small release rolled out: planned in waves, claimed and reported by workers, verified file by file, tampered with,
-- backed out and done again; and every rule on that road, named, broken, and the error shown.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('rollout.example.org');
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never

CREATE ROLE regress_librarian;
CREATE ROLE regress_manager;
CREATE ROLE regress_changes;
CREATE ROLE regress_worker;
CREATE ROLE regress_other;
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_changes', 'change manager', 'Provider');
CALL grant_duty('regress_worker', 'operator', 'Provider');
CALL grant_duty('regress_other', 'operator', 'Provider');

-- The CMDB: three hosts, what is installed on each.
CREATE TABLE host (name text PRIMARY KEY);
CREATE TABLE host_package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
INSERT INTO host VALUES ('a'), ('b'), ('c');
INSERT INTO host_package VALUES ('a', 'app', '1.0'), ('b', 'app', '1.0'), ('c', 'other', '5');
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name', mode => 'enforce');
SELECT bind_ci_class('package', 'host_package', key => '{host,name}', name => 'name', version => 'version', scheme => 'generic', mode => 'enforce');
CALL bind_ci_relation('installed on', 'package', '{host}', 'host');

-- The library: the application, two files, and a document, one. (The server reads the files of a .deb itself.)
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/app@2.0') AS app \gset
CALL append_content(:'app', 'the application');
RESET ROLE;
INSERT INTO library_file (item_id, path, digest, size, mode) VALUES
    (:'app', 'bin/app', compute_digest('app 2.0'), 7, 493),
    (:'app', 'share/read me', compute_digest('read me'), 7, 420);
SET ROLE regress_librarian;
INSERT INTO package_clause (item_id, kind, clause_no, name, text) VALUES (:'app', 'conflicts', 1, 'legacy', 'legacy');
SELECT finish_intake(:'app', compute_digest('the application')) \g /dev/null
CALL accept_item(:'app');
SELECT begin_intake('pkg:generic/runbook@1', 'document') AS runbook \gset
CALL append_content(:'runbook', 'how to run it');
SELECT finish_intake(:'runbook', compute_digest('how to run it')) \g /dev/null
CALL accept_item(:'runbook');
RESET ROLE;

-- A model with the states that matter here, and gates that ask what this module can answer.
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (id, code, description) VALUES ('00000000-0000-7000-8000-000000000001', 'short', 'for this test');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT '00000000-0000-7000-8000-000000000001', s.state, s.ordinal, s.kind
FROM (VALUES ('draft', 1, 'planning'), ('pilot', 2, 'deploying'), ('deploying', 3, 'deploying'), ('early_life', 4, 'deployed'), ('closed', 5, 'ended'),
             ('backing_out', 6, 'deploying'), ('backed_out', 7, 'ended'), ('cancelled', 8, 'ended')) AS s(state, ordinal, kind);
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT '00000000-0000-7000-8000-000000000001', t.from_state, t.to_state, t.forward
FROM (VALUES ('draft', 'pilot', true), ('pilot', 'deploying', true), ('deploying', 'early_life', true), ('early_life', 'closed', true),
             ('early_life', 'backing_out', false), ('pilot', 'backing_out', false), ('deploying', 'backing_out', false), ('backing_out', 'backed_out', true), ('draft', 'cancelled', false)) AS t(from_state, to_state, forward);
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT '00000000-0000-7000-8000-000000000001', g.to_state, row_number() OVER (), g.check_name, g.check_name
FROM (VALUES ('pilot', 'waves_fit_design'), ('pilot', 'window_booked'), ('pilot', 'remediation_planned'), ('deploying', 'pilot_successful'),
             ('early_life', 'deployment_verified'), ('closed', 'granted'), ('backed_out', 'targets_backed_out')) AS g(to_state, check_name);
CALL publish_model('short');

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'short', customers => '{Customer}') \g /dev/null
SELECT create_package('PKG-1', release => 'REL-1', items => ARRAY[:'app', :'runbook']::uuid[]) \g /dev/null

-- No evidence is unmet.
SELECT gate, criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1' ORDER BY gate_ordinal, ordinal;

-- Waves. Everything that does not exist is listed; a target is in one wave; the same wave again does no harm.
SELECT derive_ci_changes('REL-1');
SELECT add_wave('REL-1', 'first', '{host/a,host/x,host/y}', pilot => true);
SELECT add_wave('REL-1', 'first', '{host/a}', pilot => true);
SELECT add_wave('REL-1', 'first', '{host/a}', pilot => true);
SELECT add_wave('REL-1', 'first', '{host/a}');
SELECT add_wave('REL-1', 'rest', '{host/a,host/b}');
SELECT add_wave('REL-1', 'rest', '{host/b,host/c}');
SELECT add_wave('REL-9', 'rest', '{host/b}');
INSERT INTO target (release_id, wave_id, ci) SELECT release_id, id, 'host/z' FROM wave WHERE name = 'rest';
INSERT INTO target (release_id, wave_id, ci, state) SELECT release_id, id, 'package/c:other', 'verified' FROM wave WHERE name = 'rest';
SELECT ci, state FROM target ORDER BY ci;
DELETE FROM target WHERE ci = 'package/c:other';

-- The CI changes that follow: a new version where the application is, a new item where it is not.
SET client_min_messages = notice;
SELECT derive_ci_changes('REL-1');
SELECT derive_ci_changes('REL-1');
SET client_min_messages = warning;
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change ORDER BY ci, attribute;

-- Windows. Their periods are finite and do not overlap each other.
\set VERBOSITY terse
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01,)');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01,infinity)');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01,2099-01-03)'), (release_id('REL-1'), '[2099-01-02,2099-01-04)');
\set VERBOSITY default
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), '[2099-01-01,2099-01-03)');
SELECT b.ci, b.period FROM ci_booking AS b ORDER BY b.ci;

-- No item is booked twice at a time: neither by another release's window, nor by adding a target, nor by moving a window.
SELECT create_release('REL-2', 'minor', model => 'short') \g /dev/null
SELECT add_wave('REL-2', 'all', '{host/b}', pilot => true);
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-2'), '[2099-01-02,2099-01-05)');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-2'), '[2099-01-03,2099-01-05)');
UPDATE change_window SET period = '[2099-01-02,2099-01-05)' WHERE release_id = release_id('REL-2');
UPDATE change_window SET period = '[2099-01-10,2099-01-11)' WHERE release_id = release_id('REL-2');
UPDATE change_window SET period = '[2099-01-02,2099-01-12)' WHERE release_id = release_id('REL-1');
SELECT r.code, b.ci, b.period FROM ci_booking AS b JOIN change_window AS w ON w.id = b.window_id JOIN release AS r ON r.id = w.release_id ORDER BY r.code, b.ci;
BEGIN;
DELETE FROM target WHERE release_id = release_id('REL-2');
UPDATE change_window SET period = '[2099-01-02,2099-01-12)' WHERE release_id = release_id('REL-2');
SELECT add_wave('REL-2', 'all', '{host/a,host/b}', pilot => true);
ROLLBACK;
-- A release that ends frees its bookings.
CALL advance_release('REL-2', 'cancelled');
SELECT count(*) FROM ci_booking AS b JOIN change_window AS w ON w.id = b.window_id WHERE w.release_id = release_id('REL-2');

-- Freezes: once or recurring, by the local clock; for one organization or for all.
INSERT INTO change_freeze (code, period, reason) VALUES ('F-0', '[2099-01-02 12:00,2099-01-02 13:00)', 'not his to declare');
SET ROLE regress_changes;
INSERT INTO change_freeze (code, period, reason) VALUES ('YEAR-END', '[2098-12-20,2099-01-02)', 'closing of the books');
INSERT INTO change_freeze (code, organization_id, period, every, ends_at, time_zone, reason)
VALUES ('SUNDAY', organization_id('Provider'), '[2099-03-22 06:00+01,2099-03-22 10:00+01)', '7 days', '2099-04-06', 'Europe/Berlin', 'maintenance of the building');
\set VERBOSITY terse
INSERT INTO change_freeze (code, period, every, reason) VALUES ('BAD', '[2099-01-01,2099-02-01)', '7 days', 'longer than its recurrence');
INSERT INTO change_freeze (code, period, time_zone, reason) VALUES ('BAD', '[2099-01-01,2099-02-01)', 'Europe/Atlantis', 'no such zone');
\set VERBOSITY default
SELECT code, period FROM freezes_between('2099-03-01', '2099-12-31') ORDER BY code, period;
INSERT INTO change_freeze (code, period, every, reason) VALUES ('MONTH-END', '[2098-01-31,2098-02-01)', '1 month', 'the last day of a month');
SELECT code, period FROM freezes_between('2098-12-31', '2099-03-31') WHERE code = 'MONTH-END' ORDER BY period;
SET ROLE regress_manager;
SELECT missing, owner FROM gate_status WHERE release = 'REL-1' AND criterion = 'window_booked';
UPDATE change_window SET period = '[2099-01-02,2099-01-03)' WHERE release_id = release_id('REL-1');
SELECT status FROM gate_status WHERE release = 'REL-1' AND criterion = 'window_booked';

-- The design drives the waves; remediation; a pilot with what is measured agreed beforehand.
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen)
VALUES (release_id('REL-1'), 'big-bang', 'pull', 'automated', 'few hosts', true);
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale)
VALUES (release_id('REL-1'), 'big-bang', 'pull', 'automated', 'few hosts');
SELECT missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'waves_fit_design';
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen)
VALUES (release_id('REL-1'), 'phased', 'pull', 'automated', 'customers on b and c', true);
SELECT missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'waves_fit_design';
BEGIN;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'package/c:other', 'version', '6');
DELETE FROM target WHERE ci = 'host/c' AND release_id = release_id('REL-1');
SELECT missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'waves_fit_design';
ROLLBACK;
SELECT missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'waves_fit_design';
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'continuity', 'serve from the other site');
SELECT missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'remediation_planned';
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'back_out_target() for each host');
-- It was tried as it reads now, or it was not.
UPDATE remediation_plan SET rehearsed_at = now(), rehearsal = 'in two minutes' WHERE release_id = release_id('REL-1') AND kind = 'back-out';
RESET ROLE;
SELECT missing FROM release_mgmt_internal.ask_check('remediation_rehearsed', release_id('REL-1'));
SET ROLE regress_manager;
UPDATE remediation_plan SET rehearsed_at = '2999-01-01', rehearsal = 'soon' WHERE release_id = release_id('REL-1') AND kind = 'continuity';
UPDATE remediation_plan SET rehearsed_at = now(), rehearsal = 'on Sunday' WHERE release_id = release_id('REL-1') AND kind = 'continuity';
UPDATE remediation_plan SET body = 'back_out_target() for each host ' WHERE release_id = release_id('REL-1') AND kind = 'back-out';
RESET ROLE;
SELECT missing FROM release_mgmt_internal.ask_check('remediation_rehearsed', release_id('REL-1'));
SET ROLE regress_manager;
UPDATE remediation_plan SET body = 'back_out_target() for each host' WHERE release_id = release_id('REL-1') AND kind = 'back-out';
INSERT INTO pilot (release_id, control, ends_at) VALUES (release_id('REL-1'), 'host/b, host/c', '2099-02-01');
INSERT INTO pilot_metric (release_id, metric, better, tolerance) VALUES (release_id('REL-1'), 'errors per hour', 'lower', 2), (release_id('REL-1'), 'requests per second', 'higher', 10);
SELECT gate, criterion, status FROM gate_status WHERE release = 'REL-1' AND gate = 'pilot' ORDER BY ordinal;

-- What an approval binds to.
RESET ROLE;
SELECT release_mgmt_internal.plan_text(release_id('REL-1'));
SELECT release_mgmt_internal.remediation_text(release_id('REL-1'));
SET ROLE regress_manager;
UPDATE component SET related_reason = 'they serve one application' WHERE package_id = package_id('PKG-1');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
CALL advance_release('REL-1', 'pilot');

-- From now on the plan is fixed, but for windows, which a change manager may move.
SELECT add_wave('REL-1', 'late', '{package/c:other}');
DELETE FROM target WHERE ci = 'host/c';
UPDATE remediation_plan SET body = 'hope' WHERE release_id = release_id('REL-1');
UPDATE change_window SET period = '[2000-01-01,2099-01-03)' WHERE release_id = release_id('REL-1');

-- Nothing is handed out outside the window, or in a freeze.
SELECT target, state, step, step_state, waits_for FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;
SET ROLE regress_worker;
SELECT * FROM claim_step('worker-1');
SET ROLE regress_changes;
UPDATE change_window SET period = '[2000-01-01,2099-01-03)' WHERE release_id = release_id('REL-1');
INSERT INTO change_freeze (code, period, reason) VALUES ('NOW', '[2000-01-01,2099-01-01)', 'nothing moves');
SET ROLE regress_worker;
SELECT * FROM claim_step('worker-1');
SELECT target, waits_for FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;
SET ROLE regress_changes;
DELETE FROM change_freeze WHERE code = 'NOW';

-- Only an operator claims. In the state pilot only the pilot's targets are handed out.
SELECT * FROM claim_step('worker-1');
SET ROLE regress_worker;
SELECT claim, target, kind, attempt, package, cardinality(items) AS items, manifest FROM claim_step('worker-1') \gset first_
\echo :first_target :first_kind :first_attempt :first_package :first_items
\echo :first_manifest
SELECT claim = :'first_claim' AS same FROM claim_step('worker-1');
SELECT * FROM claim_step('worker-2');
SELECT target, state, step, step_state, worker FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;

-- Reports: only by the holder of the claim, only known outcomes.
CALL report_step('00000000-0000-4000-8000-000000000000', 'successful', '');
CALL report_step(:'first_claim', 'fine', '');
SET ROLE regress_other;
CALL report_step(:'first_claim', 'successful', :'first_manifest');
SET ROLE regress_worker;

-- Every file must be shown. What is not, makes the step failed whatever the worker claims, and nothing is written to the CMDB.
CALL report_step(:'first_claim', 'successful', E'bin/app: OK\nall is well');
SELECT state, step, step_state, jsonb_pretty(findings) FROM deployment_progress WHERE target = 'host/a';
RESET ROLE;
SELECT version FROM host_package WHERE host = 'a';
SET ROLE regress_worker;
CALL report_step(:'first_claim', 'successful', :'first_manifest');
SELECT * FROM claim_step('worker-1');
CALL deploy_again('REL-1', 'host/b');
CALL deploy_again('REL-1', 'host/x');
CALL deploy_again('REL-1', 'host/a');
CALL deploy_again('REL-1', 'host/a');
SELECT claim, target, kind, attempt, manifest FROM claim_step('worker-1') \gset
\echo :target :kind :attempt

-- A verified installation writes the planned changes in the same transaction, and records what was delivered.
SELECT string_agg(regexp_replace(line, '^(\S+)  (.*)$', '\2: OK'), E'\n') AS checked FROM string_to_table(:'manifest', E'\n') AS line WHERE line <> '' \gset
CALL report_step(:'claim', 'successful', :'checked');
CALL report_step(:'claim', 'successful', :'checked');
CALL report_step(:'claim', 'failed', :'checked');
RESET ROLE;
SELECT * FROM host_package ORDER BY host, name;
SELECT i.name, d.digest = i.digest AS same_digest, d.files FROM delivery AS d JOIN library_item AS i ON i.id = d.item_id ORDER BY i.name;
SELECT p.check_name, p.operation, p.attribute, i.label FROM ci_change_permit AS p JOIN ci AS i ON i.id = p.ci_id ORDER BY p.id;

-- A second look finds the file that was tampered with.
SET ROLE regress_other;
SELECT claim, target, kind FROM claim_step('worker-2') \gset
\echo :target :kind
CALL report_step(:'claim', 'successful', encode(sha256('tampered'), 'hex') || E'  ./bin/app\nSHA256 (share/read me) = ' || encode(sha256('read me'), 'hex')
    || E'\n' || encode(sha256('how to run it'), 'hex') || ' *runbook');
SELECT state, step, step_state FROM deployment_progress WHERE target = 'host/a';
SELECT f ->> 'file' AS file, f ->> 'expected' = compute_digest('app 2.0')::text AS expected, f ->> 'found' = compute_digest('tampered')::text AS found
FROM deployment_progress, jsonb_array_elements(findings) AS f WHERE target = 'host/a';

-- Such a target is backed out before it is done again, which restores what its installation changed in the CMDB.
CALL deploy_again('REL-1', 'host/a');
CALL back_out_target('REL-1', 'host/b');
SET ROLE regress_worker;
CALL back_out_target('REL-1', 'host/a');
CALL back_out_target('REL-1', 'host/a');
RESET ROLE;
SELECT * FROM host_package WHERE host = 'a';
SET ROLE regress_worker;
-- A back-out is believed when no file is shown as the package has it.
SELECT claim, target, kind, manifest FROM claim_step('worker-1') \gset
\echo :target :kind
CALL report_step(:'claim', 'successful', E'bin/app: OK\nsha256sum: ''share/read me'': No such file or directory\nshare/read me: FAILED open or read');
SELECT state, step, step_state, f ->> 'file' AS file, f ->> 'expected' AS expected
FROM deployment_progress, jsonb_array_elements(findings) AS f WHERE target = 'host/a';
CALL back_out_target('REL-1', 'host/a');
SELECT claim FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'successful', encode(sha256('app 1.0'), 'hex') || '  bin/app');
SELECT state, step, step_state, attempt FROM deployment_progress WHERE target = 'host/a';
CALL deploy_again('REL-1', 'host/a');
SELECT claim, manifest FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'successful', :'manifest');
SELECT claim FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'successful', :'manifest');
SELECT target, state, step, step_state, attempt FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;
RESET ROLE;
SELECT s.attempt, s.ordinal, s.kind, s.state, s.outcome, jsonb_array_length(s.findings) AS findings, s.worker
FROM deployment_step AS s JOIN target AS t ON t.id = s.target_id WHERE t.ci = 'host/a' ORDER BY s.attempt, s.ordinal;
-- A finished step stays as it was reported, a target's state is what its steps say, whoever writes.
UPDATE deployment_step SET findings = '[]' WHERE findings <> '[]';
UPDATE target SET state = 'verified' WHERE ci = 'host/c';
SELECT ci, state FROM target WHERE ci = 'host/c';

-- The pilot: the rest waits for its verdict, which the measurements give.
SET ROLE regress_worker;
SELECT * FROM claim_step('worker-1');
SELECT target, waits_for FROM deployment_progress WHERE release = 'REL-1' AND step_state = 'ready' ORDER BY target;
SELECT verdict, reasons FROM pilot_verdict WHERE release = 'REL-1';
SET ROLE regress_manager;
CALL advance_release('REL-1', 'deploying');
SET ROLE regress_worker;
INSERT INTO pilot_measurement (release_id, metric, pilot_value, control_value) VALUES (release_id('REL-1'), 'errors per hour', 3, 1), (release_id('REL-1'), 'requests per second', 80, 100);
\set VERBOSITY terse
INSERT INTO pilot_measurement (release_id, metric, pilot_value, control_value) VALUES (release_id('REL-1'), 'weather', 3, 1);
\set VERBOSITY default
SELECT metric, pilot_value, control_value, result FROM pilot_result WHERE release = 'REL-1' ORDER BY metric;
SELECT verdict, reasons FROM pilot_verdict WHERE release = 'REL-1';
INSERT INTO pilot_measurement (release_id, metric, pilot_value, control_value) VALUES (release_id('REL-1'), 'requests per second', 90, 100);
SELECT verdict, reasons FROM pilot_verdict WHERE release = 'REL-1';
RESET ROLE;
UPDATE pilot_measurement SET pilot_value = 0;
SET ROLE regress_manager;
CALL advance_release('REL-1', 'deploying');

-- A change of a planned item passes while its target may be installed; anything else does not.
RESET ROLE;
UPDATE host_package SET version = '3.0' WHERE host = 'b' AND name = 'app';
UPDATE host_package SET version = '2.0' WHERE host = 'c' AND name = 'other';
SET release_mgmt.release = 'REL-2';
UPDATE host_package SET version = '2.0' WHERE host = 'b' AND name = 'app';
RESET release_mgmt.release;

-- A worker that dies loses its step when the lease ends, and may not report it any more.
SET ROLE regress_worker;
\set VERBOSITY terse
SELECT target FROM claim_step('', '1 minute');
SELECT target FROM claim_step('worker-1', '-1 minute');
\set VERBOSITY default
SELECT claim AS dead, target FROM claim_step('worker-1', '1 millisecond') \gset
\echo :target
SELECT pg_sleep(0.01) \g /dev/null
SET ROLE regress_other;
SELECT claim, target, manifest FROM claim_step('worker-2') \gset
\echo :target
SET ROLE regress_worker;
\set VERBOSITY sqlstate
CALL report_step(:'dead', 'successful', :'manifest');
\set VERBOSITY default
SET ROLE regress_other;
CALL report_step(:'claim', 'successful', :'manifest');
SELECT target, state, step, step_state, worker FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;

-- A target into which the package does not fit any more, since the site permitted something else there, is left out.
RESET ROLE;
CREATE FUNCTION permit_legacy(ci text, operation text, attribute text, old_value text, new_value text) RETURNS uuid LANGUAGE sql
RETURN CASE WHEN ci = 'package/c:legacy' THEN '00000000-0000-7000-8000-000000000002'::uuid END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('legacy', 'ci_change', 'public.permit_legacy', 'the site permits it');
INSERT INTO host_package VALUES ('c', 'legacy', '1');
SET ROLE regress_worker;
SELECT claim, target, kind, manifest FROM claim_step('worker-1') \gset
\echo :target :kind
SELECT target, kind FROM claim_step('worker-2');
RESET ROLE;
SELECT met, missing, evidence FROM release_mgmt_internal.check_targets_compatible(release_id('REL-1'));
DELETE FROM host_package WHERE name = 'legacy';
SELECT met, missing, evidence FROM release_mgmt_internal.check_targets_compatible(release_id('REL-1'));
SET ROLE regress_worker;
CALL report_step(:'claim', 'failed', :'manifest');

-- An item that left the library is no longer installed anywhere.
SET ROLE regress_librarian;
CALL retire_item(:'runbook', 'superseded');
SET ROLE regress_other;
SELECT target, step, waits_for FROM deployment_progress WHERE release = 'REL-1' AND step_state = 'ready' ORDER BY target;
SELECT * FROM claim_step('worker-2');
SET ROLE regress_manager;
SELECT missing, owner FROM gate_status WHERE release = 'REL-1' AND criterion = 'deployment_verified';
SELECT release, state, targets, verified, failed, percent_verified, late_by < interval '0' AS early FROM release_schedule WHERE release = 'REL-1';
SELECT kind, code, organization, state, count(*) FROM change_calendar GROUP BY kind, code, organization, state ORDER BY kind, code;

-- The whole release is backed out: nothing more is installed, and every target must be shown to be clean.
CALL advance_release('REL-1', 'backing_out');
SELECT target, state, step, step_state FROM deployment_progress WHERE release = 'REL-1' ORDER BY target;
CALL back_out_target('REL-1', 'host/a');
CALL back_out_target('REL-1', 'host/b');
CALL deploy_again('REL-1', 'host/b');
CALL advance_release('REL-1', 'backed_out');
SET ROLE regress_worker;
SELECT claim, target FROM claim_step('worker-1') \gset
\echo :target
CALL report_step(:'claim', 'successful', '');
SELECT claim, target FROM claim_step('worker-1') \gset
\echo :target
CALL report_step(:'claim', 'successful', '');
SET ROLE regress_manager;
CALL advance_release('REL-1', 'backed_out');
CALL back_out_target('REL-1', 'host/c');
RESET ROLE;
SELECT * FROM host_package ORDER BY host, name;
SELECT count(*) FROM ci_booking;

-- A release that plans no wave gets one when it is sealed, with the targets of its planned changes. Here each target is
-- itself the item that a component becomes, so each receives that component alone.
CREATE TABLE device (name text PRIMARY KEY, version text NOT NULL);
INSERT INTO device VALUES ('app', '1.0'), ('switch', '7');
SELECT bind_ci_class('device', 'device', key => '{name}', name => 'name', version => 'version', scheme => 'generic', mode => 'enforce');
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/switch@8') AS switch \gset
CALL append_content(:'switch', 'firmware of the switch');
SELECT finish_intake(:'switch', compute_digest('firmware of the switch')) \g /dev/null
CALL accept_item(:'switch');
SET ROLE regress_manager;
SELECT create_release('REL-3', 'emergency', model => 'short') \g /dev/null
SELECT create_package('PKG-3', release => 'REL-3', items => ARRAY[:'app', :'switch']::uuid[]) \g /dev/null
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES
    (release_id('REL-3'), 'device/app', 'version', '2.0'), (release_id('REL-3'), 'device/switch', 'version', '8');
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen)
VALUES (release_id('REL-3'), 'big-bang', 'push', 'automated', 'two devices', true);
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-3'), 'fix-forward', 'call the vendor');
INSERT INTO pilot (release_id, control, ends_at) VALUES (release_id('REL-3'), 'the day before', '2099-02-01');
INSERT INTO pilot_metric (release_id, metric, better) VALUES (release_id('REL-3'), 'errors', 'lower');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-3'), '[2000-01-01,2098-01-01)');
UPDATE component SET related_reason = 'they serve one application' WHERE package_id = package_id('PKG-3');
SELECT seal_package('PKG-3') IS NOT NULL AS sealed;
SELECT w.name, w.pilot, w.by_default, t.ci FROM wave AS w JOIN target AS t ON t.wave_id = w.id WHERE w.release_id = release_id('REL-3') ORDER BY t.ci;
-- It gives way to the first wave that is planned.
BEGIN;
SELECT add_wave('REL-3', 'switches', '{device/switch}', pilot => true);
SELECT w.name, w.by_default, t.ci FROM wave AS w JOIN target AS t ON t.wave_id = w.id WHERE w.release_id = release_id('REL-3') ORDER BY t.ci;
ROLLBACK;
CALL advance_release('REL-3', 'pilot');
-- A freeze spares emergencies, unless it says otherwise.
SET ROLE regress_changes;
INSERT INTO change_freeze (code, period, reason) VALUES ('NOW', '[2000-01-01,2099-01-01)', 'nothing moves');
SET ROLE regress_worker;
SELECT target, waits_for FROM deployment_progress WHERE release = 'REL-3' ORDER BY target;
SET ROLE regress_changes;
UPDATE change_freeze SET spares_emergencies = false WHERE code = 'NOW';
SET ROLE regress_worker;
SELECT target, waits_for FROM deployment_progress WHERE release = 'REL-3' ORDER BY target;
SET ROLE regress_changes;
DELETE FROM change_freeze WHERE code = 'NOW';
-- The CMDB's own program may make the planned change while the target may be installed; the worker's report finds it made.
RESET ROLE;
GRANT SELECT, UPDATE ON device TO regress_worker;
SET ROLE regress_worker;
UPDATE device SET version = '8' WHERE name = 'switch';
SELECT claim, target, cardinality(items) AS items, manifest FROM claim_step('worker-1') \gset
\echo :target :items
\echo :manifest
CALL report_step(:'claim', 'successful', :'manifest');
SELECT claim, target, kind FROM claim_step('worker-1') \gset
\echo :target :kind
CALL report_step(:'claim', 'successful', :'manifest');
SELECT claim, target, manifest FROM claim_step('worker-1') \gset
\echo :target
\echo :manifest
CALL report_step(:'claim', 'successful', :'manifest');
SELECT claim FROM claim_step('worker-1') \gset
CALL report_step(:'claim', 'successful', :'manifest');
INSERT INTO pilot_measurement (release_id, metric, pilot_value, control_value) VALUES (release_id('REL-3'), 'errors', 1, 1);
SET ROLE regress_manager;
CALL advance_release('REL-3', 'early_life');
RESET ROLE;
SELECT * FROM device ORDER BY name;
SELECT gate, criterion, met, missing, evidence - 'rationale' - 'pilot_measurement' AS evidence FROM criterion_evaluation
WHERE release_id = release_id('REL-3') AND criterion <> 'window_booked' ORDER BY id;
SELECT release, state, targets, verified, percent_verified, began_at < finished_at AS done FROM release_schedule WHERE release = 'REL-3';
SET ROLE regress_manager;
CALL advance_release('REL-3', 'closed');
SELECT count(*) FROM ci_booking;

-- What each installation was held against, and what it found.
SELECT point, target, items, errors, findings, digest_algorithm(baseline) AS baseline FROM compatibility_result WHERE point = 'deployment' ORDER BY checked_at;
