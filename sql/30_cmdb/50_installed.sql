-- Module cmdb, fifth part: what is installed where, for compatibility.

-- The columns of one table as SQL that gives them as text, which reads as key of the other.
CREATE FUNCTION release_mgmt_internal.key_parts(alias text, columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'ARRAY[' || pg_catalog.string_agg(pg_catalog.format('release_mgmt_internal.value_text(%s.%I)', alias, c.name), ', ' ORDER BY c.n) || ']'
    FROM pg_catalog.unnest(columns) WITH ORDINALITY AS c (name, n);
END;
COMMENT ON FUNCTION release_mgmt_internal.key_parts(text, text[]) IS 'Columns of row alias as SQL that gives their values as text[], as split_key() gives those of a key.';

-- Rows of a class and of the link table that tells where its items are installed, found from either side by index.
CREATE FUNCTION release_mgmt_internal.linked_rows(source regclass, key_columns text[], via regclass, columns text[], condition text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.format('%s AS t LEFT JOIN (SELECT t.* FROM %s AS t WHERE %s) AS l ON %s AND %s', source, via, release_mgmt_internal.where_items(via, condition),
                             release_mgmt_internal.key_condition(source, key_columns, release_mgmt_internal.key_parts('l', columns)),
                             release_mgmt_internal.key_condition(via, columns, release_mgmt_internal.key_parts('t', key_columns), 'l'));
END;
COMMENT ON FUNCTION release_mgmt_internal.linked_rows(regclass, text[], regclass, text[], text) IS
'A FROM list: each row t of a class''s table with each row l of the link table whose columns hold its key and that meets the condition, or with none.';

-- Classes whose items have a version, each with where they are installed: the relation of that kind, if there is one.
CREATE VIEW release_mgmt_internal.versioned_class WITH (security_invoker = true) AS
SELECT c.name, c.source, c.key_columns, c.version_scheme, r.via, CASE WHEN r.via IS NULL THEN r.columns ELSE r.to_columns END AS on_columns, r.to_class AS on_class,
       release_mgmt_internal.path_expression(c.source, c.name_path) AS name_expression,
       release_mgmt_internal.path_expression(c.source, c.version_path) AS version_expression,
       release_mgmt_internal.where_items(c.source, c.condition) AS where_items,
       CASE WHEN r.via IS NULL THEN pg_catalog.format('%s AS t', c.source)
            ELSE release_mgmt_internal.linked_rows(c.source, c.key_columns, r.via, r.columns, r.condition) END AS rows,
       CASE WHEN r.via IS NULL THEN 't' ELSE 'l' END AS on_row
FROM release_mgmt.ci_class AS c
LEFT JOIN release_mgmt.ci_relation_class AS r ON r.from_class = c.name AND r.kind = 'installed on'
WHERE c.source IS NOT NULL AND c.version_path IS NOT NULL;
COMMENT ON VIEW release_mgmt_internal.versioned_class IS
'Bound classes with versions, how to read name and version from row t, and where their items are installed: rows is the FROM list with t in it, on_row the row whose on_columns hold the key of what t is installed on.';

CREATE FUNCTION release_mgmt_internal.installed_columns(class text) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT c.key_columns || coalesce(release_mgmt_internal.path_columns(c.source, c.name_path), '{}')
           || coalesce(release_mgmt_internal.path_columns(c.source, c.version_path), '{}')
           || coalesce(release_mgmt_internal.path_columns(c.source, c.platform_path), '{}')
           || coalesce(release_mgmt_internal.path_columns(c.source, '(' || c.condition || ')'), '{}')
           || ARRAY(SELECT pg_catalog.unnest(r.columns) FROM release_mgmt.ci_relation_class AS r WHERE r.from_class = c.name AND r.kind = 'installed on' AND r.via IS NULL)
    FROM release_mgmt.ci_class AS c WHERE c.name = installed_columns.class;
END;
COMMENT ON FUNCTION release_mgmt_internal.installed_columns(text) IS
'The columns of a bound class''s table that the rows of installed_queries() depend on, and target_platform(). A change of others needs no note in source_change.';

CREATE FUNCTION release_mgmt_internal.installed_query(of_class release_mgmt_internal.versioned_class, condition text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.format($sql$
        SELECT $3 || '/' || release_mgmt_internal.row_key(t.*, $4), $5 || '/' || release_mgmt_internal.row_key(%s.*, $6),
               release_mgmt_internal.value_text(%s), release_mgmt.try_pkgver($2, release_mgmt_internal.value_text(%s))
        FROM %s
        WHERE %s AND %s $sql$, of_class.on_row, of_class.name_expression, of_class.version_expression, of_class.rows, of_class.where_items, condition);
END;
COMMENT ON FUNCTION release_mgmt_internal.installed_query(release_mgmt_internal.versioned_class, text) IS
'SQL that reads the items of a class: label, label of what the item is installed on, name, version. Its parameters: $1 parts of the key that the condition asks for, $2 version scheme, $3 class, $4 key columns, $5 and $6 class and columns of what it is installed on.';

-- Not STRICT: it becomes part of the query that asks.
CREATE FUNCTION release_mgmt_internal.installed_queries_on(host release_mgmt.ci)
RETURNS TABLE (query text, key_parts text[], scheme text, class text, key_columns text[], on_class text, on_columns text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    SELECT release_mgmt_internal.installed_query(v, release_mgmt_internal.key_condition(coalesce(v.via, v.source), v.on_columns, '$1', v.on_row)),
           release_mgmt_internal.split_key(host.key), v.version_scheme, v.name, v.key_columns, v.on_class, v.on_columns
    FROM release_mgmt_internal.versioned_class AS v WHERE v.on_class = host.class;
END;
COMMENT ON FUNCTION release_mgmt_internal.installed_queries_on(release_mgmt.ci) IS 'Of installed_queries(), those of what is installed on an item.';

CREATE FUNCTION release_mgmt_internal.installed_queries(on_target uuid)
RETURNS TABLE (attempt integer, query text, key_parts text[], scheme text, class text, key_columns text[], on_class text, on_columns text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    item release_mgmt.ci;
    c release_mgmt_internal.versioned_class;
    itself release_mgmt_internal.versioned_class;
    host release_mgmt.ci;
BEGIN
    IF on_target IS NULL THEN
        RETURN QUERY SELECT 1, release_mgmt_internal.installed_query(v, 'true'), NULL::text[],
                            v.version_scheme, v.name, v.key_columns, v.on_class, v.on_columns
                     FROM release_mgmt_internal.versioned_class AS v;
        RETURN;
    END IF;
    SELECT * INTO item FROM release_mgmt.ci AS i WHERE i.id = on_target;
    RETURN QUERY SELECT 1, q.* FROM release_mgmt_internal.installed_queries_on(item) AS q;
    -- The target is a versioned item itself: what it has to fit into is what is installed beside it.
    FOR c IN SELECT v.* FROM release_mgmt_internal.versioned_class AS v WHERE v.name = item.class LOOP
        itself := c;
        itself.rows := format('%s AS t', c.source);
        itself.on_row := 't';
        IF c.on_class IS NULL THEN
            RETURN QUERY SELECT 2, release_mgmt_internal.installed_query(c, 'true'), NULL::text[],
                                c.version_scheme, c.name, c.key_columns, NULL::text, NULL::text[];
            RETURN;
        END IF;
        FOR host IN
            EXECUTE format('SELECT o.* FROM %s JOIN release_mgmt.ci AS o ON o.label = $2 || ''/'' || release_mgmt_internal.row_key(%s.*, $3) WHERE %s',
                           c.rows, c.on_row, release_mgmt_internal.key_condition(c.source, c.key_columns))
            USING release_mgmt_internal.split_key(item.key), c.on_class, c.on_columns
        LOOP
            RETURN QUERY SELECT 2, q.* FROM release_mgmt_internal.installed_queries_on(host) AS q;
        END LOOP;
    END LOOP;
    RETURN QUERY
        SELECT 3, release_mgmt_internal.installed_query(itself, release_mgmt_internal.key_condition(itself.source, itself.key_columns)),
               release_mgmt_internal.split_key(item.key), itself.version_scheme, itself.name, itself.key_columns, itself.name, itself.key_columns
        WHERE itself.name IS NOT NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.installed_queries(uuid) IS
'What to run, with installed_query()''s parameters, to read what is installed on a target, or everything where none is given: the queries of the first attempt; where they return no row, those of the next. First what the relation "installed on" leads to; then, of a versioned item, what is beside it, on the same host, or in the whole class where the class knows no hosts; then the item itself.';

CREATE FUNCTION release_mgmt_internal.installed_components(on_target uuid DEFAULT NULL)
RETURNS TABLE (target uuid, ci uuid, name text, version release_mgmt.pkgver)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    q record;
    found_in integer;
BEGIN
    FOR q IN SELECT * FROM release_mgmt_internal.installed_queries(on_target) AS x ORDER BY x.attempt LOOP
        EXIT WHEN found_in < q.attempt;
        RETURN QUERY EXECUTE format($sql$
            SELECT o.id, i.id, x.name, x.version
            FROM (%s) AS x (label, on_label, name, version)
            JOIN release_mgmt.ci AS i ON i.label = x.label
            LEFT JOIN release_mgmt.ci AS o ON o.label = x.on_label $sql$, q.query)
        USING q.key_parts, q.scheme, q.class, q.key_columns, q.on_class, q.on_columns;
        IF FOUND THEN
            found_in := q.attempt;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.installed_components(uuid) IS
'The versioned items that are installed on a target (relation kind "installed on"), or all of them where none is given. Of a target that is a versioned item itself: what is installed beside it, on the same host, or in the whole class where the class knows no hosts. version is NULL where it can not be read: binding_status tells.';

CREATE FUNCTION release_mgmt_internal.baseline_sources(on_target uuid, own regclass[], OUT sources text[], OUT relations oid[], OUT kept boolean)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item_class text;
    tables regclass[] := own || '{release_mgmt.ci_class,release_mgmt.ci_relation_class}'::regclass[];
    classes text[];
    bound oid[];
    vias regclass[];
    links regclass[];
    plain boolean;
BEGIN
    SELECT i.class INTO item_class FROM release_mgmt.ci AS i WHERE i.id = on_target;
    SELECT coalesce(array_agg(DISTINCT n.name), '{}') || coalesce(item_class, ''), coalesce(array_agg(DISTINCT r.relation::oid) FILTER (WHERE r.relation IS NOT NULL), '{}'),
           coalesce(bool_and(v.name_expression NOT LIKE '(SELECT %' AND v.version_expression NOT LIKE '(SELECT %'), true),
           coalesce(array_agg(DISTINCT v.via) FILTER (WHERE v.via IS NOT NULL), '{}')
    INTO classes, bound, plain, vias
    FROM release_mgmt_internal.versioned_class AS v
    CROSS JOIN LATERAL (VALUES (v.name), (v.on_class)) AS n(name)
    LEFT JOIN LATERAL (
        WITH RECURSIVE tree (relation) AS (
            SELECT v.source::oid
            UNION
            SELECT h.inhrelid FROM pg_inherits AS h JOIN tree AS t ON h.inhparent = t.relation
        )
        SELECT t.relation FROM tree AS t) AS r ON true
    WHERE n.name IS NOT NULL
      AND (on_target IS NULL OR item_class IN (v.name, v.on_class)
           OR v.on_class IN (SELECT w.on_class FROM release_mgmt_internal.versioned_class AS w WHERE w.name = item_class));
    -- The target's platform, or that of what it is installed on: see target_platform().
    IF NOT release_mgmt_internal.tells_platform(coalesce(item_class, '')) THEN
        SELECT classes || coalesce(array_agg(r.to_class), '{}'), vias || coalesce(array_agg(r.via) FILTER (WHERE r.via IS NOT NULL), '{}') INTO classes, vias
        FROM release_mgmt.ci_relation_class AS r
        WHERE r.from_class = item_class AND r.kind = 'installed on' AND release_mgmt_internal.tells_platform(r.to_class);
    END IF;
    bound := bound || ARRAY(WITH RECURSIVE tree (relation) AS (
                                SELECT c.source::oid FROM release_mgmt.ci_class AS c WHERE c.name = ANY (classes) AND (c.platform_path IS NOT NULL OR c.name = item_class) AND c.source IS NOT NULL
                                UNION
                                SELECT h.inhrelid FROM pg_inherits AS h JOIN tree AS t ON h.inhparent = t.relation
                            )
                            SELECT t.relation FROM tree AS t WHERE t.relation <> ALL (bound));
    relations := bound || tables::oid[];
    -- What a path over foreign keys reads, and tables elsewhere, tell of no changes; nor do triggers that are off, or of another kind.
    kept := plain AND NOT EXISTS (
        SELECT FROM unnest(relations) AS r
        WHERE NOT EXISTS (SELECT FROM pg_trigger AS t
                          WHERE t.tgrelid = r AND t.tgname IN ('rm_80_ci', 'rm_95_source') AND t.tgenabled = 'A'))
        AND NOT EXISTS (SELECT FROM unnest(vias) AS v CROSS JOIN LATERAL release_mgmt_internal.bound_relations(v) AS m
                        WHERE NOT release_mgmt_internal.is_followed(m, release_mgmt_internal.link_columns_read(v)));
    links := ARRAY(SELECT DISTINCT m FROM unnest(vias) AS v CROSS JOIN LATERAL release_mgmt_internal.bound_relations(v) AS m ORDER BY m);
    sources := classes || ARRAY(SELECT t::text FROM unnest(tables || links) AS t);
    relations := relations || links::oid[];
END $$;
COMMENT ON FUNCTION release_mgmt_internal.baseline_sources(uuid, regclass[]) IS
'What the rows of installed_queries() and target_platform() are read from, and the given tables of the extension: sources, as source_change names them; relations, whose DDL counts; kept: whether every change is noted.';
