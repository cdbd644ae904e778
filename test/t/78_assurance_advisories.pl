# PyPA's advisories, loaded as they are, against every version that they list; and bills of materials of real applications.
# requires: shared/data/pypa-osv.jsonl
use strict;
use warnings;
use JSON::PP;
use RM::Cluster;
use Test::More;

my $json = JSON::PP->new->utf8;
my $cluster = RM::Cluster->new->start;
sub shared_text
{
	open my $file, '<', RM::Cluster::shared("data/$_[0]") or die "$_[0]: $!";
	local $/;
	return scalar <$file>;
}
# Large values come by COPY, into one row each.
sub give
{
	my ($name, $text) = @_;
	$text =~ s/\\/\\\\/g;
	$text =~ s/\n/\\n/g;
	$text =~ s/\t/\\t/g;
	$text =~ s/\r/\\r/g;
	$cluster->value('postgres', "COPY given FROM STDIN;\n$name\t$text\n\\.\n");
}
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('cmdb.example.org');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	SET search_path = public, release_mgmt;
	CREATE ROLE librarian;
	CALL grant_duty('librarian', 'librarian', 'Provider');
	CREATE TABLE given (name text, content text);
	GRANT SELECT ON given TO librarian;
	CREATE FUNCTION take_in(package text) RETURNS uuid LANGUAGE plpgsql AS $$
	DECLARE
		item uuid := begin_intake(package::purl);
	BEGIN
		CALL append_content(item, package::bytea);
		PERFORM finish_intake(item, compute_digest(package::bytea));
		RETURN item;
	END $$});

my $feed = shared_text('pypa-osv.jsonl');
give('feed', $feed);
my @records = map { $json->decode($_) } grep { /\S/ } split /\n/, $feed;
is($cluster->value('postgres', "SET ROLE librarian; SELECT new, changed, unchanged FROM given, load_advisories(content) WHERE name = 'feed'"),
	scalar(@records) . '|0|0', 'every advisory is loaded');
is($cluster->value('postgres', "SET ROLE librarian; SELECT new, changed, unchanged FROM given, load_advisories(content) WHERE name = 'feed'"),
	'0|0|' . @records, 'and again nothing is new');
is($cluster->value('postgres', 'SELECT count(*) FROM advisory WHERE withdrawn_at IS NOT NULL'), scalar(grep { $_->{withdrawn} } @records), 'those that were withdrawn are');
is($cluster->value('postgres', 'SELECT count(*) FROM advisory WHERE score IS NOT NULL'), scalar(grep { $_->{severity} } @records), 'each vector has a score');
is($cluster->value('postgres', 'SELECT a.code, p.package FROM advisory_package AS p JOIN advisory AS a ON a.id = p.advisory_id WHERE p.fault IS NOT NULL ORDER BY 1'),
	"PYSEC-2019-125|pkg:pypi/steam\nPYSEC-2021-371|pkg:pypi/binderhub", 'two name versions that are none');

# A bill of materials of every package and version that any advisory lists, and which of them which advisory affects by the schema's
# own algorithm over Python's own order.
my %pairs;
for my $affected (map { @{ $_->{affected} } } @records)
{
	my $name = lc $affected->{package}{name} =~ s/[-_.]+/-/gr;
	$pairs{ "$name\t" . lc } = 1 for @{ $affected->{versions} || [] };
}
my $purl = sub {
	my ($name, $version) = split /\t/, $_[0];
	$version =~ s/([^A-Za-z0-9.\-_~:])/sprintf '%%%02X', ord $1/ge;
	return "pkg:pypi/$name\@$version";
};
cmp_ok(scalar(keys %pairs), '>', 10000, 'more than ten thousand versions are listed');
give('bill', $json->encode({ bomFormat => 'CycloneDX', components => [ map { { purl => $purl->($_) } } sort keys %pairs ] }));
is($cluster->value('postgres', "SET ROLE librarian; SELECT load_bill(take_in('pkg:generic/everything\@1'), content) FROM given WHERE name = 'bill'"), scalar(keys %pairs), 'all of them are parts');
my ($status, $expected, $errors) = RM::Cluster::capture_separately(join('', map { "$_\n" } sort keys %pairs),
	'/usr/bin/python3', "$RM::Cluster::top/test/peers/assurance_osv.py", RM::Cluster::shared('data/pypa-osv.jsonl'));
is($status, 0, 'the algorithm of the schema answers') or BAIL_OUT($errors);
$cluster->value('postgres', "CREATE TABLE expected (advisory text, package text, version text);\nCOPY expected FROM STDIN;\n$expected\\.\n
	CREATE TABLE found AS SELECT DISTINCT advisory, purl_name(part) AS package, lower(purl_version(part)) AS version FROM item_advisory WHERE item = 'pkg:generic/everything\@1'");
cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM expected'), '>', 10000, 'more than ten thousand of them are affected');
is($cluster->value('postgres', 'SELECT * FROM expected EXCEPT SELECT * FROM found ORDER BY 1, 2, 3 LIMIT 20'), '', 'whatever is affected is found');
is($cluster->value('postgres', 'SELECT * FROM found EXCEPT SELECT * FROM expected ORDER BY 1, 2, 3 LIMIT 20'), '', 'and nothing beside');

# Real bills of materials: as many parts as they name package URLs.
for my $application (qw(juice-shop-11.1.2 proton-bridge-1.8.0 proton-bridge-1.6.3))
{
	my $bill = shared_text("$application.cdx.json");
	my %named = map { $_->{purl} => 1 } grep { $_->{purl} } @{ $json->decode($bill)->{components} };
	give($application, $bill);
	is($cluster->value('postgres', "SET ROLE librarian; SELECT load_bill(take_in('pkg:generic/$application\@1'), content) FROM given WHERE name = '$application'"), scalar(keys %named), "$application has its parts");
	is($cluster->value('postgres', "SELECT count(*) FROM item_part AS p JOIN library_item AS i ON i.id = p.item_id WHERE i.name = '$application' AND p.version IS NULL"), 0, 'whose versions can be read');
}
done_testing;
