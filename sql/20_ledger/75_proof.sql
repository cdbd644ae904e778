-- Module ledger: proofs that changes of a row are in the log, as text for strangers (doc/proofs.md).

CREATE FUNCTION release_mgmt_internal.live_image(member regclass, table_id uuid, key text, longest integer) RETURNS bytea[]
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_live_image';
COMMENT ON FUNCTION release_mgmt_internal.live_image(regclass, uuid, text, integer) IS
'The row of one relation of a governed table as it stands: its canonical form, of which the row digest is made, then tag and bytes of each value that stands
in it by its hash, if they are not longer than that many bytes. NULL if there is no such row.';

CREATE FUNCTION release_mgmt_internal.change_proof(log_id uuid, index bigint, size bigint, entry bytea, seq bigint, source text, live bytea[]) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_change_proof';
COMMENT ON FUNCTION release_mgmt_internal.change_proof(uuid, bigint, bigint, bytea, bigint, text, bytea[]) IS
'The proof that the change of that number (seq) of the transaction whose entry is the leaf of that index is in the tree of that size: all of it but the
checkpoint, which belongs behind. live: what live_image() returns, or {}. Errors: RM014 where what is stored does not lead to the entry.';

CREATE FUNCTION release_mgmt_internal.sign_text(origin text, body text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_sign_text';
COMMENT ON FUNCTION release_mgmt_internal.sign_text(text, text) IS
'The body, lines, as a note signed with the log''s key. Its first line must hold a space, so that it is no checkpoint of any origin. Errors: RM015 where no key is configured.';

CREATE FUNCTION release_mgmt_internal.proofs_of(sources regclass[], keys text[])
RETURNS TABLE (source regclass, key text, log_id uuid, size bigint, log_index bigint, transaction_id uuid, seq bigint, age bigint, proof text)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off ROWS 10 AS $$
#variable_conflict use_column
DECLARE
    unknown regclass;
BEGIN
    SELECT s.source INTO unknown
    FROM unnest(sources) AS s (source)
    WHERE NOT EXISTS (SELECT FROM release_mgmt.governed_table AS t WHERE t.source = s.source)
    LIMIT 1;
    IF unknown IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('table %s is not governed', unknown), NULL,
            'Tables that are governed stand in release_mgmt.governed_table.');
    END IF;
    PERFORM release_mgmt_internal.flush_changes();
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT w.source, w.key, t.id AS table_id
        FROM ROWS FROM (unnest(sources), unnest(keys)) AS w (source, key)
        JOIN release_mgmt.governed_table AS t ON t.source = w.source
    ), keyed AS MATERIALIZED (
        SELECT DISTINCT w.source, w.key, w.table_id, k.transaction_id, k.first_seq
        FROM wanted AS w
        JOIN release_mgmt.ledger_key AS k ON k.hash = release_mgmt_internal.key_hash(w.table_id, w.key)
    ), unkeyed AS MATERIALIZED (
        SELECT u.transaction_id, c.table_id, c.key, c.former_key, c.seq, c.operation, c.command_id
        FROM release_mgmt_internal.unkeyed_batch AS u
        CROSS JOIN LATERAL release_mgmt_internal.changes_in(u.changes, u.first_seq) AS c
    ), change AS MATERIALIZED (
        SELECT w.source, w.key, w.transaction_id, c.seq, c.operation, c.command_id
        FROM keyed AS w
        JOIN release_mgmt_internal.change_batch AS b ON b.transaction_id = w.transaction_id AND b.first_seq = w.first_seq
        CROSS JOIN LATERAL release_mgmt_internal.changes_of_row(b.changes, b.first_seq, w.table_id, w.key) AS c
        UNION
        SELECT w.source, w.key, u.transaction_id, u.seq, u.operation, u.command_id
        FROM wanted AS w
        JOIN unkeyed AS u ON u.table_id = w.table_id AND u.key = w.key
        UNION
        SELECT w.source, w.key, u.transaction_id, u.seq, u.operation, u.command_id
        FROM wanted AS w
        JOIN unkeyed AS u ON u.table_id = w.table_id AND u.former_key = w.key
    ), aged AS MATERIALIZED (
        SELECT c.source, c.key, c.transaction_id, c.seq, c.operation, l.log_id, l.log_index, l.entry,
               row_number() OVER (PARTITION BY c.source, c.key
                                  ORDER BY l.entry IS NOT NULL, l.log_index IS NOT NULL, l.log_opened_at DESC, l.log_index DESC, l.position DESC,
                                  c.transaction_id DESC, c.command_id DESC, c.seq DESC) AS age
        FROM change AS c
        LEFT JOIN release_mgmt_internal.transaction_leaf AS l ON l.transaction_id = c.transaction_id
    ), member AS MATERIALIZED (
        SELECT w.source, w.table_id, m AS relid
        FROM (SELECT DISTINCT o.source, o.table_id FROM wanted AS o) AS w
        CROSS JOIN LATERAL release_mgmt_internal.members_of(w.source) AS m
        JOIN pg_class AS c ON c.oid = m AND c.relkind = 'r'
    ), signed AS MATERIALIZED (
        SELECT h.log_id, max(h.size) AS size FROM release_mgmt.ledger_checkpoint AS h GROUP BY h.log_id
    )
    SELECT c.source, c.key, c.log_id, k.size, c.log_index, c.transaction_id, c.seq, c.age,
           release_mgmt_internal.change_proof(c.log_id, c.log_index, k.size, c.entry, c.seq, replace(c.source::text, E'\n', ' '),
               CASE WHEN c.age = 1 AND c.operation <> 'delete'
                    THEN coalesce((SELECT i.image
                                   FROM member AS m
                                   CROSS JOIN LATERAL release_mgmt_internal.live_image(m.relid, m.table_id, c.key, 262144) AS i (image)
                                   WHERE m.source = c.source AND i.image IS NOT NULL), '{}')
                    ELSE '{}' END)
    FROM aged AS c
    JOIN signed AS k ON k.log_id = c.log_id
    WHERE c.log_index < k.size;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.proofs_of(regclass[], text[]) IS
'For each of these rows the proof of each change that the last signed checkpoint of its log covers: log and size of that checkpoint, and the text up to
where it belongs. age: 1 for the last change that the ledger knows, with which the row as it stands is part of the proof, 2 for the one before. Values longer than 256 kB stay
digests. Errors: RM002 where a table is not governed, RM014 where a row is not as its last change left it.';

-- Reads the ledger on behalf of duties that hold no privilege on it, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.proof_of(source regclass, key text) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    proved text;
BEGIN
    SELECT p.proof || k.note INTO proved
    FROM release_mgmt_internal.proofs_of(ARRAY[source], ARRAY[key]) AS p
    JOIN release_mgmt.ledger_log AS l ON l.id = p.log_id
    JOIN release_mgmt.cosigned_checkpoint AS k ON k.origin = l.origin AND k.size = p.size
    ORDER BY p.age
    LIMIT 1;
    IF proved IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no signed checkpoint covers a change of row %s of table %s', key, source), NULL,
            'CALL release_mgmt.sequence_ledger(), then SELECT release_mgmt.sign_checkpoint(). history_of() shows what the ledger knows of the row.');
    END IF;
    RETURN proved;
END;
$$;
COMMENT ON FUNCTION release_mgmt.proof_of(regclass, text) IS
'The last change of a row that a signed checkpoint covers, and the proof of it, as text that needs no database to be checked (doc/proofs.md: by hand, or with
"rmverify proof"). key: as in history_of(). The row''s values are in it where that is the last change of all. It proves what was recorded, by whom and before
which checkpoint; that nothing was recorded later, only the log as a whole can show. Errors: RM002 where the table is not governed, RM014 where the row is not
as its last change left it, RM015 where no signed checkpoint covers a change.';
-- For auditors alone: it shows rows of whatever organization.
SELECT release_mgmt_internal.allow('{auditor}', 'EXECUTE', 'FUNCTION release_mgmt.proof_of(regclass, text)');
