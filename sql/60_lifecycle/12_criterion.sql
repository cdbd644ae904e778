-- Module lifecycle: the criteria of a release, those of its model and its own, each as canonical text with a digest.

CREATE TABLE release_mgmt.release_criterion (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    to_state   text NOT NULL,
    ordinal    integer NOT NULL,
    name       text NOT NULL,
    kind       text NOT NULL DEFAULT 'check',
    check_name text,
    predicate  text,
    author_id  uuid,
    comparison text,
    threshold  numeric,
    unit       text,
    duty       text,
    waivable   boolean NOT NULL DEFAULT true,
    added_by   uuid,
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT release_criterion_pkey PRIMARY KEY (id),
    CONSTRAINT release_criterion_release_id_to_state_name_key UNIQUE (release_id, to_state, name),
    CONSTRAINT release_criterion_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_criterion_check_name_fkey FOREIGN KEY (check_name) REFERENCES release_mgmt.registered_check,
    CONSTRAINT release_criterion_author_id_fkey FOREIGN KEY (author_id) REFERENCES release_mgmt.person,
    CONSTRAINT release_criterion_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT release_criterion_added_by_fkey FOREIGN KEY (added_by) REFERENCES release_mgmt.person,
    CONSTRAINT release_criterion_name_check CHECK (name <> ''),
    CONSTRAINT release_criterion_comparison_check CHECK (comparison IN ('<', '<=', '=', '>=', '>')),
    CONSTRAINT release_criterion_threshold_check CHECK (threshold NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT release_criterion_kind_check CHECK (CASE kind
        WHEN 'check' THEN check_name IS NOT NULL AND num_nonnulls(predicate, author_id, comparison, threshold, unit) = 0
        WHEN 'predicate' THEN predicate <> '' AND num_nonnulls(predicate, author_id) = 2 AND num_nonnulls(check_name, comparison, threshold, unit) = 0
        WHEN 'measure' THEN unit <> '' AND num_nonnulls(comparison, threshold, unit, duty) = 4 AND num_nonnulls(check_name, predicate, author_id) = 0
        ELSE false END)
);
COMMENT ON TABLE release_mgmt.release_criterion IS
'Criteria of one release beside those of its model, with the same columns as gate_criterion. Written while the release is being planned and the gate is before it; they count once every customer of the release has agreed to them.';
COMMENT ON COLUMN release_mgmt.release_criterion.added_by IS 'filled in, as added_at is: who wrote the row last, and when';
CREATE INDEX release_criterion_check_name_idx ON release_mgmt.release_criterion (check_name);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_criterion', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_criterion');
SELECT release_mgmt_internal.belongs('release_mgmt.release_criterion', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_criterion');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.release_criterion');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_criterion
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER from here on: rules and gates read what the caller may not.
CREATE FUNCTION release_mgmt_internal.evaluate_predicate(predicate text, author name, release uuid) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_evaluate_predicate';
COMMENT ON FUNCTION release_mgmt_internal.evaluate_predicate(text, name, uuid) IS
'NULL where the predicate holds for the release, otherwise why not: it does not hold, took too long, or failed. Runs as the author''s role, in a read-only transaction that is rolled back. Without a release it is only parsed.';

CREATE FUNCTION release_mgmt_internal.criterion_faults(kind text, check_name text, predicate text, author uuid) RETURNS TABLE (fault text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT format('asks "%s", which is a check at the point %s', check_name, k.point)
    FROM release_mgmt.registered_check AS k WHERE k.name = check_name AND kind = 'check' AND k.point <> 'gate'
    UNION ALL
    SELECT format('asks "%s", which is no registered check', check_name)
    WHERE kind = 'check' AND NOT EXISTS (SELECT FROM release_mgmt.registered_check AS k WHERE k.name = check_name)
    UNION ALL
    SELECT format('asks "%s", whose function %s(uuid) does not exist', check_name, k.function_name)
    FROM release_mgmt.registered_check AS k
    WHERE k.name = check_name AND kind = 'check' AND k.point = 'gate' AND to_regprocedure(k.function_name || '(uuid)') IS NULL
    UNION ALL
    SELECT 'can not be evaluated: ' || e.failure
    FROM (SELECT release_mgmt_internal.evaluate_predicate(predicate, (SELECT p.role_name FROM release_mgmt.person AS p WHERE p.id = author), NULL) AS failure
          WHERE kind = 'predicate') AS e
    WHERE e.failure IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.criterion_faults(text, text, text, uuid) IS 'What is wrong with a criterion, as the rest of a sentence about it.';

CREATE FUNCTION release_mgmt_internal.stamp_author() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF NEW.kind <> 'predicate' THEN
        NEW.author_id := NULL;
    ELSIF TG_OP = 'UPDATE' AND NEW.predicate = OLD.predicate AND OLD.author_id IS NOT NULL THEN
        NEW.author_id := OLD.author_id;
    ELSIF EXISTS (SELECT FROM release_mgmt.gate_criterion AS c
                  JOIN release_mgmt.release_model AS m ON m.id = c.model_id
                  JOIN release_mgmt.release_model AS n ON n.code = m.code AND n.version > m.version
                  WHERE n.id = (to_jsonb(NEW) ->> 'model_id')::uuid AND c.predicate = NEW.predicate AND c.author_id = NEW.author_id) THEN
        -- Taken over from an earlier version of the model, with its author.
        RETURN NEW;
    ELSE
        NEW.author_id := release_mgmt_internal.acting_person();
        IF NEW.author_id IS NULL THEN
            PERFORM release_mgmt_internal.refuse('duty_missing', format('criterion "%s" has no author', NEW.name),
                format('A predicate runs as the person who wrote it, and role "%s" is none.', release_mgmt_internal.acting_role()),
                'A release manager or change manager writes it.');
        END IF;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.stamp_author() IS
'Trigger: the author of a predicate is who wrote it; the next version of a model keeps those whose text it keeps. Errors: RM003 whoever writes it is no person.';
CREATE TRIGGER rm_45_author BEFORE INSERT OR UPDATE ON release_mgmt.gate_criterion
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.stamp_author();
CREATE TRIGGER rm_45_author BEFORE INSERT OR UPDATE ON release_mgmt.release_criterion
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.stamp_author();

CREATE FUNCTION release_mgmt_internal.gates_ahead(release uuid) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE ahead(model_id, state) AS (
        SELECT r.model_id, t.to_state
        FROM release_mgmt.release AS r
        JOIN release_mgmt.model_transition AS t ON t.model_id = r.model_id AND t.from_state = r.state AND t.forward
        WHERE r.id = gates_ahead.release
        UNION
        SELECT a.model_id, t.to_state
        FROM ahead AS a JOIN release_mgmt.model_transition AS t ON t.model_id = a.model_id AND t.from_state = a.state AND t.forward
    )
    SELECT coalesce(array_agg(a.state), '{}') FROM ahead AS a;
END;
COMMENT ON FUNCTION release_mgmt_internal.gates_ahead(uuid) IS 'The gates that the release''s main road still has before it, each by the state behind it.';

-- PL/pgSQL, which keeps its plan: every gate asks.
CREATE FUNCTION release_mgmt_internal.criteria_of(release uuid)
RETURNS TABLE (gate text, gate_ordinal integer, own boolean, ordinal integer, criterion text, kind text, check_name text, predicate text, author_id uuid,
               comparison text, threshold numeric, unit text, duty text, waivable boolean, added_at timestamptz, to_agree boolean, line text, digest release_mgmt.digest)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 30 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.to_state, s.ordinal, c.own, c.ordinal, c.name, c.kind, c.check_name, c.predicate, c.author_id, c.comparison, c.threshold, c.unit, c.duty, c.waivable,
           c.added_at, c.own OR c.kind <> 'check' OR k.definition IS NOT NULL, t.line, release_mgmt.compute_digest(convert_to(t.line, 'UTF8'))
    FROM release_mgmt.release AS r
    CROSS JOIN LATERAL (
        SELECT g.to_state, false AS own, g.ordinal, g.name, g.kind, g.check_name, g.predicate, g.author_id, g.comparison, g.threshold, g.unit, g.duty, g.waivable, NULL::timestamptz AS added_at
        FROM release_mgmt.gate_criterion AS g WHERE g.model_id = r.model_id
        UNION ALL
        SELECT o.to_state, true, o.ordinal, o.name, o.kind, o.check_name, o.predicate, o.author_id, o.comparison, o.threshold, o.unit, o.duty, o.waivable, o.added_at
        FROM release_mgmt.release_criterion AS o WHERE o.release_id = r.id) AS c
    JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = c.to_state
    LEFT JOIN release_mgmt.registered_check AS k ON k.name = c.check_name
    LEFT JOIN release_mgmt.person AS p ON p.id = c.author_id
    CROSS JOIN LATERAL (SELECT release_mgmt_internal.manifest_line(c.to_state, c.name, c.kind, coalesce(c.check_name, c.predicate, c.comparison),
        coalesce(k.definition::text, p.role_name::text, trim_scale(c.threshold)::text), c.unit, c.duty, CASE WHEN c.waivable THEN 'waivable' ELSE 'not waivable' END) AS line) AS t
    WHERE r.id = criteria_of.release;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.criteria_of(uuid) IS
'The criteria of the gates of a release, those of its model and its own, with the canonical line of each and that line''s SHA-256: gate, name, kind, what is asked, of whom or how much, unit, duty, whether it can be waived. to_agree: it counts only once every customer has agreed to it; what the shipped checks of a model mean is told with them.';

CREATE FUNCTION release_mgmt_internal.keep_release_criterion() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release release_mgmt.release;
    state_kind text;
    ahead text[];
    faults text[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.release_id) IS DISTINCT FROM (OLD.id, OLD.release_id) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('criterion "%s" stays with its release', OLD.name), NULL, 'Insert another one.');
    END IF;
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END;
    SELECT s.kind INTO state_kind FROM release_mgmt.model_state AS s WHERE s.model_id = of_release.model_id AND s.state = of_release.state;
    ahead := release_mgmt_internal.gates_ahead(of_release.id);
    IF state_kind <> 'planning' THEN
        faults := faults || format('the release is %s, and no longer being planned', of_release.state);
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.to_state <> ALL (ahead) OR TG_OP <> 'DELETE' AND NEW.to_state <> ALL (ahead) THEN
        faults := faults || format('the release has no gate to %s before it', CASE WHEN TG_OP <> 'INSERT' AND OLD.to_state <> ALL (ahead) THEN OLD.to_state ELSE NEW.to_state END);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF EXISTS (SELECT FROM release_mgmt.gate_criterion AS g WHERE g.model_id = of_release.model_id AND g.to_state = NEW.to_state AND g.name = NEW.name) THEN
            faults := faults || 'the model has a criterion of that name at that gate'::text;
        END IF;
        SELECT faults || array_agg('it ' || f.fault) INTO faults FROM release_mgmt_internal.criterion_faults(NEW.kind, NEW.check_name, NEW.predicate, NEW.author_id) AS f;
    END IF;
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state',
            format('criterion "%s" of release "%s" can not be %s', CASE TG_OP WHEN 'DELETE' THEN OLD.name ELSE NEW.name END, of_release.code, CASE TG_OP WHEN 'DELETE' THEN 'taken away' ELSE 'written' END),
            (SELECT string_agg(upper(left(f.fault, 1)) || substr(f.fault, 2) || '.', E'\n' ORDER BY f.place) FROM unnest(faults) WITH ORDINALITY AS f(fault, place)), NULL);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.added_by := release_mgmt_internal.acting_person();
    NEW.added_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_release_criterion() IS
'Trigger: a release''s own criterion is written while the release is planned and the gate is before it, and can be evaluated. Errors: RM015, everything that is wrong listed.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_criterion
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_release_criterion();

CREATE FUNCTION release_mgmt_internal.keep_criteria_askable() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    stray text;
BEGIN
    SELECT string_agg(format('"%s" of the gate to %s', c.name, c.to_state), ', ' ORDER BY c.to_state, c.name) INTO stray
    FROM release_mgmt.release_criterion AS c
    WHERE c.release_id = NEW.id
      AND (NOT EXISTS (SELECT FROM release_mgmt.model_transition AS t WHERE t.model_id = NEW.model_id AND t.to_state = c.to_state AND t.forward)
           OR EXISTS (SELECT FROM release_mgmt.gate_criterion AS g WHERE g.model_id = NEW.model_id AND g.to_state = c.to_state AND g.name = c.name));
    IF stray IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has criteria of its own that the other model has no place for', NEW.code),
            format('These have no gate there, or their names are taken: %s.', stray), 'Delete them from release_mgmt.release_criterion, or write them anew.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_criteria_askable() IS 'Trigger: a release with criteria of its own pins no model that would not ask them. Errors: RM015.';
CREATE TRIGGER rm_52_criteria BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('keep_criteria_askable', 'model_id');
