/*
 * lifecycle.h
 *		States, gates and the revision that keeps gates from racing.
 */
#ifndef RM_LIFECYCLE_H
#define RM_LIFECYCLE_H

#include "postgres.h"

#include "utils/uuid.h"

/* Has this transaction, or a live subtransaction of it, raised the release's revision already? */
extern bool rm_touch_done(const pg_uuid_t *release);
/* Note that the current (sub)transaction has raised it. */
extern void rm_touch_note(const pg_uuid_t *release);

#endif /* RM_LIFECYCLE_H */
