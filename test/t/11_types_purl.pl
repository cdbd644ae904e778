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
my $count = int(($ENV{RM_PAIRS} || 20000));
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
	CREATE FUNCTION public.trimmed(qualifiers jsonb) RETURNS jsonb LANGUAGE sql
		RETURN (SELECT coalesce(jsonb_object_agg(key, regexp_replace(value, '^\s+|\s+$', '', 'g')), '{}') FROM jsonb_each_text(qualifiers) WHERE value ~ '\S');
	CREATE TABLE answer (line jsonb);
	COPY answer FROM STDIN;} . "\n$lines\\.\n" . q{
	CREATE TABLE compared AS SELECT line ->> 0 AS text, nullif(line -> 1, 'null') AS theirs, line ->> 2 AS canonical, line ->> 3 AS own,
		p, parts(p) AS ours, lower(substring(line ->> 0 FROM '(?i)^pkg:/*([^/]*)/')) AS type,
		regexp_split_to_array(substring(line ->> 0 FROM '[?]([^#]*)'), '&') AS qualifiers,
		substring(line ->> 0 FROM '^[^?#]*') AS path
	FROM answer, try_purl(line ->> 0) AS p;
	CREATE TABLE different AS SELECT text, theirs, ours, type, path, qualifiers, part
	FROM compared, unnest('{type,namespace,name,version,qualifiers,subpath}'::text[]) AS part
	WHERE theirs IS NOT NULL AND ours IS NOT NULL AND theirs -> part <> ours -> part
	UNION ALL
	SELECT text, theirs, ours, type, path, qualifiers, CASE WHEN ours IS NULL THEN 'refused' ELSE 'taken' END
	FROM compared WHERE (theirs IS NULL) <> (ours IS NULL);
	CREATE TABLE excused (text text, part text)});

# Each difference, and that it still occurs.
while (my $line = <DATA>)
{
	chomp $line;
	my ($name, $parts, $condition) = split /\s*\|\s*/, $line, 3;
	my $found = $cluster->value('postgres', "WITH found AS (INSERT INTO excused SELECT text, part FROM different
			WHERE part = ANY (string_to_array('$parts', ' ')) AND ($condition) RETURNING 1)
		SELECT count(*) FROM found");
	cmp_ok($found, '>', 0, "they differ: $name");
}
is($cluster->value('postgres', 'SELECT part, text, ours, theirs FROM different AS d
	WHERE NOT EXISTS (SELECT FROM excused AS e WHERE e.text = d.text AND e.part = d.part) ORDER BY length(text) LIMIT 25'), '', 'in nothing else');

# Their own form encodes other characters than ECMA-427 does (in a name the colon, in a version no plus); it reads back as ours.
is($cluster->value('postgres', 'SELECT text, p, canonical FROM compared WHERE theirs = ours AND p::text <> canonical LIMIT 10'),
	'', 'the canonical form is encoded as ECMA-427 has it');
is($cluster->value('postgres', 'SELECT text, p, own FROM compared WHERE theirs = ours AND try_purl(own) IS DISTINCT FROM p LIMIT 10'),
	'', 'their own form reads back as the same');
is($cluster->value('postgres', 'SELECT text, p FROM compared WHERE p::text::purl::text <> p::text LIMIT 10'), '', 'the canonical form is its own');
cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM compared WHERE theirs = ours'), '>', $count / 5, 'most of what is read is the same');
cmp_ok($cluster->value('postgres', 'SELECT count(*) FROM compared WHERE theirs IS NULL AND p IS NULL'), '>', $count / 50, 'much is refused by both');
done_testing;

# name | parts | condition. Part "refused": we refuse what they take, "taken": we take what they refuse.
__DATA__
the type requires a namespace | refused | type IN ('alpm', 'apk', 'bitbucket', 'composer', 'deb', 'git', 'github', 'golang', 'huggingface', 'qpkg', 'rpm', 'vscode-extension') AND theirs ->> 'namespace' IS NULL
the type has no namespace | refused | type IN ('bazel', 'bitnami', 'cargo', 'chrome-extension', 'cocoapods', 'conda', 'cran', 'gem', 'hackage', 'julia', 'nuget', 'opam', 'otp', 'pub', 'pypi', 'vcpkg') AND theirs ->> 'namespace' IS NOT NULL
a distribution of cpan has no :: | refused | type = 'cpan' AND theirs ->> 'name' LIKE '%::%'
julia requires uuid, swid tag_id | refused | NOT theirs -> 'qualifiers' ? CASE type WHEN 'julia' THEN 'uuid' WHEN 'swid' THEN 'tag_id' END
chrome-extension restricts name and version | refused | type = 'chrome-extension' AND (theirs ->> 'name' !~* '^[a-p]{32}$' OR theirs ->> 'version' !~ '^\d+(\.\d+){0,3}$' OR path ~ '@.*(%20| )')
a segment contains no slash | refused | path ~* '%2f.*/' OR text ~* '#.*%2f'
a type begins with a letter and has letters, digits, dots and hyphens, none encoded | refused | type !~ '^[a-z][a-z0-9.-]*$'
a qualifier has an equals sign | refused | EXISTS (SELECT FROM unnest(qualifiers) AS q WHERE q <> '' AND q !~ '=')
a key begins with a letter and is not encoded | refused | EXISTS (SELECT FROM unnest(qualifiers) AS q WHERE q !~* '^[a-z][a-z0-9._-]*=' AND q !~ '^[^=]*=$')
a percent sign begins an encoding | refused | EXISTS (SELECT FROM unnest(qualifiers) AS q WHERE q ~* '%(?![0-9a-f]{2})')
a key stands once | refused | EXISTS (SELECT FROM unnest(qualifiers) AS q WHERE q !~ '^[^=]*=$' GROUP BY lower(split_part(q, '=', 1)) HAVING count(*) > 1)
cran requires no version | taken | type = 'cran' AND ours ->> 'version' IS NULL
swift requires no version | taken | type = 'swift' AND ours ->> 'version' IS NULL
conan requires no qualifiers beside a namespace | taken | type = 'conan'
golang restricts no version | taken | type = 'golang' AND ours ->> 'version' LIKE 'v%'
pub replaces what its names can not have | taken name | type = 'pub' AND (ours ->> 'name') LIKE '%\_%'
npm, and gitlab, which is no registered type, keep their case | namespace name | type IN ('npm', 'gitlab') AND lower(ours ->> part) = lower(theirs ->> part)
brew, luarocks, vscode-extension, yocto are in lower case | namespace | type IN ('brew', 'luarocks', 'vscode-extension', 'yocto') AND ours ->> part = lower(theirs ->> part)
brew, luarocks, otp, vscode-extension are in lower case | name | type IN ('brew', 'luarocks', 'otp', 'vscode-extension') AND ours ->> part = lower(theirs ->> part)
a version of luarocks keeps its case | version | type = 'luarocks' AND lower(ours ->> part) = theirs ->> part
versions of oci, pypi, vscode-extension are in lower case | version | type IN ('oci', 'pypi', 'vscode-extension') AND ours ->> part = lower(theirs ->> part)
a subpath of otp is in lower case | subpath | type = 'otp' AND ours ->> part = lower(theirs ->> part)
lower case is ASCII's | namespace name version | ours ->> part ~ '[^\x01-\x7F]' AND lower(ours ->> part COLLATE "und-x-icu") = lower(theirs ->> part COLLATE "und-x-icu")
space around a part is part of it | name version | lower(regexp_replace(ours ->> part, '^\s+|\s+$', '', 'g') COLLATE "und-x-icu") = lower(theirs ->> part COLLATE "und-x-icu")
a plus in a qualifier is a plus | qualifiers | text ~ '[?].*[+]' AND trimmed(replace((ours -> part)::text, '+', ' ')::jsonb) = trimmed(replace((theirs -> part)::text, '+', ' ')::jsonb)
space around a qualifier is part of it | qualifiers | text ~* '(%20|%0[9a-d]|\s)' AND trimmed(ours -> part) = trimmed(theirs -> part)
slashes behind the name are dropped | taken | path ~ '/+(@[^/]*)?$'
an @ behind a slash is no part of a name | refused name version namespace | path ~ '/@[^/]*$'
dots are no subpath, and what follows them begins one | subpath | ours -> part = 'null' AND theirs ->> part IN ('.', '..') OR ltrim(theirs ->> part, '/') = ours ->> part
a segment of spaces is one | subpath | text ~ '#' AND lower(translate(ours ->> part, ' /', '')) = lower(translate(coalesce(theirs ->> part, ''), ' /', ''))
# and ? split once, from the right | namespace name version qualifiers subpath refused taken | text ~ '#.*#' OR text ~ '[?].*[?]'
a qualifier is decoded once | taken | EXISTS (SELECT FROM unnest(qualifiers) AS q WHERE q LIKE '%\%25%')
a name or version may be a space | taken version | btrim(ours ->> 'name') = '' OR btrim(ours ->> 'version') = ''
what is encoded is UTF-8 | refused | (theirs ->> 'qualifiers') ~ '\uFFFD'
space before pkg: is refused | refused | text ~ '^ '
a null character is refused | refused | theirs::text ~ '\u2400'
