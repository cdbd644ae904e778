-- Module release: what checks of compatibility found when it counted, and which baseline they saw.

CREATE TABLE release_mgmt.compatibility_result (
    id         uuid DEFAULT release_mgmt.new_id(),
    package_id uuid NOT NULL,
    point      text NOT NULL,
    target     text,
    baseline   release_mgmt.digest NOT NULL,
    items      integer NOT NULL,
    errors     integer NOT NULL,
    findings   jsonb NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT compatibility_result_pkey PRIMARY KEY (id),
    CONSTRAINT compatibility_result_package_id_fkey FOREIGN KEY (package_id) REFERENCES release_mgmt.release_package,
    CONSTRAINT compatibility_result_point_check CHECK (point IN ('seal', 'approval', 'deployment'))
);
COMMENT ON TABLE release_mgmt.compatibility_result IS
'What sealing, approval and each deployment found when they asked whether the package fits, a row for each target. Of deployments, one that found the same on the same baseline as before adds no row.';
COMMENT ON COLUMN release_mgmt.compatibility_result.target IS 'label of the target; NULL: what is installed on none';
COMMENT ON COLUMN release_mgmt.compatibility_result.baseline IS
'SHA-256 of what was installed on the target then, written as in environment_baseline.manifest';
COMMENT ON COLUMN release_mgmt.compatibility_result.items IS 'how many items with a version were installed';
COMMENT ON COLUMN release_mgmt.compatibility_result.findings IS 'what the package introduces or fixes: severity, kind, component, finding';
CREATE INDEX compatibility_result_package_id_idx ON release_mgmt.compatibility_result (package_id, target, checked_at);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.compatibility_result', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.compatibility_result');
-- What is installed on an item is told to those who see it.
SELECT release_mgmt_internal.belongs('release_mgmt.compatibility_result', through => 'package_id',
    sees => 'EXISTS (SELECT FROM release_mgmt.release_package AS p WHERE p.id = compatibility_result.package_id)
             AND (target IS NULL OR EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = compatibility_result.target))');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.compatibility_result');

CREATE FUNCTION release_mgmt_internal.target_result(package uuid, target uuid, brought text[] DEFAULT NULL, retired_on text[] DEFAULT NULL,
    OUT baseline release_mgmt.digest, OUT items integer, OUT errors integer, OUT findings jsonb, OUT said text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
BEGIN
    SELECT count(*) FILTER (WHERE c.severity = 'error'),
           coalesce(jsonb_agg(jsonb_build_object('severity', c.severity, 'kind', c.kind, 'component', c.component, 'finding', c.finding)
                              ORDER BY c.component COLLATE "C", c.finding COLLATE "C") FILTER (WHERE c.class <> 'pre-existing'), '[]'),
           string_agg(c.component || ': ' || c.finding, '; ' ORDER BY c.component COLLATE "C", c.finding COLLATE "C") FILTER (WHERE c.severity = 'error'),
           (min(c.finding) FILTER (WHERE c.kind = 'baseline'))::digest, (min(c.candidates) FILTER (WHERE c.kind = 'baseline'))::integer
    INTO errors, findings, said, baseline, items
    FROM release_mgmt_internal.check_installation(package, target, brought, retired_on, true) AS c;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.target_result(uuid, uuid, text[], text[]) IS
'What check_installation() finds, as compatibility_result holds it; said: the errors as one text, NULL where there is none. The baseline is the one that the check saw.';

CREATE FUNCTION release_mgmt_internal.record_compatibility(package uuid, point text) RETURNS text
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
    WITH result AS MATERIALIZED (
        SELECT t.label, t.id, r.*
        FROM release_mgmt_internal.compatibility_targets(package, NULL) AS t
        CROSS JOIN LATERAL release_mgmt_internal.target_result(package, t.id) AS r
    ), recorded AS (
        INSERT INTO release_mgmt.compatibility_result (package_id, point, target, baseline, items, errors, findings)
        SELECT package, point, r.label, r.baseline, r.items, r.errors, r.findings FROM result AS r ORDER BY r.label COLLATE "C"
    )
    SELECT string_agg(CASE WHEN release_mgmt_internal.sees_item(r.id) THEN concat_ws(': ', r.label, r.said) || '.'
                           ELSE 'It does not fit on an item of others.' END, E'\n' ORDER BY r.label COLLATE "C") FROM result AS r WHERE r.said IS NOT NULL;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_compatibility(uuid, text) IS
'Checks the package on every target that check_compatibility() would, records what it finds, and returns the errors, a line for each target, as far as the acting person sees it; NULL where there is none.';
