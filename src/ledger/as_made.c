/*
 * as_made.c
 *		Which rows the ledger tells nothing else of than that some transactions changed them.
 *
 * Most of what a release changed stays as it made it.  Who asks what became of
 * it asks this first, and looks closer at the rest.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/canonical.h"
#include "ledger/rows.h"
#include "ledger/settings.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(rm_as_made);

#define AS_MADE_NATTS 3

/* A column of a row, and the transaction that is said to have changed it last. */
typedef struct Made
{
	text *column;
	const pg_uuid_t *transaction_id; /* NULL: none is known, so that it is not as that made it */
	const RmRowTransaction *found;   /* it did */
	int next;                        /* of the same row; -1 for none */
} Made;

/* What is asked. */
typedef struct Question
{
	RmRowSearch search;
	Made *made;
	int *first;         /* of each row, by its ordinal; -1 for none */
	bool *is_disturbed; /* likewise: something else was done to it */
	Datum *exempt;      /* names of columns that count for nothing; text */
	int nexempt;
} Question;

/* Return whether two names are the same. */
static bool
is_same(const text *one, const text *other)
{
	return VARSIZE_ANY_EXHDR(one) == VARSIZE_ANY_EXHDR(other) &&
		   memcmp(VARDATA_ANY(one), VARDATA_ANY(other), VARSIZE_ANY_EXHDR(one)) == 0;
}

/* Return whether the column counts for nothing. */
static bool
is_exempt(const Question *question, const text *column)
{
	for (int i = 0; i < question->nexempt; i++)
	{
		if (is_same(column, DatumGetTextPP(question->exempt[i])))
			return true;
	}
	return false;
}

/* Take into account that a change was the last one of a column, unless a later one was met. */
static void
take_column(Question *question, const RmFoundChange *found, const text *column)
{
	int ordinal = found->row->ordinal;
	int i = question->first[ordinal];
	Made *made;

	while (i >= 0 && !is_same(question->made[i].column, column))
		i = question->made[i].next;
	if (i < 0)
	{
		question->is_disturbed[ordinal] |= !is_exempt(question, column);
		return;
	}
	made = &question->made[i];
	if (made->found != NULL)
		return;
	made->found = found->transaction;
	if (made->transaction_id == NULL || memcmp(made->transaction_id, &found->transaction->id, UUID_LEN) != 0)
		question->is_disturbed[ordinal] = true;
}

/* Take a change into account; those of a row come from the last one back. */
static void
take_change(Question *question, const RmFoundChange *found)
{
	RmOldReader reader;
	RmOldPair pair;

	if (found->operation == RM_SCHEMA || found->operation == RM_BASELINE)
		return;
	if (found->operation != RM_UPDATE || found->old == NULL || found->from != NULL || found->to != NULL)
	{
		question->is_disturbed[found->row->ordinal] = true;
		return;
	}
	rm_old_reader_init(&reader, found->old, found->old_len);
	while (rm_old_read(&reader, &pair))
		take_column(question, found,
					DatumGetTextPP(
						rm_row_search_column(&question->search, &found->row->name.table_id, pair.key, pair.key_len)));
}

/* Note what is said of each row, when it is known which of them are the same. */
static void
note_made(Question *question, ArrayType *columns, ArrayType *transactions)
{
	int count = question->search.count;
	Datum *names;
	Datum *ids;
	bool *nulls;
	int nnames;
	int nids;

	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &nnames);
	deconstruct_array(transactions, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, &nulls, &nids);
	if (nnames != count || nids != count)
		elog(ERROR, "%d rows, %d columns and %d transactions", count, nnames, nids);
	question->made = palloc(sizeof(Made) * Max(count, 1));
	question->first = palloc(sizeof(int) * Max(count, 1));
	question->is_disturbed = palloc0(sizeof(bool) * Max(count, 1));
	for (int i = 0; i < count; i++)
		question->first[i] = -1;
	for (int i = 0; i < count; i++)
	{
		int ordinal = question->search.rows[i]->ordinal;

		question->made[i] = (Made) { .column = DatumGetTextPP(names[i]),
									 .transaction_id = nulls[i] ? NULL : DatumGetUUIDP(ids[i]),
									 .next = question->first[ordinal] };
		question->first[ordinal] = i;
	}
}

/* Put an answer out for each column that was asked about, in their order. */
static void
put_answers(const Question *question, ReturnSetInfo *result)
{
	for (int i = 0; i < question->search.count; i++)
	{
		const Made *made = &question->made[i];
		int ordinal = question->search.rows[i]->ordinal;
		bool is_as_made = !question->is_disturbed[ordinal];
		Datum values[AS_MADE_NATTS];
		bool nulls[AS_MADE_NATTS] = { false };

		for (int j = question->first[ordinal]; j >= 0; j = question->made[j].next)
			is_as_made = is_as_made && question->made[j].found != NULL;
		values[0] = BoolGetDatum(is_as_made);
		nulls[1] = nulls[2] = !is_as_made;
		values[1] = is_as_made ? TimestampTzGetDatum(made->found->at) : (Datum) 0;
		values[2] = is_as_made ? made->found->who : (Datum) 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * as_made(table_id uuid, keys text[], columns text[], transactions uuid[],
 *		   exempt text[], since timestamptz)
 * returns table (is_as_made boolean, at timestamptz, role text)
 */
Datum
rm_as_made(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt as made", ALLOCSET_DEFAULT_SIZES);
	ArrayType *keys = PG_GETARG_ARRAYTYPE_P(1);
	int count = ArrayGetNItems(ARR_NDIM(keys), ARR_DIMS(keys));
	Question question = { .search = { .context = context } };
	TimestampTz since = PG_GETARG_TIMESTAMPTZ(5);
	MemoryContext old_context;
	Datum *tables;
	int nest_level;

	InitMaterializedSRF(fcinfo, 0);
	old_context = MemoryContextSwitchTo(context);
	tables = palloc(sizeof(Datum) * Max(count, 1));
	for (int i = 0; i < count; i++)
		tables[i] = PG_GETARG_DATUM(0);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false, TYPALIGN_INT, &question.exempt, NULL,
					  &question.nexempt);
	rm_row_search(&question.search, construct_array(tables, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR), keys,
				  &since);
	note_made(&question, PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3));
	nest_level = rm_settings_begin();
	for (Size i = 0; i < question.search.nfound; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take_change(&question, &question.search.found[i]);
	}
	rm_settings_end(nest_level);
	put_answers(&question, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return (Datum) 0;
}
