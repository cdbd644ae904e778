-- Lifecycle: a release moves as its model says, through its gates, and an approval means exactly what was seen.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_reader;
CREATE ROLE regress_customer;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');

-- A model of one's own: draft, ready, done; ready needs a policy and an approval, done needs a review.
INSERT INTO release_model (code, description) VALUES ('small', 'Two gates.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind
FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('ready', 2, 'planning'), ('done', 3, 'ended'), ('on_hold', 4, 'halted'), ('planned', 5, 'planning')) AS s(state, ordinal, kind)
WHERE m.code = 'small';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w
FROM release_model AS m, (VALUES ('draft', 'ready', true), ('ready', 'done', true), ('draft', 'on_hold', false), ('on_hold', 'draft', false), ('ready', 'planned', false), ('planned', 'ready', true)) AS t(f, t, w)
WHERE m.code = 'small';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, c.s, c.o, c.n, c.k
FROM release_model AS m, (VALUES ('ready', 1, 'policy', 'policy_named'), ('ready', 2, 'agreement', 'criteria_agreed'), ('ready', 3, 'approval', 'changes_approved'),
                                 ('done', 1, 'review', 'review_held')) AS c(s, o, n, k)
WHERE m.code = 'small';
CALL publish_model('small');

SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', model => 'small') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app_version', '2.0');

-- Illegal transitions, by verb and by a plain UPDATE.
CALL advance_release('REL-1', 'planned');
CALL advance_release('REL-1', 'nowhere');
CALL advance_release('REL-9', 'ready');
UPDATE release SET state = 'done' WHERE code = 'REL-1';
\set VERBOSITY terse
UPDATE release SET state = NULL WHERE code = 'REL-1';
CALL advance_release('REL-1', NULL);
\set VERBOSITY default
SET ROLE regress_reader;
CALL advance_release('REL-1', 'ready');
UPDATE release SET state = 'ready' WHERE code = 'REL-1';
SET ROLE regress_manager;

-- No evidence is unmet: every criterion is listed, of every gate on the road.
CALL advance_release('REL-1', 'ready');
UPDATE release SET state = 'ready' WHERE code = 'REL-1';
CALL advance_release('REL-1', 'done');
SELECT gate, criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1';
SELECT to_state, forward, unmet FROM release_next_state WHERE release = 'REL-1' ORDER BY to_state;
SELECT count(*) FROM criterion_evaluation;

-- Hold and return need no gate.
CALL advance_release('REL-1', 'on_hold');
CALL advance_release('REL-1', 'on_hold');
CALL advance_release('REL-1', 'draft');

-- Evidence, piece by piece.
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'no surprises', 'all servers', 'small steps');
UPDATE release SET policy_id = (SELECT id FROM release_policy) WHERE code = 'REL-1';
INSERT INTO release_customer SELECT release_id('REL-1'), organization_id('Customer');
INSERT INTO release_change SELECT release_id('REL-1'), id FROM change_request;
SELECT criterion, missing FROM gate_status WHERE release = 'REL-1' AND gate = 'ready' AND status <> 'met';
SET ROLE regress_customer;
CALL agree_criteria('REL-1', 'Provider');
CALL agree_criteria('REL-1', 'Customer');
CALL agree_criteria('REL-1', 'Customer');

-- An approval needs something sealed, another person than the requester, the duty, and what was seen.
SET ROLE regress_approver;
SELECT approval_digest('REL-1');
CALL approve_release('REL-1', compute_digest('what I imagined'));
SET ROLE regress_manager;
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT approval_digest('REL-1') AS agreed \gset
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_approver;
-- (Terse, because every module that adds a part to approvals changes the digest that the detail shows.)
\set VERBOSITY terse
CALL approve_release('REL-1', compute_digest('what I imagined'));
\set VERBOSITY default
CALL approve_release('REL-1', :'agreed');
CALL approve_release('REL-1', :'agreed');
SELECT release, approved_by, valid, changed FROM release_approval;
SET ROLE regress_customer;
CALL approve_release('REL-1', :'agreed');

-- It dies with what it was bound to: a model with a criterion more, and every approval and agreement is void.
SET ROLE regress_manager;
SELECT revise_model('small');
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'done', 2, 'sealed', 'package_sealed' FROM release_model WHERE code = 'small' AND version = 2;
RESET ROLE;
CALL publish_model('small', 2);
SET ROLE regress_manager;
UPDATE release SET model_id = (SELECT id FROM release_model WHERE code = 'small' AND version = 2) WHERE code = 'REL-1';
SELECT release, approved_by, valid, changed FROM release_approval;
CALL advance_release('REL-1', 'ready');
UPDATE release SET model_id = (SELECT id FROM release_model WHERE code = 'small' AND version = 1) WHERE code = 'REL-1';
SELECT release, approved_by, valid, changed FROM release_approval;

-- Through the gate; every evaluation and every state is kept.
SET ROLE regress_manager;
CALL advance_release('REL-1', 'ready');
SELECT gate, criterion, met, missing FROM criterion_evaluation ORDER BY evaluated_at;
SELECT h.from_state, h.to_state, p.code FROM release_state_history AS h JOIN person AS p ON p.id = h.person_id ORDER BY h.entered_at;

-- A new revision voids what was agreed on the old one and takes the release back.
SELECT revise_package('PKG-1');
SELECT state FROM release WHERE code = 'REL-1';
SELECT valid, changed FROM release_approval;
CALL advance_release('REL-1', 'done');

-- What was approved is the exact content: sealed again as it was, but as another revision, it needs another approval.
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT approval_digest('REL-1') = :'agreed' AS same;
SELECT approval_digest('REL-1') AS agreed \gset
SET ROLE regress_approver;
CALL approve_release('REL-1', :'agreed');
INSERT INTO implementation_review (release_id, conclusion) VALUES (release_id('REL-1'), 'All went well.');
CALL advance_release('REL-1', 'done');
SELECT release, state FROM release_next_state;
SELECT state FROM release;
CALL approve_release('REL-1', :'agreed');
SET ROLE regress_manager;
SELECT revise_package('PKG-1');

-- Every change beneath a release raises its revision, once in a transaction; a rolled back one does not count.
SELECT create_release('REL-2', 'minor', model => 'small', customers => '{Customer}') IS NOT NULL;
SELECT revision AS before FROM release WHERE code = 'REL-2' \gset
BEGIN;
INSERT INTO release_change SELECT release_id('REL-2'), id FROM change_request;
DELETE FROM release_change WHERE release_id = release_id('REL-2');
SELECT revision - :before AS raised FROM release WHERE code = 'REL-2';
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO release_change SELECT release_id('REL-2'), id FROM change_request;
ROLLBACK TO a;
SELECT revision - :before AS raised FROM release WHERE code = 'REL-2';
SAVEPOINT b;
INSERT INTO release_change SELECT release_id('REL-2'), id FROM change_request;
RELEASE b;
DELETE FROM release_change WHERE release_id = release_id('REL-2');
SELECT revision - :before AS raised FROM release WHERE code = 'REL-2';
COMMIT;

RESET ROLE;
DROP OWNED BY regress_manager, regress_approver, regress_reader, regress_customer;
DROP ROLE regress_manager, regress_approver, regress_reader, regress_customer;
