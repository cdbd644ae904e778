-- A fresh installation brings btree_gist along, is inactive, and grants nothing to PUBLIC.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname;
SELECT nspname, nspacl IS NOT NULL AND NOT has_schema_privilege('public', oid, 'USAGE') AS closed
FROM pg_namespace WHERE nspname LIKE 'release\_mgmt%' ORDER BY nspname;

-- An unknown condition can not be raised; a known one carries message, detail and hint.
SELECT release_mgmt_internal.refuse('no_such_condition', 'never said');
SELECT release_mgmt_internal.refuse('unknown_code', 'release "REL-9" does not exist', 'It was never created.', 'List them.');
\echo :LAST_ERROR_SQLSTATE
