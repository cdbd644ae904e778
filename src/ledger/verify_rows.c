/*
 * verify_rows.c
 *		Verification of rows: each live row against its last change, and the other way round.
 *
 * What the ledger says of a row is kept under its table and key; where so
 * many rows would not fit maintenance_work_mem, everything is read several
 * times, each time for the rows whose hash falls into another share.  The
 * hash begins with a random number, so that nobody can prepare keys that
 * fall on each other.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "common/hashfn.h"
#include "ledger/settings.h"
#include "ledger/verify.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Keys are copied into pieces of memory of that size. */
#define KEY_MEMORY (64 * 1024)

/* Table and key. */
typedef struct RowName
{
	RmVerifiedTable *table;
	const char *key;
	uint32 len;
	uint32 hash;
} RowName;

/* What the ledger says of a row. */
typedef struct RowState
{
	RowName name;
	int64 log_index;
	uint64 transaction; /* number of the transaction that changed it last */
	uint64 order;       /* within that: command id, and of one command departures before arrivals */
	unsigned char salt[RM_SALT_SIZE];
	unsigned char digest[RM_SHA256_SIZE];
	bool present;
	bool redacted;
	bool seen;   /* a live row was held against it */
	char status; /* used by simplehash */
} RowState;

/* Return whether they name the same row. */
static inline bool
same_name(RowName a, RowName b)
{
	return a.table == b.table && a.len == b.len && memcmp(a.key, b.key, a.len) == 0;
}

/* Open addressing: with millions of rows, cache misses are what a lookup costs. */
#define SH_PREFIX rowmap
#define SH_ELEMENT_TYPE RowState
#define SH_KEY_TYPE RowName
#define SH_KEY name
#define SH_STORE_HASH
#define SH_GET_HASH(map, row) (row)->name.hash
#define SH_HASH_KEY(map, name) (name).hash
#define SH_EQUAL(map, a, b) same_name(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The rows that are known, and the memory that their keys are in. */
struct RmVerifiedRows
{
	rowmap_hash *map;
	MemoryContext keys;
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
		rows->keys = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt keys of rows", ALLOCSET_DEFAULT_SIZES);
		initStringInfo(&verify->key);
		initStringInfo(&verify->row);
	}
	else
		rowmap_destroy(rows->map);
	MemoryContextReset(rows->keys);
	rows->left = 0;
	rows->map = rowmap_create(CurrentMemoryContext, 1024, NULL);
}

/* Fill in the name of a row; false where another pass is to see to this row. */
static bool
name_row(RmVerify *verify, RmVerifiedTable *table, const char *key, int len, RowName *name)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) key, len, table->seed);

	name->table = table;
	name->key = key;
	name->len = len;
	name->hash = (uint32) hash;
	return verify->passes == 1 || (hash >> 32) % verify->passes == verify->pass;
}

/* Copy a key to where it stays. */
static const char *
keep_key(RmVerifiedRows *rows, const char *key, uint32 len)
{
	char *copy;

	if (len > rows->left)
	{
		rows->left = Max(KEY_MEMORY, len);
		rows->room = MemoryContextAlloc(rows->keys, rows->left);
	}
	copy = rows->room;
	memcpy(copy, key, len);
	rows->room += len;
	rows->left -= len;
	return copy;
}

/* Note that the row under the key came to be as the change says, or went. */
static void
apply(RmVerify *verify, RmVerifiedTable *table, int64 log_index, const RmChange *change, const char *key, int key_len,
	  bool present)
{
	uint64 order = (uint64) change->command_id << 1 | (present ? 1 : 0);
	RowName name;
	RowState *row;
	bool found;

	if (!name_row(verify, table, key, key_len, &name))
		return;
	row = rowmap_insert(verify->rows->map, name, &found);
	if (!found)
		row->name.key = keep_key(verify->rows, key, key_len);
	else if (row->transaction == verify->transaction && row->order > order)
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

/* Return UTF-8 bytes as a string of the server's encoding. */
static char *
utf8_string(const char *bytes, int len)
{
	return pg_any_to_server(pnstrdup(bytes, len), len, PG_UTF8);
}

/* Hold a live row against what the ledger says of it. */
static void
check_row(RmVerify *verify, RmVerifiedTable *table, RmGoverned *governed, TupleTableSlot *slot)
{
	StringInfo key = &verify->key;
	unsigned char digest[RM_SHA256_SIZE];
	RowName name;
	RowState *row;

	resetStringInfo(key);
	slot_getallattrs(slot);
	rm_governed_append_key(governed, key, slot->tts_values, slot->tts_isnull);
	if (!name_row(verify, table, key->data, key->len, &name))
		return;
	row = rowmap_lookup(verify->rows->map, name);
	if (row == NULL && table->open)
	{
		table->to_come++;
		return;
	}
	if (row == NULL || !row->present || row->seen)
	{
		rm_finding_add(verify, "row added", row ? row->log_index : RM_NO_INDEX, table->name,
					   utf8_string(key->data, key->len),
					   row == NULL ? "no row"
					   : row->seen ? "one row of this key"
								   : "no row, deleted here",
					   "a row");
		return;
	}
	row->seen = true;
	if (row->redacted)
	{
		rm_finding_add(verify, "row can not be verified", row->log_index, table->name, utf8_string(key->data, key->len),
					   "a salt", "a redacted change");
		return;
	}
	resetStringInfo(&verify->row);
	appendBinaryStringInfo(&verify->row, (const char *) row->salt, RM_SALT_SIZE);
	rm_governed_append_row(governed, &verify->row, slot->tts_values, slot->tts_isnull);
	rm_require_hash(rm_hash(RM_HASH_SHA256, verify->row.data, verify->row.len, digest));
	if (memcmp(digest, row->digest, RM_SHA256_SIZE) != 0)
		rm_finding_add(verify, "row changed", row->log_index, table->name, utf8_string(key->data, key->len),
					   rm_hash_text(row->digest), rm_hash_text(digest));
}

/* Hold the live rows of a relation against the ledger. */
static void
check_relation(RmVerify *verify, RmVerifiedTable *table, Relation relation)
{
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&table->id)));
	const char *unknown;
	RmGoverned *governed = rm_governed_find(relation, table_id, &unknown);
	TupleTableSlot *slot;
	TableScanDesc scan;
	int nest_level;

	if (governed == NULL)
	{
		table->unreadable = true;
		if (verify->pass == 0)
			rm_finding_add(verify, "column unknown", RM_NO_INDEX, table->name, NULL, NULL, unknown);
		return;
	}
	nest_level = governed->sensitive ? rm_settings_begin() : 0;
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, verify->snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext old_context = MemoryContextSwitchTo(verify->per_change);

		CHECK_FOR_INTERRUPTS();
		check_row(verify, table, governed, slot);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(verify->per_change);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	if (nest_level > 0)
		rm_settings_end(nest_level);
}

/* Hold every live row against the ledger, and name the rows that the ledger knows and that are gone. */
void
rm_verify_rows(RmVerify *verify)
{
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;
	rowmap_iterator rows;
	RowState *row;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		ListCell *cell;

		foreach (cell, table->relations)
			check_relation(verify, table, lfirst(cell));
	}

	rowmap_start_iterate(verify->rows->map, &rows);
	while ((row = rowmap_iterate(verify->rows->map, &rows)) != NULL)
	{
		if (row->present && !row->seen && !row->name.table->unreadable)
			rm_finding_add(verify, "row missing", row->log_index, row->name.table->name,
						   utf8_string(row->name.key, row->name.len), rm_hash_text(row->digest), "no row");
	}
}

/* Say of each table whose baseline is under way how many rows are still to come. */
void
rm_verify_baselines(RmVerify *verify)
{
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		if (table->open)
			rm_finding_add(verify, "baseline incomplete", RM_NO_INDEX, table->name, NULL, "0 rows to come",
						   psprintf(INT64_FORMAT " rows to come", table->to_come));
	}
}
