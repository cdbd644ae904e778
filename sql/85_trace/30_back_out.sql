-- Module trace, third part: exact back-out of what a release changed in the CMDB.
--
-- What is restored comes from the ledger, the row images captured when the release made its changes, and not from the plan.
-- A back-out tells the guard each restoration, then makes it under the guard, which permits exactly those; the permits are what
-- is kept of them.

CREATE TABLE release_mgmt.ci_back_out (
    id             uuid DEFAULT release_mgmt.new_id(),
    release_id     uuid NOT NULL,
    target         text,
    transaction_id uuid NOT NULL,
    person_id      uuid NOT NULL,
    CONSTRAINT ci_back_out_pkey PRIMARY KEY (id),
    CONSTRAINT ci_back_out_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT ci_back_out_person_id_fkey FOREIGN KEY (person_id) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.ci_back_out IS 'Back-outs of CMDB changes: which release, on which target (NULL: all), by whom. Written by back_out_ci_changes().';
CREATE INDEX ci_back_out_release_id_idx ON release_mgmt.ci_back_out (release_id);
CREATE INDEX ci_back_out_transaction_id_idx ON release_mgmt.ci_back_out (transaction_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.ci_back_out', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.ci_back_out');
SELECT release_mgmt_internal.belongs('release_mgmt.ci_back_out', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_back_out');

CREATE VIEW release_mgmt.ci_restoration WITH (security_invoker = true) AS
SELECT p.id, p.permitted_by AS back_out_id, i.label AS ci, p.operation, p.attribute, p.old_value, p.new_value
FROM release_mgmt.ci_back_out AS b
JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = b.id
JOIN release_mgmt.ci AS i ON i.id = p.ci_id;
COMMENT ON VIEW release_mgmt.ci_restoration IS
'What each back-out restored: which attribute of which item, from which value (what the release made) to which (what was there before). The permits that the guard gave it; attribute NULL: the item as such, created again or retired.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.ci_restoration');

CREATE FUNCTION release_mgmt_internal.begin_restoration(back_out uuid, item_ids uuid[], ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_begin_restoration';
COMMENT ON FUNCTION release_mgmt_internal.begin_restoration(uuid, uuid[], text[], text[], text[], text[], text[]) IS
'Tells the guard what a back-out is about to restore, one restoration for each place of the arrays: exactly these are permitted until end_restoration(). Nothing is written; what becomes of each is in the permit that the guard records.';

CREATE FUNCTION release_mgmt_internal.end_restoration() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_end_restoration';
COMMENT ON FUNCTION release_mgmt_internal.end_restoration() IS 'Ends what begin_restoration() began. A (sub)transaction that is rolled back ends it too.';

CREATE FUNCTION release_mgmt_internal.restored_by_back_out(ci text[], operation text[], attribute text[], old_value text[], new_value text[]) RETURNS uuid[]
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_restored_by_back_out';
COMMENT ON FUNCTION release_mgmt_internal.restored_by_back_out(text[], text[], text[], text[], text[]) IS
'Check at the point ci_change, of many changes at once: for each, the back-out that is restoring exactly this now, or NULL.';
SELECT release_mgmt_internal.register_check('a_restored_by_back_out', 'ci_change', 'release_mgmt_internal.restored_by_back_out',
    'the change restores what was there before a release that is being backed out');

-- Arrays, as there may be a hundred thousand of the same kind.
CREATE FUNCTION release_mgmt_internal.standing_batches(release uuid, target text DEFAULT NULL)
RETURNS TABLE (class text, operation text, attribute text, ci_ids uuid[], items text[], retired boolean[], first_transactions uuid[], last_transactions uuid[], new_values text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10 SET search_path = pg_catalog, release_mgmt, pg_temp
SET enable_nestloop = on SET enable_mergejoin = off SET enable_sort = off SET random_page_cost = 1.1 AS $$
BEGIN
    RETURN QUERY
    WITH made AS (
        SELECT p.id, p.ci_id, x.ci, p.operation, coalesce(n.present, p.attribute) AS attribute, p.transaction_id, x.new_value
        FROM release_mgmt.planned_ci_change AS x
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = x.id
        LEFT JOIN release_mgmt_internal.renamed_columns() AS n
               ON n.class = split_part(x.ci, '/', 1) AND n.former = p.attribute AND p.transaction_id >= n.first_id AND p.transaction_id < n.next_id
        WHERE x.release_id = standing_batches.release AND (standing_batches.target IS NULL OR x.target = standing_batches.target)
    ), restored AS (
        SELECT p.ci_id, i.label, p.operation, coalesce(n.present, p.attribute) AS attribute, (max(ARRAY[p.id]))[1] AS last_permit
        FROM release_mgmt.ci_back_out AS b
        JOIN release_mgmt.ci_change_permit AS p ON p.permitted_by = b.id
        JOIN release_mgmt.ci AS i ON i.id = p.ci_id
        LEFT JOIN release_mgmt_internal.renamed_columns() AS n
               ON n.class = i.class AND n.former = p.attribute AND p.transaction_id >= n.first_id AND p.transaction_id < n.next_id
        WHERE b.release_id = standing_batches.release
        GROUP BY p.ci_id, i.label, p.operation, coalesce(n.present, p.attribute)
    )
    -- Permits are in the order of their ids; a transaction's id tells when it began.
    SELECT i.class, s.operation, s.attribute, array_agg(s.ci_id), array_agg(i.label), array_agg(i.retired_at IS NOT NULL),
           array_agg(s.first[2]), array_agg(s.last[2]), array_agg(s.new_value)
    FROM (SELECT m.ci_id, m.operation, m.attribute, min(ARRAY[m.id, m.transaction_id]) AS first, max(ARRAY[m.id, m.transaction_id]) AS last,
                 max(m.new_value) AS new_value
          FROM made AS m
          WHERE NOT EXISTS (
              SELECT FROM restored AS r
              WHERE r.ci_id = m.ci_id AND r.last_permit > m.id
                AND CASE m.operation WHEN 'create' THEN r.operation = 'retire'
                                     WHEN 'retire' THEN r.operation = 'create' AND r.attribute IS NULL
                                     ELSE r.operation = 'change' AND r.attribute = m.attribute END)
            -- An item that the release called as another one was called before has that one's stub, until it is called as it was.
            AND NOT EXISTS (
              SELECT FROM restored AS r
              WHERE r.label = m.ci AND r.last_permit > m.id AND m.operation = 'change' AND r.operation = 'change' AND r.attribute = m.attribute)
          GROUP BY m.ci_id, m.operation, m.attribute ORDER BY m.ci_id) AS s
    -- OFFSET: by index, however many items there are; one after the other, as the index has them.
    CROSS JOIN LATERAL (SELECT o.label, o.class, o.retired_at FROM release_mgmt.ci AS o WHERE o.id = s.ci_id OFFSET 0) AS i
    GROUP BY i.class, s.operation, s.attribute;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.standing_batches(uuid, text) IS
'What a release changed, on one target or all, and no back-out has restored since: a row for each class, operation and attribute (NULL: the item as such), with the items, the first and the last transaction that made the change, and the value that it made.';

CREATE FUNCTION release_mgmt_internal.standing_changes(release uuid, target text DEFAULT NULL)
RETURNS TABLE (ci_id uuid, ci text, class text, retired boolean, operation text, attribute text, first_transaction uuid, last_transaction uuid, new_value text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT x.ci_id, x.ci, b.class, x.retired, b.operation, b.attribute, x.first_transaction, x.last_transaction, x.new_value
    FROM release_mgmt_internal.standing_batches(standing_changes.release, standing_changes.target) AS b
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(b.ci_ids), pg_catalog.unnest(b.items), pg_catalog.unnest(b.retired), pg_catalog.unnest(b.first_transactions),
                                  pg_catalog.unnest(b.last_transactions), pg_catalog.unnest(b.new_values))
        AS x (ci_id, ci, retired, first_transaction, last_transaction, new_value);
END;
COMMENT ON FUNCTION release_mgmt_internal.standing_changes(uuid, text) IS 'What standing_batches() returns, a row for each change.';

CREATE TYPE release_mgmt_internal.planned_restoration AS (ci_id uuid, ci text, operation text, attribute text, old_value text, new_value text, conflict text);
COMMENT ON TYPE release_mgmt_internal.planned_restoration IS 'One restoration of a back-out, and the conflict with later work that stands in its way.';

CREATE FUNCTION release_mgmt_internal.differs_from_release(ci text, attribute text, present text, made text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.format('%s %s: is %s, the release left it as %s.', ci, attribute, coalesce(pg_catalog.quote_literal(present), 'NULL'), coalesce(pg_catalog.quote_literal(made), 'NULL'));
END;
COMMENT ON FUNCTION release_mgmt_internal.differs_from_release(text, text, text, text) IS 'The conflict of a back-out with a value that no captured change explains.';

CREATE FUNCTION release_mgmt_internal.defaulted_columns(source regclass, held regclass, at timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT a.attname::text
    FROM release_mgmt.governed_table AS g
    CROSS JOIN LATERAL (SELECT v.* FROM release_mgmt.table_version AS v WHERE v.table_id = g.id AND v.recorded_at <= defaulted_columns.at ORDER BY v.version DESC LIMIT 1) AS v
    JOIN pg_attribute AS a ON a.attrelid = defaulted_columns.held AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attnotnull AND a.attgenerated = ''
    JOIN pg_type AS t ON t.oid = a.atttypid AND (a.atthasdef OR t.typdefault IS NOT NULL)
    WHERE g.source = defaulted_columns.source
      AND (EXISTS (SELECT FROM unnest(g.column_keys, g.column_names) AS k (key, name) WHERE k.name = a.attname AND k.key = ANY (v.column_keys))
           OR EXISTS (SELECT FROM unnest(g.child_sources, g.child_keys, g.child_names) AS k (child, key, name)
                      WHERE k.child = defaulted_columns.held AND k.name = a.attname AND k.key = ANY (v.child_keys)));
END;
COMMENT ON FUNCTION release_mgmt_internal.defaulted_columns(regclass, regclass, timestamptz) IS
'The columns of a governed table, or of the one that inherits from it and holds a row, which were there at that time already, may be NULL, and have a default: a row that had NULL there gets it back only where that is said.';

-- Of what it joins the planner knows nothing, and would run through one for each row of another: enable_nestloop. What it calls
-- looks rows up by index.
CREATE FUNCTION release_mgmt_internal.plan_disturbed(release uuid, target text, ids uuid[], operations text[], attributes text[]) RETURNS SETOF release_mgmt_internal.planned_restoration
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH standing AS MATERIALIZED (
            SELECT s.*, c.source, c.exempt
            FROM release_mgmt_internal.standing_changes(plan_disturbed.release, plan_disturbed.target) AS s
            JOIN unnest(plan_disturbed.ids, plan_disturbed.operations, plan_disturbed.attributes) AS d (id, operation, attribute)
              ON d.id = s.ci_id AND d.operation = s.operation AND d.attribute = coalesce(s.attribute, '')
            JOIN release_mgmt.ci_class AS c ON c.name = s.class
        ), history AS MATERIALIZED (
            SELECT h.* FROM release_mgmt_internal.captured_of(ARRAY(SELECT DISTINCT s.ci FROM standing AS s), (SELECT r.created_at FROM release_mgmt.release AS r WHERE r.id = plan_disturbed.release)) AS h
        ), disturbed AS MATERIALIZED (
            -- Items of which the ledger tells something else than that the release changed these columns.
            SELECT h.ci FROM history AS h LEFT JOIN standing AS s ON s.ci = h.ci AND s.attribute = h.attribute
            WHERE h.operation <> 'update' OR s.ci IS NULL OR h.transaction_id NOT IN (s.first_transaction, s.last_transaction)
            UNION
            SELECT s.ci FROM standing AS s LEFT JOIN history AS h ON h.ci = s.ci AND h.attribute = s.attribute AND h.transaction_id = s.last_transaction
            WHERE s.operation <> 'change' OR h.ci IS NULL
        ), own AS MATERIALIZED (
            -- The release's own last change of each item; where none is found under its key, everything came later.
            SELECT s.ci, s.last_transaction, min(h.n) AS n
            FROM (SELECT DISTINCT x.ci, x.last_transaction FROM standing AS x JOIN disturbed AS d ON d.ci = x.ci) AS s
            JOIN history AS h ON h.ci = s.ci AND h.transaction_id = s.last_transaction
            GROUP BY s.ci, s.last_transaction
        ), touched AS MATERIALIZED (
            -- Later work on the same columns, whoever did it, with what the release had left there; attribute NULL: on the row as such.
            SELECT DISTINCT ON (s.ci_id, s.operation, s.attribute, h.attribute) s.ci_id, s.ci, s.operation, s.attribute, s.source, s.last_transaction,
                   CASE WHEN h.operation = 'update' THEN h.attribute END AS column_name, h.old_value AS was_left
            FROM disturbed AS d
            JOIN standing AS s ON s.ci = d.ci
            JOIN history AS h ON h.ci = s.ci
            LEFT JOIN own AS o ON o.ci = s.ci AND o.last_transaction = s.last_transaction
            WHERE h.n < coalesce(o.n, 'infinity'::float8)
              AND CASE WHEN h.operation = 'update' THEN CASE WHEN s.operation = 'change' THEN h.attribute = s.attribute ELSE h.attribute IS NOT NULL AND h.attribute <> ALL (s.exempt) END
                       ELSE h.attribute IS NULL AND (h.operation = 'delete' OR (h.operation = 'insert' AND s.operation <> 'change')) END
            ORDER BY s.ci_id, s.operation, s.attribute, h.attribute, h.n DESC
        ), present AS MATERIALIZED (
            SELECT v.* FROM release_mgmt_internal.present_values(
                ARRAY(SELECT DISTINCT s.ci FROM standing AS s),
                ARRAY(SELECT s.attribute FROM standing AS s UNION SELECT t.column_name FROM touched AS t UNION SELECT 'tableoid' FROM standing AS s WHERE s.operation = 'create')) AS v
            WHERE v.is_column
        ), later AS MATERIALIZED (
            -- What led back to the value that the release had left is no conflict; a row that was deleted or created again is.
            SELECT t.ci_id, t.operation, t.attribute,
                   coalesce(max(CASE WHEN t.column_name IS NULL THEN release_mgmt_internal.later_work(t.ci_id, t.operation, t.attribute, t.last_transaction) END),
                            string_agg(CASE WHEN t.column_name IS NOT NULL THEN release_mgmt_internal.later_work(t.ci_id, 'change', t.column_name, t.last_transaction) END,
                                       E'\n' ORDER BY t.column_name COLLATE "C")) AS work
            FROM touched AS t LEFT JOIN present AS v ON v.ci = t.ci AND v.attribute = t.column_name
            WHERE CASE WHEN t.column_name IS NULL OR v.ci IS NULL THEN true
                       ELSE v.value IS DISTINCT FROM release_mgmt_internal.canonical_value(t.source, t.column_name, t.was_left) END
            GROUP BY t.ci_id, t.operation, t.attribute
        ), former AS MATERIALIZED (
            SELECT s.ci_id, s.attribute, h.n, h.old_value AS value
            FROM standing AS s
            JOIN history AS h ON h.ci = s.ci AND h.transaction_id = s.first_transaction AND h.attribute = s.attribute
            WHERE s.operation = 'change' AND h.operation = 'update'
        ), before AS MATERIALIZED (
            SELECT f.ci_id, f.attribute, f.value FROM former AS f
            LEFT JOIN former AS o ON o.ci_id = f.ci_id AND o.attribute = f.attribute AND o.n > f.n
            WHERE o.ci_id IS NULL
        ), came_from AS MATERIALIZED (
            -- The table that the row of a retired item was in, where that inherits from the class's: the plan says so, and the guard held to it.
            SELECT s.ci_id, s.ci, x.old_value AS name, release_mgmt_internal.child_named(s.source, x.old_value) AS child
            FROM standing AS s
            JOIN release_mgmt.planned_ci_change AS x ON x.release_id = plan_disturbed.release AND x.ci = s.ci AND x.operation = s.operation
            WHERE s.operation = 'retire' AND x.old_value IS NOT NULL
        ), deletion AS MATERIALIZED (
            SELECT DISTINCT s.ci_id, s.ci, s.last_transaction, s.source, coalesce(f.child, s.source) AS held, h.at
            FROM standing AS s
            LEFT JOIN came_from AS f ON f.ci_id = s.ci_id
            JOIN history AS h ON h.ci = s.ci AND h.transaction_id = s.last_transaction AND h.operation = 'delete' AND h.attribute IS NULL
            WHERE s.operation = 'retire' AND s.source IS NOT NULL
        ), planned AS (
            SELECT s.ci_id, s.ci, 'change' AS operation, s.attribute, p.value AS old_value,
                   release_mgmt_internal.canonical_value(s.source, s.attribute, b.value) AS new_value,
                   CASE WHEN s.source IS NULL THEN format('%s: its class is bound to no table.', s.ci)
                        WHEN l.ci_id IS NOT NULL THEN l.work
                        WHEN NOT s.retired AND s.new_value IS DISTINCT FROM p.value AND NOT release_mgmt_internal.same_value(s.ci, s.attribute, s.new_value, p.value)
                            THEN release_mgmt_internal.differs_from_release(s.ci, s.attribute, p.value, s.new_value)
                        WHEN b.ci_id IS NULL THEN format('%s %s: what it was before is not under this key in the ledger.', s.ci, s.attribute) END AS conflict
            FROM standing AS s
            LEFT JOIN present AS p ON p.ci = s.ci AND p.attribute = s.attribute
            LEFT JOIN before AS b ON b.ci_id = s.ci_id AND b.attribute = s.attribute
            LEFT JOIN later AS l ON l.ci_id = s.ci_id AND l.operation = 'change' AND l.attribute = s.attribute
            WHERE s.operation = 'change'
            UNION ALL
            SELECT s.ci_id, s.ci, CASE s.operation WHEN 'create' THEN 'retire' ELSE 'create' END, NULL, p.value, NULL,
                   CASE WHEN s.source IS NULL THEN format('%s: its class is bound to no table.', s.ci)
                        WHEN l.ci_id IS NOT NULL THEN l.work
                        WHEN f.child IS NULL AND f.name IS NOT NULL THEN format('%s: it was in %s, and no table of that name inherits from %s.', s.ci, f.name, s.source) END
            FROM standing AS s
            LEFT JOIN later AS l ON l.ci_id = s.ci_id AND l.operation = s.operation
            LEFT JOIN present AS p ON p.ci = s.ci AND p.attribute = 'tableoid' AND s.operation = 'create'
            LEFT JOIN came_from AS f ON f.ci_id = s.ci_id AND s.operation = 'retire'
            WHERE s.operation <> 'change'
            UNION ALL
            SELECT f.ci_id, f.ci, 'create', 'tableoid', NULL, f.name, NULL FROM came_from AS f
            UNION ALL
            -- An item that was deleted comes back with every column; the ledger leaves out what was NULL.
            (SELECT DISTINCT ON (s.ci_id, h.attribute) s.ci_id, s.ci, 'create', h.attribute, NULL,
                   release_mgmt_internal.canonical_value(coalesce(f.child, s.source), h.attribute, h.old_value), NULL
            FROM standing AS s
            LEFT JOIN came_from AS f ON f.ci_id = s.ci_id
            JOIN history AS h ON h.ci = s.ci AND h.transaction_id = s.last_transaction AND h.operation = 'delete' AND h.attribute IS NOT NULL
            WHERE s.operation = 'retire' AND s.source IS NOT NULL
            ORDER BY s.ci_id, h.attribute, h.n DESC)
            UNION ALL
            SELECT d.ci_id, d.ci, 'create', c.attribute, NULL, NULL, NULL
            FROM deletion AS d
            JOIN (SELECT o.source, o.held, o.at, n.attribute
                  FROM (SELECT DISTINCT x.source, x.held, x.at FROM deletion AS x) AS o
                  CROSS JOIN LATERAL release_mgmt_internal.defaulted_columns(o.source, o.held, o.at) AS n (attribute)) AS c
              ON c.source = d.source AND c.held = d.held AND c.at = d.at
            WHERE NOT EXISTS (SELECT FROM history AS h WHERE h.ci = d.ci AND h.transaction_id = d.last_transaction AND h.operation = 'delete' AND h.attribute = c.attribute)
        )
        SELECT p.* FROM planned AS p;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.plan_disturbed(uuid, text, uuid[], text[], text[]) IS
'What plan_back_out() returns, of the standing changes whose items, operations and attributes (empty: the item as such) are given: those of which the ledger tells more than that the release made them, and those of items as such.';

CREATE TYPE release_mgmt_internal.planned_restorations AS (ci_ids uuid[], items text[], operations text[], attributes text[], old_values text[], new_values text[], conflicts text[]);
COMMENT ON TYPE release_mgmt_internal.planned_restorations IS 'Restorations of a back-out, one for each place of the arrays: of each what planned_restoration says of one.';

-- Arrays from end to end: making rows of a hundred thousand restorations, and arrays of these, takes longer than to find them.
CREATE FUNCTION release_mgmt_internal.plan_back_out(release uuid, target text) RETURNS release_mgmt_internal.planned_restorations
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_sort = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    since CONSTANT timestamptz := (SELECT r.created_at FROM release_mgmt.release AS r WHERE r.id = plan_back_out.release);
    plan release_mgmt_internal.planned_restorations := ROW ('{}', '{}', '{}', '{}', '{}', '{}', '{}');
    batch record;
    former record;
    present text[];
    left_over uuid[];
    ids uuid[] := '{}';
    operations text[] := '{}';
    attributes text[] := '{}';
BEGIN
    PERFORM release_mgmt_internal.flush_changes();
    FOR batch IN
        SELECT c AS of_class, t.id AS table_id, s.*,
               s.operation = 'change' AND (release_mgmt_internal.bound_column(c.source, s.attribute)).attname IS NOT NULL AS is_column
        FROM (SELECT x.class, x.operation, coalesce(x.attribute, '') AS attribute, x.ci_ids AS ids, x.items, x.retired, x.first_transactions AS firsts,
                     x.last_transactions AS lasts, x.new_values
              FROM release_mgmt_internal.standing_batches(plan_back_out.release, plan_back_out.target) AS x
              WHERE x.operation = 'change' OR x.attribute IS NULL) AS s
        JOIN release_mgmt.ci_class AS c ON c.name = s.class
        LEFT JOIN release_mgmt.governed_table AS t ON t.source = c.source
    LOOP
        left_over := batch.ids;
        IF batch.is_column THEN
            SELECT f.is_undisturbed, f.value INTO STRICT former
            FROM release_mgmt_internal.former_values(batch.table_id, batch.items, octet_length(batch.class) + 1, batch.attribute, batch.firsts, batch.lasts, since) AS f;
            left_over := '{}';
            IF false = ANY (former.is_undisturbed) THEN
                left_over := ARRAY(SELECT x.id FROM unnest(batch.ids, former.is_undisturbed) AS x (id, is_undisturbed) WHERE NOT x.is_undisturbed);
                SELECT array_agg(x.id), array_agg(x.item), array_agg(x.retired), array_agg(x.new_value), array_agg(x.former)
                INTO batch.ids, batch.items, batch.retired, batch.new_values, former.value
                FROM unnest(batch.ids, batch.items, batch.retired, batch.new_values, former.value, former.is_undisturbed) AS x (id, item, retired, new_value, former, is_undisturbed)
                WHERE x.is_undisturbed;
            END IF;
            IF cardinality(batch.ids) > 0 THEN
                present := release_mgmt_internal.present_column(batch.of_class, batch.attribute, batch.items);
                plan.ci_ids := plan.ci_ids || batch.ids;
                plan.items := plan.items || batch.items;
                plan.operations := plan.operations || array_fill('change'::text, ARRAY[cardinality(batch.ids)]);
                plan.attributes := plan.attributes || array_fill(batch.attribute, ARRAY[cardinality(batch.ids)]);
                plan.old_values := plan.old_values || present;
                plan.new_values := plan.new_values
                    || ARRAY(SELECT release_mgmt_internal.canonical_value((batch.of_class).source, batch.attribute, x.value) FROM unnest(former.value) AS x (value));
                plan.conflicts := plan.conflicts || CASE WHEN present = batch.new_values THEN array_fill(NULL::text, ARRAY[cardinality(batch.ids)]) ELSE
                    ARRAY(SELECT CASE WHEN NOT x.retired AND x.made IS DISTINCT FROM x.present AND NOT release_mgmt_internal.same_value(x.item, batch.attribute, x.made, x.present)
                                      THEN release_mgmt_internal.differs_from_release(x.item, batch.attribute, x.present, x.made) END
                          FROM unnest(batch.items, batch.retired, batch.new_values, present) AS x (item, retired, made, present)) END;
            END IF;
        END IF;
        ids := ids || left_over;
        operations := operations || array_fill(batch.operation, ARRAY[cardinality(left_over)]);
        attributes := attributes || array_fill(batch.attribute, ARRAY[cardinality(left_over)]);
    END LOOP;
    IF cardinality(ids) > 0 THEN
        SELECT plan.ci_ids || array_agg(d.ci_id), plan.items || array_agg(d.ci), plan.operations || array_agg(d.operation), plan.attributes || array_agg(d.attribute),
               plan.old_values || array_agg(d.old_value), plan.new_values || array_agg(d.new_value), plan.conflicts || array_agg(d.conflict)
        INTO plan
        FROM release_mgmt_internal.plan_disturbed(plan_back_out.release, plan_back_out.target, ids, operations, attributes) AS d;
    END IF;
    RETURN plan;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.plan_back_out(uuid, text) IS
'What a back-out restores, item by item and column by column, each with the conflict with later work, one line each, or NULL. Writes nothing.';

CREATE FUNCTION release_mgmt_internal.later_work(ci_id uuid, operation text, attribute text, after_transaction uuid) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET enable_nestloop = on
BEGIN ATOMIC
    WITH item AS (
        SELECT i.label, i.key, c.source, c.exempt FROM release_mgmt.ci AS i JOIN release_mgmt.ci_class AS c ON c.name = i.class WHERE i.id = later_work.ci_id
    ), history AS MATERIALIZED (
        SELECT h.*, pg_catalog.row_number() OVER () AS n FROM item AS i CROSS JOIN LATERAL release_mgmt.history_of(i.source, i.key) AS h
    )
    SELECT pg_catalog.string_agg(
        CASE h.operation
            WHEN 'update' THEN pg_catalog.format('%s %s: changed to %s by %s after the release.', i.label, k.attribute,
                                                 coalesce(pg_catalog.quote_literal(h.changed -> k.attribute ->> 'new'), 'NULL'), h.role)
            ELSE pg_catalog.format('%s: %sd by %s after the release.', i.label, CASE h.operation WHEN 'insert' THEN 'create' ELSE 'retire' END, h.role) END,
        E'\n' ORDER BY h.n DESC)
    FROM item AS i
    CROSS JOIN history AS h
    LEFT JOIN LATERAL pg_catalog.jsonb_object_keys(h.changed) AS k (attribute) ON h.operation = 'update'
    WHERE h.n < coalesce((SELECT pg_catalog.min(o.n) FROM history AS o WHERE o.transaction_id = later_work.after_transaction), 1 + (SELECT pg_catalog.count(*) FROM history))
      AND CASE WHEN later_work.operation = 'change' THEN h.operation = 'delete' OR k.attribute = later_work.attribute
               ELSE h.operation IN ('insert', 'delete') OR (k.attribute IS NOT NULL AND k.attribute <> ALL (i.exempt)) END;
END;
COMMENT ON FUNCTION release_mgmt_internal.later_work(uuid, text, text, uuid) IS
'What was done to an item after a transaction, one line for each change: of that attribute, or of the item as such.';

CREATE FUNCTION release_mgmt_internal.lock_created(release uuid, target text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET enable_hashjoin = off SET random_page_cost = 1.1 AS $$
DECLARE
    batch record;
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = lock_created.release AND x.operation = 'create') THEN
        RETURN;
    END IF;
    FOR batch IN
        SELECT c.source, c.key_columns, c.name, b.items
        FROM release_mgmt_internal.standing_batches(lock_created.release, lock_created.target) AS b JOIN release_mgmt.ci_class AS c ON c.name = b.class
        WHERE b.operation = 'create' AND b.attribute IS NULL AND c.source IS NOT NULL
    LOOP
        EXECUTE format('SELECT FROM (SELECT release_mgmt_internal.split_key(substr(u.label, $2)) AS parts FROM unnest($1) AS u (label) OFFSET 0) AS k JOIN %s AS t ON %s FOR UPDATE OF t',
            batch.source, release_mgmt_internal.key_condition(batch.source, batch.key_columns, 'k.parts'))
        USING batch.items, length(batch.name) + 2;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.lock_created(uuid, text) IS
'Locks the rows of the items that a back-out deletes, so that nobody works on them between its plan and that. (Where attributes are restored, the guard sees whether somebody was faster.)';

-- jit off, here and in drift() and trace_ci(): compiling costs more than all of the work. work_mem: a hundred thousand
-- restorations are sorted and joined in memory.
CREATE FUNCTION release_mgmt_internal.restore_ci_changes(release uuid, target text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_variable
DECLARE
    of_release record;
    back_out uuid;
    plan release_mgmt_internal.planned_restorations;
    restored bigint;
BEGIN
    SELECT r.code, r.state, s.kind INTO STRICT of_release
    FROM release_mgmt.release AS r JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state
    WHERE r.id = release FOR NO KEY UPDATE OF r;
    PERFORM release_mgmt_internal.lock_created(release, target);
    plan := release_mgmt_internal.plan_back_out(release, target);
    IF cardinality(plan.items) = 0 THEN
        RETURN 0;
    END IF;
    IF of_release.kind = 'ended' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('release "%s" can not be backed out any more', of_release.code),
            format('It is %s.', of_release.state), 'Plan a release that changes back what this one changed.');
    END IF;
    IF array_remove(plan.conflicts, NULL) <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('back_out_conflict', format('release "%s" can not be backed out%s', of_release.code, coalesce(' of ' || target, '')),
            (SELECT string_agg(c.conflict, E'\n' ORDER BY c.ci COLLATE "C", c.attribute COLLATE "C" NULLS FIRST, c.conflict COLLATE "C")
             FROM (SELECT DISTINCT ON (x.conflict) x.* FROM unnest(plan.items, plan.attributes, plan.conflicts) AS x (ci, attribute, conflict)
                   WHERE x.conflict IS NOT NULL
                   ORDER BY x.conflict, x.ci COLLATE "C", x.attribute COLLATE "C" NULLS FIRST) AS c),
            'Later work stands on these. Undo it first, or plan a release that goes forward; SELECT * FROM release_mgmt.trace_ci(item) tells who and why.');
    END IF;
    INSERT INTO release_mgmt.ci_back_out (release_id, target, transaction_id, person_id)
    VALUES (release, target, release_mgmt_internal.current_transaction(), release_mgmt_internal.acting_person())
    RETURNING id INTO back_out;
    PERFORM release_mgmt_internal.begin_restoration(back_out, plan.ci_ids, plan.items, plan.operations, plan.attributes, plan.old_values, plan.new_values);
    -- Against the order in which an installation writes them.
    restored := release_mgmt_internal.apply_ci_changes(plan.items, plan.operations, plan.attributes, plan.new_values, backwards => true);
    PERFORM release_mgmt_internal.end_restoration();
    RETURN restored;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.restore_ci_changes(uuid, text) IS
'What back_out_ci_changes() does, without asking who acts; also the answer at the point back_out, where rollout asks for one target.';
SELECT release_mgmt_internal.register_check('restore_ci_changes', 'back_out', 'release_mgmt_internal.restore_ci_changes',
    'the rows of the CMDB are as they were before the release');

-- SECURITY DEFINER: restores rows on behalf of a person who may not write the tables.
CREATE FUNCTION release_mgmt.back_out_ci_changes(release text, target text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'change manager', 'operator');
    PERFORM release_mgmt_internal.require_duty_for(release_mgmt.release_id(back_out_ci_changes.release), 'release manager', 'change manager', 'operator');
    IF back_out_ci_changes.target IS NOT NULL
       AND NOT EXISTS (SELECT FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = release_mgmt.release_id(back_out_ci_changes.release) AND x.target = back_out_ci_changes.target
                       UNION ALL SELECT FROM release_mgmt.target AS t WHERE t.release_id = release_mgmt.release_id(back_out_ci_changes.release) AND t.ci = back_out_ci_changes.target) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release "%s" plans nothing on target "%s"', back_out_ci_changes.release, back_out_ci_changes.target),
            (SELECT format('It plans something on: %s.', string_agg(o.target, ', ' ORDER BY o.target COLLATE "C")) FROM (SELECT DISTINCT x.target FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = release_mgmt.release_id(back_out_ci_changes.release) LIMIT 20) AS o),
            'Name one of them, or none for all of the release.');
    END IF;
    RETURN release_mgmt_internal.restore_ci_changes(release_mgmt.release_id(back_out_ci_changes.release), back_out_ci_changes.target);
END $$;
COMMENT ON FUNCTION release_mgmt.back_out_ci_changes(text, text) IS
'Restores what a release changed in the CMDB, on one target (a label class/key) or all, from the row images that the ledger captured: changed attributes get their former values, items that it created are deleted, items that it deleted come back with every column. Columns that it did not plan are left alone. Returns the number of items restored; 0 where nothing of the release stands, so that repeating it does no harm. Windows do not stand in its way. Errors: RM002 unknown release, or one that plans nothing on the target, RM003 without one of the duties release manager, change manager, operator, RM015 the release has ended, RM016 later work touched the same columns, every conflict listed; then nothing is done.';
SELECT release_mgmt_internal.allow('{release manager,change manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.back_out_ci_changes(text, text)');
