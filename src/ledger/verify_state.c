/*
 * verify_state.c
 *		Verification of rows: what the ledger says of each.
 *
 * What the ledger says of a row is kept under its table and key; where so
 * many rows would not fit maintenance_work_mem, everything is read several
 * times, each time for the rows whose hash falls into another share.  The
 * hash begins with a random number, so that nobody can prepare keys that
 * fall on each other.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "ledger/verify_state.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rows are kept in pieces of memory of that size. */
#define ROWS_MEMORY (256 * 1024)

/*
 * Where a row is found.
 *
 * Rows stand one behind the other in the order in which they were first heard
 * of, which is about that of the live rows; only this small part is read at
 * random.
 */
typedef struct RowPlace
{
	const RmRowName *name; /* within a RmRowState */
	uint32 hash;
	char status; /* used by simplehash */
} RowPlace;

/* Return whether they name the same row. */
static inline bool
same_name(const RmRowName *a, const RmRowName *b)
{
	return a->table == b->table && a->len == b->len && memcmp(a->key, b->key, a->len) == 0;
}

/* With millions of rows, cache misses are what a lookup costs: open addressing. */
#define SH_PREFIX rowmap
#define SH_ELEMENT_TYPE RowPlace
#define SH_KEY_TYPE const RmRowName *
#define SH_KEY name
#define SH_STORE_HASH
#define SH_GET_HASH(map, place) (place)->hash
#define SH_HASH_KEY(map, name) (name)->hash
#define SH_EQUAL(map, a, b) same_name(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The rows that are known, and the memory that they are in. */
struct RmVerifiedRows
{
	rowmap_hash *map;
	RmRowState *first;
	RmRowState *last;
	MemoryContext memory;
	char *room;
	Size left;
};

/* Start with no row known. */
void
rm_verify_rows_init(RmVerify *verify)
{
	RmVerifiedRows *rows = verify->rows;

	if (rows == NULL)
	{
		rows = verify->rows = palloc0(sizeof(RmVerifiedRows));
		rows->memory = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt rows", ALLOCSET_DEFAULT_SIZES);
		initStringInfo(&verify->key);
		initStringInfo(&verify->row);
	}
	else
		rowmap_destroy(rows->map);
	MemoryContextReset(rows->memory);
	rows->left = 0;
	rows->first = rows->last = NULL;
	rows->map = rowmap_create(CurrentMemoryContext, Max(1024, verify->expected_rows), NULL);
}

/* Fill in the name of a row; false where another pass is to see to this row. */
bool
rm_verify_name_row(RmVerify *verify, RmVerifiedTable *table, const char *key, int len, RmRowName *name)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) key, len, table->seed);

	name->table = table;
	name->key = key;
	name->len = len;
	name->hash = (uint32) hash;
	return verify->passes == 1 || (hash >> 32) % verify->passes == verify->pass;
}

/* Make room for a row, and copy its name there. */
static RmRowState *
add_row(RmVerifiedRows *rows, const RmRowName *name)
{
	Size size = MAXALIGN(sizeof(RmRowState) + name->len);
	RmRowState *row;
	char *key;

	if (size > rows->left)
	{
		rows->left = Max(ROWS_MEMORY, size);
		rows->room = MemoryContextAlloc(rows->memory, rows->left);
	}
	row = (RmRowState *) rows->room;
	key = rows->room + sizeof(RmRowState);
	row->name = *name;
	row->next = NULL;
	if (rows->last)
		rows->last->next = row;
	else
		rows->first = row;
	rows->last = row;
	row->name.key = memcpy(key, name->key, name->len);
	rows->room += size;
	rows->left -= size;
	return row;
}

/* Have the place of a row fetched into the cache, while something else is done. */
void
rm_verify_prefetch_state(const RmVerify *verify, const RmRowName *name)
{
	const rowmap_hash *map = verify->rows->map;

	__builtin_prefetch(&map->data[name->hash & map->sizemask]);
}

/* Return what the ledger says of the row of that name; NULL if nothing. */
RmRowState *
rm_verify_find_state(const RmVerify *verify, const RmRowName *name)
{
	RowPlace *place = rowmap_lookup(verify->rows->map, name);

	return place ? (RmRowState *) place->name : NULL;
}

/* Return the row that was heard of first; each leads to the next. */
RmRowState *
rm_verify_first_state(const RmVerify *verify)
{
	return verify->rows->first;
}

/* Note that the row under the key came to be as the change says, or went. */
static void
apply(RmVerify *verify, RmVerifiedTable *table, int64 log_index, const RmChange *change, const char *key, int key_len,
	  bool present)
{
	uint64 order = (uint64) change->command_id << 1 | (present ? 1 : 0);
	RmRowName name;
	RowPlace *place;
	RmRowState *row;
	bool found;

	if (!rm_verify_name_row(verify, table, key, key_len, &name))
		return;
	place = rowmap_insert(verify->rows->map, &name, &found);
	if (!found)
		place->name = &add_row(verify->rows, &name)->name;
	row = (RmRowState *) place->name;
	if (found && row->transaction == verify->transaction && row->order > order)
		return;
	row->log_index = log_index;
	row->transaction = verify->transaction;
	row->order = order;
	row->present = present;
	row->redacted = change->redacted;
	row->seen = false;
	memcpy(row->salt, change->salt, RM_SALT_SIZE);
	memcpy(row->digest, change->row_digest, RM_SHA256_SIZE);
}

/* Return the governed table of that id, NULL if it is none. */
static RmVerifiedTable *
find_table(RmVerify *verify, const pg_uuid_t *table_id)
{
	if (verify->last_table == NULL || memcmp(&verify->last_table->id, table_id, UUID_LEN) != 0)
		verify->last_table = hash_search(verify->tables, table_id, HASH_FIND, NULL);
	return verify->last_table;
}

/* Say that a change will be taken in next. */
void
rm_verify_expect_change(RmVerify *verify, const RmChange *change)
{
	RmVerifiedTable *table = find_table(verify, &change->table_id);
	RmRowName name;

	if (table && rm_verify_name_row(verify, table, change->key, change->key_len, &name))
		rm_verify_prefetch_state(verify, &name);
}

/* Take in a change; changes of a transaction come one after the other. */
void
rm_verify_apply_change(RmVerify *verify, int64 log_index, const RmChange *change)
{
	RmVerifiedTable *table = find_table(verify, &change->table_id);

	if (table == NULL)
		return;
	if (change->former_key)
		apply(verify, table, log_index, change, change->former_key, change->former_key_len, false);
	apply(verify, table, log_index, change, change->key, change->key_len, rm_operation_has_row(change->operation));
}

/* Return the name of a governed table; of one that is not, its id. */
const char *
rm_verify_table_name(RmVerify *verify, const pg_uuid_t *table_id)
{
	RmVerifiedTable *table = find_table(verify, table_id);

	return table ? table->name : DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(table_id)));
}
