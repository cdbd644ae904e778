-- Drift and back-out where an attribute is what it was: statements that change nothing, plans that change nothing, and values that somebody
-- else than the release made.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_same;
CALL grant_duty('regress_same', 'release manager', 'Provider');
CREATE TABLE host (id integer PRIMARY KEY, os text, memory numeric(6,1), seen integer NOT NULL DEFAULT 0);
INSERT INTO host SELECT n, 'bookworm', 4 FROM generate_series(1, 6) AS n;
GRANT ALL ON host TO regress_same;
SELECT bind_ci_class('host', 'host', '{id}', 'id');

-- An UPDATE that changes nothing, as object mappers make, is captured and is no drift; nor does it hide what is.
UPDATE host SET os = os WHERE id = 1;
UPDATE host SET os = 'trixie' WHERE id = 2;
UPDATE host SET os = os WHERE id = 2;
INSERT INTO host VALUES (7, 'trixie', 8);
UPDATE host SET os = os WHERE id = 7;
SELECT ci, attribute, expected, present, classification FROM drift();
SELECT count(*) AS empty FROM captured_change WHERE source = 'host'::regclass AND changed = '{}';

CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (code, description) VALUES ('plain', 'a gate that asks nothing');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('closed', 3, 'ended')) AS s (state, ordinal, kind) WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'closed')) AS t (f, t) WHERE m.code = 'plain';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, s, 1, 'granted', 'granted' FROM release_model AS m, unnest('{deploying,closed}'::text[]) AS s WHERE m.code = 'plain';
CALL publish_model('plain');

-- REL-1 plans for host/1 what is there already, and for hosts 3 to 6 what REL-2 plans, too.
SET ROLE regress_same;
SELECT create_release('REL-' || n, 'minor', model => 'plain') IS NOT NULL AS created FROM generate_series(1, 3) AS n;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value)
SELECT release_id('REL-1'), 'host/1', 'memory', '4.0' UNION ALL
SELECT release_id('REL-' || r), 'host/' || n, 'os', 'trixie' FROM generate_series(1, 2) AS r, generate_series(3, 6) AS n WHERE r = 1 OR n = 3;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-3'), 'host/8', 'create', v.attribute, v.value FROM (VALUES ('os', 'trixie'), ('seen', '3')) AS v (attribute, value);
SELECT add_wave('REL-' || n, 'all', ARRAY(SELECT DISTINCT p.target FROM planned_ci_change AS p WHERE p.release_id = release_id('REL-' || n)), pilot => true) FROM generate_series(1, 3) AS n;
SELECT ci, attribute, outcome FROM dry_run('REL-1') WHERE ci = 'host/1';
DO $$ BEGIN FOR n IN 1 .. 3 LOOP CALL release_mgmt.advance_release('REL-' || n, 'deploying'); END LOOP; END $$;
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');

-- host/3 by REL-2, host/4 by nobody's leave, host/5 behind the ledger's back, host/6 by the release.
SET release_mgmt.release = 'REL-2';
UPDATE host SET os = 'trixie' WHERE id = 3;
RESET release_mgmt.release;
UPDATE host SET os = 'trixie ' WHERE id = 4;
UPDATE host SET os = 'trixie' WHERE id = 4;
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE host DISABLE TRIGGER ALL;
UPDATE host SET os = 'trixie' WHERE id = 5;
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture, ENABLE ALWAYS TRIGGER rm_80_ci;
RESET session_replication_role;
SET ROLE regress_same;
UPDATE host SET os = 'trixie' WHERE id = 6;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-1');
SELECT back_out_ci_changes('REL-1') AS restored;
SELECT os, array_agg(id ORDER BY id) FROM host GROUP BY os ORDER BY os;

-- An UPDATE that changes nothing is no later work on what a release created.
INSERT INTO host (id, os, seen) VALUES (8, 'trixie', 3);
UPDATE host SET os = os, seen = seen WHERE id = 8;
SELECT ci, attribute, expected, present, classification FROM drift('REL-3');
SELECT back_out_ci_changes('REL-3') AS restored;
SELECT count(*) AS rows FROM host WHERE id = 8;

-- What is exempt is left out, planned or not.
INSERT INTO host (id, os, seen) VALUES (8, 'trixie', 3);
UPDATE host SET os = os WHERE id = 8;
RESET ROLE;
SELECT bind_ci_class('host', 'host', '{id}', 'id', exempt => '{seen}');
UPDATE host SET seen = 4 WHERE id = 8;
SET ROLE regress_same;
SELECT ci, attribute, expected, present, classification FROM drift('REL-3');

-- An item is created with all that is planned for it: not without a value, not with the default in its place.
RESET ROLE;
CREATE TABLE disk (id integer PRIMARY KEY, label text, state text NOT NULL DEFAULT 'active', size numeric(5,1), serial integer GENERATED BY DEFAULT AS IDENTITY, seen integer);
SELECT bind_ci_class('disk', 'disk', '{id}', 'label', mode => 'enforce', exempt => '{seen}');
GRANT ALL ON disk TO regress_same;
SET ROLE regress_same;
SELECT create_release('REL-4', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-4'), 'disk/' || n, 'create', v.attribute, v.value
FROM generate_series(1, 4) AS n, (VALUES ('label', 'd'), ('state', 'planned'), ('size', '2'), ('serial', '77'), ('seen', '1')) AS v (attribute, value);
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-4'), 'disk/4', 'create', 'id', '4'), (release_id('REL-4'), 'disk/5', 'create', 'label', NULL);
SELECT add_wave('REL-4', 'all', ARRAY(SELECT DISTINCT p.target FROM planned_ci_change AS p WHERE p.release_id = release_id('REL-4')), pilot => true);
SELECT DISTINCT outcome FROM dry_run('REL-4');
CALL advance_release('REL-4', 'deploying');
INSERT INTO disk (id) VALUES (1);
\set VERBOSITY terse
INSERT INTO disk (id, label, size, serial) VALUES (1, 'd', 2, 77);
INSERT INTO disk (id, label, state, size) VALUES (1, 'd', 'planned', 2);
INSERT INTO disk (id, state, size, serial) VALUES (1, 'planned', 2, 77);
INSERT INTO disk (id, label, state, size, serial) VALUES (1, 'd', 'planned', 2, 77), (2, 'd', 'planned', 3, 77);
\set VERBOSITY default
INSERT INTO disk (id, label, state, size, serial) VALUES (1, 'd', 'planned', 2, 77), (4, 'd', 'planned', 2.0, 77);
INSERT INTO disk (id, label, state, size, serial, seen) VALUES (2, 'd', 'planned', 2, 77, 9);
INSERT INTO disk (id) VALUES (5);
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-4') WHERE classification <> 'authorized' OR ci IN ('disk/4', 'disk/5') ORDER BY ci, attribute;
SELECT back_out_ci_changes('REL-4') AS restored;

-- What an application made itself, the installation does not make again: values, items that are there, items that are gone.
RESET ROLE;
CALL grant_duty('regress_same', 'operator', 'Provider');
INSERT INTO host (id, os) SELECT n, 'bookworm' FROM generate_series(20, 23) AS n;
SET ROLE regress_same;
SELECT create_release('REL-5', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-5'), v.ci, v.operation, v.attribute, v.value
FROM (VALUES ('host/20', 'retire', '', NULL), ('host/21', 'retire', '', NULL), ('host/22', 'change', 'os', 'trixie'), ('host/23', 'change', 'os', 'trixie'),
             ('host/24', 'create', 'os', 'trixie'), ('host/24', 'create', 'memory', '8'), ('host/25', 'create', 'os', 'trixie')) AS v (ci, operation, attribute, value);
SELECT add_wave('REL-5', 'all', ARRAY(SELECT DISTINCT p.target FROM planned_ci_change AS p WHERE p.release_id = release_id('REL-5')), pilot => true);
CALL advance_release('REL-5', 'deploying');
DELETE FROM host WHERE id = 20;
UPDATE host SET os = 'trixie' WHERE id = 22;
INSERT INTO host (id, os, memory) VALUES (24, 'trixie', 8);
CREATE FUNCTION pg_temp.work() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    step record;
    done integer := 0;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('worker');
        EXIT WHEN NOT FOUND;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
        done := done + 1;
    END LOOP;
    RETURN done;
END $$;
SELECT pg_temp.work() > 0 AS worked;
SELECT target, state FROM deployment_progress WHERE release = 'REL-5' ORDER BY target;
SELECT id, os, memory FROM host WHERE id >= 20 ORDER BY id;
SELECT ci, attribute, classification FROM drift('REL-5');
-- Backed out, and done again.
CALL back_out_target('REL-5', 'host/20');
CALL back_out_target('REL-5', 'host/24');
SELECT pg_temp.work() > 0 AS worked;
SELECT id, os, memory FROM host WHERE id >= 20 ORDER BY id;
CALL deploy_again('REL-5', 'host/20');
CALL deploy_again('REL-5', 'host/24');
SELECT pg_temp.work() > 0 AS worked;
SELECT id, os, memory FROM host WHERE id >= 20 ORDER BY id;
SELECT back_out_ci_changes('REL-5') AS restored;
SELECT id, os, memory FROM host WHERE id >= 20 ORDER BY id;

-- The same of an item that got another key.
SELECT create_release('REL-6', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value)
SELECT release_id('REL-6'), v.ci, v.attribute, v.value FROM (VALUES ('host/22', 'id', '122'), ('host/22', 'os', 'trixie'), ('host/23', 'id', '123'), ('host/21', 'os', 'trixie')) AS v (ci, attribute, value);
SELECT add_wave('REL-6', 'all', '{host/21,host/22,host/23}', pilot => true);
CALL advance_release('REL-6', 'deploying');
UPDATE host SET id = 122, os = 'trixie' WHERE id = 22;
SELECT pg_temp.work() > 0 AS worked;
SELECT target, state FROM deployment_progress WHERE release = 'REL-6' ORDER BY target;
SELECT id, os FROM host WHERE id >= 20 ORDER BY id;
SELECT ci, attribute, classification FROM drift('REL-6');
SELECT back_out_ci_changes('REL-6') AS restored;
SELECT id, os FROM host WHERE id >= 20 ORDER BY id;

-- A transaction that does more than a release permits: trace_ci() says of what, where it was permitted in part, and of each change.
SELECT create_release('REL-7', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-7'), 'host/21', 'os', 'sid'), (release_id('REL-7'), 'host/3', 'os', 'sid');
SELECT add_wave('REL-7', 'all', '{host/21,host/3}', pilot => true);
CALL advance_release('REL-7', 'deploying');
BEGIN;
UPDATE host SET os = 'sid' WHERE id = 21;
UPDATE host SET memory = 1 WHERE id = 21;
COMMIT;
UPDATE host SET os = 'sid', memory = 2, seen = 8 WHERE id = 3;
SELECT code, detail FROM trace_ci('host/21') WHERE kind = 'captured change' AND detail ~ 'sid|memory: .* -> ''1';
SELECT code, detail FROM trace_ci('host/3') WHERE kind = 'captured change' AND detail ~ 'sid';
-- A target of which the release knows nothing.
SELECT back_out_ci_changes('REL-7', 'host/22');
SELECT back_out_ci_changes('REL-7', 'host/3') AS restored;
