/*
 * change.h
 *		One captured change: its hashed form and its stored form.
 *
 * Hashed form, a leaf of the transaction's tree (integers big-endian):
 *
 *		0x01								version
 *		operation							1 byte: I U D, B (baseline), S (schema version)
 *		table id							16 bytes, governed_table.id
 *		command id							4 bytes
 *		key length, key						4 bytes, UTF-8
 *		former key length, former key		likewise; length 0 where the key did not change
 *		row digest							32 bytes SHA256(salt || row), zeros where no row is left
 *		old digest							32 bytes SHA256(salt || old), zeros where nothing was there
 *
 * Stored form, several of which follow each other in a batch:
 *
 *		flags and operation					1 byte
 *		table id							16 bytes, unless flag SAME_TABLE
 *		command id							varint
 *		key length, key						varint
 *		former key length, former key		varint, with flag FORMER_KEY
 *		row digest							32 bytes, unless operation D
 *		salt								16 bytes, unless flag REDACTED
 *		old length, old						varint, operations U and D; with REDACTED the 32 bytes of the old digest
 */
#ifndef RM_LEDGER_CHANGE_H
#define RM_LEDGER_CHANGE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "types/hash.h"
#include "utils/uuid.h"

#define RM_CHANGE_VERSION 0x01
#define RM_SALT_SIZE 16

typedef enum RmOperation
{
	RM_INSERT = 0,
	RM_UPDATE = 1,
	RM_DELETE = 2,
	RM_BASELINE = 3,
	RM_SCHEMA = 4
} RmOperation;

/* A change; the pointers point into someone else's memory. */
typedef struct RmChange
{
	RmOperation operation;
	bool redacted;
	pg_uuid_t table_id;
	uint32 command_id;
	const char *key;
	int key_len;
	const char *former_key; /* NULL where the key did not change */
	int former_key_len;
	unsigned char row_digest[RM_SHA256_SIZE];
	unsigned char salt[RM_SALT_SIZE];
	unsigned char old_digest[RM_SHA256_SIZE]; /* unless the reader goes without */
	const char *old;                          /* NULL for operations without, and when redacted */
	int old_len;
} RmChange;

/* Reads the changes of a batch one after the other. */
typedef struct RmChangeReader
{
	const unsigned char *next;
	const unsigned char *end;
	pg_uuid_t table_id;
	bool without_digests; /* set by whoever needs none: those of old images are not computed */
} RmChangeReader;

typedef enum RmChangeRead
{
	RM_CHANGE_END,
	RM_CHANGE_READ,
	RM_CHANGE_BROKEN
} RmChangeRead;

extern const char *rm_operation_name(RmOperation operation);
extern bool rm_operation_has_old(RmOperation operation);
extern bool rm_operation_has_row(RmOperation operation);
extern void rm_change_seal(RmChange *change, const char *row, int row_len, unsigned char *leaf_hash);
extern void rm_change_hash(const RmChange *change, unsigned char *leaf_hash);
extern void rm_change_store(StringInfo batch, const RmChange *change, const pg_uuid_t *previous_table);
extern void rm_change_reader_init(RmChangeReader *reader, const char *batch, int len);
extern RmChangeRead rm_change_try_read(RmChangeReader *reader, RmChange *change);
extern bool rm_change_read(RmChangeReader *reader, RmChange *change);
extern void rm_digest_salted(const unsigned char *salt, const char *bytes, int len, unsigned char *digest);

#endif /* RM_LEDGER_CHANGE_H */
