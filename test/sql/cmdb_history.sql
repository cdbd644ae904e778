-- A CMDB that keeps its history in the tables themselves, as CMDBuild does it: classes inherit, a trigger feeds a child of each with
-- former rows, a row is deleted by its status, every relation is a link table, and a regclass stands in each row.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE regress_history_app;
CREATE ROLE regress_history_rm;
CREATE ROLE regress_history_op;
CALL grant_duty('regress_history_rm', 'release manager', 'Provider');
CALL grant_duty('regress_history_op', 'operator', 'Provider');
GRANT CREATE ON SCHEMA public TO regress_history_app;
SET ROLE regress_history_app;
CREATE SEQUENCE card;
CREATE TABLE "Class" ("Id" bigint PRIMARY KEY DEFAULT nextval('card'), "IdClass" regclass NOT NULL, "Code" varchar(100), "Description" text,
                      "Status" char(1) NOT NULL DEFAULT 'A', "BeginDate" timestamptz NOT NULL DEFAULT now());
CREATE TABLE "Server" ("RAM" integer, PRIMARY KEY ("Id")) INHERITS ("Class");
CREATE TABLE "Server_history" ("CurrentId" bigint NOT NULL, "EndDate" timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ("Id")) INHERITS ("Server");
CREATE TABLE "Package" ("Version" text, PRIMARY KEY ("Id")) INHERITS ("Class");
CREATE TABLE "Package_history" ("CurrentId" bigint NOT NULL, "EndDate" timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ("Id")) INHERITS ("Package");
CREATE TABLE "Map_Installation" ("Id" bigint PRIMARY KEY DEFAULT nextval('card'), "IdDomain" regclass NOT NULL DEFAULT '"Map_Installation"', "IdObj1" bigint NOT NULL,
                                 "IdObj2" bigint NOT NULL, "Status" char(1) NOT NULL DEFAULT 'A');
CREATE INDEX ON "Map_Installation" ("IdObj2");
CREATE TABLE "Map_Backup" (LIKE "Map_Installation" INCLUDING ALL);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."IdClass" := TG_RELID; NEW."BeginDate" := now(); RETURN NEW; END $$;
CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    columns text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                     WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('Id', 'Status'));
BEGIN
    EXECUTE format('INSERT INTO %I (%s, "CurrentId", "Status") SELECT %s, "Id", ''U'' FROM (SELECT ($1).*) AS o', TG_TABLE_NAME || '_history', columns, columns) USING OLD;
    RETURN NULL;
END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Server" FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER keep_history AFTER UPDATE OR DELETE ON "Server" FOR EACH ROW EXECUTE FUNCTION keep_history();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "Package" FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER keep_history AFTER UPDATE OR DELETE ON "Package" FOR EACH ROW EXECUTE FUNCTION keep_history();
INSERT INTO "Server" ("Code", "RAM") VALUES ('a', 8), ('b', 8), ('gone', 4);
INSERT INTO "Package" ("Code", "Version") VALUES ('nginx', '1.22-1'), ('curl', '7.88-1'), ('none', 'no version');
INSERT INTO "Map_Installation" ("IdObj1", "IdObj2") VALUES (4, 1), (5, 1), (4, 2), (5, 3);
INSERT INTO "Map_Backup" ("IdObj1", "IdObj2") VALUES (1, 2), (2, 1);
UPDATE "Server" SET "RAM" = 16 WHERE "Code" = 'a';
UPDATE "Server" SET "Status" = 'N' WHERE "Code" = 'gone';
UPDATE "Map_Installation" SET "Status" = 'N' WHERE "IdObj2" = 3;
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_history_op;
GRANT ALL ON SEQUENCE card TO regress_history_op;
RESET ROLE;

-- Which rows are items is a condition of the binding; what can not be one is said.
SELECT bind_ci_class('server', '"Server"', '{Id}', 'Code', condition => '"Status"');
SELECT bind_ci_class('server', '"Server"', '{Id}', 'Code', condition => '"BeginDate" < now()');
SELECT bind_ci_class('server', '"Server"', '{Id}', 'Code', condition => '"Status" = ''A''', exempt => '{Status}');
\echo :LAST_ERROR_SQLSTATE
SELECT bind_ci_class('server', '"Server"', '{Id}', 'Code', mode => 'enforce', condition => '"Status" = ''A''', exempt => '{IdClass,BeginDate}') AS servers,
       bind_ci_class('package', '"Package"', '{Id}', 'Code', version => 'Version', scheme => 'deb', mode => 'enforce', condition => '"Status" = ''A''',
                     exempt => '{IdClass,BeginDate}') AS packages;
CALL bind_ci_relation('installed on', 'package', '{IdObj1}', 'server', via => '"Map_Installation"', to_columns => '{IdObj2}', condition => '"Status"');
CALL bind_ci_relation('runs on', 'package', '{Id}', 'server', condition => '"Status" = ''A''');
CALL bind_ci_relation('installed on', 'package', '{IdObj1}', 'server', via => '"Map_Installation"', to_columns => '{IdObj2}', condition => '"Status" = ''A''');
CALL bind_ci_relation('backs up', 'server', '{IdObj1}', 'server', via => '"Map_Backup"', to_columns => '{IdObj2}');
SELECT label FROM ci ORDER BY label;
SELECT class, items, finding, detail FROM binding_status ORDER BY class;
SELECT * FROM ci_relation ORDER BY kind, from_ci, to_ci;
SELECT * FROM impact_of('server/1') ORDER BY affected;
SELECT attribute, value FROM ci_attributes('server/1') WHERE attribute IN ('Code', 'RAM', 'Status');
-- A superclass gets a column, and its classes go on.
SET ROLE regress_history_app;
ALTER TABLE "Class" ADD COLUMN "Notes" text;
RESET ROLE;

-- What is installed where is read through the link table.
CREATE VIEW installed AS
SELECT t.label AS target, i.label AS ci, c.name, c.version FROM release_mgmt_internal.installed_components() AS c JOIN ci AS i ON i.id = c.ci LEFT JOIN ci AS t ON t.id = c.target;
SELECT * FROM installed ORDER BY target, ci;
SELECT i.label FROM release_mgmt_internal.installed_components(ci_id('server/2')) AS c JOIN ci AS i ON i.id = c.ci;
SELECT DISTINCT i.label FROM release_mgmt_internal.installed_components(ci_id('package/5')) AS c JOIN ci AS i ON i.id = c.ci ORDER BY 1;
SET ROLE regress_history_rm;
SELECT define_environment('production', '{server/1,server/2}') IS NOT NULL AND capture_baseline('production') IS NOT NULL AS captured;
RESET ROLE;

-- Enforced, for the owner too; history and rows that are no items are his.
SET ROLE regress_history_app;
UPDATE "Server" SET "RAM" = 64 WHERE "Id" = 1;
UPDATE "Server" SET "Status" = 'N' WHERE "Id" = 1;
DELETE FROM "Server" WHERE "Id" = 1;
INSERT INTO "Server" ("Code") VALUES ('new');
UPDATE "Server" SET "Status" = 'A' WHERE "Code" = 'gone' AND "Status" = 'N';
UPDATE "Server" SET "RAM" = 5 WHERE "Status" = 'N';
DELETE FROM "Server_history" WHERE "CurrentId" = 3;
RESET ROLE;

-- A link table is a class too, where its rows are to be planned.
SELECT bind_ci_class('installation', '"Map_Installation"', '{Id}', 'Id', mode => 'enforce', condition => '"Status" = ''A''', exempt => '{IdDomain}');
SET ROLE regress_history_app;
UPDATE "Map_Installation" SET "Status" = 'N' WHERE "IdObj2" = 2;
UPDATE "Map_Installation" SET "IdObj2" = 2;
RESET ROLE;
CALL unbind_ci_class('installation');

-- A release over it: a version, a server that is retired by its status, another one that comes back by it.
\getenv tests PG_ABS_SRCDIR
\set plain_model :tests '/lib/plain_model.sql'
\i :plain_model
SET ROLE regress_history_rm;
SELECT create_release('REL-1', 'minor', model => 'plain') IS NOT NULL AS created;
INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES
    (release_id('REL-1'), 'package/4', 'Version', '1.24-1'), (release_id('REL-1'), 'server/1', 'RAM', '32'), (release_id('REL-1'), 'server/2', 'Status', 'N');
SELECT add_wave('REL-1', 'all', '{server/1,server/2}');
UPDATE planned_ci_change SET target = 'server/1' WHERE ci = 'package/4';
SELECT ci, attribute, old_value, new_value, outcome, message FROM dry_run('REL-1');
CALL advance_release('REL-1', 'deploying');
SET ROLE regress_history_op;
UPDATE "Server" SET "RAM" = 32 WHERE "Id" = 1;
DO $$
DECLARE
    step record;
BEGIN
    LOOP
        SELECT * INTO step FROM release_mgmt.claim_step('worker');
        EXIT WHEN NOT FOUND;
        CALL release_mgmt.report_step(step.claim, 'successful', 'done');
    END LOOP;
END $$;
RESET ROLE;
SELECT "Code", "RAM", "Status" FROM "Server" WHERE "Status" <> 'U' ORDER BY "Id";
SELECT h."Code", h."RAM" FROM "Server_history" AS h ORDER BY h."Id";
SELECT label, retired_at IS NOT NULL AS retired FROM ci ORDER BY label;
SET ROLE regress_history_rm;
SELECT ci, attribute, expected, present, classification, role FROM drift('REL-1');
SELECT ci, attribute, expected, present, classification, release_code FROM drift();
SELECT ci, attribute, expected, present, classification, release_code FROM drift(environment => 'production');
SELECT kind, detail FROM trace_ci('server/2') WHERE kind LIKE '% change';
SELECT back_out_ci_changes('REL-1') AS restored, back_out_ci_changes('REL-1') AS again;
RESET ROLE;
SELECT "Code", "RAM", "Status" FROM "Server" WHERE "Status" <> 'U' ORDER BY "Id";
SELECT label, retired_at IS NOT NULL AS retired FROM ci ORDER BY label;
SELECT * FROM verify_ledger();

-- A condition that can not be read any more is a finding; in mode enforce every row passes for an item, in mode observe none.
DROP TRIGGER keep_history ON "Server";
ALTER TABLE "Class" RENAME COLUMN "Status" TO "State";
SELECT class, finding, detail FROM binding_status WHERE class = 'server';
SET ROLE regress_history_app;
UPDATE "Server" SET "RAM" = 6 WHERE "State" = 'N';
RESET ROLE;
SELECT govern('"Server"', 'observe') IS NOT NULL AS observed;
UPDATE "Server" SET "RAM" = 6 WHERE "State" = 'N';
INSERT INTO "Server" ("Code") VALUES ('new');
SELECT count(*) FROM ci WHERE class = 'server';
SELECT bind_ci_class('server', '"Server"', '{Id}', 'Code', condition => '"State" = ''A''', exempt => '{IdClass,BeginDate}');
ALTER TABLE "Map_Installation" DROP COLUMN "Status";
SELECT class, finding, detail FROM binding_status ORDER BY class;
CALL unbind_ci_relation('installed on', 'package', 'server');
SET client_min_messages = error;
CALL revoke_duty('regress_history_rm', 'release manager', 'Provider');
CALL revoke_duty('regress_history_op', 'operator', 'Provider');
DROP OWNED BY regress_history_app CASCADE;
DROP OWNED BY regress_history_op, regress_history_rm;
DROP ROLE regress_history_app, regress_history_op, regress_history_rm;
