/*
 * compat_sources.c
 *		What baselines are made of, asked once for each class of targets.
 *
 * That is told by the target's class, and takes as long to ask as to read what
 * is installed on a host.  So what was answered is remembered while the same
 * snapshot is in use, and forgotten with any DDL, at the end of the
 * transaction, and where a part of it is rolled back.
 */
#include "release/compat_kept.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* What was answered of a class. */
typedef struct Answer
{
	char *class;
	RmOrigin origin;
} Answer;

static List *answers = NIL; /* of Answer */
static MemoryContext context = NULL;

/* Who asked, and what was seen. */
static Oid asked_by;
static SnapshotData seen; /* the fields that tell what is visible */

/* Forget all answers. */
void
rm_compat_forget_sources(void)
{
	answers = NIL;
}

/* Transaction callback. */
static void
end_transaction(XactEvent event, void *arg)
{
	rm_compat_forget_sources();
}

/* Subtransaction callback: what was seen of one that is rolled back is not so. */
static void
end_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		rm_compat_forget_sources();
}

/* Whether the snapshot sees what the one before saw, of the same transaction. */
static bool
sees_the_same(Snapshot snapshot)
{
	return asked_by == GetUserId() && !snapshot->takenDuringRecovery && snapshot->curcid == seen.curcid &&
		   TransactionIdEquals(snapshot->xmin, seen.xmin) && TransactionIdEquals(snapshot->xmax, seen.xmax) &&
		   snapshot->xcnt == seen.xcnt && memcmp(snapshot->xip, seen.xip, sizeof(TransactionId) * seen.xcnt) == 0;
}

/* Begin to remember what is answered under a snapshot. */
static void
remember(Snapshot snapshot)
{
	Size size = sizeof(TransactionId) * snapshot->xcnt;

	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "compatibility sources", ALLOCSET_SMALL_SIZES);
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
	}
	MemoryContextReset(context);
	answers = NIL;
	asked_by = GetUserId();
	seen = *snapshot;
	seen.xip = memcpy(MemoryContextAlloc(context, Max(size, 1)), snapshot->xip, size);
}

/* The row of one class. */
static void
read_class(TupleTableSlot *slot, void *arg)
{
	*(char **) arg = TextDatumGetCString(slot->tts_values[0]);
}

/* Return the class of the target; NULL where there is none. */
static char *
class_of(const RmScope *scope)
{
	static RmPlan plan = { "SELECT i.class FROM release_mgmt.ci AS i WHERE i.id OPERATOR(pg_catalog.=) $1",
						   1,
						   { UUIDOID } };
	Datum target[] = { scope->target };
	char *class = NULL;

	if (!scope->no_target)
		rm_read_plan(&plan, target, NULL, read_class, &class);
	return class;
}

/* The row of sources, relations, and whether all changes are noted. */
static void
read_sources(TupleTableSlot *slot, void *arg)
{
	RmOrigin *origin = arg;

	origin->sources = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[0]));
	origin->relations = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[1]));
	origin->found = DatumGetBool(slot->tts_values[2]);
}

/* Ask what a baseline is made of. */
static RmOrigin
ask(const RmScope *scope)
{
	static RmPlan plan = {
		"SELECT s.sources, s.relations, s.kept FROM release_mgmt_internal.baseline_sources($1, "
		"'{release_mgmt.library_item,release_mgmt.known_package,release_mgmt.package_clause,"
		"release_mgmt.operating_system,release_mgmt.operating_system_name,release_mgmt.operating_system_runs}') AS s",
		1,
		{ UUIDOID }
	};
	Datum target[] = { scope->target };
	RmOrigin origin = { 0 };

	rm_read_plan(&plan, target, &scope->no_target, read_sources, &origin);
	return origin;
}

/* Return a copy of sources and relations in the current memory context. */
static RmOrigin
copy_origin(const RmOrigin *origin)
{
	RmOrigin copy = *origin;

	copy.sources = PointerGetDatum(PG_DETOAST_DATUM_COPY(origin->sources));
	copy.relations = PointerGetDatum(PG_DETOAST_DATUM_COPY(origin->relations));
	return copy;
}

/* Return what the baseline of a check is made of, in the current memory context; the changes are not told. */
RmOrigin
rm_compat_sources(const RmScope *scope)
{
	char *class = class_of(scope);
	MemoryContext caller = CurrentMemoryContext;
	RmOrigin origin;
	Answer *answer;
	ListCell *cell;

	if (class == NULL)
		return ask(scope);
	if (answers != NIL && sees_the_same(GetActiveSnapshot()))
	{
		foreach (cell, answers)
		{
			answer = lfirst(cell);
			if (strcmp(answer->class, class) == 0)
				return copy_origin(&answer->origin);
		}
	}
	else
		remember(GetActiveSnapshot());
	origin = ask(scope);
	MemoryContextSwitchTo(context);
	answer = palloc(sizeof(Answer));
	answer->class = pstrdup(class);
	answer->origin = copy_origin(&origin);
	answers = lappend(answers, answer);
	MemoryContextSwitchTo(caller);
	return origin;
}
