/*
 * verify_unsettled.c
 *		Tables of which verification can not tell everything yet: baselines under way, and maintenance.
 *
 * What says so of a table is governed itself.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "ledger/ledger_private.h"
#include "ledger/verify.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* Mark the tables whose baseline is under way. */
static void
mark_open_baselines(RmVerify *verify)
{
	Relation baselines = table_open(rm_ledger_relid("governance_baseline"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(baselines, InvalidOid, false, verify->snapshot, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool finished_isnull;
		bool isnull;
		RmVerifiedTable *table;

		(void) heap_getattr(tuple, RM_BASELINE_FINISHED_AT, RelationGetDescr(baselines), &finished_isnull);
		table =
			hash_search(verify->tables,
						DatumGetUUIDP(heap_getattr(tuple, RM_BASELINE_TABLE_ID, RelationGetDescr(baselines), &isnull)),
						HASH_FIND, NULL);
		if (table && finished_isnull)
			table->open = true;
	}
	systable_endscan(scan);
	table_close(baselines, AccessShareLock);
}

/* Mark the tables that are in maintenance. */
static void
mark_windows(RmVerify *verify)
{
	Relation windows = table_open(rm_ledger_relid("maintenance"), AccessShareLock);
	TupleDesc desc = RelationGetDescr(windows);
	SysScanDesc scan = systable_beginscan(windows, InvalidOid, false, verify->snapshot, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		RmVerifiedTable *table;

		(void) heap_getattr(tuple, RM_MAINTENANCE_ENDED_AT, desc, &isnull);
		if (!isnull)
			continue;
		table = hash_search(verify->tables, DatumGetUUIDP(heap_getattr(tuple, RM_MAINTENANCE_TABLE_ID, desc, &isnull)),
							HASH_FIND, NULL);
		if (table == NULL)
			continue;
		table->in_window = true;
		table->expired =
			DatumGetTimestampTz(heap_getattr(tuple, RM_MAINTENANCE_UNTIL, desc, &isnull)) <= GetCurrentTimestamp();
		table->keys_moved = DatumGetBool(heap_getattr(tuple, RM_MAINTENANCE_KEYS_MOVED, desc, &isnull));
		(void) heap_getattr(tuple, RM_MAINTENANCE_ROWS_MOVED_AT, desc, &isnull);
		table->rows_moved = !isnull;
	}
	systable_endscan(scan);
	table_close(windows, AccessShareLock);
}

/* Mark the tables that are not settled, as of the snapshot. */
void
rm_verify_mark_unsettled(RmVerify *verify)
{
	mark_open_baselines(verify);
	mark_windows(verify);
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

/* Say of each table that is in maintenance how many rows are to be recorded at its end. */
void
rm_verify_windows(RmVerify *verify)
{
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		if (table->in_window)
			rm_finding_add(verify, table->expired ? "maintenance expired" : "maintenance under way", RM_NO_INDEX,
						   table->name, NULL, "0 rows to record",
						   psprintf(INT64_FORMAT " rows to record", table->to_come));
	}
}
