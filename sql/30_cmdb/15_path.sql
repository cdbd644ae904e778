-- Module cmdb, second part: how an item's name, version and the like are read from its row.

CREATE FUNCTION release_mgmt_internal.row_expression(source regclass, expression text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_expression';
COMMENT ON FUNCTION release_mgmt_internal.row_expression(regclass, text) IS
'An expression over the columns of a table as SQL over row t, which holds as long as the lock on the table that is taken. RM012 where it is made of more than columns, built-in types and immutable built-in functions.';

CREATE FUNCTION release_mgmt_internal.row_expression_columns(source regclass, expression text) RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_expression_columns';
COMMENT ON FUNCTION release_mgmt_internal.row_expression_columns(regclass, text) IS 'The columns that an expression reads.';

CREATE FUNCTION release_mgmt_internal.row_condition(source regclass, condition text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_condition';
COMMENT ON FUNCTION release_mgmt_internal.row_condition(regclass, text) IS 'row_expression() of an expression that is true or false; RM012 also where it is neither.';

CREATE FUNCTION release_mgmt_internal.condition_problem(source regclass, condition text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.row_condition(source, condition);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.condition_problem(regclass, text) IS 'Why the condition can not be asked of the rows of a table; NULL where it can, and where there is none.';

CREATE FUNCTION release_mgmt_internal.refuse_condition(source regclass, condition text) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class CONSTANT text := (SELECT c.name FROM release_mgmt.ci_class AS c WHERE c.source = refuse_condition.source);
BEGIN
    PERFORM release_mgmt_internal.refuse('not_governable',
        CASE WHEN class IS NULL THEN format('which rows of link table %s are relations can not be told', source)
             ELSE format('which rows of %s are items of class "%s" can not be told', source, class) END,
        format('The condition names a column that the table does not have any more: %s.', condition),
        CASE WHEN class IS NULL THEN 'Bind the relation again (release_mgmt.bind_ci_relation), with a condition over the columns that the table has now.'
             ELSE 'Bind the class again (release_mgmt.bind_ci_class), with a condition over the columns that the table has now.' END);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_condition(regclass, text) IS 'RM012: the condition by which rows are items, or relations, names a column that is gone. Never returns.';

CREATE FUNCTION release_mgmt_internal.where_items(source regclass, condition text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN condition IS NULL THEN 'true'
                WHEN release_mgmt_internal.row_expression_is_whole(source, condition) THEN release_mgmt_internal.row_condition(source, condition)
                ELSE release_mgmt_internal.refuse_condition(source, condition) END;
END;
COMMENT ON FUNCTION release_mgmt_internal.where_items(regclass, text) IS 'Which rows t of a table are items, or relations, as SQL: all of them where there is no condition. RM012 where it can not be read.';

-- Stubs tell which rows were items when that could be told last.
CREATE FUNCTION release_mgmt_internal.where_known(source regclass, condition text) RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN release_mgmt_internal.condition_problem(source, condition) IS NULL THEN release_mgmt_internal.where_items(source, condition) ELSE 'true' END;
END;
COMMENT ON FUNCTION release_mgmt_internal.where_known(regclass, text) IS
'where_items() for what looks rows up by the keys of items, and must not fail where the condition can not be read any more: all rows then.';

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

CREATE FUNCTION release_mgmt_internal.reading_problems(source regclass, name text, version text, organization text, platform text, condition text) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('%s: %s', x.argument, p.problem)
    FROM (VALUES (1, 'name', name), (2, 'version', version), (3, 'organization', organization), (4, 'platform', platform), (5, 'condition', condition)) AS x (n, argument, given)
    CROSS JOIN LATERAL (SELECT CASE x.argument WHEN 'condition' THEN release_mgmt_internal.condition_problem(source, x.given)
                                               ELSE release_mgmt_internal.path_problem(source, x.given) END) AS p (problem)
    WHERE p.problem IS NOT NULL AND EXISTS (SELECT FROM pg_class AS k WHERE k.oid = source AND k.relkind IN ('r', 'p'))
    ORDER BY x.n;
END;
COMMENT ON FUNCTION release_mgmt_internal.reading_problems(regclass, text, text, text, text, text) IS
'Which of these arguments of bind_ci_class() can not be read from the table, each with why: a line without an end for each.';

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
