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
'Requirement on the version of a package as manifests write it, with its syntax: npm/^1.2.3 || >=2, deb/>= 1.2, << 2, rpm/>= 1.0-1, pep440/~=1.4.2, !=1.4.5, maven/[1.0,2.0), nuget/1.*, cargo/1.2, generic/>= 1.0.';

CREATE FUNCTION pkgreq(syntax text, requirement text) RETURNS pkgreq
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgreq_from_text';
COMMENT ON FUNCTION pkgreq(text, text) IS
'Returns the requirement. syntax: npm (npm''s semver ranges), deb (Debian Policy 7.1), rpm, pep440 or pypi (version specifiers of PEP 440, but ===), maven (VersionRange), nuget (version ranges and floating versions), cargo (the crate semver), generic. Errors: 22023 for an unknown syntax, 22P02 where the text is no requirement.';

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
'Tells whether the version satisfies the requirement, as the syntax''s own tool has it (npm: without includePrerelease; pep440: pre-releases only where the requirement names one; maven: a version outside of brackets is a recommendation, which every version satisfies; nuget: a floating version is satisfied by what it could float to). False for a version of another scheme.';
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

-- Order and equality, by syntax and text

-- The value is its own key: the server's comparison and hash of bytes serve it.
CREATE FUNCTION pkgreq_lt(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bytealt';
COMMENT ON FUNCTION pkgreq_lt(pkgreq, pkgreq) IS 'Implements an operator: less than.';
CREATE FUNCTION pkgreq_le(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteale';
COMMENT ON FUNCTION pkgreq_le(pkgreq, pkgreq) IS 'Implements an operator: less than or equal.';
CREATE FUNCTION pkgreq_eq(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteaeq';
COMMENT ON FUNCTION pkgreq_eq(pkgreq, pkgreq) IS 'Implements an operator: equal.';
CREATE FUNCTION pkgreq_ne(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteane';
COMMENT ON FUNCTION pkgreq_ne(pkgreq, pkgreq) IS 'Implements an operator: not equal.';
CREATE FUNCTION pkgreq_ge(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteage';
COMMENT ON FUNCTION pkgreq_ge(pkgreq, pkgreq) IS 'Implements an operator: greater than or equal.';
CREATE FUNCTION pkgreq_gt(pkgreq, pkgreq) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteagt';
COMMENT ON FUNCTION pkgreq_gt(pkgreq, pkgreq) IS 'Implements an operator: greater than.';
CREATE FUNCTION pkgreq_cmp(pkgreq, pkgreq) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteacmp';
COMMENT ON FUNCTION pkgreq_cmp(pkgreq, pkgreq) IS 'Returns less than, equal to or greater than 0, as the first sorts before, with or after the second.';
CREATE FUNCTION pkgreq_hash(pkgreq) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashvarlena';
COMMENT ON FUNCTION pkgreq_hash(pkgreq) IS 'Returns a hash that equals share.';
CREATE FUNCTION pkgreq_hash_extended(pkgreq, bigint) RETURNS bigint
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashvarlenaextended';
COMMENT ON FUNCTION pkgreq_hash_extended(pkgreq, bigint) IS 'Returns a hash that equals share, with a seed.';

CREATE OPERATOR < (
    FUNCTION = pkgreq_lt, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (pkgreq, pkgreq) IS 'less than';
CREATE OPERATOR <= (
    FUNCTION = pkgreq_le, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (pkgreq, pkgreq) IS 'less than or equal';
CREATE OPERATOR = (
    FUNCTION = pkgreq_eq, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (pkgreq, pkgreq) IS 'equal';
CREATE OPERATOR <> (
    FUNCTION = pkgreq_ne, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (pkgreq, pkgreq) IS 'not equal';
CREATE OPERATOR >= (
    FUNCTION = pkgreq_ge, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (pkgreq, pkgreq) IS 'greater than or equal';
CREATE OPERATOR > (
    FUNCTION = pkgreq_gt, LEFTARG = pkgreq, RIGHTARG = pkgreq,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (pkgreq, pkgreq) IS 'greater than';

CREATE OPERATOR CLASS pkgreq_ops DEFAULT FOR TYPE pkgreq USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 pkgreq_cmp(pkgreq, pkgreq),
    FUNCTION 4 btequalimage(oid);
CREATE OPERATOR CLASS pkgreq_ops DEFAULT FOR TYPE pkgreq USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 pkgreq_hash(pkgreq),
    FUNCTION 2 pkgreq_hash_extended(pkgreq, bigint);
