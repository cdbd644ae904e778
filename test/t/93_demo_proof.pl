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
# Verification that was altered says so itself; so the digests of what was shipped are altered with it.
my $hide = q{; UPDATE release_mgmt_internal.shipped_object AS s SET digest = p.digest, deparsed = p.deparsed FROM release_mgmt_internal.present_objects() AS p
	WHERE p.kind = s.kind AND p.identity = s.identity AND (p.digest, p.deparsed) <> (s.digest, s.deparsed)};
my $without_rows = RM::Demo::patch('.verify_ledger(text)', 'RETURN QUERY SELECT v.* FROM', 'PERFORM v.* FROM');
my $without_triggers = RM::Demo::patch('.verify_ledger(text)', 'RETURN QUERY SELECT t.* FROM', 'PERFORM t.* FROM')
  . RM::Demo::patch('.verify_ledger(text)', 'RETURN QUERY SELECT o.* FROM', 'PERFORM o.* FROM');
$demo->fails_without('verification of what was shipped', $without_rows, qr/^findings in a sound ledger: got "function altered.*verify_ledger/);
$demo->fails_without('verification of rows', $without_rows . $hide, qr/^verification did not name the row/);
$demo->fails_without('verification of triggers', $without_triggers . $hide, qr/^verification did not name the trigger/);
done_testing;
