/*
 * forget.c
 *		Statement trigger of tables of which sessions keep what they have read.
 *
 * It sends a relation cache invalidation for the table, which reaches this
 * session at the next command and the others when the transaction commits.
 * Who keeps something listens with CacheRegisterRelcacheCallback().
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/inval.h"

PG_FUNCTION_INFO_V1(rm_forget_table);

/* forget_table() returns trigger. */
Datum
rm_forget_table(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "forget_table() is a trigger function");
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
