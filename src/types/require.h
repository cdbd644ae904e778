/*
 * require.h
 *		Requirements on versions as manifests write them, without the server.
 *
 * A requirement is alternatives (one must hold) of clauses (all must hold).
 * A clause is an interval of versions, and what the syntax adds to it or takes
 * from it that is no interval.
 */
#ifndef RM_TYPES_REQUIRE_H
#define RM_TYPES_REQUIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types/version.h"

#define RM_REQUIRE_MAX 1000
#define RM_REQUIRE_MAX_CLAUSES 256
#define RM_REQUIRE_ARENA 24000

/* A bound of an interval; text is NULL where there is none. */
typedef struct RmRequireBound
{
	const char *text; /* as rm_version_parse_bound reads it */
	size_t text_len;
	const unsigned char *key;
	size_t key_len;
	bool inclusive;
} RmRequireBound;

typedef struct RmRequireClause
{
	int alternative;
	bool negated; /* the versions outside */
	RmRequireBound lower;
	RmRequireBound upper;
	RmRequireBound also; /* this version too (RPM) */

	/* PEP 440: what shares its epoch and release with this version is excluded where it is ... */
	RmRequireBound base;
	bool no_prerelease;
	bool no_post;
	bool no_local;
} RmRequireClause;

typedef struct RmRequirement
{
	RmScheme scheme;
	bool prereleases; /* PEP 440: a clause names a pre-release */
	int alternatives;
	int count;
	RmRequireClause clauses[RM_REQUIRE_MAX_CLAUSES];
	size_t used;
	unsigned char arena[RM_REQUIRE_ARENA];
} RmRequirement;

extern bool rm_require_parse(RmScheme scheme, const char *text, size_t len, RmRequirement *requirement,
							 RmParseError *error);
extern bool rm_require_satisfied(const RmRequirement *requirement, const char *version, size_t len,
								 const unsigned char *key, size_t key_len);
extern void rm_require_find_hull(const RmRequirement *requirement, const RmRequireBound **lower,
								 const RmRequireBound **upper);

#endif /* RM_TYPES_REQUIRE_H */
