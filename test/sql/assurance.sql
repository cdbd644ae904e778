-- Test runs prove the sealed package that they ran on, and nothing else.
\set SHOW_CONTEXT never
\pset null '-'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_tester;
CREATE ROLE regress_reader;
CREATE ROLE regress_operator;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_tester', 'test manager', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Customer');
CALL grant_duty('regress_operator', 'operator', 'Provider');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
CREATE FUNCTION tests_passed(OUT met boolean, OUT missing text, OUT owner text) BEGIN ATOMIC
    SELECT c.met, c.missing, c.owner FROM release_mgmt_internal.check_tests_passed(release_id('REL-1')) AS c;
END;

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;

-- Without a sealed package there is nothing to test.
INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('REL-1'), 'smoke', 'tap', E'1..1\nok 1\n');
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('REL-1'), 'smoke', 'tap', E'1..1\nok 1\n');
\echo :LAST_ERROR_SQLSTATE
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;

-- No evidence is unmet; what is planned must be run.
RESET ROLE;
SELECT * FROM tests_passed();
SET ROLE regress_manager;
INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES
    (release_id('REL-1'), 'smoke', 'black box', 'prove', 'start it, log in, stop it'),
    (release_id('REL-1'), 'load', 'load test', 'pgbench', 'doc/load.md');
\set VERBOSITY terse
INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES (release_id('REL-1'), 'security', '', 'nmap', 'scan');
INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES (release_id('REL-1'), 'load', 'again', 'again', 'again');
\set VERBOSITY default
RESET ROLE;
SELECT * FROM tests_passed();

-- Who runs a test needs the duty; the table's owner too.
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..1\nok 1\n');
SET ROLE regress_reader;
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..1\nok 1\n');
SET ROLE regress_operator;
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..1\nok 1\n');

-- What the run says of itself is read from its output, and from who acts, whatever the INSERT says.
SET ROLE regress_tester;
INSERT INTO test_run (release_id, test, output, passed, failed, result, package_digest, run_by, run_at)
VALUES (release_id('REL-1'), 'smoke', E'1..2\nok 1\nnot ok 2 - the log is empty\n', 99, 0, 'passed', compute_digest('another'), person_id('regress_manager'), '2001-01-01');
SELECT r.test, r.format, r.passed, r.failed, r.result, r.finding, r.package_digest = p.digest AS pinned, r.run_by = person_id('regress_tester') AS by_tester, r.run_at > now() - interval '1 minute' AS now
FROM test_run AS r JOIN release_package AS p ON p.id = r.package_id;
\set VERBOSITY terse
INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('REL-1'), 'smoke', 'junit', '<testsuite/>');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', NULL);
\set VERBOSITY default
INSERT INTO test_run (release_id, test, output) VALUES (new_id(), 'smoke', E'1..1\nok 1\n');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-9'), 'smoke', E'1..1\nok 1\n');
\set VERBOSITY terse
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), '', E'1..1\nok 1\n');
\set VERBOSITY default

-- A recorded run stands.
RESET ROLE;
UPDATE test_run SET result = 'passed';
DELETE FROM test_run;

-- The latest run of each test counts.
SELECT * FROM tests_passed();
SET ROLE regress_tester;
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..2\nok 1\nok 2\n');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'load', E'1..0 # SKIP no pgbench here\n');
SELECT test, planned, status, passed, failed, skipped, finding, run_by FROM test_status WHERE release = 'REL-1' ORDER BY test;
RESET ROLE;
SELECT * FROM tests_passed();
SET ROLE regress_tester;
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'load', E'1..1\nok 1 - 1000 a second\n');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'unplanned', E'1..1\nnot ok 1\n');
RESET ROLE;
SELECT * FROM tests_passed();
SET ROLE regress_tester;
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'unplanned', E'1..1\nok 1\n');
RESET ROLE;
SELECT * FROM tests_passed();
SELECT e ->> 'test' AS test, e ->> 'result' AS result, e ->> 'run_by' AS run_by, e ->> 'package_digest' = p.digest::text AS pinned
FROM release_package AS p, release_mgmt_internal.check_tests_passed(p.release_id) AS c, jsonb_array_elements(c.evidence) AS e ORDER BY 1;

-- Another revision has been tested by nobody.
SET ROLE regress_manager;
SELECT revise_package('PKG-1');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..1\nok 1\n');
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
RESET ROLE;
SELECT * FROM tests_passed();

-- The planned tests are part of what is approved: leaving one out changes the digest.
SELECT approval_digest('REL-1') AS before \gset
SET ROLE regress_manager;
DELETE FROM test_plan WHERE test = 'load';
RESET ROLE;
SELECT approval_digest('REL-1') <> :'before' AS approvals_are_void;
