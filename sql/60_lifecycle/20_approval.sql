-- Module lifecycle: approvals, bound to exactly what was seen.

CREATE FUNCTION release_mgmt_internal.content_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.digest::text FROM release_mgmt.release_package AS p WHERE p.release_id = content_text.release AND p.current;
END;
COMMENT ON FUNCTION release_mgmt_internal.content_text(uuid) IS 'The digest of the release''s sealed package; NULL while nothing is sealed.';

CREATE FUNCTION release_mgmt_internal.changes_text(release uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.string_agg(release_mgmt_internal.manifest_line(c.code, c.type), '' ORDER BY c.code COLLATE "C"), '')
    FROM release_mgmt.release_change AS rc JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
    WHERE rc.release_id = changes_text.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.changes_text(uuid) IS 'The change requests that the release carries out as canonical text.';

SELECT release_mgmt_internal.register_check('changes', 'approval_part', 'release_mgmt_internal.changes_text', 'the change requests that the release carries out');
SELECT release_mgmt_internal.register_check('content', 'approval_part', 'release_mgmt_internal.content_text', 'the sealed content and the planned changes of configuration items');

CREATE TABLE release_mgmt.approval_delegation (
    id         uuid DEFAULT release_mgmt.new_id(),
    from_id    uuid NOT NULL,
    to_id      uuid NOT NULL,
    duty       text NOT NULL,
    release_id uuid,
    reason     text,
    begins_at  timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT approval_delegation_pkey PRIMARY KEY (id),
    CONSTRAINT approval_delegation_from_id_fkey FOREIGN KEY (from_id) REFERENCES release_mgmt.person,
    CONSTRAINT approval_delegation_to_id_fkey FOREIGN KEY (to_id) REFERENCES release_mgmt.person,
    CONSTRAINT approval_delegation_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT approval_delegation_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT approval_delegation_persons_check CHECK (from_id <> to_id),
    CONSTRAINT approval_delegation_ends_at_check CHECK (ends_at > begins_at)
);
COMMENT ON TABLE release_mgmt.approval_delegation IS
'Who approves for whom, and until when: the seats that a duty gives from_id, for one release or all. Written by delegate_approval() and revoke_delegation(). What was approved under it stands when it ends.';
CREATE INDEX approval_delegation_to_id_idx ON release_mgmt.approval_delegation (to_id, from_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval_delegation', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval_delegation');
SELECT release_mgmt_internal.belongs('release_mgmt.approval_delegation', 'release_id', sees => 'release_id IS NULL OR release_mgmt_internal.may_see(release_id, ''release'')');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_delegation');

CREATE TABLE release_mgmt.approval (
    id              uuid DEFAULT release_mgmt.new_id(),
    release_id      uuid NOT NULL,
    digest          release_mgmt.digest NOT NULL,
    parts           jsonb NOT NULL,
    body            text NOT NULL,
    duty            text NOT NULL,
    organization_id uuid NOT NULL,
    customer_id     uuid,
    approved_by     uuid NOT NULL,
    seat_of         uuid NOT NULL,
    delegation_id   uuid,
    approved_at     timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    key_id          uuid,
    signed_message  text,
    signature       bytea,
    CONSTRAINT approval_pkey PRIMARY KEY (id),
    CONSTRAINT approval_approved_by_key UNIQUE NULLS NOT DISTINCT (release_id, digest, body, customer_id, approved_by),
    CONSTRAINT approval_seat_of_key UNIQUE NULLS NOT DISTINCT (release_id, digest, body, customer_id, seat_of),
    CONSTRAINT approval_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT approval_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT approval_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT approval_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES release_mgmt.organization,
    CONSTRAINT approval_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES release_mgmt.person,
    CONSTRAINT approval_seat_of_fkey FOREIGN KEY (seat_of) REFERENCES release_mgmt.person,
    CONSTRAINT approval_delegation_id_fkey FOREIGN KEY (delegation_id) REFERENCES release_mgmt.approval_delegation,
    CONSTRAINT approval_key_id_fkey FOREIGN KEY (key_id) REFERENCES release_mgmt.signing_key,
    CONSTRAINT approval_delegated_check CHECK ((approved_by = seat_of) = (delegation_id IS NULL)),
    CONSTRAINT approval_signed_check CHECK (num_nulls(key_id, signed_message, signature) IN (0, 3))
);
COMMENT ON TABLE release_mgmt.approval IS
'Approvals, each by one member of one body, bound to the digest of what the approver saw. Written by approve_release(). One counts only while the release still has that digest. In one body nobody approves twice, neither as another nor by another.';
COMMENT ON COLUMN release_mgmt.approval.parts IS 'the digest of each part, so that a void approval can say which part changed';
COMMENT ON COLUMN release_mgmt.approval.organization_id IS 'in which organization the duty gives the seat';
COMMENT ON COLUMN release_mgmt.approval.customer_id IS 'for which customer, where the body asks each one';
COMMENT ON COLUMN release_mgmt.approval.seat_of IS 'whose seat it is: the approver''s own, or that of who delegated it';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval');
SELECT release_mgmt_internal.belongs('release_mgmt.approval', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.approval
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.approval_condition (
    id            uuid DEFAULT release_mgmt.new_id(),
    release_id    uuid NOT NULL,
    approval_id   uuid NOT NULL,
    condition     text NOT NULL,
    discharged_by uuid,
    discharged_at timestamptz,
    evidence      text,
    CONSTRAINT approval_condition_pkey PRIMARY KEY (id),
    CONSTRAINT approval_condition_approval_id_condition_key UNIQUE (approval_id, condition),
    CONSTRAINT approval_condition_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT approval_condition_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES release_mgmt.approval,
    CONSTRAINT approval_condition_discharged_by_fkey FOREIGN KEY (discharged_by) REFERENCES release_mgmt.person,
    CONSTRAINT approval_condition_condition_check CHECK (condition <> ''),
    CONSTRAINT approval_condition_discharged_check CHECK (num_nulls(discharged_by, discharged_at, evidence) IN (0, 3) AND evidence <> '')
);
COMMENT ON TABLE release_mgmt.approval_condition IS
'On what conditions somebody approved. An approval counts once each of its conditions is discharged, with the evidence. Written by approve_release() and discharge_condition().';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval_condition', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval_condition');
SELECT release_mgmt_internal.belongs('release_mgmt.approval_condition', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_condition');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.approval_condition
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

CREATE TABLE release_mgmt.approval_refusal (
    id              uuid DEFAULT release_mgmt.new_id(),
    release_id      uuid NOT NULL,
    digest          release_mgmt.digest NOT NULL,
    parts           jsonb NOT NULL,
    body            text NOT NULL,
    duty            text NOT NULL,
    organization_id uuid NOT NULL,
    reason          text NOT NULL,
    refused_by      uuid NOT NULL,
    refused_at      timestamptz NOT NULL DEFAULT now(),
    withdrawn_at    timestamptz,
    withdrawn_why   text,
    CONSTRAINT approval_refusal_pkey PRIMARY KEY (id),
    CONSTRAINT approval_refusal_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT approval_refusal_duty_fkey FOREIGN KEY (duty) REFERENCES release_mgmt.duty,
    CONSTRAINT approval_refusal_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization,
    CONSTRAINT approval_refusal_refused_by_fkey FOREIGN KEY (refused_by) REFERENCES release_mgmt.person,
    CONSTRAINT approval_refusal_reason_check CHECK (reason <> ''),
    CONSTRAINT approval_refusal_withdrawn_check CHECK ((withdrawn_at IS NULL) = (withdrawn_why IS NULL) AND withdrawn_why <> '')
);
COMMENT ON TABLE release_mgmt.approval_refusal IS
'Refusals, each by a member of one body, with the reason, and bound to the digest of what was refused: one blocks while the release has that digest, and until who refused withdraws it. Written by refuse_release() and withdraw_refusal().';
CREATE UNIQUE INDEX approval_refusal_standing_idx ON release_mgmt.approval_refusal (release_id, digest, refused_by) WHERE withdrawn_at IS NULL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.approval_refusal', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.approval_refusal');
SELECT release_mgmt_internal.belongs('release_mgmt.approval_refusal', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.approval_refusal');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.approval_refusal
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER from here on: the parts of what is approved are read by anybody with a duty.
CREATE FUNCTION release_mgmt_internal.approval_parts(release uuid) RETURNS jsonb
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT jsonb_object_agg(c.name, release_mgmt.compute_digest(convert_to(
               coalesce(release_mgmt_internal.ask_approval_part(c.name, approval_parts.release), ''), 'UTF8'))::text)
    FROM release_mgmt.registered_check AS c WHERE c.point = 'approval_part';
END;
COMMENT ON FUNCTION release_mgmt_internal.approval_parts(uuid) IS 'Name and SHA-256 of each part that an approval of the release binds to.';

CREATE FUNCTION release_mgmt_internal.parts_digest(parts jsonb) RETURNS release_mgmt.digest
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt.compute_digest(pg_catalog.convert_to(
        pg_catalog.string_agg(release_mgmt_internal.manifest_line(p.key, p.value), '' ORDER BY p.key COLLATE "C"), 'UTF8'))
    FROM pg_catalog.jsonb_each_text(parts) AS p;
END;
COMMENT ON FUNCTION release_mgmt_internal.parts_digest(jsonb) IS 'SHA-256 over one line per part: its name, a tab, its digest; in byte order of the names.';

CREATE FUNCTION release_mgmt.approval_digest(release text) RETURNS release_mgmt.digest
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid := release_mgmt.release_id(release);
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF release_mgmt_internal.content_text(of_release) IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" has no sealed package to approve', release), NULL,
            'Seal its package with seal_package().');
    END IF;
    RETURN release_mgmt_internal.parts_digest(release_mgmt_internal.approval_parts(of_release));
END $$;
COMMENT ON FUNCTION release_mgmt.approval_digest(text) IS
'The digest over content, plan, criteria and remediation of a release, as they are now: what approve_release() must be given. Errors: RM002 unknown release, RM015 its package is not sealed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.approval_digest(text)');

CREATE FUNCTION release_mgmt_internal.approval_header(release text, digest release_mgmt.digest) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT E'release_mgmt approval v1\n'
        || release_mgmt_internal.manifest_line('origin', (SELECT l.base FROM release_mgmt.ledger_identity AS i JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id))
        || release_mgmt_internal.manifest_line('release', release) || release_mgmt_internal.manifest_line('digest', digest::text);
END;
COMMENT ON FUNCTION release_mgmt_internal.approval_header(text, release_mgmt.digest) IS
'What the message that an approver signs begins with: what it is, whose database, which release, which digest. Nothing else that anybody signs here begins so.';

CREATE FUNCTION release_mgmt.approval_message(release text, digest release_mgmt.digest, on_behalf_of text DEFAULT NULL,
                                              conditions text[] DEFAULT '{}', expires_at timestamptz DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.approval_header(release, digest)
        || CASE WHEN on_behalf_of IS NULL THEN '' ELSE release_mgmt_internal.manifest_line('for', on_behalf_of) END
        || CASE WHEN expires_at IS NULL THEN ''
                ELSE release_mgmt_internal.manifest_line('expires', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END
        || coalesce((SELECT string_agg(release_mgmt_internal.manifest_line('condition', c.condition), '' ORDER BY c.condition COLLATE "C")
                     FROM unnest(conditions) AS c(condition)), '');
END;
COMMENT ON FUNCTION release_mgmt.approval_message(text, release_mgmt.digest, text, text[], timestamptz) IS
'The text that an approver signs, whole with its last newline: lines of tab-separated fields, the first "release_mgmt approval v1", then origin (the name given to activate()), release, digest, and where they are given for (whose seat), expires (UTC) and each condition. The arguments are those of approve_release().';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.approval_message(text, release_mgmt.digest, text, text[], timestamptz)');
