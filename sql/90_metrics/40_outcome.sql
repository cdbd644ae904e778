-- Module metrics: what became of each release, and the same by month. Every rate carries its numerator and denominator.

CREATE VIEW release_mgmt.release_outcome WITH (security_invoker = true) AS
SELECT r.code AS release, r.type, r.state, r.baseline,
       k.sealed_at, h.deployed_at, h.ended_at,
       CASE WHEN h.deployed_at IS NULL AND h.failed_at IS NULL THEN 'in progress'
            WHEN h.failed_at IS NOT NULL THEN 'failed' ELSE 'successful' END AS outcome,
       coalesce(h.failed_at, h.deployed_at) AS finished_at,
       s.backed_out > 0 AS reversal,
       s.repeated > 0 AS correction,
       coalesce(i.disruptions, 0) > 0 AS disruption,
       -- Immediate intervention: something was backed out or done again, the release failed, or an incident it caused disrupted business.
       h.failed_at IS NOT NULL OR s.backed_out > 0 OR s.repeated > 0 OR coalesce(i.disruptions, 0) > 0 AS intervention,
       greatest(s.recovered_at, i.resolved_at) AS recovered_at,
       coalesce(i.incidents, 0) AS incidents, i.first_detected_at,
       EXISTS (SELECT FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
               WHERE rc.release_id = r.id AND c.type = 'emergency') OR r.type = 'emergency' AS emergency
FROM release_mgmt.release AS r
LEFT JOIN release_mgmt.release_package AS k ON k.release_id = r.id AND k.current
LEFT JOIN LATERAL (
    -- By the kinds of its model's states, whatever they are called.
    SELECT min(x.entered_at) FILTER (WHERE m.kind = 'deployed') AS deployed_at,
           min(x.entered_at) FILTER (WHERE (b.kind, m.kind) IN (('deploying', 'halted'), ('deployed', 'halted'), ('deploying', 'ended'))) AS failed_at,
           max(x.entered_at) FILTER (WHERE m.kind = 'ended') AS ended_at
    FROM release_mgmt.release_state_history AS x
    JOIN release_mgmt.model_state AS m ON m.model_id = r.model_id AND m.state = x.to_state
    JOIN release_mgmt.model_state AS b ON b.model_id = r.model_id AND b.state = x.from_state
    WHERE x.release_id = r.id) AS h ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.kind = 'back_out' AND d.state = 'successful') AS backed_out,
           count(*) FILTER (WHERE d.kind = 'install' AND d.attempt > 1) AS repeated,
           max(d.finished_at) FILTER (WHERE d.attempt > 1 AND d.kind = 'verify' AND d.state = 'successful') AS recovered_at
    FROM release_mgmt.target AS t JOIN release_mgmt.deployment_step AS d ON d.target_id = t.id
    WHERE t.release_id = r.id) AS s ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS incidents, count(*) FILTER (WHERE n.disruption) AS disruptions, min(n.opened_at) AS first_detected_at,
           CASE WHEN count(*) = count(n.resolved_at) THEN max(n.resolved_at) END AS resolved_at
    FROM release_mgmt.incident_attribution AS a JOIN release_mgmt.incident AS n ON n.id = a.incident_id
    WHERE a.release_id = r.id AND a.confirmed) AS i ON true;
COMMENT ON VIEW release_mgmt.release_outcome IS
'Each release with its outcome (successful once it entered a state of kind deployed, failed once it left its roll-out or production for a halted state, or its roll-out for an ended one, as failed and backed out are; else in progress) and, as separate figures, whether anything was reversed, done again, or disrupted business; incidents are those confirmed by a person.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_outcome');

CREATE VIEW release_mgmt.report_month WITH (security_invoker = true) AS
SELECT m.month::date AS month, tstzrange(m.month, m.month + interval '1 month') AS period
FROM generate_series(date_trunc('month', now()) - interval '12 months', date_trunc('month', now()), interval '1 month') AS m(month);
COMMENT ON VIEW release_mgmt.report_month IS 'The 13 months that reports show, this one included.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.report_month');

CREATE VIEW release_mgmt.release_outcome_monthly WITH (security_invoker = true) AS
SELECT m.month, t.type, count(o.release) AS completed,
       count(*) FILTER (WHERE o.outcome = 'successful') AS successful,
       round(100.0 * count(*) FILTER (WHERE o.outcome = 'successful') / nullif(count(o.release), 0), 1) AS success_percent,
       count(*) FILTER (WHERE o.reversal) AS reversals,
       count(*) FILTER (WHERE o.correction) AS corrections,
       count(*) FILTER (WHERE o.disruption) AS disruptions,
       count(*) FILTER (WHERE o.intervention) AS interventions,
       round(100.0 * count(*) FILTER (WHERE o.intervention) / nullif(count(o.release), 0), 1) AS change_fail_percent,
       count(*) FILTER (WHERE o.baseline IS NOT NULL AND o.finished_at <= upper(o.baseline)) AS on_time,
       count(*) FILTER (WHERE o.emergency) AS emergencies
FROM release_mgmt.report_month AS m
CROSS JOIN (VALUES ('major'), ('minor'), ('emergency')) AS t(type)
LEFT JOIN release_mgmt.release_outcome AS o ON o.type = t.type AND o.outcome <> 'in progress' AND m.period @> o.finished_at
GROUP BY m.month, t.type
ORDER BY m.month DESC, t.type;
COMMENT ON VIEW release_mgmt.release_outcome_monthly IS
'Releases completed (successful or failed) in each of 13 months by type, months with zero included: success_percent = successful / completed; change_fail_percent = interventions / completed, each release counted once, never above 100; on_time counts those finished by their baseline end. A percentage is NULL where nothing was completed.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_outcome_monthly');

CREATE VIEW release_mgmt.delivery_performance_monthly WITH (security_invoker = true) AS
SELECT m.month, count(o.release) AS deployments,
       'sealed to deployed' AS lead_time_measured,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY o.deployed_at - o.sealed_at) AS lead_time_median,
       count(*) FILTER (WHERE o.intervention) AS failed_deployments,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(o.recovered_at - o.finished_at, interval '0')) FILTER (WHERE o.intervention AND o.recovered_at IS NOT NULL) AS recovery_time_median,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY o.recovered_at - o.first_detected_at) FILTER (WHERE o.intervention AND o.recovered_at IS NOT NULL) AS recovery_time_from_detection_median,
       (SELECT count(*) FROM release_mgmt.delivery AS d WHERE m.period @> d.delivered_at) AS installs,
       (SELECT count(*) FROM release_mgmt.delivery AS d JOIN release_mgmt.library_item AS l ON l.id = d.item_id AND l.digest = d.digest AND l.state IN ('accepted', 'retired')
        WHERE m.period @> d.delivered_at) AS installs_from_library
FROM release_mgmt.report_month AS m
LEFT JOIN release_mgmt.release_outcome AS o ON o.outcome <> 'in progress' AND m.period @> o.finished_at
GROUP BY m.month, m.period
ORDER BY m.month DESC;
COMMENT ON VIEW release_mgmt.delivery_performance_monthly IS
'Each of 13 months: deployments finished; median lead time, from sealing since no commit time is known; distinct deployments that needed immediate intervention; median time to recover from the end of the deployment, and from the first incident''s detection; installs, and those whose digest is a library item''s (library provenance = installs_from_library / installs).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.delivery_performance_monthly');

CREATE VIEW release_mgmt.incident_share_monthly WITH (security_invoker = true) AS
SELECT m.month,
       (SELECT count(*) FROM release_mgmt.incident AS i WHERE m.period @> i.opened_at) AS incidents,
       (SELECT count(DISTINCT i.id) FROM release_mgmt.incident AS i JOIN release_mgmt.incident_attribution AS a ON a.incident_id = i.id AND a.confirmed
        WHERE m.period @> i.opened_at) AS incidents_caused_by_releases,
       (SELECT count(*) FROM release_mgmt.problem AS p WHERE m.period @> p.opened_at) AS problems,
       (SELECT count(DISTINCT p.id) FROM release_mgmt.problem AS p JOIN release_mgmt.incident AS i ON i.problem_id = p.id
        JOIN release_mgmt.incident_attribution AS a ON a.incident_id = i.id AND a.confirmed WHERE m.period @> p.opened_at) AS problems_caused_by_releases,
       (SELECT jsonb_object_agg(c.cause_kind, c.problems)
        FROM (SELECT coalesce(p.cause_kind, 'unknown') AS cause_kind, count(DISTINCT p.id) AS problems
              FROM release_mgmt.problem AS p JOIN release_mgmt.incident AS i ON i.problem_id = p.id
              JOIN release_mgmt.incident_attribution AS a ON a.incident_id = i.id AND a.confirmed
              WHERE m.period @> p.opened_at GROUP BY 1) AS c) AS causes
FROM release_mgmt.report_month AS m
ORDER BY m.month DESC;
COMMENT ON VIEW release_mgmt.incident_share_monthly IS
'Each of 13 months: incidents and problems opened, how many of them releases caused (attributions confirmed by a person), and the causes.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.incident_share_monthly');

CREATE VIEW release_mgmt.change_report WITH (security_invoker = true) AS
SELECT c.code AS change, c.type, c.priority, c.service, c.title, p.code AS requested_by, c.created_at,
       c.state AS change_state, s.approval_due, s.overdue, r.code AS release, r.state, t.times AS windows,
       CASE WHEN c.state IN ('refused', 'cancelled') THEN c.state
            WHEN o.outcome <> 'in progress' THEN o.outcome
            WHEN k.kind = 'deploying' THEN 'active'
            WHEN c.state IN ('requested', 'assessed') OR c.type = 'emergency' AND c.state = 'implemented' AND NOT j.judged THEN 'awaiting approval'
            WHEN c.state IN ('implemented', 'reviewed', 'closed') THEN 'implemented'
            WHEN t.times @> now() THEN 'active'
            WHEN t.times && tstzrange(now(), now() + interval '7 days') THEN 'next week'
            WHEN t.times IS NOT NULL THEN 'scheduled'
            ELSE 'approved' END AS status
FROM release_mgmt.change_request AS c
JOIN release_mgmt.change_status AS s ON s.change = c.code
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM release_mgmt.change_state_history AS h WHERE h.change_id = c.id AND h.to_state IN ('approved', 'refused')) AS judged) AS j
LEFT JOIN release_mgmt.person AS p ON p.id = c.requested_by
LEFT JOIN release_mgmt.release_change AS rc ON rc.change_id = c.id
LEFT JOIN release_mgmt.release AS r ON r.id = rc.release_id
LEFT JOIN release_mgmt.model_state AS k ON k.model_id = r.model_id AND k.state = r.state
LEFT JOIN release_mgmt.release_outcome AS o ON o.release = r.code
LEFT JOIN release_mgmt.release_schedule AS w ON w.release = r.code
-- Windows of the release, or for when it is planned where it has none; of a change that none carries, its own time.
CROSS JOIN LATERAL (SELECT coalesce(w.windows, CASE WHEN r.id IS NOT NULL THEN tstzmultirange(w.planned) ELSE tstzmultirange(c.planned) END) AS times) AS t;
COMMENT ON VIEW release_mgmt.change_report IS
'Each change request with the release that carries it out, when that is to be, and its status: awaiting approval (an emergency one after the fact, too; overdue says since when too long), refused, cancelled, approved (no time is planned), scheduled, next week (within seven days), active (being rolled out, or its time is now), implemented, and the outcome of its release: successful, failed.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_report');
