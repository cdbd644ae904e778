/*
 * pending.c
 *		The pending leaves that are not in the tree yet, in their order.
 *
 * The tables are opened before the snapshot is taken: emptying one of them is
 * not a change that a snapshot sees, so it must have ended or not begun.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "ledger/entry.h"
#include "ledger/pending.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Return the OID of a table of pending leaves. */
Oid
rm_pending_relid(int number)
{
	return rm_ledger_relid(number == 0 ? "ledger_pending_0" : "ledger_pending_1");
}

/* Open the tables. */
void
rm_pending_open(RmPendingScan *scan)
{
	for (int i = 0; i < RM_PENDING_TABLES; i++)
		scan->tables[i] = table_open(rm_pending_relid(i), AccessShareLock);
	scan->entries = table_open(rm_ledger_relid("ledger_entry"), AccessShareLock);
	scan->entries_index = index_open(rm_ledger_relid("ledger_entry_transaction_id_key"), AccessShareLock);
}

/* Begin a sort by position, then transaction id. */
static Tuplesortstate *
begin_sort(TupleDesc desc)
{
	AttrNumber columns[] = { RM_PENDING_POSITION, RM_PENDING_TRANSACTION_ID };
	Oid operators[] = { lookup_type_cache(PG_LSNOID, TYPECACHE_LT_OPR)->lt_opr,
						lookup_type_cache(UUIDOID, TYPECACHE_LT_OPR)->lt_opr };
	Oid collations[] = { InvalidOid, InvalidOid };
	bool nulls_first[] = { false, false };

	return tuplesort_begin_heap(desc, lengthof(columns), columns, operators, collations, nulls_first,
								maintenance_work_mem, NULL, TUPLESORT_NONE);
}

/* Return a transaction's id, one that is not frozen, with its epoch. */
FullTransactionId
rm_full_transaction_id(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32 epoch = EpochFromFullTransactionId(next) - (xid > XidFromFullTransactionId(next));

	return FullTransactionIdFromEpochAndXid(epoch, xid);
}

/*
 * Fetch the scan's next row into its slot; false at the end.
 *
 * The scan remembers dead rows in the current memory context, which must be
 * the one that it was begun in, as the slot was.
 */
bool
rm_scan_next(IndexScanDesc scan, TupleTableSlot *slot)
{
	MemoryContext old_context = MemoryContextSwitchTo(slot->tts_mcxt);
	bool found = index_getnext_slot(scan, ForwardScanDirection, slot);

	MemoryContextSwitchTo(old_context);
	return found;
}

/* Return whether the transaction's entry is in the tree. */
bool
rm_pending_is_sequenced(RmPendingScan *scan, const pg_uuid_t *transaction_id)
{
	ScanKeyData key;

	/* The index has the one column. */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	index_rescan(scan->sequenced, &key, 1, NULL, 0);
	return rm_scan_next(scan->sequenced, scan->sequenced_slot);
}

/* Return whether the row's leaf is in the tree, looking it up unless the transaction that inserted it tells. */
static bool
is_in_tree(RmPendingScan *scan, TupleTableSlot *slot, const RmSeen *seen)
{
	HeapTupleHeader row = ExecFetchSlotHeapTuple(slot, false, NULL)->t_data;
	TransactionId xid = HeapTupleHeaderGetXmin(row);
	bool isnull;

	/* A frozen row does not tell, nor one that was written again, as redaction does. */
	if (seen && FullTransactionIdIsValid(seen->before) && TransactionIdIsNormal(xid) &&
		(row->t_infomask & HEAP_UPDATED) == 0)
	{
		FullTransactionId inserted_by = rm_full_transaction_id(xid);

		if (FullTransactionIdPrecedes(inserted_by, seen->before))
			return true;
		if (!FullTransactionIdPrecedes(inserted_by, seen->not_from))
			return false;
	}
	return rm_pending_is_sequenced(scan, DatumGetUUIDP(slot_getattr(slot, RM_PENDING_TRANSACTION_ID, &isnull)));
}

/*
 * Read and sort the leaves that the snapshot sees and that are not in the tree.
 *
 * The snapshot must stay registered.  Without seen each leaf is looked up.
 */
void
rm_pending_begin(RmPendingScan *scan, Snapshot snapshot, const RmSeen *seen)
{
	TupleDesc desc = RelationGetDescr(scan->tables[0]);

	scan->snapshot = snapshot;
	scan->sort = begin_sort(desc);
	scan->sequenced = rm_index_beginscan(scan->entries, scan->entries_index, snapshot, 1);
	scan->sequenced_slot = table_slot_create(scan->entries, NULL);
	for (int i = 0; i < RM_PENDING_TABLES; i++)
	{
		TupleTableSlot *slot = table_slot_create(scan->tables[i], NULL);
		TableScanDesc table_scan = table_beginscan(scan->tables[i], snapshot, 0, NULL);

		while (table_scan_getnextslot(table_scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			if (!is_in_tree(scan, slot, seen))
				tuplesort_puttupleslot(scan->sort, slot);
		}
		table_endscan(table_scan);
		ExecDropSingleTupleTableSlot(slot);
	}
	tuplesort_performsort(scan->sort);
	scan->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	initStringInfo(&scan->entry);
}

/* Return the entry that a pending leaf becomes. */
static bytea *
compose_entry(RmPendingScan *scan, const Datum *values)
{
	resetStringInfo(&scan->entry);
	appendStringInfoSpaces(&scan->entry, VARHDRSZ);
	rm_entry_append_transaction(
		&scan->entry, DatumGetUUIDP(values[RM_PENDING_TRANSACTION_ID - 1]),
		DatumGetTimestampTz(values[RM_PENDING_AT - 1]), DatumGetByteaPP(values[RM_PENDING_ROLES - 1]),
		(uint64) DatumGetInt64(values[RM_PENDING_COUNT - 1]), DatumGetByteaPP(values[RM_PENDING_ROOT - 1]));
	SET_VARSIZE(scan->entry.data, scan->entry.len);
	return (bytea *) scan->entry.data;
}

/* Return the next leaf; false at the end. */
bool
rm_pending_next(RmPendingScan *scan, RmPendingLeaf *leaf)
{
	Datum *values = scan->slot->tts_values;

	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_gettupleslot(scan->sort, true, false, scan->slot, NULL))
		return false;
	slot_getallattrs(scan->slot);
	leaf->transaction_id = *DatumGetUUIDP(values[RM_PENDING_TRANSACTION_ID - 1]);
	leaf->at = DatumGetTimestampTz(values[RM_PENDING_AT - 1]);
	leaf->entry = compose_entry(scan, values);
	leaf->count = DatumGetInt64(values[RM_PENDING_COUNT - 1]);
	leaf->changes = NULL;
	if (!scan->slot->tts_isnull[RM_PENDING_CHANGES - 1])
		leaf->changes = DatumGetByteaPP(values[RM_PENDING_CHANGES - 1]);
	return true;
}

/* Return whether the snapshot sees a leaf of the transaction, looking at each. */
bool
rm_pending_holds(RmPendingScan *scan, const pg_uuid_t *transaction_id)
{
	bool found = false;

	for (int i = 0; i < RM_PENDING_TABLES && !found; i++)
	{
		ScanKeyData key;
		SysScanDesc table_scan;

		ScanKeyInit(&key, RM_PENDING_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
		table_scan = systable_beginscan(scan->tables[i], InvalidOid, false, scan->snapshot, 1, &key);
		found = HeapTupleIsValid(systable_getnext(table_scan));
		systable_endscan(table_scan);
	}
	return found;
}

/* End what rm_pending_begin() began; it can begin again. */
void
rm_pending_end(RmPendingScan *scan)
{
	pfree(scan->entry.data);
	index_endscan(scan->sequenced);
	ExecDropSingleTupleTableSlot(scan->sequenced_slot);
	ExecDropSingleTupleTableSlot(scan->slot);
	tuplesort_end(scan->sort);
}

/* Close the tables, keeping the locks until the transaction ends. */
void
rm_pending_close(RmPendingScan *scan)
{
	index_close(scan->entries_index, NoLock);
	table_close(scan->entries, NoLock);
	for (int i = 0; i < RM_PENDING_TABLES; i++)
		table_close(scan->tables[i], NoLock);
}
