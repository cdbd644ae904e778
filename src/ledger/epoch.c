/*
 * epoch.c
 *		A log's first leaf, where another log came before it: it holds that log's last checkpoint.
 */
#include "postgres.h"

#include "fmgr.h"
#include "ledger/encoding.h"
#include "ledger/entry.h"
#include "ledger/ledger_private.h"
#include "ledger/note.h"
#include "ledger/tree.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(rm_open_epoch);
PG_FUNCTION_INFO_V1(rm_carried_checkpoint);

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

/*
 * carried_checkpoint(entry bytea) returns text.
 *
 * NULL where the entry opens no epoch, or what it holds is no checkpoint.
 */
Datum
rm_carried_checkpoint(PG_FUNCTION_ARGS)
{
	bytea *entry = PG_GETARG_BYTEA_PP(0);
	int len = VARSIZE_ANY_EXHDR(entry);
	char *text = pnstrdup(VARDATA_ANY(entry), len);
	const char *note;
	RmCheckpoint checkpoint;

	if (!rm_entry_is_epoch(text, len) || strlen(text) != len || !pg_verify_mbstr(PG_UTF8, text, len, true))
		PG_RETURN_NULL();
	note = rm_entry_epoch_checkpoint(text);
	if (note == NULL)
		PG_RETURN_NULL();
	note = rm_note_from_utf8(note);
	if (!rm_checkpoint_parse(note, &checkpoint))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(note));
}
