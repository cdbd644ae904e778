-- digest: the hash of some content, with its algorithm.

CREATE TYPE digest;

CREATE FUNCTION digest_in(cstring) RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_in';
COMMENT ON FUNCTION digest_in(cstring) IS 'Input of type digest. Errors: 22P02.';
CREATE FUNCTION digest_out(digest) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_out';
COMMENT ON FUNCTION digest_out(digest) IS 'Output of type digest.';
CREATE FUNCTION digest_recv(internal) RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_recv';
COMMENT ON FUNCTION digest_recv(internal) IS 'Binary input of type digest. Errors: 22P02, 22P03.';
CREATE FUNCTION digest_send(digest) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_send';
COMMENT ON FUNCTION digest_send(digest) IS 'Binary output of type digest.';

CREATE TYPE digest (
    INPUT = digest_in, OUTPUT = digest_out, RECEIVE = digest_recv, SEND = digest_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = external
);
COMMENT ON TYPE digest IS
'Hash of some content with its algorithm: sha256, sha384 or sha512. Written as in sha256:e3b0... (OCI image specification, Digests); ordered by algorithm, then bytes.';

-- Other ways in and out

CREATE FUNCTION digest_from_hex(hex text) RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_from_hex';
COMMENT ON FUNCTION digest_from_hex(text) IS
'Returns the digest with these 64, 96 or 128 hexadecimal digits, as sha256sum and its kin print them. Errors: 22P02.';

CREATE FUNCTION digest_from_sri(integrity text) RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_from_sri';
COMMENT ON FUNCTION digest_from_sri(text) IS
'Returns the digest written as W3C Subresource Integrity (npm''s "integrity"): sha512-<base64>, one hash without options. Errors: 22P02.';

CREATE FUNCTION digest_from_bytes(hash bytea) RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_digest_from_bytes';
COMMENT ON FUNCTION digest_from_bytes(bytea) IS
'Returns the digest with these 32, 48 or 64 bytes (it hashes nothing: see compute_digest). Errors: 22023.';

CREATE FUNCTION digest_algorithm(digest) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_get_algorithm';
COMMENT ON FUNCTION digest_algorithm(digest) IS 'Returns sha256, sha384 or sha512.';

CREATE FUNCTION digest_bytes(digest) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_get_bytes';
COMMENT ON FUNCTION digest_bytes(digest) IS 'Returns the hash''s 32, 48 or 64 bytes.';

CREATE FUNCTION digest_hex(digest) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_get_hex';
COMMENT ON FUNCTION digest_hex(digest) IS 'Returns the hash''s hexadecimal digits, in lower case.';

CREATE FUNCTION digest_sri(digest) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_get_sri';
COMMENT ON FUNCTION digest_sri(digest) IS 'Returns the W3C Subresource Integrity form: sha256-<base64>.';

-- Order and equality

CREATE FUNCTION digest_lt(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_lt';
COMMENT ON FUNCTION digest_lt(digest, digest) IS 'Implements an operator: less than.';
CREATE FUNCTION digest_le(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_le';
COMMENT ON FUNCTION digest_le(digest, digest) IS 'Implements an operator: less than or equal.';
CREATE FUNCTION digest_eq(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_eq';
COMMENT ON FUNCTION digest_eq(digest, digest) IS 'Implements an operator: equal.';
CREATE FUNCTION digest_ne(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_ne';
COMMENT ON FUNCTION digest_ne(digest, digest) IS 'Implements an operator: not equal.';
CREATE FUNCTION digest_ge(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_ge';
COMMENT ON FUNCTION digest_ge(digest, digest) IS 'Implements an operator: greater than or equal.';
CREATE FUNCTION digest_gt(digest, digest) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_gt';
COMMENT ON FUNCTION digest_gt(digest, digest) IS 'Implements an operator: greater than.';
CREATE FUNCTION digest_cmp(digest, digest) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_cmp';
COMMENT ON FUNCTION digest_cmp(digest, digest) IS 'Returns less than, equal to or greater than 0, as the first sorts before, with or after the second.';
CREATE FUNCTION digest_hash(digest) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_hash';
COMMENT ON FUNCTION digest_hash(digest) IS 'Returns a hash that equals share.';
CREATE FUNCTION digest_hash_extended(digest, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'rm_digest_hash_extended';
COMMENT ON FUNCTION digest_hash_extended(digest, bigint) IS 'Returns a hash that equals share, with a seed.';

CREATE OPERATOR < (
    FUNCTION = digest_lt, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (digest, digest) IS 'less than';
CREATE OPERATOR <= (
    FUNCTION = digest_le, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (digest, digest) IS 'less than or equal';
CREATE OPERATOR = (
    FUNCTION = digest_eq, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (digest, digest) IS 'equal';
CREATE OPERATOR <> (
    FUNCTION = digest_ne, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (digest, digest) IS 'not equal';
CREATE OPERATOR >= (
    FUNCTION = digest_ge, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (digest, digest) IS 'greater than or equal';
CREATE OPERATOR > (
    FUNCTION = digest_gt, LEFTARG = digest, RIGHTARG = digest,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (digest, digest) IS 'greater than';

CREATE OPERATOR CLASS digest_ops DEFAULT FOR TYPE digest USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 digest_cmp(digest, digest),
    FUNCTION 4 btequalimage(oid);
CREATE OPERATOR CLASS digest_ops DEFAULT FOR TYPE digest USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 digest_hash(digest),
    FUNCTION 2 digest_hash_extended(digest, bigint);

-- Computation

CREATE FUNCTION compute_digest(content bytea, algorithm text DEFAULT 'sha256') RETURNS digest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_compute_digest';
COMMENT ON FUNCTION compute_digest(bytea, text) IS
'Returns the digest of content. algorithm: sha256, sha384 or sha512 (FIPS 180-4). Errors: 22023 for another algorithm.';

CREATE FUNCTION compute_digest_of_large_object(object oid, algorithm text DEFAULT 'sha256') RETURNS digest
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rm_compute_digest_of_large_object';
COMMENT ON FUNCTION compute_digest_of_large_object(oid, text) IS
'Returns the digest of a large object that the caller may read, in constant memory. Errors: 42704 where it does not exist, 42501, 22023.';

CREATE FUNCTION compute_digest_of_file(path text, algorithm text DEFAULT 'sha256') RETURNS digest
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'rm_compute_digest_of_file';
COMMENT ON FUNCTION compute_digest_of_file(text, text) IS
'Returns the digest of a file of the server, in constant memory, for holders of pg_read_server_files. Errors: 42501, 58P01 where it does not exist, 22023.';

CREATE FUNCTION release_mgmt_internal.merkle_root_step(internal, digest) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_merkle_root_step';
CREATE FUNCTION release_mgmt_internal.merkle_root_final(internal) RETURNS digest
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_merkle_root_final';

CREATE AGGREGATE merkle_root(digest) (
    STYPE = internal, SSPACE = 2064,
    SFUNC = release_mgmt_internal.merkle_root_step,
    FINALFUNC = release_mgmt_internal.merkle_root_final, FINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE merkle_root(digest) IS
'Returns the Merkle tree hash (RFC 6962 section 2.1, SHA-256) over the digests'' bytes as entries; give it ORDER BY, since order matters. No rows: the empty tree, SHA256(""). Constant memory. Errors: 22004 for a null digest.';
