# Logical replication: a subscriber has a ledger of its own. What it is sent is captured there, by the triggers that fire always.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my %settings = (wal_level => 'logical', max_wal_senders => 6, max_replication_slots => 6);
my $publisher = RM::Cluster->new(settings => \%settings)->start;
my $subscriber = RM::Cluster->new(settings => { %settings, wal_retrieve_retry_interval => '200ms' })->start;
my $tables = q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	CREATE TABLE item (id integer PRIMARY KEY, name text, seen timestamptz);
	CREATE TABLE part (id integer PRIMARY KEY, x numeric) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
	CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200);};
$publisher->value('postgres', qq{$tables
	SELECT release_mgmt.activate('publisher.example.org');
	SELECT release_mgmt.govern('item'), release_mgmt.govern('part');
	INSERT INTO item SELECT i, 'before ' || i, now() FROM generate_series(1, 20) AS i;
	CREATE PUBLICATION rows FOR TABLE item, part WITH (publish = 'insert, update, delete', publish_via_partition_root = true)});
$subscriber->value('postgres', qq{$tables
	SELECT release_mgmt.activate('subscriber.example.org');
	SELECT release_mgmt.govern('item'), release_mgmt.govern('part')});
$subscriber->value('postgres', "CREATE SUBSCRIPTION rows CONNECTION 'host=$publisher->{dir} user=postgres dbname=postgres' PUBLICATION rows");

my $findings = q{SELECT string_agg(v::text, E'\n') FROM release_mgmt.verify_ledger() AS v};

# Wait until the subscriber has what the publisher has.
sub catch_up
{
	$subscriber->value('postgres', q{DO $$ BEGIN FOR i IN 1..600 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r');
		COMMIT; PERFORM pg_sleep(0.1); END LOOP; END $$});
	my $position = $publisher->value('postgres', 'SELECT pg_current_wal_lsn()');
	for (1 .. 600)
	{
		return if $publisher->value('postgres', "SELECT bool_and(replay_lsn >= '$position') FROM pg_stat_replication") eq 't';
		select undef, undef, undef, 0.1;
	}
	die "the subscriber does not follow\n" . $subscriber->log;
}

catch_up();
is($subscriber->value('postgres', q{SELECT count(*), min(operation) FROM release_mgmt.captured_change WHERE source = 'item'::regclass}), '20|insert',
	'the initial copy is captured');
$publisher->value('postgres', q{
	UPDATE item SET name = 'after' WHERE id <= 5;
	DELETE FROM item WHERE id = 6;
	UPDATE item SET id = 1000 WHERE id = 7;
	INSERT INTO part SELECT i, i / 3.0 FROM generate_series(50, 150) AS i;
	UPDATE part SET id = 199 WHERE id = 50;
	BEGIN;
	INSERT INTO item VALUES (2000, 'one');
	SAVEPOINT a;
	INSERT INTO item VALUES (2001, 'rolled back');
	ROLLBACK TO a;
	UPDATE item SET name = 'two' WHERE id = 2000;
	COMMIT});
catch_up();
is($subscriber->value('postgres', q{
	SELECT operation, count(*) FROM release_mgmt.captured_change WHERE source = 'item'::regclass GROUP BY 1 ORDER BY 1}),
	"delete|1\ninsert|21\nupdate|7", 'so is every change that is applied');
is($subscriber->value('postgres', q{SELECT key, former_key, old FROM release_mgmt.captured_change WHERE former_key = '7'}), '1000|7|{"id": "7"}',
	'with its old values and its former key');
is($subscriber->value('postgres', q{SELECT operation, role FROM release_mgmt.history_of('item', '2000') ORDER BY log_index, seq}),
	"insert|postgres\nupdate|postgres", 'under the role that applies');
for my $server ($publisher, $subscriber)
{
	my $name = $server == $publisher ? 'publisher' : 'subscriber';
	is($server->value('postgres', $findings), '', "the $name is sound");
	$server->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	is($server->value('postgres', $findings), '', "and when it is sequenced");
	like($server->value('postgres', 'SELECT release_mgmt.checkpoint()'), qr/^$name\.example\.org\n/, 'under an origin of its own');
}

# A change made at the subscriber alone is its own; one made behind its ledger's back is named there.
$subscriber->value('postgres', q{UPDATE item SET name = 'here' WHERE id = 9; SET session_replication_role = replica; UPDATE item SET name = 'here too' WHERE id = 10});
is($subscriber->value('postgres', $findings), '', 'session_replication_role changes nothing');
$subscriber->value('postgres', q{BEGIN; ALTER TABLE item DISABLE TRIGGER ALL; UPDATE item SET name = 'unseen' WHERE id = 11;
	ALTER TABLE item ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture; COMMIT});
is($subscriber->value('postgres', 'SELECT finding, source, key FROM release_mgmt.verify_ledger()'), 'row changed|public.item|11', 'a change unseen is named');
is($publisher->value('postgres', $findings), '', 'at the subscriber only');

# Bound at the subscriber, what is applied there is judged like any change.
$subscriber->value('postgres', q{SELECT release_mgmt.bind_ci_class('item', 'item', '{id}', 'name', mode => 'enforce', exempt => '{seen}')});
$publisher->value('postgres', q{UPDATE item SET seen = '2026-01-01' WHERE id = 1});
catch_up();
is($subscriber->value('postgres', q{SELECT seen::date FROM item WHERE id = 1}), '2026-01-01', 'an exempt column is applied');
my $since = $subscriber->value('postgres', 'SELECT clock_timestamp()');
$publisher->value('postgres', q{UPDATE item SET name = 'unplanned' WHERE id IN (1, 2)});
my $refused = qr{unauthorized change of configuration item "item/1"};
for (1 .. 300)
{
	last if $subscriber->log =~ $refused;
	select undef, undef, undef, 0.1;
}
like($subscriber->log, $refused, 'what nothing permits is refused');
is($subscriber->value('postgres', q{SELECT name FROM item WHERE id = 1}), 'after', 'and not there');
$subscriber->value('postgres', q{SELECT release_mgmt.govern('item', 'observe')});
catch_up();
is($subscriber->value('postgres', qq{SELECT ci, attribute, expected, present, classification FROM release_mgmt.drift(since => '$since') ORDER BY ci}),
	"item/1|name|after|unplanned|unauthorized\nitem/2|name|after|unplanned|unauthorized", 'in mode observe it is applied, and drift');
done_testing;
