-- The guard: what nothing permits is refused in mode enforce, complained of in mode warn, left alone in mode observe.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
\set SHOW_CONTEXT never
CREATE ROLE regress_cmdb_app;
GRANT CREATE ON SCHEMA public TO regress_cmdb_app;
SET ROLE regress_cmdb_app;
CREATE TABLE server (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, os text, ram integer DEFAULT 16,
    created timestamptz DEFAULT now(), last_seen timestamptz, mib integer GENERATED ALWAYS AS (ram * 1024) STORED);
INSERT INTO server (name, os) VALUES ('web', 'bookworm'), ('db', 'bookworm');
RESET ROLE;
SELECT release_mgmt.bind_ci_class('server', 'server', '{id}', 'name', mode => 'enforce', exempt => '{last_seen}');

-- A check of the site's own stands here for the one that reads the plans of releases.
CREATE TABLE plan (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ci text, operation text, attribute text, old_value text, new_value text);
CREATE FUNCTION permits(text, text, text, text, text) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT id FROM public.plan WHERE (ci, operation) = ($1, $2) AND attribute IS NOT DISTINCT FROM $3
        AND old_value IS NOT DISTINCT FROM $4 AND new_value IS NOT DISTINCT FROM $5 LIMIT 1);
INSERT INTO release_mgmt.registered_check (name, point, function_name, proves)
VALUES ('site_plan', 'ci_change', 'public.permits', 'the site plans it');

-- The table's owner is held to the rule like anybody else.
SET ROLE regress_cmdb_app;
UPDATE server SET os = 'trixie', name = 'www', last_seen = now() WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM server WHERE id = 1;
INSERT INTO server (name, os) VALUES ('new', 'trixie');
INSERT INTO server (name) VALUES ('web') ON CONFLICT (id) DO UPDATE SET name = 'x';
COPY server (name) FROM stdin;
copied
\.
MERGE INTO server AS s USING (VALUES (2)) AS v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET ram = NULL;
UPDATE server SET id = DEFAULT WHERE id = 2;
WITH gone AS (DELETE FROM server RETURNING id) SELECT count(*) FROM gone;
-- exempt and unchanged columns go through
UPDATE server SET last_seen = '2026-01-01', os = os WHERE id = 1;
-- a trigger of the owner that changes the row late is seen too
CREATE FUNCTION sneak() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.os := ''sneaked''; RETURN NEW; END';
CREATE TRIGGER zzz BEFORE UPDATE ON server FOR EACH ROW EXECUTE FUNCTION sneak();
UPDATE server SET last_seen = '2026-01-02' WHERE id = 1;
DROP TRIGGER zzz ON server;
SET release_mgmt.release = 'REL-9';
UPDATE server SET ram = 32 WHERE id = 2;
RESET release_mgmt.release;
RESET ROLE;

-- What is planned passes, column by column, and the permit is kept.
INSERT INTO plan (ci, operation, attribute, old_value, new_value) VALUES
    ('server/1', 'change', 'os', 'bookworm', 'trixie'),
    ('server/2', 'retire', NULL, NULL, NULL),
    ('server/9', 'create', NULL, NULL, NULL), ('server/9', 'create', 'name', NULL, 'nine');
SET ROLE regress_cmdb_app;
UPDATE server SET os = 'trixie', ram = 32 WHERE id = 1;
UPDATE server SET os = 'trixie', last_seen = '2026-01-01' WHERE id = 1;
DELETE FROM server WHERE id = 2;
INSERT INTO server (id, name) OVERRIDING SYSTEM VALUE VALUES (9, 'neun');
INSERT INTO server (id, name, ram) OVERRIDING SYSTEM VALUE VALUES (9, 'nine', 64);
INSERT INTO server (id, name) OVERRIDING SYSTEM VALUE VALUES (9, 'nine');
RESET ROLE;
SELECT i.label, p.operation, p.attribute, p.check_name, p.permitted_by = n.id AS by_plan,
       dense_rank() OVER (ORDER BY p.transaction_id) AS transaction
FROM release_mgmt.ci_change_permit AS p
JOIN release_mgmt.ci AS i ON i.id = p.ci_id
JOIN plan AS n ON n.ci = i.label AND n.operation = p.operation AND n.attribute IS NOT DISTINCT FROM p.attribute
ORDER BY i.label, p.attribute NULLS FIRST;
SELECT id, name, os, ram FROM server ORDER BY id;

CREATE FUNCTION apply_ci_change(ci text, operation text, changes jsonb) RETURNS bigint BEGIN ATOMIC
    SELECT release_mgmt_internal.apply_ci_changes(array_agg(apply_ci_change.ci), array_agg(apply_ci_change.operation), array_agg(c.key), array_agg(c.value))
    FROM (SELECT '' AS key, NULL AS value UNION ALL SELECT * FROM jsonb_each_text(changes)) AS c;
END;

-- A planned change applied by a verb runs as the table's owner, under the guard, and must be taken as it is.
INSERT INTO plan (ci, operation, attribute, old_value, new_value) VALUES ('server/1', 'change', 'ram', '16', '128');
SELECT apply_ci_change('server/1', 'change', '{"ram": 256}');
SELECT apply_ci_change('server/1', 'change', '{"ram": 128}');
SELECT apply_ci_change('server/1', 'change', '{"colour": "red"}');
SELECT apply_ci_change('server/1', 'change', '{"ram": "much"}');
SELECT apply_ci_change('server/77', 'change', '{"ram": 128}');
SELECT apply_ci_change('rack/1', 'create', '{}');
SELECT apply_ci_change('server/1', 'move', '{}');
SELECT apply_ci_change('server/9', 'retire', '{}');
SELECT release_mgmt.govern('server', 'observe') \g /dev/null
SELECT apply_ci_change('server/12', 'create', '{"name": "twelve", "ram": null}');
SELECT apply_ci_change('server/12', 'retire', '{}');
CREATE RULE nothing AS ON DELETE TO server WHERE old.id = 1 DO INSTEAD NOTHING;
SELECT apply_ci_change('server/1', 'retire', '{}');
DROP RULE nothing ON server;
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'trigger runs as % with search_path %', current_user, current_setting('search_path'); NEW.ram := 1; RETURN NEW; END $$;
CREATE TRIGGER who BEFORE UPDATE ON server FOR EACH ROW EXECUTE FUNCTION who();
SELECT apply_ci_change('server/1', 'change', '{"ram": 7, "name": "w7"}');
DROP TRIGGER who ON server;

-- Mode observe says nothing, mode warn says what enforce would refuse; every session learns of a new mode at once.
UPDATE server SET name = 'observed' WHERE id = 1;
SELECT release_mgmt.bind_ci_class('server', 'server', '{id}', 'name', mode => 'warn', exempt => '{last_seen}');
UPDATE server SET name = 'warned' WHERE id = 1;
SELECT name FROM server WHERE id = 1;
SELECT release_mgmt.govern('server', 'enforce') \g /dev/null
UPDATE server SET last_seen = now() WHERE id = 1;
BEGIN;
SELECT release_mgmt.govern('server', 'observe') \g /dev/null
UPDATE server SET name = 'quiet' WHERE id = 1;
ROLLBACK;
UPDATE server SET name = 'loud' WHERE id = 1;

-- Attacks by the owner.
SET ROLE regress_cmdb_app;
ALTER TABLE server DISABLE TRIGGER rm_80_ci;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE server DISABLE TRIGGER USER;
ALTER TABLE server ENABLE REPLICA TRIGGER rm_80_ci;
DROP TRIGGER rm_80_ci ON server;
ALTER TRIGGER rm_80_ci ON server RENAME TO mine;
ALTER TABLE server RENAME TO elsewhere;
ALTER TABLE server SET SCHEMA pg_temp;
ALTER TABLE server DROP COLUMN id;
DROP TABLE server;
DROP OWNED BY regress_cmdb_app CASCADE;
ALTER TABLE server ALTER COLUMN os TYPE text USING 'other';
ALTER TABLE server ADD COLUMN r double precision DEFAULT random();
CREATE TABLE stray (name_only text) INHERITS (server);
CREATE TABLE late (LIKE server INCLUDING GENERATED);
INSERT INTO late VALUES (77, 'late');
ALTER TABLE late INHERIT server;
SET session_replication_role = replica;
TRUNCATE server;
INSERT INTO stray (id, name) VALUES (5, 'through a child');
CREATE RULE r AS ON UPDATE TO server DO INSTEAD NOTHING;
-- what does no harm is allowed
ALTER TABLE server ADD COLUMN comment text, ALTER COLUMN name SET DEFAULT 'x';
ALTER TABLE server RENAME COLUMN os TO operating_system;
CREATE INDEX ON server (name);
DROP TABLE stray;
RESET ROLE;
SELECT id, name, operating_system, ram FROM server ORDER BY id;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'server'::regclass AND tgname = 'rm_80_ci';
-- a trigger made by hand on another table makes no items
CREATE TABLE other (id integer PRIMARY KEY, name text);
CREATE TRIGGER rm_80_ci AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.keep_ci('server');
INSERT INTO other VALUES (99, 'x');
SELECT count(*) FROM release_mgmt.ci WHERE label = 'server/99';
-- a superuser can
SET client_min_messages = error;
DROP TABLE server CASCADE;
SELECT count(*) FROM release_mgmt.ci WHERE class = 'server' AND retired_at IS NULL;
DROP OWNED BY regress_cmdb_app;
DROP ROLE regress_cmdb_app;
