/*
 * key.c
 *		The text of the keys of rows in bound tables, and SQL that finds a row by it.
 *
 * A key is the text of its columns' values joined by ':'; a ':' or '\' inside
 * a value has a '\' before it.
 */
#include "postgres.h"

#include "cmdb/key.h"
#include "cmdb/value.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Append one part of a key, a ':' before all but the first. */
void
rm_append_key_part(StringInfo key, const char *part, bool first)
{
	if (!first)
		appendStringInfoChar(key, ':');
	for (; *part; part++)
	{
		if (*part == ':' || *part == '\\')
			appendStringInfoChar(key, '\\');
		appendStringInfoChar(key, *part);
	}
}

/* Return the text key of the row in slot, NULL where a key column is NULL. */
char *
rm_slot_key(TupleTableSlot *slot, const AttrNumber *keys, int nkeys)
{
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < nkeys; i++)
	{
		bool isnull;
		Datum value = slot_getattr(slot, keys[i], &isnull);

		if (isnull)
			return NULL;
		rm_append_key_part(&key, rm_value_text(value, TupleDescAttr(slot->tts_tupleDescriptor, keys[i] - 1)->atttypid),
						   i == 0);
	}
	return key.data;
}

/*
 * Append "alias.column = value" with the default equality of the column's
 * type, value being SQL of type text.
 *
 * The value is parsed as the base type of a domain, whose constraints may be
 * the customer's code; of character and bit without a length, which as SQL
 * writes them by themselves have one of 1.
 */
void
rm_append_key_condition(StringInfo sql, const char *alias, Form_pg_attribute attribute, const char *value)
{
	Oid type = getBaseType(attribute->atttypid);
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);
	HeapTuple tuple;
	Form_pg_operator equality;

	if (!rm_type_is_safely_read(type))
		ereport(ERROR, (errcode(ERRCODE_RM_NOT_GOVERNABLE),
						errmsg("column \"%s\" can not be part of a key", NameStr(attribute->attname)),
						errdetail("Reading type %s may run code of its owner.", format_type_be(attribute->atttypid)),
						errhint("Choose a key of base types, enums, or domains over these.")));
	if (!OidIsValid(entry->eq_opr))
		ereport(ERROR, (errcode(ERRCODE_RM_NOT_GOVERNABLE),
						errmsg("column \"%s\" can not be part of a key", NameStr(attribute->attname)),
						errdetail("Type %s has no equality.", format_type_be(type))));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(entry->eq_opr));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", entry->eq_opr);
	equality = (Form_pg_operator) GETSTRUCT(tuple);
	appendStringInfo(sql, "%s.%s OPERATOR(%s.%s) CAST(%s AS %s)", alias, quote_identifier(NameStr(attribute->attname)),
					 quote_identifier(get_namespace_name(equality->oprnamespace)), NameStr(equality->oprname), value,
					 format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	ReleaseSysCache(tuple);
}

/* Return the elements of a text[] as strings; none may be NULL. */
static char **
text_array_strings(ArrayType *array, int *count)
{
	Datum *values;
	bool *nulls;
	char **strings;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	strings = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		strings[i] = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	return strings;
}

PG_FUNCTION_INFO_V1(rm_join_key);

/* join_key(VARIADIC parts text[]) returns text */
Datum
rm_join_key(PG_FUNCTION_ARGS)
{
	int count;
	char **parts = text_array_strings(PG_GETARG_ARRAYTYPE_P(0), &count);
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < count; i++)
	{
		if (parts[i] == NULL)
			PG_RETURN_NULL();
		rm_append_key_part(&key, parts[i], i == 0);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.data, key.len));
}

PG_FUNCTION_INFO_V1(rm_split_key);

/* split_key(key text) returns text[] */
Datum
rm_split_key(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ArrayBuildState *parts = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	StringInfoData part;

	initStringInfo(&part);
	for (char *c = key; *c; c++)
	{
		if (*c == ':')
		{
			accumArrayResult(parts, CStringGetTextDatum(part.data), false, TEXTOID, CurrentMemoryContext);
			resetStringInfo(&part);
			continue;
		}
		if (*c == '\\' && c[1] != '\0')
			c++;
		appendStringInfoChar(&part, *c);
	}
	accumArrayResult(parts, CStringGetTextDatum(part.data), false, TEXTOID, CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(parts, CurrentMemoryContext));
}

PG_FUNCTION_INFO_V1(rm_row_key);

/* row_key(row_value record, columns text[]) returns text */
Datum
rm_row_key(PG_FUNCTION_ARGS)
{
	Datum *values;
	bool *nulls;
	TupleDesc desc = rm_record_deform(PG_GETARG_HEAPTUPLEHEADER(0), &values, &nulls);
	int count;
	char **columns = text_array_strings(PG_GETARG_ARRAYTYPE_P(1), &count);
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < count; i++)
	{
		Form_pg_attribute attribute = rm_attribute_named(desc, columns[i]);

		if (nulls[attribute->attnum - 1])
			PG_RETURN_NULL();
		rm_append_key_part(&key, rm_value_text(values[attribute->attnum - 1], attribute->atttypid), i == 0);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.data, key.len));
}

PG_FUNCTION_INFO_V1(rm_key_condition);

/* key_condition(source regclass, columns text[], parts text, alias text) returns text */
Datum
rm_key_condition(PG_FUNCTION_ARGS)
{
	Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
	int count;
	char **columns = text_array_strings(PG_GETARG_ARRAYTYPE_P(1), &count);
	char *parts = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *alias = text_to_cstring(PG_GETARG_TEXT_PP(3));
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&sql, " AND ");
		rm_append_key_condition(&sql, alias, rm_attribute_named(RelationGetDescr(relation), columns[i]),
								psprintf("(%s)[%d]", parts, i + 1));
	}
	relation_close(relation, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(sql.data, sql.len));
}
