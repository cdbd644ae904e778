/*
 * baseline.c
 *		A large table's baseline: ranges of its blocks, and the procedure that commits after each.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ledger/capture.h"
#include "ledger/governed.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

PG_FUNCTION_INFO_V1(rm_capture_blocks);
PG_FUNCTION_INFO_V1(rm_govern_in_batches);

/* How long to leave a table alone that somebody holds. */
#define BUSY_WAIT_MS 100

/* Beyond that distance 32 bits do not tell which of two transactions is the later one. */
#define COMPARABLE_XIDS (UINT64CONST(1) << 30)

/* Return whether a transaction since begun wrote the row, so that its change was captured. */
static bool
is_captured(TupleTableSlot *slot, FullTransactionId begun)
{
	TransactionId xmin;
	bool should_free;
	HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);

	xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	if (should_free)
		heap_freetuple(tuple);
	return TransactionIdIsNormal(xmin) && TransactionIdFollowsOrEquals(xmin, XidFromFullTransactionId(begun));
}

/*
 * capture_blocks(member regclass, table_id uuid, begun xid8, first_block
 * bigint, end_block bigint, wanted bigint) returns (recorded bigint,
 * next_block bigint).
 *
 * Whole blocks are read; the caller has locked writers out.
 */
Datum
rm_capture_blocks(PG_FUNCTION_ARGS)
{
	Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
	char *table_id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(1)));
	FullTransactionId begun = PG_ARGISNULL(2) ? InvalidFullTransactionId : PG_GETARG_FULLTRANSACTIONID(2);
	BlockNumber next = (BlockNumber) PG_GETARG_INT64(3);
	BlockNumber end = (BlockNumber) PG_GETARG_INT64(4);
	int64 wanted = PG_GETARG_INT64(5);
	bool skip_captured =
		FullTransactionIdIsValid(begun) &&
		U64FromFullTransactionId(ReadNextFullTransactionId()) - U64FromFullTransactionId(begun) < COMPARABLE_XIDS;
	RmCaptureRows *capture = rm_capture_rows_begin(relation, table_id, RM_BASELINE);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TupleDesc result_desc;
	Datum values[2];
	bool nulls[2] = { false, false };
	int64 recorded = 0;

	if (get_call_result_type(fcinfo, NULL, &result_desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (; next < end && recorded < wanted; next++)
	{
		ItemPointerData first;
		ItemPointerData last;
		TableScanDesc scan;

		ItemPointerSet(&first, next, 0);
		ItemPointerSet(&last, next, MaxOffsetNumber);
		scan = table_beginscan_tidrange(relation, GetActiveSnapshot(), &first, &last);
		while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			if (skip_captured && is_captured(slot, begun))
				continue;
			rm_capture_rows_add(capture, slot);
			recorded++;
		}
		table_endscan(scan);
	}
	rm_capture_rows_end(capture);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	values[0] = Int64GetDatum(recorded);
	values[1] = Int64GetDatum((int64) next);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(result_desc), values, nulls)));
}

/* Run a query that returns one value; NULL is returned as such. */
static Datum
query_value(const char *query, int nargs, Oid *types, Datum *args, const char *nulls, bool *isnull)
{
	if (SPI_execute_with_args(query, nargs, types, args, nulls, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "not one row: %s", query);
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

/* Let others have the table for so long. */
static void
leave_alone(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Begin the baseline, or find the one that was begun; returns the table's id. */
static pg_uuid_t
begin_baseline(FunctionCallInfo fcinfo)
{
	Oid types[3] = { REGCLASSOID, TEXTOID, TEXTARRAYOID };
	Datum args[3] = { PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2) };
	char nulls[] = { ' ', ' ', PG_ARGISNULL(2) ? 'n' : ' ', '\0' };
	pg_uuid_t id;
	bool isnull;

	for (;;)
	{
		Datum value =
			query_value("SELECT release_mgmt_internal.begin_baseline($1, $2, $3)", 3, types, args, nulls, &isnull);

		if (!isnull)
			id = *DatumGetUUIDP(value);
		SPI_commit();
		if (!isnull)
			return id;
		leave_alone(BUSY_WAIT_MS);
	}
}

/* Procedure govern_in_batches(source regclass, mode text, key text[], batch_rows bigint). */
Datum
rm_govern_in_batches(PG_FUNCTION_ARGS)
{
	Oid types[2] = { UUIDOID, INT8OID };
	bool atomic =
		!(fcinfo->context && IsA(fcinfo->context, CallContext)) || castNode(CallContext, fcinfo->context)->atomic;
	int64 batch_rows;
	pg_uuid_t id;
	char outcome[16];

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("source, mode and batch_rows must be given")));
	batch_rows = PG_GETARG_INT64(3);
	if (batch_rows <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("batch_rows must be positive")));
	if (atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("govern_in_batches() can not run in a transaction block"),
						errdetail("It commits after each batch."),
						errhint("Call it by itself, or use release_mgmt.govern(), which takes one transaction.")));

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");
	id = begin_baseline(fcinfo);
	do
	{
		TimestampTz begun = GetCurrentTimestamp();
		Datum args[2] = { UUIDPGetDatum(&id), Int64GetDatum(batch_rows) };
		bool isnull;
		Datum value = query_value("SELECT release_mgmt_internal.baseline_step($1, $2)", 2, types, args, NULL, &isnull);

		strlcpy(outcome, text_to_cstring(DatumGetTextPP(value)), sizeof(outcome));
		SPI_commit();
		/* Writers have the table for as long as they were locked out. */
		leave_alone(strcmp(outcome, "busy") == 0 ? BUSY_WAIT_MS
												 : TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp()));
	} while (strcmp(outcome, "finished") != 0);
	SPI_finish();
	PG_RETURN_VOID();
}
