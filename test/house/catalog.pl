# House rules that the installed extension shows.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE EXTENSION release_mgmt CASCADE');

# One assertion per rule: the query returns the violations.
sub rule
{
	my ($name, $query) = @_;
	is($cluster->value('postgres', "SET search_path = pg_catalog; $query"), '', $name);
	return;
}

# The triggers of when_changed(), with what they are told: a function, then columns.
my $told = q{SELECT tgrelid, tgname, tgnewtable, string_to_array(encode(substring(tgargs FROM 1 FOR length(tgargs) - 1), 'escape'), '\\000') AS told
	FROM pg_trigger WHERE tgfoid = 'release_mgmt_internal.when_changed()'::regprocedure};
my $ours = q{IN ('release_mgmt'::regnamespace, 'release_mgmt_internal'::regnamespace)};

rule('every table and sequence is registered for dump', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace $ours AND c.relkind IN ('r', 'p', 'S')
	AND NOT c.oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'release_mgmt')::oid[]) ORDER BY 1});
rule('every table, view and composite type has a comment', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace $ours AND c.relkind IN ('r', 'p', 'v', 'm', 'c')
	AND obj_description(c.oid, 'pg_class') IS NULL
	AND (c.reltype = 0 OR obj_description(c.reltype, 'pg_type') IS NULL) ORDER BY 1});
# What a type, an operator or an operator class is made of speaks through that.
rule('every public function has a comment', q{
	SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'release_mgmt'::regnamespace
	AND obj_description(p.oid, 'pg_proc') IS NULL
	AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout)
	                OR (t.oid = p.prorettype AND t.typtype IN ('r', 'm') AND t.typname = p.proname))
	AND NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid)
	AND NOT EXISTS (SELECT FROM pg_amproc a WHERE a.amproc = p.oid)
	AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn))
	ORDER BY p.proname, p.oid});
rule('every public type has a comment', q{
	SELECT t.oid::regtype FROM pg_type t WHERE t.typnamespace = 'release_mgmt'::regnamespace AND t.typtype IN ('b', 'd', 'e', 'r')
	AND t.typcategory <> 'A' AND obj_description(t.oid, 'pg_type') IS NULL ORDER BY t.typname});
rule('every operator that is not a plain comparison has a comment', q{
	SELECT o.oid::regoperator FROM pg_operator o WHERE o.oprnamespace = 'release_mgmt'::regnamespace
	AND o.oprname NOT IN ('<', '<=', '=', '<>', '>=', '>') AND obj_description(o.oid, 'pg_operator') IS NULL ORDER BY o.oid});
# The condition of a trigger is evaluated as whoever writes to the table.
rule('no function but is_active(), the row triggers of customer tables, and what modules give it may be executed by PUBLIC', qq{
	SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace $ours AND p.proname NOT IN ('is_active', 'capture', 'keep_ci')
	AND p.oid NOT IN (SELECT substring(object FROM '^FUNCTION (.*)')::regprocedure FROM release_mgmt_internal.duty_privilege WHERE duty = 'PUBLIC')
	AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) ORDER BY p.proname, p.oid});
rule('what modules give PUBLIC computes from its arguments alone', q{
	SELECT object FROM release_mgmt_internal.duty_privilege d LEFT JOIN pg_proc p ON p.oid = substring(object FROM '^FUNCTION (.*)')::regprocedure
	WHERE duty = 'PUBLIC' AND (privilege <> 'EXECUTE' OR p.provolatile IS DISTINCT FROM 'i' OR p.prosecdef) ORDER BY 1});
rule('no table, view or schema is granted to PUBLIC', qq{
	SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace $ours
	AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0)
	UNION ALL
	SELECT n.nspname FROM pg_namespace n WHERE n.oid $ours AND EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0)});
rule('every view is security_invoker', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace $ours AND c.relkind = 'v'
	AND NOT coalesce(c.reloptions && '{security_invoker=true,security_invoker=on,security_invoker=1}', false) ORDER BY 1});
rule('every SECURITY DEFINER function fixes its search_path', qq{
	SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace $ours AND p.prosecdef
	AND NOT coalesce('search_path=pg_catalog, release_mgmt, pg_temp' = ANY (p.proconfig), false) ORDER BY p.proname, p.oid});
rule('every PL/pgSQL function fixes its search_path', qq{
	SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace $ours
	AND l.lanname = 'plpgsql' AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%') ORDER BY p.proname, p.oid});
$cluster->value('postgres', 'CREATE EXTENSION plpgsql_check');
# That refuse() never returns is beyond it; a registered check takes the parameters of its point, used or not.
rule('PL/pgSQL bodies fit the catalog, and use what they declare', qq{
	WITH body AS (
		SELECT p.oid, t.tgrelid, t.tgnewtable
		FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		LEFT JOIN LATERAL (SELECT DISTINCT tgrelid, tgnewtable FROM pg_trigger WHERE tgfoid = p.oid AND NOT tgisinternal
			UNION SELECT tgrelid, tgnewtable FROM ($told) AS w WHERE to_regprocedure('release_mgmt_internal.' || told[1] || '()') = p.oid) t ON true
		WHERE p.pronamespace $ours AND l.lanname = 'plpgsql'
		AND (p.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL))
	SELECT b.oid::regprocedure || ' ' || concat_ws(' ', c.lineno, c.message, c.detail, c.query)
	FROM body b, public.plpgsql_check_function_tb(b.oid, coalesce(b.tgrelid, 0), newtable => b.tgnewtable, performance_warnings => false) c
	WHERE (c.level = 'error' AND c.message <> 'control reached end of function without RETURN') OR (c.message ~ '^(unused|never read)'
		AND NOT (c.message LIKE 'unused parameter%' AND EXISTS (SELECT FROM release_mgmt.registered_check r WHERE r.function_name = split_part(b.oid::regprocedure::text, '(', 1)))) ORDER BY 1});
# pg_upgrade creates functions before operator classes, and nothing tells it that a parsed body needs one; and of IS DISTINCT
# FROM and NULLIF it can not write which schema's operator is meant.
rule('no parsed SQL body sorts, groups, or asks IS DISTINCT FROM of a type of the extension', qq{
	SELECT DISTINCT b.name || ' ' || o.oid::regoperator
	FROM (SELECT p.oid::regprocedure::text AS name, p.prosqlbody::text AS tree FROM pg_proc p
	      UNION ALL SELECT r.ev_class::regclass::text, regexp_replace(r.ev_action::text, ':(eqop|sortop) ', '', 'g') FROM pg_rewrite r) b
	CROSS JOIN LATERAL regexp_matches(b.tree, '(?::eqop|:sortop|(?:DISTINCT|NULLIF)EXPR :opno) (\\\\d+)', 'g') AS m (operator)
	JOIN pg_operator o ON o.oid = m.operator[1]::oid AND o.oprnamespace $ours ORDER BY 1});
rule('every C function is named rm_...', qq{
	SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace $ours
	AND l.lanname = 'c' AND p.prosrc !~ '^rm_' ORDER BY p.proname, p.oid});
rule('every trigger is named rm_...', qq{
	SELECT t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace $ours AND NOT t.tgisinternal AND t.tgname !~ '^rm_[0-9][0-9]_' ORDER BY 1});
rule('every rule trigger rests while the database is inactive', qq{
	SELECT t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace $ours AND t.tgname ~ '^rm_[2-8]' AND NOT pg_get_triggerdef(t.oid) LIKE '%is_active()%'
	AND t.tgfoid <> 'release_mgmt_internal.when_changed()'::regprocedure ORDER BY 1});
rule('when_changed() is told trigger functions and columns that exist', qq{
	SELECT w.tgrelid::regclass || ' ' || w.tgname || ' ' || a.name FROM ($told) AS w CROSS JOIN unnest(w.told) WITH ORDINALITY AS a (name, place)
	WHERE CASE a.place WHEN 1 THEN NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = to_regprocedure('release_mgmt_internal.' || a.name || '()') AND p.prorettype = 'trigger'::regtype)
	           ELSE NOT EXISTS (SELECT FROM pg_attribute c WHERE c.attrelid = w.tgrelid AND c.attname = a.name AND c.attnum > 0 AND NOT c.attisdropped) END ORDER BY 1});
# The ledger's own tables are proved by its tree instead, changes of governed_table by the captured table_version. Events repeat what is
# captured where it happens, and how far somebody has read them is nothing that was done.
rule('every table but the ledger\'s own and the outbox is captured', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'release_mgmt'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname !~ '^(ledger_|governed_table|outbox_)'
	AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'rm_90_capture' AND t.tgenabled = 'A') ORDER BY 1});
rule('no tables reference each other in a circle', qq{
	WITH RECURSIVE reach (origin, oid) AS (
		SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' AND connamespace $ours AND conrelid <> confrelid
		UNION
		SELECT r.origin, k.confrelid FROM reach r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f' AND k.conrelid <> k.confrelid)
	SELECT DISTINCT origin::regclass FROM reach WHERE origin = oid ORDER BY 1});
# One declaration for each table tells to whom its rows belong; the policies follow from it.
rule('every table that a duty may read says to whom its rows belong, or why everybody reads them', q{
	SELECT DISTINCT c.oid::regclass FROM release_mgmt_internal.duty_privilege d JOIN pg_class c ON c.oid = CASE WHEN d.object !~ ' ' THEN d.object::regclass END
	WHERE c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM release_mgmt_internal.belonging b WHERE b.relation::regclass = c.oid) ORDER BY 1});
# Of person_duty, the column says where a duty counts.
rule('no table with a release or an organization is everybody\'s', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace $ours AND c.relkind IN ('r', 'p')
	AND EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
	            AND k.confrelid IN ('release_mgmt.release'::regclass, 'release_mgmt.organization'::regclass)
	            OR k.conrelid = c.oid AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname ~ '^(release|organization)_id\$' AND NOT a.attisdropped))
	AND c.oid NOT IN ('release_mgmt.person_duty'::regclass, 'release_mgmt_internal.rehearsal'::regclass)
	AND NOT EXISTS (SELECT FROM release_mgmt_internal.belonging b WHERE b.relation::regclass = c.oid AND b.shared_because IS NULL) ORDER BY 1});
rule('every table that belongs to somebody has row-level security, not forced upon its owner', q{
	SELECT b.relation FROM release_mgmt_internal.belonging b JOIN pg_class c ON c.oid = b.relation::regclass
	WHERE c.relrowsecurity <> (b.shared_because IS NULL) OR c.relforcerowsecurity
	   OR c.relrowsecurity <> EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'rm_see') ORDER BY 1});
rule('every registered check has its function', q{
	SELECT name FROM release_mgmt.registered_check
	WHERE to_regprocedure(function_name || CASE WHEN point = 'ci_change' THEN '(text[],text[],text[],text[],text[])' WHEN point = 'ci_change_advice' THEN '(text,text,text,text,text)' WHEN point = 'back_out' THEN '(uuid,text)' ELSE '(uuid)' END) IS NULL ORDER BY 1});
# PostgreSQL 15 and 16 begin none while a query runs in parallel. A hint of package_id() names a verb.
rule('what begins a subtransaction is PARALLEL UNSAFE, and what calls that as well', qq{
	WITH RECURSIVE body AS (
		SELECT p.oid, p.proname::text AS name, p.proparallel, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS text
		FROM pg_proc p WHERE p.pronamespace $ours AND p.prokind <> 'a' AND p.proname <> 'package_id'),
	begins AS (
		SELECT oid, name FROM body WHERE text ~ '\\mEXCEPTION\\s+WHEN\\M'
		UNION
		SELECT b.oid, b.name FROM begins a JOIN body b ON b.oid <> a.oid AND b.text ~ ('\\m' || a.name || '\\('))
	SELECT b.oid::regprocedure FROM begins a JOIN body b USING (oid) WHERE b.proparallel <> 'u' ORDER BY 1});
rule('no table needs a sequence', qq{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace $ours AND c.relkind = 'S' ORDER BY 1});
rule('times are timestamptz', qq{
	SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace $ours AND c.relkind IN ('r', 'p', 'v', 'c') AND a.attnum > 0 AND NOT a.attisdropped
	AND a.atttypid IN ('timestamp'::regtype, 'time'::regtype, 'timetz'::regtype) ORDER BY 1});

done_testing;
