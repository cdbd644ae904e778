/*
 * admit.c
 *		The statement trigger rm_10_admit: who may write to a governed table.
 *
 * Active: everyone whom the table's privileges let, save that TRUNCATE, which
 * fires no row trigger, is refused.  Inactive: only the table's owner, which
 * is who restores a dump; a customer's table refuses others only in mode
 * enforce.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "compat.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/ledger_private.h"
#include "ledger/store.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rm_admit);

RmTruncateHook rm_ledger_truncate_hook = NULL;

/* Is the OID one of those in the array? */
static bool
is_member(Oid relid, Datum members)
{
	ArrayType *array = DatumGetArrayTypeP(members);
	const Oid *oids = (const Oid *) ARR_DATA_PTR(array);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	for (int i = 0; i < count; i++)
	{
		if (oids[i] == relid)
			return true;
	}
	return false;
}

/* Return whether governed_table says that the relation, or what it is a partition or child of, is in mode enforce. */
static bool
is_enforced(Oid relid)
{
	Relation governed = table_open(rm_ledger_relid("governed_table"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(governed, InvalidOid, false, NULL, 0, NULL);
	bool enforced = false;
	HeapTuple tuple;

	while (!enforced && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[RM_GOVERNED_NATTS];
		bool nulls[RM_GOVERNED_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(governed), values, nulls);
		enforced = is_member(relid, values[RM_GOVERNED_MEMBERS - 1]) &&
				   strcmp(TextDatumGetCString(values[RM_GOVERNED_MODE - 1]), "enforce") == 0;
	}
	systable_endscan(scan);
	table_close(governed, AccessShareLock);
	return enforced;
}

/* Statement trigger rm_10_admit. */
Datum
rm_admit(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation relation;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "admit() is a trigger function");
	relation = trigger->tg_relation;

	if (rm_ledger_is_active())
	{
		if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
			(rm_ledger_truncate_hook == NULL || !rm_ledger_truncate_hook(relation)))
			ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_PROTECTED),
							errmsg("governed table \"%s\" can not be truncated", RelationGetRelationName(relation)),
							errdetail("TRUNCATE removes rows without telling which."), errhint("Use DELETE.")));
	}
	else if (!rm_relation_is_owned(RelationGetRelid(relation), GetUserId()) && is_enforced(RelationGetRelid(relation)))
		ereport(ERROR, (errcode(ERRCODE_RM_INACTIVE),
						errmsg("table \"%s\" takes no changes while release_mgmt is inactive",
							   RelationGetRelationName(relation)),
						errdetail("The database was never activated, or its rows come from another database."),
						errhint("A DBA calls release_mgmt.activate(origin), which verifies what is there first.")));

	return PointerGetDatum(NULL);
}
