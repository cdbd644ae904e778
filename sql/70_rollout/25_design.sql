-- Module rollout: the chosen release design option shapes the waves.

-- SECURITY DEFINER from here on: a rule and a verb read and write what the caller may not.
CREATE TRIGGER rm_50_plan BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.design_option
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();

CREATE FUNCTION release_mgmt_internal.keep_design() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    planned bigint;
    pilots bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE w.pilot) INTO planned, pilots
    FROM release_mgmt.wave AS w WHERE w.release_id = NEW.release_id AND NOT w.by_default;
    IF NEW.roll_out = 'big-bang' AND planned > 1 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a big-bang has one wave', format('The release has %s.', planned),
            'Choose a phased roll-out, or delete waves until one with all targets is left.');
    ELSIF NEW.roll_out = 'phased' AND planned > 0 AND pilots = 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a phased roll-out begins with a pilot', 'No wave of the release is a pilot.',
            'Make the first wave a pilot by an UPDATE of release_mgmt.wave, or choose a big-bang.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_design() IS 'Trigger: a design option is not chosen that the waves contradict.';
CREATE TRIGGER rm_51_waves BEFORE INSERT OR UPDATE ON release_mgmt.design_option
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.chosen) EXECUTE FUNCTION release_mgmt_internal.keep_design();

CREATE FUNCTION release_mgmt_internal.fit_design() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    roll_out text;
    others bigint;
    pilots bigint;
BEGIN
    SELECT d.roll_out INTO roll_out FROM release_mgmt.design_option AS d WHERE d.release_id = NEW.release_id AND d.chosen;
    SELECT count(*), count(*) FILTER (WHERE w.pilot) INTO others, pilots
    FROM release_mgmt.wave AS w WHERE w.release_id = NEW.release_id AND NOT w.by_default AND w.id <> NEW.id;
    IF roll_out = 'big-bang' AND others > 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('wave "%s" can not be planned beside another one', NEW.name),
            'The release is rolled out as a big-bang, in one wave with all targets.', 'Add the targets to the wave that is there, or choose a phased roll-out in release_mgmt.design_option.');
    ELSIF roll_out = 'phased' AND NOT NEW.pilot AND pilots = 0 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('wave "%s" can not be planned before a pilot', NEW.name),
            'The release is rolled out phased, and none of its waves would be a pilot.', 'Plan the pilot first: add_wave(release, name, targets, pilot => true).');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.fit_design() IS 'Trigger: the waves are what the chosen design option says: a big-bang has one, a phased roll-out begins with a pilot.';
CREATE TRIGGER rm_52_design BEFORE INSERT OR UPDATE ON release_mgmt.wave
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NOT NEW.by_default) EXECUTE FUNCTION release_mgmt_internal.fit_design();

CREATE FUNCTION release_mgmt.plan_waves(release text, targets text[] DEFAULT NULL, pilots text[] DEFAULT '{}', wave_size integer DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid;
    roll_out text;
    planned text;
    others text[];
    size integer;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    of_release := release_mgmt.release_id(release);
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager');
    SELECT d.roll_out INTO roll_out FROM release_mgmt.design_option AS d WHERE d.release_id = of_release AND d.chosen;
    targets := coalesce(targets, ARRAY(SELECT t.ci FROM release_mgmt.release_package AS p, LATERAL release_mgmt_internal.plain_targets(p.id) AS t(ci)
                                       WHERE p.release_id = of_release AND p.current));
    SELECT string_agg(format('"%s"', w.name), ', ' ORDER BY w.ordinal) INTO planned
    FROM release_mgmt.wave AS w
    WHERE w.release_id = of_release AND NOT w.by_default AND CASE roll_out WHEN 'big-bang' THEN w.name <> 'all' WHEN 'phased' THEN w.name !~ '^(pilot|wave [0-9]+)$' END;
    IF planned IS NOT NULL OR roll_out IS NULL OR targets = '{}' OR (roll_out = 'phased') <> (pilots <> '{}') OR (roll_out = 'big-bang' AND wave_size IS NOT NULL) OR wave_size < 1 THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the waves of release "%s" can not be planned', release),
            concat_ws(E'\n', 'Other waves are planned already: ' || planned || '.', CASE WHEN roll_out IS NULL THEN 'No release design option is chosen.' END,
                      CASE WHEN targets = '{}' THEN 'No targets are given, and none follow from the package and its planned CI changes.' END,
                      CASE WHEN roll_out = 'phased' AND pilots = '{}' THEN 'A phased roll-out begins with pilots, and none are named.' END,
                      CASE WHEN roll_out = 'big-bang' AND (pilots <> '{}' OR wave_size IS NOT NULL) THEN 'A big-bang has one wave, neither pilots nor a size of waves.' END,
                      CASE WHEN wave_size < 1 THEN 'A wave has one target or more.' END),
            CASE WHEN planned IS NULL THEN 'Choose a row of release_mgmt.design_option; name pilots for a phased roll-out only.'
                 ELSE 'Delete the targets of these waves from release_mgmt.target, and then the waves, or go on with add_wave().' END);
    END IF;
    IF roll_out = 'big-bang' THEN
        -- A pilot wave, so that a model with the state pilot hands it out there.
        PERFORM release_mgmt.add_wave(release, 'all', targets, pilot => true);
        RETURN 1;
    END IF;
    PERFORM release_mgmt.add_wave(release, 'pilot', pilots, pilot => true);
    others := ARRAY(SELECT DISTINCT g.ci FROM unnest(targets) AS g(ci) WHERE g.ci <> ALL (pilots) ORDER BY g.ci);
    IF others = '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the waves of release "%s" can not be planned', release), 'Every target is a pilot.',
            'Leave a target for the waves that follow, or choose a big-bang.');
    END IF;
    size := coalesce(wave_size, cardinality(others));
    FOR wave_no IN 1 .. (cardinality(others) + size - 1) / size LOOP
        PERFORM release_mgmt.add_wave(release, 'wave ' || wave_no, others[(wave_no - 1) * size + 1 : wave_no * size]);
    END LOOP;
    RETURN 1 + (cardinality(others) + size - 1) / size;
END $$;
COMMENT ON FUNCTION release_mgmt.plan_waves(text, text[], text[], integer) IS
'Plans the waves that the chosen release design option asks for, and returns how many: a big-bang is one wave, "all", with every target; a phased roll-out a wave "pilot" with the pilots, then the other targets in the order of their names, wave_size at a time (NULL: all at once), in "wave 1", "wave 2" and so on. targets: configuration items by label class/key; NULL: those of the planned CI changes, and each component''s own item. Errors: RM002 unknown release or targets, RM003 without the duty release manager, RM015 no design option chosen, no targets, pilots of a big-bang or none of a phased roll-out, other waves planned already, or the release is being rolled out; RM020 a target is booked by another release.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.plan_waves(text, text[], text[], integer)');
