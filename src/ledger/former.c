/*
 * former.c
 *		What was in a column of many rows before some transactions changed it.
 *
 * For whoever takes back a change: it also says of which rows the ledger tells
 * something else than that these transactions changed the column.
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

/* What is known of a row's column. */
typedef struct Former
{
	pg_uuid_t first;   /* transaction that changed it first, */
	pg_uuid_t last;    /* and last */
	bool is_undone;    /* a change by the last one was found */
	bool is_disturbed; /* something else was found as well */
	bool is_known;     /* a change by the first one was found */
	Datum value;       /* what was there before that, text; NULL for NULL */
} Former;

/* Return whether the transaction is that one. */
static bool
is_of(const RmFoundChange *found, const pg_uuid_t *transaction)
{
	return memcmp(&found->transaction->id, transaction, UUID_LEN) == 0;
}

/* Find the column in the change's old image. */
static bool
find_column(RmRowSearch *search, const RmFoundChange *found, const text *column, RmOldPair *pair)
{
	RmOldReader reader;

	rm_old_reader_init(&reader, found->old, found->old_len);
	while (rm_old_read(&reader, pair))
	{
		text *name = DatumGetTextPP(rm_row_search_column(search, &found->row->name.table_id, pair->key, pair->key_len));

		if (VARSIZE_ANY_EXHDR(name) == VARSIZE_ANY_EXHDR(column) &&
			memcmp(VARDATA_ANY(name), VARDATA_ANY(column), VARSIZE_ANY_EXHDR(name)) == 0)
			return true;
	}
	return false;
}

/* Take a change into account; they come from the last one back. */
static void
take_change(RmRowSearch *search, const RmFoundChange *found, const text *column, Former *former)
{
	RmOldPair pair;

	if (found->operation != RM_UPDATE || found->old == NULL)
	{
		former->is_disturbed = true;
		return;
	}
	if (!find_column(search, found, column, &pair))
		return;
	if (is_of(found, &former->last))
		former->is_undone = true;
	else if (!is_of(found, &former->first))
		former->is_disturbed = true;
	if (is_of(found, &former->first))
	{
		former->is_known = true;
		former->value = pair.tag == RM_TAG_NULL
							? (Datum) 0
							: CStringGetTextDatum(rm_canonical_value_text(pair.tag, pair.value, pair.value_len));
	}
}

/* Read the transactions of each row. */
static Former *
read_formers(ArrayType *firsts, ArrayType *lasts, int count)
{
	Former *formers = palloc0(sizeof(Former) * Max(count, 1));
	Datum *first;
	Datum *last;
	int nfirst;
	int nlast;

	deconstruct_array(firsts, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &first, NULL, &nfirst);
	deconstruct_array(lasts, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &last, NULL, &nlast);
	if (nfirst != count || nlast != count)
		elog(ERROR, "%d rows, %d and %d transactions", count, nfirst, nlast);
	for (int i = 0; i < count; i++)
	{
		formers[i].first = *DatumGetUUIDP(first[i]);
		formers[i].last = *DatumGetUUIDP(last[i]);
	}
	return formers;
}

/* Return the labels without so many bytes in front. */
static ArrayType *
read_keys(ArrayType *labels, int prefix)
{
	Datum *keys;
	int count;

	deconstruct_array(labels, TEXTOID, -1, false, TYPALIGN_INT, &keys, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		text *label = DatumGetTextPP(keys[i]);
		int length = VARSIZE_ANY_EXHDR(label);

		if (length < prefix)
			elog(ERROR, "a label of %d bytes has no prefix of %d", length, prefix);
		keys[i] = PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(label) + prefix, length - prefix));
	}
	return construct_array(keys, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Return what is known of the rows as is_undisturbed boolean[] and value text[]. */
static Datum
answer(FunctionCallInfo fcinfo, const Former *formers, int count)
{
	TupleDesc desc;
	Datum *undisturbed = palloc(sizeof(Datum) * Max(count, 1));
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));
	bool *nulls = palloc(sizeof(bool) * Max(count, 1));
	int lower = 1;
	Datum columns[2];
	bool none[2] = { false };

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < count; i++)
	{
		undisturbed[i] = BoolGetDatum(formers[i].is_known && formers[i].is_undone && !formers[i].is_disturbed);
		values[i] = formers[i].value;
		nulls[i] = formers[i].value == (Datum) 0;
	}
	columns[0] = PointerGetDatum(construct_array(undisturbed, count, BOOLOID, 1, true, TYPALIGN_CHAR));
	columns[1] =
		PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), columns, none));
}

PG_FUNCTION_INFO_V1(rm_former_values);

/*
 * former_values(table_id uuid, labels text[], prefix integer,
 *				 column_name text, first uuid[], last uuid[],
 *				 since timestamptz, OUT is_undisturbed boolean[],
 *				 OUT value text[])
 */
Datum
rm_former_values(PG_FUNCTION_ARGS)
{
	text *column = PG_GETARG_TEXT_PP(3);
	TimestampTz since = PG_GETARG_TIMESTAMPTZ(6);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt former", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	RmRowSearch search = { .context = context };
	ArrayType *keys = read_keys(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_INT32(2));
	int count = ArrayGetNItems(ARR_NDIM(keys), ARR_DIMS(keys));
	Datum *tables = palloc(sizeof(Datum) * Max(count, 1));
	Former *formers = read_formers(PG_GETARG_ARRAYTYPE_P(4), PG_GETARG_ARRAYTYPE_P(5), count);
	Datum result;
	int nest_level;

	for (int i = 0; i < count; i++)
		tables[i] = PG_GETARG_DATUM(0);
	rm_row_search(&search, construct_array(tables, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR), keys, &since);
	nest_level = rm_settings_begin();
	for (Size i = 0; i < search.nfound; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take_change(&search, &search.found[i], column, &formers[search.found[i].row->ordinal]);
	}
	rm_settings_end(nest_level);
	MemoryContextSwitchTo(caller);
	result = answer(fcinfo, formers, count);
	MemoryContextDelete(context);
	return result;
}
