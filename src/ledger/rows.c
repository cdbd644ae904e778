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
#include "ledger/batch.h"
#include "ledger/encoding.h"
#include "ledger/governed.h"
#include "ledger/rows.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

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
	search->rows = palloc(sizeof(RmWantedRow *) * Max(search->count, 1));
	search->nkeys = search->count;
	for (int i = 0; i < search->count; i++)
	{
		char *key = TextDatumGetCString(texts[i]);
		RmRowName name = { .table_id = *DatumGetUUIDP(ids[i]), .key = rm_to_utf8(key, strlen(key)) };
		RmWantedRow *row;

		name.key_len = strlen(name.key);
		row = hash_search(search->wanted, &name, HASH_ENTER, NULL);
		*row = (RmWantedRow) { .name = name, .ordinal = i };
		search->rows[i] = row;
	}
}

/* Add the change to those found, if the row of the key that it leads to, or of the former one, is asked for. */
static void
add_if_wanted(RmRowSearch *search, const RmChange *change, bool is_former, RmRowTransaction *transaction, int64 seq)
{
	RmRowName name = { .table_id = change->table_id,
					   .key = is_former ? change->former_key : change->key,
					   .key_len = is_former ? change->former_key_len : change->key_len };
	RmWantedRow *row = hash_search(search->wanted, &name, HASH_FIND, NULL);
	RmFoundChange *found;

	if (row == NULL || row->round != search->round)
		return;
	if (search->nfound == search->room)
	{
		search->room *= 2;
		search->found = repalloc_huge(search->found, search->room * sizeof(RmFoundChange));
	}
	found = &search->found[search->nfound++];
	*found = (RmFoundChange) { .row = row,
							   .under = row,
							   .transaction = transaction,
							   .command_id = change->command_id,
							   .operation = change->operation,
							   .is_redacted = change->redacted,
							   .seq = seq,
							   .old_len = change->old_len };
	if (change->old != NULL)
		found->old = memcpy(MemoryContextAlloc(search->context, Max(change->old_len, 1)), change->old, change->old_len);
	if (is_former)
		found->to = rm_row_other_key(search, &change->table_id, change->key, change->key_len, search->forward);
	else if (change->former_key != NULL)
		found->from = rm_row_other_key(search, &change->table_id, change->former_key, change->former_key_len, true);
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
		add_if_wanted(search, &change, false, transaction, seq);
		if (change.former_key != NULL)
			add_if_wanted(search, &change, true, transaction, seq);
	}
}

/* Return a key in the database's encoding. */
char *
rm_row_key_text(const RmRowName *name)
{
	return rm_from_utf8(pnstrdup(name->key, name->key_len), name->key_len);
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

/* Return the hashes of the keys. */
static int64 *
hashes_of(RmWantedRow *const *rows, int count)
{
	int64 *hashes = palloc(sizeof(int64) * Max(count, 1));

	for (int i = 0; i < count; i++)
		hashes[i] = rm_key_hash(&rows[i]->name.table_id, rows[i]->name.key, rows[i]->name.key_len);
	return hashes;
}

/* Find the changes of the rows under whatever keys they had. */
static void
read_changes(RmRowSearch *search, const TimestampTz *since)
{
	RmRowBatches batches;

	rm_row_batches_open(&batches, since);
	search->nlogs = list_length(batches.logs);
	rm_row_batches_find(&batches, hashes_of(search->rows, search->count), search->count);
	rm_row_batches_read(&batches, search_batch, search);
	while (search->others != NIL)
	{
		int count = list_length(search->others);
		RmWantedRow **rows = palloc(sizeof(RmWantedRow *) * count);

		for (int i = 0; i < count; i++)
			rows[i] = list_nth(search->others, i);
		search->others = NIL;
		search->round++;
		rm_row_batches_find_more(&batches, hashes_of(rows, count), count);
		rm_row_batches_read(&batches, search_batch, search);
	}
}

/*
 * Find the changes of the rows, all or those committed since a time: those of
 * each row together, in the order of the arguments, from the last one back.
 *
 * What is known of their transactions is in the current memory context.
 */
void
rm_row_search(RmRowSearch *search, ArrayType *tables, ArrayType *keys, const TimestampTz *since)
{
	Size kept = 0;

	want_rows(search, tables, keys);
	search->room = 1024;
	search->found = MemoryContextAlloc(search->context, search->room * sizeof(RmFoundChange));
	read_changes(search, since);
	for (Size i = 0; i < search->nfound; i++)
	{
		if (search->found[i].transaction->is_meant)
			search->found[kept++] = search->found[i];
	}
	search->nfound = kept;
	qsort(search->found, search->nfound, sizeof(RmFoundChange), rm_compare_found);
	if (search->any_renamed)
		rm_rows_follow(search);
}
