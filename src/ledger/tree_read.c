/*
 * tree_read.c
 *		Hashes within the Merkle tree of a log: roots of any size, and proofs (RFC 6962 section 2.1).
 *
 * The hash of a perfect subtree comes from a full tile where there is one,
 * else from the roots of the tiles beneath, else from the entries.  What is
 * stored is believed here; verification recomputes it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "errcodes.h"
#include "ledger/tree.h"
#include "types/digest.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/uuid.h"

/* Open the log's tree for reading, as it is in the snapshot, which must stay registered. */
void
rm_tree_reader_open(RmTreeReader *reader, const pg_uuid_t *log, Snapshot snapshot)
{
	RmMerkle edge;
	bool own;

	reader->log = *log;
	reader->snapshot = snapshot;
	(void) rm_tree_read_head(log, snapshot, &edge, &own, NULL);
	reader->size = edge.size;
	reader->entries = table_open(rm_ledger_relid("ledger_entry"), AccessShareLock);
	reader->entries_index = index_open(rm_ledger_relid("ledger_entry_pkey"), AccessShareLock);
	reader->tiles = table_open(rm_ledger_relid("ledger_tile"), AccessShareLock);
	reader->tiles_index = index_open(rm_ledger_relid("ledger_tile_pkey"), AccessShareLock);
	reader->cached_level = -1;
}

/* Close the tree. */
void
rm_tree_reader_close(RmTreeReader *reader)
{
	index_close(reader->entries_index, AccessShareLock);
	table_close(reader->entries, AccessShareLock);
	index_close(reader->tiles_index, AccessShareLock);
	table_close(reader->tiles, AccessShareLock);
}

/* Raise that part of the tree is missing. */
static void
refuse_gap(const char *what, uint64 index)
{
	ereport(ERROR,
			(errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("%s " UINT64_FORMAT " of the ledger is missing", what, index),
			 errhint("Call release_mgmt.verify_ledger().")));
}

/* Compute the hashes of count leaves from their entries. */
static void
read_leaves(RmTreeReader *reader, uint64 first, int count, unsigned char *hashes)
{
	ScanKeyData keys[2];
	SysScanDesc scan;

	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&reader->log));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum((int64) first));
	scan = systable_beginscan_ordered(reader->entries, reader->entries_index, reader->snapshot, 2, keys);
	for (int i = 0; i < count; i++)
	{
		HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection);
		Datum values[RM_ENTRY_NATTS];
		bool nulls[RM_ENTRY_NATTS];
		bytea *entry;

		if (HeapTupleIsValid(tuple))
			heap_deform_tuple(tuple, RelationGetDescr(reader->entries), values, nulls);
		if (!HeapTupleIsValid(tuple) || DatumGetInt64(values[RM_ENTRY_INDEX - 1]) != first + i)
			refuse_gap("leaf", first + i);
		entry = DatumGetByteaPP(values[RM_ENTRY_ENTRY - 1]);
		rm_require_hash(
			rm_merkle_hash_entry(VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry), hashes + i * RM_SHA256_SIZE));
	}
	systable_endscan_ordered(scan);
}

/* Begin a scan of the log's tiles of a level, from one on. */
static SysScanDesc
begin_tile_scan(RmTreeReader *reader, int level, uint64 first)
{
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], RM_TILE_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&reader->log));
	ScanKeyInit(&keys[1], RM_TILE_LEVEL, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(level));
	ScanKeyInit(&keys[2], RM_TILE_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum((int64) first));
	return systable_beginscan_ordered(reader->tiles, reader->tiles_index, reader->snapshot, 3, keys);
}

/* Return the attribute, a bytea of that size, of the scan's next tile, which must be the one of that index. */
static const unsigned char *
next_tile(RmTreeReader *reader, SysScanDesc scan, uint64 tile, AttrNumber attribute, int size)
{
	HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	TupleDesc desc = RelationGetDescr(reader->tiles);
	bool isnull;
	bytea *bytes;

	if (!HeapTupleIsValid(tuple) || DatumGetInt64(heap_getattr(tuple, RM_TILE_INDEX, desc, &isnull)) != tile)
		refuse_gap("tile", tile);
	bytes = DatumGetByteaPP(heap_getattr(tuple, attribute, desc, &isnull));
	if (VARSIZE_ANY_EXHDR(bytes) != size)
		refuse_gap("tile", tile);
	return (const unsigned char *) VARDATA_ANY(bytes);
}

/* Read the roots of count tiles of a level. */
static void
read_roots(RmTreeReader *reader, int level, uint64 first, int count, unsigned char *hashes)
{
	SysScanDesc scan = begin_tile_scan(reader, level, first);

	for (int i = 0; i < count; i++)
		memcpy(hashes + i * RM_SHA256_SIZE, next_tile(reader, scan, first + i, RM_TILE_ROOT, RM_SHA256_SIZE),
			   RM_SHA256_SIZE);
	systable_endscan_ordered(scan);
}

/* Read count hashes of a tile that is full; first counts the hashes of its level. */
static void
read_tile(RmTreeReader *reader, int level, uint64 first, int count, unsigned char *hashes)
{
	uint64 tile = first / RM_TILE_WIDTH;

	if (reader->cached_level != level || reader->cached_tile != tile)
	{
		SysScanDesc scan = begin_tile_scan(reader, level, tile);

		memcpy(reader->cached, next_tile(reader, scan, tile, RM_TILE_HASHES, RM_TILE_SIZE), RM_TILE_SIZE);
		systable_endscan_ordered(scan);
		reader->cached_level = level;
		reader->cached_tile = tile;
	}
	memcpy(hashes, reader->cached + first % RM_TILE_WIDTH * RM_SHA256_SIZE, count * RM_SHA256_SIZE);
}

/* Compute the hash of the perfect subtree of that height; index counts subtrees of this height. */
static void
compute_node(RmTreeReader *reader, int height, uint64 index, unsigned char *node)
{
	int level = height / RM_TILE_HEIGHT;
	int within = height % RM_TILE_HEIGHT;
	int count = 1 << within;
	uint64 first = index << within;
	uint64 full_tiles = (reader->size >> (level * RM_TILE_HEIGHT)) / RM_TILE_WIDTH;
	unsigned char hashes[RM_TILE_SIZE / 2];
	RmMerkle tree;

	if (first / RM_TILE_WIDTH < full_tiles)
		read_tile(reader, level, first, count, hashes);
	else if (level > 0)
		read_roots(reader, level - 1, first, count, hashes);
	else
		read_leaves(reader, first, count, hashes);

	rm_merkle_init(&tree);
	for (int i = 0; i < count; i++)
		rm_require_hash(rm_merkle_add_leaf(&tree, hashes + i * RM_SHA256_SIZE));
	rm_require_hash(rm_merkle_compute_root(&tree, node));
}

/* Return the largest power of two below n, n > 1, as an exponent. */
static int
split_height(uint64 n)
{
	return 63 - __builtin_clzll(n - 1);
}

/* Compute the Merkle tree hash of the leaves first to first + count - 1, MTH(D[first:first + count]). */
static void
compute_range(RmTreeReader *reader, uint64 first, uint64 count, unsigned char *hash)
{
	unsigned char right[RM_SHA256_SIZE];
	int height;

	if (count == 0)
	{
		rm_require_hash(rm_hash(RM_HASH_SHA256, "", 0, hash));
		return;
	}
	if ((count & (count - 1)) == 0)
	{
		height = __builtin_ctzll(count);
		compute_node(reader, height, first >> height, hash);
		return;
	}
	height = split_height(count);
	compute_node(reader, height, first >> height, hash);
	compute_range(reader, first + (UINT64CONST(1) << height), count - (UINT64CONST(1) << height), right);
	rm_require_hash(rm_merkle_hash_node(hash, right, hash));
}

/* Compute the root of the tree as it was at that size. */
void
rm_tree_reader_root(RmTreeReader *reader, uint64 size, unsigned char *root)
{
	compute_range(reader, 0, size, root);
}

/* Append PATH(index, D[first:first + count]) to the proof of *length hashes. */
static void
add_path(RmTreeReader *reader, uint64 index, uint64 first, uint64 count, unsigned char *proof, int *length)
{
	uint64 half;

	if (count <= 1)
		return;
	half = UINT64CONST(1) << split_height(count);
	if (index < half)
	{
		add_path(reader, index, first, half, proof, length);
		compute_range(reader, first + half, count - half, proof + *length * RM_SHA256_SIZE);
	}
	else
	{
		add_path(reader, index - half, first + half, count - half, proof, length);
		compute_range(reader, first, half, proof + *length * RM_SHA256_SIZE);
	}
	(*length)++;
}

/* Write the proof that the leaf is in the tree of that size; returns its number of hashes (section 2.1.1). */
int
rm_tree_reader_inclusion(RmTreeReader *reader, uint64 index, uint64 size, unsigned char *proof)
{
	int length = 0;

	add_path(reader, index, 0, size, proof, &length);
	return length;
}

/* Append SUBPROOF(old, D[first:first + count], whole) to the proof of *length hashes. */
static void
add_subproof(RmTreeReader *reader, uint64 old, uint64 first, uint64 count, bool whole, unsigned char *proof,
			 int *length)
{
	uint64 half;

	if (old == count)
	{
		if (!whole)
			compute_range(reader, first, count, proof + (*length)++ * RM_SHA256_SIZE);
		return;
	}
	half = UINT64CONST(1) << split_height(count);
	if (old <= half)
	{
		add_subproof(reader, old, first, half, whole, proof, length);
		compute_range(reader, first + half, count - half, proof + *length * RM_SHA256_SIZE);
	}
	else
	{
		add_subproof(reader, old - half, first + half, count - half, false, proof, length);
		compute_range(reader, first, half, proof + *length * RM_SHA256_SIZE);
	}
	(*length)++;
}

/* Write the proof that the tree of that size grew from the old one; returns its number of hashes (section 2.1.2). */
int
rm_tree_reader_consistency(RmTreeReader *reader, uint64 old_size, uint64 size, unsigned char *proof)
{
	int length = 0;

	if (old_size > 0)
		add_subproof(reader, old_size, 0, size, true, proof, &length);
	return length;
}

/* Read a tile as it is stored, and the root stored with it; false where it is missing or no tile. */
bool
rm_tree_reader_tile(RmTreeReader *reader, int level, uint64 tile, unsigned char *hashes, unsigned char *root)
{
	SysScanDesc scan = begin_tile_scan(reader, level, tile);
	HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	bool found = false;

	if (HeapTupleIsValid(tuple))
	{
		Datum values[RM_TILE_NATTS];
		bool nulls[RM_TILE_NATTS];
		bytea *stored_hashes;
		bytea *stored_root;

		heap_deform_tuple(tuple, RelationGetDescr(reader->tiles), values, nulls);
		stored_hashes = DatumGetByteaPP(values[RM_TILE_HASHES - 1]);
		stored_root = DatumGetByteaPP(values[RM_TILE_ROOT - 1]);
		found = DatumGetInt64(values[RM_TILE_INDEX - 1]) == tile && VARSIZE_ANY_EXHDR(stored_hashes) == RM_TILE_SIZE &&
				VARSIZE_ANY_EXHDR(stored_root) == RM_SHA256_SIZE;
		if (found)
		{
			memcpy(hashes, VARDATA_ANY(stored_hashes), RM_TILE_SIZE);
			memcpy(root, VARDATA_ANY(stored_root), RM_SHA256_SIZE);
		}
	}
	systable_endscan_ordered(scan);
	return found;
}
