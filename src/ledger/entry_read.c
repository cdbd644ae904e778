/*
 * entry_read.c
 *		What entries of the log say.
 */
#include "postgres.h"

#include "common/base64.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "lib/stringinfo.h"
#include "types/hash.h"
#include "utils/builtins.h"

/* Characters of a hash in base64. */
#define HASH_TEXT_LEN 44

PG_FUNCTION_INFO_V1(rm_entry_field);
PG_FUNCTION_INFO_V1(rm_entry_who_sql);

/* Return the line's value if the line at *next begins with the label; moves *next to the following line. */
static inline const char *
take_line(const char **next, const char *end, const char *label, int *value_len)
{
	int label_len = strlen(label);
	const char *start = *next;
	const char *newline = memchr(start, '\n', end - start);

	if (newline == NULL || newline - start <= label_len || memcmp(start, label, label_len) != 0 ||
		start[label_len] != ' ')
		return NULL;
	*next = newline + 1;
	*value_len = newline - start - label_len - 1;
	return start + label_len + 1;
}

/* Return the value of a hexadecimal digit, -1 if it is none. */
static inline int
hex_value(unsigned char c)
{
	static const int8 one_more[256] = {
		['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
		['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	};

	return one_more[c] - 1;
}

/* Parse a uuid of 36 characters. */
static bool
parse_uuid(const char *text, int len, pg_uuid_t *id)
{
	const char *next = text;

	if (len != RM_UUID_TEXT_LEN)
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		int high;
		int low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *next++ != '-')
			return false;
		high = hex_value(*next++);
		low = hex_value(*next++);
		if (high < 0 || low < 0)
			return false;
		id->data[i] = high << 4 | low;
	}
	return true;
}

/* Parse a hash in base64. */
static bool
parse_hash(const char *text, int len, unsigned char *hash)
{
	char decoded[HASH_TEXT_LEN];

	if (len != HASH_TEXT_LEN || pg_b64_decode(text, len, (void *) decoded, sizeof(decoded)) != RM_SHA256_SIZE)
		return false;
	memcpy(hash, decoded, RM_SHA256_SIZE);
	return true;
}

/* Take the entry of a transaction apart; false where it is none. */
bool
rm_entry_parse_transaction(const char *entry, int len, RmTransactionEntry *parsed)
{
	static const char *const heads[] = { RM_ENTRY_HEAD_1, RM_ENTRY_HEAD_2, RM_ENTRY_HEAD_3 };
	const char *next = entry + RM_ENTRY_HEAD_LEN;
	const char *end = entry + len;
	const char *value;
	int value_len;
	int version = 0;

	for (int i = 0; i < lengthof(heads) && len >= RM_ENTRY_HEAD_LEN; i++)
	{
		if (memcmp(entry, heads[i], RM_ENTRY_HEAD_LEN) == 0)
			version = i + 1;
	}
	if (version == 0)
		return false;
	value = take_line(&next, end, "id", &value_len);
	if (value == NULL || !parse_uuid(value, value_len, &parsed->id) || !take_line(&next, end, "at", &value_len) ||
		!take_line(&next, end, "session", &value_len) ||
		(version == 3 && !take_line(&next, end, "application", &value_len)))
		return false;
	while (take_line(&next, end, "role", &value_len) != NULL)
	{
		if (version >= 2)
			(void) take_line(&next, end, "actor", &value_len);
	}
	value = take_line(&next, end, "changes", &value_len);
	if (value == NULL)
		return false;
	parsed->changes = strtou64(value, NULL, 10);
	value = take_line(&next, end, "root", &value_len);
	return value != NULL && next == end && parse_hash(value, value_len, parsed->root);
}

/* Return whether the entry opens an epoch. */
bool
rm_entry_is_epoch(const char *entry, int len)
{
	return len > strlen(RM_ENTRY_EPOCH_HEAD) && memcmp(entry, RM_ENTRY_EPOCH_HEAD, strlen(RM_ENTRY_EPOCH_HEAD)) == 0;
}

/* Return the checkpoint that an entry which opens an epoch holds; NULL where it ends before. */
const char *
rm_entry_epoch_checkpoint(const char *entry)
{
	const char *end = strchr(entry + strlen(RM_ENTRY_EPOCH_HEAD), '\n');

	return end ? end + 1 : NULL;
}

/* Return the bytes in base64 (RFC 4648 section 4). */
char *
rm_base64(const void *bytes, int len)
{
	int size = pg_b64_enc_len(len) + 1;
	char *text = palloc(size);
	int written = pg_b64_encode(bytes, len, text, size);

	text[written] = '\0';
	return text;
}

/* Decode base64; returns the number of bytes, -1 where it is none or takes more than size. */
int
rm_base64_decode(const char *text, int len, void *bytes, int size)
{
	int room = pg_b64_dec_len(len) + 1;
	void *decoded = palloc(room);
	int count = pg_b64_decode(text, len, decoded, room);

	if (count > size)
		count = -1;
	if (count > 0)
		memcpy(bytes, decoded, count);
	pfree(decoded);
	return count;
}

/* Append what stands in a line, as it was before a newline and a backslash were written \n and \\. */
static void
append_unescaped(StringInfo said, const char *value, int len)
{
	const char *end = value + len;

	for (const char *escape = memchr(value, '\\', len); escape != NULL && escape + 1 < end;
		 escape = memchr(value, '\\', end - value))
	{
		appendBinaryStringInfo(said, value, escape - value);
		appendStringInfoCharMacro(said, escape[1] == 'n' ? '\n' : escape[1]);
		value = escape + 2;
	}
	appendBinaryStringInfo(said, value, end - value);
}

/* Return what an entry says after a label, several lines of it joined by ", ", in the database's encoding; NULL for
 * nothing. */
char *
rm_entry_said(const char *entry, int entry_len, const char *label)
{
	int label_len = strlen(label);
	const char *line = entry;
	const char *end = line + entry_len;
	StringInfoData said;
	bool any = false;

	initStringInfo(&said);
	while (line < end)
	{
		const char *newline = memchr(line, '\n', end - line);
		int len = (newline ? newline : end) - line;

		if (len > label_len && memcmp(line, label, label_len) == 0 && line[label_len] == ' ')
		{
			appendStringInfoString(&said, any ? ", " : "");
			append_unescaped(&said, line + label_len + 1, len - label_len - 1);
			any = true;
		}
		line += len + 1;
	}
	return any ? rm_from_utf8(said.data, said.len) : NULL;
}

/* Return who acted by what an entry says: the roles, and for whom; NULL where it names none. */
char *
rm_entry_who(const char *entry, int entry_len)
{
	char *role = rm_entry_said(entry, entry_len, "role");
	char *actor = rm_entry_said(entry, entry_len, "actor");

	return role != NULL && actor != NULL ? psprintf("%s for %s", role, actor) : role;
}

/* entry_who(entry bytea) returns text. */
Datum
rm_entry_who_sql(PG_FUNCTION_ARGS)
{
	bytea *entry = PG_GETARG_BYTEA_PP(0);
	char *who = rm_entry_who(VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry));

	if (who == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(who));
}

/* entry_field(entry bytea, label text) returns text. */
Datum
rm_entry_field(PG_FUNCTION_ARGS)
{
	bytea *entry = PG_GETARG_BYTEA_PP(0);
	char *said = rm_entry_said(VARDATA_ANY(entry), VARSIZE_ANY_EXHDR(entry), text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (said == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(said));
}
