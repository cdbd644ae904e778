-- Every duty brings every function of this module: they compute, and read nothing but what the caller may read. Those that
-- compute from their arguments alone, PUBLIC may execute: whoever has USAGE of the schema can own tables with columns of the types.
SELECT release_mgmt_internal.allow(CASE p.provolatile WHEN 'i' THEN '{*,PUBLIC}' ELSE '{*}' END::text[], 'EXECUTE', format('FUNCTION %I.%I(%s)', n.nspname, p.proname, (
    SELECT string_agg(format('%I.%I', tn.nspname, t.typname), ', ' ORDER BY a.position)
    FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
    JOIN pg_type AS t ON t.oid = a.type JOIN pg_namespace AS tn ON tn.oid = t.typnamespace)))
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'release_mgmt' OR p.oid = 'release_mgmt_internal.pkgver_enforce_typmod(pkgver, integer)'::regprocedure;
