/*
 * verify.c
 *		Verification of the whole ledger, from rows to the tree's root, by recomputing.
 *
 * Rows, changes, leaves, tiles and the head are read in one snapshot, taken
 * after every table is open, so that nothing is emptied or rewritten between.
 * Works in an inactive database as well, and on a standby.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/batch.h"
#include "ledger/ledger_private.h"
#include "ledger/note.h"
#include "ledger/transaction.h"
#include "ledger/verify.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rm_verify_logs);

#define FINDING_NATTS 6

/* Estimate of what a row takes in memory while it is held against the ledger. */
#define BYTES_PER_ROW 200
#define MAX_PASSES 256

/* Add a finding. */
void
rm_finding_add(RmVerify *verify, const char *finding, int64 log_index, const char *source, const char *key,
			   const char *expected, const char *found)
{
	const char *texts[FINDING_NATTS] = { finding, NULL, source, key, expected, found };
	Datum values[FINDING_NATTS];
	bool nulls[FINDING_NATTS];

	for (int i = 0; i < FINDING_NATTS; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[1] = Int64GetDatum(log_index);
	nulls[1] = log_index == RM_NO_INDEX;
	tuplestore_putvalues(verify->findings, verify->findings_desc, values, nulls);
}

/* Return a SHA-256 hash as digests are written. */
char *
rm_hash_text(const unsigned char *hash)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "sha256:");
	for (int i = 0; i < RM_SHA256_SIZE; i++)
		appendStringInfo(&text, "%02x", hash[i]);
	return text.data;
}

/*
 * Return the table, its partitions and inheritance children at every level,
 * locked; a partition that is being detached concurrently until that is done.
 */
static List *
find_members(Oid relid)
{
	List *members = list_make1_oid(relid);
	ListCell *cell;

	LockRelationOid(relid, AccessShareLock);
	/* The list grows while it is gone through. */
	foreach (cell, members)
		members = list_concat_unique_oid(
			members, find_inheritance_children_extended(lfirst_oid(cell), false, AccessShareLock, NULL, NULL));
	return members;
}

/* Open the relations that hold the table's rows; what other sessions have as temporary children can not be read. */
static List *
open_members(Oid relid)
{
	List *members = NIL;
	ListCell *cell;

	foreach (cell, find_members(relid))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION &&
			get_rel_persistence(lfirst_oid(cell)) != RELPERSISTENCE_TEMP)
			members = lappend(members, table_open(lfirst_oid(cell), NoLock));
	}
	return members;
}

/* Open every governed table; name those that are gone. */
static void
open_tables(RmVerify *verify)
{
	HASHCTL control = { .keysize = UUID_LEN, .entrysize = sizeof(RmVerifiedTable), .hcxt = CurrentMemoryContext };
	Relation governed = table_open(rm_ledger_relid("governed_table"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(governed, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	verify->tables = hash_create("release_mgmt tables", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid relid = DatumGetObjectId(heap_getattr(tuple, RM_GOVERNED_SOURCE, RelationGetDescr(governed), &isnull));
		pg_uuid_t *id = DatumGetUUIDP(heap_getattr(tuple, RM_GOVERNED_ID, RelationGetDescr(governed), &isnull));
		char *name = get_rel_name(relid);
		RmVerifiedTable *table;

		if (name == NULL)
		{
			rm_finding_add(verify, "table missing", RM_NO_INDEX, psprintf("%u", relid), NULL, NULL, NULL);
			continue;
		}
		table = hash_search(verify->tables, id, HASH_ENTER, NULL);
		table->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
		table->relations = open_members(relid);
		table->unreadable = false;
		if (!pg_strong_random(&table->seed, sizeof(table->seed)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
		table->open = table->in_window = table->expired = table->rows_moved = table->keys_moved = false;
		table->to_come = 0;
	}
	systable_endscan(scan);
	table_close(governed, AccessShareLock);
}

/* Close every governed table, keeping the locks. */
static void
close_tables(RmVerify *verify)
{
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		ListCell *cell;

		foreach (cell, table->relations)
			table_close((Relation) lfirst(cell), NoLock);
	}
}

/* Open what is read, then take the snapshot. */
void
rm_verify_open(RmVerify *verify)
{
	rm_transaction_flush();
	open_tables(verify);
	rm_pending_open(&verify->pending);
	rm_batch_scan_open(&verify->batches);
	verify->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(verify->snapshot);
	rm_batch_scan_begin(&verify->batches, verify->snapshot);
	rm_verify_mark_unsettled(verify);
	verify->per_change = AllocSetContextCreate(CurrentMemoryContext, "release_mgmt change", ALLOCSET_DEFAULT_SIZES);
}

/* Close what was opened. */
void
rm_verify_close(RmVerify *verify)
{
	rm_batch_scan_close(&verify->batches);
	PopActiveSnapshot();
	UnregisterSnapshot(verify->snapshot);
	close_tables(verify);
}

/* Decide how often everything is to be read so that what is known of rows fits maintenance_work_mem. */
static void
count_passes(RmVerify *verify)
{
	double rows = 0;
	HASH_SEQ_STATUS status;
	RmVerifiedTable *table;

	hash_seq_init(&status, verify->tables);
	while ((table = hash_seq_search(&status)) != NULL)
	{
		ListCell *cell;

		foreach (cell, table->relations)
			rows += Max(0, ((Relation) lfirst(cell))->rd_rel->reltuples);
	}
	verify->passes = (int) Min(MAX_PASSES, 1 + rows * BYTES_PER_ROW / (maintenance_work_mem * 1024.0));
	verify->expected_rows = (uint32) Min(rows, maintenance_work_mem * 1024.0 / BYTES_PER_ROW);
}

/* Order expected roots by size. */
static int
compare_expected(const void *a, const void *b)
{
	uint64 x = ((const RmExpectedRoot *) a)->size;
	uint64 y = ((const RmExpectedRoot *) b)->size;

	return x < y ? -1 : x > y;
}

/* Take apart parallel arrays of checkpoints; those of one log, in order of size. */
RmExpectedRoot *
rm_verify_expected(ArrayType *logs, ArrayType *notes, ArrayType *sources, const pg_uuid_t *log, int *count)
{
	Datum *log_datums;
	Datum *note_datums;
	Datum *source_datums;
	int n;
	RmExpectedRoot *expected;

	deconstruct_array(logs, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &log_datums, NULL, &n);
	deconstruct_array(notes, TEXTOID, -1, false, TYPALIGN_INT, &note_datums, NULL, &n);
	deconstruct_array(sources, TEXTOID, -1, false, TYPALIGN_INT, &source_datums, NULL, &n);
	expected = palloc(sizeof(RmExpectedRoot) * Max(n, 1));
	*count = 0;
	for (int i = 0; i < n; i++)
	{
		RmCheckpoint checkpoint;

		if (memcmp(DatumGetUUIDP(log_datums[i]), log, UUID_LEN) != 0 ||
			!rm_checkpoint_parse(TextDatumGetCString(note_datums[i]), &checkpoint))
			continue;
		expected[*count].size = checkpoint.size;
		memcpy(expected[*count].root, checkpoint.root, RM_SHA256_SIZE);
		expected[*count].from = TextDatumGetCString(source_datums[i]);
		(*count)++;
	}
	qsort(expected, *count, sizeof(RmExpectedRoot), compare_expected);
	return expected;
}

/*
 * verify_logs(logs uuid[], checkpoint_logs uuid[], notes text[], sources
 * text[]) returns setof finding.
 *
 * Verifies the logs, oldest epoch first, against the checkpoints given, and
 * the rows against the last of them, which begins with a baseline.
 */
Datum
rm_verify_logs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RmVerify verify = { 0 };
	Datum *logs;
	int nlogs;

	InitMaterializedSRF(fcinfo, 0);
	verify.findings = result->setResult;
	verify.findings_desc = result->setDesc;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &logs, NULL, &nlogs);

	rm_verify_open(&verify);
	count_passes(&verify);
	for (verify.pass = 0; verify.pass < verify.passes; verify.pass++)
	{
		for (int i = 0; i < nlogs; i++)
		{
			int nexpected;
			RmExpectedRoot *expected = rm_verify_expected(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2),
														  PG_GETARG_ARRAYTYPE_P(3), DatumGetUUIDP(logs[i]), &nexpected);

			rm_verify_rows_init(&verify);
			rm_verify_log(&verify, DatumGetUUIDP(logs[i]), expected, nexpected, NULL);
		}
		rm_pending_begin(&verify.pending, verify.snapshot, NULL);
		rm_verify_pending(&verify);
		if (verify.pass == 0)
			rm_verify_batches_claimed(&verify);
		rm_pending_end(&verify.pending);
		rm_verify_rows(&verify);
	}
	rm_verify_baselines(&verify);
	rm_verify_windows(&verify);
	rm_pending_close(&verify.pending);
	rm_verify_close(&verify);
	return (Datum) 0;
}
