/*
 * logs.c
 *		The logs of an origin: one for each epoch, and those that an epoch goes back to under another origin.
 *
 * The first leaf of a log that follows another holds the other's last
 * checkpoint, so that the present log's signature answers for all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define EPOCH_HEAD "release_mgmt epoch v1\nat "

/* Return what the first leaf of a log holds of the one before it; false where it is another kind of leaf. */
static bool
read_carried(const Field *entry, Note *note)
{
	char *text = strndup((const char *) entry->bytes, (size_t) entry->len);
	const char *line =
		strncmp(text, EPOCH_HEAD, strlen(EPOCH_HEAD)) == 0 ? strchr(text + strlen(EPOCH_HEAD), '\n') : NULL;
	bool found = line && parse_note(line + 1, note);

	free(text);
	return found;
}

/* Return the number of the epoch that the origin names. */
static unsigned long
epoch_of(const char *origin)
{
	const char *behind = origin + base_length(origin);

	return *behind ? strtoul(behind + strlen("/e"), NULL, 10) : 1;
}

/* Take in a row of the list of logs. */
static void
add_log(Logs *logs, const Options *options, const Field *fields)
{
	Log *log;

	logs->log = realloc(logs->log, sizeof(Log) * (size_t) (logs->count + 1));
	if (logs->log == NULL)
		trouble("out of memory");
	log = &logs->log[logs->count++];
	memset(log, 0, sizeof(*log));
	log->id = strndup((const char *) fields[0].bytes, (size_t) fields[0].len);
	log->origin = strndup((const char *) fields[1].bytes, (size_t) fields[1].len);
	log->is_present = fields[2].bytes[0] != 0;
	log->is_own = is_own_origin(options, log->origin);
	log->verifier = verifier_of(options, log->origin);
	log->follows = fields[3].len >= 0 && read_carried(&fields[3], &log->former);
}

/* Return the log of that origin among the first so many, or NULL. */
static Log *
find_origin(const Logs *logs, int count, const char *origin)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(logs->log[i].origin, origin) == 0)
			return &logs->log[i];
	}
	return NULL;
}

/*
 * Mark the logs to verify: those of the key's base, and those that they go
 * back to.  A log follows one that was opened before it.
 */
static void
mark_wanted(Logs *logs)
{
	for (int i = logs->count - 1; i >= 0; i--)
	{
		Log *log = &logs->log[i];
		Log *former;

		if (!log->is_own && !log->is_wanted)
			continue;
		log->is_wanted = true;
		if (!log->follows)
			continue;
		former = find_origin(logs, i, log->former.origin);
		if (former == NULL)
		{
			finding("log missing", -1, NULL, NULL, log->former.origin);
			continue;
		}
		former->is_wanted = true;
		former->is_closed = true;
		former->carried = log->former;
		former->carried_by = log->origin;
	}
}

/* Keep the logs to verify, the present one last. */
static void
drop_unwanted(Logs *logs, const Options *options)
{
	int kept = 0;

	for (int i = 0; i < logs->count; i++)
	{
		if (logs->log[i].is_wanted)
			logs->log[kept++] = logs->log[i];
		else if (logs->log[i].is_present && logs->log[i].follows && is_own_origin(options, logs->log[i].former.origin))
			trouble("the database goes on from %s under another origin, %s; take the key of that one",
					logs->log[i].former.origin, logs->log[i].origin);
	}
	logs->count = kept;
	if (kept == 0)
		trouble("the database holds no log of origin %s", options->verifier.name);
}

/* Name what is missing between the logs. */
static void
check_chain(const Logs *logs)
{
	for (int i = 0; i < logs->count; i++)
	{
		const Log *log = &logs->log[i];

		if (epoch_of(log->origin) > 1 && !log->follows)
			finding("checkpoint of the epoch before missing", 0, NULL, NULL, log->origin);
		if (i + 1 < logs->count && !log->is_closed)
			finding("log not continued", -1, NULL, NULL, log->origin);
	}
}

/*
 * List the logs in the order in which they were opened, the present one last.
 *
 * Which one is present the database says by the identity that it writes
 * under; a hub, whose own is another, holds the rows of the last.
 */
Logs
list_logs(PGconn *connection, const Options *options)
{
	Logs logs = { 0 };
	CopyReader reader;
	Field fields[4];

	copy_begin(
		&reader, connection,
		"SELECT l.id::text, l.origin, coalesce(l.id = (SELECT i.log_id FROM release_mgmt.ledger_identity AS i), "
		"false), "
		"e.entry FROM release_mgmt.ledger_log AS l LEFT JOIN release_mgmt.ledger_entry AS e ON e.log_id = l.id AND "
		"e.index = 0 ORDER BY l.opened_at, l.epoch");
	while (copy_row(&reader, fields, 4))
		add_log(&logs, options, fields);
	mark_wanted(&logs);
	drop_unwanted(&logs, options);
	check_chain(&logs);
	return logs;
}

/* Return the log of that origin, or NULL. */
Log *
find_log_of(const Logs *logs, const char *origin)
{
	return find_origin(logs, logs->count, origin);
}
