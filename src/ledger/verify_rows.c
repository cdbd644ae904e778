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

#include "access/htup_details.h"
#include "access/tableam.h"
#include "common/hashfn.h"
#include "ledger/encoding.h"
#include "ledger/lookup.h"
#include "ledger/settings.h"
#include "ledger/verify.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Rows are kept in pieces of memory of that size. */
#define ROWS_MEMORY (256 * 1024)

/* Table and key. */
typedef struct RowName
{
	RmVerifiedTable *table;
	const char *key;
	uint32 len;
	uint32 hash;
} RowName;

/* What the ledger says of a row; its key follows. */
typedef struct RowState
{
	RowName name;
	struct RowState *next; /* heard of after this one */
	int64 log_index;
	uint64 transaction; /* number of the transaction that changed it last */
	uint64 order;       /* within that: command id, and of one command departures before arrivals */
	unsigned char salt[RM_SALT_SIZE];
	unsigned char digest[RM_SHA256_SIZE];
	bool present;
	bool redacted;
	bool seen; /* a live row was held against it */
} RowState;

/*
 * Where a row is found.
 *
 * Rows stand one behind the other in the order in which they were first heard
 * of, which is about that of the live rows; only this small part is read at
 * random.
 */
typedef struct RowPlace
{
	const RowName *name; /* within a RowState */
	uint32 hash;
	char status; /* used by simplehash */
} RowPlace;

/* Return whether they name the same row. */
static inline bool
same_name(const RowName *a, const RowName *b)
{
	return a->table == b->table && a->len == b->len && memcmp(a->key, b->key, a->len) == 0;
}

/* With millions of rows, cache misses are what a lookup costs: open addressing. */
#define SH_PREFIX rowmap
#define SH_ELEMENT_TYPE RowPlace
#define SH_KEY_TYPE const RowName *
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
	RowState *first;
	RowState *last;
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

/* Make room for a row, and copy its name there. */
static RowState *
add_row(RmVerifiedRows *rows, const RowName *name)
{
	Size size = MAXALIGN(sizeof(RowState) + name->len);
	RowState *row;
	char *key;

	if (size > rows->left)
	{
		rows->left = Max(ROWS_MEMORY, size);
		rows->room = MemoryContextAlloc(rows->memory, rows->left);
	}
	row = (RowState *) rows->room;
	key = rows->room + sizeof(RowState);
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
static inline void
prefetch_place(const RmVerifiedRows *rows, uint32 hash)
{
	__builtin_prefetch(&rows->map->data[hash & rows->map->sizemask]);
}

/* Note that the row under the key came to be as the change says, or went. */
static void
apply(RmVerify *verify, RmVerifiedTable *table, int64 log_index, const RmChange *change, const char *key, int key_len,
	  bool present)
{
	uint64 order = (uint64) change->command_id << 1 | (present ? 1 : 0);
	RowName name;
	RowPlace *place;
	RowState *row;
	bool found;

	if (!name_row(verify, table, key, key_len, &name))
		return;
	place = rowmap_insert(verify->rows->map, &name, &found);
	if (!found)
		place->name = &add_row(verify->rows, &name)->name;
	row = (RowState *) place->name;
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
	RowName name;

	if (table && name_row(verify, table, change->key, change->key_len, &name))
		prefetch_place(verify->rows, name.hash);
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
	return rm_from_utf8(pnstrdup(bytes, len), len);
}

/* Say that a live row is one more than the ledger knows. */
static void
report_added(RmVerify *verify, RmVerifiedTable *table, const RowState *row, const char *key)
{
	rm_finding_add(verify, "row added", row ? row->log_index : RM_NO_INDEX, table->name, key,
				   row == NULL ? "no row"
				   : row->seen ? "one row of this key"
							   : "no row, deleted here",
				   "a row");
}

/* Put together what the row's digest is taken of, but for the salt, for which there is room. */
static void
compose_row(RmVerify *verify, RmGoverned *governed, const Datum *values, const bool *nulls)
{
	resetStringInfo(&verify->row);
	appendStringInfoSpaces(&verify->row, RM_SALT_SIZE);
	rm_governed_append_row(governed, &verify->row, values, nulls);
}

/* Hold the row that was put together against its last change. */
static void
compare_row(RmVerify *verify, const RowState *row)
{
	const char *name = row->name.table->name;
	unsigned char digest[RM_SHA256_SIZE];

	if (row->redacted)
	{
		rm_finding_add(verify, "row can not be verified", row->log_index, name,
					   utf8_string(row->name.key, row->name.len), "a salt", "a redacted change");
		return;
	}
	memcpy(verify->row.data, row->salt, RM_SALT_SIZE);
	rm_require_hash(rm_hash(RM_HASH_SHA256, verify->row.data, verify->row.len, digest));
	if (memcmp(digest, row->digest, RM_SHA256_SIZE) == 0)
		return;
	if (row->name.table->rows_moved)
		row->name.table->to_come++;
	else
		rm_finding_add(verify, "row changed", row->log_index, name, utf8_string(row->name.key, row->name.len),
					   rm_hash_text(row->digest), rm_hash_text(digest));
}

/* Hold a live row against what the ledger says of it. */
static void
check_row(RmVerify *verify, RmVerifiedTable *table, RmGoverned *governed, TupleTableSlot *slot)
{
	StringInfo key = &verify->key;
	RowName name;
	RowPlace *place;
	RowState *row;

	resetStringInfo(key);
	slot_getallattrs(slot);
	rm_governed_append_key(governed, key, slot->tts_values, slot->tts_isnull);
	if (!name_row(verify, table, key->data, key->len, &name))
		return;
	prefetch_place(verify->rows, name.hash);
	compose_row(verify, governed, slot->tts_values, slot->tts_isnull);
	place = rowmap_lookup(verify->rows->map, &name);
	row = place ? (RowState *) place->name : NULL;
	if ((row == NULL && table->open) || ((row == NULL || !row->present) && table->keys_moved))
	{
		table->to_come++;
		return;
	}
	if (row == NULL || !row->present || row->seen)
	{
		report_added(verify, table, row, utf8_string(key->data, key->len));
		return;
	}
	row->seen = true;
	compare_row(verify, row);
}

/* Return what capture knows of a relation; NULL, and a finding, where a column is not known to the ledger. */
static RmGoverned *
find_governed(RmVerify *verify, RmVerifiedTable *table, Relation relation)
{
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&table->id)));
	const char *unknown;
	RmGoverned *governed = rm_governed_find(relation, table_id, &unknown);

	if (governed == NULL && verify->pass == 0 && !table->unreadable)
		rm_finding_add(verify, "column unknown", RM_NO_INDEX, table->name, NULL, NULL, unknown);
	table->unreadable |= governed == NULL;
	pfree(table_id);
	return governed;
}

/* Hold the live rows of a relation against the ledger. */
static void
check_relation(RmVerify *verify, RmVerifiedTable *table, Relation relation)
{
	RmGoverned *governed = find_governed(verify, table, relation);
	TupleTableSlot *slot;
	TableScanDesc scan;
	int nest_level;

	if (governed == NULL)
		return;
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

/* Name the rows that the ledger knows and that are gone. */
static void
report_missing(RmVerify *verify)
{
	for (RowState *row = verify->rows->first; row != NULL; row = row->next)
	{
		if (row->present && !row->seen && !row->name.table->unreadable && !row->name.table->keys_moved)
			rm_finding_add(verify, "row missing", row->log_index, row->name.table->name,
						   utf8_string(row->name.key, row->name.len), rm_hash_text(row->digest), "no row");
	}
}

/* Hold every live row against the ledger, and name the rows that the ledger knows and that are gone. */
void
rm_verify_rows(RmVerify *verify)
{
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		ListCell *cell;

		foreach (cell, table->relations)
			check_relation(verify, table, lfirst(cell));
	}

	report_missing(verify);
}

/* Hold the live row of a known name, if the relation has it, against the ledger. */
static void
check_known_row(RmVerify *verify, RowState *row, Relation relation)
{
	RmVerifiedTable *table = row->name.table;
	RmGoverned *governed = find_governed(verify, table, relation);
	char **parts;
	int nest_level;

	if (governed == NULL)
		return;
	parts = palloc(sizeof(char *) * governed->nkeys);
	nest_level = rm_settings_begin();
	if (rm_lookup_split_key(utf8_string(row->name.key, row->name.len), parts, governed->nkeys))
	{
		TupleDesc desc = RelationGetDescr(relation);
		HeapTuple tuple = rm_lookup_row(relation, governed, parts);
		Datum *values = palloc(sizeof(Datum) * desc->natts);
		bool *nulls = palloc(sizeof(bool) * desc->natts);

		if (tuple)
		{
			heap_deform_tuple(tuple, desc, values, nulls);
			if (!row->present && table->keys_moved)
				table->to_come++;
			else if (!row->present || row->seen)
				report_added(verify, table, row, utf8_string(row->name.key, row->name.len));
			else
			{
				compose_row(verify, governed, values, nulls);
				compare_row(verify, row);
			}
			row->seen = true;
		}
	}
	rm_settings_end(nest_level);
}

/* Hold the rows that the ledger was read to know of, and no others, against it. */
void
rm_verify_known_rows(RmVerify *verify)
{
	for (RowState *row = verify->rows->first; row != NULL; row = row->next)
	{
		MemoryContext old_context = MemoryContextSwitchTo(verify->per_change);
		ListCell *cell;

		CHECK_FOR_INTERRUPTS();
		foreach (cell, row->name.table->relations)
			check_known_row(verify, row, lfirst(cell));
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(verify->per_change);
	}
	report_missing(verify);
}
