-- The emergency path: a reason, a limited time, named items; judged afterwards by another person.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('cmdb.example.org');
CREATE ROLE regress_emergency_op;
CREATE ROLE regress_emergency_cm;
CREATE ROLE regress_emergency_other;
CALL grant_duty('regress_emergency_op', 'operator', 'Provider');
CALL grant_duty('regress_emergency_op', 'change manager', 'Provider');
CALL grant_duty('regress_emergency_cm', 'change manager', 'Provider');
CREATE TABLE server (id integer PRIMARY KEY, name text NOT NULL, os text);
INSERT INTO server VALUES (1, 'web', 'bookworm'), (2, 'db', 'bookworm');
GRANT ALL ON server TO regress_emergency_op, regress_emergency_cm, regress_emergency_other;
SELECT bind_ci_class('server', 'server', '{id}', 'name', mode => 'enforce');

SET ROLE regress_emergency_op;
UPDATE server SET os = 'fixed' WHERE id = 1;
SELECT declare_emergency('EMG-1', '{server/1,rack/7}', 'disk full');
\echo :LAST_ERROR_SQLSTATE
SELECT declare_emergency('EMG-1', '{server/1}', ' ');
SELECT declare_emergency('EMG-1', '{server/1}', 'disk full', '25 hours');
\echo :LAST_ERROR_SQLSTATE
SELECT declare_emergency('EMG-1', '{NULL}', 'disk full');
SELECT declare_emergency('EMG-1', '{server/1}', NULL);
SELECT declare_emergency(NULL, NULL, NULL, NULL);
SELECT declare_emergency('EMG-1', '{{server/1}}', 'disk full');
SELECT declare_emergency('EMG-1', '{server/1,server/3}', 'disk full') > now() AS open;
SELECT declare_emergency('EMG-1', '{server/1,server/3}', 'disk full') > now() AS open;
SELECT declare_emergency('EMG-1', '{server/2}', 'another one');
\echo :LAST_ERROR_SQLSTATE
UPDATE server SET os = 'fixed' WHERE id = 1;
UPDATE server SET os = 'fixed' WHERE id = 2;
INSERT INTO server VALUES (3, 'standby', 'trixie');
RESET ROLE;
-- for people with a duty alone
SET ROLE regress_emergency_other;
UPDATE server SET os = 'mine' WHERE id = 1;
RESET ROLE;
SELECT code, reason, items, declared_by, status, changes FROM emergency_status;
SELECT code, type, title, priority FROM change_request;
SELECT ci, attribute, classification, role FROM drift();

-- Afterwards: not by who declared it; a verdict ends it and stands.
SET ROLE regress_emergency_op;
CALL judge_emergency('EMG-1', 'approved');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SET ROLE regress_emergency_cm;
CALL judge_emergency('EMG-2', 'approved');
CALL judge_emergency('EMG-1', 'maybe');
CALL judge_emergency('EMG-1', 'rejected', 'the disk was not full');
CALL judge_emergency('EMG-1', 'rejected');
CALL judge_emergency('EMG-1', 'approved');
RESET ROLE;
SELECT code, status, remark, judged_by, changes FROM emergency_status;
SET ROLE regress_emergency_op;
UPDATE server SET os = 'again' WHERE id = 1;
-- What was done under a rejected one is unauthorized.
SELECT ci, attribute, classification, role FROM drift();
SELECT kind, code, detail, person FROM trace_ci('server/1');
-- A release that does not plan it is named as well.
SET release_mgmt.release = 'REL-9';
UPDATE server SET os = 'again' WHERE id = 1;
RESET release_mgmt.release;
-- One that is over permits nothing.
SELECT declare_emergency('EMG-3', '{server/2}', 'again', '1 second') > now() AS open;
SELECT pg_sleep(1.1);
UPDATE server SET os = 'late' WHERE id = 2;
SELECT code, status FROM emergency_status ORDER BY code;
RESET ROLE;

-- Customers beside each other: an emergency opens an item for people whom both concern.
INSERT INTO organization (code, kind) VALUES ('Bakery', 'customer'), ('Brewery', 'customer');
CREATE ROLE regress_emergency_bakery;
CREATE ROLE regress_emergency_brewery;
CREATE ROLE regress_emergency_board;
CALL grant_duty('regress_emergency_bakery', 'operator', 'Bakery');
CALL grant_duty('regress_emergency_brewery', 'operator', 'Brewery');
CALL grant_duty('regress_emergency_board', 'operator', 'Authority');
CREATE TABLE oven (id integer PRIMARY KEY, heat integer, owner text);
INSERT INTO oven VALUES (1, 0, 'Bakery'), (2, 0, 'Brewery'), (3, 0, NULL);
GRANT ALL ON oven TO PUBLIC;
SELECT bind_ci_class('oven', 'oven', '{id}', 'id', mode => 'enforce', organization => 'owner');
SET ROLE regress_emergency_bakery;
SELECT declare_emergency('EMG-5', '{oven/1,oven/3}', 'no bread');
\echo :LAST_ERROR_SQLSTATE
SELECT declare_emergency('EMG-5', '{oven/1,oven/2}', 'no bread');
\echo :LAST_ERROR_SQLSTATE
SELECT declare_emergency('EMG-5', '{oven/1,oven/4,oven/5,oven/6}', 'no bread') > now() AS open;
-- One of these comes about meanwhile, and is another one's.
RESET ROLE;
SELECT govern('oven', 'observe') IS NOT NULL AS observed;
INSERT INTO oven VALUES (6, 0, 'Brewery');
SELECT govern('oven', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_emergency_bakery;
UPDATE oven SET heat = 1 WHERE id = 1;
UPDATE oven SET heat = 1 WHERE id = 6;
UPDATE oven SET owner = 'Bakery' WHERE id = 6;
INSERT INTO oven VALUES (4, 1, 'Bakery');
INSERT INTO oven VALUES (5, 1, 'Brewery');
INSERT INTO oven VALUES (5, 1, NULL);
SET ROLE regress_emergency_brewery;
UPDATE oven SET heat = 2 WHERE id = 1;
UPDATE oven SET owner = 'Brewery' WHERE id = 1;
UPDATE oven SET heat = 2 WHERE id = 6;
SET ROLE regress_emergency_board;
UPDATE oven SET heat = 3 WHERE id IN (1, 6);
-- What is one's own may be given away, and is gone then.
SET ROLE regress_emergency_bakery;
UPDATE oven SET owner = 'Brewery' WHERE id = 1;
UPDATE oven SET heat = 4 WHERE id = 1;
RESET ROLE;
-- A change of key is one of the item that bore the name, whoever's that has become: nobody changes another's so, and everybody his own.
SET ROLE regress_emergency_bakery;
SELECT declare_emergency('EMG-6', '{oven/7,oven/8,oven/9}', 'no rolls') > now() AS open;
RESET ROLE;
SELECT govern('oven', 'observe') IS NOT NULL AS observed;
INSERT INTO organization (code, kind) VALUES ('Outsider', 'provider');
CREATE ROLE regress_emergency_outsider;
CALL grant_duty('regress_emergency_outsider', 'operator', 'Outsider');
INSERT INTO oven VALUES (7, 0, 'Bakery'), (8, 0, 'Brewery'), (9, 0, NULL), (10, 0, 'Brewery');
DELETE FROM oven WHERE id = 10;
SELECT govern('oven', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_emergency_outsider;
SELECT declare_emergency('EMG-7', '{oven/9,oven/11,oven/12}', 'no crackers') > now() AS open;
RESET ROLE;
SELECT govern('oven', 'observe') IS NOT NULL AS observed;
INSERT INTO oven VALUES (11, 0, 'Bakery'), (12, 0, 'Outsider');
SELECT govern('oven', 'enforce') IS NOT NULL AS enforced;
SET ROLE regress_emergency_outsider;
UPDATE oven SET heat = 5 WHERE id = 11;
UPDATE oven SET id = 20, heat = 5 WHERE id = 11;
-- A key that was another's.
UPDATE oven SET id = 10 WHERE id = 12;
UPDATE oven SET id = 21 WHERE id = 9;
UPDATE oven SET id = 22 WHERE id = 12;
SET ROLE regress_emergency_bakery;
UPDATE oven SET id = 23 WHERE id = 8;
UPDATE oven SET id = 24 WHERE id = 7;
RESET ROLE;
SELECT release_mgmt_internal.items_asked_about();
SELECT * FROM oven ORDER BY id;
SELECT i.label, p.operation, p.attribute FROM ci_change_permit AS p JOIN ci AS i ON i.id = p.ci_id WHERE i.class = 'oven' ORDER BY p.id;
SELECT * FROM verify_ledger();
