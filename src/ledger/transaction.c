/*
 * transaction.c
 *		What the ledger keeps while a transaction is open.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "ledger/ledger.h"
#include "utils/uuid.h"

extern Datum rm_new_id(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(rm_current_transaction);

static bool has_id = false;
static pg_uuid_t transaction_id;

static void
on_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		has_id = false;
}

/* Return this transaction's id in the ledger, giving it one if it has none. */
const pg_uuid_t *
rm_ledger_current_transaction(void)
{
	static bool callback_registered = false;

	if (!callback_registered)
	{
		RegisterXactCallback(on_transaction_end, NULL);
		callback_registered = true;
	}
	if (!has_id)
	{
		transaction_id = *DatumGetUUIDP(DirectFunctionCall1(rm_new_id, (Datum) 0));
		has_id = true;
	}
	return &transaction_id;
}

/* current_transaction() returns uuid. */
Datum
rm_current_transaction(PG_FUNCTION_ARGS)
{
	pg_uuid_t *result = palloc(sizeof(pg_uuid_t));

	*result = *rm_ledger_current_transaction();
	PG_RETURN_UUID_P(result);
}
