# Versions satisfy requirements as each ecosystem's own tool has it, on random and hostile ones.
#
#   RM_PAIRS=1000000 RM_TEST_TIMEOUT=3600 RM_SEED=2 test/run types_require     the long form; RM_SEED for others
#
# Tools: npm's semver (node), packaging (python3-packaging), rpm (python3-rpm), libapt (python3-apt), Maven's VersionRange
# (libmaven3-core-java, a Java runtime), NuGet's NuGet.Versioning (mono-mcs; npm fetches it), the crate semver (rustc,
# librust-semver-dev).
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
	npm => [ 'node', "$peers/types_require_npm.js" ],
	pep440 => [ '/usr/bin/python3', "$peers/types_require_pep440.py" ],
	rpm => [ '/usr/bin/python3', "$peers/types_require_rpm.py" ],
	deb => [ '/usr/bin/python3', "$peers/types_require_deb.py" ],
	maven => [ 'java', '-cp', '/usr/share/java/maven3-artifact.jar:/usr/share/java/commons-lang3.jar', "$peers/types_maven.java", 'require' ],
	nuget => [ "$peers/compile", "$peers/types_nuget.cs", 'require' ],
	cargo => [ "$peers/compile", "$peers/types_require_cargo.rs" ],
);

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE FUNCTION public.try_requirement(syntax text, requirement text) RETURNS release_mgmt.pkgreq LANGUAGE plpgsql AS $$
	BEGIN
		RETURN release_mgmt.pkgreq(syntax, requirement);
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN NULL;
	END $$});

for my $syntax (sort keys %peer)
{
	my ($status, $lines, $errors) = RM::Cluster::capture_separately(undef, @{ $peer{$syntax} }, int($pairs / 4), $seed);
	SKIP:
	{
		my $missing = "$syntax: @{ $peer{$syntax} } finds no library";
		skip $syntax eq 'maven' ? RM::Cluster::excuse($missing) : $missing, 6 if $status == 77 || $status == 127;
		is($status, 0, "$syntax: the tool answers") or diag($errors);
		$cluster->value('postgres', "DROP TABLE IF EXISTS answer, pair; CREATE TABLE answer (v text, r text, expected int);
			COPY answer FROM STDIN;\n$lines\\.\n
			CREATE TABLE pair AS SELECT v, r, expected, try_pkgver('$syntax', v) AS version, try_requirement('$syntax', r) AS requirement FROM answer");
		my $wrong = sub {
			my ($name, $condition) = @_;
			is($cluster->value('postgres', "SELECT v, r, expected FROM pair WHERE $condition LIMIT 10"), '', "$syntax: $name");
		};
		cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM pair WHERE expected = 1'), '>=', $pairs / 20, "$syntax: many satisfy");
		$wrong->('what it refuses is refused', 'expected = 9 AND requirement IS NOT NULL');
		$wrong->('what it takes is taken, and its answers are ours',
			'expected <> 9 AND (version @@ requirement) IS DISTINCT FROM (expected = 1)');
		$wrong->('every version that satisfies lies within pkgreq_versions()',
			'expected = 1 AND NOT version <@ pkgreq_versions(requirement)');
		$wrong->('text reads back', 'requirement IS NOT NULL AND requirement::text::pkgreq::text <> requirement::text');
	}
}
done_testing;
