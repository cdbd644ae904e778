-- Module cmdb, sixth part: what DDL does to items, as event triggers and binding_status ask.

CREATE FUNCTION release_mgmt_internal.bound_class_of(relation oid) RETURNS TABLE (class text, source regclass, source_name text, enforced boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE up (relation) AS (
        SELECT bound_class_of.relation
        UNION
        SELECT i.inhparent FROM pg_catalog.pg_inherits AS i JOIN up AS u ON i.inhrelid = u.relation
    )
    SELECT c.name, c.source, c.source_name, g.mode = 'enforce'
    FROM up AS u
    JOIN release_mgmt.ci_class AS c ON c.source = u.relation
    JOIN release_mgmt.governed_table AS g ON g.source = c.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.bound_class_of(oid) IS 'The classes that a table holds items of, itself or as partition or inheritance child.';

CREATE FUNCTION release_mgmt_internal.classes_touched_by(relation oid) RETURNS TABLE (class text, source regclass, source_name text, enforced boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE down (relation) AS (
        SELECT classes_touched_by.relation
        UNION
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN down AS d ON i.inhparent = d.relation
    )
    SELECT b.class, b.source, b.source_name, b.enforced FROM release_mgmt_internal.bound_class_of(classes_touched_by.relation) AS b
    UNION
    SELECT c.name, c.source, c.source_name, g.mode = 'enforce'
    FROM release_mgmt.ci_class AS c
    JOIN release_mgmt.governed_table AS g ON g.source = c.source
    WHERE c.source IN (SELECT d.relation FROM down AS d) OR classes_touched_by.relation = ANY (g.members::oid[]);
END;
COMMENT ON FUNCTION release_mgmt_internal.classes_touched_by(oid) IS
'The classes whose items DDL on a table may change: those that it holds items of, or held until this statement, and those whose tables inherit its columns.';

CREATE FUNCTION release_mgmt_internal.guard_problems(class text, source regclass) RETURNS TABLE (relation regclass, finding text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r, CASE WHEN t.oid IS NULL THEN 'missing' WHEN t.tgenabled <> 'A' THEN 'off' ELSE 'altered' END
    FROM release_mgmt_internal.bound_relations(source) AS r
    LEFT JOIN pg_trigger AS t ON t.tgrelid = r AND t.tgname = 'rm_80_ci'
    -- 29: AFTER INSERT OR UPDATE OR DELETE, FOR EACH ROW.
    WHERE t.oid IS NULL OR t.tgenabled <> 'A' OR t.tgfoid <> 'release_mgmt_internal.keep_ci()'::regprocedure OR t.tgtype <> 29
       OR t.tgargs <> convert_to(class, getdatabaseencoding()) || '\x00'::bytea
       OR t.tgqual IS NOT NULL OR t.tgdeferrable OR cardinality(t.tgattr::smallint[]) > 0;
END;
COMMENT ON FUNCTION release_mgmt_internal.guard_problems(text, regclass) IS
'Where the guard of a class does not stand as bind_ci_class() put it: relation, and whether the trigger rm_80_ci is missing, off (does not fire always) or altered.';

-- What the table was like before the statement is what ci_class and the ledger have of it: they follow at its end.
CREATE FUNCTION release_mgmt_internal.column_problems(class text) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH present AS (
        SELECT NULL::text AS child, a.attname::text AS name, k.key, g.id AS table_id, format_type(a.atttypid, a.atttypmod) AS type,
               (SELECT o.type FROM unnest(v.column_keys, v.column_types) AS o (key, type) WHERE o.key = k.key) AS former_type,
               NOT EXISTS (SELECT FROM unnest(c.column_names, c.column_numbers) AS n (name, number) WHERE n.name = a.attname AND n.number = a.attnum) AS is_named_anew,
               a.attname = ANY (c.exempt) AS is_exempt
        FROM release_mgmt.ci_class AS c
        JOIN release_mgmt.governed_table AS g ON g.source = c.source
        JOIN LATERAL (SELECT t.* FROM release_mgmt.table_version AS t WHERE t.table_id = g.id ORDER BY t.version DESC LIMIT 1) AS v ON true
        JOIN pg_attribute AS a ON a.attrelid = c.source AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN unnest(g.column_keys, g.column_numbers) AS k (key, number) ON k.number = a.attnum
        WHERE c.name = column_problems.class AND c.columns_of = c.source
        UNION ALL
        -- What inherits may have others of its own.
        SELECT n.child::text, n.name, k.key, g.id, format_type(a.atttypid, a.atttypmod),
               (SELECT o.type FROM unnest(v.child_keys, v.child_types) AS o (key, type) WHERE o.key = k.key), k.name IS DISTINCT FROM n.name, n.name = ANY (c.exempt)
        FROM release_mgmt.ci_class AS c
        JOIN release_mgmt.governed_table AS g ON g.source = c.source
        JOIN LATERAL (SELECT t.* FROM release_mgmt.table_version AS t WHERE t.table_id = g.id ORDER BY t.version DESC LIMIT 1) AS v ON true
        CROSS JOIN LATERAL release_mgmt_internal.child_columns_of(c.source) AS n
        JOIN pg_attribute AS a ON a.attrelid = n.child AND a.attnum = n.number
        LEFT JOIN unnest(g.child_sources, g.child_keys, g.child_names, g.child_numbers) AS k (source, key, name, number) ON k.source = n.child AND k.number = n.number
        WHERE c.name = column_problems.class
    )
    SELECT format('Column "%s"%s would not be the one that was called so.', p.name, ' of ' || p.child)
    FROM present AS p
    WHERE p.is_named_anew
      AND EXISTS (SELECT FROM release_mgmt.table_version AS v
                  CROSS JOIN LATERAL (SELECT o.key, o.name FROM unnest(v.column_keys, v.column_names) AS o (key, name) WHERE p.child IS NULL
                                      UNION ALL
                                      SELECT o.key, o.name FROM unnest(v.child_sources, v.child_keys, v.child_names) AS o (source, key, name) WHERE o.source = p.child) AS o
                  WHERE v.table_id = p.table_id AND o.name = p.name AND o.key IS DISTINCT FROM p.key)
    UNION ALL
    SELECT format('Column "%s"%s would be of type %s instead of %s.', p.name, ' of ' || p.child, p.type, p.former_type)
    FROM present AS p
    CROSS JOIN LATERAL (SELECT regexp_replace(p.former_type, '\(\d+(,-?\d+)?\)', ''), regexp_replace(p.type, '\(\d+(,-?\d+)?\)', '')) AS w (former_type, type)
    -- More or less room is a matter of the rewrite, if there is one.
    WHERE NOT p.is_exempt AND w.former_type <> w.type AND NOT (w.former_type IN ('text', 'character varying') AND w.type IN ('text', 'character varying'));
END;
COMMENT ON FUNCTION release_mgmt_internal.column_problems(text) IS
'Why items of a class would have other values after a statement that changed columns of its table: a sentence for each reason. An exempt column may get another type, but no column the name of another, or of one that is gone.';
