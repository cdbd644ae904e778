/*
 * types_purl.c
 *		Fuzz the parser of package URLs.
 *
 * The canonical form of what is taken reads back as itself.
 */
#include <stdlib.h>
#include <string.h>

#include "types/purl_parse.h"

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static RmPurlParts parts;
	RmPurlCanonical canonical;
	RmPurlCanonical again;
	RmParseError error = { 0, NULL };
	char *text = malloc(size);

	if (size > 0)
		memcpy(text, data, size);
	if (!rm_purl_parse(text, size, &parts, &error) || !rm_purl_normalize(&parts, &error) ||
		!rm_purl_print(&parts, &canonical, &error))
	{
		if (error.message == NULL || (error.position != RM_NO_POSITION && error.position > size))
			abort();
	}
	else if (!rm_purl_parse(canonical.text, canonical.len, &parts, &error) || !rm_purl_normalize(&parts, &error) ||
			 !rm_purl_print(&parts, &again, &error) || again.len != canonical.len ||
			 memcmp(again.text, canonical.text, again.len) != 0)
		abort();
	free(text);
	return 0;
}
