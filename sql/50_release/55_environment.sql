-- Module release: environments, and what was installed on their targets when.

CREATE TABLE release_mgmt.environment (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    purpose         text,
    organization_id uuid NOT NULL,
    CONSTRAINT environment_pkey PRIMARY KEY (id),
    CONSTRAINT environment_code_key UNIQUE (code),
    CONSTRAINT environment_code_check CHECK (code <> ''),
    CONSTRAINT environment_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization
);
COMMENT ON TABLE release_mgmt.environment IS 'Named sets of targets: test, acceptance, production. Written by define_environment().';
COMMENT ON COLUMN release_mgmt.environment.organization_id IS 'whose environment it is, and who sees it';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.environment', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.environment');
SELECT release_mgmt_internal.belongs('release_mgmt.environment', organizations => '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.environment');
CREATE INDEX environment_organization_id_idx ON release_mgmt.environment (organization_id);

CREATE TABLE release_mgmt.environment_target (
    environment_id uuid,
    ci             text,
    CONSTRAINT environment_target_pkey PRIMARY KEY (environment_id, ci),
    CONSTRAINT environment_target_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES release_mgmt.environment
);
COMMENT ON TABLE release_mgmt.environment_target IS 'The targets of each environment; one target may belong to several.';
COMMENT ON COLUMN release_mgmt.environment_target.ci IS 'label class/key of the configuration item';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.environment_target', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.environment_target');
SELECT release_mgmt_internal.belongs('release_mgmt.environment_target', through => 'environment_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.environment_target');

CREATE TABLE release_mgmt.environment_baseline (
    id             uuid DEFAULT release_mgmt.new_id(),
    environment_id uuid NOT NULL,
    digest         release_mgmt.digest NOT NULL,
    targets        integer NOT NULL,
    items          integer NOT NULL,
    manifest       text NOT NULL,
    captured_by    uuid NOT NULL,
    captured_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT environment_baseline_pkey PRIMARY KEY (id),
    CONSTRAINT environment_baseline_environment_id_captured_at_key UNIQUE (environment_id, captured_at),
    CONSTRAINT environment_baseline_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES release_mgmt.environment,
    CONSTRAINT environment_baseline_captured_by_fkey FOREIGN KEY (captured_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.environment_baseline IS
'What was installed in an environment at a time, as the CMDB said: written by capture_baseline(), never changed. manifest lists it in lines of tab-separated fields, escaped as in COPY: target, label; item, label, name, version. digest is its SHA-256.';
COMMENT ON COLUMN release_mgmt.environment_baseline.items IS 'how many items with a version there were';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.environment_baseline', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.environment_baseline');
SELECT release_mgmt_internal.belongs('release_mgmt.environment_baseline', through => 'environment_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.environment_baseline');

CREATE FUNCTION release_mgmt_internal.installed_part(target uuid, label text, OUT items integer, OUT manifest text)
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'rm_installed_part';
COMMENT ON FUNCTION release_mgmt_internal.installed_part(uuid, text) IS
'What is installed on a target (NULL: on none) under that label, as environment_baseline.manifest lists it; items: how many.';

CREATE FUNCTION release_mgmt_internal.manifest_items(manifest text) RETURNS TABLE (target text, ci text, name text, version text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 1000 AS 'MODULE_PATHNAME', 'rm_manifest_items';
COMMENT ON FUNCTION release_mgmt_internal.manifest_items(text) IS 'The items that a manifest lists; name and version are NULL where the version could not be read.';

-- SECURITY DEFINER in the verbs: environments and their baselines are written by these alone.
CREATE FUNCTION release_mgmt.environment_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    named release_mgmt.environment;
BEGIN
    SELECT * INTO named FROM release_mgmt.environment AS e WHERE e.code = environment_id.code;
    IF named.id IS NULL OR NOT release_mgmt_internal.sees(named.organization_id, 'organization') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('environment "%s" does not exist', code), NULL,
            'Environments are the rows of release_mgmt.environment; define_environment() makes one.');
    END IF;
    RETURN named.id;
END $$;
COMMENT ON FUNCTION release_mgmt.environment_id(text) IS 'The id of the environment with that code; RM002 if there is none that the acting person sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.environment_id(text)');

CREATE FUNCTION release_mgmt.define_environment(code text, targets text[], purpose text DEFAULT NULL, organization text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    defined release_mgmt.environment;
    of_organization uuid;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    SELECT * INTO defined FROM release_mgmt.environment AS e WHERE e.code = define_environment.code FOR UPDATE;
    of_organization := coalesce(defined.organization_id, CASE WHEN organization IS NULL THEN release_mgmt_internal.acting_organization('release manager')
                                                              ELSE release_mgmt.organization_id(organization) END);
    IF defined.id IS NOT NULL AND organization IS NOT NULL AND release_mgmt.organization_id(organization) <> defined.organization_id THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('environment "%s" belongs to another organization', code), NULL,
            'An environment stays with its organization; define another one.');
    END IF;
    IF NOT release_mgmt_internal.may_write_for(of_organization, NULL, '{release manager}') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" is not release manager of the organization whose environment "%s" is', release_mgmt_internal.acting_role(), code),
            NULL, 'A release manager of that organization, or of an authority, defines it.');
    END IF;
    IF targets IS NULL OR array_position(targets, NULL) IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('the targets of environment "%s" must be given', code), NULL,
            'Targets are labels of configuration items: SELECT label FROM release_mgmt.ci.');
    END IF;
    PERFORM release_mgmt.ci_id(t.label) FROM unnest(targets) AS t(label);
    IF defined.id IS NULL THEN
        INSERT INTO release_mgmt.environment (code, purpose, organization_id) VALUES (code, purpose, of_organization) RETURNING * INTO defined;
    ELSIF purpose IS NOT NULL AND purpose IS DISTINCT FROM defined.purpose THEN
        UPDATE release_mgmt.environment AS e SET purpose = define_environment.purpose WHERE e.id = defined.id;
    END IF;
    DELETE FROM release_mgmt.environment_target AS t WHERE t.environment_id = defined.id AND t.ci <> ALL (targets);
    INSERT INTO release_mgmt.environment_target (environment_id, ci) SELECT DISTINCT defined.id, t.label FROM unnest(targets) AS t(label)
    ON CONFLICT ON CONSTRAINT environment_target_pkey DO NOTHING;
    RETURN defined.id;
END $$;
COMMENT ON FUNCTION release_mgmt.define_environment(text, text[], text, text) IS
'Defines an environment, or gives one that exists these targets in place of those it had, and returns its id. targets: labels of configuration items; purpose: what it is for; organization: code of whose it is (default: the acting person''s). Errors: RM002 unknown target or organization, RM003 without the duty release manager in that organization, RM015 it belongs to another organization.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.define_environment(text, text[], text, text)');

CREATE FUNCTION release_mgmt.capture_baseline(environment text) RETURNS uuid
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager', 'operator');
    of_environment uuid := release_mgmt.environment_id(environment);
    captured uuid;
BEGIN
    IF NOT release_mgmt_internal.may_write_for((SELECT e.organization_id FROM release_mgmt.environment AS e WHERE e.id = of_environment), NULL,
                                               '{release manager,operator}') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing',
            format('role "%s" is neither release manager nor operator of the organization whose environment "%s" is', release_mgmt_internal.acting_role(), environment),
            NULL, 'A release manager or operator of that organization, or of an authority, captures it.');
    END IF;
    INSERT INTO release_mgmt.environment_baseline (environment_id, digest, targets, items, manifest, captured_by)
    SELECT of_environment, release_mgmt.compute_digest(convert_to(m.manifest, 'UTF8')), m.targets, m.items, m.manifest, acting
    FROM (SELECT coalesce(string_agg(p.manifest, '' ORDER BY t.ci COLLATE "C"), '') AS manifest, count(*) AS targets, coalesce(sum(p.items), 0) AS items
          FROM release_mgmt.environment_target AS t
          LEFT JOIN release_mgmt.ci AS i ON i.label = t.ci
          CROSS JOIN LATERAL release_mgmt_internal.installed_part(i.id, t.ci) AS p
          WHERE t.environment_id = of_environment AND i.id IS NOT NULL) AS m
    RETURNING id INTO captured;
    RETURN captured;
END $$;
COMMENT ON FUNCTION release_mgmt.capture_baseline(text) IS
'Records what the CMDB says is installed on the targets of an environment now, with the time and the digest, and returns the id of the row in environment_baseline. Errors: RM002 unknown environment, RM003 without the duty release manager or operator in its organization.';
SELECT release_mgmt_internal.allow('{release manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.capture_baseline(text)');

CREATE FUNCTION release_mgmt_internal.baseline_at(environment text, at timestamptz) RETURNS release_mgmt.environment_baseline
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    captured release_mgmt.environment_baseline;
BEGIN
    SELECT * INTO captured FROM release_mgmt.environment_baseline AS b
    WHERE b.environment_id = release_mgmt.environment_id(environment) AND b.captured_at <= coalesce(at, 'infinity')
    ORDER BY b.captured_at DESC LIMIT 1;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no baseline of environment "%s" was captured%s', environment, ' by ' || at), NULL,
            format('Capture one with SELECT release_mgmt.capture_baseline(%L).', environment));
    END IF;
    RETURN captured;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.baseline_at(text, timestamptz) IS
'The last baseline of the environment captured by that time, or at all; RM015 where there is none.';

CREATE FUNCTION release_mgmt.compare_environments(one text, other text, one_at timestamptz DEFAULT NULL, other_at timestamptz DEFAULT NULL)
RETURNS TABLE (difference text, target text, ci text, name text, one_version text, other_version text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 100 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    first CONSTANT release_mgmt.environment_baseline := release_mgmt_internal.baseline_at(one, one_at);
    second CONSTANT release_mgmt.environment_baseline := release_mgmt_internal.baseline_at(other, other_at);
BEGIN
    IF first.environment_id = second.environment_id THEN
        RETURN QUERY
            SELECT CASE WHEN a.ci IS NULL THEN 'added' WHEN b.ci IS NULL THEN 'removed' ELSE 'changed' END,
                   coalesce(a.target, b.target), coalesce(a.ci, b.ci), coalesce(b.name, a.name), a.version, b.version
            FROM release_mgmt_internal.manifest_items(first.manifest) AS a
            FULL JOIN release_mgmt_internal.manifest_items(second.manifest) AS b ON b.target = a.target AND b.ci = a.ci
            WHERE a.ci IS NULL OR b.ci IS NULL OR (a.name, a.version) IS DISTINCT FROM (b.name, b.version)
            ORDER BY coalesce(a.target, b.target) COLLATE "C", coalesce(a.ci, b.ci) COLLATE "C";
        RETURN;
    END IF;
    -- Other targets, and so other items: what they have in common is the name.
    RETURN QUERY
        SELECT CASE WHEN a.name IS NULL THEN 'added' WHEN b.name IS NULL THEN 'removed' ELSE 'changed' END,
               NULL, NULL, coalesce(a.name, b.name), a.versions, b.versions
        FROM (SELECT i.name, string_agg(DISTINCT i.version, ', ' ORDER BY i.version) AS versions
              FROM release_mgmt_internal.manifest_items(first.manifest) AS i WHERE i.name IS NOT NULL GROUP BY i.name) AS a
        FULL JOIN (SELECT i.name, string_agg(DISTINCT i.version, ', ' ORDER BY i.version) AS versions
                   FROM release_mgmt_internal.manifest_items(second.manifest) AS i WHERE i.name IS NOT NULL GROUP BY i.name) AS b ON b.name = a.name
        WHERE a.versions IS DISTINCT FROM b.versions
        ORDER BY coalesce(a.name, b.name) COLLATE "C";
END $$;
COMMENT ON FUNCTION release_mgmt.compare_environments(text, text, timestamptz, timestamptz) IS
'What is different between two environments, or between two points in time of one, as their baselines say: the last ones captured by one_at and other_at, by default at all. One row for each item that is added, removed or changed from one to other; between two environments, whose items are not the same, one for each name, with all versions of it, and no target and ci. Errors: RM002 unknown environment, RM015 no baseline by that time.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE',
    'FUNCTION release_mgmt.compare_environments(text, text, timestamptz, timestamptz)');
