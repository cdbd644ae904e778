-- Releases, packages, sealing: what is stated is checked, what is sealed stands still.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_librarian;
CREATE ROLE regress_manager;
CREATE ROLE regress_customer;
CREATE ROLE regress_authority;
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_customer', 'customer representative', 'Customer');
CALL grant_duty('regress_authority', 'customer representative', 'Authority');

CREATE TABLE server (name text PRIMARY KEY, app_version text, owner text);
INSERT INTO server VALUES ('alpha', '1.0', 'ops'), ('beta', '1.0', 'ops');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');

SET ROLE regress_librarian;
SELECT begin_intake('pkg:generic/app@2.0') AS item \gset
CALL append_content(:'item', 'the program');
SELECT finish_intake(:'item', compute_digest('the program')) = compute_digest('the program') AS taken;

-- A release: everything unknown is listed at once.
SET ROLE regress_manager;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', model => 'no model', customers => '{Customer,Nobody}', changes => '{CHG-1,CHG-9}', policy => 'none');
\set VERBOSITY terse
SELECT create_release('REL-1', 'tiny');
\set VERBOSITY default
SELECT create_release('REL-1', 'minor', customers => '{Customer}', changes => '{CHG-1}', planned => '[2030-01-01 00:00+00,2030-01-02 00:00+00)') IS NOT NULL;
SELECT create_release('REL-1', 'minor', customers => '{Customer}', changes => '{CHG-1}') = release_id('REL-1') AS same_again;
SELECT create_release('REL-1', 'major');
SELECT release_id('REL-9');

-- Who requests is who acts, and stays so; a release begins as draft, and so long its baseline is what is planned.
UPDATE change_request SET requested_by = NULL WHERE code = 'CHG-1';
UPDATE release SET requested_by = NULL WHERE code = 'REL-1';
INSERT INTO release (code, type, model_id, state) SELECT 'REL-2', 'minor', id, 'closed' FROM release_model;
UPDATE release SET planned = '[2030-02-01 00:00+00,2030-02-02 00:00+00)', baseline = NULL WHERE code = 'REL-1';
SELECT baseline = '[2030-02-01 00:00+00,2030-02-02 00:00+00)' AS follows FROM release WHERE code = 'REL-1';

-- Told in what another one of that code differs; what was added to it since is no difference. No code is empty.
RESET ROLE;
INSERT INTO organization (code, kind) VALUES ('Second', 'customer');
SET ROLE regress_manager;
SELECT create_release('REL-1', 'emergency', model => 'minor', customers => '{Customer,Second}', changes => '{}', title => 'The first', organization => 'Authority');
\set VERBOSITY terse
SELECT create_release('', 'minor');
\set VERBOSITY default

-- A package is made of accepted items only.
SELECT create_package('PKG-1', release => 'REL-1', items => ARRAY[:'item']::uuid[]);
SELECT create_package('PKG-1', release => 'REL-9', items => '{}');
SELECT create_package('PKG-1', release => 'REL-1', items => '{}', unit => 'none');
SET ROLE regress_librarian;
CALL accept_item(:'item');
SET ROLE regress_manager;
SELECT create_package('PKG-1', release => 'REL-1', items => ARRAY[:'item']::uuid[]) IS NOT NULL AS made;
SELECT create_package('PKG-1', release => 'REL-1', items => ARRAY[:'item']::uuid[]) = package_id('PKG-1') AS same_again;
\set VERBOSITY terse
SELECT create_package('PKG-2', release => 'REL-1', items => ARRAY[:'item']::uuid[]);
\set VERBOSITY default
SELECT kind, name, version, digest = compute_digest('the program') AS same_digest FROM component;
\set VERBOSITY terse
INSERT INTO component (package_id, kind, name) VALUES (package_id('PKG-1'), 'document', 'untied');
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'poem', 'ode', 'server/alpha');
\set VERBOSITY default

-- Planned changes: the item exists, the old value is the present one, whatever is written.
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/gamma', 'app_version', '2.0');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'colour', 'red');
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'poem/ode', 'metre', 'iambic');
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'create', 'app_version', '2.0');
INSERT INTO planned_ci_change (release_id, ci, attribute, old_value, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app_version', '0.1', '2.0');
SELECT ci, target, operation, attribute, old_value, new_value FROM planned_ci_change;

-- Sealing: a value that moved meanwhile is found.
RESET ROLE;
UPDATE server SET app_version = '1.1' WHERE name = 'alpha';
SET ROLE regress_manager;
SELECT seal_package('PKG-1');
UPDATE planned_ci_change SET new_value = '2.0';
SELECT seal_package('PKG-9');
SELECT seal_package('PKG-1') AS digest \gset
SELECT seal_package('PKG-1') = :'digest' AS same_again;
SELECT manifest FROM release_package;
SELECT compute_digest(convert_to(manifest, 'UTF8')) = digest AS recomputed FROM release_package;

-- Sealed content does not change, whoever tries.
RESET ROLE;
UPDATE component SET name = 'other';
DELETE FROM component;
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'document', 'more', 'server/alpha');
UPDATE planned_ci_change SET new_value = '3.0';
DELETE FROM planned_ci_change;
UPDATE release_package SET manifest = 'forged';
DELETE FROM release_package;

-- A signature counts only if it verifies.
SET ROLE regress_manager;
CALL register_signing_key('release_manager', E'-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n');
CALL add_signature('PKG-1', 'nobody', '\x00');
CALL add_signature('PKG-1', 'release_manager', '\x00');

-- A new revision: same components, nothing sealed, the old one untouched.
SELECT revise_package('PKG-1');
SELECT revise_package('PKG-1') AS same_again;
SELECT revision, current, digest IS NOT NULL AS sealed, (SELECT count(*) FROM component WHERE package_id = p.id) AS components
FROM release_package AS p ORDER BY revision;

-- The Release Management Plan: complete, and accepted as it reads.
INSERT INTO management_plan (code) VALUES ('RMP');
SET ROLE regress_customer;
CALL accept_plan('RMP', 1, 'Customer');
CALL accept_plan('RMP', 2, 'Customer');
SET ROLE regress_manager;
INSERT INTO plan_section (plan_id, clause, body) SELECT p.id, c.clause, 'We ' || c.title FROM management_plan AS p, plan_clause AS c;
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'no surprises', 'all servers', 'small steps');
UPDATE release SET plan_id = (SELECT id FROM management_plan), policy_id = (SELECT id FROM release_policy) WHERE code = 'REL-1';
UPDATE release_policy SET scope = 'none';
SET ROLE regress_customer;
CALL accept_plan('RMP', 1, 'Authority');
CALL accept_plan('RMP', 1, 'Customer');
CALL accept_plan('RMP', 1, 'Customer');
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_plan_accepted(release_id('REL-1'));
SET ROLE regress_authority;
CALL accept_plan('RMP', 1, 'Authority');
RESET ROLE;
SELECT met, missing FROM release_mgmt_internal.check_plan_accepted(release_id('REL-1'));

-- Out of draft a release keeps what others agreed to and gates pass on, whoever tries; back in draft it may be chosen anew.
SET ROLE regress_manager;
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('LAX', 'speed', 'all servers', 'none');
CALL advance_release('REL-1', 'planned');
UPDATE release SET code = 'REL-X', type = 'emergency', model_id = (SELECT id FROM release_model WHERE code = 'minor'), policy_id = (SELECT id FROM release_policy WHERE code = 'LAX'),
    plan_id = NULL, early_life = '1 second' WHERE code = 'REL-1';
UPDATE release SET early_life = '30 days', title = 'The first' WHERE code = 'REL-1' RETURNING early_life;
RESET ROLE;
UPDATE release SET organization_id = organization_id('Second'), early_life = '29 days' WHERE code = 'REL-1';
SET ROLE regress_manager;
CALL advance_release('REL-1', 'draft');
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'LAX'), early_life = '1 day' WHERE code = 'REL-1' RETURNING early_life;
-- An emergency names its policy later, where it named none.
SELECT create_release('REL-3', 'emergency', model => 'emergency') IS NOT NULL AS created;
CALL advance_release('REL-3', 'planned');
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'LAX') WHERE code = 'REL-3' RETURNING state;
UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'POL') WHERE code = 'REL-3';
-- Another organization takes a draft over; nobody gives it away.
UPDATE release SET organization_id = organization_id('Second') WHERE code = 'REL-1';
RESET ROLE;
CALL grant_duty('regress_manager', 'release manager', 'Second');
SET ROLE regress_manager;
UPDATE release SET organization_id = organization_id('Second') WHERE code = 'REL-1' RETURNING code;
RESET ROLE;

-- A revision takes its release back before the gates that passed on the old one, also in a model of one's own; where that leads back to
-- nowhere, and no gate ahead asks for the approval again, there is no revision.
CALL grant_duty('regress_authority', 'change manager', 'Provider');
SET ROLE regress_manager;
INSERT INTO release_model (code, description) VALUES ('straight', 'Nothing leads back.'), ('returning', 'Something does.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind
FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('made', 2, 'planning'), ('agreed', 3, 'planning'), ('over', 4, 'ended'), ('waiting', 5, 'halted')) AS s (state, ordinal, kind)
WHERE m.code IN ('straight', 'returning');
INSERT INTO model_transition (model_id, from_state, to_state, forward)
SELECT m.id, t.f, t.t, t.w
FROM release_model AS m, (VALUES ('draft', 'made', true), ('made', 'agreed', true), ('agreed', 'over', true), ('agreed', 'waiting', false), ('waiting', 'agreed', false)) AS t (f, t, w)
WHERE m.code IN ('straight', 'returning');
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT m.id, 'agreed', 'made', false FROM release_model AS m WHERE m.code = 'returning';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT m.id, g.gate, g.ordinal, g.name, g.name
FROM release_model AS m, (VALUES ('agreed', 1, 'changes_approved'), ('over', 1, 'package_sealed')) AS g (gate, ordinal, name) WHERE m.code IN ('straight', 'returning');
SET ROLE regress_authority;
CALL publish_model('straight');
CALL publish_model('returning');
SET ROLE regress_manager;
SELECT create_release(upper(m), 'minor', model => m, changes => '{CHG-1}') IS NOT NULL AS created, create_package('PKG ' || m, release => upper(m)) IS NOT NULL AS made
FROM unnest('{straight,returning}'::text[]) AS m;
INSERT INTO component (package_id, kind, name, ci) SELECT package_id('PKG ' || m), 'configuration', 'alpha', 'server/alpha' FROM unnest('{straight,returning}'::text[]) AS m;
SELECT seal_package('PKG straight') IS NOT NULL AS sealed, seal_package('PKG returning') IS NOT NULL AS sealed;
SELECT approval_digest('STRAIGHT') AS straight, approval_digest('RETURNING') AS returning \gset
CALL agree_roll_out('STRAIGHT', :'straight');
CALL agree_roll_out('RETURNING', :'returning');
SET ROLE regress_authority;
CALL approve_release('STRAIGHT', :'straight');
CALL approve_release('RETURNING', :'returning');
SET ROLE regress_manager;
CALL advance_release('STRAIGHT', 'agreed');
CALL advance_release('RETURNING', 'agreed');
SELECT revise_package('PKG straight');
SELECT revise_package('PKG returning');
SELECT code, state FROM release WHERE code IN ('STRAIGHT', 'RETURNING') ORDER BY code;
CALL advance_release('RETURNING', 'agreed');
CALL advance_release('STRAIGHT', 'waiting');
\set VERBOSITY terse
SELECT revise_package('PKG straight');
-- A verb that is given no name says so, and does not pass for one that did its work.
CALL advance_release(NULL, 'planned');
CALL advance_change(NULL, 'approved');
CALL approve_release(NULL, NULL);
CALL close_entry(NULL, 'done');
SELECT seal_package(NULL);
SELECT revise_package(NULL);
SELECT derive_ci_changes(NULL);
SELECT * FROM dry_run(NULL);
SELECT back_out_ci_changes(NULL);
SELECT export_evidence(NULL);
SELECT attribute_incident(NULL);
SELECT rebook_missed(NULL);
SELECT add_wave(NULL, 'one', '{server/alpha}');
SELECT create_release(NULL, 'minor');
SELECT create_release('', 'minor');
SELECT create_release('NEW', NULL);
\set VERBOSITY default
RESET ROLE;
DROP OWNED BY regress_librarian, regress_manager, regress_customer, regress_authority;
DROP ROLE regress_librarian, regress_manager, regress_customer, regress_authority;
