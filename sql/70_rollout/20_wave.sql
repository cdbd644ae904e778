-- Module rollout: waves, their targets, and the booking of targets for the release's windows.

CREATE TABLE release_mgmt.wave (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    ordinal    integer NOT NULL,
    name       text NOT NULL,
    pilot      boolean NOT NULL DEFAULT false,
    period     tstzrange,
    by_default boolean NOT NULL DEFAULT false,
    CONSTRAINT wave_pkey PRIMARY KEY (id),
    CONSTRAINT wave_id_release_id_key UNIQUE (id, release_id),
    CONSTRAINT wave_release_id_ordinal_key UNIQUE (release_id, ordinal),
    CONSTRAINT wave_release_id_name_key UNIQUE (release_id, name),
    CONSTRAINT wave_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT wave_ordinal_check CHECK (ordinal > 0),
    CONSTRAINT wave_name_check CHECK (name <> ''),
    CONSTRAINT wave_period_check CHECK (NOT isempty(period))
);
COMMENT ON TABLE release_mgmt.wave IS
'The waves of a roll-out. Pilot waves come first, then the others, each in the order of their ordinals; a wave begins when every target of those before it is verified.';
COMMENT ON COLUMN release_mgmt.wave.period IS 'steps of the wave are handed out inside it only; NULL: whenever the release''s windows allow';
COMMENT ON COLUMN release_mgmt.wave.by_default IS 'made at sealing, since no wave was planned; gives way to the first one that is';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.wave', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.wave');
SELECT release_mgmt_internal.belongs('release_mgmt.wave', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.wave');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.wave');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.wave
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.wave
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();

CREATE TABLE release_mgmt.target (
    id                 uuid DEFAULT release_mgmt.new_id(),
    release_id         uuid NOT NULL,
    wave_id            uuid NOT NULL,
    ci                 text NOT NULL,
    state              text NOT NULL DEFAULT 'planned',
    changes_applied_at timestamptz,
    CONSTRAINT target_pkey PRIMARY KEY (id),
    CONSTRAINT target_release_id_ci_key UNIQUE (release_id, ci),
    CONSTRAINT target_wave_id_release_id_fkey FOREIGN KEY (wave_id, release_id) REFERENCES release_mgmt.wave (id, release_id),
    CONSTRAINT target_state_check CHECK (state IN ('planned', 'in_progress', 'installed', 'verified', 'failed', 'backing_out', 'backed_out'))
);
COMMENT ON TABLE release_mgmt.target IS 'Onto which configuration items a release is rolled out, each in one wave.';
COMMENT ON COLUMN release_mgmt.target.ci IS 'label class/key of the target; it need not exist yet where the release creates it';
COMMENT ON COLUMN release_mgmt.target.state IS 'follows from the target''s last step; can not be set otherwise';
COMMENT ON COLUMN release_mgmt.target.changes_applied_at IS 'when the target''s planned CI changes were written to the CMDB; NULL: not, or backed out';
CREATE INDEX target_wave_id_idx ON release_mgmt.target (wave_id);
-- What is left to be done of a release, however much is done: see claim_step() and wave_blocker().
CREATE INDEX target_unverified_idx ON release_mgmt.target (release_id, wave_id, state, ci COLLATE "C") WHERE state <> 'verified';
CREATE INDEX target_ci_idx ON release_mgmt.target (ci);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.target', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.target');
SELECT release_mgmt_internal.belongs('release_mgmt.target', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.target');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE, UPDATE (wave_id)', 'release_mgmt.target');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR DELETE ON release_mgmt.target
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
-- No gate tells planned from in_progress; so workers that claim at once do not wait for each other at the release's row.
CREATE TRIGGER rm_20_touch_update BEFORE UPDATE ON release_mgmt.target
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NOT (OLD.state = 'planned' AND NEW.state = 'in_progress'))
EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_50_plan BEFORE INSERT OR DELETE OR UPDATE OF release_id, wave_id, ci ON release_mgmt.target
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();

CREATE FUNCTION release_mgmt_internal.is_known_target(release uuid, ci text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = is_known_target.ci AND c.retired_at IS NULL)
        OR EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x
                   WHERE x.release_id = is_known_target.release AND x.ci = is_known_target.ci AND x.operation = 'create');
END;
COMMENT ON FUNCTION release_mgmt_internal.is_known_target(uuid, text) IS 'Does the item exist, or does the release create it?';

CREATE FUNCTION release_mgmt_internal.is_seen_target(release uuid, ci text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN release_mgmt_internal.is_known_target(release, ci)
       AND (NOT EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = is_seen_target.ci AND c.organization_id IS NOT NULL
                                                           AND NOT release_mgmt_internal.sees(c.organization_id, 'organization'))
            -- Planned by somebody who sees it.
            OR EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = is_seen_target.release AND is_seen_target.ci IN (x.ci, x.target)));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_seen_target(uuid, text) IS
'Is it a known target that the acting person may plan: one that it sees, or that the release plans a change of already? SECURITY DEFINER: to others an item of somebody else does not exist.';

CREATE FUNCTION release_mgmt_internal.keep_target() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT release_mgmt_internal.is_seen_target(NEW.release_id, NEW.ci) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('target "%s" does not exist', NEW.ci),
            'It is no configuration item, and the release does not plan to create it.', 'An item is named class/key: SELECT label FROM release_mgmt.ci.');
    END IF;
    NEW.state := release_mgmt_internal.target_state(NEW.id);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_target() IS 'Trigger: a target is a known item that whoever plans it sees, and its state is what its steps say.';
CREATE TRIGGER rm_51_keep BEFORE INSERT OR UPDATE ON release_mgmt.target
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_target();

CREATE FUNCTION release_mgmt_internal.drop_default_wave() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    DELETE FROM release_mgmt.target AS t USING release_mgmt.wave AS w
    WHERE w.release_id = NEW.release_id AND w.by_default AND t.wave_id = w.id;
    DELETE FROM release_mgmt.wave AS w WHERE w.release_id = NEW.release_id AND w.by_default;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.drop_default_wave() IS 'Trigger: the wave made by default gives way to the first one that is planned.';
CREATE TRIGGER rm_51_replace BEFORE INSERT ON release_mgmt.wave
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NOT NEW.by_default) EXECUTE FUNCTION release_mgmt_internal.drop_default_wave();

CREATE TABLE release_mgmt.ci_booking (
    window_id uuid NOT NULL,
    target_id uuid NOT NULL,
    ci        text NOT NULL,
    period    tstzrange NOT NULL,
    CONSTRAINT ci_booking_pkey PRIMARY KEY (window_id, target_id),
    CONSTRAINT ci_booking_window_id_fkey FOREIGN KEY (window_id) REFERENCES release_mgmt.change_window ON DELETE CASCADE,
    CONSTRAINT ci_booking_target_id_fkey FOREIGN KEY (target_id) REFERENCES release_mgmt.target ON DELETE CASCADE,
    CONSTRAINT ci_booking_no_double_booking EXCLUDE USING gist (ci WITH =, period WITH &&)
);
COMMENT ON TABLE release_mgmt.ci_booking IS
'Each target booked for each window of its release; no item is booked twice at a time. Filled by triggers on change_window and target, released when the release ends.';
CREATE INDEX ci_booking_target_id_idx ON release_mgmt.ci_booking (target_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_booking', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_booking');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_booking', through => 'target_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_booking');

CREATE FUNCTION release_mgmt_internal.book_items(windows uuid[], targets uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    taken text;
BEGIN
    -- The exclusion constraint decides, also between transactions that do not see each other; what follows only words it.
    INSERT INTO release_mgmt.ci_booking (window_id, target_id, ci, period)
    SELECT w.id, t.id, t.ci, w.period
    FROM release_mgmt.change_window AS w JOIN release_mgmt.target AS t ON t.release_id = w.release_id
    WHERE w.id = ANY (windows) AND t.id = ANY (targets)
    ON CONFLICT ON CONSTRAINT ci_booking_pkey DO UPDATE SET period = excluded.period;
EXCEPTION WHEN exclusion_violation THEN
    SELECT string_agg(format('%s is booked by %s for %s', b.ci,
                             CASE WHEN release_mgmt_internal.sees(r.id, 'release') THEN format('release "%s"', r.code) ELSE 'a release of others' END, b.period), '; ' ORDER BY b.ci, r.code) INTO taken
    FROM release_mgmt.change_window AS w
    JOIN release_mgmt.target AS t ON t.release_id = w.release_id
    JOIN release_mgmt.ci_booking AS b ON b.ci = t.ci AND b.period && w.period
    JOIN release_mgmt.target AS o ON o.id = b.target_id AND o.release_id <> w.release_id
    JOIN release_mgmt.release AS r ON r.id = o.release_id
    WHERE w.id = ANY (windows) AND t.id = ANY (targets);
    PERFORM release_mgmt_internal.refuse('double_booking', 'a target is booked already', coalesce(taken || '.', sqlerrm || '.'),
        'Choose another window, or agree on one: SELECT * FROM release_mgmt.change_calendar.');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.book_items(uuid[], uuid[]) IS
'Books the targets for the windows of their release. RM020 with every booking in the way, without the codes of releases that the acting person does not see.';

CREATE FUNCTION release_mgmt_internal.book_window() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.book_items(ARRAY[NEW.id], ARRAY(SELECT t.id FROM release_mgmt.target AS t WHERE t.release_id = NEW.release_id));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.book_window() IS 'Trigger: a window, new or moved, books every target of its release.';
CREATE TRIGGER rm_60_book AFTER INSERT OR UPDATE OF period ON release_mgmt.change_window
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.book_window();

CREATE FUNCTION release_mgmt_internal.book_targets() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.book_items(
        ARRAY(SELECT w.id FROM release_mgmt.change_window AS w WHERE w.release_id IN (SELECT a.release_id FROM added AS a)),
        ARRAY(SELECT a.id FROM added AS a));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.book_targets() IS 'Trigger: new targets are booked for every window of their release.';
CREATE TRIGGER rm_60_book AFTER INSERT ON release_mgmt.target REFERENCING NEW TABLE AS added
FOR EACH STATEMENT WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.book_targets();

-- SECURITY DEFINER: checks what the caller may not read, and writes two tables in one step.
CREATE FUNCTION release_mgmt.add_wave(release text, name text, targets text[], pilot boolean DEFAULT false, period tstzrange DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid;
    wrong text;
    planned release_mgmt.wave;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    of_release := release_mgmt.release_id(release);
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager');
    -- Two that add waves at once get ordinals one after the other.
    PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR NO KEY UPDATE;
    SELECT string_agg(format('%s does not exist', g.ci), '; ' ORDER BY g.ci) INTO wrong
    FROM unnest(targets) AS g(ci) WHERE NOT release_mgmt_internal.is_seen_target(of_release, g.ci);
    IF wrong IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('wave "%s" of release "%s" can not be planned', name, release), wrong || '.',
            'An item is named class/key: SELECT label FROM release_mgmt.ci.');
    END IF;
    SELECT string_agg(format('%s is in wave "%s"', t.ci, w.name), '; ' ORDER BY t.ci) INTO wrong
    FROM release_mgmt.target AS t JOIN release_mgmt.wave AS w ON w.id = t.wave_id
    WHERE t.release_id = of_release AND t.ci = ANY (targets) AND NOT w.by_default AND w.name <> add_wave.name;
    IF wrong IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('wave "%s" of release "%s" can not be planned', name, release), wrong || '.',
            'A target is in one wave. Move it by an UPDATE of wave_id in release_mgmt.target.');
    END IF;

    SELECT w.* INTO planned FROM release_mgmt.wave AS w WHERE w.release_id = of_release AND w.name = add_wave.name AND NOT w.by_default;
    IF NOT FOUND THEN
        INSERT INTO release_mgmt.wave AS w (release_id, ordinal, name, pilot, period)
        SELECT of_release, coalesce(max(o.ordinal), 0) + 1, add_wave.name, add_wave.pilot, add_wave.period
        FROM release_mgmt.wave AS o WHERE o.release_id = of_release AND NOT o.by_default
        RETURNING w.* INTO planned;
    ELSIF (planned.pilot, planned.period) IS DISTINCT FROM (add_wave.pilot, add_wave.period) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('wave "%s" of release "%s" exists already, and differs', name, release), NULL,
            'Choose another name, or update the row of release_mgmt.wave.');
    END IF;
    INSERT INTO release_mgmt.target (release_id, wave_id, ci)
    SELECT DISTINCT of_release, planned.id, g.ci FROM unnest(targets) AS g(ci)
    WHERE NOT EXISTS (SELECT FROM release_mgmt.target AS t WHERE t.release_id = of_release AND t.ci = g.ci)
    ORDER BY g.ci;
    RETURN planned.ordinal;
END $$;
COMMENT ON FUNCTION release_mgmt.add_wave(text, text, text[], boolean, tstzrange) IS
'Adds a wave to the roll-out plan of a release and returns its ordinal: after the others, where its name is new; else the targets are added to the wave of that name. targets: configuration items by label class/key; pilot: a pilot wave; period: when its steps may be handed out. Errors: RM002 unknown release or targets, all listed; RM003 without the duty release manager; RM015 a target is in another wave, the wave exists with another pilot or period, or the release is being rolled out; RM020 a target is booked by another release.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.add_wave(text, text, text[], boolean, tstzrange)');

CREATE FUNCTION release_mgmt_internal.plain_targets(package uuid) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT x.target FROM release_mgmt.release_package AS p JOIN release_mgmt.planned_ci_change AS x ON x.release_id = p.release_id WHERE p.id = plain_targets.package
    UNION
    SELECT c.ci
    FROM release_mgmt.release_package AS p JOIN release_mgmt.component AS c ON c.package_id = p.id
    WHERE p.id = plain_targets.package AND c.ci IS NOT NULL AND release_mgmt_internal.is_known_target(p.release_id, c.ci)
      AND NOT EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = p.release_id AND x.ci = c.ci);
END;
COMMENT ON FUNCTION release_mgmt_internal.plain_targets(uuid) IS
'The targets that follow from a package: those of the planned CI changes of its release, and each component''s own item.';

CREATE FUNCTION release_mgmt_internal.plan_default_wave() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    wave_id uuid;
BEGIN
    IF NEW.digest IS NULL OR EXISTS (SELECT FROM release_mgmt.wave AS w WHERE w.release_id = NEW.release_id AND NOT w.by_default) THEN
        RETURN NULL;
    END IF;
    DELETE FROM release_mgmt.target AS t WHERE t.release_id = NEW.release_id;
    DELETE FROM release_mgmt.wave AS w WHERE w.release_id = NEW.release_id;
    INSERT INTO release_mgmt.wave AS w (release_id, ordinal, name, pilot, by_default)
    VALUES (NEW.release_id, 1, 'all', true, true) RETURNING w.id INTO wave_id;
    INSERT INTO release_mgmt.target (release_id, wave_id, ci)
    SELECT NEW.release_id, wave_id, o.ci FROM release_mgmt_internal.plain_targets(NEW.id) AS o(ci) ORDER BY o.ci COLLATE "C";
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.plan_default_wave() IS
'Trigger: a release that is sealed without any wave gets one, "all", a pilot wave, with each target of its planned CI changes and each component''s own item; so that the plan is there to be approved.';
CREATE TRIGGER rm_60_plan AFTER UPDATE OF digest ON release_mgmt.release_package
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.digest IS NULL) EXECUTE FUNCTION release_mgmt_internal.plan_default_wave();
