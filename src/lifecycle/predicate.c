/*
 * predicate.c
 *		A criterion that is a SQL predicate of the user's, run as its author.
 *
 * The text is an expression, or a SELECT of one value, of type boolean; $1 is
 * the release's id.  It stands between parentheses, so that both read alike.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rm_evaluate_predicate);

typedef struct Evaluation
{
	const char *predicate;
	bool only_parse;
	Datum release;
	bool holds;
	bool isnull;
} Evaluation;

/* Parse the predicate, and see that it is one. */
static SPIPlanPtr
prepare(const char *predicate)
{
	Oid types[] = { UUIDOID };
	SPIPlanPtr plan = SPI_prepare(psprintf("SELECT (\n%s\n)", predicate), lengthof(types), types);
	List *sources;
	TupleDesc desc;

	if (plan == NULL)
		elog(ERROR, "could not prepare a predicate: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	desc = list_length(sources) == 1 ? ((CachedPlanSource *) linitial(sources))->resultDesc : NULL;
	if (desc == NULL || desc->natts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR), errmsg("a predicate is one expression, or a SELECT of one value")));
	if (TupleDescAttr(desc, 0)->atttypid != BOOLOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a predicate is of type boolean, not %s",
																   format_type_be(TupleDescAttr(desc, 0)->atttypid))));
	return plan;
}

/* The body of the sandbox. */
static void
evaluate(void *arg)
{
	Evaluation *evaluation = (Evaluation *) arg;
	SPIPlanPtr plan;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetLatestSnapshot());
	plan = prepare(evaluation->predicate);
	if (!evaluation->only_parse)
	{
		if (SPI_execute_plan(plan, &evaluation->release, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "a predicate gave no row");
		evaluation->holds =
			DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &evaluation->isnull));
	}
	PopActiveSnapshot();
	SPI_finish();
}

/* May the predicate run as the role?  NULL, or why not. */
static char *
role_fault(const char *name, Oid role)
{
	if (!OidIsValid(role))
		return psprintf("its author's role \"%s\" does not exist", name);
	if (superuser_arg(role))
		return psprintf("its author's role \"%s\" is a superuser", name);
	if (has_privs_of_role(role, GetUserId()))
		return psprintf("its author's role \"%s\" has the rights of the extension's owner", name);
	return NULL;
}

/*
 * evaluate_predicate(predicate text, author name, release uuid) returns text
 *
 * SECURITY DEFINER, so that GetUserId() is the extension's owner.  Without a
 * release the predicate is only parsed.
 */
Datum
rm_evaluate_predicate(PG_FUNCTION_ARGS)
{
	Evaluation evaluation = { 0 };
	char *author;
	char *failure;
	Oid role;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_TEXT_P(cstring_to_text("it has no author"));
	evaluation.predicate = text_to_cstring(PG_GETARG_TEXT_PP(0));
	evaluation.only_parse = PG_ARGISNULL(2);
	evaluation.release = evaluation.only_parse ? (Datum) 0 : PG_GETARG_DATUM(2);
	author = NameStr(*PG_GETARG_NAME(1));
	role = get_role_oid(author, true);

	failure = role_fault(author, role);
	if (failure == NULL)
		failure = rm_sandbox_run(role, evaluate, &evaluation);
	if (failure == NULL && !evaluation.only_parse && (evaluation.isnull || !evaluation.holds))
		failure = evaluation.isnull ? "it is null" : "it does not hold";
	if (failure == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(failure));
}
