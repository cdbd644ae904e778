/*
 * active.c
 *		Whether this database is active: it is the one that activate() was called in.
 *
 * pg_dump restores an extension's rows into another database, a template is
 * copied with them.  So ledger_identity holds the system identifier, the
 * database's OID and the extension's, and the database is active only where
 * all three are the real ones.
 *
 * The answer is kept per backend until ledger_identity is written to: its
 * statement trigger, forget_table(), sends a relation cache invalidation.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "ledger/ledger_private.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rm_is_active);
PG_FUNCTION_INFO_V1(rm_require_active);

typedef enum Knowledge
{
	NOT_KNOWN,
	KNOWN_INACTIVE,
	KNOWN_ACTIVE
} Knowledge;

static Knowledge knowledge = NOT_KNOWN;
static Oid identity_relid = InvalidOid;
static pg_uuid_t active_log;
static int active_pending;

/* Relation cache callback: forget what was known about ledger_identity. */
static void
forget_on_invalidation(Datum arg, Oid relid)
{
	if (relid == identity_relid || !OidIsValid(relid))
		knowledge = NOT_KNOWN;
}

/* Return whether the identity stored in the tuple is that of this database; note what it writes to. */
static bool
tuple_is_own(HeapTuple tuple, TupleDesc desc, Oid extension)
{
	bool isnull;

	if ((uint64) DatumGetInt64(heap_getattr(tuple, RM_IDENTITY_SYSTEM_IDENTIFIER, desc, &isnull)) !=
			GetSystemIdentifier() ||
		DatumGetObjectId(heap_getattr(tuple, RM_IDENTITY_DATABASE_OID, desc, &isnull)) != MyDatabaseId ||
		DatumGetObjectId(heap_getattr(tuple, RM_IDENTITY_EXTENSION_OID, desc, &isnull)) != extension)
		return false;

	active_log = *DatumGetUUIDP(heap_getattr(tuple, RM_IDENTITY_LOG_ID, desc, &isnull));
	active_pending = DatumGetInt32(heap_getattr(tuple, RM_IDENTITY_PENDING, desc, &isnull));
	return true;
}

/* Look the stored identity up and compare it with the real one. */
static Knowledge
find_out(void)
{
	static bool callback_registered = false;
	Oid extension = get_extension_oid("release_mgmt", true);
	Oid schema = get_namespace_oid("release_mgmt", true);
	Knowledge found = KNOWN_INACTIVE;
	Relation identity;
	SysScanDesc scan;
	HeapTuple tuple;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(forget_on_invalidation, (Datum) 0);
		callback_registered = true;
	}

	identity_relid = OidIsValid(schema) ? get_relname_relid("ledger_identity", schema) : InvalidOid;
	if (!OidIsValid(identity_relid) || !OidIsValid(extension))
		return NOT_KNOWN;

	identity = table_open(identity_relid, AccessShareLock);
	scan = systable_beginscan(identity, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (tuple_is_own(tuple, RelationGetDescr(identity), extension))
			found = KNOWN_ACTIVE;
	}
	systable_endscan(scan);
	table_close(identity, AccessShareLock);
	return found;
}

/* Return whether this database is active. */
bool
rm_ledger_is_active(void)
{
	if (knowledge == NOT_KNOWN)
		knowledge = find_out();
	return knowledge == KNOWN_ACTIVE;
}

/* Return the id of the log that this database writes to. */
const pg_uuid_t *
rm_ledger_active_log(void)
{
	rm_ledger_require_active();
	return &active_log;
}

/* Return which table of pending leaves this database writes to, 0 or 1. */
int
rm_ledger_active_pending(void)
{
	rm_ledger_require_active();
	return active_pending;
}

/* Raise ERRCODE_RM_INACTIVE unless this database is active. */
void
rm_ledger_require_active(void)
{
	if (!rm_ledger_is_active())
		ereport(ERROR, (errcode(ERRCODE_RM_INACTIVE), errmsg("release_mgmt is inactive in this database"),
						errdetail("It was never activated, or its rows come from another database."),
						errhint("A DBA calls release_mgmt.activate(origin), which verifies what is there first.")));
}

/* is_active() returns boolean. */
Datum
rm_is_active(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(rm_ledger_is_active());
}

/* require_active() returns void; raises ERRCODE_RM_INACTIVE. */
Datum
rm_require_active(PG_FUNCTION_ARGS)
{
	rm_ledger_require_active();
	PG_RETURN_VOID();
}
