/*
 * version_semver.c
 *		Semantic Versioning 2.0.0: npm, Cargo, Go (a leading v is taken).
 *
 * Key: major, minor, patch as numbers; then 0xFE for a release, or the
 * pre-release's identifiers and an end (section 11).  Build metadata has no
 * part in the order.
 *
 * Identifiers: a numeric one is a number at codes below 0x80; any other is a
 * bit, set, and its characters in a prefix code that keeps ASCII's order and
 * is short for digits, since pseudo-versions of Go consist of them:
 *
 *		end 00000, hyphen 00001, digits 4 bits, upper case 9, lower case 7
 *
 * filled up to a whole byte with zeros.  Its first byte is at most 0xF8.
 */
#include "types/version_schemes.h"

#define RELEASE 0xFE
#define ID_SINGLES 95

/* Bits on their way into a key, highest first. */
typedef struct BitWriter
{
	RmKey *key;
	uint32_t bits;
	int count;
} BitWriter;

/* Append the low count bits of value. */
static void
put_bits(BitWriter *writer, uint32_t value, int count)
{
	writer->bits = writer->bits << count | value;
	writer->count += count;
	while (writer->count >= 8)
	{
		writer->count -= 8;
		rm_key_put(writer->key, writer->bits >> writer->count & 0xFF);
	}
}

/* Append an identifier that is not a number; folded, capitals are lower case. */
static void
put_identifier(RmKey *key, const char *text, size_t len, bool fold)
{
	BitWriter writer = { key, 1, 1 };

	for (size_t i = 0; i < len; i++)
	{
		char c = text[i];

		if (c == '-')
			put_bits(&writer, 1, 5);
		else if (rm_version_is_digit(c))
			put_bits(&writer, 1 + c - '0', 4);
		else if (c <= 'Z' && !fold)
			put_bits(&writer, 0x160 + c - 'A', 9);
		else
			put_bits(&writer, 95 + (c | 0x20) - 'a', 7);
	}
	put_bits(&writer, 0, 5);
	if (writer.count > 0)
		put_bits(&writer, 0, 8 - writer.count);
}

/* Return the length of the identifier that text begins with. */
static size_t
count_identifier(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (rm_version_is_alpha(text[i]) || rm_version_is_digit(text[i]) || text[i] == '-'))
		i++;
	return i;
}

/* Read dotted identifiers at *at, into the key where they are a pre-release. */
static bool
parse_identifiers(const char *text, size_t len, size_t *at, bool prerelease, bool fold, RmVersion *version,
				  RmParseError *error)
{
	for (;;)
	{
		size_t count = count_identifier(text + *at, len - *at);
		bool numeric = rm_version_count_digits(text + *at, count) == count;

		if (count == 0)
			return rm_version_complain(error, *at, "An identifier is expected: letters, digits and hyphens.");
		if (prerelease && numeric && count > 1 && text[*at] == '0')
			return rm_version_complain(error, *at, "A numeric identifier has no leading zero.");
		if (prerelease && numeric)
			rm_key_put_number_among(&version->key, text + *at, count, RM_KEY_NUMBER, ID_SINGLES);
		else if (prerelease)
			put_identifier(&version->key, text + *at, count, fold);

		*at += count;
		if (*at == len || text[*at] != '.')
			return true;
		(*at)++;
	}
}

/*
 * Read what follows the numbers, at `at`: a pre-release and build metadata,
 * both optional.  Folded, pre-releases compare in any case.
 */
bool
rm_version_parse_suffix(const char *text, size_t len, size_t at, bool fold, RmVersion *version, RmParseError *error)
{
	if (at < len && text[at] == '-')
	{
		size_t start = ++at;

		if (!parse_identifiers(text, len, &at, true, fold, version, error))
			return false;
		version->parts[RM_PART_PRERELEASE] = (RmSpan) { start, at - start };
		version->is_prerelease = true;
		rm_version_end(version, RM_KEY_END);
	}
	else
		rm_version_end(version, RELEASE);

	if (at < len && text[at] == '+')
	{
		size_t start = ++at;

		if (!parse_identifiers(text, len, &at, false, fold, version, error))
			return false;
		version->parts[RM_PART_BUILD] = (RmSpan) { start, at - start };
	}
	if (at < len)
		return rm_version_complain(error, at, "The version ends here, but the text goes on.");
	return true;
}

/* Parse; see version_schemes.h. */
bool
rm_version_parse_semver(const char *text, size_t len, RmVersion *version, RmParseError *error)
{
	size_t at = text[0] == 'v' ? 1 : 0;

	for (int part = RM_PART_MAJOR; part <= RM_PART_PATCH; part++)
	{
		size_t digits = rm_version_count_digits(text + at, len - at);

		if (digits == 0)
			return rm_version_complain(error, at, "A number is expected: a version is major.minor.patch.");
		if (digits > 1 && text[at] == '0')
			return rm_version_complain(error, at, "A number has no leading zero.");
		rm_key_put_number(&version->key, text + at, digits);
		version->parts[part] = (RmSpan) { at, digits };
		at += digits;
		if (part < RM_PART_PATCH)
		{
			if (at == len || text[at] != '.')
				return rm_version_complain(error, at, "A dot is expected: a version is major.minor.patch.");
			at++;
		}
	}

	return rm_version_parse_suffix(text, len, at, false, version, error);
}
