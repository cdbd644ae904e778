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
-- A name that no row would have is none: another number of parts, not as the column writes it, not as a part is escaped.
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/07:mail', 'create', 'workers', '1');
\set VERBOSITY terse
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7', 'create', 'workers', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:a:b', 'create', 'workers', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/x:mail', 'create', 'workers', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:a\b', 'create', 'workers', '1');
\set VERBOSITY default
BEGIN;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:a\\b\:c', 'create', 'workers', '1') RETURNING ci, target;
ROLLBACK;
-- What is exempt changes without a plan; an item is created with it.
RESET ROLE;
BEGIN;
SELECT bind_ci_class('service', 'service', key => '{site,name}', name => 'name', exempt => '{since}');
SET LOCAL ROLE regress_manager;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:mail', 'create', 'since', '20260301') RETURNING ci, attribute, new_value;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'since', '20260301');
ROLLBACK;
SET ROLE regress_manager;
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'service/7:web', 'retire');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'service/7:db', 'retire');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'service/7:db', 'workers', '1');

-- The trigger completes what is right by itself; the function that it leaves the rest to, and never asks of these rows, says the same of
-- every one of them: of plain tables, partitions, tables that inherit or hold history, of a key, of what is on several others.
RESET ROLE;
CREATE TABLE box (code text PRIMARY KEY, site integer REFERENCES site, label text, room numeric(4,1), spare_site integer REFERENCES site);
CREATE TABLE part (code integer, half integer, size numeric(6,2), PRIMARY KEY (code, half)) PARTITION BY LIST (half);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
CREATE TABLE asset (code text PRIMARY KEY, note varchar(9), gone integer, rack text, old_site integer, number integer GENERATED BY DEFAULT AS IDENTITY);
CREATE TABLE asset_rack (height integer, number integer GENERATED BY DEFAULT AS IDENTITY, PRIMARY KEY (code)) INHERITS (asset);
CREATE TABLE asset_blade (slot integer, number integer DEFAULT 1) INHERITS (asset_rack);
ALTER TABLE asset DROP COLUMN gone;
CREATE TABLE tool (code text NOT NULL, status char NOT NULL DEFAULT 'A', note text);
CREATE TABLE tool_history (until date) INHERITS (tool);
CREATE UNIQUE INDEX ON tool (code);
CREATE TABLE placed (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tool text, asset text, status char NOT NULL DEFAULT 'A');
INSERT INTO tool VALUES ('t1', 'A', 'present'), ('t2', 'A', NULL);
INSERT INTO tool_history VALUES ('t1-1', 'U', 'former', '2025-01-01'), ('t2-1', 'N', NULL, '2025-01-01');
INSERT INTO placed (tool, asset, status) VALUES ('t1', 'b', 'N'), ('t1', 'r1', 'A'), ('t1', 'r:2', 'A'), ('t1', 'nowhere', 'A'), ('t2', NULL, 'A');
CREATE DOMAIN event_id AS bigint CHECK (VALUE > 0);
CREATE TABLE event (id event_id, at date, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (id);
CREATE TABLE event_2025_0 (what text, at date NOT NULL, id event_id NOT NULL);
ALTER TABLE event_2025 ATTACH PARTITION event_2025_0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE event_2025_1 PARTITION OF event_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE event_rest PARTITION OF event DEFAULT;
INSERT INTO event SELECT i, '2025-06-01', 'e' || i FROM generate_series(1, 6) AS i;
INSERT INTO event VALUES (7, '2024-02-29', NULL);
INSERT INTO asset (code, note, rack) VALUES ('a', 'plain', NULL), ('d', 'plain', 'r1');
INSERT INTO asset_rack (code, note, height) VALUES ('r1', 'rack', 42), ('r:2', NULL, 7);
INSERT INTO asset_blade (code, note, rack, old_site, height, slot) VALUES ('b', 'blade', 'r:2', 7, 1, 3), ('c', 'blade', 'nowhere', NULL, 1, 3);
INSERT INTO box VALUES ('a', 7, 'old', 1), ('b:c\d', NULL, NULL, 2), ('gone', 7, NULL, 3);
INSERT INTO box VALUES ('c', 7, 'old', 4, 7), ('d', 7, 'old', 4, 7);
INSERT INTO part VALUES (1, 1, 1.5), (2, 2, NULL);
SELECT bind_ci_class('box', 'box', key => '{code}', name => 'code'), bind_ci_class('part', 'part', key => '{code,half}', name => 'code');
CALL bind_ci_relation('installed on', 'box', '{site}', 'site');
CALL bind_ci_relation('installed on', 'box', '{spare_site}', 'site');
SELECT bind_ci_class('asset', 'asset', key => '{code}', name => 'code'), bind_ci_class('event', 'event', key => '{id,at}', name => 'what');
CALL bind_ci_relation('installed on', 'asset', '{rack}', 'asset');
CALL bind_ci_relation('installed on', 'asset', '{old_site}', 'site');
SELECT bind_ci_class('tool', 'tool', key => '{code}', name => 'code', condition => $$status = 'A'$$);
CALL bind_ci_relation('installed on', 'tool', '{tool}', 'asset', via => 'placed', to_columns => '{asset}', condition => $$status = 'A'$$);
DELETE FROM box WHERE code = 'gone';
SET track_functions = 'pl';
SET ROLE regress_manager;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
BEGIN;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-2'), v.* FROM (VALUES
    ('box/a', 'change', 'label', 'new'), ('box/a', 'change', 'room', '2'), ('box/b\:c\\d', 'change', 'label', 'new'), ('box/b\:c\\d', 'change', 'room', NULL),
    ('box/c', 'change', 'label', 'new'), ('box/gone', 'create', 'code', 'gone'), ('box/gone', 'create', 'room', '04'), ('part/1:1', 'change', 'size', '2'), ('part/2:2', 'retire', '', NULL), ('site/7', 'change', 'name', 'VII'),
    ('box/a', 'change', 'code', 'aa'), ('part/1:1', 'change', 'half', '02'), ('part/3:2', 'create', 'code', '3'), ('part/3:2', 'create', 'half', '2'),
    ('part/3:2', 'create', 'size', '3.1'), ('box/c', 'change', 'site', NULL), ('asset/a', 'change', 'note', 'n'), ('asset/r1', 'change', 'note', NULL), ('asset/r\:2', 'change', 'note', 'high'),
    ('asset/b', 'change', 'number', '07'), ('asset/b', 'change', 'code', 'b'), ('asset/c', 'change', 'note', 'c'), ('asset/new', 'create', 'code', 'new'), ('asset/new', 'create', 'number', '5'),
    ('event/1:2025-06-01', 'change', 'what', 'changed'), ('event/2:2025-06-01', 'change', 'what', NULL), ('event/6:2025-06-01', 'change', 'at', '20250701'),
    ('tool/t1', 'change', 'note', 'new'), ('tool/t1', 'change', 'status', 'B'), ('event/7:2024-02-29', 'change', 'what', '7'), ('event/8:2026-01-01', 'create', 'at', '1 Jan 2026')) AS v;
INSERT INTO planned_ci_change (release_id, ci, operation)
SELECT release_id('REL-2'), v.ci, 'retire' FROM (VALUES ('event/3:2025-06-01'), ('box/d'), ('asset/d'), ('tool/t2')) AS v (ci);
UPDATE planned_ci_change SET target = NULL WHERE ci IN ('asset/b', 'box/c');
RESET ROLE;
SELECT coalesce(pg_stat_get_xact_function_calls('release_mgmt_internal.state_ci_change(planned_ci_change)'::regprocedure), 0) AS asked;
COMMIT;
SET ROLE regress_manager;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-2'), v.* FROM (VALUES ('part/3:1', 'create', 'size', '1'), ('part/3:1', 'retire', '', NULL)) AS v;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'box/gone', 'label', 'x');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-2'), 'box/e', 'label', 'x');
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
