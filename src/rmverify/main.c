/*
 * main.c
 *		rmverify: verify a ledger from an auditor's machine.
 *
 * Exit status: 0 sound, 1 findings (on standard output, one a line), 2
 * trouble, so that nothing can be said.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rmverify/rmverify.h"

static const char usage[] =
	"rmverify verifies a release_mgmt ledger without trusting the server.\n"
	"\n"
	"  rmverify --key VERIFIER-KEY --state FILE [--checkpoint FILE] [CONNECTION]\n"
	"\n"
	"  --key         what release_mgmt.verifier_key() returned, or a file that holds it; get it by a road of its own\n"
	"  --state       where the checkpoint seen last is kept; the ledger must have grown from it\n"
	"  --checkpoint  a signed checkpoint to verify against, instead of the last one that the database holds\n"
	"  CONNECTION    a connection string of libpq, such as \"host=cmdb dbname=cmdb user=auditor\"\n"
	"\n"
	"The role needs SELECT on the governed tables and on the tables of schema release_mgmt.\n";

typedef struct Options
{
	const char *key;
	const char *state;
	const char *checkpoint;
	const char *conninfo;
} Options;

/* Take the command line apart, or end. */
static Options
parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "state", required_argument, NULL, 's' },
		{ "checkpoint", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	Options options = { .conninfo = "" };
	int option;

	while ((option = getopt_long(argc, argv, "k:s:c:h", long_options, NULL)) != -1)
	{
		if (option == 'k')
			options.key = optarg;
		else if (option == 's')
			options.state = optarg;
		else if (option == 'c')
			options.checkpoint = optarg;
		else
		{
			fputs(usage, option == 'h' ? stdout : stderr);
			exit(option == 'h' ? EXIT_SOUND : EXIT_TROUBLE);
		}
	}
	if (options.key == NULL || options.state == NULL || argc - optind > 1)
	{
		fputs(usage, stderr);
		exit(EXIT_TROUBLE);
	}
	if (optind < argc)
		options.conninfo = argv[optind];
	return options;
}

/* Read the verifier key from a file, or take it as it is. */
static Verifier
load_verifier(const char *option)
{
	char *content = strchr(option, '+') ? NULL : read_file(option);

	return parse_verifier(content ? content : option);
}

/* Return the checkpoint to verify against: the one given, or the last that the database holds. */
static Note
present_note(PGconn *connection, const Options *options, const Verifier *verifier, const char *log_id)
{
	char sql[256];
	char *text;
	Note note;

	snprintf(sql, sizeof(sql),
			 "SELECT note FROM release_mgmt.ledger_checkpoint WHERE log_id = '%s' ORDER BY size DESC LIMIT 1", log_id);
	text = options->checkpoint ? read_file(options->checkpoint) : query_value(connection, sql);
	if (text == NULL)
		trouble("there is no signed checkpoint; let the ledger be signed with release_mgmt.sign_checkpoint()");
	if (!open_note(text, verifier, &note))
		trouble("the checkpoint is not signed by %s", verifier->name);
	if (strcmp(note.origin, verifier->name) != 0)
		trouble("the checkpoint is of %s, not of %s", note.origin, verifier->name);
	return note;
}

/* Keep the checkpoint as the one seen last. */
static void
save_state(const char *path, const Note *note)
{
	size_t size = strlen(path) + 5;
	char *new_path = allocate(size);
	FILE *file;

	snprintf(new_path, size, "%s.new", path);
	file = fopen(new_path, "w");
	if (file == NULL || fputs(note->text, file) == EOF || fflush(file) != 0 || fsync(fileno(file)) != 0 ||
		fclose(file) != 0 || rename(new_path, path) != 0)
		trouble("could not write %s: %s", path, strerror(errno));
	free(new_path);
}

/* Return the id of the log of that origin, or end. */
static char *
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

int
main(int argc, char **argv)
{
	Options options = parse_options(argc, argv);
	Verifier verifier = load_verifier(options.key);
	char *state = read_file(options.state);
	PGconn *connection = open_connection(options.conninfo);
	char *log_id = find_log(connection, verifier.name);
	Note notes[2];
	int nnotes = 1;
	uint64_t size;

	notes[0] = present_note(connection, &options, &verifier, log_id);
	if (state)
	{
		if (!open_note(state, &verifier, &notes[1]))
			trouble("%s does not hold a checkpoint signed by %s", options.state, verifier.name);
		nnotes = 2;
		if (notes[1].size > notes[0].size)
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
	save_state(options.state, &notes[0]);
	printf("%s is sound: %" PRIu64 " leaves, %" PRIu64 " of them signed, %" PRIu64 " keys\n", verifier.name, size,
		   notes[0].size, known_rows());
	return EXIT_SOUND;
}
