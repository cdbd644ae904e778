-- The outbox: which events there are, who is given them, and once each.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_other;
CREATE ROLE regress_customer;
CREATE ROLE regress_nobody;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_other', 'release manager', 'Second');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
INSERT INTO release_model (code, description) VALUES ('small', 'One gate.');
INSERT INTO model_state SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('waiting', 2, 'planning'), ('done', 3, 'ended')) AS v(s, o, k) WHERE code = 'small';
INSERT INTO model_transition SELECT id, f, t, w FROM release_model, (VALUES ('draft', 'waiting', false), ('waiting', 'draft', false), ('draft', 'done', true)) AS v(f, t, w) WHERE code = 'small';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'done', 1, 'approval', 'changes_approved' FROM release_model WHERE code = 'small';
CALL publish_model('small');

SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', model => 'small', changes => '{CHG-1}', customers => '{Customer}') IS NOT NULL AS created;
CALL create_outbox_consumer('tickets');
CALL create_outbox_consumer('tickets');
CALL create_outbox_consumer('history', from_start => true);
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app_version', '2.0');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT approval_digest('REL-1') AS agreed \gset
CALL advance_release('REL-1', 'waiting');
CALL advance_release('REL-1', 'draft');
CALL agree_roll_out('REL-1', :'agreed');
SET ROLE regress_approver;
CALL create_outbox_consumer('tickets');
CALL refuse_release('REL-1', :'agreed', 'too early');
CALL withdraw_refusal('REL-1', 'not so early any more');
CALL approve_release('REL-1', :'agreed', conditions => '{"the lamp is green"}');
SELECT id AS condition FROM approval_condition \gset
CALL discharge_condition(:'condition', 'seen by the night shift');
-- What is rolled back never happened.
BEGIN;
CALL advance_release('REL-1', 'waiting');
ROLLBACK;
SET ROLE regress_other;
INSERT INTO change_request (code, type, organization_id) VALUES ('CHG-2', 'normal', organization_id('Second'));
SELECT create_release('REL-2', 'minor', model => 'small', changes => '{CHG-2}') IS NOT NULL AS created;
CALL advance_release('REL-2', 'waiting');
CALL advance_change('CHG-2', 'cancelled', 'no money');

-- Each one once, in order, a few at a time; a drain that is rolled back gives them again.
SET ROLE regress_manager;
SELECT * FROM drain_outbox('elsewhere');
SELECT * FROM drain_outbox('tickets', 0);
SELECT kind, payload - 'digest' AS payload FROM drain_outbox('tickets', 3);
BEGIN;
SELECT count(*) FROM drain_outbox('tickets');
ROLLBACK;
SELECT consumer, person, waiting FROM outbox_status ORDER BY consumer;
SELECT kind, payload - 'digest' AS payload FROM drain_outbox('tickets');
SELECT count(*) FROM drain_outbox('tickets');
SELECT count(*) = (SELECT count(*) FROM outbox_event) AS all FROM drain_outbox('history');
SELECT bool_and(payload ->> 'digest' = :'agreed') AS agreed FROM outbox_event WHERE payload ? 'digest';
-- Only for whom it was made.
SET ROLE regress_approver;
SELECT * FROM drain_outbox('tickets');
CALL drop_outbox_consumer('tickets');
SET ROLE regress_nobody;
SET search_path = public;
SELECT * FROM release_mgmt.drain_outbox('tickets');
RESET ROLE;
SET search_path = public, release_mgmt;

-- Row security: each sees the events of its own releases and changes, drained or read.
SET ROLE regress_other;
CALL create_outbox_consumer('theirs', from_start => true);
SELECT kind, payload FROM drain_outbox('theirs');
SELECT count(*) FROM outbox_event;
SET ROLE regress_customer;
CALL create_outbox_consumer('ours', from_start => true);
SELECT payload ->> 'release' AS release, count(*) FROM drain_outbox('ours') GROUP BY 1;
INSERT INTO outbox_event (era, transaction, kind, payload) VALUES (now(), 1, 'lie', '{}');
UPDATE outbox_consumer SET transaction = 0;

-- What every consumer has passed can be deleted.
RESET ROLE;
SELECT trim_outbox('infinity') > 0 AS trimmed;
SELECT count(*) FROM outbox_event;
SET ROLE regress_manager;
CALL advance_release('REL-1', 'waiting');
RESET ROLE;
SELECT trim_outbox('infinity');
CALL drop_outbox_consumer('theirs');
CALL drop_outbox_consumer('ours');
CALL drop_outbox_consumer('history');
SET ROLE regress_manager;
CALL drop_outbox_consumer('tickets');
CALL drop_outbox_consumer('tickets');
RESET ROLE;
SELECT trim_outbox('infinity');

DROP OWNED BY regress_manager, regress_approver, regress_other, regress_customer, regress_nobody;
DROP ROLE regress_manager, regress_approver, regress_other, regress_customer, regress_nobody;
