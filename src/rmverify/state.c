/*
 * state.c
 *		The file in which an auditor keeps the checkpoint seen last of each log: notes, one behind the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

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
		Verifier verifier = verifier_of_epoch(&options->verifier, origin);
		Log *log = find_log_of(logs, origin);
		Note note;

		if (!open_note(text, &verifier, &note) || strcmp(verifier.name, origin) != 0)
			trouble("%s does not hold a checkpoint signed by %s", options->state, options->verifier.name);
		if (log == NULL)
			finding("log missing", -1, NULL, NULL, origin);
		else
		{
			log->seen = note;
			log->is_seen = true;
		}
		free(origin);
		free(text);
	}
	if (len > 0 && content[strspn(content, "\n")] != '\0' && strstr(content, "\n\n") == NULL)
		trouble("%s does not hold a checkpoint", options->state);
	free(content);
}

/* Keep the largest checkpoint of each log as the one seen last. */
void
write_state(const Options *options, const Logs *logs)
{
	char *content = allocate(1);
	size_t len = 0;

	for (int i = 0; i < logs->count; i++)
	{
		const Log *log = &logs->log[i];
		const Note *note = log->is_seen ? &log->seen : NULL;
		size_t note_len;

		if (log->is_signed && (note == NULL || note->size < log->last.size))
			note = &log->last;
		if (note == NULL)
			continue;
		note_len = strlen(note->text);
		content = realloc(content, len + note_len + 1);
		if (content == NULL)
			trouble("out of memory");
		memcpy(content + len, note->text, note_len + 1);
		len += note_len;
	}
	write_file(options->state, content, len);
	free(content);
}
