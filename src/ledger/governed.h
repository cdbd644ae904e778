/*
 * governed.h
 *		What capturing the changes of a relation needs to know, kept per backend.
 */
#ifndef RM_LEDGER_GOVERNED_H
#define RM_LEDGER_GOVERNED_H

#include "postgres.h"

#include "ledger/canonical.h"
#include "lib/stringinfo.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

/* A governed table, or a partition of one. */
typedef struct RmGoverned
{
	Oid relid; /* hash key */
	bool valid;
	pg_uuid_t table_id;
	Oid source;     /* the governed table */
	bool inherited; /* it has children that are no partitions, or is one */
	int ncolumns;
	RmColumn *columns; /* in order of their keys' bytes; generated ones left out */
	int nkeys;
	RmColumn *keys; /* the key columns, in the order of the row's text key */
	bool sensitive; /* some value is written as text that follows settings */
	MemoryContext context;
} RmGoverned;

extern RmGoverned *rm_governed_of(Relation relation, const char *table_id);
extern RmGoverned *rm_governed_find(Relation relation, const char *table_id, const char **unknown);
extern void rm_governed_append_row(RmGoverned *governed, StringInfo row, const Datum *values, const bool *nulls);
extern void rm_governed_append_new_row(RmGoverned *governed, StringInfo row, const Datum *values, const bool *nulls,
									   const Datum *old_values, const bool *old_nulls);
extern void rm_governed_forget_values(RmGoverned *governed, const Datum *values, const bool *nulls,
									  const Datum *new_values, const bool *new_nulls);
extern void rm_governed_append_key(RmGoverned *governed, StringInfo key, const Datum *values, const bool *nulls);
extern void rm_governed_append_image(RmGoverned *governed, StringInfo image, const Datum *values, const bool *nulls);
extern const char *rm_governed_name_of_key(const pg_uuid_t *table_id, const char *key);
extern void rm_governed_append_old(RmGoverned *governed, StringInfo old, const Datum *values, const bool *nulls,
								   const Datum *new_values, const bool *new_nulls);

#endif /* RM_LEDGER_GOVERNED_H */
