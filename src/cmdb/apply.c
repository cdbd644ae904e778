/*
 * apply.c
 *		Apply one planned change to the row of a configuration item.
 *
 * The statement runs with the rights of the bound table's owner, never with
 * the extension's: the table's triggers, constraints and row security are the
 * customer's code.
 */
#include "postgres.h"

#include "cmdb/binding.h"
#include "cmdb/value.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* A statement under construction: its text and its parameters. */
typedef struct Statement
{
	Relation relation;
	const char *label;
	StringInfoData sql;
	StringInfoData columns;
	int nargs;
	Oid types[MaxTupleAttributeNumber];
	Datum args[MaxTupleAttributeNumber];
	char nulls[MaxTupleAttributeNumber];
	Form_pg_attribute attributes[MaxTupleAttributeNumber];
} Statement;

/* Return the table's column with that name. */
static Form_pg_attribute
column_of(Statement *statement, const char *name)
{
	TupleDesc desc = RelationGetDescr(statement->relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute;
	}
	ereport(ERROR, (errcode(ERRCODE_RM_UNKNOWN_CODE),
					errmsg("configuration item \"%s\" has no attribute \"%s\"", statement->label, name),
					errdetail("Table %s has no such column.", RelationGetRelationName(statement->relation)),
					errhint("List the attributes with SELECT attribute FROM release_mgmt.ci_attributes(%s).",
							quote_literal_cstr(statement->label))));
}

/* Add a parameter of the column's type, read as an assignment would; return its number. */
static int
add_value(Statement *statement, Form_pg_attribute attribute, char *value)
{
	int n = statement->nargs++;
	Oid input;
	Oid param;

	getTypeInputInfo(attribute->atttypid, &input, &param);
	statement->types[n] = attribute->atttypid;
	statement->nulls[n] = value == NULL ? 'n' : ' ';
	statement->attributes[n] = attribute;
	statement->args[n] = OidInputFunctionCall(input, value, param, attribute->atttypmod);
	return n + 1;
}

/* Append the condition that finds the row, each part of the key a text parameter. */
static void
append_key(Statement *statement, char **columns, char **parts, int count)
{
	for (int i = 0; i < count; i++)
	{
		int n = statement->nargs++;

		appendStringInfoString(&statement->sql, i == 0 ? " WHERE " : " AND ");
		statement->types[n] = TEXTOID;
		statement->nulls[n] = ' ';
		statement->args[n] = CStringGetTextDatum(parts[i]);
		rm_append_key_condition(&statement->sql, "t", column_of(statement, columns[i]), psprintf("$%d", n + 1));
	}
}

/* Call visit for each pair of a flat jsonb object, its value as text or NULL. */
static void
for_each_pair(Jsonb *changes, void (*visit)(Statement *, char *, char *), Statement *statement)
{
	JsonbIterator *iterator = JsonbIteratorInit(&changes->root);
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;

	if (!JB_ROOT_IS_OBJECT(changes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("changes must be a JSON object {attribute: value}")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (value.type == jbvNull)
				visit(statement, name, NULL);
			else if (value.type == jbvString)
				visit(statement, name, pnstrdup(value.val.string.val, value.val.string.len));
			else
				visit(statement, name, JsonbToCString(NULL, &JsonbValueToJsonb(&value)->root, 0));
		}
	}
}

/* Add one column to the SET list. */
static void
add_assignment(Statement *statement, char *name, char *value)
{
	Form_pg_attribute attribute = column_of(statement, name);
	const char *quoted = quote_identifier(NameStr(attribute->attname));

	appendStringInfo(&statement->sql, "%s%s = $%d", statement->nargs == 0 ? "" : ", ", quoted, statement->nargs + 1);
	appendStringInfo(&statement->columns, "%st.%s", statement->nargs == 0 ? "" : ", ", quoted);
	add_value(statement, attribute, value);
}

/* Add one column to the list of an INSERT. */
static void
add_insertion(Statement *statement, char *name, char *value)
{
	Form_pg_attribute attribute = column_of(statement, name);

	for (int i = 0; i < statement->nargs; i++)
	{
		/* The key already gave it. */
		if (statement->attributes[i] == attribute)
			return;
	}
	appendStringInfo(&statement->columns, "%s%s", statement->nargs == 0 ? "" : ", ",
					 quote_identifier(NameStr(attribute->attname)));
	add_value(statement, attribute, value);
}

/* Refuse where the table's own triggers or rules kept a column from taking its value. */
static void
require_taken(Statement *statement, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
	{
		bool isnull;
		Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull);

		if (!rm_value_same(value, isnull, statement->args[i], statement->nulls[i] == 'n', statement->attributes[i]))
			ereport(ERROR, (errcode(ERRCODE_RM_WRONG_STATE),
							errmsg("table %s did not take the change of configuration item \"%s\"",
								   RelationGetRelationName(statement->relation), statement->label),
							errdetail("Column \"%s\" is %s after it.", NameStr(statement->attributes[i]->attname),
									  isnull ? "NULL" : rm_value_text(value, statement->attributes[i]->atttypid)),
							errhint("Look for triggers of the table that change the row.")));
	}
}

/* Build and run the statement; exactly one row must be met. */
static void
run(Statement *statement, const char *operation, char **columns, char **parts, int nkeys, Jsonb *changes)
{
	const char *target = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(statement->relation)),
													RelationGetRelationName(statement->relation));
	int ncolumns = 0;
	int expected;

	initStringInfo(&statement->sql);
	initStringInfo(&statement->columns);
	if (strcmp(operation, "change") == 0)
	{
		expected = SPI_OK_UPDATE_RETURNING;
		appendStringInfo(&statement->sql, "UPDATE %s AS t SET ", target);
		for_each_pair(changes, add_assignment, statement);
		ncolumns = statement->nargs;
		if (ncolumns == 0)
			return;
		append_key(statement, columns, parts, nkeys);
		appendStringInfo(&statement->sql, " RETURNING %s", statement->columns.data);
	}
	else if (strcmp(operation, "create") == 0)
	{
		expected = SPI_OK_INSERT;
		for (int i = 0; i < nkeys; i++)
			add_insertion(statement, columns[i], parts[i]);
		for_each_pair(changes, add_insertion, statement);
		appendStringInfo(&statement->sql, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (", target,
						 statement->columns.data);
		for (int i = 0; i < statement->nargs; i++)
			appendStringInfo(&statement->sql, "%s$%d", i == 0 ? "" : ", ", i + 1);
		appendStringInfoChar(&statement->sql, ')');
	}
	else
	{
		expected = SPI_OK_DELETE;
		appendStringInfo(&statement->sql, "DELETE FROM %s AS t", target);
		append_key(statement, columns, parts, nkeys);
	}

	if (SPI_execute_with_args(statement->sql.data, statement->nargs, statement->types, statement->args,
							  statement->nulls, false, 0) != expected ||
		SPI_processed != 1)
		ereport(ERROR, (errcode(ERRCODE_RM_WRONG_STATE),
						errmsg("could not %s configuration item \"%s\"", operation, statement->label),
						errdetail("Table %s changed %d rows where one was meant.",
								  RelationGetRelationName(statement->relation), (int) SPI_processed),
						errhint("Look whether the item has a row, and for rules and triggers of the table.")));
	if (ncolumns > 0)
		require_taken(statement, ncolumns);
}

/* Return the elements of a text[] as strings. */
static char **
strings_of(Datum array, int *count)
{
	Datum *values;
	char **strings;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, count);
	strings = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		strings[i] = TextDatumGetCString(values[i]);
	return strings;
}

PG_FUNCTION_INFO_V1(rm_apply_row_change);

/*
 * apply_row_change(source regclass, key_columns text[], key_parts text[],
 *					label text, operation text, changes jsonb) returns void
 *
 * The caller has looked up the item; operation is create, change or retire.
 */
Datum
rm_apply_row_change(PG_FUNCTION_ARGS)
{
	Statement *statement = palloc0(sizeof(Statement));
	char *operation = text_to_cstring(PG_GETARG_TEXT_PP(4));
	int nkeys;
	int nparts;
	char **columns = strings_of(PG_GETARG_DATUM(1), &nkeys);
	char **parts = strings_of(PG_GETARG_DATUM(2), &nparts);
	RmIdentity saved;
	int nest;

	statement->label = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (nkeys != nparts)
		ereport(ERROR,
				(errcode(ERRCODE_RM_UNKNOWN_CODE), errmsg("configuration item \"%s\" does not exist", statement->label),
				 errdetail("The key of its class has %d parts, the label has %d.", nkeys, nparts)));
	statement->relation = table_open(PG_GETARG_OID(0), RowExclusiveLock);

	rm_become(statement->relation->rd_rel->relowner, &saved);
	nest = NewGUCNestLevel();
	(void) set_config_option(
		"search_path",
		psprintf("%s, pg_temp", quote_identifier(get_namespace_name(RelationGetNamespace(statement->relation)))),
		PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run(statement, operation, columns, parts, nkeys, PG_GETARG_JSONB_P(5));
	SPI_finish();
	AtEOXact_GUC(true, nest);
	rm_become_again(&saved);
	table_close(statement->relation, NoLock);
	PG_RETURN_VOID();
}
