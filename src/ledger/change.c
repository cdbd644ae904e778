/*
 * change.c
 *		Encoding, hashing and decoding of captured changes; change.h defines the forms.
 */
#include "postgres.h"

#include "errcodes.h"
#include "ledger/change.h"
#include "port/pg_bswap.h"
#include "types/digest.h"
#include "types/merkle.h"

#define OPERATION_MASK 0x07
#define SAME_TABLE 0x08
#define FORMER_KEY 0x10
#define REDACTED 0x20

static const char operation_letters[] = { 'I', 'U', 'D', 'B', 'S' };
static const char *const operation_names[] = { "insert", "update", "delete", "baseline", "schema" };

/* Return the operation's name as the views show it. */
const char *
rm_operation_name(RmOperation operation)
{
	return operation_names[operation];
}

/* Return whether a change of that kind has an old image. */
bool
rm_operation_has_old(RmOperation operation)
{
	return operation == RM_UPDATE || operation == RM_DELETE;
}

/* Return whether a row is there after a change of that kind. */
bool
rm_operation_has_row(RmOperation operation)
{
	return operation != RM_DELETE;
}

/* Compute SHA256(salt || bytes). */
void
rm_digest_salted(const unsigned char *salt, const char *bytes, int len, unsigned char *digest)
{
	RmHashPiece pieces[2] = { { salt, RM_SALT_SIZE }, { bytes, len } };

	rm_require_hash(rm_hash_pieces(RM_HASH_SHA256, pieces, 2, digest));
}

/* Longest hashed form that is put together on the stack. */
#define FLAT_SIZE 512

/* Append bytes. */
static inline unsigned char *
put(unsigned char *to, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(to, bytes, len);
	return to + len;
}

/*
 * Compute the hash of the change as a leaf, SHA256(0x00 || hashed form).
 *
 * The form is put together first: one piece is hashed faster than nine.
 */
void
rm_change_hash(const RmChange *change, unsigned char *leaf_hash)
{
	static const unsigned char zeros[RM_SHA256_SIZE];
	unsigned char head[3] = { 0x00, RM_CHANGE_VERSION, operation_letters[change->operation] };
	uint32 command_id = pg_hton32(change->command_id);
	uint32 key_len = pg_hton32((uint32) change->key_len);
	uint32 former_len = pg_hton32((uint32) change->former_key_len);
	size_t size =
		sizeof(head) + UUID_LEN + 3 * sizeof(uint32) + change->key_len + change->former_key_len + 2 * RM_SHA256_SIZE;
	unsigned char flat[FLAT_SIZE];
	unsigned char *form = size <= sizeof(flat) ? flat : palloc(size);
	unsigned char *to = form;

	to = put(to, head, sizeof(head));
	to = put(to, change->table_id.data, UUID_LEN);
	to = put(to, &command_id, sizeof(command_id));
	to = put(to, &key_len, sizeof(key_len));
	to = put(to, change->key, change->key_len);
	to = put(to, &former_len, sizeof(former_len));
	to = put(to, change->former_key, change->former_key_len);
	to = put(to, rm_operation_has_row(change->operation) ? change->row_digest : zeros, RM_SHA256_SIZE);
	to = put(to, rm_operation_has_old(change->operation) ? change->old_digest : zeros, RM_SHA256_SIZE);
	rm_require_hash(rm_hash(RM_HASH_SHA256, form, to - form, leaf_hash));
	if (form != flat)
		pfree(form);
}

/*
 * Compute the change's digests from its salt, its old image and the row, and
 * its hash as a leaf.
 */
void
rm_change_seal(RmChange *change, const char *row, int row_len, unsigned char *leaf_hash)
{
	if (rm_operation_has_row(change->operation))
		rm_digest_salted(change->salt, row, row_len, change->row_digest);
	if (rm_operation_has_old(change->operation))
		rm_digest_salted(change->salt, change->old, change->old_len, change->old_digest);
	rm_change_hash(change, leaf_hash);
}

/* Append an unsigned number, seven bits a byte, lowest first. */
static void
append_varint(StringInfo buf, uint32 number)
{
	while (number >= 0x80)
	{
		appendStringInfoCharMacro(buf, (char) (number | 0x80));
		number >>= 7;
	}
	appendStringInfoCharMacro(buf, (char) number);
}

/* Append the change's stored form; previous_table is that of the change before it in the batch, or NULL. */
void
rm_change_store(StringInfo batch, const RmChange *change, const pg_uuid_t *previous_table)
{
	bool same_table = previous_table && memcmp(previous_table, &change->table_id, UUID_LEN) == 0;
	unsigned char flags = change->operation;

	if (same_table)
		flags |= SAME_TABLE;
	if (change->former_key)
		flags |= FORMER_KEY;
	if (change->redacted)
		flags |= REDACTED;

	appendStringInfoCharMacro(batch, (char) flags);
	if (!same_table)
		appendBinaryStringInfo(batch, (const char *) change->table_id.data, UUID_LEN);
	append_varint(batch, change->command_id);
	append_varint(batch, change->key_len);
	appendBinaryStringInfo(batch, change->key, change->key_len);
	if (change->former_key)
	{
		append_varint(batch, change->former_key_len);
		appendBinaryStringInfo(batch, change->former_key, change->former_key_len);
	}
	if (rm_operation_has_row(change->operation))
		appendBinaryStringInfo(batch, (const char *) change->row_digest, RM_SHA256_SIZE);
	if (!change->redacted)
		appendBinaryStringInfo(batch, (const char *) change->salt, RM_SALT_SIZE);
	if (rm_operation_has_old(change->operation))
	{
		if (change->redacted)
			appendBinaryStringInfo(batch, (const char *) change->old_digest, RM_SHA256_SIZE);
		else
		{
			append_varint(batch, change->old_len);
			appendBinaryStringInfo(batch, change->old, change->old_len);
		}
	}
}

/* Begin reading a batch, whose bytes must stay where they are. */
void
rm_change_reader_init(RmChangeReader *reader, const char *batch, int len)
{
	reader->next = (const unsigned char *) batch;
	reader->end = reader->next + len;
	memset(&reader->table_id, 0, UUID_LEN);
	reader->without_digests = false;
}

/* Take that many bytes, or return NULL where the batch ends before. */
static const unsigned char *
take(RmChangeReader *reader, uint32 len)
{
	const unsigned char *bytes = reader->next;

	if (len > (size_t) (reader->end - reader->next))
		return NULL;
	reader->next += len;
	return bytes;
}

/* Take a number; false where it does not end or does not fit. */
static bool
take_varint(RmChangeReader *reader, uint32 *number)
{
	uint64 result = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		const unsigned char *byte = take(reader, 1);

		if (byte == NULL)
			return false;
		result |= (uint64) (*byte & 0x7F) << shift;
		if (*byte < 0x80)
		{
			*number = (uint32) result;
			return result <= PG_UINT32_MAX;
		}
	}
	return false;
}

/* Copy that many bytes; false where the batch ends before. */
static bool
take_copy(RmChangeReader *reader, void *destination, uint32 len)
{
	const unsigned char *bytes = take(reader, len);

	if (bytes == NULL)
		return false;
	memcpy(destination, bytes, len);
	return true;
}

/* Take a length and that many bytes. */
static bool
take_counted(RmChangeReader *reader, const char **bytes, int *len)
{
	uint32 number;

	if (!take_varint(reader, &number) || number > PG_INT32_MAX)
		return false;
	*bytes = (const char *) take(reader, number);
	*len = (int) number;
	return *bytes != NULL;
}

/* Decode the next change; false where its bytes are no change. */
static bool
decode(RmChangeReader *reader, RmChange *change)
{
	unsigned char flags;

	memset(change, 0, sizeof(*change));
	if (!take_copy(reader, &flags, 1) || (flags & OPERATION_MASK) > RM_SCHEMA)
		return false;
	change->operation = (RmOperation) (flags & OPERATION_MASK);
	change->redacted = (flags & REDACTED) != 0;

	if (!(flags & SAME_TABLE) && !take_copy(reader, &reader->table_id, UUID_LEN))
		return false;
	change->table_id = reader->table_id;
	if (!take_varint(reader, &change->command_id) || !take_counted(reader, &change->key, &change->key_len))
		return false;
	if ((flags & FORMER_KEY) && !take_counted(reader, &change->former_key, &change->former_key_len))
		return false;
	if (rm_operation_has_row(change->operation) && !take_copy(reader, change->row_digest, RM_SHA256_SIZE))
		return false;
	if (!change->redacted && !take_copy(reader, change->salt, RM_SALT_SIZE))
		return false;
	if (!rm_operation_has_old(change->operation))
		return true;
	if (change->redacted)
		return take_copy(reader, change->old_digest, RM_SHA256_SIZE);
	if (!take_counted(reader, &change->old, &change->old_len))
		return false;
	if (!reader->without_digests)
		rm_digest_salted(change->salt, change->old, change->old_len, change->old_digest);
	return true;
}

/* Read the next change of the batch without raising anything. */
RmChangeRead
rm_change_try_read(RmChangeReader *reader, RmChange *change)
{
	if (reader->next == reader->end)
		return RM_CHANGE_END;
	return decode(reader, change) ? RM_CHANGE_READ : RM_CHANGE_BROKEN;
}

/*
 * Read the next change of the batch; false at its end.
 *
 * Raises ERRCODE_RM_LEDGER_CORRUPT where the bytes are no change.
 */
bool
rm_change_read(RmChangeReader *reader, RmChange *change)
{
	RmChangeRead result = rm_change_try_read(reader, change);

	if (result == RM_CHANGE_BROKEN)
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("a batch of captured changes can not be read"),
						errhint("Call release_mgmt.verify_ledger(), which names it.")));
	return result == RM_CHANGE_READ;
}
