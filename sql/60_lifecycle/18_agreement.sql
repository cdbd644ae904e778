-- Module lifecycle: the customers' agreement to the criteria of a release, each bound to the criterion's digest.

CREATE FUNCTION release_mgmt_internal.criteria_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.string_agg(c.line, '' ORDER BY c.gate COLLATE "C", c.criterion COLLATE "C"), '')
    FROM release_mgmt_internal.criteria_of(criteria_text.release) AS c;
END;
COMMENT ON FUNCTION release_mgmt_internal.criteria_text(uuid) IS 'The criteria of the release, its model''s and its own, as canonical text.';

SELECT release_mgmt_internal.register_check('criteria', 'approval_part', 'release_mgmt_internal.criteria_text', 'the criteria that the release must meet');

CREATE TABLE release_mgmt.criteria_agreement (
    release_id      uuid NOT NULL,
    organization_id uuid NOT NULL,
    digest          release_mgmt.digest NOT NULL,
    gate            text NOT NULL,
    criterion       text NOT NULL,
    agreed_by       uuid NOT NULL,
    agreed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT criteria_agreement_pkey PRIMARY KEY (release_id, organization_id, digest),
    CONSTRAINT criteria_agreement_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT criteria_agreement_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT criteria_agreement_agreed_by_fkey FOREIGN KEY (agreed_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.criteria_agreement IS 'Which customer agreed to which criterion of a release, with which digest; it counts while the criterion has that digest. Written by agree_criteria().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.criteria_agreement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.criteria_agreement');
SELECT release_mgmt_internal.belongs('release_mgmt.criteria_agreement', 'release_id', '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.criteria_agreement');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.criteria_agreement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER: agreements are written by this verb alone, and asked about by whoever asks about a gate.
CREATE FUNCTION release_mgmt_internal.not_agreed_by(release uuid, digest release_mgmt.digest) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE WHEN count(*) = 0 THEN 'the release names no customer to agree to it'
                        ELSE 'not agreed by ' || string_agg(o.code, ', ' ORDER BY o.code) FILTER (WHERE a.agreed_at IS NULL) END
            FROM release_mgmt.release_customer AS rc
            JOIN release_mgmt.organization AS o ON o.id = rc.organization_id
            LEFT JOIN release_mgmt.criteria_agreement AS a ON a.release_id = rc.release_id AND a.organization_id = rc.organization_id AND a.digest = not_agreed_by.digest
            WHERE rc.release_id = not_agreed_by.release);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.not_agreed_by(uuid, release_mgmt.digest) IS
'Which customers of the release have not agreed to the criterion with that digest; NULL where all have, and there is one.';

CREATE FUNCTION release_mgmt.criteria_digest(release text) RETURNS release_mgmt.digest
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt.compute_digest(convert_to(release_mgmt_internal.criteria_text(release_mgmt.release_id(release)), 'UTF8'));
END;
COMMENT ON FUNCTION release_mgmt.criteria_digest(text) IS
'SHA-256 over the criteria of a release as they are now, see release_criteria: what agree_criteria() may be given, so that nobody agrees to what changed since it was read. Errors: RM002 unknown release.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.criteria_digest(text)');

CREATE PROCEDURE release_mgmt.agree_criteria(release text, organization text, digest release_mgmt.digest DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('customer representative');
    of_release uuid := release_mgmt.release_id(release);
    for_organization uuid := release_mgmt.organization_id(organization);
BEGIN
    IF NOT release_mgmt_internal.has_duty_in(for_organization, 'customer representative') THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('role "%s" does not represent "%s"', release_mgmt_internal.acting_role(), organization),
            NULL, 'Criteria are agreed by a customer representative of the organization itself.');
    END IF;
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'customer representative');
    PERFORM FROM release_mgmt.release AS r WHERE r.id = of_release FOR NO KEY UPDATE;
    IF digest <> release_mgmt.criteria_digest(release) THEN
        PERFORM release_mgmt_internal.refuse('digest_mismatch', format('the criteria of release "%s" are not what was seen', release),
            format('They have the digest %s.', release_mgmt.criteria_digest(release)), 'Read release_mgmt.release_criteria again.');
    END IF;
    INSERT INTO release_mgmt.criteria_agreement (release_id, organization_id, digest, gate, criterion, agreed_by)
    SELECT of_release, for_organization, c.digest, c.gate, c.criterion, acting
    FROM release_mgmt_internal.criteria_of(of_release) AS c ORDER BY c.gate_ordinal, c.own, c.ordinal
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.agree_criteria(text, text, release_mgmt.digest) IS
'Agrees, for an organization that the acting person represents, to each of the release''s criteria as it is now; digest, where given, is the criteria_digest() of what was read. One that changes, or is added, is agreed to anew. Errors: RM002 unknown release or organization, RM003 not its representative, RM007 the criteria are not what was read.';
SELECT release_mgmt_internal.allow('{customer representative}', 'EXECUTE', 'PROCEDURE release_mgmt.agree_criteria(text, text, release_mgmt.digest)');

CREATE VIEW release_mgmt.release_criteria WITH (security_invoker = true) AS
SELECT r.code AS release, c.gate, c.criterion, c.kind, c.own,
       CASE c.kind WHEN 'check' THEN pg_catalog.format('%s (%s)', c.check_name, k.proves)
                   WHEN 'predicate' THEN pg_catalog.format('%s (as %s)', c.predicate, p.code)
                   ELSE pg_catalog.format('%s %s %s (recorded by a %s)', c.comparison, pg_catalog.trim_scale(c.threshold), c.unit, c.duty) END AS asks,
       c.waivable, c.digest, release_mgmt_internal.tell_text(r.id, release_mgmt_internal.not_agreed_by(r.id, c.digest)) AS not_agreed, c.gate_ordinal, c.ordinal
FROM release_mgmt.release AS r
CROSS JOIN LATERAL release_mgmt_internal.criteria_of(r.id) AS c
LEFT JOIN release_mgmt.registered_check AS k ON k.name = c.check_name
LEFT JOIN release_mgmt.person AS p ON p.id = c.author_id
ORDER BY r.code, c.gate_ordinal, c.own, c.ordinal;
COMMENT ON VIEW release_mgmt.release_criteria IS
'Every criterion of each release, its model''s and its own (own): what it asks, whether it can be waived, its digest, and which customers have not agreed to it as it is.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_criteria');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.criteria_of(uuid)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.not_agreed_by(uuid, release_mgmt.digest)');
