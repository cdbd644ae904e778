/*
 * purl_parse.c
 *		Take a package URL apart (ECMA-427, "How to parse a PURL").
 */
#include "types/purl_parse.h"

#include <string.h>

/* Text being decoded into the parts' arena. */
typedef struct Decoder
{
	const char *text; /* the whole input, for positions */
	char *free;       /* next free byte of the arena */
	RmParseError *error;
} Decoder;

/* Note what is wrong; always false, so that a parser can return it. */
static bool
complain(RmParseError *error, size_t position, const char *message)
{
	error->position = position;
	error->message = message;
	return false;
}

/* Return the value of a hexadecimal digit, -1 for another character. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Return the length of the UTF-8 character that text begins with, 0 if it is none (RFC 3629 section 4). */
static size_t
count_utf8(const unsigned char *text, size_t len)
{
	size_t count = text[0] < 0x80   ? 1
				   : text[0] < 0xC2 ? 0
				   : text[0] < 0xE0 ? 2
				   : text[0] < 0xF0 ? 3
				   : text[0] < 0xF5 ? 4
									: 0;

	if (count > len)
		return 0;
	for (size_t i = 1; i < count; i++)
	{
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
		(text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return count;
}

/* Decode text[start..end) behind result, which ends where the arena is free. */
static bool
append_decoded(Decoder *decoder, size_t start, size_t end, RmPurlText *result)
{
	size_t first = result->len;

	for (size_t at = start; at < end; at++)
	{
		char c = decoder->text[at];

		if (c == '%')
		{
			int high = end - at > 2 ? hex_value(decoder->text[at + 1]) : -1;
			int low = end - at > 2 ? hex_value(decoder->text[at + 2]) : -1;

			if (high < 0 || low < 0)
				return complain(decoder->error, at, "Two hexadecimal digits are expected after the percent sign.");
			c = high << 4 | low;
			at += 2;
		}
		if (c == '\0')
			return complain(decoder->error, at, "A null character is not taken.");
		*decoder->free++ = c;
		result->len++;
	}

	while (first < result->len)
	{
		size_t count = count_utf8((unsigned char *) result->data + first, result->len - first);

		if (count == 0)
			return complain(decoder->error, start,
							"What stands here is not UTF-8, once the percent signs are decoded.");
		first += count;
	}
	return true;
}

/* Decode text[start..end) as one component. */
static bool
decode(Decoder *decoder, size_t start, size_t end, RmPurlText *result)
{
	*result = (RmPurlText) { decoder->free, 0, start };
	return append_decoded(decoder, start, end, result);
}

/*
 * Decode text[start..end) as segments between slashes; empty ones are left
 * out, dots too in a subpath.
 */
static bool
decode_segments(Decoder *decoder, size_t start, size_t end, bool subpath, RmPurlText *result)
{
	*result = (RmPurlText) { decoder->free, 0, start };
	while (start < end)
	{
		const char *slash = memchr(decoder->text + start, '/', end - start);
		size_t stop = slash == NULL ? end : (size_t) (slash - decoder->text);
		RmPurlText before = *result;
		RmPurlText segment;

		if (result->len > 0)
		{
			*decoder->free++ = '/';
			result->len++;
		}
		segment = (RmPurlText) { decoder->free, 0, start };
		if (!append_decoded(decoder, start, stop, &segment))
			return false;
		if (segment.len > 0 && memchr(segment.data, '/', segment.len) != NULL)
			return complain(decoder->error, start, "A segment can not contain a slash.");
		result->len += segment.len;

		if (segment.len == 0 ||
			(subpath && segment.data[0] == '.' && (segment.len == 1 || (segment.len == 2 && segment.data[1] == '.'))))
		{
			*result = before;
			decoder->free = result->data + result->len;
		}
		start = stop + 1;
	}
	return true;
}

/* Decode text[start..end) as qualifiers; those without a value are left out. */
static bool
decode_qualifiers(Decoder *decoder, size_t start, size_t end, RmPurlParts *parts)
{
	while (start < end)
	{
		const char *ampersand = memchr(decoder->text + start, '&', end - start);
		size_t stop = ampersand == NULL ? end : (size_t) (ampersand - decoder->text);
		const char *equals = memchr(decoder->text + start, '=', stop - start);
		RmPurlQualifier *qualifier = &parts->qualifiers[parts->qualifier_count];

		if (equals == NULL)
			return complain(decoder->error, start, "A qualifier is expected: key=value.");
		if (parts->qualifier_count == RM_PURL_MAX_QUALIFIERS)
			return complain(decoder->error, start, "A package URL has at most 64 qualifiers.");
		qualifier->key = (RmPurlText) { decoder->free, equals - decoder->text - start, start };
		memcpy(decoder->free, decoder->text + start, qualifier->key.len);
		decoder->free += qualifier->key.len;
		if (!decode(decoder, equals - decoder->text + 1, stop, &qualifier->value))
			return false;
		if (qualifier->value.len > 0)
			parts->qualifier_count++;
		start = stop + 1;
	}
	return true;
}

/*
 * Return the offset of the '@' before the version, end if there is none: the
 * last one, unless it begins a segment that others follow.
 */
static size_t
find_version(const char *text, size_t start, size_t end)
{
	const char *sign = memrchr(text + start, '@', end - start);
	size_t at = sign == NULL ? end : (size_t) (sign - text);

	if (at < end && (at == start || text[at - 1] == '/') && memchr(sign, '/', end - at) != NULL)
		return end;
	return at;
}

/*
 * Take the text apart and decode it.
 *
 * In one thing more lenient than the specification: npm's scopes are often
 * written with a bare '@', and do not begin a version.
 */
bool
rm_purl_parse(const char *text, size_t len, RmPurlParts *parts, RmParseError *error)
{
	Decoder decoder = { text, parts->arena, error };
	const char *hash = memrchr(text, '#', len);
	size_t end = hash == NULL ? len : (size_t) (hash - text);
	const char *question = memrchr(text, '?', end);
	size_t path_end = question == NULL ? end : (size_t) (question - text);
	size_t at = 4;
	size_t version;
	const char *slash;

	parts->qualifier_count = 0;
	if (len > RM_PURL_MAX)
		return complain(error, RM_PURL_MAX, "A package URL has at most 2000 bytes.");
	if (path_end < 4 || (text[0] | 0x20) != 'p' || (text[1] | 0x20) != 'k' || (text[2] | 0x20) != 'g' || text[3] != ':')
		return complain(error, 0, "A package URL begins with pkg: and the type.");
	while (at < path_end && text[at] == '/')
		at++;

	slash = memchr(text + at, '/', path_end - at);
	if (slash == NULL)
		return complain(error, path_end, "A type, a slash and a name are expected.");
	parts->type = (RmPurlText) { decoder.free, slash - text - at, at };
	memcpy(decoder.free, text + at, parts->type.len);
	decoder.free += parts->type.len;
	at = slash - text + 1;

	version = find_version(text, at, path_end);
	if (version < path_end && (version == at || text[version - 1] == '/'))
		return complain(error, version, "A name is expected before the version.");
	if (!decode(&decoder, version < path_end ? version + 1 : path_end, path_end, &parts->version))
		return false;

	while (at < version && text[at] == '/')
		at++;
	while (version > at && text[version - 1] == '/')
		version--;
	slash = memrchr(text + at, '/', version - at);
	if (!decode(&decoder, slash == NULL ? at : (size_t) (slash - text) + 1, version, &parts->name) ||
		!decode_segments(&decoder, at, slash == NULL ? at : (size_t) (slash - text), false, &parts->namespace))
		return false;
	if (question != NULL && !decode_qualifiers(&decoder, path_end + 1, end, parts))
		return false;
	return decode_segments(&decoder, hash == NULL ? len : end + 1, len, true, &parts->subpath);
}
