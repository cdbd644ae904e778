# The later rules of the story: verification of what was installed, back-out, early life, and the proof.
# timeout: 1500
use strict;
use warnings;
use RM::Demo;
use Test::More;

my $demo = RM::Demo->new;
my $refused = sub { my $state = shift; return qr/^this should have been refused with $state$/ };

$demo->fails_without('the look at what was installed', q{CREATE OR REPLACE FUNCTION release_mgmt_internal.judge_installed(target uuid, output text)
	RETURNS jsonb LANGUAGE sql AS $$ SELECT '[]'::jsonb $$}, qr/^the file that failed/);
$demo->fails_without('the restoring of CMDB rows', q{CREATE OR REPLACE FUNCTION release_mgmt_internal.restore_ci_changes(release uuid, target text DEFAULT NULL)
	RETURNS bigint LANGUAGE sql AS $$ SELECT 0::bigint $$}, qr/^the rows of root-b after the back-out/);
$demo->fails_without('the gate that asks for open incidents', RM::Demo::always_met('no_open_incident'), $refused->('RM005'));
$demo->fails_without('capture on the CMDB', 'ALTER TABLE installed_package DISABLE TRIGGER rm_90_capture', qr/./);
$demo->fails_without('verification of rows', RM::Demo::patch('.verify_ledger(text)', 'RETURN QUERY SELECT v.* FROM', 'PERFORM v.* FROM'),
	qr/^verification did not name the row/);
$demo->fails_without('verification of triggers', RM::Demo::patch('.verify_ledger(text)', 'RETURN QUERY SELECT t.* FROM', 'PERFORM t.* FROM'),
	qr/^verification did not name the trigger/);
done_testing;
