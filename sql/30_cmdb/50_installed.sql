-- Module cmdb, fifth part: what is installed where, for compatibility.

CREATE FUNCTION release_mgmt_internal.read_version(scheme text, version text) RETURNS release_mgmt.pkgver
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN release_mgmt.pkgver(scheme, version);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.read_version(text, text) IS 'pkgver(scheme, version), or NULL where the text is no version of that scheme.';

-- Classes whose items have a version, each with where they are installed: the relation of that kind, if there is one.
CREATE VIEW release_mgmt_internal.versioned_class WITH (security_invoker = true) AS
SELECT c.name, c.source, c.key_columns, c.version_scheme, r.columns AS on_columns, r.to_class AS on_class,
       release_mgmt_internal.path_expression(c.source, c.name_path) AS name_expression,
       release_mgmt_internal.path_expression(c.source, c.version_path) AS version_expression
FROM release_mgmt.ci_class AS c
LEFT JOIN release_mgmt.ci_relation_class AS r ON r.from_class = c.name AND r.kind = 'installed on'
WHERE c.source IS NOT NULL AND c.version_path IS NOT NULL;
COMMENT ON VIEW release_mgmt_internal.versioned_class IS 'Bound classes with versions, how to read name and version from row t, and where their items are installed.';

CREATE FUNCTION release_mgmt_internal.installed_components(on_target uuid DEFAULT NULL)
RETURNS TABLE (target uuid, ci uuid, name text, version release_mgmt.pkgver)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    item release_mgmt.ci;
    c record;
    host uuid;
    installed boolean := false;
    body CONSTANT text := $sql$
        SELECT o.id, i.id, release_mgmt_internal.value_text(%1$s), release_mgmt_internal.read_version($2, release_mgmt_internal.value_text(%2$s))
        FROM %3$s AS t
        JOIN release_mgmt.ci AS i ON i.label = $3 || '/' || release_mgmt_internal.row_key(t, $4)
        LEFT JOIN release_mgmt.ci AS o ON o.label = $5 || '/' || release_mgmt_internal.row_key(t, $6)
        WHERE %4$s $sql$;
BEGIN
    IF on_target IS NULL THEN
        FOR c IN SELECT * FROM release_mgmt_internal.versioned_class LOOP
            RETURN QUERY EXECUTE format(body, c.name_expression, c.version_expression, c.source, 'true')
            USING NULL::text[], c.version_scheme, c.name, c.key_columns, c.on_class, c.on_columns;
        END LOOP;
        RETURN;
    END IF;
    SELECT * INTO item FROM release_mgmt.ci AS i WHERE i.id = on_target;
    FOR c IN SELECT * FROM release_mgmt_internal.versioned_class AS v WHERE v.on_class = item.class LOOP
        RETURN QUERY EXECUTE format(body, c.name_expression, c.version_expression, c.source,
                                    release_mgmt_internal.key_condition(c.source, c.on_columns))
        USING release_mgmt_internal.split_key(item.key), c.version_scheme, c.name, c.key_columns, c.on_class, c.on_columns;
        installed := installed OR FOUND;
    END LOOP;
    IF installed THEN
        RETURN;
    END IF;
    -- The target is a versioned item itself: what it has to fit into is what is installed beside it.
    FOR c IN SELECT * FROM release_mgmt_internal.versioned_class AS v WHERE v.name = item.class LOOP
        IF c.on_class IS NULL THEN
            RETURN QUERY EXECUTE format(body, c.name_expression, c.version_expression, c.source, 'true')
            USING NULL::text[], c.version_scheme, c.name, c.key_columns, NULL::text, NULL::text[];
            RETURN;
        END IF;
        FOR host IN
            EXECUTE format('SELECT o.id FROM %s AS t JOIN release_mgmt.ci AS o ON o.label = $2 || ''/'' || release_mgmt_internal.row_key(t, $3) WHERE %s',
                           c.source, release_mgmt_internal.key_condition(c.source, c.key_columns))
            USING release_mgmt_internal.split_key(item.key), c.on_class, c.on_columns
        LOOP
            RETURN QUERY SELECT b.target, b.ci, b.name, b.version FROM release_mgmt_internal.installed_components(host) AS b;
            installed := true;
        END LOOP;
    END LOOP;
    IF installed THEN
        RETURN;
    END IF;
    FOR c IN SELECT DISTINCT ON (v.name) * FROM release_mgmt_internal.versioned_class AS v WHERE v.name = item.class LOOP
        RETURN QUERY EXECUTE format(body, c.name_expression, c.version_expression, c.source,
                                    release_mgmt_internal.key_condition(c.source, c.key_columns))
        USING release_mgmt_internal.split_key(item.key), c.version_scheme, c.name, c.key_columns, c.name, c.key_columns;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.installed_components(uuid) IS
'The versioned items that are installed on a target (relation kind "installed on"), or all of them where none is given. Of a target that is a versioned item itself: what is installed beside it, on the same host, or in the whole class where the class knows no hosts. version is NULL where it can not be read: binding_status tells.';
