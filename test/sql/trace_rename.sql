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
INSERT INTO release_model (code, description) VALUES ('plain', 'two states');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m,
       (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('live', 3, 'deployed'), ('closed', 4, 'ended')) AS s (state, ordinal, kind)
WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'live'), ('live', 'closed')) AS t (f, t) WHERE m.code = 'plain';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, c.s, 1, c.n, c.k
FROM release_model AS m, (VALUES ('deploying', 'items traceable', 'cis_traceable'), ('live', 'verified', 'deployment_verified'), ('closed', 'review held', 'review_held')) AS c (s, n, k)
WHERE m.code = 'plain';
CALL publish_model('plain');
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
SELECT govern('rack', 'observe') IS NOT NULL AS observed;
UPDATE rack SET height = 1 WHERE no = 7;
UPDATE rack SET height = 2 WHERE no = 9;
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
UPDATE rack SET height = 40 WHERE no = 7;
SELECT kind, code, detail FROM trace_ci('rack/b:9') WHERE kind = 'captured change';
-- Taken back, they have their former keys.
SET ROLE regress_rename_manager;
SELECT back_out_ci_changes('REL-1');
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
RESET ROLE;
SELECT * FROM rack ORDER BY site, no;
SELECT label, retired_at IS NULL AS is_there FROM ci WHERE class = 'rack' ORDER BY label COLLATE "C";
SELECT * FROM verify_ledger();
