-- Module release: dependencies between releases. What they ask for is checked at a gate (sql/70_rollout/82_dependency.sql).
--
-- Lock order of a new dependency: the one row of dependency_order, then both releases in the order of their ids. So no two
-- transactions close a circle together, and none is added while a release that it names changes its state.

CREATE TABLE release_mgmt.release_dependency (
    release_id    uuid NOT NULL,
    on_release_id uuid NOT NULL,
    kind          text NOT NULL,
    reason        text,
    CONSTRAINT release_dependency_pkey PRIMARY KEY (release_id, on_release_id),
    CONSTRAINT release_dependency_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_dependency_on_release_id_fkey FOREIGN KEY (on_release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_dependency_kind_check CHECK (kind IN ('requires', 'follows', 'excludes')),
    CONSTRAINT release_dependency_itself_check CHECK (release_id <> on_release_id)
);
COMMENT ON TABLE release_mgmt.release_dependency IS
'On which other releases a release depends before it may be rolled out. Part of the roll-out plan that an approval binds to.';
COMMENT ON COLUMN release_mgmt.release_dependency.kind IS
'requires: the other one is in production, or was closed there; follows: the other one has ended, however; excludes: the two are never rolled out at a time, whichever comes first';
CREATE INDEX release_dependency_on_release_id_idx ON release_mgmt.release_dependency (on_release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_dependency', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_dependency');
SELECT release_mgmt_internal.belongs('release_mgmt.release_dependency', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_dependency');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE', 'release_mgmt.release_dependency');

CREATE TABLE release_mgmt_internal.dependency_order (
    only_row boolean DEFAULT true,
    added    bigint NOT NULL DEFAULT 0,
    CONSTRAINT dependency_order_pkey PRIMARY KEY (only_row),
    CONSTRAINT dependency_order_only_row_check CHECK (only_row)
);
COMMENT ON TABLE release_mgmt_internal.dependency_order IS
'One row, updated by whoever adds a dependency: dependencies are added one transaction after the other, and under repeatable read the later one fails instead of closing a circle with rows that it does not see.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.dependency_order', 'WHERE false');
INSERT INTO release_mgmt_internal.dependency_order DEFAULT VALUES;

-- SECURITY DEFINER in the trigger functions: a rule reads and writes what the caller may not.
CREATE FUNCTION release_mgmt_internal.order_dependency() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a dependency does not change', NULL, 'Delete it, and insert another one.');
    ELSIF TG_OP = 'INSERT' THEN
        UPDATE release_mgmt_internal.dependency_order AS o SET added = o.added + 1;
        IF NOT release_mgmt_internal.sees(NEW.on_release_id, 'release') THEN
            PERFORM release_mgmt_internal.refuse('unknown_code', 'the release that another one would depend on does not exist', NULL,
                'SELECT release_mgmt.release_id(code) gives the id of a release that you see.');
        END IF;
    END IF;
    PERFORM FROM release_mgmt.release AS r
    WHERE r.id = ANY (CASE TG_OP WHEN 'DELETE' THEN ARRAY[OLD.release_id, OLD.on_release_id] ELSE ARRAY[NEW.release_id, NEW.on_release_id] END)
    ORDER BY r.id FOR NO KEY UPDATE;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.order_dependency() IS 'Trigger: takes the locks that a dependency needs, in their order; it names a release that whoever writes sees, and does not change.';
CREATE TRIGGER rm_15_order BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.order_dependency();

CREATE FUNCTION release_mgmt_internal.refuse_circle() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    own_code text := (SELECT r.code FROM release_mgmt.release AS r WHERE r.id = NEW.release_id);
    circle text;
BEGIN
    -- Iterations go level by level, so the first road that is found is a shortest one.
    WITH RECURSIVE road(at, releases, told) AS (
        SELECT NEW.on_release_id, ARRAY[NEW.on_release_id], format('%s %s %s', own_code, NEW.kind, release_mgmt_internal.tell_release(NEW.on_release_id))
        UNION ALL
        SELECT d.on_release_id, o.releases || d.on_release_id, format('%s, which %s %s', o.told, d.kind, release_mgmt_internal.tell_release(d.on_release_id))
        FROM road AS o
        JOIN release_mgmt.release_dependency AS d ON d.release_id = o.at AND d.kind <> 'excludes'
        WHERE d.on_release_id <> ALL (o.releases)
    )
    SELECT o.told INTO circle FROM road AS o WHERE o.at = NEW.release_id LIMIT 1;
    IF circle IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" would depend on itself', own_code), circle || '.',
            'Delete one of these dependencies, or leave this one out.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_circle() IS 'Trigger: no release depends on itself, over however many others; the road is shown, without the codes of releases that whoever writes does not see.';
CREATE TRIGGER rm_50_circle BEFORE INSERT ON release_mgmt.release_dependency
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.kind <> 'excludes') EXECUTE FUNCTION release_mgmt_internal.refuse_circle();

CREATE FUNCTION release_mgmt_internal.dependents_of(release uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT d.release_id FROM release_mgmt.release_dependency AS d WHERE d.on_release_id = dependents_of.release
    UNION
    SELECT d.on_release_id FROM release_mgmt.release_dependency AS d WHERE d.release_id = dependents_of.release AND d.kind = 'excludes';
END;
COMMENT ON FUNCTION release_mgmt_internal.dependents_of(uuid) IS 'The releases whose gate asks for the state of this one.';

CREATE FUNCTION release_mgmt_internal.raise_revision(releases uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM FROM release_mgmt.release AS r WHERE r.id = ANY (releases) ORDER BY r.id FOR NO KEY UPDATE;
    UPDATE release_mgmt.release AS r SET revision = r.revision + 1 WHERE r.id = ANY (releases);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.raise_revision(uuid[]) IS
'Takes the releases, in the order of their ids, and raises their revision: no gate of theirs is passed beside what the transaction does.';

CREATE FUNCTION release_mgmt_internal.touch_dependents() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.raise_revision(ARRAY(SELECT release_mgmt_internal.dependents_of(NEW.id)));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.touch_dependents() IS
'Trigger: a change of a release''s state raises the revision of those that depend on it, so that none passes its gate on a state that is just being left.';
CREATE TRIGGER rm_61_dependents AFTER UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('touch_dependents', 'state');
