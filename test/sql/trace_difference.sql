-- drift() tells what is otherwise than it was, or than it was permitted to become: what came back is no difference.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
\set SHOW_CONTEXT never
SELECT activate('difference.example.org');
CREATE ROLE regress_difference_rm;
CREATE ROLE regress_difference_op;
CREATE ROLE regress_difference_app;
CALL grant_duty('regress_difference_rm', 'release manager', 'Provider');
CALL grant_duty('regress_difference_op', 'operator', 'Provider');
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
CREATE TABLE host (id integer PRIMARY KEY, os text, size numeric(8,2), note text, seen integer);
INSERT INTO host SELECT i, 'bookworm', i, CASE WHEN i % 2 = 0 THEN 'note' END, 0 FROM generate_series(0, 30) AS i;
GRANT ALL ON host TO regress_difference_op, regress_difference_app;
SELECT bind_ci_class('host', 'host', '{id}', 'id', exempt => '{seen}');
CREATE TABLE before AS TABLE host;
-- differences(): what is otherwise, by the table as it was, as drift() would name it.
CREATE FUNCTION differences() RETURNS TABLE (ci text, attribute text, expected text, present text) LANGUAGE sql AS $$
    SELECT 'host/' || coalesce(b.id, h.id), v.attribute, v.expected, v.present
    FROM before AS b FULL JOIN host AS h ON h.id = b.id
    CROSS JOIN LATERAL (VALUES (NULL, NULL, NULL, b.id IS NULL OR h.id IS NULL), ('os', b.os, h.os, b.id = h.id), ('note', b.note, h.note, b.id = h.id),
                               ('size', b.size::text, h.size::text, b.id = h.id)) AS v (attribute, expected, present, counts)
    WHERE v.counts AND (v.attribute IS NULL OR v.expected IS DISTINCT FROM v.present)
$$;
CREATE VIEW wrong AS
    (SELECT 'not told' AS how, d.* FROM differences() AS d EXCEPT SELECT 'not told', t.ci, t.attribute, t.expected, t.present FROM drift() AS t)
    UNION ALL
    (SELECT 'no difference', t.ci, t.attribute, t.expected, t.present FROM drift() AS t EXCEPT SELECT 'no difference', d.* FROM differences() AS d);

-- Nothing permits any of it: there and back, over several values, by NULL, deleted and inserted as it was or otherwise, come and gone.
SET ROLE regress_difference_app;
UPDATE host SET os = 'trixie' WHERE id IN (1, 2, 3);
UPDATE host SET os = 'bookworm' WHERE id = 1;
UPDATE host SET os = 'sid' WHERE id = 2;
UPDATE host SET note = 'other', size = 0 WHERE id IN (4, 5);
UPDATE host SET note = NULL, size = 5 WHERE id = 5;
UPDATE host SET seen = 9, note = 'other' WHERE id = 6;
DELETE FROM host WHERE id IN (7, 8, 9);
INSERT INTO host VALUES (7, 'bookworm', 7.00, NULL, 3), (8, 'trixie', 8, NULL, 0);
INSERT INTO host VALUES (100, 'new', 1, NULL, 0), (101, 'short-lived', 1, NULL, 0);
DELETE FROM host WHERE id = 101;
UPDATE host SET size = 3.5 WHERE id = 10;
DELETE FROM host WHERE id = 10;
INSERT INTO host VALUES (10, 'bookworm', 10, 'note', 0);
BEGIN;
DELETE FROM host WHERE id = 11;
INSERT INTO host VALUES (11, 'bookworm', 11, 'now there', 0);
UPDATE host SET os = 'trixie' WHERE id = 11;
COMMIT;
RESET ROLE;
SELECT * FROM wrong;
SELECT ci, attribute, expected, present, classification FROM drift();
CALL sequence_ledger();
SELECT * FROM wrong;

-- Against what a release left. What followed it and came back to that is no matter; what undid it is, although it is as it was.
SET ROLE regress_difference_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AND create_release('REL-2', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
SELECT release_id('REL-1'), 'host/' || i, 'os', 'trixie', 'host/0' FROM generate_series(20, 23) AS i;
INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value, target)
VALUES (release_id('REL-1'), 'host/300', 'create', 'os', 'sid', 'host/0'), (release_id('REL-2'), 'host/301', 'create', 'os', 'sid', 'host/1'),
       (release_id('REL-1'), 'host/24', 'retire', '', NULL, 'host/0'), (release_id('REL-2'), 'host/25', 'retire', '', NULL, 'host/1');
SELECT add_wave('REL-1', 'all', '{host/0}') IS NOT NULL AND add_wave('REL-2', 'all', '{host/1}') IS NOT NULL AS added;
CALL advance_release('REL-1', 'deploying');
CALL advance_release('REL-2', 'deploying');
SET ROLE regress_difference_op;
UPDATE host SET os = 'trixie' WHERE id BETWEEN 20 AND 23;
INSERT INTO host (id, os) VALUES (300, 'sid'), (301, 'sid');
DELETE FROM host WHERE id IN (24, 25);
SET ROLE regress_difference_app;
UPDATE host SET os = 'bookworm' WHERE id = 21;
UPDATE host SET os = 'sid' WHERE id IN (22, 23);
UPDATE host SET os = 'trixie' WHERE id = 22;
UPDATE host SET os = 'bullseye' WHERE id = 23;
DELETE FROM host WHERE id = 301;
INSERT INTO host VALUES (25, 'bookworm', 25, NULL, 0);
RESET ROLE;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift()
WHERE split_part(ci, '/', 2)::integer BETWEEN 20 AND 25 OR split_part(ci, '/', 2)::integer >= 300;
-- What others undid again is as permitted; what is taken back is as it was.
SET ROLE regress_difference_app;
UPDATE host SET os = 'trixie' WHERE id IN (21, 23);
DELETE FROM host WHERE id = 25;
INSERT INTO host (id, os) VALUES (301, 'sid');
SET ROLE regress_difference_rm;
SELECT back_out_ci_changes('REL-1');
RESET ROLE;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift()
WHERE split_part(ci, '/', 2)::integer BETWEEN 20 AND 25 OR split_part(ci, '/', 2)::integer >= 300;

-- So it is with a release's items: what others did to what it does not plan is held against what was there when it was made, whatever
-- lies between, by whatever name the item goes now. Column former is how it was called then.
SET ROLE regress_difference_rm;
SELECT create_release('REL-3', 'minor', model => 'plain') IS NOT NULL AND create_release('REL-4', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
SELECT release_id('REL-3'), 'host/' || i, 'os', 'sid', 'host/3' FROM generate_series(12, 19) AS i
UNION ALL SELECT release_id('REL-4'), 'host/' || i, 'note', 'by a release', 'host/4' FROM generate_series(17, 19) AS i;
SELECT add_wave('REL-3', 'all', '{host/3}') IS NOT NULL AND add_wave('REL-4', 'all', '{host/4}') IS NOT NULL AS added;
CALL advance_release('REL-3', 'deploying');
CALL advance_release('REL-4', 'deploying');
RESET ROLE;
CREATE TABLE sealed AS SELECT h.*, h.id AS former FROM host AS h WHERE h.id BETWEEN 12 AND 19;
ALTER TABLE host ADD former integer;
SELECT bind_ci_class('host', 'host', '{id}', 'id', exempt => '{seen,former}');
UPDATE host SET former = id;
SET ROLE regress_difference_op;
UPDATE host SET os = 'sid' WHERE id BETWEEN 12 AND 19;
UPDATE host SET note = 'by a release' WHERE id BETWEEN 17 AND 19;
SET ROLE regress_difference_app;
UPDATE host SET note = 'other', size = size + 1 WHERE id BETWEEN 12 AND 16;
UPDATE host SET note = CASE WHEN id % 2 = 0 THEN 'note' END WHERE id IN (12, 13);
UPDATE host SET id = 213 WHERE id = 13;
UPDATE host SET size = size - 1 WHERE id IN (213, 14);
UPDATE host SET id = 215, note = 'another' WHERE id = 15;
UPDATE host SET id = 15 WHERE id = 215;
UPDATE host SET id = 216 WHERE id = 16;
UPDATE host SET os = 'trixie' WHERE id IN (12, 14, 216);
UPDATE host SET os = 'sid' WHERE id IN (12, 216);
DELETE FROM host WHERE id = 15;
INSERT INTO host VALUES (15, 'sid', 15, 'note', 0, 15);
UPDATE host SET note = 'spoilt' WHERE id IN (17, 18);
UPDATE host SET note = 'by a release' WHERE id = 17;
RESET ROLE;
-- What the release plans, what another one was permitted to do, and what is neither.
CREATE VIEW wrong_of_release AS
    WITH told AS (
        SELECT d.ci, d.attribute, d.expected, d.present, d.classification, d.release_code FROM drift('REL-3') AS d
    ), standing AS (
        SELECT 'host/' || h.id AS ci, v.attribute, v.expected, v.present, v.classification, v.release_code
        FROM sealed AS s JOIN host AS h ON h.former = s.former
        CROSS JOIN LATERAL (VALUES
            ('id', s.id::text, h.id::text, 'unauthorized', NULL),
            ('size', s.size::text, h.size::text, 'unauthorized', NULL),
            ('os', 'sid', h.os, CASE WHEN h.os = 'sid' THEN 'authorized' ELSE 'unauthorized' END, CASE WHEN h.os = 'sid' THEN 'REL-3' END),
            ('note', CASE WHEN s.id >= 17 AND h.note <> 'by a release' THEN 'by a release' ELSE s.note END, h.note,
             CASE WHEN s.id >= 17 AND h.note = 'by a release' THEN 'authorized' ELSE 'unauthorized' END, CASE WHEN s.id >= 17 AND h.note = 'by a release' THEN 'REL-4' END)
        ) AS v (attribute, expected, present, classification, release_code)
        WHERE v.expected IS DISTINCT FROM v.present OR (v.attribute = 'os' AND h.os = 'sid'))
    (SELECT 'not told' AS how, i.* FROM standing AS i EXCEPT SELECT 'not told', t.* FROM told AS t)
    UNION ALL
    (SELECT 'not so', t.* FROM told AS t EXCEPT SELECT 'not so', i.* FROM standing AS i);
SELECT * FROM wrong_of_release;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-3');
CALL sequence_ledger();
SELECT * FROM wrong_of_release;
-- What a release left and another row took the place of is held against what it left, too, and against nothing where it may not be there.
SET ROLE regress_difference_app;
DELETE FROM host WHERE id IN (17, 25);
INSERT INTO host VALUES (17, 'sid', 17, 'spoilt', 0, 17), (102, 'new', 1, NULL, 0, 102);
UPDATE host SET os = 'newer' WHERE id = 102;
RESET ROLE;
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift() WHERE ci IN ('host/17', 'host/25', 'host/102');
SELECT ci, attribute, expected, present, classification, release_code, role FROM drift('REL-4');
SELECT finding, source FROM verify_ledger();
DROP OWNED BY regress_difference_rm, regress_difference_op, regress_difference_app;
DROP ROLE regress_difference_rm, regress_difference_op, regress_difference_app;
