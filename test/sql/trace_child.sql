-- A release creates items in the tables that inherit from the one a class is bound to, and retires them there: the plan states the table,
-- the guard holds everybody to it, and what is taken back comes back in it as it was.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_child_rm;
CREATE ROLE regress_child_op;
CALL grant_duty('regress_child_rm', 'release manager', 'Provider');
CALL grant_duty('regress_child_op', 'operator', 'Provider');
CREATE SCHEMA "Net work";
CREATE TABLE device (id integer PRIMARY KEY, name text NOT NULL, state text DEFAULT 'active');
CREATE TABLE "Net work"."Switch" (ports integer NOT NULL, poe boolean DEFAULT true, half integer GENERATED ALWAYS AS (ports / 2) STORED, seen integer DEFAULT 0, PRIMARY KEY (id)) INHERITS (device);
CREATE TABLE stack (members numeric(4,1), PRIMARY KEY (id)) INHERITS ("Net work"."Switch");
CREATE TABLE rack (height integer, PRIMARY KEY (id)) INHERITS (device);
INSERT INTO device VALUES (1, 'patch panel', 'active'), (6, 'bare', NULL);
INSERT INTO "Net work"."Switch" (id, name, state, ports, poe, seen) VALUES (2, 'access', NULL, 24, NULL, 7), (20, 'moves', 'active', 24, true, 0);
INSERT INTO stack (id, name, ports, members) VALUES (3, 'core', 48, 2);
INSERT INTO rack VALUES (4, 'left', 'active', 42), (5, 'right', 'active', NULL);
GRANT ALL ON ALL TABLES IN SCHEMA public, "Net work" TO regress_child_op;
GRANT USAGE ON SCHEMA "Net work" TO regress_child_op;
SELECT bind_ci_class('device', 'device', '{id}', 'name', mode => 'enforce', exempt => '{seen}');
CREATE FUNCTION rows() RETURNS TABLE (is_in regclass, held jsonb) LANGUAGE sql AS $$
    SELECT 'device'::regclass, to_jsonb(d) FROM ONLY device AS d UNION ALL SELECT '"Net work"."Switch"', to_jsonb(s) FROM ONLY "Net work"."Switch" AS s
    UNION ALL SELECT 'stack', to_jsonb(t) FROM stack AS t UNION ALL SELECT 'rack', to_jsonb(r) FROM rack AS r
$$;
CREATE TABLE before AS SELECT * FROM rows();
CREATE VIEW otherwise AS
    (SELECT 'was' AS how, b.* FROM before AS b EXCEPT SELECT 'was', r.* FROM rows() AS r)
    UNION ALL
    (SELECT 'is', r.* FROM rows() AS r EXCEPT SELECT 'is', b.* FROM before AS b);
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\set ECHO none
\i :plain_model
\set ECHO all

-- The table is planned first, by the name that its attribute tableoid gets, and then what it has.
SET ROLE regress_child_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AND create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'ports', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'tableoid', 'pg_class');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'tableoid', 'device');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'tableoid', '"');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'tableoid', NULL);
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/4', 'change', 'tableoid', 'stack');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value, target) VALUES
    (release_id('REL-1'), 'device/7', 'create', 'tableoid', '"Net work" . "Switch"', 'device/1'), (release_id('REL-1'), 'device/7', 'create', 'name', 'new', 'device/1'),
    (release_id('REL-1'), 'device/7', 'create', 'ports', '048', 'device/1'), (release_id('REL-1'), 'device/8', 'create', 'name', 'top', 'device/1'),
    (release_id('REL-1'), 'device/8', 'create', 'tableoid', 'public.rack', 'device/1'), (release_id('REL-1'), 'device/8', 'create', 'height', '12', 'device/1'),
    (release_id('REL-1'), 'device/9', 'create', 'name', 'plain', 'device/1'), (release_id('REL-1'), 'device/10', 'create', 'tableoid', 'public.stack', 'device/1'),
    (release_id('REL-1'), 'device/10', 'create', 'name', 'by hand', 'device/1'), (release_id('REL-1'), 'device/10', 'create', 'ports', '4', 'device/1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/8', 'create', 'ports', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'device/7', 'create', 'half', '1');
INSERT INTO planned_ci_change (release_id, ci, operation, target) SELECT release_id('REL-1'), 'device/' || i, 'retire', 'device/1' FROM unnest('{2,3,4,5,6,20}'::integer[]) AS i;
SELECT ci, operation, attribute, old_value, new_value FROM planned_ci_change ORDER BY ci COLLATE "C", attribute COLLATE "C";
SELECT ci, attribute, outcome, message FROM dry_run('REL-1');
SELECT add_wave('REL-1', 'all', '{device/1}');
CALL advance_release('REL-1', 'deploying');

-- Nobody creates in another table, or retires out of one, than is planned.
SET ROLE regress_child_op;
INSERT INTO device (id, name) VALUES (10, 'by hand');
INSERT INTO "Net work"."Switch" (id, name, ports) VALUES (10, 'by hand', 4);
RESET ROLE;
SELECT govern('device', 'observe') IS NOT NULL AS observed;
DELETE FROM device WHERE id = 20;
INSERT INTO stack (id, name, ports) VALUES (20, 'moves', 24);
SELECT govern('device', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_child_op;
DELETE FROM device WHERE id = 20;
RESET ROLE;
SELECT govern('device', 'observe') IS NOT NULL AS observed;
DELETE FROM device WHERE id = 20;
INSERT INTO "Net work"."Switch" (id, name, ports) VALUES (20, 'moves', 24);
SELECT govern('device', 'enforce') IS NOT NULL AS enforced;
SELECT * FROM otherwise;
SET ROLE regress_child_op;
INSERT INTO stack (id, name, ports) VALUES (10, 'by hand', 4);
DELETE FROM device WHERE id = 3;
DO $$
DECLARE
    step record;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('worker');
        EXIT WHEN NOT FOUND;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
    END LOOP;
END $$;
RESET ROLE;
SELECT * FROM otherwise ORDER BY how, held ->> 'id';
SET ROLE regress_child_rm;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1');
RESET ROLE;
SELECT ci, attribute, classification, release_code FROM drift();

-- Taken back into the same tables, NULL where it was, whatever default the column has; a column that came since has its own.
ALTER TABLE rack RENAME TO shelf;
SET ROLE regress_child_rm;
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
ALTER TABLE shelf RENAME TO rack;
ALTER TABLE device ADD note text DEFAULT 'none';
SET ROLE regress_child_rm;
SELECT back_out_ci_changes('REL-1');
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
SELECT id, note FROM device WHERE id <= 6 ORDER BY id;
ALTER TABLE device DROP note;
SELECT * FROM otherwise;
SET ROLE regress_child_rm;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1');
RESET ROLE;
SELECT ci, attribute, expected, present, classification FROM drift();
SELECT b.operation, b.ci, b.old_value, b.new_value FROM ci_restoration AS b WHERE b.attribute = 'tableoid' OR b.attribute IS NULL ORDER BY b.operation, b.ci COLLATE "C", b.attribute NULLS FIRST;
SELECT finding, source FROM verify_ledger();
-- An item that is elsewhere by now is a plan that does not hold any more.
SET ROLE regress_child_rm;
INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-2'), 'device/5', 'retire');
RESET ROLE;
SELECT govern('device', 'observe') IS NOT NULL AS observed;
DELETE FROM device WHERE id = 5;
INSERT INTO device (id, name) VALUES (5, 'right');
SELECT * FROM release_mgmt_internal.stale_changes(release_id('REL-2'));
DROP TABLE device CASCADE;
DROP SCHEMA "Net work" CASCADE;
DROP OWNED BY regress_child_rm, regress_child_op;
DROP ROLE regress_child_rm, regress_child_op;
