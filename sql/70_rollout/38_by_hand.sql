-- Module rollout: what the chosen design option says of who does a step: delivery (push or pull) and mechanism (automated or
-- manual). A release without a chosen one is neither.

CREATE FUNCTION release_mgmt_internal.does_steps_on(release uuid, ci text, acting uuid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT NOT EXISTS (SELECT FROM release_mgmt.design_option AS d WHERE d.release_id = does_steps_on.release AND d.chosen)
        OR EXISTS (SELECT
                   FROM release_mgmt.release AS r
                   JOIN release_mgmt.design_option AS d ON d.release_id = r.id AND d.chosen
                   LEFT JOIN release_mgmt.ci AS i ON i.label = does_steps_on.ci
                   JOIN release_mgmt.person_duty AS p ON p.person_id = does_steps_on.acting AND p.duty = 'operator'
                   JOIN release_mgmt.organization AS o ON o.id = p.organization_id
                   WHERE r.id = does_steps_on.release
                     AND CASE d.delivery WHEN 'pull' THEN o.id = coalesce(i.organization_id, r.organization_id)
                                         ELSE o.kind <> 'customer' OR o.id = r.organization_id END);
END;
COMMENT ON FUNCTION release_mgmt_internal.does_steps_on(uuid, text, uuid) IS
'Does that person do the steps of the release on the target? Of one that is pulled, operators of the organization whose item the target is (the release''s own, where it is nobody''s); of one that is pushed, operators of the centre: of any organization but a customer, or of the one whose release it is.';

CREATE FUNCTION release_mgmt_internal.is_by_hand(release uuid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM release_mgmt.design_option AS d WHERE d.release_id = is_by_hand.release AND d.chosen AND d.mechanism = 'manual');
END;
COMMENT ON FUNCTION release_mgmt_internal.is_by_hand(uuid) IS 'Is the release rolled out by persons, as its chosen design option says?';

-- SECURITY DEFINER: steps are written by verbs alone.
CREATE PROCEDURE release_mgmt.complete_step(release text, target text, outcome text, output text, reason text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('operator');
    of_release release_mgmt.release;
    on_target release_mgmt.target;
    step release_mgmt.deployment_step;
    blocked text;
BEGIN
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(of_release.id, 'operator');
    on_target := release_mgmt_internal.target_of(of_release.id, target);
    IF NOT release_mgmt_internal.does_steps_on(of_release.id, target, acting) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not do the steps of release "%s" on "%s"', release_mgmt_internal.acting_role(), release, target),
            NULL, 'What is pulled is done by operators of the target''s organization, what is pushed by those of the centre: see release_mgmt.design_option.');
    ELSIF NOT release_mgmt_internal.is_by_hand(of_release.id) AND coalesce(reason, '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is rolled out by workers', release), 'Its roll-out is not manual.',
            'Give the reason why a person does this step, or leave it to claim_step().');
    END IF;
    SELECT s.* INTO step FROM release_mgmt.deployment_step AS s WHERE s.target_id = on_target.id AND s.state = 'ready' FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('there is no step to complete on "%s"', target), format('The target is in the state %s.', on_target.state),
            'A step that a worker holds is reported by it, or given up when its lease ends. See release_mgmt.deployment_progress.');
    END IF;
    IF step.kind = 'install' THEN
        blocked := nullif(concat_ws('; ', release_mgmt_internal.release_blocker(of_release.id), release_mgmt_internal.wave_blocker(on_target.wave_id)), '');
        IF blocked IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('outside_window', format('nothing is installed on "%s" now', target), blocked || '.', NULL);
        END IF;
        blocked := release_mgmt_internal.record_target_fit(on_target.id);
        IF blocked IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('incompatible', format('the package does not fit on "%s" any more', target), blocked || '.',
                'See release_mgmt.check_compatibility(package, targets).');
        END IF;
    END IF;
    UPDATE release_mgmt.deployment_step AS s
    SET state = 'claimed', worker = release_mgmt_internal.acting_role(), claimed_by = acting, claim = gen_random_uuid(), claimed_at = clock_timestamp(),
        lease_until = clock_timestamp() + interval '1 minute', by_hand = true, reason = nullif(complete_step.reason, '')
    WHERE s.id = step.id
    RETURNING s.* INTO step;
    CALL release_mgmt.report_step(step.claim, outcome, output);
END $$;
COMMENT ON PROCEDURE release_mgmt.complete_step(text, text, text, text, text) IS
'Completes the step that is ready on a target, as a person who did it by hand: in a roll-out whose chosen design option is manual, otherwise with the reason why no worker did. outcome and output are those of report_step(), and judged alike. What holds for claim_step() holds here: window, freezes, waves, whether the package fits. Errors: RM002 unknown release, target or outcome; RM003 without the duty operator, or not one who does the steps there; RM006 the package does not fit; RM015 no such step, or no reason; RM017 nothing may be installed now.';
SELECT release_mgmt_internal.allow('{operator}', 'EXECUTE', 'PROCEDURE release_mgmt.complete_step(text, text, text, text, text)');
