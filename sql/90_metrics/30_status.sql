-- Module metrics: which checks show which obligation, and the answer for each release.

INSERT INTO release_mgmt.obligation_check (obligation_id, check_name, builtin)
SELECT o.id, c.check_name, true
FROM (VALUES ('1', 'policy_named'),
             ('1.1', 'support_requests_done'),
             ('1.2, 2', 'plan_accepted'), ('1.2, 2', 'window_booked'),
             ('1.3, 2.1', 'package_compatible'),
             ('1.4, 2.2', 'package_sealed'), ('1.4, 2.2', 'package_signed'), ('1.4, 2.2', 'record_proved'),
             ('1.5, 2.3', 'deployment_verified'), ('1.5, 2.3', 'remediation_planned'),
             ('1.6', 'stakeholders_notified'),
             ('1.7, 2.4', 'no_blocking_risk'), ('1.7, 2.4', 'deviations_handled'),
             ('1.8, 2.5', 'knowledge_users'),
             ('1.9, 2.6', 'knowledge_operations'), ('1.9, 2.6', 'service_levels_agreed'), ('1.9, 2.6', 'service_levels_held'),
             ('1.10', 'unit_stated'),
             ('1.11', 'waves_fit_design'),
             ('1.12', 'package_made'),
             ('1.13, 2.7', 'model_followed'),
             ('1.14, 2.8', 'tests_passed'),
             ('1.15', 'pilot_successful'),
             ('1.16, 2.9', 'criteria_agreed'), ('1.16, 2.9', 'criteria_tracked'),
             ('1.17', 'incidents_decided'),
             ('3', 'components_tied'), ('3', 'deployment_verified'),
             ('4', 'changes_approved'), ('4', 'roll_out_agreed'), ('4', 'conflicts_settled'),
             ('5', 'package_signed'), ('5', 'cis_traceable'), ('5', 'advisories_below_limit'), ('5', 'no_drift'),
             ('6', 'stakeholders_notified'),
             ('7', 'policy_complied'),
             ('8', 'items_in_library'),
             ('10', 'items_in_library'), ('10', 'delivery_proved')) AS c(clause, check_name)
JOIN release_mgmt.obligation AS o ON o.clause = c.clause AND o.builtin;

CREATE VIEW release_mgmt.obligation_status WITH (security_invoker = true) AS
SELECT r.code AS release, o.contract, o.clause, o.obligation, w.clause_text,
       CASE WHEN i.approved_by IS NOT NULL THEN 'not applicable'
            WHEN bool_and(coalesce(c.met, false)) THEN 'met' ELSE 'not met' END AS status,
       CASE WHEN i.approved_by IS NULL THEN string_agg(coalesce(c.missing, 'no evidence'), '; ' ORDER BY oc.check_name) FILTER (WHERE c.met IS NOT TRUE) END AS missing,
       CASE WHEN i.approved_by IS NOT NULL
            THEN jsonb_build_object('inapplicability', i.reason, 'approved_by', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = i.approved_by), 'approved_at', i.approved_at)
            ELSE jsonb_object_agg(oc.check_name, c.evidence) FILTER (WHERE oc.check_name IS NOT NULL) END AS evidence,
       o.ordinal
FROM release_mgmt.obligation AS o
CROSS JOIN release_mgmt.release AS r
LEFT JOIN release_mgmt.obligation_wording AS w ON w.obligation_id = o.id
LEFT JOIN release_mgmt.inapplicability AS i ON i.obligation_id = o.id AND i.release_id = r.id
LEFT JOIN release_mgmt.obligation_check AS oc ON oc.obligation_id = o.id
LEFT JOIN LATERAL release_mgmt_internal.tell_check(oc.check_name, r.id) AS c ON oc.check_name IS NOT NULL
GROUP BY r.code, o.contract, o.clause, o.obligation, o.ordinal, w.clause_text, i.reason, i.approved_by, i.approved_at;
COMMENT ON VIEW release_mgmt.obligation_status IS
'For each obligation and each release: met, not met or not applicable, evaluated now, what is missing, and the rows that prove it, by check. No evidence, and no check, is not met; not applicable needs a reason and an approver (state_inapplicable(), approve_inapplicable()).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.obligation_status');
