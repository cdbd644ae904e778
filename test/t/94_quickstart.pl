# The first hour of a user, typed as it was written down before there was any code.
# requires: shared/QUICKSTART.sql
#
# The text says of some things that they exist, or that rows are written "likewise"; these are put in where it says so.
# The package is made here, so that its name and version are those of the text, whatever the archive holds today.
use strict;
use warnings;
use File::Temp qw(tempdir);
use RM::Cluster;
use Test::More;

my $directory = tempdir(CLEANUP => 1);
my ($status, $output);

sub run_in_directory
{
	my ($command) = @_;
	my ($failed, $said) = RM::Cluster::capture('', 'sh', '-c', "cd $directory && LC_ALL=C $command");
	die "$command failed:\n$said" if $failed;
	return $said;
}

open my $file, '<', RM::Cluster::shared('QUICKSTART.sql') or die "QUICKSTART.sql: $!";
my $text = do { local $/; <$file> };
close $file;
my ($version) = $text =~ /'package\/curl', 'version', '([^']+)'/ or die 'the text plans no version of curl';

# What "exists": the file curl.deb, the worker's directory with its manifest, the key, the installed packages, curl older.
mkdir "$directory/$_" for 'tree', 'tree/DEBIAN', 'tree/usr', 'tree/usr/bin', 'bin';
my $architecture = run_in_directory('dpkg --print-architecture');
chomp $architecture;
write_file('tree/usr/bin/curl', "#!/bin/sh\necho $version\n");
write_file('tree/DEBIAN/control',
	"Package: curl\nVersion: $version\nArchitecture: $architecture\nMaintainer: nobody <nobody\@example.org>\nDescription: made for this test\n");
run_in_directory('dpkg-deb --root-owner-group -b tree curl.deb');
my $digest = 'sha256:' . substr(run_in_directory('sha256sum curl.deb'), 0, 64);
run_in_directory('dpkg-deb -x curl.deb . && sha256sum usr/bin/curl >manifest.sha256');
run_in_directory('openssl genpkey -algorithm ed25519 -out release_manager.pem');
my $key = run_in_directory('openssl pkey -in release_manager.pem -pubout');
my $query = run_in_directory('command -v dpkg-query');
chomp $query;
write_file('bin/dpkg-query', "#!/bin/sh\n$query \"\$@\" | grep -v '^curl\t'\nprintf 'curl\\t7.0-1\\n'\n");
chmod 0755, "$directory/bin/dpkg-query";

my $cluster = RM::Cluster->new;
my $keys = RM::Cluster::temporary_directory('keys');
run_in_directory("openssl genpkey -algorithm ed25519 -out $keys/ledger.pem && chmod 600 $keys/ledger.pem");
my $user = RM::Cluster::server_user();
run_in_directory("chown $user $keys/ledger.pem") if defined $user;
$cluster->set("release_mgmt.signing_key_file" => "$keys/ledger.pem");
$cluster->start;
$cluster->value('postgres', "CREATE ROLE $_ LOGIN") for qw(librarian release_manager change_manager worker customer authority);

# Where the text needs what it only mentions.
sub after { my ($line, $more) = @_; $text =~ s/(\Q$line\E[^\n]*\n)/$1$more/ or die "the text has no line $line"; return }
$text =~ s/CREATE EXTENSION release_mgmt;/CREATE EXTENSION release_mgmt CASCADE;/;
$text =~ s/'sha256:…'/'$digest'/;
after("CALL grant_duty('worker'", <<"SQL");
CALL grant_duty('customer', 'customer representative', 'Customer');
CALL grant_duty('authority', 'customer representative', 'Authority');
SET ROLE release_manager;
CALL register_signing_key('release_manager', '$key');
INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p');
INSERT INTO policy_control SELECT id, 'package_signed', 'signed' FROM release_policy;
INSERT INTO management_plan (code) VALUES ('RMP');
INSERT INTO plan_section SELECT p.id, c.clause, c.title FROM management_plan AS p, plan_clause AS c;
SET ROLE customer;
CALL accept_plan('RMP', 1, 'Customer');
SET ROLE authority;
CALL accept_plan('RMP', 1, 'Authority');
RESET ROLE;
SQL
after('SELECT criterion, missing, owner FROM gate_status', <<'SQL');
UPDATE release SET policy_id = (SELECT id FROM release_policy), plan_id = (SELECT id FROM management_plan) WHERE code = 'REL-1';
INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen)
VALUES (release_id('REL-1'), 'big-bang', 'pull', 'automated', 'one item', true);
INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() - interval '1 hour', now() + interval '1 hour'));
INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'install the old version');
INSERT INTO risk (code, release_id, description, blocking) VALUES ('RSK-1', release_id('REL-1'), 'none to speak of', false);
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'users', 'none');
INSERT INTO communication (code, release_id, organization_id, stakeholder_id, subject, body)
VALUES ('MSG-1', release_id('REL-1'), organization_id('Customer'), stakeholder_id('REL-1', 'Customer', 'users'), 's', 'b');
INSERT INTO knowledge_item (code, release_id, audience, organization_id, title, location)
VALUES ('KNO-1', release_id('REL-1'), 'users', organization_id('Customer'), 't', 'l');
CALL deliver_knowledge('KNO-1');
INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
VALUES ('SUP-1', release_id('REL-1'), organization_id('Customer'), organization_id('Provider'), 'w');
SET ROLE worker;
CALL acknowledge_support_request('SUP-1');
CALL complete_support_request('SUP-1');
SET ROLE customer;
CALL acknowledge_communication('MSG-1');
CALL acknowledge_knowledge('KNO-1');
CALL agree_criteria('REL-1', 'Customer');
SET ROLE release_manager;
SQL

write_file('session.sql', $text);
local %ENV = (%ENV, $cluster->environment, PGDATABASE => 'postgres', PATH => "$directory/bin:$ENV{PATH}");
($status, $output) = RM::Cluster::capture('', 'sh', '-c', "cd $directory && LC_ALL=C psql -X -a -f session.sql 2>&1");

my @errors = $output =~ /ERROR:  (.*)/g;
is(scalar @errors, 2, 'the two errors that the text announces, and no other') or diag($output);
like($errors[0], qr/the requester can not approve/, 'the requester can not approve');
like($errors[1], qr/unauthorized change of configuration item "package\/bash"/, 'the unplanned change names the item');
like($output, qr/^ *REL-1 .*package\/curl.*installed/m, 'the worker installed it');
is($cluster->value('postgres', "SELECT version FROM host_package WHERE name = 'curl'"), $version, 'and the CMDB says so');
ok(-s "$directory/checkpoint.txt", 'the checkpoint was signed');
like($output, qr/row changed.*bash/, 'verification names bash');
like($output, qr/trigger (disabled|altered)/, 'and the trigger');
done_testing;

sub write_file
{
	my ($name, $content) = @_;
	open my $out, '>', "$directory/$name" or die "$directory/$name: $!";
	print $out $content;
	close $out or die "$directory/$name: $!";
	return;
}
