# Every event exactly once: writers that roll back, hold on and are killed, beside drainers that die between draining and committing,
# and a server that is stopped at once in the middle of it.
use strict;
use warnings;
use POSIX ();
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }

sql(q{CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('outbox.example.org');
	CREATE ROLE manager; CREATE ROLE reader;
	CALL grant_duty('manager', 'release manager', 'Provider'); CALL grant_duty('reader', 'auditor', 'Provider');
	INSERT INTO release_model (code, description) VALUES ('swing', 'No gate.');
	INSERT INTO model_state SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('away', 2, 'halted'), ('done', 3, 'ended')) AS v(s, o, k) WHERE code = 'swing';
	INSERT INTO model_transition SELECT id, f, t, false FROM release_model, (VALUES ('draft', 'away'), ('away', 'draft'), ('draft', 'done')) AS v(f, t) WHERE code = 'swing';
	CALL publish_model('swing');
	CREATE TABLE heard (consumer text, place bigint GENERATED ALWAYS AS IDENTITY, era timestamptz, transaction bigint, id uuid);
	GRANT INSERT ON heard TO manager, reader;
	SET ROLE manager;
	SELECT create_release('REL-' || n, 'minor', model => 'swing') FROM generate_series(1, 12) AS n;
	CALL create_outbox_consumer('a', from_start => true);
	SET ROLE reader;
	CALL create_outbox_consumer('b', from_start => true)});

my $swing = q{SET search_path = public, release_mgmt; SET ROLE manager;
	DO $$ DECLARE next text := (SELECT CASE r.state WHEN 'draft' THEN 'away' ELSE 'draft' END FROM release AS r WHERE r.code = 'REL-:n'); BEGIN
		CALL advance_release('REL-:n', next);
	END $$};

# Programs that run until they are told to stop; each in a process of its own.
my @pids;
sub during
{
	my ($work) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		my $stop = 0;
		local $SIG{TERM} = sub { $stop = 1 };
		srand $$;
		$work->() until $stop;
		POSIX::_exit(0);
	}
	push @pids, $pid;
	return;
}

sub try { $cluster->psql('postgres', $_[0]); return }

for my $n (1 .. 6)
{
	# Transactions of one event, of many, with a savepoint, rolled back, or that die.
	(my $one = $swing) =~ s/:n/$n/g;
	(my $two = $swing) =~ s/:n/@{[ $n + 6 ]}/g;
	during(sub {
		try((
			"$one;",
			"BEGIN; $one; $two; $one; SELECT pg_sleep(random() / 10); COMMIT;",
			"BEGIN; $one; SAVEPOINT s; $two; ROLLBACK TO s; $one; COMMIT;",
			"BEGIN; $one; ROLLBACK;",
			"BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep(random() / 5); $one; COMMIT;",
			"BEGIN; $two; RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid());")[ rand 6 ]);
	});
}
for my $consumer (qw(a a b))
{
	my $role = $consumer eq 'a' ? 'manager' : 'reader';
	my $drain = "SET search_path = public, release_mgmt; SET ROLE $role; BEGIN; INSERT INTO heard (consumer, era, transaction, id) SELECT '$consumer', era, transaction, id FROM drain_outbox('$consumer', 7);";
	during(sub { try("$drain " . ('COMMIT;', 'COMMIT;', 'ROLLBACK;', 'RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid());', 'SELECT pg_sleep(0.05); COMMIT;')[ rand 5 ]) });
}
for (1 .. 2)
{
	sleep 3;
	$cluster->stop('immediate');
	$cluster->start;
}
select undef, undef, undef, 0.2 until sql('SELECT count(*) FROM release_state_history') >= 60;
kill 'TERM', @pids;
waitpid $_, 0 for @pids;

my $left = 1;
for (1 .. 1000)
{
	last if !$left;
	$left = 0;
	for (['a', 'manager'], ['b', 'reader'])
	{
		my ($consumer, $role) = @$_;
		$left += sql("SET ROLE $role; WITH d AS (INSERT INTO heard (consumer, era, transaction, id) SELECT '$consumer', era, transaction, id FROM drain_outbox('$consumer', 1000) RETURNING 1) SELECT count(*) FROM d");
	}
}
my $happened = sql('SELECT count(*) FROM release_state_history');
cmp_ok($happened, '>=', 60, "$happened transitions happened");
is(sql('SELECT count(*) FROM outbox_event'), $happened, 'each of them is an event');
for my $consumer (qw(a b))
{
	is(sql("SELECT count(*) FROM heard WHERE consumer = '$consumer'"), $happened, "consumer $consumer was given as many");
	is(sql("SELECT count(*) FROM outbox_event AS e WHERE NOT EXISTS (SELECT FROM heard AS h WHERE h.consumer = '$consumer' AND h.id = e.id)"), 0, 'every one of them');
	# Of one release, in the order in which it went from state to state.
	is(sql("SELECT count(*) FROM (SELECT e.payload ->> 'from' AS f, lag(e.payload ->> 'to') OVER (PARTITION BY e.release_id ORDER BY h.place) AS t
		FROM heard AS h JOIN outbox_event AS e ON e.id = h.id WHERE h.consumer = '$consumer') AS x WHERE f <> t"), 0, 'and of each release in order');
}

# Whoever listens is told, in the transaction's own time, and told nothing.
my ($status, $out, $err) = $cluster->psql('postgres', "LISTEN release_mgmt; BEGIN; @{[ $swing =~ s/:n/1/gr ]}; COMMIT; SELECT 1");
like($out, qr/Asynchronous notification "release_mgmt" received/, 'a consumer is notified');
sql("CALL drop_outbox_consumer('a'); CALL drop_outbox_consumer('b')");
($status, $out, $err) = $cluster->psql('postgres', "LISTEN release_mgmt; BEGIN; @{[ $swing =~ s/:n/1/gr ]}; COMMIT; SELECT 1");
unlike($out, qr/Asynchronous notification/, 'where there is none, nobody is');

# A restored database counts transactions anew; what was undelivered is delivered, and what comes after it too.
sql("SET ROLE manager; CALL create_outbox_consumer('a')");
sql('DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
sql($swing =~ s/:n/2/gr);
my $dump = "$cluster->{dir}/dump";
($status, $err) = $cluster->run(undef, 'pg_dump', '-Fc', '-f', $dump, 'postgres');
is($status, 0, 'dumped') or diag($err);
my $other = RM::Cluster->new->start;
$other->value('postgres', "CREATE ROLE $_") for qw(manager reader);
$other->value('postgres', 'CREATE DATABASE restored');
($status, $err) = $other->run(undef, 'pg_restore', '-d', 'restored', $dump);
is($status, 0, 'restored') or diag($err);
$other->value('restored', "SELECT release_mgmt.activate('outbox.example.org')");
cmp_ok($other->value('restored', 'SELECT pg_current_xact_id()::text::bigint'), '<', sql('SELECT max(transaction) FROM outbox_event'), 'in a cluster that is younger');
$other->value('restored', "CALL release_mgmt.grant_duty('manager', 'release manager', 'Provider')");
$other->value('restored', $swing =~ s/:n/2/gr);
$other->value('restored', $swing =~ s/:n/3/gr);
is($other->value('restored', "SET ROLE manager; SELECT string_agg(payload ->> 'release', ' ') FROM release_mgmt.drain_outbox('a')"), 'REL-2 REL-2 REL-3', 'every event, the dumped one first');
done_testing;
