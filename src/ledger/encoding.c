/*
 * encoding.c
 *		Text between the database's encoding and UTF-8; encoding.h says how.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/note.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_note_bytes);
PG_FUNCTION_INFO_V1(rm_note_text);

#define ASCII_DASH "\\2014 "

/* Return text of the database in UTF-8; possibly the string itself. */
char *
rm_to_utf8(const char *string, int len)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return unconstify(char *, string);
	return pg_server_to_any(string, len, PG_UTF8);
}

/* Return UTF-8 as text of the database; possibly the string itself. */
char *
rm_from_utf8(const char *utf8, int len)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return unconstify(char *, utf8);
	return pg_any_to_server(utf8, len, PG_UTF8);
}

/* Convert the dash from one encoding into the other; false where it has no counterpart. */
static bool
convert_dash(int from, int to, const char *dash, char *converted, int room)
{
	Oid conversion = FindDefaultConversionProc(from, to);
	int len = strlen(dash);

	return OidIsValid(conversion) &&
		   pg_do_encoding_conversion_buf(conversion, from, to, (unsigned char *) unconstify(char *, dash), len,
										 (unsigned char *) converted, room, true) == len;
}

/* Return whether the database's encoding has the dash, so that it comes back as it went. */
static bool
has_dash(void)
{
	int encoding = GetDatabaseEncoding();
	char there[sizeof(RM_SIGNATURE_DASH) * MAX_CONVERSION_GROWTH];
	char back[sizeof(there) * MAX_CONVERSION_GROWTH];

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return true;
	return convert_dash(PG_UTF8, encoding, RM_SIGNATURE_DASH, there, sizeof(there)) &&
		   convert_dash(encoding, PG_UTF8, there, back, sizeof(back)) && strcmp(back, RM_SIGNATURE_DASH) == 0;
}

/* Return the line's mark among those given, or NULL. */
static const char *
find_mark(const char *line, const char *const *marks, int nmarks)
{
	for (int i = 0; i < nmarks; i++)
	{
		if (strncmp(line, marks[i], strlen(marks[i])) == 0)
			return marks[i];
	}
	return NULL;
}

/* Convert line by line; one that begins with one of the marks begins with the new one then. */
static char *
convert_note(const char *note, const char *const *marks, int nmarks, const char *new_mark,
			 char *(*convert)(const char *, int) )
{
	StringInfoData converted;

	initStringInfo(&converted);
	while (*note != '\0')
	{
		const char *end = strchrnul(note, '\n');
		const char *mark = find_mark(note, marks, nmarks);

		if (mark)
		{
			appendStringInfoString(&converted, new_mark);
			note += strlen(mark);
		}
		if (*end == '\n')
			end++;
		if (end > note)
			appendStringInfoString(&converted, convert(pnstrdup(note, end - note), end - note));
		note = end;
	}
	return converted.data;
}

/*
 * Return a note, or lines of one, in UTF-8 as it was signed.
 *
 * A dash whose three bytes a client sent as they are, without conversion, is
 * taken for what it is.
 */
char *
rm_note_to_utf8(const char *note)
{
	static const char *const marks[] = { ASCII_DASH, RM_SIGNATURE_DASH };

	return convert_note(note, marks, lengthof(marks), RM_SIGNATURE_DASH, rm_to_utf8);
}

/* Return a note that is in UTF-8 as text of the database. */
char *
rm_note_from_utf8(const char *utf8)
{
	static const char *const marks[] = { RM_SIGNATURE_DASH };

	if (has_dash())
		return rm_from_utf8(utf8, strlen(utf8));
	return convert_note(utf8, marks, lengthof(marks), ASCII_DASH, rm_from_utf8);
}

/* note_bytes(note text) returns bytea. */
Datum
rm_note_bytes(PG_FUNCTION_ARGS)
{
	char *utf8 = rm_note_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	/* A bytea has the form of a text. */
	PG_RETURN_BYTEA_P((bytea *) cstring_to_text(utf8));
}

/* note_text(bytes bytea) returns text. */
Datum
rm_note_text(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	int len = VARSIZE_ANY_EXHDR(bytes);

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		(void) pg_verify_mbstr(PG_UTF8, VARDATA_ANY(bytes), len, false);
	PG_RETURN_TEXT_P(cstring_to_text(rm_note_from_utf8(pnstrdup(VARDATA_ANY(bytes), len))));
}
