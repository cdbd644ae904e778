-- Planned CI changes that follow from components and targets: a component that names the item that it becomes.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_librarian;
CREATE ROLE regress_manager;
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CREATE TABLE rack (name text PRIMARY KEY);
CREATE TABLE device (name text PRIMARY KEY, firmware text, rack text REFERENCES rack);
CREATE TABLE site (name text PRIMARY KEY, edition text);
INSERT INTO rack VALUES ('r1'), ('r2');
INSERT INTO device VALUES ('edge', '1.0', 'r1'), ('core', '1.0', 'r1'), ('spare', '2.0', 'r2');
INSERT INTO site VALUES ('north', '1');
SELECT bind_ci_class('rack', 'rack', '{name}', 'name'), bind_ci_class('site', 'site', '{name}', 'name'),
       bind_ci_class('device', 'device', '{name}', 'name', version => 'firmware', scheme => 'generic');
CALL bind_ci_relation('installed on', 'device', '{rack}', 'rack');
SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/firmware@2.0') AS firmware \gset
CALL append_content(:'firmware', 'the firmware');
SELECT finish_intake(:'firmware', compute_digest('the firmware')) \g /dev/null
CALL accept_item(:'firmware');
SELECT begin_intake('pkg:generic/handbook@2', 'document') AS handbook \gset
CALL append_content(:'handbook', 'the book');
SELECT finish_intake(:'handbook', compute_digest('the book')) \g /dev/null
CALL accept_item(:'handbook');

-- The firmware of a device bears another name than the device. Its item is the target itself, or installed on the target.
SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS created;
INSERT INTO component (package_id, kind, name, item_id, ci) VALUES (package_id('PKG-1'), 'software', 'edge firmware', :'firmware', 'device/edge');
SELECT derive_ci_changes('REL-1');
SELECT add_wave('REL-1', 'all', '{device/edge}');
SELECT derive_ci_changes('REL-1');
SELECT derive_ci_changes('REL-1') AS same_again;
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change;
DELETE FROM planned_ci_change;
DELETE FROM target WHERE release_id = release_id('REL-1');
SELECT add_wave('REL-1', 'all', '{rack/r1,rack/r2}');
INSERT INTO component (package_id, kind, name, item_id, ci) VALUES (package_id('PKG-1'), 'software', 'spare firmware', :'firmware', 'device/spare');
SELECT derive_ci_changes('REL-1');
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change;

-- On other targets it is what bears its name: the package comes there too.
RESET ROLE;
CREATE TABLE part (rack text REFERENCES rack, name text, firmware text, PRIMARY KEY (rack, name));
INSERT INTO part VALUES ('r1', 'fan', '1.0'), ('r2', 'fan', '1.0'), ('r2', 'lamp', '1.0');
SELECT bind_ci_class('part', 'part', '{rack,name}', 'name', version => 'firmware', scheme => 'generic');
CALL bind_ci_relation('installed on', 'part', '{rack}', 'rack');
SET ROLE regress_manager;
DELETE FROM planned_ci_change;
INSERT INTO component (package_id, kind, name, item_id, ci) VALUES (package_id('PKG-1'), 'software', 'fan', :'firmware', 'part/r1:fan');
SELECT derive_ci_changes('REL-1');
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change ORDER BY ci;
DELETE FROM component WHERE name = 'fan';

-- What is stated stays; what can not be derived is named: nothing tells where a handbook stands in the CMDB, nor in which
-- column a site keeps its edition.
DELETE FROM planned_ci_change;
INSERT INTO planned_ci_change (release_id, ci, target, attribute, new_value) VALUES (release_id('REL-1'), 'device/edge', 'rack/r1', 'firmware', '1.5');
INSERT INTO component (package_id, kind, name, item_id) VALUES (package_id('PKG-1'), 'document', 'handbook', :'handbook');
INSERT INTO component (package_id, kind, name, item_id, ci) VALUES (package_id('PKG-1'), 'document', 'guide', :'handbook', 'site/north');
SET client_min_messages = notice;
SELECT derive_ci_changes('REL-1');
SET client_min_messages = warning;
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change;

-- Where things come together that are installed: as the list of all that is installed has it, of items of each kind.
RESET ROLE;
CREATE TABLE tool (name text PRIMARY KEY, edition text);
INSERT INTO tool VALUES ('lamp', '1'), ('saw', NULL);
INSERT INTO device VALUES ('loose', '1.0', NULL);
SELECT bind_ci_class('tool', 'tool', '{name}', 'name', version => 'edition', scheme => 'generic');
CREATE VIEW carried AS
SELECT i.label, t.label AS carrier
FROM release_mgmt_internal.installed_components() AS x JOIN ci AS i ON i.id = x.ci LEFT JOIN ci AS t ON t.id = x.target;
SELECT p.place, count(*) AS targets,
       count(*) FILTER (WHERE p.place = CASE WHEN EXISTS (SELECT FROM carried AS c WHERE c.carrier = p.target) THEN p.target
                                             ELSE coalesce((SELECT min(c.carrier) FROM carried AS c WHERE c.label = p.target),
                                                           (SELECT 'tool' FROM tool AS t WHERE 'tool/' || t.name = p.target), p.target) END) AS as_listed
FROM release_mgmt_internal.places_of(ARRAY(SELECT label FROM ci) || '{tool/new}') AS p GROUP BY p.place ORDER BY p.place COLLATE "C";

RESET ROLE;
DROP OWNED BY regress_librarian, regress_manager;
DROP ROLE regress_librarian, regress_manager;
