/*
 * index_lookup.c
 *		Rows of the ledger's tables, looked up by an index again and again.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "compat.h"
#include "ledger/index_lookup.h"
#include "ledger/store.h"

/* Begin to look up rows of a table, as they are in the snapshot, by so many columns of an index. */
void
rm_index_lookup_open(RmIndexLookup *lookup, const char *table, const char *index, int nkeys, Snapshot snapshot)
{
	lookup->table = table_open(rm_ledger_relid(table), AccessShareLock);
	lookup->index = index_open(rm_ledger_relid(index), AccessShareLock);
	lookup->scan = rm_index_beginscan(lookup->table, lookup->index, snapshot, nkeys);
	lookup->slot = table_slot_create(lookup->table, NULL);
}

/*
 * Lock the row in the slot, as SELECT FOR ... does; false where it is deleted
 * meanwhile.
 *
 * The slot holds the row's last version then; changed tells whether that is
 * another one than the scan found, which may not have the scan's keys.
 */
bool
rm_index_lookup_lock(RmIndexLookup *lookup, LockTupleMode mode, bool *changed)
{
	ItemPointerData tid = lookup->slot->tts_tid;
	uint8 flags = IsolationUsesXactSnapshot() ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
	TM_FailureData failure;
	TM_Result result =
		table_tuple_lock(lookup->table, &tid, lookup->scan->xs_snapshot, lookup->slot, GetCurrentCommandId(false), mode,
						 LockWaitBlock, TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | flags, &failure);

	switch (result)
	{
		case TM_Ok:
			*changed = failure.traversed;
			return true;
		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
								errmsg("could not serialize access due to concurrent update")));
			if (result == TM_Deleted)
				return false;
			break;
		case TM_SelfModified:
			return false;
		default:
			break;
	}
	elog(ERROR, "could not lock a row of \"%s\"", RelationGetRelationName(lookup->table));
}

/* End it. */
void
rm_index_lookup_close(RmIndexLookup *lookup)
{
	index_endscan(lookup->scan);
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_close(lookup->index, AccessShareLock);
	table_close(lookup->table, AccessShareLock);
}
