/*
 * shown_rows.c
 *		The rows that evidence shows, held against the images that its proofs cover.
 *
 * A line for each row, {"key": <text key>, "row": {<column>: <value or null>, ...}},
 * every value as text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* A column's value. */
typedef struct ShownValue
{
	Buffer column;
	Buffer text;
	bool is_null;
} ShownValue;

typedef struct ShownRow
{
	char *table;
	Buffer key;
	ShownValue *values;
	int nvalues;
	bool is_proved;
} ShownRow;

struct ShownRows
{
	ShownRow *row;
	size_t count;
};

/* Take blanks, then the character; false where another one stands there. */
static bool
take_mark(const char **next, const char *end, char mark)
{
	while (*next < end && **next == ' ')
		++*next;
	if (*next == end || **next != mark)
		return false;
	++*next;
	return true;
}

/* Append the character of that number in UTF-8; jsonb writes control characters alone so. */
static bool
append_code(Buffer *text, const char *digits, const char *end)
{
	unsigned int code;
	unsigned char byte;

	if (end - digits < 4 || sscanf(digits, "%4x", &code) != 1 || code > 0x7F)
		return false;
	byte = (unsigned char) code;
	append(text, &byte, 1);
	return true;
}

/* Take a JSON string; false where there is none. */
static bool
take_string(const char **next, const char *end, Buffer *text)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char characters[] = "\"\\/\b\f\n\r\t";

	if (!take_mark(next, end, '"'))
		return false;
	append_text(text, "");
	for (; *next < end && **next != '"'; ++*next)
	{
		const char *escape;

		if (**next != '\\')
		{
			append(text, *next, 1);
			continue;
		}
		if (++*next == end)
			return false;
		escape = strchr(escapes, **next);
		if (escape)
			append(text, &characters[escape - escapes], 1);
		else if (**next == 'u' && append_code(text, *next + 1, end))
			*next += 4;
		else
			return false;
	}
	append_text(text, "");
	return take_mark(next, end, '"');
}

/* Take the object of the row's values; false where there is none. */
static bool
take_values(const char **next, const char *end, ShownRow *row)
{
	if (!take_mark(next, end, '{'))
		return false;
	while (!take_mark(next, end, '}'))
	{
		ShownValue value = { 0 };

		if ((row->nvalues > 0 && !take_mark(next, end, ',')) || !take_string(next, end, &value.column) ||
			!take_mark(next, end, ':'))
			return false;
		if (end - *next >= 5 && strncmp(*next, " null", 5) == 0)
		{
			value.is_null = true;
			*next += 5;
		}
		else if (!take_string(next, end, &value.text))
			return false;
		row->values = realloc(row->values, sizeof(ShownValue) * (size_t) (row->nvalues + 1));
		if (row->values == NULL)
			trouble("out of memory");
		row->values[row->nvalues++] = value;
	}
	return true;
}

/* Take a line; false where it is no row. */
static bool
take_row(const char *line, const char *end, ShownRow *row)
{
	Buffer label = { 0 };
	bool taken = take_mark(&line, end, '{') && take_string(&line, end, &label) &&
				 strcmp((char *) label.bytes, "key") == 0 && take_mark(&line, end, ':') &&
				 take_string(&line, end, &row->key) && take_mark(&line, end, ',');

	label.len = 0;
	taken = taken && take_string(&line, end, &label) && strcmp((char *) label.bytes, "row") == 0 &&
			take_mark(&line, end, ':') && take_values(&line, end, row) && take_mark(&line, end, '}') && line == end;
	free(label.bytes);
	return taken;
}

/* Take in the rows of a table; returns false where a line is none. */
bool
add_shown_rows(ShownRows **rows, const char *table, const char *text, size_t len)
{
	const char *end = text + len;

	if (*rows == NULL)
		*rows = allocate(sizeof(ShownRows));
	while (text < end)
	{
		const char *line_end = memchr(text, '\n', (size_t) (end - text));
		ShownRow row = { 0 };

		if (line_end == NULL || !take_row(text, line_end, &row))
			return false;
		row.table = strdup(table);
		(*rows)->row = realloc((*rows)->row, sizeof(ShownRow) * ((*rows)->count + 1));
		if ((*rows)->row == NULL)
			trouble("out of memory");
		(*rows)->row[(*rows)->count++] = row;
		text = line_end + 1;
	}
	return true;
}

/* Order rows by table and key. */
static int
compare_rows(const void *a, const void *b)
{
	const ShownRow *x = a;
	const ShownRow *y = b;
	int order = strcmp(x->table, y->table);

	return order != 0 ? order : strcmp((char *) x->key.bytes, (char *) y->key.bytes);
}

/* Put the rows in order, so that they are found; a row that is shown twice is reported. */
void
sort_shown_rows(ShownRows *rows)
{
	if (rows == NULL)
		return;
	qsort(rows->row, rows->count, sizeof(ShownRow), compare_rows);
	for (size_t i = 1; i < rows->count; i++)
	{
		if (compare_rows(&rows->row[i - 1], &rows->row[i]) == 0)
			finding("row shown twice", -1, rows->row[i].table, (char *) rows->row[i].key.bytes, NULL);
	}
}

/* Return the value that is shown of a column, NULL where none is. */
static const ShownValue *
find_value(const ShownRow *row, const Pair *pair)
{
	for (int i = 0; i < row->nvalues; i++)
	{
		const ShownValue *value = &row->values[i];

		if (value->column.len == pair->key_len && memcmp(value->column.bytes, pair->key, pair->key_len) == 0)
			return value->is_null ? NULL : value;
	}
	return NULL;
}

/* Report that a row shows something else than was proved. */
static void
report_row(const ShownRow *row, const char *column, size_t len)
{
	char *detail = allocate(len + 64);

	snprintf(detail, len + 64, "column %.*s is not what the proof covers", (int) len, column);
	finding("row shown otherwise", -1, row->table, (char *) row->key.bytes, detail);
	free(detail);
}

/* Hold the row that the proof of its last change covers against the one that is shown, if it is. */
void
check_shown_row(ShownRows *rows, const char *table, const Proof *proof)
{
	ShownRow wanted = { .table = (char *) table };
	const unsigned char *next = proof->row.bytes + 1;
	ShownRow *row;
	int present = 0;
	int found = 0;
	Pair pair;

	append(&wanted.key, proof->change.key, proof->change.key_len);
	append_text(&wanted.key, "");
	row = rows ? bsearch(&wanted, rows->row, rows->count, sizeof(ShownRow), compare_rows) : NULL;
	free(wanted.key.bytes);
	if (row == NULL || proof->row.len < 1)
		return;
	row->is_proved = true;
	while (take_pair(&next, proof->row.bytes + proof->row.len, &pair))
	{
		const ShownValue *value = find_value(row, &pair);

		present++;
		if (value == NULL || !is_text_of(&pair, (char *) value->text.bytes, value->text.len))
			report_row(row, pair.key, pair.key_len);
	}
	for (int i = 0; i < row->nvalues; i++)
		found += !row->values[i].is_null;
	if (found > present)
		finding("row shown otherwise", -1, row->table, (char *) row->key.bytes,
				"it shows columns that are NULL in what the proof covers");
}

/* Name the rows that are shown and that no proof covers. */
void
report_unproved_rows(const ShownRows *rows)
{
	for (size_t i = 0; rows && i < rows->count; i++)
	{
		if (!rows->row[i].is_proved)
			finding("row not proved", -1, rows->row[i].table, (char *) rows->row[i].key.bytes,
					"no proof of its last change is there");
	}
}
