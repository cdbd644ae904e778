/*
 * batches.c
 *		Changes of items, put together by what one statement can do.
 *
 * That is the same operation on items of one class, with the same columns.  The
 * changes of an item that differ in nothing but the column become one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Arguments of change_batches(). */
enum
{
	CI,
	OPERATION,
	ATTRIBUTE,
	NEW_VALUE,
	NARGUMENTS
};

#define BATCHES_NATTS 7

/* A change. */
typedef struct Change
{
	char *label;
	char *operation;
	char *attribute; /* "": of the item as such */
	Datum new_value;
	bool is_null;
} Change;

/* What is done to an item: changes that lie together. */
typedef struct ChangedItem
{
	Change *changes;
	int count;
	int class_len;
} ChangedItem;

/* Order changes by operation, item and column, as bytes. */
static int
compare_changes(const void *a, const void *b)
{
	const Change *one = a;
	const Change *other = b;
	int order = strcmp(one->operation, other->operation);

	if (order == 0)
		order = strcmp(one->label, other->label);
	return order != 0 ? order : strcmp(one->attribute, other->attribute);
}

/* Order items by what is done: operation, class and columns. */
static int
compare_kinds(const ChangedItem *one, const ChangedItem *other)
{
	int order = strcmp(one->changes->operation, other->changes->operation);

	if (order == 0 && one->class_len != other->class_len)
		order = one->class_len < other->class_len ? -1 : 1;
	if (order == 0)
		order = memcmp(one->changes->label, other->changes->label, one->class_len);
	if (order == 0 && one->count != other->count)
		order = one->count < other->count ? -1 : 1;
	for (int i = 0; order == 0 && i < one->count; i++)
		order = strcmp(one->changes[i].attribute, other->changes[i].attribute);
	return order;
}

/* Order items by what is done, then by their labels. */
static int
compare_items(const void *a, const void *b)
{
	const ChangedItem *one = a;
	const ChangedItem *other = b;
	int order = compare_kinds(one, other);

	return order != 0 ? order : strcmp(one->changes->label, other->changes->label);
}

/* Read the changes from the arguments. */
static Change *
read_changes(FunctionCallInfo fcinfo, int *count)
{
	Datum *values[NARGUMENTS];
	bool *nulls[NARGUMENTS];
	Change *changes;

	for (int i = 0; i < NARGUMENTS; i++)
	{
		int length;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &values[i], &nulls[i], &length);
		if (i > 0 && length != *count)
			elog(ERROR, "%d items and %d of their changes", *count, length);
		*count = length;
	}
	changes = palloc(sizeof(Change) * Max(*count, 1));
	for (int n = 0; n < *count; n++)
	{
		if (nulls[CI][n] || nulls[OPERATION][n])
			elog(ERROR, "a change names no item or no operation");
		changes[n].label = TextDatumGetCString(values[CI][n]);
		changes[n].operation = TextDatumGetCString(values[OPERATION][n]);
		changes[n].attribute = nulls[ATTRIBUTE][n] ? "" : TextDatumGetCString(values[ATTRIBUTE][n]);
		changes[n].new_value = values[NEW_VALUE][n];
		changes[n].is_null = nulls[NEW_VALUE][n];
	}
	qsort(changes, *count, sizeof(Change), compare_changes);
	return changes;
}

/* Return the items that the changes, in their order, are of. */
static ChangedItem *
items_of(Change *changes, int nchanges, int *count)
{
	ChangedItem *items = palloc(sizeof(ChangedItem) * Max(nchanges, 1));

	*count = 0;
	for (int n = 0; n < nchanges; n++)
	{
		ChangedItem *last = *count == 0 ? NULL : &items[*count - 1];

		if (last == NULL || strcmp(last->changes->label, changes[n].label) != 0 ||
			strcmp(last->changes->operation, changes[n].operation) != 0)
			items[(*count)++] =
				(ChangedItem) { .changes = &changes[n], .count = 1, .class_len = (int) strcspn(changes[n].label, "/") };
		else if (*last->changes->attribute == '\0')
			last->changes = &changes[n]; /* the change of a column says that of the item as such, too */
		else
			last->count++;
	}
	qsort(items, *count, sizeof(ChangedItem), compare_items);
	return items;
}

/* Append the parts of the item's key; return how many they are. */
static int
append_key_parts(const ChangedItem *item, ArrayBuildState *parts, StringInfo part)
{
	const char *key = item->changes->label + item->class_len;
	int count = 1;

	resetStringInfo(part);
	for (const char *c = *key == '\0' ? key : key + 1; *c; c++)
	{
		if (*c == ':')
		{
			accumArrayResult(parts, CStringGetTextDatum(part->data), false, TEXTOID, CurrentMemoryContext);
			resetStringInfo(part);
			count++;
			continue;
		}
		if (*c == '\\' && c[1] != '\0')
			c++;
		appendStringInfoCharMacro(part, *c);
	}
	accumArrayResult(parts, CStringGetTextDatum(part->data), false, TEXTOID, CurrentMemoryContext);
	return count;
}

/* Put out a batch of items to which the same is done. */
static void
put_batch(ReturnSetInfo *result, const ChangedItem *items, int count)
{
	ArrayBuildState *columns = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ArrayBuildState *labels = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ArrayBuildState *new_values = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ArrayBuildState *parts = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	bool has_columns = *items->changes->attribute != '\0';
	StringInfoData part;
	Datum values[BATCHES_NATTS];
	bool nulls[BATCHES_NATTS] = { false };
	int nparts = 0;

	initStringInfo(&part);
	for (int i = 0; has_columns && i < items->count; i++)
		accumArrayResult(columns, CStringGetTextDatum(items->changes[i].attribute), false, TEXTOID,
						 CurrentMemoryContext);
	for (int n = 0; n < count; n++)
	{
		int found = append_key_parts(&items[n], parts, &part);

		nparts = n == 0 || nparts == found ? found : -1;
		accumArrayResult(labels, CStringGetTextDatum(items[n].changes->label), false, TEXTOID, CurrentMemoryContext);
		for (int i = 0; has_columns && i < items[n].count; i++)
			accumArrayResult(new_values, items[n].changes[i].new_value, items[n].changes[i].is_null, TEXTOID,
							 CurrentMemoryContext);
	}
	values[0] = CStringGetTextDatum(items->changes->operation);
	values[1] = PointerGetDatum(cstring_to_text_with_len(items->changes->label, items->class_len));
	values[2] = makeArrayResult(columns, CurrentMemoryContext);
	values[3] = makeArrayResult(labels, CurrentMemoryContext);
	values[4] = makeArrayResult(new_values, CurrentMemoryContext);
	values[5] = makeArrayResult(parts, CurrentMemoryContext);
	values[6] = Int32GetDatum(nparts);
	nulls[6] = nparts < 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(rm_change_batches);

/*
 * change_batches(ci text[], operation text[], attribute text[],
 *				  new_value text[])
 * returns table (operation text, class text, columns text[], labels text[],
 *				  new_values text[], key_parts text[], parts integer)
 */
Datum
rm_change_batches(PG_FUNCTION_ARGS)
{
	int nchanges = 0;
	int count;
	Change *changes = read_changes(fcinfo, &nchanges);
	ChangedItem *items = items_of(changes, nchanges, &count);
	int first = 0;

	InitMaterializedSRF(fcinfo, 0);
	for (int n = 1; n <= count; n++)
	{
		if (n < count && compare_kinds(&items[first], &items[n]) == 0)
			continue;
		put_batch((ReturnSetInfo *) fcinfo->resultinfo, &items[first], n - first);
		first = n;
	}
	return (Datum) 0;
}
