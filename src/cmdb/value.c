/*
 * value.c
 *		Column values of bound tables as text, and the text of their keys.
 *
 * A value's text is what its type's output function writes under the settings
 * that pg_dump uses, in UTC, so that a plan made in one session is met by a
 * change made in another.
 */
#include "postgres.h"

#include "cmdb/value.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "errcodes.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/settings.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Return the value as text, the same in every session. */
char *
rm_value_text(Datum value, Oid type)
{
	Oid output;
	bool is_varlena;
	char *text;

	type = getBaseType(type);
	getTypeOutputInfo(type, &output, &is_varlena);
	if (!rm_type_output_follows_settings(type))
		text = OidOutputFunctionCall(output, value);
	else
	{
		int nest = rm_settings_begin();

		text = OidOutputFunctionCall(output, value);
		rm_settings_end(nest);
	}
	return text;
}

/*
 * Is reading a value of the type free of the customer's code?
 *
 * A domain's constraint may call any function of its owner, and readers run
 * as the extension's owner: so a domain itself is read as its base type, and
 * types with domains inside are not read at all.
 */
static bool
is_safely_read(Oid type)
{
	Oid element = get_element_type(type);

	if (OidIsValid(element))
		return is_safely_read(element);
	switch (get_typtype(type))
	{
		case TYPTYPE_BASE:
		case TYPTYPE_ENUM:
			return true;
		case TYPTYPE_RANGE:
			return is_safely_read(get_range_subtype(type));
		case TYPTYPE_MULTIRANGE:
			return is_safely_read(get_multirange_range(type));
		default:
			return false;
	}
}

/* Do both toast pointers lead to the same stored value? */
static bool
same_toast(Datum a, Datum b)
{
	struct varatt_external pa;
	struct varatt_external pb;

	if (!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a)) || !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b)))
		return false;
	VARATT_EXTERNAL_GET_POINTER(pa, DatumGetPointer(a));
	VARATT_EXTERNAL_GET_POINTER(pb, DatumGetPointer(b));
	return memcmp(&pa, &pb, sizeof(pa)) == 0;
}

/*
 * Are both values the same, bit for bit?
 *
 * A toasted value that an UPDATE left alone is not read.
 */
bool
rm_value_same(Datum a, bool a_null, Datum b, bool b_null, Form_pg_attribute attribute)
{
	if (a_null || b_null)
		return a_null == b_null;
	if (attribute->attlen == -1 && same_toast(a, b))
		return true;
	return datum_image_eq(a, b, attribute->attbyval, attribute->attlen);
}

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

	if (!is_safely_read(type))
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

/* Return the attribute with that name; RM012 where a bound table has lost it. */
static Form_pg_attribute
attribute_named(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute;
	}
	ereport(ERROR,
			(errcode(ERRCODE_RM_NOT_GOVERNABLE), errmsg("the bound table has no column \"%s\" any more", name),
			 errhint("Bind the class again with the columns that the table has now: release_mgmt.bind_ci_class().")));
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

/* Return the row type of a composite datum and its values. */
static TupleDesc
deform_record(HeapTupleHeader record, Datum **values, bool **nulls)
{
	TupleDesc desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(record), HeapTupleHeaderGetTypMod(record));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	*values = palloc(sizeof(Datum) * desc->natts);
	*nulls = palloc(sizeof(bool) * desc->natts);
	heap_deform_tuple(&tuple, desc, *values, *nulls);
	return desc;
}

PG_FUNCTION_INFO_V1(rm_row_key);

/* row_key(row_value record, columns text[]) returns text */
Datum
rm_row_key(PG_FUNCTION_ARGS)
{
	Datum *values;
	bool *nulls;
	TupleDesc desc = deform_record(PG_GETARG_HEAPTUPLEHEADER(0), &values, &nulls);
	int count;
	char **columns = text_array_strings(PG_GETARG_ARRAYTYPE_P(1), &count);
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < count; i++)
	{
		Form_pg_attribute attribute = attribute_named(desc, columns[i]);

		if (nulls[attribute->attnum - 1])
			PG_RETURN_NULL();
		rm_append_key_part(&key, rm_value_text(values[attribute->attnum - 1], attribute->atttypid), i == 0);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.data, key.len));
}

PG_FUNCTION_INFO_V1(rm_row_values);

/* row_values(row_value record) returns table (attribute text, value text) */
Datum
rm_row_values(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum *values;
	bool *nulls;
	TupleDesc desc = deform_record(PG_GETARG_HEAPTUPLEHEADER(0), &values, &nulls);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Datum out[2];
		bool out_nulls[2] = { false, nulls[i] };

		if (attribute->attisdropped)
			continue;
		out[0] = CStringGetTextDatum(NameStr(attribute->attname));
		out[1] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(rm_value_text(values[i], attribute->atttypid));
		tuplestore_putvalues(result->setResult, result->setDesc, out, out_nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rm_value_text_sql);

/* value_text(value "any") returns text */
Datum
rm_value_text_sql(PG_FUNCTION_ARGS)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, 0);

	PG_RETURN_TEXT_P(cstring_to_text(rm_value_text(PG_GETARG_DATUM(0), type)));
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
		rm_append_key_condition(&sql, alias, attribute_named(RelationGetDescr(relation), columns[i]),
								psprintf("(%s)[%d]", parts, i + 1));
	}
	relation_close(relation, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(sql.data, sql.len));
}

PG_FUNCTION_INFO_V1(rm_canonical_value);

/* Open the relation that has the column: the table itself, or else one that inherits from it. */
static Relation
open_with_column(Oid source, const char *name)
{
	Relation relation = relation_open(source, AccessShareLock);
	ListCell *cell;

	if (get_attnum(source, name) > 0 || !relation->rd_rel->relhassubclass)
		return relation;
	foreach (cell, find_all_inheritors(source, AccessShareLock, NULL))
	{
		if (get_attnum(lfirst_oid(cell), name) <= 0)
			continue;
		relation_close(relation, AccessShareLock);
		return relation_open(lfirst_oid(cell), AccessShareLock);
	}
	return relation;
}

/*
 * canonical_value(source regclass, attribute text, value text) returns text
 *
 * Reads the value as the base type of the column and writes it again.  A value
 * of a composite type, or of an array of domains, stays as it is.
 */
Datum
rm_canonical_value(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation relation = open_with_column(PG_GETARG_OID(0), name);
	Form_pg_attribute attribute = attribute_named(RelationGetDescr(relation), name);
	int32 typmod = attribute->atttypmod;
	Oid type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	Oid input;
	Oid param;
	Datum value;
	int nest;

	if (!is_safely_read(type))
	{
		relation_close(relation, AccessShareLock);
		PG_RETURN_TEXT_P(PG_GETARG_TEXT_PP(2));
	}
	getTypeInputInfo(type, &input, &param);
	/* What is written the same under any setting is read so, too. */
	nest = rm_type_output_follows_settings(type) ? rm_settings_begin() : 0;
	value = OidInputFunctionCall(input, text_to_cstring(PG_GETARG_TEXT_PP(2)), param, typmod);
	if (nest > 0)
		rm_settings_end(nest);
	relation_close(relation, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(rm_value_text(value, type)));
}
