-- Module ledger: checkpoints and proofs.

CREATE TABLE release_mgmt.ledger_checkpoint (
    log_id    uuid,
    size      bigint,
    note      text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT ledger_checkpoint_pkey PRIMARY KEY (log_id, size),
    CONSTRAINT ledger_checkpoint_log_id_fkey FOREIGN KEY (log_id) REFERENCES release_mgmt.ledger_log
);
COMMENT ON TABLE release_mgmt.ledger_checkpoint IS
'The checkpoints signed here, as signed notes (C2SP signed-note). The proof against this database is a copy kept outside it.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_checkpoint', '');

CREATE FUNCTION release_mgmt.note_bytes(note text) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_note_bytes';
COMMENT ON FUNCTION release_mgmt.note_bytes(text) IS
'A note, a proof, a request or evidence as others read it: in UTF-8, every signature line beginning with U+2014 (C2SP signed-note). For databases whose encoding has
no such character, where these lines begin with \2014 in text. Errors: 22P05 where the text has no counterpart in UTF-8.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.note_bytes(text)');

CREATE FUNCTION release_mgmt.note_text(bytes bytea) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_note_text';
COMMENT ON FUNCTION release_mgmt.note_text(bytea) IS
'The text in this database of a note whose bytes are given, as for verify_ledger(), activate() and add_cosignature(): the opposite of note_bytes(). Errors: 22021
where it is not UTF-8, 22P05 where the database''s encoding can not hold it.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.note_text(bytea)');

CREATE FUNCTION release_mgmt_internal.current_log(OUT log_id uuid, OUT origin text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT l.id, l.origin
    FROM release_mgmt.ledger_identity AS i
    JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id
    WHERE release_mgmt_internal.require_active() IS NOT NULL;
END;
COMMENT ON FUNCTION release_mgmt_internal.current_log() IS 'The log that this database writes to. Raises RM001 where it is inactive.';

CREATE FUNCTION release_mgmt_internal.checkpoint_of(log_id uuid, origin text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_checkpoint_of';
COMMENT ON FUNCTION release_mgmt_internal.checkpoint_of(uuid, text) IS 'The checkpoint of a log''s tree, without signature.';

CREATE FUNCTION release_mgmt_internal.sign_checkpoint_of(log_id uuid, origin text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_sign_checkpoint_of';
COMMENT ON FUNCTION release_mgmt_internal.sign_checkpoint_of(uuid, text) IS 'See sign_checkpoint().';

CREATE FUNCTION release_mgmt_internal.verifier_key_of(origin text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_verifier_key';
COMMENT ON FUNCTION release_mgmt_internal.verifier_key_of(text) IS 'See verifier_key().';

CREATE FUNCTION release_mgmt_internal.last_signed(origin text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_last_signed';
COMMENT ON FUNCTION release_mgmt_internal.last_signed(text) IS
'The note of that origin that was signed last, from the file beside the key; NULL where there is none.';

CREATE FUNCTION release_mgmt_internal.checkpoint_state(note text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_checkpoint_state';
COMMENT ON FUNCTION release_mgmt_internal.checkpoint_state(text) IS
'unreadable, unsigned, signed, signature invalid, or not checked where no key is configured.';

CREATE FUNCTION release_mgmt_internal.inclusion_proof_of(log_id uuid, index bigint, size bigint) RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_inclusion_proof_of';
COMMENT ON FUNCTION release_mgmt_internal.inclusion_proof_of(uuid, bigint, bigint) IS 'See inclusion_proof().';

CREATE FUNCTION release_mgmt_internal.consistency_proof_of(log_id uuid, old_size bigint, size bigint) RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_consistency_proof_of';
COMMENT ON FUNCTION release_mgmt_internal.consistency_proof_of(uuid, bigint, bigint) IS 'See consistency_proof().';

-- What follows reads or writes tables on behalf of duties that hold no privilege on them, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.checkpoint() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.checkpoint_of(c.log_id, c.origin) FROM release_mgmt_internal.current_log() AS c;
END;
COMMENT ON FUNCTION release_mgmt.checkpoint() IS
'The tree''s checkpoint, not signed: origin, number of leaves, base64 of the root, each on a line (C2SP tlog-checkpoint). Errors: RM001 inactive.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.checkpoint()');

CREATE FUNCTION release_mgmt.sign_checkpoint() RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    INSERT INTO release_mgmt.ledger_checkpoint AS k (log_id, size, note)
    SELECT c.log_id, pg_catalog.split_part(s.note, E'\n', 2)::bigint, s.note
    FROM release_mgmt_internal.current_log() AS c
    CROSS JOIN LATERAL release_mgmt_internal.sign_checkpoint_of(c.log_id, c.origin) AS s (note)
    ON CONFLICT ON CONSTRAINT ledger_checkpoint_pkey DO UPDATE SET note = excluded.note
    RETURNING k.note;
END;
COMMENT ON FUNCTION release_mgmt.sign_checkpoint() IS
'The tree''s checkpoint as a signed note (C2SP signed-note, Ed25519 of RFC 8032), by the key in release_mgmt.signing_key_file, under the log''s origin as name.
Keep it outside this database. Refuses a tree that did not grow from the one signed last, which is kept beside the key.
Errors: RM001 inactive, RM014 ledger_corrupt, RM015 wrong_state where no key is configured or the tree was sequenced in this transaction.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.sign_checkpoint()');

CREATE FUNCTION release_mgmt.verifier_key() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.verifier_key_of(c.origin) FROM release_mgmt_internal.current_log() AS c;
END;
COMMENT ON FUNCTION release_mgmt.verifier_key() IS
'The public half of the signing key as verifiers of signed notes take it: name+hex(key id)+base64(0x01 || public key). Hand it over by a road of its own.
Errors: RM001 inactive, RM015 where no key is configured.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.verifier_key()');

CREATE FUNCTION release_mgmt.inclusion_proof(index bigint, size bigint DEFAULT NULL) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.inclusion_proof_of(c.log_id, inclusion_proof.index, coalesce(inclusion_proof.size, h.size))
    FROM release_mgmt_internal.current_log() AS c
    JOIN release_mgmt.ledger_head AS h ON h.log_id = c.log_id;
END;
COMMENT ON FUNCTION release_mgmt.inclusion_proof(bigint, bigint) IS
'The proof that the leaf of that index is in the tree of that size, by default the present one: base64 of hashes (RFC 6962 section 2.1.1, RFC 9162 section
2.1.3). Errors: RM001 inactive, 22003 where the tree is smaller.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.inclusion_proof(bigint, bigint)');

CREATE FUNCTION release_mgmt.consistency_proof(old_size bigint, size bigint DEFAULT NULL) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.consistency_proof_of(c.log_id, consistency_proof.old_size, coalesce(consistency_proof.size, h.size))
    FROM release_mgmt_internal.current_log() AS c
    JOIN release_mgmt.ledger_head AS h ON h.log_id = c.log_id;
END;
COMMENT ON FUNCTION release_mgmt.consistency_proof(bigint, bigint) IS
'The proof that the tree of that size, by default the present one, grew from the one of the old size: base64 of hashes (RFC 6962 section 2.1.2, RFC 9162
section 2.1.4). Errors: RM001 inactive, 22003 where the tree is smaller.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.consistency_proof(bigint, bigint)');
