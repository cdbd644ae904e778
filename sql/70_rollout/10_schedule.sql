-- Module rollout: when a release may be rolled out. Windows in which it may, freezes in which it may not.

CREATE TABLE release_mgmt.change_window (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    period     tstzrange NOT NULL,
    CONSTRAINT change_window_pkey PRIMARY KEY (id),
    CONSTRAINT change_window_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT change_window_period_check CHECK (NOT isempty(period) AND isfinite(lower(period)) IS TRUE AND isfinite(upper(period)) IS TRUE),
    CONSTRAINT change_window_no_overlap EXCLUDE USING gist (release_id WITH =, period WITH &&)
);
COMMENT ON TABLE release_mgmt.change_window IS
'The change windows of a release. Where it has any, steps are handed out inside them only, and its targets are booked for them.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_window', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_window');
SELECT release_mgmt_internal.belongs('release_mgmt.change_window', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_window');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.change_window');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.change_window
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.change_freeze (
    id                 uuid DEFAULT release_mgmt.new_id(),
    code               text NOT NULL,
    organization_id    uuid,
    period             tstzrange NOT NULL,
    every              interval,
    ends_at            timestamptz,
    time_zone          text NOT NULL DEFAULT 'UTC',
    spares_emergencies boolean NOT NULL DEFAULT true,
    reason             text NOT NULL,
    CONSTRAINT change_freeze_pkey PRIMARY KEY (id),
    CONSTRAINT change_freeze_code_key UNIQUE (code),
    CONSTRAINT change_freeze_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT change_freeze_period_check CHECK (NOT isempty(period) AND isfinite(lower(period)) IS TRUE AND isfinite(upper(period)) IS TRUE
                                          AND lower_inc(period) AND NOT upper_inc(period)),
    CONSTRAINT change_freeze_every_check CHECK (every >= interval '1 day' AND upper(period) - lower(period) <= every),
    CONSTRAINT change_freeze_ends_at_check CHECK (ends_at IS NULL OR every IS NOT NULL),
    CONSTRAINT change_freeze_time_zone_check CHECK (timezone(time_zone, '2000-01-01 00:00:00+00'::timestamptz) IS NOT NULL),
    CONSTRAINT change_freeze_reason_check CHECK (reason <> '')
);
COMMENT ON TABLE release_mgmt.change_freeze IS 'Periods in which nothing is rolled out: once, or recurring; for one organization, or for all.';
COMMENT ON COLUMN release_mgmt.change_freeze.organization_id IS 'whose releases, and releases for whom, are frozen; NULL: everybody''s';
COMMENT ON COLUMN release_mgmt.change_freeze.period IS 'the freeze, or the first one of those that recur';
COMMENT ON COLUMN release_mgmt.change_freeze.every IS 'after how long it recurs, by the clock of time_zone (7 days, 1 month, 1 year); NULL: never';
COMMENT ON COLUMN release_mgmt.change_freeze.ends_at IS 'no recurrence begins at that time or later; NULL: it recurs for ever';
COMMENT ON COLUMN release_mgmt.change_freeze.spares_emergencies IS 'releases of type emergency go on';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_freeze', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.change_freeze');
SELECT release_mgmt_internal.belongs('release_mgmt.change_freeze', organizations => '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_freeze');
SELECT release_mgmt_internal.allow('{change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.change_freeze');

CREATE FUNCTION release_mgmt.freezes_between(from_time timestamptz, to_time timestamptz)
RETURNS TABLE (freeze_id uuid, code text, organization_id uuid, spares_emergencies boolean, reason text, period tstzrange)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT f.id, f.code, f.organization_id, f.spares_emergencies, f.reason, o.period
    FROM release_mgmt.change_freeze AS f
    CROSS JOIN LATERAL (
        SELECT f.period WHERE f.every IS NULL
        UNION ALL
        -- By the local clock, so that daylight saving does not move it. A month has at least 28 of the 30 days that its epoch counts.
        SELECT pg_catalog.tstzrange((lower(f.period) AT TIME ZONE f.time_zone + f.every * k.n) AT TIME ZONE f.time_zone,
                                    (upper(f.period) AT TIME ZONE f.time_zone + f.every * k.n) AT TIME ZONE f.time_zone)
        FROM pg_catalog.generate_series(0, pg_catalog.ceil(extract(epoch FROM to_time - lower(f.period)) / (0.9 * extract(epoch FROM f.every)))::integer) AS k(n)
        WHERE f.every IS NOT NULL
    ) AS o(period)
    WHERE o.period && pg_catalog.tstzrange(from_time, to_time, '[]')
      AND (f.ends_at IS NULL OR lower(o.period) < f.ends_at);
END $$;
COMMENT ON FUNCTION release_mgmt.freezes_between(timestamptz, timestamptz) IS
'Every occurrence of every freeze that overlaps the time between from_time and to_time, both included: which freeze, for which organization (NULL: all), whether releases of type emergency are spared, why, and when.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.freezes_between(timestamptz, timestamptz)');

CREATE FUNCTION release_mgmt_internal.freezes_of(release uuid, from_time timestamptz, to_time timestamptz) RETURNS TABLE (code text, organization_id uuid, reason text, period tstzrange)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT f.code, f.organization_id, f.reason, f.period
    FROM release_mgmt.release AS r
    CROSS JOIN LATERAL release_mgmt.freezes_between(from_time, to_time) AS f
    WHERE r.id = freezes_of.release
      AND NOT (f.spares_emergencies AND r.type = 'emergency')
      AND (f.organization_id IS NULL OR f.organization_id = r.organization_id
           OR EXISTS (SELECT FROM release_mgmt.release_customer AS c WHERE c.release_id = r.id AND c.organization_id = f.organization_id));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.freezes_of(uuid, timestamptz, timestamptz) IS
'The occurrences of freezes between two times that hold for the release: everybody''s, its organization''s and its customers''.';

CREATE FUNCTION release_mgmt_internal.tell_freeze(code text, organization uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN CASE WHEN organization IS NULL OR release_mgmt_internal.sees(organization, 'organization') THEN format('freeze "%s"', code) ELSE 'a freeze of others' END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.tell_freeze(text, uuid) IS 'A freeze of an organization (NULL: everybody''s) by its code where the acting person sees it.';

-- SECURITY DEFINER in the trigger functions of this module: a rule reads and writes what the caller may not.
CREATE FUNCTION release_mgmt_internal.keep_plan() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    fixed record;
BEGIN
    SELECT r.code, r.state, s.kind INTO fixed
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE s.kind NOT IN ('planning', 'halted')
      AND r.id = ANY (CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.release_id] WHEN 'DELETE' THEN ARRAY[OLD.release_id]
                                 ELSE ARRAY[OLD.release_id, NEW.release_id] END)
    LIMIT 1;
    -- While it is rolled out, Change Management alone may move a window.
    IF FOUND AND fixed.kind = 'deploying' AND TG_TABLE_NAME = 'change_window' THEN
        PERFORM release_mgmt_internal.require_duty('change manager');
    ELSIF FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the roll-out plan of release "%s" is fixed', fixed.code),
            format('It is in the state %s.', fixed.state),
            'Plan while the release is not yet rolled out. Back a target out or do it again with back_out_target() and deploy_again().');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_plan() IS
'Trigger on tables with a release_id: the roll-out plan changes only while the release is being planned or is halted; windows by a change manager also during the roll-out.';
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.change_window
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();
