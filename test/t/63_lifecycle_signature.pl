# Approvals with a personal key: what openssl signs is verified, and nothing else counts.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
my $dir = RM::Cluster::temporary_directory('keys');
sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }
sub as { my ($role, $text) = @_; return sql("SET ROLE $role; $text") }
sub refused { my ($role, $text) = @_; return ($cluster->psql('postgres', "\\set VERBOSITY verbose\nSET search_path = public, release_mgmt; SET ROLE $role; $text"))[2] }

# What a person's own openssl says of a message: a detached signature, in hexadecimal.
sub signature
{
	my ($key, $message) = @_;
	open my $file, '>', "$dir/message" or die $!;
	print $file $message;
	close $file;
	RM::Cluster::run_quietly('openssl', 'pkeyutl', '-sign', '-inkey', "$dir/$key.pem", '-rawin', '-in', "$dir/message", '-out', "$dir/signature");
	return '\\x' . unpack 'H*', RM::Cluster::run_quietly('cat', "$dir/signature");
}

sub message { my ($arguments) = @_; return sql("SELECT encode(convert_to(approval_message($arguments), 'UTF8'), 'hex')") =~ s/(..)/chr hex $1/ger }

sql(q{CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('signed.example.org');
	CREATE ROLE manager; CREATE ROLE first; CREATE ROLE second;
	CALL grant_duty('manager', 'release manager', 'Provider'); CALL grant_duty('first', 'change manager', 'Provider'); CALL grant_duty('second', 'change manager', 'Provider');
	CREATE TABLE server (name text PRIMARY KEY, app text); INSERT INTO server VALUES ('alpha', '1.0');
	SELECT bind_ci_class('server', 'server', '{name}', 'name');
	INSERT INTO release_model (code, description) VALUES ('signed', 'One gate.');
	INSERT INTO model_state SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('ready', 2, 'ended')) AS v(s, o, k) WHERE code = 'signed';
	INSERT INTO model_transition SELECT id, 'draft', 'ready', true FROM release_model WHERE code = 'signed';
	INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'ready', 1, 'approval', 'changes_approved' FROM release_model WHERE code = 'signed';
	INSERT INTO approval_quorum (model_id, body, duty, seats, signed) SELECT id, 'CAB', 'change manager', 'concerned', true FROM release_model WHERE code = 'signed';
	CALL publish_model('signed')});
for my $key (qw(first second old))
{
	RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/$key.pem");
	my $public = RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/$key.pem", '-pubout');
	as($key eq 'old' ? 'first' : $key, "CALL register_signing_key('$key', \$x\$$public\$x\$)");
}
as('manager', "INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
	SELECT create_release('REL-1', 'minor', model => 'signed', changes => '{CHG-1}'), create_package('PKG-1', release => 'REL-1');
	INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'configuration', 'alpha', 'server/alpha');
	INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) VALUES (release_id('REL-1'), 'server/alpha', 'app', '2.0');
	SELECT seal_package('PKG-1')");
my $agreed = sql("SELECT approval_digest('REL-1')");
my $met = "SELECT coalesce(missing, 'met') FROM gate_status WHERE release = 'REL-1'";

# The message, built here from its description.
my $text = "release_mgmt approval v1\norigin\tsigned.example.org\nrelease\tREL-1\ndigest\t$agreed\n";
is(message("'REL-1', '$agreed'"), $text, 'the message is what the documentation says');
is(message("'REL-1', '$agreed', 'first', '{b,a}', '2030-01-01 00:00+00'"), "${text}for\tfirst\nexpires\t2030-01-01T00:00:00.000000Z\ncondition\ta\ncondition\tb\n", 'and says whose seat, until when, on what condition');

like(refused('first', "CALL approve_release('REL-1', '$agreed')"), qr/RM011.*CAB approves release "REL-1" with a signature/s, 'without a signature');
my $good = signature('first', $text);
like(refused('first', "CALL approve_release('REL-1', '$agreed', key => 'first')"), qr/RM011.*It does not verify/s, 'a key without a signature');
like(refused('first', "CALL approve_release('REL-1', '$agreed', key => 'nobody', signature => '$good')"), qr/RM002/, 'an unknown key');
like(refused('second', "CALL approve_release('REL-1', '$agreed', key => 'first', signature => '$good')"), qr/RM011.*The key is another person's/s, "another's key");
like(refused('second', "CALL approve_release('REL-1', '$agreed', key => 'second', signature => '$good')"), qr/RM011.*It does not verify/s, "another's signature");
like(refused('first', "CALL approve_release('REL-1', '$agreed', key => 'first', signature => '@{[ signature('first', $agreed) ]}')"),
	qr/RM011.*It does not verify/s, 'a signature over the digest alone, as of a package, approves nothing');
like(refused('first', "CALL approve_release('REL-1', '$agreed', conditions => '{\"on Monday\"}', key => 'first', signature => '$good')"),
	qr/RM011.*It does not verify/s, 'nor one that does not cover the condition');
is(sql($met), 'CAB (change manager): 0 of 1 approved', 'nothing of that counts');

as('first', "CALL approve_release('REL-1', '$agreed', key => 'first', signature => '$good')");
is(sql($met), 'met', 'the right one does');
is(sql("SELECT signed_with || ' ' || status FROM release_approval"), 'first valid', 'and the view names the key');

# Whoever alters the stored row behind the extension's back is found out by the check itself.
my $tampered = sub { return sql("BEGIN; SET LOCAL session_replication_role = replica; UPDATE approval SET $_[0]; $met; ROLLBACK") };
like($tampered->("signature = set_byte(signature, 7, get_byte(signature, 7) # 1)"), qr/first: signature does not count/, 'an altered signature');
like($tampered->("signed_message = replace(signed_message, 'REL-1', 'REL-2')"), qr/first: signature does not count/, 'an altered message');
like($tampered->("key_id = NULL, signature = NULL, signed_message = NULL"), qr/first: not signed/, 'a removed signature');

# Validity and revocation of keys.
like(refused('second', "CALL revoke_signing_key('first', 'mine now')"), qr/RM003/, "another's key is not revoked");
like(refused('first', "CALL revoke_signing_key('first', ' ')"), qr/RM015/, 'nor one without a reason');
as('first', "CALL revoke_signing_key('first', 'the laptop is lost', since => now() + interval '1 hour')");
is(sql($met), 'met', 'what was signed before the key was lost counts');
as('first', "CALL revoke_signing_key('first', 'the laptop was lost on Monday', since => now() - interval '1 day')");
like(sql($met), qr/first: signature does not count/, 'what was signed since does not');
as('first', "CALL revoke_signing_key('first', 'found again', since => now() + interval '1 day')");
like(sql($met), qr/first: signature does not count/, 'nor does it begin to count again');
like(refused('first', "CALL approve_release('REL-1', '$agreed', key => 'first', signature => '$good')"), qr/RM011.*The key is over or revoked/s, 'a revoked key signs nothing more');
like(refused('first', "CALL add_signature('PKG-1', 'first', '$good')"), qr/RM011.*It is revoked: the laptop was lost on Monday/s, 'no package either');
as('first', "CALL approve_release('REL-1', '$agreed', key => 'old', signature => '@{[ signature('old', $text) ]}')");
is(sql($met), 'met', 'with another key the same person approves again');
RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/short.pem");
my $public = RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/short.pem", '-pubout');
like(refused('second', "CALL register_signing_key('short', \$x\$$public\$x\$, now() - interval '1 day')"), qr/RM015/, 'a key that is over is not registered');
as('second', "CALL register_signing_key('short', \$x\$$public\$x\$, clock_timestamp() + interval '1 second'); SELECT pg_sleep(1.1)");
like(refused('second', "CALL approve_release('REL-1', '$agreed', key => 'short', signature => '@{[ signature('short', $text) ]}')"), qr/RM011.*over or revoked/s, 'and one whose time is over signs nothing');

# By delegation the signature is that of who acts, and says for whom.
as('second', "SELECT delegate_approval('first', 'tomorrow')");
like(refused('first', "CALL approve_release('REL-1', '$agreed', on_behalf_of => 'second', key => 'old', signature => '@{[ signature('old', $text) ]}')"), qr/RM011/, 'not what one signed for oneself');
my $for_second = signature('old', "${text}for\tsecond\n");
like(refused('first', "CALL approve_release('REL-1', '$agreed', on_behalf_of => 'second', key => 'old', signature => '$for_second')"),
	qr/RM008.*nobody approves release "REL-1" twice/s, 'and not twice in one body');
as('manager', "CALL advance_release('REL-1', 'ready')");
is(sql("SELECT state FROM release"), 'ready', 'through the gate');

# A package: any one signature does, but where the policy says whose it must bear.
as('manager', "INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p'), ('ANY', 'o', 's', 'p');
	INSERT INTO policy_signature SELECT id, d, n FROM release_policy, (VALUES ('change manager', 2), ('librarian', 1)) AS v(d, n) WHERE code = 'POL';
	SELECT create_release('REL-2', 'minor', model => 'signed', policy => 'POL'), create_package('PKG-2', release => 'REL-2');
	INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-2'), 'configuration', 'alpha', 'server/alpha'); SELECT seal_package('PKG-2')");
my $digest = sql("SELECT digest FROM release_package WHERE code = 'PKG-2'");
my $signed = "SELECT coalesce(missing, 'met') || ' (' || owner || ')' FROM release_mgmt_internal.ask_check('package_signed', release_id('REL-2'))";
my $add = sub { as($_[0], "CALL add_signature('PKG-2', '$_[1]', '@{[ signature($_[1], $digest) ]}')") };
is(sql($signed), "no signature over the package's digest; change manager: 0 of 2 signed; librarian: 0 of 1 signed (change manager, librarian)", 'the policy asks for three');
$add->('first', 'old');
is(sql($signed), 'change manager: 1 of 2 signed; librarian: 0 of 1 signed (change manager, librarian)', 'one of them signed');
like(refused('manager', "UPDATE policy_signature SET required = 1"), qr/RM015.*the required signatures of release policy "POL" version 1 no longer change/s, 'the policy stands still');
sql("CALL grant_duty('first', 'librarian', 'Provider')");
is(sql($signed), 'change manager: 1 of 2 signed (change manager)', 'one person with two duties signs for both');
$add->('second', 'second');
is(sql($signed), 'met (release manager)', 'and the second');
sql("CALL revoke_duty('second', 'change manager', 'Provider')");
is(sql($signed), 'change manager: 1 of 2 signed (change manager)', 'who lost the duty counts no more');
as('manager', "UPDATE release SET policy_id = (SELECT id FROM release_policy WHERE code = 'ANY') WHERE code = 'REL-2'");
is(sql($signed), 'met (release manager)', 'a policy that says nothing is content with any');
done_testing;
