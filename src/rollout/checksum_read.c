/*
 * checksum_read.c
 *		What a worker's output says about each file, from SQL.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "rollout/checksum.h"
#include "types/digest.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_checksums_read);

/*
 * Return path, digest and verdict of each line that sha256sum could have
 * printed; other lines are left out.
 *
 * read_checksums(output text) returns table (path text, digest digest,
 * verdict text).  The digest is NULL in lines of --check.
 */
Datum
rm_checksums_read(PG_FUNCTION_ARGS)
{
	static const char *const verdicts[] = { "digest", "ok", "failed", "unreadable" };
	text *output = PG_GETARG_TEXT_PP(0);
	const char *line = VARDATA_ANY(output);
	const char *end = line + VARSIZE_ANY_EXHDR(output);
	char *room = palloc(VARSIZE_ANY_EXHDR(output) + 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	while (line < end)
	{
		const char *newline = memchr(line, '\n', end - line);
		size_t len = (newline != NULL ? newline : end) - line;
		RmChecksumLine checksum;

		CHECK_FOR_INTERRUPTS();
		if (rm_checksum_parse(line, len, room, &checksum) != RM_CHECKSUM_OTHER)
		{
			Datum values[3];
			bool nulls[3] = { false };

			values[0] = CStringGetTextDatum(checksum.path);
			nulls[1] = checksum.kind != RM_CHECKSUM_DIGEST;
			values[1] = nulls[1] ? (Datum) 0
								 : PointerGetDatum(rm_digest_make(checksum.digest.algorithm, checksum.digest.bytes));
			values[2] = CStringGetTextDatum(verdicts[checksum.kind]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		line += len + 1;
	}
	return (Datum) 0;
}
