/*
 * ledger_private.h
 *		What the files of the module ledger share.
 */
#ifndef RM_LEDGER_PRIVATE_H
#define RM_LEDGER_PRIVATE_H

#include "postgres.h"

#include "ledger/ledger.h"
#include "utils/uuid.h"

/* Attribute numbers of release_mgmt.governed_table. */
enum
{
	RM_GOVERNED_ID = 1,
	RM_GOVERNED_SOURCE,
	RM_GOVERNED_MODE,
	RM_GOVERNED_KEY_COLUMNS,
	RM_GOVERNED_COLUMN_KEYS,
	RM_GOVERNED_COLUMN_NAMES,
	RM_GOVERNED_COLUMN_NUMBERS,
	RM_GOVERNED_MEMBERS,
	RM_GOVERNED_BUILTIN,
	RM_GOVERNED_CHILD_SOURCES,
	RM_GOVERNED_CHILD_KEYS,
	RM_GOVERNED_CHILD_NAMES,
	RM_GOVERNED_CHILD_NUMBERS,
	RM_GOVERNED_NATTS = RM_GOVERNED_CHILD_NUMBERS
};

/* Attribute numbers of release_mgmt.governance_baseline. */
enum
{
	RM_BASELINE_TABLE_ID = 2,
	RM_BASELINE_FINISHED_AT = 4
};

/* Attribute numbers of release_mgmt.maintenance. */
enum
{
	RM_MAINTENANCE_TABLE_ID = 2,
	RM_MAINTENANCE_UNTIL = 6,
	RM_MAINTENANCE_ROWS_MOVED_AT,
	RM_MAINTENANCE_KEYS_MOVED,
	RM_MAINTENANCE_ENDED_AT = 10
};

/* Attribute numbers of release_mgmt.ledger_identity. */
enum
{
	RM_IDENTITY_LOG_ID = 2,
	RM_IDENTITY_SYSTEM_IDENTIFIER,
	RM_IDENTITY_DATABASE_OID,
	RM_IDENTITY_EXTENSION_OID,
	RM_IDENTITY_PENDING
};

/* active.c */
extern const pg_uuid_t *rm_ledger_active_log(void);
extern int rm_ledger_active_pending(void);

/* sequence.c */
extern void rm_sequence_pending(const pg_uuid_t *log);

#endif /* RM_LEDGER_PRIVATE_H */
