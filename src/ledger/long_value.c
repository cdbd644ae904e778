/*
 * long_value.c
 *		Hashes of long values, kept so that an UPDATE which leaves one alone need not read it.
 *
 * A value out of line is known by its TOAST table and its id there.  An id
 * may be given to another value once the first is gone; whoever stores that
 * one is captured as well, and its hash replaces the one before.  A hash that
 * is wrong all the same, because a value was written behind the ledger's
 * back, makes verification name the row, as it should.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "compat.h"
#include "ledger/long_value.h"
#include "ledger/store.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Attribute numbers of release_mgmt.ledger_long_value. */
enum
{
	LONG_TOAST_TABLE = 1,
	LONG_VALUE_ID,
	LONG_HASH,
	LONG_NATTS = LONG_HASH
};

/* Begin a scan for the value, which sees what this very command wrote. */
static SysScanDesc
begin_scan(Relation table, Datum value)
{
	struct varatt_external pointer;
	ScanKeyData keys[2];

	VARATT_EXTERNAL_GET_POINTER(pointer, (struct varlena *) DatumGetPointer(value));
	ScanKeyInit(&keys[0], LONG_TOAST_TABLE, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(pointer.va_toastrelid));
	ScanKeyInit(&keys[1], LONG_VALUE_ID, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(pointer.va_valueid));
	return systable_beginscan(table, rm_ledger_relid("ledger_long_value_pkey"), true, SnapshotSelf, 2, keys);
}

/* Write the hash of a value out of line; false where it is not known. */
bool
rm_long_value_find(Datum value, unsigned char *hash)
{
	Relation table = table_open(rm_ledger_relid("ledger_long_value"), AccessShareLock);
	SysScanDesc scan = begin_scan(table, value);
	HeapTuple tuple = systable_getnext(scan);
	bool found = HeapTupleIsValid(tuple);

	if (found)
	{
		bool isnull;
		bytea *bytes = DatumGetByteaPP(heap_getattr(tuple, LONG_HASH, RelationGetDescr(table), &isnull));

		found = VARSIZE_ANY_EXHDR(bytes) == RM_SHA256_SIZE;
		if (found)
			memcpy(hash, VARDATA_ANY(bytes), RM_SHA256_SIZE);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

/* Keep the hash of a value out of line. */
void
rm_long_value_remember(Datum value, const unsigned char *hash)
{
	Relation table = table_open(rm_ledger_relid("ledger_long_value"), RowExclusiveLock);
	SysScanDesc scan = begin_scan(table, value);
	HeapTuple old_tuple = systable_getnext(scan);
	struct varatt_external pointer;
	Datum values[LONG_NATTS];
	bool nulls[LONG_NATTS] = { false };
	char bytes[VARHDRSZ + RM_SHA256_SIZE];
	HeapTuple tuple;

	VARATT_EXTERNAL_GET_POINTER(pointer, (struct varlena *) DatumGetPointer(value));
	SET_VARSIZE(bytes, sizeof(bytes));
	memcpy(VARDATA(bytes), hash, RM_SHA256_SIZE);
	values[LONG_TOAST_TABLE - 1] = ObjectIdGetDatum(pointer.va_toastrelid);
	values[LONG_VALUE_ID - 1] = ObjectIdGetDatum(pointer.va_valueid);
	values[LONG_HASH - 1] = PointerGetDatum(bytes);
	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
	if (HeapTupleIsValid(old_tuple))
		CatalogTupleUpdate(table, &old_tuple->t_self, tuple);
	else
		CatalogTupleInsert(table, tuple);
	systable_endscan(scan);
	table_close(table, NoLock);
}

/* Drop the hash of a value out of line, which is gone. */
void
rm_long_value_forget(Datum value)
{
	Relation table = table_open(rm_ledger_relid("ledger_long_value"), RowExclusiveLock);
	SysScanDesc scan = begin_scan(table, value);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		CatalogTupleDelete(table, &tuple->t_self);
	systable_endscan(scan);
	table_close(table, NoLock);
}
