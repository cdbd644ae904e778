# What goes to strangers as files: a row's proof, checked by rmverify and by the few lines of Python in doc/proofs.md, and the
# log as tiles, checked by Go's tlog.
use strict;
use warnings;
use MIME::Base64;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
$cluster->sign_with("$dir/key.pem");
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('proof.example.org');
	CREATE TABLE item (id integer PRIMARY KEY, name text, seen timestamptz, flag boolean, data bytea, price numeric);
	SELECT release_mgmt.govern('item')});
my $verifier = $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()');
sub spill
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$name: $!";
	binmode $file;
	print $file $content;
	close $file;
	return "$dir/$name";
}
sub sign
{
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	return $cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
}
sub verify
{
	my (@argument) = @_;
	return $cluster->run(undef, $rmverify, $argument[0], '--key', $verifier, @argument[ 1 .. $#argument ]);
}

# Proofs of a row.
$cluster->value('postgres', q{INSERT INTO item SELECT i, 'name ' || i, '2026-03-01 12:00:00.5+00', i % 2 = 0, '\xff00', i * 1.50 FROM generate_series(1, 1000) AS i});
like(($cluster->psql('postgres', q{SELECT release_mgmt.proof_of('item', '7')}))[2], qr/no signed checkpoint covers a change of row 7 of table public\.item/,
	'without a signed checkpoint there is no proof');
sign();
my $proof = $cluster->value('postgres', q{SELECT release_mgmt.proof_of('item', '7')}) . "\n";
my ($status, $out, $err) = verify('proof', spill('proof', $proof));
is($status, 0, 'rmverify proves a row of a transaction of a thousand') or diag $out, $err;
like($out, qr/^insert of table [0-9a-f-]{36} \(the server calls it public\.item\), key 7\n  at \S+\n  session postgres\n  application psql\n  role postgres\n/, 'it tells of the change');
like($out, qr/^  new data: ff00\n  new flag: false\n  new id: 7\n  new name: name 7\n  new price: 10\.50\n  new seen: 2026-03-01 12:00:00\.5\+00\n/m, 'and of the row');
like($out, qr/^It is leaf \d+ of proof\.example\.org, and in its checkpoint of \d+ leaves\.$/m, 'and where it is');

my $python = spill('verify_proof.py', RM::Cluster::documented('proofs.md', '`rmverify proof --key KEY proof` checks'));
RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/key.pem", '-pubout', '-out', "$dir/public.pem");
sub by_hand
{
	my ($text) = @_;
	spill('proof', $text);
	return RM::Cluster::capture(undef, 'sh', '-c', "cd $dir && python3 verify_proof.py proof");
}
my ($by_hand, $said) = by_hand($proof);
is($by_hand, 0, 'so do the lines of Python in the document') or diag $said;
like($said, qr/^key 7, name 'name 7'$/m, 'and read the row');
my $checkpoint = $proof =~ s/.*\n\n(?=.*\n\d+\n.*\n\n)//sr;
spill('checkpoint.txt', $checkpoint);
RM::Cluster::run_quietly('sh', '-ec', "cd $dir\n" . RM::Cluster::documented('proofs.md', '## The signature of a checkpoint'));
pass('and openssl the signature of its checkpoint');

# Each line of it that is not a name, altered.
my @lines = split /\n/, $proof;
for my $i (grep { $lines[$_] =~ /\S/ && $lines[$_] !~ /^table / } 0 .. $#lines)
{
	my @altered = @lines;
	$altered[$i] =~ s/(\S)(\S*)$/($1 eq 'A' ? 'B' : 'A') . $2/e;
	my $altered = join("\n", @altered) . "\n";
	($status, $out) = verify('proof', spill('altered', $altered));
	is($status, 1, "altered: $lines[$i]") or diag $out;
	isnt((by_hand($altered))[0], 0, 'by hand as well') if $lines[$i] !~ /^\xe2|^proof\.example/;
}
($status, $out) = verify('proof', spill('altered', $proof =~ s/^long .*\n//mr =~ s/^(row .*)\n/$1\nlong QUJD\n/mr));
like($out, qr/a long value does not belong to the row/, 'a long value that is none of the row');

# What a row's last change may be.
$cluster->value('postgres', q{UPDATE item SET id = 2000, name = repeat('long ', 500) WHERE id = 7; DELETE FROM item WHERE id = 8});
like($cluster->value('postgres', q{SELECT release_mgmt.proof_of('item', '7')}), qr/\Arelease_mgmt proof v1\ntable public\.item\nchange \S+\nsalt \S+\nposition 6\n/,
	'what is not signed yet is not proved; then the row is not what was signed');
sign();
($status, $out, $err) = verify('proof', spill('proof', $cluster->value('postgres', q{SELECT release_mgmt.proof_of('item', '2000')}) . "\n"));
is($status, 0, 'an update of the key') or diag $out, $err;
like($out, qr/^update of .*, key 2000, formerly 7\n.*^  old id: 7\n.*^  old name: name 7\n.*^  new name: long long .*\(2500 bytes\)$/ms, 'with what was there and a long value');
like((verify('proof', spill('proof', $cluster->value('postgres', q{SELECT release_mgmt.proof_of('item', '8')}) . "\n")))[1],
	qr/^delete of .*, key 8\n.*^  old name: name 8$/ms, 'a deletion');
$cluster->value('postgres', q{UPDATE item SET name = 'secret' WHERE id = 9; UPDATE item SET name = 'public' WHERE id = 9; DELETE FROM item WHERE id = 9; INSERT INTO item (id) VALUES (9)});
sign();
$cluster->value('postgres', q{SELECT release_mgmt.redact_history('item', '9', 'request')});
($status, $out, $err) = verify('proof', spill('proof', $cluster->value('postgres',
	q{SELECT p.proof || k.note FROM release_mgmt_internal.proofs_of('{item}', '{9}') AS p JOIN release_mgmt.ledger_checkpoint AS k USING (size)
	WHERE p.age > 1 ORDER BY p.age LIMIT 1}) . "\n"));
is($status, 0, 'a redacted change is proved') or diag $out, $err;
unlike($out, qr/name/, 'and tells no value');
$cluster->value('postgres', q{BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE item DISABLE TRIGGER ALL; UPDATE item SET name = 'tampered' WHERE id = 10; COMMIT});
like(($cluster->psql('postgres', q{SELECT release_mgmt.proof_of('item', '10')}))[2], qr/The row is not as its last change left it/, 'a row altered behind the ledger is not proved');
like(($cluster->psql('postgres', q{SELECT release_mgmt.proof_of('pg_class', '10')}))[2], qr/table pg_class is not governed/, 'nor one that is not governed');
$cluster->value('postgres', q{ALTER TABLE item ENABLE TRIGGER ALL; ALTER TABLE item ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;
	CREATE ROLE nobody_yet LOGIN; CREATE ROLE an_auditor LOGIN; CALL release_mgmt.grant_duty('an_auditor', 'auditor', 'Authority')});
isnt(($cluster->psql('postgres', q{SELECT release_mgmt.proof_of('item', '11')}, user => 'nobody_yet'))[0], 0, 'not for everybody');
is(($cluster->psql('postgres', q{SELECT release_mgmt.proof_of('item', '11')}, user => 'an_auditor'))[0], 0, 'an auditor gets it');

# The log as files; the grants are those of the document.
$cluster->value('postgres', q{CREATE ROLE auditor LOGIN});
$cluster->value('postgres', RM::Cluster::documented('proofs.md', 'shows how far it is') =~ s/host_package/item/r);
my $tiles = "$dir/www";
# Makes the byte at that place another one, whatever it was.
sub flip_byte
{
	my ($name, $place) = @_;
	open my $file, '+<:raw', $name or die "$name: $!";
	my $byte;
	seek($file, $place, 0) && read($file, $byte, 1) == 1 && seek($file, $place, 0) or die "$name: $!";
	print $file chr(ord($byte) ^ 1);
	close $file or die "$name: $!";
}
sub export { return verify('tiles', '--directory', $tiles, 'dbname=postgres user=auditor') }
sub files { return join ' ', sort split /\n/, RM::Cluster::run_quietly('sh', '-c', "cd $tiles && find . -type f | sed 's,^./,,'") }
($status, $out, $err) = export();
is($status, 0, 'the log as files') or diag $err;
my ($size) = $out =~ /: (\d+) leaves of proof\.example\.org, 2 files written$/m;
is(files(), "checkpoint tile/0/000.p/$size tile/entries/000.p/$size", 'tiles, entries, checkpoint') or diag $out;
($status, $out) = export();
like($out, qr/0 files written/, 'nothing new, nothing written');
$cluster->value('postgres', q{DO $$ BEGIN FOR i IN 1..250 LOOP UPDATE item SET price = i WHERE id = 1; COMMIT; END LOOP; END $$});
sign();
($status, $out) = export();
my ($grown) = $out =~ /: (\d+) leaves/;
is(files(), "checkpoint tile/0/000 tile/0/001.p/" . ($grown - 256) . " tile/1/000.p/1 tile/entries/000 tile/entries/001.p/" . ($grown - 256),
	'full tiles take the place of their parts') or diag $out;
$cluster->value('postgres', q{DO $$ BEGIN FOR i IN 1..600 LOOP UPDATE item SET price = i WHERE id = 2; COMMIT; END LOOP; END $$});
sign();
is((export())[0], 0, 'gone on with from what was there');

SKIP:
{
	my $go = (RM::Cluster::capture(undef, 'sh', '-c', 'command -v go'))[0] == 0 && -d '/usr/share/gocode/src/golang.org/x/mod/sumdb';
	skip RM::Cluster::excuse('Go or golang-golang-x-mod-dev is not installed'), 3 if !$go;
	local %ENV = (%ENV, GO111MODULE => 'off', GOPATH => '/usr/share/gocode', GOFLAGS => '', GOCACHE => "$dir/cache", HOME => $dir);
	my ($built, $log) = RM::Cluster::capture(undef, 'sh', '-c', "cd $dir && cp $RM::Cluster::top/test/lib/verify_tiles.go . && go build -o verify_tiles verify_tiles.go");
	is($built, 0, 'the reader in Go builds') or diag $log;
	my ($read, $answer) = RM::Cluster::capture(undef, "$dir/verify_tiles", $tiles, $verifier);
	my $leaves = $cluster->value('postgres', 'SELECT size FROM release_mgmt.ledger_head');
	is($answer, "$leaves entries proved by tiles\n", 'sumdb/tlog proves every entry from the tiles');
	flip_byte("$tiles/tile/0/001", 100);
	isnt((RM::Cluster::capture(undef, "$dir/verify_tiles", $tiles, $verifier))[0], 0, 'and not from others');
}

# What was altered in the directory, or in the database, does not go into a new checkpoint.
my $present = RM::Cluster::run_quietly('cat', "$tiles/checkpoint");
$cluster->value('postgres', q{UPDATE item SET price = 0 WHERE id = 3});
sign();
RM::Cluster::run_quietly('cp', '-R', $tiles, "$dir/copy");
flip_byte((glob "$dir/copy/tile/entries/*.p/*")[0], 10);
($status, $out) = verify('tiles', '--directory', "$dir/copy", 'dbname=postgres');
like($out, qr/^\S+copy: tiles and entries do not make up the root in the checkpoint beside them/m, 'altered files are named');
$cluster->value('postgres', q{UPDATE release_mgmt.ledger_entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'role postgres', 'role nobody'), 'UTF8')
	WHERE index = (SELECT max(index) FROM release_mgmt.ledger_entry)});
($status, $out) = export();
like($out, qr/^checkpoint contradicted, leaf \d+: the entries do not make up its root/m, 'entries altered in the database');
is(RM::Cluster::run_quietly('cat', "$tiles/checkpoint"), $present, 'the checkpoint stays');
($status, $out, $err) = verify('tiles', 'dbname=postgres');
is($status, 2, 'a directory must be named');
done_testing;
