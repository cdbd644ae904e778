-- Module lifecycle: the check whether Change Management approved the release.

CREATE FUNCTION release_mgmt_internal.check_changes_approved(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH now_is AS (
        SELECT release_mgmt_internal.parts_digest(release_mgmt_internal.approval_parts(check_changes_approved.release))::text AS digest
    ), linked AS (
        SELECT count(*) AS changes FROM release_mgmt.release_change AS rc WHERE rc.release_id = check_changes_approved.release
    )
    SELECT (linked.changes > 0 AND count(a.id) FILTER (WHERE a.digest::text = now_is.digest) > 0,
            pg_catalog.concat_ws('; ',
                CASE WHEN linked.changes = 0 THEN 'no change request is linked' END,
                CASE WHEN count(a.id) = 0 THEN 'nobody approved the release'
                     WHEN count(a.id) FILTER (WHERE a.digest::text = now_is.digest) = 0 THEN 'every approval is void, since what was approved has changed' END),
            CASE WHEN linked.changes = 0 THEN 'release manager' ELSE 'change manager' END,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('approval', a.id, 'approved_by', p.code, 'approved_at', a.approved_at, 'digest', a.digest::text)
                ORDER BY a.approved_at) FILTER (WHERE a.digest::text = now_is.digest)
           )::release_mgmt.check_result
    FROM now_is CROSS JOIN linked
    LEFT JOIN release_mgmt.approval AS a ON a.release_id = check_changes_approved.release
    LEFT JOIN release_mgmt.person AS p ON p.id = a.approved_by
    GROUP BY linked.changes, now_is.digest;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_changes_approved(uuid) IS
'Check: the release carries out at least one change request, and at least one approval is bound to content, plan, criteria and remediation as they are now.';
SELECT release_mgmt_internal.register_check('changes_approved', 'gate', 'release_mgmt_internal.check_changes_approved',
    'Change Management approved the exact content and roll-out plan');
