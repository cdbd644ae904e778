/*
 * proof.c
 *		The proof that a change is in the log, as text for strangers; doc/proofs.md defines its form.
 *
 * Three blocks, apart by empty lines: the change with its path in the
 * transaction's tree, the entry, and the inclusion proof in the form of C2SP
 * tlog-proof, behind which the caller puts a signed checkpoint.  Nothing is
 * given out that does not lead to the root in the entry.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "errcodes.h"
#include "fmgr.h"
#include "ledger/batch.h"
#include "ledger/change.h"
#include "ledger/change_tree.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/note.h"
#include "ledger/signer.h"
#include "ledger/tree.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "types/digest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_change_proof);
PG_FUNCTION_INFO_V1(rm_sign_text);

/* What is to be proved. */
typedef struct Wanted
{
	StringInfoData lines;
	unsigned char leaf[RM_SHA256_SIZE];
} Wanted;

/* Append "<label> <base64>\n". */
static void
append_bytes(StringInfo text, const char *label, const void *bytes, int len)
{
	appendStringInfo(text, "%s %s\n", label, rm_base64(bytes, len));
}

/* Append a number of four bytes, big-endian. */
static void
append_uint32(StringInfo form, uint32 number)
{
	number = pg_hton32(number);
	appendBinaryStringInfo(form, (const char *) &number, sizeof(number));
}

/* Append the hashed form of the change, which change.h defines. */
static void
append_form(StringInfo form, const RmChange *change)
{
	static const char zeros[RM_SHA256_SIZE];

	appendStringInfoChar(form, RM_CHANGE_VERSION);
	appendStringInfoChar(form, pg_toupper((unsigned char) rm_operation_name(change->operation)[0]));
	appendBinaryStringInfo(form, (const char *) change->table_id.data, UUID_LEN);
	append_uint32(form, change->command_id);
	append_uint32(form, change->key_len);
	appendBinaryStringInfo(form, change->key, change->key_len);
	append_uint32(form, change->former_key_len);
	if (change->former_key)
		appendBinaryStringInfo(form, change->former_key, change->former_key_len);
	appendBinaryStringInfo(form, rm_operation_has_row(change->operation) ? (const char *) change->row_digest : zeros,
						   RM_SHA256_SIZE);
	appendBinaryStringInfo(form, rm_operation_has_old(change->operation) ? (const char *) change->old_digest : zeros,
						   RM_SHA256_SIZE);
}

/* Raise that what is stored contradicts itself. */
static void
refuse_contradiction(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_RM_LEDGER_CORRUPT), errmsg("this change can not be proved"),
					errdetail("%s", detail), errhint("Call release_mgmt.verify_ledger().")));
}

/* Return the bytes of an array's element. */
static bytea *
element(Datum *elements, int i)
{
	return DatumGetByteaPP(elements[i]);
}

/*
 * Append the row as it is after the change: its canonical form, and the long
 * values that stand in it by their hash.
 */
static void
append_row(StringInfo text, const RmChange *change, ArrayType *live)
{
	unsigned char digest[RM_SHA256_SIZE];
	Datum *elements;
	int count;

	deconstruct_array(live, BYTEAOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	if (count == 0 || change->redacted)
		return;
	rm_digest_salted(change->salt, VARDATA_ANY(element(elements, 0)), VARSIZE_ANY_EXHDR(element(elements, 0)), digest);
	if (memcmp(digest, change->row_digest, RM_SHA256_SIZE) != 0)
		refuse_contradiction("The row is not as its last change left it.");
	append_bytes(text, "row", VARDATA_ANY(element(elements, 0)), VARSIZE_ANY_EXHDR(element(elements, 0)));
	for (int i = 1; i < count; i++)
		append_bytes(text, "long", VARDATA_ANY(element(elements, i)), VARSIZE_ANY_EXHDR(element(elements, i)));
}

/* Write down the change that is to be proved. */
static void
take_change(Wanted *wanted, const RmChange *change, const char *source, ArrayType *live)
{
	StringInfoData form;

	initStringInfo(&form);
	append_form(&form, change);
	rm_require_hash(rm_merkle_hash_entry(form.data, form.len, wanted->leaf));
	appendStringInfo(&wanted->lines, "release_mgmt proof v1\ntable %s\n", source);
	append_bytes(&wanted->lines, "change", form.data, form.len);
	if (!change->redacted)
		append_bytes(&wanted->lines, "salt", change->salt, RM_SALT_SIZE);
	if (change->old)
		append_bytes(&wanted->lines, "old", change->old, change->old_len);
	append_row(&wanted->lines, change, live);
}

/* Find the change of that number in its batch and write it down; false where there is none. */
static bool
find_change(Wanted *wanted, const pg_uuid_t *transaction_id, uint64 number, const char *source, ArrayType *live)
{
	Relation batches = table_open(rm_ledger_relid("ledger_batch"), AccessShareLock);
	Relation index = index_open(rm_ledger_relid("ledger_batch_pkey"), AccessShareLock);
	bool found = false;
	SysScanDesc scan;
	ScanKeyData keys[2];
	HeapTuple tuple;

	/* The last batch that does not begin behind it. */
	ScanKeyInit(&keys[0], RM_BATCH_TRANSACTION_ID, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(transaction_id));
	ScanKeyInit(&keys[1], RM_BATCH_FIRST_SEQ, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum((int64) number));
	scan = systable_beginscan_ordered(batches, index, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	if (HeapTupleIsValid(tuple))
	{
		TupleDesc desc = RelationGetDescr(batches);
		bool isnull;
		uint64 seq = (uint64) DatumGetInt64(heap_getattr(tuple, RM_BATCH_FIRST_SEQ, desc, &isnull));
		bytea *batch = DatumGetByteaPP(heap_getattr(tuple, RM_BATCH_CHANGES, desc, &isnull));
		RmChangeReader reader;
		RmChange change;

		rm_change_reader_init(&reader, VARDATA_ANY(batch), VARSIZE_ANY_EXHDR(batch));
		while (!found && rm_change_read(&reader, &change))
		{
			found = seq++ == number;
			if (found)
				take_change(wanted, &change, source, live);
		}
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(batches, AccessShareLock);
	return found;
}

/* Append a proof's hashes, one a line. */
static void
append_hashes(StringInfo text, const unsigned char *hashes, int count)
{
	for (int i = 0; i < count; i++)
		appendStringInfo(text, "%s\n", rm_base64(hashes + i * RM_SHA256_SIZE, RM_SHA256_SIZE));
}

/*
 * change_proof(log uuid, index bigint, size bigint, entry bytea, seq bigint,
 * source text, live bytea[]) returns text.
 *
 * The proof of the change of that number in the transaction of that leaf, in
 * the tree of that size; up to the empty line behind which the checkpoint of
 * that size belongs.
 */
Datum
rm_change_proof(PG_FUNCTION_ARGS)
{
	int64 index = PG_GETARG_INT64(1);
	bytea *entry_bytes = PG_GETARG_BYTEA_PP(3);
	char *entry = VARDATA_ANY(entry_bytes);
	int entry_len = VARSIZE_ANY_EXHDR(entry_bytes);
	char *source = text_to_cstring(PG_GETARG_TEXT_PP(5));
	uint64 number = (uint64) PG_GETARG_INT64(4);
	unsigned char proof[RM_PROOF_MAX * RM_SHA256_SIZE];
	unsigned char path[RM_MERKLE_LEVELS * RM_SHA256_SIZE];
	RmTransactionEntry transaction;
	RmChangeTree *tree;
	RmTreeReader reader;
	Wanted wanted = { 0 };
	StringInfo text = &wanted.lines;
	int length;

	if (!rm_entry_parse_transaction(entry, entry_len, &transaction))
		refuse_contradiction("The leaf is no transaction's.");
	initStringInfo(text);
	tree = transaction.changes > 0 ? rm_change_tree_of(&transaction.id, transaction.changes) : NULL;
	if (tree == NULL || number >= tree->size ||
		!find_change(&wanted, &transaction.id, number, rm_to_utf8(source, strlen(source)), PG_GETARG_ARRAYTYPE_P(6)))
		refuse_contradiction("The transaction has not as many changes as its leaf tells of.");
	if (memcmp(wanted.leaf, tree->levels[0] + number * RM_SHA256_SIZE, RM_SHA256_SIZE) != 0 ||
		memcmp(rm_change_tree_root(tree), transaction.root, RM_SHA256_SIZE) != 0)
		refuse_contradiction("The changes of the transaction do not lead to the root in its leaf.");

	appendStringInfo(text, "position " UINT64_FORMAT "\n", number);
	append_hashes(text, path, rm_change_tree_path(tree, number, path));
	appendStringInfoChar(text, '\n');
	appendBinaryStringInfo(text, entry, entry_len);
	rm_tree_reader_open(&reader, PG_GETARG_UUID_P(0), GetActiveSnapshot());
	length = rm_tree_reader_inclusion(&reader, index, PG_GETARG_INT64(2), proof);
	rm_tree_reader_close(&reader);
	appendStringInfo(text, "\nc2sp.org/tlog-proof@v1\nindex " INT64_FORMAT "\n", index);
	append_hashes(text, proof, length);
	appendStringInfoChar(text, '\n');
	PG_RETURN_TEXT_P(cstring_to_text(rm_from_utf8(text->data, text->len)));
}

/* sign_text(origin text, body text) returns text: the body as a note signed by the log's key. */
Datum
rm_sign_text(PG_FUNCTION_ARGS)
{
	char *origin = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *body = rm_note_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	EVP_PKEY *key = rm_signer_load_key();
	char *note = rm_note_sign(body, rm_to_utf8(origin, strlen(origin)), key);

	EVP_PKEY_free(key);
	PG_RETURN_TEXT_P(cstring_to_text(rm_note_from_utf8(note)));
}
