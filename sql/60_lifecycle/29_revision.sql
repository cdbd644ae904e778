-- Module lifecycle: an approval that no gate would ask for again does not carry what was not approved.

-- SECURITY DEFINER: a rule reads what the caller may not.
CREATE FUNCTION release_mgmt_internal.keep_approved() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release release_mgmt.release;
BEGIN
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = NEW.release_id;
    IF EXISTS (SELECT FROM release_mgmt.gate_criterion AS c WHERE c.model_id = of_release.model_id AND c.check_name = 'changes_approved')
       AND NOT EXISTS (WITH RECURSIVE ahead(state) AS (
                           SELECT t.to_state FROM release_mgmt.model_transition AS t
                           WHERE t.model_id = of_release.model_id AND t.from_state = of_release.state AND t.forward
                           UNION
                           SELECT t.to_state FROM ahead AS a
                           JOIN release_mgmt.model_transition AS t ON t.model_id = of_release.model_id AND t.from_state = a.state AND t.forward
                       )
                       SELECT FROM ahead AS a
                       JOIN release_mgmt.gate_criterion AS c ON c.model_id = of_release.model_id AND c.to_state = a.state AND c.check_name = 'changes_approved') THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" can not be revised while release "%s" is %s', NEW.code, of_release.code, of_release.state),
            'What it holds was approved; no gate ahead asks for that again, and the model leads back to no state before.',
            'Ship the correction with another release. A model allows for revisions by a transition back, as from sealed to planned.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_approved() IS
'Trigger: where the model of a release asks for the approval of changes, another revision of its package begins only while a gate ahead does so.';
CREATE TRIGGER rm_60_approved BEFORE INSERT ON release_mgmt.release_package
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.revision > 1) EXECUTE FUNCTION release_mgmt_internal.keep_approved();
