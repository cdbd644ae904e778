# What a regression script leaves behind survives pg_dump: restored elsewhere, every table of the extension and of the
# script holds what it held, the database is inactive, refuses verbs with a hint, and can be activated again.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

chdir $RM::Cluster::top or die $!;
# Together they fill the tables of every module.
my @scripts = map { "test/sql/$_.sql" }
  qw(ledger_tamper cmdb_guard rollout assurance_register assurance_incident transition_knowledge transition_service metrics release_dependency release_train);

# A digest of the rows of every table that pg_dump carries.
sub contents
{
	my ($cluster, $database) = @_;
	my $digests = $cluster->value($database, q{
		SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\\n'' ORDER BY t::text)) FROM %s AS t %s',
		              c.oid::regclass, c.oid::regclass, e.extcondition[array_position(e.extconfig, c.oid)])
		FROM pg_class c LEFT JOIN pg_extension e ON c.oid = ANY (e.extconfig)
		WHERE c.relkind = 'r' AND (e.oid IS NOT NULL OR c.relnamespace = 'public'::regnamespace)
		ORDER BY c.oid::regclass::text
		\\gexec
	});
	return [ split /\n/, $digests ];
}

for my $script (@scripts)
{
	my ($name) = $script =~ m{([^/]+)\.sql$};
	subtest $name => sub {
		my $cluster = RM::Cluster->new->start;
		$cluster->value('postgres', 'CREATE DATABASE original');
		my ($status, undef, $errors) = $cluster->run(undef, 'psql', '-X', '-q', '-o', '/dev/null', '-d', 'original', '-f', $script);
		is($status, 0, 'the script runs') or diag($errors);
		is($cluster->value('original', 'SELECT release_mgmt_internal.is_active()'), 't', 'and leaves an active database');

		my $before = contents($cluster, 'original');
		my $dump = "$cluster->{dir}/dump";
		($status, undef, $errors) = $cluster->run(undef, 'pg_dump', '--format=custom', "--file=$dump", 'original');
		is("$status$errors", '0', 'pg_dump');
		$cluster->value('postgres', 'CREATE DATABASE restored');
		($status, undef, $errors) = $cluster->run(undef, 'pg_restore', '--exit-on-error', '-d', 'restored', $dump);
		is($status, 0, 'pg_restore') or diag($errors);

		is_deeply(contents($cluster, 'restored'), $before, 'every table holds what it held');
		is($cluster->value('restored', 'SELECT release_mgmt_internal.is_active()'), 'f', 'the restored database is inactive');
		my (undef, undef, $refusal) =
		  $cluster->psql('restored', q{CALL release_mgmt.grant_duty('postgres', 'operator', 'Provider')});
		like($refusal, qr/ERROR:.*inactive.*HINT:.*activate/s, 'verbs are refused there, and say what to do');
		my $origin = $cluster->value('restored', 'SELECT base FROM release_mgmt.ledger_log ORDER BY epoch LIMIT 1');
		$cluster->value('restored', "SELECT release_mgmt.activate('$origin')");
		is($cluster->value('restored', 'SELECT release_mgmt_internal.is_active()'), 't', 'activate() brings it back');
		$cluster->value('restored', q{CALL release_mgmt.grant_duty('postgres', 'operator', 'Provider')});
		$cluster->stop('immediate');
	};
}
done_testing;
