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

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/index_lookup.h"
#include "ledger/ledger.h"
#include "ledger/own_rows.h"
#include "ledger/pending.h"
#include "ledger/store.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

/* Attribute numbers of ci. */
enum
{
	CI_ID = 1,
	CI_LABEL = 4
};

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

/* Find the stub with that label, and lock it as the foreign key of a permit would; false where there is none. */
static bool
find_stub(RmIndexLookup *stubs, const char *label, pg_uuid_t *id)
{
	Datum wanted = CStringGetTextDatum(label);
	ScanKeyData key;
	bool changed = false;
	bool isnull;

	/* The index has the one column. */
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, stubs->index->rd_indcollation[0], F_TEXTEQ,
						   wanted);
	index_rescan(stubs->scan, &key, 1, NULL, 0);
	if (!rm_scan_next(stubs->scan, stubs->slot) || !rm_index_lookup_lock(stubs, LockTupleKeyShare, &changed))
		return false;
	if (changed && !DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, wanted,
														 slot_getattr(stubs->slot, CI_LABEL, &isnull))))
		return false;
	*id = *DatumGetUUIDP(slot_getattr(stubs->slot, CI_ID, &isnull));
	return true;
}

/* Find the stubs of the cases that need one and have none; keep one where there is none. */
static void
find_stubs(List *cases)
{
	RmIndexLookup stubs;
	bool is_open = false;
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
		if (!is_open)
		{
			CommandCounterIncrement();
			PushActiveSnapshot(GetTransactionSnapshot());
			LockRelationOid(rm_ledger_relid("ci"), RowShareLock);
			rm_index_lookup_open(&stubs, "ci", "ci_label_key", 1, GetActiveSnapshot());
			is_open = true;
		}
		item->has_id = find_stub(&stubs, label, &item->ci_id);
	}
	if (!is_open)
		return;
	rm_index_lookup_close(&stubs);
	PopActiveSnapshot();
	foreach (cell, cases)
	{
		RmCase *item = lfirst(cell);

		if (is_permitted_in_part(item) && !item->has_id)
			item->has_id = rm_stub_keep(item->class, item->key, item->key, &item->ci_id);
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
