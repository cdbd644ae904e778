-- Schemas and the way to refuse. Everything public lives in release_mgmt, everything else in release_mgmt_internal.
\echo Use "CREATE EXTENSION release_mgmt CASCADE" to load this file. \quit

CREATE SCHEMA release_mgmt_internal;
COMMENT ON SCHEMA release_mgmt_internal IS 'Internals of the extension release_mgmt; granted to nobody.';
REVOKE ALL ON SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;

CREATE FUNCTION release_mgmt_internal.refuse(condition text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_refuse';
COMMENT ON FUNCTION release_mgmt_internal.refuse(text, text, text, text) IS
'Raises the error named by condition (src/errcodes.h: inactive, unknown_code, duty_missing, ...) with message, detail and hint. Never returns.';

-- What a duty's grant brings. Each module says beside its objects who needs them; grant_duty() of the module party issues the grants.
CREATE TABLE release_mgmt_internal.duty_privilege (
    duty      text NOT NULL,
    privilege text NOT NULL,
    object    text NOT NULL,
    CONSTRAINT duty_privilege_pkey PRIMARY KEY (duty, privilege, object)
);
COMMENT ON TABLE release_mgmt_internal.duty_privilege IS
'Which SQL privilege on which object comes with a duty; duty * stands for every duty, PUBLIC for everybody. Written by the install script alone.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.duty_privilege', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.allow(duties text[], privileges text, object text)
RETURNS void LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- An object that does not exist fails here, when the extension is installed, and not at somebody's first grant.
    IF object ~ '^(FUNCTION|PROCEDURE) ' THEN
        PERFORM pg_catalog.regexp_replace(object, '^\w+ ', '')::pg_catalog.regprocedure;
    ELSE
        PERFORM object::pg_catalog.regclass;
    END IF;
    INSERT INTO release_mgmt_internal.duty_privilege
    SELECT d, privileges, object FROM pg_catalog.unnest(duties) AS d;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.allow(text[], text, text) IS
'Says that each of the duties brings the privileges ("SELECT, INSERT", "EXECUTE") on the object: a table or view by its qualified name, or "FUNCTION f(argument types)", "PROCEDURE p(argument types)".';
