/*
 * checks.c
 *		The checks that are registered at the points where the guard asks.
 *
 * A session remembers them until somebody writes to registered_check: its
 * statement trigger, forget_table(), invalidates the table's relcache entry.
 */
#include "postgres.h"

#include "cmdb/checks.h"

#include "catalog/pg_type.h"
#include "cmdb/permit.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "ledger/store.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Most points of which the checks are remembered. */
#define MOST_POINTS 4

/* The checks of a point. */
typedef struct Point
{
	char *name;
	RmChecks checks;
} Point;

static Point points[MOST_POINTS];
static int npoints = 0;
static MemoryContext context = NULL;
/* registered_check, once it was read. */
static Oid table = InvalidOid;
/* How often the table was written to, as far as is known. */
static uint64 signals = 0;

/* Relcache callback. */
static void
forget(Datum arg, Oid relid)
{
	if (OidIsValid(relid) && relid != table)
		return;
	signals++;
	npoints = 0;
	MemoryContextReset(context);
}

/* Return a copy, in the current memory context: a check that is asked may have them forgotten. */
static RmChecks
copy_checks(const RmChecks *checks)
{
	RmChecks copy = { .count = checks->count, .checks = palloc(sizeof(RmCheck) * Max(checks->count, 1)) };

	for (int i = 0; i < checks->count; i++)
	{
		copy.checks[i].name = pstrdup(checks->checks[i].name);
		copy.checks[i].function = pstrdup(checks->checks[i].function);
	}
	return copy;
}

/* Read the checks of a point. */
static RmChecks
read_checks(const char *point)
{
	static SPIPlanPtr plan = NULL;
	Datum arg = CStringGetTextDatum(point);
	RmChecks checks;

	if (plan == NULL)
	{
		Oid type = TEXTOID;

		plan = rm_keep_plan("SELECT name, function_name FROM release_mgmt.registered_check "
							"WHERE point OPERATOR(pg_catalog.=) $1 ORDER BY name",
							1, &type);
	}
	if (SPI_execute_plan(plan, &arg, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the registered checks");
	checks.count = (int) SPI_processed;
	checks.checks = palloc(sizeof(RmCheck) * Max(checks.count, 1));
	for (int i = 0; i < checks.count; i++)
	{
		checks.checks[i].name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		checks.checks[i].function = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
	}
	return checks;
}

/* Remember the checks of a point. */
static void
remember(const char *point, const RmChecks *checks)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);

	points[npoints].name = pstrdup(point);
	points[npoints].checks = copy_checks(checks);
	npoints++;
	MemoryContextSwitchTo(old_context);
}

/* Return the checks registered at a point, as of this moment. Inside SPI. */
RmChecks
rm_checks_at(const char *point)
{
	uint64 before;
	RmChecks checks;

	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "release_mgmt checks", ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	}
	AcceptInvalidationMessages();
	for (int i = 0; i < npoints; i++)
	{
		if (strcmp(points[i].name, point) == 0)
			return copy_checks(&points[i].checks);
	}
	if (table != rm_ledger_relid("registered_check"))
	{
		forget((Datum) 0, InvalidOid);
		table = rm_ledger_relid("registered_check");
	}
	/* The snapshot is younger than what has been heard: what it does not see is still to be heard of. */
	AcceptInvalidationMessages();
	before = signals;
	PushActiveSnapshot(GetLatestSnapshot());
	checks = read_checks(point);
	PopActiveSnapshot();
	/* What was heard of while they were read may not have been seen. */
	if (signals == before && npoints < MOST_POINTS)
		remember(point, &checks);
	return checks;
}
