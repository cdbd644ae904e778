/*
 * keys.h
 *		The index from a row's key to the batches that hold its changes.
 */
#ifndef RM_LEDGER_KEYS_H
#define RM_LEDGER_KEYS_H

#include "postgres.h"

#include "ledger/store.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* Attribute numbers of release_mgmt.ledger_key. */
enum
{
	RM_KEY_HASH = 1,
	RM_KEY_TRANSACTION_ID,
	RM_KEY_FIRST_SEQ,
	RM_KEY_NATTS = RM_KEY_FIRST_SEQ
};

typedef struct RmKeyWriter
{
	pg_uuid_t log;
	Snapshot snapshot;
	int64 indexed; /* leaves whose keys were indexed when it was opened */
	Relation batches;
	Relation batches_index;
	RmStore store;
	int count;
	struct RmIndexedKey *keys; /* keys that wait to be written, in the order in which they came */
} RmKeyWriter;

extern int64 rm_keys_indexed(const pg_uuid_t *log, Snapshot snapshot);
extern void rm_keys_open(RmKeyWriter *writer, const pg_uuid_t *log, int64 size, Snapshot snapshot);
extern void rm_keys_add_batch(RmKeyWriter *writer, const pg_uuid_t *transaction_id, int64 first_seq, bytea *changes);
extern void rm_keys_add_transaction(RmKeyWriter *writer, const pg_uuid_t *transaction_id);
extern void rm_keys_close(RmKeyWriter *writer, int64 size);

#endif /* RM_LEDGER_KEYS_H */
