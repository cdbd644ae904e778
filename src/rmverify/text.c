/*
 * text.c
 *		Values in their canonical form as the text that PostgreSQL writes for them, under the settings of pg_dump.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define MICROSECONDS_A_DAY INT64_C(86400000000)
#define DAYS_IN_400_YEARS 146097

/* Append a day, counted from 2000-01-01, as year, month and day; returns whether the year is before Christ. */
static bool
append_day(Buffer *text, int64_t day)
{
	/* Years that begin in March, so that the leap day is the last; from 2000-03-01 on. */
	int64_t since_march = day - 60;
	int64_t era = (since_march >= 0 ? since_march : since_march - DAYS_IN_400_YEARS + 1) / DAYS_IN_400_YEARS;
	int64_t day_of_era = since_march - era * DAYS_IN_400_YEARS;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	int64_t year = 2000 + era * 400 + year_of_era + (month >= 10);
	char written[64];

	snprintf(written, sizeof(written), "%04" PRId64 "-%02d-%02d", year > 0 ? year : 1 - year,
			 (int) (month < 10 ? month + 3 : month - 9), (int) (day_of_year - (153 * month + 2) / 5 + 1));
	append_text(text, written);
	return year <= 0;
}

/* Append a time of day in microseconds; a fraction without zeros at its end. */
static void
append_time(Buffer *text, int64_t time)
{
	int64_t seconds = time / 1000000;
	char written[64];
	size_t len;

	len = (size_t) snprintf(written, sizeof(written), "%02d:%02d:%02d.%06d", (int) (seconds / 3600),
							(int) (seconds / 60 % 60), (int) (seconds % 60), (int) (time % 1000000));
	while (written[len - 1] == '0')
		len--;
	written[written[len - 1] == '.' ? len - 1 : len] = '\0';
	append_text(text, written);
}

/* Append a date or a timestamp of so many microseconds since 2000, with a time zone or without. */
static void
append_timestamp(Buffer *text, int64_t day, int64_t time, const char *zone)
{
	bool before_christ = append_day(text, day);

	if (zone)
	{
		append_text(text, " ");
		append_time(text, time);
		append_text(text, zone);
	}
	append_text(text, before_christ ? " BC" : "");
}

/* Append a number of 2, 4 or 8 bytes, which is what the tag says, as a date, timestamp or time, or as an integer. */
static void
append_number_text(Buffer *text, char tag, int64_t number)
{
	int64_t day = number / MICROSECONDS_A_DAY - (number % MICROSECONDS_A_DAY < 0);
	int64_t greatest = tag == 'D' ? INT32_MAX : INT64_MAX;
	char written[32];

	if (strchr("DTZ", tag) && (number == greatest || number == -greatest - 1))
		append_text(text, number > 0 ? "infinity" : "-infinity");
	else if (tag == 'D')
		append_timestamp(text, number, 0, NULL);
	else if (tag == 'T' || tag == 'Z')
		append_timestamp(text, day, number - day * MICROSECONDS_A_DAY, tag == 'Z' ? "+00" : "");
	else if (tag == 'M')
		append_time(text, number);
	else
	{
		snprintf(written, sizeof(written), "%" PRId64, number);
		append_text(text, written);
	}
}

/* Append bytes in hexadecimal. */
static void
append_hex(Buffer *text, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++)
	{
		append(text, &digits[bytes[i] >> 4], 1);
		append(text, &digits[bytes[i] & 15], 1);
	}
	append_text(text, "");
}

/* Append a uuid. */
static void
append_uuid(Buffer *text, const unsigned char *id)
{
	static const int groups[] = { 4, 2, 2, 2, 6 };

	for (int i = 0; i < 5; i++)
	{
		append_text(text, i > 0 ? "-" : "");
		append_hex(text, id, (size_t) groups[i]);
		id += groups[i];
	}
}

/* Return the length of a value with that tag; 0 where it varies. */
static size_t
value_size(char tag)
{
	static const char tags[] = "B248fFUDMTZ";
	static const unsigned char sizes[] = { 1, 2, 4, 8, 4, 8, UUID_SIZE, 4, 8, 8, 8 };
	const char *found = tag == '\0' ? NULL : strchr(tags, tag);

	return found ? sizes[found - tags] : 0;
}

/* Append the text of a value; false for a number of floating point, for a hash, and where the bytes are no such value.
 */
bool
append_value(Buffer *text, const Pair *value)
{
	size_t size = value_size(value->tag);
	int64_t number;

	if ((size > 0 && value->len != size) || strchr("fFHN", value->tag))
		return false;
	switch (value->tag)
	{
		case 'S':
		case 'O':
			append(text, value->value, value->len);
			append_text(text, "");
			return true;
		case 'X':
			append_text(text, "\\x");
			append_hex(text, value->value, value->len);
			return true;
		case 'U':
			append_uuid(text, value->value);
			return true;
		case 'B':
			append_text(text, value->value[0] ? "t" : "f");
			return true;
		default:
			if (size == 0)
				return false;
			number = (int64_t) get_number(value->value, (int) size);
			if (size == 2)
				number = (int16_t) number;
			else if (size == 4)
				number = (int32_t) number;
			append_number_text(text, value->tag, number);
			return true;
	}
}

/* Return the number of floating point of 4 or 8 bytes. */
double
get_float(const unsigned char *bytes, size_t len)
{
	uint64_t number = get_number(bytes, (int) len);
	uint32_t half = (uint32_t) number;
	double value;
	float small;

	memcpy(&value, &number, sizeof(value));
	memcpy(&small, &half, sizeof(small));
	return len == 4 ? (double) small : value;
}

/* Return whether the text is that number: the shortest that reads back as it. */
static bool
is_float_text(const Pair *value, const char *text)
{
	double stored = get_float(value->value, value->len);
	char *end;
	double read = value->len == 4 ? (double) strtof(text, &end) : strtod(text, &end);

	if (*text == '\0' || *end != '\0')
		return false;
	return isnan(stored) ? isnan(read) : read == stored && signbit(read) == signbit(stored);
}

/* Return whether the hash is that of a long value with this text: of a string, a bytea, or another type. */
static bool
is_hashed_text(const unsigned char *hash, const char *text, size_t len)
{
	static const char tags[] = "SO";
	unsigned char digest[RM_SHA256_SIZE];
	unsigned char *bytes = allocate(len / 2 + 1);
	bool is_hex = len >= 2 && len % 2 == 0 && text[0] == '\\' && text[1] == 'x';
	bool found = false;

	for (int i = 0; i < 2 && !found; i++)
	{
		RmHashPiece pieces[2] = { { &tags[i], 1 }, { text, len } };

		if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, digest))
			trouble("OpenSSL can not hash");
		found = memcmp(digest, hash, RM_SHA256_SIZE) == 0;
	}
	for (size_t i = 2; i < len && is_hex; i += 2)
	{
		unsigned int byte;

		is_hex = sscanf(text + i, "%2x", &byte) == 1;
		bytes[i / 2 - 1] = (unsigned char) byte;
	}
	if (is_hex && !found)
	{
		RmHashPiece pieces[2] = { { "X", 1 }, { bytes, len / 2 - 1 } };

		if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 2, digest))
			trouble("OpenSSL can not hash");
		found = memcmp(digest, hash, RM_SHA256_SIZE) == 0;
	}
	free(bytes);
	return found;
}

/* Return whether the text, ended by a zero byte, is the one of the value. */
bool
is_text_of(const Pair *value, const char *text, size_t len)
{
	Buffer written = { 0 };
	bool equal;

	if (value->tag == 'H' && value->len == RM_SHA256_SIZE)
		return is_hashed_text(value->value, text, len);
	if ((value->tag == 'f' && value->len == 4) || (value->tag == 'F' && value->len == 8))
		return is_float_text(value, text);
	equal = append_value(&written, value) && written.len == len && memcmp(written.bytes, text, len) == 0;
	free(written.bytes);
	return equal;
}
