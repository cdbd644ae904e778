/*
 * note.c
 *		Checkpoints, and the signed-note form; note.h defines them.
 */
#include "postgres.h"

#include "ledger/entry.h"
#include "ledger/note.h"
#include "lib/stringinfo.h"
#include "types/digest.h"

#define ALGORITHM_ED25519 0x01

/* Return the text of a checkpoint, without signature. */
char *
rm_checkpoint_body(const char *origin, uint64 size, const unsigned char *root)
{
	return psprintf("%s\n" UINT64_FORMAT "\n%s\n", origin, size, rm_base64(root, RM_SHA256_SIZE));
}

/* Take a checkpoint apart, signed or not; false where the text is none. */
bool
rm_checkpoint_parse(const char *text, RmCheckpoint *checkpoint)
{
	const char *size_line = strchr(text, '\n');
	const char *root_line = size_line ? strchr(size_line + 1, '\n') : NULL;
	const char *end = root_line ? strchr(root_line + 1, '\n') : NULL;
	char *digits_end;

	if (end == NULL || size_line == text)
		return false;
	checkpoint->origin = pnstrdup(text, size_line - text);
	checkpoint->size = strtou64(size_line + 1, &digits_end, 10);
	if (digits_end != root_line || !isdigit((unsigned char) size_line[1]))
		return false;
	if (rm_base64_decode(root_line + 1, end - root_line - 1, checkpoint->root, sizeof(checkpoint->root)) !=
		sizeof(checkpoint->root))
		return false;
	checkpoint->body = pnstrdup(text, end + 1 - text);
	checkpoint->signatures = pstrdup(end[1] == '\n' ? end + 2 : "");
	return end[1] == '\n' || end[1] == '\0';
}

/* Write the public key's bytes. */
static void
get_public_key(EVP_PKEY *key, unsigned char *bytes)
{
	size_t len = RM_ED25519_KEY_SIZE;

	rm_require_hash(EVP_PKEY_get_raw_public_key(key, bytes, &len) == 1 && len == RM_ED25519_KEY_SIZE);
}

/* Compute the key id of the key under the name. */
static void
compute_key_id(const char *name, EVP_PKEY *key, unsigned char *key_id)
{
	unsigned char public_key[RM_ED25519_KEY_SIZE];
	unsigned char hash[RM_SHA256_SIZE];
	RmHashPiece pieces[3] = { { name, strlen(name) }, { "\n\001", 2 }, { public_key, sizeof(public_key) } };

	get_public_key(key, public_key);
	rm_require_hash(rm_hash_pieces(RM_HASH_SHA256, pieces, lengthof(pieces), hash));
	memcpy(key_id, hash, RM_KEY_ID_SIZE);
}

/* Return the note: the body and its signature by the key under the name. */
char *
rm_note_sign(const char *body, const char *name, EVP_PKEY *key)
{
	unsigned char blob[RM_KEY_ID_SIZE + RM_ED25519_SIGNATURE_SIZE];
	size_t len = RM_ED25519_SIGNATURE_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool success =
		context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(context, blob + RM_KEY_ID_SIZE, &len, (const unsigned char *) body, strlen(body)) == 1;

	EVP_MD_CTX_free(context);
	rm_require_hash(success);
	compute_key_id(name, key, blob);
	return psprintf("%s\n" RM_SIGNATURE_DASH "%s %s\n", body, name, rm_base64(blob, sizeof(blob)));
}

/* Return whether the signature is the key's, over the message. */
bool
rm_ed25519_is_valid(EVP_PKEY *key, const char *message, const unsigned char *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool valid = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
				 EVP_DigestVerify(context, signature, RM_ED25519_SIGNATURE_SIZE, (const unsigned char *) message,
								  strlen(message)) == 1;

	EVP_MD_CTX_free(context);
	return valid;
}

/* Return whether one of the checkpoint's signatures is the key's under the name. */
bool
rm_note_is_signed(const RmCheckpoint *checkpoint, const char *name, EVP_PKEY *key)
{
	unsigned char key_id[RM_KEY_ID_SIZE];
	char *head = psprintf(RM_SIGNATURE_DASH "%s ", name);
	const char *line = checkpoint->signatures;

	compute_key_id(name, key, key_id);
	while (*line != '\0')
	{
		unsigned char blob[RM_KEY_ID_SIZE + RM_ED25519_SIGNATURE_SIZE];
		const char *end = strchrnul(line, '\n');
		int head_len = strlen(head);

		if (end - line > head_len && memcmp(line, head, head_len) == 0 &&
			rm_base64_decode(line + head_len, end - line - head_len, blob, sizeof(blob)) == sizeof(blob) &&
			memcmp(blob, key_id, RM_KEY_ID_SIZE) == 0 &&
			rm_ed25519_is_valid(key, checkpoint->body, blob + RM_KEY_ID_SIZE))
			return true;
		line = *end == '\n' ? end + 1 : end;
	}
	return false;
}

/* Return the verifier key: name+hex(key id)+base64(0x01 || public key). */
char *
rm_note_verifier_key(const char *name, EVP_PKEY *key)
{
	unsigned char key_id[RM_KEY_ID_SIZE];
	unsigned char bytes[1 + RM_ED25519_KEY_SIZE] = { ALGORITHM_ED25519 };

	compute_key_id(name, key, key_id);
	get_public_key(key, bytes + 1);
	return psprintf("%s+%02x%02x%02x%02x+%s", name, key_id[0], key_id[1], key_id[2], key_id[3],
					rm_base64(bytes, sizeof(bytes)));
}
