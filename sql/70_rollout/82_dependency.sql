-- Module rollout: what the dependencies of a release ask for, as windows and states are now.

-- SECURITY DEFINER: whether a dependency is met follows from releases that whoever asks may not see; their codes are not told.
CREATE FUNCTION release_mgmt_internal.dependencies_of(release uuid)
RETURNS TABLE (on_release_id uuid, kind text, on_release text, on_state text, missing text)
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH dependency AS (
        SELECT d.kind, d.on_release_id FROM release_mgmt.release_dependency AS d WHERE d.release_id = dependencies_of.release
        UNION
        SELECT d.kind, d.release_id FROM release_mgmt.release_dependency AS d WHERE d.on_release_id = dependencies_of.release AND d.kind = 'excludes'
    ), other AS (
        SELECT d.kind, r.id, CASE WHEN release_mgmt_internal.sees(r.id, 'release') THEN r.code END AS code, r.state, s.kind AS state_kind,
               -- Ended from production: the last step led there from a deployed state.
               s.kind = 'deployed'
               OR (s.kind = 'ended' AND (SELECT f.kind FROM release_mgmt.release_state_history AS h
                                         JOIN release_mgmt.model_state AS f ON f.model_id = r.model_id AND f.state = h.from_state
                                         WHERE h.release_id = r.id ORDER BY h.entered_at DESC, h.id DESC LIMIT 1) = 'deployed') AS in_production
        FROM dependency AS d JOIN release_mgmt.release AS r ON r.id = d.on_release_id
        JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    )
    SELECT o.id, o.kind, o.code, CASE WHEN o.code IS NOT NULL THEN o.state END,
           CASE WHEN o.kind = 'requires' AND NOT o.in_production THEN format('it requires %s, which is %s', n.name, o.state)
                WHEN o.kind = 'follows' AND o.state_kind <> 'ended' THEN format('it follows %s, which is %s', n.name, o.state)
                WHEN o.kind = 'excludes' AND o.state_kind = 'deploying' THEN format('it excludes %s, which is %s', n.name, o.state)
                WHEN o.kind = 'excludes' AND o.state_kind IN ('planning', 'halted') THEN
                    (SELECT format('it excludes %s, whose window %s overlaps its own %s', n.name, b.period, a.period)
                     FROM release_mgmt.change_window AS a JOIN release_mgmt.change_window AS b ON b.period && a.period
                     WHERE a.release_id = dependencies_of.release AND b.release_id = o.id AND upper(b.period) > statement_timestamp()
                     ORDER BY a.period, b.period LIMIT 1) END
    FROM other AS o CROSS JOIN LATERAL (SELECT release_mgmt_internal.tell_release(o.id) AS name) AS n;
END;
COMMENT ON FUNCTION release_mgmt_internal.dependencies_of(uuid) IS
'Each dependency of a release, also those by which another one excludes it: on which release, what kind, what state that is in, and what is missing; NULL where it is met.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.dependencies_of(uuid)');

CREATE FUNCTION release_mgmt_internal.check_dependencies_met(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(d.missing) = 0, pg_catalog.string_agg(d.missing, '; ' ORDER BY d.missing COLLATE "C"), 'release manager',
            pg_catalog.jsonb_build_object('release_dependency',
                coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', d.kind, 'release', d.on_release, 'state', d.on_state) ORDER BY d.on_release, d.kind), '[]'))
           )::release_mgmt.check_result
    FROM release_mgmt_internal.dependencies_of(check_dependencies_met.release) AS d;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_dependencies_met(uuid) IS
'Check: what the release requires is in production, what it follows has ended, and what it excludes is neither being rolled out nor planned for the same window. A release without dependencies meets it.';
SELECT release_mgmt_internal.register_check('dependencies_met', 'gate', 'release_mgmt_internal.check_dependencies_met',
    'the releases that this one depends on are where they must be');

CREATE TRIGGER rm_51_plan BEFORE INSERT OR DELETE ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan();

CREATE VIEW release_mgmt.release_dependency_status WITH (security_invoker = true) AS
SELECT r.code AS release, r.state, d.kind, d.on_release, d.on_state, d.missing IS NULL AS met, d.missing
FROM release_mgmt.release AS r CROSS JOIN LATERAL release_mgmt_internal.dependencies_of(r.id) AS d;
COMMENT ON VIEW release_mgmt.release_dependency_status IS
'Each dependency of each release, also those by which another one excludes it: is it met now, and what is missing? on_release and on_state are NULL where whoever asks does not see that release.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_dependency_status');
