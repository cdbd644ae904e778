-- Module ledger: sequencing.

-- Duties may call it, and only the extension's owner writes the tree: hence SECURITY DEFINER.
CREATE PROCEDURE release_mgmt.sequence_ledger()
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS 'MODULE_PATHNAME', 'rm_sequence_ledger';
COMMENT ON PROCEDURE release_mgmt.sequence_ledger() IS
'Puts the leaves of all committed transactions into the tree, in the order of their commits. One at a time; call it from cron as often as a signed
checkpoint should follow. Its commit is synchronous. Errors: RM001 inactive, RM014 ledger_corrupt.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.sequence_ledger()');

CREATE FUNCTION release_mgmt_internal.hold_sequencing() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_hold_sequencing';
COMMENT ON FUNCTION release_mgmt_internal.hold_sequencing() IS
'Keeps sequencing out until the transaction ends, once the one under way is done: until then captured changes stay in the tables where they are.
Errors: RM015 wrong_state where the isolation level is not READ COMMITTED.';
