-- Module trace: conflicts between what is planned. Two releases or changes are in conflict where they touch one configuration item, or
-- items of which one hangs on the other through relations of any length, at overlapping times. Nothing is stored but what people
-- accepted: who asks is answered from the plans as they are, so a plan that moves is compared anew.

-- SECURITY DEFINER from here on: what is in the way is known from rows that whoever asks may not see.
CREATE FUNCTION release_mgmt_internal.related_items(items uuid[], beneath boolean) RETURNS TABLE (item uuid, origin uuid, relation text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    -- By place: an item that was reached, from which of the items, and how.
    reached uuid[];
    origins uuid[];
    roads text[];
    frontier uuid[];
    next record;
    next_frontier uuid[];
BEGIN
    SELECT array_agg(c.id), array_agg(c.id), array_agg(c.label) INTO reached, origins, roads FROM release_mgmt.ci AS c WHERE c.id = ANY (items);
    frontier := reached;
    WHILE cardinality(frontier) > 0 LOOP
        next_frontier := '{}';
        FOR next IN
            SELECT DISTINCT ON (n.id) n.id, o.origin, CASE WHEN beneath THEN o.road || ' ' || d.kind || ' ' || n.label ELSE n.label || ' ' || d.kind || ' ' || o.road END AS road
            FROM release_mgmt_internal.ci_relations_along(frontier, beneath) AS d
            JOIN release_mgmt.ci AS n ON n.id = d.related
            JOIN unnest(reached, origins, roads) AS o(id, origin, road) ON o.id = d.known
            WHERE NOT EXISTS (SELECT FROM unnest(reached) AS x(id) WHERE x.id = d.related)
            ORDER BY n.id, d.kind, o.road COLLATE "C"
        LOOP
            item := next.id;
            origin := next.origin;
            relation := next.road;
            RETURN NEXT;
            next_frontier := next_frontier || next.id;
            origins := origins || next.origin;
            roads := roads || next.road;
        END LOOP;
        reached := reached || next_frontier;
        frontier := next_frontier;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.related_items(uuid[], boolean) IS
'The items that hang on any of the items through relations, or, where beneath is set, those on which they hang: each once, by the shortest road, with the item where that begins or ends and the road in words (package/a:x installed on host/a in rack/1). Cycles end where they began.';

CREATE INDEX change_window_period_idx ON release_mgmt.change_window USING gist (period);
CREATE INDEX release_planned_idx ON release_mgmt.release USING gist (planned) WHERE planned IS NOT NULL;
CREATE INDEX change_request_planned_idx ON release_mgmt.change_request USING gist (planned) WHERE planned IS NOT NULL;

CREATE FUNCTION release_mgmt_internal.own_times(release uuid, change uuid) RETURNS SETOF tstzrange
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT w.period FROM release_mgmt.change_window AS w WHERE w.release_id = own_times.release
    UNION ALL
    SELECT r.planned FROM release_mgmt.release AS r
    WHERE r.id = own_times.release AND r.planned IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.change_window AS w WHERE w.release_id = r.id)
    UNION ALL
    SELECT c.planned FROM release_mgmt.change_request AS c WHERE c.id = own_times.change AND c.planned IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.own_times(uuid, uuid) IS 'When a release is to be rolled out, its windows or the time planned where it has none; or when a change is to be made.';

CREATE FUNCTION release_mgmt_internal.planned_at(at tstzrange) RETURNS TABLE (release_id uuid, change_id uuid, code text, period tstzrange)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT r.id, NULL::uuid, r.code, p.period
    FROM (SELECT w.release_id, w.period FROM release_mgmt.change_window AS w WHERE w.period && planned_at.at
          UNION ALL
          SELECT o.id, o.planned FROM release_mgmt.release AS o
          WHERE o.planned && planned_at.at AND NOT EXISTS (SELECT FROM release_mgmt.change_window AS w WHERE w.release_id = o.id)) AS p
    JOIN release_mgmt.release AS r ON r.id = p.release_id
    JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state AND s.kind IN ('planning', 'deploying', 'halted')
    UNION ALL
    SELECT NULL, c.id, c.code, c.planned
    FROM release_mgmt.change_request AS c
    WHERE c.planned && planned_at.at AND c.state IN ('requested', 'assessed', 'approved', 'scheduled')
      AND NOT EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = c.id);
END;
COMMENT ON FUNCTION release_mgmt_internal.planned_at(tstzrange) IS
'What is still to be done and planned for a time that overlaps: releases that are not rolled out or ended, and changes that no release carries.';

CREATE FUNCTION release_mgmt_internal.touched_items(release uuid, change uuid) RETURNS TABLE (ci text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT t.ci FROM release_mgmt.target AS t WHERE t.release_id = touched_items.release
    UNION
    SELECT x.ci FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = touched_items.release
    UNION
    SELECT c.ci FROM release_mgmt.release_package AS p JOIN release_mgmt.component AS c ON c.package_id = p.id
    WHERE p.release_id = touched_items.release AND p.current AND c.ci IS NOT NULL
    UNION
    SELECT i.ci FROM release_mgmt.change_ci AS i WHERE i.change_id = touched_items.change;
END;
COMMENT ON FUNCTION release_mgmt_internal.touched_items(uuid, uuid) IS
'The items that a release touches (its targets, its planned changes of items, its components'' own) or that a change does by itself.';

CREATE FUNCTION release_mgmt_internal.conflicts_of(release uuid, change uuid)
RETURNS TABLE (ci text, other_release_id uuid, other_change_id uuid, other text, other_ci text, relation text, overlap tstzrange)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    others uuid[];
    mine text[];
    theirs text[];
BEGIN
    SELECT array_agg(DISTINCT coalesce(o.release_id, o.change_id)) INTO others
    FROM release_mgmt_internal.own_times(conflicts_of.release, conflicts_of.change) AS m(period)
    CROSS JOIN LATERAL release_mgmt_internal.planned_at(m.period) AS o
    WHERE coalesce(o.release_id, o.change_id) <> coalesce(conflicts_of.release, conflicts_of.change);
    -- Most often nothing else is planned for that time.
    IF others IS NULL THEN
        RETURN;
    END IF;
    mine := ARRAY(SELECT i.ci FROM release_mgmt_internal.touched_items(conflicts_of.release, conflicts_of.change) AS i);
    theirs := ARRAY(SELECT DISTINCT i.ci FROM unnest(others) AS o(id) CROSS JOIN LATERAL release_mgmt_internal.touched_items(o.id, o.id) AS i);
    RETURN QUERY
    WITH pair (ci, other_ci, relation) AS MATERIALIZED (
        SELECT i.ci, i.ci, 'the same item' FROM unnest(mine) AS i(ci) WHERE i.ci = ANY (theirs)
        UNION ALL
        -- What the others touch hangs on what this one touches, or the other way round. From this one's items both ways: each of theirs
        -- is then reached, whichever others there are.
        SELECT b.label, a.label, h.relation
        FROM (VALUES (false), (true)) AS w(beneath)
        CROSS JOIN LATERAL release_mgmt_internal.related_items(ARRAY(SELECT c.id FROM release_mgmt.ci AS c WHERE c.label = ANY (mine)), w.beneath) AS h
        JOIN release_mgmt.ci AS a ON a.id = h.item JOIN release_mgmt.ci AS b ON b.id = h.origin
        WHERE a.label = ANY (theirs)
    )
    SELECT p.ci, o.release_id, o.change_id, o.code, p.other_ci, p.relation, m.period * o.period
    FROM release_mgmt_internal.own_times(conflicts_of.release, conflicts_of.change) AS m(period)
    CROSS JOIN LATERAL release_mgmt_internal.planned_at(m.period) AS o
    CROSS JOIN LATERAL release_mgmt_internal.touched_items(o.release_id, o.change_id) AS i
    JOIN pair AS p ON p.other_ci = i.ci
    WHERE coalesce(o.release_id, o.change_id) <> coalesce(conflicts_of.release, conflicts_of.change)
    ORDER BY p.ci COLLATE "C", o.code COLLATE "C", p.other_ci COLLATE "C", m.period * o.period;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.conflicts_of(uuid, uuid) IS
'What is planned elsewhere for items that a release, or a change that none carries, touches, or for items that hang on them or on which they hang, at an overlapping time: which item, which other release or change, its item, the relation in words, and when.';

CREATE TABLE release_mgmt.conflict_acceptance (
    id               uuid DEFAULT release_mgmt.new_id(),
    release_id       uuid NOT NULL,
    ci               text NOT NULL,
    other_release_id uuid,
    other_change_id  uuid,
    other_ci         text NOT NULL,
    overlap          tstzrange NOT NULL,
    reason           text NOT NULL,
    accepted_by      uuid NOT NULL,
    accepted_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT conflict_acceptance_pkey PRIMARY KEY (id),
    CONSTRAINT conflict_acceptance_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT conflict_acceptance_other_release_id_fkey FOREIGN KEY (other_release_id) REFERENCES release_mgmt.release,
    CONSTRAINT conflict_acceptance_other_change_id_fkey FOREIGN KEY (other_change_id) REFERENCES release_mgmt.change_request,
    CONSTRAINT conflict_acceptance_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES release_mgmt.person,
    CONSTRAINT conflict_acceptance_other_check CHECK (num_nonnulls(other_release_id, other_change_id) = 1),
    CONSTRAINT conflict_acceptance_reason_check CHECK (reason <> '')
);
COMMENT ON TABLE release_mgmt.conflict_acceptance IS
'Conflicts of a release that a change manager accepted, and why. One holds for these items, that other release or change, and no other time than overlap. Written by accept_conflict().';
CREATE INDEX conflict_acceptance_release_id_idx ON release_mgmt.conflict_acceptance (release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.conflict_acceptance', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.conflict_acceptance');
SELECT release_mgmt_internal.belongs('release_mgmt.conflict_acceptance', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.conflict_acceptance');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.conflict_acceptance
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.release_conflicts(release uuid)
RETURNS TABLE (ci text, other_release_id uuid, other_change_id uuid, other text, other_ci text, relation text, overlap tstzrange, acceptance_id uuid)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT c.ci, c.other_release_id, c.other_change_id, c.other, c.other_ci, c.relation, c.overlap,
           (SELECT a.id FROM release_mgmt.conflict_acceptance AS a
            WHERE a.release_id = release_conflicts.release AND a.ci = c.ci AND a.other_ci = c.other_ci AND a.overlap @> c.overlap
              AND coalesce(a.other_release_id, a.other_change_id) = coalesce(c.other_release_id, c.other_change_id)
            ORDER BY a.id DESC LIMIT 1)
    FROM release_mgmt_internal.conflicts_of(release, NULL) AS c;
END;
COMMENT ON FUNCTION release_mgmt_internal.release_conflicts(uuid) IS 'The conflicts of a release, each with the acceptance that covers it, or NULL.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.release_conflicts(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.conflicts_of(uuid, uuid)');

CREATE VIEW release_mgmt.change_conflict WITH (security_invoker = true) AS
SELECT r.code AS release, NULL::text AS change, x.ci, x.relation, x.other_ci, coalesce(o.code, oc.code) AS other,
       CASE WHEN x.other_release_id IS NOT NULL THEN 'release' ELSE 'change' END AS other_kind, x.overlap, p.code AS accepted_by, a.reason
FROM release_mgmt.release AS r
JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state AND s.kind IN ('planning', 'deploying', 'halted')
CROSS JOIN LATERAL release_mgmt_internal.release_conflicts(r.id) AS x
LEFT JOIN release_mgmt.release AS o ON o.id = x.other_release_id
LEFT JOIN release_mgmt.change_request AS oc ON oc.id = x.other_change_id
LEFT JOIN release_mgmt.conflict_acceptance AS a ON a.id = x.acceptance_id
LEFT JOIN release_mgmt.person AS p ON p.id = a.accepted_by
UNION ALL
SELECT NULL, c.code, x.ci, x.relation, x.other_ci, coalesce(o.code, oc.code),
       CASE WHEN x.other_release_id IS NOT NULL THEN 'release' ELSE 'change' END, x.overlap, NULL, NULL
FROM release_mgmt.change_request AS c
CROSS JOIN LATERAL release_mgmt_internal.conflicts_of(NULL, c.id) AS x
LEFT JOIN release_mgmt.release AS o ON o.id = x.other_release_id
LEFT JOIN release_mgmt.change_request AS oc ON oc.id = x.other_change_id
WHERE c.planned IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = c.id);
COMMENT ON VIEW release_mgmt.change_conflict IS
'Each release, and each change that no release carries, against what else is planned at an overlapping time for the same configuration items or for ones related to them over any number of relations: which item, through which relation, which other release or change (NULL: one that the acting person does not see), its item, when, and who accepted that, and why. Computed from the plans as they are.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_conflict');

CREATE FUNCTION release_mgmt.accept_conflict(release text, other text, reason text, ci text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager');
    accepting uuid := release_mgmt.release_id(release);
    requested text;
    accepted integer;
BEGIN
    PERFORM release_mgmt_internal.require_duty_for(accepting, 'change manager');
    PERFORM FROM release_mgmt.release AS r WHERE r.id = accepting FOR NO KEY UPDATE;
    requested := release_mgmt_internal.requested_by_person(accepting, acting);
    IF requested IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not accept a conflict of release "%s"', release),
            format('Role "%s" requested %s.', release_mgmt_internal.acting_role(), requested), 'Another person with the duty change manager does.');
    END IF;
    IF coalesce(btrim(accept_conflict.reason), '') = '' OR NOT EXISTS (SELECT FROM release_mgmt_internal.release_conflicts(accepting) AS x
                                                                      WHERE x.other = accept_conflict.other AND x.ci = coalesce(accept_conflict.ci, x.ci)) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no conflict of release "%s" with "%s" is accepted', release, other),
            CASE WHEN coalesce(btrim(accept_conflict.reason), '') = '' THEN 'No reason is given.' ELSE 'There is none.' END,
            format('SELECT * FROM release_mgmt.change_conflict WHERE release = %L.', release));
    END IF;
    INSERT INTO release_mgmt.conflict_acceptance (release_id, ci, other_release_id, other_change_id, other_ci, overlap, reason, accepted_by)
    SELECT accepting, x.ci, x.other_release_id, x.other_change_id, x.other_ci, x.overlap, accept_conflict.reason, acting
    FROM release_mgmt_internal.release_conflicts(accepting) AS x
    WHERE x.other = accept_conflict.other AND x.ci = coalesce(accept_conflict.ci, x.ci) AND x.acceptance_id IS NULL;
    GET DIAGNOSTICS accepted = ROW_COUNT;
    RETURN accepted;
END $$;
COMMENT ON FUNCTION release_mgmt.accept_conflict(text, text, text, text) IS
'Accepts the conflicts that a release has now with another release or change (its code), of one item (label class/key) or all, says why, and returns how many that were; those accepted already stay as they are. It holds while the two plans meet at no other time. Errors: RM002 unknown release, RM003 without the duty change manager, RM008 who requested the release or a change of it, RM015 no reason, or no such conflict.';
SELECT release_mgmt_internal.allow('{change manager}', 'EXECUTE', 'FUNCTION release_mgmt.accept_conflict(text, text, text, text)');

CREATE FUNCTION release_mgmt_internal.check_conflicts_settled(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH compared AS (
        SELECT (SELECT count(*) FROM release_mgmt_internal.touched_items(check_conflicts_settled.release, NULL) AS i) AS items,
               (SELECT count(*) FROM release_mgmt_internal.own_times(check_conflicts_settled.release, NULL) AS t) AS times
    ), found AS (
        SELECT count(*) AS conflicts,
               pg_catalog.string_agg(pg_catalog.format('%s, by %s at %s (%s)', c.ci, c.other, c.overlap, c.relation), '; ' ORDER BY c.ci COLLATE "C", c.other COLLATE "C", c.other_ci COLLATE "C", c.overlap)
                   FILTER (WHERE c.acceptance_id IS NULL) AS open,
               pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('conflict_acceptance', a.id, 'ci', c.ci, 'other', c.other, 'other_ci', c.other_ci, 'reason', a.reason, 'accepted_by', p.code)
                   ORDER BY c.ci COLLATE "C", c.other COLLATE "C", c.other_ci COLLATE "C", c.overlap) FILTER (WHERE a.id IS NOT NULL) AS accepted
        FROM release_mgmt_internal.release_conflicts(check_conflicts_settled.release) AS c
        LEFT JOIN release_mgmt.conflict_acceptance AS a ON a.id = c.acceptance_id
        LEFT JOIN release_mgmt.person AS p ON p.id = a.accepted_by
    )
    SELECT (compared.items > 0 AND compared.times > 0 AND found.open IS NULL,
            CASE WHEN compared.items = 0 THEN 'the release touches no configuration item, so nothing was compared'
                 WHEN compared.times = 0 THEN 'no time is planned, so nothing was compared'
                 ELSE 'also planned: ' || found.open END,
            CASE WHEN compared.items = 0 OR compared.times = 0 THEN 'release manager' ELSE 'change manager' END,
            pg_catalog.jsonb_build_object('items', compared.items, 'times', compared.times, 'change_conflict', found.conflicts, 'accepted', found.accepted)
           )::release_mgmt.check_result
    FROM compared CROSS JOIN found;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_conflicts_settled(uuid) IS
'Check: nothing else is planned, at an overlapping time, for the items that the release touches or for ones related to them, but what a change manager accepted with a reason.';
SELECT release_mgmt_internal.register_check('conflicts_settled', 'gate', 'release_mgmt_internal.check_conflicts_settled',
    'no other change or release touches the same or related items at the same time, or that is accepted');
