-- Module cmdb: which operating system an item runs, as its class's binding tells it (platform), and whether a package is for it.

CREATE FUNCTION release_mgmt_internal.tells_platform(class text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.name = tells_platform.class AND c.source IS NOT NULL AND c.platform_path IS NOT NULL);
END;
COMMENT ON FUNCTION release_mgmt_internal.tells_platform(text) IS 'Does the binding of a class say what tells the operating system of its items?';

CREATE FUNCTION release_mgmt_internal.target_platform(on_target uuid)
RETURNS TABLE (ci text, path text, said text, lasting boolean)
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE ROWS 1 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    item release_mgmt.ci;
    host release_mgmt.ci;
    c release_mgmt.ci_class;
    v record;
    expression text;
BEGIN
    SELECT i.* INTO item FROM release_mgmt.ci AS i WHERE i.id = on_target;
    host := item;
    -- What is installed on something runs what that does.
    IF NOT release_mgmt_internal.tells_platform(item.class) THEN
        FOR v IN
            SELECT s.source, s.from_columns, s.to_columns, s.to_class, s.condition
            FROM release_mgmt_internal.ci_relation_source AS s
            WHERE s.from_class = item.class AND s.kind = 'installed on' AND release_mgmt_internal.tells_platform(s.to_class) ORDER BY s.to_class, s.id
        LOOP
            EXECUTE format('SELECT o.* FROM %s AS t JOIN release_mgmt.ci AS o ON o.label = $2 || ''/'' || release_mgmt_internal.row_key(t.*, $3) WHERE %s AND %s ORDER BY o.label LIMIT 1',
                           v.source, release_mgmt_internal.key_condition(v.source, v.from_columns), release_mgmt_internal.where_items(v.source, v.condition))
            INTO host USING release_mgmt_internal.split_key(item.key), v.to_class, v.to_columns;
            EXIT WHEN host.id IS NOT NULL;
        END LOOP;
    END IF;
    SELECT k.* INTO c FROM release_mgmt.ci_class AS k WHERE k.name = host.class AND k.source IS NOT NULL AND k.platform_path IS NOT NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    BEGIN
        expression := release_mgmt_internal.path_expression(c.source, c.platform_path);
    EXCEPTION WHEN OTHERS THEN
        -- It can not be read any more, of which binding_status tells.
        RETURN;
    END;
    EXECUTE format('SELECT release_mgmt_internal.value_text(%s) FROM %s AS t WHERE %s', expression, c.source, release_mgmt_internal.key_condition(c.source, c.key_columns))
    INTO said USING release_mgmt_internal.split_key(host.key);
    ci := host.label;
    path := c.platform_path;
    lasting := expression NOT LIKE '(SELECT %';
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.target_platform(uuid) IS
'What the CMDB says a target runs: of which item (itself, or what it is installed on), under which path, and in which words, NULL where there are none; no row where the binding names no platform, or it can not be read any more. lasting: a change of it is noted in source_change, which of a path over foreign keys it is not.';

-- The row as the plan makes it: of the columns on which the platform depends, those that are planned with their new values. They
-- are read by types of the server's own alone: the checks of a domain, also within an array or a row, are the customer's code.
CREATE FUNCTION release_mgmt_internal.planned_platform(of_ci text, attributes text[], new_values text[]) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    c release_mgmt.ci_class;
    columns text;
    plain boolean;
    said text;
BEGIN
    SELECT k.* INTO STRICT c FROM release_mgmt.ci AS i JOIN release_mgmt.ci_class AS k ON k.name = i.class WHERE i.label = of_ci;
    SELECT string_agg(CASE WHEN p.place IS NULL THEN format('t.%I', a.attname)
                           ELSE format('CAST($2[%s] AS %s) AS %I', p.place, format_type(y.oid, -1), a.attname) END, ', '),
           coalesce(bool_and(p.place IS NULL OR y.typtype IN ('b', 'e') AND y.typcategory <> 'A'), false)
    INTO columns, plain
    FROM pg_attribute AS a
    CROSS JOIN LATERAL (
        WITH RECURSIVE type (oid) AS (
            SELECT a.atttypid
            UNION ALL
            SELECT d.typbasetype FROM type AS t JOIN pg_type AS d ON d.oid = t.oid AND d.typtype = 'd'
        )
        SELECT b.* FROM type AS t JOIN pg_type AS b ON b.oid = t.oid AND b.typtype <> 'd') AS y
    CROSS JOIN LATERAL (SELECT array_position(attributes, a.attname::text) AS place) AS p
    WHERE a.attrelid = c.source AND a.attname = ANY (release_mgmt_internal.path_columns(c.source, c.platform_path));
    IF NOT plain THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT release_mgmt_internal.value_text(%s) FROM (SELECT %s FROM %s AS t WHERE %s) AS t',
                   release_mgmt_internal.path_expression(c.source, c.platform_path), columns, c.source, release_mgmt_internal.key_condition(c.source, c.key_columns))
    INTO said USING release_mgmt_internal.split_key((SELECT i.key FROM release_mgmt.ci AS i WHERE i.label = of_ci)), new_values;
    RETURN said;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.planned_platform(text, text[], text[]) IS
'What the CMDB will say an item runs once these attributes have these values; NULL where that can not be told.';

-- PL/pgSQL, which keeps its plan, and one plan for all: planning takes longer than the rest.
CREATE FUNCTION release_mgmt_internal.unfit_packages(runs text, wanted text[])
RETURNS TABLE (place integer, needs text, target text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 3 SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH target AS MATERIALIZED (
        SELECT s.*, r.version, concat_ws(' ', s.name, r.version) AS words
        FROM release_mgmt.read_operating_system(runs) AS r JOIN release_mgmt.operating_system AS s ON s.id = r.os
    ), package AS MATERIALIZED (
        SELECT w.place::integer, p.part[1] AS type, coalesce(d.os, i.os, n.os) AS os, coalesce(d.version, i.version) AS version,
               coalesce(q.os, lower(nullif(p.part[4], ''))) AS for_os, q.version AS for_version, k.is_system_package
        FROM unnest(wanted) WITH ORDINALITY AS w (key, place)
        CROSS JOIN LATERAL string_to_array(w.key, E'\t') AS p (part)
        CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM release_mgmt.operating_system AS s WHERE s.package_type = p.part[1])) AS k (is_system_package)
        LEFT JOIN LATERAL release_mgmt.read_operating_system(nullif(p.part[3], '')) AS d ON true
        LEFT JOIN LATERAL release_mgmt.read_operating_system(CASE WHEN d.os IS NULL AND p.part[3] ~ '^\d' THEN concat_ws(' ', p.part[2], p.part[3]) END) AS i ON true
        LEFT JOIN LATERAL release_mgmt.read_operating_system(CASE WHEN k.is_system_package THEN nullif(p.part[2], '') END) AS n ON true
        LEFT JOIN LATERAL release_mgmt.read_operating_system(nullif(p.part[4], '')) AS q ON true
    ), need AS (
        SELECT p.place, s.id, s.kernel, s.name, x.version
        FROM package AS p
        CROSS JOIN LATERAL (VALUES (p.os, p.version), (p.for_os, p.for_version)) AS x (os, version)
        JOIN release_mgmt.operating_system AS s ON s.id = x.os
    ), unfit AS (
        SELECT n.place, 1 AS rank, concat_ws(' ', n.name, n.version) AS needs
        FROM need AS n CROSS JOIN target AS t
        WHERE CASE WHEN n.id = t.id THEN NOT release_mgmt_internal.same_release(n.version, t.version, t.version_parts)
                   WHEN t.id = t.kernel OR n.id = n.kernel THEN n.kernel <> t.kernel
                   ELSE true END
          AND NOT EXISTS (
              SELECT FROM release_mgmt.operating_system_runs AS r JOIN release_mgmt.operating_system AS o ON o.id = r.runs_os
              WHERE r.os = t.id AND r.runs_os = n.id AND release_mgmt_internal.same_release(r.version, t.version, t.version_parts)
                AND release_mgmt_internal.same_release(coalesce(r.runs_version, CASE WHEN r.version IS NULL THEN t.version END), n.version, o.version_parts))
        UNION ALL
        SELECT p.place, 2, format('systems of %s packages', p.type)
        FROM package AS p CROSS JOIN target AS t
        WHERE p.is_system_package
          AND NOT EXISTS (SELECT FROM release_mgmt.operating_system AS s
                          WHERE s.package_type = p.type AND s.kernel = t.kernel AND (t.package_type IS NULL OR t.package_type = p.type))
    )
    SELECT DISTINCT ON (p.place) p.place, u.needs, t.words
    FROM package AS p LEFT JOIN target AS t ON true LEFT JOIN unfit AS u ON u.place = p.place
    WHERE p.is_system_package OR EXISTS (SELECT FROM need AS n WHERE n.place = p.place)
    ORDER BY p.place, u.rank, u.needs;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.unfit_packages(text, text[]) IS
'Which packages are for another operating system than a target''s. runs: what the CMDB says the target runs. wanted: of each package the type, the namespace, and the qualifiers distro and os of its package URL, with tabs between. A row for each that is for some operating system: place in wanted; needs: what it is for, NULL where nothing speaks against it; target: what the target runs, NULL where that can not be read.';
