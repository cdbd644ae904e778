/*
 * require.c
 *		Requirements on versions: parsing by syntax, and whether a version satisfies one.
 */
#include "types/require.h"

#include <string.h>

#include "types/require_syntaxes.h"

typedef bool (*SyntaxParser)(const char *text, size_t len, RmRequirement *requirement, RmParseError *error);

static const struct
{
	const char *name;
	RmScheme scheme;
	SyntaxParser parse;
} syntaxes[] = {
	[RM_SYNTAX_INVALID] = { "", RM_SCHEME_INVALID, NULL },
	[RM_SYNTAX_NPM] = { "npm", RM_SCHEME_SEMVER, rm_require_parse_npm },
	[RM_SYNTAX_DEB] = { "deb", RM_SCHEME_DEB, rm_require_parse_relations },
	[RM_SYNTAX_RPM] = { "rpm", RM_SCHEME_RPM, rm_require_parse_relations },
	[RM_SYNTAX_PEP440] = { "pep440", RM_SCHEME_PEP440, rm_require_parse_pep440 },
	[RM_SYNTAX_GENERIC] = { "generic", RM_SCHEME_GENERIC, rm_require_parse_relations },
	[RM_SYNTAX_MAVEN] = { "maven", RM_SCHEME_MAVEN, rm_require_parse_maven },
	[RM_SYNTAX_NUGET] = { "nuget", RM_SCHEME_NUGET, rm_require_parse_nuget },
	[RM_SYNTAX_CARGO] = { "cargo", RM_SCHEME_SEMVER, rm_require_parse_cargo },
};

/* Return the syntax of that name, RM_SYNTAX_INVALID if there is none. */
RmSyntax
rm_syntax_find(const char *name, size_t len)
{
	for (int i = 1; i <= RM_SYNTAX_LAST; i++)
	{
		if (strlen(syntaxes[i].name) == len && memcmp(syntaxes[i].name, name, len) == 0)
			return (RmSyntax) i;
	}
	return len == 4 && memcmp(name, "pypi", 4) == 0 ? RM_SYNTAX_PEP440 : RM_SYNTAX_INVALID;
}

/* Return a syntax's name. */
const char *
rm_syntax_name(RmSyntax syntax)
{
	return syntaxes[syntax].name;
}

/* Return the scheme of the versions that a syntax speaks of. */
RmScheme
rm_syntax_scheme(RmSyntax syntax)
{
	return syntaxes[syntax].scheme;
}

/* Parse a requirement. */
bool
rm_require_parse(RmSyntax syntax, const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	requirement->syntax = syntax;
	requirement->scheme = syntaxes[syntax].scheme;
	requirement->prereleases = false;
	requirement->alternatives = 1;
	requirement->count = 0;
	requirement->used = 0;
	if (len > RM_REQUIRE_MAX)
		return rm_require_complain(error, RM_REQUIRE_MAX, "A requirement has at most 1000 bytes.");
	if (syntaxes[syntax].parse(text, len, requirement, error))
		return true;

	/* What was complained of may be a bound made from the text, and longer. */
	if (error->position != RM_NO_POSITION && error->position > len)
		error->position = len;
	return false;
}

/* Compare a key with a bound's. */
static int
compare_key(const unsigned char *key, size_t len, const RmRequireBound *bound)
{
	int order = memcmp(key, bound->key, len < bound->key_len ? len : bound->key_len);

	if (order != 0)
		return order;
	return len < bound->key_len ? -1 : len > bound->key_len;
}

/* Tell whether the key is within the clause's interval. */
static bool
is_within(const RmRequireClause *clause, const unsigned char *key, size_t len)
{
	if (clause->also.text != NULL && compare_key(key, len, &clause->also) == 0)
		return true;
	if (clause->lower.text != NULL)
	{
		int order = compare_key(key, len, &clause->lower);

		if (order < 0 || (order == 0 && !clause->lower.inclusive))
			return false;
	}
	if (clause->upper.text != NULL)
	{
		int order = compare_key(key, len, &clause->upper);

		if (order > 0 || (order == 0 && !clause->upper.inclusive))
			return false;
	}
	return true;
}

/* Return the text's digits without leading zeros. */
static RmSpan
strip_zeros(const char *text, RmSpan span)
{
	while (span.len > 0 && text[span.start] == '0')
	{
		span.start++;
		span.len--;
	}
	return span;
}

/* Tell whether two versions have the same major, minor and patch. */
static bool
same_triple(const char *a, const RmVersion *x, const char *b, const RmVersion *y)
{
	for (int part = RM_PART_MAJOR; part <= RM_PART_PATCH; part++)
	{
		RmSpan s = strip_zeros(a, x->parts[part]);
		RmSpan t = strip_zeros(b, y->parts[part]);

		if (s.len != t.len || memcmp(a + s.start, b + t.start, s.len) != 0)
			return false;
	}
	return true;
}

/*
 * Tell whether a bound is a pre-release of the version's own major, minor and
 * patch; a point between versions is none.
 */
static bool
admits_prerelease(const RmRequireBound *bound, const char *text, const RmVersion *version)
{
	RmVersion named;
	RmParseError error;

	return bound->text != NULL && rm_version_parse(version->scheme, bound->text, bound->text_len, &named, &error) &&
		   named.parts[RM_PART_PRERELEASE].len > 0 && same_triple(text, version, bound->text, &named);
}

/*
 * Tell whether an alternative lets a pre-release in, as npm and Cargo have it:
 * one of its comparators must name a pre-release of the same triple.
 */
static bool
alternative_admits(const RmRequirement *requirement, int alternative, const char *text, const RmVersion *version)
{
	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];

		if (clause->alternative == alternative &&
			(admits_prerelease(&clause->lower, text, version) || admits_prerelease(&clause->upper, text, version)))
			return true;
	}
	return false;
}

/* Tell whether PEP 440's exclusive comparison takes the version out. */
static bool
is_taken_out(const RmRequireClause *clause, const RmVersion *version)
{
	const unsigned char *key = version->key.bytes;

	if (clause->kin_len == 0 || version->key.len <= clause->kin_len ||
		memcmp(key, clause->kin.key, clause->kin_len) != 0 || key[clause->kin_len] >= RM_KEY_NUMBER)
		return false;
	return (clause->no_prerelease && version->is_prerelease) || (clause->no_post && version->is_post) ||
		   (clause->no_local && version->parts[RM_PART_BUILD].len > 0);
}

/* Return c in lower case, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Tell whether a pre-release of NuGet does not begin as the clause has it. */
static bool
lacks_prefix(const RmRequireClause *clause, const char *text, const RmVersion *version)
{
	RmSpan prerelease = version->parts[RM_PART_PRERELEASE];

	if (clause->prefix == NULL || !version->is_prerelease)
		return false;
	if (prerelease.len < clause->prefix_len)
		return true;
	for (size_t i = 0; i < clause->prefix_len; i++)
	{
		if (lower(text[prerelease.start + i]) != lower(clause->prefix[i]))
			return true;
	}
	return false;
}

/* Tell whether all clauses of an alternative hold. */
static bool
alternative_holds(const RmRequirement *requirement, int alternative, const unsigned char *key, size_t key_len,
				  const char *text, const RmVersion *version)
{
	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];

		if (clause->alternative != alternative || (clause->prereleases_only && !version->is_prerelease))
			continue;
		if (is_within(clause, key, key_len) == clause->negated || is_taken_out(clause, version) ||
			lacks_prefix(clause, text, version))
			return false;
	}
	return true;
}

/* Tell whether a version, given as text and as key, satisfies the requirement; one of another scheme does not. */
bool
rm_require_satisfied(const RmRequirement *requirement, const char *text, size_t len, const unsigned char *key,
					 size_t key_len)
{
	RmVersion version;
	RmParseError error;

	if (key[0] != requirement->scheme || !rm_version_parse(requirement->scheme, text, len, &version, &error))
		return false;
	if (requirement->scheme == RM_SCHEME_PEP440 && version.is_prerelease && !requirement->prereleases)
		return false;
	for (int alternative = 0; alternative < requirement->alternatives; alternative++)
	{
		if (!alternative_holds(requirement, alternative, key, key_len, text, &version))
			continue;
		if (requirement->scheme != RM_SCHEME_SEMVER || !version.is_prerelease ||
			alternative_admits(requirement, alternative, text, &version))
			return true;
	}
	return false;
}

/* Return the lower (or upper) of two bounds. */
static const RmRequireBound *
choose_bound(const RmRequireBound *a, const RmRequireBound *b, bool lower)
{
	int order = compare_key(a->key, a->key_len, b);

	return (order < 0) == lower ? a : b;
}

/* Return the bound below (above) all that an alternative admits, NULL where there is none. */
static const RmRequireBound *
bound_alternative(const RmRequirement *requirement, int alternative, bool lower)
{
	const RmRequireBound *result = NULL;

	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];
		const RmRequireBound *bound = lower ? &clause->lower : &clause->upper;

		if (clause->alternative != alternative || clause->negated || bound->text == NULL)
			continue;
		if (clause->also.text != NULL)
			bound = choose_bound(bound, &clause->also, lower);
		result = result == NULL ? bound : choose_bound(result, bound, !lower);
	}
	return result;
}

/*
 * Find bounds between which everything lies that satisfies the requirement;
 * NULL where there is none.  They may be in the wrong order, where nothing
 * satisfies it.
 */
void
rm_require_find_hull(const RmRequirement *requirement, const RmRequireBound **lower, const RmRequireBound **upper)
{
	*lower = bound_alternative(requirement, 0, true);
	*upper = bound_alternative(requirement, 0, false);
	for (int alternative = 1; alternative < requirement->alternatives; alternative++)
	{
		const RmRequireBound *low = bound_alternative(requirement, alternative, true);
		const RmRequireBound *high = bound_alternative(requirement, alternative, false);

		*lower = *lower == NULL || low == NULL ? NULL : choose_bound(*lower, low, true);
		*upper = *upper == NULL || high == NULL ? NULL : choose_bound(*upper, high, false);
	}
}
