-- Configuration audits: items drawn by a seed that anybody can draw again, findings that stand, differences and corrections.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_audit_manager;
CREATE ROLE regress_audit_operator;
CREATE ROLE regress_audit_customer;
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer'), ('Brewery', 'customer');
CALL grant_duty('regress_audit_manager', 'change manager', 'Authority');
CALL grant_duty('regress_audit_operator', 'operator', 'Authority');
CALL grant_duty('regress_audit_customer', 'change manager', 'Bakery');
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL, ram numeric(6,2), os text, owner text);
INSERT INTO server SELECT i, 'srv' || i, 64, 'bookworm', CASE WHEN i % 3 = 0 THEN 'Bakery' WHEN i % 3 = 1 THEN 'Brewery' END FROM generate_series(1, 30) AS i;
CREATE TABLE rack (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO rack VALUES (1, 'r1');
SELECT bind_ci_class('server', 'server', '{id}', 'name', organization => 'owner'), bind_ci_class('rack', 'rack', '{id}', 'name');

SET ROLE regress_audit_operator;
CALL announce_ci_audit('AUD-0', 6, '{server}');
\echo :LAST_ERROR_SQLSTATE
SELECT draw_ci_audit('AUD-0');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_audit_manager;
CALL announce_ci_audit('AUD-0', 6, '{server,shelf}');
\echo :LAST_ERROR_SQLSTATE
CALL announce_ci_audit('AUD-0', 0, '{server}');
\echo :LAST_ERROR_SQLSTATE
SELECT draw_ci_audit('AUD-0');
\echo :LAST_ERROR_SQLSTATE
-- The leaf of the announcement is the seed: there is none before the commit, and no other after it.
BEGIN;
CALL announce_ci_audit('AUD-0', 6, '{server}');
SELECT draw_ci_audit('AUD-0');
ROLLBACK;
CALL announce_ci_audit('AUD-0', 6, '{server}');
CALL announce_ci_audit('AUD-0', 6, '{server}');
CALL announce_ci_audit('AUD-0', 7, '{server}');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- What comes by now is not drawn.
INSERT INTO server SELECT i, 'new', 1, 'sid', NULL FROM generate_series(101, 400) AS i;
SET ROLE regress_audit_manager;
BEGIN;
SELECT draw_ci_audit('AUD-0');
SELECT string_agg(ci, ' ' ORDER BY ordinal) AS rolled_back FROM ci_audit_sample WHERE audit = 'AUD-0' \gset
ROLLBACK;
SELECT draw_ci_audit('AUD-0');
SELECT string_agg(ci, ' ' ORDER BY ordinal) = :'rolled_back' AS same_items FROM ci_audit_sample WHERE audit = 'AUD-0';
SELECT draw_ci_audit('AUD-0');
SELECT draw_ci_audit('AUD-0', 'seed');
\echo :LAST_ERROR_SQLSTATE
SELECT population, sampled, seed_given, unfinished_before FROM ci_audit_result;
RESET ROLE;
-- Anybody can draw it again, with sha256sum: the seed from the entry, which is in the log, and the items from the seed.
\setenv LANG C
\setenv LC_ALL C
SELECT ci_audit_entry('AUD-0') AS entry, seed FROM ci_audit WHERE code = 'AUD-0' \gset
\setenv ENTRY :entry
\setenv SEED :seed
\set again `printf '\0%s' "$ENTRY" | sha256sum | cut -c1-64`
SELECT :'again' = :'seed' AS same_seed;
\set again `for i in $(seq 30); do echo "$(printf '%s\nserver/%s' "$SEED" "$i" | sha256sum | cut -c1-64) server/$i"; done | sort | head -n 6 | cut -d ' ' -f 2 | tr '\n' ' '`
SELECT string_agg(ci, ' ' ORDER BY ordinal) || ' ' = :'again' AS same_items FROM ci_audit_sample WHERE audit = 'AUD-0';
CALL sequence_ledger();
SELECT ci_audit_entry('AUD-0') = :'entry' AS same_entry, ci_audit_entry('AUD-X') IS NULL AS none;
DELETE FROM server WHERE id > 100;
-- A seed that is given is shown as such, and so are audits that nobody has finished.
SET ROLE regress_audit_manager;
CALL announce_ci_audit('AUD-2', 3, '{rack}');
CALL announce_ci_audit('AUD-ALL', 1000);
CALL announce_ci_audit('AUD-1', 6, '{server}');
SELECT draw_ci_audit('AUD-1', 'seed');
SELECT draw_ci_audit('AUD-ALL', '');
SELECT draw_ci_audit('AUD-ALL', 'heads');
SELECT draw_ci_audit('AUD-ALL', 'heads');
SELECT audit, announced_by, drawn_at IS NOT NULL AS is_drawn, seed_given, size, population, sampled, unfinished_before FROM ci_audit_result ORDER BY announced_at;
SELECT code, classes FROM ci_audit ORDER BY id;
RESET ROLE;
SELECT bool_and(a.ci = b.label) AS same
FROM ci_audit_sample AS a
JOIN (SELECT i.label, row_number() OVER (ORDER BY sha256(convert_to(E'heads\n' || i.label, 'UTF8'))) AS n FROM ci AS i WHERE i.retired_at IS NULL) AS b ON b.n = a.ordinal
WHERE a.audit = 'AUD-ALL';
SET ROLE regress_audit_customer;
SELECT draw_ci_audit('AUD-2');
RESET ROLE;

-- A customer draws from what it sees, and sees of others' audits its own items alone.
SET ROLE regress_audit_customer;
CALL announce_ci_audit('AUD-B', 100, '{server}');
SELECT draw_ci_audit('AUD-B');
SELECT count(*) FROM ci_audit_sample WHERE audit = 'AUD-ALL';
RESET ROLE;
SELECT population, (SELECT count(*) FROM server WHERE owner = 'Bakery' OR owner IS NULL) AS of_bakery_or_nobody FROM ci_audit WHERE code = 'AUD-B';

-- Findings: what the CMDB says is read when they are recorded.
SELECT string_agg(ci, ' ' ORDER BY ordinal) AS drawn FROM ci_audit_sample WHERE audit = 'AUD-1' \gset
SELECT split_part(:'drawn', ' ', 1) AS one, split_part(:'drawn', ' ', 2) AS two, split_part(:'drawn', ' ', 3) AS three,
       split_part(:'drawn', ' ', 4) AS four, split_part(:'drawn', ' ', 5) AS five, split_part(:'drawn', ' ', 6) AS six \gset
SET ROLE regress_audit_operator;
CALL record_ci_finding('AUD-1', :'one', '{"ram": "64.0", "os": "bookworm"}');
CALL record_ci_finding('AUD-1', :'one', '{"os": "bookworm", "ram": "64.0"}');
CALL record_ci_finding('AUD-1', :'one', '{"os": "bookworm", "ram": "32"}');
\echo :LAST_ERROR_SQLSTATE
CALL record_ci_finding('AUD-1', :'two', '{}');
\echo :LAST_ERROR_SQLSTATE
CALL record_ci_finding('AUD-1', :'two', '{"ram": "32"}', present => false);
CALL record_ci_finding('AUD-1', :'two', '{"colour": "red", "weight": 7, "ram": "32"}');
\echo :LAST_ERROR_SQLSTATE
CALL record_ci_finding('AUD-1', 'rack/1', '{"name": "r1"}');
\echo :LAST_ERROR_SQLSTATE
CALL record_ci_finding('AUD-2', :'two', '{"name": "r1"}');
CALL record_ci_finding('AUD-1', :'two', '{"ram": "32", "os": null}', remark => 'bay 7');
CALL record_ci_finding('AUD-1', :'three', '{}', present => false);
CALL record_ci_finding('AUD-1', :'four', '{"os": "trixie"}');
CALL record_ci_finding('AUD-1', :'five', '{"ram": "lots"}');
RESET ROLE;
SELECT audit, population, sampled, examined, matching, differing, not_found, accuracy_percent FROM ci_audit_result WHERE audit = 'AUD-1';
SET ROLE regress_audit_operator;
CALL record_ci_finding('AUD-1', :'six', '{"ram": 64}');
RESET ROLE;
SELECT audit, population, sampled, examined, matching, differing, not_found, accuracy_percent FROM ci_audit_result WHERE audit = 'AUD-1';

-- Corrections follow findings that differ; whether the CMDB agrees by now is looked up.
SET ROLE regress_audit_manager;
SELECT plan_ci_correction('AUD-1', :'one', 'nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT plan_ci_correction('AUD-1', :'two', 'record what is there', owner => 'nobody');
SELECT plan_ci_correction('AUD-1', :'two', 'record what is there', owner => 'regress_audit_operator', due => '2020-01-01') = 'AUD-1/' || :'two' || '/1' AS planned;
SELECT plan_ci_correction('AUD-1', :'two', 'record what is there', owner => 'regress_audit_operator', due => '2020-01-01') = 'AUD-1/' || :'two' || '/1' AS planned;
SELECT plan_ci_correction('AUD-1', :'three', 'retire it') = 'AUD-1/' || :'three' || '/1' AS planned;
RESET ROLE;
UPDATE server SET ram = 32 WHERE 'server/' || id = :'two';
DELETE FROM server WHERE 'server/' || id = :'three';
SELECT attribute, record, finding, kind, settled, what, owner, overdue FROM ci_audit_difference WHERE audit = 'AUD-1' ORDER BY kind, attribute, finding;
SET ROLE regress_audit_operator;
CALL complete_ci_correction('AUD-1/' || :'two' || '/1');
CALL complete_ci_correction('AUD-1/' || :'two' || '/1');
CALL complete_ci_correction('AUD-1/x/1');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT corrections, corrections_done, accuracy_percent FROM ci_audit_result WHERE audit = 'AUD-1';
SELECT count(*) FROM ci_audit_difference WHERE overdue;

-- Findings are written by the verbs alone, and every one is in the ledger.
SET ROLE regress_audit_manager;
UPDATE ci_audit_value SET finding = record;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CALL sequence_ledger();
SELECT count(*) FROM verify_ledger();

-- The month's report: the change and the deletion above had no permit.
SELECT count(*) AS months, sum(audits) AS audits, sum(sampled) AS sampled, sum(matching) AS matching, sum(not_found) AS not_found,
       sum(corrections) AS corrections, sum(unauthorized) AS unauthorized, count(*) FILTER (WHERE accuracy_percent IS NOT NULL) AS with_accuracy
FROM configuration_monthly;

-- A further attribute of the class has no column; it differs all the same.
RESET ROLE;
CREATE TABLE blade (id integer PRIMARY KEY, rack_id integer REFERENCES rack);
INSERT INTO blade VALUES (1, 1), (2, 1);
SELECT bind_ci_class('blade', 'blade', '{id}', 'id', attributes => '{"place": "rack_id.name"}');
SET ROLE regress_audit_manager;
CALL announce_ci_audit('AUD-3', 2, '{blade}');
SELECT draw_ci_audit('AUD-3');
CALL record_ci_finding('AUD-3', 'blade/1', '{"place": "r2", "rack_id": "1"}');
CALL record_ci_finding('AUD-3', 'blade/2', '{"place": "r1"}');
RESET ROLE;
SELECT ci, attribute, record, finding, settled FROM ci_audit_difference WHERE audit = 'AUD-3';
UPDATE rack SET name = 'r2' WHERE id = 1;
SELECT ci, attribute, record, finding, settled FROM ci_audit_difference WHERE audit = 'AUD-3';
SELECT sampled, examined, matching, differing FROM ci_audit_result WHERE audit = 'AUD-3';
DROP EXTENSION release_mgmt CASCADE;
