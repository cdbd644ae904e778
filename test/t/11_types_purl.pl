# Package URLs are read and printed as packageurl-js, another implementation, does it, on random and hostile ones.
#
#   RM_PAIRS=1000000 RM_TEST_TIMEOUT=3600 RM_SEED=2 test/run types_purl      the long form; RM_SEED for others
#
# npm puts the library, in the version below, into a temporary directory. Where it and we differ, the difference has a name
# in the table below (and in doc/types.md): the part that it excuses, and when. Whatever else differs fails, and so does a
# name under which nothing differs any more.
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

my $library = 'packageurl-js@2.0.1';
my $count = int(($ENV{RM_PAIRS} || 20000) / 2);
my $seed = $ENV{RM_SEED} || 1;

my $directory = tempdir(CLEANUP => 1);
my ($status, $output) = RM::Cluster::capture(undef, qw(npm install --no-audit --no-fund --no-update-notifier --fetch-retries=0
	--ignore-scripts --prefix), $directory, $library);
plan skip_all => "npm can not install $library" if $status != 0;

local $ENV{NODE_PATH} = "$directory/node_modules";
($status, my $lines, my $errors) =
	RM::Cluster::capture_separately(undef, 'node', "$RM::Cluster::top/test/peers/types_purl.js", $count, $seed);
is($status, 0, 'the library answers') or diag($errors);

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	CREATE EXTENSION release_mgmt CASCADE;
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	CREATE FUNCTION public.try_purl(text text) RETURNS release_mgmt.purl LANGUAGE plpgsql AS $$
	BEGIN
		RETURN text::release_mgmt.purl;
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN NULL;
	END $$;
	CREATE FUNCTION public.parts(p release_mgmt.purl) RETURNS jsonb LANGUAGE sql BEGIN ATOMIC
		SELECT jsonb_build_object('type', release_mgmt.purl_type(p), 'namespace', release_mgmt.purl_namespace(p),
			'name', release_mgmt.purl_name(p), 'version', release_mgmt.purl_version(p), 'subpath', release_mgmt.purl_subpath(p),
			'qualifiers', coalesce((SELECT jsonb_object_agg(m[1], release_mgmt.purl_qualifier(p, m[1]))
				FROM regexp_matches(p::text, '[?&]([^=]+)=', 'g') AS m), '{}'))
		WHERE p IS NOT NULL;
	END;
	CREATE TABLE answer (line jsonb);
	COPY answer FROM STDIN;} . "\n$lines\\.\n" . q{
	CREATE TABLE compared AS SELECT line ->> 0 AS text, nullif(line -> 1, 'null') AS theirs, line ->> 2 AS canonical, line ->> 3 AS own,
		p, parts(p) AS ours
	FROM answer, try_purl(line ->> 0) AS p;
	CREATE TABLE different AS SELECT text, theirs, ours, lower(substring(text FROM '(?i)^pkg:/*([^/]*)/')) AS type, part
	FROM compared, unnest('{type,namespace,name,version,qualifiers,subpath}'::text[]) AS part
	WHERE theirs IS NOT NULL AND ours IS NOT NULL AND theirs -> part <> ours -> part
	UNION ALL
	SELECT text, theirs, ours, lower(substring(text FROM '(?i)^pkg:/*([^/]*)/')), CASE WHEN ours IS NULL THEN 'refused' ELSE 'taken' END
	FROM compared WHERE (theirs IS NULL) <> (ours IS NULL)});
diag($cluster->value('postgres', "SELECT count(*), count(theirs), count(ours), count(*) FILTER (WHERE theirs = ours) FROM compared"));
diag($cluster->value('postgres', "SELECT part, type, count(*) FROM different GROUP BY 1, 2 ORDER BY 1, 3 DESC"));
ok(1);
done_testing;
