-- Module cmdb, fourth part: relations between items.

CREATE FUNCTION release_mgmt_internal.ci_relations_along(items uuid[], outwards boolean) RETURNS TABLE (kind text, known uuid, related uuid)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r record;
BEGIN
    FOR r IN
        SELECT s.kind, s.source, s.condition, i.ids, i.keys, CASE WHEN outwards THEN s.from_columns ELSE s.to_columns END AS known_columns,
               CASE WHEN outwards THEN s.to_class ELSE s.from_class END AS related_class, CASE WHEN outwards THEN s.to_columns ELSE s.from_columns END AS related_columns
        FROM (SELECT i.class, array_agg(i.id) AS ids, array_agg(i.key) AS keys FROM release_mgmt.ci AS i WHERE i.id = ANY (items) GROUP BY i.class) AS i
        JOIN release_mgmt_internal.ci_relation_source AS s ON i.class = CASE WHEN outwards THEN s.from_class ELSE s.to_class END
        ORDER BY s.kind, related_class, s.id
    LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT $1, k.id, o.id
            FROM unnest($2, $3) AS k (id, key)
            CROSS JOIN LATERAL (SELECT release_mgmt_internal.split_key(k.key) AS parts OFFSET 0) AS p
            JOIN %s AS t ON %s AND %s
            JOIN release_mgmt.ci AS o ON o.label = $4 || '/' || release_mgmt_internal.row_key(t.*, $5) $sql$,
            r.source, release_mgmt_internal.key_condition(r.source, r.known_columns, 'p.parts'), release_mgmt_internal.where_items(r.source, r.condition))
        USING r.kind, r.ids, r.keys, r.related_class, r.related_columns;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.ci_relations_along(uuid[], boolean) IS
'The relations from the items (outwards) or to them: of each the item that is known and the one that is related to it. Read from the rows of bound and link tables whose columns hold the items'' keys; an index on those columns serves.';

-- A row of a link table may name items that are not there; that of a bound table is an item.
CREATE VIEW release_mgmt_internal.relation_road WITH (security_invoker = true) AS
SELECT s.kind, s.from_class, s.to_class,
       format('SELECT k.n, %s FROM (SELECT u.n, release_mgmt_internal.split_key(u.key) AS parts FROM unnest($1) WITH ORDINALITY AS u (key, n) OFFSET 0) AS k JOIN %s AS t ON %s AND %s%s',
              (SELECT string_agg(format('release_mgmt_internal.value_text(t.%I)', c.name), ', ' ORDER BY c.n) FROM unnest(s.from_columns) WITH ORDINALITY AS c (name, n)),
              s.source, release_mgmt_internal.key_condition(s.source, s.to_columns, 'k.parts'), release_mgmt_internal.where_items(s.source, s.condition),
              CASE WHEN k.source <> s.source THEN
                  format(' JOIN release_mgmt.ci AS o ON o.label = %L || release_mgmt_internal.row_key(t.*, %L) AND o.retired_at IS NULL', s.from_class || '/', s.from_columns) END) AS query,
       EXISTS (SELECT FROM pg_index AS x JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
               WHERE x.indrelid = s.source AND x.indisvalid AND x.indpred IS NULL AND a.attname = s.to_columns[1]) AS is_indexed
FROM release_mgmt_internal.ci_relation_source AS s JOIN release_mgmt.ci_class AS k ON k.name = s.from_class;
COMMENT ON VIEW release_mgmt_internal.relation_road IS
'Each kind of relation, from a class to a class, as a query: of $1, keys of to_class, it returns the place of a key in it, and the parts of the key of each item that is related to that. is_indexed: an index begins with the columns by which it looks them up.';

CREATE FUNCTION release_mgmt_internal.ci_relations_of(ci_id uuid) RETURNS TABLE (kind text, from_ci uuid, to_ci uuid)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT o.kind, o.known, o.related FROM release_mgmt_internal.ci_relations_along(ARRAY[ci_id], true) AS o
    UNION ALL
    SELECT i.kind, i.related, i.known FROM release_mgmt_internal.ci_relations_along(ARRAY[ci_id], false) AS i;
END;
COMMENT ON FUNCTION release_mgmt_internal.ci_relations_of(uuid) IS
'The relations from and to one item, read from the bound tables; an index on the related columns serves the way inwards.';

-- SECURITY DEFINER: a duty lets its holder read items, not the customer's tables.
CREATE FUNCTION release_mgmt_internal.relations(item uuid) RETURNS TABLE (kind text, from_ci uuid, to_ci uuid)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT x.kind, x.from_ci, x.to_ci FROM release_mgmt_internal.ci_relations_of(item) AS x;
END;
COMMENT ON FUNCTION release_mgmt_internal.relations(uuid) IS 'The relations from and to an item, for whoever may ask for them.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.relations(uuid)');

-- SECURITY DEFINER: the same.
CREATE FUNCTION release_mgmt_internal.all_relations() RETURNS TABLE (kind text, from_ci uuid, to_ci uuid)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100000 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    r record;
BEGIN
    FOR r IN SELECT s.* FROM release_mgmt_internal.ci_relation_source AS s ORDER BY s.kind, s.from_class, s.to_class, s.id LOOP
        RETURN QUERY EXECUTE format($sql$
            SELECT $1, f.id, o.id FROM %s AS t
            JOIN release_mgmt.ci AS f ON f.label = $2 || '/' || release_mgmt_internal.row_key(t.*, $3)
            JOIN release_mgmt.ci AS o ON o.label = $4 || '/' || release_mgmt_internal.row_key(t.*, $5)
            WHERE %s $sql$, r.source, release_mgmt_internal.where_items(r.source, r.condition))
        USING r.kind, r.from_class, r.from_columns, r.to_class, r.to_columns;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.all_relations() IS 'All relations, for whoever may ask for them.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.all_relations()');

-- Not SECURITY DEFINER: of the relations, those between items that row-level security lets the caller see.
CREATE FUNCTION release_mgmt.ci_relations(ci text DEFAULT NULL) RETURNS TABLE (kind text, from_ci text, to_ci text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT x.kind, f.label, t.label
    FROM (SELECT o.* FROM release_mgmt_internal.relations(release_mgmt.ci_id(ci)) AS o
          UNION ALL
          SELECT a.* FROM release_mgmt_internal.all_relations() AS a WHERE ci IS NULL) AS x
    JOIN release_mgmt.ci AS f ON f.id = x.from_ci AND f.retired_at IS NULL
    JOIN release_mgmt.ci AS t ON t.id = x.to_ci AND t.retired_at IS NULL;
END;
COMMENT ON FUNCTION release_mgmt.ci_relations(text) IS
'The relations from and to the item named class/key, or all relations where none is named, as the bound tables hold them now, between items that are there and that the acting person sees. Errors: RM002 no such item.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.ci_relations(text)');

CREATE VIEW release_mgmt.ci_relation WITH (security_invoker = true) AS
SELECT r.kind, r.from_ci, r.to_ci FROM release_mgmt.ci_relations() AS r;
COMMENT ON VIEW release_mgmt.ci_relation IS
'All relations between configuration items, read from the bound tables as they are now. Those of one item: ci_relations(ci).';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'SELECT', 'release_mgmt.ci_relation');
