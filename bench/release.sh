# A large release on its way through the standard model: what each verb takes, and what people ask meanwhile.
#
# ITEMS (1000000) installed packages, of which the release changes CHANGES (10000), spread over TARGETS (1) hosts; STEPS (100) of the
# steps that its workers do are measured, and the rest is left undone.
set -eu
ITEMS=${ITEMS:-1000000} CHANGES=${CHANGES:-10000} TARGETS=${TARGETS:-1} STEPS=${STEPS:-100}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# as ROLE SQL: run as that role; what it returns.
as() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = error; SET ROLE $1" -c "$2"
}

# taken MEASURE ROLE SQL: run it in a session of its own; a line with the time of the last statement.
taken() {
	printf '%-66s %10s ms\n' "$1" "$(psql -X -q -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = error; SET ROLE $2" \
		-c '\timing on' -c "$3" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1)"
}

openssl genpkey -algorithm ed25519 -out "$directory/key.pem" 2>/dev/null
owner=$(psql -X -A -t -c 'SELECT current_user')
roles='bench_librarian bench_manager bench_approver bench_tester bench_worker bench_customer bench_authority'
for role in $roles; do as "$owner" "CREATE ROLE $role"; done
as "$owner" "CREATE EXTENSION release_mgmt CASCADE; SELECT activate('bench.example.org')" >/dev/null
as "$owner" "CALL grant_duty('bench_librarian', 'librarian', 'Provider'); CALL grant_duty('bench_manager', 'release manager', 'Provider');
	CALL grant_duty('bench_approver', 'change manager', 'Provider'); CALL grant_duty('bench_tester', 'test manager', 'Provider');
	CALL grant_duty('bench_worker', 'operator', 'Provider'); CALL grant_duty('bench_customer', 'customer representative', 'Customer');
	CALL grant_duty('bench_authority', 'customer representative', 'Authority')"
# Of each target as many packages as the release changes there; ten of each other host.
as "$owner" "CREATE TABLE host (id integer PRIMARY KEY, name text NOT NULL);
	CREATE TABLE installed (host integer NOT NULL REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
	INSERT INTO host SELECT i, 'host' || i FROM generate_series(1, $TARGETS + greatest($ITEMS - $CHANGES, 0) / 10) AS i;
	INSERT INTO installed SELECT 1 + i % $TARGETS, 'p' || 1 + i / $TARGETS, '1.0' FROM generate_series(0, $CHANGES - 1) AS i;
	INSERT INTO installed SELECT $TARGETS + i, 'p' || k, '1.0' FROM generate_series(1, greatest($ITEMS - $CHANGES, 0) / 10) AS i, generate_series(1, 10) AS k;
	SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce'),
		bind_ci_class('package', 'installed', '{host,name}', 'name', version => 'version', scheme => 'generic', mode => 'enforce');
	CALL bind_ci_relation('installed on', 'package', '{host}', 'host')" >/dev/null
as "$owner" 'CALL sequence_ledger()'
as "$owner" 'CALL sequence_ledger()'
as "$owner" 'VACUUM ANALYZE'

item=$(as bench_librarian "SELECT begin_intake('pkg:generic/p1@2.0', 'software')")
as bench_librarian "CALL append_content('$item', 'the program'); SELECT finish_intake('$item', compute_digest('the program')); CALL accept_item('$item')" >/dev/null
as bench_manager "CALL register_signing_key('bench_manager', '$(openssl pkey -in "$directory/key.pem" -pubout)');
	INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p');
	INSERT INTO policy_control SELECT id, 'package_signed', 'nothing unsigned' FROM release_policy;
	INSERT INTO management_plan (code) VALUES ('RMP');
	INSERT INTO plan_section SELECT p.id, c.clause, c.title FROM management_plan AS p, plan_clause AS c;
	INSERT INTO change_request (code, type) VALUES ('CHG-1', 'normal');
	SELECT create_release('REL-1', 'major', model => 'standard', customers => '{Customer}', changes => '{CHG-1}', policy => 'POL', plan => 'RMP');
	SELECT create_package('PKG-1', release => 'REL-1', items => '{$item}')" >/dev/null
as bench_customer "CALL accept_plan('RMP', 1, 'Customer')"
as bench_authority "CALL accept_plan('RMP', 1, 'Authority')"

plan="INSERT INTO planned_ci_change (release_id, ci, attribute, new_value)
	SELECT release_id('REL-1'), 'package/' || 1 + i % $TARGETS || ':p' || 1 + i / $TARGETS, 'version', '2.0' FROM generate_series(0, $CHANGES - 1) AS i"
echo "# $CHANGES changes on $TARGETS targets, $ITEMS items"
taken 'INSERT of the planned changes' bench_manager "$plan"
taken 'UPDATE of them' bench_manager "UPDATE planned_ci_change SET new_value = '2.0'"
taken 'DELETE of them' bench_manager 'DELETE FROM planned_ci_change'
as bench_manager "$plan"
as "$owner" 'VACUUM ANALYZE'
taken 'dry_run()' bench_manager "SELECT count(*) FROM dry_run('REL-1')"
as "$owner" "ALTER TABLE installed ADD CONSTRAINT not_all CHECK (NOT (host = 1 AND name = 'p1' AND version = '2.0'))"
taken 'dry_run(), one of them fails' bench_manager "SELECT count(*) FROM dry_run('REL-1')"
as "$owner" 'ALTER TABLE installed DROP CONSTRAINT not_all'
taken 'add_wave()' bench_manager "SELECT add_wave('REL-1', 'all', ARRAY(SELECT DISTINCT target FROM planned_ci_change), pilot => true)"
taken 'a change window, which books the targets' bench_manager \
	"INSERT INTO change_window (release_id, period) VALUES (release_id('REL-1'), tstzrange(now() - interval '1 hour', now() + interval '1 day'))"
taken 'derive_ci_changes()' bench_manager "SELECT derive_ci_changes('REL-1')"
taken 'check_compatibility()' bench_manager "SELECT count(*) FROM check_compatibility('PKG-1')"
taken 'seal_package()' bench_manager "SELECT seal_package('PKG-1')"
as bench_manager "SELECT seal_package('PKG-1')" | tr -d '\n' >"$directory/digest"
openssl pkeyutl -sign -inkey "$directory/key.pem" -rawin -in "$directory/digest" -out "$directory/signature"
as bench_manager "CALL add_signature('PKG-1', 'bench_manager', decode('$(base64 -w0 "$directory/signature")', 'base64'))"

# What else the gates ask for.
as bench_manager "INSERT INTO design_option (release_id, roll_out, delivery, mechanism, rationale, chosen) VALUES (release_id('REL-1'), 'big-bang', 'pull', 'automated', 'r', true);
	INSERT INTO remediation_plan (release_id, kind, body) VALUES (release_id('REL-1'), 'back-out', 'b');
	INSERT INTO risk (code, release_id, description, blocking) VALUES ('RSK-1', release_id('REL-1'), 'none', false);
	INSERT INTO stakeholder (release_id, organization_id, name, impact) VALUES (release_id('REL-1'), organization_id('Customer'), 'users', 'none');
	INSERT INTO communication (code, release_id, organization_id, stakeholder_id, subject, body)
	VALUES ('MSG-1', release_id('REL-1'), organization_id('Customer'), stakeholder_id('REL-1', 'Customer', 'users'), 's', 'b');
	INSERT INTO knowledge_item (code, release_id, audience, organization_id, title, location) VALUES ('KNO-1', release_id('REL-1'), 'users', organization_id('Customer'), 't', 'l');
	CALL deliver_knowledge('KNO-1');
	INSERT INTO pilot (release_id, control, ends_at) VALUES (release_id('REL-1'), 'c', now() + interval '1 day');
	INSERT INTO pilot_metric (release_id, metric, better) VALUES (release_id('REL-1'), 'm', 'lower');
	INSERT INTO support_request (code, release_id, from_organization_id, to_organization_id, what)
	VALUES ('SUP-1', release_id('REL-1'), organization_id('Customer'), organization_id('Provider'), 'w')"
as bench_worker "CALL acknowledge_support_request('SUP-1'); CALL complete_support_request('SUP-1')"
as bench_customer "CALL acknowledge_communication('MSG-1'); CALL acknowledge_knowledge('KNO-1'); CALL agree_criteria('REL-1', 'Customer')"
as bench_tester "INSERT INTO test_plan (release_id, test, method, tool, procedure) VALUES (release_id('REL-1'), 'look', 'inspection', 'eyes', 'look');
	INSERT INTO test_run (release_id, test, format, output) VALUES (release_id('REL-1'), 'look', 'tap', E'1..1\nok 1\n')"
taken 'approval_digest()' bench_approver "SELECT approval_digest('REL-1')"
agreed=$(as bench_approver "SELECT approval_digest('REL-1')")
taken 'approve_release()' bench_approver "CALL approve_release('REL-1', '$agreed')"
as bench_manager "CALL agree_roll_out('REL-1', '$agreed')"
as "$owner" 'VACUUM ANALYZE'
taken 'gate_status' bench_manager "SELECT count(*) FROM gate_status WHERE release = 'REL-1'"
taken 'obligation_status' bench_manager "SELECT count(*), sum(length(evidence::text)) FROM obligation_status WHERE release = 'REL-1'"
for state in planned built sealed testing accepted authorized pilot; do
	taken "advance_release() to $state" bench_approver "CALL advance_release('REL-1', '$state')"
done
taken "claim_step() and report_step(), until $STEPS steps are done" bench_worker "DO \$\$
	DECLARE
		step record;
	BEGIN
		FOR i IN 1..$STEPS LOOP
			SELECT * INTO step FROM release_mgmt.claim_step('worker');
			EXIT WHEN NOT FOUND;
			CALL release_mgmt.report_step(step.claim, 'successful', step.manifest);
			COMMIT;
		END LOOP;
	END \$\$"
as "$owner" 'CALL sequence_ledger()'
as "$owner" 'CALL sequence_ledger()'
as "$owner" 'VACUUM ANALYZE'
taken 'deployment_progress' bench_manager "SELECT count(*), max(waits_for) FROM deployment_progress WHERE release = 'REL-1'"
taken 'drift() of the release' bench_manager "SELECT count(*) FROM drift('REL-1')"
taken 'impact_of() its package' bench_manager "SELECT count(*) FROM impact_of('PKG-1')"
taken 'change_conflict' bench_manager "SELECT count(*) FROM change_conflict"
taken 'release_schedule' bench_manager "SELECT count(*), sum(verified) FROM release_schedule WHERE release = 'REL-1'"
taken 'trace_digest() of its item' bench_manager "SELECT count(*) FROM trace_digest((SELECT digest FROM library_item))"
for role in $roles; do as "$owner" "DROP OWNED BY $role; DROP ROLE $role"; done
