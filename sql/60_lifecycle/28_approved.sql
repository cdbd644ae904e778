-- Module lifecycle: the check whether those who must approve the release did.

CREATE FUNCTION release_mgmt_internal.quorum_standing(release uuid)
RETURNS TABLE (body text, label text, duty text, required integer, approved integer, wanting text, refused text, evidence jsonb)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH standing AS MATERIALIZED (
        SELECT s.*, p.code AS person, h.code AS holder, k.code AS key
        FROM release_mgmt_internal.approval_standing(quorum_standing.release) AS s
        JOIN release_mgmt.person AS p ON p.id = s.person_id JOIN release_mgmt.person AS h ON h.id = s.seat_of
        LEFT JOIN release_mgmt.signing_key AS k ON k.id = s.key_id
    ), asked AS (
        SELECT q.body, q.duty, q.seats, q.required, c.organization_id AS customer_id
        FROM release_mgmt.release AS r
        CROSS JOIN LATERAL release_mgmt_internal.quorum_of(r.model_id, r.policy_id) AS q
        LEFT JOIN release_mgmt.release_customer AS c ON q.seats = 'customers' AND c.release_id = r.id
        WHERE r.id = quorum_standing.release
    )
    SELECT a.body, release_mgmt_internal.seat_label(quorum_standing.release, a.body, a.duty, a.seats, a.customer_id), a.duty, a.required,
           count(s.id) FILTER (WHERE s.verdict = 'approved' AND s.status = 'valid')::integer,
           pg_catalog.string_agg(s.person || ': ' || CASE s.status WHEN 'changed' THEN s.changed || ' changed since' WHEN 'on condition' THEN 'on condition: ' || s.conditions ELSE s.status END,
                                 ', ' ORDER BY s.given_at, s.person) FILTER (WHERE s.verdict = 'approved' AND s.status <> 'valid'),
           pg_catalog.string_agg(pg_catalog.format('refused by %s: %s', s.person, s.reason), '; ' ORDER BY s.given_at, s.person) FILTER (WHERE s.verdict = 'refused' AND s.status = 'valid'),
           pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('approval', s.id, 'body', s.body, 'approved_by', s.person,
               'on_behalf_of', CASE WHEN s.holder <> s.person THEN s.holder END, 'approved_at', s.given_at, 'signing_key', s.key, 'digest', s.digest))
               ORDER BY s.given_at, s.id) FILTER (WHERE s.verdict = 'approved' AND s.status = 'valid')
    FROM asked AS a
    LEFT JOIN standing AS s ON s.body = a.body AND (a.customer_id IS NULL OR s.customer_id = a.customer_id OR s.verdict = 'refused' AND s.organization_id = a.customer_id)
    GROUP BY a.body, a.duty, a.seats, a.required, a.customer_id;
END;
COMMENT ON FUNCTION release_mgmt_internal.quorum_standing(uuid) IS
'For each body that approves the release (of customers, for each): how many of its members approved it as it is now, whose approvals do not count and why, and who refuses it.';

CREATE FUNCTION release_mgmt_internal.check_changes_approved(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH linked AS (
        SELECT c.code, c.type, c.state, c.approval_due
        FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
        WHERE rc.release_id = check_changes_approved.release
    ), quorum AS (
        SELECT count(*) > 0 AND pg_catalog.bool_and(q.approved >= q.required AND q.refused IS NULL) AS complete,
               pg_catalog.string_agg(pg_catalog.concat_ws('; ',
                   CASE WHEN q.approved < q.required THEN pg_catalog.format('%s: %s of %s approved', q.label, q.approved, q.required)
                                                         || coalesce(' (' || q.wanting || ')', '') END, q.refused), '; ' ORDER BY q.label COLLATE "C")
                   FILTER (WHERE q.approved < q.required OR q.refused IS NOT NULL) AS missing,
               pg_catalog.string_agg(DISTINCT q.duty, ', ') FILTER (WHERE q.approved < q.required OR q.refused IS NOT NULL) AS owners,
               pg_catalog.jsonb_path_query_array(pg_catalog.jsonb_agg(q.evidence ORDER BY q.label COLLATE "C") FILTER (WHERE q.evidence IS NOT NULL), '$[*][*]') AS evidence
        FROM release_mgmt_internal.quorum_standing(check_changes_approved.release) AS q
    ), judged AS (
        -- Whoever completes the quorum approves the changes too, so one that is only requested is worth a word where the quorum is complete.
        SELECT count(*) AS changes,
               pg_catalog.string_agg(CASE WHEN c.state = 'implemented' THEN pg_catalog.format('emergency change %s was to be judged by %s', c.code, c.approval_due)
                                          ELSE pg_catalog.format('%s change %s is %s', c.type, c.code, c.state) END, '; ' ORDER BY c.code)
                   FILTER (WHERE c.state IN ('refused', 'cancelled')
                              OR c.state IN ('requested', 'assessed') AND (q.complete OR c.type = 'standard')
                              OR c.state = 'implemented' AND c.approval_due <= pg_catalog.clock_timestamp()
                                 AND NOT EXISTS (SELECT FROM release_mgmt.change_state_history AS h JOIN release_mgmt.change_request AS o ON o.id = h.change_id
                                                 WHERE o.code = c.code AND h.to_state = 'approved')) AS against
        FROM linked AS c CROSS JOIN quorum AS q
    )
    SELECT (judged.changes > 0 AND judged.against IS NULL AND quorum.complete,
            nullif(pg_catalog.concat_ws('; ', CASE WHEN judged.changes = 0 THEN 'no change request is linked' END, judged.against, quorum.missing), ''),
            CASE WHEN judged.changes = 0 THEN 'release manager' ELSE coalesce(quorum.owners, 'change manager') END,
            quorum.evidence
           )::release_mgmt.check_result
    FROM judged CROSS JOIN quorum;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_changes_approved(uuid) IS
'Check: the release carries out at least one change request, each of them approved and none overdue for judgement after the fact, and each body of the quorum of its model and policy approved content, plan, criteria, changes and remediation as they are now, by as many members as the quorum says; nobody refuses them.';
SELECT release_mgmt_internal.register_check('changes_approved', 'gate', 'release_mgmt_internal.check_changes_approved',
    'Change Management approved the exact content and roll-out plan');
