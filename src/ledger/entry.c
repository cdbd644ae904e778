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
#include "utils/timestamp.h"

#define TRANSACTION_HEAD "release_mgmt transaction v1\n"
#define TRANSACTION_HEAD_2 "release_mgmt transaction v2\n"
#define EPOCH_HEAD "release_mgmt epoch v1\n"

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

/* Append "at <now>\n". */
static void
append_time(StringInfo entry)
{
	TimestampTz now = GetCurrentTimestamp();
	struct pg_tm tm;
	fsec_t fsec;

	if (timestamp2tm(now, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	appendStringInfo(entry, "at %04d-%02d-%02dT%02d:%02d:%02d.%06dZ\n", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
					 tm.tm_min, tm.tm_sec, (int) fsec);
}

/* Return the entry of a transaction, as bytes. */
bytea *
rm_entry_of_transaction(const pg_uuid_t *id, const RmEntryRoles *roles, uint64 changes, const unsigned char *root)
{
	StringInfoData entry;
	bool acted = false;

	for (int i = 0; i < roles->count; i++)
		acted = acted || OidIsValid(roles->actors[i]);
	initStringInfo(&entry);
	appendStringInfoSpaces(&entry, VARHDRSZ);
	appendStringInfoString(&entry, acted ? TRANSACTION_HEAD_2 : TRANSACTION_HEAD);
	appendStringInfo(&entry, "id %s\n", DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))));
	append_time(&entry);
	append_name(&entry, "session", GetSessionUserId());
	for (int i = 0; i < roles->count; i++)
	{
		append_name(&entry, "role", roles->oids[i]);
		if (OidIsValid(roles->actors[i]))
			append_name(&entry, "actor", roles->actors[i]);
	}
	appendStringInfo(&entry, "changes " UINT64_FORMAT "\nroot %s\n", changes, rm_base64(root, RM_SHA256_SIZE));
	SET_VARSIZE(entry.data, entry.len);
	return (bytea *) entry.data;
}

/* Return the entry that opens an epoch after the log of which the checkpoint was the last. */
bytea *
rm_entry_of_epoch(const char *checkpoint)
{
	StringInfoData entry;

	initStringInfo(&entry);
	appendStringInfoSpaces(&entry, VARHDRSZ);
	appendStringInfoString(&entry, EPOCH_HEAD);
	append_time(&entry);
	appendStringInfoString(&entry, checkpoint);
	if (entry.len - VARHDRSZ > RM_ENTRY_MAX_SIZE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the checkpoint is too long for an entry"),
						errhint("Leave out cosignatures.")));
	SET_VARSIZE(entry.data, entry.len);
	return (bytea *) entry.data;
}

/* Return the line's value if the line at *next begins with the label; moves *next to the following line. */
static const char *
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
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Parse a uuid of 36 characters. */
static bool
parse_uuid(const char *text, int len, pg_uuid_t *id)
{
	int byte = 0;

	if (len != 36)
		return false;
	for (int i = 0; i < len; i++)
	{
		int high;
		int low;

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (text[i] != '-')
				return false;
			continue;
		}
		high = hex_value(text[i]);
		low = hex_value(text[++i]);
		if (high < 0 || low < 0)
			return false;
		id->data[byte++] = high << 4 | low;
	}
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
	return value != NULL && next == end &&
		   rm_base64_decode(value, value_len, parsed->root, sizeof(parsed->root)) == sizeof(parsed->root);
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
