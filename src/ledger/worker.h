/*
 * worker.h
 *		The background workers that sequence and sign: what launcher, workers and committing backends share.
 *
 * One launcher serves the cluster.  It is connected to no database.  A worker
 * is started for a database when a transaction there has left a leaf, stays
 * while leaves keep coming, and goes a moment after the last: a connection
 * that stayed would stand in the way of DROP DATABASE, which waits 5 seconds
 * for others to leave.
 */
#ifndef RM_LEDGER_WORKER_H
#define RM_LEDGER_WORKER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

/* More databases than these are left to sequence_ledger(). */
#define RM_WORKER_DATABASES 1024

#define RM_WORKER_ERROR_SIZE 200

/* A database, in shared memory.  All but wanted is guarded by the control's lock. */
typedef struct RmWorkerSlot
{
	Oid database;            /* InvalidOid in a free slot; stays until the database is dropped */
	pg_atomic_uint32 wanted; /* a leaf was left since the worker looked last */
	pid_t pid;               /* of the worker that is there; 0 for none */
	Latch *latch;            /* that worker's */
	bool active;             /* the database had an active ledger when a worker looked last */
	int failures;            /* of sequencing, in a row */
	TimestampTz seen_at;     /* when a worker looked last */
	TimestampTz retry_at;    /* not before; 0 for at once */
	TimestampTz retained_at; /* when retention policies were carried out; 0 for not since the server started */
	char error[RM_WORKER_ERROR_SIZE];
} RmWorkerSlot;

typedef struct RmWorkerControl
{
	LWLock *lock;
	Latch *launcher;          /* NULL where none is running */
	pg_atomic_uint32 waiting; /* databases wait for a worker to make room */
	RmWorkerSlot slots[RM_WORKER_DATABASES];
} RmWorkerControl;

/* NULL where the library was not preloaded. */
extern RmWorkerControl *rm_worker_control;

extern bool rm_worker_enabled;
extern int rm_worker_naptime;
extern int rm_worker_delay;
extern int rm_worker_limit;

extern void rm_worker_init(void);
extern RmWorkerSlot *rm_worker_slot_of(Oid database, bool add);
extern bool rm_worker_serves(const char *database);
extern void rm_worker_wake(void);
extern void rm_worker_wake_launcher(void);
extern PGDLLEXPORT void rm_launcher_main(Datum argument);
extern PGDLLEXPORT void rm_worker_main(Datum argument);

#endif /* RM_LEDGER_WORKER_H */
