/*
 * verify_rows.c
 *		Verification of rows: each live row against its last change, and the other way round.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "ledger/encoding.h"
#include "ledger/lookup.h"
#include "ledger/settings.h"
#include "ledger/verify_state.h"
#include "miscadmin.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* Return UTF-8 bytes as a string of the server's encoding. */
static char *
utf8_string(const char *bytes, int len)
{
	return rm_from_utf8(pnstrdup(bytes, len), len);
}

/* Say that a live row is one more than the ledger knows. */
static void
report_added(RmVerify *verify, RmVerifiedTable *table, const RmRowState *row, const char *key)
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
compare_row(RmVerify *verify, const RmRowState *row)
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
	RmRowName name;
	RmRowState *row;

	resetStringInfo(key);
	slot_getallattrs(slot);
	rm_governed_append_key(governed, key, slot->tts_values, slot->tts_isnull);
	if (!rm_verify_name_row(verify, table, key->data, key->len, &name))
		return;
	rm_verify_prefetch_state(verify, &name);
	compose_row(verify, governed, slot->tts_values, slot->tts_isnull);
	row = rm_verify_find_state(verify, &name);
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
	for (RmRowState *row = rm_verify_first_state(verify); row != NULL; row = row->next)
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
check_known_row(RmVerify *verify, RmRowState *row, Relation relation)
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
	for (RmRowState *row = rm_verify_first_state(verify); row != NULL; row = row->next)
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
