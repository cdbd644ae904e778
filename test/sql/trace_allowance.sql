-- A session remembers that a release may make its planned changes, until anything on which that depends changes.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_allowance_rm;
CREATE ROLE regress_allowance_op;
CREATE ROLE regress_allowance_other;
CALL grant_duty('regress_allowance_rm', 'release manager', 'Provider');
CALL grant_duty('regress_allowance_rm', 'change manager', 'Provider');
CALL grant_duty('regress_allowance_op', 'operator', 'Provider');
CALL grant_duty('regress_allowance_other', 'operator', 'Integrator');
CREATE TABLE host (id integer PRIMARY KEY, os text NOT NULL, seen timestamptz);
INSERT INTO host SELECT i, 'bookworm' FROM generate_series(0, 999) AS i;
GRANT SELECT, UPDATE ON host TO regress_allowance_op, regress_allowance_other;
SELECT bind_ci_class('host', 'host', '{id}', 'id', mode => 'enforce', exempt => '{seen}');
INSERT INTO release_model (code, description) VALUES ('plain', 'as few gates as a model may have');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
       (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('closed', 3, 'ended')) AS s (state, ordinal, kind)
WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.g FROM release_model AS m,
       (VALUES ('draft', 'deploying', true), ('deploying', 'draft', false), ('deploying', 'closed', true)) AS t (f, t, g) WHERE m.code = 'plain';
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, s.s, 1, 'granted', 'granted' FROM release_model AS m, (VALUES ('deploying'), ('closed')) AS s (s) WHERE m.code = 'plain';
CALL publish_model('plain');
SET ROLE regress_allowance_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
SELECT release_id('REL-1'), 'host/' || i, 'os', 'trixie', 'host/0' FROM generate_series(0, 999) AS i;
SELECT add_wave('REL-1', 'all', '{host/0}') IS NOT NULL AS added;
CALL advance_release('REL-1', 'deploying');
RESET ROLE;

-- Each table that the answer is read from has the trigger, and no other one: a session that asks for the first time locks what it reads.
-- With a freeze it looks at all of them.
INSERT INTO change_freeze (code, reason, period, every, time_zone) VALUES ('past', 'long ago', '[2020-01-01, 2020-01-02)', '1 year', 'UTC');
CREATE FUNCTION held() RETURNS TABLE (locked text) LANGUAGE sql AS $$
    SELECT l.relation::regclass::text FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text LIKE 'release_mgmt%' $$;
CREATE FUNCTION asked() RETURNS interval LANGUAGE sql SECURITY DEFINER SET search_path = release_mgmt, public AS $$
    SELECT release_mgmt_internal.allowed_until((SELECT r.id FROM release AS r WHERE r.code = 'REL-1'), 'host/0') - clock_timestamp() $$;
\c -
SET search_path = public, release_mgmt;
SET client_min_messages = warning;
BEGIN;
SET LOCAL ROLE regress_allowance_op;
SELECT asked() BETWEEN '0' AND '1 minute' AS is_allowed;
RESET ROLE;
SELECT h.locked FROM held() AS h
EXCEPT SELECT t.tgrelid::regclass::text FROM pg_trigger AS t WHERE t.tgname = 'rm_96_allowance' AND t.tgenabled = 'A' ORDER BY 1;
SELECT t.tgrelid::regclass::text FROM pg_trigger AS t WHERE t.tgname = 'rm_96_allowance' AND t.tgenabled = 'A'
EXCEPT SELECT h.locked FROM held() AS h ORDER BY 1;
ROLLBACK;
DELETE FROM change_freeze;

-- change(): one more planned change, as the operator; the refusal's reason, or "changed".
CREATE FUNCTION change(role name DEFAULT 'regress_allowance_op') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM set_config('role', role, true);
    UPDATE host SET os = 'trixie' WHERE id = (SELECT min(h.id) FROM host AS h WHERE h.os = 'bookworm');
    PERFORM set_config('role', session_user, true);
    RETURN 'changed';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN regexp_replace(split_part(detail, E'\n', 2), 'until .*|begins .*', '...');
END $$;
SELECT change(), change();

-- A duty that is taken away, in this session and in the transaction.
CALL revoke_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();
CALL grant_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();
BEGIN;
CALL revoke_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();
ROLLBACK;
SELECT change();

-- Nor does what was only given in a transaction that is rolled back, or until a savepoint.
CALL revoke_duty('regress_allowance_op', 'operator', 'Provider');
BEGIN;
CALL grant_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();
ROLLBACK;
SELECT change();
BEGIN;
SAVEPOINT given;
CALL grant_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();
ROLLBACK TO given;
SELECT change();
ROLLBACK;
CALL grant_duty('regress_allowance_op', 'operator', 'Provider');
SELECT change();

-- The session acts as somebody else.
SELECT change('regress_allowance_other'), change();

-- A freeze, a window that is not open yet, a wave whose time is over, a release that goes on to another state.
INSERT INTO change_freeze (code, reason, period) VALUES ('now', 'year end', tstzrange(now() - interval '1 hour', now() + interval '1 hour'));
SELECT change();
DELETE FROM change_freeze;
SELECT change();
SET ROLE regress_allowance_rm;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() + interval '1 hour', now() + interval '2 hours'));
RESET ROLE;
SELECT change();
SET ROLE regress_allowance_rm;
DELETE FROM change_window;
RESET ROLE;
SELECT change();
SET ROLE regress_allowance_rm;
CALL advance_release('REL-1', 'draft');
RESET ROLE;
SELECT change();
SET ROLE regress_allowance_rm;
UPDATE wave SET period = tstzrange(now() - interval '2 hours', now() - interval '1 hour');
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
SELECT change() LIKE '%outside the period of wave%' AS is_refused;
SET ROLE regress_allowance_rm;
CALL advance_release('REL-1', 'draft');
UPDATE wave SET period = NULL;
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
SELECT change();

-- A change of it that is rolled back leaves nothing behind.
BEGIN;
INSERT INTO change_freeze (code, reason, period) VALUES ('now', 'year end', tstzrange(now() - interval '1 hour', now() + interval '1 hour'));
SELECT change();
ROLLBACK;
SELECT change();
DO $$
BEGIN
    DELETE FROM release_mgmt.person_duty WHERE person_id = (SELECT p.id FROM release_mgmt.person AS p WHERE p.role_name = 'regress_allowance_op');
    RAISE EXCEPTION 'no';
EXCEPTION WHEN raise_exception THEN
    NULL;
END $$;
SELECT change();

-- What has an end is not remembered beyond it: the next freeze, the end of the window, of the wave.
INSERT INTO change_freeze (code, reason, period, every, time_zone)
VALUES ('soon', 'weekly', tstzrange(now() + interval '50 seconds' - interval '7 days', now() + interval '60 seconds' - interval '7 days'), '7 days', 'UTC');
BEGIN;
SET LOCAL ROLE regress_allowance_op;
SELECT asked() BETWEEN '0' AND '50 seconds' AS is_until_the_freeze;
ROLLBACK;
DELETE FROM change_freeze;
SET ROLE regress_allowance_rm;
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() - interval '1 hour', now() + interval '40 seconds'));
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_allowance_op;
SELECT asked() BETWEEN '0' AND '40 seconds' AS is_until_the_window_ends;
ROLLBACK;
SET ROLE regress_allowance_rm;
DELETE FROM change_window;
RESET ROLE;
SET ROLE regress_allowance_rm;
CALL advance_release('REL-1', 'draft');
UPDATE wave SET period = tstzrange(now() - interval '1 hour', now() + interval '45 seconds');
CALL advance_release('REL-1', 'deploying');
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_allowance_op;
SELECT asked() BETWEEN '0' AND '45 seconds' AS is_until_the_wave_ends;
ROLLBACK;
-- Changes until the window ends: each one that began after its end is refused, whatever was remembered.
SET ROLE regress_allowance_rm;
CALL advance_release('REL-1', 'draft');
UPDATE wave SET period = NULL;
CALL advance_release('REL-1', 'deploying');
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() - interval '1 hour', clock_timestamp() + interval '1 second'));
RESET ROLE;
DO $$
DECLARE
    over CONSTANT timestamptz := (SELECT upper(w.period) FROM release_mgmt.change_window AS w);
    began timestamptz;
BEGIN
    LOOP
        began := clock_timestamp();
        EXIT WHEN public.change() <> 'changed';
        ASSERT began < over, 'changed after the window';
        PERFORM pg_sleep(0.01);
    END LOOP;
    ASSERT clock_timestamp() >= over, 'refused within the window';
END $$;
