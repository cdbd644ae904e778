# The whole of the archive's index as one installed set: what requires something that nothing is or provides is what
# dose-debcheck names as the cause of a missing dependency.
# Needs apt's index and dose-debcheck (Debian: dose-distcheck); what only a solver finds, conflicts among them, is not compared.
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

my ($dose) = grep { -x } map { "$_/dose-debcheck" } split /:/, $ENV{PATH};
my @indexes = glob '/var/lib/apt/lists/*_main_binary-*_Packages*';
plan skip_all => RM::Cluster::excuse('there is no dose-debcheck') if !$dose;
plan skip_all => 'apt has no index' if !@indexes;

# The largest index is the release's own.
my $index = (sort { -s $b <=> -s $a } @indexes)[0];
my ($status, $text) = RM::Cluster::capture(undef, '/usr/lib/apt/apt-helper', 'cat-file', $index);
plan skip_all => "apt can not read $index" if $status != 0;
my $dir = tempdir(CLEANUP => 1);
open my $packages, '>:raw', "$dir/Packages" or die "$dir/Packages: $!";
print $packages $text;
close $packages;

my (undef, $report) = RM::Cluster::capture(undef, $dose, '-f', '--explain', "$dir/Packages");
my %cause = map { $_ => 1 } $report =~ /missing:\n\s+pkg:\n\s+package: (\S+)/g;
cmp_ok(scalar keys %cause, '>', 0, 'dose-debcheck finds something missing in ' . ($report =~ /total-packages: (\d+)/)[0] . ' packages');

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
	SELECT component FROM check_compatibility('PKG-1') WHERE kind = 'requires' AND class = 'pre-existing'
	GROUP BY component ORDER BY component COLLATE "C"});
is($findings, join("\n", sort keys %cause), 'both name the same packages as the cause');
done_testing;
