# A newer major version: pg_upgrade, and pg_dump restored into it. Digests are the same there, history goes on.
#
# Runs where another, older server has the extension installed ("make install" with its PG_CONFIG): RM_OLD_PG_CONFIG names
# its pg_config, otherwise /usr/lib/postgresql is looked through.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

# The major version and the directories of a server.
sub server
{
	my ($config) = @_;
	my %server = map { my $value = `$config --$_`; chomp $value; ($_ => $value) } qw(bindir sharedir version);
	($server{major}) = $server{version} =~ /(\d+)/;
	return \%server;
}

my $new = server($ENV{PG_CONFIG} || 'pg_config');
my ($old) = sort { $b->{major} <=> $a->{major} }
  grep { $_->{major} < $new->{major} && -e "$_->{sharedir}/extension/release_mgmt.control" && -x "$_->{bindir}/initdb" }
  map { server($_) } $ENV{RM_OLD_PG_CONFIG} || glob('/usr/lib/postgresql/*/bin/pg_config');
plan skip_all => 'no older server has the extension installed; RM_OLD_PG_CONFIG names one' if !$old;
note "from $old->{version} to $new->{version}";

my $target = RM::Cluster->new;
my $dir = $target->{dir};
my $key = "$dir/key.pem";
$target->sign_with($key);

# The older server, with a directory of data of its own.
my $source = bless { %$target, data => "$dir/old", bin => $old->{bindir} }, 'RM::Cluster';
RM::Cluster::run_quietly(RM::Cluster::as_server_user("$old->{bindir}/initdb", '--pgdata', $source->{data}, '--username', 'postgres', '--auth',
	'trust', '--encoding', 'UTF8', '--no-locale', '--no-sync', '--wal-segsize', '4'));
$source->set('release_mgmt.signing_key_file' => $key, unix_socket_directories => $dir, listen_addresses => '', fsync => 'off', port => 5433);
$source->{port} = 5433;
$source->start;
$source->value('postgres', q{
	SET client_min_messages = error;
	CREATE DATABASE cmdb;
	\c cmdb
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('upgrade.example.org');
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE TYPE pair AS (x double precision, at timestamptz);
	CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
	CREATE TABLE item (gone integer, id uuid PRIMARY KEY, b boolean, i2 smallint, f4 real, f8 double precision, n numeric, t text, c char(5),
		d date, tm time, ts timestamp, tz timestamptz, iv interval, bin bytea, j json, jb jsonb, e mood, p percent, r int4range, tr tstzrange,
		a timestamptz[], o pair, m money, v tsvector, net inet, bits bit varying, x xml);
	ALTER TABLE item DROP gone;
	CREATE TABLE part (id integer PRIMARY KEY, x numeric) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (1000);
	SELECT release_mgmt.govern('item'), release_mgmt.govern('part');
	SET TimeZone = 'Asia/Kolkata';
	INSERT INTO item SELECT ('019ac000-0001-7000-8000-' || lpad(i::text, 12, '0'))::uuid, i % 2 = 0, i, i / 3.0, '-0', i / 7.0, 'ä' || i, 'c', '2026-01-02',
		'03:04:05.6', '2026-01-02 03:04:05', now(), '1 day 02:03:04', '\x00ff', '{"b":1, "a":2}', '{"b":1, "a":2}', 'sad'::mood, i, int4range(1, i),
		tstzrange(now(), NULL), ARRAY[now(), NULL], ROW(0.1, now())::pair, 12.34, 'a fat cat', '10.0.0.1/8', '101', '<a/>'
	FROM generate_series(1, 40) AS i;
	INSERT INTO part SELECT i, i / 3.0 FROM generate_series(1, 50) AS i;
	UPDATE item SET t = repeat('long', 5000) WHERE i2 = 3;
	UPDATE part SET x = 0 WHERE id = 7;
	ALTER TABLE part RENAME x TO y});
$source->value('cmdb', 'CALL release_mgmt.sequence_ledger()');
my $checkpoint = $source->value('cmdb', 'SELECT release_mgmt.sign_checkpoint()');
$source->value('cmdb', q{DELETE FROM part WHERE id = 8});
my $findings = q{SELECT string_agg(v::text, E'\n') FROM release_mgmt.verify_ledger() AS v};
is($source->value('cmdb', $findings), '', "sound on $old->{major}");
my ($status, $out, $err) = $source->run(undef, "$new->{bindir}/pg_dump", '-Fc', '-f', "$dir/dump", 'cmdb');
is($status, 0, 'pg_dump of the newer version') or diag $err;
$source->stop;

# What holds after either road.
sub goes_on
{
	my ($cluster, $database, $road) = @_;
	is($cluster->value($database, 'SELECT release_mgmt_internal.is_active()'), 'f', "$road: inactive");
	is($cluster->value($database, $findings), '', "$road: every digest is what it was");
	is($cluster->value($database, "SELECT count(*) FROM release_mgmt.verify_ledger(\$x\$$checkpoint\$x\$)"), 0, "$road: the checkpoint holds");
	is($cluster->value($database, "SELECT release_mgmt.activate('upgrade.example.org', \$x\$$checkpoint\$x\$)"), 'upgrade.example.org',
		"$road: with the checkpoint the log goes on");
	is($cluster->value($database, q{SELECT string_agg(f::text, E'\n') FROM release_mgmt.activation_finding AS f WHERE f.finding <> 'definitions recorded anew'}),
		'', "$road: nothing differed");
	like(($cluster->psql($database, q{SELECT release_mgmt.pkgver_range('deb/1', 'rpm/2')}))[2], qr/scheme/, "$road: ranges are of one scheme");
	$cluster->value($database, q{UPDATE part SET y = 1 WHERE id = 7; UPDATE item SET b = NOT b, o = ROW(1, now())::pair});
	$cluster->value($database, 'CALL release_mgmt.sequence_ledger()');
	is($cluster->value($database, $findings), '', "$road: sound with what was written since");
	is($cluster->value($database, q{SELECT string_agg(operation, ' ' ORDER BY log_index) FROM release_mgmt.history_of('part', '7')}), 'insert update update',
		"$road: history goes on");
	$cluster->value($database, q{ALTER TABLE part DISABLE TRIGGER ALL; UPDATE part SET y = 2 WHERE id = 9; ALTER TABLE part ENABLE ALWAYS TRIGGER rm_10_admit});
	like($cluster->value($database, $findings), qr/^\("row changed",\d+,public\.part,9,/m, "$road: tampering is named");
	return;
}

$target->start;
$target->value('postgres', 'CREATE DATABASE restored');
($status, $out, $err) = $target->run(undef, 'pg_restore', '--exit-on-error', '-d', 'restored', "$dir/dump");
is($status, 0, 'pg_restore') or diag $err;
goes_on($target, 'restored', "dump from $old->{major} to $new->{major}");
$target->stop;
# The signer remembers the copy that went on; this one replaces the original as well.
unlink glob "$key.*.checkpoint";

my $upgraded = RM::Cluster->new(settings => { 'release_mgmt.signing_key_file' => $key });
($status, $out, $err) = RM::Cluster::capture_separately(undef, RM::Cluster::as_server_user('env', '-C', $upgraded->{dir}, "$new->{bindir}/pg_upgrade",
	'-b', $old->{bindir}, '-B', $new->{bindir}, '-d', $source->{data}, '-D', $upgraded->{data}, '-U', 'postgres', '-s', $upgraded->{dir}));
is($status, 0, 'pg_upgrade') or diag $out, $err, RM::Cluster::capture(undef, 'sh', '-c', "grep -rh -A3 'pg_restore: error' $upgraded->{data}/pg_upgrade_output.d");
$upgraded->start;
goes_on($upgraded, 'cmdb', "pg_upgrade from $old->{major} to $new->{major}");
done_testing;
