/*
 * apply.c
 *		Apply planned changes to the rows of configuration items, many in one statement.
 *
 * The statement runs with the rights of the bound table's owner, never with
 * the extension's: the table's triggers, constraints and row security are the
 * customer's code.  What it writes stands in a tuplestore, which the statement
 * reads as a relation (as triggers read transition tables), in the types of the
 * table's columns.
 */
#include "postgres.h"

#include "cmdb/binding.h"
#include "cmdb/key.h"
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
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#define CHANGES "rm_changes" /* what the tuplestore is called in the statement */

/* A column that the statement reads or writes. */
typedef struct Column
{
	Form_pg_attribute attribute;
	FmgrInfo input;
	Oid param;
	Oid type;
	int32 typmod;
	char **texts; /* of each item in turn */
	int stride;   /* distance of the texts of two items */
} Column;

/* A batch of items to which the same is done. */
typedef struct Batch
{
	Relation relation;
	const char *operation;
	char **labels;
	int nitems;
	int nkeys; /* the first columns are the key */
	int ncolumns;
	Column *columns;
	int first; /* of the items that one statement takes, */
	int limit; /* and the one after the last */
	Datum *values;
	bool *nulls;
} Batch;

/* Return the elements of a text[] as strings; NULL for NULL. */
static char **
strings_of(Datum array, int *count)
{
	Datum *values;
	bool *nulls;
	char **strings;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	strings = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		strings[i] = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	return strings;
}

/* Return the table's column with that name. */
static Form_pg_attribute
column_of(const Batch *batch, const char *name)
{
	TupleDesc desc = RelationGetDescr(batch->relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute;
	}
	ereport(ERROR, (errcode(ERRCODE_RM_UNKNOWN_CODE),
					errmsg("configuration item \"%s\" has no attribute \"%s\"", batch->labels[0], name),
					errdetail("Table %s has no such column.", RelationGetRelationName(batch->relation)),
					errhint("List the attributes with SELECT attribute FROM release_mgmt.ci_attributes(%s).",
							quote_literal_cstr(batch->labels[0]))));
}

/* Add a column; one that is compared is read as its base type, one that is written as an assignment would. */
static void
add_column(Batch *batch, const char *name, bool is_compared, char **texts, int stride)
{
	Column *column = &batch->columns[batch->ncolumns];
	Oid input;

	column->attribute = column_of(batch, name);
	column->type = is_compared ? getBaseType(column->attribute->atttypid) : column->attribute->atttypid;
	column->typmod = is_compared ? -1 : column->attribute->atttypmod;
	column->texts = texts;
	column->stride = stride;
	getTypeInputInfo(column->type, &input, &column->param);
	fmgr_info(input, &column->input);
	batch->ncolumns++;
}

/* Return whether the key has the column. */
static bool
is_key(const Batch *batch, const char *name)
{
	for (int i = 0; i < batch->nkeys; i++)
	{
		if (strcmp(NameStr(batch->columns[i].attribute->attname), name) == 0)
			return true;
	}
	return false;
}

/* Return the items of this turn as a relation: the number of each, and its values. */
static EphemeralNamedRelation
changes_relation(Batch *batch)
{
	EphemeralNamedRelation changes = palloc0(sizeof(EphemeralNamedRelationData));
	TupleDesc desc = CreateTemplateTupleDesc(1 + batch->ncolumns);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	Datum *values = palloc(sizeof(Datum) * (1 + batch->ncolumns));
	bool *nulls = palloc0(sizeof(bool) * (1 + batch->ncolumns));

	TupleDescInitEntry(desc, 1, "n", INT4OID, -1, 0);
	for (int i = 0; i < batch->ncolumns; i++)
		TupleDescInitEntry(desc, i + 2, psprintf("v%d", i), batch->columns[i].type, batch->columns[i].typmod, 0);
	for (int n = batch->first; n < batch->limit; n++)
	{
		values[0] = Int32GetDatum(n);
		for (int i = 0; i < batch->ncolumns; i++)
		{
			Column *column = &batch->columns[i];
			char *string = column->texts[n * column->stride];

			values[i + 1] = InputFunctionCall(&column->input, string, column->param, column->typmod);
			nulls[i + 1] = string == NULL;
			batch->values[n * batch->ncolumns + i] = values[i + 1];
			batch->nulls[n * batch->ncolumns + i] = nulls[i + 1];
		}
		tuplestore_putvalues(store, desc, values, nulls);
	}
	changes->md.name = CHANGES;
	changes->md.reliddesc = InvalidOid;
	changes->md.tupdesc = desc;
	changes->md.enrtype = ENR_NAMED_TUPLESTORE;
	changes->md.enrtuples = batch->limit - batch->first;
	changes->reldata = store;
	return changes;
}

/* Append the condition that finds an item's row. */
static void
append_key(const Batch *batch, StringInfo sql)
{
	for (int i = 0; i < batch->nkeys; i++)
	{
		appendStringInfoString(sql, i == 0 ? " WHERE " : " AND ");
		rm_append_key_condition(sql, "t", batch->columns[i].attribute, psprintf("c.v%d", i));
	}
}

/* Return the statement, and what SPI says of one that succeeds. */
static char *
statement_of(const Batch *batch, const char *target, int *success)
{
	StringInfoData sql;
	bool returns = true;

	initStringInfo(&sql);
	if (strcmp(batch->operation, "change") == 0)
	{
		*success = SPI_OK_UPDATE_RETURNING;
		appendStringInfo(&sql, "UPDATE %s AS t SET ", target);
		for (int i = batch->nkeys; i < batch->ncolumns; i++)
			appendStringInfo(&sql, "%s%s = c.v%d", i == batch->nkeys ? "" : ", ",
							 quote_identifier(NameStr(batch->columns[i].attribute->attname)), i);
		appendStringInfoString(&sql, " FROM " CHANGES " AS c");
		append_key(batch, &sql);
	}
	else if (strcmp(batch->operation, "create") == 0)
	{
		*success = SPI_OK_INSERT;
		returns = false;
		appendStringInfo(&sql, "INSERT INTO %s (", target);
		for (int i = 0; i < batch->ncolumns; i++)
			appendStringInfo(&sql, "%s%s", i == 0 ? "" : ", ",
							 quote_identifier(NameStr(batch->columns[i].attribute->attname)));
		appendStringInfoString(&sql, ") OVERRIDING SYSTEM VALUE SELECT ");
		for (int i = 0; i < batch->ncolumns; i++)
			appendStringInfo(&sql, "%sc.v%d", i == 0 ? "" : ", ", i);
		appendStringInfoString(&sql, " FROM " CHANGES " AS c ORDER BY c.n");
	}
	else
	{
		/* A rule on DELETE would have to say what is returned. */
		returns = !batch->relation->rd_rel->relhasrules;
		*success = returns ? SPI_OK_DELETE_RETURNING : SPI_OK_DELETE;
		appendStringInfo(&sql, "DELETE FROM %s AS t USING " CHANGES " AS c", target);
		append_key(batch, &sql);
	}
	if (returns)
		appendStringInfoString(&sql, " RETURNING c.n");
	for (int i = batch->nkeys; returns && i < batch->ncolumns; i++)
		appendStringInfo(&sql, ", t.%s", quote_identifier(NameStr(batch->columns[i].attribute->attname)));
	return sql.data;
}

/* Refuse where the table's own triggers or rules kept a column from taking its value. */
static void
require_taken(const Batch *batch, int n, HeapTuple row, TupleDesc desc)
{
	for (int i = batch->nkeys; i < batch->ncolumns; i++)
	{
		Form_pg_attribute attribute = batch->columns[i].attribute;
		int place = n * batch->ncolumns + i;
		bool isnull;
		Datum value = SPI_getbinval(row, desc, 2 + i - batch->nkeys, &isnull);

		if (!rm_value_same(value, isnull, batch->values[place], batch->nulls[place], attribute))
			ereport(ERROR, (errcode(ERRCODE_RM_WRONG_STATE),
							errmsg("table %s did not take the change of configuration item \"%s\"",
								   RelationGetRelationName(batch->relation), batch->labels[n]),
							errdetail("Column \"%s\" is %s after it.", NameStr(attribute->attname),
									  isnull ? "NULL" : rm_value_text(value, attribute->atttypid)),
							errhint("Look for triggers of the table that change the row.")));
	}
}

/*
 * Return the statement's plan.
 *
 * Made as for rows that are looked up by their keys: of what stands in a tuplestore
 * the planner knows nothing, and would rather hash the whole table.  What the
 * table's triggers run is planned as the session has it.
 */
static SPIPlanPtr
plan_of(const char *sql)
{
	int nest = NewGUCNestLevel();
	CachedPlan *planned;
	SPIPlanPtr plan;

	(void) set_config_option("enable_hashjoin", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("random_page_cost", "1.1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	planned = SPI_plan_get_cached_plan(plan);
	AtEOXact_GUC(true, nest);
	if (planned != NULL)
		ReleaseCachedPlan(planned, NULL);
	return plan;
}

/* Run the statement; return the item of which not exactly one row was met, and how many were, or -1. */
static int
run(Batch *batch, int *met)
{
	const char *target = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(batch->relation)),
													RelationGetRelationName(batch->relation));
	int count = batch->limit - batch->first;
	int *rows = palloc0(sizeof(int) * count);
	int success;
	char *sql = statement_of(batch, target, &success);
	EphemeralNamedRelation changes = changes_relation(batch);

	if (SPI_register_relation(changes) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the changes");
	if (SPI_execute_plan(plan_of(sql), NULL, NULL, false, 0) != success)
		*met = 0;
	else if (SPI_tuptable == NULL)
		*met = (int) SPI_processed;
	else
	{
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool isnull;
			int n = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

			rows[n - batch->first]++;
			require_taken(batch, n, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		}
		*met = count;
		for (int i = 0; i < count && *met == count; i++)
		{
			if (rows[i] != 1)
			{
				*met = rows[i];
				return batch->first + i;
			}
		}
	}
	SPI_unregister_relation(CHANGES);
	tuplestore_end(changes->reldata);
	return *met == count ? -1 : batch->first;
}

/* Refuse: an item does not exist, or its table did not take the change. */
static void
refuse_unmet(const Batch *batch, int item, int met)
{
	Oid type = TEXTOID;
	Datum label = CStringGetTextDatum(batch->labels[item]);

	if (strcmp(batch->operation, "create") != 0)
		(void) SPI_execute_with_args("SELECT release_mgmt.ci_id($1)", 1, &type, &label, NULL, true, 1);
	ereport(ERROR,
			(errcode(ERRCODE_RM_WRONG_STATE),
			 errmsg("could not %s configuration item \"%s\"", batch->operation, batch->labels[item]),
			 errdetail("Table %s changed %d rows where one was meant.", RelationGetRelationName(batch->relation), met),
			 errhint("Look whether the item has a row, and for rules and triggers of the table.")));
}

/* Fill the batch from the arguments of the function. */
static void
read_batch(Batch *batch, FunctionCallInfo fcinfo)
{
	int nkeys, nparts, ncolumns, nvalues;
	char **key_columns = strings_of(PG_GETARG_DATUM(1), &nkeys);
	char **labels = strings_of(PG_GETARG_DATUM(2), &batch->nitems);
	char **parts = strings_of(PG_GETARG_DATUM(3), &nparts);
	char **columns = strings_of(PG_GETARG_DATUM(5), &ncolumns);
	char **texts = strings_of(PG_GETARG_DATUM(6), &nvalues);
	bool creates;

	batch->labels = labels;
	batch->operation = text_to_cstring(PG_GETARG_TEXT_PP(4));
	creates = strcmp(batch->operation, "create") == 0;
	if (nparts != nkeys * batch->nitems || (ncolumns > 0 && nvalues != ncolumns * batch->nitems))
		elog(ERROR, "%d key parts and %d values of %d items", nparts, nvalues, batch->nitems);
	batch->columns = palloc0(sizeof(Column) * (nkeys + ncolumns));
	for (int i = 0; i < nkeys; i++)
		add_column(batch, key_columns[i], !creates, parts + i, nkeys);
	batch->nkeys = nkeys;
	for (int i = 0; i < ncolumns; i++)
	{
		/* The key of a new item already gave it. */
		if (!creates || !is_key(batch, columns[i]))
			add_column(batch, columns[i], false, texts + i, ncolumns);
	}
	batch->values = palloc(sizeof(Datum) * Max(batch->nitems * batch->ncolumns, 1));
	batch->nulls = palloc(sizeof(bool) * Max(batch->nitems * batch->ncolumns, 1));
}

PG_FUNCTION_INFO_V1(rm_apply_row_changes);

/*
 * apply_row_changes(source regclass, key_columns text[], labels text[],
 *					 key_parts text[], operation text, columns text[],
 *					 new_values text[]) returns void
 *
 * The arrays of parts and values hold those of the first item, then those of
 * the second, and so on.  The table must take each of them: exactly one row.
 */
Datum
rm_apply_row_changes(PG_FUNCTION_ARGS)
{
	Batch *batch = palloc0(sizeof(Batch));
	RmIdentity saved;
	int nest;
	int step;
	int unmet = -1;
	int met = 0;

	batch->relation = table_open(PG_GETARG_OID(0), RowExclusiveLock);
	rm_become(batch->relation->rd_rel->relowner, &saved);
	nest = NewGUCNestLevel();
	(void) set_config_option(
		"search_path",
		psprintf("%s, pg_temp", quote_identifier(get_namespace_name(RelationGetNamespace(batch->relation)))),
		PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	read_batch(batch, fcinfo);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* Through rules, nothing tells which item a row belongs to. */
	step = batch->relation->rd_rel->relhasrules ? 1 : Max(batch->nitems, 1);
	for (batch->first = 0; batch->first < batch->nitems && unmet < 0; batch->first = batch->limit)
	{
		batch->limit = Min(batch->first + step, batch->nitems);
		unmet = run(batch, &met);
	}
	AtEOXact_GUC(true, nest);
	rm_become_again(&saved);
	if (unmet >= 0)
		refuse_unmet(batch, unmet, met);
	SPI_finish();
	table_close(batch->relation, NoLock);
	PG_RETURN_VOID();
}
