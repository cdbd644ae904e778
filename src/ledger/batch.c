/*
 * batch.c
 *		Rows of ledger_batch: the hash by which a row's key finds them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "ledger/batch.h"
#include "port/pg_bswap.h"

/* Return the hash by which ledger_key finds a table's key. */
int64
rm_key_hash(const pg_uuid_t *table_id, const char *key, int len)
{
	uint64 seed;

	memcpy(&seed, table_id->data, sizeof(seed));
	return (int64) hash_bytes_extended((const unsigned char *) key, len, pg_ntoh64(seed));
}
