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
UPDATE host SET id = id + 1000 WHERE id BETWEEN 11 AND 20;
DO $$ BEGIN FOR i IN 1..11 LOOP UPDATE site SET name = 'round ' || i; END LOOP; END $$;
DELETE FROM host WHERE id = 2;
INSERT INTO host VALUES (2, 'again');
CALL sequence_ledger();
SELECT max(release_mgmt_internal.entry_field(entry, 'at')) AS second FROM ledger_entry \gset
UPDATE host SET note = 'not sequenced' WHERE id BETWEEN 3 AND 300 OR id > 1010;
UPDATE host SET note = 'once more' WHERE id = 3;
-- Keys that are changed again, that come back, that others have meanwhile or had before, and two that are exchanged in one command.
UPDATE host SET id = id + 100 WHERE id BETWEEN 1011 AND 1014;
UPDATE host SET note = 'elsewhere' WHERE id > 1010;
INSERT INTO host VALUES (11, 'another'), (1012, 'another'), (1, 'another');
UPDATE host SET id = 12 WHERE id = 1112;
DELETE FROM host WHERE id IN (1113, 1);
UPDATE host SET id = 1113 WHERE id = 1015;
INSERT INTO host VALUES (1, 'yet another');
ALTER TABLE host DROP CONSTRAINT host_pkey, ADD PRIMARY KEY (id) DEFERRABLE;
UPDATE host SET id = 1016 + 1017 - id WHERE id IN (1016, 1017);
UPDATE host SET note = 'at last' WHERE id > 1000 OR id < 20;

-- Which row each change is of, from the first one on: a row takes its name along from key to key, and whoever is inserted where a
-- row was deleted is that row again.
CREATE TABLE life (rank integer, transaction_id uuid, command_id bigint, seq bigint, source regclass, key text, former_key text, operation text, old jsonb, at timestamptz, role text, of_row integer);
CREATE TABLE bearer (source regclass, key text, of_row integer, PRIMARY KEY (source, key));
CREATE SEQUENCE row_name;
CREATE FUNCTION live() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    command record;
BEGIN
    DELETE FROM life;
    DELETE FROM bearer;
    INSERT INTO life
    SELECT dense_rank() OVER (ORDER BY l.entry IS NOT NULL, l.log_index IS NOT NULL, l.log_index DESC, l.position DESC), b.transaction_id, c.command_id, c.seq, t.source, c.key, c.former_key, c.operation, c.old,
           coalesce(release_mgmt_internal.entry_field(l.entry, 'at')::timestamptz, now()), coalesce(release_mgmt_internal.entry_field(l.entry, 'role'), session_user::text)
    FROM release_mgmt_internal.change_batch AS b
    LEFT JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = b.transaction_id
    CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
    JOIN governed_table AS t ON t.id = c.table_id AND t.source IN ('host'::regclass, 'site'::regclass);
    FOR command IN SELECT l.rank, l.command_id FROM life AS l GROUP BY 1, 2 ORDER BY 1 DESC, 2 LOOP
        UPDATE life AS l SET of_row = coalesce((SELECT o.of_row FROM bearer AS o WHERE o.source = l.source AND o.key = coalesce(l.former_key, l.key)), nextval('row_name'))
        WHERE (l.rank, l.command_id) = (command.rank, command.command_id);
        DELETE FROM bearer AS o USING life AS l WHERE (l.rank, l.command_id) = (command.rank, command.command_id) AND o.source = l.source AND o.key = l.former_key;
        INSERT INTO bearer SELECT l.source, l.key, l.of_row FROM life AS l WHERE (l.rank, l.command_id) = (command.rank, command.command_id)
        ON CONFLICT (source, key) DO UPDATE SET of_row = excluded.of_row;
    END LOOP;
    RETURN (SELECT count(*) FROM life);
END $$;
-- Both say the same of the rows of a table with such ids, at least since that time: what stands under the key, of which a change of a key
-- is under both, and what was done to the row that had it last.
CREATE FUNCTION answer(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (label text, n bigint, transaction_id uuid, operation text, attribute text, old_value text, at timestamptz, role text, made_as text)
LANGUAGE sql STABLE AS $$
    SELECT r.label, r.n, r.transaction_id, r.operation, r.attribute, r.old_value, r.at, r.role, coalesce(r.made_as, r.label)
    FROM (SELECT array_agg(g.id ORDER BY u.n) AS tables, array_agg(u.id::text ORDER BY u.n) AS keys, array_agg('row ' || u.id ORDER BY u.n) AS labels
          FROM governed_table AS g, unnest(wanted) WITH ORDINALITY AS u (id, n) WHERE g.source = answer.source) AS a
    CROSS JOIN release_mgmt_internal.changes_of_rows(a.tables, a.keys, a.labels, since) AS r $$;
CREATE FUNCTION difference(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (rows bigint, missing bigint, added bigint) LANGUAGE sql STABLE AS $$
    WITH told AS MATERIALIZED (
        SELECT label, transaction_id, operation, attribute, old_value, at, role, made_as FROM answer(source, wanted, since)
    ), under AS MATERIALIZED (
        SELECT k.key AS asked, k.key = l.former_key AS has_left, l.*
        FROM life AS l CROSS JOIN LATERAL (SELECT l.key UNION SELECT l.former_key WHERE l.former_key IS NOT NULL) AS k
        WHERE l.source = difference.source AND k.key = ANY (wanted::text[]) AND (since IS NULL OR l.at >= since)
    ), last AS (
        SELECT DISTINCT ON (u.asked) u.* FROM under AS u ORDER BY u.asked, u.rank, u.command_id DESC, (u.operation = 'delete' OR coalesce(u.has_left, false)), u.seq DESC
    ), captured AS MATERIALIZED (
        SELECT 'row ' || f.asked, l.transaction_id, l.operation, o.key, o.value, l.at, l.role, 'row ' || l.key
        FROM (SELECT u.asked, u.transaction_id, u.seq FROM under AS u
              UNION
              SELECT t.asked, l.transaction_id, l.seq FROM last AS t JOIN life AS l ON l.source = t.source AND l.of_row = t.of_row AND (l.rank > t.rank OR l.rank = t.rank AND l.command_id <= t.command_id)
              WHERE since IS NULL OR l.at >= since) AS f
        JOIN life AS l ON l.transaction_id = f.transaction_id AND l.seq = f.seq
        CROSS JOIN LATERAL (SELECT NULL AS key, NULL AS value WHERE l.old IS NULL OR l.operation <> 'update' OR l.old = '{}'
                            UNION ALL SELECT * FROM jsonb_each_text(l.old)) AS o)
    SELECT (SELECT count(*) FROM told),
           (SELECT count(*) FROM (TABLE captured EXCEPT ALL TABLE told) AS d), (SELECT count(*) FROM (TABLE told EXCEPT ALL TABLE captured) AS d) $$;
-- Of the row that had the key last: of each column the last update, and the last insert or delete.
CREATE FUNCTION last_difference(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (rows bigint, missing bigint, added bigint) LANGUAGE sql STABLE AS $$
    WITH told AS MATERIALIZED (
        SELECT r.label, r.transaction_id, r.operation, r.attribute, r.old_value, r.at, r.role, coalesce(r.made_as, r.label)
        FROM (SELECT array_agg(g.id ORDER BY u.n) AS tables, array_agg(u.id::text ORDER BY u.n) AS keys, array_agg('row ' || u.id ORDER BY u.n) AS labels
              FROM governed_table AS g, unnest(wanted) WITH ORDINALITY AS u (id, n) WHERE g.source = last_difference.source) AS a
        CROSS JOIN release_mgmt_internal.last_changes_of_rows(a.tables, a.keys, a.labels, since) AS r
    ), last AS (
        SELECT DISTINCT ON (k.key) k.key AS asked, l.*
        FROM life AS l CROSS JOIN LATERAL (SELECT l.key UNION SELECT l.former_key WHERE l.former_key IS NOT NULL) AS k
        WHERE l.source = last_difference.source AND k.key = ANY (wanted::text[]) AND (since IS NULL OR l.at >= since)
        ORDER BY k.key, l.rank, l.command_id DESC, (l.operation = 'delete' OR coalesce(k.key = l.former_key, false)), l.seq DESC
    ), captured AS MATERIALIZED (
        SELECT DISTINCT ON (t.asked, o.key) 'row ' || t.asked, l.transaction_id, l.operation, o.key, o.value, l.at, l.role, 'row ' || l.key
        FROM last AS t
        JOIN life AS l ON l.source = t.source AND l.of_row = t.of_row AND (l.rank > t.rank OR l.rank = t.rank AND l.command_id <= t.command_id)
        CROSS JOIN LATERAL (SELECT NULL AS key, NULL AS value WHERE l.operation IN ('insert', 'delete') UNION ALL SELECT * FROM jsonb_each_text(l.old) WHERE l.operation = 'update') AS o
        WHERE since IS NULL OR l.at >= since
        ORDER BY t.asked, o.key, l.rank, l.command_id DESC)
    SELECT (SELECT count(*) FROM told),
           (SELECT count(*) FROM (TABLE captured EXCEPT ALL TABLE told) AS d), (SELECT count(*) FROM (TABLE told EXCEPT ALL TABLE captured) AS d) $$;
-- Rows by the keys that they had at that time, or were the first to get: what they are called in the end, and everything that was done to them since.
CREATE FUNCTION forward_difference(source regclass, wanted integer[], since timestamptz)
RETURNS TABLE (rows bigint, renamed bigint, missing bigint, added bigint) LANGUAGE sql STABLE AS $$
    WITH told AS MATERIALIZED (
        SELECT coalesce(r.asked_as, r.label) AS asked, r.label, r.operation, r.attribute, r.transaction_id, r.old_value
        FROM (SELECT array_agg(g.id ORDER BY u.n) AS tables, array_agg(u.id::text ORDER BY u.n) AS keys, array_agg('row ' || u.id ORDER BY u.n) AS labels
              FROM governed_table AS g, unnest(wanted) WITH ORDINALITY AS u (id, n) WHERE g.source = forward_difference.source) AS a
        CROSS JOIN release_mgmt_internal.last_changes_of_rows(a.tables, a.keys, a.labels, since, forward => true) AS r
    ), first AS MATERIALIZED (
        SELECT DISTINCT ON (k.key) k.key AS asked, l.of_row
        FROM life AS l CROSS JOIN LATERAL (SELECT l.key UNION SELECT l.former_key WHERE l.former_key IS NOT NULL) AS k
        WHERE l.source = forward_difference.source AND l.at >= since
        ORDER BY k.key, l.rank DESC, l.command_id, (l.operation = 'delete' OR coalesce(k.key = l.former_key, false)) DESC
    ), captured AS MATERIALIZED (
        SELECT DISTINCT ON (t.asked, o.key) 'row ' || t.asked, 'row ' || coalesce(b.key, t.asked), l.operation, o.key, l.transaction_id, o.value
        FROM first AS t
        LEFT JOIN bearer AS b ON b.source = forward_difference.source AND b.of_row = t.of_row
        JOIN life AS l ON l.of_row = t.of_row AND l.at >= since
        CROSS JOIN LATERAL (SELECT NULL AS key, NULL AS value WHERE l.operation IN ('insert', 'delete') UNION ALL SELECT * FROM jsonb_each_text(l.old) WHERE l.operation = 'update') AS o
        WHERE t.asked = ANY (wanted::text[])
        ORDER BY t.asked, o.key, l.rank, l.command_id DESC)
    SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM (SELECT DISTINCT t.asked FROM told AS t WHERE t.asked <> t.label) AS d),
           (SELECT count(*) FROM (TABLE captured EXCEPT ALL TABLE told) AS d), (SELECT count(*) FROM (TABLE told EXCEPT ALL TABLE captured) AS d) $$;
SELECT array_agg(i) AS all FROM generate_series(1, 2000) AS i \gset
SELECT array_agg(i) AS some FROM generate_series(1, 900) AS i \gset
-- Little was committed since: all of it is looked through. Much was, or few rows are asked for: they are found by their keys.
SELECT count(*) < 900 AS transactions_are_few, count(*) < 6 AS for_some_rows FROM ledger_entry;
SELECT count(*) > 900 / 16 AS batches_are_many, count(*) < 2000 / 16 AS for_more_rows
FROM ledger_batch WHERE transaction_id IN (
    SELECT e.transaction_id FROM ledger_entry AS e WHERE release_mgmt_internal.entry_field(e.entry, 'at')::timestamptz >= :'first');
SELECT live() AS changes;
SELECT * FROM difference('host', :'all', :'second');
SELECT * FROM difference('host', :'all', :'first');
SELECT * FROM difference('host', :'all', NULL);
SELECT * FROM forward_difference('host', '{3,13,14,15,1001,1011,1013,1014,1015,1016,1017,1018}', :'second');
SELECT * FROM forward_difference('host', :'all', :'second');
SELECT * FROM forward_difference('host', :'all', :'first');
SELECT * FROM difference('host', '{1,2,3,30,400,1001}', :'first');
SELECT * FROM difference('host', '{1,2,3,30,400,1001}', NULL);
SELECT * FROM difference('site', :'some', :'first');
SELECT * FROM difference('site', :'all', :'first');
SELECT * FROM difference('host', '{}', NULL);
SELECT * FROM last_difference('host', :'all', :'second');
SELECT * FROM last_difference('host', :'all', :'first');
SELECT * FROM last_difference('host', :'all', NULL);
SELECT * FROM last_difference('site', '{1,2,3,30,400,1001}', NULL);
-- What each change led to is told of the row that it was done to: by what was there before its next change, or is there now.
WITH step AS (
    SELECT l.of_row, o.key AS attribute, l.transaction_id, l.seq, o.value AS old,
           lag(o.value) OVER w AS later, row_number() OVER w = 1 AS is_last
    FROM life AS l CROSS JOIN LATERAL jsonb_each_text(l.old) AS o
    WHERE l.source = 'host'::regclass AND l.operation IN ('update', 'delete')
    WINDOW w AS (PARTITION BY l.of_row, o.key ORDER BY l.rank, l.command_id DESC)
), told AS MATERIALIZED (
    SELECT k.id, h.transaction_id, h.seq, c.key AS attribute, c.value ->> 'old' AS old, c.value ->> 'new' AS new
    FROM host AS k CROSS JOIN LATERAL history_of('host', k.id::text) AS h CROSS JOIN LATERAL jsonb_each(h.changed) AS c
    WHERE h.operation = 'update' AND (k.id < 30 OR k.id > 1000)
)
SELECT count(*) AS steps, count(*) FILTER (WHERE s.old IS DISTINCT FROM t.old) AS other_before,
       count(*) FILTER (WHERE CASE WHEN s.is_last THEN to_jsonb(k) ->> s.attribute ELSE s.later END IS DISTINCT FROM t.new) AS other_after
FROM host AS k
JOIN bearer AS b ON b.source = 'host'::regclass AND b.key = k.id::text
JOIN step AS s ON s.of_row = b.of_row
JOIN told AS t ON t.id = k.id AND t.transaction_id = s.transaction_id AND t.seq = s.seq AND t.attribute = s.attribute;
SELECT operation, changed, made_as FROM history_of('host', '1');
SELECT operation, changed, made_as FROM history_of('host', '1113') LIMIT 4;
-- Changes are counted from the last one back, as history_of() lists them; at the open transaction's own the time is now.
BEGIN;
UPDATE host SET note = 'still open' WHERE id IN (3, 30);
SELECT release_mgmt_internal.flush_changes(), live() AS changes;
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
SELECT live() AS changes;
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
SELECT live() AS changes;
SELECT * FROM difference('site', :'all', :'during');
SELECT * FROM difference('site', '{5}', :'during');
SELECT count(*) AS seconds FROM ledger_slow WHERE second >= date_trunc('second', :'during'::timestamptz) AND longest >= '0.3 seconds';
BEGIN;
DELETE FROM ledger_slow;
SELECT * FROM difference('site', '{5}', :'during');
ROLLBACK;
-- One that began days before and has just committed, and whose leaf is pending, is found by the time in the leaf.
BEGIN;
UPDATE site SET name = 'open for days' WHERE id = 6;
COMMIT;
BEGIN;
UPDATE ledger_pending_0 AS p SET transaction_id = overlay(p.transaction_id::text PLACING '0190' FROM 1)::uuid
WHERE NOT EXISTS (SELECT FROM ledger_entry AS e WHERE e.transaction_id = p.transaction_id);
UPDATE ledger_pending_1 AS p SET transaction_id = overlay(p.transaction_id::text PLACING '0190' FROM 1)::uuid
WHERE NOT EXISTS (SELECT FROM ledger_entry AS e WHERE e.transaction_id = p.transaction_id);
SELECT count(*) AS aged FROM release_mgmt_internal.pending_leaf AS p
WHERE p.transaction_id < ALL (SELECT e.transaction_id FROM ledger_entry AS e WHERE e.transaction_id IS NOT NULL);
SELECT live() AS changes;
SELECT * FROM difference('site', '{5,6}', :'during');
ROLLBACK;
DROP EXTENSION release_mgmt CASCADE;
