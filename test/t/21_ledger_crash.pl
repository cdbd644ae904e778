# The ledger holds through kill -9 under load, with savepoints, rollbacks and two-phase commit beside the sequencer.
# "make soak" runs it with 32 clients and many crashes (RM_SOAK_CLIENTS, RM_SOAK_ROUNDS).
use strict;
use warnings;
use POSIX ();
use RM::Cluster;
use Test::More;

my $clients = $ENV{RM_SOAK_CLIENTS} || 16;
my $rounds = $ENV{RM_SOAK_ROUNDS} || 2;
my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION amcheck;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('crash.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, n integer NOT NULL, note text);
	INSERT INTO item SELECT i, 0 FROM generate_series(1, 50) AS i;
	SELECT release_mgmt.govern('item')});

my %script = (
	plain => q{\set id random(1, 50)
		UPDATE item SET n = n + 1 WHERE id = :id;},
	churn => q{\set id random(100, 120)
		BEGIN;
		DELETE FROM item WHERE id = :id;
		INSERT INTO item VALUES (:id, 1, 'x') ON CONFLICT (id) DO UPDATE SET n = item.n + 1;
		COMMIT;},
	savepoints => q{\set id random(1, 50)
		BEGIN;
		UPDATE item SET n = n + 1 WHERE id = :id;
		SAVEPOINT a;
		UPDATE item SET note = repeat('y', 200) WHERE id = :id;
		SAVEPOINT b;
		UPDATE item SET note = 'gone' WHERE id = :id;
		ROLLBACK TO b;
		RELEASE a;
		COMMIT;},
	exceptions => q{\set id random(1, 50)
		DO $$ BEGIN
			UPDATE item SET n = n + 1 WHERE id = :id;
			BEGIN
				UPDATE item SET note = 'gone' WHERE id = :id;
				BEGIN UPDATE item SET n = 0 WHERE id = :id; EXCEPTION WHEN raise_exception THEN NULL; END;
				RAISE EXCEPTION 'back';
			EXCEPTION WHEN raise_exception THEN
				UPDATE item SET note = 'caught' WHERE id = :id;
			END;
		END $$;},
	rollback => q{\set id random(1, 50)
		BEGIN;
		UPDATE item SET n = -1 WHERE id = :id;
		ROLLBACK;},
	two_phase => q{\set id random(1, 50)
		BEGIN;
		UPDATE item SET n = n + 1 WHERE id = :id;
		PREPARE TRANSACTION 'p:client_id';
		COMMIT PREPARED 'p:client_id';},
	prepared_long => q{\set id random(1, 50)
		\set ms random(0, 300)
		BEGIN;
		UPDATE item SET n = n + 1 WHERE id = :id;
		PREPARE TRANSACTION 'l:client_id';
		\sleep :ms ms
		COMMIT PREPARED 'l:client_id';},
	sequencer => q{CALL release_mgmt.sequence_ledger();
		\sleep 20 ms},
	sequencer_back => q{BEGIN;
		CALL release_mgmt.sequence_ledger();
		ROLLBACK;
		\sleep 20 ms},);
for my $name (keys %script)
{
	open my $file, '>', "$cluster->{dir}/$name" or die "$name: $!";
	print $file "$script{$name}\n";
	close $file;
}

# Run every script for so many seconds; returns the processes.
sub load
{
	my ($seconds) = @_;
	my @pids;
	for my $name (sort keys %script)
	{
		my $pid = fork // die "fork: $!";
		if ($pid == 0)
		{
			$cluster->run(undef, 'pgbench', '-n', '-c', $name =~ /^sequencer/ ? 1 : int(($clients - 2) / (keys(%script) - 2)), '-T', $seconds,
				'-f', "$cluster->{dir}/$name", 'postgres');
			POSIX::_exit(0);
		}
		push @pids, $pid;
	}
	return @pids;
}

# What amcheck says of the ledger's indexes, among it which rows they lack.
sub damage
{
	my ($status, $out, $err) = $cluster->psql('postgres', q{
		SELECT count(bt_index_check(i.indexrelid, true)::text) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE c.relnamespace = 'release_mgmt'::regnamespace AND c.relname ^@ 'ledger_'});
	return $status == 0 && $out > 0 ? '' : "$out$err";
}

my $findings = q{SELECT string_agg(v::text, E'\n') FROM release_mgmt.verify_ledger() AS v};
my $leaves = 0;
for my $round (1 .. $rounds)
{
	my @pids = load(120);
	sleep 1;
	is($cluster->value('postgres', $findings), '', 'verification beside the load finds nothing');
	my $victim = $cluster->value('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' ORDER BY state <> 'active' LIMIT 1});
	ok($victim, 'a backend is killed') and kill 'KILL', $victim;
	select undef, undef, undef, 0.3;
	$cluster->stop('immediate');
	waitpid $_, 0 for @pids;
	$cluster->start;
	is($cluster->value('postgres', $findings), '', 'nothing after kill -9');
	$cluster->value('postgres', "ROLLBACK PREPARED '$_'") for split /\n/, $cluster->value('postgres', 'SELECT gid FROM pg_prepared_xacts ORDER BY gid LIMIT 1');
	$cluster->value('postgres', "COMMIT PREPARED '$_'") for split /\n/, $cluster->value('postgres', 'SELECT gid FROM pg_prepared_xacts');
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	is($cluster->value('postgres', $findings), '', 'nor after the prepared transactions ended and were sequenced');
	is(damage(), '', 'every row has its index entries');
	my $now = $cluster->value('postgres', 'SELECT size FROM release_mgmt.ledger_head');
	cmp_ok($now, '>', $leaves + 100, "the log grew to $now leaves");
	$leaves = $now;
}
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt_internal.transaction_leaf WHERE log_index IS NULL'), 0, 'no leaf is left behind');

# Sequence until a query says so; an autovacuum worker on a table of pending leaves lets it stay as it is for the moment.
sub sequence_until
{
	my ($query, $expected) = @_;
	for (1 .. 100)
	{
		$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
		last if $cluster->value('postgres', $query) eq $expected;
		select undef, undef, undef, 0.1;
	}
	return;
}

# A prepared transaction that holds a table of pending leaves: the other goes on, and it is emptied later.
my $table = $cluster->value('postgres', 'SELECT pending FROM release_mgmt.ledger_identity');
my $other = 1 - $table;
$cluster->value('postgres', q{BEGIN; UPDATE item SET n = n + 1 WHERE id = 1; PREPARE TRANSACTION 'long'});
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()') for 1 .. 2;
$cluster->value('postgres', q{DO $$ BEGIN FOR i IN 1..8000 LOOP UPDATE item SET n = n + 1 WHERE id = 2; COMMIT; END LOOP; END $$});
sequence_until('SELECT pending FROM release_mgmt.ledger_identity', $other);
is($cluster->value('postgres', 'SELECT pending FROM release_mgmt.ledger_identity'), $other, 'transactions write to the other table');
$cluster->value('postgres', q{UPDATE item SET n = n + 1 WHERE id = 2});
cmp_ok($cluster->value('postgres', "SELECT count(*) FROM release_mgmt.ledger_pending_$other"), '>', 0, 'and do so');
$cluster->value('postgres', q{COMMIT PREPARED 'long'});
sequence_until("SELECT count(*) FROM release_mgmt.ledger_pending_$table", 0);
is($cluster->value('postgres', "SELECT count(*) FROM release_mgmt.ledger_pending_$table"), 0, 'the first is emptied when nobody holds it');
is($cluster->value('postgres', $findings), '', 'nothing was lost');

# A sequencing that is rolled back leaves dead rows under the keys of those that come after; scans that meet them say so to the index.
$cluster->value('postgres', q{DO $$ BEGIN FOR i IN 1..600 LOOP UPDATE item SET n = n + 1 WHERE id = 3; COMMIT; END LOOP; END $$});
$cluster->value('postgres', q{BEGIN; CALL release_mgmt.sequence_ledger(); ROLLBACK}) for 1 .. 3;
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
is($cluster->value('postgres', $findings), '', "nothing is found beside a rolled back sequencing's rows") for 1 .. 2;
is(damage(), '', 'and every row keeps its index entries');
done_testing;
