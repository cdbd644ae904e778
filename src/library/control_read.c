/*
 * control_read.c
 *		Reading of Debian control data, from SQL: packages and their clauses.
 *
 * One pass over any number of stanzas: a package's control file, dpkg's status
 * file, an archive's Packages index.
 */
#include "postgres.h"

#include "library/control.h"
#include "errcodes.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The relation fields of Debian Policy 7.2 to 7.6 and the kinds of clause they make. */
static const struct
{
	const char *field;
	const char *kind;
	bool alternatives;
} relation_fields[] = {
	{ "Depends", "requires", true }, { "Pre-Depends", "pre-requires", true }, { "Conflicts", "conflicts", false },
	{ "Breaks", "breaks", false },   { "Provides", "provides", false },       { "Replaces", "replaces", false },
};

/* Fields of a stanza that control_packages returns, in the order of its columns. */
static const char *const package_fields[] = { "Package",   "Version", "Architecture", "Multi-Arch",
											  "Essential", "Source",  "Status" };

/* A slice as a value of type text. */
static Datum
slice_datum(RmSlice slice)
{
	return PointerGetDatum(cstring_to_text_with_len(slice.data, slice.length));
}

/* Raise that the data is no control data. */
static void
raise_control_error(const RmControl *control)
{
	if (control->error != NULL)
		ereport(ERROR, (errcode(ERRCODE_RM_BAD_CONTENT), errmsg("control data can not be read"),
						errdetail("Line %d: %s", control->line, control->error),
						errhint("Give the text of a control file, a Packages index, or dpkg's status file.")));
}

PG_FUNCTION_INFO_V1(rm_control_packages);

/*
 * Return the packages that control data describes.
 *
 * control_packages(control text) returns table (stanza, name, version,
 * architecture, multi_arch, essential, source, status); a field that is not
 * there is NULL.
 */
Datum
rm_control_packages(PG_FUNCTION_ARGS)
{
	text *input = PG_GETARG_TEXT_PP(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RmControl control = rm_control_start(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input));
	MemoryContext row_context;
	int stanza = 0;

	InitMaterializedSRF(fcinfo, 0);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "control stanza", ALLOCSET_DEFAULT_SIZES);
	while (rm_control_next_stanza(&control))
	{
		Datum values[1 + lengthof(package_fields)];
		bool nulls[1 + lengthof(package_fields)];
		RmSlice name;
		RmSlice value;
		MemoryContext outer = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		memset(nulls, true, sizeof(nulls));
		values[0] = Int32GetDatum(++stanza);
		nulls[0] = false;
		while (rm_control_next_field(&control, &name, &value))
		{
			for (int i = 0; i < lengthof(package_fields); i++)
			{
				if (rm_slice_is(name, package_fields[i]))
				{
					values[i + 1] = slice_datum(value);
					nulls[i + 1] = false;
				}
			}
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(row_context);
	}
	raise_control_error(&control);
	return (Datum) 0;
}

/* Put the alternatives of every clause of one field into the result. */
static void
put_clauses(ReturnSetInfo *result, int stanza, int field, RmSlice value)
{
	RmRelations relations = rm_relations_start(value, relation_fields[field].alternatives);
	RmSlice clause;
	int clause_no = 0;

	while (rm_relations_next_clause(&relations, &clause))
	{
		RmSlice rest = clause;
		RmAlternative alternative;
		int alternative_no = 0;

		clause_no++;
		while (rm_clause_next_alternative(&relations, &rest, &alternative))
		{
			Datum values[9];
			bool nulls[9] = { 0 };

			values[0] = Int32GetDatum(stanza);
			values[1] = CStringGetTextDatum(relation_fields[field].kind);
			values[2] = Int32GetDatum(clause_no);
			values[3] = Int32GetDatum(++alternative_no);
			values[4] = slice_datum(alternative.name);
			nulls[5] = alternative.architecture.length == 0;
			values[5] = nulls[5] ? (Datum) 0 : slice_datum(alternative.architecture);
			nulls[6] = nulls[7] = alternative.relation.length == 0;
			values[6] = nulls[6] ? (Datum) 0 : slice_datum(alternative.relation);
			values[7] = nulls[7] ? (Datum) 0 : slice_datum(alternative.version);
			values[8] = slice_datum(clause);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	if (relations.error != NULL)
		ereport(ERROR, (errcode(ERRCODE_RM_BAD_CONTENT), errmsg("a relation between packages can not be read"),
						errdetail("In stanza %d, field %s, clause \"%.*s\": %s", stanza, relation_fields[field].field,
								  (int) Min(clause.length, 200), clause.data, relations.error),
						errhint("Debian Policy, section 7.1, describes the syntax.")));
}

PG_FUNCTION_INFO_V1(rm_control_clauses);

/*
 * Return the clauses of the packages that control data describes.
 *
 * control_clauses(control text) returns table (stanza, kind, clause_no,
 * alternative_no, name, architecture, relation, version, clause).
 */
Datum
rm_control_clauses(PG_FUNCTION_ARGS)
{
	text *input = PG_GETARG_TEXT_PP(0);
	RmControl control = rm_control_start(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input));
	MemoryContext row_context;
	int stanza = 0;

	InitMaterializedSRF(fcinfo, 0);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "control stanza", ALLOCSET_DEFAULT_SIZES);
	while (rm_control_next_stanza(&control))
	{
		RmSlice name;
		RmSlice value;
		MemoryContext outer = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		stanza++;
		while (rm_control_next_field(&control, &name, &value))
		{
			for (int i = 0; i < lengthof(relation_fields); i++)
			{
				if (rm_slice_is(name, relation_fields[i].field))
					put_clauses((ReturnSetInfo *) fcinfo->resultinfo, stanza, i, value);
			}
		}
		MemoryContextSwitchTo(outer);
		MemoryContextReset(row_context);
	}
	raise_control_error(&control);
	return (Datum) 0;
}
