-- purl: package URL (ECMA-427).

CREATE TYPE purl;

CREATE FUNCTION purl_in(cstring) RETURNS purl
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_in';
COMMENT ON FUNCTION purl_in(cstring) IS 'Input of type purl. Errors: 22P02.';
CREATE FUNCTION purl_out(purl) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_out';
COMMENT ON FUNCTION purl_out(purl) IS 'Output of type purl.';
CREATE FUNCTION purl_recv(internal) RETURNS purl
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_recv';
COMMENT ON FUNCTION purl_recv(internal) IS 'Binary input of type purl: a byte 1, then the text. Errors: 22P02, 22P03.';
CREATE FUNCTION purl_send(purl) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_send';
COMMENT ON FUNCTION purl_send(purl) IS 'Binary output of type purl.';

CREATE TYPE purl (
    INPUT = purl_in, OUTPUT = purl_out, RECEIVE = purl_recv, SEND = purl_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = main
);
COMMENT ON TYPE purl IS
'Package URL in canonical form (ECMA-427, with the rules of the registered package types), as in pkg:deb/debian/curl@7.88.1-10?arch=amd64.';

CREATE FUNCTION purl(type text, namespace text, name text, version text DEFAULT NULL, qualifiers jsonb DEFAULT NULL, subpath text DEFAULT NULL)
RETURNS purl LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_from_parts';
COMMENT ON FUNCTION purl(text, text, text, text, jsonb, text) IS
'Returns the package URL with these parts, none of them percent-encoded; namespace, version, qualifiers (an object of texts) and subpath may be NULL. ECMA-427, How to build a PURL. Errors: 22023.';

-- Parts

CREATE FUNCTION purl_type(purl) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_type';
COMMENT ON FUNCTION purl_type(purl) IS
'Returns the type, as in deb, npm, pypi.';

CREATE FUNCTION purl_namespace(purl) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_namespace';
COMMENT ON FUNCTION purl_namespace(purl) IS
'Returns the namespace, decoded, its segments separated by slashes; NULL where there is none.';

CREATE FUNCTION purl_name(purl) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_name';
COMMENT ON FUNCTION purl_name(purl) IS
'Returns the name, decoded.';

CREATE FUNCTION purl_version(purl) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_version';
COMMENT ON FUNCTION purl_version(purl) IS
'Returns the version, decoded; NULL where there is none. pkgver(purl_type(p), purl_version(p)) is a version to compare, for types deb, rpm, npm, cargo, golang, pypi and generic.';

CREATE FUNCTION purl_subpath(purl) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_subpath';
COMMENT ON FUNCTION purl_subpath(purl) IS
'Returns the subpath, decoded; NULL where there is none.';

CREATE FUNCTION purl_qualifier(purl, key text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_get_qualifier';
COMMENT ON FUNCTION purl_qualifier(purl, text) IS
'Returns the value of a qualifier, decoded; NULL where it is absent. key: in lower case.';

CREATE FUNCTION purl_without_version(purl) RETURNS purl
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_without_version';
COMMENT ON FUNCTION purl_without_version(purl) IS
'Returns the package URL without its version; qualifiers and subpath stay.';

CREATE FUNCTION purl_package(purl) RETURNS purl
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_purl_package';
COMMENT ON FUNCTION purl_package(purl) IS
'Returns type, namespace and name alone: what an advisory names.';

-- Order and equality

-- The value is its own key: the server's comparison and hash of bytes serve it.
CREATE FUNCTION purl_lt(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'bytealt';
COMMENT ON FUNCTION purl_lt(purl, purl) IS 'Implements an operator: less than.';
CREATE FUNCTION purl_le(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteale';
COMMENT ON FUNCTION purl_le(purl, purl) IS 'Implements an operator: less than or equal.';
CREATE FUNCTION purl_eq(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteaeq';
COMMENT ON FUNCTION purl_eq(purl, purl) IS 'Implements an operator: equal.';
CREATE FUNCTION purl_ne(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteane';
COMMENT ON FUNCTION purl_ne(purl, purl) IS 'Implements an operator: not equal.';
CREATE FUNCTION purl_ge(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteage';
COMMENT ON FUNCTION purl_ge(purl, purl) IS 'Implements an operator: greater than or equal.';
CREATE FUNCTION purl_gt(purl, purl) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteagt';
COMMENT ON FUNCTION purl_gt(purl, purl) IS 'Implements an operator: greater than.';
CREATE FUNCTION purl_cmp(purl, purl) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'byteacmp';
COMMENT ON FUNCTION purl_cmp(purl, purl) IS 'Returns less than, equal to or greater than 0, as the first sorts before, with or after the second.';
CREATE FUNCTION purl_hash(purl) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashvarlena';
COMMENT ON FUNCTION purl_hash(purl) IS 'Returns a hash that equals share.';
CREATE FUNCTION purl_hash_extended(purl, bigint) RETURNS bigint
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'hashvarlenaextended';
COMMENT ON FUNCTION purl_hash_extended(purl, bigint) IS 'Returns a hash that equals share, with a seed.';

CREATE OPERATOR < (
    FUNCTION = purl_lt, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (purl, purl) IS 'less than';
CREATE OPERATOR <= (
    FUNCTION = purl_le, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (purl, purl) IS 'less than or equal';
CREATE OPERATOR = (
    FUNCTION = purl_eq, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (purl, purl) IS 'equal';
CREATE OPERATOR <> (
    FUNCTION = purl_ne, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (purl, purl) IS 'not equal';
CREATE OPERATOR >= (
    FUNCTION = purl_ge, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (purl, purl) IS 'greater than or equal';
CREATE OPERATOR > (
    FUNCTION = purl_gt, LEFTARG = purl, RIGHTARG = purl,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (purl, purl) IS 'greater than';

CREATE OPERATOR CLASS purl_ops DEFAULT FOR TYPE purl USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 purl_cmp(purl, purl),
    FUNCTION 4 btequalimage(oid);
CREATE OPERATOR CLASS purl_ops DEFAULT FOR TYPE purl USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 purl_hash(purl),
    FUNCTION 2 purl_hash_extended(purl, bigint);
