-- Module metrics: the evidence of a release in one file, for auditors who have no connection (doc/proofs.md).

CREATE FUNCTION release_mgmt_internal.key_expression(source regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (SELECT pg_catalog.string_agg(pg_catalog.format($f$replace(replace(concat(t.%I), '\', '\\'), ':', '\:')$f$, k.name), $f$ || ':' || $f$ ORDER BY k.position)
            FROM pg_catalog.unnest(g.key_columns) WITH ORDINALITY AS k (name, position))
    FROM release_mgmt.governed_table AS g
    WHERE g.source = key_expression.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.key_expression(regclass) IS
'The expression of the text key of a row t of a governed table; NULL for another table.';

CREATE FUNCTION release_mgmt_internal.row_expression(source regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- Output functions alone: casts, and the constraints of domains, are the code of a customer's table's owner.
    SELECT (SELECT pg_catalog.format('jsonb_object(%L::text[], ARRAY[%s])', pg_catalog.array_agg(c.key ORDER BY c.position),
                                     pg_catalog.string_agg(pg_catalog.format('CASE WHEN t.%1$I IS DISTINCT FROM NULL THEN concat(t.%1$I) END', c.name), ', ' ORDER BY c.position))
            FROM ROWS FROM (pg_catalog.unnest(g.column_keys), pg_catalog.unnest(g.column_names)) WITH ORDINALITY AS c (key, name, position))
    FROM release_mgmt.governed_table AS g
    WHERE g.source = row_expression.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.row_expression(regclass) IS
'The expression of a row t of a governed table as jsonb, each value as text, under the names by which the ledger knows the columns; NULL for another table.';

CREATE FUNCTION release_mgmt_internal.column_key(source regclass, name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.column_keys[pg_catalog.array_position(g.column_names, column_key.name)]
    FROM release_mgmt.governed_table AS g
    WHERE g.source = column_key.source;
END;
COMMENT ON FUNCTION release_mgmt_internal.column_key(regclass, text) IS 'The name by which the ledger knows a column of a governed table.';

CREATE FUNCTION release_mgmt_internal.follow_key(key_oid oid, known jsonb[], to_children boolean) RETURNS TABLE (key text, row_values jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET DateStyle = ISO SET TimeZone = 'UTC' SET IntervalStyle = postgres
SET extra_float_digits = 3 SET bytea_output = hex SET lc_monetary = 'C' AS $$
DECLARE
    foreign_key pg_constraint;
    other regclass;
    key_expression text;
    row_expression text;
    condition text;
BEGIN
    SELECT c.* INTO foreign_key FROM pg_constraint AS c WHERE c.oid = key_oid;
    other := CASE WHEN to_children THEN foreign_key.conrelid ELSE foreign_key.confrelid END;
    key_expression := release_mgmt_internal.key_expression(other);
    row_expression := release_mgmt_internal.row_expression(other);
    SELECT string_agg(format('t.%I = (k.known ->> %L)::%s', a.attname, release_mgmt_internal.column_key(b.attrelid, b.attname), format_type(a.atttypid, a.atttypmod)), ' AND ')
    INTO condition
    FROM unnest(foreign_key.conkey, foreign_key.confkey) AS n (child, parent)
    JOIN pg_attribute AS a ON a.attrelid = other AND a.attnum = CASE WHEN to_children THEN n.child ELSE n.parent END
    JOIN pg_attribute AS b ON b.attrelid = CASE WHEN to_children THEN foreign_key.confrelid ELSE foreign_key.conrelid END
        AND b.attnum = CASE WHEN to_children THEN n.parent ELSE n.child END;
    IF key_expression IS NULL OR EXISTS (
        SELECT
        FROM unnest(foreign_key.conkey || foreign_key.confkey, array_fill(foreign_key.conrelid, ARRAY[cardinality(foreign_key.conkey)])
                    || array_fill(foreign_key.confrelid, ARRAY[cardinality(foreign_key.confkey)])) AS n (number, relation)
        JOIN pg_attribute AS a ON a.attrelid = n.relation AND a.attnum = n.number
        JOIN pg_type AS y ON y.oid = a.atttypid
        WHERE y.typtype NOT IN ('b', 'e') OR y.typnamespace NOT IN ('pg_catalog'::regnamespace, 'release_mgmt'::regnamespace)) THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format('SELECT DISTINCT %s, %s FROM unnest($1) AS k (known) JOIN %s AS t ON %s', key_expression, row_expression, other, condition)
        USING known;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.follow_key(oid, jsonb[], boolean) IS
'The rows at the other end of a foreign key (pg_constraint.oid) of rows that are known (as row_expression() makes them): those that refer to
them, or those that they refer to, with the text key that the ledger knows them by. None where that table is not governed, or the key not of built-in types.';

CREATE FUNCTION release_mgmt_internal.rows_where(source regclass, name text, ids uuid[]) RETURNS TABLE (key text, row_values jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET DateStyle = ISO SET TimeZone = 'UTC' SET IntervalStyle = postgres
SET extra_float_digits = 3 SET bytea_output = hex SET lc_monetary = 'C' AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT %s, %s FROM %s AS t WHERE t.%I = ANY ($1)', release_mgmt_internal.key_expression(source),
                                release_mgmt_internal.row_expression(source), source, name)
        USING ids;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.rows_where(regclass, text, uuid[]) IS
'The rows of a governed table in which the column of that name is one of the ids, as follow_key() returns them.';

CREATE FUNCTION release_mgmt_internal.rows_of_release(release uuid) RETURNS TABLE (source regclass, key text, row_values jsonb)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    -- What belongs to a release is reached from it, and from these that it names, through foreign keys against their direction.
    descended CONSTANT regclass[] := '{release_mgmt.management_plan,release_mgmt.release_policy,release_mgmt.release_model,release_mgmt.change_request,
        release_mgmt.incident,release_mgmt.problem}';
    -- The rows found, in arrays side by side; those before start were followed.
    sources regclass[] := ARRAY['release_mgmt.release'::regclass];
    keys text[] := ARRAY[release::text];
    found jsonb[] := ARRAY(SELECT w.row_values FROM release_mgmt_internal.rows_where('release_mgmt.release', 'id', ARRAY[release]) AS w);
    descends boolean[] := ARRAY[true];
    start integer := 1;
    behind integer;
    step record;
    more record;
BEGIN
    WHILE start <= cardinality(keys) LOOP
        behind := cardinality(keys) + 1;
        FOR step IN
            SELECT c.oid, CASE WHEN d.to_children THEN c.conrelid ELSE c.confrelid END::regclass AS source, d.to_children, n.known
            FROM (SELECT f.source, f.descend, array_agg(f.row_values) AS known
                  FROM unnest(sources[start:], found[start:], descends[start:]) AS f (source, row_values, descend)
                  GROUP BY f.source, f.descend) AS n
            CROSS JOIN (VALUES (true), (false)) AS d (to_children)
            JOIN pg_constraint AS c ON c.contype = 'f' AND n.source = CASE WHEN d.to_children THEN c.confrelid ELSE c.conrelid END
            WHERE NOT d.to_children OR (n.descend AND c.conrelid <> 'release_mgmt.release'::regclass)
            ORDER BY d.to_children DESC, c.oid
        LOOP
            SELECT coalesce(array_agg(w.key), '{}') AS keys, coalesce(array_agg(w.row_values), '{}') AS found INTO more
            FROM (
                SELECT f.key, f.row_values
                FROM release_mgmt_internal.follow_key(step.oid, step.known, step.to_children) AS f
                -- What names another release is that one's.
                WHERE coalesce(f.row_values ->> 'release_id', release::text) = release::text
                  AND (step.source <> 'release_mgmt.release'::regclass OR f.row_values ->> 'id' = release::text)) AS w
            WHERE NOT EXISTS (SELECT FROM unnest(sources, keys) AS o (source, key) WHERE o.source = step.source AND o.key = w.key);
            sources := sources || array_fill(step.source, ARRAY[cardinality(more.keys)]);
            keys := keys || more.keys;
            found := found || more.found;
            descends := descends || array_fill(step.to_children OR step.source = ANY (descended), ARRAY[cardinality(more.keys)]);
        END LOOP;
        start := behind;
    END LOOP;
    RETURN QUERY
    SELECT f.source, f.key, f.row_values FROM unnest(sources, keys, found) AS f (source, key, row_values)
    UNION ALL
    -- What the release's plan, or its back-out, permitted to change.
    SELECT 'release_mgmt.ci_change_permit'::regclass, p.key, p.row_values
    FROM release_mgmt_internal.rows_where('release_mgmt.ci_change_permit', 'permitted_by',
        ARRAY(SELECT (f.row_values ->> 'id')::uuid
              FROM unnest(sources, found) AS f (source, row_values)
              WHERE f.source IN ('release_mgmt.planned_ci_change'::regclass, 'release_mgmt.ci_back_out'::regclass))) AS p
    ORDER BY 1, 2;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.rows_of_release(uuid) IS
'The governed rows that a release consists of: its own, those that refer to them, and those that any of these refer to, found through foreign keys; of plans,
policies, models, changes and incidents what belongs to them as well; and the permits of its changes of configuration items. Rows of another release are left out.';

CREATE FUNCTION release_mgmt_internal.proved_changes(sources regclass[], keys text[], found jsonb[])
RETURNS TABLE (source regclass, key text, log_id uuid, size bigint, age bigint, proof text)
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    WITH permitted AS MATERIALIZED (
        SELECT DISTINCT c.source, i.key, (r.row_values ->> 'transaction_id')::uuid AS transaction_id
        FROM ROWS FROM (pg_catalog.unnest(sources), pg_catalog.unnest(found)) AS r (source, row_values)
        JOIN release_mgmt.ci AS i ON i.id = (r.row_values ->> 'ci_id')::uuid
        JOIN release_mgmt.ci_class AS c ON c.name = i.class
        JOIN release_mgmt.governed_table AS t ON t.source = c.source
        WHERE r.source = 'release_mgmt.ci_change_permit'::regclass
    ), proved AS MATERIALIZED (
        SELECT p.*
        FROM (SELECT sources || coalesce(pg_catalog.array_agg(m.source), '{}') AS sources, keys || coalesce(pg_catalog.array_agg(m.key), '{}') AS keys
              FROM permitted AS m) AS w
        CROSS JOIN LATERAL release_mgmt_internal.proofs_of(w.sources, w.keys) AS p
    )
    SELECT r.source, r.key, p.log_id, p.size, p.age, p.proof
    FROM ROWS FROM (pg_catalog.unnest(sources), pg_catalog.unnest(keys)) AS r (source, key)
    LEFT JOIN proved AS p ON p.source = r.source AND p.key = r.key
    UNION ALL
    SELECT m.source, m.key, p.log_id, p.size, p.age, p.proof
    FROM permitted AS m
    LEFT JOIN proved AS p ON p.source = m.source AND p.key = m.key AND p.transaction_id = m.transaction_id;
END;
COMMENT ON FUNCTION release_mgmt_internal.proved_changes(regclass[], text[], jsonb[]) IS
'Every change of these rows with its proof, and of the configuration items'' rows the changes that the permits among them permitted. proof is NULL where no
signed checkpoint covers a change; age 1 is the last change of a row.';

CREATE TYPE release_mgmt_internal.evidence_part AS (name text, body text);
COMMENT ON TYPE release_mgmt_internal.evidence_part IS 'A part of the evidence of a release, by its name.';

CREATE FUNCTION release_mgmt_internal.pack_evidence(release text, origin text, parts release_mgmt_internal.evidence_part[]) RETURNS text
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.sign_text(origin,
               pg_catalog.concat('release_mgmt evidence v1', E'\nrelease ', pg_catalog.translate(release, E'\n\r', '  '), E'\nexported ',
                   pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), E'\norigin ', origin, E'\n',
                   pg_catalog.string_agg(pg_catalog.format(E'part %s %s %s\n', pg_catalog.octet_length(b.bytes),
                       pg_catalog.encode(pg_catalog.sha256(b.bytes), 'base64'), pg_catalog.translate(p.name, E'\n\r', '  ')), '' ORDER BY p.position)))
           || E'\n' || pg_catalog.string_agg(p.body, '' ORDER BY p.position)
    FROM pg_catalog.unnest(parts) WITH ORDINALITY AS p (name, body, position)
    CROSS JOIN LATERAL (SELECT release_mgmt.note_bytes(p.body) AS bytes) AS b;
END;
COMMENT ON FUNCTION release_mgmt_internal.pack_evidence(text, text, release_mgmt_internal.evidence_part[]) IS
'A head that tells length, SHA-256 and name of each part, signed with the log''s key, and the parts behind it.';

CREATE FUNCTION release_mgmt_internal.evidence_of(release text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    wanted uuid := release_mgmt.release_id(release);
    sources regclass[];
    keys text[];
    found jsonb[];
    changes release_mgmt_internal.evidence_part[];
    checkpoints release_mgmt_internal.evidence_part[];
    parts release_mgmt_internal.evidence_part[];
    unproved text;
    log_origin text;
BEGIN
    IF NOT release_mgmt_internal.sees(wanted, 'served')
       AND EXISTS (SELECT FROM release_mgmt_internal.party AS p
                   WHERE p.release_id = wanted AND p.part <> 'serves' AND NOT release_mgmt_internal.sees(p.organization_id, 'own')) THEN
        PERFORM release_mgmt_internal.refuse('duty_missing', format('the evidence of release "%s" is not for role "%s"', release, release_mgmt_internal.acting_role()),
            'It holds rows of other organizations, which the release concerns too.', 'An auditor exports it, or the organization whose release it is.');
    END IF;
    SELECT c.origin INTO log_origin FROM release_mgmt_internal.current_log() AS c;
    SELECT array_agg(r.source ORDER BY r.source, r.key), array_agg(r.key ORDER BY r.source, r.key), array_agg(r.row_values ORDER BY r.source, r.key)
    INTO sources, keys, found
    FROM release_mgmt_internal.rows_of_release(wanted) AS r;

    WITH proved AS MATERIALIZED (
        SELECT p.*, l.origin
        FROM release_mgmt_internal.proved_changes(sources, keys, found) AS p
        LEFT JOIN release_mgmt.ledger_log AS l ON l.id = p.log_id
    ), missing AS (
        SELECT p.source, p.key FROM proved AS p GROUP BY p.source, p.key HAVING min(p.age) IS NULL OR (p.source = ANY (sources) AND min(p.age) > 1)
    )
    SELECT (SELECT string_agg(concat_ws(' ', m.source, m.key), ', ' ORDER BY m.source::text, m.key)
            FROM (SELECT s.* FROM missing AS s ORDER BY s.source::text, s.key LIMIT 20) AS m)
           || CASE WHEN (SELECT count(*) FROM missing) > 20 THEN format(' and %s more', (SELECT count(*) - 20 FROM missing)) ELSE '' END,
           (SELECT array_agg(ROW(concat_ws(' ', 'proof', p.origin, p.source, p.key, p.age), p.proof)::release_mgmt_internal.evidence_part
                             ORDER BY p.source::text, p.key, p.age) FROM proved AS p),
           (SELECT array_agg(ROW('checkpoint ' || k.origin, k.note)::release_mgmt_internal.evidence_part ORDER BY k.origin)
            FROM release_mgmt.cosigned_checkpoint AS k
            WHERE (k.origin, k.size) IN (SELECT p.origin, p.size FROM proved AS p))
    INTO unproved, changes, checkpoints;
    IF unproved IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('no signed checkpoint covers all of release "%s"', release),
            'Not covered: ' || unproved || '.',
            'CALL release_mgmt.sequence_ledger(), then SELECT release_mgmt.sign_checkpoint(), then export.');
    END IF;

    SELECT checkpoints
        || ARRAY[ROW('obligations', (SELECT string_agg(to_jsonb(s)::text || E'\n', '' ORDER BY s.ordinal, s.contract)
                                     FROM release_mgmt.obligation_status AS s
                                     WHERE s.release = evidence_of.release))::release_mgmt_internal.evidence_part]
        || ARRAY(SELECT ROW(format('manifest %s %s', k.code, k.revision), k.manifest)::release_mgmt_internal.evidence_part
                 FROM release_mgmt.release_package AS k
                 WHERE k.release_id = wanted AND k.manifest IS NOT NULL
                 ORDER BY k.code, k.revision)
        || ARRAY(SELECT ROW('rows ' || f.source, string_agg(jsonb_build_object('key', f.key, 'row', f.row_values)::text || E'\n', '' ORDER BY f.key))::release_mgmt_internal.evidence_part
                 FROM unnest(sources, keys, found) AS f (source, key, row_values)
                 GROUP BY f.source
                 ORDER BY f.source::text)
        || changes
    INTO parts;
    RETURN release_mgmt_internal.pack_evidence(release, log_origin, parts);
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.evidence_of(text) IS 'See export_evidence().';

-- Reads everything on behalf of duties that may read it in parts, hence SECURITY DEFINER.
CREATE FUNCTION release_mgmt.export_evidence(release text) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT release_mgmt_internal.evidence_of(release);
END;
COMMENT ON FUNCTION release_mgmt.export_evidence(text) IS
'All that an auditor needs about a release in one text, to be checked without a connection by "rmverify evidence" (doc/proofs.md): every obligation with its
status and what makes it, the manifests of its packages, its rows (plan, approvals, tests, signatures, steps, incidents, ...) and every change of each of them,
and of the configuration items that it changed, proved up to a signed checkpoint, which is in it. A head signed with the log''s key holds the SHA-256 of
each part. Errors: RM001 inactive, RM002 unknown release, RM003 of a release that concerns other organizations too, neither an auditor nor of the one whose it is, RM014 where a row is not as its last change left it, RM015 where no key is configured or no signed
checkpoint covers a change.';
SELECT release_mgmt_internal.allow('{auditor,release manager,change manager}', 'EXECUTE', 'FUNCTION release_mgmt.export_evidence(text)');
