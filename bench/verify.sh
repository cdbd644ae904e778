# How fast verification recomputes everything, on one core: each kind of row and of transaction in a database of its own.
#
# CHANGES (500000) of rows in each.
set -eu
CHANGES=${CHANGES:-500000}
database=$PGDATABASE

sql() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}
# rate SQL: the median of three runs, in changes per second
rate() {
	for run in 1 2 3; do
		printf '%s\n' "SET maintenance_work_mem = '2GB'; SET work_mem = '2GB'; SET max_parallel_workers_per_gather = 0;" '\timing on' "$1;" |
			psql -X -q -A -t -v ON_ERROR_STOP=1 -f - | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
	done | sort -n | sed -n 2p | awk -v n="$(sql -c "SELECT sum(count) FROM release_mgmt.ledger_batch")" '{ printf "%.0f/s", n / $1 * 1000 }'
}
# measure COLUMNS EACH GOAL: rows of so many columns, so many of them inserted by a transaction
measure() {
	columns=$(awk -v n="$1" 'BEGIN { split("integer text timestamptz", t); for (i = 1; i < n; i++) printf ", c%d %s", i, t[i % 3 + 1] }')
	values=$(awk -v n="$1" 'BEGIN { split("i;chr(65 + i % 26) || i;now()", v, ";"); for (i = 1; i < n; i++) printf ", %s", v[i % 3 + 1] }')
	export PGDATABASE="${database}_$1_$2"
	sql -d postgres -c "CREATE DATABASE $PGDATABASE" -c "ALTER DATABASE $PGDATABASE SET synchronous_commit = off"
	sql <<SQL >/dev/null
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('bench.example.org');
CREATE TABLE governed (id integer PRIMARY KEY $columns);
SELECT release_mgmt.govern('governed');
DO \$\$
BEGIN
    FOR n IN 0..$CHANGES / $2 - 1 LOOP
        INSERT INTO governed SELECT i $values FROM generate_series(n * $2 + 1, (n + 1) * $2) AS i;
        COMMIT;
    END LOOP;
END \$\$;
CALL release_mgmt.sequence_ledger();
VACUUM ANALYZE;
SQL
	printf '%-66s %-22s goal %s\n' "full verification, rows of $1 columns, $2 in a transaction" "$(rate 'SELECT * FROM release_mgmt.verify_ledger()')" "$3"
	printf '%-66s %-22s goal %s\n' '    peer: SQL that joins leaves with changes, and hashes all and rows' "$(rate "$peer")" 'reported'
	sql -d postgres -c "DROP DATABASE $PGDATABASE"
}
# What must be read at least, as the server itself does it: each entry, the changes that it tells of, and each row, with one hash over each.
peer="SELECT (SELECT count(sha256(e.entry) IS NULL OR sha256(b.changes) IS NULL)
        FROM release_mgmt.ledger_entry AS e JOIN release_mgmt.ledger_batch AS b ON b.transaction_id = e.transaction_id),
       (SELECT count(sha256(record_send(g)) IS NULL) FROM governed AS g)"
measure 4 1000 '>= 500000/s'
measure 4 1 '>= 500000/s'
measure 20 1000 '>= 250000/s'
measure 20 1 '>= 250000/s'
