-- Module trace: from a digest of the library to every item that runs it.

CREATE FUNCTION release_mgmt_internal.items_named(names text[], scheme text) RETURNS TABLE (ci uuid, on_ci uuid, version release_mgmt.pkgver)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    c release_mgmt_internal.versioned_class;
BEGIN
    FOR c IN SELECT v.* FROM release_mgmt_internal.versioned_class AS v WHERE v.version_scheme = items_named.scheme ORDER BY v.name LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT i.id, o.id, x.version
            FROM (%s) AS x (label, on_label, name, version)
            JOIN release_mgmt.ci AS i ON i.label = x.label
            LEFT JOIN release_mgmt.ci AS o ON o.label = x.on_label $sql$,
            release_mgmt_internal.installed_query(c, format('(%s)::text = ANY ($1)', c.name_expression)))
        USING items_named.names, c.version_scheme, c.name, c.key_columns, c.on_class, c.on_columns;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.items_named(text[], text) IS
'The versioned items with one of these names, of the classes whose versions are of that scheme, each with what it is installed on; an index on the column of the name serves it.';

-- SECURITY DEFINER: puts together what several duties may read only in parts.
CREATE FUNCTION release_mgmt.trace_digest(digest release_mgmt.digest)
RETURNS TABLE (ci text, target text, state text, item release_mgmt.purl, present text, release text, delivered_at timestamptz)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off
BEGIN ATOMIC
    WITH traced AS MATERIALIZED (
        -- dpkg writes name:architecture of a package that may be installed for several.
        SELECT i.id, i.purl, i.version, ARRAY[i.name, i.name || ':' || i.architecture] AS names
        FROM release_mgmt.library_item AS i WHERE i.digest = trace_digest.digest
    ), named AS MATERIALIZED (
        SELECT t.id AS item_id, n.ci, n.on_ci, n.version, n.version = t.version AS runs
        FROM traced AS t CROSS JOIN LATERAL release_mgmt_internal.items_named(pg_catalog.array_remove(t.names, NULL), release_mgmt.pkgver_scheme(t.version)) AS n
    ), delivered AS MATERIALIZED (
        -- To each target the last time.
        SELECT DISTINCT ON (d.item_id, g.ci) d.item_id, g.ci AS target, g.state, g.release_id, d.delivered_at, o.id AS target_id
        FROM traced AS t
        JOIN release_mgmt.delivery AS d ON d.item_id = t.id
        JOIN release_mgmt.deployment_step AS s ON s.id = d.step_id
        JOIN release_mgmt.target AS g ON g.id = s.target_id
        LEFT JOIN release_mgmt.ci AS o ON o.label = g.ci
        ORDER BY d.item_id, g.ci, d.delivered_at DESC, s.id DESC
    ), traces AS (
        SELECT coalesce(d.item_id, n.item_id) AS item_id, n.ci, coalesce(d.target_id, n.on_ci) AS on_ci, d.target, n.version, d.release_id, d.delivered_at,
               CASE WHEN n.runs THEN CASE WHEN d.item_id IS NULL THEN 'recorded' ELSE 'runs' END
                    WHEN d.state IN ('backing_out', 'backed_out') THEN 'backed out'
                    WHEN n.ci IS NOT NULL THEN 'replaced'
                    ELSE 'delivered' END AS state
        FROM delivered AS d
        FULL JOIN named AS n ON n.item_id = d.item_id AND d.target_id IN (n.on_ci, n.ci)
        WHERE n.runs OR d.item_id IS NOT NULL
    )
    SELECT i.label, coalesce(o.label, t.target), t.state, p.purl, release_mgmt.pkgver_version(t.version),
           CASE WHEN release_mgmt_internal.sees(r.id, 'release') THEN r.code END, t.delivered_at
    FROM traces AS t
    JOIN traced AS p ON p.id = t.item_id
    LEFT JOIN release_mgmt.ci AS i ON i.id = t.ci
    LEFT JOIN release_mgmt.ci AS o ON o.id = t.on_ci
    LEFT JOIN release_mgmt.release AS r ON r.id = t.release_id
    CROSS JOIN (SELECT release_mgmt_internal.seen('organization', false) AS ids) AS s
    WHERE (i.organization_id IS NULL OR s.ids IS NULL OR i.organization_id = ANY (s.ids))
      AND (o.organization_id IS NULL OR s.ids IS NULL OR o.organization_id = ANY (s.ids))
    ORDER BY 1 NULLS LAST, 2, 7;
END;
COMMENT ON FUNCTION release_mgmt.trace_digest(release_mgmt.digest) IS
'Where the library item with that digest (of its whole content) is or was: ci, the item that it became, target, what that is installed on, and state: runs (delivered by a release, and the CMDB has its name and version there), recorded (the CMDB has its name and version; no release delivered it), delivered (no versioned item says what became of it), replaced (the CMDB has another version there now: present), backed out. Items that the acting person does not see are left out, and a release that he does not see is NULL. No row for a digest that the library does not know, or that went nowhere.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,test manager,librarian,auditor}', 'EXECUTE', 'FUNCTION release_mgmt.trace_digest(release_mgmt.digest)');
