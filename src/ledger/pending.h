/*
 * pending.h
 *		The pending leaves that are not in the tree yet, in their order.
 */
#ifndef RM_LEDGER_PENDING_H
#define RM_LEDGER_PENDING_H

#include "postgres.h"

#include "access/genam.h"
#include "access/transam.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/tuplesort.h"
#include "utils/uuid.h"

#define RM_PENDING_TABLES 2

/* Attribute numbers of the tables of pending leaves. */
enum
{
	RM_PENDING_POSITION = 1,
	RM_PENDING_AT,
	RM_PENDING_COUNT,
	RM_PENDING_TRANSACTION_ID,
	RM_PENDING_ROOT,
	RM_PENDING_ROLES,
	RM_PENDING_CHANGES,
	RM_PENDING_NATTS = RM_PENDING_CHANGES
};

/* A pending leaf; it stays until the one after it is asked for. */
typedef struct RmPendingLeaf
{
	pg_uuid_t transaction_id;
	TimestampTz at;
	bytea *entry;
	int64 count;
	bytea *changes; /* NULL where they stand in ledger_batch */
} RmPendingLeaf;

/* Which transactions' leaves need not be looked up in the tree; both are invalid where that is not known. */
typedef struct RmSeen
{
	FullTransactionId before;   /* all leaves of transactions before this one are in the tree */
	FullTransactionId not_from; /* no leaf of this one or of a later one is */
} RmSeen;

typedef struct RmPendingScan
{
	Relation tables[RM_PENDING_TABLES];
	Relation entries;
	Relation entries_index;
	IndexScanDesc sequenced; /* looks transactions up in the tree */
	TupleTableSlot *sequenced_slot;
	Snapshot snapshot;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	StringInfoData entry; /* of the leaf that was returned last */
} RmPendingScan;

extern Oid rm_pending_relid(int number);
extern FullTransactionId rm_full_transaction_id(TransactionId xid);
extern void rm_pending_open(RmPendingScan *scan);
extern void rm_pending_begin(RmPendingScan *scan, Snapshot snapshot, const RmSeen *seen);
extern bool rm_scan_next(IndexScanDesc scan, TupleTableSlot *slot);
extern bool rm_pending_next(RmPendingScan *scan, RmPendingLeaf *leaf);
extern bool rm_pending_is_sequenced(RmPendingScan *scan, const pg_uuid_t *transaction_id);
extern bool rm_pending_holds(RmPendingScan *scan, const pg_uuid_t *transaction_id);
extern void rm_pending_end(RmPendingScan *scan);
extern void rm_pending_close(RmPendingScan *scan);

#endif /* RM_LEDGER_PENDING_H */
