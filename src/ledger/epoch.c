/*
 * epoch.c
 *		A log's first leaf, where another log came before it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/ledger_private.h"
#include "ledger/tree.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_open_epoch);

/*
 * open_epoch(log uuid, checkpoint text) returns void.
 *
 * Appends the entry that holds the checkpoint of the log before to an empty log.
 */
Datum
rm_open_epoch(PG_FUNCTION_ARGS)
{
	char *checkpoint = text_to_cstring(PG_GETARG_TEXT_PP(1));
	RmTreeWriter *writer = palloc(sizeof(RmTreeWriter));

	rm_tree_writer_open(writer, PG_GETARG_UUID_P(0), GetActiveSnapshot());
	if (rm_tree_writer_size(writer) > 0)
		elog(ERROR, "an epoch opens an empty log");
	rm_tree_writer_append(writer, NULL, rm_entry_of_epoch(rm_note_to_utf8(checkpoint)));
	rm_tree_writer_close(writer);
	PG_RETURN_VOID();
}
