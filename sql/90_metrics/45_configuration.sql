-- Module metrics: the monthly report on configuration.

CREATE VIEW release_mgmt.configuration_monthly WITH (security_invoker = true) AS
WITH standing AS MATERIALIZED (
    SELECT d.at, d.classification FROM release_mgmt.drift(since => (SELECT min(m.month) FROM release_mgmt.report_month AS m)::timestamptz) AS d
    WHERE d.classification <> 'authorized'
)
SELECT m.month, coalesce(a.audits, 0) AS audits, coalesce(a.sampled, 0) AS sampled, coalesce(a.examined, 0) AS examined,
       coalesce(a.matching, 0) AS matching, round(100.0 * a.matching / nullif(a.sampled, 0), 1) AS accuracy_percent,
       coalesce(a.differing, 0) AS differing, coalesce(a.not_found, 0) AS not_found,
       coalesce(a.corrections, 0) AS corrections, coalesce(a.corrections_done, 0) AS corrections_done,
       (SELECT count(*) FROM standing AS s WHERE m.period @> s.at) AS unauthorized
FROM release_mgmt.report_month AS m
LEFT JOIN LATERAL (
    SELECT count(*) AS audits, sum(r.sampled) AS sampled, sum(r.examined) AS examined, sum(r.matching) AS matching, sum(r.differing) AS differing,
           sum(r.not_found) AS not_found, sum(r.corrections) AS corrections, sum(r.corrections_done) AS corrections_done
    FROM release_mgmt.ci_audit_result AS r WHERE m.period @> r.drawn_at) AS a ON true
ORDER BY m.month DESC;
COMMENT ON VIEW release_mgmt.configuration_monthly IS
'Each of 13 months: audits drawn; accuracy_percent = matching / sampled, where an item that nobody looked at yet does not match; items that differ or were not found, and what is done about them; and changes, creations and deletions of items without a permit (unauthorized) of that month that still stand. Reads the bound tables and the ledger of 13 months.';
SELECT release_mgmt_internal.allow('{release manager,change manager,auditor}', 'SELECT', 'release_mgmt.configuration_monthly');
