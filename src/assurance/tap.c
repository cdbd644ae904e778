/*
 * tap.c
 *		Read the output of a test: Test Anything Protocol, versions 12, 13 and 14.
 *
 * Meant for a gate, so every doubt is a failure: no plan, two plans, a plan
 * amid the test points, a repeated or unplanned test point, a bail out (also
 * in a subtest), an unknown version.  Indented lines are diagnostics or
 * subtests, and a subtest speaks through the test point that ends it.  Other
 * lines are not TAP and are ignored, as the specification has it.  Linear in
 * the length of the text, but for sorting the numbers of the test points.
 */
#include "postgres.h"

#include "assurance/tap.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* How many findings of one kind are spelled out, and how much of a line each shows. */
#define SHOWN_FINDINGS 10
#define SHOWN_BYTES 80

/* Larger numbers are no test numbers; they are read as this one. */
#define MAX_NUMBER INT64CONST(999999999999)

typedef struct Line
{
	const char *at;
	const char *end;
} Line;

/* What a test point says of itself; of two with the same number the first in this order is believed. */
typedef enum Outcome
{
	NOT_OK,
	TO_DO,
	SKIP,
	OK
} Outcome;

typedef struct Point
{
	int64 number;
	Outcome outcome;
} Point;

typedef struct Reader
{
	RmTap *tap;
	Point *points;
	int64 count;
	int64 room;
	int64 planned; /* -1 until there is a plan */
	bool plan_after_point;
	bool plan_amid;
	bool bailed_out;
	bool bare_not; /* the line before is "not" alone */
	int64 not_ok;
} Reader;

/* Does the character separate words within a line? */
static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* Does the character belong to a word? */
static inline bool
is_word(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_';
}

/* Take the prefix off the line if it stands there; ASCII letters may differ in case where fold says so. */
static bool
take(Line *line, const char *prefix, bool fold)
{
	size_t len = strlen(prefix);

	if (line->end - line->at < len)
		return false;
	if (fold ? pg_strncasecmp(line->at, prefix, len) != 0 : memcmp(line->at, prefix, len) != 0)
		return false;
	line->at += len;
	return true;
}

/* Take what separates words; true if there was any. */
static bool
take_blanks(Line *line)
{
	const char *from = line->at;

	while (line->at < line->end && is_blank(*line->at))
		line->at++;
	return line->at > from;
}

/* Take a decimal number, not longer than the line; false if there is none. */
static bool
take_number(Line *line, int64 *number)
{
	const char *from = line->at;
	int64 value = 0;

	while (line->at < line->end && *line->at >= '0' && *line->at <= '9')
	{
		value = Min(value * 10 + (*line->at - '0'), MAX_NUMBER);
		line->at++;
	}
	*number = value;
	return line->at > from;
}

/* Add to the findings, "; " between. */
static void pg_attribute_printf(2, 3) find(RmTap *tap, const char *format, ...)
{
	va_list args;
	int needed;

	if (tap->findings.len > 0)
		appendStringInfoString(&tap->findings, "; ");
	for (;;)
	{
		va_start(args, format);
		needed = appendStringInfoVA(&tap->findings, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&tap->findings, needed);
	}
}

/* The stream itself is wrong. */
#define REJECT(tap, ...) (find(tap, __VA_ARGS__), (tap)->unreadable = true)

/* The rest of the line for a finding: trimmed, and clipped between characters. */
static char *
show(Line line)
{
	size_t len;

	take_blanks(&line);
	while (line.end > line.at && is_blank(line.end[-1]))
		line.end--;
	len = line.end - line.at;
	return pnstrdup(line.at, len > SHOWN_BYTES ? pg_mbcliplen(line.at, len, SHOWN_BYTES) : len);
}

/*
 * Find the directive of a test point's description: after the first '#' that
 * stands behind a blank and is not escaped.  OK where there is none.
 *
 * TAP 14, "Whitespace Around Directive Delimiter" and "Escaping".
 */
static Outcome
read_directive(Line line)
{
	bool blank_before = true;
	bool escaped = false;

	for (; line.at < line.end; line.at++)
	{
		if (*line.at == '#' && !escaped && blank_before)
		{
			line.at++;
			take_blanks(&line);
			return take(&line, "skip", true) ? SKIP : take(&line, "todo", true) ? TO_DO : OK;
		}
		escaped = *line.at == '\\' && !escaped;
		blank_before = is_blank(*line.at);
	}
	return OK;
}

/* A line "ok ..." or "not ok ...". */
static bool
read_point(Reader *reader, Line line)
{
	bool ok = !take(&line, "not ", false) && !reader->bare_not;
	Line rest;
	Point point;

	if (!take(&line, "ok", false) || (line.at < line.end && is_word(*line.at)))
		return false;

	rest = line;
	if (take_blanks(&rest) && take_number(&rest, &point.number) && (rest.at == rest.end || !is_word(*rest.at)))
		line = rest;
	else
		point.number = reader->count + 1;

	point.outcome = read_directive(line);
	if (point.outcome == OK && !ok)
	{
		point.outcome = NOT_OK;
		if (reader->not_ok++ < SHOWN_FINDINGS)
		{
			char *description = show(line);

			if (description[0] == '-' && is_blank(description[1]))
				description += 2;
			find(reader->tap, description[0] == '\0' ? "not ok " INT64_FORMAT : "not ok " INT64_FORMAT " %s",
				 point.number, description);
		}
	}

	if (reader->count == reader->room)
	{
		reader->room *= 2;
		reader->points = repalloc_huge(reader->points, sizeof(Point) * reader->room);
	}
	reader->points[reader->count++] = point;
	reader->plan_amid |= reader->plan_after_point;
	return true;
}

/* A line "1..N". */
static bool
read_plan(Reader *reader, Line line)
{
	int64 planned;

	if (!take(&line, "1..", false) || !take_number(&line, &planned))
		return false;
	take_blanks(&line);
	if (line.at < line.end && *line.at != '#')
		return false;

	if (reader->planned >= 0)
		REJECT(reader->tap, "a second plan");
	else
	{
		reader->planned = planned;
		reader->plan_after_point = reader->count > 0;
		if (planned == 0)
		{
			if (line.at < line.end)
				line.at++;
			take_blanks(&line);
			find(reader->tap, line.at < line.end ? "all skipped: %s" : "all skipped", show(line));
		}
	}
	return true;
}

/* One line of any kind, its end left out. */
static void
read_line(Reader *reader, Line line, bool first)
{
	Line whole = line;
	bool indented = take_blanks(&line);
	int64 version;

	if (take(&line, "bail out!", true))
	{
		char *reason = show(line);

		REJECT(reader->tap, reason[0] == '\0' ? "bailed out" : "bailed out: %s", reason);
		reader->bailed_out = true;
	}
	else if (indented)
		return;
	else if (take(&line, "tap version ", true))
	{
		take_blanks(&line);
		if (!first)
			REJECT(reader->tap, "a version line that is not the first line");
		else if (!take_number(&line, &version) || line.at < line.end || version < 13 || version > 14)
			REJECT(reader->tap, "unknown version \"%s\"", show(whole));
	}
	else if (!read_point(reader, line))
		(void) read_plan(reader, line);

	/* Some systems write "not" and "ok" on two lines. */
	reader->bare_not = take(&whole, "not", false);
	take_blanks(&whole);
	reader->bare_not &= whole.at == whole.end;
}

/* Order test points by number, the worst first among equals. */
static int
compare_points(const void *a, const void *b)
{
	const Point *x = a;
	const Point *y = b;

	if (x->number != y->number)
		return x->number > y->number ? 1 : -1;
	return (int) x->outcome - (int) y->outcome;
}

/* Numbers for a finding, as ranges; only the beginning of a long list is shown. */
typedef struct NumberList
{
	StringInfoData text;
	int ranges;
} NumberList;

/* Add the numbers from one to another, if there are any. */
static void
list_numbers(NumberList *list, int64 from, int64 to)
{
	if (from > to || list->ranges > SHOWN_FINDINGS)
		return;
	if (list->ranges++ == SHOWN_FINDINGS)
		appendStringInfoString(&list->text, ", ...");
	else
	{
		appendStringInfo(&list->text, "%s" INT64_FORMAT, list->text.len > 0 ? ", " : "", from);
		if (from < to)
			appendStringInfo(&list->text, "-" INT64_FORMAT, to);
	}
}

/* Count the test points that were read, and hold them against the plan if there is one. */
static void
count_points(Reader *reader)
{
	RmTap *tap = reader->tap;
	NumberList missing = { 0 };
	NumberList unplanned = { 0 };
	NumberList repeated = { 0 };
	int64 last = 0; /* the greatest number that was planned and read */

	initStringInfo(&missing.text);
	initStringInfo(&unplanned.text);
	initStringInfo(&repeated.text);
	qsort(reader->points, reader->count, sizeof(Point), compare_points);
	for (int64 i = 0; i < reader->count; i++)
	{
		Point point = reader->points[i];
		bool again = i > 0 && point.number == reader->points[i - 1].number;

		if (again)
		{
			list_numbers(&repeated, point.number, point.number);
			point.outcome = NOT_OK;
		}
		else if (reader->planned >= 0 && (point.number < 1 || point.number > reader->planned))
		{
			list_numbers(&unplanned, point.number, point.number);
			point.outcome = NOT_OK;
		}
		else if (reader->planned >= 0)
		{
			list_numbers(&missing, last + 1, point.number - 1);
			tap->failed += point.number - 1 - last;
			last = point.number;
		}
		switch (point.outcome)
		{
			case NOT_OK:
				tap->failed++;
				break;
			case TO_DO:
				tap->todo++;
				break;
			case SKIP:
				tap->skipped++;
				break;
			case OK:
				tap->passed++;
				break;
		}
	}
	if (reader->planned >= 0)
	{
		list_numbers(&missing, last + 1, reader->planned);
		tap->failed += reader->planned - last;
	}

	if (reader->not_ok > SHOWN_FINDINGS)
		find(tap, INT64_FORMAT " more not ok", reader->not_ok - SHOWN_FINDINGS);
	if (missing.ranges > 0)
		find(tap, "missing: %s", missing.text.data);
	if (unplanned.ranges > 0)
		find(tap, "not in the plan: %s", unplanned.text.data);
	if (repeated.ranges > 0)
		find(tap, "repeated: %s", repeated.text.data);
}

/*
 * Read the output of a test, which need not be well formed in any way.
 */
void
rm_tap_parse(const char *text, size_t len, RmTap *tap)
{
	const char *end = text + len;
	const char *at = text;
	Reader reader = { .tap = tap, .room = 64, .planned = -1 };

	memset(tap, 0, sizeof(*tap));
	initStringInfo(&tap->findings);
	reader.points = palloc(sizeof(Point) * reader.room);

	while (at < end && !reader.bailed_out)
	{
		Line line = { at, at };

		while (line.end < end && *line.end != '\n' && *line.end != '\r')
			line.end++;
		read_line(&reader, line, at == text);
		at = line.end < end ? line.end + 1 : end;
		if (at < end && at[-1] == '\r' && at[0] == '\n')
			at++;
	}

	count_points(&reader);
	if (reader.planned < 0 && !reader.bailed_out)
		REJECT(tap, "no plan");
	if (reader.plan_amid)
		REJECT(tap, "the plan stands amid the test points");
	if (tap->findings.len == 0 && tap->passed == 0)
		find(tap, "every test was skipped or is to do");
	pfree(reader.points);
}
