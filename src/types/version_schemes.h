/*
 * version_schemes.h
 *		The parser of each scheme, and what they share.  For version*.c only.
 *
 * A parser gets an initialized RmVersion and text of 1 to RM_VERSION_MAX
 * bytes; it appends to the key and fills before, after and parts.
 */
#ifndef RM_TYPES_VERSION_SCHEMES_H
#define RM_TYPES_VERSION_SCHEMES_H

#include "types/version.h"

extern bool rm_version_complain(RmParseError *error, size_t position, const char *message);
extern void rm_version_end(RmVersion *version, unsigned char terminator);
extern size_t rm_version_count_digits(const char *text, size_t len);
extern bool rm_version_is_alpha(char c);
extern bool rm_version_is_digit(char c);
extern bool rm_version_parse_suffix(const char *text, size_t len, size_t at, bool fold, RmVersion *version,
									RmParseError *error);

extern bool rm_version_parse_semver(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_deb(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_rpm(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_pep440(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_generic(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_maven(const char *text, size_t len, RmVersion *version, RmParseError *error);
extern bool rm_version_parse_nuget(const char *text, size_t len, RmVersion *version, RmParseError *error);

#endif /* RM_TYPES_VERSION_SCHEMES_H */
