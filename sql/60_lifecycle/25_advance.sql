-- Module lifecycle: the verb that advances a release, and where it may go.
--
-- SECURITY DEFINER: the checks of the gates read what the caller's row security may hide.

CREATE PROCEDURE release_mgmt.advance_release(release text, to_state text, note text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid;
    advancing release_mgmt.release;
    road text[];
    unmet text;
    next_state text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    of_release := release_mgmt.release_id(release);
    -- With the releases that the transition touches, in the order of their ids, so that two that exclude each other wait in turn.
    PERFORM FROM release_mgmt.release AS r
    WHERE r.id = ANY (of_release || ARRAY(SELECT release_mgmt_internal.dependents_of(of_release)))
    ORDER BY r.id FOR NO KEY UPDATE;
    SELECT r.* INTO advancing FROM release_mgmt.release AS r WHERE r.id = of_release;
    PERFORM release_mgmt_internal.require_duty_for(advancing.id, 'release manager', 'change manager');
    IF advancing.state = advance_release.to_state THEN
        RETURN;
    END IF;
    -- One step as the model has it, else the shortest road forward.
    WITH RECURSIVE roads(state, road) AS (
        SELECT advancing.state, '{}'::text[]
        UNION ALL
        SELECT t.to_state, p.road || t.to_state
        FROM roads AS p JOIN release_mgmt.model_transition AS t
            ON t.model_id = advancing.model_id AND t.from_state = p.state AND (t.forward OR (p.road = '{}' AND t.to_state = advance_release.to_state))
        WHERE t.to_state <> ALL (p.road)
    )
    SELECT p.road INTO road FROM roads AS p WHERE p.state = advance_release.to_state ORDER BY cardinality(p.road) LIMIT 1;
    road := coalesce(road, ARRAY[to_state]);

    IF cardinality(road) > 1 THEN
        SELECT string_agg(format('%s (gate to %s): %s (%s).', g.criterion, g.gate, release_mgmt_internal.tell_text(advancing.id, g.missing), g.owner), E'\n' ORDER BY g.gate_ordinal, g.own, g.ordinal) INTO unmet
        FROM release_mgmt_internal.gate_answers(advancing.id, road) AS g WHERE g.status NOT IN ('met', 'waived', 'not applicable');
    END IF;
    IF unmet IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('gate_unmet', format('release "%s" does not pass the gates to %s', release, to_state), unmet,
            format('See SELECT * FROM release_mgmt.gate_status WHERE release = %L AND status <> ''met''.', release));
    END IF;
    PERFORM set_config('release_mgmt.transition_note', coalesce(note, ''), true);
    FOREACH next_state IN ARRAY road LOOP
        UPDATE release_mgmt.release AS r SET state = next_state WHERE r.id = advancing.id;
    END LOOP;
    PERFORM set_config('release_mgmt.transition_note', '', true);
END $$;
COMMENT ON PROCEDURE release_mgmt.advance_release(text, text, text) IS
'Moves a release to a state: in one step where its model has that transition, else through the states between on the shortest road forward, passing every gate. All of it or nothing. note: why, kept in release_state_history. Errors: RM002 unknown release, RM003 without the duty release manager or change manager, RM004 no such transition, RM005 unmet criteria, every one listed with what is missing and who can supply it.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.advance_release(text, text, text)');

CREATE VIEW release_mgmt.release_next_state WITH (security_invoker = true) AS
SELECT r.code AS release, r.state, t.to_state, t.forward, coalesce(w.unmet, 0) AS unmet, w.in_the_way
FROM release_mgmt.release AS r
JOIN release_mgmt.model_transition AS t ON t.model_id = r.model_id AND t.from_state = r.state
LEFT JOIN LATERAL (
    SELECT count(*) AS unmet, pg_catalog.string_agg(pg_catalog.format('%s: %s (%s)', g.criterion, release_mgmt_internal.tell_text(r.id, g.missing), g.owner), E'\n' ORDER BY g.own, g.ordinal) AS in_the_way
    FROM release_mgmt_internal.gate_answers(r.id, ARRAY[t.to_state]) AS g
    WHERE g.status NOT IN ('met', 'waived', 'not applicable')) AS w ON t.forward;
COMMENT ON VIEW release_mgmt.release_next_state IS
'Where each release may go now by its model, how many criteria stand in the way, and which: what each misses, and who can supply it. A transition that is not forward passes no gate.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_next_state');
