# The whole of the archive's index as one installed set, against two solvers: dose-debcheck and libsolv's installcheck.
# Both name the packages that can not be installed, whatever one chooses. We choose nothing, and name the same: what requires
# something that nothing is or provides, what requires only such packages, and so on; and what requires a package that excludes it.
# Needs apt's index, dose-debcheck (Debian: dose-distcheck) and installcheck (libsolv-tools).
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

sub program
{
	my ($name) = @_;
	my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
	plan skip_all => RM::Cluster::excuse("there is no $name") if !$path;
	return $path;
}
my ($dose, $installcheck) = map { program($_) } qw(dose-debcheck installcheck);
my @indexes = glob '/var/lib/apt/lists/*_main_binary-*_Packages*';
plan skip_all => 'apt has no index' if !@indexes;

# The largest index is the release's own.
my $index = (sort { -s $b <=> -s $a } @indexes)[0];
my ($architecture) = $index =~ /_binary-(\w+)_/;
my ($status, $text) = RM::Cluster::capture(undef, '/usr/lib/apt/apt-helper', 'cat-file', $index);
plan skip_all => "apt can not read $index" if $status != 0;
my $dir = tempdir(CLEANUP => 1);
open my $packages, '>:raw', "$dir/Packages" or die "$dir/Packages: $!";
print $packages $text;
close $packages;

my (undef, $report) = RM::Cluster::capture(undef, $dose, '-f', '--explain', "$dir/Packages");
my %cause = map { $_ => 1 } $report =~ /missing:\n\s+pkg:\n\s+package: (\S+)/g;
my @broken = sort { $a cmp $b } $report =~ /^ *package: (\S+)\n *version: \S+\n *architecture: \S+\n *status: broken/mg;
cmp_ok(scalar @broken, '>', 0, 'dose-debcheck finds broken packages among ' . ($report =~ /total-packages: (\d+)/)[0]);
my (undef, $solved) = RM::Cluster::capture(undef, $installcheck, $architecture, "$dir/Packages");
my %known = map { $_ => 1 } $text =~ /^Package: (\S+)/mg;

# installcheck writes name-version.architecture, and both may hold a "-".
sub name_of
{
	my ($name) = @_;
	$name =~ s/-[^-]*\z// while length $name && !$known{$name};
	return $name;
}
is_deeply([ sort { $a cmp $b } map { name_of($_) } $solved =~ /^can't install (\S+):/mg ], \@broken, 'installcheck calls the same ones broken');

my $cluster = RM::Cluster->new(settings => { max_wal_size => '2GB' })->start;
my $db = 'postgres';
$cluster->value($db, q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('compat.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CALL release_mgmt.grant_duty('postgres', 'librarian', 'Provider');
	CALL release_mgmt.grant_duty('postgres', 'release manager', 'Provider')});
$cluster->value($db, "SELECT load_package_clauses(\$index\$$text\$index\$)");
my $findings = $cluster->value($db, q{
	CREATE TABLE package AS SELECT DISTINCT ON (name) name, pkgver_version(version) AS version FROM known_package ORDER BY name, known_package.version DESC;
	ALTER TABLE package ADD PRIMARY KEY (name);
	SELECT bind_ci_class('package', 'package', key => '{name}', name => 'name', version => 'version', scheme => 'deb') \gset
	ANALYZE;
	SELECT create_release('REL-1', 'minor') \gset
	SELECT create_package('PKG-1', 'REL-1', '{}') \gset
	CREATE TABLE finding AS SELECT * FROM check_compatibility('PKG-1') WHERE class = 'pre-existing';
	SELECT component FROM finding WHERE kind = 'requires'
	GROUP BY component ORDER BY component COLLATE "C"});
is($findings, join("\n", sort keys %cause), 'what requires something that is not there is what dose-debcheck names as the cause');

# Who requires directly, by name, a package that excludes it, and nothing else that would do: what would be missed without that package.
my $forced = $cluster->value($db, q{
	CREATE TABLE excluding AS
	SELECT DISTINCT p.requiring, p.required
	FROM finding AS f
	CROSS JOIN LATERAL (VALUES (f.component, split_part(f.candidates, ' ', 1)), (split_part(f.candidates, ' ', 1), f.component)) AS p(requiring, required)
	JOIN known_package AS k ON k.name = p.requiring
	JOIN package_clause AS c ON c.known_package_id = k.id AND c.name = p.required AND c.kind IN ('requires', 'pre-requires')
	WHERE f.kind IN ('conflicts', 'breaks');
	CREATE TABLE forced (name text);
	CREATE PROCEDURE find_forced() LANGUAGE plpgsql AS $$
	DECLARE
		pair record;
	BEGIN
		FOR pair IN SELECT * FROM excluding LOOP
			INSERT INTO planned_ci_change (release_id, ci, operation) VALUES (release_id('REL-1'), 'package/' || pair.required, 'retire');
			INSERT INTO forced SELECT DISTINCT pair.requiring FROM check_compatibility('PKG-1', ARRAY['package/' || pair.requiring]) AS c
				WHERE c.kind = 'requires' AND c.class = 'introduced' AND c.finding LIKE pair.requiring || ' %';
			DELETE FROM planned_ci_change;
		END LOOP;
	END $$;
	CALL find_forced();
	SELECT name FROM forced ORDER BY name COLLATE "C"});

# What requires only what is broken is broken: taken out round by round.
my $sinking = $cluster->value($db, q{
	CREATE TABLE sunk (name text);
	INSERT INTO sunk TABLE forced;
	CREATE PROCEDURE sink() LANGUAGE plpgsql AS $$
	BEGIN
		DELETE FROM package WHERE name IN (TABLE forced);
		LOOP
			WITH gone AS (
				DELETE FROM package WHERE name IN (SELECT component FROM check_compatibility('PKG-1') WHERE kind = 'requires') RETURNING name)
			INSERT INTO sunk TABLE gone;
			EXIT WHEN NOT FOUND;
		END LOOP;
	END $$;
	CALL sink();
	SELECT name FROM sunk ORDER BY name COLLATE "C"});
is($sinking, join("\n", @broken), 'what sinks with the causes, and with what is excluded by all that it needs, is what both call broken');
cmp_ok(scalar(split /\n/, $forced), '<', scalar @broken, "of these, excluded by what it needs: $forced");
done_testing;
