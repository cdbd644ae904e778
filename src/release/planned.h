/*
 * planned.h
 *		What is known while planned changes are completed.
 */
#ifndef RM_RELEASE_PLANNED_H
#define RM_RELEASE_PLANNED_H

#include "postgres.h"

#include "utils/uuid.h"

/* A relation from an item to what it is installed on: columns of its row hold the other one's key. */
typedef struct RmPlannedRoad
{
	char *to_class;
	int ncolumns;
	char **columns;
} RmPlannedRoad;

/* A class that is bound to a table. */
typedef struct RmPlannedClass
{
	char name[NAMEDATALEN * 2];
	Oid source;
	int nkeys;
	char **key_columns;
	bool has_links; /* rows of a link table say what its items are installed on */
	int nroads;
	RmPlannedRoad *roads;
} RmPlannedClass;

extern void rm_planned_begin(void);
extern void rm_planned_new_command(void);
extern void rm_planned_require_unsealed(const pg_uuid_t *release);
extern const RmPlannedClass *rm_planned_class(const char *name);
extern bool rm_planned_organization_is_seen(const pg_uuid_t *organization);

#endif /* RM_RELEASE_PLANNED_H */
