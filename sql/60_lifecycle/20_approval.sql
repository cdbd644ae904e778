-- Module lifecycle: approvals bound to exactly what was seen.

CREATE FUNCTION release_mgmt_internal.content_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.digest::text FROM release_mgmt.release_package AS p WHERE p.release_id = content_text.release AND p.current;
END;
COMMENT ON FUNCTION release_mgmt_internal.content_text(uuid) IS 'The digest of the release''s sealed package; NULL while nothing is sealed.';

SELECT release_mgmt_internal.register_check('content', 'approval_part', 'release_mgmt_internal.content_text', 'the sealed content and the planned changes of configuration items');

CREATE TABLE release_mgmt.approval (
    id          uuid DEFAULT release_mgmt.new_id(),
    release_id  uuid NOT NULL,
    digest      release_mgmt.digest NOT NULL,
    parts       jsonb NOT NULL,
    duty        text NOT NULL,
    approved_by uuid NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approval_pkey PRIMARY KEY (id),
    CONSTRAINT approval_release_id_digest_approved_by_key UNIQUE (release_id, digest, approved_by),
    CONSTRAINT approval_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT approval_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT approval_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.approval IS 'Approvals, each bound to the digest of what the approver saw. Written by approve_release(). One counts only while the release still has that digest.';
COMMENT ON COLUMN release_mgmt.approval.parts IS 'the digest of each part, so that a void approval can say which part changed';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval');
SELECT release_mgmt_internal.belongs('release_mgmt.approval', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.approval
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER from here on: approvals and agreements are written by verbs alone, and their parts read by anybody with a duty.
CREATE FUNCTION release_mgmt_internal.approval_parts(release uuid) RETURNS jsonb
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT jsonb_object_agg(c.name, release_mgmt.compute_digest(convert_to(
               coalesce(release_mgmt_internal.ask_approval_part(c.name, approval_parts.release), ''), 'UTF8'))::text)
    FROM release_mgmt.registered_check AS c WHERE c.point = 'approval_part';
END;
COMMENT ON FUNCTION release_mgmt_internal.approval_parts(uuid) IS 'Name and SHA-256 of each part that an approval of the release binds to.';

CREATE FUNCTION release_mgmt_internal.parts_digest(parts jsonb) RETURNS release_mgmt.digest
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt.compute_digest(pg_catalog.convert_to(
        pg_catalog.string_agg(release_mgmt_internal.manifest_line(p.key, p.value), '' ORDER BY p.key COLLATE "C"), 'UTF8'))
    FROM pg_catalog.jsonb_each_text(parts) AS p;
END;
COMMENT ON FUNCTION release_mgmt_internal.parts_digest(jsonb) IS 'SHA-256 over one line per part: its name, a tab, its digest; in byte order of the names.';

CREATE FUNCTION release_mgmt.approval_digest(release text) RETURNS release_mgmt.digest
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid := release_mgmt.release_id(release);
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF release_mgmt_internal.content_text(of_release) IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has no sealed package to approve', release), NULL,
            'Seal its package with seal_package().');
    END IF;
    RETURN release_mgmt_internal.parts_digest(release_mgmt_internal.approval_parts(of_release));
END $$;
COMMENT ON FUNCTION release_mgmt.approval_digest(text) IS
'The digest over content, plan, criteria and remediation of a release, as they are now: what approve_release() must be given. Errors: RM002 unknown release, RM015 its package is not sealed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.approval_digest(text)');

CREATE PROCEDURE release_mgmt.approve_release(release text, digest release_mgmt.digest)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    approving release_mgmt.release;
    parts jsonb;
    changes text;
    ended text;
    misfit text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT r.* INTO approving FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    SELECT string_agg(c.code, ', ' ORDER BY c.code) INTO changes
    FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
    WHERE rc.release_id = approving.id AND c.requested_by = acting;
    IF approving.requested_by = acting OR changes IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not approve release "%s"', release),
            format('Role "%s" requested %s.', release_mgmt_internal.acting_role(),
                   concat_ws(' and ', CASE WHEN approving.requested_by = acting THEN 'the release' END, 'change ' || changes)),
            'Another person with the duty change manager approves it.');
    END IF;
    acting := release_mgmt_internal.require_duty('change manager');
    PERFORM release_mgmt_internal.require_duty_for(approving.id, 'change manager');
    SELECT s.kind INTO ended FROM release_mgmt.model_state AS s
    WHERE s.model_id = approving.model_id AND s.state = approving.state AND s.kind <> 'planning';
    IF ended IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is past approval', release), format('It is %s.', approving.state), NULL);
    END IF;
    IF release_mgmt_internal.content_text(approving.id) IS NULL THEN
        PERFORM release_mgmt.approval_digest(release);
    END IF;
    parts := release_mgmt_internal.approval_parts(approving.id);
    IF approve_release.digest IS DISTINCT FROM release_mgmt_internal.parts_digest(parts) THEN
        PERFORM release_mgmt_internal.refuse('digest_mismatch', format('release "%s" is not what the approver saw', release),
            format('Approved was %s; the release now has %s.', approve_release.digest, release_mgmt_internal.parts_digest(parts)),
            format('Look at it again, then approve what SELECT release_mgmt.approval_digest(%L) returns.', release));
    END IF;
    -- The CMDB may have moved on since the package was sealed.
    SELECT release_mgmt_internal.record_compatibility(p.id, 'approval') INTO misfit
    FROM release_mgmt.release_package AS p WHERE p.release_id = approving.id AND p.current;
    IF misfit IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('incompatible', format('the package of release "%s" does not fit any more', release), misfit,
            'See SELECT * FROM release_mgmt.check_compatibility(package).');
    END IF;
    INSERT INTO release_mgmt.approval (release_id, digest, parts, duty, approved_by)
    VALUES (approving.id, approve_release.digest, parts, 'change manager', acting)
    ON CONFLICT ON CONSTRAINT approval_release_id_digest_approved_by_key DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.approve_release(text, release_mgmt.digest) IS
'Approves a release exactly as the approver saw it: digest is what approval_digest() returned then. Whoever requested the release or one of its changes can not approve it, whoever''s session it is. The package is held against what is installed now once more, and what was seen recorded in compatibility_result. Errors: RM002 unknown release, RM003 without the duty change manager, RM006 the package does not fit any more, RM007 the release is no longer what was seen, RM008 the requester, RM015 nothing sealed, or past approval.';
SELECT release_mgmt_internal.allow('{change manager,release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.approve_release(text, release_mgmt.digest)');

CREATE VIEW release_mgmt.release_approval WITH (security_invoker = true) AS
SELECT r.code AS release, p.code AS approved_by, a.duty, a.approved_at, a.digest,
       a.parts = now_is.parts AS valid,
       (SELECT string_agg(o.key, ', ' ORDER BY o.key) FROM jsonb_each_text(a.parts) AS o WHERE now_is.parts ->> o.key IS DISTINCT FROM o.value) AS changed
FROM release_mgmt.approval AS a
JOIN release_mgmt.release AS r ON r.id = a.release_id
JOIN release_mgmt.person AS p ON p.id = a.approved_by
CROSS JOIN LATERAL release_mgmt_internal.approval_parts(a.release_id) AS now_is(parts);
COMMENT ON VIEW release_mgmt.release_approval IS
'Approvals: valid while content, plan, criteria and remediation are what was approved; otherwise changed names the parts that are not.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_approval');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.approval_parts(uuid)');
