-- Do the parts fit: each rule of Debian Policy, chapter 7, and of the class of a finding, as a scenario.
-- Control data of what is installed and of what a release brings goes in, findings come out.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('compat.example.org') AS origin \gset
CALL release_mgmt.grant_duty(current_user, 'librarian', 'Provider');
CALL release_mgmt.grant_duty(current_user, 'release manager', 'Provider');
SET search_path = public, release_mgmt;
CREATE TABLE package (name text PRIMARY KEY, version text NOT NULL);
SELECT bind_ci_class('package', 'package', key => '{name}', name => 'name', version => 'version', scheme => 'deb') AS class \gset
CREATE SEQUENCE scenario;

-- Control data from a short form: one package a line, "name version; Field: value; ...".
CREATE FUNCTION control(packages text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format(E'Package: %s\nVersion: %s\n%s%s\n', split_part(line, ' ', 1), split_part(split_part(line, ';', 1), ' ', 2),
                             CASE WHEN line ~ 'Architecture:' THEN '' ELSE E'Architecture: amd64\n' END,
                             regexp_replace(regexp_replace(line, '^[^;]*;? *', ''), '; *', E'\n', 'g')), E'\n')
    FROM regexp_split_to_table(packages, '\n') AS line $$;

-- What check_compatibility says of bringing some packages onto a host that holds others; removes: names that the plan retires.
CREATE FUNCTION findings(installed text, brought text, removes text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('scenario');
    package_id uuid;
BEGIN
    DELETE FROM public.package;
    PERFORM load_package_clauses(control(concat_ws(E'\n', nullif(installed, ''), brought)));
    INSERT INTO public.package
    SELECT split_part(line, ' ', 1) || CASE WHEN line ~ 'Multi-Arch: same|Architecture: i386' THEN ':' || coalesce(substring(line FROM 'Architecture: (\w+)'), 'amd64') ELSE '' END,
           split_part(split_part(line, ';', 1), ' ', 2)
    FROM regexp_split_to_table(nullif(installed, ''), '\n') AS line;
    PERFORM create_release('REL-' || n, 'minor');
    package_id := create_package('PKG-' || n, 'REL-' || n, '{}');
    INSERT INTO component (package_id, kind, name, version, ci, related_reason)
    SELECT package_id, 'software', split_part(line, ' ', 1), pkgver('deb', split_part(split_part(line, ';', 1), ' ', 2)),
           'package/' || split_part(line, ' ', 1), 'scenario'
    FROM regexp_split_to_table(brought, '\n') AS line;
    INSERT INTO planned_ci_change (release_id, ci, operation) SELECT release_id('REL-' || n), 'package/' || r, 'retire' FROM unnest(removes) AS r;
    RETURN QUERY SELECT format('%s %s %s: %s', f.severity, f.class, f.component, f.finding) FROM check_compatibility('PKG-' || n) AS f;
END $$;

SELECT plan(94);

-- Requirements (Policy 7.2)
SELECT is_empty($$SELECT findings('', 'a 1')$$, 'what requires nothing fits');
SELECT is_empty($$SELECT findings('b 1', 'a 1; Depends: b')$$, 'what is required is installed');
SELECT is_empty($$SELECT findings('', E'a 1; Depends: b\nb 1')$$, 'or is brought along');
SELECT results_eq($$SELECT findings('', 'a 1; Depends: b')$$, ARRAY['error introduced a: a 1 requires b'], 'what is required is not there');
SELECT results_eq($$SELECT findings('b 1', 'a 1; Pre-Depends: b (>= 2)')$$, ARRAY['error introduced a: a 1 requires b (>= 2)'], 'Pre-Depends counts, in versions');
SELECT is_empty($$SELECT findings('b 2', 'a 1; Depends: b (>= 2), b (<= 2), b (= 2)')$$, '>=, <= and = include the version');
SELECT results_eq($$SELECT findings('b 2', 'a 1; Depends: b (>> 2), b (<< 2)')$$,
                  ARRAY['error introduced a: a 1 requires b (<< 2)', 'error introduced a: a 1 requires b (>> 2)'], '>> and << do not');
SELECT is_empty($$SELECT findings('b 1:1', 'a 1; Depends: b (>= 9)')$$, 'an epoch outweighs');
SELECT results_eq($$SELECT findings('b 2~rc1', 'a 1; Depends: b (>= 2)')$$, ARRAY['error introduced a: a 1 requires b (>= 2)'], 'a tilde comes before');
SELECT is_empty($$SELECT findings('c 1', 'a 1; Depends: b | c (>= 1) | d')$$, 'one alternative is enough');
SELECT results_eq($$SELECT findings('c 1', 'a 1; Depends: b | c (>= 2)')$$, ARRAY['error introduced a: a 1 requires b | c (>= 2)'], 'none is not');

-- Upgrades: what is installed must still find what it requires.
SELECT is_empty($$SELECT findings(E'a 1\nb 1; Depends: a (>= 1)', 'a 2')$$, 'an upgrade that installed packages can live with');
SELECT results_eq($$SELECT findings(E'a 1\nb 1; Depends: a (= 1)', 'a 2')$$, ARRAY['error introduced a: b 1 requires a (= 1)'],
                  'an upgrade that takes away what an installed package requires is laid to the component');
SELECT is_empty($$SELECT findings(E'a 1\nb 1; Depends: a (= 1)', E'a 2\nb 2; Depends: a (= 2)')$$, 'unless that is upgraded as well');
SELECT results_eq($$SELECT findings(E'a 1\nb 1; Depends: a', 'c 1', '{a}')$$,
                  ARRAY['error introduced b: b 1 requires a', 'note introduced a: a 1 would be removed by the plan'], 'a removal that an installed package does not survive');

-- Introduced, pre-existing, fixed
SELECT results_eq($$SELECT findings('b 1; Depends: x', 'a 1')$$, ARRAY['warning pre-existing b: b 1 requires x'], 'a fault of the baseline does not block');
SELECT results_eq($$SELECT findings('b 1; Depends: x', E'b 2; Depends: x')$$, ARRAY['warning pre-existing b: b 2 requires x'], 'nor one that an upgrade keeps');
SELECT results_eq($$SELECT findings('b 1; Depends: x', E'b 2; Depends: y')$$,
                  ARRAY['error introduced b: b 2 requires y', 'note fixed b: b 1 requires x'], 'another one in its place does');
SELECT results_eq($$SELECT findings('b 1; Depends: x', 'x 1')$$, ARRAY['note fixed b: b 1 requires x'], 'a release may fix the baseline');

-- Conflicts and Breaks (7.3, 7.4)
SELECT results_eq($$SELECT findings('b 1', 'a 1; Conflicts: b')$$, ARRAY['error introduced a: a 1 conflicts with b 1 (b)'], 'a conflict with what is installed');
SELECT results_eq($$SELECT findings('b 1; Conflicts: a', 'a 1')$$, ARRAY['error introduced a: b 1 conflicts with a 1 (a)'], 'and one that the installed package states');
SELECT results_eq($$SELECT findings('', E'a 1; Conflicts: b\nb 1')$$, ARRAY['error introduced a: a 1 conflicts with b 1 (b)'], 'a conflict within the package');
SELECT is_empty($$SELECT findings('b 2', 'a 1; Conflicts: b (<< 2)')$$, 'a conflict with other versions');
SELECT results_eq($$SELECT findings('b 1', 'a 1; Breaks: b (<< 2)')$$, ARRAY['error introduced a: a 1 breaks b 1 (b (<< 2))'], 'Breaks');
SELECT is_empty($$SELECT findings('b 1', E'a 1; Breaks: b (<< 2)\nb 2')$$, 'Breaks, resolved by an upgrade in the same package');
SELECT is_empty($$SELECT f FROM findings('b 1', 'a 1; Conflicts: b', '{b}') AS f WHERE f NOT LIKE 'note%'$$, 'a conflict, resolved by a removal');

-- Provides (7.5)
SELECT is_empty($$SELECT findings('p 1; Provides: v', 'a 1; Depends: v')$$, 'a virtual package meets what asks for no version');
SELECT results_eq($$SELECT findings('p 1; Provides: v', 'a 1; Depends: v (>= 1)')$$, ARRAY['error introduced a: a 1 requires v (>= 1)'], 'but not what asks for one');
SELECT is_empty($$SELECT findings('p 1; Provides: v (= 3)', 'a 1; Depends: v (>= 2)')$$, 'a versioned provision does');
SELECT results_eq($$SELECT findings('p 9; Provides: v (= 1)', 'a 1; Depends: v (>= 2)')$$, ARRAY['error introduced a: a 1 requires v (>= 2)'], 'by its own version');
SELECT results_eq($$SELECT findings('p 1; Provides: v', 'a 1; Conflicts: v')$$, ARRAY['error introduced a: a 1 conflicts with p 1 (v)'], 'a conflict with a virtual package');
SELECT is_empty($$SELECT findings('', 'a 1; Provides: v; Conflicts: v')$$, 'a package does not conflict with what it provides itself');
SELECT is_empty($$SELECT findings('p 1; Provides: v', 'a 1; Conflicts: v (<< 2)')$$, 'a versioned conflict passes by an unversioned provision');

-- Replaces (7.6): with Conflicts, the replaced package goes.
SELECT results_eq($$SELECT findings('b 1', 'a 1; Conflicts: b; Replaces: b')$$, ARRAY['note introduced a: b 1 would be made obsolete by a 1'], 'what is replaced goes');
SELECT results_eq($$SELECT findings(E'b 1\nc 1; Depends: b', 'a 1; Conflicts: b; Replaces: b')$$,
                  ARRAY['error introduced a: c 1 requires b', 'note introduced a: b 1 would be made obsolete by a 1'], 'and is missed by those that require it');
SELECT results_eq($$SELECT findings(E'b 1\nc 1; Depends: b', 'a 1; Conflicts: b; Replaces: b; Provides: b')$$,
                  ARRAY['note introduced a: b 1 would be made obsolete by a 1'], 'unless the new one provides it');
SELECT results_eq($$SELECT findings('b 1; Essential: yes', 'a 1; Conflicts: b; Replaces: b')$$,
                  ARRAY['error introduced a: b 1 would be made obsolete by a 1'], 'an essential package may not go');

-- Architectures
SELECT is_empty($$SELECT findings(E'b 1; Architecture: all\nc 1', 'a 1; Depends: b')$$, 'all stands for the native architecture');
SELECT results_eq($$SELECT findings(E'b 1; Architecture: i386\nc 1\nd 1', 'a 1; Depends: b')$$, ARRAY['error introduced a: a 1 requires b'], 'another architecture does not do');
SELECT is_empty($$SELECT findings(E'b 1; Architecture: i386; Multi-Arch: foreign\nc 1\nd 1', 'a 1; Depends: b')$$, 'unless it is Multi-Arch: foreign');
SELECT is_empty($$SELECT findings(E'b 1; Architecture: i386; Multi-Arch: allowed\nc 1\nd 1', 'a 1; Depends: b:any')$$, 'or allowed, and the clause says any');
SELECT results_eq($$SELECT findings('c 1', 'r 1; Architecture: riscv64')$$, ARRAY['error introduced r: r 1 is for riscv64; the target runs amd64'], 'a component for another platform');
SELECT results_eq($$SELECT findings(E'l 1; Multi-Arch: same\nl 1; Multi-Arch: same; Architecture: i386\nc 1', 'l 2; Multi-Arch: same')$$,
                  ARRAY['error introduced l: l 2 and l:i386 1 would hold one name'], 'architectures beside each other are of one version');

-- Findings of their own
SELECT results_eq($$SELECT findings('a 2', 'a 1')$$, ARRAY['warning introduced a: a 1 would replace the later a 2'], 'a downgrade');
INSERT INTO package VALUES ('odd', 'no version!');
SELECT results_eq($$SELECT severity, finding, candidates FROM check_compatibility('PKG-' || currval('scenario')) WHERE kind = 'unreadable version'$$,
                  $$VALUES ('warning', 'of what is installed, the versions of 1 can not be read', 'package/odd')$$, 'what could not be looked at is said');
SELECT throws_ok($$SELECT * FROM check_compatibility('PKG-X')$$, 'RM002', NULL, 'an unknown package');
SELECT throws_ok($$SELECT * FROM check_compatibility('PKG-1', '{package/nothing}')$$, 'RM002', NULL, 'an unknown target');

-- What a finding tells
SELECT findings(E'b 1\np 1; Provides: b', 'a 1; Depends: b (>= 2) | nowhere') AS finding \gset
SELECT results_eq($$SELECT severity, kind, class, component, clause, candidates, chain, target FROM check_compatibility('PKG-' || currval('scenario'))$$,
    $$VALUES ('error', 'requires', 'introduced', 'a', 'b (>= 2) | nowhere',
              'b 1: version outside of the clause; p 1: provides b without a version; no package is or provides nowhere',
              'component a > a 1 requires b (>= 2) | nowhere', NULL::text)$$,
    'each candidate and why it is no answer, and the chain');

DELETE FROM package;
INSERT INTO package VALUES ('stranger', '1');
SELECT create_release('REL-Q', 'minor') AS id \gset
SELECT create_package('PKG-Q', 'REL-Q', '{}') AS q \gset
INSERT INTO component (package_id, kind, name, version, ci) VALUES (:'q', 'software', 'foreigner', 'deb/1', 'package/foreigner');
SELECT results_eq($$SELECT severity, class, component, finding FROM check_compatibility('PKG-Q')$$,
    $$VALUES ('warning', 'pre-existing', '(installed)', 'of 1 installed packages, the relations of 1 are not known; load_package_clauses() learns them'),
             ('warning', 'introduced', 'foreigner', 'the relations of foreigner 1 are not known')$$, 'what nothing is known of is said');

-- The same as a tree
SELECT findings(E'b 1\nc 1; Depends: b (= 1)', 'b 2') AS finding \gset
SELECT results_eq($$SELECT explain_compatibility('PKG-' || currval('scenario'))$$,
    ARRAY['PKG-' || currval('scenario') || ': does not fit (errors: 1, warnings: 0, notes: 0)', 'on any target', '  b',
          '    error: c 1 requires b (= 1) [requires, introduced]', '      seen: b 1: replaced by b 2', '      seen: b 2: version outside of the clause',
          '      because b 1 is replaced by b 2'], 'a finding explained');

-- Repairs: what is known beside what is installed and brought, in the third argument.
CREATE FUNCTION repairs(installed text, brought text, known text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    -- Scenarios share what is known: forget what other ones knew.
    DELETE FROM package_clause WHERE item_id IS NULL;
    DELETE FROM known_package;
    IF known <> '' THEN
        PERFORM load_package_clauses(control(known));
    END IF;
    PERFORM findings(installed, brought);
    RETURN QUERY
        SELECT string_agg(format('%s %s %s', action, name, pkgver_version(version)), ', ' ORDER BY step)
        FROM suggest_repairs('PKG-' || currval('scenario')) GROUP BY repair ORDER BY repair;
END $$;
SELECT is_empty($$SELECT repairs('', 'a 1', '')$$, 'what fits needs no repair');
SELECT is_empty($$SELECT repairs('', 'a 1; Depends: b', '')$$, 'what can not be repaired but by giving up is not');
SELECT results_eq($$SELECT repairs('', 'a 1; Depends: b', E'b 1\nx 1')$$, ARRAY['add b 1'], 'a missing package is added');
SELECT results_eq($$SELECT repairs('', 'a 1; Depends: v', E'b 1; Provides: v\nc 1')$$, ARRAY['add b 1'], 'or one that provides it');
SELECT results_eq($$SELECT repairs('b 1', 'a 1; Depends: b (>= 3)', E'b 2\nb 3')$$, ARRAY['add b 3'], 'in the right version');
SELECT results_eq($$SELECT repairs('', E'a 1; Depends: b (>= 3)\nb 2', 'b 3')$$, ARRAY['replace b 3', 'drop a 1'], 'in the place of a component, or one goes without');
SELECT results_eq($$SELECT repairs('', 'a 1; Depends: b', E'b 1; Depends: c\nc 1; Depends: d\nd 1')$$, ARRAY['add b 1, add c 1, add d 1'], 'with what that requires in turn');
SELECT is_empty($$SELECT repairs('', 'a 1; Depends: b', E'b 1; Depends: c\nc 1; Depends: d\nd 1; Depends: e\ne 1')$$, 'up to three actions');
SELECT results_eq($$SELECT repairs(E'b 1\nc 1; Depends: b (= 1)', 'b 2', 'c 2; Depends: b (= 2)')$$, ARRAY['add c 2', 'retire c 1'],
                  'an installed package that is left behind is upgraded, or retired');
SELECT results_eq($$SELECT repairs('c 1', 'a 1; Conflicts: c', '')$$, ARRAY['retire c 1'], 'a conflict ends with the installed package');
SELECT results_eq($$SELECT repairs('c 1; Essential: yes', 'a 1; Breaks: c (<< 2)', 'c 2')$$, ARRAY['add c 2'], 'an essential one is never retired');
SELECT is_empty($$SELECT repairs('', 'a 1; Depends: b', 'b 1; Conflicts: a')$$, 'a repair that does harm is none');
SELECT results_eq($$SELECT repairs('c 1', E'r 1; Architecture: riscv64\na 1', 'r 2')$$, ARRAY['replace r 2', 'drop r 1'], 'a component for another platform is replaced, or dropped');
SELECT results_eq($$SELECT repairs('c 1', E'r 1; Architecture: riscv64\na 1; Depends: b', 'b 1')$$, ARRAY['add b 1, drop r 1'], 'and never left, whatever else is mended');
SELECT results_eq($$SELECT repairs('b 1; Essential: yes', E'a 1; Conflicts: b; Replaces: b\nc 1', 'a 2')$$, ARRAY['replace a 2', 'drop a 1'], 'nor what makes an essential package obsolete');

-- A package of another operating system's kind
SELECT count(*) AS found FROM findings('c 1', 'd 1') \gset
SELECT create_release('REL-RPM', 'minor') AS id \gset
SELECT create_package('PKG-RPM', 'REL-RPM', '{}') AS rpm \gset
INSERT INTO component (package_id, kind, name, version, ci) VALUES (:'rpm', 'software', 'r', pkgver('rpm', '1-1'), 'package/r');
SELECT results_eq($$SELECT severity, class, finding FROM check_compatibility('PKG-RPM') WHERE kind = 'platform'$$,
                  $$VALUES ('error', 'introduced', 'r 1-1 is an RPM package; the target holds none')$$, 'does not go where there are none of that kind');
INSERT INTO component (package_id, kind, name, version, ci, related_reason) VALUES (:'rpm', 'software', 'd', pkgver('deb', '1'), 'package/d', 'scenario');
SELECT results_eq($$SELECT action, name FROM suggest_repairs('PKG-RPM')$$, $$VALUES ('drop', 'r')$$, 'and is dropped');
DELETE FROM package;
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-RPM') WHERE kind = 'platform'$$, 'an empty target is of no kind');

-- Nothing that is wrong on no target is no answer.
SELECT throws_ok($$SELECT * FROM check_compatibility('PKG-RPM', '{}')$$, 'RM002', 'no targets are named', 'an empty list of targets');
SELECT define_environment('nowhere', '{}') AS id \gset
SELECT throws_ok($$SELECT * FROM explain_compatibility('PKG-RPM', environment => 'nowhere')$$, 'RM002', 'environment "nowhere" has no targets', 'an environment without targets');
SELECT throws_ok($$SELECT * FROM check_compatibility(NULL)$$, 'RM002', 'package "" does not exist', 'no package');
SELECT throws_ok($$SELECT define_environment('nowhere', NULL)$$, 'RM002', 'the targets of environment "nowhere" must be given', 'targets that are not given');

-- Relatedness, and what the library says of the components
CREATE FUNCTION item(purl text, VARIADIC clauses text[] DEFAULT '{}') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    item uuid := begin_intake(purl::purl);
BEGIN
    CALL append_content(item, convert_to(item::text, 'UTF8'));
    PERFORM finish_intake(item, compute_digest(convert_to(item::text, 'UTF8')));
    INSERT INTO package_clause (item_id, kind, clause_no, name, text)
    SELECT item, split_part(c, ' ', 1), n, split_part(c, ' ', 2), split_part(c, ' ', 2) FROM unnest(clauses) WITH ORDINALITY AS u (c, n);
    CALL accept_item(item);
    RETURN item;
END $$;
CREATE FUNCTION told(package text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s %s %s', severity, kind, component) FROM check_compatibility(package) WHERE kind NOT IN ('unknown relations', 'requires') $$;
DELETE FROM package;
SELECT create_release('REL-R', 'minor') AS id \gset
SELECT create_package('PKG-R', 'REL-R', ARRAY[item('pkg:npm/web@1.0.0', 'requires core'), item('pkg:npm/core@1.0.0'), item('pkg:npm/tool@1.0.0')]) AS id \gset
SELECT results_eq($$SELECT told('PKG-R')$$, ARRAY['error unrelated tool'], 'a component that hangs together with no other one');
UPDATE component SET related_reason = 'operators need it to start the others' WHERE name = 'tool';
SELECT is_empty($$SELECT told('PKG-R')$$, 'until a person says why it belongs here');
SELECT create_release('REL-S', 'minor') AS id \gset
SELECT create_package('PKG-S', 'REL-S', ARRAY[item('pkg:npm/alone@1.0.0')]) AS id \gset
SELECT is_empty($$SELECT told('PKG-S')$$, 'a component of its own is related to itself');
SELECT create_release('REL-T', 'minor') AS id \gset
SELECT create_package('PKG-T', 'REL-T', ARRAY[item('pkg:npm/server@1.0.0', 'requires virtual'), item('pkg:npm/impl@1.0.0', 'provides virtual')]) AS id \gset
SELECT is_empty($$SELECT told('PKG-T')$$, 'related by what it provides');
SELECT id AS core FROM library_item WHERE name = 'core' \gset
CALL retire_item(:'core', 'withdrawn by its maker');
SELECT results_eq($$SELECT told('PKG-R')$$, ARRAY['error withdrawn core'], 'a component whose item has left the library');
SELECT item('pkg:npm/core@1.0.0') AS again \gset
SELECT results_eq($$SELECT told('PKG-R')$$, ARRAY['error withdrawn core', 'warning other digest core'], 'and has come back with other content');
-- The rules take the item's digest: this is somebody who goes behind them.
SET session_replication_role = replica;
UPDATE component SET digest = compute_digest('altered') WHERE name = 'tool';
RESET session_replication_role;
SELECT results_eq($$SELECT told('PKG-R')$$, ARRAY['error withdrawn core', 'error other digest tool', 'warning other digest core'], 'a component whose digest is not its item''s');
SELECT create_release('REL-X', 'minor') AS id \gset
SELECT create_package('PKG-X', 'REL-X', ARRAY[item('pkg:pypi/lib@1.0')]) AS x \gset
SELECT item('pkg:pypi/lib@2.0') AS next \gset
INSERT INTO component (package_id, kind, name, item_id, digest) SELECT :'x', 'software', 'lib-next', i.id, i.digest FROM library_item AS i WHERE i.id = :'next';
UPDATE component SET related_reason = 'scenario' WHERE package_id = :'x';
SELECT results_eq($$SELECT severity, class, component, finding FROM check_compatibility('PKG-X') WHERE kind = 'two versions'$$,
                  $$VALUES ('error', 'introduced', 'lib', 'lib 1.0 and lib 2.0 would hold one name')$$, 'two versions in one place');
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-T') WHERE kind = 'requires'$$, 'an npm requirement is met by an npm package');
SELECT create_release('REL-U', 'minor') AS id \gset
SELECT create_package('PKG-U', 'REL-U', ARRAY[item('pkg:npm/client@1.0.0', 'requires libx')]) AS id \gset
INSERT INTO package VALUES ('libx', '1');
SELECT results_eq($$SELECT severity, component, clause, candidates FROM check_compatibility('PKG-U') WHERE kind = 'requires'$$,
                  $$VALUES ('error', 'client', 'libx', 'no package is or provides libx')$$, 'but not by a Debian package of that name');

-- Related by configuration items
CREATE TABLE rack (name text PRIMARY KEY);
CREATE TABLE switch (name text PRIMARY KEY, rack text REFERENCES rack);
SELECT bind_ci_class('rack', 'rack', key => '{name}', name => 'name') AS class \gset
SELECT bind_ci_class('switch', 'switch', key => '{name}', name => 'name') AS class \gset
CALL bind_ci_relation('part of', 'switch', '{rack}', 'rack');
INSERT INTO rack VALUES ('r1'), ('r2');
INSERT INTO switch VALUES ('s1', 'r1'), ('s2', 'r1'), ('s3', 'r2');
SELECT create_release('REL-V', 'minor') AS id \gset
SELECT create_package('PKG-V', 'REL-V', '{}') AS v \gset
INSERT INTO component (package_id, kind, name, ci) VALUES (:'v', 'hardware', 's1', 'switch/s1'), (:'v', 'hardware', 's2', 'switch/s2'), (:'v', 'hardware', 's3', 'switch/s3');
SELECT results_eq($$SELECT told('PKG-V')$$, ARRAY['error unrelated s3'], 'two parts of one rack hang together, a part of another one does not');
INSERT INTO component (package_id, kind, name, ci) VALUES (:'v', 'hardware', 'r2', 'rack/r2');
SELECT is_empty($$SELECT told('PKG-V')$$, 'unless that rack comes along');

-- Targets
CREATE TABLE host (name text PRIMARY KEY);
CREATE TABLE host_package (host text REFERENCES host, name text, version text, PRIMARY KEY (host, name));
SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name') AS class \gset
SELECT bind_ci_class('host_package', 'host_package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb') AS class \gset
CALL bind_ci_relation('installed on', 'host_package', '{host}', 'host');
DELETE FROM package;
INSERT INTO host VALUES ('h1'), ('h2');
INSERT INTO host_package VALUES ('h1', 'b', '2'), ('h2', 'b', '1');
SELECT load_package_clauses(control(E'b 1\nb 2\na 5; Depends: b (>= 2)')) AS loaded \gset
SELECT create_release('REL-W', 'minor') AS id \gset
SELECT create_package('PKG-W', 'REL-W', '{}') AS w \gset
INSERT INTO component (package_id, kind, name, version, ci) VALUES (:'w', 'software', 'a', 'deb/5', 'host_package/h1:a');
SELECT results_eq($$SELECT target, candidates FROM check_compatibility('PKG-W') WHERE severity = 'error'$$,
                  $$VALUES ('host/h2', 'b 1: version outside of the clause')$$, 'each target has its own baseline');
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-W', '{host/h1}') WHERE severity = 'error'$$, 'a target may be named');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value, target) VALUES (:'id', 'host_package/h1:a', 'create', 'version', '5', 'host/h1');
SELECT is_empty($$SELECT * FROM check_compatibility('PKG-W') WHERE severity = 'error'$$, 'else those count for which the release plans changes');

-- Clauses that do not lie in their order
SELECT load_package_clauses(control('shuffled 1; Depends: q | r, s')) AS loaded \gset
CREATE TEMP TABLE clause AS SELECT c.* FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id WHERE k.name = 'shuffled';
DELETE FROM package_clause WHERE id IN (SELECT id FROM clause);
INSERT INTO package_clause SELECT * FROM clause ORDER BY clause_no DESC, alternative_no DESC;
DELETE FROM package;
INSERT INTO package VALUES ('shuffled', '1');
SELECT results_eq($$SELECT finding, candidates FROM check_compatibility('PKG-R', '{package/shuffled}') WHERE component = 'shuffled'$$,
    $$VALUES ('shuffled 1 requires q | r', 'no package is or provides q; no package is or provides r'), ('shuffled 1 requires s', 'no package is or provides s')$$,
    'are put into it');
-- One whose clauses begin before those of others, and end after them
SELECT load_package_clauses(control(E'torn 1; Depends: a | b, c, d\nwhole 1; Depends: e | f, g\nlast 1; Depends: h')) AS loaded \gset
CREATE TEMP TABLE part AS
SELECT c.*, row_number() OVER (ORDER BY k.name = 'last', k.name = 'torn' AND c.clause_no = 3, k.name = 'whole', c.clause_no, c.alternative_no) AS place
FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id WHERE k.name IN ('torn', 'whole', 'last');
DELETE FROM package_clause WHERE id IN (SELECT id FROM part);
INSERT INTO package_clause SELECT c.* FROM part AS p CROSS JOIN LATERAL (SELECT (jsonb_populate_record(NULL::package_clause, to_jsonb(p))).*) AS c ORDER BY p.place;
DELETE FROM package;
INSERT INTO package VALUES ('torn', '1'), ('whole', '1'), ('last', '1');
SELECT results_eq($$SELECT finding FROM check_compatibility('PKG-R', '{package/torn}') WHERE component IN ('torn', 'whole', 'last') AND kind = 'requires'$$,
    ARRAY['last 1 requires h', 'torn 1 requires a | b', 'torn 1 requires c', 'torn 1 requires d', 'whole 1 requires e | f', 'whole 1 requires g'],
    'as are those of which a part lies elsewhere, beside others');

-- npm's lock files; what they say is compared with npm in t/52_compat_npm.
SELECT throws_ok($$SELECT load_npm_lock('app', '{"lockfileVersion": 1, "dependencies": {}}')$$, 'RM019', 'this is no package-lock.json with a list of packages', 'a lock file of npm 6');
SELECT throws_ok($$SELECT load_npm_lock('app', '{"packages": {"node_modules/a": {"version": "one"}}}')$$, 'RM019', 'package-lock.json holds versions that are none', 'no version');
SELECT is(load_npm_lock('app', '{"packages": {"": {"dependencies": {"a": "^1.0.0", "b": "npm:a@^2.0.0"}, "optionalDependencies": {"c": "*"}}, "node_modules/a": {"version": "1.0.0"}}}'), 2::bigint, 'the application and its one package');
SELECT results_eq($$SELECT c.name, c.requirement::text, c.text FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id WHERE k.name = 'app' ORDER BY c.clause_no$$,
    $$VALUES ('app/node_modules/a', 'npm/^1.0.0', 'a@^1.0.0'), ('app/node_modules/b', 'npm/^2.0.0', 'b@npm:a@^2.0.0')$$, 'with what it requires; what is optional and not there, it does not');
SELECT is(load_npm_lock('app', '{"packages": {"": {"dependencies": {"a": "^1.0.0", "b": "npm:a@^2.0.0"}, "optionalDependencies": {"c": "*"}}, "node_modules/a": {"version": "1.0.0"}}}'), 0::bigint, 'loaded again, nothing is new');
SELECT * FROM finish();
