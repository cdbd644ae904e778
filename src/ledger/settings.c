/*
 * settings.c
 *		The settings under which values are written as text: those of pg_dump.
 *
 * Changing settings costs microseconds, so types whose output is known not to
 * follow any are told apart.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "catalog/dependency.h"
#include "fmgr.h"
#include "ledger/settings.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

static const Setting canonical_settings[] = {
	{ "DateStyle", "ISO" },          { "TimeZone", "UTC" },
	{ "IntervalStyle", "postgres" }, { "extra_float_digits", "3" },
	{ "bytea_output", "hex" },       { "lc_monetary", "C" },
	{ "search_path", "pg_catalog" }, { "quote_all_identifiers", "off" },
};

/* Return whether a type of PostgreSQL itself is written the same under any setting. */
static bool
is_plain_builtin(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case NAMEOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NUMERICOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case XMLOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case BITOID:
		case VARBITOID:
		case TSVECTOROID:
		case TSQUERYOID:
		case PG_LSNOID:
			return true;
		default:
			return false;
	}
}

/*
 * Return whether the type's output may differ from session to session.
 *
 * A type that is not known does, and so does a composite one, which may get
 * another attribute while the answer is remembered.
 */
bool
rm_type_output_follows_settings(Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);

	if (OidIsValid(element))
		return rm_type_output_follows_settings(element);
	if (is_plain_builtin(base))
		return false;

	switch (get_typtype(base))
	{
		case TYPTYPE_ENUM:
			return false;
		case TYPTYPE_COMPOSITE:
			return true;
		case TYPTYPE_RANGE:
			return rm_type_output_follows_settings(get_range_subtype(base));
		case TYPTYPE_MULTIRANGE:
			return rm_type_output_follows_settings(get_multirange_range(base));
		default:
			/* The extension's own types are written the same under any setting. */
			return getExtensionOfObject(TypeRelationId, base) != get_extension_oid("release_mgmt", true);
	}
}

/* Return whether a type of PostgreSQL itself is an OID, or holds some, that is written as the object's name. */
static bool
is_written_by_name(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGCOLLATIONOID:
		case ACLITEMOID:
			return true;
		default:
			return false;
	}
}

/*
 * Return whether values of the type are written with the names of other
 * objects: regclass and its like, aclitem, themselves or in a part of them.
 */
bool
rm_type_follows_names(Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);
	TupleDesc desc;
	bool follows = false;

	if (OidIsValid(element))
		return rm_type_follows_names(element);
	if (is_written_by_name(base))
		return true;
	switch (get_typtype(base))
	{
		case TYPTYPE_RANGE:
			return rm_type_follows_names(get_range_subtype(base));
		case TYPTYPE_MULTIRANGE:
			return rm_type_follows_names(get_multirange_range(base));
		case TYPTYPE_COMPOSITE:
			desc = lookup_rowtype_tupdesc(base, -1);
			for (int i = 0; i < desc->natts && !follows; i++)
				follows =
					!TupleDescAttr(desc, i)->attisdropped && rm_type_follows_names(TupleDescAttr(desc, i)->atttypid);
			ReleaseTupleDesc(desc);
			return follows;
		default:
			return false;
	}
}

PG_FUNCTION_INFO_V1(rm_follows_names);

/* follows_names(type oid) returns boolean */
Datum
rm_follows_names(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(rm_type_follows_names(PG_GETARG_OID(0)));
}

/* Put the settings into force; returns what rm_settings_end() needs. */
int
rm_settings_begin(void)
{
	int nest_level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(canonical_settings); i++)
		(void) set_config_option(canonical_settings[i].name, canonical_settings[i].value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* Put the session's own settings back. */
void
rm_settings_end(int nest_level)
{
	AtEOXact_GUC(true, nest_level);
}
