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
is(sql(q{SELECT string_agg(ci || ' ' || old_value, ', ' ORDER BY ci) FROM release_mgmt_internal.last_changes() WHERE attribute = 'app'}),
	'server/alpha third, server/beta second, server/gamma 0', 'the last change of each attribute');
is(sql(q{SELECT (release_mgmt_internal.check_record_proved(release_id('REL-1'))).evidence - 'signed_at'}) =~ s/: \d+/: n/gr,
	'{"log": "epoch.example.org/e2", "ledger_entry": n, "transactions": n, "ledger_checkpoint": n}', 'what is proved is told of the last log');
is(sql(q{SELECT redact_history('server', 'alpha', 'request') > 0}), 't', 'redacted');
is(sql('SELECT * FROM verify_ledger()'), '', 'but for the last change, so that the row can be verified');
is(sql("SELECT * FROM verify_ledger(\$x\$$checkpoint\$x\$)"), '', 'against a checkpoint of the first epoch as well');
done_testing;
