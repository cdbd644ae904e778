-- For when a release is planned: free while it is a draft, agreed when it leaves that, and then planned anew with a reason.
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_other;
CREATE ROLE regress_customer;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_other', 'release manager', 'Second');
CALL grant_duty('regress_customer', 'reader', 'Customer');
-- A model whose gate asks for nothing that is missing here.
INSERT INTO release_model (code, description) VALUES ('short', 'for this test');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
    (VALUES ('draft', 1, 'planning'), ('planned', 2, 'planning'), ('closed', 3, 'ended'), ('cancelled', 4, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'short';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w FROM release_model AS m,
    (VALUES ('draft', 'planned', true), ('planned', 'draft', false), ('planned', 'closed', true), ('planned', 'cancelled', false)) AS t(f, t, w) WHERE m.code = 'short';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, 'closed', 1, 'dependencies met', 'dependencies_met' FROM release_model AS m WHERE m.code = 'short';
CALL publish_model('short');
CREATE VIEW dates AS SELECT release, planned, baseline, agreed_at IS NOT NULL AS agreed, postponed_by, replanned FROM release_overview ORDER BY release;
CREATE VIEW history AS SELECT release, ordinal, planned, reason, stated_by, after_agreement, moved_by, slippage FROM planning_history ORDER BY release, ordinal;
GRANT SELECT ON dates, history TO PUBLIC;
ALTER VIEW dates SET (security_invoker = true);
ALTER VIEW history SET (security_invoker = true);

-- A draft is planned as one likes; nothing is agreed, the baseline moves along.
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor', model => 'short', customers => '{Customer}', planned => '[2099-01-01,2099-01-02)') IS NOT NULL AS created;
UPDATE release SET planned = '[2099-02-01,2099-02-02)', baseline = NULL, agreed_at = now() WHERE code = 'REL-1';
UPDATE release SET title = 'no other dates' WHERE code = 'REL-1';
CALL replan_release('REL-1', '[2099-03-01,2099-03-02)', NULL);
CALL replan_release('REL-1', '[2099-03-01,2099-03-02)', 'the same again');
SELECT * FROM dates;
-- Dates begin and end, so that no report meets one that it can not reckon with; nor does early life last longer than time.
\set VERBOSITY terse
UPDATE release SET planned = '[2099-03-01,infinity)' WHERE code = 'REL-1';
UPDATE release SET planned = '[-infinity,2099-03-02)' WHERE code = 'REL-1';
UPDATE release SET planned = '(,2099-03-02)' WHERE code = 'REL-1';
UPDATE release SET planned = 'empty' WHERE code = 'REL-1';
CALL replan_release('REL-1', '[2099-03-01,infinity)', 'some day');
CALL replan_release('REL-1', '[2099-03-01,2099-03-03)', '  ');
INSERT INTO change_request (code, type, planned) VALUES ('CHG-1', 'normal', '(,2099-03-02)');
UPDATE release SET early_life = '200000 years' WHERE code = 'REL-1';
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('slow', '2099-01-01', '7 days', '200000 years', '1 day');
\set VERBOSITY default
-- Somebody always answers for a release.
UPDATE release SET owner_id = NULL WHERE code = 'REL-1';
SELECT owner FROM release_overview WHERE release = 'REL-1';
-- Out of draft they are agreed: no application changes them without saying why.
CALL advance_release('REL-1', 'planned');
\set VERBOSITY terse
UPDATE release SET planned = '[2099-04-01,2099-04-02)' WHERE code = 'REL-1';
UPDATE release SET planned = NULL WHERE code = 'REL-1';
UPDATE release SET baseline = '[2099-04-01,2099-04-02)', agreed_at = NULL WHERE code = 'REL-1';
CALL replan_release('REL-1', '[2099-04-01,2099-04-02)', '');
CALL replan_release('REL-1', '[2099-04-01,2099-04-02)', NULL);
INSERT INTO planned_dates (release_id, planned) VALUES (release_id('REL-1'), '[2099-04-01,2099-04-02)');
RESET ROLE;
UPDATE release SET planned = '[2099-04-01,2099-04-02)' WHERE code = 'REL-1';
SET ROLE regress_manager;
CALL replan_release('REL-1', '[2099-04-01,2099-04-02)', 'the disks come late');
INSERT INTO planned_dates (release_id, planned, reason, ordinal, stated_at, after_agreement) VALUES (release_id('REL-1'), '[2099-03-15,2099-03-16)', 'they came', 1, '2000-01-01', false);
INSERT INTO planned_dates (release_id, planned, reason) VALUES (release_id('REL-1'), '[2099-03-15,2099-03-16)', 'again');
SELECT * FROM dates;
SELECT * FROM history;
-- Back in draft, what was agreed stays agreed.
CALL advance_release('REL-1', 'draft');
UPDATE release SET planned = '[2099-05-01,2099-05-02)' WHERE code = 'REL-1';
CALL replan_release('REL-1', '[2099-05-01,2099-05-02)', 'thought over');
SELECT * FROM dates;

-- What is planned first when it is no draft any more is agreed with that, without a reason.
SELECT create_release('REL-2', 'minor', model => 'short') IS NOT NULL AS created;
CALL advance_release('REL-2', 'planned');
SELECT * FROM dates WHERE release = 'REL-2';
UPDATE release SET planned = '[2099-01-01,2099-01-02)' WHERE code = 'REL-2';
UPDATE release SET planned = '[2099-01-03,2099-01-04)' WHERE code = 'REL-2';
-- A train plans with its departure for a reason.
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('WEEKLY', '2099-01-05', '7 days', '1 day', '1 hour');
SELECT create_release('REL-3', 'minor', planned => '[2099-01-01,2099-01-02)') IS NOT NULL AS created;
SELECT board_train('REL-3', 'WEEKLY');
SELECT * FROM history WHERE release > 'REL-1';

-- Rows stay on record; what has ended is not planned anew; and not by whoever has no part in it.
CALL replan_release('REL-1', '(,)', 'whenever');
CALL replan_release('REL-1', NULL, 'never');
CALL replan_release('REL-9', '[2099-05-01,2099-05-02)', 'x');
RESET ROLE;
UPDATE planned_dates SET reason = 'none';
DELETE FROM planned_dates;
SET ROLE regress_manager;
CALL advance_release('REL-2', 'cancelled');
CALL replan_release('REL-2', '[2099-05-01,2099-05-02)', 'too late');
SET ROLE regress_other;
CALL replan_release('REL-1', '[2099-06-01,2099-06-02)', 'of others');
SELECT count(*) FROM planned_dates;
SET ROLE regress_customer;
SELECT count(*) FROM planning_history;
CALL replan_release('REL-1', '[2099-06-01,2099-06-02)', 'a wish');
INSERT INTO planned_dates (release_id, planned, reason) VALUES (release_id('REL-1'), '[2099-06-01,2099-06-02)', 'a wish');
RESET ROLE;

DROP OWNED BY regress_manager, regress_other, regress_customer;
DROP ROLE regress_manager, regress_other, regress_customer;
