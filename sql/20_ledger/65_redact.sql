-- Module ledger: redaction. Values go, proofs stay, and that they went is on record.

CREATE TABLE release_mgmt.redaction (
    id       uuid DEFAULT release_mgmt.new_id(),
    table_id uuid NOT NULL,
    key      text NOT NULL,
    changes  bigint NOT NULL,
    reason   text NOT NULL,
    CONSTRAINT redaction_pkey PRIMARY KEY (id),
    CONSTRAINT redaction_reason_check CHECK (reason <> '')
);
COMMENT ON TABLE release_mgmt.redaction IS
'Whose history was redacted, and why; who did it and when is in the ledger. Written by redact_history().';
COMMENT ON COLUMN release_mgmt.redaction.table_id IS 'governed_table.id';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.redaction', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.redaction');

CREATE FUNCTION release_mgmt_internal.redact_batch(changes bytea, table_id uuid, key text, spared bigint) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_redact_batch';
COMMENT ON FUNCTION release_mgmt_internal.redact_batch(bytea, uuid, text, bigint) IS
'A row of ledger_batch without salts and old values of a row''s changes, but for the one of that number within the batch (-1 for none).';

CREATE FUNCTION release_mgmt.redact_history(source regclass, key text, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed_id uuid;
    last record;
    redacted bigint;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT t.id INTO governed_id FROM release_mgmt.governed_table AS t WHERE t.source = redact_history.source;
    IF governed_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('table %s is not governed', source), NULL,
            'Tables that are governed stand in release_mgmt.governed_table.');
    END IF;
    -- So that changes stay where they are looked for.
    PERFORM release_mgmt_internal.hold_sequencing();
    -- A live row is held against its last change, whose salt that takes.
    SELECT h.transaction_id, h.seq INTO last FROM release_mgmt.history_of(source, key) AS h LIMIT 1;
    SELECT count(*) INTO redacted
    FROM release_mgmt_internal.batches_of_row(governed_id, redact_history.key) AS r
    JOIN release_mgmt_internal.change_batch AS b ON b.transaction_id = r.transaction_id AND b.first_seq = r.first_seq
    CROSS JOIN LATERAL release_mgmt_internal.changes_of_row(b.changes, b.first_seq, governed_id, redact_history.key) AS c
    WHERE NOT c.redacted AND (b.transaction_id, c.seq) <> (last.transaction_id, last.seq);
    IF redacted = 0 THEN
        RETURN 0;
    END IF;
    UPDATE release_mgmt.ledger_batch AS b
    SET changes = release_mgmt_internal.redact_batch(b.changes, governed_id, redact_history.key,
                                                     CASE b.transaction_id WHEN last.transaction_id THEN last.seq - b.first_seq ELSE -1 END)
    FROM release_mgmt_internal.batches_of_row(governed_id, redact_history.key) AS r
    WHERE b.transaction_id = r.transaction_id AND b.first_seq = r.first_seq;
    -- Beside a leaf that is pending, or that was and whose table is not emptied yet.
    UPDATE release_mgmt.ledger_pending_0 AS p
    SET changes = release_mgmt_internal.redact_batch(p.changes, governed_id, redact_history.key,
                                                     CASE p.transaction_id WHEN last.transaction_id THEN last.seq ELSE -1 END)
    FROM release_mgmt_internal.batches_of_row(governed_id, redact_history.key) AS r
    WHERE p.transaction_id = r.transaction_id AND p.changes IS NOT NULL;
    UPDATE release_mgmt.ledger_pending_1 AS p
    SET changes = release_mgmt_internal.redact_batch(p.changes, governed_id, redact_history.key,
                                                     CASE p.transaction_id WHEN last.transaction_id THEN last.seq ELSE -1 END)
    FROM release_mgmt_internal.batches_of_row(governed_id, redact_history.key) AS r
    WHERE p.transaction_id = r.transaction_id AND p.changes IS NOT NULL;
    INSERT INTO release_mgmt.redaction (table_id, key, changes, reason) VALUES (governed_id, redact_history.key, redacted, redact_history.reason);
    RETURN redacted;
END;
$$;
COMMENT ON FUNCTION release_mgmt.redact_history(regclass, text, text) IS
'Erases the old values and salts of every change of a row but the last, for the reason given, which is recorded (redaction). Digests stay, so that every
proof holds; without the salt a value can not be guessed from them. To erase what the last change holds as well, change the row once more first.
What changes of the row under a former key hold (history_of() names it, made_as) is erased by a call for that key.
The space is free after the next VACUUM; backups and replicas have copies of their own. For DBAs. Returns the number of changes redacted.
Errors: RM001 inactive, RM002 where the table is not governed.';
