/*
 * require_pep440.c
 *		Requirements of Python: version specifiers (PEP 440), all of which hold.
 *
 *		~=1.4.2, !=1.4.5, ==1.*, >=1.0, <2
 *
 * As Python's packaging has it: a local version in a candidate counts only
 * where the specifier names one; pre-releases satisfy only where a specifier
 * other than < > != names one; < and > leave out the kin of the version that
 * they name.  === compares text, not versions, and is refused.
 */
#include "types/require_partial.h"

#include <string.h>

typedef struct Sign
{
	const char *sign;
	RmComparator comparator;
	bool compatible; /* ~= */
} Sign;

static const Sign signs[] = {
	{ "~=", RM_COMPARE_GE, true },  { "==", RM_COMPARE_EQ, false }, { "!=", RM_COMPARE_NE, false },
	{ "<=", RM_COMPARE_LE, false }, { ">=", RM_COMPARE_GE, false }, { "<", RM_COMPARE_LT, false },
	{ ">", RM_COMPARE_GT, false },
};

/* Return the length of the epoch and release that text begins with; *last is where the release's last number begins. */
static size_t
measure_release(const char *text, size_t len, size_t *last)
{
	size_t at = len > 0 && (text[0] == 'v' || text[0] == 'V') ? 1 : 0;

	*last = at;
	for (; at < len; at++)
	{
		bool digit = text[at] >= '0' && text[at] <= '9';

		if (text[at] == '!' || (text[at] == '.' && at + 1 < len && text[at + 1] >= '0' && text[at + 1] <= '9'))
			*last = at + 1;
		else if (!digit)
			break;
	}
	return at;
}

/* Bound the clause to the versions whose release begins as text[0..len) does. */
static bool
set_prefix(RmRequirement *requirement, RmRequireClause *clause, const char *text, size_t len, RmParseError *error)
{
	RmDraft lower = { 0 };
	RmDraft upper = { 0 };
	size_t last;

	measure_release(text, len, &last);
	rm_draft_add(&lower, text, len);
	rm_draft_add(&lower, ".dev0", 5);
	rm_draft_add(&upper, text, last);
	rm_draft_add_successor(&upper, text + last, len - last);
	rm_draft_add(&upper, ".dev0", 5);
	return rm_require_set_bound(requirement, &clause->lower, lower.text, lower.len, true, error) &&
		   rm_require_set_bound(requirement, &clause->upper, upper.text, upper.len, false, error);
}

/* Add what ~= asks beside >=: the release, but for its last number. */
static bool
add_compatible(RmRequirement *requirement, const char *text, size_t len, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	size_t last;

	measure_release(text, len, &last);
	if (clause == NULL)
		return false;
	if (last == 0 || text[last - 1] != '.')
		return rm_require_complain(error, 0, "~= needs a version with at least two numbers.");
	return set_prefix(requirement, clause, text, last - 1, error);
}

/*
 * Bound a clause that < or > has exclude its version's kin: pre-releases of
 * it, post-releases of it, and its local versions.  The key of a version ends
 * in its final stage and the end, which the kin replace; a development version
 * has no final stage.
 */
static bool
set_exclusive(RmRequirement *requirement, RmRequireClause *clause, RmComparator comparator, const char *text,
			  size_t len, const RmVersion *version, RmParseError *error)
{
	bool below = comparator == RM_COMPARE_LT;

	clause->no_prerelease = below && !version->is_prerelease;
	clause->no_post = !below && !version->is_post;
	clause->no_local = !below;
	if (!rm_require_set_bound(requirement, below ? &clause->upper : &clause->lower, text, len, false, error) ||
		!rm_require_set_bound(requirement, &clause->kin, text, len, true, error))
		return false;
	clause->kin_len = clause->kin.key_len - (version->is_dev ? 1 : 2);
	return true;
}

/* Add the clause of one specifier. */
static bool
add_specifier(RmRequirement *requirement, const Sign *sign, const char *text, size_t len, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	RmComparator comparator = sign->comparator;
	bool equality = comparator == RM_COMPARE_EQ || comparator == RM_COMPARE_NE;
	RmDraft after = { 0 };
	RmVersion version;

	if (clause == NULL)
		return false;
	clause->negated = comparator == RM_COMPARE_NE;
	if (len > 2 && text[len - 2] == '.' && text[len - 1] == '*')
	{
		size_t last;

		if (!equality)
			return rm_require_complain(error, len - 2, ".* stands only after == and !=.");
		if (measure_release(text, len - 2, &last) != len - 2)
			return rm_require_complain(error, len - 2, ".* stands only after the release.");
		return set_prefix(requirement, clause, text, len - 2, error);
	}

	if (!rm_version_parse(RM_SCHEME_PEP440, text, len, &version, error))
		return false;
	if (version.parts[RM_PART_BUILD].len > 0 && !equality)
		return rm_require_complain(error, version.parts[RM_PART_BUILD].start - 1,
								   "A local version is named only with == and !=.");
	if (version.is_prerelease && comparator != RM_COMPARE_LT && comparator != RM_COMPARE_GT &&
		comparator != RM_COMPARE_NE)
		requirement->prereleases = true;
	if (comparator == RM_COMPARE_LT || comparator == RM_COMPARE_GT)
		return set_exclusive(requirement, clause, comparator, text, len, &version, error);

	rm_draft_add(&after, text, len);
	if (version.parts[RM_PART_BUILD].len == 0)
		rm_draft_add(&after, ">", 1);
	if ((equality || comparator == RM_COMPARE_GE) &&
		!rm_require_set_bound(requirement, &clause->lower, text, len, true, error))
		return false;
	if (comparator != RM_COMPARE_GE &&
		!rm_require_set_bound(requirement, &clause->upper, after.text, after.len, true, error))
		return false;
	return !sign->compatible || add_compatible(requirement, text, len, error);
}

/* Read the specifier text[start..end). */
static bool
parse_specifier(const char *text, size_t start, size_t end, RmRequirement *requirement, RmParseError *error)
{
	const Sign *sign = NULL;

	rm_require_trim(text, &start, &end);
	if (start == end)
		return true;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && sign == NULL; i++)
	{
		if (end - start >= strlen(signs[i].sign) && memcmp(text + start, signs[i].sign, strlen(signs[i].sign)) == 0)
			sign = &signs[i];
	}
	if (sign == NULL)
		return rm_require_complain(error, start, "One of ~= == != <= >= < > is expected.");
	start += strlen(sign->sign);
	if (sign->comparator == RM_COMPARE_EQ && start < end && text[start] == '=')
		return rm_require_complain(error, start - 2, "=== compares text, not versions; use ==.");
	while (start < end && rm_require_is_space(text[start]))
		start++;
	if (add_specifier(requirement, sign, text + start, end - start, error))
		return true;
	if (error->position != RM_NO_POSITION)
		error->position += start;
	return false;
}

/* Parse; see require_syntaxes.h.  No specifier at all admits every version but pre-releases. */
bool
rm_require_parse_pep440(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t start = 0;

	while (start <= len)
	{
		const char *comma = memchr(text + start, ',', len - start);
		size_t end = comma == NULL ? len : (size_t) (comma - text);

		if (!parse_specifier(text, start, end, requirement, error))
			return false;
		start = end + 1;
	}
	return true;
}
