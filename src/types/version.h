/*
 * version.h
 *		Versions of packages, parsed without the server.
 */
#ifndef RM_TYPES_VERSION_H
#define RM_TYPES_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#include "types/key.h"
#include "types/parse.h"

/* Numbers are stored in values and type modifiers: append only. */
typedef enum RmScheme
{
	RM_SCHEME_INVALID = 0,
	RM_SCHEME_SEMVER = 1,
	RM_SCHEME_DEB = 2,
	RM_SCHEME_RPM = 3,
	RM_SCHEME_PEP440 = 4,
	RM_SCHEME_GENERIC = 5,
	RM_SCHEME_MAVEN = 6,
	RM_SCHEME_NUGET = 7,
	RM_SCHEME_LAST = RM_SCHEME_NUGET
} RmScheme;

typedef enum RmVersionPart
{
	RM_PART_EPOCH,
	RM_PART_MAJOR,
	RM_PART_MINOR,
	RM_PART_PATCH,
	RM_PART_UPSTREAM,
	RM_PART_REVISION,
	RM_PART_PRERELEASE,
	RM_PART_BUILD,
	RM_PART_COUNT
} RmVersionPart;

/* A piece of the parsed text; absent where len is 0. */
typedef struct RmSpan
{
	size_t start;
	size_t len;
} RmSpan;

/*
 * What a parser found.  before and after are the codes that, put in place of
 * the key's last, give the points just before the version, and just after it
 * and the versions that extend it (PEP 440: its local versions; RPM: the
 * releases of a version without one).
 */
typedef struct RmVersion
{
	RmScheme scheme;
	RmKey key; /* first byte: the scheme */
	unsigned char before;
	unsigned char after;
	bool is_bound;      /* a point between versions, or an end of the scheme */
	bool is_prerelease; /* semver, nuget, maven: pre-release; PEP 440: pre-release or .dev */
	bool is_post;       /* PEP 440: post-release */
	bool is_dev;        /* PEP 440: development release */
	RmSpan parts[RM_PART_COUNT];
} RmVersion;

extern RmScheme rm_scheme_find(const char *name, size_t len);
extern const char *rm_scheme_name(RmScheme scheme);
extern const char *rm_scheme_example(RmScheme scheme);
extern bool rm_scheme_has_part(RmScheme scheme, RmVersionPart part);
extern bool rm_version_parse(RmScheme scheme, const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_bound(RmScheme scheme, const char *text, size_t len, RmVersion *version,
								   RmParseError *error);

#endif /* RM_TYPES_VERSION_H */
