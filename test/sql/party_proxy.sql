-- Proxies: an application's login acts for the person whom it names, within that person's duties, for one transaction.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_portal;
CREATE ROLE regress_manager;
CREATE ROLE regress_approver;
CREATE ROLE regress_reader;
CREATE ROLE regress_second;
CALL grant_duty('regress_manager', 'release manager', 'Provider');
CALL grant_duty('regress_manager', 'change manager', 'Provider');
CALL grant_duty('regress_approver', 'change manager', 'Provider');
CALL grant_duty('regress_reader', 'reader', 'Customer');

-- The list is the DBA's.
CALL add_proxy('regress_nobody');
CALL add_proxy('regress_portal');
CALL add_proxy('regress_portal');
SELECT * FROM proxy;
SET ROLE regress_portal;
CALL release_mgmt.add_proxy('regress_reader');
CALL release_mgmt.remove_proxy('regress_portal');

-- Acting for nobody, a proxy has no duty.
SELECT * FROM my_duties;
SELECT create_release('REL-1', 'minor');

-- It acts for a person until the transaction ends.
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_manager';
SELECT * FROM my_duties ORDER BY duty;
INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
SELECT create_release('REL-1', 'minor', customers => '{Customer}', changes => '{CHG-1}') IS NOT NULL AS created;
SAVEPOINT before;
SET LOCAL release_mgmt.actor = 'regress_reader';
SELECT * FROM my_duties;
ROLLBACK TO before;
SELECT DISTINCT person FROM my_duties;
COMMIT;
SELECT * FROM my_duties;
RESET ROLE;
SELECT r.code, p.code AS requested_by FROM release AS r JOIN person AS p ON p.id = r.requested_by;

-- A value that stays in the session counts in the transaction that set it, and is an error in every other: a pool can not hand it on.
SET ROLE regress_portal;
SET release_mgmt.actor = 'regress_manager';
SELECT * FROM my_duties;
SELECT code FROM release_mgmt.release;
INSERT INTO risk (release_id, description) VALUES (gen_random_uuid(), 'left over');
RESET release_mgmt.actor;

-- Who is no proxy is refused, and so is a person who does not exist.
SET ROLE regress_manager;
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_approver';
SELECT code FROM release_mgmt.release;
ROLLBACK;
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_approver';
CALL approve_release('REL-1', compute_digest('x'));
ROLLBACK;
SET ROLE regress_portal;
BEGIN;
SET LOCAL release_mgmt.actor = 'somebody';
SELECT code FROM release_mgmt.release;
ROLLBACK;

-- Who requests does not approve, whoever's session it is.
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_manager';
CALL approve_release('REL-1', compute_digest('x'));
ROLLBACK;
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_approver';
CALL approve_release('REL-1', compute_digest('x'));
ROLLBACK;

-- A proxy holds every privilege; it uses those of the person. Tables, columns, verbs, views.
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_reader';
SELECT code FROM release;
SAVEPOINT s;
INSERT INTO change_request (code, type) VALUES ('CHG-2', 'normal');
ROLLBACK TO s;
INSERT INTO risk (release_id, description) VALUES (release_id('REL-1'), 'as a reader');
ROLLBACK TO s;
SELECT create_release('REL-2', 'minor');
ROLLBACK TO s;
SELECT * FROM history_of('release', '1');
ROLLBACK TO s;
CALL advance_release('REL-1', 'planned');
ROLLBACK TO s;
SET LOCAL release_mgmt.actor = 'regress_approver';
UPDATE release SET title = 'only the state is theirs';
ROLLBACK TO s;
SET LOCAL release_mgmt.actor = 'regress_manager';
UPDATE release SET title = 'the manager''s';
SELECT code, title FROM release;
COMMIT;

-- Row-level security follows the person, also in a statement that was planned for another.
RESET ROLE;
INSERT INTO organization (code, kind) VALUES ('Second', 'provider');
CALL grant_duty('regress_second', 'release manager', 'Second');
SET ROLE regress_portal;
PREPARE releases AS SELECT code FROM release_mgmt.release;
BEGIN;
SET LOCAL release_mgmt.actor = 'regress_manager';
EXECUTE releases;
SET LOCAL release_mgmt.actor = 'regress_second';
EXECUTE releases;
COMMIT;
DEALLOCATE releases;

-- The ledger names the role and the person.
RESET ROLE;
SELECT operation, role, changed -> 'title' ->> 'new' AS title FROM history_of('release', (SELECT id::text FROM release)) WHERE changed ? 'title';
SELECT DISTINCT split_part(convert_from(p.entry, 'UTF8'), E'\n', 1) AS head, release_mgmt_internal.entry_field(p.entry, 'role') AS role,
       release_mgmt_internal.entry_field(p.entry, 'actor') AS actor
FROM release_mgmt_internal.transaction_leaf AS p WHERE release_mgmt_internal.entry_field(p.entry, 'role') LIKE 'regress%' ORDER BY 2, 3;
CALL sequence_ledger();
SELECT finding, source FROM verify_ledger();

-- Off the list, it is no more than its own duties make it.
CALL remove_proxy('regress_portal');
CALL remove_proxy('regress_portal');
SET ROLE regress_portal;
SELECT code FROM release_mgmt.release;
RESET ROLE;

DROP OWNED BY regress_portal, regress_manager, regress_approver, regress_reader, regress_second;
DROP ROLE regress_portal, regress_manager, regress_approver, regress_reader, regress_second;
