-- Module lifecycle: how the criteria of a gate are answered, and what every gate before a release says now.
--
-- SECURITY DEFINER: a gate reads what the caller's row security may hide.

CREATE FUNCTION release_mgmt_internal.measured(release uuid, gate text, criterion text, digest release_mgmt.digest, comparison text, threshold numeric, unit text)
RETURNS release_mgmt.check_result
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    last record;
    answer release_mgmt.check_result;
BEGIN
    SELECT m.*, p.code AS person INTO last
    FROM release_mgmt.criterion_measurement AS m
    JOIN release_mgmt.release_package AS k ON k.release_id = m.release_id AND k.current AND k.digest = m.package_digest
    JOIN release_mgmt.person AS p ON p.id = m.measured_by
    WHERE m.release_id = measured.release AND m.gate = measured.gate AND m.criterion = measured.criterion AND m.criterion_digest = measured.digest
      -- Agreed first, measured then: a customer who came later had not agreed to what was measured before.
      AND m.measured_at > (SELECT max(a.agreed_at) FROM release_mgmt.release_customer AS rc
                           JOIN release_mgmt.criteria_agreement AS a ON a.release_id = rc.release_id AND a.organization_id = rc.organization_id
                           WHERE rc.release_id = m.release_id AND a.digest = m.criterion_digest)
    ORDER BY m.measured_at DESC LIMIT 1;
    IF NOT FOUND THEN
        answer.met := false;
        answer.missing := format('nothing is measured on the sealed package: %s %s %s is asked', comparison, trim_scale(threshold), unit);
        RETURN answer;
    END IF;
    answer.met := CASE comparison WHEN '<' THEN last.value < threshold WHEN '<=' THEN last.value <= threshold WHEN '=' THEN last.value = threshold
                                  WHEN '>=' THEN last.value >= threshold ELSE last.value > threshold END;
    IF NOT answer.met THEN
        answer.missing := format('%s %s was measured, %s %s is asked', last.value, unit, comparison, trim_scale(threshold));
    END IF;
    answer.evidence := jsonb_build_object('criterion_measurement', last.id, 'value', last.value, 'unit', unit, 'threshold', comparison || ' ' || trim_scale(threshold),
        'evidence', last.evidence, 'measured_by', last.person, 'measured_at', last.measured_at, 'package', last.package_digest::text);
    RETURN answer;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.measured(uuid, text, text, release_mgmt.digest, text, numeric, text) IS
'What the last measurement on the sealed package says of a criterion, among those made after the last customer agreed to it as it is.';

CREATE FUNCTION release_mgmt_internal.gate_answers(release uuid, gates text[])
RETURNS TABLE (gate text, gate_ordinal integer, own boolean, ordinal integer, criterion text, kind text, status text, missing text, owner text, evidence jsonb, digest release_mgmt.digest)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE ROWS 30 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    asked record;
    answer release_mgmt.check_result;
    exempt_kind text;
    exempt_evidence jsonb;
    expired timestamptz;
    any_exempt boolean := EXISTS (SELECT FROM release_mgmt.criterion_exemption AS e WHERE e.release_id = release);
    disagreement text;
    asked_names text[] := '{}';
    answers release_mgmt.check_result[] := '{}';
    place integer;
BEGIN
    FOR asked IN
        SELECT c.*, p.role_name, p.code AS author
        FROM release_mgmt_internal.criteria_of(release) AS c LEFT JOIN release_mgmt.person AS p ON p.id = c.author_id
        WHERE c.gate = ANY (gates) ORDER BY c.gate_ordinal, c.own, c.ordinal
    LOOP
        gate := asked.gate;
        gate_ordinal := asked.gate_ordinal;
        own := asked.own;
        ordinal := asked.ordinal;
        criterion := asked.criterion;
        kind := asked.kind;
        digest := asked.digest;
        exempt_kind := NULL;
        expired := NULL;
        IF any_exempt AND asked.waivable THEN
            SELECT e.kind, jsonb_strip_nulls(jsonb_build_object('criterion_exemption', e.code, 'kind', e.kind, 'reason', e.reason, 'corrective_action', e.corrective_action,
                       'expires_at', e.expires_at, 'approved_by', (SELECT p.code FROM release_mgmt.person AS p WHERE p.id = e.approved_by), 'approved_at', e.approved_at))
            INTO exempt_kind, exempt_evidence
            FROM release_mgmt.criterion_exemption AS e
            WHERE e.release_id = release AND e.gate = asked.gate AND e.criterion = asked.criterion AND e.digest = asked.digest
              AND e.approved_at IS NOT NULL AND e.withdrawn_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > clock_timestamp())
            ORDER BY e.kind = 'waiver', e.expires_at DESC LIMIT 1;
            SELECT max(e.expires_at) INTO expired
            FROM release_mgmt.criterion_exemption AS e
            WHERE e.release_id = release AND e.gate = asked.gate AND e.criterion = asked.criterion AND e.digest = asked.digest
              AND e.approved_at IS NOT NULL AND e.withdrawn_at IS NULL AND e.expires_at <= clock_timestamp();
        END IF;
        IF exempt_kind = 'not applicable' THEN
            status := 'not applicable';
            missing := NULL;
            owner := NULL;
            evidence := exempt_evidence;
            RETURN NEXT;
            CONTINUE;
        END IF;

        disagreement := CASE WHEN asked.to_agree THEN release_mgmt_internal.not_agreed_by(release, asked.digest) END;
        answer := NULL;
        IF disagreement IS NULL THEN
            CASE asked.kind
            WHEN 'check' THEN
                -- A check that several gates ask is asked once.
                place := array_position(asked_names, asked.check_name);
                IF place IS NULL THEN
                    answer := release_mgmt_internal.ask_check(asked.check_name, release);
                    asked_names := asked_names || asked.check_name;
                    answers := array_append(answers, answer);
                ELSE
                    answer := answers[place];
                END IF;
            WHEN 'measure' THEN
                answer := release_mgmt_internal.measured(release, asked.gate, asked.criterion, asked.digest, asked.comparison, asked.threshold, asked.unit);
            ELSE
                answer.missing := release_mgmt_internal.evaluate_predicate(asked.predicate, asked.role_name, release);
                answer.met := answer.missing IS NULL;
                answer.evidence := jsonb_build_object('predicate', asked.predicate, 'as', asked.author, 'holds', answer.met);
            END CASE;
            status := CASE WHEN answer.met THEN 'met' ELSE 'unmet' END;
            missing := CASE WHEN status <> 'met' THEN coalesce(answer.missing, 'no evidence') END;
            owner := CASE WHEN status <> 'met' THEN coalesce(answer.owner, asked.duty, 'release manager') END;
            evidence := answer.evidence;
        ELSE
            status := 'not yet agreed';
            missing := disagreement;
            owner := CASE WHEN disagreement LIKE 'not agreed by %' THEN 'customer representative' ELSE 'release manager' END;
            evidence := NULL;
        END IF;
        IF status <> 'met' AND exempt_kind = 'waiver' THEN
            status := 'waived';
            evidence := jsonb_build_object('waiver', exempt_evidence, 'evaluation', evidence);
        ELSIF status <> 'met' AND expired IS NOT NULL THEN
            missing := format('%s; its waiver expired at %s', missing, expired);
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.gate_answers(uuid, text[]) IS
'The criteria of the named gates of a release, evaluated now. A gate is passed where each is met, waived or not applicable.';

CREATE VIEW release_mgmt.gate_status WITH (security_invoker = true) AS
SELECT r.code AS release, g.gate, g.criterion, g.status, CASE WHEN told.everything THEN g.missing ELSE release_mgmt_internal.tell_text(r.id, g.missing) END AS missing, g.owner,
       CASE WHEN told.everything THEN g.evidence ELSE release_mgmt_internal.tell_evidence(r.id, g.evidence) END AS evidence, g.gate_ordinal, g.ordinal, g.kind, g.own
FROM release_mgmt.release AS r
-- OFFSET 0: asked once for a release, not for each criterion.
CROSS JOIN LATERAL (SELECT release_mgmt_internal.is_told_everything(r.id) OFFSET 0) AS told(everything)
CROSS JOIN LATERAL release_mgmt_internal.gate_answers(r.id, release_mgmt_internal.gates_ahead(r.id)) AS g
ORDER BY r.code, g.gate_ordinal, g.own, g.ordinal;
COMMENT ON VIEW release_mgmt.gate_status IS
'For each release, every criterion of the gates before it, evaluated now. status: met; unmet; waived (unmet, and let pass until the waiver expires); not yet agreed (by every customer, to the criterion as it is; only then it counts); not applicable (stated and approved). missing: what is missing; owner: which duty can supply it; evidence: the rows that show it; own: a criterion of this release alone. Of a release that customers share, each is told what concerns it.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.gate_status');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.gates_ahead(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.gate_answers(uuid, text[])');

CREATE FUNCTION release_mgmt.evaluate_gate(release text, to_state text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid := release_mgmt.release_id(release);
    in_the_way integer;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager');
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager', 'change manager', 'test manager');
    IF (to_state = ANY (release_mgmt_internal.gates_ahead(of_release))) IS NOT TRUE THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has no gate to %s before it', release, to_state), NULL,
            format('See SELECT DISTINCT gate FROM release_mgmt.gate_status WHERE release = %L.', release));
    END IF;
    WITH evaluated AS (
        INSERT INTO release_mgmt.criterion_evaluation (release_id, gate, criterion, met, status, digest, missing, owner, evidence)
        SELECT of_release, g.gate, g.criterion, g.status = 'met', g.status, g.digest, g.missing, g.owner, g.evidence
        FROM release_mgmt_internal.gate_answers(of_release, ARRAY[to_state]) AS g ORDER BY g.own, g.ordinal
        RETURNING status
    )
    SELECT count(*) FILTER (WHERE e.status NOT IN ('met', 'waived', 'not applicable')) INTO in_the_way FROM evaluated AS e;
    RETURN in_the_way;
END $$;
COMMENT ON FUNCTION release_mgmt.evaluate_gate(text, text) IS
'Evaluates the criteria of a gate that a release has before it, keeps each evaluation with its evidence, and returns how many stand in the way. A transition that is refused keeps nothing. Errors: RM002 unknown release, RM003 without the duty release manager, change manager or test manager, RM015 no such gate ahead.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager}', 'EXECUTE', 'FUNCTION release_mgmt.evaluate_gate(text, text)');
