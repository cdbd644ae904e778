# A large table comes under governance in batches, while others write to it, and through a crash.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $key = "$cluster->{dir}/key.pem";
$cluster->sign_with($key);
$cluster->start;
my $rmverify = (RM::Cluster->base) . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
my $rows = 20000;
$cluster->value('postgres', qq{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('batches.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL, at timestamptz);
	INSERT INTO item SELECT i, 'item ' || i, now() FROM generate_series(1, $rows) AS i;
	CREATE TABLE other (LIKE item INCLUDING ALL);
	CREATE TABLE part (id integer, n integer, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (5000);
	CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (5000) TO (10000);
	INSERT INTO part SELECT i, i FROM generate_series(0, 9999) AS i;
	CREATE TABLE keyless (n integer)});

# What it will take.
my @preview = split /\|/, $cluster->value('postgres', q{SELECT rows, sampled, bytes, duration > '0' FROM release_mgmt.preview_govern('item', sample_rows => 5000)});
cmp_ok(abs($preview[0] - $rows), '<', $rows / 20, "about $preview[0] rows");
cmp_ok($preview[1], '>=', 5000, "of which $preview[1] were tried");
is($preview[3], 't', 'it takes time');
is($cluster->value('postgres', q{SELECT count(*) FROM release_mgmt.governed_table WHERE source = 'item'::regclass}), 0, 'nothing is governed by that');
is($cluster->value('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'item'::regclass}), 0, 'nor touched');
like(($cluster->psql('postgres', q{SELECT * FROM release_mgmt.preview_govern('keyless')}))[2], qr/can not be governed.*no primary key/s, 'reasons against it are told');

# Refused.
like(($cluster->psql('postgres', q{BEGIN; CALL release_mgmt.govern_in_batches('item')}))[2], qr/can not run in a transaction block/, 'not in a transaction block');
like(($cluster->psql('postgres', q{CALL release_mgmt.govern_in_batches('keyless')}))[2], qr/can not be governed/, 'not without a key');
like(($cluster->psql('postgres', q{CALL release_mgmt.govern_in_batches('item', batch_rows => 0)}))[2], qr/batch_rows must be positive/, 'not in batches of nothing');

# The procedure's own steps, so many of them; what the last one said.
sub steps
{
	my ($table, $count, $rows) = @_;
	my $id = $cluster->value('postgres', "SELECT release_mgmt_internal.begin_baseline('$table', 'observe', NULL)");
	return (map { $cluster->value('postgres', "SELECT release_mgmt_internal.baseline_step('$id', $rows)") } 1 .. $count)[-1];
}
is(steps('item', 3, 2000), 'more', 'under way');
$cluster->value('postgres', q{BEGIN; UPDATE item SET name = 'held' WHERE id = 1; PREPARE TRANSACTION 'held'});
is(steps('item', 1, 2000), 'busy', 'whoever holds the table is not waited for');
my $recorded = $cluster->value('postgres', 'SELECT recorded FROM release_mgmt.govern_progress');
cmp_ok($recorded, '>', 500, "$recorded rows are recorded");
cmp_ok($recorded, '<', $rows - 100, 'others are not');
is($cluster->value('postgres', q{SELECT source, mode, blocks_done < blocks, percent BETWEEN 0.1 AND 99.9 FROM release_mgmt.govern_progress}),
	'item|observe|t|t', 'progress is shown');

# Meanwhile writers write, to rows that are recorded and to rows that are not.
$cluster->value('postgres', qq{
	UPDATE item SET name = 'changed' WHERE id IN (2, $rows - 1);
	DELETE FROM item WHERE id IN (3, $rows - 2);
	UPDATE item SET id = -id WHERE id IN (4, $rows - 3);
	INSERT INTO item VALUES ($rows + 1, 'new', now())});
my $findings = q{SELECT string_agg(concat_ws(' ', finding, source, key, found), E'\n') FROM release_mgmt.verify_ledger()};
# One of those that were not recorded was changed, one deleted, one has another key: they are known.
my $to_come = $cluster->value('postgres', qq{
	SELECT count(*) FROM item WHERE id::text NOT IN (
		SELECT c.key
		FROM release_mgmt_internal.change_batch AS b
		CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
		JOIN release_mgmt.governed_table AS t ON t.id = c.table_id AND t.source = 'item'::regclass)});
is($cluster->value('postgres', $findings), "baseline incomplete public.item $to_come rows to come", 'verification says how many are to come');
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
sub rmverify
{
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	$cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
	my $verifier = $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()');
	my ($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$cluster->{dir}/state", 'dbname=postgres');
	return ($status, $status > 1 ? $err : $out);
}
my @told = rmverify();
is($told[0], 1, 'rmverify has a finding');
like($told[1], qr/^baseline incomplete, table (?:public\.)?item: $to_come rows to come$/m, 'the same');

# A crash.
$cluster->stop('immediate');
$cluster->start;
is($cluster->value('postgres', $findings), "baseline incomplete public.item $to_come rows to come", 'after a crash the same');
$cluster->value('postgres', q{COMMIT PREPARED 'held'});
# Capture goes on, and who goes round it is found when the baseline is complete, not before.
$cluster->value('postgres', qq{
	SET session_replication_role = replica;
	ALTER TABLE item DISABLE TRIGGER rm_90_capture;
	INSERT INTO item VALUES (1000000, 'slipped in', now());
	UPDATE item SET name = 'behind our back' WHERE id = 10;
	ALTER TABLE item ENABLE ALWAYS TRIGGER rm_90_capture});
like($cluster->value('postgres', $findings), qr/^row changed public\.item 10 .*\nbaseline incomplete public\.item @{[ $to_come + 1 ]} rows to come$/, 'of rows that are recorded verification tells everything');
$cluster->value('postgres', q{CALL release_mgmt.govern_in_batches('item', batch_rows => 5000)});
like($cluster->value('postgres', $findings), qr/^row (?:changed public\.item 10 |added public\.item 1000000 ).*\nrow (?:changed public\.item 10 |added public\.item 1000000 )[^\n]*$/, 'called again it goes on, and what was slipped in is named');
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.govern_progress'), 0, 'it has finished');
$cluster->value('postgres', q{
	ALTER TABLE item DISABLE TRIGGER rm_90_capture;
	DELETE FROM item WHERE id = 1000000;
	UPDATE item SET name = 'item 10' WHERE id = 10;
	ALTER TABLE item ENABLE ALWAYS TRIGGER rm_90_capture});
is($cluster->value('postgres', $findings), '', 'put right, all is sound');

# Nothing is counted twice: one baseline a row, none behind a change.
my $baselines = q{
	FROM release_mgmt_internal.change_batch AS b
	CROSS JOIN LATERAL release_mgmt_internal.changes_in(b.changes, b.first_seq) AS c
	JOIN release_mgmt.governed_table AS t ON t.id = c.table_id AND t.source = 'item'::regclass
	WHERE c.operation = 'baseline'};
is($cluster->value('postgres', "SELECT count(*) - count(DISTINCT c.key) $baselines"),
	0, 'no row has two baselines');
my $of = q{(SELECT string_agg(h.operation, ' ' ORDER BY h.log_index DESC NULLS FIRST) FROM release_mgmt.history_of('item', '%d') AS h)};
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
is($cluster->value('postgres', 'SELECT ' . join ", ", map { sprintf $of, $_ } 1, 2, $rows - 1, $rows - 2, $rows - 3, 3 - $rows, $rows + 1, $rows),
	'update baseline|update baseline|update|delete|update|update|insert|baseline', 'what was changed before its turn has its change alone');
is($cluster->value('postgres', q{SELECT recorded FROM release_mgmt.governance_baseline}),
	$cluster->value('postgres', "SELECT count(*) $baselines"), 'so many are on record');
my $bytes = $cluster->value('postgres', "SELECT sum(size) FROM (SELECT DISTINCT b.transaction_id, b.first_seq, pg_column_size(b.*) AS size $baselines) AS d");
cmp_ok(abs($preview[2] - $bytes), '<', $bytes / 10, "$preview[2] bytes were foreseen, $bytes written");
is($cluster->value('postgres', q{SELECT rows FROM release_mgmt.preview_govern('item')}), 0, 'a governed table takes nothing more');
is((rmverify())[0], 0, 'rmverify is content');

# Rewritten, emptied of governance, or in partitions while it is under way.
$cluster->value('postgres', q{INSERT INTO other SELECT * FROM item WHERE id > 0; DELETE FROM other WHERE id % 3 = 0});
steps('other', 2, 3000);
$cluster->value('postgres', 'VACUUM FULL other');
$cluster->value('postgres', q{CALL release_mgmt.govern_in_batches('other')});
is($cluster->value('postgres', $findings), '', 'a table that is rewritten meanwhile is recorded whole');

steps('part', 2, 3000);
$cluster->value('postgres', q{ALTER TABLE part DETACH PARTITION part_2});
$cluster->value('postgres', q{CREATE TABLE part_3 (LIKE part INCLUDING ALL); INSERT INTO part_3 VALUES (20000, 1); ALTER TABLE part ATTACH PARTITION part_3 FOR VALUES FROM (20000) TO (30000)});
$cluster->value('postgres', q{CALL release_mgmt.govern_in_batches('part')});
is($cluster->value('postgres', $findings), '', 'partitions may come and go');

$cluster->value('postgres', q{SELECT release_mgmt.ungovern('other'), release_mgmt.ungovern('part')});
steps('other', 1, 3000);
$cluster->value('postgres', q{SELECT release_mgmt.ungovern('other')});
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.governance_baseline WHERE finished_at IS NULL'), 0, 'ungovern() ends it');
is($cluster->value('postgres', $findings), '', 'and leaves nothing unsaid');
done_testing;
