/*
 * main.c
 *		rmverify: verify a ledger from an auditor's machine.
 *
 * Exit status: 0 sound, 1 findings (on standard output, one a line), 2
 * trouble, so that nothing can be said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

/* Open the text as a checkpoint of the verifier's, or end. */
static Note
require_note(const char *text, const Verifier *verifier)
{
	Note note;

	if (!open_note(text, verifier, &note))
		trouble("the checkpoint is not signed by %s", verifier->name);
	if (strcmp(note.origin, verifier->name) != 0)
		trouble("the checkpoint is of %s, not of %s", note.origin, verifier->name);
	return note;
}

/* Return the checkpoint in the file that was given. */
Note
given_note(const Options *options)
{
	size_t len;
	char *text = read_file(options->checkpoint, &len);
	char *origin;
	Verifier verifier;
	Note note;

	if (text == NULL)
		trouble("there is no file %s", options->checkpoint);
	(void) restore_dashes(text, len);
	origin = strndup(text, strcspn(text, "\n"));
	verifier = verifier_of(options, origin);
	note = require_note(text, &verifier);
	if (!is_cosigned_by_all(options, &note))
		trouble("not every witness has cosigned the checkpoint");
	free(origin);
	free(text);
	return note;
}

/* Return the checkpoints of a log that the database holds, with their cosignatures, the last one first. */
static PGresult *
stored_notes(PGconn *connection, const char *log_id, bool all)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
			 "SELECT k.note || coalesce((SELECT string_agg(c.line || E'\\n', '' ORDER BY c.witness) "
			 "FROM release_mgmt.ledger_cosignature AS c WHERE c.log_id = k.log_id AND c.size = k.size), '') "
			 "FROM release_mgmt.ledger_checkpoint AS k WHERE k.log_id = '%s' ORDER BY k.size DESC%s",
			 log_id, all ? "" : " LIMIT 1");
	return query(connection, sql);
}

/* Find the first note that the verifier has signed and every witness cosigned; *unsigned_before is how many of those
 * before bear no such signature. */
static bool
find_signed(PGresult *result, const Options *options, const Verifier *verifier, Note *note, int *unsigned_before)
{
	*unsigned_before = 0;
	for (int i = 0; i < PQntuples(result); i++)
	{
		char *text = PQgetvalue(result, i, 0);

		(void) restore_dashes(text, strlen(text));
		if (!open_note(text, verifier, note) || strcmp(note->origin, verifier->name) != 0)
			++*unsigned_before;
		else if (is_cosigned_by_all(options, note))
			return true;
	}
	return false;
}

/* Return the last checkpoint of a log that the database holds with all cosignatures; what was put in its place is
 * reported. */
Note
stored_note(PGconn *connection, const Options *options, const char *log_id, const Verifier *verifier)
{
	PGresult *result = stored_notes(connection, log_id, false);
	Note note = { 0 };
	char detail[64];
	int unsigned_before;

	if (PQntuples(result) == 0)
		trouble("there is no signed checkpoint of %s; let the ledger be signed with release_mgmt.sign_checkpoint()",
				verifier->name);
	if (!find_signed(result, options, verifier, &note, &unsigned_before))
	{
		PQclear(result);
		result = stored_notes(connection, log_id, true);
		if (!find_signed(result, options, verifier, &note, &unsigned_before))
			trouble(unsigned_before == PQntuples(result)
						? "no checkpoint is signed by %s"
						: "there is no checkpoint of %s that every witness has cosigned",
					verifier->name);
		snprintf(detail, sizeof(detail), "%d behind the last one that holds", unsigned_before);
		if (unsigned_before > 0)
			finding("checkpoint signature invalid", -1, NULL, NULL, detail);
	}
	PQclear(result);
	return note;
}

/* Return the id of the log of that origin, or end. */
char *
find_log(PGconn *connection, const char *origin)
{
	char *literal = PQescapeLiteral(connection, origin, strlen(origin));
	size_t size = strlen(literal) + 128;
	char *sql = allocate(size);
	char *log_id;

	snprintf(sql, size, "SELECT id FROM release_mgmt.ledger_log WHERE origin = %s", literal);
	log_id = query_value(connection, sql);
	if (log_id == NULL || strlen(log_id) != 36)
		trouble("the database holds no log of origin %s", origin);
	PQfreemem(literal);
	free(sql);
	return log_id;
}

/* Find the last signed checkpoint of a log that another one follows, if there is one. */
static void
find_former_note(PGconn *connection, Log *log)
{
	PGresult *result = stored_notes(connection, log->id, false);

	if (PQntuples(result) > 0)
	{
		char *text = PQgetvalue(result, 0, 0);

		(void) restore_dashes(text, strlen(text));
		log->is_signed = open_note(text, &log->verifier, &log->last) && strcmp(log->last.origin, log->origin) == 0;
		if (!log->is_signed)
			finding("checkpoint signature invalid", -1, NULL, NULL, log->origin);
	}
	PQclear(result);
}

/* Find the checkpoint to verify each log against; without one of the present log nothing can be said. */
static void
find_notes(PGconn *connection, const Options *options, Logs *logs)
{
	Note given = { 0 };

	if (options->checkpoint)
	{
		Log *log;

		given = given_note(options);
		log = find_log_of(logs, given.origin);
		if (log == NULL)
			trouble("the database holds no log of origin %s", given.origin);
		log->last = given;
		log->is_signed = true;
	}
	for (int i = 0; i < logs->count; i++)
	{
		Log *log = &logs->log[i];

		if (!log->is_own || log->is_signed)
			continue;
		if (i < logs->count - 1)
			find_former_note(connection, log);
		else
		{
			log->last = stored_note(connection, options, log->id, &log->verifier);
			log->is_signed = true;
		}
	}
}

/* Return where to go on: behind the leaves that were seen, unless a checkpoint is of fewer; NULL for the first leaf. */
static const RmMerkle *
begin_at(const Options *options, const Log *log, const Expected *expected, int count)
{
	bool is_behind = log->has_edge && !options->full;

	for (int i = 0; i < count; i++)
		is_behind &= expected[i].note->size >= log->edge.size;
	return is_behind ? &log->edge : NULL;
}

/* Remember the checkpoint of most leaves. */
static void
keep_largest(Log *log, const Expected *expected, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (!expected[i].reached || (log->is_kept && expected[i].note->size <= log->kept.size))
			continue;
		log->is_kept = true;
		log->kept = *expected[i].note;
		log->kept_edge = expected[i].edge;
	}
}

/* Verify one of the logs; returns whether only the leaves were read that came later than those seen. */
static bool
check_log(PGconn *connection, const Options *options, Log *log)
{
	Expected expected[3];
	char carried_by[512];
	const RmMerkle *since;
	int count = 0;

	if (log->is_signed)
		expected[count++] = (Expected) { .note = &log->last, .from = "the present one" };
	if (log->is_seen)
		expected[count++] = (Expected) { .note = &log->seen, .from = "the one seen last" };
	if (log->is_closed)
	{
		snprintf(carried_by, sizeof(carried_by), "the one in the first leaf of %s", log->carried_by);
		expected[count++] = (Expected) { .note = &log->carried, .from = carried_by };
	}
	/* With witnesses named, a later checkpoint may have been seen that they had not cosigned. */
	if (log->is_signed && log->is_seen && log->seen.size > log->last.size && options->nwitnesses == 0)
		finding("tree shrank", (int64_t) log->last.size, NULL, NULL, "a larger one was seen last");
	since = begin_at(options, log, expected, count);
	log->size = verify_log(connection, log->id, expected, count, since);
	keep_largest(log, expected, count);
	if (log->is_closed && log->size > log->carried.size)
		finding("leaf added", (int64_t) log->carried.size, NULL, NULL, "the log had ended before");
	return since != NULL;
}

/* Verify everything, and keep the checkpoints as those seen last. */
static int
verify(const Options *options)
{
	PGconn *connection = open_connection(options->argument);
	Logs logs = list_logs(connection, options);
	const Log *present = &logs.log[logs.count - 1];
	bool in_part = false;

	read_state(options, &logs);
	find_notes(connection, options, &logs);
	for (int i = 0; i < logs.count; i++)
	{
		name_log(logs.count > 1 ? logs.log[i].origin : NULL);
		forget_rows();
		in_part = check_log(connection, options, &logs.log[i]);
	}
	verify_pending(connection);
	if (in_part)
		know_rows_in_part();
	else
		verify_claims(connection);
	verify_tables(connection, !in_part);
	progress_end();
	PQfinish(connection);
	if (findings > 0)
	{
		printf("%d findings\n", findings);
		return EXIT_FINDINGS;
	}
	write_state(options, &logs);
	printf("%s is sound: %" PRIu64 " leaves, %" PRIu64 " of them signed, %" PRIu64 " keys", present->origin,
		   present->size, present->last.size, known_rows());
	if (in_part)
		printf(" behind leaf %" PRIu64, present->edge.size);
	printf("\n");
	for (int i = 0; i < logs.count - 1; i++)
		printf("and %s before it: %" PRIu64 " leaves\n", logs.log[i].origin, logs.log[i].size);
	return EXIT_SOUND;
}

int
main(int argc, char **argv)
{
	Options options = parse_options(argc, argv);

	if (strcmp(options.command, "tiles") == 0)
		return export_tiles(&options);
	if (strcmp(options.command, "proof") == 0)
		return verify_proof(&options);
	if (strcmp(options.command, "evidence") == 0)
		return verify_evidence(&options);
	return verify(&options);
}
