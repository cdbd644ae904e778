/*
 * deb_read.c
 *		Reading of a library item as a Debian package, from SQL.
 *
 * libarchive calls back into code that may raise errors; rm_content_try_next
 * keeps them from jumping over its frames, and they are thrown again here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "library/content.h"
#include "library/deb.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* RmDebSource.read: the item's next chunk. */
static ssize_t
read_chunk(void *state, const void **buffer)
{
	RmContent *content = state;

	if (rm_content_try_next(content))
	{
		*buffer = VARDATA(content->chunk);
		return VARSIZE(content->chunk) - VARHDRSZ;
	}
	return content->error != NULL ? -1 : 0;
}

/* RmDebSource.cancelled */
static bool
is_interrupted(void *state)
{
	return INTERRUPTS_PENDING_CONDITION();
}

/* Raise what made the reader stop, if anything did. */
static void
raise_failure(RmDeb *deb, RmContent *content)
{
	if (content->error != NULL)
		ReThrowError(content->error);
	CHECK_FOR_INTERRUPTS();
	if (deb == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (rm_deb_error(deb) != NULL)
		ereport(ERROR, (errcode(ERRCODE_RM_BAD_CONTENT), errmsg("the item can not be read as a Debian package"),
						errdetail_internal("It reads: %s.", rm_deb_error(deb)),
						errhint("Reject the item, and take the file in again from its source.")));
}

PG_FUNCTION_INFO_V1(rm_deb_read_control);

/*
 * Return the control file of a package in the library.
 *
 * deb_control(item uuid) returns text.
 */
Datum
rm_deb_read_control(PG_FUNCTION_ARGS)
{
	RmContent content;
	RmDebSource source = { read_chunk, is_interrupted, &content };
	RmDeb *volatile deb = NULL;
	MemoryContext caller = CurrentMemoryContext;
	text *volatile result = NULL;

	SPI_connect();
	rm_content_open(&content, PG_GETARG_UUID_P(0));
	PG_TRY();
	{
		const char *control = NULL;
		size_t length = 0;

		deb = rm_deb_open(&source);
		if (deb != NULL)
			control = rm_deb_control(deb, &length);
		raise_failure(deb, &content);

		MemoryContextSwitchTo(caller);
		result = rm_text_of_utf8(control, length, "the control file");
	}
	PG_FINALLY();
	{
		rm_deb_close(deb);
	}
	PG_END_TRY();
	rm_content_close(&content);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/* Put one entry into the result; memory is the caller's short-lived context. */
static void
put_entry(ReturnSetInfo *result, const RmDebEntry *entry)
{
	static const char *const types[] = { "file", "hard link", "symbolic link" };
	Datum values[6] = { 0 };
	bool nulls[6] = { 0 };

	values[0] = PointerGetDatum(rm_text_of_utf8(entry->path, strlen(entry->path), "a path in the package"));
	values[1] = CStringGetTextDatum(types[entry->type]);
	nulls[2] = entry->link == NULL;
	if (entry->link != NULL)
		values[2] =
			PointerGetDatum(rm_text_of_utf8(entry->link, strlen(entry->link), "the target of a link in the package"));
	nulls[3] = entry->type != RM_DEB_FILE;
	if (entry->type == RM_DEB_FILE)
		values[3] = PointerGetDatum(rm_digest_make(RM_HASH_SHA256, entry->sha256));
	values[4] = Int64GetDatum(entry->size);
	values[5] = Int32GetDatum((int32) entry->mode);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(rm_deb_read_entries);

/*
 * Return what a package in the library installs, directories aside.
 *
 * deb_entries(item uuid) returns table (path, type, link, digest, size, mode).
 */
Datum
rm_deb_read_entries(PG_FUNCTION_ARGS)
{
	RmContent content;
	RmDebSource source = { read_chunk, is_interrupted, &content };
	RmDeb *volatile deb = NULL;
	MemoryContext row_context;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	rm_content_open(&content, PG_GETARG_UUID_P(0));
	row_context = AllocSetContextCreate(CurrentMemoryContext, "package entry", ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		RmDebEntry entry;
		MemoryContext outer = CurrentMemoryContext;

		deb = rm_deb_open(&source);
		while (deb != NULL && rm_deb_next_entry(deb, &entry))
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(row_context);
			put_entry((ReturnSetInfo *) fcinfo->resultinfo, &entry);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(row_context);
		}
		raise_failure(deb, &content);
	}
	PG_FINALLY();
	{
		rm_deb_close(deb);
	}
	PG_END_TRY();
	rm_content_close(&content);
	SPI_finish();
	return (Datum) 0;
}
