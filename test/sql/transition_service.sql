-- Warranty and service levels: stated before the roll-out, measured in early life, from incidents where they can be.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_operator;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_operator', 'operator', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CREATE TABLE server (name text PRIMARY KEY, version text);
INSERT INTO server VALUES ('alpha', '1');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (code, description) VALUES ('plain', 'Gates that ask nothing.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
    (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('early_life', 3, 'deployed'), ('closed', 4, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT a.model_id, a.state, b.state, true FROM model_state AS a JOIN model_state AS b ON b.model_id = a.model_id AND b.ordinal = a.ordinal + 1
WHERE a.model_id = (SELECT id FROM release_model WHERE code = 'plain');
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT DISTINCT t.model_id, t.to_state, 1, 'granted', 'granted'
FROM model_transition AS t JOIN model_state AS s ON s.model_id = t.model_id AND s.state = t.to_state JOIN release_model AS m ON m.id = t.model_id
WHERE t.forward AND s.kind <> 'planning' AND m.code = 'plain';
CALL publish_model('plain');
CREATE FUNCTION checks(OUT name text, OUT met boolean, OUT missing text, OUT owner text) RETURNS SETOF record BEGIN ATOMIC
    SELECT 'agreed', c.met, c.missing, c.owner FROM release_mgmt_internal.check_service_levels_agreed(release_id('REL-1')) AS c
    UNION ALL
    SELECT 'held', c.met, c.missing, c.owner FROM release_mgmt_internal.check_service_levels_held(release_id('REL-1')) AS c;
END;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'version', '2');
RESET ROLE;
SELECT * FROM checks();

-- Stated by the release manager.
SET ROLE regress_manager;
INSERT INTO warranty (release_id, period, terms) VALUES (release_id('REL-1'), '30 days', 'defects are mended free of charge');
INSERT INTO service_level (release_id, metric, kind, severity, target, unit) VALUES (release_id('REL-1'), 'critical incidents', 'incidents', 'critical', 0, 'incidents');
INSERT INTO service_level (release_id, metric, kind, target, unit) VALUES (release_id('REL-1'), 'time to resolve', 'hours to resolve', 4, 'hours');
INSERT INTO service_level (release_id, metric, comparison, target, unit) VALUES (release_id('REL-1'), 'availability', 'at least', 99.9, '%');
\set VERBOSITY terse
INSERT INTO warranty (release_id, period, terms) VALUES (release_id('REL-1'), '30 days', 'twice');
INSERT INTO service_level (release_id, metric, kind, target, unit) VALUES (release_id('REL-1'), 'mood', 'felt', 5, 'smiles');
INSERT INTO service_level (release_id, metric, comparison, target, unit) VALUES (release_id('REL-1'), 'mood', 'about', 5, 'smiles');
INSERT INTO service_level (release_id, metric, kind, target, unit, measured) VALUES (release_id('REL-1'), 'incidents', 'incidents', 1, 'incidents', 0);
\set VERBOSITY default
SET ROLE regress_reader;
INSERT INTO service_level (release_id, metric, target, unit) VALUES (release_id('REL-1'), 'mood', 5, 'smiles');
RESET ROLE;
SELECT * FROM checks();
SELECT metric, comparison, target, unit, measured, status FROM service_level_status WHERE release = 'REL-1' ORDER BY metric;

-- Once the roll-out has begun they stand still; only measured is written, stamped with who.
SET ROLE regress_manager;
CALL advance_release('REL-1', 'deploying');
CALL advance_release('REL-1', 'early_life');
UPDATE service_level SET target = 90 WHERE metric = 'availability';
INSERT INTO service_level (release_id, metric, target, unit) VALUES (release_id('REL-1'), 'mood', 5, 'smiles');
DELETE FROM service_level WHERE metric = 'availability';
UPDATE warranty SET period = '1 day';
SET ROLE regress_operator;
UPDATE service_level SET target = 90 WHERE metric = 'availability';
UPDATE service_level SET measured = 99.95 WHERE metric = 'availability';
SELECT metric, measured, measured_by = person_id('regress_operator') AS by_operator FROM service_level WHERE measured IS NOT NULL;
RESET ROLE;
UPDATE service_level SET measured = 100 WHERE metric = 'availability';
SELECT * FROM checks();

-- Incidents of early life are held against them, unless a person says that the release did not cause them.
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary, severity) VALUES ('INC-1', 'server/alpha', 'down', 'critical');
SELECT metric, measured, incidents, status FROM service_level_status WHERE release = 'REL-1' AND metric <> 'time to resolve' ORDER BY metric;
SELECT metric, measured < 1 AS soon, incidents, status FROM service_level_status WHERE release = 'REL-1' AND metric = 'time to resolve';
RESET ROLE;
SELECT * FROM checks();
SET ROLE regress_approver;
CALL confirm_attribution('INC-1', 'REL-1', false, 'a truck hit the building');
RESET ROLE;
SELECT * FROM checks();

-- Each row that a gate looks at raises the release's revision when it comes, changes or goes; so no gate passes on rows it did not see.
SELECT c.relname AS source, t.tgname AS trigger, encode(t.tgargs, 'escape') AS by_column, (t.tgtype & 2) <> 0 AS before, (t.tgtype & 28) = 28 AS on_everything
FROM pg_class AS c LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgname = 'rm_20_touch'
WHERE c.relnamespace = 'release_mgmt'::regnamespace
  AND c.relname = ANY ('{test_plan,test_run,register_entry,corrective_action,incident_attribution,stakeholder,communication,knowledge_item,support_request,warranty,service_level}')
ORDER BY 1;
SELECT revision AS before FROM release WHERE code = 'REL-1' \gset
SET ROLE regress_operator;
UPDATE service_level SET measured = 99.5 WHERE metric = 'availability';
SELECT revision > :before AS raised FROM release WHERE code = 'REL-1';
