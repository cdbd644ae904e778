-- Module ledger: what the background worker does in SQL, and how it stands.

CREATE FUNCTION release_mgmt_internal.thin_checkpoints(log_id uuid, before timestamptz) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    DELETE FROM release_mgmt.ledger_checkpoint AS k
    WHERE k.log_id = thin_checkpoints.log_id AND k.signed_at < before
      -- The blank line of a note is followed by a line for each signature.
      AND pg_catalog.length(pg_catalog.split_part(k.note, E'\n\n', 2)) - pg_catalog.length(pg_catalog.replace(pg_catalog.split_part(k.note, E'\n\n', 2), E'\n', '')) < 2
      AND EXISTS (SELECT
                  FROM release_mgmt.ledger_checkpoint AS l
                  WHERE l.log_id = k.log_id AND l.size > k.size
                    AND pg_catalog.date_trunc('hour', l.signed_at, 'UTC') = pg_catalog.date_trunc('hour', k.signed_at, 'UTC'));
END;
COMMENT ON FUNCTION release_mgmt_internal.thin_checkpoints(uuid, timestamptz) IS
'Of the checkpoints signed before that time leaves the last of each hour, and those that others have signed too.';

CREATE FUNCTION release_mgmt_internal.sign_growth() RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    log record;
    last release_mgmt.ledger_checkpoint;
    note text;
BEGIN
    SELECT c.log_id, h.size INTO log
    FROM release_mgmt_internal.current_log() AS c
    JOIN release_mgmt.ledger_head AS h ON h.log_id = c.log_id;
    SELECT k.* INTO last FROM release_mgmt.ledger_checkpoint AS k WHERE k.log_id = log.log_id ORDER BY k.size DESC LIMIT 1;
    IF log.size IS NULL OR log.size <= last.size THEN
        RETURN NULL;
    END IF;
    note := release_mgmt.sign_checkpoint();
    -- Once an hour, the first time that something is signed in it.
    IF date_trunc('hour', last.signed_at, 'UTC') < date_trunc('hour', clock_timestamp(), 'UTC') THEN
        PERFORM release_mgmt_internal.thin_checkpoints(log.log_id, date_trunc('hour', last.signed_at, 'UTC'));
    END IF;
    RETURN note;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.sign_growth() IS
'Called by the background worker: signs the tree where it has grown since the last checkpoint. Returns the note, NULL where there was nothing to sign.
Of checkpoints older than the hour before, the last of each hour is kept.';

CREATE FUNCTION release_mgmt_internal.next_baseline(OUT table_id uuid, OUT activity text) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT b.table_id,
           pg_catalog.format('recording %s: %s of %s blocks', t.source, coalesce(sum(p.next_block), 0), coalesce(sum(p.blocks), 0))
    FROM release_mgmt.governance_baseline AS b
    JOIN release_mgmt.governed_table AS t ON t.id = b.table_id
    LEFT JOIN release_mgmt.ledger_baseline AS p ON p.table_id = b.table_id
    WHERE b.finished_at IS NULL
      -- DROP DATABASE waits 5 seconds for others to go.
      AND NOT EXISTS (
          SELECT
          FROM pg_catalog.pg_locks AS l
          JOIN pg_catalog.pg_database AS d ON d.oid = l.objid AND d.datname = pg_catalog.current_database()
          WHERE l.locktype = 'object' AND l.classid = 'pg_catalog.pg_database'::regclass AND l.mode = 'AccessExclusiveLock')
    GROUP BY b.id, b.table_id, b.begun_at, t.source
    HAVING coalesce(max(p.stepped_at), b.begun_at) < pg_catalog.clock_timestamp() - interval '10 seconds'
        OR bool_or(p.stepped_by = pg_catalog.pg_backend_pid())
    ORDER BY b.id
    LIMIT 1;
END;
COMMENT ON FUNCTION release_mgmt_internal.next_baseline() IS
'The baseline under way that the background worker goes on with: the one that it is at, or one at which nobody was for 10 seconds; and what
pg_stat_activity says meanwhile. None where somebody drops the database.';

CREATE FUNCTION release_mgmt_internal.worker_state() RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_worker_state';
COMMENT ON FUNCTION release_mgmt_internal.worker_state() IS
'not preloaded, off, not for this database, waiting for promotion, idle, running, or failing: and its last error.';
