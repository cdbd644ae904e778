-- Module metrics: checks that need more than one module's rows, and which checks show which obligation.

CREATE FUNCTION release_mgmt_internal.check_unit_stated(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (u.id IS NOT NULL AND f.faults IS NULL,
            CASE WHEN u.id IS NULL THEN 'the package is no release unit' ELSE f.faults END,
            'release manager',
            CASE WHEN u.id IS NOT NULL THEN pg_catalog.jsonb_build_object('release_unit', u.code, 'extent', u.extent, 'ci_classes', u.ci_classes,
                'classes_released', (SELECT pg_catalog.jsonb_agg(c.class ORDER BY c.class) FROM release_mgmt_internal.package_classes(p.id) AS c(class))) END
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = check_unit_stated.release AND p.current
    LEFT JOIN release_mgmt.release_unit AS u ON u.id = p.unit_id
    LEFT JOIN LATERAL release_mgmt_internal.unit_faults(p.id) AS f(faults) ON true;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_unit_stated(uuid) IS 'Check: the package is a release unit, and contains of the classes of configuration items what the unit says.';
SELECT release_mgmt_internal.register_check('unit_stated', 'gate', 'release_mgmt_internal.check_unit_stated', 'the package is a release unit, and contains what the unit brings together');

CREATE FUNCTION release_mgmt_internal.check_package_made(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(c.id) > 0, 'the release has no package with components', 'release manager',
            pg_catalog.jsonb_build_object('release', r.code, 'type', r.type, 'release_package', p.code, 'revision', p.revision,
                'components', pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', c.name, 'kind', c.kind, 'version', c.version::text) ORDER BY c.name) FILTER (WHERE c.id IS NOT NULL))
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    LEFT JOIN release_mgmt.release_package AS p ON p.release_id = r.id AND p.current
    LEFT JOIN release_mgmt.component AS c ON c.package_id = p.id
    WHERE r.id = check_package_made.release
    GROUP BY r.code, r.type, p.code, p.revision;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_package_made(uuid) IS 'Check: the release, with its type, has a package revision with components.';
SELECT release_mgmt_internal.register_check('package_made', 'gate', 'release_mgmt_internal.check_package_made', 'the release is categorized and has a package of components');

CREATE FUNCTION release_mgmt_internal.check_model_followed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- The history must be a road of the pinned model that leads from draft to the present state.
    WITH history AS (
        SELECT h.from_state, h.to_state, r.state, r.model_id,
               pg_catalog.lag(h.to_state, 1, 'draft') OVER w AS came_from, pg_catalog.lead(h.to_state) OVER w AS next_state
        FROM release_mgmt.release AS r JOIN release_mgmt.release_state_history AS h ON h.release_id = r.id
        WHERE r.id = check_model_followed.release
        WINDOW w AS (ORDER BY h.entered_at, h.id)
    )
    SELECT (count(h.to_state) > 0 AND coalesce(pg_catalog.bool_and(t.to_state IS NOT NULL AND h.came_from = h.from_state AND (h.next_state IS NOT NULL OR h.to_state = h.state)), false),
            CASE WHEN count(h.to_state) = 0 THEN 'the release has not left draft'
                 ELSE 'steps that the model does not know, or that do not join: ' || pg_catalog.string_agg(h.from_state || ' to ' || h.to_state, ', ')
                      FILTER (WHERE (t.to_state IS NOT NULL AND h.came_from = h.from_state AND (h.next_state IS NOT NULL OR h.to_state = h.state)) IS NOT TRUE) END,
            'release manager',
            pg_catalog.jsonb_build_object('release_model', m.code, 'version', m.version, 'release_state_history', count(h.to_state))
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    JOIN release_mgmt.release_model AS m ON m.id = r.model_id
    LEFT JOIN history AS h ON true
    LEFT JOIN release_mgmt.model_transition AS t ON t.model_id = h.model_id AND t.from_state = h.from_state AND t.to_state = h.to_state
    WHERE r.id = check_model_followed.release
    GROUP BY m.code, m.version;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_model_followed(uuid) IS 'Check: the recorded states join up to a road of the pinned model, from draft to the present state.';
SELECT release_mgmt_internal.register_check('model_followed', 'gate', 'release_mgmt_internal.check_model_followed', 'the release pins a version of a release model and follows it');

CREATE FUNCTION release_mgmt_internal.check_criteria_tracked(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(e.id IS NOT NULL),
            CASE WHEN count(*) = 0 THEN 'no gate was passed yet'
                 ELSE 'passed without an evaluation: ' || pg_catalog.string_agg(DISTINCT c.gate || ': ' || c.criterion, ', ') FILTER (WHERE e.id IS NULL) END,
            'release manager',
            pg_catalog.jsonb_build_object('criterion_evaluation', count(DISTINCT e.id), 'gates', pg_catalog.jsonb_agg(DISTINCT h.to_state),
                'waived', count(DISTINCT e.id) FILTER (WHERE e.status = 'waived'), 'not_applicable', count(DISTINCT e.id) FILTER (WHERE e.status = 'not applicable'))
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    JOIN release_mgmt.release_state_history AS h ON h.release_id = r.id
    JOIN release_mgmt.model_transition AS t ON t.model_id = r.model_id AND t.from_state = h.from_state AND t.to_state = h.to_state AND t.forward
    -- Of the criteria that the release had when it passed.
    JOIN release_mgmt_internal.criteria_of(check_criteria_tracked.release) AS c ON c.gate = h.to_state AND (c.added_at IS NULL OR c.added_at < h.entered_at)
    LEFT JOIN release_mgmt.criterion_evaluation AS e ON e.release_id = r.id AND e.gate = c.gate AND e.criterion = c.criterion AND e.status IN ('met', 'waived', 'not applicable')
    WHERE r.id = check_criteria_tracked.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_criteria_tracked(uuid) IS 'Check: every criterion of every gate that the release passed was evaluated, and was met, waived or not applicable.';
SELECT release_mgmt_internal.register_check('criteria_tracked', 'gate', 'release_mgmt_internal.check_criteria_tracked',
    'success and failure criteria are evaluated at each point of the lifecycle, every evaluation kept');

CREATE FUNCTION release_mgmt_internal.check_delivery_proved(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- Every target against every library item of the package: delivered, with the digest that was sealed.
    SELECT (count(*) > 0 AND pg_catalog.bool_and(d.delivered),
            CASE WHEN count(*) = 0 THEN 'nothing was distributed to any target'
                 ELSE 'not proved: ' || pg_catalog.string_agg(c.name || ' on ' || t.ci, ', ' ORDER BY t.ci, c.name) FILTER (WHERE NOT d.delivered) END,
            'operator',
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('target', t.ci, 'component', c.name, 'digest', c.digest::text) ORDER BY t.ci, c.name) FILTER (WHERE d.delivered)
           )::release_mgmt.check_result
    FROM release_mgmt.target AS t
    CROSS JOIN LATERAL release_mgmt_internal.target_components(t.id) AS c
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM release_mgmt.delivery AS x JOIN release_mgmt.deployment_step AS s ON s.id = x.step_id
                                       WHERE s.target_id = t.id AND x.item_id = c.item_id AND x.digest = c.digest) AS delivered) AS d
    WHERE t.release_id = check_delivery_proved.release AND c.item_id IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_delivery_proved(uuid) IS 'Check: each library item of the package reached each of its targets with the sealed digest, as the installed files showed.';
SELECT release_mgmt_internal.register_check('delivery_proved', 'gate', 'release_mgmt_internal.check_delivery_proved', 'what was distributed is what the library accepted, proved by digest on each target');

CREATE FUNCTION release_mgmt_internal.check_no_drift(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT (t.installed > 0 AND count(d.ci) FILTER (WHERE d.classification <> 'authorized') = 0,
            CASE WHEN t.installed = 0 THEN 'nothing is installed yet, so nothing could drift'
                 ELSE pg_catalog.string_agg(pg_catalog.concat_ws(' ', d.classification, d.ci, d.attribute, 'by ' || d.role), '; ' ORDER BY d.ci COLLATE "C", d.attribute COLLATE "C")
                          FILTER (WHERE d.classification <> 'authorized') END,
            'operator',
            pg_catalog.jsonb_build_object('drift', count(d.ci), 'authorized', count(d.ci) FILTER (WHERE d.classification = 'authorized'),
                'ci', pg_catalog.jsonb_agg(DISTINCT d.ci) FILTER (WHERE d.ci IS NOT NULL))
           )::release_mgmt.check_result
    FROM (SELECT count(*) AS installed FROM release_mgmt.target AS x
          WHERE x.release_id = check_no_drift.release AND x.state IN ('installed', 'verified')) AS t
    LEFT JOIN LATERAL release_mgmt_internal.release_drift(check_no_drift.release) AS d ON t.installed > 0
    GROUP BY t.installed;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_no_drift(uuid) IS
'Check: since it was sealed, nothing but authorized changes happened to the configuration items that the release plans, and they are as planned.';
SELECT release_mgmt_internal.register_check('no_drift', 'gate', 'release_mgmt_internal.check_no_drift',
    'what is in the CMDB is what was released, and nobody changed it without authority');

CREATE FUNCTION release_mgmt_internal.check_record_proved(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SET jit = off
BEGIN ATOMIC
    -- Whatever changes beneath a release raises its revision, so the transactions that changed the release's own row are all of them.
    WITH governed AS MATERIALIZED (
        SELECT t.id FROM release_mgmt.governed_table AS t WHERE t.source = 'release_mgmt.release'::pg_catalog.regclass
    ), keyed AS MATERIALIZED (
        SELECT DISTINCT k.transaction_id
        FROM governed AS t
        JOIN release_mgmt.ledger_key AS k ON k.hash = release_mgmt_internal.key_hash(t.id, check_record_proved.release::text)
    ), unkeyed AS MATERIALIZED (
        SELECT u.transaction_id, u.first_seq, u.changes FROM release_mgmt_internal.unkeyed_batch AS u
    ), leaf AS MATERIALIZED (
        -- OFFSET: by the index, however many leaves there are.
        SELECT e.log_id, e.index AS log_index
        FROM keyed AS k
        CROSS JOIN LATERAL (SELECT s.log_id, s.index FROM release_mgmt.ledger_entry AS s WHERE s.transaction_id = k.transaction_id OFFSET 0) AS e
        UNION ALL
        SELECT l.log_id, l.log_index
        FROM (SELECT DISTINCT u.transaction_id
              FROM governed AS t
              CROSS JOIN unkeyed AS u
              WHERE EXISTS (SELECT FROM release_mgmt_internal.changes_of_row(u.changes, u.first_seq, t.id, check_record_proved.release::text))) AS u
        JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = u.transaction_id
    ), log AS MATERIALIZED (
        SELECT g.id, g.origin, g.opened_at, (SELECT max(c.size) FROM release_mgmt.ledger_checkpoint AS c WHERE c.log_id = g.id) AS signed
        FROM release_mgmt.ledger_log AS g
    ), recorded AS MATERIALIZED (
        SELECT l.log_id, g.origin, g.opened_at, count(*) AS transactions, count(*) FILTER (WHERE l.log_index < g.signed) AS covered,
               max(l.log_index) AS last_index, max(l.log_index) FILTER (WHERE l.log_index < g.signed) AS last_covered
        FROM leaf AS l
        LEFT JOIN log AS g ON g.id = l.log_id
        GROUP BY l.log_id, g.origin, g.opened_at
    ), covering AS MATERIALIZED (
        SELECT k.size, k.signed_at
        FROM recorded AS r
        CROSS JOIN LATERAL (SELECT c.size, c.signed_at FROM release_mgmt.ledger_checkpoint AS c
                            WHERE c.log_id = r.log_id AND c.size > r.last_covered ORDER BY c.size LIMIT 1) AS k
        WHERE r.last_covered IS NOT NULL
        ORDER BY r.opened_at DESC
        LIMIT 1
    )
    SELECT (coalesce(sum(r.transactions) > 0 AND sum(r.transactions) = sum(r.covered), false),
            CASE WHEN count(*) = 0 THEN 'the ledger holds nothing of the release'
                 WHEN sum(r.covered) < sum(r.transactions) THEN pg_catalog.format('of %s transactions that concern the release %s are beneath no signed checkpoint yet', sum(r.transactions), sum(r.transactions) - sum(r.covered)) END,
            'DBA',
            pg_catalog.jsonb_build_object('transactions', coalesce(sum(r.transactions), 0),
                'log', (pg_catalog.array_agg(r.origin ORDER BY r.opened_at DESC) FILTER (WHERE r.log_id IS NOT NULL))[1],
                'ledger_entry', (pg_catalog.array_agg(r.last_index ORDER BY r.opened_at DESC) FILTER (WHERE r.log_id IS NOT NULL))[1],
                'ledger_checkpoint', (SELECT k.size FROM covering AS k), 'signed_at', (SELECT k.signed_at FROM covering AS k))
           )::release_mgmt.check_result
    FROM recorded AS r;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_record_proved(uuid) IS
'Check: every transaction that changed the release, or anything beneath it, is a leaf of the ledger beneath a signed checkpoint.';
SELECT release_mgmt_internal.register_check('record_proved', 'gate', 'release_mgmt_internal.check_record_proved',
    'what was recorded of the release can be proved from a signed checkpoint');
