/*
 * verify_rows.c
 *		Verification of rows: each live row against its last change, and the other way round.
 *
 * What the ledger says of a row is kept under a hash of table and key, the
 * first 16 bytes of their SHA-256; where so many rows would not fit
 * maintenance_work_mem, everything is read several times, each time for the
 * rows whose hash falls into another share.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "ledger/batch.h"
#include "ledger/settings.h"
#include "ledger/verify.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define ROW_HASH_SIZE 16

/* The hash of table and key. */
typedef struct RowHash
{
	unsigned char bytes[ROW_HASH_SIZE];
} RowHash;

/* What the ledger says of a row. */
typedef struct RowState
{
	RowHash hash; /* hash key */
	char status;  /* used by simplehash */
	int64 log_index;
	pg_uuid_t transaction_id;
	uint64 seq;
	uint64 order; /* within its transaction: command id, and of one command departures before arrivals */
	bool present;
	bool redacted;
	bool seen; /* a live row was held against it */
	unsigned char salt[RM_SALT_SIZE];
	unsigned char digest[RM_SHA256_SIZE];
} RowState;

/* Return the number by which the table places a row: four bytes of what is a hash already. */
static inline uint32
place_of(RowHash hash)
{
	uint32 place;

	memcpy(&place, hash.bytes, sizeof(place));
	return place;
}

/* Open addressing: with millions of rows, cache misses are what a lookup costs. */
#define SH_PREFIX rowmap
#define SH_ELEMENT_TYPE RowState
#define SH_KEY_TYPE RowHash
#define SH_KEY hash
#define SH_HASH_KEY(map, key) place_of(key)
#define SH_EQUAL(map, a, b) (memcmp((a).bytes, (b).bytes, ROW_HASH_SIZE) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Start with no row known. */
void
rm_verify_rows_init(RmVerify *verify)
{
	if (verify->rows)
		rowmap_destroy(verify->rows);
	verify->rows = rowmap_create(CurrentMemoryContext, 1024, NULL);
}

/* Compute the hash of table and key; false where another pass is to see to this row. */
static bool
hash_row(RmVerify *verify, const pg_uuid_t *table_id, const char *key, int len, RowHash *hash)
{
	RmHashPiece pieces[2] = { { table_id->data, UUID_LEN }, { key, len } };
	unsigned char full[RM_SHA256_SIZE];

	rm_require_hash(rm_hash_pieces(RM_HASH_SHA256, pieces, 2, full));
	memcpy(hash->bytes, full, ROW_HASH_SIZE);
	return full[RM_SHA256_SIZE - 1] % verify->passes == verify->pass;
}

/* Note that the row under the key came to be as the change says, or went. */
static void
apply(RmVerify *verify, int64 log_index, const pg_uuid_t *transaction_id, uint64 seq, const RmChange *change,
	  const char *key, int key_len, bool present)
{
	uint64 order = (uint64) change->command_id << 1 | (present ? 1 : 0);
	RowHash hash;
	RowState *row;
	bool found;

	if (!hash_row(verify, &change->table_id, key, key_len, &hash))
		return;
	row = rowmap_insert(verify->rows, hash, &found);
	if (found && memcmp(&row->transaction_id, transaction_id, UUID_LEN) == 0 && row->order > order)
		return;
	row->log_index = log_index;
	row->transaction_id = *transaction_id;
	row->seq = seq;
	row->order = order;
	row->present = present;
	row->redacted = change->redacted;
	row->seen = false;
	memcpy(row->salt, change->salt, RM_SALT_SIZE);
	memcpy(row->digest, change->row_digest, RM_SHA256_SIZE);
}

/* Take in a change; changes of a transaction come one after the other. */
void
rm_verify_apply_change(RmVerify *verify, int64 log_index, const pg_uuid_t *transaction_id, uint64 seq,
					   const RmChange *change)
{
	if (hash_search(verify->tables, &change->table_id, HASH_FIND, NULL) == NULL)
		return;
	if (change->former_key)
		apply(verify, log_index, transaction_id, seq, change, change->former_key, change->former_key_len, false);
	apply(verify, log_index, transaction_id, seq, change, change->key, change->key_len,
		  rm_operation_has_row(change->operation));
}

/* Return the name of a governed table; of one that is not, its id. */
const char *
rm_verify_table_name(RmVerify *verify, const pg_uuid_t *table_id)
{
	RmVerifiedTable *table = hash_search(verify->tables, table_id, HASH_FIND, NULL);

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
	RowHash hash;
	unsigned char digest[RM_SHA256_SIZE];
	StringInfoData key;
	StringInfoData bytes;
	RowState *row;

	initStringInfo(&key);
	slot_getallattrs(slot);
	rm_governed_append_key(governed, &key, slot->tts_values, slot->tts_isnull);
	if (!hash_row(verify, &table->id, key.data, key.len, &hash))
		return;
	row = rowmap_lookup(verify->rows, hash);
	if (row == NULL || !row->present || row->seen)
	{
		rm_finding_add(verify, "row added", row ? row->log_index : RM_NO_INDEX, table->name,
					   utf8_string(key.data, key.len),
					   row == NULL ? "no row"
					   : row->seen ? "one row of this key"
								   : "no row, deleted here",
					   "a row");
		return;
	}
	row->seen = true;
	if (row->redacted)
	{
		rm_finding_add(verify, "row can not be verified", row->log_index, table->name, utf8_string(key.data, key.len),
					   "a salt", "a redacted change");
		return;
	}
	initStringInfo(&bytes);
	rm_governed_append_row(governed, &bytes, slot->tts_values, slot->tts_isnull);
	rm_digest_salted(row->salt, bytes.data, bytes.len, digest);
	if (memcmp(digest, row->digest, RM_SHA256_SIZE) != 0)
		rm_finding_add(verify, "row changed", row->log_index, table->name, utf8_string(key.data, key.len),
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

/* Say of the change that made it that a row is missing. */
static void
report_missing(RmVerify *verify, RowState *row)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	uint64 seq = 0;

	ScanKeyInit(&key, RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&row->transaction_id));
	scan = systable_beginscan_ordered(verify->batches, verify->batches_index, verify->snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool isnull;
		bytea *batch =
			DatumGetByteaPP(heap_getattr(tuple, RM_BATCH_CHANGES, RelationGetDescr(verify->batches), &isnull));
		RmChangeReader reader;
		RmChange change;

		rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
		while (rm_change_try_read(&reader, &change) == RM_CHANGE_READ)
		{
			RmVerifiedTable *table = hash_search(verify->tables, &change.table_id, HASH_FIND, NULL);

			if (seq++ == row->seq && table && !table->unreadable)
				rm_finding_add(verify, "row missing", row->log_index, table->name,
							   utf8_string(change.key, change.key_len), rm_hash_text(row->digest), "no row");
		}
	}
	systable_endscan_ordered(scan);
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

	rowmap_start_iterate(verify->rows, &rows);
	while ((row = rowmap_iterate(verify->rows, &rows)) != NULL)
	{
		if (row->present && !row->seen)
			report_missing(verify, row);
	}
}
