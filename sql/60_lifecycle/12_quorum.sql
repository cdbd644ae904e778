-- Module lifecycle: which bodies approve a release, and who has a seat in them. Part of the model, and of the policy, so neither changes once
-- a model is published, or a release runs under the policy.

CREATE TABLE release_mgmt.approval_quorum (
    model_id uuid NOT NULL,
    body     text NOT NULL,
    duty     text NOT NULL,
    seats    text NOT NULL,
    required integer NOT NULL DEFAULT 1,
    signed   boolean NOT NULL DEFAULT false,
    lasts    interval,
    builtin  boolean NOT NULL DEFAULT false,
    CONSTRAINT approval_quorum_pkey PRIMARY KEY (model_id, body),
    CONSTRAINT approval_quorum_model_id_fkey FOREIGN KEY (model_id) REFERENCES release_mgmt.release_model,
    CONSTRAINT approval_quorum_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT approval_quorum_body_check CHECK (body <> ''),
    CONSTRAINT approval_quorum_duty_check CHECK (duty NOT IN ('auditor', 'reader')),
    CONSTRAINT approval_quorum_seats_check CHECK (seats IN ('concerned', 'authority', 'serving', 'customers')),
    CONSTRAINT approval_quorum_required_check CHECK (required > 0),
    CONSTRAINT approval_quorum_lasts_check CHECK (lasts > interval '0')
);
COMMENT ON TABLE release_mgmt.approval_quorum IS
'Which bodies (CAB, ECAB, the customers) must approve a release of the model, and by how many of their members. A model that states none asks one change manager of an organization that the release concerns.';
COMMENT ON COLUMN release_mgmt.approval_quorum.duty IS 'the duty that gives a seat';
COMMENT ON COLUMN release_mgmt.approval_quorum.seats IS
'in which organizations: concerned, any that the release concerns, or an authority; authority; serving, the one whose release it is; customers, each customer of the release, with the required number for each';
COMMENT ON COLUMN release_mgmt.approval_quorum.signed IS 'an approval counts only with a signature by the approver''s registered key';
COMMENT ON COLUMN release_mgmt.approval_quorum.lasts IS 'after how long an approval expires; NULL: when what was approved changes, or the approver said so';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval_quorum', 'WHERE NOT builtin');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval_quorum');
SELECT release_mgmt_internal.is_shared('release_mgmt.approval_quorum', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_quorum');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.approval_quorum');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.approval_quorum
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_model_part();

CREATE TABLE release_mgmt.policy_quorum (
    policy_id uuid NOT NULL,
    body      text NOT NULL,
    duty      text NOT NULL,
    seats     text NOT NULL,
    required  integer NOT NULL DEFAULT 1,
    signed    boolean NOT NULL DEFAULT false,
    lasts     interval,
    CONSTRAINT policy_quorum_pkey PRIMARY KEY (policy_id, body),
    CONSTRAINT policy_quorum_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.release_policy,
    CONSTRAINT policy_quorum_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT policy_quorum_body_check CHECK (body <> ''),
    CONSTRAINT policy_quorum_duty_check CHECK (duty NOT IN ('auditor', 'reader')),
    CONSTRAINT policy_quorum_seats_check CHECK (seats IN ('concerned', 'authority', 'serving', 'customers')),
    CONSTRAINT policy_quorum_required_check CHECK (required > 0),
    CONSTRAINT policy_quorum_lasts_check CHECK (lasts > interval '0')
);
COMMENT ON TABLE release_mgmt.policy_quorum IS
'Which bodies must approve every release under the policy, whatever its model: beside those of approval_quorum, and of a body that both name the stricter holds: more members, signed, the shorter time. The columns are those of approval_quorum.';
COMMENT ON COLUMN release_mgmt.policy_quorum.duty IS 'the duty that gives a seat';
COMMENT ON COLUMN release_mgmt.policy_quorum.seats IS 'in which organizations, as in approval_quorum; a body that the model names too has the same duty and seats there';
COMMENT ON COLUMN release_mgmt.policy_quorum.signed IS 'an approval counts only with a signature by the approver''s registered key';
COMMENT ON COLUMN release_mgmt.policy_quorum.lasts IS 'after how long an approval expires; NULL: when what was approved changes, or the approver said so';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.policy_quorum', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.policy_quorum');
SELECT release_mgmt_internal.is_shared('release_mgmt.policy_quorum', 'one set of policies for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.policy_quorum');
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.policy_quorum');
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.policy_quorum
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_policy_part('approving bodies');

CREATE FUNCTION release_mgmt_internal.quorum_of_model(model uuid) RETURNS SETOF release_mgmt.approval_quorum
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT q.* FROM release_mgmt.approval_quorum AS q WHERE q.model_id = quorum_of_model.model
    UNION ALL
    SELECT quorum_of_model.model, 'CAB', 'change manager', 'concerned', 1, false, NULL, false
    WHERE NOT EXISTS (SELECT FROM release_mgmt.approval_quorum AS q WHERE q.model_id = quorum_of_model.model);
END;
COMMENT ON FUNCTION release_mgmt_internal.quorum_of_model(uuid) IS 'The bodies that approve releases of the model; the CAB, with one change manager, where it states none.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.quorum_of_model(uuid)');

CREATE FUNCTION release_mgmt_internal.quorum_of(model uuid, policy uuid)
RETURNS TABLE (body text, duty text, seats text, required integer, signed boolean, lasts interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT coalesce(m.body, p.body), coalesce(m.duty, p.duty), coalesce(m.seats, p.seats), greatest(m.required, p.required),
           coalesce(m.signed, false) OR coalesce(p.signed, false), least(m.lasts, p.lasts)
    FROM release_mgmt_internal.quorum_of_model(quorum_of.model) AS m
    FULL JOIN (SELECT q.* FROM release_mgmt.policy_quorum AS q WHERE q.policy_id = quorum_of.policy) AS p ON p.body = m.body;
END;
COMMENT ON FUNCTION release_mgmt_internal.quorum_of(uuid, uuid) IS
'The bodies that approve a release of the model under the policy (or none): those of both, each with the stricter of what they say.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.quorum_of(uuid, uuid)');

CREATE FUNCTION release_mgmt_internal.keep_quorum() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    different text;
BEGIN
    SELECT string_agg(format('%s: %s, seats %s, by the model; %s, seats %s, by the policy.', m.body, m.duty, m.seats, p.duty, p.seats), ' ' ORDER BY m.body COLLATE "C") INTO different
    FROM release_mgmt_internal.quorum_of_model(NEW.model_id) AS m
    JOIN release_mgmt.policy_quorum AS p ON p.policy_id = NEW.policy_id AND p.body = m.body AND (p.duty, p.seats) <> (m.duty, m.seats);
    IF different IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('model and policy of release "%s" do not agree who approves it', NEW.code), different,
            'Choose another model or policy, or write the next version of one of them: a body of one name has one duty and one kind of seats.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_quorum() IS 'Trigger: where a release''s model and its policy name the same body, they mean the same people.';
CREATE TRIGGER rm_52_quorum BEFORE INSERT OR UPDATE OF model_id, policy_id ON release_mgmt.release
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_quorum();

-- SECURITY DEFINER: who has a seat follows from rows that whoever asks may not see.
CREATE FUNCTION release_mgmt_internal.fits_seat(release uuid, seats text, organization uuid) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    kind text;
BEGIN
    SELECT o.kind INTO kind FROM release_mgmt.organization AS o WHERE o.id = organization;
    RETURN CASE seats
        WHEN 'authority' THEN kind = 'authority'
        WHEN 'serving' THEN EXISTS (SELECT FROM release_mgmt.release AS r WHERE r.id = fits_seat.release AND r.organization_id = organization)
        WHEN 'customers' THEN EXISTS (SELECT FROM release_mgmt.release_customer AS c WHERE c.release_id = fits_seat.release AND c.organization_id = organization)
        ELSE kind = 'authority'
             OR EXISTS (SELECT FROM release_mgmt_internal.party AS p
                        WHERE p.release_id = fits_seat.release AND p.organization_id = organization AND (p.part <> 'supports' OR kind <> 'customer')) END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.fits_seat(uuid, text, uuid) IS 'Does a body with such seats, where it judges the release, sit people of the organization?';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.fits_seat(uuid, text, uuid)');

CREATE FUNCTION release_mgmt_internal.seats_of(release uuid, person uuid)
RETURNS TABLE (body text, duty text, organization_id uuid, customer_id uuid, signed boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 2 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    -- In one body a person has one seat, however many organizations give it; of those of customers, one for each.
    SELECT DISTINCT ON (q.body, s.customer) q.body, q.duty, o.id, s.customer, q.signed
    FROM release_mgmt.release AS r
    CROSS JOIN LATERAL release_mgmt_internal.quorum_of(r.model_id, r.policy_id) AS q
    JOIN release_mgmt.person_duty AS d ON d.person_id = seats_of.person AND d.duty = q.duty
    JOIN release_mgmt.organization AS o ON o.id = d.organization_id
    CROSS JOIN LATERAL (SELECT CASE WHEN q.seats = 'customers' THEN o.id END) AS s(customer)
    WHERE r.id = seats_of.release AND release_mgmt_internal.fits_seat(r.id, q.seats, o.id)
    ORDER BY q.body, s.customer, o.kind <> 'authority', o.code COLLATE "C";
END;
COMMENT ON FUNCTION release_mgmt_internal.seats_of(uuid, uuid) IS 'The seats that the person has in the bodies that approve the release: one in each body, in one of customers one for each customer.';

CREATE FUNCTION release_mgmt_internal.seat_label(release uuid, body text, duty text, seats text, customer uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT pg_catalog.format('%s (%s%s)', body, duty,
               CASE seats WHEN 'authority' THEN ' of an authority'
                          WHEN 'serving' THEN ' of ' || (SELECT o.code FROM release_mgmt.release AS r JOIN release_mgmt.organization AS o ON o.id = r.organization_id WHERE r.id = release)
                          WHEN 'customers' THEN coalesce(' of ' || (SELECT o.code FROM release_mgmt.organization AS o WHERE o.id = customer), ' of each customer')
                          ELSE '' END);
END;
COMMENT ON FUNCTION release_mgmt_internal.seat_label(uuid, text, text, text, uuid) IS 'A body and who sits in it, in words: CAB (change manager of an authority).';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.seat_label(uuid, text, text, text, uuid)');

CREATE FUNCTION release_mgmt_internal.requested_by_person(release uuid, person uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT nullif(pg_catalog.concat_ws(' and ',
               (SELECT 'the release' FROM release_mgmt.release AS r WHERE r.id = requested_by_person.release AND r.requested_by = person),
               (SELECT 'change ' || pg_catalog.string_agg(c.code, ', ' ORDER BY c.code)
                FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
                WHERE rc.release_id = requested_by_person.release AND c.requested_by = person)), '');
END;
COMMENT ON FUNCTION release_mgmt_internal.requested_by_person(uuid, uuid) IS
'What of the release the person requested, the release or changes that it carries out, in words; NULL where nothing: only then may the person judge it.';
