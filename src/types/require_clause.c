/*
 * require_clause.c
 *		Requirements on versions: what parsers make clauses and bounds with.
 */
#include "types/require_syntaxes.h"

#include <string.h>

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

/* Copy text into the arena; NULL with the complaint where it is full. */
const char *
rm_require_keep(RmRequirement *requirement, const char *text, size_t len, RmParseError *error)
{
	const char *result = keep(requirement, text, len);

	if (result == NULL)
		rm_require_complain(error, RM_NO_POSITION, "The requirement is too large.");
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
	bound->text = rm_require_keep(requirement, text, len, error);
	bound->text_len = len;
	bound->key =
		(const unsigned char *) rm_require_keep(requirement, (const char *) version.key.bytes, version.key.len, error);
	bound->key_len = version.key.len;
	bound->inclusive = inclusive;
	return bound->text != NULL && bound->key != NULL;
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

/*
 * Make text[start..end), which is a version and no point between versions, a
 * bound.  What is complained of has its position in the whole text.
 */
bool
rm_require_set_version(RmRequirement *requirement, RmRequireBound *bound, const char *text, size_t start, size_t end,
					   bool inclusive, RmParseError *error)
{
	RmVersion version;

	if (rm_version_parse(requirement->scheme, text + start, end - start, &version, error))
		return rm_require_set_bound(requirement, bound, text + start, end - start, inclusive, error);
	error->position += start;
	return false;
}

/* Add a clause that takes out the pre-releases from lower (with it) to upper (without it); NULL leaves an end open. */
bool
rm_require_exclude_prereleases(RmRequirement *requirement, const char *lower, const char *upper, RmParseError *error)
{
	RmRequireClause *clause;

	if (!rm_require_add_interval(requirement, lower, upper, error))
		return false;
	clause = &requirement->clauses[requirement->count - 1];
	clause->negated = true;
	clause->prereleases_only = true;
	return true;
}

/* Compare two bounds by their versions. */
int
rm_require_compare(const RmRequireBound *a, const RmRequireBound *b)
{
	int order = memcmp(a->key, b->key, a->key_len < b->key_len ? a->key_len : b->key_len);

	if (order != 0)
		return order;
	return a->key_len < b->key_len ? -1 : a->key_len > b->key_len;
}

/* Move start and end past white space. */
void
rm_require_trim(const char *text, size_t *start, size_t *end)
{
	while (*start < *end && rm_require_is_space(text[*start]))
		(*start)++;
	while (*end > *start && rm_require_is_space(text[*end - 1]))
		(*end)--;
}

/* Take text[start..end) apart, which begins and ends with a bracket. */
bool
rm_require_split_brackets(const char *text, size_t start, size_t end, RmBrackets *brackets, RmParseError *error)
{
	const char *comma = memchr(text + start, ',', end - start);
	size_t first = start + 1;
	size_t first_end = comma == NULL ? end - 1 : (size_t) (comma - text);
	size_t second = comma == NULL ? first : first_end + 1;
	size_t second_end = end - 1;

	brackets->single = comma == NULL;
	brackets->lower_inclusive = text[start] == '[';
	brackets->upper_inclusive = text[end - 1] == ']';
	if (brackets->single && !(brackets->lower_inclusive && brackets->upper_inclusive))
		return rm_require_complain(error, start, "A single version is given in square brackets.");
	rm_require_trim(text, &first, &first_end);
	rm_require_trim(text, &second, &second_end);
	brackets->lower = (RmSpan) { first, first_end - first };
	brackets->upper = (RmSpan) { second, second_end - second };
	return true;
}

/* Tell whether c is white space, in any locale. */
bool
rm_require_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Tell whether c is a letter or a digit of ASCII, in any locale. */
bool
rm_require_is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
