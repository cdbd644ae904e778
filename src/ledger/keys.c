/*
 * keys.c
 *		The index from a row's key to the batches that hold its changes.
 *
 * Writers do not keep it: sequencing adds the keys of what it has put into the
 * tree, and ledger_keyed tells up to which leaf.  Only reading history uses
 * it; verification does not.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/keys.h"
#include "ledger/store.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Attribute numbers of release_mgmt.ledger_keyed. */
enum
{
	KEYED_LOG_ID = 1,
	KEYED_SIZE,
	KEYED_NATTS = KEYED_SIZE
};

/* The keys of a batch at most: each change has a key, and may have a former one. */
typedef struct KeyList
{
	int count;
	int room;
	int64 *hashes;
} KeyList;

typedef struct KeyWriter
{
	Relation batches;
	Relation batches_index;
	RmStore keys;
	KeyList list;
} KeyWriter;

/* Begin a scan of ledger_keyed for the log. */
static SysScanDesc
begin_keyed_scan(Relation keyed, const pg_uuid_t *log)
{
	ScanKeyData key;

	ScanKeyInit(&key, KEYED_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(log));
	return systable_beginscan(keyed, rm_ledger_relid("ledger_keyed_pkey"), true, NULL, 1, &key);
}

/* Return up to which leaf the keys are indexed. */
static int64
read_keyed(const pg_uuid_t *log)
{
	Relation keyed = table_open(rm_ledger_relid("ledger_keyed"), AccessShareLock);
	SysScanDesc scan = begin_keyed_scan(keyed, log);
	HeapTuple tuple = systable_getnext(scan);
	bool isnull;
	int64 size =
		HeapTupleIsValid(tuple) ? DatumGetInt64(heap_getattr(tuple, KEYED_SIZE, RelationGetDescr(keyed), &isnull)) : 0;

	systable_endscan(scan);
	table_close(keyed, AccessShareLock);
	return size;
}

/* Note up to which leaf the keys are indexed. */
static void
write_keyed(const pg_uuid_t *log, int64 size)
{
	Relation keyed = table_open(rm_ledger_relid("ledger_keyed"), RowExclusiveLock);
	SysScanDesc scan = begin_keyed_scan(keyed, log);
	HeapTuple old_tuple = systable_getnext(scan);
	Datum values[KEYED_NATTS] = { UUIDPGetDatum(log), Int64GetDatum(size) };
	bool nulls[KEYED_NATTS] = { false };
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(keyed), values, nulls);

	if (HeapTupleIsValid(old_tuple))
		CatalogTupleUpdate(keyed, &old_tuple->t_self, tuple);
	else
		CatalogTupleInsert(keyed, tuple);
	systable_endscan(scan);
	table_close(keyed, NoLock);
}

/* Add a hash to the list. */
static void
add_hash(KeyList *list, int64 hash)
{
	if (list->count == list->room)
	{
		list->room = Max(512, list->room * 2);
		list->hashes = list->hashes ? repalloc(list->hashes, list->room * sizeof(int64))
									: MemoryContextAlloc(CurTransactionContext, list->room * sizeof(int64));
	}
	list->hashes[list->count++] = hash;
}

/* Order hashes. */
static int
compare_hashes(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Add the keys of a batch, each once. */
static void
index_batch(KeyWriter *writer, HeapTuple tuple)
{
	Datum batch[RM_BATCH_NATTS];
	bool batch_nulls[RM_BATCH_NATTS];
	Datum values[3];
	bool nulls[3] = { false };
	bytea *changes;
	RmChangeReader reader;
	RmChange change;

	heap_deform_tuple(tuple, RelationGetDescr(writer->batches), batch, batch_nulls);
	changes = DatumGetByteaPP(batch[RM_BATCH_CHANGES - 1]);
	writer->list.count = 0;
	rm_change_reader_init(&reader, VARDATA_ANY(changes), VARSIZE_ANY_EXHDR(changes));
	while (rm_change_read(&reader, &change))
	{
		add_hash(&writer->list, rm_key_hash(&change.table_id, change.key, change.key_len));
		if (change.former_key)
			add_hash(&writer->list, rm_key_hash(&change.table_id, change.former_key, change.former_key_len));
	}
	qsort(writer->list.hashes, writer->list.count, sizeof(int64), compare_hashes);
	values[1] = batch[RM_BATCH_TRANSACTION_ID - 1];
	values[2] = batch[RM_BATCH_FIRST_SEQ - 1];
	for (int i = 0; i < writer->list.count; i++)
	{
		if (i > 0 && writer->list.hashes[i] == writer->list.hashes[i - 1])
			continue;
		values[0] = Int64GetDatum(writer->list.hashes[i]);
		rm_store_insert(&writer->keys, values, nulls);
	}
}

/* Add the keys of a transaction. */
static void
index_transaction(KeyWriter *writer, Datum transaction_id, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, transaction_id);
	scan = systable_beginscan_ordered(writer->batches, writer->batches_index, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		index_batch(writer, tuple);
	systable_endscan_ordered(scan);
}

/* Index the keys of every leaf from first on; returns the number behind the last. */
static int64
index_leaves(KeyWriter *writer, const pg_uuid_t *log, int64 first, Snapshot snapshot)
{
	Relation entries = table_open(rm_ledger_relid("ledger_entry"), AccessShareLock);
	Relation index = index_open(rm_ledger_relid("ledger_entry_pkey"), AccessShareLock);
	MemoryContext per_leaf = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt keys", ALLOCSET_DEFAULT_SIZES);
	int64 next = first;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(log));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(first));
	scan = systable_beginscan_ordered(entries, index, snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old_context = MemoryContextSwitchTo(per_leaf);
		bool isnull;
		Datum transaction_id = heap_getattr(tuple, RM_ENTRY_TRANSACTION_ID, RelationGetDescr(entries), &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			index_transaction(writer, transaction_id, snapshot);
		next = DatumGetInt64(heap_getattr(tuple, RM_ENTRY_INDEX, RelationGetDescr(entries), &isnull)) + 1;
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_leaf);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(entries, AccessShareLock);
	MemoryContextDelete(per_leaf);
	return next;
}

/* Index the keys of the log's leaves that are not indexed yet. The sequencer's lock is held. */
void
rm_keys_index(const pg_uuid_t *log)
{
	int64 first = read_keyed(log);
	KeyWriter writer = { 0 };
	Snapshot snapshot;
	int64 next;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	writer.batches = table_open(rm_ledger_relid("ledger_batch"), AccessShareLock);
	writer.batches_index = index_open(rm_ledger_relid("ledger_batch_pkey"), AccessShareLock);
	rm_store_open(&writer.keys, "ledger_key");
	next = index_leaves(&writer, log, first, snapshot);
	rm_store_close(&writer.keys);
	index_close(writer.batches_index, AccessShareLock);
	table_close(writer.batches, AccessShareLock);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	if (next > first)
		write_keyed(log, next);
}
