/*
 * row_leaves.c
 *		What the leaves of transactions say that hold changes of given rows.
 *
 * A transaction's id tells when it began, so that many are found which
 * committed before the time that is asked for.  Those whose entries stand in
 * the tree are told by the time in the entry, at the cost of one look into an
 * index; order, time and roles are read of the others alone.
 *
 * Inside SPI, as whoever may read the ledger's tables.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ledger/index_lookup.h"
#include "ledger/pending.h"
#include "ledger/row_batches.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

/* Return what is known of a transaction, which is meant until its leaf says otherwise. */
RmRowTransaction *
rm_row_transaction(RmRowBatches *rows, const pg_uuid_t *id)
{
	bool found;
	RmRowTransaction *transaction = hash_search(rows->transactions, id, HASH_ENTER, &found);

	if (!found)
		transaction->is_meant = true;
	return transaction;
}

/*
 * Return whether a row of ledger_entry tells of a transaction that committed
 * before the time that is asked for.
 *
 * The third line of an entry is the time; times that are written with as many
 * characters are in the order of their bytes.
 */
bool
rm_row_entry_is_early(const RmRowBatches *rows, TupleTableSlot *entry)
{
	bool isnull;
	bytea *bytes = DatumGetByteaPP(slot_getattr(entry, RM_ENTRY_ENTRY, &isnull));
	const char *line = VARDATA_ANY(bytes);
	const char *end = line + VARSIZE_ANY_EXHDR(bytes);
	int len = rows->since_line.len;

	for (int i = 0; i < 2; i++)
	{
		line = memchr(line, '\n', end - line);
		if (line == NULL)
			return false;
		line++;
	}
	return end - line >= len && line[len - 1] == '\n' && memcmp(line, "at ", 3) == 0 &&
		   memcmp(line, rows->since_line.data, len) < 0;
}

/* Order transactions as they stand in the index. */
static int
compare_transactions(const void *a, const void *b)
{
	return memcmp(&(*(RmRowTransaction *const *) a)->id, &(*(RmRowTransaction *const *) b)->id, UUID_LEN);
}

/* Return the transactions that are meant, in order. */
static RmRowTransaction **
meant_transactions(RmRowBatches *rows, int *count)
{
	RmRowTransaction **meant = palloc(sizeof(RmRowTransaction *) * Max(hash_get_num_entries(rows->transactions), 1));
	HASH_SEQ_STATUS scan;
	RmRowTransaction *transaction;

	*count = 0;
	hash_seq_init(&scan, rows->transactions);
	while ((transaction = hash_seq_search(&scan)) != NULL)
	{
		if (transaction->is_meant)
			meant[(*count)++] = transaction;
	}
	qsort(meant, *count, sizeof(RmRowTransaction *), compare_transactions);
	return meant;
}

/* Look up which of the transactions committed before the time: they are not meant. */
static void
set_earlier_apart(RmRowBatches *rows)
{
	int count;
	RmRowTransaction **transactions = meant_transactions(rows, &count);
	RmIndexLookup entries;

	rm_index_lookup_open(&entries, "ledger_entry", "ledger_entry_transaction_id_key", 1, rows->snapshot);
	for (int i = 0; i < count; i++)
	{
		ScanKeyData key;

		CHECK_FOR_INTERRUPTS();
		/* The index has the one column. */
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&transactions[i]->id));
		index_rescan(entries.scan, &key, 1, NULL, 0);
		if (rm_scan_next(entries.scan, entries.slot) && rm_row_entry_is_early(rows, entries.slot))
			transactions[i]->is_meant = false;
	}
	rm_index_lookup_close(&entries);
	pfree(transactions);
}

/* Return the ids of the transactions that are meant, as uuid[]. */
static Datum
meant_ids(RmRowBatches *rows)
{
	int count;
	RmRowTransaction **transactions = meant_transactions(rows, &count);
	Datum *ids = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&transactions[i]->id);
	return PointerGetDatum(construct_array(ids, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

/* Learn from their leaves in which order the transactions that are meant committed, when, and who acted in them. */
void
rm_row_leaves_read(RmRowBatches *rows)
{
	Oid type = UUIDARRAYOID;
	Datum ids;

	if (rows->since != NULL)
		set_earlier_apart(rows);
	ids = meant_ids(rows);
	if (SPI_execute_with_args("SELECT l.transaction_id, l.rank, l.at, l.role "
							  "FROM release_mgmt_internal.leaves_of($1) AS l",
							  1, &type, &ids, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the leaves of transactions");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		RmRowTransaction *transaction = rm_row_transaction(rows, DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull)));
		MemoryContext old_context = MemoryContextSwitchTo(rows->context);

		transaction->rank = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		transaction->at = DatumGetTimestampTz(SPI_getbinval(row, desc, 3, &isnull));
		transaction->role = PointerGetDatum(DatumGetTextPCopy(SPI_getbinval(row, desc, 4, &isnull)));
		transaction->is_meant = rows->since == NULL || timestamptz_cmp_internal(transaction->at, *rows->since) >= 0;
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}
