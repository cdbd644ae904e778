-- Old values go by rule when they are old enough; rows, proofs and the record of it stay.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE TABLE person_record (id integer PRIMARY KEY, name text);
CREATE TABLE server (id integer PRIMARY KEY, name text);
SELECT govern('person_record') IS NOT NULL AND govern('server') IS NOT NULL AS governed;
INSERT INTO person_record SELECT i, 'name ' || i FROM generate_series(1, 5) AS i;
UPDATE person_record SET name = 'other ' || id WHERE id <= 4;
UPDATE person_record SET name = 'third', id = 20 WHERE id = 2;
DELETE FROM person_record WHERE id = 3;
BEGIN;
UPDATE person_record SET name = 'once' WHERE id = 4;
UPDATE person_record SET name = 'twice' WHERE id = 4;
COMMIT;
INSERT INTO server VALUES (1, 'web');
UPDATE server SET name = 'db';
CALL sequence_ledger();
CREATE VIEW told AS
    SELECT c.key, c.former_key, c.operation, t.redacted, c.old
    FROM captured_change AS c
    JOIN release_mgmt_internal.change_batch AS b ON b.transaction_id = c.transaction_id
    CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS t
    WHERE c.source = 'person_record'::regclass AND t.seq = c.seq
    ORDER BY c.log_index, c.seq;
SELECT apply_retention();
SELECT set_retention('pg_class', '1 year', 'no such table');
SELECT set_retention('person_record', '-1 day', 'wrong');
SELECT set_retention('person_record', '1 year', 'data protection, article 5');
SELECT set_retention('person_record', '1 year', 'data protection, article 5');
SELECT apply_retention() AS nothing_is_that_old;
SELECT set_retention('person_record', '1 microsecond', 'for this test');
SELECT apply_retention();
SELECT apply_retention() AS again;
-- What a live row is held against stays: the last change of 1, 4, 5 and 20.
SELECT * FROM told;
SELECT count(*) FROM captured_change AS c JOIN release_mgmt_internal.change_batch AS b USING (transaction_id)
    CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS t WHERE c.source = 'server'::regclass AND t.redacted;
SELECT * FROM verify_ledger();

-- On record.
SELECT p.keep, p.reason, r.changes FROM retention_policy AS p LEFT JOIN retention_run AS r ON r.policy_id = p.id ORDER BY p.id;

-- The next change makes the one before it go, a table kept for ever keeps it.
UPDATE person_record SET name = 'new' WHERE id = 1;
SELECT apply_retention() AS not_sequenced;
CALL sequence_ledger();
SELECT set_retention('person_record', NULL, 'a dispute is pending');
SELECT apply_retention() AS kept;
SELECT set_retention('person_record', '1 microsecond', 'it is settled');
SELECT apply_retention();
SELECT operation, old FROM history_of('person_record', '1');
SELECT * FROM verify_ledger();
