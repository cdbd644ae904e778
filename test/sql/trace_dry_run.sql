-- The dry run of many changes of which some fail: tried all at once, then by halves; what it says of each item is what trying one
-- item after the other says.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CALL grant_duty('regress_manager', 'release manager', 'Provider');

-- Three constraints, and a trigger that keeps a value of its own; the statements that reach the table are counted where no
-- rollback takes them back.
CREATE TABLE rack (name text PRIMARY KEY);
CREATE TABLE device (id integer PRIMARY KEY, rack text REFERENCES rack, ram integer CHECK (ram < 1000), serial text UNIQUE);
INSERT INTO rack VALUES ('a');
INSERT INTO device SELECT i, 'a', 1, 's' || i FROM generate_series(1, 1000) AS i;
CREATE TABLE copy (LIKE device INCLUDING ALL);
ALTER TABLE copy ADD FOREIGN KEY (rack) REFERENCES rack;
INSERT INTO copy TABLE device;
CREATE FUNCTION keep_round() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.ram = 13 THEN NEW.ram := 14; END IF; RETURN NEW; END $$;
CREATE TRIGGER keep_round BEFORE INSERT OR UPDATE ON device FOR EACH ROW EXECUTE FUNCTION keep_round();
CREATE SEQUENCE attempt;
CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM nextval('public.attempt'); RETURN NULL; END $$;
CREATE TRIGGER count_attempt BEFORE INSERT OR UPDATE OR DELETE ON device FOR EACH STATEMENT EXECUTE FUNCTION count_attempt();
SELECT bind_ci_class('rack', 'rack', '{name}', 'name'), bind_ci_class('device', 'device', '{id}', 'serial');

SET ROLE regress_manager;
SELECT create_release('REL-1', 'minor') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value)
SELECT release_id('REL-1'), 'device/' || i, 'change', c.attribute,
       CASE WHEN c.attribute = 'ram' THEN CASE i WHEN 7 THEN '1000' WHEN 8 THEN '1001' WHEN 500 THEN '13' WHEN 777 THEN '5000' ELSE '2' END
            ELSE CASE i WHEN 20 THEN 's30' ELSE 't' || i END END
FROM generate_series(1, 990) AS i, (VALUES ('ram'), ('serial')) AS c (attribute);
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES
    (release_id('REL-1'), 'device/2000', 'create', 'rack', 'b'), (release_id('REL-1'), 'device/2000', 'create', 'serial', 'new'),
    (release_id('REL-1'), 'device/2001', 'create', 'rack', 'nowhere'), (release_id('REL-1'), 'device/2002', 'create', 'rack', 'a'),
    (release_id('REL-1'), 'rack/b', 'create', 'name', 'b');
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'rack/a', 'retire'), (release_id('REL-1'), 'device/1000', 'retire');
CREATE TEMP TABLE told AS SELECT * FROM dry_run('REL-1');
SELECT outcome, count(*) FROM told GROUP BY outcome ORDER BY outcome;
SELECT ci, attribute, outcome, message FROM told WHERE outcome <> 'applied' ORDER BY ci COLLATE "C", attribute;
GRANT SELECT ON told TO PUBLIC;
RESET ROLE;

-- The same, as one statement after the other meets it in a table that is not governed; but for the trigger, which is on the other
-- table alone, and the rack, which is not retired here.
CREATE TEMP TABLE typed (ci text, message text);
DO $$
DECLARE
    item record;
    detail text;
BEGIN
    FOR item IN
        SELECT ci, operation, substr(ci, strpos(ci, '/') + 1) AS key, jsonb_object_agg(attribute, new_value) AS v
        FROM planned_ci_change WHERE ci LIKE 'device/%'
        GROUP BY ci, operation ORDER BY array_position('{create,change,retire}', operation), ci COLLATE "C"
    LOOP
        BEGIN
            IF item.operation = 'create' THEN
                INSERT INTO copy VALUES (item.key::integer, item.v ->> 'rack', NULL, item.v ->> 'serial');
            ELSIF item.operation = 'change' THEN
                UPDATE copy SET ram = (item.v ->> 'ram')::integer, serial = item.v ->> 'serial' WHERE id = item.key::integer;
            ELSE
                DELETE FROM copy WHERE id = item.key::integer;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            INSERT INTO typed VALUES (item.ci, replace(sqlerrm || ': ' || detail, 'copy', 'device'));
        END;
    END LOOP;
END $$;
SELECT coalesce(told.ci, typed.ci) AS ci, told.message AS told, typed.message AS typed
FROM (SELECT DISTINCT ci, message FROM told WHERE outcome = 'failed') AS told FULL JOIN typed ON typed.ci = told.ci
WHERE told.message IS DISTINCT FROM typed.message ORDER BY 1;
-- Each failure costs two attempts for each time that the items can be halved, at most, beside the one of all.
SELECT a.last_value <= 1 + 2 * t.failed * ceil(log(2, t.items)) AS by_halves
FROM attempt AS a, (SELECT count(DISTINCT ci) AS items, count(DISTINCT ci) FILTER (WHERE outcome = 'failed') AS failed FROM told) AS t;

-- Nothing is left, and a release that plans nothing says nothing.
SELECT count(*), min(ram), max(ram) FROM device;
SET ROLE regress_manager;
SELECT create_release('REL-2', 'minor') IS NOT NULL AS created;
SELECT * FROM dry_run('REL-2');
RESET ROLE;
DROP OWNED BY regress_manager;
DROP ROLE regress_manager;
