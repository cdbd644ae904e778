-- Policies with their controls, and the Release Management Plan: versions, completeness, acceptance of exactly what was read.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_manager;
CREATE ROLE regress_customer;
CREATE ROLE regress_other;
CREATE ROLE regress_authority;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
INSERT INTO organization (code, kind) VALUES ('Other', 'customer');
CALL grant_duty('regress_other', 'customer representative', 'Other');
CALL grant_duty('regress_authority', 'customer representative', 'Authority');

-- A policy states objectives, scope and principles; versions follow one another, also in the days from which they are in force.
SET ROLE regress_manager;
\set VERBOSITY terse
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', '', 'all servers', 'small steps');
INSERT INTO release_policy (code, objectives, scope) VALUES ('POL', 'no surprises', 'all servers');
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'no surprises', 'all servers', E' \n');
\set VERBOSITY default
INSERT INTO release_policy (code, version, objectives, scope, principles, in_force_from) VALUES ('POL', 2, 'no surprises', 'all servers', 'small steps', '2020-01-01');
INSERT INTO release_policy (code, objectives, scope, principles, in_force_from) VALUES ('POL', 'no surprises', 'all servers', 'small steps', '2020-01-01');
INSERT INTO release_policy (code, version, objectives, scope, principles, in_force_from) VALUES ('POL', 2, 'no surprises', 'all servers', 'smaller steps', '2019-01-01');
INSERT INTO release_policy (code, version, objectives, scope, principles, in_force_from) VALUES ('POL', 2, 'no surprises', 'all servers', 'smaller steps', '2021-01-01');
INSERT INTO release_policy (code, version, objectives, scope, principles, in_force_from) VALUES ('POL', 3, 'no surprises', 'all servers', 'no steps', '2999-01-01');
INSERT INTO release_policy (code, objectives, scope, principles, in_force_from) VALUES ('NEXT', 'no surprises', 'all servers', 'no steps', '2999-01-01');

-- Also where one is changed that no release runs under yet.
UPDATE release_policy SET version = 9 WHERE version = 3;
UPDATE release_policy SET code = 'NEXT' WHERE version = 3;
UPDATE release_policy SET in_force_from = '2020-12-31' WHERE version = 3;
UPDATE release_policy SET in_force_from = '2999-01-02' WHERE version = 2;
UPDATE release_policy SET in_force_from = '2998-01-01' WHERE version = 3 RETURNING in_force_from;
UPDATE release_policy SET in_force_from = '2999-01-01' WHERE version = 3;

-- Controls are checks that a gate can ask.
INSERT INTO policy_control SELECT id, 'content', 'content is content' FROM release_policy WHERE code = 'POL' AND version = 2;
INSERT INTO policy_control SELECT id, 'policy_complied', 'comply' FROM release_policy WHERE code = 'POL' AND version = 2;
INSERT INTO policy_control SELECT id, 'package_made', 'something is released' FROM release_policy WHERE code = 'POL' AND version = 2;
INSERT INTO policy_control SELECT id, 'policy_named', 'under this policy' FROM release_policy WHERE code = 'POL' AND version = 2;

-- A release runs under the version that is in force when it names one, and that version then stands still, its controls too.
SELECT create_release('REL-1', 'minor', policy => 'NEXT');
SELECT create_release('REL-1', 'minor', customers => '{Customer}', policy => 'POL') IS NOT NULL AS created;
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'POL' AND version = 1);
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'NEXT');
INSERT INTO release (code, type, model_id, policy_id)
SELECT 'REL-2', 'minor', m.id, p.id FROM release_model AS m, release_policy AS p WHERE m.code = 'standard' AND p.code = 'POL' AND p.version = 3;
UPDATE release_policy SET scope = 'none' WHERE code = 'POL' AND version = 2;
INSERT INTO policy_control SELECT id, 'tests_passed', 'tested' FROM release_policy WHERE code = 'POL' AND version = 2;
DELETE FROM policy_control WHERE check_name = 'package_made';
RESET ROLE;
UPDATE policy_control SET statement = 'nothing' WHERE check_name = 'package_made';
SET ROLE regress_manager;
SELECT policy, version, in_force_from, in_force_until, in_force, controls, releases FROM release_policy_status ORDER BY policy, version;
SELECT release, policy, version, statement, status, missing, owner FROM policy_compliance ORDER BY statement;
SELECT create_package('PKG-1', release => 'REL-1') IS NOT NULL AS made;
SET ROLE regress_other;
SELECT * FROM policy_compliance;

-- The Release Management Plan: what is missing is seen, and an incomplete one accepted by nobody.
SET ROLE regress_manager;
INSERT INTO management_plan (code, version) VALUES ('RMP', 2);
INSERT INTO management_plan (code) VALUES ('RMP');
UPDATE release SET plan_id = (SELECT id FROM management_plan WHERE version = 1);
INSERT INTO plan_section (plan_id, clause, body) SELECT p.id, c.clause, 'How we handle ' || c.title FROM management_plan AS p, plan_clause AS c WHERE c.clause NOT IN ('2.4', 'schedule');
SELECT clause, present, characters FROM plan_section_status WHERE plan = 'RMP' ORDER BY clause;
SELECT plan, version, complete, missing, accepted_by, waiting_for, releases FROM management_plan_status;
SET ROLE regress_customer;
CALL accept_plan('RMP', 1, 'Customer');
SET ROLE regress_manager;
\set VERBOSITY terse
INSERT INTO plan_section (plan_id, clause, body) SELECT id, '2.4', '' FROM management_plan;
INSERT INTO plan_section (plan_id, clause, body) SELECT id, '2.10', 'more' FROM management_plan;
\set VERBOSITY default
INSERT INTO plan_section (plan_id, clause, body) SELECT id, '2.4', 'A register.' FROM management_plan;
INSERT INTO plan_section (plan_id, clause, body) SELECT id, 'schedule', 'Published.' FROM management_plan;
SELECT complete, missing, waiting_for FROM management_plan_status;
SELECT digest FROM management_plan_status \gset

-- Until it is accepted it is edited; what is accepted is what was read.
UPDATE plan_section SET body = 'A register, reviewed each month.' WHERE clause = '2.4';
SET ROLE regress_customer;
CALL accept_plan('RMP', 1, 'Customer', :'digest');
CALL accept_plan('RMP', 2, 'Customer', :'digest');
CALL accept_plan('RMP', 1, 'Other');
SELECT digest FROM management_plan_status \gset
CALL accept_plan('RMP', 1, 'Customer', :'digest');
CALL accept_plan('RMP', 1, 'Customer');
SELECT count(*) FROM plan_acceptance;
-- Whoever it does not concern does not see who accepted it.
SET ROLE regress_other;
SELECT plan, version, accepted_by, waiting_for FROM management_plan_status;
SELECT count(*) FROM plan_acceptance;

-- From the first acceptance on the version stands still, whoever tries; an edit is a new version, accepted anew.
SET ROLE regress_manager;
UPDATE plan_section SET body = 'Changed.' WHERE clause = '2.4';
RESET ROLE;
UPDATE plan_section SET body = 'Changed.' WHERE clause = '2.4';
DELETE FROM plan_section WHERE clause = '2.4';
INSERT INTO plan_clause (clause, title) VALUES ('3', 'more');
INSERT INTO plan_section (plan_id, clause, body) SELECT id, '3', 'More.' FROM management_plan;
UPDATE management_plan SET accepted_at = NULL;
DELETE FROM management_plan;
DELETE FROM plan_clause WHERE clause = '3';
SELECT met, missing FROM release_mgmt_internal.check_plan_accepted(release_id('REL-1'));
SET ROLE regress_authority;
CALL accept_plan('RMP', 1, 'Authority');
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_plan_accepted(release_id('REL-1'));
SET ROLE regress_customer;
SELECT revise_plan('RMP');
SET ROLE regress_manager;
SELECT revise_plan('RMP');
SELECT revise_plan('RMP') AS same_again;
SELECT revise_plan('none');
UPDATE plan_section SET body = 'Another register.' WHERE clause = '2.4' AND plan_id = (SELECT id FROM management_plan WHERE version = 2);
UPDATE release SET plan_id = (SELECT id FROM management_plan WHERE version = 2);
SELECT plan, version, complete, accepted_by, waiting_for, releases FROM management_plan_status ORDER BY version;
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_plan_accepted(release_id('REL-1'));

DROP OWNED BY regress_manager, regress_customer, regress_other, regress_authority;
DROP ROLE regress_manager, regress_customer, regress_other, regress_authority;
