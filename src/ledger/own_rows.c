/*
 * own_rows.c
 *		Many rows for a governed table of the extension at once.
 *
 * They go by heap and index, and to the ledger, without a trigger for each.  So
 * whoever adds them answers for what the table's triggers, constraints and
 * foreign keys would ask.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "ledger/own_rows.h"
#include "utils/rel.h"

/* Return the argument of the trigger that captures the relation's changes, the governed table's id; NULL where it has
 * none. */
const char *
rm_capture_argument(Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (strcmp(trigger->tgname, "rm_90_capture") == 0 && trigger->tgenabled != TRIGGER_DISABLED)
			return trigger->tgargs[0];
	}
	return NULL;
}

/* Begin to add rows to a table of the schema release_mgmt; the name is a literal. */
void
rm_own_rows_open(RmOwnRows *rows, const char *name)
{
	const char *table_id;

	rm_store_open(&rows->store, name);
	rows->slot = MakeSingleTupleTableSlot(RelationGetDescr(rows->store.relation), &TTSOpsVirtual);
	table_id = rm_capture_argument(rows->store.relation);
	rows->capture = table_id == NULL ? NULL : rm_capture_rows_begin(rows->store.relation, table_id, RM_INSERT);
}

/* Add a row, which is copied. */
void
rm_own_rows_add(RmOwnRows *rows, const Datum *values, const bool *nulls)
{
	int natts = rows->slot->tts_tupleDescriptor->natts;

	rm_store_collect(&rows->store, values, nulls);
	if (rows->capture == NULL)
		return;
	ExecClearTuple(rows->slot);
	memcpy(rows->slot->tts_values, values, natts * sizeof(Datum));
	memcpy(rows->slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(rows->slot);
	rm_capture_rows_add(rows->capture, rows->slot);
}

/* Write what waits; the rows are seen by the next command. */
void
rm_own_rows_close(RmOwnRows *rows)
{
	if (rows->capture != NULL)
		rm_capture_rows_end(rows->capture);
	ExecDropSingleTupleTableSlot(rows->slot);
	rm_store_close(&rows->store);
	CommandCounterIncrement();
}
