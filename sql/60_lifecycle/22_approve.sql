-- Module lifecycle: the verbs by which members of the bodies approve, refuse, and discharge conditions.
--
-- Each takes the release's row first, so what is judged does not change meanwhile, and two verbs on one release wait in turn.

CREATE FUNCTION release_mgmt_internal.judged_parts(release release_mgmt.release, seen release_mgmt.digest) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    parts jsonb;
    kind text;
BEGIN
    SELECT s.kind INTO kind FROM release_mgmt.model_state AS s WHERE s.model_id = release.model_id AND s.state = release.state;
    IF kind <> 'planning' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is past approval', release.code), format('It is %s.', release.state), NULL);
    END IF;
    IF release_mgmt_internal.content_text(release.id) IS NULL THEN
        PERFORM release_mgmt.approval_digest(release.code);
    END IF;
    parts := release_mgmt_internal.approval_parts(release.id);
    IF seen IS DISTINCT FROM release_mgmt_internal.parts_digest(parts) THEN
        PERFORM release_mgmt_internal.refuse('digest_mismatch', format('release "%s" is not what the approver saw', release.code),
            format('Approved was %s; the release now has %s.', seen, release_mgmt_internal.parts_digest(parts)),
            format('Look at it again, then approve what SELECT release_mgmt.approval_digest(%L) returns.', release.code));
    END IF;
    RETURN parts;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.judged_parts(release_mgmt.release, release_mgmt.digest) IS
'The parts of what is judged, where that is what the person saw. Errors: RM007 it is not, RM015 nothing is sealed, or the release is past approval.';

CREATE FUNCTION release_mgmt_internal.usable_seats(release uuid, acting uuid, holder uuid, for_body text)
RETURNS TABLE (body text, duty text, organization_id uuid, customer_id uuid, signed boolean, delegation_id uuid)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    code text := (SELECT r.code FROM release_mgmt.release AS r WHERE r.id = usable_seats.release);
    bodies text;
BEGIN
    RETURN QUERY
    SELECT s.body, s.duty, s.organization_id, s.customer_id, s.signed, g.id
    FROM release_mgmt_internal.seats_of(usable_seats.release, holder) AS s
    CROSS JOIN LATERAL (SELECT CASE WHEN holder <> acting THEN release_mgmt_internal.delegation_for(usable_seats.release, holder, acting, s.duty) END AS id) AS g
    WHERE (for_body IS NULL OR s.body = for_body) AND (holder = acting OR g.id IS NOT NULL);
    IF NOT FOUND THEN
        SELECT string_agg(release_mgmt_internal.seat_label(usable_seats.release, q.body, q.duty, q.seats, NULL), ', ' ORDER BY q.body COLLATE "C") INTO bodies
        FROM release_mgmt.release AS r CROSS JOIN LATERAL release_mgmt_internal.quorum_of(r.model_id, r.policy_id) AS q WHERE r.id = usable_seats.release;
        PERFORM release_mgmt_internal.refuse('duty_missing',
            CASE WHEN holder IS NULL OR holder = acting THEN format('role "%s" has no seat among those who approve release "%s"%s', release_mgmt_internal.acting_role(), code, ' as ' || for_body)
                 ELSE format('role "%s" does not approve release "%s" for another', release_mgmt_internal.acting_role(), code) END,
            format('These approve it: %s.', bodies),
            CASE WHEN holder IS NULL OR holder = acting THEN 'Who has a seat can let another use it: SELECT release_mgmt.delegate_approval(delegate, until).'
                 ELSE 'See release_mgmt.approval_delegation_status: it takes a delegation in force, by somebody with a seat.' END);
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.usable_seats(uuid, uuid, uuid, text) IS
'The seats of the holder that the acting person may use for the release now, of one body or of all: its own, or by delegation. RM003 where there is none.';

CREATE PROCEDURE release_mgmt.approve_release(release text, digest release_mgmt.digest, body text DEFAULT NULL, on_behalf_of text DEFAULT NULL,
                                              conditions text[] DEFAULT '{}', expires_at timestamptz DEFAULT NULL, key text DEFAULT NULL, signature bytea DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    holder uuid := coalesce(release_mgmt.person_id(on_behalf_of), acting);
    approving release_mgmt.release;
    parts jsonb;
    requested text;
    misfit text;
    message text;
    with_key release_mgmt.signing_key;
    seat record;
    given release_mgmt.approval;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT r.* INTO approving FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    requested := release_mgmt_internal.requested_by_person(approving.id, acting);
    IF requested IS NOT NULL OR release_mgmt_internal.requested_by_person(approving.id, holder) IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not approve release "%s"', release),
            CASE WHEN requested IS NOT NULL THEN format('Role "%s" requested %s.', release_mgmt_internal.acting_role(), requested)
                 ELSE format('"%s" requested %s.', on_behalf_of, release_mgmt_internal.requested_by_person(approving.id, holder)) END,
            'Another person with the duty change manager approves it.');
    END IF;
    PERFORM FROM release_mgmt_internal.usable_seats(approving.id, acting, holder, approve_release.body);
    parts := release_mgmt_internal.judged_parts(approving, approve_release.digest);
    -- The CMDB may have moved on since the package was sealed.
    SELECT release_mgmt_internal.record_compatibility(p.id, 'approval') INTO misfit
    FROM release_mgmt.release_package AS p WHERE p.release_id = approving.id AND p.current;
    IF misfit IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('incompatible', format('the package of release "%s" does not fit any more', release), misfit,
            'See SELECT * FROM release_mgmt.check_compatibility(package).');
    END IF;
    IF expires_at <= now() OR EXISTS (SELECT FROM unnest(conditions) AS c(condition) WHERE coalesce(btrim(c.condition), '') = '') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" can not be approved so', release),
            concat_ws(' ', CASE WHEN expires_at <= now() THEN format('The approval would have expired at %s.', expires_at) END,
                           CASE WHEN EXISTS (SELECT FROM unnest(conditions) AS c(condition) WHERE coalesce(btrim(c.condition), '') = '') THEN 'A condition says nothing.' END), NULL);
    END IF;
    IF EXISTS (SELECT FROM release_mgmt.approval_refusal AS f
               WHERE f.release_id = approving.id AND f.digest = approve_release.digest AND f.refused_by = acting AND f.withdrawn_at IS NULL) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('role "%s" refused release "%s" as it is', release_mgmt_internal.acting_role(), release), NULL,
            format('Withdraw that first: CALL release_mgmt.withdraw_refusal(%L, reason).', release));
    END IF;
    IF key IS NOT NULL OR signature IS NOT NULL THEN
        SELECT k.* INTO with_key FROM release_mgmt.signing_key AS k WHERE k.code = approve_release.key;
        message := release_mgmt.approval_message(release, approve_release.digest, on_behalf_of, conditions, expires_at);
        IF with_key.id IS NULL THEN
            PERFORM release_mgmt_internal.refuse('unknown_code', format('signing key "%s" does not exist', key), NULL,
                'Its owner registers it with CALL release_mgmt.register_signing_key(code, public_key).');
        ELSIF with_key.person_id <> acting OR NOT release_mgmt_internal.key_holds(with_key.id, now())
              OR release_mgmt.verify_signature(convert_to(message, 'UTF8'), signature, with_key.public_key) IS NOT TRUE THEN
            PERFORM release_mgmt_internal.refuse('signature_invalid', format('the signature of the approval of release "%s" by key "%s" does not count', release, key),
                CASE WHEN with_key.person_id <> acting THEN 'The key is another person''s.'
                     WHEN NOT release_mgmt_internal.key_holds(with_key.id, now()) THEN 'The key is over or revoked.'
                     ELSE 'It does not verify.' END,
                'Sign what SELECT release_mgmt.approval_message(...) returns for the same arguments, with "openssl pkeyutl -sign -rawin" and a key of your own.');
        END IF;
    END IF;

    FOR seat IN SELECT s.* FROM release_mgmt_internal.usable_seats(approving.id, acting, holder, approve_release.body) AS s LOOP
        IF seat.signed AND with_key.id IS NULL THEN
            PERFORM release_mgmt_internal.refuse('signature_invalid', format('%s approves release "%s" with a signature', seat.body, release), 'None is given.',
                'Sign what SELECT release_mgmt.approval_message(...) returns, and give key and signature.');
        END IF;
        SELECT a.* INTO given FROM release_mgmt.approval AS a
        WHERE a.release_id = approving.id AND a.digest = approve_release.digest AND a.body = seat.body AND a.customer_id IS NOT DISTINCT FROM seat.customer_id
          AND (a.approved_by = acting OR a.seat_of = holder);
        IF given.id IS NULL THEN
            INSERT INTO release_mgmt.approval AS a (release_id, digest, parts, body, duty, organization_id, customer_id, approved_by, seat_of, delegation_id, expires_at, key_id, signed_message, signature)
            VALUES (approving.id, approve_release.digest, parts, seat.body, seat.duty, seat.organization_id, seat.customer_id, acting, holder, seat.delegation_id,
                    approve_release.expires_at, with_key.id, message, approve_release.signature)
            RETURNING a.* INTO given;
        ELSIF given.approved_by <> acting OR given.seat_of <> holder THEN
            PERFORM release_mgmt_internal.refuse('separation_of_duties', format('in %s nobody approves release "%s" twice', seat.body, release),
                format('"%s" approved it in the seat of "%s".', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = given.approved_by),
                       (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = given.seat_of)), 'It takes another person, in another seat.');
        ELSE
            -- Said again, otherwise or after it expired: the last word counts.
            UPDATE release_mgmt.approval AS a
            SET approved_at = now(), expires_at = approve_release.expires_at, key_id = with_key.id, signed_message = message, signature = approve_release.signature
            WHERE a.id = given.id AND ((a.expires_at, a.key_id, a.signature) IS DISTINCT FROM (approve_release.expires_at, with_key.id, approve_release.signature)
                                       OR NOT release_mgmt_internal.approval_lasts(a));
        END IF;
        INSERT INTO release_mgmt.approval_condition (release_id, approval_id, condition)
        SELECT DISTINCT approving.id, given.id, c.condition FROM unnest(conditions) AS c(condition) ORDER BY c.condition
        ON CONFLICT ON CONSTRAINT approval_condition_approval_id_condition_key DO NOTHING;
    END LOOP;
    PERFORM release_mgmt_internal.approve_carried(approving.id);
END $$;
COMMENT ON PROCEDURE release_mgmt.approve_release(text, release_mgmt.digest, text, text, text[], timestamptz, text, bytea) IS
'Approves a release exactly as the approver saw it, in every body where the acting person has a seat. digest: what approval_digest() returned then; body: in that one alone; on_behalf_of: in the seats of that person, who delegated them; conditions: what must be done before the approval counts; expires_at: until when it counts; key and signature: a key of the acting person''s own, and its detached Ed25519 signature (RFC 8032) over approval_message(), where the body asks for one. Whoever requested the release or one of its changes can not approve it, whoever''s session or seat it is. Said again with other words, the last count, and conditions stay until they are discharged. The package is held against what is installed now once more, and what was seen recorded in compatibility_result. Errors: RM002 unknown release, person or key, RM003 no seat, or none delegated, RM006 the package does not fit any more, RM007 the release is no longer what was seen, RM008 the requester, or twice in one body, RM011 a signature that is missing or does not count, RM015 nothing sealed, past approval, refused by the same person, or already expired.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.approve_release(text, release_mgmt.digest, text, text, text[], timestamptz, text, bytea)');

CREATE PROCEDURE release_mgmt.refuse_release(release text, digest release_mgmt.digest, reason text, on_behalf_of text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    refusing release_mgmt.release;
    parts jsonb;
    seat record;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT r.* INTO refusing FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    SELECT s.* INTO seat FROM release_mgmt_internal.usable_seats(refusing.id, acting, coalesce(release_mgmt.person_id(on_behalf_of), acting), NULL) AS s ORDER BY s.body COLLATE "C" LIMIT 1;
    parts := release_mgmt_internal.judged_parts(refusing, refuse_release.digest);
    IF coalesce(btrim(reason), '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is refused for a reason', release), 'None is given.', NULL);
    END IF;
    UPDATE release_mgmt.approval_refusal AS f SET reason = refuse_release.reason, refused_at = now()
    WHERE f.release_id = refusing.id AND f.digest = refuse_release.digest AND f.refused_by = acting AND f.withdrawn_at IS NULL AND f.reason <> refuse_release.reason;
    INSERT INTO release_mgmt.approval_refusal AS f (release_id, digest, parts, body, duty, organization_id, reason, refused_by)
    SELECT refusing.id, refuse_release.digest, parts, seat.body, seat.duty, seat.organization_id, refuse_release.reason, acting
    WHERE NOT EXISTS (SELECT FROM release_mgmt.approval_refusal AS o
                      WHERE o.release_id = refusing.id AND o.digest = refuse_release.digest AND o.refused_by = acting AND o.withdrawn_at IS NULL);
END $$;
COMMENT ON PROCEDURE release_mgmt.refuse_release(text, release_mgmt.digest, text, text) IS
'Refuses a release as it is, and says why: it passes no gate that asks for approvals until it is changed, or who refused withdraws that. digest: what approval_digest() returned when it was looked at; on_behalf_of: in whose seat, by delegation. Errors: RM002 unknown release or person, RM003 no seat among those who approve it, RM007 the release is no longer what was seen, RM015 no reason, nothing sealed, or past approval.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.refuse_release(text, release_mgmt.digest, text, text)');

CREATE PROCEDURE release_mgmt.withdraw_refusal(release text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    of_release uuid := release_mgmt.release_id(release);
BEGIN
    PERFORM release_mgmt_internal.require_active();
    PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR NO KEY UPDATE;
    IF coalesce(btrim(withdraw_refusal.reason), '') = '' OR NOT EXISTS (SELECT FROM release_mgmt.approval_refusal AS f WHERE f.release_id = of_release AND f.refused_by = acting) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('nothing is withdrawn from release "%s"', release),
            CASE WHEN coalesce(btrim(reason), '') = '' THEN 'No reason is given.' ELSE format('Role "%s" did not refuse it.', release_mgmt_internal.acting_role()) END,
            'Who refused says why that no longer stands: SELECT * FROM release_mgmt.release_approval WHERE verdict = ''refused''.');
    END IF;
    UPDATE release_mgmt.approval_refusal AS f SET withdrawn_at = now(), withdrawn_why = withdraw_refusal.reason
    WHERE f.release_id = of_release AND f.refused_by = acting AND f.withdrawn_at IS NULL;
    PERFORM release_mgmt_internal.approve_carried(of_release);
END $$;
COMMENT ON PROCEDURE release_mgmt.withdraw_refusal(text, text) IS
'Withdraws what the acting person refused of a release, and says why. Errors: RM002 unknown release, RM015 no reason, or that person refused nothing.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.withdraw_refusal(text, text)');

CREATE PROCEDURE release_mgmt.discharge_condition(condition uuid, evidence text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    discharging record;
    requested text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT r.id AS release_id, r.code INTO discharging
    FROM release_mgmt.approval_condition AS c JOIN release_mgmt.release AS r ON r.id = c.release_id WHERE c.id = discharge_condition.condition;
    IF NOT FOUND OR NOT release_mgmt_internal.sees(discharging.release_id, 'release') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('condition "%s" does not exist', condition), NULL, 'Conditions are the rows of release_mgmt.approval_condition.');
    END IF;
    PERFORM FROM release_mgmt.release AS r WHERE r.id = discharging.release_id FOR NO KEY UPDATE;
    SELECT c.release_id, discharging.code, a.body, a.approved_by, a.customer_id INTO discharging
    FROM release_mgmt.approval_condition AS c JOIN release_mgmt.approval AS a ON a.id = c.approval_id WHERE c.id = discharge_condition.condition;
    requested := release_mgmt_internal.requested_by_person(discharging.release_id, acting);
    IF requested IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not discharge a condition of release "%s"', discharging.code),
            format('Role "%s" requested %s.', release_mgmt_internal.acting_role(), requested), 'Who approved on that condition does, or another member of the body.');
    END IF;
    IF discharging.approved_by IS DISTINCT FROM acting
       AND NOT EXISTS (SELECT FROM release_mgmt_internal.seats_of(discharging.release_id, acting) AS s
                       WHERE s.body = discharging.body AND s.customer_id IS NOT DISTINCT FROM discharging.customer_id) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" has no seat in %s, where release "%s" was approved on that condition', release_mgmt_internal.acting_role(), discharging.body, discharging.code),
            NULL, 'Who approved on that condition discharges it, or another member of the body.');
    END IF;
    IF coalesce(btrim(evidence), '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a condition is discharged with the evidence that it is met', 'None is given.', NULL);
    END IF;
    UPDATE release_mgmt.approval_condition AS c SET discharged_by = acting, discharged_at = now(), evidence = discharge_condition.evidence
    WHERE c.id = discharge_condition.condition AND c.discharged_at IS NULL;
    PERFORM release_mgmt_internal.approve_carried(discharging.release_id);
END $$;
COMMENT ON PROCEDURE release_mgmt.discharge_condition(uuid, text) IS
'Discharges a condition on which a release was approved (id in approval_condition), with the evidence that it is met. For who approved, and for other members of the same body; not for who requested the release. A discharged one stays as it is. Errors: RM002 unknown condition, RM003 no seat in that body, RM008 the requester, RM015 no evidence.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.discharge_condition(uuid, text)');
