-- Module cmdb, second part: how an item's name, version and the like are read from its row.

CREATE FUNCTION release_mgmt_internal.row_expression(source regclass, expression text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_expression';
COMMENT ON FUNCTION release_mgmt_internal.row_expression(regclass, text) IS
'An expression over the columns of a table as SQL over row t, which holds as long as the lock on the table that is taken. RM012 where it is made of more than columns, built-in types and immutable built-in functions.';

CREATE FUNCTION release_mgmt_internal.row_expression_columns(source regclass, expression text) RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_expression_columns';
COMMENT ON FUNCTION release_mgmt_internal.row_expression_columns(regclass, text) IS 'The columns that an expression reads.';

CREATE FUNCTION release_mgmt_internal.where_items(source regclass, condition text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(release_mgmt_internal.row_expression(source, condition), 'true');
END;
COMMENT ON FUNCTION release_mgmt_internal.where_items(regclass, text) IS 'Which rows t of a table are items, or relations, as SQL: all of them where there is no condition. Raises RM012 as row_expression().';

CREATE FUNCTION release_mgmt_internal.condition_problem(source regclass, condition text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT FROM %s AS t WHERE %s LIMIT 0', source, release_mgmt_internal.where_items(source, condition));
    RETURN NULL;
EXCEPTION WHEN datatype_mismatch THEN
    RETURN format('"%s" is no condition: it is neither true nor false', condition);
WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.condition_problem(regclass, text) IS 'Why the condition can not be asked of the rows of a table; NULL where it can, and where there is none.';

CREATE FUNCTION release_mgmt_internal.is_expression(source regclass, path text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT path LIKE '(%' AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = path AND a.attnum > 0 AND NOT a.attisdropped);
END;
COMMENT ON FUNCTION release_mgmt_internal.is_expression(regclass, text) IS 'Is it an expression in parentheses, and no column of such a name?';

-- A column's whole name comes before a path: it may hold dots.
CREATE FUNCTION release_mgmt_internal.path_steps(source regclass, path text) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = path AND a.attnum > 0 AND NOT a.attisdropped)
                THEN ARRAY[path] ELSE parse_ident(path) END;
END;
COMMENT ON FUNCTION release_mgmt_internal.path_steps(regclass, text) IS 'The names of the columns on a path. Errors: 22023 it is neither a column nor identifiers joined by dots.';

-- A path as SQL over row t: 'column', or 'fk_column.column' and so on over single-column foreign keys.
CREATE FUNCTION release_mgmt_internal.path_expression(source regclass, path text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    steps text[] := CASE WHEN NOT release_mgmt_internal.is_expression(source, path) THEN release_mgmt_internal.path_steps(source, path) END;
    at_table regclass := source;
    alias text := 't';
    opening text := '';
    closing text := '';
    fk record;
BEGIN
    IF release_mgmt_internal.is_expression(source, path) THEN
        RETURN release_mgmt_internal.row_expression(source, path);
    END IF;
    FOR i IN 1 .. cardinality(steps) LOOP
        IF NOT EXISTS (SELECT FROM pg_attribute AS a
                       WHERE a.attrelid = at_table AND a.attname = steps[i] AND a.attnum > 0 AND NOT a.attisdropped) THEN
            PERFORM release_mgmt_internal.refuse('not_governable', format('"%s" can not be read: table %s has no column "%s"', path, at_table, steps[i]),
                NULL, 'A path is a column, or columns joined by dots of which all but the last are foreign keys: site_id.name.');
        END IF;
        IF i = cardinality(steps) THEN
            RETURN opening || format('%I.%I', alias, steps[i]) || closing;
        END IF;
        SELECT c.confrelid::regclass AS target, ra.attname AS target_column, o.oprname, n.nspname INTO fk
        FROM pg_constraint AS c
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] AND a.attname = steps[i]
        JOIN pg_attribute AS ra ON ra.attrelid = c.confrelid AND ra.attnum = c.confkey[1]
        JOIN pg_operator AS o ON o.oid = c.conpfeqop[1]
        JOIN pg_namespace AS n ON n.oid = o.oprnamespace
        WHERE c.conrelid = at_table AND c.contype = 'f' AND cardinality(c.conkey) = 1
        ORDER BY c.oid LIMIT 1;
        IF NOT FOUND THEN
            PERFORM release_mgmt_internal.refuse('not_governable',
                format('"%s" can not be read: column "%s" of table %s has no foreign key of its own', path, steps[i], at_table), NULL,
                'A path is a column, or columns joined by dots of which all but the last are foreign keys: site_id.name.');
        END IF;
        opening := opening || format('(SELECT ');
        closing := format(' FROM %s AS p%s WHERE p%s.%I OPERATOR(%I.%s) %I.%I)', fk.target, i, i, fk.target_column, fk.nspname, fk.oprname, alias, steps[i]) || closing;
        alias := 'p' || i;
        at_table := fk.target;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.path_expression(regclass, text) IS
'A column, a path over foreign keys (site_id.name), or an expression in parentheses, as SQL over row t. RM012 where it leads nowhere.';

CREATE FUNCTION release_mgmt_internal.path_problem(source regclass, path text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.path_expression(source, path);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.path_problem(regclass, text) IS 'Why the path leads nowhere; NULL where it can be read.';

CREATE FUNCTION release_mgmt_internal.path_columns(source regclass, path text) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF release_mgmt_internal.path_problem(source, path) IS NOT NULL THEN
        RETURN '{}';
    ELSIF release_mgmt_internal.is_expression(source, path) THEN
        RETURN release_mgmt_internal.row_expression_columns(source, path);
    END IF;
    RETURN (release_mgmt_internal.path_steps(source, path))[1:1];
END $$;
COMMENT ON FUNCTION release_mgmt_internal.path_columns(regclass, text) IS
'The columns of the table''s own on which a path or an expression depends; none where it can not be read.';
