/*
 * restoration.h
 *		What a back-out that is running restores.
 */
#ifndef RM_CMDB_RESTORATION_H
#define RM_CMDB_RESTORATION_H

#include "postgres.h"

#include "utils/uuid.h"

/* One restoration. */
typedef struct RmRestoration
{
	pg_uuid_t back_out;
	pg_uuid_t ci_id;
	Datum old_value; /* text */
	Datum new_value; /* text */
	bool old_null;
	bool new_null;
} RmRestoration;

extern const RmRestoration *rm_restoration_find(const char *label, const char *operation, const char *attribute);

#endif /* RM_CMDB_RESTORATION_H */
