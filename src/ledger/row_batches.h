/*
 * row_batches.h
 *		The batches that hold changes of given rows, one after the other.
 */
#ifndef RM_LEDGER_ROW_BATCHES_H
#define RM_LEDGER_ROW_BATCHES_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* Where a transaction's leaf is, in the order of time. */
typedef enum RmLeafPlace
{
	RM_LEAF_IN_TREE,
	RM_LEAF_PENDING,
	RM_LEAF_NONE /* the transaction is still open */
} RmLeafPlace;

/* A transaction that has such batches. */
typedef struct RmRowTransaction
{
	pg_uuid_t id;  /* hash key */
	int rank;      /* among all of them, the last one 1 */
	bool is_meant; /* it committed since the time that is asked for, or is still open */
	bool is_known; /* the rest is filled in */
	RmLeafPlace place;
	TimestampTz log_opened_at; /* of a leaf in the tree, */
	int64 log_index;
	XLogRecPtr position; /* and of a pending one */
	TimestampTz at;
	Datum who;         /* text: the roles, and for whom they acted */
	Datum application; /* text; 0 where none was named */
} RmRowTransaction;

/* A log, present or former. */
typedef struct RmRowLog
{
	pg_uuid_t id;
	TimestampTz opened_at;
	int64 keyed; /* leaves whose keys are in ledger_key */
} RmRowLog;

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
	pg_uuid_t oldest_sequenced; /* id of a transaction in the tree that may be meant */
	List *logs;                 /* of RmRowLog */
	Datum who;                  /* that was told of last, */
	Datum application;          /* likewise */
	MemoryContext context;      /* what is kept */
	MemoryContext scratch;      /* emptied after each batch */
} RmRowBatches;

extern void rm_row_batches_open(RmRowBatches *rows, const TimestampTz *since);
extern void rm_row_batches_find(RmRowBatches *rows, int64 *hashes, int count);
extern void rm_row_batches_find_more(RmRowBatches *rows, int64 *hashes, int count);
extern void rm_row_batches_read(RmRowBatches *rows, RmRowBatchReader reader, void *state);
extern RmRowTransaction *rm_row_transaction(RmRowBatches *rows, const pg_uuid_t *id);
extern bool rm_row_entry_is_early(const RmRowBatches *rows, TupleTableSlot *entry);
extern void rm_row_leaf_note(RmRowBatches *rows, RmRowTransaction *transaction, TupleTableSlot *entry);
extern void rm_row_leaves_read(RmRowBatches *rows);
extern const RmRowLog *rm_row_log(const RmRowBatches *rows, const pg_uuid_t *id);
extern void rm_row_batches_read_unkeyed(RmRowBatches *rows, RmRowBatchReader reader, void *state);

/* Names of batches, which row_batches.c keeps. */
extern bool rm_row_batch_is_known(const RmRowBatches *rows, const pg_uuid_t *transaction_id, int64 first_seq);

#endif /* RM_LEDGER_ROW_BATCHES_H */
