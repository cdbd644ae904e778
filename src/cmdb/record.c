/*
 * record.c
 *		What the guard keeps: permits, the stubs of items, and whose they are.
 *
 * Everything here runs inside SPI as the extension's owner; plans are kept
 * for the session.
 */
#include "postgres.h"

#include "cmdb/permit.h"
#include "cmdb/restoration.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/ledger.h"
#include "ledger/own_rows.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* Attribute numbers of ci_change_permit. */
enum
{
	PERMIT_ID = 1,
	PERMIT_TRANSACTION_ID,
	PERMIT_CI_ID,
	PERMIT_OPERATION,
	PERMIT_ATTRIBUTE,
	PERMIT_CHECK_NAME,
	PERMIT_PERMITTED_BY,
	PERMIT_OLD_VALUE,
	PERMIT_NEW_VALUE,
	PERMIT_NATTS = PERMIT_NEW_VALUE
};

extern Datum rm_new_id(PG_FUNCTION_ARGS);

/* Bring the item's stub in step with its row; return whether there is one, and its id. */
bool
rm_stub_keep(const char *class, const char *old_key, const char *new_key, pg_uuid_t *id)
{
	static SPIPlanPtr plan = NULL;
	Datum args[3];
	char nulls[3];
	bool isnull;
	Datum found;

	if (plan == NULL)
	{
		Oid types[3] = { TEXTOID, TEXTOID, TEXTOID };

		plan = rm_keep_plan("SELECT release_mgmt_internal.keep_stub($1, $2, $3)", 3, types);
	}
	rm_set_text(args, nulls, 0, class);
	rm_set_text(args, nulls, 1, old_key);
	rm_set_text(args, nulls, 2, new_key);
	if (SPI_execute_plan(plan, args, nulls, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not keep the stub of \"%s\"", class);
	found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		*id = *DatumGetUUIDP(found);
	return !isnull;
}

/* Return whether something permits part of what is done to the item. */
static bool
is_permitted_in_part(const RmCase *item)
{
	ListCell *cell;

	foreach (cell, item->attempts)
	{
		if (((RmAttempt *) lfirst(cell))->check_name != NULL)
			return true;
	}
	return false;
}

/* Return the restoration that a back-out permits the attempt as, NULL where something else permits it. */
static const RmRestoration *
restoration_of(const char *label, const RmAttempt *attempt)
{
	const RmRestoration *found;

	if (attempt->check_name == NULL)
		return NULL;
	found = rm_restoration_find(label, attempt->operation, attempt->attribute);
	return found != NULL && memcmp(&found->back_out, &attempt->permitted_by, UUID_LEN) == 0 ? found : NULL;
}

/*
 * Find what back-outs restore of the item; the stub is theirs, then.
 *
 * The permit of what is taken back refers to that stub, and keeps it.
 */
static void
find_restorations(RmCase *item, const char *label)
{
	ListCell *cell;

	foreach (cell, item->attempts)
	{
		RmAttempt *attempt = lfirst(cell);

		attempt->restoration = restoration_of(label, attempt);
		if (attempt->restoration == NULL || item->has_id)
			continue;
		item->ci_id = attempt->restoration->ci_id;
		item->has_id = true;
	}
}

/*
 * Find the stubs of the cases that need one and have none.
 *
 * They are locked as the foreign key of a permit would lock them.
 */
static void
find_stubs(List *cases)
{
	static SPIPlanPtr plan = NULL;
	char **labels = palloc(sizeof(char *) * list_length(cases));
	RmCase **items = palloc(sizeof(RmCase *) * list_length(cases));
	SPITupleTable *found;
	Datum arg;
	int count = 0;
	int nest_level;
	ListCell *cell;

	foreach (cell, cases)
	{
		RmCase *item = lfirst(cell);
		char *label;

		if (!is_permitted_in_part(item))
			continue;
		label = (char *) rm_case_label(item);
		find_restorations(item, label);
		if (item->has_id)
			continue;
		items[count] = item;
		labels[count++] = label;
	}
	if (count == 0)
		return;
	if (plan == NULL)
	{
		Oid type = TEXTARRAYOID;

		plan =
			rm_keep_plan("SELECT i.id FROM ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS a (label, n) "
						 "LEFT JOIN LATERAL (SELECT o.id FROM release_mgmt.ci AS o "
						 "WHERE o.label OPERATOR(pg_catalog.=) a.label FOR KEY SHARE OF o) AS i ON true ORDER BY a.n",
						 1, &type);
	}
	arg = rm_text_array(labels, count);
	/* By the index, also where the plan is made while there are few of them. */
	nest_level = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_plan(plan, &arg, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != (uint64) count)
		elog(ERROR, "could not look up stubs");
	AtEOXact_GUC(true, nest_level);
	found = SPI_tuptable;
	for (int i = 0; i < count; i++)
	{
		Datum id = SPI_getbinval(found->vals[i], found->tupdesc, 1, &items[i]->has_id);

		items[i]->has_id = !items[i]->has_id;
		if (items[i]->has_id)
			items[i]->ci_id = *DatumGetUUIDP(id);
		else
			items[i]->has_id = rm_stub_keep(items[i]->class, items[i]->key, items[i]->key, &items[i]->ci_id);
	}
}

/* Record what checks permitted: as many rows as a statement of the customer changes. */
void
rm_cases_record(List *cases)
{
	RmOwnRows rows;
	Datum values[PERMIT_NATTS];
	bool nulls[PERMIT_NATTS] = { false };
	bool any = false;
	ListCell *cell;

	find_stubs(cases);
	foreach (cell, cases)
		any = any || is_permitted_in_part(lfirst(cell));
	if (!any)
		return;
	rm_own_rows_open(&rows, "ci_change_permit");
	foreach (cell, cases)
	{
		RmCase *item = lfirst(cell);
		ListCell *inner;

		foreach (inner, item->attempts)
		{
			RmAttempt *attempt = lfirst(inner);
			const RmRestoration *restoration = attempt->restoration;

			if (attempt->check_name == NULL)
				continue;
			values[PERMIT_ID - 1] = DirectFunctionCall1(rm_new_id, (Datum) 0);
			values[PERMIT_TRANSACTION_ID - 1] = UUIDPGetDatum(rm_ledger_current_transaction());
			values[PERMIT_CI_ID - 1] = UUIDPGetDatum(&item->ci_id);
			values[PERMIT_OPERATION - 1] = CStringGetTextDatum(attempt->operation);
			nulls[PERMIT_ATTRIBUTE - 1] = attempt->attribute == NULL;
			values[PERMIT_ATTRIBUTE - 1] =
				attempt->attribute == NULL ? (Datum) 0 : CStringGetTextDatum(attempt->attribute);
			values[PERMIT_CHECK_NAME - 1] = CStringGetTextDatum(attempt->check_name);
			values[PERMIT_PERMITTED_BY - 1] = UUIDPGetDatum(&attempt->permitted_by);
			nulls[PERMIT_OLD_VALUE - 1] = restoration == NULL || restoration->old_null;
			values[PERMIT_OLD_VALUE - 1] = nulls[PERMIT_OLD_VALUE - 1] ? (Datum) 0 : restoration->old_value;
			nulls[PERMIT_NEW_VALUE - 1] = restoration == NULL || restoration->new_null;
			values[PERMIT_NEW_VALUE - 1] = nulls[PERMIT_NEW_VALUE - 1] ? (Datum) 0 : restoration->new_value;
			rm_own_rows_add(&rows, values, nulls);
		}
	}
	rm_own_rows_close(&rows);
}

/* Write to the stubs with these keys whose the items are. */
static void
keep_owners_of(const char *class, char **keys, int count)
{
	static SPIPlanPtr plan = NULL;
	Datum args[2] = { CStringGetTextDatum(class), rm_text_array(keys, count) };

	if (plan == NULL)
	{
		Oid types[2] = { TEXTOID, TEXTARRAYOID };

		plan = rm_keep_plan("SELECT release_mgmt_internal.keep_owners_of($1, $2)", 2, types);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not write whose items of class \"%s\" are", class);
}

/* Write to the stubs of items that may belong to somebody else now whose they are, class by class. */
void
rm_owners_keep(List *cases)
{
	char **keys = palloc(sizeof(char *) * list_length(cases));
	ListCell *cell;

	foreach (cell, cases)
	{
		const char *class = ((RmCase *) lfirst(cell))->class;
		int count = 0;
		ListCell *other;

		if (((RmCase *) lfirst(cell))->owned_key == NULL)
			continue;
		for_each_cell(other, cases, cell)
		{
			RmCase *item = lfirst(other);

			if (item->owned_key == NULL || strcmp(item->class, class) != 0)
				continue;
			keys[count++] = item->owned_key;
			item->owned_key = NULL;
		}
		keep_owners_of(class, keys, count);
	}
}
