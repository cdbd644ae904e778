/*
 * proof.c
 *		The proof of a change, as release_mgmt.proof_of() returns it; doc/proofs.md defines its form.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define HEAD "release_mgmt proof v1"
#define INCLUSION_HEAD "c2sp.org/tlog-proof@v1"
#define FORM_SIZE 94 /* of a change without its keys */

/* The lines of a text, one after the other. */
typedef struct Lines
{
	const char *next;
	const char *end;
} Lines;

/* Take the next line; false where there is no whole one. */
static bool
take_line(Lines *lines, const char **line, size_t *len)
{
	const char *end = memchr(lines->next, '\n', (size_t) (lines->end - lines->next));

	if (end == NULL)
		return false;
	*line = lines->next;
	*len = (size_t) (end - lines->next);
	lines->next = end + 1;
	return true;
}

/* Take the next line if it is this one. */
static bool
take_fixed(Lines *lines, const char *expected)
{
	size_t len = strlen(expected);

	if ((size_t) (lines->end - lines->next) <= len || memcmp(lines->next, expected, len) != 0 ||
		lines->next[len] != '\n')
		return false;
	lines->next += len + 1;
	return true;
}

/* Take the value of the next line if it bears the label. */
static bool
take_labelled(Lines *lines, const char *label, const char **value, size_t *len)
{
	size_t label_len = strlen(label);
	Lines ahead = *lines;

	if (!take_line(&ahead, value, len) || *len <= label_len || memcmp(*value, label, label_len) != 0 ||
		(*value)[label_len] != ' ')
		return false;
	*value += label_len + 1;
	*len -= label_len + 1;
	*lines = ahead;
	return true;
}

/* Take the bytes of the next line if it bears the label; *len is -1 where they are not base64. */
static bool
take_bytes(Lines *lines, const char *label, Field *field)
{
	const char *value;
	size_t len;
	unsigned char *bytes;

	if (!take_labelled(lines, label, &value, &len))
		return false;
	bytes = allocate(len);
	field->bytes = bytes;
	field->len = (int) decode_base64(value, len, bytes, len);
	if (field->len == 0)
		field->len = -1;
	return true;
}

/* Take a number in decimal digits without leading zeros. */
static bool
take_index(Lines *lines, const char *label, uint64_t *number)
{
	const char *value;
	char again[32];
	size_t len;

	if (!take_labelled(lines, label, &value, &len) || len > 20)
		return false;
	*number = strtoull(value, NULL, 10);
	return (size_t) snprintf(again, sizeof(again), "%" PRIu64, *number) == len && memcmp(again, value, len) == 0;
}

/* Take hashes, one a line, up to and with the empty line; returns their number, -1 where a line is none. */
static int
take_hashes(Lines *lines, unsigned char **hashes)
{
	const char *line;
	size_t len;
	int count = 0;

	*hashes = allocate(RM_MERKLE_LEVELS * RM_SHA256_SIZE);
	while (take_line(lines, &line, &len))
	{
		if (len == 0)
			return count;
		if (count == RM_MERKLE_LEVELS ||
			decode_base64(line, len, *hashes + count * RM_SHA256_SIZE, RM_SHA256_SIZE) != RM_SHA256_SIZE)
			return -1;
		count++;
	}
	return -1;
}

/* Compute SHA256(salt || bytes), the salt without length where there is none. */
static void
hash_bytes(const Field *salt, const unsigned char *bytes, size_t len, unsigned char *digest)
{
	RmHashPiece pieces[2] = { { salt ? salt->bytes : NULL, salt ? (size_t) salt->len : 0 }, { bytes, len } };

	if (!rm_hash_pieces(RM_HASH_SHA256, salt ? pieces : pieces + 1, salt ? 2 : 1, digest))
		trouble("OpenSSL can not hash");
}

/* Compute the root that the leaf leads to; false where the path has another length (RFC 9162 section 2.1.3.2). */
static bool
follow_path(uint64_t index, uint64_t size, const unsigned char *leaf, const unsigned char *hashes, int count,
			unsigned char *root)
{
	uint64_t last = size - 1;

	if (index >= size)
		return false;
	memcpy(root, leaf, RM_SHA256_SIZE);
	for (int i = 0; i < count; i++)
	{
		const unsigned char *beside = hashes + i * RM_SHA256_SIZE;
		bool is_right = (index & 1) || index == last;

		if (last == 0 || !rm_merkle_hash_node(is_right ? beside : root, is_right ? root : beside, root))
			return false;
		while (is_right && index != 0 && !(index & 1))
		{
			index >>= 1;
			last >>= 1;
		}
		index >>= 1;
		last >>= 1;
	}
	return last == 0;
}

/* Take the hashed form of a change apart; false where it is none. */
static bool
read_form(const Field *form, Change *change)
{
	const unsigned char *p = form->bytes;
	uint64_t left = (uint64_t) form->len;

	if (form->len < FORM_SIZE || p[0] != 0x01 || strchr("IUDBS", p[1]) == NULL || p[1] == '\0')
		return false;
	left -= FORM_SIZE;
	change->operation = (char) p[1];
	memcpy(change->table_id, p + 2, UUID_SIZE);
	change->command_id = (uint32_t) get_number(p + 18, 4);
	change->key_len = get_number(p + 22, 4);
	if (change->key_len > left)
		return false;
	left -= change->key_len;
	change->key = p + 26;
	p = change->key + change->key_len;
	change->former_key_len = get_number(p, 4);
	if (change->former_key_len != left)
		return false;
	change->former_key = change->former_key_len > 0 ? p + 4 : NULL;
	p += 4 + change->former_key_len;
	memcpy(change->row_digest, p, RM_SHA256_SIZE);
	memcpy(change->old_digest, p + RM_SHA256_SIZE, RM_SHA256_SIZE);
	return true;
}

/* Take the next pair of an image; false at its end, where *next is the end if all of it was pairs. */
bool
take_pair(const unsigned char **next, const unsigned char *end, Pair *pair)
{
	const unsigned char *p = *next;
	size_t left = (size_t) (end - p);

	if (left < 2)
		return false;
	pair->key_len = get_number(p, 2);
	if (left < 2 + pair->key_len + 5)
		return false;
	pair->key = (const char *) p + 2;
	p += 2 + pair->key_len;
	pair->tag = (char) p[0];
	pair->len = get_number(p + 1, 4);
	pair->value = p + 5;
	if (left - 7 - pair->key_len < pair->len)
		return false;
	*next = pair->value + pair->len;
	return true;
}

/* Return whether the image, behind its version, is pairs to its end, and each long value belongs to one, in their
 * order. */
static bool
is_image(const Field *image, unsigned char version, const Field *longs, int nlongs)
{
	const unsigned char *next = image->bytes + 1;
	const unsigned char *end = image->bytes + image->len;
	unsigned char digest[RM_SHA256_SIZE];
	int found = 0;
	Pair pair;

	if (image->len < 1 || image->bytes[0] != version)
		return false;
	while (take_pair(&next, end, &pair))
	{
		if (pair.tag != 'H' || pair.len != RM_SHA256_SIZE || found == nlongs)
			continue;
		hash_bytes(NULL, longs[found].bytes, (size_t) longs[found].len, digest);
		if (memcmp(digest, pair.value, RM_SHA256_SIZE) == 0)
			found++;
	}
	return next == end && found == nlongs;
}

/* Read what stands behind the change: salt, former values, row; returns what is wrong. */
static const char *
read_values(Lines *lines, Proof *proof)
{
	unsigned char digest[RM_SHA256_SIZE];
	Field salt = { NULL, -1 };
	Field value;

	proof->old.len = proof->row.len = -1;
	if (!take_bytes(lines, "salt", &salt))
		return NULL;
	if (salt.len != SALT_SIZE)
		return "the salt can not be read";
	if (take_bytes(lines, "old", &proof->old))
	{
		if (proof->old.len < 0)
			return "the old values can not be read";
		hash_bytes(&salt, proof->old.bytes, (size_t) proof->old.len, digest);
		if (memcmp(digest, proof->change.old_digest, RM_SHA256_SIZE) != 0 || !is_image(&proof->old, 0x02, NULL, 0))
			return "the old values do not fit their digest in the change";
	}
	if (!take_bytes(lines, "row", &proof->row))
		return NULL;
	if (proof->row.len < 0)
		return "the row can not be read";
	hash_bytes(&salt, proof->row.bytes, (size_t) proof->row.len, digest);
	if (memcmp(digest, proof->change.row_digest, RM_SHA256_SIZE) != 0)
		return "the row does not fit its digest in the change";
	while (take_bytes(lines, "long", &value))
	{
		if (value.len < 0)
			return "a long value can not be read";
		proof->longs = realloc(proof->longs, sizeof(Field) * (size_t) (proof->nlongs + 1));
		if (proof->longs == NULL)
			trouble("out of memory");
		proof->longs[proof->nlongs++] = value;
	}
	return is_image(&proof->row, 0x01, proof->longs, proof->nlongs) ? NULL : "a long value does not belong to the row";
}

/* Read the entry, up to and with the empty line behind it, and hold the change's path against it. */
static const char *
read_entry(Lines *lines, Proof *proof, const unsigned char *leaf, const unsigned char *hashes, int count)
{
	const char *end = strstr(lines->next, "\n\n");
	unsigned char stated[RM_SHA256_SIZE];
	unsigned char root[RM_SHA256_SIZE];
	const char *changes;
	const char *value;
	size_t changes_len;
	size_t len;

	if (end == NULL || end + 2 > lines->end)
		return "the entry does not end";
	proof->entry = lines->next;
	proof->entry_len = (size_t) (end + 1 - lines->next);
	lines->next = end + 2;
	changes = entry_line(proof->entry, proof->entry_len, "changes ", &changes_len);
	value = entry_line(proof->entry, proof->entry_len, "root ", &len);
	if (changes == NULL || value == NULL || decode_base64(value, len, stated, RM_SHA256_SIZE) != RM_SHA256_SIZE)
		return "the entry is no transaction's";
	if (!follow_path(proof->position, strtoull(changes, NULL, 10), leaf, hashes, count, root) ||
		memcmp(root, stated, RM_SHA256_SIZE) != 0)
		return "the change does not lead to the root in the entry";
	return NULL;
}

/*
 * Read a proof up to where its checkpoint stands, and verify all of it but
 * that the entry is in the checkpoint's tree; returns what is wrong, or NULL.
 */
const char *
read_proof(const char *text, size_t len, Proof *proof)
{
	Lines lines = { text, text + len };
	unsigned char leaf[RM_SHA256_SIZE];
	unsigned char *hashes;
	const char *wrong;
	uint64_t index;
	Field form;
	int count;

	memset(proof, 0, sizeof(*proof));
	if (!take_fixed(&lines, HEAD) || !take_labelled(&lines, "table", &proof->table, &proof->table_len))
		return "this is no proof of a change";
	if (!take_bytes(&lines, "change", &form) || !read_form(&form, &proof->change) ||
		!rm_merkle_hash_entry(form.bytes, (size_t) form.len, leaf))
		return "the change can not be read";
	wrong = read_values(&lines, proof);
	if (wrong)
		return wrong;
	if (!take_index(&lines, "position", &proof->position) || (count = take_hashes(&lines, &hashes)) < 0)
		return "the path within the transaction can not be read";
	wrong = read_entry(&lines, proof, leaf, hashes, count);
	free(hashes);
	if (wrong)
		return wrong;
	if (!take_fixed(&lines, INCLUSION_HEAD) || !take_index(&lines, "index", &index) ||
		(proof->nhashes = take_hashes(&lines, &proof->hashes)) < 0)
		return "the inclusion proof can not be read";
	proof->index = (int64_t) index;
	proof->len = (size_t) (lines.next - text);
	return NULL;
}

/* Return whether the proof's entry is in the checkpoint's tree. */
bool
is_included(const Proof *proof, const Note *note)
{
	unsigned char leaf[RM_SHA256_SIZE];
	unsigned char root[RM_SHA256_SIZE];

	return rm_merkle_hash_entry(proof->entry, proof->entry_len, leaf) &&
		   follow_path((uint64_t) proof->index, note->size, leaf, proof->hashes, proof->nhashes, root) &&
		   memcmp(root, note->root, RM_SHA256_SIZE) == 0;
}

/* Verify the file that holds a proof, and show what it proves. */
int
verify_proof(const Options *options)
{
	size_t len;
	char *text = read_file(options->argument, &len);
	const char *wrong;
	Verifier verifier;
	Proof proof;
	Note note;

	if (text == NULL)
		trouble("there is no file %s", options->argument);
	len = restore_dashes(text, len);
	wrong = read_proof(text, len, &proof);
	if (wrong == NULL)
	{
		char *origin = strndup(text + proof.len, strcspn(text + proof.len, "\n"));

		verifier = verifier_of(options, origin);
		free(origin);
		if (!open_note(text + proof.len, &verifier, &note))
			wrong = "the checkpoint is not signed by the key given";
		else if (!is_cosigned_by_all(options, &note))
			wrong = "not every witness has cosigned the checkpoint";
		else if (!is_included(&proof, &note))
			wrong = "the entry is not in the checkpoint's tree";
	}
	if (wrong)
	{
		finding(options->argument, -1, NULL, NULL, wrong);
		return EXIT_FINDINGS;
	}
	show_proof(&proof);
	printf("It is leaf %" PRId64 " of %s, and in its checkpoint of %" PRIu64 " leaves.\n", proof.index, note.origin,
		   note.size);
	return EXIT_SOUND;
}
