-- Module rollout: the pilot, held against a control, and the plan for when things go wrong.

CREATE TABLE release_mgmt.pilot (
    release_id uuid,
    control    text NOT NULL,
    ends_at    timestamptz NOT NULL,
    CONSTRAINT pilot_pkey PRIMARY KEY (release_id),
    CONSTRAINT pilot_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT pilot_control_check CHECK (control <> ''),
    CONSTRAINT pilot_ends_at_check CHECK (isfinite(ends_at))
);
COMMENT ON TABLE release_mgmt.pilot IS 'The pilot of a release: what its pilot waves are compared with, and until when.';
COMMENT ON COLUMN release_mgmt.pilot.control IS 'what did not get the release: configuration items, or the same ones before it';
COMMENT ON COLUMN release_mgmt.pilot.ends_at IS 'measurements after that do not count';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.pilot', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.pilot');
SELECT release_mgmt_internal.belongs('release_mgmt.pilot', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.pilot');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.pilot');

CREATE TABLE release_mgmt.pilot_metric (
    release_id uuid,
    metric     text,
    better     text NOT NULL,
    tolerance  numeric NOT NULL DEFAULT 0,
    CONSTRAINT pilot_metric_pkey PRIMARY KEY (release_id, metric),
    CONSTRAINT pilot_metric_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.pilot,
    CONSTRAINT pilot_metric_metric_check CHECK (metric <> ''),
    CONSTRAINT pilot_metric_better_check CHECK (better IN ('lower', 'higher')),
    CONSTRAINT pilot_metric_tolerance_check CHECK (tolerance >= 0)
);
COMMENT ON TABLE release_mgmt.pilot_metric IS 'What is measured in a pilot, agreed with the plan before it is measured.';
COMMENT ON COLUMN release_mgmt.pilot_metric.better IS 'lower or higher values';
COMMENT ON COLUMN release_mgmt.pilot_metric.tolerance IS 'by how much the pilot may be worse than the control, in the unit of the metric';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.pilot_metric', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.pilot_metric');
SELECT release_mgmt_internal.belongs('release_mgmt.pilot_metric', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.pilot_metric');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.pilot_metric');

CREATE TABLE release_mgmt.pilot_measurement (
    id            uuid DEFAULT release_mgmt.new_id(),
    release_id    uuid NOT NULL,
    metric        text NOT NULL,
    pilot_value   numeric NOT NULL,
    control_value numeric NOT NULL,
    measured_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    measured_by   uuid,
    CONSTRAINT pilot_measurement_pkey PRIMARY KEY (id),
    CONSTRAINT pilot_measurement_metric_fkey FOREIGN KEY (release_id, metric) REFERENCES release_mgmt.pilot_metric,
    CONSTRAINT pilot_measurement_measured_by_fkey FOREIGN KEY (measured_by) REFERENCES release_mgmt.person,
    CONSTRAINT pilot_measurement_number_check CHECK (pilot_value <> 'NaN' AND control_value <> 'NaN')
);
COMMENT ON TABLE release_mgmt.pilot_measurement IS
'What was measured in a pilot, beside what was measured on the control. The last one of each metric counts. measured_by and measured_at are who writes the row and when.';
CREATE INDEX pilot_measurement_metric_idx ON release_mgmt.pilot_measurement (release_id, metric, measured_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.pilot_measurement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.pilot_measurement');
SELECT release_mgmt_internal.belongs('release_mgmt.pilot_measurement', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.pilot_measurement');
SELECT release_mgmt_internal.allow('{release manager,operator,test manager}', 'INSERT', 'release_mgmt.pilot_measurement');

CREATE TABLE release_mgmt.remediation_plan (
    release_id   uuid,
    kind         text,
    body         text NOT NULL,
    rehearsed_at timestamptz,
    rehearsal    text,
    CONSTRAINT remediation_plan_pkey PRIMARY KEY (release_id, kind),
    CONSTRAINT remediation_plan_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT remediation_plan_kind_check CHECK (kind IN ('back-out', 'fix-forward', 'continuity')),
    CONSTRAINT remediation_plan_body_check CHECK (body <> ''),
    CONSTRAINT remediation_plan_rehearsal_check CHECK ((rehearsed_at IS NULL) = (rehearsal IS NULL))
);
COMMENT ON TABLE release_mgmt.remediation_plan IS 'What is done when a release goes wrong: backing out, fixing forward, keeping the service going.';
COMMENT ON COLUMN release_mgmt.remediation_plan.body IS 'the procedure';
COMMENT ON COLUMN release_mgmt.remediation_plan.rehearsal IS 'what the rehearsal showed';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.remediation_plan', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.remediation_plan');
SELECT release_mgmt_internal.belongs('release_mgmt.remediation_plan', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.remediation_plan');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.remediation_plan');

CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot_metric
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot_metric
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot_measurement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.remediation_plan
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.remediation_plan
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();

CREATE FUNCTION release_mgmt_internal.keep_measurement() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the measurement of "%s" does not change', OLD.metric), NULL,
            'Insert another one; the last of each metric counts.');
    END IF;
    NEW.measured_by := release_mgmt_internal.acting_person();
    NEW.measured_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_measurement() IS 'Trigger: measured_by and measured_at are who acts and when; a measurement stands.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.pilot_measurement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_measurement();

CREATE VIEW release_mgmt.pilot_result WITH (security_invoker = true) AS
SELECT r.code AS release, m.metric, m.better, m.tolerance, x.pilot_value, x.control_value, x.measured_at,
       CASE WHEN x.id IS NULL THEN 'not measured'
            WHEN installed.at IS NULL OR x.measured_at < installed.at THEN 'measured before the pilot was installed'
            WHEN CASE m.better WHEN 'lower' THEN x.pilot_value - x.control_value ELSE x.control_value - x.pilot_value END <= m.tolerance THEN 'good'
            ELSE 'worse than the control' END AS result
FROM release_mgmt.pilot AS p
JOIN release_mgmt.release AS r ON r.id = p.release_id
JOIN release_mgmt.pilot_metric AS m ON m.release_id = p.release_id
LEFT JOIN LATERAL (SELECT o.* FROM release_mgmt.pilot_measurement AS o
                   WHERE o.release_id = m.release_id AND o.metric = m.metric AND o.measured_at <= p.ends_at
                   ORDER BY o.measured_at DESC, o.id DESC LIMIT 1) AS x ON true
LEFT JOIN LATERAL (SELECT max(s.finished_at) AS at
                   FROM release_mgmt.wave AS w JOIN release_mgmt.target AS t ON t.wave_id = w.id
                   JOIN release_mgmt.deployment_step AS s ON s.target_id = t.id AND s.kind = 'install' AND s.state = 'successful'
                   WHERE w.release_id = p.release_id AND w.pilot) AS installed ON true;
COMMENT ON VIEW release_mgmt.pilot_result IS
'Each metric of each pilot with the last measurement before the pilot''s end: good where the pilot is at most by tolerance worse than the control.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.pilot_result');

CREATE VIEW release_mgmt.pilot_verdict WITH (security_invoker = true) AS
SELECT r.code AS release, p.control, p.ends_at,
       CASE WHEN s.worse > 0 THEN 'failed'
            WHEN s.metrics > 0 AND s.good = s.metrics AND t.targets > 0 AND t.verified = t.targets THEN 'successful'
            ELSE 'inconclusive' END AS verdict,
       nullif(concat_ws('; ',
           s.reasons,
           CASE WHEN s.metrics = 0 THEN 'no metric is agreed' END,
           CASE WHEN t.targets = 0 THEN 'no pilot wave has a target' END,
           CASE WHEN t.verified < t.targets THEN format('%s of %s pilot targets are not verified', t.targets - t.verified, t.targets) END,
           CASE WHEN p.ends_at <= statement_timestamp() AND s.good < s.metrics THEN 'the pilot is over' END), '') AS reasons,
       s.measurements
FROM release_mgmt.pilot AS p
JOIN release_mgmt.release AS r ON r.id = p.release_id
CROSS JOIN LATERAL (
    SELECT count(*) AS metrics, count(*) FILTER (WHERE x.result = 'good') AS good,
           count(*) FILTER (WHERE x.result = 'worse than the control') AS worse,
           string_agg(format('%s: %s', x.metric, x.result), '; ' ORDER BY x.metric) FILTER (WHERE x.result <> 'good') AS reasons,
           jsonb_agg(jsonb_build_object('metric', x.metric, 'pilot', x.pilot_value, 'control', x.control_value, 'tolerance', x.tolerance,
                                        'result', x.result, 'measured_at', x.measured_at) ORDER BY x.metric) AS measurements
    FROM release_mgmt.pilot_result AS x WHERE x.release = r.code) AS s
CROSS JOIN LATERAL (
    SELECT count(*) AS targets, count(*) FILTER (WHERE o.state = 'verified') AS verified
    FROM release_mgmt.wave AS w JOIN release_mgmt.target AS o ON o.wave_id = w.id
    WHERE w.release_id = p.release_id AND w.pilot) AS t;
COMMENT ON VIEW release_mgmt.pilot_verdict IS
'The verdict on each pilot, computed from its measurements: failed where a metric is worse than the control allows; successful where every metric is good and every pilot target verified; otherwise inconclusive, with the reasons.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.pilot_verdict');
