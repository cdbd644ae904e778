/*
 * retire.c
 *		The event trigger rm_ledger_retire: whether a statement would drop the extension.
 *
 * It fires before the statement is carried out: afterwards the trigger itself
 * is gone with the extension.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger_private.h"
#include "ledger/transaction.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rm_guard_drop_of_extension);

/* Return whether the extension needs the other one. */
static bool
needs(Oid extension, Oid other)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	bool found = false;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found |= form->refclassid == ExtensionRelationId && form->refobjid == other;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/* Return the owner of the extension. */
static Oid
owner_of(Oid extension)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	Oid owner = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return owner;
}

/* Return whether the statement drops the extension, by its name or by one that it needs. */
static bool
drops(const DropStmt *statement, Oid extension)
{
	ListCell *cell;

	if (statement->removeType != OBJECT_EXTENSION)
		return false;
	foreach (cell, statement->objects)
	{
		Oid named = get_extension_oid(strVal(lfirst(cell)), true);

		if (named == extension || (OidIsValid(named) && statement->behavior == DROP_CASCADE && needs(extension, named)))
			return true;
	}
	return false;
}

/* Return whether the statement drops what the owner of the extension owns. */
static bool
drops_owned(const DropOwnedStmt *statement, Oid owner)
{
	ListCell *cell;

	foreach (cell, statement->roles)
	{
		if (get_rolespec_oid(lfirst(cell), true) == owner)
			return true;
	}
	return false;
}

/* Event trigger rm_ledger_retire. */
Datum
rm_guard_drop_of_extension(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	Oid extension = get_extension_oid("release_mgmt", true);
	Oid owner = owner_of(extension);
	bool dropped;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "guard_drop_of_extension() is an event trigger function");
	dropped = IsA(data->parsetree, DropStmt)        ? drops(castNode(DropStmt, data->parsetree), extension)
			  : IsA(data->parsetree, DropOwnedStmt) ? drops_owned(castNode(DropOwnedStmt, data->parsetree), owner)
													: false;
	/* Whoever does not own it is refused by the server. */
	if (!dropped || !rm_ledger_is_active() || !has_privs_of_role(GetUserId(), owner))
		PG_RETURN_NULL();

	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute(rm_transaction_has_changes() ? "SELECT release_mgmt_internal.refuse_drop(true)"
												 : "SELECT release_mgmt_internal.refuse_drop(false)",
					false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not ask whether the ledger may be dropped");
	PG_RETURN_NULL();
}
