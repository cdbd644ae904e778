-- pkgreq: a requirement on versions as manifests write it.

CREATE TYPE pkgreq;

CREATE FUNCTION pkgreq_in(cstring) RETURNS pkgreq
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_in';
COMMENT ON FUNCTION pkgreq_in(cstring) IS 'Input of type pkgreq. Errors: 22P02.';
CREATE FUNCTION pkgreq_out(pkgreq) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_out';
COMMENT ON FUNCTION pkgreq_out(pkgreq) IS 'Output of type pkgreq.';
CREATE FUNCTION pkgreq_recv(internal) RETURNS pkgreq
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_recv';
COMMENT ON FUNCTION pkgreq_recv(internal) IS 'Binary input of type pkgreq: a byte 1, then the text. Errors: 22P02, 22P03.';
CREATE FUNCTION pkgreq_send(pkgreq) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_send';
COMMENT ON FUNCTION pkgreq_send(pkgreq) IS 'Binary output of type pkgreq.';

CREATE TYPE pkgreq (
    INPUT = pkgreq_in, OUTPUT = pkgreq_out, RECEIVE = pkgreq_recv, SEND = pkgreq_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = main
);
COMMENT ON TYPE pkgreq IS
'Requirement on the version of a package as manifests write it, with its syntax: npm/^1.2.3 || >=2, deb/>= 1.2, << 2, rpm/>= 1.0-1, pep440/~=1.4.2, !=1.4.5, generic/>= 1.0.';

CREATE FUNCTION pkgreq(syntax text, requirement text) RETURNS pkgreq
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_from_text';
COMMENT ON FUNCTION pkgreq(text, text) IS
'Returns the requirement. syntax: npm (npm''s semver ranges), deb (Debian Policy 7.1), rpm, pep440 or pypi (version specifiers of PEP 440, but ===), generic. Errors: 22023 for an unknown syntax, 22P02 where the text is no requirement.';

CREATE FUNCTION pkgreq_scheme(pkgreq) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_get_scheme';
COMMENT ON FUNCTION pkgreq_scheme(pkgreq) IS 'Returns the scheme of the versions that can satisfy the requirement.';
CREATE FUNCTION pkgreq_requirement(pkgreq) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_get_requirement';
COMMENT ON FUNCTION pkgreq_requirement(pkgreq) IS 'Returns the requirement as it was written, without its syntax.';

CREATE FUNCTION pkgreq_versions(pkgreq) RETURNS pkgver_multirange
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_versions';
COMMENT ON FUNCTION pkgreq_versions(pkgreq) IS
'Returns intervals that hold every version that satisfies the requirement, and for deb, rpm and generic no other. npm and pep440 also have rules on pre-releases and kin, which are no intervals. For an index: USING gist (pkgreq_versions(column)).';

CREATE FUNCTION release_mgmt_internal.satisfies_support(internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_satisfies_support';

CREATE FUNCTION satisfies(version pkgver, requirement pkgreq) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SUPPORT release_mgmt_internal.satisfies_support AS 'MODULE_PATHNAME', 'rm_satisfies';
COMMENT ON FUNCTION satisfies(pkgver, pkgreq) IS
'Tells whether the version satisfies the requirement, as the syntax''s own tool has it (npm: without includePrerelease; pep440: pre-releases only where the requirement names one). False for a version of another scheme.';
CREATE FUNCTION is_satisfied_by(requirement pkgreq, version pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SUPPORT release_mgmt_internal.satisfies_support AS 'MODULE_PATHNAME', 'rm_is_satisfied_by';
COMMENT ON FUNCTION is_satisfied_by(pkgreq, pkgver) IS 'Tells what satisfies(version, requirement) tells.';

CREATE OPERATOR @@ (
    FUNCTION = satisfies, LEFTARG = pkgver, RIGHTARG = pkgreq, COMMUTATOR = @@, RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR @@ (pkgver, pkgreq) IS 'satisfies';
CREATE OPERATOR @@ (
    FUNCTION = is_satisfied_by, LEFTARG = pkgreq, RIGHTARG = pkgver, COMMUTATOR = @@, RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR @@ (pkgreq, pkgver) IS 'is satisfied by';
