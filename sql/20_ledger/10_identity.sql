-- Module ledger: whose ledger this is. A database is active where the stored identity is the real one.

CREATE TABLE release_mgmt.ledger_log (
    id        uuid DEFAULT release_mgmt.new_id(),
    origin    text NOT NULL,
    base      text NOT NULL,
    epoch     integer NOT NULL,
    opened_at timestamptz NOT NULL,
    CONSTRAINT ledger_log_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_log_origin_key UNIQUE (origin),
    CONSTRAINT ledger_log_base_epoch_key UNIQUE (base, epoch),
    CONSTRAINT ledger_log_base_check CHECK (base ~ '^[^[:space:][:cntrl:]+/]+(/[^[:space:][:cntrl:]+/]+)*$'),
    CONSTRAINT ledger_log_origin_check CHECK (origin = CASE epoch WHEN 1 THEN base ELSE base || '/e' || epoch::text END)
);
COMMENT ON TABLE release_mgmt.ledger_log IS
'The logs whose trees are kept here: one for each epoch of this database. A hub holds those of other sites beside its own.';
COMMENT ON COLUMN release_mgmt.ledger_log.origin IS 'First line of the log''s checkpoints and name of its signing key: the base, then /e2, /e3, ... from the second epoch on';
COMMENT ON COLUMN release_mgmt.ledger_log.base IS 'The name given to activate()';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_log', '');

CREATE TABLE release_mgmt.ledger_identity (
    singleton         boolean DEFAULT true,
    log_id            uuid NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    extension_oid     oid NOT NULL,
    pending           integer NOT NULL DEFAULT 0,
    activated_at      timestamptz NOT NULL,
    CONSTRAINT ledger_identity_pkey PRIMARY KEY (singleton),
    CONSTRAINT ledger_identity_singleton_check CHECK (singleton),
    CONSTRAINT ledger_identity_pending_check CHECK (pending IN (0, 1)),
    CONSTRAINT ledger_identity_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON COLUMN release_mgmt.ledger_identity.pending IS 'The table of pending leaves that transactions write to';
COMMENT ON TABLE release_mgmt.ledger_identity IS
'The cluster, database and extension in which the log is written to. A restored or templated copy has another identity and is inactive.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_identity', '');

CREATE FUNCTION release_mgmt_internal.forget_table() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_forget_table';
COMMENT ON FUNCTION release_mgmt_internal.forget_table() IS
'Statement trigger of tables of which sessions keep what they have read (whether the database is active, the registered checks): they forget it, this session at once and the others with the commit.';
CREATE TRIGGER rm_90_forget AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON release_mgmt.ledger_identity
    FOR EACH STATEMENT EXECUTE FUNCTION release_mgmt_internal.forget_table();
ALTER TABLE release_mgmt.ledger_identity ENABLE ALWAYS TRIGGER rm_90_forget;

-- Asked in the WHEN clause of triggers, with the rights of whoever writes: PUBLIC keeps EXECUTE.
CREATE FUNCTION release_mgmt_internal.is_active() RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_is_active';
COMMENT ON FUNCTION release_mgmt_internal.is_active() IS
'Whether activate() was called in this very database: system identifier, database OID and extension OID are those stored. Kept per session.';

CREATE FUNCTION release_mgmt_internal.when_changed() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_when_changed';
COMMENT ON FUNCTION release_mgmt_internal.when_changed() IS
'Trigger of UPDATE, for each row: calls the trigger function of this schema that its first argument names where a column changed that another argument names, and the database is active. As WHEN (OLD.x IS DISTINCT FROM NEW.x ... AND is_active()) would, but not read anew by every statement.';

CREATE FUNCTION release_mgmt_internal.require_active() RETURNS void
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_require_active';
COMMENT ON FUNCTION release_mgmt_internal.require_active() IS 'Raises RM001 (inactive) where is_active() is false.';

CREATE FUNCTION release_mgmt_internal.real_identity(OUT system_identifier bigint, OUT database_oid oid, OUT extension_oid oid)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT c.system_identifier, d.oid, e.oid
    FROM pg_catalog.pg_control_system() AS c
    CROSS JOIN pg_catalog.pg_database AS d
    CROSS JOIN pg_catalog.pg_extension AS e
    WHERE d.datname = pg_catalog.current_database() AND e.extname = 'release_mgmt';
END;
COMMENT ON FUNCTION release_mgmt_internal.real_identity() IS 'The identity that activate() stores.';
