-- Module trace, first part: what permits a change of a configuration item. The guard on bound tables asks these checks.

CREATE TABLE release_mgmt_internal.rehearsal (
    transaction_id uuid,
    release_id     uuid NOT NULL,
    CONSTRAINT rehearsal_pkey PRIMARY KEY (transaction_id),
    CONSTRAINT rehearsal_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release
);
COMMENT ON TABLE release_mgmt_internal.rehearsal IS
'The release whose changes dry_run() applies in this transaction. A row lives inside the subtransaction that dry_run() rolls back: no other transaction ever sees one.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.rehearsal', 'WHERE false');

-- STABLE, here and in what it asks: the guard brings a snapshot of the moment, where the transaction's own may be old.
CREATE FUNCTION release_mgmt_internal.allowed_until(release uuid, target text) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    now CONSTANT timestamptz := clock_timestamp();
    longest CONSTANT timestamptz := now + interval '1 minute';
    on_target record;
BEGIN
    SELECT t.state, t.wave_id, t.changes_applied_at INTO on_target
    FROM release_mgmt.release AS r
    JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    JOIN release_mgmt.target AS t ON t.release_id = r.id AND t.ci = target
    WHERE r.id = release AND r.state <> 'backing_out' AND s.kind = 'deploying';
    IF NOT FOUND OR NOT release_mgmt_internal.may_write(release, '{operator,release manager}') THEN
        RETURN NULL;
    END IF;
    -- An installation that began in its window is finished.
    IF on_target.state IN ('in_progress', 'installed') AND on_target.changes_applied_at IS NULL THEN
        RETURN longest;
    END IF;
    IF on_target.state <> 'planned' OR release_mgmt_internal.release_blocker(release) IS NOT NULL
       OR release_mgmt_internal.wave_blocker(on_target.wave_id) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    RETURN least(longest,
                 (SELECT min(upper(w.period)) FROM release_mgmt.change_window AS w WHERE w.release_id = release AND w.period @> now),
                 (SELECT upper(w.period) FROM release_mgmt.wave AS w WHERE w.id = on_target.wave_id),
                 (SELECT min(lower(f.period)) FROM release_mgmt_internal.freezes_of(release, now, longest) AS f));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.allowed_until(uuid, text) IS
'Until when the acting person may change what the release plans for this target, as things stand; NULL: not now. The release is being rolled out, in its window and outside every freeze, the target''s wave is open or its installation is under way, and the person is an operator or a release manager. At most a minute from now: until then it holds, unless a table that it depends on is written to.';

CREATE FUNCTION release_mgmt_internal.forget_allowances() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_forget_allowances';
COMMENT ON FUNCTION release_mgmt_internal.forget_allowances() IS
'Statement trigger rm_96_allowance of every table that allowed_until() reads: sessions that remember its answers forget them.';
DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY '{release,release_customer,support_request,model_state,target,wave,change_window,change_freeze,release_package,component,library_item,person,person_duty,organization}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER rm_96_allowance AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON release_mgmt.%I FOR EACH STATEMENT EXECUTE FUNCTION release_mgmt_internal.forget_allowances()', source);
        EXECUTE format('ALTER TABLE release_mgmt.%I ENABLE ALWAYS TRIGGER rm_96_allowance', source);
    END LOOP;
END $$;

CREATE FUNCTION release_mgmt_internal.planned_by_release(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[]
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_planned_by_release';
COMMENT ON FUNCTION release_mgmt_internal.planned_by_release(text[], text[], text[], text[], text[]) IS
'Check at the point ci_change, of many changes at once: for each, the planned change of a release that plans exactly this (item, attribute, from which value to which) and may do it now, or NULL. Where release_mgmt.release names a release, only that one is asked.';
SELECT release_mgmt_internal.register_check('planned_by_release', 'ci_change', 'release_mgmt_internal.planned_by_release',
    'an authorized release plans this change of the item, in its window, on its target, by a person with the duty');

CREATE FUNCTION release_mgmt_internal.advise_on_change(ci text, operation text, attribute text, old_value text, new_value text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    release text := coalesce(current_setting('release_mgmt.release', true), '');
    plan record;
    reason text;
BEGIN
    -- The release that comes closest: the one that is named, the right value before another, one under way before one being planned.
    SELECT x.*, r.code, r.state, s.kind, t.wave_id, t.ci AS on_target, t.state AS target_state, v.as_planned INTO plan
    FROM release_mgmt.planned_ci_change AS x
    JOIN release_mgmt.release AS r ON r.id = x.release_id
    JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    LEFT JOIN release_mgmt.target AS t ON t.release_id = x.release_id AND t.ci = x.target
    CROSS JOIN LATERAL (
        SELECT CASE WHEN attribute IS NULL THEN operation <> 'retire' OR x.old_value IS NOT DISTINCT FROM old_value ELSE
               ((operation <> 'change' OR release_mgmt_internal.same_value(ci, attribute, x.old_value, old_value))
                   AND release_mgmt_internal.same_value(ci, attribute, x.new_value, new_value)) END) AS v (as_planned)
    WHERE x.ci = ci AND x.operation = operation AND (attribute IS NULL OR x.attribute = attribute) AND s.kind <> 'ended'
    ORDER BY r.code = release DESC, v.as_planned DESC, s.kind = 'deploying' DESC, x.id DESC
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NOT release_mgmt_internal.sees(plan.release_id, 'release') THEN
        RETURN CASE WHEN plan.as_planned AND NOT release_mgmt_internal.may_write(plan.release_id, '{operator,release manager}')
                    THEN format('A release of others plans this; role "%s" has neither the duty operator nor release manager.', release_mgmt_internal.acting_role())
                    ELSE 'A release of others plans a change of it.' END;
    END IF;
    IF NOT plan.as_planned AND attribute IS NULL THEN
        RETURN format('Release "%s" plans to retire it out of %s, and it is in %s.', plan.code, coalesce(plan.old_value, 'the table that the class is bound to'), coalesce(old_value, 'that itself'));
    ELSIF NOT plan.as_planned THEN
        RETURN format('Release "%s" plans %s: %s -> %s.', plan.code, attribute,
                      CASE WHEN operation = 'change' THEN coalesce('"' || plan.old_value || '"', 'NULL') ELSE '' END,
                      coalesce('"' || plan.new_value || '"', 'NULL'));
    END IF;
    reason := CASE
        WHEN release <> '' AND release <> plan.code THEN format('release_mgmt.release names "%s"', release)
        WHEN plan.kind <> 'deploying' THEN format('it is %s', plan.state)
        WHEN plan.on_target IS NULL THEN format('%s is none of its targets', plan.target)
        WHEN NOT release_mgmt_internal.may_write(plan.release_id, '{operator,release manager}')
            THEN format('role "%s" has neither the duty operator nor release manager', release_mgmt_internal.acting_role())
        ELSE coalesce(nullif(concat_ws('; ', release_mgmt_internal.release_blocker(plan.release_id), release_mgmt_internal.wave_blocker(plan.wave_id)), ''),
                      CASE WHEN operation = 'create' AND plan.target_state = 'planned'
                           THEN 'an item is created with all that is planned for it, ' || (SELECT string_agg(x.attribute, ', ' ORDER BY x.attribute) FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = plan.release_id AND x.ci = ci)
                           ELSE format('target %s is done', plan.target) END) END;
    RETURN format('Release "%s" plans this and may not do it now: %s.', plan.code,
                  CASE WHEN length(reason) > 200 THEN left(reason, 200) || '...' ELSE reason END);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.advise_on_change(text, text, text, text, text) IS
'Advice at the point ci_change_advice: the release that comes closest to planning this change, and what stands in its way; NULL where none plans a change of that attribute.';
SELECT release_mgmt_internal.register_check('release_in_the_way', 'ci_change_advice', 'release_mgmt_internal.advise_on_change',
    'why the guard does not permit a change');
