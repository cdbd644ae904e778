-- Module lifecycle: content and roll-out plan, agreed by both sides. The bodies of Change Management approve (22_approve.sql); the release
-- manager says of the same digest that this is what will be rolled out.

CREATE TABLE release_mgmt.roll_out_agreement (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    digest     release_mgmt.digest NOT NULL,
    parts      jsonb NOT NULL,
    agreed_by  uuid NOT NULL,
    agreed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT roll_out_agreement_pkey PRIMARY KEY (id),
    CONSTRAINT roll_out_agreement_release_id_digest_key UNIQUE (release_id, digest),
    CONSTRAINT roll_out_agreement_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT roll_out_agreement_agreed_by_fkey FOREIGN KEY (agreed_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.roll_out_agreement IS
'What a release manager stands for: content, plan, criteria, changes and remediation with this digest. Written by agree_roll_out(); one counts while the release has that digest.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.roll_out_agreement', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.roll_out_agreement');
SELECT release_mgmt_internal.belongs('release_mgmt.roll_out_agreement', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.roll_out_agreement');
CREATE TRIGGER rm_20_touch BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.roll_out_agreement
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.touch_release('release_id');

-- SECURITY DEFINER: agreements are written by this verb alone.
CREATE PROCEDURE release_mgmt.agree_roll_out(release text, digest release_mgmt.digest)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager');
    agreeing release_mgmt.release;
    parts jsonb;
BEGIN
    SELECT r.* INTO agreeing FROM release_mgmt.release AS r WHERE r.id = release_mgmt.release_id(release) FOR NO KEY UPDATE;
    PERFORM release_mgmt_internal.require_duty_for(agreeing.id, 'release manager');
    parts := release_mgmt_internal.judged_parts(agreeing, agree_roll_out.digest);
    INSERT INTO release_mgmt.roll_out_agreement AS a (release_id, digest, parts, agreed_by) VALUES (agreeing.id, agree_roll_out.digest, parts, acting)
    ON CONFLICT ON CONSTRAINT roll_out_agreement_release_id_digest_key DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.agree_roll_out(text, release_mgmt.digest) IS
'The release manager''s side of the agreement with Change Management: what has this digest (approval_digest()) is what will be rolled out. Errors: RM002 unknown release, RM003 without the duty release manager, RM007 the release has another digest, RM015 nothing sealed, or past approval.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'PROCEDURE release_mgmt.agree_roll_out(text, release_mgmt.digest)');

CREATE VIEW release_mgmt.change_agreement WITH (security_invoker = true) AS
SELECT r.code AS release, c.code AS change, c.type, c.state, now_is.digest,
       p.code AS agreed_by, a.agreed_at,
       (SELECT string_agg(x.approved_by || coalesce(' for ' || x.on_behalf_of, ''), ', ' ORDER BY x.approved_at, x.approved_by)
        FROM release_mgmt.release_approval AS x WHERE x.release = r.code AND x.verdict = 'approved' AND x.valid) AS approved_by
FROM release_mgmt.release AS r
JOIN release_mgmt.release_change AS rc ON rc.release_id = r.id
JOIN release_mgmt.change_request AS c ON c.id = rc.change_id
CROSS JOIN LATERAL (SELECT release_mgmt_internal.parts_digest(release_mgmt_internal.approval_parts(r.id)) AS digest) AS now_is
LEFT JOIN release_mgmt.roll_out_agreement AS a ON a.release_id = r.id AND a.digest::text = now_is.digest::text
LEFT JOIN release_mgmt.person AS p ON p.id = a.agreed_by;
COMMENT ON VIEW release_mgmt.change_agreement IS
'For each release and each change that it carries out: the digest of content and roll-out plan as they are now, which release manager stands for it, and who approved it on the side of Change Management; NULL where nobody.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.change_agreement');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.parts_digest(jsonb)');
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.manifest_line(text[])');

CREATE FUNCTION release_mgmt_internal.check_roll_out_agreed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH side AS (
        SELECT a.digest::text AS digest, p.code AS agreed_by, a.agreed_at,
               (SELECT pg_catalog.string_agg(o.key, ', ' ORDER BY o.key) FROM pg_catalog.jsonb_each_text(n.parts || a.parts) AS o
                WHERE (a.parts ->> o.key, n.parts ->> o.key) IS DISTINCT FROM (o.value, o.value)) AS changed
        FROM (SELECT release_mgmt_internal.approval_parts(check_roll_out_agreed.release) AS parts) AS n
        LEFT JOIN LATERAL (SELECT x.* FROM release_mgmt.roll_out_agreement AS x WHERE x.release_id = check_roll_out_agreed.release
                           ORDER BY x.parts = n.parts DESC, x.agreed_at DESC, x.id DESC LIMIT 1) AS a ON true
        LEFT JOIN release_mgmt.person AS p ON p.id = a.agreed_by
    )
    SELECT (side.digest IS NOT NULL AND side.changed IS NULL AND q.complete,
            nullif(pg_catalog.concat_ws('; ', CASE WHEN side.digest IS NULL THEN 'no release manager agreed to content and roll-out plan'
                                                   WHEN side.changed IS NOT NULL THEN pg_catalog.format('%s agreed, and %s changed since', side.agreed_by, side.changed) END,
                                        CASE WHEN NOT q.complete THEN 'Change Management has not approved them' END), ''),
            CASE WHEN side.digest IS NULL OR side.changed IS NOT NULL THEN 'release manager' ELSE 'change manager' END,
            CASE WHEN side.digest IS NOT NULL AND side.changed IS NULL
                 THEN pg_catalog.jsonb_build_object('roll_out_agreement', side.digest, 'agreed_by', side.agreed_by, 'agreed_at', side.agreed_at) END
           )::release_mgmt.check_result
    FROM side CROSS JOIN (SELECT release_mgmt_internal.quorum_complete(check_roll_out_agreed.release) AS complete) AS q;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_roll_out_agreed(uuid) IS
'Check: a release manager stands for content, plan, criteria, changes and remediation as they are now, and those who approve the release approved the same.';
SELECT release_mgmt_internal.register_check('roll_out_agreed', 'gate', 'release_mgmt_internal.check_roll_out_agreed',
    'release management and Change Management agreed the same content and roll-out plan');
