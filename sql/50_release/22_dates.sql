-- Module release: for when a roll-out is planned, and every time that it was planned anew.
--
-- The dates are free while the release is a draft. With its first step out of draft they are agreed, and become the baseline;
-- from then on they change by a row of planned_dates alone, which says why.

CREATE TABLE release_mgmt.planned_dates (
    release_id      uuid,
    ordinal         integer,
    planned         tstzrange NOT NULL,
    reason          text,
    after_agreement boolean NOT NULL DEFAULT false,
    stated_by       uuid,
    stated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT planned_dates_pkey PRIMARY KEY (release_id, ordinal),
    CONSTRAINT planned_dates_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT planned_dates_stated_by_fkey FOREIGN KEY (stated_by) REFERENCES release_mgmt.person,
    CONSTRAINT planned_dates_planned_check CHECK ((isfinite(lower(planned)) AND isfinite(upper(planned))) IS TRUE),
    CONSTRAINT planned_dates_reason_check CHECK (reason ~ '\S'),
    CONSTRAINT planned_dates_after_agreement_check CHECK (NOT after_agreement OR reason IS NOT NULL)
);
COMMENT ON TABLE release_mgmt.planned_dates IS
'The dates for which the roll-out of each release was planned, one row each time they were stated. A row inserted plans the release anew; one that was agreed on is planned anew with a reason. Rows stay as they are.';
COMMENT ON COLUMN release_mgmt.planned_dates.ordinal IS 'from 1 for each release; given by a trigger';
COMMENT ON COLUMN release_mgmt.planned_dates.reason IS 'why; needed once the dates are agreed (release.agreed_at)';
COMMENT ON COLUMN release_mgmt.planned_dates.after_agreement IS 'others were agreed before; set by a trigger';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.planned_dates', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.planned_dates');
SELECT release_mgmt_internal.belongs('release_mgmt.planned_dates', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.planned_dates');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT', 'release_mgmt.planned_dates');

-- SECURITY DEFINER in the trigger functions: a rule reads and writes what the caller may not.
CREATE FUNCTION release_mgmt_internal.keep_dates() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release release_mgmt.release;
    last_dates release_mgmt.planned_dates;
    kind text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'the dates for which a release was planned stay on record', NULL,
            'Plan it anew with release_mgmt.replan_release(release, planned, reason).');
    END IF;
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = NEW.release_id FOR NO KEY UPDATE;
    SELECT s.kind INTO kind FROM release_mgmt.model_state AS s WHERE s.model_id = of_release.model_id AND s.state = of_release.state;
    SELECT d.* INTO last_dates FROM release_mgmt.planned_dates AS d WHERE d.release_id = NEW.release_id ORDER BY d.ordinal DESC LIMIT 1;
    NEW.after_agreement := of_release.agreed_at IS NOT NULL AND of_release.planned IS DISTINCT FROM NEW.planned;
    IF kind = 'ended' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is not planned anew', of_release.code), format('It is %s.', of_release.state), NULL);
    ELSIF last_dates.planned = NEW.planned AND of_release.planned = NEW.planned THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is planned for these dates already', of_release.code), NULL, NULL);
    ELSIF NEW.after_agreement AND coalesce(NEW.reason, '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is not planned anew without a reason', of_release.code),
            format('Its dates were agreed at %s.', of_release.agreed_at),
            format('Say why: CALL release_mgmt.replan_release(%L, planned, reason).', of_release.code));
    END IF;
    NEW.ordinal := coalesce(last_dates.ordinal, 0) + 1;
    NEW.stated_by := release_mgmt_internal.acting_person();
    NEW.stated_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_dates() IS
'Trigger: dates are stated for a release that has not ended, with a reason once they are agreed, numbered and stamped, and stay on record.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.planned_dates
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_dates();

CREATE FUNCTION release_mgmt_internal.follow_dates() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    UPDATE release_mgmt.release AS r SET planned = NEW.planned WHERE r.id = NEW.release_id AND r.planned IS DISTINCT FROM NEW.planned;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_dates() IS 'Trigger: a release is planned for the dates stated last.';
CREATE TRIGGER rm_60_follow AFTER INSERT ON release_mgmt.planned_dates
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.follow_dates();

CREATE FUNCTION release_mgmt_internal.agree_dates() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.agreed_at := NULL;
        NEW.baseline := NEW.planned;
        RETURN NEW;
    END IF;
    IF OLD.agreed_at IS NOT NULL AND NEW.planned IS DISTINCT FROM OLD.planned
       AND NEW.planned IS DISTINCT FROM (SELECT d.planned FROM release_mgmt.planned_dates AS d WHERE d.release_id = NEW.id ORDER BY d.ordinal DESC LIMIT 1) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is not planned anew without a reason', OLD.code),
            format('Its dates were agreed at %s.', OLD.agreed_at), format('Say why: CALL release_mgmt.replan_release(%L, planned, reason).', OLD.code));
    END IF;
    NEW.baseline := CASE WHEN OLD.agreed_at IS NULL THEN NEW.planned ELSE OLD.baseline END;
    NEW.agreed_at := coalesce(OLD.agreed_at, CASE WHEN NEW.state <> 'draft' AND NEW.planned IS NOT NULL THEN clock_timestamp() END);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.agree_dates() IS
'Trigger: the dates of a release are agreed, and its baseline, once it has left draft; from then on they follow planned_dates.';
CREATE TRIGGER rm_52_dates BEFORE INSERT ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.agree_dates();
CREATE TRIGGER rm_52_dated BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('agree_dates', 'planned', 'baseline', 'agreed_at', 'state');

CREATE FUNCTION release_mgmt_internal.record_dates() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    INSERT INTO release_mgmt.planned_dates (release_id, planned)
    SELECT NEW.id, NEW.planned
    WHERE NEW.planned IS DISTINCT FROM (SELECT d.planned FROM release_mgmt.planned_dates AS d WHERE d.release_id = NEW.id ORDER BY d.ordinal DESC LIMIT 1);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_dates() IS 'Trigger: the dates of a release that were stated in its own row are on record too.';
CREATE TRIGGER rm_62_dates AFTER INSERT OR UPDATE OF planned ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.planned IS NOT NULL) EXECUTE FUNCTION release_mgmt_internal.record_dates();

-- SECURITY DEFINER: as the other verbs.
CREATE PROCEDURE release_mgmt.replan_release(release text, planned tstzrange, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    replanning release_mgmt.release;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    SELECT r.* INTO replanning FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(replanning.id, 'release manager');
    IF replanning.planned = replan_release.planned THEN
        RETURN;
    END IF;
    INSERT INTO release_mgmt.planned_dates (release_id, planned, reason) VALUES (replanning.id, replan_release.planned, replan_release.reason);
END $$;
COMMENT ON PROCEDURE release_mgmt.replan_release(text, tstzrange, text) IS
'Plans the roll-out of a release for other dates, with the reason; the baseline stays, and planning_history shows both. Planned for these dates already, it stays as it is. Errors: RM002 unknown release, RM003 without the duty release manager, RM015 no reason although the dates are agreed, or the release has ended; 23502, 23514 no dates, or without an end.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.replan_release(text, tstzrange, text)');

CREATE VIEW release_mgmt.planning_history WITH (security_invoker = true) AS
SELECT r.code AS release, d.ordinal, d.planned, d.reason, p.code AS stated_by, d.stated_at, d.after_agreement,
       upper(d.planned) - lag(upper(d.planned)) OVER w AS moved_by,
       CASE WHEN d.after_agreement THEN upper(d.planned) - upper(r.baseline) END AS slippage
FROM release_mgmt.planned_dates AS d
JOIN release_mgmt.release AS r ON r.id = d.release_id
LEFT JOIN release_mgmt.person AS p ON p.id = d.stated_by
WINDOW w AS (PARTITION BY d.release_id ORDER BY d.ordinal);
COMMENT ON VIEW release_mgmt.planning_history IS
'Every time that the dates of a release were stated: for when, why, by whom, whether they were agreed before; by how much the end moved against the dates before (moved_by) and against the agreed baseline (slippage; NULL: nothing was agreed then).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.planning_history');
