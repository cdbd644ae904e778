/*
 * store.h
 *		Insertion into the ledger's own tables by heap and index, without SPI.
 */
#ifndef RM_LEDGER_STORE_H
#define RM_LEDGER_STORE_H

#include "postgres.h"

#include "nodes/execnodes.h"

typedef struct RmStore
{
	Relation relation;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
} RmStore;

extern Oid rm_ledger_relid(const char *name);
extern void rm_store_open(RmStore *store, const char *name);
extern void rm_store_insert(RmStore *store, const Datum *values, const bool *nulls);
extern void rm_store_close(RmStore *store);

#endif /* RM_LEDGER_STORE_H */
