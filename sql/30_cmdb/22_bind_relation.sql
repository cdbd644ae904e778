-- Module cmdb: binding and unbinding of relations.

CREATE FUNCTION release_mgmt_internal.missing_columns(source regclass, columns text[]) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('%s has no column "%s".', source, c.name) FROM unnest(columns) WITH ORDINALITY AS c (name, n)
    WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped)
    ORDER BY c.n;
END;
COMMENT ON FUNCTION release_mgmt_internal.missing_columns(regclass, text[]) IS 'A sentence for each of the columns that the table does not have.';

-- Why columns can not hold the key of a class, as sentences.
CREATE FUNCTION release_mgmt_internal.reference_problems(source regclass, columns text[], to_class text) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    t release_mgmt.ci_class;
BEGIN
    SELECT * INTO t FROM release_mgmt.ci_class AS x WHERE x.name = to_class AND x.source IS NOT NULL;
    IF NOT FOUND THEN
        RETURN NEXT format('Class "%s" is not bound.', to_class);
    ELSIF array_ndims(columns) > 1 OR array_position(columns, NULL) IS NOT NULL THEN
        RETURN NEXT 'Columns are a list: {site,number}.';
        RETURN;
    ELSIF cardinality(t.key_columns) <> coalesce(cardinality(columns), 0) THEN
        RETURN NEXT format('The key of class "%s" has %s columns, %s are given.', to_class, cardinality(t.key_columns), coalesce(cardinality(columns), 0));
    END IF;
    RETURN QUERY SELECT p FROM release_mgmt_internal.missing_columns(source, columns) AS p;
    -- Keys are read as the columns' types read them; a text is anything.
    RETURN QUERY
        SELECT format('Column "%s" (%s) of %s does not hold "%s" (%s) of class "%s".', a.attname, format_type(a.atttypid, a.atttypmod), source, k.attname, format_type(k.atttypid, k.atttypmod), to_class)
        FROM unnest(columns, t.key_columns) WITH ORDINALITY AS c (name, key, n)
        JOIN pg_attribute AS a ON a.attrelid = source AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_attribute AS k ON k.attrelid = t.source AND k.attname = c.key AND k.attnum > 0 AND NOT k.attisdropped
        JOIN pg_type AS o ON o.oid = a.atttypid
        JOIN pg_type AS y ON y.oid = k.atttypid
        WHERE o.typcategory <> y.typcategory AND o.typcategory <> 'S'
        ORDER BY c.n;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.reference_problems(regclass, text[], text) IS 'Why the columns do not hold keys of the class: a sentence for each reason.';

CREATE PROCEDURE release_mgmt.bind_ci_relation(kind text, from_class text, columns text[], to_class text, via regclass DEFAULT NULL, to_columns text[] DEFAULT NULL,
    condition text DEFAULT NULL)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    source regclass;
    problems text[] := '{}';
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT x.source INTO source FROM release_mgmt.ci_class AS x WHERE x.name = from_class AND x.source IS NOT NULL;
    IF coalesce(kind, '') = '' THEN
        problems := problems || 'The kind is not empty.'::text;
    END IF;
    IF via IS NULL THEN
        IF source IS NULL THEN
            problems := problems || format('Class "%s" is not bound.', from_class);
        END IF;
        IF to_columns IS NOT NULL THEN
            problems := problems || 'to_columns are those of a link table, and via names none.'::text;
        END IF;
        IF condition IS NOT NULL THEN
            problems := problems || 'A condition is about the rows of a link table, and via names none: those of a class are its items.'::text;
        END IF;
        problems := problems || ARRAY(SELECT p FROM release_mgmt_internal.reference_problems(source, columns, to_class) AS p);
    ELSE
        problems := problems || ARRAY(SELECT p FROM release_mgmt_internal.reference_problems(via, columns, from_class) AS p)
                             || ARRAY(SELECT p FROM release_mgmt_internal.reference_problems(via, to_columns, to_class) AS p)
                             || ARRAY(SELECT 'condition: ' || p || '.' FROM release_mgmt_internal.condition_problem(via, condition) AS p WHERE p IS NOT NULL);
    END IF;
    IF cardinality(problems) > 0 THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('relation "%s" can not be bound', kind), array_to_string(problems, E'\n'),
            'Give the columns of from_class''s table that hold the key of to_class, in the order of that key; or a link table (via), its columns that hold the key of from_class, and those that hold the key of to_class (to_columns).');
    END IF;
    IF via IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.governed_table AS g WHERE g.source = via) THEN
        PERFORM release_mgmt.govern(via, 'observe');
    END IF;
    IF kind = 'installed on' THEN
        -- Whoever writes the table does not know yet that these columns matter to baselines.
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', source);
    END IF;
    INSERT INTO release_mgmt.ci_relation_class AS o (kind, from_class, columns, to_class, via, to_columns, condition)
    VALUES (kind, from_class, columns, to_class, via, to_columns, condition)
    ON CONFLICT ON CONSTRAINT ci_relation_class_key DO UPDATE SET condition = excluded.condition WHERE o.condition IS DISTINCT FROM excluded.condition;
    -- Where nothing else has changed, what inherits from the link table may have.
    IF via IS NOT NULL THEN
        PERFORM release_mgmt_internal.follow_link(via);
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.bind_ci_relation(text, text, text[], text, regclass, text[], text) IS
'Makes columns of from_class''s table, which hold keys of to_class, relations of a kind ("installed on", "runs on", "part of" ...). With via, each row of that link table is a relation: columns hold the key of from_class there, to_columns that of to_class; the table is governed from then on (mode observe unless it is governed already); condition says which of its rows are relations, as that of bind_ci_class() does. Called again it changes the condition. The kind "installed on" tells compatibility where a versioned item is installed. For the extension''s owner. Errors: RM001, RM012 a class is not bound, the columns do not fit its key, or the link table can not be governed.';

CREATE PROCEDURE release_mgmt.unbind_ci_relation(kind text, from_class text, to_class text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    PERFORM release_mgmt_internal.require_active();
    DELETE FROM release_mgmt.ci_relation_class AS r WHERE r.kind = kind AND r.from_class = from_class AND r.to_class = to_class;
    IF NOT FOUND THEN
        RAISE NOTICE USING MESSAGE = format('no relations "%s" lead from class "%s" to "%s"', kind, from_class, to_class),
            HINT = 'Those that there are: SELECT kind, from_class, to_class FROM release_mgmt.ci_relation_class.';
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.unbind_ci_relation(text, text, text) IS
'Ends what bind_ci_relation() began: relations of that kind between the two classes are not read any more. A link table stays governed: see ungovern(). Where there are none it says so, and does nothing. For the extension''s owner. Errors: RM001.';
