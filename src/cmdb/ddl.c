/*
 * ddl.c
 *		What the event triggers of bound tables can not ask from SQL.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"

PG_FUNCTION_INFO_V1(rm_guard_type);

/* Event trigger rm_cmdb_type at the end of ALTER TYPE: items in mode enforce keep their values. */
Datum
rm_guard_type(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "guard_type() is an event trigger function");
	if (!rm_ledger_is_active() || !rm_ledger_alters_values(((EventTriggerData *) fcinfo->context)->parsetree))
		PG_RETURN_NULL();
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute("SELECT release_mgmt_internal.refuse_altered_values()", false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not look for items that hold values of an altered type");
	PG_RETURN_NULL();
}
