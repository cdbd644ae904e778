/*
 * batch.h
 *		Rows of ledger_batch taken apart.
 */
#ifndef RM_LEDGER_BATCH_H
#define RM_LEDGER_BATCH_H

#include "postgres.h"

#include "utils/uuid.h"

/* Attribute numbers of release_mgmt.ledger_batch. */
enum
{
	RM_BATCH_TRANSACTION_ID = 1,
	RM_BATCH_FIRST_SEQ,
	RM_BATCH_COUNT,
	RM_BATCH_CHANGES,
	RM_BATCH_NATTS = RM_BATCH_CHANGES
};

extern int64 rm_key_hash(const pg_uuid_t *table_id, const char *key, int len);

#endif /* RM_LEDGER_BATCH_H */
