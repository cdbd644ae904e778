/*
 * store.c
 *		Insertion into the ledger's own tables by heap and index, without SPI.
 *
 * A leaf is written in the pre-commit callback, where there is no snapshot
 * for SPI to use and where the transaction may have been made READ ONLY.
 *
 * Rows are written one by one, or collected and written together, a page at
 * a time.  A store that is closed has written everything.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "compat.h"
#include "executor/executor.h"
#include "ledger/ledger.h"
#include "ledger/store.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Relations whose OIDs are kept, at most; every transaction that captures something asks for a few. */
#define KNOWN_RELATIONS 16

/* An OID that was looked up; the name is a literal. */
typedef struct KnownRelation
{
	const char *name;
	Oid relid;
} KnownRelation;

static KnownRelation known[KNOWN_RELATIONS];
static int nknown = 0;

/* Syscache callback: relations or schemas were made, renamed or dropped. */
static void
forget_on_invalidation(Datum arg, int cache, uint32 hash)
{
	nknown = 0;
}

/* Keep the OID of a relation. */
static void
keep_relid(const char *name, Oid relid)
{
	static bool callbacks_registered = false;

	if (!callbacks_registered)
	{
		CacheRegisterSyscacheCallback(RELOID, forget_on_invalidation, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_on_invalidation, (Datum) 0);
		callbacks_registered = true;
	}
	if (nknown < KNOWN_RELATIONS)
		known[nknown++] = (KnownRelation) { name, relid };
}

/* Return the OID of the table or index of that schema, InvalidOid where there is none. */
static Oid
relid_in(const char *schema_name, const char *name)
{
	Oid schema = get_namespace_oid(schema_name, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* Return the OID of a table or index of the schema release_mgmt, or else of release_mgmt_internal, by its name. */
Oid
rm_ledger_relid(const char *name)
{
	Oid relid;

	for (int i = 0; i < nknown; i++)
	{
		if (strcmp(known[i].name, name) == 0)
			return known[i].relid;
	}
	relid = relid_in("release_mgmt", name);
	if (!OidIsValid(relid))
		relid = relid_in("release_mgmt_internal", name);
	if (!OidIsValid(relid))
		elog(ERROR, "relation release_mgmt.%s is missing", name);
	keep_relid(name, relid);
	return relid;
}

/* The function of the internal schema with that name and these argument types, whatever the caller may look up. */
Oid
rm_internal_function(const char *name, int nargs, const Oid *types)
{
	Oid schema = get_namespace_oid("release_mgmt_internal", false);
	Oid found = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
								PointerGetDatum(buildoidvector(types, nargs)), ObjectIdGetDatum(schema));

	if (!OidIsValid(found))
		elog(ERROR, "function \"%s\" is missing", name);
	return found;
}

/* Open a table of the schema release_mgmt for insertion. */
void
rm_store_open(RmStore *store, const char *name)
{
	memset(store, 0, sizeof(*store));
	store->context = CurrentMemoryContext;
	store->relation = table_open(rm_ledger_relid(name), RowExclusiveLock);
	store->slot = MakeSingleTupleTableSlot(RelationGetDescr(store->relation), &TTSOpsVirtual);
	if (!store->relation->rd_rel->relhasindex)
		return;
	store->estate = CreateExecutorState();
	store->result = makeNode(ResultRelInfo);
	InitResultRelInfo(store->result, store->relation, 0, NULL, 0);
	ExecOpenIndices(store->result, false);
}

/* Add the row in the slot to the table's indexes. */
static void
insert_index_tuples(RmStore *store, TupleTableSlot *slot)
{
	if (store->estate == NULL)
		return;
	rm_exec_insert_index_tuples(store->result, slot, store->estate);
	ResetPerTupleExprContext(store->estate);
}

/* Insert a row at once. */
void
rm_store_insert(RmStore *store, const Datum *values, const bool *nulls)
{
	int natts = store->slot->tts_tupleDescriptor->natts;

	ExecClearTuple(store->slot);
	memcpy(store->slot->tts_values, values, natts * sizeof(Datum));
	memcpy(store->slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(store->slot);
	table_tuple_insert(store->relation, store->slot, GetCurrentCommandId(true), 0, NULL);
	insert_index_tuples(store, store->slot);
}

/* Write the rows that wait. */
void
rm_store_flush(RmStore *store)
{
	if (store->waiting == 0)
		return;
	table_multi_insert(store->relation, store->slots, store->waiting, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < store->waiting; i++)
		insert_index_tuples(store, store->slots[i]);
	for (int i = 0; i < store->waiting; i++)
		ExecClearTuple(store->slots[i]);
	store->waiting = 0;
	store->waiting_bytes = 0;
	MemoryContextReset(store->rows);
}

/* Collect a row, which is copied, to be written together with others. */
void
rm_store_collect(RmStore *store, const Datum *values, const bool *nulls)
{
	TupleDesc desc = RelationGetDescr(store->relation);
	MemoryContext old_context;
	HeapTuple tuple;

	if (store->rows == NULL)
	{
		store->rows = AllocSetContextCreate(store->context, "release_mgmt rows", ALLOCSET_DEFAULT_SIZES);
		store->slots = MemoryContextAllocZero(store->context, sizeof(TupleTableSlot *) * RM_STORE_ROWS);
	}
	if (store->slots[store->waiting] == NULL)
	{
		old_context = MemoryContextSwitchTo(store->context);
		store->slots[store->waiting] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old_context);
	}
	old_context = MemoryContextSwitchTo(store->rows);
	tuple = heap_form_tuple(desc, (Datum *) values, (bool *) nulls);
	ExecStoreHeapTuple(tuple, store->slots[store->waiting], false);
	MemoryContextSwitchTo(old_context);
	store->waiting++;
	store->waiting_bytes += tuple->t_len;
	if (store->waiting == RM_STORE_ROWS || store->waiting_bytes >= RM_STORE_BYTES)
		rm_store_flush(store);
}

/* Write what waits and close the table; its lock is kept until the transaction ends. */
void
rm_store_close(RmStore *store)
{
	rm_store_flush(store);
	for (int i = 0; store->slots && i < RM_STORE_ROWS && store->slots[i]; i++)
		ExecDropSingleTupleTableSlot(store->slots[i]);
	ExecDropSingleTupleTableSlot(store->slot);
	if (store->estate)
	{
		ExecCloseIndices(store->result);
		FreeExecutorState(store->estate);
	}
	table_close(store->relation, NoLock);
}
