/*
 * compat_read.c
 *		Queries of a compatibility check, row by row.
 *
 * To be called between SPI_connect and SPI_finish.  Rows are handed on as they
 * come, in the caller's memory context, to which we return (SPI would leave us
 * in its own): a baseline has too many rows to be collected first.  Every query
 * sees what the calling one sees.
 */
#include "release/compat.h"

#include "tcop/dest.h"

/* Where the rows go. */
typedef struct Receiver
{
	DestReceiver base;
	RmRowReader reader;
	void *arg;
	MemoryContext context;
} Receiver;

/* Hand a row on. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver *receiver = (Receiver *) self;
	MemoryContext query = MemoryContextSwitchTo(receiver->context);

	slot_getallattrs(slot);
	receiver->reader(slot, receiver->arg);
	MemoryContextSwitchTo(query);
	return true;
}

/* Nothing is to be done before the rows. */
static void
start_rows(DestReceiver *self, int operation, TupleDesc desc)
{
}

/* Nor after them. */
static void
end_rows(DestReceiver *self)
{
}

/* A receiver for the reader, in the current memory context. */
static Receiver
receiver_for(RmRowReader reader, void *arg)
{
	return (Receiver) {
		.base = { receive_row, start_rows, end_rows, end_rows, DestNone },
		.reader = reader,
		.arg = arg,
		.context = CurrentMemoryContext,
	};
}

/* Run a query that is prepared once, with one plan for all values. */
void
rm_read_plan(RmPlan *plan, Datum *values, const bool *nulls, RmRowReader reader, void *arg)
{
	Receiver receiver = receiver_for(reader, arg);
	SPIExecuteOptions options = { .read_only = true, .dest = &receiver.base };

	if (plan->prepared == NULL)
	{
		SPIPlanPtr prepared = SPI_prepare_cursor(plan->sql, plan->nargs, plan->types, CURSOR_OPT_GENERIC_PLAN);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare a compatibility query: %s", SPI_result_code_string(SPI_result));
		plan->prepared = prepared;
		MemoryContextSwitchTo(receiver.context);
	}
	if (plan->nargs > 0)
	{
		options.params = makeParamList(plan->nargs);
		for (int i = 0; i < plan->nargs; i++)
			options.params->params[i] =
				(ParamExternData) { values[i], nulls != NULL && nulls[i], PARAM_FLAG_CONST, plan->types[i] };
	}
	if (SPI_execute_plan_extended(plan->prepared, &options) < 0)
		elog(ERROR, "compatibility query failed");
	MemoryContextSwitchTo(receiver.context);
}

/* Run a query. */
void
rm_read_query(const char *sql, ParamListInfo params, RmRowReader reader, void *arg)
{
	Receiver receiver = receiver_for(reader, arg);
	SPIExecuteOptions options = { .read_only = true, .params = params, .dest = &receiver.base };

	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "compatibility query failed");
	MemoryContextSwitchTo(receiver.context);
}
