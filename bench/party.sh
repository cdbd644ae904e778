# Row-level security: a person's query against the same query of the owner with a plain WHERE; one line for each measure, both
# times, the ratio and the goal.
#
# ROWS (1000000) risks lie in 2000 releases of 20 customers. A measure is the least of five runs, one of each in turn.
rows=${ROWS:-1000000}

value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET search_path = public, release_mgmt; SET client_min_messages = error" -c "$1"
}

value 'CREATE EXTENSION release_mgmt CASCADE'
# In an inactive database the owner's rows are taken as they are.
value "INSERT INTO organization (code, kind) SELECT 'customer ' || i, 'customer' FROM generate_series(1, 20) AS i;
	INSERT INTO release (code, type, model_id) SELECT 'REL-' || i, 'minor', m.id
	FROM generate_series(1, 2000) AS i, release_model AS m WHERE m.code = 'standard' AND m.version = 1;
	INSERT INTO release_customer SELECT r.id, organization_id('customer ' || 1 + substr(r.code, 5)::integer % 20) FROM release AS r;
	WITH numbered AS MATERIALIZED (SELECT r.id, row_number() OVER () - 1 AS n FROM release AS r)
	INSERT INTO register_entry (code, release_id, kind, blocking, description, recorded_at)
	SELECT 'risk-' || i, n.id, 'risk', false, 'risk ' || i, now() FROM generate_series(1, $rows) AS i JOIN numbered AS n ON n.n = i % 2000"
value "SELECT release_mgmt.activate('bench.example.org')" > /dev/null
value "CREATE ROLE bench_customer; CREATE ROLE bench_half; CREATE ROLE bench_auditor;
	CALL grant_duty('bench_customer', 'reader', 'customer 1'); CALL grant_duty('bench_auditor', 'auditor', 'customer 1');
	DO \$\$ BEGIN FOR i IN 1..10 LOOP CALL release_mgmt.grant_duty('bench_half', 'reader', 'customer ' || i); END LOOP; END \$\$"
value 'VACUUM ANALYZE'
value "CREATE FUNCTION public.elapsed(query text) RETURNS numeric LANGUAGE plpgsql SET jit = off AS \$\$
	DECLARE
		start timestamptz := clock_timestamp();
	BEGIN
		EXECUTE query;
		RETURN 1000 * extract(epoch FROM clock_timestamp() - start);
	END \$\$;
	CREATE FUNCTION public.against_where(reader name, query text, condition text, OUT policy numeric, OUT plain numeric) LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1..5 LOOP
			PERFORM set_config('role', reader, true);
			policy := least(policy, public.elapsed(query));
			PERFORM set_config('role', 'none', true);
			plain := least(plain, public.elapsed(query || ' WHERE ' || condition));
		END LOOP;
	END \$\$"

# compare MEASURE ROLE QUERY CONDITION: the query as the role, and as the owner with the condition.
compare() {
	value "SELECT format('%-52s policy %8s ms  where %8s ms  ratio %6s  goal <= 1.3', '$1', round(policy, 2), round(plain, 2), round(policy / plain, 2))
		FROM against_where('$2', \$\$$3\$\$, \$\$$4\$\$)"
}

theirs="release_id IN (SELECT c.release_id FROM release_mgmt.release_customer AS c JOIN release_mgmt.organization AS o ON o.id = c.organization_id WHERE o.code"
count='SELECT count(*), count(DISTINCT status) FROM release_mgmt.register_entry'
compare "one customer of twenty, counting its risks" bench_customer "$count" "$theirs = 'customer 1')"
compare "ten customers of twenty, counting their risks" bench_half "$count" "$theirs IN ('customer 1', 'customer 2', 'customer 3', 'customer 4', 'customer 5', 'customer 6', 'customer 7', 'customer 8', 'customer 9', 'customer 10'))"
# The same with the ids written out, as an application would that has looked them up before.
ids() {
	echo "release_id = ANY ('$(value "SELECT array_agg(c.release_id) FROM release_customer AS c JOIN organization AS o ON o.id = c.organization_id WHERE o.code $1")')"
}
compare "one customer of twenty, against ids in the query" bench_customer "$count" "$(ids "= 'customer 1'")"
compare "ten customers of twenty, against ids in the query" bench_half "$count" "$(ids "~ '^customer ([1-9]|10)\$'")"
compare "an auditor, counting all risks" bench_auditor "$count" "true"
value 'DROP OWNED BY bench_customer, bench_half, bench_auditor; DROP ROLE bench_customer, bench_half, bench_auditor'
