# Each shipped model carries a release of its kind from draft to closed, and does not without the evidence that it asks for.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
my $dir = $cluster->{dir};
RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/manager.pem");
my $public = RM::Cluster::run_quietly('openssl', 'pkey', '-in', "$dir/manager.pem", '-pubout');

sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }
sub as { my ($role, $text) = @_; return sql("SET ROLE $role; $text") }

sql(q{CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('models.example.org');
	CREATE ROLE librarian; CREATE ROLE manager; CREATE ROLE approver; CREATE ROLE tester; CREATE ROLE worker; CREATE ROLE customer; CREATE ROLE authority;
	CALL grant_duty('librarian', 'librarian', 'Provider'); CALL grant_duty('manager', 'release manager', 'Provider');
	CALL grant_duty('approver', 'change manager', 'Provider'); CALL grant_duty('tester', 'test manager', 'Provider'); CALL grant_duty('worker', 'operator', 'Provider');
	CALL grant_duty('customer', 'customer representative', 'Customer'); CALL grant_duty('authority', 'customer representative', 'Authority');
	CREATE TABLE server (name text PRIMARY KEY, app text); CREATE TABLE router (name text PRIMARY KEY, serial text); CREATE TABLE manual (name text PRIMARY KEY, edition text);
	INSERT INTO server VALUES ('alpha', '1.0'), ('beta', '1.0'); INSERT INTO router VALUES ('edge', 'A1'); INSERT INTO manual VALUES ('handbook', '1');
	SELECT bind_ci_class('server', 'server', '{name}', 'name', mode => 'enforce'), bind_ci_class('router', 'router', '{name}', 'name', mode => 'enforce'),
	       bind_ci_class('manual', 'manual', '{name}', 'name', mode => 'enforce')});
my %item;
for (['app', 'software', 'the program'], ['handbook', 'document', 'the book'])
{
	my ($name, $kind, $content) = @$_;
	$item{$name} = as('librarian', "SELECT begin_intake('pkg:generic/$name\@2.0', '$kind')");
	as('librarian', "CALL append_content('$item{$name}', '$content'); SELECT finish_intake('$item{$name}', compute_digest('$content')); CALL accept_item('$item{$name}')");
}
as('manager', "CALL register_signing_key('manager', \$x\$$public\$x\$);
	INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'no surprises', 'everything', 'small steps');
	INSERT INTO policy_control SELECT id, 'package_signed', 'nothing unsigned' FROM release_policy;
	INSERT INTO management_plan (code) VALUES ('RMP');
	INSERT INTO plan_section SELECT p.id, c.clause, 'How we handle ' || c.title FROM management_plan AS p, plan_clause AS c");
as('customer', "CALL accept_plan('RMP', 1, 'Customer')");
as('authority', "CALL accept_plan('RMP', 1, 'Authority')");

# The criteria between here and there that are unmet, as "gate: check".
sub unmet
{
	my ($release) = @_;
	return join "\n", grep { length } split /\n/, sql("SELECT g.gate || ': ' || g.criterion || ': ' || coalesce(g.missing, '') FROM gate_status AS g WHERE g.release = '$release' AND g.status <> 'met' ORDER BY 1");
}

# Everything that a gate may ask for; what each model has no gate for is not in its way.
sub supply
{
	my ($release, $package) = @_;
	as('manager', "INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id('$release'), 'big-bang', 'pull', 'automated', 'one target', true);
		INSERT INTO change_window (release_id, period) VALUES (release_id('$release'), tstzrange(now() - interval '1 hour', now() + interval '1 hour'));
		INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('$release'), 'back-out', 'put the old one back');
		INSERT INTO risk (code, release_id, description, blocking) VALUES ('RSK-$release', release_id('$release'), 'none to speak of', false);
		INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('$release'), organization_id('Customer'), 'users', 'none');
		INSERT INTO communication (code, release_id, organization_id, stakeholder_id, subject, body)
		VALUES ('MSG-$release', release_id('$release'), organization_id('Customer'), stakeholder_id('$release', 'Customer', 'users'), 's', 'b');
		INSERT INTO knowledge_item (code, release_id, audience, organization_id, title, location) VALUES
			('KNO-$release', release_id('$release'), 'users', organization_id('Customer'), 't', 'l'), ('OPS-$release', release_id('$release'), 'operations', organization_id('Provider'), 't', 'l');
		CALL deliver_knowledge('KNO-$release'); CALL deliver_knowledge('OPS-$release');
		INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
		VALUES ('SUP-$release', release_id('$release'), organization_id('Customer'), organization_id('Provider'), 'w')");
	as('worker', "CALL acknowledge_support_request('SUP-$release'); CALL complete_support_request('SUP-$release'); CALL acknowledge_knowledge('OPS-$release')");
	as('customer', "CALL acknowledge_communication('MSG-$release'); CALL acknowledge_knowledge('KNO-$release'); CALL agree_criteria('$release', 'Customer')");
	as('tester', "INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES (release_id('$release'), 'look', 'inspection', 'eyes', 'look at it')");
	my $digest = as('manager', "SELECT seal_package('$package')");
	open my $file, '>', "$dir/digest" or die $!;
	print $file $digest;
	close $file;
	RM::Cluster::run_quietly('openssl', 'pkeyutl', '-sign', '-inkey', "$dir/manager.pem", '-rawin', '-in', "$dir/digest", '-out', "$dir/signature");
	my $signature = unpack 'H*', RM::Cluster::run_quietly('cat', "$dir/signature");
	as('manager', "CALL add_signature('$package', 'manager', '\\x$signature')");
	as('tester', "INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('$release'), 'look', 'tap', E'1..1\\nok 1\\n')");
	as('approver', "SELECT approval_digest('$release') AS agreed \\gset\nCALL approve_release('$release', :'agreed')");
	as('manager', "SELECT approval_digest('$release') AS agreed \\gset\nCALL agree_roll_out('$release', :'agreed')");
	return;
}

# A worker that does what it is told: it shows the files of the manifest; of a device, which has none, it gives an account.
sub work
{
	my $steps = 0;
	while ((my $claim = as('worker', "SELECT claim FROM claim_step('worker-1')")) ne '')
	{
		as('worker', "SELECT coalesce(nullif(manifest, ''), 'replaced, serial number B2') AS out FROM claim_step('worker-1') \\gset\nCALL report_step('$claim', 'successful', :'out')");
		$steps++;
	}
	return $steps;
}

my @kind = (
	[ 'minor', 'minor', 'deploying', "('software', 'app', '$item{app}', NULL)", "('server/alpha', 'app', '2.0')", 'server/alpha' ],
	[ 'emergency', 'emergency', 'deploying', "('software', 'app', '$item{app}', NULL)", "('server/beta', 'app', '2.0')", 'server/beta' ],
	[ 'hardware refresh', 'minor', 'deploying', "('hardware', 'new router', NULL, 'router/edge')", "('router/edge', 'serial', 'B2')", 'router/edge' ],
	[ 'documentation', 'minor', 'deploying', "('document', 'handbook', '$item{handbook}', 'manual/handbook')", "('manual/handbook', 'edition', '2')", 'manual/handbook' ],
);
my $number = 0;
for (@kind)
{
	my ($model, $type, $production, $component, $change, $target) = @$_;
	my ($release, $package) = ('REL-' . ++$number, "PKG-$number");
	as('manager', "INSERT INTO change_request (code, type) VALUES ('CHG-$number', 'normal');
		SELECT create_release('$release', '$type', model => '$model', customers => '{Customer}', changes => '{CHG-$number}', policy => 'POL', plan => 'RMP', early_life => '1 microsecond');
		SELECT create_package('$package', release => '$release');
		INSERT INTO component (package_id, kind, name, item_id, ci) SELECT package_id('$package'), k, n, i::uuid, c FROM (VALUES $component) AS v(k, n, i, c);
		INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id('$release'), c, a, v FROM (VALUES $change) AS x(c, a, v)");
	my ($refused) = ($cluster->psql('postgres', "SET ROLE manager; CALL release_mgmt.advance_release('$release', '$production')"))[2];
	like($refused, qr/release "$release" does not pass the gates to $production/, "$model: nothing without evidence");
	supply($release, $package);
	as('approver', "CALL advance_release('$release', '$production')");
	is(work(), 2, "$model: installed and verified");
	my ($class, $key) = split m{/}, $target;
	is(sql("SELECT (SELECT t.state FROM target AS t JOIN release AS r ON r.id = t.release_id WHERE r.code = '$release') || ' ' || (SELECT to_jsonb(t) - 'name' FROM $class AS t WHERE name = '$key')"),
		'verified ' . sql("SELECT jsonb_build_object(a, v) FROM (VALUES $change) AS x(c, a, v)"), "$model: and the CMDB is as planned");
	as('manager', "INSERT INTO implementation_review (release_id, conclusion) VALUES (release_id('$release'), 'All went well.')");
	# Early life is over a moment after it began.
	as('approver', "CALL advance_release('$release', 'early_life')");
	as('approver', "CALL advance_release('$release', 'closed')");
	is(sql("SELECT state FROM release WHERE code = '$release'"), 'closed', "$model: closed") or diag(unmet($release));
	is(sql("SELECT string_agg(to_state, ' ' ORDER BY entered_at) FROM release_state_history AS h JOIN release AS r ON r.id = h.release_id WHERE r.code = '$release'"),
		sql("SELECT string_agg(state, ' ' ORDER BY ordinal) FROM model_state AS s JOIN release_model AS m ON m.id = s.model_id WHERE m.code = '$model' AND ordinal BETWEEN 2 AND 12"), "$model: by its own road");
	is(sql("SELECT status FROM obligation_status WHERE release = '$release' AND clause = '$_'"), 'met', "$model: clause $_") for '1.13, 2.7', '3', '4';
}
done_testing;
