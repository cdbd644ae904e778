-- Module cmdb, last part: how the bindings stand.

CREATE FUNCTION release_mgmt_internal.unreadable_versions(class text) RETURNS TABLE (label text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c record;
BEGIN
    SELECT DISTINCT ON (v.name) v.* INTO c FROM release_mgmt_internal.versioned_class AS v WHERE v.name = class;
    IF FOUND THEN
        RETURN QUERY EXECUTE format($sql$
            SELECT $1 || '/' || release_mgmt_internal.row_key(t.*, $2)
            FROM %s AS t CROSS JOIN LATERAL release_mgmt_internal.value_text(%s) AS x (version)
            WHERE x.version IS NOT NULL AND release_mgmt.try_pkgver($3, x.version) IS NULL AND %s $sql$, c.source, c.version_expression, c.where_items)
        USING class, c.key_columns, c.version_scheme;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.unreadable_versions(text) IS 'The items of a class whose version is none of its scheme.';

CREATE FUNCTION release_mgmt_internal.unreadable_platforms(class text) RETURNS TABLE (said text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
BEGIN
    SELECT * INTO c FROM release_mgmt.ci_class AS x WHERE x.name = class AND x.platform_path IS NOT NULL;
    IF FOUND THEN
        RETURN QUERY EXECUTE format($sql$
            WITH item AS MATERIALIZED (SELECT release_mgmt_internal.value_text(%s) AS said FROM %s AS t WHERE %s),
                 unread AS MATERIALIZED (SELECT d.said FROM (SELECT DISTINCT i.said FROM item AS i) AS d WHERE d.said <> '' AND (release_mgmt.read_operating_system(d.said)).os IS NULL)
            SELECT i.said FROM item AS i JOIN unread AS u ON u.said = i.said $sql$,
            release_mgmt_internal.path_expression(c.source, c.platform_path), c.source, release_mgmt_internal.where_items(c.source, c.condition));
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.unreadable_platforms(text) IS 'Of each item of a class whose operating system can not be read, what the CMDB says of it.';

-- SECURITY DEFINER: reads bound tables for duties that hold no privilege on them.
CREATE FUNCTION release_mgmt_internal.binding_findings(class text) RETURNS TABLE (finding text, detail text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    keyless boolean := false;
    readable boolean;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    IF c.source IS NULL THEN
        RETURN QUERY SELECT 'not bound', format('%s was unbound or dropped; bind_ci_class() binds the class again.', c.source_name);
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class AS k WHERE k.oid = c.source) THEN
        RETURN QUERY SELECT 'table gone', format('%s was dropped while the database was inactive; unbind_ci_class() retires its items.', c.source_name);
        RETURN;
    END IF;
    RETURN QUERY
        SELECT 'trigger ' || p.finding,
               format(CASE p.finding WHEN 'missing' THEN '%s has no trigger rm_80_ci; bind the class again.'
                                     WHEN 'off' THEN 'Trigger rm_80_ci of %s does not fire always; bind the class again.'
                                     ELSE 'Trigger rm_80_ci of %s is another one than that of the class; drop it, and bind the class again.' END, p.relation)
        FROM release_mgmt_internal.guard_problems(c.name, c.source) AS p ORDER BY p.finding, p.relation;
    IF NOT EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE g.source = c.source) THEN
        RETURN QUERY SELECT 'not governed', format('%s is not governed, so that its guard rests; bind the class again.', c.source);
    END IF;
    FOR finding, detail IN
        SELECT 'column gone', format('%s has no column "%s" any more, which is %s; bind the class again.', c.source, k.name, k.role)
        FROM (SELECT x, 'part of the key' FROM unnest(c.key_columns) AS x UNION ALL SELECT x, 'exempt' FROM unnest(c.exempt) AS x) AS k (name, role)
        WHERE NOT release_mgmt_internal.has_column(c.source, k.name) AND (k.role = 'part of the key' OR (release_mgmt_internal.bound_column(c.source, k.name)).attname IS NULL)
    LOOP
        RETURN NEXT;
        keyless := keyless OR detail LIKE '%part of the key%';
    END LOOP;
    RETURN QUERY
        SELECT 'relation broken', format('"%s" to class "%s": %s Unbind it, and bind it again.', s.kind, s.to_class, coalesce(p.p, 'its link table was dropped.'))
        FROM release_mgmt_internal.ci_relation_stated AS s
        LEFT JOIN pg_class AS k ON k.oid = s.source
        LEFT JOIN LATERAL (
            SELECT m FROM release_mgmt_internal.missing_columns(s.source, s.from_columns || s.to_columns) AS m
            UNION ALL
            SELECT format('condition: %s.', m) FROM release_mgmt_internal.condition_problem(s.source, s.condition) AS m WHERE m IS NOT NULL AND s.source <> c.source) AS p (p) ON k.oid IS NOT NULL
        WHERE s.from_class = c.name AND (k.oid IS NULL OR p.p IS NOT NULL);
    IF keyless THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT 'key not unique', p FROM release_mgmt_internal.binding_problems(c.name, c.source, c.key_columns, '{}') AS p;
    RETURN QUERY
        SELECT 'path broken', p.problem || '; bind the class again.'
        FROM (SELECT x FROM release_mgmt_internal.reading_problems(c.source, c.name_path, c.version_path, c.organization_path, c.platform_path, c.condition) AS x
              UNION ALL
              SELECT format('attribute "%s": %s', a.key, x)
              FROM jsonb_each_text(c.attributes) AS a CROSS JOIN LATERAL release_mgmt_internal.path_problem(c.source, a.value) AS x WHERE x IS NOT NULL) AS p (problem);
    readable := NOT FOUND;
    IF release_mgmt_internal.condition_problem(c.source, c.condition) IS NOT NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        WITH present AS MATERIALIZED (SELECT k.key FROM (SELECT DISTINCT release_mgmt_internal.row_key(t.*, $1) AS key FROM %s AS t WHERE %s) AS k WHERE k.key IS NOT NULL),
             stub AS MATERIALIZED (SELECT i.key FROM release_mgmt.ci AS i WHERE i.class = $2 AND i.retired_at IS NULL),
             loose AS (SELECT count(*) FILTER (WHERE s.key IS NULL) AS rows, count(*) FILTER (WHERE p.key IS NULL) AS stubs
                       FROM present AS p FULL JOIN stub AS s ON s.key = p.key)
        SELECT 'out of step', format('%%s rows have no item, %%s items have no row; bind the class again.', l.rows, l.stubs)
        FROM loose AS l WHERE l.rows > 0 OR l.stubs > 0 $sql$, c.source, release_mgmt_internal.where_items(c.source, c.condition))
    USING c.key_columns, c.name;
    IF NOT readable THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT 'version unreadable', format('%s items have a version that is none of scheme %s, such as %s.', count(*), c.version_scheme, min(v.label))
        FROM release_mgmt_internal.unreadable_versions(c.name) AS v (label) HAVING count(*) > 0
        UNION ALL
        SELECT 'platform unreadable', format('%s items run "%s", which is no operating system that read_operating_system() knows; tell it with a row of release_mgmt.operating_system_name.', count(*), p.said)
        FROM release_mgmt_internal.unreadable_platforms(c.name) AS p (said) GROUP BY p.said
        UNION ALL
        SELECT 'organization unknown', format('%s items belong to organization "%s", of which there is none, so that only the authority sees them; add it to release_mgmt.organization and bind the class again.', count(*), o.organization)
        FROM release_mgmt_internal.owners_of(c.name) AS o WHERE NOT o.known GROUP BY o.organization
        UNION ALL
        SELECT 'organization changed', format('%s items, such as %s, belong to another organization by now; bind the class again.', count(*), min(i.label))
        FROM release_mgmt_internal.owners_of(c.name) AS o JOIN release_mgmt.ci AS i ON i.label = o.label
        WHERE i.organization_id IS DISTINCT FROM o.organization_id HAVING count(*) > 0;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.binding_findings(text) IS 'What is wrong with the binding of a class: one row for each finding, none where all is well.';

CREATE VIEW release_mgmt.binding_status WITH (security_invoker = true) AS
SELECT c.name AS class, c.source_name AS source, g.mode,
       (SELECT count(*) FROM release_mgmt.ci AS i WHERE i.class = c.name AND i.retired_at IS NULL) AS items,
       coalesce(f.finding, 'ok') AS finding, f.detail
FROM release_mgmt.ci_class AS c
LEFT JOIN release_mgmt.governed_table AS g ON g.source = c.source
LEFT JOIN LATERAL release_mgmt_internal.binding_findings(c.name) AS f ON true;
COMMENT ON VIEW release_mgmt.binding_status IS
'How each class''s binding stands: ok, or one row for each finding: not bound, table gone, trigger missing, trigger off, trigger altered, not governed, column gone, key not unique, path broken, relation broken, out of step, version unreadable, platform unreadable, organization unknown, organization changed. Reads the bound tables.';
SELECT release_mgmt_internal.allow('{auditor}', 'SELECT', 'release_mgmt.binding_status');
SELECT release_mgmt_internal.allow('{auditor}', 'EXECUTE', 'FUNCTION release_mgmt_internal.binding_findings(text)');

CREATE FUNCTION release_mgmt_internal.verify_guards()
RETURNS TABLE (finding text, log_index bigint, source text, key text, expected text, found text)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE p.finding WHEN 'off' THEN 'trigger disabled' ELSE 'trigger ' || p.finding END, NULL::bigint, p.relation::text, 'rm_80_ci', 'ENABLE ALWAYS',
           CASE t.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN pg_get_triggerdef(t.oid) END
    FROM release_mgmt.ci_class AS c
    JOIN pg_class AS k ON k.oid = c.source
    CROSS JOIN LATERAL release_mgmt_internal.guard_problems(c.name, c.source) AS p
    LEFT JOIN pg_trigger AS t ON t.tgrelid = p.relation AND t.tgname = 'rm_80_ci';
END;
COMMENT ON FUNCTION release_mgmt_internal.verify_guards() IS
'Where the guard of a bound table, of a partition or child of one, is missing, does not fire always or is another one than bind_ci_class() put there; columns as those of verify_ledger().';
SELECT release_mgmt_internal.is_verified_by('release_mgmt_internal.verify_guards');
