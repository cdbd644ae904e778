/*
 * control.c
 *		Reading of Debian control data: stanzas, fields, relations.
 *
 * deb822(5), Debian Policy 5.1 and 7.1.  Binary packages only: restrictions
 * to architectures "[...]" and build profiles "<...>" belong to source
 * packages and are an error here, as they are for dpkg.
 */
#include "library/control.h"

#include <string.h>
#include <strings.h>

/* Spaces within a value; a folded value holds line ends as well. */
static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Cut spaces at both ends. */
static RmSlice
trim(const char *from, const char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	return (RmSlice) { from, to - from };
}

/* The end of the line that begins at from. */
static const char *
line_end(const char *from, const char *end)
{
	const char *newline = memchr(from, '\n', end - from);

	return newline ? newline : end;
}

/* Whether the line from..to holds nothing but spaces. */
static bool
is_blank(const char *from, const char *to)
{
	return trim(from, to).length == 0;
}

/* Whether slice is word, case aside, as deb822(5) compares field names. */
bool
rm_slice_is(RmSlice slice, const char *word)
{
	return slice.length == strlen(word) && strncasecmp(slice.data, word, slice.length) == 0;
}

/* Begin to read control data. */
RmControl
rm_control_start(const char *text, size_t length)
{
	return (RmControl) { .at = text, .end = text + length, .line = 1 };
}

/*
 * Move to the first field of the next stanza, past what is left of this one.
 *
 * Returns false at the end and after an error.
 */
bool
rm_control_next_stanza(RmControl *control)
{
	RmSlice name;
	RmSlice value;

	while (control->inside && rm_control_next_field(control, &name, &value))
		continue;
	if (control->error != NULL)
		return false;
	while (control->at < control->end)
	{
		const char *end = line_end(control->at, control->end);

		if (!is_blank(control->at, end) && *control->at != '#')
		{
			control->inside = true;
			return true;
		}
		control->at = end < control->end ? end + 1 : end;
		control->line++;
	}
	return false;
}

/*
 * Read one field with its continuation lines.
 *
 * Returns false at the end of the stanza, and where a line is no field: then
 * error is set and line tells which.
 */
bool
rm_control_next_field(RmControl *control, RmSlice *name, RmSlice *value)
{
	const char *end;
	const char *colon;

	while (control->error == NULL && control->at < control->end && *control->at == '#')
	{
		end = line_end(control->at, control->end);
		control->at = end < control->end ? end + 1 : end;
		control->line++;
	}
	end = line_end(control->at, control->end);
	if (control->error != NULL || is_blank(control->at, end))
	{
		control->inside = false;
		return false;
	}
	if (is_space(*control->at))
	{
		control->error = "A continuation line follows no field.";
		return false;
	}
	colon = memchr(control->at, ':', end - control->at);
	if (colon == NULL || colon == control->at)
	{
		control->error = "A line is no field of the form \"Name: value\".";
		return false;
	}
	*name = trim(control->at, colon);
	control->line++;
	while (end + 1 < control->end && (end[1] == ' ' || end[1] == '\t') &&
		   !is_blank(end + 1, line_end(end + 1, control->end)))
	{
		end = line_end(end + 1, control->end);
		control->line++;
	}
	*value = trim(colon + 1, end);
	control->at = end < control->end ? end + 1 : end;
	return true;
}

/* Begin to read the value of a relation field. */
RmRelations
rm_relations_start(RmSlice value, bool alternatives_allowed)
{
	return (RmRelations) { .at = value.data,
						   .end = value.data + value.length,
						   .alternatives_allowed = alternatives_allowed };
}

/*
 * Read the next clause, that is what stands between two commas.
 *
 * A comma at the very end is let pass, as dpkg does.  Returns false at the end
 * and after an error.
 */
bool
rm_relations_next_clause(RmRelations *relations, RmSlice *clause)
{
	const char *comma;

	if (relations->error != NULL || is_blank(relations->at, relations->end))
		return false;
	comma = memchr(relations->at, ',', relations->end - relations->at);
	if (comma == NULL)
		comma = relations->end;
	*clause = trim(relations->at, comma);
	relations->at = comma < relations->end ? comma + 1 : comma;
	if (clause->length == 0)
	{
		relations->error = "A clause is empty.";
		return false;
	}
	return true;
}

/* Take the characters of a package name, architecture or version. */
static RmSlice
take_word(const char **at, const char *end, const char *punctuation)
{
	const char *from = *at;

	while (*at < end && (is_alnum(**at) || (**at != '\0' && strchr(punctuation, **at) != NULL)))
		(*at)++;
	return (RmSlice) { from, *at - from };
}

/* Read "(relation version)" after a name; returns false on a syntax error. */
static bool
take_version(const char **at, const char *end, RmAlternative *alternative)
{
	const char *from;

	(*at)++;
	while (*at < end && is_space(**at))
		(*at)++;
	from = *at;
	while (*at < end && (**at == '<' || **at == '=' || **at == '>'))
		(*at)++;
	alternative->relation = (RmSlice) { from, *at - from };

	/* Policy 7.1: the obsolete "<" and ">" mean "<=" and ">=". */
	if (rm_slice_is(alternative->relation, "<"))
		alternative->relation = (RmSlice) { "<=", 2 };
	else if (rm_slice_is(alternative->relation, ">"))
		alternative->relation = (RmSlice) { ">=", 2 };
	if (!rm_slice_is(alternative->relation, "<<") && !rm_slice_is(alternative->relation, "<=") &&
		!rm_slice_is(alternative->relation, "=") && !rm_slice_is(alternative->relation, ">=") &&
		!rm_slice_is(alternative->relation, ">>"))
		return false;

	while (*at < end && is_space(**at))
		(*at)++;
	alternative->version = take_word(at, end, ".+-:~");
	while (*at < end && is_space(**at))
		(*at)++;
	if (alternative->version.length == 0 || *at == end || **at != ')')
		return false;
	(*at)++;
	return true;
}

/*
 * Read the next alternative off the front of clause.
 *
 * Returns false at the end and on a syntax error, which is left in relations.
 */
bool
rm_clause_next_alternative(RmRelations *relations, RmSlice *clause, RmAlternative *alternative)
{
	const char *at = clause->data;
	const char *end = clause->data + clause->length;

	memset(alternative, 0, sizeof(*alternative));
	if (relations->error != NULL || at == end)
		return false;
	alternative->name = take_word(&at, end, "+-._");
	if (alternative->name.length == 0 || !is_alnum(alternative->name.data[0]))
	{
		relations->error = "A package name is expected.";
		return false;
	}
	if (at < end && *at == ':')
	{
		at++;
		alternative->architecture = take_word(&at, end, "-");
		if (alternative->architecture.length == 0)
		{
			relations->error = "An architecture is expected after the colon.";
			return false;
		}
	}
	while (at < end && is_space(*at))
		at++;
	if (at < end && *at == '(' && !take_version(&at, end, alternative))
	{
		relations->error = "A version relation has the form (>= version), with <<, <=, =, >= or >>.";
		return false;
	}
	while (at < end && is_space(*at))
		at++;
	if (at < end && *at != '|')
	{
		relations->error = "Text follows that is neither a version relation, \"|\" nor \",\".";
		return false;
	}
	if (at < end)
	{
		if (!relations->alternatives_allowed)
		{
			relations->error = "Alternatives with \"|\" are for Depends and Pre-Depends alone.";
			return false;
		}
		at++;
		while (at < end && is_space(*at))
			at++;
		if (at == end)
		{
			relations->error = "A package name is expected after \"|\".";
			return false;
		}
	}
	*clause = (RmSlice) { at, end - at };
	return true;
}
