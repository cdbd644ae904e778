-- Module lifecycle: what one release is excused from. A waiver lets it pass a criterion that is unmet, until it expires; a
-- criterion that does not apply is not asked. Both need a reason and an approver, and die when the criterion changes.

CREATE TABLE release_mgmt.criterion_exemption (
    id                uuid DEFAULT release_mgmt.new_id(),
    code              text NOT NULL,
    release_id        uuid NOT NULL,
    gate              text NOT NULL,
    criterion         text NOT NULL,
    digest            release_mgmt.digest NOT NULL,
    kind              text NOT NULL,
    reason            text NOT NULL,
    corrective_action text,
    expires_at        timestamptz,
    requested_by      uuid NOT NULL,
    requested_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by       uuid,
    approved_at       timestamptz,
    withdrawn_by      uuid,
    withdrawn_at      timestamptz,
    CONSTRAINT criterion_exemption_pkey PRIMARY KEY (id),
    CONSTRAINT criterion_exemption_code_key UNIQUE (code),
    CONSTRAINT criterion_exemption_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT criterion_exemption_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES release_mgmt.person,
    CONSTRAINT criterion_exemption_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES release_mgmt.person,
    CONSTRAINT criterion_exemption_withdrawn_by_fkey FOREIGN KEY (withdrawn_by) REFERENCES release_mgmt.person,
    CONSTRAINT criterion_exemption_kind_check CHECK (kind IN ('waiver', 'not applicable')),
    CONSTRAINT criterion_exemption_reason_check CHECK (reason <> ''),
    CONSTRAINT criterion_exemption_waiver_check CHECK (CASE kind WHEN 'waiver' THEN corrective_action <> '' AND num_nonnulls(corrective_action, expires_at) = 2
                                                                 ELSE num_nonnulls(corrective_action, expires_at) = 0 END),
    CONSTRAINT criterion_exemption_approved_check CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT criterion_exemption_withdrawn_check CHECK ((withdrawn_by IS NULL) = (withdrawn_at IS NULL)),
    CONSTRAINT criterion_exemption_separation_check CHECK (approved_by <> requested_by)
);
COMMENT ON TABLE release_mgmt.criterion_exemption IS
'Criteria that one release need not meet: waived until a time, with a corrective action, or not applicable. Each is bound to the criterion''s digest. Written by request_waiver(), state_criterion_inapplicable(), approve_exemption() and withdraw_exemption().';
COMMENT ON COLUMN release_mgmt.criterion_exemption.code IS 'the release''s code, the kind and a number: REL-1/waiver-1';
CREATE INDEX criterion_exemption_release_id_idx ON release_mgmt.criterion_exemption (release_id, gate, criterion);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.criterion_exemption', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.criterion_exemption');
SELECT release_mgmt_internal.belongs('release_mgmt.criterion_exemption', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.criterion_exemption');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.criterion_exemption
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER in the verbs: they alone write exemptions.
CREATE FUNCTION release_mgmt_internal.request_exemption(kind text, release text, criterion text, gate text, reason text, expires timestamptz, corrective_action text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager', 'change manager');
    of_release uuid := release_mgmt.release_id(release);
    exempted record;
    faults text[] := '{}';
    made text;
BEGIN
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager', 'change manager');
    PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR NO KEY UPDATE;
    SELECT c.* INTO exempted
    FROM release_mgmt_internal.find_criterion(of_release, criterion, gate) AS f
    JOIN release_mgmt_internal.criteria_of(of_release) AS c ON c.gate = f.found_gate AND c.criterion = request_exemption.criterion;
    IF NOT exempted.waivable THEN
        faults := faults || 'its model says that this criterion must be met'::text;
    END IF;
    IF coalesce(reason, '') = '' THEN
        faults := faults || 'no reason is given'::text;
    END IF;
    IF kind = 'waiver' AND coalesce(corrective_action, '') = '' THEN
        faults := faults || 'no corrective action is named'::text;
    END IF;
    IF kind = 'waiver' AND (expires IS NULL OR expires <= clock_timestamp() OR expires = 'infinity') THEN
        faults := faults || 'it does not expire at a time to come'::text;
    END IF;
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state',
            format('criterion "%s" of release "%s" can not be %s', criterion, release, CASE kind WHEN 'waiver' THEN 'waived' ELSE 'stated to be not applicable' END),
            (SELECT string_agg(upper(left(f.fault, 1)) || substr(f.fault, 2) || '.', E'\n' ORDER BY f.place) FROM unnest(faults) WITH ORDINALITY AS f(fault, place)), NULL);
    END IF;
    SELECT e.code INTO made FROM release_mgmt.criterion_exemption AS e
    WHERE e.release_id = of_release AND e.gate = exempted.gate AND e.criterion = exempted.criterion AND e.digest = exempted.digest
      AND e.withdrawn_at IS NULL AND e.requested_by = acting
      AND (e.kind, e.reason, e.corrective_action, e.expires_at) IS NOT DISTINCT FROM (request_exemption.kind, request_exemption.reason, request_exemption.corrective_action, expires);
    IF made IS NULL THEN
        INSERT INTO release_mgmt.criterion_exemption (code, release_id, gate, criterion, digest, kind, reason, corrective_action, expires_at, requested_by)
        VALUES (format('%s/%s-%s', release, replace(kind, ' ', '-'),
                       1 + (SELECT count(*) FROM release_mgmt.criterion_exemption AS e WHERE e.release_id = of_release AND e.kind = request_exemption.kind)),
                of_release, exempted.gate, exempted.criterion, exempted.digest, kind, reason, corrective_action, expires, acting)
        RETURNING code INTO made;
    END IF;
    RETURN made;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.request_exemption(text, text, text, text, text, timestamptz, text) IS 'See request_waiver() and state_criterion_inapplicable().';

CREATE FUNCTION release_mgmt.request_waiver(release text, criterion text, reason text, corrective_action text, expires timestamptz, gate text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.request_exemption('waiver', release, criterion, gate, reason, expires, corrective_action);
END;
COMMENT ON FUNCTION release_mgmt.request_waiver(text, text, text, text, timestamptz, text) IS
'Asks that a release may pass a gate although a criterion is unmet, and returns the waiver''s code; it counts once somebody else approves it (approve_exemption()), until it expires or the criterion changes. reason: why; corrective_action: what is done about it; expires: until when it counts; gate: only where several gates have a criterion of that name. Errors: RM002 unknown release or criterion, RM003 without the duty release manager or change manager, RM015 the criterion must be met, or reason, corrective action or a time to come are missing.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.request_waiver(text, text, text, text, timestamptz, text)');

CREATE FUNCTION release_mgmt.state_criterion_inapplicable(release text, criterion text, reason text, gate text DEFAULT NULL) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.request_exemption('not applicable', release, criterion, gate, reason, NULL, NULL);
END;
COMMENT ON FUNCTION release_mgmt.state_criterion_inapplicable(text, text, text, text) IS
'States that a criterion does not apply to a release, and why, and returns the statement''s code; it counts once somebody else approves it (approve_exemption()), until the criterion changes. gate: only where several gates have a criterion of that name. Errors: RM002 unknown release or criterion, RM003 without the duty release manager or change manager, RM015 the criterion must be met, or no reason is given.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.state_criterion_inapplicable(text, text, text, text)');

CREATE FUNCTION release_mgmt_internal.lock_exemption(exemption text) RETURNS release_mgmt.criterion_exemption
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_exemption release_mgmt.criterion_exemption;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT e.* INTO found_exemption FROM release_mgmt.criterion_exemption AS e WHERE e.code = exemption;
    IF NOT FOUND OR NOT release_mgmt_internal.sees(found_exemption.release_id, 'release') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('exemption "%s" does not exist', exemption), NULL,
            'Waivers, and criteria that do not apply, are in release_mgmt.exemption_status.');
    END IF;
    PERFORM FROM release_mgmt.release AS r WHERE r.id = found_exemption.release_id FOR NO KEY UPDATE;
    SELECT e.* INTO found_exemption FROM release_mgmt.criterion_exemption AS e WHERE e.code = exemption FOR UPDATE;
    RETURN found_exemption;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.lock_exemption(text) IS 'The exemption with that code, its release and it locked; RM002 if there is none that the acting person sees.';

CREATE PROCEDURE release_mgmt.approve_exemption(exemption text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.acting_person();
    asked release_mgmt.criterion_exemption := release_mgmt_internal.lock_exemption(exemption);
    faults text[] := '{}';
BEGIN
    IF acting = asked.requested_by OR acting = (SELECT r.requested_by FROM release_mgmt.release AS r WHERE r.id = asked.release_id) THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('the requester can not approve "%s"', exemption),
            format('Role "%s" requested %s.', release_mgmt_internal.acting_role(), CASE WHEN acting = asked.requested_by THEN 'it' ELSE 'the release' END),
            'A change manager, or somebody with a duty in an authority, who requested neither it nor the release approves it.');
    END IF;
    IF NOT EXISTS (SELECT FROM release_mgmt.person_duty AS pd JOIN release_mgmt.organization AS o ON o.id = pd.organization_id
                   WHERE pd.person_id = acting AND pd.duty = 'customer representative' AND o.kind = 'authority') THEN
        acting := release_mgmt_internal.require_duty('change manager');
        PERFORM release_mgmt_internal.require_duty_for(asked.release_id, 'change manager');
    END IF;
    IF asked.approved_at IS NOT NULL AND asked.withdrawn_at IS NULL THEN
        RETURN;
    END IF;
    IF asked.withdrawn_at IS NOT NULL THEN
        faults := faults || 'it was withdrawn'::text;
    END IF;
    IF asked.expires_at <= clock_timestamp() THEN
        faults := faults || format('it would have expired at %s', asked.expires_at);
    END IF;
    IF NOT EXISTS (SELECT FROM release_mgmt_internal.criteria_of(asked.release_id) AS c
                   WHERE c.gate = asked.gate AND c.criterion = asked.criterion AND c.digest = asked.digest AND c.waivable) THEN
        faults := faults || 'the criterion is not any more what it was when this was requested'::text;
    END IF;
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('"%s" can not be approved', exemption),
            (SELECT string_agg(upper(left(f.fault, 1)) || substr(f.fault, 2) || '.', E'\n' ORDER BY f.place) FROM unnest(faults) WITH ORDINALITY AS f(fault, place)),
            'Request another one.');
    END IF;
    UPDATE release_mgmt.criterion_exemption AS e SET approved_by = acting, approved_at = clock_timestamp() WHERE e.id = asked.id;
END $$;
COMMENT ON PROCEDURE release_mgmt.approve_exemption(text) IS
'Approves a waiver, or that a criterion does not apply; one that is approved stays as it is. Errors: RM002 unknown code, RM003 neither change manager nor customer representative of an authority, RM008 who requested it or the release, RM015 withdrawn, expired, or the criterion has changed.';
SELECT release_mgmt_internal.allow('{change manager,customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.approve_exemption(text)');

CREATE PROCEDURE release_mgmt.withdraw_exemption(exemption text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    asked release_mgmt.criterion_exemption := release_mgmt_internal.lock_exemption(exemption);
    acting uuid := release_mgmt_internal.require_duty('release manager', 'change manager', 'customer representative');
BEGIN
    PERFORM release_mgmt_internal.require_duty_for(asked.release_id, 'release manager', 'change manager', 'customer representative');
    UPDATE release_mgmt.criterion_exemption AS e SET withdrawn_by = acting, withdrawn_at = clock_timestamp() WHERE e.id = asked.id AND e.withdrawn_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.withdraw_exemption(text) IS
'Ends a waiver, or a statement that a criterion does not apply, before its time; the criterion blocks again. Errors: RM002 unknown code, RM003 without the duty release manager, change manager or customer representative.';
SELECT release_mgmt_internal.allow('{release manager,change manager,customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.withdraw_exemption(text)');

CREATE VIEW release_mgmt.exemption_status WITH (security_invoker = true) AS
SELECT e.code AS exemption, r.code AS release, e.gate, e.criterion, e.kind,
       CASE WHEN e.withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN c.gate IS NULL THEN 'void'
            WHEN e.expires_at <= clock_timestamp() THEN 'expired'
            WHEN e.approved_at IS NULL THEN 'requested'
            ELSE 'open' END AS status,
       e.reason, e.corrective_action, e.expires_at, q.code AS requested_by, e.requested_at, a.code AS approved_by, e.approved_at, w.code AS withdrawn_by, e.withdrawn_at
FROM release_mgmt.criterion_exemption AS e
JOIN release_mgmt.release AS r ON r.id = e.release_id
LEFT JOIN LATERAL (SELECT k.gate FROM release_mgmt_internal.criteria_of(e.release_id) AS k WHERE k.gate = e.gate AND k.criterion = e.criterion AND k.digest = e.digest) AS c ON true
JOIN release_mgmt.person AS q ON q.id = e.requested_by
LEFT JOIN release_mgmt.person AS a ON a.id = e.approved_by
LEFT JOIN release_mgmt.person AS w ON w.id = e.withdrawn_by;
COMMENT ON VIEW release_mgmt.exemption_status IS
'Every waiver, and every criterion stated to be not applicable: requested (counts once approved), open (counts), expired or withdrawn (the criterion blocks again), void (the criterion has changed since).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.exemption_status');

CREATE VIEW release_mgmt.open_waiver WITH (security_invoker = true) AS
SELECT s.exemption, s.release, s.gate, s.criterion, s.reason, s.corrective_action, s.expires_at, s.expires_at - clock_timestamp() AS remaining, s.requested_by, s.approved_by, s.approved_at
FROM release_mgmt.exemption_status AS s WHERE s.kind = 'waiver' AND s.status = 'open';
COMMENT ON VIEW release_mgmt.open_waiver IS 'The waivers that count now: which criterion of which release, why, what is done about it, and for how long still.';
CREATE VIEW release_mgmt.expired_waiver WITH (security_invoker = true) AS
SELECT s.exemption, s.release, s.gate, s.criterion, s.reason, s.corrective_action, s.expires_at, clock_timestamp() - s.expires_at AS expired_since, s.requested_by, s.approved_by, s.approved_at
FROM release_mgmt.exemption_status AS s WHERE s.kind = 'waiver' AND s.status = 'expired' AND s.approved_at IS NOT NULL;
COMMENT ON VIEW release_mgmt.expired_waiver IS 'The waivers that were approved and have expired: their criteria block again.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.open_waiver');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.expired_waiver');
