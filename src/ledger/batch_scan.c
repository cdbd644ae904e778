/*
 * batch_scan.c
 *		The batches of one transaction after the other, mostly in the order of their ids.
 *
 * Ids ascend with time, and so do leaves, but for transactions that overlap.
 * So one scan runs through the index beside the leaves: where it stands at the
 * transaction that is asked for, no search is needed.  A transaction that it
 * has passed, or that lies further ahead, is looked up.  Where that happens
 * again and again, the scan is set to where the leaves are.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "compat.h"
#include "ledger/batch.h"
#include "ledger/batch_scan.h"
#include "ledger/pending.h"
#include "ledger/store.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Rows that the running scan passes over at most to reach a transaction. */
#define STEPS_AHEAD 16

/* Lookups in a row after which it is set anew. */
#define MISSES_ALLOWED 16

/* Open the table. */
void
rm_batch_scan_open(RmBatchScan *scan)
{
	memset(scan, 0, sizeof(*scan));
	scan->batches = table_open(rm_ledger_relid("ledger_batch"), AccessShareLock);
	scan->index = index_open(rm_ledger_relid("ledger_batch_pkey"), AccessShareLock);
}

/* Begin to read it as it is in the snapshot. */
void
rm_batch_scan_begin(RmBatchScan *scan, Snapshot snapshot)
{
	scan->lookup = rm_index_beginscan(scan->batches, scan->index, snapshot, 1);
	scan->lookup_slot = table_slot_create(scan->batches, NULL);
	scan->running = rm_index_beginscan(scan->batches, scan->index, snapshot, 1);
	scan->running_slot = table_slot_create(scan->batches, NULL);
	scan->misses = MISSES_ALLOWED;
}

/* Let the running scan step to the next row. */
static void
step(RmBatchScan *scan)
{
	if (!rm_scan_next(scan->running, scan->running_slot))
		ExecClearTuple(scan->running_slot);
}

/* Start a scan at the transaction: of its own rows, or of those behind as well. */
static void
start(IndexScanDesc index_scan, const pg_uuid_t *transaction_id, bool and_behind)
{
	ScanKeyData key;

	/* The first column of the index, as of the table. */
	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, and_behind ? BTGreaterEqualStrategyNumber : BTEqualStrategyNumber,
				and_behind ? F_UUID_GE : F_UUID_EQ, UUIDPGetDatum(transaction_id));
	index_rescan(index_scan, &key, 1, NULL, 0);
}

/* Return whether the running scan stands before, at (0) or behind the transaction wanted; behind where it stands
 * nowhere. */
static int
running_position(RmBatchScan *scan)
{
	bool isnull;

	if (TupIsNull(scan->running_slot))
		return 1;
	return memcmp(DatumGetUUIDP(slot_getattr(scan->running_slot, RM_BATCH_TRANSACTION_ID, &isnull)), &scan->wanted,
				  UUID_LEN);
}

/* Does the running scan stand amid a transaction's batches? It gave up there on the way to another one. */
static bool
is_amid(RmBatchScan *scan)
{
	bool isnull;

	return DatumGetInt64(slot_getattr(scan->running_slot, RM_BATCH_FIRST_SEQ, &isnull)) != 0;
}

/* Let the running scan step to the first batch of the transaction wanted if it is near; false where that is not so. */
static bool
reach(RmBatchScan *scan)
{
	int position;

	for (int steps = 0; (position = running_position(scan)) < 0; steps++)
	{
		if (!scan->in_step || steps == STEPS_AHEAD)
		{
			scan->in_step = false;
			return false;
		}
		step(scan);
	}
	if (position != 0 || is_amid(scan))
		return false;
	scan->in_step = true;
	return true;
}

/* Begin to read the batches of a transaction. */
void
rm_batch_scan_find(RmBatchScan *scan, const pg_uuid_t *transaction_id)
{
	scan->wanted = *transaction_id;
	scan->started = false;
	scan->from_running = true;
	if (reach(scan))
		scan->misses = 0;
	else if (scan->misses++ < MISSES_ALLOWED)
	{
		scan->from_running = false;
		start(scan->lookup, transaction_id, false);
	}
	else
	{
		start(scan->running, transaction_id, true);
		step(scan);
		scan->in_step = true;
		scan->misses = 0;
	}
}

/* Return the next batch of the transaction, in their order; NULL at the end. */
TupleTableSlot *
rm_batch_scan_next(RmBatchScan *scan)
{
	if (!scan->from_running)
		return rm_scan_next(scan->lookup, scan->lookup_slot) ? scan->lookup_slot : NULL;
	if (scan->started && !TupIsNull(scan->running_slot))
		step(scan);
	scan->started = true;
	return running_position(scan) == 0 ? scan->running_slot : NULL;
}

/* Close the table, keeping the lock until the transaction ends. */
void
rm_batch_scan_close(RmBatchScan *scan)
{
	index_endscan(scan->lookup);
	index_endscan(scan->running);
	ExecDropSingleTupleTableSlot(scan->lookup_slot);
	ExecDropSingleTupleTableSlot(scan->running_slot);
	index_close(scan->index, AccessShareLock);
	table_close(scan->batches, NoLock);
}
