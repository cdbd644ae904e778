-- Module ledger: the schema versions of governed tables, and rows recorded as they stand.

CREATE TABLE release_mgmt.table_version (
    id           uuid DEFAULT release_mgmt.new_id(),
    table_id     uuid NOT NULL,
    version      integer NOT NULL,
    source       text NOT NULL,
    key_columns  text[] NOT NULL,
    column_keys  text[] NOT NULL,
    column_names text[] NOT NULL,
    column_types text[] NOT NULL,
    governed     boolean NOT NULL DEFAULT true,
    recorded_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    child_sources text[],
    child_keys    text[],
    child_names   text[],
    child_types   text[],
    CONSTRAINT table_version_pkey PRIMARY KEY (id),
    CONSTRAINT table_version_table_id_version_key UNIQUE (table_id, version)
);
COMMENT ON TABLE release_mgmt.table_version IS
'What each governed table looked like, from its first version on: what the columns of its row digests mean. The last version says what it looks like now.';
COMMENT ON COLUMN release_mgmt.table_version.governed IS 'False for the last version of a table whose governance has ended';
COMMENT ON COLUMN release_mgmt.table_version.child_sources IS
'Of each column that an inheritance child has and the table has not: the child. child_keys, child_names, child_types: as those of the table''s own columns. NULL: there are none';
COMMENT ON COLUMN release_mgmt.table_version.table_id IS 'governed_table.id; kept when the table is not governed any more';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.table_version', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.table_version');

CREATE FUNCTION release_mgmt_internal.child_columns_of(source regclass) RETURNS TABLE (child regclass, name text, number smallint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT m, c.name, c.number
    FROM release_mgmt_internal.members_of(source) AS m
    JOIN pg_catalog.pg_class AS k ON k.oid = m AND k.relkind = 'r' AND NOT k.relispartition
    CROSS JOIN LATERAL release_mgmt_internal.columns_of(m) AS s
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(s.names), pg_catalog.unnest(s.numbers)) AS c (name, number)
    WHERE m <> source AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = source AND a.attname = c.name AND NOT a.attisdropped)
    ORDER BY m::text COLLATE "C", c.number;
END;
COMMENT ON FUNCTION release_mgmt_internal.child_columns_of(regclass) IS
'The columns whose values the ledger records of a table''s inheritance children, and which the table itself has not.';

-- Two children may have columns of one name: no two have one key, so that each may be renamed.
CREATE FUNCTION release_mgmt_internal.record_child_columns(table_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed release_mgmt.governed_table;
    used text[];
    sources regclass[];
    keys text[];
    names text[];
    numbers smallint[];
    c record;
    key text;
BEGIN
    SELECT t.* INTO governed FROM release_mgmt.governed_table AS t WHERE t.id = record_child_columns.table_id;
    FOR c IN
        SELECT n.child, n.name, n.number, o.key
        FROM release_mgmt_internal.child_columns_of(governed.source) AS n
        LEFT JOIN unnest(governed.child_sources, governed.child_keys, governed.child_numbers) AS o (source, key, number) ON o.source = n.child AND o.number = n.number
    LOOP
        key := c.key;
        IF key IS NULL THEN
            used := coalesce(used, governed.column_keys || coalesce(governed.child_keys, '{}') || ARRAY(
                SELECT k FROM release_mgmt.table_version AS v CROSS JOIN LATERAL unnest(v.column_keys || coalesce(v.child_keys, '{}')) AS k WHERE v.table_id = record_child_columns.table_id));
            SELECT o.key INTO key
            FROM generate_series(0, 10000) AS n CROSS JOIN LATERAL (SELECT c.name || CASE WHEN n = 0 THEN '' ELSE '#' || n::text END) AS o (key)
            WHERE o.key <> ALL (used) ORDER BY n LIMIT 1;
            used := used || key;
        END IF;
        sources := sources || c.child;
        keys := keys || key;
        names := names || c.name;
        numbers := numbers || c.number;
    END LOOP;
    UPDATE release_mgmt.governed_table AS t SET child_sources = sources, child_keys = keys, child_names = names, child_numbers = numbers
    WHERE t.id = record_child_columns.table_id
      AND (t.child_sources, t.child_keys, t.child_names, t.child_numbers) IS DISTINCT FROM (sources, keys, names, numbers);
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.record_child_columns(uuid) IS
'Notes which columns a governed table''s inheritance children have of their own; one that was renamed keeps its key.';

CREATE FUNCTION release_mgmt_internal.record_schema_version(table_id uuid) RETURNS integer
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH current AS (
        SELECT t.id, t.source::text AS source, t.key_columns, t.column_keys, t.column_names,
               ARRAY(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
                     FROM pg_catalog.unnest(t.column_numbers) WITH ORDINALITY AS n (attnum, position)
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.source AND a.attnum = n.attnum
                     ORDER BY n.position) AS column_types,
               t.child_keys, t.child_names, c.sources AS child_sources, c.types AS child_types
        FROM release_mgmt.governed_table AS t
        CROSS JOIN LATERAL (
            SELECT pg_catalog.array_agg(n.source::text ORDER BY n.position) AS sources, pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY n.position) AS types
            FROM ROWS FROM (pg_catalog.unnest(t.child_sources), pg_catalog.unnest(t.child_numbers)) WITH ORDINALITY AS n (source, attnum, position)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = n.source AND a.attnum = n.attnum) AS c
        WHERE t.id = record_schema_version.table_id
    ), last AS (
        SELECT v.*
        FROM release_mgmt.table_version AS v
        WHERE v.table_id = record_schema_version.table_id
        ORDER BY v.version DESC
        LIMIT 1
    )
    INSERT INTO release_mgmt.table_version (table_id, version, source, key_columns, column_keys, column_names, column_types, child_sources, child_keys, child_names, child_types)
    SELECT c.id, coalesce(l.version, 0) + 1, c.source, c.key_columns, c.column_keys, c.column_names, c.column_types, c.child_sources, c.child_keys, c.child_names, c.child_types
    FROM current AS c
    LEFT JOIN last AS l ON true
    WHERE (l.source, l.key_columns, l.column_keys, l.column_names, l.column_types, l.child_sources, l.child_keys, l.child_names, l.child_types)
          IS DISTINCT FROM (c.source, c.key_columns, c.column_keys, c.column_names, c.column_types, c.child_sources, c.child_keys, c.child_names, c.child_types)
    RETURNING version;
END;
COMMENT ON FUNCTION release_mgmt_internal.record_schema_version(uuid) IS
'Records what the governed table looks like, if that is not what its last version says; returns the new version or NULL.';

CREATE FUNCTION release_mgmt_internal.capture_rows(source regclass, table_id uuid, operation text) RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_capture_rows';
COMMENT ON FUNCTION release_mgmt_internal.capture_rows(regclass, uuid, text) IS
'Records each row of one relation (a governed table, or a partition or child of one): as it stands (baseline, schema), or as going (delete).
Returns their number.';

CREATE FUNCTION release_mgmt_internal.capture_table(table_id uuid, operation text) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(sum(release_mgmt_internal.capture_rows(m.relid, t.id, operation)), 0)::bigint
    FROM release_mgmt.governed_table AS t
    CROSS JOIN LATERAL release_mgmt_internal.members_of(t.source) AS m (relid)
    JOIN pg_catalog.pg_class AS c ON c.oid = m.relid AND c.relkind = 'r'
    WHERE t.id = table_id;
END;
COMMENT ON FUNCTION release_mgmt_internal.capture_table(uuid, text) IS
'capture_rows() over the governed table, its partitions and inheritance children.';
