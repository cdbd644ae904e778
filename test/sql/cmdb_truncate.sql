-- What loads a CMDB by TRUNCATE and COPY goes on doing it outside mode enforce, and the ledger tells which rows went and came.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('truncate.example.org');
CREATE ROLE regress_truncate_etl LOGIN;
CREATE TABLE host (id integer PRIMARY KEY, name text, state text);
CREATE TABLE package (id integer PRIMARY KEY, name text);
CREATE TABLE installed (package integer REFERENCES package, host integer REFERENCES host, PRIMARY KEY (package, host));
CREATE TABLE rack (site text, n integer, PRIMARY KEY (site, n)) PARTITION BY LIST (site);
CREATE TABLE rack_a PARTITION OF rack FOR VALUES IN ('a');
CREATE TABLE rack_b PARTITION OF rack FOR VALUES IN ('b');
CREATE TABLE card (id integer PRIMARY KEY, name text);
CREATE TABLE card_child () INHERITS (card);
CREATE TABLE strict (id integer PRIMARY KEY, host integer REFERENCES host);
CREATE TABLE plain (id integer PRIMARY KEY);
CREATE TABLE shelf (site text, n integer, PRIMARY KEY (site, n)) PARTITION BY LIST (site);
CREATE TABLE shelf_a PARTITION OF shelf FOR VALUES IN ('a');
INSERT INTO host SELECT i, 'host' || i, CASE WHEN i > 4 THEN 'gone' ELSE 'up' END FROM generate_series(1, 5) AS i;
INSERT INTO package VALUES (1, 'nginx');
INSERT INTO installed VALUES (1, 1), (1, 2);
INSERT INTO rack VALUES ('a', 1), ('a', 2), ('b', 1);
INSERT INTO card VALUES (1, 'a card'), (2, 'another');
INSERT INTO card_child VALUES (3, 'a child');
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_truncate_etl;
SELECT bind_ci_class('host', 'host', '{id}', 'name', condition => 'state <> ''gone'''), bind_ci_class('package', 'package', '{id}', 'name'),
       bind_ci_class('rack', 'rack', '{site,n}', 'n', mode => 'warn'), bind_ci_class('card', 'card', '{id}', 'name'),
       bind_ci_class('strict', 'strict', '{id}', 'id', mode => 'enforce'), bind_ci_class('shelf', 'shelf', '{site,n}', 'n', mode => 'enforce'), govern('plain') IS NOT NULL AS governed;
CALL bind_ci_relation('installed on', 'package', '{package}', 'host', via => 'installed', to_columns => '{host}');
-- recorded(): what the ledger says went.
CREATE FUNCTION recorded() RETURNS TABLE (source regclass, key text, old jsonb, role text) LANGUAGE sql AS $$
    SELECT c.source, c.key, c.old, c.role FROM captured_change AS c JOIN governed_table AS g ON g.id = c.table_id AND NOT g.builtin
    WHERE c.operation = 'delete' ORDER BY c.transaction_id, c.source::text COLLATE "C", c.key COLLATE "C"
$$;

-- Not in mode enforce, nor by way of a foreign key, nor what is governed and bound to nothing.
SET ROLE regress_truncate_etl;
TRUNCATE strict;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE host CASCADE;
TRUNCATE shelf_a;
TRUNCATE plain;
RESET ROLE;
SELECT * FROM recorded();

-- One partition, one table of a tree, each with the items of its own; mode warn says so.
SET ROLE regress_truncate_etl;
BEGIN;
TRUNCATE rack;
RESET ROLE;
SELECT count(*) FROM ci WHERE class = 'rack' AND retired_at IS NULL;
ROLLBACK;
TRUNCATE rack_a;
TRUNCATE ONLY card;
RESET ROLE;
SELECT label FROM ci WHERE class IN ('rack', 'card') AND retired_at IS NULL ORDER BY label;
SET ROLE regress_truncate_etl;
TRUNCATE card;
TRUNCATE rack_a;
RESET ROLE;
SELECT label FROM ci WHERE class IN ('rack', 'card') AND retired_at IS NULL ORDER BY label;
SELECT * FROM recorded();

-- A load: emptied and filled again in one transaction. The ledger holds every row as it was.
SELECT govern('strict', 'observe') IS NOT NULL AS observed;
CREATE TABLE before AS SELECT * FROM host;
SET ROLE regress_truncate_etl;
BEGIN;
TRUNCATE host, package, installed, strict;
COPY host FROM stdin;
1	host1	up
2	another	up
6	host6	up
\.
INSERT INTO package VALUES (1, 'nginx');
INSERT INTO installed VALUES (1, 2);
COMMIT;
RESET ROLE;
SELECT c.key, c.operation, c.old FROM captured_change AS c WHERE c.source = 'host'::regclass AND c.operation <> 'baseline' ORDER BY c.key, c.seq;
SELECT b.id FROM before AS b WHERE NOT EXISTS (SELECT FROM recorded() AS r WHERE r.source = 'host'::regclass AND r.key = b.id::text
                                                AND r.old = (SELECT jsonb_object_agg(e.k, e.v) FROM jsonb_each_text(to_jsonb(b)) AS e (k, v)));
SELECT label, retired_at IS NULL AS is_there FROM ci WHERE class IN ('host', 'package') ORDER BY label;
SELECT kind, from_ci, to_ci FROM ci_relation ORDER BY 1, 2, 3;
SELECT ci, attribute, present, classification, role FROM drift() WHERE ci LIKE 'host/%';
SELECT source, count(*) FROM recorded() GROUP BY source ORDER BY source::text;
SET ROLE regress_truncate_etl;
TRUNCATE installed;
RESET ROLE;
SELECT count(*) FROM ci_relation;
SELECT DISTINCT source FROM release_mgmt_internal.source_change WHERE source IN ('host', 'public.installed', 'card', 'rack') ORDER BY source;
CALL sequence_ledger();
SELECT finding, source, key FROM verify_ledger();
DROP OWNED BY regress_truncate_etl;
DROP ROLE regress_truncate_etl;
