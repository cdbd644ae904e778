/*
 * digest.c
 *		The type digest: input, output, constructors, accessors, comparison.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "libpq/pqformat.h"
#include "types/digest.h"
#include "types/digest_parse.h"
#include "types/report.h"
#include "utils/builtins.h"

#define DIGEST_HINT "A digest is written as in sha256:e3b0c442..., with 64 (sha384: 96, sha512: 128) digits."

PG_FUNCTION_INFO_V1(rm_digest_in);
PG_FUNCTION_INFO_V1(rm_digest_out);
PG_FUNCTION_INFO_V1(rm_digest_recv);
PG_FUNCTION_INFO_V1(rm_digest_send);
PG_FUNCTION_INFO_V1(rm_digest_from_hex);
PG_FUNCTION_INFO_V1(rm_digest_from_sri);
PG_FUNCTION_INFO_V1(rm_digest_from_bytes);
PG_FUNCTION_INFO_V1(rm_digest_get_algorithm);
PG_FUNCTION_INFO_V1(rm_digest_get_bytes);
PG_FUNCTION_INFO_V1(rm_digest_get_hex);
PG_FUNCTION_INFO_V1(rm_digest_get_sri);
PG_FUNCTION_INFO_V1(rm_digest_lt);
PG_FUNCTION_INFO_V1(rm_digest_le);
PG_FUNCTION_INFO_V1(rm_digest_eq);
PG_FUNCTION_INFO_V1(rm_digest_ne);
PG_FUNCTION_INFO_V1(rm_digest_ge);
PG_FUNCTION_INFO_V1(rm_digest_gt);
PG_FUNCTION_INFO_V1(rm_digest_cmp);
PG_FUNCTION_INFO_V1(rm_digest_hash);
PG_FUNCTION_INFO_V1(rm_digest_hash_extended);

/* Raise an error where OpenSSL failed. */
void
rm_require_hash(bool success)
{
	if (!success)
		ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("could not compute a hash"),
						errdetail("OpenSSL's provider is missing, or out of memory.")));
}

/* Build a value. */
RmDigest *
rm_digest_make(RmHashAlgorithm algorithm, const unsigned char *bytes)
{
	size_t size = rm_hash_size(algorithm);
	RmDigest *result = palloc(VARHDRSZ + 1 + size);

	SET_VARSIZE(result, VARHDRSZ + 1 + size);
	VARDATA(result)[0] = algorithm;
	memcpy(VARDATA(result) + 1, bytes, size);
	return result;
}

/* Return the algorithm of a detoasted value. */
RmHashAlgorithm
rm_digest_algorithm(const RmDigest *digest)
{
	return *(const unsigned char *) VARDATA_ANY(digest);
}

/* Return the bytes of a detoasted value, rm_hash_size of them. */
const unsigned char *
rm_digest_bytes(const RmDigest *digest)
{
	return (const unsigned char *) VARDATA_ANY(digest) + 1;
}

/* digest_in(cstring) returns digest: the OCI form. */
Datum
rm_digest_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	RmDigestValue value;
	RmParseError error;

	if (!rm_digest_parse_oci(text, strlen(text), &value, &error))
		return rm_report_parse_error(fcinfo->context, "digest", text, strlen(text), &error, DIGEST_HINT);
	PG_RETURN_DIGEST(rm_digest_make(value.algorithm, value.bytes));
}

/* digest_out(digest) returns cstring: the OCI form. */
Datum
rm_digest_out(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);
	char *result = palloc(RM_DIGEST_TEXT_SIZE);

	rm_digest_print_oci(rm_digest_algorithm(digest), rm_digest_bytes(digest), result);
	PG_RETURN_CSTRING(result);
}

/* digest_recv(internal) returns digest: the algorithm's number, then the bytes. */
Datum
rm_digest_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	RmHashAlgorithm algorithm = pq_getmsgbyte(message);
	size_t size = rm_hash_size(algorithm);

	if (size == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid algorithm number %d in external value of type digest", (int) algorithm)));
	PG_RETURN_DIGEST(rm_digest_make(algorithm, (const unsigned char *) pq_getmsgbytes(message, size)));
}

/* digest_send(digest) returns bytea: see digest_recv. */
Datum
rm_digest_send(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, VARDATA_ANY(digest), VARSIZE_ANY_EXHDR(digest));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* digest_from_hex(text) returns digest. */
Datum
rm_digest_from_hex(PG_FUNCTION_ARGS)
{
	text *hex = PG_GETARG_TEXT_PP(0);
	RmDigestValue value;
	RmParseError error;

	if (!rm_digest_parse_hex(VARDATA_ANY(hex), VARSIZE_ANY_EXHDR(hex), &value, &error))
		return rm_report_parse_error(NULL, "digest", VARDATA_ANY(hex), VARSIZE_ANY_EXHDR(hex), &error,
									 "Give the digits alone, as sha256sum prints them.");
	PG_RETURN_DIGEST(rm_digest_make(value.algorithm, value.bytes));
}

/* digest_from_sri(text) returns digest. */
Datum
rm_digest_from_sri(PG_FUNCTION_ARGS)
{
	text *sri = PG_GETARG_TEXT_PP(0);
	RmDigestValue value;
	RmParseError error;

	if (!rm_digest_parse_sri(VARDATA_ANY(sri), VARSIZE_ANY_EXHDR(sri), &value, &error))
		return rm_report_parse_error(NULL, "digest", VARDATA_ANY(sri), VARSIZE_ANY_EXHDR(sri), &error,
									 "Give one hash of the integrity attribute, without options.");
	PG_RETURN_DIGEST(rm_digest_make(value.algorithm, value.bytes));
}

/* digest_from_bytes(bytea) returns digest. */
Datum
rm_digest_from_bytes(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	RmHashAlgorithm algorithm = rm_digest_algorithm_of_size(VARSIZE_ANY_EXHDR(bytes));

	if (algorithm == RM_HASH_INVALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a digest can not have %zu bytes", (size_t) VARSIZE_ANY_EXHDR(bytes)),
						errdetail("A sha256 hash has 32 bytes, sha384 48, sha512 64."),
						errhint("compute_digest(bytea) hashes content.")));
	PG_RETURN_DIGEST(rm_digest_make(algorithm, (const unsigned char *) VARDATA_ANY(bytes)));
}

/* digest_algorithm(digest) returns text. */
Datum
rm_digest_get_algorithm(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(rm_hash_name(rm_digest_algorithm(PG_GETARG_DIGEST_PP(0)))));
}

/* digest_bytes(digest) returns bytea. */
Datum
rm_digest_get_bytes(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);

	PG_RETURN_BYTEA_P((bytea *) cstring_to_text_with_len((const char *) rm_digest_bytes(digest),
														 rm_hash_size(rm_digest_algorithm(digest))));
}

/* digest_hex(digest) returns text. */
Datum
rm_digest_get_hex(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);
	char oci[RM_DIGEST_TEXT_SIZE];

	rm_digest_print_oci(rm_digest_algorithm(digest), rm_digest_bytes(digest), oci);
	PG_RETURN_TEXT_P(cstring_to_text(strchr(oci, ':') + 1));
}

/* digest_sri(digest) returns text. */
Datum
rm_digest_get_sri(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);
	char sri[RM_DIGEST_TEXT_SIZE];

	rm_digest_print_sri(rm_digest_algorithm(digest), rm_digest_bytes(digest), sri);
	PG_RETURN_TEXT_P(cstring_to_text(sri));
}

/* Compare two values: by algorithm, then by bytes. */
static int
compare_digests(FunctionCallInfo fcinfo)
{
	RmDigest *a = PG_GETARG_DIGEST_PP(0);
	RmDigest *b = PG_GETARG_DIGEST_PP(1);

	/* Lengths differ only where the first byte does. */
	return memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(VARSIZE_ANY_EXHDR(a), VARSIZE_ANY_EXHDR(b)));
}

Datum
rm_digest_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) < 0);
}

Datum
rm_digest_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) <= 0);
}

Datum
rm_digest_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) == 0);
}

Datum
rm_digest_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) != 0);
}

Datum
rm_digest_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) >= 0);
}

Datum
rm_digest_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_digests(fcinfo) > 0);
}

Datum
rm_digest_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_digests(fcinfo));
}

/* Hash support of the operator class. */
Datum
rm_digest_hash(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);

	return hash_any((unsigned char *) VARDATA_ANY(digest), VARSIZE_ANY_EXHDR(digest));
}

/* Seeded hash support of the operator class. */
Datum
rm_digest_hash_extended(PG_FUNCTION_ARGS)
{
	RmDigest *digest = PG_GETARG_DIGEST_PP(0);

	return hash_any_extended((unsigned char *) VARDATA_ANY(digest), VARSIZE_ANY_EXHDR(digest), PG_GETARG_INT64(1));
}
