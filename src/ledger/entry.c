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
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(rm_pending_entry);

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
append_name(StringInfo entry, const char *label, const char *name)
{
	char *utf8 = rm_to_utf8(name, strlen(name));

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

/* Append "<label> <name>\n" of a role, or its number where it is gone. */
static void
append_role(StringInfo entry, const char *label, Oid role)
{
	char *name = GetUserNameFromId(role, true);

	append_name(entry, label, name != NULL ? name : psprintf("#%u", role));
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
	char text[RM_UUID_TEXT_LEN];
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

/* Append the lines of a transaction's entry that name the session, the application, and the roles that changed
 * something. */
void
rm_entry_append_roles(StringInfo lines, const RmEntryRoles *roles)
{
	append_role(lines, "session", GetSessionUserId());
	if (application_name != NULL && *application_name != '\0')
		append_name(lines, "application", application_name);
	for (int i = 0; i < roles->count; i++)
	{
		append_role(lines, "role", roles->oids[i]);
		if (OidIsValid(roles->actors[i]))
			append_role(lines, "actor", roles->actors[i]);
	}
}

/* Return whether one of the lines begins so. */
static bool
has_line(const char *lines, int len, const char *label)
{
	const char *end = lines + len;
	int label_len = strlen(label);

	for (const char *next = memchr(lines, '\n', len); next; next = memchr(next, '\n', end - next))
	{
		next++;
		if (end - next > label_len && memcmp(next, label, label_len) == 0 && next[label_len] == ' ')
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

	appendStringInfoString(entry, has_line(lines, lines_len, "application") ? RM_ENTRY_HEAD_3
								  : has_line(lines, lines_len, "actor")     ? RM_ENTRY_HEAD_2
																			: RM_ENTRY_HEAD_1);
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
	appendStringInfoString(&entry, RM_ENTRY_EPOCH_HEAD);
	rm_entry_append_time(&entry, GetCurrentTimestamp());
	appendStringInfoString(&entry, checkpoint);
	if (entry.len - VARHDRSZ > RM_ENTRY_MAX_SIZE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the checkpoint is too long for an entry"),
						errhint("Leave out cosignatures.")));
	SET_VARSIZE(entry.data, entry.len);
	return (bytea *) entry.data;
}
