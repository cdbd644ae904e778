-- Module lifecycle: the criteria of a release, and the customers' agreement to them.

CREATE FUNCTION release_mgmt_internal.criteria_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.string_agg(release_mgmt_internal.manifest_line(c.to_state, c.name, c.check_name), ''
               ORDER BY c.to_state COLLATE "C", c.name COLLATE "C"), '')
    FROM release_mgmt.release AS r JOIN release_mgmt.gate_criterion AS c ON c.model_id = r.model_id
    WHERE r.id = criteria_text.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.criteria_text(uuid) IS 'The criteria of the release''s model as canonical text.';

SELECT release_mgmt_internal.register_check('criteria', 'approval_part', 'release_mgmt_internal.criteria_text', 'the criteria that the release must meet');

CREATE TABLE release_mgmt.criteria_agreement (
    release_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    digest          release_mgmt.digest NOT NULL,
    agreed_by       uuid NOT NULL,
    agreed_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT criteria_agreement_pkey PRIMARY KEY (release_id, organization_id, digest),
    CONSTRAINT criteria_agreement_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT criteria_agreement_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT criteria_agreement_agreed_by_fkey FOREIGN KEY (agreed_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.criteria_agreement IS 'Which customer agreed to a release''s criteria with which digest. Written by agree_criteria().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.criteria_agreement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.criteria_agreement');
SELECT release_mgmt_internal.belongs('release_mgmt.criteria_agreement', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.criteria_agreement');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.criteria_agreement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER: agreements are written by this verb alone.
CREATE PROCEDURE release_mgmt.agree_criteria(release text, organization text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('customer representative');
    of_release uuid := release_mgmt.release_id(release);
    for_organization uuid := release_mgmt.organization_id(organization);
BEGIN
    IF NOT release_mgmt_internal.has_duty_in(for_organization, 'customer representative') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not represent "%s"', release_mgmt_internal.acting_role(), organization),
            NULL, 'Criteria are agreed by a customer representative of the organization itself.');
    END IF;
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'customer representative');
    INSERT INTO release_mgmt.criteria_agreement (release_id, organization_id, digest, agreed_by)
    VALUES (of_release, for_organization, release_mgmt.compute_digest(convert_to(release_mgmt_internal.criteria_text(of_release), 'UTF8')), acting)
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.agree_criteria(text, text) IS
'Agrees, for an organization that the acting person represents, to the release''s criteria as they are now. Errors: RM002 unknown release or organization, RM003 not its representative.';
SELECT release_mgmt_internal.allow('{customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.agree_criteria(text, text)');
