/*
 * types_version.c
 *		Fuzz the parsers of versions: a digit for the scheme, the rest is the text.
 *
 * A version lies between its own points and the ends of its scheme, and its
 * parts are within its text.
 */
#include <stdlib.h>
#include <string.h>

#include "types/version.h"

/* Order two keys. */
static int
compare(const RmKey *a, const RmKey *b)
{
	int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* Parse text with a mark behind it, which must succeed. */
static void
parse_point(RmScheme scheme, const char *text, size_t len, char mark, RmVersion *point)
{
	char *marked = malloc(len + 1);
	RmParseError error;

	memcpy(marked, text, len);
	marked[len] = mark;
	if (!rm_version_parse_bound(scheme, marked, len + 1, point, &error) || !point->is_bound)
		abort();
	free(marked);
}

/* libFuzzer's entry. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RmVersion version;
	RmVersion point;
	RmParseError error = { 0, NULL };
	RmScheme scheme;
	char *text;
	size_t len;

	if (size < 1)
		return 0;
	scheme = 1 + (uint8_t) (data[0] - '0') % RM_SCHEME_LAST;
	len = size - 1;
	text = malloc(len);
	if (len > 0)
		memcpy(text, data + 1, len);

	if (!rm_version_parse(scheme, text, len, &version, &error))
	{
		if (error.message == NULL || (error.position != RM_NO_POSITION && error.position > len))
			abort();
		free(text);
		return 0;
	}
	for (int part = 0; part < RM_PART_COUNT; part++)
	{
		if (version.parts[part].start + version.parts[part].len > len)
			abort();
	}
	parse_point(scheme, text, len, '<', &point);
	if (compare(&point.key, &version.key) >= 0)
		abort();
	parse_point(scheme, text, len, '>', &point);
	if (compare(&version.key, &point.key) >= 0)
		abort();
	parse_point(scheme, "", 0, '<', &point);
	if (compare(&point.key, &version.key) >= 0)
		abort();
	parse_point(scheme, "", 0, '>', &point);
	if (compare(&version.key, &point.key) >= 0)
		abort();
	free(text);
	return 0;
}
