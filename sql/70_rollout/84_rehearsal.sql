-- Module rollout: a remediation that was tried.

-- SECURITY DEFINER, like the other rules of this module.
CREATE FUNCTION release_mgmt_internal.keep_rehearsal() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.body <> OLD.body AND NEW.rehearsed_at IS NOT DISTINCT FROM OLD.rehearsed_at THEN
        NEW.rehearsed_at := NULL;
        NEW.rehearsal := NULL;
    END IF;
    IF NEW.rehearsed_at > clock_timestamp() THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the remediation "%s" can not have been rehearsed at %s', NEW.kind, NEW.rehearsed_at), 'That time is still to come.',
            'Record the rehearsal when it was held.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_rehearsal() IS
'Trigger: what was rehearsed is the procedure as it read then; another one was not. Errors: RM015 a rehearsal at a time to come.';
CREATE TRIGGER rm_55_rehearsal BEFORE INSERT OR UPDATE ON release_mgmt.remediation_plan
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_rehearsal();

CREATE FUNCTION release_mgmt_internal.check_remediation_rehearsed(release uuid) RETURNS release_mgmt.check_result
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (count(*) FILTER (WHERE p.kind IN ('back-out', 'fix-forward')) > 0 AND count(*) = count(p.rehearsed_at),
            nullif(pg_catalog.concat_ws('; ',
                CASE WHEN count(*) FILTER (WHERE p.kind IN ('back-out', 'fix-forward')) = 0 THEN 'neither backing out nor fixing forward is planned' END,
                'not rehearsed as it reads now: ' || pg_catalog.string_agg(p.kind, ', ' ORDER BY p.kind) FILTER (WHERE p.rehearsed_at IS NULL)), ''),
            'release manager',
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('remediation_plan', p.kind, 'rehearsed_at', p.rehearsed_at, 'rehearsal', p.rehearsal) ORDER BY p.kind)
                FILTER (WHERE p.rehearsed_at IS NOT NULL)
           )::release_mgmt.check_result
    FROM release_mgmt.remediation_plan AS p WHERE p.release_id = check_remediation_rehearsed.release;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_remediation_rehearsed(uuid) IS
'Check: it is written down how the release is backed out, or how it is fixed forward, and every remediation planned was rehearsed as it reads now. No shipped gate asks it; a model or a policy of one''s own may.';
SELECT release_mgmt_internal.register_check('remediation_rehearsed', 'gate', 'release_mgmt_internal.check_remediation_rehearsed',
    'remediation is planned, and was tried');
