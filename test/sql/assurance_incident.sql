-- Incidents are held against the releases that touched what failed; a person decides.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_operator;
CREATE ROLE regress_customer;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_operator', 'operator', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_reader', 'reader', 'Customer');

-- Three servers at two sites; the shop runs on alpha and beta, the archive on gamma.
CREATE TABLE site (name text PRIMARY KEY);
CREATE TABLE server (name text PRIMARY KEY, site text REFERENCES site, version text);
CREATE TABLE service (name text PRIMARY KEY, server text REFERENCES server);
INSERT INTO site VALUES ('north'), ('south');
INSERT INTO server VALUES ('alpha', 'north', '1'), ('beta', 'north', '1'), ('gamma', 'south', '1');
INSERT INTO service VALUES ('shop', 'alpha'), ('archive', 'gamma');
SELECT bind_ci_class('site', 'site', key => '{name}', name => 'name');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
SELECT bind_ci_class('service', 'service', key => '{name}', name => 'name');
CALL bind_ci_relation('located at', 'server', '{site}', 'site');
CALL bind_ci_relation('runs on', 'service', '{server}', 'server');

-- A model whose gates ask nothing, to deploy in one step.
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
CREATE FUNCTION checks(release text, OUT name text, OUT met boolean, OUT missing text, OUT owner text) RETURNS SETOF record BEGIN ATOMIC
    SELECT 'no_open_incident', c.met, c.missing, c.owner FROM release_mgmt_internal.check_no_open_incident(release_id(release)) AS c
    UNION ALL
    SELECT 'incidents_decided', c.met, c.missing, c.owner FROM release_mgmt_internal.check_incidents_decided(release_id(release)) AS c;
END;

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'plain', customers => '{Customer}') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'version', '2');
SELECT create_release('REL-2', 'minor', model => 'plain', customers => '{Customer}') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'server/gamma', 'version', '2');

-- Before anything is deployed nothing can be blamed on it, and the checks have no evidence.
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary) VALUES ('INC-0', 'server/alpha', 'disk full');
SELECT * FROM attribute_incident('INC-0');
RESET ROLE;
SELECT * FROM checks('REL-1');

SET ROLE regress_manager;
CALL advance_release('REL-1', 'deploying');
CALL advance_release('REL-2', 'deploying');
CALL advance_release('REL-1', 'early_life');
RESET ROLE;
SELECT * FROM checks('REL-1');

-- Bad input.
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary) VALUES ('INC-9', 'server/omega', 'gone');
INSERT INTO incident (code, ci, summary, opened_at) VALUES ('INC-9', 'server/alpha', 'will fail', now() + interval '1 hour');
\set VERBOSITY terse
INSERT INTO incident (code, ci, summary, resolved_at) VALUES ('INC-9', 'server/alpha', 'resolved before it began', now() - interval '1 hour');
INSERT INTO incident (code, ci, summary, severity) VALUES ('INC-9', 'server/alpha', 'how bad', 'awful');
\set VERBOSITY default
SELECT * FROM attribute_incident('INC-9');
SET ROLE regress_reader;
INSERT INTO incident (code, ci, summary) VALUES ('INC-9', 'server/alpha', 'as a reader');
SELECT * FROM attribute_incident('INC-0');

-- A new incident is held at once against what was deployed: the nearer, the likelier.
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary, severity) VALUES ('INC-1', 'server/alpha', 'does not answer', 'high');
INSERT INTO incident (code, ci, summary) VALUES ('INC-2', 'service/shop', 'slow');
INSERT INTO incident (code, ci, summary) VALUES ('INC-3', 'server/beta', 'neighbour of alpha at the site');
INSERT INTO incident (code, ci, summary) VALUES ('INC-4', 'service/archive', 'runs on gamma');
SELECT incident, release, confidence, reason, confirmed FROM release_incident ORDER BY incident, release;
SELECT incident, release FROM release_incident WHERE incident = 'INC-0';

-- Where another item turns out to have failed, that one is looked at too.
BEGIN;
UPDATE incident SET ci = 'server/gamma' WHERE code = 'INC-1';
SELECT release, confidence, reason FROM release_incident WHERE incident = 'INC-1' ORDER BY release;
ROLLBACK;

-- Where a site has more than 250 servers, sharing it says nothing; what hit the site itself still does.
RESET ROLE;
INSERT INTO server SELECT 'blade ' || n, 'north', '1' FROM generate_series(1, 300) AS n;
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary) VALUES ('INC-7', 'server/blade 7', 'one of many neighbours of alpha'), ('INC-8', 'site/north', 'dark');
SELECT incident, release, confidence, reason FROM release_incident WHERE incident IN ('INC-7', 'INC-8') ORDER BY incident;
RESET ROLE;
UPDATE incident SET resolved_at = clock_timestamp() WHERE code IN ('INC-7', 'INC-8');
SET ROLE regress_approver;
CALL confirm_attribution('INC-8', 'REL-1', false, 'a cable was cut');
SET ROLE regress_operator;

-- A further item widens the circle; asking again changes nothing.
INSERT INTO incident_ci SELECT id, 'server/alpha' FROM incident WHERE code = 'INC-4';
INSERT INTO incident_ci SELECT id, 'server/omega' FROM incident WHERE code = 'INC-4';
SELECT release, confidence FROM release_incident WHERE incident = 'INC-4' ORDER BY release;
SELECT * FROM attribute_incident('INC-4');
SELECT * FROM attribute_incident('INC-4');

-- Open ones that the release may have caused hold it up; undecided ones too.
RESET ROLE;
SELECT * FROM checks('REL-1');

-- A person decides; whoever requested the release can not clear it.
SET ROLE regress_reader;
CALL confirm_attribution('INC-1', 'REL-1', true);
SET ROLE regress_manager;
CALL confirm_attribution('INC-3', 'REL-1', false);
CALL confirm_attribution('INC-1', 'REL-1', true);
CALL confirm_attribution('INC-1', 'REL-1', false);
CALL confirm_attribution('INC-1', 'REL-1', NULL);
CALL confirm_attribution('INC-9', 'REL-1', true);
CALL confirm_attribution('INC-1', 'REL-9', true);
CALL confirm_attribution('INC-1', 'REL-2', true);
CALL confirm_attribution('INC-1', 'REL-2', true, 'the archive called alpha in a loop');
SET ROLE regress_customer;
CALL confirm_attribution('INC-3', 'REL-1', false, 'power cut at the site');
CALL confirm_attribution('INC-3', 'REL-1', false, 'power cut at the site');
SET ROLE regress_approver;
CALL confirm_attribution('INC-2', 'REL-1', true);
CALL confirm_attribution('INC-4', 'REL-1', false);
SELECT incident, release, confidence, reason, confirmed, confirmed_by FROM release_incident ORDER BY incident, release;

-- Behind the verb's back the same holds.
RESET ROLE;
UPDATE incident_attribution SET confirmed = false WHERE confidence = 0.9;
DELETE FROM incident_attribution WHERE confidence = 0.9;
SET ROLE regress_manager;
UPDATE incident_attribution SET confirmed = false WHERE confidence = 0.9;

-- What was decided is not proposed again.
SET ROLE regress_operator;
SELECT release, confidence, confirmed FROM attribute_incident('INC-3');
RESET ROLE;
SELECT * FROM checks('REL-1');

-- Resolved, they hold nothing up; reopened, they do, and the release's revision tells its gates.
SET ROLE regress_operator;
SELECT revision AS before FROM release WHERE code = 'REL-1' \gset
UPDATE incident SET resolved_at = clock_timestamp(), resolution = 'restarted' WHERE code IN ('INC-1', 'INC-2');
RESET ROLE;
SELECT * FROM checks('REL-1');
SET ROLE regress_operator;
UPDATE incident SET resolved_at = NULL WHERE code = 'INC-2';
SELECT revision > :before AS revision_raised FROM release WHERE code = 'REL-1';
UPDATE incident SET opened_at = '2001-01-01' WHERE code = 'INC-2';
UPDATE incident SET resolved_at = now() + interval '1 day' WHERE code = 'INC-2';
DELETE FROM incident WHERE code = 'INC-2';
RESET ROLE;
DELETE FROM incident WHERE code = 'INC-2';
SELECT * FROM checks('REL-1');

-- Problems and causes of failure, for the reports; a known error has a cause and a workaround.
SET ROLE regress_operator;
INSERT INTO problem (code, summary, cause_kind, cause, workaround) VALUES ('PRB-1', 'the pool runs dry', 'test', 'no load test was run', 'restart');
INSERT INTO problem (code, summary) VALUES ('PRB-2', 'nobody knows');
\set VERBOSITY terse
INSERT INTO problem (code, summary, cause_kind) VALUES ('PRB-3', 'a kind without a cause', 'test');
INSERT INTO problem (code, summary, cause_kind, cause) VALUES ('PRB-3', 'an unknown kind', 'weather', 'it rained');
\set VERBOSITY default
UPDATE incident SET problem_id = (SELECT id FROM problem WHERE code = 'PRB-1') WHERE code IN ('INC-1', 'INC-2');
SELECT release, cause_kind, cause, count(DISTINCT incident) AS incidents, count(DISTINCT problem) AS problems, bool_and(known_error) AS known_error
FROM release_incident WHERE confirmed AND problem IS NOT NULL GROUP BY release, cause_kind, cause ORDER BY release;

-- After early life nothing is held against the release; towards its end, less.
RESET ROLE;
SELECT lower(e) < now() AS began, upper(e) = h.entered_at + interval '14 days' AS ends_with_early_life
FROM release_mgmt_internal.exposure_of(release_id('REL-1')) AS e, release_state_history AS h WHERE h.release_id = release_id('REL-1') AND h.to_state = 'early_life';
SELECT release_mgmt_internal.exposure_of(release_id('REL-2')) @> 'infinity'::timestamptz AS rolling_out_has_no_end;
UPDATE release_state_history SET entered_at = entered_at - interval '10.5 days' WHERE release_id = release_id('REL-1');
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary) VALUES ('INC-5', 'server/alpha', 'three quarters through');
SELECT * FROM attribute_incident('INC-5');
RESET ROLE;
UPDATE release_state_history SET entered_at = entered_at - interval '4 days' WHERE release_id = release_id('REL-1');
SET ROLE regress_operator;
INSERT INTO incident (code, ci, summary) VALUES ('INC-6', 'server/alpha', 'too late to blame');
SELECT * FROM attribute_incident('INC-6');
SELECT count(*) FROM release_incident WHERE incident = 'INC-6';

-- What a customer's person reports is its customer's, and is not told to others by leaving that out.
SET ROLE regress_customer;
INSERT INTO incident (code, ci, summary) VALUES ('INC-10', 'server/alpha', 'seen by a user') RETURNING organization_id = organization_id('Customer') AS own;
\set VERBOSITY terse
INSERT INTO incident (code, ci, summary, organization_id) VALUES ('INC-11', 'server/alpha', 'seen by a user', NULL);
\set VERBOSITY default
