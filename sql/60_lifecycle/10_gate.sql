-- Module lifecycle: gates and their criteria, the evaluations, the history of states, the review at the end.

CREATE FUNCTION release_mgmt_internal.touch_release() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_touch_release';
COMMENT ON FUNCTION release_mgmt_internal.touch_release() IS
'Trigger, with the name of the column that leads to the release (its id, or package_id): raises the release''s revision once per transaction, so that a gate never passes on rows it did not see. SECURITY DEFINER: whoever may write beneath a release need not hold UPDATE on it.';

CREATE TABLE release_mgmt.gate_criterion (
    id         uuid DEFAULT release_mgmt.new_id(),
    model_id   uuid NOT NULL,
    to_state   text NOT NULL,
    ordinal    integer NOT NULL,
    name       text NOT NULL,
    check_name text NOT NULL,
    builtin    boolean NOT NULL DEFAULT false,
    CONSTRAINT gate_criterion_pkey PRIMARY KEY (id),
    CONSTRAINT gate_criterion_model_id_to_state_name_key UNIQUE (model_id, to_state, name),
    CONSTRAINT gate_criterion_model_id_to_state_ordinal_key UNIQUE (model_id, to_state, ordinal),
    CONSTRAINT gate_criterion_state_fkey FOREIGN KEY (model_id, to_state) REFERENCES release_mgmt.model_state
);
COMMENT ON TABLE release_mgmt.gate_criterion IS 'The criteria of a model''s gates: what must be met before a release becomes to_state.';
COMMENT ON COLUMN release_mgmt.gate_criterion.check_name IS
'a registered check of the point gate; that of a draft need not exist yet, that of a published model stays registered';
CREATE INDEX gate_criterion_check_name_idx ON release_mgmt.gate_criterion (check_name);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.gate_criterion', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.gate_criterion');
SELECT release_mgmt_internal.is_shared('release_mgmt.gate_criterion', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.gate_criterion');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.gate_criterion');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.gate_criterion
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_model_part();

CREATE TABLE release_mgmt.criterion_evaluation (
    id           uuid DEFAULT release_mgmt.new_id(),
    release_id   uuid NOT NULL,
    gate         text NOT NULL,
    criterion    text NOT NULL,
    met          boolean NOT NULL,
    missing      text,
    owner        text,
    evidence     jsonb,
    evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    names        uuid[] NOT NULL DEFAULT '{}',
    CONSTRAINT criterion_evaluation_pkey PRIMARY KEY (id),
    CONSTRAINT criterion_evaluation_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release
);
COMMENT ON TABLE release_mgmt.criterion_evaluation IS
'Every criterion as it was evaluated when a gate was passed, with its evidence. A row that names other organizations is not for a customer that shares the release; release_mgmt.gate_history tells everybody what concerns them.';
COMMENT ON COLUMN release_mgmt.criterion_evaluation.names IS 'the organizations that missing and evidence name, beside the one that serves the release and authorities; set by a trigger';
CREATE INDEX criterion_evaluation_release_id_idx ON release_mgmt.criterion_evaluation (release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.criterion_evaluation', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.criterion_evaluation');
SELECT release_mgmt_internal.belongs('release_mgmt.criterion_evaluation', 'release_id',
    sees => 'release_mgmt_internal.may_see(release_id, ''served'') OR (release_mgmt_internal.may_see(release_id, ''release'') AND names <@ release_mgmt_internal.seen_ids(''own''))');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.criterion_evaluation');

CREATE FUNCTION release_mgmt_internal.note_names() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    NEW.names := release_mgmt_internal.organizations_in(NEW.release_id, NEW.missing, NEW.evidence);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.note_names() IS 'Trigger: names lists the organizations of which an evaluation tells. SECURITY DEFINER: reads what the caller may not.';
CREATE TRIGGER rm_50_names BEFORE INSERT OR UPDATE ON release_mgmt.criterion_evaluation
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.note_names();

CREATE TABLE release_mgmt.release_state_history (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    person_id  uuid NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT release_state_history_pkey PRIMARY KEY (id),
    CONSTRAINT release_state_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_state_history_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.release_state_history IS 'Every transition of every release: from, to, by whom, when.';
CREATE INDEX release_state_history_release_id_idx ON release_mgmt.release_state_history (release_id, entered_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_state_history', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_state_history');
SELECT release_mgmt_internal.belongs('release_mgmt.release_state_history', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_state_history');

CREATE TABLE release_mgmt.implementation_review (
    release_id uuid,
    conclusion text NOT NULL,
    held_by    uuid,
    held_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT implementation_review_pkey PRIMARY KEY (release_id),
    CONSTRAINT implementation_review_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT implementation_review_held_by_fkey FOREIGN KEY (held_by) REFERENCES release_mgmt.person,
    CONSTRAINT implementation_review_conclusion_check CHECK (conclusion <> '')
);
COMMENT ON TABLE release_mgmt.implementation_review IS 'The post-implementation review (PIR) of a release; held_by and held_at are who writes the row and when.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.implementation_review', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.implementation_review');
SELECT release_mgmt_internal.belongs('release_mgmt.implementation_review', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.implementation_review');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT', 'release_mgmt.implementation_review');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.implementation_review
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.stamp_review() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    NEW.held_by := release_mgmt_internal.acting_person();
    NEW.held_at := now();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.stamp_review() IS 'Trigger: held_by and held_at are who acts and when. SECURITY DEFINER: reads persons.';
CREATE TRIGGER rm_50_stamp BEFORE INSERT ON release_mgmt.implementation_review
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.stamp_review();

-- The tables of the module release that gates look at.
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_package
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.component
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('package_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.planned_ci_change
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.package_signature
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('package_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.design_option
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_customer
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_change
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TRIGGER rm_20_touch BEFORE INSERT OR DELETE ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');
CREATE TRIGGER rm_21_touch BEFORE INSERT OR DELETE ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('on_release_id');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.train_boarding
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER: a check reads what the caller's row security may hide.
CREATE FUNCTION release_mgmt_internal.ask_check(name text, release uuid, point text DEFAULT 'gate') RETURNS release_mgmt.check_result
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_check_ask';
COMMENT ON FUNCTION release_mgmt_internal.ask_check(text, uuid, text) IS
'What the registered check of that name and point (gate or intake) answers for a release or an item, with the latest snapshot. Errors: RM002 no such check, 42883 its function is gone.';
CREATE FUNCTION release_mgmt_internal.ask_approval_part(name text, release uuid, point text DEFAULT 'approval_part') RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_check_ask';
COMMENT ON FUNCTION release_mgmt_internal.ask_approval_part(text, uuid, text) IS
'The canonical text of the named part of what an approval of the release binds to.';

CREATE FUNCTION release_mgmt_internal.release_transition() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_release_transition';
COMMENT ON FUNCTION release_mgmt_internal.release_transition() IS
'Trigger: a release changes its state only as its model says, and forward only through the gate. Errors: RM003 without a duty, RM004 no such transition, RM005 unmet criteria, all listed. SECURITY DEFINER: the checks read what the caller may not.';
CREATE TRIGGER rm_60_transition BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.state IS DISTINCT FROM NEW.state)
EXECUTE FUNCTION release_mgmt_internal.release_transition();

CREATE FUNCTION release_mgmt_internal.gates_ahead(release uuid)
RETURNS TABLE (gate text, gate_ordinal integer, ordinal integer, criterion text, check_name text)
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
    SELECT a.state, s.ordinal, c.ordinal, c.name, c.check_name
    FROM ahead AS a
    JOIN release_mgmt.model_state AS s ON s.model_id = a.model_id AND s.state = a.state
    JOIN release_mgmt.gate_criterion AS c ON c.model_id = a.model_id AND c.to_state = a.state;
END;
COMMENT ON FUNCTION release_mgmt_internal.gates_ahead(uuid) IS 'The criteria of every gate that the release''s main road still has before it. SECURITY DEFINER: reads models for anybody.';

CREATE FUNCTION release_mgmt_internal.tell_check(name text, release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT (c.met, release_mgmt_internal.tell_text(release, c.missing), c.owner, release_mgmt_internal.tell_evidence(release, c.evidence))::release_mgmt.check_result
    FROM release_mgmt_internal.ask_check(name, release) AS c;
END;
COMMENT ON FUNCTION release_mgmt_internal.tell_check(text, uuid) IS 'What the acting person is told of the answer of a check.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.' || f)
FROM unnest(ARRAY['tell_check(text, uuid)', 'tell_text(uuid, text)', 'tell_evidence(uuid, jsonb)']) AS f;

CREATE VIEW release_mgmt.gate_status WITH (security_invoker = true) AS
SELECT r.code AS release, g.gate, g.criterion,
       CASE WHEN c.met THEN 'met' ELSE 'unmet' END AS status, c.missing, c.owner, c.evidence,
       g.gate_ordinal, g.ordinal
FROM release_mgmt.release AS r
CROSS JOIN LATERAL release_mgmt_internal.gates_ahead(r.id) AS g
CROSS JOIN LATERAL release_mgmt_internal.tell_check(g.check_name, r.id) AS c
ORDER BY r.code, g.gate_ordinal, g.ordinal;
COMMENT ON VIEW release_mgmt.gate_status IS
'For each release, every criterion of the gates before it, evaluated now: status met or unmet, what is missing, which duty can supply it, and the evidence. Of a release that customers share, each is told what concerns it.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.gate_status');

-- SECURITY DEFINER: of an evaluation that names others, what concerns whoever reads is told.
CREATE FUNCTION release_mgmt_internal.evaluations_of(release uuid) RETURNS SETOF release_mgmt.criterion_evaluation
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT e.id, e.release_id, e.gate, e.criterion, e.met, release_mgmt_internal.tell_text(e.release_id, e.missing), e.owner,
           release_mgmt_internal.tell_evidence(e.release_id, e.evidence), e.evaluated_at, '{}'::uuid[]
    FROM release_mgmt.criterion_evaluation AS e WHERE e.release_id = evaluations_of.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.evaluations_of(uuid) IS 'The evaluations of a release as the acting person is told them.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.evaluations_of(uuid)');

CREATE VIEW release_mgmt.gate_history WITH (security_invoker = true) AS
SELECT r.code AS release, e.gate, e.criterion, e.met, e.missing, e.owner, e.evidence, e.evaluated_at
FROM release_mgmt.release AS r CROSS JOIN LATERAL release_mgmt_internal.evaluations_of(r.id) AS e;
COMMENT ON VIEW release_mgmt.gate_history IS
'Every criterion of every gate that a release passed, as it was evaluated then. Of a release that customers share, each is told what concerns it; what was left out is counted (left_out).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.gate_history');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.gates_ahead(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.ask_check(text, uuid, text)');
