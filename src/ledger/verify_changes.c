/*
 * verify_changes.c
 *		Verification of transactions: captured changes against the root in their entry.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "ledger/batch.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/ledger_private.h"
#include "ledger/transaction.h"
#include "ledger/verify.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "types/merkle.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Whether the changes of a transaction are those that its entry tells of. */
typedef struct TransactionState
{
	RmMerkle tree;
	bool named; /* the first change's table and key are noted */
	pg_uuid_t first_table;
	char *first_key;
	const char *broken; /* what can not be read, if anything */
} TransactionState;

/* Take in the changes of one row of ledger_batch. */
static void
read_batch(RmVerify *verify, int64 log_index, bytea *batch, int32 count, TransactionState *state)
{
	RmChangeReader reader;
	RmChange change;
	RmChangeRead result;
	int32 found = 0;

	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	while ((result = rm_change_try_read(&reader, &change)) == RM_CHANGE_READ)
	{
		unsigned char leaf[RM_SHA256_SIZE];

		if (!state->named)
		{
			state->named = true;
			state->first_table = change.table_id;
			state->first_key = pnstrdup(change.key, change.key_len);
		}
		rm_verify_expect_change(verify, &change);
		if (verify->pass == 0)
		{
			rm_change_hash(&change, leaf);
			rm_require_hash(rm_merkle_add_leaf(&state->tree, leaf));
		}
		else
			state->tree.size++;
		rm_verify_apply_change(verify, log_index, &change);
		found++;
	}
	if (result == RM_CHANGE_BROKEN || found != count)
		state->broken = "a batch that can not be read";
}

/* Begin reading a transaction. */
static void
begin_transaction(RmVerify *verify, TransactionState *state)
{
	verify->transaction++;
	rm_merkle_init(&state->tree);
	state->named = false;
	state->broken = NULL;
}

/* Read every batch of the transaction. */
static void
read_batches(RmVerify *verify, int64 log_index, const pg_uuid_t *transaction_id, TransactionState *state)
{
	TupleTableSlot *slot;

	rm_batch_scan_find(&verify->batches, transaction_id);
	while ((slot = rm_batch_scan_next(&verify->batches)) != NULL)
	{
		slot_getallattrs(slot);
		if (DatumGetInt64(slot->tts_values[RM_BATCH_FIRST_SEQ - 1]) != state->tree.size)
			state->broken = "a batch that does not follow the one before it";
		read_batch(verify, log_index, DatumGetByteaPP(slot->tts_values[RM_BATCH_CHANGES - 1]),
				   DatumGetInt32(slot->tts_values[RM_BATCH_COUNT - 1]), state);
		verify->batches_read++;
	}
}

/* Compare what was read with the entry. */
static void
compare_with_entry(RmVerify *verify, int64 log_index, const RmTransactionEntry *entry, const TransactionState *state)
{
	unsigned char root[RM_SHA256_SIZE];
	const char *source = state->named ? rm_verify_table_name(verify, &state->first_table) : NULL;
	const char *key = state->named ? rm_from_utf8(state->first_key, strlen(state->first_key)) : NULL;

	if (state->tree.size != entry->changes)
		rm_finding_add(verify, state->tree.size < entry->changes ? "changes missing" : "changes added", log_index,
					   source, key, psprintf(UINT64_FORMAT " changes", entry->changes),
					   psprintf(UINT64_FORMAT " changes", state->tree.size));
	else if (state->broken)
		rm_finding_add(verify, "changes altered", log_index, source, key, rm_hash_text(entry->root), state->broken);
	else
	{
		rm_require_hash(rm_merkle_compute_root(&state->tree, root));
		if (memcmp(root, entry->root, RM_SHA256_SIZE) != 0)
			rm_finding_add(verify, "changes altered", log_index, source, key, rm_hash_text(entry->root),
						   rm_hash_text(root));
	}
}

/*
 * Verify the transaction that the entry tells of; one of another kind is left
 * to the tree.  leaf is the pending leaf that the entry is of, if any, beside
 * which the changes may stand.
 */
void
rm_verify_entry(RmVerify *verify, int64 log_index, const char *entry, int len, const RmPendingLeaf *leaf)
{
	RmTransactionEntry parsed;
	TransactionState state;

	if (!rm_entry_parse_transaction(entry, len, &parsed))
	{
		if (verify->pass == 0 && !rm_entry_is_epoch(entry, len))
			rm_finding_add(verify, "entry unreadable", log_index, NULL, NULL, NULL, NULL);
		return;
	}
	begin_transaction(verify, &state);
	read_batches(verify, log_index, &parsed.id, &state);
	if (leaf && leaf->changes && state.tree.size == 0)
		read_batch(verify, log_index, leaf->changes, leaf->count, &state);
	if (verify->pass == 0)
		compare_with_entry(verify, log_index, &parsed, &state);
}

/* Verify the transactions that are not sequenced, and the one that is open. */
void
rm_verify_pending(RmVerify *verify)
{
	RmPendingLeaf leaf;

	while (rm_pending_next(&verify->pending, &leaf))
		rm_verify_entry(verify, RM_NO_INDEX, VARDATA_ANY(leaf.entry), VARSIZE_ANY_EXHDR(leaf.entry), &leaf);
	if (rm_transaction_has_changes())
	{
		TransactionState state;

		begin_transaction(verify, &state);
		read_batches(verify, RM_NO_INDEX, rm_ledger_current_transaction(), &state);
	}
}

/* Return whether a leaf, sequenced or pending, tells of the transaction's batches. */
static bool
has_leaf(RmVerify *verify, const pg_uuid_t *transaction_id)
{
	return rm_pending_is_sequenced(&verify->pending, transaction_id) ||
		   rm_pending_holds(&verify->pending, transaction_id);
}

/* Name the batches that no leaf tells of; there are some if more stand in the table than were read. */
void
rm_verify_batches_claimed(RmVerify *verify)
{
	TupleTableSlot *slot = table_slot_create(verify->batches.batches, NULL);
	TableScanDesc scan = table_beginscan(verify->batches.batches, verify->snapshot, 0, NULL);
	int64 count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		count++;
	if (count > verify->batches_read)
	{
		table_rescan(scan, NULL);
		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool isnull;
			pg_uuid_t *id = DatumGetUUIDP(slot_getattr(slot, RM_BATCH_TRANSACTION_ID, &isnull));

			CHECK_FOR_INTERRUPTS();
			if (!has_leaf(verify, id) &&
				!(rm_transaction_has_changes() && memcmp(id, rm_ledger_current_transaction(), UUID_LEN) == 0))
				rm_finding_add(verify, "changes without leaf", RM_NO_INDEX, NULL, NULL, NULL,
							   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))));
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}
