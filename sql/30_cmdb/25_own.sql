-- Module cmdb: tables for configuration items where there is no CMDB yet. They are the customer's, bound as any other: nothing
-- here knows of them afterwards.

CREATE FUNCTION release_mgmt_internal.is_type(name text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A number would be taken for an OID.
    RETURN name !~ '^\s*\d+\s*$' AND to_regtype(name) IS NOT NULL;
EXCEPTION WHEN syntax_error OR undefined_object OR invalid_schema_name THEN
    RETURN false;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_type(text) IS 'Is the text the name of a type, and nothing else?';

CREATE FUNCTION release_mgmt_internal.own_class_problems(attributes jsonb, relations jsonb, scheme text) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH attribute AS (
        SELECT a.key AS name, a.value #>> '{}' AS type FROM jsonb_each(CASE WHEN jsonb_typeof(attributes) = 'object' THEN attributes ELSE '{}' END) AS a
    ), relation AS (
        SELECT r.key AS kind, replace(r.key, ' ', '_') AS name, r.value #>> '{}' AS class
        FROM jsonb_each(CASE WHEN jsonb_typeof(relations) = 'object' THEN relations ELSE '{}' END) AS r
    )
    SELECT 'Attributes are an object of names and types: {"os": "text", "cores": "integer"}.' WHERE jsonb_typeof(attributes) IS DISTINCT FROM 'object'
    UNION ALL
    SELECT 'Relations are an object of kinds and classes: {"runs on": "host"}.' WHERE jsonb_typeof(relations) IS DISTINCT FROM 'object'
    UNION ALL
    SELECT format('Attribute "%s" is of no type: "%s".', a.name, a.type) FROM attribute AS a WHERE NOT coalesce(release_mgmt_internal.is_type(a.type), false)
    UNION ALL
    SELECT 'The name of an attribute or a relation is not empty.' WHERE EXISTS (SELECT FROM attribute AS a WHERE a.name = '') OR EXISTS (SELECT FROM relation AS r WHERE r.name = '')
    UNION ALL
    SELECT format('"%s" is a column of such a table in any case, or named twice.', n.name)
    FROM (SELECT a.name FROM attribute AS a UNION ALL SELECT r.name FROM relation AS r) AS n
    GROUP BY n.name
    HAVING count(*) > 1 OR n.name IN ('code', 'name', 'status', 'organization', 'version')
    UNION ALL
    SELECT CASE WHEN c.name IS NULL THEN format('Class "%s" is not bound.', r.class)
                ELSE format('Class "%s" has a key of %s columns: "%s" takes a class whose key is one.', r.class, cardinality(c.key_columns), r.kind) END
    FROM relation AS r LEFT JOIN release_mgmt.ci_class AS c ON c.name = r.class AND c.source IS NOT NULL
    WHERE c.name IS NULL OR cardinality(c.key_columns) <> 1
    UNION ALL
    SELECT 'What is installed on something has a version: give its scheme.' WHERE scheme IS NULL AND EXISTS (SELECT FROM relation AS r WHERE r.kind = 'installed on');
END;
COMMENT ON FUNCTION release_mgmt_internal.own_class_problems(jsonb, jsonb, text) IS 'Why no table can be made for a class of such items: a sentence for each reason.';

CREATE FUNCTION release_mgmt.create_ci_class(class text, attributes jsonb DEFAULT '{}', relations jsonb DEFAULT '{}', scheme text DEFAULT NULL,
    mode text DEFAULT 'observe', schema text DEFAULT 'cmdb', platform text DEFAULT NULL) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text;
    -- On a host a name stands for itself.
    installed CONSTANT boolean := coalesce(create_ci_class.relations ? 'installed on', false);
    relation record;
    source regclass;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT string_agg(p, E'\n') INTO problems
    FROM (SELECT 'The name of a class is not empty and holds no slash and no space.' AS p WHERE coalesce(create_ci_class.class, '') ~ '[/[:space:]]|^$'
          UNION ALL
          SELECT format('Class "%s" exists.', create_ci_class.class) WHERE EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.name = create_ci_class.class)
          UNION ALL
          SELECT format('Table %s exists; bind it with bind_ci_class().', t.name)
          FROM (SELECT quote_ident(create_ci_class.schema) || '.' || quote_ident(create_ci_class.class) AS name) AS t WHERE to_regclass(t.name) IS NOT NULL
          UNION ALL
          SELECT 'No schema is given.' WHERE coalesce(create_ci_class.schema, '') = ''
          UNION ALL
          SELECT 'Mode is one of: observe, warn, enforce.' WHERE coalesce(create_ci_class.mode, '') NOT IN ('observe', 'warn', 'enforce')
          UNION ALL
          SELECT p FROM release_mgmt_internal.own_class_problems(create_ci_class.attributes, create_ci_class.relations, create_ci_class.scheme) AS p) AS x;
    IF problems IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('class "%s" can not be created', create_ci_class.class), problems,
            'See the comment on release_mgmt.create_ci_class.');
    END IF;
    IF create_ci_class.scheme IS NOT NULL THEN
        PERFORM release_mgmt.pkgver(create_ci_class.scheme, '1.0.0');
    END IF;
    IF to_regnamespace(quote_ident(create_ci_class.schema)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', create_ci_class.schema);
    END IF;
    EXECUTE format('CREATE TABLE %I.%I (%s)', create_ci_class.schema, create_ci_class.class, concat_ws(', ',
        CASE WHEN NOT installed THEN 'code text PRIMARY KEY CHECK (code <> '''')' END,
        'name text NOT NULL CHECK (name <> '''')', 'status text', 'organization text',
        CASE WHEN create_ci_class.scheme IS NOT NULL THEN 'version text' END,
        (SELECT string_agg(format('%I %s', a.key, a.value), ', ' ORDER BY a.key) FROM jsonb_each_text(create_ci_class.attributes) AS a),
        (SELECT string_agg(format('%I %s%s REFERENCES %s (%I)', replace(r.key, ' ', '_'), format_type(k.atttypid, k.atttypmod),
                                  CASE WHEN r.key = 'installed on' THEN ' NOT NULL' END, c.source, k.attname), ', ' ORDER BY r.key)
         FROM jsonb_each_text(create_ci_class.relations) AS r
         JOIN release_mgmt.ci_class AS c ON c.name = r.value
         JOIN pg_attribute AS k ON k.attrelid = c.source AND k.attname = c.key_columns[1]),
        CASE WHEN installed THEN 'PRIMARY KEY (installed_on, name)' END));
    source := format('%I.%I', create_ci_class.schema, create_ci_class.class)::regclass;
    EXECUTE format('COMMENT ON TABLE %s IS %L', source, format('Configuration items of class "%s".', create_ci_class.class));
    EXECUTE format('COMMENT ON COLUMN %s.organization IS %L', source, 'code of the organization that the item belongs to');
    PERFORM release_mgmt.bind_ci_class(create_ci_class.class, source, CASE WHEN installed THEN '{installed_on,name}' ELSE '{code}' END::text[], 'name',
        version => CASE WHEN create_ci_class.scheme IS NOT NULL THEN 'version' END, scheme => create_ci_class.scheme,
        mode => create_ci_class.mode, organization => 'organization',
        platform => create_ci_class.platform,
        attributes => (SELECT jsonb_object_agg(a, a) FROM (SELECT 'status' UNION ALL SELECT jsonb_object_keys(create_ci_class.attributes)) AS x (a)));
    FOR relation IN SELECT r.key AS kind, replace(r.key, ' ', '_') AS name, r.value AS class FROM jsonb_each_text(create_ci_class.relations) AS r ORDER BY r.key LOOP
        IF NOT (installed AND relation.kind = 'installed on') THEN
            EXECUTE format('CREATE INDEX ON %s (%I)', source, relation.name);
        END IF;
        CALL release_mgmt.bind_ci_relation(relation.kind, create_ci_class.class, ARRAY[relation.name], relation.class);
    END LOOP;
    RETURN source;
END $$;
COMMENT ON FUNCTION release_mgmt.create_ci_class(text, jsonb, jsonb, text, text, text, text) IS
'Makes a table for the configuration items of a class where there is no CMDB yet, and binds it as bind_ci_class() does: it is yours, as any other table that you bind. Its columns: code (the key), name, status, organization (the code of whose the item is), version where scheme says how pkgver() reads it, the attributes {name: type}, and for each of the relations {kind: class} a column of the kind''s name, a foreign key to that class (runs_on). Items of a class that is "installed on" another have no code: the host and the name are their key. mode: observe, warn or enforce. schema: made where there is none. platform: the attribute that tells the operating system that an item runs, as in bind_ci_class(). Returns the table. For the extension''s owner. Errors: RM001 inactive, RM012 with every reason why no such table can be made.';

CREATE FUNCTION release_mgmt.create_ci_relation(kind text, from_class text, to_class text) RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ends record;
    link text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT f.source AS from_source, t.source AS to_source, n.nspname AS schema,
           concat_ws(E'\n', CASE WHEN f.source IS NULL THEN format('Class "%s" is not bound.', from_class) END,
                     CASE WHEN t.source IS NULL THEN format('Class "%s" is not bound.', to_class) END,
                     CASE WHEN coalesce(kind, '') = '' THEN 'The kind is not empty.' END,
                     CASE WHEN kind = 'installed on' AND f.version_path IS NULL AND f.source IS NOT NULL THEN format('What is installed on something has a version: class "%s" has none.', from_class) END) AS problems,
           f.key_columns AS from_keys, t.key_columns AS to_keys
    INTO ends
    FROM (SELECT) AS x
    LEFT JOIN release_mgmt.ci_class AS f ON f.name = from_class
    LEFT JOIN release_mgmt.ci_class AS t ON t.name = to_class
    LEFT JOIN pg_class AS c ON c.oid = f.source
    LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace;
    IF ends.problems <> '' THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('relation "%s" can not be created', kind), ends.problems,
            'Classes are the rows of release_mgmt.ci_class.');
    END IF;
    link := format('%I.%I', ends.schema, concat_ws('_', from_class, replace(kind, ' ', '_'), to_class));
    EXECUTE format('CREATE TABLE %s (%s, %s, PRIMARY KEY (%s), FOREIGN KEY (%s) REFERENCES %s (%s) ON UPDATE CASCADE ON DELETE CASCADE, FOREIGN KEY (%s) REFERENCES %s (%s) ON UPDATE CASCADE ON DELETE CASCADE)', link,
        release_mgmt_internal.link_columns(ends.from_source, ends.from_keys, 'from_', true), release_mgmt_internal.link_columns(ends.to_source, ends.to_keys, 'to_', true),
        concat_ws(', ', release_mgmt_internal.link_columns(ends.from_source, ends.from_keys, 'from_', false), release_mgmt_internal.link_columns(ends.to_source, ends.to_keys, 'to_', false)),
        release_mgmt_internal.link_columns(ends.from_source, ends.from_keys, 'from_', false), ends.from_source, release_mgmt_internal.link_columns(ends.from_source, ends.from_keys, '', false),
        release_mgmt_internal.link_columns(ends.to_source, ends.to_keys, 'to_', false), ends.to_source, release_mgmt_internal.link_columns(ends.to_source, ends.to_keys, '', false));
    EXECUTE format('CREATE INDEX ON %s (%s)', link, release_mgmt_internal.link_columns(ends.to_source, ends.to_keys, 'to_', false));
    ends.from_keys := ARRAY(SELECT 'from_' || k FROM unnest(ends.from_keys) AS k);
    ends.to_keys := ARRAY(SELECT 'to_' || k FROM unnest(ends.to_keys) AS k);
    CALL release_mgmt.bind_ci_relation(kind, from_class, ends.from_keys, to_class, link::regclass, ends.to_keys);
    RETURN link::regclass;
END $$;
COMMENT ON FUNCTION release_mgmt.create_ci_relation(text, text, text) IS
'Makes a link table for relations of a kind between the items of two classes, of which each may have many, in the schema of from_class''s table, and binds it as bind_ci_relation() does. Its columns are the keys of both with from_ and to_ before; a relation goes with either item. Returns the table. For the extension''s owner. Errors: RM001 inactive, RM012 a class is not bound, 42P07 there is such a table.';

CREATE FUNCTION release_mgmt_internal.link_columns(source regclass, columns text[], prefix text, typed boolean) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT string_agg(format('%I', prefix || k.name) || CASE WHEN typed THEN ' ' || format_type(a.atttypid, a.atttypmod) || ' NOT NULL' ELSE '' END, ', ' ORDER BY k.n)
    FROM unnest(columns) WITH ORDINALITY AS k (name, n)
    JOIN pg_attribute AS a ON a.attrelid = source AND a.attname = k.name;
END;
COMMENT ON FUNCTION release_mgmt_internal.link_columns(regclass, text[], text, boolean) IS
'The columns of a table as a list in SQL, each name with the prefix before it, with their types where asked.';
