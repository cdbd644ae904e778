/*
 * select.c
 *		The queries that fetch a governed table's rows: all of them, or those of some keys.
 *
 * Keys are looked up by the equality of the unique index, so that it is used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* Take in the next column of the key: how it is compared, and its type. */
void
add_key_column(TableSelect *select, const char *equals, const char *type)
{
	char part[32];

	snprintf(part, sizeof(part), "k.p%d::", select->nkeys);
	append_text(&select->condition, select->nkeys > 0 ? " AND " : "");
	append_text(&select->condition, equals);
	append_text(&select->condition, " ");
	append_text(&select->condition, part);
	append_text(&select->condition, type);
	append_text(&select->values, select->nkeys > 0 ? ", count(" : "count(");
	append_text(&select->values, part);
	append_text(&select->values, type);
	append_text(&select->values, ")");
	select->nkeys++;
}

/* Write the query for every row of what is read from. */
static void
select_from(Buffer *sql, const TableSelect *select)
{
	append_text(sql, "SELECT ");
	append_text(sql, (const char *) select->list.bytes);
	append_text(sql, " FROM ");
	append_text(sql, select->relation);
	append_text(sql, " AS t");
}

/* Write the query for every row. */
void
select_all_rows(Buffer *sql, const TableSelect *select)
{
	select_from(sql, select);
	if (select->rows == NULL)
		return;
	append_text(sql, " WHERE ");
	append_text(sql, select->rows);
}

/* Append the literal of the next part of a key's text; false where there is none. */
static bool
append_part(Buffer *sql, PGconn *connection, const char **next)
{
	const char *p = *next;
	char *part;
	char *literal;
	size_t len = 0;

	if (p == NULL)
		return false;
	part = allocate(strlen(p) + 1);
	for (; *p != '\0' && *p != ':'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		part[len++] = *p;
	}
	*next = *p == ':' ? p + 1 : NULL;
	literal = PQescapeLiteral(connection, part, len);
	append_text(sql, literal);
	PQfreemem(literal);
	free(part);
	return true;
}

/* Append the table k of the keys' parts, one column for each key column; false where a key has another number of them.
 */
static bool
append_keys(Buffer *sql, PGconn *connection, const TableSelect *select, const char **keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		const char *next = keys[i];

		append_text(sql, i > 0 ? ", (" : "(VALUES (");
		for (int column = 0; column < select->nkeys; column++)
		{
			append_text(sql, column > 0 ? ", " : "");
			if (!append_part(sql, connection, &next))
				return false;
		}
		if (next)
			return false;
		append_text(sql, ")");
	}
	append_text(sql, ") AS k (");
	for (int column = 0; column < select->nkeys; column++)
	{
		char name[32];

		snprintf(name, sizeof(name), "%sp%d", column > 0 ? ", " : "", column);
		append_text(sql, name);
	}
	append_text(sql, ")");
	return true;
}

/* Return whether every part of the keys is a value of its column's type, as one of a former type may not be. */
static bool
are_values(PGconn *connection, const TableSelect *select, const char *keys)
{
	Buffer sql = { 0 };
	PGresult *result;
	bool readable;

	PQclear(query(connection, "SAVEPOINT keys"));
	append_text(&sql, "SELECT ");
	append_text(&sql, (const char *) select->values.bytes);
	append_text(&sql, " FROM ");
	append_text(&sql, keys);
	result = PQexec(connection, (const char *) sql.bytes);
	readable = PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	PQclear(query(connection, readable ? "RELEASE keys" : "ROLLBACK TO keys"));
	free(sql.bytes);
	return readable;
}

/* Write the query for the rows of so many keys; false where they can not be looked up. */
bool
select_rows(Buffer *sql, PGconn *connection, const TableSelect *select, const char **keys, size_t count)
{
	Buffer list = { 0 };
	bool possible = select->has_index && append_keys(&list, connection, select, keys, count) &&
					are_values(connection, select, (const char *) list.bytes);

	if (possible)
	{
		select_from(sql, select);
		append_text(sql, " JOIN ");
		append_text(sql, (const char *) list.bytes);
		append_text(sql, " ON ");
		append_text(sql, (const char *) select->condition.bytes);
	}
	free(list.bytes);
	return possible;
}
