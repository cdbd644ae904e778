/*
 * types_vers.c
 *		Fuzz the parser of version range specifiers.
 *
 * It comes to an end, and what it complains of is within the text.
 */
#include <stdlib.h>
#include <string.h>

#include "types/vers_parse.h"

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RmVersConstraint constraint;
	RmVers vers;
	RmParseError error = { 0, NULL };
	char *text = malloc(size);
	bool valid;

	if (size > 0)
		memcpy(text, data, size);
	valid = rm_vers_begin(text, size, &vers, &error);
	for (size_t count = 0; valid && rm_vers_has_constraint(&vers); count++)
	{
		if (count > size)
			abort();
		valid = rm_vers_next_constraint(&vers, &constraint, &error);
	}
	if (!valid && (error.message == NULL || error.position > size))
		abort();
	free(text);
	return 0;
}
