/*
 * verify_since.c
 *		Verification of what came after a checkpoint.
 *
 * The checkpoint's root is recomputed from the roots of full tiles and the
 * entries behind them, so that the tree is known to have grown from it.  Every
 * leaf behind it, its changes, and the rows that these changes made are
 * verified as in verify.c.  Older entries, older changes and rows that were
 * not changed since are not read.
 */
#include "postgres.h"

#include "fmgr.h"
#include "ledger/note.h"
#include "ledger/verify.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rm_verify_log_since);

/*
 * verify_log_since(log uuid, checkpoint text, checkpoint_logs uuid[], notes
 * text[], sources text[]) returns setof finding.
 *
 * The checkpoint to begin at is among the notes.
 */
Datum
rm_verify_log_since(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	pg_uuid_t *log = PG_GETARG_UUID_P(0);
	RmVerify verify = { .passes = 1 };
	RmExpectedRoot since = { 0 };
	RmExpectedRoot *expected;
	RmCheckpoint checkpoint;
	RmMerkle edge;
	bool own;
	int nexpected;

	if (!rm_checkpoint_parse(text_to_cstring(PG_GETARG_TEXT_PP(1)), &checkpoint))
		elog(ERROR, "the checkpoint can not be read");
	since.size = checkpoint.size;

	InitMaterializedSRF(fcinfo, 0);
	verify.findings = result->setResult;
	verify.findings_desc = result->setDesc;
	expected = rm_verify_expected(PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3), PG_GETARG_ARRAYTYPE_P(4), log,
								  &nexpected);

	rm_verify_open(&verify);
	rm_verify_rows_init(&verify);
	(void) rm_tree_read_head(log, verify.snapshot, &edge, &own, NULL);
	if (edge.size < since.size)
		rm_finding_add(&verify, "tree shrank", (int64) edge.size, NULL, "the checkpoint given",
					   psprintf(UINT64_FORMAT " leaves", since.size), psprintf(UINT64_FORMAT " leaves", edge.size));
	else
	{
		rm_verify_log(&verify, log, expected, nexpected, &since);
		rm_pending_begin(&verify.pending, verify.snapshot, NULL);
		rm_verify_pending(&verify);
		rm_pending_end(&verify.pending);
		rm_verify_known_rows(&verify);
		rm_verify_windows(&verify);
	}
	rm_pending_close(&verify.pending);
	rm_verify_close(&verify);
	return (Datum) 0;
}
