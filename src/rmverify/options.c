/*
 * options.c
 *		The command line of rmverify.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

static const char usage[] =
	"rmverify verifies a release_mgmt ledger, and what comes from it, without trusting the server.\n"
	"\n"
	"  rmverify --key KEY --state FILE [--full] [--checkpoint FILE] [CONNECTION]\n"
	"                                                                      everything, from rows to signed root\n"
	"  rmverify tiles --key KEY --directory DIRECTORY [CONNECTION]         the log as files for a web server\n"
	"  rmverify proof --key KEY FILE                                       what release_mgmt.proof_of() returned\n"
	"  rmverify evidence --key KEY FILE                                    what release_mgmt.export_evidence() "
	"returned\n"
	"\n"
	"  --key         what release_mgmt.verifier_key() returned, or a file that holds it; get it by a road of its own;\n"
	"                once more for an epoch that was signed with another key\n"
	"  --witness     a witness's verifier key, or a file that holds it; each one given must have cosigned the "
	"checkpoint\n"
	"  --state       where the checkpoint seen last is kept; the ledger must have grown from it, and only what came\n"
	"                later is read\n"
	"  --full        everything is read\n"
	"  --checkpoint  a signed checkpoint to verify against, instead of the last one that the database holds\n"
	"  --directory   where the files are; those that are there already are gone on with\n"
	"  CONNECTION    a connection string of libpq, such as \"host=cmdb dbname=cmdb user=auditor\"\n"
	"\n"
	"Exit status 0: sound. 1: findings, one a line. 2: nothing can be said.\n"
	"The role needs BYPASSRLS, and SELECT on the governed tables and on the tables of schema release_mgmt.\n";

/* Say how it is called, and end. */
static void
refuse_usage(void)
{
	fputs(usage, stderr);
	exit(EXIT_TROUBLE);
}

/* Read a verifier key from a file, or take it as it is. */
static Verifier
load_verifier(const char *option, unsigned char algorithm)
{
	size_t len;
	char *content = strchr(option, '+') ? NULL : read_file(option, &len);

	return parse_verifier(content ? content : option, algorithm);
}

/* Append a verifier to a list. */
static void
add_verifier(Verifier **verifiers, int *count, Verifier verifier)
{
	*verifiers = realloc(*verifiers, sizeof(Verifier) * (size_t) (*count + 1));
	if (*verifiers == NULL)
		trouble("out of memory");
	(*verifiers)[(*count)++] = verifier;
}

/* Take an option in. */
static void
take_option(Options *options, int option)
{
	switch (option)
	{
		case 'k':
			if (options->verifier.name == NULL)
				options->verifier = load_verifier(optarg, ALGORITHM_NOTE);
			else
				add_verifier(&options->others, &options->nothers, load_verifier(optarg, ALGORITHM_NOTE));
			break;
		case 'w':
			add_verifier(&options->witnesses, &options->nwitnesses, load_verifier(optarg, ALGORITHM_COSIGNATURE));
			break;
		case 's':
			options->state = optarg;
			break;
		case 'c':
			options->checkpoint = optarg;
			break;
		case 'd':
			options->directory = optarg;
			break;
		case 'f':
			options->full = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SOUND);
		default:
			refuse_usage();
	}
}

/* Take the command line apart, or end. */
Options
parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "witness", required_argument, NULL, 'w' },
		{ "state", required_argument, NULL, 's' },
		{ "checkpoint", required_argument, NULL, 'c' },
		{ "full", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "directory", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	static const char *const commands[] = { "verify", "tiles", "proof", "evidence" };
	Options options = { .command = commands[0], .argument = NULL };
	bool on_file;
	int option;

	for (int i = 0; i < 4 && argc > 1; i++)
	{
		if (strcmp(argv[1], commands[i]) == 0)
		{
			options.command = commands[i];
			argv++;
			argc--;
			break;
		}
	}
	while ((option = getopt_long(argc, argv, "k:w:s:c:d:fh", long_options, NULL)) != -1)
		take_option(&options, option);
	if (optind < argc)
		options.argument = argv[optind];
	on_file = strcmp(options.command, "proof") == 0 || strcmp(options.command, "evidence") == 0;
	if (options.verifier.name == NULL || argc - optind > 1 || (on_file && options.argument == NULL) ||
		(options.state != NULL) != (strcmp(options.command, "verify") == 0) ||
		(options.directory != NULL) != (strcmp(options.command, "tiles") == 0) || (on_file && options.checkpoint) ||
		(options.full && strcmp(options.command, "verify") != 0))
		refuse_usage();
	if (options.argument == NULL)
		options.argument = "";
	return options;
}

/* Return whether the origin is an epoch of that of the first key, or that of another one. */
bool
is_own_origin(const Options *options, const char *origin)
{
	size_t len = base_length(options->verifier.name);

	for (int i = 0; i < options->nothers; i++)
	{
		if (strcmp(options->others[i].name, origin) == 0)
			return true;
	}
	return base_length(origin) == len && strncmp(origin, options->verifier.name, len) == 0;
}

/* Return the verifier of the log of that origin: of the key that bears its name, else of the first one for that epoch.
 */
Verifier
verifier_of(const Options *options, const char *origin)
{
	for (int i = 0; i < options->nothers; i++)
	{
		if (strcmp(options->others[i].name, origin) == 0)
			return options->others[i];
	}
	return verifier_of_epoch(&options->verifier, origin);
}

/* Return whether every witness that was named has cosigned the checkpoint. */
bool
is_cosigned_by_all(const Options *options, const Note *note)
{
	for (int i = 0; i < options->nwitnesses; i++)
	{
		if (!is_cosigned(&options->witnesses[i], note))
			return false;
	}
	return true;
}
