/*
 * allowance.c
 *		What a session remembers of which release may change what on which target.
 *
 * An application that makes planned changes one by one would ask a dozen
 * tables each time whether the release may still go on.  What allowed_until()
 * answered holds as long as the clock has not reached the time that it gave,
 * the same role acts, and nobody has written to one of these tables: each has
 * a statement trigger, forget_allowances(), that sends a relcache invalidation
 * of a table of ours.  It arrives with the commit, and in this session with
 * the command.
 *
 * Only what is allowed is remembered; a refusal is looked at anew.
 */
#include "postgres.h"

#include "trace/allowance.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "cmdb/permit.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* So many are remembered at most; then all are forgotten. */
#define MOST_ALLOWANCES 256

typedef struct Allowance
{
	pg_uuid_t release;
	NameData role; /* as which the session acted */
	TimestampTz until;
	char *target;
} Allowance;

static List *allowances = NIL;
static MemoryContext context = NULL;
/* The table whose invalidation is the signal, and how many signals have come. */
static Oid signal_table = InvalidOid;
static uint64 signals = 0;

extern Datum rm_acting_role(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(rm_forget_allowances);

/* Return the table whose invalidation is the signal: one that is always empty. */
static Oid
find_signal_table(void)
{
	return get_relname_relid("ci_judgement", get_namespace_oid("release_mgmt_internal", false));
}

/* Relcache callback. */
static void
forget(Datum arg, Oid relid)
{
	if (OidIsValid(relid) && relid != signal_table)
		return;
	signals++;
	allowances = NIL;
	MemoryContextReset(context);
}

/* Listen to the signal, and take what has been sent; the extension may have been created again meanwhile. */
static void
listen(void)
{
	Oid table = find_signal_table();

	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "release_mgmt allowances", ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	}
	if (table != signal_table)
	{
		forget((Datum) 0, InvalidOid);
		signal_table = table;
	}
	AcceptInvalidationMessages();
}

/* Return whether the release is known to be allowed to change what it plans for the target now. */
bool
rm_allowance_is_known(const pg_uuid_t *release, const char *target)
{
	Name role;
	TimestampTz now;
	ListCell *cell;

	listen();
	if (allowances == NIL)
		return false;
	role = DatumGetName(DirectFunctionCall1(rm_acting_role, (Datum) 0));
	now = GetCurrentTimestamp();
	foreach (cell, allowances)
	{
		Allowance *allowance = lfirst(cell);

		if (memcmp(&allowance->release, release, UUID_LEN) == 0 && strcmp(allowance->target, target) == 0 &&
			namestrcmp(&allowance->role, NameStr(*role)) == 0)
			return now < allowance->until;
	}
	return false;
}

/* Remember it. */
static void
remember(const pg_uuid_t *release, const char *target, TimestampTz until)
{
	MemoryContext old_context;
	Allowance *allowance;

	if (list_length(allowances) >= MOST_ALLOWANCES)
		forget((Datum) 0, InvalidOid);
	old_context = MemoryContextSwitchTo(context);
	allowance = palloc(sizeof(Allowance));
	allowance->release = *release;
	allowance->role = *DatumGetName(DirectFunctionCall1(rm_acting_role, (Datum) 0));
	allowance->until = until;
	allowance->target = pstrdup(target);
	allowances = lcons(allowance, allowances);
	MemoryContextSwitchTo(old_context);
}

/*
 * Ask whether the release may change what it plans for the target now; remember until when.
 *
 * Inside SPI.
 */
bool
rm_allowance_ask(const pg_uuid_t *release, const char *target)
{
	static SPIPlanPtr plan = NULL;
	Datum args[2] = { UUIDPGetDatum(release), CStringGetTextDatum(target) };
	uint64 before;
	Datum until;
	bool isnull;

	if (plan == NULL)
	{
		Oid types[2] = { UUIDOID, TEXTOID };

		plan = rm_keep_plan("SELECT release_mgmt_internal.allowed_until($1, $2)", 2, types);
	}
	/* The snapshot is younger than what has been heard: what it does not see is still to be heard of. */
	listen();
	before = signals;
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_execute_plan(plan, args, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not ask what a release may do");
	PopActiveSnapshot();
	until = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return false;
	/* What was heard of while this was found out may not have been seen. */
	if (signals == before)
		remember(release, target, DatumGetTimestampTz(until));
	return true;
}

/* Statement trigger rm_96_allowance of the tables that allowed_until() reads. */
Datum
rm_forget_allowances(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "forget_allowances() is a trigger function");
	CacheInvalidateRelcacheByRelid(find_signal_table());
	return PointerGetDatum(NULL);
}
