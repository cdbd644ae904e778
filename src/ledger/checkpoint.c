/*
 * checkpoint.c
 *		Checkpoints of the tree, their signatures, and proofs, as SQL functions.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/ledger_private.h"
#include "ledger/note.h"
#include "ledger/signer.h"
#include "ledger/tree.h"
#include "storage/lmgr.h"
#include "types/digest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_checkpoint_of);
PG_FUNCTION_INFO_V1(rm_sign_checkpoint_of);
PG_FUNCTION_INFO_V1(rm_verifier_key);
PG_FUNCTION_INFO_V1(rm_last_signed);
PG_FUNCTION_INFO_V1(rm_checkpoint_state);
PG_FUNCTION_INFO_V1(rm_inclusion_proof_of);
PG_FUNCTION_INFO_V1(rm_consistency_proof_of);

/* Sub-object number of the signer's lock, which is taken on ledger_head. */
#define SIGNER_LOCK 2

/* Return an argument, the origin of a log, in UTF-8. */
static char *
origin_argument(text *argument)
{
	char *origin = text_to_cstring(argument);

	return rm_to_utf8(origin, strlen(origin));
}

/* checkpoint_of(log uuid, origin text) returns text, without signature. */
Datum
rm_checkpoint_of(PG_FUNCTION_ARGS)
{
	RmMerkle edge;
	unsigned char root[RM_SHA256_SIZE];
	bool own;

	(void) rm_tree_read_head(PG_GETARG_UUID_P(0), GetActiveSnapshot(), &edge, &own, NULL);
	rm_require_hash(rm_merkle_compute_root(&edge, root));
	PG_RETURN_TEXT_P(
		cstring_to_text(rm_note_from_utf8(rm_checkpoint_body(origin_argument(PG_GETARG_TEXT_PP(1)), edge.size, root))));
}

/* Refuse to sign a tree that did not grow from the one that was signed last. */
static void
require_consistency(RmTreeReader *reader, const char *last_note)
{
	RmCheckpoint last;
	unsigned char root[RM_SHA256_SIZE];

	if (!rm_checkpoint_parse(last_note, &last))
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT),
						errmsg("the file beside the signing key does not hold the checkpoint signed last"),
						errhint("Put back the checkpoint published last.")));
	if (last.size > reader->size)
		ereport(ERROR,
				(errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("the ledger is shorter than the checkpoint signed last"),
				 errdetail("It has " UINT64_FORMAT " leaves; " UINT64_FORMAT " were signed.", reader->size, last.size),
				 errhint("An older state of the database was put back. release_mgmt.verify_ledger() tells more.")));
	rm_tree_reader_root(reader, last.size, root);
	if (memcmp(root, last.root, RM_SHA256_SIZE) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("the ledger did not grow from the checkpoint signed last"),
				 errdetail("Its root at size " UINT64_FORMAT " is %s; %s was signed.", last.size,
						   rm_base64(root, RM_SHA256_SIZE), rm_base64(last.root, RM_SHA256_SIZE)),
				 errhint("Leaves were changed. release_mgmt.verify_ledger() names the first.")));
}

/*
 * sign_checkpoint_of(log uuid, origin text) returns text, a signed note.
 *
 * The root is computed from tiles and entries, by the same reader as that at
 * the size signed last, so that one tree holds both.
 */
Datum
rm_sign_checkpoint_of(PG_FUNCTION_ARGS)
{
	char *origin = origin_argument(PG_GETARG_TEXT_PP(1));
	unsigned char root[RM_SHA256_SIZE];
	unsigned char edge_root[RM_SHA256_SIZE];
	RmTreeReader reader;
	RmMerkle edge;
	Snapshot snapshot;
	EVP_PKEY *key;
	char *last_note;
	char *note;
	bool own;

	rm_ledger_require_active();
	LockDatabaseObject(RelationRelationId, rm_ledger_relid("ledger_head"), SIGNER_LOCK, ExclusiveLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	(void) rm_tree_read_head(PG_GETARG_UUID_P(0), snapshot, &edge, &own, NULL);
	if (own)
		ereport(ERROR,
				(errcode(ERRCODE_RM_WRONG_STATE), errmsg("the ledger was sequenced in this very transaction"),
				 errdetail("What is signed must not vanish in a rollback or crash."), errhint("Commit, then sign.")));

	rm_tree_reader_open(&reader, PG_GETARG_UUID_P(0), snapshot);
	rm_tree_reader_root(&reader, reader.size, root);
	rm_require_hash(rm_merkle_compute_root(&edge, edge_root));
	if (memcmp(root, edge_root, RM_SHA256_SIZE) != 0)
		ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("the ledger's leaves contradict its head"),
						errhint("release_mgmt.verify_ledger() names the first bad leaf.")));
	key = rm_signer_load_key();
	last_note = rm_signer_read_last(origin);
	if (last_note)
		require_consistency(&reader, last_note);
	rm_tree_reader_close(&reader);
	UnregisterSnapshot(snapshot);

	note = rm_note_sign(rm_checkpoint_body(origin, edge.size, root), origin, key);
	EVP_PKEY_free(key);
	rm_signer_write_last(origin, note);
	PG_RETURN_TEXT_P(cstring_to_text(rm_note_from_utf8(note)));
}

/* verifier_key_of(origin text) returns text. */
Datum
rm_verifier_key(PG_FUNCTION_ARGS)
{
	EVP_PKEY *key = rm_signer_load_key();
	char *result = rm_note_verifier_key(origin_argument(PG_GETARG_TEXT_PP(0)), key);

	EVP_PKEY_free(key);
	PG_RETURN_TEXT_P(cstring_to_text(rm_from_utf8(result, strlen(result))));
}

/* last_signed(origin text) returns text; NULL where no key is configured or nothing was signed. */
Datum
rm_last_signed(PG_FUNCTION_ARGS)
{
	char *note = rm_signer_has_key() ? rm_signer_read_last(origin_argument(PG_GETARG_TEXT_PP(0))) : NULL;

	if (note == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(rm_note_from_utf8(note)));
}

/*
 * checkpoint_state(note text) returns text.
 *
 * 'unreadable', 'unsigned', 'signed', 'signature invalid', or 'not checked'
 * where it bears signatures and no key is configured here.
 */
Datum
rm_checkpoint_state(PG_FUNCTION_ARGS)
{
	RmCheckpoint checkpoint;
	const char *state = "not checked";

	if (!rm_checkpoint_parse(rm_note_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0))), &checkpoint))
		state = "unreadable";
	else if (checkpoint.signatures[0] == '\0')
		state = "unsigned";
	else if (rm_signer_has_key())
	{
		EVP_PKEY *key = rm_signer_load_key();

		state = rm_note_is_signed(&checkpoint, checkpoint.origin, key) ? "signed" : "signature invalid";
		EVP_PKEY_free(key);
	}
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* Return the hashes as text[] of base64. */
static ArrayType *
proof_array(const unsigned char *proof, int length)
{
	Datum hashes[RM_PROOF_MAX];

	for (int i = 0; i < length; i++)
		hashes[i] = CStringGetTextDatum(rm_base64(proof + i * RM_SHA256_SIZE, RM_SHA256_SIZE));
	return construct_array(hashes, length, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Raise unless the sizes are ordered within the tree. */
static void
require_range(int64 low, int64 high, uint64 size)
{
	if (low < 0 || low > high || (uint64) high > size)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("no such proof in a tree of this size"),
						errdetail("The tree has " UINT64_FORMAT " leaves.", size),
						errhint("An index must be below the size, a size at most the tree's.")));
}

/* inclusion_proof_of(log uuid, index bigint, size bigint) returns text[]. */
Datum
rm_inclusion_proof_of(PG_FUNCTION_ARGS)
{
	unsigned char proof[RM_PROOF_MAX * RM_SHA256_SIZE];
	RmTreeReader reader;
	int length;

	rm_tree_reader_open(&reader, PG_GETARG_UUID_P(0), GetActiveSnapshot());
	require_range(PG_GETARG_INT64(1) + 1, PG_GETARG_INT64(2), reader.size);
	length = rm_tree_reader_inclusion(&reader, PG_GETARG_INT64(1), PG_GETARG_INT64(2), proof);
	rm_tree_reader_close(&reader);
	PG_RETURN_ARRAYTYPE_P(proof_array(proof, length));
}

/* consistency_proof_of(log uuid, old_size bigint, size bigint) returns text[]. */
Datum
rm_consistency_proof_of(PG_FUNCTION_ARGS)
{
	unsigned char proof[RM_PROOF_MAX * RM_SHA256_SIZE];
	RmTreeReader reader;
	int length;

	rm_tree_reader_open(&reader, PG_GETARG_UUID_P(0), GetActiveSnapshot());
	require_range(PG_GETARG_INT64(1), PG_GETARG_INT64(2), reader.size);
	length = rm_tree_reader_consistency(&reader, PG_GETARG_INT64(1), PG_GETARG_INT64(2), proof);
	rm_tree_reader_close(&reader);
	PG_RETURN_ARRAYTYPE_P(proof_array(proof, length));
}
