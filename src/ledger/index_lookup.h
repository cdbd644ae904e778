/*
 * index_lookup.h
 *		Rows of the ledger's tables, looked up by an index again and again.
 */
#ifndef RM_LEDGER_INDEX_LOOKUP_H
#define RM_LEDGER_INDEX_LOOKUP_H

#include "postgres.h"

#include "access/genam.h"
#include "executor/tuptable.h"
#include "nodes/lockoptions.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct RmIndexLookup
{
	Relation table;
	Relation index;
	IndexScanDesc scan; /* index_rescan() with the keys, which number the index's columns, then rm_scan_next() */
	TupleTableSlot *slot;
} RmIndexLookup;

extern void rm_index_lookup_open(RmIndexLookup *lookup, const char *table, const char *index, int nkeys,
								 Snapshot snapshot);
extern bool rm_index_lookup_lock(RmIndexLookup *lookup, LockTupleMode mode, bool *changed);
extern void rm_index_lookup_close(RmIndexLookup *lookup);

#endif /* RM_LEDGER_INDEX_LOOKUP_H */
