-- Module release: change requests, the pre-approved models of standard changes, and the items that a change touches. The states of a
-- change are in sql/60_lifecycle/40_change.sql, since a change is judged with the releases that carry it out.

CREATE TABLE release_mgmt.change_model (
    id          uuid DEFAULT release_mgmt.new_id(),
    code        text NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    description text NOT NULL,
    procedure   text NOT NULL,
    proposed_by uuid,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    approved_by uuid,
    approved_at timestamptz,
    retired_by  uuid,
    retired_at  timestamptz,
    CONSTRAINT change_model_pkey PRIMARY KEY (id),
    CONSTRAINT change_model_code_version_key UNIQUE (code, version),
    CONSTRAINT change_model_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES release_mgmt.person,
    CONSTRAINT change_model_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES release_mgmt.person,
    CONSTRAINT change_model_retired_by_fkey FOREIGN KEY (retired_by) REFERENCES release_mgmt.person,
    CONSTRAINT change_model_version_check CHECK (version > 0),
    CONSTRAINT change_model_stated_check CHECK (code <> '' AND description <> '' AND procedure <> ''),
    CONSTRAINT change_model_approved_check CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT change_model_retired_check CHECK ((retired_by IS NULL) = (retired_at IS NULL)),
    CONSTRAINT change_model_separation_check CHECK (approved_by <> proposed_by)
);
COMMENT ON TABLE release_mgmt.change_model IS
'Models of standard changes: changes of little risk that are made the same way each time. One that a change manager approved, and nobody retired, approves every standard change that follows it. An approved version never changes; propose the next one.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_model', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_model');
SELECT release_mgmt_internal.is_shared('release_mgmt.change_model', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_model');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT (code, version, description, procedure)', 'release_mgmt.change_model');

CREATE TABLE release_mgmt.change_request (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    type            text NOT NULL,
    title           text,
    priority        text NOT NULL DEFAULT 'medium',
    service         text,
    requested_by    uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    organization_id uuid NOT NULL DEFAULT release_mgmt_internal.own_organization('{release manager,change manager}'),
    state           text NOT NULL DEFAULT 'requested',
    state_note      text,
    change_model_id uuid,
    planned         tstzrange,
    approval_due    timestamptz,
    CONSTRAINT change_request_pkey PRIMARY KEY (id),
    CONSTRAINT change_request_code_key UNIQUE (code),
    CONSTRAINT change_request_code_check CHECK (code <> ''),
    CONSTRAINT change_request_type_check CHECK (type IN ('normal', 'standard', 'emergency')),
    CONSTRAINT change_request_priority_check CHECK (priority IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT change_request_state_check CHECK
        (state IN ('requested', 'assessed', 'approved', 'refused', 'scheduled', 'implemented', 'reviewed', 'closed', 'cancelled')),
    CONSTRAINT change_request_change_model_id_check CHECK (change_model_id IS NULL OR type = 'standard'),
    CONSTRAINT change_request_planned_check CHECK (planned IS NULL OR (isfinite(lower(planned)) AND isfinite(upper(planned))) IS TRUE),
    CONSTRAINT change_request_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT change_request_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT change_request_change_model_id_fkey FOREIGN KEY (change_model_id) REFERENCES release_mgmt.change_model
);
COMMENT ON TABLE release_mgmt.change_request IS
'Requests for change; a release carries out one or more of them. requested_by is whoever inserts the row. state moves with advance_change(), as change_transition says.';
COMMENT ON COLUMN release_mgmt.change_request.organization_id IS 'the organization that carries it out';
COMMENT ON COLUMN release_mgmt.change_request.state_note IS 'what was said when it came into its state';
COMMENT ON COLUMN release_mgmt.change_request.change_model_id IS 'the model that a standard change follows';
COMMENT ON COLUMN release_mgmt.change_request.planned IS 'when it is to be made, where no release carries it out; stated by plan_change()';
COMMENT ON COLUMN release_mgmt.change_request.approval_due IS 'of an emergency change: by when it must have been judged';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_request', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_request');
SELECT release_mgmt_internal.belongs('release_mgmt.change_request', writes => 'organization_id',
    sees => 'release_mgmt_internal.may_see(organization_id, ''own'') OR EXISTS (SELECT FROM release_mgmt.release_change AS c WHERE c.change_id = change_request.id)');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_request');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT', 'release_mgmt.change_request');

-- SECURITY DEFINER in the trigger functions of this module: a rule reads what the caller may not.
CREATE FUNCTION release_mgmt_internal.stamp_requester() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    -- Who requests is who acts; nobody requests in another's name.
    IF TG_OP = 'INSERT' THEN
        NEW.requested_by := release_mgmt_internal.acting_person();
        NEW.created_at := now();
    ELSIF NEW.requested_by IS DISTINCT FROM OLD.requested_by OR NEW.created_at <> OLD.created_at THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who requested "%s", and when, does not change', OLD.code), NULL, NULL);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.stamp_requester() IS 'Trigger: requested_by and created_at are who acts and when, and never change.';
CREATE TRIGGER rm_50_stamp BEFORE INSERT OR UPDATE ON release_mgmt.change_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.stamp_requester();

CREATE FUNCTION release_mgmt_internal.keep_change_model() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    next_version integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT coalesce(max(m.version), 0) + 1 INTO next_version FROM release_mgmt.change_model AS m WHERE m.code = NEW.code;
        IF NEW.version <> next_version THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('change model "%s" can not have a version %s', NEW.code, NEW.version),
                format('Its next version is %s.', next_version), 'Versions follow one another.');
        END IF;
        NEW.proposed_by := release_mgmt_internal.acting_person();
        NEW.proposed_at := now();
        NEW.approved_by := NULL;
        NEW.approved_at := NULL;
        NEW.retired_by := NULL;
        NEW.retired_at := NULL;
    ELSIF (NEW.id, NEW.code, NEW.version, NEW.description, NEW.procedure, NEW.proposed_by, NEW.proposed_at)
          IS DISTINCT FROM (OLD.id, OLD.code, OLD.version, OLD.description, OLD.procedure, OLD.proposed_by, OLD.proposed_at)
          OR OLD.approved_at IS NOT NULL AND NEW.approved_at IS DISTINCT FROM OLD.approved_at THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('change model "%s" version %s does not change', OLD.code, OLD.version), NULL,
            format('Propose version %s.', OLD.version + 1));
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_change_model() IS 'Trigger: versions of a change model follow one another, begin without approval, and keep what they say.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE ON release_mgmt.change_model
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_change_model();

CREATE TABLE release_mgmt.change_ci (
    change_id uuid NOT NULL,
    ci        text NOT NULL,
    CONSTRAINT change_ci_pkey PRIMARY KEY (change_id, ci),
    CONSTRAINT change_ci_change_id_fkey FOREIGN KEY (change_id) REFERENCES release_mgmt.change_request,
    CONSTRAINT change_ci_ci_check CHECK (ci LIKE '_%/_%')
);
COMMENT ON TABLE release_mgmt.change_ci IS 'Which configuration items (labels class/key) a change touches by itself. Written by plan_change(); what a release touches is known from its plan.';
CREATE INDEX change_ci_ci_idx ON release_mgmt.change_ci (ci);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_ci', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_ci');
SELECT release_mgmt_internal.belongs('release_mgmt.change_ci', through => 'change_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_ci');

CREATE TABLE release_mgmt.change_state_history (
    id         uuid DEFAULT release_mgmt.new_id(),
    change_id  uuid NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    note       text,
    person_id  uuid NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT change_state_history_pkey PRIMARY KEY (id),
    CONSTRAINT change_state_history_change_id_fkey FOREIGN KEY (change_id) REFERENCES release_mgmt.change_request,
    CONSTRAINT change_state_history_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.change_state_history IS 'Every transition of every change request: from, to, what was said, by whom, when. Written by a trigger.';
CREATE INDEX change_state_history_change_id_idx ON release_mgmt.change_state_history (change_id, entered_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_state_history', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_state_history');
SELECT release_mgmt_internal.belongs('release_mgmt.change_state_history', through => 'change_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_state_history');

-- SECURITY DEFINER in the look-ups and verbs: they look at rows that the caller may not see, and say nothing of them.
CREATE FUNCTION release_mgmt.change_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT c.id INTO found_id FROM release_mgmt.change_request AS c
    WHERE c.code = change_id.code
      AND (release_mgmt_internal.sees(c.organization_id, 'own')
           OR EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = c.id AND release_mgmt_internal.sees(rc.release_id, 'release')));
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('change request "%s" does not exist', code), NULL,
            'Change requests are the rows of release_mgmt.change_request; insert one, or correct the code.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.change_id(text) IS 'The id of the change request with that code; RM002 if there is none that the acting person sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.change_id(text)');

CREATE FUNCTION release_mgmt.change_model_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT m.id INTO found_id FROM release_mgmt.change_model AS m
    WHERE m.code = change_model_id.code AND m.approved_at IS NOT NULL AND m.retired_at IS NULL ORDER BY m.version DESC LIMIT 1;
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no change model "%s" is in force', code), NULL,
            'Models are the rows of release_mgmt.change_model; a change manager approves one with approve_change_model().');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.change_model_id(text) IS 'The id of the latest version in force of the change model with that code; RM002 if none is.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.change_model_id(text)');

CREATE PROCEDURE release_mgmt.approve_change_model(code text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager');
    latest release_mgmt.change_model;
BEGIN
    SELECT m.* INTO latest FROM release_mgmt.change_model AS m WHERE m.code = approve_change_model.code ORDER BY m.version DESC LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('change model "%s" does not exist', code), NULL, 'Models are the rows of release_mgmt.change_model.');
    END IF;
    IF latest.retired_at IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('change model "%s" version %s is retired', code, latest.version), NULL, format('Propose version %s.', latest.version + 1));
    END IF;
    IF latest.proposed_by = acting THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who proposed change model "%s" version %s does not approve it', code, latest.version), NULL,
            'Another person with the duty change manager does.');
    END IF;
    UPDATE release_mgmt.change_model AS m SET approved_by = acting, approved_at = now() WHERE m.id = latest.id AND m.approved_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.approve_change_model(text) IS
'Approves the latest version of a change model: standard changes that follow it need no approval of their own. Errors: RM002 unknown model, RM003 without the duty change manager, RM008 who proposed it, RM015 it is retired.';
SELECT release_mgmt_internal.allow('{change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.approve_change_model(text)');

CREATE PROCEDURE release_mgmt.retire_change_model(code text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager');
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.change_model AS m WHERE m.code = retire_change_model.code) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('change model "%s" does not exist', code), NULL, 'Models are the rows of release_mgmt.change_model.');
    END IF;
    UPDATE release_mgmt.change_model AS m SET retired_by = acting, retired_at = now() WHERE m.code = retire_change_model.code AND m.retired_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.retire_change_model(text) IS
'Retires every version of a change model: no standard change is approved by it any more; those that were stay so. Errors: RM002 unknown model, RM003 without the duty change manager.';
SELECT release_mgmt_internal.allow('{change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.retire_change_model(text)');
