/*
 * store.c
 *		Insertion into the ledger's own tables by heap and index, without SPI.
 *
 * A leaf is written in the pre-commit callback, where there is no snapshot
 * for SPI to use and where the transaction may have been made READ ONLY.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "compat.h"
#include "executor/executor.h"
#include "ledger/store.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Return the OID of a table or index of the schema release_mgmt. */
Oid
rm_ledger_relid(const char *name)
{
	Oid relid = get_relname_relid(name, get_namespace_oid("release_mgmt", false));

	if (!OidIsValid(relid))
		elog(ERROR, "relation release_mgmt.%s is missing", name);
	return relid;
}

/* Open a table of the schema release_mgmt for insertion. */
void
rm_store_open(RmStore *store, const char *name)
{
	store->relation = table_open(rm_ledger_relid(name), RowExclusiveLock);
	store->estate = CreateExecutorState();
	store->result = makeNode(ResultRelInfo);
	InitResultRelInfo(store->result, store->relation, 0, NULL, 0);
	ExecOpenIndices(store->result, false);
	store->slot = MakeSingleTupleTableSlot(RelationGetDescr(store->relation), &TTSOpsVirtual);
}

/* Insert a row. */
void
rm_store_insert(RmStore *store, const Datum *values, const bool *nulls)
{
	int natts = store->slot->tts_tupleDescriptor->natts;

	ExecClearTuple(store->slot);
	memcpy(store->slot->tts_values, values, natts * sizeof(Datum));
	memcpy(store->slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(store->slot);
	table_tuple_insert(store->relation, store->slot, GetCurrentCommandId(true), 0, NULL);
	if (store->result->ri_NumIndices > 0)
	{
		rm_exec_insert_index_tuples(store->result, store->slot, store->estate);
		ResetPerTupleExprContext(store->estate);
	}
}

/* Close the table; its lock is kept until the transaction ends. */
void
rm_store_close(RmStore *store)
{
	ExecDropSingleTupleTableSlot(store->slot);
	ExecCloseIndices(store->result);
	FreeExecutorState(store->estate);
	table_close(store->relation, NoLock);
}
