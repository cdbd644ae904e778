/*
 * planned.c
 *		The trigger on planned changes: completes what is planned.
 *
 * state_ci_change() in SQL says what a planned change must be like, and refuses
 * what is not.  Plans of a hundred thousand changes are written in one
 * statement, and that function takes the time of several queries for each; so
 * here the plain case, which is nearly all of them, is completed by looking up
 * rows by their indexes, and everything else is left to it.  Both say the same
 * of the plain case.
 *
 * What holds for all rows of a statement is planned_known.c's affair.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "cmdb/binding.h"
#include "cmdb/value.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/bad_data.h"
#include "ledger/lookup.h"
#include "ledger/own_rows.h"
#include "ledger/store.h"
#include "release/planned.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Attribute numbers of planned_ci_change. */
enum
{
	PLANNED_ID = 1,
	PLANNED_RELEASE_ID,
	PLANNED_CI,
	PLANNED_TARGET,
	PLANNED_OPERATION,
	PLANNED_ATTRIBUTE,
	PLANNED_OLD_VALUE,
	PLANNED_NEW_VALUE,
	PLANNED_NATTS = PLANNED_NEW_VALUE
};

/* Attribute numbers of ci. */
enum
{
	CI_LABEL = 4,
	CI_ORGANIZATION_ID = 5,
	CI_RETIRED_AT = 6
};

/* A row that is being planned. */
typedef struct Planned
{
	Datum values[PLANNED_NATTS];
	bool nulls[PLANNED_NATTS];
	char *label;
	const char *operation;
	const char *attribute;
	const RmPlannedClass *class;
} Planned;

PG_FUNCTION_INFO_V1(rm_plan_ci_change);

/* Return a copy of the stub of the item with that label, NULL if there is none. */
static HeapTuple
find_stub(Relation items, Datum label)
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

/* Return whether there is an item of that label that the acting person sees, or to create one, that none stands in its
 * way. */
static bool
is_item_right(const Planned *planned)
{
	Relation items = table_open(rm_ledger_relid("ci"), AccessShareLock);
	TupleDesc desc = RelationGetDescr(items);
	bool creates = strcmp(planned->operation, "create") == 0;
	bool is_right = creates;
	HeapTuple stub = find_stub(items, planned->values[PLANNED_CI - 1]);

	if (stub != NULL && creates)
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
	bool retires = strcmp(planned->operation, "retire") == 0;
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
				(strcmp(operation, "retire") == 0) != retires;
	}
	systable_endscan(scan);
	return found;
}

/* Return the column that the change is of, NULL where it is none that may be planned without a further look. */
static Form_pg_attribute
plain_column(Relation source, const Planned *planned)
{
	TupleDesc desc = RelationGetDescr(source);

	for (int i = 0; i < planned->class->nkeys; i++)
	{
		if (strcmp(planned->class->key_columns[i], planned->attribute) == 0)
			return NULL;
	}
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), planned->attribute) != 0)
			continue;
		if (attribute->attgenerated != '\0' || attribute->attidentity != '\0' ||
			(attribute->attnotnull && planned->nulls[PLANNED_NEW_VALUE - 1]))
			return NULL;
		return attribute;
	}
	return NULL;
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

/* Return a copy of the item's row; NULL where there is none, or finding it takes a query. */
static HeapTuple
find_row(Relation source, const Planned *planned)
{
	const char *table_id = rm_capture_argument(source);
	const char *key = planned->label + strlen(planned->class->name) + 1;
	RmGoverned *governed;
	char **parts;

	if (table_id == NULL || source->rd_rel->relkind != RELKIND_RELATION || source->rd_rel->relhassubclass)
		return NULL;
	governed = rm_governed_of(source, table_id);
	parts = palloc(sizeof(char *) * governed->nkeys);
	if (governed->nkeys != planned->class->nkeys || !rm_lookup_split_key(key, parts, governed->nkeys))
		return NULL;
	return rm_lookup_row(source, governed, parts);
}

/* Read the old value from the item's row. */
static void
read_old_value(Relation source, Form_pg_attribute attribute, HeapTuple row, Planned *planned)
{
	bool isnull;
	Datum value = heap_getattr(row, attribute->attnum, RelationGetDescr(source), &isnull);

	planned->nulls[PLANNED_OLD_VALUE - 1] = isnull;
	planned->values[PLANNED_OLD_VALUE - 1] =
		isnull ? (Datum) 0 : CStringGetTextDatum(rm_value_text(value, attribute->atttypid));
}

/* Return the label of the item to which a relation leads from the row, as text; 0 where it leads to none. */
static Datum
follow(const RmPlannedRoad *road, Relation source, HeapTuple row, Relation items)
{
	TupleDesc desc = RelationGetDescr(source);
	StringInfoData label;
	Datum result;

	initStringInfo(&label);
	appendStringInfo(&label, "%s/", road->to_class);
	for (int i = 0; i < road->ncolumns; i++)
	{
		int number = SPI_fnumber(desc, road->columns[i]);
		bool isnull = true;
		Datum value = number > 0 ? heap_getattr(row, number, desc, &isnull) : (Datum) 0;

		if (isnull)
			return (Datum) 0;
		rm_append_key_part(&label, rm_value_text(value, TupleDescAttr(desc, number - 1)->atttypid), i == 0);
	}
	result = CStringGetTextDatum(label.data);
	return find_stub(items, result) == NULL ? (Datum) 0 : result;
}

/* Find what the item is installed on, its target; false where it may be several. */
static bool
find_target(Relation source, HeapTuple row, Planned *planned)
{
	Relation items = table_open(rm_ledger_relid("ci"), AccessShareLock);
	int found = 0;

	for (int i = 0; i < planned->class->nroads; i++)
	{
		Datum label = follow(&planned->class->roads[i], source, row, items);

		if (label == (Datum) 0)
			continue;
		planned->values[PLANNED_TARGET - 1] = label;
		planned->nulls[PLANNED_TARGET - 1] = false;
		found++;
	}
	table_close(items, AccessShareLock);
	return found <= 1;
}

/* Complete what depends on the item's row. */
static bool
complete_from_row(Relation source, Form_pg_attribute attribute, Planned *planned)
{
	HeapTuple row = find_row(source, planned);

	if (row == NULL)
		return false;
	read_old_value(source, attribute, row, planned);
	return !planned->nulls[PLANNED_TARGET - 1] || find_target(source, row, planned);
}

/* Complete the value of a column. */
static bool
complete_value(Planned *planned)
{
	Relation source = table_open(planned->class->source, AccessShareLock);
	Form_pg_attribute attribute = plain_column(source, planned);
	bool is_plain = attribute != NULL && write_as_column(source, attribute, planned);

	if (is_plain && strcmp(planned->operation, "change") == 0)
		is_plain = complete_from_row(source, attribute, planned);
	table_close(source, AccessShareLock);
	return is_plain;
}

/* Complete a row of the plain kind; false where it is none, or not right. */
static bool
complete_plain(Relation relation, Planned *planned)
{
	char *slash;
	bool retires;

	if (planned->nulls[PLANNED_ID - 1] || planned->nulls[PLANNED_RELEASE_ID - 1] || planned->nulls[PLANNED_CI - 1] ||
		planned->nulls[PLANNED_OPERATION - 1] || planned->nulls[PLANNED_ATTRIBUTE - 1])
		return false;
	planned->label = TextDatumGetCString(planned->values[PLANNED_CI - 1]);
	planned->operation = TextDatumGetCString(planned->values[PLANNED_OPERATION - 1]);
	planned->attribute = TextDatumGetCString(planned->values[PLANNED_ATTRIBUTE - 1]);
	retires = strcmp(planned->operation, "retire") == 0;
	slash = strchr(planned->label, '/');
	if (slash == NULL ||
		(!retires && strcmp(planned->operation, "change") != 0 && strcmp(planned->operation, "create") != 0))
		return false;
	planned->class = rm_planned_class(pnstrdup(planned->label, slash - planned->label));
	if (planned->class == NULL)
		return false;
	if (planned->nulls[PLANNED_TARGET - 1] && strcmp(planned->operation, "create") != 0 &&
		(planned->class->has_links || (retires && planned->class->nroads > 0)))
		return false;
	planned->nulls[PLANNED_OLD_VALUE - 1] = true;
	if (!is_item_right(planned) || is_contradicted(relation, planned) || (!retires && !complete_value(planned)))
		return false;
	if (planned->nulls[PLANNED_TARGET - 1])
	{
		planned->values[PLANNED_TARGET - 1] = planned->values[PLANNED_CI - 1];
		planned->nulls[PLANNED_TARGET - 1] = false;
	}
	return true;
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
	bool is_plain;
	bool replaced[PLANNED_NATTS] = { false };

	heap_deform_tuple(tuple, desc, planned.values, planned.nulls);
	/* As of now, what this statement wrote before included. */
	PushCopiedSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
	is_plain = complete_plain(relation, &planned);
	PopActiveSnapshot();
	if (!is_plain)
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
