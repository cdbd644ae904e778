-- What is done behind the ledger's back is named: leaf, table, key. A superuser can do it; verification tells.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('tamper.example.org');
CREATE TABLE host (name text PRIMARY KEY, version text);
SELECT release_mgmt.govern('host') IS NOT NULL AS governed;
INSERT INTO host VALUES ('bash', '5.1');
INSERT INTO host VALUES ('curl', '7.88');
INSERT INTO host SELECT 'package ' || i, '1.0' FROM generate_series(1, 500) AS i;
UPDATE host SET version = '5.2' WHERE name = 'bash';
CALL release_mgmt.sequence_ledger();
INSERT INTO host VALUES ('pending', '1');
SELECT * FROM release_mgmt.verify_ledger();
SELECT release_mgmt.checkpoint() AS checkpoint \gset

-- Findings without their hashes, which differ from run to run.
CREATE VIEW findings AS
    SELECT finding, log_index, source, key, regexp_replace(expected, 'sha256:\w+', 'a hash') AS expected,
           regexp_replace(found, 'sha256:\w+|\w{8}-\w{4}-7.*', 'a value') AS found
    FROM release_mgmt.verify_ledger() AS v;

-- Rows changed, added and deleted with the triggers off.
BEGIN;
ALTER TABLE host DISABLE TRIGGER ALL;
UPDATE host SET version = '0' WHERE name = 'bash';
INSERT INTO host VALUES ('malware', '1');
DELETE FROM host WHERE name IN ('curl', 'pending');
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;
SELECT * FROM findings ORDER BY finding, key;
ROLLBACK;

-- ENABLE TRIGGER ALL makes an ordinary trigger of one that fired always; others are dropped, replaced, or given a condition.
BEGIN;
ALTER TABLE host ENABLE TRIGGER ALL;
SELECT * FROM findings ORDER BY finding, key;
ROLLBACK;
BEGIN;
DROP TRIGGER rm_90_capture ON host;
SELECT * FROM findings ORDER BY finding, key;
CREATE TRIGGER rm_90_capture AFTER INSERT OR UPDATE OR DELETE ON host FOR EACH ROW WHEN (false)
    EXECUTE FUNCTION release_mgmt_internal.capture('019ac000-0001-7000-8000-000000000001');
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_90_capture;
SELECT finding, source, key FROM findings ORDER BY finding, key;
ROLLBACK;
BEGIN;
CREATE OR REPLACE FUNCTION release_mgmt_internal.capture() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN NULL; END';
SELECT finding, key, expected FROM findings ORDER BY finding, key;
ROLLBACK;
BEGIN;
ALTER EVENT TRIGGER rm_ledger_alter DISABLE;
SELECT * FROM findings ORDER BY finding, key;
ROLLBACK;

-- The registry: a table taken off the list, another key, a table dropped.
BEGIN;
DELETE FROM release_mgmt.governed_table WHERE source = 'host'::regclass;
SELECT finding, log_index, source FROM findings ORDER BY finding, source;
ROLLBACK;
BEGIN;
DROP TABLE host CASCADE;
SELECT finding, log_index FROM findings ORDER BY finding;
ROLLBACK;

-- History: an entry edited, entries exchanged, one deleted, the tail cut off with and without the head.
BEGIN;
UPDATE release_mgmt.ledger_entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'role postgres', 'role somebody'), 'UTF8') WHERE index = 2;
SELECT * FROM findings;
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_entry SET index = index + 100 WHERE index IN (2, 3);
UPDATE release_mgmt.ledger_entry SET index = 105 - index WHERE index >= 100;
SELECT * FROM findings;
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_entry WHERE index = 2;
SELECT finding, log_index FROM findings ORDER BY finding;
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_entry WHERE index = (SELECT max(index) FROM release_mgmt.ledger_entry);
SELECT finding, log_index, key FROM findings ORDER BY finding;
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_head SET edge = set_byte(edge, 0, get_byte(edge, 0) # 1);
SELECT * FROM findings;
ROLLBACK;

-- Captured changes: a batch edited, deleted, added.
BEGIN;
UPDATE release_mgmt.ledger_batch SET changes = set_byte(changes, 29, get_byte(changes, 29) # 1)
WHERE transaction_id = (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE index = 2);
SELECT finding, log_index, source FROM findings ORDER BY finding;
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_batch WHERE transaction_id = (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE index = 3);
SELECT * FROM findings ORDER BY finding;
ROLLBACK;
BEGIN;
INSERT INTO release_mgmt.ledger_batch SELECT '019ac000-0001-7000-8000-000000000001', 0, count, changes FROM release_mgmt.ledger_batch
WHERE transaction_id = (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE index = 3);
SELECT finding, log_index, regexp_replace(found, '.*', 'a transaction') FROM release_mgmt.verify_ledger();
ROLLBACK;
BEGIN;
INSERT INTO release_mgmt.ledger_batch SELECT b.transaction_id, 1000, b.count, b.changes FROM release_mgmt.ledger_batch AS b
JOIN release_mgmt.ledger_entry AS e ON e.transaction_id = b.transaction_id WHERE e.index IN (2, 4) AND b.first_seq = 0;
SELECT finding, log_index FROM findings ORDER BY log_index;
ROLLBACK;

-- A pending leaf deleted, and the change that stands beside it; that change edited.
BEGIN;
DELETE FROM release_mgmt.ledger_pending_0 WHERE transaction_id NOT IN (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE transaction_id IS NOT NULL);
SELECT * FROM findings ORDER BY finding;
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_pending_0 SET changes = set_byte(changes, 29, get_byte(changes, 29) # 1)
WHERE transaction_id NOT IN (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE transaction_id IS NOT NULL);
SELECT finding, log_index, source FROM findings ORDER BY finding;
ROLLBACK;

-- Checkpoints kept outside: of this tree, of a larger one, with another root, of another log, no checkpoint at all.
SELECT * FROM release_mgmt.verify_ledger(:'checkpoint');
SELECT finding, log_index, key, expected, found FROM release_mgmt.verify_ledger(regexp_replace(:'checkpoint', E'\n\\d+\n', E'\n1000\n'));
SELECT finding, log_index, key, expected FROM release_mgmt.verify_ledger(E'tamper.example.org\n2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n');
SELECT finding, expected, found FROM release_mgmt.verify_ledger(E'other.example.org\n2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n');
SELECT finding, found FROM release_mgmt.verify_ledger('what is this');

-- Without a key nothing is signed; a proof beyond the tree does not exist.
SELECT release_mgmt.sign_checkpoint();
SELECT release_mgmt.inclusion_proof(1000);
SELECT cardinality(release_mgmt.inclusion_proof(2, 4)) AS hashes, cardinality(release_mgmt.consistency_proof(2, 4)) AS more;

-- 300 leaves fill a tile; a hash in it is held against its leaf.
DO $$ BEGIN FOR i IN 1..300 LOOP INSERT INTO host VALUES ('later ' || i, '1'); COMMIT; END LOOP; END $$;
CALL release_mgmt.sequence_ledger();
SELECT level, index FROM release_mgmt.ledger_tile;
SELECT * FROM release_mgmt.verify_ledger(:'checkpoint');
BEGIN;
UPDATE release_mgmt.ledger_tile SET hashes = overlay(hashes PLACING '\x00ff00ff' FROM 32 * 7 + 1);
SELECT * FROM findings;
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_tile SET root = overlay(root PLACING '\x00ff00ff' FROM 1);
SELECT * FROM findings;
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_tile;
SELECT * FROM findings;
ROLLBACK;

-- A sequenced leaf deleted while the pending one is still there: it is not put into the tree a second time.
BEGIN;
DELETE FROM release_mgmt.ledger_entry WHERE index = 5;
UPDATE release_mgmt.ledger_head SET seen_before = NULL, not_seen_from = NULL;
SELECT finding, log_index FROM release_mgmt.verify_ledger();
\set VERBOSITY terse
CALL release_mgmt.sequence_ledger();
\set VERBOSITY default
ROLLBACK;

-- Stored checkpoints that were spoilt, or stand under another size: they say nothing of the tree any more.
BEGIN;
INSERT INTO release_mgmt.ledger_checkpoint (log_id, size, note) SELECT i.log_id, 2, 'spoilt' FROM release_mgmt.ledger_identity AS i;
INSERT INTO release_mgmt.ledger_checkpoint (log_id, size, note) SELECT i.log_id, 3, :'checkpoint' FROM release_mgmt.ledger_identity AS i;
SELECT finding, key, expected, split_part(found, E'\n', 1) AS found FROM release_mgmt.verify_ledger();
SELECT finding, key, expected, split_part(found, E'\n', 1) AS found FROM release_mgmt.verify_ledger_since(:'checkpoint');
ROLLBACK;

-- A transaction that moves a table of the ledger aside commits with its leaf, or not at all.
BEGIN;
INSERT INTO host VALUES ('beside', '1');
ALTER TABLE release_mgmt.ledger_batch RENAME TO aside;
COMMIT;
ALTER TABLE release_mgmt.aside RENAME TO ledger_batch;
BEGIN;
INSERT INTO host SELECT 'beside ' || i, '1' FROM generate_series(1, 100) AS i;
ALTER TABLE release_mgmt.ledger_batch RENAME TO aside;
COMMIT;
BEGIN;
INSERT INTO host VALUES ('beside 1', '1');
ALTER TABLE release_mgmt.ledger_pending_0 RENAME TO aside;
COMMIT;
CALL release_mgmt.sequence_ledger();

-- After all that was rolled back, nothing is wrong.
SELECT * FROM release_mgmt.verify_ledger(:'checkpoint');
SELECT origin, active, size, pending, oldest_pending, signed_size, triggers_sound FROM release_mgmt.ledger_status;
