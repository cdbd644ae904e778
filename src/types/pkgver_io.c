/*
 * pkgver_io.c
 *		The type pkgver: storage, input, output, type modifier, constructor.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "libpq/pqformat.h"
#include "types/pkgver.h"
#include "types/report.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define PKGVER_HINT                                                                                                    \
	"A version is written with its scheme, as in deb/1:2.3-4; schemes are semver, deb, rpm, pep440, generic, "         \
	"maven and nuget."

/* What send writes before the text; recv refuses any other. */
#define SEND_VERSION 1

PG_FUNCTION_INFO_V1(rm_pkgver_in);
PG_FUNCTION_INFO_V1(rm_pkgver_out);
PG_FUNCTION_INFO_V1(rm_pkgver_recv);
PG_FUNCTION_INFO_V1(rm_pkgver_send);
PG_FUNCTION_INFO_V1(rm_pkgver_typmod_in);
PG_FUNCTION_INFO_V1(rm_pkgver_typmod_out);
PG_FUNCTION_INFO_V1(rm_pkgver_enforce_typmod);
PG_FUNCTION_INFO_V1(rm_pkgver_from_text);
PG_FUNCTION_INFO_V1(rm_try_pkgver);

/* Build a value from what the parser found in text. */
RmPkgver *
rm_pkgver_make(const RmVersion *version, const char *text, size_t len)
{
	size_t key_len = version->key.len;
	size_t size = VARHDRSZ + 1 + (key_len < 0x80 ? 1 : 2) + key_len + len;
	RmPkgver *result = palloc(size);
	unsigned char *at = (unsigned char *) VARDATA(result);

	SET_VARSIZE(result, size);
	*at++ = RM_PKGVER_KEY_VERSION;
	if (key_len >= 0x80)
		*at++ = 0x80 | key_len >> 8;
	*at++ = key_len & 0xFF;
	memcpy(at, version->key.bytes, key_len);
	memcpy(at + key_len, text, len);
	return result;
}

/* Take a detoasted value apart. */
RmPkgverView
rm_pkgver_view(const RmPkgver *pkgver)
{
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(pkgver);
	const unsigned char *end = at + VARSIZE_ANY_EXHDR(pkgver);
	RmPkgverView view;

	if (*at++ != RM_PKGVER_KEY_VERSION)
		elog(ERROR, "unknown key version %d in a value of type pkgver", at[-1]);
	view.key_len = *at++;
	if (view.key_len >= 0x80)
		view.key_len = (view.key_len & 0x7F) << 8 | *at++;
	view.key = at;
	view.scheme = at[0];
	view.text = (const char *) at + view.key_len;
	view.text_len = end - at - view.key_len;
	return view;
}

/* Compare by precedence; different schemes in the order of their numbers. */
int
rm_pkgver_compare(const RmPkgver *a, const RmPkgver *b)
{
	RmPkgverView x = rm_pkgver_view(a);
	RmPkgverView y = rm_pkgver_view(b);
	int order = memcmp(x.key, y.key, Min(x.key_len, y.key_len));

	if (order != 0)
		return order;
	return x.key_len < y.key_len ? -1 : x.key_len > y.key_len;
}

/* Return the scheme that a caller names; raise 22023 for an unknown one. */
RmScheme
rm_pkgver_require_scheme(const text *name)
{
	RmScheme scheme = rm_scheme_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (scheme == RM_SCHEME_INVALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("version scheme \"%s\" does not exist",
							   rm_report_clip(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))),
						errhint("Use semver (npm, cargo, go), deb, rpm, pep440 (pypi), generic, maven or nuget.")));
	return scheme;
}

/* Return the hint that goes with text that is no version of the scheme. */
static char *
hint_for_scheme(RmScheme scheme)
{
	return psprintf("A version of scheme %s is written as in %s.", rm_scheme_name(scheme), rm_scheme_example(scheme));
}

/* Build a value from a version's text; raise 22P02 where it is none. */
RmPkgver *
rm_pkgver_construct(RmScheme scheme, const char *text, size_t len)
{
	RmVersion version;
	RmParseError error;

	if (!rm_version_parse(scheme, text, len, &version, &error))
		rm_report_parse_error(NULL, "pkgver", text, len, &error, hint_for_scheme(scheme));
	return rm_pkgver_make(&version, text, len);
}

/* Refuse, softly where allowed, a value that the type modifier excludes; true if it may stay. */
static bool
check_typmod(Node *escontext, int32 typmod, RmScheme scheme, bool is_bound)
{
	if (typmod < 0)
		return true;
	if (scheme != (RmScheme) typmod)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a version of scheme %s can not be stored as pkgver('%s')", rm_scheme_name(scheme),
						rm_scheme_name(typmod)),
				 errhint("Give a version of scheme %s, as in pkgver('%s', '...').", rm_scheme_name(typmod),
						 rm_scheme_name(typmod))));
	if (is_bound)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bound can not be stored as pkgver('%s')", rm_scheme_name(typmod)),
				 errdetail("Text that ends in < or > is a point between versions, not a version.")));
	return true;
}

/* Read "scheme/version"; the soft error, if any, is in escontext. */
static Datum
input_pkgver(Node *escontext, const char *input, size_t len, int32 typmod)
{
	const char *slash = memchr(input, '/', len);
	RmScheme scheme = slash == NULL ? RM_SCHEME_INVALID : rm_scheme_find(input, slash - input);
	RmParseError error = { 0, "A scheme and a slash are expected." };
	RmVersion version;
	const char *text;
	size_t text_len;

	if (scheme == RM_SCHEME_INVALID)
		return rm_report_parse_error(escontext, "pkgver", input, len, &error, PKGVER_HINT);

	text = slash + 1;
	text_len = len - (text - input);
	if (!rm_version_parse_bound(scheme, text, text_len, &version, &error))
	{
		error.position += text - input;
		return rm_report_parse_error(escontext, "pkgver", input, len, &error, hint_for_scheme(scheme));
	}
	if (!check_typmod(escontext, typmod, scheme, version.is_bound))
		return (Datum) 0;
	return PointerGetDatum(rm_pkgver_make(&version, text, text_len));
}

/* pkgver_in(cstring, oid, integer) returns pkgver. */
Datum
rm_pkgver_in(PG_FUNCTION_ARGS)
{
	char *input = PG_GETARG_CSTRING(0);

	return input_pkgver(fcinfo->context, input, strlen(input), PG_GETARG_INT32(2));
}

/* Return "scheme/version". */
static char *
output_pkgver(const RmPkgver *pkgver)
{
	RmPkgverView view = rm_pkgver_view(pkgver);

	return psprintf("%s/%.*s", rm_scheme_name(view.scheme), (int) view.text_len, view.text);
}

/* pkgver_out(pkgver) returns cstring. */
Datum
rm_pkgver_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(output_pkgver(PG_GETARG_PKGVER_PP(0)));
}

/* pkgver_recv(internal, oid, integer) returns pkgver: a version byte, then the text form. */
Datum
rm_pkgver_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int format = pq_getmsgbyte(message);
	char *input;
	int len;

	if (format != SEND_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid version number %d in external value of type pkgver", format)));
	input = pq_getmsgtext(message, message->len - message->cursor, &len);
	return input_pkgver(NULL, input, len, PG_GETARG_INT32(2));
}

/* pkgver_send(pkgver) returns bytea: see pkgver_recv. */
Datum
rm_pkgver_send(PG_FUNCTION_ARGS)
{
	char *output = output_pkgver(PG_GETARG_PKGVER_PP(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, SEND_VERSION);
	pq_sendtext(&buffer, output, strlen(output));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* pkgver_typmod_in(cstring[]) returns integer: the number of the one scheme named. */
Datum
rm_pkgver_typmod_in(PG_FUNCTION_ARGS)
{
	Datum *names;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), CSTRINGOID, -2, false, TYPALIGN_CHAR, &names, NULL, &count);
	if (count != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pkgver takes one scheme as its type modifier"), errhint("Write pkgver('deb').")));
	PG_RETURN_INT32(rm_pkgver_require_scheme(cstring_to_text(DatumGetCString(names[0]))));
}

/* pkgver_typmod_out(integer) returns cstring. */
Datum
rm_pkgver_typmod_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(psprintf("('%s')", rm_scheme_name(PG_GETARG_INT32(0))));
}

/* pkgver_enforce_typmod(pkgver, integer) returns pkgver: the cast to a restricted type. */
Datum
rm_pkgver_enforce_typmod(PG_FUNCTION_ARGS)
{
	RmPkgver *pkgver = PG_GETARG_PKGVER_PP(0);
	RmPkgverView view = rm_pkgver_view(pkgver);
	char last = view.text[view.text_len - 1];

	check_typmod(NULL, PG_GETARG_INT32(1), view.scheme, last == '<' || last == '>');
	PG_RETURN_PKGVER(pkgver);
}

/* pkgver(scheme text, version text) returns pkgver. */
Datum
rm_pkgver_from_text(PG_FUNCTION_ARGS)
{
	RmScheme scheme = rm_pkgver_require_scheme(PG_GETARG_TEXT_PP(0));
	text *version = PG_GETARG_TEXT_PP(1);

	PG_RETURN_PKGVER(rm_pkgver_construct(scheme, VARDATA_ANY(version), VARSIZE_ANY_EXHDR(version)));
}

/* try_pkgver(scheme text, version text) returns pkgver: NULL where the text is no version. */
Datum
rm_try_pkgver(PG_FUNCTION_ARGS)
{
	RmScheme scheme = rm_pkgver_require_scheme(PG_GETARG_TEXT_PP(0));
	text *input = PG_GETARG_TEXT_PP(1);
	RmVersion version;
	RmParseError error;

	if (!rm_version_parse(scheme, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &version, &error))
		PG_RETURN_NULL();
	PG_RETURN_PKGVER(rm_pkgver_make(&version, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input)));
}
