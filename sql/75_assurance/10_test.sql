-- Module assurance: planned tests, and the runs that prove a sealed package.

CREATE TABLE release_mgmt.test_plan (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    test       text NOT NULL,
    method     text NOT NULL,
    tool       text NOT NULL,
    procedure  text NOT NULL,
    CONSTRAINT test_plan_pkey PRIMARY KEY (id),
    CONSTRAINT test_plan_release_id_test_key UNIQUE (release_id, test),
    CONSTRAINT test_plan_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT test_plan_stated_check CHECK (test <> '' AND method <> '' AND tool <> '' AND procedure <> '')
);
COMMENT ON TABLE release_mgmt.test_plan IS
'The tests that a release must pass, each with its method, tool and procedure (clauses 1.14 and 2.8). Part of what an approval binds to.';
COMMENT ON COLUMN release_mgmt.test_plan.test IS 'name of the test, as its runs give it';
COMMENT ON COLUMN release_mgmt.test_plan.procedure IS 'what is done, or where that is written down';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.test_plan', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.test_plan');
SELECT release_mgmt_internal.belongs('release_mgmt.test_plan', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.test_plan');
SELECT release_mgmt_internal.allow('{release manager,test manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.test_plan');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.test_plan
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.test_plan_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.string_agg(release_mgmt_internal.manifest_line(t.test, t.method, t.tool, t.procedure), ''
               ORDER BY t.test COLLATE "C"), '')
    FROM release_mgmt.test_plan AS t WHERE t.release_id = test_plan_text.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.test_plan_text(uuid) IS 'The planned tests of a release as canonical text.';
SELECT release_mgmt_internal.register_check('test_plan', 'approval_part', 'release_mgmt_internal.test_plan_text', 'the tests that the release must pass');

CREATE FUNCTION release_mgmt.read_tap(output text, OUT passed bigint, OUT failed bigint, OUT skipped bigint, OUT todo bigint, OUT result text, OUT finding text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_tap_read';
COMMENT ON FUNCTION release_mgmt.read_tap(text) IS
'Reads the output of a test in the Test Anything Protocol, versions 12 to 14. Every test point counts once; a planned test that never ran is failed, and so is an unplanned or repeated one. result: passed (at least one passed, none failed), inconclusive (all skipped or to do), or failed, also where the output itself is wrong: no plan, two plans, a plan amid the test points, a bail out, an unknown version. finding says what kept it from passing. Never raises an error: text that is no TAP has failed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.read_tap(text)');

CREATE TABLE release_mgmt.test_run (
    id             uuid DEFAULT release_mgmt.new_id(),
    release_id     uuid NOT NULL,
    test           text NOT NULL,
    format         text NOT NULL DEFAULT 'tap',
    output         text NOT NULL,
    passed         bigint NOT NULL,
    failed         bigint NOT NULL,
    skipped        bigint NOT NULL,
    todo           bigint NOT NULL,
    result         text NOT NULL,
    finding        text,
    package_id     uuid NOT NULL,
    package_digest release_mgmt.digest NOT NULL,
    run_by         uuid NOT NULL,
    run_at         timestamptz NOT NULL,
    CONSTRAINT test_run_pkey PRIMARY KEY (id),
    CONSTRAINT test_run_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT test_run_package_id_fkey FOREIGN KEY (package_id) REFERENCES release_mgmt.release_package,
    CONSTRAINT test_run_run_by_fkey FOREIGN KEY (run_by) REFERENCES release_mgmt.person,
    CONSTRAINT test_run_test_check CHECK (test <> ''),
    CONSTRAINT test_run_format_check CHECK (format IN ('tap')),
    CONSTRAINT test_run_result_check CHECK (result IN ('passed', 'failed', 'inconclusive'))
);
COMMENT ON TABLE release_mgmt.test_run IS
'Test runs: give release_id, test, format and output; the rest is read from the output and from what is tested, whatever the INSERT says. A run proves the sealed package that was current when it was recorded, and never changes.';
COMMENT ON COLUMN release_mgmt.test_run.format IS 'tap: Test Anything Protocol, read by read_tap()';
COMMENT ON COLUMN release_mgmt.test_run.finding IS 'why it did not pass';
COMMENT ON COLUMN release_mgmt.test_run.package_digest IS 'digest of the sealed package that was tested';
CREATE INDEX test_run_release_id_idx ON release_mgmt.test_run (release_id, package_digest, test);
CREATE INDEX test_run_package_id_idx ON release_mgmt.test_run (package_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.test_run', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.test_run');
SELECT release_mgmt_internal.belongs('release_mgmt.test_run', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.test_run');
SELECT release_mgmt_internal.allow('{release manager,test manager}', 'INSERT', 'release_mgmt.test_run');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.test_run
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER in the trigger functions of this module, and in what they call: a rule reads what the caller may not.
CREATE FUNCTION release_mgmt_internal.require_release(release uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    code text;
BEGIN
    SELECT r.code INTO code FROM release_mgmt.release AS r WHERE r.id = release;
    IF code IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', 'release_id names no release that exists', NULL,
            'Give it as release_mgmt.release_id(code).');
    END IF;
    RETURN code;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_release(uuid) IS 'The code of the release with that id; RM002 if there is none.';

CREATE FUNCTION release_mgmt_internal.record_test_run() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    tested release_mgmt.release_package;
    release_code text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('a run of test "%s" is recorded and does not change', OLD.test), NULL,
            'Run the test again and insert the new run; the latest one counts.');
    END IF;
    NEW.run_by := release_mgmt_internal.require_duty('release manager', 'test manager');
    NEW.run_at := clock_timestamp();
    release_code := release_mgmt_internal.require_release(NEW.release_id);
    SELECT p.* INTO tested FROM release_mgmt.release_package AS p WHERE p.release_id = NEW.release_id AND p.current;
    IF tested.digest IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has no sealed package to test', release_code),
            CASE WHEN tested.id IS NULL THEN 'It has no package.' ELSE format('Package "%s" revision %s is not sealed.', tested.code, tested.revision) END,
            CASE WHEN tested.id IS NULL THEN 'Make one with create_package(), and seal it with seal_package().'
                 ELSE format('Seal it with SELECT release_mgmt.seal_package(%L).', tested.code) END);
    END IF;
    NEW.package_id := tested.id;
    NEW.package_digest := tested.digest;
    SELECT t.passed, t.failed, t.skipped, t.todo, t.result, t.finding
    INTO NEW.passed, NEW.failed, NEW.skipped, NEW.todo, NEW.result, NEW.finding
    FROM release_mgmt.read_tap(NEW.output) AS t;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_test_run() IS
'Trigger: a run is read from its output, pinned to the sealed package that is tested, stamped with who and when, and stands. Errors: RM002 no such release, RM003 without the duty, RM015 nothing sealed, or a recorded run is changed.';
CREATE TRIGGER rm_50_record BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.test_run
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.record_test_run();

-- SECURITY DEFINER in this function and in the checks' readers: they answer for everybody alike.
CREATE FUNCTION release_mgmt_internal.tests_of(release uuid) RETURNS TABLE (test text, planned boolean, status text, run_id uuid)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT n.test, n.planned, coalesce(l.result, 'not run'), l.id
    FROM (SELECT t.test, bool_or(t.planned) AS planned
          FROM (SELECT p.test, true AS planned FROM release_mgmt.test_plan AS p WHERE p.release_id = tests_of.release
                UNION ALL
                SELECT u.test, false FROM release_mgmt.test_run AS u
                JOIN release_mgmt.release_package AS k ON k.id = u.package_id AND k.current AND k.digest = u.package_digest
                WHERE u.release_id = tests_of.release) AS t
          GROUP BY t.test) AS n
    LEFT JOIN LATERAL (
        SELECT u.id, u.result
        FROM release_mgmt.test_run AS u
        JOIN release_mgmt.release_package AS k ON k.id = u.package_id AND k.current AND k.digest = u.package_digest
        WHERE u.release_id = tests_of.release AND u.test = n.test
        ORDER BY u.run_at DESC, u.id DESC LIMIT 1
    ) AS l ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.tests_of(uuid) IS
'The planned and the run tests of a release, each with the status of its latest run on the package as it is sealed now: passed, failed, inconclusive or not run.';

CREATE VIEW release_mgmt.test_status WITH (security_invoker = true) AS
SELECT r.code AS release, t.test, t.planned, p.method, p.tool, t.status, u.passed, u.failed, u.skipped, u.todo, u.finding,
       w.code AS run_by, u.run_at, u.package_digest
FROM release_mgmt.release AS r
CROSS JOIN LATERAL release_mgmt_internal.tests_of(r.id) AS t
LEFT JOIN release_mgmt.test_plan AS p ON p.release_id = r.id AND p.test = t.test
LEFT JOIN release_mgmt.test_run AS u ON u.id = t.run_id
LEFT JOIN release_mgmt.person AS w ON w.id = u.run_by;
COMMENT ON VIEW release_mgmt.test_status IS
'Each planned or run test of a release with its latest run on the package as it is sealed now: passed, failed, inconclusive or not run.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.test_status');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.tests_of(uuid)');

CREATE FUNCTION release_mgmt_internal.check_tests_passed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(t.status = 'passed'),
            CASE WHEN count(*) = 0 THEN 'no test run on the package as it is sealed now'
                 ELSE pg_catalog.string_agg(pg_catalog.format('test "%s" %s%s', t.test,
                          CASE t.status WHEN 'not run' THEN 'has no run on the package as it is sealed now' WHEN 'failed' THEN 'failed' ELSE 'proved nothing' END,
                          ': ' || u.finding), '; ' ORDER BY t.test) FILTER (WHERE t.status <> 'passed') END,
            'test manager',
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('test_run', u.id, 'test', u.test, 'result', u.result, 'passed', u.passed, 'failed', u.failed,
                'skipped', u.skipped, 'package_digest', u.package_digest::text, 'run_by', w.code, 'run_at', u.run_at) ORDER BY t.test) FILTER (WHERE u.id IS NOT NULL)
           )::release_mgmt.check_result
    FROM release_mgmt_internal.tests_of(check_tests_passed.release) AS t
    LEFT JOIN release_mgmt.test_run AS u ON u.id = t.run_id
    LEFT JOIN release_mgmt.person AS w ON w.id = u.run_by;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_tests_passed(uuid) IS
'Check: at least one test has run on the package as it is sealed now, the latest run of each test passed, and each planned test has a run.';
SELECT release_mgmt_internal.register_check('tests_passed', 'gate', 'release_mgmt_internal.check_tests_passed',
    'the tests passed, on exactly the package that is sealed');
