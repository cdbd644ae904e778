-- What a statement does to many items is judged when its row triggers have fired, and recorded at once.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
\set SHOW_CONTEXT never
CREATE TABLE rack (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL, rack integer REFERENCES rack ON UPDATE CASCADE ON DELETE CASCADE, tags text[]);
INSERT INTO rack VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO server SELECT i, 's' || i, 1 + i % 2 FROM generate_series(1, 6) AS i;
SELECT release_mgmt.bind_ci_class('rack', 'rack', '{id}', 'name', mode => 'enforce'),
       release_mgmt.bind_ci_class('server', 'server', '{id}', 'name', mode => 'enforce');

-- Two checks of the site: one is asked about each change, the other about all of a statement.
CREATE TABLE plan (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ci text, attribute text, new_value text);
CREATE FUNCTION permits_one(ci text, operation text, attribute text, old_value text, new_value text) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT p.id FROM public.plan AS p WHERE p.ci = $1 AND p.attribute IS NOT DISTINCT FROM $3 AND p.new_value IS NOT DISTINCT FROM $5 LIMIT 1);
CREATE TABLE asked (at serial, changes integer);
CREATE FUNCTION permits_many(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.asked (changes) VALUES (cardinality(ci));
    RETURN ARRAY(SELECT CASE WHEN v LIKE 'many%' THEN '00000000-0000-7000-8000-000000000001'::uuid END FROM unnest(new_value) WITH ORDINALITY AS x (v, n) ORDER BY n);
END $$;
INSERT INTO release_mgmt.registered_check (name, point, function_name, proves)
VALUES ('a_many', 'ci_change', 'public.permits_many', 'the value says so'), ('b_one', 'ci_change', 'public.permits_one', 'the site plans it');
CREATE VIEW permitted AS
SELECT i.label, p.operation, p.attribute, p.check_name, dense_rank() OVER (ORDER BY p.transaction_id) AS transaction
FROM release_mgmt.ci_change_permit AS p JOIN release_mgmt.ci AS i ON i.id = p.ci_id;
INSERT INTO plan (ci, attribute, new_value) VALUES ('server/1', 'name', 'new'), ('server/2', 'name', 'new'), ('server/3', 'name', 'new');

-- One of four rows is not permitted: nothing of the statement stays, no permit either.
UPDATE server SET name = 'new' WHERE id <= 4;
SELECT count(*) FROM server WHERE name = 'new';
SELECT count(*) FROM permitted;
UPDATE server SET name = CASE WHEN id <= 3 THEN 'new' ELSE 'many' END WHERE id <= 4;
SELECT * FROM permitted ORDER BY label;
SELECT changes FROM asked ORDER BY at;

-- A savepoint that is rolled back takes its changes along, judged or refused; what was there before stands.
BEGIN;
UPDATE server SET name = 'many 5' WHERE id = 5;
SAVEPOINT s;
UPDATE server SET name = 'many 6' WHERE id = 6;
SELECT label FROM permitted WHERE label IN ('server/5', 'server/6') ORDER BY 1;
ROLLBACK TO s;
UPDATE server SET name = 'unplanned' WHERE id = 6;
ROLLBACK TO s;
UPDATE server SET name = 'many 3' WHERE id = 3;
RELEASE s;
COMMIT;
SELECT label, attribute, transaction FROM permitted WHERE transaction > 1 ORDER BY 1;

-- Likewise an exception block, between statements and within a trigger of the same statement.
DO $$
BEGIN
    UPDATE public.server SET name = 'many 1' WHERE id = 1;
    BEGIN
        UPDATE public.server SET name = CASE id WHEN 2 THEN 'many 2' ELSE 'unplanned' END WHERE id IN (2, 6);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'caught: % (%)', SQLERRM, SQLSTATE;
    END;
END $$;
SELECT label, attribute, transaction FROM permitted WHERE transaction > 2 ORDER BY 1;
CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name NOT LIKE 'many after%' AND pg_trigger_depth() = 1 THEN
        UPDATE public.server SET name = 'many after ' || NEW.id, id = id + 10 WHERE id = NEW.id + 1;
        BEGIN
            UPDATE public.server SET name = 'unplanned' WHERE id = 6;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'caught: %', SQLERRM;
        END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER zzz AFTER UPDATE ON server FOR EACH ROW EXECUTE FUNCTION follow();
INSERT INTO plan (ci, attribute, new_value) VALUES ('server/2', 'id', '12');
UPDATE server SET name = 'many 1 again' WHERE id = 1;
-- the statement is refused after its triggers have had their say, and with them
UPDATE server SET name = 'unplanned' WHERE id = 4;
DROP TRIGGER zzz ON server;
SELECT label, attribute, transaction FROM permitted WHERE transaction > 3 ORDER BY 1, 2;
SELECT id, name FROM server ORDER BY id;

-- The actions of foreign keys are held to the rule as well, and what logical replication or a superuser's replica role writes.
UPDATE rack SET id = 9 WHERE id = 1;
INSERT INTO plan (ci, attribute, new_value) VALUES ('rack/1', 'id', '9');
UPDATE rack SET id = 9 WHERE id = 1;
INSERT INTO plan (ci, attribute, new_value) VALUES ('server/4', 'rack', '9'), ('server/6', 'rack', '9'), ('server/12', 'rack', '9');
UPDATE rack SET id = 9 WHERE id = 1;
SELECT label, attribute FROM permitted WHERE attribute IN ('id', 'rack') ORDER BY 1;
SET session_replication_role = replica;
UPDATE server SET name = 'unplanned' WHERE id = 6;
UPDATE server SET name = 'many 6' WHERE id = 6;
RESET session_replication_role;
-- a writing query within another
WITH first AS (UPDATE server SET name = 'many c' WHERE id = 3 RETURNING id), second AS (UPDATE rack SET name = 'unplanned' WHERE id = 3 RETURNING id)
SELECT * FROM first, second;
WITH first AS (UPDATE server SET name = 'many c' WHERE id = 3 RETURNING id), second AS (UPDATE rack SET name = 'many' WHERE id = 3 RETURNING id)
SELECT first.id, second.id FROM first, second;

-- More rows than are judged at once.
SELECT release_mgmt.govern('server', 'observe') \g /dev/null
INSERT INTO server SELECT i, 's' || i FROM generate_series(10001, 14200) AS i;
SELECT release_mgmt.govern('server', 'enforce') \g /dev/null
TRUNCATE asked;
UPDATE server SET name = 'many s' || id WHERE id > 10000;
SELECT changes FROM asked ORDER BY at;
SELECT count(*), count(DISTINCT label) FROM permitted WHERE label ~ '^server/1[0-9]{4}$';
UPDATE server SET name = CASE id WHEN 14150 THEN 'unplanned' ELSE 'many t' || id END WHERE id > 10000;
SELECT count(*) FROM permitted WHERE label ~ '^server/1[0-9]{4}$';

-- Permits are captured like any row, and their stubs held by the foreign key.
SELECT (SELECT count(*) FROM release_mgmt.ci_change_permit) = count(*) AS captured
FROM release_mgmt_internal.change_batch AS b CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
WHERE c.table_id = (SELECT g.id FROM release_mgmt.governed_table AS g WHERE g.source = 'release_mgmt.ci_change_permit'::regclass);
SELECT * FROM release_mgmt.verify_ledger();
\set VERBOSITY sqlstate
DELETE FROM release_mgmt.ci WHERE label = 'server/12';
\set VERBOSITY default

-- A check that is asked about many answers each.
CREATE OR REPLACE FUNCTION permits_many(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[] LANGUAGE sql
RETURN '{00000000-0000-7000-8000-000000000001}'::uuid[];
UPDATE server SET name = 'two' WHERE id IN (3, 4);
UPDATE server SET name = 'one' WHERE id = 3;
CREATE OR REPLACE FUNCTION permits_many(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[] LANGUAGE sql
RETURN CASE WHEN new_value[1] <> 'nobody' THEN array_fill('00000000-0000-7000-8000-000000000001'::uuid, ARRAY[cardinality(ci)]) END;
UPDATE server SET name = 'nobody' WHERE id IN (3, 4);

-- Changes applied by a verb: one statement for each operation, class and set of columns.
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TABLE port (device text, slot integer, speed positive, modes text[], name varchar(5), PRIMARY KEY (device, slot));
INSERT INTO port VALUES ('a:b', 1, 10, NULL, 'p1'), ('a:b', 2, 10, '{x}', 'p2');
SELECT release_mgmt.bind_ci_class('port', 'port', '{device,slot}', 'name');
CREATE FUNCTION count_statements() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% of %', TG_OP, TG_TABLE_NAME; RETURN NULL; END $$;
CREATE TRIGGER statements AFTER INSERT OR UPDATE OR DELETE ON port FOR EACH STATEMENT EXECUTE FUNCTION count_statements();
SELECT release_mgmt_internal.apply_ci_changes(
    '{"port/a\\:b:1","port/a\\:b:2","port/a\\:b:1","port/a\\:b:2","port/c:1","port/c:1","port/d:1","server/3"}',
    '{change,change,change,change,create,create,create,change}', '{speed,speed,modes,modes,speed,modes,"",name}',
    '{20,30,"{a,b}",NULL,40,"{c,NULL}",NULL,applied}');
SELECT * FROM port ORDER BY device, slot;
SELECT release_mgmt_internal.apply_ci_changes('{"port/c:1","port/d:1"}', '{retire,retire}', '{NULL,NULL}', '{NULL,NULL}', backwards => true);
-- what one statement does; the change of a column says that of the item as such, and a key has as many parts as it has
SELECT * FROM release_mgmt_internal.change_batches(
    '{port/b:2,port/a:1,port/b:2,server/3,port/a:1,port/c:1,"port/d\\:e:7",port/f,port/g:1,port/g:2:3}', '{change,change,change,retire,change,change,create,create,create,create}',
    '{speed,speed,"",NULL,name,name,"",speed,speed,speed}', '{1,2,NULL,NULL,4,5,NULL,7,NULL,9}') ORDER BY operation, class, columns;
-- all or nothing, and the one that can not be is named
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/a\\:b:2"}', '{change,change}', '{speed,speed}', '{1,-1}');
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/a\\:b:2"}', '{change,change}', '{name,name}', '{short,"too long"}');
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/z:1"}', '{change,change}', '{speed,speed}', '{1,2}');
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/z"}', '{change,change}', '{speed,speed}', '{1,2}');
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/c:1"}', '{change,change}', '{speed,speed}', '{1,2}');
CREATE RULE elsewhere AS ON UPDATE TO port WHERE old.slot = 2 DO INSTEAD NOTHING;
SELECT release_mgmt_internal.apply_ci_changes('{"port/a\\:b:1","port/a\\:b:2"}', '{change,change}', '{speed,speed}', '{1,2}');
SELECT device, slot, speed FROM port ORDER BY device, slot;

-- Whose items are is written once for each statement, by index: also of rows that came and went, moved, or changed owner again in it.
SET search_path = public, release_mgmt;
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer'), ('Brewery', 'customer');
CREATE TABLE shop (id integer PRIMARY KEY, name text NOT NULL, organization text);
SELECT bind_ci_class('shop', 'shop', '{id}', 'name', organization => 'organization');
BEGIN;
SET LOCAL track_functions = 'all';
INSERT INTO shop SELECT i, 'shop ' || i, CASE i % 2 WHEN 0 THEN 'Bakery' END FROM generate_series(1, 5000) AS i;
SELECT pg_stat_get_xact_function_calls('release_mgmt_internal.keep_owners_of(text, text[])'::regprocedure) AS written;
COMMIT;
CREATE VIEW whose AS SELECT coalesce(o.code, 'nobody') AS whose, count(*) FROM ci AS i LEFT JOIN organization AS o ON o.id = i.organization_id
WHERE i.class = 'shop' AND i.retired_at IS NULL GROUP BY 1 ORDER BY 1;
TABLE whose;
UPDATE shop SET organization = 'Brewery' WHERE id <= 10;
UPDATE shop SET id = id + 10000, organization = 'Bakery' WHERE id = 1;
WITH gone AS (DELETE FROM shop WHERE id = 2) UPDATE shop SET organization = NULL WHERE id = 4;
CREATE FUNCTION swap() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN UPDATE shop SET organization = 'Bakery' WHERE id = NEW.id AND organization = 'Brewery'; RETURN NULL; END $$;
CREATE TRIGGER swap AFTER INSERT ON shop FOR EACH ROW EXECUTE FUNCTION swap();
INSERT INTO shop VALUES (20001, 'new', 'Brewery');
TABLE whose;
SELECT i.label, o.code FROM ci AS i JOIN organization AS o ON o.id = i.organization_id WHERE i.label IN ('shop/10001', 'shop/20001', 'shop/3') ORDER BY i.label;
SELECT finding FROM binding_status WHERE class = 'shop';
