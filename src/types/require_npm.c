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
#include "types/require_syntaxes.h"

#include <string.h>

/* A version whose numbers may be missing, or x. */
typedef struct Partial
{
	RmSpan numbers[3]; /* len 0: any */
	RmSpan prerelease; /* with its hyphen */
	bool odd_sign;     /* what stands before the numbers is more than one v */
	bool odd_number;   /* a number follows an x */
	size_t end;
} Partial;

/* Text being put together; RM_REQUIRE_MAX bounds what goes in. */
typedef struct Draft
{
	size_t len;
	char text[RM_REQUIRE_MAX + 32];
} Draft;

/* Append. */
static void
add_text(Draft *draft, const char *text, size_t len)
{
	memcpy(draft->text + draft->len, text, len);
	draft->len += len;
}

/* Append the number that digits stand for, plus one. */
static void
add_successor(Draft *draft, const char *digits, size_t len)
{
	size_t first = draft->len;
	size_t at;

	add_text(draft, "0", 1);
	add_text(draft, digits, len);
	for (at = draft->len - 1; draft->text[at] == '9'; at--)
		draft->text[at] = '0';
	draft->text[at]++;
	if (draft->text[first] == '0')
	{
		memmove(draft->text + first, draft->text + first + 1, draft->len - first - 1);
		draft->len--;
	}
}

/* Write the version, 0 for what is missing, with its pre-release. */
static void
write_floor(Draft *draft, const char *text, const Partial *partial)
{
	for (int i = 0; i < 3; i++)
	{
		if (i > 0)
			add_text(draft, ".", 1);
		if (partial->numbers[i].len == 0)
			add_text(draft, "0", 1);
		else
			add_text(draft, text + partial->numbers[i].start, partial->numbers[i].len);
	}
	add_text(draft, text + partial->prerelease.start, partial->prerelease.len);
	add_text(draft, "", 1);
}

/* Write the first version after those that agree in the numbers up to this one; -0: before its pre-releases. */
static void
write_ceiling(Draft *draft, const char *text, const Partial *partial, int number, bool before_prereleases)
{
	for (int i = 0; i < 3; i++)
	{
		RmSpan span = partial->numbers[i];

		if (i > 0)
			add_text(draft, ".", 1);
		if (i < number)
			add_text(draft, text + span.start, span.len);
		else if (i == number)
			add_successor(draft, text + span.start, span.len);
		else
			add_text(draft, "0", 1);
	}
	if (before_prereleases)
		add_text(draft, "-0", 2);
	add_text(draft, "", 1);
}

/* Tell whether c is white space. */
static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skip white space. */
static void
skip_space(const char *text, size_t len, size_t *at)
{
	while (*at < len && is_space(text[*at]))
		(*at)++;
}

/* Tell whether c may stand in an identifier. */
static bool
is_identifier(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
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
	Draft whole = { 5, "0.0.0" };
	RmVersion version;

	add_text(&whole, text + start, end - start);
	if (rm_version_parse(RM_SCHEME_SEMVER, whole.text, whole.len, &version, error))
		return true;
	error->position += start - 5;
	return false;
}

/* Read a partial version at `at`; spaced: space may stand among its signs. */
static bool
parse_partial(const char *text, size_t len, size_t at, bool spaced, Partial *partial, RmParseError *error)
{
	size_t first = at;
	size_t suffix;
	int count = 0;
	bool any = false;

	memset(partial, 0, sizeof(*partial));
	while (at < len && (text[at] == 'v' || text[at] == '=' || (spaced && is_space(text[at]))))
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
	if (at < len && !is_space(text[at]))
		return rm_require_complain(error, at, "The version ends here, but the text goes on.");
	return at == suffix || check_suffix(text, suffix, at, error);
}

/* Return how many of the numbers are given. */
static int
count_numbers(const Partial *partial)
{
	int count = 0;

	while (count < 3 && partial->numbers[count].len > 0)
		count++;
	return count;
}

/* Tell whether a number is zero. */
static bool
is_zero(const char *text, RmSpan span)
{
	return span.len == 1 && text[span.start] == '0';
}

/* Add the clause from the version up to the successor in that number. */
static bool
add_up_to(const char *text, const Partial *partial, int number, RmRequirement *requirement, RmParseError *error)
{
	Draft lower = { 0 };
	Draft upper = { 0 };

	write_floor(&lower, text, partial);
	write_ceiling(&upper, text, partial, number, true);
	return rm_require_add_interval(requirement, lower.text, upper.text, error);
}

/* Add the clause of ^. */
static bool
add_caret(const char *text, const Partial *partial, RmRequirement *requirement, RmParseError *error)
{
	int count = count_numbers(partial);
	int number = 0;

	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	while (number < count - 1 && is_zero(text, partial->numbers[number]))
		number++;
	return add_up_to(text, partial, number, requirement, error);
}

/* Add the clause of ~. */
static bool
add_tilde(const char *text, const Partial *partial, RmRequirement *requirement, RmParseError *error)
{
	int count = count_numbers(partial);

	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	return add_up_to(text, partial, count == 1 ? 0 : 1, requirement, error);
}

/* Add the clause of a comparison with a whole version. */
static bool
add_comparison(const char *text, const Partial *partial, RmComparator comparator, RmRequirement *requirement,
			   RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	bool lower = comparator == RM_COMPARE_GE || comparator == RM_COMPARE_GT || comparator == RM_COMPARE_EQ;
	bool upper = comparator == RM_COMPARE_LE || comparator == RM_COMPARE_LT || comparator == RM_COMPARE_EQ;
	Draft version = { 0 };

	write_floor(&version, text, partial);
	return clause != NULL &&
		   (!lower || rm_require_set_bound(requirement, &clause->lower, version.text, version.len - 1,
										   comparator != RM_COMPARE_GT, error)) &&
		   (!upper || rm_require_set_bound(requirement, &clause->upper, version.text, version.len - 1,
										   comparator != RM_COMPARE_LT, error));
}

/* Add the clause of a comparison with a version that lacks numbers. */
static bool
add_partial_comparison(const char *text, const Partial *partial, RmComparator comparator, RmRequirement *requirement,
					   RmParseError *error)
{
	int count = count_numbers(partial);
	Draft bound = { 0 };

	if (count == 0)
	{
		/* Nothing is below or above every version. */
		bool none = comparator == RM_COMPARE_LT || comparator == RM_COMPARE_GT;

		return rm_require_add_interval(requirement, NULL, none ? "0.0.0-0" : NULL, error);
	}
	switch (comparator)
	{
		case RM_COMPARE_GT:
			write_ceiling(&bound, text, partial, count - 1, false);
			return rm_require_add_interval(requirement, bound.text, NULL, error);
		case RM_COMPARE_GE:
			write_floor(&bound, text, partial);
			return rm_require_add_interval(requirement, bound.text, NULL, error);
		case RM_COMPARE_LE:
			write_ceiling(&bound, text, partial, count - 1, true);
			return rm_require_add_interval(requirement, NULL, bound.text, error);
		case RM_COMPARE_LT:
			write_floor(&bound, text, partial);
			bound.len--;
			add_text(&bound, "-0", 3);
			return rm_require_add_interval(requirement, NULL, bound.text, error);
		default:
			return add_up_to(text, partial, count - 1, requirement, error);
	}
}

/* Add the clauses of "from - to". */
static bool
add_hyphen(const char *text, const Partial *from, const Partial *to, RmRequirement *requirement, RmParseError *error)
{
	int count = count_numbers(to);
	Draft bound = { 0 };

	if (count_numbers(from) > 0)
	{
		write_floor(&bound, text, from);
		if (!rm_require_add_interval(requirement, bound.text, NULL, error))
			return false;
	}
	if (count == 0)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	return count == 3 ? add_comparison(text, to, RM_COMPARE_LE, requirement, error)
					  : add_partial_comparison(text, to, RM_COMPARE_LE, requirement, error);
}

/* Find " - " in text[at..len); return where it begins, len if it is not there. */
static size_t
find_hyphen(const char *text, size_t len, size_t at)
{
	for (; at + 2 < len; at++)
	{
		if (is_space(text[at]) && text[at + 1] == '-' && is_space(text[at + 2]))
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

/* Read one comparator at *at. */
static bool
parse_comparator(const char *text, size_t len, size_t *at, RmRequirement *requirement, RmParseError *error)
{
	char sign = text[*at];
	RmComparator comparator = RM_COMPARE_EQ;
	Partial partial;

	if (sign == '~' || sign == '^')
	{
		(*at)++;
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
	if (sign != '^' && sign != '~' && (partial.odd_number || (partial.odd_sign && count_numbers(&partial) == 3)))
		return rm_require_complain(error, *at,
								   partial.odd_number ? "After an x no number can follow."
													  : "One sign is expected before a version.");
	*at = partial.end;
	if (sign == '^')
		return add_caret(text, &partial, requirement, error);
	if (sign == '~')
		return add_tilde(text, &partial, requirement, error);
	if (count_numbers(&partial) == 3)
		return add_comparison(text, &partial, comparator, requirement, error);
	return add_partial_comparison(text, &partial, comparator, requirement, error);
}

/* Read one alternative, text[at..len). */
static bool
parse_alternative(const char *text, size_t len, size_t at, RmRequirement *requirement, RmParseError *error)
{
	size_t hyphen;

	skip_space(text, len, &at);
	while (len > at && is_space(text[len - 1]))
		len--;
	hyphen = find_hyphen(text, len, at);
	if (at == len)
		return rm_require_add_interval(requirement, NULL, NULL, error);
	if (hyphen < len)
	{
		Partial from;
		Partial to;
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
		if ((from.odd_sign && count_numbers(&from) == 3) ||
			(to.odd_sign && count_numbers(&to) == 3 && to.prerelease.len == 0))
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
