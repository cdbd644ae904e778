/*
 * lifecycle.h
 *		States, gates and the revision that keeps gates from racing.
 */
#ifndef RM_LIFECYCLE_H
#define RM_LIFECYCLE_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/uuid.h"

/* Called once when a backend loads the library. */
extern void rm_lifecycle_init(void);
extern void rm_order_init(void);

/* Has this transaction, or a live subtransaction of it, raised the release's revision already? */
extern bool rm_touch_done(const pg_uuid_t *release);
/* Note that the current (sub)transaction has raised it. */
extern void rm_touch_note(const pg_uuid_t *release);

/* Run body(arg) as the role, read-only and for a limited time; NULL, or what went wrong. */
extern char *rm_sandbox_run(Oid role, void (*body)(void *arg), void *arg);

/* The note that goes with the transition, NULL where none is given. */
extern const char *rm_transition_note(void);

/* Have a check answer by a plan that the session keeps; false where its function is to be called instead. */
extern bool rm_kept_answer(Oid function, Oid expected, Datum release, Datum *answer, bool *isnull);

/* The plan of a constant statement, made at the first use and kept. */
extern SPIPlanPtr rm_lifecycle_plan(SPIPlanPtr *place, const char *command, int nargs, Oid *types);

#endif /* RM_LIFECYCLE_H */
