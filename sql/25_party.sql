-- Module party: organizations, persons, their duties and keys, and who is acting.

CREATE TABLE release_mgmt.organization (
    id      uuid DEFAULT release_mgmt.new_id(),
    code    text NOT NULL,
    kind    text NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    CONSTRAINT organization_pkey PRIMARY KEY (id),
    CONSTRAINT organization_code_key UNIQUE (code),
    CONSTRAINT organization_code_check CHECK (code <> ''),
    CONSTRAINT organization_kind_check CHECK (kind IN ('authority', 'integrator', 'provider', 'customer'))
);
COMMENT ON TABLE release_mgmt.organization IS
'The parties to the contract. One of each kind is shipped, so that a first release needs no preparation.';
COMMENT ON COLUMN release_mgmt.organization.kind IS 'authority, integrator, provider or customer';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.organization', 'WHERE NOT builtin');
INSERT INTO release_mgmt.organization (id, code, kind, builtin) VALUES
    ('019ac000-0001-7000-8000-000000000001', 'Authority', 'authority', true),
    ('019ac000-0001-7000-8000-000000000002', 'Integrator', 'integrator', true),
    ('019ac000-0001-7000-8000-000000000003', 'Provider', 'provider', true),
    ('019ac000-0001-7000-8000-000000000004', 'Customer', 'customer', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.organization');
SELECT release_mgmt_internal.is_shared('release_mgmt.organization', 'the parties to the contract know each other');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.organization');

CREATE TABLE release_mgmt.duty (
    name        text,
    description text NOT NULL,
    builtin     boolean NOT NULL DEFAULT false,
    CONSTRAINT duty_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE release_mgmt.duty IS 'The duties a person can have within an organization.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.duty', 'WHERE NOT builtin');
INSERT INTO release_mgmt.duty (name, description, builtin) VALUES
    ('release manager', 'plans, builds, seals and rolls out releases', true),
    ('change manager', 'approves changes and releases, keeps the change schedule', true),
    ('operator', 'claims and reports deployment steps', true),
    ('librarian', 'takes content into the Definitive Media Library and retires it', true),
    ('test manager', 'plans tests and records their results', true),
    ('customer representative', 'accepts plans, acknowledges notices and knowledge for an organization', true),
    ('auditor', 'reads everything, verifies the ledger', true),
    ('reader', 'reads what reports need', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.duty');
SELECT release_mgmt_internal.is_shared('release_mgmt.duty', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.duty');

CREATE TABLE release_mgmt.person (
    id        uuid DEFAULT release_mgmt.new_id(),
    code      text NOT NULL,
    role_name name NOT NULL,
    CONSTRAINT person_pkey PRIMARY KEY (id),
    CONSTRAINT person_code_key UNIQUE (code),
    CONSTRAINT person_role_name_key UNIQUE (role_name)
);
COMMENT ON TABLE release_mgmt.person IS 'A person, known by a database role.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.person', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.person');
SELECT release_mgmt_internal.is_shared('release_mgmt.person', 'who signed, approved or did something is told by name');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.person');

CREATE TABLE release_mgmt.person_duty (
    person_id       uuid NOT NULL,
    duty            text NOT NULL,
    organization_id uuid NOT NULL,
    CONSTRAINT person_duty_pkey PRIMARY KEY (person_id, duty, organization_id),
    CONSTRAINT person_duty_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person,
    CONSTRAINT person_duty_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT person_duty_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization
);
COMMENT ON TABLE release_mgmt.person_duty IS 'Who has which duty in which organization. Written by grant_duty() and revoke_duty().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.person_duty', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.person_duty');
SELECT release_mgmt_internal.is_shared('release_mgmt.person_duty', 'whom to ask');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.person_duty');

CREATE TABLE release_mgmt.signing_key (
    id                uuid DEFAULT release_mgmt.new_id(),
    code              text NOT NULL,
    person_id         uuid NOT NULL,
    public_key        text NOT NULL,
    registered_at     timestamptz,
    valid_until       timestamptz,
    revoked_from      timestamptz,
    revocation_reason text,
    CONSTRAINT signing_key_pkey PRIMARY KEY (id),
    CONSTRAINT signing_key_code_key UNIQUE (code),
    CONSTRAINT signing_key_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person,
    CONSTRAINT signing_key_public_key_check CHECK (public_key LIKE '-----BEGIN PUBLIC KEY-----%'),
    CONSTRAINT signing_key_valid_until_check CHECK (valid_until > registered_at),
    CONSTRAINT signing_key_revoked_check CHECK ((revoked_from IS NULL) = (revocation_reason IS NULL) AND revocation_reason <> '')
);
COMMENT ON TABLE release_mgmt.signing_key IS 'Public keys of persons, PEM (RFC 7468, SubjectPublicKeyInfo). A private key is never stored.';
COMMENT ON COLUMN release_mgmt.signing_key.valid_until IS 'what is signed from then on does not count; NULL: no end';
COMMENT ON COLUMN release_mgmt.signing_key.revoked_from IS 'from when on the key is no longer its holder''s alone: what was signed then or later does not count; NULL: not revoked';
CREATE INDEX signing_key_person_id_idx ON release_mgmt.signing_key (person_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.signing_key', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.signing_key');
SELECT release_mgmt_internal.is_shared('release_mgmt.signing_key', 'public keys');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.signing_key');

CREATE TABLE release_mgmt.proxy (
    role_name name,
    CONSTRAINT proxy_pkey PRIMARY KEY (role_name)
);
COMMENT ON TABLE release_mgmt.proxy IS
'Roles of applications that may act for any person, whom they name with SET LOCAL release_mgmt.actor. Written by add_proxy() and remove_proxy().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.proxy', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.proxy');
SELECT release_mgmt_internal.is_shared('release_mgmt.proxy', 'who may act for others');
SELECT release_mgmt_internal.allow('{auditor}', 'SELECT', 'release_mgmt.proxy');

CREATE FUNCTION release_mgmt_internal.acting_role() RETURNS name
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_acting_role';
COMMENT ON FUNCTION release_mgmt_internal.acting_role() IS
'The role in effect outside every SECURITY DEFINER function; for a proxy that says for whom it acts, the role of that person. RM003 where somebody else says so.';

-- SECURITY DEFINER: a proxy reads none of this itself.
CREATE FUNCTION release_mgmt_internal.role_of_actor(proxy name, actor text) RETURNS oid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_role oid;
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.proxy AS x WHERE x.role_name = role_of_actor.proxy) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" may not act for "%s"', proxy, actor),
            'release_mgmt.actor is set, and the role is no proxy.',
            format('RESET release_mgmt.actor. A DBA lists the login of an application with CALL release_mgmt.add_proxy(%L).', proxy));
    END IF;
    SELECT r.oid INTO found_role FROM release_mgmt.person AS p JOIN pg_roles AS r ON r.rolname = p.role_name WHERE p.code = actor;
    IF found_role IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('person "%s" does not exist', actor),
            format('Role "%s" says in release_mgmt.actor that it acts for that person.', proxy),
            'Persons are the rows of release_mgmt.person, each with a role; they come with their first duty.');
    END IF;
    RETURN found_role;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.role_of_actor(name, text) IS
'The role of the person for whom the proxy acts. Errors: RM002 no such person, RM003 no proxy.';

-- The functions from here on to grant_duty() read tables on behalf of callers that hold no privilege on them, hence SECURITY DEFINER.
-- PL/pgSQL, which keeps its plan: the guard asks for every changed column.
CREATE FUNCTION release_mgmt_internal.acting_person() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (SELECT p.id FROM release_mgmt.person AS p WHERE p.role_name = release_mgmt_internal.acting_role());
END $$;
COMMENT ON FUNCTION release_mgmt_internal.acting_person() IS 'The person known by the acting role, or NULL.';

CREATE FUNCTION release_mgmt_internal.require_duty(VARIADIC duties text[]) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid;
    held text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT pd.person_id INTO acting
    FROM release_mgmt.person_duty AS pd
    JOIN release_mgmt.person AS p ON p.id = pd.person_id
    WHERE p.role_name = release_mgmt_internal.acting_role() AND pd.duty = ANY (duties)
    LIMIT 1;
    IF acting IS NULL THEN
        SELECT string_agg(DISTINCT pd.duty, ', ') INTO held
        FROM release_mgmt.person_duty AS pd
        JOIN release_mgmt.person AS p ON p.id = pd.person_id
        WHERE p.role_name = release_mgmt_internal.acting_role();
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" does not have the duty that this needs: %s', release_mgmt_internal.acting_role(), array_to_string(duties, ' or ')),
            coalesce('It has: ' || held || '.', 'It has no duty at all.'),
            format('A DBA gives it with CALL release_mgmt.grant_duty(%L, %L, organization).', release_mgmt_internal.acting_role(), duties[1]));
    END IF;
    RETURN acting;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_duty(text[]) IS
'The acting person''s id where that person has one of the duties in any organization; otherwise RM003, in an inactive database RM001.';

CREATE FUNCTION release_mgmt_internal.has_duty_in(organization uuid, VARIADIC duties text[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM release_mgmt.person_duty AS pd
                   WHERE pd.person_id = release_mgmt_internal.acting_person()
                     AND pd.organization_id = has_duty_in.organization AND pd.duty = ANY (duties));
END;
COMMENT ON FUNCTION release_mgmt_internal.has_duty_in(uuid, text[]) IS 'Does the acting person have one of the duties in that organization?';

CREATE FUNCTION release_mgmt.organization_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT o.id INTO found_id FROM release_mgmt.organization AS o WHERE o.code = organization_id.code;
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('organization "%s" does not exist', code), NULL,
            'Organizations are the rows of release_mgmt.organization; insert one, or correct the code.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.organization_id(text) IS 'The id of the organization with that code; RM002 if there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.organization_id(text)');

CREATE FUNCTION release_mgmt.person_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT p.id INTO found_id FROM release_mgmt.person AS p WHERE p.code = person_id.code;
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('person "%s" does not exist', code), NULL,
            'Persons come with their first duty: CALL release_mgmt.grant_duty(role, duty, organization).');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.person_id(text) IS 'The id of the person with that code; RM002 if there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.person_id(text)');

CREATE PROCEDURE release_mgmt_internal.apply_duty_privileges(role_name name)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item record;
    is_proxy boolean := EXISTS (SELECT FROM release_mgmt.proxy AS x WHERE x.role_name = apply_duty_privileges.role_name);
BEGIN
    -- What a role holds follows from its duties alone, or for a proxy from all duties that there are: take everything, then give what the duties bring.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA release_mgmt, release_mgmt_internal FROM %I', role_name);
    EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA release_mgmt, release_mgmt_internal FROM %I', role_name);
    EXECUTE format('REVOKE ALL ON SCHEMA release_mgmt FROM %I', role_name);
    FOR item IN
        SELECT dp.privilege, dp.object
        FROM release_mgmt_internal.duty_privilege AS dp
        WHERE is_proxy
           OR dp.duty IN (SELECT pd.duty FROM release_mgmt.person_duty AS pd
                          JOIN release_mgmt.person AS p ON p.id = pd.person_id
                          WHERE p.role_name = apply_duty_privileges.role_name)
           OR (dp.duty = '*' AND EXISTS (SELECT FROM release_mgmt.person_duty AS pd
                                         JOIN release_mgmt.person AS p ON p.id = pd.person_id
                                         WHERE p.role_name = apply_duty_privileges.role_name))
    LOOP
        EXECUTE format('GRANT %s ON %s TO %I', item.privilege, item.object, role_name);
    END LOOP;
    IF is_proxy OR EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.person AS p ON p.id = pd.person_id
                           WHERE p.role_name = apply_duty_privileges.role_name) THEN
        EXECUTE format('GRANT USAGE ON SCHEMA release_mgmt TO %I', role_name);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt_internal.apply_duty_privileges(name) IS
'Makes the role''s SQL privileges on the extension''s objects exactly those that its duties bring; a proxy''s, those of all duties.';

-- SECURITY DEFINER in both: the privileges are the extension's owner's to give, whoever writes the row.
CREATE FUNCTION release_mgmt_internal.follow_duties() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    changed_role name;
BEGIN
    FOR changed_role IN
        SELECT r.rolname FROM release_mgmt.person AS p JOIN pg_roles AS r ON r.rolname = p.role_name
        WHERE p.id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.person_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.person_id END)
    LOOP
        CALL release_mgmt_internal.apply_duty_privileges(changed_role);
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_duties() IS 'Trigger: a role''s SQL privileges follow its duties, also where rows are written by hand.';
CREATE TRIGGER rm_60_follow AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.person_duty
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.follow_duties();

CREATE FUNCTION release_mgmt_internal.follow_proxy() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    changed_role name;
BEGIN
    FOR changed_role IN
        SELECT r.rolname FROM pg_roles AS r
        WHERE r.rolname IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.role_name END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.role_name END)
    LOOP
        CALL release_mgmt_internal.apply_duty_privileges(changed_role);
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_proxy() IS 'Trigger: a role''s SQL privileges follow whether it is a proxy, also where rows are written by hand.';
CREATE TRIGGER rm_60_follow AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.proxy
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.follow_proxy();

CREATE FUNCTION release_mgmt_internal.require_words(role_name text, duty text, organization text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF role_name IS NULL OR duty IS NULL OR organization IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', 'role, duty and organization must be given', NULL,
            'Duties are the rows of release_mgmt.duty, organizations those of release_mgmt.organization.');
    END IF;
    IF NOT EXISTS (SELECT FROM release_mgmt.duty AS d WHERE d.name = require_words.duty) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('duty "%s" does not exist', duty),
            'Duties are: ' || (SELECT string_agg(d.name, ', ' ORDER BY d.name) FROM release_mgmt.duty AS d) || '.');
    END IF;
    RETURN release_mgmt.organization_id(organization);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_words(text, text, text) IS 'RM002 unless the duty and the organization exist, and all three are given; the organization''s id.';

CREATE PROCEDURE release_mgmt.grant_duty(role_name text, duty text, organization text)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_organization uuid := release_mgmt_internal.require_words(role_name, duty, organization);
    found_person uuid;
    former text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = grant_duty.role_name) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('role "%s" does not exist', role_name), NULL,
            format('Create it first: CREATE ROLE %I LOGIN.', role_name));
    END IF;
    SELECT p.id INTO found_person FROM release_mgmt.person AS p WHERE p.role_name = grant_duty.role_name::name;
    IF found_person IS NULL THEN
        INSERT INTO release_mgmt.person (code, role_name) VALUES (grant_duty.role_name, grant_duty.role_name) RETURNING id INTO found_person;
    END IF;
    -- A role that was dropped with its privileges, and made anew, is still known by its name.
    SELECT string_agg(format('%s in %s', pd.duty, o.code), ', ' ORDER BY pd.duty, o.code) INTO former
    FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
    WHERE pd.person_id = found_person AND NOT has_schema_privilege(role_name, 'release_mgmt', 'USAGE');
    IF former IS NOT NULL THEN
        RAISE WARNING USING MESSAGE = format('role "%s" gets back the privileges of duties that it had before', role_name),
            DETAIL = format('They are: %s.', former), HINT = 'Where the role is another person''s now, revoke these duties.';
    END IF;
    INSERT INTO release_mgmt.person_duty AS pd VALUES (found_person, grant_duty.duty, of_organization) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        CALL release_mgmt_internal.apply_duty_privileges(role_name::name);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.grant_duty(text, text, text) IS
'Gives the person known by role_name a duty (see release_mgmt.duty) within an organization, with the SQL grants that the duty needs. A role''s first duty makes it a person. A warning tells where the role has lost the privileges of duties that it has, as one that was dropped and made anew. For the extension''s owner. Errors: RM002 unknown role, duty or organization.';

CREATE PROCEDURE release_mgmt.revoke_duty(role_name text, duty text, organization text)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_organization uuid := release_mgmt_internal.require_words(role_name, duty, organization);
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM release_mgmt.person AS p WHERE p.role_name = revoke_duty.role_name) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no person is known by role "%s"', role_name), NULL, 'Persons are the rows of release_mgmt.person.');
    END IF;
    DELETE FROM release_mgmt.person_duty AS pd
    USING release_mgmt.person AS p
    WHERE pd.person_id = p.id AND p.role_name = revoke_duty.role_name AND pd.duty = revoke_duty.duty AND pd.organization_id = of_organization;
    IF NOT FOUND THEN
        RAISE NOTICE USING MESSAGE = format('role "%s" does not have the duty "%s" in "%s"', role_name, duty, organization),
            DETAIL = (SELECT coalesce('It has: ' || string_agg(format('%s in %s', pd.duty, o.code), ', ' ORDER BY pd.duty, o.code) || '.', 'It has no duty at all.')
                      FROM release_mgmt.person_duty AS pd JOIN release_mgmt.person AS p ON p.id = pd.person_id JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                      WHERE p.role_name = revoke_duty.role_name);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.revoke_duty(text, text, text) IS
'Takes the duty within that organization from the person known by role_name, and the SQL grants that no other duty of that person needs. A duty that the person does not have is told in a notice. For the extension''s owner. Errors: RM002 unknown duty or organization, or no person of that role.';

CREATE PROCEDURE release_mgmt.add_proxy(role_name text)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = add_proxy.role_name) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('role "%s" does not exist', role_name), NULL,
            'Create it first: ' || format('CREATE ROLE %s LOGIN.', coalesce(quote_ident(role_name), 'name')));
    END IF;
    INSERT INTO release_mgmt.proxy (role_name) VALUES (add_proxy.role_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        CALL release_mgmt_internal.apply_duty_privileges(role_name::name);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.add_proxy(text) IS
'Lists the login of an application as a proxy: it may say with SET LOCAL release_mgmt.actor for which person it acts, and is then held to that person''s duties. For the extension''s owner. Errors: RM002 unknown role.';

CREATE PROCEDURE release_mgmt.remove_proxy(role_name text)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_active();
    DELETE FROM release_mgmt.proxy AS x WHERE x.role_name = remove_proxy.role_name;
    IF NOT FOUND THEN
        RAISE NOTICE USING MESSAGE = format('role "%s" is no proxy', role_name);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.remove_proxy(text) IS
'Takes the role from the list of proxies, and every privilege that its own duties do not bring. For the extension''s owner.';

CREATE VIEW release_mgmt.my_duties WITH (security_invoker = true) AS
SELECT p.code AS person, pd.duty, o.code AS organization
FROM release_mgmt.person AS p
JOIN release_mgmt.person_duty AS pd ON pd.person_id = p.id
JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
WHERE p.role_name = release_mgmt_internal.acting_role();
COMMENT ON VIEW release_mgmt.my_duties IS 'The duties of the person that the current role is, or acts for.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.acting_role()');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.my_duties');
