# Every C file is as clang-format leaves it.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

chdir $RM::Cluster::top or die $!;
for my $file (glob 'src/*.[ch] src/*/*.[ch]')
{
	my ($status, $output) = RM::Cluster::capture(undef, 'sh', '-c', 'clang-format "$1" | diff -u "$1" -', 'sh', $file);
	ok($status == 0, $file) or diag($output);
}
done_testing;
