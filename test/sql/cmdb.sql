-- Binding tables of a CMDB as they are: inheritance (as CMDBuild has it), partitions, composite and quoted keys.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
CREATE TABLE site (code text PRIMARY KEY, name text NOT NULL);
SELECT bind_ci_class('site', 'site', '{code}', 'name');             -- an inactive database binds nothing
\echo :LAST_ERROR_SQLSTATE
SELECT activate('cmdb.example.org');
INSERT INTO site VALUES ('ber', 'Berlin'), ('a:b\c', 'Odd: \ key');

-- Rows that are there get their stubs; a key is escaped where it must be.
SELECT bind_ci_class('site', 'site', '{code}', 'name');
SELECT label, retired_at FROM ci ORDER BY label COLLATE "C";
SELECT attribute, value FROM ci_attributes('site/a\:b\\c');
SELECT ci_attribute('site/ber', 'name');
SELECT ci_id('site/ber') = id AS same FROM ci WHERE label = 'site/ber';
SELECT ci_id('site/nowhere');
\echo :LAST_ERROR_SQLSTATE

-- The stubs follow insert, delete, revival and change of key, which keeps the item's identity.
SELECT id AS ber FROM ci WHERE label = 'site/ber' \gset
INSERT INTO site VALUES ('muc', 'München') ON CONFLICT (code) DO UPDATE SET name = excluded.name;
COPY site FROM stdin;
ham	Hamburg
\.
UPDATE site SET code = 'bln' WHERE code = 'ber';
DELETE FROM site WHERE code = 'muc';
SELECT label, retired_at IS NOT NULL AS retired FROM ci ORDER BY label COLLATE "C";
SELECT label FROM ci WHERE id = :'ber';
INSERT INTO site VALUES ('muc', 'München');
SELECT label, retired_at IS NOT NULL AS retired FROM ci WHERE label = 'site/muc';
BEGIN;
DELETE FROM site;
ROLLBACK;
SELECT count(*) FILTER (WHERE retired_at IS NULL) AS present, count(*) FROM ci;
-- two keys swapped in one statement: both items stay
ALTER TABLE site DROP CONSTRAINT site_pkey, ADD CONSTRAINT site_pkey PRIMARY KEY (code) DEFERRABLE;
UPDATE site SET code = CASE code WHEN 'ham' THEN 'muc' ELSE 'ham' END WHERE code IN ('ham', 'muc');
ALTER TABLE site DROP CONSTRAINT site_pkey, ADD CONSTRAINT site_pkey PRIMARY KEY (code);
SELECT label, retired_at IS NOT NULL AS retired FROM ci WHERE label IN ('site/ham', 'site/muc') ORDER BY label;

-- What can not be bound, with every reason.
CREATE VIEW site_view AS SELECT * FROM site;
CREATE TABLE loose (id integer, name text);
CREATE TEMP TABLE passing (id integer PRIMARY KEY, name text);
SELECT bind_ci_class('view', 'site_view', '{code}', 'name');
\echo :LAST_ERROR_SQLSTATE
SELECT bind_ci_class('loose', 'loose', '{id,code}', 'name', exempt => '{id}');
SELECT bind_ci_class('passing', 'passing', '{id}', 'name');
SELECT bind_ci_class('pg', 'pg_class', '{oid}', 'relname');
SELECT bind_ci_class('place', 'site', '{code}', 'name');
SELECT bind_ci_class('site', 'loose', '{id}', 'name');
SELECT bind_ci_class('a/b', 'loose', '{id}', 'name');
ALTER TABLE loose ADD PRIMARY KEY (id);
SELECT bind_ci_class('loose', 'loose', '{id}', 'colour');
SELECT bind_ci_class('loose', 'loose', '{id}', 'name', mode => 'strict');

-- Domains: a key is read as the base type, without the owner's constraint; what can not be read so is no key.
CREATE FUNCTION public.spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'spy runs as %', current_user; RETURN true; END $$;
CREATE DOMAIN asset_code AS text CHECK (public.spy(VALUE));
CREATE TYPE place AS (room asset_code, shelf integer);
CREATE TABLE book (code asset_code PRIMARY KEY, at place, tags asset_code[] NOT NULL UNIQUE);
SET client_min_messages = error;
INSERT INTO book VALUES ('b1', '(r1,2)', '{x}');
SET client_min_messages = warning;
SELECT bind_ci_class('book', 'book', '{code}', 'code');
SELECT * FROM ci_attributes('book/b1');
SELECT release_mgmt_internal.same_value('book/b1', 'code', 'b1', 'b2'), release_mgmt_internal.same_value('book/b1', 'at', '( r1 , 2 )', '(r1,2)'),
       release_mgmt_internal.same_value('book/b1', 'tags', '{ x }', '{x}');
CALL unbind_ci_class('book');
SELECT ungovern('book');
SELECT bind_ci_class('shelf', 'book', '{tags}', 'code');
\echo :LAST_ERROR_SQLSTATE

-- A composite key, quoted names, types whose text follows the session's settings, generated columns.
CREATE SCHEMA "My CMDB";
CREATE TABLE "My CMDB"."Network Card" (
    "Serial No" text, slot date, "select" float8, on_site text REFERENCES site, twice integer,
    four integer GENERATED ALWAYS AS (twice * 2) STORED, PRIMARY KEY ("Serial No", slot));
INSERT INTO "My CMDB"."Network Card" VALUES ('x:1', '2026-02-03', 0.1, 'bln', 2);
SET datestyle = 'German';
SELECT bind_ci_class('card', '"My CMDB"."Network Card"', '{"Serial No",slot}', 'on_site.name');
SET extra_float_digits = -10;
INSERT INTO "My CMDB"."Network Card" VALUES ('y', '03.02.2026', 1 / 3.0, 'muc', 3);
SELECT label FROM ci WHERE class = 'card' ORDER BY label;
SELECT * FROM ci_attributes('card/y:2026-02-03');
RESET datestyle;
RESET extra_float_digits;
CALL bind_ci_relation('in', 'card', '{on_site}', 'site');
SELECT * FROM ci_relation ORDER BY from_ci;
SELECT * FROM ci_relations('site/bln');
SELECT * FROM ci_relations('card/y:2026-02-03');
CALL bind_ci_relation('in', 'site', '{code}', 'card');
CALL bind_ci_relation('in', 'card', '{nothing,four}', 'rack');
\echo :LAST_ERROR_SQLSTATE

-- Inheritance: the items of the children are items of the class; a child that comes later too.
CREATE TABLE "Class" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text NOT NULL, status char NOT NULL DEFAULT 'A');
CREATE TABLE "Server" (ram integer, PRIMARY KEY (id)) INHERITS ("Class");
INSERT INTO "Server" VALUES ('00000000-0000-0000-0000-000000000001', 'srv1', 'A', 64);
SELECT bind_ci_class('asset', '"Class"', '{id}', 'code');
INSERT INTO "Server" VALUES ('00000000-0000-0000-0000-000000000002', 'srv2', 'A', 64);
CREATE TABLE "Switch" (ports integer, PRIMARY KEY (id)) INHERITS ("Class");
INSERT INTO "Switch" VALUES ('00000000-0000-0000-0000-000000000003', 'sw1', 'A', 48);
DELETE FROM "Class" WHERE code = 'srv1';
SELECT label, retired_at IS NOT NULL AS retired, ci_attribute(label, 'code') FROM ci WHERE class = 'asset' ORDER BY label;
SELECT bind_ci_class('server', '"Server"', '{id}', 'code');
CREATE TABLE "Router" (id uuid PRIMARY KEY, code text NOT NULL, status char NOT NULL);
INSERT INTO "Router" VALUES ('00000000-0000-0000-0000-000000000004', 'rt1', 'A');
ALTER TABLE "Router" INHERIT "Class";
SELECT label, ci_attribute(label, 'code') FROM ci WHERE class = 'asset' AND retired_at IS NULL ORDER BY label;

-- Partitions: also one that is attached later, with its rows.
CREATE TABLE port (device integer, no integer, label text, PRIMARY KEY (device, no)) PARTITION BY LIST (device);
CREATE TABLE port_1 PARTITION OF port FOR VALUES IN (1);
CREATE TABLE port_2 (device integer NOT NULL, label text, no integer NOT NULL, PRIMARY KEY (device, no));
INSERT INTO port VALUES (1, 1, 'one');
INSERT INTO port_2 VALUES (2, 'two', 1);
SELECT bind_ci_class('port', 'port', '{device,no}', 'label');
ALTER TABLE port ATTACH PARTITION port_2 FOR VALUES IN (2);
INSERT INTO port_2 VALUES (2, 'three', 2);
UPDATE port SET device = 2, no = 9 WHERE device = 1;
SELECT label, retired_at IS NOT NULL AS retired FROM ci WHERE class = 'port' ORDER BY label;
ALTER TABLE port DETACH PARTITION port_2;
SELECT label, retired_at IS NOT NULL AS retired FROM ci WHERE class = 'port' ORDER BY label;
SELECT bind_ci_class('port_1', 'port_1', '{device,no}', 'label');

-- The owner alters and drops his tables as before, and the extension stays whole.
ALTER TABLE "My CMDB"."Network Card" ALTER COLUMN "select" TYPE numeric, ADD COLUMN colour text DEFAULT 'green';
SELECT * FROM ci_attributes('card/y:2026-02-03');
ALTER TABLE "My CMDB"."Network Card" RENAME TO card;
-- A table goes along with its schema's name.
ALTER SCHEMA "My CMDB" RENAME TO "Our CMDB";
SELECT name, source, source_name FROM ci_class WHERE source_name ~ 'CMDB' ORDER BY name;
SELECT finding, source, key FROM verify_ledger() WHERE source = 'release_mgmt.ci_class';
ALTER SCHEMA "Our CMDB" RENAME TO "My CMDB";
SELECT source_name FROM ci_class WHERE name = 'card';
DROP SCHEMA "My CMDB" CASCADE;
DROP TABLE "Class" CASCADE;
SELECT name, source IS NULL AS unbound, (SELECT count(*) FROM ci WHERE ci.class = c.name AND retired_at IS NULL) AS items
FROM ci_class AS c ORDER BY name;
SELECT * FROM ci_relation;
SELECT * FROM ci_attributes('card/y:2026-02-03');

-- Columns that are renamed are followed; what can not be followed is told.
CREATE TABLE app (code text PRIMARY KEY, title text NOT NULL, build text, site text REFERENCES site, seen date);
INSERT INTO app VALUES ('a', 'A', '1.0', 'muc'), ('b', 'B', 'not a version', 'muc');
SELECT bind_ci_class('app', 'app', '{code}', 'title', version => 'build', scheme => 'semver', exempt => '{seen}');
CALL bind_ci_relation('in', 'app', '{site}', 'site');
SELECT class, source, mode, items, finding, detail FROM binding_status WHERE class IN ('app', 'card', 'site') ORDER BY class, finding;
ALTER TABLE app RENAME code TO id;
ALTER TABLE app RENAME build TO release;
ALTER TABLE app RENAME site TO "Site";
ALTER TABLE app RENAME seen TO last_seen;
SELECT key_columns, name_path, version_path, exempt FROM ci_class WHERE name = 'app';
SELECT * FROM ci_relations('app/a');
SELECT i.label, c.name, c.version FROM release_mgmt_internal.installed_components() AS c JOIN ci AS i ON i.id = c.ci ORDER BY 1;
-- What is installed beside a versioned item: the class, or what is on the same host.
SELECT i.label FROM release_mgmt_internal.installed_components(ci_id('app/a')) AS c JOIN ci AS i ON i.id = c.ci ORDER BY 1;
CALL bind_ci_relation('installed on', 'app', '{Site}', 'site');
UPDATE app SET "Site" = 'ham' WHERE id = 'b';
SELECT t.label AS target, i.label FROM release_mgmt_internal.installed_components(ci_id('app/a')) AS c
JOIN ci AS i ON i.id = c.ci JOIN ci AS t ON t.id = c.target ORDER BY 2;
SELECT t.label AS target, i.label FROM release_mgmt_internal.installed_components(ci_id('site/ham')) AS c
JOIN ci AS i ON i.id = c.ci JOIN ci AS t ON t.id = c.target ORDER BY 2;
UPDATE app SET "Site" = NULL WHERE id = 'b';
SELECT i.label, c.target = c.ci AS itself FROM release_mgmt_internal.installed_components(ci_id('app/b')) AS c JOIN ci AS i ON i.id = c.ci ORDER BY 1;
SELECT t.label AS target, i.label FROM release_mgmt_internal.installed_components() AS c
JOIN ci AS i ON i.id = c.ci LEFT JOIN ci AS t ON t.id = c.target ORDER BY 2;
ALTER TABLE app DISABLE TRIGGER rm_80_ci;
ALTER TABLE app DROP title, DROP last_seen;
SELECT finding, detail FROM binding_status WHERE class = 'app' ORDER BY finding, detail;
DROP TRIGGER rm_80_ci ON app;
SELECT finding, detail FROM binding_status WHERE class = 'app' AND finding LIKE 'trigger%';
ALTER TABLE app DROP id;
SELECT finding, detail FROM binding_status WHERE class = 'app' ORDER BY finding, detail;
DROP TABLE app;
SELECT finding, detail FROM binding_status WHERE class = 'app';

-- A key whose columns the index has in another order.
CREATE TABLE cord (no integer, of_host text, speed integer, PRIMARY KEY (no, of_host)) PARTITION BY LIST (of_host);
CREATE TABLE cord_a PARTITION OF cord FOR VALUES IN ('a');
CREATE TABLE cord_b PARTITION OF cord FOR VALUES IN ('b');
INSERT INTO cord VALUES (1, 'a', 10), (1, 'b', 20), (2, 'a', 30);
SELECT bind_ci_class('cord', 'cord', '{of_host,no}', 'no');
CALL sequence_ledger();
UPDATE cord SET speed = speed + 1;
UPDATE cord SET of_host = 'b' WHERE no = 2;
INSERT INTO cord VALUES (2, 'a', 31);
SELECT label FROM ci WHERE class = 'cord' ORDER BY label;
SELECT operation, changed -> 'speed' AS speed FROM history_of('cord', 'b:1');
SELECT kind, detail FROM trace_ci('cord/b:2') UNION ALL SELECT kind, detail FROM trace_ci('cord/a:2');
SELECT ci, attribute, expected, present FROM drift() WHERE ci LIKE 'cord/%';
SELECT attribute, value FROM ci_attributes('cord/b:1');
SELECT count(*) FROM verify_ledger();
SELECT finding FROM binding_status WHERE class = 'cord';
CALL unbind_ci_class('cord');
SELECT ungovern('cord');
DROP TABLE cord;

-- Types that SQL gives a length of 1 where none is stated.
CREATE TABLE jack (code char(4), mask bit(3), plug text, PRIMARY KEY (code, mask));
INSERT INTO jack VALUES ('ab', '101', 'in'), ('c', '111', 'in');
SELECT bind_ci_class('jack', 'jack', '{code,mask}', 'plug');
UPDATE jack SET plug = 'out' WHERE mask = '101';
SELECT attribute, value FROM ci_attributes('jack/ab  :101');
SELECT ci, attribute, expected, present, classification FROM drift() WHERE ci LIKE 'jack/%';
SELECT kind, detail FROM trace_ci('jack/ab  :101');
CALL unbind_ci_class('jack');

-- A relation by columns in another order, which hold no such keys; one whose link table lost a column is none, and nothing else suffers.
CREATE TABLE shelf (room text, no integer, PRIMARY KEY (room, no));
CREATE TABLE crate (id integer PRIMARY KEY, room text, no integer, upon integer);
CREATE TABLE lent (crate integer PRIMARY KEY, room text, no integer);
INSERT INTO shelf VALUES ('{a}', 1);
INSERT INTO crate VALUES (1, '{a}', 1, NULL), (2, '{a}', 1, 1);
INSERT INTO lent VALUES (2, '{a}', 1);
SELECT bind_ci_class('shelf', 'shelf', '{room,no}', 'no'), bind_ci_class('crate', 'crate', '{id}', 'id');
CALL bind_ci_relation('on', 'crate', '{no,room}', 'shelf');
CALL bind_ci_relation('on', 'crate', '{room,no}', 'shelf');
CALL bind_ci_relation('upon', 'crate', '{upon}', 'crate');
CALL bind_ci_relation('lent to', 'crate', '{crate}', 'shelf', via => 'lent', to_columns => '{room,no}');
SELECT kind, from_ci, to_ci FROM ci_relations('crate/2') ORDER BY kind;
ALTER TABLE lent RENAME no TO number;
SELECT finding, detail FROM binding_status WHERE class = 'crate';
SELECT affected, kind FROM impact_of('shelf/{a}:1') ORDER BY affected, kind;
SELECT kind, from_ci, to_ci FROM ci_relations('crate/2') ORDER BY kind;
SELECT count(*) FROM ci_relation WHERE kind IN ('on', 'upon', 'lent to');
-- The same of a column by which rows are items.
ALTER TABLE crate ADD COLUMN state text DEFAULT 'here';
SELECT bind_ci_class('crate', 'crate', '{id}', 'id', condition => 'state = ''here''');
SELECT affected, kind FROM impact_of('shelf/{a}:1') ORDER BY affected, kind;
ALTER TABLE crate DROP COLUMN state;
SELECT finding FROM binding_status WHERE class = 'crate' ORDER BY finding;
SELECT affected, kind FROM impact_of('shelf/{a}:1') ORDER BY affected, kind;
SELECT count(*) FROM ci_relation WHERE kind IN ('on', 'upon');
SELECT bind_ci_class('crate', 'crate', '{id}', 'id');
SELECT affected, kind FROM impact_of('shelf/{a}:1') ORDER BY affected, kind;
CALL unbind_ci_class('crate');
CALL unbind_ci_class('shelf');

-- Bound by a wrong key: what the refusal says frees the table, whether the class was unbound or not.
CREATE TABLE tray (id integer PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO tray VALUES (1, 'top'), (2, 'bottom');
SELECT bind_ci_class('tray', 'tray', '{name}', 'name');
SELECT bind_ci_class('tray', 'tray', '{id}', 'name');
SELECT ungovern('tray');
SELECT bind_ci_class('tray', 'tray', '{id}', 'name');
SELECT label, retired_at IS NULL AS present FROM ci WHERE class = 'tray' ORDER BY label;
SELECT finding, detail FROM binding_status WHERE class = 'tray';
CALL unbind_ci_class('tray');
SELECT bind_ci_class('tray', 'tray', '{name}', 'name');
SELECT ungovern('tray');
SELECT bind_ci_class('tray', 'tray', '{name}', 'name');
SELECT label, retired_at IS NULL AS present FROM ci WHERE class = 'tray' ORDER BY label;
SELECT govern('tray', 'observe', '{id}');
CALL unbind_ci_class('tray');
DROP TABLE tray;

-- Unbind and bind again: the items keep their identity.
CALL unbind_ci_class('site');
CALL unbind_ci_class('site');
CALL unbind_ci_class('nothing');
INSERT INTO site VALUES ('cgn', 'Köln');
SELECT count(*) FROM ci WHERE class = 'site' AND retired_at IS NULL;
SELECT bind_ci_class('site', 'site', '{code}', 'name');
SELECT bind_ci_class('site', 'site', '{code}', 'name', mode => 'warn');
SELECT label FROM ci WHERE id = :'ber' AND retired_at IS NULL;
SELECT count(*) FROM ci WHERE class = 'site' AND retired_at IS NULL;

-- Whose an item is follows its row; each sees its own. A code that is none, and what changes behind the foreign key, are findings.
CREATE TABLE tenant (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO tenant VALUES (1, 'Bakery'), (2, 'Brewery'), (3, 'Dairy');
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer'), ('Brewery', 'customer');
CREATE TABLE host (id integer PRIMARY KEY, name text, tenant_id integer REFERENCES tenant, seen date);
INSERT INTO host VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', NULL), (5, 'e', 1);
SELECT bind_ci_class('host', 'host', '{id}', 'name', exempt => '{seen,tenant_id}', organization => 'tenant_id.name');
CREATE VIEW owned AS
SELECT i.label, o.code, o.code IS NOT DISTINCT FROM (SELECT t.name FROM host AS h JOIN tenant AS t ON t.id = h.tenant_id WHERE h.id::text = i.key) AS same
FROM ci AS i LEFT JOIN organization AS o ON o.id = i.organization_id WHERE i.class = 'host' AND i.retired_at IS NULL ORDER BY i.label;
TABLE owned;
UPDATE host SET tenant_id = 2 WHERE id = 1;
UPDATE host SET tenant_id = NULL WHERE id = 2;
INSERT INTO host VALUES (6, 'f', 1);
UPDATE host SET id = 7 WHERE id = 5;
UPDATE host SET id = 5, tenant_id = 2 WHERE id = 6;
TABLE owned;
CREATE ROLE regress_cmdb_baker;
CALL grant_duty('regress_cmdb_baker', 'reader', 'Bakery');
SET ROLE regress_cmdb_baker;
SELECT label FROM ci WHERE class = 'host' ORDER BY label;
RESET ROLE;
SELECT finding, detail FROM binding_status WHERE class = 'host';
UPDATE tenant SET name = 'Cheese' WHERE id = 3;
INSERT INTO organization (code, kind) VALUES ('Cheese', 'customer');
SELECT finding, detail FROM binding_status WHERE class = 'host';
SELECT bind_ci_class('host', 'host', '{id}', 'name', exempt => '{seen,tenant_id}', organization => 'tenant_id.name');
TABLE owned;
-- A path that breaks does not stand in the owner's way.
ALTER TABLE host DROP CONSTRAINT host_tenant_id_fkey;
UPDATE host SET tenant_id = 1 WHERE id = 4;
SELECT finding, detail FROM binding_status WHERE class = 'host';
SELECT bind_ci_class('host', 'host', '{id}', 'name', organization => 'tenant_id.name');
SELECT bind_ci_class('host', 'host', '{id}', 'name');
SELECT count(*) FROM ci WHERE class = 'host' AND organization_id IS NOT NULL;

-- A link table: each of its rows is a relation.
CREATE TABLE service (code text PRIMARY KEY, title text);
CREATE TABLE runs (host integer REFERENCES host ON UPDATE CASCADE, service text REFERENCES service, PRIMARY KEY (host, service));
INSERT INTO service VALUES ('www', 'Web'), ('db', 'Database');
INSERT INTO runs VALUES (1, 'www'), (2, 'www'), (2, 'db');
SELECT bind_ci_class('service', 'service', '{code}', 'title');
CALL bind_ci_relation('runs', 'host', '{host}', 'service', via => 'runs', to_columns => '{service}');
CALL bind_ci_relation('runs', 'host', '{host}', 'service', via => 'runs', to_columns => '{service}');
SELECT * FROM ci_relation WHERE kind = 'runs' ORDER BY from_ci, to_ci;
SELECT * FROM ci_relations('host/2') ORDER BY to_ci;
SELECT * FROM impact_of('service/www') ORDER BY affected;
DELETE FROM runs WHERE host = 1;
SELECT operation, changed FROM history_of('runs', '1:www');
SELECT * FROM ci_relations('service/www');
CALL bind_ci_relation('installed on', 'host', '{host,x}', 'service', via => 'runs', to_columns => '{servic}');
CALL bind_ci_relation('runs', 'host', '{id}', 'service', to_columns => '{service}');
CREATE TABLE keyless (host integer, service text);
CALL bind_ci_relation('runs', 'host', '{host}', 'service', via => 'keyless', to_columns => '{service}');
CALL bind_ci_relation(NULL, NULL, NULL, NULL);
CALL bind_ci_relation('', 'host', '{id}', 'service');
SELECT bind_ci_class('nameless', 'keyless', NULL, '', attributes => NULL);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE runs RENAME service TO runs_service;
SELECT finding, detail FROM binding_status WHERE class = 'host';
CALL unbind_ci_relation('runs', 'host', 'service');
SET client_min_messages = notice;
CALL unbind_ci_relation('runs', 'host', 'service');
SET client_min_messages = warning;
CALL bind_ci_relation('runs', 'host', '{host}', 'service', via => 'runs', to_columns => '{runs_service}');
SELECT * FROM ci_relations('host/2') ORDER BY to_ci;
DROP TABLE runs;
SELECT finding FROM binding_status WHERE class = 'host';
SELECT count(*) FROM ci_relation_class WHERE from_class = 'host';

CALL revoke_duty('regress_cmdb_baker', 'reader', 'Bakery');
DROP EXTENSION release_mgmt CASCADE;
DROP ROLE regress_cmdb_baker;
INSERT INTO site VALUES ('dus', 'Düsseldorf');
