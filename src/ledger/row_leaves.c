/*
 * row_leaves.c
 *		What the leaves of transactions say that hold changes of given rows.
 *
 * A transaction's id tells when it began, so that many are found which
 * committed before the time that is asked for.  Those whose entries stand in
 * the tree are told by the time in the entry, at the cost of one look into an
 * index; roles are read of the others alone.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "ledger/entry.h"
#include "ledger/index_lookup.h"
#include "ledger/pending.h"
#include "ledger/row_batches.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

/* Return what is known of a transaction, which is meant until its leaf says otherwise. */
RmRowTransaction *
rm_row_transaction(RmRowBatches *rows, const pg_uuid_t *id)
{
	bool found;
	RmRowTransaction *transaction = hash_search(rows->transactions, id, HASH_ENTER, &found);

	if (!found)
		*transaction = (RmRowTransaction) { .id = *id, .is_meant = true };
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

/* Return a name as text, the same one again where it is that of the leaf before. */
static Datum
keep_name(RmRowBatches *rows, Datum *last, const char *name)
{
	if (*last == (Datum) 0 || strcmp(TextDatumGetCString(*last), name) != 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(rows->context);

		*last = CStringGetTextDatum(name);
		MemoryContextSwitchTo(old_context);
	}
	return *last;
}

/* Note when the transaction committed, and who acted in it, through which application. */
static void
note_entry(RmRowBatches *rows, RmRowTransaction *transaction, const char *entry, int len)
{
	char *at = rm_entry_said(entry, len, "at");
	char *who = rm_entry_who(entry, len);
	char *application = len > 0 ? rm_entry_said(entry, len, "application") : application_name;

	transaction->is_known = true;
	transaction->at = GetCurrentTransactionStartTimestamp();
	if (at != NULL)
		transaction->at = DatumGetTimestampTz(
			DirectFunctionCall3(timestamptz_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	transaction->who = keep_name(rows, &rows->who, who != NULL ? who : GetUserNameFromId(GetSessionUserId(), false));
	if (application != NULL && *application != '\0')
		transaction->application = keep_name(rows, &rows->application, application);
	transaction->is_meant = rows->since == NULL || timestamptz_cmp_internal(transaction->at, *rows->since) >= 0;
}

/* Note what a row of ledger_entry says of its transaction. */
void
rm_row_leaf_note(RmRowBatches *rows, RmRowTransaction *transaction, TupleTableSlot *entry)
{
	MemoryContext old_context = MemoryContextSwitchTo(rows->scratch);
	bool isnull;
	bytea *bytes = DatumGetByteaPP(slot_getattr(entry, RM_ENTRY_ENTRY, &isnull));

	transaction->place = RM_LEAF_IN_TREE;
	transaction->log_index = DatumGetInt64(slot_getattr(entry, RM_ENTRY_INDEX, &isnull));
	transaction->log_opened_at =
		rm_row_log(rows, DatumGetUUIDP(slot_getattr(entry, RM_ENTRY_LOG_ID, &isnull)))->opened_at;
	note_entry(rows, transaction, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->scratch);
}

/* Note what a pending leaf says of its transaction. */
static void
note_pending(RmRowBatches *rows, RmRowTransaction *transaction, TupleTableSlot *leaf)
{
	MemoryContext old_context = MemoryContextSwitchTo(rows->scratch);
	StringInfoData entry;
	bool isnull;

	initStringInfo(&entry);
	rm_entry_append_transaction(&entry, &transaction->id,
								DatumGetTimestampTz(slot_getattr(leaf, RM_PENDING_AT, &isnull)),
								DatumGetByteaPP(slot_getattr(leaf, RM_PENDING_ROLES, &isnull)),
								(uint64) DatumGetInt64(slot_getattr(leaf, RM_PENDING_COUNT, &isnull)),
								DatumGetByteaPP(slot_getattr(leaf, RM_PENDING_ROOT, &isnull)));
	transaction->place = RM_LEAF_PENDING;
	transaction->position = DatumGetLSN(slot_getattr(leaf, RM_PENDING_POSITION, &isnull));
	note_entry(rows, transaction, entry.data, entry.len);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->scratch);
}

/* Look the leaves of transactions up in the tree; return how many have none there. */
static int
look_into_tree(RmRowBatches *rows, RmRowTransaction **transactions, int count)
{
	RmIndexLookup entries;
	int missing = 0;

	rm_index_lookup_open(&entries, "ledger_entry", "ledger_entry_transaction_id_key", 1, rows->snapshot);
	for (int i = 0; i < count; i++)
	{
		ScanKeyData key;

		CHECK_FOR_INTERRUPTS();
		if (transactions[i]->is_known)
			continue;
		/* The index has the one column. */
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&transactions[i]->id));
		index_rescan(entries.scan, &key, 1, NULL, 0);
		if (!rm_scan_next(entries.scan, entries.slot))
			missing++;
		else if (rows->since != NULL && rm_row_entry_is_early(rows, entries.slot))
			transactions[i]->is_meant = false;
		else
			rm_row_leaf_note(rows, transactions[i], entries.slot);
	}
	rm_index_lookup_close(&entries);
	return missing;
}

/* Look for the leaves of transactions among the pending ones. */
static void
look_into_pending(RmRowBatches *rows)
{
	for (int i = 0; i < RM_PENDING_TABLES; i++)
	{
		Relation table = table_open(rm_pending_relid(i), AccessShareLock);
		TupleTableSlot *slot = table_slot_create(table, NULL);
		TableScanDesc scan = table_beginscan(table, rows->snapshot, 0, NULL);

		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool isnull;
			RmRowTransaction *transaction =
				hash_search(rows->transactions, DatumGetUUIDP(slot_getattr(slot, RM_PENDING_TRANSACTION_ID, &isnull)),
							HASH_FIND, NULL);

			CHECK_FOR_INTERRUPTS();
			if (transaction != NULL && transaction->is_meant && !transaction->is_known)
				note_pending(rows, transaction, slot);
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
		table_close(table, AccessShareLock);
	}
}

/* Order transactions by the time of their commit, the last one first: it may be open still. */
static int
compare_leaves(const void *a, const void *b)
{
	const RmRowTransaction *one = *(RmRowTransaction *const *) a;
	const RmRowTransaction *other = *(RmRowTransaction *const *) b;

	if (one->place != other->place)
		return one->place > other->place ? -1 : 1;
	if (one->place == RM_LEAF_IN_TREE && one->log_opened_at != other->log_opened_at)
		return one->log_opened_at > other->log_opened_at ? -1 : 1;
	if (one->place == RM_LEAF_IN_TREE && one->log_index != other->log_index)
		return one->log_index > other->log_index ? -1 : 1;
	if (one->place == RM_LEAF_PENDING && one->position != other->position)
		return one->position > other->position ? -1 : 1;
	return -memcmp(&one->id, &other->id, UUID_LEN);
}

/* Learn from their leaves in which order the transactions that are meant committed, when, and who acted in them. */
void
rm_row_leaves_read(RmRowBatches *rows)
{
	int count;
	RmRowTransaction **transactions = meant_transactions(rows, &count);

	if (look_into_tree(rows, transactions, count) > 0)
		look_into_pending(rows);
	for (int i = 0; i < count; i++)
	{
		if (!transactions[i]->is_meant || transactions[i]->is_known)
			continue;
		transactions[i]->place = RM_LEAF_NONE;
		note_entry(rows, transactions[i], "", 0);
	}
	pfree(transactions);
	transactions = meant_transactions(rows, &count);
	qsort(transactions, count, sizeof(RmRowTransaction *), compare_leaves);
	for (int i = 0; i < count; i++)
		transactions[i]->rank = i + 1;
	pfree(transactions);
}
