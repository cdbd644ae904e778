/*
 * copy.c
 *		The connection, and rows in the binary form of COPY.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* "PGCOPY\n\377\r\n\0", flags, length of an extension. */
#define HEADER_SIZE 19

/*
 * Connect, and begin the one transaction in which everything is read.
 *
 * Text comes in UTF-8, in which it was hashed; from a database of encoding
 * SQL_ASCII, where bytes stand for themselves, as it is.
 *
 * The tables of pending leaves are locked before the snapshot is taken, since
 * emptying one is not a change that a snapshot sees.  With row_security off,
 * a policy that would hide rows is an error.
 */
PGconn *
open_connection(const char *conninfo)
{
	PGconn *connection = PQconnectdb(conninfo);

	if (PQstatus(connection) != CONNECTION_OK)
		trouble("%s", PQerrorMessage(connection));
	PQclear(query(connection, "SET row_security = off; SET search_path = pg_catalog; "
							  "SELECT set_config('client_encoding', CASE current_setting('server_encoding') "
							  "WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false); "
							  "SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'; "
							  "SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C'; "
							  "SET quote_all_identifiers = off"));
	PQclear(query(connection,
				  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
				  "LOCK TABLE release_mgmt.ledger_pending_0, release_mgmt.ledger_pending_1 IN ACCESS SHARE MODE"));
	return connection;
}

/* Run a query, or end. */
PGresult *
query(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT)
		trouble("%s", PQerrorMessage(connection));
	return result;
}

/* Return the one value of a query; NULL where it returns no row, or NULL. */
char *
query_value(PGconn *connection, const char *sql)
{
	PGresult *result = query(connection, sql);
	char *value = NULL;

	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

/* Begin to read the rows of a SELECT. */
void
copy_begin(CopyReader *reader, PGconn *connection, const char *sql)
{
	size_t size = strlen(sql) + 64;
	char *copy = allocate(size);

	memset(reader, 0, sizeof(*reader));
	reader->connection = connection;
	snprintf(copy, size, "COPY (%s) TO STDOUT (FORMAT binary)", sql);
	PQclear(query(connection, copy));
	free(copy);
}

/* Return a big-endian number of so many bytes. */
uint64_t
get_number(const unsigned char *bytes, int len)
{
	uint64_t number = 0;

	for (int i = 0; i < len; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* Fetch the next message of the server; false at the end. */
static bool
fetch(CopyReader *reader)
{
	int len;

	if (reader->buffer)
		PQfreemem(reader->buffer);
	reader->buffer = NULL;
	len = PQgetCopyData(reader->connection, &reader->buffer, 0);
	if (len == -2)
		trouble("%s", PQerrorMessage(reader->connection));
	if (len == -1)
	{
		PGresult *result = PQgetResult(reader->connection);

		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			trouble("%s", PQerrorMessage(reader->connection));
		PQclear(result);
		PQclear(PQgetResult(reader->connection));
		return false;
	}
	reader->next = (const unsigned char *) reader->buffer;
	reader->end = reader->next + len;
	return true;
}

/* Take that many bytes of the message, or end. */
static const unsigned char *
take(CopyReader *reader, size_t len)
{
	const unsigned char *bytes = reader->next;

	if (len > (size_t) (reader->end - reader->next))
		trouble("the server sent a row that can not be read");
	reader->next += len;
	return bytes;
}

/* Read a row of so many fields, which stay until the next is read; false at the end. */
bool
copy_row(CopyReader *reader, Field *fields, int nfields)
{
	int count;

	if (!fetch(reader))
		return false;
	if (!reader->header_read)
	{
		take(reader, HEADER_SIZE);
		reader->header_read = true;
	}
	if (reader->next == reader->end && !fetch(reader))
		return false;
	count = (int16_t) get_number(take(reader, 2), 2);
	if (count == -1)
	{
		while (fetch(reader))
			;
		return false;
	}
	if (count != nfields)
		trouble("the server sent a row of %d fields instead of %d", count, nfields);
	for (int i = 0; i < nfields; i++)
	{
		fields[i].len = (int32_t) get_number(take(reader, 4), 4);
		fields[i].bytes = fields[i].len >= 0 ? take(reader, (size_t) fields[i].len) : NULL;
	}
	return true;
}
