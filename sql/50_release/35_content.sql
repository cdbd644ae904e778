-- Module release: what a package must contain: each component tied as its kind needs, and what its unit says together.

-- SECURITY DEFINER in the trigger functions: a rule reads what the caller may not.
CREATE FUNCTION release_mgmt_internal.tie_component() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    item release_mgmt.library_item;
BEGIN
    IF NEW.kind = 'hardware' AND NEW.ci IS NULL THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('component "%s" is hardware, and names no configuration item', NEW.name), NULL,
            'Name the device in ci as class/key; it need not exist yet.');
    END IF;
    IF NEW.ci IS NOT NULL AND NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.name = split_part(NEW.ci, '/', 1) AND strpos(NEW.ci, '/') > 0) THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('no table is bound to the class of configuration item "%s", which component "%s" would be', NEW.ci, NEW.name),
            'Classes are: ' || (SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM release_mgmt.ci_class AS c) || '.',
            'An item is named class/key, and need not exist yet; bind_ci_class() binds a table.');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.item_id IS NOT DISTINCT FROM OLD.item_id AND NEW.kind = OLD.kind THEN
        NEW.digest := OLD.digest;
        RETURN NEW;
    END IF;
    SELECT i.* INTO item FROM release_mgmt.library_item AS i WHERE i.id = NEW.item_id;
    IF item.kind <> NEW.kind THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('component "%s" is of kind %s, and its library item of kind %s', NEW.name, NEW.kind, item.kind),
            format('The item is %s.', item.purl), 'A component and its item are of one kind; firmware of a device is software, whose ci names the device.');
    END IF;
    NEW.version := coalesce(NEW.version, item.version);
    NEW.digest := item.digest;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.tie_component() IS
'Trigger: hardware names its configuration item, any such is of a class that exists, a component is of its library item''s kind, and its digest is the item''s, whatever is written.';
CREATE TRIGGER rm_51_tie BEFORE INSERT OR UPDATE ON release_mgmt.component
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.tie_component();

CREATE FUNCTION release_mgmt_internal.untied_components(package uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.string_agg(pg_catalog.format(CASE c.kind WHEN 'hardware' THEN 'component "%s" is of kind %s, and names no configuration item'
                                                               ELSE 'component "%s" is of kind %s, and no item of the library' END, c.name, c.kind),
                                 '; ' ORDER BY c.name COLLATE "C")
    FROM release_mgmt.component AS c
    WHERE c.package_id = untied_components.package
      AND (c.kind IN ('software', 'document', 'data') AND c.item_id IS NULL OR c.kind = 'hardware' AND c.ci IS NULL);
END;
COMMENT ON FUNCTION release_mgmt_internal.untied_components(uuid) IS
'The components of a package that are not tied as their kind needs: software, documents and data to an item of the library, hardware to a configuration item, configuration to either. NULL where there are none.';

CREATE FUNCTION release_mgmt_internal.package_classes(package uuid) RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.split_part(c.ci, '/', 1) FROM release_mgmt.component AS c WHERE c.package_id = package_classes.package AND c.ci IS NOT NULL
    UNION
    SELECT pg_catalog.split_part(x.ci, '/', 1)
    FROM release_mgmt.release_package AS p JOIN release_mgmt.planned_ci_change AS x ON x.release_id = p.release_id
    WHERE p.id = package_classes.package;
END;
COMMENT ON FUNCTION release_mgmt_internal.package_classes(uuid) IS 'The classes of the configuration items that a package''s components are, and that its release plans to change.';

CREATE FUNCTION release_mgmt_internal.unit_faults(package uuid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH brought AS (
        SELECT coalesce(pg_catalog.array_agg(c.class), '{}') AS classes FROM release_mgmt_internal.package_classes(unit_faults.package) AS c(class)
    )
    SELECT nullif(pg_catalog.concat_ws('; ',
               CASE WHEN u.extent <> 'delta' THEN
                   (SELECT pg_catalog.format('release unit "%s" brings all its classes together, and of these nothing is there: %s', u.code,
                                             pg_catalog.string_agg(c.class, ', ' ORDER BY c.class COLLATE "C"))
                    FROM pg_catalog.unnest(u.ci_classes) AS c(class) WHERE c.class <> ALL (b.classes) HAVING count(*) > 0)
                    WHEN NOT u.ci_classes && b.classes THEN pg_catalog.format('nothing of release unit "%s" is there', u.code) END,
               CASE WHEN u.extent <> 'package' THEN
                   (SELECT pg_catalog.format('these classes are outside release unit "%s": %s', u.code, pg_catalog.string_agg(c.class, ', ' ORDER BY c.class COLLATE "C"))
                    FROM pg_catalog.unnest(b.classes) AS c(class) WHERE c.class <> ALL (u.ci_classes) HAVING count(*) > 0) END), '')
    FROM release_mgmt.release_package AS p JOIN release_mgmt.release_unit AS u ON u.id = p.unit_id CROSS JOIN brought AS b
    WHERE p.id = unit_faults.package;
END;
COMMENT ON FUNCTION release_mgmt_internal.unit_faults(uuid) IS
'What a package lacks of its release unit, or brings beside it; NULL where it is what the unit says, or no unit.';

CREATE FUNCTION release_mgmt_internal.complete_package() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    faults text := concat_ws('; ', release_mgmt_internal.untied_components(NEW.id), release_mgmt_internal.unit_faults(NEW.id));
BEGIN
    IF faults <> '' THEN
        PERFORM release_mgmt_internal.refuse('wrong_state', format('package "%s" is not complete', NEW.code), faults || '.',
            'Tie components by an UPDATE of item_id or ci in release_mgmt.component; plan what is missing of the unit, or take away what is outside it.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.complete_package() IS 'Trigger: a package is sealed only with every component tied as its kind needs, and as its release unit says.';
CREATE TRIGGER rm_51_complete BEFORE UPDATE OF digest ON release_mgmt.release_package
FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND OLD.digest IS NULL AND NEW.digest IS NOT NULL) EXECUTE FUNCTION release_mgmt_internal.complete_package();

CREATE FUNCTION release_mgmt_internal.pin_unit() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM release_mgmt.release_package AS p WHERE p.unit_id = OLD.id AND p.digest IS NOT NULL) THEN
        PERFORM release_mgmt_internal.refuse('sealed', format('release unit "%s" no longer changes', OLD.code), 'A package that is sealed is of that unit.',
            'Insert another one.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.pin_unit() IS 'Trigger: a unit of which a package is sealed does not change.';
CREATE TRIGGER rm_51_pin BEFORE UPDATE ON release_mgmt.release_unit
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.pin_unit();
