/*
 * require_syntaxes.h
 *		The parser of each syntax of requirements, and what they share.  For require*.c only.
 */
#ifndef RM_TYPES_REQUIRE_SYNTAXES_H
#define RM_TYPES_REQUIRE_SYNTAXES_H

#include "types/require.h"
#include "types/vers_parse.h"

/* A range in brackets taken apart: [lower,upper), or [version], which is both ends. */
typedef struct RmBrackets
{
	bool single;
	bool lower_inclusive;
	bool upper_inclusive;
	RmSpan lower; /* without the space around; absent where its len is 0 */
	RmSpan upper;
} RmBrackets;

extern bool rm_require_complain(RmParseError *error, size_t position, const char *message);
extern RmRequireClause *rm_require_add_clause(RmRequirement *requirement, RmParseError *error);
extern bool rm_require_set_bound(RmRequirement *requirement, RmRequireBound *bound, const char *text, size_t len,
								 bool inclusive, RmParseError *error);
extern const char *rm_require_keep(RmRequirement *requirement, const char *text, size_t len, RmParseError *error);
extern bool rm_require_add_interval(RmRequirement *requirement, const char *lower, const char *upper,
									RmParseError *error);
extern bool rm_require_set_version(RmRequirement *requirement, RmRequireBound *bound, const char *text, size_t start,
								   size_t end, bool inclusive, RmParseError *error);
extern bool rm_require_exclude_prereleases(RmRequirement *requirement, const char *lower, const char *upper,
										   RmParseError *error);
extern int rm_require_compare(const RmRequireBound *a, const RmRequireBound *b);
extern void rm_require_trim(const char *text, size_t *start, size_t *end);
extern bool rm_require_split_brackets(const char *text, size_t start, size_t end, RmBrackets *brackets,
									  RmParseError *error);
extern bool rm_require_is_space(char c);
extern bool rm_require_is_alphanumeric(char c);

extern bool rm_require_parse_npm(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);
extern bool rm_require_parse_relations(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);
extern bool rm_require_parse_pep440(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);
extern bool rm_require_parse_maven(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);
extern bool rm_require_parse_nuget(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);
extern bool rm_require_parse_cargo(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);

#endif /* RM_TYPES_REQUIRE_SYNTAXES_H */
