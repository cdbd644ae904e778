-- A release that gives an item another key: the dry run, the installation, and what drift and trace say of it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_rename_manager;
CALL grant_duty('regress_rename_manager', 'release manager', 'Provider');
CALL grant_duty('regress_rename_manager', 'operator', 'Provider');
CREATE TABLE site (code text PRIMARY KEY);
CREATE TABLE rack (site text REFERENCES site, no integer, height integer, PRIMARY KEY (site, no));
INSERT INTO site VALUES ('a:1'), ('b');
INSERT INTO rack VALUES ('a:1', 1, 42), ('a:1', 2, 42), ('b', 9, 20);
SELECT bind_ci_class('site', 'site', '{code}', 'code') AS sites, bind_ci_class('rack', 'rack', '{site,no}', 'no', mode => 'enforce') AS racks;
-- A key that another item had before.
SELECT govern('rack', 'observe') IS NOT NULL AS observed;
DELETE FROM rack WHERE site = 'b';
SELECT govern('rack', 'enforce') IS NOT NULL AS enforced;
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
-- What nobody has touched is told without comparing; by comparing each item the same comes out.
CREATE FUNCTION told_otherwise(release text) RETURNS bigint LANGUAGE sql AS $$
    WITH told AS MATERIALIZED (
        SELECT * FROM release_mgmt_internal.release_drift(release_mgmt.release_id(release))
    ), compared AS MATERIALIZED (
        SELECT d.*
        FROM (SELECT r.id, min(coalesce(p.sealed_at, r.created_at)) AS since, bool_and(s.kind = 'deployed') AS is_deployed
              FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
              LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id WHERE r.code = told_otherwise.release GROUP BY r.id) AS b
        CROSS JOIN release_mgmt_internal.compared_drift(b.id, ARRAY(SELECT DISTINCT x.ci FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = b.id), b.since, b.is_deployed) AS d)
    SELECT count(*) FROM ((TABLE told EXCEPT ALL TABLE compared) UNION ALL (TABLE compared EXCEPT ALL TABLE told)) AS d $$;
SET ROLE regress_rename_manager;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES
    (release_id('REL-1'), 'rack/a\:1:1', 'no', '007'), (release_id('REL-1'), 'rack/a\:1:1', 'height', '40'),
    (release_id('REL-1'), 'rack/a\:1:2', 'site', 'b'), (release_id('REL-1'), 'rack/a\:1:2', 'no', '9');
SELECT ci, attribute, old_value, new_value, outcome, message FROM dry_run('REL-1');
SELECT label FROM ci WHERE class = 'rack' AND retired_at IS NULL ORDER BY label COLLATE "C";
SELECT add_wave('REL-1', 'all', '{site/b}');
UPDATE planned_ci_change SET target = 'site/b';
CALL advance_release('REL-1', 'deploying');
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
SELECT * FROM rack ORDER BY site, no;
-- Drift tells of the items by what they are called now; what others do to them is theirs.
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
SELECT told_otherwise('REL-1');
SELECT govern('rack', 'observe') IS NOT NULL AS observed;
UPDATE rack SET height = 1 WHERE no = 7;
UPDATE rack SET height = 2 WHERE no = 9;
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
SELECT told_otherwise('REL-1');
UPDATE rack SET height = 40 WHERE no = 7;
SELECT kind, code, detail FROM trace_ci('rack/b:9') WHERE kind = 'captured change';
-- Taken back, they have their former keys, and what was done to them while they had others is told of them.
SET ROLE regress_rename_manager;
SELECT back_out_ci_changes('REL-1');
SELECT back_out_ci_changes('REL-1');
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
RESET ROLE;
SELECT told_otherwise('REL-1');
SELECT * FROM rack ORDER BY site, no;
SELECT label, retired_at IS NULL AS is_there FROM ci WHERE class = 'rack' ORDER BY label COLLATE "C";
SELECT * FROM verify_ledger();

-- Others give an item another key after a release has changed it: drift follows it, from one key to the next, and so does the
-- back-out; whoever takes the key that it left is another item.
SET ROLE regress_rename_manager;
CALL advance_release('REL-1', 'live');
SELECT create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target) VALUES
    (release_id('REL-2'), 'rack/a\:1:1', 'height', '50', 'site/b'), (release_id('REL-2'), 'rack/a\:1:2', 'height', '51', 'site/b');
SELECT add_wave('REL-2', 'all', '{site/b}');
CALL advance_release('REL-2', 'deploying');
RESET ROLE;
-- Not rolled out yet.
UPDATE rack SET no = 3 WHERE no = 1;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-2');
SELECT told_otherwise('REL-2');
UPDATE rack SET no = 1 WHERE no = 3;
SET ROLE regress_rename_manager;
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
CALL sequence_ledger();
UPDATE rack SET site = 'b', no = 4 WHERE no = 1;
UPDATE rack SET no = 5 WHERE no = 4;
INSERT INTO rack VALUES ('a:1', 1, 10), ('a:1', 6, 60);
UPDATE rack SET height = height + 1;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-2');
SELECT told_otherwise('REL-2');
SELECT t.kind, t.code, t.detail FROM trace_ci('rack/b:5') AS t WHERE t.kind <> 'deployment step';
-- What stands of the release is found by it, and taken back.
UPDATE rack SET height = height - 1;
SET ROLE regress_rename_manager;
SELECT back_out_ci_changes('REL-2');
SELECT back_out_ci_changes('REL-2');
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-2');
RESET ROLE;
SELECT told_otherwise('REL-2');
SELECT * FROM rack ORDER BY site, no;
-- Two items change their keys in one command: each change is told of the one that it was done to.
ALTER TABLE rack DROP CONSTRAINT rack_pkey, ADD PRIMARY KEY (site, no) DEFERRABLE;
UPDATE rack SET height = 61 WHERE no = 6;
UPDATE rack SET no = 8 - no WHERE no IN (2, 6);
UPDATE rack SET height = 62 WHERE no = 6;
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-2');
SELECT told_otherwise('REL-2');
-- So it is without a release: what was done before a key was changed is told of what the item is called now.
SELECT ci, attribute, expected, present, classification, release_code FROM drift() WHERE ci LIKE 'rack/%';
SELECT ci, attribute, expected, present, classification, release_code FROM drift(since => (SELECT r.created_at FROM release AS r WHERE r.code = 'REL-2')) WHERE ci LIKE 'rack/%';
SELECT label, attribute, operation, old_value, made_as
FROM governed_table AS g
CROSS JOIN LATERAL release_mgmt_internal.changes_of_rows(ARRAY[g.id], '{a\\:1:6}', '{rack/a\\:1:6}', (SELECT r.created_at FROM release AS r WHERE r.code = 'REL-2')) AS c
WHERE g.source = 'rack'::regclass ORDER BY n, attribute;
SELECT * FROM verify_ledger();
