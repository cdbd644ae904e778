# Compatibility checks over Debian main, as apt's index has it: one line for each measure, ours, the peer's in the same run, the
# ratio and the goal.
#
# The peer is libsolv's installcheck (Debian: libsolv-tools), its parsing included. A measure is the least of three runs.
# "Kept" is what a session does that has looked at the target before; "anew" what it does the first time.
index=$(ls -S /var/lib/apt/lists/*_main_binary-*_Packages* 2>/dev/null | head -n 1)
if [ -z "$index" ]; then
	echo 'compat: not measured: apt has no index; "apt-get update" fetches one'
	exit 0
fi
architecture=$(echo "$index" | sed 's/.*_binary-\([a-z0-9]*\)_.*/\1/')
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
chmod 755 "$directory"
/usr/lib/apt/apt-helper cat-file "$index" > "$directory/Packages"

value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = error" -c "$1"
}

# report MEASURE OURS UNIT PEER GOAL: a line; PEER is empty where there is none.
report() {
	echo "$1|$2|$3|$4|$5" | awk -F'|' '{
		printf "%-58s ours %8s %s", $1, $2, $3
		if ($4 != "") printf "  peer %8s %s  ratio %6.2f", $4, $3, $4 / $2
		printf "  goal %s\n", $5 }'
}

theirs=
if command -v installcheck >/dev/null; then
	for run in 1 2 3; do
		start=$(date +%s%N)
		installcheck "$architecture" "$directory/Packages" > "$directory/report" || true
		taken=$((($(date +%s%N) - start) / 1000000))
		[ -n "$theirs" ] && [ "$theirs" -le "$taken" ] || theirs=$taken
	done
else
	echo 'installcheck: not compared: it is not installed'
fi

value "CREATE EXTENSION release_mgmt CASCADE" > /dev/null
value "SELECT release_mgmt.activate('bench.example.org')" > /dev/null
value "CALL grant_duty(current_user::text, 'librarian', 'Provider'); CALL grant_duty(current_user::text, 'release manager', 'Provider');
	CREATE FUNCTION public.elapsed(query text) RETURNS numeric LANGUAGE plpgsql AS \$\$
	DECLARE
		start timestamptz := clock_timestamp();
	BEGIN
		EXECUTE query;
		RETURN round(1000 * extract(epoch FROM clock_timestamp() - start), 1);
	END \$\$;
	CREATE FUNCTION public.least_of_three(query text) RETURNS numeric LANGUAGE sql VOLATILE AS \$\$
		SELECT min(public.elapsed(query)) FROM generate_series(1, 3) \$\$;
	CREATE FUNCTION public.peak() RETURNS integer LANGUAGE sql VOLATILE
		RETURN substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\\s+(\\d+)')::integer"
value "CREATE TABLE host (name text PRIMARY KEY, os text NOT NULL DEFAULT 'Debian GNU/Linux 12 (bookworm)');
	CREATE TABLE package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
	SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name', platform => 'os');
	SELECT bind_ci_class('package', 'package', key => '{host,name}', name => 'name', version => 'version', scheme => 'deb');
	CALL bind_ci_relation('installed on', 'package', '{host}', 'host');
	INSERT INTO host VALUES ('all'), ('sound')" > /dev/null
{
	echo "SELECT release_mgmt.load_package_clauses(\$index\$"
	cat "$directory/Packages"
	echo "\$index\$)"
} | psql -X -q -A -t -v ON_ERROR_STOP=1 > /dev/null
value "INSERT INTO package SELECT DISTINCT ON (name) 'all', name, pkgver_version(version) FROM known_package ORDER BY name, known_package.version DESC;
	INSERT INTO package SELECT 'sound', name, version FROM package WHERE host = 'all';
	ANALYZE;
	SELECT create_release('REL-ALL', 'minor');
	SELECT create_package('PKG-ALL', 'REL-ALL', '{}')" > /dev/null
packages=$(value "SELECT count(*) FROM package WHERE host = 'all'")
clauses=$(value "SELECT count(*) FROM package_clause WHERE alternative_no = 1")

# A sound target: without what misses something or excludes something, until nothing is wrong.
value "DO \$\$ BEGIN
		LOOP
			DELETE FROM public.package AS p USING release_mgmt.check_compatibility('PKG-ALL', '{host/sound}') AS c WHERE p.host = 'sound' AND p.name = c.component;
			EXIT WHEN NOT FOUND;
		END LOOP;
	END \$\$; ANALYZE"
sound=$(value "SELECT count(*) FROM package WHERE host = 'sound'")

# What many require, and 199 of those that do: a component each, as it is installed, put there once more.
value "SELECT create_release('REL-200', 'minor'), create_package('PKG-200', 'REL-200', '{}')" > /dev/null
value "CREATE TABLE requiring AS SELECT DISTINCT c.name AS required, k.name FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id
		JOIN package AS p ON p.host = 'sound' AND p.name = k.name JOIN package AS o ON o.host = 'sound' AND o.name = c.name
		WHERE c.kind = 'requires' AND c.name <> k.name;
	CREATE TABLE wanted AS SELECT required FROM requiring GROUP BY required HAVING count(*) BETWEEN 200 AND 2000 ORDER BY count(*) DESC, required LIMIT 1;
	INSERT INTO component (package_id, kind, name, version, ci)
	SELECT package_id('PKG-200'), 'software', p.name, pkgver('deb', p.version), 'package/sound:' || p.name
	FROM package AS p WHERE p.host = 'sound'
		AND (p.name IN (SELECT required FROM wanted)
		     OR p.name IN (SELECT r.name FROM requiring AS r JOIN wanted AS w USING (required) ORDER BY r.name LIMIT 199))"
components=$(value "SELECT count(*) FROM component")

whole="SELECT count(*) FROM release_mgmt.check_compatibility(''PKG-ALL'', ''{host/all}'')"
anew=
for run in 1 2 3; do
	taken=$(value "SELECT elapsed('$whole')")
	anew=$(printf '%s\n' "$taken" $anew | sort -n | head -n 1)
done
report "$packages packages as one set, $clauses clauses, kept" "$(value "SELECT least_of_three('$whole')")" ms "$theirs" '<= 100 ms'
report "the same anew" "$anew" ms "$theirs" none
value "SELECT store_baselines()" > /dev/null
stored=
for run in 1 2 3; do
	taken=$(value "SELECT elapsed('$whole')")
	stored=$(printf "%s\\n" "$taken" $stored | sort -n | head -n 1)
done
report "the same in a new session, once stored" "$stored" ms "$theirs" "<= 100 ms"
report "$components components onto $sound installed, kept" "$(value "SELECT count(*) FROM check_compatibility('PKG-200', '{host/sound}');
	SELECT least_of_three('SELECT count(*) FROM release_mgmt.check_compatibility(''PKG-200'', ''{host/sound}'')')" | tail -n 1)" ms '' '<= 5 ms'

# The next build of a package of which ten others require the very version, and of one of these.
value "SELECT create_release('REL-TEN', 'minor'), create_package('PKG-TEN', 'REL-TEN', '{}')" > /dev/null
value "CREATE TABLE bound AS SELECT c.name AS required, count(DISTINCT k.name) AS times, min(k.name) AS one
		FROM package_clause AS c JOIN known_package AS k ON k.id = c.known_package_id JOIN package AS p ON p.host = 'sound' AND p.name = k.name
		JOIN package AS o ON o.host = 'sound' AND o.name = c.name
		WHERE c.kind = 'requires' AND c.text = format('%s (= %s)', c.name, o.version)
		GROUP BY c.name;
	INSERT INTO component (package_id, kind, name, version, ci)
	SELECT package_id('PKG-TEN'), 'software', p.name, pkgver('deb', p.version || '+b9'), 'package/sound:' || p.name
	FROM (SELECT * FROM bound WHERE times >= 11 ORDER BY times, required LIMIT 1) AS b JOIN package AS p ON p.host = 'sound' AND p.name IN (b.required, b.one)"
trial=PKG-TEN
errors=$(value "SELECT count(*) FROM check_compatibility('PKG-TEN', '{host/sound}') WHERE kind = 'requires' AND class = 'introduced'")
report "repairs of $errors violations there, kept" "$(value "SELECT least_of_three('SELECT count(*) FROM release_mgmt.suggest_repairs(''$trial'', ''{host/sound}'')')")" ms '' '<= 200 ms'
report 'memory of the whole set, peak' "$(value "INSERT INTO host VALUES ('empty');
	SELECT count(*) FROM check_compatibility('PKG-ALL', '{host/empty}');
	CREATE TEMP TABLE at AS SELECT peak() AS before;
	SELECT count(*) FROM check_compatibility('PKG-ALL', '{host/all}');
	SELECT round((peak() - before) / 1024.0, 1) FROM at" | tail -n 1)" MB '' '<= 100 MB'

# A roll-out onto many hosts, in ten waves, each with a package that the release brings anew and one that requires it.
hosts=${HOSTS:-2000}
value "INSERT INTO host SELECT 'fleet-' || i FROM generate_series(1, $hosts) AS i;
	SELECT load_package_clauses(E'Package: fleet-base\\nVersion: 1\\nArchitecture: all\\n\\nPackage: fleet-base\\nVersion: 2\\nArchitecture: all\\n\\nPackage: fleet-tool\\nVersion: 1\\nArchitecture: all\\nDepends: fleet-base\\n');
	INSERT INTO package SELECT 'fleet-' || i, n, '1' FROM generate_series(1, $hosts) AS i, unnest('{fleet-base,fleet-tool}'::text[]) AS n;
	SELECT create_release('REL-FLEET', 'minor'), create_package('PKG-FLEET', 'REL-FLEET', '{}');
	INSERT INTO component (package_id, kind, name, version, ci) VALUES (package_id('PKG-FLEET'), 'software', 'fleet-base', pkgver('deb', '2'), 'package/fleet-1:fleet-base');
	SELECT add_wave('REL-FLEET', 'wave ' || w, ARRAY(SELECT 'host/fleet-' || i FROM generate_series(1, $hosts) AS i WHERE i % 10 = w), pilot => w = 0) FROM generate_series(0, 9) AS w;
	ANALYZE" > /dev/null
report "what each wave of a roll-out onto $hosts hosts leaves, anew" "$(value "SELECT elapsed('SELECT count(*) FROM release_mgmt.check_waves(''REL-FLEET'')')")" ms '' none
report "the same, kept" "$(value "SELECT count(*) FROM check_waves('REL-FLEET');
	SELECT least_of_three('SELECT count(*) FROM release_mgmt.check_waves(''REL-FLEET'')')" | tail -n 1)" ms '' none

value "SELECT setseed(0.5);
	CREATE TEMP TABLE person_of AS SELECT id FROM person LIMIT 1;
	CREATE TEMP TABLE holder AS SELECT begin_intake('pkg:generic/holder@1') AS id;
	INSERT INTO item_bill (item_id, format, digest, parts, unnamed, loaded_by) SELECT h.id, 'CycloneDX', compute_digest(''), 20000, 0, p.id FROM holder AS h, person_of AS p;
	INSERT INTO item_part (item_id, purl)
	SELECT h.id, purl('npm', NULL, 'pkg-' || i, format('%s.%s.%s', (random() * 9)::int, (random() * 20)::int, (random() * 20)::int)) FROM holder AS h, generate_series(1, 20000) AS i;
	INSERT INTO advisory (code, aliases, severity, modified_at, loaded_by) SELECT 'ADV-' || i, '{}', 'high', now(), p.id FROM person_of AS p, generate_series(1, 300000) AS i;
	INSERT INTO advisory_package (advisory_id, ordinal, ecosystem, name, package, versions)
	SELECT r.id, 1, 'npm', r.name, purl('npm', NULL, r.name),
		pkgver_multirange(pkgver_range(pkgver('semver', major || '.0.0'), pkgver('semver', format('%s.%s.%s', major, minor, (random() * 20)::int)), '[)'))
	FROM (SELECT a.id, 'pkg-' || 1 + (random() * 39999)::int AS name, (random() * 9)::int AS major, 1 + (random() * 20)::int AS minor FROM advisory AS a) AS r;
	ANALYZE" > /dev/null
report "20,000 parts of an item against 300,000 advisories, $(value 'SELECT count(*) FROM item_advisory') found" "$(value "SELECT least_of_three('SELECT count(*) FROM release_mgmt.item_advisory')")" ms '' '<= 100 ms'
