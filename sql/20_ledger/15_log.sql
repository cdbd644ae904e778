-- Module ledger: captured changes, pending leaves, and the tree. Written by C code alone.

CREATE TABLE release_mgmt.ledger_batch (
    transaction_id uuid,
    first_seq      bigint,
    count          integer NOT NULL,
    changes        bytea NOT NULL,
    CONSTRAINT ledger_batch_pkey PRIMARY KEY (transaction_id, first_seq),
    CONSTRAINT ledger_batch_count_check CHECK (count > 0)
);
COMMENT ON TABLE release_mgmt.ledger_batch IS
'Captured changes, a page of them in a row, in the form that src/ledger/change.h defines. Read them through captured_change, or with those that
stand beside a pending leaf through release_mgmt_internal.change_batch.';
COMMENT ON COLUMN release_mgmt.ledger_batch.first_seq IS 'Number of the first change within its transaction, from 0';
-- A page is filled by one batch, and digests do not compress.
ALTER TABLE release_mgmt.ledger_batch ALTER changes SET STORAGE EXTERNAL;
ALTER TABLE release_mgmt.ledger_batch SET (toast_tuple_target = 8160);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_batch', '');

CREATE TABLE release_mgmt.ledger_pending_0 (
    position       pg_lsn NOT NULL,
    at             timestamptz NOT NULL,
    count          bigint NOT NULL,
    transaction_id uuid NOT NULL,
    root           bytea NOT NULL,
    roles          bytea NOT NULL,
    changes        bytea
);
COMMENT ON TABLE release_mgmt.ledger_pending_0 IS
'Leaves of committed transactions that sequence_ledger() has not put into the tree: what their entries say, which is shorter than the entries. Two tables
are used in turn, so that one can be emptied whole.';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.at IS 'Of the commit; this, count, transaction_id, root and roles are what the entry says';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.count IS 'How many changes the transaction has';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.root IS 'The Merkle tree hash over the changes';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.roles IS 'The lines of the entry that name the session''s role, its application, and the roles that changed something';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.changes IS
'The transaction''s changes in the form of ledger_batch, to which sequencing moves them; NULL where they were more than go beside a leaf and stand there
already';
COMMENT ON COLUMN release_mgmt.ledger_pending_0.position IS
'WAL insert position read before the commit, while the locks on the changed rows were held: the order of the log';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_pending_0', '');

CREATE TABLE release_mgmt.ledger_pending_1 (
    position       pg_lsn NOT NULL,
    at             timestamptz NOT NULL,
    count          bigint NOT NULL,
    transaction_id uuid NOT NULL,
    root           bytea NOT NULL,
    roles          bytea NOT NULL,
    changes        bytea
);
COMMENT ON TABLE release_mgmt.ledger_pending_1 IS 'See ledger_pending_0.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_pending_1', '');

CREATE TABLE release_mgmt.ledger_entry (
    log_id         uuid,
    index          bigint,
    transaction_id uuid,
    entry          bytea NOT NULL,
    CONSTRAINT ledger_entry_pkey PRIMARY KEY (log_id, index),
    CONSTRAINT ledger_entry_transaction_id_key UNIQUE (transaction_id),
    CONSTRAINT ledger_entry_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.ledger_entry IS
'The entries of each log in their order; src/ledger/entry.h defines their form. The leaf of an entry is SHA256(0x00 || entry), RFC 6962 section 2.1.';
COMMENT ON COLUMN release_mgmt.ledger_entry.transaction_id IS 'The transaction whose changes the entry holds the root of; NULL for other entries';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_entry', '');

CREATE TABLE release_mgmt.ledger_tile (
    log_id uuid,
    level  integer,
    index  bigint,
    root   bytea NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT ledger_tile_pkey PRIMARY KEY (log_id, level, index),
    CONSTRAINT ledger_tile_root_check CHECK (octet_length(root) = 32),
    CONSTRAINT ledger_tile_hashes_check CHECK (octet_length(hashes) = 8192),
    CONSTRAINT ledger_tile_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.ledger_tile IS
'The full tiles of each tree: 256 hashes of height 8 * level (C2SP tlog-tiles). What is not in a full tile follows from the entries and the tiles below.';
ALTER TABLE release_mgmt.ledger_tile ALTER hashes SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_tile', '');

CREATE TABLE release_mgmt.ledger_head (
    log_id        uuid,
    size          bigint NOT NULL,
    edge          bytea NOT NULL,
    tail          bytea NOT NULL,
    sequenced_at  timestamptz,
    seen_before   xid8,
    not_seen_from xid8,
    CONSTRAINT ledger_head_pkey PRIMARY KEY (log_id),
    CONSTRAINT ledger_head_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.ledger_head IS 'How far each tree has grown.';
COMMENT ON COLUMN release_mgmt.ledger_head.edge IS
'Roots of the perfect subtrees that make up the tree, largest first: one for each bit set in size';
COMMENT ON COLUMN release_mgmt.ledger_head.tail IS 'Hashes of the leaves behind the last full tile';
COMMENT ON COLUMN release_mgmt.ledger_head.seen_before IS
'Every transaction before this one had ended when the pending leaves were last read, so that sequencing need not look its leaf up in the tree again. NULL
where that is not known, as in a restored database, where transaction numbers do not mean what they meant';
COMMENT ON COLUMN release_mgmt.ledger_head.not_seen_from IS
'No transaction from this one on could be seen then, so that its leaf is not in the tree, and is not looked up either. NULL with seen_before';
ALTER TABLE release_mgmt.ledger_head ALTER tail SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_head', '');

CREATE TABLE release_mgmt.ledger_key (
    hash           bigint NOT NULL,
    transaction_id uuid NOT NULL,
    first_seq      bigint NOT NULL
);
COMMENT ON TABLE release_mgmt.ledger_key IS
'Which batches hold changes of a row, by the hash of its table and key. Filled by sequencing, for reading history; verification does not use it.';
CREATE INDEX ledger_key_hash_idx ON release_mgmt.ledger_key (hash);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_key', '');

CREATE TABLE release_mgmt.ledger_keyed (
    log_id uuid,
    size   bigint NOT NULL,
    CONSTRAINT ledger_keyed_pkey PRIMARY KEY (log_id),
    CONSTRAINT ledger_keyed_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.ledger_keyed IS 'Up to which leaf of each log ledger_key is filled.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_keyed', '');

CREATE TABLE release_mgmt.ledger_slow (
    second  timestamptz,
    longest interval NOT NULL,
    CONSTRAINT ledger_slow_pkey PRIMARY KEY (second)
);
COMMENT ON TABLE release_mgmt.ledger_slow IS
'Seconds in which a transaction committed that is in the tree and took more than a tenth of a second from its first change on: how long the slowest took. Filled by sequencing, for reading history by the time; verification does not use it.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_slow', '');

CREATE TABLE release_mgmt.ledger_long_value (
    toast_table oid,
    value_id    oid,
    hash        bytea NOT NULL,
    CONSTRAINT ledger_long_value_pkey PRIMARY KEY (toast_table, value_id)
);
COMMENT ON TABLE release_mgmt.ledger_long_value IS
'Hashes of long values that stand out of line in governed rows, so that an UPDATE which leaves one alone need not read it. Not dumped: the ids are this
database''s own.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_long_value', 'WHERE false');
