/*
 * tree_write.c
 *		The Merkle tree of a log grows: entries, full tiles, and the head.
 *
 * Only full tiles are stored, so that rows are inserted and never updated,
 * but for the one of the head.  Only whoever holds the sequencer's lock
 * writes here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "errcodes.h"
#include "ledger/tree.h"
#include "types/digest.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

/* Attribute numbers of release_mgmt.ledger_head. */
enum
{
	HEAD_LOG_ID = 1,
	HEAD_SIZE,
	HEAD_EDGE,
	HEAD_TAIL,
	HEAD_SEQUENCED_AT,
	HEAD_SEEN_BEFORE,
	HEAD_NOT_SEEN_FROM,
	HEAD_NATTS = HEAD_NOT_SEEN_FROM
};

/* Make a bytea of the bytes. */
static bytea *
make_bytea(const void *bytes, int len)
{
	bytea *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return result;
}

/* Begin a scan of ledger_head for the log. */
static SysScanDesc
begin_head_scan(Relation head, const pg_uuid_t *log, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, HEAD_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(log));
	return systable_beginscan(head, rm_ledger_relid("ledger_head_pkey"), true, snapshot, 1, &key);
}

/*
 * Read how far the log's tree has grown; false if it has no head.
 *
 * *own tells whether the head was written by the transaction that is open, so
 * that it may yet vanish.  tail, if given, receives the hashes of the leaves
 * behind the last full tile.
 */
bool
rm_tree_read_head(const pg_uuid_t *log, Snapshot snapshot, RmMerkle *edge, bool *own, unsigned char *tail)
{
	Relation head = table_open(rm_ledger_relid("ledger_head"), AccessShareLock);
	SysScanDesc scan = begin_head_scan(head, log, snapshot);
	HeapTuple tuple = systable_getnext(scan);
	bool found = HeapTupleIsValid(tuple);

	rm_merkle_init(edge);
	*own = false;
	if (found)
	{
		Datum values[HEAD_NATTS];
		bool nulls[HEAD_NATTS];
		bytea *stack;

		heap_deform_tuple(tuple, RelationGetDescr(head), values, nulls);
		edge->size = (uint64) DatumGetInt64(values[HEAD_SIZE - 1]);
		stack = DatumGetByteaPP(values[HEAD_EDGE - 1]);
		if (VARSIZE_ANY_EXHDR(stack) != __builtin_popcountll(edge->size) * RM_SHA256_SIZE)
			ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("the ledger's head contradicts its size"),
							errhint("Call release_mgmt.verify_ledger().")));
		memcpy(edge->stack, VARDATA_ANY(stack), VARSIZE_ANY_EXHDR(stack));
		if (tail)
		{
			bytea *hashes = DatumGetByteaPP(values[HEAD_TAIL - 1]);

			memset(tail, 0, RM_TILE_SIZE);
			memcpy(tail, VARDATA_ANY(hashes), Min(VARSIZE_ANY_EXHDR(hashes), RM_TILE_SIZE));
		}
		*own = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	}
	systable_endscan(scan);
	table_close(head, AccessShareLock);
	return found;
}

/* Return which transactions' leaves are in the tree, and which are not, as far as that is known. */
RmSeen
rm_tree_seen(const pg_uuid_t *log, Snapshot snapshot)
{
	Relation head = table_open(rm_ledger_relid("ledger_head"), AccessShareLock);
	SysScanDesc scan = begin_head_scan(head, log, snapshot);
	HeapTuple tuple = systable_getnext(scan);
	RmSeen seen = { InvalidFullTransactionId, InvalidFullTransactionId };

	if (HeapTupleIsValid(tuple))
	{
		Datum values[HEAD_NATTS];
		bool nulls[HEAD_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(head), values, nulls);
		if (!nulls[HEAD_SEEN_BEFORE - 1] && !nulls[HEAD_NOT_SEEN_FROM - 1])
		{
			seen.before = DatumGetFullTransactionId(values[HEAD_SEEN_BEFORE - 1]);
			seen.not_from = DatumGetFullTransactionId(values[HEAD_NOT_SEEN_FROM - 1]);
		}
	}
	systable_endscan(scan);
	table_close(head, AccessShareLock);
	return seen;
}

/* Write how far the writer's tree has grown. */
static void
write_head(const RmTreeWriter *writer, const RmMerkle *edge)
{
	const pg_uuid_t *log = &writer->log;
	Relation head = table_open(rm_ledger_relid("ledger_head"), RowExclusiveLock);
	SysScanDesc scan = begin_head_scan(head, log, NULL);
	HeapTuple old_tuple = systable_getnext(scan);
	Datum values[HEAD_NATTS];
	bool nulls[HEAD_NATTS] = { false };
	HeapTuple tuple;

	values[HEAD_LOG_ID - 1] = UUIDPGetDatum(log);
	values[HEAD_SIZE - 1] = Int64GetDatum((int64) edge->size);
	values[HEAD_EDGE - 1] = PointerGetDatum(make_bytea(edge->stack, __builtin_popcountll(edge->size) * RM_SHA256_SIZE));
	values[HEAD_TAIL - 1] = PointerGetDatum(make_bytea(writer->tile, edge->size % RM_TILE_WIDTH * RM_SHA256_SIZE));
	values[HEAD_SEQUENCED_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[HEAD_SEEN_BEFORE - 1] = FullTransactionIdGetDatum(writer->seen.before);
	values[HEAD_NOT_SEEN_FROM - 1] = FullTransactionIdGetDatum(writer->seen.not_from);
	nulls[HEAD_SEEN_BEFORE - 1] = nulls[HEAD_NOT_SEEN_FROM - 1] = !FullTransactionIdIsValid(writer->seen.before);
	tuple = heap_form_tuple(RelationGetDescr(head), values, nulls);
	if (HeapTupleIsValid(old_tuple))
		CatalogTupleUpdate(head, &old_tuple->t_self, tuple);
	else
		CatalogTupleInsert(head, tuple);
	systable_endscan(scan);
	table_close(head, NoLock);
}

/* Return how many leaves the tree has. */
uint64
rm_tree_writer_size(const RmTreeWriter *writer)
{
	return writer->above.size * RM_TILE_WIDTH + writer->within.size;
}

/* Take the edge of a tree apart: the perfect subtrees that consist of full tiles, and those behind. */
static void
split_edge(const RmMerkle *edge, RmMerkle *above, RmMerkle *within)
{
	int full = __builtin_popcountll(edge->size / RM_TILE_WIDTH);

	above->size = edge->size / RM_TILE_WIDTH;
	memcpy(above->stack, edge->stack, full * RM_SHA256_SIZE);
	within->size = edge->size % RM_TILE_WIDTH;
	memcpy(within->stack, edge->stack + full, __builtin_popcountll(within->size) * RM_SHA256_SIZE);
}

/* Put the edge of the writer's tree together. */
static void
join_edge(const RmTreeWriter *writer, RmMerkle *edge)
{
	int full = __builtin_popcountll(writer->above.size);

	edge->size = rm_tree_writer_size(writer);
	memcpy(edge->stack, writer->above.stack, full * RM_SHA256_SIZE);
	memcpy(edge->stack + full, writer->within.stack, __builtin_popcountll(writer->within.size) * RM_SHA256_SIZE);
}

/* Hash the entries behind the last full tile into the writer's tile. */
static void
fill_partial_tile(RmTreeWriter *writer, Snapshot snapshot)
{
	uint64 size = rm_tree_writer_size(writer);
	uint64 first = size - size % RM_TILE_WIDTH;
	Relation index = index_open(rm_ledger_relid("ledger_entry_pkey"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	uint64 found = 0;

	ScanKeyInit(&keys[0], RM_ENTRY_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&writer->log));
	ScanKeyInit(&keys[1], RM_ENTRY_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum((int64) first));
	scan = systable_beginscan_ordered(writer->entries.relation, index, snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Datum values[RM_ENTRY_NATTS];
		bool nulls[RM_ENTRY_NATTS];
		bytea *entry;

		heap_deform_tuple(tuple, RelationGetDescr(writer->entries.relation), values, nulls);
		if (DatumGetInt64(values[RM_ENTRY_INDEX - 1]) != first + found || first + found >= size)
			break;
		entry = DatumGetByteaPP(values[RM_ENTRY_ENTRY - 1]);
		rm_require_hash(
			rm_merkle_hash_entry(VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry), writer->tile + found * RM_SHA256_SIZE));
		found++;
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	if (first + found != size || HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT),
						errmsg("the ledger's entries contradict its head of size " UINT64_FORMAT, size),
						errhint("Call release_mgmt.verify_ledger().")));
}

/* Open the log's tree for growing, as it is in the snapshot. */
void
rm_tree_writer_open(RmTreeWriter *writer, const pg_uuid_t *log, Snapshot snapshot)
{
	RmMerkle edge;
	bool own;

	writer->log = *log;
	(void) rm_tree_read_head(log, snapshot, &edge, &own, NULL);
	split_edge(&edge, &writer->above, &writer->within);
	writer->seen = rm_tree_seen(log, snapshot);
	rm_store_open(&writer->entries, "ledger_entry");
	rm_store_open(&writer->tiles, "ledger_tile");
	fill_partial_tile(writer, snapshot);
}

/* Compute the root over the hashes of a full tile. */
static void
compute_tile_root(const unsigned char *hashes, unsigned char *root)
{
	RmMerkle tree;

	rm_merkle_init(&tree);
	for (int i = 0; i < RM_TILE_WIDTH; i++)
		rm_require_hash(rm_merkle_add_leaf(&tree, hashes + i * RM_SHA256_SIZE));
	memcpy(root, tree.stack[0], RM_SHA256_SIZE);
}

/* Collect the roots of the 256 tiles of the level beneath. */
static void
collect_roots(RmTreeWriter *writer, int level, uint64 tile_index, unsigned char *hashes)
{
	Relation index = index_open(rm_ledger_relid("ledger_tile_pkey"), AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple tuple;
	int found = 0;

	CommandCounterIncrement();
	ScanKeyInit(&keys[0], RM_TILE_LOG_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&writer->log));
	ScanKeyInit(&keys[1], RM_TILE_LEVEL, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(level - 1));
	ScanKeyInit(&keys[2], RM_TILE_INDEX, BTGreaterEqualStrategyNumber, F_INT8GE,
				Int64GetDatum((int64) (tile_index * RM_TILE_WIDTH)));
	scan = systable_beginscan_ordered(writer->tiles.relation, index, NULL, 3, keys);
	while (found < RM_TILE_WIDTH && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool isnull;
		bytea *root =
			DatumGetByteaPP(heap_getattr(tuple, RM_TILE_ROOT, RelationGetDescr(writer->tiles.relation), &isnull));

		memcpy(hashes + found * RM_SHA256_SIZE, VARDATA_ANY(root), RM_SHA256_SIZE);
		found++;
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	if (found != RM_TILE_WIDTH)
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("tiles of level %d are missing", level - 1),
						errhint("Call release_mgmt.verify_ledger().")));
}

/* Store a full tile and its root, and those above that it makes full. */
static void
store_tile(RmTreeWriter *writer, int level, uint64 tile_index, const unsigned char *hashes, const unsigned char *root)
{
	Datum values[RM_TILE_NATTS];
	bool nulls[RM_TILE_NATTS] = { false };

	values[RM_TILE_LOG_ID - 1] = UUIDPGetDatum(&writer->log);
	values[RM_TILE_LEVEL - 1] = Int32GetDatum(level);
	values[RM_TILE_INDEX - 1] = Int64GetDatum((int64) tile_index);
	values[RM_TILE_ROOT - 1] = PointerGetDatum(make_bytea(root, RM_SHA256_SIZE));
	values[RM_TILE_HASHES - 1] = PointerGetDatum(make_bytea(hashes, RM_TILE_SIZE));
	rm_store_insert(&writer->tiles, values, nulls);
	pfree(DatumGetPointer(values[RM_TILE_ROOT - 1]));
	pfree(DatumGetPointer(values[RM_TILE_HASHES - 1]));

	if ((tile_index + 1) % RM_TILE_WIDTH == 0)
	{
		unsigned char *above = palloc(RM_TILE_SIZE);
		unsigned char root_above[RM_SHA256_SIZE];

		collect_roots(writer, level + 1, tile_index / RM_TILE_WIDTH, above);
		compute_tile_root(above, root_above);
		store_tile(writer, level + 1, tile_index / RM_TILE_WIDTH, above, root_above);
		pfree(above);
	}
}

/* Append an entry as the next leaf; transaction_id is NULL for one that is not of a transaction. */
void
rm_tree_writer_append(RmTreeWriter *writer, const pg_uuid_t *transaction_id, bytea *entry)
{
	uint64 index = rm_tree_writer_size(writer);
	unsigned char *leaf = writer->tile + writer->within.size * RM_SHA256_SIZE;
	Datum values[RM_ENTRY_NATTS];
	bool nulls[RM_ENTRY_NATTS] = { false };

	values[RM_ENTRY_LOG_ID - 1] = UUIDPGetDatum(&writer->log);
	values[RM_ENTRY_INDEX - 1] = Int64GetDatum((int64) index);
	values[RM_ENTRY_TRANSACTION_ID - 1] = UUIDPGetDatum(transaction_id);
	nulls[RM_ENTRY_TRANSACTION_ID - 1] = transaction_id == NULL;
	values[RM_ENTRY_ENTRY - 1] = PointerGetDatum(entry);
	rm_store_collect(&writer->entries, values, nulls);

	rm_require_hash(rm_merkle_hash_entry(VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry), leaf));
	rm_require_hash(rm_merkle_add_leaf(&writer->within, leaf));
	if (writer->within.size == RM_TILE_WIDTH)
	{
		store_tile(writer, 0, index / RM_TILE_WIDTH, writer->tile, writer->within.stack[0]);
		rm_require_hash(rm_merkle_add_leaf(&writer->above, writer->within.stack[0]));
		rm_merkle_init(&writer->within);
	}
}

/* Write what waits and the head, and close the tree. */
void
rm_tree_writer_close(RmTreeWriter *writer)
{
	RmMerkle edge;

	rm_store_close(&writer->entries);
	rm_store_close(&writer->tiles);
	join_edge(writer, &edge);
	write_head(writer, &edge);
}
