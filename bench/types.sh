# The types against what else PostgreSQL has: one line for each measure, ours, the peer's, the ratio and the goal.
#
# A measure is the least of three runs, ours and the peer's in turn. ROWS (1000000) is the size of each table, MEGABYTES (1024)
# that of the large object. A peer that is not installed (Debian: postgresql-15-semver, postgresql-15-debversion) is named.
rows=${ROWS:-1000000}
megabytes=${MEGABYTES:-1024}

value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt, peer; SET client_min_messages = error" -c "$1"
}

# peer EXTENSION: create it in the schema peer, or say why not and fail.
peer() {
	if error=$(psql -X -q -v ON_ERROR_STOP=1 -c "CREATE EXTENSION $1 SCHEMA peer" 2>&1); then
		return 0
	fi
	echo "$1: not compared: $(echo "$error" | head -n 1)"
	return 1
}

# peer_debversion: the same for debversion, from its own script without the negators. Servers of 2024 and later refuse these,
# and CREATE EXTENSION with them, since two operators name the same one; neither comparing nor sorting asks for them.
peer_debversion() {
	script=$(pg_config --sharedir)/extension/debversion--1.1.sql
	if [ ! -r "$script" ]; then
		echo "debversion: not compared: $script is not there"
		return 1
	fi
	{
		echo 'SET search_path = peer, public; SET client_min_messages = warning;'
		sed -e '/^\\echo/d' -e 's/MODULE_PATHNAME/$libdir\/debversion/' -e '/NEGATOR/d' "$script"
	} | psql -X -q -v ON_ERROR_STOP=1
}

# compare MEASURE GOAL OURS PEER: print the milliseconds of two queries and how many times faster ours is.
compare() {
	value "SELECT format('%-52s ours %8s ms  peer %8s ms  ratio %6s  goal %s', '$1', round(ours), round(peer), round(peer / ours, 2), '$2')
		FROM best_of_three(\$\$$3\$\$, \$\$$4\$\$)"
}

# report MEASURE GOAL EXPRESSION: print a number.
report() {
	value "SELECT format('%-52s %s  goal %s', '$1', $3, '$2')"
}

value 'CREATE EXTENSION release_mgmt CASCADE; CREATE SCHEMA peer'
value "CREATE FUNCTION public.elapsed(query text) RETURNS numeric LANGUAGE plpgsql
	SET max_parallel_workers_per_gather = 0 SET work_mem = '1GB' SET jit = off AS \$\$
	DECLARE
		start timestamptz := clock_timestamp();
	BEGIN
		EXECUTE query;
		RETURN 1000 * extract(epoch FROM clock_timestamp() - start);
	END \$\$;
	CREATE FUNCTION public.best_of_three(our_query text, peer_query text, OUT ours numeric, OUT peer numeric) LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1..3 LOOP
			ours := least(ours, elapsed(our_query));
			peer := least(peer, elapsed(peer_query));
		END LOOP;
	END \$\$"
value "SELECT setseed(0.5);
	CREATE TABLE semantic AS SELECT format('%s.%s.%s%s', (random() * 20)::int, (random() * 50)::int, (random() * 100)::int,
		CASE WHEN random() < 0.2 THEN '-rc.' || (random() * 20)::int END) AS t FROM generate_series(1, $rows);
	CREATE TABLE pseudo AS SELECT format('v0.0.0-%s-%s', to_char(timestamp '2017-01-01' + random() * interval '8 years', 'YYYYMMDDHH24MISS'),
		left(md5(random()::text), 12)) AS t FROM generate_series(1, $rows);
	CREATE TABLE debian AS SELECT format('%s%s.%s.%s-%s%s', CASE WHEN random() < 0.05 THEN '1:' END, (random() * 20)::int, (random() * 50)::int,
		(random() * 20)::int, (random() * 9)::int, CASE WHEN random() < 0.2 THEN '+deb12u' || (random() * 9)::int END) AS t FROM generate_series(1, $rows);
	CREATE TABLE semantic_version AS SELECT pkgver('semver', t) AS v FROM semantic;
	CREATE TABLE pseudo_version AS SELECT pkgver('go', t) AS v FROM pseudo;
	CREATE TABLE debian_version AS SELECT pkgver('deb', t) AS v FROM debian;
	CREATE TABLE semantic_key AS SELECT release_mgmt_internal.pkgver_key(v) AS v FROM semantic_version;
	ANALYZE"

sort_of() {
	echo "SELECT FROM (SELECT v FROM $1 ORDER BY v OFFSET $rows) AS sorted"
}

compare "sort pkgver, the same keys as bytea" '>= 0.87' "$(sort_of semantic_version)" "$(sort_of semantic_key)"
if peer semver; then
	value "CREATE TABLE semantic_peer AS SELECT t::semver AS v FROM semantic; CREATE TABLE pseudo_peer AS SELECT ltrim(t, 'v')::semver AS v FROM pseudo; ANALYZE"
	compare "sort semver, pg-semver" '>= 2' "$(sort_of semantic_version)" "$(sort_of semantic_peer)"
	compare "sort Go pseudo-versions, pg-semver" '>= 4' "$(sort_of pseudo_version)" "$(sort_of pseudo_peer)"
fi
if peer_debversion; then
	value "CREATE TABLE debian_peer AS SELECT t::debversion AS v FROM debian; ANALYZE"
	compare "sort deb, debversion" '>= 4' "$(sort_of debian_version)" "$(sort_of debian_peer)"
fi
if peer pgcrypto; then
	value "CREATE TABLE content AS SELECT sha256(t::bytea) || t::bytea AS c FROM pseudo; ANALYZE"
	scan=$(value "SELECT min(elapsed('SELECT count(length(c)) FROM content')) FROM generate_series(1, 3)")
	value "SELECT format('%-52s ours %8s ms  peer %8s ms  ratio %6s  goal >= 3', 'compute_digest of short values, pgcrypto, less scan',
			round(ours - $scan), round(peer - $scan), round((peer - $scan) / (ours - $scan), 2))
		FROM best_of_three('SELECT count(compute_digest(c)) FROM content', 'SELECT count(digest(c, ''sha256'')) FROM content')"
	value "CREATE TABLE large AS SELECT string_agg(sha256(int4send(n)), '' ORDER BY n) AS c FROM generate_series(1, 3145728) AS n"
	compare "compute_digest of 96 MB, toasted, pgcrypto" '>= 1.3' 'SELECT compute_digest(c) FROM large' "SELECT digest(c, 'sha256') FROM large"
fi

# The large object, and the same content in a file for openssl. Memory is the growth of the backend's peak of address space.
object=$(value "SELECT lo_create(0)")
value "SELECT string_agg(sha256(int4send(n)), '' ORDER BY n) AS megabyte INTO megabyte FROM generate_series(1, 32768) AS n;
	SELECT count(lo_put($object, (n - 1) * 1048576::bigint, megabyte)) FROM megabyte, generate_series(1, $megabytes) AS n" >/dev/null
file=$(mktemp)
chmod 666 "$file"
value "SELECT lo_export($object, '$file')" >/dev/null
least=
for run in 1 2 3; do
	start=$(date +%s%N)
	openssl dgst -sha256 "$file" >/dev/null
	taken=$((($(date +%s%N) - start) / 1000000))
	[ -n "$least" ] && [ "$least" -le "$taken" ] || least=$taken
done
theirs=$(openssl dgst -sha256 -r "$file" | cut -c 1-64)
rm -f "$file"
value "CREATE FUNCTION peak() RETURNS integer LANGUAGE sql VOLATILE
	RETURN substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\\s+(\\d+)')::integer"
value "SELECT format('%-52s ours %8s ms  peer %8s ms  ratio %6s  goal >= 0.8', 'compute_digest of a $megabytes MB large object, openssl dgst',
		round(ours), $least, round($least / ours, 2))
	FROM (SELECT min(elapsed('SELECT compute_digest_of_large_object($object)')) AS ours FROM generate_series(1, 3)) AS o"
small=$(value "SELECT lo_from_bytea(0, 'x')")
value "CREATE TABLE memory AS SELECT peak() AS before, NULL::text AS hash, NULL::integer AS after FROM compute_digest_of_large_object($small);
	UPDATE memory SET hash = digest_hex(compute_digest_of_large_object($object));
	UPDATE memory SET after = peak();
	SELECT format('%-52s %s MB  goal < 16%s', 'memory that this takes', round((after - before) / 1024.0, 1),
		CASE WHEN hash <> '$theirs' THEN '  BUT THE HASHES DIFFER' END) FROM memory"
report "parse a semver, nanoseconds each" '<= 250' "(SELECT round(1000000 / $rows * (
	min(elapsed('SELECT count(pkgver(''semver'', t)) FROM semantic')) - min(elapsed('SELECT count(length(t)) FROM semantic')))) FROM generate_series(1, 3))"
report "key of a semver, bytes" '<= 8' "(SELECT round(avg(length(release_mgmt_internal.pkgver_key(v))), 2) FROM semantic_version)"
report "key of a deb, bytes" '<= 14' "(SELECT round(avg(length(release_mgmt_internal.pkgver_key(v))), 2) FROM debian_version)"
report "distinct hashes over distinct values, of what 32 bits allow" '>= 0.9999' "(
	SELECT round(count(DISTINCT pkgver_hash(v)) / (2 ^ 32 * (1 - exp(-count(DISTINCT v) / 2 ^ 32)))::numeric, 6) FROM pseudo_version)"
