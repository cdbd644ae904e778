# From a library item's digest to every item that runs it, after the story: as the table of installed packages says itself.
use strict;
use warnings;
use RM::Demo;
use Test::More;

my $cluster = RM::Cluster->new->start;
my ($status, $output) = RM::Demo->new->tell_in($cluster);
is($status, 0, 'the story ends well') or BAIL_OUT($output);
my $value = sub { return $cluster->value('demo', @_) };

# What the release delivered, and where the CMDB has that version: read without the function that is tried.
my $expected = q{
	SELECT 'package/' || p.host || ':' || p.name, 'host/' || p.host, CASE WHEN d.item_id IS NULL THEN 'recorded' ELSE 'runs' END, i.purl, p.version
	FROM release_mgmt.library_item AS i
	JOIN public.installed_package AS p ON p.name IN (i.name, i.name || ':' || i.architecture) AND p.version = purl_version(i.purl)
	LEFT JOIN (SELECT DISTINCT d.item_id, t.ci FROM release_mgmt.delivery AS d JOIN release_mgmt.deployment_step AS s ON s.id = d.step_id JOIN release_mgmt.target AS t ON t.id = s.target_id) AS d
		ON d.item_id = i.id AND d.ci = 'host/' || p.host};
my $told = q{SELECT t.ci, t.target, t.state, t.item, t.present FROM release_mgmt.library_item AS i CROSS JOIN LATERAL trace_digest(i.digest) AS t};
cmp_ok($value->("SELECT count(*) FROM ($expected) AS e (ci, target, state) WHERE state = 'runs'"), '>=', 3, 'the release delivered something to each of three roots');
is($value->("($told) EXCEPT ($expected)"), '', 'nothing is told that is not so');
is($value->("($expected) EXCEPT ($told)"), '', 'nothing that is so is left out');
is($value->(q{SELECT DISTINCT t.release FROM release_mgmt.library_item AS i CROSS JOIN LATERAL trace_digest(i.digest) AS t WHERE t.state = 'runs'}), 'REL-1', 'with the release that delivered it');

# Afterwards something else is there; one is gone; one was put there by nobody that is known.
my ($name, $digest, $version) = split /\|/, $value->(q{SELECT c.name, i.digest, purl_version(i.purl) FROM release_mgmt.component AS c JOIN release_mgmt.library_item AS i ON i.id = c.item_id
	JOIN public.installed_package AS p ON p.name = c.name AND p.host = 'root-a' WHERE c.kind = 'software' ORDER BY c.name LIMIT 1});
my $states = "SELECT ci, target, state, present FROM trace_digest('$digest') WHERE target <> 'host/' || (SELECT part_of FROM public.host WHERE name = 'root-a') ORDER BY target";
$value->("SET session_replication_role = replica; UPDATE installed_package SET version = '0' WHERE name = '$name' AND host = 'root-a'; DELETE FROM installed_package WHERE name = '$name' AND host = 'root-b'");
is($value->($states), "package/root-a:$name|host/root-a|replaced|0\n|host/root-b|delivered|\npackage/root-c:$name|host/root-c|runs|$version", 'replaced, delivered, runs');
$value->("SET session_replication_role = replica; UPDATE release_mgmt.target SET state = 'backed_out' WHERE ci = 'host/root-a'; DELETE FROM release_mgmt.delivery AS d USING release_mgmt.deployment_step AS s, release_mgmt.target AS t
	WHERE s.id = d.step_id AND t.id = s.target_id AND t.ci = 'host/root-c'");
is($value->($states), "package/root-a:$name|host/root-a|backed out|0\n|host/root-b|delivered|\npackage/root-c:$name|host/root-c|recorded|$version", 'backed out, recorded');
is($value->("SELECT count(*) FROM trace_digest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')"), '0', 'an unknown digest went nowhere');

# Who sees a part is told of a part.
$value->(q{SET session_replication_role = replica; UPDATE release_mgmt.ci SET organization_id = organization_id('Authority') WHERE label = 'host/root-c'});
is($cluster->value('demo', "SELECT target FROM trace_digest('$digest') WHERE target LIKE 'host/root-%' ORDER BY 1", user => 'worker'), "host/root-a\nhost/root-b", 'of others nothing');

# The impact of a package: what it touches, and what hangs on that.
is($value->(q{SELECT count(*) FROM impact_of('PKG-1') AS i WHERE depth = 0 AND kind = 'touched by' AND through = 'PKG-1'}),
	$value->(q{SELECT count(*) FROM (SELECT ci FROM release_mgmt.target UNION SELECT ci FROM release_mgmt.planned_ci_change UNION SELECT ci FROM release_mgmt.component WHERE ci IS NOT NULL) AS t JOIN release_mgmt.ci AS i ON i.label = t.ci}),
	'a package touches its targets, its planned changes and its components');
is($value->(q{SELECT count(*) FROM impact_of('PKG-1') WHERE depth > 0}), $value->(q{SELECT count(*) FROM release_mgmt.ci WHERE class = 'package' AND retired_at IS NULL AND key ~ '^root-[abc]:'
	AND label NOT IN (SELECT affected FROM impact_of('PKG-1') WHERE depth = 0)}), 'and whatever is installed on these hangs on it');
like(($cluster->psql('demo', q{SELECT impact_of('PKG-9')}))[2], qr/"PKG-9" does not exist/, 'neither item nor package');
done_testing;
