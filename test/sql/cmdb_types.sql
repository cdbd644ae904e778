-- Types under a bound table get other names and other values: the owner's migrations in mode enforce, and the ledger in mode observe.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('types.example.org');
CREATE ROLE regress_types_app;
GRANT CREATE ON SCHEMA public TO regress_types_app;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_types_app', current_database()) \gexec
SET ROLE regress_types_app;
CREATE SCHEMA regress_kinds;
CREATE TYPE regress_kinds.side AS ENUM ('left', 'right');
CREATE TYPE regress_kinds.depth AS ENUM ('half', 'full');
CREATE DOMAIN code AS text;
CREATE TABLE rack (id integer PRIMARY KEY, name text NOT NULL, side regress_kinds.side, code code);
CREATE TABLE deep_rack (depth regress_kinds.depth, doors regress_kinds.side[], PRIMARY KEY (id)) INHERITS (rack);
INSERT INTO rack VALUES (1, 'one', 'left', 'a');
INSERT INTO deep_rack VALUES (2, 'two', 'left', 'b', 'half', '{left}');
RESET ROLE;
SELECT bind_ci_class('rack', 'rack', '{id}', 'name', mode => 'enforce');

-- Another name of a type is no other type, in its schema or domain, and what follows is not held against the table.
SET ROLE regress_types_app;
ALTER TYPE regress_kinds.side RENAME VALUE 'left' TO 'west';
ALTER TYPE regress_kinds.depth RENAME VALUE 'half' TO 'shallow';
ALTER SCHEMA regress_kinds RENAME TO regress_words;
ALTER TABLE rack ADD note text;
ALTER DOMAIN code RENAME TO inventory_code;
ALTER TABLE rack ALTER note SET DEFAULT 'none';
ALTER DOMAIN inventory_code SET SCHEMA regress_words;
ALTER DOMAIN regress_words.inventory_code ADD CHECK (VALUE <> '');
ALTER TYPE regress_words.side RENAME TO hand;
ALTER TABLE rack ALTER note DROP DEFAULT;
ALTER TABLE rack ALTER code TYPE text;
RESET ROLE;
SELECT column_types FROM table_version AS v JOIN governed_table AS g ON g.id = v.table_id WHERE g.source = 'rack'::regclass ORDER BY version DESC LIMIT 1;
SELECT finding, source, key FROM verify_ledger();

-- Another name of a value is recorded row by row, also where a child alone has such a column.
SELECT govern('rack', 'observe') IS NOT NULL AS observed;
SET ROLE regress_types_app;
ALTER TYPE regress_words.depth RENAME VALUE 'half' TO 'shallow';
ALTER TYPE regress_words.hand RENAME VALUE 'left' TO 'west';
RESET ROLE;
SELECT finding, source, key FROM verify_ledger();
SELECT attribute, value FROM ci_attributes('rack/2') WHERE attribute IN ('side', 'depth', 'doors');
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_types_app;
DROP ROLE regress_types_app;
