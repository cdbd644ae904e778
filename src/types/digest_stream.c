/*
 * digest_stream.c
 *		Digests of content that is no value: large objects and files of the server.
 *
 * Both are read piece by piece, so that their size does not matter.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "compat.h"
#include "fmgr.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "types/digest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* How much is in memory at a time. */
#define PIECE_SIZE (128 * 1024)

PG_FUNCTION_INFO_V1(rm_compute_digest_of_large_object);
PG_FUNCTION_INFO_V1(rm_compute_digest_of_file);

/* Reads the next piece; 0 at the end. */
typedef size_t (*ReadPiece)(void *source, char *buffer, size_t size);

/* Return the digest of what read gives; frees the computation, whatever happens. */
static RmDigest *
compute_stream(RmHashAlgorithm algorithm, ReadPiece read, void *source)
{
	RmHashStream *stream = rm_hash_stream_begin(algorithm);
	char *buffer = palloc(PIECE_SIZE);
	unsigned char hash[RM_HASH_MAX_SIZE];
	size_t count;

	rm_require_hash(stream != NULL);
	PG_TRY();
	{
		while ((count = read(source, buffer, PIECE_SIZE)) > 0)
		{
			CHECK_FOR_INTERRUPTS();
			rm_require_hash(rm_hash_stream_add(stream, buffer, count));
		}
		rm_require_hash(rm_hash_stream_end(stream, hash));
	}
	PG_FINALLY();
	{
		rm_hash_stream_free(stream);
	}
	PG_END_TRY();
	pfree(buffer);
	return rm_digest_make(algorithm, hash);
}

/* Read from a large object, source being its descriptor. */
static size_t
read_large_object(void *source, char *buffer, size_t size)
{
	return lo_read(*(int *) source, buffer, size);
}

/*
 * compute_digest_of_large_object(oid, algorithm text) returns digest.
 *
 * Goes through lo_open(), which the end of a failed transaction cleans up after.
 */
Datum
rm_compute_digest_of_large_object(PG_FUNCTION_ARGS)
{
	RmHashAlgorithm algorithm = rm_digest_require_algorithm(PG_GETARG_TEXT_PP(1));
	int descriptor = DatumGetInt32(DirectFunctionCall2(be_lo_open, PG_GETARG_DATUM(0), Int32GetDatum(INV_READ)));
	RmDigest *result = compute_stream(algorithm, read_large_object, &descriptor);

	DirectFunctionCall1(be_lo_close, Int32GetDatum(descriptor));
	PG_RETURN_DIGEST(result);
}

/* Read from a file. */
static size_t
read_file(void *source, char *buffer, size_t size)
{
	size_t count = fread(buffer, 1, size, (FILE *) source);

	if (count == 0 && ferror((FILE *) source))
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file: %m")));
	return count;
}

/* compute_digest_of_file(path text, algorithm text) returns digest. */
Datum
rm_compute_digest_of_file(PG_FUNCTION_ARGS)
{
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RmHashAlgorithm algorithm = rm_digest_require_algorithm(PG_GETARG_TEXT_PP(1));
	RmDigest *result;
	FILE *file;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to read files of the server"),
				 errhint("Only roles that hold pg_read_server_files may; or hash the file where it lies and give "
						 "the digest.")));
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\" for reading: %m", path)));
	result = compute_stream(algorithm, read_file, file);
	FreeFile(file);
	PG_RETURN_DIGEST(result);
}
