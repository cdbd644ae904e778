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

/* A row whose changes are asked for. */
typedef struct RmWantedRow
{
	RmRowName name; /* hash key */
	int ordinal;    /* its place in the arguments, from 0 */
} RmWantedRow;

/* A change of such a row. */
typedef struct RmFoundChange
{
	RmWantedRow *row;
	RmRowTransaction *transaction;
	uint32 command_id;
	RmOperation operation;
	int64 seq;
	const char *old; /* NULL: it has no old image, or that was redacted */
	int old_len;
} RmFoundChange;

/* What is asked for, and what was found of it. */
typedef struct RmRowSearch
{
	HTAB *wanted;
	int count;     /* of rows */
	int64 *hashes; /* of their keys */
	RmFoundChange *found;
	Size nfound;
	Size room;
	List *names; /* of columns that were looked up */
	MemoryContext context;
} RmRowSearch;

extern void rm_row_search(RmRowSearch *search, ArrayType *tables, ArrayType *keys, const TimestampTz *since);
extern Datum rm_row_search_column(RmRowSearch *search, const pg_uuid_t *table_id, const char *key, int key_len);

#endif /* RM_LEDGER_ROWS_H */
