/*
 * entry.h
 *		Entries of the log: UTF-8 lines, each ended by a newline.
 *
 * The entry of a transaction:
 *
 *		release_mgmt transaction v1
 *		id <uuid, governed rows' changes carry it>
 *		at <time of the commit, YYYY-MM-DDThh:mm:ss.uuuuuuZ>
 *		session <role that logged in>
 *		role <role in effect outside SECURITY DEFINER>		one line for each that changed something
 *		changes <number>
 *		root <base64 of the Merkle tree hash over the changes>
 *
 * Where one of them acted for somebody, the first line ends in v2, and below
 * that role stands
 *
 *		actor <role of the person for whom it acted>
 *
 * Where the session said which application it is, the first line ends in v3,
 * actors may be named as in v2, and below the line of the session stands
 *
 *		application <what application_name said at the commit>
 *
 * A newline or backslash in a name is written \n or \\.  The first entry of
 * an epoch after the first:
 *
 *		release_mgmt epoch v1
 *		at <time>
 *		<the last checkpoint of the log before>
 */
#ifndef RM_LEDGER_ENTRY_H
#define RM_LEDGER_ENTRY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

#define RM_ENTRY_HEAD_1 "release_mgmt transaction v1\n"
#define RM_ENTRY_HEAD_2 "release_mgmt transaction v2\n"
#define RM_ENTRY_HEAD_3 "release_mgmt transaction v3\n"
#define RM_ENTRY_HEAD_LEN (sizeof(RM_ENTRY_HEAD_1) - 1)
#define RM_ENTRY_EPOCH_HEAD "release_mgmt epoch v1\n"

/* Characters of a uuid's text form. */
#define RM_UUID_TEXT_LEN 36

#define RM_ENTRY_MAX_ROLES 500
#define RM_ENTRY_MAX_SIZE 65535

/* The roles that changed something, in the order of their first change. */
typedef struct RmEntryRoles
{
	int count;
	Oid oids[RM_ENTRY_MAX_ROLES];
	Oid actors[RM_ENTRY_MAX_ROLES]; /* for whom each acted; InvalidOid for itself */
} RmEntryRoles;

/* What the entry of a transaction says that verification needs. */
typedef struct RmTransactionEntry
{
	pg_uuid_t id;
	uint64 changes;
	unsigned char root[32];
} RmTransactionEntry;

extern void rm_entry_add_role(RmEntryRoles *roles, Oid role, Oid actor);
extern void rm_entry_append_roles(StringInfo lines, const RmEntryRoles *roles);
extern void rm_entry_append_time(StringInfo entry, TimestampTz at);
extern void rm_entry_append_transaction(StringInfo entry, const pg_uuid_t *id, TimestampTz at, const bytea *roles,
										uint64 changes, const bytea *root);
extern bytea *rm_entry_of_epoch(const char *checkpoint);
extern bool rm_entry_parse_transaction(const char *entry, int len, RmTransactionEntry *parsed);
extern bool rm_entry_is_epoch(const char *entry, int len);
extern const char *rm_entry_epoch_checkpoint(const char *entry);
extern char *rm_entry_said(const char *entry, int entry_len, const char *label);
extern char *rm_entry_who(const char *entry, int entry_len);
extern char *rm_base64(const void *bytes, int len);
extern int rm_base64_decode(const char *text, int len, void *bytes, int size);

#endif /* RM_LEDGER_ENTRY_H */
