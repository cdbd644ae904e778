-- A release for several customers: each is told by drift() and dry_run() of its own items, and of no release that it does not see.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('customer.example.org');
CREATE ROLE regress_trace_authority;
CREATE ROLE regress_trace_bakery;
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer'), ('Brewery', 'customer');
CALL grant_duty('regress_trace_authority', 'release manager', 'Authority');
CALL grant_duty('regress_trace_authority', 'operator', 'Authority');
CALL grant_duty('regress_trace_bakery', 'change manager', 'Bakery');
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
CREATE TABLE host (id integer PRIMARY KEY, os text CHECK (os <> 'none'), note text, owner text);
INSERT INTO host VALUES (1, 'bookworm', 'secret', 'Brewery'), (2, 'bookworm', 'plain', 'Bakery'), (3, 'bookworm', 'of nobody', NULL);
GRANT ALL ON host TO regress_trace_authority;
SELECT bind_ci_class('host', 'host', '{id}', 'id', organization => 'owner');
SET ROLE regress_trace_authority;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AND create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO release_customer SELECT release_id('REL-1'), o.id FROM organization AS o WHERE o.code IN ('Bakery', 'Brewery');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id('REL-1'), 'host/' || i, 'os', 'none' FROM generate_series(1, 3) AS i;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id('REL-2'), 'host/' || i, 'note', 'by REL-2' FROM generate_series(1, 3) AS i;
SELECT ci, outcome, message IS NOT NULL AS with_message FROM dry_run('REL-1');
SET ROLE regress_trace_bakery;
SELECT ci, outcome, message FROM dry_run('REL-1');
SELECT label FROM ci ORDER BY label;
SET ROLE regress_trace_authority;
UPDATE planned_ci_change SET new_value = 'trixie' WHERE attribute = 'os';
SELECT add_wave('REL-1', 'all', '{host/1,host/2,host/3}') IS NOT NULL AND add_wave('REL-2', 'all', '{host/1,host/2,host/3}') IS NOT NULL AS added;
CALL advance_release('REL-1', 'deploying');
CALL advance_release('REL-2', 'deploying');
UPDATE host SET os = 'trixie';
UPDATE host SET note = 'by REL-2';
SELECT ci, attribute, classification, release_code FROM drift('REL-1');
SET ROLE regress_trace_bakery;
SELECT ci, attribute, expected, present, classification, release_code FROM drift('REL-1');
SELECT ci, attribute, expected, present, classification, release_code FROM drift();
SELECT kind, code, detail FROM trace_ci('host/2') WHERE kind = 'captured change';
SELECT trace_ci('host/1');
SELECT drift('REL-2');
RESET ROLE;
DROP OWNED BY regress_trace_authority, regress_trace_bakery;
DROP ROLE regress_trace_authority, regress_trace_bakery;
