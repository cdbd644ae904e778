/*
 * require_cargo.c
 *		Requirements of Cargo: comparisons of semantic versions, all of which hold, as the crate semver reads them.
 *
 *		1.2.3   ^0.2   ~1.2   1.*   >=1.2, <1.5   =1.2.3-rc.1
 *
 * No sign means ^.  A pre-release satisfies only where a comparison names one
 * of its own triple; and a comparison with a version that lacks numbers takes
 * no pre-release for one of the versions that it stands for, unless with ^.
 */
#include "types/require_partial.h"

#include <string.h>

/* The point before all pre-releases of a version that is written without one. */
#define BEFORE_PRERELEASES "-0<"

typedef enum Sign
{
	SIGN_NONE,
	SIGN_CARET,
	SIGN_TILDE,
	SIGN_EQ,
	SIGN_GE,
	SIGN_GT,
	SIGN_LE,
	SIGN_LT
} Sign;

/* Tell whether c is a wildcard. */
static bool
is_wildcard(char c)
{
	return c == '*' || c == 'x' || c == 'X';
}

/* Skip blanks. */
static void
skip_blanks(const char *text, size_t len, size_t *at)
{
	while (*at < len && text[*at] == ' ')
		(*at)++;
}

/* Read a sign. */
static Sign
parse_sign(const char *text, size_t len, size_t *at)
{
	bool equal = len - *at > 1 && text[*at + 1] == '=';

	switch (*at < len ? text[*at] : '\0')
	{
		case '^':
			(*at)++;
			return SIGN_CARET;
		case '~':
			(*at)++;
			return SIGN_TILDE;
		case '=':
			(*at)++;
			return SIGN_EQ;
		case '>':
			*at += 1 + equal;
			return equal ? SIGN_GE : SIGN_GT;
		case '<':
			*at += 1 + equal;
			return equal ? SIGN_LE : SIGN_LT;
		default:
			return SIGN_NONE;
	}
}

/* Read dotted identifiers behind a sign at *at. */
static bool
parse_identifiers(const char *text, size_t len, size_t *at, bool prerelease, RmParseError *error)
{
	do
	{
		size_t start = ++(*at);
		bool number = true;

		for (; *at < len && (rm_require_is_alphanumeric(text[*at]) || text[*at] == '-'); (*at)++)
			number = number && text[*at] >= '0' && text[*at] <= '9';
		if (*at == start)
			return rm_require_complain(error, start, "An identifier is expected: letters, digits and hyphens.");
		if (prerelease && number && *at > start + 1 && text[start] == '0')
			return rm_require_complain(error, start, "A numeric identifier has no leading zero.");
	} while (*at < len && text[*at] == '.');
	return true;
}

/* Read a version at *at, the numbers of which may be missing at the end, or wildcards. */
static bool
parse_partial(const char *text, size_t len, size_t *at, RmPartial *partial, bool *wildcard, RmParseError *error)
{
	int count = 0;

	memset(partial, 0, sizeof(*partial));
	*wildcard = false;
	do
	{
		size_t start = *at;

		while (*at < len && text[*at] >= '0' && text[*at] <= '9')
			(*at)++;
		if (*at == start && count > 0 && *at < len && is_wildcard(text[*at]))
		{
			*wildcard = true;
			(*at)++;
			continue;
		}
		if (*at == start || *wildcard)
			return rm_require_complain(error, start,
									   *wildcard ? "After a wildcard no number can follow." : "A number is expected.");
		if (text[start] == '0' && *at - start > 1)
			return rm_require_complain(error, start, "A number has no leading zero.");
		partial->numbers[count] = (RmSpan) { start, *at - start };
	} while (++count < 3 && *at < len && text[*at] == '.' && ++(*at));

	if (count < 3 || *wildcard)
		return true;
	if (*at < len && text[*at] == '-')
	{
		partial->prerelease.start = *at;
		if (!parse_identifiers(text, len, at, true, error))
			return false;
		partial->prerelease.len = *at - partial->prerelease.start;
	}
	return *at == len || text[*at] != '+' || parse_identifiers(text, len, at, false, error);
}

/* Add the clauses of a comparison with a version that lacks numbers. */
static bool
add_partial(const char *text, const RmPartial *partial, Sign sign, RmRequirement *requirement, RmParseError *error)
{
	int last = rm_partial_count(partial) - 1;
	int caret = last == 1 && rm_partial_is_zero(text, partial->numbers[0]) ? 1 : 0;
	RmDraft floor = { 0 };
	RmDraft ceiling = { 0 };

	rm_partial_write_floor(&floor, text, partial);
	floor.len--;
	rm_draft_add(&floor, BEFORE_PRERELEASES, sizeof(BEFORE_PRERELEASES));
	rm_partial_write_ceiling(&ceiling, text, partial, sign == SIGN_CARET ? caret : last, BEFORE_PRERELEASES);
	switch (sign)
	{
		case SIGN_CARET:
			return rm_require_add_interval(requirement, floor.text, ceiling.text, error);
		case SIGN_GT:
			return rm_require_add_interval(requirement, ceiling.text, NULL, error);
		case SIGN_LT:
			return rm_require_add_interval(requirement, NULL, floor.text, error);
		case SIGN_GE:
			return rm_require_add_interval(requirement, floor.text, NULL, error) &&
				   rm_require_exclude_prereleases(requirement, floor.text, ceiling.text, error);
		case SIGN_LE:
			return rm_require_add_interval(requirement, NULL, ceiling.text, error) &&
				   rm_require_exclude_prereleases(requirement, floor.text, ceiling.text, error);
		default:
			return rm_require_add_interval(requirement, floor.text, ceiling.text, error) &&
				   rm_require_exclude_prereleases(requirement, NULL, NULL, error);
	}
}

/* Add the clause of a comparison with a whole version. */
static bool
add_whole(const char *text, const RmPartial *partial, Sign sign, RmRequirement *requirement, RmParseError *error)
{
	int caret = 0;

	while (caret < 2 && rm_partial_is_zero(text, partial->numbers[caret]))
		caret++;
	switch (sign)
	{
		case SIGN_TILDE:
			return rm_partial_add_up_to(text, partial, 1, requirement, error);
		case SIGN_EQ:
			return rm_partial_add_comparison(text, partial, RM_COMPARE_EQ, requirement, error);
		case SIGN_GE:
			return rm_partial_add_comparison(text, partial, RM_COMPARE_GE, requirement, error);
		case SIGN_GT:
			return rm_partial_add_comparison(text, partial, RM_COMPARE_GT, requirement, error);
		case SIGN_LE:
			return rm_partial_add_comparison(text, partial, RM_COMPARE_LE, requirement, error);
		case SIGN_LT:
			return rm_partial_add_comparison(text, partial, RM_COMPARE_LT, requirement, error);
		default:
			return rm_partial_add_up_to(text, partial, caret, requirement, error);
	}
}

/* Read one comparison. */
static bool
parse_comparison(const char *text, size_t len, size_t *at, RmRequirement *requirement, RmParseError *error)
{
	Sign sign = parse_sign(text, len, at);
	RmPartial partial;
	bool wildcard;

	skip_blanks(text, len, at);
	if (!parse_partial(text, len, at, &partial, &wildcard, error))
		return false;
	if (sign == SIGN_NONE)
		sign = wildcard ? SIGN_EQ : SIGN_CARET;
	skip_blanks(text, len, at);
	if (rm_partial_count(&partial) == 3)
		return add_whole(text, &partial, sign, requirement, error);
	return add_partial(text, &partial, sign, requirement, error);
}

/* Parse; see require_syntaxes.h. */
bool
rm_require_parse_cargo(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t at = 0;

	skip_blanks(text, len, &at);
	if (at < len && is_wildcard(text[at]))
	{
		at++;
		skip_blanks(text, len, &at);
		if (at < len)
			return rm_require_complain(error, at, "A wildcard instead of the first number stands alone.");
		return rm_require_add_interval(requirement, NULL, NULL, error);
	}
	for (;;)
	{
		if (!parse_comparison(text, len, &at, requirement, error))
			return false;
		if (at == len)
			return true;
		if (text[at] != ',')
			return rm_require_complain(error, at, "A comma is expected between comparisons.");
		at++;
		skip_blanks(text, len, &at);
	}
}
