/*
 * show.c
 *		What a proof says, for people: the change, who made it, and the values of the row.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rmverify/rmverify.h"

#define EPOCH_2000 946684800 /* seconds from 1970 to 2000 */
#define LONGEST_SHOWN 200

/* Print bytes, the control characters among them as \xNN. */
static void
show_text(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len && i < LONGEST_SHOWN; i++)
	{
		if (bytes[i] < ' ' || bytes[i] == 0x7F || bytes[i] == '\\')
			printf("\\x%02x", bytes[i]);
		else
			putchar(bytes[i]);
	}
	if (len > LONGEST_SHOWN)
		printf("... (%zu bytes)", len);
}

/* Print bytes in hexadecimal. */
static void
show_hex(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len && i < LONGEST_SHOWN; i++)
		printf("%02x", bytes[i]);
	if (len > LONGEST_SHOWN)
		printf("... (%zu bytes)", len);
}

/* Print a uuid. */
static void
show_uuid(const unsigned char *id)
{
	for (int i = 0; i < UUID_SIZE; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
}

/* Print seconds since 2000 as day and time of day, or as a day alone; in UTC. */
static void
show_seconds(int64_t seconds, const char *format)
{
	time_t since_1970 = (time_t) (seconds + EPOCH_2000);
	char text[64];
	struct tm broken_down;

	if (gmtime_r(&since_1970, &broken_down) == NULL || strftime(text, sizeof(text), format, &broken_down) == 0)
		printf("%" PRId64 " seconds after 2000", seconds);
	else
		fputs(text, stdout);
}

/* Print a day, counted from 2000. */
static void
show_day(int32_t day)
{
	if (day == INT32_MAX || day == INT32_MIN)
		fputs(day < 0 ? "-infinity" : "infinity", stdout);
	else
		show_seconds((int64_t) day * 86400, "%Y-%m-%d");
}

/* Print a time, in microseconds since 2000, in UTC. */
static void
show_time(int64_t microseconds)
{
	int64_t seconds = microseconds / 1000000;
	int rest = (int) (microseconds % 1000000);

	if (microseconds == INT64_MAX || microseconds == INT64_MIN)
	{
		fputs(microseconds < 0 ? "-infinity" : "infinity", stdout);
		return;
	}
	if (rest < 0)
	{
		seconds--;
		rest += 1000000;
	}
	show_seconds(seconds, "%Y-%m-%d %H:%M:%S");
	printf(".%06d", rest);
}

/* Print a number of floating point of 4 or 8 bytes. */
static void
show_float(const unsigned char *bytes, size_t len)
{
	uint64_t number = get_number(bytes, (int) len);
	uint32_t half = (uint32_t) number;
	double value;
	float small;

	memcpy(&value, &number, sizeof(value));
	memcpy(&small, &half, sizeof(small));
	printf("%.17g", len == 4 ? (double) small : value);
}

/* Return the length of a value with that tag; 0 where it varies. */
static size_t
value_size(char tag)
{
	switch (tag)
	{
		case 'B':
			return 1;
		case '2':
			return 2;
		case '4':
		case 'f':
		case 'D':
			return 4;
		case '8':
		case 'F':
		case 'M':
		case 'T':
		case 'Z':
			return 8;
		case 'U':
			return UUID_SIZE;
		default:
			return 0;
	}
}

/* Print a value. */
static void
show_value(char tag, const unsigned char *bytes, size_t len)
{
	int64_t number = len <= 8 ? (int64_t) get_number(bytes, (int) len) : 0;

	if (value_size(tag) != 0 && value_size(tag) != len)
		tag = 'X';
	switch (tag)
	{
		case 'N':
			printf("NULL");
			break;
		case 'S':
		case 'O':
			show_text(bytes, len);
			break;
		case 'B':
			printf(number ? "true" : "false");
			break;
		case '2':
			printf("%d", (int16_t) number);
			break;
		case '4':
			printf("%" PRId32, (int32_t) number);
			break;
		case '8':
			printf("%" PRId64, number);
			break;
		case 'f':
		case 'F':
			show_float(bytes, len);
			break;
		case 'U':
			show_uuid(bytes);
			break;
		case 'D':
			show_day((int32_t) number);
			break;
		case 'T':
		case 'Z':
			show_time(number);
			break;
		case 'M':
			printf("%" PRId64 " microseconds after midnight", number);
			break;
		case 'H':
			printf("sha256 ");
			show_hex(bytes, len);
			break;
		default:
			show_hex(bytes, len);
	}
}

/* Print the pairs of an image, a line for each. */
static void
show_image(const char *label, const Field *image, const Field *longs, int nlongs)
{
	const unsigned char *next = image->bytes + 1;
	unsigned char digest[RM_SHA256_SIZE];
	int used = 0;
	Pair pair;

	while (image->len > 0 && take_pair(&next, image->bytes + image->len, &pair))
	{
		printf("  %s %.*s: ", label, (int) pair.key_len, pair.key);
		if (pair.tag == 'H' && used < nlongs &&
			rm_hash(RM_HASH_SHA256, longs[used].bytes, (size_t) longs[used].len, digest) &&
			memcmp(digest, pair.value, RM_SHA256_SIZE) == 0)
		{
			show_value((char) longs[used].bytes[0], longs[used].bytes + 1, (size_t) longs[used].len - 1);
			used++;
		}
		else
			show_value(pair.tag, pair.value, pair.len);
		printf("\n");
	}
}

/* Print the lines of the entry that tell who and when. */
static void
show_entry(const Proof *proof)
{
	for (const char *line = proof->entry; line < proof->entry + proof->entry_len;)
	{
		const char *end = strchr(line, '\n');

		if (strncmp(line, "at ", 3) == 0 || strncmp(line, "session ", 8) == 0 || strncmp(line, "role ", 5) == 0)
			printf("  %.*s\n", (int) (end - line), line);
		line = end + 1;
	}
}

/* Print what the proof proves. */
void
show_proof(const Proof *proof)
{
	static const char letters[] = "IUDBS";
	static const char *const names[] = { "insert", "update", "delete", "baseline", "schema" };

	printf("%s of table ", names[strchr(letters, proof->change.operation) - letters]);
	show_uuid(proof->change.table_id);
	printf(" (the server calls it %.*s), key ", (int) proof->table_len, proof->table);
	show_text(proof->change.key, proof->change.key_len);
	if (proof->change.former_key)
	{
		printf(", formerly ");
		show_text(proof->change.former_key, proof->change.former_key_len);
	}
	printf("\n");
	show_entry(proof);
	show_image("old", &proof->old, NULL, 0);
	show_image("new", &proof->row, proof->longs, proof->nlongs);
}
