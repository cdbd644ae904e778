# A real package-lock.json, healthy and broken in many ways, against npm's own verdict on the same tree: npm ls.
# npm makes the tree from its registry; without one, or without npm, there is nothing to compare.
use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP;
use RM::Cluster;
use Test::More;

my ($npm) = grep { -x } map { "$_/npm" } split /:/, $ENV{PATH};
plan skip_all => RM::Cluster::excuse('there is no npm') if !$npm;
srand($ENV{RM_COMPAT_SEED} || 20260101);
my $dir = tempdir(CLEANUP => 1);
my @quiet = ('--no-audit', '--no-fund', '--no-update-notifier', "--cache=$dir/cache");

sub spew
{
	my ($file, $content) = @_;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content;
	close $handle;
	return;
}

# Several versions of one package (debug, react-is), peers (react-dom of react), and optional ones.
spew("$dir/package.json", '{"name": "application", "version": "1.0.0", "private": true}');
my ($installed, $said) = RM::Cluster::capture(undef, 'env', '-C', $dir, $npm, 'install', '--package-lock-only', @quiet,
	qw(express@4 react@18 react-dom@18 eslint-plugin-react@7 eslint@8 chokidar@3));
plan skip_all => RM::Cluster::excuse("npm can not reach its registry: $said") if $installed != 0;
my $json = JSON::PP->new->canonical;
open my $lock_file, '<:raw', "$dir/package-lock.json" or die "package-lock.json: $!";
my $lock_text = do { local $/; <$lock_file> };
close $lock_file;

# What npm finds wrong: "invalid <location>", "missing <name>@<range>, required by <name>@<version>".
sub npm_says
{
	spew("$dir/package-lock.json", $json->encode($_[0]));
	my (undef, $out) = RM::Cluster::capture_separately(undef, 'env', '-C', $dir, $npm, 'ls', '--all', '--json', '--package-lock-only', @quiet);
	my %problem;
	for (@{ $json->decode($out)->{problems} // [] })
	{
		if (/^invalid: \S+ \Q$dir\E\/(\S+)/) { $problem{"invalid $1"} = 1 }
		elsif (/^missing: (.*)/) { $problem{"missing $1"} = 1 }
		elsif (!/^extraneous: /) { $problem{$_} = 1 }
	}
	return join "\n", sort keys %problem;
}

my $cluster = RM::Cluster->new->start;
my $db = 'postgres';
$cluster->value($db, q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('compat.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CALL release_mgmt.grant_duty('postgres', 'librarian', 'Provider');
	CALL release_mgmt.grant_duty('postgres', 'release manager', 'Provider');
	CREATE TABLE module (name text PRIMARY KEY, package text NOT NULL, version text NOT NULL)});
$cluster->value($db, q{
	SELECT bind_ci_class('module', 'module', key => '{name}', name => 'name', version => 'version', scheme => 'npm') \gset
	SELECT create_release('REL-1', 'minor') \gset
	SELECT create_package('PKG-1', 'REL-1', '{}') \gset});

sub we_say
{
	my ($lock) = @_;
	my $text = $json->encode($lock);
	return $cluster->value($db, qq{
		SELECT load_npm_lock('app', \$lock\$$text\$lock\$) \\gset
		DELETE FROM module;
		INSERT INTO module SELECT name, package, version FROM npm_lock_items('app', \$lock\$$text\$lock\$);
		SELECT DISTINCT problem COLLATE "C" FROM (
			SELECT CASE WHEN c.candidates LIKE 'no package is or provides %' THEN format('missing %s, required by %s\@%s', c.clause, m.package, m.version)
			            ELSE 'invalid ' || substr(split_part(c.candidates, ' ', 1), 5) END AS problem
			FROM check_compatibility('PKG-1') AS c JOIN module AS m ON m.name = c.component WHERE c.kind = 'requires') AS p
		ORDER BY 1});
}

my $healthy = $json->decode($lock_text);
is(npm_says($healthy), '', 'npm finds nothing wrong with what it made');
is(we_say($healthy), '', 'nor do we');

# One that breaks the peers, and a number that break what they meet.
my %break = (
	'an invalid peer' => sub { $_[0]{'node_modules/react'}{version} = '16.0.0' },
	'a missing peer' => sub { delete $_[0]{'node_modules/react'} },
	'a pre-release, which no range without one allows' => sub { $_[0]{'node_modules/debug'}{version} =~ s/$/-beta.1/ },
	'a copy of its own is gone, and the one further out is of another version' => sub { delete $_[0]{'node_modules/express/node_modules/debug'} },
	'a dependency out of range' => sub { $_[0]{'node_modules/call-bind'}{version} = '99.0.0' },
	'a dependency that is missing' => sub { delete $_[0]{'node_modules/has-symbols'} },
	'optional ones that are missing' => sub { delete $_[0]{'node_modules/fsevents'} },
);
for my $number (1 .. 4)
{
	my @locations = grep { $_ ne '' } sort keys %{ $healthy->{packages} };
	my @chosen = map { $locations[ rand @locations ] } 1 .. 4;
	$break{"random $number: @chosen"} = sub {
		my ($packages) = @_;
		for my $location (grep { $packages->{$_} } @chosen)
		{
			if (rand() < 0.5) { delete $packages->{$location} }
			else { $packages->{$location}{version} = ('0.0.1', '99.1.0', '3.0.0')[ rand 3 ] }
		}
	};
}
my $wrong = 0;
for my $name (sort keys %break)
{
	my $lock = $json->decode($lock_text);
	$break{$name}->($lock->{packages});
	my $theirs = npm_says($lock);
	$wrong++ if $theirs ne '';
	is(we_say($lock), $theirs, $name);
}
cmp_ok($wrong, '>=', 8, "npm finds something wrong with $wrong of them");
done_testing;
