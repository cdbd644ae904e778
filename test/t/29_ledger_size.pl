# Many leaves and many tables. "make soak" runs it with 10 million leaves and 1,000 tables (RM_SOAK_LEAVES, RM_SOAK_TABLES).
use strict;
use warnings;
use RM::Cluster;
use Test::More;

# Enough for a full tile of the second level, which 65,536 leaves fill.
my $leaves = $ENV{RM_SOAK_LEAVES} || 66_000;
my $tables = $ENV{RM_SOAK_TABLES} || 30;

my $cluster = RM::Cluster->new(settings => { synchronous_commit => 'off', max_wal_size => '4GB', max_locks_per_transaction => 256 });
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
my $dir = $cluster->{dir};
my $key = "$dir/key.pem";
$cluster->sign_with($key);
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('size.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, n bigint NOT NULL);
	INSERT INTO item SELECT i, 0 FROM generate_series(1, 1000) AS i;
	SELECT release_mgmt.govern('item');
	CREATE TABLE stock (id integer PRIMARY KEY, n integer);
	INSERT INTO stock SELECT i, i FROM generate_series(1, 15000) AS i;
	ANALYZE stock;
	SELECT release_mgmt.govern('stock')});
my $findings = q{SELECT string_agg(v::text, E'\n') FROM release_mgmt.verify_ledger() AS v};

# Tables, each written to by one transaction that touches them all.
$cluster->value('postgres', qq{
	DO \$\$ BEGIN FOR i IN 1..$tables LOOP
		EXECUTE format('CREATE TABLE many_%s (id integer PRIMARY KEY, name text)', i);
		PERFORM release_mgmt.govern(format('many_%s', i)::regclass);
		COMMIT;
	END LOOP; END \$\$});
$cluster->value('postgres', qq{
	DO \$\$ BEGIN FOR i IN 1..$tables LOOP EXECUTE format('INSERT INTO many_%s VALUES (%s, %L)', i, i, 'x'); END LOOP; END \$\$});
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.governed_table WHERE NOT builtin'), $tables + 2, "$tables tables are governed");
is($cluster->value('postgres', $findings), '', 'and sound');
$cluster->value('postgres', qq{ALTER TABLE many_$tables DISABLE TRIGGER ALL; UPDATE many_$tables SET name = 'y';
	ALTER TABLE many_$tables ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture});
is($cluster->value('postgres', 'SELECT finding, source, key FROM release_mgmt.verify_ledger()'), "row changed|public.many_$tables|$tables", 'one row among them is found');
$cluster->value('postgres', "UPDATE many_$tables SET name = 'x'");

# Leaves, sequenced as they come.
my $made = $cluster->value('postgres', 'SELECT count(*) FROM release_mgmt_internal.transaction_leaf');
while ($made < $leaves)
{
	my $step = $leaves - $made < 500_000 ? $leaves - $made : 500_000;
	$cluster->value('postgres', "DO \$\$ BEGIN FOR i IN 1..$step LOOP UPDATE item SET n = n + 1 WHERE id = 1 + i % 1000; COMMIT; END LOOP; END \$\$");
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger(); VACUUM item');
	$made += $step;
}
is($cluster->value('postgres', 'SELECT size FROM release_mgmt.ledger_head'), $leaves, "$leaves leaves are in the tree");
is($cluster->value('postgres', 'SELECT level, count(*) FROM release_mgmt.ledger_tile GROUP BY level ORDER BY level'),
	join("\n", map { "$_->[0]|$_->[1]" } grep { $_->[1] > 0 } map { [ $_, int($leaves / 256**($_ + 1)) ] } 0 .. 3), 'with every full tile');
my $checkpoint = $cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
is($cluster->value('postgres', "SELECT string_agg(v::text, E'\\n') FROM release_mgmt.verify_ledger(\$x\$$checkpoint\$x\$) AS v"), '', 'sound');

# With little memory everything is read several times.
my $little = q{SET maintenance_work_mem = '1MB'; SELECT finding, source, key FROM release_mgmt.verify_ledger()};
is($cluster->value('postgres', $little), '', 'sound with little memory');
is($cluster->value('postgres', "BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE stock DISABLE TRIGGER ALL;
	UPDATE stock SET n = 0 WHERE id % 5000 = 0; ALTER TABLE stock ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;
	$little ORDER BY key; ROLLBACK"), "row changed|public.stock|10000\nrow changed|public.stock|15000\nrow changed|public.stock|5000",
	'and each row is named once');
my ($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()'),
	'--state', "$dir/state", 'user=postgres dbname=postgres');
is($status, 0, 'rmverify computes the same') or diag $out, $err;
my $middle = int($leaves / 2);
$cluster->value('postgres', qq{UPDATE release_mgmt.ledger_entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'role postgres', 'role nobody'), 'UTF8')
	WHERE index = $middle});
is($cluster->value('postgres', 'SELECT finding, log_index FROM release_mgmt.verify_ledger() LIMIT 1'), "leaf changed|$middle", 'one leaf among them is found');
done_testing;
