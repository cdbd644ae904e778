-- Keys.

CREATE FUNCTION new_id() RETURNS uuid
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rm_new_id';
COMMENT ON FUNCTION new_id() IS
'Returns a new UUID version 7 (RFC 9562 section 5.7): unique across sites, ascending within a session.';
