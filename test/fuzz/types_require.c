/*
 * types_require.c
 *		Fuzz the parsers of requirements: a digit for the syntax, a version, a tab, a requirement.
 *
 * A version that satisfies a requirement satisfies it again; nothing of
 * another scheme does.
 */
#include <stdlib.h>
#include <string.h>

#include "types/require.h"

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static RmRequirement requirement;
	RmVersion version;
	RmParseError error = { 0, NULL };
	RmSyntax syntax;
	RmScheme scheme;
	const uint8_t *tab = size < 2 ? NULL : memchr(data + 1, '\t', size - 1);
	size_t version_len;
	size_t len;
	char *text;
	char *version_text;

	if (tab == NULL)
		return 0;
	syntax = 1 + (uint8_t) (data[0] - '0') % RM_SYNTAX_LAST;
	scheme = rm_syntax_scheme(syntax);
	version_len = tab - data - 1;
	len = size - 2 - version_len;
	version_text = malloc(version_len);
	text = malloc(len);
	if (version_len > 0)
		memcpy(version_text, data + 1, version_len);
	if (len > 0)
		memcpy(text, tab + 1, len);

	if (!rm_require_parse(syntax, text, len, &requirement, &error))
	{
		if (error.message == NULL || (error.position != RM_NO_POSITION && error.position > len))
			abort();
	}
	else if (rm_version_parse(scheme, version_text, version_len, &version, &error))
	{
		bool satisfied = rm_require_satisfied(&requirement, version_text, version_len, version.key.bytes, version.key.len);

		if (satisfied !=
			rm_require_satisfied(&requirement, version_text, version_len, version.key.bytes, version.key.len))
			abort();
		version.key.bytes[0] = scheme + 1;
		if (rm_require_satisfied(&requirement, version_text, version_len, version.key.bytes, version.key.len))
			abort();
	}
	free(text);
	free(version_text);
	return 0;
}
