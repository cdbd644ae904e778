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

/* Numbers are stored in values: append only. */
typedef enum RmSyntax
{
	RM_SYNTAX_INVALID = 0,
	RM_SYNTAX_NPM = 1,
	RM_SYNTAX_DEB = 2,
	RM_SYNTAX_RPM = 3,
	RM_SYNTAX_PEP440 = 4,
	RM_SYNTAX_GENERIC = 5,
	RM_SYNTAX_MAVEN = 6,
	RM_SYNTAX_NUGET = 7,
	RM_SYNTAX_CARGO = 8,
	RM_SYNTAX_LAST = RM_SYNTAX_CARGO
} RmSyntax;

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
	bool negated;          /* the versions outside */
	bool prereleases_only; /* NuGet, Cargo: negated, it takes out pre-releases alone */
	RmRequireBound lower;
	RmRequireBound upper;
	RmRequireBound also; /* this version too (RPM) */

	/* PEP 440: what begins with this version's key, without its end, is excluded where it is ... */
	RmRequireBound kin;
	size_t kin_len;
	bool no_prerelease;
	bool no_post;
	bool no_local;

	/* NuGet: pre-releases begin so, in any case. */
	const char *prefix;
	size_t prefix_len;
} RmRequireClause;

typedef struct RmRequirement
{
	RmSyntax syntax;
	RmScheme scheme;
	bool prereleases; /* PEP 440: a clause names a pre-release */
	int alternatives;
	int count;
	RmRequireClause clauses[RM_REQUIRE_MAX_CLAUSES];
	size_t used;
	unsigned char arena[RM_REQUIRE_ARENA];
} RmRequirement;

extern RmSyntax rm_syntax_find(const char *name, size_t len);
extern const char *rm_syntax_name(RmSyntax syntax);
extern RmScheme rm_syntax_scheme(RmSyntax syntax);
extern bool rm_require_parse(RmSyntax syntax, const char *text, size_t len, RmRequirement *requirement,
							 RmParseError *error);
extern bool rm_require_satisfied(const RmRequirement *requirement, const char *version, size_t len,
								 const unsigned char *key, size_t key_len);
extern void rm_require_find_hull(const RmRequirement *requirement, const RmRequireBound **lower,
								 const RmRequireBound **upper);

#endif /* RM_TYPES_REQUIRE_H */
