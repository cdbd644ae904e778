-- Module lifecycle: gates and their criteria, the evaluations, the history of states, the review at the end.
-- sql/60_lifecycle/22_answer.sql says how a criterion is evaluated.

CREATE FUNCTION release_mgmt_internal.touch_release() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_touch_release';
COMMENT ON FUNCTION release_mgmt_internal.touch_release() IS
'Trigger, with the name of the column that leads to the release (its id, or package_id): raises the release''s revision once per transaction, so that a gate never passes on rows it did not see. SECURITY DEFINER: whoever may write beneath a release need not hold UPDATE on it.';

CREATE FUNCTION release_mgmt_internal.touch_row(id uuid, named text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_touch_row';
COMMENT ON FUNCTION release_mgmt_internal.touch_row(uuid, text) IS
'What touch_release() does for a row whose column of that name has this id: called before the row is locked, so that the release always comes first. SECURITY DEFINER: as there.';

CREATE TABLE release_mgmt.gate_criterion (
    id         uuid DEFAULT release_mgmt.new_id(),
    model_id   uuid NOT NULL,
    to_state   text NOT NULL,
    ordinal    integer NOT NULL,
    name       text NOT NULL,
    check_name text,
    builtin    boolean NOT NULL DEFAULT false,
    kind       text NOT NULL DEFAULT 'check',
    predicate  text,
    author_id  uuid,
    comparison text,
    threshold  numeric,
    unit       text,
    duty       text,
    waivable   boolean NOT NULL DEFAULT true,
    CONSTRAINT gate_criterion_pkey PRIMARY KEY (id),
    CONSTRAINT gate_criterion_model_id_to_state_name_key UNIQUE (model_id, to_state, name),
    CONSTRAINT gate_criterion_model_id_to_state_ordinal_key UNIQUE (model_id, to_state, ordinal),
    CONSTRAINT gate_criterion_state_fkey FOREIGN KEY (model_id, to_state) REFERENCES release_mgmt.model_state,
    CONSTRAINT gate_criterion_author_id_fkey FOREIGN KEY (author_id) REFERENCES release_mgmt.person,
    CONSTRAINT gate_criterion_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT gate_criterion_comparison_check CHECK (comparison IN ('<', '<=', '=', '>=', '>')),
    CONSTRAINT gate_criterion_threshold_check CHECK (threshold NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT gate_criterion_kind_check CHECK (CASE kind
        WHEN 'check' THEN check_name IS NOT NULL AND num_nonnulls(predicate, author_id, comparison, threshold, unit) = 0
        WHEN 'predicate' THEN predicate <> '' AND num_nonnulls(predicate, author_id) = 2 AND num_nonnulls(check_name, comparison, threshold, unit) = 0
        WHEN 'measure' THEN unit <> '' AND num_nonnulls(comparison, threshold, unit, duty) = 4 AND num_nonnulls(check_name, predicate, author_id) = 0
        ELSE false END)
);
COMMENT ON TABLE release_mgmt.gate_criterion IS
'The criteria of a model''s gates: what must be met before a release becomes to_state. Of three kinds: a registered check; a predicate, an SQL expression that runs as its author; a measure, a number that somebody records and that is held against a threshold.';
COMMENT ON COLUMN release_mgmt.gate_criterion.check_name IS
'a registered check of the point gate; that of a draft need not exist yet, that of a published model stays registered';
COMMENT ON COLUMN release_mgmt.gate_criterion.predicate IS 'an SQL expression, or a SELECT of one value, of type boolean; $1 is the release''s id';
COMMENT ON COLUMN release_mgmt.gate_criterion.author_id IS 'who wrote the predicate, with whose rights it runs; filled in';
COMMENT ON COLUMN release_mgmt.gate_criterion.comparison IS 'a measured value is met where "value comparison threshold" holds, in the unit';
COMMENT ON COLUMN release_mgmt.gate_criterion.duty IS 'who records the measure; for a predicate who can supply what is missing, where not the release manager; a check says so itself';
COMMENT ON COLUMN release_mgmt.gate_criterion.waivable IS 'false: nobody can waive it for a release, or say that it does not apply';
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
    status       text NOT NULL,
    digest       release_mgmt.digest NOT NULL,
    missing      text,
    owner        text,
    evidence     jsonb,
    evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    names        uuid[] NOT NULL DEFAULT '{}',
    CONSTRAINT criterion_evaluation_pkey PRIMARY KEY (id),
    CONSTRAINT criterion_evaluation_status_check CHECK (status IN ('met', 'unmet', 'waived', 'not yet agreed', 'not applicable')),
    CONSTRAINT criterion_evaluation_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release
);
COMMENT ON TABLE release_mgmt.criterion_evaluation IS
'Every criterion as it was evaluated when a gate was passed, or evaluate_gate() was called, with its evidence. A row that names other organizations is not for a customer that shares the release; release_mgmt.gate_history tells everybody what concerns them.';
COMMENT ON COLUMN release_mgmt.criterion_evaluation.names IS 'the organizations that missing and evidence name, beside the one that serves the release and authorities; set by a trigger';
COMMENT ON COLUMN release_mgmt.criterion_evaluation.digest IS 'of the criterion, as it was then';
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
    duty       text,
    note       text,
    CONSTRAINT release_state_history_pkey PRIMARY KEY (id),
    CONSTRAINT release_state_history_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_state_history_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person,
    CONSTRAINT release_state_history_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty
);
COMMENT ON TABLE release_mgmt.release_state_history IS
'Every transition of every release: from, to, by whom, with which duty, when, and the note given. release_state_period shows how long each state lasted.';
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
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('release_transition', 'state');

CREATE FUNCTION release_mgmt_internal.tell_check(name text, release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT (c.met, release_mgmt_internal.tell_text(release, c.missing), c.owner, release_mgmt_internal.tell_evidence(release, c.evidence))::release_mgmt.check_result
    FROM release_mgmt_internal.ask_check(name, release) AS c;
END;
COMMENT ON FUNCTION release_mgmt_internal.tell_check(text, uuid) IS 'What the acting person is told of the answer of a check.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.' || f)
FROM unnest(ARRAY['tell_check(text, uuid)', 'tell_text(uuid, text)', 'tell_evidence(uuid, jsonb)', 'is_told_everything(uuid)']) AS f;

-- SECURITY DEFINER: of an evaluation that names others, what concerns whoever reads is told.
CREATE FUNCTION release_mgmt_internal.evaluations_of(release uuid) RETURNS SETOF release_mgmt.criterion_evaluation
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT e.id, e.release_id, e.gate, e.criterion, e.met, e.status, e.digest, release_mgmt_internal.tell_text(e.release_id, e.missing), e.owner,
           release_mgmt_internal.tell_evidence(e.release_id, e.evidence), e.evaluated_at, '{}'::uuid[]
    FROM release_mgmt.criterion_evaluation AS e WHERE e.release_id = evaluations_of.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.evaluations_of(uuid) IS 'The evaluations of a release as the acting person is told them.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.evaluations_of(uuid)');

CREATE VIEW release_mgmt.gate_history WITH (security_invoker = true) AS
SELECT r.code AS release, e.gate, e.criterion, e.met, e.status, e.missing, e.owner, e.evidence, e.evaluated_at
FROM release_mgmt.release AS r CROSS JOIN LATERAL release_mgmt_internal.evaluations_of(r.id) AS e;
COMMENT ON VIEW release_mgmt.gate_history IS
'Every criterion of every gate that a release passed, as it was evaluated then, and what evaluate_gate() found. Of a release that customers share, each is told what concerns it; what was left out is counted (left_out).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.gate_history');

CREATE VIEW release_mgmt.release_state_period WITH (security_invoker = true) AS
SELECT r.code AS release, h.to_state AS state, h.entered_at, lead(h.entered_at) OVER w AS left_at,
       coalesce(lead(h.entered_at) OVER w, CASE WHEN s.kind <> 'ended' THEN clock_timestamp() END) - h.entered_at AS duration,
       h.from_state, p.code AS entered_by, h.duty, h.note
FROM release_mgmt.release AS r
JOIN (SELECT x.release_id, x.id, x.from_state, x.to_state, x.person_id, x.entered_at, x.duty, x.note FROM release_mgmt.release_state_history AS x
      UNION ALL
      SELECT b.id, NULL, NULL, 'draft', b.requested_by, b.created_at, NULL, NULL FROM release_mgmt.release AS b) AS h ON h.release_id = r.id
LEFT JOIN release_mgmt.person AS p ON p.id = h.person_id
LEFT JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = h.to_state
WINDOW w AS (PARTITION BY r.id ORDER BY h.entered_at, h.id NULLS FIRST);
COMMENT ON VIEW release_mgmt.release_state_period IS
'Each state that each release was in, from draft on: since when, until when (NULL: still), how long (until now, where it is still in it; NULL for a state that ends it), who entered it, with which duty, and the note.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_state_period');

SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.ask_check(text, uuid, text)');
