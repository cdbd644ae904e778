/*
 * purl_parse.h
 *		Package URLs (ECMA-427), without the server.
 */
#ifndef RM_TYPES_PURL_PARSE_H
#define RM_TYPES_PURL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "types/parse.h"

/* Longest package URL, as given and in canonical form, in bytes. */
#define RM_PURL_MAX 2000
#define RM_PURL_MAX_QUALIFIERS 64

/* A component, decoded; absent where len is 0. */
typedef struct RmPurlText
{
	char *data;
	size_t len;
	size_t position; /* where it begins in the text, or would; RM_NO_POSITION for parts that come from none */
} RmPurlText;

typedef struct RmPurlQualifier
{
	RmPurlText key;
	RmPurlText value;
} RmPurlQualifier;

/* Segments of namespace and subpath are separated by '/', which none contains. */
typedef struct RmPurlParts
{
	RmPurlText type;
	RmPurlText namespace;
	RmPurlText name;
	RmPurlText version;
	RmPurlText subpath;
	int qualifier_count;
	RmPurlQualifier qualifiers[RM_PURL_MAX_QUALIFIERS];
	char arena[RM_PURL_MAX]; /* what rm_purl_parse decoded */
} RmPurlParts;

typedef struct RmPurlCanonical
{
	size_t len;
	char text[RM_PURL_MAX];
} RmPurlCanonical;

extern bool rm_purl_parse(const char *text, size_t len, RmPurlParts *parts, RmParseError *error);
extern bool rm_purl_normalize(RmPurlParts *parts, RmParseError *error);
extern bool rm_purl_print(const RmPurlParts *parts, RmPurlCanonical *canonical, RmParseError *error);

#endif /* RM_TYPES_PURL_PARSE_H */
