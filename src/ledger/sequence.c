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
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/keys.h"
#include "ledger/ledger_private.h"
#include "ledger/pending.h"
#include "ledger/tree.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_sequence_ledger);

/* A table of pending leaves that has grown to so many pages is left for the other. */
#define PENDING_PAGES 128

/* Sub-object number of the sequencer's lock, which is taken on ledger_head. */
#define SEQUENCER_LOCK 1

/* Append the pending leaves that are not in the tree yet. */
static void
append_pending(RmPendingScan *pending, const pg_uuid_t *log)
{
	MemoryContext per_leaf = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt leaf", ALLOCSET_DEFAULT_SIZES);
	RmTreeWriter *writer = NULL;
	pg_uuid_t transaction_id;
	bytea *entry;

	while (rm_pending_next(pending, &transaction_id, &entry))
	{
		MemoryContext old_context;

		if (writer == NULL)
		{
			writer = palloc(sizeof(RmTreeWriter));
			rm_tree_writer_open(writer, log, pending->snapshot);
		}
		old_context = MemoryContextSwitchTo(per_leaf);
		rm_tree_writer_append(writer, &transaction_id, entry);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_leaf);
	}
	if (writer)
		rm_tree_writer_close(writer);
	MemoryContextDelete(per_leaf);
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
		elog(ERROR, "could not empty ledger_pending_%d", number);
}

/* Put every pending leaf that can be seen into the tree of the log. */
void
rm_sequence_pending(const pg_uuid_t *log)
{
	int active = rm_ledger_active_pending();
	int other = 1 - active;
	RmPendingScan pending;
	Snapshot snapshot;
	bool locked;
	BlockNumber active_pages;
	BlockNumber other_pages;

	LockDatabaseObject(RelationRelationId, rm_ledger_relid("ledger_head"), SEQUENCER_LOCK, ExclusiveLock);
	locked = ConditionalLockRelationOid(rm_pending_relid(other), AccessExclusiveLock);
	rm_pending_open(&pending);

	/* Taken under the locks, it sees all that was written to the table to be emptied. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	rm_pending_begin(&pending, snapshot);
	append_pending(&pending, log);
	active_pages = RelationGetNumberOfBlocks(pending.tables[active]);
	other_pages = RelationGetNumberOfBlocks(pending.tables[other]);
	rm_pending_end(&pending);
	rm_pending_close(&pending);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);

	if (locked && other_pages > 0)
		empty_pending(other);
	else if (other_pages == 0 && active_pages >= PENDING_PAGES)
		switch_pending(other);
	rm_keys_index(log);
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
