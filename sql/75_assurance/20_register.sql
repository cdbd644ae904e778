-- Module assurance: one register of deviations, risks and issues, and the corrective actions taken.

CREATE TABLE release_mgmt.register_entry (
    id          uuid DEFAULT release_mgmt.new_id(),
    code        text NOT NULL,
    release_id  uuid NOT NULL,
    kind        text NOT NULL,
    description text NOT NULL,
    severity    text NOT NULL DEFAULT 'medium',
    blocking    boolean NOT NULL,
    owner_id    uuid,
    step_id     uuid,
    waiver_id   uuid,
    status      text NOT NULL DEFAULT 'open',
    resolution  text,
    recorded_by uuid,
    recorded_at timestamptz NOT NULL,
    resolved_by uuid,
    resolved_at timestamptz,
    CONSTRAINT register_entry_pkey PRIMARY KEY (id),
    CONSTRAINT register_entry_code_key UNIQUE (code),
    CONSTRAINT register_entry_id_release_id_key UNIQUE (id, release_id),
    CONSTRAINT register_entry_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT register_entry_step_id_key UNIQUE (step_id),
    CONSTRAINT register_entry_step_id_fkey FOREIGN KEY (step_id) REFERENCES release_mgmt.deployment_step,
    CONSTRAINT register_entry_waiver_id_key UNIQUE (waiver_id),
    CONSTRAINT register_entry_waiver_id_fkey FOREIGN KEY (waiver_id) REFERENCES release_mgmt.criterion_exemption,
    CONSTRAINT register_entry_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES release_mgmt.person,
    CONSTRAINT register_entry_recorded_by_fkey FOREIGN KEY (recorded_by) REFERENCES release_mgmt.person,
    CONSTRAINT register_entry_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES release_mgmt.person,
    CONSTRAINT register_entry_kind_check CHECK (kind IN ('deviation', 'risk', 'issue')),
    CONSTRAINT register_entry_severity_check CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT register_entry_status_check CHECK (status IN ('open', 'accepted', 'closed')),
    CONSTRAINT register_entry_description_check CHECK (description <> ''),
    CONSTRAINT register_entry_resolved_check CHECK ((status = 'open') = (resolved_at IS NULL) AND (status = 'open') = (resolution IS NULL) AND resolution <> '')
);
COMMENT ON TABLE release_mgmt.register_entry IS
'The register of a release: deviations (any departure from plan, content or schedule), risks and issues. Entries stay; they are closed after corrective action, or accepted by somebody else than who recorded or owns them or requested the release. The views deviation, risk and issue show one kind each and take inserts.';
COMMENT ON COLUMN release_mgmt.register_entry.code IS 'how people name the entry; where not given, the release''s code, the kind and a number: REL-1/risk-1';
COMMENT ON COLUMN release_mgmt.register_entry.blocking IS 'an open one stops the release at its gates; critical ones always do, high ones where not given otherwise; taken back only by closing or accepting';
COMMENT ON COLUMN release_mgmt.register_entry.owner_id IS 'the person who sees to it; where not given, who records it';
COMMENT ON COLUMN release_mgmt.register_entry.step_id IS 'the failed deployment step that the deviation was found in; NULL where a person announced it';
COMMENT ON COLUMN release_mgmt.register_entry.waiver_id IS 'the waiver by which the deviation is permitted; its corrective action is one of the entry';
COMMENT ON COLUMN release_mgmt.register_entry.resolution IS 'why it was accepted, or how it was closed';
CREATE INDEX register_entry_release_id_idx ON release_mgmt.register_entry (release_id, kind);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.register_entry', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.register_entry');
SELECT release_mgmt_internal.belongs('release_mgmt.register_entry', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.register_entry');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator,customer representative}', 'INSERT', 'release_mgmt.register_entry');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'UPDATE', 'release_mgmt.register_entry');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.register_entry
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.corrective_action (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    entry_id   uuid NOT NULL,
    release_id uuid NOT NULL,
    what       text NOT NULL,
    owner_id   uuid NOT NULL,
    due        date,
    done_at    timestamptz,
    done_by    uuid,
    CONSTRAINT corrective_action_pkey PRIMARY KEY (id),
    CONSTRAINT corrective_action_code_key UNIQUE (code),
    CONSTRAINT corrective_action_entry_id_fkey FOREIGN KEY (entry_id, release_id) REFERENCES release_mgmt.register_entry (id, release_id),
    CONSTRAINT corrective_action_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES release_mgmt.person,
    CONSTRAINT corrective_action_done_by_fkey FOREIGN KEY (done_by) REFERENCES release_mgmt.person,
    CONSTRAINT corrective_action_what_check CHECK (what <> ''),
    CONSTRAINT corrective_action_done_check CHECK ((done_at IS NULL) = (done_by IS NULL))
);
COMMENT ON TABLE release_mgmt.corrective_action IS 'What is done about an entry of the register, by whom, until when; done by complete_corrective_action().';
COMMENT ON COLUMN release_mgmt.corrective_action.code IS 'where not given, the entry''s code and a number: REL-1/risk-1/action-1';
COMMENT ON COLUMN release_mgmt.corrective_action.release_id IS 'of the entry; filled in';
COMMENT ON COLUMN release_mgmt.corrective_action.owner_id IS 'who sees to it; where not given, who records it';
CREATE INDEX corrective_action_entry_id_idx ON release_mgmt.corrective_action (entry_id, release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.corrective_action', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.corrective_action');
SELECT release_mgmt_internal.belongs('release_mgmt.corrective_action', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.corrective_action');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator}', 'INSERT, UPDATE', 'release_mgmt.corrective_action');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.corrective_action
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.keep_register_entry() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    undone text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" stays in the register', OLD.kind, OLD.code), NULL,
            'Close it with release_mgmt.close_entry(), or have it accepted with release_mgmt.accept_entry().');
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- touch_release() holds the release's row, so nobody else counts at the same time.
        NEW.code := coalesce(NEW.code, format('%s/%s-%s', release_mgmt_internal.require_release(NEW.release_id), NEW.kind,
            1 + (SELECT count(*) FROM release_mgmt.register_entry AS e WHERE e.release_id = NEW.release_id AND e.kind = NEW.kind)));
        NEW.blocking := coalesce(NEW.blocking, NEW.severity = 'high') OR NEW.severity = 'critical';
        NEW.owner_id := coalesce(NEW.owner_id, acting);
        NEW.recorded_by := acting;
        NEW.recorded_at := clock_timestamp();
        IF NEW.status <> 'open' THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" can not begin as %s', NEW.kind, NEW.code, NEW.status), NULL,
                'Record it open, then close it or have it accepted.');
        END IF;
        RETURN NEW;
    END IF;

    IF (NEW.code, NEW.release_id, NEW.kind, NEW.step_id, NEW.waiver_id, NEW.recorded_by, NEW.recorded_at)
       IS DISTINCT FROM (OLD.code, OLD.release_id, OLD.kind, OLD.step_id, OLD.waiver_id, OLD.recorded_by, OLD.recorded_at) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('what %s "%s" is, and who recorded it, does not change', OLD.kind, OLD.code), NULL,
            'Record another entry.');
    END IF;
    NEW.blocking := NEW.blocking OR NEW.severity = 'critical';
    IF OLD.blocking AND NOT NEW.blocking THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" stays blocking', OLD.kind, OLD.code), NULL,
            'Do something about it and close it, or have it accepted by somebody else.');
    END IF;
    IF NEW.status = OLD.status THEN
        -- What was accepted, or closed, is what was read then.
        IF OLD.status <> 'open' AND to_jsonb(NEW) <> to_jsonb(OLD) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" is %s already', OLD.kind, OLD.code, OLD.status),
                format('The reason given was: %s.', OLD.resolution), 'Set its status to open first.');
        END IF;
        NEW.resolved_by := OLD.resolved_by;
        NEW.resolved_at := OLD.resolved_at;
        RETURN NEW;
    END IF;
    IF NEW.status = 'open' THEN
        NEW.resolved_by := NULL;
        NEW.resolved_at := NULL;
        NEW.resolution := NULL;
        RETURN NEW;
    END IF;

    IF coalesce(NEW.resolution, '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" is not %s without a reason', OLD.kind, OLD.code, NEW.status), NULL,
            'Say in resolution why it is accepted, or how it was closed.');
    END IF;
    IF NEW.status = 'accepted' THEN
        PERFORM release_mgmt_internal.require_duty('change manager', 'customer representative');
        IF acting IN (OLD.recorded_by, OLD.owner_id, NEW.owner_id)
           OR acting = (SELECT r.requested_by FROM release_mgmt.release AS r WHERE r.id = OLD.release_id) THEN
            PERFORM release_mgmt_internal.refuse('separation_of_duties',
                format('who recorded or owns %s "%s", or requested its release, can not accept it', OLD.kind, OLD.code), NULL,
                'Another change manager or customer representative accepts it.');
        END IF;
    ELSE
        SELECT string_agg(format('"%s" (%s)', a.code, a.what), '; ' ORDER BY a.code) INTO undone
        FROM release_mgmt.corrective_action AS a WHERE a.entry_id = OLD.id AND a.done_at IS NULL;
        IF undone IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" has corrective actions to be done', OLD.kind, OLD.code),
                format('Not done: %s.', undone), 'Report each with CALL release_mgmt.complete_corrective_action(action).');
        END IF;
        IF NEW.blocking AND NOT EXISTS (SELECT FROM release_mgmt.corrective_action AS a WHERE a.entry_id = OLD.id) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s "%s" is blocking, and nothing was done about it', OLD.kind, OLD.code), NULL,
                'Insert into release_mgmt.corrective_action what is done, or have it accepted with release_mgmt.accept_entry().');
        END IF;
    END IF;
    NEW.resolved_by := acting;
    NEW.resolved_at := clock_timestamp();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_register_entry() IS
'Trigger: an entry gets its code, stays, and is closed or accepted only as the register''s rules say. Errors: RM003 without the duty to accept, RM008 accepting one''s own, RM015 anything else against the rules.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.register_entry
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_register_entry();

CREATE FUNCTION release_mgmt_internal.place_corrective_action() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    SELECT e.release_id INTO NEW.release_id FROM release_mgmt.register_entry AS e WHERE e.id = NEW.entry_id;
    IF NEW.release_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', 'a corrective action belongs to an entry of the register', NULL,
            'Give entry_id as release_mgmt.entry_id(code).');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.place_corrective_action() IS 'Trigger: the release of a corrective action is its entry''s. Before touch_release(), which needs it. Errors: RM002.';
CREATE TRIGGER rm_15_place BEFORE INSERT OR UPDATE ON release_mgmt.corrective_action
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.place_corrective_action();

CREATE FUNCTION release_mgmt_internal.keep_corrective_action() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.done_at IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('corrective action "%s" stays as it is', OLD.code),
            CASE WHEN OLD.done_at IS NOT NULL THEN 'It is done.' END, 'Insert another one.');
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.code := coalesce(NEW.code, (SELECT format('%s/action-%s', e.code, 1 + (SELECT count(*) FROM release_mgmt.corrective_action AS a WHERE a.entry_id = e.id))
                                        FROM release_mgmt.register_entry AS e WHERE e.id = NEW.entry_id));
        NEW.owner_id := coalesce(NEW.owner_id, release_mgmt_internal.acting_person());
        IF NEW.done_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('corrective action "%s" can not begin as done', NEW.code), NULL,
                'Insert it, and report it with CALL release_mgmt.complete_corrective_action(action).');
        END IF;
    ELSIF (NEW.code, NEW.entry_id) IS DISTINCT FROM (OLD.code, OLD.entry_id) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('corrective action "%s" stays with its entry', OLD.code), NULL, 'Insert another one.');
    ELSIF NEW.done_at IS NOT NULL THEN
        IF release_mgmt_internal.acting_person() IS DISTINCT FROM OLD.owner_id THEN
            PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager');
        END IF;
        NEW.done_by := release_mgmt_internal.acting_person();
        NEW.done_at := clock_timestamp();
    END IF;
    IF NEW.done_at IS NULL THEN
        NEW.done_by := NULL;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_corrective_action() IS
'Trigger: a corrective action is reported done by its owner or a manager, stamped with who and when, and stands then. Errors: RM003, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.corrective_action
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_corrective_action();

CREATE FUNCTION release_mgmt_internal.record_failed_step() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    INSERT INTO release_mgmt.register_entry (release_id, kind, description, severity, owner_id, step_id)
    SELECT t.release_id, 'deviation',
           format('%s on %s failed (attempt %s, worker %s)%s', replace(NEW.kind, '_', '-'), t.ci, NEW.attempt, NEW.worker,
                  coalesce(': ' || (SELECT string_agg(coalesce(f.value ->> 'file', format('expected %s, found %s', f.value ->> 'expected', f.value ->> 'found')), ', ' ORDER BY f.place)
                                    FROM jsonb_array_elements(NEW.findings) WITH ORDINALITY AS f(value, place) WHERE f.place <= 5), '')
                  || CASE WHEN jsonb_array_length(NEW.findings) > 5 THEN format(' and %s more', jsonb_array_length(NEW.findings) - 5) ELSE '' END),
           'high', r.requested_by, NEW.id
    FROM release_mgmt.target AS t JOIN release_mgmt.release AS r ON r.id = t.release_id
    WHERE t.id = NEW.target_id
    ON CONFLICT (step_id) DO NOTHING;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_failed_step() IS
'Trigger: a deployment step that fails is a deviation from the plan, and enters itself into the register; the release''s requester owns it.';
CREATE TRIGGER rm_95_deviation AFTER INSERT OR UPDATE OF state ON release_mgmt.deployment_step
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.state = 'failed') EXECUTE FUNCTION release_mgmt_internal.record_failed_step();

CREATE VIEW release_mgmt.deviation WITH (security_invoker = true) AS
SELECT e.* FROM release_mgmt.register_entry AS e WHERE e.kind = 'deviation' WITH CHECK OPTION;
ALTER VIEW release_mgmt.deviation ALTER COLUMN kind SET DEFAULT 'deviation';
COMMENT ON VIEW release_mgmt.deviation IS 'The deviations of the register: departures from plan, content or schedule, announced or found. Takes inserts and updates.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.deviation');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator,customer representative}', 'INSERT', 'release_mgmt.deviation');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'UPDATE', 'release_mgmt.deviation');

CREATE VIEW release_mgmt.risk WITH (security_invoker = true) AS
SELECT e.* FROM release_mgmt.register_entry AS e WHERE e.kind = 'risk' WITH CHECK OPTION;
ALTER VIEW release_mgmt.risk ALTER COLUMN kind SET DEFAULT 'risk';
COMMENT ON VIEW release_mgmt.risk IS 'The risks of the register. Takes inserts and updates.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.risk');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator,customer representative}', 'INSERT', 'release_mgmt.risk');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'UPDATE', 'release_mgmt.risk');

CREATE VIEW release_mgmt.issue WITH (security_invoker = true) AS
SELECT e.* FROM release_mgmt.register_entry AS e WHERE e.kind = 'issue' WITH CHECK OPTION;
ALTER VIEW release_mgmt.issue ALTER COLUMN kind SET DEFAULT 'issue';
COMMENT ON VIEW release_mgmt.issue IS 'The issues of the register. Takes inserts and updates.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.issue');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator,customer representative}', 'INSERT', 'release_mgmt.issue');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'UPDATE', 'release_mgmt.issue');

CREATE FUNCTION release_mgmt.entry_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
    of_release uuid;
BEGIN
    SELECT e.id, e.release_id INTO found_id, of_release FROM release_mgmt.register_entry AS e WHERE e.code = entry_id.code;
    IF found_id IS NULL OR NOT release_mgmt_internal.sees(of_release, 'release') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('register entry "%s" does not exist', code), NULL,
            'Entries are the rows of release_mgmt.register_entry: risks, issues and deviations.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.entry_id(text) IS 'The id of the register entry with that code; RM002 if there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.entry_id(text)');

-- SECURITY DEFINER in the verbs: who may do it is the trigger's to say, not the grants'.
CREATE PROCEDURE release_mgmt.accept_entry(entry text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('change manager', 'customer representative');
    PERFORM release_mgmt_internal.require_duty_for(e.release_id, 'change manager', 'customer representative')
    FROM release_mgmt.register_entry AS e WHERE e.id = release_mgmt.entry_id(entry);
    -- The release before the entry, as whoever changes something else beneath it.
    PERFORM FROM release_mgmt.release AS r WHERE r.id = (SELECT e.release_id FROM release_mgmt.register_entry AS e WHERE e.id = release_mgmt.entry_id(entry)) FOR NO KEY UPDATE;
    UPDATE release_mgmt.register_entry AS e SET status = 'accepted', resolution = reason
    WHERE e.id = release_mgmt.entry_id(entry) AND (e.status, e.resolution) IS DISTINCT FROM ('accepted', reason);
END $$;
COMMENT ON PROCEDURE release_mgmt.accept_entry(text, text) IS
'Accepts a risk, issue or deviation as it is, for a reason: it blocks no longer. Errors: RM002 unknown entry, RM003 neither change manager nor customer representative, RM008 who recorded or owns it or requested the release, RM015 no reason.';
SELECT release_mgmt_internal.allow('{change manager,customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.accept_entry(text, text)');

CREATE PROCEDURE release_mgmt.close_entry(entry text, resolution text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager');
    PERFORM release_mgmt_internal.require_duty_for(e.release_id, 'release manager', 'change manager', 'test manager')
    FROM release_mgmt.register_entry AS e WHERE e.id = release_mgmt.entry_id(entry);
    -- The release before the entry, as whoever changes something else beneath it.
    PERFORM FROM release_mgmt.release AS r WHERE r.id = (SELECT e.release_id FROM release_mgmt.register_entry AS e WHERE e.id = release_mgmt.entry_id(entry)) FOR NO KEY UPDATE;
    UPDATE release_mgmt.register_entry AS e SET status = 'closed', resolution = close_entry.resolution
    WHERE e.id = release_mgmt.entry_id(entry) AND (e.status, e.resolution) IS DISTINCT FROM ('closed', close_entry.resolution);
END $$;
COMMENT ON PROCEDURE release_mgmt.close_entry(text, text) IS
'Closes a risk, issue or deviation; resolution says how. Errors: RM002 unknown entry, RM003 without a manager''s duty, RM015 corrective actions not done, or it is blocking and nothing was done.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'EXECUTE', 'PROCEDURE release_mgmt.close_entry(text, text)');

CREATE PROCEDURE release_mgmt.complete_corrective_action(action text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.corrective_action AS a WHERE a.code = action AND release_mgmt_internal.sees(a.release_id, 'release')) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('corrective action "%s" does not exist', action), NULL,
            'Corrective actions are the rows of release_mgmt.corrective_action.');
    END IF;
    UPDATE release_mgmt.corrective_action AS a SET done_at = clock_timestamp() WHERE a.code = action AND a.done_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.complete_corrective_action(text) IS
'Reports a corrective action as done; one that is done already stays as it is. Errors: RM002 unknown action, RM003 neither its owner nor a manager.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.complete_corrective_action(text)');

CREATE FUNCTION release_mgmt_internal.entry_evidence(entry release_mgmt.register_entry) RETURNS jsonb
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('register_entry', entry.code, 'kind', entry.kind, 'severity', entry.severity,
        'waiver', (SELECT x.code FROM release_mgmt.criterion_exemption AS x WHERE x.id = entry.waiver_id),
        'blocking', entry.blocking, 'status', entry.status, 'resolution', entry.resolution,
        'resolved_by', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = entry.resolved_by), 'resolved_at', entry.resolved_at,
        'corrective_actions', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('corrective_action', a.code, 'done_at', a.done_at)) ORDER BY a.code)
                               FROM release_mgmt.corrective_action AS a WHERE a.entry_id = entry.id)));
END;
COMMENT ON FUNCTION release_mgmt_internal.entry_evidence(release_mgmt.register_entry) IS 'A register entry and its corrective actions as evidence.';

CREATE FUNCTION release_mgmt_internal.check_no_blocking_risk(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) FILTER (WHERE e.kind = 'risk') > 0 AND count(*) FILTER (WHERE e.blocking AND e.status = 'open') = 0,
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN count(*) FILTER (WHERE e.kind = 'risk') = 0 THEN 'no risk is recorded: a release without an assessed risk was not assessed' END,
                pg_catalog.string_agg(pg_catalog.format('%s "%s" is blocking and open: %s', e.kind, e.code, e.description), '; ' ORDER BY e.code)
                    FILTER (WHERE e.blocking AND e.status = 'open')), ''),
            'release manager',
            pg_catalog.jsonb_agg(release_mgmt_internal.entry_evidence(e) ORDER BY e.code) FILTER (WHERE e.id IS NOT NULL)
           )::release_mgmt.check_result
    FROM release_mgmt.register_entry AS e
    WHERE e.release_id = check_no_blocking_risk.release AND e.kind IN ('risk', 'issue');
END;
COMMENT ON FUNCTION release_mgmt_internal.check_no_blocking_risk(uuid) IS
'Check: the release''s risks are assessed (at least one is recorded), and no blocking risk or issue is open.';
SELECT release_mgmt_internal.register_check('no_blocking_risk', 'gate', 'release_mgmt_internal.check_no_blocking_risk',
    'risks and issues are recorded and managed, and none that blocks is open');

CREATE FUNCTION release_mgmt_internal.exposure_of(release uuid) RETURNS tstzrange
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT tstzrange(e.began, CASE WHEN e.began <= e.deployed THEN e.deployed + r.early_life WHEN e.began <= e.ended THEN e.ended + r.early_life END, '[)')
    FROM release_mgmt.release AS r
    CROSS JOIN LATERAL (
        SELECT min(h.entered_at) FILTER (WHERE s.kind = 'deploying') AS began,
               max(h.entered_at) FILTER (WHERE s.kind = 'deployed' AND f.kind <> 'deployed') AS deployed,
               max(h.entered_at) FILTER (WHERE s.kind = 'ended') AS ended
        FROM release_mgmt.release_state_history AS h
        JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = h.to_state
        JOIN release_mgmt.model_state AS f ON f.model_id = r.model_id AND f.state = h.from_state
        WHERE h.release_id = r.id
    ) AS e
    WHERE r.id = exposure_of.release AND e.began IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.exposure_of(uuid) IS
'When a release can depart from its plan and cause incidents: from its first deploying state until early life is over (counted from the last time it became deployed, or else ended); open while neither happened; NULL where it never deployed.';

CREATE FUNCTION release_mgmt_internal.check_deviations_handled(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) FILTER (WHERE NOT d.handled) = 0 AND release_mgmt_internal.exposure_of(check_deviations_handled.release) IS NOT NULL,
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN release_mgmt_internal.exposure_of(check_deviations_handled.release) IS NULL THEN 'nothing is deployed yet, so nothing could depart from the plan' END,
                pg_catalog.string_agg(pg_catalog.format('deviation "%s" has %s: %s', d.code,
                    CASE WHEN d.actions = 0 THEN 'no corrective action and is not accepted' ELSE 'corrective actions to be done' END, d.description), '; ' ORDER BY d.code)
                    FILTER (WHERE NOT d.handled)), ''),
            'release manager',
            pg_catalog.jsonb_build_object('register_entry', 'deviation', 'recorded', count(*),
                'deployment_steps', (SELECT count(*) FROM release_mgmt.deployment_step AS s JOIN release_mgmt.target AS t ON t.id = s.target_id
                                     WHERE t.release_id = check_deviations_handled.release AND s.finished_at IS NOT NULL),
                'deviations', coalesce(pg_catalog.jsonb_agg(d.evidence ORDER BY d.code), '[]'))
           )::release_mgmt.check_result
    FROM (SELECT e.code, e.description, release_mgmt_internal.entry_evidence(e) AS evidence, count(a.id) AS actions,
                 e.status <> 'open' OR (count(a.id) > 0 AND count(a.id) = count(a.done_at)) AS handled
          FROM release_mgmt.register_entry AS e
          LEFT JOIN release_mgmt.corrective_action AS a ON a.entry_id = e.id
          WHERE e.release_id = check_deviations_handled.release AND e.kind = 'deviation'
          GROUP BY e.id) AS d;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_deviations_handled(uuid) IS
'Check: the release was deployed, and each deviation of it is closed, accepted, or all its corrective actions, at least one, are done. Deployment steps that fail, and waivers that are approved, enter themselves as deviations, so that none recorded means none seen.';
SELECT release_mgmt_internal.register_check('deviations_handled', 'gate', 'release_mgmt_internal.check_deviations_handled',
    'deviations are recorded and corrective action is taken');
