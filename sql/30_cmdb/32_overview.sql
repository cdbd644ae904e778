-- Module cmdb: the items of a class with what its binding tells of each, for lists and reports.

-- SECURITY DEFINER: a duty lets its holder read items, not the customer's tables.
CREATE FUNCTION release_mgmt_internal.items_overview(class text, keys text[])
RETURNS TABLE (key text, name text, version text, attributes jsonb)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 1000 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    attribute_values text;
BEGIN
    SELECT x.* INTO c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    IF c.source IS NULL OR NOT EXISTS (SELECT FROM pg_class AS k WHERE k.oid = c.source) OR keys IS NULL THEN
        RETURN;
    END IF;
    attribute_values := coalesce(release_mgmt_internal.attribute_values(class, true), 'SELECT NULL::text, NULL::text WHERE false');
    -- A name or version that can not be read is a finding of binding_status.
    RETURN QUERY EXECUTE format($sql$
        SELECT k.key, %s, %s, (SELECT coalesce(jsonb_object_agg(v.attribute, v.value), '{}') FROM (%s) AS v (attribute, value))
        FROM %s AS t
        CROSS JOIN LATERAL (SELECT release_mgmt_internal.row_key(t.*, $1) AS key) AS k
        WHERE %s AND k.key = ANY ($2) $sql$,
        CASE WHEN release_mgmt_internal.path_problem(c.source, c.name_path) IS NULL
             THEN format('release_mgmt_internal.value_text(%s)', release_mgmt_internal.path_expression(c.source, c.name_path)) ELSE 'NULL::text' END,
        CASE WHEN c.version_path IS NOT NULL AND release_mgmt_internal.path_problem(c.source, c.version_path) IS NULL
             THEN format('release_mgmt_internal.value_text(%s)', release_mgmt_internal.path_expression(c.source, c.version_path)) ELSE 'NULL::text' END,
        attribute_values, c.source, release_mgmt_internal.where_items(c.source, c.condition))
    USING c.key_columns, keys;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.items_overview(text, text[]) IS
'Name, version and further attributes of the items of a class that have these keys, for whoever may ask for them.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.items_overview(text, text[])');

CREATE FUNCTION release_mgmt.ci_overview(class text)
RETURNS TABLE (ci text, name text, version text, organization text, attributes jsonb)
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE ROWS 1000
BEGIN ATOMIC
    SELECT i.label, o.name, o.version, g.code, o.attributes
    FROM release_mgmt_internal.items_overview(ci_overview.class,
        ARRAY(SELECT k.key FROM release_mgmt.ci AS k WHERE k.class = ci_overview.class AND k.retired_at IS NULL)) AS o
    JOIN release_mgmt.ci AS i ON i.label = ci_overview.class || '/' || o.key
    LEFT JOIN release_mgmt.organization AS g ON g.id = i.organization_id;
END;
COMMENT ON FUNCTION release_mgmt.ci_overview(text) IS
'The items of a class that the acting person sees, as the bound table has them now: name, version, the code of the organization, and the attributes that bind_ci_class() was given (status, platform ...); NULL where something can not be read, of which binding_status tells. No row for a class that is not bound. Errors: RM012 the condition that tells which rows are items can not be read any more.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.ci_overview(text)');
