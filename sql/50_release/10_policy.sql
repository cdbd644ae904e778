-- Module release: policies, the Release Management Plan, models and units; what every release stands on.

CREATE TABLE release_mgmt.release_policy (
    id            uuid DEFAULT release_mgmt.new_id(),
    code          text NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    objectives    text NOT NULL,
    scope         text NOT NULL,
    principles    text NOT NULL,
    in_force_from date NOT NULL DEFAULT current_date,
    CONSTRAINT release_policy_pkey PRIMARY KEY (id),
    CONSTRAINT release_policy_code_version_key UNIQUE (code, version),
    CONSTRAINT release_policy_version_check CHECK (version > 0),
    CONSTRAINT release_policy_stated_check CHECK (objectives <> '' AND scope <> '' AND principles <> '')
);
COMMENT ON TABLE release_mgmt.release_policy IS
'Release policies: objectives, scope and principles, versioned, in force from a date. Once a release runs under a version, that version no longer changes.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_policy', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_policy');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_policy', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_policy');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE', 'release_mgmt.release_policy');

CREATE TABLE release_mgmt.policy_control (
    policy_id  uuid NOT NULL,
    check_name text NOT NULL,
    statement  text NOT NULL,
    CONSTRAINT policy_control_pkey PRIMARY KEY (policy_id, check_name),
    CONSTRAINT policy_control_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT policy_control_check_name_fkey FOREIGN KEY (check_name) REFERENCES release_mgmt.registered_check
);
COMMENT ON TABLE release_mgmt.policy_control IS
'The machine-checked controls of a policy: each statement with the registered check (point gate) that proves it for a release.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.policy_control', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.policy_control');
SELECT release_mgmt_internal.is_shared('release_mgmt.policy_control', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.policy_control');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, DELETE', 'release_mgmt.policy_control');

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

CREATE TABLE release_mgmt.release_model (
    id          uuid DEFAULT release_mgmt.new_id(),
    code        text NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    description text NOT NULL,
    builtin     boolean NOT NULL DEFAULT false,
    CONSTRAINT release_model_pkey PRIMARY KEY (id),
    CONSTRAINT release_model_code_version_key UNIQUE (code, version)
);
COMMENT ON TABLE release_mgmt.release_model IS 'Versioned release models: states, transitions, gates. A release pins one version.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_model', 'WHERE NOT builtin');
INSERT INTO release_mgmt.release_model (id, code, version, description, builtin) VALUES
    ('019ac000-0002-7000-8000-000000000001', 'standard', 1, 'A planned release with pilot, phased roll-out and early life support.', true);
SELECT release_mgmt_internal.govern_own('release_mgmt.release_model');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_model', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_model');

CREATE TABLE release_mgmt.model_state (
    model_id uuid NOT NULL,
    state    text NOT NULL,
    ordinal  integer NOT NULL,
    kind     text NOT NULL,
    builtin  boolean NOT NULL DEFAULT false,
    CONSTRAINT model_state_pkey PRIMARY KEY (model_id, state),
    CONSTRAINT model_state_model_id_ordinal_key UNIQUE (model_id, ordinal),
    CONSTRAINT model_state_model_id_fkey FOREIGN KEY (model_id) REFERENCES release_mgmt.release_model,
    CONSTRAINT model_state_kind_check CHECK (kind IN ('planning', 'deploying', 'deployed', 'halted', 'ended'))
);
COMMENT ON TABLE release_mgmt.model_state IS 'The states of a model, in the order of the main road; halted and ended states stand beside it.';
COMMENT ON COLUMN release_mgmt.model_state.kind IS
'planning: nothing is deployed; deploying: planned CI changes pass the guard; deployed: on its targets; halted: off the road, may come back; ended: no way out';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.model_state', 'WHERE NOT builtin');
INSERT INTO release_mgmt.model_state (model_id, state, ordinal, kind, builtin)
SELECT '019ac000-0002-7000-8000-000000000001', s.state, s.ordinal, s.kind, true
FROM (VALUES ('draft', 1, 'planning'), ('planned', 2, 'planning'), ('built', 3, 'planning'), ('sealed', 4, 'planning'),
             ('testing', 5, 'planning'), ('accepted', 6, 'planning'), ('authorized', 7, 'planning'), ('pilot', 8, 'deploying'),
             ('deploying', 9, 'deploying'), ('early_life', 10, 'deployed'), ('review', 11, 'deployed'), ('closed', 12, 'ended'),
             ('on_hold', 13, 'halted'), ('rejected', 14, 'ended'), ('cancelled', 15, 'ended'), ('backing_out', 16, 'deploying'),
             ('backed_out', 17, 'ended'), ('failed', 18, 'halted')) AS s(state, ordinal, kind);
SELECT release_mgmt_internal.govern_own('release_mgmt.model_state');
SELECT release_mgmt_internal.is_shared('release_mgmt.model_state', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.model_state');

CREATE TABLE release_mgmt.model_transition (
    model_id   uuid NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    forward    boolean NOT NULL,
    builtin    boolean NOT NULL DEFAULT false,
    CONSTRAINT model_transition_pkey PRIMARY KEY (model_id, from_state, to_state),
    CONSTRAINT model_transition_from_fkey FOREIGN KEY (model_id, from_state) REFERENCES release_mgmt.model_state,
    CONSTRAINT model_transition_to_fkey FOREIGN KEY (model_id, to_state) REFERENCES release_mgmt.model_state
);
COMMENT ON TABLE release_mgmt.model_transition IS
'The legal transitions of a model. A forward one passes the gate of its to_state; the others (hold, cancel, back to planned) have none.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.model_transition', 'WHERE NOT builtin');
INSERT INTO release_mgmt.model_transition (model_id, from_state, to_state, forward, builtin)
SELECT '019ac000-0002-7000-8000-000000000001', t.from_state, t.to_state, t.forward, true
FROM (SELECT a.state, b.state, true
      FROM release_mgmt.model_state AS a JOIN release_mgmt.model_state AS b ON b.ordinal = a.ordinal + 1 WHERE b.ordinal <= 12
      UNION ALL
      VALUES ('planned', 'draft', false), ('built', 'planned', false), ('sealed', 'planned', false), ('testing', 'planned', false),
             ('accepted', 'planned', false), ('authorized', 'planned', false), ('on_hold', 'planned', false),
             ('draft', 'cancelled', false), ('planned', 'cancelled', false), ('built', 'cancelled', false), ('sealed', 'cancelled', false),
             ('testing', 'cancelled', false), ('accepted', 'cancelled', false), ('authorized', 'cancelled', false),
             ('on_hold', 'cancelled', false), ('planned', 'on_hold', false), ('built', 'on_hold', false), ('sealed', 'on_hold', false),
             ('testing', 'on_hold', false), ('accepted', 'on_hold', false), ('authorized', 'on_hold', false),
             ('testing', 'rejected', false), ('accepted', 'rejected', false),
             ('pilot', 'failed', false), ('deploying', 'failed', false), ('early_life', 'failed', false),
             ('pilot', 'backing_out', false), ('deploying', 'backing_out', false), ('early_life', 'backing_out', false),
             ('failed', 'backing_out', false), ('backing_out', 'backed_out', true)) AS t(from_state, to_state, forward);
SELECT release_mgmt_internal.govern_own('release_mgmt.model_transition');
SELECT release_mgmt_internal.is_shared('release_mgmt.model_transition', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.model_transition');

CREATE TABLE release_mgmt.release_unit (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    ci_classes text[] NOT NULL,
    extent     text NOT NULL,
    CONSTRAINT release_unit_pkey PRIMARY KEY (id),
    CONSTRAINT release_unit_code_key UNIQUE (code),
    CONSTRAINT release_unit_ci_classes_check CHECK (cardinality(ci_classes) > 0),
    CONSTRAINT release_unit_extent_check CHECK (extent IN ('full', 'delta', 'package'))
);
COMMENT ON TABLE release_mgmt.release_unit IS 'CI classes that are released together, and whether in full, as a delta, or as a package.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_unit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_unit');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_unit', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_unit');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT', 'release_mgmt.release_unit');
