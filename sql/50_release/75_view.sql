-- Module release: what people ask about policies, plans and releases.

CREATE VIEW release_mgmt.release_policy_status WITH (security_invoker = true) AS
SELECT p.code AS policy, p.version, p.in_force_from, n.in_force_from AS in_force_until,
       p.in_force_from <= current_date AND (n.in_force_from IS NULL OR n.in_force_from > current_date) AS in_force,
       p.objectives, p.scope, p.principles,
       (SELECT count(*) FROM release_mgmt.policy_control AS c WHERE c.policy_id = p.id) AS controls,
       (SELECT count(*) FROM release_mgmt.release AS r WHERE r.policy_id = p.id) AS releases
FROM release_mgmt.release_policy AS p
LEFT JOIN release_mgmt.release_policy AS n ON n.code = p.code AND n.version = p.version + 1;
COMMENT ON VIEW release_mgmt.release_policy_status IS
'Each version of each release policy: from and until when it is in force (the day on which the next version is), whether it is today, how many machine-checked controls it has, and how many releases run under it.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_policy_status');

CREATE VIEW release_mgmt.plan_section_status WITH (security_invoker = true) AS
SELECT p.code AS plan, p.version, c.clause, c.title, s.plan_id IS NOT NULL AS present, length(s.body) AS characters
FROM release_mgmt.management_plan AS p
CROSS JOIN release_mgmt.plan_clause AS c
LEFT JOIN release_mgmt.plan_section AS s ON s.plan_id = p.id AND s.clause = c.clause;
COMMENT ON VIEW release_mgmt.plan_section_status IS
'Each section that a Release Management Plan must have, for each version: is it present, and how long is it?';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.plan_section_status');

CREATE FUNCTION release_mgmt_internal.must_accept_plan(plan uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.id FROM release_mgmt.organization AS o
    WHERE o.kind = 'authority'
      AND (NOT o.builtin OR NOT EXISTS (SELECT FROM release_mgmt.organization AS other WHERE other.kind = 'authority' AND NOT other.builtin))
    UNION
    SELECT c.organization_id FROM release_mgmt.release AS r JOIN release_mgmt.release_customer AS c ON c.release_id = r.id
    WHERE r.plan_id = must_accept_plan.plan;
END;
COMMENT ON FUNCTION release_mgmt_internal.must_accept_plan(uuid) IS
'Who must accept a plan: the authority (the shipped one only where no other is stated) and the customers of the releases that name it, as far as whoever asks sees them.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.must_accept_plan(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.plan_digest(uuid)');

CREATE VIEW release_mgmt.management_plan_status WITH (security_invoker = true) AS
SELECT p.code AS plan, p.version, d.digest, m.missing IS NULL AS complete, m.missing, a.accepted_by, a.waiting_for,
       p.accepted_at AS first_accepted_at,
       (SELECT count(*) FROM release_mgmt.release AS r WHERE r.plan_id = p.id) AS releases
FROM release_mgmt.management_plan AS p
CROSS JOIN LATERAL release_mgmt_internal.plan_digest(p.id) AS d(digest)
CROSS JOIN LATERAL (SELECT string_agg(s.clause || ' ' || s.title, '; ' ORDER BY s.clause) AS missing
                    FROM release_mgmt.plan_section_status AS s WHERE s.plan = p.code AND s.version = p.version AND NOT s.present) AS m
CROSS JOIN LATERAL (SELECT string_agg(o.code, ', ' ORDER BY o.code) FILTER (WHERE x.plan_id IS NOT NULL) AS accepted_by,
                           string_agg(o.code, ', ' ORDER BY o.code) FILTER (WHERE x.plan_id IS NULL) AS waiting_for
                    FROM release_mgmt.organization AS o
                    LEFT JOIN release_mgmt.plan_acceptance AS x ON x.plan_id = p.id AND x.organization_id = o.id AND x.digest::text = d.digest::text
                    WHERE (release_mgmt_internal.may_see(o.id, 'organization') OR o.kind = 'authority')
                      AND (x.plan_id IS NOT NULL OR o.id IN (SELECT release_mgmt_internal.must_accept_plan(p.id)))) AS a;
COMMENT ON VIEW release_mgmt.management_plan_status IS
'Each version of the Release Management Plan: its digest, which sections are missing, who accepted it as it reads and for whom it waits (the authority, and the customers of the releases that name it; of organizations that whoever asks sees), and how many releases name it.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.management_plan_status');

CREATE VIEW release_mgmt.release_overview WITH (security_invoker = true) AS
SELECT r.code AS release, r.type, r.title, r.state, s.kind, o.code AS organization, own.code AS owner, req.code AS requested_by, r.created_at,
       m.code AS model, m.version AS model_version, y.code AS policy, y.version AS policy_version, l.code AS plan, l.version AS plan_version,
       (SELECT string_agg(c.code, ', ' ORDER BY c.code) FROM release_mgmt.release_customer AS rc JOIN release_mgmt.organization AS c ON c.id = rc.organization_id
        WHERE rc.release_id = r.id) AS customers,
       (SELECT string_agg(c.code, ', ' ORDER BY c.code) FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
        WHERE rc.release_id = r.id) AS changes,
       p.code AS package, p.revision AS package_revision, p.sealed_at, u.code AS unit, d.roll_out, d.delivery, d.mechanism,
       t.code AS train, b.departs_at, r.baseline, r.agreed_at, r.planned, upper(r.planned) - upper(r.baseline) AS postponed_by,
       (SELECT count(*) FROM release_mgmt.planned_dates AS d WHERE d.release_id = r.id AND d.after_agreement) AS replanned
FROM release_mgmt.release AS r
JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
JOIN release_mgmt.release_model AS m ON m.id = r.model_id
JOIN release_mgmt.organization AS o ON o.id = r.organization_id
LEFT JOIN release_mgmt.person AS own ON own.id = r.owner_id
LEFT JOIN release_mgmt.person AS req ON req.id = r.requested_by
LEFT JOIN release_mgmt.release_policy AS y ON y.id = r.policy_id
LEFT JOIN release_mgmt.management_plan AS l ON l.id = r.plan_id
LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id AND p.current
LEFT JOIN release_mgmt.release_unit AS u ON u.id = p.unit_id
LEFT JOIN release_mgmt.design_option AS d ON d.release_id = r.id AND d.chosen
LEFT JOIN release_mgmt.train_boarding AS b ON b.release_id = r.id AND b.left_at IS NULL
LEFT JOIN release_mgmt.release_train AS t ON t.id = b.train_id;
COMMENT ON VIEW release_mgmt.release_overview IS
'One row for each release, for reports: what it is and in which state (kind as in model_state), whose, under which model, policy and plan, for which customers, by which changes, its package, unit, design option and train, its dates as they were agreed (baseline, agreed_at) and as they are planned, by how much the end was postponed, and how often the release was planned anew since it was agreed (planning_history tells why).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_overview');
