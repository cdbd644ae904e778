/*
 * digest_stream.c
 *		Digests of content that comes piece by piece, so that its size does not matter.
 *
 * Files of the server are here, large objects in digest_large_object.c.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "compat.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "types/digest_stream.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* How much of a file is in memory at a time. */
#define PIECE_SIZE (128 * 1024)

PG_FUNCTION_INFO_V1(rm_compute_digest_of_file);

/* Return the digest of what next gives; frees the computation, whatever happens. */
RmDigest *
rm_digest_compute_stream(RmHashAlgorithm algorithm, RmNextPiece next, void *source)
{
	RmHashStream *stream = rm_hash_stream_begin(algorithm);
	unsigned char hash[RM_HASH_MAX_SIZE];
	const char *bytes;
	size_t len;

	rm_require_hash(stream != NULL);
	PG_TRY();
	{
		while (next(source, &bytes, &len))
		{
			CHECK_FOR_INTERRUPTS();
			rm_require_hash(rm_hash_stream_add(stream, bytes, len));
		}
		rm_require_hash(rm_hash_stream_end(stream, hash));
	}
	PG_FINALLY();
	{
		rm_hash_stream_free(stream);
	}
	PG_END_TRY();
	return rm_digest_make(algorithm, hash);
}

/* A file being read. */
typedef struct FileSource
{
	FILE *file;
	char *buffer;
} FileSource;

/* Give the next piece of a file. */
static bool
next_of_file(void *source, const char **bytes, size_t *len)
{
	FileSource *from = source;

	*bytes = from->buffer;
	*len = fread(from->buffer, 1, PIECE_SIZE, from->file);
	if (*len == 0 && ferror(from->file))
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file: %m")));
	return *len > 0;
}

/* compute_digest_of_file(path text, algorithm text) returns digest. */
Datum
rm_compute_digest_of_file(PG_FUNCTION_ARGS)
{
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RmHashAlgorithm algorithm = rm_digest_require_algorithm(PG_GETARG_TEXT_PP(1));
	FileSource source;
	RmDigest *result;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to read files of the server"),
				 errhint("Only roles that hold pg_read_server_files may; or hash the file where it lies and give "
						 "the digest.")));
	source.file = AllocateFile(path, PG_BINARY_R);
	if (source.file == NULL)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\" for reading: %m", path)));
	source.buffer = palloc(PIECE_SIZE);
	result = rm_digest_compute_stream(algorithm, next_of_file, &source);
	pfree(source.buffer);
	FreeFile(source.file);
	PG_RETURN_DIGEST(result);
}
