-- Module library, fourth part: the way in, the way out, and what proves it.

CREATE FUNCTION release_mgmt_internal.content_digest(item uuid, algorithm text) RETURNS release_mgmt.digest
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_content_digest';
COMMENT ON FUNCTION release_mgmt_internal.content_digest(uuid, text) IS
'The digest of the item''s content, computed chunk by chunk at constant memory. algorithm: sha256, sha384, sha512. Errors: 22023.';

CREATE FUNCTION release_mgmt_internal.deb_control(item uuid) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_deb_read_control';
COMMENT ON FUNCTION release_mgmt_internal.deb_control(uuid) IS
'The control file of an item that is a Debian binary package (deb(5)). Errors: RM019 with what and where.';

CREATE FUNCTION release_mgmt_internal.deb_entries(item uuid)
RETURNS TABLE (path text, type text, link text, digest release_mgmt.digest, size bigint, mode integer)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_deb_read_entries';
COMMENT ON FUNCTION release_mgmt_internal.deb_entries(uuid) IS
'What an item that is a Debian binary package installs: type file (with SHA-256, size in bytes and permission bits), hard link or symbolic link (with its target). Reads the package as a stream. Errors: RM019 with what and where.';

CREATE FUNCTION release_mgmt_internal.purl_scheme(purl_type text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE purl_type
        WHEN 'deb' THEN 'deb' WHEN 'rpm' THEN 'rpm' WHEN 'npm' THEN 'npm' WHEN 'pypi' THEN 'pep440'
        WHEN 'golang' THEN 'go' WHEN 'cargo' THEN 'semver' WHEN 'maven' THEN 'maven' WHEN 'nuget' THEN 'nuget' ELSE 'generic' END;
END;
COMMENT ON FUNCTION release_mgmt_internal.purl_scheme(text) IS 'The version scheme of packages of that purl type.';

CREATE FUNCTION release_mgmt_internal.lock_item(item uuid) RETURNS release_mgmt.library_item
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    locked release_mgmt.library_item;
BEGIN
    SELECT * INTO locked FROM release_mgmt.library_item AS i WHERE i.id = item FOR UPDATE;
    IF locked.id IS NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('library item %s does not exist', item), NULL,
            'Items are the rows of release_mgmt.library_item; begin_intake() returns the id of a new one.');
    END IF;
    RETURN locked;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.lock_item(uuid) IS 'The item, locked against other verbs; RM002 if there is none.';

-- The verbs are SECURITY DEFINER: the tables are written by them alone, whoever calls.
CREATE FUNCTION release_mgmt.begin_intake(
    purl release_mgmt.purl, kind text DEFAULT 'software', owner text DEFAULT NULL, licence text DEFAULT NULL,
    source_kind text DEFAULT NULL, source_reference text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    item uuid;
BEGIN
    -- The same intake, begun and still empty, is the same item.
    SELECT i.id INTO item
    FROM release_mgmt.library_item AS i
    WHERE i.name = purl_name(begin_intake.purl) AND i.purl = begin_intake.purl
      AND i.state = 'quarantined' AND i.digest IS NULL AND i.taken_in_by = acting
      AND (i.kind, i.owner, i.licence, i.source_kind, i.source_reference)
          IS NOT DISTINCT FROM
          (begin_intake.kind, begin_intake.owner, begin_intake.licence, begin_intake.source_kind, begin_intake.source_reference)
      AND NOT EXISTS (SELECT FROM release_mgmt.library_content AS c WHERE c.item_id = i.id)
    LIMIT 1;
    IF item IS NULL THEN
        INSERT INTO release_mgmt.library_item (purl, name, version, kind, owner, licence, source_kind, source_reference, taken_in_by)
        VALUES (purl, purl_name(purl),
                pkgver(release_mgmt_internal.purl_scheme(purl_type(purl)), purl_version(purl)),
                kind, owner, licence, source_kind, source_reference, acting)
        RETURNING id INTO item;
    END IF;
    RETURN item;
END $$;
COMMENT ON FUNCTION release_mgmt.begin_intake(release_mgmt.purl, text, text, text, text, text) IS
'Begins to take an item in, into quarantine. purl: what it is (ECMA-427), with version. kind: software, hardware, document, configuration or data. owner: who answers for it. licence: SPDX expression. source_kind (incident, change, request or problem) and source_reference: what asked for it. Returns the item''s id for append_content() and finish_intake(). Duty: librarian. Errors: RM001, RM003, 22P02 for a malformed purl or version, 23514 for an unknown kind.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.begin_intake(release_mgmt.purl, text, text, text, text, text)');

CREATE PROCEDURE release_mgmt.append_content(item uuid, chunk bytea, begins_at bigint DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    chunk_max CONSTANT integer := 1048576;
    last_no integer;
    size bigint;
BEGIN
    PERFORM release_mgmt_internal.require_duty('librarian');
    PERFORM release_mgmt_internal.lock_item(item);
    SELECT c.chunk_no, c.begins_at + length(c.content) INTO last_no, size
    FROM release_mgmt.library_content AS c WHERE c.item_id = item ORDER BY c.chunk_no DESC LIMIT 1;
    size := coalesce(size, 0);
    last_no := coalesce(last_no, -1);
    IF begins_at < size THEN
        IF (SELECT bool_and(c.content IS NOT DISTINCT FROM substr(chunk, piece * chunk_max + 1, chunk_max))
            FROM generate_series(0, (length(chunk) - 1) / chunk_max) AS piece
            LEFT JOIN release_mgmt.library_content AS c
                ON c.item_id = item AND c.begins_at = append_content.begins_at + piece::bigint * chunk_max) THEN
            RETURN;
        END IF;
    END IF;
    IF begins_at <> size THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('content of library item %s goes on at byte %s, not %s', item, size, begins_at),
            'A chunk is taken again only as it was first sent.', 'Continue there, or reject the item and begin again.');
    END IF;
    INSERT INTO release_mgmt.library_content (item_id, chunk_no, begins_at, content)
    SELECT item, last_no + 1 + piece, size + piece::bigint * chunk_max, substr(chunk, piece * chunk_max + 1, chunk_max)
    FROM generate_series(0, (length(chunk) - 1) / chunk_max) AS piece
    WHERE length(chunk) > 0;
END $$;
COMMENT ON PROCEDURE release_mgmt.append_content(uuid, bytea, bigint) IS
'Appends bytes to an item in quarantine whose intake is open; call it as often as the content needs. begins_at: how many bytes of the item precede this chunk; an application that gives it can repeat a call whose outcome it did not learn. Duty: librarian. Errors: RM001, RM002, RM003, RM009 the item takes no more content, RM015 begins_at is not where the content ends.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'PROCEDURE release_mgmt.append_content(uuid, bytea, bigint)');

CREATE FUNCTION release_mgmt_internal.source_purl(package release_mgmt.purl, source text) RETURNS release_mgmt.purl
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- "name", or "name (version)" where that differs from the binary package's; nothing where both are the same.
    SELECT release_mgmt.purl('deb', release_mgmt.purl_namespace(package),
               coalesce(pg_catalog.regexp_replace(source, '\s*\(.*$', ''), release_mgmt.purl_name(package)),
               coalesce(pg_catalog.substring(source, '\(([^)]+)\)'), release_mgmt.purl_version(package)),
               pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('arch', 'source', 'distro', release_mgmt.purl_qualifier(package, 'distro'))));
END;
COMMENT ON FUNCTION release_mgmt_internal.source_purl(release_mgmt.purl, text) IS
'The source package of a Debian binary package, from its field Source (Debian Policy 5.6.1; NULL: of the same name and version).';

CREATE FUNCTION release_mgmt_internal.read_package(item release_mgmt.library_item) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    control text := release_mgmt_internal.deb_control(item.id);
    package record;
    stanzas integer;
    faults text[];
BEGIN
    SELECT count(*) INTO stanzas FROM release_mgmt_internal.control_packages(control);
    SELECT * INTO package FROM release_mgmt_internal.control_packages(control) LIMIT 1;
    faults := array_remove(ARRAY[
        CASE WHEN stanzas <> 1 THEN format('The control file holds %s stanzas instead of one.', stanzas) END,
        CASE WHEN package.name IS DISTINCT FROM item.name
             THEN format('The name is %s in the package, %s in the purl.', coalesce(package.name, '(none)'), item.name) END,
        CASE WHEN package.version IS DISTINCT FROM purl_version(item.purl)
             THEN format('The version is %s in the package, %s in the purl.', coalesce(package.version, '(none)'),
                         coalesce(purl_version(item.purl), '(none)')) END,
        CASE WHEN package.architecture IS NULL THEN 'The package names no architecture.'
             WHEN package.architecture <> purl_qualifier(item.purl, 'arch')
             THEN format('The architecture is %s in the package, %s in the purl.', package.architecture, purl_qualifier(item.purl, 'arch')) END],
        NULL);
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('bad_content', format('the package is not what the purl %s says', item.purl),
            array_to_string(faults, ' '), 'Reject the item, and take in the right file or give the right purl.');
    END IF;

    BEGIN
        INSERT INTO release_mgmt.package_clause (item_id, kind, clause_no, alternative_no, name, architecture, versions, text)
        SELECT item.id, c.kind, c.clause_no, c.alternative_no, c.name, c.architecture,
               release_mgmt_internal.relation_range(c.relation, pkgver('deb', c.version)), c.clause
        FROM release_mgmt_internal.control_clauses(control) AS c;
    EXCEPTION WHEN invalid_text_representation THEN
        PERFORM release_mgmt_internal.refuse('bad_content', 'a relation of the package names a malformed version', sqlerrm || '.',
            'Reject the item, and take the file in again from its source.');
    END;

    WITH entry AS MATERIALIZED (
        SELECT * FROM release_mgmt_internal.deb_entries(item.id)
    ), fault AS MATERIALIZED (
        SELECT format('"%s" stands there %s times.', e.path, count(*)) AS text
        FROM entry AS e GROUP BY e.path HAVING count(*) > 1
        UNION ALL
        SELECT format('"%s" is a hard link to "%s", which is no file of the package.', e.path, e.link)
        FROM entry AS e
        WHERE e.type = 'hard link' AND NOT EXISTS (SELECT FROM entry AS t WHERE t.path = e.link AND t.type = 'file')
        UNION ALL
        SELECT format('"%s" lies beyond the symbolic link "%s".', e.path, l.path)
        FROM entry AS l JOIN entry AS e ON starts_with(e.path, l.path || '/')
        WHERE l.type = 'symbolic link'
    ), stored AS (
        INSERT INTO release_mgmt.library_file (item_id, path, digest, size, mode)
        SELECT item.id, e.path, t.digest, t.size, e.mode
        FROM entry AS e
        JOIN entry AS t ON t.type = 'file' AND t.path = CASE e.type WHEN 'hard link' THEN e.link ELSE e.path END
        WHERE e.type <> 'symbolic link' AND NOT EXISTS (SELECT FROM fault)
    )
    SELECT array_agg(f.text ORDER BY f.text) INTO faults FROM (SELECT fault.text FROM fault LIMIT 20) AS f;
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('bad_content', format('the files of %s do not fit together', item.purl),
            array_to_string(faults, ' '), 'Reject the item, and take the file in again from its source.');
    END IF;

    UPDATE release_mgmt.library_item AS i
    SET architecture = package.architecture, multi_arch = package.multi_arch,
        built_from = release_mgmt_internal.source_purl(item.purl, package.source) WHERE i.id = item.id;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.read_package(release_mgmt.library_item) IS
'Reads a Debian package in the library into library_file and package_clause, and holds its name, version and architecture against the purl. Errors: RM019 with everything that is wrong.';

CREATE FUNCTION release_mgmt.finish_intake(item uuid, expected release_mgmt.digest) RETURNS release_mgmt.digest
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    taken release_mgmt.library_item;
    found release_mgmt.digest;
BEGIN
    PERFORM release_mgmt_internal.require_duty('librarian');
    taken := release_mgmt_internal.lock_item(item);
    IF taken.digest IS NULL AND taken.state <> 'quarantined' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('library item %s is %s', taken.purl, taken.state), NULL,
            'Begin a new intake with begin_intake().');
    END IF;
    found := release_mgmt_internal.content_digest(item, digest_algorithm(expected));
    IF found <> expected THEN
        PERFORM release_mgmt_internal.refuse('digest_mismatch', format('content of library item %s is not what was expected', taken.purl),
            format('Expected %s, found %s in %s bytes.', expected, found,
                   (SELECT coalesce(sum(length(c.content)), 0) FROM release_mgmt.library_content AS c WHERE c.item_id = item)),
            'Compare with the digest that the source publishes; then reject the item and take the file in again.');
    END IF;
    IF taken.digest IS NOT NULL THEN
        RETURN taken.digest;
    END IF;
    IF purl_type(taken.purl) = 'deb' AND purl_qualifier(taken.purl, 'arch') IS DISTINCT FROM 'source' THEN
        PERFORM release_mgmt_internal.read_package(taken);
    END IF;
    UPDATE release_mgmt.library_item AS i
    SET digest = CASE WHEN digest_algorithm(expected) = 'sha256' THEN found
                      ELSE release_mgmt_internal.content_digest(item, 'sha256') END,
        size = (SELECT coalesce(sum(length(c.content)), 0) FROM release_mgmt.library_content AS c WHERE c.item_id = item)
    WHERE i.id = item
    RETURNING i.digest INTO found;
    RETURN found;
END $$;
COMMENT ON FUNCTION release_mgmt.finish_intake(uuid, release_mgmt.digest) IS
'Ends the intake of an item: the content must have the expected digest (of any algorithm), which comes from the source''s own index, not from the content. A Debian package is read: its files with their digests, its relations, and that it is what the purl says. Returns the SHA-256 of the content. Duty: librarian. Errors: RM001, RM002, RM003, RM007 another digest, RM015, RM019 the content is not what it claims to be; then nothing is recorded.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'FUNCTION release_mgmt.finish_intake(uuid, release_mgmt.digest)');

CREATE PROCEDURE release_mgmt.accept_item(item uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    taken release_mgmt.library_item := release_mgmt_internal.lock_item(item);
    other release_mgmt.library_item;
    registered record;
    result release_mgmt.check_result;
    unmet text[] := '{}';
BEGIN
    IF taken.state = 'accepted' THEN
        RETURN;
    END IF;
    IF taken.state <> 'quarantined' OR taken.digest IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('library item %s can not be accepted', taken.purl),
            format('It is %s, and its intake is %s.', taken.state, CASE WHEN taken.digest IS NULL THEN 'open' ELSE 'finished' END),
            'Only a quarantined item whose intake is finished with finish_intake() can be accepted.');
    END IF;
    SELECT * INTO other FROM release_mgmt.library_item AS i
    WHERE i.name = taken.name AND i.purl = taken.purl AND i.state = 'accepted';
    IF other.id IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the library holds an accepted item %s already', taken.purl),
            CASE WHEN other.digest = taken.digest THEN format('Item %s has the same content.', other.id)
                 ELSE format('Item %s has other content: %s, not %s.', other.id, other.digest, taken.digest) END,
            'Use that item; or retire it with retire_item() first.');
    END IF;
    FOR registered IN SELECT c.name, c.function_name FROM release_mgmt.registered_check AS c WHERE c.point = 'intake' ORDER BY c.name LOOP
        EXECUTE format('SELECT (c).* FROM %s($1) AS c', registered.function_name::regproc) INTO result USING item;
        IF result.met IS NOT TRUE THEN
            unmet := unmet || format('%s: %s (%s)', registered.name, coalesce(result.missing, 'no evidence'), coalesce(result.owner, 'librarian'));
        END IF;
    END LOOP;
    IF unmet <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('gate_unmet', format('library item %s does not pass the checks of the intake', taken.purl),
            array_to_string(unmet, '; ') || '.', 'The checks are in release_mgmt.registered_check, at the point intake.');
    END IF;
    BEGIN
        UPDATE release_mgmt.library_item AS i SET state = 'accepted', accepted_by = acting, accepted_at = now() WHERE i.id = item;
    EXCEPTION WHEN unique_violation THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('the library holds an accepted item %s already', taken.purl),
            'It was accepted at the same time.', 'Use that item; or retire it with retire_item() first.');
    END;
END $$;
COMMENT ON PROCEDURE release_mgmt.accept_item(uuid) IS
'Accepts a quarantined item whose intake is finished; from then on it may go out. The checks registered at the point intake are asked. One purl names one accepted content. Duty: librarian. Errors: RM001, RM002, RM003, RM005 a check says no, RM015 the item''s state or another accepted item forbids it.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'PROCEDURE release_mgmt.accept_item(uuid)');

CREATE PROCEDURE release_mgmt_internal.end_item(item uuid, final_state text, reason text)
LANGUAGE plpgsql SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('librarian');
    taken release_mgmt.library_item := release_mgmt_internal.lock_item(item);
BEGIN
    IF taken.state = final_state AND taken.end_reason = reason THEN
        RETURN;
    END IF;
    IF taken.state <> (CASE final_state WHEN 'rejected' THEN 'quarantined' ELSE 'accepted' END) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('library item %s is %s and can not be %s', taken.purl, taken.state, final_state),
            NULL, 'reject_item() is for items in quarantine, retire_item() for accepted ones.');
    END IF;
    UPDATE release_mgmt.library_item AS i
    SET state = final_state, ended_by = acting, ended_at = now(), end_reason = reason WHERE i.id = item;
END $$;
COMMENT ON PROCEDURE release_mgmt_internal.end_item(uuid, text, text) IS 'What reject_item() and retire_item() have in common.';

CREATE PROCEDURE release_mgmt.reject_item(item uuid, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    CALL release_mgmt_internal.end_item(item, 'rejected', reason);
END $$;
COMMENT ON PROCEDURE release_mgmt.reject_item(uuid, text) IS
'Rejects an item in quarantine, for a reason that stays on record. Duty: librarian. Errors: RM001, RM002, RM003, RM015, 23514 without a reason.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'PROCEDURE release_mgmt.reject_item(uuid, text)');

CREATE PROCEDURE release_mgmt.retire_item(item uuid, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    CALL release_mgmt_internal.end_item(item, 'retired', reason);
END $$;
COMMENT ON PROCEDURE release_mgmt.retire_item(uuid, text) IS
'Retires an accepted item: it goes out no more; what it was stays on record. Duty: librarian. Errors: RM001, RM002, RM003, RM015, 23514 without a reason.';
SELECT release_mgmt_internal.allow('{librarian}', 'EXECUTE', 'PROCEDURE release_mgmt.retire_item(uuid, text)');

CREATE FUNCTION release_mgmt.read_content(item uuid, chunk integer) RETURNS bytea
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    wanted release_mgmt.library_item;
BEGIN
    PERFORM release_mgmt_internal.require_duty('operator', 'librarian', 'release manager');
    SELECT * INTO wanted FROM release_mgmt.library_item AS i WHERE i.id = item;
    IF wanted.state IS DISTINCT FROM 'accepted' THEN
        PERFORM release_mgmt_internal.refuse('not_in_library', format('item %s does not go out', coalesce(wanted.purl::text, item::text)),
            coalesce(format('It is %s.', wanted.state), 'The library holds no such item.'), 'Only accepted items of the library go out.');
    END IF;
    RETURN (SELECT c.content FROM release_mgmt.library_content AS c WHERE c.item_id = item AND c.chunk_no = chunk);
END $$;
COMMENT ON FUNCTION release_mgmt.read_content(uuid, integer) IS
'One chunk (from 0, at most 1 MiB) of an accepted item, for those who distribute it; NULL after the last. Duties: operator, librarian, release manager. Errors: RM001, RM003, RM018 the item is not accepted.';
SELECT release_mgmt_internal.allow('{operator,librarian,release manager}', 'EXECUTE', 'FUNCTION release_mgmt.read_content(uuid, integer)');

CREATE FUNCTION release_mgmt.item_manifest(item uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT string_agg(
        CASE WHEN f.path ~ '[\\\n\r]'
             THEN '\' || digest_hex(f.digest) || '  ' || replace(replace(replace(f.path, '\', '\\'), E'\n', '\n'), E'\r', '\r')
             ELSE digest_hex(f.digest) || '  ' || f.path END || E'\n',
        '' ORDER BY f.path COLLATE "C")
    FROM release_mgmt.library_file AS f
    WHERE f.item_id = item;
END;
COMMENT ON FUNCTION release_mgmt.item_manifest(uuid) IS
'The files that an item installs with their SHA-256, in the form that "sha256sum -c" reads in the directory they were installed into; NULL for an item whose files the server has not read.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.item_manifest(uuid)');

CREATE FUNCTION release_mgmt.verify_signature(message bytea, signature bytea, public_key text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_verify_signature';
COMMENT ON FUNCTION release_mgmt.verify_signature(bytea, bytea, text) IS
'Is signature (64 bytes) the Ed25519 signature (RFC 8032) of message under public_key (PEM, RFC 8410)? What "openssl pkeyutl -sign -rawin" makes. Errors: 22023 the key is no Ed25519 key.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.verify_signature(bytea, bytea, text)');

CREATE VIEW release_mgmt.library_change_report WITH (security_invoker = true) AS
SELECT date_trunc('month', c.at) AS month, c.change, i.purl::text AS item, i.kind, i.digest, i.owner, i.licence,
       i.source_kind, i.source_reference, p.code AS person, c.at, c.reason
FROM release_mgmt.library_item AS i
CROSS JOIN LATERAL (VALUES ('added', i.accepted_by, i.accepted_at, NULL),
                           (i.state, i.ended_by, i.ended_at, i.end_reason)) AS c (change, person_id, at, reason)
JOIN release_mgmt.person AS p ON p.id = c.person_id;
COMMENT ON VIEW release_mgmt.library_change_report IS
'Changes of the library by month: what was added, retired or rejected, with its owner, what asked for it (source), by whom, when, and why it ended.';
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.library_change_report');
