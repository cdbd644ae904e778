-- Module release: the Release Management Plan, its sections, and who accepted which text.

CREATE TABLE release_mgmt.management_plan (
    id          uuid DEFAULT release_mgmt.new_id(),
    code        text NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    edited_at   timestamptz,
    accepted_at timestamptz,
    CONSTRAINT management_plan_pkey PRIMARY KEY (id),
    CONSTRAINT management_plan_code_version_key UNIQUE (code, version),
    CONSTRAINT management_plan_code_check CHECK (code <> ''),
    CONSTRAINT management_plan_version_check CHECK (version > 0)
);
COMMENT ON TABLE release_mgmt.management_plan IS
'Versions of the Release Management Plan (clauses 1.2 and 2). Once an organization accepted a version it stands still; revise_plan() begins the next one.';
COMMENT ON COLUMN release_mgmt.management_plan.edited_at IS 'when a section was last written, so that nobody accepts a text that is being edited';
COMMENT ON COLUMN release_mgmt.management_plan.accepted_at IS 'when it was first accepted';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.management_plan', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.management_plan');
SELECT release_mgmt_internal.is_shared('release_mgmt.management_plan', 'one plan, accepted by each');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.management_plan');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT', 'release_mgmt.management_plan');

CREATE TABLE release_mgmt.plan_clause (
    clause  text,
    title   text NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    CONSTRAINT plan_clause_pkey PRIMARY KEY (clause)
);
COMMENT ON TABLE release_mgmt.plan_clause IS 'The sections that a Release Management Plan must have.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.plan_clause', 'WHERE NOT builtin');
INSERT INTO release_mgmt.plan_clause (clause, title, builtin) VALUES
    ('2.1', 'release packages: related and compatible', true),
    ('2.2', 'integrity of packages', true),
    ('2.3', 'deployment records', true),
    ('2.4', 'deviations, risks and issues', true),
    ('2.5', 'knowledge transfer to customers and users', true),
    ('2.6', 'knowledge transfer to operations and support', true),
    ('2.7', 'release models', true),
    ('2.8', 'testing methods, tools and procedures', true),
    ('2.9', 'success and failure criteria', true),
    ('schedule', 'the release schedule', true),
    ('policies', 'the release policies', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.plan_clause');
SELECT release_mgmt_internal.is_shared('release_mgmt.plan_clause', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.plan_clause');

CREATE TABLE release_mgmt.plan_section (
    plan_id uuid NOT NULL,
    clause  text NOT NULL,
    body    text NOT NULL,
    CONSTRAINT plan_section_pkey PRIMARY KEY (plan_id, clause),
    CONSTRAINT plan_section_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES release_mgmt.management_plan,
    CONSTRAINT plan_section_clause_fkey FOREIGN KEY (clause) REFERENCES release_mgmt.plan_clause,
    CONSTRAINT plan_section_body_check CHECK (body ~ '\S')
);
COMMENT ON TABLE release_mgmt.plan_section IS 'The sections of a plan''s version, edited until the version is first accepted.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.plan_section', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.plan_section');
SELECT release_mgmt_internal.is_shared('release_mgmt.plan_section', 'one plan, accepted by each');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.plan_section');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.plan_section');

CREATE FUNCTION release_mgmt_internal.keep_management_plan() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    next_version integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT coalesce(max(p.version), 0) + 1 INTO next_version FROM release_mgmt.management_plan AS p WHERE p.code = NEW.code;
        IF NEW.version <> next_version THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('management plan "%s" can not have a version %s', NEW.code, NEW.version),
                format('Its next version is %s.', next_version), 'Versions follow one another; revise_plan() begins the next one.');
        END IF;
        NEW.edited_at := now();
        NEW.accepted_at := NULL;
    ELSIF OLD.accepted_at IS NOT NULL OR (TG_OP = 'UPDATE' AND (NEW.id, NEW.code, NEW.version) IS DISTINCT FROM (OLD.id, OLD.code, OLD.version)) THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('management plan "%s" version %s no longer changes', OLD.code, OLD.version), NULL,
            format('Begin a new version with SELECT release_mgmt.revise_plan(%L).', OLD.code));
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_management_plan() IS 'Trigger: versions of a plan follow one another, and one that was accepted never changes.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.management_plan
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_management_plan();

CREATE FUNCTION release_mgmt_internal.keep_plan_section() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    plans uuid[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.plan_id] WHEN 'DELETE' THEN ARRAY[OLD.plan_id] ELSE ARRAY[OLD.plan_id, NEW.plan_id] END;
    accepted record;
BEGIN
    -- Who accepts takes the same lock, so a text is not accepted while it is being edited.
    PERFORM FROM release_mgmt.management_plan AS p WHERE p.id = ANY (plans) ORDER BY p.id FOR NO KEY UPDATE;
    SELECT p.code, p.version, string_agg(DISTINCT o.code, ', ' ORDER BY o.code) AS parties INTO accepted
    FROM release_mgmt.management_plan AS p
    LEFT JOIN release_mgmt.plan_acceptance AS a ON a.plan_id = p.id LEFT JOIN release_mgmt.organization AS o ON o.id = a.organization_id
    WHERE p.id = ANY (plans) AND p.accepted_at IS NOT NULL GROUP BY p.id LIMIT 1;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('management plan "%s" version %s no longer changes', accepted.code, accepted.version),
            format('It was accepted by %s.', accepted.parties), format('Begin a new version with SELECT release_mgmt.revise_plan(%L).', accepted.code));
    END IF;
    -- Once in a transaction: an acceptance under repeatable read then fails instead of binding to what it does not see.
    UPDATE release_mgmt.management_plan AS p SET edited_at = now() WHERE p.id = ANY (plans) AND p.edited_at IS DISTINCT FROM now();
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_plan_section() IS 'Trigger: the sections of an accepted version do not change; an edit is a new version.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.plan_section
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_plan_section();

CREATE TABLE release_mgmt.plan_acceptance (
    plan_id         uuid NOT NULL,
    organization_id uuid NOT NULL,
    digest          release_mgmt.digest NOT NULL,
    accepted_by     uuid NOT NULL,
    accepted_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT plan_acceptance_pkey PRIMARY KEY (plan_id, organization_id, digest),
    CONSTRAINT plan_acceptance_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES release_mgmt.management_plan,
    CONSTRAINT plan_acceptance_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT plan_acceptance_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.plan_acceptance IS 'Which organization accepted a plan with which digest. Written by accept_plan().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.plan_acceptance', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.plan_acceptance');
-- Whether the authority accepted concerns everybody.
SELECT release_mgmt_internal.belongs('release_mgmt.plan_acceptance', organizations => '{organization_id}',
    sees => 'release_mgmt_internal.may_see(organization_id, ''organization'')
             OR EXISTS (SELECT FROM release_mgmt.organization AS o WHERE o.id = plan_acceptance.organization_id AND o.kind = ''authority'')');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.plan_acceptance');

CREATE FUNCTION release_mgmt_internal.plan_digest(plan uuid) RETURNS release_mgmt.digest
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt.compute_digest(pg_catalog.convert_to(
        pg_catalog.format(E'management plan %s version %s\n', p.code, p.version)
        || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format(E'%s %s\n', s.clause,
                        release_mgmt.compute_digest(pg_catalog.convert_to(s.body, 'UTF8'))), '' ORDER BY s.clause COLLATE "C")
                     FROM release_mgmt.plan_section AS s WHERE s.plan_id = p.id), ''), 'UTF8'))
    FROM release_mgmt.management_plan AS p WHERE p.id = plan;
END;
COMMENT ON FUNCTION release_mgmt_internal.plan_digest(uuid) IS 'SHA-256 over the plan''s code, version and the digests of its sections in order.';

-- SECURITY DEFINER: acceptance is written by this verb alone.
CREATE PROCEDURE release_mgmt.accept_plan(plan text, version integer, organization text, digest release_mgmt.digest DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_plan uuid;
    organization_id uuid;
    missing text;
    now_is release_mgmt.digest;
BEGIN
    PERFORM release_mgmt_internal.require_duty('customer representative');
    organization_id := release_mgmt.organization_id(organization);
    IF NOT release_mgmt_internal.has_duty_in(organization_id, 'customer representative') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not represent "%s"', release_mgmt_internal.acting_role(), organization),
            NULL, 'A plan is accepted by a customer representative of the organization itself.');
    END IF;
    SELECT p.id INTO found_plan FROM release_mgmt.management_plan AS p WHERE p.code = plan AND p.version = accept_plan.version FOR NO KEY UPDATE;
    IF found_plan IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('management plan "%s" version %s does not exist', plan, version), NULL,
            'Plans are the rows of release_mgmt.management_plan.');
    END IF;
    SELECT string_agg(c.clause || ' ' || c.title, '; ' ORDER BY c.clause) INTO missing
    FROM release_mgmt.plan_clause AS c
    WHERE NOT EXISTS (SELECT FROM release_mgmt.plan_section AS s WHERE s.plan_id = found_plan AND s.clause = c.clause);
    IF missing IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('management plan "%s" version %s is not complete', plan, version),
            format('Sections missing: %s.', missing), 'Insert them into release_mgmt.plan_section.');
    END IF;
    now_is := release_mgmt_internal.plan_digest(found_plan);
    IF accept_plan.digest <> now_is THEN
        PERFORM release_mgmt_internal.refuse('digest_mismatch', format('management plan "%s" version %s is not what was read', plan, version),
            format('Read was %s; it is now %s.', accept_plan.digest, now_is), 'Read it again, and accept the digest that release_mgmt.management_plan_status shows.');
    END IF;
    INSERT INTO release_mgmt.plan_acceptance (plan_id, organization_id, digest, accepted_by)
    VALUES (found_plan, organization_id, now_is, release_mgmt_internal.acting_person())
    ON CONFLICT DO NOTHING;
    UPDATE release_mgmt.management_plan AS p SET accepted_at = now() WHERE p.id = found_plan AND p.accepted_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.accept_plan(text, integer, text, release_mgmt.digest) IS
'Accepts a version of the Release Management Plan, as it reads now, for an organization that the acting person represents; from the first acceptance on the version stands still. digest: of what was read, from management_plan_status; anything else is refused. Errors: RM002 unknown plan or organization, RM003 not a representative of it, RM007 it is not what was read, RM015 sections missing.';
SELECT release_mgmt_internal.allow('{customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.accept_plan(text, integer, text, release_mgmt.digest)');

CREATE FUNCTION release_mgmt.revise_plan(plan text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    latest release_mgmt.management_plan;
    next_plan uuid;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    SELECT p.* INTO latest FROM release_mgmt.management_plan AS p WHERE p.code = plan ORDER BY p.version DESC LIMIT 1;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('management plan "%s" does not exist', plan), NULL, 'Plans are the rows of release_mgmt.management_plan.');
    END IF;
    IF latest.accepted_at IS NULL THEN
        RETURN latest.version;
    END IF;
    INSERT INTO release_mgmt.management_plan (code, version) VALUES (plan, latest.version + 1) RETURNING id INTO next_plan;
    INSERT INTO release_mgmt.plan_section (plan_id, clause, body)
    SELECT next_plan, s.clause, s.body FROM release_mgmt.plan_section AS s WHERE s.plan_id = latest.id ORDER BY s.clause COLLATE "C";
    RETURN latest.version + 1;
END $$;
COMMENT ON FUNCTION release_mgmt.revise_plan(text) IS
'Begins the next version of a Release Management Plan with the sections of the latest one, and returns its number; where nobody accepted the latest yet, that one''s, which is still edited. Releases keep the version that they name until it is changed. Errors: RM002 unknown plan, RM003 without the duty release manager.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.revise_plan(text)');
