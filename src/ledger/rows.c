/*
 * rows.c
 *		The captured changes of many rows, out of the batches that may hold them.
 *
 * Each batch is read once; of the changes that are not asked for nothing but
 * the key is looked at.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/canonical.h"
#include "ledger/change.h"
#include "ledger/encoding.h"
#include "ledger/governed.h"
#include "ledger/settings.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define CHANGES_OF_ROWS_NATTS 6

/* A row, by its table and key. */
typedef struct RowName
{
	pg_uuid_t table_id;
	const char *key;
	int key_len;
} RowName;

/* A row whose changes are asked for. */
typedef struct Wanted
{
	RowName name; /* hash key */
	int ordinal;  /* its place in the arguments, from 1 */
} Wanted;

/* A change of such a row; old points into its batch. */
typedef struct Found
{
	int ordinal;
	int rank; /* of its transaction, the last one first */
	uint32 command_id;
	int64 seq;
	RmOperation operation;
	pg_uuid_t table_id;
	const char *old;
	int old_len;
} Found;

typedef struct FoundList
{
	Found *items;
	Size count;
	Size room;
} FoundList;

/* What a column is called, as was looked up. */
typedef struct ColumnName
{
	pg_uuid_t table_id;
	char *key;
	Datum name; /* text */
} ColumnName;

/* Hash a row's name. */
static uint32
hash_row_name(const void *key, Size size)
{
	const RowName *name = key;

	return hash_combine(hash_bytes(name->table_id.data, UUID_LEN),
						hash_bytes((const unsigned char *) name->key, name->key_len));
}

/* Compare two rows' names, as dynahash wants it. */
static int
match_row_name(const void *a, const void *b, Size size)
{
	const RowName *one = a;
	const RowName *other = b;

	return memcmp(&one->table_id, &other->table_id, UUID_LEN) != 0 || one->key_len != other->key_len ||
		   memcmp(one->key, other->key, one->key_len) != 0;
}

/* Return the rows asked for, by name. */
static HTAB *
wanted_rows(ArrayType *tables, ArrayType *keys)
{
	HASHCTL control = { 0 };
	HTAB *wanted;
	Datum *ids;
	Datum *texts;
	int count;
	int nkeys;

	deconstruct_array(tables, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, NULL, &count);
	deconstruct_array(keys, TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &nkeys);
	if (count != nkeys)
		elog(ERROR, "%d tables and %d keys", count, nkeys);
	control.keysize = sizeof(RowName);
	control.entrysize = sizeof(Wanted);
	control.hash = hash_row_name;
	control.match = match_row_name;
	control.hcxt = CurrentMemoryContext;
	wanted = hash_create("rows whose changes are asked for", Max(count, 16), &control,
						 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	for (int i = 0; i < count; i++)
	{
		char *key = TextDatumGetCString(texts[i]);
		RowName name = { .table_id = *DatumGetUUIDP(ids[i]), .key = rm_to_utf8(key, strlen(key)) };
		bool found;
		Wanted *row;

		name.key_len = strlen(name.key);
		row = hash_search(wanted, &name, HASH_ENTER, &found);
		row->ordinal = i + 1;
	}
	return wanted;
}

/* Add the change to those found, if the row of that key is asked for. */
static void
add_if_wanted(FoundList *list, HTAB *wanted, const RmChange *change, const char *key, int key_len, int rank, int64 seq)
{
	RowName name = { .table_id = change->table_id, .key = key, .key_len = key_len };
	Wanted *row = hash_search(wanted, &name, HASH_FIND, NULL);
	Found *found;

	if (row == NULL)
		return;
	if (list->count == list->room)
	{
		list->room *= 2;
		list->items = repalloc_huge(list->items, list->room * sizeof(Found));
	}
	found = &list->items[list->count++];
	found->ordinal = row->ordinal;
	found->rank = rank;
	found->command_id = change->command_id;
	found->seq = seq;
	found->operation = change->operation;
	found->table_id = change->table_id;
	found->old = change->old;
	found->old_len = change->old_len;
}

/* Find the changes of the rows in a batch. */
static void
search_batch(FoundList *list, HTAB *wanted, bytea *batch, int64 first_seq, int rank)
{
	RmChangeReader reader;
	RmChange change;

	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	for (int64 seq = first_seq; rm_change_read(&reader, &change); seq++)
	{
		add_if_wanted(list, wanted, &change, change.key, change.key_len, rank, seq);
		if (change.former_key != NULL)
			add_if_wanted(list, wanted, &change, change.former_key, change.former_key_len, rank, seq);
	}
}

/* Order changes by row, those of each from the last one back. */
static int
compare_found(const void *a, const void *b)
{
	const Found *one = a;
	const Found *other = b;

	if (one->ordinal != other->ordinal)
		return one->ordinal < other->ordinal ? -1 : 1;
	if (one->rank != other->rank)
		return one->rank < other->rank ? -1 : 1;
	if (one->command_id != other->command_id)
		return one->command_id > other->command_id ? -1 : 1;
	if (one->seq != other->seq)
		return one->seq > other->seq ? -1 : 1;
	return 0;
}

/* Return what a column is called now. */
static Datum
column_name(List **names, const pg_uuid_t *table_id, const char *key, int key_len)
{
	ColumnName *name;
	ListCell *cell;

	foreach (cell, *names)
	{
		name = lfirst(cell);
		if (strncmp(name->key, key, key_len) == 0 && name->key[key_len] == '\0' &&
			memcmp(&name->table_id, table_id, UUID_LEN) == 0)
			return name->name;
	}
	name = palloc(sizeof(ColumnName));
	name->table_id = *table_id;
	name->key = pnstrdup(key, key_len);
	name->name = CStringGetTextDatum(rm_governed_name_of_key(table_id, rm_from_utf8(pnstrdup(key, key_len), key_len)));
	*names = lappend(*names, name);
	return name->name;
}

/* Put out a row for each column of the change's old image; one without a column where it has none, and of a delete. */
static void
put_change(ReturnSetInfo *result, const Found *found, int n, List **names, MemoryContext per_row)
{
	Datum values[CHANGES_OF_ROWS_NATTS];
	bool nulls[CHANGES_OF_ROWS_NATTS] = { false, false, false, false, true, true };
	RmOldReader reader;
	RmOldPair pair;
	MemoryContext old_context = MemoryContextSwitchTo(per_row);
	bool any = false;

	values[0] = Int64GetDatum(found->ordinal);
	values[1] = Int64GetDatum(n);
	values[2] = Int32GetDatum(found->rank);
	values[3] = CStringGetTextDatum(rm_operation_name(found->operation));
	if (found->old == NULL || found->operation != RM_UPDATE)
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		any = true;
	}
	if (found->old != NULL)
	{
		rm_old_reader_init(&reader, found->old, found->old_len);
		while (rm_old_read(&reader, &pair))
		{
			MemoryContextSwitchTo(old_context);
			values[4] = column_name(names, &found->table_id, pair.key, pair.key_len);
			MemoryContextSwitchTo(per_row);
			nulls[4] = false;
			nulls[5] = pair.tag == RM_TAG_NULL;
			values[5] = nulls[5] ? (Datum) 0
								 : CStringGetTextDatum(rm_canonical_value_text(pair.tag, pair.value, pair.value_len));
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			any = true;
		}
	}
	if (!any)
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(per_row);
}

PG_FUNCTION_INFO_V1(rm_changes_of_rows);

/*
 * changes_of_rows_in(tables uuid[], keys text[], batches bytea[],
 *					  first_seqs bigint[], ranks integer[]) returns table
 *					  (ordinal bigint, n bigint, rank integer, operation text,
 *					  attribute text, old_value text)
 */
Datum
rm_changes_of_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HTAB *wanted = wanted_rows(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1));
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt change", ALLOCSET_DEFAULT_SIZES);
	FoundList list = { .room = 1024 };
	List *names = NIL;
	Datum *batches;
	Datum *first_seqs;
	Datum *ranks;
	int count;
	int nseqs;
	int nranks;
	int n = 0;
	int nest_level;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), BYTEAOID, -1, false, TYPALIGN_INT, &batches, NULL, &count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &first_seqs,
					  NULL, &nseqs);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), INT4OID, sizeof(int32), true, TYPALIGN_INT, &ranks, NULL, &nranks);
	if (count != nseqs || count != nranks)
		elog(ERROR, "%d batches, %d first numbers, %d ranks", count, nseqs, nranks);
	InitMaterializedSRF(fcinfo, 0);
	list.items = palloc(list.room * sizeof(Found));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		search_batch(&list, wanted, DatumGetByteaPP(batches[i]), DatumGetInt64(first_seqs[i]), DatumGetInt32(ranks[i]));
	}
	qsort(list.items, list.count, sizeof(Found), compare_found);
	nest_level = rm_settings_begin();
	for (Size i = 0; i < list.count; i++)
	{
		n = i > 0 && list.items[i - 1].ordinal == list.items[i].ordinal ? n + 1 : 1;
		put_change(result, &list.items[i], n, &names, per_row);
	}
	rm_settings_end(nest_level);
	return (Datum) 0;
}
