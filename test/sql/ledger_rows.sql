-- The history of many rows at once is what the views of all captured changes and leaves say of them, by whatever road it is found.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE TABLE host (id integer PRIMARY KEY, name text NOT NULL, note text);
CREATE TABLE site (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO host SELECT i, 'host ' || i FROM generate_series(1, 600) AS i;
INSERT INTO site SELECT i, 'site ' || i FROM generate_series(1, 600) AS i;
SELECT govern('host') IS NOT NULL AND govern('site') IS NOT NULL AS governed;
CALL sequence_ledger();
DO $$
BEGIN
    FOR i IN 1..10 LOOP
        UPDATE host SET note = 'change ' || i WHERE id % 10 = i % 10;
        COMMIT;
    END LOOP;
END $$;
UPDATE site SET name = 'other ' || id WHERE id < 4;
CALL sequence_ledger();
SELECT max(release_mgmt_internal.entry_field(entry, 'at')) AS first FROM ledger_entry \gset
UPDATE host SET name = 'renamed', note = NULL WHERE id < 400;
UPDATE host SET id = 1001 WHERE id = 1;
DO $$ BEGIN FOR i IN 1..11 LOOP UPDATE site SET name = 'round ' || i; END LOOP; END $$;
DELETE FROM host WHERE id = 2;
INSERT INTO host VALUES (2, 'again');
CALL sequence_ledger();
SELECT max(release_mgmt_internal.entry_field(entry, 'at')) AS second FROM ledger_entry \gset
UPDATE host SET note = 'not sequenced' WHERE id BETWEEN 3 AND 300;
UPDATE host SET note = 'once more' WHERE id = 3;

-- Both say the same of the rows of a table with such ids, at least since that time. A change of a key is one of both keys.
CREATE FUNCTION answer(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (label text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text)
LANGUAGE sql STABLE AS $$
    SELECT r.*
    FROM (SELECT array_agg(g.id ORDER BY u.n) AS tables, array_agg(u.id::text ORDER BY u.n) AS keys, array_agg('row ' || u.id ORDER BY u.n) AS labels
          FROM governed_table AS g, unnest(wanted) WITH ORDINALITY AS u (id, n) WHERE g.source = answer.source) AS a
    CROSS JOIN release_mgmt_internal.changes_of_rows(a.tables, a.keys, a.labels, since) AS r $$;
CREATE FUNCTION difference(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (rows bigint, missing bigint, added bigint) LANGUAGE sql STABLE AS $$
    WITH told AS MATERIALIZED (
        SELECT label, transaction_id, operation, attribute, old_value, at, role FROM answer(source, wanted, since)
    ), leaf AS MATERIALIZED (
        SELECT l.transaction_id, release_mgmt_internal.entry_field(l.entry, 'at')::timestamptz AS at, release_mgmt_internal.entry_field(l.entry, 'role') AS role
        FROM release_mgmt_internal.transaction_leaf AS l
    ), captured AS MATERIALIZED (
        SELECT 'row ' || k.key, b.transaction_id, c.operation, o.key, o.value, coalesce(l.at, now()), coalesce(l.role, session_user::text)
        FROM release_mgmt_internal.change_batch AS b
        LEFT JOIN leaf AS l ON l.transaction_id = b.transaction_id
        CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
        CROSS JOIN LATERAL (SELECT c.key UNION SELECT c.former_key WHERE c.former_key IS NOT NULL) AS k
        CROSS JOIN LATERAL (SELECT NULL AS key, NULL AS value WHERE c.old IS NULL OR c.operation <> 'update' OR c.old = '{}'
                            UNION ALL SELECT * FROM jsonb_each_text(c.old)) AS o
        WHERE c.table_id = (SELECT g.id FROM governed_table AS g WHERE g.source = difference.source)
          AND k.key = ANY (wanted::text[]) AND (since IS NULL OR coalesce(l.at, now()) >= since))
    SELECT (SELECT count(*) FROM told),
           (SELECT count(*) FROM (TABLE captured EXCEPT ALL TABLE told) AS d), (SELECT count(*) FROM (TABLE told EXCEPT ALL TABLE captured) AS d) $$;
-- Of each column the last update, and of each row the last insert or delete.
CREATE FUNCTION last_difference(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (rows bigint, missing bigint, added bigint) LANGUAGE sql STABLE AS $$
    WITH told AS MATERIALIZED (
        SELECT r.*
        FROM (SELECT array_agg(g.id ORDER BY u.n) AS tables, array_agg(u.id::text ORDER BY u.n) AS keys, array_agg('row ' || u.id ORDER BY u.n) AS labels
              FROM governed_table AS g, unnest(wanted) WITH ORDINALITY AS u (id, n) WHERE g.source = last_difference.source) AS a
        CROSS JOIN release_mgmt_internal.last_changes_of_rows(a.tables, a.keys, a.labels, since) AS r
    ), captured AS MATERIALIZED (
        SELECT DISTINCT ON (a.label, a.attribute) a.* FROM answer(source, wanted, since) AS a
        WHERE a.operation = 'update' AND a.attribute IS NOT NULL OR a.operation IN ('insert', 'delete') AND a.attribute IS NULL
        ORDER BY a.label, a.attribute, a.n)
    SELECT (SELECT count(*) FROM told),
           (SELECT count(*) FROM (TABLE captured EXCEPT ALL TABLE told) AS d), (SELECT count(*) FROM (TABLE told EXCEPT ALL TABLE captured) AS d) $$;
SELECT array_agg(i) AS all FROM generate_series(1, 2000) AS i \gset
SELECT array_agg(i) AS some FROM generate_series(1, 900) AS i \gset
-- Little was committed since: all of it is looked through. Much was, or few rows are asked for: they are found by their keys.
SELECT count(*) < 900 AS transactions_are_few, count(*) < 6 AS for_some_rows FROM ledger_entry;
SELECT count(*) > 900 / 16 AS batches_are_many, count(*) < 2000 / 16 AS for_more_rows
FROM ledger_batch WHERE transaction_id IN (
    SELECT e.transaction_id FROM ledger_entry AS e WHERE release_mgmt_internal.entry_field(e.entry, 'at')::timestamptz >= :'first');
SELECT * FROM difference('host', :'all', :'second');
SELECT * FROM difference('host', :'all', :'first');
SELECT * FROM difference('host', :'all', NULL);
SELECT * FROM difference('host', '{1,2,3,30,400,1001}', :'first');
SELECT * FROM difference('host', '{1,2,3,30,400,1001}', NULL);
SELECT * FROM difference('site', :'some', :'first');
SELECT * FROM difference('site', :'all', :'first');
SELECT * FROM difference('host', '{}', NULL);
SELECT * FROM last_difference('host', :'all', :'second');
SELECT * FROM last_difference('host', :'all', :'first');
SELECT * FROM last_difference('host', :'all', NULL);
SELECT * FROM last_difference('site', '{1,2,3,30,400,1001}', NULL);
-- Changes are counted from the last one back, as history_of() lists them; at the open transaction's own the time is now.
BEGIN;
UPDATE host SET note = 'still open' WHERE id IN (3, 30);
SELECT release_mgmt_internal.flush_changes();
SELECT * FROM difference('host', '{3,30,400}', NULL);
SELECT * FROM last_difference('host', '{3,30,400}', NULL);
SELECT * FROM difference('host', :'all', :'second');
SELECT count(DISTINCT (a.label, a.n)) AS changes, count(DISTINCT (a.label, a.n)) FILTER (WHERE (h.transaction_id, h.operation) = (a.transaction_id, a.operation)) AS in_order,
       bool_and(a.at = now()) FILTER (WHERE a.n = 1 AND a.label <> 'row 400') AS own_now
FROM answer('host', '{3,30,400}', NULL) AS a
JOIN (VALUES (3), (30), (400)) AS k (id) ON a.label = 'row ' || k.id
CROSS JOIN LATERAL (SELECT o.*, row_number() OVER () AS n FROM history_of('host', k.id::text) AS o) AS h
WHERE h.n = a.n;
ROLLBACK;
-- Again, when everything is in the tree.
CALL sequence_ledger();
CALL sequence_ledger();
SELECT * FROM difference('host', :'all', :'second');
SELECT * FROM difference('host', :'all', NULL);
SELECT * FROM difference('host', :'all', '-infinity');
SELECT * FROM difference('host', :'all', '1960-01-01');
SELECT * FROM difference('host', :'all', 'infinity');
-- A transaction that began before the time and committed afterwards is found, since sequencing notes how long it took.
BEGIN;
UPDATE site SET name = 'slow' WHERE id = 5;
SELECT pg_sleep(0.3);
SELECT clock_timestamp() AS during \gset
COMMIT;
CALL sequence_ledger();
SELECT * FROM difference('site', :'all', :'during');
SELECT * FROM difference('site', '{5}', :'during');
SELECT count(*) AS seconds FROM ledger_slow WHERE second >= date_trunc('second', :'during'::timestamptz) AND longest >= '0.3 seconds';
BEGIN;
DELETE FROM ledger_slow;
SELECT * FROM difference('site', '{5}', :'during');
ROLLBACK;
DROP EXTENSION release_mgmt CASCADE;
