# The customer's bound tables against the goals set for them: what the guard costs writers, and how fast drift, trace, impact and
# back-out answer.
#
# ITEMS (1000000) rows in the bound table, CHANGES (10000; the back-out's goal is set for 100000) planned and made by one release,
# HISTORY (0) times every item is changed once more before anything is measured, so that the ledger holds that many more captured
# changes times ITEMS; CMDB_CLIENTS (32), SECONDS_EACH (5). PART=release leaves out the clients, and what is asked about the release.
set -eu
ITEMS=${ITEMS:-1000000}
CHANGES=${CHANGES:-10000}
HISTORY=${HISTORY:-0}
CLIENTS=${CMDB_CLIENTS:-32}
PART=${PART:-all}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

sql() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = warning" "$@"
}

# line MEASURE OURS PEER UNIT RATIO GOAL
line() {
	printf '%-58s ours %10s  peer %10s %-4s ratio %6s  goal %s\n' "$@"
}

# milliseconds QUERY...: of the last of these queries, run in one session.
milliseconds() {
	for query; do set -- "$@" -c "$query"; shift; done
	psql -X -q -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = warning; SET jit = off" \
		-c '\timing on' "$@" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
}

sql -c 'CREATE EXTENSION release_mgmt CASCADE' -c "SELECT activate('bench.example.org')" \
	-c 'CREATE ROLE bench_manager; CREATE ROLE bench_operator' \
	-c "CALL grant_duty('bench_manager', 'release manager', 'Provider')" -c "CALL grant_duty('bench_operator', 'operator', 'Provider')" \
	-c 'CREATE TABLE cluster (id integer PRIMARY KEY, name text NOT NULL, parent integer REFERENCES cluster);
		CREATE TABLE host (id integer PRIMARY KEY, name text NOT NULL, cluster integer NOT NULL REFERENCES cluster, os text NOT NULL, seen timestamptz);' \
	-c "INSERT INTO cluster SELECT i, 'cluster' || i, CASE WHEN i > 10 THEN i / 10 END FROM generate_series(1, greatest($ITEMS / 100, 1000)) AS i" \
	-c "INSERT INTO host SELECT i, 'host' || i, 1 + i % greatest($ITEMS / 100, 1000), 'bookworm', now() FROM generate_series(1, $ITEMS) AS i" \
	-c 'CREATE INDEX ON host (cluster); CREATE INDEX ON cluster (parent)' \
	-c 'CREATE TABLE unbound AS TABLE host; ALTER TABLE unbound ADD PRIMARY KEY (id); CREATE INDEX ON unbound (cluster)' >/dev/null
printf '%-58s %10s ms\n' "bind a class of $ITEMS items" "$(milliseconds "SELECT bind_ci_class('host', 'host', '{id}', 'name', mode => 'enforce', exempt => '{seen}')")"
sql -c "SELECT bind_ci_class('cluster', 'cluster', '{id}', 'name')" -c "CALL bind_ci_relation('runs on', 'host', '{cluster}', 'cluster')" \
	-c "CALL bind_ci_relation('part of', 'cluster', '{parent}', 'cluster')" -c 'CALL sequence_ledger()' -c 'VACUUM ANALYZE' >/dev/null

for _ in $(seq "$HISTORY"); do
	sql -c 'UPDATE host SET seen = clock_timestamp()' -c 'VACUUM host'
done
sql -c 'CALL sequence_ledger()' -c 'CALL sequence_ledger()' -c 'VACUUM ANALYZE'
printf '%-58s %10s\n' 'captured changes' "$(sql -c "SELECT sum(count) FROM ledger_batch")"

# A counter that no plan is needed for: the table in mode enforce, and the same table that nothing watches.
measure_clients() {
	for table in host unbound; do
		printf '\\set id random(1, %s)\nUPDATE %s SET seen = now() WHERE id = :id;\n' "$ITEMS" "$table" >"$directory/$table.sql"
	done
	# In turn, so that both have the same share of what the disk does; of the first round, which meets cold pages, nothing is told.
	plain=0
	ours=0
	for round in 0 1 2 3; do
		of_unbound=$(rate unbound)
		of_host=$(rate host)
		[ "$round" -gt 0 ] || continue
		plain=$((plain + of_unbound))
		ours=$((ours + of_host))
	done
	line "UPDATE of an exempt column, mode enforce, $CLIENTS clients" "$((ours / 3))" "$((plain / 3))" '/s' "$(ratio "$ours" "$plain")" '>= 0.7'
}
# rate TABLE [OPTION...]
rate() {
	table=$1
	shift
	pgbench -n -M prepared -c "$CLIENTS" -j 2 -T $(((${SECONDS_EACH:-5} + 1) / 2)) "$@" -f "$directory/$table.sql" | sed -n 's/^tps = \([0-9]*\).*/\1/p'
}
ratio() { echo "scale=2; $1 / $2" | bc; }
[ "$PART" = release ] || measure_clients

# A release that plans CHANGES changes on one target, and whose installation makes them.
sql -f ../test/lib/plain_model.sql >/dev/null
sql -c 'GRANT SELECT ON host TO bench_manager' -c 'SET ROLE bench_manager' -c "SELECT create_release('REL-1', 'minor', model => 'plain')" >/dev/null
# The same rows, completed beforehand, into a table with the same columns, defaults, checks and indexes that nothing watches.
sql -c 'CREATE TABLE plain_plan (LIKE planned_ci_change INCLUDING ALL)'
plain=$(milliseconds "INSERT INTO plain_plan (release_id, ci, attribute, old_value, new_value, target)
	SELECT r.id, 'host/' || i, 'os', 'bookworm', 'trixie', 'cluster/1' FROM release AS r, generate_series(1, $CHANGES) AS i")
ours=$(milliseconds 'SET ROLE bench_manager' "INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
	SELECT release_id('REL-1'), 'host/' || i, 'os', 'trixie', 'cluster/1' FROM generate_series(1, $CHANGES) AS i")
line "plan $CHANGES changes, against a plain INSERT" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '-'
line "dry run of them" "$(milliseconds 'SET ROLE bench_manager' "SELECT count(*) FROM dry_run('REL-1')")" '-' ms '-' '-'
sql -c 'VACUUM ANALYZE'
sql -c 'SET ROLE bench_manager' -c "SELECT add_wave('REL-1', 'all', '{cluster/1}')" -c "CALL advance_release('REL-1', 'deploying')" >/dev/null
plain=$(milliseconds "UPDATE unbound SET os = 'trixie' WHERE id <= $CHANGES")
ours=$(milliseconds 'SET ROLE bench_operator' "DO \$\$
	DECLARE
		step record;
	BEGIN
		LOOP
			SELECT * INTO step FROM release_mgmt.claim_step('worker');
			EXIT WHEN NOT FOUND;
			CALL release_mgmt.report_step(step.claim, 'successful', 'done');
		END LOOP;
	END \$\$")
line "install: make these changes, against the plain UPDATE" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '-'
# Twice: a pending table is emptied when its turn comes again.
sql -c 'CALL sequence_ledger()' -c 'CALL sequence_ledger()' -c 'VACUUM ANALYZE' >/dev/null
# told MEASURE GOAL QUERY QUERY: the second query of a session; the first one of the next; the very first one, which reads what is in
# nobody's memory yet.
told() {
	cold=$(milliseconds "$3")
	again=$(milliseconds "$3" "$4")
	first=$(milliseconds "$4")
	printf '%-58s ours %10s ms  first in a session %s ms  cold %s ms  goal <= %s\n' "$1" "$again" "$first" "$cold" "$2"
}
measure_questions() {
	told 'drift of that release' 100 "SELECT count(*) FROM drift('REL-1')" "SELECT count(*) FROM drift('REL-1')"
	told 'trace_ci of one of its items' 10 "SELECT count(*) FROM trace_ci('host/7')" "SELECT count(*) FROM trace_ci('host/8')"
	ours=$(milliseconds "SELECT count(*), max(affected), max(through) FROM impact_of('cluster/1', 5)" "SELECT count(*), max(affected), max(through) FROM impact_of('cluster/1', 5)")
	plain=$(milliseconds "WITH RECURSIVE part (id, depth) AS (SELECT 1, 0 UNION SELECT c.id, p.depth + 1 FROM cluster AS c JOIN part AS p ON c.parent = p.id WHERE p.depth < 5)
		SELECT count(*), max(affected), max(through) FROM (
			SELECT p.depth, 'part of' AS kind, 'cluster/' || p.id AS affected, 'cluster/' || c.parent AS through FROM part AS p JOIN cluster AS c ON c.id = p.id WHERE p.depth > 0
			UNION ALL
			SELECT p.depth + 1, 'runs on', 'host/' || h.id, 'cluster/' || p.id FROM part AS p JOIN host AS h ON h.cluster = p.id WHERE p.depth < 5) AS i")
	line "impact_of, depth 5, against a recursive query" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '<= 2'
}
[ "$PART" = release ] || measure_questions
# Each takes back what was made when the release was installed, and was vacuumed since.
plain=$(milliseconds "UPDATE unbound SET os = 'bookworm' WHERE id <= $CHANGES")
ours=$(milliseconds 'SET ROLE bench_manager' "SELECT back_out_ci_changes('REL-1')")
line "back-out of $CHANGES changes, against the plain UPDATE" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '<= 3'
# An application that makes planned changes one by one: each is asked about, permitted, and recorded.
measure_planned() {
	planned=$((ITEMS / 5))
	sql -c 'SET ROLE bench_manager' -c "SELECT create_release('REL-2', 'minor', model => 'plain')" \
		-c "INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
			SELECT release_id('REL-2'), 'host/' || $CHANGES + i, 'os', 'sid', 'cluster/2' FROM generate_series(1, $planned) AS i" \
		-c "SELECT add_wave('REL-2', 'all', '{cluster/2}')" -c "CALL advance_release('REL-2', 'deploying')" >/dev/null
	sql -c 'ALTER ROLE bench_operator LOGIN; GRANT SELECT, UPDATE ON host, unbound TO bench_operator' -c 'VACUUM ANALYZE'
	for table in unbound host; do
		printf '\\set n :n + 1\n\\set id %s + :client_id * %s + :n\nUPDATE %s SET os = $$sid$$ WHERE id = :id;\n' "$CHANGES" $((planned / CLIENTS)) $table >"$directory/$table.sql"
	done
	of_unbound=$(PGUSER=bench_operator rate unbound -D n=0)
	of_host=$(PGUSER=bench_operator rate host -D n=0)
	line "UPDATE that a release plans, mode enforce, $CLIENTS clients" "$of_host" "$of_unbound" '/s' "$(ratio "$of_host" "$of_unbound")" '-'
}
[ "$PART" = release ] || measure_planned
# What would be typed instead: the same UPDATE of the bound table, in mode observe, of as many rows that no release plans, which are
# captured and nothing else.
others="id BETWEEN $((ITEMS - CHANGES + 1)) AND $ITEMS"
sql -c "SELECT govern('host', 'observe')" -c "UPDATE host SET os = 'trixie' WHERE $others" -c 'CALL sequence_ledger()' -c 'CALL sequence_ledger()' -c 'VACUUM ANALYZE' >/dev/null
plain=$(milliseconds "UPDATE host SET os = 'bookworm' WHERE $others")
line "the same, against the UPDATE of the bound table, observed" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '<= 3'

# Planned changes of a table with partitions, whose rows are found by a query: last, since what is captured of it would be read above.
sql -c 'CREATE TABLE spread (LIKE host INCLUDING ALL) PARTITION BY HASH (id)' \
	-c "DO \$\$ BEGIN FOR i IN 0..15 LOOP EXECUTE format('CREATE TABLE spread_%1\$s PARTITION OF spread FOR VALUES WITH (MODULUS 16, REMAINDER %1\$s)', i); END LOOP; END \$\$" \
	-c "INSERT INTO spread SELECT * FROM host WHERE id <= $CHANGES" -c "SELECT bind_ci_class('spread', 'spread', '{id}', 'name')" -c 'VACUUM ANALYZE' \
	-c 'SET ROLE bench_manager' -c "SELECT create_release('REL-2', 'minor', model => 'plain'), create_release('REL-3', 'minor', model => 'plain')" >/dev/null
# planned RELEASE CLASS: how long it takes to plan the changes of a release in the table of a class.
planned() {
	milliseconds 'SET ROLE bench_manager' "INSERT INTO planned_ci_change (release_id, ci, attribute, new_value, target)
		SELECT release_id('$1'), '$2/' || i, 'os', 'buster', 'cluster/1' FROM generate_series(1, $CHANGES) AS i"
}
plain=$(planned REL-2 host)
ours=$(planned REL-3 spread)
line "plan changes in 16 partitions, against a plain table" "$ours" "$plain" ms "$(ratio "$ours" "$plain")" '-'
sql -c 'DROP OWNED BY bench_manager, bench_operator' -c 'DROP ROLE bench_manager, bench_operator'
