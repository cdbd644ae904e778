/*
 * changes.c
 *		The stored and the hashed form of captured changes (doc/ledger.md, src/ledger/change.h).
 */
#include <string.h>

#include "rmverify/rmverify.h"

#define OPERATION_MASK 0x07
#define SAME_TABLE 0x08
#define FORMER_KEY 0x10
#define REDACTED 0x20

static const char operations[] = { 'I', 'U', 'D', 'B', 'S' };

/* Take that many bytes; NULL where there are fewer, and the reader is broken then. */
static const unsigned char *
take(ChangeReader *reader, size_t len)
{
	const unsigned char *bytes = reader->next;

	if (reader->broken || len > (size_t) (reader->end - reader->next))
	{
		reader->broken = true;
		return NULL;
	}
	reader->next += len;
	return bytes;
}

/* Copy that many bytes. */
static void
take_copy(ChangeReader *reader, void *destination, size_t len)
{
	const unsigned char *bytes = take(reader, len);

	if (bytes)
		memcpy(destination, bytes, len);
}

/* Take a number of seven bits a byte, lowest first. */
static uint32_t
take_number(ChangeReader *reader)
{
	uint64_t number = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		const unsigned char *byte = take(reader, 1);

		if (byte == NULL)
			return 0;
		number |= (uint64_t) (*byte & 0x7F) << shift;
		if (*byte < 0x80)
			return (uint32_t) number;
	}
	reader->broken = true;
	return 0;
}

/* Compute SHA256(salt || bytes). */
static void
hash_salted(const unsigned char *salt, const unsigned char *bytes, size_t len, unsigned char *digest)
{
	RmHashPiece pieces[2] = { { salt, SALT_SIZE }, { bytes, len } };

	if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, digest))
		trouble("OpenSSL can not hash");
}

/* Read the next change; false at the end, or where the bytes are no change (reader->broken). */
bool
read_change(ChangeReader *reader, Change *change)
{
	unsigned char flags = 0;

	memset(change, 0, sizeof(*change));
	if (reader->broken || reader->next == reader->end)
		return false;
	take_copy(reader, &flags, 1);
	if ((flags & OPERATION_MASK) >= sizeof(operations))
	{
		reader->broken = true;
		return false;
	}
	change->operation = operations[flags & OPERATION_MASK];
	change->redacted = (flags & REDACTED) != 0;
	if (!(flags & SAME_TABLE))
		take_copy(reader, reader->table_id, UUID_SIZE);
	memcpy(change->table_id, reader->table_id, UUID_SIZE);
	change->command_id = take_number(reader);
	change->key_len = take_number(reader);
	change->key = take(reader, change->key_len);
	if (flags & FORMER_KEY)
	{
		change->former_key_len = take_number(reader);
		change->former_key = take(reader, change->former_key_len);
	}
	if (change->operation != 'D')
		take_copy(reader, change->row_digest, RM_SHA256_SIZE);
	if (!change->redacted)
		take_copy(reader, change->salt, SALT_SIZE);
	if ((change->operation == 'U' || change->operation == 'D') && change->redacted)
		take_copy(reader, change->old_digest, RM_SHA256_SIZE);
	else if (change->operation == 'U' || change->operation == 'D')
	{
		uint32_t len = take_number(reader);
		const unsigned char *old = take(reader, len);

		if (old)
			hash_salted(change->salt, old, len, change->old_digest);
	}
	return !reader->broken;
}

/* Write a number of four bytes, big-endian. */
static void
put_number(unsigned char *bytes, uint64_t number)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (unsigned char) (number >> (24 - 8 * i));
}

/* Compute the change's hash as a leaf of its transaction's tree. */
void
hash_change(const Change *change, unsigned char *leaf)
{
	unsigned char head[3] = { 0x00, 0x01, (unsigned char) change->operation };
	unsigned char command_id[4];
	unsigned char key_len[4];
	unsigned char former_len[4];
	RmHashPiece pieces[] = {
		{ head, sizeof(head) },
		{ change->table_id, UUID_SIZE },
		{ command_id, 4 },
		{ key_len, 4 },
		{ change->key, change->key_len },
		{ former_len, 4 },
		{ change->former_key, change->former_key_len },
		{ change->row_digest, RM_SHA256_SIZE },
		{ change->old_digest, RM_SHA256_SIZE },
	};

	put_number(command_id, change->command_id);
	put_number(key_len, change->key_len);
	put_number(former_len, change->former_key_len);
	if (!rm_hash_pieces(RM_HASH_SHA256, pieces, sizeof(pieces) / sizeof(pieces[0]), leaf))
		trouble("OpenSSL can not hash");
}
