# Bindings survive pg_dump: items keep their identity, the guard stands again once the restored database is activated.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE guest LOGIN; CREATE DATABASE cmdb; CREATE DATABASE restored TEMPLATE template0');
$cluster->value('cmdb', <<'SQL');
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('cmdb.example.org');
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
CREATE TABLE dropped (id integer PRIMARY KEY, name text);
CREATE TABLE "Rack" (gone integer, "Row" integer, no text, height integer, PRIMARY KEY ("Row", no));
ALTER TABLE "Rack" DROP COLUMN gone;
CREATE TABLE server (id bigint PRIMARY KEY, name text, rack_row integer, rack_no text) PARTITION BY RANGE (id);
CREATE TABLE server_1 PARTITION OF server FOR VALUES FROM (1) TO (100);
CREATE TABLE server_2 PARTITION OF server DEFAULT;
INSERT INTO "Rack" VALUES (1, 'a:b', 42), (2, 'c', 42);
INSERT INTO server VALUES (1, 'one', 1, 'a:b'), (200, 'two', 2, 'c');
CREATE TABLE card (id integer PRIMARY KEY, name text, status text);
CREATE TABLE card_history () INHERITS (card);
INSERT INTO card VALUES (1, 'one', 'A'), (2, 'two', 'N');
INSERT INTO card_history VALUES (3, 'former one', 'U');
CREATE TABLE card_in_slot (gone text, slot integer, gauge numeric(4,1)) INHERITS (card);
ALTER TABLE card_in_slot DROP gone;
INSERT INTO card_in_slot VALUES (5, 'five', 'A', 7, 1.5);
CREATE TABLE card_in_rack (id integer PRIMARY KEY, card integer, rack_row integer, rack_no text, status text);
INSERT INTO card_in_rack VALUES (1, 1, 2, 'c', 'A'), (2, 1, 1, 'a:b', 'N');
CREATE TABLE slot (rack integer, no integer, label text, PRIMARY KEY (rack, no)) PARTITION BY RANGE (rack);
CREATE TABLE slot_1 PARTITION OF slot FOR VALUES FROM (0) TO (10);
INSERT INTO slot VALUES (1, 1, 'first');
GRANT ALL ON ALL TABLES IN SCHEMA public TO guest;
RESET ROLE;
SELECT release_mgmt.bind_ci_class('rack', '"Rack"', '{"Row",no}', 'no', mode => 'enforce');
SELECT release_mgmt.bind_ci_class('slot', 'slot', '{rack,no}', 'label', mode => 'enforce');
SELECT release_mgmt.bind_ci_class('server', 'server', '{id}', 'name', mode => 'warn');
SELECT release_mgmt.bind_ci_class('dropped', 'dropped', '{id}', 'name');
CALL release_mgmt.bind_ci_relation('in', 'server', '{rack_row,rack_no}', 'rack');
SELECT release_mgmt.bind_ci_class('card', 'card', '{id}', 'name', condition => 'status = ''A''');
CALL release_mgmt.bind_ci_relation('in', 'card', '{card}', 'rack', via => 'card_in_rack', to_columns => '{rack_row,rack_no}', condition => 'status = ''A''');
DROP TABLE dropped;
SQL
my $state = q{
	SELECT label, id, retired_at FROM release_mgmt.ci ORDER BY label;
	SELECT name, source, key_columns, condition FROM release_mgmt.ci_class ORDER BY name;
	SELECT * FROM release_mgmt.ci_relation ORDER BY from_ci;
	SELECT class, mode, finding FROM release_mgmt.binding_status ORDER BY class;
	SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname = 'rm_80_ci' ORDER BY tgrelid::regclass::text};
my $before = $cluster->value('cmdb', $state);

my ($status, $dump, $err) = $cluster->run(undef, 'pg_dump', '-d', 'cmdb');
is($status, 0, 'pg_dump') or diag($err);
($status, undef, $err) = $cluster->psql('restored', $dump);
is($status, 0, 'the dump restores') or diag($err);
is($cluster->value('restored', $state), $before, 'items, bindings, relations and triggers are those of the dump');

# Inactive: the owner loads, others are refused, no stub is touched.
($status, undef, $err) = $cluster->psql('restored', qq{\\set VERBOSITY verbose\nUPDATE "Rack" SET height = 1}, user => 'guest');
like($err, qr/RM001: .*inactive/, 'a table in mode enforce of an inactive database refuses others than its owner');
($status, undef, $err) = $cluster->psql('restored', q{UPDATE slot_1 SET label = 'second'}, user => 'guest');
like($err, qr/table "slot_1" takes no changes while release_mgmt is inactive/, 'and so does each of its partitions');
$cluster->value('restored', q{INSERT INTO "Rack" VALUES (3, 'd', 42); DELETE FROM "Rack" WHERE no = 'c'; UPDATE server SET rack_row = NULL}, user => 'owner');
is($cluster->value('restored', q{SELECT string_agg(key, ' ' ORDER BY key) FROM release_mgmt.ci WHERE class = 'rack'}), '1:a\:b 2:c',
	'what the owner loads there does not touch the items');
is($cluster->value('restored', q{SELECT finding, detail FROM release_mgmt.binding_status WHERE class = 'rack'}),
	'out of step|1 rows have no item, 1 items have no row; bind the class again.', 'but binding_status tells');

# Active again: enforced, and bound again it is in step.
$cluster->value('restored', q{SELECT release_mgmt.activate('cmdb.example.org')});
($status, undef, $err) = $cluster->psql('restored', q{UPDATE "Rack" SET height = 1 WHERE no = 'd'}, user => 'owner');
like($err, qr/unauthorized change of configuration item "rack\/3:d"/, 'the guard stands again, for the owner too');
$cluster->value('restored', q{SELECT release_mgmt.bind_ci_class('rack', '"Rack"', '{"Row",no}', 'no', mode => 'enforce')});
is($cluster->value('restored', q{SELECT string_agg(key || CASE WHEN retired_at IS NULL THEN '' ELSE ' retired' END, ', ' ORDER BY key)
	FROM release_mgmt.ci WHERE class = 'rack'}), '1:a\:b, 2:c retired, 3:d', 'bound again, the items are those of the table');
$cluster->value('restored', q{ALTER TABLE "Rack" RENAME COLUMN no TO "No"}, user => 'owner');
is($cluster->value('restored', q{SELECT key_columns FROM release_mgmt.ci_class WHERE name = 'rack'}), '{Row,No}',
	'a rename is followed, though the columns have other numbers than in the dumped table');
# So are columns that only a table has that inherits from the bound one.
is($cluster->value('restored', q{SELECT count(*) FROM release_mgmt.verify_ledger() WHERE source LIKE '%card%'}), '0', 'the rows of what inherits are as the ledger has them');
$cluster->value('restored', q{UPDATE card_in_slot SET slot = 8; ALTER TABLE card_in_slot RENAME slot TO place; UPDATE card_in_slot SET gauge = 2}, user => 'owner');
is($cluster->value('restored', q{SELECT string_agg(changed::text, ' ' ORDER BY log_index NULLS LAST, transaction_id) FROM release_mgmt.history_of('card', '5') WHERE operation = 'update'}),
	'{"place": {"new": "8", "old": "7"}} {"gauge": {"new": "2.0", "old": "1.5"}}', 'their columns are captured, and followed when they are renamed');
is($cluster->value('restored', q{SELECT count(*) FROM release_mgmt.verify_ledger() WHERE source LIKE '%card%'}), '0', 'and verified');
is($cluster->value('restored', q{SELECT count(*) FROM release_mgmt.ci_relation}), '0', 'relations read what is there');
done_testing;
