/*
 * vers_parse.c
 *		VERS, the version range specifier, without the server.
 *
 *		vers:<type>/<constraint>|<constraint>...
 *
 * The specification knows only canonical text, and asks tools to refuse any
 * other: no white space, constraints sorted by version, each version once,
 * comparators in an order that makes sense.
 */
#include "types/vers_parse.h"

#include <string.h>

/* Note what is wrong; always false, so that a parser can return it. */
static bool
complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* Read up to the constraints. */
bool
rm_vers_begin(const char *text, size_t len, RmVers *vers, RmParseError *error)
{
	const char *slash = len > 5 ? memchr(text + 5, '/', len - 5) : NULL;

	if (len < 5 || memcmp(text, "vers:", 5) != 0)
		return complain(error, 0, "A version range begins with vers: and the type.");
	if (slash == NULL)
		return complain(error, len, "A slash and constraints are expected after the type.");
	vers->text = text;
	vers->len = len;
	vers->at = slash - text + 1;
	vers->scheme = rm_scheme_find(text + 5, slash - text - 5);
	if (vers->scheme == RM_SCHEME_INVALID)
		return complain(error, 5, "The versions of this type are of no known scheme.");
	if (vers->at == len)
		return complain(error, len, "A constraint is expected.");
	vers->any = len - vers->at == 1 && text[vers->at] == '*';
	if (vers->any)
		vers->at = len + 1;
	return true;
}

/* Tell whether there is a constraint yet to read. */
bool
rm_vers_has_constraint(const RmVers *vers)
{
	return vers->at <= vers->len;
}

/* Read a comparator at *at; none is equality. */
static RmComparator
read_comparator(const char *text, size_t end, size_t *at)
{
	static const struct
	{
		const char *sign;
		RmComparator comparator;
	} comparators[] = {
		{ ">=", RM_COMPARE_GE }, { "<=", RM_COMPARE_LE }, { "!=", RM_COMPARE_NE },
		{ ">", RM_COMPARE_GT },  { "<", RM_COMPARE_LT },
	};

	for (size_t i = 0; i < sizeof(comparators) / sizeof(comparators[0]); i++)
	{
		size_t count = strlen(comparators[i].sign);

		if (end - *at >= count && memcmp(text + *at, comparators[i].sign, count) == 0)
		{
			*at += count;
			return comparators[i].comparator;
		}
	}
	return RM_COMPARE_EQ;
}

/* Return the value of a hexadecimal digit as canonical text has it, -1 for another character. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Read the next constraint. */
bool
rm_vers_next_constraint(RmVers *vers, RmVersConstraint *constraint, RmParseError *error)
{
	const char *text = vers->text;
	const char *pipe = memchr(text + vers->at, '|', vers->len - vers->at);
	size_t end = pipe == NULL ? vers->len : (size_t) (pipe - text);
	size_t at = vers->at;

	constraint->position = at;
	constraint->comparator = read_comparator(text, end, &at);
	constraint->len = 0;
	if (at == end)
		return complain(error, at, "A version is expected.");
	for (; at < end; at++)
	{
		char c = text[at];

		if ((unsigned char) c <= ' ' || strchr("<>=!*", c) != NULL)
			return complain(error, at, "White space is not allowed, and < > = ! * are percent-encoded in a version.");
		if (c == '%')
		{
			int high = end - at > 2 ? hex_value(text[at + 1]) : -1;
			int low = end - at > 2 ? hex_value(text[at + 2]) : -1;

			c = high < 0 || low < 0 ? '\0' : (char) (high << 4 | low);
			if (c == '\0' || strchr("<>=!*|%", c) == NULL)
				return complain(error, at, "A percent sign encodes one of < > = ! * | % in a version, in capitals.");
			at += 2;
		}
		if (constraint->len == RM_VERSION_MAX)
			return complain(error, at, "A version has at most 1000 bytes.");
		constraint->version[constraint->len++] = c;
	}
	vers->at = end + 1;
	return true;
}

/*
 * Tell whether the comparator may follow the previous one; != may stand
 * anywhere and is not asked about.
 */
bool
rm_vers_may_follow(bool has_previous, RmComparator previous, RmComparator next)
{
	bool opens = next == RM_COMPARE_GE || next == RM_COMPARE_GT;
	bool opened = has_previous && (previous == RM_COMPARE_GE || previous == RM_COMPARE_GT);

	if (next == RM_COMPARE_EQ || opens)
		return !opened;
	return !has_previous || opened;
}
