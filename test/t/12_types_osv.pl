# Versions that PyPA's advisories list lie in the ranges that they give, as the OSV schema's algorithm has it.
# requires: shared/data/pypa-osv.jsonl
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
open my $file, '<', RM::Cluster::shared('data/pypa-osv.jsonl') or die "advisories: $!";
my $advisories = join '', map { s/\\/\\\\/gr } <$file>;
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE TABLE advisory (content jsonb);
	COPY advisory FROM STDIN;} . "\n$advisories\\.\n" . q{
	CREATE FUNCTION try_events(events jsonb) RETURNS release_mgmt.pkgver_multirange LANGUAGE plpgsql AS $$
	BEGIN
		RETURN release_mgmt.osv_events('pypi', events);
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN NULL;
	END $$;
	CREATE FUNCTION try_affected(element jsonb) RETURNS release_mgmt.pkgver_multirange LANGUAGE plpgsql AS $$
	BEGIN
		RETURN release_mgmt.osv_affected(element);
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN NULL;
	END $$;
	CREATE TABLE affected AS SELECT content->>'id' AS id, a->'package'->>'name' AS package, a AS element, try_affected(a) AS everything, (
		SELECT range_agg(try_events(r->'events')) FROM jsonb_array_elements(a->'ranges') AS r WHERE r->>'type' <> 'GIT') AS ranges
	FROM advisory, jsonb_array_elements(content->'affected') AS a});

cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM affected'), '>=', 1000, 'advisories are read');
is($cluster->value('postgres', q{
	SELECT id, package FROM affected, jsonb_array_elements(element->'ranges') AS r
	WHERE r->>'type' <> 'GIT' AND try_events(r->'events') IS NULL ORDER BY 1}),
	"PYSEC-2019-125|steam\nPYSEC-2021-371|binderhub", 'the two whose ranges name what is no version of Python');

# gevent and pyspark list versions that their own ranges say are fixed; gratient gives no range.
is($cluster->value('postgres', q{
	SELECT id, package, string_agg(version::text, ' ' ORDER BY version)
	FROM affected, jsonb_array_elements_text(element->'versions') AS listed, try_pkgver('pypi', listed) AS version
	WHERE version IS NOT NULL AND (version <@ ranges) IS NOT TRUE
	GROUP BY 1, 2 ORDER BY 1}), join("\n", 'PYSEC-2022-236|pyspark|pep440/3.1.1 pep440/3.1.2',
	'PYSEC-2023-177|gevent|pep440/23.9.0 pep440/23.9.0.post1', 'PYSEC-2024-1|gratient|pep440/0.5'),
	'every other listed version lies in a range');
is($cluster->value('postgres', q{
	SELECT id FROM affected, jsonb_array_elements_text(element->'versions') AS listed, try_pkgver('pypi', listed) AS version
	WHERE NOT version <@ everything}), '', 'osv_affected holds every listed version');
done_testing;
