# Gates and transitions: one line for each measure, with its goal.
#
# A release of COMPONENTS (1000) library items, each with two clauses, under the shipped model of 30 criteria; and RELEASES
# (10000) small ones, which CLIENTS_MANY (32) clients take from draft to planned through its gate, and back.
set -eu
components=${COMPONENTS:-1000} releases=${RELEASES:-10000} many=${CLIENTS_MANY:-32} seconds=${SECONDS_EACH:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = error" -c "$1"
}

value 'CREATE EXTENSION release_mgmt CASCADE'
# In an inactive database the owner's rows are taken as they are.
value "CREATE ROLE bench_manager; CREATE ROLE bench_authority; CREATE ROLE bench_customer;
	INSERT INTO person (code, role_name) VALUES ('librarian', 'librarian');
	INSERT INTO library_item (purl, name, version, kind, state, digest, size, taken_in_by, accepted_by, accepted_at)
	SELECT ('pkg:generic/part' || i || '@1.0')::purl, 'part' || i, pkgver('generic', '1.0'), 'software', 'accepted', compute_digest(convert_to('part' || i, 'UTF8')), 1, p.id, p.id, now()
	FROM generate_series(1, $components) AS i, person AS p;
	INSERT INTO package_clause (item_id, kind, clause_no, name, text)
	SELECT l.id, 'requires', k, 'part' || 1 + (substr(l.name, 5)::integer * k) % $components, 'part'
	FROM library_item AS l, generate_series(1, 2) AS k"
value "SELECT release_mgmt.activate('bench.example.org')" > /dev/null
value "CALL grant_duty('bench_manager', 'release manager', 'Provider'); CALL grant_duty('bench_manager', 'change manager', 'Provider');
	CALL grant_duty('bench_authority', 'customer representative', 'Authority'); CALL grant_duty('bench_customer', 'customer representative', 'Customer')"
value "SET ROLE bench_manager;
	INSERT INTO release_policy (code, objectives, scope, principles) VALUES ('POL', 'o', 's', 'p');
	INSERT INTO policy_control SELECT id, 'package_signed', 'nothing unsigned' FROM release_policy;
	INSERT INTO management_plan (code) VALUES ('RMP');
	INSERT INTO plan_section SELECT p.id, c.clause, c.title FROM management_plan AS p, plan_clause AS c;
	INSERT INTO change_request (code, type) VALUES ('CHG', 'normal');
	SELECT create_release('BIG', 'major', customers => '{Customer}', changes => '{CHG}', policy => 'POL', plan => 'RMP');
	SELECT create_package('PKG', release => 'BIG', items => ARRAY(SELECT id FROM library_item));
	SELECT count(create_release('REL-' || i, 'minor', customers => '{Customer}', policy => 'POL', plan => 'RMP')) FROM generate_series(1, $releases) AS i;
	RESET ROLE; SET ROLE bench_authority; CALL accept_plan('RMP', 1, 'Authority');
	RESET ROLE; SET ROLE bench_customer; CALL accept_plan('RMP', 1, 'Customer')" > /dev/null
value 'VACUUM ANALYZE'

value "CREATE FUNCTION public.elapsed(query text, times integer) RETURNS numeric LANGUAGE plpgsql AS \$\$
	DECLARE
		start timestamptz;
		least_of numeric;
	BEGIN
		FOR i IN 1..times LOOP
			start := clock_timestamp();
			EXECUTE query;
			least_of := least(least_of, 1000 * extract(epoch FROM clock_timestamp() - start));
		END LOOP;
		RETURN least_of;
	END \$\$"

# report MEASURE VALUE UNIT GOAL
report() { printf '%-66s %9s %-6s goal %s\n' "$1" "$2" "$3" "$4"; }

report "gate_status: $(value "SELECT count(*) FROM gate_status WHERE release = 'BIG'") criteria ahead, $components components" \
	"$(value "SET ROLE bench_manager; SELECT round(public.elapsed('SELECT * FROM release_mgmt.gate_status WHERE release = ''BIG''', 20), 1)")" ms '<= 20'

# Each client has releases of its own, and takes one through the gate to planned, and back.
cat > "$work/advance.sql" <<-SQL
	\\set n :client_id * ($releases / :clients) + random(1, $releases / :clients)
	CALL release_mgmt.advance_release('REL-' || :n, 'planned');
	CALL release_mgmt.advance_release('REL-' || :n, 'draft');
SQL
# transitions CLIENTS: transitions a second, and milliseconds for each
transitions() {
	PGOPTIONS='-c role=bench_manager' pgbench -n -M prepared -c "$1" -j 2 -D "clients=$1" -T "$seconds" -f "$work/advance.sql" 2>/dev/null |
		awk -v clients="$1" '/^tps/ { printf "%.0f %.2f", 2 * $3, 1000 * clients / (2 * $3) }'
}
one=$(transitions 1)
report 'a transition of one client, through a gate and back in turn' "${one#* }" ms '<= 4'
each=$(transitions "$many")
report "$releases releases advancing from $many clients" "${each% *}" 1/s '>= 500'

# Beyond capture: against a table that is like release in everything but its rules, with as many keys to and from other tables, and
# captured. Each row changes once in a transaction: a row that its own transaction wrote would have its keys looked up again.
value "CREATE TABLE public.peer (LIKE release_mgmt.release INCLUDING ALL);
	INSERT INTO public.peer SELECT * FROM release;
	DO \$\$
	DECLARE
		k record;
	BEGIN
		FOR k IN SELECT oid, conname, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND 'release_mgmt.release'::regclass IN (conrelid, confrelid) LOOP
			IF k.conrelid = 'release' THEN
				EXECUTE format('ALTER TABLE public.peer ADD CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid));
			ELSE
				EXECUTE format('CREATE TABLE public.%I (release_id uuid REFERENCES public.peer)', k.conname);
			END IF;
		END LOOP;
	END \$\$;
	SELECT govern('public.peer')" > /dev/null
for table in release_mgmt.release public.peer; do
	value "CREATE FUNCTION public.update_${table#*.}() RETURNS numeric LANGUAGE plpgsql AS \$\$
		DECLARE
			start timestamptz := clock_timestamp();
		BEGIN
			FOR i IN 1..$releases LOOP
				UPDATE $table SET title = i::text WHERE code = 'REL-' || i;
			END LOOP;
			RETURN 1000000 * extract(epoch FROM clock_timestamp() - start) / $releases;
		END \$\$"
	# Room on every page, so that no index is written.
	value "ALTER TABLE $table SET (fillfactor = 40)"
	value "VACUUM FULL $table"
done
value 'VACUUM ANALYZE'
ruled= captured=
for round in 1 2 3 4 5; do
	ruled="$ruled ($(value 'SELECT public.update_release()')),"
	captured="$captured ($(value 'SELECT public.update_peer()')),"
	value 'VACUUM release, public.peer'
done
report 'UPDATE of a column of release that no rule concerns, beyond capture' \
	"$(value "SELECT round((SELECT min(v) FROM (VALUES ${ruled%,}) AS x(v)) - (SELECT min(v) FROM (VALUES ${captured%,}) AS x(v)), 1)")" us '<= 5'
value 'DROP OWNED BY bench_manager, bench_authority, bench_customer; DROP ROLE bench_manager, bench_authority, bench_customer'
