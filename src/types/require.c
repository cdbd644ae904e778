/*
 * require.c
 *		Requirements on versions: parsing by scheme, and whether a version satisfies one.
 */
#include "types/require.h"

#include <string.h>

#include "types/require_syntaxes.h"

/* Note what is wrong; always false, so that a parser can return it. */
bool
rm_require_complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* Begin a clause of the last alternative; NULL with the complaint where there are too many. */
RmRequireClause *
rm_require_add_clause(RmRequirement *requirement, RmParseError *error)
{
	RmRequireClause *clause;

	if (requirement->count == RM_REQUIRE_MAX_CLAUSES)
	{
		rm_require_complain(error, RM_NO_POSITION, "A requirement has at most 256 clauses.");
		return NULL;
	}
	clause = &requirement->clauses[requirement->count++];
	memset(clause, 0, sizeof(*clause));
	clause->alternative = requirement->alternatives - 1;
	return clause;
}

/* Copy bytes into the arena; NULL where it is full. */
static void *
keep(RmRequirement *requirement, const void *data, size_t len)
{
	unsigned char *result = requirement->arena + requirement->used;

	if (len > RM_REQUIRE_ARENA - requirement->used)
		return NULL;
	memcpy(result, data, len);
	requirement->used += len;
	return result;
}

/* Make text, a version or a point between versions, a bound. */
bool
rm_require_set_bound(RmRequirement *requirement, RmRequireBound *bound, const char *text, size_t len, bool inclusive,
					 RmParseError *error)
{
	RmVersion version;

	if (!rm_version_parse_bound(requirement->scheme, text, len, &version, error))
		return false;
	bound->text = keep(requirement, text, len);
	bound->text_len = len;
	bound->key = keep(requirement, version.key.bytes, version.key.len);
	bound->key_len = version.key.len;
	bound->inclusive = inclusive;
	if (bound->text == NULL || bound->key == NULL)
		return rm_require_complain(error, RM_NO_POSITION, "The requirement is too large.");
	return true;
}

/* Add a clause from lower (with it) to upper (without it); NULL leaves an end open. */
bool
rm_require_add_interval(RmRequirement *requirement, const char *lower, const char *upper, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);

	return clause != NULL &&
		   (lower == NULL || rm_require_set_bound(requirement, &clause->lower, lower, strlen(lower), true, error)) &&
		   (upper == NULL || rm_require_set_bound(requirement, &clause->upper, upper, strlen(upper), false, error));
}

/* Call the parser of the scheme's syntax. */
static bool
parse_syntax(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	switch (requirement->scheme)
	{
		case RM_SCHEME_SEMVER:
			return rm_require_parse_npm(text, len, requirement, error);
		case RM_SCHEME_DEB:
		case RM_SCHEME_RPM:
		case RM_SCHEME_GENERIC:
			return rm_require_parse_relations(text, len, requirement, error);
		case RM_SCHEME_PEP440:
			return rm_require_parse_pep440(text, len, requirement, error);
		case RM_SCHEME_INVALID:
			break;
	}
	return rm_require_complain(error, 0, "Requirements of this scheme have no known syntax.");
}

/* Parse a requirement in the syntax that goes with the scheme. */
bool
rm_require_parse(RmScheme scheme, const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	requirement->scheme = scheme;
	requirement->prereleases = false;
	requirement->alternatives = 1;
	requirement->count = 0;
	requirement->used = 0;
	if (len > RM_REQUIRE_MAX)
		return rm_require_complain(error, RM_REQUIRE_MAX, "A requirement has at most 1000 bytes.");
	if (parse_syntax(text, len, requirement, error))
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

/* Tell whether a bound is a pre-release of the version's own major, minor and patch. */
static bool
admits_prerelease(const RmRequireBound *bound, const char *text, const RmVersion *version)
{
	RmVersion named;
	RmParseError error;

	return bound->text != NULL && rm_version_parse(version->scheme, bound->text, bound->text_len, &named, &error) &&
		   named.parts[RM_PART_PRERELEASE].len > 0 && same_triple(text, version, bound->text, &named);
}

/*
 * Tell whether an alternative of npm's syntax lets a pre-release in: one of
 * its comparators must name a pre-release of the same triple.
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

	/* The key of a base ends in its final stage and the end, which its kin replace. */
	if (clause->base.text == NULL || version->key.len < clause->base.key_len - 2 ||
		memcmp(key, clause->base.key, clause->base.key_len - 2) != 0 || key[clause->base.key_len - 2] >= RM_KEY_NUMBER)
		return false;
	return (clause->no_prerelease && version->is_prerelease) || (clause->no_post && version->is_post) ||
		   (clause->no_local && version->parts[RM_PART_BUILD].len > 0);
}

/* Tell whether all clauses of an alternative hold. */
static bool
alternative_holds(const RmRequirement *requirement, int alternative, const unsigned char *key, size_t key_len,
				  const RmVersion *version)
{
	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];

		if (clause->alternative != alternative)
			continue;
		if (is_within(clause, key, key_len) == clause->negated || is_taken_out(clause, version))
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
		if (!alternative_holds(requirement, alternative, key, key_len, &version))
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
