-- Module library: bills of materials, what an item holds within.

-- Which packages have advisories at all, and how their versions are read there, is said here once: the library keeps versions so.
CREATE VIEW release_mgmt_internal.osv_ecosystem WITH (security_invoker = true) AS
SELECT e.ecosystem, e.type, e.namespace
FROM (VALUES ('npm', 'npm', NULL), ('PyPI', 'pypi', NULL), ('Go', 'golang', NULL), ('crates.io', 'cargo', NULL), ('Maven', 'maven', NULL), ('NuGet', 'nuget', NULL),
             ('Hex', 'hex', NULL), ('Pub', 'pub', NULL), ('SwiftURL', 'swift', NULL), ('GitHub Actions', 'githubactions', NULL), ('Bitnami', 'bitnami', NULL),
             ('RubyGems', 'gem', NULL), ('Packagist', 'composer', NULL), ('Alpine', 'apk', 'alpine'), ('Debian', 'deb', 'debian'), ('Ubuntu', 'deb', 'ubuntu'),
             ('Red Hat', 'rpm', 'redhat'), ('AlmaLinux', 'rpm', 'almalinux'), ('Rocky Linux', 'rpm', 'rocky-linux'), ('openSUSE', 'rpm', 'opensuse'), ('SUSE', 'rpm', 'suse'),
             ('Mageia', 'rpm', 'mageia'), ('openEuler', 'rpm', 'openeuler'), ('Azure Linux', 'rpm', 'azure-linux')) AS e(ecosystem, type, namespace);
COMMENT ON VIEW release_mgmt_internal.osv_ecosystem IS
'The ecosystems of OSV that have a type of package URL, with its namespace where that is always the same. Source: OSV schema, package types of ECMA-427.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt_internal.osv_ecosystem');

CREATE FUNCTION release_mgmt_internal.purl_ecosystem(package release_mgmt.purl) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.ecosystem FROM release_mgmt_internal.osv_ecosystem AS e
    WHERE e.type = release_mgmt.purl_type(package) AND (e.namespace IS NULL OR e.namespace = release_mgmt.purl_namespace(package));
END;
COMMENT ON FUNCTION release_mgmt_internal.purl_ecosystem(release_mgmt.purl) IS 'The ecosystem of OSV that a package belongs to; NULL where none does.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.purl_ecosystem(release_mgmt.purl)');

CREATE FUNCTION release_mgmt_internal.advisory_version(package release_mgmt.purl) RETURNS release_mgmt.pkgver
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt.try_pkgver(CASE WHEN t.type IN ('npm', 'golang', 'cargo', 'hex', 'pub', 'swift', 'githubactions', 'bitnami') THEN 'semver'
                                        WHEN t.type = 'pypi' THEN 'pep440' WHEN t.type IN ('maven', 'nuget', 'deb', 'rpm') THEN t.type END, release_mgmt.purl_version(package))
    FROM (SELECT release_mgmt.purl_type(package)) AS t(type);
END;
COMMENT ON FUNCTION release_mgmt_internal.advisory_version(release_mgmt.purl) IS
'The version of a package in the scheme that advisories about it use (osv_scheme()); NULL where it has none that can be read, or no scheme is known.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt_internal.advisory_version(release_mgmt.purl)');

CREATE TABLE release_mgmt.item_bill (
    item_id   uuid,
    format    text NOT NULL,
    digest    release_mgmt.digest NOT NULL,
    parts     integer NOT NULL,
    unnamed   integer NOT NULL,
    loaded_by uuid NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT item_bill_pkey PRIMARY KEY (item_id),
    CONSTRAINT item_bill_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item,
    CONSTRAINT item_bill_loaded_by_fkey FOREIGN KEY (loaded_by) REFERENCES release_mgmt.person,
    CONSTRAINT item_bill_format_check CHECK (format IN ('CycloneDX', 'SPDX')),
    CONSTRAINT item_bill_count_check CHECK (parts >= 0 AND unnamed >= 0)
);
COMMENT ON TABLE release_mgmt.item_bill IS 'The bill of materials of an item, as load_bill() read it. Its parts are the rows of item_part.';
COMMENT ON COLUMN release_mgmt.item_bill.digest IS 'SHA-256 of the bill''s text';
COMMENT ON COLUMN release_mgmt.item_bill.parts IS 'how many parts it names by package URL';
COMMENT ON COLUMN release_mgmt.item_bill.unnamed IS 'how many it lists without one: nothing can be known of them';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.item_bill', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.item_bill');
SELECT release_mgmt_internal.is_shared('release_mgmt.item_bill', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.item_bill');

CREATE TABLE release_mgmt.item_part (
    item_id uuid,
    purl    release_mgmt.purl,
    package release_mgmt.purl NOT NULL GENERATED ALWAYS AS (release_mgmt.purl_package(purl)) STORED,
    version release_mgmt.pkgver GENERATED ALWAYS AS (release_mgmt_internal.advisory_version(purl)) STORED,
    digest  release_mgmt.digest,
    licence text,
    CONSTRAINT item_part_pkey PRIMARY KEY (item_id, purl),
    CONSTRAINT item_part_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.item_bill
);
COMMENT ON TABLE release_mgmt.item_part IS 'What an item holds within, by its bill of materials: packages, each once. Written by load_bill().';
COMMENT ON COLUMN release_mgmt.item_part.package IS 'the package URL without version and qualifiers: what advisories name';
COMMENT ON COLUMN release_mgmt.item_part.version IS 'in the scheme of advisories; NULL where it can not be read';
COMMENT ON COLUMN release_mgmt.item_part.digest IS 'SHA-256, SHA-384 or SHA-512 as the bill gives it; NULL where it gives none of these';
COMMENT ON COLUMN release_mgmt.item_part.licence IS 'SPDX identifiers or names, as the bill gives them';
CREATE INDEX item_part_package_idx ON release_mgmt.item_part (package);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.item_part', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.item_part');
SELECT release_mgmt_internal.is_shared('release_mgmt.item_part', 'one library for all');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.item_part');

CREATE FUNCTION release_mgmt_internal.library_bill_rule() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item release_mgmt.library_item;
BEGIN
    -- FOR SHARE: accept_item() waits for this row, and this row for it.
    SELECT * INTO item FROM release_mgmt.library_item AS i WHERE i.id = coalesce(NEW.item_id, OLD.item_id) FOR SHARE;
    IF TG_OP = 'UPDATE' OR item.state IN ('rejected', 'retired') OR (TG_OP = 'DELETE' AND item.state <> 'quarantined')
       OR (TG_TABLE_NAME = 'item_part' AND TG_OP = 'INSERT' AND item.state <> 'quarantined'
           AND NOT EXISTS (SELECT FROM release_mgmt.item_bill AS b WHERE b.item_id = item.id AND b.loaded_at = now())) THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('the bill of materials of library item %s is never altered', item.purl),
            format('%s on %s; the item is %s.', TG_OP, TG_TABLE_NAME, item.state), 'Another bill is loaded with load_bill(), while the item is in quarantine.');
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
COMMENT ON FUNCTION release_mgmt_internal.library_bill_rule() IS
'Trigger: a bill of materials is given once, as a whole; until the item is accepted it may be given anew.';
CREATE TRIGGER rm_50_rule BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.item_bill
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_bill_rule();
CREATE TRIGGER rm_50_rule BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.item_part
    FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.library_bill_rule();

CREATE FUNCTION release_mgmt_internal.cyclonedx_parts(bill jsonb) RETURNS TABLE (purl text, digests jsonb, licence text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 500
BEGIN ATOMIC
    -- Components may hold components.
    WITH RECURSIVE part (content) AS (
        SELECT c.content FROM pg_catalog.jsonb_path_query(bill, 'lax $.components[*]') AS c(content)
        UNION ALL
        SELECT c.content FROM part AS p CROSS JOIN LATERAL pg_catalog.jsonb_path_query(p.content, 'lax $.components[*]') AS c(content)
    )
    SELECT p.content ->> 'purl',
           (SELECT pg_catalog.jsonb_object_agg(h.hash ->> 'alg', h.hash ->> 'content')
            FROM pg_catalog.jsonb_path_query(p.content, 'lax $.hashes[*] ? (@.alg != null)') AS h(hash)),
           (SELECT pg_catalog.string_agg(coalesce(l.licence ->> 'expression', l.licence #>> '{license,id}', l.licence #>> '{license,name}'), ' AND ')
            FROM pg_catalog.jsonb_path_query(p.content, 'lax $.licenses[*]') AS l(licence))
    FROM part AS p;
END;
COMMENT ON FUNCTION release_mgmt_internal.cyclonedx_parts(jsonb) IS 'The components of a CycloneDX bill of materials, at any depth: package URL (NULL where there is none), digests by algorithm, licences.';

CREATE FUNCTION release_mgmt_internal.spdx_parts(bill jsonb) RETURNS TABLE (purl text, digests jsonb, licence text)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 500
BEGIN ATOMIC
    SELECT pg_catalog.jsonb_path_query_first(p.content, 'lax $.externalRefs[*] ? (@.referenceType == "purl").referenceLocator') #>> '{}',
           (SELECT pg_catalog.jsonb_object_agg(pg_catalog.regexp_replace(c.checksum ->> 'algorithm', '^SHA(\d+)$', 'SHA-\1'), c.checksum ->> 'checksumValue')
            FROM pg_catalog.jsonb_path_query(p.content, 'lax $.checksums[*] ? (@.algorithm != null)') AS c(checksum)),
           nullif(coalesce(nullif(p.content ->> 'licenseConcluded', 'NOASSERTION'), p.content ->> 'licenseDeclared'), 'NOASSERTION')
    FROM pg_catalog.jsonb_path_query(bill, 'lax $.packages[*]') AS p(content)
    -- What the bill is about is the item itself.
    WHERE NOT coalesce(bill -> 'documentDescribes' ? (p.content ->> 'SPDXID'), false)
      AND NOT pg_catalog.jsonb_path_exists(bill, 'lax $.relationships[*] ? (@.relationshipType == "DESCRIBES" && @.relatedSpdxElement == $id)',
                                           pg_catalog.jsonb_build_object('id', p.content -> 'SPDXID'));
END;
COMMENT ON FUNCTION release_mgmt_internal.spdx_parts(jsonb) IS 'The packages of an SPDX 2 document, but the one that it describes: package URL (NULL where there is none), digests by algorithm, licence.';

CREATE FUNCTION release_mgmt_internal.try_purl(given text) RETURNS release_mgmt.purl
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN given::purl;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.try_purl(text) IS 'The text as package URL; NULL where it is none.';

CREATE FUNCTION release_mgmt_internal.best_digest(digests jsonb) RETURNS release_mgmt.digest
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    RETURN CASE WHEN digests ? 'SHA-256' THEN 'sha256:' || (digests ->> 'SHA-256') WHEN digests ? 'SHA-384' THEN 'sha384:' || (digests ->> 'SHA-384')
                WHEN digests ? 'SHA-512' THEN 'sha512:' || (digests ->> 'SHA-512') END::digest;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.best_digest(jsonb) IS 'Of digests by algorithm one that type digest knows; NULL where there is none.';

-- SECURITY DEFINER: the tables are written by this verb alone.
CREATE FUNCTION release_mgmt.load_bill(item uuid, bill text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp SET jit = off AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    subject release_mgmt.library_item := release_mgmt_internal.lock_item(item);
    content jsonb;
    is_format text;
    of_text release_mgmt.digest := compute_digest(convert_to(bill, 'UTF8'));
    loaded release_mgmt.item_bill;
BEGIN
    BEGIN
        content := bill::jsonb;
    EXCEPTION WHEN invalid_text_representation THEN
        PERFORM release_mgmt_internal.refuse('bad_content', format('the bill of materials of %s is no JSON', subject.purl), sqlerrm || '.', NULL);
    END;
    is_format := CASE WHEN content ->> 'bomFormat' = 'CycloneDX' THEN 'CycloneDX' WHEN content ->> 'spdxVersion' LIKE 'SPDX-2.%' THEN 'SPDX' END;
    IF is_format IS NULL THEN
        PERFORM release_mgmt_internal.refuse('bad_content', format('this is no bill of materials that can be read, for %s', subject.purl), NULL,
            'Give one of CycloneDX or of SPDX 2, as JSON.');
    END IF;
    SELECT b.* INTO loaded FROM release_mgmt.item_bill AS b WHERE b.item_id = item;
    IF loaded.digest = of_text THEN
        RETURN loaded.parts;
    END IF;
    IF subject.state IN ('rejected', 'retired') OR (loaded.item_id IS NOT NULL AND subject.state <> 'quarantined') THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('library item %s takes no more content', subject.purl),
            CASE WHEN loaded.item_id IS NULL THEN format('It is %s.', subject.state) ELSE format('It has another bill of materials, of %s, and is %s.', loaded.loaded_at, subject.state) END,
            'Begin a new intake with begin_intake().');
    END IF;
    DELETE FROM release_mgmt.item_part AS p WHERE p.item_id = item;
    DELETE FROM release_mgmt.item_bill AS b WHERE b.item_id = item;

    WITH listed AS MATERIALIZED (
        SELECT release_mgmt_internal.try_purl(p.purl) AS purl, release_mgmt_internal.best_digest(p.digests) AS digest, p.licence
        FROM release_mgmt_internal.cyclonedx_parts(CASE is_format WHEN 'CycloneDX' THEN content END) AS p
        UNION ALL
        SELECT release_mgmt_internal.try_purl(p.purl), release_mgmt_internal.best_digest(p.digests), p.licence
        FROM release_mgmt_internal.spdx_parts(CASE is_format WHEN 'SPDX' THEN content END) AS p
    ), bill_of_item AS (
        INSERT INTO release_mgmt.item_bill AS b (item_id, format, digest, parts, unnamed, loaded_by)
        SELECT item, is_format, of_text, count(DISTINCT l.purl), count(*) FILTER (WHERE l.purl IS NULL), acting FROM listed AS l
        RETURNING b.*
    ), parts AS (
        INSERT INTO release_mgmt.item_part (item_id, purl, digest, licence)
        SELECT DISTINCT ON (l.purl) b.item_id, l.purl, l.digest, l.licence
        FROM listed AS l CROSS JOIN bill_of_item AS b WHERE l.purl IS NOT NULL
        ORDER BY l.purl, l.digest::text NULLS LAST, l.licence NULLS LAST
    )
    SELECT b.* INTO loaded FROM bill_of_item AS b;
    -- Whoever asks next in this transaction, or before the next autovacuum, is to have a plan for what is there now.
    IF loaded.parts * 10 > (SELECT greatest(c.reltuples, 100) FROM pg_class AS c WHERE c.oid = 'release_mgmt.item_part'::regclass) THEN
        ANALYZE release_mgmt.item_part;
    END IF;
    RETURN loaded.parts;
END $$;
COMMENT ON FUNCTION release_mgmt.load_bill(uuid, text) IS
'Reads the bill of materials of an item: CycloneDX, or SPDX 2, as JSON. Its parts (item_part) are then held against advisories as the item itself is. Returns how many it names by package URL; item_bill.unnamed counts the others. The same bill again changes nothing; another one is taken while the item is in quarantine. Duty: librarian. Errors: RM001, RM002, RM003, RM009 the item has another bill, or is rejected or retired, RM019 no such bill.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.load_bill(uuid, text)');
