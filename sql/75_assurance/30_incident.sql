-- Module assurance: incidents and problems, and the releases they are attributed to.

CREATE TABLE release_mgmt.problem (
    id          uuid DEFAULT release_mgmt.new_id(),
    code        text NOT NULL,
    summary     text NOT NULL,
    cause_kind  text,
    cause       text,
    workaround  text,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    known_error boolean GENERATED ALWAYS AS (cause IS NOT NULL AND workaround IS NOT NULL AND resolved_at IS NULL) STORED,
    CONSTRAINT problem_pkey PRIMARY KEY (id),
    CONSTRAINT problem_code_key UNIQUE (code),
    CONSTRAINT problem_summary_check CHECK (summary <> ''),
    CONSTRAINT problem_cause_kind_check CHECK (cause_kind IN ('content', 'compatibility', 'test', 'plan', 'deployment', 'environment', 'operation', 'supplier')),
    CONSTRAINT problem_cause_check CHECK (cause <> '' AND (cause_kind IS NULL OR cause IS NOT NULL)),
    CONSTRAINT problem_resolved_check CHECK (resolved_at >= opened_at)
);
COMMENT ON TABLE release_mgmt.problem IS 'Problems behind incidents; an incident names its problem.';
COMMENT ON COLUMN release_mgmt.problem.cause_kind IS
'what failed: content, compatibility, test, plan, deployment, environment, operation or supplier; the monthly report counts causes of failure by it';
COMMENT ON COLUMN release_mgmt.problem.cause IS 'the cause found, in words';
COMMENT ON COLUMN release_mgmt.problem.known_error IS 'cause and workaround are known, and it is not yet resolved';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.problem', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.problem');
SELECT release_mgmt_internal.is_shared('release_mgmt.problem', 'known errors help everybody');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.problem');
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator}', 'INSERT, UPDATE', 'release_mgmt.problem');

CREATE TABLE release_mgmt.incident (
    id              uuid DEFAULT release_mgmt.new_id(),
    code            text NOT NULL,
    ci              text NOT NULL,
    summary         text NOT NULL,
    severity        text NOT NULL DEFAULT 'medium',
    disruption      boolean NOT NULL DEFAULT false,
    organization_id uuid DEFAULT release_mgmt_internal.own_customer(),
    problem_id      uuid,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at     timestamptz,
    resolution      text,
    reported_by     uuid,
    CONSTRAINT incident_pkey PRIMARY KEY (id),
    CONSTRAINT incident_code_key UNIQUE (code),
    CONSTRAINT incident_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT incident_problem_id_fkey FOREIGN KEY (problem_id) REFERENCES release_mgmt.problem,
    CONSTRAINT incident_reported_by_fkey FOREIGN KEY (reported_by) REFERENCES release_mgmt.person,
    CONSTRAINT incident_summary_check CHECK (summary <> ''),
    CONSTRAINT incident_severity_check CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT incident_resolved_check CHECK (resolved_at >= opened_at)
);
COMMENT ON TABLE release_mgmt.incident IS
'Incidents on configuration items, usually fed from a ticket system. Each new one is held against the releases in early life: see incident_attribution.';
COMMENT ON COLUMN release_mgmt.incident.ci IS 'label class/key of the item that failed; further ones in incident_ci';
COMMENT ON COLUMN release_mgmt.incident.disruption IS 'the business was disrupted: a figure of its own in the monthly report';
COMMENT ON COLUMN release_mgmt.incident.organization_id IS 'the customer that was hit, where it was one alone; by default the one whose person reports it';
COMMENT ON COLUMN release_mgmt.incident.opened_at IS 'when it was detected';
CREATE INDEX incident_opened_at_idx ON release_mgmt.incident (opened_at);
CREATE INDEX incident_problem_id_idx ON release_mgmt.incident (problem_id);
CREATE INDEX incident_ci_idx ON release_mgmt.incident (ci);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.incident', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.incident');
SELECT release_mgmt_internal.belongs('release_mgmt.incident', organizations => '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.incident');
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'INSERT, UPDATE', 'release_mgmt.incident');
SELECT release_mgmt_internal.allow('{test manager,customer representative}', 'INSERT', 'release_mgmt.incident');

CREATE TABLE release_mgmt.incident_ci (
    incident_id uuid NOT NULL,
    ci          text NOT NULL,
    CONSTRAINT incident_ci_pkey PRIMARY KEY (incident_id, ci),
    CONSTRAINT incident_ci_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES release_mgmt.incident
);
COMMENT ON TABLE release_mgmt.incident_ci IS 'Further configuration items that an incident hit, by label, beside incident.ci.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.incident_ci', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.incident_ci');
SELECT release_mgmt_internal.belongs('release_mgmt.incident_ci', through => 'incident_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.incident_ci');
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'INSERT, DELETE', 'release_mgmt.incident_ci');

CREATE TABLE release_mgmt.incident_attribution (
    incident_id  uuid NOT NULL,
    release_id   uuid NOT NULL,
    confidence   numeric(3,2) NOT NULL,
    reason       text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    confirmed    boolean,
    confirmed_by uuid,
    confirmed_at timestamptz,
    CONSTRAINT incident_attribution_pkey PRIMARY KEY (incident_id, release_id),
    CONSTRAINT incident_attribution_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES release_mgmt.incident,
    CONSTRAINT incident_attribution_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT incident_attribution_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES release_mgmt.person,
    CONSTRAINT incident_attribution_confidence_check CHECK (confidence > 0 AND confidence <= 1),
    CONSTRAINT incident_attribution_confirmed_check CHECK ((confirmed IS NULL) = (confirmed_at IS NULL) AND (confirmed IS NULL) = (confirmed_by IS NULL))
);
COMMENT ON TABLE release_mgmt.incident_attribution IS
'Which releases may have caused an incident. Proposed by attribute_incident(), decided by confirm_attribution(); written by these alone. What a person decided is never proposed again.';
COMMENT ON COLUMN release_mgmt.incident_attribution.confidence IS 'from 0 to 1: 0.9 for a release of the very item, a third less for each relation between, and up to half of that less towards the end of early life; 1 where a person states it';
COMMENT ON COLUMN release_mgmt.incident_attribution.confirmed IS 'true: a person says that the release caused it; false: it did not; NULL: not decided';
CREATE INDEX incident_attribution_release_id_idx ON release_mgmt.incident_attribution (release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.incident_attribution', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.incident_attribution');
SELECT release_mgmt_internal.belongs('release_mgmt.incident_attribution', 'release_id', through => 'incident_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.incident_attribution');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.incident_attribution
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE FUNCTION release_mgmt_internal.keep_attribution() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    incident_code text := (SELECT i.code FROM release_mgmt.incident AS i WHERE i.id = CASE TG_OP WHEN 'DELETE' THEN OLD.incident_id ELSE NEW.incident_id END);
    of_release record;
BEGIN
    SELECT r.code, r.requested_by INTO of_release
    FROM release_mgmt.release AS r WHERE r.id = CASE TG_OP WHEN 'DELETE' THEN OLD.release_id ELSE NEW.release_id END;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (NEW.incident_id, NEW.release_id) <> (OLD.incident_id, OLD.release_id)) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('incident "%s" stays held against release "%s"', incident_code, of_release.code), NULL,
            'Where the release did not cause it, say so with CALL release_mgmt.confirm_attribution(incident, release, false).');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.confirmed IS NOT DISTINCT FROM OLD.confirmed THEN
        NEW.confirmed_by := OLD.confirmed_by;
        NEW.confirmed_at := OLD.confirmed_at;
        RETURN NEW;
    END IF;
    IF NEW.confirmed IS NULL THEN
        NEW.confirmed_by := NULL;
        NEW.confirmed_at := NULL;
        RETURN NEW;
    END IF;
    NEW.confirmed_by := release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager', 'customer representative');
    NEW.confirmed_at := clock_timestamp();
    IF NOT NEW.confirmed AND NEW.confirmed_by = of_release.requested_by THEN
        PERFORM release_mgmt_internal.refuse('separation_of_duties', format('who requested release "%s" can not clear it of incident "%s"', of_release.code, incident_code), NULL,
            'Another manager or a customer representative decides.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_attribution() IS
'Trigger: an attribution stays, and is decided by a person with the duty, stamped with who and when; the requester of the release can not clear it. Errors: RM003, RM008, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.incident_attribution
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_attribution();

CREATE FUNCTION release_mgmt_internal.keep_incident() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('incident "%s" stays recorded', OLD.code), NULL,
            'Resolve it, and where no release caused it, say so with CALL release_mgmt.confirm_attribution(incident, release, false).');
    END IF;
    IF TG_OP = 'INSERT' OR NEW.ci <> OLD.ci THEN
        PERFORM release_mgmt.ci_id(NEW.ci);
    END IF;
    IF greatest(NEW.opened_at, NEW.resolved_at) > clock_timestamp() THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('incident "%s" can not be opened or resolved in the future', NEW.code), NULL,
            'Correct opened_at and resolved_at.');
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.reported_by := release_mgmt_internal.acting_person();
        RETURN NEW;
    END IF;
    IF (NEW.code, NEW.opened_at, NEW.reported_by) IS DISTINCT FROM (OLD.code, OLD.opened_at, OLD.reported_by) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('code, opening and reporter of incident "%s" do not change', OLD.code), NULL, 'Record another incident.');
    END IF;
    -- A gate looks at open incidents: reopening one is a change beneath each release that it is held against.
    IF NEW.resolved_at IS DISTINCT FROM OLD.resolved_at THEN
        PERFORM release_mgmt_internal.raise_revision(ARRAY(SELECT a.release_id FROM release_mgmt.incident_attribution AS a WHERE a.incident_id = NEW.id));
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_incident() IS
'Trigger: an incident names an existing item, keeps its identity and stays; resolving and reopening it raises the revision of the releases that it is held against. Errors: RM002, RM015.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.incident
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_incident();

CREATE FUNCTION release_mgmt_internal.keep_incident_ci() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt.ci_id(NEW.ci);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_incident_ci() IS 'Trigger: a further item of an incident exists. Errors: RM002.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE ON release_mgmt.incident_ci
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_incident_ci();

CREATE FUNCTION release_mgmt_internal.cis_near(incident uuid) RETURNS TABLE (ci_id uuid, distance integer)
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp ROWS 100 AS $$
DECLARE
    most CONSTANT integer := 250;
    seen uuid[];
    edge uuid[];
BEGIN
    SELECT array_agg(DISTINCT c.id) INTO edge
    FROM release_mgmt.ci AS c
    WHERE c.label IN (SELECT i.ci FROM release_mgmt.incident AS i WHERE i.id = incident
                      UNION ALL SELECT x.ci FROM release_mgmt.incident_ci AS x WHERE x.incident_id = incident);
    FOR step IN 0 .. 2 LOOP
        -- The second step leads nowhere where it leads everywhere: half a CMDB hangs on one host or site.
        EXIT WHEN edge IS NULL OR (step = 2 AND cardinality(edge) > most);
        RETURN QUERY SELECT e, step FROM unnest(edge) AS e;
        EXIT WHEN step = 2 OR (step = 1 AND cardinality(edge) > most);
        seen := seen || edge;
        SELECT array_agg(DISTINCT o.other) INTO edge
        FROM unnest(edge) AS e
        CROSS JOIN LATERAL release_mgmt_internal.ci_relations_of(e) AS r
        CROSS JOIN LATERAL (SELECT CASE WHEN r.from_ci = e THEN r.to_ci ELSE r.from_ci END) AS o(other)
        WHERE o.other <> ALL (seen);
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.cis_near(uuid) IS
'The configuration items of an incident (distance 0) and those up to two relations away, in either direction; the second relation is followed only from and to at most 250 items.';

CREATE FUNCTION release_mgmt_internal.suspects_of(incident uuid) RETURNS TABLE (release_id uuid, confidence numeric, reason text)
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH near AS MATERIALIZED (
        SELECT c.label, n.distance
        FROM release_mgmt_internal.cis_near(suspects_of.incident) AS n JOIN release_mgmt.ci AS c ON c.id = n.ci_id
    ), touched AS (
        -- What a release changes or brings; and, one step further off, where it is installed.
        SELECT p.release_id, p.ci AS label, 0 AS steps FROM release_mgmt.planned_ci_change AS p WHERE p.ci IN (SELECT n.label FROM near AS n)
        UNION ALL
        SELECT k.release_id, c.ci, 0
        FROM release_mgmt.component AS c JOIN release_mgmt.release_package AS k ON k.id = c.package_id AND k.current
        WHERE c.ci IN (SELECT n.label FROM near AS n)
        UNION ALL
        SELECT t.release_id, t.ci, 1 FROM release_mgmt.target AS t WHERE t.ci IN (SELECT n.label FROM near AS n)
    )
    SELECT DISTINCT ON (t.release_id) t.release_id,
           round(0.9 * (2.0 / 3.0) ^ (n.distance + t.steps)
                 * (1 - 0.5 * coalesce(extract(epoch FROM i.opened_at - lower(e.exposure)) / extract(epoch FROM upper(e.exposure) - lower(e.exposure)), 0)), 2),
           format(CASE WHEN t.steps = 1 THEN 'installs on %s' ELSE 'changes %s' END
                  || CASE n.distance WHEN 0 THEN ' itself' WHEN 1 THEN ', one relation from %s' ELSE ', two relations from %s' END
                  || CASE WHEN upper_inf(e.exposure) THEN ', while it is rolled out' ELSE ', in its early life' END, t.label, i.ci)
    FROM release_mgmt.incident AS i
    JOIN touched AS t ON true
    JOIN near AS n ON n.label = t.label AND n.distance + t.steps <= 2
    CROSS JOIN LATERAL (SELECT release_mgmt_internal.exposure_of(t.release_id)) AS e(exposure)
    WHERE i.id = suspects_of.incident AND e.exposure @> i.opened_at
    ORDER BY t.release_id, n.distance + t.steps, t.steps, t.label;
END;
COMMENT ON FUNCTION release_mgmt_internal.suspects_of(uuid) IS
'The releases that may have caused an incident: deployed or in early life when it was opened, and sharing a configuration item with it, directly or within two relations. confidence is 0.9 for the very item, two thirds of that for each relation between (installed on the item counts as one), times a factor that falls from 1 at the beginning of the release''s exposure to 0.5 at its end.';

CREATE FUNCTION release_mgmt_internal.propose_attribution(incident uuid) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    -- In the order of releases, whose rows are locked on the way.
    INSERT INTO release_mgmt.incident_attribution AS a (incident_id, release_id, confidence, reason, proposed_at)
    SELECT propose_attribution.incident, s.release_id, s.confidence, s.reason, clock_timestamp()
    FROM release_mgmt_internal.suspects_of(propose_attribution.incident) AS s
    WHERE NOT EXISTS (SELECT FROM release_mgmt.incident_attribution AS o
                      WHERE o.incident_id = propose_attribution.incident AND o.release_id = s.release_id
                        AND (o.confirmed IS NOT NULL OR (o.confidence, o.reason) = (s.confidence, s.reason)))
    ORDER BY s.release_id
    ON CONFLICT (incident_id, release_id) DO UPDATE SET confidence = excluded.confidence, reason = excluded.reason
    WHERE a.confirmed IS NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.propose_attribution(uuid) IS 'Writes suspects_of() down; leaves alone what a person decided.';

CREATE FUNCTION release_mgmt_internal.attribute_new_incident() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.propose_attribution(CASE TG_TABLE_NAME WHEN 'incident' THEN (to_jsonb(NEW) ->> 'id')::uuid
                                                           ELSE (to_jsonb(NEW) ->> 'incident_id')::uuid END);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.attribute_new_incident() IS 'Trigger: a new incident, another item of one, or a further one, is held against the releases in early life at once.';
CREATE TRIGGER rm_95_attribute AFTER INSERT OR UPDATE OF ci ON release_mgmt.incident
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.attribute_new_incident();
CREATE TRIGGER rm_95_attribute AFTER INSERT ON release_mgmt.incident_ci
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.attribute_new_incident();

CREATE FUNCTION release_mgmt.incident_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT i.id INTO found_id FROM release_mgmt.incident AS i
    WHERE i.code = incident_id.code AND (i.organization_id IS NULL OR release_mgmt_internal.sees(i.organization_id, 'organization'));
    IF found_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('incident "%s" does not exist', code), NULL,
            'Incidents are the rows of release_mgmt.incident.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.incident_id(text) IS 'The id of the incident with that code; RM002 if there is none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.incident_id(text)');

-- SECURITY DEFINER in the verbs: attributions are written by these alone.
CREATE FUNCTION release_mgmt.attribute_incident(incident text) RETURNS TABLE (release text, confidence numeric, reason text, confirmed boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_incident uuid;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager', 'operator');
    of_incident := release_mgmt.incident_id(incident);
    PERFORM release_mgmt_internal.propose_attribution(of_incident);
    RETURN QUERY
        SELECT r.code, a.confidence, a.reason, a.confirmed
        FROM release_mgmt.incident_attribution AS a JOIN release_mgmt.release AS r ON r.id = a.release_id
        WHERE a.incident_id = of_incident AND release_mgmt_internal.sees(a.release_id, 'release')
        ORDER BY a.confidence DESC, r.code;
END $$;
COMMENT ON FUNCTION release_mgmt.attribute_incident(text) IS
'Proposes the releases that may have caused an incident, and returns all that it is held against, the likeliest first: releases that were deployed, or in early life, when it was opened and that change its configuration items or ones up to two relations away. confidence lies between 0 and 1 (see the table incident_attribution); confirmed is what a person decided, or NULL. Errors: RM002 unknown incident, RM003 without the duty.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.attribute_incident(text)');

CREATE PROCEDURE release_mgmt.confirm_attribution(incident text, release text, confirmed boolean, reason text DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_incident uuid;
    of_release uuid;
    held release_mgmt.incident_attribution;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'test manager', 'customer representative');
    of_incident := release_mgmt.incident_id(incident);
    of_release := release_mgmt.release_id(release);
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager', 'change manager', 'test manager', 'customer representative');
    IF confirm_attribution.confirmed IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('whether release "%s" caused incident "%s" is not said', release, incident), NULL,
            'Give confirmed as true or false.');
    END IF;
    SELECT a.* INTO held FROM release_mgmt.incident_attribution AS a WHERE a.incident_id = of_incident AND a.release_id = of_release;
    IF held.incident_id IS NULL AND coalesce(confirm_attribution.reason, '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('incident "%s" is not held against release "%s"', incident, release), NULL,
            'Give a reason to state it yourself, or see SELECT * FROM release_mgmt.attribute_incident(incident).');
    END IF;
    IF held.confirmed = confirm_attribution.confirmed THEN
        RETURN;
    END IF;
    IF held.incident_id IS NULL THEN
        INSERT INTO release_mgmt.incident_attribution (incident_id, release_id, confidence, reason, proposed_at, confirmed)
        VALUES (of_incident, of_release, 1, confirm_attribution.reason, clock_timestamp(), confirm_attribution.confirmed);
    ELSE
        UPDATE release_mgmt.incident_attribution AS a
        SET confirmed = confirm_attribution.confirmed,
            reason = coalesce(nullif(confirm_attribution.reason, ''), a.reason)
        WHERE a.incident_id = of_incident AND a.release_id = of_release;
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.confirm_attribution(text, text, boolean, text) IS
'Says whether a release caused an incident. A release that was not proposed can be stated, with a reason; whoever requested a release can not clear it. Errors: RM002 unknown incident or release, RM003 without the duty, RM008 the requester clears the own release, RM015 not proposed and no reason, or confirmed is NULL.';
SELECT release_mgmt_internal.allow('{release manager,change manager,test manager,customer representative}', 'EXECUTE',
    'PROCEDURE release_mgmt.confirm_attribution(text, text, boolean, text)');

CREATE VIEW release_mgmt.release_incident WITH (security_invoker = true) AS
SELECT r.code AS release, i.code AS incident, i.ci, i.summary, i.severity, i.disruption, i.opened_at, i.resolved_at,
       a.confidence, a.reason, a.confirmed, c.code AS confirmed_by, p.code AS problem, p.cause_kind, p.cause, p.known_error
FROM release_mgmt.incident_attribution AS a
JOIN release_mgmt.release AS r ON r.id = a.release_id
JOIN release_mgmt.incident AS i ON i.id = a.incident_id
LEFT JOIN release_mgmt.problem AS p ON p.id = i.problem_id
LEFT JOIN release_mgmt.person AS c ON c.id = a.confirmed_by;
COMMENT ON VIEW release_mgmt.release_incident IS
'Incidents held against releases, with the problem and the cause of failure found behind them. confirmed: true caused by the release, false not, NULL not decided.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_incident');

CREATE FUNCTION release_mgmt_internal.incident_evidence(release uuid) RETURNS jsonb
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.jsonb_build_object('incident_attribution', count(*),
               'exposure', release_mgmt_internal.exposure_of(incident_evidence.release),
               'incidents', coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('incident', i.code, 'ci', i.ci, 'severity', i.severity,
                   'opened_at', i.opened_at, 'resolved_at', i.resolved_at, 'confidence', a.confidence, 'confirmed', a.confirmed, 'confirmed_by', p.code)) ORDER BY i.code), '[]'))
    FROM release_mgmt.incident_attribution AS a
    JOIN release_mgmt.incident AS i ON i.id = a.incident_id
    LEFT JOIN release_mgmt.person AS p ON p.id = a.confirmed_by
    WHERE a.release_id = incident_evidence.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.incident_evidence(uuid) IS 'The incidents held against a release, and when it was exposed to any, as evidence.';

CREATE FUNCTION release_mgmt_internal.check_no_open_incident(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (release_mgmt_internal.exposure_of(check_no_open_incident.release) IS NOT NULL AND count(*) = 0,
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN release_mgmt_internal.exposure_of(check_no_open_incident.release) IS NULL THEN 'nothing is deployed yet, so nothing could fail' END,
                pg_catalog.string_agg(pg_catalog.format('incident "%s" on %s is open: %s', i.code, i.ci, i.summary), '; ' ORDER BY i.code)), ''),
            'operator',
            release_mgmt_internal.incident_evidence(check_no_open_incident.release)
           )::release_mgmt.check_result
    FROM release_mgmt.incident_attribution AS a
    JOIN release_mgmt.incident AS i ON i.id = a.incident_id
    WHERE a.release_id = check_no_open_incident.release AND a.confirmed IS DISTINCT FROM false AND i.resolved_at IS NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_no_open_incident(uuid) IS
'Check: the release was deployed, and no incident that it caused, or may have caused, is open.';
SELECT release_mgmt_internal.register_check('no_open_incident', 'gate', 'release_mgmt_internal.check_no_open_incident',
    'no incident that the release caused, or may have caused, is open');

CREATE FUNCTION release_mgmt_internal.check_incidents_decided(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (release_mgmt_internal.exposure_of(check_incidents_decided.release) IS NOT NULL AND count(*) = 0,
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN release_mgmt_internal.exposure_of(check_incidents_decided.release) IS NULL THEN 'nothing is deployed yet, so nothing could fail' END,
                pg_catalog.string_agg(pg_catalog.format('nobody decided whether the release caused incident "%s" (confidence %s)', i.code, a.confidence), '; ' ORDER BY i.code)), ''),
            'change manager',
            release_mgmt_internal.incident_evidence(check_incidents_decided.release)
           )::release_mgmt.check_result
    FROM release_mgmt.incident_attribution AS a
    JOIN release_mgmt.incident AS i ON i.id = a.incident_id
    WHERE a.release_id = check_incidents_decided.release AND a.confirmed IS NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_incidents_decided(uuid) IS
'Check: the release was deployed, and of each incident that it may have caused a person decided whether it did.';
SELECT release_mgmt_internal.register_check('incidents_decided', 'gate', 'release_mgmt_internal.check_incidents_decided',
    'success and failure are measured with the incidents that follow, each confirmed by a person');
