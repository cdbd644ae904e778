/*
 * sequence.c
 *		Sequencing: pending leaves are put into the tree, in their order.
 *
 * One sequencer at a time.  It takes every pending leaf that it sees and that
 * is not in the tree yet, ordered by the WAL position read before its commit.
 * A transaction that changed a row after another did so after the other's
 * commit, so whoever sees the later one sees the earlier one as well, and the
 * earlier one has the smaller position.
 *
 * Transactions write to one of two tables.  When that one has grown, they are
 * sent to the other; the old one is emptied as soon as nobody uses it, under
 * a lock that is only taken if it is free.
 *
 * Lock order: the sequencer's lock, the tables of pending leaves, the rest.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "ledger/ledger_private.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_sequence_ledger);

/* A table of pending leaves that has grown to so many pages is left for the other. */
#define PENDING_PAGES 128

/* Sub-object number of the sequencer's lock, which is taken on ledger_head. */
#define SEQUENCER_LOCK 1

static const char *const pending_names[] = { "ledger_pending_0", "ledger_pending_1" };

/* Feed the leaves that the snapshot sees to the sort. */
static void
collect_pending(Tuplesortstate *sort, Relation pending, Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(pending, NULL);
	TableScanDesc scan = table_beginscan(pending, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		tuplesort_puttupleslot(sort, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* Return whether the transaction's entry is in the tree. */
static bool
is_sequenced(Relation entries, Oid index, Datum transaction_id, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, RM_ENTRY_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, transaction_id);
	scan = systable_beginscan(entries, index, true, snapshot, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return found;
}

/* Append the sorted leaves that are not in the tree yet. */
static void
append_sorted(Tuplesortstate *sort, TupleDesc desc, const pg_uuid_t *log, Snapshot snapshot)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	Oid index = rm_ledger_relid("ledger_entry_transaction_id_key");
	MemoryContext per_leaf = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt leaf", ALLOCSET_DEFAULT_SIZES);
	RmTreeWriter *writer = NULL;

	while (tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		MemoryContext old_context;

		CHECK_FOR_INTERRUPTS();
		if (writer == NULL)
		{
			writer = palloc(sizeof(RmTreeWriter));
			rm_tree_writer_open(writer, log, snapshot);
		}
		old_context = MemoryContextSwitchTo(per_leaf);
		slot_getallattrs(slot);
		if (!is_sequenced(writer->entries.relation, index, slot->tts_values[1], snapshot))
			rm_tree_writer_append(writer, DatumGetUUIDP(slot->tts_values[1]), DatumGetByteaPP(slot->tts_values[2]));
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_leaf);
	}
	if (writer)
		rm_tree_writer_close(writer);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(per_leaf);
}

/* Begin a sort by position, then transaction id. */
static Tuplesortstate *
begin_sort(TupleDesc desc)
{
	AttrNumber columns[] = { 1, 2 };
	Oid operators[] = { lookup_type_cache(PG_LSNOID, TYPECACHE_LT_OPR)->lt_opr,
						lookup_type_cache(UUIDOID, TYPECACHE_LT_OPR)->lt_opr };
	Oid collations[] = { InvalidOid, InvalidOid };
	bool nulls_first[] = { false, false };

	return tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first, maintenance_work_mem, NULL,
								TUPLESORT_NONE);
}

/* Send transactions to the other table of pending leaves. */
static void
switch_pending(int to)
{
	Relation identity = table_open(rm_ledger_relid("ledger_identity"), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(identity, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
	{
		TupleDesc desc = RelationGetDescr(identity);
		Datum *values = palloc0(sizeof(Datum) * desc->natts);
		bool *nulls = palloc0(sizeof(bool) * desc->natts);
		bool *replace = palloc0(sizeof(bool) * desc->natts);

		values[RM_IDENTITY_PENDING - 1] = Int32GetDatum(to);
		replace[RM_IDENTITY_PENDING - 1] = true;
		CatalogTupleUpdate(identity, &tuple->t_self, heap_modify_tuple(tuple, desc, values, nulls, replace));
		CacheInvalidateRelcache(identity);
	}
	systable_endscan(scan);
	table_close(identity, NoLock);
}

/* Empty a table of pending leaves that this transaction has locked and put into the tree. */
static void
empty_pending(int number)
{
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute(number == 0 ? "TRUNCATE release_mgmt.ledger_pending_0" : "TRUNCATE release_mgmt.ledger_pending_1",
					false, 0) != SPI_OK_UTILITY ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not empty %s", pending_names[number]);
}

/* Put every pending leaf that can be seen into the tree of the log. */
void
rm_sequence_pending(const pg_uuid_t *log)
{
	int active = rm_ledger_active_pending();
	Relation pending[2];
	Tuplesortstate *sort;
	Snapshot snapshot;
	bool emptied;

	LockDatabaseObject(RelationRelationId, rm_ledger_relid("ledger_head"), SEQUENCER_LOCK, ExclusiveLock);
	emptied = ConditionalLockRelationOid(rm_ledger_relid(pending_names[1 - active]), AccessExclusiveLock);
	for (int i = 0; i < 2; i++)
		pending[i] = table_open(rm_ledger_relid(pending_names[i]), AccessShareLock);

	/* Taken under the locks, it sees all that was written to the table to be emptied. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	sort = begin_sort(RelationGetDescr(pending[0]));
	for (int i = 0; i < 2; i++)
		collect_pending(sort, pending[i], snapshot);
	tuplesort_performsort(sort);
	append_sorted(sort, RelationGetDescr(pending[0]), log, snapshot);
	tuplesort_end(sort);

	emptied = emptied && RelationGetNumberOfBlocks(pending[1 - active]) > 0;
	if (!emptied && RelationGetNumberOfBlocks(pending[1 - active]) == 0 &&
		RelationGetNumberOfBlocks(pending[active]) >= PENDING_PAGES)
		switch_pending(1 - active);
	for (int i = 0; i < 2; i++)
		table_close(pending[i], NoLock);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	if (emptied)
		empty_pending(1 - active);
	OidFunctionCall1(F_GIN_CLEAN_PENDING_LIST, ObjectIdGetDatum(rm_ledger_relid("ledger_batch_keys_idx")));
}

/*
 * Procedure sequence_ledger().
 *
 * Its commit is a synchronous one under any setting, so that whoever sees the
 * new head sees one that a crash leaves.
 */
Datum
rm_sequence_ledger(PG_FUNCTION_ARGS)
{
	rm_ledger_require_active();
	ForceSyncCommit();
	rm_sequence_pending(rm_ledger_active_log());
	PG_RETURN_VOID();
}
