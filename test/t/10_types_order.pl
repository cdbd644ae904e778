# Every scheme orders versions as its own tool does, on random and hostile pairs.
#
#   RM_PAIRS=1000000 RM_TEST_TIMEOUT=3600 RM_SEED=2 test/run types_order       the long form; RM_SEED for other pairs
#
# Tools: libapt (python3-apt), rpm (python3-rpm), packaging (python3-packaging), npm's semver (node), Maven's
# ComparableVersion (libmaven3-core-java, a Java runtime), NuGet's NuGet.Versioning (mono-mcs; npm fetches it).
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $pairs = $ENV{RM_PAIRS} || 20000;
my $seed = $ENV{RM_SEED} || 1;
my $peers = "$RM::Cluster::top/test/peers";
my @npm = map { "$_/npm/node_modules" } '/usr/lib/node_modules', '/usr/local/lib/node_modules';
$ENV{NODE_PATH} = join ':', '/usr/share/nodejs', @npm, $ENV{NODE_PATH} // ();

my %peer = (
	deb => [ '/usr/bin/python3', "$peers/types_deb.py" ],
	rpm => [ '/usr/bin/python3', "$peers/types_rpm.py" ],
	pep440 => [ '/usr/bin/python3', "$peers/types_pep440.py" ],
	semver => [ 'node', "$peers/types_semver.js" ],
	maven => [ 'java', '-cp', '/usr/share/java/maven3-artifact.jar:/usr/share/java/commons-lang3.jar', "$peers/types_maven.java", 'order' ],
	nuget => [ "$peers/compile", "$peers/types_nuget.cs", 'order' ],
);

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE FUNCTION public.try_parse(scheme text, version text) RETURNS release_mgmt.pkgver LANGUAGE plpgsql AS $$
	BEGIN
		RETURN release_mgmt.pkgver(scheme, version);
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN NULL;
	END $$});

for my $scheme (sort keys %peer)
{
	my ($status, $lines, $errors) = RM::Cluster::capture_separately(undef, @{ $peer{$scheme} }, $pairs, $seed);
	SKIP:
	{
		my $missing = "$scheme: @{ $peer{$scheme} } finds no library";
		skip $scheme eq 'maven' ? RM::Cluster::excuse($missing) : $missing, $scheme eq 'maven' ? 8 : 7 if $status == 77 || $status == 127;
		is($status, 0, "$scheme: the tool answers") or diag($errors);
		$cluster->value('postgres', "DROP TABLE IF EXISTS answer, pair; CREATE TABLE answer (a text, b text, expected int);
			COPY answer FROM STDIN;\n$lines\\.\n
			CREATE TABLE pair AS SELECT a, b, expected, try_parse('$scheme', a) AS x, try_parse('$scheme', b) AS y FROM answer");
		my $wrong = sub {
			my ($name, $condition) = @_;
			is($cluster->value('postgres', "SELECT a, b, expected, pkgver_cmp(x, y) FROM pair WHERE $condition LIMIT 10"), '',
				"$scheme: $name");
		};
		cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM pair WHERE expected <> 9'), '>=', $pairs / 4, "$scheme: pairs");
		cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM pair WHERE abs(expected) = 2'), '>=', $pairs / 500, "$scheme: exceptions")
			if $scheme eq 'maven';
		$wrong->('what it refuses is refused', 'expected = 9 AND x IS NOT NULL');
		# 2 and -2: the documented exceptions, where ours is the other way round.
		$wrong->('order is the same both ways', 'expected <> 9 AND (sign(pkgver_cmp(x, y)) <> CASE abs(expected) WHEN 2 THEN -sign(expected)
			ELSE expected END OR pkgver_cmp(y, x) <> -pkgver_cmp(x, y)) IS NOT FALSE');
		$wrong->('equal versions hash alike', 'expected = 0 AND (pkgver_hash(x) <> pkgver_hash(y)
			OR pkgver_hash_extended(x, 7) <> pkgver_hash_extended(y, 7))');
		is($cluster->value('postgres', "SELECT count(*) FROM (SELECT x, lag(x) OVER (ORDER BY x) AS previous
			FROM pair WHERE expected <> 9) AS sorted WHERE pkgver_cmp(previous, x) > 0"), 0, "$scheme: sorting agrees with comparing");
		my $file = "$cluster->{dir}/pairs";
		$cluster->value('postgres', "COPY (SELECT x, x::text FROM pair WHERE expected <> 9) TO '$file' (FORMAT binary);
			DROP TABLE IF EXISTS copied; CREATE TABLE copied (v pkgver, t text); COPY copied FROM '$file' (FORMAT binary)");
		is($cluster->value('postgres', 'SELECT v, t FROM copied WHERE NOT (v::text = t AND v === t::pkgver) LIMIT 10'), '',
			"$scheme: text and binary form read back");
	}
}
done_testing;
