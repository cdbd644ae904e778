/*
 * types_digest.c
 *		Fuzz the parsers of digests.
 *
 * What is taken in OCI's or SRI's form is printed as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "types/digest_parse.h"

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RmDigestValue value;
	RmParseError error;
	char printed[RM_DIGEST_TEXT_SIZE];
	char *text = malloc(size);

	if (size > 0)
		memcpy(text, data, size);
	if (rm_digest_parse_oci(text, size, &value, &error))
	{
		rm_digest_print_oci(value.algorithm, value.bytes, printed);
		if (strlen(printed) != size || memcmp(printed, text, size) != 0)
			abort();
	}
	if (rm_digest_parse_sri(text, size, &value, &error))
	{
		rm_digest_print_sri(value.algorithm, value.bytes, printed);
		if (strlen(printed) != size || memcmp(printed, text, size) != 0)
			abort();
	}
	rm_digest_parse_hex(text, size, &value, &error);
	free(text);
	return 0;
}
