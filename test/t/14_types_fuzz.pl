# The parsers are built without a server, with the address and undefined behaviour sanitizers, and fuzzed for a moment.
#
#   RM_FUZZ_SECONDS=3600 RM_TEST_TIMEOUT=20000 test/run types_fuzz      longer, for each of them
#
# A line of test/fuzz/seeds/NAME.txt is one seed of test/fuzz/NAME.c.
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

my $top = $RM::Cluster::top;
my $directory = tempdir(CLEANUP => 1);
my $seconds = $ENV{RM_FUZZ_SECONDS} || 2;
my @flags = qw(-g -O1 -D_GNU_SOURCE -fsanitize=fuzzer -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -Wall -Werror);

open my $probe, '>', "$directory/probe.c" or die "probe: $!";
print $probe "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return 0; }\n";
close $probe;
my ($status, $output) = RM::Cluster::capture(undef, 'clang', @flags, "$directory/probe.c", '-o', "$directory/probe");
plan skip_all => 'clang with libFuzzer is not installed' if $status != 0;

# What a parser needs; none of it includes the server's headers.
my @sources = map { "$top/src/types/$_.c" } qw(key version version_semver version_deb version_rpm version_pep440 version_maven
	version_nuget vers_parse require require_clause require_partial require_npm require_cargo require_relations require_pep440
	require_maven require_nuget purl_parse purl_rules digest_parse hash);
push @sources, "$top/src/rollout/checksum.c";

($status, $output) = RM::Cluster::capture(undef, 'env', '-C', $directory, 'clang', @flags, "-I$top/src", '-c', @sources);
is($status, 0, 'the parsers build without the server') or diag($output);
my @objects = glob "$directory/*.o";

for my $target (sort glob "$top/test/fuzz/*.c")
{
	my ($name) = $target =~ m{([^/]+)\.c$};
	($status, $output) = RM::Cluster::capture(undef, 'clang', @flags, "-I$top/src", $target, @objects, '-lcrypto', '-o', "$directory/$name");
	is($status, 0, "$name builds") or diag($output);

	mkdir "$directory/seeds_$name" or die "seeds: $!";
	open my $seeds, '<', "$top/test/fuzz/seeds/$name.txt" or die "$name.txt: $!";
	while (my $seed = <$seeds>)
	{
		chomp $seed;
		open my $file, '>', "$directory/seeds_$name/$." or die "seed: $!";
		print $file $seed;
		close $file;
	}
	($status, $output) = RM::Cluster::capture(undef, "$directory/$name", "-max_total_time=$seconds", '-max_len=1100', '-seed=1',
		'-print_final_stats=1', "-artifact_prefix=$directory/", "$directory/seeds_$name");
	is($status, 0, "$name finds nothing") or diag($output);
	diag($output =~ /number_of_executed_units: (\d+)/ ? "$name: $1 inputs" : $output) if $ENV{RM_FUZZ_SECONDS};
}
done_testing;
