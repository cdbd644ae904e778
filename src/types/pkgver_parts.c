/*
 * pkgver_parts.c
 *		The type pkgver: its parts.
 *
 * A part that the scheme does not know is NULL, a text that the version lacks
 * too; a number that it lacks is 0, as the scheme has it.
 */
#include "postgres.h"

#include "compat.h"
#include "types/pkgver.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_pkgver_get_scheme);
PG_FUNCTION_INFO_V1(rm_pkgver_get_version);
PG_FUNCTION_INFO_V1(rm_pkgver_get_key);
PG_FUNCTION_INFO_V1(rm_pkgver_get_epoch);
PG_FUNCTION_INFO_V1(rm_pkgver_get_major);
PG_FUNCTION_INFO_V1(rm_pkgver_get_minor);
PG_FUNCTION_INFO_V1(rm_pkgver_get_patch);
PG_FUNCTION_INFO_V1(rm_pkgver_get_upstream);
PG_FUNCTION_INFO_V1(rm_pkgver_get_revision);
PG_FUNCTION_INFO_V1(rm_pkgver_get_prerelease);
PG_FUNCTION_INFO_V1(rm_pkgver_get_build);

/* pkgver_scheme(pkgver) returns text. */
Datum
rm_pkgver_get_scheme(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(rm_scheme_name(rm_pkgver_view(PG_GETARG_PKGVER_PP(0)).scheme)));
}

/* pkgver_version(pkgver) returns text. */
Datum
rm_pkgver_get_version(PG_FUNCTION_ARGS)
{
	RmPkgverView view = rm_pkgver_view(PG_GETARG_PKGVER_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(view.text, view.text_len));
}

/* pkgver_key(pkgver) returns bytea: what versions are ordered by. */
Datum
rm_pkgver_get_key(PG_FUNCTION_ARGS)
{
	RmPkgverView view = rm_pkgver_view(PG_GETARG_PKGVER_PP(0));

	PG_RETURN_BYTEA_P((bytea *) cstring_to_text_with_len((const char *) view.key, view.key_len));
}

/* Return a part's text, terminated; NULL where the version lacks it. */
static char *
get_part(RmPkgverView view, RmVersionPart part)
{
	RmVersion version;
	RmParseError error;
	RmSpan span;

	if (!rm_version_parse_bound(view.scheme, view.text, view.text_len, &version, &error))
		elog(ERROR, "stored version \"%.*s\" can not be parsed", (int) view.text_len, view.text);
	span = version.parts[part];
	return span.len == 0 ? NULL : pnstrdup(view.text + span.start, span.len);
}

/* Return a part as text. */
static Datum
return_text_part(FunctionCallInfo fcinfo, RmVersionPart part)
{
	RmPkgverView view = rm_pkgver_view(PG_GETARG_PKGVER_PP(0));
	char *text = rm_scheme_has_part(view.scheme, part) ? get_part(view, part) : NULL;

	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* Return a part as numeric. */
static Datum
return_number_part(FunctionCallInfo fcinfo, RmVersionPart part)
{
	RmPkgverView view = rm_pkgver_view(PG_GETARG_PKGVER_PP(0));
	char *text;

	if (!rm_scheme_has_part(view.scheme, part))
		PG_RETURN_NULL();
	text = get_part(view, part);
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text == NULL ? "0" : text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* pkgver_epoch(pkgver) returns numeric. */
Datum
rm_pkgver_get_epoch(PG_FUNCTION_ARGS)
{
	return return_number_part(fcinfo, RM_PART_EPOCH);
}

/* pkgver_major(pkgver) returns numeric. */
Datum
rm_pkgver_get_major(PG_FUNCTION_ARGS)
{
	return return_number_part(fcinfo, RM_PART_MAJOR);
}

/* pkgver_minor(pkgver) returns numeric. */
Datum
rm_pkgver_get_minor(PG_FUNCTION_ARGS)
{
	return return_number_part(fcinfo, RM_PART_MINOR);
}

/* pkgver_patch(pkgver) returns numeric. */
Datum
rm_pkgver_get_patch(PG_FUNCTION_ARGS)
{
	return return_number_part(fcinfo, RM_PART_PATCH);
}

/* pkgver_upstream(pkgver) returns text. */
Datum
rm_pkgver_get_upstream(PG_FUNCTION_ARGS)
{
	return return_text_part(fcinfo, RM_PART_UPSTREAM);
}

/* pkgver_revision(pkgver) returns text. */
Datum
rm_pkgver_get_revision(PG_FUNCTION_ARGS)
{
	return return_text_part(fcinfo, RM_PART_REVISION);
}

/* pkgver_prerelease(pkgver) returns text. */
Datum
rm_pkgver_get_prerelease(PG_FUNCTION_ARGS)
{
	return return_text_part(fcinfo, RM_PART_PRERELEASE);
}

/* pkgver_build(pkgver) returns text. */
Datum
rm_pkgver_get_build(PG_FUNCTION_ARGS)
{
	return return_text_part(fcinfo, RM_PART_BUILD);
}
