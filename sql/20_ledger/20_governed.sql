-- Module ledger: which tables are governed, and the two triggers that each of them carries.

CREATE TABLE release_mgmt.governed_table (
    id             uuid DEFAULT release_mgmt.new_id(),
    source         regclass NOT NULL,
    mode           text NOT NULL,
    key_columns    text[] NOT NULL,
    column_keys    text[] NOT NULL,
    column_names   text[] NOT NULL,
    column_numbers smallint[] NOT NULL,
    members        regclass[] NOT NULL,
    builtin        boolean NOT NULL DEFAULT false,
    child_sources  regclass[],
    child_keys     text[],
    child_names    text[],
    child_numbers  smallint[],
    CONSTRAINT governed_table_pkey PRIMARY KEY (id),
    CONSTRAINT governed_table_source_key UNIQUE (source),
    CONSTRAINT governed_table_mode_check CHECK (mode IN ('observe', 'warn', 'enforce')),
    CONSTRAINT governed_table_key_columns_check CHECK (cardinality(key_columns) > 0),
    CONSTRAINT governed_table_columns_check
        CHECK (cardinality(column_keys) = cardinality(column_names) AND cardinality(column_names) = cardinality(column_numbers)),
    CONSTRAINT governed_table_child_columns_check
        CHECK ((child_sources IS NULL) = (child_keys IS NULL)
               AND (cardinality(child_sources), cardinality(child_keys), cardinality(child_names)) IS NOT DISTINCT FROM (cardinality(child_keys), cardinality(child_names), cardinality(child_numbers)))
);
COMMENT ON TABLE release_mgmt.governed_table IS
'The tables whose every change is in the ledger: those of the extension (builtin) and those given to govern().';
COMMENT ON COLUMN release_mgmt.governed_table.id IS 'Names the table in the ledger, whatever it is called';
COMMENT ON COLUMN release_mgmt.governed_table.mode IS
'observe: changes are captured; warn, enforce: what cmdb makes of changes of configuration items that no release plans, for tables that are bound to a class. An enforced table of an inactive database refuses everyone but its owner.';
COMMENT ON COLUMN release_mgmt.governed_table.key_columns IS 'The columns whose values name a row, in the order of its text key';
COMMENT ON COLUMN release_mgmt.governed_table.column_keys IS
'What the ledger calls each column: its first name, kept when it is renamed and never given to another';
COMMENT ON COLUMN release_mgmt.governed_table.column_names IS 'What the columns are called now; generated ones are left out';
COMMENT ON COLUMN release_mgmt.governed_table.members IS 'The table, its partitions and inheritance children, whose rows are in the ledger';
COMMENT ON COLUMN release_mgmt.governed_table.column_numbers IS 'Attribute numbers, by which a rename is told from a new column';
COMMENT ON COLUMN release_mgmt.governed_table.child_sources IS
'Of each column that an inheritance child has and the table has not: the child. child_keys, child_names and child_numbers: as those of the table''s own columns; a key is of one column of one child. NULL: there are none';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.governed_table', 'WHERE NOT builtin');

CREATE FUNCTION release_mgmt_internal.admit() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_admit';
COMMENT ON FUNCTION release_mgmt_internal.admit() IS
'Statement trigger rm_10_admit. Active: refuses TRUNCATE (RM013), unless another module has recorded the rows. Inactive: refuses all but the table''s owner (RM001), who may load and empty it.';

CREATE FUNCTION release_mgmt_internal.capture() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_capture';
COMMENT ON FUNCTION release_mgmt_internal.capture() IS
'Row trigger rm_90_capture(governed_table.id). Active: records the change; inactive: does nothing.';

CREATE FUNCTION release_mgmt_internal.current_transaction() RETURNS uuid
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_current_transaction';
COMMENT ON FUNCTION release_mgmt_internal.current_transaction() IS
'The id that the changes captured in this transaction carry, and its leaf. May be asked before the first change.';

CREATE FUNCTION release_mgmt_internal.primary_key_of(source regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.position)
    FROM pg_catalog.pg_index AS i
    CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = source AND i.indisprimary AND k.position <= i.indnkeyatts;
END;
COMMENT ON FUNCTION release_mgmt_internal.primary_key_of(regclass) IS 'Column names of the primary key in its order, NULL if there is none.';

CREATE FUNCTION release_mgmt_internal.is_key(source regclass, columns text[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = source AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND i.indnkeyatts = pg_catalog.cardinality(columns)
          AND NOT EXISTS (
              SELECT
              FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
              LEFT JOIN pg_catalog.pg_attribute AS a
                  ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnotnull AND a.attname = ANY (columns)
              WHERE k.position <= i.indnkeyatts AND a.attname IS NULL));
END;
COMMENT ON FUNCTION release_mgmt_internal.is_key(regclass, text[]) IS
'Whether a unique index over exactly these columns, all NOT NULL, makes them name a row.';

CREATE FUNCTION release_mgmt_internal.follows_names(type oid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_follows_names';
COMMENT ON FUNCTION release_mgmt_internal.follows_names(oid) IS
'Whether values of the type are written with the names of other objects (regclass and its like, aclitem), themselves or in a part of them.';

-- What is written with the names of other objects would get another digest when these are renamed, though nobody changes the
-- row. Nobody but the extension renames what its own tables name.
CREATE FUNCTION release_mgmt_internal.columns_of(source regclass, OUT names text[], OUT numbers smallint[])
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum), '{}'),
           coalesce(pg_catalog.array_agg(a.attnum ORDER BY a.attnum), '{}')
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (NOT release_mgmt_internal.follows_names(a.atttypid)
           OR EXISTS (SELECT FROM pg_catalog.pg_class AS c
                      WHERE c.oid = source AND c.relnamespace IN ('release_mgmt'::regnamespace, 'release_mgmt_internal'::regnamespace)));
END;
COMMENT ON FUNCTION release_mgmt_internal.columns_of(regclass) IS
'The columns whose values the ledger records: those with values of their own, which are not written with the names of other objects.';

CREATE FUNCTION release_mgmt_internal.members_of(source regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE down (relid) AS (
        SELECT source::oid
        UNION
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN down AS d ON i.inhparent = d.relid
    )
    SELECT relid::regclass FROM down;
END;
COMMENT ON FUNCTION release_mgmt_internal.members_of(regclass) IS
'A governed table, its partitions and inheritance children at every level; a partition that is being detached CONCURRENTLY until that is done.';

CREATE FUNCTION release_mgmt_internal.run_own_ddl(statement text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_run_own_ddl';
COMMENT ON FUNCTION release_mgmt_internal.run_own_ddl(text) IS
'Runs one statement at which the extension''s event triggers look away: of several that attach triggers, each but the last leaves a table half guarded.';

CREATE FUNCTION release_mgmt_internal.in_own_ddl() RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_in_own_ddl';
COMMENT ON FUNCTION release_mgmt_internal.in_own_ddl() IS 'Is this DDL that run_own_ddl() runs?';

CREATE FUNCTION release_mgmt_internal.attach_triggers(source regclass, table_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member regclass;
BEGIN
    FOR member IN SELECT m FROM release_mgmt_internal.members_of(source) AS m JOIN pg_class AS c ON c.oid = m WHERE c.relkind IN ('r', 'p') LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = member AND g.tgname = 'rm_10_admit') THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('CREATE TRIGGER rm_10_admit BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                           'FOR EACH STATEMENT EXECUTE FUNCTION release_mgmt_internal.admit()', member));
            PERFORM release_mgmt_internal.run_own_ddl(format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER rm_10_admit', member));
        END IF;
        IF NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = member AND g.tgname = 'rm_90_capture') THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('CREATE TRIGGER rm_90_capture AFTER INSERT OR UPDATE OR DELETE ON %s '
                           'FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.capture(%L)', member, table_id));
            PERFORM release_mgmt_internal.run_own_ddl(format('ALTER TABLE %s ENABLE ALWAYS TRIGGER rm_90_capture', member));
        END IF;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.attach_triggers(regclass, uuid) IS
'Creates rm_10_admit and rm_90_capture, both ENABLE ALWAYS, where the table, its partitions and its children lack them. Partitions inherit rm_90_capture;
rm_10_admit fires for the relation that a statement names.';

CREATE FUNCTION release_mgmt_internal.govern_own(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The same in every installation: version 8 of RFC 9562, from the table's name.
    table_id CONSTANT uuid := overlay(overlay(left(encode(sha256(convert_to('release_mgmt:' || source::text, 'UTF8')), 'hex'), 32)
                                              PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid;
    key_columns CONSTANT text[] := release_mgmt_internal.primary_key_of(source);
BEGIN
    INSERT INTO release_mgmt.governed_table (id, source, mode, key_columns, column_keys, column_names, column_numbers, members, builtin)
    SELECT table_id, source, 'enforce', key_columns, c.names, c.names, c.numbers, ARRAY[source], true
    FROM release_mgmt_internal.columns_of(source) AS c;
    PERFORM release_mgmt_internal.attach_triggers(source, table_id);
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.govern_own(regclass) IS
'Governs a table of the extension: called beside each CREATE TABLE of the install script, after the shipped rows are in.';
