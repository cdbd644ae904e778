-- Module lifecycle: the verb that advances a release, and where it may go.
--
-- SECURITY DEFINER: the checks of the gates read what the caller's row security may hide.

CREATE PROCEDURE release_mgmt.advance_release(release text, to_state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    advancing release_mgmt.release;
    road text[];
    unmet text;
    next_state text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    -- With the releases that the transition touches, in the order of their ids, so that two that exclude each other wait in turn.
    PERFORM FROM release_mgmt.release AS r
    WHERE r.id = release_mgmt.release_id(release) OR r.id IN (SELECT release_mgmt_internal.dependents_of(release_mgmt.release_id(release)))
    ORDER BY r.id FOR NO KEY UPDATE;
    SELECT r.* INTO advancing FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release);
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

    SELECT string_agg(format('%s (gate to %s): %s (%s).', g.criterion, g.gate, coalesce(c.missing, 'no evidence'), coalesce(c.owner, 'release manager')), E'\n'
                      ORDER BY g.gate_ordinal, g.ordinal) INTO unmet
    FROM release_mgmt_internal.gates_ahead(advancing.id) AS g, LATERAL release_mgmt_internal.tell_check(g.check_name, advancing.id) AS c
    WHERE g.gate = ANY (road) AND cardinality(road) > 1 AND c.met IS NOT TRUE;
    IF unmet IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('gate_unmet', format('release "%s" does not pass the gates to %s', release, to_state), unmet,
            format('See SELECT * FROM release_mgmt.gate_status WHERE release = %L AND status <> ''met''.', release));
    END IF;
    FOREACH next_state IN ARRAY road LOOP
        UPDATE release_mgmt.release AS r SET state = next_state WHERE r.id = advancing.id;
    END LOOP;
END $$;
COMMENT ON PROCEDURE release_mgmt.advance_release(text, text) IS
'Moves a release to a state: in one step where its model has that transition, else through the states between on the shortest road forward, passing every gate. All of it or nothing. Errors: RM002 unknown release, RM003 without the duty release manager or change manager, RM004 no such transition, RM005 unmet criteria, every one listed with what is missing and who can supply it.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.advance_release(text, text)');

CREATE VIEW release_mgmt.release_next_state WITH (security_invoker = true) AS
SELECT r.code AS release, r.state, t.to_state, t.forward,
       (SELECT count(*) FROM release_mgmt_internal.gates_ahead(r.id) AS g, LATERAL release_mgmt_internal.ask_check(g.check_name, r.id) AS c
        WHERE t.forward AND g.gate = t.to_state AND c.met IS NOT TRUE) AS unmet
FROM release_mgmt.release AS r
JOIN release_mgmt.model_transition AS t ON t.model_id = r.model_id AND t.from_state = r.state;
COMMENT ON VIEW release_mgmt.release_next_state IS 'Where each release may go now by its model, and how many criteria stand in the way.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_next_state');
