/*
 * batch.c
 *		Rows of ledger_batch taken apart: the index over keys, and changes as rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rm_change_keys);

/* Return the hash by which ledger_batch_keys_idx finds a table's key. */
int64
rm_key_hash(const pg_uuid_t *table_id, const char *key, int len)
{
	uint64 seed;

	memcpy(&seed, table_id->data, sizeof(seed));
	return (int64) hash_bytes_extended((const unsigned char *) key, len, pg_ntoh64(seed));
}

/* change_keys(changes bytea) returns bigint[]. */
Datum
rm_change_keys(PG_FUNCTION_ARGS)
{
	bytea *batch = PG_GETARG_BYTEA_PP(0);
	int room = 256;
	int count = 0;
	Datum *hashes = palloc(room * sizeof(Datum));
	RmChangeReader reader;
	RmChange change;

	rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
	while (rm_change_read(&reader, &change))
	{
		if (count + 2 > room)
		{
			room *= 2;
			hashes = repalloc(hashes, room * sizeof(Datum));
		}
		hashes[count++] = Int64GetDatum(rm_key_hash(&change.table_id, change.key, change.key_len));
		if (change.former_key)
			hashes[count++] = Int64GetDatum(rm_key_hash(&change.table_id, change.former_key, change.former_key_len));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(hashes, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
