/*
 * compat_stored.c
 *		Baselines that sessions find in a table: stored_baseline.
 *
 * A row holds a baseline and what made it: who read it, from which sources and
 * tables, in which shape these were, and which changes of them its snapshot
 * saw.  compat_cache.c holds that against the changes that a later snapshot
 * sees, as it does with what it keeps itself; so what is stored is right in
 * every transaction, and on a standby, or is not used.
 */
#include "release/compat_pack.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The target of a scope as the table knows it: all zeros for none. */
static Datum
key_of(const RmScope *scope)
{
	static const pg_uuid_t none = { { 0 } };

	return scope->no_target ? UUIDPGetDatum(unconstify(pg_uuid_t *, &none)) : scope->target;
}

/* The row of since, changes. */
static void
read_origin(TupleTableSlot *slot, void *arg)
{
	RmOrigin *origin = arg;

	origin->since = DatumGetFullTransactionId(slot->tts_values[0]);
	origin->changes = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[1]));
	origin->found = true;
}

/* Find out which changes the stored baseline of a target has seen, if there is one of these sources and tables as they
 * are now. */
RmOrigin
rm_compat_stored_origin(const RmScope *scope, Datum sources, Datum relations)
{
	static RmPlan plan = { "SELECT b.since, b.changes FROM release_mgmt_internal.stored_baseline AS b "
						   "WHERE b.target OPERATOR(pg_catalog.=) $1 AND b.form OPERATOR(pg_catalog.=) $2 AND b.role "
						   "OPERATOR(pg_catalog.=) $3 "
						   "AND b.sources OPERATOR(pg_catalog.=) $4 AND b.relations OPERATOR(pg_catalog.=) $5 "
						   "AND b.shape OPERATOR(pg_catalog.=) release_mgmt_internal.shape_of($5)",
						   5,
						   { UUIDOID, TEXTOID, OIDOID, TEXTARRAYOID, OIDARRAYOID } };
	Datum values[] = { key_of(scope), CStringGetTextDatum(rm_compat_form()), ObjectIdGetDatum(GetUserId()), sources,
					   relations };
	RmOrigin origin = { 0 };

	rm_read_plan(&plan, values, NULL, read_origin, &origin);
	return origin;
}

/* The row of the parts. */
static void
read_parts(TupleTableSlot *slot, void *arg)
{
	*(RmCompat **) arg = rm_compat_unpack(slot->tts_values);
}

/* Return the stored baseline of a target, in the current memory context; NULL where there is none. */
RmCompat *
rm_compat_stored(const RmScope *scope)
{
	static RmPlan plan = {
		"SELECT b.lasting, b.members, b.clauses, b.alternatives FROM release_mgmt_internal.stored_baseline AS b "
		"WHERE b.target OPERATOR(pg_catalog.=) $1",
		1,
		{ UUIDOID }
	};
	Datum values[] = { key_of(scope) };
	RmCompat *compat = NULL;

	rm_read_plan(&plan, values, NULL, read_parts, &compat);
	return compat;
}

PG_FUNCTION_INFO_V1(rm_pack_baseline);

/*
 * Return what there is to store of a target's baseline.
 *
 * pack_baseline(target uuid, OUT form text, OUT role oid, OUT sources text[],
 * OUT relations oid[], OUT since xid8, OUT changes uuid[], OUT lasting bytea,
 * OUT members bytea, OUT clauses bytea, OUT alternatives bytea); a NULL target stands for what is installed on none.
 * NULLs where a change of what it is read from would not be noted, or it is stored already.
 */
Datum
rm_pack_baseline(PG_FUNCTION_ARGS)
{
	RmScope scope = { .target = PG_GETARG_DATUM(0), .no_target = PG_ARGISNULL(0), .no_package = true };
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc desc;
	Datum values[6 + RM_PACKED_PARTS] = { 0 };
	bool nulls[lengthof(values)];
	bytea *parts[RM_PACKED_PARTS];
	RmOrigin origin;
	RmCompat *compat;
	HeapTuple row;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pack_baseline() returns a row");
	SPI_connect();
	MemoryContextSwitchTo(caller);
	compat = rm_compat_open(&scope);
	origin = rm_compat_to_store(compat, &scope);
	memset(nulls, !origin.found, sizeof(nulls));
	if (origin.found)
	{
		values[0] = CStringGetTextDatum(rm_compat_form());
		values[1] = ObjectIdGetDatum(GetUserId());
		values[2] = origin.sources;
		values[3] = origin.relations;
		values[4] = FullTransactionIdGetDatum(origin.since);
		values[5] = origin.changes;
		rm_compat_pack(compat, parts);
		for (int i = 0; i < RM_PACKED_PARTS; i++)
			values[6 + i] = PointerGetDatum(parts[i]);
	}
	row = heap_form_tuple(desc, values, nulls);
	rm_compat_close(compat);
	SPI_finish();
	return HeapTupleGetDatum(row);
}
