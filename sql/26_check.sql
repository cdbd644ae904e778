-- Module party, second part: the registry of named checks, by which a lower module asks a higher one.

CREATE TYPE release_mgmt.check_result AS (met boolean, missing text, owner text, evidence jsonb);
COMMENT ON TYPE release_mgmt.check_result IS
'What a check answers: met; what is missing where it is not; the duty that can supply it; the rows that prove it.';

CREATE TABLE release_mgmt.registered_check (
    name          text,
    point         text NOT NULL,
    function_name text NOT NULL,
    proves        text NOT NULL,
    builtin       boolean NOT NULL DEFAULT false,
    CONSTRAINT registered_check_pkey PRIMARY KEY (name),
    CONSTRAINT registered_check_point_check CHECK (point IN ('gate', 'ci_change', 'ci_change_advice', 'intake', 'approval_part', 'back_out'))
);
COMMENT ON TABLE release_mgmt.registered_check IS
'Named checks: at which point each is asked, which function answers, what it proves. Points: gate f(release uuid) returns check_result; ci_change f(ci text, operation text, attribute text, old_value text, new_value text) returns uuid of the plan that permits it; ci_change_advice, with the same arguments, returns text, a sentence on why it is not permitted; intake f(item uuid) returns check_result; approval_part f(release uuid) returns text, the canonical text of one part of what an approval binds to; back_out f(release uuid, target text), which restores what the release changed in the CMDB on that target, or refuses.';
COMMENT ON COLUMN release_mgmt.registered_check.function_name IS 'schema.function; stored as text because a dump can not carry its OID';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.registered_check', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.registered_check');
SELECT release_mgmt_internal.is_shared('release_mgmt.registered_check', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.registered_check');

CREATE FUNCTION release_mgmt_internal.register_check(name text, point text, function_name text, proves text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM (function_name || CASE WHEN point IN ('ci_change', 'ci_change_advice') THEN '(text, text, text, text, text)' WHEN point = 'back_out' THEN '(uuid, text)' ELSE '(uuid)' END)::regprocedure;
    INSERT INTO release_mgmt.registered_check (name, point, function_name, proves, builtin)
    VALUES (name, point, function_name, proves, true);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.register_check(text, text, text, text) IS
'Registers a shipped check from the install script; fails where the function does not exist.';
