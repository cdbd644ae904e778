-- Module lifecycle: the checks that it can answer at a gate.

CREATE FUNCTION release_mgmt_internal.check_criteria_agreed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH agreed AS (
        SELECT o.code, count(*) AS criteria, count(a.agreed_at) AS agreed, max(a.agreed_at) AS agreed_at, max(p.code) AS agreed_by,
               pg_catalog.string_agg(pg_catalog.format('%s (gate to %s)', c.criterion, c.gate), ', ' ORDER BY c.gate_ordinal, c.own, c.ordinal) FILTER (WHERE a.agreed_at IS NULL) AS open
        FROM release_mgmt.release_customer AS rc
        JOIN release_mgmt.organization AS o ON o.id = rc.organization_id
        CROSS JOIN release_mgmt_internal.criteria_of(check_criteria_agreed.release) AS c
        LEFT JOIN release_mgmt.criteria_agreement AS a ON a.release_id = rc.release_id AND a.organization_id = rc.organization_id AND a.digest = c.digest
        LEFT JOIN release_mgmt.person AS p ON p.id = a.agreed_by
        WHERE rc.release_id = check_criteria_agreed.release
        GROUP BY o.code
    )
    SELECT (count(*) > 0 AND count(*) = count(*) FILTER (WHERE g.agreed = g.criteria),
            CASE WHEN count(*) = 0 THEN 'the release names no customer'
                 ELSE 'criteria not agreed by ' || pg_catalog.string_agg(g.code || CASE WHEN g.agreed > 0 THEN ': ' || g.open ELSE '' END, '; ' ORDER BY g.code)
                      FILTER (WHERE g.agreed < g.criteria) END,
            CASE WHEN count(*) = 0 THEN 'release manager' ELSE 'customer representative' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('criteria_agreement', g.code, 'criteria', g.criteria, 'agreed_by', g.agreed_by, 'agreed_at', g.agreed_at) ORDER BY g.code)
                FILTER (WHERE g.agreed = g.criteria)
           )::release_mgmt.check_result
    FROM agreed AS g;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_criteria_agreed(uuid) IS 'Check: each customer of the release agreed to each of its criteria as it is now.';
SELECT release_mgmt_internal.register_check('criteria_agreed', 'gate', 'release_mgmt_internal.check_criteria_agreed',
    'success and failure criteria are agreed with the customers');

CREATE FUNCTION release_mgmt_internal.check_policy_complied(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT (count(*) > 0 AND pg_catalog.bool_and(coalesce(c.met, false)),
            CASE WHEN count(*) = 0 THEN 'the release''s policy states no machine-checked control'
                 ELSE pg_catalog.string_agg(pg_catalog.format('%s: %s', pc.statement, c.missing), '; ' ORDER BY pc.check_name) FILTER (WHERE c.met IS NOT TRUE) END,
            CASE WHEN count(*) = 0 THEN 'release manager' ELSE pg_catalog.min(c.owner) FILTER (WHERE c.met IS NOT TRUE) END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('policy_control', pc.statement, 'check', pc.check_name, 'met', c.met, 'evidence', c.evidence) ORDER BY pc.check_name)
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    JOIN release_mgmt.policy_control AS pc ON pc.policy_id = r.policy_id AND pc.check_name <> 'policy_complied'
    CROSS JOIN LATERAL release_mgmt_internal.ask_check(pc.check_name, r.id) AS c
    WHERE r.id = check_policy_complied.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_policy_complied(uuid) IS 'Check: every machine-checked control of the release''s policy is met.';
SELECT release_mgmt_internal.register_check('policy_complied', 'gate', 'release_mgmt_internal.check_policy_complied',
    'the release complies with the controls of its policy');

CREATE VIEW release_mgmt.policy_compliance WITH (security_invoker = true) AS
SELECT r.code AS release, p.code AS policy, p.version, pc.statement, pc.check_name,
       CASE WHEN c.met THEN 'met' ELSE 'unmet' END AS status, CASE WHEN c.met IS NOT TRUE THEN coalesce(c.missing, 'no evidence') END AS missing, c.owner, c.evidence
FROM release_mgmt.release AS r
JOIN release_mgmt.release_policy AS p ON p.id = r.policy_id
JOIN release_mgmt.policy_control AS pc ON pc.policy_id = p.id
CROSS JOIN LATERAL release_mgmt_internal.tell_check(pc.check_name, r.id) AS c;
COMMENT ON VIEW release_mgmt.policy_compliance IS
'Each machine-checked control of the policy that each release runs under, evaluated now: met or unmet, what is missing, which duty can supply it, and the evidence.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.policy_compliance');

CREATE FUNCTION release_mgmt_internal.check_early_life_over(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (pg_catalog.max(h.entered_at) + r.early_life <= pg_catalog.clock_timestamp(),
            CASE WHEN pg_catalog.max(h.entered_at) IS NULL THEN 'early life has not begun'
                 WHEN pg_catalog.max(h.entered_at) + r.early_life > pg_catalog.clock_timestamp() THEN pg_catalog.format('early life lasts until %s', pg_catalog.max(h.entered_at) + r.early_life) END,
            'release manager',
            pg_catalog.jsonb_build_object('early_life_from', pg_catalog.max(h.entered_at), 'until', pg_catalog.max(h.entered_at) + r.early_life)
           )::release_mgmt.check_result
    FROM release_mgmt.release AS r
    -- It begins when the roll-out is done, whatever the model calls that.
    LEFT JOIN release_mgmt.release_state_history AS h
        ON h.release_id = r.id
       AND (SELECT s.kind FROM release_mgmt.model_state AS s WHERE s.model_id = r.model_id AND s.state = h.to_state) = 'deployed'
       AND (SELECT s.kind FROM release_mgmt.model_state AS s WHERE s.model_id = r.model_id AND s.state = h.from_state) <> 'deployed'
    WHERE r.id = check_early_life_over.release
    GROUP BY r.early_life;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_early_life_over(uuid) IS 'Check: the period of early life support, counted from when the release was last rolled out (its entry into a state of kind deployed), is over.';
SELECT release_mgmt_internal.register_check('early_life_over', 'gate', 'release_mgmt_internal.check_early_life_over', 'the early life support period is over');

CREATE FUNCTION release_mgmt_internal.check_review_held(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (v.release_id IS NOT NULL, CASE WHEN v.release_id IS NULL THEN 'no post-implementation review is recorded' END, 'release manager',
            CASE WHEN v.release_id IS NOT NULL THEN pg_catalog.jsonb_build_object('implementation_review', v.conclusion, 'held_by', p.code, 'held_at', v.held_at) END
           )::release_mgmt.check_result
    FROM (SELECT) AS always
    LEFT JOIN release_mgmt.implementation_review AS v ON v.release_id = check_review_held.release
    LEFT JOIN release_mgmt.person AS p ON p.id = v.held_by;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_review_held(uuid) IS 'Check: a post-implementation review is recorded.';
SELECT release_mgmt_internal.register_check('review_held', 'gate', 'release_mgmt_internal.check_review_held', 'the post-implementation review was held');
