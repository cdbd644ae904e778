-- Environments and their baselines; what sealing, approval and deployment saw; each prefix of a phased plan.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('compat.example.org') AS origin \gset
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Elsewhere', 'provider');
CREATE ROLE manager; CREATE ROLE approver; CREATE ROLE worker; CREATE ROLE stranger;
CALL grant_duty('manager', 'release manager', 'Provider');
CALL grant_duty('manager', 'librarian', 'Provider');
CALL grant_duty('manager', 'reader', 'Elsewhere');
CALL grant_duty('approver', 'change manager', 'Provider');
CALL grant_duty('worker', 'operator', 'Provider');
CALL grant_duty('stranger', 'release manager', 'Elsewhere');
CREATE TABLE host (name text PRIMARY KEY);
CREATE TABLE software (host text REFERENCES host, name text, version text, PRIMARY KEY (host, name));
GRANT SELECT, INSERT, UPDATE, DELETE ON host, software TO PUBLIC;
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name') AS class \gset
SELECT bind_ci_class('software', 'software', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb') AS class \gset
CALL bind_ci_relation('installed on', 'software', '{host}', 'host');
INSERT INTO host VALUES ('t1'), ('p1'), ('p2');
INSERT INTO software VALUES ('t1', 'a', '2'), ('t1', 'b', '2'), ('p1', 'a', '1'), ('p1', 'b', '1'), ('p2', 'a', '1'), ('p2', 'b', '1'), ('p2', E'odd\tone', 'no version');
SELECT plan(36);
SET ROLE manager;
SELECT load_package_clauses(E'Package: a\nVersion: 1\nArchitecture: all\n\nPackage: a\nVersion: 2\nArchitecture: all\n\n'
    'Package: b\nVersion: 1\nArchitecture: all\nDepends: a (= 1)\n\nPackage: b\nVersion: 2\nArchitecture: all\nDepends: a (= 2)\n') AS learnt \gset

-- Definition
SELECT isnt(define_environment('production', '{host/p1,host/p2}', 'what customers use'), NULL, 'an environment is a named set of targets');
SELECT is(define_environment('production', '{host/p1,host/p2}'), environment_id('production'), 'defined again, it is the same');
SELECT define_environment('test', '{host/t1,host/p1}') AS test \gset
SELECT is(define_environment('test', '{host/t1}'), :'test', 'its targets may be others');
SELECT results_eq($$SELECT e.code, t.ci FROM environment AS e JOIN environment_target AS t ON t.environment_id = e.id ORDER BY 1, 2$$,
    $$VALUES ('production', 'host/p1'), ('production', 'host/p2'), ('test', 'host/t1')$$, 'that is what the tables say');
SELECT throws_ok($$SELECT define_environment('test', '{host/none}')$$, 'RM002', NULL, 'an unknown target');
SELECT throws_ok($$SELECT define_environment('test', '{host/t1}', NULL, 'Elsewhere')$$, 'RM015', NULL, 'an environment stays with its organization');
SELECT throws_ok($$SELECT capture_baseline('nowhere')$$, 'RM002', NULL, 'an unknown environment');
SELECT throws_ok($$SELECT * FROM compare_environments('test', 'production')$$, 'RM015', NULL, 'nothing captured, nothing to compare');

-- Baselines
SELECT capture_baseline('test') AS id \gset
SELECT capture_baseline('production') AS first \gset
SELECT results_eq(format('SELECT targets, items FROM environment_baseline WHERE id = %L', :'first'), 'VALUES (2, 5)', 'a baseline counts what it holds');
SELECT is((SELECT digest_hex(digest) FROM environment_baseline WHERE id = :'first'),
          (SELECT encode(sha256(convert_to(manifest, 'UTF8')), 'hex') FROM environment_baseline WHERE id = :'first'), 'its digest is that of its manifest');
SELECT is((SELECT manifest FROM environment_baseline WHERE id = :'first'),
    E'target\thost/p1\nitem\tsoftware/p1:a\ta\tdeb/1\nitem\tsoftware/p1:b\tb\tdeb/1\n' ||
    E'target\thost/p2\nitem\tsoftware/p2:a\ta\tdeb/1\nitem\tsoftware/p2:b\tb\tdeb/1\nitem\tsoftware/p2:odd\\tone\t\\N\t\\N\n', 'which lists it target by target');
SELECT capture_baseline('production') AS again \gset
SELECT is((SELECT digest FROM environment_baseline WHERE id = :'again'), (SELECT digest FROM environment_baseline WHERE id = :'first'), 'nothing changed, the same digest');
SELECT throws_ok(format($$UPDATE environment_baseline SET items = 0 WHERE id = %L$$, :'first'), '42501', NULL, 'nobody writes a baseline');
SET ROLE stranger;
SELECT is_empty('SELECT FROM environment_baseline', 'who has nothing to do with an organization does not see its baselines');
SELECT throws_ok($$SELECT capture_baseline('test')$$, 'RM002', NULL, 'nor its environments');
SET ROLE worker;
SELECT isnt(capture_baseline('test'), NULL, 'an operator captures');
SELECT throws_ok($$SELECT define_environment('more', '{host/t1}')$$, '42501', NULL, 'and defines nothing');

-- Comparison
SET ROLE manager;
SELECT results_eq($$SELECT difference, target, ci, name, one_version, other_version FROM compare_environments('production', 'test')$$,
    $$VALUES ('changed', NULL::text, NULL::text, 'a', 'deb/1', 'deb/2'), ('changed', NULL, NULL, 'b', 'deb/1', 'deb/2')$$, 'two environments differ name by name');
SELECT is_empty($$SELECT * FROM compare_environments('production', 'production')$$, 'an environment does not differ from itself');
RESET ROLE;
SELECT clock_timestamp() AS before \gset
DELETE FROM software WHERE host = 'p2' AND name = 'a';
UPDATE software SET version = '3' WHERE host = 'p2' AND name = 'b';
INSERT INTO software VALUES ('p1', 'c', '1');
SET ROLE manager;
SELECT capture_baseline('production') AS id \gset
SELECT results_eq(format($$SELECT difference, target, ci, name, one_version, other_version FROM compare_environments('production', 'production', one_at => %L)$$, :'before'),
    $$VALUES ('added', 'host/p1', 'software/p1:c', 'c', NULL, 'deb/1'), ('removed', 'host/p2', 'software/p2:a', 'a', 'deb/1', NULL),
             ('changed', 'host/p2', 'software/p2:b', 'b', 'deb/1', 'deb/3')$$, 'two points in time differ item by item');
SELECT results_eq(format($$SELECT count(*), min(one_version) FROM compare_environments('test', 'production', other_at => %L)$$, :'before'), $$VALUES (2::bigint, 'deb/2')$$,
    'another environment as it was');
RESET ROLE;
DELETE FROM software WHERE name IN ('c', E'odd\tone');
DELETE FROM software WHERE host = 'p2';
INSERT INTO software VALUES ('p2', 'a', '1'), ('p2', 'b', '1');

-- A check against an environment
SET ROLE manager;
SELECT create_release('REL-1', 'minor') AS rel \gset
SELECT create_package('PKG-1', 'REL-1', '{}') AS pkg \gset
INSERT INTO component (package_id, kind, name, version, ci) VALUES (:'pkg', 'configuration', 'a', 'deb/2', 'software/p1:a');
SELECT results_eq($$SELECT target, finding FROM check_compatibility('PKG-1', environment => 'production') WHERE severity = 'error'$$,
    $$VALUES ('host/p1', 'b 1 requires a (= 1)'), ('host/p2', 'b 1 requires a (= 1)')$$, 'a package that does not fit an environment');
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-1', environment => 'test') WHERE severity = 'error'$$, 'and fits another one');
SELECT results_eq($$SELECT DISTINCT target FROM suggest_repairs('PKG-1', environment => 'production')$$, $$VALUES ('host/p1'), ('host/p2')$$, 'repairs for it');
SELECT is((SELECT count(*) FROM explain_compatibility('PKG-1', environment => 'production') AS l WHERE l LIKE 'on host/%'), 2::bigint, 'and its explanation');
SELECT throws_ok($$SELECT * FROM check_compatibility('PKG-1', environment => 'nowhere')$$, 'RM002', NULL, 'an unknown environment');

-- Each prefix of a phased plan: items as targets, one after the other.
INSERT INTO component (package_id, kind, name, version, ci) VALUES (:'pkg', 'configuration', 'b', 'deb/2', 'software/p1:b');
SELECT add_wave('REL-1', 'first', '{software/p1:a}') AS wave \gset
SELECT add_wave('REL-1', 'second', '{software/p1:b}') AS wave \gset
SELECT derive_ci_changes('REL-1') AS derived \gset
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-1', '{host/p1}') WHERE severity = 'error'$$, 'in the end all of it fits');
SELECT results_eq($$SELECT wave, place, class, finding FROM check_waves('REL-1')$$,
    $$VALUES ('first', 'host/p1', 'introduced', 'b 1 requires a (= 1)')$$, 'but not after the first wave');
RESET ROLE;
SELECT ok(NOT met AND missing = 'software/p1:a: a: b 1 requires a (= 1)', 'which the gate says')
FROM (SELECT (release_mgmt_internal.check_targets_compatible(:'rel')).*) AS c;
SET ROLE manager;
UPDATE target SET wave_id = (SELECT id FROM wave WHERE name = 'first') WHERE ci = 'software/p1:b';
DELETE FROM wave WHERE name = 'second';
SELECT is_empty($$SELECT * FROM check_waves('REL-1')$$, 'both in one wave fit');
RESET ROLE;
SELECT ok(met AND evidence -> 'baseline' ->> 'software/p1:a' LIKE 'sha256:%', 'the gate''s evidence names the baseline')
FROM (SELECT (release_mgmt_internal.check_targets_compatible(:'rel')).*) AS c;

-- What was seen, at the seal, at the approval
SET ROLE manager;
SELECT seal_package('PKG-1') AS digest \gset
SELECT results_eq($$SELECT point, target, items, errors, findings FROM compatibility_result ORDER BY target$$,
    $$VALUES ('seal', 'host/p1', 2, 0, '[]'::jsonb), ('seal', 'host/p2', 2, 0, '[]'), ('seal', 'host/t1', 2, 0, '[]')$$, 'sealing records what it saw');
SELECT define_environment('p1', '{host/p1}') AS id, capture_baseline('p1') AS p1 \gset
SELECT is((SELECT baseline FROM compatibility_result WHERE target = 'host/p1'), (SELECT digest FROM environment_baseline WHERE id = :'p1'),
          'under the digest that a captured baseline has');
SELECT load_package_clauses(E'Package: c\nVersion: 1\nArchitecture: all\nDepends: a (= 1)\n') AS learnt \gset
INSERT INTO software VALUES ('p1', 'c', '1');
SET ROLE approver;
SELECT approval_digest('REL-1') AS agreed \gset
SELECT throws_ok(format('CALL approve_release(%L, %L)', 'REL-1', :'agreed'), 'RM006', 'the package of release "REL-1" does not fit any more',
                 'an approval looks again, and refuses what does not fit any more');
RESET ROLE;
DELETE FROM software WHERE name = 'c';
SET ROLE approver;
CALL approve_release('REL-1', :'agreed');
SELECT results_eq($$SELECT target, errors FROM compatibility_result WHERE point = 'approval' ORDER BY target$$,
    $$VALUES ('host/p1', 0), ('host/p2', 0), ('host/t1', 0)$$, 'and records what it saw');
SET ROLE stranger;
SELECT is_empty('SELECT FROM compatibility_result', 'of which others see nothing');
SELECT * FROM finish();
