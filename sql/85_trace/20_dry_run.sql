-- Module trace, second part: the dry run.

CREATE FUNCTION release_mgmt_internal.try_ci_changes(cis text[], operations text[], attributes text[], new_values text[]) RETURNS TABLE (ci text, message text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    last integer := cardinality(cis);
    half integer := last / 2;
    error_message text;
    error_detail text;
BEGIN
    BEGIN
        PERFORM release_mgmt_internal.apply_ci_changes(cis, operations, attributes, new_values);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS error_message = MESSAGE_TEXT, error_detail = PG_EXCEPTION_DETAIL;
    END;
    IF (cis[1], operations[1]) = (cis[last], operations[last]) THEN
        ci := cis[1];
        message := concat_ws(': ', error_message, nullif(error_detail, ''));
        RETURN NEXT;
        RETURN;
    END IF;
    -- The changes of one item stay together.
    WHILE half > 0 AND (cis[half], operations[half]) = (cis[half + 1], operations[half + 1]) LOOP
        half := half - 1;
    END LOOP;
    IF half = 0 THEN
        half := last / 2 + 1;
        WHILE (cis[half], operations[half]) = (cis[half + 1], operations[half + 1]) LOOP
            half := half + 1;
        END LOOP;
    END IF;
    RETURN QUERY SELECT t.* FROM release_mgmt_internal.try_ci_changes(cis[:half], operations[:half], attributes[:half], new_values[:half]) AS t;
    RETURN QUERY SELECT t.* FROM release_mgmt_internal.try_ci_changes(cis[half + 1:], operations[half + 1:], attributes[half + 1:], new_values[half + 1:]) AS t;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.try_ci_changes(text[], text[], text[], text[]) IS
'Applies changes to items as apply_ci_changes() does, those of an item beside each other: all at once, and where that fails, one half after the other. Returns the items to which nothing could be done, with what each met: k of n with some 2 k log2(n) attempts.';

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
    failed text[];
    messages text[];
    error_message text;
    error_detail text;
BEGIN
    INSERT INTO release_mgmt_internal.rehearsal (transaction_id, release_id)
    VALUES (release_mgmt_internal.current_transaction(), release.id);
    PERFORM set_config('release_mgmt.release', release.code, true);
    -- In the order in which an installation writes.
    SELECT coalesce(array_agg(t.ci), '{}'), coalesce(array_agg(t.message), '{}') INTO failed, messages
    FROM (SELECT array_agg(x.ci ORDER BY x.n) AS cis, array_agg(x.operation ORDER BY x.n) AS operations,
                 array_agg(x.attribute ORDER BY x.n) AS attributes, array_agg(x.new_value ORDER BY x.n) AS new_values
          FROM (SELECT p.*, row_number() OVER (ORDER BY array_position('{create,change,retire}'::text[], p.operation), p.ci COLLATE "C") AS n
                FROM release_mgmt.planned_ci_change AS p WHERE p.release_id = release.id) AS x) AS a
    CROSS JOIN LATERAL release_mgmt_internal.try_ci_changes(a.cis, a.operations, a.attributes, a.new_values) AS t;
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
            -- What is planned for items of others, who sees the release reads in its plan; not what their rows say.
            message := CASE WHEN NOT EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.label = finding.ci AND i.organization_id IS NOT NULL AND NOT release_mgmt_internal.sees(i.organization_id, 'organization'))
                            THEN finding.message END;
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
'Applies the planned CI changes of a release for real, with every trigger and constraint of the bound tables, deferred ones too, looks at the result, and rolls everything back: nothing is captured. One row for each planned change: outcome is applied, failed (message says why, of an item that the acting person sees; nothing of the item was applied) or differs (something changed the value again); a row without an item is a deferred constraint. The release need not be authorized, but what it plans must start from the present values. Sequences advance, and what a trigger does outside the database is done. Errors: RM002 unknown release, RM003 without one of the duties release manager, change manager, test manager, operator.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.dry_run(text)');
