# What only a checkpoint kept elsewhere can tell: an old backup put over the present, the tail cut off together with the head,
# history rewritten to fit, a checkpoint signed again for another root. Each is named, by the database and by rmverify.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64 encode_base64);
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
my $key = "$dir/key.pem";
$cluster->sign_with($key);
$cluster->start;
$cluster->value('postgres', q{
	SET client_min_messages = error;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT release_mgmt.activate('rollback.example.org');
	CREATE TABLE host (name text PRIMARY KEY, version text);
	SELECT release_mgmt.govern('host')});
my $verifier = $cluster->value('postgres', 'SELECT release_mgmt.verifier_key()');
my $beside = "$key.rollback.example.org.checkpoint";

# So many single changes, sequenced.
sub grow
{
	my ($name, $count) = @_;
	$cluster->value('postgres', "DO \$\$ BEGIN FOR i IN 1..$count LOOP INSERT INTO host VALUES ('$name ' || i, '1'); COMMIT; END LOOP; END \$\$");
	$cluster->value('postgres', 'CALL release_mgmt.sequence_ledger()');
	return $cluster->value('postgres', 'SELECT size FROM release_mgmt.ledger_head');
}
sub findings
{
	my ($checkpoint) = @_;
	my $given = defined $checkpoint ? "\$x\$$checkpoint\$x\$" : '';
	return $cluster->value('postgres', "SELECT finding, log_index, key FROM release_mgmt.verify_ledger($given) ORDER BY 1, 2, 3");
}
sub stranger
{
	my ($status, $out) = $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/state", 'user=postgres dbname=postgres');
	return ($status, $out);
}
sub spill
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file;
	return;
}
sub slurp
{
	open my $file, '<', $_[0] or die "$_[0]: $!";
	local $/;
	return scalar <$file>;
}

my $old_size = grow('first', 300);
$cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
is(findings(), '', 'sound');
is((stranger())[0], 0, 'rmverify says so');
$cluster->stop;
RM::Cluster::run_quietly(RM::Cluster::as_server_user('cp', '-R', $cluster->{data}, "$dir/backup"));
$cluster->start;
my $size = grow('second', 20);
my $checkpoint = $cluster->value('postgres', 'SELECT release_mgmt.sign_checkpoint()');
is((stranger())[0], 0, 'rmverify sees the tree grow');

# The tail cut off, with everything that tells of it inside the database.
$cluster->value('postgres', qq{
	BEGIN;
	CREATE TABLE kept_entry AS SELECT * FROM release_mgmt.ledger_entry WHERE index >= $old_size;
	CREATE TABLE kept_batch AS SELECT b.* FROM release_mgmt.ledger_batch AS b JOIN kept_entry AS e USING (transaction_id);
	COMMIT});
$cluster->value('postgres', qq{
	BEGIN;
	ALTER TABLE host DISABLE TRIGGER ALL;
	DELETE FROM host WHERE name LIKE 'second%';
	ALTER TABLE host ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;
	DELETE FROM release_mgmt.ledger_batch WHERE transaction_id IN (SELECT transaction_id FROM kept_entry);
	DELETE FROM release_mgmt.ledger_entry WHERE index >= $old_size;
	COMMIT});
like(findings(), qr/^leaf missing\|$old_size\|$/m, 'the tail cut off: the head names the first leaf that is gone');
my ($status, $out) = stranger();
is($status, 1, 'so does rmverify');
like($out, qr/^tree shrank/m, 'by the checkpoint that it saw last');
$cluster->value('postgres', qq{
	INSERT INTO release_mgmt.ledger_entry SELECT * FROM kept_entry;
	INSERT INTO release_mgmt.ledger_batch SELECT * FROM kept_batch;
	BEGIN;
	ALTER TABLE host DISABLE TRIGGER ALL;
	INSERT INTO host SELECT 'second ' || i, '1' FROM generate_series(1, 20) AS i;
	ALTER TABLE host ENABLE ALWAYS TRIGGER rm_10_admit, ENABLE ALWAYS TRIGGER rm_90_capture;
	COMMIT;
	DROP TABLE kept_entry, kept_batch});
is(findings($checkpoint), '', 'put back, nothing is wrong');

# A checkpoint signed again, by the very key, for another root.
sub signed_for
{
	my ($note) = @_;
	my ($body, $id) = ($note =~ /\A((?:.*\n){3})\n\S+ \S+ (\S+)\n/);
	$id = substr decode_base64($id), 0, 4;
	$body =~ s/\n[^\n]+\n\z/"\n" . encode_base64("\x5a" x 32, '') . "\n"/e;
	spill("$dir/body", $body);
	RM::Cluster::run_quietly('openssl', 'pkeyutl', '-sign', '-inkey', $key, '-rawin', '-in', "$dir/body", '-out', "$dir/signature");
	return "$body\n\xe2\x80\x94 rollback.example.org " . encode_base64($id . slurp("$dir/signature"), '') . "\n";
}
my $forged = signed_for($checkpoint);
my $last = $size - 1;
is(findings($forged), "checkpoint contradicted|$last|the checkpoint given", 'a checkpoint signed for another root, shown to the database');
$cluster->value('postgres', "UPDATE release_mgmt.ledger_checkpoint SET note = \$x\$$forged\$x\$ WHERE size = $size");
is(findings($checkpoint), "checkpoint contradicted|$last|ledger_checkpoint $size", 'stored in it');
$cluster->value('postgres', "UPDATE release_mgmt.ledger_checkpoint SET note = \$x\$$checkpoint\$x\$ WHERE size = $size");
my $true = slurp($beside);
spill($beside, $forged);
is(findings(), "checkpoint contradicted|$last|the checkpoint beside the signing key", 'beside the key');
like(($cluster->psql('postgres', 'SELECT release_mgmt.sign_checkpoint()'))[2], qr/did not grow|not.*consistent|grew/, 'from which the signer does not go on');
spill($beside, $true);
spill("$dir/forged", $forged);
($status, $out) = $cluster->run(undef, $rmverify, '--key', $verifier, '--state', "$dir/other", '--checkpoint', "$dir/forged", 'user=postgres dbname=postgres');
is($status, 1, 'rmverify is not taken in by it');
like($out, qr/^checkpoint contradicted, leaf $last\b/m, 'and names the leaf') or diag $out;

# An old backup over the present: sound in itself, smaller than what was signed.
$cluster->stop;
RM::Cluster::run_quietly('rm', '-rf', $cluster->{data});
RM::Cluster::run_quietly(RM::Cluster::as_server_user('cp', '-R', "$dir/backup", $cluster->{data}));
$cluster->start;
is(findings(), "tree shrank|$old_size|the checkpoint beside the signing key", 'an old backup over the present');
is(findings($checkpoint), "tree shrank|$old_size|the checkpoint beside the signing key\ntree shrank|$old_size|the checkpoint given", 'and by the checkpoint kept outside');
like(($cluster->psql('postgres', 'SELECT release_mgmt.sign_checkpoint()'))[2], qr/ERROR/, 'the signer refuses it');
($status, $out) = stranger();
is($status, 1, 'rmverify remembers');
like($out, qr/^tree shrank/m, 'how large the tree was');
# Grown beyond what was signed, history is another one.
grow('instead', 40);
is(findings(), "checkpoint contradicted|$last|the checkpoint beside the signing key", 'grown again, it contradicts what was signed, at that leaf');
is(findings($checkpoint), "checkpoint contradicted|$last|the checkpoint beside the signing key\ncheckpoint contradicted|$last|the checkpoint given",
	'and the checkpoint kept outside');
like(($cluster->psql('postgres', 'SELECT release_mgmt.sign_checkpoint()'))[2], qr/ERROR/, 'the signer refuses that as well');
($status, $out) = stranger();
is($status, 1, 'so does rmverify');
like($out, qr/^(?:checkpoint contradicted|tree rewritten|.*not.*consist).*/m, 'which insists on consistency') or diag $out;
done_testing;
