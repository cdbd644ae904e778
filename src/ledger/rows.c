/*
 * rows.c
 *		The captured changes of many rows.
 *
 * Each batch that may hold some is read once; of the changes that are not asked
 * for nothing but the key is looked at.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/batch.h"
#include "ledger/canonical.h"
#include "ledger/change.h"
#include "ledger/encoding.h"
#include "ledger/governed.h"
#include "ledger/row_batches.h"
#include "ledger/rows.h"
#include "ledger/settings.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define CHANGES_OF_ROWS_NATTS 8

/* What is put out of the changes that were found. */
typedef struct Answer
{
	RmRowSearch *search;
	ReturnSetInfo *result;
	Datum *labels;  /* what each row is called; text */
	bool only_last; /* of each column the last update is asked for, of each row's existence the last insert or delete */
	List *
		told; /* RmOldPair: the columns of the present row of which that was put out, one without a key its existence */
	MemoryContext per_row;
} Answer;

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
	const RmRowName *name = key;

	return hash_combine(hash_bytes(name->table_id.data, UUID_LEN),
						hash_bytes((const unsigned char *) name->key, name->key_len));
}

/* Compare two rows' names, as dynahash wants it. */
static int
match_row_name(const void *a, const void *b, Size size)
{
	const RmRowName *one = a;
	const RmRowName *other = b;

	return memcmp(&one->table_id, &other->table_id, UUID_LEN) != 0 || one->key_len != other->key_len ||
		   memcmp(one->key, other->key, one->key_len) != 0;
}

/* Note which rows are asked for. */
static void
want_rows(RmRowSearch *search, ArrayType *tables, ArrayType *keys)
{
	HASHCTL control = { .keysize = sizeof(RmRowName),
						.entrysize = sizeof(RmWantedRow),
						.hash = hash_row_name,
						.match = match_row_name,
						.hcxt = search->context };
	Datum *ids;
	Datum *texts;
	int nkeys;

	deconstruct_array(tables, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, NULL, &search->count);
	deconstruct_array(keys, TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &nkeys);
	if (search->count != nkeys)
		elog(ERROR, "%d tables and %d keys", search->count, nkeys);
	search->wanted = hash_create("rows whose changes are asked for", Max(search->count, 16), &control,
								 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	search->hashes = palloc(sizeof(int64) * Max(search->count, 1));
	for (int i = 0; i < search->count; i++)
	{
		char *key = TextDatumGetCString(texts[i]);
		RmRowName name = { .table_id = *DatumGetUUIDP(ids[i]), .key = rm_to_utf8(key, strlen(key)) };
		RmWantedRow *row;

		name.key_len = strlen(name.key);
		row = hash_search(search->wanted, &name, HASH_ENTER, NULL);
		row->ordinal = i;
		search->hashes[i] = rm_key_hash(&name.table_id, name.key, name.key_len);
	}
}

/* Add the change to those found, if the row of that key is asked for. */
static void
add_if_wanted(RmRowSearch *search, const RmChange *change, const char *key, int key_len, RmRowTransaction *transaction,
			  int64 seq)
{
	RmRowName name = { .table_id = change->table_id, .key = key, .key_len = key_len };
	RmWantedRow *row = hash_search(search->wanted, &name, HASH_FIND, NULL);
	RmFoundChange *found;

	if (row == NULL)
		return;
	if (search->nfound == search->room)
	{
		search->room *= 2;
		search->found = repalloc_huge(search->found, search->room * sizeof(RmFoundChange));
	}
	found = &search->found[search->nfound++];
	found->row = row;
	found->transaction = transaction;
	found->command_id = change->command_id;
	found->operation = change->operation;
	found->seq = seq;
	found->old_len = change->old_len;
	found->old = NULL;
	if (change->old != NULL)
		found->old = memcpy(MemoryContextAlloc(search->context, Max(change->old_len, 1)), change->old, change->old_len);
}

/* Find the changes of the rows in a batch. */
static void
search_batch(void *state, RmRowTransaction *transaction, int64 first_seq, const char *bytes, int len)
{
	RmRowSearch *search = state;
	RmChangeReader reader;
	RmChange change;

	rm_change_reader_init(&reader, bytes, len);
	reader.without_digests = true;
	for (int64 seq = first_seq; rm_change_read(&reader, &change); seq++)
	{
		add_if_wanted(search, &change, change.key, change.key_len, transaction, seq);
		if (change.former_key != NULL)
			add_if_wanted(search, &change, change.former_key, change.former_key_len, transaction, seq);
	}
}

/* Order changes by row, those of each from the last one back. */
static int
compare_found(const void *a, const void *b)
{
	const RmFoundChange *one = a;
	const RmFoundChange *other = b;

	if (one->row != other->row)
		return one->row->ordinal < other->row->ordinal ? -1 : 1;
	if (one->transaction != other->transaction)
		return one->transaction->rank < other->transaction->rank ? -1 : 1;
	if (one->command_id != other->command_id)
		return one->command_id > other->command_id ? -1 : 1;
	if (one->seq != other->seq)
		return one->seq > other->seq ? -1 : 1;
	return 0;
}

/* Return what a column is called now, as text. */
Datum
rm_row_search_column(RmRowSearch *search, const pg_uuid_t *table_id, const char *key, int key_len)
{
	ColumnName *name;
	ListCell *cell;
	MemoryContext old_context;

	foreach (cell, search->names)
	{
		name = lfirst(cell);
		if (strncmp(name->key, key, key_len) == 0 && name->key[key_len] == '\0' &&
			memcmp(&name->table_id, table_id, UUID_LEN) == 0)
			return name->name;
	}
	old_context = MemoryContextSwitchTo(search->context);
	name = palloc(sizeof(ColumnName));
	name->table_id = *table_id;
	name->key = pnstrdup(key, key_len);
	name->name = CStringGetTextDatum(rm_governed_name_of_key(table_id, rm_from_utf8(pnstrdup(key, key_len), key_len)));
	search->names = lappend(search->names, name);
	MemoryContextSwitchTo(old_context);
	return name->name;
}

/*
 * Find the changes of the rows, all or those committed since a time: those of
 * each row together, in the order of the arguments, from the last one back.
 *
 * Inside SPI; what is known of their transactions goes with SPI_finish().
 */
void
rm_row_search(RmRowSearch *search, ArrayType *tables, ArrayType *keys, const TimestampTz *since)
{
	RmRowBatches batches;
	Size kept = 0;

	want_rows(search, tables, keys);
	search->room = 1024;
	search->found = MemoryContextAlloc(search->context, search->room * sizeof(RmFoundChange));
	rm_row_batches_open(&batches, since);
	rm_row_batches_find(&batches, search->hashes, search->count);
	rm_row_batches_read(&batches, search_batch, search);
	for (Size i = 0; i < search->nfound; i++)
	{
		if (search->found[i].transaction->is_meant)
			search->found[kept++] = search->found[i];
	}
	search->nfound = kept;
	qsort(search->found, search->nfound, sizeof(RmFoundChange), compare_found);
}

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

/* Put out a row for each column of the change's old image; one without a column where it has none, and of a delete. */
static void
put_change(Answer *answer, const RmFoundChange *found, int n)
{
	Datum values[CHANGES_OF_ROWS_NATTS];
	bool nulls[CHANGES_OF_ROWS_NATTS] = { false };
	RmOldReader reader;
	RmOldPair pair;
	bool any = false;

	values[0] = answer->labels[found->row->ordinal];
	values[1] = Int64GetDatum(n);
	values[2] = UUIDPGetDatum(&found->transaction->id);
	values[3] = CStringGetTextDatum(rm_operation_name(found->operation));
	nulls[4] = nulls[5] = true;
	values[6] = TimestampTzGetDatum(found->transaction->at);
	values[7] = found->transaction->role;
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
 * attribute, old_value, at and role.
 */
static void
search_rows(FunctionCallInfo fcinfo, bool only_last)
{
	TimestampTz since = PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3);
	RmRowSearch search = { .context = CurrentMemoryContext };
	Answer answer = { .search = &search, .result = (ReturnSetInfo *) fcinfo->resultinfo, .only_last = only_last };
	int nlabels;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &answer.labels, NULL, &nlabels);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_row_search(&search, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), PG_ARGISNULL(3) ? NULL : &since);
	if (search.count != nlabels)
		elog(ERROR, "%d rows and %d labels", search.count, nlabels);
	put_changes(&answer);
	SPI_finish();
}

PG_FUNCTION_INFO_V1(rm_changes_of_rows);
PG_FUNCTION_INFO_V1(rm_last_changes_of_rows);

/*
 * changes_of_rows(tables uuid[], keys text[], labels text[], since timestamptz)
 * returns table (label text, n bigint, transaction_id uuid, operation text,
 * attribute text, old_value text, at timestamptz, role text)
 */
Datum
rm_changes_of_rows(PG_FUNCTION_ARGS)
{
	search_rows(fcinfo, false);
	return (Datum) 0;
}

/* last_changes_of_rows(), with the same arguments and columns. */
Datum
rm_last_changes_of_rows(PG_FUNCTION_ARGS)
{
	search_rows(fcinfo, true);
	return (Datum) 0;
}
