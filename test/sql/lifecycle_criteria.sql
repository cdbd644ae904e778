-- Lifecycle: criteria of three kinds, what a user's own may do, agreement, measurement, waivers, and what does not apply.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_tester;
CREATE ROLE regress_customer;
CREATE ROLE regress_second;
CREATE ROLE regress_authority;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_tester', 'test manager', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_authority', 'customer representative', 'Authority');
INSERT INTO organization (code, kind) VALUES ('Second', 'customer');
CALL grant_duty('regress_second', 'customer representative', 'Second');
CREATE TABLE server (name text PRIMARY KEY);
INSERT INTO server VALUES ('alpha');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
CREATE TABLE ticket (release text, open boolean);
GRANT SELECT ON ticket TO regress_manager;
CREATE TABLE secret (word text);
INSERT INTO secret VALUES ('swordfish');
CREATE SCHEMA ops AUTHORIZATION regress_manager;

-- A check of one's own. Everything that is wrong with it is told at once.
SET ROLE regress_manager;
CREATE FUNCTION ops.tickets_closed(release uuid) RETURNS SETOF text LANGUAGE sql AS 'SELECT ''yes''::text';
RESET ROLE;
CREATE FUNCTION ops.of_the_owner(release uuid) RETURNS check_result LANGUAGE sql STABLE AS 'SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result';
SET ROLE regress_manager;
CALL register_check('tickets_closed', 'ops.tickets_closed', '', 'back_out');
CALL register_check('tests_passed', 'ops.of_the_owner', 'nothing');
CALL register_check('tickets_closed', 'ops.no_such', 'nothing');
CALL register_check('tickets_closed', 'ops.(', 'nothing');
SET ROLE regress_tester;
CALL register_check('tickets_closed', 'ops.tickets_closed', 'nothing');
SET ROLE regress_manager;
DROP FUNCTION ops.tickets_closed(uuid);
CREATE FUNCTION ops.tickets_closed(release uuid) RETURNS check_result LANGUAGE sql STABLE AS $$
    SELECT (count(*) > 0 AND count(*) FILTER (WHERE t.open) = 0, format('%s of %s tickets are open', count(*) FILTER (WHERE t.open), count(*)), 'operator',
            jsonb_build_object('tickets', count(*), 'as', current_user))::release_mgmt.check_result
    FROM public.ticket AS t JOIN release_mgmt.release AS r ON r.code = t.release WHERE r.id = tickets_closed.release
$$;
COMMENT ON FUNCTION ops.tickets_closed(uuid) IS 'Every ticket of the release is closed, and there is one.';
CALL register_check('tickets_closed', 'ops.tickets_closed', 'the tickets are closed');
CALL register_check('tickets_closed', 'ops.tickets_closed', 'the tickets are closed');
SELECT name, point, function_name, proves, builtin, definition IS NOT NULL AS bound FROM registered_check WHERE NOT builtin;
SET ROLE regress_approver;
CALL register_check('tickets_closed', 'ops.tickets_closed', 'something else');

-- A model whose gates ask all three kinds, and a release under it.
SET ROLE regress_manager;
INSERT INTO release_model (code, description) VALUES ('own', 'Criteria of three kinds.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('ready', 2, 'planning'), ('done', 3, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'own';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w FROM release_model AS m, (VALUES ('draft', 'ready', true), ('ready', 'draft', false), ('ready', 'done', true)) AS t(f, t, w) WHERE m.code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'ready', 1, 'tickets closed', 'tickets_closed' FROM release_model WHERE code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, predicate, duty)
SELECT id, 'ready', 2, 'titled', 'predicate', 'SELECT title IS NOT NULL FROM release WHERE id = $1', 'release manager' FROM release_model WHERE code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, comparison, threshold, unit, duty)
SELECT id, 'ready', 3, 'response time', 'measure', '<=', 200, 'ms', 'test manager' FROM release_model WHERE code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name, waivable) SELECT id, 'done', 1, 'sealed', 'package_sealed', false FROM release_model WHERE code = 'own';
-- The kinds do not mix.
\set VERBOSITY terse
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, check_name) SELECT id, 'done', 2, 'odd', 'predicate', 'package_sealed' FROM release_model WHERE code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, comparison, threshold, duty) SELECT id, 'done', 2, 'odd', 'measure', '<=', 200, 'test manager' FROM release_model WHERE code = 'own';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, comparison, threshold, unit, duty) SELECT id, 'done', 2, 'odd', 'measure', '<=', 'NaN', 'ms', 'test manager' FROM release_model WHERE code = 'own';
\set VERBOSITY default
-- A predicate has an author who is a person, and is looked at before the model is published.
RESET ROLE;
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, predicate) SELECT id, 'done', 2, 'odd', 'predicate', 'true' FROM release_model WHERE code = 'own';
SET ROLE regress_manager;
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, kind, predicate)
SELECT m.id, 'done', v.o, v.o::text, 'predicate', v.p FROM release_model AS m,
    (VALUES (2, 'no_such_column'), (3, '1'), (4, 'SELECT true, false'), (5, 'true); SELECT (true'), (6, 'SELECT true FROM no_such_table')) AS v(o, p) WHERE m.code = 'own';
SET ROLE regress_approver;
CALL publish_model('own');
SET ROLE regress_manager;
DELETE FROM gate_criterion WHERE ordinal > 1 AND to_state = 'done' AND model_id = (SELECT id FROM release_model WHERE code = 'own');
SET ROLE regress_approver;
CALL publish_model('own');
SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', model => 'own') IS NOT NULL AS created;
SELECT gate, criterion, kind, status, missing, owner FROM gate_status WHERE release = 'REL-1';
INSERT INTO release_customer VALUES (release_id('REL-1'), organization_id('Customer'));
SELECT gate, criterion, kind, asks, waivable, not_agreed FROM release_criteria WHERE release = 'REL-1';
SELECT to_state, unmet, in_the_way FROM release_next_state WHERE release = 'REL-1';

-- Agreed first, to what was read; measured then, on what is sealed.
SET ROLE regress_tester;
SELECT record_measurement('REL-1', 'response time', 'NaN', 's', '');
SELECT record_measurement('REL-1', 'titled', 1, 'ms', 'report 7');
SELECT record_measurement('REL-1', 'colour', 1, 'ms', 'report 7');
SET ROLE regress_customer;
CALL agree_criteria('REL-1', 'Customer', compute_digest('what I imagined'));
SELECT criteria_digest('REL-1') AS seen \gset
CALL agree_criteria('REL-1', 'Customer', :'seen');
SELECT count(*) FROM criteria_agreement;
SET ROLE regress_manager;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'name', 'beta');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT record_measurement('REL-1', 'response time', 180, 'ms', 'report 7') IS NOT NULL;
SET ROLE regress_tester;
SELECT record_measurement('REL-1', 'response time', 250, 'ms', 'report 6') IS NOT NULL AS recorded;
SELECT criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND kind = 'measure';
SELECT record_measurement('REL-1', 'response time', 180, 'ms', 'report 7') = record_measurement('REL-1', 'response time', 180.0, 'ms', 'report 7') AS same;
SELECT criterion, status, evidence - '{criterion_measurement,measured_at,package}'::text[] AS evidence FROM gate_status WHERE release = 'REL-1' AND kind = 'measure';
-- A customer who comes later has not agreed, and agrees to what is measured after that.
RESET ROLE;
BEGIN;
INSERT INTO release_customer VALUES (release_id('REL-1'), organization_id('Second'));
SELECT criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND kind <> 'check';
SET ROLE regress_second;
CALL agree_criteria('REL-1', 'Second');
SELECT criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND kind = 'measure';
ROLLBACK;
-- Another revision was not measured.
BEGIN;
SET ROLE regress_manager;
SELECT revise_package('PKG-1');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
SELECT criterion, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND kind = 'measure';
ROLLBACK;

-- The check runs as its owner, whoever asks, and the predicate as its author.
SET ROLE regress_customer;
SELECT criterion, status, missing, owner, evidence FROM gate_status WHERE release = 'REL-1' AND kind <> 'measure' AND gate = 'ready';
RESET ROLE;
INSERT INTO ticket VALUES ('REL-1', false);
UPDATE release SET title = 'The first' WHERE code = 'REL-1';
SELECT criterion, status, evidence FROM gate_status WHERE release = 'REL-1' AND kind <> 'measure' AND gate = 'ready';

-- A function that changes is another check.
SET ROLE regress_manager;
CREATE OR REPLACE FUNCTION ops.tickets_closed(release uuid) RETURNS check_result LANGUAGE sql STABLE AS $$ SELECT (true, NULL, NULL, '{}')::release_mgmt.check_result $$;
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
CALL register_check('tickets_closed', 'ops.tickets_closed', 'the tickets are closed');
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
SELECT criterion, not_agreed FROM release_criteria WHERE release = 'REL-1' AND not_agreed IS NOT NULL;
SET ROLE regress_customer;
CALL agree_criteria('REL-1', 'Customer');
SET ROLE regress_manager;
DROP FUNCTION ops.tickets_closed(uuid);
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';

-- What a predicate, or a function that it calls, may do: read what its author may read, and nothing else.
RESET ROLE;
CREATE FUNCTION ops.says(predicate text) RETURNS text LANGUAGE sql AS $$ SELECT release_mgmt_internal.evaluate_predicate(predicate, 'regress_manager', release_mgmt.release_id('REL-1')) $$;
SET ROLE regress_manager;
CREATE TABLE ops.written (at timestamptz);
CREATE SEQUENCE ops.counted;
CREATE FUNCTION ops.try(command text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN true; END $$;
CREATE FUNCTION ops.definer(command text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE command; RETURN true; END $$;
CREATE FUNCTION ops.patient() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN true; EXCEPTION WHEN query_canceled THEN RETURN true; END $$;
RESET ROLE;
SELECT p, ops.says(p) FROM (VALUES
    ('true'), ('false'), ('NULL::boolean'), ('SELECT false WHERE false'), ('SELECT g > 0 FROM generate_series(1, 2) AS g'), ('1 / 0 > 0'),
    ($$current_user = 'regress_manager' AND (SELECT person = 'regress_manager' FROM my_duties LIMIT 1)$$),
    ($$current_setting('TimeZone') = 'UTC' AND current_setting('transaction_read_only') = 'on' AND current_setting('search_path') = 'pg_catalog, release_mgmt, pg_temp'$$),
    ($$(SELECT count(*) FROM public.secret) > 0$$),
    ($$ops.try('INSERT INTO ops.written VALUES (now())')$$),
    ($$ops.definer('INSERT INTO ops.written VALUES (now())')$$),
    ($$ops.try('SET transaction_read_only = off')$$),
    ($$nextval('ops.counted') > 0$$),
    ($$ops.try('CREATE TABLE ops.another ()')$$), ($$ops.try('CREATE TEMP TABLE another ()')$$),
    ($$ops.try('SET ROLE NONE')$$), ($$ops.try('SET SESSION AUTHORIZATION DEFAULT')$$), ($$ops.try('RESET ROLE')$$),
    ($$ops.try('UPDATE release_mgmt.release SET title = ''mine''')$$),
    ($$ops.try('SET release_mgmt.evaluating_as = 10')$$),
    ($$(SELECT count(*) FROM gate_status) > 0$$),
    ($$pg_notify('word', 'swordfish') IS NOT NULL AND set_config('release_mgmt.release', 'REL-9', false) = 'REL-9'$$)) AS v(p);
SELECT count(*) FROM ops.written;
-- Before 16 a read-only transaction may make a large object, which goes with the subtransaction; from then on it is refused.
SELECT ops.says('lo_create(0) > 0') IS NOT DISTINCT FROM
       CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'cannot execute lo_create() in a read-only transaction' END AS kept_from_large_objects;
SELECT count(*) FROM pg_largeobject_metadata;
SELECT coalesce(current_setting('release_mgmt.release'), '') AS release, current_setting('transaction_read_only') AS read_only, current_user = session_user AS myself;
-- Nor does it run as somebody who may do anything, or nobody.
SELECT release_mgmt_internal.evaluate_predicate('true', current_user, release_id('REL-1')) LIKE 'its author''s role "%" is a superuser' AS refused;
SELECT release_mgmt_internal.evaluate_predicate('true', 'regress_gone', release_id('REL-1'));
-- Whom row-level security shows nothing sees nothing, whoever asks: also in parallel workers.
SELECT release_mgmt_internal.evaluate_predicate('(SELECT count(*) FROM release) = 0', 'regress_second', release_id('REL-1'));
CREATE FUNCTION ops.seen() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM release_mgmt.release; RETURN n; END $$;
GRANT USAGE ON SCHEMA ops TO regress_second, regress_customer;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT release_mgmt_internal.evaluate_predicate('ops.seen() = 0', 'regress_second', release_id('REL-1'));
SELECT release_mgmt_internal.evaluate_predicate('ops.seen() = 1', 'regress_customer', release_id('REL-1'));
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

-- For a limited time; the statement's own limit stays one, and so does a cancel.
SET release_mgmt.criterion_timeout = '50ms';
SELECT ops.says('pg_sleep(3600) IS NOT NULL');
SELECT ops.says('ops.patient()');
SELECT ops.says('true');
SET release_mgmt.criterion_timeout = '10min';
SET statement_timeout = '100ms';
SELECT ops.says('pg_sleep(3600) IS NOT NULL');
RESET statement_timeout;
CREATE FUNCTION ops.cancel() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_cancel_backend(pg_backend_pid())';
SELECT ops.says('ops.cancel() AND pg_sleep(3600) IS NOT NULL');
RESET release_mgmt.criterion_timeout;
SET ROLE regress_manager;
SET release_mgmt.criterion_timeout = 1;
RESET ROLE;

-- A waiver: asked for by one, approved by another, until it expires, for the criterion as it is.
SET ROLE regress_manager;
SELECT request_waiver('REL-1', 'tickets closed', '', '', now() - interval '1 day');
SELECT request_waiver('REL-1', 'sealed', 'urgent', 'seal it', now() + interval '1 day');
SELECT request_waiver('REL-1', 'tickets closed', 'the ticket system moves', 'close them afterwards', '2999-01-01 00:00+00');
SELECT request_waiver('REL-1', 'tickets closed', 'the ticket system moves', 'close them afterwards', '2999-01-01 00:00+00');
SELECT criterion, status FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
CALL approve_exemption('REL-1/waiver-1');
SET ROLE regress_tester;
CALL approve_exemption('REL-1/waiver-1');
SET ROLE regress_customer;
CALL approve_exemption('REL-1/waiver-1');
SET ROLE regress_second;
CALL approve_exemption('REL-1/waiver-1');
SET ROLE regress_approver;
CALL approve_exemption('REL-1/waiver-1');
CALL approve_exemption('REL-1/waiver-1');
CALL approve_exemption('REL-1/waiver-2');
SELECT criterion, status, missing, evidence #- '{waiver,approved_at}' AS evidence FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
SELECT exemption, release, gate, criterion, reason, corrective_action, remaining > interval '0' AS remains, requested_by, approved_by FROM open_waiver;
-- It is a deviation, and its corrective action is to be done.
SELECT e.code, e.kind, e.severity, e.status, a.code AS action, a.what, a.due, p.code AS owner
FROM register_entry AS e JOIN corrective_action AS a ON a.entry_id = e.id JOIN person AS p ON p.id = a.owner_id;
-- Expired it blocks again.
RESET ROLE;
BEGIN;
UPDATE criterion_exemption SET expires_at = '2001-01-01 00:00+00';
SET LOCAL TimeZone = 'UTC';
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
SELECT exemption, criterion, expires_at, expired_since > interval '0' AS expired FROM expired_waiver;
SELECT count(*) FROM open_waiver;
ROLLBACK;
-- Withdrawn it does, too.
BEGIN;
SET ROLE regress_authority;
CALL withdraw_exemption('REL-1/waiver-1');
SELECT criterion, status FROM gate_status WHERE release = 'REL-1' AND criterion = 'tickets closed';
SELECT exemption, status, withdrawn_by FROM exemption_status;
ROLLBACK;

-- A criterion of the release alone: while it is planned, at a gate before it, agreed like the others.
SET ROLE regress_manager;
INSERT INTO release_criterion (release_id, to_state, ordinal, name, kind, predicate) VALUES (release_id('REL-1'), 'nowhere', 1, 'short', 'predicate', 'no_such_column');
INSERT INTO release_criterion (release_id, to_state, ordinal, name, kind, predicate) VALUES (release_id('REL-1'), 'ready', 1, 'titled', 'predicate', 'true');
INSERT INTO release_criterion (release_id, to_state, ordinal, name, kind, predicate) VALUES (release_id('REL-1'), 'ready', 1, 'short', 'predicate', 'length((SELECT title FROM release WHERE id = $1)) < 5');
INSERT INTO release_criterion (release_id, to_state, ordinal, name, kind, comparison, threshold, unit, duty) VALUES (release_id('REL-1'), 'ready', 2, 'throughput', 'measure', '>=', 1000, 'requests/s', 'test manager');
SELECT criterion, own, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND gate = 'ready';
SET ROLE regress_customer;
CALL agree_criteria('REL-1', 'Customer');
SET ROLE regress_manager;
SELECT criterion, own, status, missing, owner FROM gate_status WHERE release = 'REL-1' AND gate = 'ready';
SELECT state_criterion_inapplicable('REL-1', 'throughput', '');
SELECT state_criterion_inapplicable('REL-1', 'throughput', 'nothing is served');
SELECT state_criterion_inapplicable('REL-1', 'short', 'it has a title page');
SELECT criterion, status FROM gate_status WHERE release = 'REL-1' AND own;
SET ROLE regress_authority;
CALL approve_exemption('REL-1/not-applicable-1');
SET ROLE regress_approver;
CALL approve_exemption('REL-1/not-applicable-2');
SELECT criterion, status, evidence - 'approved_at' AS evidence FROM gate_status WHERE release = 'REL-1' AND own;
-- What was said of it dies when it changes.
BEGIN;
SET ROLE regress_manager;
UPDATE release_criterion SET threshold = 2000 WHERE name = 'throughput';
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'throughput';
SELECT exemption, status FROM exemption_status ORDER BY exemption;
SET ROLE regress_customer;
CALL agree_criteria('REL-1', 'Customer');
SELECT criterion, status, missing FROM gate_status WHERE release = 'REL-1' AND criterion = 'throughput';
ROLLBACK;

-- An evaluation is kept also where nobody advances; a waived criterion, and one that does not apply, do not hold the release.
SET ROLE regress_manager;
SELECT evaluate_gate('REL-1', 'nowhere');
SELECT evaluate_gate('REL-1', 'ready');
SELECT evaluate_gate('REL-1', 'done');
CALL advance_release('REL-1', 'ready', 'Tickets follow.');
SELECT gate, criterion, met, status FROM criterion_evaluation WHERE gate = 'ready' ORDER BY evaluated_at;
SELECT h.from_state, h.to_state, h.duty, h.note FROM release_state_history AS h;
SET ROLE regress_approver;
BEGIN;
SET LOCAL release_mgmt.transition_note = 'By hand.';
UPDATE release SET state = 'draft' WHERE code = 'REL-1';
COMMIT;
SET ROLE regress_manager;
CALL advance_release('REL-1', 'ready');
SELECT state, left_at IS NULL AS still, duration >= interval '0' AS lasts, from_state, entered_by, duty, note FROM release_state_period WHERE release = 'REL-1' ORDER BY entered_at;
INSERT INTO release_criterion (release_id, to_state, ordinal, name, check_name) VALUES (release_id('REL-1'), 'ready', 3, 'late', 'review_held');
DELETE FROM release_criterion WHERE name = 'short';
INSERT INTO release_criterion (release_id, to_state, ordinal, name, check_name) VALUES (release_id('REL-1'), 'done', 1, 'review', 'review_held');
SELECT gate, criterion, status, missing FROM gate_status WHERE release = 'REL-1';

-- The next version of the model keeps its criteria, and a predicate its author; another text has another author.
SET ROLE regress_approver;
SELECT revise_model('own');
SELECT c.name, c.kind, p.code AS author, c.comparison, c.threshold, c.unit, c.duty, c.waivable
FROM gate_criterion AS c JOIN release_model AS m ON m.id = c.model_id AND m.code = 'own' AND m.version = 2 LEFT JOIN person AS p ON p.id = c.author_id ORDER BY c.to_state DESC, c.ordinal;
UPDATE gate_criterion SET predicate = 'true', author_id = NULL WHERE name = 'titled' AND model_id = (SELECT id FROM release_model WHERE code = 'own' AND version = 2);
SELECT p.code AS author FROM gate_criterion AS c JOIN person AS p ON p.id = c.author_id WHERE c.predicate = 'true';

RESET ROLE;
DROP OWNED BY regress_manager, regress_approver, regress_tester, regress_customer, regress_second, regress_authority CASCADE;
DROP ROLE regress_manager, regress_approver, regress_tester, regress_customer, regress_second, regress_authority;
