/*
 * permit.h
 *		What the guard asks and records.
 */
#ifndef RM_CMDB_PERMIT_H
#define RM_CMDB_PERMIT_H

#include "postgres.h"

#include "cmdb/binding.h"
#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

/* One thing that a statement does to a configuration item. */
typedef struct RmAttempt
{
	const char *operation; /* create, change, retire; a literal */
	char *attribute;       /* NULL: the item as such */
	char *old_value;
	char *new_value;
	bool is_default;                         /* a creation leaves the column to its default */
	const char *check_name;                  /* the check that permits it, NULL if none does */
	pg_uuid_t permitted_by;                  /* what that check answered */
	const struct RmRestoration *restoration; /* of a back-out that permits it */
} RmAttempt;

/* What a statement does to one item. */
typedef struct RmCase
{
	char *class;
	char *key;       /* as it was, or of a new item as it is */
	char *owned_key; /* as it is, where it may belong to somebody else now; NULL where it does not */
	bool is_new;     /* the row was no item before */
	RmMode mode;     /* of the table when the row was written */
	bool has_id;     /* its stub was looked up already */
	pg_uuid_t ci_id;
	List *attempts; /* of RmAttempt */
} RmCase;

extern SPIPlanPtr rm_keep_plan(const char *query, int nargs, Oid *types);
extern void rm_set_text(Datum *args, char *nulls, int n, const char *value);
extern Datum rm_text_array(char **strings, int count);
extern void rm_cases_ask(List *cases);
extern void rm_cases_record(List *cases);
extern const char *rm_case_label(const RmCase *item);
extern List *rm_attempt_advice(const char *label, const RmAttempt *attempt, List *advice);
extern void rm_owners_keep(List *cases);
extern bool rm_stub_keep(const char *class, const char *old_key, const char *new_key, pg_uuid_t *id);

#endif /* RM_CMDB_PERMIT_H */
