/*
 * ledger_private.h
 *		What the files of the module ledger share.
 */
#ifndef RM_LEDGER_PRIVATE_H
#define RM_LEDGER_PRIVATE_H

#include "postgres.h"

#include "utils/uuid.h"

/* active.c */
extern const pg_uuid_t *rm_ledger_active_log(void);

#endif /* RM_LEDGER_PRIVATE_H */
