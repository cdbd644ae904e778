/*
 * planned_row.c
 *		What the row of an item whose change is planned tells.
 *
 * The row of a plain table is found by its index without a query.  That of a
 * table with partitions or children is found by a query whose plan is made once
 * in a command: which of them holds a key is for the executor to say.  It sees
 * what the active snapshot does, and runs as the extension's owner.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "cmdb/permit.h"
#include "cmdb/value.h"
#include "ledger/lookup.h"
#include "ledger/own_rows.h"
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

/* Return the plan of the query, the one for all values, and not compiled: that takes longer than to run it. */
static SPIPlanPtr
keep_generic_plan(const char *sql)
{
	Oid type = TEXTARRAYOID;
	int nest = NewGUCNestLevel();
	SPIPlanPtr plan;
	CachedPlan *planned;

	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	plan = SPI_prepare_cursor(sql, 1, &type, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	planned = SPI_plan_get_cached_plan(plan);
	if (planned != NULL)
		ReleaseCachedPlan(planned, CurrentResourceOwner);
	AtEOXact_GUC(true, nest);
	return plan;
}

/* Make the plan that finds the class's rows by their keys; false where a column of the key is not there. */
static bool
make_plan(RmPlannedClass *class, Relation source)
{
	TupleDesc desc = RelationGetDescr(source);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(
		&sql, "SELECT t.* FROM %s AS t",
		quote_qualified_identifier(get_namespace_name(RelationGetNamespace(source)), RelationGetRelationName(source)));
	for (int i = 0; i < class->nkeys; i++)
	{
		int number = SPI_fnumber(desc, class->key_columns[i]);

		if (number <= 0)
			return false;
		appendStringInfoString(&sql, i == 0 ? " WHERE " : " AND ");
		rm_append_key_condition(&sql, "t", TupleDescAttr(desc, number - 1), psprintf("$1[%d]", i + 1));
	}
	class->row = keep_generic_plan(sql.data);
	return true;
}

/* Return whether the row can be found without a query: in one table that the ledger knows. */
static bool
is_plain(const RmPlannedClass *class, Relation source)
{
	return source->rd_rel->relkind == RELKIND_RELATION && !source->rd_rel->relhassubclass &&
		   rm_capture_argument(source) != NULL &&
		   rm_governed_of(source, rm_capture_argument(source))->nkeys == class->nkeys;
}

/* Find the row of the item with the parts of a key; returns whether there is one. */
bool
rm_planned_find_row(RmPlannedClass *class, Relation source, char **key, RmPlannedRow *row)
{
	Datum parts;

	if (is_plain(class, source))
	{
		row->desc = RelationGetDescr(source);
		row->tuple = rm_lookup_row(source, rm_governed_of(source, rm_capture_argument(source)), key);
		return row->tuple != NULL;
	}
	if (class->row == NULL && !make_plan(class, source))
		return false;
	parts = rm_text_array(key, class->nkeys);
	if (SPI_execute_plan(class->row, &parts, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a configuration item");
	if (SPI_processed != 1)
		return false;
	row->tuple = SPI_tuptable->vals[0];
	row->desc = SPI_tuptable->tupdesc;
	return true;
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

/* Return the label of what the item is installed on, of several the first one; 0 where it is on nothing. */
Datum
rm_planned_target(const RmPlannedClass *class, const RmPlannedRow *row)
{
	Relation items = table_open(rm_ledger_relid("ci"), AccessShareLock);
	Oid collation = TupleDescAttr(RelationGetDescr(items), CI_LABEL - 1)->attcollation;
	Datum first = (Datum) 0;

	for (int i = 0; i < class->nroads; i++)
	{
		Datum label = follow(&class->roads[i], row, items);

		if (label != (Datum) 0 &&
			(first == (Datum) 0 || DatumGetInt32(DirectFunctionCall2Coll(bttextcmp, collation, label, first)) < 0))
			first = label;
	}
	table_close(items, AccessShareLock);
	return first;
}
