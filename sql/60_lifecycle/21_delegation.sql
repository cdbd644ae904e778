-- Module lifecycle: who approves in whose seat, and until when.
--
-- SECURITY DEFINER in the verbs of this file and the next: delegations, approvals and refusals are written by them alone.

CREATE FUNCTION release_mgmt.delegate_approval(delegate text, until timestamptz, duty text DEFAULT 'change manager', release text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    to_person uuid;
    for_release uuid;
    barred text;
    delegation uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.person_duty AS d WHERE d.person_id = acting AND d.duty = delegate_approval.duty) OR acting IS NULL THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" has no approval to delegate as %s', release_mgmt_internal.acting_role(), duty),
            'Who approves for another does not pass that on.', format('Who has the duty delegates it: SELECT * FROM release_mgmt.person_duty WHERE duty = %L.', duty));
    END IF;
    to_person := release_mgmt.person_id(delegate);
    for_release := CASE WHEN release IS NOT NULL THEN release_mgmt.release_id(release) END;
    IF to_person IS NULL OR until IS NULL OR until <= now() THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a delegation names a person, and a time to come at which it ends',
            CASE WHEN until <= now() THEN format('%s is over.', until) END, 'SELECT release_mgmt.delegate_approval(delegate, now() + ''2 weeks'').');
    END IF;
    barred := CASE WHEN to_person = acting THEN 'It is its own delegate.' ELSE format('It requested %s.', release_mgmt_internal.requested_by_person(for_release, to_person)) END;
    IF to_person = acting OR release_mgmt_internal.requested_by_person(for_release, to_person) IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('person "%s" can not approve for role "%s"', delegate, release_mgmt_internal.acting_role()), barred,
            'Delegate to another person.');
    END IF;
    SELECT d.id INTO delegation FROM release_mgmt.approval_delegation AS d
    WHERE d.from_id = acting AND d.to_id = to_person AND d.duty = delegate_approval.duty AND d.release_id IS NOT DISTINCT FROM for_release
      AND d.ends_at = until AND d.revoked_at IS NULL;
    IF delegation IS NULL THEN
        INSERT INTO release_mgmt.approval_delegation AS d (from_id, to_id, duty, release_id, reason, ends_at)
        VALUES (acting, to_person, delegate_approval.duty, for_release, delegate_approval.reason, until) RETURNING d.id INTO delegation;
    END IF;
    RETURN delegation;
END $$;
COMMENT ON FUNCTION release_mgmt.delegate_approval(text, timestamptz, text, text, text) IS
'Lets another person approve in the acting person''s seats until a time, and returns the delegation''s id. delegate: the person''s code; until: when it ends; duty: the duty whose seats it covers; release: for that one alone, NULL: for all; reason: why. Who requested a release or a change of it can not approve it for anybody, whenever it was delegated. Errors: RM002 unknown person or release, RM003 without that duty, RM008 to oneself, or to who requested that release, RM015 until is over.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.delegate_approval(text, timestamptz, text, text, text)');

CREATE PROCEDURE release_mgmt.revoke_delegation(delegation uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    revoking release_mgmt.approval_delegation;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT d.* INTO revoking FROM release_mgmt.approval_delegation AS d WHERE d.id = delegation FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('delegation "%s" does not exist', delegation), NULL, 'Delegations are the rows of release_mgmt.approval_delegation.');
    END IF;
    IF revoking.from_id IS DISTINCT FROM release_mgmt_internal.acting_person() AND NOT release_mgmt_internal.is_beyond_row_security() THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" did not delegate this', release_mgmt_internal.acting_role()), NULL, 'Who delegated revokes it, or a DBA.');
    END IF;
    UPDATE release_mgmt.approval_delegation AS d SET revoked_at = now() WHERE d.id = revoking.id AND d.revoked_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.revoke_delegation(uuid) IS
'Ends a delegation before its time; what was approved under it stands. For who delegated and the extension''s owner. Errors: RM002 unknown delegation, RM003 another''s.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.revoke_delegation(uuid)');

CREATE VIEW release_mgmt.approval_delegation_status WITH (security_invoker = true) AS
SELECT d.id AS delegation, f.code AS delegated_by, t.code AS delegate, d.duty, r.code AS release, d.reason, d.begins_at, d.ends_at,
       CASE WHEN d.revoked_at IS NOT NULL THEN 'revoked' WHEN d.ends_at <= now() THEN 'over' ELSE 'in force' END AS status
FROM release_mgmt.approval_delegation AS d
JOIN release_mgmt.person AS f ON f.id = d.from_id
JOIN release_mgmt.person AS t ON t.id = d.to_id
LEFT JOIN release_mgmt.release AS r ON r.id = d.release_id;
COMMENT ON VIEW release_mgmt.approval_delegation_status IS
'Who may approve for whom, as whose duty, for which release (NULL: all, or one that the acting person does not see), and whether that is in force, over or revoked.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_delegation_status');

CREATE FUNCTION release_mgmt_internal.delegation_for(release uuid, delegator uuid, delegate uuid, duty text) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT d.id FROM release_mgmt.approval_delegation AS d
    WHERE d.from_id = delegator AND d.to_id = delegate AND d.duty = delegation_for.duty AND (d.release_id IS NULL OR d.release_id = delegation_for.release)
      AND d.revoked_at IS NULL AND d.begins_at <= pg_catalog.clock_timestamp() AND d.ends_at > pg_catalog.clock_timestamp()
    ORDER BY d.release_id IS NULL, d.ends_at DESC LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.delegation_for(uuid, uuid, uuid, text) IS 'The delegation, in force now, by which the delegate may use the delegator''s seats of that duty for the release; NULL: none.';
