-- Organizations, persons and duties: who may do what follows from duties alone.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_librarian;
CREATE ROLE regress_manager;

-- One organization of each kind is there from the start.
SELECT code, kind FROM organization ORDER BY code;

-- Whoever has no duty reaches nothing.
SET ROLE regress_librarian;
SELECT * FROM release_mgmt.organization;
RESET ROLE;

-- Giving a duty: unknown names are refused and say what there is.
CALL grant_duty('regress_nobody', 'librarian', 'Provider');
CALL grant_duty('regress_librarian', 'king', 'Provider');
CALL grant_duty('regress_librarian', 'librarian', 'Nowhere');
SELECT count(*) FROM person;

-- A first duty makes a person; the same call again does no harm.
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_librarian', 'librarian', 'Provider');
CALL grant_duty('regress_librarian', 'reader', 'Customer');
CALL grant_duty('regress_manager', 'release manager', 'Provider');
SELECT p.code, pd.duty, o.code AS organization
FROM person AS p JOIN person_duty AS pd ON pd.person_id = p.id JOIN organization AS o ON o.id = pd.organization_id
ORDER BY 1, 2, 3;

-- The SQL privileges follow: the librarian may not write releases, nor persons, nor look inside.
SET ROLE regress_librarian;
SELECT * FROM my_duties ORDER BY duty;
INSERT INTO person (code, role_name) VALUES ('me', 'me');
SELECT create_release('REL-1', 'minor');
SELECT release_mgmt_internal.acting_person();
RESET ROLE;

-- Taking a duty away takes the privileges that no other duty needs.
SELECT has_table_privilege('regress_manager', 'release', 'INSERT');
CALL revoke_duty('regress_manager', 'release manager', 'Provider');
SELECT has_table_privilege('regress_manager', 'release', 'INSERT'), has_schema_privilege('regress_manager', 'release_mgmt', 'USAGE');
CALL revoke_duty('regress_librarian', 'librarian', 'Provider');
SET ROLE regress_librarian;
SELECT * FROM my_duties;
RESET ROLE;

-- What names nothing is refused, so that nobody believes a duty taken away that is still there.
CALL grant_duty('regress_librarian', 'libarian', 'Provider');
CALL grant_duty('regress_librarian', NULL, 'Provider');
CALL revoke_duty('regress_librarian', 'raeder', 'Customer');
CALL revoke_duty('regress_librarian', 'reader', 'Custommer');
CALL revoke_duty('regress_librarain', 'reader', 'Customer');
CALL revoke_duty(NULL, 'reader', 'Customer');
CALL add_proxy(NULL);
SET client_min_messages = notice;
CALL revoke_duty('regress_librarian', 'reader', 'Provider');
CALL remove_proxy('regress_librarian');
SET client_min_messages = warning;

-- The privileges follow where the owner writes the rows by hand, too.
INSERT INTO person_duty SELECT person_id('regress_librarian'), 'auditor', organization_id('Customer');
SELECT has_table_privilege('regress_librarian', 'proxy', 'SELECT');
DELETE FROM person_duty WHERE duty = 'auditor';
SELECT has_table_privilege('regress_librarian', 'proxy', 'SELECT');
INSERT INTO proxy VALUES ('regress_librarian');
SELECT has_table_privilege('regress_librarian', 'proxy', 'SELECT');
DELETE FROM proxy;
SELECT has_table_privilege('regress_librarian', 'proxy', 'SELECT');

-- A role that was dropped and made anew bears the name of a person who has duties.
CREATE ROLE regress_new;
CALL grant_duty('regress_new', 'operator', 'Provider');
DROP OWNED BY regress_new;
DROP ROLE regress_new;
CREATE ROLE regress_new;
CALL grant_duty('regress_new', 'reader', 'Provider');
CALL grant_duty('regress_new', 'reader', 'Provider');
DROP OWNED BY regress_new;
DROP ROLE regress_new;

-- Keys: only public ones, by the person, one code once.
SET ROLE regress_librarian;
CALL register_signing_key('lib', E'-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n');
CALL register_signing_key('lib', E'-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n');
CALL register_signing_key('lib', E'-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n');
CALL register_signing_key('lib', E'-----BEGIN PUBLIC KEY-----\nMCox\n-----END PUBLIC KEY-----\n');
RESET ROLE;
SET ROLE regress_manager;
CALL release_mgmt.register_signing_key('man', E'-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n');
RESET ROLE;

-- Every object that a duty brings exists, and the duty too.
SELECT dp.duty FROM release_mgmt_internal.duty_privilege AS dp
WHERE dp.duty NOT IN ('*', 'PUBLIC') AND NOT EXISTS (SELECT FROM duty AS d WHERE d.name = dp.duty);

DROP OWNED BY regress_librarian, regress_manager;
DROP ROLE regress_librarian, regress_manager;
