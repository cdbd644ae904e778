/*
 * ddl.c
 *		What the event triggers of bound tables can not ask from SQL.
 */
#include "postgres.h"

#include "cmdb/binding.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(rm_guard_type);
PG_FUNCTION_INFO_V1(rm_let_go_of_dropped);

/* Event trigger rm_cmdb_type at the end of ALTER TYPE: items in mode enforce keep their values. */
Datum
rm_guard_type(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "guard_type() is an event trigger function");
	if (!rm_ledger_is_active() || !rm_ledger_alters_values(((EventTriggerData *) fcinfo->context)->parsetree))
		PG_RETURN_NULL();
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute("SELECT release_mgmt_internal.refuse_altered_values()", false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not look for items that hold values of an altered type");
	PG_RETURN_NULL();
}

/* What a statement would drop tables by. */
typedef struct DropNames
{
	List *tables;
	List *schemas; /* with all that is in them */
	List *owners;
} DropNames;

/* Could the table be bound, or have children that are? Most tables have neither triggers nor children. */
static bool
may_be_bound(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool may_be = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		may_be = form->relhastriggers || form->relhassubclass;
		ReleaseSysCache(tuple);
	}
	return may_be;
}

/* Return what DROP TABLE, DROP SCHEMA or DROP OWNED names; tables that can not be bound are left out. */
static DropNames
names_of_drop(Node *parsetree)
{
	DropNames names = { NIL, NIL, NIL };
	ListCell *cell;

	if (IsA(parsetree, DropOwnedStmt))
	{
		foreach (cell, castNode(DropOwnedStmt, parsetree)->roles)
			names.owners = lappend_oid(names.owners, get_rolespec_oid(lfirst(cell), true));
	}
	if (!IsA(parsetree, DropStmt))
		return names;
	foreach (cell, castNode(DropStmt, parsetree)->objects)
	{
		DropStmt *statement = castNode(DropStmt, parsetree);

		if (statement->removeType == OBJECT_TABLE)
		{
			Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(castNode(List, lfirst(cell))), NoLock, true);

			if (may_be_bound(relid))
				names.tables = lappend_oid(names.tables, relid);
		}
		else if (statement->removeType == OBJECT_SCHEMA && statement->behavior == DROP_CASCADE)
			names.schemas = lappend_oid(names.schemas, get_namespace_oid(strVal(lfirst(cell)), true));
	}
	return names;
}

/* Return the OIDs as oid[]. */
static Datum
oid_array(List *oids)
{
	Datum *elements = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	int count = 0;
	ListCell *cell;

	foreach (cell, oids)
		elements[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

/*
 * Event trigger rm_cmdb_let_go at the start of what drops tables.
 *
 * While the rows are there: when the table is gone, nobody can record them.
 */
Datum
rm_let_go_of_dropped(PG_FUNCTION_ARGS)
{
	Oid types[] = { OIDARRAYOID, OIDARRAYOID, OIDARRAYOID, OIDOID };
	Datum values[lengthof(types)];
	DropNames names;
	RmIdentity saved;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		elog(ERROR, "let_go_of_dropped() is an event trigger function");
	if (!rm_ledger_is_active())
		PG_RETURN_NULL();
	names = names_of_drop(((EventTriggerData *) fcinfo->context)->parsetree);
	if (names.tables == NIL && names.schemas == NIL && names.owners == NIL)
		PG_RETURN_NULL();
	values[0] = oid_array(names.tables);
	values[1] = oid_array(names.schemas);
	values[2] = oid_array(names.owners);
	values[3] = ObjectIdGetDatum(GetUserId());
	rm_become_owner(&saved);
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute_with_args("SELECT release_mgmt_internal.let_go($1, $2, $3, $4)", lengthof(types), types, values,
							  NULL, false, 0) != SPI_OK_SELECT ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not let go of bound tables");
	rm_become_again(&saved);
	PG_RETURN_NULL();
}
