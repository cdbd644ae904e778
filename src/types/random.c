/*
 * random.c
 *		Random bytes in small portions.
 *
 * A call of the generator costs more than the bytes that it returns, so they
 * are drawn from it in larger portions.  No process uses what the one that it
 * was forked from has drawn, and what was handed out is not kept.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "types/random.h"

#define POOL_SIZE 1024

/* Fill in random bytes, at most POOL_SIZE of them. */
void
rm_draw_random(void *bytes, size_t len)
{
	static unsigned char pool[POOL_SIZE];
	static size_t left = 0;
	static int pool_pid = 0;

	Assert(len <= POOL_SIZE);
	if (left < len || pool_pid != MyProcPid)
	{
		left = 0;
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
		left = sizeof(pool);
		pool_pid = MyProcPid;
	}
	left -= len;
	memcpy(bytes, pool + left, len);
	memset(pool + left, 0, len);
}
