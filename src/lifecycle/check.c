/*
 * check.c
 *		Ask a registered check by its name.
 *
 * The registry stores a function's name, since a dump can not carry its OID.
 * A check is asked with the latest snapshot, so that under repeatable read
 * too it sees what is committed now.  The SQL declarations are SECURITY
 * DEFINER: the caller's row security would hide rows and let a gate pass.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_check_ask);

/* The function that answers the named check at the named point. */
static Oid
check_function(text *name, text *point)
{
	Oid types[] = { TEXTOID, TEXTOID };
	Datum values[] = { PointerGetDatum(name), PointerGetDatum(point) };
	Oid argtypes[] = { UUIDOID };
	char *function_name;
	Oid function;

	if (SPI_execute_with_args("SELECT function_name FROM release_mgmt.registered_check WHERE name = $1 AND point = $2",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "reading registered checks failed");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RM_UNKNOWN_CODE),
				 errmsg("check \"%s\" does not exist at point \"%s\"", text_to_cstring(name), text_to_cstring(point)),
				 errhint("Checks are the rows of release_mgmt.registered_check.")));
	function_name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	function = LookupFuncName(rm_qualified_name_list(function_name), 1, argtypes, true);
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s(uuid) of check \"%s\" does not exist", function_name, text_to_cstring(name)),
				 errhint("Correct release_mgmt.registered_check, or create the function.")));
	return function;
}

/*
 * ask_check(name text, release uuid) returns check_result, and
 * ask_part(name text, release uuid) returns text (point approval_part)
 *
 * The third argument, set in SQL, is the point.
 */
Datum
rm_check_ask(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	text *point = PG_GETARG_TEXT_PP(2);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	FmgrInfo flinfo;
	Oid function;
	Datum result;

	LOCAL_FCINFO(call, 1);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	function = check_function(name, point);

	old = MemoryContextSwitchTo(caller);
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, 1, InvalidOid, NULL, NULL);
	call->args[0].value = PG_GETARG_DATUM(1);
	call->args[0].isnull = false;
	result = FunctionCallInvoke(call);
	MemoryContextSwitchTo(old);

	PopActiveSnapshot();
	SPI_finish();

	if (call->isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
