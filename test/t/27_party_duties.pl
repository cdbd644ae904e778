# Separation of duties: every cell of doc/duties.md, tried by a role with that duty alone.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

open my $file, '<', "$RM::Cluster::top/doc/duties.md" or die "duties.md: $!";
my @documented = grep { /^\| `/ } <$file>;
close $file;
chomp @documented;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{CREATE EXTENSION release_mgmt CASCADE});
$cluster->value('postgres', q{SELECT release_mgmt.activate('duties.example.org')});
my @duties = ('release manager', 'change manager', 'operator', 'librarian', 'test manager', 'customer representative', 'auditor', 'reader');
$cluster->value('postgres', qq{CREATE ROLE "holder of $_"; CALL release_mgmt.grant_duty('holder of $_', '$_', 'Provider')}) for @duties;

# What is tried: each function with NULLs, or, where a strict one asks for a duty itself, with values; each command on each column that
# takes it. What succeeds is undone.
$cluster->value('postgres', q{
	CREATE FUNCTION public.refused(command text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		message text;
	BEGIN
		EXECUTE command;
		RAISE EXCEPTION 'undo';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
		-- A function that is reached may itself be denied something.
		RETURN CASE WHEN SQLSTATE = '42501' AND message ~ '^permission denied for (table|view|function|procedure) '
		                 AND position(split_part(message, ' ', 5) IN command) > 0 THEN 'privilege'
		            WHEN SQLSTATE = 'RM003' AND message ~ 'does not have the duty that this needs: ' THEN 'rule' END;
	END $$;
	CREATE FUNCTION public.argument(type regtype, takes_values boolean) RETURNS text LANGUAGE sql AS $$
		SELECT CASE WHEN NOT takes_values THEN 'NULL' WHEN type = 'text'::regtype THEN '''none''' WHEN type IN ('integer'::regtype, 'bigint'::regtype) THEN '1'
		            WHEN type = 'boolean'::regtype THEN 'true' WHEN type = 'uuid'::regtype THEN '''00000000-0000-7000-8000-000000000000''' WHEN type = 'interval'::regtype THEN '''1 day'''
		            WHEN type = 'timestamptz'::regtype THEN '''2099-01-01''' WHEN type = 'bytea'::regtype THEN '''\x00'''
		            WHEN type = 'release_mgmt.purl'::regtype THEN '''pkg:generic/none@1''' WHEN type = 'release_mgmt.digest'::regtype THEN '''sha256:' || repeat('0', 64) || ''''
		            WHEN format_type(type, NULL) ~ '\[\]$' THEN '''{}''' ELSE 'NULL' END || '::' || format_type(type, NULL)
	$$;
	CREATE TABLE public.attempt AS
	SELECT 1 AS part, regexp_replace(p.oid::regprocedure::text, '^release_mgmt\.', '') AS object, 'x' AS cell, NULL::text AS attribute, NULL::smallint AS position,
	       -- No constant, because a strict function of NULL is not called at all.
	       CASE p.prokind WHEN 'p' THEN format('CALL release_mgmt.%I(%s)', p.proname, a.nulls)
	                      ELSE format('SELECT release_mgmt.%I(%s) FROM (SELECT %s OFFSET 0) AS x', p.proname, a.names, a.columns) END AS command
	FROM pg_proc AS p
	CROSS JOIN LATERAL (SELECT string_agg(public.argument(a, p.proisstrict AND p.prosrc ~ 'require_duty\('), ', ') AS nulls, string_agg('x.c' || n, ', ') AS names,
	                           string_agg(format('%s AS c%s', public.argument(a, p.proisstrict AND p.prosrc ~ 'require_duty\('), n), ', ') AS columns
	                    FROM unnest(p.proargtypes[0:p.pronargs - 1]) WITH ORDINALITY AS u(a, n)) AS a
	WHERE p.pronamespace = 'release_mgmt'::regnamespace AND p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS a WHERE a IN ('internal'::regtype, 'cstring'::regtype))
	  AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)
	UNION ALL
	SELECT 2, c.relname, k.letter, a.attname, a.attnum, format(k.command, c.relname, a.attname)
	FROM pg_class AS c
	CROSS JOIN (VALUES ('S', 'SELECT %2$I FROM release_mgmt.%1$I WHERE false'), ('I', 'INSERT INTO release_mgmt.%1$I (%2$I) SELECT NULL WHERE false'),
	                   ('U', 'UPDATE release_mgmt.%1$I SET %2$I = NULL WHERE false'), ('D', 'DELETE FROM release_mgmt.%1$I WHERE false')) AS k(letter, command)
	JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	-- A column that is computed takes no value from anybody.
	WHERE c.relnamespace = 'release_mgmt'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND (k.letter IN ('S', 'D') OR a.attgenerated = '')
	  AND (c.relkind <> 'v' OR k.letter = 'S' OR pg_relation_is_updatable(c.oid, false) & CASE k.letter WHEN 'I' THEN 8 WHEN 'U' THEN 4 ELSE 16 END <> 0);
	GRANT SELECT ON public.attempt TO PUBLIC});
my %cell;    # object => duty => text
for my $duty (@duties)
{
	my $found = $cluster->value('postgres', qq{
		SET client_min_messages = error;
		SET ROLE "holder of $duty";
		SELECT a.part, a.object, coalesce(string_agg(a.cell, ' ' ORDER BY position(left(a.cell, 1) IN 'xSIUD')), '')
		FROM (SELECT t.part, t.object, CASE WHEN bool_and(t.refused) THEN NULL
		                                    WHEN bool_or(t.rule) THEN 'r'
		                                    WHEN bool_or(t.refused) THEN t.cell || ' (' || string_agg(t.attribute, ', ' ORDER BY t.position) FILTER (WHERE NOT t.refused) || ')'
		                                    ELSE t.cell END AS cell
		      FROM (SELECT x.*, coalesce(r.refused = 'privilege', false) AS refused, coalesce(r.refused = 'rule', false) AS rule
		            FROM public.attempt AS x CROSS JOIN LATERAL public.refused(x.command) AS r(refused)) AS t GROUP BY t.part, t.object, t.cell, left(t.cell, 1)) AS a
		GROUP BY a.part, a.object ORDER BY a.part, a.object});
	for (split /\n/, $found)
	{
		my ($part, $object, $text) = split /\|/, $_, -1;
		$cell{"$part $object"}{$duty} = $text;
	}
}
my %tried = map { my $object = $_; my ($name) = $object =~ /^\d (.*)/; ("| `$name` | " . join(' | ', map { $cell{$object}{$_} } @duties) . ' |') => 1 } keys %cell;
cmp_ok(scalar keys %tried, '>', 150, 'verbs and tables were tried');
is(join("\n", sort grep { !$tried{$_} } @documented), '', 'what the document says and no role can do so (tools/duties.sql writes it anew)');
my %said = map { $_ => 1 } @documented;
is(join("\n", sort grep { !$said{$_} } keys %tried), '', 'what a role can do and the document does not say');
done_testing;
