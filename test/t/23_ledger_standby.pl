# A streaming standby reads and verifies; promoted, it carries on with the same log.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $primary = RM::Cluster->new(settings => { wal_level => 'replica', max_wal_senders => 4 });
$primary->sign_with("$primary->{dir}/key.pem");
$primary->start;
$primary->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('standby.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, name text);
	SELECT release_mgmt.govern('item')});
my $standby = $primary->standby;

$primary->value('postgres', q{INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 300) AS i});
$primary->value('postgres', q{DO $$ BEGIN FOR i IN 1..300 LOOP UPDATE item SET name = 'changed' WHERE id = i; COMMIT; END LOOP; END $$});
$primary->value('postgres', 'CALL release_mgmt.sequence_ledger()');
$primary->value('postgres', q{INSERT INTO item VALUES (1000, 'pending')});

$standby->catch_up;
is($standby->value('postgres', 'SELECT pg_is_in_recovery(), release_mgmt_internal.is_active()'), 't|t', 'a standby is active');
is($standby->value('postgres', 'SELECT * FROM release_mgmt.verify_ledger()'), '', 'it verifies');
is($standby->value('postgres', 'SELECT release_mgmt.checkpoint()'), $primary->value('postgres', 'SELECT release_mgmt.checkpoint()'), 'has the checkpoint');
is($standby->value('postgres', q{SELECT operation, changed FROM release_mgmt.history_of('item', '1') LIMIT 1}),
	'update|{"name": {"new": "changed", "old": "item 1"}}', 'tells history');
is($standby->value('postgres', 'SELECT cardinality(release_mgmt.inclusion_proof(5))'), 9, 'and proves');
my $prove = q{SELECT release_mgmt.proof_of('item', '7')};
$primary->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
my $proof = $primary->value('postgres', $prove);
$standby->catch_up;
is($standby->value('postgres', $prove), $proof, 'a row as well');
like(($standby->psql('postgres', 'CALL release_mgmt.sequence_ledger()'))[2], qr/recovery/, 'it does not sequence');

$primary->stop('immediate');
$standby->value('postgres', 'SELECT pg_promote()');
$standby->value('postgres', q{UPDATE item SET name = 'after promotion' WHERE id = 1});
$standby->value('postgres', 'CALL release_mgmt.sequence_ledger()');
is($standby->value('postgres', 'SELECT * FROM release_mgmt.verify_ledger()'), '', 'promoted, it carries on');
is($standby->value('postgres', 'SELECT h.size FROM release_mgmt.ledger_head AS h'), 305, 'with the same log');
done_testing;
