/*
 * capture.c
 *		The row trigger rm_90_capture: each change of a governed row.
 *
 * The command id that made or removed the tuple goes with the change: rows
 * changed by another trigger of the same statement make their events arrive
 * out of order, and only the tuple knows which change of a row came first.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "ledger/capture.h"
#include "ledger/governed.h"
#include "ledger/ledger_private.h"
#include "ledger/settings.h"
#include "ledger/transaction.h"
#include "ledger/unique.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/random.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_capture);
PG_FUNCTION_INFO_V1(rm_capture_rows);
PG_FUNCTION_INFO_V1(rm_capture_departure);

/* A row taken apart. */
typedef struct Row
{
	Datum *values;
	bool *nulls;
} Row;

/* Rows of one relation that are being recorded. */
struct RmCaptureRows
{
	RmGoverned *governed;
	RmOperation operation;
	CommandId command_id;
	int nest_level;
};

static MemoryContext capture_context = NULL;

/* Take the tuple apart. */
static Row
deform(HeapTuple tuple, TupleDesc desc)
{
	Row row = { palloc(sizeof(Datum) * desc->natts), palloc(sizeof(bool) * desc->natts) };

	heap_deform_tuple(tuple, desc, row.values, row.nulls);
	return row;
}

/* Record a change of the governed relation; before or after is NULL where there was or is no row. */
static void
record(RmGoverned *governed, RmOperation operation, uint32 command_id, const Row *before, const Row *after)
{
	RmChange change = { .operation = operation, .table_id = governed->table_id, .command_id = command_id };
	const Row *named = after ? after : before;
	unsigned char leaf_hash[RM_SHA256_SIZE];
	StringInfoData row;
	StringInfoData key;
	StringInfoData former_key = { 0 };
	StringInfoData old = { 0 };

	initStringInfo(&row);
	initStringInfo(&key);
	if (before)
		initStringInfo(&old);
	if (before && after)
		initStringInfo(&former_key);

	rm_governed_append_key(governed, &key, named->values, named->nulls);
	if (after)
		rm_governed_append_new_row(governed, &row, after->values, after->nulls, before ? before->values : NULL,
								   before ? before->nulls : NULL);
	if (before)
		rm_governed_forget_values(governed, before->values, before->nulls, after ? after->values : NULL,
								  after ? after->nulls : NULL);
	if (before)
		rm_governed_append_old(governed, &old, before->values, before->nulls, after ? after->values : NULL,
							   after ? after->nulls : NULL);
	if (before && after)
		rm_governed_append_key(governed, &former_key, before->values, before->nulls);

	change.key = key.data;
	change.key_len = key.len;
	change.old = old.data;
	change.old_len = old.len;
	if (before && after && (former_key.len != key.len || memcmp(former_key.data, key.data, key.len) != 0))
	{
		change.former_key = former_key.data;
		change.former_key_len = former_key.len;
	}
	rm_draw_random(change.salt, RM_SALT_SIZE);
	rm_change_seal(&change, row.data, row.len, leaf_hash);
	rm_transaction_add_change(&change, leaf_hash);
}

/* Return the context that is emptied after each change. */
static MemoryContext
change_context(void)
{
	if (capture_context == NULL)
		capture_context = AllocSetContextCreate(TopMemoryContext, "release_mgmt capture", ALLOCSET_DEFAULT_SIZES);
	return capture_context;
}

/* Record what the trigger was fired for. */
static void
record_event(RmGoverned *governed, TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	Row first = deform(trigger->tg_trigtuple, desc);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		record(governed, RM_INSERT, HeapTupleHeaderGetCmin(trigger->tg_trigtuple->t_data), NULL, &first);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		record(governed, RM_DELETE, HeapTupleHeaderGetCmax(trigger->tg_trigtuple->t_data), &first, NULL);
	else
	{
		Row second = deform(trigger->tg_newtuple, desc);

		record(governed, RM_UPDATE, HeapTupleHeaderGetCmin(trigger->tg_newtuple->t_data), &first, &second);
	}
}

/* Row trigger rm_90_capture(governed_table.id). */
Datum
rm_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	RmGoverned *governed;
	MemoryContext old_context;
	int nest_level = 0;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "capture() is a trigger function");
	if (!rm_ledger_is_active())
		return PointerGetDatum(NULL);

	governed = rm_governed_of(trigger->tg_relation, trigger->tg_trigger->tgargs[0]);
	old_context = MemoryContextSwitchTo(change_context());
	if (governed->sensitive)
		nest_level = rm_settings_begin();
	if (governed->inherited)
		rm_unique_check(governed, trigger);
	record_event(governed, trigger);
	if (nest_level > 0)
		rm_settings_end(nest_level);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(capture_context);
	return PointerGetDatum(NULL);
}

/* Return the operation of that name. */
static RmOperation
operation_of_name(const char *name)
{
	if (strcmp(name, "baseline") == 0)
		return RM_BASELINE;
	if (strcmp(name, "schema") == 0)
		return RM_SCHEMA;
	if (strcmp(name, "delete") == 0)
		return RM_DELETE;
	elog(ERROR, "rows can not be recorded as \"%s\"", name);
}

/* Begin to record rows of the relation, a governed table of that id or a member of one. */
RmCaptureRows *
rm_capture_rows_begin(Relation relation, const char *table_id, RmOperation operation)
{
	RmCaptureRows *capture = palloc(sizeof(RmCaptureRows));

	capture->governed = rm_governed_of(relation, table_id);
	capture->operation = operation;
	capture->command_id = GetCurrentCommandId(false);
	capture->nest_level = capture->governed->sensitive ? rm_settings_begin() : 0;
	return capture;
}

/* Record the row in the slot: as it stands, or as one that goes. */
void
rm_capture_rows_add(RmCaptureRows *capture, TupleTableSlot *slot)
{
	MemoryContext old_context = MemoryContextSwitchTo(change_context());
	bool goes = capture->operation == RM_DELETE;
	Row row;

	slot_getallattrs(slot);
	row.values = slot->tts_values;
	row.nulls = slot->tts_isnull;
	record(capture->governed, capture->operation, capture->command_id, goes ? &row : NULL, goes ? NULL : &row);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(change_context());
}

/* End what rm_capture_rows_begin() began. */
void
rm_capture_rows_end(RmCaptureRows *capture)
{
	if (capture->nest_level > 0)
		rm_settings_end(capture->nest_level);
	pfree(capture);
}

/*
 * capture_rows(source regclass, table_id uuid, operation text) returns bigint.
 *
 * Records each row of the relation that is visible now: as it stands, or as
 * one that goes.
 */
Datum
rm_capture_rows(PG_FUNCTION_ARGS)
{
	Relation relation = table_open(PG_GETARG_OID(0), ShareRowExclusiveLock);
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(1)));
	RmOperation operation = operation_of_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	RmCaptureRows *capture = rm_capture_rows_begin(relation, table_id, operation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	int64 count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		rm_capture_rows_add(capture, slot);
		count++;
	}
	table_endscan(scan);
	rm_capture_rows_end(capture);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	PG_RETURN_INT64(count);
}

/*
 * capture_departure(table_id uuid, key text) returns void.
 *
 * The row itself is gone, so that no old value is known.
 */
Datum
rm_capture_departure(PG_FUNCTION_ARGS)
{
	text *key = PG_GETARG_TEXT_PP(1);
	RmChange change = {
		.operation = RM_DELETE, .table_id = *PG_GETARG_UUID_P(0), .command_id = GetCurrentCommandId(false), .old = ""
	};
	unsigned char leaf_hash[RM_SHA256_SIZE];
	char *bytes = text_to_cstring(key);

	change.key = pg_server_to_any(bytes, strlen(bytes), PG_UTF8);
	change.key_len = strlen(change.key);
	rm_draw_random(change.salt, RM_SALT_SIZE);
	rm_change_seal(&change, NULL, 0, leaf_hash);
	rm_transaction_add_change(&change, leaf_hash);
	PG_RETURN_VOID();
}
