-- Columns that are called otherwise since a release was planned, rolled out, or taken back: plans and permits keep the names of their
-- time, drift and back-out go by the columns.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('column.example.org');
CREATE ROLE regress_column;
CALL grant_duty('regress_column', 'release manager', 'Provider');
CALL grant_duty('regress_column', 'operator', 'Provider');
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
CREATE TABLE host (id integer PRIMARY KEY, os text, note text, size numeric(6,2));
CREATE TABLE rack (units integer, PRIMARY KEY (id)) INHERITS (host);
INSERT INTO host SELECT i, 'bookworm', 'none', i FROM generate_series(1, 3) AS i;
INSERT INTO rack VALUES (4, 'none', 'none', 4, 42);
SELECT bind_ci_class('host', 'host', '{id}', 'id', mode => 'enforce');
CREATE TABLE before AS SELECT tableoid::regclass AS is_in, * FROM host;
SET ROLE regress_column;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AND create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
SELECT release_id('REL-1'), v.ci, v.attribute, v.new_value, 'host/1'
FROM (VALUES ('host/1', 'os', 'trixie'), ('host/1', 'note', 'new'), ('host/2', 'os', 'trixie'), ('host/3', 'note', 'new'), ('host/3', 'size', '1'), ('host/4', 'units', '21')) AS v (ci, attribute, new_value);
SELECT add_wave('REL-1', 'all', '{host/1}');
CALL advance_release('REL-1', 'deploying');
CREATE FUNCTION pg_temp.work() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step record;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('worker');
        EXIT WHEN NOT FOUND;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
    END LOOP;
END $$;
SELECT pg_temp.work();
RESET ROLE;
-- The ids of transactions are as fine as a millisecond.
SELECT pg_sleep(0.01);
ALTER TABLE host RENAME os TO system;
ALTER TABLE host RENAME note TO os;
ALTER TABLE host RENAME system TO note;
ALTER TABLE rack RENAME units TO height;
ALTER TABLE host ALTER size TYPE numeric(8,3);
SELECT ci, attribute, expected, present, classification FROM drift('REL-1');
SELECT ci, attribute, expected, present, classification, release_code FROM drift();
SELECT kind, code, detail FROM trace_ci('host/1') WHERE kind = 'captured change';
-- What others do is told of the column that they did it to.
SELECT govern('host', 'observe') IS NOT NULL AS observed;
UPDATE host SET os = 'newer' WHERE id IN (1, 2);
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1') WHERE ci IN ('host/1', 'host/2');
SET ROLE regress_column;
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
UPDATE host SET os = CASE id WHEN 1 THEN 'new' ELSE 'none' END WHERE id IN (1, 2);
SELECT govern('host', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_column;
SELECT back_out_ci_changes('REL-1');
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
SELECT pg_sleep(0.01);
-- What was taken back under a former name is, too.
ALTER TABLE host RENAME os TO remark;
SET ROLE regress_column;
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
SELECT ci, attribute, expected, present, classification FROM drift('REL-1');
SELECT ci, attribute, expected, present, classification FROM drift();
SELECT * FROM (SELECT is_in, id, os, note, size FROM before EXCEPT SELECT tableoid, id, note, remark, size FROM host) AS otherwise;
SELECT height FROM rack;
SELECT finding, source FROM verify_ledger();
DROP OWNED BY regress_column;
DROP ROLE regress_column;
