# Whether a fixed set of packages fits this host: check_compatibility agrees with apt-get --simulate.
# The sets are made from the archive's index, where apt has one, and from what is installed; wrong ones included.
# apt sees the host's status and the set alone, so that it can choose nothing.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

for my $needed ('/var/lib/dpkg/status', '/usr/bin/apt-get', '/usr/bin/dpkg-deb')
{
	plan skip_all => "no $needed" if !-e $needed;
}
my $sets = $ENV{RM_COMPAT_SETS} || 30;
srand($ENV{RM_COMPAT_SEED} || 20260101);

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $status = slurp('/var/lib/dpkg/status');
spew("$dir/status", $status);
make_path("$dir/lists/partial", "$dir/cache/archives/partial", "$dir/debs");

sub slurp
{
	my ($file) = @_;
	open my $handle, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

sub spew
{
	my ($file, $content) = @_;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content;
	close $handle;
	return;
}

# Stanzas of control data: a hash of fields each, those that count.
my @counts = qw(Package Version Architecture Multi-Arch Essential Depends Pre-Depends Conflicts Breaks Provides Replaces);

sub stanzas
{
	my ($text, $wanted) = @_;
	my @stanzas;
	for my $stanza (split /\n\n+/, $text)
	{
		my %field = $stanza =~ /^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)/mg;
		next if $field{Status} && $field{Status} !~ / installed$/;
		s/\s+/ /g for values %field;
		push @stanzas, { map { defined $field{$_} ? ($_ => $field{$_}) : () } @counts } if $field{Package};
	}
	return @stanzas;
}

my @installed = stanzas($status);
my %installed = map { $_->{Package} => $_ } @installed;
my $native = (sort { $a cmp $b } grep { $_ ne 'all' } map { $_->{Architecture} } @installed)[0];
my %archive;
for my $index (glob '/var/lib/apt/lists/*_main_binary-*_Packages*')
{
	my ($read, $text) = RM::Cluster::capture(undef, '/usr/lib/apt/apt-helper', 'cat-file', $index);
	next if $read != 0;
	$archive{ $_->{Package} } //= $_ for stanzas($text);
}
my %provider = map { my $p = $_; map { s/ .*//r => $p->{Package} } split /, */, $p->{Provides} // '' } values %archive;
my @new = sort grep { !$installed{$_} } keys %archive;

# A package and, as far as an installed one does not do, the first alternatives of what it requires; up to a limit.
sub closure
{
	my (@names) = @_;
	my %set;
	while (defined(my $name = shift @names))
	{
		next if $set{$name} || !$archive{$name} || keys %set > 25;
		$set{$name} = $archive{$name};
		for my $clause (split /, */, join ', ', grep { defined } @{ $archive{$name} }{qw(Depends Pre-Depends)})
		{
			my @alternatives = map { s/[ :(].*//r } split / *\| */, $clause;
			next if grep { $installed{$_} } @alternatives;
			my ($first) = grep { $archive{$_} || $provider{$_} } @alternatives;
			push @names, $archive{$first} ? $first : $provider{$first} if defined $first;
		}
	}
	return values %set;
}

# An installed package in another version, as a later build, an earlier one, or the archive's.
sub changed
{
	my $package = $installed[ rand @installed ];
	my $way = rand 3;
	return $archive{ $package->{Package} } if $way < 1 && $archive{ $package->{Package} };
	return { %$package, Version => $package->{Version} . '+b9' } if $way < 2;
	return { %$package, Version => '0~' . $package->{Version} =~ s/^\d+://r };
}

sub random_set
{
	my %set;
	my $kind = rand;
	if (@new && $kind < 0.6)
	{
		$set{ $_->{Package} } = $_ for closure($new[ rand @new ]);
		delete $set{ (sort keys %set)[ rand keys %set ] } if keys %set > 1 && rand() < 0.4;
	}
	if ($kind > 0.4)
	{
		$set{ $_->{Package} } = $_ for map { changed() } 0 .. rand 3;
	}
	return map { $set{$_} } sort keys %set;
}

# The text of a set, as control data.
sub control
{
	return join "\n", map { my $p = $_; join '', map { "$_: $p->{$_}\n" } grep { defined $p->{$_} } @counts } @_;
}

# Does apt take the set, without taking anything away? (verdict, output)
sub apt_says
{
	my (@set) = @_;
	my @files;
	for my $package (@set)
	{
		my $root = "$dir/root";
		make_path("$root/DEBIAN");
		spew("$root/DEBIAN/control", control($package) . "Maintainer: Test <test\@example.org>\nDescription: made for a test\n");
		my $file = "$dir/debs/$package->{Package}.deb";
		RM::Cluster::run_quietly('dpkg-deb', '-Znone', '--nocheck', '-b', $root, $file);
		push @files, $file;
		remove_tree($root);
	}
	my ($exit, $output) = RM::Cluster::capture(undef, 'apt-get', '--simulate', '--quiet', '-y', '--no-remove', '--no-install-recommends',
		'--allow-downgrades', '--allow-change-held-packages', map({ ('-o', $_) } "Dir::State::status=$dir/status", "Dir::State::Lists=$dir/lists",
			"Dir::Cache=$dir/cache", 'Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache=', 'Debug::NoLocking=1', 'Dir::Etc::preferences=/dev/null',
			'Dir::Etc::preferencesparts=/dev/null', 'Dir::State::extended_states=/dev/null', "APT::Architecture=$native"),
		'install', @files);
	unlink @files;
	return ($exit == 0, $output);
}

my $cluster = RM::Cluster->new->start;
my $db = 'postgres';
$cluster->value($db, q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('compat.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE ROLE planner LOGIN;
	CALL release_mgmt.grant_duty('planner', 'librarian', 'Provider');
	CALL release_mgmt.grant_duty('planner', 'release manager', 'Provider');
	CREATE TABLE package (name text PRIMARY KEY, version text NOT NULL)});
$cluster->value($db, join "\n", 'COPY package FROM STDIN;',
	map({ my $p = $_; $p->{Package} . (($p->{'Multi-Arch'} // '') eq 'same' || ($p->{Architecture} ne 'all' && $p->{Architecture} ne $native) ? ":$p->{Architecture}" : '')
		  . "\t$p->{Version}" } @installed), "\\.\n");
$cluster->value($db, q{SELECT bind_ci_class('package', 'package', key => '{name}', name => 'name', version => 'version', scheme => 'deb')});
is($cluster->value($db, "SELECT load_package_clauses(\$status\$$status\$status\$)", user => 'planner'), scalar @installed,
	'every installed package is learnt from dpkg\'s status file');

# Nothing is wrong with the host itself, as apt-get check says too.
my ($sound) = RM::Cluster::capture(undef, 'apt-get', 'check', '-o', "Dir::State::status=$dir/status", '-o', "Dir::State::Lists=$dir/lists",
	'-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache=', '-o', 'Debug::NoLocking=1');
is($cluster->value($db, q{
	SELECT create_release('REL-0', 'minor') \gset
	SELECT create_package('PKG-0', 'REL-0', '{}') \gset
	SELECT count(*) = 0 FROM check_compatibility('PKG-0') WHERE kind <> 'unknown relations'}, user => 'planner'),
	$sound == 0 ? 't' : 'f', 'apt-get check and the check of an empty package agree on the host');

my %verdicts = (fits => 0, 'does not fit' => 0);
for my $number (1 .. $sets)
{
	my @set = random_set();
	redo if !@set;
	my ($taken, $output) = apt_says(@set);
	my $text = control(@set);
	my $findings = $cluster->value($db, join('', qq{
		SELECT load_package_clauses(\$control\$$text\$control\$) \\gset
		SELECT create_release('REL-$number', 'minor') \\gset
		SELECT create_package('PKG-$number', 'REL-$number', '{}') AS id \\gset
		INSERT INTO component (package_id, kind, name, version, ci, related_reason) VALUES }
		  . join(', ', map { "(:'id', 'software', '$_->{Package}', pkgver('deb', '$_->{Version}'), 'package/$_->{Package}', 'random')" } @set)
		  . qq{;
		SELECT format('%s %s: %s [%s]', severity, component, finding, candidates) FROM check_compatibility('PKG-$number')
		WHERE severity = 'error' OR kind = 'removed' OR kind = 'unknown relations'}), user => 'planner');
	my $fits = $findings eq '';
	$verdicts{ $fits ? 'fits' : 'does not fit' }++;
	is($fits ? 'fits' : 'does not fit', $taken ? 'fits' : 'does not fit',
		"set $number: " . join(' ', map { "$_->{Package}=$_->{Version}" } @set))
	  or diag("apt:\n$output\nfindings:\n$findings\n");
}
cmp_ok($verdicts{$_}, '>', 0, "some sets of them: $_") for sort keys %verdicts;
diag("sets that fit: $verdicts{fits}, that do not: $verdicts{'does not fit'}");
done_testing;
