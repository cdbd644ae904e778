-- Module ledger: retention. Old values go by rule when they are old enough; proofs stay, and that they went is on record.

CREATE TABLE release_mgmt.retention_policy (
    id       uuid DEFAULT release_mgmt.new_id(),
    table_id uuid NOT NULL,
    keep     interval,
    reason   text NOT NULL,
    set_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT retention_policy_pkey PRIMARY KEY (id),
    CONSTRAINT retention_policy_keep_check CHECK (keep > interval '0'),
    CONSTRAINT retention_policy_reason_check CHECK (pg_catalog.btrim(reason) <> '')
);
COMMENT ON TABLE release_mgmt.retention_policy IS
'How long old values of governed tables are kept, and why; the last row of a table is in force. Written by set_retention().';
COMMENT ON COLUMN release_mgmt.retention_policy.table_id IS 'governed_table.id';
COMMENT ON COLUMN release_mgmt.retention_policy.keep IS 'NULL: for ever, as without a policy';
CREATE INDEX retention_policy_table_id_idx ON release_mgmt.retention_policy (table_id, id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.retention_policy', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.retention_policy');

CREATE TABLE release_mgmt.retention_run (
    id        uuid DEFAULT release_mgmt.new_id(),
    policy_id uuid NOT NULL,
    before    timestamptz NOT NULL,
    changes   bigint NOT NULL,
    CONSTRAINT retention_run_pkey PRIMARY KEY (id),
    CONSTRAINT retention_run_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES release_mgmt.retention_policy
);
COMMENT ON TABLE release_mgmt.retention_run IS
'When a policy was carried out, and on how many changes; who did it and when is in the ledger. Written by apply_retention().';
COMMENT ON COLUMN release_mgmt.retention_run.before IS 'Changes committed before that time were concerned';
CREATE INDEX retention_run_policy_id_idx ON release_mgmt.retention_run (policy_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.retention_run', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.retention_run');

CREATE FUNCTION release_mgmt_internal.redact_changes(changes bytea, numbers bigint[]) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_redact_changes';
COMMENT ON FUNCTION release_mgmt_internal.redact_changes(bytea, bigint[]) IS
'A row of ledger_batch without salts and old values of the changes of these numbers within the batch, from 0, in ascending order.';

CREATE FUNCTION release_mgmt.set_retention(source regclass, keep interval, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    governed_id uuid;
    existing release_mgmt.retention_policy;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT t.id INTO governed_id FROM release_mgmt.governed_table AS t WHERE t.source = set_retention.source;
    IF governed_id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('table %s is not governed', source), NULL,
            'Tables that are governed stand in release_mgmt.governed_table.');
    END IF;
    IF set_retention.keep <= interval '0' OR coalesce(btrim(set_retention.reason), '') = '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('old values of table %s are kept for a time above zero, and for a reason', source), NULL,
            'SELECT release_mgmt.set_retention(source, ''3 years'', ''by what rule''); NULL keeps them for ever.');
    END IF;
    SELECT p.* INTO existing FROM release_mgmt.retention_policy AS p WHERE p.table_id = governed_id ORDER BY p.id DESC LIMIT 1;
    IF existing.id IS NULL OR (existing.keep, existing.reason) IS DISTINCT FROM (set_retention.keep, set_retention.reason) THEN
        INSERT INTO release_mgmt.retention_policy (table_id, keep, reason) VALUES (governed_id, set_retention.keep, set_retention.reason);
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt.set_retention(regclass, interval, text) IS
'Says how long old values of a governed table are kept, from then on; keep NULL: for ever. reason: by what rule. apply_retention() carries it out. For DBAs.
Errors: RM001 inactive, RM002 where the table is not governed, RM015 where keep is not positive or there is no reason.';

CREATE FUNCTION release_mgmt_internal.apply_policy(policy_id uuid, of_table uuid, before timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH change AS MATERIALIZED (
        SELECT b.transaction_id, b.first_seq, c.seq, c.key, c.former_key, c.operation, c.command_id, c.redacted, l.opened_at, e.index, e.entry
        FROM release_mgmt_internal.change_batch AS b
        CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
        LEFT JOIN release_mgmt.ledger_entry AS e ON e.transaction_id = b.transaction_id
        LEFT JOIN release_mgmt.ledger_log AS l ON l.id = e.log_id
        WHERE c.table_id = of_table
    ), event AS (
        SELECT c.key, true AS arrives, c.transaction_id, c.seq, c.command_id, c.opened_at, c.index FROM change AS c
        UNION ALL
        SELECT c.former_key, false, c.transaction_id, c.seq, c.command_id, c.opened_at, c.index FROM change AS c WHERE c.former_key IS NOT NULL
    ), last AS (
        -- Within a command departures come before arrivals; what is not sequenced comes last.
        SELECT DISTINCT ON (e.key) e.transaction_id, e.seq, e.arrives
        FROM event AS e
        ORDER BY e.key, e.opened_at DESC NULLS FIRST, e.index DESC NULLS FIRST, e.command_id DESC, e.arrives DESC, e.seq DESC
    ), doomed AS (
        -- A live row is held against its last change, whose salt that takes.
        SELECT c.transaction_id, c.first_seq, pg_catalog.array_agg(c.seq - c.first_seq ORDER BY c.seq) AS numbers
        FROM change AS c
        LEFT JOIN last AS l ON l.transaction_id = c.transaction_id AND l.seq = c.seq AND l.arrives
        WHERE NOT c.redacted AND (l.seq IS NULL OR c.operation = 'delete')
          AND release_mgmt_internal.entry_field(c.entry, 'at')::timestamptz < before
        GROUP BY c.transaction_id, c.first_seq
    ), redacted AS (
        UPDATE release_mgmt.ledger_batch AS b
        SET changes = release_mgmt_internal.redact_changes(b.changes, d.numbers)
        FROM doomed AS d
        WHERE b.transaction_id = d.transaction_id AND b.first_seq = d.first_seq
        RETURNING pg_catalog.cardinality(d.numbers) AS changes
    ), redacted_0 AS (
        -- Beside a leaf that was pending, and whose table is not emptied yet.
        UPDATE release_mgmt.ledger_pending_0 AS p
        SET changes = release_mgmt_internal.redact_changes(p.changes, d.numbers)
        FROM doomed AS d
        WHERE p.transaction_id = d.transaction_id AND p.changes IS NOT NULL
    ), redacted_1 AS (
        UPDATE release_mgmt.ledger_pending_1 AS p
        SET changes = release_mgmt_internal.redact_changes(p.changes, d.numbers)
        FROM doomed AS d
        WHERE p.transaction_id = d.transaction_id AND p.changes IS NOT NULL
    ), total AS (
        SELECT coalesce(sum(r.changes), 0)::bigint AS changes FROM redacted AS r
    ), recorded AS (
        INSERT INTO release_mgmt.retention_run (policy_id, before, changes)
        SELECT apply_policy.policy_id, apply_policy.before, t.changes FROM total AS t WHERE t.changes > 0
    )
    SELECT t.changes FROM total AS t;
END;
COMMENT ON FUNCTION release_mgmt_internal.apply_policy(uuid, uuid, timestamptz) IS
'Redacts the changes of a table that were committed before that time, but for the last of each live row. Returns their number.';

CREATE FUNCTION release_mgmt.apply_retention() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    policy record;
    total bigint := 0;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    -- So that changes stay where they are looked for.
    PERFORM release_mgmt_internal.hold_sequencing();
    FOR policy IN
        SELECT DISTINCT ON (p.table_id) p.id, p.table_id, p.keep FROM release_mgmt.retention_policy AS p ORDER BY p.table_id, p.id DESC
    LOOP
        IF policy.keep IS NOT NULL THEN
            total := total + release_mgmt_internal.apply_policy(policy.id, policy.table_id, now() - policy.keep);
        END IF;
    END LOOP;
    RETURN total;
END;
$$;
COMMENT ON FUNCTION release_mgmt.apply_retention() IS
'Carries out every retention policy that is in force: old values and salts of changes that were committed longer ago than it says are erased, but for the last
change of each live row, which the row is held against. Digests stay, so that every proof holds; what was erased can not be backed out. Each run is on record
(retention_run). Reads every captured change of the tables concerned; call it from cron, once a month. The space is free after the next VACUUM; backups and
replicas have copies of their own. For DBAs. Returns the number of changes. Errors: RM001 inactive.';
