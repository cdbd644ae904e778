/*
 * sandbox.c
 *		Run what a user wrote, for a gate, with that user's rights and no more.
 *
 * A criterion's predicate, and the function of a check that users registered,
 * are evaluated in the midst of somebody else's transaction, often that of a
 * more powerful role.  So they run
 *
 * - as their author, in a security-restricted operation: no SET ROLE, no
 *	 temporary objects, no deferred triggers.  Row-level security is the
 *	 author's too, since acting_role() says so meanwhile;
 * - in a subtransaction that is read-only, and is rolled back however it
 *	 ends: also what PostgreSQL does not count as writing (a notice to
 *	 listeners, before 16 a large object) is gone;
 * - under fixed settings, so that the caller's search_path, time zone or date
 *	 style does not decide the answer;
 * - for so long as release_mgmt.criterion_timeout says, by a timeout of their
 *	 own: statement_timeout set within a statement does nothing.
 *
 * What goes wrong in there is the author's affair, and is told as text.  A
 * cancel by the user, a shutdown, a serialization failure and want of memory
 * or disk are not, and are thrown on.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "access/xact.h"
#include "compat.h"
#include "errcodes.h"
#include "miscadmin.h"
#include "party/party.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

/* How often a predicate that goes on after its time is reminded. */
#define REMINDER_MS 100

static int criterion_timeout = 5000;
static char *transition_note = NULL;
static TimeoutId time_limit = MAX_TIMEOUTS;
static volatile sig_atomic_t limit_reached = false;
static bool evaluating = false;

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

static const Setting fixed_settings[] = {
	{ "search_path", "pg_catalog, release_mgmt, pg_temp" },
	{ "row_security", "on" },
	{ "standard_conforming_strings", "on" },
	{ "transform_null_equals", "off" },
	{ "DateStyle", "ISO, YMD" },
	{ "IntervalStyle", "postgres" },
	{ "TimeZone", "UTC" },
};

/* Cancel the query, as a timeout of PostgreSQL does; a cancel that is pending already is somebody else's. */
static void
limit_handler(void)
{
	if (QueryCancelPending && !limit_reached)
		return;
	limit_reached = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/* Put a setting into force until the subtransaction ends. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, ERROR, false);
}

/* Become the role, restricted, read-only, with the clock running. */
static void
enter(Oid role)
{
	Oid user;
	int context;

	for (int i = 0; i < lengthof(fixed_settings); i++)
		set_locally(fixed_settings[i].name, fixed_settings[i].value);
	rm_party_evaluate_as(role);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	XactReadOnly = true;

	if (time_limit == MAX_TIMEOUTS)
		time_limit = RegisterTimeout(USER_TIMEOUT, limit_handler);
	limit_reached = false;
	enable_timeout_every(time_limit, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), criterion_timeout),
						 REMINDER_MS);
}

/* Stop the clock; a cancel that it left pending is dropped. */
static void
stop_clock(void)
{
	disable_timeout(time_limit, false);
	if (limit_reached)
		QueryCancelPending = false;
}

/* Is the error one that says nothing of what was evaluated? */
static bool
is_beyond_author(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return false;
	}
}

/*
 * Run body(arg) as the role, and undo whatever it did.
 *
 * Returns NULL where it ended well, otherwise what went wrong.  Both, and what
 * body allocates in the memory context that was current, stay.
 */
char *
rm_sandbox_run(Oid role, void (*body)(void *arg), void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char *volatile failure = NULL;

	if (evaluating)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("what a user wrote for a gate can not have another such criterion evaluated")));

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	evaluating = true;
	PG_TRY();
	{
		enter(role);
		body(arg);
		stop_clock();
		evaluating = false;
		MemoryContextSwitchTo(caller);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		stop_clock();
		evaluating = false;
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (!(error->sqlerrcode == ERRCODE_QUERY_CANCELED && limit_reached) && is_beyond_author(error->sqlerrcode))
			ReThrowError(error);
		failure = pstrdup(error->message);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;

	if (limit_reached)
		return psprintf("no answer within %d ms", criterion_timeout);
	return failure;
}

/* The note that goes with the transition, NULL where none is given. */
const char *
rm_transition_note(void)
{
	return transition_note != NULL && transition_note[0] != '\0' ? transition_note : NULL;
}

/* Define the settings. */
void
rm_lifecycle_init(void)
{
	DefineCustomIntVariable("release_mgmt.criterion_timeout",
							"How long a predicate, or a check that users registered, may take at a gate.",
							"One that takes longer is unmet.", &criterion_timeout, 5000, 1, 600000, PGC_SUSET,
							GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("release_mgmt.transition_note", "Note that is kept with the states that releases enter.",
							   "advance_release() sets it from its argument; whoever updates a release's state sets it "
							   "with SET LOCAL.",
							   &transition_note, "", PGC_USERSET, 0, NULL, NULL, NULL);
}
