-- Module transition: who is affected by a release, and how they are told.

CREATE TABLE release_mgmt.stakeholder (
    id              uuid DEFAULT release_mgmt.new_id(),
    release_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    name            text NOT NULL,
    impact          text NOT NULL,
    impact_level    text NOT NULL DEFAULT 'medium',
    CONSTRAINT stakeholder_pkey PRIMARY KEY (id),
    CONSTRAINT stakeholder_id_release_id_key UNIQUE (id, release_id),
    CONSTRAINT stakeholder_release_id_organization_id_name_key UNIQUE (release_id, organization_id, name),
    CONSTRAINT stakeholder_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT stakeholder_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT stakeholder_stated_check CHECK (name <> '' AND impact <> ''),
    CONSTRAINT stakeholder_impact_level_check CHECK (impact_level IN ('none', 'low', 'medium', 'high'))
);
COMMENT ON TABLE release_mgmt.stakeholder IS
'Whom a release affects, and how: each stakeholder must be notified and acknowledge, except those with impact level none. Once notified, a stakeholder stays as it is.';
COMMENT ON COLUMN release_mgmt.stakeholder.name IS 'a group or function within the organization: "branch offices", "service desk"';
COMMENT ON COLUMN release_mgmt.stakeholder.impact IS 'what changes for them; for level none, why nothing does';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.stakeholder', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.stakeholder');
SELECT release_mgmt_internal.belongs('release_mgmt.stakeholder', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.stakeholder');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.stakeholder');
SELECT release_mgmt_internal.allow('{customer representative}', 'INSERT', 'release_mgmt.stakeholder');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.stakeholder
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.communication (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    release_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    stakeholder_id  uuid,
    channel         text NOT NULL DEFAULT 'email',
    subject         text NOT NULL,
    body            text NOT NULL,
    due             timestamptz,
    written_by      uuid,
    sent_at         timestamptz DEFAULT now(),
    sent_by         uuid,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    CONSTRAINT communication_pkey PRIMARY KEY (id),
    CONSTRAINT communication_code_key UNIQUE (code),
    CONSTRAINT communication_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT communication_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT communication_stakeholder_id_fkey FOREIGN KEY (stakeholder_id, release_id) REFERENCES release_mgmt.stakeholder (id, release_id),
    CONSTRAINT communication_written_by_fkey FOREIGN KEY (written_by) REFERENCES release_mgmt.person,
    CONSTRAINT communication_sent_by_fkey FOREIGN KEY (sent_by) REFERENCES release_mgmt.person,
    CONSTRAINT communication_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES release_mgmt.person,
    CONSTRAINT communication_stated_check CHECK (channel <> '' AND subject <> '' AND body <> ''),
    CONSTRAINT communication_order_check CHECK (acknowledged_at IS NULL OR (sent_at IS NOT NULL AND acknowledged_at >= sent_at)),
    CONSTRAINT communication_acknowledged_check CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
COMMENT ON TABLE release_mgmt.communication IS
'Notices about a release: to one stakeholder, or to everybody in an organization. One inserted is sent at once, unless sent_at is given as NULL: then send_communication() sends it. What was sent no longer changes. acknowledge_communication() acknowledges it for the organization that it went to.';
COMMENT ON COLUMN release_mgmt.communication.code IS 'how people name the notice; where not given, the release''s code and a number: REL-1/notice-1';
COMMENT ON COLUMN release_mgmt.communication.organization_id IS 'to which organization; follows from stakeholder_id where that is given';
COMMENT ON COLUMN release_mgmt.communication.stakeholder_id IS 'to whom in it; NULL: to all its stakeholders';
COMMENT ON COLUMN release_mgmt.communication.due IS 'until when it is to be sent and acknowledged';
CREATE INDEX communication_release_id_idx ON release_mgmt.communication (release_id);
CREATE INDEX communication_stakeholder_id_idx ON release_mgmt.communication (stakeholder_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.communication', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.communication');
SELECT release_mgmt_internal.belongs('release_mgmt.communication', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.communication');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.communication');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.communication
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER in the trigger functions of this module: a rule reads what the caller may not.
CREATE FUNCTION release_mgmt_internal.require_recipient(organization uuid, what text, sender uuid, VARIADIC duties text[]) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
BEGIN
    IF acting = sender THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who sent %s can not acknowledge it', what), NULL,
            'Somebody of the organization that received it acknowledges it.');
    END IF;
    IF NOT release_mgmt_internal.has_duty_in(organization, VARIADIC duties) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" does not act for the organization that received %s', release_mgmt_internal.acting_role(), what),
            format('It went to "%s".', (SELECT o.code FROM release_mgmt.organization AS o WHERE o.id = organization)),
            format('One of these duties in that organization is needed: %s.', array_to_string(duties, ', ')));
    END IF;
    RETURN acting;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_recipient(uuid, text, uuid, text[]) IS
'The acting person''s id where that person has one of the duties in the organization and is not the sender of what; otherwise RM003 or RM008.';

CREATE FUNCTION release_mgmt_internal.keep_communication() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    what text := format('notice "%s"', CASE TG_OP WHEN 'DELETE' THEN OLD.code ELSE NEW.code END);
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.sent_at IS NOT NULL
       AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - '{acknowledged_at,acknowledged_by}'::text[] <> to_jsonb(OLD) - '{acknowledged_at,acknowledged_by}'::text[]) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is sent and does not change', what), NULL, 'Send another one.');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- touch_release() holds the release's row, so nobody else counts at the same time.
        NEW.code := coalesce(NEW.code, format('%s/notice-%s', release_mgmt_internal.require_release(NEW.release_id),
            1 + (SELECT count(*) FROM release_mgmt.communication AS c WHERE c.release_id = NEW.release_id)));
        what := format('notice "%s"', NEW.code);
        NEW.written_by := release_mgmt_internal.acting_person();
        IF NEW.acknowledged_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s can not begin as acknowledged', what), NULL,
                'Its recipient acknowledges it with acknowledge_communication().');
        END IF;
    END IF;
    IF NEW.stakeholder_id IS NOT NULL THEN
        SELECT s.organization_id INTO NEW.organization_id FROM release_mgmt.stakeholder AS s WHERE s.id = NEW.stakeholder_id;
    END IF;
    IF NEW.sent_at IS NULL THEN
        NEW.sent_by := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.sent_at IS NULL THEN
        NEW.sent_by := release_mgmt_internal.require_duty('release manager', 'change manager');
        NEW.sent_at := clock_timestamp();
    END IF;
    IF NEW.acknowledged_at IS NULL THEN
        NEW.acknowledged_by := NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.acknowledged_at, NEW.acknowledged_by) IS DISTINCT FROM (OLD.acknowledged_at, OLD.acknowledged_by) THEN
        IF OLD.acknowledged_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is acknowledged already', what), NULL, NULL);
        END IF;
        IF OLD.sent_at IS NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is not sent yet', what), NULL,
                format('Send it with CALL release_mgmt.send_communication(%L).', OLD.code));
        END IF;
        NEW.acknowledged_by := release_mgmt_internal.require_recipient(OLD.organization_id, what, OLD.sent_by,
            'customer representative', 'operator', 'change manager', 'release manager', 'test manager', 'librarian');
        NEW.acknowledged_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_communication() IS
'Trigger: a notice is written, sent, and acknowledged in this order, the last by its recipient, who is not its sender; each stamped with who and when. Errors: RM003, RM008, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.communication
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_communication();

CREATE FUNCTION release_mgmt_internal.keep_stakeholder() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    notice text;
BEGIN
    -- Nobody who has not acknowledged is made to disappear.
    SELECT c.code INTO notice FROM release_mgmt.communication AS c
    WHERE c.release_id = OLD.release_id AND c.sent_at IS NOT NULL
      AND (c.stakeholder_id = OLD.id OR (c.stakeholder_id IS NULL AND c.organization_id = OLD.organization_id))
    ORDER BY c.code LIMIT 1;
    IF notice IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('stakeholder "%s" is notified and stays as it is', OLD.name),
            format('Notice "%s" was sent.', notice), 'Insert another stakeholder where something else is affected.');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_stakeholder() IS 'Trigger: a stakeholder that was notified neither changes nor goes. Errors: RM015.';
CREATE TRIGGER rm_50_keep BEFORE UPDATE OR DELETE ON release_mgmt.stakeholder
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_stakeholder();

CREATE FUNCTION release_mgmt.stakeholder_id(release text, organization text, name text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT s.id INTO found_id FROM release_mgmt.stakeholder AS s
    WHERE s.release_id = release_mgmt.release_id(release) AND s.organization_id = release_mgmt.organization_id(organization) AND s.name = stakeholder_id.name;
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release "%s" has no stakeholder "%s" in "%s"', release, name, organization), NULL,
            'Stakeholders are the rows of release_mgmt.stakeholder.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.stakeholder_id(text, text, text) IS 'The id of that stakeholder of a release; RM002 if there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.stakeholder_id(text, text, text)');

-- SECURITY DEFINER in the verbs: who may do it is the trigger's to say, not the grants'.
CREATE PROCEDURE release_mgmt.send_communication(communication text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    IF NOT EXISTS (SELECT FROM release_mgmt.communication AS c WHERE c.code = communication AND release_mgmt_internal.sees(c.release_id, 'release')) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('notice "%s" does not exist', communication), NULL,
            'Notices are the rows of release_mgmt.communication.');
    END IF;
    PERFORM release_mgmt_internal.require_duty_for(c.release_id, 'release manager', 'change manager') FROM release_mgmt.communication AS c WHERE c.code = communication;
    UPDATE release_mgmt.communication AS c SET sent_at = clock_timestamp() WHERE c.code = communication AND c.sent_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.send_communication(text) IS
'Records that a notice written before is sent now; one sent already stays as it is. Errors: RM002 unknown notice, RM003 neither release manager nor change manager.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.send_communication(text)');

CREATE PROCEDURE release_mgmt.acknowledge_communication(communication text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.communication AS c
                   WHERE c.code = communication AND (release_mgmt_internal.sees(c.organization_id, 'own') OR release_mgmt_internal.sees(c.release_id, 'served'))) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('notice "%s" does not exist', communication), NULL,
            'Notices are the rows of release_mgmt.communication.');
    END IF;
    UPDATE release_mgmt.communication AS c SET acknowledged_at = clock_timestamp() WHERE c.code = communication AND c.acknowledged_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.acknowledge_communication(text) IS
'Acknowledges a notice for the organization that it went to; one acknowledged already stays as it is. Errors: RM002 unknown notice, RM003 no duty in that organization, RM008 the sender of the notice, RM015 not sent yet.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.acknowledge_communication(text)');

CREATE VIEW release_mgmt.stakeholder_status WITH (security_invoker = true) AS
SELECT r.code AS release, o.code AS organization, s.name AS stakeholder, s.impact_level, s.impact, n.code AS notice, n.channel, n.sent_at,
       n.acknowledged_at, p.code AS acknowledged_by,
       CASE WHEN n.acknowledged_at IS NOT NULL THEN 'acknowledged' WHEN n.sent_at IS NOT NULL THEN 'notified'
            WHEN s.impact_level = 'none' THEN 'not affected' ELSE 'not notified' END AS status
FROM release_mgmt.stakeholder AS s
JOIN release_mgmt.release AS r ON r.id = s.release_id
JOIN release_mgmt.organization AS o ON o.id = s.organization_id
LEFT JOIN LATERAL (
    SELECT c.code, c.channel, c.sent_at, c.acknowledged_at, c.acknowledged_by
    FROM release_mgmt.communication AS c
    WHERE c.release_id = s.release_id AND c.sent_at IS NOT NULL
      AND (c.stakeholder_id = s.id OR (c.stakeholder_id IS NULL AND c.organization_id = s.organization_id))
    ORDER BY c.acknowledged_at NULLS LAST, c.sent_at, c.code LIMIT 1
) AS n ON true
LEFT JOIN release_mgmt.person AS p ON p.id = n.acknowledged_by;
COMMENT ON VIEW release_mgmt.stakeholder_status IS
'Each stakeholder of a release with the impact on it and the notice that reached it: not affected, not notified, notified or acknowledged.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.stakeholder_status');

CREATE VIEW release_mgmt.communication_calendar WITH (security_invoker = true) AS
SELECT r.code AS release, r.title, r.state, r.planned, c.code AS notice, o.code AS organization, s.name AS stakeholder, c.channel, c.subject,
       coalesce(c.sent_at, c.due) AS at, c.due, c.sent_at, c.acknowledged_at,
       CASE WHEN c.acknowledged_at IS NOT NULL THEN 'acknowledged'
            WHEN c.due < now() THEN 'overdue'
            WHEN c.sent_at IS NOT NULL THEN 'sent' ELSE 'planned' END AS status
FROM release_mgmt.communication AS c
JOIN release_mgmt.release AS r ON r.id = c.release_id
JOIN release_mgmt.organization AS o ON o.id = c.organization_id
LEFT JOIN release_mgmt.stakeholder AS s ON s.id = c.stakeholder_id;
COMMENT ON VIEW release_mgmt.communication_calendar IS
'The published calendar of notices about releases: at is when one was sent, or else is due; planned is when the release is to be rolled out. status: planned, sent, acknowledged, or overdue.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.communication_calendar');

CREATE FUNCTION release_mgmt_internal.check_stakeholders_notified(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(v.status IN ('acknowledged', 'not affected')),
            CASE WHEN count(*) = 0 THEN 'no stakeholder is recorded'
                 ELSE pg_catalog.string_agg(CASE v.status
                          WHEN 'no stakeholder' THEN pg_catalog.format('customer "%s" has no stakeholder', v.organization)
                          WHEN 'notified' THEN pg_catalog.format('"%s" of "%s" has not acknowledged notice "%s"', v.stakeholder, v.organization, v.notice)
                          ELSE pg_catalog.format('"%s" of "%s" is not notified', v.stakeholder, v.organization) END, '; ' ORDER BY v.organization, v.stakeholder)
                      FILTER (WHERE v.status NOT IN ('acknowledged', 'not affected')) END,
            CASE WHEN count(*) = 0 OR pg_catalog.bool_or(v.status IN ('not notified', 'no stakeholder')) THEN 'release manager' ELSE 'customer representative' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('stakeholder', v.stakeholder, 'organization', v.organization, 'impact', v.impact_level,
                'communication', v.notice, 'sent_at', v.sent_at, 'acknowledged_at', v.acknowledged_at, 'acknowledged_by', v.acknowledged_by))
                ORDER BY v.organization, v.stakeholder) FILTER (WHERE v.stakeholder IS NOT NULL)
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    CROSS JOIN LATERAL (
        SELECT s.organization, s.stakeholder, s.impact_level, s.notice, s.sent_at, s.acknowledged_at, s.acknowledged_by, s.status
        FROM release_mgmt.stakeholder_status AS s WHERE s.release = r.code
        UNION ALL
        SELECT o.code, NULL, NULL, NULL, NULL, NULL, NULL, 'no stakeholder'
        FROM release_mgmt.release_customer AS rc JOIN release_mgmt.organization AS o ON o.id = rc.organization_id
        WHERE rc.release_id = r.id
          AND NOT EXISTS (SELECT FROM release_mgmt.stakeholder AS s WHERE s.release_id = r.id AND s.organization_id = rc.organization_id)
    ) AS v
    WHERE r.id = check_stakeholders_notified.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_stakeholders_notified(uuid) IS
'Check: each customer of the release has a stakeholder, and each stakeholder that is affected was sent a notice and acknowledged it.';
SELECT release_mgmt_internal.register_check('stakeholders_notified', 'gate', 'release_mgmt_internal.check_stakeholders_notified',
    'organizational change is managed: stakeholders, the impact on them, notice and acknowledgement');
