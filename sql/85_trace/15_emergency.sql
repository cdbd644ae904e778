-- Module trace: the emergency path. A person with the duty states a reason and changes at once; Change Management judges it
-- afterwards, and it stays visible until then.

CREATE TABLE release_mgmt.emergency (
    id          uuid DEFAULT release_mgmt.new_id(),
    change_id   uuid NOT NULL,
    items       text[] NOT NULL,
    reason      text NOT NULL,
    declared_by uuid NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    ends_at     timestamptz NOT NULL,
    verdict     text,
    remark      text,
    judged_by   uuid,
    judged_at   timestamptz,
    CONSTRAINT emergency_pkey PRIMARY KEY (id),
    CONSTRAINT emergency_change_id_key UNIQUE (change_id),
    CONSTRAINT emergency_change_id_fkey FOREIGN KEY (change_id) REFERENCES release_mgmt.change_request,
    CONSTRAINT emergency_declared_by_fkey FOREIGN KEY (declared_by) REFERENCES release_mgmt.person,
    CONSTRAINT emergency_judged_by_fkey FOREIGN KEY (judged_by) REFERENCES release_mgmt.person,
    CONSTRAINT emergency_items_check CHECK (cardinality(items) > 0),
    CONSTRAINT emergency_reason_check CHECK (reason <> ''),
    CONSTRAINT emergency_ends_at_check CHECK (ends_at > declared_at AND ends_at <= declared_at + interval '24 hours'),
    CONSTRAINT emergency_verdict_check CHECK (verdict IN ('approved', 'rejected')),
    CONSTRAINT emergency_judged_check CHECK ((verdict IS NULL) = (judged_by IS NULL) AND (verdict IS NULL) = (judged_at IS NULL)),
    CONSTRAINT emergency_separation_check CHECK (judged_by <> declared_by)
);
COMMENT ON TABLE release_mgmt.emergency IS
'Emergencies: which items were opened to change without a plan, for how long, why, by whom, and what Change Management said afterwards. Written by declare_emergency() and judge_emergency().';
COMMENT ON COLUMN release_mgmt.emergency.items IS 'labels class/key of the items that may be changed';
COMMENT ON COLUMN release_mgmt.emergency.verdict IS 'approved or rejected, after the fact; NULL: awaiting it. What was changed under a rejected one is unauthorized drift';
CREATE INDEX emergency_items_idx ON release_mgmt.emergency USING gin (items);
CREATE INDEX emergency_open_idx ON release_mgmt.emergency (ends_at) WHERE verdict IS NULL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.emergency', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.emergency');
SELECT release_mgmt_internal.belongs('release_mgmt.emergency', through => 'change_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.emergency');

-- SECURITY DEFINER in both verbs: emergencies are written by these alone.
CREATE FUNCTION release_mgmt.declare_emergency(code text, items text[], reason text, lasts interval DEFAULT '1 hour') RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('operator', 'release manager', 'change manager');
    existing release_mgmt.emergency;
    unknown text;
    change uuid;
BEGIN
    SELECT e.* INTO existing FROM release_mgmt.emergency AS e JOIN release_mgmt.change_request AS c ON c.id = e.change_id WHERE c.code = code;
    IF FOUND THEN
        IF (existing.items, existing.reason, existing.declared_by) IS DISTINCT FROM (items, reason, acting) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('emergency "%s" is declared already, and differs', code), NULL, 'Choose another code.');
        END IF;
        RETURN existing.ends_at;
    END IF;
    IF coalesce(code, '') = '' OR coalesce(btrim(reason), '') = '' OR coalesce(cardinality(items), 0) = 0 OR array_ndims(items) > 1
       OR array_position(items, NULL) IS NOT NULL OR lasts IS NULL OR lasts <= interval '0' OR lasts > interval '24 hours' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'an emergency has a code, and names the items that it opens, a reason, and a time of at most 24 hours', NULL,
            'SELECT release_mgmt.declare_emergency(code, ''{class/key, ...}'', ''what happened'').');
    END IF;
    SELECT string_agg(i, ', ' ORDER BY i) INTO unknown
    FROM unnest(items) AS i
    WHERE NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.name = split_part(i, '/', 1) AND c.source IS NOT NULL AND i LIKE '%/_%')
       OR EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = i AND NOT release_mgmt_internal.may_see(c.organization_id, 'organization'));
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('emergency "%s" can not be declared', code),
            format('These name no item of a bound class that you may name: %s.', unknown), 'An item is named class/key: SELECT label FROM release_mgmt.ci. It need not exist yet.');
    END IF;
    SELECT string_agg(i, ', ' ORDER BY i) INTO unknown
    FROM unnest(items) AS i JOIN release_mgmt.ci AS c ON c.label = i
    WHERE NOT release_mgmt_internal.may_write_of(c.organization_id, '{operator,release manager,change manager}');
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('emergency "%s" can not be declared', code),
            format('In no organization that these concern does role "%s" have one of the duties operator, release manager, change manager: %s.', release_mgmt_internal.acting_role(), unknown),
            'A duty counts for the items of its organization and of the customers that it serves; items of no organization concern everybody, and are opened by anybody but a customer''s people.');
    END IF;
    INSERT INTO release_mgmt.change_request (code, type, title, priority, organization_id)
    VALUES (code, 'emergency', reason, 'critical', release_mgmt_internal.acting_organization('operator', 'release manager', 'change manager')) RETURNING id INTO change;
    INSERT INTO release_mgmt.emergency (change_id, items, reason, declared_by, ends_at)
    -- A day is 24 hours, whatever the clocks on the wall do.
    VALUES (change, items, reason, acting, now() + extract(epoch FROM lasts) * interval '1 second') RETURNING ends_at INTO existing.ends_at;
    RETURN existing.ends_at;
END $$;
COMMENT ON FUNCTION release_mgmt.declare_emergency(text, text[], text, interval) IS
'Opens items (labels class/key) to change without a plan, for people with the duty operator, release manager or change manager in organizations that the items and the emergency concern, and opens an emergency change of that code that awaits approval after the fact. reason: what happened; lasts: how long, at most 24 hours. Returns when it ends. Every change made meanwhile is captured and held against it. Errors: RM002 items of no bound class, RM003 without one of these duties, or not for these items, RM015 no reason, no items, too long, or the code stands for another emergency, 23505 the code is that of another change.';
SELECT release_mgmt_internal.allow('{operator,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.declare_emergency(text, text[], text, interval)');

CREATE PROCEDURE release_mgmt.judge_emergency(code text, verdict text, remark text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    acting uuid := release_mgmt_internal.require_duty('change manager');
    judging release_mgmt.emergency;
BEGIN
    SELECT e.* INTO judging FROM release_mgmt.emergency AS e JOIN release_mgmt.change_request AS c ON c.id = e.change_id
    WHERE c.code = code AND release_mgmt_internal.may_write_for(c.organization_id, NULL, '{change manager}') FOR UPDATE OF c, e;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('emergency "%s" does not exist', code), NULL, 'See release_mgmt.emergency_status.');
    END IF;
    IF verdict IS NULL OR verdict NOT IN ('approved', 'rejected') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('verdict "%s" does not exist', verdict), 'Verdicts are: approved, rejected.');
    END IF;
    IF judging.declared_by = acting THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who declared emergency "%s" does not judge it', code), NULL,
            'Another person with the duty change manager does.');
    END IF;
    IF judging.verdict IS NOT NULL AND judging.verdict <> verdict THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('emergency "%s" is %s already', code, judging.verdict), NULL, 'A verdict stands.');
    END IF;
    IF judging.verdict IS NULL THEN
        -- It was acted upon; the change's own transition gives the verdict (judge_with_change).
        UPDATE release_mgmt.change_request AS c SET state = 'implemented', state_note = NULL WHERE c.id = judging.change_id AND c.state = 'requested';
        UPDATE release_mgmt.change_request AS c SET state = CASE verdict WHEN 'approved' THEN 'approved' ELSE 'refused' END, state_note = coalesce(nullif(btrim(remark), ''), verdict)
        WHERE c.id = judging.change_id;
        UPDATE release_mgmt.emergency AS e SET remark = judge_emergency.remark WHERE e.id = judging.id;
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.judge_emergency(text, text, text) IS
'Approves or rejects an emergency after the fact, and ends it; its change request is approved or refused with it. verdict: approved or rejected; what was changed under a rejected one is unauthorized drift from then on. Errors: RM002 unknown emergency or verdict, RM003 without the duty change manager, RM008 by who declared it, RM015 judged otherwise already.';
SELECT release_mgmt_internal.allow('{change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.judge_emergency(text, text, text)');

CREATE FUNCTION release_mgmt_internal.judge_with_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    -- A verdict ends it.
    UPDATE release_mgmt.emergency AS e
    SET verdict = CASE NEW.state WHEN 'approved' THEN 'approved' ELSE 'rejected' END, remark = NEW.state_note, judged_by = release_mgmt_internal.acting_person(), judged_at = now(),
        ends_at = greatest(least(e.ends_at, now()), e.declared_at + interval '1 microsecond')
    WHERE e.change_id = NEW.id AND e.verdict IS NULL;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.judge_with_change() IS 'Trigger: an emergency change that is approved or refused gives the verdict on the emergency that it was declared for. SECURITY DEFINER: emergencies are written by rules and verbs alone.';
CREATE TRIGGER rm_60_judge AFTER UPDATE OF state ON release_mgmt.change_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.state <> NEW.state AND NEW.state IN ('approved', 'refused'))
EXECUTE FUNCTION release_mgmt_internal.judge_with_change();

CREATE FUNCTION release_mgmt_internal.opened_by_emergency(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    duties CONSTANT text[] := '{operator,release manager,change manager}';
    emergencies uuid[];
BEGIN
    -- Who acts is one of the people whom the emergency concerns, and each item as well.
    emergencies := ARRAY(
        SELECT e.id FROM release_mgmt.emergency AS e JOIN release_mgmt.change_request AS c ON c.id = e.change_id
        WHERE e.verdict IS NULL AND e.ends_at > at AND release_mgmt_internal.may_write_of(c.organization_id, duties));
    IF emergencies = '{}' THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(
        -- An item whose key changes bears its new name already, and its former name may be another's, or the new one.
        WITH opened AS MATERIALIZED (
            SELECT a.n, k.id AS kept, k.organization_id AS kept_of, i.id AS named, i.organization_id AS named_of,
                   (SELECT e.id FROM release_mgmt.emergency AS e WHERE e.id = ANY (emergencies) AND a.ci = ANY (e.items) ORDER BY e.id LIMIT 1) AS emergency
            FROM unnest(opened_by_emergency.ci, release_mgmt_internal.items_asked_about()) WITH ORDINALITY AS a (ci, id, n)
            LEFT JOIN release_mgmt.ci AS k ON k.id = a.id
            LEFT JOIN release_mgmt.ci AS i ON i.label = a.ci
        ), owner AS MATERIALIZED (
            SELECT o.organization_id, release_mgmt_internal.may_write_of(o.organization_id, duties) AS is_served
            FROM (SELECT p.kept_of FROM opened AS p WHERE p.emergency IS NOT NULL
                  UNION
                  SELECT p.named_of FROM opened AS p WHERE p.emergency IS NOT NULL) AS o (organization_id)
        )
        SELECT CASE WHEN (k.is_served OR p.kept IS NULL AND p.named IS NOT NULL) AND (o.is_served OR p.named IS NULL AND p.kept IS NOT NULL) THEN p.emergency END
        FROM opened AS p
        LEFT JOIN owner AS k ON k.organization_id IS NOT DISTINCT FROM p.kept_of
        LEFT JOIN owner AS o ON o.organization_id IS NOT DISTINCT FROM p.named_of
        ORDER BY p.n);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.opened_by_emergency(text[], text[], text[], text[], text[]) IS
'Check at the point ci_change, of many changes at once: for each, the emergency that has opened the item, for a person with one of the duties in organizations that the emergency and the item concern, or NULL.';
-- Asked last: a change that is planned is held against its plan.
SELECT release_mgmt_internal.register_check('z_opened_by_emergency', 'ci_change', 'release_mgmt_internal.opened_by_emergency',
    'an emergency has opened the item; Change Management judges it afterwards');

CREATE FUNCTION release_mgmt_internal.advise_on_emergency(ci text, operation text, attribute text, old_value text, new_value text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    release CONSTANT text := nullif(current_setting('release_mgmt.release', true), '');
    declared record;
BEGIN
    -- One that was over a day ago explains nothing any more.
    SELECT c.code, e.verdict, e.ends_at > clock_timestamp() AS is_open, coalesce(release_mgmt_internal.sees(c.organization_id, 'organization'), false) AS is_seen INTO declared
    FROM release_mgmt.emergency AS e JOIN release_mgmt.change_request AS c ON c.id = e.change_id
    WHERE e.items @> ARRAY[advise_on_emergency.ci] AND e.ends_at > clock_timestamp() - interval '24 hours'
    ORDER BY e.verdict IS NULL DESC, e.ends_at DESC, e.id DESC LIMIT 1;
    IF NOT FOUND OR NOT declared.is_seen AND NOT declared.is_open THEN
        RETURN NULL;
    END IF;
    -- The guard says this by itself where nobody advises.
    RETURN CASE WHEN release_mgmt_internal.advise_on_change(ci, operation, attribute, old_value, new_value) IS NULL
                THEN coalesce('Release "' || release || '", which release_mgmt.release names, does not plan this. ', 'No release plans this. ') ELSE '' END
        || CASE WHEN declared.is_seen THEN format('Emergency "%s"', declared.code) ELSE 'An emergency of others' END
        || CASE WHEN declared.verdict IS NOT NULL THEN format(', which had opened it, was %s.', declared.verdict)
                WHEN NOT declared.is_open THEN ', which had opened it, is over.'
                ELSE format(' opens it, for people with the duty operator, release manager or change manager in organizations that both concern: role "%s" is none of these.',
                            release_mgmt_internal.acting_role()) END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.advise_on_emergency(text, text, text, text, text) IS
'Advice at the point ci_change_advice: the emergency that lists the item, the one that is open before others, and why it does not permit a change; NULL where none does.';
SELECT release_mgmt_internal.register_check('z_emergency_in_the_way', 'ci_change_advice', 'release_mgmt_internal.advise_on_emergency',
    'why an emergency does not permit a change');

CREATE VIEW release_mgmt.emergency_status WITH (security_invoker = true) AS
SELECT c.code, e.reason, e.items, p.code AS declared_by, e.declared_at, e.ends_at,
       coalesce(e.verdict, CASE WHEN e.ends_at > now() THEN 'open' ELSE 'awaiting approval' END) AS status, e.remark, j.code AS judged_by, e.judged_at,
       (SELECT count(*) FROM release_mgmt.ci_change_permit AS k WHERE k.permitted_by = e.id) AS changes
FROM release_mgmt.emergency AS e
JOIN release_mgmt.change_request AS c ON c.id = e.change_id
JOIN release_mgmt.person AS p ON p.id = e.declared_by
LEFT JOIN release_mgmt.person AS j ON j.id = e.judged_by;
COMMENT ON VIEW release_mgmt.emergency_status IS
'Each emergency with how it stands (open, awaiting approval, approved, rejected) and how many attributes were changed under it.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.emergency_status');
