-- Module ledger: cosignatures of witnesses over checkpoints (C2SP tlog-cosignature).

CREATE FUNCTION release_mgmt_internal.witness_name(verifier_key text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_witness_name';
COMMENT ON FUNCTION release_mgmt_internal.witness_name(text) IS
'The name in a witness''s verifier key, name+hex(key id)+base64(0x04 || Ed25519 public key); RM019 where it is none.';

CREATE FUNCTION release_mgmt_internal.cosigned_at(line text, note text, verifier_key text) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_cosigned_at';
COMMENT ON FUNCTION release_mgmt_internal.cosigned_at(text, text, text) IS
'The time that a signature line states, if it is that witness''s cosignature over the note''s checkpoint; NULL otherwise.';

CREATE FUNCTION release_mgmt_internal.is_cosigned_by(line text, verifier_key text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_is_cosigned_by';
COMMENT ON FUNCTION release_mgmt_internal.is_cosigned_by(text, text) IS 'Whether a signature line has the form of a cosignature, and names that witness and key.';

CREATE TABLE release_mgmt.witness (
    name         text,
    verifier_key text NOT NULL,
    CONSTRAINT witness_pkey PRIMARY KEY (name),
    CONSTRAINT witness_verifier_key_check CHECK (name = release_mgmt_internal.witness_name(verifier_key))
);
COMMENT ON TABLE release_mgmt.witness IS
'Who may cosign checkpoints: parties that watch the log and say that it only ever grew. Insert a row for each; the key comes from the witness by a road of its own.';
COMMENT ON COLUMN release_mgmt.witness.verifier_key IS 'name+hex(key id)+base64(0x04 || Ed25519 public key), as C2SP tlog-cosignature and signed-note say';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.witness', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.witness');

CREATE TABLE release_mgmt.ledger_cosignature (
    log_id      uuid,
    size        bigint,
    witness     text,
    line        text NOT NULL,
    cosigned_at timestamptz NOT NULL,
    CONSTRAINT ledger_cosignature_pkey PRIMARY KEY (log_id, size, witness),
    CONSTRAINT ledger_cosignature_checkpoint_fkey FOREIGN KEY (log_id, size) REFERENCES release_mgmt.ledger_checkpoint,
    CONSTRAINT ledger_cosignature_witness_fkey FOREIGN KEY (witness) REFERENCES release_mgmt.witness
);
COMMENT ON TABLE release_mgmt.ledger_cosignature IS
'Cosignatures over checkpoints, verified before they were kept. Written by add_cosignature(), shown by cosigned_checkpoint.';
COMMENT ON COLUMN release_mgmt.ledger_cosignature.line IS 'The signature line, without its newline';
COMMENT ON COLUMN release_mgmt.ledger_cosignature.cosigned_at IS 'When the witness saw it, as it states itself';
CREATE INDEX ledger_cosignature_witness_idx ON release_mgmt.ledger_cosignature (witness);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ledger_cosignature', '');

CREATE VIEW release_mgmt.cosigned_checkpoint WITH (security_invoker = true) AS
    SELECT l.origin, k.size, k.note || coalesce(c.lines, '') AS note, k.signed_at, coalesce(c.witnesses, '{}') AS witnesses
    FROM release_mgmt.ledger_checkpoint AS k
    JOIN release_mgmt.ledger_log AS l ON l.id = k.log_id
    LEFT JOIN (
        SELECT s.log_id, s.size, pg_catalog.string_agg(s.line || E'\n', '' ORDER BY s.witness) AS lines,
               pg_catalog.array_agg(s.witness ORDER BY s.witness) AS witnesses
        FROM release_mgmt.ledger_cosignature AS s
        GROUP BY s.log_id, s.size) AS c ON c.log_id = k.log_id AND c.size = k.size;
COMMENT ON VIEW release_mgmt.cosigned_checkpoint IS
'Every checkpoint signed here with the cosignatures that came for it: a signed note of several signatures, and who cosigned.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'SELECT', 'release_mgmt.cosigned_checkpoint');
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'SELECT', object), release_mgmt_internal.is_shared(object, 'one log for all')
FROM pg_catalog.unnest('{release_mgmt.ledger_checkpoint,release_mgmt.ledger_log,release_mgmt.ledger_cosignature,release_mgmt.witness}'::text[]) AS t (object);

-- Writes on behalf of duties that hold no privilege on the table, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.add_cosignature(cosigned text, size bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    cosigned CONSTANT text := release_mgmt.note_text(release_mgmt.note_bytes(cosigned));
    body_length CONSTANT integer := strpos(cosigned, E'\n\n');
    checkpoint release_mgmt.ledger_checkpoint;
    registered release_mgmt.witness;
    witness_line text;
    witness_name text;
    seen_at timestamptz;
    lines text[] := '{}';
    witnesses text[] := '{}';
    times timestamptz[] := '{}';
    problems text[] := '{}';
BEGIN
    SELECT k.* INTO checkpoint
    FROM release_mgmt_internal.current_log() AS c
    JOIN release_mgmt.ledger_checkpoint AS k ON k.log_id = c.log_id
    WHERE (add_cosignature.size IS NULL OR k.size = add_cosignature.size)
      AND (body_length = 0 OR starts_with(k.note, left(cosigned, body_length + 1)))
    ORDER BY k.size DESC
    LIMIT 1;
    IF checkpoint.log_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('signature_invalid', 'no checkpoint signed here is the one that was cosigned',
            CASE WHEN body_length > 0 THEN 'What was given begins with: ' || replace(left(cosigned, body_length - 1), E'\n', ' ') || '.' END,
            'A cosignature counts for a checkpoint that sign_checkpoint() returned; these stand in release_mgmt.cosigned_checkpoint.');
    END IF;
    FOR witness_line IN
        SELECT t.line
        FROM string_to_table(CASE WHEN body_length > 0 THEN substr(cosigned, body_length + 2) ELSE cosigned END, E'\n') AS t (line)
        -- The log's own signature comes along in a whole note.
        WHERE t.line <> '' AND strpos(release_mgmt.note_text(release_mgmt.note_bytes(checkpoint.note)), E'\n' || t.line || E'\n') = 0
    LOOP
        witness_name := split_part(witness_line, ' ', 2);
        SELECT w.* INTO registered FROM release_mgmt.witness AS w WHERE w.name = witness_name;
        seen_at := release_mgmt_internal.cosigned_at(witness_line, checkpoint.note, registered.verifier_key);
        IF registered.name IS NULL THEN
            problems := problems || format('No witness "%s" is registered.', witness_name);
        ELSIF NOT release_mgmt_internal.is_cosigned_by(witness_line, registered.verifier_key) THEN
            -- A witness may sign with keys of other kinds as well.
            CONTINUE;
        ELSIF seen_at IS NULL THEN
            problems := problems || format('This is no cosignature of witness "%s" over the checkpoint of %s leaves.', witness_name, checkpoint.size);
        ELSE
            lines := lines || witness_line;
            witnesses := witnesses || witness_name;
            times := times || seen_at;
        END IF;
    END LOOP;
    IF cardinality(problems) = 0 AND cardinality(lines) = 0 THEN
        problems := ARRAY['There is no signature line by the key of a witness in it.'];
    END IF;
    IF cardinality(problems) > 0 THEN
        PERFORM release_mgmt_internal.refuse('signature_invalid', 'cosignatures can not be kept', array_to_string(problems, ' '),
            'Insert a witness into release_mgmt.witness with the key that it states; give what it cosigned, and nothing else.');
    END IF;
    INSERT INTO release_mgmt.ledger_cosignature AS s (log_id, size, witness, line, cosigned_at)
    SELECT DISTINCT ON (n.witness) checkpoint.log_id, checkpoint.size, n.witness, n.line, n.cosigned_at
    FROM unnest(witnesses, lines, times) AS n (witness, line, cosigned_at)
    ORDER BY n.witness, n.cosigned_at DESC
    ON CONFLICT ON CONSTRAINT ledger_cosignature_pkey DO UPDATE SET line = excluded.line, cosigned_at = excluded.cosigned_at
    WHERE excluded.cosigned_at > s.cosigned_at;
    RETURN (SELECT k.note FROM release_mgmt_internal.current_log() AS c
            JOIN release_mgmt.cosigned_checkpoint AS k ON k.origin = c.origin AND k.size = checkpoint.size);
END;
$$;
COMMENT ON FUNCTION release_mgmt.add_cosignature(text, bigint) IS
'Keeps cosignatures of witnesses over a checkpoint signed here. cosigned: the cosigned checkpoint as a whole, or its signature lines alone, as a witness
answers with (C2SP tlog-witness); these are over the checkpoint of that size, by default the one signed last. Each is verified with the key in witness; one
that does not hold, and one of an unknown witness, refuses them all; a known witness''s lines by keys of other kinds are left out. The same again does no harm, a later one of a witness takes the place of the former.
Returns the checkpoint with all its cosignatures. Errors: RM001 inactive, RM011 where the checkpoint is not one of ours or a cosignature can not be kept.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.add_cosignature(text, bigint)');

-- Reads the tree on behalf of duties that hold no privilege on it, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.witness_request(witness text, old_size bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    checkpoint release_mgmt.ledger_checkpoint;
    seen bigint;
    proof text[];
BEGIN
    SELECT k.* INTO checkpoint
    FROM release_mgmt_internal.current_log() AS c
    JOIN release_mgmt.ledger_checkpoint AS k ON k.log_id = c.log_id
    ORDER BY k.size DESC
    LIMIT 1;
    IF NOT EXISTS (SELECT FROM release_mgmt.witness AS w WHERE w.name = witness_request.witness) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no witness "%s" is registered', witness), NULL,
            'Witnesses are the rows of release_mgmt.witness; insert one, or correct the name.');
    ELSIF checkpoint.log_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', 'there is no signed checkpoint to be cosigned', NULL,
            'SELECT release_mgmt.sign_checkpoint() makes one.');
    END IF;
    seen := coalesce(old_size, (SELECT max(s.size) FROM release_mgmt.ledger_cosignature AS s
                                WHERE s.log_id = checkpoint.log_id AND s.witness = witness_request.witness), 0);
    proof := release_mgmt_internal.consistency_proof_of(checkpoint.log_id, seen, checkpoint.size);
    RETURN format(E'old %s\n%s\n%s', seen, array_to_string(proof, E'\n') || CASE WHEN cardinality(proof) > 0 THEN E'\n' ELSE '' END, checkpoint.note);
END;
$$;
COMMENT ON FUNCTION release_mgmt.witness_request(text, bigint) IS
'What a witness is asked with, the body of add-checkpoint (C2SP tlog-witness): the size that it saw last, the proof that the log grew from there, and the
checkpoint signed last. old_size: what the witness says that it saw last, by default what it cosigned last here, 0 for nothing; its answer goes to
add_cosignature(). Errors: RM001 inactive, RM002 unknown witness, RM015 where nothing is signed, 22003 where the tree is smaller than old_size.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.witness_request(text, bigint)');
