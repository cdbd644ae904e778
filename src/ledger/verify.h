/*
 * verify.h
 *		What the files of verification share.
 */
#ifndef RM_LEDGER_VERIFY_H
#define RM_LEDGER_VERIFY_H

#include "postgres.h"

#include "funcapi.h"
#include "ledger/change.h"
#include "ledger/governed.h"
#include "ledger/batch_scan.h"
#include "ledger/pending.h"
#include "ledger/tree.h"
#include "types/hash.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

/* A finding that no leaf can be named for. */
#define RM_NO_INDEX (-1)

/* A root that the tree must have had at a size. */
typedef struct RmExpectedRoot
{
	uint64 size;
	unsigned char root[RM_SHA256_SIZE];
	const char *from; /* who says so */
} RmExpectedRoot;

/* A governed table whose rows are compared. */
typedef struct RmVerifiedTable
{
	pg_uuid_t id; /* hash key */
	char *name;
	List *relations; /* of Relation: the table, its partitions and children */
	uint64 seed;     /* with which its rows' keys are hashed */
	bool unreadable; /* a column is not known, so that its rows can not be told */
	bool open;       /* its baseline is under way, and rows are still to come */
	bool in_window;  /* a maintenance window of it is open */
	bool expired;    /* that should have ended by now */
	bool rows_moved; /* and in it rows got other digests, which are to be recorded at its end */
	bool keys_moved; /* under other keys */
	int64 to_come;   /* rows that the ledger does not know while any of this is so */
} RmVerifiedTable;

typedef struct RmVerifiedRows RmVerifiedRows;

typedef struct RmVerify
{
	Tuplestorestate *findings;
	TupleDesc findings_desc;
	Snapshot snapshot;
	RmPendingScan pending;
	RmBatchScan batches;
	HTAB *tables; /* RmVerifiedTable by id */
	RmVerifiedTable *last_table;
	RmVerifiedRows *rows; /* what the ledger says of each row, see verify_state.c */
	uint64 transaction;   /* number of the one that is read */
	StringInfoData key;   /* of the row at hand */
	StringInfoData row;   /* its salt and canonical form */
	int64 batches_read;
	int passes; /* how often everything is read, each time for another share of the rows */
	int pass;
	uint32 expected_rows; /* in one of them, about */
	MemoryContext per_change;
} RmVerify;

/* verify.c */
extern void rm_verify_open(RmVerify *verify);
extern void rm_verify_close(RmVerify *verify);
extern RmExpectedRoot *rm_verify_expected(ArrayType *logs, ArrayType *notes, ArrayType *sources, const pg_uuid_t *log,
										  int *count);
extern void rm_finding_add(RmVerify *verify, const char *finding, int64 log_index, const char *source, const char *key,
						   const char *expected, const char *found);
extern char *rm_hash_text(const unsigned char *hash);

/* verify_tree.c */
extern void rm_verify_log(RmVerify *verify, const pg_uuid_t *log, RmExpectedRoot *expected, int nexpected,
						  const RmExpectedRoot *since);

/* verify_changes.c */
extern void rm_verify_entry(RmVerify *verify, int64 log_index, const char *entry, int len, const RmPendingLeaf *leaf);
extern void rm_verify_pending(RmVerify *verify);
extern void rm_verify_batches_claimed(RmVerify *verify);

/* verify_state.c */
extern void rm_verify_rows_init(RmVerify *verify);
extern void rm_verify_expect_change(RmVerify *verify, const RmChange *change);
extern void rm_verify_apply_change(RmVerify *verify, int64 log_index, const RmChange *change);
extern const char *rm_verify_table_name(RmVerify *verify, const pg_uuid_t *table_id);

/* verify_rows.c */
extern void rm_verify_rows(RmVerify *verify);
extern void rm_verify_known_rows(RmVerify *verify);

/* verify_unsettled.c */
extern void rm_verify_mark_unsettled(RmVerify *verify);
extern void rm_verify_baselines(RmVerify *verify);
extern void rm_verify_windows(RmVerify *verify);

#endif /* RM_LEDGER_VERIFY_H */
