# pg_dump and restore, CREATE DATABASE ... TEMPLATE, DROP EXTENSION: a copy is inactive, and goes on when it is activated.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $key = "$cluster->{dir}/key.pem";
$cluster->sign_with($key);
$cluster->start;

$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE DATABASE origin;
	\c origin
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('restore.example.org');
	CREATE TABLE item (gone integer, id integer PRIMARY KEY, name text, seen timestamptz DEFAULT now());
	ALTER TABLE item DROP gone;
	SELECT release_mgmt.govern('item');
	CREATE TABLE part (id integer PRIMARY KEY, x numeric) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
	SELECT release_mgmt.govern('part');
	INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 1000) AS i;
	INSERT INTO part SELECT i, i / 3.0 FROM generate_series(1, 50) AS i;
	UPDATE item SET name = 'changed' WHERE id % 10 = 0;
	ALTER TABLE item RENAME name TO title});
$cluster->value('origin', 'CALL release_mgmt.sequence_ledger()');
my $checkpoint = $cluster->value('origin', 'SELECT release_mgmt.sign_checkpoint()');
$cluster->value('origin', q{INSERT INTO item VALUES (2000, 'not sequenced when it was dumped')});

my $findings = 'SELECT * FROM release_mgmt.verify_ledger()';
my $size = q{SELECT h.size FROM release_mgmt.ledger_head AS h JOIN release_mgmt.ledger_identity AS i ON i.log_id = h.log_id};

# A restored database.
my ($status, undef, $err) = $cluster->run(undef, 'pg_dump', '-Fc', '-f', "$cluster->{dir}/dump", 'origin');
is($status, 0, 'pg_dump') or diag $err;
for my $restored (qw(restored restored2))
{
	$cluster->value('postgres', "CREATE DATABASE $restored");
	($status, undef, $err) = $cluster->run(undef, 'pg_restore', '--exit-on-error', '-d', $restored, "$cluster->{dir}/dump");
	is($status, 0, 'pg_restore') or diag $err;
}
is($cluster->value('restored', 'SELECT release_mgmt_internal.is_active()'), 'f', 'a restored database is inactive');
is($cluster->value('restored', $findings), '', 'its ledger is sound all the same');
is($cluster->value('restored', 'SELECT count(*) FROM item'), 1001, 'rows came as they were');
($status, undef, $err) = $cluster->psql('restored', q{SELECT release_mgmt.govern('item')});
like($err, qr/inactive/, 'every verb is refused');
# As from a cluster whose transactions have larger numbers than those of the restore.
$cluster->value('restored', q{UPDATE release_mgmt.ledger_head SET seen_before = '1000000000000', not_seen_from = '1000000000000'});
is($cluster->value('restored', "SELECT release_mgmt.activate('restore.example.org', \$x\$$checkpoint\$x\$)"), 'restore.example.org',
	'with the checkpoint held outside it goes on with the same log');
is($cluster->value('restored', 'SELECT count(*) FROM release_mgmt.activation_finding'), 0, 'nothing differed');
is($cluster->value('restored', "SELECT count(*) FROM release_mgmt.captured_change WHERE key = '2000' AND log_index IS NULL"), 0,
	'what was pending in the dump is in the tree');
$cluster->value('restored', q{UPDATE item SET title = 'after the restore' WHERE id = 1; INSERT INTO part VALUES (99, 1)});
$cluster->value('restored', 'CALL release_mgmt.sequence_ledger()');
is($cluster->value('restored', $findings), '', 'and stays sound');
is($cluster->value('restored', "SELECT count(*) FROM release_mgmt.verify_ledger(\$x\$$checkpoint\$x\$)"), 0, 'and consistent with the checkpoint');
is($cluster->value('restored', q{SELECT changed FROM release_mgmt.history_of('item', '1') LIMIT 1}),
	'{"title": {"new": "after the restore", "old": "item 1"}}', 'history goes on under the new name of the column');

# Without it, or where rows were changed in between, a new epoch opens.
is($cluster->value('restored2', q{
	UPDATE item SET title = 'changed while inactive' WHERE id = 7;
	SELECT release_mgmt.activate('restore.example.org')}), 'restore.example.org/e2', 'without a checkpoint the next epoch opens');
is($cluster->value('restored2', 'SELECT finding, source, key FROM release_mgmt.activation_finding'), 'row changed|public.item|7',
	'what differed is kept');
my $whole = $cluster->value('restored2', 'SELECT size FROM release_mgmt.ledger_head AS h JOIN release_mgmt.ledger_log AS l ON l.id = h.log_id WHERE l.epoch = 1');
like($cluster->value('restored2', q{
	SELECT convert_from(e.entry, 'UTF8') FROM release_mgmt.ledger_entry AS e JOIN release_mgmt.ledger_log AS l ON l.id = e.log_id
	WHERE l.epoch = 2 AND e.index = 0}), qr/^release_mgmt epoch v1\nat \S+\nrestore\.example\.org\n$whole\n\S{44}\n$/,
	'its first leaf holds the checkpoint of all of the former log, leaves that were not signed included');
is($cluster->value('restored2', $findings), '', 'and it is sound from there on');

# A copy within the cluster has all of the identity but the database.
$cluster->value('postgres', 'CREATE DATABASE copy TEMPLATE origin');
is($cluster->value('copy', 'SELECT release_mgmt_internal.is_active()'), 'f', 'a copy by TEMPLATE is inactive');
is($cluster->value('copy', q{SELECT release_mgmt.activate('staging.example.org')}), 'staging.example.org', 'and may take another origin');
is($cluster->value('copy', $findings), '', 'under which it is sound');
is($cluster->value('origin', 'SELECT release_mgmt_internal.is_active()'), 't', 'the original is active as before');

# A tampered dump is found out.
$cluster->value('postgres', 'CREATE DATABASE tampered');
my (undef, $text) = $cluster->run(undef, 'pg_dump', 'origin');
$text =~ s/^(500\t)\w+/$1tampered/m or die 'no row 500 in the dump';
$cluster->psql('tampered', $text);
is($cluster->value('tampered', 'SELECT finding, source, key FROM release_mgmt.verify_ledger()'), 'row changed|public.item|500',
	'a row changed in the dump is named');
# Rows that came, went or changed while nobody captured it are kept as findings, and recorded as they stand where the log goes on.
$cluster->value('tampered', q{DELETE FROM item WHERE id = 501; INSERT INTO item VALUES (5001, 'added')});
my $differing = 'SELECT finding, source, key FROM %s ORDER BY key';
my $differences = "row changed|public.item|500\nrow added|public.item|5001\nrow missing|public.item|501";
is($cluster->value('tampered', join ' ', map { sprintf $_, 'release_mgmt.verify_ledger()' } $differing), $differences, 'three rows differ');
is($cluster->value('tampered', "SELECT release_mgmt.activate('restore.example.org', \$x\$$checkpoint\$x\$)"), 'restore.example.org', 'the log goes on');
is($cluster->value('tampered', sprintf $differing, 'release_mgmt.activation_finding'), $differences, 'they are kept on activation');
is($cluster->value('tampered', $findings), '', 'and recorded as they stand');
is($cluster->value('tampered', q{SELECT string_agg(h.operation, ' ' ORDER BY h.key, h.n) FROM (
	SELECT k.key, h.operation, row_number() OVER () AS n FROM (VALUES ('500'), ('5001'), ('501')) AS k (key) CROSS JOIN LATERAL (
		SELECT o.operation FROM release_mgmt.history_of('item', k.key) AS o LIMIT 1) AS h) AS h}), 'baseline baseline delete', 'in their history');

# The tail cut off: the signer refuses.
$cluster->value('origin', q{INSERT INTO item VALUES (4000, 'x')});
$cluster->value('origin', 'CALL release_mgmt.sequence_ledger()');
$cluster->value('origin', 'SELECT release_mgmt.sign_checkpoint()');
$cluster->value('origin', 'DELETE FROM release_mgmt.ledger_entry WHERE index = (SELECT max(index) FROM release_mgmt.ledger_entry)');
like(($cluster->psql('origin', 'SELECT release_mgmt.sign_checkpoint()'))[2], qr/leaf \d+ of the ledger is missing/, 'the signer finds the tail cut off');

# The extension dropped and created again is another one.
$cluster->value('copy', 'SET client_min_messages = error; DROP EXTENSION release_mgmt CASCADE; CREATE EXTENSION release_mgmt');
is($cluster->value('copy', 'SELECT release_mgmt_internal.is_active()'), 'f', 'a new extension is inactive');
is($cluster->value('copy', q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'rm\_%' AND tgrelid = 'item'::regclass}), 0,
	'and DROP EXTENSION CASCADE took the triggers along');
done_testing;
