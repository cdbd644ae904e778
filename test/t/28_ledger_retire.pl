# The way out: a ledger of which others hold a checkpoint is not dropped by the way.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $key = "$cluster->{dir}/key.pem";
$cluster->sign_with($key);
$cluster->start;
my $create = q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('%s.example.org');
	CREATE TABLE %s (id integer PRIMARY KEY, version release_mgmt.pkgver);
	CREATE VIEW %2$s_versions AS SELECT version FROM %2$s;
	SELECT release_mgmt.govern('%2$s');
	INSERT INTO %2$s VALUES (1, 'deb/1.0')};
sub refused
{
	my ($name, $sql, $expected, %option) = @_;
	my ($status, $out, $err) = $cluster->psql($option{database} // 'postgres', $sql, %option);
	like($status == 0 ? 'not refused' : $err, $expected, $name);
	return;
}

# A trial: nobody outside knows of it.
$cluster->value('postgres', sprintf $create, 'trial', 'item');
refused('not in a transaction whose changes would be lost', q{BEGIN; INSERT INTO item VALUES (2); DROP EXTENSION release_mgmt CASCADE},
	qr/ledger "trial\.example\.org" would be lost with the extension.*has changed governed rows/s);
$cluster->value('postgres', q{SET client_min_messages = error; ALTER EVENT TRIGGER rm_ledger_retire DISABLE;
	BEGIN; INSERT INTO item (id) VALUES (2); DROP EXTENSION release_mgmt CASCADE; COMMIT});
is($cluster->value('postgres', 'SELECT id FROM item ORDER BY id'), "1\n2", 'a superuser who insists loses the ledger, and his transaction commits');
$cluster->value('postgres', 'DROP TABLE item');

# What goes along is told before.
$cluster->value('postgres', sprintf $create, 'real', 'item');
is($cluster->value('postgres', 'SELECT * FROM release_mgmt.preview_drop()'), join("\n",
	'table column|public.item.version|goes with its values; convert it first: ALTER TABLE ... ALTER ... TYPE text',
	'trigger|rm_10_admit on public.item|goes; the table and its rows stay',
	'trigger|rm_90_capture on public.item|goes; the table and its rows stay',
	'view|public.item_versions|goes'), 'what is built upon the extension');
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
$cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
$cluster->value('postgres', q{INSERT INTO item VALUES (2, 'deb/2.0')});
my $everything = qr/Others may hold checkpoints of its \d+ leaves, and nobody has given it up\.\nIt governs public\.item\.\nLeaves that are not sequenced: 1\.\n/;
refused('a ledger that was signed', 'DROP EXTENSION release_mgmt CASCADE', $everything);
refused('by what it needs', 'DROP EXTENSION btree_gist CASCADE', $everything);
refused('with all that its owner has', 'DROP OWNED BY postgres CASCADE', qr/would be lost|required by the database system/);
$cluster->value('postgres', 'CREATE EXTENSION hstore; DROP EXTENSION hstore CASCADE');
pass('other extensions are let go');

refused('not without a reason', q{SELECT release_mgmt.retire_ledger(' ', 'nowhere')}, qr/takes a reason/);
is($cluster->value('postgres', q{SELECT release_mgmt.retire_ledger('the contract has ended', 'archive 12')}), 1, 'given up');
is($cluster->value('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'item'::regclass}), 0, 'the table has its triggers no more');
is($cluster->value('postgres', q{SELECT reason, kept_at, tables FROM release_mgmt.retirement}), 'the contract has ended|archive 12|{public.item}', 'on record');
refused('not before that is sequenced and signed', 'DROP EXTENSION release_mgmt CASCADE', qr/^DETAIL:  Leaves that are not sequenced: \d+\.\nHINT/m);
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
refused('nor before it is signed', 'DROP EXTENSION release_mgmt CASCADE', qr/^DETAIL:  Leaves that are not signed: \d+\.\nHINT/m);
$cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
is($cluster->value('postgres', 'SELECT finding FROM release_mgmt.verify_ledger()'), '', 'to its end it is sound');
$cluster->value('postgres', q{SET client_min_messages = error; DROP VIEW item_versions; ALTER TABLE item ALTER version TYPE text USING version::text});
$cluster->value('postgres', 'SET client_min_messages = error; DROP EXTENSION release_mgmt');
is($cluster->value('postgres', 'SELECT * FROM item ORDER BY id'), "1|deb/1.0\n2|deb/2.0", 'dropped; the rows stay');
done_testing;
