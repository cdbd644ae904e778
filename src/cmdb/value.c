/*
 * value.c
 *		Column values of bound tables as text.
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
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/settings.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
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
bool
rm_type_is_safely_read(Oid type)
{
	Oid element = get_element_type(type);

	if (OidIsValid(element))
		return rm_type_is_safely_read(element);
	switch (get_typtype(type))
	{
		case TYPTYPE_BASE:
		case TYPTYPE_ENUM:
			return true;
		case TYPTYPE_RANGE:
			return rm_type_is_safely_read(get_range_subtype(type));
		case TYPTYPE_MULTIRANGE:
			return rm_type_is_safely_read(get_multirange_range(type));
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

/* Return the attribute with that name; RM012 where a bound table has lost it. */
Form_pg_attribute
rm_attribute_named(TupleDesc desc, const char *name)
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

/* Return the row type of a composite datum and its values. */
TupleDesc
rm_record_deform(HeapTupleHeader record, Datum **values, bool **nulls)
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

PG_FUNCTION_INFO_V1(rm_row_values);

/* row_values(row_value record) returns table (attribute text, value text) */
Datum
rm_row_values(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum *values;
	bool *nulls;
	TupleDesc desc = rm_record_deform(PG_GETARG_HEAPTUPLEHEADER(0), &values, &nulls);

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
	Form_pg_attribute attribute = rm_attribute_named(RelationGetDescr(relation), name);
	int32 typmod = attribute->atttypmod;
	Oid type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
	Oid input;
	Oid param;
	Datum value;
	int nest;

	if (!rm_type_is_safely_read(type))
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
