/*
 * version_nuget.c
 *		NuGet's versions: Semantic Versioning 2.0.0 with one to four numbers,
 *		whose pre-releases compare in any case (NuGet's "Package versioning").
 *
 * Key: four numbers, 0 for those that are missing; then as version_semver.c,
 * with pre-releases in lower case.
 */
#include "types/version_schemes.h"

#define NUMBERS 4

/* Parse; see version_schemes.h. */
bool
rm_version_parse_nuget(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	size_t at = 0;
	int count = 0;

	do
	{
		size_t digits = rm_version_count_digits(text + at, len - at);

		if (digits == 0)
			return rm_version_complain(error, at,
									   "A number is expected: a version has one to four, with dots between.");
		rm_key_put_number(&version->key, text + at, digits);
		if (RM_PART_MAJOR + count <= RM_PART_PATCH)
			version->parts[RM_PART_MAJOR + count] = (RmSpan) { at, digits };
		else
			version->parts[RM_PART_REVISION] = (RmSpan) { at, digits };
		at += digits;
		count++;
	} while (count < NUMBERS && at < len && text[at] == '.' && ++at);
	for (; count < NUMBERS; count++)
		rm_key_put_number(&version->key, "", 0);
	return rm_version_parse_suffix(text, len, at, true, version, error);
}
