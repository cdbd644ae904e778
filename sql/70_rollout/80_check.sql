-- Module rollout: the checks that it can answer at a gate, and its parts of what an approval binds to. No evidence is unmet.

CREATE FUNCTION release_mgmt_internal.utc_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
END;
COMMENT ON FUNCTION release_mgmt_internal.utc_text(timestamptz) IS 'A time in the one form that canonical texts use (ISO 8601, UTC, microseconds).';

CREATE FUNCTION release_mgmt_internal.plan_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('design', d.roll_out, d.delivery, d.mechanism, d.rationale), '')
                     FROM release_mgmt.design_option AS d WHERE d.release_id = plan_text.release AND d.chosen), '')
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('window',
                                release_mgmt_internal.utc_text(lower(w.period)), lower_inc(w.period)::text,
                                release_mgmt_internal.utc_text(upper(w.period)), upper_inc(w.period)::text), '' ORDER BY w.period)
                     FROM release_mgmt.change_window AS w WHERE w.release_id = plan_text.release), '')
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('wave', w.ordinal::text, w.name, w.pilot::text,
                                release_mgmt_internal.utc_text(lower(w.period)), release_mgmt_internal.utc_text(upper(w.period)))
                            || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('target', t.ci), '' ORDER BY t.ci COLLATE "C")
                                         FROM release_mgmt.target AS t WHERE t.wave_id = w.id), ''), '' ORDER BY w.ordinal)
                     FROM release_mgmt.wave AS w WHERE w.release_id = plan_text.release), '')
        || coalesce((SELECT release_mgmt_internal.manifest_line('pilot', p.control, release_mgmt_internal.utc_text(p.ends_at))
                     FROM release_mgmt.pilot AS p WHERE p.release_id = plan_text.release), '')
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('metric', m.metric, m.better, m.tolerance::text), '' ORDER BY m.metric COLLATE "C")
                     FROM release_mgmt.pilot_metric AS m WHERE m.release_id = plan_text.release), '')
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('dependency', d.kind, o.code), '' ORDER BY o.code COLLATE "C")
                     FROM release_mgmt.release_dependency AS d JOIN release_mgmt.release AS o ON o.id = d.on_release_id
                     WHERE d.release_id = plan_text.release), '');
END;
COMMENT ON FUNCTION release_mgmt_internal.plan_text(uuid) IS
'The roll-out plan as canonical text: chosen design option, windows, waves with their targets, pilot with its metrics, dependencies; in order, names in byte order.';
SELECT release_mgmt_internal.register_check('plan', 'approval_part', 'release_mgmt_internal.plan_text', 'the roll-out plan: design, windows, waves, targets, pilot, dependencies');

CREATE FUNCTION release_mgmt_internal.remediation_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.string_agg(release_mgmt_internal.manifest_line(p.kind, p.body), '' ORDER BY p.kind COLLATE "C"), '')
    FROM release_mgmt.remediation_plan AS p WHERE p.release_id = remediation_text.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.remediation_text(uuid) IS 'The remediation plans as canonical text.';
SELECT release_mgmt_internal.register_check('remediation', 'approval_part', 'release_mgmt_internal.remediation_text', 'the remediation: back-out, fix-forward, continuity');

CREATE FUNCTION release_mgmt_internal.check_window_booked(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH kind AS (
        SELECT s.kind FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
        WHERE r.id = check_window_booked.release
    ), of_window AS (
        SELECT w.period,
               -- A window that was used stays good after it is over.
               upper(w.period) > pg_catalog.statement_timestamp()
               OR EXISTS (SELECT FROM release_mgmt.target AS t JOIN release_mgmt.deployment_step AS s ON s.target_id = t.id
                          WHERE t.release_id = w.release_id AND w.period @> s.claimed_at) AS usable,
               (SELECT pg_catalog.string_agg(DISTINCT f.code, ', ')
                FROM release_mgmt_internal.freezes_of(w.release_id, lower(w.period), upper(w.period)) AS f
                WHERE f.period && w.period AND upper(f.period) > pg_catalog.statement_timestamp()) AS freezes,
               (SELECT count(*) FROM release_mgmt.ci_booking AS b WHERE b.window_id = w.id) AS booked,
               (SELECT count(*) FROM release_mgmt.target AS t WHERE t.release_id = w.release_id) AS targets
        FROM release_mgmt.change_window AS w WHERE w.release_id = check_window_booked.release
    ), summary AS (
        SELECT count(*) AS windows, count(*) FILTER (WHERE usable) AS usable, coalesce(max(targets), 0) AS targets,
               coalesce(pg_catalog.bool_and(booked = targets), false) AS all_booked,
               pg_catalog.string_agg(pg_catalog.format('the window %s meets freeze %s', period, freezes), '; ' ORDER BY period)
                   FILTER (WHERE freezes IS NOT NULL AND upper(period) > pg_catalog.statement_timestamp()) AS frozen,
               pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('change_window', period, 'ci_booking', booked) ORDER BY period) AS evidence
        FROM of_window
    )
    SELECT (usable > 0 AND frozen IS NULL AND targets > 0 AND (all_booked OR kind.kind = 'ended'),
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN windows = 0 THEN 'no change window is planned' WHEN usable = 0 THEN 'every change window is over, and none was used' END,
                frozen,
                CASE WHEN windows > 0 AND targets = 0 THEN 'no target is planned, so nothing is booked'
                     WHEN windows > 0 AND NOT all_booked AND kind.kind <> 'ended' THEN 'targets are not booked for every window' END), ''),
            CASE WHEN frozen IS NOT NULL THEN 'change manager' ELSE 'release manager' END,
            evidence
           )::release_mgmt.check_result
    FROM summary CROSS JOIN kind;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_window_booked(uuid) IS
'Check: the release has a change window that is not over, or was used; none that is still to come meets a freeze; every target is booked for each.';
SELECT release_mgmt_internal.register_check('window_booked', 'gate', 'release_mgmt_internal.check_window_booked',
    'a change window is agreed, free of freezes, with every target booked for it');

CREATE FUNCTION release_mgmt_internal.check_remediation_planned(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) FILTER (WHERE p.kind IN ('back-out', 'fix-forward')) > 0,
            CASE WHEN count(*) FILTER (WHERE p.kind IN ('back-out', 'fix-forward')) = 0 THEN 'neither backing out nor fixing forward is planned' END,
            'release manager',
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('remediation_plan', p.kind, 'rehearsed_at', p.rehearsed_at) ORDER BY p.kind)
           )::release_mgmt.check_result
    FROM release_mgmt.remediation_plan AS p WHERE p.release_id = check_remediation_planned.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_remediation_planned(uuid) IS 'Check: it is written down how the release is backed out, or how it is fixed forward.';
SELECT release_mgmt_internal.register_check('remediation_planned', 'gate', 'release_mgmt_internal.check_remediation_planned',
    'remediation is planned: backing out, or fixing forward');

CREATE FUNCTION release_mgmt_internal.check_pilot_successful(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (v.verdict IS NOT DISTINCT FROM 'successful',
            CASE WHEN v.verdict IS NULL THEN 'no pilot is planned'
                 WHEN v.verdict <> 'successful' THEN pg_catalog.format('the pilot is %s: %s', v.verdict, v.reasons) END,
            CASE WHEN v.verdict IS NULL THEN 'release manager' ELSE 'operator' END,
            CASE WHEN v.verdict IS NOT NULL THEN pg_catalog.jsonb_build_object('pilot', v.verdict, 'control', v.control, 'pilot_measurement', v.measurements) END
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r LEFT JOIN release_mgmt.pilot_verdict AS v ON v.release = r.code
    WHERE r.id = check_pilot_successful.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_pilot_successful(uuid) IS 'Check: the verdict on the pilot, computed from its measurements, is successful.';
SELECT release_mgmt_internal.register_check('pilot_successful', 'gate', 'release_mgmt_internal.check_pilot_successful',
    'the pilot was successful by its stored measurements');

CREATE FUNCTION release_mgmt_internal.unplaced_changes(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.string_agg(pg_catalog.format('%s is planned to change with %s, which is no target', o.ci, o.target), '; ' ORDER BY o.ci COLLATE "C")
    FROM (SELECT DISTINCT x.ci, x.target FROM release_mgmt.planned_ci_change AS x
          WHERE x.release_id = unplaced_changes.release
            AND NOT EXISTS (SELECT FROM release_mgmt.target AS t WHERE t.release_id = x.release_id AND t.ci = x.target)) AS o;
END;
COMMENT ON FUNCTION release_mgmt_internal.unplaced_changes(uuid) IS 'The planned CI changes that no target of the roll-out plan would carry out; NULL where there are none.';

CREATE FUNCTION release_mgmt_internal.check_deployment_verified(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH summary AS (
        SELECT count(*) AS targets, count(*) FILTER (WHERE t.state = 'verified') AS verified,
               pg_catalog.string_agg(pg_catalog.format('%s: %s', t.ci, pg_catalog.replace(t.state, '_', ' ')), '; ' ORDER BY t.ci COLLATE "C")
                   FILTER (WHERE t.state <> 'verified') AS others
        FROM release_mgmt.target AS t WHERE t.release_id = check_deployment_verified.release
    ), delivered AS (
        SELECT count(*) AS deliveries, coalesce(sum(d.files), 0) AS files
        FROM release_mgmt.target AS t JOIN release_mgmt.deployment_step AS s ON s.target_id = t.id JOIN release_mgmt.delivery AS d ON d.step_id = s.id
        WHERE t.release_id = check_deployment_verified.release
    ), unreached AS (
        SELECT pg_catalog.string_agg(pg_catalog.format('component %s reaches no target', c.name), '; ' ORDER BY c.name COLLATE "C") AS components,
               release_mgmt_internal.unplaced_changes(check_deployment_verified.release) AS changes
        FROM release_mgmt.release_package AS p JOIN release_mgmt.component AS c ON c.package_id = p.id
        WHERE p.release_id = check_deployment_verified.release AND p.current
          AND NOT EXISTS (SELECT FROM release_mgmt.target AS t, LATERAL release_mgmt_internal.target_components(t.id) AS o
                          WHERE t.release_id = p.release_id AND o.id = c.id)
    )
    SELECT (targets > 0 AND verified = targets AND unreached.components IS NULL AND unreached.changes IS NULL,
            nullif(pg_catalog.concat_ws('; ', CASE WHEN targets = 0 THEN 'the release has no target' END, others,
                                        CASE WHEN targets > 0 THEN unreached.components END, unreached.changes), ''),
            CASE WHEN targets = 0 OR unreached.components IS NOT NULL OR unreached.changes IS NOT NULL THEN 'release manager' ELSE 'operator' END,
            pg_catalog.jsonb_build_object('target', targets, 'verified', verified, 'delivery', deliveries, 'files', files)
           )::release_mgmt.check_result
    FROM summary CROSS JOIN delivered CROSS JOIN unreached;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_deployment_verified(uuid) IS 'Check: every target of every wave is verified, every component reached a target, and every planned CI change belongs to one.';
SELECT release_mgmt_internal.register_check('deployment_verified', 'gate', 'release_mgmt_internal.check_deployment_verified',
    'every target was installed and verified, file by file');

CREATE FUNCTION release_mgmt_internal.check_targets_backed_out(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND count(*) = count(*) FILTER (WHERE t.state IN ('planned', 'backed_out')),
            CASE WHEN count(*) = 0 THEN 'the release has no target'
                 ELSE pg_catalog.string_agg(pg_catalog.format('%s: %s', t.ci, pg_catalog.replace(t.state, '_', ' ')), '; ' ORDER BY t.ci COLLATE "C")
                          FILTER (WHERE t.state NOT IN ('planned', 'backed_out')) END,
            'operator',
            pg_catalog.jsonb_build_object('target', count(*), 'backed_out', count(*) FILTER (WHERE t.state = 'backed_out'))
           )::release_mgmt.check_result
    FROM release_mgmt.target AS t WHERE t.release_id = check_targets_backed_out.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_targets_backed_out(uuid) IS 'Check: no target has anything of the release left.';
SELECT release_mgmt_internal.register_check('targets_backed_out', 'gate', 'release_mgmt_internal.check_targets_backed_out',
    'the release is backed out of every target, as the workers'' output shows');

CREATE FUNCTION release_mgmt_internal.check_targets_compatible(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
    SELECT (count(*) > 0 AND count(f.said) = 0,
            CASE WHEN count(*) = 0 THEN 'the release has no target'
                 ELSE pg_catalog.string_agg(pg_catalog.format('%s%s: %s', t.ci, coalesce(' of "' || f.organization || '"', ''), f.said), '; ' ORDER BY t.ci COLLATE "C")
                          FILTER (WHERE f.said IS NOT NULL) END,
            'release manager',
            pg_catalog.jsonb_build_object('target', count(*), 'fitting', count(*) - count(f.said),
                'baseline', pg_catalog.jsonb_object_agg(t.ci, f.baseline::text) FILTER (WHERE f.baseline IS NOT NULL))
           )::release_mgmt.check_result
    FROM release_mgmt.target AS t
    LEFT JOIN (SELECT x.target_id, r.baseline, r.items, r.said, g.code AS organization
               FROM release_mgmt_internal.wave_prefixes(check_targets_compatible.release) AS x
               JOIN release_mgmt.target AS o ON o.id = x.target_id
               JOIN release_mgmt.ci AS i ON i.label = o.ci
               LEFT JOIN release_mgmt.organization AS g ON g.id = i.organization_id
               CROSS JOIN LATERAL release_mgmt_internal.target_result(x.package_id, i.id, x.brought, x.retired_on) AS r) AS f
        -- Of a target on which nothing is known to be installed, nothing can be said.
        ON f.target_id = t.id AND f.items > 0
    WHERE t.release_id = check_targets_compatible.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_targets_compatible(uuid) IS
'Check: after each wave of the roll-out plan, what is installed fits together on each of its targets, as it is now; those of waves that are done included. The evidence names the baselines seen.';
SELECT release_mgmt_internal.register_check('targets_compatible', 'gate', 'release_mgmt_internal.check_targets_compatible',
    'after every wave, the package fits into what is installed on its targets');

CREATE FUNCTION release_mgmt_internal.check_waves_fit_design(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH waves AS (
        SELECT count(*) AS planned, count(*) FILTER (WHERE w.pilot) AS pilots,
               min(w.ordinal) FILTER (WHERE w.pilot) > min(w.ordinal) FILTER (WHERE NOT w.pilot) AS pilot_late,
               pg_catalog.string_agg(pg_catalog.format('wave "%s" has no target', w.name), '; ' ORDER BY w.ordinal)
                   FILTER (WHERE NOT EXISTS (SELECT FROM release_mgmt.target AS t WHERE t.wave_id = w.id)) AS empty
        FROM release_mgmt.wave AS w WHERE w.release_id = check_waves_fit_design.release
    ), design AS (
        SELECT d.roll_out, d.delivery, d.mechanism, d.rationale
        FROM (SELECT) AS always LEFT JOIN release_mgmt.design_option AS d ON d.release_id = check_waves_fit_design.release AND d.chosen
    ), faults AS (
        SELECT nullif(pg_catalog.concat_ws('; ',
            CASE WHEN design.roll_out IS NULL THEN 'no release design option is chosen' END,
            -- Of a big-bang the one wave is made at sealing, unless it is planned before.
            CASE WHEN waves.planned = 0 AND design.roll_out IS DISTINCT FROM 'big-bang' THEN 'no wave is planned' END,
            waves.empty,
            CASE WHEN waves.planned > 0 THEN release_mgmt_internal.unplaced_changes(check_waves_fit_design.release) END,
            CASE WHEN waves.pilot_late THEN 'a pilot wave comes after another wave' END,
            CASE WHEN design.roll_out = 'phased' AND (waves.planned < 2 OR waves.pilots = 0) THEN 'a phased roll-out needs two waves or more, the first of them a pilot'
                 WHEN design.roll_out = 'big-bang' AND waves.planned > 1 THEN pg_catalog.format('a big-bang has one wave, planned are %s', waves.planned) END), '') AS missing
        FROM waves CROSS JOIN design
    )
    SELECT (faults.missing IS NULL, faults.missing, 'release manager',
            CASE WHEN design.roll_out IS NOT NULL THEN pg_catalog.jsonb_build_object('design_option', design.roll_out, 'delivery', design.delivery,
                'mechanism', design.mechanism, 'rationale', design.rationale, 'wave', waves.planned, 'pilot', waves.pilots) END
           )::release_mgmt.check_result
    FROM faults CROSS JOIN waves CROSS JOIN design;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_waves_fit_design(uuid) IS
'Check: a release design option is chosen, the waves are what it says (phased, two or more with a pilot first; big-bang, one, which sealing makes where none is planned), and they carry out every planned CI change.';
SELECT release_mgmt_internal.register_check('waves_fit_design', 'gate', 'release_mgmt_internal.check_waves_fit_design',
    'the waves follow the chosen release design option');
