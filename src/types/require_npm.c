/*
 * require_npm.c
 *		Requirements of npm: ranges of semantic versions, as npm's semver reads them.
 *
 *		^1.2.3   ~1.2   1.x   >=1.2.3 <2   1.2 - 2.3   a || b
 *
 * Every form is written as comparisons first, as npm's documentation shows
 * ("Advanced Range Syntax"); -0 is the least pre-release, so that < leaves
 * all of them out.
 */
#include "types/require_partial.h"

#include <string.h>

/* Skip white space. */
static void
skip_space(const char *text, size_t len, size_t *at)
{
	while (*at < len && rm_require_is_space(text[*at]))
		(*at)++;
}

/* Tell whether c may stand in an identifier. */
static bool
is_identifier(char c)
{
	return rm_require_is_alphanumeric(c) || c == '-';
}

/* Read dotted identifiers behind a sign at *at. */
static void
skip_identifiers(const char *text, size_t len, size_t *at)
{
	(*at)++;
	while (*at < len && (is_identifier(text[*at]) || text[*at] == '.'))
		(*at)++;
}

/* Check a pre-release and a build, text[start..end), as behind a whole version. */
static bool
check_suffix(const char *text, size_t start, size_t end, RmParseError *error)
{
	RmDraft whole = { 5, "0.0.0" };
	RmVersion version;

	rm_draft_add(&whole, text + start, end - start);
	if (rm_version_parse(RM_SCHEME_SEMVER, whole.text, whole.len, &version, error))
		return true;
	error->position += start - 5;
	return false;
}

/* Read a partial version at `at`; spaced: space may stand among its signs. */
static bool
parse_partial(const char *text, size_t len, size_t at, bool spaced, RmPartial *partial, RmParseError *error)
{
	size_t first = at;
	size_t suffix;
	int count = 0;
	bool any = false;

	memset(partial, 0, sizeof(*partial));
	while (at < len && (text[at] == 'v' || text[at] == '=' || (spaced && rm_require_is_space(text[at]))))
		at++;
	partial->odd_sign = at > first + 1 || (at > first && text[first] == '=');
	do
	{
		size_t start = at;

		while (at < len && text[at] >= '0' && text[at] <= '9')
			at++;
		if (at > start)
		{
			if (text[start] == '0' && at - start > 1)
				return rm_require_complain(error, start, "A number has no leading zero.");
			if (!any)
				partial->numbers[count] = (RmSpan) { start, at - start };
			partial->odd_number |= any;
		}
		else if (at < len && (text[at] == 'x' || text[at] == 'X' || text[at] == '*'))
		{
			any = true;
			at++;
		}
		else
			return rm_require_complain(error, at, "A number, x or * is expected.");
		count++;
	} while (count < 3 && at < len && text[at] == '.' && ++at);

	suffix = at;
	if (count == 3 && at < len && text[at] == '-')
	{
		partial->prerelease.start = at;
		skip_identifiers(text, len, &at);
		partial->prerelease.len = any ? 0 : at - partial->prerelease.start;
	}
	if (count == 3 && at < len && text[at] == '+')
		skip_identifiers(text, len, &at);
	partial->end = at;
	if (at < len && !rm_require_is_space(text[at]))
		return rm_require_complain(error, at, "The version ends here, but the text goes on.");
	return at == suffix || check_suffix(text, suffix, at, error);
}

/* Add the clause of ^. */
static bool
add_caret(const char *text, const RmPartial *partial, RmRequirement *requirement, RmParseError *error)
{
	int count = rm_partial_count(partial);
	int number = 0;

	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	while (number < count - 1 && rm_partial_is_zero(text, partial->numbers[number]))
		number++;
	return rm_partial_add_up_to(text, partial, number, requirement, error);
}

/* Add the clause of ~. */
static bool
add_tilde(const char *text, const RmPartial *partial, RmRequirement *requirement, RmParseError *error)
{
	int count = rm_partial_count(partial);

	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	return rm_partial_add_up_to(text, partial, count == 1 ? 0 : 1, requirement, error);
}

/* Add the clause of a comparison with a version that lacks numbers. */
static bool
add_partial_comparison(const char *text, const RmPartial *partial, RmComparator comparator, RmRequirement *requirement,
					   RmParseError *error)
{
	int count = rm_partial_count(partial);
	RmDraft bound = { 0 };

	if (count == 0)
	{
		/* Nothing is below or above every version. */
		bool none = comparator == RM_COMPARE_LT || comparator == RM_COMPARE_GT;

		return rm_require_add_interval(requirement, NULL, none ? "0.0.0-0" : NULL, error);
	}
	switch (comparator)
	{
		case RM_COMPARE_GT:
			rm_partial_write_ceiling(&bound, text, partial, count - 1, "");
			return rm_require_add_interval(requirement, bound.text, NULL, error);
		case RM_COMPARE_GE:
			rm_partial_write_floor(&bound, text, partial);
			return rm_require_add_interval(requirement, bound.text, NULL, error);
		case RM_COMPARE_LE:
			rm_partial_write_ceiling(&bound, text, partial, count - 1, "-0");
			return rm_require_add_interval(requirement, NULL, bound.text, error);
		case RM_COMPARE_LT:
			rm_partial_write_floor(&bound, text, partial);
			bound.len--;
			rm_draft_add(&bound, "-0", 3);
			return rm_require_add_interval(requirement, NULL, bound.text, error);
		default:
			return rm_partial_add_up_to(text, partial, count - 1, requirement, error);
	}
}

/* Add the clauses of "from - to". */
static bool
add_hyphen(const char *text, const RmPartial *from, const RmPartial *to, RmRequirement *requirement,
		   RmParseError *error)
{
	int count = rm_partial_count(to);
	RmDraft bound = { 0 };

	if (rm_partial_count(from) > 0)
	{
		rm_partial_write_floor(&bound, text, from);
		if (!rm_require_add_interval(requirement, bound.text, NULL, error))
			return false;
	}
	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	return count == 3 ? rm_partial_add_comparison(text, to, RM_COMPARE_LE, requirement, error)
					  : add_partial_comparison(text, to, RM_COMPARE_LE, requirement, error);
}

/* Find " - " in text[at..len); return where it begins, len if it is not there. */
static size_t
find_hyphen(const char *text, size_t len, size_t at)
{
	for (; at + 2 < len; at++)
	{
		if (rm_require_is_space(text[at]) && text[at + 1] == '-' && rm_require_is_space(text[at + 2]))
			return at;
	}
	return len;
}

/* Skip an equals sign at *at, if there is one, and space before it or behind it, not on both sides. */
static bool
skip_equals_sign(const char *text, size_t len, size_t *at)
{
	size_t start = *at;

	skip_space(text, len, at);
	if (*at == len || text[*at] != '=')
		return false;
	(*at)++;
	if (text[start] == '=')
		skip_space(text, len, at);
	return true;
}

/* Skip > and space at *at where another > follows: npm's semver makes ~ of "~> ", and then ~> of what it has. */
static void
skip_doubled_sign(const char *text, size_t len, size_t *at)
{
	size_t next = *at + 1;

	if (*at == len || text[*at] != '>')
		return;
	skip_space(text, len, &next);
	if (next > *at + 1 && next < len && text[next] == '>')
		*at = next;
}

/* Read one comparator at *at. */
static bool
parse_comparator(const char *text, size_t len, size_t *at, RmRequirement *requirement, RmParseError *error)
{
	char sign = text[*at];
	RmComparator comparator = RM_COMPARE_EQ;
	RmPartial partial;

	if (sign == '~' || sign == '^')
	{
		(*at)++;
		if (sign == '~')
			skip_doubled_sign(text, len, at);
		skip_space(text, len, at);
		if (sign == '~' && *at < len && text[*at] == '>')
			(*at)++;
		skip_equals_sign(text, len, at);
	}
	else if (sign == '<' || sign == '>')
	{
		bool equal;

		(*at)++;
		equal = skip_equals_sign(text, len, at);
		comparator = sign == '<' ? (equal ? RM_COMPARE_LE : RM_COMPARE_LT) : (equal ? RM_COMPARE_GE : RM_COMPARE_GT);
	}
	else if (sign == '=')
		skip_equals_sign(text, len, at);
	if (!parse_partial(text, len, *at, false, &partial, error))
		return false;
	if (sign != '^' && sign != '~' && (partial.odd_number || (partial.odd_sign && rm_partial_count(&partial) == 3)))
		return rm_require_complain(error, *at,
								   partial.odd_number ? "After an x no number can follow."
													  : "One sign is expected before a version.");
	*at = partial.end;
	if (sign == '^')
		return add_caret(text, &partial, requirement, error);
	if (sign == '~')
		return add_tilde(text, &partial, requirement, error);
	if (rm_partial_count(&partial) == 3)
		return rm_partial_add_comparison(text, &partial, comparator, requirement, error);
	return add_partial_comparison(text, &partial, comparator, requirement, error);
}

/* Read one alternative, text[at..len). */
static bool
parse_alternative(const char *text, size_t len, size_t at, RmRequirement *requirement, RmParseError *error)
{
	size_t hyphen;

	skip_space(text, len, &at);
	while (len > at && rm_require_is_space(text[len - 1]))
		len--;
	hyphen = find_hyphen(text, len, at);
	if (at == len)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	if (hyphen < len)
	{
		RmPartial from;
		RmPartial to;
		size_t next = hyphen + 3;

		skip_space(text, len, &next);
		if (!parse_partial(text, hyphen, at, true, &from, error))
			return false;
		skip_space(text, hyphen, &from.end);
		if (from.end < hyphen)
			return rm_require_complain(error, from.end, "A range with a hyphen stands alone.");
		if (!parse_partial(text, len, next, true, &to, error))
			return false;
		if (to.end < len)
			return rm_require_complain(error, to.end, "A range with a hyphen stands alone.");
		if ((from.odd_sign && rm_partial_count(&from) == 3) ||
			(to.odd_sign && rm_partial_count(&to) == 3 && to.prerelease.len == 0))
			return rm_require_complain(error, at, "A whole version in a range with a hyphen has no sign but one v.");
		return add_hyphen(text, &from, &to, requirement, error);
	}
	while (at < len)
	{
		if (!parse_comparator(text, len, &at, requirement, error))
			return false;
		skip_space(text, len, &at);
	}
	return true;
}

/* Tell whether a clause admits every release: no bounds, or >=0.0.0. */
static bool
is_any(const RmRequireClause *clause)
{
	return clause->upper.text == NULL &&
		   (clause->lower.text == NULL ||
			(clause->lower.inclusive && clause->lower.text_len == 5 && memcmp(clause->lower.text, "0.0.0", 5) == 0));
}

/* Where an alternative admits every release, leave it alone: npm forgets the others, and which pre-releases they admit.
 */
static void
reduce_to_any(RmRequirement *requirement)
{
	bool all_any = false;

	for (int i = 0; i < requirement->count; i++)
	{
		const RmRequireClause *clause = &requirement->clauses[i];
		bool first = i == 0 || clause->alternative != clause[-1].alternative;
		bool last = i == requirement->count - 1 || clause->alternative != clause[1].alternative;

		all_any = is_any(clause) && (first || all_any);
		if (all_any && last)
		{
			requirement->alternatives = 1;
			requirement->count = 1;
			memset(&requirement->clauses[0], 0, sizeof(RmRequireClause));
		}
	}
}

/* Parse; see require_syntaxes.h. */
bool
rm_require_parse_npm(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t start = 0;

	requirement->alternatives = 0;
	for (;;)
	{
		size_t end = start;

		while (end < len && !(text[end] == '|' && end + 1 < len && text[end + 1] == '|'))
			end++;
		requirement->alternatives++;
		if (!parse_alternative(text, end, start, requirement, error))
			return false;
		if (end == len)
			break;
		start = end + 2;
	}
	reduce_to_any(requirement);
	return true;
}
