-- Module transition: support that organizations need from each other for a deployment.

CREATE TABLE release_mgmt.support_request (
    id                   uuid DEFAULT release_mgmt.new_id(),
    code                 text NOT NULL,
    release_id           uuid NOT NULL,
    from_organization_id uuid NOT NULL,
    to_organization_id   uuid NOT NULL,
    what                 text NOT NULL,
    due                  timestamptz,
    requested_by         uuid,
    requested_at         timestamptz NOT NULL,
    acknowledged_at      timestamptz,
    acknowledged_by      uuid,
    done_at              timestamptz,
    done_by              uuid,
    CONSTRAINT support_request_pkey PRIMARY KEY (id),
    CONSTRAINT support_request_code_key UNIQUE (code),
    CONSTRAINT support_request_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT support_request_from_organization_id_fkey FOREIGN KEY (from_organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT support_request_to_organization_id_fkey FOREIGN KEY (to_organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT support_request_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT support_request_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES release_mgmt.person,
    CONSTRAINT support_request_done_by_fkey FOREIGN KEY (done_by) REFERENCES release_mgmt.person,
    CONSTRAINT support_request_what_check CHECK (what <> ''),
    CONSTRAINT support_request_organizations_check CHECK (from_organization_id <> to_organization_id),
    CONSTRAINT support_request_acknowledged_check CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT support_request_done_check CHECK ((done_at IS NULL) = (done_by IS NULL)),
    CONSTRAINT support_request_order_check CHECK (done_at IS NULL OR (acknowledged_at IS NOT NULL AND done_at >= acknowledged_at))
);
COMMENT ON TABLE release_mgmt.support_request IS
'What one organization needs from another for a deployment: requested, then acknowledged, then done, the last two by the organization asked. An open one blocks its gate.';
COMMENT ON COLUMN release_mgmt.support_request.code IS 'how people name the request; where not given, the release''s code and a number: REL-1/support-1';
COMMENT ON COLUMN release_mgmt.support_request.from_organization_id IS 'who needs it';
COMMENT ON COLUMN release_mgmt.support_request.to_organization_id IS 'who is asked';
CREATE INDEX support_request_release_id_idx ON release_mgmt.support_request (release_id);
CREATE INDEX support_request_from_organization_id_idx ON release_mgmt.support_request (from_organization_id);
CREATE INDEX support_request_to_organization_id_idx ON release_mgmt.support_request (to_organization_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.support_request', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.support_request');
SELECT release_mgmt_internal.belongs('release_mgmt.support_request', 'release_id', '{from_organization_id,to_organization_id}');
SELECT release_mgmt_internal.makes_party('release_mgmt.support_request', 'release_id', o, 'supports') FROM unnest('{from_organization_id,to_organization_id}'::text[]) AS o;
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.support_request');
SELECT release_mgmt_internal.allow('{release manager,change manager,customer representative}', 'INSERT', 'release_mgmt.support_request');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.support_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.keep_support_request() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    free text[] := '{acknowledged_at,acknowledged_by,done_at,done_by}';
    what text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- touch_release() holds the release's row, so nobody else counts at the same time.
        NEW.code := coalesce(NEW.code, format('%s/support-%s', release_mgmt_internal.require_release(NEW.release_id),
            1 + (SELECT count(*) FROM release_mgmt.support_request AS s WHERE s.release_id = NEW.release_id)));
        NEW.requested_by := release_mgmt_internal.acting_person();
        NEW.requested_at := clock_timestamp();
        IF NEW.acknowledged_at IS NOT NULL OR NEW.done_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('support request "%s" can not begin as %s', NEW.code,
                CASE WHEN NEW.done_at IS NULL THEN 'acknowledged' ELSE 'done' END), NULL, 'The organization asked acknowledges it with acknowledge_support_request().');
        END IF;
        NEW.acknowledged_by := NULL;
        NEW.done_by := NULL;
        RETURN NEW;
    END IF;

    what := format('support request "%s"', OLD.code);
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - free <> to_jsonb(OLD) - free THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s stays as it was made', what), NULL, 'Insert another one.');
    END IF;
    IF (OLD.acknowledged_at IS NOT NULL AND (NEW.acknowledged_at, NEW.acknowledged_by) IS DISTINCT FROM (OLD.acknowledged_at, OLD.acknowledged_by))
       OR (OLD.done_at IS NOT NULL AND (NEW.done_at, NEW.done_by) IS DISTINCT FROM (OLD.done_at, OLD.done_by)) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is %s already', what, CASE WHEN OLD.done_at IS NULL THEN 'acknowledged' ELSE 'done' END), NULL, NULL);
    END IF;
    IF NEW.done_at IS NOT NULL AND OLD.acknowledged_at IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is not acknowledged yet', what), 'It is acknowledged first, then done.',
            format('Acknowledge it with CALL release_mgmt.acknowledge_support_request(%L).', OLD.code));
    END IF;
    IF OLD.acknowledged_at IS NULL THEN
        NEW.acknowledged_by := NULL;
    END IF;
    IF OLD.done_at IS NULL THEN
        NEW.done_by := NULL;
    END IF;
    IF NEW.acknowledged_at IS NOT NULL AND OLD.acknowledged_at IS NULL THEN
        NEW.acknowledged_by := release_mgmt_internal.require_recipient(OLD.to_organization_id, what, OLD.requested_by,
            'customer representative', 'operator', 'release manager', 'change manager', 'test manager', 'librarian');
        NEW.acknowledged_at := clock_timestamp();
    END IF;
    IF NEW.done_at IS NOT NULL AND OLD.done_at IS NULL THEN
        NEW.done_by := release_mgmt_internal.require_recipient(OLD.to_organization_id, what, OLD.requested_by,
            'customer representative', 'operator', 'release manager', 'change manager', 'test manager', 'librarian');
        NEW.done_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_support_request() IS
'Trigger: a support request stays as it was made, is acknowledged and then done by somebody of the organization asked who did not make it; each stamped with who and when. Errors: RM003, RM008, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.support_request
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_support_request();

-- SECURITY DEFINER in the verbs: who may do it is the trigger's to say, not the grants'.
CREATE FUNCTION release_mgmt_internal.require_support_request(code text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.support_request AS s
                   WHERE s.code = require_support_request.code
                     AND (release_mgmt_internal.sees(s.from_organization_id, 'own') OR release_mgmt_internal.sees(s.to_organization_id, 'own')
                          OR release_mgmt_internal.sees(s.release_id, 'served'))) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('support request "%s" does not exist', code), NULL,
            'Support requests are the rows of release_mgmt.support_request.');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_support_request(text) IS 'RM002 where no support request has that code.';

CREATE PROCEDURE release_mgmt.acknowledge_support_request(request text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_support_request(request);
    UPDATE release_mgmt.support_request AS s SET acknowledged_at = clock_timestamp() WHERE s.code = request AND s.acknowledged_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.acknowledge_support_request(text) IS
'Acknowledges a support request for the organization asked; one acknowledged already stays as it is. Errors: RM002 unknown request, RM003 no duty in that organization, RM008 who made it.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.acknowledge_support_request(text)');

CREATE PROCEDURE release_mgmt.complete_support_request(request text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_support_request(request);
    UPDATE release_mgmt.support_request AS s SET done_at = clock_timestamp() WHERE s.code = request AND s.done_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.complete_support_request(text) IS
'Reports an acknowledged support request as done, for the organization asked; one done already stays as it is. Errors: RM002 unknown request, RM003 no duty in that organization, RM008 who made it, RM015 not acknowledged yet.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.complete_support_request(text)');

CREATE FUNCTION release_mgmt_internal.check_support_requests_done(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) FILTER (WHERE s.done_at IS NULL) = 0 AND count(*) > 0,
            CASE WHEN count(*) = 0 THEN 'no support request is recorded: nobody was asked what the deployment needs of others'
                 ELSE pg_catalog.string_agg(pg_catalog.format('support request "%s" is %s by "%s"', s.code,
                          CASE WHEN s.acknowledged_at IS NULL THEN 'not acknowledged' ELSE 'not done' END, t.code), '; ' ORDER BY s.code) FILTER (WHERE s.done_at IS NULL) END,
            CASE WHEN count(*) = 0 THEN 'release manager'
                 WHEN pg_catalog.bool_or(t.kind = 'customer') FILTER (WHERE s.done_at IS NULL) THEN 'customer representative' ELSE 'operator' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('support_request', s.code, 'from', f.code, 'to', t.code, 'what', s.what, 'due', s.due,
                'acknowledged_at', s.acknowledged_at, 'done_at', s.done_at, 'done_by', p.code)) ORDER BY s.code)
           )::release_mgmt.check_result
    FROM release_mgmt.support_request AS s
    JOIN release_mgmt.organization AS f ON f.id = s.from_organization_id
    JOIN release_mgmt.organization AS t ON t.id = s.to_organization_id
    LEFT JOIN release_mgmt.person AS p ON p.id = s.done_by
    WHERE s.release_id = check_support_requests_done.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_support_requests_done(uuid) IS
'Check: what the deployment needs of other organizations was requested, at least once, and every request is done.';
SELECT release_mgmt_internal.register_check('support_requests_done', 'gate', 'release_mgmt_internal.check_support_requests_done',
    'customers and other providers got and gave what the deployment needs');
