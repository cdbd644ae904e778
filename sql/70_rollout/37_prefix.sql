-- Module rollout: whether each prefix of a phased plan fits: what is installed once the first waves are done, and no later one.

CREATE FUNCTION release_mgmt_internal.place_of(target text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item release_mgmt.ci;
    place text;
BEGIN
    SELECT * INTO item FROM release_mgmt.ci AS i WHERE i.label = target;
    -- Where an item of the class is installed on none, and is none that has a version, nothing else can be its place.
    IF item.id IS NULL
       OR NOT EXISTS (SELECT FROM release_mgmt.ci_relation_class AS r WHERE r.from_class = item.class AND r.kind = 'installed on')
          AND NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.name = item.class AND c.version_path IS NOT NULL)
       OR EXISTS (SELECT release_mgmt_internal.carrying_items(ARRAY[item.id])) THEN
        RETURN target;
    END IF;
    SELECT min(o.label) INTO place
    FROM release_mgmt_internal.ci_relations_of(item.id) AS r JOIN release_mgmt.ci AS o ON o.id = r.to_ci
    WHERE r.kind = 'installed on' AND r.from_ci = item.id;
    RETURN coalesce(place,
                    (SELECT v.name FROM release_mgmt_internal.versioned_class AS v WHERE v.name = item.class AND v.on_class IS NULL LIMIT 1), target);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.place_of(text) IS
'Where things come together that are installed on a target: the target itself; for an item that something else carries, what carries it, or its whole class.';

CREATE FUNCTION release_mgmt_internal.wave_prefixes(release uuid, only_target uuid DEFAULT NULL)
RETURNS TABLE (wave_id uuid, target_id uuid, place text, package_id uuid, brought text[], retired_on text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH planned AS MATERIALIZED (
        SELECT t.id, t.ci, t.wave_id, w.pilot, w.ordinal, p.id AS package_id, release_mgmt_internal.place_of(t.ci) AS place
        FROM release_mgmt.target AS t
        JOIN release_mgmt.wave AS w ON w.id = t.wave_id
        JOIN release_mgmt.release_package AS p ON p.release_id = t.release_id AND p.current
        WHERE t.release_id = wave_prefixes.release
          -- Of one target only what may come together with it: beside itself, items that something carries.
          AND (only_target IS NULL OR t.id = only_target
               OR pg_catalog.split_part(t.ci, '/', 1) IN (SELECT v.name FROM release_mgmt_internal.versioned_class AS v))
    ), stage AS MATERIALIZED (
        SELECT DISTINCT p.place, p.wave_id, p.pilot, p.ordinal FROM planned AS p WHERE only_target IS NULL OR p.id = only_target
    ), prefix AS MATERIALIZED (
        -- Once for each wave at a place, however many targets it has there.
        SELECT s.place, s.wave_id, coalesce(pg_catalog.array_agg(DISTINCT c.name) FILTER (WHERE c.name IS NOT NULL), '{}') AS brought,
               pg_catalog.array_agg(DISTINCT e.ci) AS retired_on
        FROM stage AS s
        JOIN planned AS e ON e.place = s.place AND (NOT e.pilot, e.ordinal) <= (NOT s.pilot, s.ordinal)
        LEFT JOIN LATERAL release_mgmt_internal.target_components(e.id) AS c ON true
        GROUP BY s.place, s.wave_id
    )
    SELECT p.wave_id, p.id, p.place, p.package_id, x.brought, x.retired_on
    FROM planned AS p JOIN prefix AS x ON x.place = p.place AND x.wave_id = p.wave_id
    WHERE only_target IS NULL OR p.id = only_target;
END;
COMMENT ON FUNCTION release_mgmt_internal.wave_prefixes(uuid, uuid) IS
'For each target of a release, or one of them, what its place holds of the package once its wave is done: the components that targets of this wave and of those before bring there, and the targets with which planned retirements come.';

-- SECURITY DEFINER: as for check_compatibility().
CREATE FUNCTION release_mgmt.check_waves(release text)
RETURNS TABLE (wave text, place text, severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 20 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT w.name, x.place, f.severity, f.finding, f.kind, f.class, f.component, f.clause, f.candidates, f.chain
    FROM (SELECT DISTINCT ON (p.wave_id, p.place) p.*, t.ci
          FROM release_mgmt_internal.wave_prefixes(release_mgmt.release_id(release)) AS p JOIN release_mgmt.target AS t ON t.id = p.target_id
          ORDER BY p.wave_id, p.place, t.ci) AS x
    JOIN release_mgmt.wave AS w ON w.id = x.wave_id
    JOIN release_mgmt.ci AS i ON i.label = x.ci
    CROSS JOIN LATERAL release_mgmt_internal.check_installation(x.package_id, i.id, x.brought, x.retired_on) AS f
    WHERE f.severity IS NOT NULL AND release_mgmt_internal.sees_item(i.id)
    ORDER BY NOT w.pilot, w.ordinal, x.place COLLATE "C", pg_catalog.array_position('{error,warning,note}', f.severity), f.component, f.kind, f.finding;
END;
COMMENT ON FUNCTION release_mgmt.check_waves(text) IS
'Does what is installed fit together after each wave of a release''s roll-out plan, before the next one begins? The findings of check_compatibility() for each wave and each place to which it brings something: a host, or the class whose items are the targets; but for items that whoever asks does not see. Errors: RM002 unknown release.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.check_waves(text)');
