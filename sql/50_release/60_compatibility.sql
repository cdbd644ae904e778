-- Module release: whether a package's components fit together and into what is installed.

-- SECURITY DEFINER: reads the library and the CMDB on behalf of whoever plans.
CREATE FUNCTION release_mgmt.check_compatibility(package text, targets text[] DEFAULT NULL)
RETURNS TABLE (severity text, finding text, kind text, class text, component text, clause text, candidates text, chain text, target text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, release_mgmt, pg_temp
BEGIN ATOMIC
    SELECT 'error', format('its library item is %s', i.state), 'withdrawn', 'introduced', c.name, NULL::text, NULL::text, NULL::text, NULL::text
    FROM release_mgmt.component AS c JOIN release_mgmt.library_item AS i ON i.id = c.item_id
    WHERE c.package_id = release_mgmt.package_id(package) AND i.state <> 'accepted';
END;
COMMENT ON FUNCTION release_mgmt.check_compatibility(text, text[]) IS
'The findings of compatibility of a package''s current revision; severity error blocks sealing. Errors: RM002 unknown package.';
SELECT release_mgmt_internal.allow('{*}', 'EXECUTE', 'FUNCTION release_mgmt.check_compatibility(text, text[])');
