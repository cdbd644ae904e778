/*
 * entry.c
 *		Entries of the log; entry.h defines their form.
 */
#include "postgres.h"

#include "common/base64.h"
#include "compat.h"
#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "types/hash.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#define TRANSACTION_HEAD "release_mgmt transaction v1\n"
#define TRANSACTION_HEAD_2 "release_mgmt transaction v2\n"
#define EPOCH_HEAD "release_mgmt epoch v1\n"
#define ACTOR_LABEL "actor "

/* Characters of a uuid's text form, and of a hash in base64. */
#define UUID_TEXT_LEN 36
#define HASH_TEXT_LEN 44

PG_FUNCTION_INFO_V1(rm_pending_entry);
PG_FUNCTION_INFO_V1(rm_entry_field);

/* Note a role that changed something, and the role of the person for whom it did, InvalidOid where it did for itself.
 */
void
rm_entry_add_role(RmEntryRoles *roles, Oid role, Oid actor)
{
	for (int i = roles->count - 1; i >= 0; i--)
	{
		if (roles->oids[i] == role && roles->actors[i] == actor)
			return;
	}
	if (roles->count == RM_ENTRY_MAX_ROLES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("more than %d roles changed governed rows in one transaction", RM_ENTRY_MAX_ROLES),
						errhint("Commit more often.")));
	roles->oids[roles->count] = role;
	roles->actors[roles->count++] = actor;
}

/* Append "<label> <name>\n" in UTF-8. */
static void
append_name(StringInfo entry, const char *label, Oid role)
{
	char *name = GetUserNameFromId(role, true);
	char *utf8;

	if (name == NULL)
		name = psprintf("#%u", role);
	utf8 = rm_to_utf8(name, strlen(name));
	appendStringInfo(entry, "%s ", label);
	for (const char *p = utf8; *p != '\0'; p++)
	{
		if (*p == '\n')
			appendStringInfoString(entry, "\\n");
		else if (*p == '\\')
			appendStringInfoString(entry, "\\\\");
		else
			appendStringInfoCharMacro(entry, *p);
	}
	appendStringInfoCharMacro(entry, '\n');
}

/* Append "at <time>\n"; where the time has no such form, a line that no reader takes. */
void
rm_entry_append_time(StringInfo entry, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t fsec;
	char text[MAXDATELEN];
	char *end;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0 || tm.tm_year < 1)
	{
		appendStringInfoString(entry, "at\n");
		return;
	}
	end = pg_ultostr_zeropad(text, tm.tm_year, 4);
	*end++ = '-';
	end = pg_ultostr_zeropad(end, tm.tm_mon, 2);
	*end++ = '-';
	end = pg_ultostr_zeropad(end, tm.tm_mday, 2);
	*end++ = 'T';
	end = pg_ultostr_zeropad(end, tm.tm_hour, 2);
	*end++ = ':';
	end = pg_ultostr_zeropad(end, tm.tm_min, 2);
	*end++ = ':';
	end = pg_ultostr_zeropad(end, tm.tm_sec, 2);
	*end++ = '.';
	end = pg_ultostr_zeropad(end, fsec, 6);
	*end++ = 'Z';
	*end++ = '\n';
	appendStringInfoString(entry, "at ");
	appendBinaryStringInfo(entry, text, end - text);
}

/* Append the text form of a uuid, without allocating anything. */
static void
append_uuid(StringInfo entry, const pg_uuid_t *id)
{
	static const char digits[] = "0123456789abcdef";
	char text[UUID_TEXT_LEN];
	char *end = text;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*end++ = '-';
		*end++ = digits[id->data[i] >> 4];
		*end++ = digits[id->data[i] & 0x0F];
	}
	appendBinaryStringInfo(entry, text, sizeof(text));
}

/* Append the bytes in base64, without allocating anything. */
static void
append_base64(StringInfo entry, const void *bytes, int len)
{
	int size = pg_b64_enc_len(len);

	enlargeStringInfo(entry, size);
	entry->len += pg_b64_encode(bytes, len, entry->data + entry->len, size);
	entry->data[entry->len] = '\0';
}

/* Append the lines of a transaction's entry that name roles: of the session, and of all that changed something. */
void
rm_entry_append_roles(StringInfo lines, const RmEntryRoles *roles)
{
	append_name(lines, "session", GetSessionUserId());
	for (int i = 0; i < roles->count; i++)
	{
		append_name(lines, "role", roles->oids[i]);
		if (OidIsValid(roles->actors[i]))
			append_name(lines, "actor", roles->actors[i]);
	}
}

/* Return whether one of the lines tells for whom a role acted. */
static bool
names_actor(const char *lines, int len)
{
	const char *end = lines + len;

	for (const char *next = memchr(lines, '\n', len); next; next = memchr(next, '\n', end - next))
	{
		next++;
		if (end - next > strlen(ACTOR_LABEL) && memcmp(next, ACTOR_LABEL, strlen(ACTOR_LABEL)) == 0)
			return true;
	}
	return false;
}

/* Append the entry of a transaction; roles are the lines that rm_entry_append_roles() made. */
void
rm_entry_append_transaction(StringInfo entry, const pg_uuid_t *id, TimestampTz at, const bytea *roles, uint64 changes,
							const bytea *root)
{
	const char *lines = VARDATA_ANY(roles);
	int lines_len = VARSIZE_ANY_EXHDR(roles);
	char number[MAXINT8LEN + 1];

	appendStringInfoString(entry, names_actor(lines, lines_len) ? TRANSACTION_HEAD_2 : TRANSACTION_HEAD);
	appendStringInfoString(entry, "id ");
	append_uuid(entry, id);
	appendStringInfoCharMacro(entry, '\n');
	rm_entry_append_time(entry, at);
	appendBinaryStringInfo(entry, lines, lines_len);
	appendStringInfoString(entry, "changes ");
	appendBinaryStringInfo(entry, number, pg_ulltoa_n(changes, number));
	appendStringInfoString(entry, "\nroot ");
	append_base64(entry, VARDATA_ANY(root), VARSIZE_ANY_EXHDR(root));
	appendStringInfoCharMacro(entry, '\n');
}

/* pending_entry(transaction_id uuid, at timestamptz, roles bytea, count bigint, root bytea) returns bytea. */
Datum
rm_pending_entry(PG_FUNCTION_ARGS)
{
	StringInfoData entry;

	initStringInfo(&entry);
	appendStringInfoSpaces(&entry, VARHDRSZ);
	rm_entry_append_transaction(&entry, PG_GETARG_UUID_P(0), PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_BYTEA_PP(2),
								(uint64) PG_GETARG_INT64(3), PG_GETARG_BYTEA_PP(4));
	SET_VARSIZE(entry.data, entry.len);
	PG_RETURN_BYTEA_P(entry.data);
}

/* Return the entry that opens an epoch after the log of which the checkpoint was the last. */
bytea *
rm_entry_of_epoch(const char *checkpoint)
{
	StringInfoData entry;

	initStringInfo(&entry);
	appendStringInfoSpaces(&entry, VARHDRSZ);
	appendStringInfoString(&entry, EPOCH_HEAD);
	rm_entry_append_time(&entry, GetCurrentTimestamp());
	appendStringInfoString(&entry, checkpoint);
	if (entry.len - VARHDRSZ > RM_ENTRY_MAX_SIZE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the checkpoint is too long for an entry"),
						errhint("Leave out cosignatures.")));
	SET_VARSIZE(entry.data, entry.len);
	return (bytea *) entry.data;
}

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

	if (len != UUID_TEXT_LEN)
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
	const char *next = entry + strlen(TRANSACTION_HEAD);
	const char *end = entry + len;
	const char *value;
	int value_len;
	bool acted =
		len >= strlen(TRANSACTION_HEAD_2) && memcmp(entry, TRANSACTION_HEAD_2, strlen(TRANSACTION_HEAD_2)) == 0;

	if (!acted && (len < strlen(TRANSACTION_HEAD) || memcmp(entry, TRANSACTION_HEAD, strlen(TRANSACTION_HEAD)) != 0))
		return false;
	value = take_line(&next, end, "id", &value_len);
	if (value == NULL || !parse_uuid(value, value_len, &parsed->id) || !take_line(&next, end, "at", &value_len) ||
		!take_line(&next, end, "session", &value_len))
		return false;
	while (take_line(&next, end, "role", &value_len) != NULL)
	{
		if (acted)
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
	return len > strlen(EPOCH_HEAD) && memcmp(entry, EPOCH_HEAD, strlen(EPOCH_HEAD)) == 0;
}

/* Return the checkpoint that an entry which opens an epoch holds; NULL where it ends before. */
const char *
rm_entry_epoch_checkpoint(const char *entry)
{
	const char *end = strchr(entry + strlen(EPOCH_HEAD), '\n');

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
			appendBinaryStringInfo(&said, line + label_len + 1, len - label_len - 1);
			any = true;
		}
		line += len + 1;
	}
	return any ? rm_from_utf8(said.data, said.len) : NULL;
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
