/*
 * state.c
 *		The file in which an auditor keeps the checkpoint seen last of each log: notes, one behind the other.
 *
 * Behind each stands a line "edge <base64>": the roots of the perfect
 * subtrees that make up its tree, largest first, from which the next run goes
 * on.  Where a log was never signed to its end, the note is what the next log
 * holds of it.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define EDGE "edge "

/* Take the next note of the file: body, empty line, signature lines; *next is NULL at the end. */
static char *
take_note(const char **next)
{
	const char *start = *next + strspn(*next, "\n");
	const char *end = strstr(start, "\n\n");
	char *text;

	*next = NULL;
	if (end == NULL)
		return NULL;
	end += 2;
	while (is_signature_line(end))
	{
		end += strcspn(end, "\n");
		end += *end == '\n';
	}
	text = strndup(start, (size_t) (end - start));
	*next = end;
	return text;
}

/* Take the line behind a note that holds the edge of its tree; false where there is none. */
static bool
take_edge(const Options *options, const char **next, const Note *note, RmMerkle *edge)
{
	size_t len = strcspn(*next, "\n");
	size_t room = (size_t) __builtin_popcountll(note->size) * RM_SHA256_SIZE;
	unsigned char root[RM_SHA256_SIZE];

	if (strncmp(*next, EDGE, strlen(EDGE)) != 0)
		return false;
	rm_merkle_init(edge);
	edge->size = note->size;
	if (decode_base64(*next + strlen(EDGE), len - strlen(EDGE), edge->stack[0], room) != room ||
		!rm_merkle_compute_root(edge, root) || memcmp(root, note->root, RM_SHA256_SIZE) != 0)
		trouble("%s: the edge does not lead to the root in the checkpoint of %s", options->state, note->origin);
	*next += len;
	return true;
}

/* Read the checkpoints seen last, each of which must be the signer's, and give them to their logs. */
void
read_state(const Options *options, Logs *logs)
{
	size_t len;
	char *content = read_file(options->state, &len);
	const char *next = content;
	char *text;

	while (next && (text = take_note(&next)) != NULL)
	{
		char *origin = strndup(text, strcspn(text, "\n"));
		Verifier verifier = verifier_of(options, origin);
		Log *log = find_log_of(logs, origin);
		RmMerkle edge;
		bool has_edge;
		bool is_signed;
		Note note = { 0 };

		is_signed = open_note(text, &verifier, &note) && strcmp(verifier.name, origin) == 0;
		if (!is_signed && !parse_note(text, &note))
			trouble("%s does not hold a checkpoint", options->state);
		has_edge = take_edge(options, &next, &note, &edge);
		if (!is_signed && !has_edge)
			trouble("%s does not hold a checkpoint signed by %s", options->state, options->verifier.name);
		if (log == NULL)
			finding("log missing", -1, NULL, NULL, origin);
		else
		{
			log->seen = note;
			log->is_seen = true;
			log->has_edge = has_edge;
			if (has_edge)
				log->edge = edge;
		}
		free(origin);
		free(text);
	}
	if (len > 0 && content[strspn(content, "\n")] != '\0' && strstr(content, "\n\n") == NULL)
		trouble("%s does not hold a checkpoint", options->state);
	free(content);
}

/* Keep the checkpoint of each log that is to be remembered. */
void
write_state(const Options *options, const Logs *logs)
{
	char *content;
	size_t size;
	FILE *file = open_memstream(&content, &size);

	for (int i = 0; file && i < logs->count; i++)
	{
		const Log *log = &logs->log[i];
		int len = __builtin_popcountll(log->kept.size) * RM_SHA256_SIZE;
		char *edge = allocate((size_t) len * 2 + 4);

		if (log->is_kept)
		{
			EVP_EncodeBlock((unsigned char *) edge, log->kept_edge.stack[0], len);
			fprintf(file, "%s%s" EDGE "%s\n", log->kept.text, strstr(log->kept.text, "\n\n") ? "" : "\n", edge);
		}
		free(edge);
	}
	if (file == NULL || fclose(file) != 0)
		trouble("out of memory");
	write_file(options->state, content, size);
	free(content);
}
