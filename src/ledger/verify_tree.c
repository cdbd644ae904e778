/*
 * verify_tree.c
 *		Verification of a log: its entries against its tiles, its head, and checkpoints.
 *
 * Every hash is computed from the entries.  Where a stored hash differs, the
 * one of the leaf is named, and nothing above it, which differs because of it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "ledger/verify.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "types/merkle.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define MAX_TILE_LEVELS 8

/* The tile that fills at a level. */
typedef struct OpenTile
{
	int count;
	bool tainted; /* a finding names a leaf beneath */
	unsigned char hashes[RM_TILE_SIZE];
} OpenTile;

typedef struct LogState
{
	RmVerify *verify;
	RmTreeReader reader;
	uint64 size;
	RmMerkle above;  /* over the roots of full tiles */
	RmMerkle within; /* over the leaves behind them */
	OpenTile *open_tiles;
	RmExpectedRoot *expected; /* in order of size */
	int nexpected;
	int next_expected;
	const RmExpectedRoot *since; /* where verification begins; NULL for the first leaf */
	bool gap;                    /* a leaf is missing, so that nothing behind it can be placed */
} LogState;

/* Say that a leaf is not the one whose hash was stored. */
static void
report_leaf(LogState *state, uint64 index, const unsigned char *stored, const unsigned char *computed)
{
	rm_finding_add(state->verify, "leaf changed", (int64) index, NULL, NULL, rm_hash_text(stored),
				   rm_hash_text(computed));
}

/* Compute the root over the hashes of a full tile. */
static void
compute_tile_root(const unsigned char *hashes, unsigned char *root)
{
	RmMerkle tree;

	rm_merkle_init(&tree);
	for (int i = 0; i < RM_TILE_WIDTH; i++)
		rm_require_hash(rm_merkle_add_leaf(&tree, hashes + i * RM_SHA256_SIZE));
	rm_require_hash(rm_merkle_compute_root(&tree, root));
}

/* Compare a full tile, whose root is known, with the one that is stored; returns whether a leaf beneath was named. */
static bool
check_tile(LogState *state, int level, uint64 index, OpenTile *open, const unsigned char *root)
{
	unsigned char *stored = palloc(RM_TILE_SIZE);
	unsigned char stored_root[RM_SHA256_SIZE];
	bool tainted = open->tainted;

	if (!rm_tree_reader_tile(&state->reader, level, index, stored, stored_root))
		rm_finding_add(state->verify, "tile missing", (int64) (index * RM_TILE_WIDTH) << (level * RM_TILE_HEIGHT), NULL,
					   psprintf("%d/" UINT64_FORMAT, level, index), rm_hash_text(root), NULL);
	else if (!tainted)
	{
		for (int i = 0; i < RM_TILE_WIDTH; i++)
		{
			const unsigned char *one = stored + i * RM_SHA256_SIZE;
			const unsigned char *other = open->hashes + i * RM_SHA256_SIZE;

			if (memcmp(one, other, RM_SHA256_SIZE) == 0)
				continue;
			tainted = true;
			if (level == 0)
				report_leaf(state, index * RM_TILE_WIDTH + i, one, other);
			else
				rm_finding_add(state->verify, "tile changed",
							   (int64) (index * RM_TILE_WIDTH + i) << (level * RM_TILE_HEIGHT), NULL,
							   psprintf("%d/" UINT64_FORMAT, level, index), rm_hash_text(other), rm_hash_text(one));
		}
		if (!tainted && memcmp(root, stored_root, RM_SHA256_SIZE) != 0)
		{
			tainted = true;
			rm_finding_add(state->verify, "tile changed", (int64) (index * RM_TILE_WIDTH) << (level * RM_TILE_HEIGHT),
						   NULL, psprintf("%d/" UINT64_FORMAT, level, index), rm_hash_text(root),
						   rm_hash_text(stored_root));
		}
	}
	pfree(stored);
	return tainted;
}

/* Add a hash to the tile that fills at the level, and to those above. */
static void
add_to_tile(LogState *state, int level, const unsigned char *hash, bool tainted)
{
	OpenTile *open = &state->open_tiles[level];

	memcpy(open->hashes + open->count * RM_SHA256_SIZE, hash, RM_SHA256_SIZE);
	open->count++;
	open->tainted |= tainted;
	if (open->count == RM_TILE_WIDTH)
	{
		uint64 index = (state->size >> ((level + 1) * RM_TILE_HEIGHT)) - 1;
		unsigned char root[RM_SHA256_SIZE];

		/* At the bottom the root is known: within holds nothing else. */
		if (level == 0)
			memcpy(root, state->within.stack[0], RM_SHA256_SIZE);
		else
			compute_tile_root(open->hashes, root);
		tainted = check_tile(state, level, index, open, root);
		open->count = 0;
		open->tainted = false;
		if (level + 1 < MAX_TILE_LEVELS)
			add_to_tile(state, level + 1, root, tainted);
	}
}

/* Put the edge of the tree together. */
static void
join_edge(const LogState *state, RmMerkle *edge)
{
	int full = __builtin_popcountll(state->above.size);

	edge->size = state->size;
	memcpy(edge->stack, state->above.stack, full * RM_SHA256_SIZE);
	memcpy(edge->stack + full, state->within.stack, __builtin_popcountll(state->within.size) * RM_SHA256_SIZE);
}

/* Compare the tree as it is with what checkpoints say of this size. */
static void
check_expected(LogState *state)
{
	for (; state->next_expected < state->nexpected; state->next_expected++)
	{
		RmExpectedRoot *expected = &state->expected[state->next_expected];
		unsigned char root[RM_SHA256_SIZE];
		RmMerkle edge;

		if (expected->size > state->size)
			return;
		join_edge(state, &edge);
		rm_require_hash(rm_merkle_compute_root(&edge, root));
		if (memcmp(root, expected->root, RM_SHA256_SIZE) != 0)
			rm_finding_add(state->verify, "checkpoint contradicted", (int64) state->size - 1, NULL, expected->from,
						   rm_hash_text(expected->root), rm_hash_text(root));
	}
}

/* Take the next entry in. */
static void
add_entry(LogState *state, const char *entry, int len)
{
	unsigned char leaf[RM_SHA256_SIZE];

	rm_require_hash(rm_merkle_hash_entry(entry, len, leaf));
	rm_require_hash(rm_merkle_add_leaf(&state->within, leaf));
	state->size++;
	add_to_tile(state, 0, leaf, false);
	if (state->within.size == RM_TILE_WIDTH)
	{
		rm_require_hash(rm_merkle_add_leaf(&state->above, state->within.stack[0]));
		rm_merkle_init(&state->within);
	}
	check_expected(state);
}

/* Compare the leaves behind the last full tile, and the size, with the head. */
static void
check_head(LogState *state)
{
	unsigned char *tail = palloc(RM_TILE_SIZE);
	OpenTile *open = &state->open_tiles[0];
	uint64 first = state->size - open->count;
	RmMerkle tree;
	RmMerkle edge;
	bool own;

	join_edge(state, &tree);
	(void) rm_tree_read_head(&state->reader.log, state->verify->snapshot, &edge, &own, tail);
	if (edge.size != state->size)
	{
		rm_finding_add(state->verify, edge.size > state->size ? "leaf missing" : "leaf not in the head",
					   (int64) Min(edge.size, state->size), NULL, NULL, psprintf(UINT64_FORMAT " leaves", edge.size),
					   psprintf(UINT64_FORMAT " leaves", state->size));
		return;
	}
	for (int i = 0; i < open->count; i++)
	{
		if (memcmp(tail + i * RM_SHA256_SIZE, open->hashes + i * RM_SHA256_SIZE, RM_SHA256_SIZE) != 0)
		{
			report_leaf(state, first + i, tail + i * RM_SHA256_SIZE, open->hashes + i * RM_SHA256_SIZE);
			return;
		}
	}
	if (memcmp(edge.stack, tree.stack, __builtin_popcountll(edge.size) * RM_SHA256_SIZE) != 0)
		rm_finding_add(state->verify, "head changed", (int64) edge.size - 1, NULL, NULL, NULL, NULL);
}

/* Say which checkpoints are of a larger tree. */
static void
check_not_shrunk(LogState *state)
{
	for (int i = state->next_expected; i < state->nexpected; i++)
	{
		if (state->expected[i].size > state->size)
			rm_finding_add(state->verify, "tree shrank", (int64) state->size, NULL, state->expected[i].from,
						   psprintf(UINT64_FORMAT " leaves", state->expected[i].size),
						   psprintf(UINT64_FORMAT " leaves", state->size));
	}
}

/*
 * Begin at the tree of a checkpoint instead of an empty one; false where what
 * is stored does not lead to its root, or the tree is smaller.
 *
 * Hashes of a level are the roots of the tiles beneath.  They are believed
 * until the checkpoint's root has been computed from them and from the
 * entries behind the last full tile.
 */
static bool
begin_at(LogState *state, const RmExpectedRoot *since)
{
	unsigned char *hashes = palloc(RM_TILE_SIZE);
	int perfect = 0;

	state->above.size = since->size / RM_TILE_WIDTH;
	for (int level = MAX_TILE_LEVELS - 1; level > 0; level--)
	{
		OpenTile *open = &state->open_tiles[level];
		uint64 end = since->size >> (level * RM_TILE_HEIGHT);
		uint64 first = end - end % RM_TILE_WIDTH;
		RmMerkle tree;

		rm_merkle_init(&tree);
		for (uint64 tile = first; tile < end; tile++)
		{
			unsigned char *root = open->hashes + open->count * RM_SHA256_SIZE;

			if (!rm_tree_reader_tile(&state->reader, level - 1, tile, hashes, root))
			{
				rm_finding_add(state->verify, "tile missing",
							   (int64) (tile * RM_TILE_WIDTH) << ((level - 1) * RM_TILE_HEIGHT), NULL,
							   psprintf("%d/" UINT64_FORMAT, level - 1, tile), NULL, NULL);
				return false;
			}
			rm_require_hash(rm_merkle_add_leaf(&tree, root));
			open->count++;
		}
		memcpy(state->above.stack + perfect, tree.stack, __builtin_popcountll(tree.size) * RM_SHA256_SIZE);
		perfect += __builtin_popcountll(tree.size);
	}
	state->size = since->size - since->size % RM_TILE_WIDTH;
	state->since = since;
	pfree(hashes);
	return true;
}

/* Take in one row of ledger_entry. */
static void
check_entry_row(LogState *state, HeapTuple tuple, int64 *next)
{
	Datum values[RM_ENTRY_NATTS];
	bool nulls[RM_ENTRY_NATTS];
	int64 index;
	bytea *entry;

	heap_deform_tuple(tuple, RelationGetDescr(state->reader.entries), values, nulls);
	index = DatumGetInt64(values[RM_ENTRY_INDEX - 1]);
	entry = DatumGetByteaPP(values[RM_ENTRY_ENTRY - 1]);
	if (state->since && index < state->since->size && !state->gap && index == *next)
	{
		add_entry(state, VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry));
		*next = index + 1;
		return;
	}
	if (state->verify->pass == 0)
	{
		if (index != *next && !state->gap)
		{
			rm_finding_add(state->verify, "leaf missing", *next, NULL, NULL, NULL, NULL);
			state->gap = true;
		}
		if (!state->gap)
			add_entry(state, VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry));
	}
	rm_verify_entry(state->verify, index, VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry), NULL);
	*next = index + 1;
}

/*
 * Verify the log, and every transaction that it holds; only those behind a
 * checkpoint if one is given as since, which is one of those expected.
 */
void
rm_verify_log(RmVerify *verify, const pg_uuid_t *log, RmExpectedRoot *expected, int nexpected,
			  const RmExpectedRoot *since)
{
	LogState state = { .verify = verify, .expected = expected, .nexpected = nexpected };
	MemoryContext per_entry = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt entry", ALLOCSET_DEFAULT_SIZES);
	int64 next = 0;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	rm_merkle_init(&state.above);
	rm_merkle_init(&state.within);
	state.open_tiles = palloc0(sizeof(OpenTile) * MAX_TILE_LEVELS);
	rm_tree_reader_open(&state.reader, log, verify->snapshot);
	if (since && !begin_at(&state, since))
	{
		rm_tree_reader_close(&state.reader);
		return;
	}
	/* Of smaller trees nothing is known. */
	while (state.next_expected < nexpected && expected[state.next_expected].size < state.size)
		state.next_expected++;
	if (verify->pass == 0)
		check_expected(&state);

	next = (int64) state.size;
	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(log));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(next));
	scan = systable_beginscan_ordered(state.reader.entries, state.reader.entries_index, verify->snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old_context = MemoryContextSwitchTo(per_entry);

		CHECK_FOR_INTERRUPTS();
		check_entry_row(&state, tuple, &next);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(per_entry);
	}
	systable_endscan_ordered(scan);
	if (verify->pass == 0 && !state.gap)
	{
		check_head(&state);
		check_not_shrunk(&state);
	}
	rm_tree_reader_close(&state.reader);
	MemoryContextDelete(per_entry);
}
