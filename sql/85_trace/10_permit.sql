-- Module trace, first part: what permits a change of a configuration item. The guard on bound tables asks these checks.

CREATE TABLE release_mgmt_internal.rehearsal (
    transaction_id uuid,
    release_id     uuid NOT NULL,
    CONSTRAINT rehearsal_pkey PRIMARY KEY (transaction_id),
    CONSTRAINT rehearsal_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release
);
COMMENT ON TABLE release_mgmt_internal.rehearsal IS
'The release whose changes dry_run() applies in this transaction. A row lives inside the subtransaction that dry_run() rolls back: no other transaction ever sees one.';

CREATE FUNCTION release_mgmt_internal.may_apply(release uuid, target text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    kind text;
    on_target release_mgmt.target;
BEGIN
    IF EXISTS (SELECT FROM release_mgmt_internal.rehearsal AS h
               WHERE h.transaction_id = release_mgmt_internal.current_transaction() AND h.release_id = release) THEN
        RETURN true;
    END IF;
    SELECT s.kind INTO kind
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE r.id = release AND r.state <> 'backing_out';
    SELECT t.* INTO on_target FROM release_mgmt.target AS t WHERE t.release_id = release AND t.ci = target;
    IF kind IS DISTINCT FROM 'deploying' OR on_target.id IS NULL
       OR NOT EXISTS (SELECT FROM release_mgmt.person_duty AS d
                      WHERE d.person_id = release_mgmt_internal.acting_person() AND d.duty IN ('operator', 'release manager')) THEN
        RETURN false;
    END IF;
    -- An installation that began in its window is finished.
    RETURN (on_target.state IN ('in_progress', 'installed') AND on_target.changes_applied_at IS NULL)
        OR (on_target.state = 'planned' AND release_mgmt_internal.release_blocker(release) IS NULL AND release_mgmt_internal.wave_blocker(on_target.wave_id) IS NULL);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.may_apply(uuid, text) IS
'May the acting person change what the release plans for this target now? The release is being rolled out, in its window and outside every freeze, the target''s wave is open or its installation is under way, and the person is an operator or a release manager.';

CREATE FUNCTION release_mgmt_internal.planned_by_release(ci text, operation text, attribute text, old_value text, new_value text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    release text := coalesce(current_setting('release_mgmt.release', true), '');
    plan record;
BEGIN
    FOR plan IN
        SELECT x.id, x.release_id, x.target, x.old_value, x.new_value
        FROM release_mgmt.planned_ci_change AS x
        JOIN release_mgmt.release AS r ON r.id = x.release_id
        WHERE x.ci = ci AND x.operation = operation AND (attribute IS NULL OR x.attribute = attribute)
          AND (release = '' OR r.code = release)
        ORDER BY x.id
    LOOP
        IF (attribute IS NULL
            OR ((operation <> 'change' OR release_mgmt_internal.same_value(ci, attribute, plan.old_value, old_value))
                AND release_mgmt_internal.same_value(ci, attribute, plan.new_value, new_value)))
           AND release_mgmt_internal.may_apply(plan.release_id, plan.target) THEN
            RETURN plan.id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.planned_by_release(text, text, text, text, text) IS
'Check at the point ci_change: the planned change of a release that plans exactly this (item, attribute, from which value to which) and may do it now, or NULL. Where release_mgmt.release names a release, only that one is asked.';
SELECT release_mgmt_internal.register_check('planned_by_release', 'ci_change', 'release_mgmt_internal.planned_by_release',
    'an authorized release plans this change of the item, in its window, on its target, by a person with the duty');
