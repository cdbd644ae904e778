-- Module cmdb: binding and unbinding of tables, and the pieces of SQL that read them.
--
-- Readers run as the extension's owner. They never run the customer's code with those rights: values are rendered by output
-- functions (never casts, which a customer may define), compared by the default operator of their type, and parsed as the
-- base type of a domain. The writer, apply_ci_changes(), acts as the table's owner.

CREATE FUNCTION release_mgmt_internal.join_key(VARIADIC parts text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_join_key';
COMMENT ON FUNCTION release_mgmt_internal.join_key(text[]) IS
'Values of key columns as one text: joined by '':'', a '':'' or ''\'' inside a value escaped by ''\''; NULL where a part is NULL.';

CREATE FUNCTION release_mgmt_internal.split_key(key text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_split_key';
COMMENT ON FUNCTION release_mgmt_internal.split_key(text) IS 'The parts of what join_key() joined.';

CREATE FUNCTION release_mgmt_internal.row_key(row_value record, columns text[]) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_row_key';
COMMENT ON FUNCTION release_mgmt_internal.row_key(record, text[]) IS
'join_key() over the named columns of a row, as their types'' output functions write them under the settings that pg_dump uses; NULL where one is NULL.';

CREATE FUNCTION release_mgmt_internal.row_values(row_value record) RETURNS TABLE (attribute text, value text)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 20 AS 'MODULE_PATHNAME', 'rm_row_values';
COMMENT ON FUNCTION release_mgmt_internal.row_values(record) IS
'Each column of a row with its value as the type''s output function writes it under the settings that pg_dump uses.';

CREATE FUNCTION release_mgmt_internal.value_text(value "any") RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_value_text_sql';
COMMENT ON FUNCTION release_mgmt_internal.value_text("any") IS 'A value as its type''s output function writes it under the settings that pg_dump uses.';

CREATE FUNCTION release_mgmt_internal.canonical_value(source regclass, attribute text, value text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_canonical_value';
COMMENT ON FUNCTION release_mgmt_internal.canonical_value(regclass, text, text) IS
'A value, given as text that the column''s type reads, as value_text() writes it: 01 of an integer is 1. Errors: 22P02 and its like where the type does not read it, RM012 no such column.';

CREATE FUNCTION release_mgmt_internal.key_condition(source regclass, columns text[], parts text DEFAULT '$1', alias text DEFAULT 't') RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_key_condition';
COMMENT ON FUNCTION release_mgmt_internal.key_condition(regclass, text[], text, text) IS
'SQL that is true for the row alias whose key has the parts that the SQL parts gives as text[]; an index on the columns serves it.';

-- The trigger that keeps the stubs and guards the rows, on the table and on everything that inherits from it: one on a
-- partitioned table reaches its partitions by itself, one on an inheritance parent does not. (TRUNCATE comes by way of the ledger's.)
CREATE FUNCTION release_mgmt_internal.attach_ci_trigger(class text, source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT r FROM release_mgmt_internal.bound_relations(source) AS r LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'rm_80_ci') THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('CREATE TRIGGER rm_80_ci AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.keep_ci(%L)', relation, class));
        END IF;
    END LOOP;
    FOR relation IN
        SELECT t.tgrelid FROM pg_trigger AS t
        WHERE t.tgrelid IN (SELECT release_mgmt_internal.bound_relations(source)) AND t.tgname = 'rm_80_ci' AND t.tgenabled <> 'A'
        ORDER BY t.tgparentid
    LOOP
        PERFORM release_mgmt_internal.run_own_ddl(format('ALTER TABLE %s ENABLE ALWAYS TRIGGER rm_80_ci', relation));
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.attach_ci_trigger(text, regclass) IS
'Puts the trigger of the class on the table and everything that inherits from it, where it is missing; enables it.';

CREATE FUNCTION release_mgmt_internal.bound_relations(source regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE tree (relation, depth) AS (
        SELECT source, 0
        UNION ALL
        SELECT i.inhrelid::regclass, t.depth + 1 FROM pg_inherits AS i JOIN tree AS t ON i.inhparent = t.relation
    )
    SELECT t.relation FROM tree AS t JOIN pg_class AS c ON c.oid = t.relation
    WHERE c.relkind IN ('r', 'p')
    GROUP BY t.relation ORDER BY min(t.depth), t.relation;
END;
COMMENT ON FUNCTION release_mgmt_internal.bound_relations(regclass) IS 'The table, its partitions and its inheritance children, parents first.';

-- Everything that forbids binding, as one sentence each.
CREATE FUNCTION release_mgmt_internal.binding_problems(class text, source regclass, key text[], exempt text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    kind "char" := (SELECT c.relkind FROM pg_class AS c WHERE c.oid = source);
    column_name text;
BEGIN
    IF kind NOT IN ('r', 'p') THEN
        RETURN NEXT format('%s is %s and has no rows of its own; bind the table that holds them.', source,
            CASE kind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table'
                      WHEN 'S' THEN 'a sequence' WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a composite type' ELSE 'no table' END);
        RETURN;
    END IF;
    RETURN QUERY
        SELECT format('%s is %s.', source, CASE c.relpersistence WHEN 't' THEN 'a temporary table' ELSE 'unlogged, so that a crash would lose rows of which the ledger tells' END)
        FROM pg_class AS c WHERE c.oid = source AND c.relpersistence <> 'p';
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = source
               AND c.relnamespace IN ('pg_catalog'::regnamespace, 'release_mgmt'::regnamespace, 'release_mgmt_internal'::regnamespace)) THEN
        RETURN NEXT format('%s belongs to the system or to release_mgmt itself.', source);
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = source AND c.relispartition) THEN
        RETURN NEXT format('%s is a partition; bind the partitioned table.', source);
    END IF;
    RETURN QUERY
        SELECT format('%s shares rows by inheritance with %s, which is bound to class "%s".', source, o.source, o.name)
        FROM release_mgmt.ci_class AS o
        WHERE o.name <> class AND o.source <> binding_problems.source
          AND (o.source IN (SELECT release_mgmt_internal.bound_relations(binding_problems.source))
               OR binding_problems.source IN (SELECT release_mgmt_internal.bound_relations(o.source)))
        ORDER BY o.name;
    RETURN QUERY
        SELECT format('%s is already bound to class "%s".', source, o.name)
        FROM release_mgmt.ci_class AS o WHERE o.name <> class AND o.source = binding_problems.source;
    RETURN QUERY
        SELECT format('Class "%s" is already bound to %s.', class, o.source)
        FROM release_mgmt.ci_class AS o WHERE o.name = class AND o.source <> binding_problems.source;
    IF class = '' OR class ~ '[/[:space:]]' THEN
        RETURN NEXT 'The name of a class is not empty and holds no slash and no space.';
    END IF;
    IF coalesce(cardinality(key), 0) = 0 THEN
        RETURN NEXT 'No key column is given.';
    END IF;
    IF array_ndims(key) > 1 OR array_ndims(exempt) > 1 OR array_position(key, NULL) IS NOT NULL OR array_position(exempt, NULL) IS NOT NULL THEN
        RETURN NEXT 'A key, and what is exempt, are lists of columns: {site,number}.';
        RETURN;
    END IF;
    FOR column_name IN SELECT DISTINCT c FROM unnest(key || exempt) AS c ORDER BY c LOOP
        IF NOT release_mgmt_internal.has_column(source, column_name) AND (column_name = ANY (key) OR (release_mgmt_internal.bound_column(source, column_name)).attname IS NULL) THEN
            RETURN NEXT format('%s has no column "%s".', source, column_name);
        ELSIF column_name = ANY (key) AND column_name = ANY (exempt) THEN
            RETURN NEXT format('Key column "%s" can not be exempt.', column_name);
        ELSIF column_name = ANY (key) AND EXISTS (SELECT FROM pg_attribute AS a
                       WHERE a.attrelid = source AND a.attname = column_name AND NOT a.attnotnull) THEN
            RETURN NEXT format('Key column "%s" may be NULL.', column_name);
        END IF;
    END LOOP;
    IF NOT EXISTS (
        SELECT FROM pg_index AS i
        WHERE i.indrelid = source AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND (SELECT array_agg(a.attname::text ORDER BY a.attname)
               FROM unnest(i.indkey[0:i.indnkeyatts - 1]) AS k JOIN pg_attribute AS a ON a.attrelid = source AND a.attnum = k)
            = (SELECT array_agg(k ORDER BY k COLLATE "C") FROM unnest(key) AS k)) THEN
        RETURN NEXT format('No unique index of %s covers exactly the key (%s).', source, array_to_string(key, ', '));
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.binding_problems(text, regclass, text[], text[]) IS 'Why the table can not be bound so: a sentence for each reason.';

-- Why attributes can not be read so, as one sentence each.
CREATE FUNCTION release_mgmt_internal.attribute_problems(source regclass, attributes jsonb) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 'Attributes are an object of names and where each is read: {"status": "status_id.name"}.'
    WHERE jsonb_typeof(attributes) IS DISTINCT FROM 'object'
    UNION ALL
    SELECT CASE WHEN a.key = '' THEN 'The name of an attribute is not empty.'
                WHEN jsonb_typeof(a.value) <> 'string' THEN format('Where attribute "%s" is read is a string.', a.key)
                WHEN a.value #>> '{}' <> a.key AND EXISTS (SELECT FROM pg_attribute AS c WHERE c.attrelid = source AND c.attname = a.key AND c.attnum > 0 AND NOT c.attisdropped)
                    THEN format('Attribute "%s" is a column of %s already, and not read from it.', a.key, source)
                ELSE format('Attribute "%s": %s.', a.key, release_mgmt_internal.path_problem(source, a.value #>> '{}')) END
    FROM jsonb_each(CASE WHEN jsonb_typeof(attributes) = 'object' THEN attributes ELSE '{}' END) AS a
    WHERE a.key = '' OR jsonb_typeof(a.value) <> 'string' OR release_mgmt_internal.path_problem(source, a.value #>> '{}') IS NOT NULL
       OR (a.value #>> '{}' <> a.key AND EXISTS (SELECT FROM pg_attribute AS c WHERE c.attrelid = source AND c.attname = a.key AND c.attnum > 0 AND NOT c.attisdropped));
END;
COMMENT ON FUNCTION release_mgmt_internal.attribute_problems(regclass, jsonb) IS 'Why a class''s further attributes can not be read so: a sentence for each reason.';

-- Whose the items are. The path is read through the table, so that what lies behind a foreign key counts too; when that
-- changes, nothing here is told: binding_status tells, and binding the class again brings the items in step. What belongs to
-- somebody unknown is kept from everybody but the authority (and auditors), to whom it is given.
CREATE FUNCTION release_mgmt_internal.owners_of(class text, keys text[] DEFAULT NULL)
RETURNS TABLE (label text, organization text, known boolean, organization_id uuid)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    IF c.organization_path IS NULL THEN
        RETURN QUERY SELECT i.label, NULL::text, true, NULL::uuid FROM release_mgmt.ci AS i
                     WHERE i.class = class AND i.organization_id IS NOT NULL AND (keys IS NULL OR i.key = ANY (keys));
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        SELECT $1 || '/' || release_mgmt_internal.row_key(t.*, $2), x.code, o.id IS NOT NULL OR x.code IS NULL,
               CASE WHEN x.code IS NOT NULL THEN coalesce(o.id, '019ac000-0001-7000-8000-000000000001') END
        FROM %s%s AS t
        CROSS JOIN LATERAL release_mgmt_internal.value_text(%s) AS x (code)
        LEFT JOIN release_mgmt.organization AS o ON o.code = x.code
        WHERE %s AND %s $sql$,
        CASE WHEN keys IS NOT NULL THEN '(SELECT release_mgmt_internal.split_key(u.key) AS parts FROM unnest($3) AS u (key) OFFSET 0) AS k CROSS JOIN ' END, c.source, release_mgmt_internal.path_expression(c.source, c.organization_path),
        release_mgmt_internal.where_known(c.source, c.condition),
        CASE WHEN keys IS NULL THEN 'true' ELSE release_mgmt_internal.key_condition(c.source, c.key_columns, 'k.parts') END)
    USING class, c.key_columns, keys;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.owners_of(text, text[]) IS
'Of each item of a class, or of those with these keys: the code of its organization as the bound table has it, whether there is one of that code, and the id of the organization that the item is given to: that one, or the shipped authority where it is unknown.';

-- A broken path does not stand in the way of the rows: binding_status tells.
CREATE FUNCTION release_mgmt_internal.keep_owners(class text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c
                   WHERE c.name = keep_owners.class AND release_mgmt_internal.path_problem(c.source, c.organization_path) IS NOT NULL) THEN
        UPDATE release_mgmt.ci AS i SET organization_id = o.organization_id
        FROM release_mgmt_internal.owners_of(keep_owners.class) AS o
        WHERE i.label = o.label AND i.organization_id IS DISTINCT FROM o.organization_id;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_owners(text) IS 'Writes to the stubs of a class whose the items are.';

-- By index whatever the planner knows: a plan that was made while there were few rows would look at each of them, and lasts for the
-- session.
CREATE FUNCTION release_mgmt_internal.keep_owners_of(class text, keys text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c
                   WHERE c.name = keep_owners_of.class AND release_mgmt_internal.path_problem(c.source, c.organization_path) IS NOT NULL) THEN
        UPDATE release_mgmt.ci AS i SET organization_id = o.organization_id
        FROM release_mgmt_internal.owners_of(keep_owners_of.class, keep_owners_of.keys) AS o
        WHERE i.label = o.label AND i.organization_id IS DISTINCT FROM o.organization_id;
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_owners_of(text, text[]) IS 'Writes to the stubs with these keys whose the items are.';

-- The caller holds a lock on the table that keeps writers out. Of neither side the planner knows how many there are, and would look
-- through all of one for each of the other.
CREATE FUNCTION release_mgmt_internal.fill_ci(class text, OUT items bigint, OUT changed bigint)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    EXECUTE format($sql$
        WITH present AS MATERIALIZED (SELECT DISTINCT release_mgmt_internal.row_key(t.*, $1) AS key FROM %s AS t WHERE %s),
             retired AS (
                UPDATE release_mgmt.ci SET retired_at = now()
                WHERE ci.class = $2 AND ci.retired_at IS NULL AND NOT EXISTS (SELECT FROM present AS p WHERE p.key = ci.key)
                RETURNING 1),
             revived AS (
                UPDATE release_mgmt.ci SET retired_at = NULL
                WHERE ci.class = $2 AND ci.retired_at IS NOT NULL AND EXISTS (SELECT FROM present AS p WHERE p.key = ci.key)
                RETURNING 1),
             added AS (
                INSERT INTO release_mgmt.ci (class, key)
                SELECT $2, p.key FROM present AS p
                WHERE p.key IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.ci AS o WHERE o.class = $2 AND o.key = p.key)
                RETURNING 1)
        SELECT (SELECT count(*) FROM present),
               (SELECT count(*) FROM retired) + (SELECT count(*) FROM revived) + (SELECT count(*) FROM added) $sql$, c.source, release_mgmt_internal.where_items(c.source, c.condition))
    INTO items, changed USING c.key_columns, class;
    PERFORM release_mgmt_internal.keep_owners(class);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.fill_ci(text) IS
'Brings the stubs of a class in step with its table: adds, revives, retires, and writes whose they are. Returns how many items the table holds, and how many stubs changed.';

-- Names of columns stand in the binding as people gave them; when a column is renamed, they follow. It is not exempt for bearing the
-- name of an exempt one that is gone.
CREATE FUNCTION release_mgmt_internal.follow_renames(class text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    renamed record;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    FOR renamed IN
        SELECT k.name::text AS old, a.attname::text AS new
        FROM unnest(c.column_names, c.column_numbers) AS k (name, number)
        JOIN pg_attribute AS a ON a.attrelid = c.source AND a.attnum = k.number AND NOT a.attisdropped AND a.attname <> k.name
        WHERE c.columns_of = c.source
    LOOP
        UPDATE release_mgmt.ci_class AS x
        SET key_columns = array_replace(x.key_columns, renamed.old, renamed.new), exempt = array_replace(array_remove(x.exempt, renamed.new), renamed.old, renamed.new),
            name_path = CASE WHEN x.name_path = renamed.old THEN renamed.new ELSE x.name_path END,
            version_path = CASE WHEN x.version_path = renamed.old THEN renamed.new ELSE x.version_path END,
            organization_path = CASE WHEN x.organization_path = renamed.old THEN renamed.new ELSE x.organization_path END,
            platform_path = CASE WHEN x.platform_path = renamed.old THEN renamed.new ELSE x.platform_path END,
            attributes = coalesce((SELECT jsonb_object_agg(a.key, CASE WHEN a.value = renamed.old THEN renamed.new ELSE a.value END)
                                   FROM jsonb_each_text(x.attributes) AS a), '{}')
        WHERE x.name = class;
        UPDATE release_mgmt.ci_relation_class AS r SET columns = array_replace(r.columns, renamed.old, renamed.new)
        WHERE r.from_class = class AND r.via IS NULL;
    END LOOP;
    UPDATE release_mgmt.ci_class AS x
    SET columns_of = c.source, column_names = k.names, column_numbers = k.numbers
    FROM (SELECT array_agg(a.attname ORDER BY a.attnum) AS names, array_agg(a.attnum ORDER BY a.attnum) AS numbers
          FROM pg_attribute AS a WHERE a.attrelid = c.source AND a.attnum > 0 AND NOT a.attisdropped) AS k
    WHERE x.name = class AND (x.columns_of, x.column_names, x.column_numbers) IS DISTINCT FROM (c.source::oid, k.names, k.numbers);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_renames(text) IS
'Brings the column names of a binding in step with its table, where columns were renamed since they were last recorded, and records them.';

CREATE FUNCTION release_mgmt.bind_ci_class(class text, source regclass, key text[], name text, version text DEFAULT NULL,
    scheme text DEFAULT NULL, mode text DEFAULT NULL, exempt text[] DEFAULT '{}', organization text DEFAULT NULL,
    attributes jsonb DEFAULT '{}', platform text DEFAULT NULL, condition text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    problems text;
    -- What can not be read, among them.
    unread text;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT string_agg(p, E'\n') INTO problems
    FROM (SELECT format('No %s is given.', g.what) FROM (VALUES ('class', class), ('source', source::text), ('name', name), ('exempt', exempt::text)) AS g (what, given)
          WHERE g.given IS NULL
          UNION ALL
          SELECT format('"%s" is no mode: modes are observe, warn and enforce.', mode) WHERE mode NOT IN ('observe', 'warn', 'enforce')) AS x (p);
    IF problems IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('not_governable', concat_ws(' ', 'class', '"' || class || '"', 'can not be bound'), problems, 'See the comment on release_mgmt.bind_ci_class.');
    END IF;
    -- No writer may slip in between the fill and the triggers.
    IF EXISTS (SELECT FROM pg_class AS k WHERE k.oid = source AND k.relkind IN ('r', 'p')) THEN
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', source);
    END IF;
    SELECT string_agg(p || '.', E'\n') INTO unread
    FROM release_mgmt_internal.reading_problems(source, nullif(btrim(bind_ci_class.name), ''), version, organization, platform, bind_ci_class.condition) AS p;
    SELECT string_agg(p, E'\n') INTO problems
    FROM (SELECT p FROM release_mgmt_internal.binding_problems(class, source, key, exempt) AS p
          UNION ALL
          SELECT unread WHERE unread IS NOT NULL
          UNION ALL
          SELECT p FROM release_mgmt_internal.attribute_problems(source, bind_ci_class.attributes) AS p
          UNION ALL
          SELECT format('%s is governed by another key, (%s): end that with SELECT release_mgmt.ungovern(%L), which is recorded, and bind it by this one.',
                        source, array_to_string(g.key_columns, ', '), source)
          FROM release_mgmt.governed_table AS g WHERE g.source = bind_ci_class.source AND g.key_columns <> key
          UNION ALL
          SELECT 'The name of an item is read from somewhere: a column, a path or an expression.' WHERE btrim(bind_ci_class.name) = ''
          UNION ALL
          SELECT 'A scheme says how a version is read, and no version is given.' WHERE scheme IS NOT NULL AND version IS NULL
          UNION ALL
          SELECT format('Column "%s" tells which rows are items, and can not be exempt.', k)
          FROM unnest(release_mgmt_internal.path_columns(source, '(' || bind_ci_class.condition || ')')) AS k WHERE k = ANY (exempt)) AS x;
    IF problems IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('%s can not be bound to class "%s"', source, class), problems,
            concat_ws(' ', CASE WHEN problems <> coalesce(unread, '') THEN 'A class is bound to one table whose key is NOT NULL and unique; unbind_ci_class() frees either.' END,
                CASE WHEN unread IS NOT NULL THEN 'What is read of a row is a column, a path over foreign keys (site_id.name), or an expression over columns, in parentheses where it is no condition, with built-in types and immutable built-in functions.' END));
    END IF;
    PERFORM release_mgmt_internal.key_condition(source, key);
    IF version IS NOT NULL THEN
        scheme := coalesce(scheme, 'generic');
        PERFORM release_mgmt.pkgver(scheme, '1.0.0');
    ELSE
        scheme := NULL;
    END IF;
    INSERT INTO release_mgmt.ci_class AS o (name, source, source_name, key_columns, name_path, version_path, version_scheme, exempt, organization_path, attributes, platform_path, condition)
    VALUES (class, source, source::text, key, bind_ci_class.name, version, scheme, bind_ci_class.exempt, organization, bind_ci_class.attributes, platform, bind_ci_class.condition)
    ON CONFLICT ON CONSTRAINT ci_class_pkey DO UPDATE
        SET source = excluded.source, source_name = excluded.source_name, key_columns = excluded.key_columns,
            name_path = excluded.name_path, version_path = excluded.version_path, version_scheme = excluded.version_scheme,
            exempt = excluded.exempt, organization_path = excluded.organization_path, attributes = excluded.attributes,
            platform_path = excluded.platform_path, condition = excluded.condition
        WHERE row(o.source, o.source_name, o.key_columns, o.name_path, o.version_path, o.version_scheme, o.exempt, o.organization_path, o.attributes, o.platform_path, o.condition)
            IS DISTINCT FROM row(excluded.source, excluded.source_name, excluded.key_columns, excluded.name_path,
                                 excluded.version_path, excluded.version_scheme, excluded.exempt, excluded.organization_path, excluded.attributes, excluded.platform_path, excluded.condition);
    PERFORM release_mgmt_internal.follow_renames(class);
    PERFORM release_mgmt.govern(source, coalesce(mode, (SELECT g.mode FROM release_mgmt.governed_table AS g WHERE g.source = bind_ci_class.source), 'observe'), key);
    PERFORM release_mgmt_internal.attach_ci_trigger(class, source);
    RETURN (release_mgmt_internal.fill_ci(class)).items;
END $$;
COMMENT ON FUNCTION release_mgmt.bind_ci_class(text, regclass, text[], text, text, text, text, text[], text, jsonb, text, text) IS
'Makes the rows of a table the configuration items of a class, and governs the table. class: no slash, no space. source: table, partitioned table or inheritance parent; never a view. key: columns, NOT NULL, covered by a unique index. name, version: a column, a path over foreign keys (site_id.name), or an expression in parentheses over columns of the table ((name || ''.'' || domain)), of built-in types and immutable built-in functions. scheme: how pkgver() reads the version (generic unless given). mode: observe, warn or enforce; NULL: that in which the table is governed already, and otherwise observe. exempt: columns that change without a plan. organization: a column or path that holds the code of the organization that each item belongs to, for row-level security; an unknown code is a finding of binding_status. attributes: names of attributes to show in ci_overview(), such as status, each with where it is read: {"status": "status", "platform": "platform_id.name"}; those that are no columns are shown by ci_attributes() beside the columns, and plans do not change them. platform: a column, path or expression that tells which operating system the item runs, such as platform_id.name, so that check_compatibility() holds against it what components are for; read_operating_system() tells how it is read, binding_status what can not be. condition: which rows are items, an expression over their columns ("Status" = ''A''), where the table, or what inherits from it, holds others too, such as history. Returns the number of items. Called again for the same class and table it changes the settings. For the extension''s owner. Errors: RM001 inactive, RM012 the table or a path can not be bound, with every reason.';

CREATE PROCEDURE release_mgmt.unbind_ci_class(class text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    relation regclass;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT * INTO c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('CI class "%s" does not exist', class), NULL,
            'Classes are the rows of release_mgmt.ci_class.');
    END IF;
    IF c.source IS NULL THEN
        RETURN;
    END IF;
    -- Parents first, as whoever writes or reads locks them: DROP TRIGGER by itself begins with the partitions.
    IF EXISTS (SELECT FROM pg_class AS k WHERE k.oid = c.source) THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', c.source);
    END IF;
    FOR relation IN SELECT r FROM release_mgmt_internal.bound_relations(c.source) AS r LOOP
        -- A partition's trigger goes with its parent's.
        IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'rm_80_ci' AND t.tgparentid = 0) THEN
            EXECUTE format('DROP TRIGGER rm_80_ci ON %s', relation);
        END IF;
    END LOOP;
    UPDATE release_mgmt.governed_table AS g SET mode = 'observe' WHERE g.source = c.source AND g.mode <> 'observe';
    UPDATE release_mgmt.ci_class AS x SET source = NULL WHERE x.name = class;
    DELETE FROM release_mgmt.ci_relation_class AS r WHERE class IN (r.from_class, r.to_class);
    UPDATE release_mgmt.ci SET retired_at = now() WHERE ci.class = unbind_ci_class.class AND ci.retired_at IS NULL;
END $$;
COMMENT ON PROCEDURE release_mgmt.unbind_ci_class(text) IS
'Frees the class''s table: its items are retired, its relations and triggers dropped; the stubs stay, for what refers to them. The table stays governed, in mode observe: see ungovern(). Binding the class again revives the items. For the extension''s owner. Errors: RM001, RM002 unknown class.';
