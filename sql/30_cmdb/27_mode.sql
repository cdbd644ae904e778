-- Module cmdb: modes warn and enforce are those of bound tables. Nothing holds the rows of another table against a plan, and a mode
-- that only looked like a guard would be worse than none.

CREATE FUNCTION release_mgmt_internal.require_binding() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM release_mgmt.ci_class AS c WHERE c.source = NEW.source) THEN
        PERFORM release_mgmt_internal.refuse('not_governable', format('table %s can not be governed in mode %s', NEW.source, NEW.mode),
            'It is bound to no class, so that its rows are no configuration items, and no plan speaks of them: what is done to them is captured, as in mode observe, and never held against a release.',
            format('Bind it: SELECT release_mgmt.bind_ci_class(''class'', %L, key => %L, name => ''column'', mode => %L).', NEW.source, NEW.key_columns, NEW.mode));
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION release_mgmt_internal.require_binding() IS 'Row trigger: RM012 where a table that is bound to no class would be governed in mode warn or enforce.';
CREATE TRIGGER rm_50_binding BEFORE INSERT OR UPDATE OF mode ON release_mgmt.governed_table
    FOR EACH ROW WHEN (release_mgmt_internal.is_active() AND NOT NEW.builtin AND NEW.mode <> 'observe') EXECUTE FUNCTION release_mgmt_internal.require_binding();
