/*
 * batch_scan.h
 *		The batches of one transaction after the other, mostly in the order of their ids.
 */
#ifndef RM_LEDGER_BATCH_SCAN_H
#define RM_LEDGER_BATCH_SCAN_H

#include "postgres.h"

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

typedef struct RmBatchScan
{
	Relation batches;
	Relation index;
	IndexScanDesc lookup; /* finds the batches of one transaction */
	TupleTableSlot *lookup_slot;
	IndexScanDesc running;        /* runs through the index from where it was set */
	TupleTableSlot *running_slot; /* the row that it stands at; empty where it stands nowhere */
	bool in_step;                 /* the transactions asked for are those that it comes to */
	int misses;                   /* how often it did not stand where it should, in a row */
	pg_uuid_t wanted;
	bool from_running; /* the batches wanted come from there, otherwise from the lookup */
	bool started;      /* the row that it stands at was returned */
} RmBatchScan;

extern void rm_batch_scan_open(RmBatchScan *scan);
extern void rm_batch_scan_begin(RmBatchScan *scan, Snapshot snapshot);
extern void rm_batch_scan_find(RmBatchScan *scan, const pg_uuid_t *transaction_id);
extern TupleTableSlot *rm_batch_scan_next(RmBatchScan *scan);
extern void rm_batch_scan_close(RmBatchScan *scan);

#endif /* RM_LEDGER_BATCH_SCAN_H */
