/*
 * version_rpm.c
 *		RPM versions, [epoch:]version[-release] (rpm-version(7)), and the generic scheme.
 *
 * Both compare runs of digits as numbers and runs of letters as text; other
 * characters only separate.  In order: '~', end, '^', letters, digits.
 *
 * Key of RPM: epoch; version's segments and an end; release's segments and an
 * end, or RM_KEY_ABSENT.  The generic scheme, for what follows no other, has
 * neither epoch nor release, and '~' and '^' only separate; a letter is any
 * character beyond ASCII, too.
 */
#include "types/version_schemes.h"

#include <string.h>

/* Tell whether a letter of the generic scheme begins here. */
static bool
is_letter(char c, bool generic)
{
	return rm_version_is_alpha(c) || (generic && (c & 0x80) != 0);
}

/* Append the segments of text[at..end); return how many there were. */
static int
put_segments(RmKey *key, const char *text, size_t at, size_t end, bool generic)
{
	int segments = 0;

	while (at < end)
	{
		size_t start = at;

		if (rm_version_is_digit(text[at]))
		{
			at += rm_key_put_number(key, text + at, end - at);
			segments++;
		}
		else if (is_letter(text[at], generic))
		{
			while (at < end && is_letter(text[at], generic))
				at++;
			rm_key_put_text(key, text + start, at - start);
			segments++;
		}
		else
		{
			if (!generic && text[at] == '~')
				rm_key_put(key, RM_KEY_TILDE);
			else if (!generic && text[at] == '^')
				rm_key_put(key, RM_KEY_CARET);
			at++;
		}
	}
	return segments;
}

/* Parse RPM; see version_schemes.h. */
bool
rm_version_parse_rpm(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	size_t digits = rm_version_count_digits(text, len);
	bool has_epoch = digits > 0 && digits < len && text[digits] == ':';
	size_t start = has_epoch ? digits + 1 : 0;
	const char *hyphen = memchr(text, '-', len);
	size_t end = hyphen == NULL ? len : (size_t) (hyphen - text);

	for (size_t at = start; at < len; at++)
	{
		if (at != end && !rm_version_is_alpha(text[at]) && !rm_version_is_digit(text[at]) &&
			(text[at] == '\0' || strchr("._+~^", text[at]) == NULL))
			return rm_version_complain(error, at,
									   "A version, and a release after one hyphen, consist of letters, digits and "
									   ". _ + ~ ^");
	}
	if (end <= start)
		return rm_version_complain(error, start, "A version is expected.");
	if (hyphen != NULL && end + 1 == len)
		return rm_version_complain(error, len, "A release is expected after the hyphen.");

	if (has_epoch)
		version->parts[RM_PART_EPOCH] = (RmSpan) { 0, digits };
	rm_key_put_number(&version->key, text, start);

	version->parts[RM_PART_UPSTREAM] = (RmSpan) { start, end - start };
	put_segments(&version->key, text, start, end, false);
	rm_key_put(&version->key, RM_KEY_END);

	if (hyphen == NULL)
	{
		rm_version_end(version, RM_KEY_ABSENT);
		version->after = RM_KEY_GREATEST;
		return true;
	}
	version->parts[RM_PART_REVISION] = (RmSpan) { end + 1, len - end - 1 };
	put_segments(&version->key, text, end + 1, len, false);
	rm_version_end(version, RM_KEY_END);
	return true;
}

/* Parse a version of no known scheme; see version_schemes.h. */
bool
rm_version_parse_generic(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	for (size_t at = 0; at < len; at++)
	{
		if ((unsigned char) text[at] <= ' ' || text[at] == 0x7F)
			return rm_version_complain(error, at, "A version has neither spaces nor control characters.");
	}
	if (put_segments(&version->key, text, 0, len, true) == 0)
		return rm_version_complain(error, 0, "A version has at least one letter or digit.");
	rm_version_end(version, RM_KEY_END);
	return true;
}
