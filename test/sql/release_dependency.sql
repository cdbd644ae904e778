-- Dependencies between releases: no circles, and a gate that asks whether the others are where they must be.
\set SHOW_CONTEXT never
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

-- A model that asks for nothing but that.
INSERT INTO release_model (code, description) VALUES ('short', 'for this test');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
    (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('live', 3, 'deployed'), ('closed', 4, 'ended'), ('cancelled', 5, 'ended'), ('undone', 6, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'short';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w FROM release_model AS m,
    (VALUES ('draft', 'deploying', true), ('deploying', 'live', true), ('live', 'closed', true), ('draft', 'cancelled', false), ('deploying', 'undone', true), ('live', 'deploying', false)) AS t(f, t, w) WHERE m.code = 'short';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, s, 1, 'dependencies met', 'dependencies_met' FROM release_model AS m, unnest('{deploying,live,closed,undone}'::text[]) AS s WHERE m.code = 'short';
CALL publish_model('short');
SET ROLE regress_manager;
SELECT count(create_release('REL-' || c, 'minor', model => 'short', customers => '{Customer}')) FROM unnest('{A,B,C,D}'::text[]) AS c;
SET ROLE regress_other;
SELECT create_release('REL-X', 'minor', model => 'short') IS NOT NULL AS created;

-- What a dependency is.
\set VERBOSITY terse
INSERT INTO release_dependency (release_id, on_release_id, kind) SELECT id, id, 'requires' FROM release;
INSERT INTO release_dependency (release_id, on_release_id, kind) SELECT id, release_id('REL-A'), 'requires' FROM release;
\set VERBOSITY default
SET ROLE regress_manager;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-A'), release_id('REL-B'), 'likes');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-A'), new_id(), 'requires');
SET ROLE regress_other;
INSERT INTO release_dependency (release_id, on_release_id, kind) SELECT id, id, 'requires' FROM release WHERE code = 'REL-X';
RESET ROLE;
SELECT release_id('REL-A') AS a \gset
SET ROLE regress_other;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-X'), :'a', 'requires');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (:'a', release_id('REL-X'), 'requires');

-- No circle, however long; the road is shown. What only excludes has no direction.
SET ROLE regress_manager;
INSERT INTO release_dependency (release_id, on_release_id, kind, reason) VALUES
    (release_id('REL-A'), release_id('REL-B'), 'requires', 'uses its tables'), (release_id('REL-B'), release_id('REL-C'), 'follows', 'one team');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-B'), release_id('REL-A'), 'follows');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-C'), release_id('REL-A'), 'requires');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-C'), release_id('REL-A'), 'excludes'), (release_id('REL-D'), release_id('REL-A'), 'excludes');
RESET ROLE;
UPDATE release_dependency SET kind = 'excludes';
SET ROLE regress_manager;
SELECT release, kind, on_release, on_state, met, missing FROM release_dependency_status ORDER BY release, kind, on_release;
-- Each customer sees its own releases, and no code of another's.
RESET ROLE;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-D'), release_id('REL-X'), 'requires');
SET ROLE regress_customer;
SELECT kind, on_release, on_state, met, missing FROM release_dependency_status WHERE release = 'REL-D' ORDER BY kind;
SELECT count(*) FROM release_dependency;
SET ROLE regress_other;
SELECT count(*) FROM release_dependency;
RESET ROLE;
DELETE FROM release_dependency WHERE on_release_id = release_id('REL-X');

-- The gate. What is required must be in production, what is followed must have ended.
SET ROLE regress_manager;
CALL advance_release('REL-A', 'deploying');
CALL advance_release('REL-B', 'deploying');
CALL advance_release('REL-C', 'deploying');
-- While C is being rolled out, A, which it excludes, is not; D excludes A only.
SELECT release, kind, on_release, missing FROM release_dependency_status WHERE NOT met ORDER BY release, kind, on_release;
CALL advance_release('REL-D', 'deploying');
SELECT revision AS before FROM release WHERE code = 'REL-A' \gset
CALL advance_release('REL-C', 'live');
SELECT revision > :before AS raised FROM release WHERE code = 'REL-A';
UPDATE release SET state = 'deploying' WHERE code = 'REL-B';
CALL advance_release('REL-C', 'closed');
CALL advance_release('REL-B', 'deploying');
CALL advance_release('REL-A', 'deploying');
CALL advance_release('REL-B', 'live');
SELECT release, kind, on_release, missing FROM release_dependency_status WHERE NOT met ORDER BY release, kind, on_release;
-- What was closed in production still counts; what was undone never will.
CALL advance_release('REL-B', 'closed');
SELECT release, kind, on_release, on_state, met FROM release_dependency_status WHERE release = 'REL-A' ORDER BY kind, on_release;
-- Windows that overlap are found before it comes to that.
CALL advance_release('REL-D', 'live');
SELECT create_release('REL-E', 'minor', model => 'short') IS NOT NULL AS created;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-E'), release_id('REL-A'), 'excludes'), (release_id('REL-E'), release_id('REL-C'), 'requires');
CALL advance_release('REL-D', 'closed');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-A'), '[2099-01-01 00:00+00,2099-01-02 00:00+00)'), (release_id('REL-E'), '[2099-01-01 12:00+00,2099-01-03 00:00+00)');
SELECT missing FROM release_dependency_status WHERE release = 'REL-E' AND NOT met;
UPDATE change_window SET period = '[2099-01-02 00:00+00,2099-01-03 00:00+00)' WHERE release_id = release_id('REL-E');
SELECT missing FROM release_dependency_status WHERE release = 'REL-E' AND NOT met;
SELECT create_release('REL-F', 'minor', model => 'short') IS NOT NULL AS created;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-F'), release_id('REL-E'), 'requires');
CALL advance_release('REL-E', 'deploying');
CALL advance_release('REL-E', 'undone');
CALL advance_release('REL-F', 'deploying');

-- They are part of the plan: fixed once the roll-out begins, and what an approval binds to.
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-E'), release_id('REL-B'), 'requires');
DELETE FROM release_dependency WHERE release_id = release_id('REL-E');
RESET ROLE;
SELECT release_mgmt_internal.plan_text(release_id('REL-F'));

-- A dependency that no gate asks for would hold nobody, nor would a train.
INSERT INTO release_model (code, description) VALUES ('deaf', 'for this test');
INSERT INTO model_state (model_id, state, ordinal, kind) SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('closed', 2, 'ended')) AS v(s, o, k) WHERE code = 'deaf';
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT id, 'draft', 'closed', true FROM release_model WHERE code = 'deaf';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'closed', 1, 'review', 'review_held' FROM release_model WHERE code = 'deaf';
CALL publish_model('deaf');
SET ROLE regress_manager;
SELECT create_release('REL-H', 'minor', model => 'deaf') IS NOT NULL AS created;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-H'), release_id('REL-F'), 'requires');
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-F'), release_id('REL-H'), 'excludes');
INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('WEEKLY', '2099-01-01', '7 days', '1 day', '1 hour');
SELECT board_train('REL-H', 'WEEKLY');
-- Nor does a draft that has one change to such a model, in either direction of an exclusion, until it is gone.
SELECT create_release('REL-' || c, 'minor', model => 'short') IS NOT NULL AS created FROM unnest('{I,J,K}'::text[]) AS c;
SELECT create_release('REL-L', 'minor') IS NOT NULL AS created;
INSERT INTO release_dependency (release_id, on_release_id, kind) VALUES (release_id('REL-I'), release_id('REL-J'), 'follows'), (release_id('REL-I'), release_id('REL-K'), 'excludes');
SELECT board_train('REL-L', 'WEEKLY');
SELECT id AS deaf FROM release_model WHERE code = 'deaf' \gset
UPDATE release SET model_id = :'deaf' WHERE code = 'REL-I';
UPDATE release SET model_id = :'deaf' WHERE code = 'REL-K';
UPDATE release SET model_id = :'deaf' WHERE code = 'REL-L';
UPDATE release SET model_id = :'deaf' WHERE code = 'REL-J' RETURNING code;
UPDATE release SET model_id = (SELECT id FROM release_model WHERE code = 'minor') WHERE code = 'REL-I' RETURNING code;
DELETE FROM release_dependency WHERE release_id = release_id('REL-I');
UPDATE release SET model_id = :'deaf' WHERE code IN ('REL-I', 'REL-K') RETURNING code;
CALL leave_train('REL-L', 'given up');
UPDATE release SET model_id = :'deaf' WHERE code = 'REL-L' RETURNING code;
RESET ROLE;

-- A release has an owner: who requests it, where nobody else is named.
SET ROLE regress_manager;
SELECT create_release('REL-G', 'minor', owner => 'nobody');
SELECT create_release('REL-G', 'minor', owner => 'regress_other', customers => '{Customer}', planned => '[2099-01-01,2099-01-02)') IS NOT NULL AS created;
UPDATE release SET planned = '[2099-01-04,2099-01-06)' WHERE code = 'REL-G';
SELECT release, state, kind, organization, owner, requested_by, model, model_version, customers, postponed_by FROM release_overview WHERE release IN ('REL-F', 'REL-G') ORDER BY release;
RESET ROLE;

DROP OWNED BY regress_manager, regress_other, regress_customer;
DROP ROLE regress_manager, regress_other, regress_customer;
