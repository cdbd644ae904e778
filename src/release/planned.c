/*
 * planned.c
 *		The trigger on planned changes: completes what is planned.
 *
 * state_ci_change() in SQL says what a planned change must be like, and refuses
 * what is not.  Plans of a hundred thousand changes are written in one
 * statement, and that function takes the time of several queries for each; so
 * here every row that is right is completed by looking up rows, and what is not
 * right is left to it.  Both say the same of what is right.
 *
 * What holds for all rows of a statement is planned_known.c's affair, what the
 * rows of the CMDB tell planned_row.c's.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "cmdb/binding.h"
#include "cmdb/key.h"
#include "cmdb/value.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/bad_data.h"
#include "ledger/lookup.h"
#include "ledger/settings.h"
#include "ledger/store.h"
#include "release/planned.h"
#include "release/planned_columns.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Attribute numbers of ci. */
enum
{
	CI_ORGANIZATION_ID = 5,
	CI_RETIRED_AT = 6
};

/* A row that is being planned. */
typedef struct Planned
{
	Datum values[PLANNED_NATTS];
	bool nulls[PLANNED_NATTS];
	const char *operation;
	const char *attribute;
	bool creates;
	bool retires;
	RmPlannedClass *class;
	const char *key_text; /* the item's key */
	char **key;           /* its parts */
} Planned;

PG_FUNCTION_INFO_V1(rm_plan_ci_change);

/* Return whether there is an item of that label that the acting person sees, or to create one, that none stands in its
 * way. */
static bool
is_item_right(const Planned *planned)
{
	Relation items = table_open(rm_ledger_relid("ci"), AccessShareLock);
	TupleDesc desc = RelationGetDescr(items);
	bool is_right = planned->creates;
	HeapTuple stub = rm_planned_stub(items, planned->values[PLANNED_CI - 1]);

	if (stub != NULL && planned->creates)
		is_right = !heap_attisnull(stub, CI_RETIRED_AT, desc);
	else if (stub != NULL)
	{
		bool isnull;
		Datum organization = heap_getattr(stub, CI_ORGANIZATION_ID, desc, &isnull);

		is_right = isnull || rm_planned_organization_is_seen(DatumGetUUIDP(organization));
	}
	table_close(items, AccessShareLock);
	return is_right;
}

/* Return whether the release plans to retire the item and to change it as well. */
static bool
is_contradicted(Relation relation, const Planned *planned)
{
	TupleDesc desc = RelationGetDescr(relation);
	bool found = false;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple row;

	ScanKeyInit(&keys[0], PLANNED_RELEASE_ID, BTEqualStrategyNumber, F_UUID_EQ,
				planned->values[PLANNED_RELEASE_ID - 1]);
	ScanKeyEntryInitialize(&keys[1], 0, PLANNED_CI, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(desc, PLANNED_CI - 1)->attcollation, F_TEXTEQ,
						   planned->values[PLANNED_CI - 1]);
	scan = systable_beginscan(relation, rm_ledger_relid("planned_ci_change_release_id_ci_attribute_key"), true,
							  GetActiveSnapshot(), 2, keys);
	while (!found && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool isnull;
		Datum id = heap_getattr(row, PLANNED_ID, desc, &isnull);
		char *operation = TextDatumGetCString(heap_getattr(row, PLANNED_OPERATION, desc, &isnull));

		found = memcmp(DatumGetUUIDP(id), DatumGetUUIDP(planned->values[PLANNED_ID - 1]), UUID_LEN) != 0 &&
				(strcmp(operation, "retire") == 0) != planned->retires;
	}
	systable_endscan(scan);
	return found;
}

/* Return the column that the change is of, NULL where it has none that takes the planned value. */
static Form_pg_attribute
column_of(Relation source, const Planned *planned)
{
	TupleDesc desc = RelationGetDescr(source);
	int number = SPI_fnumber(desc, planned->attribute);
	Form_pg_attribute attribute;

	if (number <= 0)
		return NULL;
	attribute = TupleDescAttr(desc, number - 1);
	if (attribute->attgenerated != '\0' || (attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS && !planned->creates) ||
		(attribute->attnotnull && planned->nulls[PLANNED_NEW_VALUE - 1]) ||
		(!planned->creates && rm_type_follows_names(attribute->atttypid)))
		return NULL;
	return attribute;
}

/* A planned value, and the table whose column takes it. */
typedef struct ColumnValue
{
	Oid source;
	Datum attribute;
	Datum value;
} ColumnValue;

/* Replace the value by how its column writes it. */
static void
write_value(void *argument)
{
	ColumnValue *value = argument;

	value->value =
		DirectFunctionCall3(rm_canonical_value, ObjectIdGetDatum(value->source), value->attribute, value->value);
}

/* Replace the new value by how its column writes it; false where the column can not take it. */
static bool
write_as_column(Relation source, Form_pg_attribute attribute, Planned *planned)
{
	ColumnValue value = { .source = RelationGetRelid(source),
						  .attribute = planned->values[PLANNED_ATTRIBUTE - 1],
						  .value = planned->values[PLANNED_NEW_VALUE - 1] };

	if (planned->nulls[PLANNED_NEW_VALUE - 1] || attribute->atttypid == TEXTOID)
		return true;
	if (!rm_data_is_good(write_value, &value))
		return false;
	planned->values[PLANNED_NEW_VALUE - 1] = value.value;
	return true;
}

/* Return whether the name of an item to create says the same of the column as the plan, or nothing. */
static bool
agrees_with_name(const Planned *planned)
{
	for (int i = 0; i < planned->class->nkeys; i++)
	{
		if (strcmp(planned->class->key_columns[i], planned->attribute) == 0)
			return planned->nulls[PLANNED_NEW_VALUE - 1] ||
				   strcmp(TextDatumGetCString(planned->values[PLANNED_NEW_VALUE - 1]), planned->key[i]) == 0;
	}
	return true;
}

/* Return whether an item that is there may change in the column without a plan. */
static bool
is_exempt(const Planned *planned)
{
	return !planned->creates && rm_planned_is_exempt(planned->class, planned->attribute);
}

/* Return whether an item to create has the name that its row's key will give it. */
static bool
is_named_as_written(Relation source, const Planned *planned)
{
	StringInfoData key;

	initStringInfo(&key);
	for (int i = 0; i < planned->class->nkeys; i++)
	{
		ColumnValue value = { .source = RelationGetRelid(source),
							  .attribute = CStringGetTextDatum(planned->class->key_columns[i]),
							  .value = CStringGetTextDatum(planned->key[i]) };

		if (!rm_data_is_good(write_value, &value))
			return false;
		rm_append_key_part(&key, TextDatumGetCString(value.value), i == 0);
	}
	return strcmp(key.data, planned->key_text) == 0;
}

/* Complete the value that is planned; false where its column can not take it, or no plan is of it. */
static bool
complete_value(Relation source, Planned *planned)
{
	Form_pg_attribute attribute = column_of(source, planned);

	return attribute != NULL && !is_exempt(planned) && write_as_column(source, attribute, planned) &&
		   (!planned->creates || agrees_with_name(planned));
}

/* Return whether the row of an item to retire is in the class's table itself, or a partition of it. */
static bool
is_in_source(Relation source, Planned *planned)
{
	RmPlannedRow row;

	if (source->rd_rel->relkind != RELKIND_RELATION || !source->rd_rel->relhassubclass)
		return true;
	return rm_planned_find_row(planned->class, source, planned->key, &row) &&
		   rm_planned_row_table(&row) == RelationGetRelid(source);
}

/* Complete what the rows of an item that is there tell: the old value, and what the item is installed on. */
static bool
complete_from_rows(Relation source, Planned *planned)
{
	bool seeks_target = planned->nulls[PLANNED_TARGET - 1] && planned->class->nroads > 0;
	RmPlannedRow row;
	Datum target;

	/* It would have to come back as it is. */
	if (planned->retires && (!is_in_source(source, planned) || !rm_planned_is_recorded(planned->class, source)))
		return false;
	if (planned->retires && !seeks_target)
		return true;
	if (!rm_planned_find_row(planned->class, source, planned->key, &row))
		return false;
	if (!planned->retires)
	{
		planned->values[PLANNED_OLD_VALUE - 1] = rm_planned_value(&row, planned->attribute);
		planned->nulls[PLANNED_OLD_VALUE - 1] = planned->values[PLANNED_OLD_VALUE - 1] == (Datum) 0;
	}
	if (!seeks_target)
		return true;
	if (!rm_planned_target(planned->class, &row, planned->key, &target))
		return false;
	planned->values[PLANNED_TARGET - 1] = target;
	planned->nulls[PLANNED_TARGET - 1] = target == (Datum) 0;
	return true;
}

/* Read what is to be done to which item; false where the row does not say it, or the class is bound to no table. */
static bool
read_change(Planned *planned)
{
	const char *label;
	const char *slash;

	if (planned->nulls[PLANNED_ID - 1] || planned->nulls[PLANNED_RELEASE_ID - 1] || planned->nulls[PLANNED_CI - 1] ||
		planned->nulls[PLANNED_OPERATION - 1] || planned->nulls[PLANNED_ATTRIBUTE - 1])
		return false;
	label = TextDatumGetCString(planned->values[PLANNED_CI - 1]);
	planned->operation = TextDatumGetCString(planned->values[PLANNED_OPERATION - 1]);
	planned->attribute = TextDatumGetCString(planned->values[PLANNED_ATTRIBUTE - 1]);
	planned->creates = strcmp(planned->operation, "create") == 0;
	planned->retires = strcmp(planned->operation, "retire") == 0;
	slash = strchr(label, '/');
	if (slash == NULL || (!planned->creates && !planned->retires && strcmp(planned->operation, "change") != 0))
		return false;
	planned->class = rm_planned_class(pnstrdup(label, slash - label));
	if (planned->class == NULL)
		return false;
	planned->key = palloc(sizeof(char *) * planned->class->nkeys);
	planned->key_text = slash + 1;
	return rm_lookup_split_key(planned->key_text, planned->key, planned->class->nkeys);
}

/* Complete a row that is right; false where it is not. */
static bool
complete_right(Relation relation, Planned *planned)
{
	Relation source;
	bool is_right;

	if (!read_change(planned) || !is_item_right(planned) || is_contradicted(relation, planned))
		return false;
	planned->nulls[PLANNED_OLD_VALUE - 1] = true;
	source = table_open(planned->class->source, AccessShareLock);
	is_right = (planned->retires || complete_value(source, planned)) &&
			   (planned->creates ? is_named_as_written(source, planned) : complete_from_rows(source, planned));
	table_close(source, AccessShareLock);
	if (planned->nulls[PLANNED_TARGET - 1])
	{
		planned->values[PLANNED_TARGET - 1] = planned->values[PLANNED_CI - 1];
		planned->nulls[PLANNED_TARGET - 1] = false;
	}
	return is_right;
}

/* Return the row as state_ci_change() completes it; it refuses what is not right. */
static HeapTuple
complete_by_query(HeapTuple tuple, TupleDesc desc)
{
	Oid type = desc->tdtypeid;
	Datum row = heap_copy_tuple_as_datum(tuple, desc);
	HeapTupleHeader header;
	HeapTupleData completed;
	bool isnull;

	/* No plan is kept: the type goes with the extension. */
	if (SPI_execute_with_args("SELECT release_mgmt_internal.state_ci_change($1)", 1, &type, &row, NULL, false, 0) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not complete a planned change");
	rm_planned_new_command();
	header = DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	completed.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&completed.t_self);
	completed.t_tableOid = InvalidOid;
	completed.t_data = header;
	return SPI_copytuple(&completed);
}

/* Return the row that is to be written. */
static HeapTuple
complete(Relation relation, HeapTuple tuple)
{
	TupleDesc desc = RelationGetDescr(relation);
	Planned planned;
	bool is_right;
	bool replaced[PLANNED_NATTS] = { false };

	heap_deform_tuple(tuple, desc, planned.values, planned.nulls);
	/* As of now, what this statement wrote before included. */
	PushCopiedSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
	is_right = complete_right(relation, &planned);
	PopActiveSnapshot();
	if (!is_right)
		return complete_by_query(tuple, desc);
	replaced[PLANNED_TARGET - 1] = replaced[PLANNED_OLD_VALUE - 1] = replaced[PLANNED_NEW_VALUE - 1] = true;
	return SPI_copytuple(heap_modify_tuple(tuple, desc, planned.values, planned.nulls, replaced));
}

/* Return the release that the row belongs to; NULL where it names none. */
static const pg_uuid_t *
release_of(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Datum release = heap_getattr(tuple, PLANNED_RELEASE_ID, desc, &isnull);

	return isnull ? NULL : DatumGetUUIDP(release);
}

/* Row trigger rm_50_state. */
Datum
rm_plan_ci_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple result;
	RmIdentity saved;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "plan_ci_change() is a BEFORE row trigger");
	desc = RelationGetDescr(trigger->tg_relation);
	result = trigger->tg_trigtuple;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_become_owner(&saved);
	rm_planned_begin();
	if (release_of(trigger->tg_trigtuple, desc) != NULL)
		rm_planned_require_unsealed(release_of(trigger->tg_trigtuple, desc));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		result = trigger->tg_newtuple;
		if (release_of(result, desc) != NULL)
			rm_planned_require_unsealed(release_of(result, desc));
	}
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		result = complete(trigger->tg_relation, result);
	rm_become_again(&saved);
	SPI_finish();
	return PointerGetDatum(result);
}
