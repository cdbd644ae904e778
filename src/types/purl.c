/*
 * purl.c
 *		The type purl: input, output, builder, accessors.
 */
#include "postgres.h"

#include "compat.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "types/purl.h"
#include "types/report.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#define PURL_HINT "A package URL is written as in pkg:deb/debian/curl@7.88.1-10?arch=amd64."

#define PURL_PARTS_HINT "Give parts as in purl('deb', 'debian', 'curl', '7.88.1-10', '{\"arch\": \"amd64\"}')."

/* What send writes before the text; recv refuses any other. */
#define SEND_VERSION 1

PG_FUNCTION_INFO_V1(rm_purl_in);
PG_FUNCTION_INFO_V1(rm_purl_out);
PG_FUNCTION_INFO_V1(rm_purl_recv);
PG_FUNCTION_INFO_V1(rm_purl_send);
PG_FUNCTION_INFO_V1(rm_purl_from_parts);
PG_FUNCTION_INFO_V1(rm_purl_get_type);
PG_FUNCTION_INFO_V1(rm_purl_get_namespace);
PG_FUNCTION_INFO_V1(rm_purl_get_name);
PG_FUNCTION_INFO_V1(rm_purl_get_version);
PG_FUNCTION_INFO_V1(rm_purl_get_subpath);
PG_FUNCTION_INFO_V1(rm_purl_get_qualifier);
PG_FUNCTION_INFO_V1(rm_purl_without_version);
PG_FUNCTION_INFO_V1(rm_purl_package);

/* Build a value from parts that are normalized; NULL with the complaint where it would be too long. */
static RmPurl *
make_purl(const RmPurlParts *parts, RmParseError *error)
{
	RmPurlCanonical canonical;

	if (!rm_purl_print(parts, &canonical, error))
		return NULL;
	return (RmPurl *) cstring_to_text_with_len(canonical.text, canonical.len);
}

/* Read a package URL; the soft error, if any, is in escontext. */
static Datum
input_purl(Node *escontext, const char *text, size_t len)
{
	/* Of what a database in SQL_ASCII holds nobody knows the encoding; the parser tells whether it is UTF-8. */
	char *utf8 = GetDatabaseEncoding() == PG_SQL_ASCII ? (char *) text : pg_server_to_any(text, len, PG_UTF8);
	RmPurlParts parts;
	RmParseError error;
	RmPurl *result = NULL;

	if (rm_purl_parse(utf8, utf8 == text ? len : strlen(utf8), &parts, &error) && rm_purl_normalize(&parts, &error))
		result = make_purl(&parts, &error);
	if (result == NULL)
	{
		/* The parser counts bytes of UTF-8; what is reported lies in the text as it came. */
		if (utf8 != text && error.position != RM_NO_POSITION)
		{
			int before = pg_encoding_mbcliplen(PG_UTF8, utf8, strlen(utf8), error.position);

			error.position = strlen(pg_any_to_server(pnstrdup(utf8, before), before, PG_UTF8));
		}
		return rm_report_parse_error(escontext, "purl", text, len, &error, PURL_HINT);
	}
	return PointerGetDatum(result);
}

/* Take a detoasted value apart. */
void
rm_purl_take_apart(const RmPurl *purl, RmPurlParts *parts)
{
	RmParseError error;

	if (!rm_purl_parse(VARDATA_ANY(purl), VARSIZE_ANY_EXHDR(purl), parts, &error))
		elog(ERROR, "stored package URL can not be parsed");
}

/* purl_in(cstring) returns purl. */
Datum
rm_purl_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);

	return input_purl(fcinfo->context, text, strlen(text));
}

/* purl_out(purl) returns cstring. */
Datum
rm_purl_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_to_cstring((text *) PG_GETARG_PURL_PP(0)));
}

/* purl_recv(internal) returns purl: a version byte, then the text form. */
Datum
rm_purl_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int format = pq_getmsgbyte(message);
	char *text;
	int len;

	if (format != SEND_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid version number %d in external value of type purl", format)));
	text = pq_getmsgtext(message, message->len - message->cursor, &len);
	return input_purl(NULL, text, len);
}

/* purl_send(purl) returns bytea: see purl_recv. */
Datum
rm_purl_send(PG_FUNCTION_ARGS)
{
	RmPurl *purl = PG_GETARG_PURL_PP(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, SEND_VERSION);
	pq_sendtext(&buffer, VARDATA_ANY(purl), VARSIZE_ANY_EXHDR(purl));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Return a copy in UTF-8 that may be normalized in place. */
static RmPurlText
copy_text(const char *data, size_t len)
{
	char *copy = pnstrdup(data, len);
	char *utf8 = pg_server_to_any(copy, len, PG_UTF8);

	return (RmPurlText) { utf8, utf8 == copy ? len : strlen(utf8), RM_NO_POSITION };
}

/* Return a copy of an argument; empty for NULL. */
static RmPurlText
copy_argument(FunctionCallInfo fcinfo, int argument)
{
	RmPurlText result = { "", 0, RM_NO_POSITION };

	if (!PG_ARGISNULL(argument))
	{
		text *value = PG_GETARG_TEXT_PP(argument);

		result = copy_text(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
	return result;
}

/* Drop empty segments, and in a subpath the dots, in place. */
static void
tidy_segments(RmPurlText *text, bool subpath)
{
	size_t written = 0;

	for (size_t start = 0; start < text->len;)
	{
		char *slash = memchr(text->data + start, '/', text->len - start);
		size_t len = (slash == NULL ? text->data + text->len : slash) - (text->data + start);
		char *segment = text->data + start;

		if (len > 0 && !(subpath && segment[0] == '.' && (len == 1 || (len == 2 && segment[1] == '.'))))
		{
			if (written > 0)
				text->data[written++] = '/';
			memmove(text->data + written, segment, len);
			written += len;
		}
		start += len + 1;
	}
	text->len = written;
}

/* Copy an object of texts into the qualifiers, leaving out empty values. */
static void
copy_qualifiers(Jsonb *object, RmPurlParts *parts)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue value;
	RmPurlText key = { NULL, 0, RM_NO_POSITION };

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("qualifiers must be a JSON object"),
						errhint("Give them as in {\"arch\": \"amd64\"}.")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = copy_text(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE || value.type == jbvNull)
			continue;
		if (value.type != jbvString)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("qualifier \"%s\" is not text", rm_report_clip(key.data, key.len)),
							errhint(PURL_PARTS_HINT)));
		if (value.val.string.len == 0)
			continue;
		if (parts->qualifier_count == RM_PURL_MAX_QUALIFIERS)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("a package URL has at most %d qualifiers", RM_PURL_MAX_QUALIFIERS)));
		parts->qualifiers[parts->qualifier_count++] =
			(RmPurlQualifier) { key, copy_text(value.val.string.val, value.val.string.len) };
	}
}

/* purl(type, namespace, name, version text, qualifiers jsonb, subpath text) returns purl. */
Datum
rm_purl_from_parts(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;
	RmParseError error;
	RmPurl *result = NULL;

	parts.type = copy_argument(fcinfo, 0);
	parts.namespace = copy_argument(fcinfo, 1);
	parts.name = copy_argument(fcinfo, 2);
	parts.version = copy_argument(fcinfo, 3);
	parts.qualifier_count = 0;
	if (!PG_ARGISNULL(4))
		copy_qualifiers(PG_GETARG_JSONB_P(4), &parts);
	parts.subpath = copy_argument(fcinfo, 5);
	tidy_segments(&parts.namespace, false);
	tidy_segments(&parts.subpath, true);
	while (parts.name.len > 0 && parts.name.data[0] == '/')
	{
		parts.name.data++;
		parts.name.len--;
	}
	while (parts.name.len > 0 && parts.name.data[parts.name.len - 1] == '/')
		parts.name.len--;

	if (rm_purl_normalize(&parts, &error))
		result = make_purl(&parts, &error);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("these parts make no package URL"),
						errdetail("%s", error.message), errhint(PURL_PARTS_HINT)));
	PG_RETURN_PURL(result);
}

/* Return a component as text, NULL where it is absent. */
static Datum
return_part(FunctionCallInfo fcinfo, RmPurlText part)
{
	char *text;

	if (part.len == 0)
		PG_RETURN_NULL();
	text = pg_any_to_server(part.data, part.len, PG_UTF8);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, text == part.data ? part.len : strlen(text)));
}

/* purl_type(purl) returns text. */
Datum
rm_purl_get_type(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	return return_part(fcinfo, parts.type);
}

/* purl_namespace(purl) returns text. */
Datum
rm_purl_get_namespace(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	return return_part(fcinfo, parts.namespace);
}

/* purl_name(purl) returns text. */
Datum
rm_purl_get_name(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	return return_part(fcinfo, parts.name);
}

/* purl_version(purl) returns text. */
Datum
rm_purl_get_version(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	return return_part(fcinfo, parts.version);
}

/* purl_subpath(purl) returns text. */
Datum
rm_purl_get_subpath(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	return return_part(fcinfo, parts.subpath);
}

/* purl_qualifier(purl, key text) returns text. */
Datum
rm_purl_get_qualifier(PG_FUNCTION_ARGS)
{
	text *key = PG_GETARG_TEXT_PP(1);
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	for (int i = 0; i < parts.qualifier_count; i++)
	{
		if (parts.qualifiers[i].key.len == VARSIZE_ANY_EXHDR(key) &&
			memcmp(parts.qualifiers[i].key.data, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)) == 0)
			return return_part(fcinfo, parts.qualifiers[i].value);
	}
	PG_RETURN_NULL();
}

/* Return what is left of a value once some parts are dropped. */
static Datum
return_rest(const RmPurlParts *parts)
{
	RmParseError error;
	RmPurl *result = make_purl(parts, &error);

	if (result == NULL)
		elog(ERROR, "package URL grew by dropping parts");
	PG_RETURN_PURL(result);
}

/* purl_without_version(purl) returns purl. */
Datum
rm_purl_without_version(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	parts.version.len = 0;
	return return_rest(&parts);
}

/* purl_package(purl) returns purl: type, namespace and name alone. */
Datum
rm_purl_package(PG_FUNCTION_ARGS)
{
	RmPurlParts parts;

	rm_purl_take_apart(PG_GETARG_PURL_PP(0), &parts);
	parts.version.len = 0;
	parts.qualifier_count = 0;
	parts.subpath.len = 0;
	return return_rest(&parts);
}
