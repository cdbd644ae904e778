/*
 * tables.c
 *		The live rows of governed tables, brought into their canonical form.
 *
 * Which columns a table's digests speak of is read from table_version, whose
 * own rows are in the ledger.  Values of the listed types come in their binary
 * form, which is the canonical one; of all others the output text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define LONGEST_PLAIN_VALUE 1024

/* How many rows are looked up by their keys at once. */
#define KEYS_AT_ONCE 1000

typedef struct Column
{
	char *key;
	char tag;
} Column;

/* Append the pair of column key and value; a long value by its hash. */
static void
append_pair(Buffer *row, const Column *column, const Field *value)
{
	unsigned char hash[RM_SHA256_SIZE];
	RmHashPiece pieces[2] = { { &column->tag, 1 }, { value->bytes, (size_t) value->len } };
	bool is_string = column->tag == 'S' || column->tag == 'X' || column->tag == 'O';

	append_number(row, strlen(column->key), 2);
	append(row, column->key, strlen(column->key));
	if (is_string && value->len > LONGEST_PLAIN_VALUE)
	{
		if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, hash))
			trouble("OpenSSL can not hash");
		append(row, "H", 1);
		append_number(row, RM_SHA256_SIZE, 4);
		append(row, hash, RM_SHA256_SIZE);
		return;
	}
	append(row, &column->tag, 1);
	append_number(row, (uint64_t) value->len, 4);
	append(row, value->bytes, (size_t) value->len);
}

/* Append a key column's text; ':' and '\' in it are escaped with '\'. */
static void
append_key(Buffer *key, const Field *value, bool first)
{
	if (!first)
		append(key, ":", 1);
	for (int i = 0; i < value->len; i++)
	{
		if (value->bytes[i] == ':' || value->bytes[i] == '\\')
			append(key, "\\", 1);
		append(key, value->bytes + i, 1);
	}
}

/* Read the table's rows: first its key columns as text, then its columns in the order of their keys. */
static void
read_rows(PGconn *connection, const unsigned char *table_id, const char *source, const char *select, int nkeys,
		  const Column *columns, int ncolumns, uint64_t *done)
{
	Field *fields = allocate(sizeof(Field) * (size_t) (nkeys + ncolumns));
	Buffer key = { 0 };
	Buffer row = { 0 };
	CopyReader reader;

	copy_begin(&reader, connection, select);
	while (copy_row(&reader, fields, nkeys + ncolumns))
	{
		key.len = row.len = 0;
		for (int i = 0; i < nkeys; i++)
			append_key(&key, &fields[i], i == 0);
		append(&row, "\001", 1);
		for (int i = 0; i < ncolumns; i++)
		{
			if (fields[nkeys + i].len >= 0)
				append_pair(&row, &columns[i], &fields[nkeys + i]);
		}
		check_row(table_id, source, key.bytes, key.len, row.bytes, row.len);
		progress("rows", ++*done, known_rows());
	}
	free(fields);
	free(key.bytes);
	free(row.bytes);
}

/*
 * The present version of each governed table, one row for each column, key
 * columns first: id, source, position of a key column or NULL, column key,
 * tag, and the expression that fetches it; of a key column also its equality
 * and its type, where an index has them; then what its rows are read from, and
 * which of them.  An inheritance child with columns of its own is read by
 * itself, and stands behind the rest of its table.  concat() writes a value with its
 * type's output function, which a cast to text does not always use; a "char"
 * outside ASCII is \\ooo in every version.
 */
static const char tables_query[] =
	"WITH last AS ("
	"  SELECT DISTINCT ON (v.table_id) v.* FROM release_mgmt.table_version AS v ORDER BY v.table_id, v.version DESC), "
	"listed AS ("
	"  SELECT l.table_id, l.source, p.relation, p.condition, "
	"         c.key, c.name, array_position(l.key_columns, c.name) AS key_position, a.attrelid, "
	"         a.attnum, (WITH RECURSIVE domain AS ("
	"           SELECT t.oid, t.typbasetype FROM pg_type AS t WHERE t.oid = a.atttypid "
	"           UNION ALL SELECT t.oid, t.typbasetype FROM domain AS d JOIN pg_type AS t ON t.oid = d.typbasetype) "
	"          SELECT d.oid FROM domain AS d WHERE d.typbasetype = 0) AS base "
	"  FROM last AS l "
	"  CROSS JOIN LATERAL ("
	"    SELECT l.source AS relation, "
	"           CASE WHEN l.child_sources IS NOT NULL "
	"                THEN format('t.tableoid <> ALL (%L::regclass[])', l.child_sources) END AS condition "
	"    UNION "
	"    SELECT s, format('t.tableoid = %L::regclass', s) FROM unnest(l.child_sources) AS s) AS p "
	"  CROSS JOIN LATERAL ("
	"    SELECT o.key, o.name FROM unnest(l.column_keys, l.column_names) AS o (key, name) "
	"    UNION ALL "
	"    SELECT o.key, o.name FROM unnest(l.child_sources, l.child_keys, l.child_names) AS o (source, key, name) "
	"    WHERE o.source = p.relation) AS c "
	"  JOIN pg_attribute AS a ON a.attrelid = to_regclass(p.relation) AND a.attname = c.name "
	"  WHERE l.governed), "
	"tagged AS ("
	"  SELECT listed.*, "
	"    format(CASE base WHEN '\"char\"'::regtype THEN 'CASE WHEN get_byte(charsend(t.%1$I), 0) < 128 THEN "
	"concat(t.%1$I) "
	"ELSE concat(chr(92), get_byte(charsend(t.%1$I), 0) >> 6, get_byte(charsend(t.%1$I), 0) >> 3 & 7, "
	"get_byte(charsend(t.%1$I), 0) & 7) END' ELSE 'concat(t.%1$I)' END, name) AS written, "
	"    CASE base WHEN 'bool'::regtype THEN 'B' WHEN 'int2'::regtype THEN '2' WHEN 'int4'::regtype "
	"THEN '4' "
	"    WHEN 'int8'::regtype THEN '8' WHEN 'float4'::regtype THEN 'f' WHEN 'float8'::regtype THEN 'F' "
	"    WHEN 'uuid'::regtype THEN 'U' WHEN 'date'::regtype THEN 'D' WHEN 'time'::regtype THEN 'M' "
	"    WHEN 'timestamp'::regtype THEN 'T' WHEN 'timestamptz'::regtype THEN 'Z' WHEN 'bytea'::regtype THEN 'X' "
	"    WHEN 'text'::regtype THEN 'S' WHEN 'varchar'::regtype THEN 'S' WHEN 'bpchar'::regtype THEN 'S' ELSE 'O' END "
	"AS tag "
	"  FROM listed), "
	"indexed AS ("
	"  SELECT DISTINCT ON (g.attrelid, g.attnum) g.attrelid, g.attnum, "
	"         format('t.%I OPERATOR(%I.%s)', g.name, n.nspname, o.oprname) AS equals, format_type(g.base, -1) AS type "
	"  FROM tagged AS g "
	"  JOIN pg_index AS i ON i.indrelid = g.attrelid AND i.indisunique AND i.indisvalid "
	"  CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) AS k (attnum, opclass) "
	"  JOIN pg_opclass AS c ON c.oid = k.opclass "
	"  JOIN pg_am AS m ON m.oid = c.opcmethod AND m.amname = 'btree' "
	"  JOIN pg_amop AS a ON a.amopfamily = c.opcfamily AND a.amopstrategy = 3 AND a.amoplefttype = c.opcintype "
	"    AND a.amoprighttype = c.opcintype "
	"  JOIN pg_operator AS o ON o.oid = a.amopopr "
	"  JOIN pg_namespace AS n ON n.oid = o.oprnamespace "
	"  WHERE g.key_position IS NOT NULL AND k.attnum = g.attnum "
	"  ORDER BY g.attrelid, g.attnum, i.indisprimary DESC, i.indexrelid) "
	"SELECT * FROM ("
	"  SELECT g.table_id, g.source, g.key_position, g.key, 'O' AS tag, g.written AS fetch, i.equals, i.type, "
	"    g.relation, g.condition "
	"  FROM tagged AS g LEFT JOIN indexed AS i USING (attrelid, attnum) "
	"  WHERE g.key_position IS NOT NULL "
	"  UNION ALL "
	"  SELECT table_id, source, NULL, key, tag, "
	"    CASE tag WHEN 'O' THEN format('CASE WHEN t.%I IS DISTINCT FROM NULL THEN %s END', name, written) "
	"    ELSE format('t.%I', name) END, NULL, NULL, relation, condition "
	"  FROM tagged) AS fetched "
	"ORDER BY table_id, relation <> source, relation COLLATE \"C\", key_position NULLS LAST, key COLLATE \"C\"";

/* Columns of the result. */
enum
{
	ID,
	SOURCE,
	KEY_POSITION,
	KEY,
	TAG,
	FETCH,
	EQUALS,
	TYPE,
	RELATION,
	CONDITION
};

/* Do two rows of the result have the same in a column? */
static bool
is_same(const PGresult *result, int one, int other, int column)
{
	return strcmp(PQgetvalue(result, one, column), PQgetvalue(result, other, column)) == 0;
}

/* Parse a uuid as the server writes it. */
static void
parse_uuid(const char *text, unsigned char *id)
{
	int n = 0;

	for (const char *p = text; *p != '\0' && n < UUID_SIZE; p++)
	{
		unsigned int byte;

		if (*p == '-')
			continue;
		if (sscanf(p, "%2x", &byte) != 1)
			trouble("this is no uuid: %s", text);
		id[n++] = (unsigned char) byte;
		p++;
	}
}

/* Order columns by the bytes of their keys; used on rows of the result. */
static int
compare_columns(const void *a, const void *b)
{
	return strcmp(((const Column *) a)->key, ((const Column *) b)->key);
}

/* Read all rows of a table, or those that the ledger knows. */
static void
read_table(PGconn *connection, const TableSelect *select, bool all_rows, const unsigned char *table_id,
		   const Column *columns, int ncolumns, uint64_t *done)
{
	size_t count = 0;
	const char **keys = all_rows ? NULL : keys_of_table(table_id, &count);
	Buffer sql = { 0 };

	for (size_t i = 0; i < count; i += KEYS_AT_ONCE)
	{
		sql.len = 0;
		if (!select_rows(&sql, connection, select, keys + i, count - i < KEYS_AT_ONCE ? count - i : KEYS_AT_ONCE))
		{
			all_rows = true;
			break;
		}
		read_rows(connection, table_id, select->source, (const char *) sql.bytes, select->nkeys, columns, ncolumns,
				  done);
	}
	if (all_rows)
	{
		if (!select->is_part)
			forget_sight(table_id);
		sql.len = 0;
		select_all_rows(&sql, select);
		read_rows(connection, table_id, select->source, (const char *) sql.bytes, select->nkeys, columns, ncolumns,
				  done);
	}
	free(keys);
	free(sql.bytes);
}

/* Verify the table, or the part of one, whose columns stand in rows first to last - 1 of the result. */
static void
verify_table(PGconn *connection, PGresult *result, int first, int last, bool is_part, bool all_rows, uint64_t *done)
{
	TableSelect select = { .source = PQgetvalue(result, first, SOURCE),
						   .relation = PQgetvalue(result, first, RELATION),
						   .rows = PQgetisnull(result, first, CONDITION) ? NULL : PQgetvalue(result, first, CONDITION),
						   .is_part = is_part,
						   .has_index = true };
	Column *columns = allocate(sizeof(Column) * (size_t) (last - first));
	unsigned char table_id[UUID_SIZE];
	int ncolumns = 0;

	parse_uuid(PQgetvalue(result, first, ID), table_id);
	for (int i = first; i < last; i++)
	{
		if (PQgetisnull(result, i, KEY_POSITION))
		{
			columns[ncolumns].key = PQgetvalue(result, i, KEY);
			columns[ncolumns++].tag = PQgetvalue(result, i, TAG)[0];
		}
		else
		{
			select.has_index &= !PQgetisnull(result, i, EQUALS);
			add_key_column(&select, PQgetvalue(result, i, EQUALS), PQgetvalue(result, i, TYPE));
		}
		append_text(&select.list, i > first ? ", " : "");
		append_text(&select.list, PQgetvalue(result, i, FETCH));
	}
	for (int i = 1; i < ncolumns; i++)
	{
		if (compare_columns(&columns[i - 1], &columns[i]) > 0)
			trouble("the server sent columns of %s out of order", select.source);
	}
	read_table(connection, &select, all_rows, table_id, columns, ncolumns, done);
	free(columns);
	free(select.list.bytes);
	free(select.condition.bytes);
	free(select.values.bytes);
}

/* Return whether the value is true. */
static bool
is_true(const PGresult *result, int row, int column)
{
	return strcmp(PQgetvalue(result, row, column), "t") == 0;
}

/* Return what of the table is not settled: baselines under way, and maintenance. */
static TableState
state_of(const PGresult *baselines, const PGresult *windows, const char *table_id)
{
	TableState state = { false };

	for (int i = 0; i < PQntuples(baselines); i++)
		state.is_open |= strcmp(PQgetvalue(baselines, i, 0), table_id) == 0;
	for (int i = 0; i < PQntuples(windows); i++)
	{
		if (strcmp(PQgetvalue(windows, i, 0), table_id) != 0)
			continue;
		state.in_window = true;
		state.expired = is_true(windows, i, 1);
		state.rows_moved = is_true(windows, i, 2);
		state.keys_moved = is_true(windows, i, 3);
	}
	return state;
}

/* Hold the live rows of every governed table against the ledger; of some, those that it knows. */
void
verify_tables(PGconn *connection, bool all_rows)
{
	PGresult *result = query(connection, tables_query);
	PGresult *baselines =
		query(connection, "SELECT table_id FROM release_mgmt.governance_baseline WHERE finished_at IS NULL");
	PGresult *windows = query(
		connection, "SELECT table_id, until <= pg_catalog.clock_timestamp(), rows_moved_at IS NOT NULL, keys_moved "
					"FROM release_mgmt.maintenance WHERE ended_at IS NULL");
	uint64_t done = 0;
	int first = 0;
	bool is_further = false; /* part of the table before */

	for (int i = 1; i <= PQntuples(result); i++)
	{
		bool is_last = i == PQntuples(result) || !is_same(result, i, first, ID);
		unsigned char table_id[UUID_SIZE];

		if (!is_last && is_same(result, i, first, RELATION))
			continue;
		parse_uuid(PQgetvalue(result, first, ID), table_id);
		if (!is_further)
			know_table(table_id, PQgetvalue(result, first, SOURCE),
					   state_of(baselines, windows, PQgetvalue(result, first, ID)));
		verify_table(connection, result, first, i, is_further, all_rows || is_further || !is_last, &done);
		is_further = !is_last;
		first = i;
	}
	PQclear(baselines);
	PQclear(windows);
	PQclear(result);
	report_missing_rows();
}
