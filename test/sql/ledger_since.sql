-- Incremental verification: what came after a checkpoint, and nothing else.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('since.example.org');
CREATE TABLE host (site text, name text, n integer, at timestamptz, PRIMARY KEY (site, name));
SELECT release_mgmt.govern('host') IS NOT NULL AS governed;
-- More than a tile of 256 leaves, so that the checkpoint rests on a tile and on entries behind it.
DO $$ BEGIN FOR i IN 1..300 LOOP INSERT INTO host VALUES ('a:b', 'host ' || i, i); COMMIT; END LOOP; END $$;
CALL release_mgmt.sequence_ledger();
SELECT release_mgmt.checkpoint() AS checkpoint \gset
UPDATE host SET n = -1 WHERE name = 'host 7';
DELETE FROM host WHERE name = 'host 8';
UPDATE host SET name = 'renamed' WHERE name = 'host 9';
DO $$ BEGIN FOR i IN 301..600 LOOP INSERT INTO host VALUES ('a:b', 'host ' || i, i, now()); COMMIT; END LOOP; END $$;
CALL release_mgmt.sequence_ledger();
INSERT INTO host VALUES ('pending', 'pending', 0);
CREATE FUNCTION since(checkpoint text) RETURNS TABLE (finding text, leaf bigint, source text, key text) LANGUAGE sql AS
$$ SELECT v.finding, v.log_index - split_part(checkpoint, E'\n', 2)::bigint, v.source, v.key FROM release_mgmt.verify_ledger_since(checkpoint) AS v $$;
CREATE FUNCTION size(checkpoint text) RETURNS bigint LANGUAGE sql AS $$ SELECT split_part(checkpoint, E'\n', 2)::bigint $$;
SELECT * FROM since(:'checkpoint');
SELECT * FROM since(release_mgmt.checkpoint());
-- The open transaction's changes belong to it.
BEGIN;
UPDATE host SET n = 0 WHERE name = 'host 1';
SELECT * FROM since(:'checkpoint');
ROLLBACK;

-- Rows that were changed since: written, removed and added behind the ledger's back.
ALTER TABLE host DISABLE TRIGGER USER;
BEGIN;
UPDATE host SET n = 1 WHERE name IN ('host 7', 'pending');
DELETE FROM host WHERE name = 'host 400';
INSERT INTO host VALUES ('a:b', 'host 8', 8), ('a:b', 'host 9', 9);
SELECT * FROM since(:'checkpoint') WHERE finding NOT LIKE 'trigger%' ORDER BY finding, leaf;
ROLLBACK;
-- One that was not is left to verify_ledger().
BEGIN;
UPDATE host SET n = 0 WHERE name = 'host 10';
SELECT * FROM since(:'checkpoint') WHERE finding NOT LIKE 'trigger%';
SELECT finding, key FROM release_mgmt.verify_ledger() WHERE finding NOT LIKE 'trigger%';
ROLLBACK;
ALTER TABLE host ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;

-- Leaves and changes behind the checkpoint.
BEGIN;
UPDATE release_mgmt.ledger_entry SET entry = set_byte(entry, 59, get_byte(entry, 59) # 1) WHERE index = size(:'checkpoint') + 1;
SELECT finding, leaf FROM since(:'checkpoint') WHERE finding = 'leaf changed';
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_batch SET changes = set_byte(changes, 29, get_byte(changes, 29) # 1)
WHERE transaction_id = (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE index = size(:'checkpoint') + 5);
SELECT finding, leaf FROM since(:'checkpoint') WHERE finding = 'changes altered';
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_entry WHERE index = size(:'checkpoint') + 5;
SELECT finding, leaf FROM since(:'checkpoint') WHERE finding LIKE 'leaf%';
ROLLBACK;
-- What the checkpoint's root is made of: a tile, and an entry behind the last full one.
BEGIN;
UPDATE release_mgmt.ledger_tile SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE level = 0 AND index = 0;
SELECT finding, leaf FROM since(:'checkpoint');
ROLLBACK;
BEGIN;
DELETE FROM release_mgmt.ledger_tile WHERE level = 0 AND index = 0;
SELECT finding, leaf + size(:'checkpoint') AS leaf, key FROM since(:'checkpoint');
ROLLBACK;
BEGIN;
UPDATE release_mgmt.ledger_entry SET entry = set_byte(entry, 59, get_byte(entry, 59) # 1) WHERE index = size(:'checkpoint') - 2;
SELECT finding, leaf FROM since(:'checkpoint');
ROLLBACK;

-- Checkpoints of another root, of a larger tree, of another log, and none at all.
SELECT finding, leaf FROM since(regexp_replace(:'checkpoint', E'\n[^\n]+\n$', E'\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'));
SELECT finding FROM since(regexp_replace(:'checkpoint', E'\n\\d+\n', E'\n100000\n'));
SELECT finding FROM since(regexp_replace(:'checkpoint', '^[^\n]+', 'other.example.org'));
SELECT finding, found FROM release_mgmt.verify_ledger_since('what is this');
