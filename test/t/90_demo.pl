# The story, from a file in quarantine to a proof: with the host's archive, and without one that can be reached.
# timeout: 1500
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Demo;
use Test::More;

my ($status, $output) = RM::Demo->new->tell;
is($status, 0, 'the story ends well') or diag($output);
like($output, qr/^Done: one release/m, 'it says so');
unlike($output, qr/ not met/, 'every clause is met');

# An apt-get that reaches nothing: the packages are rebuilt from installed files.
my $bin = tempdir(CLEANUP => 1);
open my $apt, '>', "$bin/apt-get" or die "$bin/apt-get: $!";
print $apt "#!/bin/sh\nexit 100\n";
close $apt;
chmod 0755, "$bin/apt-get";
($status, $output) = RM::Demo->new(environment => { PATH => "$bin:$ENV{PATH}" })->tell;
is($status, 0, 'and without a reachable archive') or diag($output);
like($output, qr/real packages \(rebuilt\)/, 'on files of installed packages');
done_testing;
