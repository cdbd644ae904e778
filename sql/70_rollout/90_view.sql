-- Module rollout: what people ask about a roll-out.

-- SECURITY DEFINER: the view asks them for whoever reads it.
CREATE FUNCTION release_mgmt_internal.waves_blocked(OUT wave_id uuid, OUT blocked text) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT w.id, nullif(concat_ws('; ', release_mgmt_internal.release_blocker(w.release_id), release_mgmt_internal.wave_blocker(w.id)), '')
    FROM release_mgmt.wave AS w
    WHERE EXISTS (SELECT FROM release_mgmt.target AS t JOIN release_mgmt.deployment_step AS s ON s.target_id = t.id
                  WHERE t.wave_id = w.id AND s.state IN ('ready', 'claimed'));
END;
COMMENT ON FUNCTION release_mgmt_internal.waves_blocked() IS 'Each wave with an open step, and why nothing of it may be installed now.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.waves_blocked()');

CREATE VIEW release_mgmt.deployment_progress WITH (security_invoker = true) AS
SELECT r.code AS release, w.ordinal AS wave_ordinal, w.name AS wave, w.pilot, t.ci AS target, t.state, s.attempt, s.kind AS step, s.state AS step_state,
       s.worker, s.claimed_at, s.lease_until, s.finished_at, s.findings,
       CASE WHEN s.state = 'ready' THEN nullif(concat_ws('; ', CASE WHEN s.kind = 'install' THEN b.blocked END,
                                                         CASE WHEN d.mechanism = 'manual' THEN 'a person, since the roll-out is manual' END), '') END AS waits_for,
       s.by_hand, s.reason
FROM release_mgmt.target AS t
JOIN release_mgmt.wave AS w ON w.id = t.wave_id
JOIN release_mgmt.release AS r ON r.id = t.release_id
LEFT JOIN LATERAL (SELECT x.* FROM release_mgmt.deployment_step AS x
                   WHERE x.target_id = t.id AND x.state <> 'cancelled' ORDER BY x.attempt DESC, x.ordinal DESC LIMIT 1) AS s ON true
LEFT JOIN release_mgmt_internal.waves_blocked() AS b ON b.wave_id = w.id
LEFT JOIN release_mgmt.design_option AS d ON d.release_id = r.id AND d.chosen;
COMMENT ON VIEW release_mgmt.deployment_progress IS
'Each target of each release with its state and its last step: attempt, kind, state, worker, what was found wrong (findings), why a step that is ready is not handed out yet (waits_for), and whether a person completed it by hand, and why.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.deployment_progress');

CREATE VIEW release_mgmt.release_schedule WITH (security_invoker = true) AS
SELECT r.code AS release, r.type, r.state, r.baseline, coalesce(r.planned, w.span) AS planned, w.windows,
       d.began_at, d.finished_at, d.targets, d.verified, d.failed,
       round(100.0 * d.verified / nullif(d.targets, 0), 1) AS percent_verified,
       coalesce(d.finished_at, statement_timestamp()) - upper(coalesce(r.baseline, r.planned, w.span)) AS late_by
FROM release_mgmt.release AS r
LEFT JOIN LATERAL (SELECT range_agg(x.period) AS windows, tstzrange(min(lower(x.period)), max(upper(x.period))) AS span
                   FROM release_mgmt.change_window AS x WHERE x.release_id = r.id HAVING count(*) > 0) AS w ON true
LEFT JOIN LATERAL (SELECT min(a.began_at) AS began_at,
                          CASE WHEN count(*) > 0 AND count(*) = count(*) FILTER (WHERE t.state = 'verified') THEN max(a.verified_at) END AS finished_at,
                          count(*) AS targets, count(*) FILTER (WHERE t.state = 'verified') AS verified, count(*) FILTER (WHERE t.state = 'failed') AS failed
                   FROM release_mgmt.target AS t
                   LEFT JOIN LATERAL (SELECT min(s.claimed_at) AS began_at, max(s.finished_at) FILTER (WHERE s.kind = 'verify' AND s.state = 'successful') AS verified_at
                                      FROM release_mgmt.deployment_step AS s WHERE s.target_id = t.id) AS a ON true
                   WHERE t.release_id = r.id) AS d ON true;
COMMENT ON VIEW release_mgmt.release_schedule IS
'Each release: for when its roll-out was agreed (baseline), is planned now, its windows, when the first step began and the last target was verified, the progress, and by how much it is later than its baseline end (negative: before it).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_schedule');

CREATE VIEW release_mgmt.change_calendar WITH (security_invoker = true) AS
SELECT 'window' AS kind, r.code, o.code AS organization, w.period, r.state, r.title AS reason
FROM release_mgmt.change_window AS w
JOIN release_mgmt.release AS r ON r.id = w.release_id
JOIN release_mgmt.organization AS o ON o.id = r.organization_id
UNION ALL
SELECT 'freeze', f.code, o.code, f.period, NULL, f.reason
FROM release_mgmt.freezes_between(statement_timestamp() - interval '13 months', statement_timestamp() + interval '13 months') AS f
LEFT JOIN release_mgmt.organization AS o ON o.id = f.organization_id
UNION ALL
SELECT 'departure', t.code, o.code, tstzrange(d.departs_at, d.departs_at + t.lasts), NULL, t.title
FROM release_mgmt.release_train AS t
JOIN release_mgmt.organization AS o ON o.id = t.organization_id
CROSS JOIN LATERAL release_mgmt.departures_between(t.code, statement_timestamp() - interval '13 months', statement_timestamp() + interval '13 months') AS d;
COMMENT ON VIEW release_mgmt.change_calendar IS
'The calendar to publish: every change window with its release''s state, and every occurrence of every freeze and every departure of every release train from 13 months back to 13 months ahead (organization NULL: everybody''s).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_calendar');
