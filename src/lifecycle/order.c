/*
 * order.c
 *		The release is taken before the rows beneath it.
 *
 * PostgreSQL locks a row that is updated or deleted before it fires the first
 * row trigger.  If the release were taken by that trigger (touch.c), two
 * transactions that write two rows beneath one release could wait for each
 * other: the first holds the release, the second a row that the first wants
 * next.  So the release is taken where the executor hands the row over to be
 * written, when every condition is known to hold and nothing is locked yet.
 * The trigger finds that done; it remains for rows that are inserted, that
 * move to another release, and for a statement that a session without the
 * library had planned and begun.
 *
 * Lock order: the release, then rows beneath it.  Transactions that write
 * beneath several releases take them in the order of their statements and of
 * the rows in each; those that want no deadlock use the order of ids, as verbs
 * and triggers do.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "access/tableam.h"
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "ledger/ledger.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* A node that hands rows over to be written to a table beneath releases. */
typedef struct Ordered
{
	PlanState *node;
	ExecProcNodeMtd next; /* what the node does of its own */
	ResultRelInfo *target;
	CmdType operation;
	Oid touch_function;
	FmgrInfo touch_row;
	TupleTableSlot *row;
	MemoryContext memory; /* for one row */
	struct Ordered *outer;
	MemoryContextCallback forget;
} Ordered;

/* Of statements that are running. */
static Ordered *ordered = NULL;
static ExecutorStart_hook_type next_executor_start = NULL;

/* The memory of a statement goes, and with it what stands in the list. */
static void
forget_ordered(void *arg)
{
	Ordered **place = &ordered;

	while (*place != NULL && *place != (Ordered *) arg)
		place = &(*place)->outer;
	if (*place != NULL)
		*place = (*place)->outer;
}

/*
 * Does the trigger touch a release whenever a row is written by the operation?
 *
 * One whose condition looks at the row may let it pass, as the hand-out of
 * steps to workers is; whether it does is known only when the row is locked.
 */
static bool
is_touch(const Trigger *trigger, Oid touch_function, CmdType operation)
{
	if (trigger->tgfoid != touch_function || trigger->tgnargs != 1 || trigger->tgenabled == TRIGGER_DISABLED)
		return false;
	if (trigger->tgqual != NULL && strstr(trigger->tgqual, "{VAR ") != NULL)
		return false;
	return (operation != CMD_DELETE && TRIGGER_FOR_UPDATE(trigger->tgtype)) ||
		   (operation != CMD_UPDATE && TRIGGER_FOR_DELETE(trigger->tgtype));
}

/* May there be such a trigger?  What serves no release is asked no more than for the names of its triggers. */
static bool
may_be_beneath_release(const ModifyTableState *modify)
{
	TriggerDesc *triggers = modify->resultRelInfo->ri_TrigDesc;

	if (modify->operation == CMD_INSERT || modify->mt_nrels != 1)
		return false;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (strcmp(triggers->triggers[i].tgname, "rm_20_touch") == 0)
			return true;
	}
	return false;
}

/* Is there such a trigger? */
static bool
is_beneath_release(const ResultRelInfo *target, Oid touch_function, CmdType operation)
{
	TriggerDesc *triggers = target->ri_TrigDesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (is_touch(&triggers->triggers[i], touch_function, operation))
			return true;
	}
	return false;
}

/* Take the releases of the row that is in entry->row. */
static void
take_releases(Ordered *entry)
{
	TriggerDesc *triggers = entry->target->ri_TrigDesc;
	TupleDesc desc = RelationGetDescr(entry->target->ri_RelationDesc);

	for (int i = 0; i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		int attno;
		Datum id;
		bool isnull;

		if (!is_touch(trigger, entry->touch_function, entry->operation))
			continue;
		attno = SPI_fnumber(desc, trigger->tgargs[0]);
		if (attno <= 0)
			elog(ERROR, "trigger \"%s\" names no column", trigger->tgname);
		id = slot_getattr(entry->row, attno, &isnull);
		if (!isnull)
			(void) FunctionCall2(&entry->touch_row, id, CStringGetTextDatum(trigger->tgargs[0]));
	}
}

/* In place of the node's own: have it make a row, and take what must be taken before that is written. */
static TupleTableSlot *
next_in_order(PlanState *node)
{
	Ordered *entry = ordered;
	TupleTableSlot *slot;
	Datum tid;
	bool isnull;

	while (entry != NULL && entry->node != node)
		entry = entry->outer;
	if (entry == NULL)
		elog(ERROR, "a statement beneath a release is not known");

	slot = entry->next(node);
	if (TupIsNull(slot))
		return slot;
	tid = ExecGetJunkAttribute(slot, entry->target->ri_RowIdAttNo, &isnull);
	if (isnull)
		return slot;
	if (table_tuple_fetch_row_version(entry->target->ri_RelationDesc, (ItemPointer) DatumGetPointer(tid), SnapshotAny,
									  entry->row))
	{
		MemoryContext old = MemoryContextSwitchTo(entry->memory);

		take_releases(entry);
		MemoryContextSwitchTo(old);
		MemoryContextReset(entry->memory);
	}
	ExecClearTuple(entry->row);
	return slot;
}

/* See to the order where the node writes to a table beneath releases. */
static void
put_in_order(ModifyTableState *modify, Oid touch_function)
{
	PlanState *node = outerPlanState(modify);
	ResultRelInfo *target = modify->resultRelInfo;
	Oid types[] = { UUIDOID, TEXTOID };
	MemoryContext context = modify->ps.state->es_query_cxt;
	MemoryContext old;
	Ordered *entry;

	if (!may_be_beneath_release(modify) || !AttributeNumberIsValid(target->ri_RowIdAttNo) ||
		!is_beneath_release(target, touch_function, modify->operation))
		return;

	old = MemoryContextSwitchTo(context);
	entry = (Ordered *) palloc0(sizeof(Ordered));
	entry->node = node;
	entry->next = node->ExecProcNodeReal;
	entry->target = target;
	entry->operation = modify->operation;
	entry->touch_function = touch_function;
	fmgr_info_cxt(rm_internal_function("touch_row", lengthof(types), types), &entry->touch_row, context);
	entry->row = table_slot_create(target->ri_RelationDesc, &modify->ps.state->es_tupleTable);
	entry->memory = AllocSetContextCreate(context, "release_mgmt order", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);

	entry->forget.func = forget_ordered;
	entry->forget.arg = entry;
	MemoryContextRegisterResetCallback(context, &entry->forget);
	entry->outer = ordered;
	ordered = entry;
	ExecSetExecProcNode(node, next_in_order);
}

/* Hook: a statement begins. */
static void
order_executor_start(QueryDesc *query, int flags)
{
	Oid touch_function;
	ListCell *cell;
	bool beneath;

	if (next_executor_start != NULL)
		next_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);

	if ((query->operation == CMD_SELECT && query->estate->es_auxmodifytables == NIL) ||
		query->operation == CMD_UTILITY || (flags & EXEC_FLAG_EXPLAIN_ONLY) != 0 ||
		SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return;
	beneath = IsA(query->planstate, ModifyTableState) && may_be_beneath_release((ModifyTableState *) query->planstate);
	foreach (cell, query->estate->es_auxmodifytables)
		beneath = beneath || may_be_beneath_release((ModifyTableState *) lfirst(cell));
	if (!beneath || !rm_ledger_is_active())
		return;
	touch_function = rm_internal_function("touch_release", 0, NULL);
	if (IsA(query->planstate, ModifyTableState))
		put_in_order((ModifyTableState *) query->planstate, touch_function);
	foreach (cell, query->estate->es_auxmodifytables)
		put_in_order((ModifyTableState *) lfirst(cell), touch_function);
}

/* Called once when a backend loads the library. */
void
rm_order_init(void)
{
	next_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = order_executor_start;
}
