/*
 * version.c
 *		Schemes by name, and the parsing of a version by its scheme.
 */
#include "types/version.h"

#include <string.h>

#include "types/version_schemes.h"

typedef bool (*SchemeParser)(const char *text, size_t len, RmVersion *version, RmParseError *error);

typedef struct SchemeInfo
{
	const char *name;
	const char *example;
	SchemeParser parse;
	unsigned parts; /* bit RmVersionPart: the scheme has that part */
} SchemeInfo;

#define PART(part) (1u << (part))

static const SchemeInfo schemes[] = {
	[RM_SCHEME_INVALID] = { "", "", NULL, 0 },
	[RM_SCHEME_SEMVER] = { "semver", "1.2.3-rc.1+build.5", rm_version_parse_semver,
						   PART(RM_PART_MAJOR) | PART(RM_PART_MINOR) | PART(RM_PART_PATCH) | PART(RM_PART_PRERELEASE) |
							   PART(RM_PART_BUILD) },
	[RM_SCHEME_DEB] = { "deb", "1:2.3-4", rm_version_parse_deb,
						PART(RM_PART_EPOCH) | PART(RM_PART_UPSTREAM) | PART(RM_PART_REVISION) },
	[RM_SCHEME_RPM] = { "rpm", "1:2.3-4.el9", rm_version_parse_rpm,
						PART(RM_PART_EPOCH) | PART(RM_PART_UPSTREAM) | PART(RM_PART_REVISION) },
	[RM_SCHEME_PEP440] = { "pep440", "1!2.3rc4.post5.dev6+local", rm_version_parse_pep440,
						   PART(RM_PART_EPOCH) | PART(RM_PART_MAJOR) | PART(RM_PART_MINOR) | PART(RM_PART_PATCH) |
							   PART(RM_PART_PRERELEASE) | PART(RM_PART_BUILD) },
	[RM_SCHEME_GENERIC] = { "generic", "12.2(33)SXI4", rm_version_parse_generic, 0 },
	[RM_SCHEME_MAVEN] = { "maven", "1.2.3-rc-1", rm_version_parse_maven,
						  PART(RM_PART_MAJOR) | PART(RM_PART_MINOR) | PART(RM_PART_PATCH) | PART(RM_PART_PRERELEASE) },
	[RM_SCHEME_NUGET] = { "nuget", "1.2.3.4-beta.1+build", rm_version_parse_nuget,
						  PART(RM_PART_MAJOR) | PART(RM_PART_MINOR) | PART(RM_PART_PATCH) | PART(RM_PART_REVISION) |
							  PART(RM_PART_PRERELEASE) | PART(RM_PART_BUILD) },
};

#define SCHEME_COUNT ((int) (sizeof(schemes) / sizeof(schemes[0])))

/* Package ecosystems (their names in package URLs) that follow a scheme. */
static const struct
{
	const char *name;
	RmScheme scheme;
} scheme_aliases[] = {
	{ "npm", RM_SCHEME_SEMVER },    { "cargo", RM_SCHEME_SEMVER }, { "go", RM_SCHEME_SEMVER },
	{ "golang", RM_SCHEME_SEMVER }, { "pypi", RM_SCHEME_PEP440 },
};

/* Return the scheme of that name or alias, RM_SCHEME_INVALID if there is none. */
RmScheme
rm_scheme_find(const char *name, size_t len)
{
	for (int i = 1; i < SCHEME_COUNT; i++)
	{
		if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, name, len) == 0)
			return (RmScheme) i;
	}
	for (size_t i = 0; i < sizeof(scheme_aliases) / sizeof(scheme_aliases[0]); i++)
	{
		if (strlen(scheme_aliases[i].name) == len && memcmp(scheme_aliases[i].name, name, len) == 0)
			return scheme_aliases[i].scheme;
	}
	return RM_SCHEME_INVALID;
}

/* Return a scheme's name; NULL for a number that is no scheme. */
const char *
rm_scheme_name(RmScheme scheme)
{
	return (int) scheme > 0 && (int) scheme < SCHEME_COUNT ? schemes[scheme].name : NULL;
}

/* Return a version of the scheme that shows its parts. */
const char *
rm_scheme_example(RmScheme scheme)
{
	return schemes[scheme].example;
}

/* Tell whether versions of the scheme can have the part. */
bool
rm_scheme_has_part(RmScheme scheme, RmVersionPart part)
{
	return (schemes[scheme].parts & PART(part)) != 0;
}

/* Note what is wrong; always false, so that a parser can return it. */
bool
rm_version_complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* End the key with a terminator that has free neighbours. */
void
rm_version_end(RmVersion *version, unsigned char terminator)
{
	rm_key_put(&version->key, terminator);
	version->before = terminator - 1;
	version->after = terminator + 1;
}

/* Tell whether c is an ASCII letter, in any locale. */
bool
rm_version_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Tell whether c is an ASCII digit. */
bool
rm_version_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Return how many digits text begins with. */
size_t
rm_version_count_digits(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && rm_version_is_digit(text[i]))
		i++;
	return i;
}

/* Make an empty version of the scheme. */
static void
begin_version(RmScheme scheme, RmVersion *version)
{
	version->scheme = scheme;
	version->key.len = 0;
	version->is_bound = false;
	version->is_prerelease = false;
	version->is_post = false;
	version->is_dev = false;
	memset(version->parts, 0, sizeof(version->parts));
	rm_key_put(&version->key, scheme);
}

/* Parse the text of a version, without its scheme. */
bool
rm_version_parse(RmScheme scheme, const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	begin_version(scheme, version);
	if (len == 0)
		return rm_version_complain(error, 0, "A version is expected.");
	if (len > RM_VERSION_MAX)
		return rm_version_complain(error, RM_VERSION_MAX, "A version has at most 1000 bytes.");
	if (!schemes[scheme].parse(text, len, version, error))
		return false;
	if (len + version->key.len > RM_VERSION_STORED_MAX)
		return rm_version_complain(error, len,
								   "A version and the key that orders it have at most 2010 bytes together.");
	return true;
}

/*
 * Parse a version, or a point between versions.
 *
 * V< is the point just before V; V> the point just after V and the versions
 * that extend it; < and > alone are the scheme's two ends.
 */
bool
rm_version_parse_bound(RmScheme scheme, const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	char mark = len > 0 ? text[len - 1] : '\0';

	if (mark != '<' && mark != '>')
		return rm_version_parse(scheme, text, len, version, error);

	if (len == 1)
	{
		begin_version(scheme, version);
		if (mark == '>')
			rm_key_put(&version->key, RM_KEY_GREATEST);
	}
	else
	{
		if (!rm_version_parse(scheme, text, len - 1, version, error))
			return false;
		version->key.bytes[version->key.len - 1] = mark == '<' ? version->before : version->after;
	}
	version->is_bound = true;
	return true;
}
