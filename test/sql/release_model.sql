-- Release models: a draft is written by rows, examined as a whole when it is published, and stands still from then on.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_reader;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Provider');

-- What is shipped has no fault, and each model leads from draft to closed, and from production back out of it.
SELECT * FROM release_model_fault;
SELECT m.code, string_agg(s.state, ' ' ORDER BY s.ordinal) AS states
FROM release_model AS m JOIN model_state AS s ON s.model_id = m.id WHERE m.builtin GROUP BY m.id ORDER BY m.id;
SELECT m.code, c.to_state, string_agg(c.check_name, ' ' ORDER BY c.ordinal) AS asks
FROM release_model AS m JOIN gate_criterion AS c ON c.model_id = m.id JOIN model_state AS s ON s.model_id = m.id AND s.state = c.to_state
WHERE m.builtin AND m.code <> 'standard' GROUP BY m.id, c.to_state, s.ordinal ORDER BY m.id, s.ordinal;
SELECT m.code FROM release_model AS m WHERE m.builtin AND NOT EXISTS (SELECT FROM model_transition AS t WHERE t.model_id = m.id AND t.to_state = 'backing_out');
-- Nobody alters it.
UPDATE release_model SET description = 'other' WHERE code = 'minor';
DELETE FROM gate_criterion WHERE to_state = 'closed';
UPDATE model_transition SET forward = false WHERE to_state = 'closed';
INSERT INTO model_state (model_id, state, ordinal, kind) SELECT id, 'limbo', 12, 'halted' FROM release_model WHERE code = 'minor';

-- A draft with every fault that there is: all are listed, and nothing is published.
SET ROLE regress_manager;
INSERT INTO release_model (code, description, builtin) VALUES ('bad', 'Everything is wrong.', true);
CREATE TEMP VIEW model AS SELECT id FROM release_model WHERE code = 'bad' AND version = 1;
GRANT SELECT ON model TO PUBLIC;
CALL publish_model('bad');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT id, s, o, k FROM model, (VALUES ('draft', 1, 'planning'), ('built', 2, 'planning'), ('on_hold', 3, 'halted'), ('live', 4, 'deploying'), ('fine', 5, 'deployed'),
                                       ('closed', 6, 'ended'), ('island', 7, 'planning'), ('trap', 8, 'halted'), ('again', 9, 'planning')) AS v(s, o, k);
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT id, f, t, w FROM model, (VALUES ('draft', 'built', true), ('built', 'draft', true), ('draft', 'on_hold', false), ('on_hold', 'live', false), ('built', 'live', true),
                                       ('live', 'fine', true), ('fine', 'closed', true), ('fine', 'trap', false), ('live', 'closed', false),
                                       ('closed', 'again', false), ('again', 'again', false)) AS v(f, t, w);
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT id, s, o, n, k FROM model, (VALUES ('island', 1, 'never', 'policy_named'), ('live', 1, 'once', 'policy_named'), ('live', 2, 'twice', 'policy_named'),
                                          ('fine', 1, 'content', 'content'), ('fine', 2, 'unknown', 'no such check')) AS v(s, o, n, k);
SELECT fault FROM release_model_fault WHERE model = 'bad';
SET ROLE regress_approver;
CALL publish_model('bad');
RESET ROLE;
-- Not by a plain UPDATE either, and of a check whose function is gone it is said so.
CREATE FUNCTION passing(release uuid) RETURNS check_result BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('passing', 'gate', 'public.passing', 'nothing');
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'live', 3, 'passing', 'passing' FROM model;
DROP FUNCTION passing(uuid);
UPDATE release_model SET published_at = now() WHERE code = 'bad';
SELECT published_at, published_by, builtin FROM release_model WHERE code = 'bad';
-- An edge does not stand twice, nor lead to a state that there is not.
\set VERBOSITY terse
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT id, 'draft', 'built', false FROM model;
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT id, 'draft', 'nowhere', false FROM model;
\set VERBOSITY default
-- Without the state that every release begins with.
DELETE FROM gate_criterion WHERE model_id = (SELECT id FROM model);
DELETE FROM model_transition WHERE model_id = (SELECT id FROM model);
DELETE FROM model_state WHERE model_id = (SELECT id FROM model) AND state <> 'closed';
SELECT fault FROM release_model_fault WHERE model = 'bad';
INSERT INTO model_state (model_id, state, ordinal, kind) SELECT id, 'draft', 1, 'deployed' FROM model;
SELECT fault FROM release_model_fault WHERE model = 'bad';

-- Put right, it is published by another change manager than who drafted it, and is what releases may pin from then on.
SET ROLE regress_manager;
UPDATE model_state SET kind = 'planning' WHERE model_id = (SELECT id FROM model) AND state = 'draft';
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT id, 'draft', 'closed', true FROM model;
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'closed', 1, 'policy', 'policy_named' FROM model;
SELECT create_release('REL-1', 'minor', model => 'bad');
INSERT INTO release (code, type, model_id) SELECT 'REL-1', 'minor', id FROM model;
CALL publish_model('bad');
SET ROLE regress_reader;
CALL publish_model('bad');
SELECT revise_model('bad');
SET ROLE regress_approver;
CALL publish_model('bad', 2);
CALL publish_model('worse');
CALL publish_model('bad');
CALL publish_model('bad', 1);
SELECT m.code, m.version, d.code AS drafted_by, p.code AS published_by FROM release_model AS m
LEFT JOIN person AS d ON d.id = m.drafted_by LEFT JOIN person AS p ON p.id = m.published_by WHERE NOT m.builtin;
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'bad') IS NOT NULL AS created;
INSERT INTO model_state (model_id, state, ordinal, kind) SELECT id, 'more', 9, 'planning' FROM model;
UPDATE model_state SET kind = 'planning' WHERE model_id = (SELECT id FROM model) AND state = 'closed';
DELETE FROM gate_criterion WHERE model_id = (SELECT id FROM model);
UPDATE release_model SET description = 'other' WHERE code = 'bad';
RESET ROLE;
UPDATE release_model SET published_at = NULL WHERE code = 'bad';
DELETE FROM release_model WHERE code = 'bad';

-- A check that a published model asks stays registered; one of a draft only does not.
DELETE FROM registered_check WHERE name = 'policy_named';
UPDATE registered_check SET point = 'intake' WHERE name = 'policy_named';
DELETE FROM registered_check WHERE name = 'passing';

-- The next version is a draft with the same rows; a release keeps the one that it pins.
SET ROLE regress_manager;
INSERT INTO release_model (code, version, description) VALUES ('bad', 3, 'One is left out.');
SELECT revise_model('bad');
SELECT revise_model('bad') AS same_again;
SELECT revise_model('worse');
SELECT create_release('REL-2', 'minor', model => 'bad') IS NOT NULL AS created;
SELECT r.code, m.version FROM release AS r JOIN release_model AS m ON m.id = r.model_id ORDER BY r.code;
UPDATE release SET model_id = (SELECT id FROM release_model WHERE code = 'bad' AND version = 2) WHERE code = 'REL-2';
UPDATE release_model SET version = 7 WHERE version = 2;
RESET ROLE;
UPDATE release_model SET code = 'good' WHERE code = 'bad' AND version = 2;

-- Nor is it published by who wrote a part of it.
SET ROLE regress_approver;
UPDATE gate_criterion SET name = 'the policy' WHERE model_id = (SELECT id FROM release_model WHERE code = 'bad' AND version = 2);
CALL publish_model('bad', 2);
RESET ROLE;

DROP OWNED BY regress_manager, regress_approver, regress_reader;
DROP ROLE regress_manager, regress_approver, regress_reader;
