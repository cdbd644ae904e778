-- Module assurance: a waiver of a criterion is a permitted deviation.
--
-- SECURITY DEFINER: whoever approves a waiver need not be one who writes the register.

CREATE FUNCTION release_mgmt_internal.record_waiver() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    entry uuid;
BEGIN
    INSERT INTO release_mgmt.register_entry (release_id, kind, description, severity, blocking, owner_id, waiver_id)
    VALUES (NEW.release_id, 'deviation', format('criterion "%s" of the gate to %s is waived until %s: %s', NEW.criterion, NEW.gate, NEW.expires_at, NEW.reason),
            'medium', false, NEW.requested_by, NEW.id)
    ON CONFLICT (waiver_id) DO NOTHING RETURNING id INTO entry;
    IF entry IS NOT NULL THEN
        INSERT INTO release_mgmt.corrective_action (entry_id, what, owner_id, due) VALUES (entry, NEW.corrective_action, NEW.requested_by, (NEW.expires_at AT TIME ZONE 'UTC')::date);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.record_waiver() IS
'Trigger: a waiver that is approved is a permitted deviation, and enters itself into the register with its corrective action, due when it expires; who requested it owns both.';
CREATE TRIGGER rm_95_deviation AFTER UPDATE OF approved_at ON release_mgmt.criterion_exemption
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NEW.kind = 'waiver' AND OLD.approved_at IS NULL AND NEW.approved_at IS NOT NULL)
EXECUTE FUNCTION release_mgmt_internal.record_waiver();
