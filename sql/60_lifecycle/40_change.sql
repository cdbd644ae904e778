-- Module lifecycle: the states of change requests.
--
-- Lock order: the releases that carry a change, in the order of their ids, before the change. What can make a gate unmet (a refusal, a
-- cancellation, a change that is taken back) raises their revision, as every row beneath a release does; what can not, leaves them
-- alone, so that releases which carry the same change do not wait for each other.

CREATE TABLE release_mgmt.change_transition (
    type       text,
    from_state text,
    to_state   text,
    duties     text[] NOT NULL,
    says_why   boolean NOT NULL DEFAULT false,
    builtin    boolean NOT NULL DEFAULT false,
    CONSTRAINT change_transition_pkey PRIMARY KEY (type, from_state, to_state)
);
COMMENT ON TABLE release_mgmt.change_transition IS 'The legal transitions of change requests of each type, and which duties may make them.';
COMMENT ON COLUMN release_mgmt.change_transition.says_why IS 'needs a note: the assessment, the reason, the conclusion';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.change_transition', 'WHERE NOT builtin');
INSERT INTO release_mgmt.change_transition (type, from_state, to_state, duties, says_why, builtin)
SELECT y.type, t.from_state, t.to_state, t.duties::text[], t.says_why, true
FROM (VALUES ('ns',  'requested', 'cancelled', '{release manager,change manager}', true),
             ('n',   'requested', 'assessed', '{change manager}', true),
             ('n',   'requested', 'approved', '{change manager}', false),
             ('ne',  'requested', 'refused', '{change manager}', true),
             ('n',   'assessed', 'approved', '{change manager}', false),
             ('n',   'assessed', 'refused', '{change manager}', true),
             ('n',   'assessed', 'cancelled', '{release manager,change manager}', true),
             ('n',   'refused', 'requested', '{release manager,change manager}', true),
             ('s',   'requested', 'approved', '{release manager,change manager,operator}', false),
             ('e',   'requested', 'approved', '{change manager}', false),
             ('e',   'requested', 'implemented', '{operator,release manager,change manager}', false),
             ('e',   'implemented', 'approved', '{change manager}', false),
             ('e',   'implemented', 'refused', '{change manager}', true),
             ('e',   'approved', 'implemented', '{operator,release manager,change manager}', false),
             ('ns',  'approved', 'scheduled', '{release manager,change manager}', false),
             ('ns',  'approved', 'requested', '{release manager,change manager}', true),
             ('ns',  'scheduled', 'requested', '{release manager,change manager}', true),
             ('ns',  'approved', 'cancelled', '{release manager,change manager}', true),
             ('ns',  'scheduled', 'cancelled', '{release manager,change manager}', true),
             ('ns',  'scheduled', 'implemented', '{operator,release manager,change manager}', false),
             ('nse', 'implemented', 'reviewed', '{change manager}', true),
             ('e',   'approved', 'reviewed', '{change manager}', true),
             ('e',   'refused', 'reviewed', '{change manager}', true),
             ('s',   'implemented', 'closed', '{release manager,change manager}', false),
             ('nse', 'reviewed', 'closed', '{change manager}', false)) AS t(types, from_state, to_state, duties, says_why)
JOIN (VALUES ('n', 'normal'), ('s', 'standard'), ('e', 'emergency')) AS y(letter, type) ON pg_catalog.strpos(t.types, y.letter) > 0;
SELECT release_mgmt_internal.govern_own('release_mgmt.change_transition');
SELECT release_mgmt_internal.is_shared('release_mgmt.change_transition', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_transition');

CREATE TABLE release_mgmt.approval_deadline (
    id              uuid DEFAULT release_mgmt.new_id(),
    organization_id uuid NOT NULL,
    approve_within  interval NOT NULL,
    in_force_from   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approval_deadline_pkey PRIMARY KEY (id),
    CONSTRAINT approval_deadline_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT approval_deadline_approve_within_check CHECK (approve_within > interval '0')
);
COMMENT ON TABLE release_mgmt.approval_deadline IS
'Within what time an emergency change of an organization must be judged after the fact: of its rows in force, the latest counts; 2 days where there is none. It holds for changes requested from then on.';
CREATE INDEX approval_deadline_organization_id_idx ON release_mgmt.approval_deadline (organization_id, in_force_from);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval_deadline', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval_deadline');
SELECT release_mgmt_internal.belongs('release_mgmt.approval_deadline', organizations => '{organization_id}', writes => 'organization_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_deadline');
SELECT release_mgmt_internal.allow('{change manager}', 'INSERT', 'release_mgmt.approval_deadline');

-- SECURITY DEFINER from here on: a rule reads what the caller may not, and verbs write what the caller may not.
CREATE FUNCTION release_mgmt_internal.begin_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    NEW.state := 'requested';
    NEW.state_note := NULL;
    NEW.approval_due := CASE WHEN NEW.type = 'emergency'
                             THEN now() + coalesce((SELECT d.approve_within FROM release_mgmt.approval_deadline AS d
                                               WHERE d.organization_id = NEW.organization_id AND d.in_force_from <= now() ORDER BY d.in_force_from DESC, d.id DESC LIMIT 1), interval '2 days') END;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.begin_change() IS 'Trigger: a change begins as requested; an emergency one must be judged within the time that its organization gives.';
CREATE TRIGGER rm_51_begin BEFORE INSERT ON release_mgmt.change_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.begin_change();

CREATE FUNCTION release_mgmt_internal.quorum_complete(release uuid) RETURNS boolean
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT count(*) > 0 AND pg_catalog.bool_and(q.approved >= q.required AND q.refused IS NULL) FROM release_mgmt_internal.quorum_standing(quorum_complete.release) AS q;
END;
COMMENT ON FUNCTION release_mgmt_internal.quorum_complete(uuid) IS 'Did every body of the quorum approve the release as it is now, and does nobody refuse it?';

CREATE FUNCTION release_mgmt_internal.change_blocker(change release_mgmt.change_request, to_state text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acted boolean := EXISTS (SELECT FROM release_mgmt.change_state_history AS h WHERE h.change_id = change.id AND h.to_state = 'implemented');
    judged boolean := EXISTS (SELECT FROM release_mgmt.change_state_history AS h WHERE h.change_id = change.id AND h.to_state IN ('approved', 'refused'));
    carried text;
BEGIN
    IF to_state = 'approved' AND change.type = 'standard' THEN
        RETURN CASE WHEN change.change_model_id IS NULL THEN 'it follows no change model'
                    WHEN NOT EXISTS (SELECT FROM release_mgmt.change_model AS m WHERE m.id = change.change_model_id AND m.approved_at IS NOT NULL AND m.retired_at IS NULL)
                    THEN 'the change model that it follows is not in force' END;
    ELSIF to_state = 'approved' AND change.type = 'normal' AND change.state = 'requested' THEN
        RETURN CASE WHEN NOT EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = change.id AND release_mgmt_internal.quorum_complete(rc.release_id))
                    THEN 'it is not assessed, and no release that carries it out is approved' END;
    ELSIF to_state = 'scheduled' THEN
        RETURN CASE WHEN change.planned IS NULL AND NOT EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = change.id)
                    THEN 'it has no time (plan_change), and no release carries it out' END;
    ELSIF to_state = 'implemented' THEN
        SELECT string_agg(format('release "%s" is %s', r.code, r.state), ', ' ORDER BY r.code) INTO carried
        FROM release_mgmt.release_change AS rc
        JOIN release_mgmt.release AS r ON r.id = rc.release_id
        JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
        WHERE rc.change_id = change.id AND s.kind NOT IN ('deployed', 'ended');
        RETURN carried;
    ELSIF to_state = 'reviewed' THEN
        RETURN nullif(concat_ws('; ', CASE WHEN NOT acted THEN 'it is not implemented' END, CASE WHEN NOT judged THEN 'nobody approved or refused it' END), '');
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.change_blocker(release_mgmt.change_request, text) IS 'What stands in the way of a transition of the change that is legal by itself; NULL: nothing.';

CREATE FUNCTION release_mgmt_internal.change_transition() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    legal release_mgmt.change_transition;
    others text;
    wrong text;
    by_release boolean;
BEGIN
    IF (NEW.type, NEW.organization_id, NEW.code) IS DISTINCT FROM (OLD.type, OLD.organization_id, OLD.code) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('code, type and organization of change request "%s" do not change', OLD.code), NULL, 'Cancel it, and request another.');
    END IF;
    IF (NEW.planned, NEW.change_model_id) IS DISTINCT FROM (OLD.planned, OLD.change_model_id) AND OLD.state NOT IN ('requested', 'assessed') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the plan of change request "%s" is fixed', OLD.code), format('It is %s.', OLD.state),
            format('Take it back first: CALL release_mgmt.advance_change(%L, ''requested'', reason).', OLD.code));
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    SELECT t.* INTO legal FROM release_mgmt.change_transition AS t WHERE t.type = NEW.type AND t.from_state = OLD.state AND t.to_state = NEW.state;
    IF NOT FOUND THEN
        SELECT string_agg(t.to_state, ', ' ORDER BY t.to_state) INTO others FROM release_mgmt.change_transition AS t WHERE t.type = NEW.type AND t.from_state = OLD.state;
        PERFORM release_mgmt_internal.refuse('illegal_transition', format('change request "%s" can not go from %s to %s', OLD.code, OLD.state, NEW.state),
            format('From %s a %s change goes to: %s.', OLD.state, NEW.type, coalesce(others, 'nowhere')), 'See release_mgmt.change_transition.');
    END IF;
    -- Whose release is approved with every change that it carries out has the approval of these.
    by_release := NEW.state = 'approved' AND NEW.type <> 'standard'
        AND EXISTS (SELECT FROM release_mgmt.release_change AS rc WHERE rc.change_id = NEW.id AND release_mgmt_internal.quorum_complete(rc.release_id));
    IF NOT by_release AND NOT release_mgmt_internal.may_write_for(NEW.organization_id, NULL, legal.duties) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not make change request "%s" %s', release_mgmt_internal.acting_role(), OLD.code, NEW.state),
            format('It takes one of these duties in the organization that carries it out, or in an authority: %s.', array_to_string(legal.duties, ', ')), NULL);
    END IF;
    IF NEW.state IN ('approved', 'refused') AND NEW.type <> 'standard' AND acting IS NOT DISTINCT FROM NEW.requested_by THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who requested change "%s" does not judge it', OLD.code), NULL, 'Another person with the duty change manager does.');
    END IF;
    wrong := nullif(concat_ws('; ', release_mgmt_internal.change_blocker(OLD, NEW.state),
                              CASE WHEN legal.says_why AND coalesce(btrim(NEW.state_note), '') = '' THEN 'nothing is said about it: give a note' END), '');
    IF wrong IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('change request "%s" does not become %s', OLD.code, NEW.state), upper(left(wrong, 1)) || substr(wrong, 2) || '.', NULL);
    END IF;
    -- Taken back, it is not approved any more.
    IF NEW.state IN ('refused', 'cancelled', 'requested') THEN
        PERFORM release_mgmt_internal.raise_revision(ARRAY(SELECT rc.release_id FROM release_mgmt.release_change AS rc WHERE rc.change_id = NEW.id));
    END IF;
    INSERT INTO release_mgmt.change_state_history (change_id, from_state, to_state, note, person_id) VALUES (NEW.id, OLD.state, NEW.state, NEW.state_note, acting);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.change_transition() IS
'Trigger: a change request changes its state only as change_transition says, by a duty that may; who requested it does not judge it; its plan is fixed once it is judged; every transition is kept.';
CREATE TRIGGER rm_60_transition BEFORE UPDATE ON release_mgmt.change_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.change_transition();

CREATE PROCEDURE release_mgmt.advance_change(change text, to_state text, note text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    advancing uuid;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    advancing := release_mgmt.change_id(change);
    IF to_state IN ('refused', 'cancelled', 'requested') THEN
        PERFORM FROM release_mgmt.release AS r WHERE r.id IN (SELECT rc.release_id FROM release_mgmt.release_change AS rc WHERE rc.change_id = advancing) ORDER BY r.id FOR NO KEY UPDATE;
    END IF;
    UPDATE release_mgmt.change_request AS c SET state = to_state, state_note = note WHERE c.id = advancing AND c.state <> to_state;
END $$;
COMMENT ON PROCEDURE release_mgmt.advance_change(text, text, text) IS
'Moves a change request to a state; note: the assessment, the reason, the conclusion. In that state already, it does nothing. A normal change goes requested, assessed, approved, scheduled, implemented, reviewed, closed; approving a release approves the changes that it carries out too. A standard one is approved by the change model that it follows. An emergency one may be implemented first, and is approved or refused afterwards, by approval_due. Errors: RM002 unknown change, RM003 without a duty that may, RM004 no such transition, RM008 judged by who requested it, RM015 something stands in the way, 23514 no such state.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'EXECUTE', 'PROCEDURE release_mgmt.advance_change(text, text, text)');

CREATE PROCEDURE release_mgmt.plan_change(change text, items text[], planned tstzrange)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    planning release_mgmt.change_request;
    unknown text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    SELECT c.* INTO planning FROM release_mgmt.change_request AS c WHERE c.id = release_mgmt.change_id(change) FOR NO KEY UPDATE;
    IF NOT release_mgmt_internal.may_write_for(planning.organization_id, NULL, '{release manager,change manager}') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not plan change request "%s"', release_mgmt_internal.acting_role(), change), NULL,
            'It takes the duty release manager or change manager in the organization that carries it out, or in an authority.');
    END IF;
    IF planning.state NOT IN ('requested', 'assessed') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the plan of change request "%s" is fixed', change), format('It is %s.', planning.state),
            format('Take it back first: CALL release_mgmt.advance_change(%L, ''requested'', reason).', change));
    END IF;
    SELECT string_agg(i, ', ' ORDER BY i) INTO unknown FROM unnest(items) AS i
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = i AND c.retired_at IS NULL);
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('change request "%s" can not be planned', change), format('These items do not exist: %s.', unknown),
            'An item is named class/key: SELECT label FROM release_mgmt.ci.');
    END IF;
    DELETE FROM release_mgmt.change_ci AS x WHERE x.change_id = planning.id AND x.ci <> ALL (items);
    INSERT INTO release_mgmt.change_ci (change_id, ci) SELECT DISTINCT planning.id, i FROM unnest(items) AS i ORDER BY i ON CONFLICT DO NOTHING;
    UPDATE release_mgmt.change_request AS c SET planned = plan_change.planned WHERE c.id = planning.id AND c.planned IS DISTINCT FROM plan_change.planned;
END $$;
COMMENT ON PROCEDURE release_mgmt.plan_change(text, text[], tstzrange) IS
'States which configuration items (labels class/key) a change touches by itself, and when; in place of what was stated before. For changes that no release carries out; what a release does is known from its plan. Errors: RM002 unknown change or items, all listed, RM003 without the duty release manager or change manager, RM015 it is judged already.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.plan_change(text, text[], tstzrange)');

CREATE FUNCTION release_mgmt_internal.approve_carried(release uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    waiting uuid[];
BEGIN
    SELECT array_agg(c.id) INTO waiting
    FROM release_mgmt.change_request AS c JOIN release_mgmt.release_change AS rc ON rc.change_id = c.id
    WHERE rc.release_id = approve_carried.release AND c.type <> 'standard' AND c.state IN ('requested', 'assessed');
    IF waiting IS NOT NULL AND release_mgmt_internal.quorum_complete(approve_carried.release) THEN
        PERFORM FROM release_mgmt.change_request AS c WHERE c.id = ANY (waiting) ORDER BY c.id FOR NO KEY UPDATE;
        UPDATE release_mgmt.change_request AS c
        SET state = 'approved', state_note = (SELECT format('with release "%s"', r.code) FROM release_mgmt.release AS r WHERE r.id = approve_carried.release)
        WHERE c.id = ANY (waiting) AND c.state IN ('requested', 'assessed');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.approve_carried(uuid) IS 'Approves the changes that a release carries out, where its quorum is complete: called by the verbs that can complete it.';

CREATE VIEW release_mgmt.change_status WITH (security_invoker = true) AS
SELECT c.code AS change, c.type, c.state, coalesce(l.entered_at, c.created_at) AS since, c.state_note,
       (SELECT string_agg(t.to_state, ', ' ORDER BY t.to_state) FROM release_mgmt.change_transition AS t WHERE t.type = c.type AND t.from_state = c.state) AS next_states,
       (SELECT string_agg(format('%s (%s)', r.code, r.state), ', ' ORDER BY r.code)
        FROM release_mgmt.release_change AS rc JOIN release_mgmt.release AS r ON r.id = rc.release_id WHERE rc.change_id = c.id) AS releases,
       c.planned, c.approval_due,
       coalesce(c.approval_due <= now() AND NOT EXISTS (SELECT FROM release_mgmt.change_state_history AS h
                                                        WHERE h.change_id = c.id AND h.to_state IN ('approved', 'refused')), false) AS overdue
FROM release_mgmt.change_request AS c
LEFT JOIN LATERAL (SELECT max(h.entered_at) AS entered_at FROM release_mgmt.change_state_history AS h WHERE h.change_id = c.id) AS l ON true;
COMMENT ON VIEW release_mgmt.change_status IS
'Each change request: its state, since when, where it may go, the releases that carry it out, and of an emergency one by when it must be judged, and whether that is overdue.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_status');
