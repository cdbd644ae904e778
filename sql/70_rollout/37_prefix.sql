-- Module rollout: whether each prefix of a phased plan fits: what is installed once the first waves are done, and no later one.

CREATE FUNCTION release_mgmt_internal.places_of(targets text[]) RETURNS TABLE (target text, place text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    WITH item AS MATERIALIZED (
        -- Where an item of the class is installed on none, and is none that has a version, nothing else can be its place.
        SELECT i.id, i.label, i.class
        FROM release_mgmt.ci AS i
        WHERE i.label = ANY (targets)
          AND i.class IN (SELECT r.from_class FROM release_mgmt.ci_relation_class AS r WHERE r.kind = 'installed on'
                          UNION SELECT c.name FROM release_mgmt.ci_class AS c WHERE c.version_path IS NOT NULL)
    ), carried AS MATERIALIZED (
        SELECT i.* FROM item AS i WHERE i.id NOT IN (SELECT release_mgmt_internal.carrying_items(ARRAY(SELECT o.id FROM item AS o)))
    ), carrier AS MATERIALIZED (
        SELECT r.known, min(o.label) AS label
        FROM release_mgmt_internal.ci_relations_along(ARRAY(SELECT c.id FROM carried AS c), true) AS r JOIN release_mgmt.ci AS o ON o.id = r.related
        WHERE r.kind = 'installed on'
        GROUP BY r.known
    ), place AS MATERIALIZED (
        SELECT c.label, coalesce(k.label, (SELECT v.name FROM release_mgmt_internal.versioned_class AS v WHERE v.name = c.class AND v.on_class IS NULL LIMIT 1)) AS place
        FROM carried AS c LEFT JOIN carrier AS k ON k.known = c.id
    )
    SELECT u.label, coalesce(p.place, u.label)
    FROM (SELECT DISTINCT t.label FROM pg_catalog.unnest(targets) AS t (label)) AS u LEFT JOIN place AS p ON p.label = u.label;
END;
COMMENT ON FUNCTION release_mgmt_internal.places_of(text[]) IS
'Where things come together that are installed on each of the targets: the target itself; for an item that something else carries, what carries it, or its whole class.';

CREATE FUNCTION release_mgmt_internal.targets_beside(release uuid, target uuid) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    own text := (SELECT t.ci FROM release_mgmt.target AS t WHERE t.id = targets_beside.target);
    spot text := (SELECT p.place FROM release_mgmt_internal.places_of(ARRAY[own]) AS p);
    carrier uuid := (SELECT i.id FROM release_mgmt.ci AS i WHERE i.label = spot);
BEGIN
    IF carrier IS NULL THEN
        RETURN QUERY SELECT t.id FROM release_mgmt.target AS t WHERE t.release_id = targets_beside.release AND split_part(t.ci, '/', 1) = spot AND t.ci <> own;
    ELSE
        RETURN QUERY
            SELECT t.id
            FROM release_mgmt_internal.installed_components(carrier) AS c
            JOIN release_mgmt.ci AS i ON i.id = c.ci
            JOIN release_mgmt.target AS t ON t.release_id = targets_beside.release AND t.ci = i.label
            WHERE t.ci <> own;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.targets_beside(uuid, uuid) IS
'The other targets of a release that may have the same place as that one: what is installed there, or where that is no item, the items of the class.';

CREATE FUNCTION release_mgmt_internal.wave_prefixes(release uuid, only_target uuid DEFAULT NULL)
RETURNS TABLE (wave_id uuid, target_id uuid, place text, package_id uuid, brought text[], retired_on text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH asked AS MATERIALIZED (
        SELECT t.id, t.ci, t.wave_id FROM release_mgmt.target AS t WHERE only_target IS NULL AND t.release_id = wave_prefixes.release
        UNION ALL
        -- Of one target only what may come together with it: beside itself, items that something carries.
        SELECT t.id, t.ci, t.wave_id
        FROM (SELECT only_target UNION SELECT b.id FROM release_mgmt_internal.targets_beside(wave_prefixes.release, only_target) AS b (id)) AS o (id)
        JOIN release_mgmt.target AS t ON t.id = o.id AND t.release_id = wave_prefixes.release
    ), planned AS MATERIALIZED (
        SELECT t.id, t.ci, t.wave_id, w.pilot, w.ordinal, p.id AS package_id, s.place
        FROM asked AS t
        JOIN release_mgmt.wave AS w ON w.id = t.wave_id
        JOIN release_mgmt.release_package AS p ON p.release_id = wave_prefixes.release AND p.current
        JOIN release_mgmt_internal.places_of(ARRAY(SELECT a.ci FROM asked AS a)) AS s ON s.target = t.ci
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
