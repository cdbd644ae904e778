/*
 * batch.h
 *		Rows of ledger_batch taken apart.
 */
#ifndef RM_LEDGER_BATCH_H
#define RM_LEDGER_BATCH_H

#include "postgres.h"

#include "utils/uuid.h"

extern int64 rm_key_hash(const pg_uuid_t *table_id, const char *key, int len);

#endif /* RM_LEDGER_BATCH_H */
