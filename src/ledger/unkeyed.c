/*
 * unkeyed.c
 *		The batches that ledger_key does not know.
 *
 * No leaf up to ledger_keyed tells of them: their transactions' leaves are
 * pending, or in the tree and not indexed yet, as after a restore, or there is
 * none since the transaction is open.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "ledger/batch.h"
#include "ledger/index_lookup.h"
#include "ledger/ledger.h"
#include "ledger/pending.h"
#include "ledger/row_batches.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* What is read. */
typedef struct Unkeyed
{
	RmRowBatches *rows;
	RmRowBatchReader reader;
	void *state;
	RmIndexLookup entries; /* by transaction */
	RmIndexLookup batches; /* likewise */
} Unkeyed;

/* Hand a batch over. */
static void
hand_over(Unkeyed *unkeyed, const pg_uuid_t *transaction_id, int64 first_seq, TupleTableSlot *slot,
		  AttrNumber attribute)
{
	RmRowBatches *rows = unkeyed->rows;
	MemoryContext old_context = MemoryContextSwitchTo(rows->scratch);
	bool isnull;
	bytea *changes = DatumGetByteaPP(slot_getattr(slot, attribute, &isnull));

	unkeyed->reader(unkeyed->state, rm_row_transaction(rows, transaction_id), first_seq, VARDATA_ANY(changes),
					VARSIZE_ANY_EXHDR(changes));
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->scratch);
}

/* Hand the transaction's rows of ledger_batch over, those that no key led to; false where it has none. */
static bool
read_batches(Unkeyed *unkeyed, const pg_uuid_t *transaction_id)
{
	ScanKeyData key;
	bool any = false;

	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	index_rescan(unkeyed->batches.scan, &key, 1, NULL, 0);
	while (rm_scan_next(unkeyed->batches.scan, unkeyed->batches.slot))
	{
		bool isnull;
		int64 first_seq = DatumGetInt64(slot_getattr(unkeyed->batches.slot, RM_BATCH_FIRST_SEQ, &isnull));

		any = true;
		if (!rm_row_batch_is_known(unkeyed->rows, transaction_id, first_seq))
			hand_over(unkeyed, transaction_id, first_seq, unkeyed->batches.slot, RM_BATCH_CHANGES);
	}
	return any;
}

/* Return whether the transaction's leaf is in the tree. */
static bool
is_in_tree(Unkeyed *unkeyed, const pg_uuid_t *transaction_id)
{
	ScanKeyData key;

	/* The index has the one column. */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	index_rescan(unkeyed->entries.scan, &key, 1, NULL, 0);
	return rm_scan_next(unkeyed->entries.scan, unkeyed->entries.slot);
}

/* Hand the batches over of leaves that are pending, if they committed since the time. */
static void
read_pending(Unkeyed *unkeyed)
{
	const TimestampTz *since = unkeyed->rows->since;

	for (int i = 0; i < RM_PENDING_TABLES; i++)
	{
		Relation table = table_open(rm_pending_relid(i), AccessShareLock);
		TupleTableSlot *slot = table_slot_create(table, NULL);
		TableScanDesc scan = table_beginscan(table, unkeyed->rows->snapshot, 0, NULL);

		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool isnull;
			TimestampTz at = DatumGetTimestampTz(slot_getattr(slot, RM_PENDING_AT, &isnull));
			pg_uuid_t id = *DatumGetUUIDP(slot_getattr(slot, RM_PENDING_TRANSACTION_ID, &isnull));

			CHECK_FOR_INTERRUPTS();
			/* A table is emptied only when its turn comes again: most of it may be in the tree. */
			if ((since != NULL && timestamptz_cmp_internal(at, *since) < 0) || is_in_tree(unkeyed, &id))
				continue;
			if (read_batches(unkeyed, &id))
				continue;
			(void) slot_getattr(slot, RM_PENDING_CHANGES, &isnull);
			if (!isnull)
				hand_over(unkeyed, &id, 0, slot, RM_PENDING_CHANGES);
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
		table_close(table, AccessShareLock);
	}
}

/* Hand the batches over of the leaves of a log that are in the tree and not indexed. */
static void
read_not_indexed(Unkeyed *unkeyed, const RmRowLog *log)
{
	RmIndexLookup leaves;
	ScanKeyData keys[2];

	rm_index_lookup_open(&leaves, "ledger_entry", "ledger_entry_pkey", 2, unkeyed->rows->snapshot);
	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&log->id));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(log->keyed));
	index_rescan(leaves.scan, keys, 2, NULL, 0);
	while (rm_scan_next(leaves.scan, leaves.slot))
	{
		bool isnull;
		Datum id = slot_getattr(leaves.slot, RM_ENTRY_TRANSACTION_ID, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && !(unkeyed->rows->since != NULL && rm_row_entry_is_early(unkeyed->rows, leaves.slot)))
			(void) read_batches(unkeyed, DatumGetUUIDP(id));
	}
	rm_index_lookup_close(&leaves);
}

/*
 * Hand over the batches that ledger_key does not know and that were committed
 * since the time, or not yet, but for those that are known without it.
 */
void
rm_row_batches_read_unkeyed(RmRowBatches *rows, RmRowBatchReader reader, void *state)
{
	Unkeyed unkeyed = { .rows = rows, .reader = reader, .state = state };
	ListCell *cell;

	rm_index_lookup_open(&unkeyed.entries, "ledger_entry", "ledger_entry_transaction_id_key", 1, rows->snapshot);
	rm_index_lookup_open(&unkeyed.batches, "ledger_batch", "ledger_batch_pkey", 1, rows->snapshot);
	foreach (cell, rows->logs)
		read_not_indexed(&unkeyed, lfirst(cell));
	read_pending(&unkeyed);
	(void) read_batches(&unkeyed, rm_ledger_current_transaction());
	rm_index_lookup_close(&unkeyed.batches);
	rm_index_lookup_close(&unkeyed.entries);
}
