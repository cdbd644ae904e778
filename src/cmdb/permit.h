/*
 * permit.h
 *		What the guard asks and records.
 */
#ifndef RM_CMDB_PERMIT_H
#define RM_CMDB_PERMIT_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

/* One thing that a statement does to a configuration item. */
typedef struct RmAttempt
{
	const char *operation; /* create, change, retire */
	char *attribute;       /* NULL: the item as such */
	char *old_value;
	char *new_value;
	bool is_default;        /* a creation leaves the column to its default */
	char *check_name;       /* the check that permits it, NULL if none does */
	pg_uuid_t permitted_by; /* what that check answered */
} RmAttempt;

extern SPITupleTable *rm_checks_at(const char *point);
extern bool rm_attempt_ask(SPITupleTable *checks, const char *label, RmAttempt *attempt);
extern List *rm_attempt_advice(const char *label, const RmAttempt *attempt, List *advice);
extern void rm_permit_record(Datum ci_id, const RmAttempt *attempt);
extern void rm_owner_keep(const char *class, const char *key);
extern Datum rm_stub_keep(const char *class, const char *old_key, const char *new_key);

#endif /* RM_CMDB_PERMIT_H */
