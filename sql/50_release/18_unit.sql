-- Module release: release units.
--
-- SECURITY DEFINER in the trigger function: a rule reads what the caller may not.

CREATE TABLE release_mgmt.release_unit (
    id         uuid DEFAULT release_mgmt.new_id(),
    code       text NOT NULL,
    ci_classes text[] NOT NULL,
    extent     text NOT NULL,
    CONSTRAINT release_unit_pkey PRIMARY KEY (id),
    CONSTRAINT release_unit_code_key UNIQUE (code),
    CONSTRAINT release_unit_code_check CHECK (code <> ''),
    CONSTRAINT release_unit_ci_classes_check CHECK (cardinality(ci_classes) > 0),
    CONSTRAINT release_unit_extent_check CHECK (extent IN ('full', 'delta', 'package'))
);
COMMENT ON TABLE release_mgmt.release_unit IS 'CI classes that are released together, and whether in full, as a delta, or as a package. Once a package of the unit is sealed, it no longer changes.';
COMMENT ON COLUMN release_mgmt.release_unit.extent IS
'full: something of every class, and nothing else; delta: of some of the classes, and nothing else; package: something of every class, and what else belongs to it';
SELECT pg_catalog.pg_extension_config_dump('release_mgmt.release_unit', '');
SELECT release_mgmt_internal.govern_own('release_mgmt.release_unit');
SELECT release_mgmt_internal.is_shared('release_mgmt.release_unit', 'rules');
SELECT release_mgmt_internal.allow('{*}', 'SELECT', 'release_mgmt.release_unit');
SELECT release_mgmt_internal.allow('{release manager}', 'INSERT', 'release_mgmt.release_unit');

CREATE FUNCTION release_mgmt_internal.keep_unit() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    SELECT string_agg(format(CASE WHEN u.times > 1 THEN '%s is named twice' ELSE 'no class %s is bound' END, u.class), '; ' ORDER BY u.class COLLATE "C") INTO wrong
    FROM (SELECT c.class, count(*) AS times FROM unnest(NEW.ci_classes) AS c(class) GROUP BY c.class) AS u
    WHERE u.times > 1 OR NOT EXISTS (SELECT FROM release_mgmt.ci_class AS k WHERE k.name = u.class);
    IF wrong IS NOT NULL THEN
        PERFORM release_mgmt_internal.refuse('unknown_code', format('release unit "%s" can not be made of these classes', NEW.code), wrong || '.',
            'Classes are the rows of release_mgmt.ci_class; bind_ci_class() binds a table.');
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.keep_unit() IS 'Trigger: a unit is made of classes that exist, each once.';
CREATE TRIGGER rm_50_keep BEFORE INSERT OR UPDATE ON release_mgmt.release_unit
FOR EACH ROW WHEN (release_mgmt_internal.is_active()) EXECUTE FUNCTION release_mgmt_internal.keep_unit();
