/*
 * permit.c
 *		What the guard asks of the registered checks, and what it records.
 *
 * Everything here runs inside SPI as the extension's owner; plans are kept
 * for the session.
 */
#include "postgres.h"

#include "cmdb/permit.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/ledger.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef struct CheckPlan
{
	char function[2 * NAMEDATALEN + 8]; /* as registered_check names it */
	SPIPlanPtr plan;
} CheckPlan;

static HTAB *check_plans = NULL;

/* Prepare a query once per session. */
static SPIPlanPtr
keep_plan(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr plan = SPI_prepare(query, nargs, types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	return plan;
}

/* Return the plan that calls the registered check's function. */
static SPIPlanPtr
check_plan(const char *function)
{
	CheckPlan *entry;
	char key[sizeof(entry->function)] = { 0 };
	bool found;

	if (check_plans == NULL)
	{
		HASHCTL control = { 0 };

		control.keysize = sizeof(entry->function);
		control.entrysize = sizeof(CheckPlan);
		check_plans = hash_create("release_mgmt check plans", 8, &control, HASH_ELEM | HASH_BLOBS);
	}
	strlcpy(key, function, sizeof(key));
	entry = hash_search(check_plans, key, HASH_FIND, &found);
	if (!found)
	{
		Oid types[5] = { TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID };
		SPIPlanPtr plan = keep_plan(psprintf("SELECT %s($1, $2, $3, $4, $5)", function), 5, types);

		entry = hash_search(check_plans, key, HASH_ENTER, &found);
		entry->plan = plan;
	}
	return entry->plan;
}

/* Set one argument of a plan to a text, or to NULL. */
static void
set_text(Datum *args, char *nulls, int n, const char *value)
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

	set_text(args, nulls, 0, label);
	set_text(args, nulls, 1, attempt->operation);
	set_text(args, nulls, 2, attempt->attribute);
	set_text(args, nulls, 3, attempt->old_value);
	set_text(args, nulls, 4, attempt->new_value);
	if (SPI_execute_plan(check_plan(function), args, nulls, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "check \"%s\" gave no answer", name);
	*answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return !isnull;
}

/* Return the checks registered at a point, in the order of their names: name and function. */
SPITupleTable *
rm_checks_at(const char *point)
{
	static SPIPlanPtr plan = NULL;
	Datum arg = CStringGetTextDatum(point);

	if (plan == NULL)
	{
		Oid type = TEXTOID;

		plan = keep_plan("SELECT name, function_name FROM release_mgmt.registered_check "
						 "WHERE point OPERATOR(pg_catalog.=) $1 ORDER BY name",
						 1, &type);
	}
	if (SPI_execute_plan(plan, &arg, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the registered checks");
	return SPI_tuptable;
}

/* Ask the registered checks whether one permits the attempt; remember which, and its answer. */
bool
rm_attempt_ask(SPITupleTable *checks, const char *label, RmAttempt *attempt)
{
	for (uint64 i = 0; i < checks->numvals; i++)
	{
		char *name = SPI_getvalue(checks->vals[i], checks->tupdesc, 1);
		Datum answer;

		if (!ask(name, SPI_getvalue(checks->vals[i], checks->tupdesc, 2), label, attempt, &answer))
			continue;
		attempt->check_name = name;
		attempt->permitted_by = *DatumGetUUIDP(answer);
		break;
	}
	return attempt->check_name != NULL;
}

/* Add what the registered advisers say on why the attempt is not permitted; each sentence once. */
List *
rm_attempt_advice(const char *label, const RmAttempt *attempt, List *advice)
{
	SPITupleTable *checks = rm_checks_at("ci_change_advice");

	for (uint64 i = 0; i < checks->numvals; i++)
	{
		Datum answer;

		if (ask(SPI_getvalue(checks->vals[i], checks->tupdesc, 1), SPI_getvalue(checks->vals[i], checks->tupdesc, 2),
				label, attempt, &answer))
		{
			String *sentence = makeString(TextDatumGetCString(answer));

			if (!list_member(advice, sentence))
				advice = lappend(advice, sentence);
		}
	}
	return advice;
}

/* Record the attempt that a check permitted. */
void
rm_permit_record(Datum ci_id, const RmAttempt *attempt)
{
	static SPIPlanPtr plan = NULL;
	Datum args[6];
	char nulls[6] = { ' ', ' ', ' ', ' ', ' ', ' ' };

	if (plan == NULL)
	{
		Oid types[6] = { UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID };

		plan = keep_plan("INSERT INTO release_mgmt.ci_change_permit "
						 "(transaction_id, ci_id, operation, attribute, check_name, permitted_by) "
						 "VALUES ($1, $2, $3, $4, $5, $6)",
						 6, types);
	}
	args[0] = UUIDPGetDatum(rm_ledger_current_transaction());
	args[1] = ci_id;
	set_text(args, nulls, 2, attempt->operation);
	set_text(args, nulls, 3, attempt->attribute);
	set_text(args, nulls, 4, attempt->check_name);
	args[5] = UUIDPGetDatum(&attempt->permitted_by);
	if (SPI_execute_plan(plan, args, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not record a permit");
}

/* Bring the item's stub in step with its row; return its id. */
Datum
rm_stub_keep(const char *class, const char *old_key, const char *new_key)
{
	static SPIPlanPtr plan = NULL;
	Datum args[3];
	char nulls[3];
	bool isnull;
	Datum id;

	if (plan == NULL)
	{
		Oid types[3] = { TEXTOID, TEXTOID, TEXTOID };

		plan = keep_plan("SELECT release_mgmt_internal.keep_stub($1, $2, $3)", 3, types);
	}
	set_text(args, nulls, 0, class);
	set_text(args, nulls, 1, old_key);
	set_text(args, nulls, 2, new_key);
	if (SPI_execute_plan(plan, args, nulls, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not keep the stub of \"%s\"", class);
	id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? (Datum) 0 : id;
}

/* Write to the item's stub whose it is. */
void
rm_owner_keep(const char *class, const char *key)
{
	static SPIPlanPtr plan = NULL;
	Datum args[2] = { CStringGetTextDatum(class), CStringGetTextDatum(key) };

	if (plan == NULL)
	{
		Oid types[2] = { TEXTOID, TEXTOID };

		plan = keep_plan("SELECT release_mgmt_internal.keep_owner($1, $2)", 2, types);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not write whose \"%s/%s\" is", class, key);
}
