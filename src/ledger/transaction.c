/*
 * transaction.c
 *		The changes captured in the transaction that is open, until its leaf is written.
 *
 * Changes are collected in chunks, each of which becomes a row of
 * ledger_batch, and their hashes in a Merkle tree, whose root becomes the
 * transaction's leaf just before it commits or is prepared.  Changes that are
 * few go with the leaf, one row instead of two and no index, and become a row
 * of ledger_batch when the leaf is sequenced.
 *
 * Every nesting level that captures something has a Level, which remembers
 * the tree as it was before: rolling a savepoint back restores that and drops
 * the level's chunks; releasing it hands its chunks to the level below.  A
 * chunk is written under the level that it belongs to, so that what a
 * rollback undoes in memory it undoes in the table as well.  Where a reader
 * needs to see changes of outer levels from within a savepoint, they are
 * written there and again if that savepoint is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/entry.h"
#include "ledger/ledger_private.h"
#include "ledger/pending.h"
#include "ledger/signer.h"
#include "ledger/store.h"
#include "ledger/transaction.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "types/merkle.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(rm_current_transaction);

extern Datum rm_new_id(PG_FUNCTION_ARGS);

/* A row of ledger_batch with so many bytes of changes fills a page. */
#define CHUNK_LIMIT 8080

/* Changes of at most so many bytes go with the leaf: together they stay below what is moved out of line. */
#define WITH_LEAF_LIMIT 1024

/* More than the fields of a stored change take beside key and old image. */
#define CHANGE_OVERHEAD 128

/* Successive changes that are to be one row of ledger_batch. */
typedef struct Chunk
{
	struct Chunk *next;
	uint64 first_seq;
	uint32 count;
	int written_level; /* nesting level under which it was written; 0 if it is not */
	pg_uuid_t last_table;
	StringInfoData image;
} Chunk;

/* What a nesting level has captured. */
typedef struct Level
{
	struct Level *below;
	int nest_level;
	int nroles_before;
	RmMerkle tree_before;
	Chunk *first;
	Chunk *last;
} Level;

static bool has_id = false;
static pg_uuid_t transaction_id;
static Oid batch_relid = InvalidOid; /* of the ledger_batch that the changes belong to */
static bool leaf_written = false;
static RmMerkle tree;
static Level *top = NULL;
static RmEntryRoles roles;

RmActorHook rm_ledger_actor_hook = NULL;

/* Forget everything; the memory goes with the transaction. */
static void
reset(void)
{
	has_id = false;
	leaf_written = false;
	rm_merkle_init(&tree);
	top = NULL;
	memset(&roles, 0, sizeof(roles));
}

/* Return the level of the current nesting level, adding one if it has none. */
static Level *
current_level(void)
{
	int nest_level = GetCurrentTransactionNestLevel();
	Level *level = top;

	if (level && level->nest_level == nest_level)
		return level;
	level = MemoryContextAllocZero(TopTransactionContext, sizeof(Level));
	level->below = top;
	level->nest_level = nest_level;
	level->nroles_before = roles.count;
	level->tree_before = tree;
	top = level;
	return level;
}

/* Add an empty chunk at the level's end. */
static Chunk *
add_chunk(Level *level)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopTransactionContext);
	Chunk *chunk = palloc0(sizeof(Chunk));

	initStringInfo(&chunk->image);
	MemoryContextSwitchTo(old_context);
	chunk->first_seq = tree.size;
	if (level->last)
		level->last->next = chunk;
	else
		level->first = chunk;
	level->last = chunk;
	return chunk;
}

/* Insert the chunk into ledger_batch. */
static void
write_chunk(RmStore *batches, Chunk *chunk)
{
	Datum values[4];
	bool nulls[4] = { false };

	SET_VARSIZE(chunk->image.data, chunk->image.len);
	values[0] = UUIDPGetDatum(&transaction_id);
	values[1] = Int64GetDatum((int64) chunk->first_seq);
	values[2] = Int32GetDatum((int32) chunk->count);
	values[3] = PointerGetDatum(chunk->image.data);
	rm_store_insert(batches, values, nulls);
	chunk->written_level = GetCurrentTransactionNestLevel();
}

/* Free the level's chunks. */
static void
free_chunks(Level *level)
{
	Chunk *next;

	for (Chunk *chunk = level->first; chunk != NULL; chunk = next)
	{
		next = chunk->next;
		pfree(chunk->image.data);
		pfree(chunk);
	}
	level->first = level->last = NULL;
}

/* Write the level's chunks that are not yet; drop those that no rollback can undo alone. */
static void
write_level(RmStore *batches, Level *level)
{
	bool own = level->nest_level == GetCurrentTransactionNestLevel();

	for (Chunk *chunk = level->first; chunk != NULL; chunk = chunk->next)
	{
		if (chunk->written_level == 0)
			write_chunk(batches, chunk);
	}
	if (own)
		free_chunks(level);
}

/* Write every change captured so far to ledger_batch, so that this transaction can read it. */
void
rm_transaction_flush(void)
{
	RmStore batches;

	if (top == NULL)
		return;
	rm_store_open(&batches, "ledger_batch");
	for (Level *level = top; level != NULL; level = level->below)
		write_level(&batches, level);
	rm_store_close(&batches);
	CommandCounterIncrement();
}

/* Return the chunk that takes a change of at most that many bytes. */
static Chunk *
chunk_with_room(Level *level, int len)
{
	Chunk *chunk = level->last;
	RmStore batches;

	if (chunk && chunk->written_level == 0 && chunk->image.len + len <= CHUNK_LIMIT)
		return chunk;
	if (chunk && chunk->written_level == 0)
	{
		rm_store_open(&batches, "ledger_batch");
		write_level(&batches, level);
		rm_store_close(&batches);
	}
	chunk = add_chunk(level);
	appendStringInfoSpaces(&chunk->image, VARHDRSZ);
	return chunk;
}

/* Take in a change whose digests are computed, and its hash as a leaf of the transaction's tree. */
void
rm_transaction_add_change(const RmChange *change, const unsigned char *leaf_hash)
{
	Level *level;
	Chunk *chunk;

	if (leaf_written)
		ereport(ERROR,
				(errcode(ERRCODE_RM_LEDGER_PROTECTED),
				 errmsg("a governed row was changed after the transaction's leaf was written"),
				 errhint("Another extension changes rows while the transaction commits; let it do so earlier.")));

	(void) rm_ledger_current_transaction();
	if (tree.size == 0)
		batch_relid = rm_ledger_relid("ledger_batch");
	level = current_level();
	rm_entry_add_role(&roles, GetOuterUserId(), rm_ledger_actor_hook != NULL ? rm_ledger_actor_hook() : InvalidOid);
	chunk = chunk_with_room(level, CHANGE_OVERHEAD + change->key_len + change->former_key_len + change->old_len);
	rm_change_store(&chunk->image, change, chunk->count > 0 ? &chunk->last_table : NULL);
	chunk->last_table = change->table_id;
	chunk->count++;
	rm_require_hash(rm_merkle_add_leaf(&tree, leaf_hash));
}

/* Return whether this transaction has captured anything. */
bool
rm_transaction_has_changes(void)
{
	return tree.size > 0;
}

/* Return this transaction's id in the ledger, giving it one if it has none. */
const pg_uuid_t *
rm_ledger_current_transaction(void)
{
	if (!has_id)
	{
		transaction_id = *DatumGetUUIDP(DirectFunctionCall1(rm_new_id, (Datum) 0));
		has_id = true;
	}
	return &transaction_id;
}

/* Return the chunk that goes with the leaf: it is small, not written, and holds every change; NULL if there is none. */
static Chunk *
chunk_with_leaf(void)
{
	Chunk *chunk = top->below == NULL ? top->first : NULL;

	if (chunk == NULL || chunk->written_level != 0 || chunk->count != tree.size || chunk->image.len > WITH_LEAF_LIMIT)
		return NULL;
	SET_VARSIZE(chunk->image.data, chunk->image.len);
	return chunk;
}

/* Write every chunk that is not written yet. */
static void
write_chunks(void)
{
	RmStore batches;

	rm_store_open(&batches, "ledger_batch");
	write_level(&batches, top);
	rm_store_close(&batches);
}

/*
 * Write the transaction's leaf to the table of pending leaves.
 *
 * The WAL insert position is read here, while the locks on the changed rows
 * are still held: whoever changes one of them afterwards reads a later one.
 * Where the transaction has dropped the extension, the ledger is gone and the
 * leaf with it; where it has moved tables of the ledger aside, it fails if the
 * leaf or the changes have no place.
 */
static void
write_leaf(void)
{
	bytea *root = palloc(VARHDRSZ + RM_SHA256_SIZE);
	Chunk *chunk = chunk_with_leaf();
	RmStore store;
	Datum values[RM_PENDING_NATTS];
	bool nulls[RM_PENDING_NATTS] = { false };
	StringInfoData lines;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(batch_relid)))
		return;
	if (chunk == NULL)
		write_chunks();

	SET_VARSIZE(root, VARHDRSZ + RM_SHA256_SIZE);
	rm_require_hash(rm_merkle_compute_root(&tree, (unsigned char *) VARDATA(root)));
	initStringInfo(&lines);
	appendStringInfoSpaces(&lines, VARHDRSZ);
	rm_entry_append_roles(&lines, &roles);
	SET_VARSIZE(lines.data, lines.len);

	values[RM_PENDING_POSITION - 1] = LSNGetDatum(GetXLogInsertRecPtr());
	values[RM_PENDING_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[RM_PENDING_COUNT - 1] = Int64GetDatum((int64) tree.size);
	values[RM_PENDING_TRANSACTION_ID - 1] = UUIDPGetDatum(&transaction_id);
	values[RM_PENDING_ROOT - 1] = PointerGetDatum(root);
	values[RM_PENDING_ROLES - 1] = PointerGetDatum(lines.data);
	values[RM_PENDING_CHANGES - 1] = chunk ? PointerGetDatum(chunk->image.data) : (Datum) 0;
	nulls[RM_PENDING_CHANGES - 1] = chunk == NULL;
	rm_store_open(&store, rm_ledger_active_pending() == 0 ? "ledger_pending_0" : "ledger_pending_1");
	rm_store_insert(&store, values, nulls);
	rm_store_close(&store);
	leaf_written = true;
}

/* Transaction callback: write the leaf before the commit, have it sequenced and forget everything after it. */
static void
on_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (tree.size > 0)
				write_leaf();
			break;
		case XACT_EVENT_COMMIT:
			if (leaf_written)
				rm_worker_wake();
			reset();
			break;
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			reset();
			break;
		default:
			break;
	}
}

/* Put the chunks of a released level behind those of the level below; one chunk if they fit. */
static void
append_chunks(Level *below, Level *released)
{
	Chunk *last = below->last;
	Chunk *first = released->first;

	if (first && last && first->written_level == 0 && last->written_level == 0 &&
		last->first_seq + last->count == first->first_seq &&
		last->image.len + first->image.len - VARHDRSZ <= CHUNK_LIMIT)
	{
		appendBinaryStringInfo(&last->image, first->image.data + VARHDRSZ, first->image.len - VARHDRSZ);
		last->count += first->count;
		last->last_table = first->last_table;
		released->first = first->next;
		if (released->last == first)
			released->last = NULL;
		pfree(first->image.data);
		pfree(first);
	}
	if (released->first == NULL)
		return;
	if (below->last)
		below->last->next = released->first;
	else
		below->first = released->first;
	below->last = released->last;
}

/* Note that what was written under the level now is written under another, 0 for nowhere. */
static void
move_written(int from, int to)
{
	for (Level *level = top; level != NULL; level = level->below)
	{
		for (Chunk *chunk = level->first; chunk != NULL; chunk = chunk->next)
		{
			if (chunk->written_level == from)
				chunk->written_level = to;
		}
	}
}

/* Subtransaction callback: hand a released level's changes down, undo those of one that is rolled back. */
static void
on_subtransaction_event(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	int nest_level = GetCurrentTransactionNestLevel();
	Level *level = top;
	bool own = level && level->nest_level == nest_level;

	if (level == NULL)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		if (own)
		{
			tree = level->tree_before;
			roles.count = level->nroles_before;
			top = level->below;
			free_chunks(level);
			pfree(level);
		}
		move_written(nest_level, 0);
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (own && level->below && level->below->nest_level == nest_level - 1)
		{
			append_chunks(level->below, level);
			top = level->below;
			pfree(level);
		}
		else if (own)
			level->nest_level = nest_level - 1;
		move_written(nest_level, nest_level - 1);
	}
}

/* Called once when a backend loads the library. */
void
rm_ledger_init(void)
{
	RegisterXactCallback(on_transaction_event, NULL);
	RegisterSubXactCallback(on_subtransaction_event, NULL);
	rm_signer_init();
	rm_worker_init();
}

/* current_transaction() returns uuid. */
Datum
rm_current_transaction(PG_FUNCTION_ARGS)
{
	pg_uuid_t *result = palloc(sizeof(pg_uuid_t));

	*result = *rm_ledger_current_transaction();
	PG_RETURN_UUID_P(result);
}
