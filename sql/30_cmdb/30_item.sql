-- Module cmdb, third part: the items, read where they are.

CREATE FUNCTION release_mgmt_internal.row_exists(class text, key text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    present boolean;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s AS t WHERE %s AND %s)', c.source, release_mgmt_internal.key_condition(c.source, c.key_columns),
                   release_mgmt_internal.where_known(c.source, c.condition))
    INTO present USING release_mgmt_internal.split_key(key);
    RETURN present;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.row_exists(text, text) IS 'Does the class''s table hold an item with that key?';

-- A table that inherits may have columns that the one it inherits from has not. They are attributes of the items whose rows it holds, as long
-- as all that have one of a name have it of one type: a value is then read and written the same for each.
CREATE FUNCTION release_mgmt_internal.bound_column(source regclass, name text) RETURNS pg_attribute
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH held AS (
        SELECT a, r.relation = source AS is_own, format_type(a.atttypid, a.atttypmod) AS type, r.n
        FROM release_mgmt_internal.bound_relations(source) WITH ORDINALITY AS r (relation, n)
        JOIN pg_attribute AS a ON a.attrelid = r.relation AND a.attname = bound_column.name AND a.attnum > 0 AND NOT a.attisdropped
    )
    SELECT h.a FROM held AS h
    WHERE h.is_own OR (SELECT count(DISTINCT o.type) = 1 AND NOT bool_or(o.is_own) FROM held AS o)
    ORDER BY h.n LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.bound_column(regclass, text) IS
'The column of that name of a bound table, or of what inherits from it; NULL where there is none, or there are some of several types.';

CREATE FUNCTION release_mgmt_internal.has_column(source regclass, name text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped);
END;
COMMENT ON FUNCTION release_mgmt_internal.has_column(regclass, text) IS 'Has the table itself a column of that name?';

CREATE FUNCTION release_mgmt_internal.rows_with_column(source regclass, key_columns text[], name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT '(' || string_agg(format('SELECT %s, release_mgmt_internal.value_text(%I) AS present_value FROM %s',
                                    (SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k), rows_with_column.name, h.rows), ' UNION ALL ') || ')'
    FROM (SELECT source::text AS rows WHERE release_mgmt_internal.has_column(source, rows_with_column.name)
          UNION ALL
          SELECT 'ONLY ' || r::text FROM release_mgmt_internal.bound_relations(source) AS r
          WHERE NOT release_mgmt_internal.has_column(source, rows_with_column.name) AND release_mgmt_internal.has_column(r, rows_with_column.name)) AS h;
END;
COMMENT ON FUNCTION release_mgmt_internal.rows_with_column(regclass, text[], text) IS
'The rows that have a column, their keys and what they hold in it (present_value), as SQL for a FROM list: of the table itself, or of those that inherit from it where they alone have it; NULL where none has.';

CREATE FUNCTION release_mgmt_internal.child_of_item(class text, key text) RETURNS regclass
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    c release_mgmt.ci_class;
    child regclass;
BEGIN
    SELECT * INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = class;
    EXECUTE format('SELECT k.oid FROM %s AS t JOIN pg_class AS k ON k.oid = t.tableoid AND k.oid <> $2 AND NOT k.relispartition WHERE %s AND %s LIMIT 1', c.source,
                   release_mgmt_internal.key_condition(c.source, c.key_columns), release_mgmt_internal.where_items(c.source, c.condition))
    INTO child USING release_mgmt_internal.split_key(key), c.source::oid;
    RETURN child;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.child_of_item(text, text) IS 'The table that holds the item''s row, where that is one that inherits from the class''s; NULL where it is not, and for no item.';

CREATE FUNCTION release_mgmt_internal.child_name(child regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('%I.%I', n.nspname, k.relname) FROM pg_class AS k JOIN pg_namespace AS n ON n.oid = k.relnamespace WHERE k.oid = child;
END;
COMMENT ON FUNCTION release_mgmt_internal.child_name(regclass) IS 'What a planned change calls a table that inherits from the one a class is bound to, and the guard: schema and name, quoted where need be.';

CREATE FUNCTION release_mgmt_internal.child_named(source regclass, name text) RETURNS regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r FROM release_mgmt_internal.bound_relations(source) AS r JOIN pg_class AS k ON k.oid = r
    WHERE r <> source AND NOT k.relispartition AND r = to_regclass(child_named.name);
END;
COMMENT ON FUNCTION release_mgmt_internal.child_named(regclass, text) IS 'The table of that name that inherits from the source, and is no partition; NULL where there is none.';

-- Called by the trigger on the bound table, after the row is in place. A changed key keeps its stub, and so its history, as
-- long as nothing else bore the new key before.
CREATE FUNCTION release_mgmt_internal.keep_stub(class text, old_key text, new_key text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    stub uuid;
BEGIN
    IF old_key = new_key THEN
        SELECT i.id INTO stub FROM release_mgmt.ci AS i WHERE i.label = class || '/' || old_key;
        IF FOUND THEN
            RETURN stub;
        END IF;
    ELSIF old_key IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.label = class || '/' || new_key) AND new_key IS NOT NULL THEN
            UPDATE release_mgmt.ci AS i SET key = new_key, retired_at = NULL WHERE i.label = class || '/' || old_key RETURNING i.id INTO stub;
            IF FOUND THEN
                RETURN stub;
            END IF;
        ELSIF NOT release_mgmt_internal.row_exists(class, old_key) THEN
            UPDATE release_mgmt.ci AS i SET retired_at = now() WHERE i.label = class || '/' || old_key RETURNING i.id INTO stub;
        END IF;
    END IF;
    IF new_key IS NULL THEN
        IF stub IS NULL THEN
            SELECT i.id INTO stub FROM release_mgmt.ci AS i WHERE i.label = class || '/' || old_key;
        END IF;
        RETURN stub;
    END IF;
    INSERT INTO release_mgmt.ci AS i (class, key) VALUES (keep_stub.class, new_key)
    ON CONFLICT ON CONSTRAINT ci_label_key DO UPDATE SET retired_at = NULL
    RETURNING i.id INTO stub;
    RETURN stub;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_stub(text, text, text) IS
'Adds, renames, retires or revives the stub of a row that was inserted (old_key NULL), changed or deleted (new_key NULL). Returns the stub''s id.';

-- A trigger function needs no EXECUTE to fire.
CREATE FUNCTION release_mgmt_internal.keep_ci() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_keep_ci';
COMMENT ON FUNCTION release_mgmt_internal.keep_ci() IS 'Row trigger rm_80_ci(class) on bound tables: keeps the stubs, and has judge_ci() judge what the statement did.';

CREATE FUNCTION release_mgmt_internal.items_asked_about() RETURNS uuid[]
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_items_asked_about';
COMMENT ON FUNCTION release_mgmt_internal.items_asked_about() IS
'For a check at the point ci_change, which is told the names that items had before the statement: the id of each of them, in its place, where the statement changes its key, creates or retires it; NULL where its name is what it was. Empty outside of a check.';

CREATE TABLE release_mgmt_internal.ci_judgement ();
COMMENT ON TABLE release_mgmt_internal.ci_judgement IS
'Always empty: the guard inserts nothing into it, so that its trigger fires when the row triggers of a statement on a bound table have.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.ci_judgement', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.judge_ci() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_judge_ci';
COMMENT ON FUNCTION release_mgmt_internal.judge_ci() IS
'Statement trigger rm_95_judge: asks for permits of what a statement did to items, records them, refuses in mode enforce (RM010).';
CREATE TRIGGER rm_95_judge AFTER INSERT ON release_mgmt_internal.ci_judgement
    FOR EACH STATEMENT EXECUTE FUNCTION release_mgmt_internal.judge_ci();
ALTER TABLE release_mgmt_internal.ci_judgement ENABLE ALWAYS TRIGGER rm_95_judge;

CREATE FUNCTION release_mgmt_internal.forget_binding() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_forget_binding';
COMMENT ON FUNCTION release_mgmt_internal.forget_binding() IS 'Row trigger on tables with a column source or from_class: makes every session read that binding again.';
CREATE TRIGGER rm_90_forget_binding AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.ci_class
    FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.forget_binding();
ALTER TABLE release_mgmt.ci_class ENABLE ALWAYS TRIGGER rm_90_forget_binding;
CREATE TRIGGER rm_90_forget_binding AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.governed_table
    FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.forget_binding();
ALTER TABLE release_mgmt.governed_table ENABLE ALWAYS TRIGGER rm_90_forget_binding;
CREATE TRIGGER rm_90_forget_binding AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.ci_relation_class
    FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.forget_binding();
ALTER TABLE release_mgmt.ci_relation_class ENABLE ALWAYS TRIGGER rm_90_forget_binding;

-- Functions that name items are not SECURITY DEFINER: whoever calls them names the items that row-level security lets him see,
-- and within a rule or a verb, which runs as the owner, they name all. What they read the bound tables with is.
CREATE FUNCTION release_mgmt_internal.refuse_item(label text) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.refuse('unknown_code', format('configuration item "%s" does not exist', label),
        coalesce('Classes are: ' || (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM release_mgmt.ci_class AS c) || '.', 'No class is bound.'),
        'An item is named class/key: SELECT label FROM release_mgmt.ci.');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.refuse_item(text) IS 'RM002: there is no such item, or none that whoever asks sees. Never returns.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.refuse_item(text)');

CREATE FUNCTION release_mgmt.ci_id(label text) RETURNS uuid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce((SELECT i.id FROM release_mgmt.ci AS i WHERE i.label = ci_id.label), release_mgmt_internal.refuse_item(ci_id.label));
END;
COMMENT ON FUNCTION release_mgmt.ci_id(text) IS 'The id of the configuration item named class/key; RM002 if there is none that the acting person sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.ci_id(text)');

-- SECURITY DEFINER: a verb, which runs as the owner, asks for whom it acts.
CREATE FUNCTION release_mgmt_internal.seen_item(label text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item release_mgmt.ci;
BEGIN
    SELECT i.* INTO item FROM release_mgmt.ci AS i WHERE i.label = seen_item.label;
    IF item.id IS NULL OR NOT (item.organization_id IS NULL OR release_mgmt_internal.sees(item.organization_id, 'organization')) THEN
        PERFORM release_mgmt_internal.refuse_item(seen_item.label);
    END IF;
    RETURN item.id;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.seen_item(text) IS 'What ci_id() returns to the acting person, within verbs and rules too: the id of the item; RM002 if there is none that the person sees.';

CREATE FUNCTION release_mgmt_internal.item_attributes(item uuid) RETURNS TABLE (attribute text, value text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 20 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    found record;
BEGIN
    SELECT c.name AS class, c.source, c.key_columns, c.condition, i.key INTO STRICT found
    FROM release_mgmt.ci AS i JOIN release_mgmt.ci_class AS c ON c.name = i.class
    WHERE i.id = item;
    IF found.source IS NOT NULL THEN
        -- A row of what inherits has all columns of that.
        RETURN QUERY EXECUTE format('SELECT v.attribute, v.value FROM %s AS t, release_mgmt_internal.row_values(t.*) AS v WHERE %s AND %s',
            coalesce('ONLY ' || CASE WHEN EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = found.source) THEN release_mgmt_internal.child_of_item(found.class, found.key) END::text, found.source::text), release_mgmt_internal.key_condition(found.source, found.key_columns), release_mgmt_internal.where_items(found.source, found.condition))
        USING release_mgmt_internal.split_key(found.key);
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.item_attributes(uuid) IS 'The attributes of an item, for whoever may ask for it. SECURITY DEFINER: a duty lets its holder read items, not the customer''s tables.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.item_attributes(uuid)');

CREATE FUNCTION release_mgmt_internal.attribute_values(class text, with_columns boolean) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c release_mgmt.ci_class;
BEGIN
    SELECT x.* INTO STRICT c FROM release_mgmt.ci_class AS x WHERE x.name = attribute_values.class;
    RETURN (
        SELECT 'VALUES ' || string_agg(format('(%L, release_mgmt_internal.value_text(%s))', a.key, release_mgmt_internal.path_expression(c.source, a.value)), ', ' ORDER BY a.key)
        FROM jsonb_each_text(c.attributes) AS a
        -- What can not be read is a finding of binding_status; a column that was added later goes before.
        WHERE release_mgmt_internal.path_problem(c.source, a.value) IS NULL
          AND (with_columns AND a.value = a.key
               OR NOT EXISTS (SELECT FROM pg_attribute AS k WHERE k.attrelid = c.source AND k.attname = a.key AND k.attnum > 0 AND NOT k.attisdropped)));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.attribute_values(text, boolean) IS
'The further attributes of a class as SQL over row t: VALUES with a name and a value for each, those that are columns of the same name among them where asked; NULL where there are none that can be read.';

CREATE FUNCTION release_mgmt_internal.further_attributes(item uuid) RETURNS TABLE (attribute text, value text)
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE ROWS 5 SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    found record;
    attribute_values text;
BEGIN
    SELECT c.name, c.source, c.key_columns, c.condition, i.key INTO STRICT found
    FROM release_mgmt.ci AS i JOIN release_mgmt.ci_class AS c ON c.name = i.class
    WHERE i.id = item;
    IF found.source IS NOT NULL THEN
        attribute_values := release_mgmt_internal.attribute_values(found.name, false);
    END IF;
    IF attribute_values IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT v.attribute, v.value FROM %s AS t CROSS JOIN LATERAL (%s) AS v (attribute, value) WHERE %s AND %s',
            found.source, attribute_values, release_mgmt_internal.key_condition(found.source, found.key_columns), release_mgmt_internal.where_items(found.source, found.condition))
        USING release_mgmt_internal.split_key(found.key);
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.further_attributes(uuid) IS
'The attributes of an item that its class names beside the columns, for whoever may ask for it. SECURITY DEFINER: a duty lets its holder read items, not the customer''s tables.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt_internal.further_attributes(uuid)');

CREATE FUNCTION release_mgmt.ci_attributes(ci text) RETURNS TABLE (attribute text, value text)
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE ROWS 20
BEGIN ATOMIC
    SELECT a.attribute, a.value FROM release_mgmt_internal.item_attributes(release_mgmt.ci_id(ci)) AS a
    UNION ALL
    SELECT a.attribute, a.value FROM release_mgmt_internal.further_attributes(release_mgmt.ci_id(ci)) AS a;
END;
COMMENT ON FUNCTION release_mgmt.ci_attributes(text) IS
'The attributes of the item named class/key as its bound table holds them now, in the order of the columns, then those that the class names beside them (status, platform ...); no row for a retired item. Values are output text under the settings that pg_dump uses, in UTC. Errors: RM002 no such item that the acting person sees, RM012 a key column is gone, or the condition that tells which rows are items can not be read any more.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.ci_attributes(text)');

CREATE FUNCTION release_mgmt.ci_attribute(ci text, attribute text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.value FROM release_mgmt.ci_attributes(ci) AS a WHERE a.attribute = ci_attribute.attribute;
END;
COMMENT ON FUNCTION release_mgmt.ci_attribute(text, text) IS
'One attribute of the item named class/key as its bound table holds it now; NULL where it is NULL or there is none of that name. Errors: as for ci_attributes().';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator,librarian,test manager,auditor,reader}', 'EXECUTE', 'FUNCTION release_mgmt.ci_attribute(text, text)');

-- The rows are looked up by their keys: the planner knows nothing of the array, and would rather hash the whole table.
CREATE FUNCTION release_mgmt_internal.present_column(of_class release_mgmt.ci_class, attribute text, labels text[]) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = on SET enable_hashjoin = off SET enable_mergejoin = on SET enable_sort = on SET random_page_cost = 1.1 AS $$
#variable_conflict use_variable
DECLARE
    rows CONSTANT text := release_mgmt_internal.rows_with_column(of_class.source, of_class.key_columns, attribute);
    present text[];
BEGIN
    IF rows IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format($sql$
        SELECT array_agg(t.present_value ORDER BY k.n)
        FROM (SELECT u.n, release_mgmt_internal.split_key(substr(u.label, $2)) AS parts FROM unnest($1) WITH ORDINALITY AS u (label, n) OFFSET 0) AS k
        LEFT JOIN %s AS t ON %s $sql$,
        rows, release_mgmt_internal.key_condition(of_class.source, of_class.key_columns, 'k.parts'))
    INTO present USING labels, length(of_class.name) + 2;
    RETURN present;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.present_column(release_mgmt.ci_class, text, text[]) IS
'What the rows of items of one class, named class/key, hold in a column now, in their order: NULL where there is no row, and of all of them where the table, if the class is bound to one, has no such column.';

CREATE FUNCTION release_mgmt_internal.apply_row_changes(source regclass, key_columns text[], labels text[], key_parts text[], operation text, columns text[], new_values text[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_apply_row_changes';
COMMENT ON FUNCTION release_mgmt_internal.apply_row_changes(regclass, text[], text[], text[], text, text[], text[]) IS
'Runs the one INSERT, UPDATE or DELETE that does the same to many items, as the table''s owner with the table''s schema as search_path. key_parts and new_values: those of the first item, then those of the second, and so on.';

CREATE FUNCTION release_mgmt_internal.change_batches(ci text[], operation text[], attribute text[], new_value text[])
RETURNS TABLE (operation text, class text, columns text[], labels text[], new_values text[], key_parts text[], parts integer)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'rm_change_batches';
COMMENT ON FUNCTION release_mgmt_internal.change_batches(text[], text[], text[], text[]) IS
'Changes of items, one for each place of the arrays, put together by what one statement can do: a row for each operation, class and set of columns, in the order of their bytes. new_values and key_parts: those of the first item, then those of the second, and so on; parts: how many parts each key has, NULL where that differs.';

CREATE FUNCTION release_mgmt_internal.create_in_children(of_class release_mgmt.ci_class, labels text[], columns text[], new_values text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
    child regclass;
BEGIN
    FOR part IN
        SELECT i.child, array_agg(i.label ORDER BY i.n) AS labels, array_agg(i.n ORDER BY i.n) AS places
        FROM (SELECT l.label, l.n, create_in_children.new_values[(l.n - 1) * cardinality(columns) + array_position(columns, 'tableoid')] AS child
              FROM unnest(create_in_children.labels) WITH ORDINALITY AS l (label, n)) AS i
        GROUP BY i.child ORDER BY min(i.n)
    LOOP
        child := release_mgmt_internal.child_named(of_class.source, part.child);
        IF child IS NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('configuration item "%s" can not be created in table %s', part.labels[1], part.child),
                format('No table of that name inherits from %s.', of_class.source), 'Plan the creation again.');
        END IF;
        PERFORM release_mgmt_internal.apply_row_changes(child, of_class.key_columns, part.labels,
            ARRAY(SELECT k.part FROM unnest(part.labels) WITH ORDINALITY AS l (label, n)
                  CROSS JOIN LATERAL unnest(release_mgmt_internal.split_key(substr(l.label, length(of_class.name) + 2))) WITH ORDINALITY AS k (part, m) ORDER BY l.n, k.m),
            'create', array_remove(columns, 'tableoid'),
            ARRAY(SELECT create_in_children.new_values[(p.n - 1) * cardinality(columns) + c.m]
                  FROM unnest(part.places) AS p (n) CROSS JOIN unnest(columns) WITH ORDINALITY AS c (name, m) WHERE c.name <> 'tableoid' ORDER BY p.n, c.m));
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.create_in_children(release_mgmt.ci_class, text[], text[], text[]) IS
'Creates items of a class, each in the table that inherits from the class''s which its value of tableoid names, as apply_row_changes() does.';

CREATE FUNCTION release_mgmt_internal.apply_to_children(of_class release_mgmt.ci_class, labels text[], columns text[], new_values text[]) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT u.child, array_agg(u.label ORDER BY u.n) AS labels
        FROM (SELECT l.label, l.n, coalesce(release_mgmt_internal.child_of_item(of_class.name, substr(l.label, length(of_class.name) + 2)), of_class.source) AS child
              FROM unnest(apply_to_children.labels) WITH ORDINALITY AS l (label, n)) AS u
        GROUP BY u.child ORDER BY min(u.n)
    LOOP
        PERFORM release_mgmt_internal.apply_row_changes(part.child, of_class.key_columns, part.labels,
            ARRAY(SELECT k.part FROM unnest(part.labels) WITH ORDINALITY AS l (label, n)
                  CROSS JOIN LATERAL unnest(release_mgmt_internal.split_key(substr(l.label, length(of_class.name) + 2))) WITH ORDINALITY AS k (part, m) ORDER BY l.n, k.m),
            'change', apply_to_children.columns,
            ARRAY(SELECT apply_to_children.new_values[(array_position(apply_to_children.labels, l.label) - 1) * cardinality(apply_to_children.columns) + m]
                  FROM unnest(part.labels) WITH ORDINALITY AS l (label, n) CROSS JOIN generate_series(1, cardinality(apply_to_children.columns)) AS m ORDER BY l.n, m));
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.apply_to_children(release_mgmt.ci_class, text[], text[], text[]) IS
'Changes items of a class in columns that its table has not, each in the table that holds its row, as apply_row_changes() does.';

-- One statement for each operation, class and set of columns.
CREATE FUNCTION release_mgmt_internal.apply_ci_changes(ci text[], operation text[], attribute text[], new_value text[], backwards boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    batch record;
    c release_mgmt.ci_class;
    wrong text;
    items bigint := 0;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    FOR batch IN
        SELECT b.*
        FROM release_mgmt_internal.change_batches(apply_ci_changes.ci, apply_ci_changes.operation, apply_ci_changes.attribute, apply_ci_changes.new_value) AS b
        ORDER BY array_position('{create,change,retire}'::text[], b.operation),
                 CASE WHEN NOT backwards THEN b.labels[1] COLLATE "C" END, b.labels[cardinality(b.labels)] COLLATE "C" DESC
    LOOP
        SELECT * INTO c FROM release_mgmt.ci_class AS x WHERE x.name = batch.class;
        IF NOT FOUND OR batch.operation NOT IN ('create', 'change', 'retire') THEN
            PERFORM release_mgmt.ci_id(batch.labels[1]);
        END IF;
        IF c.source IS NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('class "%s" is bound to no table', batch.class), NULL,
                'Bind it with release_mgmt.bind_ci_class().');
        END IF;
        IF batch.operation NOT IN ('create', 'change', 'retire') THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('a configuration item can not be made to "%s"', batch.operation),
                'The operations are: create, change, retire.');
        END IF;
        IF batch.parts IS DISTINCT FROM cardinality(c.key_columns) THEN
            SELECT string_agg(l.label, ', ' ORDER BY l.n) INTO wrong
            FROM unnest(batch.labels) WITH ORDINALITY AS l (label, n)
            WHERE cardinality(release_mgmt_internal.split_key(substr(l.label, length(batch.class) + 2))) <> cardinality(c.key_columns);
            PERFORM release_mgmt_internal.refuse('unknown_code', format('configuration item "%s" does not exist', split_part(wrong, ', ', 1)),
                format('The key of class "%s" has %s parts; another number have: %s.', batch.class, cardinality(c.key_columns), wrong),
                'An item is named class/key, the parts of its key joined by colons.');
        END IF;
        IF batch.operation = 'create' AND 'tableoid' = ANY (batch.columns) THEN
            PERFORM release_mgmt_internal.create_in_children(c, batch.labels, batch.columns, batch.new_values);
        ELSIF batch.operation = 'change' AND EXISTS (SELECT FROM unnest(batch.columns) AS n WHERE NOT release_mgmt_internal.has_column(c.source, n)) THEN
            PERFORM release_mgmt_internal.apply_to_children(c, batch.labels, batch.columns, batch.new_values);
        ELSIF batch.operation <> 'change' OR cardinality(batch.columns) > 0 THEN
            PERFORM release_mgmt_internal.apply_row_changes(c.source, c.key_columns, batch.labels, batch.key_parts, batch.operation, batch.columns, batch.new_values);
        END IF;
        items := items + cardinality(batch.labels);
    END LOOP;
    RETURN items;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.apply_ci_changes(text[], text[], text[], text[], boolean) IS
'Applies changes to items, named class/key, under the guard. The arrays hold one change at each place; attribute NULL or empty: of the item as such. Items are created first, then changed, then retired, classes in the order of their first item, or backwards. Returns the number of items. Errors: RM002 unknown item or attribute, RM010 the guard refuses, RM015 the table did not take it, and whatever the table''s constraints raise.';

CREATE FUNCTION release_mgmt_internal.same_value(ci text, attribute text, stated text, present text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    source regclass;
BEGIN
    IF stated IS NOT DISTINCT FROM present THEN
        RETURN true;
    ELSIF stated IS NULL OR present IS NULL THEN
        RETURN false;
    END IF;
    SELECT c.source INTO source FROM release_mgmt.ci_class AS c WHERE c.name = split_part(ci, '/', 1);
    -- A further attribute of the class, read along a path, has no type of its own.
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = attribute AND a.attnum > 0 AND NOT a.attisdropped) THEN
        IF (release_mgmt_internal.bound_column(source, attribute)).attname IS NULL THEN
            RETURN false;
        END IF;
    END IF;
    RETURN coalesce(release_mgmt_internal.canonical_value(source, attribute, stated) = present, false);
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.same_value(text, text, text, text) IS
'Is what somebody stated for an attribute (a plan''s 1.0) the value that value_text() wrote (1.00 of a numeric(5,2))? A statement that the column''s type does not read is no value of it.';
