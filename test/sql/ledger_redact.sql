-- Redaction: old values and salts go, every proof stays, and that they went is in the ledger.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('redact.example.org');
CREATE TABLE contact (id integer PRIMARY KEY, name text);
SELECT release_mgmt.govern('contact') IS NOT NULL AS governed;
INSERT INTO contact VALUES (1, 'secret'), (2, 'kept');
UPDATE contact SET name = 'public' WHERE id = 1;
CALL release_mgmt.sequence_ledger();
SELECT release_mgmt.checkpoint() AS checkpoint \gset

-- The last change is spared, since the live row is held against it: it still tells what was there before.
SELECT release_mgmt.redact_history('contact', '1', 'data protection request 7');
SELECT operation, changed, old FROM release_mgmt.history_of('contact', '1');
UPDATE contact SET name = name WHERE id = 1;
SELECT release_mgmt.redact_history('contact', '1', 'data protection request 7');
SELECT release_mgmt.redact_history('contact', '1', 'once more does no harm');
SELECT operation, changed, old FROM release_mgmt.history_of('contact', '1');
SELECT count(*) FROM release_mgmt.ledger_batch WHERE position('secret'::bytea IN changes) > 0;
SELECT key, changes, reason FROM release_mgmt.redaction ORDER BY id;
SELECT count(*) AS redactions_in_the_ledger FROM release_mgmt.captured_change WHERE source = 'release_mgmt.redaction'::regclass;
SELECT * FROM release_mgmt.verify_ledger(:'checkpoint');
-- What was deleted is redacted altogether, here while its leaf is pending.
DELETE FROM contact WHERE id = 2;
INSERT INTO contact VALUES (2, 'again');
SELECT release_mgmt.redact_history('contact', '2', 'request 8');
SELECT operation, changed FROM release_mgmt.history_of('contact', '2');
SELECT count(*) FROM (SELECT changes FROM release_mgmt.ledger_pending_0 UNION ALL SELECT changes FROM release_mgmt.ledger_pending_1
                      UNION ALL SELECT changes FROM release_mgmt.ledger_batch) AS b WHERE position('kept'::bytea IN changes) > 0;
SELECT * FROM release_mgmt.verify_ledger(:'checkpoint');
CALL release_mgmt.sequence_ledger();
-- Redacting behind the ledger's back to hide a change of a live row is named.
UPDATE release_mgmt.ledger_batch AS b
SET changes = release_mgmt_internal.redact_batch(b.changes, t.id, '1', -1) FROM release_mgmt.governed_table AS t WHERE t.source = 'contact'::regclass;
SELECT finding, source, key, expected, found FROM release_mgmt.verify_ledger();
-- Within a snapshot from before they were sequenced, changes may be sought where they no longer are.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT release_mgmt.redact_history('contact', '2', 'request 9');
ROLLBACK;
SELECT release_mgmt.redact_history('pg_class', '1', 'no reason');
