-- Module release: release policies and their machine-checked controls.

CREATE TABLE release_mgmt.release_policy (
    id            uuid DEFAULT release_mgmt.new_id(),
    code          text NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    objectives    text NOT NULL,
    scope         text NOT NULL,
    principles    text NOT NULL,
    in_force_from date NOT NULL DEFAULT current_date,
    CONSTRAINT release_policy_pkey PRIMARY KEY (id),
    CONSTRAINT release_policy_code_version_key UNIQUE (code, version),
    CONSTRAINT release_policy_code_check CHECK (code <> ''),
    CONSTRAINT release_policy_version_check CHECK (version > 0),
    CONSTRAINT release_policy_stated_check CHECK (objectives ~ '\S' AND scope ~ '\S' AND principles ~ '\S')
);
COMMENT ON TABLE release_mgmt.release_policy IS
'Release policies: objectives, scope and principles, versioned, in force from a date. Once a release runs under a version, that version no longer changes.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_policy', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_policy');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_policy', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_policy');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.release_policy');

CREATE TABLE release_mgmt.policy_control (
    policy_id  uuid NOT NULL,
    check_name text NOT NULL,
    statement  text NOT NULL,
    CONSTRAINT policy_control_pkey PRIMARY KEY (policy_id, check_name),
    CONSTRAINT policy_control_statement_check CHECK (statement ~ '\S'),
    CONSTRAINT policy_control_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT policy_control_check_name_fkey FOREIGN KEY (check_name) REFERENCES release_mgmt.registered_check
);
COMMENT ON TABLE release_mgmt.policy_control IS
'The machine-checked controls of a policy: each statement with the registered check (point gate) that proves it for a release.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.policy_control', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.policy_control');
SELECT release_mgmt_internal.is_shared('release_mgmt.policy_control', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.policy_control');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE', 'release_mgmt.policy_control');

CREATE TABLE release_mgmt.policy_signature (
    policy_id uuid,
    duty      text,
    required  integer NOT NULL DEFAULT 1,
    CONSTRAINT policy_signature_pkey PRIMARY KEY (policy_id, duty),
    CONSTRAINT policy_signature_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT policy_signature_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT policy_signature_duty_check CHECK (duty NOT IN ('auditor', 'reader')),
    CONSTRAINT policy_signature_required_check CHECK (required > 0)
);
COMMENT ON TABLE release_mgmt.policy_signature IS
'Whose signatures a sealed package must bear under the policy: so many persons with that duty, in an organization that the release concerns or an authority. A policy that says nothing asks for any one.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.policy_signature', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.policy_signature');
SELECT release_mgmt_internal.is_shared('release_mgmt.policy_signature', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.policy_signature');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.policy_signature');

-- SECURITY DEFINER in the trigger functions of this module: a rule reads and writes what the caller may not.
CREATE FUNCTION release_mgmt_internal.keep_policy() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    latest release_mgmt.release_policy;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.code, NEW.version) IS DISTINCT FROM (OLD.id, OLD.code, OLD.version) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release policy "%s" version %s keeps its name', OLD.code, OLD.version), NULL,
            'Insert another policy, or the next version of this one.');
    END IF;
    SELECT p.* INTO latest FROM release_mgmt.release_policy AS p WHERE p.code = NEW.code AND (TG_OP = 'INSERT' OR p.version < NEW.version) ORDER BY p.version DESC LIMIT 1;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.in_force_from < latest.in_force_from
           OR EXISTS (SELECT FROM release_mgmt.release_policy AS p WHERE p.code = NEW.code AND p.version > NEW.version AND p.in_force_from < NEW.in_force_from) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release policy "%s" version %s can not be in force from %s', NEW.code, NEW.version, NEW.in_force_from),
                (SELECT string_agg(format('Version %s is in force from %s.', p.version, p.in_force_from), ' ' ORDER BY p.version)
                 FROM release_mgmt.release_policy AS p WHERE p.code = NEW.code AND p.version <> NEW.version),
                'A version comes into force no earlier than those before it, and no later than those after it.');
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <> coalesce(latest.version, 0) + 1 OR NEW.in_force_from < latest.in_force_from THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release policy "%s" can not have a version %s in force from %s', NEW.code, NEW.version, NEW.in_force_from),
            CASE WHEN latest.version IS NULL THEN 'It has no version yet.' ELSE format('Its latest version is %s, in force from %s.', latest.version, latest.in_force_from) END,
            format('Insert version %s, in force from the same day or later.', coalesce(latest.version, 0) + 1));
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_policy() IS 'Trigger: versions of a policy follow one another, also in the days from which they are in force.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE ON release_mgmt.release_policy
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_policy();

CREATE FUNCTION release_mgmt_internal.policy_in_force(code text) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.id FROM release_mgmt.release_policy AS p
    WHERE p.code = policy_in_force.code AND p.in_force_from <= current_date ORDER BY p.version DESC LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.policy_in_force(text) IS 'The version of that policy that is in force today; NULL where none is.';
