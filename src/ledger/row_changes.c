/*
 * row_changes.c
 *		The captured changes of many rows as rows: all of them, or the last ones.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/canonical.h"
#include "ledger/change.h"
#include "ledger/encoding.h"
#include "ledger/rows.h"
#include "ledger/settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define CHANGES_OF_ROWS_NATTS 10

/* What is put out of the changes that were found. */
typedef struct Answer
{
	RmRowSearch *search;
	ReturnSetInfo *result;
	Datum *labels;  /* what each row is called; text, ending in its key */
	bool only_own;  /* what was done to another row that had the key is not asked for */
	bool only_last; /* of each column the last update is asked for, of each row's existence the last insert or delete */
	List *
		told; /* RmOldPair: the columns of the present row of which that was put out, one without a key its existence */
	MemoryContext per_row;
} Answer;

/*
 * Is this what is asked for: every change, or the last one of its kind?
 *
 * The changes of a row come from the last one back; pair is NULL for what
 * happened to the row as such.
 */
static bool
is_asked_for(Answer *answer, RmOperation operation, const RmOldPair *pair)
{
	const RmOldPair existence = { 0 };
	MemoryContext old_context;
	RmOldPair *copy;
	ListCell *cell;

	if (!answer->only_last)
		return true;
	if (pair == NULL ? operation != RM_INSERT && operation != RM_DELETE : operation != RM_UPDATE)
		return false;
	if (pair == NULL)
		pair = &existence;
	foreach (cell, answer->told)
	{
		const RmOldPair *told = lfirst(cell);

		if (told->key_len == pair->key_len && memcmp(told->key, pair->key, pair->key_len) == 0)
			return false;
	}
	old_context = MemoryContextSwitchTo(answer->per_row);
	copy = palloc(sizeof(RmOldPair));
	*copy = *pair;
	answer->told = lappend(answer->told, copy);
	MemoryContextSwitchTo(old_context);
	return true;
}

/* Return what the row is called by that key, as the row's own label says it; text. */
static Datum
label_of(const Answer *answer, const RmWantedRow *row, const RmWantedRow *key)
{
	Datum own = answer->labels[row->ordinal];
	char *label;

	if (key == row)
		return own;
	label = TextDatumGetCString(own);
	label[strlen(label) - strlen(rm_row_key_text(&row->name))] = '\0';
	return CStringGetTextDatum(psprintf("%s%s", label, rm_row_key_text(&key->name)));
}

/* Put out a row for each column of the change's old image; one without a column where it has none, and of a delete. */
static void
put_change(Answer *answer, const RmFoundChange *found, int n)
{
	Datum values[CHANGES_OF_ROWS_NATTS];
	bool nulls[CHANGES_OF_ROWS_NATTS] = { false };
	RmOldReader reader;
	RmOldPair pair;
	bool any = false;
	const RmWantedRow *called = found->row->called != NULL ? found->row->called : found->row;
	const RmWantedRow *made_as = found->to != NULL ? found->to : found->under;

	values[0] = label_of(answer, found->row, called);
	values[8] = answer->labels[found->row->ordinal];
	nulls[8] = called == found->row;
	values[9] = label_of(answer, found->row, made_as);
	nulls[9] = made_as == called;
	values[1] = Int64GetDatum(n);
	values[2] = UUIDPGetDatum(&found->transaction->id);
	values[3] = CStringGetTextDatum(rm_operation_name(found->operation));
	nulls[4] = nulls[5] = true;
	values[6] = TimestampTzGetDatum(found->transaction->at);
	values[7] = found->transaction->who;
	if (found->old == NULL || found->operation != RM_UPDATE)
	{
		if (is_asked_for(answer, found->operation, NULL))
			tuplestore_putvalues(answer->result->setResult, answer->result->setDesc, values, nulls);
		any = true;
	}
	if (found->old != NULL)
	{
		rm_old_reader_init(&reader, found->old, found->old_len);
		while (rm_old_read(&reader, &pair))
		{
			any = true;
			if (!is_asked_for(answer, found->operation, &pair))
				continue;
			values[4] = rm_row_search_column(answer->search, &found->row->name.table_id, pair.key, pair.key_len);
			nulls[4] = false;
			nulls[5] = pair.tag == RM_TAG_NULL;
			values[5] = nulls[5] ? (Datum) 0
								 : CStringGetTextDatum(rm_canonical_value_text(pair.tag, pair.value, pair.value_len));
			tuplestore_putvalues(answer->result->setResult, answer->result->setDesc, values, nulls);
		}
	}
	if (!any && is_asked_for(answer, found->operation, NULL))
		tuplestore_putvalues(answer->result->setResult, answer->result->setDesc, values, nulls);
}

/* Put out what was found. */
static void
put_changes(Answer *answer)
{
	RmRowSearch *search = answer->search;
	MemoryContext per_change = AllocSetContextCreate(search->context, "release_mgmt change", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(per_change);
	int nest_level = rm_settings_begin();
	const RmWantedRow *row = NULL;
	int n = 0;

	answer->per_row = AllocSetContextCreate(search->context, "release_mgmt row", ALLOCSET_SMALL_SIZES);
	for (Size i = 0; i < search->nfound; i++)
	{
		n = search->found[i].row == row ? n + 1 : 1;
		if (n == 1)
		{
			answer->told = NIL;
			MemoryContextReset(answer->per_row);
		}
		row = search->found[i].row;
		if (answer->only_own && search->found[i].is_other)
			continue;
		put_change(answer, &search->found[i], n);
		MemoryContextReset(per_change);
	}
	rm_settings_end(nest_level);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(per_change);
}

/*
 * Find the changes of the rows that are given by tables, keys and labels,
 * since a time or all, and put out rows of label, n, transaction_id, operation,
 * attribute, old_value, at, role, asked_as and made_as.
 */
static void
search_rows(FunctionCallInfo fcinfo, bool only_own, bool only_last)
{
	bool forward = only_own && !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	TimestampTz since = PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt changes", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context;
	RmRowSearch search = { .context = context, .forward = forward };
	Answer answer = {
		.search = &search, .result = (ReturnSetInfo *) fcinfo->resultinfo, .only_own = only_own, .only_last = only_last
	};
	int nlabels;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return;
	old_context = MemoryContextSwitchTo(context);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &answer.labels, NULL, &nlabels);
	rm_row_search(&search, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), PG_ARGISNULL(3) ? NULL : &since);
	if (search.count != nlabels)
		elog(ERROR, "%d rows and %d labels", search.count, nlabels);
	put_changes(&answer);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(rm_changes_of_rows);
PG_FUNCTION_INFO_V1(rm_own_changes_of_rows);
PG_FUNCTION_INFO_V1(rm_last_changes_of_rows);

/*
 * changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz)
 * returns table (label text, n bigint, transaction_id uuid, operation text,
 * attribute text, old_value text, at timestamptz, role text, asked_as text,
 * made_as text)
 */
Datum
rm_changes_of_rows(PG_FUNCTION_ARGS)
{
	search_rows(fcinfo, false, false);
	return (Datum) 0;
}

/* own_changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz, forward boolean), with the same
 * columns. */
Datum
rm_own_changes_of_rows(PG_FUNCTION_ARGS)
{
	search_rows(fcinfo, true, false);
	return (Datum) 0;
}

/* last_changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz, forward boolean), with the same
 * columns. */
Datum
rm_last_changes_of_rows(PG_FUNCTION_ARGS)
{
	search_rows(fcinfo, true, true);
	return (Datum) 0;
}
