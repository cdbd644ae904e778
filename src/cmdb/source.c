/*
 * source.c
 *		Notes of which transactions changed what baselines are made of.
 *
 * A row in source_change stands for "this transaction changed the source".  It
 * is written once for each source and subtransaction, so that it goes with
 * the changes where they are rolled back, and once more after somebody in this
 * transaction has looked at the source meanwhile: what he keeps of it has seen
 * the row that was there.
 */
#include "postgres.h"

#include "cmdb/binding.h"
#include "cmdb/source.h"
#include "cmdb/value.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* As many sources as one transaction changes at once without noting them again. */
#define REMEMBERED 16

/* Of so many notes, one prunes. */
#define PRUNE_EVERY 1024

/* What was noted last. */
static struct
{
	FullTransactionId transaction;
	SubTransactionId within;
	char source[NAMEDATALEN * 2];
} noted[REMEMBERED];

/* Forget what was noted: the next change of a source is noted again. */
void
rm_source_noted_anew(void)
{
	memset(noted, 0, sizeof(noted));
}

/* Run one of the statements of this file; it is prepared once. */
static void
run(SPIPlanPtr *plan, const char *statement, int nargs, Datum *args)
{
	Oid types[] = { TEXTOID };
	int result;

	if (*plan == NULL)
	{
		SPIPlanPtr prepared = SPI_prepare(statement, nargs, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare the note of a change: %s", SPI_result_code_string(SPI_result));
		*plan = prepared;
	}
	result = SPI_execute_plan(*plan, args, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "could not note a change: %s", SPI_result_code_string(result));
}

/* Note that this transaction changes a source: a bound class, or the qualified name of a table. */
void
rm_source_note(const char *source)
{
	static SPIPlanPtr insert = NULL;
	static SPIPlanPtr prune = NULL;
	FullTransactionId transaction = GetTopFullTransactionId();
	SubTransactionId within = GetCurrentSubTransactionId();
	int slot = hash_bytes((const unsigned char *) source, strlen(source)) % REMEMBERED;
	Datum args[] = { CStringGetTextDatum(source) };
	RmIdentity saved;

	if (FullTransactionIdEquals(noted[slot].transaction, transaction) && noted[slot].within == within &&
		strcmp(noted[slot].source, source) == 0)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rm_become_owner(&saved);
	run(&insert, "INSERT INTO release_mgmt_internal.source_change (source) VALUES ($1)", 1, args);
	/* With a snapshot for the whole transaction, rows that others pruned since would be an error. */
	if (!IsolationUsesXactSnapshot() && pg_prng_uint32(&pg_global_prng_state) % PRUNE_EVERY == 0)
		run(&prune, "SELECT release_mgmt_internal.prune_source_changes()", 0, NULL);
	rm_become_again(&saved);
	SPI_finish();
	noted[slot].transaction = transaction;
	noted[slot].within = within;
	strlcpy(noted[slot].source, source, sizeof(noted[slot].source));
}

/* Does one of the named columns hold another value? One that the table does not have may. */
static bool
is_any_changed(const TriggerData *trigger, char **columns, int ncolumns)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);

	for (int i = 0; i < ncolumns; i++)
	{
		int number = SPI_fnumber(desc, columns[i]);
		bool before_null, now_null;
		Datum before, now;

		if (number <= 0)
			return true;
		before = slot_getattr(trigger->tg_trigslot, number, &before_null);
		now = slot_getattr(trigger->tg_newslot, number, &now_null);
		if (!rm_value_same(before, before_null, now, now_null, TupleDescAttr(desc, AttrNumberGetAttrOffset(number))))
			return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(rm_note_source);

/*
 * Row trigger rm_95_source(column, ...) on tables that baselines are made of.
 *
 * An UPDATE counts where it changes one of the columns; any where none is named.
 */
Datum
rm_note_source(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "note_source() is a row trigger");
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && trigger->tg_trigger->tgnargs > 0 &&
		!is_any_changed(trigger, trigger->tg_trigger->tgargs, trigger->tg_trigger->tgnargs))
		return PointerGetDatum(NULL);
	rm_source_note(quote_qualified_identifier(get_namespace_name(RelationGetNamespace(trigger->tg_relation)),
											  RelationGetRelationName(trigger->tg_relation)));
	return PointerGetDatum(NULL);
}
