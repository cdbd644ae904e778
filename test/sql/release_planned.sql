-- Planned changes of configuration items: a value that the column can take, kept as the column writes it; what is planned is what is installed.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE TABLE site (code integer, name varchar(5) NOT NULL, PRIMARY KEY (code));
CREATE TABLE service (
    site integer, name text, tags text[], conf jsonb, note json, workers integer, since date, price numeric(4,1), live boolean, key bytea, feeling mood,
    spare integer GENERATED ALWAYS AS (workers * 2) STORED, number integer GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (site, name));
INSERT INTO site VALUES (7, 'seven');
INSERT INTO service (site, name, tags, conf, workers) VALUES (7, 'web', '{a,"b c",NULL}', '{"s": "it''s \"q\""}', 5), (7, 'db', NULL, NULL, NULL);
SELECT bind_ci_class('site', 'site', key => '{code}', name => 'name', mode => 'enforce');
SELECT bind_ci_class('service', 'service', key => '{site,name}', name => 'name', mode => 'enforce');

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value)
SELECT release_id('REL-1'), 'service/7:web', v.attribute, v.new_value
FROM (VALUES ('tags', '{ x , "y z", null, "it''s \"q\"" }'), ('conf', '{"b":  1, "a": [null, "it''s"], "b": 2}'), ('note', '{"b":  1}'), ('workers', ' 007'), ('since', '20260301'),
             ('price', '1.25'), ('live', 'yes'), ('key', '\xFF00'), ('feeling', NULL)) AS v (attribute, new_value);
SELECT attribute, old_value, new_value FROM planned_ci_change ORDER BY attribute;

-- What the column can not take is refused when it is planned, not in the change window.
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'workers', 'five');
\set VERBOSITY terse
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'tags', '{a');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'conf', '{a: 1}');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'since', '2026-13-32');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'price', '1000');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'feeling', 'angry');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'site/7', 'name', 'eleven');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'site/7', 'name', NULL);
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'spare', '4');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'number', '4');
UPDATE planned_ci_change SET new_value = 'many' WHERE attribute = 'workers';
\set VERBOSITY default

-- An item that is created has the key that its name says; one that is retired is not changed as well.
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:mail', 'create', 'site', '8');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:mail', 'create', 'site', '07');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'service/7:web', 'retire');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'service/7:db', 'retire');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'workers', '1');

-- The trigger completes a row by itself where it can; the function that it leaves the rest to says the same of every row.
RESET ROLE;
CREATE TABLE box (code text PRIMARY KEY, site integer REFERENCES site, label text, room numeric(4,1), spare_site integer REFERENCES site);
CREATE TABLE part (code integer, half integer, size numeric(6,2), PRIMARY KEY (code, half)) PARTITION BY LIST (half);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
INSERT INTO box VALUES ('a', 7, 'old', 1), ('b:c\d', NULL, NULL, 2), ('gone', 7, NULL, 3);
INSERT INTO box VALUES ('c', 7, 'old', 4, 7);
INSERT INTO part VALUES (1, 1, 1.5), (2, 2, NULL);
SELECT bind_ci_class('box', 'box', key => '{code}', name => 'code'), bind_ci_class('part', 'part', key => '{code,half}', name => 'code');
CALL bind_ci_relation('installed on', 'box', '{site}', 'site');
CALL bind_ci_relation('installed on', 'box', '{spare_site}', 'site');
DELETE FROM box WHERE code = 'gone';
SET ROLE regress_manager;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-2'), v.* FROM (VALUES
    ('box/a', 'change', 'label', 'new'), ('box/a', 'change', 'room', '2'), ('box/b\:c\\d', 'change', 'label', 'new'), ('box/b\:c\\d', 'change', 'room', NULL),
    ('box/c', 'change', 'label', 'new'), ('box/gone', 'create', 'code', 'gone'), ('box/gone', 'create', 'room', '04'), ('part/1:1', 'change', 'size', '2'), ('part/2:2', 'retire', '', NULL), ('site/7', 'change', 'name', 'VII')) AS v;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-2'), v.* FROM (VALUES ('part/3:1', 'create', 'size', '1'), ('part/3:1', 'retire', '', NULL)) AS v;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'box/gone', 'label', 'x');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'box/d', 'label', 'x');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'box/a', 'colour', 'x');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'crate/a', 'label', 'x');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-2'), 'box/a', 'create', 'label', 'x');
RESET ROLE;
SELECT x.ci, x.operation, x.attribute, x.target, x.old_value, x.new_value,
       release_mgmt_internal.state_ci_change(ROW(x.id, x.release_id, x.ci, NULL, x.operation, x.attribute, NULL, x.new_value)) IS NOT DISTINCT FROM x AS is_same
FROM planned_ci_change AS x ORDER BY x.ci, x.attribute;

-- The dry run applies exactly these.
SET ROLE regress_manager;
SELECT ci, attribute, old_value, new_value, outcome FROM dry_run('REL-1') ORDER BY ci, attribute;
RESET ROLE;
DROP OWNED BY regress_manager;
DROP ROLE regress_manager;
