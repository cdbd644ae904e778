/*
 * id.c
 *		UUID version 7 (RFC 9562 section 5.7), the primary key of every table.
 */
#include "postgres.h"

#include <time.h>

#include "compat.h"
#include "fmgr.h"
#include "types/random.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_new_id);

#ifdef RM_HAVE_UUIDV7

/* new_id() returns uuid: the server's own. */
Datum
rm_new_id(PG_FUNCTION_ARGS)
{
	return uuidv7(fcinfo);
}

#else

#define NS_PER_S INT64CONST(1000000000)
#define NS_PER_MS INT64CONST(1000000)
/* rand_a holds the fraction of a millisecond in 12 bits: one step of it. */
#define NS_PER_STEP (NS_PER_MS / 4096 + 1)

/* Return the time in nanoseconds, at least one step after the last call's. */
static int64
advance_clock(void)
{
	static int64 previous = 0;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	previous = Max(now.tv_sec * NS_PER_S + now.tv_nsec, previous + NS_PER_STEP);
	return previous;
}

/*
 * new_id() returns uuid.
 *
 * As PostgreSQL 18's uuidv7() does it: 48 bits of milliseconds, 12 bits of
 * their fraction (RFC 9562 section 6.2, method 3), 62 random bits; ascending
 * within a session.
 */
Datum
rm_new_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));
	int64 now = advance_clock();
	uint64 milliseconds = now / NS_PER_MS;
	uint32 fraction = (now % NS_PER_MS) * 4096 / NS_PER_MS;

	rm_draw_random(&uuid->data[8], 8);
	for (int i = 0; i < 6; i++)
		uuid->data[i] = milliseconds >> (40 - 8 * i);
	uuid->data[6] = 0x70 | fraction >> 8;
	uuid->data[7] = fraction;
	uuid->data[8] = 0x80 | (uuid->data[8] & 0x3F);
	PG_RETURN_UUID_P(uuid);
}

#endif
