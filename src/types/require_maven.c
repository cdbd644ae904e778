/*
 * require_maven.c
 *		Requirements of Maven: version ranges, as its VersionRange reads them.
 *
 *		[1.0,2.0),[3.0,)	in ascending order, one of them must hold
 *		[1.0]				this version
 *		1.0					a recommendation, which every version satisfies
 */
#include "types/require_syntaxes.h"

#include <string.h>

/* Read the range text[start..end), brackets included, into a clause of its own. */
static bool
parse_range(const char *text, size_t start, size_t end, RmRequirement *requirement, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	RmBrackets range;
	RmSpan lower, upper;
	int order;

	if (clause == NULL || !rm_require_split_brackets(text, start, end, &range, error))
		return false;
	lower = range.lower;
	upper = range.upper;
	if ((range.single || lower.len > 0) &&
		!rm_require_set_version(requirement, &clause->lower, text, lower.start, lower.start + lower.len,
								range.lower_inclusive, error))
		return false;
	if ((range.single || upper.len > 0) &&
		!rm_require_set_version(requirement, &clause->upper, text, upper.start, upper.start + upper.len,
								range.upper_inclusive, error))
		return false;
	if (clause->lower.text == NULL || clause->upper.text == NULL)
		return true;
	order = rm_require_compare(&clause->upper, &clause->lower);
	if (order < 0 || (order == 0 && !(range.lower_inclusive && range.upper_inclusive)))
		return rm_require_complain(error, start, "The range that begins here holds no version.");
	return true;
}

/* Tell whether the last two ranges overlap; those after one without end are not asked about, as Maven has it. */
static bool
is_overlap(const RmRequirement *requirement)
{
	const RmRequireClause *last = &requirement->clauses[requirement->count - 1];

	if (requirement->count < 2 || last[-1].upper.text == NULL)
		return false;
	return last->lower.text == NULL || rm_require_compare(&last->lower, &last[-1].upper) < 0;
}

/* Read ranges, one after the other. */
static bool
parse_ranges(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t at = 0;

	while (at < len && (text[at] == '[' || text[at] == '('))
	{
		size_t start = at;

		while (at < len && text[at] != ']' && text[at] != ')')
			at++;
		if (at == len)
			return rm_require_complain(error, start, "The range that begins here has no closing bracket.");
		requirement->alternatives++;
		if (!parse_range(text, start, ++at, requirement, error))
			return false;
		if (is_overlap(requirement))
			return rm_require_complain(error, start, "Ranges are in ascending order and do not overlap.");
		rm_require_trim(text, &at, &len);
		at += at < len && text[at] == ',';
		rm_require_trim(text, &at, &len);
	}
	return at == len || rm_require_complain(error, at, "A range in brackets is expected.");
}

/* Parse; see require_syntaxes.h. */
bool
rm_require_parse_maven(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	RmVersion version;

	if (len == 0)
		return rm_require_complain(error, 0, "A version, or ranges in brackets, are expected.");
	if (text[0] != '[' && text[0] != '(')
		return rm_version_parse(RM_SCHEME_MAVEN, text, len, &version, error) &&
			   rm_require_add_interval(requirement, NULL, NULL, error);
	requirement->alternatives = 0;
	return parse_ranges(text, len, requirement, error);
}
