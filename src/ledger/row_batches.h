/*
 * row_batches.h
 *		The batches that hold changes of given rows, one after the other.
 */
#ifndef RM_LEDGER_ROW_BATCHES_H
#define RM_LEDGER_ROW_BATCHES_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* A transaction that has such batches. */
typedef struct RmRowTransaction
{
	pg_uuid_t id;  /* hash key */
	int rank;      /* among all of them, the last one 1 */
	bool is_meant; /* it committed since the time that is asked for, or is still open */
	TimestampTz at;
	Datum role; /* text */
} RmRowTransaction;

/* Told of each batch; the bytes stay for the call only. */
typedef void (*RmRowBatchReader)(void *state, RmRowTransaction *transaction, int64 first_seq, const char *bytes,
								 int len);

typedef struct RmRowBatches
{
	HTAB *transactions; /* of RmRowTransaction */
	HTAB *batches;      /* of RmBatchName: those that ledger_key knows */
	Snapshot snapshot;
	const TimestampTz *since;   /* NULL: all */
	StringInfoData since_line;  /* as an entry says it */
	pg_uuid_t oldest;           /* id of a transaction that may be meant, */
	pg_uuid_t oldest_sequenced; /* and of one that is in the tree */
	MemoryContext context;      /* what is kept */
	MemoryContext scratch;      /* emptied after each batch */
} RmRowBatches;

extern void rm_row_batches_open(RmRowBatches *rows, const TimestampTz *since);
extern void rm_row_batches_find(RmRowBatches *rows, int64 *hashes, int count);
extern void rm_row_batches_find_more(RmRowBatches *rows, int64 *hashes, int count);
extern void rm_row_batches_read(RmRowBatches *rows, RmRowBatchReader reader, void *state);
extern RmRowTransaction *rm_row_transaction(RmRowBatches *rows, const pg_uuid_t *id);
extern bool rm_row_entry_is_early(const RmRowBatches *rows, TupleTableSlot *entry);
extern void rm_row_leaves_read(RmRowBatches *rows);

#endif /* RM_LEDGER_ROW_BATCHES_H */
