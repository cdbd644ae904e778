/*
 * cosignature.c
 *		Cosignatures of witnesses over checkpoints; note.h defines their form (C2SP tlog-cosignature, Ed25519).
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/note.h"
#include "port/pg_bswap.h"
#include "types/digest.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(rm_witness_name);
PG_FUNCTION_INFO_V1(rm_is_cosigned_by);
PG_FUNCTION_INFO_V1(rm_cosigned_at);

#define ALGORITHM_COSIGNATURE 0x04
#define TIME_SIZE 8
#define COSIGNATURE_SIZE (RM_KEY_ID_SIZE + TIME_SIZE + RM_ED25519_SIGNATURE_SIZE)

/* A verifier key, taken apart. */
typedef struct Witness
{
	char *name;
	unsigned char key_id[RM_KEY_ID_SIZE];
	unsigned char public_key[RM_ED25519_KEY_SIZE];
} Witness;

/* Decode base64 of so many bytes; false for any text but the one that encoding them gives. */
static bool
decode_exactly(const char *text, void *bytes, int size)
{
	return rm_base64_decode(text, strlen(text), bytes, size) == size && strcmp(text, rm_base64(bytes, size)) == 0;
}

/* Return what is wrong with a verifier key, a sentence; NULL where it was taken apart. */
static const char *
parse_witness(const char *text, Witness *witness)
{
	const char *id = strchr(text, '+');
	const char *key = id ? strchr(id + 1, '+') : NULL;
	unsigned char bytes[1 + RM_ED25519_KEY_SIZE];
	unsigned char hash[RM_SHA256_SIZE];
	char *hex;

	if (key == NULL || id == text)
		return "It has not the form name+hex(key id)+base64(0x04 || public key).";
	witness->name = pnstrdup(text, id - text);
	for (const char *p = witness->name; *p != '\0'; p++)
	{
		if ((unsigned char) *p <= ' ')
			return "The name holds a space.";
	}
	if (!decode_exactly(key + 1, bytes, sizeof(bytes)) || bytes[0] != ALGORITHM_COSIGNATURE)
		return "The key is not of type 0x04, Ed25519 for cosignatures, with 32 bytes behind that.";
	memcpy(witness->public_key, bytes + 1, RM_ED25519_KEY_SIZE);

	rm_require_hash(rm_hash_pieces(
		RM_HASH_SHA256,
		(RmHashPiece[]) { { witness->name, strlen(witness->name) }, { "\n", 1 }, { bytes, sizeof(bytes) } }, 3, hash));
	memcpy(witness->key_id, hash, RM_KEY_ID_SIZE);
	hex = psprintf("%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
	if (key - id - 1 != strlen(hex) || memcmp(id + 1, hex, strlen(hex)) != 0)
		return "The key id is not the one that follows from name and key.";
	return NULL;
}

/* Return the argument as a string in UTF-8. */
static char *
utf8_argument(text *argument)
{
	return rm_note_to_utf8(text_to_cstring(argument));
}

/* witness_name(verifier_key text) returns text; raises ERRCODE_RM_BAD_CONTENT where it is none of a witness. */
Datum
rm_witness_name(PG_FUNCTION_ARGS)
{
	Witness witness;
	const char *wrong = parse_witness(utf8_argument(PG_GETARG_TEXT_PP(0)), &witness);

	if (wrong)
		ereport(ERROR, (errcode(ERRCODE_RM_BAD_CONTENT), errmsg("this is no verifier key of a witness"),
						errdetail("%s", wrong),
						errhint("Ask the witness for its key in the form of C2SP signed-note, type 0x04.")));
	PG_RETURN_TEXT_P(cstring_to_text(rm_from_utf8(witness.name, strlen(witness.name))));
}

/* Take a signature line apart; false where it is not of the form of a cosignature, or not by that witness's key. */
static bool
parse_cosignature(const char *line, const Witness *witness, unsigned char *blob)
{
	char *head = psprintf(RM_SIGNATURE_DASH "%s ", witness->name);

	return strncmp(line, head, strlen(head)) == 0 && decode_exactly(line + strlen(head), blob, COSIGNATURE_SIZE) &&
		   memcmp(blob, witness->key_id, RM_KEY_ID_SIZE) == 0;
}

/* Return whether the blob is the witness's over the body; *seconds is the time that it states. */
static bool
cosignature_is_valid(const Witness *witness, const char *body, const unsigned char *blob, uint64 *seconds)
{
	EVP_PKEY *key;
	bool valid;

	memcpy(seconds, blob + RM_KEY_ID_SIZE, TIME_SIZE);
	*seconds = pg_ntoh64(*seconds);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, witness->public_key, RM_ED25519_KEY_SIZE);
	valid = key && rm_ed25519_is_valid(key, psprintf("cosignature/v1\ntime " UINT64_FORMAT "\n%s", *seconds, body),
									   blob + RM_KEY_ID_SIZE + TIME_SIZE);
	EVP_PKEY_free(key);
	return valid;
}

/* is_cosigned_by(line text, verifier_key text) returns boolean: whether the line names that key. */
Datum
rm_is_cosigned_by(PG_FUNCTION_ARGS)
{
	unsigned char blob[COSIGNATURE_SIZE];
	Witness witness;

	PG_RETURN_BOOL(parse_witness(utf8_argument(PG_GETARG_TEXT_PP(1)), &witness) == NULL &&
				   parse_cosignature(utf8_argument(PG_GETARG_TEXT_PP(0)), &witness, blob));
}

/*
 * cosigned_at(line text, note text, verifier_key text) returns timestamptz.
 *
 * The time that the line, a cosignature of that witness over the note's
 * checkpoint, states; NULL where it is none.
 */
Datum
rm_cosigned_at(PG_FUNCTION_ARGS)
{
	char *line = utf8_argument(PG_GETARG_TEXT_PP(0));
	unsigned char blob[COSIGNATURE_SIZE];
	RmCheckpoint checkpoint;
	Witness witness;
	uint64 seconds;

	if (!rm_checkpoint_parse(utf8_argument(PG_GETARG_TEXT_PP(1)), &checkpoint) ||
		parse_witness(utf8_argument(PG_GETARG_TEXT_PP(2)), &witness) != NULL)
		PG_RETURN_NULL();
	if (!parse_cosignature(line, &witness, blob) || !cosignature_is_valid(&witness, checkpoint.body, blob, &seconds))
		PG_RETURN_NULL();
	/* A time that no timestamp holds is no time at which anybody saw this. */
	if (seconds >= (uint64) (END_TIMESTAMP / USECS_PER_SEC))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time_t_to_timestamptz((pg_time_t) seconds));
}
