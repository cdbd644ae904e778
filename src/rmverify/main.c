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

/* Open the text as a checkpoint of the log, or end. */
static Note
require_note(const char *text, const Options *options)
{
	Note note;

	if (!open_note(text, &options->verifier, &note))
		trouble("the checkpoint is not signed by %s", options->verifier.name);
	if (strcmp(note.origin, options->verifier.name) != 0)
		trouble("the checkpoint is of %s, not of %s", note.origin, options->verifier.name);
	return note;
}

/* Return the checkpoint to verify against: the one given, or the last that the database holds with all cosignatures. */
Note
present_note(PGconn *connection, const Options *options, const char *log_id)
{
	char sql[512];
	char *text;
	size_t len;
	PGresult *result;
	Note note = { 0 };

	if (options->checkpoint)
	{
		text = read_file(options->checkpoint, &len);
		if (text == NULL)
			trouble("there is no file %s", options->checkpoint);
		(void) restore_dashes(text, len);
		note = require_note(text, options);
		if (!is_cosigned_by_all(options, &note))
			trouble("not every witness has cosigned the checkpoint");
		return note;
	}
	snprintf(sql, sizeof(sql),
			 "SELECT k.note || coalesce((SELECT string_agg(c.line || E'\\n', '' ORDER BY c.witness) "
			 "FROM release_mgmt.ledger_cosignature AS c WHERE c.log_id = k.log_id AND c.size = k.size), '') "
			 "FROM release_mgmt.ledger_checkpoint AS k WHERE k.log_id = '%s' ORDER BY k.size DESC%s",
			 log_id, options->nwitnesses > 0 ? "" : " LIMIT 1");
	result = query(connection, sql);
	if (PQntuples(result) == 0)
		trouble("there is no signed checkpoint; let the ledger be signed with release_mgmt.sign_checkpoint()");
	for (int i = 0; i < PQntuples(result); i++)
	{
		text = PQgetvalue(result, i, 0);
		(void) restore_dashes(text, strlen(text));
		note = require_note(text, options);
		if (is_cosigned_by_all(options, &note))
			break;
		if (i == PQntuples(result) - 1)
			trouble("there is no checkpoint that every witness has cosigned");
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

/* Verify everything, and keep the checkpoint as the one seen last. */
static int
verify(const Options *options)
{
	size_t len;
	char *state = read_file(options->state, &len);
	PGconn *connection = open_connection(options->argument);
	char *log_id = find_log(connection, options->verifier.name);
	Note notes[2];
	int nnotes = 1;
	uint64_t size;

	notes[0] = present_note(connection, options, log_id);
	if (state)
	{
		if (!open_note(state, &options->verifier, &notes[1]))
			trouble("%s does not hold a checkpoint signed by %s", options->state, options->verifier.name);
		nnotes = 2;
		/* With witnesses named, a later checkpoint may have been seen that they had not cosigned. */
		if (notes[1].size > notes[0].size && options->nwitnesses == 0)
			finding("tree shrank", (int64_t) notes[0].size, NULL, NULL, "a larger one was seen last");
	}
	size = verify_log(connection, log_id, notes, nnotes);
	verify_tables(connection);
	progress_end();
	PQfinish(connection);
	if (findings > 0)
	{
		printf("%d findings\n", findings);
		return EXIT_FINDINGS;
	}
	if (nnotes == 1 || notes[1].size < notes[0].size)
		write_file(options->state, notes[0].text, strlen(notes[0].text));
	printf("%s is sound: %" PRIu64 " leaves, %" PRIu64 " of them signed, %" PRIu64 " keys\n", options->verifier.name,
		   size, notes[0].size, known_rows());
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
