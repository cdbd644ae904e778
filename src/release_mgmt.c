/*
 * release_mgmt.c
 *		Module magic, initialization and settings; nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"
#include "cmdb/cmdb.h"
#include "ledger/ledger.h"
#include "lifecycle/lifecycle.h"
#include "party/party.h"
#include "release/compat.h"

PG_MODULE_MAGIC;

/* Read through GetConfigOption(); a GUC needs a place of its own. */
static char *release_setting = NULL;

void _PG_init(void);

/* Called once when a backend loads the library. */
void
_PG_init(void)
{
	DefineCustomStringVariable(
		"release_mgmt.release", "Code of the release that the session works for.",
		"Changes of configuration items are held against the plan of this release; where it is empty, "
		"against the one authorized release that plans them. Set it with SET LOCAL.",
		&release_setting, "", PGC_USERSET, 0, NULL, NULL, NULL);

	rm_ledger_init();
	rm_party_init();
	rm_cmdb_init();
	rm_compat_init();
	rm_lifecycle_init();
	rm_order_init();
}
