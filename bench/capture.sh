# What governing a table costs its writers: one-row transactions per second, plain and governed.
set -eu
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
SELECT release_mgmt.activate('bench.example.org') \g /dev/null
CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, version text);
CREATE TABLE governed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, version text);
INSERT INTO plain (name, version) SELECT 'item ' || i, '1.0' FROM generate_series(1, 10000) AS i;
INSERT INTO governed (name, version) SELECT 'item ' || i, '1.0' FROM generate_series(1, 10000) AS i;
SELECT release_mgmt.govern('governed') \g /dev/null
SQL

# rate SCRIPT: transactions per second of a pgbench script
rate() {
	pgbench -n -c "$CLIENTS" -j 2 -T "$SECONDS_EACH" -f "$1" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p'
}

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
printf '%-28s %10s %10s %8s\n' "$CLIENTS clients, $SECONDS_EACH s each" 'plain/s' 'governed/s' ratio
for kind in insert update; do
	for table in plain governed; do
		case $kind in
			insert) echo "INSERT INTO $table (name, version) VALUES ('new', '2.0');" ;;
			update) printf '%s\n' '\set id random(1, 10000)' "UPDATE $table SET version = clock_timestamp()::text WHERE id = :id;" ;;
		esac >"$directory/$kind.$table"
	done
	plain=$(rate "$directory/$kind.plain")
	governed=$(rate "$directory/$kind.governed")
	printf '%-28s %10d %10d %8s\n' "$kind, one row" "$plain" "$governed" "$(echo "$plain $governed" | awk '{ printf "%.2f", $2 / $1 }')"
done
