-- Module release: the planned changes of configuration items.

CREATE TABLE release_mgmt.planned_ci_change (
    id         uuid DEFAULT release_mgmt.new_id(),
    release_id uuid NOT NULL,
    ci         text NOT NULL,
    target     text,
    operation  text NOT NULL DEFAULT 'change',
    attribute  text NOT NULL DEFAULT '',
    old_value  text,
    new_value  text,
    CONSTRAINT planned_ci_change_pkey PRIMARY KEY (id),
    CONSTRAINT planned_ci_change_release_id_ci_attribute_key UNIQUE (release_id, ci, attribute),
    CONSTRAINT planned_ci_change_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT planned_ci_change_operation_check CHECK (operation IN ('create', 'change', 'retire')),
    CONSTRAINT planned_ci_change_attribute_check CHECK ((attribute = '') = (operation = 'retire'))
);
COMMENT ON TABLE release_mgmt.planned_ci_change IS
'Which attribute of which configuration item a release takes from which value to which: part of the sealed digest, what enforcement permits, dry run applies, installation writes and back-out reverses.';
COMMENT ON COLUMN release_mgmt.planned_ci_change.ci IS 'label class/key; it need not exist yet where operation is create';
COMMENT ON COLUMN release_mgmt.planned_ci_change.target IS 'label of the target whose installation makes the change; where not given, what the item is installed on, else the item itself';
COMMENT ON COLUMN release_mgmt.planned_ci_change.new_value IS 'what the attribute becomes, kept as its column writes it; NULL is NULL';
COMMENT ON COLUMN release_mgmt.planned_ci_change.attribute IS 'a column; of an item to create also tableoid: the table, one that inherits from that of the class, into which it comes';
COMMENT ON COLUMN release_mgmt.planned_ci_change.old_value IS 'read from the CMDB when the row is written; at sealing it must still be so; of an item to retire: the table that its row is in, where that inherits from that of the class';
CREATE INDEX planned_ci_change_ci_idx ON release_mgmt.planned_ci_change (ci);
-- Each target is asked what the release retires on it.
CREATE INDEX planned_ci_change_retired_idx ON release_mgmt.planned_ci_change (release_id, target) WHERE operation = 'retire';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.planned_ci_change', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.planned_ci_change');
SELECT release_mgmt_internal.belongs('release_mgmt.planned_ci_change', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.planned_ci_change');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.planned_ci_change');

CREATE FUNCTION release_mgmt_internal.planned_child(planned release_mgmt.planned_ci_change, source regclass) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    children text := (SELECT string_agg(release_mgmt_internal.child_name(r), ', ' ORDER BY release_mgmt_internal.child_name(r))
                      FROM release_mgmt_internal.bound_relations(source) AS r JOIN pg_class AS k ON k.oid = r WHERE r <> source AND NOT k.relispartition);
    named regclass;
BEGIN
    BEGIN
        named := release_mgmt_internal.child_named(source, planned.new_value);
    EXCEPTION WHEN invalid_name OR syntax_error THEN
        named := NULL;
    END;
    IF named IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('configuration item "%s" can not be created in table %s', planned.ci, coalesce(planned.new_value, 'NULL')),
            coalesce(format('What inherits from %s: %s.', source, children), format('Nothing inherits from %s.', source)),
            'Name such a table with its schema, or plan no tableoid: then the item comes into the table itself.');
    END IF;
    RETURN release_mgmt_internal.child_name(named);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.planned_child(release_mgmt.planned_ci_change, regclass) IS
'The table that inherits from the class''s, the source, in which an item is planned to be created, as child_name() calls it; RM015 where there is none of that name.';

CREATE FUNCTION release_mgmt_internal.planned_value(planned release_mgmt.planned_ci_change, source regclass) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    -- Where the item's row is, or will be: that has all columns of it.
    held CONSTANT regclass := coalesce(
        CASE WHEN planned.operation = 'create' THEN
                 (SELECT release_mgmt_internal.child_named(source, x.new_value) FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = planned.release_id AND x.ci = planned.ci AND x.attribute = 'tableoid')
             WHEN EXISTS (SELECT FROM release_mgmt.ci AS i WHERE i.label = planned.ci) THEN
                 release_mgmt_internal.child_of_item(split_part(planned.ci, '/', 1), substr(planned.ci, strpos(planned.ci, '/') + 1)) END, source);
    wanted pg_attribute;
    in_label text;
    as_written text;
    reason text;
BEGIN
    IF planned.operation = 'create' AND planned.attribute = 'tableoid' THEN
        RETURN release_mgmt_internal.planned_child(planned, source);
    END IF;
    SELECT a.* INTO wanted FROM pg_attribute AS a WHERE a.attrelid = held AND a.attname = planned.attribute AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('configuration item "%s" has no attribute "%s"', planned.ci, planned.attribute),
            format('Attributes are the columns of %s.', held),
            CASE WHEN planned.operation = 'create' AND held = source AND EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = source)
                 THEN format('For an item in a table that inherits from %s, plan the table first, as its attribute tableoid.', source)
                 ELSE 'See them with SELECT * FROM release_mgmt.ci_attributes(item).' END);
    END IF;
    IF planned.operation = 'change' AND EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.source = planned_value.source AND planned.attribute = ANY (c.exempt)) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('attribute "%s" of configuration item "%s" can not be planned', planned.attribute, planned.ci),
            'The column is exempt: it changes without a plan, and no back-out restores it.', 'Leave it out, or bind the class without exempting the column.');
    END IF;
    IF planned.operation = 'change' AND release_mgmt_internal.follows_names(wanted.atttypid) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('attribute "%s" of configuration item "%s" can not be planned', planned.attribute, planned.ci),
            format('Values of type %s are written with the names of other objects, so that the ledger does not record them, and no back-out restores it.', format_type(wanted.atttypid, wanted.atttypmod)),
            'Bind the class with the column exempt: it changes without a plan, then.');
    END IF;
    IF planned.operation = 'create' THEN
        SELECT (release_mgmt_internal.split_key(substr(planned.ci, strpos(planned.ci, '/') + 1)))[array_position(c.key_columns, planned.attribute)] INTO in_label
        FROM release_mgmt.ci_class AS c WHERE c.name = split_part(planned.ci, '/', 1);
    END IF;
    reason := CASE WHEN wanted.attgenerated <> '' THEN 'The column is computed from others.'
                   WHEN wanted.attidentity = 'a' AND planned.operation = 'change' THEN 'The column is GENERATED ALWAYS AS IDENTITY.'
                   WHEN planned.new_value IS NULL AND wanted.attnotnull THEN 'The column is NOT NULL.'
                   WHEN (release_mgmt_internal.bound_column(source, planned.attribute)).attname IS NULL
                       THEN format('Of what inherits from %s, several tables have a column of that name, of several types.', source) END;
    IF reason IS NULL THEN
        BEGIN
            as_written := release_mgmt_internal.canonical_value(held, planned.attribute, planned.new_value);
        EXCEPTION WHEN data_exception THEN
            reason := upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.';
        END;
    END IF;
    IF reason IS NULL AND as_written <> in_label THEN
        reason := format('It is part of the key, and the item''s name says %L.', in_label);
    END IF;
    IF reason IS NULL THEN
        RETURN as_written;
    END IF;
    PERFORM release_mgmt_internal.refuse('wrong_state',
        format('attribute "%s" of configuration item "%s" can not become %s', planned.attribute, planned.ci, coalesce(quote_literal(planned.new_value), 'NULL')), reason,
        format('Plan a value that column "%s" (%s) of %s can take.', planned.attribute, format_type(wanted.atttypid, wanted.atttypmod), held));
END $$;
COMMENT ON FUNCTION release_mgmt_internal.planned_value(release_mgmt.planned_ci_change, regclass) IS
'The value that is planned, as the bound table''s column writes it. Errors: RM002 no such attribute, RM015 no value that the column can take, another one than the name of the item to create says, or a column that is exempt.';

CREATE FUNCTION release_mgmt_internal.require_written_label(label text) RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_class release_mgmt.ci_class := (SELECT c FROM release_mgmt.ci_class AS c WHERE c.name = split_part(label, '/', 1));
    parts text[] := release_mgmt_internal.split_key(substr(label, strpos(label, '/') + 1));
    written text;
    reason text;
BEGIN
    IF cardinality(parts) <> cardinality(of_class.key_columns) THEN
        reason := format('The key of class "%s" has %s parts, %s; the name has %s.', of_class.name, cardinality(of_class.key_columns), array_to_string(of_class.key_columns, ', '), cardinality(parts));
    ELSE
        BEGIN
            SELECT of_class.name || '/' || release_mgmt_internal.join_key(VARIADIC array_agg(release_mgmt_internal.canonical_value(of_class.source, k.name, k.part) ORDER BY k.n)) INTO written
            FROM unnest(of_class.key_columns, parts) WITH ORDINALITY AS k (name, part, n);
            reason := CASE WHEN written <> label THEN format('Its row would make it "%s".', written) END;
        EXCEPTION WHEN data_exception THEN
            reason := upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.';
        END;
    END IF;
    IF reason IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no item "%s" can be created', label), reason,
            'An item is named class/key: the values of the key''s columns as they are written, joined by ":"; a ":" or "\" inside a value has a "\" before it.');
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_written_label(text) IS
'RM015 where no row of the class''s table gives an item that name: another number of key columns, a value that one of them can not take, or writes otherwise.';

CREATE FUNCTION release_mgmt_internal.require_unsealed(release uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    sealed record;
BEGIN
    SELECT p.code, p.revision INTO sealed FROM release_mgmt.release_package AS p
    WHERE p.current AND p.digest IS NOT NULL AND p.release_id = require_unsealed.release;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('package "%s" revision %s is sealed, with the planned changes of its release', sealed.code, sealed.revision),
            NULL, format('Begin a new revision with SELECT release_mgmt.revise_package(%L).', sealed.code));
    END IF;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_unsealed(uuid) IS 'RM009 where the release''s package is sealed: what it plans stands still.';

CREATE FUNCTION release_mgmt_internal.state_ci_change(planned release_mgmt.planned_ci_change) RETURNS release_mgmt.planned_ci_change
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    source regclass;
    child regclass;
    unrecorded text;
BEGIN
    SELECT c.source INTO source FROM release_mgmt.ci_class AS c WHERE c.name = split_part(planned.ci, '/', 1);
    IF source IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no table is bound to class "%s" of configuration item "%s"', split_part(planned.ci, '/', 1), planned.ci),
            'Classes are: ' || (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM release_mgmt.ci_class AS c) || '.',
            'An item is named class/key; bind_ci_class() binds a table.');
    END IF;
    IF planned.operation <> 'retire' THEN
        planned.new_value := release_mgmt_internal.planned_value(planned, source);
    END IF;
    IF EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x
               WHERE x.release_id = planned.release_id AND x.ci = planned.ci AND x.id <> planned.id AND (x.operation = 'retire') <> (planned.operation = 'retire')) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('configuration item "%s" can not be retired and changed by one release', planned.ci), NULL,
            'Delete what does not hold from release_mgmt.planned_ci_change.');
    END IF;
    planned.old_value := NULL;
    IF planned.operation = 'create' THEN
        IF EXISTS (SELECT FROM release_mgmt.ci AS c WHERE c.label = planned.ci AND c.retired_at IS NULL) THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('configuration item "%s" exists already', planned.ci), NULL,
                'Plan a change of it instead of its creation.');
        END IF;
        PERFORM release_mgmt_internal.require_written_label(planned.ci);
    ELSE
        PERFORM release_mgmt_internal.seen_item(planned.ci);
        child := CASE planned.operation WHEN 'retire' THEN release_mgmt_internal.child_of_item(split_part(planned.ci, '/', 1), substr(planned.ci, strpos(planned.ci, '/') + 1)) END;
        SELECT string_agg(format('Column "%s" (%s) has a value, which is written with the names of other objects, so that the ledger does not record it: a back-out would bring the item back without it.',
                                 k.attname, format_type(k.atttypid, k.atttypmod)), E'\n' ORDER BY k.attnum) INTO unrecorded
        FROM release_mgmt.ci_class AS c
        JOIN pg_attribute AS k ON k.attrelid = coalesce(child, c.source) AND k.attnum > 0 AND NOT k.attisdropped AND k.attgenerated = '' AND k.attname <> ALL (c.exempt)
        WHERE c.name = split_part(planned.ci, '/', 1) AND planned.operation = 'retire' AND release_mgmt_internal.follows_names(k.atttypid)
          AND release_mgmt.ci_attribute(planned.ci, k.attname) IS NOT NULL;
        IF unrecorded IS NOT NULL THEN
            PERFORM release_mgmt_internal.refuse('wrong_state', format('a release can not retire configuration item "%s"', planned.ci), unrecorded,
                'Bind the class with the column exempt, which no back-out restores; or plan a change of the item''s status instead.');
        END IF;
        planned.old_value := CASE planned.operation WHEN 'change' THEN release_mgmt.ci_attribute(planned.ci, planned.attribute) ELSE release_mgmt_internal.child_name(child) END;
        IF planned.target IS NULL THEN
            SELECT t.label INTO planned.target
            FROM release_mgmt_internal.ci_relations_along(ARRAY[release_mgmt.ci_id(planned.ci)], true) AS r
            JOIN release_mgmt.ci AS t ON t.id = r.related
            WHERE r.kind = 'installed on'
            ORDER BY t.label LIMIT 1;
        END IF;
    END IF;
    planned.target := coalesce(planned.target, planned.ci);
    RETURN planned;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.state_ci_change(release_mgmt.planned_ci_change) IS
'A planned change as it is kept: it names an existing item (or, to create one, a free label) and a value that its attribute can take, takes its old value from the CMDB, and finds its target. Errors: RM002 unknown class, item or attribute, RM015 what can not be planned.';

-- A trigger function needs no EXECUTE to fire.
CREATE FUNCTION release_mgmt_internal.plan_ci_change() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_plan_ci_change';
COMMENT ON FUNCTION release_mgmt_internal.plan_ci_change() IS
'Trigger: a planned change is completed as state_ci_change() does, and stands still once the package is sealed. Reads what the caller may not.';
CREATE TRIGGER rm_50_state BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.planned_ci_change
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.plan_ci_change();

CREATE FUNCTION release_mgmt_internal.stale_changes(release uuid) RETURNS TABLE (ci text, attribute text, old_value text, present text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
#variable_conflict use_column
DECLARE
    batch record;
BEGIN
    FOR batch IN
        SELECT c AS of_class, s.attribute, s.items, s.old_values
        FROM (SELECT split_part(x.ci, '/', 1) AS class, x.attribute, array_agg(x.ci) AS items, array_agg(x.old_value) AS old_values
              FROM release_mgmt.planned_ci_change AS x
              WHERE x.release_id = stale_changes.release AND x.operation = 'change'
              GROUP BY 1, 2) AS s
        LEFT JOIN release_mgmt.ci_class AS c ON c.name = s.class
    LOOP
        RETURN QUERY
            SELECT u.ci, batch.attribute, u.old_value, u.present
            FROM unnest(batch.items, batch.old_values, release_mgmt_internal.present_column(batch.of_class, batch.attribute, batch.items)) AS u (ci, old_value, present)
            WHERE u.present IS DISTINCT FROM u.old_value;
    END LOOP;
    RETURN QUERY
        SELECT x.ci, 'tableoid', x.old_value, v.present
        FROM release_mgmt.planned_ci_change AS x
        CROSS JOIN LATERAL (SELECT release_mgmt_internal.child_name(release_mgmt_internal.child_of_item(split_part(x.ci, '/', 1), substr(x.ci, strpos(x.ci, '/') + 1)))) AS v (present)
        WHERE x.release_id = stale_changes.release AND x.operation = 'retire' AND x.old_value IS NOT NULL AND x.old_value IS DISTINCT FROM v.present;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.stale_changes(uuid) IS 'The planned changes of a release that start from another value than the CMDB holds now, with both; tableoid: items to retire that are in another table of those that inherit from the class''s.';
