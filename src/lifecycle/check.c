/*
 * check.c
 *		Ask a registered check by its name.
 *
 * The registry stores a function's name, since a dump can not carry its OID.
 * A check is asked with the latest snapshot, so that under repeatable read
 * too it sees what is committed now.  The SQL declarations are SECURITY
 * DEFINER: the caller's row security would hide rows and let a gate pass.
 *
 * A shipped check runs as the extension's owner.  One that users registered
 * runs as its function's owner, in the sandbox; where it can not answer, it is
 * unmet, and says why.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "errcodes.h"
#include "funcapi.h"
#include "fmgr.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_check_ask);

/* What is asked of whom, and the answer. */
typedef struct Question
{
	char *function_name;
	Oid function; /* InvalidOid where it is gone */
	bool builtin;
	bool changed; /* the function is not what was registered */
	Datum argument;
	Datum answer;
	bool isnull;
} Question;

/* The plan of a constant statement, made at the first use and kept. */
SPIPlanPtr
rm_lifecycle_plan(SPIPlanPtr *place, const char *command, int nargs, Oid *types)
{
	if (*place == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(command, nargs, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", command, SPI_result_code_string(SPI_result));
		*place = plan;
	}
	return *place;
}

/* Look the check up; the caller is connected to SPI. */
static void
look_up(text *name, text *point, Question *question)
{
	static SPIPlanPtr plan = NULL;
	Oid types[] = { TEXTOID, TEXTOID };
	Datum values[] = { PointerGetDatum(name), PointerGetDatum(point) };
	Oid argtypes[] = { UUIDOID };
	HeapTuple row;
	TupleDesc desc;
	bool isnull;

	rm_lifecycle_plan(&plan,
					  "SELECT c.function_name, c.builtin, NOT c.builtin AND release_mgmt_internal.is_changed_check(c) "
					  "FROM release_mgmt.registered_check AS c WHERE c.name = $1 AND c.point = $2",
					  lengthof(types), types);
	if (SPI_execute_plan(plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "reading registered checks failed");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RM_UNKNOWN_CODE),
				 errmsg("check \"%s\" does not exist at point \"%s\"", text_to_cstring(name), text_to_cstring(point)),
				 errhint("Checks are the rows of release_mgmt.registered_check.")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	question->function_name = SPI_getvalue(row, desc, 1);
	question->builtin = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
	question->changed = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
	question->function = LookupFuncName(rm_qualified_name_list(question->function_name), 1, argtypes, true);
	if (!OidIsValid(question->function) && question->builtin)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("function %s(uuid) of check \"%s\" does not exist", question->function_name,
							   text_to_cstring(name)),
						errhint("Correct release_mgmt.registered_check, or create the function.")));
}

/* Call the function; the body of a sandbox, too. */
static void
call(void *arg)
{
	Question *question = (Question *) arg;
	FmgrInfo flinfo;

	LOCAL_FCINFO(callinfo, 1);

	PushActiveSnapshot(GetLatestSnapshot());
	fmgr_info(question->function, &flinfo);
	InitFunctionCallInfoData(*callinfo, &flinfo, 1, InvalidOid, NULL, NULL);
	callinfo->args[0].value = question->argument;
	callinfo->args[0].isnull = false;
	question->answer = FunctionCallInvoke(callinfo);
	question->isnull = callinfo->isnull;
	PopActiveSnapshot();
}

/* Ask a check that was shipped, as the extension's owner, who we are. */
static void
ask_shipped_check(Question *question, Oid expected)
{
	bool answered;

	PushActiveSnapshot(GetLatestSnapshot());
	answered = rm_kept_answer(question->function, expected, question->argument, &question->answer, &question->isnull);
	PopActiveSnapshot();
	if (!answered)
		call(question);
}

/* The owner of a function. */
static Oid
function_owner(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Ask a check that users registered, as its owner; NULL, or why there is no answer. */
static char *
ask_users_check(Question *question, Oid expected)
{
	if (!OidIsValid(question->function))
		return psprintf("its function %s(uuid) does not exist", question->function_name);
	if (question->changed)
		return psprintf("its function %s(uuid) has changed since it was registered", question->function_name);
	if (get_func_rettype(question->function) != expected)
		return psprintf("its function %s(uuid) does not return %s", question->function_name, format_type_be(expected));
	return rm_sandbox_run(function_owner(question->function), call, question);
}

/* A check_result that is unmet for the reason. */
static Datum
unmet(Oid type, const char *missing)
{
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	Datum values[] = { BoolGetDatum(false), CStringGetTextDatum(missing), (Datum) 0, (Datum) 0 };
	bool nulls[] = { false, false, true, true };
	HeapTuple tuple;

	if (desc->natts != lengthof(values))
		elog(ERROR, "check_result has %d columns", desc->natts);
	tuple = heap_form_tuple(desc, values, nulls);
	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(tuple);
}

/*
 * ask_check(name text, release uuid) returns check_result, and
 * ask_approval_part(name text, release uuid) returns text
 *
 * The third argument, set in SQL, is the point.
 */
Datum
rm_check_ask(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	Oid expected = get_func_rettype(fcinfo->flinfo->fn_oid);
	Question question = { 0 };
	char *failure = NULL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	look_up(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(2), &question);
	PopActiveSnapshot();

	old = MemoryContextSwitchTo(caller);
	question.argument = PG_GETARG_DATUM(1);
	if (question.builtin)
		ask_shipped_check(&question, expected);
	else
		failure = ask_users_check(&question, expected);
	MemoryContextSwitchTo(old);
	SPI_finish();

	if (failure != NULL && !type_is_rowtype(expected))
		ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
						errmsg("check \"%s\" gave no answer", text_to_cstring(PG_GETARG_TEXT_PP(0))),
						errdetail_internal("%s", failure)));
	if (failure != NULL)
		PG_RETURN_DATUM(unmet(expected, failure));
	if (question.isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(question.answer);
}
