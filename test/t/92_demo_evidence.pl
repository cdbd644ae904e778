# The release that the story closes has evidence for every check of a gate. Each piece is taken away in turn, and exactly that
# check is unmet, and says what is missing. A check that is registered and not named here fails the test.
# timeout: 1500
use strict;
use warnings;
use RM::Demo;
use Test::More;

my $cluster = RM::Cluster->new->start;
my ($status, $output) = RM::Demo->new->tell_in($cluster);
is($status, 0, 'the story ends well') or BAIL_OUT($output);

# check => [ what takes its evidence away, what it says then, the checks that rest on the same evidence ]
my $release = q{release_id('REL-1')};
# Which libraries the story installs depends on the machine.
my $library = $cluster->value('demo', q{SELECT c.name FROM release_mgmt.component AS c JOIN public.installed_package AS p ON p.name = c.name AND p.host = 'root-a'
	LEFT JOIN release_mgmt.planned_ci_change AS x ON x.ci = 'package/root-a:' || c.name AND x.operation = 'change'
	WHERE c.kind = 'software' ORDER BY x.id IS NULL, c.name LIMIT 1});
my $approved = [ 'changes_approved', 'roll_out_agreed' ];
# What was so before is not the release's fault: on one root it is not yet installed.
my $needs = "UPDATE installed_package SET version = '0' WHERE host = 'root-a' AND name = '$library';
	INSERT INTO package_clause (item_id, kind, clause_no, name, text) SELECT item_id, 'requires', 99, 'nothing-like-it', 'nothing-like-it' FROM component WHERE name = '$library'";
my %evidence = (
	advisories_below_limit => [ "DELETE FROM advisory_feed", qr/^the advisories of (?:Debian|Ubuntu) were never loaded$/ ],
	changes_approved => [ "DELETE FROM approval", qr/^CAB \(change manager\): 0 of 1 approved$/, ['roll_out_agreed'] ],
	cis_traceable => [ "DELETE FROM planned_ci_change", qr/^no change of a configuration item is planned$/, [ 'package_sealed', 'unit_stated' ] ],
	components_tied => [ "UPDATE component SET kind = 'hardware', ci = NULL WHERE name = '$library'", qr/\Q$library\E/, ['package_sealed'] ],
	conflicts_settled => [
		"INSERT INTO release (code, type, model_id, planned) SELECT 'REL-2', type, model_id, '[2000-01-01,2999-01-01)' FROM release;
		 INSERT INTO planned_ci_change (release_id, ci, operation, attribute, new_value) SELECT id, 'host/root-a', 'change', 'os', 'other' FROM release WHERE code = 'REL-2'",
		qr/^also planned: host\/root-a, by REL-2 at / ],
	criteria_agreed => [ "DELETE FROM criteria_agreement WHERE criterion = 'tests passed'", qr/^criteria not agreed by Customer: tests passed \(gate to accepted\)$/ ],
	criteria_tracked => [ "DELETE FROM criterion_evaluation WHERE criterion = 'tests passed'", qr/^passed without an evaluation: accepted: tests passed$/ ],
	delivery_proved => [ "DELETE FROM delivery", qr/^not proved: \S+ on host\/root-a, / ],
	dependencies_met => [
		"INSERT INTO release (code, type, model_id) SELECT 'REL-2', type, model_id FROM release;
		 INSERT INTO release_dependency (release_id, kind, on_release_id) SELECT $release, 'requires', id FROM release WHERE code = 'REL-2'",
		qr/^it requires REL-2, which is draft$/, $approved ],
	deployment_verified => [ "UPDATE target SET state = 'installed' WHERE ci = 'host/root-b'", qr/^host\/root-b: installed$/ ],
	deviations_handled => [ "UPDATE corrective_action SET done_at = NULL, done_by = NULL", qr/^deviation "REL-1\/deviation-1" has corrective actions to be done/ ],
	early_life_over => [ "UPDATE release SET early_life = '100 years'", qr/^early life lasts until / ],
	incidents_decided => [ "UPDATE incident_attribution SET confirmed = NULL, confirmed_by = NULL, confirmed_at = NULL", qr/^nobody decided whether the release caused incident "INC-1"/ ],
	items_in_library => [ "UPDATE library_item SET state = 'quarantined'", qr/^not accepted, or with another digest: /, ['package_compatible'] ],
	knowledge_operations => [ "DELETE FROM knowledge_item WHERE audience = 'operations'", qr/^no knowledge item for operations is recorded$/ ],
	knowledge_users => [ "UPDATE knowledge_item SET acknowledged_at = NULL, acknowledged_by = NULL WHERE audience = 'users'", qr/is not acknowledged by "Customer"$/ ],
	model_followed => [ "DELETE FROM release_state_history WHERE to_state = 'testing'", qr/do not join: testing to accepted$/ ],
	no_blocking_risk => [ "DELETE FROM register_entry WHERE kind = 'risk'", qr/^no risk is recorded/ ],
	no_drift => [ "DELETE FROM ci_change_permit", qr/(?:unauthorized|unexpected) package\/root-a:\Q$library\E version/ ],
	no_open_incident => [ "UPDATE incident SET resolved_at = NULL", qr/^incident "INC-1" on \S+ is open/ ],
	package_compatible => [ $needs, qr/^\Q$library: $library\E \S+ requires nothing-like-it$/, [ 'no_drift', 'targets_compatible' ] ],
	package_made => [ "DELETE FROM component", qr/^the release has no package with components$/,
		[qw(advisories_below_limit components_tied delivery_proved items_in_library package_compatible package_sealed)] ],
	package_sealed => [ "UPDATE component SET version = NULL WHERE name = '$library'", qr/^package PKG-1 was sealed as sha256:\w+ and is now sha256:/ ],
	package_signed => [ "DELETE FROM package_signature", qr/^no signature over the package's digest$/, ['policy_complied'] ],
	pilot_successful => [ "DELETE FROM pilot_measurement", qr/^the pilot is inconclusive: libraries not found: not measured$/ ],
	plan_accepted => [ "DELETE FROM plan_acceptance WHERE organization_id = organization_id('Customer')", qr/^not accepted by Customer$/ ],
	policy_complied => [ "DELETE FROM policy_control", qr/^the release's policy states no machine-checked control$/ ],
	policy_named => [ "UPDATE release_policy SET in_force_from = '2999-01-01'", qr/^policy POL is in force only from 2999-01-01$/ ],
	record_proved => [ "DELETE FROM ledger_checkpoint", qr/beneath no signed checkpoint yet$/ ],
	remediation_planned => [ "DELETE FROM remediation_plan", qr/^neither backing out nor fixing forward is planned$/, $approved ],
	remediation_rehearsed => [ "UPDATE remediation_plan SET rehearsed_at = NULL, rehearsal = NULL", qr/^not rehearsed as it reads now: back-out$/ ],
	review_held => [ "DELETE FROM implementation_review", qr/^no post-implementation review is recorded$/ ],
	roll_out_agreed => [ "DELETE FROM roll_out_agreement", qr/^no release manager agreed to content and roll-out plan$/ ],
	service_levels_agreed => [ "DELETE FROM warranty", qr/^no warranty period is stated$/, ['service_levels_held'] ],
	service_levels_held => [ "UPDATE service_level SET target = 0", qr/is breached: at most 0 incidents, 1 measured$/ ],
	stakeholders_notified => [ "UPDATE communication SET acknowledged_at = NULL, acknowledged_by = NULL", qr/has not acknowledged notice "MSG-1"$/ ],
	support_requests_done => [ "UPDATE support_request SET done_at = NULL, done_by = NULL", qr/^support request "SUP-1" is not done by "Provider"$/ ],
	targets_backed_out => [ "UPDATE target SET state = 'installed' WHERE ci = 'host/root-b'", qr/^host\/root-b: installed$/ ],
	targets_compatible => [ $needs, qr/^host\/root-a: \Q$library: $library\E \S+ requires nothing-like-it$/, [ 'no_drift', 'package_compatible' ] ],
	tests_passed => [ "DELETE FROM test_run", qr/^test "unpack" has no run on the package as it is sealed now$/ ],
	train_caught => [
		"INSERT INTO release_train (code, first_departure, every, cut_off, lasts) VALUES ('monthly', '2099-01-01', '1 month', '1 day', '1 day');
		 INSERT INTO train_boarding (release_id, train_id, departs_at, cut_off_at, boarded_by) SELECT $release, t.id, '2099-01-01', '2098-12-31', p.id FROM release_train AS t, person AS p LIMIT 1",
		qr/^train monthly departs at / ],
	unit_stated => [ "UPDATE release_package SET unit_id = NULL", qr/^the package is no release unit$/ ],
	waves_fit_design => [ "UPDATE design_option SET chosen = false", qr/^no release design option is chosen$/, $approved ],
	window_booked => [ "DELETE FROM change_window", qr/^no change window is planned$/, $approved ],
);

# What the story does not do: a release in production is backed out of no target, and this one rehearsed nothing.
my %before = (
	targets_backed_out => "UPDATE target SET state = 'backed_out'",
	remediation_rehearsed => "UPDATE remediation_plan SET rehearsed_at = now(), rehearsal = 'done in two minutes'",
);

sub answers
{
	my ($before, $taken) = @_;
	my $out = $cluster->value('demo', "SET client_min_messages = error; BEGIN; SET LOCAL session_replication_role = replica; $before; $taken;
		SELECT c.name || E'\\t' || coalesce(a.met, false)::integer || E'\\t' || replace(coalesce(a.missing, ''), E'\\n', ' ')
		FROM registered_check AS c, LATERAL release_mgmt_internal.ask_check(c.name, $release) AS a WHERE c.point = 'gate' ORDER BY c.name; ROLLBACK");
	return { map { my ($name, $met, $missing) = split /\t/, $_, 3; defined $met ? ($name => { met => $met, missing => $missing }) : () } split /\n/, $out };
}

my $complete = answers('SELECT', 'SELECT');
is_deeply([ sort keys %evidence ], [ sort keys %$complete ], 'every registered check of a gate is looked at');
for my $check (sort keys %evidence)
{
	my ($taken, $says, $beside) = @{ $evidence{$check} };
	my $had = $before{$check} ? answers($before{$check}, 'SELECT') : $complete;
	my $has = answers($before{$check} || 'SELECT', $taken);
	ok($had->{$check}{met}, "$check is met") or diag($had->{$check}{missing});
	is_deeply([ grep { $had->{$_}{met} && !$has->{$_}{met} } sort keys %$has ], [ sort $check, @{ $beside || [] } ], "$check is unmet without its evidence, and nothing else is")
	  or diag(map { "$_: $has->{$_}{missing}\n" } grep { $had->{$_}{met} && !$has->{$_}{met} } sort keys %$has);
	like($has->{$check}{missing}, $says, "$check says what is missing");
}

# A session keeps the plans of checks. In one that asks throughout, each check answers what its function does: before its evidence is
# taken away, without it, and when it is back.
sub differing
{
	my $names = join ',', @_;
	return "DO \$\$ DECLARE c record; kept text; called text; BEGIN
		FOR c IN SELECT r.name, r.function_name FROM release_mgmt.registered_check AS r WHERE r.point = 'gate' AND r.name = ANY ('{$names}') LOOP
			kept := release_mgmt_internal.ask_check(c.name, release_mgmt.release_id('REL-1'))::text;
			EXECUTE format('SELECT %s(%L)::text', c.function_name, release_mgmt.release_id('REL-1')) INTO called;
			IF kept IS DISTINCT FROM called THEN
				RAISE INFO '%: %, not %', c.name, kept, called;
			END IF;
		END LOOP; END \$\$;\n";
}
my $steps = '';
for my $check (sort keys %evidence)
{
	my ($taken, undef, $beside) = @{ $evidence{$check} };
	my $differing = differing($check, @{ $beside || [] });
	$steps .= "$differing BEGIN; SET LOCAL session_replication_role = replica; " . ($before{$check} || 'SELECT') . "; $taken;\n$differing ROLLBACK;\n$differing";
}
my ($failed, undef, $told) = $cluster->psql('demo', "SET client_min_messages = info; $steps");
is($failed, 0, 'the session goes on to its end') or diag($told);
is($told, '', 'and is never given a stale answer');
done_testing;
