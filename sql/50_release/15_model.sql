-- Module release: release models. A published version never changes; sql/60_lifecycle/15_model.sql says what is fit to be published.

CREATE TABLE release_mgmt.release_model (
    id           uuid DEFAULT release_mgmt.new_id(),
    code         text NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    description  text NOT NULL,
    builtin      boolean NOT NULL DEFAULT false,
    drafted_by   uuid,
    edited_at    timestamptz,
    edited_by    uuid[] NOT NULL DEFAULT '{}',
    published_by uuid,
    published_at timestamptz,
    CONSTRAINT release_model_pkey PRIMARY KEY (id),
    CONSTRAINT release_model_code_version_key UNIQUE (code, version),
    CONSTRAINT release_model_version_check CHECK (version > 0),
    CONSTRAINT release_model_code_check CHECK (code <> ''),
    CONSTRAINT release_model_drafted_by_fkey FOREIGN KEY (drafted_by) REFERENCES release_mgmt.person,
    CONSTRAINT release_model_published_by_fkey FOREIGN KEY (published_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.release_model IS
'Versioned release models: states, transitions, gates. A version is a draft until publish_model() finds it free of faults; then it never changes, and releases may pin it. Shipped ones are published.';
COMMENT ON COLUMN release_mgmt.release_model.drafted_by IS 'who inserted the row; another person publishes it';
COMMENT ON COLUMN release_mgmt.release_model.edited_by IS 'the persons who wrote a state, transition or criterion of it; none of them publishes it either';
COMMENT ON COLUMN release_mgmt.release_model.edited_at IS 'when a state, transition or criterion of the draft was last written, so that a publication never passes rows it did not see';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_model', 'WHERE NOT builtin');
INSERT INTO release_mgmt.release_model (id, code, version, description, builtin) VALUES
    ('019ac000-0002-7000-8000-000000000001', 'standard', 1, 'A planned release with pilot, phased roll-out and early life support.', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.release_model');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_model', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_model');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, DELETE, UPDATE (description)', 'release_mgmt.release_model');

-- SECURITY DEFINER in the trigger functions of this module: a rule reads and writes what the caller may not.
CREATE FUNCTION release_mgmt_internal.keep_release_model() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    next_version integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT coalesce(max(m.version), 0) + 1 INTO next_version FROM release_mgmt.release_model AS m WHERE m.code = NEW.code;
        IF NEW.version <> next_version THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release model "%s" can not have a version %s', NEW.code, NEW.version),
                format('Its next version is %s.', next_version), 'Versions follow one another; revise_model() begins the next one.');
        END IF;
        NEW.builtin := false;
        NEW.drafted_by := release_mgmt_internal.acting_person();
        NEW.edited_at := now();
        NEW.edited_by := '{}';
        NEW.published_by := NULL;
        NEW.published_at := NULL;
        RETURN NEW;
    END IF;
    IF OLD.builtin OR OLD.published_at IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('release model "%s" version %s is published', OLD.code, OLD.version), NULL,
            format('Begin a new version with revise_model(%L).', OLD.code));
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.builtin := false;
    IF (NEW.id, NEW.code, NEW.version, NEW.drafted_by) IS DISTINCT FROM (OLD.id, OLD.code, OLD.version, OLD.drafted_by) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the name of release model "%s" version %s, and who drafted it, do not change', OLD.code, OLD.version), NULL,
            'Delete the draft, and insert another one.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_release_model() IS 'Trigger: versions follow one another, and a published one never changes.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_model
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_release_model();

CREATE FUNCTION release_mgmt_internal.keep_model_part() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    models uuid[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.model_id] WHEN 'DELETE' THEN ARRAY[OLD.model_id] ELSE ARRAY[OLD.model_id, NEW.model_id] END;
    fixed release_mgmt.release_model;
BEGIN
    -- Who publishes takes the same lock, so a draft is not published while a part of it is being written.
    PERFORM FROM release_mgmt.release_model AS m WHERE m.id = ANY (models) ORDER BY m.id FOR NO KEY UPDATE;
    SELECT m.* INTO fixed FROM release_mgmt.release_model AS m WHERE m.id = ANY (models) AND (m.builtin OR m.published_at IS NOT NULL) LIMIT 1;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('release model "%s" version %s is published', fixed.code, fixed.version), NULL,
            format('Begin a new version with revise_model(%L).', fixed.code));
    END IF;
    -- Once in a transaction: a publication under repeatable read then fails instead of passing what it does not see.
    UPDATE release_mgmt.release_model AS m
    SET edited_at = now(), edited_by = CASE WHEN acting IS NULL OR acting = ANY (m.edited_by) THEN m.edited_by ELSE m.edited_by || acting END
    WHERE m.id = ANY (models) AND (m.edited_at IS DISTINCT FROM now() OR acting <> ALL (m.edited_by));
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.builtin := false;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_model_part() IS 'Trigger on what has a model_id: the states, transitions and criteria of a published model do not change.';

CREATE TABLE release_mgmt.model_state (
    model_id uuid NOT NULL,
    state    text NOT NULL,
    ordinal  integer NOT NULL,
    kind     text NOT NULL,
    builtin  boolean NOT NULL DEFAULT false,
    CONSTRAINT model_state_pkey PRIMARY KEY (model_id, state),
    CONSTRAINT model_state_model_id_ordinal_key UNIQUE (model_id, ordinal),
    CONSTRAINT model_state_model_id_fkey FOREIGN KEY (model_id) REFERENCES release_mgmt.release_model,
    CONSTRAINT model_state_kind_check CHECK (kind IN ('planning', 'deploying', 'deployed', 'halted', 'ended'))
);
COMMENT ON TABLE release_mgmt.model_state IS 'The states of a model, in the order of the main road; halted and ended states stand beside it.';
COMMENT ON COLUMN release_mgmt.model_state.kind IS
'planning: nothing is deployed; deploying: planned CI changes pass the guard; deployed: on its targets; halted: off the road, may come back; ended: no way out';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.model_state', 'WHERE NOT builtin');
INSERT INTO release_mgmt.model_state (model_id, state, ordinal, kind, builtin)
SELECT '019ac000-0002-7000-8000-000000000001', s.state, s.ordinal, s.kind, true
FROM (VALUES ('draft', 1, 'planning'), ('planned', 2, 'planning'), ('built', 3, 'planning'), ('sealed', 4, 'planning'),
             ('testing', 5, 'planning'), ('accepted', 6, 'planning'), ('authorized', 7, 'planning'), ('pilot', 8, 'deploying'),
             ('deploying', 9, 'deploying'), ('early_life', 10, 'deployed'), ('review', 11, 'deployed'), ('closed', 12, 'ended'),
             ('on_hold', 13, 'halted'), ('rejected', 14, 'ended'), ('cancelled', 15, 'ended'), ('backing_out', 16, 'deploying'),
             ('backed_out', 17, 'ended'), ('failed', 18, 'halted')) AS s(state, ordinal, kind);
SELECT release_mgmt_internal.govern_own('release_mgmt.model_state');
SELECT release_mgmt_internal.is_shared('release_mgmt.model_state', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.model_state');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.model_state');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.model_state
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_model_part();

CREATE TABLE release_mgmt.model_transition (
    model_id   uuid NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    forward    boolean NOT NULL,
    builtin    boolean NOT NULL DEFAULT false,
    CONSTRAINT model_transition_pkey PRIMARY KEY (model_id, from_state, to_state),
    CONSTRAINT model_transition_from_fkey FOREIGN KEY (model_id, from_state) REFERENCES release_mgmt.model_state,
    CONSTRAINT model_transition_to_fkey FOREIGN KEY (model_id, to_state) REFERENCES release_mgmt.model_state
);
COMMENT ON TABLE release_mgmt.model_transition IS
'The legal transitions of a model. A forward one passes the gate of its to_state; the others (hold, cancel, back to planned) have none.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.model_transition', 'WHERE NOT builtin');
INSERT INTO release_mgmt.model_transition (model_id, from_state, to_state, forward, builtin)
SELECT '019ac000-0002-7000-8000-000000000001', t.from_state, t.to_state, t.forward, true
FROM (SELECT a.state, b.state, true
      FROM release_mgmt.model_state AS a JOIN release_mgmt.model_state AS b ON b.ordinal = a.ordinal + 1 WHERE b.ordinal <= 12
      UNION ALL
      VALUES ('planned', 'draft', false), ('built', 'planned', false), ('sealed', 'planned', false), ('testing', 'planned', false),
             ('accepted', 'planned', false), ('authorized', 'planned', false), ('on_hold', 'planned', false),
             ('draft', 'cancelled', false), ('planned', 'cancelled', false), ('built', 'cancelled', false), ('sealed', 'cancelled', false),
             ('testing', 'cancelled', false), ('accepted', 'cancelled', false), ('authorized', 'cancelled', false),
             ('on_hold', 'cancelled', false), ('planned', 'on_hold', false), ('built', 'on_hold', false), ('sealed', 'on_hold', false),
             ('testing', 'on_hold', false), ('accepted', 'on_hold', false), ('authorized', 'on_hold', false),
             ('testing', 'rejected', false), ('accepted', 'rejected', false),
             ('pilot', 'failed', false), ('deploying', 'failed', false), ('early_life', 'failed', false),
             ('pilot', 'backing_out', false), ('deploying', 'backing_out', false), ('early_life', 'backing_out', false),
             ('failed', 'backing_out', false), ('backing_out', 'backed_out', true)) AS t(from_state, to_state, forward);
SELECT release_mgmt_internal.govern_own('release_mgmt.model_transition');
SELECT release_mgmt_internal.is_shared('release_mgmt.model_transition', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.model_transition');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.model_transition');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.model_transition
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_model_part();
