/*
 * store.h
 *		Insertion into the ledger's own tables by heap and index, without SPI.
 */
#ifndef RM_LEDGER_STORE_H
#define RM_LEDGER_STORE_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* Rows that are written together at most, and bytes of them, as COPY has it. */
#define RM_STORE_ROWS 1000
#define RM_STORE_BYTES 65536

typedef struct RmStore
{
	Relation relation;
	TupleTableSlot *slot;
	EState *estate;        /* NULL where the table has no index */
	ResultRelInfo *result; /* likewise */
	MemoryContext context;
	MemoryContext rows; /* holds rows that wait to be written; NULL where none do */
	TupleTableSlot **slots;
	int waiting;
	Size waiting_bytes;
} RmStore;

extern Oid rm_ledger_relid(const char *name);
extern void rm_store_open(RmStore *store, const char *name);
extern void rm_store_insert(RmStore *store, const Datum *values, const bool *nulls);
extern void rm_store_collect(RmStore *store, const Datum *values, const bool *nulls);
extern void rm_store_flush(RmStore *store);
extern void rm_store_close(RmStore *store);

#endif /* RM_LEDGER_STORE_H */
