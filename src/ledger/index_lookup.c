/*
 * index_lookup.c
 *		Rows of the ledger's tables, looked up by an index again and again.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
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

/* End it. */
void
rm_index_lookup_close(RmIndexLookup *lookup)
{
	index_endscan(lookup->scan);
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_close(lookup->index, AccessShareLock);
	table_close(lookup->table, AccessShareLock);
}
