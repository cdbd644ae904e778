-- Module lifecycle: what makes a release model fit to be published, and the verbs that publish and revise one.
--
-- SECURITY DEFINER: a fault is told to whoever may read models, whose checks they may not call; what is published is written
-- by the verb alone.

CREATE FUNCTION release_mgmt_internal.model_faults(model uuid) RETURNS TABLE (fault text)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE state AS MATERIALIZED (
        SELECT s.state, s.kind, s.ordinal FROM release_mgmt.model_state AS s WHERE s.model_id = model_faults.model
    ), edge AS MATERIALIZED (
        SELECT t.from_state, a.kind AS from_kind, t.to_state, b.kind AS to_kind, t.forward,
               t.forward AND EXISTS (SELECT FROM release_mgmt.gate_criterion AS c WHERE c.model_id = t.model_id AND c.to_state = t.to_state) AS gated
        FROM release_mgmt.model_transition AS t JOIN state AS a ON a.state = t.from_state JOIN state AS b ON b.state = t.to_state
        WHERE t.model_id = model_faults.model
    ), reached(state) AS (
        SELECT s.state FROM state AS s WHERE s.state = 'draft'
        UNION
        SELECT e.to_state FROM reached AS r JOIN edge AS e ON e.from_state = r.state
    ), ending(state) AS (
        SELECT s.state FROM state AS s WHERE s.kind = 'ended'
        UNION
        SELECT e.from_state FROM ending AS r JOIN edge AS e ON e.to_state = r.state
    ), unexamined(state) AS (
        -- Where a release can be that passed no gate into production: the states of planning, and what follows them without one.
        SELECT s.state FROM state AS s WHERE s.kind = 'planning'
        UNION
        SELECT e.to_state FROM unexamined AS r JOIN edge AS e ON e.from_state = r.state WHERE NOT e.gated AND e.to_kind = 'halted'
    ), road(from_state, to_state) AS (
        SELECT e.from_state, e.to_state FROM edge AS e WHERE e.forward
        UNION
        SELECT r.from_state, e.to_state FROM road AS r JOIN edge AS e ON e.from_state = r.to_state AND e.forward
    ), criterion AS MATERIALIZED (
        SELECT c.to_state, c.name, c.kind, c.check_name, c.predicate, c.author_id FROM release_mgmt.gate_criterion AS c WHERE c.model_id = model_faults.model
    ), found(place, fault) AS (
        SELECT 1, 'there is no state "draft", with which every release begins' WHERE NOT EXISTS (SELECT FROM state AS s WHERE s.state = 'draft')
        UNION ALL
        SELECT 2, pg_catalog.format('draft is of kind %s, not planning', s.kind) FROM state AS s WHERE s.state = 'draft' AND s.kind <> 'planning'
        UNION ALL
        SELECT 3, 'no state is of kind ended' WHERE NOT EXISTS (SELECT FROM state AS s WHERE s.kind = 'ended')
        UNION ALL
        SELECT 4, pg_catalog.format('%s can not be reached from draft', s.state)
        FROM state AS s
        WHERE EXISTS (SELECT FROM state AS d WHERE d.state = 'draft') AND NOT EXISTS (SELECT FROM reached AS r WHERE r.state = s.state)
        UNION ALL
        SELECT 5, pg_catalog.format('from %s no way leads to an end', s.state)
        FROM state AS s
        WHERE EXISTS (SELECT FROM state AS d WHERE d.kind = 'ended') AND NOT EXISTS (SELECT FROM ending AS r WHERE r.state = s.state)
        UNION ALL
        SELECT 6, pg_catalog.format('%s has ended, and goes on to %s', e.from_state, e.to_state) FROM edge AS e WHERE e.from_kind = 'ended'
        UNION ALL
        SELECT 7, pg_catalog.format('%s leads to itself', e.from_state) FROM edge AS e WHERE e.from_state = e.to_state
        UNION ALL
        SELECT 8, 'forward transitions lead in a circle: ' || pg_catalog.string_agg(s.state, ', ' ORDER BY s.ordinal)
        FROM state AS s
        WHERE EXISTS (SELECT FROM road AS r WHERE r.from_state = s.state AND r.to_state = s.state)
          AND NOT EXISTS (SELECT FROM edge AS e WHERE e.from_state = s.state AND e.to_state = s.state)
        HAVING count(*) > 0
        UNION ALL
        SELECT 9, pg_catalog.format('the gate from %s to %s has no criterion', e.from_state, e.to_state)
        FROM edge AS e WHERE e.forward AND NOT e.gated AND e.to_kind IN ('deploying', 'deployed', 'ended')
        UNION ALL
        SELECT 10, pg_catalog.format('%s to %s leads into production past every gate', e.from_state, e.to_state)
        FROM edge AS e
        WHERE NOT e.forward AND e.to_kind IN ('deploying', 'deployed') AND EXISTS (SELECT FROM unexamined AS u WHERE u.state = e.from_state)
        UNION ALL
        SELECT 11, pg_catalog.format('%s to %s ends what is in production past every gate', e.from_state, e.to_state)
        FROM edge AS e WHERE NOT e.forward AND e.to_kind = 'ended' AND e.from_kind IN ('deploying', 'deployed')
        UNION ALL
        SELECT 12, pg_catalog.format('criterion "%s" is never asked, since no forward transition leads to %s', c.name, c.to_state)
        FROM criterion AS c WHERE NOT EXISTS (SELECT FROM edge AS e WHERE e.forward AND e.to_state = c.to_state)
        UNION ALL
        SELECT 13, pg_catalog.format('the gate to %s asks "%s" %s times', c.to_state, c.check_name, count(*))
        FROM criterion AS c WHERE c.kind = 'check' GROUP BY c.to_state, c.check_name HAVING count(*) > 1
        UNION ALL
        SELECT 14, pg_catalog.format('criterion "%s" of the gate to %s %s', c.name, c.to_state, f.fault)
        FROM criterion AS c CROSS JOIN LATERAL release_mgmt_internal.criterion_faults(c.kind, c.check_name, c.predicate, c.author_id) AS f
    )
    SELECT f.fault FROM found AS f ORDER BY f.place, f.fault COLLATE "C";
END;
COMMENT ON FUNCTION release_mgmt_internal.model_faults(uuid) IS
'Everything that makes a model unfit to be published: states that are not reached or have no way to an end, gates that are missing, empty or gone around, criteria that are never or twice asked, whose check is none of a gate, or whose predicate can not be evaluated.';

CREATE VIEW release_mgmt.release_model_fault WITH (security_invoker = true) AS
SELECT m.code AS model, m.version, m.builtin OR m.published_at IS NOT NULL AS published, f.fault
FROM release_mgmt.release_model AS m CROSS JOIN LATERAL release_mgmt_internal.model_faults(m.id) AS f;
COMMENT ON VIEW release_mgmt.release_model_fault IS
'What is wrong with each version of each release model. A draft with a row here is not published; a published one has a row only where a check that it asks is gone.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_model_fault');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.model_faults(uuid)');

CREATE FUNCTION release_mgmt_internal.examine_model() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    faults text;
BEGIN
    IF NEW.published_at IS NULL THEN
        NEW.published_by := NULL;
        RETURN NEW;
    END IF;
    -- The checks that it asks stay registered from here on.
    PERFORM FROM release_mgmt.registered_check AS k
    WHERE k.name IN (SELECT c.check_name FROM release_mgmt.gate_criterion AS c WHERE c.model_id = NEW.id) ORDER BY k.name FOR KEY SHARE;
    SELECT string_agg(f.fault || '.', E'\n' ORDER BY f.place) INTO faults
    FROM ROWS FROM (release_mgmt_internal.model_faults(NEW.id)) WITH ORDINALITY AS f(fault, place);
    IF faults IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release model "%s" version %s can not be published', NEW.code, NEW.version), faults,
            format('Correct its rows in model_state, model_transition and gate_criterion; see SELECT fault FROM release_mgmt.release_model_fault WHERE model = %L.', NEW.code));
    END IF;
    NEW.published_at := now();
    NEW.published_by := release_mgmt_internal.acting_person();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.examine_model() IS 'Trigger: a model with any fault is not published, whoever writes; all of them are listed.';
CREATE TRIGGER rm_60_publish BEFORE UPDATE ON release_mgmt.release_model
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.examine_model();

CREATE FUNCTION release_mgmt_internal.keep_asked_check() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    asking text;
BEGIN
    SELECT string_agg(DISTINCT format('"%s" version %s', m.code, m.version), ', ') INTO asking
    FROM release_mgmt.gate_criterion AS c JOIN release_mgmt.release_model AS m ON m.id = c.model_id
    WHERE c.check_name = OLD.name AND (m.builtin OR m.published_at IS NOT NULL);
    IF asking IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('check "%s" stays registered', OLD.name),
            format('Gates of these models ask it: %s.', asking), 'Another function can answer it: UPDATE function_name.');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_asked_check() IS 'Trigger: a check that a published model asks keeps its name and its point.';
CREATE TRIGGER rm_50_asked BEFORE DELETE OR UPDATE OF name, point ON release_mgmt.registered_check
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_asked_check();

CREATE PROCEDURE release_mgmt.publish_model(model text, version integer DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid;
    draft release_mgmt.release_model;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT release_mgmt_internal.is_beyond_row_security() THEN
        acting := release_mgmt_internal.require_duty('change manager');
    END IF;
    SELECT m.* INTO draft FROM release_mgmt.release_model AS m
    WHERE m.code = model AND m.version = coalesce(publish_model.version, (SELECT max(o.version) FROM release_mgmt.release_model AS o WHERE o.code = model))
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', concat_ws(' ', format('release model "%s"', model), 'version ' || version, 'does not exist'), NULL,
            'Models are the rows of release_mgmt.release_model.');
    END IF;
    IF draft.builtin OR draft.published_at IS NOT NULL THEN
        RETURN;
    END IF;
    IF draft.drafted_by = acting OR acting = ANY (draft.edited_by) THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who wrote release model "%s" version %s can not publish it', draft.code, draft.version),
            CASE WHEN draft.drafted_by = acting THEN format('Role "%s" drafted it.', release_mgmt_internal.acting_role())
                 ELSE format('Role "%s" wrote a state, a transition or a criterion of it.', release_mgmt_internal.acting_role()) END,
            'Another change manager publishes it.');
    END IF;
    UPDATE release_mgmt.release_model AS m SET published_at = now() WHERE m.id = draft.id;
END $$;
COMMENT ON PROCEDURE release_mgmt.publish_model(text, integer) IS
'Publishes a version of a release model, the latest one where none is named: from then on it never changes, and releases may pin it. A published one is left as it is. Errors: RM002 unknown model or version, RM003 without the duty change manager (the extension''s owner needs none), RM008 who drafted it or wrote a part of it, RM015 faults, every one listed.';
SELECT release_mgmt_internal.allow('{change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.publish_model(text, integer)');

CREATE FUNCTION release_mgmt.revise_model(model text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    latest release_mgmt.release_model;
    draft uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT release_mgmt_internal.is_beyond_row_security() THEN
        PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    END IF;
    SELECT m.* INTO latest FROM release_mgmt.release_model AS m WHERE m.code = model ORDER BY m.version DESC LIMIT 1;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release model "%s" does not exist', model), NULL, 'Models are the rows of release_mgmt.release_model.');
    END IF;
    IF NOT latest.builtin AND latest.published_at IS NULL THEN
        RETURN latest.version;
    END IF;
    INSERT INTO release_mgmt.release_model (code, version, description) VALUES (model, latest.version + 1, latest.description) RETURNING id INTO draft;
    INSERT INTO release_mgmt.model_state (model_id, state, ordinal, kind)
    SELECT draft, s.state, s.ordinal, s.kind FROM release_mgmt.model_state AS s WHERE s.model_id = latest.id ORDER BY s.ordinal;
    INSERT INTO release_mgmt.model_transition (model_id, from_state, to_state, forward)
    SELECT draft, t.from_state, t.to_state, t.forward FROM release_mgmt.model_transition AS t WHERE t.model_id = latest.id ORDER BY t.from_state COLLATE "C", t.to_state COLLATE "C";
    INSERT INTO release_mgmt.gate_criterion (model_id, to_state, ordinal, name, kind, check_name, predicate, author_id, comparison, threshold, unit, duty, waivable)
    SELECT draft, c.to_state, c.ordinal, c.name, c.kind, c.check_name, c.predicate, c.author_id, c.comparison, c.threshold, c.unit, c.duty, c.waivable
    FROM release_mgmt.gate_criterion AS c WHERE c.model_id = latest.id ORDER BY c.to_state COLLATE "C", c.ordinal;
    INSERT INTO release_mgmt.approval_quorum (model_id, body, duty, seats, required, signed, lasts)
    SELECT draft, q.body, q.duty, q.seats, q.required, q.signed, q.lasts FROM release_mgmt.approval_quorum AS q WHERE q.model_id = latest.id ORDER BY q.body COLLATE "C";
    RETURN latest.version + 1;
END $$;
COMMENT ON FUNCTION release_mgmt.revise_model(text) IS
'Begins the next version of a release model, a draft with the states, transitions, criteria and quorum of the latest one, and returns its number; where the latest is a draft already, that one''s. Releases keep the version that they pin. Errors: RM002 unknown model, RM003 without the duty release manager or change manager.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.revise_model(text)');

CREATE FUNCTION release_mgmt_internal.require_gate_for() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    releases uuid[] := ARRAY[NEW.release_id];
    deaf text;
BEGIN
    IF to_jsonb(NEW) ->> 'kind' = 'excludes' THEN
        releases := releases || (to_jsonb(NEW) ->> 'on_release_id')::uuid;
    END IF;
    SELECT string_agg(format('model "%s" version %s of release "%s"', m.code, m.version, r.code), '; ' ORDER BY r.code) INTO deaf
    FROM release_mgmt.release AS r JOIN release_mgmt.release_model AS m ON m.id = r.model_id
    WHERE r.id = ANY (releases)
      AND NOT EXISTS (SELECT FROM release_mgmt.gate_criterion AS c WHERE c.model_id = m.id AND c.check_name = TG_ARGV[0]);
    IF deaf IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no gate asks "%s", so nothing would hold the release', TG_ARGV[0]), format('Not asked by %s.', deaf),
            'Choose a model whose gate into production has that criterion, or revise the model.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_gate_for() IS
'Trigger with the name of a check: a dependency, or a boarding, is stated only for a release whose model has a gate that asks for it.';
CREATE TRIGGER rm_52_asked BEFORE INSERT ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.require_gate_for('dependencies_met');
CREATE TRIGGER rm_52_asked BEFORE INSERT ON release_mgmt.train_boarding
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.require_gate_for('train_caught');

CREATE FUNCTION release_mgmt_internal.keep_asked() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    unasked text;
BEGIN
    -- Whoever states one locks the release first, so none comes between.
    SELECT string_agg(n.what, '; ' ORDER BY n.check_name) INTO unasked
    FROM (SELECT 'dependencies_met' AS check_name, 'dependencies (no gate asks "dependencies_met")' AS what
          WHERE EXISTS (SELECT FROM release_mgmt.release_dependency AS d
                        WHERE d.release_id = NEW.id OR (d.on_release_id = NEW.id AND d.kind = 'excludes'))
          UNION ALL
          SELECT 'train_caught', 'a train (no gate asks "train_caught")'
          WHERE EXISTS (SELECT FROM release_mgmt.train_boarding AS b WHERE b.release_id = NEW.id AND b.left_at IS NULL)) AS n
    WHERE NOT EXISTS (SELECT FROM release_mgmt.gate_criterion AS c WHERE c.model_id = NEW.model_id AND c.check_name = n.check_name);
    IF unasked IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" can not follow this model', NEW.code),
            format('Nothing would hold it any more, though it has %s.', unasked),
            'Choose a model whose gate into production has that criterion, or delete the dependencies and leave the train first.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_asked() IS
'Trigger: a draft that has dependencies or travels with a train does not change to a model whose gates do not ask for them. SECURITY DEFINER: reads what the caller may not.';
CREATE TRIGGER rm_52_asked BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('keep_asked', 'model_id');
