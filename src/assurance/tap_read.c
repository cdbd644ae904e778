/*
 * tap_read.c
 *		read_tap(text), the SQL side of the TAP reader.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "assurance/tap.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_tap_read);

/* What the counts amount to: without a test that passed there is no proof. */
static const char *
result_of(const RmTap *tap)
{
	if (tap->unreadable || tap->failed > 0)
		return "failed";
	return tap->passed > 0 ? "passed" : "inconclusive";
}

/*
 * read_tap(output text) returns (passed, failed, skipped, todo bigint,
 * result, finding text).
 */
Datum
rm_tap_read(PG_FUNCTION_ARGS)
{
	text *output = PG_GETARG_TEXT_PP(0);
	TupleDesc tupdesc;
	RmTap tap;
	Datum values[6];
	bool nulls[6] = { false };

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "read_tap does not return a row");

	rm_tap_parse(VARDATA_ANY(output), VARSIZE_ANY_EXHDR(output), &tap);
	values[0] = Int64GetDatum(tap.passed);
	values[1] = Int64GetDatum(tap.failed);
	values[2] = Int64GetDatum(tap.skipped);
	values[3] = Int64GetDatum(tap.todo);
	values[4] = CStringGetTextDatum(result_of(&tap));
	nulls[5] = tap.findings.len == 0;
	if (!nulls[5])
		values[5] = CStringGetTextDatum(tap.findings.data);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
