/*
 * change_tree.c
 *		The Merkle tree over the changes of a transaction, kept for the proofs of many of them.
 *
 * A tree takes 64 bytes for each change.  Trees are kept until the transaction
 * that asks ends, or until they take more than maintenance_work_mem together.
 * What they are made of does not change: redaction leaves digests alone.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/change_tree.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static MemoryContext kept_context = NULL;
static HTAB *kept_trees = NULL;

/* Forget the trees, whose memory goes. */
static void
forget_trees(void *argument)
{
	kept_context = NULL;
	kept_trees = NULL;
}

/* Make room for trees, of which those kept so far may be dropped. */
static void
prepare_memory(void)
{
	HASHCTL control = { .keysize = UUID_LEN, .entrysize = sizeof(RmChangeTree) };
	MemoryContextCallback *callback;

	if (kept_context && MemoryContextMemAllocated(kept_context, true) > (Size) maintenance_work_mem * 1024)
		MemoryContextDelete(kept_context);
	if (kept_context)
		return;
	kept_context = AllocSetContextCreate(TopTransactionContext, "release_mgmt change trees", ALLOCSET_DEFAULT_SIZES);
	callback = MemoryContextAlloc(kept_context, sizeof(MemoryContextCallback));
	callback->func = forget_trees;
	callback->arg = NULL;
	MemoryContextRegisterResetCallback(kept_context, callback);
	control.hcxt = kept_context;
	kept_trees = hash_create("release_mgmt change trees", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Append the changes of a batch to the leaves; returns how many leaves there are, more than expected where they do not
 * fit. */
static uint64
add_batch(unsigned char *leaves, uint64 count, uint64 expected, bytea *batch)
{
	RmChangeReader reader;
	RmChange change;

	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	while (rm_change_read(&reader, &change))
	{
		if (count++ >= expected)
			break;
		rm_change_hash(&change, leaves + (count - 1) * RM_SHA256_SIZE);
	}
	return count;
}

/* Read the leaves of the transaction; false where there are not as many. */
static bool
read_leaves(const pg_uuid_t *transaction_id, uint64 expected, unsigned char *leaves)
{
	Relation batches = table_open(rm_ledger_relid("ledger_batch"), AccessShareLock);
	Relation index = index_open(rm_ledger_relid("ledger_batch_pkey"), AccessShareLock);
	MemoryContext per_batch = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt batch", ALLOCSET_DEFAULT_SIZES);
	uint64 count = 0;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	scan = systable_beginscan_ordered(batches, index, GetActiveSnapshot(), 1, &key);
	while (count <= expected && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old_context = MemoryContextSwitchTo(per_batch);
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		count = add_batch(leaves, count, expected,
						  DatumGetByteaPP(heap_getattr(tuple, RM_BATCH_CHANGES, RelationGetDescr(batches), &isnull)));
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_batch);
	}
	MemoryContextDelete(per_batch);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(batches, AccessShareLock);
	return count == expected;
}

/* Compute the levels above the leaves. */
static void
build_levels(RmChangeTree *tree)
{
	uint64 count = tree->size;

	for (tree->nlevels = 1; count > 1; tree->nlevels++)
	{
		const unsigned char *below = tree->levels[tree->nlevels - 1];
		unsigned char *level = MemoryContextAllocHuge(kept_context, (count + 1) / 2 * RM_SHA256_SIZE);

		for (uint64 i = 0; i < count / 2; i++)
			rm_require_hash(rm_merkle_hash_node(below + 2 * i * RM_SHA256_SIZE, below + (2 * i + 1) * RM_SHA256_SIZE,
												level + i * RM_SHA256_SIZE));
		if (count % 2 == 1)
			memcpy(level + count / 2 * RM_SHA256_SIZE, below + (count - 1) * RM_SHA256_SIZE, RM_SHA256_SIZE);
		tree->levels[tree->nlevels] = level;
		count = (count + 1) / 2;
	}
}

/*
 * Return the tree over the changes of a transaction, at least one; NULL where
 * there are not as many as said.
 */
RmChangeTree *
rm_change_tree_of(const pg_uuid_t *transaction_id, uint64 size)
{
	RmChangeTree built = { .transaction_id = *transaction_id, .size = size };
	RmChangeTree *tree;

	tree = kept_trees ? hash_search(kept_trees, transaction_id, HASH_FIND, NULL) : NULL;
	if (tree)
		return tree->size == size ? tree : NULL;
	prepare_memory();
	built.levels[0] = MemoryContextAllocHuge(kept_context, size * RM_SHA256_SIZE);
	if (!read_leaves(transaction_id, size, built.levels[0]))
	{
		pfree(built.levels[0]);
		return NULL;
	}
	build_levels(&built);
	tree = hash_search(kept_trees, transaction_id, HASH_ENTER, NULL);
	*tree = built;
	return tree;
}

/* Return the tree's root. */
const unsigned char *
rm_change_tree_root(const RmChangeTree *tree)
{
	return tree->levels[tree->nlevels - 1];
}

/* Write the path from the leaf of that index, of at most RM_MERKLE_LEVELS hashes, and return its length (RFC 6962
 * section 2.1.1). */
int
rm_change_tree_path(const RmChangeTree *tree, uint64 index, unsigned char *path)
{
	uint64 count = tree->size;
	int length = 0;

	for (int i = 0; i < tree->nlevels - 1; i++)
	{
		if ((index ^ 1) < count)
			memcpy(path + length++ * RM_SHA256_SIZE, tree->levels[i] + (index ^ 1) * RM_SHA256_SIZE, RM_SHA256_SIZE);
		index /= 2;
		count = (count + 1) / 2;
	}
	return length;
}
