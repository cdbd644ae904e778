-- Module release: releases.

-- SECURITY DEFINER in the trigger functions of this module: a rule reads what the caller may not.
CREATE TABLE release_mgmt.release (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    type            text NOT NULL,
    title           text,
    organization_id uuid NOT NULL DEFAULT release_mgmt_internal.own_organization('{release manager}'),
    model_id        uuid NOT NULL,
    policy_id       uuid,
    plan_id         uuid,
    state           text NOT NULL DEFAULT 'draft',
    requested_by    uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    planned         tstzrange,
    baseline        tstzrange,
    agreed_at       timestamptz,
    early_life      interval NOT NULL DEFAULT '14 days',
    revision        bigint NOT NULL DEFAULT 0,
    owner_id        uuid,
    CONSTRAINT release_pkey PRIMARY KEY (id),
    CONSTRAINT release_code_key UNIQUE (code),
    CONSTRAINT release_code_check CHECK (code <> ''),
    CONSTRAINT release_type_check CHECK (type IN ('major', 'minor', 'emergency')),
    CONSTRAINT release_early_life_check CHECK (early_life > interval '0' AND early_life <= interval '1000 years'),
    CONSTRAINT release_planned_check CHECK (planned IS NULL OR (isfinite(lower(planned)) AND isfinite(upper(planned))) IS TRUE),
    CONSTRAINT release_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT release_state_fkey FOREIGN KEY (model_id, state) REFERENCES release_mgmt.model_state,
    CONSTRAINT release_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT release_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES release_mgmt.management_plan,
    CONSTRAINT release_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT release_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.release IS 'Releases. state follows the pinned model; a plain UPDATE of it meets the same gates as advance_release().';
COMMENT ON COLUMN release_mgmt.release.planned IS 'when the roll-out is planned to run, at present; once agreed, changed by replan_release() or a row of planned_dates';
COMMENT ON COLUMN release_mgmt.release.baseline IS 'planned as it was when it was agreed, or as it is while it is not yet; kept when re-planned';
COMMENT ON COLUMN release_mgmt.release.agreed_at IS 'when the dates were agreed: the release left draft with them, or was first planned after that';
COMMENT ON COLUMN release_mgmt.release.early_life IS 'how long early life support lasts after the last deployment';
COMMENT ON COLUMN release_mgmt.release.revision IS 'raised by every change beneath the release, so that a gate never passes on rows it did not see';
COMMENT ON COLUMN release_mgmt.release.owner_id IS 'who answers for the release; whoever requests it, where nobody else is named';
CREATE INDEX release_state_idx ON release_mgmt.release (state);
CREATE INDEX release_organization_id_idx ON release_mgmt.release (organization_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release');
-- The second condition for a row that its own statement inserted.
SELECT release_mgmt_internal.belongs('release_mgmt.release', 'id', writes => 'organization_id',
    sees => 'release_mgmt_internal.may_see(id, ''release'') OR release_mgmt_internal.may_see(organization_id, ''own'')');
SELECT release_mgmt_internal.makes_party('release_mgmt.release', 'id', 'organization_id', 'serves');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.release');
SELECT release_mgmt_internal.allow('{change manager}', 'UPDATE (state)', 'release_mgmt.release');
CREATE TRIGGER rm_50_stamp BEFORE INSERT ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.stamp_requester();
-- An UPDATE asks only where it changes what the rule is about.
CREATE TRIGGER rm_50_stamped BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('stamp_requester', 'requested_by', 'created_at');

CREATE FUNCTION release_mgmt_internal.keep_release() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    draft record;
    named record;
    fixed text;
BEGIN
    NEW.owner_id := coalesce(NEW.owner_id, NEW.requested_by);
    IF TG_OP = 'INSERT' THEN
        NEW.revision := 0;
        IF NEW.state <> 'draft' THEN
            PERFORM release_mgmt_internal.refuse('illegal_transition', format('release "%s" can not begin as %s', NEW.code, NEW.state), NULL,
                'Insert it as draft and move it with advance_release().');
        END IF;
    ELSIF OLD.state <> 'draft' THEN
        -- A gate passed on what these were, and others agreed to it.
        fixed := concat_ws(', ', CASE WHEN NEW.code <> OLD.code THEN 'code' END, CASE WHEN NEW.type <> OLD.type THEN 'type' END,
            CASE WHEN NEW.organization_id <> OLD.organization_id THEN 'organization' END, CASE WHEN NEW.model_id <> OLD.model_id THEN 'model' END,
            CASE WHEN OLD.policy_id IS NOT NULL AND NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN 'policy' END,
            CASE WHEN OLD.plan_id IS NOT NULL AND NEW.plan_id IS DISTINCT FROM OLD.plan_id THEN 'plan' END,
            CASE WHEN NEW.early_life < OLD.early_life THEN 'early life, shorter' END);
        IF fixed <> '' THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" keeps what it left draft with: %s', OLD.code, fixed),
                format('It is %s.', OLD.state), 'These are chosen while the release is a draft; a policy or plan may still be named where none is, and early life made longer.');
        END IF;
    ELSIF NEW.organization_id <> OLD.organization_id AND NOT release_mgmt_internal.is_beyond_row_security()
          AND NOT release_mgmt_internal.may_write_for(NEW.organization_id, NULL, '{release manager}') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not give release "%s" to that organization', release_mgmt_internal.acting_role(), OLD.code),
            'It is not release manager there.', 'A release manager of that organization, or of an authority, takes it over.');
    END IF;
    IF TG_OP = 'INSERT' OR NEW.model_id <> OLD.model_id THEN
        SELECT m.code, m.version INTO draft FROM release_mgmt.release_model AS m WHERE m.id = NEW.model_id AND NOT m.builtin AND m.published_at IS NULL;
        IF FOUND THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release model "%s" version %s is not published', draft.code, draft.version), NULL,
                format('A change manager publishes it with publish_model(%L).', draft.code));
        END IF;
    END IF;
    IF NEW.policy_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.policy_id IS DISTINCT FROM OLD.policy_id) THEN
        SELECT p.code, p.version, p.in_force_from, f.version AS in_force INTO named
        FROM release_mgmt.release_policy AS p LEFT JOIN release_mgmt.release_policy AS f ON f.id = release_mgmt_internal.policy_in_force(p.code)
        WHERE p.id = NEW.policy_id AND f.id IS DISTINCT FROM p.id;
        IF FOUND THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release policy "%s" version %s is not in force', named.code, named.version),
                CASE WHEN named.in_force IS NULL THEN format('It is from %s on.', named.in_force_from) ELSE format('In force is version %s.', named.in_force) END,
                'A release runs under the version that is in force when it names it: see release_mgmt.release_policy_status.');
        END IF;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_release() IS
'Trigger: a release begins as draft, pins a published model, names a policy that is in force, and out of draft keeps code, type, organization, model, policy, plan and early life (which may become longer). While it is a draft, a release manager of another organization takes it over.';
CREATE TRIGGER rm_51_keep BEFORE INSERT ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_release();
CREATE TRIGGER rm_51_kept BEFORE UPDATE ON release_mgmt.release
FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.when_changed('keep_release', 'code', 'type', 'owner_id', 'organization_id', 'model_id', 'policy_id', 'plan_id', 'early_life');

CREATE FUNCTION release_mgmt_internal.pin_policy() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM release_mgmt.release AS r WHERE r.policy_id = OLD.id) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release policy "%s" version %s no longer changes', OLD.code, OLD.version),
            'A release runs under it.', format('Insert version %s.', OLD.version + 1));
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.pin_policy() IS 'Trigger: a policy that a release runs under does not change.';
CREATE TRIGGER rm_50_pin BEFORE UPDATE ON release_mgmt.release_policy
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.pin_policy();

CREATE FUNCTION release_mgmt_internal.keep_policy_part() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    policies uuid[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.policy_id] WHEN 'DELETE' THEN ARRAY[OLD.policy_id] ELSE ARRAY[OLD.policy_id, NEW.policy_id] END;
    pinned record;
BEGIN
    -- A release that is just naming the policy holds its key.
    PERFORM FROM release_mgmt.release_policy AS p WHERE p.id = ANY (policies) ORDER BY p.id FOR UPDATE;
    SELECT p.code, p.version INTO pinned FROM release_mgmt.release_policy AS p
    WHERE p.id = ANY (policies) AND EXISTS (SELECT FROM release_mgmt.release AS r WHERE r.policy_id = p.id) LIMIT 1;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the %s of release policy "%s" version %s no longer change', TG_ARGV[0], pinned.code, pinned.version),
            'A release runs under it.', format('Insert version %s.', pinned.version + 1));
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_policy_part() IS 'Trigger: the parts of a policy that a release runs under do not change. Argument: the word for them.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.policy_control
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_policy_part('controls');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.policy_signature
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_policy_part('required signatures');

CREATE FUNCTION release_mgmt_internal.keep_control() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    point text;
BEGIN
    SELECT c.point INTO point FROM release_mgmt.registered_check AS c WHERE c.name = NEW.check_name;
    IF point <> 'gate' OR NEW.check_name = 'policy_complied' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('"%s" can not be a control of a policy', NEW.check_name),
            CASE WHEN point <> 'gate' THEN format('It is asked at the point %s.', point) ELSE 'It asks every control of the policy, and would ask itself.' END,
            'A control is a check that a gate can ask: SELECT name, proves FROM release_mgmt.registered_check WHERE point = ''gate''.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_control() IS 'Trigger: a control of a policy is a check of a gate.';
CREATE TRIGGER rm_51_gate BEFORE INSERT OR UPDATE OF check_name ON release_mgmt.policy_control
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_control();

CREATE TABLE release_mgmt.release_customer (
    release_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    CONSTRAINT release_customer_pkey PRIMARY KEY (release_id, organization_id),
    CONSTRAINT release_customer_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_customer_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization
);
COMMENT ON TABLE release_mgmt.release_customer IS 'The customers for whom a release is made.';
CREATE INDEX release_customer_organization_id_idx ON release_mgmt.release_customer (organization_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_customer', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_customer');
SELECT release_mgmt_internal.belongs('release_mgmt.release_customer', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.makes_party('release_mgmt.release_customer', 'release_id', 'organization_id', 'receives');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_customer');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE', 'release_mgmt.release_customer');

CREATE TABLE release_mgmt.release_change (
    release_id uuid NOT NULL,
    change_id  uuid NOT NULL,
    CONSTRAINT release_change_pkey PRIMARY KEY (release_id, change_id),
    CONSTRAINT release_change_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_change_change_id_fkey FOREIGN KEY (change_id) REFERENCES release_mgmt.change_request
);
COMMENT ON TABLE release_mgmt.release_change IS 'Which change requests a release carries out.';
CREATE INDEX release_change_change_id_idx ON release_mgmt.release_change (change_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_change', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_change');
SELECT release_mgmt_internal.belongs('release_mgmt.release_change', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_change');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE', 'release_mgmt.release_change');

-- SECURITY DEFINER: whether a change is seen follows from rows that the caller may not see.
CREATE FUNCTION release_mgmt_internal.sees_change(change uuid) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM release_mgmt.change_request AS c WHERE c.id = change AND release_mgmt_internal.sees(c.organization_id, 'own'))
        OR EXISTS (SELECT FROM release_mgmt.release_change AS l WHERE l.change_id = change AND release_mgmt_internal.sees(l.release_id, 'release'));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.sees_change(uuid) IS 'Does the acting person see the change request: as one of its organization''s, or by a release that carries it out?';

CREATE FUNCTION release_mgmt_internal.keep_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF NOT release_mgmt_internal.sees_change(NEW.change_id) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', 'the change request that the release would carry out does not exist', NULL,
            'Change requests are the rows of release_mgmt.change_request.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_change() IS
'Trigger: a release carries out change requests that whoever links them sees, so that a link never opens one to somebody.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE ON release_mgmt.release_change
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_change();

CREATE TABLE release_mgmt.design_option (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    roll_out   text NOT NULL,
    delivery   text NOT NULL,
    mechanism  text NOT NULL,
    rationale  text NOT NULL,
    chosen     boolean NOT NULL DEFAULT false,
    CONSTRAINT design_option_pkey PRIMARY KEY (id),
    CONSTRAINT design_option_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT design_option_roll_out_check CHECK (roll_out IN ('big-bang', 'phased')),
    CONSTRAINT design_option_delivery_check CHECK (delivery IN ('push', 'pull')),
    CONSTRAINT design_option_mechanism_check CHECK (mechanism IN ('automated', 'manual')),
    CONSTRAINT design_option_rationale_check CHECK (rationale ~ '\S')
);
COMMENT ON TABLE release_mgmt.design_option IS 'The release design options considered, each with its rationale, one of them chosen; the choice drives the waves.';
CREATE UNIQUE INDEX design_option_chosen_idx ON release_mgmt.design_option (release_id) WHERE chosen;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.design_option', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.design_option');
SELECT release_mgmt_internal.belongs('release_mgmt.design_option', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.design_option');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.design_option');

CREATE FUNCTION release_mgmt_internal.find_release(code text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT r.id INTO found_id FROM release_mgmt.release AS r WHERE r.code = find_release.code;
    -- To whoever does not see it, it does not exist.
    IF found_id IS NULL OR NOT release_mgmt_internal.sees(found_id, 'release') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release "%s" does not exist', code), NULL,
            'Releases are the rows of release_mgmt.release; create_release() makes one.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.find_release(text) IS 'What release_id() returns. SECURITY DEFINER: knows of releases that the caller does not see, and says of them what it says of none.';

CREATE FUNCTION release_mgmt.release_id(code text) RETURNS uuid
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'rm_release_id';
COMMENT ON FUNCTION release_mgmt.release_id(text) IS 'The id of the release with that code; RM002 if there is none that the acting person sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.release_id(text)');

CREATE FUNCTION release_mgmt_internal.tell_release(release uuid) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN CASE WHEN release_mgmt_internal.sees(release, 'release') THEN (SELECT r.code FROM release_mgmt.release AS r WHERE r.id = release)
                ELSE 'a release of others' END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.tell_release(uuid) IS 'The code of a release where the acting person sees it; otherwise the words "a release of others".';

-- SECURITY DEFINER: reads tables of which the caller may hold no privilege, and writes four in one step.
CREATE FUNCTION release_mgmt.create_release(code text, type text, model text DEFAULT 'standard', customers text[] DEFAULT '{}', changes text[] DEFAULT '{}',
                                            policy text DEFAULT NULL, plan text DEFAULT NULL, planned tstzrange DEFAULT NULL,
                                            title text DEFAULT NULL, early_life interval DEFAULT '14 days', owner text DEFAULT NULL,
                                            organization text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    unknown text;
    differs text;
    new_release release_mgmt.release;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    IF coalesce(code, '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'a release has a code', NULL, 'SELECT release_mgmt.create_release(code, type).');
    END IF;
    -- Everything that names nothing, at once.
    SELECT string_agg(u.what, '; ') INTO unknown
    FROM (SELECT format('model "%s"', model) AS what
          WHERE NOT EXISTS (SELECT FROM release_mgmt.release_model AS m WHERE m.code = model AND (m.builtin OR m.published_at IS NOT NULL))
          UNION ALL
          SELECT format('type "%s"', type) WHERE (type IN ('major', 'minor', 'emergency')) IS NOT TRUE
          UNION ALL
          SELECT format('organization "%s"', c) FROM unnest(customers || organization) AS c
          WHERE c IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.organization AS o WHERE o.code = c)
          UNION ALL
          SELECT format('change request "%s"', c) FROM unnest(changes) AS c
          WHERE NOT EXISTS (SELECT FROM release_mgmt.change_request AS r WHERE r.code = c AND release_mgmt_internal.sees_change(r.id))
          UNION ALL
          SELECT format('release policy "%s"', policy)
          WHERE release_mgmt_internal.policy_in_force(policy) IS NULL AND policy IS NOT NULL
          UNION ALL
          SELECT format('person "%s"', owner) WHERE owner IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.person AS p WHERE p.code = owner)
          UNION ALL
          SELECT format('management plan "%s"', plan)
          WHERE plan IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.management_plan AS p WHERE p.code = plan)) AS u;
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release "%s" can not be created', code),
            format('These do not exist, or are not published or in force: %s.', unknown), 'Insert them first, or correct the codes.');
    END IF;
    IF NOT release_mgmt_internal.may_write_for((SELECT o.id FROM release_mgmt.organization AS o WHERE o.code = organization), NULL, '{release manager}') AND organization IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" is not release manager of "%s"', release_mgmt_internal.acting_role(), organization),
            NULL, 'A release is created by a release manager of the organization whose it is, or of an authority.');
    END IF;

    SELECT r.* INTO new_release FROM release_mgmt.release AS r WHERE r.code = create_release.code;
    IF FOUND THEN
        IF NOT release_mgmt_internal.sees(new_release.id, 'release') THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" exists already, and differs', code), NULL, 'Choose another code.');
        END IF;
        -- What was added to it since is no difference.
        SELECT string_agg(d.what, '; ') INTO differs
        FROM (SELECT format('type is %s', new_release.type) AS what WHERE new_release.type IS DISTINCT FROM create_release.type
              UNION ALL
              SELECT format('title is %s', coalesce(quote_literal(new_release.title), 'NULL')) WHERE new_release.title IS DISTINCT FROM create_release.title
              UNION ALL
              SELECT format('model is "%s"', m.code) FROM release_mgmt.release_model AS m WHERE m.id = new_release.model_id AND m.code IS DISTINCT FROM model
              UNION ALL
              SELECT format('organization is "%s"', o.code) FROM release_mgmt.organization AS o WHERE o.id = new_release.organization_id AND o.code <> organization
              UNION ALL
              SELECT format('policy is %s', coalesce('"' || p.code || '"', 'none'))
              FROM (SELECT) AS always LEFT JOIN release_mgmt.release_policy AS p ON p.id = new_release.policy_id WHERE p.code IS DISTINCT FROM coalesce(policy, p.code)
              UNION ALL
              SELECT format('plan is %s', coalesce('"' || p.code || '"', 'none'))
              FROM (SELECT) AS always LEFT JOIN release_mgmt.management_plan AS p ON p.id = new_release.plan_id WHERE p.code IS DISTINCT FROM coalesce(plan, p.code)
              UNION ALL
              SELECT format('"%s" is no customer of it', c) FROM unnest(customers) AS c
              WHERE NOT EXISTS (SELECT FROM release_mgmt.release_customer AS x WHERE x.release_id = new_release.id AND x.organization_id = release_mgmt.organization_id(c))
              UNION ALL
              SELECT format('it does not carry out "%s"', c) FROM unnest(changes) AS c
              WHERE NOT EXISTS (SELECT FROM release_mgmt.release_change AS x JOIN release_mgmt.change_request AS r ON r.id = x.change_id
                                WHERE x.release_id = new_release.id AND r.code = c)) AS d;
        IF differs IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" exists already, and differs', code), format('Of the one that exists: %s.', differs),
                'Choose another code, or change the release that is there.');
        END IF;
        RETURN new_release.id;
    END IF;

    INSERT INTO release_mgmt.release (code, type, title, organization_id, model_id, policy_id, plan_id, planned, early_life, owner_id)
    VALUES (code, type, title, coalesce((SELECT o.id FROM release_mgmt.organization AS o WHERE o.code = organization), release_mgmt_internal.acting_organization('release manager')),
            (SELECT m.id FROM release_mgmt.release_model AS m WHERE m.code = model AND (m.builtin OR m.published_at IS NOT NULL) ORDER BY m.version DESC LIMIT 1),
            release_mgmt_internal.policy_in_force(policy),
            (SELECT p.id FROM release_mgmt.management_plan AS p WHERE p.code = plan ORDER BY p.version DESC LIMIT 1),
            planned, early_life, (SELECT p.id FROM release_mgmt.person AS p WHERE p.code = owner))
    RETURNING * INTO new_release;
    INSERT INTO release_mgmt.release_customer (release_id, organization_id)
    SELECT DISTINCT new_release.id, release_mgmt.organization_id(c) FROM unnest(customers) AS c;
    INSERT INTO release_mgmt.release_change (release_id, change_id)
    SELECT new_release.id, r.id FROM release_mgmt.change_request AS r WHERE r.code = ANY (changes);
    RETURN new_release.id;
END $$;
COMMENT ON FUNCTION release_mgmt.create_release(text, text, text, text[], text[], text, text, tstzrange, text, interval, text, text) IS
'Creates a release and returns its id. code: unique; type: major, minor or emergency; model: code of a release model, its latest published version is pinned; customers: organizations; changes: change requests; policy: the release policy, its latest version in force; plan: the Release Management Plan; planned: when the roll-out is to run, the baseline once the release leaves draft; early_life: how long early life support lasts; owner: the person who answers for it, NULL: who creates it; organization: whose release it is, NULL: the one in which whoever creates it is release manager, the shipped provider and other providers first. Errors: RM002 anything unknown, all of it listed; RM003 without the duty release manager, in organization where that is given; RM015 the code exists, and is not such a release.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE',
    'FUNCTION release_mgmt.create_release(text, text, text, text[], text[], text, text, tstzrange, text, interval, text, text)');
