/*
 * note.h
 *		Checkpoints, and the signed-note form (C2SP signed-note, tlog-checkpoint).
 *
 *		<origin>\n<size>\n<base64 root>\n
 *		\n
 *		— <name> <base64(key id || signature)>\n
 *
 * The signature is Ed25519 (RFC 8032) over the first three lines.  The key id
 * is the first 4 bytes of SHA256(name || 0x0A || 0x01 || public key), the
 * verifier key name+hex(key id)+base64(0x01 || public key).
 *
 * A witness cosigns (C2SP tlog-cosignature) with algorithm 0x04 instead of
 * 0x01: its blob is key id || time || signature, where time is seconds since
 * 1970 in 8 bytes, big-endian, and the signature is over
 *
 *		cosignature/v1\n
 *		time <seconds>\n
 *		<the checkpoint's first three lines>
 */
#ifndef RM_LEDGER_NOTE_H
#define RM_LEDGER_NOTE_H

#include "postgres.h"

#include <openssl/evp.h>

#define RM_ED25519_SIGNATURE_SIZE 64
#define RM_ED25519_KEY_SIZE 32
#define RM_KEY_ID_SIZE 4
#define RM_SIGNATURE_DASH "\342\200\224 "

/* A checkpoint, taken apart. */
typedef struct RmCheckpoint
{
	char *origin;
	uint64 size;
	unsigned char root[32];
	char *body;       /* the signed text */
	char *signatures; /* the lines behind the blank one; empty for a checkpoint that is not signed */
} RmCheckpoint;

extern char *rm_checkpoint_body(const char *origin, uint64 size, const unsigned char *root);
extern bool rm_checkpoint_parse(const char *text, RmCheckpoint *checkpoint);
extern char *rm_note_sign(const char *body, const char *name, EVP_PKEY *key);
extern bool rm_note_is_signed(const RmCheckpoint *checkpoint, const char *name, EVP_PKEY *key);
extern bool rm_ed25519_is_valid(EVP_PKEY *key, const char *message, const unsigned char *signature);
extern char *rm_note_verifier_key(const char *name, EVP_PKEY *key);

#endif /* RM_LEDGER_NOTE_H */
