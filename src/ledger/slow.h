/*
 * slow.h
 *		Seconds in which transactions committed that had begun long before.
 */
#ifndef RM_LEDGER_SLOW_H
#define RM_LEDGER_SLOW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* A second, and the longest that a transaction which committed in it took. */
typedef struct RmSlowSecond
{
	TimestampTz second;
	int64 longest; /* microseconds */
} RmSlowSecond;

typedef struct RmSlowSeconds
{
	int count;
	int room;
	RmSlowSecond *seconds;
} RmSlowSeconds;

extern void rm_slow_init(RmSlowSeconds *slow);
extern void rm_slow_note(RmSlowSeconds *slow, const pg_uuid_t *id, TimestampTz at);
extern void rm_slow_write(const RmSlowSeconds *slow);
extern pg_uuid_t rm_slow_oldest_id(TimestampTz since, Snapshot snapshot);

#endif /* RM_LEDGER_SLOW_H */
