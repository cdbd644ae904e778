-- The customer drops his tables as before, and the ledger tells which rows went.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('drop.example.org');
CREATE ROLE regress_drop_app LOGIN;
CREATE ROLE regress_drop_other LOGIN;
CREATE SCHEMA app AUTHORIZATION regress_drop_app;
CREATE SCHEMA app_two AUTHORIZATION regress_drop_app;
SET ROLE regress_drop_app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok');
CREATE TABLE app.host (id integer PRIMARY KEY, name text, mood app.mood, note text);
CREATE TABLE app.package (id integer PRIMARY KEY, name text, version text);
CREATE TABLE app.installed (package integer REFERENCES app.package, host integer REFERENCES app.host, PRIMARY KEY (package, host));
CREATE TABLE app.rack (site text, n integer, name text, PRIMARY KEY (site, n)) PARTITION BY LIST (site);
CREATE TABLE app.rack_a PARTITION OF app.rack FOR VALUES IN ('a');
CREATE TABLE app.rack_b PARTITION OF app.rack FOR VALUES IN ('b') PARTITION BY RANGE (n);
CREATE TABLE app.rack_b1 PARTITION OF app.rack_b FOR VALUES FROM (0) TO (10);
CREATE TABLE app.card (id integer PRIMARY KEY, name text);
CREATE TABLE app.server (cores integer) INHERITS (app.card);
CREATE TABLE app.plain (id integer PRIMARY KEY, name text);
CREATE TABLE app.strict (id integer PRIMARY KEY, name text);
CREATE TABLE app_two.site (id integer PRIMARY KEY, name text);
CREATE TABLE app_two.top (id integer NOT NULL, name text);
CREATE TABLE app_two.room (PRIMARY KEY (id)) INHERITS (app_two.top);
INSERT INTO app.host SELECT i, 'host' || i, 'ok', CASE WHEN i > 1 THEN repeat('x', 1000 * i) END FROM generate_series(1, 3) AS i;
INSERT INTO app.package VALUES (1, 'nginx', '1.22'), (2, 'curl', '7.88');
INSERT INTO app.installed VALUES (1, 1), (2, 1), (2, 2);
INSERT INTO app.rack VALUES ('a', 1, 'a1'), ('b', 2, 'b2'), ('b', 3, 'b3');
INSERT INTO app.card VALUES (1, 'a card');
INSERT INTO app.server VALUES (2, 'a server', 8), (3, 'another', 16);
INSERT INTO app.plain VALUES (1, 'plain');
INSERT INTO app.strict VALUES (1, 'strict');
INSERT INTO app_two.site VALUES (1, 'site');
INSERT INTO app_two.room VALUES (1, 'room');
RESET ROLE;
SELECT bind_ci_class('host', 'app.host', '{id}', 'name'), bind_ci_class('package', 'app.package', '{id}', 'name', version => 'version', scheme => 'deb'),
       bind_ci_class('rack', 'app.rack', '{site,n}', 'name', mode => 'warn'), bind_ci_class('card', 'app.card', '{id}', 'name'),
       bind_ci_class('strict', 'app.strict', '{id}', 'name', mode => 'enforce'), bind_ci_class('site', 'app_two.site', '{id}', 'name'),
       bind_ci_class('room', 'app_two.room', '{id}', 'name');
CALL bind_ci_relation('installed on', 'package', '{package}', 'host', via => 'app.installed', to_columns => '{host}');
SELECT govern('app.plain') IS NOT NULL AS governed;

-- What goes is kept beside, and compared with what the ledger says went.
CREATE TABLE gone (source text, key text, content jsonb);
INSERT INTO gone
SELECT 'app.host', id::text, to_jsonb(h) FROM app.host AS h UNION ALL SELECT 'app.package', id::text, to_jsonb(p) FROM app.package AS p
UNION ALL SELECT 'app.installed', package || ':' || host, to_jsonb(i) FROM app.installed AS i UNION ALL SELECT 'app.rack', site || ':' || n, to_jsonb(r) FROM app.rack AS r
UNION ALL SELECT 'app.card', id::text, to_jsonb(c) FROM app.card AS c UNION ALL SELECT 'app_two.site', id::text, to_jsonb(s) FROM app_two.site AS s
UNION ALL SELECT 'app_two.room', id::text, to_jsonb(r) FROM app_two.room AS r;
CREATE TABLE named AS SELECT DISTINCT v.table_id, v.source FROM table_version AS v JOIN governed_table AS g ON g.id = v.table_id WHERE NOT g.builtin;
-- recorded(): the tables of which something went, and whether the ledger holds exactly what did.
CREATE FUNCTION recorded() RETURNS TABLE (source text, rows bigint, exactly boolean, governed boolean, role text) LANGUAGE sql AS $$
    SELECT n.source, count(*), bool_and(g.content IS NOT NULL AND d.old @> (SELECT coalesce(jsonb_object_agg(k, v), '{}') FROM jsonb_each_text(g.content) AS e (k, v) WHERE v IS NOT NULL)),
           EXISTS (SELECT FROM governed_table AS t WHERE t.id = n.table_id), min(d.role)
    FROM named AS n JOIN captured_change AS d ON d.table_id = n.table_id AND d.operation = 'delete'
    LEFT JOIN gone AS g ON g.source = n.source AND g.key = d.key
    GROUP BY n.source, n.table_id ORDER BY n.source
$$;

-- Who may not, may not.
SET ROLE regress_drop_other;
DROP TABLE app.host;
DROP SCHEMA app_two CASCADE;
RESET ROLE;
SET ROLE regress_drop_app;
-- What depends on it stands in the way as ever, and nothing has happened.
DROP TABLE app.host;
DROP TABLE app.package, nowhere.host;
DROP TABLE IF EXISTS app.nothing, nowhere.host;
DO $$ BEGIN DROP TABLE app.card CASCADE; RAISE EXCEPTION 'changed my mind'; EXCEPTION WHEN raise_exception THEN NULL; END $$;
BEGIN;
DROP TABLE app.host CASCADE;
ROLLBACK;
RESET ROLE;
SELECT * FROM recorded();
SELECT count(*) FILTER (WHERE retired_at IS NULL) AS items, count(*) AS stubs FROM ci WHERE class IN ('host', 'package', 'card', 'rack');
SELECT class, finding FROM binding_status WHERE finding NOT IN ('ok', 'columns not recorded');

-- A partition and a child; what is below a partition that goes, goes too.
SET ROLE regress_drop_app;
DROP TABLE app.rack_b;
DROP TABLE app.server;
RESET ROLE;
SELECT * FROM recorded();
SELECT label FROM ci WHERE class IN ('rack', 'card') AND retired_at IS NULL ORDER BY label;
-- A table, with what refers to it; a link table.
SET ROLE regress_drop_app;
DROP TABLE app.installed;
DROP TABLE app.host, app.package CASCADE;
RESET ROLE;
SELECT count(*) FROM ci_relation_class;
SELECT * FROM recorded();
-- Not in mode enforce, nor what is governed and bound to nothing.
SET ROLE regress_drop_app;
DROP TABLE app.strict;
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA app CASCADE;
DROP TABLE app.plain;
\echo :LAST_ERROR_SQLSTATE
-- By way of a function of the owner's, of an ancestor that is bound to nothing, of the schema, of the owner.
CREATE FUNCTION app_two.clear() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DROP TABLE app_two.site';
GRANT USAGE ON SCHEMA app_two TO regress_drop_other;
SET ROLE regress_drop_other;
SELECT app_two.clear();
SET ROLE regress_drop_app;
DROP TABLE app_two.top CASCADE;
DROP SCHEMA app_two CASCADE;
RESET ROLE;
SELECT govern('app.strict', 'observe') IS NOT NULL AS observed, ungovern('app.plain');
SET ROLE regress_drop_app;
DROP OWNED BY regress_drop_app CASCADE;
RESET ROLE;
INSERT INTO gone VALUES ('app.strict', '1', '{"id": 1, "name": "strict"}');
SELECT * FROM recorded();
SELECT label FROM ci WHERE retired_at IS NULL AND class <> 'person' ORDER BY label;
SELECT class, finding FROM binding_status ORDER BY class;
SELECT source FROM governed_table WHERE NOT builtin;
CALL sequence_ledger();
SELECT finding, source, key FROM verify_ledger();

-- A table that comes again is bound again, and its items are the same ones.
CREATE TABLE host (id integer PRIMARY KEY, name text);
INSERT INTO host VALUES (1, 'again');
SELECT bind_ci_class('host', 'host', '{id}', 'name');
SELECT label, retired_at IS NULL AS is_there FROM ci WHERE class = 'host' ORDER BY label;
-- A superuser's goes the same way, in mode enforce not: that is found.
DROP TABLE host;
SELECT finding, source FROM verify_ledger();
SELECT count(*) FROM captured_change AS c WHERE c.operation = 'delete' AND c.old ->> 'name' = 'again';
CREATE TABLE host (id integer PRIMARY KEY, name text);
SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce');
DROP TABLE host;
SELECT finding FROM verify_ledger();
DROP ROLE regress_drop_app, regress_drop_other;
