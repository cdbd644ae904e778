/*
 * ledger.h
 *		What the module ledger offers the C code of other modules.
 */
#ifndef RM_LEDGER_LEDGER_H
#define RM_LEDGER_LEDGER_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

/* The role of the person for whom the acting role acts, InvalidOid where it acts for itself; set by the module party.
 */
typedef Oid (*RmActorHook)(void);
extern RmActorHook rm_ledger_actor_hook;

/* Whether TRUNCATE may empty a governed table, since whoever says so has recorded its rows; set by the module cmdb. */
typedef bool (*RmTruncateHook)(Relation relation);
extern RmTruncateHook rm_ledger_truncate_hook;

extern void rm_ledger_init(void);
extern bool rm_ledger_is_active(void);
extern void rm_ledger_require_active(void);
extern const pg_uuid_t *rm_ledger_current_transaction(void);
extern bool rm_ledger_alters_values(Node *parsetree);
extern Oid rm_internal_function(const char *name, int nargs, const Oid *types);

#endif /* RM_LEDGER_LEDGER_H */
