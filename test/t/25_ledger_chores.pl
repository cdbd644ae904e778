# The background worker goes on with baselines that were left, and carries out retention policies.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new(settings => { shared_preload_libraries => 'release_mgmt', 'release_mgmt.worker' => 'off',
	'release_mgmt.worker_delay' => '10ms', 'release_mgmt.worker_naptime' => '1s', max_prepared_transactions => 2 });
$cluster->start;
sub eventually
{
	my ($name, $query, $expected) = @_;
	my $got;
	for (1 .. 600)
	{
		$got = $cluster->value('postgres', $query);
		last if $got eq $expected;
		select undef, undef, undef, 0.1;
	}
	is($got, $expected, $name);
	return;
}
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('chores.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL);
	INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 50000) AS i;
	CREATE TABLE person_record (id integer PRIMARY KEY, name text);
	SELECT release_mgmt.govern('person_record'), release_mgmt.set_retention('person_record', '1 microsecond', 'for this test');
	INSERT INTO person_record VALUES (1, 'one');
	UPDATE person_record SET name = 'two'});
my $id = $cluster->value('postgres', q{SELECT release_mgmt_internal.begin_baseline('item', 'observe', NULL)});
is($cluster->value('postgres', "SELECT release_mgmt_internal.baseline_step('$id', 1000)"), 'more', 'a baseline is under way');
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt_internal.next_baseline()'), 0, 'somebody was at it just now');
$cluster->value('postgres', q{UPDATE release_mgmt.ledger_baseline SET stepped_at = stepped_at - interval '1 hour'});
is($cluster->value('postgres', q{SELECT activity ~ '^recording (public\.)?item: [1-9]\d* of [1-9]\d* blocks$' FROM release_mgmt_internal.next_baseline()}), 't',
	'and was interrupted');
$cluster->value('postgres', q{BEGIN; UPDATE item SET name = 'held' WHERE id = 1; PREPARE TRANSACTION 'held'});

$cluster->set('release_mgmt.worker' => 'on');
$cluster->value('postgres', 'SELECT pg_reload_conf()');
eventually('the worker goes on with it, and says so',
	q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'release_mgmt worker' AND query ~ '^recording (public\.)?item: [1-9]\d* of [1-9]\d* blocks$'}, 1);
$cluster->value('postgres', q{COMMIT PREPARED 'held'});
eventually('until every row is recorded', 'SELECT finished_at IS NOT NULL FROM release_mgmt.governance_baseline', 't');
eventually('retention is applied', q{SELECT concat_ws(' ', count(*), min(changes)) FROM release_mgmt.retention_run}, '1 1');
$cluster->value('postgres', q{UPDATE person_record SET name = 'three'});
eventually('the next change is sequenced', 'SELECT pending FROM release_mgmt.ledger_status', 0);
eventually('the worker has gone', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'release_mgmt worker'}, 0);
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.retention_run'), 1, 'retention waits for its hour');
is($cluster->value('postgres', q{SELECT count(*) FROM release_mgmt.verify_ledger() WHERE finding <> 'row can not be verified'}), 0, 'all is sound');

# Nobody is kept from dropping the database.
$cluster->value('postgres', 'CREATE DATABASE dropped');
$cluster->value('dropped', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('dropped.example.org');
	CREATE TABLE item (id integer PRIMARY KEY);
	INSERT INTO item SELECT generate_series(1, 1000)});
$id = $cluster->value('dropped', q{SELECT release_mgmt_internal.begin_baseline('item', 'observe', NULL)});
$cluster->value('dropped', qq{
	SELECT release_mgmt_internal.baseline_step('$id', 1);
	UPDATE release_mgmt.ledger_baseline SET stepped_at = stepped_at - interval '1 hour'});
eventually('a worker is there', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'dropped' AND backend_type = 'release_mgmt worker'}, 't');
is(($cluster->psql('postgres', 'DROP DATABASE dropped'))[2], '', 'DROP DATABASE is let through');
done_testing;
