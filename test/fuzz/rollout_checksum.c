/*
 * rollout_checksum.c
 *		Fuzz the reading of what sha256sum prints.
 *
 * A recognized line has a path, relative, no longer than the line; its check
 * line reads back as that path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rollout/checksum.h"

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size);
	char *room = malloc(size + 1);
	char *again_room = malloc(size + 5);
	char *again_line = malloc(size + 4);
	RmChecksumLine checksum;
	RmChecksumLine again;

	if (size > 0)
		memcpy(line, data, size);
	if (rm_checksum_parse(line, size, room, &checksum) != RM_CHECKSUM_OTHER)
	{
		size_t len = strlen(checksum.path);

		if (len == 0 || len > size || checksum.path[0] == '/' || strncmp(checksum.path, "./", 2) == 0)
			abort();
		memcpy(again_line, checksum.path, len);
		memcpy(again_line + len, ": OK", 4);
		/* What begins like an escape or like another form is written otherwise. */
		if (checksum.path[0] != '\\' && rm_checksum_parse(again_line, len + 4, again_room, &again) == RM_CHECKSUM_OK &&
			strncmp(checksum.path, "sha", 3) != 0 && strcmp(again.path, checksum.path) != 0)
			abort();
	}
	free(line);
	free(room);
	free(again_room);
	free(again_line);
	return 0;
}
