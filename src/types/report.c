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

/*
 * Refuse text as input for the type: SQLSTATE 22P02, softly where escontext
 * allows it.  hint may be NULL.
 */
Datum
rm_report_parse_error(Node *escontext, const char *type, const char *text, size_t len, const RmParseError *error,
					  const char *hint)
{
	bool clipped = len > SHOWN_BYTES;
	int shown = clipped ? pg_mbcliplen(text, len, SHOWN_BYTES) : (int) len;
	bool placed = error->position != RM_NO_POSITION;
	int position = placed ? pg_mbstrlen_with_len(text, Min(error->position, len)) + 1 : 0;

	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%.*s%s\"", type, shown, text, clipped ? "..." : ""),
			 placed ? errdetail("Character %d: %s", position, error->message) : errdetail("%s", error->message),
			 hint == NULL ? 0 : errhint("%s", hint)));
}
