/*
 * planned_row.c
 *		What the rows of bound and link tables tell of an item whose change is planned.
 *
 * The row of a plain table is found by its index without a query.  That of a
 * table with partitions or children, or with rows that are no items, and those
 * of a link table are found by queries whose plans are made once in a command:
 * which partition holds a key is for the executor to say.  They see what the
 * active snapshot does, and run as the extension's owner, with a search_path
 * that nobody else chooses.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "cmdb/key.h"
#include "cmdb/permit.h"
#include "cmdb/value.h"
#include "ledger/lookup.h"
#include "ledger/own_rows.h"
#include "ledger/settings.h"
#include "ledger/store.h"
#include "miscadmin.h"
#include "release/planned.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

/* Attribute number of ci. */
#define CI_LABEL 4

/* Return a copy of the stub of the item with that label, NULL if there is none. */
HeapTuple
rm_planned_stub(Relation items, Datum label)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple row;

	ScanKeyEntryInitialize(&key, 0, CI_LABEL, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(RelationGetDescr(items), CI_LABEL - 1)->attcollation, F_TEXTEQ, label);
	scan = systable_beginscan(items, rm_ledger_relid("ci_label_key"), true, GetActiveSnapshot(), 1, &key);
	row = systable_getnext(scan);
	row = HeapTupleIsValid(row) ? heap_copytuple(row) : NULL;
	systable_endscan(scan);
	return row;
}

/* Set an option until the nesting level ends. */
static void
set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Begin to prepare or run a query; returns the nesting level of options, which the caller ends. */
static int
begin_query(void)
{
	int nest = NewGUCNestLevel();

	set_option("search_path", "pg_catalog, pg_temp");
	return nest;
}

/* Return the plan of the query, the one for all values, and not compiled: that takes longer than to run it. */
static SPIPlanPtr
keep_generic_plan(const char *sql)
{
	Oid type = TEXTARRAYOID;
	int nest = begin_query();
	SPIPlanPtr plan;
	CachedPlan *planned;

	set_option("jit", "off");
	plan = SPI_prepare_cursor(sql, 1, &type, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	planned = SPI_plan_get_cached_plan(plan);
	if (planned != NULL)
		ReleaseCachedPlan(planned, CurrentResourceOwner);
	AtEOXact_GUC(true, nest);
	return plan;
}

/* Return the condition as SQL about row t. */
static char *
where_items(Relation relation, const char *condition)
{
	Oid types[] = { REGCLASSOID, TEXTOID };
	Datum values[] = { ObjectIdGetDatum(RelationGetRelid(relation)), CStringGetTextDatum(condition) };

	if (SPI_execute_with_args("SELECT release_mgmt_internal.where_items($1, $2)", 2, types, values, NULL, true, 1) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read a condition");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Make the plan that finds a relation's rows by a key; false where a column of the key is not there. */
static bool
make_plan(SPIPlanPtr *plan, Relation relation, char **columns, int ncolumns, const char *condition)
{
	TupleDesc desc = RelationGetDescr(relation);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.*, t.tableoid FROM %s AS t",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)));
	for (int i = 0; i < ncolumns; i++)
	{
		int number = SPI_fnumber(desc, columns[i]);

		if (number <= 0)
			return false;
		appendStringInfoString(&sql, i == 0 ? " WHERE " : " AND ");
		rm_append_key_condition(&sql, "t", TupleDescAttr(desc, number - 1), psprintf("$1[%d]", i + 1));
	}
	if (condition != NULL)
		appendStringInfo(&sql, " AND (%s)", where_items(relation, condition));
	*plan = keep_generic_plan(sql.data);
	return true;
}

/* Return the rows that the query finds by the key's parts. */
static SPITupleTable *
run_plan(SPIPlanPtr plan, char **key, int nkeys)
{
	Datum parts = rm_text_array(key, nkeys);
	int nest = begin_query();

	if (SPI_execute_plan(plan, &parts, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a configuration item");
	AtEOXact_GUC(true, nest);
	return SPI_tuptable;
}

/* Return whether the row can be found without a query: in one table that the ledger knows, and whose rows are all
 * items. */
static bool
is_plain(const RmPlannedClass *class, Relation source)
{
	return class->condition == NULL && source->rd_rel->relkind == RELKIND_RELATION && !source->rd_rel->relhassubclass &&
		   rm_capture_argument(source) != NULL &&
		   rm_governed_of(source, rm_capture_argument(source))->nkeys == class->nkeys;
}

/* Find the row of the item with the parts of a key; returns whether there is one. */
bool
rm_planned_find_row(RmPlannedClass *class, Relation source, char **key, RmPlannedRow *row)
{
	SPITupleTable *found;

	if (is_plain(class, source))
	{
		row->desc = RelationGetDescr(source);
		row->tuple = rm_lookup_row(source, rm_governed_of(source, rm_capture_argument(source)), key);
		return row->tuple != NULL;
	}
	if (class->row == NULL && !make_plan(&class->row, source, class->key_columns, class->nkeys, class->condition))
		return false;
	found = run_plan(class->row, key, class->nkeys);
	if (found->numvals != 1)
		return false;
	row->tuple = found->vals[0];
	row->desc = found->tupdesc;
	return true;
}

/* Return the table that holds the row, which was found by a query. */
Oid
rm_planned_row_table(const RmPlannedRow *row)
{
	bool isnull;

	return DatumGetObjectId(heap_getattr(row->tuple, row->desc->natts, row->desc, &isnull));
}

/* Return a column of the row as text; 0 where it is NULL, or not there. */
Datum
rm_planned_value(const RmPlannedRow *row, const char *column)
{
	int number = SPI_fnumber(row->desc, column);
	bool isnull = true;
	Datum value = number > 0 ? heap_getattr(row->tuple, number, row->desc, &isnull) : (Datum) 0;

	return isnull ? (Datum) 0
				  : CStringGetTextDatum(rm_value_text(value, TupleDescAttr(row->desc, number - 1)->atttypid));
}

/* Return the label of the item to which a relation leads from the row, as text; 0 where it leads to none. */
static Datum
follow(const RmPlannedRoad *road, const RmPlannedRow *row, Relation items)
{
	StringInfoData label;
	Datum result;

	initStringInfo(&label);
	appendStringInfo(&label, "%s/", road->to_class);
	for (int i = 0; i < road->ncolumns; i++)
	{
		Datum part = rm_planned_value(row, road->columns[i]);

		if (part == (Datum) 0)
			return (Datum) 0;
		rm_append_key_part(&label, TextDatumGetCString(part), i == 0);
	}
	result = CStringGetTextDatum(label.data);
	return rm_planned_stub(items, result) == NULL ? (Datum) 0 : result;
}

/* Take the label where it comes before the one that was found so far. */
static void
keep_first(Datum *first, Datum label, Relation items)
{
	Oid collation = TupleDescAttr(RelationGetDescr(items), CI_LABEL - 1)->attcollation;

	if (label != (Datum) 0 &&
		(*first == (Datum) 0 || DatumGetInt32(DirectFunctionCall2Coll(bttextcmp, collation, label, *first)) < 0))
		*first = label;
}

/* Follow the rows of a link table; false where a column of it is not there. */
static bool
follow_links(RmPlannedRoad *road, char **key, Relation items, Datum *first)
{
	SPITupleTable *links;

	if (road->rows == NULL)
	{
		Relation via = table_open(road->via, AccessShareLock);
		bool is_made = make_plan(&road->rows, via, road->key_columns, road->nkeys, road->condition);

		table_close(via, AccessShareLock);
		if (!is_made)
			return false;
	}
	links = run_plan(road->rows, key, road->nkeys);
	for (uint64 i = 0; i < links->numvals; i++)
	{
		RmPlannedRow link = { links->vals[i], links->tupdesc };

		keep_first(first, follow(road, &link, items), items);
	}
	return true;
}

/*
 * Find the label of what the item is installed on, of several the first one: 0
 * where it is on nothing.  Returns false where that can not be told here.
 */
bool
rm_planned_target(RmPlannedClass *class, const RmPlannedRow *row, char **key, Datum *target)
{
	Relation items = table_open(rm_ledger_relid("ci"), AccessShareLock);
	bool is_told = true;

	*target = (Datum) 0;
	for (int i = 0; is_told && i < class->nroads; i++)
	{
		RmPlannedRoad *road = &class->roads[i];

		if (OidIsValid(road->via))
			is_told = road->nkeys == class->nkeys && follow_links(road, key, items, target);
		else
			keep_first(target, follow(road, row, items), items);
	}
	table_close(items, AccessShareLock);
	return is_told;
}

/* Return whether a column of the class's table is exempt. */
bool
rm_planned_is_exempt(const RmPlannedClass *class, const char *column)
{
	for (int i = 0; i < class->nexempt; i++)
	{
		if (strcmp(class->exempt[i], column) == 0)
			return true;
	}
	return false;
}

/* Return whether the ledger records each column of the class's table that is not exempt, as far as it has values of its
 * own. */
bool
rm_planned_is_recorded(const RmPlannedClass *class, Relation source)
{
	TupleDesc desc = RelationGetDescr(source);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && attribute->attgenerated == '\0' && rm_type_follows_names(attribute->atttypid) &&
			!rm_planned_is_exempt(class, NameStr(attribute->attname)))
			return false;
	}
	return true;
}
