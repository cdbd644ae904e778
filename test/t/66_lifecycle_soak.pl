# Many releases at once: clients that advance, approve, refuse, plan, record risks, accept them and judge the changes that several releases
# carry. No deadlock; and afterwards an independent reading of the ledger, backwards from the rows that are there, finds for every
# passage through the gate that what the gate asks for was so at that very place.
# "make soak" runs it with 32 clients for five minutes (RM_SOAK_CLIENTS, RM_SOAK_SECONDS).
use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use Encode 'encode';
use JSON::PP;
use POSIX ();
use RM::Cluster;
use Test::More;

my $clients = $ENV{RM_SOAK_CLIENTS} || 12;
my $seconds = $ENV{RM_SOAK_SECONDS} || 8;
my $releases = 12;
my $cluster = RM::Cluster->new->start;
sub sql { return $cluster->value('postgres', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }

sql(qq{CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('soak.example.org');
	CREATE ROLE manager; CREATE ROLE approver; CREATE ROLE other;
	CALL grant_duty('manager', 'release manager', 'Provider');
	CALL grant_duty('approver', 'change manager', 'Provider'); CALL grant_duty('other', 'change manager', 'Provider');
	CREATE TABLE server (name text PRIMARY KEY, app text);
	INSERT INTO server SELECT 's' || n, '1' FROM generate_series(1, $releases) AS n;
	SELECT bind_ci_class('server', 'server', '{name}', 'name');
	INSERT INTO release_model (code, description) VALUES ('swing', 'A gate that is passed again and again.');
	INSERT INTO model_state SELECT id, s, o, k FROM release_model, (VALUES ('draft', 1, 'planning'), ('ready', 2, 'planning'), ('done', 3, 'ended')) AS v(s, o, k) WHERE code = 'swing';
	INSERT INTO model_transition SELECT id, f, t, w FROM release_model, (VALUES ('draft', 'ready', true), ('ready', 'draft', false), ('draft', 'done', false)) AS v(f, t, w) WHERE code = 'swing';
	INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name) SELECT id, 'ready', o, c, c FROM release_model, (VALUES (1, 'no_blocking_risk'), (2, 'changes_approved')) AS v(o, c) WHERE code = 'swing';
	CALL publish_model('swing');
	SET ROLE manager;
	INSERT INTO change_request (code, type) SELECT 'CHG-' || n, 'normal' FROM generate_series(0, 4) AS n;
	SELECT create_release('REL-' || n, 'minor', model => 'swing', changes => ARRAY['CHG-' || n % 5, 'CHG-' || (n + 1) % 5]), create_package('PKG-' || n, release => 'REL-' || n) FROM generate_series(1, $releases) AS n;
	INSERT INTO component (package_id, kind, name, ci) SELECT package_id('PKG-' || n), 'configuration', 's', 'server/s' || n FROM generate_series(1, $releases) AS n;
	INSERT INTO planned_ci_change (release_id, ci, attribute, new_value) SELECT release_id('REL-' || n), 'server/s' || n, 'app', '2' FROM generate_series(1, $releases) AS n;
	INSERT INTO remediation_plan (release_id, kind, body) SELECT release_id('REL-' || n), 'back-out', 'one' FROM generate_series(1, $releases) AS n;
	INSERT INTO risk (code, release_id, description, blocking) SELECT 'RSK-' || n, release_id('REL-' || n), 'small', false FROM generate_series(1, $releases) AS n;
	SELECT seal_package('PKG-' || n) FROM generate_series(1, $releases) AS n;
	CALL create_outbox_consumer('listener')});

# What each client does; what a rule refuses is refused, and under repeatable read what came second fails. Anything else, a deadlock
# among it, ends the client.
my %script = (
	advance => ['manager', q{SELECT CASE r.state WHEN 'draft' THEN 'ready' ELSE 'draft' END INTO next FROM release AS r WHERE r.code = mine; CALL advance_release(mine, next);}],
	plain => ['manager', q{UPDATE release AS r SET state = CASE r.state WHEN 'draft' THEN 'ready' ELSE 'draft' END WHERE r.code = mine;}],
	approve => ['approver', q{seen := approval_digest(mine); PERFORM pg_sleep(random() / 100); CALL approve_release(mine, seen);}],
	approve_too => ['other', q{seen := approval_digest(mine); CALL approve_release(mine, seen);}],
	plan => ['manager', q{UPDATE remediation_plan AS p SET body = (ARRAY['one', 'two'])[1 + floor(random() * 2)] WHERE p.release_id = release_id(mine);}],
	risk => ['manager', q{INSERT INTO risk (code, release_id, description, blocking) VALUES ('RSK-' || gen_random_uuid(), release_id(mine), 'great', true);}],
	accept => ['approver', q{FOR next IN SELECT e.code FROM register_entry AS e WHERE e.release_id = release_id(mine) AND e.blocking AND e.status = 'open' LOOP CALL accept_entry(next, 'we live with it'); END LOOP;}],
	refuse => ['other', q{IF random() < 0.2 THEN seen := approval_digest(mine); CALL refuse_release(mine, seen, 'no'); ELSE CALL withdraw_refusal(mine, 'yes'); END IF;}],
	judge => ['approver', q{next := 'CHG-' || floor(random() * 5);
		CASE (SELECT c.state FROM change_request AS c WHERE c.code = next)
			WHEN 'requested' THEN CALL advance_change(next, 'assessed', 'fine'); WHEN 'assessed' THEN CALL advance_change(next, 'approved');
			WHEN 'approved' THEN IF random() < 0.1 THEN CALL advance_change(next, 'requested', 'again'); CALL advance_change(next, 'refused', 'no'); END IF;
			WHEN 'refused' THEN CALL advance_change(next, 'requested', 'please'); ELSE NULL; END CASE;}],
	listen => ['manager', q{PERFORM count(*) FROM drain_outbox('listener');}],
);
for my $name (keys %script)
{
	my ($role, $body) = @{ $script{$name} };
	for my $level ('read committed', 'repeatable read')
	{
		open my $file, '>', "$cluster->{dir}/$name $level" or die $!;
		print $file "\\set n random(1, $releases)\n\\set r random(1, 4)\nBEGIN ISOLATION LEVEL $level;\nSET LOCAL search_path = public, release_mgmt;\nSET LOCAL ROLE $role;\n",
		  "DO \$\$ DECLARE mine text := 'REL-' || :n; next text; seen release_mgmt.digest; BEGIN $body\n",
		  "EXCEPTION WHEN OTHERS THEN IF SQLSTATE !~ '^RM' AND (SQLSTATE <> '40001' OR current_setting('transaction_isolation') <> 'repeatable read') THEN RAISE; END IF; END \$\$;\nCOMMIT;\n";
		close $file;
	}
}
# The ledger is sequenced beside them.
open my $file, '>', "$cluster->{dir}/sequencer" or die $!;
print $file "CALL release_mgmt.sequence_ledger();\n\\sleep 50 ms\n";
close $file;

my %weight = (advance => 6, plain => 3, approve => 6, approve_too => 2, plan => 2, risk => 1, accept => 3, refuse => 1, judge => 2, listen => 1);
my @files = map { my $name = $_; map { ('-f', "$cluster->{dir}/$name $_->[0]\@" . $_->[1] * $weight{$name}) } ['read committed', 2], ['repeatable read', 1] } sort keys %script;
my $sequencer = fork // die "fork: $!";
if ($sequencer == 0)
{
	$cluster->run(undef, 'pgbench', '-n', '-c', 1, '-T', $seconds, '-f', "$cluster->{dir}/sequencer", 'postgres');
	POSIX::_exit(0);
}
my ($status, $output) = $cluster->run(undef, 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $seconds, @files, 'postgres');
waitpid $sequencer, 0;
is($status, 0, 'no client met an error but those of rules') or diag($output);
diag("$1 transactions in $seconds s from $clients clients") if $ENV{RM_SOAK_SECONDS} && $output =~ /number of transactions actually processed: (\d+)/;
is(sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"), 0, 'no deadlock');
unlike($cluster->log, qr/deadlock detected/, 'nor one in the log');

# Backwards through the captured changes of these tables. The log has the transactions in the order in which each release's row was
# held, since everything that a gate of it looks at takes that row first. Nothing here asks a check or a view of approvals; the digest of
# the plan is computed from its text.
my @sources = qw(register_entry approval approval_refusal change_request remediation_plan release_state_history);
my $json = JSON::PP->new->utf8->allow_nonref->boolean_values('f', 't');
my %carries;    # release => the ids of its changes
push @{ $carries{ $_->[0] } }, $_->[1] for map { [ split /\|/ ] } split /\n/, sql('SELECT release_id, change_id FROM release_change');

# The rows that a query returns as jsonb, each a hash.
sub rows { return map { $json->decode($_) } split /\n/, sql($_[0]) }

sql('CALL sequence_ledger()');
my %rows = map { $_ => [ rows("SELECT to_jsonb(x) FROM $_ AS x") ] } @sources;
my @changes = rows(sprintf q{SELECT jsonb_build_object('place', x.log_index, 'source', split_part(x.source::text, '.', -1), 'key', x.key, 'operation', x.operation, 'old', x.old)
	FROM captured_change AS x WHERE x.source::text ~ '(^|\.)(%s)$' ORDER BY x.log_index DESC, x.seq DESC}, join '|', @sources);

my (%state, %shelf);    # source => key => row; source => what a gate asks for => keys

sub key_of { my ($source, $row) = @_; return $source eq 'remediation_plan' ? "$row->{release_id}:$row->{kind}" : $row->{id} }

# Rows lie where a gate of their release looks for them: only those that it counts, judgements by the plan that they judge.
sub shelf_of
{
	my ($source, $row) = @_;
	my $of = $row->{release_id} // '';
	return substr($row->{blocking}, 0, 1) eq 't' && $row->{status} eq 'open' ? $of : '' if $source eq 'register_entry';
	return join ' ', $of, $row->{parts}{remediation} // '' if $source eq 'approval';
	return defined $row->{withdrawn_at} ? '' : join ' ', $of, $row->{parts}{remediation} // '' if $source eq 'approval_refusal';
	return $of;
}

sub drop_row
{
	my ($source, $key) = @_;
	my $row = delete $state{$source}{$key} or return;
	my $shelf = shelf_of($source, $row);
	delete $shelf{$source}{$shelf}{$key};
	delete $shelf{$source}{$shelf} if !%{ $shelf{$source}{$shelf} };
	return $row;
}

sub put_row
{
	my ($source, $key, $row) = @_;
	$state{$source}{$key} = $row;
	$shelf{$source}{ shelf_of($source, $row) }{$key} = 1;
	return;
}

# What stands against a passage of the release, in the state as it is now.
sub against
{
	my ($release) = @_;
	my @plans = sort { $a->{kind} cmp $b->{kind} } map { $state{remediation_plan}{$_} } keys %{ $shelf{remediation_plan}{$release} || {} };
	my $plan = 'sha256:' . sha256_hex(encode('UTF-8', join '', map { "$_->{kind}\t$_->{body}\n" } @plans));
	my @against;
	push @against, 'a blocking risk' if $shelf{register_entry}{$release};
	push @against, 'no approval of this plan' if !$shelf{approval}{"$release $plan"};
	push @against, 'refused' if $shelf{approval_refusal}{"$release $plan"};
	push @against, 'a change that is not approved' if grep { $state{change_request}{$_}{state} =~ /^(requested|assessed|refused)$/ } @{ $carries{$release} || [] };
	return @against;
}

# Everything that was wrong, if the rows now were what they are after $alter.
sub wrong
{
	my ($alter) = @_;
	(%state, %shelf) = ();
	for my $source (@sources) { put_row($source, key_of($source, $_), { %$_ }) for @{ $rows{$source} } }
	$alter->() if $alter;
	my ($place, @passages, @wrong) = (-1);
	for my $change (@changes, { place => -1, source => '', operation => '' })
	{
		if ($change->{place} != $place)
		{
			# Everything of that transaction is undone: what is left is what its gates saw.
			for my $passage (@passages) { push @wrong, map { "$passage->{id} of $passage->{release_id}: $_" } against($passage->{release_id}) }
			@passages = ();
			$place = $change->{place};
		}
		my ($source, $key, $operation) = @$change{qw(source key operation)};
		my $row = $operation eq 'insert' || $operation eq 'update' ? drop_row($source, $key) : undef;
		push @passages, $row if $operation eq 'insert' && $source eq 'release_state_history' && $row && $row->{to_state} eq 'ready';
		put_row($source, $key, { %$row, %{ $change->{old} || {} } }) if $operation eq 'update' && $row;
		put_row($source, $key, $change->{old}) if $operation eq 'delete';
	}
	# Back where the database was empty, but for what the caller put there.
	for my $source (@sources) { push @wrong, map { "left over: $source $_" } sort keys %{ $state{$source} || {} } }
	return @wrong;
}

my $passed = sql("SELECT count(*) FROM release_state_history WHERE to_state = 'ready'");
cmp_ok($passed, '>', 20, "the gate was passed $passed times");
my @wrong = wrong();
is_deeply([ @wrong > 5 ? @wrong[ 0 .. 4 ] : @wrong ], [], 'each time with what it asks for');
my $first = sql("SELECT release_id('REL-1')");
is(scalar(grep { /: a blocking risk$/ } wrong(sub { put_row('register_entry', 'made up', { release_id => $first, blocking => 't', status => 'open' }) })),
	sql("SELECT count(*) FROM release_state_history WHERE to_state = 'ready' AND release_id = '$first'"), 'a risk that was there all the time would be found each time');
cmp_ok(scalar(grep { /: no approval of this plan$/ } wrong(sub { $_->{body} = 'another' for values %{ $state{remediation_plan} } })), '>', 0, 'and so would another plan');
cmp_ok(scalar(grep { /: refused$/ } wrong(sub { put_row('approval_refusal', "made up $_->{id}", { release_id => $_->{release_id}, parts => $_->{parts} }) for values %{ $state{approval} } })),
	'>', 0, 'and refusals of what was approved');
cmp_ok(scalar(grep { /: a change that is not approved$/ } wrong(sub { $_->{state} = 'refused' for values %{ $state{change_request} } })), '>', 0, 'and a refused change');

is(sql('SELECT count(*) FROM release_state_history'), sql("SELECT count(*) FROM outbox_event WHERE kind = 'release state'"), 'every transition is an event');
is(sql("SELECT string_agg(v::text, E'\\n') FROM verify_ledger() AS v"), '', 'and the ledger holds');
done_testing;
