-- Module party, last part: what the modules said of their tables becomes one view and the policies.

DO $$
BEGIN
    EXECUTE 'CREATE VIEW release_mgmt_internal.party WITH (security_invoker = true) AS '
        || (SELECT string_agg(format('SELECT t.%I AS release_id, t.%I AS organization_id, %L::text AS part FROM %s AS t',
                                     s.release_column, s.organization_column, s.part, s.relation), ' UNION ALL ' ORDER BY s.relation, s.organization_column)
            FROM release_mgmt_internal.party_source AS s);
END $$;
COMMENT ON VIEW release_mgmt_internal.party IS 'Which organizations each release concerns, and how: serves, receives, supports.';

-- The names by which a text may tell of organizations: their own, and those of rows that belong to them.
DO $$
BEGIN
    EXECUTE $sql$
        CREATE FUNCTION release_mgmt_internal.names_in(said text, release uuid) RETURNS TABLE (name text, organizations uuid[])
        LANGUAGE sql STABLE STRICT PARALLEL SAFE
        BEGIN ATOMIC
            SELECT t.code, ARRAY[t.id]
            FROM release_mgmt.organization AS t
            -- Who serves a release, and the authority, are no secret to those whom it concerns.
            WHERE pg_catalog.strpos(names_in.said, t.code) > 0 AND t.kind <> 'authority'
              AND NOT EXISTS (SELECT FROM release_mgmt_internal.party AS p WHERE p.release_id = names_in.release AND p.organization_id = t.id AND p.part = 'serves')
        $sql$
        || (SELECT string_agg(format('UNION ALL SELECT t.code, ARRAY[%s] FROM %s AS t WHERE pg_catalog.strpos(names_in.said, t.code) > 0 AND %s ',
                                     (SELECT string_agg(format('t.%I', o), ', ') FROM unnest(b.organization_columns) AS o), b.relation,
                                     CASE WHEN b.release_column IS NOT NULL THEN format('t.%I = names_in.release', b.release_column)
                                          ELSE format('t.%I IN (SELECT p.organization_id FROM release_mgmt_internal.party AS p WHERE p.release_id = names_in.release AND p.part <> ''serves'')',
                                                      b.organization_columns[1]) END), '' ORDER BY b.relation)
            FROM release_mgmt_internal.belonging AS b
            WHERE b.organization_columns <> '{}' AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = b.relation::regclass AND a.attname = 'code'))
        || '; END';
END $$;
COMMENT ON FUNCTION release_mgmt_internal.names_in(text, uuid) IS
'The codes that occur in what is said of a release: of organizations, but for the one that serves it and authorities, and of rows that name such ones (those of the release; incidents, freezes and what else belongs to a party to it alone); each with the organizations that may see it.';

CREATE FUNCTION release_mgmt_internal.row_condition(relation text, duties text[]) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    b release_mgmt_internal.belonging;
    name text := quote_ident(split_part(relation, '.', 2));
    parent record;
    conditions text[] := '{}';
BEGIN
    SELECT x.* INTO STRICT b FROM release_mgmt_internal.belonging AS x WHERE x.relation = row_condition.relation;
    IF b.release_column IS NOT NULL AND duties IS NOT NULL THEN
        conditions := conditions || format('release_mgmt_internal.may_write_row(%s.%I, %L)', name, b.release_column, duties);
    ELSIF b.release_column IS NOT NULL AND b.organization_columns = '{}' THEN
        conditions := conditions || format('release_mgmt_internal.may_see(%s.%I, ''release'')', name, b.release_column);
    END IF;
    IF b.organization_columns <> '{}' AND b.release_column IS NULL AND duties IS NOT NULL THEN
        conditions := conditions || format('release_mgmt_internal.may_write_of(%s.%I, %L)', name, b.organization_columns[1], duties);
    ELSIF b.organization_columns <> '{}' AND b.release_column IS NULL THEN
        conditions := conditions || format('(%1$s.%2$I IS NULL OR release_mgmt_internal.may_see(%1$s.%2$I, ''organization''))', name, b.organization_columns[1]);
    ELSIF b.organization_columns <> '{}' AND duties IS NOT NULL THEN
        conditions := conditions || format('release_mgmt_internal.may_write_for(%1$s.%2$I, %1$s.%3$I, %4$L)', name, b.organization_columns[1], b.release_column, duties);
    ELSIF b.organization_columns <> '{}' THEN
        conditions := conditions || ('(' || (SELECT string_agg(format('release_mgmt_internal.may_see(%s.%I, ''own'')', name, o), ' OR ') FROM unnest(b.organization_columns) AS o)
                                     || format(' OR release_mgmt_internal.may_see(%s.%I, ''served''))', name, b.release_column));
    END IF;
    IF b.through_column IS NOT NULL THEN
        SELECT (SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) FROM pg_class AS c WHERE c.oid = k.confrelid) AS relation, f.attname AS key INTO STRICT parent
        FROM pg_constraint AS k
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
        JOIN pg_attribute AS f ON f.attrelid = k.confrelid AND k.confkey = ARRAY[f.attnum]
        WHERE k.contype = 'f' AND k.conrelid = row_condition.relation::regclass AND a.attname = b.through_column;
        -- The parent's own policy says which of its rows are seen.
        conditions := conditions || format('EXISTS (SELECT FROM %1$s WHERE %1$s.%2$I = %3$s.%4$I%5$s)', parent.relation, parent.key, name, b.through_column,
            CASE WHEN duties IS NOT NULL THEN replace(' AND ' || release_mgmt_internal.row_condition(parent.relation, duties),
                                                     ' ' || split_part(parent.relation, '.', 2) || '.', ' ' || parent.relation || '.') ELSE '' END);
    END IF;
    RETURN array_to_string(conditions, ' AND ');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.row_condition(text, text[]) IS
'The condition under which a row of the table is seen by the acting person, or, where duties are given, written with one of them.';

DO $$
DECLARE
    b release_mgmt_internal.belonging;
    command text;
    duties text[];
    condition text;
BEGIN
    FOR b IN SELECT x.* FROM release_mgmt_internal.belonging AS x WHERE x.shared_because IS NULL ORDER BY x.relation LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', b.relation);
        EXECUTE format('CREATE POLICY rm_see ON %s FOR SELECT USING (%s)', b.relation,
                       coalesce(b.sees, release_mgmt_internal.row_condition(b.relation, NULL)));
        -- Who may write is who has the grant; the duty must be one in an organization that the row concerns.
        FOR command IN VALUES ('INSERT'), ('UPDATE'), ('DELETE') LOOP
            SELECT array_agg(DISTINCT d.duty ORDER BY d.duty) INTO duties
            FROM release_mgmt_internal.duty_privilege AS d
            WHERE d.object = b.relation AND d.privilege ~ ('\m' || command || '\M');
            CONTINUE WHEN duties IS NULL;
            condition := CASE WHEN b.writes IS NOT NULL AND command = 'INSERT'
                              THEN format('release_mgmt_internal.may_write_for(%I, NULL, %L)', b.writes, duties)
                              ELSE coalesce(nullif(release_mgmt_internal.row_condition(b.relation, duties), ''), 'true') END;
            EXECUTE format('CREATE POLICY %I ON %s FOR %s %s (%s)', 'rm_' || lower(command), b.relation, command,
                           CASE command WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END, condition);
        END LOOP;
    END LOOP;
END $$;
