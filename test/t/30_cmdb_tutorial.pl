# Every command of doc/cmdb.md, in its order, on NetBox's demonstration database: the answers are those that it shows.
# requires: shared/data/netbox-demo-v4.2.sql
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE ROLE netbox LOGIN; CREATE DATABASE netbox TEMPLATE template0');
my ($status, $out, $err) = $cluster->run(undef, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null',
	'-d', 'netbox', '-f', RM::Cluster::shared("data/netbox-demo-v4.2.sql"));
is($status, 0, 'the demonstration database is loaded') or diag($err);

# Blocks of SQL, each with the answer that follows it, if one is shown.
open my $document, '<', 'doc/cmdb.md' or die "doc/cmdb.md: $!";
my $text = do { local $/; <$document> };
my @blocks;
while ($text =~ /^```(sql|text)\n(.*?)^```$/gms)
{
	if ($1 eq 'sql') { push @blocks, [ $2, undef ] }
	else { $blocks[-1][1] = $2 }
}
cmp_ok(scalar @blocks, '>=', 10, 'the document has commands');

my $script = "\\set SHOW_CONTEXT never\n" . join '', map { "\\echo -- $_\n$blocks[$_][0]" } 0 .. $#blocks;
(undef, $out) = $cluster->run($script, 'sh', '-c', 'psql -X -q -d netbox -f - 2>&1');
my %answer = $out =~ /^-- (\d+)\n(.*?)(?=^-- \d+\n|\z)/gms;
for my $n (0 .. $#blocks)
{
	my $answer = $answer{$n} // '';
	$answer =~ s/^psql:<stdin>:\d+: //gm;
	$answer =~ s/\s+$//gm;
	my $shown = $blocks[$n][1] // '';
	$shown =~ s/\s+$//gm;
	my ($first) = $blocks[$n][0] =~ /^(.*)$/m;
	is($answer, $shown, $first);
}
done_testing;
