/*
 * compat_manifest.c
 *		What is installed on a target as text, and that text read again.
 *
 *		target	<label>
 *		item	<label>	<name>	<version>
 *
 * Lines of tab-separated fields, escaped and with \N for NULL as in COPY's text
 * format; items in the byte order of their labels, versions with their scheme.
 * An item whose version can not be read has no name and no version.
 */
#include "release/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "types/digest.h"
#include "types/version.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Listed
{
	const char *ci;
	const RmMember *member; /* NULL: its version can not be read */
} Listed;

/* Order items by label. */
static int
compare_items(const void *a, const void *b)
{
	const Listed *left = a;
	const Listed *right = b;

	return strcmp(left->ci, right->ci);
}

/* Append a tab and a field; NULL is \N. */
static void
append_field(StringInfo out, const char *value)
{
	appendStringInfoChar(out, '\t');
	if (value == NULL)
		appendStringInfoString(out, "\\N");
	for (; value != NULL && *value; value++)
	{
		switch (*value)
		{
			case '\\':
				appendStringInfoString(out, "\\\\");
				break;
			case '\t':
				appendStringInfoString(out, "\\t");
				break;
			case '\n':
				appendStringInfoString(out, "\\n");
				break;
			case '\r':
				appendStringInfoString(out, "\\r");
				break;
			default:
				appendStringInfoCharMacro(out, *value);
		}
	}
}

/* Append what is installed on a target of that label. */
static void
append_target(StringInfo out, const RmCompat *compat, const char *label)
{
	int count = compat->baseline.members + compat->unreadable.used;
	Listed *items = palloc_extended(Max(count, 1) * sizeof(Listed), MCXT_ALLOC_HUGE);

	for (int i = 0; i < compat->baseline.members; i++)
		items[i] = (Listed) { rm_compat_member(compat, i)->ci, rm_compat_member(compat, i) };
	for (int i = 0; i < compat->unreadable.used; i++)
		items[compat->baseline.members + i] = (Listed) { ((const char **) compat->unreadable.items)[i], NULL };
	qsort(items, count, sizeof(Listed), compare_items);

	appendStringInfoString(out, "target");
	append_field(out, label);
	appendStringInfoChar(out, '\n');
	for (int i = 0; i < count; i++)
	{
		const RmMember *member = items[i].member;

		appendStringInfoString(out, "item");
		append_field(out, items[i].ci);
		append_field(out, member == NULL ? NULL : member->label);
		if (member == NULL)
			append_field(out, NULL);
		else
		{
			RmPkgverView version = rm_pkgver_view(member->version);

			appendStringInfo(out, "\t%s/", rm_scheme_name(version.scheme));
			appendBinaryStringInfo(out, version.text, version.text_len);
		}
		appendStringInfoChar(out, '\n');
	}
	pfree(items);
}

/* The row of one label. */
static void
read_target_label(TupleTableSlot *slot, void *arg)
{
	*(char **) arg = TextDatumGetCString(slot->tts_values[0]);
}

/*
 * Return the SHA-256 of what is installed on the target of a check, as text,
 * under the target's label; computed once for a baseline.
 */
const char *
rm_compat_digest(RmCompat *compat, const RmScope *scope)
{
	static RmPlan label_of = { "SELECT i.label FROM release_mgmt.ci AS i WHERE i.id OPERATOR(pg_catalog.=) $1",
							   1,
							   { UUIDOID } };
	Datum target[] = { scope->target };
	char *label = NULL;
	StringInfoData manifest;
	unsigned char hash[RM_SHA256_SIZE];
	char hex[2 * RM_SHA256_SIZE];

	if (compat->digest != NULL)
		return compat->digest;
	if (!scope->no_target)
		rm_read_plan(&label_of, target, NULL, read_target_label, &label);
	initStringInfo(&manifest);
	append_target(&manifest, compat, label);
	rm_require_hash(rm_hash_pieces(RM_HASH_SHA256, &(RmHashPiece) { manifest.data, manifest.len }, 1, hash));
	pfree(manifest.data);
	hex_encode((const char *) hash, sizeof(hash), hex);
	compat->digest = MemoryContextStrdup(compat->context, psprintf("sha256:%.*s", (int) sizeof(hex), hex));
	return compat->digest;
}

PG_FUNCTION_INFO_V1(rm_installed_part);

/*
 * Return what is installed on a target as text.
 *
 * installed_part(target uuid, label text, OUT items integer, OUT manifest
 * text); a NULL target stands for what is installed on none.
 */
Datum
rm_installed_part(PG_FUNCTION_ARGS)
{
	RmScope scope = { .target = PG_GETARG_DATUM(0), .no_target = PG_ARGISNULL(0), .no_package = true };
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc desc;
	StringInfoData out;
	Datum values[2];
	bool nulls[2] = { 0 };
	RmCompat *compat;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "installed_part() returns a row");
	initStringInfo(&out);
	SPI_connect();
	compat = rm_compat_open(&scope);
	append_target(&out, compat, PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	values[0] = Int32GetDatum(compat->baseline.members + compat->unreadable.used);
	rm_compat_close(compat);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	values[1] = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* Read the field that begins at *at and ends before end or a tab; NULL for \N. *at moves behind the tab. */
static Datum
read_field(const char **at, const char *end, bool *isnull)
{
	const char *tab = memchr(*at, '\t', end - *at);
	const char *stop = tab == NULL ? end : tab;
	StringInfoData value;

	*isnull = *at >= end || (stop - *at == 2 && memcmp(*at, "\\N", 2) == 0);
	initStringInfo(&value);
	for (const char *c = *at; c < stop; c++)
	{
		if (*c != '\\' || c + 1 == stop)
			appendStringInfoCharMacro(&value, *c);
		else
		{
			c++;
			appendStringInfoCharMacro(&value, *c == 't' ? '\t' : *c == 'n' ? '\n' : *c == 'r' ? '\r' : *c);
		}
	}
	*at = tab == NULL ? end : tab + 1;
	return *isnull ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(value.data, value.len));
}

PG_FUNCTION_INFO_V1(rm_manifest_items);

/* manifest_items(manifest text) returns table (target text, ci text, name text, version text): what the manifest lists.
 */
Datum
rm_manifest_items(PG_FUNCTION_ARGS)
{
	text *manifest = PG_GETARG_TEXT_PP(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *at = VARDATA_ANY(manifest);
	const char *end = at + VARSIZE_ANY_EXHDR(manifest);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext line_context;
	MemoryContext target_context;
	Datum values[4] = { 0 };
	bool nulls[4] = { true, true, true, true };

	InitMaterializedSRF(fcinfo, 0);
	line_context = AllocSetContextCreate(caller, "line of a manifest", ALLOCSET_SMALL_SIZES);
	target_context = AllocSetContextCreate(caller, "target of a manifest", ALLOCSET_SMALL_SIZES);
	while (at < end)
	{
		const char *newline = memchr(at, '\n', end - at);
		const char *stop = newline == NULL ? end : newline;

		if (stop - at > 7 && memcmp(at, "target\t", 7) == 0)
		{
			at += 7;
			MemoryContextReset(target_context);
			MemoryContextSwitchTo(target_context);
			values[0] = read_field(&at, stop, &nulls[0]);
		}
		else if (stop - at > 5 && memcmp(at, "item\t", 5) == 0)
		{
			at += 5;
			MemoryContextSwitchTo(line_context);
			for (int i = 1; i < lengthof(values); i++)
				values[i] = read_field(&at, stop, &nulls[i]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			MemoryContextReset(line_context);
		}
		at = newline == NULL ? end : newline + 1;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(line_context);
	MemoryContextDelete(target_context);
	return (Datum) 0;
}
