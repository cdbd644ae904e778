-- Module release: the checks that it can answer at a gate. No evidence is unmet.

CREATE FUNCTION release_mgmt_internal.check_policy_named(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (p.id IS NOT NULL AND p.in_force_from <= current_date,
            CASE WHEN p.id IS NULL THEN 'the release names no policy'
                 WHEN p.in_force_from > current_date THEN pg_catalog.format('policy %s is in force only from %s', p.code, p.in_force_from) END,
            'release manager',
            CASE WHEN p.id IS NOT NULL THEN pg_catalog.jsonb_build_object('release_policy', p.code, 'version', p.version, 'in_force_from', p.in_force_from) END
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r LEFT JOIN release_mgmt.release_policy AS p ON p.id = r.policy_id
    WHERE r.id = check_policy_named.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_policy_named(uuid) IS 'Check: the release names a policy that is in force.';
SELECT release_mgmt_internal.register_check('policy_named', 'gate', 'release_mgmt_internal.check_policy_named', 'the release runs under a policy that is in force');

CREATE FUNCTION release_mgmt_internal.check_plan_accepted(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH plan AS (
        SELECT p.id, p.code, p.version, release_mgmt_internal.plan_digest(p.id) AS digest
        FROM release_mgmt.release AS r JOIN release_mgmt.management_plan AS p ON p.id = r.plan_id
        WHERE r.id = check_plan_accepted.release
    ), sections AS (
        SELECT pg_catalog.string_agg(c.clause, ', ' ORDER BY c.clause) AS missing
        FROM release_mgmt.plan_clause AS c, plan
        WHERE NOT EXISTS (SELECT FROM release_mgmt.plan_section AS s WHERE s.plan_id = plan.id AND s.clause = c.clause)
    ), parties AS (
        SELECT o.code, a.accepted_at, x.code AS accepted_by
        FROM plan
        CROSS JOIN release_mgmt.organization AS o
        LEFT JOIN release_mgmt.plan_acceptance AS a ON a.plan_id = plan.id AND a.organization_id = o.id AND a.digest = plan.digest
        LEFT JOIN release_mgmt.person AS x ON x.id = a.accepted_by
        WHERE o.id IN (SELECT rc.organization_id FROM release_mgmt.release_customer AS rc WHERE rc.release_id = check_plan_accepted.release)
           OR (o.kind = 'authority' AND (NOT o.builtin OR NOT EXISTS (SELECT FROM release_mgmt.organization AS other WHERE other.kind = 'authority' AND NOT other.builtin)))
    ), summary AS (
        SELECT pg_catalog.string_agg(code, ', ' ORDER BY code) FILTER (WHERE accepted_at IS NULL) AS waiting,
               pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('organization', code, 'accepted_by', accepted_by, 'accepted_at', accepted_at) ORDER BY code)
                   FILTER (WHERE accepted_at IS NOT NULL) AS acceptances
        FROM parties
    )
    SELECT (plan.id IS NOT NULL AND sections.missing IS NULL AND summary.waiting IS NULL AND summary.acceptances IS NOT NULL,
            CASE WHEN plan.id IS NULL THEN 'the release names no Release Management Plan'
                 ELSE pg_catalog.concat_ws('; ', 'sections missing: ' || sections.missing, 'not accepted by ' || summary.waiting) END,
            CASE WHEN plan.id IS NULL OR sections.missing IS NOT NULL THEN 'release manager' ELSE 'customer representative' END,
            pg_catalog.jsonb_build_object('management_plan', plan.code, 'version', plan.version, 'digest', plan.digest::text, 'plan_acceptance', summary.acceptances)
           )::release_mgmt.check_result
    FROM (SELECT) AS always LEFT JOIN plan ON true CROSS JOIN sections CROSS JOIN summary;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_plan_accepted(uuid) IS
'Check: the Release Management Plan that the release names has every section, and the authority and each customer of the release accepted it as it reads now. The shipped authority counts only where no other is stated.';
SELECT release_mgmt_internal.register_check('plan_accepted', 'gate', 'release_mgmt_internal.check_plan_accepted',
    'the Release Management Plan is complete and accepted by the authority and each customer');

CREATE FUNCTION release_mgmt_internal.check_items_in_library(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(c.item_id IS NULL OR (i.state = 'accepted' AND i.digest = c.digest) IS TRUE) AND count(c.item_id) > 0,
            CASE WHEN count(*) = 0 THEN 'the release has no package with components'
                 WHEN count(c.item_id) = 0 THEN 'no component is a library item'
                 ELSE 'not accepted, or with another digest: ' || pg_catalog.string_agg(c.name, ', ' ORDER BY c.name)
                          FILTER (WHERE c.item_id IS NOT NULL AND (i.state = 'accepted' AND i.digest = c.digest) IS NOT TRUE) END,
            CASE WHEN count(*) = 0 THEN 'release manager' ELSE 'librarian' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('component', c.name, 'library_item', i.id, 'digest', i.digest::text, 'state', i.state) ORDER BY c.name)
               FILTER (WHERE i.id IS NOT NULL)
           )::release_mgmt.check_result
    FROM release_mgmt.release_package AS p
    JOIN release_mgmt.component AS c ON c.package_id = p.id
    LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
    WHERE p.release_id = check_items_in_library.release AND p.current;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_items_in_library(uuid) IS 'Check: every library item of the package is accepted and has the digest that it was added with.';
SELECT release_mgmt_internal.register_check('items_in_library', 'gate', 'release_mgmt_internal.check_items_in_library',
    'the content is in the Definitive Media Library, accepted and unaltered');

CREATE FUNCTION release_mgmt_internal.check_package_compatible(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT (p.id IS NOT NULL AND f.errors IS NULL AND f.components > 0,
            CASE WHEN p.id IS NULL OR f.components = 0 THEN 'the release has no package with components' ELSE f.errors END,
            'release manager',
            CASE WHEN p.id IS NOT NULL THEN pg_catalog.jsonb_build_object('release_package', p.code, 'revision', p.revision, 'components', f.components, 'findings', f.findings,
                'baseline', f.baseline) END
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = check_package_compatible.release AND p.current
    LEFT JOIN LATERAL (
        -- Whose item it is, so that others are not told.
        SELECT pg_catalog.string_agg(c.component || ': ' || c.finding || coalesce(' (on an item of "' || o.code || '")', ''), '; ' ORDER BY c.component, c.finding)
                   FILTER (WHERE c.severity = 'error') AS errors,
               coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('severity', c.severity, 'component', c.component, 'finding', c.finding,
                                                                                                        'organization', o.code))
                            ORDER BY c.component, c.finding) FILTER (WHERE c.severity IS NOT NULL), '[]') AS findings,
               pg_catalog.jsonb_object_agg(coalesce(c.target, ''), c.finding) FILTER (WHERE c.kind = 'baseline') AS baseline,
               (SELECT count(*) FROM release_mgmt.component AS k WHERE k.package_id = p.id) AS components
        FROM release_mgmt_internal.compatibility_findings(p.id, tell_baseline => true) AS c
        LEFT JOIN release_mgmt.ci AS i ON i.id = c.target_id LEFT JOIN release_mgmt.organization AS o ON o.id = i.organization_id) AS f ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_package_compatible(uuid) IS 'Check: the package fits what is installed on the targets now. The evidence names the baselines seen, under the targets'' labels.';
SELECT release_mgmt_internal.register_check('package_compatible', 'gate', 'release_mgmt_internal.check_package_compatible',
    'the package''s parts are related and compatible, with each other and with what is installed');

CREATE FUNCTION release_mgmt_internal.check_package_sealed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- The digest is computed anew from the rows: a package altered behind the rules is not sealed.
    SELECT (p.digest IS NOT NULL AND p.digest = now_is.digest,
            CASE WHEN p.id IS NULL THEN 'the release has no package'
                 WHEN p.digest IS NULL THEN pg_catalog.format('package %s is not sealed', p.code)
                 ELSE pg_catalog.format('package %s was sealed as %s and is now %s', p.code, p.digest, now_is.digest) END,
            'release manager',
            CASE WHEN p.digest IS NOT NULL THEN pg_catalog.jsonb_build_object('release_package', p.code, 'revision', p.revision, 'digest', p.digest::text, 'sealed_at', p.sealed_at) END
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = check_package_sealed.release AND p.current
    LEFT JOIN LATERAL (SELECT release_mgmt.compute_digest(pg_catalog.convert_to(release_mgmt_internal.package_manifest(p.id), 'UTF8')) AS digest) AS now_is ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_package_sealed(uuid) IS 'Check: the package is sealed, and its rows still give the sealed digest.';
SELECT release_mgmt_internal.register_check('package_sealed', 'gate', 'release_mgmt_internal.check_package_sealed', 'the content is sealed and unaltered since');

CREATE FUNCTION release_mgmt_internal.has_duty_for(person uuid, release uuid, duty text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM release_mgmt.person_duty AS d JOIN release_mgmt.organization AS o ON o.id = d.organization_id
                   WHERE d.person_id = has_duty_for.person AND d.duty = has_duty_for.duty
                     AND (o.kind = 'authority' OR EXISTS (SELECT FROM release_mgmt_internal.party AS p WHERE p.release_id = has_duty_for.release AND p.organization_id = o.id)));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.has_duty_for(uuid, uuid, text) IS 'Has the person the duty, in an authority or an organization that the release concerns?';

CREATE FUNCTION release_mgmt_internal.check_package_signed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH signed AS (
        SELECT k.code, k.person_id, s.signed_at, p.digest::text AS digest,
               release_mgmt.verify_signature(pg_catalog.convert_to(p.digest::text, 'UTF8'), s.signature, k.public_key)
               AND release_mgmt_internal.key_holds(k.id, s.signed_at) AS counts
        FROM release_mgmt.release_package AS p
        JOIN release_mgmt.package_signature AS s ON s.package_id = p.id
        JOIN release_mgmt.signing_key AS k ON k.id = s.key_id
        WHERE p.release_id = check_package_signed.release AND p.current
    ), asked AS (
        -- By the policy: so many persons who have the duty where it counts.
        SELECT q.duty, q.required, count(DISTINCT s.person_id) AS persons
        FROM release_mgmt.release AS r
        JOIN release_mgmt.policy_signature AS q ON q.policy_id = r.policy_id
        LEFT JOIN signed AS s ON s.counts AND release_mgmt_internal.has_duty_for(s.person_id, r.id, q.duty)
        WHERE r.id = check_package_signed.release
        GROUP BY q.duty, q.required
    ), lacking AS (
        SELECT pg_catalog.string_agg(pg_catalog.format('%s: %s of %s signed', a.duty, a.persons, a.required), '; ' ORDER BY a.duty) FILTER (WHERE a.persons < a.required) AS signatures,
               pg_catalog.string_agg(a.duty, ', ' ORDER BY a.duty) FILTER (WHERE a.persons < a.required) AS owners
        FROM asked AS a
    )
    SELECT (coalesce(pg_catalog.bool_and(s.counts), false) AND count(s.code) > 0 AND lacking.signatures IS NULL,
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN count(s.code) = 0 THEN 'no signature over the package''s digest'
                     ELSE 'signatures that do not verify, or whose key was over or revoked: ' || pg_catalog.string_agg(s.code, ', ' ORDER BY s.code) FILTER (WHERE NOT s.counts) END,
                lacking.signatures), ''),
            coalesce(lacking.owners, 'release manager'),
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('package_signature', s.code, 'signed_at', s.signed_at, 'digest', s.digest) ORDER BY s.code)
               FILTER (WHERE s.code IS NOT NULL)
           )::release_mgmt.check_result
    FROM lacking LEFT JOIN signed AS s ON true
    GROUP BY lacking.signatures, lacking.owners;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_package_signed(uuid) IS
'Check: the sealed digest bears at least one signature, each verifies now and was made with a key that counted, and those are among them that the policy asks for.';
SELECT release_mgmt_internal.register_check('package_signed', 'gate', 'release_mgmt_internal.check_package_signed', 'the sealed content is signed');

CREATE FUNCTION release_mgmt_internal.check_cis_traceable(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(x.operation = 'create' OR c.id IS NOT NULL),
            CASE WHEN count(*) = 0 THEN 'no change of a configuration item is planned'
                 ELSE 'planned for configuration items that do not exist: ' || pg_catalog.string_agg(DISTINCT x.ci, ', ') FILTER (WHERE x.operation <> 'create' AND c.id IS NULL) END,
            'release manager',
            pg_catalog.jsonb_build_object('planned_ci_change', count(*), 'ci', pg_catalog.jsonb_agg(DISTINCT x.ci))
           )::release_mgmt.check_result
    FROM release_mgmt.planned_ci_change AS x LEFT JOIN release_mgmt.ci AS c ON c.label = x.ci
    WHERE x.release_id = check_cis_traceable.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_cis_traceable(uuid) IS 'Check: what the release changes is stated, configuration item by configuration item.';
SELECT release_mgmt_internal.register_check('cis_traceable', 'gate', 'release_mgmt_internal.check_cis_traceable',
    'everything rolled out is traceable to configuration items');

CREATE FUNCTION release_mgmt_internal.check_components_tied(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (kinds.components > 0 AND f.untied IS NULL,
            CASE WHEN kinds.components IS NULL THEN 'the release has no package with components' ELSE f.untied END,
            'release manager',
            kinds.evidence
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = check_components_tied.release AND p.current
    LEFT JOIN LATERAL release_mgmt_internal.untied_components(p.id) AS f(untied) ON true
    LEFT JOIN LATERAL (SELECT sum(k.components) AS components,
                              pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('kind', k.kind, 'component', k.components, 'library_item', k.items, 'ci', k.cis) ORDER BY k.kind) AS evidence
                       FROM (SELECT c.kind, count(*) AS components, count(c.item_id) AS items, count(c.ci) AS cis
                             FROM release_mgmt.component AS c WHERE c.package_id = p.id GROUP BY c.kind) AS k) AS kinds ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_components_tied(uuid) IS
'Check: the package has components, of whatever kind, and each is tied as its kind needs: content to an item of the library, hardware to a configuration item.';
SELECT release_mgmt_internal.register_check('components_tied', 'gate', 'release_mgmt_internal.check_components_tied',
    'software, hardware, documents, configuration and data are each known as what they are');
