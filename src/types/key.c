/*
 * key.c
 *		Keys: byte strings whose memcmp order is the order of versions.
 *
 * No text within RM_VERSION_MAX fills a key: a character gives at most two
 * bytes, which the parsers' callers have checked by the text's length.
 */
#include "types/key.h"

#include <assert.h>
#include <string.h>

/* Append a code. */
void
rm_key_put(RmKey *key, unsigned char code)
{
	assert(key->len < RM_KEY_MAX);
	key->bytes[key->len++] = code;
}

/* Append the digits two in a byte: their count in two bytes, then the pairs. */
static void
put_decimal(RmKey *key, const char *digits, size_t count)
{
	rm_key_put(key, count >> 8);
	rm_key_put(key, count & 0xFF);
	for (size_t i = 0; i < count; i += 2)
		rm_key_put(key, (digits[i] - '0') << 4 | (i + 1 < count ? digits[i + 1] - '0' : 0));
}

/*
 * Append the number that text begins with, 0 where it begins with none, and
 * return how many digits it took.
 *
 * Codes from first on: one for each of the first numbers; eight for numbers
 * of 1 to 8 bytes, which follow; one for a larger number, in decimal.
 */
size_t
rm_key_put_number_among(RmKey *key, const char *text, size_t len, unsigned char first, int singles)
{
	size_t digits = 0;
	size_t zeros = 0;
	uint64_t value = 0;
	bool fits = true;
	int bytes = 0;

	while (digits < len && text[digits] == '0')
		digits++;
	zeros = digits;
	for (; digits < len && text[digits] >= '0' && text[digits] <= '9'; digits++)
	{
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t) (text[digits] - '0'), &value))
			fits = false;
	}

	if (!fits)
	{
		rm_key_put(key, first + singles + 8);
		put_decimal(key, text + zeros, digits - zeros);
		return digits;
	}
	if (value < (uint64_t) singles)
	{
		rm_key_put(key, first + value);
		return digits;
	}
	while (bytes < 8 && value >> (8 * bytes) != 0)
		bytes++;
	rm_key_put(key, first + singles + bytes - 1);
	while (bytes-- > 0)
		rm_key_put(key, value >> (8 * bytes) & 0xFF);
	return digits;
}

/* Append a number at the usual codes. */
size_t
rm_key_put_number(RmKey *key, const char *text, size_t len)
{
	return rm_key_put_number_among(key, text, len, RM_KEY_NUMBER, RM_KEY_SINGLES);
}

/* Append raw text, no byte of which is below 0x02. */
void
rm_key_put_text(RmKey *key, const char *text, size_t len)
{
	rm_key_put(key, RM_KEY_TEXT);
	assert(key->len + len < RM_KEY_MAX);
	memcpy(key->bytes + key->len, text, len);
	key->len += len;
	rm_key_put(key, RM_KEY_TEXT_END);
}
