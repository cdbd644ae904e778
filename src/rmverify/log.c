/*
 * log.c
 *		The log: its entries against signed checkpoints, and captured changes against entries.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* From v2 on, lines "actor" say for whom a role acted; with v3, a line "application" what the session called itself. */
#define TRANSACTION_HEAD_LEN (sizeof("release_mgmt transaction v1\n") - 1)

static const char *const transaction_heads[] = {
	"release_mgmt transaction v1\n",
	"release_mgmt transaction v2\n",
	"release_mgmt transaction v3\n",
};

/* The transaction whose batches are being read. */
typedef struct Transaction
{
	int64_t index;   /* -1 while it is not sequenced */
	uint64_t number; /* 0 before the first */
	uint64_t changes;
	unsigned char root[RM_SHA256_SIZE];
	RmMerkle tree;
	bool is_transaction;
	bool broken;
} Transaction;

static uint64_t transactions_read = 0;
static uint64_t batches_read = 0;

/* Return the value of the entry's line with that label, and its length. */
const char *
entry_line(const char *entry, size_t len, const char *label, size_t *value_len)
{
	size_t label_len = strlen(label);

	for (const char *line = entry; line < entry + len;)
	{
		const char *end = memchr(line, '\n', (size_t) (entry + len - line));

		if (end == NULL)
			return NULL;
		if ((size_t) (end - line) > label_len && memcmp(line, label, label_len) == 0)
		{
			*value_len = (size_t) (end - line) - label_len;
			return line + label_len;
		}
		line = end + 1;
	}
	return NULL;
}

/* Return whether the entry is a transaction's. */
static bool
is_transaction(const char *entry, size_t len)
{
	for (size_t i = 0; len > TRANSACTION_HEAD_LEN && i < sizeof(transaction_heads) / sizeof(*transaction_heads); i++)
	{
		if (memcmp(entry, transaction_heads[i], TRANSACTION_HEAD_LEN) == 0)
			return true;
	}
	return false;
}

/* Begin a transaction of which nothing was read yet. */
static void
reset_transaction(Transaction *transaction, int64_t index)
{
	transaction->index = index;
	transaction->number = ++transactions_read;
	transaction->broken = false;
	rm_merkle_init(&transaction->tree);
}

/* Begin the transaction that the entry tells of. */
static void
begin_transaction(Transaction *transaction, int64_t index, const Field *entry)
{
	const char *text = (const char *) entry->bytes;
	size_t len = (size_t) entry->len;
	size_t root_len = 0;
	size_t changes_len = 0;
	const char *root;
	const char *changes;

	reset_transaction(transaction, index);
	transaction->is_transaction = is_transaction(text, len);
	if (!transaction->is_transaction)
		return;
	changes = entry_line(text, len, "changes ", &changes_len);
	root = entry_line(text, len, "root ", &root_len);
	if (changes == NULL || root == NULL ||
		decode_base64(root, root_len, transaction->root, RM_SHA256_SIZE) != RM_SHA256_SIZE)
		transaction->broken = true;
	else
		transaction->changes = strtoull(changes, NULL, 10);
}

/* Begin the transaction of a pending leaf, whose entry is not made yet. */
static void
begin_pending(Transaction *transaction, const Field *changes, const Field *root)
{
	reset_transaction(transaction, -1);
	transaction->is_transaction = true;
	transaction->changes = get_number(changes->bytes, 8);
	transaction->broken = root->len != RM_SHA256_SIZE;
	if (!transaction->broken)
		memcpy(transaction->root, root->bytes, RM_SHA256_SIZE);
}

/* Take in a batch of the transaction. */
static void
add_batch(Transaction *transaction, uint64_t first_seq, const Field *batch)
{
	ChangeReader reader = { .next = batch->bytes, .end = batch->bytes + batch->len };
	Change change;

	if (first_seq != transaction->tree.size)
		transaction->broken = true;
	while (read_change(&reader, &change))
	{
		unsigned char leaf[RM_SHA256_SIZE];

		hash_change(&change, leaf);
		if (!rm_merkle_add_leaf(&transaction->tree, leaf))
			trouble("OpenSSL can not hash");
		apply_change(&change, transaction->index, transaction->number);
	}
	if (reader.broken)
		transaction->broken = true;
}

/* Compare what was read with what the entry says. */
static void
end_transaction(const Transaction *transaction)
{
	unsigned char root[RM_SHA256_SIZE];
	char detail[128];

	if (transaction->number == 0 || !transaction->is_transaction)
		return;
	if (!rm_merkle_compute_root(&transaction->tree, root))
		trouble("OpenSSL can not hash");
	if (transaction->tree.size != transaction->changes)
	{
		snprintf(detail, sizeof(detail), "%" PRIu64 " expected, %" PRIu64 " found", transaction->changes,
				 transaction->tree.size);
		finding("changes missing or added", transaction->index, NULL, NULL, detail);
	}
	else if (transaction->broken || memcmp(root, transaction->root, RM_SHA256_SIZE) != 0)
		finding("changes altered", transaction->index, NULL, NULL, NULL);
}

/* Hold the tree against the checkpoints of its size. */
static void
check_expected(const RmMerkle *tree, Expected *expected, int nexpected)
{
	for (int i = 0; i < nexpected; i++)
	{
		unsigned char root[RM_SHA256_SIZE];

		if (expected[i].note->size != tree->size)
			continue;
		expected[i].reached = true;
		expected[i].edge = *tree;
		if (!rm_merkle_compute_root(tree, root))
			trouble("OpenSSL can not hash");
		if (memcmp(root, expected[i].note->root, RM_SHA256_SIZE) != 0)
			finding("checkpoint contradicted", (int64_t) tree->size - 1, NULL, NULL, expected[i].from);
	}
}

/* Say which checkpoints are of a larger tree. */
static void
check_not_shrunk(const RmMerkle *tree, const Expected *expected, int nexpected)
{
	for (int i = 0; i < nexpected; i++)
	{
		char detail[256];

		if (expected[i].note->size <= tree->size)
			continue;
		snprintf(detail, sizeof(detail), "%s is of %" PRIu64 " leaves, %" PRIu64 " are there", expected[i].from,
				 expected[i].note->size, tree->size);
		finding("tree shrank", (int64_t) tree->size, NULL, NULL, detail);
	}
}

/* Return the largest size that is expected. */
static uint64_t
largest_size(const Expected *expected, int nexpected)
{
	uint64_t size = 0;

	for (int i = 0; i < nexpected; i++)
		size = expected[i].note->size > size ? expected[i].note->size : size;
	return size;
}

/* Return whether the log holds the leaf. */
static bool
holds_leaf(PGconn *connection, const char *log_id, uint64_t index)
{
	char sql[256];
	char *found;

	snprintf(sql, sizeof(sql), "SELECT 1 FROM release_mgmt.ledger_entry WHERE log_id = '%s' AND index = %" PRIu64,
			 log_id, index);
	found = query_value(connection, sql);
	free(found);
	return found != NULL;
}

/*
 * Verify a log against checkpoints, and take in what it says of rows; returns
 * its size.  With the edge of the tree as it was once, only the leaves behind
 * it are read; there is to be one before them.
 */
uint64_t
verify_log(PGconn *connection, const char *log_id, Expected *expected, int nexpected, const RmMerkle *since)
{
	Transaction transaction = { 0 };
	RmMerkle tree;
	CopyReader reader;
	Field fields[4];
	char sql[1024];
	bool gap = false;

	rm_merkle_init(&tree);
	if (since && since->size > 0 && !holds_leaf(connection, log_id, since->size - 1))
	{
		finding("tree shrank", (int64_t) since->size - 1, NULL, NULL, "the last leaf seen is gone");
		return since->size;
	}
	if (since)
		tree = *since;
	check_expected(&tree, expected, nexpected);
	snprintf(sql, sizeof(sql),
			 "SELECT e.index, e.entry, b.first_seq, b.changes FROM release_mgmt.ledger_entry AS e "
			 "LEFT JOIN release_mgmt.ledger_batch AS b ON b.transaction_id = e.transaction_id "
			 "WHERE e.log_id = '%s' AND e.index >= %" PRIu64 " ORDER BY e.index, b.first_seq",
			 log_id, tree.size);
	copy_begin(&reader, connection, sql);
	while (copy_row(&reader, fields, 4))
	{
		int64_t index = (int64_t) get_number(fields[0].bytes, 8);

		if (transaction.number == 0 || index != transaction.index)
		{
			end_transaction(&transaction);
			begin_transaction(&transaction, index, &fields[1]);
			if ((uint64_t) index != tree.size && !gap)
			{
				finding("leaf missing", (int64_t) tree.size, NULL, NULL, NULL);
				gap = true;
			}
			if (!rm_merkle_add_entry(&tree, fields[1].bytes, (size_t) fields[1].len))
				trouble("OpenSSL can not hash");
			if (!gap)
				check_expected(&tree, expected, nexpected);
			progress("leaves", tree.size, largest_size(expected, nexpected));
		}
		if (fields[3].len >= 0)
		{
			add_batch(&transaction, get_number(fields[2].bytes, 8), &fields[3]);
			batches_read++;
		}
	}
	end_transaction(&transaction);
	check_not_shrunk(&tree, expected, nexpected);
	return tree.size;
}

/* Verify the leaves that are not sequenced, which belong behind the present log. */
void
verify_pending(PGconn *connection)
{
	Transaction transaction = { 0 };
	CopyReader reader;
	Field fields[6];
	unsigned char current[UUID_SIZE] = { 0 };

	copy_begin(
		&reader, connection,
		"SELECT p.transaction_id, p.count, p.root, b.first_seq, b.changes, p.changes "
		"FROM (SELECT * FROM release_mgmt.ledger_pending_0 UNION ALL SELECT * FROM release_mgmt.ledger_pending_1) AS p "
		"LEFT JOIN release_mgmt.ledger_batch AS b ON b.transaction_id = p.transaction_id "
		"WHERE NOT EXISTS (SELECT FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id = p.transaction_id) "
		"ORDER BY p.position, p.transaction_id, b.first_seq");
	while (copy_row(&reader, fields, 6))
	{
		if (memcmp(current, fields[0].bytes, UUID_SIZE) != 0)
		{
			end_transaction(&transaction);
			begin_pending(&transaction, &fields[1], &fields[2]);
			memcpy(current, fields[0].bytes, UUID_SIZE);
			/* Few changes stand beside the leaf. */
			if (fields[4].len < 0 && fields[5].len >= 0)
				add_batch(&transaction, 0, &fields[5]);
		}
		if (fields[4].len >= 0)
		{
			add_batch(&transaction, get_number(fields[3].bytes, 8), &fields[4]);
			batches_read++;
		}
	}
	end_transaction(&transaction);
}

/* Name the batches that no leaf tells of; there are some only if more stand in the table than were read. */
void
verify_claims(PGconn *connection)
{
	char *count = query_value(connection, "SELECT count(*) FROM release_mgmt.ledger_batch");
	PGresult *result;

	if (count && strtoull(count, NULL, 10) <= batches_read)
		return;
	result = query(
		connection,
		"SELECT DISTINCT b.transaction_id FROM release_mgmt.ledger_batch AS b "
		"WHERE NOT EXISTS (SELECT FROM release_mgmt.ledger_entry AS e WHERE e.transaction_id = b.transaction_id) "
		"AND NOT EXISTS (SELECT FROM release_mgmt.ledger_pending_0 AS p WHERE p.transaction_id = b.transaction_id) "
		"AND NOT EXISTS (SELECT FROM release_mgmt.ledger_pending_1 AS p WHERE p.transaction_id = b.transaction_id) "
		"ORDER BY 1");
	for (int i = 0; i < PQntuples(result); i++)
		finding("changes without leaf", -1, NULL, NULL, PQgetvalue(result, i, 0));
	PQclear(result);
	free(count);
}
