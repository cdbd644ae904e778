/*
 * image.c
 *		Images of rows, as what changed in them is kept, for reading.
 *
 * Values are shown as text that the column's input function takes under the
 * settings of settings.c.  Columns bear the names that they have now.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "ledger/encoding.h"
#include "ledger/image.h"

/* Return an image of the row. */
char *
rm_image_of_row(RmGoverned *governed, HeapTuple tuple, TupleDesc desc, int *len)
{
	Datum *values = palloc(sizeof(Datum) * desc->natts);
	bool *nulls = palloc(sizeof(bool) * desc->natts);
	StringInfoData image;

	heap_deform_tuple(tuple, desc, values, nulls);
	initStringInfo(&image);
	rm_governed_append_image(governed, &image, values, nulls);
	*len = image.len;
	return image.data;
}

/* Push a string as key or value. */
static void
push_string(JsonbParseState **json, JsonbIteratorToken token, const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = (char *) string;
	value.val.string.len = strlen(string);
	(void) pushJsonbValue(json, token, &value);
}

/* Push the name of a column as a key. */
void
rm_image_push_name(JsonbParseState **json, const pg_uuid_t *table_id, const RmOldPair *pair)
{
	char *key = rm_from_utf8(pnstrdup(pair->key, pair->key_len), pair->key_len);

	push_string(json, WJB_KEY, rm_governed_name_of_key(table_id, key));
}

/* Push a column's value; that of no pair is null. */
void
rm_image_push_value(JsonbParseState **json, const RmOldPair *pair)
{
	JsonbValue null = { .type = jbvNull };

	if (pair == NULL || pair->tag == RM_TAG_NULL)
		(void) pushJsonbValue(json, WJB_VALUE, &null);
	else
		push_string(json, WJB_VALUE, rm_canonical_value_text(pair->tag, pair->value, pair->value_len));
}

/* Return an image as jsonb: column name to text. */
Datum
rm_image_to_jsonb(const pg_uuid_t *table_id, const char *image, int len)
{
	JsonbParseState *json = NULL;
	RmOldReader reader;
	RmOldPair pair;

	rm_old_reader_init(&reader, image, len);
	(void) pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
	while (rm_old_read(&reader, &pair))
	{
		rm_image_push_name(&json, table_id, &pair);
		rm_image_push_value(&json, &pair);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&json, WJB_END_OBJECT, NULL)));
}
