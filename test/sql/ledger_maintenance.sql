-- A maintenance window: owners migrate the schema of governed tables, keys included, and rows are recorded once, at its end.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('maintenance.example.org');
CREATE ROLE regress_ledger_migrator;
GRANT ALL ON SCHEMA public TO regress_ledger_migrator;
CREATE TYPE site AS ENUM ('north', 'south');
CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL, serial text NOT NULL DEFAULT gen_random_uuid());
CREATE TABLE place (at site, n integer, PRIMARY KEY (at, n));
CREATE TABLE still (id integer PRIMARY KEY);
CREATE TABLE free (id integer PRIMARY KEY);
ALTER TABLE item OWNER TO regress_ledger_migrator;
INSERT INTO item (id, name) SELECT i, 'item ' || i FROM generate_series(1, 5) AS i;
INSERT INTO place VALUES ('north', 1), ('south', 2);
SELECT count(release_mgmt.govern(t)) FROM unnest('{item,place,still}'::regclass[]) AS t;
CREATE VIEW findings AS SELECT finding, source, key, found FROM release_mgmt.verify_ledger();
CREATE FUNCTION operations(source regclass, key text) RETURNS text LANGUAGE sql
    RETURN (SELECT string_agg(h.operation, ' ' ORDER BY h.log_index DESC NULLS FIRST) FROM release_mgmt.history_of(source, key) AS h);

-- Refused: with every reason, and to everybody but a DBA.
SELECT release_mgmt.begin_maintenance('{free,release_mgmt.person,still}', ' ', now() + interval '8 days');
SELECT release_mgmt.begin_maintenance('{still}', 'too late', now() - interval '1 second');
SELECT release_mgmt.end_maintenance() AS nothing_was_open;
SET ROLE regress_ledger_migrator;
SELECT release_mgmt.begin_maintenance('{item}', 'mine', now() + interval '1 hour');
ALTER TABLE item ALTER id TYPE text;
RESET ROLE;

-- In the window all is verified until a statement moves rows.
SELECT release_mgmt.begin_maintenance('{item,place,still,item}', 'migration 42', now() + interval '1 hour');
SELECT release_mgmt.begin_maintenance('{item}', 'twice', now() + interval '1 hour');
UPDATE item SET name = 'changed' WHERE id = 1;
ALTER TABLE still DISABLE TRIGGER rm_90_capture;
INSERT INTO still VALUES (1);
ALTER TABLE still ENABLE ALWAYS TRIGGER rm_90_capture;
SELECT * FROM findings ORDER BY 1, 2;
ALTER TABLE still DISABLE TRIGGER rm_90_capture;
DELETE FROM still;
ALTER TABLE still ENABLE ALWAYS TRIGGER rm_90_capture;
-- The guard stands.
SET ROLE regress_ledger_migrator;
ALTER TABLE item DISABLE TRIGGER rm_90_capture;
ALTER TABLE item SET UNLOGGED;
TRUNCATE item;
DROP TABLE item;
ALTER TABLE item DROP id;
-- Rows are not recorded after each statement; one that was missing already is named as long as keys stay.
ALTER TABLE item ADD weight integer DEFAULT 1;
ALTER TABLE item ALTER weight TYPE bigint;
RESET ROLE;
SELECT operations('item', '2'), operations('item', '1');
ALTER TABLE item DISABLE TRIGGER rm_90_capture;
DELETE FROM item WHERE id = 5;
ALTER TABLE item ENABLE ALWAYS TRIGGER rm_90_capture;
SELECT * FROM findings ORDER BY 1, 2;
ALTER TABLE item DISABLE TRIGGER rm_90_capture;
INSERT INTO item SELECT 5, 'item 5', 'put back', 1;
ALTER TABLE item ENABLE ALWAYS TRIGGER rm_90_capture;
-- Keys: another type, other values, other columns; and a value of an enum.
SET ROLE regress_ledger_migrator;
ALTER TABLE item ALTER id TYPE text USING 'no. ' || id;
INSERT INTO item VALUES ('no. 6', 'new', 'six');
DELETE FROM item WHERE id = 'no. 2';
ALTER TABLE item DROP CONSTRAINT item_pkey;
SELECT release_mgmt.end_maintenance('{item}');
RESET ROLE;
SELECT release_mgmt.end_maintenance('{item}');
SET ROLE regress_ledger_migrator;
ALTER TABLE item ADD PRIMARY KEY (serial);
ALTER TABLE item DROP id;
UPDATE item SET serial = 'seven' WHERE serial = 'six';
RESET ROLE;
ALTER TYPE site RENAME VALUE 'north' TO 'arctic';
SELECT * FROM findings ORDER BY 1, 2;
SELECT finding, source, found FROM release_mgmt.verify_ledger_since(release_mgmt.checkpoint()) ORDER BY 1, 2;
CALL release_mgmt.sequence_ledger();
SELECT release_mgmt.end_maintenance('{item,place}');
SELECT * FROM findings;
CALL release_mgmt.sequence_ledger();
SELECT * FROM findings;
SELECT key, operations('item', key) FROM unnest('{1,2,no. 2,no. 6,six,seven,put back}'::text[]) AS key;
SELECT key, operations('place', key) FROM unnest('{north:1,arctic:1,south:2}'::text[]) AS key;
SELECT t.source, m.reason, m.begun_by = session_user AS by, m.ended_by = session_user AS ended_by, m.rows_moved_at IS NOT NULL AS moved, m.keys_moved,
       m.recorded, m.departed
FROM release_mgmt.maintenance AS m JOIN release_mgmt.governed_table AS t ON t.id = m.table_id ORDER BY t.source::text;
-- As before the window.
ALTER TABLE item ALTER serial TYPE varchar(40);
UPDATE item SET name = 'after' WHERE serial = 'seven';
SELECT * FROM findings;

-- One transaction: begun, used and ended; and once more.
BEGIN;
UPDATE place SET n = 3 WHERE n = 2;
SELECT release_mgmt.begin_maintenance('{place}', 'at once', now() + interval '1 hour');
ALTER TABLE place ALTER n TYPE text USING 'n' || n;
SELECT release_mgmt.end_maintenance('{place}');
SELECT release_mgmt.begin_maintenance('{place}', 'again', now() + interval '1 hour');
ALTER TABLE place ALTER n TYPE text USING 'n' || n;
SELECT release_mgmt.end_maintenance('{place}');
COMMIT;
SELECT * FROM findings WHERE source <> 'public.still';
SELECT key, operations('place', key) FROM unnest('{south:2,south:3,south:n3,south:nn3}'::text[]) AS key;
SELECT max(departed), count(*) FROM release_mgmt.maintenance WHERE reason IN ('at once', 'again');

-- A window that nobody ends allows nothing any more, and is not forgotten.
SELECT release_mgmt.end_maintenance();
SELECT release_mgmt.begin_maintenance('{place}', 'forgotten', now() + interval '1 hour');
ALTER TABLE place ADD note text DEFAULT 'x';
UPDATE release_mgmt.maintenance SET begun_at = begun_at - interval '1 day', until = until - interval '1 day' WHERE ended_at IS NULL;
SELECT * FROM findings;
ALTER TABLE place ALTER n TYPE integer USING 1;
ALTER TABLE place ADD another text DEFAULT 'y';
SELECT * FROM findings;
SELECT release_mgmt.end_maintenance('{place}');
SELECT * FROM findings;
-- Keys that others had before, seen since a checkpoint.
CALL release_mgmt.sequence_ledger();
SELECT release_mgmt.checkpoint() AS checkpoint \gset
SELECT release_mgmt.begin_maintenance('{still}', 'other numbers', now() + interval '1 hour');
INSERT INTO still VALUES (1), (2);
DELETE FROM still WHERE id = 2;
ALTER TABLE still ALTER id TYPE bigint USING id + 1;
SELECT * FROM findings;
SELECT finding, source, found FROM release_mgmt.verify_ledger_since(:'checkpoint');
SELECT release_mgmt.end_maintenance();
SELECT * FROM findings;
SELECT finding, source, found FROM release_mgmt.verify_ledger_since(:'checkpoint');
SELECT release_mgmt.begin_maintenance('{place}', 'given up', now() + interval '1 hour');
SELECT release_mgmt.ungovern('place');
SELECT reason, ended_at IS NOT NULL AS ended, recorded FROM release_mgmt.maintenance WHERE reason = 'given up';
SELECT * FROM findings;
