-- Schemas and the way to refuse. Everything public lives in release_mgmt, everything else in release_mgmt_internal.
\echo Use "CREATE EXTENSION release_mgmt CASCADE" to load this file. \quit

CREATE SCHEMA release_mgmt_internal;
COMMENT ON SCHEMA release_mgmt_internal IS 'Internals of the extension release_mgmt; granted to nobody.';
REVOKE ALL ON SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;

CREATE FUNCTION release_mgmt_internal.refuse(condition text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_refuse';
COMMENT ON FUNCTION release_mgmt_internal.refuse(text, text, text, text) IS
'Raises the error named by condition (src/errcodes.h: inactive, unknown_code, duty_missing, ...) with message, detail and hint. Never returns.';
