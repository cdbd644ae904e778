-- Tables that come to inherit from a link table, or leave it: what is installed by them counts, and their changes are noted as its own are.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SET search_path = public, release_mgmt;
SELECT activate('link.example.org');
CREATE ROLE regress_link_app;
GRANT CREATE ON SCHEMA public TO regress_link_app;
SET ROLE regress_link_app;
CREATE TABLE host (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE package (id integer PRIMARY KEY, name text NOT NULL, version text);
CREATE TABLE installed (package integer, host integer, since date, PRIMARY KEY (package, host));
CREATE TABLE talks (a integer, b integer, PRIMARY KEY (a, b));
INSERT INTO host VALUES (1, 'one');
INSERT INTO package VALUES (1, 'app', '1.0'), (2, 'base', '1.0');
RESET ROLE;
SELECT bind_ci_class('package', 'package', '{id}', 'name', version => 'version', scheme => 'deb'), bind_ci_class('host', 'host', '{id}', 'name');
CALL bind_ci_relation('installed on', 'package', '{package}', 'host', via => 'installed', to_columns => '{host}');
CALL bind_ci_relation('talks to', 'host', '{a}', 'host', via => 'talks', to_columns => '{b}');
CREATE VIEW noted AS
    SELECT t.tgrelid::regclass AS link, t.tgenabled, encode(t.tgargs, 'escape') AS of_columns FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE t.tgname = 'rm_95_source' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname;
CREATE FUNCTION is_kept() RETURNS boolean BEGIN ATOMIC
    SELECT s.kept FROM release_mgmt_internal.baseline_sources(ci_id('host/1'), '{}') AS s;
END;
SELECT * FROM noted;

SET ROLE regress_link_app;
CREATE TABLE installed_by_hand (who text) INHERITS (installed);
CREATE TABLE installed_by_robot (package integer NOT NULL, host integer NOT NULL, since date, PRIMARY KEY (package, host));
INSERT INTO installed_by_robot VALUES (1, 1);
ALTER TABLE installed_by_robot INHERIT installed;
CREATE TABLE talks_more () INHERITS (talks);
CREATE TABLE unrelated (a integer);
RESET ROLE;
SELECT * FROM noted;
SELECT is_kept();
SELECT * FROM ci_relation;
CREATE FUNCTION notes() RETURNS bigint BEGIN ATOMIC
    SELECT count(*) FROM release_mgmt_internal.source_change AS c WHERE c.source ~ '^(public[.])?installed';
END;
SELECT notes() AS before \gset
INSERT INTO installed_by_hand VALUES (2, 1);
SELECT notes() > :before AS noted;
-- What left is noted no more.
SET ROLE regress_link_app;
ALTER TABLE installed_by_robot NO INHERIT installed;
RESET ROLE;
SELECT * FROM noted;
SELECT * FROM ci_relation;
SELECT count(*) FROM verify_ledger();
-- Nor is anything, when the relation ends.
CALL unbind_ci_relation('installed on', 'package', 'host');
SELECT * FROM noted;
DROP EXTENSION release_mgmt CASCADE;
DROP OWNED BY regress_link_app;
DROP ROLE regress_link_app;
