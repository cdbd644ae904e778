-- Module library, second part: what packages say of each other.

CREATE TABLE release_mgmt.known_package (
    id             uuid DEFAULT release_mgmt.new_id(),
    name           text NOT NULL,
    version        release_mgmt.pkgver NOT NULL,
    architecture   text NOT NULL,
    multi_arch     text,
    essential      boolean NOT NULL DEFAULT false,
    clauses_digest release_mgmt.digest NOT NULL,
    loaded_by      uuid NOT NULL,
    loaded_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT known_package_pkey PRIMARY KEY (id),
    CONSTRAINT known_package_name_version_architecture_key UNIQUE (name, version, architecture),
    CONSTRAINT known_package_loaded_by_fkey FOREIGN KEY (loaded_by) REFERENCES release_mgmt.person
);
COMMENT ON TABLE release_mgmt.known_package IS
'Packages whose relations are known although the library does not hold them: what is installed, as dpkg''s status file or an archive''s index describes it. Written by load_package_clauses().';
COMMENT ON COLUMN release_mgmt.known_package.essential IS 'marked Essential: yes';
COMMENT ON COLUMN release_mgmt.known_package.clauses_digest IS 'over its clauses as they were loaded; tells whether a later load says something else';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.known_package', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.known_package');
SELECT release_mgmt_internal.is_source('release_mgmt.known_package');
SELECT release_mgmt_internal.is_shared('release_mgmt.known_package', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.known_package');

CREATE TABLE release_mgmt.package_clause (
    id               uuid DEFAULT release_mgmt.new_id(),
    item_id          uuid,
    known_package_id uuid,
    kind             text NOT NULL,
    clause_no        integer NOT NULL,
    alternative_no   integer NOT NULL DEFAULT 1,
    name             text NOT NULL,
    architecture     text,
    versions         release_mgmt.pkgver_range,
    requirement      release_mgmt.pkgreq,
    text             text NOT NULL,
    CONSTRAINT package_clause_pkey PRIMARY KEY (id),
    CONSTRAINT package_clause_item_id_key UNIQUE (item_id, kind, clause_no, alternative_no),
    CONSTRAINT package_clause_known_package_id_key UNIQUE (known_package_id, kind, clause_no, alternative_no),
    CONSTRAINT package_clause_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item,
    CONSTRAINT package_clause_known_package_id_fkey FOREIGN KEY (known_package_id) REFERENCES release_mgmt.known_package,
    CONSTRAINT package_clause_subject_check CHECK (num_nonnulls(item_id, known_package_id) = 1),
    CONSTRAINT package_clause_kind_check
        CHECK (kind IN ('requires', 'pre-requires', 'conflicts', 'breaks', 'provides', 'replaces')),
    CONSTRAINT package_clause_versions_check CHECK (num_nonnulls(versions, requirement) <= 1),
    CONSTRAINT package_clause_alternative_check
        CHECK (alternative_no = 1 OR (alternative_no > 1 AND kind IN ('requires', 'pre-requires')))
);
COMMENT ON TABLE release_mgmt.package_clause IS
'What a package says of others, one row for each alternative of each clause. Debian''s fields stand under the field''s own words: Depends is requires, Pre-Depends pre-requires (Debian Policy, chapter 7).';
COMMENT ON COLUMN release_mgmt.package_clause.clause_no IS 'numbers the clauses of one kind; a requires-clause is met when one of its alternatives is';
COMMENT ON COLUMN release_mgmt.package_clause.architecture IS 'qualifier after the name: an architecture, or any; NULL where there is none';
COMMENT ON COLUMN release_mgmt.package_clause.versions IS 'NULL: any version, or for provides: none';
COMMENT ON COLUMN release_mgmt.package_clause.requirement IS 'in place of versions: what the package''s own tool asks for, with its rules on pre-releases';
COMMENT ON COLUMN release_mgmt.package_clause.text IS 'the whole clause as the package states it';
CREATE INDEX package_clause_name_idx ON release_mgmt.package_clause (name);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.package_clause', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.package_clause');
SELECT release_mgmt_internal.is_source('release_mgmt.package_clause');
SELECT release_mgmt_internal.is_shared('release_mgmt.package_clause', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.package_clause');
SELECT release_mgmt_internal.allow('{librarian}', 'INSERT (item_id, kind, clause_no, alternative_no, name, architecture, versions, requirement, text)', 'release_mgmt.package_clause');

CREATE FUNCTION release_mgmt_internal.relation_range(relation text, version release_mgmt.pkgver) RETURNS release_mgmt.pkgver_range
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE relation
        WHEN '<<' THEN release_mgmt.pkgver_range(NULL, version, '()')
        WHEN '<=' THEN release_mgmt.pkgver_range(NULL, version, '(]')
        WHEN '=' THEN release_mgmt.pkgver_range(version, version, '[]')
        WHEN '>=' THEN release_mgmt.pkgver_range(version, NULL, '[)')
        WHEN '>>' THEN release_mgmt.pkgver_range(version, NULL, '()')
    END;
END;
COMMENT ON FUNCTION release_mgmt_internal.relation_range(text, release_mgmt.pkgver) IS
'The versions that a Debian relation (<<, <=, =, >=, >>) and version allow; NULL for no relation.';

CREATE FUNCTION release_mgmt_internal.control_packages(control text)
RETURNS TABLE (stanza integer, name text, version text, architecture text, multi_arch text, essential text, source text, status text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_control_packages';
COMMENT ON FUNCTION release_mgmt_internal.control_packages(text) IS
'The packages that Debian control data (deb822) describes, one row a stanza; fields that are not there are NULL. Errors: RM019.';

CREATE FUNCTION release_mgmt_internal.control_clauses(control text)
RETURNS TABLE (stanza integer, kind text, clause_no integer, alternative_no integer, name text, architecture text, relation text, version text, clause text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_control_clauses';
COMMENT ON FUNCTION release_mgmt_internal.control_clauses(text) IS
'The relations between packages that Debian control data states (Debian Policy 7.1), one row an alternative. Errors: RM019.';

-- SECURITY DEFINER: a librarian loads what packages say without holding INSERT on known_package.
CREATE FUNCTION release_mgmt.load_package_clauses(control_text text) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    incomplete text;
    changed uuid[];
BEGIN
    SELECT string_agg(p.stanza::text, ', ' ORDER BY p.stanza) INTO incomplete
    FROM release_mgmt_internal.control_packages(control_text) AS p
    WHERE (p.status IS NULL OR p.status LIKE '% installed') AND num_nulls(p.name, p.version, p.architecture) > 0;
    IF incomplete IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'control data describes packages without name, version or architecture',
            format('Stanzas: %s.', incomplete), 'Give a Packages index, or dpkg''s status file.');
    END IF;

    WITH clauses AS (
        SELECT c.stanza, string_agg(concat_ws(E'\t', c.kind, c.clause_no, c.clause), E'\n' ORDER BY c.kind, c.clause_no) AS said
        FROM release_mgmt_internal.control_clauses(control_text) AS c
        WHERE c.alternative_no = 1
        GROUP BY c.stanza
    ), loaded AS (
        INSERT INTO release_mgmt.known_package AS k (name, version, architecture, multi_arch, essential, clauses_digest, loaded_by)
        SELECT DISTINCT ON (p.name, p.version, p.architecture)
               p.name, pkgver('deb', p.version), p.architecture, p.multi_arch, p.essential IS NOT DISTINCT FROM 'yes',
               compute_digest(convert_to(concat_ws(E'\n', coalesce(p.multi_arch, ''), coalesce(p.essential, ''), clauses.said), 'UTF8')),
               acting
        FROM release_mgmt_internal.control_packages(control_text) AS p
        LEFT JOIN clauses USING (stanza)
        WHERE p.status IS NULL OR p.status LIKE '% installed'
        ORDER BY p.name, p.version, p.architecture, p.stanza DESC
        ON CONFLICT ON CONSTRAINT known_package_name_version_architecture_key DO UPDATE
            SET multi_arch = excluded.multi_arch, essential = excluded.essential, clauses_digest = excluded.clauses_digest,
                loaded_by = excluded.loaded_by, loaded_at = excluded.loaded_at
            WHERE k.clauses_digest <> excluded.clauses_digest
        RETURNING k.id
    )
    SELECT array_agg(loaded.id) INTO changed FROM loaded;

    DELETE FROM release_mgmt.package_clause AS c WHERE c.known_package_id = ANY (changed);
    INSERT INTO release_mgmt.package_clause (known_package_id, kind, clause_no, alternative_no, name, architecture, versions, text)
    SELECT k.id, c.kind, c.clause_no, c.alternative_no, c.name, c.architecture,
           release_mgmt_internal.relation_range(c.relation, pkgver('deb', c.version)), c.clause
    FROM (SELECT DISTINCT ON (p.name, p.version, p.architecture) p.*
          FROM release_mgmt_internal.control_packages(control_text) AS p
          WHERE p.status IS NULL OR p.status LIKE '% installed'
          ORDER BY p.name, p.version, p.architecture, p.stanza DESC) AS p
    JOIN release_mgmt_internal.control_clauses(control_text) AS c USING (stanza)
    JOIN release_mgmt.known_package AS k
        ON k.name = p.name AND k.version = pkgver('deb', p.version) AND k.architecture = p.architecture
    WHERE k.id = ANY (changed)
    -- In the order in which checks read them.
    ORDER BY c.stanza, c.kind, c.clause_no, c.alternative_no;
    RETURN coalesce(cardinality(changed), 0);
END $$;
COMMENT ON FUNCTION release_mgmt.load_package_clauses(text) IS
'Learns what packages say of each other from Debian control data: dpkg''s status file (only what is installed counts) or an archive''s Packages index. Compatibility checks need this for what the targets hold. A package already known is replaced where the data now says something else. Returns the number of packages new or changed. Duty: librarian. Errors: RM001, RM003, RM019 with the line or stanza, 22P02 for a malformed version.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.load_package_clauses(text)');
