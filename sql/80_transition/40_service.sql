-- Module transition: warranty, and the service levels that early life is held against.

CREATE TABLE release_mgmt.warranty (
    release_id uuid,
    period     interval NOT NULL,
    terms      text NOT NULL,
    CONSTRAINT warranty_pkey PRIMARY KEY (release_id),
    CONSTRAINT warranty_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT warranty_period_check CHECK (period > interval '0'),
    CONSTRAINT warranty_terms_check CHECK (terms <> '')
);
COMMENT ON TABLE release_mgmt.warranty IS 'How long, and on what terms, a release is under warranty, counted from its first deployment.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.warranty', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.warranty');
SELECT release_mgmt_internal.belongs('release_mgmt.warranty', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.warranty');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.warranty');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.warranty
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.service_level (
    id          uuid DEFAULT release_mgmt.new_id(),
    release_id  uuid NOT NULL,
    metric      text NOT NULL,
    kind        text NOT NULL DEFAULT 'measured',
    severity    text,
    comparison  text NOT NULL DEFAULT 'at most',
    target      numeric NOT NULL,
    unit        text NOT NULL,
    measured    numeric,
    measured_at timestamptz,
    measured_by uuid,
    CONSTRAINT service_level_pkey PRIMARY KEY (id),
    CONSTRAINT service_level_release_id_metric_key UNIQUE (release_id, metric),
    CONSTRAINT service_level_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT service_level_measured_by_fkey FOREIGN KEY (measured_by) REFERENCES release_mgmt.person,
    CONSTRAINT service_level_stated_check CHECK (metric <> '' AND unit <> ''),
    CONSTRAINT service_level_kind_check CHECK (kind IN ('measured', 'incidents', 'hours to resolve')),
    CONSTRAINT service_level_severity_check CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT service_level_comparison_check CHECK (comparison IN ('at most', 'at least')),
    CONSTRAINT service_level_measured_check CHECK ((measured IS NULL) = (measured_at IS NULL) AND (measured IS NULL OR kind = 'measured'))
);
COMMENT ON TABLE release_mgmt.service_level IS
'The service levels that a release must keep under warranty. They stand still once the roll-out has begun; from then on only measured may be written.';
COMMENT ON COLUMN release_mgmt.service_level.metric IS 'its name';
COMMENT ON COLUMN release_mgmt.service_level.kind IS
'measured: somebody writes the measured value; incidents: the number of incidents held against the release; hours to resolve: the longest of them, open ones until now';
COMMENT ON COLUMN release_mgmt.service_level.severity IS 'which incidents count; NULL: all';
COMMENT ON COLUMN release_mgmt.service_level.target IS 'in unit';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.service_level', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.service_level');
SELECT release_mgmt_internal.belongs('release_mgmt.service_level', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.service_level');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.service_level');
SELECT release_mgmt_internal.allow('{operator}', 'UPDATE (measured)', 'release_mgmt.service_level');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.service_level
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.require_planning(release uuid) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    begun record;
BEGIN
    SELECT r.code, r.state INTO begun
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE r.id = release AND s.kind NOT IN ('planning', 'halted');
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('warranty and service levels of release "%s" stand still', begun.code),
            format('The release is %s.', begun.state), 'They are agreed before the roll-out begins, and measured afterwards.');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_planning(uuid) IS 'RM015 where the release''s roll-out has begun.';

CREATE FUNCTION release_mgmt_internal.keep_warranty() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_planning(CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END);
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_warranty() IS 'Trigger: a warranty stands still once the roll-out has begun. Errors: RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.warranty
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_warranty();

CREATE FUNCTION release_mgmt_internal.keep_service_level() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    free text[] := '{measured,measured_at,measured_by}';
BEGIN
    IF TG_OP <> 'UPDATE' OR to_jsonb(NEW) - free <> to_jsonb(OLD) - free THEN
        PERFORM release_mgmt_internal.require_planning(CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.measured IS NULL THEN
        NEW.measured_at := NULL;
        NEW.measured_by := NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.measured IS DISTINCT FROM OLD.measured THEN
        NEW.measured_by := release_mgmt_internal.require_duty('release manager', 'operator');
        NEW.measured_at := clock_timestamp();
    ELSE
        NEW.measured_by := OLD.measured_by;
        NEW.measured_at := OLD.measured_at;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_service_level() IS
'Trigger: service levels stand still once the roll-out has begun; a measured value is stamped with who and when. Errors: RM003, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.service_level
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_service_level();

CREATE VIEW release_mgmt.service_level_status WITH (security_invoker = true) AS
SELECT r.code AS release, w.warranty, l.metric, l.kind, l.severity, l.comparison, l.target, l.unit, m.measured, m.incidents,
       CASE WHEN m.measured IS NULL THEN 'not measured'
            WHEN CASE l.comparison WHEN 'at most' THEN m.measured <= l.target ELSE m.measured >= l.target END THEN 'held' ELSE 'breached' END AS status
FROM release_mgmt.service_level AS l
JOIN release_mgmt.release AS r ON r.id = l.release_id
LEFT JOIN LATERAL (
    SELECT tstzrange(lower(e.exposure), lower(e.exposure) + y.period) AS warranty
    FROM release_mgmt.warranty AS y, release_mgmt_internal.exposure_of(y.release_id) AS e(exposure)
    WHERE y.release_id = l.release_id AND e.exposure IS NOT NULL
) AS w ON true
CROSS JOIN LATERAL (
    SELECT CASE l.kind WHEN 'measured' THEN l.measured
                       WHEN 'incidents' THEN CASE WHEN w.warranty IS NOT NULL THEN count(i.id) END
                       ELSE CASE WHEN w.warranty IS NOT NULL THEN coalesce(round(max(extract(epoch FROM coalesce(i.resolved_at, now()) - i.opened_at)) / 3600, 2), 0) END
           END AS measured,
           array_agg(i.code ORDER BY i.code) FILTER (WHERE i.id IS NOT NULL) AS incidents
    FROM release_mgmt.incident_attribution AS a
    JOIN release_mgmt.incident AS i ON i.id = a.incident_id
    WHERE l.kind <> 'measured' AND a.release_id = l.release_id AND a.confirmed IS DISTINCT FROM false
      AND w.warranty @> i.opened_at AND (l.severity IS NULL OR i.severity = l.severity)
) AS m;
COMMENT ON VIEW release_mgmt.service_level_status IS
'Each service level of a release with its measured value: held, breached or not measured. Incidents count that the release caused or may have caused, opened under warranty, which runs from the first deployment.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.service_level_status');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.exposure_of(uuid)');

CREATE FUNCTION release_mgmt_internal.check_service_levels_agreed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (w.release_id IS NOT NULL AND l.levels > 0,
            nullif(pg_catalog.concat_ws('; ', CASE WHEN w.release_id IS NULL THEN 'no warranty period is stated' END,
                CASE WHEN l.levels = 0 THEN 'no service level is stated' END), ''),
            'release manager',
            CASE WHEN w.release_id IS NOT NULL OR l.levels > 0 THEN
                pg_catalog.jsonb_build_object('warranty', w.period, 'terms', w.terms, 'service_levels', l.evidence) END
           )::release_mgmt.check_result
    FROM (SELECT count(*) AS levels,
                 pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('service_level', s.metric, 'target', pg_catalog.concat_ws(' ', s.comparison, s.target, s.unit)) ORDER BY s.metric) AS evidence
          FROM release_mgmt.service_level AS s WHERE s.release_id = check_service_levels_agreed.release) AS l
    LEFT JOIN release_mgmt.warranty AS w ON w.release_id = check_service_levels_agreed.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_service_levels_agreed(uuid) IS 'Check: a warranty period and at least one service level are stated.';
SELECT release_mgmt_internal.register_check('service_levels_agreed', 'gate', 'release_mgmt_internal.check_service_levels_agreed',
    'warranty period and service levels are stated before the roll-out');

CREATE FUNCTION release_mgmt_internal.check_service_levels_held(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(s.status = 'held'),
            CASE WHEN count(*) = 0 THEN 'no service level is stated'
                 ELSE pg_catalog.string_agg(pg_catalog.format('service level "%s" is %s: %s, %s', s.metric, s.status,
                          pg_catalog.concat_ws(' ', s.comparison, s.target, s.unit), coalesce(s.measured::text, 'nothing') || ' measured'), '; ' ORDER BY s.metric)
                      FILTER (WHERE s.status <> 'held') END,
            CASE WHEN count(*) = 0 THEN 'release manager' ELSE 'operator' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('service_level', s.metric,
                'target', pg_catalog.concat_ws(' ', s.comparison, s.target, s.unit), 'measured', s.measured, 'status', s.status, 'incidents', s.incidents)) ORDER BY s.metric)
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    JOIN release_mgmt.service_level_status AS s ON s.release = r.code
    WHERE r.id = check_service_levels_held.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_service_levels_held(uuid) IS 'Check: each service level of the release is measured and held.';
SELECT release_mgmt_internal.register_check('service_levels_held', 'gate', 'release_mgmt_internal.check_service_levels_held',
    'the service levels are kept under warranty');
