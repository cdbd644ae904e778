-- Module release: packages, their components and revisions, sealing and signatures.

CREATE TABLE release_mgmt.release_package (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    revision   integer NOT NULL DEFAULT 1,
    release_id uuid NOT NULL,
    unit_id    uuid,
    current    boolean NOT NULL DEFAULT true,
    manifest   text,
    digest     release_mgmt.digest,
    sealed_by  uuid,
    sealed_at  timestamptz,
    CONSTRAINT release_package_pkey PRIMARY KEY (id),
    CONSTRAINT release_package_code_revision_key UNIQUE (code, revision),
    CONSTRAINT release_package_release_id_fkey FOREIGN KEY (release_id) REFERENCES release_mgmt.release,
    CONSTRAINT release_package_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES release_mgmt.release_unit,
    CONSTRAINT release_package_sealed_by_fkey FOREIGN KEY (sealed_by) REFERENCES release_mgmt.person,
    CONSTRAINT release_package_code_check CHECK (code <> ''),
    CONSTRAINT release_package_revision_check CHECK (revision > 0),
    CONSTRAINT release_package_sealed_check CHECK ((digest IS NULL) = (manifest IS NULL) AND (digest IS NULL) = (sealed_at IS NULL))
);
COMMENT ON TABLE release_mgmt.release_package IS 'Release packages and their revisions; one revision of one package is a release''s current one. A sealed revision never changes.';
COMMENT ON COLUMN release_mgmt.release_package.manifest IS 'the sealed content in lines of tab-separated fields, escaped as in COPY; digest is its SHA-256';
CREATE UNIQUE INDEX release_package_current_idx ON release_mgmt.release_package (release_id) WHERE current;
CREATE UNIQUE INDEX release_package_current_code_idx ON release_mgmt.release_package (code) WHERE current;
CREATE INDEX release_package_release_id_idx ON release_mgmt.release_package (release_id);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_package', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_package');
SELECT release_mgmt_internal.belongs('release_mgmt.release_package', 'release_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_package');

CREATE TABLE release_mgmt.component (
    id             uuid DEFAULT release_mgmt.new_id(),
    package_id     uuid NOT NULL,
    kind           text NOT NULL,
    name           text NOT NULL,
    version        release_mgmt.pkgver,
    item_id        uuid,
    ci             text,
    digest         release_mgmt.digest,
    related_reason text,
    CONSTRAINT component_pkey PRIMARY KEY (id),
    CONSTRAINT component_package_id_name_key UNIQUE (package_id, name),
    CONSTRAINT component_package_id_fkey FOREIGN KEY (package_id) REFERENCES release_mgmt.release_package,
    CONSTRAINT component_item_id_fkey FOREIGN KEY (item_id) REFERENCES release_mgmt.library_item,
    CONSTRAINT component_kind_check CHECK (kind IN ('software', 'hardware', 'document', 'configuration', 'data')),
    CONSTRAINT component_tied_check CHECK (item_id IS NOT NULL OR ci IS NOT NULL),
    CONSTRAINT component_related_reason_check CHECK (related_reason ~ '\S')
);
COMMENT ON TABLE release_mgmt.component IS
'The components of a package, each tied to a library item, a configuration item, or both: hardware to a configuration item; software, documents and data, when they are sealed, to an item.';
COMMENT ON COLUMN release_mgmt.component.ci IS 'label class/key of the configuration item that this component is or becomes';
COMMENT ON COLUMN release_mgmt.component.digest IS 'of the library item, as it was when the component was added';
COMMENT ON COLUMN release_mgmt.component.related_reason IS 'why the component belongs here although it hangs together with no other one';
CREATE INDEX component_item_id_idx ON release_mgmt.component (item_id);
CREATE INDEX component_ci_idx ON release_mgmt.component (ci);
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.component', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.component');
SELECT release_mgmt_internal.belongs('release_mgmt.component', through => 'package_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.component');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT, UPDATE, DELETE', 'release_mgmt.component');

CREATE TABLE release_mgmt.package_signature (
    package_id uuid NOT NULL,
    key_id     uuid NOT NULL,
    digest     release_mgmt.digest NOT NULL,
    signature  bytea NOT NULL,
    signed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT package_signature_pkey PRIMARY KEY (package_id, key_id),
    CONSTRAINT package_signature_package_id_fkey FOREIGN KEY (package_id) REFERENCES release_mgmt.release_package,
    CONSTRAINT package_signature_key_id_fkey FOREIGN KEY (key_id) REFERENCES release_mgmt.signing_key
);
COMMENT ON TABLE release_mgmt.package_signature IS 'Signatures over the text form of a sealed package''s digest, each verified when it was added.';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.package_signature', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.package_signature');
SELECT release_mgmt_internal.belongs('release_mgmt.package_signature', through => 'package_id');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.package_signature');

CREATE FUNCTION release_mgmt.package_id(code text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    found_id uuid;
    of_release uuid;
BEGIN
    SELECT p.id, p.release_id INTO found_id, of_release FROM release_mgmt.release_package AS p WHERE p.code = package_id.code AND p.current;
    IF found_id IS NULL OR NOT release_mgmt_internal.sees(of_release, 'release') THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('package "%s" does not exist', code), NULL,
            'Packages are the rows of release_mgmt.release_package; create_package() makes one.');
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION release_mgmt.package_id(text) IS 'The id of the current revision of the package with that code; RM002 if there is none that the acting person sees.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.package_id(text)');

CREATE FUNCTION release_mgmt_internal.keep_sealed_package() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    -- Of a sealed revision only the flag "current" may still move; of any, the digest is set once, by seal_package().
    IF OLD.digest IS NOT NULL AND (TG_OP = 'DELETE' OR to_jsonb(NEW) - 'current' <> to_jsonb(OLD) - 'current') THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('package "%s" revision %s is sealed', OLD.code, OLD.revision),
            format('Its digest is %s.', OLD.digest), format('Begin a new revision with SELECT release_mgmt.revise_package(%L).', OLD.code));
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_sealed_package() IS 'Trigger: a sealed revision never changes.';
CREATE TRIGGER rm_50_sealed BEFORE UPDATE OR DELETE ON release_mgmt.release_package
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_sealed_package();

CREATE FUNCTION release_mgmt_internal.keep_component() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    sealed record;
BEGIN
    SELECT p.code, p.revision, p.digest INTO sealed FROM release_mgmt.release_package AS p
    WHERE p.digest IS NOT NULL AND p.id = ANY (CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.package_id] WHEN 'DELETE' THEN ARRAY[OLD.package_id]
                                                          ELSE ARRAY[OLD.package_id, NEW.package_id] END)
    LIMIT 1;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('package "%s" revision %s is sealed', sealed.code, sealed.revision),
            format('Its digest is %s.', sealed.digest), format('Begin a new revision with SELECT release_mgmt.revise_package(%L).', sealed.code));
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_component() IS 'Trigger: the components of a sealed package do not change.';
CREATE TRIGGER rm_50_sealed BEFORE INSERT OR UPDATE OR DELETE ON release_mgmt.component
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_component();

-- SECURITY DEFINER in the verbs: packages and signatures are written by these alone.
CREATE FUNCTION release_mgmt.create_package(code text, release text, items uuid[] DEFAULT '{}', unit text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    of_release uuid;
    of_unit uuid;
    unfit text;
    taken text;
    new_id uuid;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    of_release := release_mgmt.release_id(release);
    PERFORM release_mgmt_internal.require_duty_for(of_release, 'release manager');
    IF unit IS NOT NULL THEN
        SELECT u.id INTO of_unit FROM release_mgmt.release_unit AS u WHERE u.code = unit;
        IF of_unit IS NULL THEN
            PERFORM release_mgmt_internal.refuse('unknown_code', format('release unit "%s" does not exist', unit), NULL,
                'Release units are the rows of release_mgmt.release_unit.');
        END IF;
    END IF;
    SELECT string_agg(coalesce(i.purl::text, g.item::text) || ' is ' || coalesce(i.state::text, 'unknown'), '; ') INTO unfit
    FROM unnest(items) AS g(item) LEFT JOIN release_mgmt.library_item AS i ON i.id = g.item
    WHERE i.state IS DISTINCT FROM 'accepted';
    IF unfit IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('not_in_library', format('package "%s" can not be made of these items', code),
            format('Not accepted: %s.', unfit), 'A librarian accepts an item with CALL release_mgmt.accept_item(item).');
    END IF;
    SELECT p.id INTO new_id FROM release_mgmt.release_package AS p
    WHERE p.code = create_package.code AND p.current AND p.release_id = of_release
      AND items <@ (SELECT coalesce(array_agg(c.item_id), '{}') FROM release_mgmt.component AS c WHERE c.package_id = p.id);
    IF FOUND THEN
        RETURN new_id;
    END IF;
    SELECT CASE WHEN p.release_id <> of_release THEN format('The code is taken by %s.', release_mgmt_internal.tell_release(p.release_id))
                WHEN p.code <> create_package.code THEN format('The release has package "%s", and one is all it has.', p.code)
                ELSE 'The release has it, and some of these items are not in it.' END INTO taken
    FROM release_mgmt.release_package AS p
    WHERE p.code = create_package.code OR (p.release_id = of_release AND p.current)
    ORDER BY p.code <> create_package.code LIMIT 1;
    IF FOUND THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" of release "%s" can not be created', code, release), taken,
            'Add to the package that is there by rows of release_mgmt.component, after revise_package() where it is sealed; or choose another code.');
    END IF;
    INSERT INTO release_mgmt.release_package (code, release_id, unit_id) VALUES (code, of_release, of_unit) RETURNING id INTO new_id;
    INSERT INTO release_mgmt.component (package_id, kind, name, version, item_id, digest)
    SELECT new_id, i.kind, i.name, i.version, i.id, i.digest
    FROM release_mgmt.library_item AS i WHERE i.id = ANY (items) ORDER BY i.name;
    RETURN new_id;
END $$;
COMMENT ON FUNCTION release_mgmt.create_package(text, text, uuid[], text) IS
'Creates the package of a release from accepted library items and returns its id. unit: code of the release unit that it is. Further components are rows of release_mgmt.component. Errors: RM002 unknown release or unit, RM003 without the duty release manager, RM015 the release has a package already, or another one has that code, RM018 an item is not accepted (all listed).';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.create_package(text, text, uuid[], text)');

CREATE FUNCTION release_mgmt_internal.manifest_line(VARIADIC fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.string_agg(coalesce(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(f.value,
               '\', '\\'), E'\t', '\t'), E'\n', '\n'), E'\r', '\r'), '\N'), E'\t' ORDER BY f.place) || E'\n'
    FROM ROWS FROM (pg_catalog.unnest(fields)) WITH ORDINALITY AS f(value, place);
END;
COMMENT ON FUNCTION release_mgmt_internal.manifest_line(text[]) IS 'One line of tab-separated fields, escaped and with \N for NULL as in COPY''s text format.';

CREATE FUNCTION release_mgmt_internal.package_manifest(package uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT release_mgmt_internal.manifest_line('release_mgmt package manifest', '1')
        || release_mgmt_internal.manifest_line('release', r.code)
        || release_mgmt_internal.manifest_line('package', p.code, p.revision::text)
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('component', c.kind, c.name, c.version::text, c.digest::text, i.purl::text, c.ci), ''
                         ORDER BY c.name COLLATE "C")
                     FROM release_mgmt.component AS c LEFT JOIN release_mgmt.library_item AS i ON i.id = c.item_id
                     WHERE c.package_id = p.id), '')
        || coalesce((SELECT pg_catalog.string_agg(release_mgmt_internal.manifest_line('ci', x.ci, x.target, x.operation, x.attribute, x.old_value, x.new_value), ''
                         ORDER BY x.ci COLLATE "C", x.attribute COLLATE "C")
                     FROM release_mgmt.planned_ci_change AS x WHERE x.release_id = p.release_id), '')
    FROM release_mgmt.release_package AS p JOIN release_mgmt.release AS r ON r.id = p.release_id
    WHERE p.id = package;
END;
COMMENT ON FUNCTION release_mgmt_internal.package_manifest(uuid) IS
'The text that is sealed: the components with their digests and the planned changes of configuration items, in byte order.';

CREATE FUNCTION release_mgmt_internal.lock_package(package text) RETURNS release_mgmt.release_package
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    locked release_mgmt.release_package;
BEGIN
    -- Whoever changes a row beneath the release holds the release's row: the release first, then what is beneath it.
    PERFORM FROM release_mgmt.release AS r
    WHERE r.id = (SELECT p.release_id FROM release_mgmt.release_package AS p WHERE p.id = release_mgmt.package_id(package)) FOR NO KEY UPDATE;
    SELECT p.* INTO locked FROM release_mgmt.release_package AS p WHERE p.id = release_mgmt.package_id(package) FOR UPDATE;
    RETURN locked;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.lock_package(text) IS
'The current revision of the package, its release and itself locked: nothing beneath the release changes until the transaction ends. RM002 if there is none.';

CREATE FUNCTION release_mgmt.seal_package(package text) RETURNS release_mgmt.digest
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    acting uuid := release_mgmt_internal.require_duty('release manager');
    sealing release_mgmt.release_package;
    findings text;
    stale text;
BEGIN
    sealing := release_mgmt_internal.lock_package(package);
    PERFORM release_mgmt_internal.require_duty_for(sealing.release_id, 'release manager');
    IF sealing.digest IS NOT NULL THEN
        RETURN sealing.digest;
    END IF;
    IF NOT EXISTS (SELECT FROM release_mgmt.component AS c WHERE c.package_id = sealing.id) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" has no components', package), NULL,
            'Insert them into release_mgmt.component, or name items in create_package().');
    END IF;
    -- A line for each finding, with the targets on which it holds.
    SELECT string_agg(concat_ws(' on ', f.component || ': ' || f.finding, f.targets) || '.', E'\n' ORDER BY f.component, f.finding) INTO findings
    FROM (SELECT c.component, c.finding, string_agg(DISTINCT c.target, ', ' ORDER BY c.target) AS targets
          FROM release_mgmt.check_compatibility(package) AS c WHERE c.severity = 'error' GROUP BY c.component, c.finding) AS f;
    IF findings IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('incompatible', format('package "%s" does not fit', package), findings,
            format('See release_mgmt.explain_compatibility(%1$L) and suggest_repairs(%1$L)', package)
            || CASE WHEN findings ~ ' hangs together with no other component ' THEN '; write why a component belongs here into release_mgmt.component.related_reason.' ELSE '.' END);
    END IF;
    SELECT string_agg(format('%s of %s was %s and is %s', x.attribute, x.ci, coalesce(x.old_value, 'null'), coalesce(x.present, 'null')), '; ' ORDER BY x.ci, x.attribute) INTO stale
    FROM release_mgmt_internal.stale_changes(sealing.release_id) AS x;
    IF stale IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" plans from values that are no longer so', package),
            stale || '.', 'Write those rows of release_mgmt.planned_ci_change again; they take the present value.');
    END IF;
    UPDATE release_mgmt.release_package AS p
    SET manifest = m.manifest, digest = release_mgmt.compute_digest(convert_to(m.manifest, 'UTF8')), sealed_by = acting, sealed_at = now()
    FROM (SELECT release_mgmt_internal.package_manifest(sealing.id) AS manifest) AS m
    WHERE p.id = sealing.id
    RETURNING p.digest INTO sealing.digest;
    PERFORM release_mgmt_internal.record_compatibility(sealing.id, 'seal');
    RETURN sealing.digest;
END $$;
COMMENT ON FUNCTION release_mgmt.seal_package(text) IS
'Seals the current revision of a package and returns the SHA-256 of its manifest; a sealed one returns the same again. Compatibility is checked first, and the baseline seen recorded in compatibility_result. Errors: RM002 unknown package, RM003 without the duty release manager, RM006 it does not fit (every finding listed), RM015 no components, one that is not tied as its kind needs, not what its release unit says, or a planned change starts from a value that is no longer so.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.seal_package(text)');

CREATE PROCEDURE release_mgmt.add_signature(package text, key text, signature bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    signing release_mgmt.release_package;
    with_key release_mgmt.signing_key;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    SELECT p.* INTO signing FROM release_mgmt.release_package AS p WHERE p.id = release_mgmt.package_id(package);
    SELECT k.* INTO with_key FROM release_mgmt.signing_key AS k WHERE k.code = key;
    IF NOT FOUND THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('signing key "%s" does not exist', key), NULL,
            'Its owner registers it with CALL release_mgmt.register_signing_key(code, public_key).');
    END IF;
    IF NOT release_mgmt_internal.key_holds(with_key.id, now()) THEN
        PERFORM release_mgmt_internal.refuse('signature_invalid', format('signing key "%s" does not count any more', key),
            coalesce(format('It is revoked: %s.', with_key.revocation_reason), format('It was valid until %s.', with_key.valid_until)), 'Register another key.');
    END IF;
    IF signing.digest IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" is not sealed', package), NULL,
            format('Seal it with SELECT release_mgmt.seal_package(%L), and sign the digest that it returns.', package));
    END IF;
    IF NOT release_mgmt.verify_signature(convert_to(signing.digest::text, 'UTF8'), signature, with_key.public_key) THEN
        PERFORM release_mgmt_internal.refuse('signature_invalid', format('signature of package "%s" by key "%s" does not verify', package, key),
            format('What must be signed is the text %s, with no newline.', signing.digest), 'Sign with "openssl pkeyutl -sign -rawin".');
    END IF;
    INSERT INTO release_mgmt.package_signature (package_id, key_id, digest, signature)
    VALUES (signing.id, with_key.id, signing.digest, signature)
    ON CONFLICT ON CONSTRAINT package_signature_pkey DO NOTHING;
END $$;
COMMENT ON PROCEDURE release_mgmt.add_signature(text, text, bytea) IS
'Adds a detached Ed25519 signature (RFC 8032) over the text of a sealed package''s digest, after verifying it with the registered key. Errors: RM002 unknown package or key, RM011 it does not verify, or the key is over or revoked, RM015 the package is not sealed.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'PROCEDURE release_mgmt.add_signature(text, text, bytea)');

CREATE FUNCTION release_mgmt.revise_package(package text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    old_package release_mgmt.release_package;
    new_package release_mgmt.release_package;
    of_release release_mgmt.release;
    back_to text;
BEGIN
    PERFORM release_mgmt_internal.require_duty('release manager');
    old_package := release_mgmt_internal.lock_package(package);
    PERFORM release_mgmt_internal.require_duty_for(old_package.release_id, 'release manager');
    IF old_package.digest IS NULL THEN
        RETURN old_package.revision;
    END IF;
    SELECT r.* INTO of_release FROM release_mgmt.release AS r WHERE r.id = old_package.release_id;
    IF NOT EXISTS (SELECT FROM release_mgmt.model_state AS s
                   WHERE s.model_id = of_release.model_id AND s.state = of_release.state AND s.kind IN ('planning', 'halted')) THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" can not be revised while release "%s" is %s', package, of_release.code, of_release.state),
            NULL, 'Back the release out first, or ship the correction with another release.');
    END IF;
    -- What was reached on the old revision is void: back to planned, or where a model of one's own leads back to.
    IF of_release.state NOT IN ('draft', 'planned') THEN
        SELECT t.to_state INTO back_to
        FROM release_mgmt.model_transition AS t
        JOIN release_mgmt.model_state AS s ON s.model_id = t.model_id AND s.state = t.to_state
        JOIN release_mgmt.model_state AS f ON f.model_id = t.model_id AND f.state = t.from_state
        WHERE t.model_id = of_release.model_id AND t.from_state = of_release.state AND NOT t.forward AND s.kind = 'planning'
          AND (s.state IN ('planned', 'draft') OR (f.kind = 'planning' AND s.ordinal < f.ordinal))
        ORDER BY s.state <> 'planned', s.state <> 'draft', s.ordinal LIMIT 1;
    END IF;
    UPDATE release_mgmt.release AS r SET state = back_to WHERE r.id = of_release.id AND back_to IS NOT NULL;
    UPDATE release_mgmt.release_package AS p SET current = false WHERE p.id = old_package.id;
    INSERT INTO release_mgmt.release_package (code, revision, release_id, unit_id)
    VALUES (old_package.code, old_package.revision + 1, old_package.release_id, old_package.unit_id) RETURNING * INTO new_package;
    INSERT INTO release_mgmt.component (package_id, kind, name, version, item_id, ci, digest, related_reason)
    SELECT new_package.id, c.kind, c.name, c.version, c.item_id, c.ci, c.digest, c.related_reason
    FROM release_mgmt.component AS c WHERE c.package_id = old_package.id ORDER BY c.name;
    RETURN new_package.revision;
END $$;
COMMENT ON FUNCTION release_mgmt.revise_package(text) IS
'Begins a new revision of a sealed package, with the same components, and takes its release back to planned, or in a model without that state to draft or the first state that a transition back leads to: signatures, tests and approvals of the old revision do not count for the new. Returns the revision; an unsealed one is left as it is. Errors: RM002 unknown package, RM003 without the duty release manager, RM015 the release is being deployed, or ended, or its model neither leads back nor asks for the approval again.';
SELECT release_mgmt_internal.allow('{release manager}', 'EXECUTE', 'FUNCTION release_mgmt.revise_package(text)');
