# A stored baseline follows the link table that tells what is installed where: a change of its rows by whatever road makes it stale, one
# that says nothing of what is installed does not.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('links.example.org');
	CALL release_mgmt.grant_duty(current_user::text, 'librarian', 'Provider');
	CALL release_mgmt.grant_duty(current_user::text, 'release manager', 'Provider');
	ALTER DATABASE postgres SET search_path = public, release_mgmt;
	SET search_path = public, release_mgmt;
	CREATE ROLE app;
	GRANT CREATE ON SCHEMA public TO app;
	SET ROLE app;
	CREATE TABLE host (id integer PRIMARY KEY, name text, os text);
	CREATE TABLE package (id integer PRIMARY KEY, name text, version text NOT NULL, note text);
	CREATE TABLE contract (id integer PRIMARY KEY);
	CREATE TABLE "Map" (id bigint, "On" integer, what integer, state char NOT NULL DEFAULT 'A', contract integer REFERENCES contract ON DELETE CASCADE, note text, PRIMARY KEY (id, state))
		PARTITION BY LIST (state);
	CREATE TABLE map_a PARTITION OF "Map" FOR VALUES IN ('A');
	CREATE TABLE map_rest (id bigint, note text, what integer, contract integer REFERENCES contract ON DELETE CASCADE, state char NOT NULL DEFAULT 'N', "On" integer, PRIMARY KEY (id, state));
	CREATE TABLE backup (id integer PRIMARY KEY, host integer, package integer);
	CREATE VIEW shown AS SELECT * FROM "Map";
	RESET ROLE;
	INSERT INTO host VALUES (1, 'a', 'Debian 12'), (2, 'b', NULL);
	INSERT INTO package SELECT n, 'p' || n, '1' FROM generate_series(1, 9) AS n;
	INSERT INTO contract VALUES (1), (2);
	INSERT INTO "Map" SELECT n, 1 + n % 2, n, 'A', CASE WHEN n = 9 THEN 1 END FROM generate_series(1, 9) AS n;
	INSERT INTO backup VALUES (1, 2, 1);
	SELECT bind_ci_class('host', 'host', '{id}', 'name', platform => 'os'), bind_ci_class('package', 'package', '{id}', 'name', version => 'version', scheme => 'deb');
	CALL bind_ci_relation('installed on', 'package', '{what}', 'host', via => '"Map"', to_columns => '{On}', condition => $$state = 'A'$$);
	CALL bind_ci_relation('backed up on', 'package', '{package}', 'host', via => 'backup', to_columns => '{host}');
	ALTER TABLE "Map" ATTACH PARTITION map_rest DEFAULT;
	SELECT create_release('REL-1', 'minor'), create_package('PKG-1', 'REL-1', '{}');
	INSERT INTO component (package_id, kind, name, version, ci) SELECT package_id('PKG-1'), 'configuration', 'p' || n, pkgver('deb', '0'), 'package/' || n FROM generate_series(1, 9) AS n;
});

# What is downgraded on each host is what is installed there.
my $question = q{SELECT candidates, finding FROM check_compatibility('PKG-1', '{host/1,host/2}') WHERE kind = 'downgrade' ORDER BY 1, 2};
my $stored = q{SELECT store_baselines('{host/1,host/2}')};

# How many of the two stored baselines are stale after the statements, run one by one in a session of their own; with what a session that
# had kept them and a new one find, against one that reads.
sub stale
{
	my ($name, $stale, @statements) = @_;
	$cluster->value('postgres', $stored);
	my $kept = $cluster->value('postgres', join ";\n", '\o /dev/null' . "\nSET client_min_messages = error", $question, @statements, "\\o\n$question");
	my $new = $cluster->value('postgres', $question);
	my $read = $cluster->value('postgres', "SET release_mgmt.compatibility_cache = 0;\nBEGIN;\nDELETE FROM release_mgmt_internal.stored_baseline;\n$question");
	is($kept, $read, "$name: a session that has kept it finds what one that reads does");
	is($new, $read, "$name: so does a new one");
	is($cluster->value('postgres', $stored), $stale, "$name: stale are $stale");
}

is($cluster->value('postgres', $stored), 2, 'a baseline is stored for each target, though a link table tells what is installed there');
is($cluster->value('postgres', $stored), 0, 'and holds');
is($cluster->value('postgres', q{SELECT string_agg(DISTINCT tgenabled::text, '') || count(*) FROM pg_trigger WHERE tgname = 'rm_95_source' AND tgrelid IN (SELECT release_mgmt_internal.members_of('"Map"'))}),
	'A3', 'partitions have the trigger, those that come later too');

stale('INSERT', 2, q{INSERT INTO "Map" VALUES (10, 1, 2)});
stale('UPDATE', 2, q{UPDATE "Map" SET "On" = 2 WHERE id = 10});
stale('DELETE', 2, q{DELETE FROM "Map" WHERE id = 10});
stale('a row that moves to another partition', 2, q{UPDATE "Map" SET state = 'N' WHERE id = 1});
stale('and back, by the partition', 2, q{WITH gone AS (DELETE FROM map_rest WHERE id = 1 RETURNING *) INSERT INTO map_a SELECT id, "On", what, 'A', contract, note FROM gone});
stale('COPY', 2, q{COPY "Map" FROM PROGRAM 'printf "11\t1\t3\tA\t\\\\N\tx\n"'});
stale('INSERT ON CONFLICT', 2, q{INSERT INTO "Map" VALUES (11, 1, 3, 'A') ON CONFLICT (id, state) DO UPDATE SET "On" = 2});
stale('MERGE', 2, q{MERGE INTO map_a AS m USING (VALUES (11)) AS v (id) ON v.id = m.id WHEN MATCHED THEN UPDATE SET what = 5});
stale('a view', 2, q{UPDATE shown SET what = 6 WHERE id = 11});
stale('a foreign key that cascades', 2, 'DELETE FROM contract WHERE id = 1');
stale('a replica', 2, q{SET session_replication_role = replica}, q{UPDATE "Map" SET what = 7 WHERE id = 11}, 'RESET session_replication_role');
stale('a trigger that changes what the statement did not', 2, q{CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.what := 8; RETURN NEW; END $f$},
	'CREATE TRIGGER meddle BEFORE UPDATE ON "Map" FOR EACH ROW EXECUTE FUNCTION meddle()', $stored, q{UPDATE "Map" SET note = 'changed' WHERE id = 11});
$cluster->value('postgres', 'DROP TRIGGER meddle ON "Map"');
$cluster->value('postgres', $stored);

stale('what was rolled back', 0, q{BEGIN}, q{UPDATE "Map" SET "On" = 1}, q{ROLLBACK}, q{BEGIN}, q{SAVEPOINT s}, q{DELETE FROM "Map"}, q{ROLLBACK TO s}, q{COMMIT});
stale('a column that tells nothing of it', 0, q{UPDATE "Map" SET note = 'seen', contract = 2});
stale('the same value', 0, q{UPDATE "Map" SET "On" = "On", state = state});
stale('another link table', 0, 'INSERT INTO backup VALUES (2, 1, 1)', 'UPDATE backup SET host = 1', 'DELETE FROM backup');
stale('an attribute of a package', 0, q{UPDATE package SET note = 'seen'});

# Whatever is done to the trigger, by the table's owner or by a superuser: what is installed is read then.
for my $statement ('ALTER TABLE map_a DISABLE TRIGGER rm_95_source', 'ALTER TABLE map_a ENABLE TRIGGER rm_95_source', 'DROP TRIGGER rm_95_source ON "Map"',
	q{CREATE OR REPLACE TRIGGER rm_95_source AFTER INSERT OR UPDATE OR DELETE ON "Map" FOR EACH ROW EXECUTE FUNCTION nothing(); ALTER TABLE "Map" ENABLE ALWAYS TRIGGER rm_95_source},
	q{RESET ROLE; CREATE OR REPLACE TRIGGER rm_95_source AFTER INSERT OR DELETE ON "Map" FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.note_source('On', 'state', 'what'); ALTER TABLE "Map" ENABLE ALWAYS TRIGGER rm_95_source},
	q{RESET ROLE; CREATE OR REPLACE TRIGGER rm_95_source AFTER INSERT OR UPDATE OR DELETE ON "Map" FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.note_source('state', 'what'); ALTER TABLE "Map" ENABLE ALWAYS TRIGGER rm_95_source})
{
	$cluster->value('postgres', 'SET client_min_messages = error; SET ROLE app; CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$');
	stale("after $statement", 0, "SET ROLE app", split(/; /, $statement), q{UPDATE "Map" SET "On" = 3 - "On"}, 'RESET ROLE');
	$cluster->value('postgres', q{SET client_min_messages = error; CALL bind_ci_relation('installed on', 'package', '{what}', 'host', via => '"Map"', to_columns => '{On}', condition => $$state = 'A'$$)});
	is($cluster->value('postgres', $stored), 2, 'bound again, it is followed again');
}
stale('a trigger that was off meanwhile', 2, 'ALTER TABLE map_a DISABLE TRIGGER rm_95_source', q{UPDATE "Map" SET "On" = 3 - "On"}, 'ALTER TABLE map_a ENABLE ALWAYS TRIGGER rm_95_source');

# What a target runs may be told by what it is installed on, through a column or a link table.
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE TABLE guest (id integer PRIMARY KEY, name text, host integer, note text);
	CREATE TABLE runs (id integer PRIMARY KEY, guest integer, host integer);
	CREATE TABLE part (guest integer, name text, version text NOT NULL, PRIMARY KEY (guest, name));
	INSERT INTO guest VALUES (1, 'by column', 1), (2, 'by link', NULL);
	INSERT INTO runs VALUES (1, 2, 1);
	INSERT INTO part VALUES (1, 'p1', '1'), (2, 'p1', '1');
	SELECT bind_ci_class('guest', 'guest', '{id}', 'name'), bind_ci_class('part', 'part', '{guest,name}', 'name', version => 'version', scheme => 'deb');
	CALL bind_ci_relation('installed on', 'part', '{guest}', 'guest');
	CALL bind_ci_relation('installed on', 'guest', '{host}', 'host');
	CALL bind_ci_relation('installed on', 'guest', '{guest}', 'host', via => 'runs', to_columns => '{host}')});
$question = q{SELECT candidates, finding FROM check_compatibility('PKG-1', '{guest/1,guest/2}') WHERE kind = 'platform' ORDER BY 1, 2};
$stored = q{SELECT store_baselines('{guest/1,guest/2}')};
is($cluster->value('postgres', $stored), 2, 'stored for targets that are told to run what another item does');
stale('another system of the host', 2, q{UPDATE host SET os = 'Fedora 39' WHERE id = 1});
stale('another host, by the column', 2, 'UPDATE guest SET host = 2 WHERE id = 1');
stale('another host, by the link', 2, 'UPDATE runs SET host = 2');
stale('no host', 2, 'DELETE FROM runs', 'UPDATE guest SET host = NULL');
stale('a host, by the link', 2, 'INSERT INTO runs VALUES (1, 2, 1)');
stale('another attribute of the target', 0, q{UPDATE guest SET note = 'seen'});
stale('a table that comes to inherit from the link table', 2, q{CREATE TABLE runs_more () INHERITS (runs)}, q{UPDATE runs SET host = 2}, q{INSERT INTO runs_more VALUES (2, 1, 1)});
$cluster->value('postgres', q{CALL bind_ci_relation('installed on', 'guest', '{guest}', 'host', via => 'runs', to_columns => '{host}')});
is($cluster->value('postgres', $stored), 0, 'bound again, it is followed as before');
stale('a row of it', 2, 'DELETE FROM runs_more');

# A dump brings the triggers along.
my ($status, $dump, $err) = $cluster->run(undef, 'pg_dump', '-d', 'postgres');
$cluster->value('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$cluster->value('restored', "SET client_min_messages = warning;\n$dump");
$cluster->value('restored', q{SELECT release_mgmt.activate('links.example.org')});
is($cluster->value('restored', "SET search_path = public, release_mgmt; SELECT store_baselines('{host/1,host/2,guest/1,guest/2}')"), 4, 'a dump brings the triggers along');

# No relation, no trigger.
$cluster->value('postgres', q{CALL unbind_ci_relation('installed on', 'package', 'host'); CALL unbind_ci_class('guest')});
is($cluster->value('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgname = 'rm_95_source' AND tgrelid::regclass::text ~ '^("Map"|map_|runs)'}), 0, 'what is not read any more is not followed');
done_testing();
