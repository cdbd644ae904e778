/*
 * rows.c
 *		What the ledger says of each row: a hash table over table and key.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define HASH_SIZE 16

typedef struct Row
{
	unsigned char hash[HASH_SIZE]; /* of table and key; all zeros in a free place */
	unsigned char digest[RM_SHA256_SIZE];
	unsigned char salt[SALT_SIZE];
	int64_t index;
	uint64_t transaction;
	uint64_t order; /* within the transaction: command id, and of one command departures before arrivals */
	char *key;
	int table;
	bool present;
	bool redacted;
	bool seen;
} Row;

typedef struct Table
{
	unsigned char id[UUID_SIZE];
	char *source; /* NULL for one that is not governed now */
	TableState state;
	uint64_t to_come; /* rows that the ledger does not know while that is so */
} Table;

static Row *rows = NULL;
static size_t places = 0;
static size_t used = 0;
static bool in_part = false; /* rows that were not changed since are not known */
static Table *tables = NULL;
static int ntables = 0;

/* Return the number of the table of that id. */
static int
table_number(const unsigned char *table_id)
{
	static int last = 0;

	if (last < ntables && memcmp(tables[last].id, table_id, UUID_SIZE) == 0)
		return last;
	for (last = 0; last < ntables; last++)
	{
		if (memcmp(tables[last].id, table_id, UUID_SIZE) == 0)
			return last;
	}
	tables = realloc(tables, sizeof(Table) * (size_t) (ntables + 1));
	if (tables == NULL)
		trouble("out of memory");
	memcpy(tables[ntables].id, table_id, UUID_SIZE);
	tables[ntables].source = NULL;
	tables[ntables].state = (TableState) { false };
	tables[ntables].to_come = 0;
	return ntables++;
}

/* Note that a table is governed now, and what of it is not settled. */
void
know_table(const unsigned char *table_id, const char *source, TableState state)
{
	int number = table_number(table_id);

	tables[number].source = strdup(source);
	tables[number].state = state;
}

/* Return the place of the hash: where it is, or where it belongs. */
static Row *
find_place(const unsigned char *hash)
{
	static const unsigned char zeros[HASH_SIZE];
	uint64_t start;

	memcpy(&start, hash, sizeof(start));
	for (size_t i = start & (places - 1);; i = (i + 1) & (places - 1))
	{
		if (memcmp(rows[i].hash, hash, HASH_SIZE) == 0 || memcmp(rows[i].hash, zeros, HASH_SIZE) == 0)
			return &rows[i];
	}
}

/* Make room for more rows. */
static void
grow(void)
{
	Row *old = rows;
	size_t old_places = places;

	places = places ? places * 2 : 1024;
	rows = allocate(sizeof(Row) * places);
	for (size_t i = 0; i < old_places; i++)
	{
		if (old[i].key)
			*find_place(old[i].hash) = old[i];
	}
	free(old);
}

/* Forget every row: a log begins with what there is. */
void
forget_rows(void)
{
	for (size_t i = 0; i < places; i++)
		free(rows[i].key);
	free(rows);
	rows = NULL;
	places = used = 0;
}

/* Compute the hash of table and key. */
static void
hash_row(const unsigned char *table_id, const unsigned char *key, size_t key_len, unsigned char *hash)
{
	RmHashPiece pieces[2] = { { table_id, UUID_SIZE }, { key, key_len } };
	unsigned char full[RM_SHA256_SIZE];

	if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, full))
		trouble("OpenSSL can not hash");
	memcpy(hash, full, HASH_SIZE);
}

/* Note that the row under the key came to be as the change says, or went. */
static void
apply(const Change *change, int64_t index, uint64_t transaction, const unsigned char *key, size_t key_len, bool present)
{
	uint64_t order = (uint64_t) change->command_id << 1 | (present ? 1 : 0);
	unsigned char hash[HASH_SIZE];
	Row *row;

	if (used * 2 >= places)
		grow();
	hash_row(change->table_id, key, key_len, hash);
	row = find_place(hash);
	if (row->key == NULL)
	{
		used++;
		memcpy(row->hash, hash, HASH_SIZE);
		row->key = allocate(key_len + 1);
		memcpy(row->key, key, key_len);
		row->table = table_number(change->table_id);
	}
	else if (row->transaction == transaction && row->order > order)
		return;
	row->index = index;
	row->transaction = transaction;
	row->order = order;
	row->present = present;
	row->redacted = change->redacted;
	memcpy(row->digest, change->row_digest, RM_SHA256_SIZE);
	memcpy(row->salt, change->salt, SALT_SIZE);
}

/* Take in a change; those of a transaction come one after the other. */
void
apply_change(const Change *change, int64_t index, uint64_t transaction)
{
	if (change->former_key)
		apply(change, index, transaction, change->former_key, change->former_key_len, false);
	apply(change, index, transaction, change->key, change->key_len, change->operation != 'D');
}

/* Hold a live row, in its canonical form, against what the ledger says of it. */
void
check_row(const unsigned char *table_id, const char *source, const unsigned char *key, size_t key_len,
		  const unsigned char *bytes, size_t len)
{
	unsigned char hash[HASH_SIZE];
	unsigned char digest[RM_SHA256_SIZE];
	char *name = strndup((const char *) key, key_len);
	Table *table = &tables[table_number(table_id)];
	bool is_known;
	Row *row;

	hash_row(table_id, key, key_len, hash);
	row = places ? find_place(hash) : NULL;
	is_known = row && row->key;
	if (!is_known && in_part)
		;
	else if ((!is_known && table->state.is_open) || ((!is_known || !row->present) && table->state.keys_moved))
		table->to_come++;
	else if (row == NULL || row->key == NULL)
		finding("row added", -1, source, name, NULL);
	else if (!row->present || row->seen)
		finding("row added", row->index, source, name,
				row->present ? "there is one of this key" : "it was deleted here");
	else if (row->redacted)
		finding("row can not be verified", row->index, source, name, "its last change is redacted");
	else
	{
		RmHashPiece pieces[2] = { { row->salt, SALT_SIZE }, { bytes, len } };

		if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, digest))
			trouble("OpenSSL can not hash");
		if (memcmp(digest, row->digest, RM_SHA256_SIZE) != 0 && table->state.rows_moved)
			table->to_come++;
		else if (memcmp(digest, row->digest, RM_SHA256_SIZE) != 0)
			finding("row changed", row->index, source, name, NULL);
	}
	if (row && row->key)
		row->seen = true;
	free(name);
}

/* Name the tables of which rows are still to come, or to be recorded when their maintenance ends. */
static void
report_unsettled_tables(void)
{
	for (int i = 0; i < ntables; i++)
	{
		const TableState *state = &tables[i].state;
		char found[64];

		if (tables[i].source == NULL)
			continue;
		snprintf(found, sizeof(found), "%" PRIu64 " rows to come", tables[i].to_come);
		if (state->is_open)
			finding("baseline incomplete", -1, tables[i].source, NULL, found);
		snprintf(found, sizeof(found), "%" PRIu64 " rows to record", tables[i].to_come);
		if (state->in_window)
			finding(state->expired ? "maintenance expired" : "maintenance under way", -1, tables[i].source, NULL,
					found);
	}
}

/* Name the rows that the ledger knows and that are gone, and the tables of which rows are still to come. */
void
report_missing_rows(void)
{
	for (size_t i = 0; i < places; i++)
	{
		const Table *table = &tables[rows[i].table];

		if (rows[i].key && rows[i].present && !rows[i].seen && table->source && !table->state.keys_moved)
			finding("row missing", rows[i].index, table->source, rows[i].key, NULL);
	}
	report_unsettled_tables();
}

/* From here on, rows that the ledger does not know are those that were not changed since. */
void
know_rows_in_part(void)
{
	in_part = true;
}

/* Forget which rows of the table were seen. */
void
forget_sight(const unsigned char *table_id)
{
	int number = table_number(table_id);

	for (size_t i = 0; i < places; i++)
		rows[i].seen &= rows[i].table != number;
}

/* Return the keys of a table that the ledger knows; they stay its own. */
const char **
keys_of_table(const unsigned char *table_id, size_t *count)
{
	int number = table_number(table_id);
	const char **keys;

	*count = 0;
	for (size_t i = 0; i < places; i++)
		*count += rows[i].key && rows[i].table == number;
	keys = allocate(sizeof(char *) * *count);
	*count = 0;
	for (size_t i = 0; i < places; i++)
	{
		if (rows[i].key && rows[i].table == number)
			keys[(*count)++] = rows[i].key;
	}
	return keys;
}

/* Return how many keys the ledger knows. */
uint64_t
known_rows(void)
{
	return used;
}
