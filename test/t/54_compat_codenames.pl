# What releases of Debian and Ubuntu are called, as Debian's distro-info-data has it, and this machine's own os-release.
# The table knows every release that is not younger than the youngest it knows.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my %known; # distribution => series => version
for my $distribution (qw(debian ubuntu))
{
	open my $csv, '<', "/usr/share/distro-info/$distribution.csv"
		or plan skip_all => RM::Cluster::excuse('distro-info-data is not installed');
	my @columns = split /,/, <$csv> =~ s/\s+\z//r;
	while (my $line = <$csv>)
	{
		my %release;
		@release{@columns} = split /,/, $line =~ s/\s+\z//r;
		$known{$distribution}{ $release{series} } = $release{version} =~ s/ LTS$//r if $release{version};
	}
	close $csv;
}
my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE EXTENSION release_mgmt CASCADE');

sub number { my ($major, $minor) = split /\./, $_[0]; return $major * 100 + ($minor // 0) }

for my $distribution (sort keys %known)
{
	my %ours = map { split /\|/ } split /\n/,
		$cluster->value('postgres', "SELECT name, version FROM release_mgmt.operating_system_name WHERE os = '$distribution' AND version IS NOT NULL");
	my ($youngest) = sort { $b <=> $a } map { number($_) } values %ours;
	my %expected = %{ $known{$distribution} };
	delete $expected{$_} for grep { number($expected{$_}) > $youngest } keys %expected;
	# An older list of the machine's does not know our youngest.
	my ($latest) = sort { $b <=> $a } map { number($_) } values %{ $known{$distribution} };
	delete $ours{$_} for grep { number($ours{$_}) > $latest } keys %ours;
	is_deeply(\%ours, \%expected, "$distribution: " . keys(%expected) . ' releases are called what distro-info-data calls them');
	my $said = join ', ', map { my $series = $_; map { "('$_', '$expected{$series}')" } $series, "$distribution-$expected{$series}", ucfirst("$distribution $expected{$series} ($series)") } sort keys %expected;
	is($cluster->value('postgres', "SELECT u.said, r FROM (VALUES $said) AS u (said, version) CROSS JOIN LATERAL release_mgmt.read_operating_system(u.said) AS r
		WHERE (r.os, r.version) IS DISTINCT FROM ('$distribution', u.version)"), '', 'each is read by its name, its version, and both');
}

# What /etc/debian_version and os-release(5) of testing and unstable say tells which release is to come, and no release.
my @testing = map { ("$_/sid", "Debian GNU/Linux $_/sid") } sort keys %{ $known{debian} };
is($cluster->value('postgres', 'SELECT u.said, r FROM (VALUES ' . join(', ', map { "('$_')" } @testing) . q{) AS u (said)
	CROSS JOIN LATERAL release_mgmt.read_operating_system(u.said) AS r WHERE (r.os, r.version) IS DISTINCT FROM ('debian', NULL)}), '',
	'testing and unstable are Debian, of no release: ' . @testing . ' names');

# os-release(5) of this machine: its own words for itself; testing and unstable have no VERSION_ID.
SKIP:
{
	open my $file, '<', '/etc/os-release' or skip 'there is no os-release', 1;
	my %release = map { /^(\w+)="?(.*?)"?$/ ? ($1 => $2) : () } <$file>;
	close $file;
	is($cluster->value('postgres', "SELECT os, version FROM release_mgmt.read_operating_system('$release{PRETTY_NAME}')") =~ s/^(\S+\|\d+(?:\.\d+)?).*/$1/r,
		"$release{ID}|" . ($release{VERSION_ID} // ''), "\"$release{PRETTY_NAME}\" is what it says it is");
}
done_testing();
