-- The chosen release design option shapes the waves: a big-bang is one wave, a phased roll-out begins with a pilot.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server SELECT 's' || i, '1.0' FROM generate_series(1, 6) AS i;
SELECT bind_ci_class('server', 'server', '{name}', 'name');
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
CREATE TEMP VIEW planned_wave AS
SELECT w.name, w.pilot, string_agg(t.ci, ' ' ORDER BY t.ci) AS targets FROM wave AS w JOIN target AS t ON t.wave_id = w.id GROUP BY w.id ORDER BY w.ordinal;

-- Nothing is chosen, nothing follows, everything is said at once.
SELECT plan_waves('REL-1', wave_size => 0);
SELECT plan_waves('REL-9');
\set VERBOSITY terse
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id('REL-1'), 'phased', 'pull', 'automated', '', true);
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id('REL-1'), 'creeping', 'pull', 'automated', 'why not', true);
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale) VALUES (release_id('REL-1'), 'big-bang', 'push', 'manual', 'one evening');
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id('REL-1'), 'phased', 'pull', 'automated', 'a fault shows early', true);
-- One of the options is the chosen one.
UPDATE design_option SET chosen = true WHERE roll_out = 'big-bang';
\set VERBOSITY default

-- Phased: pilots first, then the others, so many at a time.
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id('REL-1'), 'server/s' || i, 'app_version', '2.0' FROM generate_series(1, 6) AS i;
SELECT plan_waves('REL-1', wave_size => 2);
SELECT plan_waves('REL-1', targets => '{server/s1}', pilots => '{server/s1}');
SELECT plan_waves('REL-1', targets => '{server/s1,server/x}', pilots => '{server/y}');
SELECT add_wave('REL-1', 'rest', '{server/s1}');
SELECT plan_waves('REL-1', pilots => '{server/s3}', wave_size => 2);
SELECT plan_waves('REL-1', pilots => '{server/s3}', wave_size => 2) AS same_again;
SELECT * FROM planned_wave;
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_waves_fit_design(release_id('REL-1'));
SET ROLE regress_manager;
UPDATE wave SET pilot = false WHERE name = 'pilot';
-- The choice does not change against the waves.
UPDATE design_option SET roll_out = 'big-bang' WHERE chosen;
DELETE FROM target WHERE release_id = release_id('REL-1');
DELETE FROM wave WHERE name <> 'wave 1';
UPDATE design_option SET rationale = 'still phased' WHERE chosen;
DELETE FROM wave;

-- Big-bang: one wave with all targets.
UPDATE design_option SET chosen = false WHERE chosen;
UPDATE design_option SET chosen = true WHERE roll_out = 'big-bang';
SELECT plan_waves('REL-1', pilots => '{server/s3}');
SELECT plan_waves('REL-1', wave_size => 2);
SELECT plan_waves('REL-1');
SELECT plan_waves('REL-1') AS same_again;
SELECT * FROM planned_wave;
-- Chosen anew, the waves of the other design are not mixed with those that are there.
UPDATE design_option SET chosen = false WHERE chosen;
UPDATE design_option SET chosen = true WHERE roll_out = 'phased';
SELECT plan_waves('REL-1', pilots => '{server/s3}');
UPDATE design_option SET chosen = false WHERE chosen;
UPDATE design_option SET chosen = true WHERE roll_out = 'big-bang';
SELECT add_wave('REL-1', 'late', '{server/s1}');
INSERT INTO wave (release_id, ordinal, name) VALUES (release_id('REL-1'), 2, 'late');
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_waves_fit_design(release_id('REL-1'));

DROP OWNED BY regress_manager;
DROP ROLE regress_manager;
