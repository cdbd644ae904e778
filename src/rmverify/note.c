/*
 * note.c
 *		Signed checkpoints (C2SP signed-note, tlog-checkpoint) and verifier keys.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define SIGNATURE_SIZE 64
#define DASH "\342\200\224 "
#define ASCII_DASH "\\2014 "

/*
 * Decode base64; returns the number of bytes, 0 where it is none or does not fit.
 *
 * One text alone stands for the bytes: unused bits are zero.
 */
size_t
decode_base64(const char *text, size_t len, unsigned char *bytes, size_t room)
{
	unsigned char *decoded = allocate(len + 4);
	char *encoded = allocate(len + 5);
	int count = len % 4 == 0 && len < INT_MAX ? EVP_DecodeBlock(decoded, (const unsigned char *) text, (int) len) : -1;

	for (size_t i = len; count > 0 && i + 2 > len && text[i - 1] == '='; i--)
		count--;
	if (count < 0 || (size_t) count > room || EVP_EncodeBlock((unsigned char *) encoded, decoded, count) != (int) len ||
		memcmp(encoded, text, len) != 0)
		count = 0;
	memcpy(bytes, decoded, (size_t) count);
	free(decoded);
	free(encoded);
	return (size_t) count;
}

/*
 * Put the dash of signature lines where a database whose encoding has no
 * U+2014 wrote \2014; returns the new length.
 */
size_t
restore_dashes(char *text, size_t len)
{
	size_t written = 0;
	bool line_begins = true;

	for (size_t i = 0; i < len; i++)
	{
		if (line_begins && len - i >= strlen(ASCII_DASH) && memcmp(text + i, ASCII_DASH, strlen(ASCII_DASH)) == 0)
		{
			memcpy(text + written, DASH, strlen(DASH));
			written += strlen(DASH);
			i += strlen(ASCII_DASH) - 1;
			continue;
		}
		line_begins = text[i] == '\n';
		text[written++] = text[i];
	}
	text[written] = '\0';
	return written;
}

/* Return the length of an origin without its epoch. */
size_t
base_length(const char *origin)
{
	const char *slash = strrchr(origin, '/');

	if (slash && slash[1] == 'e' && slash[2] != '\0' && strspn(slash + 2, "0123456789") == strlen(slash + 2))
		return (size_t) (slash - origin);
	return strlen(origin);
}

/* Compute the key id of the verifier's key under its name. */
static void
compute_key_id(Verifier *verifier, unsigned char algorithm)
{
	unsigned char hash[RM_SHA256_SIZE];
	RmHashPiece pieces[4] = { { verifier->name, strlen(verifier->name) },
							  { "\n", 1 },
							  { &algorithm, 1 },
							  { verifier->public_key, sizeof(verifier->public_key) } };

	if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 4, hash))
		trouble("OpenSSL can not hash");
	memcpy(verifier->key_id, hash, sizeof(verifier->key_id));
}

/*
 * Return the verifier of the log of that origin: the one given, or the same
 * key under that name where it is another epoch of the same base (base,
 * base/e2, base/e3, ...).
 */
Verifier
verifier_of_epoch(const Verifier *verifier, const char *origin)
{
	Verifier renamed = *verifier;
	size_t len = base_length(verifier->name);

	if (base_length(origin) != len || strncmp(origin, verifier->name, len) != 0)
		return renamed;
	renamed.name = strdup(origin);
	compute_key_id(&renamed, ALGORITHM_NOTE);
	return renamed;
}

/* Take a verifier key apart: name+hex(key id)+base64(algorithm || public key). */
Verifier
parse_verifier(const char *text, unsigned char algorithm)
{
	Verifier verifier;
	const char *id = strchr(text, '+');
	const char *key = id ? strchr(id + 1, '+') : NULL;
	unsigned char bytes[33];
	size_t len = key ? strcspn(key + 1, "\r\n ") : 0;
	char hex[9];

	if (key == NULL || decode_base64(key + 1, len, bytes, sizeof(bytes)) != sizeof(bytes) || bytes[0] != algorithm)
		trouble("this is no verifier key of an Ed25519 %s: %s", algorithm == ALGORITHM_NOTE ? "signer" : "witness",
				text);
	verifier.name = strndup(text, (size_t) (id - text));
	memcpy(verifier.public_key, bytes + 1, sizeof(verifier.public_key));
	compute_key_id(&verifier, algorithm);
	snprintf(hex, sizeof(hex), "%02x%02x%02x%02x", verifier.key_id[0], verifier.key_id[1], verifier.key_id[2],
			 verifier.key_id[3]);
	if (key - id != 9 || memcmp(id + 1, hex, 8) != 0)
		trouble("the key id of this verifier key is not the one that follows from name and key: %s", text);
	return verifier;
}

/* Return whether the signature over the body is the verifier's. */
static bool
signature_holds(const Verifier *verifier, const char *body, size_t len, const unsigned char *signature)
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, verifier->public_key, sizeof(verifier->public_key));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool holds = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
				 EVP_DigestVerify(context, signature, SIGNATURE_SIZE, (const unsigned char *) body, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return holds;
}

/* Find the verifier's signature line, whose blob has that size; returns what is behind the line found, or NULL. */
static const char *
find_signature(const Verifier *verifier, const char *lines, unsigned char *blob, size_t blob_size)
{
	size_t head_len = strlen(DASH) + strlen(verifier->name) + 1;
	char *head = allocate(head_len + 1);
	const char *found = NULL;

	snprintf(head, head_len + 1, DASH "%s ", verifier->name);
	for (const char *line = lines; *line != '\0' && found == NULL;)
	{
		size_t line_len = strcspn(line, "\n");

		if (line_len > head_len && memcmp(line, head, head_len) == 0 &&
			decode_base64(line + head_len, line_len - head_len, blob, blob_size) == blob_size &&
			memcmp(blob, verifier->key_id, sizeof(verifier->key_id)) == 0)
			found = line + line_len;
		line += line_len + (line[line_len] == '\n');
	}
	free(head);
	return found;
}

/* Return whether a signature line is the verifier's over the body; *behind is what follows that line. */
bool
is_signed(const Verifier *verifier, const char *body, size_t len, const char *lines, const char **behind)
{
	unsigned char blob[4 + SIGNATURE_SIZE];

	*behind = find_signature(verifier, lines, blob, sizeof(blob));
	return *behind && signature_holds(verifier, body, len, blob + 4);
}

/* Return whether the witness has cosigned the checkpoint (C2SP tlog-cosignature). */
bool
is_cosigned(const Verifier *witness, const Note *note)
{
	unsigned char blob[4 + 8 + SIGNATURE_SIZE];
	size_t body_len = (size_t) (strstr(note->text, "\n\n") + 1 - note->text);
	char *message = allocate(body_len + 64);
	bool holds = false;

	if (find_signature(witness, note->text + body_len + 1, blob, sizeof(blob)))
	{
		int head_len =
			snprintf(message, 64, "cosignature/v1\ntime %llu\n", (unsigned long long) get_number(blob + 4, 8));

		memcpy(message + head_len, note->text, body_len);
		holds = signature_holds(witness, message, (size_t) head_len + body_len, blob + 12);
	}
	free(message);
	return holds;
}

/* Return whether a line is a signature's. */
bool
is_signature_line(const char *line)
{
	return strncmp(line, DASH, strlen(DASH)) == 0;
}

/* Take a checkpoint apart, whoever signed it; false where it is none. */
bool
parse_note(const char *text, Note *note)
{
	const char *size = strchr(text, '\n');
	const char *root = size ? strchr(size + 1, '\n') : NULL;
	const char *end = root ? strchr(root + 1, '\n') : NULL;

	if (end == NULL)
		return false;
	note->text = strdup(text);
	note->origin = strndup(text, (size_t) (size - text));
	note->size = strtoull(size + 1, NULL, 10);
	return decode_base64(root + 1, (size_t) (end - root - 1), note->root, RM_SHA256_SIZE) == RM_SHA256_SIZE;
}

/* Take a signed checkpoint apart; false where it is none, or the verifier has not signed it. */
bool
open_note(const char *text, const Verifier *verifier, Note *note)
{
	const char *end = strstr(text, "\n\n");
	const char *behind;

	return end && parse_note(text, note) && is_signed(verifier, text, (size_t) (end + 1 - text), end + 2, &behind);
}
