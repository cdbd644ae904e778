/*
 * touch.c
 *		Every change beneath a release raises the release's revision.
 *
 * A gate looks at rows of many tables.  Whoever changes one of them updates
 * the release row first; whoever advances the release updates the same row.
 * So the two wait for each other, and under repeatable read the later one
 * fails instead of passing a gate on rows it did not see.
 *
 * Once per transaction and release is enough.  What a rolled back
 * subtransaction raised is forgotten with it.
 *
 * The order of locks is order.c's affair.
 */
#include "postgres.h"

#include "lifecycle/lifecycle.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "errcodes.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

typedef struct Touched
{
	pg_uuid_t release;
	SubTransactionId subid;
} Touched;

/* Raised in the current transaction; lives in TopTransactionContext. */
static List *touched = NIL;
static bool callbacks_registered = false;

PG_FUNCTION_INFO_V1(rm_touch_release);
PG_FUNCTION_INFO_V1(rm_touch_row);

/* The list's memory goes with the transaction; only the pointer must be dropped. */
static void
touch_xact_callback(XactEvent event, void *arg)
{
	touched = NIL;
}

/* Forget what an aborted subtransaction raised; hand the rest to its parent. */
static void
touch_subxact_callback(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	ListCell *cell;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;

	foreach (cell, touched)
	{
		Touched *entry = (Touched *) lfirst(cell);

		if (entry->subid != mySubid)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			entry->subid = parentSubid;
		else
			touched = foreach_delete_current(touched, cell);
	}
}

/* Has this transaction, or a live subtransaction of it, raised the release's revision already? */
bool
rm_touch_done(const pg_uuid_t *release)
{
	ListCell *cell;

	foreach (cell, touched)
	{
		if (memcmp(&((Touched *) lfirst(cell))->release, release, sizeof(pg_uuid_t)) == 0)
			return true;
	}
	return false;
}

/* Note that the current (sub)transaction has raised it. */
void
rm_touch_note(const pg_uuid_t *release)
{
	MemoryContext old;
	Touched *entry;

	if (!callbacks_registered)
	{
		RegisterXactCallback(touch_xact_callback, NULL);
		RegisterSubXactCallback(touch_subxact_callback, NULL);
		callbacks_registered = true;
	}

	old = MemoryContextSwitchTo(TopTransactionContext);
	entry = (Touched *) palloc(sizeof(Touched));
	entry->release = *release;
	entry->subid = GetCurrentSubTransactionId();
	touched = lappend(touched, entry);
	MemoryContextSwitchTo(old);
}

/* Run one of this file's constant statements with a uuid as $1. */
static void
run_with_uuid(const char *command, const pg_uuid_t *id)
{
	Oid types[] = { UUIDOID };
	Datum values[] = { UUIDPGetDatum(id) };
	int ret;

	ret = SPI_execute_with_args(command, 1, types, values, NULL, false, 0);
	if (ret < 0)
		elog(ERROR, "touching a release failed: %s", SPI_result_code_string(ret));
}

/* Raise the revision of the release with this id, unless this transaction has. */
static void
touch(const pg_uuid_t *release)
{
	if (rm_touch_done(release))
		return;
	run_with_uuid("UPDATE release_mgmt.release SET revision = revision + 1 WHERE id = $1", release);
	rm_touch_note(release);
}

/* Touch the release that the id leads to: the release's own, or where the column is package_id, a package's. */
static void
touch_by(pg_uuid_t id, const char *column)
{
	if (strcmp(column, "package_id") == 0)
	{
		Oid types[] = { UUIDOID };
		Datum values[] = { UUIDPGetDatum(&id) };
		bool isnull;

		if (SPI_execute_with_args("SELECT release_id FROM release_mgmt.release_package WHERE id = $1", 1, types, values,
								  NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "looking up a package's release failed");
		if (SPI_processed == 0)
			return; /* the foreign key will say so */
		id = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	touch(&id);
}

/* Touch the release that the tuple belongs to, by the column named in the trigger. */
static void
touch_for_tuple(TriggerData *trigdata, HeapTuple tuple, const char *column)
{
	TupleDesc desc = RelationGetDescr(trigdata->tg_relation);
	int attno = SPI_fnumber(desc, column);
	Datum value;
	bool isnull;

	if (attno <= 0 || SPI_gettypeid(desc, attno) != UUIDOID)
		elog(ERROR, "table \"%s\" has no uuid column \"%s\"", RelationGetRelationName(trigdata->tg_relation), column);
	value = SPI_getbinval(tuple, desc, attno, &isnull);
	if (!isnull)
		touch_by(*DatumGetUUIDP(value), column);
}

/*
 * touch_row(id uuid, named text) returns void
 *
 * What the trigger does for a row whose column of that name is the id.
 */
Datum
rm_touch_row(PG_FUNCTION_ARGS)
{
	pg_uuid_t id = *PG_GETARG_UUID_P(0);
	char *column = text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (strcmp(column, "package_id") != 0 && rm_touch_done(&id))
		PG_RETURN_VOID();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	touch_by(id, column);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * touch_release('release_id' | 'package_id') returns trigger
 *
 * BEFORE INSERT OR UPDATE OR DELETE FOR EACH ROW on a table whose rows a gate
 * looks at; the argument names the column that leads to the release.
 */
Datum
rm_touch_release(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const char *column;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || trigdata->tg_trigger->tgnargs != 1)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("touch_release() is a BEFORE row trigger with one argument")));
	column = trigdata->tg_trigger->tgargs[0];

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	touch_for_tuple(trigdata, trigdata->tg_trigtuple, column);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		touch_for_tuple(trigdata, trigdata->tg_newtuple, column);
	SPI_finish();

	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ? trigdata->tg_newtuple
																	   : trigdata->tg_trigtuple);
}
