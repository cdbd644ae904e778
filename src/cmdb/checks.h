/*
 * checks.h
 *		The checks that are registered at the points where the guard asks.
 */
#ifndef RM_CMDB_CHECKS_H
#define RM_CMDB_CHECKS_H

#include "postgres.h"

/* A registered check. */
typedef struct RmCheck
{
	char *name;
	char *function; /* schema.function */
} RmCheck;

/* The checks of a point, in the order of their names. */
typedef struct RmChecks
{
	int count;
	RmCheck *checks;
} RmChecks;

extern RmChecks rm_checks_at(const char *point);

#endif /* RM_CMDB_CHECKS_H */
