/*
 * keys.h
 *		The index from a row's key to the batches that hold its changes.
 */
#ifndef RM_LEDGER_KEYS_H
#define RM_LEDGER_KEYS_H

#include "postgres.h"

#include "utils/uuid.h"

extern void rm_keys_index(const pg_uuid_t *log);

#endif /* RM_LEDGER_KEYS_H */
