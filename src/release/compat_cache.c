/*
 * compat_cache.c
 *		Baselines that a backend keeps between checks.
 *
 * A kept baseline holds as long as a snapshot sees the same changes noted of
 * what it was made of as when it was made (source_changes() in
 * sql/30_cmdb/45_source_change.sql), and no DDL touched the tables.  So it is
 * right in every transaction, under every isolation level, after a rollback
 * and on a standby; nothing is shared, and nobody waits.
 *
 * A baseline is in use while a release is laid over it.  The memory context of
 * the check tells when that ends: where it is deleted without
 * rm_compat_close(), an error came between, and the baseline is not used again.
 * One that is not to be kept goes with that context.
 */
#include "release/compat_kept.h"

#include "catalog/pg_type.h"
#include "cmdb/source.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/xid8.h"

/* A check's use of a baseline; lies in the memory context of the check. */
typedef struct Use
{
	Baseline *baseline; /* NULL: ended */
	MemoryContextCallback ender;
} Use;

/* What source_changes() tells. */
typedef struct Changes
{
	FullTransactionId present;
	Datum noted; /* uuid[] */
} Changes;

/* The row of present and changes. */
static void
read_changes(TupleTableSlot *slot, void *arg)
{
	Changes *changes = arg;

	changes->present = DatumGetFullTransactionId(slot->tts_values[0]);
	changes->noted = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[1]));
}

/* Read what was noted of the sources since a transaction; NULL: the oldest that runs. */
static Changes
noted_changes(Datum sources, const FullTransactionId *since)
{
	static RmPlan plan = { "SELECT c.present, c.changes FROM release_mgmt_internal.source_changes($1, $2) AS c",
						   2,
						   { TEXTARRAYOID, XID8OID } };
	Datum values[] = { sources, since == NULL ? (Datum) 0 : FullTransactionIdGetDatum(*since) };
	bool nulls[] = { false, since == NULL };
	Changes changes = { 0 };

	/* Whatever this transaction changes from here on is noted anew, so that we see it. */
	rm_source_noted_anew();
	rm_read_plan(&plan, values, nulls, read_changes, &changes);
	return changes;
}

/* Whether two arrays are the same bytes. */
static bool
same_array(Datum a, Datum b)
{
	return VARSIZE(DatumGetPointer(a)) == VARSIZE(DatumGetPointer(b)) &&
		   memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE(DatumGetPointer(a))) == 0;
}

/* Whether the snapshot sees what the baseline was made of; if so, it is from now on as if it had been made now. */
static bool
still_holds(Baseline *baseline, const Changes *changes)
{
	Changes now = *changes;
	MemoryContext caller;

	if (!same_array(changes->noted, baseline->origin.changes))
		return false;
	if (FullTransactionIdEquals(changes->present, baseline->origin.since))
		return true;
	if (ARR_NDIM(DatumGetArrayTypeP(changes->noted)) > 0)
		now = noted_changes(baseline->origin.sources, &changes->present);
	caller = MemoryContextSwitchTo(baseline->context);
	pfree(DatumGetPointer(baseline->origin.changes));
	baseline->origin.changes = PointerGetDatum(PG_DETOAST_DATUM_COPY(now.noted));
	baseline->origin.since = changes->present;
	MemoryContextSwitchTo(caller);
	return true;
}

/* Reset callback of a check's memory context: after an error, what lies over the baseline stays there. */
static void
end_use(void *arg)
{
	Use *use = arg;

	if (use->baseline == NULL)
		return;
	use->baseline->use = NULL;
	rm_compat_invalidate(use->baseline);
}

/* Find a stored baseline that sees what this snapshot does of what a baseline is made of; returns whether there is one.
 */
static bool
find_stored(const RmOrigin *origin, const RmScope *scope, RmOrigin *stored, Changes *changes)
{
	if (!origin->found)
		return false;
	*stored = rm_compat_stored_origin(scope, origin->sources, origin->relations);
	if (!stored->found)
		return false;
	*changes = noted_changes(origin->sources, &stored->since);
	return !FullTransactionIdPrecedes(changes->present, stored->since) && same_array(changes->noted, stored->changes);
}

/* Take a baseline from the table where one is stored; returns whether it did. */
static bool
take_stored(Baseline *baseline, const RmScope *scope)
{
	RmOrigin stored;
	Changes changes;

	if (!find_stored(&baseline->origin, scope, &stored, &changes))
		return false;
	baseline->origin.since = stored.since;
	baseline->origin.changes = stored.changes;
	baseline->compat = still_holds(baseline, &changes) ? rm_compat_stored(scope) : NULL;
	return baseline->compat != NULL;
}

/* Make a baseline, listed already while it is loaded, so that DDL that comes between is heard of. */
static Baseline *
make_baseline(const RmScope *scope)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "compatibility baseline", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Baseline *baseline = palloc0(sizeof(Baseline));

	baseline->context = context;
	baseline->valid = true;
	baseline->origin = rm_compat_sources(scope);
	rm_compat_list_baseline(baseline, scope);

	if (!take_stored(baseline, scope))
	{
		Changes changes = noted_changes(baseline->origin.sources, NULL);

		baseline->origin.since = changes.present;
		baseline->origin.changes = changes.noted;
		baseline->compat = rm_compat_create();
		rm_compat_load_baseline(baseline->compat, scope);
		rm_compat_complete(baseline->compat);
	}
	baseline->compat->kept = baseline;
	MemoryContextSwitchTo(caller);
	return baseline;
}

/*
 * Begin a check in the current memory context: what is installed on the
 * target, or on none, with the package, if any, laid over it and settled.
 */
RmCompat *
rm_compat_open(const RmScope *scope)
{
	Use *use = palloc0(sizeof(Use));
	Baseline *baseline;
	bool keep = rm_compat_keeps();

	AcceptInvalidationMessages();
	baseline = rm_compat_find_baseline(scope);
	if (baseline != NULL)
	{
		Changes changes = noted_changes(baseline->origin.sources, &baseline->origin.since);

		/* A snapshot from before the baseline can not tell whether it is the same; it stays for later ones. */
		if (FullTransactionIdPrecedes(changes.present, baseline->origin.since))
		{
			keep = false;
			baseline = NULL;
		}
		else if (!still_holds(baseline, &changes))
		{
			MemoryContextDelete(baseline->context);
			baseline = NULL;
		}
	}
	if (baseline == NULL)
	{
		baseline = make_baseline(scope);
		if (keep && baseline->origin.found)
			MemoryContextSetParent(baseline->context, CacheMemoryContext);
	}
	use->baseline = baseline;
	use->ender = (MemoryContextCallback) { end_use, use };
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &use->ender);
	baseline->use = use;
	if (!scope->no_package)
		rm_compat_load_release(baseline->compat, scope);
	return baseline->compat;
}

/* Return what the baseline of a check was made of; not found where there is nothing to store, since it is stored
 * already. */
RmOrigin
rm_compat_to_store(const RmCompat *compat, const RmScope *scope)
{
	RmOrigin origin = ((const Baseline *) compat->kept)->origin;
	RmOrigin stored;
	Changes changes;

	origin.found = origin.found && !find_stored(&origin, scope, &stored, &changes);
	return origin;
}

/* End a check. */
void
rm_compat_close(RmCompat *compat)
{
	Baseline *baseline = compat->kept;

	rm_compat_lift(compat);
	baseline->use->baseline = NULL;
	rm_compat_used(baseline);
}
