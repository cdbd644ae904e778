/*
 * refuse.c
 *		Raise an error of class RM by its name.
 *
 * PL/pgSQL and SQL functions say which rule was broken by name; errcodes.h
 * alone knows the SQLSTATE behind it.
 */
#include "postgres.h"

#include "errcodes.h"
#include "fmgr.h"
#include "utils/builtins.h"

typedef struct Condition
{
	const char *name;
	int sqlstate;
} Condition;

static const Condition conditions[] = {
	{ "inactive", ERRCODE_RM_INACTIVE },
	{ "unknown_code", ERRCODE_RM_UNKNOWN_CODE },
	{ "duty_missing", ERRCODE_RM_DUTY_MISSING },
	{ "illegal_transition", ERRCODE_RM_ILLEGAL_TRANSITION },
	{ "gate_unmet", ERRCODE_RM_GATE_UNMET },
	{ "incompatible", ERRCODE_RM_INCOMPATIBLE },
	{ "digest_mismatch", ERRCODE_RM_DIGEST_MISMATCH },
	{ "separation_of_duties", ERRCODE_RM_SEPARATION_OF_DUTIES },
	{ "sealed", ERRCODE_RM_SEALED },
	{ "unauthorized_change", ERRCODE_RM_UNAUTHORIZED_CHANGE },
	{ "signature_invalid", ERRCODE_RM_SIGNATURE_INVALID },
	{ "not_governable", ERRCODE_RM_NOT_GOVERNABLE },
	{ "ledger_protected", ERRCODE_RM_LEDGER_PROTECTED },
	{ "ledger_corrupt", ERRCODE_RM_LEDGER_CORRUPT },
	{ "wrong_state", ERRCODE_RM_WRONG_STATE },
	{ "back_out_conflict", ERRCODE_RM_BACK_OUT_CONFLICT },
	{ "outside_window", ERRCODE_RM_OUTSIDE_WINDOW },
	{ "not_in_library", ERRCODE_RM_NOT_IN_LIBRARY },
	{ "bad_content", ERRCODE_RM_BAD_CONTENT },
	{ "double_booking", ERRCODE_RM_DOUBLE_BOOKING },
};

PG_FUNCTION_INFO_V1(rm_refuse);

/*
 * Raise the named condition with message, detail and hint.
 *
 * refuse(condition text, message text, detail text, hint text) returns void;
 * never returns.
 */
Datum
rm_refuse(PG_FUNCTION_ARGS)
{
	int sqlstate = 0;
	char *name;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("condition and message must be given")));

	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (strcmp(conditions[i].name, name) == 0)
			sqlstate = conditions[i].sqlstate;
	}
	if (sqlstate == 0)
		elog(ERROR, "no condition is named \"%s\"", name);

	/*
	 * The two innermost lines of context are the caller's "PERFORM refuse(...)" and the line it stands on: they repeat
	 * the message as source code.  Whatever called the refusing function stays.
	 */
	for (int i = 0; i < 2 && error_context_stack; i++)
		error_context_stack = error_context_stack->previous;

	ereport(ERROR, (errcode(sqlstate), errmsg_internal("%s", text_to_cstring(PG_GETARG_TEXT_PP(1))),
					PG_ARGISNULL(2) ? 0 : errdetail_internal("%s", text_to_cstring(PG_GETARG_TEXT_PP(2))),
					PG_ARGISNULL(3) ? 0 : errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(3)))));
}
