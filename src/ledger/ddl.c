/*
 * ddl.c
 *		What event triggers of the ledger can not ask from SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

PG_FUNCTION_INFO_V1(rm_caller_is_superuser);
PG_FUNCTION_INFO_V1(rm_follow_type);

/* caller_is_superuser() returns boolean: of the role in effect outside every SECURITY DEFINER function. */
Datum
rm_caller_is_superuser(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(superuser_arg(GetOuterUserId()));
}

/*
 * Event trigger rm_ledger_type at the end of ALTER TYPE.
 *
 * A new value of an enum changes no value that is stored; whatever else is
 * done to a type may, so that the rows that hold such values are recorded
 * again.
 */
Datum
rm_follow_type(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "follow_type() is an event trigger function");
	if (!rm_ledger_is_active() ||
		(IsA(data->parsetree, AlterEnumStmt) && castNode(AlterEnumStmt, data->parsetree)->oldVal == NULL))
		PG_RETURN_NULL();

	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute(
			"SELECT release_mgmt_internal.record_type(c.objid) FROM pg_catalog.pg_event_trigger_ddl_commands() AS c "
			"WHERE c.classid = 'pg_catalog.pg_type'::pg_catalog.regclass",
			false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not record the rows that hold values of an altered type");
	PG_RETURN_NULL();
}
