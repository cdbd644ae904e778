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
# What the components of a release are for is held against the platforms of virtual machines and devices.
my $told = $cluster->value('netbox', q{
	SET client_min_messages = warning;
	SET search_path = public, release_mgmt;
	CALL grant_duty(current_user::text, 'librarian', 'Provider');
	CALL grant_duty(current_user::text, 'release manager', 'Provider');
	CREATE FUNCTION pg_temp.item(purl text) RETURNS uuid LANGUAGE plpgsql AS $$
	DECLARE
		taken uuid := begin_intake(item.purl::purl);
	BEGIN
		CALL append_content(taken, convert_to(item.purl, 'UTF8'));
		PERFORM finish_intake(taken, compute_digest(convert_to(item.purl, 'UTF8')));
		CALL accept_item(taken);
		RETURN taken;
	END $$;
	CREATE TEMP TABLE brought AS SELECT create_release('REL-OS', 'minor') AS release;
	CREATE TEMP TABLE made AS SELECT create_package('PKG-OS', 'REL-OS',
		ARRAY[pg_temp.item('pkg:generic/setup@1?os=windows'), pg_temp.item('pkg:generic/agent@1?distro=jammy'), pg_temp.item('pkg:generic/daemon@1?os=linux'), pg_temp.item('pkg:npm/tool@1.0.0')]);
	SELECT o.value || ': ' || f.finding
	FROM check_compatibility('PKG-OS', ARRAY(SELECT 'device/' || min(id) FROM dcim_device WHERE platform_id = 1 UNION ALL SELECT 'vm/' || min(id) FROM virtualization_virtualmachine WHERE platform_id = 3)) AS f
	JOIN LATERAL ci_attributes(f.target) AS o ON o.attribute = 'platform_id'
	WHERE f.kind = 'platform' ORDER BY 1});
is($told =~ s/\A(?:[0-9a-f-]*\n|SET\n)*//r, join("\n", '1: agent 1 is for Ubuntu 22.04; the target runs Cisco IOS', '1: daemon 1 is for Linux; the target runs Cisco IOS', '1: setup 1 is for Windows; the target runs Cisco IOS',
	'3: agent 1 is for Ubuntu 22.04; the target runs Ubuntu 20.04', '3: setup 1 is for Windows; the target runs Ubuntu 20.04'), 'a release brings a machine nothing that is for another system');
done_testing;
