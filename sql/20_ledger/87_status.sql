-- Module ledger: how it stands.

-- Counts what duties hold no privilege on, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt_internal.status_of_ledger(OUT origin text, OUT active boolean, OUT size bigint, OUT sequenced_at timestamptz,
    OUT pending bigint, OUT oldest_pending interval, OUT signed_size bigint, OUT signed_at timestamptz, OUT governed_tables bigint,
    OUT triggers_sound boolean, OUT worker text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT l.origin, release_mgmt_internal.is_active(), coalesce(h.size, 0), h.sequenced_at, w.pending, pg_catalog.now() - w.oldest,
           k.size, k.signed_at, (SELECT pg_catalog.count(*) FROM release_mgmt.governed_table),
           NOT EXISTS (SELECT FROM release_mgmt_internal.verify_triggers()), release_mgmt_internal.worker_state()
    FROM (VALUES (1)) AS one
    LEFT JOIN release_mgmt.ledger_identity AS i ON true
    LEFT JOIN release_mgmt.ledger_log AS l ON l.id = i.log_id
    LEFT JOIN release_mgmt.ledger_head AS h ON h.log_id = i.log_id
    LEFT JOIN LATERAL (
        SELECT c.size, c.signed_at FROM release_mgmt.ledger_checkpoint AS c WHERE c.log_id = i.log_id ORDER BY c.size DESC LIMIT 1) AS k ON true
    CROSS JOIN (
        SELECT pg_catalog.count(*) AS pending, min(p.at) AS oldest FROM release_mgmt_internal.pending_leaf AS p) AS w;
END;
COMMENT ON FUNCTION release_mgmt_internal.status_of_ledger() IS 'See the view ledger_status.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.status_of_ledger()');

CREATE VIEW release_mgmt.ledger_status WITH (security_invoker = true) AS
    SELECT s.origin, s.active, s.size, s.sequenced_at, s.pending, s.oldest_pending, s.signed_size, s.signed_at, s.governed_tables, s.triggers_sound,
           s.worker
    FROM release_mgmt_internal.status_of_ledger() AS s;
COMMENT ON VIEW release_mgmt.ledger_status IS
'One row: the log''s origin and number of leaves, when it was sequenced last, how many leaves are pending and how old the oldest is, the checkpoint signed
last, how many tables are governed, whether their triggers are as they should be (verify_ledger() names those that are not), and what the background worker
does (not preloaded, off, not for this database, waiting for promotion, idle, running, or failing: and why).';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ledger_status');
