/*
 * binding.c
 *		What a backend remembers of the bound tables it writes to.
 *
 * An entry is found by the table that a trigger fires on, filled from
 * ci_class and governed_table, and forgotten with the table's relcache entry:
 * DDL on the table forgets it, and so does a change of those two tables or of
 * ci_relation_class, through the trigger function forget_binding().
 */
#include "postgres.h"

#include "cmdb/binding.h"
#include "cmdb/expression.h"
#include "cmdb/permit.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static HTAB *bindings = NULL;

/* Relcache callback: forget one table, or all. */
static void
forget(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS scan;
	RmBinding *binding;

	if (OidIsValid(relid))
	{
		binding = hash_search(bindings, &relid, HASH_FIND, NULL);
		if (binding != NULL)
			binding->valid = false;
		return;
	}
	hash_seq_init(&scan, bindings);
	while ((binding = hash_seq_search(&scan)) != NULL)
		binding->valid = false;
}

/* Set up the table of bindings and have it told of changes. */
static void
create_bindings(void)
{
	HASHCTL control = { 0 };

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(RmBinding);
	control.hcxt = CacheMemoryContext;
	bindings = hash_create("release_mgmt bindings", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

/* Act as another role until rm_become_again(); an error ends it too. */
void
rm_become(Oid role, RmIdentity *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	SetUserIdAndSecContext(role, saved->context | SECURITY_LOCAL_USERID_CHANGE);
}

/*
 * Act as the extension's owner.
 *
 * Triggers run with the rights of whoever writes the customer's table, who
 * holds none on ours.
 */
void
rm_become_owner(RmIdentity *saved)
{
	static const char *const schema = "release_mgmt_internal";
	HeapTuple tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum(schema));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "schema \"%s\" does not exist", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	rm_become(owner, saved);
}

/* Act again as before. */
void
rm_become_again(const RmIdentity *saved)
{
	SetUserIdAndSecContext(saved->user, saved->context);
}

/* Return the numbers of the named columns in the table's own numbering. */
static AttrNumber *
column_numbers(Relation relation, Datum names, int *count)
{
	Datum *values;
	AttrNumber *numbers;

	deconstruct_array(DatumGetArrayTypeP(names), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, count);
	numbers = palloc(sizeof(AttrNumber) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		numbers[i] = get_attnum(RelationGetRelid(relation), TextDatumGetCString(values[i]));
	return numbers;
}

/* Return the set of the named columns; names that the table does not have are left out. */
static Bitmapset *
column_set(Relation relation, Datum names)
{
	Bitmapset *set = NULL;
	int count;
	AttrNumber *numbers = column_numbers(relation, names, &count);

	for (int i = 0; i < count; i++)
	{
		if (AttributeNumberIsValid(numbers[i]))
			set = bms_add_member(set, numbers[i]);
	}
	return set;
}

/* Return the mode with that name. */
static RmMode
mode_named(const char *name)
{
	if (name != NULL && strcmp(name, "enforce") == 0)
		return RM_MODE_ENFORCE;
	if (name != NULL && strcmp(name, "warn") == 0)
		return RM_MODE_WARN;
	return RM_MODE_OBSERVE;
}

/* Make the condition, which can be read, one that is asked of each row. */
static void
prepare_condition(RmBinding *binding, Relation relation, const char *condition)
{
	Node *node = rm_row_expression_analyze(relation, pstrdup(condition));

	binding->condition_text = pstrdup(condition);
	binding->condition = ExecInitQual(make_ands_implicit(expression_planner((Expr *) node)), NULL);
	binding->row = CreateStandaloneExprContext();
}

/* Error context callback: an error in the condition is the binding's, not that of the statement. */
static void
tell_condition(void *condition)
{
	errcontext("condition \"%s\", by which rows of the table are configuration items", (const char *) condition);
}

/* Is the row an item? */
bool
rm_binding_holds_item(RmBinding *binding, TupleTableSlot *slot)
{
	ErrorContextCallback context = { .previous = error_context_stack, .callback = tell_condition };
	bool holds;

	if (slot == NULL || binding->condition == NULL)
		return slot != NULL;
	context.arg = binding->condition_text;
	error_context_stack = &context;
	binding->row->ecxt_scantuple = slot;
	holds = ExecQual(binding->condition, binding->row);
	ResetExprContext(binding->row);
	error_context_stack = context.previous;
	return holds;
}

/* Copy what the query found into the entry, in the entry's own context. */
static void
fill_from_row(RmBinding *binding, Relation relation)
{
	HeapTuple row = SPI_tuptable->vals[0];
	TupleDesc desc = SPI_tuptable->tupdesc;
	TupleDesc columns = RelationGetDescr(relation);
	bool isnull;
	char *condition;
	MemoryContext old = MemoryContextSwitchTo(binding->context);

	binding->keys = column_numbers(relation, SPI_getbinval(row, desc, 1, &isnull), &binding->nkeys);
	binding->exempt = column_set(relation, SPI_getbinval(row, desc, 2, &isnull));
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(columns, i);

		if (attribute->attgenerated || attribute->attisdropped)
			binding->exempt = bms_add_member(binding->exempt, attribute->attnum);
	}
	binding->owner = column_set(relation, SPI_getbinval(row, desc, 4, &isnull));
	binding->installed = column_set(relation, SPI_getbinval(row, desc, 5, &isnull));
	binding->mode = mode_named(SPI_getvalue(row, desc, 3));
	binding->is_child = DatumGetBool(SPI_getbinval(row, desc, 7, &isnull)) && !relation->rd_rel->relispartition;
	condition = SPI_getvalue(row, desc, 6);
	/* One that can not be read any more lets no row pass for none in mode enforce; otherwise binding_status tells. */
	binding->bound = condition == NULL || *condition || binding->mode == RM_MODE_ENFORCE;
	if (condition != NULL && *condition)
		prepare_condition(binding, relation, condition);
	for (int i = 0; i < binding->nkeys; i++)
	{
		/* A key column was renamed or dropped: binding_status tells. */
		if (!AttributeNumberIsValid(binding->keys[i]))
			binding->bound = false;
	}
	MemoryContextSwitchTo(old);
}

/* Fill the entry of a table from ci_class and governed_table; it stays unbound where they do not name it. */
static void
load(RmBinding *binding, Relation relation, const char *class)
{
	static SPIPlanPtr plan = NULL;
	RmIdentity saved;
	Snapshot snapshot;
	Datum args[2] = { CStringGetTextDatum(class), ObjectIdGetDatum(RelationGetRelid(relation)) };

	/* Operators are qualified: the caller's search_path must not choose what runs with the owner's rights. */
	rm_become_owner(&saved);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (plan == NULL)
	{
		Oid types[2] = { TEXTOID, REGCLASSOID };
		SPIPlanPtr prepared =
			SPI_prepare("SELECT c.key_columns, c.exempt, g.mode, "
						"coalesce(release_mgmt_internal.path_columns(c.source, c.organization_path), '{}'), "
						"release_mgmt_internal.installed_columns(c.name), "
						"CASE WHEN release_mgmt_internal.condition_problem(c.source, c.condition) IS NULL "
						"THEN c.condition ELSE '' END, c.source OPERATOR(pg_catalog.<>) $2 "
						"FROM release_mgmt.ci_class AS c "
						"JOIN release_mgmt.governed_table AS g ON g.source OPERATOR(pg_catalog.=) c.source "
						"WHERE c.name OPERATOR(pg_catalog.=) $1 "
						"AND $2 OPERATOR(pg_catalog.=) ANY (SELECT release_mgmt_internal.bound_relations(c.source))",
						2, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare the query for a binding: %s", SPI_result_code_string(SPI_result));
		plan = prepared;
	}
	/* What a serializable transaction sees may be old, and the entry outlives the transaction. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (SPI_execute_snapshot(plan, args, NULL, snapshot, InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a binding: %s", SPI_result_code_string(SPI_result));
	UnregisterSnapshot(snapshot);
	if (SPI_processed == 1)
		fill_from_row(binding, relation);
	SPI_finish();
	rm_become_again(&saved);
}

/*
 * Return what is known of the table that a trigger of the class fires on.
 *
 * The entry stays readable until the end of the transaction, even if it is
 * forgotten meanwhile.
 */
RmBinding *
rm_binding_get(Relation relation, const char *class)
{
	Oid relid = RelationGetRelid(relation);
	RmBinding *binding;
	bool found;

	if (bindings == NULL)
		create_bindings();
	binding = hash_search(bindings, &relid, HASH_ENTER, &found);
	if (found && binding->valid && binding->loaded)
		return binding;

	if (found && binding->context != NULL)
		MemoryContextSetParent(binding->context, TopTransactionContext);
	memset((char *) binding + sizeof(Oid), 0, sizeof(RmBinding) - sizeof(Oid));
	binding->context = AllocSetContextCreate(CacheMemoryContext, "release_mgmt binding", ALLOCSET_SMALL_SIZES);
	binding->valid = true;
	load(binding, relation, class);
	binding->loaded = true;
	return binding;
}

/* Return the table that a class is bound to; NULL where it is bound to none. */
static Datum
source_of_class(Datum class, bool *isnull)
{
	static SPIPlanPtr plan = NULL;
	RmIdentity saved;
	Datum source = (Datum) 0;

	rm_become_owner(&saved);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (plan == NULL)
	{
		Oid types[] = { TEXTOID };

		plan = rm_keep_plan("SELECT c.source FROM release_mgmt.ci_class AS c WHERE c.name OPERATOR(pg_catalog.=) $1", 1,
							types);
	}
	if (SPI_execute_plan(plan, &class, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a class");
	*isnull = SPI_processed == 0;
	if (!*isnull)
		source = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	SPI_finish();
	rm_become_again(&saved);
	return source;
}

/* Forget a table and everything that inherits from it, in every backend. */
static void
forget_tree(HeapTuple tuple, TupleDesc desc)
{
	int column = SPI_fnumber(desc, "source");
	bool isnull;
	Datum source = column > 0
					   ? heap_getattr(tuple, column, desc, &isnull)
					   : source_of_class(heap_getattr(tuple, SPI_fnumber(desc, "from_class"), desc, &isnull), &isnull);
	List *relations;
	ListCell *cell;

	if (isnull || !SearchSysCacheExists1(RELOID, source))
		return;
	relations = find_all_inheritors(DatumGetObjectId(source), NoLock, NULL);
	foreach (cell, relations)
		CacheInvalidateRelcacheByRelid(lfirst_oid(cell));
}

PG_FUNCTION_INFO_V1(rm_forget_binding);

/* Row trigger on tables with a column source or from_class: forget what is known of that table, or that class's. */
Datum
rm_forget_binding(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "forget_binding() is a row trigger");
	forget_tree(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		forget_tree(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation));
	return PointerGetDatum(NULL);
}
