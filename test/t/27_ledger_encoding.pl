# Databases of other encodings than UTF-8: the same ledger, and strangers read the same bytes.
use strict;
use warnings;
use MIME::Base64;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new(settings => {
	shared_preload_libraries => 'release_mgmt', 'release_mgmt.worker' => 'off', 'release_mgmt.worker_delay' => '10ms' });
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
my $dash = "\xe2\x80\x94";
RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/$_.pem") for qw(key witness);
RM::Cluster::run_quietly('chown', RM::Cluster::server_user(), "$dir/key.pem") if defined RM::Cluster::server_user();
chmod 0600, "$dir/key.pem";
RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/key.pem", '-pubout', '-out', "$dir/public.pem");
$cluster->set('release_mgmt.signing_key_file' => "$dir/key.pem");
$cluster->start;

sub spill
{
	my ($name, $content) = @_;
	open my $file, '>', "$dir/$name" or die "$name: $!";
	binmode $file;
	print $file $content;
	close $file;
	return "$dir/$name";
}

# The bytes that the expression, a note, has for others.
sub bytes
{
	my ($database, $note) = @_;
	return decode_base64($cluster->value($database, "SELECT encode(release_mgmt.note_bytes($note), 'base64')"));
}

# Each: the encoding, what its text has for the dash, and a value that is not ASCII, in the database's bytes and for others.
for my $case (['LATIN1', '\2014', "caf\xe9 \xa4", "caf\xc3\xa9 \xc2\xa4"], ['WIN1252', "\x97", "caf\xe9 \x80", "caf\xc3\xa9 \xe2\x82\xac"],
	['EUC_KR', undef, "\xb0\xa1", "\xea\xb0\x80"], ['SQL_ASCII', $dash, "caf\xe9", "caf\xe9"])
{
	my ($encoding, $mark, $value, $published) = @$case;
	my $database = lc $encoding;
	my $origin = "$database.example.org";
	$cluster->value('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	$cluster->value($database, qq{
		SET client_min_messages = error;
		CREATE EXTENSION release_mgmt CASCADE;
		SELECT release_mgmt.activate('$origin');
		CREATE TABLE item (name text PRIMARY KEY, title varchar(20), words text[], "$value" text);
		-- A "char" is a byte, whatever text it would be.
		CREATE DOMAIN byte AS "char";
		CREATE TABLE one_byte (c "char" PRIMARY KEY, d byte);
		SELECT release_mgmt.govern('one_byte');
		INSERT INTO one_byte SELECT i::"char", (-i - 1)::"char" FROM generate_series(-128, 127) AS i;
		UPDATE one_byte SET d = 'x' WHERE c = (-1)::"char";
		DELETE FROM one_byte WHERE c = (-2)::"char";
		SELECT release_mgmt.govern('item');
		INSERT INTO item VALUES ('$value', '$value', ARRAY['$value'], 'x'), ('plain', 'a', '{b}', repeat('$value', 500));
		UPDATE item SET title = 'now plain' WHERE name = '$value'});
	$cluster->value($database, 'CALL release_mgmt.sequence_ledger()');
	my $note = $cluster->value($database, 'SELECT release_mgmt.sign_checkpoint()');
	like($note, qr/\n\n\Q$mark\E \Q$origin\E \S+\n\z/, "$encoding: the note as text of the database") if defined $mark;
	my $bytes = bytes($database, 'release_mgmt.sign_checkpoint()');
	like($bytes, qr/\A\Q$origin\E\n\d+\n\S+\n\n$dash \Q$origin\E \S+\n\z/, "$encoding: and as its bytes");
	is(RM::Cluster::run_quietly('cat', "$dir/key.pem.$origin.checkpoint"), $bytes, 'which stand beside the key');
	spill('checkpoint.txt', $bytes);
	RM::Cluster::run_quietly('sh', '-ec', "cd $dir\n" . RM::Cluster::documented('proofs.md', '## The signature of a checkpoint'));
	is($cluster->value($database, "SELECT release_mgmt.note_text('\\x" . unpack('H*', $bytes) . "') = release_mgmt.sign_checkpoint()"), 't', 'and back');

	my $note_of_another = "release_mgmt.note_text('\\x" . unpack('H*', $bytes =~ s/(.)(?=\S{10}\n\z)/$1 eq 'A' ? 'B' : 'A'/er) . "')";
	my $given = "release_mgmt.note_text('\\x" . unpack('H*', $bytes) . "')";
	for my $form ($given, 'release_mgmt.sign_checkpoint()', $encoding eq 'EUC_KR' ? () : "\$x\$$bytes\$x\$")
	{
		is($cluster->value($database, "SELECT * FROM release_mgmt.verify_ledger($form)"), '', "$encoding: verify_ledger()");
	}
	is($cluster->value($database, "SELECT finding FROM release_mgmt.verify_ledger($note_of_another)"), 'checkpoint signature invalid', 'and a forged one');
	is($cluster->value($database, "SELECT changed #>> '{title,old}' FROM release_mgmt.history_of('item', '$value') LIMIT 1"), $value, "$encoding: history_of()");
	is($cluster->value($database, "SELECT key FROM release_mgmt.captured_change WHERE source = 'item'::regclass AND key <> 'plain' LIMIT 1"), $value, 'captured_change');

	is($cluster->value($database, q{SELECT changed ->> 'd' FROM release_mgmt.history_of('one_byte', '\\\\377') LIMIT 1}), '{"new": "x", "old": ""}', 'a byte by its key');
	is($cluster->value($database, q{SELECT old ->> 'd' FROM release_mgmt.captured_change WHERE source = 'one_byte'::regclass AND key = '\\\\376' AND operation = 'delete'}), "\001", 'and one that was there');
	my $verifier = $cluster->value($database, 'SELECT release_mgmt.verifier_key()');
	my ($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/$database.state", "dbname=$database");
	is($status, 0, "$encoding: rmverify") or diag $out, $err;
	($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/$database.state", "dbname=$database");
	is($status, 0, 'which remembers') or diag $out, $err;
	($status, $out, $err) = $cluster->run(undef, $rmverify, 'tiles', '--key', $verifier, '--directory', "$dir/$database", "dbname=$database");
	is($status, 0, "$encoding: the log as files") or diag $err;
	is(RM::Cluster::run_quietly('cat', "$dir/$database/checkpoint"), $bytes, 'with the checkpoint');
	my $proof = q{release_mgmt.proof_of('item', (SELECT name FROM item WHERE name <> 'plain'))};
	for my $file (spill('proof', bytes($database, $proof)), spill('text', $cluster->value($database, "SET client_encoding = "
		. ($encoding eq 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8') . "; SELECT $proof") . "\n"))
	{
		($status, $out, $err) = $cluster->run(undef, $rmverify, 'proof', '--key', $verifier, $file);
		is($status, 0, "$encoding: a proof") or diag $out, $err;
		like($out, qr/key \Q$published\E\n.*new name: \Q$published\E\n/s, 'of these values');
	}

	# A witness.
	spill('cosign.sh', (RM::Cluster::documented('proofs.md', '`add_cosignature` verifies before') =~ s/witness\.example\.org/$database.witness/r));
	RM::Cluster::run_quietly('sh', '-ec', "cd $dir && . ./cosign.sh");
	my ($witness, $line) = map { RM::Cluster::run_quietly('cat', "$dir/$_") } qw(witness.key cosignature.txt);
	chomp $witness;
	$cluster->value($database, "INSERT INTO release_mgmt.witness VALUES ('$database.witness', '$witness')");
	my $cosigned = "release_mgmt.add_cosignature(release_mgmt.note_text('\\x" . unpack('H*', "$bytes$line") . "'))";
	is(bytes($database, $cosigned), "$bytes$line", "$encoding: a cosigned checkpoint");
	like(bytes($database, "release_mgmt.witness_request('$database.witness')"), qr/\Aold \d+\n\n\Q$bytes\E\z/, 'and the request');
	spill('cosigned', "$bytes$line");
	($status, $out, $err) = $cluster->run(undef, $rmverify, '--key', $verifier, '--witness', $witness, '--state', "$dir/$database.cosigned", "dbname=$database");
	is($status, 0, 'and rmverify with the witness') or diag $out, $err;

	# A copy goes on with the checkpoint held outside, or opens an epoch; with what was signed to its end.
	$cluster->value($database, 'CALL release_mgmt.sequence_ledger()');
	$cluster->value($database, 'SELECT release_mgmt.sign_checkpoint()');
	for my $form ($encoding eq 'LATIN1' ? ($given, 'NULL') : ())
	{
		$cluster->value('postgres', "CREATE DATABASE copy TEMPLATE $database");
		is($cluster->value('copy', "SELECT release_mgmt.activate('$origin', $form)"), $origin . ($form eq 'NULL' ? '/e2' : ''), "$encoding: activated again");
		is($cluster->value('copy', 'SELECT * FROM release_mgmt.verify_ledger()'), '', 'and sound');
		is($cluster->value('copy', q{SELECT count(*) FROM release_mgmt.ledger_entry WHERE transaction_id IS NULL AND
			position('\xe28094'::bytea IN entry) > 0}), $form eq 'NULL' ? 1 : 0, 'with the former checkpoint as it was signed');
		$cluster->value('postgres', 'DROP DATABASE copy');
	}
}

# The worker signs in all of them.
$cluster->set('release_mgmt.worker' => 'on');
$cluster->value('postgres', 'SELECT pg_reload_conf()');
for my $database (qw(latin1 sql_ascii))
{
	$cluster->value($database, q{UPDATE item SET title = 'by the worker'});
	my ($done, $tries) = ('', 0);
	while ($done ne 't' && $tries++ < 600)
	{
		$done = $cluster->value($database, 'SELECT pending = 0 AND signed_size = size FROM release_mgmt.ledger_status');
		select undef, undef, undef, 0.1 if $done ne 't';
	}
	is($done, 't', "the worker signs in $database") or diag $cluster->value($database, 'SELECT worker FROM release_mgmt.ledger_status');
}
done_testing;
