-- Module release: change requests.

CREATE TABLE release_mgmt.change_request (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    type            text NOT NULL,
    title           text,
    priority        text NOT NULL DEFAULT 'medium',
    service         text,
    requested_by    uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    organization_id uuid NOT NULL DEFAULT '019ac000-0001-7000-8000-000000000003',
    CONSTRAINT change_request_pkey PRIMARY KEY (id),
    CONSTRAINT change_request_code_key UNIQUE (code),
    CONSTRAINT change_request_type_check CHECK (type IN ('normal', 'standard', 'emergency')),
    CONSTRAINT change_request_priority_check CHECK (priority IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT change_request_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT change_request_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization
);
COMMENT ON TABLE release_mgmt.change_request IS 'Requests for change; a release carries out one or more of them. requested_by is whoever inserts the row.';
COMMENT ON COLUMN release_mgmt.change_request.organization_id IS 'the organization that carries it out';
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
