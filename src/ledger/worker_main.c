/*
 * worker_main.c
 *		A worker: sequences and signs the ledger of one database, goes on with what was left, and goes when it is idle.
 *
 * Sequencing and signing are transactions of their own: what is signed must
 * be on disk.  Where signing fails, sequencing goes on.  Locks are waited for
 * less long than deadlock_timeout, so that of a worker and a statement that
 * drops or alters the ledger it is the worker that gives way.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "ledger/ledger_private.h"
#include "ledger/signer.h"
#include "ledger/worker.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How long a worker stays without a leaf: well below the 5 seconds that DROP DATABASE waits. */
#define LINGER_MS 1000

/* How soon sequencing is tried again after its first failure, and at most how late. */
#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 60000

/* How often retention policies are carried out, which reads every captured change. */
#define RETENTION_MS (60 * 60 * 1000)

/* Rows that are recorded at a time of a baseline that nobody goes on with. */
#define BASELINE_ROWS 20000

static RmWorkerSlot *slot;

/* Leave the slot; call the launcher where a leaf came meanwhile. */
static void
leave_slot(int code, Datum argument)
{
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	slot->pid = 0;
	slot->latch = NULL;
	slot->seen_at = GetCurrentTimestamp();
	LWLockRelease(rm_worker_control->lock);
	if (pg_atomic_read_u32(&slot->wanted) != 0 || pg_atomic_read_u32(&rm_worker_control->waiting) != 0)
		rm_worker_wake_launcher();
}

/* Take the slot; false where another worker has it. */
static bool
enter_slot(void)
{
	bool is_free;

	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	is_free = slot->pid == 0 && OidIsValid(slot->database);
	if (is_free)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
	}
	LWLockRelease(rm_worker_control->lock);
	if (is_free)
		before_shmem_exit(leave_slot, 0);
	return is_free;
}

/* Settings that databases and roles may have of their own, and that sequencing does not follow. */
static void
set_options(void)
{
	SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "500ms", PGC_SUSET, PGC_S_OVERRIDE);
}

/* Begin a transaction with a snapshot. */
static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Commit it. */
static void
commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Hold the extension against DROP EXTENSION until the transaction ends; false where there is none. */
static bool
hold_extension(void)
{
	Oid extension = get_extension_oid("release_mgmt", true);

	if (!OidIsValid(extension))
		return false;
	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return get_extension_oid("release_mgmt", true) == extension;
}

/* Note whether the database has an active ledger, and that it was looked at. */
static void
note_look(bool active)
{
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	slot->active = active;
	slot->failures = 0;
	slot->retry_at = 0;
	if (!active || !rm_signer_has_key())
		slot->error[0] = '\0';
	LWLockRelease(rm_worker_control->lock);
}

/* Note the error that is being handled, report it, and be ready for the next transaction. */
static void
note_error(bool sequencing)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	ErrorData *error = CopyErrorData();
	bool gave_way = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	int delay;

	HOLD_INTERRUPTS();
	if (!gave_way)
		EmitErrorReport();
	FlushErrorState();
	AbortCurrentTransaction();
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	if (!gave_way)
		strlcpy(slot->error, error->message, RM_WORKER_ERROR_SIZE);
	if (sequencing)
	{
		delay = gave_way ? FIRST_RETRY_MS : Min(LAST_RETRY_MS, FIRST_RETRY_MS << Min(slot->failures, 10));
		slot->failures += gave_way ? 0 : 1;
		slot->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
	}
	LWLockRelease(rm_worker_control->lock);
	RESUME_INTERRUPTS();
	FreeErrorData(error);
	MemoryContextSwitchTo(old_context);
}

/* Put the pending leaves into the tree; false where there is no active ledger. */
static bool
sequence(void)
{
	bool active;

	pgstat_report_activity(STATE_RUNNING, "sequencing");
	begin();
	active = hold_extension() && rm_ledger_is_active();
	if (active)
	{
		ForceSyncCommit();
		rm_sequence_pending(rm_ledger_active_log());
	}
	commit();
	note_look(active);
	return active;
}

/* Sign the tree where it has grown beyond what was signed. */
static void
sign(void)
{
	if (!rm_signer_has_key())
		return;
	pgstat_report_activity(STATE_RUNNING, "signing");
	begin();
	if (hold_extension() && (SPI_connect() != SPI_OK_CONNECT ||
							 SPI_execute("SELECT release_mgmt_internal.sign_growth()", false, 0) != SPI_OK_SELECT ||
							 SPI_finish() != SPI_OK_FINISH))
		elog(ERROR, "could not sign a checkpoint");
	commit();
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	slot->error[0] = '\0';
	LWLockRelease(rm_worker_control->lock);
}

/* Sleep so long, or until the latch is set where asked; returns whether the time is over. */
static bool
sleep_until(TimestampTz end, bool wakeable)
{
	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (left <= 0)
			return true;
		if (wakeable && pg_atomic_read_u32(&slot->wanted) != 0)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * Record some more rows of a baseline that was left; false where there is none.
 *
 * Its writers then have the table for as long as they were locked out.
 */
static bool
record_baseline(void)
{
	TimestampTz begun = GetCurrentTimestamp();
	Oid types[2] = { UUIDOID, INT8OID };
	Datum args[2] = { (Datum) 0, Int64GetDatum(BASELINE_ROWS) };
	bool found;

	begin();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	found = hold_extension() &&
			SPI_execute("SELECT table_id, activity FROM release_mgmt_internal.next_baseline()", false, 1) ==
				SPI_OK_SELECT &&
			SPI_processed == 1;
	if (found)
	{
		bool isnull;

		pgstat_report_activity(STATE_RUNNING, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
		args[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		if (SPI_execute_with_args("SELECT release_mgmt_internal.baseline_step($1, $2)", 2, types, args, NULL, false,
								  0) != SPI_OK_SELECT)
			elog(ERROR, "could not record rows of a baseline");
	}
	SPI_finish();
	commit();
	if (found)
		(void) sleep_until(TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp())),
						   false);
	return found;
}

/* Carry out retention policies where that is due. */
static void
apply_retention(void)
{
	if (slot->retained_at != 0 && !TimestampDifferenceExceeds(slot->retained_at, GetCurrentTimestamp(), RETENTION_MS))
		return;
	LWLockAcquire(rm_worker_control->lock, LW_EXCLUSIVE);
	slot->retained_at = GetCurrentTimestamp();
	LWLockRelease(rm_worker_control->lock);
	pgstat_report_activity(STATE_RUNNING, "applying retention");
	begin();
	if (hold_extension() && (SPI_connect() != SPI_OK_CONNECT ||
							 SPI_execute("SELECT release_mgmt.apply_retention()", false, 0) != SPI_OK_SELECT ||
							 SPI_finish() != SPI_OK_FINISH))
		elog(ERROR, "could not apply retention");
	commit();
}

/* Sequence and sign once, and do what else is due; false where there is nothing to stay for. */
static bool
serve_once(void)
{
	volatile bool stay = false;
	volatile bool sequencing = true;

	(void) pg_atomic_exchange_u32(&slot->wanted, 0);
	PG_TRY();
	{
		stay = sequence();
		sequencing = false;
		if (stay)
		{
			sign();
			apply_retention();
			if (record_baseline())
				pg_atomic_write_u32(&slot->wanted, 1);
		}
	}
	PG_CATCH();
	{
		note_error(sequencing);
		if (sequencing)
			pg_atomic_write_u32(&slot->wanted, 1);
	}
	PG_END_TRY();
	pgstat_report_stat(true);
	return stay;
}

/* Return the time so many milliseconds from now. */
static TimestampTz
after(int milliseconds)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

/* Entry point of a worker; the argument is the number of its slot. */
void
rm_worker_main(Datum argument)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "release_mgmt worker", ALLOCSET_DEFAULT_SIZES);
	char *database;

	slot = &rm_worker_control->slots[DatumGetInt32(argument)];
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!enter_slot())
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(slot->database, InvalidOid, 0);
	set_options();
	begin();
	database = MemoryContextStrdup(TopMemoryContext, get_database_name(MyDatabaseId));
	commit();

	MemoryContextSwitchTo(context);
	while (rm_worker_enabled && rm_worker_serves(database) && serve_once() &&
		   pg_atomic_read_u32(&rm_worker_control->waiting) == 0)
	{
		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		pgstat_report_activity(STATE_IDLE, "waiting for commits");
		if (sleep_until(after(LINGER_MS), true))
			break;
		(void) sleep_until(after(rm_worker_delay), false);
	}
	proc_exit(0);
}
