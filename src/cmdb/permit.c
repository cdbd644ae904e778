/*
 * permit.c
 *		What the guard asks of the registered checks.
 *
 * Everything here runs inside SPI as the extension's owner; plans are kept
 * for the session.
 */
#include "postgres.h"

#include "cmdb/permit.h"

#include "cmdb/checks.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"

typedef struct CheckPlanKey
{
	char function[2 * NAMEDATALEN + 8]; /* as registered_check names it */
	bool many;                          /* about many attempts at once */
} CheckPlanKey;

typedef struct CheckPlan
{
	CheckPlanKey key;
	SPIPlanPtr plan;
} CheckPlan;

/* An attempt that checks are asked about. */
typedef struct Question
{
	const RmCase *item;
	char *label;
	RmAttempt *attempt;
} Question;

static HTAB *check_plans = NULL;

/* What a check is being asked about, for items_asked_about(). */
static const Question *asked = NULL;
static int nasked = 0;

PG_FUNCTION_INFO_V1(rm_items_asked_about);

/*
 * Prepare a query once per session.
 *
 * It looks something up by a key, or calls a function: the plan is the same
 * whatever the arguments, and making one for an array of a few costs more than
 * running it.
 */
SPIPlanPtr
rm_keep_plan(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr plan = SPI_prepare_cursor(query, nargs, types, CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	return plan;
}

/* Return the plan that calls the registered check's function about one attempt, or about many. */
static SPIPlanPtr
check_plan(const char *function, bool many)
{
	CheckPlan *entry;
	CheckPlanKey key = { .many = many };
	bool found;

	if (check_plans == NULL)
	{
		HASHCTL control = { 0 };

		control.keysize = sizeof(CheckPlanKey);
		control.entrysize = sizeof(CheckPlan);
		check_plans = hash_create("release_mgmt check plans", 8, &control, HASH_ELEM | HASH_BLOBS);
	}
	strlcpy(key.function, function, sizeof(key.function));
	entry = hash_search(check_plans, &key, HASH_FIND, &found);
	if (!found)
	{
		Oid type = many ? TEXTARRAYOID : TEXTOID;
		Oid types[5] = { type, type, type, type, type };
		SPIPlanPtr plan = rm_keep_plan(psprintf("SELECT %s($1, $2, $3, $4, $5)", function), 5, types);

		entry = hash_search(check_plans, &key, HASH_ENTER, &found);
		entry->plan = plan;
	}
	return entry->plan;
}

/* Set one argument of a plan to a text, or to NULL. */
void
rm_set_text(Datum *args, char *nulls, int n, const char *value)
{
	args[n] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
	nulls[n] = value == NULL ? 'n' : ' ';
}

/* Call a registered check's function about the attempt; NULL answers are none. */
static bool
ask(const char *name, const char *function, const char *label, const RmAttempt *attempt, Datum *answer)
{
	Datum args[5];
	char nulls[5];
	bool isnull;

	rm_set_text(args, nulls, 0, label);
	rm_set_text(args, nulls, 1, attempt->operation);
	rm_set_text(args, nulls, 2, attempt->attribute);
	rm_set_text(args, nulls, 3, attempt->old_value);
	rm_set_text(args, nulls, 4, attempt->new_value);
	if (SPI_execute_plan(check_plan(function, false), args, nulls, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "check \"%s\" gave no answer", name);
	*answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return !isnull;
}

/*
 * Ask with a snapshot of this moment until end_asking().
 *
 * A transaction that sees the database as it was before must not go on by a
 * release that was put on hold meanwhile, or a duty that was taken away.
 */
static void
begin_asking(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
}

/* End it. */
static void
end_asking(void)
{
	PopActiveSnapshot();
}

/* Return a text[], or of no string a NULL element. */
Datum
rm_text_array(char **strings, int count)
{
	Datum *values = palloc(sizeof(Datum) * count);
	bool *nulls = palloc(sizeof(bool) * count);
	int dims[1] = { count };
	int lower[1] = { 1 };

	for (int i = 0; i < count; i++)
	{
		nulls[i] = strings[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(strings[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Return the label by which people name the item. */
const char *
rm_case_label(const RmCase *item)
{
	return psprintf("%s/%s", item->class, item->key);
}

/* Return whether the function answers about many attempts at once. */
static bool
answers_many(const char *function)
{
	Oid types[5] = { TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID };

	return OidIsValid(LookupFuncName(rm_qualified_name_list(function), 5, types, true));
}

/* Note that a check permits the attempt. */
static void
permit(RmAttempt *attempt, const char *name, Datum answer)
{
	attempt->check_name = name;
	attempt->permitted_by = *DatumGetUUIDP(answer);
}

/* Ask one check about each attempt by itself. */
static void
ask_each(const char *name, const char *function, const Question *questions, int count)
{
	for (int i = 0; i < count; i++)
	{
		Datum answer;

		if (ask(name, function, questions[i].label, questions[i].attempt, &answer))
			permit(questions[i].attempt, name, answer);
	}
}

/* Ask one check about all attempts at once. */
static void
ask_together(const char *name, const char *function, const Question *questions, int count)
{
	char **strings = palloc(sizeof(char *) * count);
	Datum args[5];
	Datum *answers;
	bool *nulls;
	Datum array;
	bool isnull;
	int nanswers;

	for (int i = 0; i < count; i++)
		strings[i] = questions[i].label;
	args[0] = rm_text_array(strings, count);
	for (int i = 0; i < count; i++)
		strings[i] = (char *) questions[i].attempt->operation;
	args[1] = rm_text_array(strings, count);
	for (int i = 0; i < count; i++)
		strings[i] = questions[i].attempt->attribute;
	args[2] = rm_text_array(strings, count);
	for (int i = 0; i < count; i++)
		strings[i] = questions[i].attempt->old_value;
	args[3] = rm_text_array(strings, count);
	for (int i = 0; i < count; i++)
		strings[i] = questions[i].attempt->new_value;
	args[4] = rm_text_array(strings, count);
	if (SPI_execute_plan(check_plan(function, true), args, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "check \"%s\" gave no answer", name);
	array = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(array), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &answers, &nulls, &nanswers);
	if (nanswers != count)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("check \"%s\" gave %d answers about %d changes", name, nanswers, count),
						errhint("A check that is asked about many changes at once answers each in its place, with NULL "
								"where it permits nothing.")));
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			permit(questions[i].attempt, name, answers[i]);
	}
}

/* Return the questions that the cases raise. */
static Question *
questions_of(List *cases, int *count)
{
	Question *questions;
	ListCell *cell;
	ListCell *inner;

	*count = 0;
	foreach (cell, cases)
		*count += list_length(((RmCase *) lfirst(cell))->attempts);
	questions = palloc(sizeof(Question) * Max(*count, 1));
	*count = 0;
	foreach (cell, cases)
	{
		RmCase *item = lfirst(cell);
		char *label = (char *) rm_case_label(item);

		foreach (inner, item->attempts)
			questions[(*count)++] = (Question) { .item = item, .label = label, .attempt = lfirst(inner) };
	}
	return questions;
}

/* Ask one check about the questions that are open, of which those that it permits nothing of are left. */
static void
ask_check(const RmCheck *check, Question *questions, int *count)
{
	int left = 0;

	asked = questions;
	nasked = *count;
	PG_TRY();
	{
		if (answers_many(check->function))
			ask_together(check->name, check->function, questions, *count);
		else
			ask_each(check->name, check->function, questions, *count);
	}
	PG_FINALLY();
	{
		asked = NULL;
		nasked = 0;
	}
	PG_END_TRY();
	for (int i = 0; i < *count; i++)
	{
		if (questions[i].attempt->check_name == NULL)
			questions[left++] = questions[i];
	}
	*count = left;
}

/*
 * Ask the registered checks, in the order of their names, which of them permits
 * each attempt; remember the first that does, and its answer.
 */
void
rm_cases_ask(List *cases)
{
	RmChecks checks;
	int count;
	Question *questions = questions_of(cases, &count);

	begin_asking();
	checks = rm_checks_at("ci_change");
	for (int i = 0; i < checks.count && count > 0; i++)
		ask_check(&checks.checks[i], questions, &count);
	end_asking();
}

/* items_asked_about() returns uuid[]: of each change that a check is being asked about, the stub that was looked up */
Datum
rm_items_asked_about(PG_FUNCTION_ARGS)
{
	ArrayBuildState *ids = initArrayResult(UUIDOID, CurrentMemoryContext, false);

	for (int i = 0; i < nasked; i++)
		ids = accumArrayResult(ids, UUIDPGetDatum(&asked[i].item->ci_id), !asked[i].item->has_id, UUIDOID,
							   CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(ids, CurrentMemoryContext));
}

/* Add what the registered advisers say on why the attempt is not permitted; each sentence once. */
List *
rm_attempt_advice(const char *label, const RmAttempt *attempt, List *advice)
{
	RmChecks checks;

	begin_asking();
	checks = rm_checks_at("ci_change_advice");
	for (int i = 0; i < checks.count; i++)
	{
		Datum answer;

		if (ask(checks.checks[i].name, checks.checks[i].function, label, attempt, &answer))
		{
			String *sentence = makeString(TextDatumGetCString(answer));

			if (!list_member(advice, sentence))
				advice = lappend(advice, sentence);
		}
	}
	end_asking();
	return advice;
}
