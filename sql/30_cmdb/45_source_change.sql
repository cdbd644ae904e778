-- Module cmdb: which transactions changed what baselines are made of, so that a session may keep one and know when it is old.
--
-- A kept baseline holds as long as the rows seen here are the same as when it was read: they come and go with the transactions
-- that wrote them, and each snapshot sees exactly the changes that it sees the rows of. Nobody waits for anybody.

CREATE TABLE release_mgmt_internal.source_change (
    source     text,
    changed_in xid8 DEFAULT pg_current_xact_id(),
    id         uuid DEFAULT release_mgmt.new_id(),
    CONSTRAINT source_change_pkey PRIMARY KEY (source, changed_in, id)
);
COMMENT ON TABLE release_mgmt_internal.source_change IS
'One row or more for each transaction that changed a source: of a bound class which rows there are or what installed_columns() names, of a link table which rows there are or what link_columns_read() names, or a table of the extension. Written by the triggers rm_80_ci on bound tables and rm_95_source on the others, pruned on the way. Not dumped: transaction numbers are this cluster''s own.';
COMMENT ON COLUMN release_mgmt_internal.source_change.source IS
'name of the class, or qualified name of the table; a row in the place of others that were pruned counts as one more change';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt_internal.source_change', 'WHERE false');

CREATE FUNCTION release_mgmt_internal.note_source() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_note_source';
COMMENT ON FUNCTION release_mgmt_internal.note_source() IS
'Row trigger rm_95_source(column, ...): notes that this transaction changed the table: rows, or values of these columns; of any column where none is named.';

CREATE FUNCTION release_mgmt_internal.is_source(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER rm_95_source AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.note_source()', source);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER rm_95_source', source);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.is_source(regclass) IS
'Has the changes of a table of the extension noted in source_change: called beside its CREATE TABLE, or by a module above.';
SELECT release_mgmt_internal.is_source('release_mgmt.ci_class'), release_mgmt_internal.is_source('release_mgmt.ci_relation_class');

-- Link tables that tell what is installed where have the same trigger. Who replaces it, or switches it off, has them read each time.
CREATE FUNCTION release_mgmt_internal.link_columns_read(via regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT k.name COLLATE "C" ORDER BY k.name COLLATE "C"), '{}')
    FROM release_mgmt.ci_relation_class AS r
    CROSS JOIN LATERAL unnest(r.columns || r.to_columns || coalesce(release_mgmt_internal.path_columns(r.via, '(' || r.condition || ')'), '{}')) AS k (name)
    WHERE r.via = link_columns_read.via AND r.kind = 'installed on';
END;
COMMENT ON FUNCTION release_mgmt_internal.link_columns_read(regclass) IS
'The columns of a link table by which it tells what is installed on what; none where it does not.';

CREATE FUNCTION release_mgmt_internal.is_followed(relation regclass, columns text[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- 29: AFTER INSERT OR UPDATE OR DELETE, FOR EACH ROW.
    SELECT EXISTS (
        SELECT FROM pg_trigger AS t
        WHERE t.tgrelid = is_followed.relation AND t.tgname = 'rm_95_source' AND t.tgenabled = 'A' AND t.tgtype = 29
          AND t.tgfoid = 'release_mgmt_internal.note_source()'::regprocedure AND t.tgqual IS NULL AND NOT t.tgdeferrable AND cardinality(t.tgattr::smallint[]) = 0
          AND t.tgargs = (SELECT string_agg(convert_to(k.name, getdatabaseencoding()) || '\x00'::bytea, ''::bytea ORDER BY k.n) FROM unnest(columns) WITH ORDINALITY AS k (name, n)));
END;
COMMENT ON FUNCTION release_mgmt_internal.is_followed(regclass, text[]) IS 'Does the trigger rm_95_source of a table stand as follow_link() put it, for changes of these columns?';

CREATE FUNCTION release_mgmt_internal.follow_link(via regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    columns CONSTANT text[] := release_mgmt_internal.link_columns_read(via);
    relation regclass;
BEGIN
    FOR relation IN SELECT r FROM release_mgmt_internal.bound_relations(via) AS r LOOP
        CONTINUE WHEN release_mgmt_internal.is_followed(relation, columns);
        -- That of a partition is its parent's, which comes before.
        IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'rm_95_source' AND t.tgparentid = 0) THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('DROP TRIGGER rm_95_source ON %s', relation));
        END IF;
        IF columns <> '{}' THEN
            PERFORM release_mgmt_internal.run_own_ddl(format('CREATE TRIGGER rm_95_source AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION release_mgmt_internal.note_source(%s)',
                                                             relation, (SELECT string_agg(quote_literal(k.name), ', ' ORDER BY k.n) FROM unnest(columns) WITH ORDINALITY AS k (name, n))))
            WHERE NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = 'rm_95_source');
            PERFORM release_mgmt_internal.run_own_ddl(format('ALTER TABLE %s ENABLE ALWAYS TRIGGER rm_95_source', relation));
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_link(regclass) IS
'Has the changes of a link table, and of everything that inherits from it, noted in source_change as long as it tells what is installed where.';

CREATE FUNCTION release_mgmt_internal.follow_links() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A table that is being dropped is not there any more.
    PERFORM release_mgmt_internal.follow_link(v.via)
    FROM (SELECT OLD.via UNION SELECT NEW.via) AS v (via) JOIN pg_class AS c ON c.oid = v.via;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_links() IS 'Row trigger of ci_relation_class: has the changes of link tables noted, or not any more.';
CREATE TRIGGER rm_97_links AFTER INSERT OR UPDATE OR DELETE ON release_mgmt.ci_relation_class
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.follow_links();

-- The ledger notes the members of governed tables after the statement.
CREATE FUNCTION release_mgmt_internal.follow_link_members() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    link record;
BEGIN
    FOR link IN
        SELECT g.source, g.members::oid[] AS members, t.relations
        FROM release_mgmt.governed_table AS g
        CROSS JOIN LATERAL (SELECT array_agg(r::oid) AS relations FROM release_mgmt_internal.bound_relations(g.source) AS r) AS t
        WHERE g.source IN (SELECT r.via FROM release_mgmt.ci_relation_class AS r WHERE r.kind = 'installed on')
          AND NOT (t.relations @> g.members::oid[] AND g.members::oid[] @> t.relations)
    LOOP
        PERFORM release_mgmt_internal.follow_link(link.source);
        PERFORM release_mgmt_internal.run_own_ddl(format('DROP TRIGGER rm_95_source ON %s', t.tgrelid::regclass))
        FROM pg_trigger AS t
        WHERE t.tgrelid = ANY (link.members) AND t.tgrelid <> ALL (link.relations) AND t.tgname = 'rm_95_source' AND t.tgparentid = 0;
    END LOOP;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.follow_link_members() IS
'At the end of DDL: has the changes of what has come to inherit from a link table noted as its own are, and no more those of what has left it.';

CREATE FUNCTION release_mgmt_internal.prune_source_changes() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH past AS MATERIALIZED (
        SELECT o.ctid AS place, count(*) OVER (PARTITION BY o.source) AS notes FROM release_mgmt_internal.source_change AS o
        WHERE o.changed_in < pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())
    ), pruned AS (
        -- Who prunes at the same time takes other rows.
        DELETE FROM release_mgmt_internal.source_change AS c
        WHERE c.ctid = ANY (ARRAY(SELECT o.ctid FROM release_mgmt_internal.source_change AS o
                                  WHERE o.ctid IN (SELECT p.place FROM past AS p WHERE p.notes > 1)
                                  FOR UPDATE SKIP LOCKED))
        RETURNING c.source, c.changed_in
    )
    -- As the last of them, so that what was made after all of them stays as it is.
    INSERT INTO release_mgmt_internal.source_change (source, changed_in)
    SELECT DISTINCT ON (p.source) p.source, p.changed_in FROM pruned AS p ORDER BY p.source, p.changed_in DESC;
END;
COMMENT ON FUNCTION release_mgmt_internal.prune_source_changes() IS
'Puts one row in the place of all that transactions which ended noted of a source; one alone stays as it is. Called now and then by those that note something.';

-- A set of one row, so that it becomes part of the query that asks.
CREATE FUNCTION release_mgmt_internal.source_changes(sources text[], since xid8) RETURNS TABLE (present xid8, changes uuid[])
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
BEGIN ATOMIC
    SELECT s.oldest,
           ARRAY(SELECT c.id FROM release_mgmt_internal.source_change AS c
                 WHERE c.source = ANY (sources) AND c.changed_in >= coalesce(since, s.oldest) ORDER BY c.id)
    FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS oldest) AS s;
END;
COMMENT ON FUNCTION release_mgmt_internal.source_changes(text[], xid8) IS
'present: the oldest transaction that the snapshot takes to be running; changes: what those from since (NULL: from present) on noted of the sources, as far as the snapshot sees it. Two snapshots see the same in the sources where, from the first one''s present on, they see the same changes, and the second one''s present is not less.';
