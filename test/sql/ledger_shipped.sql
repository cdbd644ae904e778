-- What the extension shipped is verified with the rest: a rule that was switched off, dropped or replaced is named.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
SET search_path = public, release_mgmt;
SELECT kind, count(*) > 0 AS recorded FROM release_mgmt_internal.shipped_object GROUP BY kind ORDER BY kind;
CREATE TABLE server (id integer PRIMARY KEY, name text);
SELECT bind_ci_class('server', 'server', key => '{id}', name => 'name', mode => 'enforce');
SELECT finding, source, key FROM verify_ledger();
-- Whatever the session's settings write of a definition.
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
SET quote_all_identifiers = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT finding, source, key FROM verify_ledger();
RESET timezone;
RESET datestyle;
RESET intervalstyle;
RESET bytea_output;
RESET extra_float_digits;
RESET quote_all_identifiers;
RESET standard_conforming_strings;
RESET escape_string_warning;

-- ENABLE TRIGGER makes an ALWAYS trigger an ordinary one, which is silent under session_replication_role.
ALTER TABLE server ENABLE TRIGGER rm_80_ci;
ALTER TABLE component DISABLE TRIGGER rm_50_sealed;
DROP TRIGGER rm_60_transition ON release;
CREATE TRIGGER mine BEFORE UPDATE ON release FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE OR REPLACE FUNCTION release_mgmt_internal.check_tests_passed(release uuid) RETURNS check_result
LANGUAGE sql AS $$ SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result $$;
ALTER TABLE release DISABLE ROW LEVEL SECURITY;
ALTER POLICY rm_see ON wave USING (true);
CREATE OR REPLACE VIEW release_mgmt.report_month AS SELECT current_date AS month, tstzrange(now(), now()) AS period;
SELECT finding, source, key, expected LIKE 'sha256:%' OR expected = 'ENABLE ALWAYS' AS expected, found FROM verify_ledger() WHERE found IS NULL OR found NOT LIKE 'sha256:%';
SELECT finding, source, key FROM verify_ledger() WHERE found LIKE 'sha256:%';

-- Put right again, nothing is left of it but what was not shipped.
ALTER TABLE server ENABLE ALWAYS TRIGGER rm_80_ci;
ALTER TABLE component ENABLE TRIGGER rm_50_sealed;
ALTER TABLE release ENABLE ROW LEVEL SECURITY;
ALTER POLICY rm_see ON wave USING (release_mgmt_internal.may_see(release_id, 'release'));
SELECT finding, source, key FROM verify_ledger();

-- pg_upgrade brings digests of definitions that another version wrote. They do not count, what the catalog holds as given does.
CREATE TABLE before AS SELECT finding, key FROM verify_ledger();
UPDATE release_mgmt_internal.shipped_object SET server_major = 9, deparsed = compute_digest('written by another version');
SELECT v.finding, v.key FROM verify_ledger() AS v EXCEPT SELECT b.finding, b.key FROM before AS b;
ALTER FUNCTION release_mgmt.checkpoint() SECURITY INVOKER;
SELECT v.finding, v.key FROM verify_ledger() AS v EXCEPT SELECT b.finding, b.key FROM before AS b;
ALTER FUNCTION release_mgmt.checkpoint() SECURITY DEFINER;
UPDATE ledger_identity SET system_identifier = 1;
SELECT activate('cmdb.example.org');
SELECT finding, found LIKE '%, as server version _%' AS told FROM activation_finding WHERE key IS NULL;
SELECT v.finding, v.key FROM verify_ledger() AS v EXCEPT SELECT b.finding, b.key FROM before AS b;
SELECT count(*) AS of_another_version
FROM release_mgmt_internal.shipped_object AS s JOIN release_mgmt_internal.present_objects() AS p USING (kind, identity)
WHERE s.server_major <> current_setting('server_version_num')::integer / 10000;
