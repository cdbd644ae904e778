-- Nothing for PUBLIC: duties bring the grants. Types keep USAGE, which a column of theirs needs and which opens nothing.
REVOKE ALL ON ALL TABLES IN SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA release_mgmt, release_mgmt_internal FROM PUBLIC;

-- Functions that compute from their arguments alone, as the modules say: operators of a type serve its columns only then.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT p.privilege, p.object FROM release_mgmt_internal.duty_privilege AS p WHERE p.duty = 'PUBLIC' LOOP
        EXECUTE format('GRANT %s ON %s TO PUBLIC', item.privilege, item.object);
    END LOOP;
END $$;

-- The rule triggers' WHEN clauses ask this as whoever writes; it tells nothing but whether the rules hold.
GRANT EXECUTE ON FUNCTION release_mgmt_internal.is_active() TO PUBLIC;

-- A new partition gets its parent's row triggers, and PostgreSQL asks its owner for EXECUTE. Who attaches them to a table
-- that is not governed or bound gains nothing: they look their table up.
GRANT EXECUTE ON FUNCTION release_mgmt_internal.capture(), release_mgmt_internal.keep_ci() TO PUBLIC;

-- Last of all: what was installed, for verify_ledger() to compare with.
INSERT INTO release_mgmt_internal.shipped_object (kind, identity, digest, deparsed)
SELECT kind, identity, digest, deparsed FROM release_mgmt_internal.present_objects();
