-- Module party: the verb by which users register checks of their own.
--
-- SECURITY DEFINER from here on: the registry is written by the verb alone.
CREATE FUNCTION release_mgmt_internal.check_function_faults(function oid) RETURNS TABLE (fault text)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    WITH asked AS MATERIALIZED (
        SELECT p.*, p.oid::regprocedure::text AS name, n.nspname, l.lanname, l.lanpltrusted, r.rolname, r.rolsuper
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_language AS l ON l.oid = p.prolang JOIN pg_roles AS r ON r.oid = p.proowner
        WHERE p.oid = check_function_faults.function
    )
    SELECT f.fault
    FROM asked AS a
    CROSS JOIN LATERAL (VALUES
        (1, a.prokind <> 'f' OR a.proretset, 'it is no function of one result'),
        (2, a.prorettype <> 'release_mgmt.check_result'::regtype, format('it returns %s, not release_mgmt.check_result', format_type(a.prorettype, NULL))),
        (3, a.provolatile = 'v', 'it is VOLATILE, and a check only reads: declare it STABLE'),
        (4, NOT a.lanpltrusted, format('it is written in %s, which is no trusted language', a.lanname)),
        (5, a.rolsuper, format('it belongs to %s, a superuser: give it to a role that may read what it needs, and no more', a.rolname)),
        (6, NOT a.rolsuper AND pg_has_role(a.proowner, (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'release_mgmt'), 'USAGE'),
            format('it belongs to %s, which has the rights of the extension''s owner', a.rolname)),
        (7, NOT pg_has_role(release_mgmt_internal.acting_role(), a.proowner, 'USAGE'),
            format('it belongs to %s, whose rights role "%s" does not have', a.rolname, release_mgmt_internal.acting_role())),
        (8, a.nspname ~ '^pg_(toast_)?temp_', 'it is temporary'),
        (9, obj_description(a.oid, 'pg_proc') IS NULL, format('nothing says what it looks at: COMMENT ON FUNCTION %s', a.name))) AS f(place, applies, fault)
    WHERE f.applies
    ORDER BY f.place;
END;
COMMENT ON FUNCTION release_mgmt_internal.check_function_faults(oid) IS 'Everything that makes a function unfit to answer a check that users register.';

CREATE PROCEDURE release_mgmt.register_check(name text, function_name text, proves text, point text DEFAULT 'gate')
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    function oid;
    qualified text;
    faults text[] := '{}';
    known release_mgmt.registered_check;
BEGIN
    PERFORM release_mgmt_internal.require_active();
    IF NOT release_mgmt_internal.is_beyond_row_security() THEN
        PERFORM release_mgmt_internal.require_duty('release manager', 'change manager');
    END IF;
    BEGIN
        function := to_regprocedure(function_name || '(uuid)');
    EXCEPTION WHEN syntax_error OR invalid_name OR invalid_text_representation THEN
        function := NULL;
    END;
    IF coalesce(name, '') = '' THEN
        faults := faults || 'a check has a name'::text;
    END IF;
    IF coalesce(proves, '') = '' THEN
        faults := faults || 'it does not say what it proves'::text;
    END IF;
    IF point IS NULL OR point NOT IN ('gate', 'intake') THEN
        faults := faults || format('at the point %s the extension''s owner alone registers checks, by INSERT', point);
    END IF;
    SELECT c.* INTO known FROM release_mgmt.registered_check AS c WHERE c.name = register_check.name FOR UPDATE;
    IF known.builtin THEN
        faults := faults || 'the name is that of a shipped check'::text;
    ELSIF known.name IS NOT NULL AND known.point <> register_check.point THEN
        faults := faults || format('a check of that name is asked at the point %s', known.point);
    ELSIF known.name IS NOT NULL AND known.registered_by IS DISTINCT FROM release_mgmt_internal.acting_person() THEN
        faults := faults || format('a check of that name was registered by %s',
            coalesce((SELECT p.code FROM release_mgmt.person AS p WHERE p.id = known.registered_by), 'the extension''s owner'));
    END IF;
    IF function IS NULL THEN
        faults := faults || format('function %s(uuid) does not exist', function_name);
    ELSE
        SELECT faults || array_agg(f.fault) INTO faults FROM release_mgmt_internal.check_function_faults(function) AS f;
    END IF;
    IF faults <> '{}' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('check "%s" can not be registered', name),
            (SELECT string_agg(upper(left(f.fault, 1)) || substr(f.fault, 2) || '.', E'\n' ORDER BY f.place) FROM unnest(faults) WITH ORDINALITY AS f(fault, place)),
            'A check is a STABLE function f(uuid) returns release_mgmt.check_result, owned by a role of yours; it runs as that role, read-only and for a limited time.');
    END IF;

    SELECT format('%I.%I', n.nspname, p.proname) INTO qualified FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE p.oid = function;
    IF known.name IS NULL THEN
        INSERT INTO release_mgmt.registered_check (name, point, function_name, proves, definition, registered_by)
        VALUES (register_check.name, register_check.point, qualified, register_check.proves, release_mgmt_internal.function_definition(function), release_mgmt_internal.acting_person());
    ELSIF (known.function_name, known.proves, known.definition::text)
          IS DISTINCT FROM (qualified, register_check.proves, release_mgmt_internal.function_definition(function)::text) THEN
        UPDATE release_mgmt.registered_check AS c
        SET function_name = qualified, proves = register_check.proves, definition = release_mgmt_internal.function_definition(function)
        WHERE c.name = register_check.name;
    END IF;
END $$;
COMMENT ON PROCEDURE release_mgmt.register_check(text, text, text, text) IS
'Registers a function of the user''s as a check that gates (point gate) or the library''s intake (point intake) can ask. function_name: schema.function, without arguments; proves: what a met check shows. The function runs as its owner, in a read-only transaction that is rolled back, for release_mgmt.criterion_timeout at most; an error of it is unmet. Registered again by the same person it is taken as it is now: until then a function that changed is unmet, and what was agreed or waived on the old one is void. Errors: RM003 without the duty release manager or change manager (the extension''s owner needs none), RM015 anything wrong with it, all of it listed.';
SELECT release_mgmt_internal.allow('{release manager,change manager}', 'EXECUTE', 'PROCEDURE release_mgmt.register_check(text, text, text, text)');
