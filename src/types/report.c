/*
 * report.c
 *		Turn a parser's complaint into an error.
 */
#include "postgres.h"

#include "compat.h"
#include "mb/pg_wchar.h"
#include "types/report.h"

/* As much of a refused text as a message shows, in bytes. */
#define SHOWN_BYTES 200

/* Return a copy of text that a message can show, clipped where it is long. */
char *
rm_report_clip(const char *text, size_t len)
{
	if (len <= SHOWN_BYTES)
		return pnstrdup(text, len);
	return psprintf("%.*s...", pg_mbcliplen(text, len, SHOWN_BYTES), text);
}

/*
 * Refuse text as input for the type: SQLSTATE 22P02, softly where escontext
 * allows it.  hint may be NULL.
 */
Datum
rm_report_parse_error(Node *escontext, const char *type, const char *text, size_t len, const RmParseError *error,
					  const char *hint)
{
	bool placed = error->position != RM_NO_POSITION;
	/* A limit on bytes may fall within a character, whose place it is then. */
	int before = placed ? pg_mbcliplen(text, len, Min(error->position, len)) : 0;

	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", type, rm_report_clip(text, len)),
			 placed ? errdetail("Character %d: %s", pg_mbstrlen_with_len(text, before) + 1, error->message)
					: errdetail("%s", error->message),
			 hint == NULL ? 0 : errhint("%s", hint)));
}
