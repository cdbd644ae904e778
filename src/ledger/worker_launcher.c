/*
 * worker_launcher.c
 *		The launcher: starts a worker for each database that has something to sequence.
 *
 * When it starts, every database is looked at once, since leaves may be left
 * from before.  After that commits call, and each database with an active
 * ledger is looked at once in release_mgmt.worker_naptime.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

typedef struct Database
{
	Oid oid;
	char *name;
} Database;

/* The workers that this launcher has started, by slot. */
static BackgroundWorkerHandle *handles[RM_WORKER_DATABASES];

/* Forget the latch. */
static void
forget_launcher(int code, Datum argument)
{
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	rm_worker_control->launcher = NULL;
	LWLockRelease(rm_worker_control->lock);
}

/* Return the databases that can be connected to, in the current memory context. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List *databases = NIL;
	Relation relation;
	TableScanDesc scan;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old_context;
		Database *database;

		if (!form->datallowconn)
			continue;
		old_context = MemoryContextSwitchTo(context);
		database = palloc(sizeof(Database));
		database->oid = form->oid;
		database->name = pstrdup(NameStr(form->datname));
		databases = lappend(databases, database);
		MemoryContextSwitchTo(old_context);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/* Return the database of that OID; NULL where it is not in the list. */
static Database *
find_database(List *databases, Oid oid)
{
	ListCell *cell;

	foreach (cell, databases)
	{
		if (((Database *) lfirst(cell))->oid == oid)
			return lfirst(cell);
	}
	return NULL;
}

/* Call for a look at every database. */
static void
want_all(List *databases)
{
	ListCell *cell;

	foreach (cell, databases)
	{
		RmWorkerSlot *slot = rm_worker_slot_of(((Database *) lfirst(cell))->oid, true);

		if (slot == NULL)
		{
			ereport(WARNING, (errmsg("release_mgmt serves %d databases, and there are more", RM_WORKER_DATABASES),
							  errhint("In the others call release_mgmt.sequence_ledger() from cron.")));
			break;
		}
		pg_atomic_write_u32(&slot->wanted, 1);
	}
}

/* Return whether a worker is in the slot's database, or on its way there. */
static bool
is_served(int number)
{
	pid_t pid;

	if (handles[number] && GetBackgroundWorkerPid(handles[number], &pid) == BGWH_STOPPED)
	{
		pfree(handles[number]);
		handles[number] = NULL;
	}
	return handles[number] != NULL || rm_worker_control->slots[number].pid != 0;
}

/* Start a worker for the slot; false where the server has no room for another process. */
static bool
start_worker(int number, const Database *database)
{
	BackgroundWorker worker = { .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
								.bgw_start_time = BgWorkerStart_RecoveryFinished,
								.bgw_restart_time = BGW_NEVER_RESTART,
								.bgw_main_arg = Int32GetDatum(number),
								.bgw_notify_pid = MyProcPid };
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	bool started;

	snprintf(worker.bgw_name, BGW_MAXLEN, "release_mgmt worker for database %s", database->name);
	strlcpy(worker.bgw_type, "release_mgmt worker", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "release_mgmt", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rm_worker_main", BGW_MAXLEN);
	started = RegisterDynamicBackgroundWorker(&worker, &handles[number]);
	MemoryContextSwitchTo(old_context);
	return started;
}

/* Return when the slot's database is to be looked at; DT_NOEND for never. */
static TimestampTz
due_at(RmWorkerSlot *slot)
{
	if (pg_atomic_read_u32(&slot->wanted) != 0)
		return slot->retry_at;
	if (slot->active)
		return Max(slot->retry_at, TimestampTzPlusMilliseconds(slot->seen_at, (int64) rm_worker_naptime * 1000));
	return DT_NOEND;
}

/*
 * Start the workers that are due, as many as may run, and forget databases
 * that are gone.  Returns when the next one is due.
 *
 * Only this process frees slots, so that it reads which database each one
 * holds without the lock.
 */
static TimestampTz
start_due_workers(void)
{
	List *databases = list_databases();
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = DT_NOEND;
	int running = 0;
	uint32 waiting = 0;

	for (int i = 0; i < RM_WORKER_DATABASES; i++)
		running += OidIsValid(rm_worker_control->slots[i].database) && is_served(i);
	for (int i = 0; i < RM_WORKER_DATABASES; i++)
	{
		RmWorkerSlot *slot = &rm_worker_control->slots[i];
		Database *database;
		TimestampTz due;

		if (!OidIsValid(slot->database) || is_served(i))
			continue;
		database = find_database(databases, slot->database);
		if (database == NULL)
		{
			LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
			slot->database = InvalidOid;
			LWLockRelease(rm_worker_control->lock);
			continue;
		}
		if (!rm_worker_serves(database->name))
			continue;
		due = due_at(slot);
		if (due > now)
			next = Min(next, due);
		else if (running < rm_worker_limit && start_worker(i, database))
			running++;
		else
			waiting++;
	}
	pg_atomic_write_u32(&rm_worker_control->waiting, waiting);
	/* Where max_worker_processes leaves no room, nobody tells when there is some. */
	return waiting > 0 ? Min(next, TimestampTzPlusMilliseconds(now, 1000)) : next;
}

/* Entry point of the launcher. */
void
rm_launcher_main(Datum argument)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "release_mgmt launcher", ALLOCSET_DEFAULT_SIZES);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	rm_worker_control->launcher = MyLatch;
	LWLockRelease(rm_worker_control->lock);
	before_shmem_exit(forget_launcher, 0);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_USERSET, PGC_S_SESSION);

	MemoryContextSwitchTo(context);
	want_all(list_databases());
	for (;;)
	{
		TimestampTz next = DT_NOEND;
		long wait;

		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (rm_worker_enabled)
			next = start_due_workers();
		pgstat_report_activity(STATE_IDLE, rm_worker_enabled ? "waiting for commits" : "release_mgmt.worker is off");
		wait = next == DT_NOEND ? INT_MAX : Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
