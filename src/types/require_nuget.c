/*
 * require_nuget.c
 *		Requirements of NuGet: version ranges and floating versions (NuGet's "Package versioning").
 *
 *		1.0   [1.0,2.0)   (,1.0]   [1.0]   1.*   1.0.0-beta*   1.*-*   [1.*,2.0)
 *
 * Outside of brackets a version stands for itself and all that come after it.
 * A floating version is satisfied by what it could float to: numbers that
 * begin so, and a release; or, where it has a star behind a hyphen, a
 * pre-release that begins so, too.
 */
#include "types/require_partial.h"

#include <string.h>

/* A floating version taken apart: what a star stands behind. */
typedef struct Floating
{
	RmSpan numbers; /* with the dot at their end, if the star stands here */
	bool any_number;
	RmSpan prefix; /* of a pre-release */
	bool any_prerelease;
} Floating;

/* Take text[start..end) apart, which holds a star. */
static bool
split_floating(const char *text, size_t start, size_t end, Floating *floating, RmParseError *error)
{
	const char *hyphen = memchr(text + start, '-', end - start);
	size_t numbers_end = hyphen == NULL ? end : (size_t) (hyphen - text);

	floating->any_number = numbers_end > start && text[numbers_end - 1] == '*';
	floating->any_prerelease = hyphen != NULL;
	floating->numbers = (RmSpan) { start, numbers_end - start - floating->any_number };
	floating->prefix = (RmSpan) { numbers_end + 1, hyphen == NULL ? 0 : end - numbers_end - 2 };
	if (text[end - 1] != '*' || memchr(text + start, '+', end - start) != NULL)
		return rm_require_complain(error, end, "A star is expected at the end, and no build metadata.");
	if (floating->any_number && floating->numbers.len > 0 && text[numbers_end - 2] != '.')
		return rm_require_complain(error, numbers_end - 1, "A star stands for a whole number.");
	return true;
}

/* Bound the clause below by the least version that it could float to. */
static bool
set_floor(const char *text, const Floating *floating, bool inclusive, RmRequirement *requirement,
		  RmRequireClause *clause, RmParseError *error)
{
	RmDraft floor = { 0 };
	RmSpan prefix = floating->prefix;

	rm_draft_add(&floor, text + floating->numbers.start, floating->numbers.len);
	if (floating->any_number)
		rm_draft_add(&floor, "0", 1);
	if (floating->any_prerelease)
	{
		rm_draft_add(&floor, "-", 1);
		rm_draft_add(&floor, text + prefix.start, prefix.len);
		if (prefix.len == 0 || text[prefix.start + prefix.len - 1] == '.')
			rm_draft_add(&floor, "0", 1);
	}
	if (rm_require_set_version(requirement, &clause->lower, floor.text, 0, floor.len, inclusive, error))
		return true;
	error->position += floating->numbers.start;
	return false;
}

/* Bound the clause above by the last version that it could float to. */
static bool
set_ceiling(const char *text, const Floating *floating, RmRequirement *requirement, RmRequireClause *clause,
			RmParseError *error)
{
	RmSpan numbers = floating->numbers;
	RmDraft ceiling = { 0 };
	size_t last;

	if (!floating->any_number)
		return rm_require_set_bound(requirement, &clause->upper, text + numbers.start, numbers.len, true, error);
	if (numbers.len == 0)
		return true;
	numbers.len--;
	last = numbers.start + numbers.len;
	while (last > numbers.start && text[last - 1] != '.')
		last--;
	rm_draft_add(&ceiling, text + numbers.start, last - numbers.start);
	rm_draft_add_successor(&ceiling, text + last, numbers.start + numbers.len - last);
	rm_draft_add(&ceiling, "-0<", 3);
	return rm_require_set_bound(requirement, &clause->upper, ceiling.text, ceiling.len, false, error);
}

/* Bound the clause by the floating version text[start..end). */
static bool
set_floating(const char *text, size_t start, size_t end, bool inclusive, RmRequirement *requirement,
			 RmRequireClause *clause, RmParseError *error)
{
	Floating floating;

	if (!split_floating(text, start, end, &floating, error) ||
		!set_floor(text, &floating, inclusive, requirement, clause, error) ||
		!set_ceiling(text, &floating, requirement, clause, error))
		return false;
	if (!floating.any_prerelease)
		return rm_require_exclude_prereleases(requirement, NULL, NULL, error);
	clause->prefix_len = floating.prefix.len;
	clause->prefix = rm_require_keep(requirement, text + floating.prefix.start, floating.prefix.len, error);
	return clause->prefix != NULL;
}

/* Bound the clause below by text[start..end), which may float. */
static bool
set_lower(const char *text, size_t start, size_t end, bool inclusive, RmRequirement *requirement,
		  RmRequireClause *clause, RmParseError *error)
{
	if (memchr(text + start, '*', end - start) != NULL)
		return set_floating(text, start, end, inclusive, requirement, clause, error);
	return rm_require_set_version(requirement, &clause->lower, text, start, end, inclusive, error);
}

/* Read the range text[start..end), brackets included: the lower bound in one clause, the upper in another. */
static bool
parse_range(const char *text, size_t start, size_t end, RmRequirement *requirement, RmParseError *error)
{
	RmRequireClause *lower = rm_require_add_clause(requirement, error);
	RmRequireClause *upper = rm_require_add_clause(requirement, error);
	RmBrackets range;
	RmSpan from, to;
	int order;

	if (!rm_require_split_brackets(text, start, end, &range, error))
		return false;
	if (end - start == (range.single ? 2 : 3))
		return rm_require_complain(error, start, "A range has a version at one end at least.");
	from = range.lower;
	to = range.upper;
	if (from.len > 0 &&
		!set_lower(text, from.start, from.start + from.len, range.lower_inclusive, requirement, lower, error))
		return false;
	if (to.len > 0 && !rm_require_set_version(requirement, &upper->upper, text, to.start, to.start + to.len,
											  range.upper_inclusive, error))
		return false;
	if (lower->lower.text == NULL || upper->upper.text == NULL)
		return true;
	order = rm_require_compare(&lower->lower, &upper->upper);
	if (order > 0 || (order == 0 && range.lower_inclusive != range.upper_inclusive))
		return rm_require_complain(error, start, "The range that begins here holds no version.");
	return true;
}

/* Parse; see require_syntaxes.h. */
bool
rm_require_parse_nuget(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t start = 0;
	RmRequireClause *clause;

	rm_require_trim(text, &start, &len);
	if (start == len)
		return rm_require_complain(error, start, "A version, or a range in brackets, is expected.");
	if (text[start] != '[' && text[start] != '(')
	{
		clause = rm_require_add_clause(requirement, error);
		return clause != NULL && set_lower(text, start, len, true, requirement, clause, error);
	}
	if (len - start < 2 || (text[len - 1] != ']' && text[len - 1] != ')'))
		return rm_require_complain(error, len, "A closing bracket is expected at the end.");
	return parse_range(text, start, len, requirement, error);
}
