/*
 * release_mgmt.c
 *		Module magic, initialization and settings; nothing else.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

void _PG_init(void);

/* Called once when a backend loads the library. */
void
_PG_init(void)
{
}
