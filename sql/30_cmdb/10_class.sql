-- Module cmdb, first part: which tables of the customer hold configuration items, and the items' stubs.
--
-- Nothing of the extension depends on a bound table: it is named by regclass in a row, read by EXECUTE, and may be altered
-- or dropped at any time. What is kept here of an item is its identity; attributes are read where they are.

CREATE TABLE release_mgmt.ci_class (
    name              text,
    source            regclass,
    source_name       text NOT NULL,
    key_columns       text[] NOT NULL,
    name_path         text NOT NULL,
    version_path      text,
    version_scheme    text,
    exempt            text[] NOT NULL DEFAULT '{}',
    columns_of        oid,
    column_names      name[] NOT NULL DEFAULT '{}',
    column_numbers    smallint[] NOT NULL DEFAULT '{}',
    organization_path text,
    attributes        jsonb NOT NULL DEFAULT '{}',
    platform_path     text,
    condition         text,
    CONSTRAINT ci_class_pkey PRIMARY KEY (name),
    CONSTRAINT ci_class_source_key UNIQUE (source),
    CONSTRAINT ci_class_name_check CHECK (name <> '' AND name !~ '[/[:space:]]'),
    CONSTRAINT ci_class_key_columns_check CHECK (cardinality(key_columns) > 0),
    CONSTRAINT ci_class_attributes_check CHECK (jsonb_typeof(attributes) = 'object'),
    CONSTRAINT ci_class_version_check CHECK ((version_path IS NULL) = (version_scheme IS NULL))
);
COMMENT ON TABLE release_mgmt.ci_class IS 'Classes of configuration items, each bound to a table of the CMDB. Written by bind_ci_class() and unbind_ci_class().';
COMMENT ON COLUMN release_mgmt.ci_class.source IS 'the bound table; NULL once it was unbound or dropped';
COMMENT ON COLUMN release_mgmt.ci_class.source_name IS 'the table''s qualified name when it was bound';
COMMENT ON COLUMN release_mgmt.ci_class.name_path IS 'column that holds the item''s name, a path over foreign keys (site_id.name), or an expression in parentheses (name || ''.'' || domain)';
COMMENT ON COLUMN release_mgmt.ci_class.version_scheme IS 'scheme of pkgver() that the version is read in';
COMMENT ON COLUMN release_mgmt.ci_class.organization_path IS 'column, or path over foreign keys, that holds the code of the organization that the item belongs to';
COMMENT ON COLUMN release_mgmt.ci_class.platform_path IS 'column, path or expression that tells the operating system that the item runs, as read_operating_system() reads it; NULL: none does';
COMMENT ON COLUMN release_mgmt.ci_class.condition IS 'which rows are items, as an expression over their columns ("Status" = ''A''); NULL: all are';
COMMENT ON COLUMN release_mgmt.ci_class.attributes IS 'further attributes of the items, beside the columns: {"platform": "platform_id.name"}';
COMMENT ON COLUMN release_mgmt.ci_class.exempt IS 'columns that may change without a plan, in every mode: counters, last_seen';
COMMENT ON COLUMN release_mgmt.ci_class.columns_of IS 'the table of which column_names and column_numbers hold, so that a rename is told from a new column; another OID after a restore';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_class', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_class');
SELECT release_mgmt_internal.is_shared('release_mgmt.ci_class', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_class');

CREATE TABLE release_mgmt.ci_relation_class (
    id         uuid DEFAULT release_mgmt.new_id(),
    kind       text NOT NULL,
    from_class text NOT NULL,
    columns    text[] NOT NULL,
    to_class   text NOT NULL,
    via        regclass,
    to_columns text[],
    condition  text,
    CONSTRAINT ci_relation_class_pkey PRIMARY KEY (id),
    CONSTRAINT ci_relation_class_key UNIQUE NULLS NOT DISTINCT (kind, from_class, to_class, columns, via, to_columns),
    CONSTRAINT ci_relation_class_kind_check CHECK (kind <> ''),
    CONSTRAINT ci_relation_class_via_check CHECK ((via IS NULL) = (to_columns IS NULL)),
    CONSTRAINT ci_relation_class_condition_check CHECK (condition IS NULL OR via IS NOT NULL),
    CONSTRAINT ci_relation_class_from_class_fkey FOREIGN KEY (from_class) REFERENCES release_mgmt.ci_class,
    CONSTRAINT ci_relation_class_to_class_fkey FOREIGN KEY (to_class) REFERENCES release_mgmt.ci_class
);
COMMENT ON TABLE release_mgmt.ci_relation_class IS
'Kinds of relations between classes: columns of from_class''s table hold the key of an item of to_class, or each row of a link table holds the keys of both. Written by bind_ci_relation() and unbind_ci_relation().';
COMMENT ON COLUMN release_mgmt.ci_relation_class.columns IS 'without via: columns of from_class''s table that hold the key of to_class; with it: columns of the link table that hold the key of from_class';
COMMENT ON COLUMN release_mgmt.ci_relation_class.via IS 'the link table; NULL: the relation is a foreign key';
COMMENT ON COLUMN release_mgmt.ci_relation_class.to_columns IS 'columns of the link table that hold the key of to_class';
COMMENT ON COLUMN release_mgmt.ci_relation_class.condition IS 'which rows of the link table are relations, as an expression over their columns; NULL: all are';
CREATE INDEX ci_relation_class_from_class_idx ON release_mgmt.ci_relation_class (from_class);
CREATE INDEX ci_relation_class_to_class_idx ON release_mgmt.ci_relation_class (to_class);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_relation_class', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_relation_class');
SELECT release_mgmt_internal.is_shared('release_mgmt.ci_relation_class', 'words');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_relation_class');

CREATE VIEW release_mgmt_internal.ci_relation_stated WITH (security_invoker = true) AS
SELECT r.id, r.kind, r.from_class, r.to_class, coalesce(r.via, c.source) AS source,
       CASE WHEN r.via IS NULL THEN c.key_columns ELSE r.columns END AS from_columns,
       CASE WHEN r.via IS NULL THEN r.columns ELSE r.to_columns END AS to_columns, CASE WHEN r.via IS NULL THEN c.condition ELSE r.condition END AS condition
FROM release_mgmt.ci_relation_class AS r JOIN release_mgmt.ci_class AS c ON c.name = r.from_class
WHERE c.source IS NOT NULL;
COMMENT ON VIEW release_mgmt_internal.ci_relation_stated IS
'Where relations are to be read: each row of source that meets the condition is one, from the item whose key from_columns hold to the item whose key to_columns hold.';

CREATE FUNCTION release_mgmt_internal.row_expression_is_whole(source regclass, expression text) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'rm_row_expression_is_whole';
COMMENT ON FUNCTION release_mgmt_internal.row_expression_is_whole(regclass, text) IS 'Are the columns there that an expression over the columns of the table names?';

CREATE VIEW release_mgmt_internal.ci_relation_source WITH (security_invoker = true) AS
SELECT s.* FROM release_mgmt_internal.ci_relation_stated AS s
WHERE NOT EXISTS (SELECT FROM unnest(s.from_columns || s.to_columns) AS c (name)
                  WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = s.source AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped))
  AND release_mgmt_internal.row_expression_is_whole(s.source, s.condition) IS NOT FALSE;
COMMENT ON VIEW release_mgmt_internal.ci_relation_source IS
'Where relations are read: those stated of which the columns are there, those of the condition too. The others are none until they are bound again, and binding_status names them.';

CREATE TABLE release_mgmt.ci (
    id              uuid DEFAULT release_mgmt.new_id(),
    class           text NOT NULL,
    key             text NOT NULL,
    label           text NOT NULL GENERATED ALWAYS AS (class || '/' || key) STORED,
    organization_id uuid,
    retired_at      timestamptz,
    CONSTRAINT ci_pkey PRIMARY KEY (id),
    CONSTRAINT ci_label_key UNIQUE (label),
    CONSTRAINT ci_class_fkey FOREIGN KEY (class) REFERENCES release_mgmt.ci_class,
    CONSTRAINT ci_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES release_mgmt.organization
);
COMMENT ON TABLE release_mgmt.ci IS
'One stub per configuration item: who it is, so that other tables can hold it. Kept in step with the bound tables by their triggers; what the item is like is read from the bound table with ci_attributes().';
COMMENT ON COLUMN release_mgmt.ci.key IS 'values of the key columns joined by '':''; a '':'' or ''\'' inside a value is escaped by ''\''';
COMMENT ON COLUMN release_mgmt.ci.label IS 'class/key: how people name the item';
COMMENT ON COLUMN release_mgmt.ci.retired_at IS 'when its row was deleted; a new row with the same key revives the item';
COMMENT ON COLUMN release_mgmt.ci.organization_id IS 'whose it is, read from the bound table; NULL: nobody''s in particular';
CREATE INDEX ci_class_idx ON release_mgmt.ci (class);
CREATE INDEX ci_organization_id_idx ON release_mgmt.ci (organization_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci');
SELECT release_mgmt_internal.belongs('release_mgmt.ci', organizations => '{organization_id}');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci');

-- One index for both who permitted it and which it is: a permit is written for each change.
CREATE TABLE release_mgmt.ci_change_permit (
    id             uuid DEFAULT release_mgmt.new_id(),
    transaction_id uuid NOT NULL,
    ci_id          uuid NOT NULL,
    operation      text NOT NULL,
    attribute      text,
    check_name     text NOT NULL,
    permitted_by   uuid NOT NULL,
    old_value      text,
    new_value      text,
    CONSTRAINT ci_change_permit_pkey PRIMARY KEY (permitted_by, id),
    CONSTRAINT ci_change_permit_operation_check CHECK (operation IN ('create', 'change', 'retire')),
    CONSTRAINT ci_change_permit_ci_id_fkey FOREIGN KEY (ci_id) REFERENCES release_mgmt.ci
);
COMMENT ON TABLE release_mgmt.ci_change_permit IS
'Each change of a configuration item that something permitted. Written by the guard; a captured change without a row here was not authorized.';
COMMENT ON COLUMN release_mgmt.ci_change_permit.transaction_id IS 'the transaction, as captured changes name it';
COMMENT ON COLUMN release_mgmt.ci_change_permit.attribute IS 'the changed column; NULL for the creation or retirement of the item as such';
COMMENT ON COLUMN release_mgmt.ci_change_permit.check_name IS 'the registered check that permitted it';
COMMENT ON COLUMN release_mgmt.ci_change_permit.permitted_by IS 'what that check answered: the id of the planned CI change, of the back-out, or of the emergency';
COMMENT ON COLUMN release_mgmt.ci_change_permit.old_value IS 'the value that a back-out restored the attribute from; NULL where something else permitted the change, as a plan states its values itself';
COMMENT ON COLUMN release_mgmt.ci_change_permit.new_value IS 'the value that a back-out restored';
CREATE INDEX ci_change_permit_ci_id_idx ON release_mgmt.ci_change_permit (ci_id, transaction_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_change_permit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_change_permit');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_change_permit', through => 'ci_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_change_permit');
