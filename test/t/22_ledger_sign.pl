# Strangers check what the ledger says: openssl the signature, Go's sumdb packages notes and proofs, and nothing of ours.
use strict;
use warnings;
use MIME::Base64;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $key = "$dir/key.pem";
RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', $key);
RM::Cluster::run_quietly('chown', RM::Cluster::server_user(), $key) if defined RM::Cluster::server_user();
chmod 0644, $key;
$cluster->set('release_mgmt.signing_key_file' => $key);
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('sign.example.org');
	CREATE TABLE item (id integer PRIMARY KEY);
	SELECT release_mgmt.govern('item')});
$cluster->value('postgres', q{DO $$ BEGIN FOR i IN 1..600 LOOP INSERT INTO item VALUES (i); COMMIT; END LOOP; END $$});
$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');

like(($cluster->psql('postgres', 'SELECT release_mgmt.sign_checkpoint()'))[2], qr/Others than its owner may use the file/,
	'a key that others can read is refused');
chmod 0600, $key;
my ($status, undef, $error) = $cluster->psql('postgres', q{BEGIN; CALL release_mgmt.sequence_ledger(); INSERT INTO item VALUES (1000);
	COMMIT; BEGIN; CALL release_mgmt.sequence_ledger(); SELECT release_mgmt.sign_checkpoint(); COMMIT});
like($error, qr/sequenced in this very transaction/, 'what may yet vanish is not signed');
my $note = $cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
is($cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()'), $note, 'the same tree has the same note');
my $verifier = $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()');
like($note, qr/\Asign\.example\.org\n602\n[A-Za-z0-9+\/]{43}=\n\n\xe2\x80\x94 sign\.example\.org [A-Za-z0-9+\/]+=*\n\z/, 'a signed note');
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.ledger_checkpoint'), 1, 'it is kept');

# openssl: the commands of doc/ledger.md.
sub spill
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$name: $!";
	binmode $file;
	print $file $content;
	close $file;
	return;
}
spill('checkpoint.txt', $note);
spill('verify.sh', <<'SH');
set -e
cd "$1"
head -n 3 checkpoint.txt >body
tail -n 1 checkpoint.txt | cut -d ' ' -f 3 | base64 -d | tail -c 64 >signature
openssl pkey -in key.pem -pubout -out public.pem
openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in body -sigfile signature
SH
my ($verified, $said) = RM::Cluster::capture(undef, 'sh', "$dir/verify.sh", $dir);
is($verified, 0, 'openssl verifies the signature') or diag $said;
(my $forged = $note) =~ s/^602$/603/m;
spill('checkpoint.txt', $forged);
isnt((RM::Cluster::capture(undef, 'sh', "$dir/verify.sh", $dir))[0], 0, 'and not that of another checkpoint');
is($cluster->value('postgres', "SELECT finding FROM release_mgmt.verify_ledger(\$x\$$forged\$x\$) ORDER BY finding LIMIT 1"),
	'checkpoint signature invalid', 'nor does verify_ledger()');

# A key id by hand: SHA256(name || 0x0A || 0x01 || public key).
my ($name, $id, $public) = split /\+/, $verifier, 3;
my $bytes = decode_base64($public);
spill('keyid', "$name\n$bytes");
my ($hash) = (RM::Cluster::capture(undef, 'sha256sum', "$dir/keyid"))[1] =~ /^(\w{8})/;
is($id, $hash, 'the key id of the verifier key');

SKIP:
{
	skip 'Go is not installed', 4 if (RM::Cluster::capture(undef, 'sh', '-c', 'command -v go'))[0] != 0;
	my $root = '/usr/share/gocode/src/golang.org/x/mod';
	skip 'golang-golang-x-mod-dev is not installed', 4 if !-d $root;
	my $rows = $cluster->value('postgres', q{SELECT encode(entry, 'hex') FROM release_mgmt.ledger_entry ORDER BY index});
	my $proofs = $cluster->value('postgres', q{
		SELECT index, array_to_string(release_mgmt.inclusion_proof(index), ' ')
		FROM release_mgmt.ledger_entry WHERE index IN (0, 1, 255, 256, 511, 512, 599, 600, 601) ORDER BY index});
	my $growth = $cluster->value('postgres', q{
		SELECT n, array_to_string(release_mgmt.consistency_proof(n), ' ') FROM unnest('{1,2,3,255,256,257,512,600,602}'::bigint[]) AS n});
	my %file = (note => $note, verifier => $verifier, entries => "$rows\n", proofs => "$proofs\n", growth => "$growth\n");
	mkdir "$dir/go" or die "go: $!";
	spill("go/$_", $file{$_}) for keys %file;
	RM::Cluster::run_quietly('cp', "$RM::Cluster::top/test/lib/verify_ledger.go", "$dir/go/main.go");
	local $ENV{GO111MODULE} = 'off';
	local $ENV{GOPATH} = '/usr/share/gocode';
	local $ENV{GOFLAGS} = '';
	local $ENV{GOCACHE} = "$dir/go/cache";
	local $ENV{HOME} = $dir;
	my ($built, $log) = RM::Cluster::capture(undef, 'sh', '-c', "cd $dir/go && go build -o verify main.go");
	is($built, 0, 'the verifier in Go builds') or diag $log;
	my (undef, $answer) = RM::Cluster::capture(undef, "$dir/go/verify", "$dir/go");
	like($answer, qr/^note verified$/m, 'sumdb/note opens the note with the verifier key') or diag $answer;
	like($answer, qr/^9 inclusion proofs verified$/m, 'sumdb/tlog checks inclusion') or diag $answer;
	like($answer, qr/^9 consistency proofs verified$/m, 'sumdb/tlog checks consistency') or diag $answer;
}
done_testing;
