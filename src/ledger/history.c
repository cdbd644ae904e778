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
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/governed.h"
#include "ledger/ledger_private.h"
#include "ledger/settings.h"
#include "ledger/transaction.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_changes_in);
PG_FUNCTION_INFO_V1(rm_changes_of_row);
PG_FUNCTION_INFO_V1(rm_key_hash_sql);
PG_FUNCTION_INFO_V1(rm_flush_changes);
PG_FUNCTION_INFO_V1(rm_live_row);

#define CHANGES_IN_NATTS 8

/* Push a string as key or value. */
static void
push_string(JsonbParseState **state, JsonbIteratorToken token, const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = (char *) string;
	value.val.string.len = strlen(string);
	(void) pushJsonbValue(state, token, &value);
}

/* Return an old image as jsonb: column name to text. */
static Datum
old_to_jsonb(const pg_uuid_t *table_id, const char *old, int len)
{
	JsonbParseState *state = NULL;
	RmOldReader reader;
	RmOldPair pair;

	rm_old_reader_init(&reader, old, len);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (rm_old_read(&reader, &pair))
	{
		JsonbValue null = { .type = jbvNull };
		char *key = pg_any_to_server(pnstrdup(pair.key, pair.key_len), pair.key_len, PG_UTF8);

		push_string(&state, WJB_KEY, rm_governed_name_of_key(table_id, key));
		if (pair.tag == RM_TAG_NULL)
			(void) pushJsonbValue(&state, WJB_VALUE, &null);
		else
			push_string(&state, WJB_VALUE, rm_canonical_value_text(pair.tag, pair.value, pair.value_len));
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Return UTF-8 bytes as text. */
static Datum
utf8_to_text(const char *bytes, int len)
{
	return CStringGetTextDatum(pg_any_to_server(pnstrdup(bytes, len), len, PG_UTF8));
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
		values[7] = nulls[7] ? (Datum) 0 : old_to_jsonb(&change.table_id, change.old, change.old_len);
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

	return return_changes(fcinfo, PG_GETARG_UUID_P(2), pg_server_to_any(key, strlen(key), PG_UTF8));
}

/* key_hash(table_id uuid, key text) returns bigint. */
Datum
rm_key_hash_sql(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *utf8 = pg_server_to_any(key, strlen(key), PG_UTF8);

	PG_RETURN_INT64(rm_key_hash(PG_GETARG_UUID_P(0), utf8, strlen(utf8)));
}

/* flush_changes() returns void. */
Datum
rm_flush_changes(PG_FUNCTION_ARGS)
{
	rm_transaction_flush();
	PG_RETURN_VOID();
}

/* Return the query for the captured columns of a row, found by its key values, all given as text. */
static char *
live_row_query(RmGoverned *governed, Relation relation)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < governed->ncolumns; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), governed->columns[i].attnum - 1);

		appendStringInfo(&query, "%s%s", i > 0 ? ", " : "", quote_identifier(NameStr(attribute->attname)));
	}
	appendStringInfo(&query, " FROM %s WHERE ",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)));
	for (int i = 0; i < governed->nkeys; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), governed->keys[i].attnum - 1);

		appendStringInfo(&query, "%s%s = CAST($%d AS %s)", i > 0 ? " AND " : "",
						 quote_identifier(NameStr(attribute->attname)), i + 1,
						 format_type_with_typemod(attribute->atttypid, attribute->atttypmod));
	}
	return query.data;
}

/* Split a text key into so many values; false where it holds more or fewer. */
static bool
split_key(const char *key, Datum *parts, int count)
{
	StringInfoData part;
	int found = 0;

	initStringInfo(&part);
	for (const char *p = key;; p++)
	{
		if (*p == ':' || *p == '\0')
		{
			if (found == count)
				return false;
			parts[found++] = CStringGetTextDatum(part.data);
			resetStringInfo(&part);
			if (*p == '\0')
				return found == count;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		appendStringInfoCharMacro(&part, *p);
	}
}

/* Return the row that live_row_query() found as an old image would show it. */
static Datum
row_to_jsonb(RmGoverned *governed, int natts, HeapTuple tuple, TupleDesc desc)
{
	Datum *values = palloc0(sizeof(Datum) * natts);
	bool *nulls = palloc0(sizeof(bool) * natts);
	StringInfoData image;

	for (int i = 0; i < governed->ncolumns; i++)
	{
		int att = governed->columns[i].attnum - 1;

		values[att] = heap_getattr(tuple, i + 1, desc, &nulls[att]);
	}
	initStringInfo(&image);
	rm_governed_append_image(governed, &image, values, nulls);
	return old_to_jsonb(&governed->table_id, image.data, image.len);
}

/*
 * live_row(source regclass, table_id uuid, key text) returns jsonb.
 *
 * The row as it stands, every column's value as text; NULL if there is none.
 * Reads with the caller's rights.
 */
Datum
rm_live_row(PG_FUNCTION_ARGS)
{
	Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(1)));
	RmGoverned *governed = rm_governed_of(relation, table_id);
	Datum *parts = palloc(sizeof(Datum) * governed->nkeys);
	Oid *types = palloc(sizeof(Oid) * governed->nkeys);
	MemoryContext caller_context = CurrentMemoryContext;
	Datum result = (Datum) 0;
	bool found = false;

	for (int i = 0; i < governed->nkeys; i++)
		types[i] = TEXTOID;
	if (split_key(text_to_cstring(PG_GETARG_TEXT_PP(2)), parts, governed->nkeys))
	{
		int nest_level = rm_settings_begin();
		char *query = live_row_query(governed, relation);

		if (SPI_connect() != SPI_OK_CONNECT ||
			SPI_execute_with_args(query, governed->nkeys, types, parts, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read a row of %s", RelationGetRelationName(relation));
		if (SPI_processed == 1)
		{
			MemoryContext spi_context = MemoryContextSwitchTo(caller_context);

			result = row_to_jsonb(governed, RelationGetNumberOfAttributes(relation), SPI_tuptable->vals[0],
								  SPI_tuptable->tupdesc);
			found = true;
			MemoryContextSwitchTo(spi_context);
		}
		SPI_finish();
		rm_settings_end(nest_level);
	}
	table_close(relation, AccessShareLock);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
