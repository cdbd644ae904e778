-- Module rollout: what a worker reports, what the server makes of it, and the CI changes that follow.

CREATE FUNCTION release_mgmt_internal.is_made_by_hand(planned release_mgmt.planned_ci_change) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE (planned).operation WHEN 'change' THEN
            -- With its key an item got another name.
            NOT EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.label = (planned).ci AND i.retired_at IS NULL)
            AND EXISTS (SELECT FROM release_mgmt.ci_change_permit AS p JOIN release_mgmt.ci AS i ON i.id = p.ci_id
                        WHERE p.permitted_by = (planned).id AND i.label <> (planned).ci AND i.retired_at IS NULL)
        ELSE
            EXISTS (SELECT FROM release_mgmt.ci AS i
                    JOIN release_mgmt.ci_change_permit AS p ON p.ci_id = i.id AND p.operation = (planned).operation AND p.attribute IS NULL
                    JOIN release_mgmt.planned_ci_change AS x ON x.id = p.permitted_by AND x.release_id = (planned).release_id
                    WHERE i.label = (planned).ci AND (i.retired_at IS NOT NULL) = ((planned).operation = 'retire')) END;
END;
COMMENT ON FUNCTION release_mgmt_internal.is_made_by_hand(release_mgmt.planned_ci_change) IS
'Was the item that the release plans to create, to retire or to give another key created, retired or renamed by it already, as an application does that makes planned changes itself?';

CREATE FUNCTION release_mgmt_internal.apply_target_changes(target uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    former text := current_setting('release_mgmt.release', true);
    renames CONSTANT boolean := EXISTS (
        SELECT FROM release_mgmt.target AS t JOIN release_mgmt.planned_ci_change AS x ON x.release_id = t.release_id AND x.target = t.ci
        JOIN release_mgmt.ci_class AS c ON c.name = split_part(x.ci, '/', 1)
        WHERE t.id = apply_target_changes.target AND x.operation = 'change' AND x.attribute = ANY (c.key_columns));
BEGIN
    PERFORM set_config('release_mgmt.release', r.code, true)
    FROM release_mgmt.target AS t JOIN release_mgmt.release AS r ON r.id = t.release_id WHERE t.id = apply_target_changes.target;
    PERFORM release_mgmt_internal.apply_ci_changes(array_agg(x.ci), array_agg(x.operation), array_agg(x.attribute), array_agg(x.new_value))
    FROM release_mgmt.target AS t JOIN release_mgmt.planned_ci_change AS x ON x.release_id = t.release_id AND x.target = t.ci
    WHERE t.id = apply_target_changes.target AND (x.operation = 'change' AND NOT renames OR NOT release_mgmt_internal.is_made_by_hand(x));
    PERFORM set_config('release_mgmt.release', coalesce(former, ''), true);
    UPDATE release_mgmt.target AS t SET changes_applied_at = clock_timestamp() WHERE t.id = apply_target_changes.target;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.apply_target_changes(uuid) IS
'Writes the planned CI changes of a target to the CMDB, under the guard, on behalf of its release; of items that it created, retired or renamed already there is nothing to write.';

-- SECURITY DEFINER: steps, deliveries and the CMDB are written by this verb alone.
CREATE PROCEDURE release_mgmt.report_step(claim uuid, outcome text, output text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('operator');
    step release_mgmt.deployment_step;
    of_release release_mgmt.release;
    found_faults jsonb;
BEGIN
    IF outcome IS NULL OR outcome NOT IN ('successful', 'failed') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('outcome "%s" does not exist', outcome), 'Outcomes are: successful, failed.',
            'A step that was given up is failed.');
    END IF;
    -- The release first, then the step: the order in which the release''s own changes lock them.
    SELECT r.* INTO of_release
    FROM release_mgmt.release AS r
    WHERE r.id = (SELECT t.release_id FROM release_mgmt.deployment_step AS s JOIN release_mgmt.target AS t ON t.id = s.target_id
                  WHERE s.claim = report_step.claim)
    FOR NO KEY UPDATE;
    SELECT s.* INTO step FROM release_mgmt.deployment_step AS s WHERE s.claim = report_step.claim FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('claim "%s" does not exist', claim),
            'It was never given, or its lease ran out and the step was given to another worker.', 'Ask for work with claim_step(worker).');
    END IF;
    IF step.claimed_by <> acting THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not hold this claim', release_mgmt_internal.acting_role()),
            format('It was given to "%s", worker "%s".', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = step.claimed_by), step.worker),
            'Who claimed a step reports it.');
    END IF;
    IF step.state <> 'claimed' THEN
        IF (step.outcome, step.output) IS DISTINCT FROM (report_step.outcome, coalesce(report_step.output, '')) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('this step is %s already', step.state), NULL,
                'A report stands. A new step comes from back_out_target() or deploy_again().');
        END IF;
        RETURN;
    END IF;

    found_faults := CASE step.kind WHEN 'back_out' THEN release_mgmt_internal.judge_backed_out(step.target_id, coalesce(output, ''))
                                   ELSE release_mgmt_internal.judge_installed(step.target_id, coalesce(output, '')) END;
    UPDATE release_mgmt.deployment_step AS s
    SET state = CASE WHEN report_step.outcome = 'successful' AND found_faults = '[]' THEN 'successful' ELSE 'failed' END,
        outcome = report_step.outcome, output = coalesce(report_step.output, ''), findings = found_faults, finished_at = clock_timestamp()
    WHERE s.id = step.id
    RETURNING s.* INTO step;

    IF step.kind = 'install' AND step.state = 'successful' THEN
        INSERT INTO release_mgmt.delivery (step_id, item_id, digest, files)
        SELECT step.id, c.item_id, c.digest, count(f.path)
        FROM release_mgmt_internal.target_components(step.target_id) AS c
        JOIN release_mgmt_internal.target_files(step.target_id) AS f ON f.item_id = c.item_id
        GROUP BY c.item_id, c.digest;
        -- A release that was stopped meanwhile changes nothing more: what was installed is on record, to be backed out.
        IF of_release.state <> 'backing_out'
           AND EXISTS (SELECT FROM release_mgmt.model_state AS m WHERE m.model_id = of_release.model_id AND m.state = of_release.state AND m.kind = 'deploying') THEN
            PERFORM release_mgmt_internal.apply_target_changes(step.target_id);
            INSERT INTO release_mgmt.deployment_step (target_id, attempt, ordinal, kind)
            VALUES (step.target_id, step.attempt, step.ordinal + 1, 'verify');
        END IF;
    ELSIF step.state = 'failed' THEN
        RAISE WARNING USING MESSAGE = format('%s of %s failed', step.kind, (SELECT t.ci FROM release_mgmt.target AS t WHERE t.id = step.target_id)),
            DETAIL = coalesce((SELECT string_agg(format('%s: expected %s, found %s.', coalesce(f ->> 'file', 'output'), f ->> 'expected', f ->> 'found'), E'\n')
                               FROM (SELECT f FROM jsonb_array_elements(found_faults) AS f LIMIT 20) AS g), 'The worker said so.'),
            HINT = format(CASE step.kind WHEN 'verify' THEN 'Back the target out with CALL release_mgmt.back_out_target(%L, %L), then deploy_again().'
                                         WHEN 'install' THEN 'Do it again with CALL release_mgmt.deploy_again(%L, %L).'
                                         ELSE 'Try once more with CALL release_mgmt.back_out_target(%L, %L).' END,
                          of_release.code, (SELECT t.ci FROM release_mgmt.target AS t WHERE t.id = step.target_id));
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.report_step(uuid, text, text) IS
'Reports a claimed step. outcome: successful or failed; output: what sha256sum printed on the target, in the C locale, digests ("sha256sum files...") or the check of the manifest ("sha256sum -c manifest"). The server holds it against the library: whatever the outcome claimed, an install or verify step fails unless every file is shown as it must be, and a back_out step where a file is still as the package has it; the findings name each. With a successful install the target''s planned CI changes are written in the same transaction and a verify step follows, unless the release was stopped meanwhile. A failed step ends with a warning, not an error: it is recorded. Errors: RM002 unknown outcome or claim, RM003 not the claim''s holder, RM010 the guard refuses a planned change (the CMDB is not as it was planned from), RM015 reported already, and otherwise.';
SELECT release_mgmt_internal.allow('{operator}', 'EXECUTE', 'PROCEDURE release_mgmt.report_step(uuid, text, text)');

-- SECURITY DEFINER in both: steps are written by verbs alone.
CREATE PROCEDURE release_mgmt.back_out_target(release text, target text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release release_mgmt.release;
    backing_out release_mgmt.target;
    restorer record;
    restorers integer := 0;
    last_step release_mgmt.deployment_step;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'operator');
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(of_release.id, 'release manager', 'change manager', 'operator');
    backing_out := release_mgmt_internal.target_of(of_release.id, target);
    IF backing_out.state IN ('backing_out', 'backed_out') THEN
        RETURN;
    END IF;
    SELECT s.* INTO last_step FROM release_mgmt.deployment_step AS s WHERE s.target_id = backing_out.id ORDER BY s.attempt DESC, s.ordinal DESC LIMIT 1;
    IF backing_out.state = 'planned' OR EXISTS (SELECT FROM release_mgmt.model_state AS s
                                               WHERE s.model_id = of_release.model_id AND s.state = of_release.state AND s.kind = 'ended') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('there is nothing to back out of target "%s"', target),
            format('The target is in the state %s, release "%s" in the state %s.', backing_out.state, release, of_release.state),
            'A target is backed out once its installation began and before the release ends.');
    END IF;

    -- What a worker has in hand is taken from it.
    UPDATE release_mgmt.deployment_step AS s SET state = 'cancelled', finished_at = clock_timestamp()
    WHERE s.target_id = backing_out.id AND s.state IN ('ready', 'claimed');
    IF backing_out.changes_applied_at IS NOT NULL THEN
        FOR restorer IN SELECT c.function_name FROM release_mgmt.registered_check AS c WHERE c.point = 'back_out' ORDER BY c.name LOOP
            EXECUTE format('SELECT %s($1, $2)', restorer.function_name::regproc) USING of_release.id, backing_out.ci;
            restorers := restorers + 1;
        END LOOP;
        IF restorers = 0 THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('the CMDB changes of target "%s" can not be backed out', target),
                'No function is registered for it.', 'Register one in release_mgmt.registered_check at the point back_out.');
        END IF;
        UPDATE release_mgmt.target AS t SET changes_applied_at = NULL WHERE t.id = backing_out.id;
    END IF;
    INSERT INTO release_mgmt.deployment_step (target_id, attempt, ordinal, kind)
    VALUES (backing_out.id, last_step.attempt, last_step.ordinal + 1, 'back_out');
END $$;
COMMENT ON PROCEDURE release_mgmt.back_out_target(text, text) IS
'Backs a release out of one target (a label class/key): restores the CMDB rows that its installation changed, and hands a back_out step to the workers. Windows and freezes do not stand in the way. Errors: RM002 unknown release or target, RM003 without one of the duties release manager, change manager, operator, RM015 nothing was installed there or the release has ended, RM016 later work touched the same rows, with the conflicts; then nothing is done.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'EXECUTE', 'PROCEDURE release_mgmt.back_out_target(text, text)');

CREATE PROCEDURE release_mgmt.deploy_again(release text, target text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release release_mgmt.release;
    again release_mgmt.target;
    last_step release_mgmt.deployment_step;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'operator');
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(of_release.id, 'release manager', 'operator');
    again := release_mgmt_internal.target_of(of_release.id, target);
    SELECT s.* INTO last_step FROM release_mgmt.deployment_step AS s WHERE s.target_id = again.id ORDER BY s.attempt DESC, s.ordinal DESC LIMIT 1;
    IF last_step.attempt > 1 AND last_step.kind = 'install' AND last_step.state = 'ready' THEN
        RETURN;
    END IF;
    IF NOT (again.state = 'backed_out' OR (again.state = 'failed' AND last_step.kind = 'install')) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('target "%s" can not be deployed again', target),
            format('It is in the state %s.', again.state),
            CASE WHEN again.state IN ('failed', 'installed', 'verified')
                 THEN format('Back it out first, with CALL release_mgmt.back_out_target(%L, %L).', release, target)
                 ELSE 'A target is deployed again once it is backed out, or its installation failed.' END);
    END IF;
    IF of_release.state = 'backing_out' OR NOT EXISTS (SELECT FROM release_mgmt.model_state AS s
                                                      WHERE s.model_id = of_release.model_id AND s.state = of_release.state AND s.kind = 'deploying') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" is not being deployed', release), format('It is in the state %s.', of_release.state), NULL);
    END IF;
    INSERT INTO release_mgmt.deployment_step (target_id, attempt, ordinal, kind) VALUES (again.id, last_step.attempt + 1, 1, 'install');
END $$;
COMMENT ON PROCEDURE release_mgmt.deploy_again(text, text) IS
'Begins another attempt to deploy a release on a target (a label class/key) that is backed out, or whose installation failed. Errors: RM002 unknown release or target, RM003 without the duty release manager or operator, RM015 the target is in no such state, or the release is not being deployed.';
SELECT release_mgmt_internal.allow('{release manager,operator}', 'EXECUTE', 'PROCEDURE release_mgmt.deploy_again(text, text)');

CREATE FUNCTION release_mgmt_internal.target_of(release uuid, ci text) RETURNS release_mgmt.target
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    wanted release_mgmt.target;
BEGIN
    SELECT t.* INTO wanted FROM release_mgmt.target AS t WHERE t.release_id = target_of.release AND t.ci = target_of.ci;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('"%s" is no target of the release', ci), NULL,
            'Targets are the rows of release_mgmt.target; see release_mgmt.deployment_progress.');
    END IF;
    RETURN wanted;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.target_of(uuid, text) IS 'The target of a release with that label; RM002 if there is none.';
