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
    definition    release_mgmt.digest,
    registered_by uuid,
    CONSTRAINT registered_check_pkey PRIMARY KEY (name),
    CONSTRAINT registered_check_registered_by_fkey FOREIGN KEY (registered_by) REFERENCES release_mgmt.person,
    CONSTRAINT registered_check_point_check CHECK (point IN ('gate', 'ci_change', 'ci_change_advice', 'intake', 'approval_part', 'back_out'))
);
COMMENT ON TABLE release_mgmt.registered_check IS
'Named checks: at which point each is asked, which function answers, what it proves. Points: gate f(release uuid) returns check_result; ci_change f(ci text, operation text, attribute text, old_value text, new_value text) returns uuid of the plan that permits it, or the same with text[] and uuid[], asked about all changes of a statement at once, which it answers place by place; ci_change_advice, with the arguments of one change, returns text, a sentence on why it is not permitted; intake f(item uuid) returns check_result; approval_part f(release uuid) returns text, the canonical text of one part of what an approval binds to; back_out f(release uuid, target text), which restores what the release changed in the CMDB on that target, or refuses.';
COMMENT ON COLUMN release_mgmt.registered_check.function_name IS 'schema.function; stored as text because a dump can not carry its OID';
COMMENT ON COLUMN release_mgmt.registered_check.definition IS
'SHA-256 of what the function was when register_check() registered it: while it is anything else, the check is unmet; NULL: taken as it is';
COMMENT ON COLUMN release_mgmt.registered_check.registered_by IS 'who registered it with register_check(); NULL for shipped ones and those of the extension''s owner';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.registered_check', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.registered_check');
SELECT release_mgmt_internal.is_shared('release_mgmt.registered_check', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.registered_check');

CREATE TRIGGER rm_96_forget_checks AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON release_mgmt.registered_check
FOR EACH STATEMENT EXECUTE FUNCTION release_mgmt_internal.forget_table();
ALTER TABLE release_mgmt.registered_check ENABLE ALWAYS TRIGGER rm_96_forget_checks;

CREATE FUNCTION release_mgmt_internal.register_check(name text, point text, function_name text, proves text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM (function_name || CASE WHEN point = 'ci_change' THEN '(text[], text[], text[], text[], text[])' WHEN point = 'ci_change_advice' THEN '(text, text, text, text, text)' WHEN point = 'back_out' THEN '(uuid, text)' ELSE '(uuid)' END)::regprocedure;
    INSERT INTO release_mgmt.registered_check (name, point, function_name, proves, builtin)
    VALUES (name, point, function_name, proves, true);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.register_check(text, text, text, text) IS
'Registers a shipped check from the install script; fails where the function does not exist.';

CREATE FUNCTION release_mgmt_internal.function_definition(function oid) RETURNS release_mgmt.digest
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt.compute_digest(convert_to(concat_ws(E'\n', l.lanname, r.rolname, p.provolatile, p.prosecdef, array_to_string(p.proconfig, E'\n'),
        p.prosrc, pg_get_function_sqlbody(p.oid)), 'UTF8'))
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang JOIN pg_roles AS r ON r.oid = p.proowner
    WHERE p.oid = function_definition.function;
END;
COMMENT ON FUNCTION release_mgmt_internal.function_definition(oid) IS
'SHA-256 over a function''s language, owner, volatility, settings and body. Functions that it calls are not covered.';

CREATE FUNCTION release_mgmt_internal.is_changed_check(registered release_mgmt.registered_check) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN registered.definition IS NULL THEN false
                ELSE release_mgmt_internal.function_definition(pg_catalog.to_regprocedure(registered.function_name || '(uuid)'))::text IS DISTINCT FROM registered.definition::text END;
END;
COMMENT ON FUNCTION release_mgmt_internal.is_changed_check(release_mgmt.registered_check) IS 'Is the function of a check another than the one that register_check() registered?';
