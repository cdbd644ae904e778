/*
 * rows.h
 *		The captured changes of many rows.
 */
#ifndef RM_LEDGER_ROWS_H
#define RM_LEDGER_ROWS_H

#include "postgres.h"

#include "ledger/change.h"
#include "ledger/row_batches.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

/* A row, by its table and key. */
typedef struct RmRowName
{
	pg_uuid_t table_id;
	const char *key;
	int key_len;
} RmRowName;

/* A row whose changes are asked for, or a key that such a row had or got. */
typedef struct RmWantedRow
{
	RmRowName name;             /* hash key */
	int ordinal;                /* its place in the arguments, from 0; the keys that none of them names come behind */
	int round;                  /* of the search, from 0: changes are found once; -1: none is looked for */
	Size first;                 /* the changes found under this key, */
	Size count;                 /* once they are in order */
	struct RmWantedRow *called; /* by what key the row that had this one is known in the end; NULL: by it */
} RmWantedRow;

/* A change of such a row. */
typedef struct RmFoundChange
{
	RmWantedRow *row;
	RmWantedRow *under; /* the key under which it was found */
	RmRowTransaction *transaction;
	uint32 command_id;
	RmOperation operation;
	int64 seq;
	const char *old; /* NULL: it has no old image, or that was redacted */
	int old_len;
	bool is_redacted;
	bool is_other;     /* of another row, which had the key before the one that had it last */
	RmWantedRow *from; /* the key that the row had before it got this one by the change, */
	RmWantedRow *to;   /* or the one that it got instead of this; NULL for neither */
} RmFoundChange;

/* What is asked for, and what was found of it. */
typedef struct RmRowSearch
{
	HTAB *wanted;
	RmWantedRow **rows; /* that are asked for, as they are */
	int count;          /* of rows that are asked for */
	int nkeys;          /* of these and of all others that are looked for */
	int round;
	List *others; /* keys for the next round */
	bool forward; /* rows are asked for by what they were called at first, not in the end */
	bool any_renamed;
	int nlogs; /* in which leaves are */
	RmFoundChange *found;
	Size nfound;
	Size room;
	List *names; /* of columns that were looked up */
	MemoryContext context;
} RmRowSearch;

extern void rm_row_search(RmRowSearch *search, ArrayType *tables, ArrayType *keys, const TimestampTz *since);

/* renamed.c */
extern RmWantedRow *rm_row_other_key(RmRowSearch *search, const pg_uuid_t *table_id, const char *key, int key_len,
									 bool is_wanted);
extern void rm_rows_follow(RmRowSearch *search);
extern int rm_compare_found(const void *a, const void *b);
extern char *rm_row_key_text(const RmRowName *name);
extern Datum rm_row_search_column(RmRowSearch *search, const pg_uuid_t *table_id, const char *key, int key_len);

#endif /* RM_LEDGER_ROWS_H */
