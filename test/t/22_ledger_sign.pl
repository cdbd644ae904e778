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

# openssl: the commands of doc/proofs.md.
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
RM::Cluster::run_quietly('openssl', 'pkey', '-in', $key, '-pubout', '-out', "$dir/public.pem");
spill('verify.sh', qq{set -e\ncd "\$1"\n} . RM::Cluster::documented('proofs.md', '## The signature of a checkpoint'));
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

# Witnesses cosign with openssl: the commands of doc/proofs.md.
spill('cosign.sh', qq{set -e\ncd "\$1"\n} . RM::Cluster::documented('proofs.md', 'his cosignature thus:'));
sub cosign
{
	my ($witness, $checkpoint) = @_;
	(my $place = $witness) =~ s{/}{_}g;
	mkdir "$dir/$place";
	spill("$place/checkpoint.txt", $checkpoint);
	RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/$place/witness.pem") if !-e "$dir/$place/witness.pem";
	RM::Cluster::run_quietly('sh', '-c', "sed -i 's|^name=.*|name=$witness|' $dir/cosign.sh && sh $dir/cosign.sh $dir/$place");
	return map { slurp("$dir/$place/$_") } qw(cosignature.txt witness.key);
}
sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!";
	binmode $file;
	local $/;
	return scalar <$file>;
}
# What add_cosignature() returns, or its error.
sub add
{
	my ($cosigned, @size) = @_;
	my ($failed, $out, $err) = $cluster->psql('postgres', 'SELECT release_mgmt.add_cosignature(' . join(', ', "\$x\$$cosigned\$x\$", @size) . ')');
	return $failed ? $err : "$out\n";
}
my ($first, $first_key) = cosign('witness.example.org', $note);
my ($second, $second_key) = cosign('w2.example.org/a', $note);
like(add($first), qr/cosignatures can not be kept.*No witness "witness\.example\.org" is registered\./s, 'an unknown witness is refused');
for my $wrong ([ 'witness.example.org', $verifier =~ s/^[^+]*/witness.example.org/r ], [ 'other', $first_key ], [ 'witness.example.org', $first_key =~ s/\+(\w)/'+' . ($1 eq '0' ? 1 : 0)/er ])
{
	isnt(($cluster->psql('postgres', "INSERT INTO release_mgmt.witness VALUES ('$wrong->[0]', btrim(\$x\$$wrong->[1]\$x\$, E'\\n'))"))[0], 0, 'a key that is none of that witness');
}
$cluster->value('postgres', "INSERT INTO release_mgmt.witness VALUES ('witness.example.org', btrim(\$x\$$first_key\$x\$, E'\\n')),
	('w2.example.org/a', btrim(\$x\$$second_key\$x\$, E'\\n'))");
is(add($first), "$note$first\n", 'a cosignature made by openssl is kept and shown with the checkpoint');
is(add($first), "$note$first\n", 'twice does no harm');
my $cosigned = add($note . $second);
is($cosigned, "$note$second$first\n", 'a whole cosigned note is taken');
is($cluster->value('postgres', 'SELECT witnesses, cosigned_at BETWEEN now() - interval \'1 hour\' AND now() FROM release_mgmt.cosigned_checkpoint
	JOIN release_mgmt.ledger_cosignature USING (size) WHERE witness = \'witness.example.org\''), '{w2.example.org/a,witness.example.org}|t', 'who and when');
$cosigned =~ s/\n\n\z/\n/;
like(add($first =~ s/ (\S+)$/' ' . encode_base64(join('', map { my $b = decode_base64($1); substr($b, 4, 1) = "\x01"; $b } 1), '')/er),
	qr/This is no cosignature of witness "witness\.example\.org" over the checkpoint of 602 leaves/, 'another time is refused');
my ($of_another) = cosign('witness.example.org', $note =~ s/^602$/601/mr);
like(add($of_another), qr/This is no cosignature/, 'a cosignature over another tree is refused');
like(add(($note =~ s/^602$/601/mr) . $of_another), qr/no checkpoint signed here is the one that was cosigned.*601/s, 'and so is that tree');
like(add($first . $of_another =~ s/witness\.example/stranger.example/r), qr/No witness "stranger\.example\.org" is registered/, 'one that is wrong refuses all');
like(add($first =~ s/\n/\r\n/r), qr/There is no signature line by the key/, 'a line that is not as it is written');
like(add($note), qr/There is no signature line by the key of a witness in it/, 'a checkpoint without cosignature');
like(add($first, 5), qr/no checkpoint signed here/, 'a size that was not signed');
my ($of_other_kind) = map { s/ (\S+)$/' ' . encode_base64("\0\1\2\3" . substr(decode_base64($1), 4), '')/er } $first;
is(add($of_other_kind . $second), "$cosigned\n", 'what a known witness signs with a key of another kind is left out');
is($cluster->value('postgres', 'SELECT count(*) FROM release_mgmt.ledger_cosignature'), 2, 'nothing else was kept');
is($cluster->value('postgres', "SELECT count(*) FROM release_mgmt.captured_change WHERE source = 'release_mgmt.witness'::regclass"), 2,
	'who registered a witness is in the ledger');

# What witnesses are asked with.
sub request { return $cluster->value('postgres', 'SELECT release_mgmt.witness_request(' . join(', ', "'witness.example.org'", @_) . ')') }
is(request(), "old 602\n\n$note", 'a witness that saw this very checkpoint');
is(request(0), "old 0\n\n$note", 'one that never saw any');
my $request = request(257);
is($request, join("\n", 'old 257', split(/,/, $cluster->value('postgres', "SELECT array_to_string(release_mgmt.consistency_proof(257), ',')")), '', $note),
	'one that saw another');
like(($cluster->psql('postgres', "SELECT release_mgmt.witness_request('nobody')"))[2], qr/no witness "nobody" is registered/, 'a witness that is known');
like(($cluster->psql('postgres', "SELECT release_mgmt.witness_request('witness.example.org', 603)"))[2], qr/no such proof/, 'and saw no larger tree');

SKIP:
{
	my $go = (RM::Cluster::capture(undef, 'sh', '-c', 'command -v go'))[0] == 0 && -d '/usr/share/gocode/src/golang.org/x/mod/sumdb';
	skip RM::Cluster::excuse('Go or golang-golang-x-mod-dev is not installed'), 6 if !$go;
	my $rows = $cluster->value('postgres', q{SELECT encode(entry, 'hex') FROM release_mgmt.ledger_entry ORDER BY index});
	my $proofs = $cluster->value('postgres', q{
		SELECT index, array_to_string(release_mgmt.inclusion_proof(index), ' ')
		FROM release_mgmt.ledger_entry WHERE index IN (0, 1, 255, 256, 511, 512, 599, 600, 601) ORDER BY index});
	my $growth = $cluster->value('postgres', q{
		SELECT n, array_to_string(release_mgmt.consistency_proof(n), ' ') FROM unnest('{1,2,3,255,256,257,512,600,602}'::bigint[]) AS n});
	my %file = (request => $request, note => $cosigned, verifier => $verifier, witnesses => $first_key . $second_key, entries => "$rows\n", proofs => "$proofs\n", growth => "$growth\n");
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
	like($answer, qr/^2 cosignatures verified$/m, 'and finds the cosignatures of both witnesses') or diag $answer;
	like($answer, qr/^request from 257 verified$/m, 'a witness in Go would cosign what it is asked with') or diag $answer;
	like($answer, qr/^9 inclusion proofs verified$/m, 'sumdb/tlog checks inclusion') or diag $answer;
	like($answer, qr/^9 consistency proofs verified$/m, 'sumdb/tlog checks consistency') or diag $answer;
}
done_testing;
