-- Module release: the Release Management Plan, its sections, and who accepted which text.

CREATE TABLE release_mgmt.management_plan (
    id      uuid DEFAULT release_mgmt.new_id(),
    code    text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT management_plan_pkey PRIMARY KEY (id),
    CONSTRAINT management_plan_code_version_key UNIQUE (code, version),
    CONSTRAINT management_plan_version_check CHECK (version > 0)
);
COMMENT ON TABLE release_mgmt.management_plan IS 'Versions of the Release Management Plan (clauses 1.2 and 2).';
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
    CONSTRAINT plan_section_body_check CHECK (body <> '')
);
COMMENT ON TABLE release_mgmt.plan_section IS 'The sections of a plan''s version. Editing one voids what was accepted: acceptance holds the digest.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.plan_section', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.plan_section');
SELECT release_mgmt_internal.is_shared('release_mgmt.plan_section', 'one plan, accepted by each');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.plan_section');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.plan_section');

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
SELECT release_mgmt_internal.belongs('release_mgmt.plan_acceptance', organizations => '{organization_id}');
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
CREATE PROCEDURE release_mgmt.accept_plan(plan text, version integer, organization text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_plan uuid;
    organization_id uuid;
    missing text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('customer representative');
    organization_id := release_mgmt.organization_id(organization);
    IF NOT release_mgmt_internal.has_duty_in(organization_id, 'customer representative') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not represent "%s"', release_mgmt_internal.acting_role(), organization),
            NULL, 'A plan is accepted by a customer representative of the organization itself.');
    END IF;
    SELECT p.id INTO found_plan FROM release_mgmt.management_plan AS p WHERE p.code = plan AND p.version = accept_plan.version;
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
    INSERT INTO release_mgmt.plan_acceptance (plan_id, organization_id, digest, accepted_by)
    VALUES (found_plan, organization_id, release_mgmt_internal.plan_digest(found_plan), release_mgmt_internal.acting_person())
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.accept_plan(text, integer, text) IS
'Accepts a version of the Release Management Plan, as it reads now, for an organization that the acting person represents. Errors: RM002 unknown plan or organization, RM003 not a representative of it, RM015 sections missing.';
SELECT release_mgmt_internal.allow('{customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.accept_plan(text, integer, text)');
