/*
 * pending.h
 *		The pending leaves that are not in the tree yet, in their order.
 */
#ifndef RM_LEDGER_PENDING_H
#define RM_LEDGER_PENDING_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/tuplesort.h"
#include "utils/uuid.h"

#define RM_PENDING_TABLES 2

typedef struct RmPendingScan
{
	Relation tables[RM_PENDING_TABLES];
	Relation entries;
	Oid entries_index;
	Snapshot snapshot;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
} RmPendingScan;

extern Oid rm_pending_relid(int number);
extern void rm_pending_open(RmPendingScan *scan);
extern void rm_pending_begin(RmPendingScan *scan, Snapshot snapshot);
extern bool rm_pending_next(RmPendingScan *scan, pg_uuid_t *transaction_id, bytea **entry);
extern bool rm_pending_holds(RmPendingScan *scan, const pg_uuid_t *transaction_id);
extern void rm_pending_end(RmPendingScan *scan);
extern void rm_pending_close(RmPendingScan *scan);

#endif /* RM_LEDGER_PENDING_H */
