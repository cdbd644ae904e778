/*
 * require_partial.c
 *		Semantic versions whose numbers may be missing, and the bounds that are made of them.
 *
 * Bounds are written as text, for rm_version_parse_bound to read.
 */
#include "types/require_partial.h"

#include <string.h>

/* Append. */
void
rm_draft_add(RmDraft *draft, const char *text, size_t len)
{
	memcpy(draft->text + draft->len, text, len);
	draft->len += len;
}

/* Append the number that digits stand for, plus one. */
void
rm_draft_add_successor(RmDraft *draft, const char *digits, size_t len)
{
	size_t first = draft->len;
	size_t at;

	rm_draft_add(draft, "0", 1);
	rm_draft_add(draft, digits, len);
	for (at = draft->len - 1; draft->text[at] == '9'; at--)
		draft->text[at] = '0';
	draft->text[at]++;
	if (draft->text[first] == '0' && len > 0)
	{
		memmove(draft->text + first, draft->text + first + 1, draft->len - first - 1);
		draft->len--;
	}
}

/* Write the version, 0 for what is missing, with its pre-release. */
void
rm_partial_write_floor(RmDraft *draft, const char *text, const RmPartial *partial)
{
	for (int i = 0; i < 3; i++)
	{
		if (i > 0)
			rm_draft_add(draft, ".", 1);
		if (partial->numbers[i].len == 0)
			rm_draft_add(draft, "0", 1);
		else
			rm_draft_add(draft, text + partial->numbers[i].start, partial->numbers[i].len);
	}
	rm_draft_add(draft, text + partial->prerelease.start, partial->prerelease.len);
	rm_draft_add(draft, "", 1);
}

/*
 * Write the first version after those that agree in the numbers up to this
 * one, and a suffix; -0 is its least pre-release.
 */
void
rm_partial_write_ceiling(RmDraft *draft, const char *text, const RmPartial *partial, int number, const char *suffix)
{
	for (int i = 0; i < 3; i++)
	{
		RmSpan span = partial->numbers[i];

		if (i > 0)
			rm_draft_add(draft, ".", 1);
		if (i < number)
			rm_draft_add(draft, text + span.start, span.len);
		else if (i == number)
			rm_draft_add_successor(draft, text + span.start, span.len);
		else
			rm_draft_add(draft, "0", 1);
	}
	rm_draft_add(draft, suffix, strlen(suffix) + 1);
}

/* Return how many of the numbers are given. */
int
rm_partial_count(const RmPartial *partial)
{
	int count = 0;

	while (count < 3 && partial->numbers[count].len > 0)
		count++;
	return count;
}

/* Tell whether a number is zero. */
bool
rm_partial_is_zero(const char *text, RmSpan span)
{
	return span.len == 1 && text[span.start] == '0';
}

/* Add the clause from the version up to the successor in that number. */
bool
rm_partial_add_up_to(const char *text, const RmPartial *partial, int number, RmRequirement *requirement,
					 RmParseError *error)
{
	RmDraft lower = { 0 };
	RmDraft upper = { 0 };

	rm_partial_write_floor(&lower, text, partial);
	rm_partial_write_ceiling(&upper, text, partial, number, "-0");
	return rm_require_add_interval(requirement, lower.text, upper.text, error);
}

/* Add the clause of a comparison with a whole version. */
bool
rm_partial_add_comparison(const char *text, const RmPartial *partial, RmComparator comparator,
						  RmRequirement *requirement, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	bool lower = comparator == RM_COMPARE_GE || comparator == RM_COMPARE_GT || comparator == RM_COMPARE_EQ;
	bool upper = comparator == RM_COMPARE_LE || comparator == RM_COMPARE_LT || comparator == RM_COMPARE_EQ;
	RmDraft version = { 0 };

	rm_partial_write_floor(&version, text, partial);
	return clause != NULL &&
		   (!lower || rm_require_set_bound(requirement, &clause->lower, version.text, version.len - 1,
										   comparator != RM_COMPARE_GT, error)) &&
		   (!upper || rm_require_set_bound(requirement, &clause->upper, version.text, version.len - 1,
										   comparator != RM_COMPARE_LT, error));
}
