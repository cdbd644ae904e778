/*
 * keys.c
 *		The index from a row's key to the batches that hold its changes.
 *
 * Writers do not keep it: sequencing adds the keys of what it puts into the
 * tree, and ledger_keyed tells up to which leaf.  Only reading history uses
 * it; verification does not, and names a batch that can not be read.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/keys.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Attribute numbers of release_mgmt.ledger_keyed. */
enum
{
	KEYED_LOG_ID = 1,
	KEYED_SIZE,
	KEYED_NATTS = KEYED_SIZE
};

/* Keys that are sorted and written together: near each other in the index, they share its pages. */
#define KEYS_TOGETHER 16384

/* A key of a batch. */
typedef struct RmIndexedKey
{
	int64 hash;
	int64 first_seq;
	pg_uuid_t transaction_id;
} RmIndexedKey;

/* Begin a scan of ledger_keyed for the log. */
static SysScanDesc
begin_keyed_scan(Relation keyed, const pg_uuid_t *log, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, KEYED_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(log));
	return systable_beginscan(keyed, rm_ledger_relid("ledger_keyed_pkey"), true, snapshot, 1, &key);
}

/* Return up to which leaf the keys are indexed, as it is in the snapshot; NULL: now. */
int64
rm_keys_indexed(const pg_uuid_t *log, Snapshot snapshot)
{
	Relation keyed = table_open(rm_ledger_relid("ledger_keyed"), AccessShareLock);
	SysScanDesc scan = begin_keyed_scan(keyed, log, snapshot);
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
	SysScanDesc scan = begin_keyed_scan(keyed, log, NULL);
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

/* Order keys by hash, those of one hash by batch. */
static int
compare_keys(const void *a, const void *b)
{
	const RmIndexedKey *x = a;
	const RmIndexedKey *y = b;
	int order;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	order = memcmp(&x->transaction_id, &y->transaction_id, UUID_LEN);
	if (order != 0)
		return order;
	return x->first_seq < y->first_seq ? -1 : x->first_seq > y->first_seq;
}

/* Write the keys that wait, each once for a batch. */
static void
write_keys(RmKeyWriter *writer)
{
	bool nulls[RM_KEY_NATTS] = { false };

	qsort(writer->keys, writer->count, sizeof(RmIndexedKey), compare_keys);
	for (int i = 0; i < writer->count; i++)
	{
		RmIndexedKey *key = &writer->keys[i];
		Datum values[RM_KEY_NATTS] = { Int64GetDatum(key->hash), UUIDPGetDatum(&key->transaction_id),
									   Int64GetDatum(key->first_seq) };

		if (i == 0 || compare_keys(key, key - 1) != 0)
			rm_store_collect(&writer->store, values, nulls);
	}
	writer->count = 0;
}

/* Add a key. */
static void
add_key(RmKeyWriter *writer, const pg_uuid_t *transaction_id, int64 first_seq, int64 hash)
{
	RmIndexedKey *key;

	if (writer->count == KEYS_TOGETHER)
		write_keys(writer);
	key = &writer->keys[writer->count++];
	key->hash = hash;
	key->first_seq = first_seq;
	key->transaction_id = *transaction_id;
}

/* Add the keys of a batch. */
void
rm_keys_add_batch(RmKeyWriter *writer, const pg_uuid_t *transaction_id, int64 first_seq, bytea *changes)
{
	RmChangeReader reader;
	RmChange change;

	rm_change_reader_init(&reader, VARDATA_ANY(changes), VARSIZE_ANY_EXHDR(changes));
	reader.without_digests = true;
	while (rm_change_try_read(&reader, &change) == RM_CHANGE_READ)
	{
		add_key(writer, transaction_id, first_seq, rm_key_hash(&change.table_id, change.key, change.key_len));
		if (change.former_key)
			add_key(writer, transaction_id, first_seq,
					rm_key_hash(&change.table_id, change.former_key, change.former_key_len));
	}
}

/* Add the keys of a transaction whose batches stand in ledger_batch. */
void
rm_keys_add_transaction(RmKeyWriter *writer, const pg_uuid_t *transaction_id)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	scan = systable_beginscan_ordered(writer->batches, writer->batches_index, writer->snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Datum batch[RM_BATCH_NATTS];
		bool nulls[RM_BATCH_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(writer->batches), batch, nulls);
		rm_keys_add_batch(writer, transaction_id, DatumGetInt64(batch[RM_BATCH_FIRST_SEQ - 1]),
						  DatumGetByteaPP(batch[RM_BATCH_CHANGES - 1]));
	}
	systable_endscan_ordered(scan);
}

/* Add the keys of the leaves that are in the tree and not indexed, as after a restore. */
static void
catch_up(RmKeyWriter *writer)
{
	Relation entries = table_open(rm_ledger_relid("ledger_entry"), AccessShareLock);
	Relation index = index_open(rm_ledger_relid("ledger_entry_pkey"), AccessShareLock);
	MemoryContext per_leaf = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt keys", ALLOCSET_DEFAULT_SIZES);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&writer->log));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(writer->indexed));
	scan = systable_beginscan_ordered(entries, index, writer->snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old_context = MemoryContextSwitchTo(per_leaf);
		bool isnull;
		Datum transaction_id = heap_getattr(tuple, RM_ENTRY_TRANSACTION_ID, RelationGetDescr(entries), &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			rm_keys_add_transaction(writer, DatumGetUUIDP(transaction_id));
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_leaf);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(entries, AccessShareLock);
	MemoryContextDelete(per_leaf);
}

/*
 * Begin adding keys to the index; those of the log's leaves up to size are
 * added where they were not.  The sequencer's lock is held.
 */
void
rm_keys_open(RmKeyWriter *writer, const pg_uuid_t *log, int64 size, Snapshot snapshot)
{
	writer->log = *log;
	writer->snapshot = snapshot;
	writer->indexed = rm_keys_indexed(log, NULL);
	writer->batches = table_open(rm_ledger_relid("ledger_batch"), AccessShareLock);
	writer->batches_index = index_open(rm_ledger_relid("ledger_batch_pkey"), AccessShareLock);
	rm_store_open(&writer->store, "ledger_key");
	writer->keys = palloc(sizeof(RmIndexedKey) * KEYS_TOGETHER);
	writer->count = 0;
	if (writer->indexed < size)
		catch_up(writer);
}

/* Write what waits, and that the keys of so many leaves are indexed. */
void
rm_keys_close(RmKeyWriter *writer, int64 size)
{
	write_keys(writer);
	rm_store_close(&writer->store);
	pfree(writer->keys);
	index_close(writer->batches_index, AccessShareLock);
	table_close(writer->batches, AccessShareLock);
	if (size > writer->indexed)
		write_keyed(&writer->log, size);
}
