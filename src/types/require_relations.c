/*
 * require_relations.c
 *		Requirements of Debian and RPM packages: relations to a version, all of which hold.
 *
 *		>= 1.2, << 2.0		Debian Policy 7.1; parentheses around a relation are taken
 *		>= 1.2, < 2.0		RPM, and versions of no known scheme
 *
 * RPM compares releases only where both sides have one (rpmds.c).  A relation
 * to a version without release takes all its releases for that version; a
 * version without release meets every relation to a release of it.
 */
#include "types/require_syntaxes.h"

#include <string.h>

typedef struct Relation
{
	const char *sign;
	RmComparator comparator;
} Relation;

/* Where one sign begins another, the longer stands first.  < and > are dpkg's old way to write <= and >=. */
static const Relation debian_relations[] = {
	{ "<<", RM_COMPARE_LT }, { "<=", RM_COMPARE_LE }, { ">>", RM_COMPARE_GT }, { ">=", RM_COMPARE_GE },
	{ "=", RM_COMPARE_EQ },  { "<", RM_COMPARE_LE },  { ">", RM_COMPARE_GE },  { NULL, RM_COMPARE_EQ },
};
static const Relation other_relations[] = {
	{ "<=", RM_COMPARE_LE }, { ">=", RM_COMPARE_GE }, { "==", RM_COMPARE_EQ }, { "=", RM_COMPARE_EQ },
	{ "<", RM_COMPARE_LT },  { ">", RM_COMPARE_GT },  { NULL, RM_COMPARE_EQ },
};

/* Skip blanks. */
static void
skip_blanks(const char *text, size_t len, size_t *at)
{
	while (*at < len && (text[*at] == ' ' || text[*at] == '\t'))
		(*at)++;
}

/* Add the clause of one relation to the version text[start..start + len). */
static bool
add_relation(RmRequirement *requirement, RmComparator comparator, const char *text, size_t len, RmParseError *error)
{
	RmRequireClause *clause = rm_require_add_clause(requirement, error);
	const char *hyphen = memchr(text, '-', len);
	bool is_rpm = requirement->scheme == RM_SCHEME_RPM;
	char after[RM_VERSION_MAX + 1];

	if (clause == NULL)
		return false;
	if (is_rpm && hyphen == NULL && len < RM_VERSION_MAX)
	{
		/* The point after all releases of the version. */
		memcpy(after, text, len);
		after[len] = '>';
		if (comparator == RM_COMPARE_EQ)
			return rm_require_set_bound(requirement, &clause->lower, text, len, true, error) &&
				   rm_require_set_bound(requirement, &clause->upper, after, len + 1, true, error);
		if (comparator == RM_COMPARE_LE)
			return rm_require_set_bound(requirement, &clause->upper, after, len + 1, true, error);
		if (comparator == RM_COMPARE_GT)
			return rm_require_set_bound(requirement, &clause->lower, after, len + 1, false, error);
	}
	if (is_rpm && hyphen != NULL && !rm_require_set_bound(requirement, &clause->also, text, hyphen - text, true, error))
		return false;
	if ((comparator == RM_COMPARE_GE || comparator == RM_COMPARE_GT || comparator == RM_COMPARE_EQ) &&
		!rm_require_set_bound(requirement, &clause->lower, text, len, comparator != RM_COMPARE_GT, error))
		return false;
	return (comparator == RM_COMPARE_GE || comparator == RM_COMPARE_GT) ||
		   rm_require_set_bound(requirement, &clause->upper, text, len, comparator != RM_COMPARE_LT, error);
}

/* Read one relation at *at, up to the comma or the end. */
static bool
parse_relation(const char *text, size_t len, size_t *at, RmRequirement *requirement, RmParseError *error)
{
	const Relation *relation = requirement->scheme == RM_SCHEME_DEB ? debian_relations : other_relations;
	bool parenthesis = *at < len && text[*at] == '(';
	size_t start;

	*at += parenthesis;
	skip_blanks(text, len, at);
	while (relation->sign != NULL &&
		   (len - *at < strlen(relation->sign) || memcmp(text + *at, relation->sign, strlen(relation->sign)) != 0))
		relation++;
	if (relation->sign == NULL)
		return rm_require_complain(error, *at,
								   requirement->scheme == RM_SCHEME_DEB ? "One of << <= = >= >> is expected."
																		: "One of < <= = >= > is expected.");
	*at += strlen(relation->sign);
	skip_blanks(text, len, at);
	start = *at;
	while (*at < len && strchr(" \t,)<>", text[*at]) == NULL)
		(*at)++;
	if (*at == start)
		return rm_require_complain(error, start, "A version is expected.");
	if (!add_relation(requirement, relation->comparator, text + start, *at - start, error))
	{
		if (error->position != RM_NO_POSITION)
			error->position += start;
		return false;
	}
	skip_blanks(text, len, at);
	if (parenthesis && (*at == len || text[*at] != ')'))
		return rm_require_complain(error, *at, "A closing parenthesis is expected.");
	*at += parenthesis;
	skip_blanks(text, len, at);
	return true;
}

/* Parse; see require_syntaxes.h. */
bool
rm_require_parse_relations(const char *text, size_t len, RmRequirement *requirement, RmParseError *error)
{
	size_t at = 0;

	for (;;)
	{
		skip_blanks(text, len, &at);
		if (!parse_relation(text, len, &at, requirement, error))
			return false;
		if (at == len)
			return true;
		if (text[at] != ',')
			return rm_require_complain(error, at, "A comma is expected between relations.");
		at++;
	}
}
