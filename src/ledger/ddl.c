/*
 * ddl.c
 *		What event triggers of the ledger can not ask from SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
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

/* How deep this backend is in DDL of the extension's own. */
static int own_ddl = 0;

PG_FUNCTION_INFO_V1(rm_run_own_ddl);

/*
 * run_own_ddl(statement text) returns void
 *
 * Attaching triggers takes several statements, and the extension's event
 * triggers look away until the last.  The depth is restored on an error: a
 * setting in its place would be the caller's to set.
 */
Datum
rm_run_own_ddl(PG_FUNCTION_ARGS)
{
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	own_ddl++;
	PG_TRY();
	{
		if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "not a utility statement: %s", statement);
	}
	PG_FINALLY();
	{
		own_ddl--;
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(rm_in_own_ddl);

/* in_own_ddl() returns boolean */
Datum
rm_in_own_ddl(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(own_ddl > 0);
}
