/*
 * verify_state.h
 *		What the ledger says of each row, while its live rows are held against that.
 */
#ifndef RM_LEDGER_VERIFY_STATE_H
#define RM_LEDGER_VERIFY_STATE_H

#include "postgres.h"

#include "ledger/verify.h"

/* Table and key. */
typedef struct RmRowName
{
	RmVerifiedTable *table;
	const char *key;
	uint32 len;
	uint32 hash;
} RmRowName;

/* What the ledger says of a row; its key follows. */
typedef struct RmRowState
{
	RmRowName name;
	struct RmRowState *next; /* heard of after this one */
	int64 log_index;
	uint64 transaction; /* number of the transaction that changed it last */
	uint64 order;       /* within that: command id, and of one command departures before arrivals */
	unsigned char salt[RM_SALT_SIZE];
	unsigned char digest[RM_SHA256_SIZE];
	bool present;
	bool redacted;
	bool seen; /* a live row was held against it */
} RmRowState;

extern bool rm_verify_name_row(RmVerify *verify, RmVerifiedTable *table, const char *key, int len, RmRowName *name);
extern void rm_verify_prefetch_state(const RmVerify *verify, const RmRowName *name);
extern RmRowState *rm_verify_find_state(const RmVerify *verify, const RmRowName *name);
extern RmRowState *rm_verify_first_state(const RmVerify *verify);

#endif /* RM_LEDGER_VERIFY_STATE_H */
