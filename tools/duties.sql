-- Write doc/duties.md: every duty against every verb and table, as the privileges of a role with that duty alone are.
--
--     tools/cluster psql -X -q -A -t -d postgres -f tools/duties.sql > doc/duties.md
--
-- test/t/27_party_duties.pl holds that document against what such a role can really do.
SET client_min_messages = warning;
CREATE EXTENSION release_mgmt CASCADE;
\o /dev/null
SELECT release_mgmt.activate('duties.example.org');
\o
CREATE TEMP TABLE holder AS SELECT name AS duty, 'holder of ' || name AS role_name, ordinal
FROM unnest('{release manager,change manager,operator,librarian,test manager,customer representative,auditor,reader}'::text[]) WITH ORDINALITY AS d(name, ordinal);
SELECT format('CREATE ROLE %I', role_name), format('CALL release_mgmt.grant_duty(%L, %L, %L)', role_name, duty, 'Provider') FROM holder ORDER BY ordinal
\gexec
CREATE FUNCTION pg_temp.cell(holder text, relation oid, command text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN has_table_privilege(holder, relation, command) THEN left(command, 1)
	            WHEN command = 'DELETE' OR NOT has_any_column_privilege(holder, relation, command) THEN ''
	            ELSE left(command, 1) || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute AS a
	                                             WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
	                                               AND has_column_privilege(holder, relation, a.attnum, command)) || ')' END
$$;
\qecho '# Duties, verbs and tables'
\qecho
\qecho 'Written by `tools/duties.sql`, which says how; a test holds every cell against what a role with that duty alone can do.'
\qecho 'RM is the release manager, CM the change manager, OP the operator, LI the librarian, TM the test manager, CR the customer'
\qecho 'representative, AU the auditor, RE the reader. A row without a cross is for the extension''s owner. Where a cell allows, rules and'
\qecho 'row-level security still say on which rows, and who requested does not approve ([party.md](party.md)).'
\qecho
\qecho '## Verbs and functions'
\qecho 'x: may call it. r: may call it, and is refused by the verb''s own rule, with the reason (RM003). Not listed are functions that compute from their arguments alone, which everybody may call.'
\qecho
\qecho '| function or procedure | RM | CM | OP | LI | TM | CR | AU | RE |'
\qecho '|---|---|---|---|---|---|---|---|---|'
SELECT format('| `%s` | %s |', regexp_replace(p.oid::regprocedure::text, '^release_mgmt\.', ''),
              string_agg(CASE WHEN NOT has_function_privilege(h.role_name, p.oid, 'EXECUTE') THEN '' WHEN h.duty <> ALL (n.duties) THEN 'r' ELSE 'x' END, ' | ' ORDER BY h.ordinal))
FROM pg_proc AS p CROSS JOIN holder AS h
CROSS JOIN LATERAL (SELECT array_agg(btrim(d, ' ''')) AS duties
                    FROM regexp_matches(p.prosrc, 'require_duty\(([^)]*)\)', 'g') AS m(lists), unnest(string_to_array(m.lists[1], ',')) AS d
                    -- Which duty it takes may depend on what the verb is called with.
                    WHERE btrim(d) LIKE '''%') AS n
WHERE p.pronamespace = 'release_mgmt'::regnamespace AND p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS a WHERE a IN ('internal'::regtype, 'cstring'::regtype))
  AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)
GROUP BY p.oid, p.proname ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text COLLATE "C";
\qecho
\qecho '## Tables and views'
\qecho 'S: select, I: insert, U: update, D: delete; in brackets the columns, where not all.'
\qecho
\qecho '| table or view | RM | CM | OP | LI | TM | CR | AU | RE |'
\qecho '|---|---|---|---|---|---|---|---|---|'
SELECT format('| `%s` | %s |', c.relname,
              string_agg(concat_ws(' ', nullif(pg_temp.cell(h.role_name, c.oid, 'SELECT'), ''), nullif(pg_temp.cell(h.role_name, c.oid, 'INSERT'), ''),
                                   nullif(pg_temp.cell(h.role_name, c.oid, 'UPDATE'), ''), nullif(pg_temp.cell(h.role_name, c.oid, 'DELETE'), '')), ' | ' ORDER BY h.ordinal))
FROM pg_class AS c CROSS JOIN holder AS h
WHERE c.relnamespace = 'release_mgmt'::regnamespace AND c.relkind IN ('r', 'p', 'v')
GROUP BY c.oid, c.relname ORDER BY c.relname COLLATE "C";
