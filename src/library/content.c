/*
 * content.c
 *		The chunks of a library item as a stream, and their digest.
 *
 * One chunk is in memory at a time, however large the item is.
 */
#include "library/content.h"

#include "catalog/pg_type.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "types/hash.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Begin to walk over the chunks of item. */
void
rm_content_open(RmContent *content, pg_uuid_t *item)
{
	Oid types[1] = { UUIDOID };
	Datum values[1] = { UUIDPGetDatum(item) };

	memset(content, 0, sizeof(*content));
	content->context = AllocSetContextCreate(CurrentMemoryContext, "library content", ALLOCSET_DEFAULT_SIZES);
	content->portal = SPI_cursor_open_with_args(NULL,
												"SELECT c.content FROM release_mgmt.library_content AS c "
												"WHERE c.item_id OPERATOR(pg_catalog.=) $1 ORDER BY c.chunk_no",
												1, types, values, NULL, true, CURSOR_OPT_NO_SCROLL);
}

/* Bring the next chunk into content->chunk; false at the end. */
bool
rm_content_next(RmContent *content)
{
	bool isnull;
	Datum value;
	MemoryContext caller;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(content->context);
	content->chunk = NULL;
	SPI_cursor_fetch(content->portal, true, 1);
	if (SPI_processed == 0)
		return false;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	caller = MemoryContextSwitchTo(content->context);
	content->chunk = DatumGetByteaPCopy(value);
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/*
 * Like rm_content_next, for callers that no error may jump over.
 *
 * Returns false on an error too; it is then in content->error, and the caller
 * must throw it again once that is safe.
 */
bool
rm_content_try_next(RmContent *content)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool found = false;

	if (content->error != NULL)
		return false;
	PG_TRY();
	{
		found = rm_content_next(content);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(content->context);
		content->error = CopyErrorData();
		FlushErrorState();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	return found;
}

/* End the walk. */
void
rm_content_close(RmContent *content)
{
	SPI_cursor_close(content->portal);
	MemoryContextDelete(content->context);
}

/*
 * Make text of bytes that claim to be UTF-8.
 *
 * what names them in the error (RM019) that is raised where they are not.
 */
text *
rm_text_of_utf8(const char *bytes, size_t length, const char *what)
{
	char *converted;

	if (pg_verify_mbstr(PG_UTF8, bytes, length, true) == false || memchr(bytes, '\0', length) != NULL)
		ereport(ERROR, (errcode(ERRCODE_RM_BAD_CONTENT), errmsg("%s is not UTF-8", what),
						errhint("The item can not be taken in as it is.")));
	converted = pg_any_to_server(bytes, length, PG_UTF8);
	return converted == bytes ? cstring_to_text_with_len(bytes, length) : cstring_to_text(converted);
}

PG_FUNCTION_INFO_V1(rm_content_digest);

/*
 * Compute the digest of an item's content, chunk by chunk.
 *
 * content_digest(item uuid, algorithm text) returns digest.
 */
Datum
rm_content_digest(PG_FUNCTION_ARGS)
{
	pg_uuid_t *item = PG_GETARG_UUID_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	RmHashAlgorithm algorithm = rm_hash_algorithm(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	RmHashStream *hash;
	unsigned char bytes[RM_HASH_MAX_SIZE];
	RmContent content;

	if (algorithm == RM_HASH_INVALID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("digest algorithm \"%s\" is not known", text_to_cstring(name)),
						errhint("Use sha256, sha384 or sha512.")));
	hash = rm_hash_stream_begin(algorithm);
	rm_require_hash(hash != NULL);

	PG_TRY();
	{
		SPI_connect();
		rm_content_open(&content, item);
		while (rm_content_next(&content))
			rm_require_hash(rm_hash_stream_add(hash, VARDATA(content.chunk), VARSIZE(content.chunk) - VARHDRSZ));
		rm_content_close(&content);
		SPI_finish();
		rm_require_hash(rm_hash_stream_end(hash, bytes));
	}
	PG_FINALLY();
	{
		rm_hash_stream_free(hash);
	}
	PG_END_TRY();

	PG_RETURN_DIGEST(rm_digest_make(algorithm, bytes));
}
