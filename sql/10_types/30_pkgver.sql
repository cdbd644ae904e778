-- pkgver: the version of a package, ordered as its scheme has it.

CREATE TYPE pkgver;

CREATE FUNCTION pkgver_in(cstring, oid, integer) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_in';
COMMENT ON FUNCTION pkgver_in(cstring, oid, integer) IS 'Input of type pkgver. Errors: 22P02.';
CREATE FUNCTION pkgver_out(pkgver) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_out';
COMMENT ON FUNCTION pkgver_out(pkgver) IS 'Output of type pkgver.';
CREATE FUNCTION pkgver_recv(internal, oid, integer) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_recv';
COMMENT ON FUNCTION pkgver_recv(internal, oid, integer) IS 'Binary input of type pkgver. Errors: 22P02, 22P03.';
CREATE FUNCTION pkgver_send(pkgver) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_send';
COMMENT ON FUNCTION pkgver_send(pkgver) IS 'Binary output of type pkgver.';
CREATE FUNCTION pkgver_typmod_in(cstring[]) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_typmod_in';
COMMENT ON FUNCTION pkgver_typmod_in(cstring[]) IS 'Type modifier input of type pkgver: the name of one scheme. Errors: 22023.';
CREATE FUNCTION pkgver_typmod_out(integer) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_typmod_out';
COMMENT ON FUNCTION pkgver_typmod_out(integer) IS 'Type modifier output of type pkgver.';

CREATE TYPE pkgver (
    INPUT = pkgver_in, OUTPUT = pkgver_out, RECEIVE = pkgver_recv, SEND = pkgver_send,
    TYPMOD_IN = pkgver_typmod_in, TYPMOD_OUT = pkgver_typmod_out,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = main
);
COMMENT ON TYPE pkgver IS
'Version of a package with its scheme, as in deb/1:2.3-4. Schemes: semver (npm, cargo, go), deb, rpm, pep440 (pypi), generic, maven, nuget. pkgver(''deb'') restricts a column to a scheme. = is the scheme''s precedence, === the same text; versions of different schemes compare by scheme. V< and V> are the points just before and after V, deb/< and deb/> the ends of a scheme: bounds of ranges.';

CREATE FUNCTION release_mgmt_internal.pkgver_enforce_typmod(pkgver, integer) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_enforce_typmod';
CREATE CAST (pkgver AS pkgver) WITH FUNCTION release_mgmt_internal.pkgver_enforce_typmod(pkgver, integer) AS IMPLICIT;

CREATE FUNCTION pkgver(scheme text, version text) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_from_text';
COMMENT ON FUNCTION pkgver(text, text) IS
'Returns the version of the scheme: semver (also npm, cargo, go, golang), deb, rpm, pep440 (also pypi), generic, maven or nuget. Errors: 22023 for an unknown scheme, 22P02 where the text is no version of it.';

CREATE FUNCTION try_pkgver(scheme text, version text) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_try_pkgver';
COMMENT ON FUNCTION try_pkgver(text, text) IS
'Returns what pkgver(scheme, version) returns, and NULL where the text is no version of the scheme. Errors: 22023 for an unknown scheme.';

-- Parts

CREATE FUNCTION pkgver_scheme(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_get_scheme';
COMMENT ON FUNCTION pkgver_scheme(pkgver) IS
'Returns the scheme: semver, deb, rpm, pep440, generic, maven or nuget.';

CREATE FUNCTION pkgver_version(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_get_version';
COMMENT ON FUNCTION pkgver_version(pkgver) IS
'Returns the version as it was written, without its scheme.';

CREATE FUNCTION pkgver_epoch(pkgver) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_epoch';
COMMENT ON FUNCTION pkgver_epoch(pkgver) IS
'Returns the epoch (deb, rpm, pep440), 0 where none is written; NULL for other schemes.';

CREATE FUNCTION pkgver_major(pkgver) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_major';
COMMENT ON FUNCTION pkgver_major(pkgver) IS
'Returns the first number (semver, pep440, maven, nuget); NULL for other schemes.';

CREATE FUNCTION pkgver_minor(pkgver) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_minor';
COMMENT ON FUNCTION pkgver_minor(pkgver) IS
'Returns the second number (semver, pep440, maven, nuget), 0 where none is written; NULL for other schemes.';

CREATE FUNCTION pkgver_patch(pkgver) RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_patch';
COMMENT ON FUNCTION pkgver_patch(pkgver) IS
'Returns the third number (semver, pep440, maven, nuget), 0 where none is written; NULL for other schemes.';

CREATE FUNCTION pkgver_upstream(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_upstream';
COMMENT ON FUNCTION pkgver_upstream(pkgver) IS
'Returns the upstream version (deb), the version without epoch and release (rpm); NULL for other schemes.';

CREATE FUNCTION pkgver_revision(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_revision';
COMMENT ON FUNCTION pkgver_revision(pkgver) IS
'Returns the Debian revision (deb), the release (rpm), the fourth number (nuget); NULL where none is written, and for other schemes.';

CREATE FUNCTION pkgver_prerelease(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_prerelease';
COMMENT ON FUNCTION pkgver_prerelease(pkgver) IS
'Returns the pre-release (semver, nuget; pep440: as written, .dev where it stands alone; maven: what follows the numbers, where it makes the version come before them alone); NULL where there is none, and for other schemes.';

CREATE FUNCTION pkgver_build(pkgver) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_build';
COMMENT ON FUNCTION pkgver_build(pkgver) IS
'Returns the build metadata (semver, nuget), the local version (pep440); NULL where there is none, and for other schemes.';

CREATE FUNCTION release_mgmt_internal.pkgver_key(pkgver) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_get_key';
COMMENT ON FUNCTION release_mgmt_internal.pkgver_key(pkgver) IS
'Returns the bytes that versions are ordered by, for measurements; their form may change with a release.';

-- Order by precedence

CREATE FUNCTION pkgver_lt(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_lt';
COMMENT ON FUNCTION pkgver_lt(pkgver, pkgver) IS 'Implements an operator: less than.';
CREATE FUNCTION pkgver_le(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_le';
COMMENT ON FUNCTION pkgver_le(pkgver, pkgver) IS 'Implements an operator: less than or equal.';
CREATE FUNCTION pkgver_eq(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_eq';
COMMENT ON FUNCTION pkgver_eq(pkgver, pkgver) IS 'Implements an operator: equal.';
CREATE FUNCTION pkgver_ne(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_ne';
COMMENT ON FUNCTION pkgver_ne(pkgver, pkgver) IS 'Implements an operator: not equal.';
CREATE FUNCTION pkgver_ge(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_ge';
COMMENT ON FUNCTION pkgver_ge(pkgver, pkgver) IS 'Implements an operator: greater than or equal.';
CREATE FUNCTION pkgver_gt(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_gt';
COMMENT ON FUNCTION pkgver_gt(pkgver, pkgver) IS 'Implements an operator: greater than.';
CREATE FUNCTION pkgver_cmp(pkgver, pkgver) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_cmp';
COMMENT ON FUNCTION pkgver_cmp(pkgver, pkgver) IS 'Returns less than, equal to or greater than 0, as the first sorts before, with or after the second.';
CREATE FUNCTION pkgver_hash(pkgver) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_hash';
COMMENT ON FUNCTION pkgver_hash(pkgver) IS 'Returns a hash that equals share.';
CREATE FUNCTION pkgver_hash_extended(pkgver, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_hash_extended';
COMMENT ON FUNCTION pkgver_hash_extended(pkgver, bigint) IS 'Returns a hash that equals share, with a seed.';

CREATE OPERATOR < (
    FUNCTION = pkgver_lt, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (pkgver, pkgver) IS 'less than';
CREATE OPERATOR <= (
    FUNCTION = pkgver_le, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (pkgver, pkgver) IS 'less than or equal';
CREATE OPERATOR = (
    FUNCTION = pkgver_eq, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR <> (
    FUNCTION = pkgver_ne, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (pkgver, pkgver) IS 'not equal';
CREATE OPERATOR >= (
    FUNCTION = pkgver_ge, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (pkgver, pkgver) IS 'greater than or equal';
CREATE OPERATOR > (
    FUNCTION = pkgver_gt, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (pkgver, pkgver) IS 'greater than';

CREATE FUNCTION pkgver_sortsupport(internal) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_pkgver_sortsupport';
COMMENT ON FUNCTION pkgver_sortsupport(internal) IS 'Sort support of type pkgver, with abbreviated keys.';

CREATE OPERATOR CLASS pkgver_ops DEFAULT FOR TYPE pkgver USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 pkgver_cmp(pkgver, pkgver),
    FUNCTION 2 pkgver_sortsupport(internal);
CREATE OPERATOR CLASS pkgver_ops DEFAULT FOR TYPE pkgver USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 pkgver_hash(pkgver),
    FUNCTION 2 pkgver_hash_extended(pkgver, bigint);

CREATE FUNCTION pkgver_smaller(pkgver, pkgver) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_smaller';
COMMENT ON FUNCTION pkgver_smaller(pkgver, pkgver) IS 'Returns the lesser version; the first of equals.';
CREATE FUNCTION pkgver_larger(pkgver, pkgver) RETURNS pkgver
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_larger';
COMMENT ON FUNCTION pkgver_larger(pkgver, pkgver) IS 'Returns the greater version; the first of equals.';
CREATE AGGREGATE min(pkgver) (
    STYPE = pkgver, SFUNC = pkgver_smaller, COMBINEFUNC = pkgver_smaller, SORTOP = <, PARALLEL = SAFE
);
COMMENT ON AGGREGATE min(pkgver) IS 'Returns the least version by precedence.';
CREATE AGGREGATE max(pkgver) (
    STYPE = pkgver, SFUNC = pkgver_larger, COMBINEFUNC = pkgver_larger, SORTOP = >, PARALLEL = SAFE
);
COMMENT ON AGGREGATE max(pkgver) IS 'Returns the greatest version by precedence.';

-- Order by precedence, then text: for unique indexes of artifacts

CREATE FUNCTION pkgver_text_lt(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_lt';
COMMENT ON FUNCTION pkgver_text_lt(pkgver, pkgver) IS 'Implements an operator: less than, by precedence, then text.';
CREATE FUNCTION pkgver_text_le(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_le';
COMMENT ON FUNCTION pkgver_text_le(pkgver, pkgver) IS 'Implements an operator: less than or equal, by precedence, then text.';
CREATE FUNCTION pkgver_text_eq(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_eq';
COMMENT ON FUNCTION pkgver_text_eq(pkgver, pkgver) IS 'Implements an operator: equal, by precedence, then text.';
CREATE FUNCTION pkgver_text_ne(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_ne';
COMMENT ON FUNCTION pkgver_text_ne(pkgver, pkgver) IS 'Implements an operator: not equal, by precedence, then text.';
CREATE FUNCTION pkgver_text_ge(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_ge';
COMMENT ON FUNCTION pkgver_text_ge(pkgver, pkgver) IS 'Implements an operator: greater than or equal, by precedence, then text.';
CREATE FUNCTION pkgver_text_gt(pkgver, pkgver) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_gt';
COMMENT ON FUNCTION pkgver_text_gt(pkgver, pkgver) IS 'Implements an operator: greater than, by precedence, then text.';
CREATE FUNCTION pkgver_text_cmp(pkgver, pkgver) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_cmp';
COMMENT ON FUNCTION pkgver_text_cmp(pkgver, pkgver) IS 'Returns less than, equal to or greater than 0, as the first sorts before, with or after the second.';
CREATE FUNCTION pkgver_text_hash(pkgver) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_hash';
COMMENT ON FUNCTION pkgver_text_hash(pkgver) IS 'Returns a hash that equals share.';
CREATE FUNCTION pkgver_text_hash_extended(pkgver, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_pkgver_text_hash_extended';
COMMENT ON FUNCTION pkgver_text_hash_extended(pkgver, bigint) IS 'Returns a hash that equals share, with a seed.';

CREATE OPERATOR ~<~ (
    FUNCTION = pkgver_text_lt, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = ~>~, NEGATOR = ~>=~, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR ~<~ (pkgver, pkgver) IS 'less than, by precedence, then text';
CREATE OPERATOR ~<=~ (
    FUNCTION = pkgver_text_le, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = ~>=~, NEGATOR = ~>~, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR ~<=~ (pkgver, pkgver) IS 'less than or equal, by precedence, then text';
CREATE OPERATOR === (
    FUNCTION = pkgver_text_eq, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = ===, NEGATOR = !==, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR !== (
    FUNCTION = pkgver_text_ne, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = !==, NEGATOR = ===, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR !== (pkgver, pkgver) IS 'not equal, by precedence, then text';
CREATE OPERATOR ~>=~ (
    FUNCTION = pkgver_text_ge, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = ~<=~, NEGATOR = ~<~, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR ~>=~ (pkgver, pkgver) IS 'greater than or equal, by precedence, then text';
CREATE OPERATOR ~>~ (
    FUNCTION = pkgver_text_gt, LEFTARG = pkgver, RIGHTARG = pkgver,
    COMMUTATOR = ~<~, NEGATOR = ~<=~, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR ~>~ (pkgver, pkgver) IS 'greater than, by precedence, then text';

CREATE OPERATOR CLASS pkgver_text_ops FOR TYPE pkgver USING btree AS
    OPERATOR 1 ~<~, OPERATOR 2 ~<=~, OPERATOR 3 ===, OPERATOR 4 ~>=~, OPERATOR 5 ~>~,
    FUNCTION 1 pkgver_text_cmp(pkgver, pkgver);
CREATE OPERATOR CLASS pkgver_text_ops FOR TYPE pkgver USING hash AS
    OPERATOR 1 ===,
    FUNCTION 1 pkgver_text_hash(pkgver),
    FUNCTION 2 pkgver_text_hash_extended(pkgver, bigint);

COMMENT ON OPERATOR = (pkgver, pkgver) IS 'same precedence: semver/1.0.0+a = semver/1.0.0+b';
COMMENT ON OPERATOR === (pkgver, pkgver) IS 'same scheme and text';
