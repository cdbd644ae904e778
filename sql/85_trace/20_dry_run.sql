-- Module trace, second part: the dry run.

CREATE FUNCTION release_mgmt_internal.planned_items(release uuid) RETURNS TABLE (ci text, operation text, new_values jsonb)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT x.ci, x.operation, coalesce(pg_catalog.jsonb_object_agg(x.attribute, x.new_value) FILTER (WHERE x.attribute <> ''), '{}')
    FROM release_mgmt.planned_ci_change AS x
    WHERE x.release_id = planned_items.release
    GROUP BY x.ci, x.operation
    ORDER BY pg_catalog.array_position('{create,change,retire}'::text[], x.operation), x.ci COLLATE "C";
END;
COMMENT ON FUNCTION release_mgmt_internal.planned_items(uuid) IS 'What a release plans, one row for each item, in the order in which an installation writes it.';

-- Of what it joins the planner knows nothing, and would run through one for each row of another.
CREATE FUNCTION release_mgmt_internal.found_after_rehearsal(release uuid, failed text[], messages text[])
RETURNS TABLE (ci text, attribute text, old_value text, new_value text, outcome text, message text)
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH planned AS MATERIALIZED (
            SELECT x.ci, coalesce(r.label, x.ci) AS label, x.operation, x.attribute, x.old_value, x.new_value, f.ci IS NOT NULL AS is_failed, f.message
            FROM release_mgmt.planned_ci_change AS x
            LEFT JOIN unnest(found_after_rehearsal.failed, found_after_rehearsal.messages) AS f (ci, message) ON f.ci = x.ci
            LEFT JOIN release_mgmt_internal.renamed_items(found_after_rehearsal.release) AS r ON r.ci = x.ci
            WHERE x.release_id = found_after_rehearsal.release
        ), present AS MATERIALIZED (
            SELECT v.* FROM release_mgmt_internal.present_values(
                ARRAY(SELECT DISTINCT p.label FROM planned AS p WHERE NOT p.is_failed), ARRAY(SELECT DISTINCT p.attribute FROM planned AS p)) AS v
        )
        SELECT p.ci, nullif(p.attribute, ''), p.old_value, p.new_value, o.outcome,
               CASE o.outcome WHEN 'failed' THEN p.message
                              WHEN 'differs' THEN format('it is %s after the change', coalesce(quote_literal(v.value), 'NULL')) END
        FROM planned AS p
        LEFT JOIN present AS v ON v.ci = p.label AND v.attribute = p.attribute
        CROSS JOIN LATERAL (
            SELECT CASE WHEN p.is_failed THEN 'failed'
                        WHEN p.operation = 'retire' OR p.new_value IS NOT DISTINCT FROM v.value OR release_mgmt_internal.same_value(p.ci, p.attribute, p.new_value, v.value) THEN 'applied'
                        ELSE 'differs' END) AS o (outcome)
        ORDER BY p.ci COLLATE "C", p.attribute COLLATE "C";
END $$;
COMMENT ON FUNCTION release_mgmt_internal.found_after_rehearsal(uuid, text[], text[]) IS
'What dry_run() reports of each planned change, by what its row holds now; failed: the items to which nothing could be done, with what each met.';

CREATE FUNCTION release_mgmt_internal.rehearse(release release_mgmt.release)
RETURNS TABLE (ci text, attribute text, old_value text, new_value text, outcome text, message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    item record;
    failed text[] := '{}';
    messages text[] := '{}';
    error_message text;
    error_detail text;
BEGIN
    INSERT INTO release_mgmt_internal.rehearsal (transaction_id, release_id)
    VALUES (release_mgmt_internal.current_transaction(), release.id);
    PERFORM set_config('release_mgmt.release', release.code, true);
    -- All at once, as an installation does; where that fails, one item after the other, to tell which.
    BEGIN
        PERFORM release_mgmt_internal.apply_ci_changes(array_agg(x.ci), array_agg(x.operation), array_agg(x.attribute), array_agg(x.new_value))
        FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = release.id;
    EXCEPTION WHEN OTHERS THEN
        FOR item IN SELECT * FROM release_mgmt_internal.planned_items(release.id) LOOP
            BEGIN
                PERFORM release_mgmt_internal.apply_ci_change(item.ci, item.operation, item.new_values);
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS error_message = MESSAGE_TEXT, error_detail = PG_EXCEPTION_DETAIL;
                failed := failed || item.ci;
                messages := messages || concat_ws(': ', error_message, nullif(error_detail, ''));
            END;
        END LOOP;
    END;
    -- Later triggers may have changed a row again: what counts is what is there in the end.
    RETURN QUERY SELECT f.* FROM release_mgmt_internal.found_after_rehearsal(release.id, failed, messages) AS f;
    BEGIN
        SET CONSTRAINTS ALL IMMEDIATE;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS error_message = MESSAGE_TEXT, error_detail = PG_EXCEPTION_DETAIL;
        RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, NULL::text, 'failed',
                            concat_ws(': ', error_message, nullif(error_detail, ''));
    END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.rehearse(release_mgmt.release) IS
'Applies what a release plans and reports; the caller rolls back.';

-- SECURITY DEFINER: applies changes on behalf of a person who may plan but not write the tables.
CREATE FUNCTION release_mgmt.dry_run(release text)
RETURNS TABLE (ci text, attribute text, old_value text, new_value text, outcome text, message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    of_release release_mgmt.release;
    finding record;
    finished boolean := false;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager', 'operator');
    SELECT r.* INTO STRICT of_release FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(dry_run.release);
    PERFORM release_mgmt_internal.require_duty_for(of_release.id, 'release manager', 'change manager', 'test manager', 'operator');
    -- Rows already returned survive the subtransaction, what was done in it does not.
    BEGIN
        FOR finding IN SELECT * FROM release_mgmt_internal.rehearse(of_release) LOOP
            ci := finding.ci;
            attribute := finding.attribute;
            old_value := finding.old_value;
            new_value := finding.new_value;
            outcome := finding.outcome;
            message := finding.message;
            RETURN NEXT;
        END LOOP;
        finished := true;
        PERFORM release_mgmt_internal.refuse('wrong_state', 'the dry run is over');
    EXCEPTION WHEN OTHERS THEN
        IF NOT finished THEN
            RAISE;
        END IF;
    END;
END $$;
COMMENT ON FUNCTION release_mgmt.dry_run(text) IS
'Applies the planned CI changes of a release for real, with every trigger and constraint of the bound tables, deferred ones too, looks at the result, and rolls everything back: nothing is captured. One row for each planned change: outcome is applied, failed (message says why; nothing of that item was applied) or differs (something changed the value again); a row without an item is a deferred constraint. The release need not be authorized, but what it plans must start from the present values. Sequences advance, and what a trigger does outside the database is done. Errors: RM002 unknown release, RM003 without one of the duties release manager, change manager, test manager, operator.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.dry_run(text)');
