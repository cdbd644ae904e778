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
 * A leaf that is in the tree stays in its table until that is emptied whole.
 * The head remembers before which transaction all leaves are in the tree, and
 * from which on none, so that only those between are looked up.
 *
 * The few changes of a small transaction stand beside its leaf and are moved
 * to ledger_batch with it.
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
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/batch.h"
#include "ledger/keys.h"
#include "ledger/ledger_private.h"
#include "ledger/pending.h"
#include "ledger/slow.h"
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
PG_FUNCTION_INFO_V1(rm_hold_sequencing);

/* A table of pending leaves that has grown to so many pages is left for the other. */
#define PENDING_PAGES 128

/* Sub-object number of the sequencer's lock, which is taken on ledger_head. */
#define SEQUENCER_LOCK 1

/* Where pending leaves go. */
typedef struct Sequencer
{
	RmTreeWriter tree;
	RmStore batches;
	RmKeyWriter keys;
	RmSlowSeconds slow;
} Sequencer;

/* Put the changes that came with a leaf into ledger_batch. */
static void
move_changes(RmStore *batches, const RmPendingLeaf *leaf)
{
	Datum values[RM_BATCH_NATTS];
	bool nulls[RM_BATCH_NATTS] = { false };

	values[RM_BATCH_TRANSACTION_ID - 1] = UUIDPGetDatum(&leaf->transaction_id);
	values[RM_BATCH_FIRST_SEQ - 1] = Int64GetDatum(0);
	values[RM_BATCH_COUNT - 1] = Int32GetDatum((int32) leaf->count);
	values[RM_BATCH_CHANGES - 1] = PointerGetDatum(leaf->changes);
	rm_store_collect(batches, values, nulls);
}

/*
 * Return which transactions' leaves a sequencing has put into the tree that saw what the snapshot sees.
 *
 * What this very transaction wrote it sees as well, whatever its number.
 */
static RmSeen
seen_by(Snapshot snapshot)
{
	FullTransactionId own = GetTopFullTransactionIdIfAny();
	RmSeen seen = { rm_full_transaction_id(snapshot->xmin), rm_full_transaction_id(snapshot->xmax) };

	if (FullTransactionIdIsValid(own) && FullTransactionIdFollowsOrEquals(own, seen.not_from))
	{
		seen.not_from = own;
		FullTransactionIdAdvance(&seen.not_from);
	}
	return seen;
}

/* Append the pending leaves that are not in the tree yet. */
static void
append_pending(RmPendingScan *pending, const pg_uuid_t *log)
{
	MemoryContext per_leaf;
	Sequencer *to;
	RmPendingLeaf leaf;

	if (!rm_pending_next(pending, &leaf))
		return;
	per_leaf = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt leaf", ALLOCSET_DEFAULT_SIZES);
	to = palloc(sizeof(Sequencer));
	rm_tree_writer_open(&to->tree, log, pending->snapshot);
	rm_store_open(&to->batches, "ledger_batch");
	rm_keys_open(&to->keys, log, (int64) rm_tree_writer_size(&to->tree), pending->snapshot);
	rm_slow_init(&to->slow);
	do
	{
		MemoryContext old_context = MemoryContextSwitchTo(per_leaf);

		rm_tree_writer_append(&to->tree, &leaf.transaction_id, leaf.entry);
		if (leaf.changes)
		{
			move_changes(&to->batches, &leaf);
			rm_keys_add_batch(&to->keys, &leaf.transaction_id, 0, leaf.changes);
		}
		else
			rm_keys_add_transaction(&to->keys, &leaf.transaction_id);
		rm_slow_note(&to->slow, &leaf.transaction_id, leaf.at);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_leaf);
	} while (rm_pending_next(pending, &leaf));
	rm_keys_close(&to->keys, (int64) rm_tree_writer_size(&to->tree));
	rm_slow_write(&to->slow);
	to->tree.seen = seen_by(pending->snapshot);
	rm_store_close(&to->batches);
	rm_tree_writer_close(&to->tree);
	MemoryContextDelete(per_leaf);
}

/*
 * Append the pending leaves; where one has changes in ledger_batch, or an entry,
 * that only sequencing puts there, part of the tree was taken away.
 */
static void
append_pending_checked(RmPendingScan *pending, const pg_uuid_t *log)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		append_pending(pending, log);
	}
	PG_CATCH();
	{
		ErrorData *error;

		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT),
						errmsg("a pending leaf was sequenced before, and is not in the tree any more"),
						error->detail ? errdetail("%s", error->detail) : 0,
						errhint("Call release_mgmt.verify_ledger(), which names the leaf.")));
	}
	PG_END_TRY();
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

/* Wait until no other sequencer is at work, and keep others out until the transaction ends. */
static void
lock_sequencer(void)
{
	LockDatabaseObject(RelationRelationId, rm_ledger_relid("ledger_head"), SEQUENCER_LOCK, ExclusiveLock);
}

/* Put every pending leaf that can be seen into the tree of the log. */
void
rm_sequence_pending(const pg_uuid_t *log)
{
	int active = rm_ledger_active_pending();
	int other = 1 - active;
	RmPendingScan pending;
	Snapshot snapshot;
	RmSeen seen;
	bool locked;
	BlockNumber active_pages;
	BlockNumber other_pages;

	lock_sequencer();
	locked = ConditionalLockRelationOid(rm_pending_relid(other), AccessExclusiveLock);
	rm_pending_open(&pending);

	/* Taken under the locks, it sees all that was written to the table to be emptied. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	seen = rm_tree_seen(log, snapshot);
	rm_pending_begin(&pending, snapshot, &seen);
	append_pending_checked(&pending, log);
	active_pages = RelationGetNumberOfBlocks(pending.tables[active]);
	other_pages = RelationGetNumberOfBlocks(pending.tables[other]);
	rm_pending_end(&pending);
	rm_pending_close(&pending);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);

	if (locked && other_pages > 0)
	{
		empty_pending(other);
		other_pages = 0;
	}
	if (other_pages == 0 && active_pages >= PENDING_PAGES)
		switch_pending(other);
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

/*
 * hold_sequencing() returns void.
 *
 * A snapshot from before the lock may show changes where they no longer are.
 */
Datum
rm_hold_sequencing(PG_FUNCTION_ARGS)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_RM_WRONG_STATE),
						errmsg("captured changes can not be held in a transaction that keeps its first snapshot"),
						errdetail("They may have been sequenced since, which it would not see."),
						errhint("Do it in a transaction of isolation level READ COMMITTED.")));
	lock_sequencer();
	PG_RETURN_VOID();
}
