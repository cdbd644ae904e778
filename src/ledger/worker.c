/*
 * worker.c
 *		Settings and shared memory of the background workers, and how a commit wakes them.
 *
 * Everything here does nothing where the library was not preloaded.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(rm_worker_state);

RmWorkerControl *rm_worker_control = NULL;

bool rm_worker_enabled = true;
int rm_worker_naptime = 60;
int rm_worker_delay = 100;
int rm_worker_limit = 2;

static char *worker_databases = NULL;
static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

/* Ask for shared memory and a lock. */
static void
request_shared_memory(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(RmWorkerControl)));
	RequestNamedLWLockTranche("release_mgmt", 1);
}

/* Find or make the shared memory. */
static void
start_shared_memory(void)
{
	bool found;

	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	rm_worker_control = ShmemInitStruct("release_mgmt workers", sizeof(RmWorkerControl), &found);
	if (!found)
	{
		memset(rm_worker_control, 0, sizeof(RmWorkerControl));
		rm_worker_control->lock = &GetNamedLWLockTranche("release_mgmt")->lock;
		pg_atomic_init_u32(&rm_worker_control->waiting, 0);
		for (int i = 0; i < RM_WORKER_DATABASES; i++)
			pg_atomic_init_u32(&rm_worker_control->slots[i].wanted, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Return the slot of the database, adding one where asked; NULL where there is none. */
RmWorkerSlot *
rm_worker_slot_of(Oid database, bool add)
{
	RmWorkerSlot *vacant = NULL;
	RmWorkerSlot *found = NULL;

	LWLockAcquire(rm_worker_control->lock, add ? LW_EXCLUSIVE : LW_SHARED);
	for (int i = 0; i < RM_WORKER_DATABASES && found == NULL; i++)
	{
		RmWorkerSlot *slot = &rm_worker_control->slots[i];

		if (slot->database == database)
			found = slot;
		else if (vacant == NULL && !OidIsValid(slot->database))
			vacant = slot;
	}
	if (found == NULL && add && vacant)
	{
		found = vacant;
		found->database = database;
		found->active = false;
		found->failures = 0;
		found->seen_at = 0;
		found->retry_at = 0;
		found->retained_at = 0;
		found->error[0] = '\0';
		pg_atomic_write_u32(&found->wanted, 0);
	}
	LWLockRelease(rm_worker_control->lock);
	return found;
}

/* Set the launcher's latch. */
void
rm_worker_wake_launcher(void)
{
	LWLockAcquire(rm_worker_control->lock, LW_SHARED);
	if (rm_worker_control->launcher)
		SetLatch(rm_worker_control->launcher);
	LWLockRelease(rm_worker_control->lock);
}

/*
 * Say that this database has a leaf to sequence; called when it can be seen.
 *
 * Whoever finds the flag set leaves it at that: the worker clears it before
 * it takes the snapshot in which it looks.
 */
void
rm_worker_wake(void)
{
	static RmWorkerSlot *own = NULL;
	Latch *latch;

	if (rm_worker_control == NULL)
		return;
	if (own == NULL || own->database != MyDatabaseId)
		own = rm_worker_slot_of(MyDatabaseId, true);
	if (own == NULL)
		return;
	pg_memory_barrier();
	if (pg_atomic_read_u32(&own->wanted) != 0 || pg_atomic_exchange_u32(&own->wanted, 1) != 0)
		return;
	LWLockAcquire(rm_worker_control->lock, LW_SHARED);
	latch = own->latch ? own->latch : rm_worker_control->launcher;
	if (latch)
		SetLatch(latch);
	LWLockRelease(rm_worker_control->lock);
}

/* Utility hook: a transaction that was prepared shows its leaf when COMMIT PREPARED ends, of which no callback tells.
 */
static void
process_utility(PlannedStmt *statement, const char *query, bool read_only, ProcessUtilityContext context,
				ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
				QueryCompletion *completion)
{
	bool commits_prepared = IsA(statement->utilityStmt, TransactionStmt) &&
							castNode(TransactionStmt, statement->utilityStmt)->kind == TRANS_STMT_COMMIT_PREPARED;

	if (previous_utility)
		previous_utility(statement, query, read_only, context, parameters, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, parameters, environment, receiver, completion);
	if (commits_prepared)
		rm_worker_wake();
}

/* Take the setting apart, into copies; false where it is no list of identifiers. */
static bool
split_databases(const char *setting, List **names)
{
	return SplitIdentifierString(pstrdup(setting), ',', names);
}

/* Check hook of release_mgmt.worker_databases. */
static bool
check_databases(char **value, void **extra, GucSource source)
{
	List *names;

	if (split_databases(*value, &names))
		return true;
	GUC_check_errdetail("It is a list of names of databases, separated by commas.");
	return false;
}

/* Return whether the settings let a worker serve the database. */
bool
rm_worker_serves(const char *database)
{
	List *names;
	ListCell *cell;

	if (!split_databases(worker_databases, &names))
		return false;
	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	}
	return names == NIL;
}

/* Register the launcher. */
static void
register_launcher(void)
{
	BackgroundWorker worker = { .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
								.bgw_start_time = BgWorkerStart_RecoveryFinished,
								.bgw_restart_time = 5 };

	strlcpy(worker.bgw_name, "release_mgmt launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "release_mgmt launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "release_mgmt", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rm_launcher_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Define the settings and, where the library is preloaded, register the launcher. */
void
rm_worker_init(void)
{
	DefineCustomBoolVariable("release_mgmt.worker", "Sequence and sign in background workers.",
							 "Takes effect where release_mgmt is in shared_preload_libraries.", &rm_worker_enabled,
							 true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("release_mgmt.worker_databases",
							   "Names of the databases that background workers serve, separated by commas.",
							   "Empty: every database with an active ledger.", &worker_databases, "", PGC_SIGHUP,
							   GUC_LIST_INPUT, check_databases, NULL, NULL);
	DefineCustomIntVariable(
		"release_mgmt.worker_delay", "How long leaves are gathered before they are sequenced.",
		"A signed checkpoint follows a commit that much later, and there is at most one in that time.",
		&rm_worker_delay, 100, 0, 60000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("release_mgmt.worker_naptime",
							"How often a database with an active ledger is looked at although no commit called for it.",
							"Signing that failed is tried again then.", &rm_worker_naptime, 60, 1, 86400, PGC_SIGHUP,
							GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("release_mgmt.max_workers",
							"Number of databases that background workers serve at the same time.",
							"They take turns where there are more. Counts towards max_worker_processes.",
							&rm_worker_limit, 2, 1, 64, PGC_SIGHUP, 0, NULL, NULL, NULL);

	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	register_launcher();
}

/* worker_state() returns text: what becomes of this database's leaves, in words. */
Datum
rm_worker_state(PG_FUNCTION_ARGS)
{
	RmWorkerSlot *slot;
	StringInfoData state;

	if (rm_worker_control == NULL)
		PG_RETURN_TEXT_P(cstring_to_text("not preloaded"));
	if (RecoveryInProgress())
		PG_RETURN_TEXT_P(cstring_to_text("waiting for promotion"));
	if (!rm_worker_enabled)
		PG_RETURN_TEXT_P(cstring_to_text("off"));
	if (!rm_worker_serves(get_database_name(MyDatabaseId)))
		PG_RETURN_TEXT_P(cstring_to_text("not for this database"));

	slot = rm_worker_slot_of(MyDatabaseId, false);
	initStringInfo(&state);
	appendStringInfoString(&state, "idle");
	if (slot)
	{
		LWLockAcquire(rm_worker_control->lock, LW_SHARED);
		if (slot->error[0] != '\0' || slot->pid != 0)
		{
			resetStringInfo(&state);
			appendStringInfo(&state, slot->error[0] != '\0' ? "failing: %s" : "running", slot->error);
		}
		LWLockRelease(rm_worker_control->lock);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(state.data, state.len));
}
