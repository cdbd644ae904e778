# A stored baseline is used where nothing has changed that it was read from, and tells then what a session would read itself:
# after random edits, DDL, rollbacks, and on a hot standby, where nothing is written.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

srand($ENV{RM_COMPAT_SEED} || 20260101);
my $rounds = $ENV{RM_COMPAT_ROUNDS} || 12;
my $primary = RM::Cluster->new(settings => { wal_level => 'replica', max_wal_senders => 4 })->start;
my $names = 40;

sub name { return 'p' . int(rand $names) }
sub version { return int(rand 5) . ($_[0] // '') }

# A package as dpkg's status file describes it, that relates to others at random.
sub stanza
{
	my ($name, $version) = @_;
	my @relations = map { int(rand 3) ? name() . ' (' . (qw(>= << =))[rand 3] . ' ' . version() . ')' : name() . ' | ' . name() } 1 .. 8;
	return join "\n", "Package: $name", "Version: $version", 'Architecture: ' . (qw(amd64 all))[rand 2], "Depends: $relations[0], $relations[1]",
		'Conflicts: ' . name() . ' (<< 1)', 'Breaks: ' . name() . ' (= 3)', 'Provides: v' . int(rand 9) . ", " . name() . ' (= 2)',
		'Replaces: ' . name(), '', '';
}

my $known = join '', map { my $n = $_; map { stanza("p$n", $_) } 0 .. 4 } 0 .. $names - 1;
$primary->value('postgres', qq{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('stored.example.org');
	CALL release_mgmt.grant_duty(current_user::text, 'librarian', 'Provider');
	CALL release_mgmt.grant_duty(current_user::text, 'release manager', 'Provider');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	SET search_path = public, release_mgmt;
	CREATE TABLE host (name text PRIMARY KEY, os text);
	CREATE TABLE package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
	SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name', platform => 'os');
	SELECT bind_ci_class('package', 'package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb', mode => 'observe');
	CALL bind_ci_relation('installed on', 'package', '{host}', 'host');
	INSERT INTO host VALUES ('a', 'Debian 12'), ('b', NULL), ('c', 'Fedora 39');
	INSERT INTO package SELECT h.name, 'p' || n || CASE WHEN n % 7 = 0 THEN ':amd64' ELSE '' END, (n * 7 % 5)::text FROM host AS h, generate_series(0, $names - 1) AS n WHERE (n + ascii(h.name)) % 3 > 0;
	INSERT INTO package VALUES ('b', 'odd', 'no version');
	SELECT load_package_clauses(\$known\$$known\$known\$);
	SELECT create_release('REL-1', 'minor'), create_package('PKG-1', 'REL-1', '{}');
	INSERT INTO component (package_id, kind, name, version, ci)
	SELECT package_id('PKG-1'), 'configuration', 'p' || n, pkgver('deb', (n % 5)::text), 'package/a:p' || n FROM generate_series(0, $names - 1, 6) AS n;
});
my $standby = $primary->standby;

# What a new session finds on each host and on none, over it the release and under it the baseline's own text, and whether it
# read the CMDB's table for that; with what is stored, or without.
sub findings
{
	my ($cluster, $without) = @_;
	return $cluster->value('postgres', ($without ? "SET release_mgmt.compatibility_cache = 0; BEGIN; DELETE FROM release_mgmt_internal.stored_baseline;" : '') . q{
		SELECT f.* FROM check_compatibility('PKG-1', '{host/a,host/b,host/c}') AS f;
		SELECT f.* FROM release_mgmt_internal.check_installation(package_id('PKG-1'), NULL) AS f;
		SELECT s.* FROM suggest_repairs('PKG-1', '{host/a}') AS s;
		SELECT p.* FROM (SELECT i.id, i.label FROM ci AS i WHERE i.class = 'host' ORDER BY i.label) AS i, LATERAL release_mgmt_internal.installed_part(i.id, i.label) AS p});
}
my $reads = q{; SELECT pg_stat_get_xact_numscans('package'::regclass) + pg_stat_get_xact_numscans('package_pkey'::regclass)};

# Whether a check of host a in a new session takes the stored baseline.
sub is_taken
{
	my ($cluster) = @_;
	my $said = $cluster->value('postgres', "BEGIN; SELECT count(*) < 0 FROM check_compatibility('PKG-1', '{host/a}')$reads; ROLLBACK");
	return $said =~ /\n0$/ ? 1 : 0;
}

is(is_taken($primary), 0, 'nothing is stored yet');
is($primary->value('postgres', q{SELECT store_baselines('{host/a,host/b,host/c}')}), 3, 'a baseline is stored for each target');
is(is_taken($primary), 1, 'and taken by a session that has not looked at it');
is($primary->value('postgres', q{SELECT store_baselines('{host/a,host/b,host/c}')}), 0, 'the same is not written again');
is(findings($primary), findings($primary, 1), 'with it a check finds what it finds without');
$standby->catch_up;
is(is_taken($standby), 1, 'a standby takes it');
is(findings($standby), findings($primary, 1), 'and finds the same');
my ($status, undef, $refused) = $standby->psql('postgres', q{SELECT store_baselines('{host/a}')});
like($refused, qr/recovery|read-only/, 'it stores none');

# Random edits, in the CMDB and of what is known; now and then it is stored anew, and what was noted is pruned.
my @edits = (
	sub { sprintf q{UPDATE package SET version = '%s' WHERE host = '%s' AND name = '%s'}, version(), (qw(a b c))[rand 3], name() },
	sub { sprintf q{DELETE FROM package WHERE host = '%s' AND name = '%s'}, (qw(a b c))[rand 3], name() },
	sub { sprintf q{INSERT INTO package VALUES ('%s', '%s', '%s') ON CONFLICT (host, name) DO NOTHING}, (qw(a b c))[rand 3], name(), version('-1') },
	sub { sprintf q{SELECT load_package_clauses($$%s$$)}, stanza(name(), version()) },
	sub { sprintf q{UPDATE host SET os = %s WHERE name = '%s'}, (qw('Debian' 'fedora-39' 'unheard-of' NULL))[rand 4], (qw(a b c))[rand 3] },
	sub { sprintf q{BEGIN; UPDATE package SET version = '9'; ROLLBACK} },
	sub { sprintf q{BEGIN; SELECT store_baselines('{host/a,host/b,host/c}'); UPDATE package SET version = '%s' WHERE name = '%s'; COMMIT}, version(), name() },
	sub { sprintf q{BEGIN; UPDATE package SET version = '%s' WHERE name = '%s'; SELECT store_baselines('{host/a}'); ROLLBACK}, version(), name() },
	sub { sprintf q{BEGIN; SAVEPOINT s; UPDATE package SET version = '8'; SELECT store_baselines('{host/a}'); ROLLBACK TO s; UPDATE package SET version = '%s' WHERE name = '%s'; COMMIT}, version(), name() },
);
my ($taken, $differing) = (0, 0);
for my $round (1 .. $rounds)
{
	$primary->value('postgres', "SET client_min_messages = error; " . $edits[$_ % @edits]->()) for map { int(rand 100) } 1 .. 1 + int(rand 2);
	$primary->value('postgres', q{SELECT store_baselines('{host/a,host/b,host/c}')}) if rand() < 0.5;
	$primary->value('postgres', 'SELECT release_mgmt_internal.prune_source_changes()') if rand() < 0.3;
	$taken += is_taken($primary);
	my $expected = findings($primary, 1);
	my $found = findings($primary);
	is($found, $expected, "edit $round: with what is stored as without") if $found ne $expected;
	$differing++ if $found ne $expected;
	$standby->catch_up;
	my $there = findings($standby);
	is($there, $expected, "edit $round: on the standby as well") if $there ne $expected;
	$differing++ if $there ne $expected;
}
is($differing, 0, "after each of $rounds random edits a check finds with what is stored, there and on a standby, what it finds without");
cmp_ok($taken, '>', 0, 'which was taken after some of them');
cmp_ok($taken, '<', $rounds, 'and not after others');

# What a change elsewhere, and pruning, leave alone; what DDL, another form, and a trigger that was off do not.
sub stored_then
{
	$primary->value('postgres', q{SELECT store_baselines('{host/a}')});
	$primary->value('postgres', "SET client_min_messages = error; $_") for @_;
	return is_taken($primary);
}
is(stored_then(q{CREATE TABLE other (id integer PRIMARY KEY, name text)}, q{SELECT bind_ci_class('other', 'other', key => '{id}', name => 'name')}), 0, 'another class is one more source, maybe');
is(stored_then(q{INSERT INTO other SELECT i, 'x' FROM generate_series(1, 5) AS i}, q{UPDATE other SET name = 'y'},
	'SELECT release_mgmt_internal.prune_source_changes()', 'SELECT release_mgmt_internal.prune_source_changes()'), 1, 'changes of another class, and pruning them, leave it');
is(stored_then('ANALYZE package', 'VACUUM package'), 1, 'so do ANALYZE and VACUUM');
is(stored_then('ALTER TABLE package ADD COLUMN note text'), 0, 'DDL does not');
is(stored_then(q{BEGIN; ALTER TABLE package DISABLE TRIGGER ALL; UPDATE package SET version = '7' WHERE name = 'p3'; ALTER TABLE package ENABLE TRIGGER ALL; ALTER TABLE package ENABLE ALWAYS TRIGGER rm_80_ci; COMMIT}), 0,
	'nor rows that came while its triggers were off');
is(findings($primary), findings($primary, 1), 'and what is found is right');
is(stored_then(q{UPDATE release_mgmt_internal.stored_baseline SET form = 'of another server'}), 0, 'nor what is of another form');
is(stored_then(q{UPDATE release_mgmt_internal.stored_baseline SET role = 1}), 0, 'nor what another role read');
like(($primary->psql('postgres', q{SELECT store_baselines('{host/a}'); UPDATE release_mgmt_internal.stored_baseline SET members = substr(members, 1, 1000); SELECT count(*) FROM check_compatibility('PKG-1', '{host/a}')} =~ s/; SELECT count/; DISCARD ALL; SELECT count/r))[2] || 'nothing', qr/stored baseline ends|nothing/, 'one that is cut short is an error');
is($primary->value('postgres', q{DELETE FROM release_mgmt_internal.stored_baseline; SELECT store_baselines(), (SELECT count(*) FROM release_mgmt_internal.stored_baseline)}), '3|0',
	'without targets, all on which something is installed are stored');
done_testing();
