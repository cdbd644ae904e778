# What assurance and transition recorded survives dump and restore as it was, and rests until the database is activated.
use strict;
use warnings;
use RM::Cluster;
use Test::More;

my $cluster = RM::Cluster->new->start;
$cluster->value('postgres', 'CREATE DATABASE original');
$cluster->value('postgres', 'CREATE DATABASE restored');
$cluster->value('original', <<'SQL');
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('original.example.org');
SET search_path = public, release_mgmt;
CREATE ROLE manager LOGIN;
CREATE ROLE approver LOGIN;
CREATE ROLE operator LOGIN;
CREATE ROLE customer LOGIN;
CALL grant_duty('manager', 'release manager', 'Provider');
CALL grant_duty('approver', 'change manager', 'Provider');
CALL grant_duty('operator', 'operator', 'Provider');
CALL grant_duty('customer', 'customer representative', 'Customer');
CREATE TABLE server (name text PRIMARY KEY, version text);
INSERT INTO server VALUES ('alpha', '1'), ('beta', '1');
SELECT bind_ci_class('server', 'server', key => '{name}', name => 'name');
CREATE FUNCTION granted(release uuid) RETURNS release_mgmt.check_result IMMUTABLE BEGIN ATOMIC SELECT (true, NULL, NULL, NULL)::release_mgmt.check_result; END;
INSERT INTO registered_check (name, point, function_name, proves) VALUES ('granted', 'gate', 'public.granted', 'nothing: a criterion for this test, always met');
INSERT INTO release_model (code, description) VALUES ('plain', 'Gates that ask nothing.');
INSERT INTO model_state (model_id, state, ordinal, kind)
SELECT m.id, s.state, s.ordinal, s.kind FROM release_model AS m, (VALUES ('draft', 1, 'planning'), ('deploying', 2, 'deploying'), ('closed', 3, 'ended')) AS s(state, ordinal, kind) WHERE m.code = 'plain';
INSERT INTO model_transition (model_id, from_state, to_state, forward) SELECT m.id, t.f, t.t, true FROM release_model AS m, (VALUES ('draft', 'deploying'), ('deploying', 'closed')) AS t(f, t) WHERE m.code = 'plain';
INSERT INTO gate_criterion (model_id, to_state, ordinal, name, check_name)
SELECT DISTINCT t.model_id, t.to_state, 1, 'granted', 'granted'
FROM model_transition AS t JOIN model_state AS s ON s.model_id = t.model_id AND s.state = t.to_state JOIN release_model AS m ON m.id = t.model_id
WHERE t.forward AND s.kind <> 'planning' AND m.code = 'plain';
CALL publish_model('plain');

SET ROLE manager;
SELECT create_release('REL-1', 'minor', model => 'plain', customers => '{Customer}');
SELECT create_package('PKG-1', release => 'REL-1');
INSERT INTO component (package_id, kind, name, ci) VALUES (package_id('PKG-1'), 'hardware', 'disk', 'server/alpha');
SELECT add_wave('REL-1', 'all', '{server/alpha}');
SELECT seal_package('PKG-1');
INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES (release_id('REL-1'), 'smoke', 'by hand', 'eyes', 'look at it');
INSERT INTO test_run (release_id, test, output) VALUES (release_id('REL-1'), 'smoke', E'1..1\nok 1 - \\ # "quoted"\ttab\r\n');
INSERT INTO risk (release_id, description, severity) VALUES (release_id('REL-1'), 'large', 'high');
INSERT INTO issue (release_id, description) VALUES (release_id('REL-1'), 'open');
INSERT INTO corrective_action (entry_id, what) VALUES (entry_id('REL-1/risk-1'), 'shrink it');
CALL complete_corrective_action('REL-1/risk-1/action-1');
CALL close_entry('REL-1/risk-1', 'shrunk');
INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'users', 'a disk');
INSERT INTO communication (release_id, stakeholder_id, subject, body) VALUES (release_id('REL-1'), stakeholder_id('REL-1', 'Customer', 'users'), 'Disk', 'It is new.');
INSERT INTO communication (release_id, organization_id, subject, body, sent_at) VALUES (release_id('REL-1'), organization_id('Customer'), 'Later', 'Not sent.', NULL);
INSERT INTO knowledge_item (release_id, audience, title, location) VALUES (release_id('REL-1'), 'users', 'The disk', 'paper');
CALL deliver_knowledge('REL-1/knowledge-1');
INSERT INTO support_request (release_id, from_organization_id, to_organization_id, what) VALUES (release_id('REL-1'), organization_id('Provider'), organization_id('Customer'), 'open the door');
INSERT INTO warranty (release_id, period, terms) VALUES (release_id('REL-1'), '1 mon 3 days 00:00:01', 'none');
INSERT INTO service_level (release_id, metric, kind, target, unit) VALUES (release_id('REL-1'), 'incidents', 'incidents', 0, 'incidents');
SET ROLE customer;
CALL acknowledge_communication('REL-1/notice-1');
CALL acknowledge_knowledge('REL-1/knowledge-1');
CALL acknowledge_support_request('REL-1/support-1');
SET ROLE manager;
CALL advance_release('REL-1', 'deploying');
SET ROLE operator;
SELECT claim FROM claim_step('worker') \gset
CALL report_step(:'claim', 'failed', 'too heavy');
INSERT INTO problem (code, summary, cause_kind, cause, workaround) VALUES ('PRB-1', 'heavy', 'plan', 'nobody weighed it', 'two people');
INSERT INTO incident (code, ci, summary, problem_id) SELECT 'INC-1', 'server/alpha', 'down', id FROM problem;
INSERT INTO incident_ci SELECT id, 'server/beta' FROM incident;
SET ROLE approver;
CALL confirm_attribution('INC-1', 'REL-1', true);
SQL

my @tables = qw(test_plan test_run register_entry corrective_action problem incident incident_ci incident_attribution
  stakeholder communication knowledge_item support_request warranty service_level);
my $contents = join ' UNION ALL ', map { "SELECT '$_ ' || count(*) || ' ' || coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM release_mgmt.$_ AS t" } @tables;
my $original = $cluster->value('original', $contents);
unlike($original, qr/^\w+ 0 /m, 'every table has rows');

my $file = $cluster->{dir} . '/original.dump';
my ($status, $out, $err) = $cluster->run(undef, 'pg_dump', '-Fc', '-f', $file, 'original');
is($status, 0, 'pg_dump') or diag($err);
($status, $out, $err) = $cluster->run(undef, 'pg_restore', '--exit-on-error', '-d', 'restored', $file);
is($status, 0, 'pg_restore') or diag($err);
is($cluster->value('restored', $contents), $original, 'rows are restored as they were');

# Inactive is not open: everybody but the owner is refused, and so is every verb.
for my $attempt (
	[ manager => q{INSERT INTO release_mgmt.test_run (release_id, test, output) SELECT id, 'smoke', E'1..1\nok 1\n' FROM release_mgmt.release} ],
	[ manager => q{INSERT INTO release_mgmt.risk (release_id, description) SELECT id, 'new' FROM release_mgmt.release} ],
	[ manager => q{INSERT INTO release_mgmt.communication (release_id, organization_id, subject, body) SELECT r.id, o.id, 'a', 'b' FROM release_mgmt.release AS r, release_mgmt.organization AS o} ],
	[ operator => q{INSERT INTO release_mgmt.incident (code, ci, summary) VALUES ('INC-2', 'server/alpha', 'down')} ],
	[ manager => q{CALL release_mgmt.close_entry('REL-1/issue-1', 'gone')} ],
	[ approver => q{CALL release_mgmt.accept_entry('REL-1/issue-1', 'so be it')} ],
	[ manager => q{CALL release_mgmt.complete_corrective_action('REL-1/risk-1/action-1')} ],
	[ operator => q{SELECT * FROM release_mgmt.attribute_incident('INC-1')} ],
	[ approver => q{CALL release_mgmt.confirm_attribution('INC-1', 'REL-1', false)} ],
	[ manager => q{CALL release_mgmt.send_communication('REL-1/notice-2')} ],
	[ customer => q{CALL release_mgmt.acknowledge_communication('REL-1/notice-1')} ],
	[ manager => q{CALL release_mgmt.deliver_knowledge('REL-1/knowledge-1')} ],
	[ customer => q{CALL release_mgmt.acknowledge_knowledge('REL-1/knowledge-1')} ],
	[ customer => q{CALL release_mgmt.acknowledge_support_request('REL-1/support-1')} ],
	[ customer => q{CALL release_mgmt.complete_support_request('REL-1/support-1')} ])
{
	my ($role, $sql) = @$attempt;
	($status, $out, $err) = $cluster->psql('restored', "\\set VERBOSITY sqlstate\n$sql", user => $role);
	like($err, qr/RM001/, "inactive: $role is refused: " . substr($sql, 0, 60));
}
is($cluster->value('restored', $contents), $original, 'and nothing has changed');

done_testing;
