# Each rule that the story shows is what makes it end well: without the rule, the story fails at that very place.
# timeout: 1500
use strict;
use warnings;
use RM::Demo;
use Test::More;

my $demo = RM::Demo->new;
my $refused = sub { my $state = shift; return qr/^this should have been refused with $state$/ };

$demo->fails_without('the guard on the CMDB', 'ALTER TABLE installed_package DISABLE TRIGGER rm_80_ci', $refused->('RM010'));
$demo->fails_without('the digest of what is taken in',
	RM::Demo::patch('.finish_intake(uuid, release_mgmt.digest)', 'IF found <> expected THEN', 'IF false THEN'), $refused->('RM007'));
$demo->fails_without('compatibility', RM::Demo::patch('.seal_package(text)', 'IF findings IS NOT NULL THEN', 'IF false THEN'), $refused->('RM006'));
$demo->fails_without('packages for the targets\' operating system', q{UPDATE host SET os = 'Fedora Linux 39 (Server Edition)'}, qr/^role release_manager met an error$/);
$demo->fails_without('the dry run taking back', RM::Demo::patch('.dry_run(text)', q{PERFORM release_mgmt_internal.refuse('wrong_state', 'the dry run is over')}, 'NULL'), qr/^the CMDB after the dry run/);
$demo->fails_without('verified signatures', RM::Demo::patch('.add_signature(text, text, bytea)', 'IF NOT release_mgmt.verify_signature(', 'IF false AND release_mgmt.verify_signature('), $refused->('RM011'));
$demo->fails_without('sealed content', 'ALTER TABLE release_mgmt.component DISABLE TRIGGER rm_50_sealed', $refused->('RM009'));
$demo->fails_without('approval by another person', RM::Demo::patch('.approve_release(text, release_mgmt.digest, text, text, text[], timestamptz, text, bytea)', 'IF requested IS NOT NULL OR release_mgmt_internal.requested_by_person(approving.id, holder) IS NOT NULL THEN', 'IF false THEN'), qr/RM008/);
$demo->fails_without('approval of exactly what was seen', RM::Demo::patch('_internal.judged_parts(release_mgmt.release, release_mgmt.digest)', 'IF seen IS DISTINCT FROM release_mgmt_internal.parts_digest(parts) THEN', 'IF false THEN'), $refused->('RM007'));
$demo->fails_without('approvals that die', RM::Demo::patch('_internal.approval_parts(uuid)', 'ask_approval_part(c.name', 'ask_approval_part(\'criteria\''), qr/^approvals that die/);
$demo->fails_without('the model of states', 'ALTER TABLE release_mgmt.release DISABLE TRIGGER rm_60_transition', $refused->('RM004'));
done_testing;
