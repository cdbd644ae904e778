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
    CONSTRAINT table_version_pkey PRIMARY KEY (id),
    CONSTRAINT table_version_table_id_version_key UNIQUE (table_id, version)
);
COMMENT ON TABLE release_mgmt.table_version IS
'What each governed table looked like, from its first version on: what the columns of its row digests mean. The last version says what it looks like now.';
COMMENT ON COLUMN release_mgmt.table_version.governed IS 'False for the last version of a table whose governance has ended';
COMMENT ON COLUMN release_mgmt.table_version.table_id IS 'governed_table.id; kept when the table is not governed any more';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.table_version', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.table_version');

CREATE FUNCTION release_mgmt_internal.record_schema_version(table_id uuid) RETURNS integer
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH current AS (
        SELECT t.id, t.source::text AS source, t.key_columns, t.column_keys, t.column_names,
               ARRAY(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
                     FROM pg_catalog.unnest(t.column_numbers) WITH ORDINALITY AS n (attnum, position)
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.source AND a.attnum = n.attnum
                     ORDER BY n.position) AS column_types
        FROM release_mgmt.governed_table AS t
        WHERE t.id = record_schema_version.table_id
    ), last AS (
        SELECT v.*
        FROM release_mgmt.table_version AS v
        WHERE v.table_id = record_schema_version.table_id
        ORDER BY v.version DESC
        LIMIT 1
    )
    INSERT INTO release_mgmt.table_version (table_id, version, source, key_columns, column_keys, column_names, column_types)
    SELECT c.id, coalesce(l.version, 0) + 1, c.source, c.key_columns, c.column_keys, c.column_names, c.column_types
    FROM current AS c
    LEFT JOIN last AS l ON true
    WHERE (l.source, l.key_columns, l.column_keys, l.column_names, l.column_types)
          IS DISTINCT FROM (c.source, c.key_columns, c.column_keys, c.column_names, c.column_types)
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
