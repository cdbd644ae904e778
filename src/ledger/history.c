/*
 * history.c
 *		Captured changes as rows, and live rows in the same terms, for reading and backing out.
 *
 * Values are shown as text that the column's input function takes under the
 * settings of settings.c.  Columns bear the names that they have now.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/encoding.h"
#include "ledger/governed.h"
#include "ledger/image.h"
#include "ledger/ledger_private.h"
#include "ledger/lookup.h"
#include "ledger/settings.h"
#include "ledger/transaction.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_changes_in);
PG_FUNCTION_INFO_V1(rm_changes_of_row);
PG_FUNCTION_INFO_V1(rm_redact_batch);
PG_FUNCTION_INFO_V1(rm_redact_changes);
PG_FUNCTION_INFO_V1(rm_key_hash_sql);
PG_FUNCTION_INFO_V1(rm_flush_changes);
PG_FUNCTION_INFO_V1(rm_live_image);

#define CHANGES_IN_NATTS 8

/* Return UTF-8 bytes as text. */
static Datum
utf8_to_text(const char *bytes, int len)
{
	return CStringGetTextDatum(rm_from_utf8(pnstrdup(bytes, len), len));
}

/* Return whether the change is of that row. */
static bool
is_change_of(const RmChange *change, const pg_uuid_t *table_id, const char *key)
{
	int len = strlen(key);

	return memcmp(&change->table_id, table_id, UUID_LEN) == 0 &&
		   ((change->key_len == len && memcmp(change->key, key, len) == 0) ||
			(change->former_key && change->former_key_len == len && memcmp(change->former_key, key, len) == 0));
}

/* Return the changes of a batch, of one row only where a key is given. */
static Datum
return_changes(FunctionCallInfo fcinfo, const pg_uuid_t *table_id, const char *key)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea *batch = PG_GETARG_BYTEA_PP(0);
	int64 seq = PG_GETARG_INT64(1) - 1;
	int nest_level = rm_settings_begin();
	RmChangeReader reader;
	RmChange change;

	InitMaterializedSRF(fcinfo, 0);
	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	reader.without_digests = true;
	while (rm_change_read(&reader, &change))
	{
		Datum values[CHANGES_IN_NATTS];
		bool nulls[CHANGES_IN_NATTS] = { false };

		seq++;
		if (key && !is_change_of(&change, table_id, key))
			continue;
		values[0] = Int64GetDatum(seq);
		values[1] = UUIDPGetDatum(&change.table_id);
		values[2] = utf8_to_text(change.key, change.key_len);
		nulls[3] = change.former_key == NULL;
		values[3] = nulls[3] ? (Datum) 0 : utf8_to_text(change.former_key, change.former_key_len);
		values[4] = CStringGetTextDatum(rm_operation_name(change.operation));
		values[5] = Int64GetDatum(change.command_id);
		values[6] = BoolGetDatum(change.redacted);
		nulls[7] = change.old == NULL;
		values[7] = nulls[7] ? (Datum) 0 : rm_image_to_jsonb(&change.table_id, change.old, change.old_len);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	rm_settings_end(nest_level);
	return (Datum) 0;
}

/*
 * changes_in(changes bytea, first_seq bigint) returns setof (seq bigint,
 * table_id uuid, key text, former_key text, operation text, command_id bigint,
 * redacted boolean, old jsonb).
 */
Datum
rm_changes_in(PG_FUNCTION_ARGS)
{
	return return_changes(fcinfo, NULL, NULL);
}

/* changes_of_row(changes bytea, first_seq bigint, table_id uuid, key text) returns as changes_in() does. */
Datum
rm_changes_of_row(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(3));

	return return_changes(fcinfo, PG_GETARG_UUID_P(2), rm_to_utf8(key, strlen(key)));
}

/* redact_batch(changes bytea, table_id uuid, key text, spared bigint) returns bytea. */
Datum
rm_redact_batch(PG_FUNCTION_ARGS)
{
	bytea *batch = PG_GETARG_BYTEA_PP(0);
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int64 spared = PG_GETARG_INT64(3);
	pg_uuid_t previous_table;
	StringInfoData result;
	RmChangeReader reader;
	RmChange change;

	key = rm_to_utf8(key, strlen(key));
	initStringInfo(&result);
	appendStringInfoSpaces(&result, VARHDRSZ);
	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	for (int64 i = 0; rm_change_read(&reader, &change); i++)
	{
		if (i != spared && is_change_of(&change, PG_GETARG_UUID_P(1), key))
			change.redacted = true;
		rm_change_store(&result, &change, i > 0 ? &previous_table : NULL);
		previous_table = change.table_id;
	}
	SET_VARSIZE(result.data, result.len);
	PG_RETURN_BYTEA_P(result.data);
}

/* redact_changes(changes bytea, numbers bigint[]) returns bytea; the numbers ascend. */
Datum
rm_redact_changes(PG_FUNCTION_ARGS)
{
	bytea *batch = PG_GETARG_BYTEA_PP(0);
	Datum *numbers;
	int count;
	int next = 0;
	pg_uuid_t previous_table;
	StringInfoData result;
	RmChangeReader reader;
	RmChange change;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &numbers,
					  NULL, &count);
	initStringInfo(&result);
	appendStringInfoSpaces(&result, VARHDRSZ);
	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	for (int64 i = 0; rm_change_read(&reader, &change); i++)
	{
		if (next < count && DatumGetInt64(numbers[next]) == i)
		{
			change.redacted = true;
			next++;
		}
		rm_change_store(&result, &change, i > 0 ? &previous_table : NULL);
		previous_table = change.table_id;
	}
	SET_VARSIZE(result.data, result.len);
	PG_RETURN_BYTEA_P(result.data);
}

/* key_hash(table_id uuid, key text) returns bigint. */
Datum
rm_key_hash_sql(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *utf8 = rm_to_utf8(key, strlen(key));

	PG_RETURN_INT64(rm_key_hash(PG_GETARG_UUID_P(0), utf8, strlen(utf8)));
}

/* flush_changes() returns void. */
Datum
rm_flush_changes(PG_FUNCTION_ARGS)
{
	rm_transaction_flush();
	PG_RETURN_VOID();
}

/* Return the bytes as a bytea. */
static Datum
bytes_to_bytea(const char *bytes, int len)
{
	bytea *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return PointerGetDatum(result);
}

/*
 * Return the row in its canonical form, and each value that stands in it by
 * its hash: tag and bytes, unless that is longer than limit.
 */
static Datum
row_to_images(RmGoverned *governed, HeapTuple tuple, TupleDesc desc, int limit)
{
	Datum *values = palloc(sizeof(Datum) * desc->natts);
	bool *nulls = palloc(sizeof(bool) * desc->natts);
	Datum *images = palloc(sizeof(Datum) * (governed->ncolumns + 1));
	StringInfoData row;
	StringInfoData image;
	RmOldReader reader;
	RmOldPair pair;
	int count = 1;

	heap_deform_tuple(tuple, desc, values, nulls);
	initStringInfo(&row);
	rm_governed_append_row(governed, &row, values, nulls);
	images[0] = bytes_to_bytea(row.data, row.len);
	initStringInfo(&image);
	rm_governed_append_image(governed, &image, values, nulls);
	rm_old_reader_init(&reader, image.data, image.len);
	while (rm_old_read(&reader, &pair))
	{
		if (pair.value_len > RM_LONGEST_PLAIN_VALUE && pair.value_len < limit)
		{
			char *tagged = palloc(pair.value_len + 1);

			tagged[0] = pair.tag;
			memcpy(tagged + 1, pair.value, pair.value_len);
			images[count++] = bytes_to_bytea(tagged, pair.value_len + 1);
		}
	}
	return PointerGetDatum(construct_array(images, count, BYTEAOID, -1, false, TYPALIGN_INT));
}

/*
 * live_image(member regclass, table_id uuid, key text, limit integer) returns
 * bytea[].
 *
 * The row of one relation of a governed table in its canonical form, and its
 * long values up to that length; NULL if there is none.
 */
Datum
rm_live_image(PG_FUNCTION_ARGS)
{
	Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(1)));
	RmGoverned *governed = rm_governed_of(relation, table_id);
	char **parts = palloc(sizeof(char *) * governed->nkeys);
	Datum result = (Datum) 0;

	if (rm_lookup_split_key(text_to_cstring(PG_GETARG_TEXT_PP(2)), parts, governed->nkeys))
	{
		int nest_level = rm_settings_begin();
		HeapTuple tuple = rm_lookup_row(relation, governed, parts);

		if (tuple)
			result = row_to_images(governed, tuple, RelationGetDescr(relation), Max(PG_GETARG_INT32(3), 1));
		rm_settings_end(nest_level);
	}
	table_close(relation, AccessShareLock);
	if (result == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
