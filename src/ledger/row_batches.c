/*
 * row_batches.c
 *		The batches that hold changes of given rows, one after the other.
 *
 * A batch that ledger_key knows stands in ledger_batch, and its leaf in
 * ledger_entry: it is found by the key's hash, and read if its transaction
 * committed since the time that is asked for.  What ledger_key does not know is
 * looked through.  Where many rows are asked for and little was committed since
 * that time, all of it is looked through as well, and no key looked up.  One
 * batch is in memory at a time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "ledger/batch.h"
#include "ledger/entry.h"
#include "ledger/index_lookup.h"
#include "ledger/keys.h"
#include "ledger/pending.h"
#include "ledger/row_batches.h"
#include "ledger/slow.h"
#include "ledger/store.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Attribute numbers of release_mgmt.ledger_log. */
enum
{
	LOG_ID = 1,
	LOG_OPENED_AT = 5
};

/*
 * A key is looked up in the time in which the entries of five transactions are
 * looked at, which stand side by side; as many as there are keys are tried.  A
 * batch is read in the time of KEYS_PER_BATCH keys.
 */
#define KEYS_PER_BATCH 16

/* A batch, by its transaction and the number of its first change. */
typedef struct BatchName
{
	pg_uuid_t transaction_id;
	int64 first_seq;
} BatchName;

/* Return a hash table of such entries, which begin with their keys. */
static HTAB *
table_of(const char *name, Size key_size, Size entry_size, MemoryContext context)
{
	HASHCTL control = { .keysize = key_size, .entrysize = entry_size, .hcxt = context };

	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Make the tables of what is found. */
static void
make_tables(RmRowBatches *rows)
{
	rows->transactions = table_of("transactions of rows", sizeof(pg_uuid_t), sizeof(RmRowTransaction), rows->context);
	rows->batches = table_of("batches of rows", sizeof(BatchName), sizeof(BatchName), rows->context);
}

/* Return the logs, as they are in the snapshot. */
static List *
read_logs(Snapshot snapshot)
{
	Relation table = table_open(rm_ledger_relid("ledger_log"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	List *logs = NIL;
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		RmRowLog *log = palloc(sizeof(RmRowLog));
		bool isnull;

		log->id = *DatumGetUUIDP(heap_getattr(tuple, LOG_ID, RelationGetDescr(table), &isnull));
		log->opened_at = DatumGetTimestampTz(heap_getattr(tuple, LOG_OPENED_AT, RelationGetDescr(table), &isnull));
		log->keyed = rm_keys_indexed(&log->id, snapshot);
		logs = lappend(logs, log);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return logs;
}

/* Return the log of that id. */
const RmRowLog *
rm_row_log(const RmRowBatches *rows, const pg_uuid_t *id)
{
	ListCell *cell;

	foreach (cell, rows->logs)
	{
		const RmRowLog *log = lfirst(cell);

		if (memcmp(&log->id, id, UUID_LEN) == 0)
			return log;
	}
	elog(ERROR, "a leaf is in no log");
}

/* Begin; what is found stays in the current memory context. */
void
rm_row_batches_open(RmRowBatches *rows, const TimestampTz *since)
{
	rows->context = CurrentMemoryContext;
	rows->scratch = AllocSetContextCreate(rows->context, "release_mgmt batch", ALLOCSET_DEFAULT_SIZES);
	make_tables(rows);
	rows->snapshot = GetActiveSnapshot();
	rows->since = since;
	initStringInfo(&rows->since_line);
	if (since != NULL)
		rm_entry_append_time(&rows->since_line, *since);
	memset(&rows->oldest_sequenced, 0, sizeof(pg_uuid_t));
	if (since != NULL)
		rows->oldest_sequenced = rm_slow_oldest_id(*since, rows->snapshot);
	rows->logs = read_logs(rows->snapshot);
	rows->who = rows->application = (Datum) 0;
}

/* Return whether ledger_key led to the batch. */
bool
rm_row_batch_is_known(const RmRowBatches *rows, const pg_uuid_t *transaction_id, int64 first_seq)
{
	BatchName name = { .transaction_id = *transaction_id, .first_seq = first_seq };

	return hash_search(rows->batches, &name, HASH_FIND, NULL) != NULL;
}

/* Order hashes as they stand in the index. */
static int
compare_hashes(const void *a, const void *b)
{
	int64 one = *(const int64 *) a;
	int64 other = *(const int64 *) b;

	return one < other ? -1 : one > other;
}

/* Find the batches that hold keys of those hashes, which are put in order: near each other, they share pages. */
static void
find_by_key(RmRowBatches *rows, int64 *hashes, int count)
{
	RmIndexLookup keys;

	qsort(hashes, count, sizeof(int64), compare_hashes);
	rm_index_lookup_open(&keys, "ledger_key", "ledger_key_hash_idx", 1, rows->snapshot);
	for (int i = 0; i < count; i++)
	{
		ScanKeyData key;

		CHECK_FOR_INTERRUPTS();
		ScanKeyInit(&key, RM_KEY_HASH, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(hashes[i]));
		index_rescan(keys.scan, &key, 1, NULL, 0);
		while (rm_scan_next(keys.scan, keys.slot))
		{
			BatchName name;
			bool isnull;

			name.transaction_id = *DatumGetUUIDP(slot_getattr(keys.slot, RM_KEY_TRANSACTION_ID, &isnull));
			if (memcmp(&name.transaction_id, &rows->oldest_sequenced, UUID_LEN) < 0)
				continue;
			name.first_seq = DatumGetInt64(slot_getattr(keys.slot, RM_KEY_FIRST_SEQ, &isnull));
			(void) hash_search(rows->batches, &name, HASH_ENTER, NULL);
			(void) rm_row_transaction(rows, &name.transaction_id);
		}
	}
	rm_index_lookup_close(&keys);
}

/* Note the transactions that may have committed since the time; false where they are more than most. */
static bool
find_transactions(RmRowBatches *rows, int most)
{
	RmIndexLookup entries;
	ScanKeyData key;
	int count = 0;

	rm_index_lookup_open(&entries, "ledger_entry", "ledger_entry_transaction_id_key", 1, rows->snapshot);
	/* The first column of the index, as of the table's transaction ids. */
	ScanKeyInit(&key, 1, BTGreaterEqualStrategyNumber, F_UUID_GE, UUIDPGetDatum(&rows->oldest_sequenced));
	index_rescan(entries.scan, &key, 1, NULL, 0);
	while (count <= most && rm_scan_next(entries.scan, entries.slot))
	{
		bool isnull;

		count++;
		if (!rm_row_entry_is_early(rows, entries.slot))
			rm_row_leaf_note(
				rows,
				rm_row_transaction(rows, DatumGetUUIDP(slot_getattr(entries.slot, RM_ENTRY_TRANSACTION_ID, &isnull))),
				entries.slot);
	}
	rm_index_lookup_close(&entries);
	return count <= most;
}

/* Find the batches of the transactions that are meant; false where they are more than most. */
static bool
find_their_batches(RmRowBatches *rows, int most)
{
	RmIndexLookup batches;
	HASH_SEQ_STATUS scan;
	RmRowTransaction *transaction;
	int count = 0;

	rm_index_lookup_open(&batches, "ledger_batch", "ledger_batch_pkey", 1, rows->snapshot);
	hash_seq_init(&scan, rows->transactions);
	while ((transaction = hash_seq_search(&scan)) != NULL)
	{
		ScanKeyData key;

		if (!transaction->is_meant)
			continue;
		ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&transaction->id));
		index_rescan(batches.scan, &key, 1, NULL, 0);
		while (count <= most && rm_scan_next(batches.scan, batches.slot))
		{
			BatchName name = { .transaction_id = transaction->id };
			bool isnull;

			name.first_seq = DatumGetInt64(slot_getattr(batches.slot, RM_BATCH_FIRST_SEQ, &isnull));
			(void) hash_search(rows->batches, &name, HASH_ENTER, NULL);
			count++;
		}
		if (count > most)
		{
			hash_seq_term(&scan);
			break;
		}
	}
	rm_index_lookup_close(&batches);
	return count <= most;
}

/* Find the batches that may hold keys of those hashes, which are put in order. */
void
rm_row_batches_find(RmRowBatches *rows, int64 *hashes, int count)
{
	if (rows->since != NULL && find_transactions(rows, count) && find_their_batches(rows, count / KEYS_PER_BATCH))
		return;
	hash_destroy(rows->transactions);
	hash_destroy(rows->batches);
	make_tables(rows);
	find_by_key(rows, hashes, count);
}

/* When batches were read, find those that may hold keys of these hashes; what is known of transactions stays. */
void
rm_row_batches_find_more(RmRowBatches *rows, int64 *hashes, int count)
{
	hash_destroy(rows->batches);
	rows->batches = table_of("batches of rows", sizeof(BatchName), sizeof(BatchName), rows->context);
	find_by_key(rows, hashes, count);
}

/* Order batches as they stand in the index. */
static int
compare_names(const void *a, const void *b)
{
	const BatchName *one = a;
	const BatchName *other = b;
	int order = memcmp(&one->transaction_id, &other->transaction_id, UUID_LEN);

	if (order != 0)
		return order;
	return one->first_seq < other->first_seq ? -1 : one->first_seq > other->first_seq;
}

/* Return the batches that ledger_key knows of transactions that are meant, in order. */
static BatchName *
keyed_names(RmRowBatches *rows, int *count)
{
	BatchName *names = palloc(sizeof(BatchName) * Max(hash_get_num_entries(rows->batches), 1));
	HASH_SEQ_STATUS scan;
	BatchName *name;

	*count = 0;
	hash_seq_init(&scan, rows->batches);
	while ((name = hash_seq_search(&scan)) != NULL)
	{
		if (rm_row_transaction(rows, &name->transaction_id)->is_meant)
			names[(*count)++] = *name;
	}
	qsort(names, *count, sizeof(BatchName), compare_names);
	return names;
}

/* Hand the batches over that ledger_key knows. */
static void
read_keyed(RmRowBatches *rows, RmRowBatchReader reader, void *state)
{
	int count;
	BatchName *names = keyed_names(rows, &count);
	RmIndexLookup batches;

	rm_index_lookup_open(&batches, "ledger_batch", "ledger_batch_pkey", 2, rows->snapshot);
	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(rows->scratch);
		ScanKeyData keys[2];

		CHECK_FOR_INTERRUPTS();
		ScanKeyInit(&keys[0], RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ,
					UUIDPGetDatum(&names[i].transaction_id));
		ScanKeyInit(&keys[1], RM_BATCH_FIRST_SEQ, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(names[i].first_seq));
		index_rescan(batches.scan, keys, 2, NULL, 0);
		if (rm_scan_next(batches.scan, batches.slot))
		{
			bool isnull;
			bytea *changes = DatumGetByteaPP(slot_getattr(batches.slot, RM_BATCH_CHANGES, &isnull));

			reader(state, rm_row_transaction(rows, &names[i].transaction_id), names[i].first_seq, VARDATA_ANY(changes),
				   VARSIZE_ANY_EXHDR(changes));
		}
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(rows->scratch);
	}
	rm_index_lookup_close(&batches);
	pfree(names);
}

/*
 * Hand over each batch that was found, and each that ledger_key does not know.
 *
 * Of the latter some may belong to transactions that turn out not to be meant:
 * in the end, everything is known of every transaction.
 */
void
rm_row_batches_read(RmRowBatches *rows, RmRowBatchReader reader, void *state)
{
	rm_row_batches_read_unkeyed(rows, reader, state);
	rm_row_leaves_read(rows);
	read_keyed(rows, reader, state);
}
