/*
 * note.c
 *		Signed checkpoints (C2SP signed-note, tlog-checkpoint) and verifier keys.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmverify/rmverify.h"

#define SIGNATURE_SIZE 64
#define DASH "\342\200\224 "

/* Decode base64; returns the number of bytes, 0 where it is none or does not fit. */
size_t
decode_base64(const char *text, size_t len, unsigned char *bytes, size_t room)
{
	unsigned char *decoded = allocate(len + 4);
	int count = len % 4 == 0 ? EVP_DecodeBlock(decoded, (const unsigned char *) text, (int) len) : -1;

	for (size_t i = len; count > 0 && i > 0 && text[i - 1] == '='; i--)
		count--;
	if (count < 0 || (size_t) count > room)
		count = 0;
	memcpy(bytes, decoded, (size_t) count);
	free(decoded);
	return (size_t) count;
}

/* Take a verifier key apart: name+hex(key id)+base64(0x01 || public key). */
Verifier
parse_verifier(const char *text)
{
	Verifier verifier;
	const char *id = strchr(text, '+');
	const char *key = id ? strchr(id + 1, '+') : NULL;
	unsigned char bytes[33];
	unsigned char hash[RM_SHA256_SIZE];
	size_t len = key ? strcspn(key + 1, "\r\n ") : 0;

	if (key == NULL || decode_base64(key + 1, len, bytes, sizeof(bytes)) != sizeof(bytes) || bytes[0] != 0x01)
		trouble("this is no verifier key of an Ed25519 signer: %s", text);
	verifier.name = strndup(text, (size_t) (id - text));
	memcpy(verifier.public_key, bytes + 1, sizeof(verifier.public_key));

	RmHashPiece pieces[3] = { { verifier.name, strlen(verifier.name) }, { "\n", 1 }, { bytes, sizeof(bytes) } };
	if (!rm_hash_pieces(RM_HASH_SHA256, pieces, 3, hash))
		trouble("OpenSSL can not hash");
	memcpy(verifier.key_id, hash, sizeof(verifier.key_id));
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

/* Return whether a signature line of the note is the verifier's. */
static bool
is_signed(const Verifier *verifier, const char *body, size_t len, const char *lines)
{
	char head[1024];
	int head_len = snprintf(head, sizeof(head), DASH "%s ", verifier->name);

	for (const char *line = lines; *line != '\0';)
	{
		size_t line_len = strcspn(line, "\n");
		unsigned char blob[4 + SIGNATURE_SIZE];

		if (line_len > (size_t) head_len && memcmp(line, head, (size_t) head_len) == 0 &&
			decode_base64(line + head_len, line_len - (size_t) head_len, blob, sizeof(blob)) == sizeof(blob) &&
			memcmp(blob, verifier->key_id, 4) == 0 && signature_holds(verifier, body, len, blob + 4))
			return true;
		line += line_len + (line[line_len] == '\n');
	}
	return false;
}

/* Take a signed checkpoint apart; false where it is none, or the verifier has not signed it. */
bool
open_note(const char *text, const Verifier *verifier, Note *note)
{
	const char *size = strchr(text, '\n');
	const char *root = size ? strchr(size + 1, '\n') : NULL;
	const char *end = root ? strchr(root + 1, '\n') : NULL;

	if (end == NULL || end[1] != '\n')
		return false;
	note->text = strdup(text);
	note->origin = strndup(text, (size_t) (size - text));
	note->size = strtoull(size + 1, NULL, 10);
	return decode_base64(root + 1, (size_t) (end - root - 1), note->root, RM_SHA256_SIZE) == RM_SHA256_SIZE &&
		   is_signed(verifier, text, (size_t) (end + 1 - text), end + 2);
}
