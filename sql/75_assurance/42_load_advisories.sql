-- Module assurance: how advisories come in.

CREATE FUNCTION release_mgmt_internal.osv_records(feed text) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF feed ~ '^\s*\[' THEN
        RETURN QUERY SELECT jsonb_array_elements(feed::jsonb);
    ELSE
        -- JSON lines; or one record, over as many lines as it likes.
        BEGIN
            RETURN QUERY SELECT l.line::jsonb FROM regexp_split_to_table(feed, E'\r?\n') AS l(line) WHERE l.line <> '';
        EXCEPTION WHEN invalid_text_representation THEN
            RETURN QUERY SELECT feed::jsonb;
        END;
    END IF;
EXCEPTION WHEN invalid_text_representation THEN
    PERFORM release_mgmt_internal.refuse('bad_content', 'the advisories are no JSON', sqlerrm || '.',
        'Give one record of OSV, an array of them, or one in each line (jq -c . *.json).');
END $$;
COMMENT ON FUNCTION release_mgmt_internal.osv_records(text) IS 'The records of OSV in a text: one, an array of them, or one in each line. Errors: RM019 no JSON.';

CREATE FUNCTION release_mgmt_internal.osv_versions(affected jsonb, OUT versions release_mgmt.pkgver_multirange, OUT fault text)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    versions := release_mgmt.osv_affected(affected);
    IF isempty(versions) AND EXISTS (SELECT FROM jsonb_array_elements(coalesce(affected -> 'ranges', '[]')) AS r WHERE r ->> 'type' = 'GIT') THEN
        versions := NULL;
        fault := 'only commits are named';
    END IF;
EXCEPTION WHEN data_exception THEN
    fault := sqlerrm;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.osv_versions(jsonb) IS 'The versions that an element of affected names, or why they can not be read.';

CREATE FUNCTION release_mgmt_internal.touch_holders(items uuid[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    -- What has ended passes no gate any more.
    SELECT release_mgmt_internal.raise_revision(ARRAY(
        SELECT DISTINCT r.id
        FROM release_mgmt.component AS c JOIN release_mgmt.release_package AS k ON k.id = c.package_id AND k.current
        JOIN release_mgmt.release AS r ON r.id = k.release_id
        JOIN release_mgmt.model_state AS s ON s.model_id = r.model_id AND s.state = r.state AND s.kind <> 'ended'
        WHERE c.item_id = ANY (items)));
END;
COMMENT ON FUNCTION release_mgmt_internal.touch_holders(uuid[]) IS
'Raises the revision of the releases, but those that ended, whose packages hold any of the items: a gate of theirs waits, or is waited for, and none is passed beside what becomes known of an item.';

CREATE FUNCTION release_mgmt_internal.touch_affected(advisories uuid[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.touch_holders(ARRAY(
        SELECT i.item_id FROM release_mgmt.advisory_package AS p JOIN release_mgmt.item_part AS i ON i.package = p.package WHERE p.advisory_id = ANY (advisories)
        UNION
        SELECT i.id FROM release_mgmt.library_item AS i
        WHERE release_mgmt.purl_package(coalesce(i.built_from, i.purl)) IN (SELECT p.package FROM release_mgmt.advisory_package AS p WHERE p.advisory_id = ANY (advisories))));
END;
COMMENT ON FUNCTION release_mgmt_internal.touch_affected(uuid[]) IS 'Raises the revision of the releases whose components the advisories name.';

-- SECURITY DEFINER: the tables are written by this verb alone.
CREATE FUNCTION release_mgmt.load_advisories(feed text, ecosystems text[] DEFAULT NULL)
RETURNS TABLE (new bigint, changed bigint, unchanged bigint, unreadable bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    records jsonb[];
    known uuid[];
    written uuid[];
    faults text;
BEGIN
    IF feed IS NOT NULL THEN
        records := ARRAY(SELECT r FROM release_mgmt_internal.osv_records(feed) AS r);
    END IF;
    SELECT string_agg(format('record %s has no %s', r.n, m.missing), '; ' ORDER BY r.n) INTO faults
    FROM unnest(records) WITH ORDINALITY AS r(record, n)
    CROSS JOIN LATERAL (SELECT concat_ws(', ', CASE WHEN coalesce(r.record ->> 'id', '') = '' THEN 'id' END, CASE WHEN r.record ->> 'modified' IS NULL THEN 'modified' END)) AS m(missing)
    WHERE m.missing <> '';
    IF faults IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'the advisories are no records of OSV', left(faults, 1000) || '.', 'See the OSV schema: each record has an id and says when it was modified.');
    END IF;
    SELECT string_agg(quote_ident(e.ecosystem), ', ' ORDER BY e.ecosystem) INTO faults
    FROM unnest(ecosystems) AS e(ecosystem) WHERE NOT EXISTS (SELECT FROM release_mgmt_internal.osv_ecosystem AS o WHERE o.ecosystem = e.ecosystem);
    IF faults IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no ecosystem of OSV that can be held against package URLs is called %s', faults), NULL,
            format('Known are %s.', (SELECT string_agg(o.ecosystem, ', ' ORDER BY o.ecosystem COLLATE "C") FROM release_mgmt_internal.osv_ecosystem AS o)));
    END IF;

    known := ARRAY(SELECT a.id FROM release_mgmt.advisory AS a WHERE a.code IN (SELECT r.record ->> 'id' FROM unnest(records) AS r(record)));
    WITH given AS MATERIALIZED (
        -- Of one advisory given twice, the later.
        SELECT DISTINCT ON (r.record ->> 'id') r.record ->> 'id' AS code, (r.record ->> 'modified')::timestamptz AS modified_at, r.record
        FROM unnest(records) AS r(record) ORDER BY r.record ->> 'id', (r.record ->> 'modified')::timestamptz DESC
    ), stored AS (
        INSERT INTO release_mgmt.advisory AS a (code, aliases, summary, severity, score, vector, published_at, modified_at, withdrawn_at, loaded_by)
        SELECT g.code, ARRAY(SELECT x FROM jsonb_array_elements_text(coalesce(g.record -> 'aliases', '[]')) AS x), coalesce(g.record ->> 'summary', left(g.record ->> 'details', 200)),
               coalesce(release_mgmt_internal.severity_of(s.score), release_mgmt_internal.osv_severity(g.record)), s.score, s.vector,
               (g.record ->> 'published')::timestamptz, g.modified_at, (g.record ->> 'withdrawn')::timestamptz, acting
        FROM given AS g
        LEFT JOIN LATERAL (SELECT v.x ->> 'score' AS vector, release_mgmt_internal.try_score(v.x ->> 'score') AS score
                           FROM (SELECT jsonb_path_query(g.record, 'lax $.severity[*]') UNION ALL SELECT jsonb_path_query(g.record, 'lax $.affected[*].severity[*]')) AS v(x)
                           WHERE release_mgmt_internal.try_score(v.x ->> 'score') IS NOT NULL ORDER BY 2 DESC, 1 LIMIT 1) AS s ON true
        ORDER BY g.code COLLATE "C"
        ON CONFLICT ON CONSTRAINT advisory_code_key DO UPDATE
            SET aliases = excluded.aliases, summary = excluded.summary, severity = excluded.severity, score = excluded.score, vector = excluded.vector,
                published_at = excluded.published_at, modified_at = excluded.modified_at, withdrawn_at = excluded.withdrawn_at,
                loaded_by = excluded.loaded_by, loaded_at = excluded.loaded_at
            WHERE a.modified_at < excluded.modified_at
        RETURNING a.id
    )
    SELECT array_agg(s.id) INTO written FROM stored AS s;
    DELETE FROM release_mgmt.advisory_package AS p WHERE p.advisory_id = ANY (written);
    WITH affecting AS (
        INSERT INTO release_mgmt.advisory_package AS p (advisory_id, ordinal, ecosystem, name, package, versions, fault)
        SELECT a.id, f.ordinal, f.content #>> '{package,ecosystem}', f.content #>> '{package,name}',
               coalesce(purl_package(release_mgmt_internal.try_purl(f.content #>> '{package,purl}')),
                        release_mgmt_internal.osv_package(f.content #>> '{package,ecosystem}', f.content #>> '{package,name}')),
               v.versions, v.fault
        FROM unnest(records) AS r(record)
        JOIN release_mgmt.advisory AS a ON a.code = r.record ->> 'id' AND a.modified_at = (r.record ->> 'modified')::timestamptz AND a.id = ANY (written)
        CROSS JOIN LATERAL jsonb_array_elements(coalesce(r.record -> 'affected', '[]')) WITH ORDINALITY AS f(content, ordinal)
        CROSS JOIN LATERAL release_mgmt_internal.osv_versions(f.content) AS v
        WHERE f.content #>> '{package,ecosystem}' IS NOT NULL AND f.content #>> '{package,name}' IS NOT NULL
        ORDER BY a.id, f.ordinal
        ON CONFLICT DO NOTHING
        RETURNING p.fault
    )
    SELECT count(a.fault) INTO unreadable FROM affecting AS a;
    -- Whoever asks next in this transaction, or before the next autovacuum, is to have a plan for what is there now.
    IF cardinality(written) * 10 > (SELECT greatest(c.reltuples, 100) FROM pg_class AS c WHERE c.oid = 'release_mgmt.advisory'::regclass) THEN
        ANALYZE release_mgmt.advisory, release_mgmt.advisory_package;
    END IF;
    PERFORM release_mgmt_internal.touch_affected(written);

    INSERT INTO release_mgmt.advisory_feed AS f (ecosystem, loaded_by, loaded_at)
    SELECT o.ecosystem, acting, clock_timestamp()
    FROM release_mgmt_internal.osv_ecosystem AS o
    WHERE o.ecosystem = ANY (coalesce(ecosystems, ARRAY(SELECT DISTINCT split_part(e.name #>> '{}', ':', 1)
                                                         FROM unnest(records) AS r(record), jsonb_path_query(r.record, 'lax $.affected[*].package.ecosystem') AS e(name))))
    ORDER BY o.ecosystem COLLATE "C"
    ON CONFLICT ON CONSTRAINT advisory_feed_pkey DO UPDATE SET loaded_by = excluded.loaded_by, loaded_at = excluded.loaded_at;

    new := (SELECT count(*) FROM unnest(written) AS w(id) WHERE w.id <> ALL (known));
    changed := coalesce(cardinality(written), 0) - new;
    unchanged := cardinality(known) - changed;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION release_mgmt.load_advisories(text, text[]) IS
'Reads security advisories: records of the OSV schema as JSON, one, an array, or one in each line; of one that is known the later by "modified" stands. ecosystems: of which the advisories are hereby up to date, by default those that the records name; where nothing is new, give NULL and name them. Returns how many advisories are new, changed and unchanged, and in how many packages of the written ones the versions can not be read (advisory_package.fault): there every version counts as affected. Duty: librarian. Errors: RM001, RM002 no such ecosystem, RM003, RM019 no such records, 22007 a malformed time.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.load_advisories(text, text[])');
