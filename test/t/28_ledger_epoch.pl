# The second epoch of a restored database: history, drift, back-out and proofs run over both, in order.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new;
my $dir = $cluster->{dir};
my $rmverify = RM::Cluster->base . '/stage' . RM::Cluster::pg_config('bindir') . '/rmverify';
$cluster->sign_with("$dir/key.pem");
$cluster->start;
sub sql { return $cluster->value('cmdb', "SET client_min_messages = error; SET search_path = public, release_mgmt; $_[0]") }
sub sign
{
	sql('CALL sequence_ledger()');
	return sql('SELECT sign_checkpoint()');
}

$cluster->value('postgres', 'CREATE DATABASE first');
$cluster->value('first', q{
	SET client_min_messages = error;
	SET search_path = public, release_mgmt;
	CREATE EXTENSION release_mgmt CASCADE;
	SELECT activate('epoch.example.org');
	CREATE ROLE manager; CALL grant_duty('manager', 'release manager', 'Provider');
	CREATE TABLE server (name text PRIMARY KEY, app text, seen text);
	INSERT INTO server VALUES ('alpha', '0', 'x'), ('beta', '0', 'x'), ('gamma', '0', 'x');
	SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
	SET ROLE manager;
	SELECT create_release('REL-1', 'minor', customers => '{Provider}');
	RESET ROLE});
# Many leaves, so that the first of the second epoch have smaller numbers.
$cluster->value('first', q{DO $$ BEGIN FOR i IN 1..60 LOOP UPDATE server SET app = 'first ' || i WHERE name = 'alpha'; COMMIT; END LOOP; END $$;
	UPDATE server SET app = 'first' WHERE name <> 'alpha'; DELETE FROM server WHERE name = 'gamma'});
$cluster->value('first', 'CALL release_mgmt.sequence_ledger()');
my $checkpoint = $cluster->value('first', 'SELECT release_mgmt.sign_checkpoint()');
$cluster->value('postgres', 'CREATE DATABASE cmdb TEMPLATE first');
# Nobody captures what is done to an inactive database.
sql(q{UPDATE server SET app = 'inactive' WHERE name = 'beta'; SELECT activate('epoch.example.org')});
is(sql('SELECT origin FROM ledger_status'), 'epoch.example.org/e2', 'the second epoch');
sql($_) for q{UPDATE server SET app = 'second' WHERE name IN ('alpha', 'beta')}, q{UPDATE server SET app = 'third' WHERE name IN ('alpha', 'beta')},
	q{INSERT INTO server VALUES ('gamma', 'second', 'y')};
sign();
sql(q{UPDATE server SET app = 'pending' WHERE name = 'alpha'});

my $changes = q{SELECT string_agg(concat_ws(' ', h.operation, h.changed #>> '{app,old}', '>', coalesce(h.changed #>> '{app,new}', '?')), ', ' ORDER BY h.n)
	FROM (SELECT *, row_number() OVER () AS n FROM history_of('server', '%s')) AS h WHERE h.operation <> 'schema' AND h.n <= %d};
is(sql(sprintf $changes, 'alpha', 6),
	'update third > pending, update second > third, update first 60 > second, baseline > first 60, update first 59 > first 60, update first 58 > first 59',
	'history runs back from the second epoch into the first');
is(sql(sprintf $changes, 'beta', 9), 'update second > third, update inactive > second, baseline > inactive, update 0 > ?, baseline > 0',
	'what nobody captured is not made up');
is(sql(sprintf $changes, 'gamma', 9), 'insert > second, delete first > ?, update 0 > first, baseline > 0', 'a row that came again');
is(sql(q{SELECT string_agg(changed #>> '{app,new}', ' ' ORDER BY seq) FROM captured_change WHERE source = 'server'::regclass AND key = 'alpha' AND old ->> 'app' = 'first 60'}),
	'second', 'captured_change likewise');
is(sql(q{SELECT string_agg(l.ci || ' ' || coalesce(c.old ->> 'app', c.operation), ', ' ORDER BY l.ci)
		FROM release_mgmt_internal.decided_changes(NULL) AS l JOIN captured_change AS c ON c.transaction_id = l.transaction_id AND 'server/' || c.key = l.ci WHERE l.attribute = 'app'}),
	'server/alpha third, server/beta second, server/gamma insert', 'the last change of each attribute');
is(sql(q{SELECT string_agg(ci || ' ' || expected, ', ' ORDER BY ci) FROM release_mgmt_internal.decided_changes(NULL) WHERE attribute = 'app'}),
	'server/alpha 0, server/beta 0, server/gamma 0', 'and what was there before the first one');
is(sql(q{SELECT (release_mgmt_internal.check_record_proved(release_id('REL-1'))).evidence - 'signed_at'}) =~ s/: \d+/: n/gr,
	'{"log": "epoch.example.org/e2", "ledger_entry": n, "transactions": n, "ledger_checkpoint": n}', 'what is proved is told of the last log');
is(sql(q{SELECT redact_history('server', 'alpha', 'request') > 0}), 't', 'redacted');
is(sql('SELECT * FROM verify_ledger()'), '', 'but for the last change, so that the row can be verified');
is(sql("SELECT * FROM verify_ledger(\$x\$$checkpoint\$x\$)"), '', 'against a checkpoint of the first epoch as well');

# The independent verifier takes both logs, each against its own checkpoint and the first against the leaf that holds its last.
sign();
my $key = $cluster->value('cmdb', 'SELECT release_mgmt.verifier_key()');
my $first_key = $cluster->value('first', 'SELECT release_mgmt.verifier_key()');
sub rmverify
{
	my ($database, %option) = @_;
	my $state = $option{state} // "$dir/state";
	my (undef, $out, $err) = $cluster->run(undef, $rmverify, '--key', $option{key} // $key, '--state', $state, @{ $option{more} // ['--full'] },
		"dbname=$database");
	return $out . $err;
}
my $sound = qr{^epoch\.example\.org/e2 is sound: (\d+) leaves, \1 of them signed, \d+ keys\nand epoch\.example\.org before it: \d+ leaves\n$};
like(rmverify('first', key => $first_key), qr/^epoch\.example\.org is sound/, 'rmverify has seen the first epoch');
like(rmverify('cmdb', key => $first_key), $sound, 'and takes the second that followed it, under the key of either');
like(rmverify('cmdb'), $sound, 'again');
like(rmverify('cmdb', more => []), qr{^epoch\.example\.org/e2 is sound: .* 0 keys behind leaf \d+\nand epoch\.example\.org before it: \d+ leaves\n$},
	'and with nothing new to read');
is(join(' ', map { /^(epoch\S+)$/m } split /(?<=\n)(?=epoch)/, RM::Cluster::run_quietly('cat', "$dir/state")), 'epoch.example.org epoch.example.org/e2',
	'it keeps a checkpoint of each');
like(rmverify('first'), qr{^log missing: epoch\.example\.org/e2\n}m, 'a database that has no second epoch is behind');

# Each tampering is named, by the server as well; in a copy, which is as it was after each.
$cluster->value('postgres', 'CREATE DATABASE copy TEMPLATE cmdb');
my @kept = qw(ledger_log ledger_entry ledger_batch);
$cluster->value('copy', join '', map { "CREATE TABLE public.kept_$_ AS SELECT * FROM release_mgmt.$_;" } @kept);
sub tampered
{
	my ($statement, $expected, $name, $finding, $state) = @_;
	my $begin = 'SET session_replication_role = replica; SET search_path = release_mgmt';
	$cluster->value('copy', "$begin; $statement");
	like(rmverify('copy', state => $state // "$dir/no_state"), $expected, $name);
	like($cluster->value('copy', q{SELECT string_agg(concat_ws(' ', finding, log_index, key, expected), E'\n') FROM release_mgmt.verify_ledger()}), $finding,
		"$name, says verify_ledger()");
	$cluster->value('copy', "$begin; " . join '', map { "DELETE FROM $_; INSERT INTO $_ SELECT * FROM public.kept_$_;" } @kept);
	return;
}
my $former = q{(SELECT id FROM ledger_log WHERE epoch = 1)};
my $edit = q{UPDATE ledger_entry SET entry = convert_to(replace(convert_from(entry, 'UTF8'), %s), 'UTF8')};
my $carried = qr{^checkpoint contradicted, leaf \d+ of epoch\.example\.org: the one in the first leaf of epoch\.example\.org/e2$}m;
my @edited = (sprintf($edit, "'role postgres', 'role nobody'") . " WHERE log_id = $former AND index = 5");
tampered(@edited, $carried, 'a leaf of the first epoch changed', qr/^leaf changed 5 /m);
tampered(@edited, qr/^checkpoint contradicted, leaf \d+ of epoch\.example\.org: the one seen last$/m, 'the checkpoint seen before says so too',
	qr/^leaf changed 5 /m, "$dir/state");
tampered("DELETE FROM ledger_entry WHERE log_id = $former; DELETE FROM ledger_log WHERE epoch = 1", qr/^log missing: epoch\.example\.org$/m,
	'the first epoch dropped', qr/^log missing epoch\.example\.org /m);
tampered(sprintf($edit, q{split_part(convert_from(entry, 'UTF8'), E'\n', 5), 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='}) . ' WHERE index = 0 AND transaction_id IS NULL',
	$carried, 'the checkpoint in the first leaf edited', qr{^checkpoint contradicted \d+ the checkpoint in the first leaf of epoch\.example\.org/e2 }m);
tampered(q{UPDATE ledger_entry SET entry = 'x' WHERE index = 0 AND transaction_id IS NULL}, qr{^checkpoint of the epoch before missing, leaf 0: epoch\.example\.org/e2\n}m,
	'the first leaf replaced', qr{^checkpoint of the epoch before missing 0 epoch\.example\.org/e2 }m);
tampered("INSERT INTO ledger_entry SELECT log_id, index + 1, new_id(), entry FROM ledger_entry WHERE log_id = $former ORDER BY index DESC LIMIT 1",
	qr/^leaf added, leaf \d+ of epoch\.example\.org: the log had ended before$/m, 'a leaf added to a log that had ended', qr/^leaf not in the head \d+ /m);
tampered("DELETE FROM ledger_entry WHERE log_id = $former AND index = (SELECT max(index) FROM ledger_entry WHERE log_id = $former)",
	qr/^tree shrank, leaf \d+ of epoch\.example\.org: /m, 'the tail of the first epoch cut off', qr/^leaf missing \d+ /m);
tampered(q{INSERT INTO ledger_batch VALUES ('01900000-0000-7000-8000-000000000000', 0, 1, '\x00')}, qr/^changes without leaf: 01900000-/m,
	'changes of no transaction', qr/^changes without leaf/m);
is($cluster->value('copy', 'SELECT count(*) FROM release_mgmt.verify_ledger()'), 0, 'and nothing when all is as it was');
like(rmverify('copy'), $sound, 'says rmverify');

# An epoch that was signed with another key: each by its own.
RM::Cluster::run_quietly('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/other.pem");
RM::Cluster::run_quietly('sh', '-c', "cat $dir/other.pem >$dir/key.pem");
sql(q{UPDATE server SET app = 'signed with another key' WHERE name = 'beta'});
sign();
my $other_key = $cluster->value('cmdb', 'SELECT release_mgmt.verifier_key()');
isnt($other_key, $key, 'another key');
my @both = ('--full', '--key', $first_key);
like(rmverify('cmdb', key => $other_key, state => "$dir/no_state"), qr{^checkpoint signature invalid: epoch\.example\.org$}m, 'not by that of the other');
like(rmverify('cmdb', key => $other_key, state => "$dir/state_of_both", more => \@both), $sound, 'by both');
like(rmverify('cmdb', key => $other_key, state => "$dir/state_of_both", more => [ '--key', $first_key ]), qr/ 0 keys behind leaf /, 'and again from there');
like(rmverify('cmdb', key => $other_key), qr{^checkpoint signature invalid: epoch\.example\.org\n1 findings$}m, 'what was seen last is no other log for that');
done_testing;
