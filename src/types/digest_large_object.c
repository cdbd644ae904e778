/*
 * digest_large_object.c
 *		Digests of large objects.
 *
 * lo_read() copies each page, begins an index scan for each piece, and pushes
 * everything else out of shared buffers on its way through an object that is
 * larger than they are.  Here one index scan gives the places of the pages in
 * order, and they are hashed where they lie, in the small ring of buffers
 * that a sequential scan uses.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "catalog/pg_largeobject.h"
#include "compat.h"
#include "fmgr.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "storage/bufmgr.h"
#include "storage/large_object.h"
#include "types/digest_stream.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rm_compute_digest_of_large_object);

/* A large object being read. */
typedef struct ObjectSource
{
	Oid object;
	Relation heap;
	IndexScanDesc scan;
	Snapshot snapshot;
	BufferAccessStrategy ring;
	Buffer buffer; /* the page that the last piece is in */
	HeapTupleData tuple;
	struct varlena *data; /* the last page's content, of which some is still to be given; NULL: none */
	struct varlena *copy; /* what had to be decompressed for it */
	int64 page;           /* its number */
	int64 offset;         /* how many bytes were given */
} ObjectSource;

/* What stands in the place of pages that were never written. */
static const char zeros[LOBLKSIZE];

/* Find the version of a page that the snapshot sees, and keep its buffer; false: none. */
static bool
fetch_page(ObjectSource *from, ItemPointerData place)
{
	BlockNumber block = ItemPointerGetBlockNumber(&place);
	bool found;

	if (!BufferIsValid(from->buffer) || BufferGetBlockNumber(from->buffer) != block)
	{
		if (BufferIsValid(from->buffer))
			ReleaseBuffer(from->buffer);
		from->buffer = ReadBufferExtended(from->heap, MAIN_FORKNUM, block, RBM_NORMAL, from->ring);
	}
	LockBuffer(from->buffer, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(&place, from->heap, from->buffer, from->snapshot, &from->tuple, NULL, true);
	LockBuffer(from->buffer, BUFFER_LOCK_UNLOCK);
	return found;
}

/* Go to the next page of the object; false: there is none. */
static bool
next_page(ObjectSource *from)
{
	ItemPointer place;

	if (from->copy != NULL)
		pfree(from->copy);
	from->data = from->copy = NULL;
	while ((place = index_getnext_tid(from->scan, ForwardScanDirection)) != NULL)
	{
		if (fetch_page(from, *place))
		{
			Form_pg_largeobject page = (Form_pg_largeobject) GETSTRUCT(&from->tuple);

			from->page = page->pageno;
			from->data = (struct varlena *) &page->data;
			if (VARATT_IS_EXTENDED(from->data) && !VARATT_IS_SHORT(from->data))
				from->data = from->copy = detoast_attr(from->data);
			if (VARSIZE_ANY_EXHDR(from->data) > LOBLKSIZE)
				ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
								errmsg("large object %u, page %d has a data field of %d bytes", from->object,
									   page->pageno, (int) VARSIZE_ANY_EXHDR(from->data))));
			return true;
		}
	}
	return false;
}

/* Give the next page, or a piece of the hole before it. */
static bool
next_of_object(void *source, const char **bytes, size_t *len)
{
	ObjectSource *from = source;
	int64 hole;

	if (from->data == NULL && !next_page(from))
		return false;
	hole = from->page * LOBLKSIZE - from->offset;
	if (hole > 0)
	{
		*bytes = zeros;
		*len = Min(hole, LOBLKSIZE);
	}
	else
	{
		*bytes = VARDATA_ANY(from->data);
		*len = VARSIZE_ANY_EXHDR(from->data);
		from->data = NULL;
	}
	from->offset += *len;
	return true;
}

/*
 * compute_digest_of_large_object(oid, algorithm text) returns digest.
 *
 * lo_open() knows who may read it, and says so of one that does not exist.
 */
Datum
rm_compute_digest_of_large_object(PG_FUNCTION_ARGS)
{
	RmHashAlgorithm algorithm = rm_digest_require_algorithm(PG_GETARG_TEXT_PP(1));
	Datum descriptor = DirectFunctionCall2(be_lo_open, PG_GETARG_DATUM(0), Int32GetDatum(INV_READ));
	ObjectSource source = { .object = PG_GETARG_OID(0), .buffer = InvalidBuffer };
	Relation index;
	ScanKeyData key;
	RmDigest *result;

	source.heap = table_open(LargeObjectRelationId, AccessShareLock);
	index = index_open(LargeObjectLOidPNIndexId, AccessShareLock);
	source.snapshot = GetActiveSnapshot();
	source.ring = GetAccessStrategy(BAS_BULKREAD);
	source.scan = rm_index_beginscan(source.heap, index, source.snapshot, 1);
	ScanKeyInit(&key, Anum_pg_largeobject_loid, BTEqualStrategyNumber, F_OIDEQ, PG_GETARG_DATUM(0));
	index_rescan(source.scan, &key, 1, NULL, 0);
	result = rm_digest_compute_stream(algorithm, next_of_object, &source);
	if (BufferIsValid(source.buffer))
		ReleaseBuffer(source.buffer);
	index_endscan(source.scan);
	FreeAccessStrategy(source.ring);
	index_close(index, AccessShareLock);
	table_close(source.heap, AccessShareLock);
	DirectFunctionCall1(be_lo_close, descriptor);
	PG_RETURN_DIGEST(result);
}
