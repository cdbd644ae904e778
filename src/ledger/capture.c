/*
 * capture.c
 *		The row trigger rm_90_capture: each change of a governed row.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "ledger/ledger.h"

PG_FUNCTION_INFO_V1(rm_capture);

/* Row trigger rm_90_capture(governed_table.id). */
Datum
rm_capture(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "capture() is a trigger function");

	if (rm_ledger_is_active())
		(void) rm_ledger_current_transaction();
	return PointerGetDatum(NULL);
}
