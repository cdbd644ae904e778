-- Module trace: the verb over the three questions of drift, of a release, of an environment, and of all that is bound.

CREATE FUNCTION release_mgmt_internal.seen_drift(release text, since timestamptz, environment text)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_code text, role text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    -- Of whom and of what the acting person sees something; NULL: of all.
    organizations uuid[] := release_mgmt_internal.seen('organization', false);
    releases uuid[] := release_mgmt_internal.seen('release', false);
BEGIN
    IF seen_drift.environment IS NOT NULL THEN
        IF seen_drift.release IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', 'drift is of a release or of an environment, not of both',
                format('Asked for were release "%s" and environment "%s".', seen_drift.release, seen_drift.environment), 'Ask for one, then for the other.');
        END IF;
        RETURN QUERY
            SELECT d.ci, d.attribute, d.expected, d.present, d.classification, r.code, d.role, d.at, d.transaction_id
            FROM release_mgmt_internal.environment_drift(seen_drift.environment, seen_drift.since) AS d
            LEFT JOIN release_mgmt.ci AS i ON i.label = d.ci
            LEFT JOIN release_mgmt.release AS r ON r.id = d.release_id AND (releases IS NULL OR r.id = ANY (releases))
            -- What has no stub any more, whoever sees the environment reads in its baseline.
            WHERE organizations IS NULL OR i.organization_id IS NULL OR i.organization_id = ANY (organizations);
    ELSIF seen_drift.release IS NULL THEN
        RETURN QUERY
            SELECT d.ci, d.attribute, d.expected, d.present, d.classification, r.code, d.role, d.at, d.transaction_id
            FROM release_mgmt_internal.observed_drift(seen_drift.since) AS d
            JOIN release_mgmt.ci AS i ON i.label = d.ci
            LEFT JOIN release_mgmt.release AS r ON r.id = d.release_id AND (releases IS NULL OR r.id = ANY (releases))
            WHERE organizations IS NULL OR i.organization_id IS NULL OR i.organization_id = ANY (organizations);
    ELSE
        RETURN QUERY
            SELECT d.ci, d.attribute, d.expected, d.present, d.classification, r.code, d.role, d.at, d.transaction_id
            FROM release_mgmt_internal.release_drift(release_mgmt.release_id(seen_drift.release)) AS d
            LEFT JOIN release_mgmt.ci AS i ON organizations IS NOT NULL AND i.label = d.ci
            LEFT JOIN release_mgmt.release AS r ON r.id = d.release_id AND (releases IS NULL OR r.id = ANY (releases))
            -- What is planned to be created has no stub yet.
            WHERE (seen_drift.since IS NULL OR d.at >= seen_drift.since) AND (organizations IS NULL OR i.organization_id IS NULL OR i.organization_id = ANY (organizations));
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.seen_drift(text, timestamptz, text) IS
'What drift() tells, in no order, and but for the application.';

-- SECURITY DEFINER: reads items and the ledger for duties that hold no privilege on the bound tables.
CREATE FUNCTION release_mgmt.drift(release text DEFAULT NULL, since timestamptz DEFAULT NULL, environment text DEFAULT NULL)
RETURNS TABLE (ci text, attribute text, expected text, present text, classification text, release_code text, role text, application text, at timestamptz, transaction_id uuid)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH difference AS MATERIALIZED (
            SELECT s.* FROM release_mgmt_internal.seen_drift(drift.release, drift.since, drift.environment) AS s
        )
        SELECT d.ci, d.attribute, d.expected, d.present, d.classification, d.release_code, d.role, l.application, d.at, d.transaction_id
        FROM difference AS d
        LEFT JOIN release_mgmt_internal.leaves_of(ARRAY(SELECT DISTINCT o.transaction_id FROM difference AS o WHERE o.transaction_id IS NOT NULL)) AS l
          ON l.transaction_id = d.transaction_id
        ORDER BY d.ci COLLATE "C", d.attribute COLLATE "C" NULLS FIRST, d.expected COLLATE "C";
END $$;
COMMENT ON FUNCTION release_mgmt.drift(text, timestamptz, text) IS
'Differences in the CMDB, each with who made it (and for whom, where it was for somebody), through which application (what application_name said at the commit), when, and in which transaction, from the ledger. classification: authorized (an authorized release, its back-out, or an emergency that was not rejected made it), unauthorized (an attribute changed, and nothing permitted it), missing (an item or a planned value that should be there is not), unexpected (an item that nothing permitted, or a difference that no captured change explains: another value is there than the last one permitted). With a release: each planned attribute (expected: its planned value) against what is there, and what else of the planned items is otherwise than it was when the package was sealed; of items that the acting person sees. Without: of every bound item that the acting person sees, what is otherwise than it was when its table was bound, or at since, or than the last permitted change left it (expected), exempt columns left out; with the last change of it. What came back is no difference; an item that was deleted and created again is compared by its attributes. With an environment, named by its code: what its baseline recorded, the last one that was captured, or that was captured by since, against what is installed on the targets of that baseline now: an item that is not there any more (missing; expected: its version), that the baseline does not list (unexpected; present: its version), with another name or version, or on another of the targets (attribute: name, version, installed on), unless what was changed to this end was permitted (authorized); of items that the acting person sees. attribute NULL: the item as such. Rows changed behind the ledger''s back are named by verify_ledger(). Errors: RM002 unknown release, or environment that the acting person does not see; RM015 a release and an environment, or no baseline by that time.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,test manager,auditor}', 'EXECUTE', 'FUNCTION release_mgmt.drift(text, timestamptz, text)');
