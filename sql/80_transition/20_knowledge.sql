-- Module transition: knowledge handed over to users and to operations.

CREATE TABLE release_mgmt.knowledge_item (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    release_id      uuid NOT NULL,
    audience        text NOT NULL,
    organization_id uuid NOT NULL,
    title           text NOT NULL,
    location        text NOT NULL,
    digest          release_mgmt.digest,
    delivered_at    timestamptz,
    delivered_by    uuid,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    CONSTRAINT knowledge_item_pkey PRIMARY KEY (id),
    CONSTRAINT knowledge_item_code_key UNIQUE (code),
    CONSTRAINT knowledge_item_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT knowledge_item_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT knowledge_item_delivered_by_fkey FOREIGN KEY (delivered_by) REFERENCES release_mgmt.person,
    CONSTRAINT knowledge_item_acknowledged_by_fkey FOREIGN KEY (acknowledged_by) REFERENCES release_mgmt.person,
    CONSTRAINT knowledge_item_audience_check CHECK (audience IN ('users', 'operations')),
    CONSTRAINT knowledge_item_stated_check CHECK (title <> '' AND location <> ''),
    CONSTRAINT knowledge_item_delivered_check CHECK ((delivered_at IS NULL) = (delivered_by IS NULL)),
    CONSTRAINT knowledge_item_acknowledged_check CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CONSTRAINT knowledge_item_order_check CHECK (acknowledged_at IS NULL OR (delivered_at IS NOT NULL AND acknowledged_at >= delivered_at))
);
COMMENT ON TABLE release_mgmt.knowledge_item IS
'What must be known about a release, and by whom: delivered by deliver_knowledge(), then acknowledged by the organization that received it with acknowledge_knowledge().';
COMMENT ON COLUMN release_mgmt.knowledge_item.code IS 'how people name the item; where not given, the release''s code and a number: REL-1/knowledge-1';
COMMENT ON COLUMN release_mgmt.knowledge_item.audience IS 'users: customers and users; operations: operations and support';
COMMENT ON COLUMN release_mgmt.knowledge_item.organization_id IS 'who receives it; where not given, the release''s only customer for users, the release''s own organization for operations';
COMMENT ON COLUMN release_mgmt.knowledge_item.location IS 'where it is: an address, a document''s name, the place of a training';
COMMENT ON COLUMN release_mgmt.knowledge_item.digest IS 'of the content, where it is a file';
CREATE INDEX knowledge_item_release_id_idx ON release_mgmt.knowledge_item (release_id, audience);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.knowledge_item', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.knowledge_item');
SELECT release_mgmt_internal.belongs('release_mgmt.knowledge_item', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.knowledge_item');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.knowledge_item');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.knowledge_item
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.keep_knowledge_item() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    what text := format('knowledge item "%s"', CASE TG_OP WHEN 'DELETE' THEN OLD.code ELSE NEW.code END);
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.delivered_at IS NOT NULL
       AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - '{acknowledged_at,acknowledged_by}'::text[] <> to_jsonb(OLD) - '{acknowledged_at,acknowledged_by}'::text[]) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is delivered and does not change', what), NULL, 'Insert and deliver another one.');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- touch_release() holds the release's row, so nobody else counts at the same time.
        NEW.code := coalesce(NEW.code, format('%s/knowledge-%s', release_mgmt_internal.require_release(NEW.release_id),
            1 + (SELECT count(*) FROM release_mgmt.knowledge_item AS k WHERE k.release_id = NEW.release_id)));
        what := format('knowledge item "%s"', NEW.code);
        IF NEW.organization_id IS NULL AND NEW.audience = 'operations' THEN
            SELECT r.organization_id INTO NEW.organization_id FROM release_mgmt.release AS r WHERE r.id = NEW.release_id;
        ELSIF NEW.organization_id IS NULL THEN
            SELECT min(c.organization_id::text)::uuid INTO NEW.organization_id
            FROM release_mgmt.release_customer AS c WHERE c.release_id = NEW.release_id HAVING count(*) = 1;
        END IF;
        IF NEW.acknowledged_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s can not begin as acknowledged', what), NULL,
                'Its recipient acknowledges it with acknowledge_knowledge().');
        END IF;
    END IF;
    IF NEW.delivered_at IS NULL THEN
        NEW.delivered_by := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.delivered_at IS NULL THEN
        NEW.delivered_by := release_mgmt_internal.require_duty('release manager');
        NEW.delivered_at := clock_timestamp();
    END IF;
    IF NEW.acknowledged_at IS NULL THEN
        NEW.acknowledged_by := NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.acknowledged_at, NEW.acknowledged_by) IS DISTINCT FROM (OLD.acknowledged_at, OLD.acknowledged_by) THEN
        IF OLD.acknowledged_at IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is acknowledged already', what), NULL, NULL);
        END IF;
        IF OLD.delivered_at IS NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('%s is not delivered yet', what), NULL,
                format('Deliver it with CALL release_mgmt.deliver_knowledge(%L).', OLD.code));
        END IF;
        NEW.acknowledged_by := release_mgmt_internal.require_recipient(OLD.organization_id, what, OLD.delivered_by,
            VARIADIC CASE OLD.audience WHEN 'users' THEN '{customer representative}'::text[] ELSE '{operator}' END);
        NEW.acknowledged_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_knowledge_item() IS
'Trigger: knowledge is delivered, then acknowledged by its recipient (a customer representative for users, an operator for operations), who did not deliver it; each stamped with who and when. Errors: RM003, RM008, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.knowledge_item
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_knowledge_item();

-- SECURITY DEFINER in the verbs: who may do it is the trigger's to say, not the grants'.
CREATE PROCEDURE release_mgmt.deliver_knowledge(item text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    IF NOT EXISTS (SELECT FROM release_mgmt.knowledge_item AS k WHERE k.code = item AND release_mgmt_internal.sees(k.release_id, 'release')) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('knowledge item "%s" does not exist', item), NULL,
            'Knowledge items are the rows of release_mgmt.knowledge_item.');
    END IF;
    PERFORM release_mgmt_internal.require_duty_for(k.release_id, 'release manager') FROM release_mgmt.knowledge_item AS k WHERE k.code = item;
    UPDATE release_mgmt.knowledge_item AS k SET delivered_at = clock_timestamp() WHERE k.code = item AND k.delivered_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.deliver_knowledge(text) IS
'Records that a knowledge item is delivered; one delivered already stays as it is. Errors: RM002 unknown item, RM003 without the duty release manager.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.deliver_knowledge(text)');

CREATE PROCEDURE release_mgmt.acknowledge_knowledge(item text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.knowledge_item AS k
                   WHERE k.code = item AND (release_mgmt_internal.sees(k.organization_id, 'own') OR release_mgmt_internal.sees(k.release_id, 'served'))) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('knowledge item "%s" does not exist', item), NULL,
            'Knowledge items are the rows of release_mgmt.knowledge_item.');
    END IF;
    UPDATE release_mgmt.knowledge_item AS k SET acknowledged_at = clock_timestamp() WHERE k.code = item AND k.acknowledged_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.acknowledge_knowledge(text) IS
'Acknowledges, for the organization that received it, that a knowledge item is received and understood; one acknowledged already stays as it is. Errors: RM002 unknown item, RM003 neither customer representative (users) nor operator (operations) of that organization, RM008 who delivered it, RM015 not delivered yet.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.acknowledge_knowledge(text)');

CREATE FUNCTION release_mgmt_internal.knowledge_of(release uuid, audience text) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(v.status = 'acknowledged'),
            CASE WHEN count(*) = 0 THEN pg_catalog.format('no knowledge item for %s is recorded', knowledge_of.audience)
                 ELSE pg_catalog.string_agg(CASE v.status WHEN 'no item' THEN pg_catalog.format('customer "%s" has no knowledge item for users', v.organization)
                          ELSE pg_catalog.format('"%s" (%s) is %s by "%s"', v.code, v.title, CASE v.status WHEN 'delivered' THEN 'not acknowledged' ELSE 'not delivered, nor acknowledged' END, v.organization) END,
                          '; ' ORDER BY v.code, v.organization) FILTER (WHERE v.status <> 'acknowledged') END,
            CASE WHEN count(*) = 0 OR pg_catalog.bool_or(v.status IN ('no item', 'not delivered')) THEN 'release manager'
                 WHEN knowledge_of.audience = 'users' THEN 'customer representative' ELSE 'operator' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('knowledge_item', v.code, 'title', v.title, 'organization', v.organization,
                'delivered_at', v.delivered_at, 'acknowledged_at', v.acknowledged_at, 'acknowledged_by', v.acknowledged_by)) ORDER BY v.code) FILTER (WHERE v.code IS NOT NULL)
           )::release_mgmt.check_result
    FROM (
        SELECT k.code, k.title, o.code AS organization, k.delivered_at, k.acknowledged_at, p.code AS acknowledged_by,
               CASE WHEN k.acknowledged_at IS NOT NULL THEN 'acknowledged' WHEN k.delivered_at IS NOT NULL THEN 'delivered' ELSE 'not delivered' END AS status
        FROM release_mgmt.knowledge_item AS k
        JOIN release_mgmt.organization AS o ON o.id = k.organization_id
        LEFT JOIN release_mgmt.person AS p ON p.id = k.acknowledged_by
        WHERE k.release_id = knowledge_of.release AND k.audience = knowledge_of.audience
        UNION ALL
        SELECT NULL, NULL, o.code, NULL, NULL, NULL, 'no item'
        FROM release_mgmt.release_customer AS rc JOIN release_mgmt.organization AS o ON o.id = rc.organization_id
        WHERE rc.release_id = knowledge_of.release AND knowledge_of.audience = 'users'
          AND NOT EXISTS (SELECT FROM release_mgmt.knowledge_item AS k
                          WHERE k.release_id = knowledge_of.release AND k.audience = 'users' AND k.organization_id = rc.organization_id)
    ) AS v;
END;
COMMENT ON FUNCTION release_mgmt_internal.knowledge_of(uuid, text) IS 'Whether knowledge was transferred to the audience of a release, as the answer of a check.';

CREATE FUNCTION release_mgmt_internal.check_knowledge_users(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT k FROM release_mgmt_internal.knowledge_of(check_knowledge_users.release, 'users') AS k;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_knowledge_users(uuid) IS
'Check: each customer of the release has knowledge items for its users, and all are delivered and acknowledged.';
SELECT release_mgmt_internal.register_check('knowledge_users', 'gate', 'release_mgmt_internal.check_knowledge_users',
    'knowledge is transferred to customers and users');

CREATE FUNCTION release_mgmt_internal.check_knowledge_operations(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT k FROM release_mgmt_internal.knowledge_of(check_knowledge_operations.release, 'operations') AS k;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_knowledge_operations(uuid) IS
'Check: knowledge items for operations and support are delivered and acknowledged, at least one.';
SELECT release_mgmt_internal.register_check('knowledge_operations', 'gate', 'release_mgmt_internal.check_knowledge_operations',
    'skills and knowledge are transferred to operations and support');
