# read_tap() against TAP::Parser, on generated outputs, good and broken.
#
# Where the two specifications leave a choice, the generator stays within what both decide: Perl's parser follows
# version 13 (test points in order, a skipped "not ok" has failed), read_tap() version 14.
use strict;
use warnings;
use RM::Cluster;
use TAP::Parser;
use Test::More;

my $outputs = 4000;
srand 20260101;

sub one_of { return $_[rand @_] }

# One output: a few test points, mostly in order, with a plan, mostly right, mostly in its place.
sub generate
{
	my $points = int rand 6;
	my $planned = rand() < 0.85 ? $points : int rand 7;
	my @lines;
	for my $number (1 .. $points)
	{
		my $line = rand() < 0.15 ? 'not ok' : 'ok';
		my $wrong = rand() < 0.03;
		$line .= ' ' . ($wrong ? 100 + $number : $number) if $wrong || rand() < 0.7;
		$line .= one_of('', '', ' - works', ' it works', ' - 2 of 3', ' - a \\# b', ' - # c');
		$line .= one_of('', '', '', ' # Todo later', ' # todo') if rand() < 0.6;
		$line .= one_of(' # SKIP no disk', ' # skip') if $line !~ /^not|todo|# c/i && rand() < 0.15;
		push @lines, $line =~ /^ok/ && $line !~ /# [ts]/i && rand() < 0.02 ? "not\n$line" : $line;
		push @lines, one_of('', '# comment', '    ok 1 - of a subtest', '    not ok 9', 'noise', 'okay', 'nok 1', 'pragma +x', "\tok")
		  if rand() < 0.3;
	}
	my $plan = "1..$planned";
	my $place = rand;
	if ($place < 0.45) { unshift @lines, $plan }
	elsif ($place < 0.85) { push @lines, $plan }
	elsif ($place < 0.92) { splice @lines, rand @lines, 0, $plan }
	push @lines, $plan if rand() < 0.03;
	splice @lines, rand(@lines + 1), 0, one_of('Bail out!', 'Bail out! no reason') if rand() < 0.04;
	unshift @lines, 'TAP version 13' if rand() < 0.3;
	push @lines, 'TAP version 13' if rand() < 0.02;
	return join one_of("\n", "\n", "\r\n"), @lines, '# end', '';
}

# What TAP::Parser makes of it: (failed, skipped, todo, tests run).
sub judge
{
	my ($tap) = @_;
	my $parser = TAP::Parser->new({ tap => $tap =~ s/\r//gr });
	my $bailed_out;
	while (my $result = $parser->next)
	{
		$bailed_out = 1 if $result->is_bailout;
	}
	return ($bailed_out || $parser->has_problems ? 1 : 0, scalar $parser->skipped, scalar $parser->todo, $parser->tests_run);
}

my @tap = map { generate() } 1 .. $outputs;
my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE EXTENSION release_mgmt CASCADE');
my $array = join ',', map { "decode('" . unpack('H*', $_) . "', 'hex')" } @tap;
my @rows = split /\n/, $cluster->value('postgres', qq{
	SELECT concat_ws(' ', t.result, t.skipped, t.todo, t.passed + t.skipped + t.todo, t.passed)
	FROM unnest(ARRAY[$array]) WITH ORDINALITY AS o(tap, n), release_mgmt.read_tap(convert_from(o.tap, 'UTF8')) AS t ORDER BY o.n});
is(scalar @rows, $outputs, 'every output is read');

my (%count, @differences);
for my $i (0 .. $#tap)
{
	my ($result, $skipped, $todo, $counted, $passed) = split / /, $rows[$i];
	my ($failed, @expected) = judge($tap[$i]);
	$count{$result}++;
	my $same = $failed ? $result eq 'failed' : $result eq ($passed ? 'passed' : 'inconclusive') && "@expected" eq "$skipped $todo $counted";
	push @differences, "read_tap: $rows[$i]\nTAP::Parser: $failed @expected\n$tap[$i]" if !$same;
}
ok(!@differences, 'read_tap() and TAP::Parser agree') or diag(scalar(@differences) . " differ, the first:\n", grep { defined } @differences[0 .. 2]);
cmp_ok($count{$_}, '>', $outputs / 100, "the generator makes outputs that are $_") for qw(passed failed inconclusive);

# Any bytes at all: never an error, never passed by chance.
my @noise = map { join '', map { one_of('ok', 'not ok', ' ', "\n", "\r", "\t", '1..', '#', '\\', 'SKIP', 'todo', 'Bail out!', int rand 5, '9' x 30, "\x01", "\xc3\xa9", 'TAP version ') } 1 .. 1 + rand 40 } 1 .. $outputs;
$array = join ',', map { "decode('" . unpack('H*', $_) . "', 'hex')" } @noise;
is($cluster->value('postgres', qq{
	SELECT count(t.result) FROM unnest(ARRAY[$array]) AS o(tap), release_mgmt.read_tap(convert_from(o.tap, 'UTF8')) AS t
	WHERE t.passed >= 0 AND t.failed >= 0 AND t.skipped >= 0 AND t.todo >= 0 AND (t.result = 'passed') = (t.finding IS NULL)}),
	$outputs, 'noise is read without an error, and passes only without a finding');

done_testing;
