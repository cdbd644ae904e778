-- Module library, first part: the items of the Definitive Media Library and their content.

CREATE TABLE release_mgmt.library_item (
    id               uuid DEFAULT release_mgmt.new_id(),
    purl             release_mgmt.purl NOT NULL,
    name             text NOT NULL,
    version          release_mgmt.pkgver,
    architecture     text,
    multi_arch       text,
    built_from       release_mgmt.purl,
    kind             text NOT NULL DEFAULT 'software',
    state            text NOT NULL DEFAULT 'quarantined',
    digest           release_mgmt.digest,
    size             bigint,
    owner            text,
    licence          text,
    source_kind      text,
    source_reference text,
    taken_in_by      uuid NOT NULL,
    taken_in_at      timestamptz NOT NULL DEFAULT now(),
    accepted_by      uuid,
    accepted_at      timestamptz,
    ended_by         uuid,
    ended_at         timestamptz,
    end_reason       text,
    CONSTRAINT library_item_pkey PRIMARY KEY (id),
    CONSTRAINT library_item_taken_in_by_fkey FOREIGN KEY (taken_in_by) REFERENCES release_mgmt.person,
    CONSTRAINT library_item_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES release_mgmt.person,
    CONSTRAINT library_item_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES release_mgmt.person,
    CONSTRAINT library_item_kind_check CHECK (kind IN ('software', 'hardware', 'document', 'configuration', 'data')),
    CONSTRAINT library_item_state_check CHECK (state IN ('quarantined', 'accepted', 'rejected', 'retired')),
    CONSTRAINT library_item_source_kind_check CHECK (source_kind IN ('incident', 'change', 'request', 'problem')),
    CONSTRAINT library_item_size_check CHECK ((size IS NULL) = (digest IS NULL)),
    CONSTRAINT library_item_accepted_check
        CHECK (state NOT IN ('accepted', 'retired') OR (digest IS NOT NULL AND accepted_by IS NOT NULL AND accepted_at IS NOT NULL)),
    CONSTRAINT library_item_ended_check
        CHECK ((state IN ('rejected', 'retired')) = (ended_by IS NOT NULL AND ended_at IS NOT NULL AND end_reason IS NOT NULL))
);
COMMENT ON TABLE release_mgmt.library_item IS
'Items of the Definitive Media Library: what came in, from where, by whom, and whether it may go out. Written by begin_intake(), finish_intake(), accept_item(), reject_item() and retire_item().';
COMMENT ON COLUMN release_mgmt.library_item.purl IS 'package URL (ECMA-427) with its version';
COMMENT ON COLUMN release_mgmt.library_item.version IS 'the purl''s version, in the scheme of its type; NULL where it has none';
COMMENT ON COLUMN release_mgmt.library_item.architecture IS 'as the content itself says; NULL where it does not';
COMMENT ON COLUMN release_mgmt.library_item.multi_arch IS 'Debian: no, same, foreign or allowed; NULL where the content does not say';
COMMENT ON COLUMN release_mgmt.library_item.built_from IS 'Debian: the source package that the content was built from, as the content says: what advisories name; NULL where the content does not say';
COMMENT ON COLUMN release_mgmt.library_item.state IS 'quarantined, then accepted or rejected; an accepted one is retired in the end. Only accepted items go out.';
COMMENT ON COLUMN release_mgmt.library_item.digest IS 'SHA-256 of the whole content; NULL until the intake is finished';
COMMENT ON COLUMN release_mgmt.library_item.size IS 'bytes';
COMMENT ON COLUMN release_mgmt.library_item.owner IS 'who answers for the item, as the contract names them';
COMMENT ON COLUMN release_mgmt.library_item.licence IS 'SPDX licence expression, or the name of a contract';
COMMENT ON COLUMN release_mgmt.library_item.source_kind IS 'what asked for the item: incident, change, request or problem';
COMMENT ON COLUMN release_mgmt.library_item.source_reference IS 'the code of that incident, change, request or problem';
COMMENT ON COLUMN release_mgmt.library_item.end_reason IS 'why the item was rejected or retired';
CREATE UNIQUE INDEX library_item_accepted_purl_idx ON release_mgmt.library_item (purl) WHERE state = 'accepted';
COMMENT ON INDEX release_mgmt.library_item_accepted_purl_idx IS 'One purl names one content among the accepted items.';
CREATE INDEX library_item_name_idx ON release_mgmt.library_item (name);
CREATE INDEX library_item_digest_idx ON release_mgmt.library_item (digest);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.library_item', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.library_item');
SELECT release_mgmt_internal.is_source('release_mgmt.library_item');
SELECT release_mgmt_internal.is_shared('release_mgmt.library_item', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.library_item');

CREATE TABLE release_mgmt.library_content (
    item_id   uuid,
    chunk_no  integer,
    begins_at bigint NOT NULL,
    content   bytea NOT NULL,
    CONSTRAINT library_content_pkey PRIMARY KEY (item_id, chunk_no),
    CONSTRAINT library_content_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item,
    CONSTRAINT library_content_chunk_no_check CHECK (chunk_no >= 0),
    CONSTRAINT library_content_content_check CHECK (length(content) BETWEEN 1 AND 1048576)
);
-- Packages are compressed already; and a plain chunk can be read in parts.
ALTER TABLE release_mgmt.library_content ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE release_mgmt.library_content IS
'The bytes of the items, in chunks of at most 1 MiB. Appended by append_content() in quarantine, never altered. Read by read_content().';
COMMENT ON COLUMN release_mgmt.library_content.chunk_no IS 'from 0, without gaps';
COMMENT ON COLUMN release_mgmt.library_content.begins_at IS 'bytes of the item before this chunk';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.library_content', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.library_content');
SELECT release_mgmt_internal.is_shared('release_mgmt.library_content', 'one library for all');

CREATE TABLE release_mgmt.library_file (
    item_id uuid,
    path    text,
    digest  release_mgmt.digest NOT NULL,
    size    bigint NOT NULL,
    mode    integer NOT NULL,
    CONSTRAINT library_file_pkey PRIMARY KEY (item_id, path),
    CONSTRAINT library_file_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item
);
COMMENT ON TABLE release_mgmt.library_file IS
'The files that an item installs, with the digest of each, read by the server from the content itself. Basis of item_manifest().';
COMMENT ON COLUMN release_mgmt.library_file.path IS 'relative to the root of the installation, without a leading "./"';
COMMENT ON COLUMN release_mgmt.library_file.size IS 'bytes';
COMMENT ON COLUMN release_mgmt.library_file.mode IS 'permission bits (0644 is 420)';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.library_file', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.library_file');
SELECT release_mgmt_internal.is_shared('release_mgmt.library_file', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.library_file');
