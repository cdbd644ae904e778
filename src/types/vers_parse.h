/*
 * vers_parse.h
 *		VERS, the version range specifier, without the server.
 */
#ifndef RM_TYPES_VERS_PARSE_H
#define RM_TYPES_VERS_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "types/version.h"

typedef enum RmComparator
{
	RM_COMPARE_LT,
	RM_COMPARE_LE,
	RM_COMPARE_EQ,
	RM_COMPARE_NE,
	RM_COMPARE_GE,
	RM_COMPARE_GT
} RmComparator;

/* One constraint, as rm_vers_next_constraint finds it. */
typedef struct RmVersConstraint
{
	RmComparator comparator;
	size_t position; /* of the constraint in the text */
	size_t len;
	char version[RM_VERSION_MAX]; /* decoded */
} RmVersConstraint;

/* A VERS being read. */
typedef struct RmVers
{
	const char *text;
	size_t len;
	size_t at; /* where the next constraint begins */
	RmScheme scheme;
	bool any; /* the constraint is * */
} RmVers;

extern bool rm_vers_begin(const char *text, size_t len, RmVers *vers, RmParseError *error);
extern bool rm_vers_has_constraint(const RmVers *vers);
extern bool rm_vers_next_constraint(RmVers *vers, RmVersConstraint *constraint, RmParseError *error);
extern bool rm_vers_may_follow(bool has_previous, RmComparator previous, RmComparator next);

#endif /* RM_TYPES_VERS_PARSE_H */
