/*
 * digest_compute.c
 *		Functions that compute digests: of values, and of many digests as a tree.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "types/merkle.h"
#include "types/report.h"

/* How much of a large content is in memory at a time, a multiple of TOAST_MAX_CHUNK_SIZE. */
#define CHUNK_SIZE ((size_t) TOAST_MAX_CHUNK_SIZE * 256)

PG_FUNCTION_INFO_V1(rm_compute_digest);
PG_FUNCTION_INFO_V1(rm_merkle_root_step);
PG_FUNCTION_INFO_V1(rm_merkle_root_final);

/* Return the algorithm that a caller names; raise 22023 for an unknown one. */
RmHashAlgorithm
rm_digest_require_algorithm(const text *name)
{
	RmHashAlgorithm algorithm = rm_hash_algorithm(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (algorithm == RM_HASH_INVALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("digest algorithm \"%s\" does not exist",
							   rm_report_clip(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))),
						errhint("Use sha256, sha384 or sha512.")));
	return algorithm;
}

/* Hash a value that is stored out of line and not compressed, chunk by chunk. */
static void
hash_slices(RmHashAlgorithm algorithm, Datum content, size_t size, unsigned char *hash)
{
	RmHashStream *stream = rm_hash_stream_begin(algorithm);

	rm_require_hash(stream != NULL);
	PG_TRY();
	{
		for (size_t at = 0; at < size; at += CHUNK_SIZE)
		{
			bytea *slice = DatumGetByteaPSlice(content, at, Min(size - at, CHUNK_SIZE));

			CHECK_FOR_INTERRUPTS();
			rm_require_hash(rm_hash_stream_add(stream, VARDATA_ANY(slice), VARSIZE_ANY_EXHDR(slice)));
			pfree(slice);
		}
		rm_require_hash(rm_hash_stream_end(stream, hash));
	}
	PG_FINALLY();
	{
		rm_hash_stream_free(stream);
	}
	PG_END_TRY();
}

/* Tell whether a value is stored out of line and not compressed; *size is then its size. */
static bool
is_sliceable(Datum content, size_t *size)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(content);
	struct varatt_external pointer;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return false;
	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	*size = pointer.va_rawsize - VARHDRSZ;
	return !VARATT_EXTERNAL_IS_COMPRESSED(pointer);
}

/* compute_digest(bytea, algorithm text) returns digest. */
Datum
rm_compute_digest(PG_FUNCTION_ARGS)
{
	RmHashAlgorithm algorithm = rm_digest_require_algorithm(PG_GETARG_TEXT_PP(1));
	bytea *content;
	unsigned char hash[RM_HASH_MAX_SIZE];
	size_t size;

	if (is_sliceable(PG_GETARG_DATUM(0), &size) && size > CHUNK_SIZE)
	{
		hash_slices(algorithm, PG_GETARG_DATUM(0), size, hash);
		PG_RETURN_DIGEST(rm_digest_make(algorithm, hash));
	}
	content = PG_GETARG_BYTEA_PP(0);
	rm_require_hash(rm_hash(algorithm, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), hash));
	PG_FREE_IF_COPY(content, 0);
	PG_RETURN_DIGEST(rm_digest_make(algorithm, hash));
}

/*
 * Transition function of merkle_root(digest): add the digest's bytes as the
 * next entry.
 */
Datum
rm_merkle_root_step(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	RmMerkle *tree;
	RmDigest *digest;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "merkle_root_step called outside an aggregate");
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("merkle_root can not take a null digest"),
						errdetail("Leaving it out would give the root of another list."),
						errhint("Leave rows out on purpose with FILTER (WHERE ... IS NOT NULL).")));

	if (PG_ARGISNULL(0))
	{
		tree = MemoryContextAlloc(context, sizeof(RmMerkle));
		rm_merkle_init(tree);
	}
	else
		tree = (RmMerkle *) PG_GETARG_POINTER(0);

	digest = PG_GETARG_DIGEST_PP(1);
	rm_require_hash(rm_merkle_add_entry(tree, rm_digest_bytes(digest), rm_hash_size(rm_digest_algorithm(digest))));
	PG_RETURN_POINTER(tree);
}

/* Final function of merkle_root(digest); no rows give the root of the empty tree. */
Datum
rm_merkle_root_final(PG_FUNCTION_ARGS)
{
	unsigned char root[RM_SHA256_SIZE];
	RmMerkle empty;
	RmMerkle *tree = &empty;

	if (PG_ARGISNULL(0))
		rm_merkle_init(tree);
	else
		tree = (RmMerkle *) PG_GETARG_POINTER(0);

	rm_require_hash(rm_merkle_compute_root(tree, root));
	PG_RETURN_DIGEST(rm_digest_make(RM_HASH_SHA256, root));
}
