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
value "CREATE TABLE host (name text PRIMARY KEY);
	CREATE TABLE package (host text REFERENCES host, name text, version text NOT NULL, PRIMARY KEY (host, name));
	SELECT bind_ci_class('host', 'host', key => '{name}', name => 'name');
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

# The next build of LibreOffice: the packages of its version, which is written anew wherever it stands.
version=$(value "SELECT version FROM package WHERE host = 'sound' AND name = 'libreoffice-core'")
awk -v RS= -v ORS='\n\n' -v version="Version: $version" '/^Package: (libreoffice|python3-uno|ure|uno-|libuno)/ && index($0, version "\n")' "$directory/Packages" |
	sed "s/$(echo "$version" | sed 's/[.+]/\\&/g')/&+b9/g" > "$directory/next"
{
	echo "SELECT release_mgmt.load_package_clauses(\$index\$"
	cat "$directory/next"
	echo "\$index\$)"
} | psql -X -q -A -t -v ON_ERROR_STOP=1 > /dev/null
value "SELECT create_release('REL-200', 'minor');
	CREATE TABLE next AS SELECT k.name, k.version FROM known_package AS k JOIN package AS p ON p.host = 'sound' AND p.name = k.name
	WHERE k.version = pkgver('deb', '$version+b9') ORDER BY k.name;
	INSERT INTO component (package_id, kind, name, version, ci)
	SELECT create_package('PKG-200', 'REL-200', '{}'), 'software', n.name, n.version, 'package/sound:' || n.name FROM next AS n
	UNION ALL
	SELECT p.id, 'software', x.name, pkgver('deb', x.version), 'package/sound:' || x.name FROM release_package AS p, (
		SELECT o.name, o.version FROM package AS o WHERE o.host = 'sound' AND o.name LIKE 'lib%' AND o.name NOT IN (SELECT name FROM next)
		ORDER BY o.name LIMIT greatest(200 - (SELECT count(*) FROM next), 0)) AS x WHERE p.code = 'PKG-200'" > /dev/null
value "UPDATE component SET related_reason = 'measured' WHERE name NOT IN (SELECT name FROM next)"
components=$(value "SELECT count(*) FROM component")

whole="SELECT count(*) FROM release_mgmt.check_compatibility(''PKG-ALL'', ''{host/all}'')"
anew=
for run in 1 2 3; do
	taken=$(value "SELECT elapsed('$whole')")
	anew=$(printf '%s\n' "$taken" $anew | sort -n | head -n 1)
done
report "$packages packages as one set, $clauses clauses, kept" "$(value "SELECT least_of_three('$whole')")" ms "$theirs" '<= 100 ms'
report 'the same anew' "$anew" ms "$theirs" 'none'
report "$components components onto $sound installed, kept" "$(value "SELECT count(*) FROM check_compatibility('PKG-200', '{host/sound}');
	SELECT least_of_three('SELECT count(*) FROM release_mgmt.check_compatibility(''PKG-200'', ''{host/sound}'')')" | tail -n 1)" ms '' '<= 5 ms'

# Of the next build's components alone, the one that breaks nearest to ten that are installed.
value "DO \$\$
	DECLARE
		one record;
	BEGIN
		CREATE TABLE public.trial (code text, errors bigint);
		FOR one IN SELECT n.name, n.version, row_number() OVER (ORDER BY n.name) AS i FROM public.next AS n LOOP
			PERFORM release_mgmt.create_release('REL-T' || one.i, 'minor');
			INSERT INTO release_mgmt.component (package_id, kind, name, version, ci)
			SELECT release_mgmt.create_package('PKG-T' || one.i, 'REL-T' || one.i, '{}'), 'software', one.name, one.version, 'package/sound:' || one.name;
			INSERT INTO public.trial SELECT 'PKG-T' || one.i, count(*) FROM release_mgmt.check_compatibility('PKG-T' || one.i, '{host/sound}') WHERE severity = 'error';
		END LOOP;
	END \$\$"
trial=$(value "SELECT code FROM trial ORDER BY errors < 10, errors, code LIMIT 1")
errors=$(value "SELECT errors FROM trial WHERE code = '$trial'")
report "repairs of $errors violations there, kept" "$(value "SELECT least_of_three('SELECT count(*) FROM release_mgmt.suggest_repairs(''$trial'', ''{host/sound}'')')")" ms '' '<= 200 ms'
report 'memory of the whole set, peak' "$(value "SELECT count(*) FROM check_compatibility('PKG-T1', '{package/all:bash}') WHERE false;
	CREATE TEMP TABLE at AS SELECT peak() AS before;
	SELECT count(*) FROM check_compatibility('PKG-ALL', '{host/all}');
	SELECT round((peak() - before) / 1024.0, 1) FROM at" | tail -n 1)" MB '' '<= 100 MB'

value "SELECT setseed(0.5);
	CREATE TABLE in_use AS SELECT 'pkg-' || i AS name, pkgver('semver', format('%s.%s.%s', (random() * 9)::int, (random() * 20)::int, (random() * 20)::int)) AS version
	FROM generate_series(1, 20000) AS i;
	CREATE TABLE affected AS SELECT 'pkg-' || 1 + (random() * 39999)::int AS name,
		pkgver_range(pkgver('semver', major || '.0.0'), pkgver('semver', format('%s.%s.%s', major, minor, (random() * 20)::int)), '[)') AS versions
	FROM (SELECT (random() * 9)::int AS major, 1 + (random() * 20)::int AS minor FROM generate_series(1, 300000)) AS r;
	ANALYZE" > /dev/null
report '20,000 components against 300,000 ranges of advisories' "$(value "SELECT least_of_three('SELECT count(*) FROM in_use AS c JOIN affected AS a ON a.name = c.name AND a.versions @> c.version')")" ms '' '<= 100 ms'
