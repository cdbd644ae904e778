-- Module rollout: which steps may be done now, and the handing out of them to workers.
--
-- Lock order: the release, then its steps. A claim takes the release FOR SHARE, so that workers do not wait for each other,
-- and the release does not change its state between the look and the claim.

-- PL/pgSQL, here and in what else is asked about each change of an item: it keeps its plans.
CREATE FUNCTION release_mgmt_internal.release_blocker(release uuid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    blockers text[];
BEGIN
    SELECT ARRAY[
        CASE WHEN s.kind <> 'deploying' THEN format('release "%s" is in the state %s', r.code, r.state) END,
        (SELECT 'outside the change windows, '
                || coalesce('the next one begins ' || min(lower(w.period)) FILTER (WHERE lower(w.period) > clock_timestamp()), 'the last one is over')
         FROM release_mgmt.change_window AS w WHERE w.release_id = r.id
         HAVING count(*) > 0 AND NOT bool_or(w.period @> clock_timestamp()))]
    INTO blockers
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE r.id = release_blocker.release;
    IF EXISTS (SELECT FROM release_mgmt.change_freeze) THEN
        blockers := blockers || (
            SELECT string_agg(format('%s until %s', release_mgmt_internal.tell_freeze(f.code, f.organization_id), upper(f.period)), '; ' ORDER BY f.code)
            FROM release_mgmt_internal.freezes_of(release_blocker.release, clock_timestamp(), clock_timestamp()) AS f
            WHERE f.period @> clock_timestamp());
    END IF;
    blockers := blockers || (
        SELECT string_agg(format('%s is no longer an accepted item of the library', c.name), '; ' ORDER BY c.name)
        FROM release_mgmt.release_package AS p JOIN release_mgmt.component AS c ON c.package_id = p.id
        WHERE p.release_id = release_blocker.release AND p.current AND c.item_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM release_mgmt.library_item AS i WHERE i.id = c.item_id AND i.state = 'accepted' AND i.digest = c.digest));
    RETURN nullif(array_to_string(blockers, '; '), '');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.release_blocker(uuid) IS
'Why nothing of the release may be installed now: its state, its windows, freezes, items that left the library. NULL where nothing stands in the way.';

CREATE FUNCTION release_mgmt_internal.wave_blocker(wave uuid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (SELECT nullif(pg_catalog.concat_ws('; ',
        CASE WHEN r.state = 'backing_out' THEN pg_catalog.format('release "%s" is being backed out', r.code)
             WHEN r.state = 'pilot' AND NOT w.pilot THEN 'the pilot is still running' END,
        CASE WHEN NOT w.period @> pg_catalog.clock_timestamp() THEN pg_catalog.format('outside the period of wave "%s", %s', w.name, w.period) END,
        (SELECT pg_catalog.format('waits for %s%s of wave "%s"',
                                  (SELECT pg_catalog.string_agg(n.ci, ', ' ORDER BY n.ci COLLATE "C")
                                   FROM (SELECT t.ci FROM release_mgmt.target AS t WHERE t.release_id = w.release_id AND t.wave_id = e.id AND t.state <> 'verified'
                                         ORDER BY t.ci COLLATE "C" LIMIT 10) AS n),
                                  CASE WHEN left_over.targets > 10 THEN pg_catalog.format(' and %s more', left_over.targets - 10) END, e.name)
         FROM release_mgmt.wave AS e
         CROSS JOIN LATERAL (SELECT count(*) AS targets FROM release_mgmt.target AS t WHERE t.release_id = w.release_id AND t.wave_id = e.id AND t.state <> 'verified') AS left_over
         WHERE e.release_id = w.release_id AND (NOT e.pilot, e.ordinal) < (NOT w.pilot, w.ordinal) AND left_over.targets > 0
         ORDER BY NOT e.pilot, e.ordinal LIMIT 1)), '')
    FROM release_mgmt.wave AS w JOIN release_mgmt.release AS r ON r.id = w.release_id
    WHERE w.id = wave_blocker.wave);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.wave_blocker(uuid) IS
'Why nothing of the wave may be installed now, beside what release_blocker() says: the pilot, its period, waves before it. NULL where nothing stands in the way.';

-- PL/pgSQL, here and in what each step asks: it keeps its plans, where SQL would plan anew for each.
CREATE FUNCTION release_mgmt_internal.target_fit(target uuid,
    OUT package_id uuid, OUT label text, OUT baseline release_mgmt.digest, OUT items integer, OUT errors integer, OUT findings jsonb, OUT said text)
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    SELECT x.package_id, t.ci, r.baseline, r.items, r.errors, r.findings, r.said
    INTO package_id, label, baseline, items, errors, findings, said
    FROM release_mgmt.target AS t
    JOIN release_mgmt.ci AS i ON i.label = t.ci
    CROSS JOIN LATERAL release_mgmt_internal.wave_prefixes(t.release_id, t.id) AS x
    CROSS JOIN LATERAL release_mgmt_internal.target_result(x.package_id, i.id, x.brought, x.retired_on) AS r
    -- Of a target on which nothing is known to be installed, nothing can be said.
    WHERE t.id = target_fit.target AND r.items > 0;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.target_fit(uuid) IS
'Whether what the target''s place holds once its wave is done fits together now; said is NULL where it does. NULLs where nothing is known to be installed.';

CREATE FUNCTION release_mgmt_internal.record_target_fit(target uuid) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    fit record;
BEGIN
    SELECT f.* INTO fit FROM release_mgmt_internal.target_fit(record_target_fit.target) AS f;
    IF fit.package_id IS NOT NULL THEN
        INSERT INTO release_mgmt.compatibility_result (package_id, point, target, baseline, items, errors, findings)
        SELECT fit.package_id, 'deployment', fit.label, fit.baseline, fit.items, fit.errors, fit.findings
        FROM (SELECT) AS now
        LEFT JOIN LATERAL (
            SELECT l.point, l.baseline, l.findings FROM release_mgmt.compatibility_result AS l
            WHERE l.package_id = fit.package_id AND l.target = fit.label ORDER BY l.checked_at DESC LIMIT 1) AS last ON true
        WHERE last.point IS DISTINCT FROM 'deployment' OR last.baseline <> fit.baseline OR last.findings <> fit.findings;
    END IF;
    RETURN fit.said;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_target_fit(uuid) IS
'Why the package does not fit into what is installed on the target now, recorded with the baseline that was seen; NULL where it does, or where nothing is known to be installed.';

CREATE FUNCTION release_mgmt_internal.is_fit_to_install(step release_mgmt.deployment_step) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    misfit text;
BEGIN
    misfit := CASE WHEN step.kind = 'install' THEN release_mgmt_internal.record_target_fit(step.target_id) END;
    IF misfit IS NOT NULL THEN
        RAISE WARNING USING MESSAGE = format('a step on %s is not handed out, since the package does not fit there any more',
                                             (SELECT t.ci FROM release_mgmt.target AS t WHERE t.id = step.target_id)),
            DETAIL = misfit || '.', HINT = 'See release_mgmt.check_compatibility(package, targets).';
    END IF;
    RETURN misfit IS NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_fit_to_install(release_mgmt.deployment_step) IS
'May the step be handed out, as far as compatibility is concerned? Records what was found for a step that installs, and warns where the package does not fit any more.';

CREATE FUNCTION release_mgmt_internal.releases_at_work() RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    -- From one release to the next along the index: most have nothing left to be done, and one may have a hundred thousand targets.
    WITH RECURSIVE unfinished (release_id) AS (
        (SELECT t.release_id FROM release_mgmt.target AS t WHERE t.state <> 'verified' ORDER BY t.release_id LIMIT 1)
        UNION ALL
        SELECT (SELECT t.release_id FROM release_mgmt.target AS t WHERE t.state <> 'verified' AND t.release_id > u.release_id ORDER BY t.release_id LIMIT 1)
        FROM unfinished AS u WHERE u.release_id IS NOT NULL
    )
    SELECT r.id
    FROM unfinished AS u
    JOIN release_mgmt.release AS r ON r.id = u.release_id
    JOIN release_mgmt.model_state AS m ON m.model_id = r.model_id AND m.state = r.state
    WHERE m.kind IN ('deploying', 'deployed', 'halted')
      AND EXISTS (SELECT FROM release_mgmt.wave AS w JOIN release_mgmt.target AS t ON t.release_id = w.release_id AND t.wave_id = w.id
                  WHERE w.release_id = r.id AND t.state <> 'verified'
                    AND (t.state IN ('installed', 'backing_out') OR (t.state IN ('planned', 'in_progress') AND m.kind = 'deploying')))
    ORDER BY r.id;
END;
COMMENT ON FUNCTION release_mgmt_internal.releases_at_work() IS 'The releases of which some target waits for a step, or for the end of one.';

-- SECURITY DEFINER: steps are written by verbs alone.
CREATE FUNCTION release_mgmt.claim_step(worker text, lease interval DEFAULT '15 minutes')
RETURNS TABLE (claim uuid, release text, target text, kind text, attempt integer, package text, items uuid[], manifest text, lease_until timestamptz)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER ROWS 1 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    acting uuid := release_mgmt_internal.require_duty('operator');
    of_release uuid;
    is_open boolean;
    place record;
    candidate record;
    after_ci text;
    step release_mgmt.deployment_step;
BEGIN
    <<releases>>
    FOR of_release IN SELECT a.id FROM release_mgmt_internal.releases_at_work() AS a (id) LOOP
        CONTINUE WHEN NOT release_mgmt_internal.may_write(of_release, '{operator}') OR release_mgmt_internal.is_by_hand(of_release);
        PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR SHARE;
        is_open := release_mgmt_internal.release_blocker(of_release) IS NULL;
        -- What this worker holds already, or a worker whose time is over: of steps that are claimed there are no more than workers.
        FOR candidate IN
            SELECT s.id
            FROM release_mgmt.deployment_step AS s
            JOIN release_mgmt.target AS t ON t.id = s.target_id
            JOIN release_mgmt.wave AS w ON w.id = t.wave_id
            CROSS JOIN LATERAL (SELECT s.worker = claim_step.worker AND s.claimed_by = acting AS is_own) AS o
            WHERE s.state = 'claimed' AND (o.is_own OR s.lease_until <= clock_timestamp()) AND t.release_id = of_release
              -- To look at what is installed, or to take it away again, no window is needed.
              AND (s.kind <> 'install' OR (is_open AND release_mgmt_internal.wave_blocker(t.wave_id) IS NULL))
              AND release_mgmt_internal.does_steps_on(of_release, t.ci, acting)
            ORDER BY o.is_own DESC, s.kind = 'back_out' DESC, NOT w.pilot, w.ordinal, t.ci COLLATE "C"
        LOOP
            SELECT s.* INTO step FROM release_mgmt.deployment_step AS s
            WHERE s.id = candidate.id AND s.state = 'claimed' AND (s.lease_until <= clock_timestamp() OR (s.worker = claim_step.worker AND s.claimed_by = acting))
            FOR UPDATE SKIP LOCKED;
            EXIT releases WHEN FOUND AND release_mgmt_internal.is_fit_to_install(step);
        END LOOP;
        -- Else back-outs before anything is installed, and within a wave what was begun before what was not; a few targets at a time, along
        -- the index, whatever the statistics say of a roll-out that has just begun.
        FOR place IN
            SELECT w.id AS wave_id, p.state
            FROM release_mgmt.wave AS w
            CROSS JOIN unnest('{backing_out,installed,planned}'::text[]) WITH ORDINALITY AS p (state, ordinal)
            WHERE w.release_id = of_release
            ORDER BY p.state = 'backing_out' DESC, NOT w.pilot, w.ordinal, p.ordinal
        LOOP
            CONTINUE WHEN place.state = 'planned' AND NOT (is_open AND release_mgmt_internal.wave_blocker(place.wave_id) IS NULL);
            after_ci := '';
            LOOP
                FOR candidate IN
                    SELECT t.id, t.ci FROM release_mgmt.target AS t
                    WHERE t.release_id = of_release AND t.wave_id = place.wave_id AND t.state = place.state AND t.state <> 'verified' AND t.ci COLLATE "C" > after_ci
                    ORDER BY t.ci COLLATE "C" LIMIT 20
                LOOP
                    after_ci := candidate.ci;
                    CONTINUE WHEN NOT release_mgmt_internal.does_steps_on(of_release, candidate.ci, acting);
                    SELECT s.* INTO step FROM release_mgmt.deployment_step AS s WHERE s.target_id = candidate.id AND s.state = 'ready' FOR UPDATE SKIP LOCKED;
                    EXIT releases WHEN FOUND AND release_mgmt_internal.is_fit_to_install(step);
                END LOOP;
                EXIT WHEN NOT FOUND;
            END LOOP;
        END LOOP;
        step := NULL;
    END LOOP;
    IF step.id IS NULL THEN
        RETURN;
    END IF;

    UPDATE release_mgmt.deployment_step AS s
    SET state = 'claimed', worker = claim_step.worker, claimed_by = acting, lease_until = clock_timestamp() + claim_step.lease,
        -- Asked for again by its holder, a step stays claimed as it was, but for the lease.
        claim = CASE WHEN s.state = 'claimed' AND s.worker = claim_step.worker AND s.claimed_by = acting THEN s.claim ELSE gen_random_uuid() END,
        claimed_at = CASE WHEN s.state = 'claimed' AND s.worker = claim_step.worker AND s.claimed_by = acting THEN s.claimed_at ELSE clock_timestamp() END
    WHERE s.id = step.id
    RETURNING s.* INTO step;
    RETURN QUERY
        SELECT step.claim, r.code, t.ci, step.kind, step.attempt, p.code,
               ARRAY(SELECT c.item_id FROM release_mgmt_internal.target_components(t.id) AS c WHERE c.item_id IS NOT NULL ORDER BY c.name COLLATE "C"),
               release_mgmt_internal.target_manifest(t.id), step.lease_until
        FROM release_mgmt.target AS t
        JOIN release_mgmt.release AS r ON r.id = t.release_id
        LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id AND p.current
        WHERE t.id = step.target_id;
END $$;
COMMENT ON FUNCTION release_mgmt.claim_step(text, interval) IS
'Gives the worker of that name one step to do, or no row where there is nothing to do now: claim (needed to report), release, target, kind (install, verify or back_out), attempt, package, items (library items, to be read with read_content()), manifest (the files and their digests, as "sha256sum -c" reads them) and lease_until (when the step is handed out again unless it was reported). A worker that asks again before it reports gets the same step again. lease: how long the worker may take. Install steps are handed out while their release is being deployed, inside its windows, outside every freeze, wave after wave, and where the package still fits into what is installed (otherwise a warning says why not); the others at any time until the release ends. The chosen design option says for whom: what is pulled is for operators of the organization whose item the target is, what is pushed for those of the centre, and what is rolled out manually for no worker (complete_step()). Errors: RM003 without the duty operator, 23514 an empty name or a lease that is not positive.';
SELECT release_mgmt_internal.allow('{operator}', 'EXECUTE', 'FUNCTION release_mgmt.claim_step(text, interval)');
