-- Module trace: the emergency brake. Everything captures and nothing refuses, until somebody with the duty ends it.

CREATE TABLE release_mgmt.observation (
    id         uuid DEFAULT release_mgmt.new_id(),
    reason     text NOT NULL,
    table_ids  uuid[] NOT NULL,
    modes      text[] NOT NULL,
    begun_by   uuid NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT now(),
    remark     text,
    ended_by   uuid,
    ended_at   timestamptz,
    CONSTRAINT observation_pkey PRIMARY KEY (id),
    CONSTRAINT observation_begun_by_fkey FOREIGN KEY (begun_by) REFERENCES release_mgmt.person,
    CONSTRAINT observation_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES release_mgmt.person,
    CONSTRAINT observation_reason_check CHECK (btrim(reason) <> ''),
    CONSTRAINT observation_modes_check CHECK (cardinality(table_ids) = cardinality(modes)),
    CONSTRAINT observation_ended_check CHECK ((ended_by IS NULL) = (ended_at IS NULL) AND (remark IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE release_mgmt.observation IS
'When all governed tables were put into mode observe, by whom and why, and when it ended. Written by observe_all() and end_observation().';
COMMENT ON COLUMN release_mgmt.observation.table_ids IS 'governed_table.id of the tables that were in mode warn or enforce, to which they return';
COMMENT ON COLUMN release_mgmt.observation.modes IS 'the modes that they were in, in the same order';
CREATE UNIQUE INDEX observation_open_idx ON release_mgmt.observation ((ended_at IS NULL)) WHERE ended_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.observation', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.observation');
SELECT release_mgmt_internal.is_shared('release_mgmt.observation', 'everybody must know when nothing is refused');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.observation');

-- SECURITY DEFINER in both verbs: modes are the extension's owner's to set.
CREATE FUNCTION release_mgmt.observe_all(reason text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager', 'change manager');
    tables uuid[];
    modes text[];
BEGIN
    PERFORM release_mgmt_internal.require_duty_for_all('release manager', 'change manager');
    IF coalesce(btrim(observe_all.reason), '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'putting everything into mode observe takes a reason', NULL,
            'SELECT release_mgmt.observe_all(''what happened'').');
    END IF;
    -- One at a time; govern() waits.
    LOCK TABLE release_mgmt.governed_table IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM release_mgmt.observation AS o WHERE o.ended_at IS NULL) THEN
        RETURN 0;
    END IF;
    WITH observed AS (
        UPDATE release_mgmt.governed_table AS t SET mode = 'observe'
        FROM release_mgmt.governed_table AS was
        WHERE was.id = t.id AND NOT t.builtin AND t.mode <> 'observe'
        RETURNING t.id, was.mode
    )
    SELECT coalesce(array_agg(o.id ORDER BY o.id), '{}'), coalesce(array_agg(o.mode ORDER BY o.id), '{}') INTO tables, modes FROM observed AS o;
    INSERT INTO release_mgmt.observation (reason, table_ids, modes, begun_by) VALUES (observe_all.reason, tables, modes, acting);
    RETURN cardinality(tables);
END $$;
COMMENT ON FUNCTION release_mgmt.observe_all(text) IS
'For emergencies: puts every table of yours that is governed in mode warn or enforce into mode observe, so that nothing is refused for want of a plan. What
happens is captured as before, and drift() shows it. reason: what happened; it, the person and the time are on record (observation). Returns the number of
tables; 0 where it is so already. end_observation() is the way back. Errors: RM001 inactive, RM003 without the duty release manager or change manager in an
organization that is no customer, RM015 no reason.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.observe_all(text)');

CREATE FUNCTION release_mgmt.end_observation(remark text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager', 'change manager');
    ended release_mgmt.observation;
    restored integer;
BEGIN
    PERFORM release_mgmt_internal.require_duty_for_all('release manager', 'change manager');
    IF end_observation.remark IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'the end of an observation takes a remark', NULL, 'SELECT release_mgmt.end_observation(''how it ended'').');
    END IF;
    LOCK TABLE release_mgmt.governed_table IN SHARE ROW EXCLUSIVE MODE;
    UPDATE release_mgmt.observation AS o SET remark = end_observation.remark, ended_by = acting, ended_at = clock_timestamp()
    WHERE o.ended_at IS NULL
    RETURNING o.* INTO ended;
    UPDATE release_mgmt.governed_table AS t SET mode = m.mode
    FROM unnest(ended.table_ids, ended.modes) AS m (id, mode)
    WHERE t.id = m.id AND t.mode = 'observe' AND EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.source = t.source);
    GET DIAGNOSTICS restored = ROW_COUNT;
    RETURN restored;
END $$;
COMMENT ON FUNCTION release_mgmt.end_observation(text) IS
'Ends what observe_all() began: each table that it put into mode observe, and that still is, returns to its mode, unless its class was unbound meanwhile. remark: how the emergency ended. Returns
the number of tables; 0 where no observation is open. Errors: RM001 inactive, RM003 without the duty release manager or change manager in an organization that is no customer, RM015 no remark.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.end_observation(text)');
