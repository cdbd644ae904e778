/*
 * version_deb.c
 *		Debian versions: [epoch:]upstream[-revision] (Debian Policy 5.6.12, deb-version(7)).
 *
 * Key: epoch; upstream and revision, each as its characters and numbers in
 * turn, and an end.  Where dpkg compares the end of the characters, a number
 * follows (0 where the text has none), and its codes stand between '~' and
 * the letters, as the end does; punctuation follows the letters.
 */
#include "types/version_schemes.h"

#include <string.h>

/* Return the code of a character, 0 for one that Debian versions lack. */
static unsigned char
code_character(char c)
{
	static const char punctuation[] = "+-.:";
	const char *found;

	if (c == '~')
		return RM_KEY_TILDE;
	if (c >= 'A' && c <= 'Z')
		return RM_KEY_CHARACTER + (c - 'A');
	if (c >= 'a' && c <= 'z')
		return RM_KEY_CHARACTER + 26 + (c - 'a');
	found = c == '\0' ? NULL : strchr(punctuation, c);
	return found == NULL ? 0 : RM_KEY_CHARACTER + 52 + (found - punctuation);
}

/* Append upstream or revision, text[start..end). */
static bool
put_part(const char *text, size_t start, size_t end, bool revision, RmVersion *version, RmParseError *error)
{
	size_t at = start;

	do
	{
		for (; at < end && !rm_version_is_digit(text[at]); at++)
		{
			unsigned char code = code_character(text[at]);

			if (code == 0 || (revision && text[at] == ':'))
				return rm_version_complain(error, at,
										   revision ? "A revision consists of letters, digits and + . ~"
													: "A version consists of letters, digits and + - . : ~");
			rm_key_put(&version->key, code);
		}
		at += rm_key_put_number(&version->key, text + at, end - at);
	} while (at < end);

	rm_version_end(version, RM_KEY_END);
	return true;
}

/* Parse; see version_schemes.h. */
bool
rm_version_parse_deb(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	const char *colon = memchr(text, ':', len);
	const char *hyphen = memrchr(text, '-', len);
	size_t start = 0;
	size_t end = hyphen == NULL ? len : (size_t) (hyphen - text);

	if (colon != NULL)
	{
		size_t digits = rm_version_count_digits(text, len);

		if (digits == 0 || text[digits] != ':')
			return rm_version_complain(error, digits, "The epoch, before the first colon, is a number.");
		version->parts[RM_PART_EPOCH] = (RmSpan) { 0, digits };
		start = digits + 1;
	}
	rm_key_put_number(&version->key, text, start);

	if (end <= start)
		return rm_version_complain(error, start, "An upstream version is expected.");
	if (hyphen != NULL && end + 1 == len)
		return rm_version_complain(error, len, "A revision is expected after the hyphen.");

	version->parts[RM_PART_UPSTREAM] = (RmSpan) { start, end - start };
	if (!put_part(text, start, end, false, version, error))
		return false;
	if (hyphen == NULL)
		return put_part(text, len, len, true, version, error);
	version->parts[RM_PART_REVISION] = (RmSpan) { end + 1, len - end - 1 };
	return put_part(text, end + 1, len, true, version, error);
}
