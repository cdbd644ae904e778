/*
 * show.c
 *		What a proof says, for people: the change, who made it, and the values of the row.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

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

/* Print a value. */
static void
show_value(const Pair *value)
{
	Buffer text = { 0 };

	if (value->tag == 'N')
		printf("NULL");
	else if (value->tag == 'S' || value->tag == 'O')
		show_text(value->value, value->len);
	else if (value->tag == 'B' && value->len == 1)
		printf(value->value[0] ? "true" : "false");
	else if ((value->tag == 'f' && value->len == 4) || (value->tag == 'F' && value->len == 8))
		printf("%.17g", get_float(value->value, value->len));
	else if (value->tag != 'X' && append_value(&text, value))
		fputs((char *) text.bytes, stdout);
	else
	{
		printf(value->tag == 'H' ? "sha256 " : "");
		show_hex(value->value, value->len);
	}
	free(text.bytes);
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
			pair.tag = (char) longs[used].bytes[0];
			pair.value = longs[used].bytes + 1;
			pair.len = (size_t) longs[used].len - 1;
			used++;
		}
		show_value(&pair);
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

		if (strncmp(line, "at ", 3) == 0 || strncmp(line, "session ", 8) == 0 ||
			strncmp(line, "application ", 12) == 0 || strncmp(line, "role ", 5) == 0 || strncmp(line, "actor ", 6) == 0)
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
	Pair table = { .tag = 'U', .value = proof->change.table_id, .len = UUID_SIZE };

	printf("%s of table ", names[strchr(letters, proof->change.operation) - letters]);
	show_value(&table);
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
