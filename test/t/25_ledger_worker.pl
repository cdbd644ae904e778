# The background worker sequences and signs when somebody commits, and stands in nobody's way.
use strict;
use warnings;
use POSIX ();
use RM::Cluster;
use Test::More;

my $primary = RM::Cluster->new(settings => {
	shared_preload_libraries => 'release_mgmt', 'release_mgmt.worker_delay' => '10ms', wal_level => 'replica',
	max_wal_senders => 4,
	# Nothing that is expected here comes from looking now and then.
	'release_mgmt.worker_naptime' => '1h' });
my $key = "$primary->{dir}/key.pem";
$primary->sign_with($key);
$primary->start;

# Whether the query comes to return the value within a minute; what it returned last is a diagnostic.
sub eventually
{
	my ($name, $query, $expected, %option) = @_;
	my $server = $option{server} // $primary;
	my ($status, $got, $err);
	for (1 .. 600)
	{
		($status, $got, $err) = $server->psql($option{database} // 'postgres', $query);
		last if $status == 0 && $got eq $expected;
		select undef, undef, undef, 0.1;
	}
	is($status == 0 ? $got : $err, $expected, $name);
	return;
}

# SQL of a database that has a ledger and a governed table.
sub with_ledger
{
	my ($database, $origin) = @_;
	$primary->value('postgres', "CREATE DATABASE $database") if $database ne 'postgres';
	$primary->value($database, qq{
		SET client_min_messages = error;
		CREATE EXTENSION release_mgmt CASCADE;
		SELECT release_mgmt.activate('$origin');
		CREATE TABLE item (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0);
		SELECT release_mgmt.govern('item')});
	return;
}

my $done = 'SELECT pending = 0 AND signed_size = size AND size >= %d FROM release_mgmt.ledger_status';
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'release_mgmt worker'};

with_ledger('postgres', 'worker.example.org');
eventually('what activation wrote is sequenced and signed', sprintf($done, 2), 't');
is($primary->value('postgres', q{SELECT application_name || ': ' || query || ' ' || coalesce(datname, '-') FROM pg_stat_activity WHERE backend_type = 'release_mgmt launcher'}),
	'release_mgmt launcher: waiting for commits -', 'the launcher is connected to no database');
my $size = $primary->value('postgres', 'SELECT size FROM release_mgmt.ledger_status');
$primary->value('postgres', 'INSERT INTO item VALUES (1)');
eventually('so is a commit', sprintf($done, $size + 1), 't');
eventually('an idle worker goes', $workers, 0);
is($primary->value('postgres', 'SELECT worker FROM release_mgmt.ledger_status'), 'idle', 'the status says so');
is($primary->value('postgres', 'SELECT finding FROM release_mgmt.verify_ledger()'), '', 'all is sound');

$primary->value('postgres', q{BEGIN; INSERT INTO item VALUES (2); PREPARE TRANSACTION 'later'});
$primary->value('postgres', q{COMMIT PREPARED 'later'});
eventually('COMMIT PREPARED calls the worker', sprintf($done, $size + 2), 't');

# Seen at work.
$primary->value('postgres', q{DO $$ BEGIN FOR i IN 1 .. 200 LOOP UPDATE item SET n = n + 1 WHERE id = 1; COMMIT; END LOOP; END $$});
eventually('it is seen in pg_stat_activity',
	q{SELECT DISTINCT application_name, datname, query IN ('sequencing', 'signing', 'waiting for commits') FROM pg_stat_activity WHERE backend_type = 'release_mgmt worker'},
	'release_mgmt worker for database postgres|postgres|t');
eventually('every leaf is sequenced', sprintf($done, $size + 202), 't');

# Other databases: made from template, dropped while a worker is in them.
with_ledger('dropped', 'dropped.example.org');
$primary->value('dropped', 'INSERT INTO item VALUES (1)');
eventually('a worker is in the other database', qq{$workers AND datname = 'dropped'}, 1);
is(($primary->psql('postgres', 'DROP DATABASE dropped'))[2], '', 'DROP DATABASE is let through');

with_ledger('unloaded', 'unloaded.example.org');
eventually('the second ledger is served', sprintf($done, 2), 't', database => 'unloaded');
is(($primary->psql('unloaded', 'SET client_min_messages = error; ALTER EVENT TRIGGER rm_ledger_retire DISABLE; INSERT INTO item VALUES (1); DROP EXTENSION release_mgmt CASCADE'))[2],
	'', 'DROP EXTENSION is let through');
eventually('nobody stays', "$workers AND datname = 'unloaded'", 0);
$primary->value('unloaded', q{SET client_min_messages = error; CREATE EXTENSION release_mgmt; SELECT release_mgmt.activate('again.example.org')});
eventually('the extension, created again, is served', sprintf($done, 1), 't', database => 'unloaded');

# A key that can not sign.
chmod 0644, $key;
$primary->value('postgres', 'INSERT INTO item VALUES (3)');
eventually('what is wrong is told', q{SELECT pending = 0, worker FROM release_mgmt.ledger_status},
	qq{t|failing: can not sign with the key in file "$key"});
chmod 0600, $key;
$primary->value('postgres', 'INSERT INTO item VALUES (4)');
eventually('signing goes on', sprintf($done, $size + 204), 't');
unlike($primary->value('postgres', 'SELECT worker FROM release_mgmt.ledger_status'), qr/failing/, 'nothing is wrong any more');

# The switches.
sub reload
{
	$primary->set(@_);
	$primary->value('postgres', 'SELECT pg_reload_conf()');
	return;
}
reload('release_mgmt.worker' => 'off');
eventually('off', 'SELECT worker FROM release_mgmt.ledger_status', 'off');
eventually('the worker goes', $workers, 0);
$primary->value('postgres', 'INSERT INTO item VALUES (5)');
is($primary->value('postgres', 'SELECT pending FROM release_mgmt.ledger_status'), 1, 'a leaf stays pending');
$primary->value('postgres', 'CALL release_mgmt.sequence_ledger()');
is($primary->value('postgres', 'SELECT pending FROM release_mgmt.ledger_status'), 0, 'until somebody calls sequence_ledger()');
reload('release_mgmt.worker' => 'on', 'release_mgmt.worker_databases' => 'unloaded, "Other"');
eventually('not for every database', 'SELECT worker FROM release_mgmt.ledger_status', 'not for this database');
$primary->value('postgres', 'INSERT INTO item VALUES (6)');
reload('release_mgmt.worker_databases' => '');
eventually('for every database, and what was left is taken up', sprintf($done, $size + 206), 't');

# Ends that nobody wishes for.
$primary->value('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'release_mgmt launcher'});
$primary->value('postgres', 'INSERT INTO item VALUES (7)');
eventually('a launcher that was terminated comes back', sprintf($done, $size + 207), 't');

my $load = fork // die "fork: $!";
if ($load == 0)
{
	for my $round (1 .. 2000)
	{
		last if ($primary->psql('postgres', 'UPDATE item SET n = n + 1 WHERE id = 2'))[0] != 0;
	}
	POSIX::_exit(0);
}
eventually('a worker runs under load', "$workers AND datname = 'postgres'", 1);
my $victim = $primary->value('postgres', q{SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'release_mgmt worker'});
like($victim, qr/^\d+$/, 'it is killed') and kill 'KILL', $victim;
waitpid $load, 0;
eventually('the server comes back', 'SELECT 1', 1);
$primary->value('postgres', 'INSERT INTO item VALUES (8)');
eventually('and the worker with it', sprintf($done, $size + 208), 't');
is($primary->value('postgres', 'SELECT finding FROM release_mgmt.verify_ledger()'), '', 'all is sound');

# A standby.
my $standby = $primary->standby;
reload('release_mgmt.worker' => 'off');
eventually('the primary rests', $workers, 0);
$primary->value('postgres', 'INSERT INTO item VALUES (9)');
eventually('the leaf reaches the standby', 'SELECT pending FROM release_mgmt.ledger_status', 1, server => $standby);
is($standby->value('postgres', 'SELECT worker FROM release_mgmt.ledger_status'), 'waiting for promotion', 'a standby does nothing');
is($standby->value('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'release_mgmt%'}), 0, 'and has no launcher');
$primary->stop('immediate');
$standby->value('postgres', 'SELECT pg_promote()');
eventually('promoted, it takes up what was left', sprintf($done, $size + 209), 't', server => $standby);
is($standby->value('postgres', 'SELECT finding FROM release_mgmt.verify_ledger()'), '', 'and is sound');

# Replaying DROP DATABASE after a crash complains of a directory that is gone.
my $noise = join "\n", grep { /(?:ERROR|FATAL|PANIC|WARNING):/ && !/can not sign with the key|terminating|in recovery mode|crash of another|starting up|shutting down|crashed|not yet accepting|old database directory|could not open directory "base/ } split /\n/, $primary->log;
is($noise, '', 'the log has no other complaint');
done_testing;
