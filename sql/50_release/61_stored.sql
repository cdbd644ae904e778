-- Module release: baselines of compatibility checks that every session finds, so that none reads tens of thousands of rows first.
--
-- A stored one is used where it is what the session would read itself, and otherwise is as if it were not there: see
-- src/release/compat_stored.c. So nothing needs to keep it up to date but who wants it fast.

CREATE TABLE release_mgmt_internal.stored_baseline (
    target       uuid,
    form         text NOT NULL,
    role         oid NOT NULL,
    sources      text[] NOT NULL,
    relations    oid[] NOT NULL,
    shape        text NOT NULL,
    since        xid8 NOT NULL,
    changes      uuid[] NOT NULL,
    lasting      bytea NOT NULL,
    members      bytea NOT NULL,
    clauses      bytea NOT NULL,
    alternatives bytea NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stored_baseline_pkey PRIMARY KEY (target)
);
-- Not compressed: that would take longer than what it saves.
ALTER TABLE release_mgmt_internal.stored_baseline ALTER COLUMN lasting SET STORAGE EXTERNAL, ALTER COLUMN members SET STORAGE EXTERNAL,
    ALTER COLUMN clauses SET STORAGE EXTERNAL, ALTER COLUMN alternatives SET STORAGE EXTERNAL;
COMMENT ON TABLE release_mgmt_internal.stored_baseline IS
'What is installed on a target as a compatibility check has it in memory. Written by store_baselines(), the last one for each target. Not dumped: it is for this server alone, and made anew.';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.target IS 'all zeros: what is installed on no target';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.form IS 'of the parts: layout, version of the server, kind of machine';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.role IS 'who read it';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.sources IS 'what it was read from, as source_change names it';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.shape IS 'of the tables in relations: see shape_of()';
COMMENT ON COLUMN release_mgmt_internal.stored_baseline.changes IS 'of the sources, noted from the transaction since on, as far as it has seen them: see source_changes()';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.stored_baseline', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.shape_of(relations oid[]) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.md5(coalesce(pg_catalog.string_agg(s.part, ' ' ORDER BY s.part COLLATE "C"), ''))
    FROM (SELECT pg_catalog.concat_ws(':', c.oid, c.xmin, c.relfilenode) AS part FROM pg_catalog.pg_class AS c WHERE c.oid = ANY (relations)
          UNION ALL
          SELECT pg_catalog.concat_ws(':', a.attrelid, a.attnum, a.xmin) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = ANY (relations) AND a.attnum > 0
          UNION ALL
          SELECT pg_catalog.concat_ws(':', t.tgrelid, t.oid, t.xmin) FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = ANY (relations) AND NOT t.tgisinternal) AS s;
END;
COMMENT ON FUNCTION release_mgmt_internal.shape_of(oid[]) IS
'A text that is another one after DDL on any of the tables: their rows of pg_class, pg_attribute and pg_trigger by the transactions that wrote them, and where their rows lie (TRUNCATE).';

CREATE FUNCTION release_mgmt_internal.pack_baseline(target uuid,
    OUT form text, OUT role oid, OUT sources text[], OUT relations oid[], OUT since xid8, OUT changes uuid[], OUT lasting bytea, OUT members bytea, OUT clauses bytea,
    OUT alternatives bytea)
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'rm_pack_baseline';
COMMENT ON FUNCTION release_mgmt_internal.pack_baseline(uuid) IS
'What stored_baseline holds of a target (NULL: what is installed on none), as this snapshot sees it; NULLs where a change of what it is read from would not be noted, or it is stored already.';

-- SECURITY DEFINER: reads what is installed everywhere, and keeps it where nobody reads it but the checks.
CREATE FUNCTION release_mgmt.store_baselines(targets text[] DEFAULT NULL, environment text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    item record;
    written integer := 0;
    n integer;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager', 'operator');
    FOR item IN SELECT t.id FROM release_mgmt_internal.compatibility_targets(NULL, targets, environment) AS t ORDER BY t.label LOOP
        -- One statement, so that the shape is of the snapshot that the rows are of.
        INSERT INTO release_mgmt_internal.stored_baseline AS b (target, form, role, sources, relations, shape, since, changes, lasting, members, clauses, alternatives)
        SELECT coalesce(item.id, '00000000-0000-0000-0000-000000000000'), p.form, p.role, p.sources, p.relations, release_mgmt_internal.shape_of(p.relations),
               p.since, p.changes, p.lasting, p.members, p.clauses, p.alternatives
        FROM release_mgmt_internal.pack_baseline(item.id) AS p WHERE p.lasting IS NOT NULL
        ON CONFLICT ON CONSTRAINT stored_baseline_pkey DO UPDATE
        SET (form, role, sources, relations, shape, since, changes, lasting, members, clauses, alternatives, stored_at)
          = (excluded.form, excluded.role, excluded.sources, excluded.relations, excluded.shape, excluded.since, excluded.changes, excluded.lasting, excluded.members,
             excluded.clauses, excluded.alternatives, excluded.stored_at);
        GET DIAGNOSTICS n = ROW_COUNT;
        written := written + n;
    END LOOP;
    RETURN written;
END $$;
COMMENT ON FUNCTION release_mgmt.store_baselines(text[], text) IS
'Stores what is installed on targets in the form in which compatibility checks use it, so that a session that has not looked at them yet has it at once; returns how many it wrote, by hand or from cron. targets: labels of configuration items; environment: code of an environment, whose targets are meant; without both, every item on which something is installed. What is stored is used while nothing it was read from has changed. Errors: RM002 unknown target or environment, RM003 without the duty release manager or operator.';
SELECT release_mgmt_internal.allow('{release manager,operator}', 'EXECUTE', 'FUNCTION release_mgmt.store_baselines(text[], text)');
