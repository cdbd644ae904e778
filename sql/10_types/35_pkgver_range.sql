-- Ranges of versions.

CREATE TYPE pkgver_range;

CREATE FUNCTION release_mgmt_internal.pkgver_range_canonical(pkgver_range) RETURNS pkgver_range
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_range_canonical';
CREATE FUNCTION release_mgmt_internal.pkgver_diff(pkgver, pkgver) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_diff';

CREATE TYPE pkgver_range AS RANGE (
    SUBTYPE = pkgver, SUBTYPE_OPCLASS = pkgver_ops,
    CANONICAL = release_mgmt_internal.pkgver_range_canonical,
    SUBTYPE_DIFF = release_mgmt_internal.pkgver_diff,
    MULTIRANGE_TYPE_NAME = pkgver_multirange
);
COMMENT ON TYPE pkgver_range IS
'Range of versions of one scheme, as in [deb/1.2,deb/1.4). An open end reaches to the end of the scheme: (,deb/1.4) is [deb/<,deb/1.4).';
COMMENT ON TYPE pkgver_multirange IS 'Several ranges of versions, of any schemes.';

-- CREATE TYPE has just made the type's two constructors; replaced, they refuse bounds of two schemes. That they came with the
-- type is noted anew, as pg_upgrade leaves them to CREATE TYPE; activate(), which follows pg_upgrade, replaces them again.
CREATE FUNCTION release_mgmt_internal.replace_range_constructors() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    constructor regprocedure;
BEGIN
    CREATE OR REPLACE FUNCTION release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver) RETURNS release_mgmt.pkgver_range
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_range_construct2';
    CREATE OR REPLACE FUNCTION release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver, text) RETURNS release_mgmt.pkgver_range
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_range_construct3';
    FOREACH constructor IN ARRAY ARRAY['release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver)',
                                       'release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver, text)']::regprocedure[] LOOP
        INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
        VALUES ('pg_proc'::regclass, constructor, 0, 'pg_type'::regclass, 'release_mgmt.pkgver_range'::regtype, 0, 'i');
    END LOOP;
    -- The install script makes them the extension's; called later, this does.
    IF NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = constructor AND d.deptype = 'e') THEN
        ALTER EXTENSION release_mgmt ADD FUNCTION release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver);
        ALTER EXTENSION release_mgmt ADD FUNCTION release_mgmt.pkgver_range(release_mgmt.pkgver, release_mgmt.pkgver, text);
    END IF;
END;
$$;
COMMENT ON FUNCTION release_mgmt_internal.replace_range_constructors() IS 'Replaces the constructors that CREATE TYPE gives to pkgver_range.';
SELECT release_mgmt_internal.replace_range_constructors();
COMMENT ON FUNCTION pkgver_range(pkgver, pkgver) IS
'Returns the range from the first version to before the second; NULL is an open end. Errors: 22000 for bounds of two schemes or in the wrong order.';
COMMENT ON FUNCTION pkgver_range(pkgver, pkgver, text) IS
'Returns the range between two versions; bounds: (), (], [) or []. NULL is an open end. Errors: 22000 for bounds of two schemes or in the wrong order, 42601 for other bounds.';
COMMENT ON FUNCTION pkgver_multirange() IS 'Returns the empty multirange.';
COMMENT ON FUNCTION pkgver_multirange(pkgver_range) IS 'Returns the multirange of this one range.';
COMMENT ON FUNCTION pkgver_multirange(pkgver_range[]) IS 'Returns the multirange that these ranges make up together.';
