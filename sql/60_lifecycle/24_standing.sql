-- Module lifecycle: which approvals and refusals of a release stand, and why others do not.

CREATE FUNCTION release_mgmt_internal.approval_lasts(approval release_mgmt.approval) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(least(approval.expires_at, (SELECT approval.approved_at + q.lasts
                                                FROM release_mgmt.release AS r CROSS JOIN LATERAL release_mgmt_internal.quorum_of(r.model_id, r.policy_id) AS q
                                                WHERE r.id = approval.release_id AND q.body = approval.body)) > pg_catalog.clock_timestamp(), true);
END;
COMMENT ON FUNCTION release_mgmt_internal.approval_lasts(release_mgmt.approval) IS 'Has the approval not expired, neither as the approver said nor as the body''s approvals do?';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.approval_lasts(release_mgmt.approval)');

CREATE FUNCTION release_mgmt_internal.approval_standing(release uuid)
RETURNS TABLE (id uuid, verdict text, body text, duty text, organization_id uuid, customer_id uuid, person_id uuid, seat_of uuid, given_at timestamptz, digest text,
               status text, changed text, expires_at timestamptz, conditions text, key_id uuid, reason text)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH of_release AS MATERIALIZED (
        SELECT r.id, r.code, r.model_id, r.policy_id, release_mgmt_internal.approval_parts(r.id) AS parts FROM release_mgmt.release AS r WHERE r.id = approval_standing.release
    )
    SELECT a.id, 'approved', a.body, a.duty, a.organization_id, a.customer_id, a.approved_by, a.seat_of, a.approved_at, a.digest::text,
           CASE WHEN a.parts <> r.parts THEN 'changed'
                WHEN q.body IS NULL THEN 'not asked for'
                WHEN NOT release_mgmt_internal.approval_lasts(a) THEN 'expired'
                WHEN q.signed AND k.id IS NULL THEN 'not signed'
                WHEN k.id IS NOT NULL AND NOT (pg_catalog.starts_with(a.signed_message, release_mgmt_internal.approval_header(r.code, a.digest))
                                               AND release_mgmt.verify_signature(pg_catalog.convert_to(a.signed_message, 'UTF8'), a.signature, k.public_key)
                                               AND release_mgmt_internal.key_holds(k.id, a.approved_at)) THEN 'signature does not count'
                WHEN c.open IS NOT NULL THEN 'on condition'
                ELSE 'valid' END,
           (SELECT pg_catalog.string_agg(o.key, ', ' ORDER BY o.key) FROM pg_catalog.jsonb_each_text(r.parts || a.parts) AS o
            WHERE (a.parts ->> o.key, r.parts ->> o.key) IS DISTINCT FROM (o.value, o.value)),
           a.expires_at, c.open, a.key_id, NULL
    FROM of_release AS r
    JOIN release_mgmt.approval AS a ON a.release_id = r.id
    LEFT JOIN LATERAL (SELECT x.body, x.signed FROM release_mgmt_internal.quorum_of(r.model_id, r.policy_id) AS x
                       WHERE x.body = a.body AND x.duty = a.duty AND (x.seats = 'customers') = (a.customer_id IS NOT NULL)
                         AND release_mgmt_internal.fits_seat(r.id, x.seats, a.organization_id)) AS q ON true
    LEFT JOIN release_mgmt.signing_key AS k ON k.id = a.key_id
    LEFT JOIN LATERAL (SELECT pg_catalog.string_agg(x.condition, '; ' ORDER BY x.condition) AS open FROM release_mgmt.approval_condition AS x
                       WHERE x.approval_id = a.id AND x.discharged_at IS NULL) AS c ON true
    UNION ALL
    SELECT f.id, 'refused', f.body, f.duty, f.organization_id, NULL, f.refused_by, f.refused_by, f.refused_at, f.digest::text,
           CASE WHEN f.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN f.parts <> r.parts THEN 'changed' ELSE 'valid' END,
           (SELECT pg_catalog.string_agg(o.key, ', ' ORDER BY o.key) FROM pg_catalog.jsonb_each_text(r.parts || f.parts) AS o
            WHERE (f.parts ->> o.key, r.parts ->> o.key) IS DISTINCT FROM (o.value, o.value)),
           NULL, NULL, NULL, f.reason
    FROM of_release AS r JOIN release_mgmt.approval_refusal AS f ON f.release_id = r.id;
END;
COMMENT ON FUNCTION release_mgmt_internal.approval_standing(uuid) IS
'Every approval and refusal of the release with how it stands now: valid, or changed (what was judged is not what is there), not asked for (by the quorum of model and policy), expired, not signed, signature does not count, on condition, withdrawn.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.approval_standing(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.approval_parts(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.approval_header(text, release_mgmt.digest)');

CREATE VIEW release_mgmt.release_approval WITH (security_invoker = true) AS
SELECT r.code AS release, p.code AS approved_by, s.duty, s.given_at AS approved_at, s.digest::release_mgmt.digest AS digest, s.status = 'valid' AS valid, s.changed,
       s.verdict, s.body, o.code AS organization, CASE WHEN s.seat_of <> s.person_id THEN h.code END AS on_behalf_of, s.status, s.expires_at, s.conditions,
       k.code AS signed_with, s.reason
FROM release_mgmt.release AS r
CROSS JOIN LATERAL release_mgmt_internal.approval_standing(r.id) AS s
JOIN release_mgmt.person AS p ON p.id = s.person_id
JOIN release_mgmt.person AS h ON h.id = s.seat_of
JOIN release_mgmt.organization AS o ON o.id = s.organization_id
LEFT JOIN release_mgmt.signing_key AS k ON k.id = s.key_id;
COMMENT ON VIEW release_mgmt.release_approval IS
'Approvals and refusals (verdict), each with its body, in whose seat (on_behalf_of), and how it stands: valid while content, plan, criteria, changes and remediation are what was judged and nothing else is against it; otherwise status says why, changed names the parts that differ, conditions what is open.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_approval');
