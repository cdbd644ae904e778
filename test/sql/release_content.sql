-- What a package must contain: components tied as their kinds need, and what its release unit brings together.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_librarian;
CREATE ROLE regress_manager;
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CREATE TABLE server (name text PRIMARY KEY, app_version text);
INSERT INTO server VALUES ('alpha', '1.0'), ('beta', '1.0');
CREATE TABLE router (name text PRIMARY KEY, firmware text);
INSERT INTO router VALUES ('edge', '1');
CREATE TABLE manual (name text PRIMARY KEY, edition text);
INSERT INTO manual VALUES ('handbook', '1');
SELECT bind_ci_class('server', 'server', '{name}', 'name'), bind_ci_class('router', 'router', '{name}', 'name'), bind_ci_class('manual', 'manual', '{name}', 'name');
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/app@2.0') AS app \gset
CALL append_content(:'app', 'the program');
SELECT finish_intake(:'app', compute_digest('the program')) \g /dev/null
CALL accept_item(:'app');
SELECT begin_intake('pkg:generic/handbook@2', 'document') AS handbook \gset
CALL append_content(:'handbook', 'the book');
SELECT finish_intake(:'handbook', compute_digest('the book')) \g /dev/null
CALL accept_item(:'handbook');

-- A unit is made of classes that exist.
SET ROLE regress_manager;
INSERT INTO release_unit (code, ci_classes, extent) VALUES ('bad', '{server,moon,router,server}', 'full');
INSERT INTO release_unit (code, ci_classes, extent) VALUES ('site', '{server,router}', 'full'), ('patch', '{server,router}', 'delta'), ('bundle', '{server,router}', 'package');

-- A component that is no item and no CI is nothing; hardware names its CI; a component is of its item's kind.
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1', unit => 'site') IS NOT NULL AS created;
\set VERBOSITY terse
INSERT INTO component (package_id, kind, name) VALUES (package_id('PKG-1'), 'software', 'nothing');
\set VERBOSITY default
INSERT INTO component (package_id, kind, name, item_id) VALUES (package_id('PKG-1'), 'hardware', 'router', :'app');
INSERT INTO component (package_id, kind, name, item_id) VALUES (package_id('PKG-1'), 'document', 'app', :'app');
INSERT INTO component (package_id, kind, name, item_id, ci) VALUES (package_id('PKG-1'), 'hardware', 'edge', :'handbook', 'router/edge');
-- The digest is the item's, whatever is written, and stays when the rest is edited.
INSERT INTO component (package_id, kind, name, item_id, digest) VALUES (package_id('PKG-1'), 'software', 'app', :'app', compute_digest('forged'));
UPDATE component SET digest = compute_digest('forged'), related_reason = 'runs on every server' WHERE name = 'app';
SELECT name, version, digest = compute_digest('the program') AS its_own, related_reason FROM component;

-- What is to come may be named by its CI meanwhile, but is not sealed so.
INSERT INTO component (package_id, kind, name, ci, related_reason) VALUES
    (package_id('PKG-1'), 'document', 'handbook', 'manual/handbook', 'describes the program'), (package_id('PKG-1'), 'data', 'prices', 'server/beta', 'used by the program'),
    (package_id('PKG-1'), 'hardware', 'edge', 'router/edge', 'carries it'), (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha', 'runs it');
RESET ROLE;
SELECT met, missing, evidence FROM release_mgmt_internal.check_components_tied(release_id('REL-1'));
SELECT met, missing FROM release_mgmt_internal.check_unit_stated(release_id('REL-1'));
SET ROLE regress_manager;
SELECT seal_package('PKG-1');
-- Nor by a plain UPDATE of the owner.
RESET ROLE;
UPDATE release_package SET manifest = 'm', digest = compute_digest('m'), sealed_at = now();
SET ROLE regress_manager;
DELETE FROM component WHERE name = 'prices';
UPDATE component SET item_id = :'handbook' WHERE name = 'handbook';
SELECT seal_package('PKG-1');
UPDATE component SET ci = NULL WHERE name = 'handbook';
-- In full is every class of the unit.
BEGIN;
DELETE FROM component WHERE name = 'edge';
SELECT seal_package('PKG-1');
ROLLBACK;
SELECT seal_package('PKG-1') IS NOT NULL AS sealed;
RESET ROLE;
SELECT met, missing, evidence FROM release_mgmt_internal.check_components_tied(release_id('REL-1'));
SELECT met, missing, evidence FROM release_mgmt_internal.check_unit_stated(release_id('REL-1'));
-- A unit of which a package is sealed stands still.
UPDATE release_unit SET extent = 'delta' WHERE code = 'site';
UPDATE release_unit SET ci_classes = '{router}' WHERE code = 'site';

-- A delta is some of the classes, and nothing else; a package is every class, and what belongs to it.
SET ROLE regress_manager;
SELECT create_release('REL-2', 'minor') IS NOT NULL, create_release('REL-3', 'minor') IS NOT NULL;
SELECT create_package('PKG-2', release => 'REL-2', unit => 'patch') IS NOT NULL, create_package('PKG-3', release => 'REL-3', unit => 'bundle') IS NOT NULL;
INSERT INTO component (package_id, kind, name, item_id, ci) SELECT package_id(p), 'document', 'handbook', :'handbook', 'manual/handbook' FROM unnest('{PKG-2,PKG-3}'::text[]) AS p;
SELECT seal_package('PKG-2');
SELECT seal_package('PKG-3');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id(r), 'server/alpha', 'app_version', '2.0' FROM unnest('{REL-2,REL-3}'::text[]) AS r;
SELECT seal_package('PKG-2');
SELECT seal_package('PKG-3');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-3'), 'router/edge', 'firmware', '2');
SELECT seal_package('PKG-3') IS NOT NULL AS sealed;
UPDATE component SET ci = NULL WHERE name = 'handbook' AND package_id = package_id('PKG-2');
SELECT seal_package('PKG-2') IS NOT NULL AS sealed;
SELECT missing FROM obligation_status WHERE clause = '1.10' ORDER BY release;
SELECT missing FROM obligation_status WHERE clause = '3' ORDER BY release;

RESET ROLE;
DROP OWNED BY regress_librarian, regress_manager;
DROP ROLE regress_librarian, regress_manager;
