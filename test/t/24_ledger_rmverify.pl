# rmverify, the independent verifier: read rights alone, its own code for everything but the hash, and a memory.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
for my $name (qw(key other))
{
	RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/$name.pem");
	RM::Cluster::run_quietly('chown', RM::Cluster::server_user(), "$dir/$name.pem") if defined RM::Cluster::server_user();
	chmod 0600, "$dir/$name.pem";
}
$cluster->set('release_mgmt.signing_key_file' => "$dir/key.pem");
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('rmverify.example.org');
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
	CREATE TYPE pair AS (a integer, b text);
	CREATE DOMAIN hours AS smallint CHECK (value >= 0);
	CREATE DOMAIN short_hours AS hours CHECK (value < 100);
	CREATE TABLE kinds (id uuid DEFAULT gen_random_uuid(), k char(5), b boolean, i2 smallint, sh short_hours DEFAULT 7, pr pair DEFAULT ROW(1, NULL), i8 bigint, f4 real, f8 double precision,
		n numeric, d date, tm time, ts timestamp, tz timestamptz, iv interval, bin bytea, jb jsonb, e mood, p percent, tr tstzrange,
		a timestamptz[], m money, t text, h integer GENERATED ALWAYS AS (i2 * 2) STORED, PRIMARY KEY (id, k));
	CREATE TABLE item ("the key" text PRIMARY KEY, value text);
	SELECT release_mgmt.govern('kinds'), release_mgmt.govern('item');
	SET TimeZone = 'Asia/Kolkata';
	INSERT INTO kinds (k, b, i2, i8, f4, f8, n, d, tm, ts, tz, iv, bin, jb, e, p, tr, a, m, t)
	SELECT 'c', i % 2 = 0, i, -i, i / 3.0, '-0', 1.50, '2026-01-01'::date + i, '12:00', now(), now(), '1 day 2 hours', '\x00ff', '{"a": 1}', 'ok',
		i, tstzrange(now(), NULL), ARRAY[now()], 12.34, repeat('x', i * 100)
	FROM generate_series(1, 20) AS i;
	INSERT INTO item VALUES ('a:b\c', 'x'), ('bash', '5.1'), ('curl', '7.88');
	ALTER TABLE item RENAME value TO version;
	UPDATE item SET version = '5.2' WHERE "the key" = 'bash';
	CREATE ROLE auditor LOGIN;
	-- A leaf of each version: psql says what it is; a session that does not; one of a proxy that acts for somebody.
	SET application_name = '';
	INSERT INTO item VALUES ('first', '0.4');
	CREATE ROLE portal;
	CREATE ROLE anna;
	CALL release_mgmt.grant_duty('anna', 'reader', 'Customer');
	CALL release_mgmt.add_proxy('portal');
	GRANT ALL ON item TO portal;
	BEGIN;
	SET LOCAL ROLE portal;
	SET LOCAL release_mgmt.actor = 'anna';
	INSERT INTO item VALUES ('dash', '0.5');
	COMMIT});
# The grants are those of the document.
$cluster->value('postgres', RM::Cluster::documented('proofs.md', 'shows how far it is') =~ s/host_package/kinds, item/r);
my $verifier = $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()');

sub verify_since
{
	my (@option) = @_;
	return $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/state", @option, 'user=auditor dbname=postgres');
}
sub verify { return verify_since('--full', @_) }
sub sign
{
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	return $cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
}

my ($status, $out, $err) = verify();
is($status, 2, 'without a checkpoint nothing can be said');
my $first = sign();
is($cluster->value('postgres', q{SELECT string_agg(DISTINCT split_part(convert_from(entry, 'UTF8'), E'\n', 1), ', ') FROM release_mgmt.ledger_entry}),
	join(', ', map { "release_mgmt transaction v$_" } 1 .. 3), 'leaves of each version');
($status, $out, $err) = verify();
is($status, 0, 'a sound ledger') or diag $out, $err;
like($out, qr/^rmverify\.example\.org is sound: \d+ leaves, \d+ of them signed/, 'and says so');
ok(-s "$dir/state", 'the checkpoint is remembered');

$cluster->value('postgres', q{DELETE FROM item WHERE "the key" = 'curl'; UPDATE kinds SET i2 = 7 WHERE i2 = 3});
($status, $out, $err) = verify();
is($status, 0, 'pending leaves are verified with the rest') or diag $out, $err;
sign();
is((verify())[0], 0, 'and when they are signed');

# With what was seen last in a file, what came later is read alone: leaves, changes, and the rows that these made.
$cluster->value('postgres', q{UPDATE item SET version = '1' WHERE "the key" = 'a:b\c'; UPDATE kinds SET t = 'changed' WHERE i2 = 5; DELETE FROM item WHERE "the key" = 'dash'});
sign();
($status, $out, $err) = verify_since();
like($out, qr/^rmverify\.example\.org is sound: (\d+) leaves, \1 of them signed, 3 keys behind leaf \d+$/, 'three keys were read') or diag $err;
like((verify_since())[1], qr/is sound: .* 0 keys behind leaf \d+$/, 'and none the next time');
$cluster->value('postgres', q{UPDATE item SET version = '2' WHERE "the key" = 'a:b\c'; DELETE FROM kinds WHERE i2 = 6; INSERT INTO item VALUES ('zsh', '5.9')});
# Behind the ledger's back; undone afterwards.
my $unseen = q{BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE item DISABLE TRIGGER ALL; %s; ALTER TABLE item ENABLE ALWAYS TRIGGER rm_10_admit;
	ALTER TABLE item ENABLE ALWAYS TRIGGER rm_90_capture; COMMIT};
sub since
{
	my ($there, $back, $expected, $full, $name) = @_;
	$cluster->value('postgres', sprintf $unseen, $there);
	like((verify_since())[1], $expected, "$name, read from where it was");
	like((verify())[1], $full, "$name, read in full");
	$cluster->value('postgres', sprintf $unseen, $back);
	return;
}
since(q{UPDATE item SET version = '0' WHERE "the key" = 'a:b\c'}, q{UPDATE item SET version = '2' WHERE "the key" = 'a:b\c'},
	(qr/^row changed, table public\.item, key a\\:b\\\\c\n1 findings$/) x 2, 'a row changed since');
since(q{DELETE FROM item WHERE "the key" = 'zsh'}, q{INSERT INTO item VALUES ('zsh', '5.9')},
	(qr/^row missing, table public\.item, key zsh\n1 findings$/) x 2, 'a row added since and gone');
since(q{INSERT INTO item VALUES ('dash', '0.5')}, q{DELETE FROM item WHERE "the key" = 'dash'},
	qr/is sound/, qr/^row added, leaf \d+, table public\.item, key dash: it was deleted here$/m, 'a row that came back, of which the leaf was seen');
since(q{UPDATE item SET version = '0' WHERE "the key" = 'bash'}, q{UPDATE item SET version = '5.2' WHERE "the key" = 'bash'},
	qr/is sound/, qr/^row changed, leaf \d+, table public\.item, key bash$/m, 'an older row changed');
since(q{CREATE TABLE public.taken AS SELECT * FROM release_mgmt.ledger_entry WHERE index = 1; DELETE FROM release_mgmt.ledger_entry WHERE index = 1},
	q{INSERT INTO release_mgmt.ledger_entry SELECT * FROM public.taken; DROP TABLE public.taken}, qr/is sound/, qr/^leaf missing, leaf 1$/m, 'an older leaf deleted');
sign();
is((verify_since())[0], 0, 'all is as it was') or diag $out, $err;
since(q{CREATE TABLE public.taken AS SELECT * FROM release_mgmt.ledger_entry ORDER BY index DESC LIMIT 1; DELETE FROM release_mgmt.ledger_entry WHERE index = (SELECT index FROM public.taken)},
	q{INSERT INTO release_mgmt.ledger_entry SELECT * FROM public.taken; DROP TABLE public.taken}, qr/^tree shrank, leaf \d+: the last leaf seen is gone$/m,
	qr/^tree shrank/m, 'the last leaf deleted');
RM::Cluster::run_quietly('cp', "$dir/state", "$dir/damaged");
RM::Cluster::run_quietly('sed', '-i', 's/^edge ..../edge AAAA/', "$dir/damaged");
like(($cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/damaged", 'dbname=postgres'))[2], qr/the edge does not lead to the root/,
	'a file that was damaged');

# On a terminal it shows how far it is.
my $state = "$dir/state";
my (undef, $shown) = $cluster->run(undef, 'script', '-qec', "$rmverify --full --key '$verifier' --state $state 'user=auditor dbname=postgres'", '/dev/null');
like($shown, qr/\rleaves   \[#* *\] \d+ of \d+/, 'a bar');

# With witnesses named, the last checkpoint counts that all of them have cosigned.
sub witness
{
	my ($name, $note) = @_;
	my $place = "$dir/$name";
	mkdir $place;
	RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$place/witness.pem") if !-e "$place/witness.pem";
	open my $checkpoint, '>', "$place/checkpoint.txt" or die "checkpoint.txt: $!";
	print $checkpoint $note;
	close $checkpoint;
	RM::Cluster::run_quietly('sh', '-ec', "cd $place\n" . RM::Cluster::documented('proofs.md', 'his cosignature thus:') =~ s/^name=.*/name=$name/mr);
	return map { RM::Cluster::run_quietly('cat', "$place/$_") } 'cosignature.txt', 'witness.key';
}
my $present = sign();
my ($cosignature, $witness) = witness('w.example.org', $present);
my (undef, $other) = witness('v.example.org', $present);
chomp($witness, $other);
like((verify('--witness', $witness))[2], qr/no checkpoint of rmverify\.example\.org that every witness has cosigned/, 'a checkpoint without cosignature');
$cluster->value('postgres', "INSERT INTO release_mgmt.witness VALUES ('w.example.org', '$witness')");
$cluster->value('postgres', "SELECT release_mgmt.add_cosignature(\$x\$$cosignature\$x\$)");
is((verify('--witness', $witness))[0], 0, 'a witness has cosigned');
is((verify('--witness', $witness, '--witness', $other))[0], 2, 'but not the other');
sign();
like((verify('--witness', $witness))[1], qr/is sound: (\d+) leaves, (?!\1)\d+ of them signed/, 'the checkpoint before the last is cosigned');
is((verify())[0], 0, 'the last one is sound');
is((verify('--witness', $verifier))[0], 2, 'the log is no witness of its own');

# A maintenance window, keys and digests moved in it, and no finding left behind it.
$cluster->value('postgres', q{CREATE TABLE migrated (id integer PRIMARY KEY, name text); INSERT INTO migrated VALUES (1, 'one'), (2, 'two'), (3, 'three'); GRANT SELECT ON migrated TO auditor});
$cluster->value('postgres', q{SELECT release_mgmt.govern('migrated'), release_mgmt.begin_maintenance('{migrated}', 'migration', now() + interval '1 hour')});
sign();
like((verify())[1], qr/^maintenance under way, table public\.migrated: 0 rows to record$/m, 'maintenance is told');
$cluster->value('postgres', q{ALTER TABLE migrated ADD size integer DEFAULT 1});
sign();
like((verify())[1], qr/^maintenance under way, table public\.migrated: 3 rows to record$/m, 'with digests that moved');
$cluster->value('postgres', q{ALTER TABLE migrated ALTER id TYPE text USING 'no. ' || id; DELETE FROM migrated WHERE name = 'three'});
sign();
($status, $out) = verify();
is($status, 1, 'exit status');
unlike($out, qr/row (?:added|changed|missing)/, 'with keys that moved') or diag $out;
like($out, qr/: 2 rows to record$/m, 'and rows to record');
$cluster->value('postgres', 'SELECT release_mgmt.end_maintenance()');
sign();
($status, $out, $err) = verify();
is($status, 0, 'ended, all is sound') or diag $out, $err;
# Keys that are no values of the key's type any more are not looked up; all of that table is read.
$cluster->value('postgres', q{SELECT release_mgmt.begin_maintenance('{migrated}', 'back', now() + interval '1 hour');
	ALTER TABLE migrated ALTER id TYPE integer USING substr(id, 5)::integer; SELECT release_mgmt.end_maintenance()});
sign();
($status, $out, $err) = verify_since();
like($out, qr/is sound: .* keys behind leaf \d+$/, 'with keys of another type, read from where it was') or diag $err;

# An inheritance tree: rows have the columns of their own table, those of one name among them.
$cluster->value('postgres', q{CREATE TABLE device (id integer PRIMARY KEY, name text); CREATE TABLE "Switch" (ports integer, note text, PRIMARY KEY (id)) INHERITS (device);
	CREATE TABLE stack (members numeric) INHERITS ("Switch"); CREATE TABLE pdu (ports text, h text GENERATED ALWAYS AS (ports || '!') STORED) INHERITS (device); CREATE TABLE plain () INHERITS (device);
	INSERT INTO device VALUES (1, 'panel'); INSERT INTO "Switch" VALUES (2, 'access', 24, NULL); INSERT INTO stack VALUES (3, 'core', 48, 'two', 2); INSERT INTO pdu VALUES (4, 'power', 'eight');
	INSERT INTO plain VALUES (5, 'plain'); SELECT release_mgmt.govern('device'); UPDATE pdu SET ports = 'nine'; ALTER TABLE "Switch" RENAME ports TO sockets;
	UPDATE "Switch" SET sockets = 25 WHERE id = 2; UPDATE stack SET members = 3; DELETE FROM plain; GRANT SELECT ON device, "Switch", stack, pdu, plain TO auditor});
sign();
for my $how ([], ['--full'])
{
	($status, $out, $err) = verify_since(@$how);
	is($status, 0, "@$how: with columns of inheritance children, all is sound") or diag $out, $err;
}
$cluster->value('postgres', q{UPDATE pdu SET ports = 'ten'; INSERT INTO plain VALUES (6, 'another')});
sign();
is((verify_since())[0], 0, 'and what has changed since');
$cluster->value('postgres', q{BEGIN; ALTER TABLE stack DISABLE TRIGGER ALL; UPDATE stack SET members = 4; ALTER TABLE stack ENABLE TRIGGER ALL; ALTER TABLE stack ENABLE ALWAYS TRIGGER rm_90_capture; COMMIT});
is(join(' ', grep { /row/ } split /\n/, (verify())[1]), 'row changed, leaf ' . ((verify())[1] =~ /row changed, leaf (\d+)/)[0] . ', table public.device, key 3', 'a value that only a child has');
$cluster->value('postgres', q{UPDATE stack SET members = 5});
sign();

# Behind the ledger's back.
sub tampered
{
	my ($sql, $expected, $name) = @_;
	$cluster->value('postgres', "BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE item DISABLE TRIGGER ALL; $sql; COMMIT");
	my ($tampered_status, $tampered_out, $tampered_err) = verify();
	is($tampered_status, 1, "$name: exit status") or diag $tampered_err;
	like($tampered_out, $expected, $name);
	return;
}
tampered(q{UPDATE item SET version = '0' WHERE "the key" = 'bash'}, qr/^row changed, leaf \d+, table public\.item, key bash$/m, 'a row changed');
tampered(q{INSERT INTO item VALUES ('new', '1')}, qr/^row added, table public\.item, key new$/m, 'a row added');
tampered(q{DELETE FROM item WHERE "the key" = 'a:b\c'}, qr/^row missing, leaf \d+, table public\.item, key a\\:b\\\\c$/m, 'a row deleted');
tampered(q{UPDATE release_mgmt.ledger_entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'role postgres', 'role nobody'), 'UTF8')
	WHERE index = 1}, qr/^checkpoint contradicted/m, 'an entry edited');
tampered(q{UPDATE release_mgmt.ledger_batch SET changes = set_byte(changes, octet_length(changes) - 21, get_byte(changes, octet_length(changes) - 21) # 1)
	WHERE transaction_id = (SELECT transaction_id FROM release_mgmt.ledger_entry WHERE index = 2)}, qr/^changes altered, leaf 2$/m, 'captured changes edited');
tampered(q{DELETE FROM release_mgmt.ledger_entry WHERE index = (SELECT max(index) FROM release_mgmt.ledger_entry)}, qr/^tree shrank/m, 'the tail cut off');

# What is put in the place of the last checkpoint does not hide the one before.
$cluster->value('postgres', q{INSERT INTO release_mgmt.ledger_checkpoint (log_id, size, note) SELECT id, 1000000, 'spoilt' FROM release_mgmt.ledger_log});
($status, $out) = verify();
like("$status $out", qr/^1 (?:.*\n)*checkpoint signature invalid: 1 behind the last one that holds$/m, 'a checkpoint that nobody signed');
$cluster->value('postgres', q{DELETE FROM release_mgmt.ledger_checkpoint WHERE size = 1000000});

# A checkpoint of another signer, an older one, and row security.
$cluster->value('postgres', 'SELECT 1');
open my $file, '>', "$dir/first" or die "first: $!";
print $file $first;
close $file;
($status, $out) = verify('--checkpoint', "$dir/first");
like($out, qr/^tree shrank.*a larger one was seen last/m, 'an older checkpoint is not consistent with the one seen last');
($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', "other$verifier", '--state', "$dir/state", 'user=auditor dbname=postgres');
is($status, 2, 'another signer');
$cluster->value('postgres', 'ALTER ROLE auditor NOBYPASSRLS; ALTER TABLE item ENABLE ROW LEVEL SECURITY');
($status, $out, $err) = verify();
is($status, 2, 'row security that would hide rows is an error');
like($err, qr/row-level security/, 'and told');
done_testing;
